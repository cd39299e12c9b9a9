/* Linear: y = activation(x weight^T + bias). */
#include <math.h>

#include "nn/layer.h"
#include "nn/onnx.h"

struct linear {
    ct_tensor *weight, *bias;
    ct_activation activation;
};

static ct_tensor *linear_forward(ct_module *self, ct_tensor *x)     /* (..., in) -> (..., out) */
{
    struct linear *m = ct_module_state(self);
    return ct_linear(x, m->weight, m->bias, .activation = m->activation);
}

struct linear_settings {
    int64_t in, out;
    ct_nn_linear_options options;
};
static const ct_setting linear_settings_list[] = {REQUIRED(linear_settings, INTEGER, in), REQUIRED(linear_settings, INTEGER, out),
                                                  OPTION(linear_settings, BOOL, no_bias), ACTIVATION(linear_settings)};

static const char *linear_onnx(ct_onnx *g, ct_module *self, const char *x)
{
    const struct linear_settings *s = self->settings;
    const char *y = onnx_linear(g, x, onnx_rank(g, self), ct_onnx_weight(g, self, "weight"), ct_onnx_weight(g, self, "bias"));
    return onnx_activation(g, s->options.activation, y);
}
MODULE_TYPE(linear, "Linear", linear_settings, linear_onnx, (ct_nn_linear)(s->in, s->out, &s->options), )

ct_module *(ct_nn_linear)(int64_t in, int64_t out, const ct_nn_linear_options *options)
{
    const ct_nn_linear_options o = options ? *options : (ct_nn_linear_options){0};
    if (in < 1 || out < 1)
        return ct_fail("linear: %lld inputs, %lld outputs: want at least 1", (long long)in, (long long)out);
    const char *note = layer_activation("linear", o.activation);
    if (!note)
        return NULL;
    CT_SCOPE;
    CT_NO_GRAD;
    ct_module *self = ct_module_new("Linear", linear_forward, sizeof(struct linear));
    if (!self)
        return NULL;
    struct linear *m = ct_module_state(self);
    double bound = 1 / sqrt((double)in);
    /* In memory (in, out): the forward product and the weight's gradient then run along rows, without a copy. */
    ct_tensor *weight = layer_uniform(bound, (int64_t[]){in, out}, 2);
    m->weight = ct_module_add_parameter(self, "weight", ct_transpose(weight, 0, 1));
    if (!o.no_bias)
        m->bias = ct_module_add_parameter(self, "bias", layer_uniform(bound, &out, 1));
    m->activation = o.activation;
    ct_module_describe(self, "%lld -> %lld%s%s", (long long)in, (long long)out, o.no_bias ? ", no bias" : "", note);
    return ct_module_ready_as(self, &linear_type, &(struct linear_settings){in, out, o});
}
