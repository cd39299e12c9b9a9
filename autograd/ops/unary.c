/* Elementwise ops of one tensor: the table in unary.def, and what its rows call. */
#include <float.h>
#include <math.h>

#include "ops.h"

enum { NUMBERS = 3 };                           /* a parametric row has P0, P1 and P2, used or not */

static ct_tensor *unary(const struct op *op, enum unary which, ct_tensor *x, const double *parameters)
{
    if (!given(op->name, "the operand", x))
        return NULL;
    kernel_loop *run;
    if (!is_floating(x)) {
        run = x->dtype == CT_INT64 ? kernels()->integer_unary[which] : NULL;
        if (!run && !(x = as_dtype(x, ct_default_dtype())))
            return NULL;
    }
    if (is_floating(x))
        run = kernels()->unary[which][x->dtype];
    ct_tensor *input = x, *y = elementwise(op->name, run, parameters, (ct_dtype)x->dtype, &input, 1);
    return graph_record(op, y, &x, 1, parameters, parameters ? NUMBERS * sizeof *parameters : 0);
}

/* dx of a row by its loop: what the row does not read is given as g, so that it is there to be read. */
static void unary_fused(ct_node *node, enum unary which, ct_tensor *const *cotangents, ct_tensor **gradients)
{
    ct_tensor *g = cotangents[0], *x = node->op->reads & READS(0) ? ct_node_input(node, 0) : g;
    ct_tensor *y = node->op->reads & READS_OUTPUT ? ct_node_output(node, 0) : g;
    ct_tensor *dx = tensor_new_like(node->op->name, (ct_dtype)g->dtype, node->op->reads & READS(0) ? x : y);
    if (!dx)
        return;
    run_loop(kernels()->unary_vjp[which][g->dtype], context_of(node), (ct_tensor *const[]){dx, g, x, y}, 4);
    gradients[0] = dx;
}

/* ---- Derivatives too long for a row --------------------------------------------------------------------------------------------- */
static ct_tensor *erf_slope(ct_tensor *x)       /* 2 / sqrt(pi) e^(-x^2) */
{
    return ct_mul(2 / sqrt(M_PI), ct_exp(ct_neg(ct_square(x))));
}

static ct_tensor *gelu_slope(ct_tensor *x)      /* Phi(x) + x phi(x) */
{
    ct_tensor *cdf = ct_mul(0.5, ct_add(1.0, ct_erf(ct_mul(x, M_SQRT1_2))));
    ct_tensor *pdf = ct_mul(M_SQRT1_2 / sqrt(M_PI), ct_exp(ct_mul(-0.5, ct_square(x))));
    return ct_add(cdf, ct_mul(x, pdf));
}

static ct_tensor *gelu_tanh_slope(ct_tensor *x) /* of x s(2 u(x)): s + 2 x s (1 - s) u', u = sqrt(2/pi) (x + 0.044715 x^3) */
{
    const double c = sqrt(2 / M_PI);
    ct_tensor *square = ct_square(x);
    ct_tensor *s = ct_sigmoid(ct_mul(2 * c, ct_mul(x, ct_add(1.0, ct_mul(0.044715, square)))));
    ct_tensor *inner = ct_mul(2 * c, ct_add(1.0, ct_mul(3 * 0.044715, square)));
    return ct_add(s, ct_mul(ct_mul(x, inner), ct_mul(s, ct_sub(1.0, s))));
}

static ct_tensor *silu_slope(ct_tensor *x)      /* s (1 + x (1 - s)) */
{
    ct_tensor *s = ct_sigmoid(x);
    return ct_mul(s, ct_add(1.0, ct_mul(x, ct_sub(1.0, s))));
}

static ct_tensor *strictly_inside(ct_tensor *x, double low, double high) /* an infinite bound is none */
{
    ct_tensor *above = isinf(low) ? ct_eq(x, x) : ct_gt(x, low);
    return ct_logical_and(above, isinf(high) ? ct_eq(x, x) : ct_lt(x, high));
}

static ct_tensor *mish_slope(ct_tensor *x)      /* t + x s (1 - t^2), t = tanh(softplus(x)), s = sigmoid(x) */
{
    ct_tensor *t = ct_tanh(ct_neg(ct_log_sigmoid(ct_neg(x))));
    return ct_add(t, ct_mul(ct_mul(x, ct_sigmoid(x)), ct_sub(1.0, ct_square(t))));
}

static ct_tensor *is_finite(ct_tensor *x)       /* infinity less itself is NaN */
{
    return ct_eq(ct_sub(x, x), 0.0);
}

/* ---- The table -------------------------------------------------------------------------------------------------------------------- */
#define X READS(0)
#define Y READS_OUTPUT
#define P0 parameters[0]
#define P1 parameters[1]
#define LN2 0.6931471805599453
#define LN10 2.302585092994046
#define SELU_ALPHA 1.6732632423543772
#define SELU_SCALE 1.0507009873554805
#define ROW(name, f, expression, loop, reads_)                                                                           \
    static void name##_vjp(ct_node *node, ct_tensor *const *cotangents, ct_tensor **gradients)                           \
    {                                                                                                                    \
        ct_tensor *g = cotangents[0], *x = (reads_) & X ? ct_node_input(node, 0) : NULL;                                 \
        ct_tensor *y = (reads_) & Y ? ct_node_output(node, 0) : NULL;                                                    \
        const double *parameters = ct_node_context(node);                                                                \
        (void)g, (void)x, (void)y, (void)parameters;                                                                     \
        gradients[0] = expression;                                                                                       \
    }                                                                                                                    \
    static void name##_fused(ct_node *node, ct_tensor *const *cotangents, ct_tensor **gradients)                         \
    {                                                                                                                    \
        unary_fused(node, UNARY_##name, cotangents, gradients);                                                          \
    }                                                                                                                    \
    const struct op op_##name = {#name, name##_vjp, name##_fused, reads_};
#include "unary.def"
#undef ROW
#undef P0
#undef P1

#define PLAIN(name)                                                                                                      \
    ct_tensor *ct_##name(ct_tensor *x)                                                                                   \
    {                                                                                                                    \
        return unary(&op_##name, UNARY_##name, x, NULL);                                                                 \
    }
PLAIN(neg)
PLAIN(abs)
PLAIN(sign)
PLAIN(exp)
PLAIN(log)
PLAIN(sqrt)
PLAIN(square)
PLAIN(reciprocal)
PLAIN(sin)
PLAIN(cos)
PLAIN(tanh)
PLAIN(erf)
PLAIN(sigmoid)
PLAIN(log_sigmoid)
PLAIN(relu)
PLAIN(gelu)
PLAIN(gelu_tanh)
PLAIN(exp2)
PLAIN(expm1)
PLAIN(log2)
PLAIN(log10)
PLAIN(log1p)
PLAIN(rsqrt)
PLAIN(tan)
PLAIN(asin)
PLAIN(acos)
PLAIN(atan)
PLAIN(sinh)
PLAIN(cosh)
PLAIN(asinh)
PLAIN(acosh)
PLAIN(atanh)
PLAIN(erfc)
PLAIN(selu)
PLAIN(mish)
PLAIN(softsign)
PLAIN(hardsigmoid)
PLAIN(hardswish)
PLAIN(floor)
PLAIN(ceil)
PLAIN(round)
PLAIN(trunc)
PLAIN(frac)
PLAIN(lgamma)
PLAIN(digamma)
PLAIN(silu)

ct_tensor *(ct_leaky_relu)(ct_tensor *x, double slope)
{
    return unary(&op_leaky_relu, UNARY_leaky_relu, x, (double[NUMBERS]){slope});
}

ct_tensor *(ct_elu)(ct_tensor *x, double alpha)
{
    return unary(&op_elu, UNARY_elu, x, (double[NUMBERS]){alpha});
}

ct_tensor *(ct_softplus)(ct_tensor *x, double beta, double threshold)
{
    return unary(&op_softplus, UNARY_softplus, x, (double[NUMBERS]){beta, threshold});
}

ct_tensor *ct_clamp(ct_tensor *x, double low, double high)
{
    return unary(&op_clamp, UNARY_clamp, x, (double[NUMBERS]){low, high});
}

ct_tensor *(ct_celu)(ct_tensor *x, double alpha)
{
    return alpha != 0 ? unary(&op_celu, UNARY_celu, x, (double[NUMBERS]){alpha}) : ct_fail("celu: alpha is 0");
}

ct_tensor *(ct_hardtanh)(ct_tensor *x, double low, double high)
{
    return low <= high ? unary(&op_hardtanh, UNARY_hardtanh, x, (double[NUMBERS]){low, high}) : ct_fail("hardtanh: bounds %g and %g: want the lower first", low, high);
}

ct_tensor *ct_polygamma(int n, ct_tensor *x)
{
    return n >= 0 ? unary(&op_polygamma, UNARY_polygamma, x, (double[NUMBERS]){n}) : ct_fail("polygamma: order %d, want at least 0", n);
}

ct_tensor *ct_relu6(ct_tensor *x)
{
    return (ct_hardtanh)(x, 0, 6);
}

ct_tensor *ct_threshold(ct_tensor *x, double threshold, double value)
{
    return unary(&op_threshold, UNARY_threshold, x, (double[NUMBERS]){threshold, value});
}

/* An infinity as the replacement of one stands for the dtype's own largest number. */
ct_tensor *(ct_nan_to_num)(ct_tensor *x, const ct_nan_to_num_options *options)
{
    const ct_nan_to_num_options o = options ? *options : ct_nan_to_num_defaults;
    const double largest = x && x->dtype == CT_FLOAT64 ? DBL_MAX : FLT_MAX;
    return unary(&op_nan_to_num, UNARY_nan_to_num, x,
                 (double[NUMBERS]){o.nan, isinf(o.posinf) ? largest : o.posinf, isinf(o.neginf) ? -largest : o.neginf});
}
const ct_nan_to_num_options ct_nan_to_num_defaults = {CT_NAN_TO_NUM_DEFAULTS .end_ = 0};
