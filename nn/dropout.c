/* Dropout: in training mode each element is zeroed with probability p and the others are scaled by 1 / (1 - p). */
#include "nn/nn.h"

struct dropout {
    double p;
};

static ct_tensor *dropout_forward(ct_module *self, ct_tensor *x)
{
    const struct dropout *m = ct_module_state(self);
    return ct_dropout(x, .p = m->p, .eval = !ct_module_is_training(self));
}

ct_module *ct_nn_dropout(double p)
{
    if (!(p >= 0 && p <= 1))
        return ct_fail("dropout: p %g: want 0 to 1", p);
    ct_module *self = ct_module_new("Dropout", dropout_forward, sizeof(struct dropout));
    if (!self)
        return NULL;
    *(struct dropout *)ct_module_state(self) = (struct dropout){p};
    ct_module_describe(self, "p %g", p);
    return self;
}
