/* Layers without parameters of their own tensors: each row is a layer. */
#include "nn/onnx.h"

/*   name         kind          y = f(x), and in ONNX */
#define PLAIN(ROW)                                                                           \
    ROW(relu,     "ReLU",       ct_relu(x),           onnx_activation(g, CT_RELU, x))    \
    ROW(gelu,     "GELU",       ct_gelu(x),           onnx_activation(g, CT_GELU, x))    \
    ROW(silu,     "SiLU",       ct_silu(x),           onnx_activation(g, CT_SILU, x))    \
    ROW(tanh,     "Tanh",       ct_tanh(x),           onnx_activation(g, CT_TANH, x))    \
    ROW(sigmoid,  "Sigmoid",    ct_sigmoid(x),        onnx_activation(g, CT_SIGMOID, x)) \
    ROW(softplus, "Softplus",   ct_softplus(x),       ONNX("Softplus", x))               \
    ROW(flatten,  "Flatten",    ct_flatten(x, 1, -1), ONNX("Flatten", x))                \
    ROW(identity, "Identity",   x,                    x)

#define DEFINE_PLAIN(name, kind, value, onnx)                     \
    static ct_tensor *name##_forward(ct_module *self, ct_tensor *x) \
    {                                                             \
        (void)self;                                               \
        return value;                                             \
    }                                                             \
    static const char *name##_onnx(ct_onnx *g, ct_module *self, const char *x) \
    {                                                             \
        (void)g, (void)self;                                      \
        return onnx;                                              \
    }                                                             \
    static ct_module *name##_make(const void *settings)           \
    {                                                             \
        (void)settings;                                           \
        return ct_nn_##name();                                    \
    }                                                             \
    const ct_module_type name##_type = {kind, NULL, 0, 0, NULL, name##_make, name##_onnx}; \
    ct_module *ct_nn_##name(void)                                 \
    {                                                             \
        return ct_module_ready_as(ct_module_new(kind, name##_forward, 0), &name##_type, NULL); \
    }
PLAIN(DEFINE_PLAIN)

/* One number: name, kind, its type in files and in ONNX, how it is given and kept, what is shown, y = f(x); in ONNX it is called as the function is. */
#define WITH_OPTION(ROW)                                                                                                           \
    ROW(leaky_relu,  "LeakyReLU",  NUMBER,  "LeakyRelu",  "alpha", double, double,  slope, "slope %g", ct_leaky_relu(x, slope)) \
    ROW(elu,         "ELU",        NUMBER,  "Elu",        "alpha", double, double,  alpha, "alpha %g", ct_elu(x, alpha))        \
    ROW(softmax,     "Softmax",    INTEGER, "Softmax",    "axis",  int,    int64_t, axis,  "axis %d",  ct_softmax(x, axis))     \
    ROW(log_softmax, "LogSoftmax", INTEGER, "LogSoftmax", "axis",  int,    int64_t, axis,  "axis %d",  ct_log_softmax(x, axis))

#define DEFINE_WITH_OPTION(name, kind, TYPE, op, key, type, kept, option, shown, value) \
    static ct_tensor *name##_forward(ct_module *self, ct_tensor *x) \
    {                                                             \
        const type option = *(const type *)ct_module_state(self); \
        return value;                                             \
    }                                                             \
    static ct_module *name##_make(const void *settings)           \
    {                                                             \
        const kept option = *(const kept *)settings;              \
        return (type)option == option ? (ct_nn_##name)((type)option) : ct_fail(#name ": " #option " out of reach"); \
    }                                                             \
    static const char *name##_onnx(ct_onnx *g, ct_module *self, const char *x) \
    {                                                             \
        const type option = *(const type *)ct_module_state(self); \
        return ONNX_WITH(op, ONNX_ATTRIBUTES(ONNX_##TYPE(key, option)), x); \
    }                                                             \
    static const ct_setting name##_list[] = {{#option, CT_SETTING_##TYPE, 0, true, NULL}}; \
    const ct_module_type name##_type = {kind, name##_list, 1, sizeof(kept), NULL, name##_make, name##_onnx}; \
    ct_module *(ct_nn_##name)(type option)                        \
    {                                                             \
        ct_module *self = ct_module_new(kind, name##_forward, sizeof option); \
        if (self)                                                 \
            *(type *)ct_module_state(self) = option;              \
        ct_module_describe(self, shown, option);                  \
        return ct_module_ready_as(self, &name##_type, &(kept){option}); \
    }
WITH_OPTION(DEFINE_WITH_OPTION)
