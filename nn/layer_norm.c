/* Normalisation of each vector by itself. */
#include <float.h>
#include <math.h>

#include "nn/layer.h"
#include "nn/onnx.h"

struct row_norm {
    ct_tensor *weight, *bias;
    double eps;
    int64_t width;
    bool rms;
};

const ct_nn_layer_norm_options ct_nn_layer_norm_defaults = {CT_NN_LAYER_NORM_DEFAULTS .end_ = 0};
const ct_nn_rms_norm_options ct_nn_rms_norm_defaults = {CT_NN_RMS_NORM_DEFAULTS .end_ = 0};

static ct_tensor *row_norm_forward(ct_module *self, ct_tensor *x)   /* (..., width) -> the same */
{
    const struct row_norm *m = ct_module_state(self);
    char text[MODULE_PATH_BYTES];
    if (ct_rank(x) < 1 || ct_size(x, -1) != m->width)
        return ct_fail("%s: %s, want (..., %lld)", m->rms ? "rms_norm" : "layer_norm", module_shape_text(text, x), (long long)m->width);
    return m->rms ? ct_rms_norm(x, 1, m->weight, .eps = m->eps) : ct_layer_norm(x, 1, m->weight, m->bias, .eps = m->eps);
}

static ct_module *row_norm(const ct_module_type *type, const char *call, const struct row_norm *start, bool affine, bool bias, const void *settings)
{
    if (start->width < 1 || !isfinite(start->eps) || (start->eps < 0 && !start->rms))
        return ct_fail("%s: width %lld, eps %g: want a width of at least 1%s", call, (long long)start->width, start->eps,
                       start->rms ? " and a finite eps" : " and an eps of at least 0");
    CT_SCOPE;
    ct_module *self = ct_module_new(type->kind, row_norm_forward, sizeof(struct row_norm));
    struct row_norm *m = ct_module_state(self);
    if (!m)
        return NULL;
    *m = *start;
    if (affine)
        m->weight = ct_module_add_parameter(self, "weight", ct_ones(m->width));
    if (affine && bias)
        m->bias = ct_module_add_parameter(self, "bias", ct_zeros(m->width));
    ct_module_describe(self, "%lld%s", (long long)m->width, affine ? "" : ", no affine");
    return ct_module_ready_as(self, type, settings);
}

struct layer_norm_settings {
    int64_t width;
    ct_nn_layer_norm_options options;
};
static const ct_setting layer_norm_settings_list[] = {REQUIRED(layer_norm_settings, INTEGER, width), OPTION(layer_norm_settings, NUMBER, eps),
                                                      OPTION(layer_norm_settings, BOOL, no_affine), OPTION(layer_norm_settings, BOOL, no_bias)};

static const char *layer_norm_onnx(ct_onnx *g, ct_module *self, const char *x)
{
    const struct layer_norm_settings *s = self->settings;
    const char *weight = s->options.no_affine ? onnx_filled(g, s->width, 1) : ct_onnx_weight(g, self, "weight");
    return ONNX_WITH("LayerNormalization", ONNX_ATTRIBUTES(ONNX_INTEGER("axis", -1), ONNX_NUMBER("epsilon", s->options.eps)), x, weight,
                     ct_onnx_weight(g, self, "bias"));
}
MODULE_TYPE(layer_norm, "LayerNorm", layer_norm_settings, layer_norm_onnx, (ct_nn_layer_norm)(s->width, &s->options), CT_NN_LAYER_NORM_DEFAULTS)

ct_module *(ct_nn_layer_norm)(int64_t width, const ct_nn_layer_norm_options *options)
{
    const ct_nn_layer_norm_options *o = options ? options : &ct_nn_layer_norm_defaults;
    return row_norm(&layer_norm_type, "layer_norm", &(struct row_norm){.eps = o->eps, .width = width}, !o->no_affine, !o->no_bias,
                    &(struct layer_norm_settings){width, *o});
}

struct rms_norm_settings {
    int64_t width;
    ct_nn_rms_norm_options options;
};
static const ct_setting rms_norm_settings_list[] = {REQUIRED(rms_norm_settings, INTEGER, width), OPTION(rms_norm_settings, NUMBER, eps),
                                                    OPTION(rms_norm_settings, BOOL, no_affine)};

static const char *rms_norm_onnx(ct_onnx *g, ct_module *self, const char *x)
{
    const struct rms_norm_settings *s = self->settings;
    const double eps = s->options.eps >= 0 ? s->options.eps : onnx_dtype(g) == CT_FLOAT64 ? DBL_EPSILON : (double)FLT_EPSILON;
    const char *mean = ONNX_WITH("ReduceMean", ONNX_ATTRIBUTES(ONNX_LIST_OF("axes", -1)), ONNX("Mul", x, x));
    const char *y = ONNX("Div", x, ONNX("Sqrt", ONNX("Add", mean, onnx_number(g, eps))));
    return s->options.no_affine ? y : ONNX("Mul", y, ct_onnx_weight(g, self, "weight"));
}
MODULE_TYPE(rms_norm, "RMSNorm", rms_norm_settings, rms_norm_onnx, (ct_nn_rms_norm)(s->width, &s->options), CT_NN_RMS_NORM_DEFAULTS)

ct_module *(ct_nn_rms_norm)(int64_t width, const ct_nn_rms_norm_options *options)
{
    const ct_nn_rms_norm_options *o = options ? options : &ct_nn_rms_norm_defaults;
    return row_norm(&rms_norm_type, "rms_norm", &(struct row_norm){.eps = o->eps, .width = width, .rms = true}, !o->no_affine, false,
                    &(struct rms_norm_settings){width, *o});
}
