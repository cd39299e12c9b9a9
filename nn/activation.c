/* Layers without parameters of their own tensors: each row is a layer. */
#include "nn/module.h"

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
    static ct_module *name##_make(const void *settings)           \
    {                                                             \
        (void)settings;                                           \
        return ct_nn_##name();                                    \
    }                                                             \
    const ct_module_type name##_type = {kind, NULL, 0, 0, NULL, name##_make}; \
    ct_module *ct_nn_##name(void)                                 \
    {                                                             \
        return ct_module_ready_as(ct_module_new(kind, name##_forward, 0), &name##_type, NULL); \
    }
PLAIN(DEFINE_PLAIN)

/* One number, kept as files hold it: name, kind, its type, how it is given and kept, what is shown, y = f(x). */
#define WITH_OPTION(ROW)                                                                                        \
    ROW(leaky_relu,  "LeakyReLU",  NUMBER,  double, double,  slope, "slope %g", ct_leaky_relu(x, slope))        \
    ROW(elu,         "ELU",        NUMBER,  double, double,  alpha, "alpha %g", ct_elu(x, alpha))               \
    ROW(softmax,     "Softmax",    INTEGER, int,    int64_t, axis,  "axis %d",  ct_softmax(x, axis))            \
    ROW(log_softmax, "LogSoftmax", INTEGER, int,    int64_t, axis,  "axis %d",  ct_log_softmax(x, axis))

#define DEFINE_WITH_OPTION(name, kind, TYPE, type, kept, option, shown, value) \
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
    static const ct_setting name##_list[] = {{#option, CT_SETTING_##TYPE, 0, true, NULL}}; \
    const ct_module_type name##_type = {kind, name##_list, 1, sizeof(kept), NULL, name##_make}; \
    ct_module *(ct_nn_##name)(type option)                        \
    {                                                             \
        ct_module *self = ct_module_new(kind, name##_forward, sizeof option); \
        if (self)                                                 \
            *(type *)ct_module_state(self) = option;              \
        ct_module_describe(self, shown, option);                  \
        return ct_module_ready_as(self, &name##_type, &(kept){option}); \
    }
WITH_OPTION(DEFINE_WITH_OPTION)
