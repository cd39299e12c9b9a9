/* Fit: what it measures, when it stops, what it refuses. */
#include "fit.h"

#include <signal.h>
#include <sys/wait.h>

/* ---- Against the same loop by hand --------------------------------------------------------------------------------------------------- */
static void test_fit_is_the_loop_by_hand_bit_for_bit(void **state)
{
    (void)state;
    struct parts_of_run a = make_run();
    ct_history *history = ct_train_fit(a.net, a.optimizer, a.set, .epochs = 3, .batch_size = 16, .seed = 5, .schedule = a.schedule, .clip_norm = 0.5, .silent = true);
    assert_fine();
    struct parts_of_run b = make_run();
    ct_loader *loader = ct_loader_new(b.set, .batch_size = 16, .shuffle = true, .seed = 5);
    double losses[3];
    int64_t steps = 0;
    for (int epoch = 0; epoch < 3; epoch++) {
        double sum = 0;
        for (ct_batch batch; ct_loader_next(loader, &batch); steps++) {
            CT_SCOPE;
            ct_tensor *loss = ct_cross_entropy(ct_forward(b.net, batch.x), batch.y);
            ct_zero_grad(b.optimizer);
            assert_true(ct_backward(loss));
            ct_clip_grad_norm(b.net, 0.5);
            assert_true(ct_step(b.optimizer) && ct_schedule_next(b.schedule));
            sum += ct_item(loss) * (double)ct_size(batch.x, 0);
        }
        losses[epoch] = sum / SAMPLES;
    }
    assert_true(same_weights(a.net, b.net));
    size_t count;
    assert_int_equal(ct_history_epochs(history), 3);
    for (int epoch = 0; epoch < 3; epoch++)
        assert_true(ct_history_value(history, "loss", epoch + 1) == losses[epoch]);
    assert_true(ct_history_steps(history, "loss", &count) && (int64_t)count == steps);
    assert_true(ct_history_steps(history, "grad_norm", &count) && (int64_t)count == steps);
    assert_true(isnan(ct_history_value(history, "loss", 4)) && isnan(ct_history_value(history, "loss", 0)) && isnan(ct_history_value(history, "nothing", 1)));
    assert_true(ct_history_value(history, "lr", -1) == ct_optimizer_lr(b.optimizer));
    assert_string_equal(ct_history_stop_reason(history), "");
    ct_free(loader), ct_free(history);
    free_run(&a), free_run(&b);
}

static void test_accumulated_batches_are_one_large_batch(void **state)
{
    (void)state;
    struct parts_of_run a = make_run(), b = make_run();
    ct_module *nets[2];
    for (int i = 0; i < 2; i++) {
        ct_seed(1);
        nets[i] = ct_nn_linear(FEATURES, CLASSES);
        ct_optimizer *sgd = ct_optim_sgd(nets[i], .lr = 0.5);
        ct_loader *loader = ct_loader_new(a.set, .batch_size = i ? 5 : 10, .drop_last = true);
        ct_schedule *schedule = ct_schedule_exponential(sgd, 0.9);
        ct_history *history = ct_train_fit(nets[i], sgd, loader, .epochs = 2, .accumulate = i ? 2 : 0, .clip_norm = 0.05, .schedule = schedule, .silent = true);
        assert_fine();
        assert_int_equal(ct_schedule_time(schedule), 14);
        ct_free(schedule);
        assert_int_equal(ct_optimizer_steps(sgd), 14);
        ct_free(history), ct_free(loader), ct_free(sgd);
    }
    CT_SCOPE;
    ct_tensor *apart = ct_max(ct_abs(ct_sub(ct_detach(ct_module_find(nets[0], "weight")), ct_detach(ct_module_find(nets[1], "weight")))));
    assert_true(ct_item(apart) < 1e-6);
    ct_free(nets[0]), ct_free(nets[1]);
    free_run(&a), free_run(&b);
}

static ct_tensor *no_loss(ct_module *net, const ct_batch *batch, ct_tensor **outputs, void *context)
{
    (void)net, (void)batch, (void)outputs, (void)context;
    return NULL;
}

static ct_tensor *log_of_weights(ct_module *net, const ct_batch *batch, ct_tensor **outputs, void *context)
{
    (void)batch, (void)outputs, (void)context;
    return ct_sum(ct_log(ct_add(ct_module_find(net, "weight"), 2.0)));
}

static void test_lbfgs_says_where_it_left_the_weights(void **state)
{
    (void)state;
    struct parts_of_run r = make_run();
    ct_module *net = ct_nn_linear(FEATURES, 1, .no_bias = true);
    ct_optimizer *lbfgs = ct_optim_lbfgs(net, .lr = 100);
    assert_null(ct_train_fit(net, lbfgs, r.set, .loss = log_of_weights, .silent = true));
    assert_error("step 1 is nan at a learning rate of 100; the weights are those that the line search tried");
    ct_free(lbfgs), ct_free(net);
    free_run(&r);
}

static void test_accumulation_ends_with_a_run_that_fails(void **state)
{
    (void)state;
    struct parts_of_run r = make_run();
    assert_null(ct_train_fit(r.net, r.optimizer, r.set, .accumulate = 2, .loss = no_loss, .silent = true));
    assert_error("fit: the loss of epoch 1, step 1 is NULL");
    ct_history *history = ct_train_fit(r.net, r.optimizer, r.set, .batch_size = 14, .silent = true);
    assert_int_equal(ct_optimizer_steps(r.optimizer), 5);
    ct_free(history);
    free_run(&r);
}

static bool stop(ct_run *run, void *state)
{
    (void)state;
    ct_run_stop(run, "not at all");
    return true;
}

static void test_a_run_stopped_at_its_beginning_takes_no_step(void **state)
{
    (void)state;
    static const ct_callback_calls calls = {.name = "stop", .begin = stop};
    struct parts_of_run r = make_run();
    ct_history *history = ct_train_fit(r.net, r.optimizer, r.set, .silent = true, .callbacks = CT_CALLBACKS(ct_callback_new(&calls, NULL)));
    assert_fine();
    assert_string_equal(ct_history_stop_reason(history), "not at all");
    assert_true(ct_optimizer_steps(r.optimizer) == 0 && ct_history_epochs(history) == 0);
    ct_free(history);
    free_run(&r);
}

static void test_lbfgs_fits_by_its_closure(void **state)
{
    (void)state;
    ct_dataset *set = blobs(SAMPLES);
    ct_module *net = ct_nn_linear(FEATURES, CLASSES);
    ct_optimizer *lbfgs = ct_optim_lbfgs(net, .strong_wolfe = true);
    ct_history *history = ct_train_fit(net, lbfgs, set, .epochs = 5, .batch_size = SAMPLES, .metrics = CT_METRICS(ct_metric_accuracy), .silent = true);
    assert_fine();
    size_t count;
    assert_true(ct_history_steps(history, "loss", &count) && count == 5);
    assert_true(ct_history_value(history, "loss", 5) < 0.2 * ct_history_value(history, "loss", 1));
    assert_true(ct_history_value(history, "accuracy", 5) > 0.95);
    ct_free(history), ct_free(lbfgs), ct_free(net), ct_free(set);
}

/* ---- Sets, loaders, lengths ------------------------------------------------------------------------------------------------------------ */
static void test_steps_per_epoch_go_through_the_loader(void **state)
{
    (void)state;
    struct parts_of_run r = make_run();
    ct_loader *loader = ct_loader_new(r.set, .batch_size = 16); /* 5 batches */
    ct_history *history = ct_train_fit(r.net, r.optimizer, loader, .epochs = 3, .steps_per_epoch = 4, .validation = r.held_out, .silent = true);
    assert_fine();
    size_t count;
    assert_true(ct_history_steps(history, "loss", &count) && count == 12);
    assert_int_equal(ct_history_epochs(history), 3);
    const ct_loader_position at = ct_loader_tell(loader);
    assert_int_equal(at.epoch * 5 + at.batch, 12);
    ct_free(history);
    ct_seed(3);
    history = ct_train_fit(r.net, r.optimizer, loader, .silent = true); /* begins with a whole epoch */
    assert_true(ct_history_steps(history, "loss", &count) && count == 5);
    ct_free(history);
    history = ct_train_fit(r.net, r.optimizer, loader, .steps = 11, .steps_per_epoch = 4, .validation = r.held_out, .silent = true);
    assert_true(ct_history_steps(history, "loss", &count) && count == 11 && ct_history_epochs(history) == 3);
    ct_free(history);
    history = ct_train_fit(r.net, r.optimizer, loader, .steps = 7, .silent = true);
    assert_true(ct_history_steps(history, "loss", &count) && count == 7 && ct_history_epochs(history) == 2);
    ct_free(history), ct_free(loader);
    free_run(&r);
}

static void test_a_split_holds_out_a_share(void **state)
{
    (void)state;
    struct parts_of_run r = make_run();
    ct_history *history = ct_train_fit(r.net, r.optimizer, r.set, .epochs = 2, .batch_size = 100, .validation_split = 0.2, .training_metrics = true,
                                       .metrics = CT_METRICS(ct_metric_accuracy, ct_metric_top_k(2)), .silent = true);
    assert_fine();
    static const char *const names[] = {"loss", "accuracy", "top2", "val_loss", "val_accuracy", "val_top2", "lr", "seconds", "samples_per_second"};
    for (size_t i = 0; i < COUNT(names); i++)
        assert_string_equal(ct_history_name(history, i), names[i]);
    assert_null(ct_history_name(history, COUNT(names)));
    size_t count;
    assert_true(ct_history_steps(history, "loss", &count) && count == 2); /* a batch larger than the set is one of all */
    const double share = ct_history_value(history, "val_accuracy", 1) * 14;
    assert_true(fabs(share - round(share)) < 1e-9);
    ct_free(history);
    free_run(&r);
}

static void test_validation_looks_at_the_averages(void **state)
{
    (void)state;
    struct parts_of_run r = make_run();
    ct_history *history = ct_train_fit(r.net, r.optimizer, r.set, .epochs = 2, .average = r.average, .validation = r.held_out, .silent = true);
    assert_fine();
    double now, averaged;
    assert_true(ct_train_evaluate(r.net, r.held_out, &now, .loss = ct_loss_cross_entropy));
    assert_true(ct_average_swap(r.average));
    assert_true(ct_train_evaluate(r.net, r.held_out, &averaged, .loss = ct_loss_cross_entropy));
    assert_true(fabs(ct_history_value(history, "val_loss", 2) - averaged) < 1e-6 && fabs(now - averaged) > 1e-4);
    ct_free(history);
    free_run(&r);
}

static void test_a_plateau_lowers_the_rate(void **state)
{
    (void)state;
    struct parts_of_run r = make_run();
    ct_optimizer *still = ct_optim_sgd(r.net, .lr = 1e-9);
    ct_schedule *plateau = ct_schedule_plateau(still, .patience = 0, .factor = 0.5, .threshold = 0.9, .eps = 0);
    ct_history *history = ct_train_fit(r.net, still, r.set, .epochs = 4, .schedule = plateau, .validation = r.held_out, .silent = true);
    assert_fine();
    ct_module_eval(r.net);
    assert_true(ct_optimizer_lr(still) < 1e-9);
    ct_free(history), ct_free(plateau), ct_free(still);
    free_run(&r);
}

static void test_class_weights(void **state)
{
    (void)state;
    CT_SCOPE;
    ct_dataset *set = ct_data_tensors(ct_randn(6, FEATURES), ct_vector_int(0, 0, 0, 2, 2, 0));
    ct_tensor *weights = ct_train_class_weights(set, 4);
    assert_near_values(weights, 1e-7, 6.0 / 16, 0, 6.0 / 8, 0);
    assert_true(!ct_train_class_weights(set, 2));
    assert_error("class_weights: want y int64 () in [0, 2)");
    ct_module *net = ct_nn_linear(FEATURES, 4);
    ct_optimizer *sgd = ct_optim_sgd(net, .lr = 0.1);
    double plain, weighted;
    assert_true(ct_train_evaluate(net, set, &plain, .loss = ct_loss_cross_entropy));
    assert_true(ct_train_evaluate(net, set, &weighted, .loss = ct_loss_cross_entropy, .loss_context = &(ct_cross_entropy_options){.weight = weights, .ignore_index = -100}));
    ct_history *history = ct_train_fit(net, sgd, set, .class_weights = weights, .silent = true);
    assert_fine();
    assert_near(ct_history_value(history, "loss", 1), weighted, 1e-6);
    assert_true(fabs(plain - weighted) > 1e-6);
    ct_free(history);
    assert_true(!ct_train_fit(net, sgd, set, .class_weights = weights, .loss = ct_loss_mse, .silent = true));
    assert_error("class_weights are for ct_loss_cross_entropy");
    ct_free(sgd), ct_free(net), ct_free(set);
}

/* ---- Losses and metrics ------------------------------------------------------------------------------------------------------------------ */
static ct_tensor *six_outputs(void)
{
    static const double values[] = {2, 1, 0, 0.5, 3, 1, 1, 2, 3, 3, 0, 1, 0, 1, 0.5, 1, 1.5, 0};
    return ct_from_array(values, 6, 3);
}

static void test_metrics_of_classes(void **state)
{
    (void)state;
    CT_SCOPE;
    ct_tensor *x = six_outputs(), *y = ct_vector_int(0, 1, 2, 1, 1, 1);
    ct_module *same = ct_nn_identity();
    const double likely = exp(ct_item(ct_cross_entropy(x, y)));
    ct_dataset *sets[] = {ct_data_tensors(x, y), ct_data_tensors(x, ct_cast(ct_one_hot(y, 3), CT_FLOAT32)),
                          ct_data_tensors(ct_reshape(x, 3, 2, 3), ct_reshape(y, 3, 2))};
    for (size_t i = 0; i < COUNT(sets); i++) {
        double v[8];
        assert_true(ct_train_evaluate(same, sets[i], v, .batch_size = 2, .metrics = CT_METRICS(ct_metric_accuracy, ct_metric_top_k(2), ct_metric_top_k(3), ct_metric_precision,
                                                                                                 ct_metric_recall, ct_metric_f1, ct_metric_perplexity)));
        assert_true(isnan(v[0]));
        assert_near(v[1], 5.0 / 6, 1e-12), assert_near(v[2], 5.0 / 6, 1e-12), assert_near(v[3], 1, 1e-12);
        assert_near(v[4], (0.5 + 1 + 1) / 3, 1e-12), assert_near(v[5], (1 + 0.75 + 1) / 3, 1e-12), assert_near(v[6], (2.0 / 3 + 6.0 / 7 + 1) / 3, 1e-12);
        assert_near(v[7], likely, 1e-5);
        ct_free(sets[i]);
    }
    ct_dataset *set = ct_data_tensors(x, y);
    assert_values(ct_reshape(ct_train_confusion(same, set, .batch_size = 4), -1), 1, 0, 0, 1, 3, 0, 0, 0, 1);
    double v[2];
    assert_true(!ct_train_evaluate(same, set, v, .metrics = CT_METRICS(ct_metric_top_k(4))));
    assert_error("top_k: the 4 largest of 3 classes");
    assert_true(!ct_train_evaluate(same, set, v, .metrics = CT_METRICS(ct_metric_mae)));
    assert_error("mae: outputs (6, 3) and targets (6) differ in shape");
    ct_free(set);
    set = ct_data_tensors(x, ct_vector_int(0, 1, 2, 3, 1, 1));
    assert_true(!ct_train_confusion(same, set));
    assert_error("confusion: a target is not in [0, 3)");
    ct_free(set);
    set = ct_data_tensors(x, NULL);
    assert_true(!ct_train_evaluate(same, set, v, .metrics = CT_METRICS(ct_metric_accuracy)));
    assert_error("metrics: the data set has no targets");
    ct_free(set), ct_free(same);
}

static void test_ignored_targets_count_nowhere(void **state)
{
    (void)state;
    CT_SCOPE;
    ct_tensor *x = six_outputs();
    ct_module *same = ct_nn_identity();
    ct_dataset *set = ct_data_tensors(x, ct_vector_int(0, -100, -100, -100, 1, 0));
    ct_dataset *rest = ct_data_tensors(ct_cat(CT_TENSORS(ct_narrow(x, 0, 0, 1), ct_narrow(x, 0, 4, 2)), 0), ct_vector_int(0, 1, 0));
    double v[6], wanted[6];
    const ct_metrics metrics = CT_METRICS(ct_metric_accuracy, ct_metric_top_k(2), ct_metric_recall, ct_metric_f1, ct_metric_perplexity);
    assert_true(ct_train_evaluate(same, set, v, .batch_size = 2, .metrics = metrics) && ct_train_evaluate(same, rest, wanted, .metrics = metrics));
    for (int i = 1; i <= 5; i++)
        assert_near(v[i], wanted[i], 1e-6);
    assert_near(v[1], 2.0 / 3, 1e-12);
    assert_true(ct_item_int(ct_sum(ct_train_confusion(same, set))) == 3);
    ct_free(set), ct_free(rest), ct_free(same);
}

static void test_two_classes_of_one_logit(void **state)
{
    (void)state;
    CT_SCOPE;
    ct_tensor *x = ct_reshape(ct_vector(2, -1, 0.5, -3, -0.1), 5, 1);
    ct_dataset *sets[] = {ct_data_tensors(x, ct_vector(1, 0, 0, 0, 1)), ct_data_tensors(x, ct_vector_int(1, 0, 0, 0, 1))};
    ct_module *same = ct_nn_identity();
    for (int i = 0; i < 2; i++) {
        double v[4];
        assert_true(ct_train_evaluate(same, sets[i], v, .batch_size = 2, .loss = ct_loss_binary_cross_entropy,
                                      .metrics = CT_METRICS(ct_metric_accuracy, ct_metric_precision, ct_metric_recall)));
        assert_near(v[0], (log1p(exp(-2.0)) + log1p(exp(-1.0)) + log1p(exp(0.5)) + log1p(exp(-3.0)) + log1p(exp(0.1))) / 5, 1e-6);
        assert_near(v[1], 0.6, 1e-12);
        assert_near(v[2], (2.0 / 3 + 0.5) / 2, 1e-12), assert_near(v[3], (2.0 / 3 + 0.5) / 2, 1e-12);
        ct_free(sets[i]);
    }
    ct_free(same);
}

static void test_metrics_of_numbers(void **state)
{
    (void)state;
    CT_SCOPE;
    ct_tensor *x = ct_reshape(ct_vector(1, 2, 4, 4, 7), 5, 1);
    ct_dataset *set = ct_data_tensors(x, ct_vector(1, 3, 3, 4, 5)), *constant = ct_data_tensors(x, ct_full(3, 5));
    ct_module *same = ct_nn_identity();
    double v[5];
    const ct_metrics all = CT_METRICS(ct_metric_mae, ct_metric_mse, ct_metric_rmse, ct_metric_r2);
    assert_true(ct_train_evaluate(same, set, v, .batch_size = 2, .loss = ct_loss_mse, .metrics = all));
    assert_near(v[0], 6.0 / 5, 1e-6), assert_near(v[1], 4.0 / 5, 1e-12), assert_near(v[2], 6.0 / 5, 1e-12), assert_near(v[3], sqrt(1.2), 1e-12);
    assert_near(v[4], 1 - 6 / 8.8, 1e-12);
    assert_true(ct_train_evaluate(same, set, v, .loss = ct_loss_l1));
    assert_near(v[0], 0.8, 1e-6);
    assert_true(ct_train_evaluate(same, set, v, .loss = ct_loss_huber));
    assert_near(v[0], (0.5 + 0.5 + 1.5) / 5, 1e-6);
    assert_true(ct_train_evaluate(same, constant, v, .metrics = all));
    assert_true(isnan(v[4]) && !isnan(v[1]));
    ct_free(set), ct_free(constant), ct_free(same);
}

static ct_tensor *double_forward(ct_module *self, ct_tensor *x)
{
    return ct_module_is_training(self) ? x : ct_mul(x, 2.0);
}

static void test_predict_gives_all_samples_in_order(void **state)
{
    (void)state;
    CT_SCOPE;
    ct_module *twice = ct_module_ready(ct_module_new("Double", double_forward, 0));
    ct_dataset *set = ct_data_tensors(ct_reshape(ct_arange(0, 14), 7, 2), NULL);
    ct_tensor *all = ct_train_predict(twice, set, .batch_size = 3);
    assert_values(ct_reshape(all, -1), 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26);
    assert_true(!ct_requires_grad(all) && ct_module_is_training(twice));
    ct_dataset *none = ct_data_subset(set, 0, 0);
    assert_true(!ct_train_predict(twice, none));
    assert_error("predict: the data set is empty");
    ct_free(none), ct_free(set), ct_free(twice);
}

static void test_overfit_puts_everything_back(void **state)
{
    (void)state;
    struct parts_of_run r = make_run(), untouched = make_run();
    const double ratio = ct_train_overfit(r.net, r.optimizer, r.set, 200, .batch_size = 8);
    assert_fine();
    assert_true(ratio < 0.2);
    static const ct_callback_calls nothing = {.name = "nothing"};
    CT_SCOPE;
    ct_tensor *first_alone = ct_vector(1, 0, 0), *all = ct_ones(3);
    const double one = ct_train_overfit(r.net, r.optimizer, r.set, 20, .batch_size = 8, .class_weights = first_alone, .callbacks = CT_CALLBACKS(ct_callback_new(&nothing, NULL)));
    assert_true(one < 0.5 * ct_train_overfit(r.net, r.optimizer, r.set, 20, .batch_size = 8, .class_weights = all)); /* one class is learnt sooner */
    assert_true(isnan(ct_train_overfit(r.net, r.optimizer, r.set, 20, .class_weights = all, .loss = ct_loss_mse)));
    assert_error("class_weights are for ct_loss_cross_entropy");
    assert_true(same_weights(r.net, untouched.net)); /* running statistics too */
    assert_int_equal(ct_optimizer_steps(r.optimizer), 0);
    free_run(&r), free_run(&untouched);
}

/* ---- What is refused ---------------------------------------------------------------------------------------------------------------------- */
static bool set_never(ct_metric_state *metric, ct_tensor *outputs, ct_tensor *y)
{
    (void)metric, (void)outputs, (void)y;
    return true;
}

static double never_known(const ct_metric_state *metric)
{
    (void)metric;
    return NAN;
}

static void test_a_metric_may_be_nan(void **state)
{
    (void)state;
    struct parts_of_run r = make_run();
    const ct_metric strange = {"strange", set_never, never_known, true, 0};
    ct_history *history = ct_train_fit(r.net, r.optimizer, r.set, .epochs = 6, .metrics = CT_METRICS(strange), .monitor = "strange",
                                       .callbacks = CT_CALLBACKS(ct_train_early_stopping(.patience = 2)), .silent = true);
    assert_fine();
    assert_true(isnan(ct_history_value(history, "strange", 1)));
    assert_int_equal(ct_history_epochs(history), 2);
    assert_string_equal(ct_history_stop_reason(history), "early stopping: strange was NaN for 2 epochs");
    ct_free(history);
    free_run(&r);
}

#define REFUSED(text, ...)                                                                 \
    do {                                                                                   \
        assert_null(ct_train_fit(r.net, r.optimizer, r.set, .silent = true, __VA_ARGS__)); \
        assert_error(text);                                                                \
    } while (0)

static void test_bad_options_are_refused(void **state)
{
    (void)state;
    struct parts_of_run r = make_run();
    ct_dataset *none = ct_data_subset(r.set, 0, 0);
    ct_loader *empty = ct_loader_new(r.set, .batch_size = 100, .drop_last = true), *held_out = ct_loader_new(r.held_out, .batch_size = 5);
    REFUSED("epochs 0", .epochs = 0);
    REFUSED("steps_per_epoch -1", .steps_per_epoch = -1);
    REFUSED("clip_norm -1", .clip_norm = -1);
    REFUSED("clip_norm nan", .clip_norm = NAN);
    REFUSED("batch", .batch_size = 0);
    REFUSED("validation_split 1.5", .validation_split = 1.5);
    REFUSED("leaves a part empty", .validation_split = 0.001);
    REFUSED("want one of them", .validation_split = 0.1, .validation = r.held_out);
    REFUSED("want one of them", .validation_loader = held_out, .validation = r.held_out);
    REFUSED("the validation set is empty", .validation = none);
    REFUSED("two metrics are named accuracy", .metrics = CT_METRICS(ct_metric_accuracy, ct_metric_accuracy));
    REFUSED("a metric is named loss", .metrics = CT_METRICS(((ct_metric){"loss", set_never, never_known, true, 0})));
    REFUSED("a metric is named seconds", .metrics = CT_METRICS(((ct_metric){"seconds", set_never, never_known, true, 0})));
    REFUSED("a metric is named val_accuracy", .metrics = CT_METRICS(((ct_metric){"val_accuracy", set_never, never_known, true, 0})));
    REFUSED("fit: metric own: add is NULL", .metrics = CT_METRICS(((ct_metric){"own", NULL, never_known, true, 0})));
    REFUSED("fit: metric own: result is NULL", .metrics = CT_METRICS(((ct_metric){"own", set_never, NULL, true, 0})));
    REFUSED("fit: metric 1: want a name", .metrics = CT_METRICS(ct_metric_accuracy, ((ct_metric){"", set_never, never_known, true, 0})));
    ct_metric endless = {"", set_never, never_known, true, 0};
    memset(endless.name, 'x', sizeof endless.name);
    REFUSED("fit: metric 0: want a name of 1 to 31 characters", .metrics = CT_METRICS(endless));
    double values[2];
    assert_true(!ct_train_evaluate(r.net, r.set, values, .metrics = CT_METRICS(endless)));
    assert_error("evaluate: metric 0: want a name");
    assert_null(ct_train_fit(r.net, r.optimizer, held_out, .validation_loader = held_out, .silent = true));
    assert_error("validation_loader is the one of the training");
    REFUSED("there is no 'val_loss' to monitor; there are loss, accuracy, lr", .monitor = "val_loss", .metrics = CT_METRICS(ct_metric_accuracy));
    REFUSED("early_stopping: there is no 'val_f1' to monitor", .callbacks = CT_CALLBACKS(ct_train_early_stopping(.monitor = "val_f1")));
    REFUSED("callback 0 is NULL", .callbacks = CT_CALLBACKS((ct_callback *)NULL));
    REFUSED("early_stopping: patience 0", .callbacks = CT_CALLBACKS(ct_train_early_stopping(.patience = 0), ct_train_log_csv("never.csv")));
    REFUSED("nothing: cannot open: No such file", .resume = path_of("nothing"));
    assert_null(ct_train_fit(r.net, r.optimizer, none, .silent = true));
    assert_error("the training set is empty");
    assert_null(ct_train_fit(r.net, r.optimizer, empty, .silent = true));
    assert_error("the training set is empty, or with drop_last smaller than a batch");
    assert_null(ct_train_fit(r.net, r.optimizer, held_out, .validation_split = 0.1, .silent = true));
    assert_error("of a data set");
    assert_null(ct_train_fit(NULL, r.optimizer, r.set));
    assert_error("fit: net is NULL");
    assert_null(ct_train_fit(r.net, r.optimizer, (ct_dataset *)NULL));
    assert_error("fit: the training data is NULL");
    struct parts_of_run other = make_run();
    REFUSED("the schedule is of another optimizer", .schedule = other.schedule);
    REFUSED("the average is of another module", .average = other.average);
    assert_null(ct_train_fit(r.net, other.optimizer, r.set, .silent = true));
    assert_error("fit: the optimizer has no parameter of the Sequential that is to be trained");
    ct_schedule *plateau = ct_schedule_plateau(r.optimizer);
    REFUSED("val_accuracy is better where it is higher: the plateau schedule wants .max = true", .schedule = plateau, .validation = r.held_out,
            .metrics = CT_METRICS(ct_metric_accuracy), .monitor = "val_accuracy");
    REFUSED("accumulate 8 batches, of which the run has 3", .accumulate = 8);
    ct_callback *twice = ct_train_early_stopping();
    REFUSED("callback 1, early_stopping, is in the list twice", .callbacks = CT_CALLBACKS(twice, twice));
    ct_callback *never = ct_train_early_stopping();
    ct_free(never);
    ct_free(plateau), ct_free(none), ct_free(empty), ct_free(held_out);
    free_run(&r), free_run(&other);
}

static void test_a_loss_that_is_not_finite_spares_the_weights(void **state)
{
    (void)state;
    CT_SCOPE;
    ct_module *net = ct_nn_linear(2, 2);
    ct_optimizer *sgd = ct_optim_sgd(net, .lr = 1e-3);
    ct_dataset *set = ct_data_tensors(ct_reshape(ct_vector(1, 2, 3, INFINITY), 2, 2), ct_vector_int(0, 1));
    ct_tensor *before = ct_clone(ct_detach(ct_module_find(net, "bias")));
    ct_loader *loader = ct_loader_new(set, .batch_size = 2);
    assert_null(ct_train_fit(net, sgd, loader, .silent = true));
    assert_error("fit: the loss of epoch 1, step 1 is nan at a learning rate of 0.001");
    assert_true(ct_item_int(ct_sum(ct_ne(before, ct_detach(ct_module_find(net, "bias"))))) == 0);
    assert_true(ct_optimizer_guard(sgd, true));
    ct_history *history = ct_train_fit(net, sgd, loader, .silent = true);
    assert_fine();
    assert_int_equal(ct_optimizer_skipped(sgd), 1);
    ct_free(history), ct_free(loader), ct_free(sgd), ct_free(net), ct_free(set);
}

static void test_a_dry_run_writes_nothing(void **state)
{
    (void)state;
    struct parts_of_run r = make_run();
    ct_history *history = ct_train_fit(r.net, r.optimizer, r.set, .epochs = 50, .validation = r.held_out, .dry_run = true, .silent = true,
                                       .callbacks = CT_CALLBACKS(ct_train_checkpoints(path_of("dry")), ct_train_log_csv(path_of("dry.csv")), ct_train_log_json(path_of("dry.json"))));
    assert_fine();
    size_t count;
    assert_true(ct_history_epochs(history) == 1 && ct_history_steps(history, "loss", &count) && count == 1);
    assert_true(!exists(path_of("dry")) && !exists(path_of("dry.csv")) && !exists(path_of("dry.json")));
    ct_free(history);
    free_run(&r);
}

static void test_what_a_line_says(void **state)
{
    (void)state;
    struct parts_of_run r = make_run();
    char text[1000];
    FILE *file = tmpfile();
    ct_history *history = ct_train_fit(r.net, r.optimizer, r.set, .epochs = 2, .validation = r.held_out, .metrics = CT_METRICS(ct_metric_accuracy), .progress = file);
    assert_fine();
    rewind(file);
    const size_t bytes = fread(text, 1, sizeof text - 1, file);
    text[bytes] = 0;
    char wanted[200];
    snprintf(wanted, sizeof wanted, "epoch 2/2: loss %.4f, val_loss %.4f, val_accuracy %.4f, lr 0.01 (", ct_history_value(history, "loss", 2),
             ct_history_value(history, "val_loss", 2), ct_history_value(history, "val_accuracy", 2));
    assert_non_null(strstr(text, wanted));
    assert_true(!strncmp(text, "epoch 1/2: loss ", 16));
    fclose(file);
    ct_free(history);
    free_run(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_fit_is_the_loop_by_hand_bit_for_bit),
        TEST(test_accumulated_batches_are_one_large_batch),
        TEST(test_lbfgs_says_where_it_left_the_weights),
        TEST(test_accumulation_ends_with_a_run_that_fails),
        TEST(test_a_run_stopped_at_its_beginning_takes_no_step),
        TEST(test_lbfgs_fits_by_its_closure),
        TEST(test_steps_per_epoch_go_through_the_loader),
        TEST(test_a_split_holds_out_a_share),
        TEST(test_validation_looks_at_the_averages),
        TEST(test_a_plateau_lowers_the_rate),
        TEST(test_class_weights),
        TEST(test_metrics_of_classes),
        TEST(test_ignored_targets_count_nowhere),
        TEST(test_two_classes_of_one_logit),
        TEST(test_metrics_of_numbers),
        TEST(test_predict_gives_all_samples_in_order),
        TEST(test_overfit_puts_everything_back),
        TEST(test_a_metric_may_be_nan),
        TEST(test_bad_options_are_refused),
        TEST(test_a_loss_that_is_not_finite_spares_the_weights),
        TEST(test_a_dry_run_writes_nothing),
        TEST(test_what_a_line_says),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
