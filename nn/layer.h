/* What layers share among themselves. Never installed. */
#ifndef COTANGENT_NN_LAYER_H
#define COTANGENT_NN_LAYER_H
#include "nn/module.h"

ct_tensor *layer_uniform(double bound, const int64_t *sizes, size_t rank); /* new, in +-bound, in the default dtype */
const char *layer_activation(const char *call, ct_activation activation); /* ", ReLU" or ""; NULL after reporting: there is none of this number */
bool layer_affine(ct_module *self, int64_t channels, ct_tensor **weight, ct_tensor **bias); /* parameters of ones and zeros */

/* A window over the last `axes` axes, for the summary: "3x3, stride 2, padding 1". Stride 0, padding 0 and dilation 1 go unsaid. */
const char *layer_window(char text[MODULE_NOTE_BYTES], int axes, int64_t kernel, int64_t stride, int64_t padding, int64_t dilation);

/* activation(BatchNorm2d(x) + add) in one pass, in a scope of its own as ct_forward; add may be NULL. */
ct_tensor *batch_norm_run(ct_module *self, ct_tensor *x, ct_tensor *add, ct_activation activation);

const char *batch_norm_onnx(ct_onnx *graph, ct_module *self, const char *x, const char *add, ct_activation activation); /* its form in ONNX */

/* A Conv2d before a batch normalisation and a ReLU: padded to keep the size, without bias, He's normal values by fan_out. */
ct_module *conv_for_relu(int64_t in, int64_t out, int64_t kernel, int64_t stride);
#endif
