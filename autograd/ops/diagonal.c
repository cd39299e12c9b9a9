/* Diagonals as views, what lays them back, and the triangles beside them. */
#include "ops.h"

#define VJP(name)                                                                                                        \
    static void name(ct_node *node, ct_tensor *const *cotangents, ct_tensor **gradients)

struct diagonal { int64_t offset; int axis1, axis2; }; /* elements (i, i + offset) of two axes */

static ct_tensor *lay_diagonal(ct_tensor *x, const struct diagonal *d, const int64_t *sizes);

VJP(diagonal_vjp)
{
    gradients[0] = lay_diagonal(cotangents[0], ct_node_context(node), ct_node_input(node, 0)->sizes);
}
const struct op op_diagonal = {"diagonal", diagonal_vjp, NULL, 0};

VJP(diag_embed_vjp)
{
    const struct diagonal *d = ct_node_context(node);
    gradients[0] = ct_diagonal(cotangents[0], d->offset, d->axis1, d->axis2);
}
const struct op op_diag_embed = {"diag_embed", diag_embed_vjp, NULL, 0};

/* x's other axes, then the diagonal. */
static ct_tensor *diagonal_view(const char *op, ct_tensor *x, const struct diagonal *d)
{
    const int64_t rows = x->sizes[d->axis1], columns = x->sizes[d->axis2];
    int64_t sizes[CT_MAX_RANK], strides[CT_MAX_RANK], first_row = 0, first_column = 0, length = 0;
    if (d->offset >= 0 ? d->offset < columns : d->offset > -rows) {
        *(d->offset >= 0 ? &first_column : &first_row) = d->offset >= 0 ? d->offset : -d->offset;
        length = rows - first_row < columns - first_column ? rows - first_row : columns - first_column;
    }
    size_t rank = 0;
    for (int i = 0; i < x->rank; i++)
        if (i != d->axis1 && i != d->axis2)
            sizes[rank] = x->sizes[i], strides[rank++] = x->strides[i];
    sizes[rank] = length, strides[rank++] = x->strides[d->axis1] + x->strides[d->axis2];
    const int64_t at = first_row * x->strides[d->axis1] + first_column * x->strides[d->axis2];
    return tensor_view(op, x, rank, sizes, strides, tensor_numel(x) && length ? at : 0);
}

static ct_tensor *lay_diagonal(ct_tensor *x, const struct diagonal *d, const int64_t *sizes)
{
    ct_tensor *y = x ? zeros_of("diag_embed", (ct_dtype)x->dtype, sizes, x->rank + 1u) : NULL;
    ct_tensor *place = y ? diagonal_view("diag_embed", y, d) : NULL;
    if (!place)
        return NULL;
    copy_values(place, x);
    return graph_record(&op_diag_embed, y, &x, 1, d, sizeof *d);
}

ct_tensor *(ct_diagonal)(ct_tensor *x, int64_t offset, int axis1, int axis2)
{
    struct diagonal d = {.offset = offset};
    if (!given("diagonal", "the operand", x) || !check_axis("diagonal", x, axis1, &d.axis1) || !check_axis("diagonal", x, axis2, &d.axis2))
        return NULL;
    if (d.axis1 == d.axis2)
        return ct_fail("diagonal: %s: axes %d and %d are the same", SHAPE(x), axis1, axis2);
    return graph_record(&op_diagonal, diagonal_view("diagonal", x, &d), &x, 1, &d, sizeof d);
}

ct_tensor *(ct_diag_embed)(ct_tensor *x, int64_t offset, int axis1, int axis2)
{
    if (!given("diag_embed", "the operand", x))
        return NULL;
    if (!x->rank || x->rank == CT_MAX_RANK)
        return ct_fail("diag_embed: %s: want 1 to %d axes", SHAPE(x), CT_MAX_RANK - 1);
    const int rank = x->rank + 1;
    struct diagonal d = {offset, axis1 < 0 ? axis1 + rank : axis1, axis2 < 0 ? axis2 + rank : axis2};
    if (d.axis1 < 0 || d.axis1 >= rank || d.axis2 < 0 || d.axis2 >= rank || d.axis1 == d.axis2)
        return ct_fail("diag_embed: axes %d and %d: want two of the result's %d", axis1, axis2, rank);
    int64_t sizes[CT_MAX_RANK], side, count;
    if (offset == INT64_MIN || __builtin_add_overflow(x->sizes[x->rank - 1], offset < 0 ? -offset : offset, &side))
        return ct_fail("diag_embed: Storage size calculation overflowed");
    for (int i = 0, j = 0; i < rank; i++)
        sizes[i] = i == d.axis1 || i == d.axis2 ? side : x->sizes[j++];
    return sizes_product("diag_embed", sizes, (size_t)rank, 8, &count) ? lay_diagonal(x, &d, sizes) : NULL;
}

ct_tensor *(ct_diag)(ct_tensor *x, int64_t offset)
{
    if (!given("diag", "the operand", x))
        return NULL;
    if (x->rank < 1 || x->rank > 2)
        return ct_fail("diag: %s: want a vector or a matrix", SHAPE(x));
    return x->rank == 1 ? (ct_diag_embed)(x, offset, 0, 1) : (ct_diagonal)(x, offset, 0, 1);
}

ct_tensor *ct_trace(ct_tensor *x)
{
    if (!given("trace", "the operand", x))
        return NULL;
    return x->rank == 2 ? (ct_sum)((ct_diagonal)(x, 0, 0, 1), NULL, 0, false) : ct_fail("trace: %s: want a matrix", SHAPE(x));
}

/* Zero where column - row is above (or below) the diagonal: exactly, whatever stood there. */
static ct_tensor *triangle(const char *op, ct_tensor *x, int64_t diagonal, bool upper)
{
    if (!given(op, "the operand", x))
        return NULL;
    if (x->rank < 2)
        return ct_fail("%s: %s: want at least two axes", op, SHAPE(x));
    const int64_t *sizes = x->sizes + x->rank - 2;
    ct_tensor *gone = tensor_new(op, CT_BOOL, 2, sizes, NULL);
    for (int64_t i = 0; gone && i < sizes[0]; i++) { /* the first columns up to the edge, and the rest */
        const int64_t n = sizes[1], after = upper ? 0 : 1;
        int64_t edge;
        edge = __builtin_add_overflow(i, diagonal, &edge) ? diagonal < 0 ? 0 : n : edge < -after ? 0 : edge >= n ? n : edge + after;
        memset(gone->data + i * n, upper, (size_t)edge);
        memset(gone->data + i * n + edge, !upper, (size_t)(n - edge));
    }
    return gone ? ct_masked_fill(x, gone, 0) : NULL;
}

ct_tensor *(ct_tril)(ct_tensor *x, int64_t diagonal)
{
    return triangle("tril", x, diagonal, false);
}

ct_tensor *(ct_triu)(ct_tensor *x, int64_t diagonal)
{
    return triangle("triu", x, diagonal, true);
}
