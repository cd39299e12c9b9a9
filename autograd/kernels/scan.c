/* Running sums, products and extremes of a row. */
#include <math.h>

#include "scan.h"

#define SCANS(T, SUM, suffix)                                                                                            \
    static void sum_##suffix(void *to, const void *from, size_t n)                                                       \
    {                                                                                                                    \
        const T *x = from;                                                                                               \
        SUM total = 0;                                                                                                   \
        for (size_t i = 0; i < n; i++)                                                                                   \
            STORE_##suffix(to, i, total += (SUM)x[i]);                                                                   \
    }                                                                                                                    \
    static void product_##suffix(void *to, const void *from, size_t n)                                                   \
    {                                                                                                                    \
        const T *x = from;                                                                                               \
        SUM total = 1;                                                                                                   \
        for (size_t i = 0; i < n; i++)                                                                                   \
            STORE_##suffix(to, i, total *= (SUM)x[i]);                                                                   \
    }
#define STORE_f32(to, i, v) (((float *)(to))[i] = (float)(v))
#define STORE_f64(to, i, v) (((double *)(to))[i] = (v))
#define STORE_i64(to, i, v) (((int64_t *)(to))[i] = (int64_t)(v)) /* carried unsigned: overflow wraps */
#define STORE_bool STORE_i64
SCANS(float, double, f32)
SCANS(double, double, f64)
SCANS(int64_t, uint64_t, i64)
SCANS(uint8_t, uint64_t, bool)
scan_kernel *const scan_sum[DTYPES] = {sum_f32, sum_f64, sum_i64, sum_bool};
scan_kernel *const scan_product[DTYPES] = {product_f32, product_f64, product_i64, product_bool};

static double log_add_exp(double a, double b)
{
    if (isnan(a) || isnan(b))
        return NAN;
    const double low = a < b ? a : b, high = a < b ? b : a;
    return low == high && isinf(low) ? low : high + log1p(exp(low - high));
}

#define FLOAT_SCANS(T, suffix)                                                                                           \
    static void logsumexp_##suffix(void *to, const void *from, size_t n)                                                 \
    {                                                                                                                    \
        T *y = to;                                                                                                       \
        const T *x = from;                                                                                               \
        double total = -INFINITY;                                                                                        \
        for (size_t i = 0; i < n; i++)                                                                                   \
            y[i] = (T)(total = log_add_exp(total, (double)x[i]));                                                        \
    }                                                                                                                    \
    static void recurrence_##suffix(void *to, const void *factors, const void *terms, size_t n)                          \
    {                                                                                                                    \
        T *r = to;                                                                                                       \
        const T *a = factors, *b = terms;                                                                                \
        double last = n ? (double)b[0] : 0;                                                                              \
        for (size_t i = 0; i < n; i++)                                                                                   \
            r[i] = (T)(last = i ? (double)a[i] * last + (double)b[i] : last);                                            \
    }
FLOAT_SCANS(float, f32)
FLOAT_SCANS(double, f64)
scan_kernel *const scan_logsumexp[FLOATS] = {logsumexp_f32, logsumexp_f64};
void (*const scan_recurrence[FLOATS])(void *r, const void *a, const void *b, size_t n) = {recurrence_f32, recurrence_f64};

#define EXTREME(name, T, suffix, no_worse)                                                                               \
    static void name##_##suffix(void *to, int64_t *places, const void *from, size_t n)                                   \
    {                                                                                                                    \
        T *y = to;                                                                                                       \
        const T *x = from;                                                                                               \
        size_t best = 0;                                                                                                 \
        for (size_t i = 0; i < n; i++) {                                                                                 \
            if (x[i] != x[i] || x[i] no_worse x[best])                                                                   \
                best = i;                                                                                                \
            y[i] = x[best], places[i] = (int64_t)best;                                                                   \
        }                                                                                                                \
    }
EXTREME(largest, float, f32, >=)
EXTREME(largest, double, f64, >=)
EXTREME(largest, int64_t, i64, >=)
EXTREME(largest, uint8_t, bool, >=)
EXTREME(smallest, float, f32, <=)
EXTREME(smallest, double, f64, <=)
EXTREME(smallest, int64_t, i64, <=)
EXTREME(smallest, uint8_t, bool, <=)
void (*const scan_extreme[2][DTYPES])(void *y, int64_t *places, const void *x, size_t n) = {
    {smallest_f32, smallest_f64, smallest_i64, smallest_bool}, {largest_f32, largest_f64, largest_i64, largest_bool}};
