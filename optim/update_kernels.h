/* What optim/update_kernels.c defines once per instruction set: elements begin..end-1 of u, for float and double. */
#ifndef COTANGENT_OPTIM_UPDATE_KERNELS_H
#define COTANGENT_OPTIM_UPDATE_KERNELS_H
#include "optim/update.h"

typedef void update_kernel(const struct update *u, size_t begin, size_t end);

struct update_kernels {
    update_kernel *rules[UPDATE_RULES][2];
    update_kernel *squares[2], *absolutes[2], *largest[2], *powers[2]; /* into sums of the block; powers: of the exponent n.rate */
    update_kernel *lamb_moments[2];
};
extern const struct update_kernels update_kernels_base;
#if defined(__x86_64__) || defined(__i386__)
extern const struct update_kernels update_kernels_avx2, update_kernels_avx512;
#endif
#endif
