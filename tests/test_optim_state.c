/* What stands around optimizers: files, groups, schedules in files, clipping, guards, averages, a user's own; and calls that must be refused. */
#include <math.h>
#include <string.h>

#include "temp_folder.h"

#include <cotangent.h>

#include "autograd/memory.h"
#include "optim/optimizer.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))
#define REFUSED(call, message)                    \
    do {                                          \
        assert_false(call);                       \
        assert_string_equal(ct_error(), message); \
        ct_error_clear();                         \
    } while (0)

/* ---- Every optimizer, and gradients for it ------------------------------------------------------------------------------------------- */
static bool own_update(ct_optimizer *optimizer, const ct_optim_parameter *p, void *context)
{
    (void)context;
    const double lr = ct_optimizer_get(optimizer, p->group, "lr"), beta = ct_optimizer_get(optimizer, p->group, "beta");
    return ct_mul_(p->states[0], beta) && ct_add_(p->states[0], p->gradient) && ct_add_(p->value, ct_mul(p->states[0], -lr));
}

static ct_optimizer *make(int which, ct_module *m)
{
    switch (which) {
    case 0: return ct_optim_sgd(m, .momentum = 0.9);
    case 1: return ct_optim_adagrad(m, .lr_decay = 0.1);
    case 2: return ct_optim_rmsprop(m, .centered = true, .momentum = 0.5);
    case 3: return ct_optim_adadelta(m);
    case 4: return ct_optim_adam(m, .amsgrad = true);
    case 5: return ct_optim_adamw(m, .no_decay = "1");
    case 6: return ct_optim_adamax(m);
    case 7: return ct_optim_nadam(m);
    case 8: return ct_optim_radam(m);
    case 9: return ct_optim_lion(m);
    case 10: return ct_optim_lamb(m);
    case 11: return ct_optim_muon(m, .only = "0");
    case 12: return ct_optim_custom("own", m, own_update, .options = (const ct_optim_option[]){{"beta", 0.8}, {0}}, .states = {"velocity"});
    case 13: return ct_optim_lbfgs(m, .iterations = 2, .strong_wolfe = true, .history = 4);
    default: return NULL;
    }
}
enum { KINDS = 14, LBFGS = 13 };

struct training {
    ct_tensor *a, *b;
    ct_module *module;
    ct_optimizer *optimizer;
    ct_schedule *schedule;
};

static double loss_of(void *context)
{
    const struct training *t = context;
    ct_zero_grad(t->optimizer);
    ct_tensor *loss = ct_add(ct_sum(ct_square(ct_sub(ct_sin(t->a), 0.3))), ct_sum(ct_exp(ct_square(t->b))));
    assert_true(ct_backward(loss));
    return ct_item(loss);
}

static struct training begin(int which)
{
    struct training t = {0};
    ct_seed(3);
    t.a = ct_transpose(ct_randn_as(CT_FLOAT64, 5, 4), 0, 1), t.b = ct_randn(7);
    t.module = ct_nn_parameter_list(t.a, t.b);
    t.optimizer = make(which, t.module);
    if (!t.optimizer)
        fail_msg("optimizer %d: %s", which, ct_error());
    if (which != LBFGS)
        t.schedule = ct_schedule_cosine_restarts(t.optimizer, 7, .multiple = 2);
    return t;
}

static void train(struct training *t, int steps)
{
    for (int i = 0; i < steps; i++) {
        CT_SCOPE;
        assert_false(isnan(ct_step_closure(t->optimizer, loss_of, t)));
        assert_true(!t->schedule || ct_schedule_next(t->schedule));
    }
}

static void end(struct training *t)
{
    ct_free(t->schedule), ct_free(t->optimizer), ct_free(t->module);
}

static void test_a_restored_optimizer_goes_on_bit_for_bit(void **state)
{
    (void)state;
    for (int which = 0; which < KINDS; which++) {
        CT_SCOPE;
        struct training whole = begin(which), part = begin(which);
        train(&whole, 130), train(&part, 30);
        assert_true(ct_module_save(part.module, path_of("m")) && ct_optimizer_save(part.optimizer, path_of("o")));
        assert_true(which == LBFGS || ct_schedule_save(part.schedule, path_of("s")));
        end(&part);
        struct training again = begin(which);
        train(&again, 2);                       /* other state than a fresh one's */
        assert_true(ct_module_load(again.module, path_of("m")) && ct_optimizer_load(again.optimizer, path_of("o")));
        assert_true(which == LBFGS || ct_schedule_load(again.schedule, path_of("s")));
        assert_int_equal(ct_optimizer_steps(again.optimizer), 30);
        train(&again, 100);
        if (!ct_equal(whole.a, again.a) || !ct_equal(whole.b, again.b))
            fail_msg("optimizer %d went elsewhere", which);
        end(&whole), end(&again);
        remove(path_of("m")), remove(path_of("o")), remove(path_of("s"));
    }
    assert_fine();
}

static void test_a_state_in_memory_is_put_back_bit_for_bit(void **state)
{
    (void)state;
    for (int which = 0; which < KINDS; which++) {
        CT_SCOPE;
        struct training t = begin(which);
        ct_free(t.schedule), t.schedule = NULL;
        struct parts memory = {.copies = true};
        train(&t, 12);
        assert_true(ct_module_save(t.module, path_of("m")) && optimizer_list(t.optimizer, &memory));
        train(&t, 9);
        ct_tensor *a = ct_clone(ct_detach(t.a));
        assert_true(ct_optimizer_set_lr(t.optimizer, 0.7) && ct_module_load(t.module, path_of("m")) && optimizer_put_back(t.optimizer, &memory));
        assert_int_equal(ct_optimizer_steps(t.optimizer), 12);
        train(&t, 9);
        if (!ct_equal(a, ct_detach(t.a)))
            fail_msg("optimizer %d went elsewhere", which);
        parts_free(&memory);
        end(&t);
        remove(path_of("m"));
    }
    assert_fine();
}

static void test_modules_of_one_name_are_saved_apart(void **state)
{
    (void)state;
    CT_SCOPE;
    ct_module *one = ct_nn_linear(2, 3), *two = ct_nn_linear(3, 1);
    ct_optimizer *adam = ct_optim_adam(one);
    assert_int_equal(ct_optimizer_add(adam, two), 1);
    assert_non_null(ct_optimizer_state(adam, "group1.weight", "exp_avg"));
    assert_true(ct_optimizer_save(adam, path_of("o")) && ct_optimizer_load(adam, path_of("o")));
    remove(path_of("o"));
    ct_free(adam), ct_free(one), ct_free(two);
}

static void test_state_of_another_architecture_is_refused_and_changes_nothing(void **state)
{
    (void)state;
    CT_SCOPE;
    ct_tensor *p = ct_vector(1, 2, 3);
    ct_module *m = ct_nn_parameter_list(p), *other = ct_nn_parameter_list(ct_vector(1, 2)), *two = ct_nn_parameter_list(ct_vector(1), ct_vector(2));
    ct_optimizer *adam = ct_optim_adam(m), *small = ct_optim_adam(other), *more = ct_optim_adam(two), *sgd = ct_optim_sgd(m);
    assert_true(ct_set_gradient(p, ct_vector(1, 1, 1)) && ct_step(adam));
    const char *path = path_of("o");
    assert_true(ct_optimizer_save(small, path));
    assert_false(ct_optimizer_load(adam, path));
    assert_error("0.exp_avg is float32 (2), here float32 (3)");
    assert_true(ct_optimizer_steps(adam) == 1 && ct_item(ct_max(ct_optimizer_state(adam, "0", "exp_avg"))) > 0);
    assert_false(ct_optimizer_load(more, path));
    assert_error("its parameters are not those of this adam");
    assert_false(ct_optimizer_load(sgd, path));
    assert_error("state of the optimizer adam, want one of sgd");
    assert_true(ct_optimizer_group(adam, "*") == 1);
    assert_false(ct_optimizer_load(adam, path));
    assert_error("/groups has another form than here");
    assert_true(ct_module_save(m, path));
    assert_false(ct_optimizer_load(adam, path));
    assert_error("state of no optimizer, want one of adam");
    ct_schedule *step = ct_schedule_step(sgd, 3), *cosine = ct_schedule_cosine(sgd, 3);
    assert_true(ct_schedule_save(step, path));
    assert_false(ct_schedule_load(cosine, path));
    assert_error("state of another schedule than this cosine");
    assert_false(ct_optimizer_save(adam, NULL) || ct_optimizer_load(NULL, path));
    assert_error("optimizer_save: path is NULL");
    remove(path);
    ct_free(step), ct_free(cosine), ct_free(adam), ct_free(small), ct_free(more), ct_free(sgd), ct_free(m), ct_free(other), ct_free(two);
}

/* ---- Groups --------------------------------------------------------------------------------------------------------------------------- */
static void test_groups_have_options_of_their_own(void **state)
{
    (void)state;
    CT_SCOPE;
    ct_module *net = ct_nn_sequential(ct_nn_linear(2, 3), ct_nn_linear(3, 1));
    ct_optimizer *adamw = ct_optim_adamw(net, .lr = 0.1, .weight_decay = 0.5, .no_decay = "*.bias");
    assert_int_equal(ct_optimizer_groups(adamw), 2);
    assert_true(ct_optimizer_get(adamw, 1, "weight_decay") == 0 && ct_optimizer_get(adamw, 0, "weight_decay") == 0.5);
    assert_int_equal(ct_optimizer_group(adamw, "1.wei?ht"), 2);
    assert_true(ct_optimizer_set(adamw, 2, "lr", 0));
    ct_tensor *weight = ct_module_find(net, "0.weight"), *still = ct_module_find(net, "1.weight"), *bias = ct_module_find(net, "0.bias");
    ct_tensor *before = ct_clone(ct_detach(weight)), *was = ct_clone(ct_detach(still)), *bias_was = ct_clone(ct_detach(bias));
    assert_true(ct_set_gradient(weight, ct_zeros_like(weight)) && ct_set_gradient(still, ct_ones_like(still)));
    assert_true(ct_set_gradient(bias, ct_zeros_like(bias)) && ct_step(adamw));
    assert_true(ct_allclose(weight, ct_mul(before, 0.95)) && ct_equal(ct_detach(still), was) && ct_equal(ct_detach(bias), bias_was));
    REFUSED(ct_optimizer_group(adamw, "0.*,1.*") > 0, "adamw: parameter 0.bias of \"0.*,1.*\" is in group 1 already");
    REFUSED(ct_optimizer_group(adamw, "2.*") > 0, "adamw: no parameter fits \"2.*\"");
    REFUSED(ct_optimizer_add(adamw, net) > 0, "adamw: parameter 0.weight is in group 0 already");
    assert_int_equal(ct_optimizer_groups(adamw), 3);
    REFUSED(ct_optimizer_set(adamw, 0, "momentum", 0.5), "adamw: has no option momentum");
    REFUSED(ct_optimizer_set(adamw, 3, "lr", 0.5), "adamw: group 3 of 3");
    REFUSED(ct_optimizer_set(adamw, CT_ALL_GROUPS, "lr", -1), "adamw: lr -1: want at least 0");
    REFUSED(ct_optimizer_set(adamw, 1, "amsgrad", 2), "adamw: amsgrad 2: want 0 or 1");
    assert_true(ct_optimizer_lr(adamw) == 0.1);
    REFUSED(ct_optim_sgd(net, .only = "*.wight") != NULL, "sgd: no parameter of the module (Sequential) fits \"*.wight\"");
    ct_module *head = ct_nn_linear(1, 1);
    assert_int_equal(ct_optimizer_add(adamw, head), 3);
    ct_free(adamw), ct_free(head), ct_free(net);
}

static void test_patterns(void **state)
{
    (void)state;
    static const struct { const char *pattern, *name; bool fits; } rows[] = {
        {"*", "", true}, {"*", "0.weight", true}, {"", "", true}, {"", "a", false}, {"a", "a", true}, {"a?", "a", false}, {"a?", "ab", true},
        {"*.bias", "0.bias", true}, {"*.bias", "0.bias.x", false}, {"*a*b", "xaxaxb", true}, {"*a*b", "xaxaxbc", false}, {"x,*b", "ab", true},
        {"x,*b", "xa", false}, {"a**c", "abc", true}, {"x,", "", true},
    };
    for (size_t i = 0; i < COUNT(rows); i++)
        if (name_fits(rows[i].pattern, rows[i].name) != rows[i].fits)
            fail_msg("\"%s\" and \"%s\"", rows[i].pattern, rows[i].name);
}

/* ---- Against the papers, in plain float64 ---------------------------------------------------------------------------------------------- */
enum { ROWS = 3, COLUMNS = 5, LENGTH = ROWS * COLUMNS };

static double gradient_of(int t, int i)
{
    return sin(0.7 * t + 1.3 * i) + 0.2 * cos(0.1 * t * i);
}

static double sign_of(double x)
{
    return (x > 0) - (x < 0);
}

static void lion_step(int t, double *p, double *m)
{
    for (int i = 0; i < LENGTH; i++) {
        const double g = gradient_of(t, i), u = 0.9 * m[i] + (1 - 0.9) * g;
        p[i] = p[i] - 0.01 * (sign_of(u) + 0.1 * p[i]);
        m[i] = 0.99 * m[i] + (1 - 0.99) * g;
    }
}

static void lamb_step(int t, double *p, double *m, double *v)
{
    double r[LENGTH], p_norm = 0, r_norm = 0;
    for (int i = 0; i < LENGTH; i++) {
        const double g = gradient_of(t, i);
        m[i] = 0.9 * m[i] + 0.1 * g, v[i] = 0.99 * v[i] + (1 - 0.99) * g * g;
        r[i] = m[i] / (1 - pow(0.9, t)) / (sqrt(v[i] / (1 - pow(0.99, t))) + 1e-6) + 0.1 * p[i];
        p_norm += p[i] * p[i], r_norm += r[i] * r[i];
    }
    for (int i = 0; i < LENGTH; i++)
        p[i] -= 0.01 * sqrt(p_norm) / sqrt(r_norm) * r[i];
}

static void muon_step(int t, double *p, double *m)
{
    double x[ROWS][COLUMNS], norm = 0;
    for (int i = 0; i < LENGTH; i++) {
        const double g = gradient_of(t, i);
        m[i] = 0.95 * m[i] + 0.05 * g;
        x[i / COLUMNS][i % COLUMNS] = 0.05 * g + 0.95 * m[i];
        norm += x[i / COLUMNS][i % COLUMNS] * x[i / COLUMNS][i % COLUMNS];
    }
    for (int i = 0; i < LENGTH; i++)
        x[i / COLUMNS][i % COLUMNS] /= sqrt(norm);
    for (int round = 0; round < 5; round++) {
        double gram[ROWS][ROWS] = {{0}}, polynomial[ROWS][ROWS], next[ROWS][COLUMNS];
        for (int i = 0; i < ROWS; i++)
            for (int j = 0; j < ROWS; j++)
                for (int k = 0; k < COLUMNS; k++)
                    gram[i][j] += x[i][k] * x[j][k];
        for (int i = 0; i < ROWS; i++)
            for (int j = 0; j < ROWS; j++) {
                polynomial[i][j] = -4.775 * gram[i][j];
                for (int k = 0; k < ROWS; k++)
                    polynomial[i][j] += 2.0315 * gram[i][k] * gram[k][j];
            }
        for (int i = 0; i < ROWS; i++)
            for (int j = 0; j < COLUMNS; j++) {
                next[i][j] = 3.4445 * x[i][j];
                for (int k = 0; k < ROWS; k++)
                    next[i][j] += polynomial[i][k] * x[k][j];
            }
        memcpy(x, next, sizeof x);
    }
    for (int i = 0; i < LENGTH; i++)
        p[i] = p[i] * (1 - 0.01 * 0.1) - 0.01 * x[i / COLUMNS][i % COLUMNS];
}

static void test_lion_lamb_and_muon_follow_their_papers(void **state)
{
    (void)state;
    for (int which = 0; which < 3; which++) {
        CT_SCOPE;
        double p[LENGTH], m[LENGTH] = {0}, v[LENGTH] = {0}, g[LENGTH], got[LENGTH];
        for (int i = 0; i < LENGTH; i++)
            p[i] = cos(i);
        ct_tensor *x = ct_from_array(p, ROWS, COLUMNS);
        ct_module *module = ct_nn_parameter_list(x);
        ct_optimizer *o = which == 0 ? ct_optim_lion(module, .lr = 0.01, .weight_decay = 0.1)
                        : which == 1 ? ct_optim_lamb(module, .lr = 0.01, .beta2 = 0.99, .weight_decay = 0.1)
                                     : ct_optim_muon(module, .lr = 0.01);
        for (int t = 1; t <= 1000; t++) {
            CT_SCOPE;
            for (int i = 0; i < LENGTH; i++)
                g[i] = gradient_of(t, i);
            assert_true(ct_set_gradient(x, ct_from_array(g, ROWS, COLUMNS)) && ct_step(o));
            which == 0 ? lion_step(t, p, m) : which == 1 ? lamb_step(t, p, m, v) : muon_step(t, p, m);
        }
        assert_true(ct_to_array(x, got, sizeof got));
        for (int i = 0; i < LENGTH; i++)
            if (!(fabs(got[i] - p[i]) <= 1e-10 * (1 + fabs(p[i]))))
                fail_msg("%d: element %d is %.17g, want %.17g", which, i, got[i], p[i]);
        ct_free(o), ct_free(module);
    }
}

static void test_lamb_is_the_same_at_any_number_of_threads(void **state)
{
    (void)state;
    const int before = ct_num_threads();
    ct_tensor *results[3];
    CT_SCOPE;
    for (int i = 0; i < 3; i++) {
        assert_true(ct_set_num_threads((int[]){1, 2, 5}[i]));
        ct_seed(5);
        ct_tensor *p = ct_randn(300, 301), *small = ct_randn(3);
        ct_module *module = ct_nn_parameter_list(small, p);
        ct_optimizer *lamb = ct_optim_lamb(module);
        for (int t = 0; t < 4; t++)
            assert_true(ct_set_gradient(p, ct_randn(300, 301)) && ct_step(lamb));
        assert_true(isfinite(ct_clip_grad_norm(module, 1)));
        results[i] = ct_add(ct_detach(p), ct_gradient(p));
        ct_free(lamb), ct_free(module);
    }
    assert_true(ct_equal(results[0], results[1]) && ct_equal(results[0], results[2]));
    ct_set_num_threads(before);
}

/* ---- Around a step ----------------------------------------------------------------------------------------------------------------------- */
static void test_numerics_76_clipping(void **state)
{
    (void)state;
    CT_SCOPE;
    ct_tensor *a = ct_vector(0, 0), *b = ct_vector(0);
    ct_module *m = ct_nn_parameter_list(a, b, a);
    ct_tensor *ga = ct_vector(3, -4), *gb = ct_vector(12);
    assert_true(ct_set_gradient(a, ga) && ct_set_gradient(b, gb));
    assert_true(fabs(ct_clip_grad_norm(m, INFINITY) - 13) < 1e-12 && ct_item(ct_gradient(b)) == 12);
    assert_true(ct_clip_grad_norm(m, 20) == 13 && ct_item(ct_gradient(b)) == 12);
    assert_true(ct_clip_grad_norm(m, 20, .norm = 1) == 19 && ct_clip_grad_norm(m, 20, .norm = INFINITY) == 12);
    assert_true(fabs(ct_clip_grad_norm(m, 20, .norm = 3) - cbrt(27 + 64 + 1728)) < 1e-6);
    assert_true(ct_clip_grad_norm(m, 6.5) == 13 && fabs(ct_item(ct_gradient(b)) - 12 * (6.5 / (13 + 1e-6))) < 1e-6);
    assert_true(ct_clip_grad_value(m, 1) && ct_equal(ct_gradient(a), ct_vector(1, -1)));
    assert_true(ct_set_gradient(a, ct_vector(1e20, 1e20)) && isfinite(ct_clip_grad_norm(m, 1))); /* squares past float32 */
    assert_true(ct_set_gradient(a, ct_vector(NAN, 1)));
    assert_true(isnan(ct_clip_grad_norm(m, INFINITY, .error_if_not_finite = true)));
    assert_error("clip_grad_norm: the norm of the gradients is nan");
    assert_true(ct_item(ct_gradient(b)) == ct_item(ct_gradient(b)));
    assert_true(isnan(ct_clip_grad_norm(m, 1)) && isnan(ct_item(ct_gradient(b))) && ct_ok()); /* else it spreads */
    assert_true(ct_set_gradient(a, NULL) && ct_set_gradient(b, NULL) && ct_clip_grad_norm(m, 1) == 0);
    assert_true(isnan(ct_clip_grad_norm(m, NAN)));
    assert_error("clip_grad_norm: at most nan");
    assert_true(isnan(ct_clip_grad_norm(m, 1, .norm = 0)));
    assert_error("of the 0-norm: want at least 0, of a norm above 0");
    REFUSED(ct_clip_grad_value(NULL, 1), "clip_grad_value: module is NULL");
    ct_free(m);
}

static void test_gradients_gather_over_batches(void **state)
{
    (void)state;
    CT_SCOPE;
    ct_tensor *p = ct_vector(1);
    ct_module *m = ct_nn_parameter_list(p);
    ct_optimizer *sgd = ct_optim_sgd(m, .lr = 1);
    assert_true(ct_optimizer_accumulate(sgd, 3));
    for (int i = 1; i <= 6; i++) {
        ct_zero_grad(sgd);
        assert_true(ct_backward(ct_mul(ct_sum(p), i)) && ct_step(sgd));
        assert_int_equal(ct_optimizer_steps(sgd), i / 3);
    }
    assert_true(ct_item(p) == 1 - 2 - 5);
    REFUSED(ct_optimizer_accumulate(sgd, 0), "sgd: accumulate 0 batches: want at least 1");
    ct_free(sgd), ct_free(m);
}

static void test_the_guard_skips_and_says_so(void **state)
{
    (void)state;
    CT_SCOPE;
    ct_tensor *a = ct_vector(1), *b = ct_vector(1, 1);
    ct_module *m = ct_nn_parameter_list(a, b);
    ct_optimizer *adam = ct_optim_adam(m);
    assert_true(ct_optimizer_guard(adam, true));
    assert_true(ct_set_gradient(a, ct_vector(1)) && ct_set_gradient(b, ct_vector(1, INFINITY)) && ct_step(adam));
    assert_true(ct_item(a) == 1 && ct_optimizer_steps(adam) == 0 && ct_optimizer_skipped(adam) == 1);
    assert_string_equal(ct_optimizer_skip_reason(adam), "step 1: the gradient of 1 is not finite");
    assert_true(ct_optimizer_guard(adam, false) && ct_step(adam) && ct_optimizer_steps(adam) == 1);
    assert_true(ct_item(a) < 1 && isnan(ct_item(ct_narrow(b, 0, 1, 1)))); /* without it, NaN spreads */
    ct_free(adam), ct_free(m);
}

static void test_averages(void **state)
{
    (void)state;
    for (int ema = 0; ema < 2; ema++) {
        CT_SCOPE;
        ct_tensor *p = ct_vector_int(0);
        p = ct_full_as(CT_FLOAT64, 1, 3);
        ct_module *m = ct_nn_parameter_list(p);
        ct_average *average = ct_average_new(m, .decay = ema ? 0.75 : 0);
        REFUSED(ct_average_swap(average), "average_swap: there is no average before the first ct_average_update");
        for (int i = 0; i < 4; i++) {
            CT_NO_GRAD;
            assert_true(ct_fill_(p, (double)(i * i)) && ct_average_update(average));
        }
        assert_true(ct_average_swap(average));
        const double want = ema ? ((0 * 0.75 + 0.25) * 0.75 + 0.25 * 4) * 0.75 + 0.25 * 9 : 3.5;
        assert_true(fabs(ct_item(ct_narrow(p, 0, 2, 1)) - want) < 1e-14);
        assert_true(ct_average_swap(average) && ct_item(ct_narrow(p, 0, 2, 1)) == 9);
        ct_free(m), ct_free(average);
    }
    REFUSED(ct_average_new(NULL) != NULL, "average: module is NULL");
}

static void test_averages_go_through_a_file(void **state)
{
    (void)state;
    CT_SCOPE;
    CT_NO_GRAD;
    ct_module *net = ct_nn_linear(3, 2), *other = ct_nn_linear(2, 2);
    ct_tensor *w = ct_module_find(net, "weight");
    for (int ema = 0; ema < 2; ema++) {
        ct_average *whole = ct_average_new(net, .decay = ema * 0.9), *again = ct_average_new(net, .decay = ema * 0.9);
        for (int i = 0; i < 3; i++)
            assert_true(ct_copy_(w, ct_randn(2, 3)) && ct_average_update(whole));
        assert_true(ct_average_save(whole, path_of("a")) && ct_average_load(again, path_of("a")));
        assert_true(ct_average_update(whole) && ct_average_update(again));
        ct_tensor *now = ct_clone(w);
        assert_true(ct_average_swap(whole));
        ct_tensor *mean = ct_clone(w);
        assert_true(ct_average_swap(whole) && ct_equal(w, now) && ct_average_swap(again) && ct_equal(w, mean));
        ct_average *small = ct_average_new(other, .decay = ema * 0.9), *slow = ct_average_new(net, .decay = 0.5);
        assert_false(ct_average_load(small, path_of("a"))), assert_error("weight is float32 (2, 3), here float32 (2, 2)");
        assert_false(ct_average_load(slow, path_of("a"))), assert_error("here it is 0.5");
        REFUSED(ct_average_swap(small), "average_swap: there is no average before the first ct_average_update");
        REFUSED(ct_average_save(whole, NULL), "average_save: path is NULL");
        REFUSED(ct_average_load(NULL, "a"), "average_load: average is NULL");
        ct_free(whole), ct_free(again), ct_free(small), ct_free(slow);
        remove(path_of("a"));
    }
    ct_free(net), ct_free(other);
}

static void test_a_custom_optimizer_may_fail(void **state)
{
    (void)state;
    CT_SCOPE;
    ct_module *m = ct_nn_parameter_list(ct_vector(1));
    char long_name[40];
    memset(long_name, 'x', 39), long_name[39] = 0;
    REFUSED(ct_optim_custom("own", m, NULL) != NULL, "optim_custom: update is NULL");
    REFUSED(ct_optim_custom("", m, own_update) != NULL, "optim_custom: name \"\": want a name of 1 to 31 characters");
    REFUSED(ct_optim_custom("own", m, own_update, .states = {"a", "b", "c", "d"}) != NULL, "own: more than 3 states");
    assert_null(ct_optim_custom("own", m, own_update, .states = {long_name}));
    assert_error("want a name of 1 to 31 characters");
    ct_optimizer *own = ct_optim_custom("own", m, own_update, .states = {"velocity"});
    assert_true(ct_set_gradient(ct_module_find(m, "0"), ct_vector(1)));
    REFUSED(ct_step(own), "own: has no option beta");
    assert_int_equal(ct_optimizer_steps(own), 0);
    ct_free(own), ct_free(m);
}

/* ---- Refusals ---------------------------------------------------------------------------------------------------------------------------- */
static double constant_closure(void *context)
{
    return *(double *)context;
}

static void test_numerics_82_bad_options(void **state)
{
    (void)state;
    CT_SCOPE;
    ct_tensor *p = ct_randn(2, 3), *v = ct_vector(1);
    ct_module *m = ct_nn_parameter_list(p), *mixed = ct_nn_parameter_list(p, v);
    double loss = 1;
    REFUSED(ct_optim_adagrad(m, .lr_decay = -1) != NULL, "adagrad: lr_decay -1: want at least 0");
    REFUSED(ct_optim_adagrad(m, .initial_accumulator_value = -1) != NULL, "adagrad: initial_accumulator_value -1: want at least 0");
    REFUSED(ct_optim_rmsprop(m, .alpha = -1) != NULL, "rmsprop: alpha -1: want at least 0");
    REFUSED(ct_optim_rmsprop(m, .lr = NAN) != NULL, "rmsprop: lr nan: want a finite number");
    REFUSED(ct_optim_adadelta(m, .rho = 1.5) != NULL, "adadelta: rho 1.5: want 0 to 1");
    REFUSED(ct_optim_adamax(m, .beta2 = 1) != NULL, "adamax: beta2 1: want at least 0 and below 1");
    REFUSED(ct_optim_nadam(m, .momentum_decay = -1) != NULL, "nadam: momentum_decay -1: want at least 0");
    REFUSED(ct_optim_radam(m, .eps = -1) != NULL, "radam: eps -1: want at least 0");
    REFUSED(ct_optim_lion(m, .beta1 = -0.5) != NULL, "lion: beta1 -0.5: want at least 0 and below 1");
    REFUSED(ct_optim_lamb(m, .weight_decay = -1) != NULL, "lamb: weight_decay -1: want at least 0");
    REFUSED(ct_optim_muon(mixed) != NULL, "muon: 1 has 1 axes: want matrices (choose them by .only)");
    REFUSED(ct_optim_muon(m, .iterations = 100) != NULL, "muon: iterations 100: want a whole number, at most 99");
    REFUSED(ct_optim_lbfgs(m, .history = 0) != NULL, "lbfgs: iterations 20, evaluations 0, history 0: want at most 1e9, 1e9 and 1 to 1e6");
    REFUSED(ct_optim_lion(NULL) != NULL, "lion: module is NULL");
    REFUSED(ct_set_gradient(p, v), "set_gradient: float32 (1) for a leaf of float32 (2, 3)");
    REFUSED(ct_set_gradient(v = ct_vector(1), p), "set_gradient: (1): want a leaf that wants a gradient");
    ct_optimizer *lbfgs = ct_optim_lbfgs(m), *sgd = ct_optim_sgd(m, .momentum = 0.9, .nesterov = true);
    REFUSED(ct_step(lbfgs), "lbfgs: a step wants a closure (ct_step_closure)");
    REFUSED(ct_optimizer_group(lbfgs, "*") > 0, "lbfgs: has one group only");
    REFUSED(ct_optimizer_accumulate(lbfgs, 2), "lbfgs: cannot accumulate: its closure makes the gradients");
    REFUSED(ct_optimizer_set(sgd, 0, "momentum", 0), "sgd: nesterov with momentum 0 and dampening 0: want a momentum above 0 and no dampening");
    REFUSED(!isnan(ct_step_closure(sgd, NULL, NULL)), "sgd: closure is NULL");
    assert_true(ct_step_closure(sgd, constant_closure, &loss) == 1 && ct_step_closure(lbfgs, constant_closure, &loss) == 1); /* no gradients */
    ct_free(lbfgs), ct_free(sgd), ct_free(m), ct_free(mixed);
}

static double negative(int64_t t, int group, void *context)
{
    (void)group, (void)context;
    return t < 2 ? 1 : -1;
}

static void test_schedules_refuse_what_cannot_be(void **state)
{
    (void)state;
    CT_SCOPE;
    ct_module *m = ct_nn_parameter_list(ct_vector(1));
    ct_optimizer *sgd = ct_optim_sgd(m, .momentum = 0.9), *adagrad = ct_optim_adagrad(m);
    REFUSED(ct_schedule_step(NULL, 3) != NULL, "step: optimizer is NULL");
    REFUSED(ct_schedule_step(sgd, 0) != NULL, "step: every 0: want at least 1");
    REFUSED(ct_schedule_exponential(sgd, NAN) != NULL, "exponential: gamma nan: want 0 to inf");
    REFUSED(ct_schedule_linear(sgd, .start = 0) != NULL, "linear: start 0: want more, or it would stay there");
    REFUSED(ct_schedule_constant(sgd, .factor = 1.5) != NULL, "constant: factor 1.5: want 0 to 1");
    REFUSED(ct_schedule_cosine(sgd, 0) != NULL, "cosine: steps 0: want at least 1");
    REFUSED(ct_schedule_cosine_restarts(sgd, 5, .multiple = 0) != NULL, "cosine_restarts: multiple 0: want at least 1");
    REFUSED(ct_schedule_plateau(sgd, .factor = 1) != NULL, "plateau: factor 1: want at least 0 and below 1");
    REFUSED(ct_schedule_one_cycle(adagrad, 1, 10) != NULL, "one_cycle: adagrad has neither momentum nor beta1: want .no_momentum = true");
    REFUSED(ct_schedule_cyclic(sgd, 0.1, 1, .up = 0) != NULL, "cyclic: 0 steps up, 0 down: want at least 1, and 0 for as many");
    REFUSED(ct_schedule_lambda(sgd, NULL, NULL) != NULL, "lambda: function is NULL");
    REFUSED(ct_schedule_chained(ct_schedule_plateau(sgd), ct_schedule_step(sgd, 3)) != NULL,
            "chained: schedule 0 is a plateau, which wants a metric");
    REFUSED(ct_schedule_chained(ct_schedule_step(adagrad, 3), ct_schedule_step(sgd, 3)) != NULL,
            "chained: schedules 0 and 1 are of two optimizers");
    REFUSED(ct_schedule_sequential(CT_SCHEDULES(ct_schedule_step(sgd, 3), ct_schedule_step(sgd, 3)), 0) != NULL,
            "sequential: milestone 0: want at least 1, and each above the one before");
    ct_schedule *plateau = ct_schedule_plateau(sgd), *cycle = ct_schedule_one_cycle(adagrad, 1, 5, .no_momentum = true);
    REFUSED(ct_schedule_next(plateau), "plateau: wants a metric (ct_schedule_next_metric)");
    for (int t = 1; t <= 5; t++)
        assert_true(ct_schedule_next(cycle));
    REFUSED(ct_schedule_next(cycle), "one_cycle: stepped past its end: time 6 of 5"); /* numerics, 80 */
    assert_int_equal(ct_schedule_time(cycle), 5);
    ct_schedule *lambda = ct_schedule_lambda(sgd, negative, NULL);
    assert_true(ct_schedule_next(lambda));
    REFUSED(ct_schedule_next(lambda), "sgd: lr -0.001: want at least 0");
    assert_true(ct_schedule_time(lambda) == 1 && ct_optimizer_lr(sgd) == 0.001);
    assert_int_equal(ct_optimizer_group(sgd, "0"), 1);
    REFUSED(ct_schedule_next(lambda), "lambda: sgd has 2 groups, had 1 when the schedule was made");
    ct_free(plateau), ct_free(cycle), ct_free(lambda), ct_free(sgd), ct_free(adagrad), ct_free(m);
}

/* In float64 by hand: the rows of the list of corner cases that the goldens do not name. */
static void test_numerics_66_to_81(void **state)
{
    (void)state;
    CT_SCOPE;
    ct_tensor *p = ct_full_as(CT_FLOAT64, 1, 1), *zero = ct_zeros_like(p), *one = ct_ones_like(p);
    ct_module *m = ct_nn_parameter_list(p);
    ct_optimizer *adam = ct_optim_adam(m), *amsgrad = ct_optim_adam(m, .lr = 0, .amsgrad = true, .beta2 = 0.5), *sgd = ct_optim_sgd(m, .lr = 0.5, .momentum = 0.9, .dampening = 0.5);
    assert_true(ct_set_gradient(p, zero) && ct_step(adam) && ct_item(p) == 1);            /* 66 */
    assert_true(ct_set_gradient(p, one) && ct_step(amsgrad) && ct_set_gradient(p, zero) && ct_step(amsgrad));
    assert_true(ct_item(ct_optimizer_state(amsgrad, "0", "max_exp_avg_sq")) == 0.5);      /* 67: raw, not corrected */
    assert_true(ct_set_gradient(p, one) && ct_step(sgd) && ct_item(p) == 0.5);            /* 72: the first is not dampened */
    ct_optimizer *centered = ct_optim_rmsprop(m, .centered = true);
    for (int t = 0; t < 5000; t++)
        assert_true(ct_step(centered));
    assert_true(isfinite(ct_item(p)));                                                    /* 69: v - a^2 of equal gradients rounds below 0 */
    ct_schedule *plateau = ct_schedule_plateau(sgd, .patience = 0);
    assert_true(ct_schedule_next_metric(plateau, 1) && ct_schedule_next_metric(plateau, NAN) && fabs(ct_optimizer_lr(sgd) - 0.05) < 1e-15); /* 77 */
    ct_free(plateau), ct_free(adam), ct_free(amsgrad), ct_free(sgd), ct_free(centered), ct_free(m);
}

static void test_each_failed_allocation_is_survived(void **state)
{
    (void)state;
    CT_SCOPE;
    for (int which = 0; which < KINDS; which++)
        for (int64_t after = 0;; after++) {
            CT_SCOPE;
            struct training t = begin(which);
            train(&t, 1);
            const char *path = path_of("f");
            ct_memory_trim();
            memory_fail_after(after);
            ct_optimizer *other = make(which, t.module);
            const bool good = other && ct_optimizer_save(t.optimizer, path) && ct_optimizer_load(other, path);
            const bool struck = memory_failed_one();
            memory_fail_after(-1);
            assert_true(good != struck || (struck && good && ct_ok()));
            assert_true(good || !ct_ok());
            ct_error_clear();
            ct_free(other), end(&t);
            remove(path);
            if (!struck)
                break;
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_restored_optimizer_goes_on_bit_for_bit),
        cmocka_unit_test(test_a_state_in_memory_is_put_back_bit_for_bit),
        cmocka_unit_test(test_modules_of_one_name_are_saved_apart),
        cmocka_unit_test(test_state_of_another_architecture_is_refused_and_changes_nothing),
        cmocka_unit_test(test_groups_have_options_of_their_own),
        cmocka_unit_test(test_patterns),
        cmocka_unit_test(test_lion_lamb_and_muon_follow_their_papers),
        cmocka_unit_test(test_lamb_is_the_same_at_any_number_of_threads),
        cmocka_unit_test(test_numerics_76_clipping),
        cmocka_unit_test(test_gradients_gather_over_batches),
        cmocka_unit_test(test_the_guard_skips_and_says_so),
        cmocka_unit_test(test_averages),
        cmocka_unit_test(test_averages_go_through_a_file),
        cmocka_unit_test(test_a_custom_optimizer_may_fail),
        cmocka_unit_test(test_numerics_82_bad_options),
        cmocka_unit_test(test_schedules_refuse_what_cannot_be),
        cmocka_unit_test(test_numerics_66_to_81),
        cmocka_unit_test(test_each_failed_allocation_is_survived),
    };
    int failed = cmocka_run_group_tests(tests, make_folder, remove_folder);
    ct_shutdown();
    return failed;
}
