/* conv_parts.h - what conv.c is made of: the paths, each for the computations it knows. */
#ifndef COTANGENT_KERNELS_CONV_PARTS_H
#define COTANGENT_KERNELS_CONV_PARTS_H

#include "conv.h"

bool conv_im2col_forward(const struct conv *c, int dtype, void *y, const void *x, const void *weight, const void *bias, bool relu);
bool conv_im2col_input_gradient(const struct conv *c, int dtype, void *dx, const void *dy, const void *weight);
bool conv_im2col_weight_gradient(const struct conv *c, int dtype, void *dweight, const void *dy, const void *x);

/* float32, once per instruction set. */
typedef bool conv_forward_f32(const struct conv *c, float *y, const float *x, const float *weight, const float *bias, bool relu);
typedef bool conv_input_gradient_f32(const struct conv *c, float *dx, const float *dy, const float *weight);
typedef bool conv_weight_gradient_f32(const struct conv *c, float *dweight, const float *dy, const float *x);

#define CONV_KERNELS(isa)                                                                                              \
    conv_forward_f32 conv_direct_forward_##isa, conv_patches_forward_##isa, conv_winograd_forward_##isa,               \
        conv_depthwise_forward_##isa;                                                                                  \
    conv_input_gradient_f32 conv_direct_input_gradient_##isa, conv_winograd_input_gradient_##isa,                      \
        conv_depthwise_input_gradient_##isa;                                                                           \
    conv_weight_gradient_f32 conv_patches_weight_gradient_##isa, conv_winograd_weight_gradient_##isa,                  \
        conv_depthwise_weight_gradient_##isa;
CONV_KERNELS(base)
CONV_KERNELS(avx2)
CONV_KERNELS(avx512)

#endif
