/* Adam and what grew from it: AdamW, AMSGrad, Adamax, NAdam, RAdam. All keep a mean of gradients and one of their squares. */
#include <math.h>

#include "optim/optimizer.h"

enum { BETA1 = FIRST_OWN, BETA2, EPS, OWN };    /* OWN: a kind's own option */
#define ADAM_OPTIONS SHARED_OPTIONS, [BETA1] = {"beta1", BETA}, [BETA2] = {"beta2", BETA}, [EPS] = {"eps", AT_LEAST_0}
#define ADAM_VALUES(o) SHARED_VALUES(o), [BETA1] = (o)->beta1, [BETA2] = (o)->beta2, [EPS] = (o)->eps
#define ADAM_STATES "exp_avg", "exp_avg_sq"

/* The numbers that all share; rate without the correction of the first moment's bias. */
static void adam_numbers(const double *o, int64_t step, bool decoupled, struct update_numbers *n)
{
    if (decoupled) {
        n->shrink = 1 - o[LR] * o[WEIGHT_DECAY];
        n->decay = 0;
    }
    n->beta1 = o[BETA1], n->rest1 = 1 - o[BETA1];
    n->beta2 = o[BETA2], n->rest2 = 1 - o[BETA2];
    n->eps = o[EPS];
    n->root = 1 / sqrt(1 - pow(o[BETA2], (double)step));
}

static double first_correction(const double *o, int64_t step)
{
    return 1 - pow(o[BETA1], (double)step);
}

/* ---- Adam, AdamW --------------------------------------------------------------------------------------------------------- */
static const struct option options_of_adam[] = {ADAM_OPTIONS, [OWN] = {"amsgrad", SWITCH}, {0}};
const ct_optim_adam_options ct_optim_adam_defaults = {CT_OPTIM_ADAM_DEFAULTS .end_ = 0};
const ct_optim_adam_options ct_optim_adamw_defaults = {CT_OPTIM_ADAMW_DEFAULTS .end_ = 0};

static unsigned adam_states(const double *o)
{
    return o[OWN] != 0 ? 7 : 3;
}

static bool adam_rule(const double *o, int64_t step, bool decoupled, struct update *u)
{
    adam_numbers(o, step, decoupled, &u->n);
    u->rule = o[OWN] != 0 ? UPDATE_amsgrad : UPDATE_adam;
    u->n.rate = o[LR] / first_correction(o, step);
    return true;
}

static bool adam_prepare(ct_optimizer *self, struct parameter *p, const double *o, int64_t step, struct update *u)
{
    (void)self, (void)p;
    return adam_rule(o, step, false, u);
}

static bool adamw_prepare(ct_optimizer *self, struct parameter *p, const double *o, int64_t step, struct update *u)
{
    (void)self, (void)p;
    return adam_rule(o, step, true, u);
}

#define ADAM_KIND(kind_name, prepare_it) \
    {.name = kind_name, .options = options_of_adam, .states = {ADAM_STATES, "max_exp_avg_sq"}, .prepare = prepare_it, .states_for = adam_states}

ct_optimizer *(ct_optim_adam)(ct_module *module, const ct_optim_adam_options *options)
{
    static const struct optimizer_kind kind = ADAM_KIND("adam", adam_prepare);
    const ct_optim_adam_options *o = options ? options : &ct_optim_adam_defaults;
    const double values[] = {ADAM_VALUES(o), [OWN] = o->amsgrad};
    return optimizer_new(sizeof(ct_optimizer), &kind, module, values, o->only, o->no_decay);
}

ct_optimizer *(ct_optim_adamw)(ct_module *module, const ct_optim_adam_options *options)
{
    static const struct optimizer_kind kind = ADAM_KIND("adamw", adamw_prepare);
    const ct_optim_adam_options *o = options ? options : &ct_optim_adamw_defaults;
    const double values[] = {ADAM_VALUES(o), [OWN] = o->amsgrad};
    return optimizer_new(sizeof(ct_optimizer), &kind, module, values, o->only, o->no_decay);
}

/* ---- Adamax --------------------------------------------------------------------------------------------------------------- */
static const struct option options_of_adamax[] = {ADAM_OPTIONS, {0}};
const ct_optim_adamax_options ct_optim_adamax_defaults = {CT_OPTIM_ADAMAX_DEFAULTS .end_ = 0};

static bool adamax_prepare(ct_optimizer *self, struct parameter *p, const double *o, int64_t step, struct update *u)
{
    (void)self, (void)p;
    adam_numbers(o, step, false, &u->n);
    u->rule = UPDATE_adamax;
    u->n.rate = o[LR] / first_correction(o, step);
    return true;
}

ct_optimizer *(ct_optim_adamax)(ct_module *module, const ct_optim_adamax_options *options)
{
    static const struct optimizer_kind kind = {
        .name = "adamax", .options = options_of_adamax, .states = {"exp_avg", "exp_inf"}, .prepare = adamax_prepare,
    };
    const ct_optim_adamax_options *o = options ? options : &ct_optim_adamax_defaults;
    const double values[] = {ADAM_VALUES(o)};
    return optimizer_new(sizeof(ct_optimizer), &kind, module, values, o->only, o->no_decay);
}

/* ---- NAdam ---------------------------------------------------------------------------------------------------------------- */
enum { MOMENTUM_DECAY = OWN, NADAM_DECOUPLED };
static const struct option options_of_nadam[] = {
    ADAM_OPTIONS, [MOMENTUM_DECAY] = {"momentum_decay", AT_LEAST_0}, [NADAM_DECOUPLED] = {"decoupled_weight_decay", SWITCH}, {0},
};
const ct_optim_nadam_options ct_optim_nadam_defaults = {CT_OPTIM_NADAM_DEFAULTS .end_ = 0};

static double nadam_momentum(const double *o, int64_t step)
{
    return o[BETA1] * (1 - 0.5 * pow(0.96, (double)step * o[MOMENTUM_DECAY]));
}

static bool nadam_prepare(ct_optimizer *self, struct parameter *p, const double *o, int64_t step, struct update *u)
{
    (void)self;
    const double mu = nadam_momentum(o, step), next = nadam_momentum(o, step + 1), product = (p->scalar != 0 || step > 1 ? p->scalar : 1) * mu;
    adam_numbers(o, step, o[NADAM_DECOUPLED] != 0, &u->n);
    u->rule = UPDATE_nadam;
    u->n.rate = o[LR] * (1 - mu) / (1 - product);
    u->n.extra = o[LR] * next / (1 - product * next);
    p->next_scalar = product;
    return true;
}

ct_optimizer *(ct_optim_nadam)(ct_module *module, const ct_optim_nadam_options *options)
{
    static const struct optimizer_kind kind = {
        .name = "nadam", .options = options_of_nadam, .states = {ADAM_STATES}, .prepare = nadam_prepare,
    };
    const ct_optim_nadam_options *o = options ? options : &ct_optim_nadam_defaults;
    const double values[] = {ADAM_VALUES(o), [MOMENTUM_DECAY] = o->momentum_decay, [NADAM_DECOUPLED] = o->decoupled_weight_decay};
    return optimizer_new(sizeof(ct_optimizer), &kind, module, values, o->only, o->no_decay);
}

/* ---- RAdam ---------------------------------------------------------------------------------------------------------------- */
enum { RADAM_DECOUPLED = OWN };
static const struct option options_of_radam[] = {ADAM_OPTIONS, [RADAM_DECOUPLED] = {"decoupled_weight_decay", SWITCH}, {0}};
const ct_optim_radam_options ct_optim_radam_defaults = {CT_OPTIM_RADAM_DEFAULTS .end_ = 0};

static bool radam_prepare(ct_optimizer *self, struct parameter *p, const double *o, int64_t step, struct update *u)
{
    (void)self, (void)p;
    adam_numbers(o, step, o[RADAM_DECOUPLED] != 0, &u->n);
    const double power = pow(o[BETA2], (double)step), most = 2 / (1 - o[BETA2]) - 1, length = most - 2 * (double)step * power / (1 - power);
    u->rule = length > 5 ? UPDATE_adam : UPDATE_radam_early;
    u->n.rate = o[LR] / first_correction(o, step);
    u->n.root = 1;
    if (length > 5)
        u->n.rate *= sqrt(1 - power) * sqrt((length - 4) * (length - 2) * most / ((most - 4) * (most - 2) * length));
    return true;
}

ct_optimizer *(ct_optim_radam)(ct_module *module, const ct_optim_radam_options *options)
{
    static const struct optimizer_kind kind = {
        .name = "radam", .options = options_of_radam, .states = {ADAM_STATES}, .prepare = radam_prepare,
    };
    const ct_optim_radam_options *o = options ? options : &ct_optim_radam_defaults;
    const double values[] = {ADAM_VALUES(o), [RADAM_DECOUPLED] = o->decoupled_weight_decay};
    return optimizer_new(sizeof(ct_optimizer), &kind, module, values, o->only, o->no_decay);
}
