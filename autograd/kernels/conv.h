/* conv.h - two-dimensional convolution and its two gradients over channels-last memory.
 *
 * y[n][i][j][o] = bias[o] + sum over p, q, c of
 *                 x[n][i stride[0] + p dilation[0] - pad[0]][j stride[1] + q dilation[1] - pad[1]][g + c] weight[o][p][q][c],
 * g the first channel of o's group; x is zero outside. Every buffer is dense. An element is summed in an order that depends on
 * the shape alone: the bits are the same for any number of threads. No im2col matrix is ever held: what a path needs beyond
 * its operands and one copy of the weights is a few strips or tiles a thread, kept for the next call. */
#ifndef COTANGENT_KERNELS_CONV_H
#define COTANGENT_KERNELS_CONV_H

#include <stdbool.h>
#include <stddef.h>

/* x (n, h, w, c_in), weight (c_out, kh, kw, c_in / groups), y (n, oh, ow, c_out). Any size may be zero, groups not. */
struct conv {
    size_t n, c_in, h, w, c_out, kh, kw, oh, ow, groups;
    size_t stride[2], dilation[2];
    ptrdiff_t pad[2];                  /* above, left; what lies below and right follows from oh and ow (may be negative: a crop) */
};

/* im2col: strips of patches times the weights, any shape, both dtypes. The others are float32 alone; a path asked for that does
 * not cover the case is replaced by im2col.
 *   direct      any shape
 *   Winograd    3x3, stride 1, dilation 1, one group: F(4x4, 3x3); a value that is not finite spreads over its tile of 4x4
 *   depthwise   groups == c_in == c_out */
enum conv_path { CONV_AUTO, CONV_IM2COL, CONV_DIRECT, CONV_WINOGRAD, CONV_DEPTHWISE };
enum conv_computation { CONV_FORWARD, CONV_INPUT_GRADIENT, CONV_WEIGHT_GRADIENT };

enum conv_path conv_path_of(const struct conv *c, int dtype, int which);  /* what AUTO means: by shapes, CPU and setting alone */

/* dtype F32 or F64 of kernels.h. False, with the result undefined: scratch memory could not be had. */
bool conv_forward(const struct conv *c, int dtype, enum conv_path path, void *y, const void *x, const void *weight,
                  const void *bias /* c_out values, or NULL */, bool relu);
bool conv_input_gradient(const struct conv *c, int dtype, enum conv_path path, void *dx, const void *dy, const void *weight);
bool conv_weight_gradient(const struct conv *c, int dtype, enum conv_path path, void *dweight, const void *dy, const void *x);

bool conv_use_winograd(bool on);       /* whether AUTO may choose it, returns what it was; default on, COTANGENT_WINOGRAD=0 turns it off */

#endif
