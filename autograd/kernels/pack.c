/* Bringing strided elements together for loops that want them contiguous; compiled once per instruction set. Elements are moved
 * by their size, whatever they mean. */
#include <string.h>

#include "isa.h"
#include "kernels.h"
#include "tables.h"

/* to[i] = from[i * step], steps in bytes; the common ones told apart, so that the compiler writes vector code */
#define PACK(W, suffix)                                                                                                  \
    static void pack_##suffix(void *to, const void *from, ptrdiff_t step, size_t n)                                      \
    {                                                                                                                    \
        W *out = to;                                                                                                     \
        const W *x = from;                                                                                               \
        if (step == 0)                                                                                                   \
            for (size_t i = 0; i < n; i++)                                                                               \
                out[i] = x[0];                                                                                           \
        else if (step == -(ptrdiff_t)sizeof(W))                                                                          \
            for (size_t i = 0; i < n; i++)                                                                               \
                out[i] = x[-(ptrdiff_t)i];                                                                               \
        else if (step == 2 * sizeof(W))                                                                                  \
            for (size_t i = 0; i < n; i++)                                                                               \
                out[i] = x[2 * i];                                                                                       \
        else                                                                                                             \
            for (size_t i = 0; i < n; i++)                                                                               \
                out[i] = *(const W *)((const char *)from + (ptrdiff_t)i * step);                                         \
    }                                                                                                                    \
    static void unpack_##suffix(void *to, const void *from, ptrdiff_t step, size_t n)                                    \
    {                                                                                                                    \
        const W *x = from;                                                                                               \
        for (size_t i = 0; i < n; i++)                                                                                   \
            *(W *)((char *)to + (ptrdiff_t)i * step) = x[i];                                                             \
    }
PACK(uint8_t, 1)
PACK(uint32_t, 4)
PACK(uint64_t, 8)

/* to[j][i] = from[i][j]: rows of from are contiguous, row steps in bytes */
#define TURN(W, suffix)                                                                                                  \
    static void turn_part_##suffix(char *to, ptrdiff_t to_step, const char *from, ptrdiff_t from_step, size_t rows, size_t columns) \
    {                                                                                                                    \
        for (size_t i = 0; i < rows; i++)                                                                                \
            for (size_t j = 0; j < columns; j++)                                                                         \
                *(W *)(to + (ptrdiff_t)j * to_step + (ptrdiff_t)(i * sizeof(W))) = *(const W *)(from + (ptrdiff_t)i * from_step + (ptrdiff_t)(j * sizeof(W))); \
    }
TURN(uint8_t, 1)
TURN(uint32_t, 4)
TURN(uint64_t, 8)

static void turn_1(void *to, ptrdiff_t to_step, const void *from, ptrdiff_t from_step, size_t rows, size_t columns)
{
    turn_part_1(to, to_step, from, from_step, rows, columns);
}

static void turn_8(void *to, ptrdiff_t to_step, const void *from, ptrdiff_t from_step, size_t rows, size_t columns)
{
    turn_part_8(to, to_step, from, from_step, rows, columns);
}

ISA_INLINE void turn_block(char *to, ptrdiff_t to_step, const char *from, ptrdiff_t from_step)
{
    f32v block[F32_LANES], mixed[F32_LANES];
    UNROLL
    for (int i = 0; i < F32_LANES; i++)
        block[i] = f32v_load((const float *)(from + i * from_step));
    UNROLL
    for (int round = 1; round < F32_LANES; round *= 2) {
        UNROLL
        for (int i = 0; i < F32_LANES / 2; i++) {
            mixed[2 * i] = f32v_zip_low(block[i], block[i + F32_LANES / 2]);
            mixed[2 * i + 1] = f32v_zip_high(block[i], block[i + F32_LANES / 2]);
        }
        UNROLL
        for (int i = 0; i < F32_LANES; i++)
            block[i] = mixed[i];
    }
    UNROLL
    for (int i = 0; i < F32_LANES; i++)
        f32v_store((float *)(to + i * to_step), block[i]);
}

/* Whole blocks of four-byte elements in registers, the edges one by one. */
static void turn_4(void *to, ptrdiff_t to_step, const void *from, ptrdiff_t from_step, size_t rows, size_t columns)
{
    const size_t whole_rows = rows / F32_LANES * F32_LANES, whole_columns = columns / F32_LANES * F32_LANES;
    for (size_t i = 0; i < whole_rows; i += F32_LANES)
        for (size_t j = 0; j < whole_columns; j += F32_LANES)
            turn_block((char *)to + (ptrdiff_t)j * to_step + (ptrdiff_t)(4 * i), to_step,
                       (const char *)from + (ptrdiff_t)i * from_step + (ptrdiff_t)(4 * j), from_step);
    turn_part_4((char *)to + (ptrdiff_t)whole_columns * to_step, to_step, (const char *)from + 4 * whole_columns, from_step, whole_rows, columns - whole_columns);
    turn_part_4((char *)to + 4 * whole_rows, to_step, (const char *)from + (ptrdiff_t)whole_rows * from_step, from_step, rows - whole_rows, columns);
}

void ISA_NAME(pack_table)(struct kernels *table)
{
#define BY_SIZE(name) table->name[0] = name##_1, table->name[2] = name##_4, table->name[3] = name##_8
    BY_SIZE(pack), BY_SIZE(unpack), BY_SIZE(turn);
}
