/* Sums and extremes of one row, or of all columns of a block of rows; compiled once per instruction set.
 *
 * A float32 row is summed in blocks of BLOCK elements, each in LANES partial sums, and the blocks in double: the order is fixed by
 * n alone, and the error stays that of a block. */
#include <string.h>

#include "isa.h"
#include "kernels.h"
#include "tables.h"

#define UNUSED __attribute__((unused))
enum { BLOCK = 512, LANES = 64, FEW_LANES = 16, ROWS = 64, SHORT = 16 };

/* The term of a sum: v, or the square of its distance from `about`. */
#define PLAIN(v) (v)
#define NUMBER(v) ((v) == (v) ? (v) : 0)
#define SQUARE(v) (((v) - (T_)about) * ((v) - (T_)about))

#define SUM_ROW(name, T, suffix, TERM)                                                                                   \
    ISA_INLINE double name##_inline_##suffix(const T *x, size_t n, ptrdiff_t step, double about)                         \
    {                                                                                                                    \
        typedef T T_ __attribute__((unused));                                                                            \
        (void)about;                                                                                                     \
        double total = 0;                                                                                                \
        if (n < SHORT) {                                                                                                 \
            T sum = 0;                                                                                                   \
            for (size_t i = 0; i < n; i++)                                                                               \
                sum += TERM(x[(ptrdiff_t)i * step]);                                                                     \
            return (double)sum;                                                                                          \
        }                                                                                                                \
        for (size_t start = 0; start < n; start += BLOCK) {                                                              \
            size_t count = n - start < BLOCK ? n - start : BLOCK, whole = count / LANES * LANES;                         \
            T lane[LANES] = {0}, sum = 0;                                                                                \
            if (step == 1)                                                                                               \
                for (size_t i = 0; i < whole; i += LANES)                                                                \
                    for (size_t j = 0; j < LANES; j++)                                                                   \
                        lane[j] += TERM(x[start + i + j]);                                                               \
            else                                                                                                         \
                for (size_t i = 0; i < whole; i += LANES)                                                                \
                    for (size_t j = 0; j < LANES; j++)                                                                   \
                        lane[j] += TERM(x[(ptrdiff_t)(start + i + j) * step]);                                           \
            for (size_t i = whole; i < count; i++)                                                                       \
                lane[i - whole] += TERM(x[(ptrdiff_t)(start + i) * step]);                                               \
            for (size_t width = LANES / 2; width; width /= 2)                                                            \
                for (size_t j = 0; j < width; j++)                                                                       \
                    lane[j] += lane[j + width];                                                                          \
            sum = lane[0];                                                                                               \
            total += sum;                                                                                                \
        }                                                                                                                \
        return total;                                                                                                    \
    }                                                                                                                    \
    static double name##_row_##suffix(const void *from, size_t n, ptrdiff_t step, double about)                          \
    {                                                                                                                    \
        return name##_inline_##suffix(from, n, step, about);                                                             \
    }                                                                                                                    \
    static void name##_rows_##suffix(void *to, const void *from, size_t rows, ptrdiff_t row_step, size_t n, ptrdiff_t step, const void *abouts) \
    {                                                                                                                    \
        T *out = to;                                                                                                     \
        const T *x = from, *about = abouts;                                                                              \
        if (n < SHORT && step == 1)                                                                                      \
            for (size_t i = 0; i < rows; i++, x += row_step)                                                             \
                out[i] = (T)name##_inline_##suffix(x, n, 1, about ? (double)about[i] : 0);                               \
        else                                                                                                             \
            for (size_t i = 0; i < rows; i++, x += row_step)                                                             \
                out[i] = (T)name##_inline_##suffix(x, n, step, about ? (double)about[i] : 0);                            \
    }

/* out[j] = sum of terms of x[i][j]: strips of LANES columns stay in registers over ROWS rows, then go to a strip of doubles. */
#define SUM_COLUMNS(name, T, suffix, TERM)                                                                               \
    static void name##_columns_##suffix(void *to, const void *from, size_t rows, size_t columns, ptrdiff_t row_step, const void *abouts) \
    {                                                                                                                    \
        typedef T T_ __attribute__((unused));                                                                            \
        T *out = to;                                                                                                     \
        for (size_t first = 0; first < columns; first += LANES) {                                                        \
            size_t width = columns - first < LANES ? columns - first : LANES;                                            \
            double total[LANES] = {0};                                                                                   \
            T middle[LANES] = {0};                                                                                       \
            if (abouts)                                                                                                  \
                memcpy(middle, (const T *)abouts + first, width * sizeof(T));                                            \
            for (size_t start = 0; start < rows; start += ROWS) {                                                        \
                size_t end = rows - start < ROWS ? rows : start + ROWS;                                                  \
                T strip[LANES] = {0};                                                                                    \
                const T *x = (const T *)from + (ptrdiff_t)start * row_step + (ptrdiff_t)first;                           \
                if (width == LANES)                                                                                      \
                    for (size_t i = start; i < end; i++, x += row_step)                                                  \
                        for (size_t j = 0; j < LANES; j++) {                                                             \
                            const T about UNUSED = middle[j];                                                            \
                            strip[j] += TERM(x[j]);                                                                      \
                        }                                                                                                \
                else                                                                                                     \
                    for (size_t i = start; i < end; i++, x += row_step)                                                  \
                        for (size_t j = 0; j < width; j++) {                                                             \
                            const T about UNUSED = middle[j];                                                            \
                            strip[j] += TERM(x[j]);                                                                      \
                        }                                                                                                \
                for (size_t j = 0; j < width; j++)                                                                       \
                    total[j] += strip[j];                                                                                \
            }                                                                                                            \
            for (size_t j = 0; j < width; j++)                                                                           \
                out[first + j] = (T)total[j];                                                                            \
        }                                                                                                                \
    }

#define SUM_INTEGERS(T, suffix)                                                                                          \
    static int64_t sum_integers_##suffix(const void *from, size_t n, ptrdiff_t step)                                     \
    {                                                                                                                    \
        const T *x = from;                                                                                               \
        uint64_t total = 0;                                                                                              \
        for (size_t i = 0; i < n; i++)                                                                                   \
            total += (uint64_t)x[(ptrdiff_t)i * step];                                                                   \
        return (int64_t)total;                                                                                           \
    }

/* A NaN is better than any number. Long rows: the best value first, in lanes, then its first place. */
#define EXTREME(name, T, suffix, better)                                                                                 \
    ISA_INLINE size_t name##_lanes_##suffix(const T *x, size_t n, const size_t lanes)                                    \
    {                                                                                                                    \
        T lane[LANES], best;                                                                                             \
        size_t place;                                                                                                    \
        memcpy(lane, x, lanes * sizeof *lane);                                                                           \
        for (size_t i = lanes; i < n; i += lanes) {                                                                      \
            const T *block = x + (i + lanes <= n ? i : n - lanes); /* the last one overlaps: nothing is counted twice */ \
            for (size_t j = 0; j < lanes; j++)                                                                           \
                lane[j] = lane[j] better block[j] || lane[j] != lane[j] ? lane[j] : block[j];                            \
        }                                                                                                                \
        best = lane[0];                                                                                                  \
        for (size_t j = 1; j < lanes; j++)                                                                               \
            best = best better lane[j] || best != best ? best : lane[j];                                                 \
        for (place = 0; place + lanes <= n; place += lanes) {                                                            \
            int found = 0;                                                                                               \
            for (size_t j = 0; j < lanes; j++)                                                                           \
                found |= (x[place + j] == best) | ((x[place + j] != x[place + j]) & (best != best));                     \
            if (found)                                                                                                   \
                break;                                                                                                   \
        }                                                                                                                \
        while (!(x[place] == best || (x[place] != x[place] && best != best)))                                            \
            place++;                                                                                                     \
        return place;                                                                                                    \
    }                                                                                                                    \
    static size_t name##_##suffix(const void *from, size_t n, ptrdiff_t step)                                            \
    {                                                                                                                    \
        const T *x = from;                                                                                               \
        if (step == 1 && n >= 2 * FEW_LANES)                                                                             \
            return n < 2 * LANES ? name##_lanes_##suffix(x, n, FEW_LANES) : name##_lanes_##suffix(x, n, LANES);          \
        T best = x[0];                                                                                                   \
        size_t place = 0;                                                                                                \
        for (size_t i = 1; i < n; i++) {                                                                                 \
            const T v = x[(ptrdiff_t)i * step];                                                                          \
            const bool wins = v better best || ((v != v) & (best == best));                                              \
            best = wins ? v : best, place = wins ? i : place;                                                            \
        }                                                                                                                \
        return place;                                                                                                    \
    }                                                                                                                    \
    static void name##_columns_##suffix(int64_t *places, const void *from, size_t rows, size_t columns, ptrdiff_t row_step) \
    {                                                                                                                    \
        for (size_t first = 0; first < columns; first += LANES) {                                                        \
            const size_t width = columns - first < LANES ? columns - first : LANES;                                      \
            const T *x = (const T *)from + first;                                                                        \
            T best[LANES] = {0};                                                                                         \
            INDEX_OF(T) place[LANES] = {0};                                                                              \
            memcpy(best, x, width * sizeof(T));                                                                          \
            for (size_t i = 1; i < rows; i++) {                                                                          \
                x += row_step;                                                                                           \
                if (width == LANES)                                                                                      \
                    for (size_t j = 0; j < LANES; j++)                                                                   \
                        BEAT(T, better)                                                                                  \
                else                                                                                                     \
                    for (size_t j = 0; j < width; j++)                                                                   \
                        BEAT(T, better)                                                                                  \
            }                                                                                                            \
            for (size_t j = 0; j < width; j++)                                                                           \
                places[first + j] = (int64_t)place[j];                                                                   \
        }                                                                                                                \
    }
#define INDEX_OF(T) __typeof__(__builtin_choose_expr(sizeof(T) == 8, (uint64_t)0, (uint32_t)0))
#define BEAT(T, better)                                                                                                  \
    {                                                                                                                    \
        const T v = x[j];                                                                                                \
        const bool wins = v better best[j] || ((v != v) & (best[j] == best[j]));                                         \
        best[j] = wins ? v : best[j], place[j] = wins ? (INDEX_OF(T))i : place[j];                                       \
    }

#define SUMS(T, suffix)                                                                                                  \
    SUM_ROW(sum, T, suffix, PLAIN)                                                                                       \
    SUM_ROW(numbers, T, suffix, NUMBER)                                                                                  \
    SUM_ROW(squares, T, suffix, SQUARE)                                                                                  \
    SUM_COLUMNS(sum, T, suffix, PLAIN)                                                                                   \
    SUM_COLUMNS(numbers, T, suffix, NUMBER)                                                                              \
    SUM_COLUMNS(squares, T, suffix, SQUARE)
SUMS(float, f32)
SUMS(double, f64)
SUM_INTEGERS(int64_t, i64)
SUM_INTEGERS(uint8_t, bool)
EXTREME(largest, float, f32, >)
EXTREME(largest, double, f64, >)
EXTREME(largest, int64_t, i64, >)
EXTREME(largest, uint8_t, bool, >)
EXTREME(smallest, float, f32, <)
EXTREME(smallest, double, f64, <)
EXTREME(smallest, int64_t, i64, <)
EXTREME(smallest, uint8_t, bool, <)

void ISA_NAME(reduce_table)(struct kernels *table)
{
#define SUMS_OF(name, kind)                                                                                              \
    table->sum_row[kind][F32] = name##_row_f32, table->sum_row[kind][F64] = name##_row_f64;                              \
    table->sum_rows[kind][F32] = name##_rows_f32, table->sum_rows[kind][F64] = name##_rows_f64;                          \
    table->sum_columns[kind][F32] = name##_columns_f32, table->sum_columns[kind][F64] = name##_columns_f64
    SUMS_OF(sum, SUM_PLAIN);
    SUMS_OF(numbers, SUM_NUMBERS);
    SUMS_OF(squares, SUM_SQUARES);
    table->sum_integers[I64] = sum_integers_i64, table->sum_integers[BOOL] = sum_integers_bool;
#define EXTREMES_OF(name, kind)                                                                                          \
    table->extreme[kind][F32] = name##_f32, table->extreme[kind][F64] = name##_f64;                                      \
    table->extreme[kind][I64] = name##_i64, table->extreme[kind][BOOL] = name##_bool;                                    \
    table->extreme_columns[kind][F32] = name##_columns_f32, table->extreme_columns[kind][F64] = name##_columns_f64;      \
    table->extreme_columns[kind][I64] = name##_columns_i64, table->extreme_columns[kind][BOOL] = name##_columns_bool
    EXTREMES_OF(smallest, 0);
    EXTREMES_OF(largest, 1);
}
