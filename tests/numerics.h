/* What the tests of numerical corner cases share: a vector in, values and the gradient of the sum out. */
#ifndef COTANGENT_TESTS_NUMERICS_H
#define COTANGENT_TESTS_NUMERICS_H
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "cotangent.h"

#define VECTOR(...) vector((const double[]){__VA_ARGS__}, sizeof((const double[]){__VA_ARGS__}) / sizeof(double))
#define IS(x, ...) is(x, (const double[]){__VA_ARGS__}, sizeof((const double[]){__VA_ARGS__}) / sizeof(double), __LINE__)
#define GRADIENT(y, x, ...) IS(gradient(y, x), __VA_ARGS__)
#define FAILS(call, text) fails((call) != 0, text, __LINE__)

static inline ct_tensor *vector(const double *values, size_t count)
{
    return ct_require_grad((ct_vector)(values, count, CT_FLOAT64), true);
}

static inline ct_tensor *empty(int64_t rows, int64_t columns)
{
    return ct_require_grad(ct_zeros_as(CT_FLOAT64, rows, columns), true);
}

static inline ct_tensor *gradient(ct_tensor *y, ct_tensor *x)
{
    return ct_grad(y, x, .cotangent = ct_ones_like(y), .retain_graph = true);
}

static inline void is(ct_tensor *x, const double *wanted, size_t count, int line)
{
    if (!x)
        fail_msg("line %d: %s", line, ct_error());
    ct_tensor *plain = ct_contiguous(ct_cast(ct_detach(x), CT_FLOAT64));
    const double *v = ct_data(plain);
    assert_int_equal(ct_numel(x), count);
    for (size_t i = 0; i < count; i++)
        if (!(v[i] == wanted[i] || (isnan(v[i]) && isnan(wanted[i])) || fabs(v[i] - wanted[i]) <= 1e-12 * fmax(1, fabs(wanted[i]))))
            fail_msg("line %d: element %zu is %.17g, want %.17g", line, i, v[i], wanted[i]);
}

static inline void fails(bool worked, const char *text, int line)
{
    if (worked || !strstr(ct_error(), text))
        fail_msg("line %d: %s: \"%s\"", line, worked ? "no failure" : "another error", ct_error());
    ct_error_clear();
}

static inline int end(void **state)
{
    (void)state;
    ct_shutdown();
    return 0;
}
#endif
