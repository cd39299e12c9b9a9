/* The first smallest or largest of rows, a NaN before all; compiled once per instruction set. A row whose elements lie together is
 * searched in lanes, block by block, and the place looked for only in the block that won; rows side by side go together. */
#include "isa.h"
#include "kernels.h"
#include "tables.h"

enum { BLOCK = 512, LANES = 64, FEW_LANES = 16, DOWN = 64 };

#define EXTREME(name, T, suffix, better)                                                                                 \
    /* At least that many; the last lanes may be seen twice. */                                                          \
    ISA_INLINE T name##_lanes_##suffix(const T *x, size_t n, const size_t lanes)                                         \
    {                                                                                                                    \
        T lane[LANES], strange[LANES];                                                                                   \
        for (size_t j = 0; j < lanes; j++)                                                                               \
            lane[j] = x[n - lanes + j], strange[j] = lane[j] != lane[j] ? 1 : 0;                                         \
        for (size_t i = 0; i + lanes < n; i += lanes)                                                                    \
            for (size_t j = 0; j < lanes; j++) {                                                                         \
                const T v = x[i + j];                                                                                    \
                lane[j] = v better lane[j] ? v : lane[j];                                                                \
                strange[j] = v != v ? 1 : strange[j];                                                                    \
            }                                                                                                            \
        for (size_t width = lanes / 2; width; width /= 2)                                                                \
            for (size_t j = 0; j < width; j++) {                                                                         \
                lane[j] = lane[j + width] better lane[j] ? lane[j + width] : lane[j];                                    \
                strange[j] = strange[j + width] != 0 ? 1 : strange[j];                                                   \
            }                                                                                                            \
        if (strange[0] != 0)                                                                                             \
            while (x[0] == x[0])                                                                                         \
                x++;                                                                                                     \
        return strange[0] != 0 ? x[0] : lane[0];                                                                         \
    }                                                                                                                    \
    ISA_INLINE size_t name##_strided_##suffix(const T *x, size_t n, ptrdiff_t step)                                      \
    {                                                                                                                    \
        T best = x[0];                                                                                                   \
        size_t place = 0;                                                                                                \
        for (size_t i = 1; i < n && best == best; i++) {                                                                 \
            const T v = x[(ptrdiff_t)i * step];                                                                          \
            if (v better best || v != v)                                                                                 \
                best = v, place = i;                                                                                     \
        }                                                                                                                \
        return place;                                                                                                    \
    }                                                                                                                    \
    ISA_INLINE size_t name##_place_##suffix(const T *x, size_t n)                                                        \
    {                                                                                                                    \
        if (n < FEW_LANES)                                                                                               \
            return name##_strided_##suffix(x, n, 1);                                                                     \
        T best = x[0];                                                                                                   \
        size_t place = 0, end = n;                                                                                       \
        for (size_t start = 0; start < n && best == best; start += BLOCK) {                                              \
            const size_t left = n - start, count = left < BLOCK ? left : BLOCK;                                          \
            const size_t first = count < FEW_LANES ? n - FEW_LANES : start;                                              \
            const T v = count < LANES ? name##_lanes_##suffix(x + first, n - first, FEW_LANES) : name##_lanes_##suffix(x + start, count, LANES); \
            if (start == 0 || v better best || v != v)                                                                   \
                best = v, place = start, end = start + count;                                                            \
        }                                                                                                                \
        if (best != best)                                                                                                \
            while (x[place] == x[place])                                                                                 \
                place++;                                                                                                 \
        for (int there = 0; place + FEW_LANES < end; place += FEW_LANES) {                                               \
            for (size_t j = 0; j < FEW_LANES; j++)                                                                       \
                there += x[place + j] == best;                                                                           \
            if (there || best != best)                                                                                   \
                break;                                                                                                   \
        }                                                                                                                \
        while (best == best && x[place] != best)                                                                         \
            place++;                                                                                                     \
        return place;                                                                                                    \
    }                                                                                                                    \
    ISA_INLINE void name##_down_##suffix(void *to, int64_t *places, const T *x, size_t rows, const ptrdiff_t row_step, size_t n, ptrdiff_t step) \
    {                                                                                                                    \
        T *out = to;                                                                                                     \
        for (size_t from = 0; from < rows; from += LANES, x += LANES * row_step) {                                       \
            const size_t width = rows - from < LANES ? rows - from : LANES;                                              \
            T best[LANES];                                                                                               \
            int64_t place[LANES] = {0};                                                                                  \
            for (size_t j = 0; j < width; j++)                                                                           \
                best[j] = x[(ptrdiff_t)j * row_step];                                                                    \
            for (size_t start = 1; start < n; start += DOWN) {                                                           \
                const size_t end = n - start < DOWN ? n : start + DOWN;                                                  \
                PLACE_##suffix since[LANES] = {0};                                                                       \
                for (size_t i = start; i < end; i++) {                                                                   \
                    const T *v = x + (ptrdiff_t)i * step;                                                                \
                    const PLACE_##suffix here = (PLACE_##suffix)(i - start + 1);                                         \
                    if (width == LANES)                                                                                  \
                        for (size_t j = 0; j < LANES; j++)                                                               \
                            TAKE(better)                                                                                 \
                    else                                                                                                 \
                        for (size_t j = 0; j < width; j++)                                                               \
                            TAKE(better)                                                                                 \
                }                                                                                                        \
                for (size_t j = 0; j < width; j++)                                                                       \
                    place[j] = since[j] ? (int64_t)start + since[j] - 1 : place[j];                                      \
            }                                                                                                            \
            for (size_t j = 0; j < width; j++) {                                                                         \
                if (out)                                                                                                 \
                    out[from + j] = best[j];                                                                             \
                if (places)                                                                                              \
                    places[from + j] = place[j];                                                                         \
            }                                                                                                            \
        }                                                                                                                \
    }                                                                                                                    \
    static void name##_##suffix(void *to, int64_t *places, const void *from, size_t rows, ptrdiff_t row_step, size_t n, ptrdiff_t step) \
    {                                                                                                                    \
        const T *x = from;                                                                                               \
        T *out = to;                                                                                                     \
        if (row_step == 1 && step != 1 && rows >= 4) {                                                                   \
            name##_down_##suffix(to, places, x, rows, 1, n, step);                                                       \
            return;                                                                                                      \
        }                                                                                                                \
        if (n < LANES && rows >= FEW_LANES && sizeof(T) == 4) {                                                          \
            name##_down_##suffix(to, places, x, rows, row_step, n, step);                                                \
            return;                                                                                                      \
        }                                                                                                                \
        for (size_t i = 0; i < rows; i++, x += row_step) {                                                               \
            const size_t place = step == 1 ? name##_place_##suffix(x, n) : name##_strided_##suffix(x, n, step);          \
            if (out)                                                                                                     \
                out[i] = x[(ptrdiff_t)place * step];                                                                     \
            if (places)                                                                                                  \
                places[i] = (int64_t)place;                                                                              \
        }                                                                                                                \
    }
#define TAKE(better)                                                                                                     \
    {                                                                                                                    \
        const __typeof__(*v) w = v[(ptrdiff_t)j * row_step];                                                             \
        const int take = (w better best[j]) | ((w != w) & (best[j] == best[j]));                                         \
        best[j] = take ? w : best[j], since[j] = take ? here : since[j];                                                 \
    }
#define PLACE_f32 int32_t                       /* as wide as the element, for vectors */
#define PLACE_f64 int64_t
#define PLACE_i64 int64_t
#define PLACE_bool uint8_t

EXTREME(largest, float, f32, >)
EXTREME(largest, double, f64, >)
EXTREME(largest, int64_t, i64, >)
EXTREME(largest, uint8_t, bool, >)
EXTREME(smallest, float, f32, <)
EXTREME(smallest, double, f64, <)
EXTREME(smallest, int64_t, i64, <)
EXTREME(smallest, uint8_t, bool, <)

void ISA_NAME(extreme_table)(struct kernels *table)
{
#define ENTER(at, name)                                                                                                  \
    table->extreme[at][F32] = name##_f32, table->extreme[at][F64] = name##_f64;                                          \
    table->extreme[at][I64] = name##_i64, table->extreme[at][BOOL] = name##_bool;
    ENTER(0, smallest)
    ENTER(1, largest)
}
