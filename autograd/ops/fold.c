/* Reductions beside sum and the extremes: products, questions about all elements, and sums that skip NaN. */
#include <math.h>

#include "rows.h"

#define VJP(name)                                                                                                        \
    static void name(ct_node *node, ct_tensor *const *cotangents, ct_tensor **gradients)

/* ---- prod: dx_i = g y / x_i; where that is in doubt, g times the products of those before x_i and of those behind it --------------- */
static bool all_normal(const ct_tensor *y)
{
    bool normal = true;
    for (int64_t i = 0, n = tensor_numel(y); i < n; i++)
        normal &= y->dtype == CT_FLOAT32 ? isnormal(((const float *)(const void *)y->data)[i]) : isnormal(((const double *)(const void *)y->data)[i]);
    return normal;
}

VJP(prod_vjp)
{
    const unsigned set = *(const unsigned *)ct_node_context(node);
    ct_tensor *x = ct_node_input(node, 0), *y = ct_node_output(node, 0);
    if (all_normal(y)) {
        gradients[0] = ct_div(with_axes(ct_mul(cotangents[0], y), x, set), x);
        return;
    }
    ct_tensor *rows = axes_last(x, set);
    ct_tensor *before = row_before(ct_cumprod(rows, -1), 1);
    ct_tensor *behind = row_reversed(row_before(ct_cumprod(row_reversed(rows), -1), 1));
    ct_tensor *g = axes_last(with_axes(cotangents[0], x, set), set);
    gradients[0] = axes_back(ct_mul(g, ct_mul(before, behind)), x, set);
}
const struct op op_prod = {"prod", prod_vjp, NULL, READS(0) | READS_OUTPUT};

ct_tensor *(ct_prod)(ct_tensor *x, const int *axes, size_t count, bool keepdims)
{
    bool ok;
    int64_t sizes[CT_MAX_RANK];
    if (!given("prod", "the operand", x))
        return NULL;
    const unsigned set = check_axes("prod", x, axes, count, &ok);
    if (!ok)
        return NULL;
    const size_t rank = reduced_sizes(x, set, keepdims, sizes);
    ct_tensor *y = tensor_new("prod", is_floating(x) ? (ct_dtype)x->dtype : CT_INT64, rank, sizes, NULL);
    return y && fold("prod", y, x, set, FOLD_PRODUCT, NULL) ? RECORD(&op_prod, y, &set, x) : NULL;
}

/* ---- all, any, count_nonzero: NaN is not zero ---------------------------------------------------------------------------------------------- */
const struct op op_all = {"all", NULL, NULL, 0};
const struct op op_any = {"any", NULL, NULL, 0};
const struct op op_count_nonzero = {"count_nonzero", NULL, NULL, 0};

static ct_tensor *ask(const struct op *op, ct_tensor *x, const int *axes, size_t count, bool keepdims)
{
    bool ok;
    int64_t sizes[CT_MAX_RANK], each = 1;
    if (!given(op->name, "the operand", x))
        return NULL;
    const unsigned set = check_axes(op->name, x, axes, count, &ok);
    if (!ok)
        return NULL;
    for (int i = 0; i < x->rank; i++)
        each *= set >> i & 1 ? x->sizes[i] : 1;
    const size_t rank = reduced_sizes(x, set, keepdims, sizes);
    bool was = ct_set_recording(false);
    ct_tensor *n = tensor_new(op->name, CT_INT64, rank, sizes, NULL);
    n = n && fold(op->name, n, x, set, FOLD_NONZERO, NULL) ? n : NULL;
    ct_tensor *y = !n ? NULL : op == &op_all ? ct_eq(n, each) : op == &op_any ? ct_ne(n, 0) : n;
    ct_set_recording(was);
    return graph_record(op, y, &x, 1, NULL, 0);
}

ct_tensor *(ct_all)(ct_tensor *x, const int *axes, size_t count, bool keepdims)
{
    return ask(&op_all, x, axes, count, keepdims);
}

ct_tensor *(ct_any)(ct_tensor *x, const int *axes, size_t count, bool keepdims)
{
    return ask(&op_any, x, axes, count, keepdims);
}

ct_tensor *(ct_count_nonzero)(ct_tensor *x, const int *axes, size_t count, bool keepdims)
{
    return ask(&op_count_nonzero, x, axes, count, keepdims);
}

/* ---- nansum, nanmean ------------------------------------------------------------------------------------------------------------------------- */
VJP(nansum_vjp)                                 /* dx = g where x is a number */
{
    ct_tensor *x = ct_node_input(node, 0);
    gradients[0] = ct_where(ct_eq(x, x), with_axes(cotangents[0], x, *(const unsigned *)ct_node_context(node)), 0.0);
}
const struct op op_nansum = {"nansum", nansum_vjp, NULL, READS(0)};

ct_tensor *(ct_nansum)(ct_tensor *x, const int *axes, size_t count, bool keepdims)
{
    bool ok;
    int64_t sizes[CT_MAX_RANK];
    if (!given("nansum", "the operand", x))
        return NULL;
    if (!is_floating(x))
        return (ct_sum)(x, axes, count, keepdims);
    const unsigned set = check_axes("nansum", x, axes, count, &ok);
    if (!ok)
        return NULL;
    const size_t rank = reduced_sizes(x, set, keepdims, sizes);
    ct_tensor *y = tensor_new("nansum", (ct_dtype)x->dtype, rank, sizes, NULL);
    return y && fold("nansum", y, x, set, FOLD_NUMBERS, NULL) ? RECORD(&op_nansum, y, &set, x) : NULL;
}

ct_tensor *(ct_nanmean)(ct_tensor *x, const int *axes, size_t count, bool keepdims)
{
    bool ok;
    if (!given_floating("nanmean", "the operand", x) || (check_axes("nanmean", x, axes, count, &ok), !ok))
        return NULL;
    return ct_div((ct_nansum)(x, axes, count, keepdims), (ct_sum)(ct_eq(x, x), axes, count, keepdims));
}
