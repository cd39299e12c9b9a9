/* Softmax and its family over one contiguous row; compiled once per instruction set. A row without a finite largest value
 * has no softmax: all -inf or any +inf gives NaN, as in PyTorch; logsumexp is the infinity itself. */
#include "fold.h"
#include "kernels.h"
#include "math.h"
#include "tables.h"

#define ROWS(T, suffix, EXP, LOG)                                                                                        \
    static T largest_##suffix(const T *x, size_t n)                                                                      \
    {                                                                                                                    \
        if (n < LANES) {                                                                                                 \
            T m = -INFINITY;                                                                                             \
            for (size_t i = 0; i < n; i++)                                                                               \
                m = LARGER(m, x[i]);                                                                                     \
            return m;                                                                                                    \
        }                                                                                                                \
        FOLD(T, m, -INFINITY, n, VALUE, LARGER)                                                                          \
        return m;                                                                                                        \
    }                                                                                                                    \
    static void softmax_##suffix(void *to, const void *from, size_t n)                                                   \
    {                                                                                                                    \
        T *out = to;                                                                                                     \
        const T *x = from;                                                                                               \
        T m = largest_##suffix(x, n), total = 0;                                                                         \
        if (n < LANES) {                                                                                                 \
            for (size_t i = 0; i < n; i++)                                                                               \
                out[i] = EXP(x[i] - m);                                                                                  \
            for (size_t i = 0; i < n; i++)                                                                               \
                total += out[i];                                                                                         \
        } else {                                                                                                         \
            FOLD(T, sum, 0, n, STORED_##suffix, PLUS)                                                                    \
            total = sum;                                                                                                 \
        }                                                                                                                \
        T scale = 1 / total;                                                                                             \
        for (size_t i = 0; i < n; i++)                                                                                   \
            out[i] *= scale;                                                                                             \
    }                                                                                                                    \
    static void softmax_parts_##suffix(const void *from, size_t n, double *largest, double *rest)                        \
    {                                                                                                                    \
        const T *x = from;                                                                                               \
        const T shift = largest_##suffix(x, n);                                                                          \
        T total = 0;                                                                                                     \
        if (n < LANES) {                                                                                                 \
            T e[LANES];                                                                                                  \
            for (size_t i = 0; i < n; i++)                                                                               \
                e[i] = EXP(x[i] - shift);                                                                                \
            for (size_t i = 0; i < n; i++)                                                                               \
                total += e[i];                                                                                           \
        } else {                                                                                                         \
            FOLD(T, sum, 0, n, SHIFTED_##suffix, PLUS)                                                                   \
            total = sum;                                                                                                 \
        }                                                                                                                \
        *largest = (double)shift;                                                                                        \
        *rest = (double)LOG(total);                                                                                      \
    }                                                                                                                    \
    static double logsumexp_##suffix(const void *from, size_t n)                                                         \
    {                                                                                                                    \
        double m, rest;                                                                                                  \
        softmax_parts_##suffix(from, n, &m, &rest);                                                                      \
        return m == INFINITY || m == -INFINITY ? m : m + rest;                                                           \
    }                                                                                                                    \
    static void log_softmax_##suffix(void *to, const void *from, size_t n)                                               \
    {                                                                                                                    \
        T *out = to;                                                                                                     \
        const T *x = from;                                                                                               \
        double m, rest;                                                                                                  \
        softmax_parts_##suffix(x, n, &m, &rest);                                                                         \
        const T shift = (T)m, less = (T)rest;                                                                            \
        for (size_t i = 0; i < n; i++)                                                                                   \
            out[i] = x[i] - shift - less;                                                                                \
    }                                                                                                                    \
    static void softmax_vjp_##suffix(void *to, const void *cotangent, const void *result, size_t n)                      \
    {                                                                                                                    \
        T *dx = to;                                                                                                      \
        const T *g = cotangent, *y = result;                                                                             \
        FOLD(T, dot, 0, n, PRODUCT, PLUS)                                                                                \
        for (size_t i = 0; i < n; i++)                                                                                   \
            dx[i] = y[i] * (g[i] - dot);                                                                                 \
    }                                                                                                                    \
    static void log_softmax_vjp_##suffix(void *to, const void *cotangent, const void *result, size_t n)                  \
    {                                                                                                                    \
        T *dx = to;                                                                                                      \
        const T *g = cotangent, *y = result;                                                                             \
        FOLD(T, sum, 0, n, COTANGENT, PLUS)                                                                              \
        for (size_t i = 0; i < n; i++)                                                                                   \
            dx[i] = g[i] - EXP(y[i]) * sum;                                                                              \
    }                                                                                                                    \
    static void softmax_minus_target_##suffix(void *to, const void *from, size_t n, double largest, double rest, int64_t target, double scale) \
    {                                                                                                                    \
        T *dx = to;                                                                                                      \
        const T *x = from;                                                                                               \
        const T m = (T)largest, less = (T)rest, s = (T)scale;                                                            \
        for (size_t i = 0; i < n; i++)                                                                                   \
            dx[i] = EXP(x[i] - m - less) * s;                                                                            \
        dx[target] -= s;                                                                                                 \
    }
#define VALUE(i) x[i]
#define STORED_f32(i) (out[i] = exp_f32(x[i] - m))
#define STORED_f64(i) (out[i] = exp(x[i] - m))
#define PRODUCT(i) (g[i] * y[i])
#define COTANGENT(i) g[i]
#define SHIFTED_f32(i) exp_f32(x[i] - shift)
#define SHIFTED_f64(i) exp(x[i] - shift)
ROWS(float, f32, exp_f32, log_f32)
ROWS(double, f64, exp, log)

void ISA_NAME(rows_table)(struct kernels *table)
{
#define FLOATS_OF(name) table->name[F32] = name##_f32, table->name[F64] = name##_f64
    FLOATS_OF(softmax), FLOATS_OF(log_softmax), FLOATS_OF(softmax_parts), FLOATS_OF(logsumexp), FLOATS_OF(softmax_vjp), FLOATS_OF(log_softmax_vjp);
    FLOATS_OF(softmax_minus_target);
}
