/* Adagrad (Duchi et al. 2011), RMSprop (Hinton 2012) and Adadelta (arXiv:1212.5701): steps divided by the size of past gradients. */
#include <math.h>

#include "optim/optimizer.h"

/* ---- Adagrad ------------------------------------------------------------------------------------------------------------ */
enum { ADAGRAD_LR_DECAY = FIRST_OWN, ADAGRAD_EPS };
static const struct option options_of_adagrad[] = {
    SHARED_OPTIONS, [ADAGRAD_LR_DECAY] = {"lr_decay", AT_LEAST_0}, [ADAGRAD_EPS] = {"eps", AT_LEAST_0}, {0},
};
const ct_optim_adagrad_options ct_optim_adagrad_defaults = {CT_OPTIM_ADAGRAD_DEFAULTS .end_ = 0};

static bool adagrad_prepare(ct_optimizer *self, struct parameter *p, const double *o, int64_t step, struct update *u)
{
    (void)self, (void)p;
    u->rule = UPDATE_adagrad;
    u->n.rate = o[LR] / (1 + (double)(step - 1) * o[ADAGRAD_LR_DECAY]);
    u->n.eps = o[ADAGRAD_EPS];
    return true;
}

ct_optimizer *(ct_optim_adagrad)(ct_module *module, const ct_optim_adagrad_options *options)
{
    static const struct optimizer_kind kind = {
        .name = "adagrad", .options = options_of_adagrad, .states = {"sum"}, .prepare = adagrad_prepare,
    };
    const ct_optim_adagrad_options *o = options ? options : &ct_optim_adagrad_defaults;
    const double values[] = {SHARED_VALUES(o), [ADAGRAD_LR_DECAY] = o->lr_decay, [ADAGRAD_EPS] = o->eps};
    if (!(o->initial_accumulator_value >= 0 && isfinite(o->initial_accumulator_value)))
        return ct_fail("adagrad: initial_accumulator_value %g: want at least 0", o->initial_accumulator_value);
    ct_optimizer *self = optimizer_new(sizeof *self, &kind, module, values, o->only, o->no_decay);
    CT_SCOPE;
    CT_NO_GRAD;
    for (size_t i = 0; self && o->initial_accumulator_value != 0 && i < self->count; i++)
        if (!ct_fill_(self->parameters[i].states[0], o->initial_accumulator_value)) {
            object_drop(self);
            return NULL;
        }
    return self;
}

/* ---- RMSprop ------------------------------------------------------------------------------------------------------------ */
enum { RMSPROP_ALPHA = FIRST_OWN, RMSPROP_EPS, RMSPROP_MOMENTUM, RMSPROP_CENTERED };
static const struct option options_of_rmsprop[] = {
    SHARED_OPTIONS,
    [RMSPROP_ALPHA] = {"alpha", AT_LEAST_0},
    [RMSPROP_EPS] = {"eps", AT_LEAST_0},
    [RMSPROP_MOMENTUM] = {"momentum", AT_LEAST_0},
    [RMSPROP_CENTERED] = {"centered", SWITCH},
    {0},
};
const ct_optim_rmsprop_options ct_optim_rmsprop_defaults = {CT_OPTIM_RMSPROP_DEFAULTS .end_ = 0};

static unsigned rmsprop_states(const double *o)
{
    return 1u | (o[RMSPROP_CENTERED] != 0) << 1 | (o[RMSPROP_MOMENTUM] != 0) << 2;
}

static bool rmsprop_prepare(ct_optimizer *self, struct parameter *p, const double *o, int64_t step, struct update *u)
{
    (void)self, (void)p, (void)step;
    const bool centered = o[RMSPROP_CENTERED] != 0, momentum = o[RMSPROP_MOMENTUM] != 0;
    u->rule = centered && momentum ? UPDATE_rmsprop_centered_momentum : centered ? UPDATE_rmsprop_centered :
              momentum ? UPDATE_rmsprop_momentum : UPDATE_rmsprop;
    if (!centered)
        u->states[1] = u->states[2];
    u->n.beta1 = o[RMSPROP_MOMENTUM];
    u->n.beta2 = o[RMSPROP_ALPHA];
    u->n.rest2 = 1 - o[RMSPROP_ALPHA];
    u->n.eps = o[RMSPROP_EPS];
    return true;
}

ct_optimizer *(ct_optim_rmsprop)(ct_module *module, const ct_optim_rmsprop_options *options)
{
    static const struct optimizer_kind kind = {
        .name = "rmsprop", .options = options_of_rmsprop, .states = {"square_avg", "grad_avg", "momentum_buffer"},
        .prepare = rmsprop_prepare, .states_for = rmsprop_states,
    };
    const ct_optim_rmsprop_options *o = options ? options : &ct_optim_rmsprop_defaults;
    const double values[] = {SHARED_VALUES(o), [RMSPROP_ALPHA] = o->alpha, [RMSPROP_EPS] = o->eps, [RMSPROP_MOMENTUM] = o->momentum,
                             [RMSPROP_CENTERED] = o->centered};
    return optimizer_new(sizeof(ct_optimizer), &kind, module, values, o->only, o->no_decay);
}

/* ---- Adadelta ------------------------------------------------------------------------------------------------------------ */
enum { ADADELTA_RHO = FIRST_OWN, ADADELTA_EPS };
static const struct option options_of_adadelta[] = {
    SHARED_OPTIONS, [ADADELTA_RHO] = {"rho", BETA_OR_1}, [ADADELTA_EPS] = {"eps", AT_LEAST_0}, {0},
};
const ct_optim_adadelta_options ct_optim_adadelta_defaults = {CT_OPTIM_ADADELTA_DEFAULTS .end_ = 0};

static bool adadelta_prepare(ct_optimizer *self, struct parameter *p, const double *o, int64_t step, struct update *u)
{
    (void)self, (void)p, (void)step;
    u->rule = UPDATE_adadelta;
    u->n.beta2 = o[ADADELTA_RHO];
    u->n.rest2 = 1 - o[ADADELTA_RHO];
    u->n.eps = o[ADADELTA_EPS];
    return true;
}

ct_optimizer *(ct_optim_adadelta)(ct_module *module, const ct_optim_adadelta_options *options)
{
    static const struct optimizer_kind kind = {
        .name = "adadelta", .options = options_of_adadelta, .states = {"square_avg", "acc_delta"}, .prepare = adadelta_prepare,
    };
    const ct_optim_adadelta_options *o = options ? options : &ct_optim_adadelta_defaults;
    const double values[] = {SHARED_VALUES(o), [ADADELTA_RHO] = o->rho, [ADADELTA_EPS] = o->eps};
    return optimizer_new(sizeof(ct_optimizer), &kind, module, values, o->only, o->no_decay);
}
