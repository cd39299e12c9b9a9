/* Lion, arXiv:2302.06675, and LAMB, arXiv:1904.00962. */
#include <math.h>

#include "optim/optimizer.h"

enum { BETA1 = FIRST_OWN, BETA2, EPS };

/* ---- Lion ---------------------------------------------------------------------------------------------------------------- */
static const struct option options_of_lion[] = {SHARED_OPTIONS, [BETA1] = {"beta1", BETA}, [BETA2] = {"beta2", BETA}, {0}};
const ct_optim_lion_options ct_optim_lion_defaults = {CT_OPTIM_LION_DEFAULTS .end_ = 0};

static bool lion_prepare(ct_optimizer *self, struct parameter *p, const double *o, int64_t step, struct update *u)
{
    (void)self, (void)p, (void)step;
    u->rule = UPDATE_lion;
    u->n.decay = 0;
    u->n.shrink = 1 - o[LR] * o[WEIGHT_DECAY];
    u->n.rest1 = 1 - o[BETA1];
    u->n.rest2 = 1 - o[BETA2];
    return true;
}

ct_optimizer *(ct_optim_lion)(ct_module *module, const ct_optim_lion_options *options)
{
    static const struct optimizer_kind kind = {.name = "lion", .options = options_of_lion, .states = {"exp_avg"}, .prepare = lion_prepare};
    const ct_optim_lion_options *o = options ? options : &ct_optim_lion_defaults;
    const double values[] = {SHARED_VALUES(o), [BETA1] = o->beta1, [BETA2] = o->beta2};
    return optimizer_new(sizeof(ct_optimizer), &kind, module, values, o->only, o->no_decay);
}

/* ---- LAMB: the length of a step wants norms over the whole parameter, so there are two passes -------------------------------- */
static const struct option options_of_lamb[] = {
    SHARED_OPTIONS, [BETA1] = {"beta1", BETA}, [BETA2] = {"beta2", BETA}, [EPS] = {"eps", AT_LEAST_0}, {0},
};
const ct_optim_lamb_options ct_optim_lamb_defaults = {CT_OPTIM_LAMB_DEFAULTS .end_ = 0};

static bool lamb_prepare(ct_optimizer *self, struct parameter *p, const double *o, int64_t step, struct update *u)
{
    (void)self, (void)p;
    u->rule = UPDATE_lamb;
    u->n.decay = 0;
    u->n.rest1 = 1 - o[BETA1];
    u->n.beta2 = o[BETA2], u->n.rest2 = 1 - o[BETA2];
    u->n.beta1 = o[WEIGHT_DECAY];
    u->n.eps = o[EPS];
    u->n.extra = 1 / (1 - pow(o[BETA1], (double)step));
    u->n.root = 1 / sqrt(1 - pow(o[BETA2], (double)step));
    return true;
}

static bool lamb_run(ct_optimizer *self, struct update *updates, size_t count)
{
    (void)self;
    update_lamb_moments(updates, count);
    for (size_t i = 0; i < count; i++) {
        double of_p = 0, of_step = 0;
        for (size_t block = 0; block < update_blocks(updates[i].count); block++)
            of_p += updates[i].sums[2 * block], of_step += updates[i].sums[2 * block + 1];
        if (of_p > 0 && of_step > 0)
            updates[i].n.rate *= sqrt(of_p) / sqrt(of_step);
    }
    update_run(updates, count);
    return true;
}

ct_optimizer *(ct_optim_lamb)(ct_module *module, const ct_optim_lamb_options *options)
{
    static const struct optimizer_kind kind = {
        .name = "lamb", .options = options_of_lamb, .states = {"exp_avg", "exp_avg_sq"}, .prepare = lamb_prepare, .run = lamb_run,
    };
    const ct_optim_lamb_options *o = options ? options : &ct_optim_lamb_defaults;
    const double values[] = {SHARED_VALUES(o), [BETA1] = o->beta1, [BETA2] = o->beta2, [EPS] = o->eps};
    return optimizer_new(sizeof(ct_optimizer), &kind, module, values, o->only, o->no_decay);
}
