/* Running sums, products and extremes of a row. */
#include "scan.h"

enum { ABREAST = 4 };                           /* rows at a time: while one waits for its last sum, the others go on */

#define SCAN(name, T, SUM, suffix, identity, op)                                                                         \
    static void name##_##suffix(void *to, const void *from, size_t n, size_t rows, const double *starts)                 \
    {                                                                                                                    \
        const T *x = from;                                                                                               \
        for (size_t row = 0, here; row < rows; row += here) {                                                            \
            const size_t first = row * n;                                                                                \
            SUM total[ABREAST] = {identity, identity, identity, identity};                                               \
            here = rows - row < ABREAST ? 1 : ABREAST;                                                                   \
            for (size_t r = 0; r < here && starts; r++)                                                                  \
                total[r] = (SUM)starts[row + r];                                                                         \
            if (here == ABREAST)                                                                                         \
                for (size_t i = first; i < first + n; i++)                                                               \
                    for (size_t r = 0; r < ABREAST; r++)                                                                 \
                        STORE_##suffix(to, i + r * n, total[r] op (SUM)x[i + r * n]);                                    \
            else                                                                                                         \
                for (size_t i = first; i < first + n; i++)                                                               \
                    STORE_##suffix(to, i, total[0] op (SUM)x[i]);                                                        \
        }                                                                                                                \
    }
#define SCANS(T, SUM, suffix)                                                                                            \
    SCAN(sum, T, SUM, suffix, 0, +=)                                                                                     \
    SCAN(product, T, SUM, suffix, 1, *=)
#define STORE_f32(to, i, v) (((float *)(to))[i] = (float)(v))
#define STORE_f64(to, i, v) (((double *)(to))[i] = (v))
#define STORE_i64(to, i, v) (((int64_t *)(to))[i] = (int64_t)(v)) /* carried unsigned: overflow wraps */
#define STORE_byte STORE_i64
SCANS(float, double, f32)
SCANS(double, double, f64)
SCANS(int64_t, uint64_t, i64)
SCANS(uint8_t, uint64_t, byte)
scan_kernel *const scan_sum[DTYPES] = {sum_f32, sum_f64, sum_i64, sum_byte};
scan_kernel *const scan_product[DTYPES] = {product_f32, product_f64, product_i64, product_byte};

double scan_total(const float *x, size_t n)
{
    enum { LANES = 8 };
    double lane[LANES] = {0}, total = 0;
    size_t i = 0;
    for (; i + LANES <= n; i += LANES)
        for (size_t j = 0; j < LANES; j++)
            lane[j] += (double)x[i + j];
    for (size_t j = 0; i < n; i++, j++)
        lane[j] += (double)x[i];
    for (size_t j = 0; j < LANES; j++)
        total += lane[j];
    return total;
}

/* here rows from `at` on, their steps taken in turn. */
#define RECURRENCE(T, here)                                                                                              \
    for (size_t i = 0; i < n; i++)                                                                                       \
        for (size_t r = 0; r < here; r++) {                                                                              \
            const size_t k = at + r * n + i;                                                                             \
            y[k] = (T)(last[r] = i ? (double)a[k] * last[r] + (double)b[k] : (double)b[k]);                              \
        }
/* What is behind may overflow where its product with what is before does not: last is of a wider range. */
#define PRODUCT_VJP(T, here)                                                                                             \
    for (size_t i = n; i-- > 0;)                                                                                         \
        for (size_t r = 0; r < here; r++) {                                                                              \
            const size_t k = at + r * n + i;                                                                             \
            last[r] = i + 1 < n ? x[k + 1] * last[r] + g[k] : g[k];                                                      \
            dx[k] = (T)(i ? last[r] * y[k - 1] : last[r]);                                                               \
        }
#define IN_TURN(BODY, T, SUM)                                                                                            \
    for (size_t row = 0; row < rows;) {                                                                                  \
        const size_t at = row * n;                                                                                       \
        SUM last[ABREAST] = {0};                                                                                         \
        if (rows - row >= ABREAST) {                                                                                     \
            BODY(T, ABREAST)                                                                                             \
            row += ABREAST;                                                                                              \
        } else {                                                                                                         \
            BODY(T, 1)                                                                                                   \
            row++;                                                                                                       \
        }                                                                                                                \
    }
#define FLOAT_SCANS(T, WIDER, suffix)                                                                                    \
    static void recurrence_##suffix(void *to, const void *factors, const void *terms, size_t n, size_t rows)             \
    {                                                                                                                    \
        T *y = to;                                                                                                       \
        const T *a = factors, *b = terms;                                                                                \
        IN_TURN(RECURRENCE, T, double)                                                                                   \
    }                                                                                                                    \
    static void product_vjp_##suffix(void *to, const void *cotangent, const void *input, const void *output, size_t n, size_t rows) \
    {                                                                                                                    \
        T *dx = to;                                                                                                      \
        const T *g = cotangent, *x = input, *y = output;                                                                 \
        IN_TURN(PRODUCT_VJP, T, WIDER)                                                                                   \
    }
FLOAT_SCANS(float, double, f32)
FLOAT_SCANS(double, long double, f64)
scan_recurrence_kernel *const scan_recurrence[FLOATS] = {recurrence_f32, recurrence_f64};
scan_product_vjp_kernel *const scan_product_vjp[FLOATS] = {product_vjp_f32, product_vjp_f64};

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
