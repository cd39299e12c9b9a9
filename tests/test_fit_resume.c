/* Runs that end before their time: by a wish, a signal, a failure; and how they go on. */
#include "fit.h"
#include "io/tensor_file.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

/* ---- A callback that ends a run at one step ------------------------------------------------------------------------------------------------- */
enum how { STOP, INTERRUPT, FAIL };
struct stopper {
    int64_t step;
    enum how how;
};

static bool stop_at(ct_run *run, void *state)
{
    const struct stopper *self = state;
    if (ct_run_step(run) != self->step)
        return true;
    if (self->how == INTERRUPT)
        raise(SIGINT);
    else if (self->how == STOP)
        ct_run_stop(run, "enough");
    return self->how != FAIL;
}

static ct_callback *stopper(struct stopper *state)
{
    static const ct_callback_calls calls = {.name = "stopper", .step = stop_at};
    return ct_callback_new(&calls, state);
}

/* All that a run may have: split, schedule, averages, accumulation, clipping, metrics of training, stopping early, checkpoints. */
static ct_history *train(struct parts_of_run *r, struct stopper *stop, const char *to, const char *resume)
{
    return ct_train_fit(r->net, r->optimizer, r->set, .epochs = 6, .batch_size = 8, .workers = 1, .seed = 2, .validation_split = 0.2, .training_metrics = true,
                        .metrics = CT_METRICS(ct_metric_accuracy, ct_metric_f1), .schedule = r->schedule, .average = r->average, .accumulate = 2, .clip_norm = 1,
                        .resume = resume, .silent = true,
                        .callbacks = CT_CALLBACKS(ct_train_checkpoints(to, .top = 2, .every_steps = 4), ct_train_early_stopping(.patience = 2, .restore_best = true),
                                                  stopper(stop)));
}

static void check_same(const ct_history *a, const ct_history *b)
{
    const char *name;
    assert_int_equal(ct_history_epochs(a), ct_history_epochs(b));
    for (size_t i = 0; (name = ct_history_name(a, i)); i++)
        for (int64_t epoch = 1; epoch <= ct_history_epochs(a) && strcmp(name, "seconds") && strcmp(name, "samples_per_second"); epoch++)
            if (ct_history_value(a, name, epoch) != ct_history_value(b, name, epoch))
                fail_msg("%s of epoch %lld: %.17g and %.17g", name, (long long)epoch, ct_history_value(a, name, epoch), ct_history_value(b, name, epoch));
}

static void test_a_run_goes_on_bit_for_bit(void **state)
{
    (void)state;
    struct stopper never = {-1, STOP};
    struct parts_of_run whole = make_run();
    ct_history *history = train(&whole, &never, path_of("whole"), NULL);
    assert_fine();
    char to[256], checkpoint[280];
    for (int64_t step = 1; step <= 24; step += step == 1 ? 2 : 3) { /* 7 steps an epoch: within, at the end, at the start */
        snprintf(to, sizeof to, "%s/part%lld", folder, (long long)step);
        snprintf(checkpoint, sizeof checkpoint, "%s/last.checkpoint", to);
        struct parts_of_run first = make_run();
        ct_history *part = train(&first, &(struct stopper){step, step % 2 ? STOP : INTERRUPT}, to, NULL);
        assert_fine();
        assert_non_null(strstr(ct_history_stop_reason(part), checkpoint));
        ct_free(part);
        free_run(&first);
        struct parts_of_run second = make_run();
        ct_seed(99);                            /* the checkpoint's stream of random numbers is what counts */
        part = train(&second, &never, to, checkpoint);
        assert_fine();
        check_same(history, part);
        assert_true(same_weights(whole.net, second.net));
        assert_string_equal(ct_history_stop_reason(history), ct_history_stop_reason(part));
        ct_free(part);
        free_run(&second);
    }
    ct_free(history);
    free_run(&whole);
}

static void test_a_run_that_stopped_early_has_nothing_to_go_on_with(void **state)
{
    (void)state;
    const char *to = path_of("early"), *checkpoint = path_of("early/last.checkpoint");
    for (int part = 0; part < 3; part++) {
        struct parts_of_run r = make_run();
        ct_optimizer *still = ct_optim_sgd(r.net, .lr = 0);
        ct_history *history = ct_train_fit(r.net, still, r.set, .epochs = 9, .batch_size = 70, .monitor = "lr", .resume = part ? checkpoint : NULL, .silent = true,
                                           .callbacks = CT_CALLBACKS(ct_train_early_stopping(.patience = 2), ct_train_checkpoints(to)));
        assert_fine();
        size_t count;
        ct_history_steps(history, "loss", &count);
        assert_int_equal(count, part ? 0 : 3);
        assert_int_equal(ct_history_epochs(history), 3);
        assert_non_null(strstr(ct_history_stop_reason(history), "early stopping"));
        ct_free(history), ct_free(still);
        free_run(&r);
    }
}

/* Sums of floats depend on the order. */
static void test_a_shuffled_validation_goes_on_in_its_order(void **state)
{
    (void)state;
    ct_history *histories[3];
    for (int i = 0; i < 3; i++) {
        struct parts_of_run r = make_run();
        ct_loader *loader = ct_loader_new(r.held_out, .batch_size = 3, .shuffle = true, .seed = 2, .workers = 1);
        histories[i] = ct_train_fit(r.net, r.optimizer, r.set, .epochs = 5, .batch_size = 8, .validation_loader = loader, .silent = true,
                                    .resume = i == 2 ? path_of("shuffled1/last.checkpoint") : NULL,
                                    .callbacks = CT_CALLBACKS(ct_train_checkpoints(path_of(i ? "shuffled1" : "shuffled0")), stopper(&(struct stopper){i == 1 ? 20 : -1, STOP})));
        assert_fine();
        ct_free(loader);
        free_run(&r);
    }
    check_same(histories[0], histories[2]);
    for (int i = 0; i < 3; i++)
        ct_free(histories[i]);
}

static void test_the_best_weights_come_back(void **state)
{
    (void)state;
    struct parts_of_run r = make_run();
    ct_optimizer *wild = ct_optim_sgd(r.net, .lr = 3);
    ct_history *history = ct_train_fit(r.net, wild, r.set, .epochs = 8, .batch_size = 8, .validation = r.held_out, .silent = true,
                                       .callbacks = CT_CALLBACKS(ct_train_early_stopping(.patience = 100, .restore_best = true), ct_train_checkpoints(path_of("best"), .top = 3)));
    assert_fine();
    int64_t best;
    double loss;
    const double lowest = ct_history_best(history, "val_loss", false, &best);
    assert_true(ct_train_evaluate(r.net, r.held_out, &loss, .loss = ct_loss_cross_entropy));
    assert_near(loss, lowest, 1e-6);
    assert_true(best < 8);                       /* else this showed nothing */
    struct parts_of_run other = make_run();
    assert_true(ct_module_load(other.net, path_of("best/best.safetensors")));
    assert_true(same_weights(other.net, r.net));
    int kept = 0;
    for (int epoch = 1; epoch <= 8; epoch++) {
        char name[64];
        snprintf(name, sizeof name, "best/epoch-%04d.safetensors", epoch);
        kept += exists(path_of(name));
        if (epoch == best)
            assert_true(exists(path_of(name)));
    }
    assert_int_equal(kept, 3);
    ct_free(history), ct_free(wild);
    free_run(&r), free_run(&other);
}

/* Two folders by two measures, two patiences, and a checkpoint of the user's: each as if it were alone. */
static ct_history *train_watched_twice(struct parts_of_run *r, struct stopper *stop, const char *a, const char *b, const char *resume)
{
    return ct_train_fit(r->net, r->optimizer, r->set, .epochs = 8, .batch_size = 8, .validation = r->held_out, .metrics = CT_METRICS(ct_metric_accuracy), .resume = resume,
                        .silent = true, .callbacks = CT_CALLBACKS(ct_train_checkpoints(a), ct_train_checkpoints(b, .monitor = "val_accuracy", .top = 2),
                                                                  ct_train_early_stopping(.patience = 100), stopper(stop),
                                                                  ct_train_early_stopping(.monitor = "lr", .patience = 4, .restore_best = true)));
}

static void test_two_callbacks_of_a_kind(void **state)
{
    (void)state;
    struct parts_of_run r = make_run(), once = make_run(), again = make_run();
    char a[256], b[256], last[300];
    snprintf(a, sizeof a, "%s", path_of("first"));
    snprintf(b, sizeof b, "%s", path_of("second"));
    ct_history *history = train_watched_twice(&r, &(struct stopper){14, STOP}, a, b, NULL); /* 9 steps an epoch */
    assert_fine();
    assert_non_null(strstr(ct_history_stop_reason(history), "second/last.checkpoint"));
    assert_true(exists(path_of("first/best.safetensors")) && exists(path_of("second/best.safetensors")) && exists(path_of("second/epoch-0001.safetensors")));
    for (int i = 0; i < 2; i++) {
        snprintf(last, sizeof last, "%s/last.checkpoint", i ? b : a);
        ct_train_state at = {.module = again.net, .optimizer = again.optimizer};
        assert_true(ct_train_load(&at, last));
        assert_int_equal(at.step, 14);
    }
    ct_free(history);
    history = train_watched_twice(&once, &(struct stopper){-1, STOP}, a, b, last);
    assert_fine();
    assert_string_equal(ct_history_stop_reason(history), "early stopping: no better lr than 0.01, of epoch 1, for 4 epochs");
    assert_int_equal(ct_history_epochs(history), 5);
    ct_free(history);
    assert_null(ct_train_fit(r.net, r.optimizer, r.set, .silent = true,
                             .callbacks = CT_CALLBACKS(ct_train_early_stopping(.restore_best = true), ct_train_early_stopping(.restore_best = true))));
    assert_error("early_stopping: a callback in front of it restores the best weights already");
    free_run(&r), free_run(&once), free_run(&again);
}

static void test_the_best_weights_come_back_after_ctrl_c(void **state)
{
    (void)state;
    struct parts_of_run r = make_run(), other = make_run();
    ct_history *history = ct_train_fit(r.net, r.optimizer, r.set, .epochs = 8, .batch_size = 8, .validation = r.held_out, .silent = true,
                                       .callbacks = CT_CALLBACKS(ct_train_early_stopping(.restore_best = true), stopper(&(struct stopper){11, INTERRUPT}),
                                                                 ct_train_checkpoints(path_of("stopped"))));
    assert_fine();
    assert_true(ct_module_load(other.net, path_of("stopped/best.safetensors")) && same_weights(other.net, r.net));
    ct_train_state at = {.module = other.net, .optimizer = other.optimizer}; /* which is to go on from where it was */
    assert_true(ct_train_load(&at, path_of("stopped/last.checkpoint")) && at.step == 11 && !same_weights(other.net, r.net));
    ct_free(history);
    free_run(&r), free_run(&other);
}

static void test_ctrl_c_says_how_to_go_on_and_a_second_one_ends_the_program(void **state)
{
    (void)state;
    struct parts_of_run r = make_run();
    ct_history *history = train(&r, &(struct stopper){3, INTERRUPT}, path_of("ctrl"), NULL);
    assert_fine();
    char wanted[400];
    snprintf(wanted, sizeof wanted, "interrupted after step 3; to go on: .resume = \"%s\"", path_of("ctrl/last.checkpoint"));
    assert_string_equal(ct_history_stop_reason(history), wanted);
    ct_free(history);
    free_run(&r);
    struct sigaction now;
    assert_true(!sigaction(SIGINT, NULL, &now) && now.sa_handler == SIG_DFL);
    const pid_t child = fork();
    if (!child) {
        signal(SIGINT, SIG_DFL);
        struct stopper twice[] = {{3, INTERRUPT}, {3, INTERRUPT}};
        struct parts_of_run s = make_run();
        ct_train_fit(s.net, s.optimizer, s.set, .batch_size = 8, .silent = true, .callbacks = CT_CALLBACKS(stopper(&twice[0]), stopper(&twice[1])));
        _exit(0);
    }
    int status;
    assert_true(waitpid(child, &status, 0) == child && WIFSIGNALED(status) && WTERMSIG(status) == SIGINT);
}

/* ---- Failures ------------------------------------------------------------------------------------------------------------------------------------ */
static int ends, frees;

static bool count_end(ct_run *run, void *state)
{
    (void)run, (void)state;
    ends++;
    return true;
}

static void count_free(void *state)
{
    (void)state;
    frees++;
}

static void test_a_callback_that_fails_ends_the_run(void **state)
{
    (void)state;
    static const ct_callback_calls counter = {.name = "counter", .end = count_end, .free = count_free};
    struct parts_of_run r = make_run(), again = make_run();
    ends = frees = 0;
    assert_null(ct_train_fit(r.net, r.optimizer, r.set, .epochs = 2, .batch_size = 8, .silent = true,
                             .callbacks = CT_CALLBACKS(ct_callback_new(&counter, NULL), ct_train_checkpoints(path_of("failed"), .every_steps = 2), stopper(&(struct stopper){5, FAIL}))));
    assert_error("fit: stopper: it failed without saying why");
    assert_true(ends == 1 && frees == 1);
    ct_train_state at = {.module = again.net, .optimizer = again.optimizer};
    assert_true(ct_train_load(&at, path_of("failed/last.checkpoint"))); /* the one of step 4 */
    assert_int_equal(at.step, 4);
    assert_true(!ct_callback_new(NULL, NULL));
    assert_error("callback: calls is NULL");
    free_run(&r), free_run(&again);
}

static void test_a_full_disk_leaves_the_earlier_checkpoint(void **state)
{
    (void)state;
    struct parts_of_run r = make_run();
    ct_history *history = train(&r, &(struct stopper){3, STOP}, path_of("disk"), NULL);
    assert_fine();
    ct_free(history);
    struct rlimit before, little;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    little = (struct rlimit){2000, before.rlim_max};
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &little), 0);
    assert_null(train(&r, &(struct stopper){-1, STOP}, path_of("disk"), path_of("disk/last.checkpoint")));
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_error("cannot write: File too large");
    ct_train_state at = {.module = r.net, .optimizer = r.optimizer};
    assert_true(ct_train_load(&at, path_of("disk/last.checkpoint")));
    assert_int_equal(at.step, 3);
    free_run(&r);
}

static void test_two_runs_do_not_share_a_folder(void **state)
{
    (void)state;
    struct parts_of_run r = make_run();
    ct_history *history = train(&r, &(struct stopper){2, STOP}, path_of("shared"), NULL);
    assert_fine();
    ct_free(history);
    assert_null(train(&r, &(struct stopper){2, STOP}, path_of("shared"), NULL));
    assert_error("last.checkpoint is there already");
    assert_null(ct_train_fit(r.net, r.optimizer, r.set, .silent = true, .callbacks = CT_CALLBACKS(ct_train_checkpoints(path_of("twice")), ct_train_checkpoints(path_of("twice")))));
    assert_error("twice: another run is writing there");
    FILE *file = fopen(path_of("plain"), "w");
    fclose(file);
    assert_null(train(&r, &(struct stopper){2, STOP}, path_of("plain"), NULL));
    assert_error("there is a file where a folder was meant");
    assert_null(train(&r, &(struct stopper){2, STOP}, path_of("plain/below"), NULL));
    assert_error("plain/below: cannot make the folder: Not a directory");
    free_run(&r);
}

static void test_a_checkpoint_of_another_run_is_refused(void **state)
{
    (void)state;
    struct parts_of_run r = make_run();
    ct_history *history = train(&r, &(struct stopper){3, STOP}, path_of("other"), NULL);
    assert_fine();
    ct_free(history);
    assert_null(ct_train_fit(r.net, r.optimizer, r.set, .batch_size = 16, .resume = path_of("other/last.checkpoint"), .silent = true));
    assert_true(!ct_ok());
    ct_error_clear();
    assert_null(ct_train_fit(r.net, r.optimizer, r.set, .batch_size = 8, .seed = 2, .validation_split = 0.2, .training_metrics = true, .epochs = 6,
                             .metrics = CT_METRICS(ct_metric_accuracy, ct_metric_f1), .schedule = r.schedule, .average = r.average, .accumulate = 3,
                             .resume = path_of("other/last.checkpoint"), .silent = true));
    assert_error("last.checkpoint accumulates 2 batches, not 3");
    ct_loader *loader = ct_loader_new(r.set, .batch_size = 8);
    history = ct_train_fit(r.net, r.optimizer, loader, .steps_per_epoch = 8, .silent = true,
                           .callbacks = CT_CALLBACKS(ct_train_checkpoints(path_of("longer")), stopper(&(struct stopper){5, STOP})));
    assert_fine();
    ct_free(history);
    assert_null(ct_train_fit(r.net, r.optimizer, loader, .steps_per_epoch = 4, .resume = path_of("longer/last.checkpoint"), .silent = true));
    assert_error("stands at batch 5 of an epoch of 4");
    ct_free(loader);
    ct_train_state plain = {.module = r.net, .optimizer = r.optimizer};
    assert_true(ct_train_save(&plain, path_of("plain.checkpoint")));
    assert_null(ct_train_fit(r.net, r.optimizer, r.set, .resume = path_of("plain.checkpoint"), .silent = true));
    assert_error("has no loader position");
    free_run(&r);
}

/* The file with one of its notes changed, or one of its tensors; NULL: as it is. */
static void rewrite(const char *path, const char *key, const char *value, const char *name, ct_tensor *tensor)
{
    CT_SCOPE;
    ct_tensor_file *file = ct_io_safetensors_open(path_of("hostile/last.checkpoint"));
    assert_non_null(file);
    ct_named_tensor *tensors = calloc(file->count, sizeof *tensors);
    ct_metadata *metadata = calloc(file->metadata_count, sizeof *metadata);
    size_t changed = 0;
    for (size_t i = 0; i < file->count; i++) {
        const bool it = name && !strcmp(file->entries[i].name, name);
        tensors[i] = (ct_named_tensor){file->entries[i].name, it ? tensor : ct_tensor_file_read(file, file->entries[i].name)};
        changed += it;
    }
    for (size_t i = 0; i < file->metadata_count; i++) {
        const bool it = key && !strcmp(file->metadata[i].key, key);
        metadata[i] = (ct_metadata){file->metadata[i].key, it ? value : file->metadata[i].value};
        changed += it;
    }
    assert_int_equal(changed, (name != NULL) + (key != NULL));
    assert_true(ct_io_safetensors_write(path, tensors, file->count, metadata, file->metadata_count));
    ct_free(file);
    free(tensors), free(metadata);
}

static void test_a_checkpoint_that_lies_about_its_run_is_refused(void **state)
{
    (void)state;
    struct parts_of_run r = make_run();
    struct stopper never = {-1, STOP};
    ct_history *history = train(&r, &(struct stopper){10, STOP}, path_of("hostile"), NULL); /* in the second epoch of 7 steps */
    assert_fine();
    ct_free(history);
    CT_SCOPE;
    const struct { const char *key, *value, *name; ct_tensor *tensor; const char *message; } rows[] = {
        {"epoch", "9007199254740992", NULL, NULL, "stands in epoch 9007199254740992 of 6"},
        {"run.in_epoch", "0", NULL, NULL, "want float64 (2)"},
        {NULL, NULL, "run.history.loss", ct_zeros_as(CT_FLOAT64, 2), "run.history.loss: want float64 (1)"},
        {NULL, NULL, "run.history.loss", ct_zeros(1), "run.history.loss: want float64 (1)"},
        {NULL, NULL, "run.table.f1", ct_zeros_as(CT_INT64, 900), "run.table.f1 is none of its tables"},
        {NULL, NULL, "run.table.f1", ct_zeros_as(CT_INT64, 900, 1), "run.table.f1 is none of its tables"},
        {NULL, NULL, "run.table.f1", ct_zeros_as(CT_BOOL, 3, 3), "run.table.f1 is none of its tables"},
        {NULL, NULL, "run.kept.0.weight", ct_zeros(16, 1), "run.kept.0.weight is float32 (16, 1), here float32 (16, 6)"},
    };
    char path[256];
    snprintf(path, sizeof path, "%s", path_of("lies.checkpoint"));
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        rewrite(path, rows[i].key, rows[i].value, rows[i].name, rows[i].tensor);
        assert_null(train(&r, &never, path_of("hostile"), path));
        assert_error(rows[i].message);
    }
    free_run(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_run_goes_on_bit_for_bit),
        TEST(test_a_run_that_stopped_early_has_nothing_to_go_on_with),
        TEST(test_a_shuffled_validation_goes_on_in_its_order),
        TEST(test_the_best_weights_come_back),
        TEST(test_two_callbacks_of_a_kind),
        TEST(test_the_best_weights_come_back_after_ctrl_c),
        TEST(test_ctrl_c_says_how_to_go_on_and_a_second_one_ends_the_program),
        TEST(test_a_callback_that_fails_ends_the_run),
        TEST(test_a_full_disk_leaves_the_earlier_checkpoint),
        TEST(test_two_runs_do_not_share_a_folder),
        TEST(test_a_checkpoint_of_another_run_is_refused),
        TEST(test_a_checkpoint_that_lies_about_its_run_is_refused),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
