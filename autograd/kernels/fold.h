/* Sums and the like over a row, in lanes that vectors hold: what a row gives depends on its length alone. */
#ifndef COTANGENT_KERNELS_FOLD_H
#define COTANGENT_KERNELS_FOLD_H
#include <string.h>

#include "isa.h"

enum { LANES = 32 };

typedef float fold_float __attribute__((vector_size(VECTOR_BYTES)));
typedef double fold_double __attribute__((vector_size(VECTOR_BYTES)));
typedef int32_t fold_mask_float __attribute__((vector_size(VECTOR_BYTES)));
typedef int64_t fold_mask_double __attribute__((vector_size(VECTOR_BYTES)));

/* A fold over LANES partial results: acc = f(acc, x[i]), lanes joined in a fixed order. join is of numbers, join##_V of vectors. The
 * terms go through memory, not the partial results, which the next round waits for. */
#define FOLD(...) FOLD_OF(__VA_ARGS__)             /* T may be a macro */
#define FOLD_OF(T, result, start, n, term, join)                                                                          \
    T result;                                                                                                            \
    {                                                                                                                    \
        enum { VECTORS = LANES * sizeof(T) / VECTOR_BYTES };                                                               \
        T lane[LANES] __attribute__((aligned(VECTOR_BYTES)));                                                            \
        fold_##T acc[VECTORS], here[VECTORS];                                                                            \
        for (size_t j = 0; j < LANES; j++)                                                                               \
            lane[j] = start;                                                                                             \
        memcpy(acc, lane, sizeof acc);                                                                                   \
        size_t i = 0;                                                                                                    \
        for (; i + LANES <= n; i += LANES) {                                                                             \
            for (size_t j = 0; j < LANES; j++)                                                                           \
                lane[j] = term(i + j);                                                                                   \
            memcpy(here, lane, sizeof here);                                                                             \
            UNROLL for (int k = 0; k < VECTORS; k++)                                                                     \
                acc[k] = join##_V(T, acc[k], here[k]);                                                                   \
        }                                                                                                                \
        memcpy(lane, acc, sizeof acc);                                                                                   \
        for (size_t j = 0; i < n; i++, j++) {                                                                            \
            T a = lane[j], b = term(i);                                                                                  \
            lane[j] = join(a, b);                                                                                        \
        }                                                                                                                \
        FOLD_HALF(T, 16, join) FOLD_HALF(T, 8, join) FOLD_HALF(T, 4, join) FOLD_HALF(T, 2, join) FOLD_HALF(T, 1, join)   \
        result = lane[0];                                                                                                \
    }
#define FOLD_HALF(T, width, join)                                                                                        \
    for (int j = 0; j < width; j++) {                                                                                    \
        T a = lane[j], b = lane[j + width];                                                                              \
        lane[j] = join(a, b);                                                                                            \
    }
#define PLUS(a, b) ((a) + (b))
#define PLUS_V(T, a, b) ((a) + (b))
/* A NaN is larger than all. */
#define LARGER(a, b) ((a) > (b) || (a) != (a) ? (a) : (b))
#define LARGER_V(T, a, b) FOLD_CHOICE(T, ((a) > (b)) | ((a) != (a)), a, b)
#define FOLD_CHOICE(T, first, a, b)                                                                                      \
    (fold_##T)(((fold_mask_##T)(first) & (fold_mask_##T)(a)) | (~(fold_mask_##T)(first) & (fold_mask_##T)(b)))
#endif
