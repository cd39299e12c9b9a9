/* isa.h - for sources that are compiled once per instruction set: names with the set's suffix, and vectors of its
 * width.
 *
 * Such a source is built with -DISA=base, -DISA=avx2 and -DISA=avx512 (plus the matching -m flags) into one library
 * each. Whatever it defines is static or named by ISA_NAME: the linker merges equal names of the three builds, and an
 * inline function compiled for AVX-512 must never be the copy that serves a CPU without it. */
#ifndef COTANGENT_KERNELS_ISA_H
#define COTANGENT_KERNELS_ISA_H

#include <stddef.h>
#include <stdint.h>

#ifndef ISA
#define ISA base
#endif

#define ISA_PASTE_(name, isa) name##_##isa
#define ISA_PASTE(name, isa) ISA_PASTE_(name, isa)
#define ISA_NAME(name) ISA_PASTE(name, ISA)

#if defined(__AVX512F__) && defined(__AVX512VL__) && defined(__AVX512DQ__) && defined(__AVX512BW__)
#define VECTOR_BYTES 64
#elif defined(__AVX2__) && defined(__FMA__)
#define VECTOR_BYTES 32
#else
#define VECTOR_BYTES 16
#endif

#if VECTOR_BYTES > 16
#include <immintrin.h>
#endif

#define ISA_INLINE static inline __attribute__((always_inline, unused))

#ifdef __clang__
#define UNROLL _Pragma("clang loop unroll(full)")
#else
#define UNROLL _Pragma("GCC unroll 16")
#endif

enum { F32_LANES = VECTOR_BYTES / 4 };

typedef float f32v __attribute__((vector_size(VECTOR_BYTES)));
typedef int32_t i32v __attribute__((vector_size(VECTOR_BYTES)));
typedef float f32v_anywhere __attribute__((vector_size(VECTOR_BYTES), aligned(4), may_alias));

ISA_INLINE f32v f32v_load(const float *from)
{
    return (f32v)*(const f32v_anywhere *)from;
}

ISA_INLINE void f32v_store(float *to, f32v x)
{
    *(f32v_anywhere *)to = (f32v_anywhere)x;
}

/* The first `lanes` (1 to F32_LANES) elements and zeros above them; nothing behind them is touched. */
ISA_INLINE f32v f32v_load_first(const float *from, int lanes)
{
#if VECTOR_BYTES == 64
    return (f32v)_mm512_maskz_loadu_ps((__mmask16)(0xffffu >> (16 - lanes)), from);
#elif VECTOR_BYTES == 32
    __m256i mask = _mm256_cmpgt_epi32(_mm256_set1_epi32(lanes), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
    return (f32v)_mm256_maskload_ps(from, mask);
#else
    return (f32v){from[0], lanes > 1 ? from[1] : 0, lanes > 2 ? from[2] : 0, lanes > 3 ? from[3] : 0};
#endif
}

ISA_INLINE void f32v_store_first(float *to, f32v x, int lanes)
{
#if VECTOR_BYTES == 64
    _mm512_mask_storeu_ps(to, (__mmask16)(0xffffu >> (16 - lanes)), (__m512)x);
#elif VECTOR_BYTES == 32
    __m256i mask = _mm256_cmpgt_epi32(_mm256_set1_epi32(lanes), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
    _mm256_maskstore_ps(to, mask, (__m256)x);
#else
    to[0] = x[0];
    if (lanes > 1)
        to[1] = x[1];
    if (lanes > 2)
        to[2] = x[2];
    if (lanes > 3)
        to[3] = x[3];
#endif
}

/* Perfect shuffles: the lower (upper) halves of a and b, alternating. log2(F32_LANES) rounds of them transpose a
 * block. */
#if VECTOR_BYTES == 64
#define f32v_zip_low(a, b) __builtin_shufflevector(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23)
#define f32v_zip_high(a, b) __builtin_shufflevector(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31)
#elif VECTOR_BYTES == 32
#define f32v_zip_low(a, b) __builtin_shufflevector(a, b, 0, 8, 1, 9, 2, 10, 3, 11)
#define f32v_zip_high(a, b) __builtin_shufflevector(a, b, 4, 12, 5, 13, 6, 14, 7, 15)
#else
#define f32v_zip_low(a, b) __builtin_shufflevector(a, b, 0, 4, 1, 5)
#define f32v_zip_high(a, b) __builtin_shufflevector(a, b, 2, 6, 3, 7)
#endif

/* max(x, 0) that keeps a NaN. */
ISA_INLINE f32v f32v_relu(f32v x)
{
    return (f32v)((i32v)x & ~(i32v)(x <= 0));
}

#endif
