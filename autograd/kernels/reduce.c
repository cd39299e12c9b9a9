/* Sums and products of rows; compiled once per instruction set. Rows whose elements lie together are taken one by one, each in LANES
 * partial sums a BLOCK; FOLD_ABREAST rows that lie side by side in the same order, together. Down, all rows go at once, a term each.
 * Blocks are joined in double: the order is fixed by n alone, and the error stays that of a block. */
#include <string.h>

#include "isa.h"
#include "kernels.h"
#include "tables.h"

#define UNUSED __attribute__((unused))
enum { BLOCK = 512, LANES = 64, DOWN = 64, SHORT = 16, ABREAST = FOLD_ABREAST };

/* Whether a compiler fuses what it may must not depend on how the operands lie. */
#if defined(__FMA__) || defined(__ARM_FEATURE_FMA)
#define MULTIPLY_ADD(a, b, c) _Generic((a), float: __builtin_fmaf, double: __builtin_fma)(a, b, c)
#else
#define MULTIPLY_ADD(a, b, c) ((a) * (b) + (c))
#endif

#define PLUS(a, b) ((a) + (b))
#define TIMES(a, b) ((a) * (b))

/* What a value adds to its lane */
#define SUM(lane, v) ((lane) + (v))
#define NUMBERS(lane, v) ((lane) + ((v) == (v) ? (v) : 0))
#define SQUARES(lane, v) MULTIPLY_ADD((v) - about, (v) - about, lane)
#define PRODUCT(lane, v) ((lane) * (v))
#define NONZERO(lane, v) ((lane) + ((v) != 0))

/* Lanes that a short block does not reach hold what changes no bit, and may be left out. */
ISA_INLINE size_t lanes_used(size_t n, size_t count)
{
    size_t lanes = n < SHORT ? 1 : LANES;
    while (lanes / 2 >= count && lanes > 1)
        lanes /= 2;
    return lanes;
}

/* Terms of T are joined in lanes of L, and blocks of them in S; bytes overflow after 255. */
#define ROWS_ALONG(name, T, L, S, suffix, NONE, JOIN, TAKE)                                                              \
    ISA_INLINE S name##_row_##suffix(const T *x, size_t n, ptrdiff_t step, const T about UNUSED)                         \
    {                                                                                                                    \
        const size_t block = sizeof(L) == 1 ? 3 * LANES : BLOCK;                                                         \
        S total = NONE;                                                                                                  \
        if (n < SHORT) {                                                                                                 \
            L lane = NONE;                                                                                               \
            for (size_t i = 0; i < n; i++)                                                                               \
                lane = (L)TAKE(lane, x[(ptrdiff_t)i * step]);                                                            \
            return (S)lane;                                                                                              \
        }                                                                                                                \
        for (size_t start = 0; start < n; start += block) {                                                              \
            const size_t count = n - start < block ? n - start : block, whole = count / LANES * LANES;                   \
            L lane[LANES];                                                                                               \
            for (size_t j = 0; j < LANES; j++)                                                                           \
                lane[j] = NONE;                                                                                          \
            for (size_t i = 0; i < whole; i += LANES)                                                                    \
                for (size_t j = 0; j < LANES; j++)                                                                       \
                    lane[j] = (L)TAKE(lane[j], x[(ptrdiff_t)(start + i + j) * step]);                                    \
            for (size_t i = whole; i < count; i++)                                                                       \
                lane[i - whole] = (L)TAKE(lane[i - whole], x[(ptrdiff_t)(start + i) * step]);                            \
            for (size_t width = lanes_used(n, count) / 2; width; width /= 2)                                             \
                for (size_t j = 0; j < width; j++)                                                                       \
                    lane[j] = (L)JOIN(lane[j], lane[j + width]);                                                         \
            total = JOIN(total, (S)lane[0]);                                                                             \
        }                                                                                                                \
        return total;                                                                                                    \
    }                                                                                                                    \
    ISA_INLINE void name##_abreast_##suffix(S *totals, const T *x, size_t n, ptrdiff_t step, const T *abouts)            \
    {                                                                                                                    \
        const size_t block = sizeof(L) == 1 ? 3 * LANES : BLOCK, mask = n < SHORT ? 0 : LANES - 1;                       \
        T middle[ABREAST] = {0};                                                                                         \
        if (abouts)                                                                                                      \
            memcpy(middle, abouts, sizeof middle);                                                                       \
        for (size_t row = 0; row < ABREAST; row++)                                                                       \
            totals[row] = NONE;                                                                                          \
        for (size_t start = 0; start < n; start += block) {                                                              \
            const size_t count = n - start < block ? n - start : block, used = lanes_used(n, count);                     \
            L lane[LANES][ABREAST];                                                                                      \
            for (size_t j = 0; j < used; j++)                                                                            \
                for (size_t row = 0; row < ABREAST; row++)                                                               \
                    lane[j][row] = NONE;                                                                                 \
            for (size_t i = 0; i < count; i++, x += step)                                                                \
                for (size_t row = 0; row < ABREAST; row++) {                                                             \
                    const T about UNUSED = middle[row];                                                                  \
                    lane[i & mask][row] = (L)TAKE(lane[i & mask][row], x[row]);                                          \
                }                                                                                                        \
            for (size_t width = used / 2; width; width /= 2)                                                             \
                for (size_t j = 0; j < width; j++) {                                                                     \
                    L pair[ABREAST];                                                                                     \
                    for (size_t row = 0; row < ABREAST; row++)                                                           \
                        pair[row] = (L)JOIN(lane[j][row], lane[j + width][row]);                                         \
                    memcpy(lane[j], pair, sizeof pair);                                                                  \
                }                                                                                                        \
            for (size_t row = 0; row < ABREAST; row++)                                                                   \
                totals[row] = JOIN(totals[row], (S)lane[0][row]);                                                        \
        }                                                                                                                \
    }                                                                                                                    \
    static void name##_along_##suffix(void *to, const void *from, size_t rows, ptrdiff_t row_step, size_t n, ptrdiff_t step, const void *abouts) \
    {                                                                                                                    \
        S *totals = to;                                                                                                  \
        const T *x = from, *about = abouts;                                                                              \
        size_t i = 0;                                                                                                    \
        if (row_step == 1 && step != 1)                                                                                  \
            for (; i + ABREAST <= rows; i += ABREAST, x += ABREAST)                                                      \
                name##_abreast_##suffix(totals + i, x, n, step, about ? about + i : NULL);                               \
        if (step == 1)                                                                                                   \
            for (; i < rows; i++, x += row_step)                                                                         \
                totals[i] = name##_row_##suffix(x, n, 1, about ? about[i] : 0);                                          \
        else                                                                                                             \
            for (; i < rows; i++, x += row_step)                                                                         \
                totals[i] = name##_row_##suffix(x, n, step, about ? about[i] : 0);                                       \
    }

#define ROWS_DOWN(name, T, L, S, suffix, NONE, JOIN, TAKE)                                                               \
    static void name##_down_##suffix(void *to, const void *from, size_t rows, ptrdiff_t row_step, size_t n, ptrdiff_t step, const void *abouts) \
    {                                                                                                                    \
        static const T zeros[FOLD_MOST];                                                                                 \
        const T *x = from, *middle = abouts ? abouts : zeros;                                                            \
        S *totals = to;                                                                                                  \
        L lane[FOLD_MOST];                                                                                               \
        for (size_t j = 0; j < rows; j++)                                                                                \
            totals[j] = NONE;                                                                                            \
        for (size_t start = 0; start < n; start += DOWN) {                                                               \
            const size_t count = n - start < DOWN ? n - start : DOWN;                                                    \
            size_t i = 0;                                                                                                \
            for (size_t j = 0; j < rows; j++)                                                                            \
                lane[j] = NONE;                                                                                          \
            if (row_step == 1)                                                                                           \
                for (; i + 4 <= count; i += 4, x += 4 * step)                                                            \
                    for (size_t j = 0; j < rows; j++) {                                                                  \
                        const T about UNUSED = middle[j];                                                                \
                        L sum = (L)TAKE(lane[j], x[j]);                                                                  \
                        sum = (L)TAKE(sum, x[step + (ptrdiff_t)j]);                                                      \
                        sum = (L)TAKE(sum, x[2 * step + (ptrdiff_t)j]);                                                  \
                        lane[j] = (L)TAKE(sum, x[3 * step + (ptrdiff_t)j]);                                              \
                    }                                                                                                    \
            for (; i < count; i++, x += step)                                                                            \
                for (size_t j = 0; j < rows; j++) {                                                                      \
                    const T about UNUSED = middle[j];                                                                    \
                    lane[j] = (L)TAKE(lane[j], x[(ptrdiff_t)j * row_step]);                                              \
                }                                                                                                        \
            for (size_t j = 0; j < rows; j++)                                                                            \
                totals[j] = JOIN(totals[j], (S)lane[j]);                                                                 \
        }                                                                                                                \
    }

#define ROWS(...)                                                                                                        \
    ROWS_ALONG(__VA_ARGS__)                                                                                              \
    ROWS_DOWN(__VA_ARGS__)
ROWS(sum, float, float, double, f32, 0, PLUS, SUM)
ROWS(sum, double, double, double, f64, 0, PLUS, SUM)
ROWS(sum, uint64_t, uint64_t, uint64_t, i64, 0, PLUS, SUM)
ROWS(sum, uint8_t, uint8_t, uint64_t, u8, 0, PLUS, SUM)
ROWS(numbers, float, float, double, f32, 0, PLUS, NUMBERS)
ROWS(numbers, double, double, double, f64, 0, PLUS, NUMBERS)
ROWS(squares, float, float, double, f32, 0, PLUS, SQUARES)
ROWS(squares, double, double, double, f64, 0, PLUS, SQUARES)
ROWS(product, float, double, double, f32, 1, TIMES, PRODUCT)
ROWS(product, double, double, double, f64, 1, TIMES, PRODUCT)
ROWS(product, uint64_t, uint64_t, uint64_t, i64, 1, TIMES, PRODUCT)
ROWS(product, uint8_t, uint8_t, uint64_t, u8, 1, TIMES, PRODUCT)
ROWS(nonzero, float, uint32_t, uint64_t, f32, 0, PLUS, NONZERO)
ROWS(nonzero, double, uint64_t, uint64_t, f64, 0, PLUS, NONZERO)
ROWS(nonzero, uint64_t, uint64_t, uint64_t, i64, 0, PLUS, NONZERO)

void ISA_NAME(reduce_table)(struct kernels *table)
{
#define ENTER(kind, at, name, suffix) table->fold[kind][FOLD_ALONG][at] = name##_along_##suffix, table->fold[kind][FOLD_DOWN][at] = name##_down_##suffix
#define ENTER_FLOATS(kind, name) ENTER(kind, F32, name, f32), ENTER(kind, F64, name, f64)
    ENTER_FLOATS(FOLD_SUM, sum), ENTER(FOLD_SUM, I64, sum, i64), ENTER(FOLD_SUM, BOOL, sum, u8);
    ENTER_FLOATS(FOLD_NUMBERS, numbers);
    ENTER_FLOATS(FOLD_SQUARES, squares);
    ENTER_FLOATS(FOLD_PRODUCT, product), ENTER(FOLD_PRODUCT, I64, product, i64), ENTER(FOLD_PRODUCT, BOOL, product, u8);
    ENTER_FLOATS(FOLD_NONZERO, nonzero), ENTER(FOLD_NONZERO, I64, nonzero, i64), ENTER(FOLD_NONZERO, BOOL, sum, u8);
}
