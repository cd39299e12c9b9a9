/* Sums and extremes of one row, or of all columns of a block of rows; compiled once per instruction set.
 *
 * A float32 row is summed in blocks of BLOCK elements, each in LANES partial sums, and the blocks in double: the order is fixed by
 * n alone, and the error stays that of a block. */
#include <string.h>

#include "isa.h"
#include "kernels.h"
#include "tables.h"

enum { BLOCK = 512, LANES = 64, ROWS = 64, ABREAST = SUM_ABREAST };

/* Lanes that a short block does not reach hold zeros; leaving them out changes no bit. */
ISA_INLINE size_t lanes_used(size_t count)
{
    size_t lanes = LANES;
    while (lanes / 2 >= count && lanes > 1)
        lanes /= 2;
    return lanes;
}

#define SUM_ROW(T, suffix)                                                                                               \
    static double sum_row_##suffix(const void *from, size_t n, ptrdiff_t step)                                           \
    {                                                                                                                    \
        const T *x = from;                                                                                               \
        double total = 0;                                                                                                \
        for (size_t start = 0; start < n; start += BLOCK) {                                                              \
            size_t count = n - start < BLOCK ? n - start : BLOCK, whole = count / LANES * LANES;                         \
            T lane[LANES] = {0}, sum = 0;                                                                                \
            if (step == 1)                                                                                               \
                for (size_t i = 0; i < whole; i += LANES)                                                                \
                    for (size_t j = 0; j < LANES; j++)                                                                   \
                        lane[j] += x[start + i + j];                                                                     \
            else                                                                                                         \
                for (size_t i = 0; i < whole; i += LANES)                                                                \
                    for (size_t j = 0; j < LANES; j++)                                                                   \
                        lane[j] += x[(ptrdiff_t)(start + i + j) * step];                                                 \
            for (size_t i = whole; i < count; i++)                                                                       \
                lane[i - whole] += x[(ptrdiff_t)(start + i) * step];                                                     \
            for (size_t width = lanes_used(count) / 2; width; width /= 2)                                                \
                for (size_t j = 0; j < width; j++)                                                                       \
                    lane[j] += lane[j + width];                                                                          \
            sum = lane[0];                                                                                               \
            total += sum;                                                                                                \
        }                                                                                                                \
        return total;                                                                                                    \
    }

/* The same sums of ABREAST rows that lie side by side, x[i step + row]. */
#define SUM_ROWS_ABREAST(T, suffix)                                                                                      \
    static void sum_rows_abreast_##suffix(double *total, const void *from, size_t n, ptrdiff_t step)                     \
    {                                                                                                                    \
        const T *x = from;                                                                                               \
        for (size_t row = 0; row < ABREAST; row++)                                                                       \
            total[row] = 0;                                                                                              \
        for (size_t start = 0; start < n; start += BLOCK) {                                                              \
            const size_t count = n - start < BLOCK ? n - start : BLOCK;                                                  \
            T lane[LANES][ABREAST];                                                                                      \
            memset(lane, 0, lanes_used(count) * sizeof *lane);                                                           \
            for (size_t i = 0; i < count; i++, x += step)                                                                \
                for (size_t row = 0; row < ABREAST; row++)                                                               \
                    lane[i % LANES][row] += x[row];                                                                      \
            for (size_t width = lanes_used(count) / 2; width; width /= 2)                                                \
                for (size_t j = 0; j < width; j++) {                                                                     \
                    T pair[ABREAST];                                                                                     \
                    for (size_t row = 0; row < ABREAST; row++)                                                           \
                        pair[row] = lane[j][row] + lane[j + width][row];                                                 \
                    memcpy(lane[j], pair, sizeof pair);                                                                  \
                }                                                                                                        \
            for (size_t row = 0; row < ABREAST; row++)                                                                   \
                total[row] += lane[0][row];                                                                              \
        }                                                                                                                \
    }

/* out[j] = sum of x[i][j]: strips of LANES columns stay in registers over ROWS rows, then go to a strip of doubles. */
#define SUM_COLUMNS(T, suffix)                                                                                           \
    static void sum_columns_##suffix(void *to, const void *from, size_t rows, size_t columns, ptrdiff_t row_step,        \
                                     ptrdiff_t step)                                                                     \
    {                                                                                                                    \
        T *out = to;                                                                                                     \
        for (size_t first = 0; first < columns; first += LANES) {                                                        \
            size_t width = columns - first < LANES ? columns - first : LANES;                                            \
            double total[LANES] = {0};                                                                                   \
            for (size_t start = 0; start < rows; start += ROWS) {                                                        \
                size_t end = rows - start < ROWS ? rows : start + ROWS;                                                  \
                T strip[LANES] = {0};                                                                                    \
                const T *x = (const T *)from + (ptrdiff_t)start * row_step + (ptrdiff_t)first * step;                    \
                if (step != 1)                                                                                           \
                    for (size_t i = start; i < end; i++, x += row_step)                                                  \
                        for (size_t j = 0; j < width; j++)                                                               \
                            strip[j] += x[(ptrdiff_t)j * step];                                                          \
                else if (width == LANES)                                                                                 \
                    for (size_t i = start; i < end; i++, x += row_step)                                                  \
                        for (size_t j = 0; j < LANES; j++)                                                               \
                            strip[j] += x[j];                                                                            \
                else                                                                                                     \
                    for (size_t i = start; i < end; i++, x += row_step)                                                  \
                        for (size_t j = 0; j < width; j++)                                                               \
                            strip[j] += x[j];                                                                            \
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

/* The best of each BLOCK in LANES lanes; the first place only of the block that won. A NaN wins, and ends the search. */
#define EXTREME(name, T, suffix, better)                                                                                 \
    static size_t name##_##suffix(const void *from, size_t n, ptrdiff_t step)                                            \
    {                                                                                                                    \
        const T *x = from;                                                                                               \
        T best = x[0];                                                                                                   \
        size_t place = 0;                                                                                                \
        if (step != 1) {                                                                                                 \
            for (size_t i = 1; i < n && best == best; i++) {                                                             \
                T v = x[(ptrdiff_t)i * step];                                                                            \
                if (v better best || v != v)                                                                             \
                    best = v, place = i;                                                                                 \
            }                                                                                                            \
            return place;                                                                                                \
        }                                                                                                                \
        size_t found = n, found_end = n;                                                                                 \
        for (size_t start = 0, end; n >= LANES && start < n; start = end) {                                              \
            T lane[LANES], strange[LANES];                                                                               \
            end = n - start < BLOCK ? n : start + BLOCK;                                                                 \
            const size_t last = end - LANES, first = start < last ? start : last; /* the last lanes may be seen twice */ \
            for (size_t j = 0; j < LANES; j++)                                                                           \
                lane[j] = x[last + j], strange[j] = lane[j] != lane[j] ? 1 : 0;                                          \
            for (size_t i = first; i < last; i += LANES)                                                                 \
                for (size_t j = 0; j < LANES; j++) {                                                                     \
                    const T v = x[i + j];                                                                                \
                    lane[j] = v better lane[j] ? v : lane[j];                                                            \
                    strange[j] = v != v ? 1 : strange[j];                                                                \
                }                                                                                                        \
            for (size_t width = LANES / 2; width; width /= 2)                                                            \
                for (size_t j = 0; j < width; j++) {                                                                     \
                    lane[j] = lane[j + width] better lane[j] ? lane[j + width] : lane[j];                                \
                    strange[j] = strange[j + width] != 0 ? 1 : strange[j];                                               \
                }                                                                                                        \
            if (strange[0] != 0) {                                                                                       \
                for (place = first; x[place] == x[place];)                                                               \
                    place++;                                                                                             \
                return place;                                                                                            \
            }                                                                                                            \
            if (start == 0 || lane[0] better best)                                                                       \
                best = lane[0], found = first, found_end = end;                                                          \
        }                                                                                                                \
        if (found < n) {                                                                                                 \
            for (int there = 0; found + LANES < found_end; found += LANES) {                                             \
                for (size_t j = 0; j < LANES; j++)                                                                       \
                    there += x[found + j] == best;                                                                       \
                if (there)                                                                                               \
                    break;                                                                                               \
            }                                                                                                            \
            while (x[found] != best)                                                                                     \
                found++;                                                                                                 \
            return found;                                                                                                \
        }                                                                                                                \
        for (size_t i = 1; i < n && best == best; i++)                                                                   \
            if (x[i] better best || x[i] != x[i])                                                                        \
                best = x[i], place = i;                                                                                  \
        return place;                                                                                                    \
    }                                                                                                                    \
    static void name##_columns_##suffix(void *to, int64_t *to_places, const void *from, size_t rows, size_t columns, ptrdiff_t row_step) \
    {                                                                                                                    \
        T *out = to;                                                                                                     \
        for (size_t first = 0; first < columns; first += LANES) {                                                        \
            const size_t width = columns - first < LANES ? columns - first : LANES;                                      \
            T best[LANES];                                                                                               \
            int64_t place[LANES] = {0};                                                                                  \
            const T *x = (const T *)from + first;                                                                        \
            for (size_t j = 0; j < width; j++)                                                                           \
                best[j] = x[j];                                                                                          \
            for (size_t start = 1; start < rows; start += ROWS) {                                                        \
                const size_t end = rows - start < ROWS ? rows : start + ROWS;                                            \
                PLACE_##suffix since[LANES] = {0};                                                                       \
                for (size_t i = start; i < end; i++) {                                                                   \
                    const T *row = x + (ptrdiff_t)i * row_step;                                                          \
                    const PLACE_##suffix here = (PLACE_##suffix)(i - start + 1);                                         \
                    if (width == LANES)                                                                                  \
                        for (size_t j = 0; j < LANES; j++) {                                                             \
                            const bool take = (row[j] better best[j]) | ((row[j] != row[j]) & (best[j] == best[j]));     \
                            best[j] = take ? row[j] : best[j], since[j] = take ? here : since[j];                        \
                        }                                                                                                \
                    else                                                                                                 \
                        for (size_t j = 0; j < width; j++) {                                                             \
                            const bool take = (row[j] better best[j]) | ((row[j] != row[j]) & (best[j] == best[j]));     \
                            best[j] = take ? row[j] : best[j], since[j] = take ? here : since[j];                        \
                        }                                                                                                \
                }                                                                                                        \
                for (size_t j = 0; j < width; j++)                                                                       \
                    place[j] = since[j] ? (int64_t)start + since[j] - 1 : place[j];                                      \
            }                                                                                                            \
            for (size_t j = 0; j < width; j++) {                                                                         \
                if (to)                                                                                                  \
                    out[first + j] = best[j];                                                                            \
                if (to_places)                                                                                           \
                    to_places[first + j] = place[j];                                                                     \
            }                                                                                                            \
        }                                                                                                                \
    }
#define PLACE_f32 int32_t                       /* as wide as the element, for vectors */
#define PLACE_f64 int64_t
#define PLACE_i64 int64_t
#define PLACE_bool uint8_t

SUM_ROW(float, f32)
SUM_ROW(double, f64)
SUM_ROWS_ABREAST(float, f32)
SUM_ROWS_ABREAST(double, f64)
SUM_COLUMNS(float, f32)
SUM_COLUMNS(double, f64)
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
    table->sum_row[F32] = sum_row_f32, table->sum_row[F64] = sum_row_f64;
    table->sum_rows_abreast[F32] = sum_rows_abreast_f32, table->sum_rows_abreast[F64] = sum_rows_abreast_f64;
    table->sum_columns[F32] = sum_columns_f32, table->sum_columns[F64] = sum_columns_f64;
    table->sum_integers[I64] = sum_integers_i64, table->sum_integers[BOOL] = sum_integers_bool;
#define EXTREMES(at, name)                                                                                               \
    table->extreme[at][F32] = name##_f32, table->extreme[at][F64] = name##_f64;                                          \
    table->extreme[at][I64] = name##_i64, table->extreme[at][BOOL] = name##_bool;                                        \
    table->extreme_columns[at][F32] = name##_columns_f32, table->extreme_columns[at][F64] = name##_columns_f64;          \
    table->extreme_columns[at][I64] = name##_columns_i64, table->extreme_columns[at][BOOL] = name##_columns_bool;
    EXTREMES(0, smallest)
    EXTREMES(1, largest)
}
