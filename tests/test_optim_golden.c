/* Optimizers and schedules against PyTorch's, step by step: optimizers.txt and schedules.txt of tests/golden_optim/, which tools/make_optim_goldens.py wrote. */
#define _POSIX_C_SOURCE 200809L
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <cotangent.h>

/* ---- The files: "case NAME option=value ...", then lines "STEP numbers", then an empty one ---------------------------------------- */
enum { MOST_VALUES = 128 };

struct golden {
    FILE *file;
    char line[8192], name[64], words[1024];
    int cases;
};

static void open_golden(struct golden *at, const char *name)
{
    char path[512];
    const char *root = getenv("CT_SOURCE_ROOT");
    snprintf(path, sizeof path, "%s/tests/golden_optim/%s", root ? root : ".", name);
    *at = (struct golden){.file = fopen(path, "r")};
    if (!at->file)
        fail_msg("%s: cannot be read", path);
}

static bool next_case(struct golden *at)
{
    while (fgets(at->line, sizeof at->line, at->file))
        if (sscanf(at->line, "case %63s %1023[^\n]", at->name, strcpy(at->words, "")) >= 1) {
            at->cases++;
            return true;
        }
    fclose(at->file);
    return false;
}

static double option(const struct golden *at, const char *key, double otherwise)
{
    char wanted[64];
    snprintf(wanted, sizeof wanted, " %s=", key);
    char words[1100] = " ";
    const char *found = strstr(strcat(words, at->words), wanted);
    return found ? strtod(found + strlen(wanted), NULL) : otherwise;
}
#define O(key, otherwise) option(at, key, otherwise)

/* The next checkpoint of the case; its number of values, 0 at the end. */
static size_t next_values(struct golden *at, int *step, double *values)
{
    if (!fgets(at->line, sizeof at->line, at->file) || at->line[0] == '\n')
        return 0;
    char *end;
    size_t count = 0;
    *step = (int)strtol(at->line, &end, 10);
    for (char *from = end; count < MOST_VALUES; from = end) {
        values[count] = strtod(from, &end);
        if (end == from)
            break;
        count++;
    }
    return count;
}

/* ---- The stream of gradients, as the tool's --------------------------------------------------------------------------------------- */
static double draw(uint64_t *stream)
{
    *stream = *stream * 6364136223846793005u + 1442695040888963407u;
    return (double)(*stream >> 48) / 32768 - 1;
}

static ct_tensor *draw_tensor(uint64_t *stream, ct_dtype dtype, int rank, const int64_t *sizes)
{
    double values[64];
    int64_t count = 1;
    for (int axis = 0; axis < rank; axis++)
        count *= sizes[axis];
    for (int64_t i = 0; i < count; i++)
        values[i] = draw(stream);
    return ct_cast((ct_from_array)(values, CT_FLOAT64, sizes, (size_t)rank), dtype);
}

static size_t read_all(ct_module *module, ct_tensor *const *p, int count, double *values)
{
    (void)module;
    size_t total = 0;
    for (int i = 0; i < count; i++) {
        CT_SCOPE;
        ct_tensor *wide = ct_contiguous(ct_cast(ct_detach(p[i]), CT_FLOAT64));
        assert_true(ct_to_array(wide, values + total, (size_t)ct_numel(wide) * sizeof *values));
        total += (size_t)ct_numel(wide);
    }
    return total;
}

static void check(const struct golden *at, int step, size_t count, const double *got, const double *want, double bound)
{
    for (size_t i = 0; i < count; i++)
        if (!(fabs(got[i] - want[i]) <= bound * fabs(want[i]) + 1e-15) && !(isnan(got[i]) && isnan(want[i])))
            fail_msg("%s %s: step %d, element %zu is %.17g, want %.17g (relative error %g)", at->name, at->words, step, i, got[i], want[i],
                     fabs(got[i] - want[i]) / fabs(want[i]));
}

/* ---- Optimizers -------------------------------------------------------------------------------------------------------------------- */
#define COMMON .lr = O("lr", lr), .weight_decay = O("weight_decay", decay), .maximize = O("maximize", 0) != 0
#define BETAS .beta1 = O("beta1", 0.9), .beta2 = O("beta2", 0.999), .eps = O("eps", 1e-8)

static ct_optimizer *make(const struct golden *at, ct_module *m)
{
    const char *n = at->name;
    double lr = 1e-3, decay = 0;
    if (!strcmp(n, "sgd"))
        return ct_optim_sgd(m, COMMON, .momentum = O("momentum", 0), .dampening = O("dampening", 0), .nesterov = O("nesterov", 0) != 0);
    if (!strcmp(n, "adam"))
        return ct_optim_adam(m, COMMON, BETAS, .amsgrad = O("amsgrad", 0) != 0);
    if (!strcmp(n, "radam"))
        return ct_optim_radam(m, COMMON, BETAS, .decoupled_weight_decay = O("decoupled_weight_decay", 0) != 0);
    lr = 1e-2;
    if (!strcmp(n, "adagrad"))
        return ct_optim_adagrad(m, COMMON, .lr_decay = O("lr_decay", 0), .initial_accumulator_value = O("initial_accumulator_value", 0),
                                .eps = O("eps", 1e-10));
    if (!strcmp(n, "rmsprop"))
        return ct_optim_rmsprop(m, COMMON, .alpha = O("alpha", 0.99), .eps = O("eps", 1e-8), .momentum = O("momentum", 0),
                                .centered = O("centered", 0) != 0);
    lr = 2e-3;
    if (!strcmp(n, "adamax"))
        return ct_optim_adamax(m, COMMON, BETAS);
    if (!strcmp(n, "nadam"))
        return ct_optim_nadam(m, COMMON, BETAS, .momentum_decay = O("momentum_decay", 4e-3),
                              .decoupled_weight_decay = O("decoupled_weight_decay", 0) != 0);
    lr = 1;
    if (!strcmp(n, "adadelta"))
        return ct_optim_adadelta(m, COMMON, .rho = O("rho", 0.9), .eps = O("eps", 1e-6));
    lr = 1e-3, decay = 1e-2;
    if (!strcmp(n, "adamw"))
        return ct_optim_adamw(m, COMMON, BETAS, .amsgrad = O("amsgrad", 0) != 0);
    lr = 0.02, decay = 0.1;
    if (!strcmp(n, "muon"))
        return ct_optim_muon(m, COMMON, .momentum = O("momentum", 0.95), .no_nesterov = O("no_nesterov", 0) != 0,
                             .scale = (ct_muon_scale)O("scale", 0));
    fail_msg("no optimizer %s", n);
    return NULL;
}

static void follow(struct golden *at)           /* bounds: 1e-10 relative */
{
    CT_SCOPE;
    double want[MOST_VALUES], got[MOST_VALUES];
    uint64_t stream = 12345;
    const int64_t a_sizes[] = {3, 4}, b_sizes[] = {5};
    ct_tensor *p[] = {draw_tensor(&stream, CT_FLOAT64, 2, a_sizes), draw_tensor(&stream, CT_FLOAT64, 1, b_sizes)};
    ct_module *module = ct_nn_parameter_list(p[0], p[1]);
    ct_optimizer *optimizer = make(at, module);
    assert_non_null(optimizer);
    int step = 0, checkpoint;
    for (size_t count; (count = next_values(at, &checkpoint, want));) {
        for (; step < checkpoint;) {
            CT_SCOPE;
            step++;
            assert_true(ct_set_gradient(p[0], draw_tensor(&stream, CT_FLOAT64, 2, a_sizes)));
            assert_true(ct_set_gradient(p[1], draw_tensor(&stream, CT_FLOAT64, 1, b_sizes)));
            if (step % 7 == 3)
                ct_zero_gradient(p[1]);
            assert_true(ct_step(optimizer));
        }
        assert_int_equal(read_all(module, p, 2, got), count);
        check(at, step, count, got, want, 1e-10);
    }
    assert_int_equal(step, 1000);
    ct_free(optimizer), ct_free(module);
}

/* PyTorch's directions are rounded to bfloat16, 8 bits, in each of 15 products: 20 steps of 0.02 may part by a few hundredths of that. */
static void follow_muon(struct golden *at)
{
    CT_SCOPE;
    double want[MOST_VALUES], got[MOST_VALUES];
    uint64_t stream = 12345;
    const int64_t sizes[3][2] = {{4, 6}, {7, 3}, {5, 5}};
    ct_tensor *p[3];
    for (int i = 0; i < 3; i++)
        p[i] = draw_tensor(&stream, CT_FLOAT32, 2, sizes[i]);
    ct_module *module = ct_nn_parameter_list(p[0], p[1], p[2]);
    ct_optimizer *optimizer = make(at, module);
    assert_non_null(optimizer);
    int step = 0, checkpoint;
    for (size_t count; (count = next_values(at, &checkpoint, want));) {
        for (; step < checkpoint; step++)
            for (int i = 0; i <= 3; i++) {
                CT_SCOPE;
                assert_true(i < 3 ? ct_set_gradient(p[i], draw_tensor(&stream, CT_FLOAT32, 2, sizes[i])) : ct_step(optimizer));
            }
        assert_int_equal(read_all(module, p, 3, got), count);
        for (size_t i = 0; i < count; i++)
            if (!(fabs(got[i] - want[i]) <= 0.02 * 0.02 * step))
                fail_msg("muon %s: step %d, element %zu is %.9g, want %.9g", at->words, step, i, got[i], want[i]);
    }
    assert_int_equal(step, 20);
    ct_free(optimizer), ct_free(module);
}

/* ---- L-BFGS ------------------------------------------------------------------------------------------------------------------------- */
struct rosenbrock {
    ct_tensor *x;
    double sign;
};

/* In plain numbers, in the order of the tool's: the paths part by rounding alone, which the many steps make larger. */
static double rosenbrock(void *context)
{
    const struct rosenbrock *r = context;
    double x[10], g[10] = {0}, loss = 0;
    assert_true(ct_to_array(r->x, x, sizeof x));
    for (int i = 0; i < 9; i++) {
        const double a = x[i + 1] - x[i] * x[i], b = 1 - x[i];
        loss += 100 * (a * a) + b * b;
        g[i] += -400 * (a * x[i]) - 2 * b;
        g[i + 1] += 200 * a;
    }
    for (int i = 0; i < 10; i++)
        g[i] *= r->sign;
    assert_true(ct_recording() && ct_set_gradient(r->x, ct_from_array(g, 10)));
    return r->sign * loss;
}

static void follow_lbfgs(struct golden *at)
{
    CT_SCOPE;
    double want[MOST_VALUES], got[MOST_VALUES], start[10];
    for (int i = 0; i < 10; i++)
        start[i] = i % 2 ? 1 : -1.2;
    ct_tensor *x = ct_from_array(start, 10);
    ct_module *module = ct_nn_parameter_list(x);
    ct_optimizer *lbfgs = ct_optim_lbfgs(module, .lr = O("lr", 1), .iterations = (int64_t)O("iterations", 20), .history = (int64_t)O("history", 100),
                                         .evaluations = (int64_t)O("evaluations", 0), .strong_wolfe = O("strong_wolfe", 0) != 0,
                                         .maximize = O("maximize", 0) != 0);
    assert_non_null(lbfgs);
    struct rosenbrock r = {x, O("maximize", 0) != 0 ? -1 : 1};
    int step = 0, checkpoint;
    double loss = 0;
    for (size_t count; (count = next_values(at, &checkpoint, want));) {
        for (; step < checkpoint; step++)
            loss = ct_step_closure(lbfgs, rosenbrock, &r);
        assert_int_equal(read_all(module, &x, 1, got), count - 1);
        check(at, step, count - 1, got, want, 1e-8);
        assert_true(fabs(loss - want[count - 1]) <= 1e-6 * fabs(loss) + 1e-8);
    }
    assert_int_equal(step, 50);
    ct_free(lbfgs), ct_free(module);
}

static void test_optimizers_go_where_pytorchs_go(void **state)
{
    (void)state;
    struct golden at;
    open_golden(&at, "optimizers.txt");
    while (next_case(&at))
        (!strcmp(at.name, "lbfgs") ? follow_lbfgs : !strcmp(at.name, "muon") ? follow_muon : follow)(&at);
    assert_int_equal(at.cases, 83);
    assert_true(ct_ok());
}

/* ---- Schedules ------------------------------------------------------------------------------------------------------------------------ */
static double inverse(int64_t t, int group, void *context)
{
    (void)context;
    return (group ? 0.5 : 1) / (1 + (double)t);
}

static double shrinking(int64_t t, int group, void *context)
{
    (void)group, (void)context;
    return 1 - 1 / (2 + (double)t);
}

static double scale(int64_t x, int group, void *context)
{
    (void)group, (void)context;
    return 1 / (5 + (double)x);
}

static ct_schedule *schedule_of(const struct golden *at, ct_optimizer *a)
{
    const char *n = at->name;
    static const double one_highs[] = {0.3, 0.6}, lows[] = {0.01, 0.02}, highs[] = {0.1, 0.3}, least[] = {0.001, 0.05};
    const bool each = O("groups", 0) != 0;
    if (!strcmp(n, "step"))
        return ct_schedule_step(a, (int64_t)O("every", 0), .gamma = O("gamma", 0.1));
    if (!strcmp(n, "multi_step"))
        return ct_schedule_multi_step(a, O("gamma", 0.1), (int64_t)O("a", 0), (int64_t)O("b", 0));
    if (!strcmp(n, "exponential"))
        return ct_schedule_exponential(a, O("gamma", 0));
    if (!strcmp(n, "polynomial"))
        return ct_schedule_polynomial(a, (int64_t)O("steps", 0), .power = O("power", 1));
    if (!strcmp(n, "linear"))
        return ct_schedule_linear(a, .start = O("start", 1.0 / 3), .end = O("end", 1), .steps = (int64_t)O("steps", 5));
    if (!strcmp(n, "constant"))
        return ct_schedule_constant(a, .factor = O("factor", 1.0 / 3), .steps = (int64_t)O("steps", 5));
    if (!strcmp(n, "cosine"))
        return ct_schedule_cosine(a, (int64_t)O("steps", 0), .lowest = O("lowest", 0));
    if (!strcmp(n, "cosine_restarts"))
        return ct_schedule_cosine_restarts(a, (int64_t)O("first", 0), .multiple = (int64_t)O("multiple", 1), .lowest = O("lowest", 0));
    if (!strcmp(n, "one_cycle"))
        return ct_schedule_one_cycle(a, 0.3, (int64_t)O("steps", 0), .rise = O("rise", 0.3), .linear = O("linear", 0) != 0,
                                     .three_phase = O("three_phase", 0) != 0, .no_momentum = O("no_momentum", 0) != 0, .div = O("div", 25),
                                     .final_div = O("final_div", 1e4), .base_momentum = O("base_momentum", 0.85),
                                     .max_momentum = O("max_momentum", 0.95), .highs = each ? one_highs : NULL);
    if (!strcmp(n, "cyclic"))
        return ct_schedule_cyclic(a, 0.01, 0.1, .up = (int64_t)O("up", 0), .down = (int64_t)O("down", 0),
                                  .shape = (ct_schedule_shape)O("shape", 0), .gamma = O("gamma", 1), .no_momentum = O("no_momentum", 0) != 0,
                                  .base_momentum = O("base_momentum", 0.8), .max_momentum = O("max_momentum", 0.9),
                                  .height = O("height", 0) != 0 ? scale : NULL, .by_step = O("by_step", 0) != 0, .lows = each ? lows : NULL,
                                  .highs = each ? highs : NULL);
    if (!strcmp(n, "plateau"))
        return ct_schedule_plateau(a, .max = O("max", 0) != 0, .absolute = O("absolute", 0) != 0, .factor = O("factor", 0.1),
                                   .threshold = O("threshold", 1e-4), .lowest = O("lowest", 0), .eps = O("eps", 1e-8),
                                   .patience = (int64_t)O("patience", 10), .cooldown = (int64_t)O("cooldown", 0), .lows = each ? least : NULL);
    if (!strcmp(n, "lambda"))
        return ct_schedule_lambda(a, inverse, NULL);
    if (!strcmp(n, "multiplicative"))
        return ct_schedule_multiplicative(a, shrinking, NULL);
    if (!strcmp(n, "chained"))
        return ct_schedule_chained(ct_schedule_constant(a, .factor = 0.1, .steps = 20), ct_schedule_exponential(a, 0.99),
                                   ct_schedule_cosine(a, 700));
    if (!strcmp(n, "sequential"))
        return ct_schedule_sequential(CT_SCHEDULES(ct_schedule_linear(a, .start = 0.1, .steps = 20), ct_schedule_cosine(a, 100),
                                                   ct_schedule_step(a, 50)), 20, 120);
    if (!strcmp(n, "sequential_restarts"))
        return ct_schedule_sequential(CT_SCHEDULES(ct_schedule_constant(a, .factor = 0.1, .steps = 30), ct_schedule_cosine_restarts(a, 40),
                                                   ct_schedule_exponential(a, 0.9)), 20, 300);
    fail_msg("no schedule %s", n);
    return NULL;
}

static double metric(int t)
{
    return (1 + fmod((double)t * 7919, 13) / 100) * pow(0.98, t < 60 ? t : 60);
}

static void follow_schedule(struct golden *at)
{
    CT_SCOPE;
    double want[MOST_VALUES];
    ct_module *module = ct_nn_parameter_list(ct_randn(3), ct_randn(2));
    ct_optimizer *sgd = ct_optim_sgd(module, .lr = 0.1, .momentum = 0.9);
    assert_int_equal(ct_optimizer_group(sgd, "1"), 1);
    assert_true(ct_optimizer_set(sgd, 1, "lr", 0.25));
    ct_schedule *schedule = schedule_of(at, sgd);
    if (!schedule)
        fail_msg("%s %s: %s", at->name, at->words, ct_error());
    int t = 0, checkpoint;
    for (size_t count; (count = next_values(at, &checkpoint, want));) {
        for (; t < checkpoint; t++)
            if (!ct_schedule_next_metric(schedule, metric(t)))
                fail_msg("%s %s: %s", at->name, at->words, ct_error());
        const double got[] = {ct_optimizer_get(sgd, 0, "lr"), ct_optimizer_get(sgd, 1, "lr"), ct_optimizer_get(sgd, 0, "momentum")};
        assert_int_equal(count, 3);
        check(at, t, 3, got, want, 1e-12);
        assert_int_equal(ct_schedule_time(schedule), t);
    }
    assert_true(t >= 499);
    ct_free(schedule), ct_free(sgd), ct_free(module);
}

static void test_schedules_are_pytorchs(void **state)
{
    (void)state;
    struct golden at;
    open_golden(&at, "schedules.txt");
    while (next_case(&at))
        follow_schedule(&at);
    assert_int_equal(at.cases, 52);
    assert_true(ct_ok());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_optimizers_go_where_pytorchs_go),
        cmocka_unit_test(test_schedules_are_pytorchs),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    ct_shutdown();
    return failed;
}
