/* Lengths and spreads: roots of sums, whose gradient is 0 where they are 0. */
#include <math.h>

#include "ops.h"

#define VJP(name)                                                                                                        \
    static void name(ct_node *node, ct_tensor *const *cotangents, ct_tensor **gradients)

struct spread {
    unsigned set;
    double divisor, p;
};

/* g / y, and 0 where y is 0, there without an infinity that a gradient of the gradient would meet. */
static ct_tensor *over(ct_tensor *g, ct_tensor *y)
{
    ct_tensor *zero = ct_eq(y, 0.0);
    return ct_div(ct_where(zero, 0.0, g), ct_where(zero, 1.0, y));
}

static size_t listed(unsigned set, const ct_tensor *x, int *axes)
{
    size_t count = 0;
    for (int i = 0; i < x->rank; i++)
        if (set >> i & 1)
            axes[count++] = i;
    return count;
}

/* ---- std: dx = g (x - mean) / (divisor std) ------------------------------------------------------------------------------------------ */
VJP(std_vjp)
{
    const struct spread *s = ct_node_context(node);
    ct_tensor *x = ct_node_input(node, 0);
    int axes[CT_MAX_RANK];
    const size_t count = listed(s->set, x, axes);
    ct_tensor *scale = ct_div(over(cotangents[0], ct_node_output(node, 0)), s->divisor);
    gradients[0] = ct_mul(with_axes(scale, x, s->set), ct_sub(x, count ? (ct_mean)(x, axes, count, true) : x));
}
const struct op op_std = {"std", std_vjp, NULL, READS(0) | READS_OUTPUT};

ct_tensor *(ct_std)(ct_tensor *x, const int *axes, size_t count, bool keepdims, double correction)
{
    bool ok;
    if (!given_floating("std", "the operand", x))
        return NULL;
    struct spread s = {.set = check_axes("std", x, axes, count, &ok), .divisor = 1};
    if (!ok)
        return NULL;
    for (int i = 0; i < x->rank; i++)
        s.divisor *= s.set >> i & 1 ? (double)x->sizes[i] : 1;
    s.divisor = fmax(s.divisor - correction, 0);
    bool was = ct_set_recording(false);
    ct_tensor *y = ct_sqrt((ct_var)(x, axes, count, keepdims, correction));
    ct_set_recording(was);
    return RECORD(&op_std, y, &s, x);
}

/* ---- norm: dx = g sign(x) (|x| / norm)^(p-1) ------------------------------------------------------------------------------------------- */
VJP(norm_vjp)
{
    const struct spread *s = ct_node_context(node);
    ct_tensor *x = ct_node_input(node, 0), *g = with_axes(cotangents[0], x, s->set);
    if (s->p == 0) {
        gradients[0] = ct_mul(g, ct_zeros_like(x));
        return;
    }
    ct_tensor *y = with_axes(ct_node_output(node, 0), x, s->set);
    if (s->p == 2) {
        gradients[0] = ct_mul(x, over(g, y));
        return;
    }
    ct_tensor *zero = ct_logical_or(ct_eq(x, 0.0), ct_eq(y, 0.0));
    ct_tensor *share = ct_where(zero, 1.0, ct_div(ct_abs(x), ct_where(ct_eq(y, 0.0), 1.0, y)));
    gradients[0] = ct_where(zero, 0.0, ct_mul(ct_mul(g, ct_sign(x)), ct_pow(share, s->p - 1)));
}
const struct op op_norm = {"norm", norm_vjp, NULL, READS(0) | READS_OUTPUT};

static ct_tensor *sum_of_squares(ct_tensor *x, unsigned set, bool keepdims)
{
    int64_t sizes[CT_MAX_RANK];
    const size_t rank = reduced_sizes(x, set, keepdims, sizes);
    ct_tensor *y = tensor_new("norm", (ct_dtype)x->dtype, rank, sizes, NULL);
    return y && fold("norm", y, x, set, FOLD_SQUARES, NULL) ? y : NULL;
}

ct_tensor *(ct_norm)(ct_tensor *x, const int *axes, size_t count, bool keepdims, double p)
{
    bool ok;
    if (!given_floating("norm", "the operand", x))
        return NULL;
    struct spread s = {.set = check_axes("norm", x, axes, count, &ok), .p = p};
    if (!ok)
        return NULL;
    if (isnan(p))
        return ct_fail("norm: p is NaN");
    for (int i = 0; i < x->rank; i++)
        if ((p < 0 || isinf(p)) && s.set >> i & 1 && x->sizes[i] == 0)
            return ct_fail("norm: %s has nothing along axis %d, and the %g-norm of nothing is undefined", SHAPE(x), i, p);
    if (isinf(p))
        return p > 0 ? (ct_amax)(ct_abs(x), axes, count, keepdims) : (ct_amin)(ct_abs(x), axes, count, keepdims);
    if (p == 1)
        return (ct_sum)(ct_abs(x), axes, count, keepdims);
    bool was = ct_set_recording(false);
    ct_tensor *y;
    if (p == 0)
        y = ct_cast((ct_count_nonzero)(x, axes, count, keepdims), (ct_dtype)x->dtype);
    else if (p == 2)
        y = ct_sqrt(sum_of_squares(x, s.set, keepdims));
    else
        y = ct_pow((ct_sum)(ct_pow(ct_abs(x), p), axes, count, keepdims), 1 / p);
    ct_set_recording(was);
    return RECORD(&op_norm, y, &s, x);
}
