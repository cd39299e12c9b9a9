/* Dropout: in training mode each element, or each channel, is zeroed with probability p and the others are scaled by 1 / (1 - p). */
#include "nn/onnx.h"

/*   name        kind          what one draw decides on */
#define DROPOUTS(ROW)                    \
    ROW(dropout,   "Dropout",   ct_dropout)   \
    ROW(dropout2d, "Dropout2d", ct_dropout2d)

#define DEFINE(name, kind, call)                                                                        \
    static ct_tensor *name##_forward(ct_module *self, ct_tensor *x)                                     \
    {                                                                                                   \
        return call(x, .p = *(const double *)ct_module_state(self), .eval = !ct_module_is_training(self)); \
    }                                                                                                   \
    static ct_module *name##_make(const void *settings)                                                 \
    {                                                                                                   \
        return (ct_nn_##name)(*(const double *)settings);                                               \
    }                                                                                                   \
    static const ct_setting name##_list[] = {{"p", CT_SETTING_NUMBER, 0, true, NULL}};                  \
    const ct_module_type name##_type = {kind, name##_list, 1, sizeof(double), NULL, name##_make, onnx_same}; \
    ct_module *(ct_nn_##name)(double p)                                                                 \
    {                                                                                                   \
        if (!(p >= 0 && p <= 1))                                                                        \
            return ct_fail(#name ": p %g: want 0 to 1", p);                                             \
        ct_module *self = ct_module_new(kind, name##_forward, sizeof p);                                \
        if (self)                                                                                       \
            *(double *)ct_module_state(self) = p;                                                       \
        ct_module_describe(self, "p %g", p);                                                            \
        return ct_module_ready_as(self, &name##_type, &p);                                              \
    }
DROPOUTS(DEFINE)
