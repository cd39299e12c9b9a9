/* gemm_parts.h - what gemm.c is made of: workers for one block of C, each on the calling thread alone. */
#ifndef COTANGENT_KERNELS_GEMM_PARTS_H
#define COTANGENT_KERNELS_GEMM_PARTS_H

#include "gemm.h"

struct gemm_block {
    size_t row, rows, column, columns;
};

/* The register tile: float32, c_column = 1. False, with C untouched, where there is no memory for scratch. */
bool gemm_tile_base(const struct gemm *job, struct gemm_block block);
bool gemm_tile_avx2(const struct gemm *job, struct gemm_block block);
bool gemm_tile_avx512(const struct gemm *job, struct gemm_block block);

/* On matrix units, all of C, by all threads; c_column = 1. False, with C untouched, where values are too near the ends of what
 * float32 holds, or there is no memory. */
bool gemm_amx(const struct gemm *job);

/* The tile's helpers. pack: to[p * lead + i] = from[p * step + i * across] for p < length, i < width; zeros from width up to
 * lead. */
#define GEMM_TILE_HELPERS(isa)                                                                                         \
    void gemm_pack_##isa(float *to, size_t lead, const float *from, ptrdiff_t step, ptrdiff_t across, size_t width,    \
                         size_t length);                                                                               \
    void gemm_dot_##isa(const struct gemm *job, struct gemm_block block); /* a_column = b_row = 1, few rows */
GEMM_TILE_HELPERS(base)
GEMM_TILE_HELPERS(avx2)
GEMM_TILE_HELPERS(avx512)

void gemm_blis_f32(const struct gemm *job, struct gemm_block block);
void gemm_blis_f64(const struct gemm *job, struct gemm_block block);

/* Adds the bias to a block of C and applies the activation. */
void gemm_finish_f32(const struct gemm *job, struct gemm_block block);
void gemm_finish_f64(const struct gemm *job, struct gemm_block block);

#endif
