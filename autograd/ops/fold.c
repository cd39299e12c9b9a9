/* Reductions beside sum and the extremes: products, questions about all elements, and sums that skip NaN. */
#include "../kernels/scan.h"
#include "rows.h"

#define VJP(name)                                                                                                        \
    static void name(ct_node *node, ct_tensor *const *cotangents, ct_tensor **gradients)

/* ---- prod: dx_i = g times the product of those before x_i and of those behind it, which is right with any number of zeros ------------- */
VJP(prod_vjp)
{
    ct_tensor *x = ct_node_input(node, 0);
    ct_tensor *before = row_before(ct_cumprod(x, -1), 1);
    ct_tensor *behind = row_reversed(row_before(ct_cumprod(row_reversed(x), -1), 1));
    gradients[0] = ct_mul(ct_unsqueeze(cotangents[0], -1), ct_mul(before, behind));
}
const struct op op_prod = {"prod", prod_vjp, NULL, READS(0)};

struct fold {
    const ct_tensor *x, *y;
};

static void fold_row(size_t row, void *context)
{
    const struct fold *f = context;
    const size_t n = (size_t)row_length(f->x);
    fold_product[f->x->dtype](f->y->data + row * ct_dtype_size((ct_dtype)f->y->dtype),
                              f->x->data + row * n * ct_dtype_size((ct_dtype)f->x->dtype), n);
}

ct_tensor *(ct_prod)(ct_tensor *x, const int *axes, size_t count, bool keepdims)
{
    bool ok;
    if (!given("prod", "the operand", x))
        return NULL;
    const unsigned set = check_axes("prod", x, axes, count, &ok);
    ct_tensor *rows = ok ? axes_last(x, set) : NULL;
    ct_tensor *y = rows ? tensor_new("prod", is_floating(x) ? (ct_dtype)x->dtype : CT_INT64, rows->rank - 1u, rows->sizes, NULL) : NULL;
    if (!y)
        return NULL;
    for_rows(row_count(rows), row_length(rows), fold_row, &(struct fold){rows, y});
    y = RECORD0(&op_prod, y, rows);
    return keepdims ? with_axes(y, x, set) : y;
}

/* ---- all, any, count_nonzero: NaN is not zero ---------------------------------------------------------------------------------------------- */
const struct op op_all = {"all", NULL, NULL, 0};
const struct op op_any = {"any", NULL, NULL, 0};
const struct op op_count_nonzero = {"count_nonzero", NULL, NULL, 0};

static ct_tensor *ask(const struct op *op, ct_tensor *x, const int *axes, size_t count, bool keepdims)
{
    bool ok;
    if (!given(op->name, "the operand", x) || (check_axes(op->name, x, axes, count, &ok), !ok))
        return NULL;
    bool was = ct_set_recording(false);
    ct_tensor *n = (ct_sum)(op == &op_all ? ct_eq(x, 0) : x->dtype == CT_BOOL ? x : ct_ne(x, 0), axes, count, keepdims);
    ct_tensor *y = op == &op_all ? ct_eq(n, 0) : op == &op_any ? ct_ne(n, 0) : n;
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
    return y && sum_numbers(y, x, set) ? RECORD(&op_nansum, y, &set, x) : NULL;
}

ct_tensor *(ct_nanmean)(ct_tensor *x, const int *axes, size_t count, bool keepdims)
{
    bool ok;
    if (!given_floating("nanmean", "the operand", x) || (check_axes("nanmean", x, axes, count, &ok), !ok))
        return NULL;
    return ct_div((ct_nansum)(x, axes, count, keepdims), (ct_sum)(ct_eq(x, x), axes, count, keepdims));
}
