/* Muon (Jordan 2024): steps of matrices whose singular values are all brought near 1 by a few Newton-Schulz iterations. */
#include <math.h>

#include "autograd/raw.h"
#include "optim/optimizer.h"

enum { MOMENTUM = FIRST_OWN, EPS, FACTOR_A, FACTOR_B, FACTOR_C, ITERATIONS, SCALE, NO_NESTEROV };
static const struct option options_of_muon[] = {
    SHARED_OPTIONS,
    [MOMENTUM] = {"momentum", BETA_OR_1},
    [EPS] = {"eps", AT_LEAST_0},
    [FACTOR_A] = {"a", ANY},
    [FACTOR_B] = {"b", ANY},
    [FACTOR_C] = {"c", ANY},
    [ITERATIONS] = {"iterations", AT_LEAST_0},
    [SCALE] = {"scale", AT_LEAST_0},
    [NO_NESTEROV] = {"no_nesterov", SWITCH},
    {0},
};
const ct_optim_muon_options ct_optim_muon_defaults = {CT_OPTIM_MUON_DEFAULTS .end_ = 0};

static bool muon_check(const char *name, const double *o)
{
    if (o[ITERATIONS] != floor(o[ITERATIONS]) || o[ITERATIONS] > 99)
        return ct_fail("%s: iterations %g: want a whole number, at most 99", name, o[ITERATIONS]) != NULL;
    if (o[SCALE] != CT_MUON_ORIGINAL && o[SCALE] != CT_MUON_MATCH_RMS_ADAMW && o[SCALE] != CT_MUON_SPECTRAL_UNCLAMPED)
        return ct_fail("%s: scale %g: want a ct_muon_scale", name, o[SCALE]) != NULL;
    return true;
}

static bool muon_check_parameter(const char *name, const struct parameter *p)
{
    return ct_rank(p->tensor) == 2 || ct_fail("%s: %s has %d axes: want matrices (choose them by .only)", name, p->name, ct_rank(p->tensor));
}

static ct_tensor *orthogonal(ct_tensor *x, const double *o)
{
    const bool tall = ct_size(x, 0) > ct_size(x, 1);
    if (tall)
        x = ct_transpose(x, 0, 1);
    x = ct_div(x, ct_clamp(ct_sqrt(ct_sum(ct_square(x))), o[EPS], INFINITY));
    for (int i = 0; i < (int)o[ITERATIONS]; i++) {
        ct_tensor *gram = ct_matmul(x, ct_transpose(x, 0, 1));
        ct_tensor *polynomial = ct_add(ct_mul(gram, o[FACTOR_B]), ct_mul(ct_matmul(gram, gram), o[FACTOR_C]));
        x = ct_add(ct_mul(x, o[FACTOR_A]), ct_matmul(polynomial, x));
    }
    return tall ? ct_transpose(x, 0, 1) : x;
}

/* What the momentum will be is needed before anything may change; the pass computes it once more. */
static bool muon_prepare(ct_optimizer *self, struct parameter *p, const double *o, int64_t step, struct update *u)
{
    (void)self, (void)step;
    const double rows = (double)ct_size(p->tensor, 0), columns = (double)ct_size(p->tensor, 1);
    ct_tensor *g = ct_mul(ct_gradient(p->tensor), u->n.sign), *m = ct_lerp(p->states[0], g, 1 - o[MOMENTUM]);
    ct_tensor *direction = orthogonal(o[NO_NESTEROV] != 0 ? m : ct_lerp(g, m, o[MOMENTUM]), o);
    ct_tensor *paired = ct_copy_(ct_zeros_like(p->tensor), direction);
    if (!paired)
        return false;
    const double scale = o[SCALE] == CT_MUON_ORIGINAL ? sqrt(fmax(1, rows / columns)) :
                         o[SCALE] == CT_MUON_MATCH_RMS_ADAMW ? 0.2 * sqrt(fmax(rows, columns)) : sqrt(rows / columns);
    u->rule = UPDATE_muon;
    u->states[1] = tensor_elements(paired);
    u->n.decay = 0;
    u->n.shrink = 1 - o[LR] * o[WEIGHT_DECAY];
    u->n.rest1 = 1 - o[MOMENTUM];
    u->n.rate = o[LR] * scale;
    return true;
}

ct_optimizer *(ct_optim_muon)(ct_module *module, const ct_optim_muon_options *options)
{
    static const struct optimizer_kind kind = {
        .name = "muon", .options = options_of_muon, .states = {"momentum_buffer"}, .prepare = muon_prepare, .check = muon_check,
        .check_parameter = muon_check_parameter,
    };
    const ct_optim_muon_options *o = options ? options : &ct_optim_muon_defaults;
    const double values[] = {
        SHARED_VALUES(o), [MOMENTUM] = o->momentum, [EPS] = o->eps, [FACTOR_A] = o->a, [FACTOR_B] = o->b, [FACTOR_C] = o->c,
        [ITERATIONS] = (double)o->iterations, [SCALE] = o->scale, [NO_NESTEROV] = o->no_nesterov,
    };
    return optimizer_new(sizeof(ct_optimizer), &kind, module, values, o->only, o->no_decay);
}
