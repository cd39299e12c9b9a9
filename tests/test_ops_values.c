/* test_ops_values.c - values and gradients of every differentiable op against PyTorch's, as goldens.py wrote them down. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "cotangent.h"

enum { MOST_INPUTS = 3, MOST_VALUES = 32 };
struct golden { char kind; int rank; int64_t sizes[4]; double values[MOST_VALUES]; };
struct row {
    const char *text;
    ct_tensor *(*run)(ct_tensor *const *in);
    double exact, tolerance;                    /* relative, of float64 and float32 */
    struct golden inputs[MOST_INPUTS], result, gradients[MOST_INPUTS];
};

#define JOIN_(a, b) a##b
#define JOIN(a, b) JOIN_(a, b)
#define INPUTS(...) {__VA_ARGS__}
#define GRADIENTS(...) {__VA_ARGS__}

/* Once for the functions, named by their lines, and once for the table. */
#define GOLDEN(expression, ...)                                                                                          \
    static ct_tensor *JOIN(run_, __LINE__)(ct_tensor *const *in)                                                         \
    {                                                                                                                    \
        return expression;                                                                                               \
    }
#include "goldens.h"
#undef GOLDEN
static const struct row rows[] = {
#define GOLDEN(expression, ...) {#expression, JOIN(run_, __LINE__), __VA_ARGS__},
#include "goldens.h"
#undef GOLDEN
};

static int64_t count_of(const struct golden *g)
{
    int64_t n = 1;
    for (int i = 0; i < g->rank; i++)
        n *= g->sizes[i];
    return n;
}

static ct_tensor *made(const struct golden *g, ct_dtype floats)
{
    ct_tensor *x = (ct_from_array)(g->values, CT_FLOAT64, g->sizes, (size_t)g->rank);
    x = ct_cast(x, g->kind == 'f' ? floats : g->kind == 'i' ? CT_INT64 : CT_BOOL);
    return g->kind == 'f' ? ct_require_grad(x, true) : x;
}

/* Relative to the value, with as much to spare around 0: what float32 cannot hold is infinite or 0 in both. */
static int compare(const struct row *row, const char *what, ct_tensor *found, const struct golden *wanted, ct_dtype dtype)
{
    const double relative = dtype == CT_FLOAT64 ? row->exact : row->tolerance, near_zero = dtype == CT_FLOAT64 ? 1e-15 : row->tolerance / 4;
    int wrong = 0;
    if (!found || ct_rank(found) != wanted->rank || ct_numel(found) != count_of(wanted)) {
        print_error("%s: %s %s: %s\n", row->text, what, ct_dtype_name(dtype), found ? "another shape" : ct_error());
        ct_error_clear();
        return 1;
    }
    ct_tensor *plain = ct_contiguous(ct_cast(ct_detach(found), CT_FLOAT64));
    const double *v = ct_data(plain);
    for (int64_t i = 0; i < count_of(wanted); i++) {
        double w = wanted->values[i];
        if (dtype == CT_FLOAT32)
            w = (double)(float)w;
        if (v[i] == w || (isnan(v[i]) && isnan(w)) || fabs(v[i] - w) <= relative * fabs(w) + near_zero)
            continue;
        print_error("%s: %s %s, element %d: %.17g, PyTorch %.17g\n", row->text, what, ct_dtype_name(dtype), (int)i, v[i], w);
        wrong++;
    }
    return wrong;
}

static int check_row(const struct row *row, ct_dtype dtype)
{
    CT_SCOPE;
    ct_tensor *in[MOST_INPUTS] = {0};
    int wrong = 0, inputs = 0;
    while (inputs < MOST_INPUTS && row->inputs[inputs].kind) {
        in[inputs] = made(&row->inputs[inputs], dtype);
        inputs++;
    }
    ct_tensor *y = row->run(in);
    wrong += compare(row, "value", y, &row->result, dtype);
    if (!y || !ct_requires_grad(y))
        return wrong;
    ct_tensor *g = ct_clone(ct_zeros_like(ct_contiguous(ct_detach(y))));
    for (int64_t i = 0; i < ct_numel(y); i++)
        if (ct_dtype_of(g) == CT_FLOAT32)
            ((float *)ct_mutable_data(g))[i] = 0.5F + (float)(i % 5) / 4;
        else
            ((double *)ct_mutable_data(g))[i] = 0.5 + (double)(i % 5) / 4;
    if (!ct_backward(y, .cotangent = g)) {
        print_error("%s: %s\n", row->text, ct_error());
        ct_error_clear();
        return wrong + 1;
    }
    for (int i = 0, k = 0; i < inputs; i++)
        if (row->inputs[i].kind == 'f')
            wrong += compare(row, k == 0 ? "first gradient" : "later gradient", ct_gradient(in[i]), &row->gradients[k], dtype), k++;
    return wrong;
}

static void test_float64_as_pytorch(void **state)
{
    (void)state;
    int wrong = 0;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        wrong += check_row(&rows[i], CT_FLOAT64);
    assert_int_equal(wrong, 0);
}

static void test_float32_as_pytorch(void **state)
{
    (void)state;
    int wrong = 0;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        wrong += check_row(&rows[i], CT_FLOAT32);
    assert_int_equal(wrong, 0);
}

static int end(void **state)
{
    (void)state;
    print_message("# %d rows\n", (int)(sizeof rows / sizeof *rows));
    ct_shutdown();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_float64_as_pytorch),
        cmocka_unit_test(test_float32_as_pytorch),
    };
    return cmocka_run_group_tests(tests, NULL, end);
}
