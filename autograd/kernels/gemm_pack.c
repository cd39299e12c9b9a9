/* gemm_pack.c - copies a panel of a matrix into the order in which the register tile reads it. Compiled per ISA. */
#include "gemm_parts.h"
#include "isa.h"

/* across = 1: rows of the panel are contiguous. */
static void copy_rows(float *to, size_t lead, const float *from, ptrdiff_t step, size_t width, size_t length)
{
    size_t whole = width / F32_LANES * F32_LANES;
    int rest = (int)(width - whole);
    for (size_t p = 0; p < length; p++, from += step, to += lead) {
        size_t i = 0;
        for (; i < whole; i += F32_LANES)
            f32v_store(to + i, f32v_load(from + i));
        for (; i < lead; i += F32_LANES) {
            f32v x = rest && i == whole ? f32v_load_first(from + i, rest) : (f32v){0};
            if (lead - i >= F32_LANES)
                f32v_store(to + i, x);
            else
                f32v_store_first(to + i, x, (int)(lead - i));
        }
    }
}

/* step = 1: columns of the panel are contiguous. Square blocks are transposed in registers. */
static void copy_transposed(float *to, size_t lead, const float *from, ptrdiff_t across, size_t width, size_t length)
{
    for (size_t i = 0; i < lead; i += F32_LANES) {
        size_t rows = i >= width ? 0 : width - i < F32_LANES ? width - i : F32_LANES;
        int lanes = lead - i < F32_LANES ? (int)(lead - i) : F32_LANES;
        const float *row = from + (ptrdiff_t)i * across;
        for (size_t p = 0; p < length; p += F32_LANES) {
            int depth = length - p < F32_LANES ? (int)(length - p) : F32_LANES;
            f32v block[F32_LANES], mixed[F32_LANES];
            if (rows == F32_LANES && depth == F32_LANES) {
                UNROLL
                for (int q = 0; q < F32_LANES; q++)
                    block[q] = f32v_load(row + q * across + p);
            } else {
                UNROLL
                for (int q = 0; q < F32_LANES; q++)
                    block[q] = (size_t)q < rows ? f32v_load_first(row + q * across + p, depth) : (f32v){0};
            }
            UNROLL
            for (int round = 1; round < F32_LANES; round *= 2) {
                UNROLL
                for (int q = 0; q < F32_LANES / 2; q++) {
                    mixed[2 * q] = f32v_zip_low(block[q], block[q + F32_LANES / 2]);
                    mixed[2 * q + 1] = f32v_zip_high(block[q], block[q + F32_LANES / 2]);
                }
                UNROLL
                for (int q = 0; q < F32_LANES; q++)
                    block[q] = mixed[q];
            }
            float *out = to + p * lead + i;
            if (lanes == F32_LANES && depth == F32_LANES) {
                UNROLL
                for (int q = 0; q < F32_LANES; q++)
                    f32v_store(out + (size_t)q * lead, block[q]);
            } else {
                UNROLL
                for (int q = 0; q < F32_LANES; q++)
                    if (q < depth)
                        f32v_store_first(out + (size_t)q * lead, block[q], lanes);
            }
        }
    }
}

static void gather(float *to, size_t lead, const float *from, ptrdiff_t step, ptrdiff_t across, size_t width,
                   size_t length)
{
    for (size_t p = 0; p < length; p++, from += step, to += lead)
        for (size_t i = 0; i < lead; i++)
            to[i] = i < width ? from[(ptrdiff_t)i * across] : 0;
}

void ISA_NAME(gemm_pack)(float *to, size_t lead, const float *from, ptrdiff_t step, ptrdiff_t across, size_t width,
                         size_t length)
{
    if (across == 1)
        copy_rows(to, lead, from, step, width, length);
    else if (step == 1)
        copy_transposed(to, lead, from, across, width, length);
    else
        gather(to, lead, from, step, across, width, length);
}
