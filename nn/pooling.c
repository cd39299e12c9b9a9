/* Layers that change an image's size without parameters. */
#include "nn/layer.h"
#include "nn/onnx.h"

#include "autograd/raw.h"

struct pool {
    int64_t kernel;
    ct_max_pool_options max;                    /* one of these */
    ct_avg_pool_options avg;
    ct_interpolate_options interpolate;
};

const ct_nn_max_pool_options ct_nn_max_pool_defaults = {CT_NN_MAX_POOL_DEFAULTS .end_ = 0};

static ct_tensor *max_pool2d_forward(ct_module *self, ct_tensor *x)
{
    const struct pool *m = ct_module_state(self);
    return (ct_max_pool2d)(x, m->kernel, &m->max);
}

static ct_tensor *avg_pool2d_forward(ct_module *self, ct_tensor *x)
{
    const struct pool *m = ct_module_state(self);
    return (ct_avg_pool2d)(x, m->kernel, &m->avg);
}

static ct_tensor *adaptive_avg_pool2d_forward(ct_module *self, ct_tensor *x)
{
    return ct_adaptive_avg_pool2d(x, ((const struct pool *)ct_module_state(self))->kernel);
}

static ct_tensor *upsample_forward(ct_module *self, ct_tensor *x)   /* (N, C, H, W) -> (N, C, factor H, factor W) */
{
    const struct pool *m = ct_module_state(self);
    char text[MODULE_PATH_BYTES];
    int64_t factor[2], size[2];
    if (ct_rank(x) != 3 && ct_rank(x) != 4)
        return ct_fail("upsample: %s, want (N, C, H, W) or (C, H, W)", module_shape_text(text, x));
    if (!window_pair("upsample", "factor", m->kernel, 1, 2, factor))
        return NULL;
    for (int i = 0; i < 2; i++)
        if (__builtin_mul_overflow(factor[i], ct_size(x, i - 2), &size[i]) || size[i] > 1 << 30)
            return ct_fail("upsample: %s by a factor of %lld: too large", module_shape_text(text, x), (long long)factor[i]);
    return (ct_interpolate)(x, CT_HW(size[0], size[1]), &m->interpolate);
}

static ct_module *pool(const char *kind, ct_module_forward *forward, const struct pool *settings)
{
    ct_module *self = ct_module_new(kind, forward, sizeof *settings);
    if (self)
        *(struct pool *)ct_module_state(self) = *settings;
    return self;
}

/* The options of a window, checked here rather than at the first forward. */
static bool check(const char *call, int64_t kernel, int64_t stride, int64_t padding, int64_t dilation)
{
    int64_t k[2], p[2], other[2];
    if (!window_pair(call, "kernel", kernel, 1, 2, k) || !window_pair(call, "stride", stride, 0, 2, other) ||
        !window_pair(call, "padding", padding, 0, 2, p) || !window_pair(call, "dilation", dilation, 1, 2, other))
        return false;
    if (2 * p[0] <= k[0] && 2 * p[1] <= k[1])
        return true;
    ct_fail("%s: padding %lldx%lld, kernel %lldx%lld: want at most half the kernel", call, (long long)p[0], (long long)p[1],
            (long long)k[0], (long long)k[1]);
    return false;
}

/* ---- In ONNX: windows have attributes alike -------------------------------------------------------------------------- */
static const char *pool_onnx(ct_onnx *g, const char *op, const char *x, int64_t kernel, int64_t stride, int64_t padding, int64_t ceil_mode,
                             const ct_onnx_attribute *last)
{
    int64_t kernels[2], strides[2], pads[4];
    onnx_window(kernel, 2, kernels), onnx_window(stride ? stride : kernel, 2, strides);
    onnx_window(padding, 2, pads), onnx_window(padding, 2, pads + 2);
    return ONNX_WITH(op, ONNX_ATTRIBUTES(ONNX_LIST("kernel_shape", kernels, 2), ONNX_LIST("strides", strides, 2), ONNX_LIST("pads", pads, 4),
                                         ONNX_INTEGER("ceil_mode", ceil_mode), *last), x);
}

/* ---- The layers ------------------------------------------------------------------------------------------------------- */
struct max_pool_settings {
    int64_t kernel;
    ct_nn_max_pool_options options;
};
static const ct_setting max_pool_settings_list[] = {
    REQUIRED(max_pool_settings, WINDOW, kernel), OPTION(max_pool_settings, WINDOW, stride),  OPTION(max_pool_settings, WINDOW, padding),
    OPTION(max_pool_settings, WINDOW, dilation), OPTION(max_pool_settings, BOOL, ceil_mode),
};

static const char *max_pool_onnx(ct_onnx *g, ct_module *self, const char *x)
{
    const struct max_pool_settings *s = self->settings;
    const ct_nn_max_pool_options *o = &s->options;
    int64_t dilations[2];
    onnx_window(o->dilation, 2, dilations);
    return pool_onnx(g, "MaxPool", x, s->kernel, o->stride, o->padding, o->ceil_mode, &(ct_onnx_attribute)ONNX_LIST("dilations", dilations, 2));
}
MODULE_TYPE(max_pool2d, "MaxPool2d", max_pool_settings, max_pool_onnx, (ct_nn_max_pool2d)(s->kernel, &s->options), CT_NN_MAX_POOL_DEFAULTS)

ct_module *(ct_nn_max_pool2d)(int64_t kernel, const ct_nn_max_pool_options *options)
{
    const ct_nn_max_pool_options *o = options ? options : &ct_nn_max_pool_defaults;
    const ct_max_pool_options call = {o->stride, o->padding, o->dilation, o->ceil_mode, NULL, 0};
    if (!check("max_pool2d", kernel, o->stride, o->padding, o->dilation))
        return NULL;
    char text[MODULE_NOTE_BYTES];
    ct_module *self = pool("MaxPool2d", max_pool2d_forward, &(struct pool){.kernel = kernel, .max = call});
    ct_module_describe(self, "%s", layer_window(text, 2, kernel, o->stride, o->padding, o->dilation));
    return ct_module_ready_as(self, &max_pool2d_type, &(struct max_pool_settings){kernel, *o});
}

struct avg_pool_settings {
    int64_t kernel;
    ct_avg_pool_options options;
};
static const ct_setting avg_pool_settings_list[] = {
    REQUIRED(avg_pool_settings, WINDOW, kernel),  OPTION(avg_pool_settings, WINDOW, stride),          OPTION(avg_pool_settings, WINDOW, padding),
    OPTION(avg_pool_settings, BOOL, ceil_mode),   OPTION(avg_pool_settings, BOOL, count_exclude_pad), OPTION(avg_pool_settings, INTEGER, divisor),
};

static const char *avg_pool_onnx(ct_onnx *g, ct_module *self, const char *x)
{
    const struct avg_pool_settings *s = self->settings;
    const ct_avg_pool_options *o = &s->options;
    const ct_onnx_attribute counts = ONNX_INTEGER("count_include_pad", !o->count_exclude_pad || o->divisor);
    const char *y = pool_onnx(g, "AveragePool", x, s->kernel, o->stride, o->padding, o->ceil_mode, &counts);
    int64_t kernel[2];
    onnx_window(s->kernel, 2, kernel);
    return o->divisor ? ONNX("Mul", y, onnx_number(g, (double)kernel[0] * (double)kernel[1] / (double)o->divisor)) : y;
}
MODULE_TYPE(avg_pool2d, "AvgPool2d", avg_pool_settings, avg_pool_onnx, (ct_nn_avg_pool2d)(s->kernel, &s->options), )

ct_module *(ct_nn_avg_pool2d)(int64_t kernel, const ct_avg_pool_options *options)
{
    const ct_avg_pool_options o = options ? *options : (ct_avg_pool_options){0};
    if (!check("avg_pool2d", kernel, o.stride, o.padding, 1))
        return NULL;
    char text[MODULE_NOTE_BYTES];
    ct_module *self = pool("AvgPool2d", avg_pool2d_forward, &(struct pool){.kernel = kernel, .avg = o});
    ct_module_describe(self, "%s", layer_window(text, 2, kernel, o.stride, o.padding, 1));
    return ct_module_ready_as(self, &avg_pool2d_type, &(struct avg_pool_settings){kernel, o});
}

static const ct_setting adaptive_avg_pool2d_list[] = {{"size", CT_SETTING_WINDOW, 0, true, NULL}};
static ct_module *adaptive_avg_pool2d_make(const void *settings)
{
    return ct_nn_adaptive_avg_pool2d(*(const int64_t *)settings);
}
/* To one pixel the mean; else rows and columns each by a matrix, which the pooling makes of the unit matrix. */
static const char *adaptive_avg_pool2d_onnx(ct_onnx *g, ct_module *self, const char *x)
{
    const struct pool *m = ct_module_state(self);
    int64_t size[2];
    onnx_window(m->kernel, 2, size);
    if (size[0] == 1 && size[1] == 1)
        return ONNX_WITH("ReduceMean", ONNX_ATTRIBUTES(ONNX_LIST_OF("axes", -2, -1)), x);
    const int64_t height = onnx_input_size(g, self, -2), width = onnx_input_size(g, self, -1);
    if (height < 1 || width < 1)
        return ct_fail("onnx: %s: the size of its input is not known", self->kind);
    CT_SCOPE;
    ct_tensor *rows = (ct_eye)(height, height, onnx_dtype(g)), *columns = (ct_eye)(width, width, onnx_dtype(g));
    rows = ct_squeeze(ct_adaptive_avg_pool2d(ct_unsqueeze(rows, 0), CT_HW(size[0], height)), 0);
    columns = ct_squeeze(ct_adaptive_avg_pool2d(ct_unsqueeze(columns, 0), CT_HW(width, size[1])), 0);
    return ONNX("MatMul", ct_onnx_tensor(g, NULL, rows), ONNX("MatMul", x, ct_onnx_tensor(g, NULL, columns)));
}
const ct_module_type adaptive_avg_pool2d_type = {"AdaptiveAvgPool2d", adaptive_avg_pool2d_list, 1, sizeof(int64_t), NULL, adaptive_avg_pool2d_make,
                                                 adaptive_avg_pool2d_onnx};

ct_module *ct_nn_adaptive_avg_pool2d(int64_t size)
{
    int64_t pair[2];
    if (!window_pair("adaptive_avg_pool2d", "size", size, 1, 2, pair))
        return NULL;
    ct_module *self = pool("AdaptiveAvgPool2d", adaptive_avg_pool2d_forward, &(struct pool){.kernel = size});
    ct_module_describe(self, "to %lldx%lld", (long long)pair[0], (long long)pair[1]);
    return ct_module_ready_as(self, &adaptive_avg_pool2d_type, &size);
}

struct upsample_settings {
    int64_t factor;
    ct_interpolate_options options;
};
static const char *const modes[] = {[CT_NEAREST] = "nearest", [CT_BILINEAR] = "bilinear", NULL};
static const ct_setting upsample_settings_list[] = {
    REQUIRED(upsample_settings, WINDOW, factor), OPTION(upsample_settings, BOOL, align_corners),
    {"mode", CT_SETTING_WORD, offsetof(struct upsample_settings, options.mode), false, modes},
};

static const char *upsample_onnx(ct_onnx *g, ct_module *self, const char *x)
{
    const struct upsample_settings *s = self->settings;
    int64_t factor[2];
    onnx_window(s->factor, 2, factor);
    CT_SCOPE;
    const double factors[] = {1, 1, (double)factor[0], (double)factor[1]};
    const int64_t rank = onnx_rank(g, self);
    const char *scales = ct_onnx_tensor(g, NULL, ct_cast((ct_from_array)(factors + 4 - rank, CT_FLOAT64, &rank, 1), CT_FLOAT32));
    const bool linear = s->options.mode == CT_BILINEAR;
    const char *places = !linear ? "asymmetric" : s->options.align_corners ? "align_corners" : "half_pixel";
    return ONNX_WITH("Resize", ONNX_ATTRIBUTES(ONNX_TEXT("mode", linear ? "linear" : "nearest"), ONNX_TEXT("nearest_mode", "floor"),
                                               ONNX_TEXT("coordinate_transformation_mode", places)), x, "", scales);
}
MODULE_TYPE(upsample, "Upsample", upsample_settings, upsample_onnx, (ct_nn_upsample)(s->factor, &s->options), )

ct_module *(ct_nn_upsample)(int64_t factor, const ct_interpolate_options *options)
{
    const ct_interpolate_options o = options ? *options : (ct_interpolate_options){0};
    int64_t pair[2];
    if (!window_pair("upsample", "factor", factor, 1, 2, pair))
        return NULL;
    if ((o.mode != CT_NEAREST && o.mode != CT_BILINEAR) || (o.align_corners && o.mode != CT_BILINEAR))
        return ct_fail("upsample: mode %d%s: want CT_NEAREST or CT_BILINEAR, and align_corners with the latter alone", (int)o.mode,
                       o.align_corners ? " with align_corners" : "");
    ct_module *self = pool("Upsample", upsample_forward, &(struct pool){.kernel = factor, .interpolate = o});
    ct_module_describe(self, "%lldx%lld, %s%s", (long long)pair[0], (long long)pair[1], o.mode == CT_BILINEAR ? "bilinear" : "nearest",
                       o.align_corners ? ", corners aligned" : "");
    return ct_module_ready_as(self, &upsample_type, &(struct upsample_settings){factor, o});
}
