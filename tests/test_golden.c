/* test_golden.c - every op's values and gradients against PyTorch's, as tools/make_goldens.py wrote them into tests/golden. */
#include <dirent.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "golden_file.h"

enum { FEWEST_FORWARD = 1500, FEWEST_GRADIENT = 900, MOST_FILES = 32, SHOWN = 10 };

/* ---- The expressions ------------------------------------------------------------------------------------------------------- */
#define NUMBER(key) golden_number(c, #key)
#define FLAG(key) (golden_number(c, #key) != 0)
#define INT(key) ((int)golden_number(c, #key))
#define INTS(key) golden_list(c, #key)->ints, golden_list(c, #key)->count
#define SIZES(key) golden_list(c, #key)->sizes, golden_list(c, #key)->count
#define WORD(key, words) golden_word(c, #key, words)
#define TEXT(key) golden_text(c, #key)
#define SUBSCRIPTS(key) c->subscripts, golden_subscripts(c, #key)
#define OPERANDS c->operands
#define RESULTS c->results
#define ROW(name, expression)                                                                                            \
    static ct_tensor *run_##name(struct golden *c, ct_tensor **in, ct_tensor **out)                                      \
    {                                                                                                                    \
        (void)c, (void)in, (void)out;                                                                                    \
        return expression;                                                                                               \
    }
#include "golden_cases.def"
#undef ROW

static struct row {
    const char *name;
    ct_tensor *(*run)(struct golden *c, ct_tensor **in, ct_tensor **out);
    int cases;
} rows[] = {
#define ROW(name, expression) {#name, run_##name, 0},
#include "golden_cases.def"
#undef ROW
};

static struct row *row_of(const char *name)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (!strcmp(rows[i].name, name))
            return &rows[i];
    return NULL;
}

/* ---- How near is near ------------------------------------------------------------------------------------------------------ */
/* Held to 1e-7 in float64. */
static const char *const special[] = {
    "binary_cross_entropy",                     /* PyTorch's bound of 1e-12 is a float32 there */
    "hardsigmoid",                              /* and its sixth */
    "polygamma",                                /* near its pole, by a shorter series */
};

static bool is_special(const char *name)
{
    for (size_t i = 0; i < sizeof special / sizeof *special; i++)
        if (!strcmp(special[i], name))
            return true;
    return false;
}

/* Float64 has no absolute tolerance, but rounding of terms that cancel leaves something. */
static bool is_near(double found, double wanted, ct_dtype dtype, bool special_function, bool gradient)
{
    const double relative = dtype == CT_FLOAT32 ? 1.3e-6 : special_function ? 1e-7 : 1e-10;
    const double absolute = dtype == CT_FLOAT32 ? 1e-5 : 1e-14;
    if (isnan(wanted) || isinf(wanted) || dtype == CT_INT64 || dtype == CT_BOOL)
        return isnan(wanted) ? isnan(found) : found == wanted;
    return fabs(found - wanted) <= (gradient ? 10 : 1) * (relative * fabs(wanted) + absolute);
}

/* ---- Known differences: ours, PyTorch's, and why ----------------------------------------------------------------------------- */
enum { ANY = -12345 };
static struct difference {
    const char *name, *what;
    double ours, theirs;
    const char *reason;
    int met;
} known[] = {
    {"pow", "result", INFINITY, NAN, "(-inf)^0.5 is +inf in IEEE 754; PyTorch takes the square root", 0},
    {"pow", "gradient", 0, NAN, "the same", 0},
    {"pow", "gradient", INFINITY, -INFINITY, "the same at -0.0", 0},
    {"gelu", "result", INFINITY, NAN, "gelu(inf): PyTorch's vectorised float32 multiplies by 0; its float64 gives inf", 0},
    {"elu", "gradient", NAN, ANY, "at NaN: PyTorch's float32 passes the cotangent on; its float64 gives NaN", 0},
    {"celu", "gradient", NAN, ANY, "the same", 0},
    {"selu", "gradient", NAN, ANY, "the same", 0},
    {"hardtanh", "gradient", 1.5, 0, "at NaN: the value is passed on and so is the cotangent; PyTorch's depends on the layout", 0},
    {"relu6", "gradient", 1.5, 0, "the same", 0},
    {"hardswish", "gradient", 1.5, NAN, "the same", 0},
    {"softsign", "gradient", 0, NAN, "at an infinity: PyTorch's is inf / inf", 0},
    {"mish", "gradient", 1, NAN, "the limit at inf; PyTorch multiplies infinity by 0", 0},
    {"digamma", "gradient", INFINITY, ANY, "at a pole PyTorch gives a large number", 0},
    {"amax", "gradient", 0, NAN, "where NaN wins, NaNs share the gradient, as in max of all; PyTorch's is NaN", 0},
    {"amax", "gradient", 0.25, NAN, "the same", 0},
    {"amin", "gradient", 0, NAN, "the same", 0},
    {"amin", "gradient", 0.25, NAN, "the same", 0},
    {"cumprod", "gradient", 2.75, NAN, "the derivative by a NaN is no NaN; PyTorch divides by it", 0},
    {"cumprod", "gradient", NAN, 0, "0 inf is NaN, as the derivative by what follows the two", 0},
};

static bool is_same(double found, double wanted)
{
    return wanted == ANY || found == wanted || fabs(found - wanted) <= 0x1p-52 * fabs(wanted) || (isnan(found) && isnan(wanted));
}

static bool is_known(const char *name, const char *what, double ours, double theirs)
{
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (!strcmp(known[i].name, name) && !strcmp(known[i].what, what) && is_same(ours, known[i].ours) && is_same(theirs, known[i].theirs)) {
            known[i].met++;
            return true;
        }
    return false;
}

/* ---- One case -------------------------------------------------------------------------------------------------------------- */
struct tally { int forward, gradient, strided, wrong; };
static struct tally all;

static int report(const struct golden *c, struct tally *tally, const char *text)
{
    if (tally->wrong++ < SHOWN)
        print_error("line %d: %s: %s\n", c->line, c->name, text);
    return 1;
}

static void compare(const struct golden *c, struct tally *tally, const char *what, size_t which, ct_tensor *found, ct_tensor *wanted)
{
    char text[200];
    ct_dtype dtype = found ? ct_dtype_of(found) : CT_BOOL;
    bool same = found && wanted && dtype == ct_dtype_of(wanted) && ct_rank(found) == ct_rank(wanted);
    for (int i = 0; same && i < ct_rank(wanted); i++)
        same = ct_size(found, i) == ct_size(wanted, i);
    if (!same) {
        snprintf(text, sizeof text, "%s %d: %s", what, (int)which, found ? "another shape or dtype" : ct_error());
        report(c, tally, text);
        return;
    }
    const double *v = ct_data(ct_contiguous(ct_cast(ct_detach(found), CT_FLOAT64)));
    const double *w = ct_data(ct_cast(wanted, CT_FLOAT64));
    for (int64_t i = 0; i < ct_numel(wanted); i++)
        if (!is_near(v[i], w[i], dtype, is_special(c->name), *what == 'g') && !is_known(c->name, what, v[i], w[i])) {
            snprintf(text, sizeof text, "%s %s %d, element %d: %.17g, PyTorch %.17g", ct_dtype_name(dtype), what, (int)which, (int)i, v[i], w[i]);
            report(c, tally, text);
            return;
        }
}

/* Element i of the k-th cotangent: 0.5 + (i + k) % 5 / 4. */
static ct_tensor *cotangent(ct_tensor *y, int k)
{
    ct_tensor *i = ct_reshape_as((ct_arange)(k, (double)(k + ct_numel(y)), 1, CT_INT64), y);
    return ct_cast(ct_add(ct_div(ct_remainder(i, 5), 4.0), 0.5), ct_dtype_of(y));
}

static void check_gradients(struct golden *c, struct tally *tally, ct_tensor **out)
{
    ct_tensor *outputs[GOLDEN_TENSORS], *cotangents[GOLDEN_TENSORS], *inputs[GOLDEN_TENSORS], *found[GOLDEN_TENSORS] = {0};
    size_t output_count = 0, input_count = 0;
    for (size_t k = 0; k < c->results; k++)
        if (ct_requires_grad(out[k])) {
            cotangents[output_count] = cotangent(out[k], (int)k);
            outputs[output_count++] = out[k];
        }
    for (size_t i = 0; i < c->operands; i++)
        if (c->wants[i])
            inputs[input_count++] = c->in[i];
    if (input_count != c->gradients || !output_count) {
        report(c, tally, output_count ? "not one gradient an operand marked grad" : "no result wants a gradient");
        return;
    }
    if (!ct_grads(outputs, output_count, inputs, input_count, found, .cotangents = cotangents, .allow_unused = true)) {
        report(c, tally, ct_error());
        return;
    }
    for (size_t i = 0; i < input_count; i++)
        compare(c, tally, "gradient", i, found[i] ? found[i] : ct_zeros_like(inputs[i]), c->gradient[i]);
}

static void check_case(struct golden *c, struct tally *tally)
{
    struct row *row = row_of(c->name);
    ct_tensor *out[GOLDEN_TENSORS] = {0};
    char text[300];
    if (*c->problem || !row) {
        report(c, tally, row ? c->problem : "no such expression in golden_cases.def");
        return;
    }
    row->cases++;
    tally->forward++;
    for (size_t i = 0; i < c->operands; i++)
        if (c->in[i] && !ct_is_contiguous(c->in[i])) {
            tally->strided++;
            break;
        }
    out[0] = row->run(c, c->in, out);
    if (*c->problem || golden_unread(c)) {
        snprintf(text, sizeof text, "%s%s", *c->problem ? c->problem : "a parameter that it has no use for: ", *c->problem ? "" : golden_unread(c));
        report(c, tally, text);
        return;
    }
    for (size_t k = 0; k < c->results; k++)
        compare(c, tally, "result", k, out[k], c->result[k]);
    if (out[0] && c->gradients) {
        tally->gradient++;
        check_gradients(c, tally, out);
    }
}

/* ---- The files ------------------------------------------------------------------------------------------------------------- */
static char folder[4096];
static int files;

static void test_file(void **state)
{
    char path[sizeof folder + GOLDEN_TEXT];
    struct golden c;
    struct tally tally = {0};
    snprintf(path, sizeof path, "%s/%s", folder, (const char *)*state);
    if (!golden_open(&c, path))
        fail_msg("%s: %s", path, c.problem);
    for (bool more = true; more;) {
        CT_SCOPE;
        more = golden_next(&c);
        if (more)
            check_case(&c, &tally);
        ct_error_clear();
    }
    golden_close(&c);
    print_message("# %s: %d forward, %d gradient cases, %d with strided operands\n", (const char *)*state, tally.forward, tally.gradient, tally.strided);
    all.forward += tally.forward;
    all.gradient += tally.gradient;
    all.strided += tally.strided;
    if (tally.wrong)
        fail_msg("%s: %d wrong", path, tally.wrong);
}

static void test_every_expression_has_a_case(void **state)
{
    (void)state;
    int without = 0;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (!rows[i].cases) {
            print_error("%s has no case\n", rows[i].name);
            without++;
        }
    assert_int_equal(without, 0);
}

/* A row whose difference is gone has to go too. */
static void test_known_differences_are_met(void **state)
{
    (void)state;
    int gone = 0;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        char theirs[32] = "a number";
        if (known[i].theirs != ANY)
            snprintf(theirs, sizeof theirs, "%g", known[i].theirs);
        print_message("# %s: %s %g, PyTorch %s: %s (%d times)\n", known[i].name, known[i].what, known[i].ours, theirs, known[i].reason, known[i].met);
        gone += !known[i].met;
    }
    assert_int_equal(gone, 0);
}

/* Ops of the registry that go by other names here, or that PyTorch's numbers cannot judge. */
static const struct { const char *op, *by; } elsewhere[] = {
    {"max_shared", "max"},
    {"min_shared", "min"},
    {"median_shared", "median"},
    {"scatter_prod", "scatter_reduce"},
    {"scatter_amax", "scatter_reduce"},
    {"scatter_amin", "scatter_reduce"},
    {"linear_relu", "linear"},
    {"repeat", "repeat_interleave"},
    {"linear_recurrence", "cumprod"},           /* its gradient */
    {"ctc", NULL},                              /* held to every alignment: tests/test_ctc.c */
    {"normal", NULL},                           /* random numbers: tests/test_random.c */
    {"multinomial", NULL},
    {"bernoulli", NULL},
    {"dropout", NULL},
};

static void test_every_op_of_the_registry_is_held(void **state)
{
    (void)state;
    static const char *const ops[] = {
#define OP(name) #name,
#include "autograd/ops/ops.def"
#undef OP
    };
    int missing = 0;
    for (size_t i = 0; i < sizeof ops / sizeof *ops; i++) {
        const char *name = ops[i];
        for (size_t k = 0; k < sizeof elsewhere / sizeof *elsewhere; k++)
            if (!strcmp(elsewhere[k].op, ops[i]))
                name = elsewhere[k].by;
        if (name && !row_of(name)) {
            print_error("%s has no expression in golden_cases.def\n", name);
            missing++;
        }
    }
    assert_int_equal(missing, 0);
}

static void test_there_are_enough_cases(void **state)
{
    (void)state;
    print_message("# %d files: %d forward, %d gradient cases, %d with strided operands\n", files, all.forward, all.gradient, all.strided);
    assert_true(all.forward >= FEWEST_FORWARD);
    assert_true(all.gradient >= FEWEST_GRADIENT);
}

static int end(void **state)
{
    (void)state;
    ct_shutdown();
    return 0;
}

/* A test a file, then what must be true of all of them. */
int main(void)
{
    struct CMUnitTest tests[MOST_FILES + 4] = {0};
    const char *root = getenv("CT_SOURCE_ROOT");
    snprintf(folder, sizeof folder, "%s/tests/golden", root ? root : ".");
    struct dirent **entries = NULL;
    const int found = scandir(folder, &entries, NULL, alphasort);
    for (int i = 0; i < found; i++) {
        if (*entries[i]->d_name == '.')
            continue;
        if (files == MOST_FILES)
            return fprintf(stderr, "%s: more than %d files\n", folder, MOST_FILES), 1;
        tests[files++] = (struct CMUnitTest){entries[i]->d_name, test_file, NULL, NULL, entries[i]->d_name};
    }
    tests[files] = (struct CMUnitTest)cmocka_unit_test(test_every_expression_has_a_case);
    tests[files + 1] = (struct CMUnitTest)cmocka_unit_test(test_every_op_of_the_registry_is_held);
    tests[files + 2] = (struct CMUnitTest)cmocka_unit_test(test_there_are_enough_cases);
    tests[files + 3] = (struct CMUnitTest)cmocka_unit_test(test_known_differences_are_met);
    const int failed = _cmocka_run_group_tests("golden", tests, (size_t)files + 4, NULL, end);
    for (int i = 0; i < found; i++)
        free(entries[i]);
    free(entries);
    return failed;
}
