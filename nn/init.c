/* Initialisers. They draw in the order of the user's axes, whatever the memory order: a seed gives the same values. */
#include <math.h>

#include "autograd/raw.h"
#include "nn/nn.h"

const ct_nn_init_options ct_nn_init_he_defaults = {CT_NN_INIT_HE_DEFAULTS .end_ = 0};
const ct_nn_init_options ct_nn_init_xavier_defaults = {CT_NN_INIT_XAVIER_DEFAULTS .end_ = 0};

static bool check(const char *name, const ct_tensor *t)
{
    if (!t) {
        if (ct_ok())
            ct_fail("%s: tensor is NULL", name);
        return false;
    }
    if (ct_dtype_of(t) == CT_FLOAT32 || ct_dtype_of(t) == CT_FLOAT64)
        return true;
    ct_fail("%s: tensor is %s: want float32 or float64", name, ct_dtype_name(ct_dtype_of(t)));
    return false;
}

typedef ct_tensor *draw_function(const int64_t *sizes, size_t rank, ct_dtype dtype, ct_generator *generator);

/* t = offset + scale draw; 0 where a file's values follow: drawing takes ten times as long as reading. */
static bool fill(ct_tensor *t, draw_function *draw, double offset, double scale, ct_generator *generator)
{
    CT_SCOPE;
    CT_NO_GRAD;
    if (tensor_budget_is_set())
        return ct_fill_(t, 0) != NULL;
    int64_t sizes[CT_MAX_RANK];
    int rank = ct_rank(t);
    for (int axis = 0; axis < rank; axis++)
        sizes[axis] = ct_size(t, axis);
    ct_tensor *values = draw(sizes, (size_t)rank, ct_dtype_of(t), generator);
    return ct_copy_(t, ct_add(ct_mul(values, scale), offset)) != NULL;
}

bool ct_nn_init_uniform(ct_tensor *t, double low, double high, ct_generator *generator)
{
    if (!check("init_uniform", t))
        return false;
    if (!(low <= high) || isinf(low) || isinf(high)) {
        ct_fail("init_uniform: %g to %g: want finite bounds in order", low, high);
        return false;
    }
    return fill(t, ct_rand, low, high - low, generator);
}

bool ct_nn_init_normal(ct_tensor *t, double mean, double deviation, ct_generator *generator)
{
    if (!check("init_normal", t))
        return false;
    if (!isfinite(mean) || !isfinite(deviation) || deviation < 0) {
        ct_fail("init_normal: mean %g, deviation %g: want finite ones, the deviation at least 0", mean, deviation);
        return false;
    }
    return fill(t, ct_randn, mean, deviation, generator);
}

bool ct_nn_init_constant(ct_tensor *t, double value)
{
    CT_NO_GRAD;
    CT_SCOPE;
    return check("init_constant", t) && ct_fill_(t, value) != NULL;
}

bool ct_nn_init_zeros(ct_tensor *t)
{
    return ct_nn_init_constant(t, 0);
}

bool ct_nn_init_ones(ct_tensor *t)
{
    return ct_nn_init_constant(t, 1);
}

/* Products of all sizes but the first (in) and but the second (out). */
static bool find_fans(const char *name, const ct_tensor *t, double gain, double *in, double *out)
{
    if (!check(name, t))
        return false;
    if (ct_rank(t) < 2) {
        ct_fail("%s: a tensor of %d axes has no fans: want at least 2", name, ct_rank(t));
        return false;
    }
    if (!isfinite(gain)) {
        ct_fail("%s: gain %g: want a finite number", name, gain);
        return false;
    }
    *in = *out = 1;
    for (int axis = 0; axis < ct_rank(t); axis++) {
        *in *= axis == 0 ? 1 : (double)ct_size(t, axis);
        *out *= axis == 1 ? 1 : (double)ct_size(t, axis);
    }
    return true;
}

/* Without elements a fan may be 0, and there is nothing to scale. */
static bool fill_uniform(ct_tensor *t, double bound, ct_generator *generator)
{
    return ct_numel(t) == 0 || fill(t, ct_rand, -bound, 2 * bound, generator);
}

static bool fill_normal(ct_tensor *t, double deviation, ct_generator *generator)
{
    return ct_numel(t) == 0 || fill(t, ct_randn, 0, deviation, generator);
}

bool(ct_nn_init_he_uniform)(ct_tensor *t, const ct_nn_init_options *options)
{
    const ct_nn_init_options *o = options ? options : &ct_nn_init_he_defaults;
    double in, out;
    return find_fans("init_he_uniform", t, o->gain, &in, &out) &&
           fill_uniform(t, o->gain * sqrt(3 / (o->fan_out ? out : in)), o->generator);
}

bool(ct_nn_init_he_normal)(ct_tensor *t, const ct_nn_init_options *options)
{
    const ct_nn_init_options *o = options ? options : &ct_nn_init_he_defaults;
    double in, out;
    return find_fans("init_he_normal", t, o->gain, &in, &out) &&
           fill_normal(t, o->gain / sqrt(o->fan_out ? out : in), o->generator);
}

bool(ct_nn_init_xavier_uniform)(ct_tensor *t, const ct_nn_init_options *options)
{
    const ct_nn_init_options *o = options ? options : &ct_nn_init_xavier_defaults;
    double in, out;
    return find_fans("init_xavier_uniform", t, o->gain, &in, &out) &&
           fill_uniform(t, o->gain * sqrt(6 / (in + out)), o->generator);
}

bool(ct_nn_init_xavier_normal)(ct_tensor *t, const ct_nn_init_options *options)
{
    const ct_nn_init_options *o = options ? options : &ct_nn_init_xavier_defaults;
    double in, out;
    return find_fans("init_xavier_normal", t, o->gain, &in, &out) &&
           fill_normal(t, o->gain * sqrt(2 / (in + out)), o->generator);
}
