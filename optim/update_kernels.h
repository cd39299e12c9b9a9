/* What optim/update_kernels.c defines once per instruction set: elements begin..end-1 of u. */
#ifndef COTANGENT_OPTIM_UPDATE_KERNELS_H
#define COTANGENT_OPTIM_UPDATE_KERNELS_H
#include "optim/update.h"

typedef void update_kernel(const struct update *u, size_t begin, size_t end);

#define UPDATE_KERNELS(isa) update_sgd_f32_##isa, update_sgd_f64_##isa, update_adam_f32_##isa, update_adam_f64_##isa
extern update_kernel UPDATE_KERNELS(base);
#if defined(__x86_64__) || defined(__i386__)
extern update_kernel UPDATE_KERNELS(avx2), UPDATE_KERNELS(avx512);
#endif
#endif
