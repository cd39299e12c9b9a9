/* Stochastic gradient descent, with momentum or Nesterov's. */
#include "optim/optimizer.h"

enum { MOMENTUM = FIRST_OWN, DAMPENING, NESTEROV };
static const struct option options_of_sgd[] = {
    SHARED_OPTIONS, [MOMENTUM] = {"momentum", AT_LEAST_0}, [DAMPENING] = {"dampening", AT_LEAST_0}, [NESTEROV] = {"nesterov", SWITCH}, {0},
};
const ct_optim_sgd_options ct_optim_sgd_defaults = {CT_OPTIM_SGD_DEFAULTS .end_ = 0};

static bool sgd_check(const char *name, const double *o)
{
    if (o[NESTEROV] != 0 && (o[MOMENTUM] == 0 || o[DAMPENING] != 0))
        return ct_fail("%s: nesterov with momentum %g and dampening %g: want a momentum above 0 and no dampening", name, o[MOMENTUM],
                       o[DAMPENING]) != NULL;
    return true;
}

static unsigned sgd_states(const double *o)
{
    return o[MOMENTUM] != 0;
}

static bool sgd_prepare(ct_optimizer *self, struct parameter *p, const double *o, int64_t step, struct update *u)
{
    (void)self, (void)step;
    if (o[MOMENTUM] == 0) {
        u->rule = UPDATE_sgd;
        return true;
    }
    u->rule = o[NESTEROV] != 0 ? UPDATE_nesterov : UPDATE_momentum;
    u->n.beta1 = o[MOMENTUM];
    u->n.rest1 = p->scalar != 0 ? 1 - o[DAMPENING] : 1; /* the buffer of zeros starts as g */
    u->n.extra = o[MOMENTUM];
    p->next_scalar = 1;
    return true;
}

ct_optimizer *(ct_optim_sgd)(ct_module *module, const ct_optim_sgd_options *options)
{
    static const struct optimizer_kind kind = {
        .name = "sgd", .options = options_of_sgd, .states = {"momentum_buffer"}, .prepare = sgd_prepare, .states_for = sgd_states, .check = sgd_check,
    };
    const ct_optim_sgd_options *o = options ? options : &ct_optim_sgd_defaults;
    const double values[] = {SHARED_VALUES(o), [MOMENTUM] = o->momentum, [DAMPENING] = o->dampening, [NESTEROV] = o->nesterov};
    return optimizer_new(sizeof(ct_optimizer), &kind, module, values, o->only, o->no_decay);
}
