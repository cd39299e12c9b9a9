/* Ops of one tensor that are made of others: questions about a value, and activations with a weight. */
#include "ops.h"

/* ---- What kind of number it is: bool, without a gradient ------------------------------------------------------------------------ */
const struct op op_isnan = {"isnan", NULL, NULL, 0};
const struct op op_isinf = {"isinf", NULL, NULL, 0};
const struct op op_isfinite = {"isfinite", NULL, NULL, 0};

static ct_tensor *ask(const struct op *op, ct_tensor *x, ct_tensor *(*question)(ct_tensor *x))
{
    if (!given(op->name, "the operand", x))
        return NULL;
    bool was = ct_set_recording(false);
    ct_tensor *y = question(x);
    ct_set_recording(was);
    return graph_record(op, y, &x, 1, NULL, 0);
}

static ct_tensor *not_itself(ct_tensor *x)
{
    return ct_ne(x, x);
}

static ct_tensor *infinite(ct_tensor *x)
{
    return is_floating(x) ? ct_eq(ct_abs(x), INFINITY) : ct_ne(x, x);
}

static ct_tensor *bounded(ct_tensor *x)
{
    return is_floating(x) ? ct_lt(ct_abs(x), INFINITY) : ct_eq(x, x);
}

ct_tensor *ct_isnan(ct_tensor *x)
{
    return ask(&op_isnan, x, not_itself);
}

ct_tensor *ct_isinf(ct_tensor *x)
{
    return ask(&op_isinf, x, infinite);
}

ct_tensor *ct_isfinite(ct_tensor *x)
{
    return ask(&op_isfinite, x, bounded);
}

/* ---- prelu ------------------------------------------------------------------------------------------------------------------------- */
static void prelu_vjp(ct_node *node, ct_tensor *const *cotangents, ct_tensor **gradients) /* dx = g, or g w; dw = 0, or g x */
{
    ct_tensor *x = ct_node_input(node, 0), *g = cotangents[0], *positive = ct_gt(x, 0.0);
    if (ct_node_wants(node, 0))
        gradients[0] = ct_where(positive, g, ct_mul(g, ct_node_input(node, 1)));
    if (ct_node_wants(node, 1))
        gradients[1] = ct_where(positive, 0.0, ct_mul(g, x));
}
const struct op op_prelu = {"prelu", prelu_vjp, NULL, READS(0) | READS(1)};

static bool to_promoted(ct_tensor **operands)
{
    const ct_dtype dtype = promote(operands, 2);
    return (operands[0] = as_dtype(operands[0], dtype)) && (operands[1] = as_dtype(operands[1], dtype));
}

ct_tensor *ct_prelu(ct_tensor *x, ct_tensor *weight)
{
    if (!given_floating("prelu", "the operand", x) || !given_floating("prelu", "the weight", weight))
        return NULL;
    const int64_t count = tensor_numel(weight), channels = x->rank > 1 ? x->sizes[1] : 1;
    if (weight->rank > 1 || (count != 1 && count != channels))
        return ct_fail("prelu: weight %s for %s: want one, or one for each of the %lld channels on axis 1", SHAPE(weight), SHAPE(x), (long long)channels);
    int64_t sizes[CT_MAX_RANK] = {1, 1, 1, 1, 1, 1, 1, 1};
    if (x->rank > 1)
        sizes[1] = count;
    ct_tensor *slope = (ct_reshape)(weight, sizes, x->rank);
    ct_tensor *operands[] = {x, slope};
    if (!slope || !to_promoted(operands))
        return NULL;
    ct_tensor *y = elementwise("prelu", kernels()->prelu[operands[0]->dtype], NULL, (ct_dtype)operands[0]->dtype, operands, 2);
    return graph_record(&op_prelu, y, operands, 2, NULL, 0);
}
