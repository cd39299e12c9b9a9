/* Losses of an input and a target of one shape, element by element. */
#include <math.h>

#include "loss.h"

#define VJP(name)                                                                                                        \
    static void name(ct_node *node, ct_tensor *const *cotangents, ct_tensor **gradients)

bool loss_pair(const char *op, ct_tensor **x, ct_tensor **y)
{
    if (!given_floating(op, "the input", *x) || !given(op, "the target", *y))
        return false;
    if (!same_sizes(*x, *y))
        return ct_fail("%s: input %s and target %s differ; expand one to say so", op, SHAPE(*x), SHAPE(*y)) != NULL;
    ct_dtype dtype = promote((ct_tensor *const[]){*x, *y}, 2);
    return (*x = as_dtype(*x, dtype)) && (*y = as_dtype(*y, dtype));
}

static ct_reduction reduction_of(const ct_loss_options *options)
{
    return options ? options->reduction : CT_MEAN;
}

/* Left out, or a weight that broadcasts to x. */
static bool check_weight(const char *op, const char *which, ct_tensor *weight, ct_tensor *x)
{
    bool failed;
    if (absent(weight, &failed))
        return !failed;
    if (!given_floating(op, which, weight))
        return false;
    bool fits = weight->rank <= x->rank;
    for (int i = 0; fits && i < weight->rank; i++)
        fits = weight->sizes[i] == 1 || weight->sizes[i] == x->sizes[x->rank - weight->rank + i];
    return fits || ct_fail("%s: %s %s does not broadcast to the input %s", op, which, SHAPE(weight), SHAPE(x));
}

/* ---- Distances ------------------------------------------------------------------------------------------------------------------ */
/* scale (|d| < delta ? d^2 / 2 : delta (|d| - delta / 2)), d = x - y; dx = g scale clamp(d, -delta, delta), dy = -dx */
VJP(huber_vjp)
{
    const double *numbers = ct_node_context(node), delta = numbers[0], scale = numbers[1];
    ct_tensor *d = ct_sub(ct_node_input(node, 0), ct_node_input(node, 1));
    gradients[0] = ct_mul(ct_mul(cotangents[0], scale), ct_clamp(d, -delta, delta));
    if (ct_node_wants(node, 1))
        gradients[1] = ct_neg(gradients[0]);
}
VJP(huber_fused)
{
    ct_tensor *g = cotangents[0], *x = ct_node_input(node, 0), *y = ct_node_input(node, 1), *operands[] = {g, x, y};
    gradients[0] = elementwise("huber", kernels()->huber_vjp[x->dtype], ct_node_context(node), (ct_dtype)x->dtype, operands, 3);
    if (ct_node_wants(node, 1))
        gradients[1] = ct_neg(gradients[0]);
}
const struct op op_huber = {"huber", huber_vjp, huber_fused, READS(0) | READS(1)};

static ct_tensor *scaled_huber(ct_tensor *x, ct_tensor *y, double delta, double scale)
{
    const double numbers[] = {delta, scale};
    ct_tensor *operands[] = {x, y};
    ct_tensor *terms = elementwise("huber", kernels()->huber[x->dtype], numbers, (ct_dtype)x->dtype, operands, 2);
    return RECORD(&op_huber, terms, &numbers, x, y);
}

ct_tensor *(ct_mse)(ct_tensor *x, ct_tensor *y, const ct_loss_options *options)
{
    if (!loss_reduction_known("mse", reduction_of(options)) || !loss_pair("mse", &x, &y))
        return NULL;
    return loss_reduced(scaled_huber(x, y, INFINITY, 2), reduction_of(options));
}

ct_tensor *(ct_l1)(ct_tensor *x, ct_tensor *y, const ct_loss_options *options)
{
    if (!loss_reduction_known("l1", reduction_of(options)) || !loss_pair("l1", &x, &y))
        return NULL;
    return loss_reduced(ct_abs(ct_sub(x, y)), reduction_of(options));
}

const ct_huber_options ct_huber_defaults = {CT_HUBER_DEFAULTS .end_ = 0};
ct_tensor *(ct_huber)(ct_tensor *x, ct_tensor *y, const ct_huber_options *options)
{
    const ct_huber_options o = options ? *options : ct_huber_defaults;
    if (!loss_reduction_known("huber", o.reduction) || !loss_pair("huber", &x, &y))
        return NULL;
    if (!(o.delta > 0))
        return ct_fail("huber: delta %g, want more than 0", o.delta);
    return loss_reduced(scaled_huber(x, y, o.delta, 1), o.reduction);
}

const ct_smooth_l1_options ct_smooth_l1_defaults = {CT_SMOOTH_L1_DEFAULTS .end_ = 0};
ct_tensor *(ct_smooth_l1)(ct_tensor *x, ct_tensor *y, const ct_smooth_l1_options *options)
{
    const ct_smooth_l1_options o = options ? *options : ct_smooth_l1_defaults;
    if (!loss_reduction_known("smooth_l1", o.reduction) || !loss_pair("smooth_l1", &x, &y))
        return NULL;
    if (!(o.beta >= 0))
        return ct_fail("smooth_l1: beta %g, want at least 0", o.beta);
    return loss_reduced(o.beta > 0 ? scaled_huber(x, y, o.beta, 1 / o.beta) : ct_abs(ct_sub(x, y)), o.reduction);
}

ct_tensor *(ct_hinge)(ct_tensor *x, ct_tensor *y, const ct_loss_options *options)
{
    if (!loss_reduction_known("hinge", reduction_of(options)) || !loss_pair("hinge", &x, &y))
        return NULL;
    return loss_reduced(ct_relu(ct_sub(1.0, ct_mul(y, x))), reduction_of(options));
}

/* ---- Likelihoods ------------------------------------------------------------------------------------------------------------------ */
ct_tensor *(ct_kl_div)(ct_tensor *log_p, ct_tensor *target, const ct_kl_div_options *options)
{
    const ct_kl_div_options o = options ? *options : (ct_kl_div_options){.reduction = CT_MEAN};
    ct_tensor *x = log_p, *y = target;
    const bool batch_mean = o.reduction == CT_BATCH_MEAN;
    if ((!batch_mean && !loss_reduction_known("kl_div", o.reduction)) || !loss_pair("kl_div", &x, &y))
        return NULL;
    if (batch_mean && !x->rank)
        return ct_fail("kl_div: a 0-d input has no batch to divide by");
    ct_tensor *terms = o.log_target ? ct_mul(ct_exp(y), ct_sub(y, x)) : ct_sub(ct_xlogy(y, y), ct_mul(y, x));
    return batch_mean ? ct_div(loss_reduced(terms, CT_SUM), (double)x->sizes[0]) : loss_reduced(terms, o.reduction);
}

const ct_poisson_nll_options ct_poisson_nll_defaults = {CT_POISSON_NLL_DEFAULTS .end_ = 0};
ct_tensor *(ct_poisson_nll)(ct_tensor *x, ct_tensor *y, const ct_poisson_nll_options *options)
{
    const ct_poisson_nll_options o = options ? *options : ct_poisson_nll_defaults;
    if (!loss_reduction_known("poisson_nll", o.reduction) || !loss_pair("poisson_nll", &x, &y))
        return NULL;
    ct_tensor *terms = o.log_input ? ct_sub(ct_exp(x), ct_mul(y, x)) : ct_sub(x, ct_mul(y, ct_log(ct_add(x, o.eps))));
    if (o.full) {                               /* Stirling's log y!, from 2 on; 1 stands in elsewhere, for its finite derivative */
        ct_tensor *small = ct_le(y, 1.0), *z = ct_where(small, 1.0, y);
        ct_tensor *stirling = ct_add(ct_sub(ct_mul(z, ct_log(z)), z), ct_mul(0.5, ct_log(ct_mul(6.283185307179586, z))));
        terms = ct_add(terms, ct_where(small, 0.0, stirling));
    }
    return loss_reduced(terms, o.reduction);
}

static bool all_at_least_0(ct_tensor *x)
{
    ct_scope scope = ct_scope_open();
    bool was = ct_set_recording(false);
    bool right = !tensor_numel(x) || ct_item((ct_min)(x, NULL, 0, false, NULL)) >= 0;
    ct_set_recording(was);
    ct_scope_close(scope);
    return right;
}

const ct_gaussian_nll_options ct_gaussian_nll_defaults = {CT_GAUSSIAN_NLL_DEFAULTS .end_ = 0};
ct_tensor *(ct_gaussian_nll)(ct_tensor *x, ct_tensor *y, ct_tensor *variance, const ct_gaussian_nll_options *options)
{
    const ct_gaussian_nll_options o = options ? *options : ct_gaussian_nll_defaults;
    ct_tensor *v = variance;
    if (!loss_reduction_known("gaussian_nll", o.reduction) || !loss_pair("gaussian_nll", &x, &y) || !given_floating("gaussian_nll", "the variance", v))
        return NULL;
    if (!(o.eps > 0))
        return ct_fail("gaussian_nll: eps %g, want more than 0", o.eps);
    bool fits = v->rank == x->rank || v->rank + 1 == x->rank;
    for (int i = 0; fits && i < v->rank; i++)
        fits = v->sizes[i] == x->sizes[i] || (i == x->rank - 1 && v->sizes[i] == 1);
    if (!fits)
        return ct_fail("gaussian_nll: variance %s for input %s: want the same shape, its last size 1 or left out", SHAPE(v), SHAPE(x));
    if (!all_at_least_0(v))
        return ct_ok() ? ct_fail("gaussian_nll: the variance has values below 0, or NaN") : NULL;
    v = as_dtype(v, (ct_dtype)x->dtype);
    v = v && v->rank < x->rank ? ct_unsqueeze(v, -1) : v;
    v = v ? ct_add(v, ct_detach(ct_sub(ct_clamp(v, o.eps, INFINITY), v))) : NULL; /* the clamp lets the gradient through */
    ct_tensor *terms = ct_mul(0.5, ct_add(ct_log(v), ct_div(ct_square(ct_sub(x, y)), v)));
    return loss_reduced(o.full ? ct_add(terms, 0.91893853320467274) : terms, o.reduction);
}

/* ---- Two classes -------------------------------------------------------------------------------------------------------------------- */
/* dp = g (p - y) / max(p (1 - p), 1e-12); dy = g (log(1 - p) - log p), logs at least -100 */
VJP(binary_cross_entropy_vjp)
{
    ct_tensor *p = ct_node_input(node, 0), *y = ct_node_input(node, 1), *g = cotangents[0];
    if (ct_node_wants(node, 0))
        gradients[0] = ct_mul(g, ct_div(ct_sub(p, y), ct_clamp(ct_mul(p, ct_sub(1.0, p)), 1e-12, INFINITY)));
    if (ct_node_wants(node, 1))
        gradients[1] = ct_mul(g, ct_sub(ct_clamp(ct_log(ct_sub(1.0, p)), -100, INFINITY), ct_clamp(ct_log(p), -100, INFINITY)));
}
const struct op op_binary_cross_entropy = {"binary_cross_entropy", binary_cross_entropy_vjp, NULL, READS(0) | READS(1)};

static bool inside_0_1(ct_tensor *p)             /* a NaN passes, and spreads */
{
    ct_scope scope = ct_scope_open();
    bool was = ct_set_recording(false);
    bool inside = !tensor_numel(p) || !(ct_item((ct_min)(p, NULL, 0, false, NULL)) < 0 || ct_item((ct_max)(p, NULL, 0, false, NULL)) > 1);
    ct_set_recording(was);
    ct_scope_close(scope);
    return inside;
}

ct_tensor *(ct_binary_cross_entropy)(ct_tensor *p, ct_tensor *y, const ct_binary_cross_entropy_options *options)
{
    const ct_binary_cross_entropy_options o = options ? *options : (ct_binary_cross_entropy_options){.reduction = CT_MEAN};
    if (!loss_reduction_known("binary_cross_entropy", o.reduction) || !loss_pair("binary_cross_entropy", &p, &y) ||
        !check_weight("binary_cross_entropy", "the weight", o.weight, p))
        return NULL;
    if (!inside_0_1(p) || !inside_0_1(y))
        return ct_ok() ? ct_fail("binary_cross_entropy: the input or the target has values outside [0, 1]; for logits there is ..._with_logits") : NULL;
    ct_tensor *operands[] = {p, y};
    ct_tensor *terms = elementwise("binary_cross_entropy", kernels()->bce[p->dtype], NULL, (ct_dtype)p->dtype, operands, 2);
    terms = RECORD0(&op_binary_cross_entropy, terms, p, y);
    return loss_reduced(o.weight ? ct_mul(terms, o.weight) : terms, o.reduction);
}

/* (1 - y) x - (1 + (w - 1) y) log sigmoid(x), w the weight of y = 1: neither term overflows, and the derivative at 0 is 1/2 - y */
ct_tensor *(ct_binary_cross_entropy_with_logits)(ct_tensor *x, ct_tensor *y, const ct_binary_cross_entropy_with_logits_options *options)
{
    static const char op[] = "binary_cross_entropy_with_logits";
    const ct_binary_cross_entropy_with_logits_options o = options ? *options : (ct_binary_cross_entropy_with_logits_options){.reduction = CT_MEAN};
    if (!loss_reduction_known(op, o.reduction) || !loss_pair(op, &x, &y) || !check_weight(op, "the weight", o.weight, x) ||
        !check_weight(op, "the pos_weight", o.pos_weight, x))
        return NULL;
    ct_tensor *log_p = ct_log_sigmoid(x);
    if (o.pos_weight)
        log_p = ct_mul(ct_add(1.0, ct_mul(ct_sub(o.pos_weight, 1.0), y)), log_p);
    ct_tensor *terms = ct_sub(ct_mul(ct_sub(1.0, y), x), log_p);
    return loss_reduced(o.weight ? ct_mul(terms, o.weight) : terms, o.reduction);
}
