/* Optimizers against plain loops in float64 and against PyTorch's own numbers. */
#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <cotangent.h>

#include "autograd/kernels/cpu.h"
#include "autograd/memory.h"
#include "optim/update.h"

#define assert_near(got, want, bound) assert_true(fabs((double)(got) - (double)(want)) <= (bound))
#define COUNT(array) (sizeof(array) / sizeof *(array))

/* ---- The rules, as one would write them down --------------------------------------------------------------------- */
struct rule {
    const char *name;
    enum { SGD, ADAM, ADAMW } kind;
    double lr, weight_decay, momentum, dampening, beta1, beta2, eps;
    bool nesterov, maximize;
};

static const struct rule rules[] = {
    {"sgd", SGD, .lr = 0.1},
    {"sgd, weight decay", SGD, .lr = 0.1, .weight_decay = 0.1},
    {"sgd, momentum", SGD, .lr = 0.05, .momentum = 0.9},
    {"sgd, dampening", SGD, .lr = 0.05, .momentum = 0.9, .dampening = 0.5},
    {"sgd, nesterov", SGD, .lr = 0.05, .momentum = 0.8, .nesterov = true},
    {"sgd, all", SGD, .lr = 0.01, .momentum = 0.7, .dampening = 0.2, .weight_decay = 0.3, .maximize = true},
    {"sgd, lr 0", SGD, .momentum = 0.7},
    {"adam", ADAM, .lr = 0.01, .beta1 = 0.9, .beta2 = 0.999, .eps = 1e-8},
    {"adam, betas 0", ADAM, .lr = 0.01, .eps = 1e-8},
    {"adam, all", ADAM, .lr = 0.02, .beta1 = 0.8, .beta2 = 0.95, .eps = 1e-3, .weight_decay = 0.1, .maximize = true},
    {"adamw", ADAMW, .lr = 0.01, .beta1 = 0.9, .beta2 = 0.999, .eps = 1e-8, .weight_decay = 1e-2},
    {"adamw, all", ADAMW, .lr = 0.05, .beta1 = 0.7, .beta2 = 0.9, .eps = 1e-2, .weight_decay = 0.3, .maximize = true},
};

static ct_optimizer *optimizer_of(const struct rule *r, ct_module *module)
{
    if (r->kind == SGD)
        return ct_optim_sgd(module, .lr = r->lr, .momentum = r->momentum, .dampening = r->dampening,
                            .weight_decay = r->weight_decay, .nesterov = r->nesterov, .maximize = r->maximize);
    if (r->kind == ADAM)
        return ct_optim_adam(module, .lr = r->lr, .beta1 = r->beta1, .beta2 = r->beta2, .eps = r->eps,
                             .weight_decay = r->weight_decay, .maximize = r->maximize);
    return ct_optim_adamw(module, .lr = r->lr, .beta1 = r->beta1, .beta2 = r->beta2, .eps = r->eps,
                          .weight_decay = r->weight_decay, .maximize = r->maximize);
}

static void reference_step(const struct rule *r, int t, double g, double *p, double *m, double *v)
{
    if (r->maximize)
        g = -g;
    if (r->kind == ADAMW)
        *p *= 1 - r->lr * r->weight_decay;
    else
        g += r->weight_decay * *p;
    if (r->kind == SGD) {
        if (r->momentum != 0) {
            *m = t == 1 ? g : r->momentum * *m + (1 - r->dampening) * g;
            g = r->nesterov ? g + r->momentum * *m : *m;
        }
        *p -= r->lr * g;
        return;
    }
    *m = r->beta1 * *m + (1 - r->beta1) * g;
    *v = r->beta2 * *v + (1 - r->beta2) * g * g;
    double m_hat = *m / (1 - pow(r->beta1, t)), v_hat = *v / (1 - pow(r->beta2, t));
    *p -= r->lr * m_hat / (sqrt(v_hat) + r->eps);
}

/* ---- A loss whose gradient is c cos(t) + p / 10 ------------------------------------------------------------------ */
static bool run_backward(ct_tensor *p, ct_tensor *c, double scale)
{
    CT_SCOPE;
    return ct_backward(ct_add(ct_mul(ct_sum(ct_mul(p, c)), scale), ct_mul(ct_sum(ct_square(p)), 0.05)));
}

enum { ROWS = 37, COLUMNS = 29, MOST = ROWS * COLUMNS, STEPS = 120 };

/* kind 0: contiguous; 1: a transposed view, whose gradient may come in another order; 2: a number; 3: no elements */
static ct_tensor *make_parameter(int kind, ct_dtype dtype)
{
    ct_tensor *p = kind == 2 ? (ct_randn)(NULL, 0, dtype, NULL)
                             : (ct_randn)((int64_t[]){kind == 3 ? 0 : ROWS, COLUMNS}, 2, dtype, NULL);
    return kind == 1 ? ct_transpose(p, 0, 1) : p;
}

static void read_values(ct_tensor *t, double *values)
{
    CT_SCOPE;
    ct_tensor *wide = ct_contiguous(ct_cast(ct_detach(t), CT_FLOAT64));
    assert_true(ct_to_array(wide, values, (size_t)ct_numel(wide) * sizeof *values));
}

static void check_rule(const struct rule *rule, ct_dtype dtype, int kind)
{
    static double p[MOST], c[MOST], m[MOST], v[MOST], got[MOST];
    CT_SCOPE;
    ct_tensor *parameter = make_parameter(kind, dtype), *slope = ct_contiguous(ct_randn_like(parameter));
    ct_module *module = ct_nn_parameter_list(parameter);
    ct_optimizer *optimizer = optimizer_of(rule, module);
    assert_non_null(optimizer);
    read_values(parameter, p), read_values(slope, c);
    memset(m, 0, sizeof m), memset(v, 0, sizeof v);
    for (int t = 1; t <= STEPS; t++) {
        ct_zero_grad(optimizer);
        assert_true(run_backward(parameter, slope, cos(t)));
        assert_true(ct_step(optimizer));
        for (int64_t i = 0; i < ct_numel(parameter); i++)
            reference_step(rule, t, c[i] * cos(t) + 0.1 * p[i], &p[i], &m[i], &v[i]);
    }
    assert_int_equal(ct_optimizer_steps(optimizer), STEPS);
    read_values(parameter, got);
    /* maximize runs away from the start, so an absolute bound alone would not do */
    double bound = dtype == CT_FLOAT64 ? 1e-10 : 2e-3;
    for (int64_t i = 0; i < ct_numel(parameter); i++)
        if (!(fabs(got[i] - p[i]) <= bound * (1 + fabs(p[i]))))
            fail_msg("%s, %s, layout %d: element %d is %.17g, want %.17g", rule->name, ct_dtype_name(dtype), kind,
                     (int)i, got[i], p[i]);
    ct_free(optimizer), ct_free(module);
}

static void test_rules_match_plain_loops(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(rules); i++)
        for (int kind = 0; kind < 4; kind++) {
            check_rule(&rules[i], CT_FLOAT64, kind);
            check_rule(&rules[i], CT_FLOAT32, kind);
        }
    assert_true(ct_ok());
}

/* torch 2.15: p = [1, -2, 0.5], gradient t [0.1, -0.3, 0.7] + 0.01 p, three steps in float64 */
static const struct {
    struct rule rule;
    double want[3];
} from_torch[] = {
    {{"sgd", SGD, .lr = 0.1}, {0.9370429889999999, -1.814125968, 0.07878142950000003}},
    {{"sgd, all", SGD, .lr = 0.1, .momentum = 0.9, .dampening = 0.25, .weight_decay = 0.01},
     {0.912223123, -1.7464257235, -0.05102183475000001}},
    {{"sgd, nesterov", SGD, .lr = 0.1, .momentum = 0.9, .nesterov = true, .weight_decay = 0.01, .maximize = true},
     {1.1455899999999999, -2.43677, 1.51913}},
    {{"adam", ADAM, .lr = 0.1, .beta1 = 0.9, .beta2 = 0.999, .eps = 1e-8},
     {0.7066100121218836, -1.7069816313110784, 0.20759182260795822}},
    {{"adam, all", ADAM, .lr = 0.05, .beta1 = 0.8, .beta2 = 0.95, .eps = 1e-3, .weight_decay = 0.1, .maximize = true},
     {1.1308077936911922, -2.142232777484589, 0.6473865602939087}},
    {{"adamw", ADAMW, .lr = 0.1, .beta1 = 0.9, .beta2 = 0.999, .eps = 1e-8, .weight_decay = 0.01},
     {0.703909007924399, -1.7012837360637592, 0.2063897155669319}},
    {{"adamw, all", ADAMW, .lr = 0.05, .beta1 = 0.7, .beta2 = 0.9, .eps = 1e-2, .weight_decay = 0.3},
     {0.8167950128929263, -1.7668702615660175, 0.33182775773845097}},
};

static void test_three_steps_are_pytorchs(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(from_torch); i++) {
        CT_SCOPE;
        double got[3];
        ct_tensor *p = ct_from_array(((double[]){1, -2, 0.5}), 3), *g = ct_from_array(((double[]){0.1, -0.3, 0.7}), 3);
        ct_module *module = ct_nn_parameter_list(p);
        ct_optimizer *optimizer = optimizer_of(&from_torch[i].rule, module);
        for (int t = 1; t <= 3; t++) {
            CT_SCOPE;
            ct_zero_grad(module);
            ct_tensor *loss = ct_add(ct_mul(ct_sum(ct_mul(p, g)), t), ct_mul(ct_sum(ct_square(p)), 0.005));
            assert_true(ct_backward(loss) && ct_step(optimizer));
        }
        read_values(p, got);
        for (int k = 0; k < 3; k++)
            assert_near(got[k], from_torch[i].want[k], 1e-13);
        ct_free(optimizer), ct_free(module);
    }
}

/* ---- Threads, instruction sets, memory --------------------------------------------------------------------------- */
static void train_some(double *values, int threads)
{
    CT_SCOPE;
    int before = ct_num_threads();
    assert_true(ct_set_num_threads(threads));
    ct_seed(7);
    ct_tensor *big = ct_randn(211, 301), *small = ct_randn(5), *slope = ct_randn(211, 301);
    ct_module *module = ct_nn_parameter_list(small, big);
    ct_optimizer *adam = ct_optim_adam(module, .lr = 0.01, .weight_decay = 0.1);
    for (int t = 0; t < 5; t++) {
        assert_true(run_backward(big, slope, 1) && run_backward(small, small, 1) && ct_step(adam));
        ct_zero_grad(adam);
    }
    read_values(big, values);
    ct_free(adam), ct_free(module);
    ct_set_num_threads(before);
}

static void test_same_bits_at_any_number_of_threads(void **state)
{
    (void)state;
    static double one[211 * 301], more[211 * 301];
    train_some(one, 1);
    for (size_t i = 0; i < 3; i++) {
        train_some(more, (int[]){2, 3, 8}[i]);
        assert_memory_equal(one, more, sizeof one);
    }
}

static struct update adam_update(float *p, float *g, float *m, float *v, size_t count)
{
    return (struct update){
        .p = p, .gradient = g, .states = {m, v}, .count = count, .rule = UPDATE_adam,
        .n = {.sign = 1, .shrink = 1, .rate = 0.01, .rest1 = 0.1, .beta2 = 0.999, .rest2 = 0.001, .root = 1},
    };
}

static void test_instruction_sets_agree(void **state)
{
    (void)state;
    enum { LENGTH = 1003 };
    static float p[3][LENGTH], g[LENGTH], m[LENGTH], v[LENGTH];
    enum cpu_isa before = cpu_isa();
    for (int isa = CPU_BASE; isa <= CPU_AVX512; isa++) {
        if (!cpu_set_isa_for_testing((enum cpu_isa)isa))
            continue;
        for (int i = 0; i < LENGTH; i++)
            p[isa][i] = (float)i / LENGTH, g[i] = (float)(i * 7919 % 1013) / 500 - 1, m[i] = 0.1f * g[i], v[i] = 0.01f;
        struct update u = adam_update(p[isa], g, m, v, LENGTH);
        for (int t = 0; t < 10; t++)
            update_run(&u, 1);
        for (int i = 0; i < LENGTH; i++)
            assert_near(p[isa][i], p[CPU_BASE][i], 1e-6);
    }
    cpu_set_isa_for_testing(before);
}

static void test_moments_of_dead_units_never_become_denormal(void **state)
{
    (void)state;
    float p[40], g[40] = {0}, m[40], v[40];
    for (int i = 0; i < 40; i++)
        p[i] = 1, m[i] = 1e-29f, v[i] = 1.2e-38f;
    struct update u = adam_update(p, g, m, v, 40);
    for (int t = 0; t < 50; t++)
        update_run(&u, 1);
    for (int i = 0; i < 40; i++)
        assert_true(m[i] == 0 && v[i] < FLT_MIN && v[i] == 0);
    p[3] = NAN, m[4] = NAN;
    update_run(&u, 1);
    assert_true(isnan(p[3]) && isnan(m[4]));
}

static void test_extreme_squares_are_right_on_every_instruction_set(void **state)
{
    (void)state;
    enum cpu_isa before = cpu_isa();
    for (int isa = CPU_BASE; isa <= CPU_AVX512; isa++) {
        if (!cpu_set_isa_for_testing((enum cpu_isa)isa))
            continue;
        const float squares[] = {0, FLT_MIN, 1e-30f, 1e-10f, 1, 1e10f, 1e38f, INFINITY, NAN, 3e-38f, 7, 1e-4f, 2e20f, 5e-20f, 0.3f, 11, 13, 0, INFINITY};
        enum { N = COUNT(squares) };
        float p[N], g[N] = {0}, m[N], v[N];
        for (int i = 0; i < N; i++)
            p[i] = 1, m[i] = 1, v[i] = squares[i];
        struct update u = adam_update(p, g, m, v, N);
        u.n.eps = 1e-8, u.n.rest1 = 0, u.n.beta2 = 1, u.n.rest2 = 0, u.n.rate = 1e-8;
        update_run(&u, 1);
        for (int i = 0; i < N; i++) {
            const double want = 1 - 1e-8 / (sqrt((double)squares[i]) + 1e-8);
            assert_true(isnan(want) ? isnan(p[i]) : fabs(p[i] - want) <= 3e-7);
        }
    }
    cpu_set_isa_for_testing(before);
}

static void test_a_step_allocates_nothing(void **state)
{
    (void)state;
    CT_SCOPE;
    ct_tensor *p = ct_randn(100);
    ct_module *module = ct_nn_parameter_list(p);
    ct_optimizer *adam = ct_optim_adam(module);
    assert_true(run_backward(p, p, 1) && ct_step(adam));
    int64_t before = memory_system_allocations();
    assert_true(ct_step(adam) && ct_step(adam));
    assert_int_equal(memory_system_allocations(), before);
    ct_free(adam), ct_free(module);
}

static void test_constructor_survives_each_failed_allocation(void **state)
{
    (void)state;
    CT_SCOPE;
    ct_tensor *a = ct_randn(100, 30), *b = ct_randn(30);
    ct_module *module = ct_nn_parameter_list(a, b);
    for (int64_t after = 0;; after++) {
        ct_memory_trim();
        memory_fail_after(after);
        ct_optimizer *adam = ct_optim_adam(module);
        bool struck = memory_failed_one();
        memory_fail_after(-1);
        if (!struck) {
            assert_non_null(adam);
            ct_free(adam);
            break;
        }
        assert_true(!adam || ct_ok());
        assert_true(adam || !ct_ok());
        ct_error_clear();
        ct_free(adam);
    }
    ct_free(module);
}

/* ---- What a step leaves alone, and what it tells the graph ------------------------------------------------------- */
static void test_parameter_without_gradient_stays_and_counts_its_own_steps(void **state)
{
    (void)state;
    CT_SCOPE;
    double value;
    ct_tensor *a = ct_vector(1), *b = ct_vector(1);
    ct_module *module = ct_nn_parameter_list(a, b);
    ct_optimizer *adam = ct_optim_adam(module, .lr = 0.1);
    for (int t = 0; t < 10; t++)
        assert_true(run_backward(a, a, 1) && ct_step(adam));
    read_values(b, &value);
    assert_near(value, 1, 0);
    ct_zero_grad(adam);
    assert_true(run_backward(b, b, 1) && ct_step(adam));
    read_values(b, &value);                     /* a first step moves by lr, whatever the optimizer's own count */
    assert_near(value, 0.9, 1e-6);
    assert_int_equal(ct_optimizer_steps(adam), 11);
    ct_free(adam), ct_free(module);
}

static void test_a_shared_parameter_moves_once(void **state)
{
    (void)state;
    CT_SCOPE;
    double value;
    ct_tensor *a = ct_vector(1);
    ct_module *module = ct_nn_parameter_list(a, a);
    ct_optimizer *sgd = ct_optim_sgd(module, .lr = 0.5);
    assert_int_equal(ct_module_count_parameters(module), 1);
    assert_true(ct_backward(ct_sum(a)) && ct_step(sgd));
    read_values(a, &value);
    assert_near(value, 0.5, 0);
    ct_free(module), ct_free(sgd);              /* in any order */
}

static void test_backward_over_a_value_that_a_step_changed_fails_by_name(void **state)
{
    (void)state;
    CT_SCOPE;
    ct_tensor *a = ct_vector(1, 2);
    ct_module *module = ct_nn_parameter_list(a);
    ct_optimizer *adam = ct_optim_adam(module);
    ct_tensor *stale = ct_sum(ct_square(a));
    assert_true(ct_backward(ct_sum(a)) && ct_step(adam));
    assert_false(ct_backward(stale));
    assert_non_null(strstr(ct_error(), "adam"));
    ct_error_clear();
    ct_free(adam), ct_free(module);
}

static void test_learning_rate_can_change_between_steps(void **state)
{
    (void)state;
    CT_SCOPE;
    double value;
    ct_tensor *a = ct_vector(1);
    ct_module *module = ct_nn_parameter_list(a);
    ct_optimizer *sgd = ct_optim_sgd(module, .lr = 0);
    assert_true(ct_backward(ct_sum(a)) && ct_step(sgd));
    read_values(a, &value);
    assert_near(value, 1, 0);           /* an explicit 0 is no absent option */
    assert_true(ct_optimizer_set_lr(sgd, 0.25));
    assert_near(ct_optimizer_lr(sgd), 0.25, 0);
    assert_true(ct_step(sgd));
    read_values(a, &value);
    assert_near(value, 0.75, 0);
    assert_false(ct_optimizer_set_lr(sgd, NAN));
    assert_string_equal(ct_error(), "sgd: lr nan: want a finite number");
    ct_error_clear();
    ct_free(sgd), ct_free(module);
}

/* ---- Errors ------------------------------------------------------------------------------------------------------ */
#define REFUSED(call, message)                   \
    do {                                         \
        assert_null(call);                       \
        assert_string_equal(ct_error(), message); \
        ct_error_clear();                        \
    } while (0)

static void test_bad_options_are_named(void **state)
{
    (void)state;
    CT_SCOPE;
    ct_module *m = ct_nn_parameter_list(ct_vector(1)), *none = ct_nn_relu();
    REFUSED(ct_optim_sgd(m, .lr = -1), "sgd: lr -1: want at least 0");
    REFUSED(ct_optim_sgd(m, .lr = INFINITY), "sgd: lr inf: want a finite number");
    REFUSED(ct_optim_sgd(m, .momentum = -0.5), "sgd: momentum -0.5: want at least 0");
    REFUSED(ct_optim_sgd(m, .weight_decay = -0.5), "sgd: weight_decay -0.5: want at least 0");
    REFUSED(ct_optim_sgd(m, .dampening = NAN), "sgd: dampening nan: want a finite number");
    REFUSED(ct_optim_sgd(m, .nesterov = true),
            "sgd: nesterov with momentum 0 and dampening 0: want a momentum above 0 and no dampening");
    REFUSED(ct_optim_sgd(m, .nesterov = true, .momentum = 0.9, .dampening = 0.1),
            "sgd: nesterov with momentum 0.9 and dampening 0.1: want a momentum above 0 and no dampening");
    REFUSED(ct_optim_adam(m, .lr = -1), "adam: lr -1: want at least 0");
    REFUSED(ct_optim_adam(m, .beta1 = 1), "adam: beta1 1: want at least 0 and below 1");
    REFUSED(ct_optim_adam(m, .beta2 = -0.1), "adam: beta2 -0.1: want at least 0 and below 1");
    REFUSED(ct_optim_adam(m, .beta2 = NAN), "adam: beta2 nan: want at least 0 and below 1");
    REFUSED(ct_optim_adam(m, .eps = -1), "adam: eps -1: want at least 0");
    REFUSED(ct_optim_adamw(m, .weight_decay = -1), "adamw: weight_decay -1: want at least 0");
    REFUSED(ct_optim_adam(NULL), "adam: module is NULL");
    REFUSED(ct_optim_adam(none), "adam: the module (ReLU) has no parameters");
    assert_false(ct_step(NULL));
    assert_string_equal(ct_error(), "step: optimizer is NULL");
    ct_error_clear();
    ct_fail("earlier");
    assert_null(ct_optim_adam(NULL));
    assert_string_equal(ct_error(), "earlier");
    ct_error_clear();
    ct_free(m), ct_free(none);
}

static void test_zero_gradients_without_decay_change_nothing(void **state)
{
    (void)state;
    CT_SCOPE;
    double value[2];
    ct_tensor *a = ct_vector(1, 0);
    ct_module *module = ct_nn_parameter_list(a);
    ct_optimizer *adam = ct_optim_adam(module);
    for (int t = 0; t < 3; t++)
        assert_true(ct_backward(ct_sum(ct_mul(a, 0.0))) && ct_step(adam));
    read_values(a, value);
    assert_true(value[0] == 1 && value[1] == 0);
    ct_free(adam), ct_free(module);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rules_match_plain_loops),
        cmocka_unit_test(test_three_steps_are_pytorchs),
        cmocka_unit_test(test_same_bits_at_any_number_of_threads),
        cmocka_unit_test(test_instruction_sets_agree),
        cmocka_unit_test(test_moments_of_dead_units_never_become_denormal),
        cmocka_unit_test(test_extreme_squares_are_right_on_every_instruction_set),
        cmocka_unit_test(test_a_step_allocates_nothing),
        cmocka_unit_test(test_constructor_survives_each_failed_allocation),
        cmocka_unit_test(test_parameter_without_gradient_stays_and_counts_its_own_steps),
        cmocka_unit_test(test_a_shared_parameter_moves_once),
        cmocka_unit_test(test_backward_over_a_value_that_a_step_changed_fails_by_name),
        cmocka_unit_test(test_learning_rate_can_change_between_steps),
        cmocka_unit_test(test_bad_options_are_named),
        cmocka_unit_test(test_zero_gradients_without_decay_change_nothing),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    ct_shutdown();
    return failed;
}
