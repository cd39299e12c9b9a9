/* Ops that only look at the same memory differently, each the inverse of another in its VJP. */
#include "ops.h"

#define VJP(name)                                                                                                        \
    static void name(ct_node *node, ct_tensor *const *cotangents, ct_tensor **gradients)

/* A view of x, recorded. */
static ct_tensor *view(const struct op *op, ct_tensor *x, size_t rank, const int64_t *sizes, const int64_t *strides, int64_t offset)
{
    ct_tensor *y = tensor_view(op->name, x, rank, sizes, strides, offset);
    return graph_record(op, y, &x, 1, NULL, 0);
}

/* ---- expand and its transpose, sum_to --------------------------------------------------------------------------------------------- */
VJP(expand_vjp)
{
    gradients[0] = ct_sum_to_as(cotangents[0], ct_node_input(node, 0));
}
const struct op op_expand = {"expand", expand_vjp, NULL, 0};

ct_tensor *broadcast_to(ct_tensor *x, const int64_t *sizes, size_t rank)
{
    if (x->rank == rank && memcmp(x->sizes, sizes, rank * sizeof *sizes) == 0)
        return x;
    int64_t strides[CT_MAX_RANK];
    const size_t lead = rank - x->rank;
    for (size_t i = 0; i < rank; i++)
        strides[i] = i < lead || (x->sizes[i - lead] == 1 && sizes[i] != 1) ? 0 : x->strides[i - lead];
    return view(&op_expand, x, rank, sizes, strides, 0);
}

static ct_tensor *expand(const char *op, ct_tensor *x, const int64_t *sizes, size_t rank)
{
    int64_t wanted[CT_MAX_RANK], count;
    if (rank && !sizes)
        return ct_fail("%s: the sizes are NULL", op);
    if (rank < x->rank || rank > CT_MAX_RANK)
        return ct_fail("%s: %s to %s: want %d to %d axes", op, SHAPE(x), shape_text((char[SHAPE_TEXT]){0}, sizes, rank), x->rank, CT_MAX_RANK);
    for (size_t i = 0, lead = rank - x->rank; i < rank; i++) {
        int64_t own = i < lead ? 1 : x->sizes[i - lead];
        wanted[i] = sizes[i] == -1 && i >= lead ? own : sizes[i];
        if (wanted[i] < 0 || (own != 1 && own != wanted[i]))
            return ct_fail("%s: %s to %s: axis %zu cannot become %lld", op, SHAPE(x), shape_text((char[SHAPE_TEXT]){0}, sizes, rank), i, (long long)sizes[i]);
    }
    return sizes_product(op, wanted, rank, 1, &count) ? broadcast_to(x, wanted, rank) : NULL;
}

ct_tensor *(ct_expand)(ct_tensor *x, const int64_t *sizes, size_t rank)
{
    return given("expand", "the operand", x) ? expand("expand", x, sizes, rank) : NULL;
}

ct_tensor *ct_expand_as(ct_tensor *x, ct_tensor *like)
{
    return given("expand_as", "the operand", x) && given_shape("expand_as", "the model", like) ? expand("expand_as", x, like->sizes, like->rank) : NULL;
}

ct_tensor *(ct_broadcast_to)(ct_tensor *x, const int64_t *sizes, size_t rank)
{
    return given("broadcast_to", "the operand", x) ? expand("broadcast_to", x, sizes, rank) : NULL;
}

ct_tensor *(ct_sum_to)(ct_tensor *x, const int64_t *sizes, size_t rank)
{
    if (!given("sum_to", "the operand", x))
        return NULL;
    if (rank && !sizes)
        return ct_fail("sum_to: the sizes are NULL");
    int axes[CT_MAX_RANK];
    size_t count = 0, lead = x->rank - rank;
    for (size_t i = 0; rank <= x->rank && i < x->rank; i++) {
        if (i < lead || (sizes[i - lead] == 1 && x->sizes[i] != 1))
            axes[count++] = (int)i;
        else if (sizes[i - lead] != x->sizes[i])
            rank = (size_t)-1;
    }
    if (rank > x->rank)
        return ct_fail("sum_to: %s does not sum to the shape asked for", SHAPE(x));
    if (!count)
        return x;
    ct_tensor *y = (ct_sum)(x, axes, count, true);
    return y && lead ? (ct_reshape)(y, sizes, rank) : y;
}

ct_tensor *ct_sum_to_as(ct_tensor *x, ct_tensor *like)
{
    return given_shape("sum_to_as", "the model", like) ? (ct_sum_to)(x, like->sizes, like->rank) : NULL;
}

/* ---- reshape: y's VJP reshapes back --------------------------------------------------------------------------------------------------- */
VJP(reshape_vjp)
{
    gradients[0] = ct_reshape_as(cotangents[0], ct_node_input(node, 0));
}
const struct op op_reshape = {"reshape", reshape_vjp, NULL, 0};

/* Strides of the same memory under new sizes, NumPy's way: runs of old axes that continue each other are cut anew. */
static bool strides_for(const ct_tensor *x, const int64_t *sizes, size_t rank, int64_t *strides)
{
    int64_t old_sizes[CT_MAX_RANK], old_strides[CT_MAX_RANK];
    size_t old = 0;
    for (int i = 0; i < x->rank; i++)
        if (x->sizes[i] != 1)
            old_sizes[old] = x->sizes[i], old_strides[old++] = x->strides[i];
    size_t from = 0, to = 0;
    while (from < old && to < rank) {
        size_t from_end = from + 1, to_end = to + 1;
        for (int64_t have = old_sizes[from], want = sizes[to]; have != want;)
            if (have < want)
                have *= old_sizes[from_end++];
            else
                want *= sizes[to_end++];
        for (size_t i = from; i + 1 < from_end; i++)
            if (old_strides[i] != old_strides[i + 1] * old_sizes[i + 1])
                return false;
        int64_t stride = old_strides[from_end - 1];
        for (size_t i = to_end; i-- > to; stride *= sizes[i])
            strides[i] = stride;
        from = from_end, to = to_end;
    }
    for (int64_t stride = 1; to < rank; to++)   /* only 1s are left */
        strides[to] = stride;
    return true;
}

static ct_tensor *reshape(ct_tensor *x, const int64_t *sizes, size_t rank)
{
    int64_t wanted[CT_MAX_RANK] = {0}, strides[CT_MAX_RANK], count, open = -1;
    if (rank && !sizes)
        return ct_fail("reshape: the sizes are NULL");
    if (rank > CT_MAX_RANK)
        return ct_fail("reshape: %zu axes, want at most %d", rank, CT_MAX_RANK);
    for (size_t i = 0; i < rank; i++) {
        wanted[i] = sizes[i];
        if (sizes[i] == -1 && open >= 0)
            return ct_fail("reshape: %s to %s: only one size may be -1", SHAPE(x), shape_text((char[SHAPE_TEXT]){0}, sizes, rank));
        if (sizes[i] == -1)
            open = (int64_t)i, wanted[i] = 1;
    }
    if (!sizes_product("reshape", wanted, rank, 1, &count))
        return NULL;
    int64_t have = tensor_numel(x);
    if (open >= 0 && count == 0)
        return ct_fail("reshape: %s to %s: the size -1 could be anything", SHAPE(x), shape_text((char[SHAPE_TEXT]){0}, sizes, rank));
    if (open >= 0 && have % count == 0)
        wanted[open] = have / count, count = have;
    if (count != have)
        return ct_fail("reshape: %s has %lld elements, which do not fill %s", SHAPE(x), (long long)have,
                       shape_text((char[SHAPE_TEXT]){0}, sizes, rank));
    if (have == 0)
        row_major(wanted, rank, strides);
    else if (!strides_for(x, wanted, rank, strides)) {
        if (!(x = ct_contiguous(x)))
            return NULL;
        row_major(wanted, rank, strides);
    }
    return view(&op_reshape, x, rank, wanted, strides, 0);
}

ct_tensor *(ct_reshape)(ct_tensor *x, const int64_t *sizes, size_t rank)
{
    return given("reshape", "the operand", x) ? reshape(x, sizes, rank) : NULL;
}

ct_tensor *ct_reshape_as(ct_tensor *x, ct_tensor *like)
{
    return given("reshape_as", "the operand", x) && given_shape("reshape_as", "the model", like) ? reshape(x, like->sizes, like->rank) : NULL;
}

ct_tensor *(ct_flatten)(ct_tensor *x, int start, int end)
{
    int first, last;
    if (!given("flatten", "the operand", x) || !check_axis("flatten", x, start, &first) || !check_axis("flatten", x, end, &last))
        return NULL;
    if (first > last)
        return ct_fail("flatten: axis %d comes after %d in %s", start, end, SHAPE(x));
    int64_t sizes[CT_MAX_RANK] = {1};
    size_t rank = 0;
    for (int i = 0; i < x->rank; i++)
        if (i > first && i <= last)
            sizes[rank - 1] *= x->sizes[i];
        else
            sizes[rank++] = x->sizes[i];
    return reshape(x, sizes, x->rank ? rank : 1);
}

ct_tensor *(ct_squeeze)(ct_tensor *x, const int *axes, size_t count)
{
    if (!given("squeeze", "the operand", x))
        return NULL;
    bool ok;
    unsigned set = check_axes("squeeze", x, axes, count, &ok);
    int64_t sizes[CT_MAX_RANK];
    size_t rank = 0;
    for (int i = 0; i < x->rank; i++)
        if (!(set >> i & 1) || x->sizes[i] != 1)
            sizes[rank++] = x->sizes[i];
    return ok ? reshape(x, sizes, rank) : NULL;
}

ct_tensor *ct_unsqueeze(ct_tensor *x, int axis)
{
    if (!given("unsqueeze", "the operand", x))
        return NULL;
    int at = axis < 0 ? axis + x->rank + 1 : axis;
    if (at < 0 || at > x->rank || x->rank == CT_MAX_RANK)
        return x->rank == CT_MAX_RANK ? ct_fail("unsqueeze: %s has %d axes already, the most there can be", SHAPE(x), CT_MAX_RANK)
                                      : ct_fail("unsqueeze: axis %d is out of range for %s", axis, SHAPE(x));
    int64_t sizes[CT_MAX_RANK], strides[CT_MAX_RANK];
    for (int i = 0, j = 0; i <= x->rank; i++) {
        sizes[i] = i == at ? 1 : x->sizes[j];
        strides[i] = i == at ? 1 : x->strides[j];
        j += i != at;
    }
    return view(&op_reshape, x, x->rank + 1u, sizes, strides, 0);
}

/* ---- permute: the VJP permutes back ------------------------------------------------------------------------------------------------------- */
VJP(permute_vjp)
{
    const int8_t *order = ct_node_context(node);
    int back[CT_MAX_RANK], rank = ct_rank(cotangents[0]);
    for (int i = 0; i < rank; i++)
        back[order[i]] = i;
    gradients[0] = (ct_permute)(cotangents[0], back, (size_t)rank);
}
const struct op op_permute = {"permute", permute_vjp, NULL, 0};

ct_tensor *(ct_permute)(ct_tensor *x, const int *axes, size_t rank)
{
    if (!given("permute", "the operand", x))
        return NULL;
    if (rank && !axes)
        return ct_fail("permute: the axes are NULL");
    if (rank != x->rank)
        return ct_fail("permute: %zu axes named for %s, want %d", rank, SHAPE(x), x->rank);
    bool ok;
    check_axes("permute", x, axes, rank, &ok);
    if (!ok)
        return NULL;
    int8_t order[CT_MAX_RANK];
    int64_t sizes[CT_MAX_RANK], strides[CT_MAX_RANK];
    for (size_t i = 0; i < rank; i++) {
        order[i] = (int8_t)(axes[i] < 0 ? axes[i] + x->rank : axes[i]);
        sizes[i] = x->sizes[order[i]], strides[i] = x->strides[order[i]];
    }
    return graph_record(&op_permute, tensor_view("permute", x, rank, sizes, strides, 0), &x, 1, order, sizeof order);
}

ct_tensor *ct_transpose(ct_tensor *x, int axis, int other)
{
    int i, j, axes[CT_MAX_RANK];
    if (!given("transpose", "the operand", x) || !check_axis("transpose", x, axis, &i) || !check_axis("transpose", x, other, &j))
        return NULL;
    for (int k = 0; k < x->rank; k++)
        axes[k] = k == i ? j : k == j ? i : k;
    return (ct_permute)(x, axes, x->rank);
}

/* ---- Copies ---------------------------------------------------------------------------------------------------------------------------------- */
VJP(clone_vjp)
{
    (void)node;
    gradients[0] = cotangents[0];
}
const struct op op_clone = {"clone", clone_vjp, NULL, 0};

static ct_tensor *copied(const char *op, ct_tensor *x, const int64_t *strides)
{
    ct_tensor *y = tensor_new(op, (ct_dtype)x->dtype, x->rank, x->sizes, strides);
    if (y)
        copy_values(y, x);
    return graph_record(&op_clone, y, &x, 1, NULL, 0);
}

ct_tensor *ct_clone(ct_tensor *x)
{
    return given("clone", "the operand", x) ? copied("clone", x, tensor_is_dense(x) ? x->strides : NULL) : NULL;
}

ct_tensor *ct_contiguous(ct_tensor *x)
{
    if (!given("contiguous", "the operand", x))
        return NULL;
    return ct_is_contiguous(x) ? x : copied("contiguous", x, NULL);
}

/* ---- cast: the VJP casts back ---------------------------------------------------------------------------------------------------------------- */
VJP(cast_vjp)
{
    gradients[0] = ct_cast(cotangents[0], ct_dtype_of(ct_node_input(node, 0)));
}
const struct op op_cast = {"cast", cast_vjp, NULL, 0};

ct_tensor *as_dtype(ct_tensor *x, ct_dtype dtype)
{
    if (!x || x->dtype == dtype)
        return x;
    ct_tensor *y = tensor_new_like("cast", dtype, x);
    if (y)
        copy_values(y, x);
    return graph_record(&op_cast, y, &x, 1, NULL, 0);
}

ct_tensor *ct_cast(ct_tensor *x, ct_dtype dtype)
{
    if (!given("cast", "the operand", x))
        return NULL;
    return ct_dtype_size(dtype) ? as_dtype(x, dtype) : ct_fail("cast: %d is no dtype", (int)dtype);
}
