/* Layers without parameters of their own tensors: each row is a layer. */
#include "nn/nn.h"

/*   name         kind          y = f(x) */
#define PLAIN(ROW)                                     \
    ROW(relu,     "ReLU",       ct_relu(x))            \
    ROW(gelu,     "GELU",       ct_gelu(x))            \
    ROW(silu,     "SiLU",       ct_silu(x))            \
    ROW(tanh,     "Tanh",       ct_tanh(x))            \
    ROW(sigmoid,  "Sigmoid",    ct_sigmoid(x))         \
    ROW(softplus, "Softplus",   ct_softplus(x))        \
    ROW(flatten,  "Flatten",    ct_flatten(x, 1, -1))  \
    ROW(identity, "Identity",   x)

#define DEFINE_PLAIN(name, kind, value)                           \
    static ct_tensor *name##_forward(ct_module *self, ct_tensor *x) \
    {                                                             \
        (void)self;                                               \
        return value;                                             \
    }                                                             \
    ct_module *ct_nn_##name(void)                                 \
    {                                                             \
        return ct_module_new(kind, name##_forward, 0);            \
    }
PLAIN(DEFINE_PLAIN)

/*   name         kind          option          shown        y = f(x) */
#define WITH_OPTION(ROW)                                                                            \
    ROW(leaky_relu,  "LeakyReLU",  double, slope, "slope %g",  ct_leaky_relu(x, slope))             \
    ROW(elu,         "ELU",        double, alpha, "alpha %g",  ct_elu(x, alpha))                    \
    ROW(softmax,     "Softmax",    int,    axis,  "axis %d",   ct_softmax(x, axis))                 \
    ROW(log_softmax, "LogSoftmax", int,    axis,  "axis %d",   ct_log_softmax(x, axis))

#define DEFINE_WITH_OPTION(name, kind, type, option, shown, value) \
    static ct_tensor *name##_forward(ct_module *self, ct_tensor *x) \
    {                                                             \
        const type option = *(const type *)ct_module_state(self); \
        return value;                                             \
    }                                                             \
    ct_module *(ct_nn_##name)(type option)                        \
    {                                                             \
        ct_module *self = ct_module_new(kind, name##_forward, sizeof option); \
        if (self)                                                 \
            *(type *)ct_module_state(self) = option;              \
        ct_module_describe(self, shown, option);                  \
        return self;                                              \
    }
WITH_OPTION(DEFINE_WITH_OPTION)
