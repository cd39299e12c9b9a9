/* Stochastic gradient descent, with momentum or Nesterov's. */
#include "optim/optimizer.h"

struct sgd {
    ct_optimizer base;
    ct_optim_sgd_options options;
};

const ct_optim_sgd_options ct_optim_sgd_defaults = {CT_OPTIM_SGD_DEFAULTS .end_ = 0};

static void sgd_prepare(const ct_optimizer *self, int64_t step, struct update *update)
{
    const ct_optim_sgd_options *o = &((const struct sgd *)self)->options;
    update->sgd = (struct sgd_numbers){
        .sign = o->maximize ? -1 : 1,
        .decay = o->weight_decay,
        .rate = self->lr,
        .momentum = o->momentum,
        .mix = 1 - o->dampening,
        .first = step == 1,
        .nesterov = o->nesterov,
    };
}

ct_optimizer *(ct_optim_sgd)(ct_module *module, const ct_optim_sgd_options *options)
{
    const ct_optim_sgd_options *o = options ? options : &ct_optim_sgd_defaults;
    if (!optimizer_check("sgd", "lr", o->lr) || !optimizer_check("sgd", "momentum", o->momentum) ||
        !optimizer_check("sgd", "dampening", o->dampening) || !optimizer_check("sgd", "weight_decay", o->weight_decay))
        return NULL;
    if (o->nesterov && (o->momentum == 0 || o->dampening != 0))
        return ct_fail("sgd: nesterov with momentum %g and dampening %g: want a momentum above 0 and no dampening",
                       o->momentum, o->dampening);
    struct optimizer_kind kind = {"sgd", o->momentum != 0, sgd_prepare};
    struct sgd *self = optimizer_new(sizeof *self, kind, module, o->lr);
    if (!self)
        return NULL;
    self->options = *o;
    return &self->base;
}
