/* Convolutions: y = activation(conv(x, weight) + bias). */
#include <math.h>

#include "autograd/raw.h"
#include "nn/layer.h"
#include "nn/onnx.h"

/* A row is a layer; its weight is (out, in / groups, ...), transposed (in, out / groups, ...). */
static const struct kind {
    const char *name, *call;
    int axes;
    bool transposed;
} CONV1D = {"Conv1d", "conv1d", 1, false}, CONV2D = {"Conv2d", "conv2d", 2, false},
  CONV_TRANSPOSE2D = {"ConvTranspose2d", "conv_transpose2d", 2, true};

struct settings {
    ct_conv_options options;
    int64_t output_padding;
    bool no_bias;
};

struct convolution {
    const struct kind *kind;
    ct_tensor *weight, *bias;
    struct settings settings;
};

const ct_nn_conv_options ct_nn_conv_defaults = {CT_NN_CONV_DEFAULTS .end_ = 0};
const ct_nn_conv_transpose_options ct_nn_conv_transpose_defaults = {CT_NN_CONV_TRANSPOSE_DEFAULTS .end_ = 0};

static ct_tensor *conv_forward(ct_module *self, ct_tensor *x)       /* (N, in, ...) -> (N, out, ...) */
{
    const struct convolution *m = ct_module_state(self);
    const ct_conv_options *o = &m->settings.options;
    if (m->kind->transposed)
        return ct_conv_transpose2d(x, m->weight, m->bias, .stride = o->stride, .padding = o->padding,
                                   .output_padding = m->settings.output_padding, .dilation = o->dilation, .groups = o->groups);
    return (m->kind->axes == 1 ? (ct_conv1d) : (ct_conv2d))(x, m->weight, m->bias, o);
}

static bool check(const struct kind *kind, int64_t in, int64_t out, const struct settings *s)
{
    const ct_conv_options *o = &s->options;
    int64_t pair[2];
    if (in < 1 || out < 1 || o->groups < 1 || in % o->groups || out % o->groups) {
        ct_fail("%s: %lld channels in, %lld out, %lld groups: want at least 1, and channels that are multiples of the groups",
                kind->call, (long long)in, (long long)out, (long long)o->groups);
        return false;
    }
    return window_pair(kind->call, "stride", o->stride, 1, kind->axes, pair) &&
           window_pair(kind->call, "dilation", o->dilation, 1, kind->axes, pair) &&
           window_pair(kind->call, "output_padding", s->output_padding, 0, kind->axes, pair) &&
           ((o->padding == CT_SAME && !kind->transposed) || window_pair(kind->call, "padding", o->padding, 0, kind->axes, pair));
}

static ct_module *convolution(const struct kind *kind, int64_t in, int64_t out, int64_t kernel, const struct settings *s)
{
    const ct_conv_options *o = &s->options;
    char groups[40] = "", window[MODULE_NOTE_BYTES];
    int64_t size[2] = {1, 1};
    const char *note = layer_activation(kind->call, o->activation);
    if (!note || !check(kind, in, out, s) || !window_pair(kind->call, "kernel", kernel, 1, kind->axes, size))
        return NULL;
    CT_SCOPE;
    CT_NO_GRAD;
    ct_module *self = ct_module_new(kind->name, conv_forward, sizeof(struct convolution));
    if (!self)
        return NULL;
    struct convolution *m = ct_module_state(self);
    *m = (struct convolution){.kind = kind, .settings = *s};
    int64_t sizes[] = {out, in / o->groups, size[0], size[1]};
    if (kind->transposed)
        sizes[0] = in, sizes[1] = out / o->groups;
    double bound = 1 / sqrt((double)sizes[1] * (double)size[0] * (double)size[1]);
    /* Channels last in memory, as the kernels read it. */
    ct_tensor *weight = ct_channels_last(layer_uniform(bound, sizes, 4));
    m->weight = ct_module_add_parameter(self, "weight", kind->axes == 1 ? ct_squeeze(weight, 2) : weight);
    if (!s->no_bias)
        m->bias = ct_module_add_parameter(self, "bias", layer_uniform(bound, &out, 1));
    if (o->groups != 1)
        snprintf(groups, sizeof groups, ", %lld groups", (long long)o->groups);
    layer_window(window, kind->axes, kernel, o->stride == 1 ? 0 : o->stride, o->padding, o->dilation);
    ct_module_describe(self, "%lld -> %lld, %s%s%s%s", (long long)in, (long long)out, window, groups, s->no_bias ? ", no bias" : "", note);
    return ct_module_ready(self);
}

/* ---- The layers ------------------------------------------------------------------------------------------------------ */
struct conv_settings {
    int64_t in, out, kernel;
    ct_nn_conv_options options;
};
static const ct_setting conv_settings_list[] = {
    REQUIRED(conv_settings, INTEGER, in),     REQUIRED(conv_settings, INTEGER, out),   REQUIRED(conv_settings, WINDOW, kernel),
    OPTION(conv_settings, WINDOW, stride),    OPTION(conv_settings, WINDOW, padding),  OPTION(conv_settings, WINDOW, dilation),
    OPTION(conv_settings, INTEGER, groups),   OPTION(conv_settings, BOOL, no_bias),    ACTIVATION(conv_settings),
};

/* The attributes of a window over the last axes; those that are not 1 but an odd one of CT_SAME go right and below. */
static const char *window_onnx(ct_onnx *g, ct_module *self, const char *op, const char *x, int64_t kernel, const ct_conv_options *o, int64_t output_padding)
{
    const int axes = ((const struct convolution *)ct_module_state(self))->kind->axes;
    const size_t n = (size_t)axes;
    int64_t kernels[2], strides[2], dilations[2], pads[4], extra[2];
    onnx_window(kernel, axes, kernels), onnx_window(o->stride, axes, strides), onnx_window(o->dilation, axes, dilations);
    onnx_window(output_padding, axes, extra);
    onnx_window(o->padding == CT_SAME ? 0 : o->padding, axes, pads);
    for (int i = 0; i < axes; i++) {
        const int64_t whole = o->padding == CT_SAME ? dilations[i] * (kernels[i] - 1) : 2 * pads[i];
        pads[i] = whole / 2;
        pads[i + axes] = whole - whole / 2;
    }
    const ct_onnx_attribute attributes[] = {
        ONNX_LIST("kernel_shape", kernels, n), ONNX_LIST("strides", strides, n),  ONNX_LIST("dilations", dilations, n),
        ONNX_LIST("pads", pads, 2 * n),        ONNX_INTEGER("group", o->groups), ONNX_LIST("output_padding", extra, n),
    };
    const size_t count = sizeof attributes / sizeof *attributes - !output_padding;
    if (onnx_rank(g, self) != axes + 2)
        return ct_fail("onnx: %s of one image: want a batch", self->kind);
    return ct_onnx_node(g, op, ONNX_INPUTS(x, ct_onnx_weight(g, self, "weight"), ct_onnx_weight(g, self, "bias")), attributes, count);
}

static const char *conv_onnx(ct_onnx *g, ct_module *self, const char *x)
{
    const struct conv_settings *s = self->settings;
    const struct convolution *m = ct_module_state(self);
    return onnx_activation(g, s->options.activation, window_onnx(g, self, "Conv", x, s->kernel, &m->settings.options, 0));
}
MODULE_TYPE(conv1d, "Conv1d", conv_settings, conv_onnx, (ct_nn_conv1d)(s->in, s->out, s->kernel, &s->options), CT_NN_CONV_DEFAULTS)
MODULE_TYPE(conv2d, "Conv2d", conv_settings, conv_onnx, (ct_nn_conv2d)(s->in, s->out, s->kernel, &s->options), CT_NN_CONV_DEFAULTS)

static ct_module *forward_convolution(const struct kind *kind, int64_t in, int64_t out, int64_t kernel, const ct_nn_conv_options *options)
{
    const ct_nn_conv_options *o = options ? options : &ct_nn_conv_defaults;
    const ct_conv_options call = {o->stride, o->padding, o->dilation, o->groups, o->activation, 0};
    ct_module *self = convolution(kind, in, out, kernel, &(struct settings){call, 0, o->no_bias});
    return self ? ct_module_ready_as(self, kind->axes == 1 ? &conv1d_type : &conv2d_type, &(struct conv_settings){in, out, kernel, *o}) : NULL;
}

ct_module *(ct_nn_conv1d)(int64_t in, int64_t out, int64_t kernel, const ct_nn_conv_options *options)
{
    return forward_convolution(&CONV1D, in, out, kernel, options);
}

ct_module *(ct_nn_conv2d)(int64_t in, int64_t out, int64_t kernel, const ct_nn_conv_options *options)
{
    return forward_convolution(&CONV2D, in, out, kernel, options);
}

struct conv_transpose_settings {
    int64_t in, out, kernel;
    ct_nn_conv_transpose_options options;
};
static const ct_setting conv_transpose_settings_list[] = {
    REQUIRED(conv_transpose_settings, INTEGER, in),          REQUIRED(conv_transpose_settings, INTEGER, out),
    REQUIRED(conv_transpose_settings, WINDOW, kernel),       OPTION(conv_transpose_settings, WINDOW, stride),
    OPTION(conv_transpose_settings, WINDOW, padding),        OPTION(conv_transpose_settings, WINDOW, output_padding),
    OPTION(conv_transpose_settings, WINDOW, dilation),       OPTION(conv_transpose_settings, INTEGER, groups),
    OPTION(conv_transpose_settings, BOOL, no_bias),
};

static const char *conv_transpose_onnx(ct_onnx *g, ct_module *self, const char *x)
{
    const struct conv_transpose_settings *s = self->settings;
    const struct convolution *m = ct_module_state(self);
    return window_onnx(g, self, "ConvTranspose", x, s->kernel, &m->settings.options, s->options.output_padding);
}
MODULE_TYPE(conv_transpose2d, "ConvTranspose2d", conv_transpose_settings, conv_transpose_onnx, (ct_nn_conv_transpose2d)(s->in, s->out, s->kernel, &s->options),
            CT_NN_CONV_TRANSPOSE_DEFAULTS)

ct_module *(ct_nn_conv_transpose2d)(int64_t in, int64_t out, int64_t kernel, const ct_nn_conv_transpose_options *options)
{
    const ct_nn_conv_transpose_options *o = options ? options : &ct_nn_conv_transpose_defaults;
    const ct_conv_options call = {o->stride, o->padding, o->dilation, o->groups, CT_IDENTITY, 0};
    ct_module *self = convolution(&CONV_TRANSPOSE2D, in, out, kernel, &(struct settings){call, o->output_padding, o->no_bias});
    return self ? ct_module_ready_as(self, &conv_transpose2d_type, &(struct conv_transpose_settings){in, out, kernel, *o}) : NULL;
}
