/* conv_parts.h - what conv.c is made of: the paths, each with the signature of the computation it does. */
#ifndef COTANGENT_KERNELS_CONV_PARTS_H
#define COTANGENT_KERNELS_CONV_PARTS_H

#include "conv.h"

bool conv_im2col_forward(const struct conv *c, int dtype, void *y, const void *x, const void *weight, const void *bias, bool relu);
bool conv_im2col_input_gradient(const struct conv *c, int dtype, void *dx, const void *dy, const void *weight);
bool conv_im2col_weight_gradient(const struct conv *c, int dtype, void *dweight, const void *dy, const void *x);

#endif
