/* Adam, arXiv:1412.6980, and AdamW, arXiv:1711.05101, which shrinks the parameter instead of adding to its gradient. */
#include <math.h>

#include "optim/optimizer.h"

struct adam {
    ct_optimizer base;
    ct_optim_adam_options options;
    bool decoupled;
};

const ct_optim_adam_options ct_optim_adam_defaults = {CT_OPTIM_ADAM_DEFAULTS .end_ = 0};
const ct_optim_adam_options ct_optim_adamw_defaults = {CT_OPTIM_ADAMW_DEFAULTS .end_ = 0};

static void adam_prepare(const ct_optimizer *base, int64_t step, struct update *update)
{
    const struct adam *self = (const struct adam *)base;
    const ct_optim_adam_options *o = &self->options;
    update->is_adam = true;
    update->adam = (struct adam_numbers){
        .sign = o->maximize ? -1 : 1,
        .decay = self->decoupled ? 0 : o->weight_decay,
        .shrink = self->decoupled ? 1 - base->lr * o->weight_decay : 1,
        .rate = base->lr / (1 - pow(o->beta1, (double)step)),
        .beta1 = o->beta1,
        .beta2 = o->beta2,
        .eps = o->eps,
        .inverse_root = 1 / sqrt(1 - pow(o->beta2, (double)step)),
    };
}

static ct_optimizer *adam_new(const char *name, bool decoupled, ct_module *module, const ct_optim_adam_options *o)
{
    if (!optimizer_check(name, "lr", o->lr) || !optimizer_check_beta(name, "beta1", o->beta1) ||
        !optimizer_check_beta(name, "beta2", o->beta2) || !optimizer_check(name, "eps", o->eps) ||
        !optimizer_check(name, "weight_decay", o->weight_decay))
        return NULL;
    struct adam *self = optimizer_new(sizeof *self, (struct optimizer_kind){name, 2, adam_prepare}, module, o->lr);
    if (!self)
        return NULL;
    self->options = *o;
    self->decoupled = decoupled;
    return &self->base;
}

ct_optimizer *(ct_optim_adam)(ct_module *module, const ct_optim_adam_options *options)
{
    return adam_new("adam", false, module, options ? options : &ct_optim_adam_defaults);
}

ct_optimizer *(ct_optim_adamw)(ct_module *module, const ct_optim_adam_options *options)
{
    return adam_new("adamw", true, module, options ? options : &ct_optim_adamw_defaults);
}
