/* Elementwise ops of two and three tensors. Shapes broadcast by recorded views (whose VJP sums), dtypes promote by recorded
 * casts, so that each VJP here sees operands of the output's shape and dtype. */
#include <math.h>

#include "ops.h"

static bool both_given(const char *op, ct_tensor *a, ct_tensor *b)
{
    return given(op, "first operand", a) && given(op, "second operand", b);
}

static bool to_common(ct_tensor **operands, size_t count, ct_dtype dtype)
{
    for (size_t i = 0; i < count; i++)
        if (operands[i]->dtype != dtype && !(operands[i] = as_dtype(operands[i], dtype)))
            return false;
    return true;
}

static ct_tensor *arithmetic(const struct op *op, enum binary which, ct_tensor *a, ct_tensor *b)
{
    if (!both_given(op->name, a, b))
        return NULL;
    ct_tensor *operands[] = {a, b};
    ct_dtype dtype = a->dtype == b->dtype && !((a->flags & b->flags) & IS_NUMBER) ? (ct_dtype)a->dtype : promote(operands, 2);
    if (which == BINARY_div || (dtype > CT_FLOAT64 && !kernels()->binary[which][CT_INT64]))
        dtype = floating(dtype);
    kernel_loop *run = kernels()->binary[which][dtype];
    if (UNLIKELY(!run))
        return ct_fail("%s: not defined for bool; cast an operand", op->name);
    if ((a->dtype != dtype || b->dtype != dtype) && !to_common(operands, 2, dtype))
        return NULL;
    ct_tensor *y = elementwise(op->name, run, NULL, dtype, operands, 2);
    return graph_record(op, y, operands, 2, NULL, 0);
}

static ct_tensor *comparison(const struct op *op, enum binary which, ct_tensor *a, ct_tensor *b)
{
    if (!both_given(op->name, a, b))
        return NULL;
    ct_tensor *operands[] = {a, b}, *y = NULL;
    ct_dtype dtype = which >= BINARY_logical_and ? CT_BOOL : promote(operands, 2);
    bool was = ct_set_recording(false);         /* views and casts on the way to a bool need no node */
    if (to_common(operands, 2, dtype))
        y = elementwise(op->name, kernels()->binary[which][dtype], NULL, CT_BOOL, operands, 2);
    ct_set_recording(was);
    return graph_record(op, y, operands, 2, NULL, 0);
}

/* ---- VJPs ------------------------------------------------------------------------------------------------------------------------- */
#define VJP(name)                                                                                                        \
    static void name(ct_node *node, ct_tensor *const *cotangents, ct_tensor **gradients)

VJP(add_vjp)                                    /* da = g, db = g */
{
    gradients[0] = cotangents[0];
    if (ct_node_wants(node, 1))
        gradients[1] = cotangents[0];
}

VJP(sub_vjp)                                    /* da = g, db = -g */
{
    gradients[0] = cotangents[0];
    if (ct_node_wants(node, 1))
        gradients[1] = ct_neg(cotangents[0]);
}

VJP(mul_vjp)                                    /* da = g b, db = g a */
{
    ct_tensor *g = cotangents[0];
    if (ct_node_wants(node, 0))
        gradients[0] = ct_mul(g, ct_node_input(node, 1));
    if (ct_node_wants(node, 1))
        gradients[1] = ct_mul(g, ct_node_input(node, 0));
}

VJP(div_vjp)                                    /* da = g / b, db = -g a / b^2 */
{
    ct_tensor *g = cotangents[0], *a = ct_node_input(node, 0), *b = ct_node_input(node, 1);
    if (ct_node_wants(node, 0))
        gradients[0] = ct_div(g, b);
    if (ct_node_wants(node, 1))
        gradients[1] = ct_mul(ct_neg(g), ct_div(ct_div(a, b), b));
}

static ct_tensor *no_number(ct_tensor *t)       /* of two numbers, the result would be of the default dtype */
{
    return t->flags & IS_NUMBER ? ct_detach(t) : t;
}

/* da = g b a^(b-1), 0 where b = 0; db = g y log a, 0 where a = 0 and b >= 0. The log of the values not taken is that of 1, so
 * that no infinity meets a zero on the way back. */
VJP(pow_vjp)
{
    ct_tensor *g = cotangents[0], *a = no_number(ct_node_input(node, 0)), *b = no_number(ct_node_input(node, 1));
    if (ct_node_wants(node, 0))
        gradients[0] = ct_where(ct_eq(b, 0.0), 0.0, ct_mul(g, ct_mul(b, ct_pow(a, ct_sub(b, 1.0)))));
    if (ct_node_wants(node, 1)) {
        ct_tensor *dead = ct_logical_and(ct_eq(a, 0.0), ct_ge(b, 0.0));
        gradients[1] = ct_where(dead, 0.0, ct_mul(g, ct_mul(ct_node_output(node, 0), ct_log(ct_where(dead, 1.0, a)))));
    }
}

/* g where an operand won, half each where they are equal; beside a NaN nobody lost, and both get g, as in PyTorch. */
static void share(ct_node *node, ct_tensor *g, ct_tensor *a_lost, ct_tensor *b_lost, ct_tensor **gradients)
{
    ct_tensor *equal = ct_eq(ct_node_input(node, 0), ct_node_input(node, 1)), *half = ct_mul(0.5, g);
    if (ct_node_wants(node, 0))
        gradients[0] = ct_where(equal, half, ct_where(a_lost, 0.0, g));
    if (ct_node_wants(node, 1))
        gradients[1] = ct_where(equal, half, ct_where(b_lost, 0.0, g));
}

VJP(maximum_vjp)
{
    ct_tensor *a = ct_node_input(node, 0), *b = ct_node_input(node, 1);
    share(node, cotangents[0], ct_lt(a, b), ct_gt(a, b), gradients);
}

VJP(minimum_vjp)
{
    ct_tensor *a = ct_node_input(node, 0), *b = ct_node_input(node, 1);
    share(node, cotangents[0], ct_gt(a, b), ct_lt(a, b), gradients);
}

VJP(fmod_vjp)                                   /* da = g, db = -g trunc(a / b) */
{
    gradients[0] = cotangents[0];
    if (ct_node_wants(node, 1))
        gradients[1] = ct_neg(ct_mul(cotangents[0], ct_trunc(ct_div(ct_node_input(node, 0), ct_node_input(node, 1)))));
}

VJP(remainder_vjp)                              /* da = g, db = -g floor(a / b) */
{
    gradients[0] = cotangents[0];
    if (ct_node_wants(node, 1))
        gradients[1] = ct_neg(ct_mul(cotangents[0], ct_floor_divide(ct_node_input(node, 0), ct_node_input(node, 1))));
}

VJP(atan2_vjp)                                  /* da = g b / (a^2 + b^2), db = -g a / (a^2 + b^2); 0 at the origin */
{
    ct_tensor *a = ct_node_input(node, 0), *b = ct_node_input(node, 1), *g = cotangents[0];
    ct_tensor *square = ct_add(ct_square(a), ct_square(b)), *origin = ct_eq(square, 0.0);
    ct_tensor *scaled = ct_where(origin, 0.0, ct_div(g, ct_where(origin, ct_ones_like(square), square)));
    if (ct_node_wants(node, 0))
        gradients[0] = ct_mul(scaled, b);
    if (ct_node_wants(node, 1))
        gradients[1] = ct_neg(ct_mul(scaled, a));
}

VJP(hypot_vjp)                                  /* da = g a / y, db = g b / y */
{
    ct_tensor *scaled = ct_div(cotangents[0], ct_node_output(node, 0));
    if (ct_node_wants(node, 0))
        gradients[0] = ct_mul(scaled, ct_node_input(node, 0));
    if (ct_node_wants(node, 1))
        gradients[1] = ct_mul(scaled, ct_node_input(node, 1));
}

static void one_of_two(ct_node *node, ct_tensor *g, ct_tensor *first, ct_tensor **gradients)
{
    ct_tensor *b = ct_node_input(node, 1), *to_a = ct_logical_or(first, ct_ne(b, b));
    share(node, g, ct_logical_not(to_a), to_a, gradients);
}

VJP(fmax_vjp)
{
    one_of_two(node, cotangents[0], ct_gt(ct_node_input(node, 0), ct_node_input(node, 1)), gradients);
}

VJP(fmin_vjp)
{
    one_of_two(node, cotangents[0], ct_lt(ct_node_input(node, 0), ct_node_input(node, 1)), gradients);
}

VJP(logaddexp_vjp)                              /* da = g e^a / (e^a + e^b), and so for b */
{
    ct_tensor *a = ct_node_input(node, 0), *b = ct_node_input(node, 1), *g = cotangents[0];
    if (ct_node_wants(node, 0))
        gradients[0] = ct_mul(g, ct_sigmoid(ct_sub(a, b)));
    if (ct_node_wants(node, 1))
        gradients[1] = ct_mul(g, ct_sigmoid(ct_sub(b, a)));
}

VJP(xlogy_vjp)                                  /* da = g log b, 0 where a = 0 and b <= 0; db = g a / b */
{
    ct_tensor *a = ct_node_input(node, 0), *b = ct_node_input(node, 1), *g = cotangents[0];
    ct_tensor *dead = ct_logical_and(ct_eq(a, 0.0), ct_le(b, 0.0));
    if (ct_node_wants(node, 0))
        gradients[0] = ct_where(dead, 0.0, ct_mul(g, ct_log(ct_where(dead, ct_ones_like(b), b))));
    if (ct_node_wants(node, 1))
        gradients[1] = ct_mul(g, ct_div(a, b));
}

#define ARITHMETIC_OP(name, reads)                                                                                       \
    const struct op op_##name = {#name, name##_vjp, NULL, reads};                                                        \
    ct_tensor *(ct_##name)(ct_tensor * a, ct_tensor * b)                                                                 \
    {                                                                                                                    \
        return arithmetic(&op_##name, BINARY_##name, a, b);                                                              \
    }
ARITHMETIC_OP(add, 0)
ARITHMETIC_OP(sub, 0)
ARITHMETIC_OP(mul, READS(0) | READS(1))
ARITHMETIC_OP(div, READS(0) | READS(1))
ARITHMETIC_OP(atan2, READS(0) | READS(1))
ARITHMETIC_OP(hypot, READS(0) | READS(1) | READS_OUTPUT)
ARITHMETIC_OP(fmax, READS(0) | READS(1))
ARITHMETIC_OP(fmin, READS(0) | READS(1))
ARITHMETIC_OP(logaddexp, READS(0) | READS(1))
ARITHMETIC_OP(xlogy, READS(0) | READS(1))
ARITHMETIC_OP(maximum, READS(0) | READS(1))
ARITHMETIC_OP(minimum, READS(0) | READS(1))

/* Integers have no infinity to give for a division by 0. */
static bool divides_by_zero(const char *op, ct_tensor *a, ct_tensor *b)
{
    if (!both_given(op, a, b) || is_floating(a) || is_floating(b))
        return false;
    CT_SCOPE;
    CT_NO_GRAD;
    ct_tensor *zeros = ct_sum(ct_eq(b, 0));
    if (!zeros || ct_item_int(zeros) == 0)
        return false;
    ct_fail("%s: %lld integer divisors are 0", op, (long long)ct_item_int(zeros));
    return true;
}

#define DIVISION_OP(name, vjp, reads)                                                                                    \
    const struct op op_##name = {#name, vjp, NULL, reads};                                                               \
    ct_tensor *(ct_##name)(ct_tensor * a, ct_tensor * b)                                                                 \
    {                                                                                                                    \
        return divides_by_zero(#name, a, b) ? NULL : arithmetic(&op_##name, BINARY_##name, a, b);                        \
    }
DIVISION_OP(fmod, fmod_vjp, READS(0) | READS(1))
DIVISION_OP(remainder, remainder_vjp, READS(0) | READS(1))
DIVISION_OP(floor_divide, NULL, 0)

/* ---- Made of the above ------------------------------------------------------------------------------------------------------------ */
const struct op op_pow = {"pow", pow_vjp, NULL, READS(0) | READS(1) | READS_OUTPUT};
ct_tensor *(ct_pow)(ct_tensor *a, ct_tensor *b)
{
    if (both_given("pow", a, b) && promote((ct_tensor *const[]){a, b}, 2) >= CT_INT64 && b->dtype == CT_INT64) {
        ct_tensor *worst = (ct_min)(b, NULL, 0, false, NULL);
        if (tensor_numel(b) && (!worst || ct_item_int(worst) < 0))
            return ct_fail("pow: integers to the negative power %lld; cast one to float", (long long)ct_item_int(worst));
    }
    return arithmetic(&op_pow, BINARY_pow, a, b);
}

#define COMPARISON_OP(name)                                                                                              \
    const struct op op_##name = {#name, NULL, NULL, 0};                                                                  \
    ct_tensor *(ct_##name)(ct_tensor * a, ct_tensor * b)                                                                 \
    {                                                                                                                    \
        return comparison(&op_##name, BINARY_##name, a, b);                                                              \
    }
COMPARISON_OP(eq)
COMPARISON_OP(ne)
COMPARISON_OP(lt)
COMPARISON_OP(le)
COMPARISON_OP(gt)
COMPARISON_OP(ge)
COMPARISON_OP(logical_and)
COMPARISON_OP(logical_or)
COMPARISON_OP(logical_xor)

const struct op op_logical_not = {"logical_not", NULL, NULL, 0};
ct_tensor *ct_logical_not(ct_tensor *x)
{
    return given("logical_not", "the operand", x) ? graph_record(&op_logical_not, ct_eq(x, (bool)false), &x, 1, NULL, 0) : NULL;
}

/* ---- Three floating operands in one pass ------------------------------------------------------------------------------------------------ */
static bool floating_alike(ct_tensor **operands)
{
    const ct_dtype dtype = promote(operands, 3);
    return dtype <= CT_FLOAT64 && to_common(operands, 3, dtype);
}

VJP(lerp_vjp)                                   /* a + w (b - a): da = g (1 - w), db = g w, dw = g (b - a) */
{
    ct_tensor *g = cotangents[0], *w = ct_node_input(node, 2);
    if (ct_node_wants(node, 0))
        gradients[0] = ct_mul(g, ct_sub(1.0, w));
    if (ct_node_wants(node, 1))
        gradients[1] = ct_mul(g, w);
    if (ct_node_wants(node, 2))
        gradients[2] = ct_mul(g, ct_sub(ct_node_input(node, 1), ct_node_input(node, 0)));
}
const struct op op_lerp = {"lerp", lerp_vjp, NULL, READS(0) | READS(1) | READS(2)};

ct_tensor *(ct_lerp)(ct_tensor *a, ct_tensor *b, ct_tensor *weight)
{
    ct_tensor *operands[] = {a, b, weight};
    if (!both_given("lerp", a, b) || !given("lerp", "the weight", weight))
        return NULL;
    if (!floating_alike(operands))
        return ct_add(a, ct_mul(weight, ct_sub(b, a)));
    const ct_dtype dtype = (ct_dtype)operands[0]->dtype;
    return graph_record(&op_lerp, elementwise("lerp", kernels()->lerp[dtype], NULL, dtype, operands, 3), operands, 3, NULL, 0);
}

VJP(addcmul_vjp)                                /* x + v a b: dx = g, da = v g b, db = v g a */
{
    ct_tensor *g = cotangents[0], *scaled = ct_mul(g, *(const double *)ct_node_context(node));
    if (ct_node_wants(node, 0))
        gradients[0] = g;
    if (ct_node_wants(node, 1))
        gradients[1] = ct_mul(scaled, ct_node_input(node, 2));
    if (ct_node_wants(node, 2))
        gradients[2] = ct_mul(scaled, ct_node_input(node, 1));
}
const struct op op_addcmul = {"addcmul", addcmul_vjp, NULL, READS(1) | READS(2)};

ct_tensor *ct_addcmul(ct_tensor *x, ct_tensor *a, ct_tensor *b, double value)
{
    ct_tensor *operands[] = {x, a, b};
    if (!given("addcmul", "the operand", x) || !both_given("addcmul", a, b))
        return NULL;
    if (!floating_alike(operands))
        return ct_add(x, ct_mul(value, ct_mul(a, b)));
    const ct_dtype dtype = (ct_dtype)operands[0]->dtype;
    return graph_record(&op_addcmul, elementwise("addcmul", kernels()->addcmul[dtype], &value, dtype, operands, 3), operands, 3, &value, sizeof value);
}

/* ---- where: da = c ? g : 0, db = c ? 0 : g ------------------------------------------------------------------------------------------- */
VJP(where_vjp)
{
    ct_tensor *c = ct_node_input(node, 0), *g = cotangents[0];
    if (ct_node_wants(node, 1))
        gradients[1] = ct_where(c, g, 0.0);
    if (ct_node_wants(node, 2))
        gradients[2] = ct_where(c, 0.0, g);
}

const struct op op_where = {"where", where_vjp, NULL, READS(0)};
ct_tensor *(ct_where)(ct_tensor *condition, ct_tensor *a, ct_tensor *b)
{
    if (!given("where", "the condition", condition) || !both_given("where", a, b))
        return NULL;
    if (condition->dtype != CT_BOOL)
        return ct_fail("where: the condition is %s, want bool", ct_dtype_name((ct_dtype)condition->dtype));
    ct_tensor *operands[] = {condition, a, b};
    ct_dtype dtype = promote(operands + 1, 2);
    if (!to_common(operands + 1, 2, dtype))
        return NULL;
    kernel_loop *run = kernels()->where[__builtin_ctzll(ct_dtype_size(dtype))];
    return graph_record(&op_where, elementwise("where", run, NULL, dtype, operands, 3), operands, 3, NULL, 0);
}

/* where(mask, value, x), in x's shape and dtype */
VJP(masked_fill_vjp)
{
    ct_tensor *mask = ct_node_input(node, 1), *g = cotangents[0];
    if (ct_node_wants(node, 0))
        gradients[0] = ct_where(mask, 0.0, g);
    if (ct_node_wants(node, 2))
        gradients[2] = ct_sum_to_as(ct_where(mask, g, 0.0), ct_node_input(node, 2));
}

const struct op op_masked_fill = {"masked_fill", masked_fill_vjp, NULL, READS(1)};
ct_tensor *(ct_masked_fill)(ct_tensor *x, ct_tensor *mask, ct_tensor *value)
{
    if (!given("masked_fill", "the operand", x) || !given("masked_fill", "the mask", mask) || !given("masked_fill", "the value", value))
        return NULL;
    if (mask->dtype != CT_BOOL)
        return ct_fail("masked_fill: the mask is %s, want bool", ct_dtype_name((ct_dtype)mask->dtype));
    if (tensor_numel(value) != 1 || value->rank > 0)
        return ct_fail("masked_fill: the value has shape %s, want a number or a 0-d tensor", SHAPE(value));
    if (value->dtype < CT_INT64 && !is_floating(x))
        return ct_fail("masked_fill: a %s value does not fit into %s", ct_dtype_name((ct_dtype)value->dtype), ct_dtype_name((ct_dtype)x->dtype));
    int64_t sizes[CT_MAX_RANK];
    size_t rank;
    if (!broadcast_sizes("masked_fill", (ct_tensor *const[]){x, mask}, 2, sizes, &rank))
        return NULL;
    ct_tensor *wide = broadcast_to(x, sizes, rank), *v = as_dtype(value, (ct_dtype)x->dtype);
    if (!wide || !v)
        return NULL;
    ct_tensor *y = tensor_new_like("masked_fill", (ct_dtype)x->dtype, wide);
    if (!y)
        return NULL;
    run_loop(kernels()->where[__builtin_ctzll(ct_dtype_size((ct_dtype)x->dtype))], NULL, (ct_tensor *const[]){y, mask, v, wide}, 4);
    return graph_record(&op_masked_fill, y, (ct_tensor *const[]){wide, mask, v}, 3, NULL, 0);
}
