/* Elements and rows named by an index. One op reads along one axis, and its VJP adds into zeros there; the others bring
 * their operands into its form by views. */
#include "indexing.h"

#define VJP(name)                                                                                                        \
    static void name(ct_node *node, ct_tensor *const *cotangents, ct_tensor **gradients)

bool is_index(const char *op, const ct_tensor *index)
{
    return index->dtype == CT_INT64 || ct_fail("%s: the index is %s, want int64", op, ct_dtype_name((ct_dtype)index->dtype)) != NULL;
}

bool check_index(const char *op, ct_tensor *index, int64_t size)
{
    if (!is_index(op, index))
        return false;
    const ct_scope scope = ct_scope_open();
    ct_tensor *plain = ct_contiguous(index);
    const int64_t *v = plain ? (const int64_t *)(const void *)plain->data : NULL, n = plain ? tensor_numel(plain) : 0;
    const int64_t at = index_outside(v, n, 0, size);
    if (at < n)
        ct_fail("%s: index %lld at position %lld of %s is not in [0, %lld)", op, (long long)v[at], (long long)at, SHAPE(index), (long long)size);
    ct_scope_close(scope);
    return plain && at == n;
}

ct_tensor *index_along(const char *op, ct_tensor *index, int axis, const ct_tensor *like)
{
    int64_t sizes[CT_MAX_RANK], strides[CT_MAX_RANK] = {0};
    memcpy(sizes, like->sizes, like->rank * sizeof *sizes);
    if (like->rank) {
        sizes[axis] = tensor_numel(index);
        strides[axis] = index->rank ? index->strides[0] : 1;
    }
    return tensor_view(op, index, like->rank, sizes, strides, 0);
}

ct_tensor *flat(ct_tensor *x)
{
    return x && x->rank != 1 ? (ct_reshape)(x, (const int64_t[]){tensor_numel(x)}, 1) : x;
}

ct_tensor *true_places(const char *op, ct_tensor *mask)
{
    ct_tensor *plain = ct_contiguous(mask);
    if (!plain)
        return NULL;
    const int64_t n = tensor_numel(plain);
    const uint8_t *truths = (const uint8_t *)plain->data;
    int64_t few[16], parts = (n + MASK_PART - 1) / MASK_PART;
    const size_t bytes = (size_t)parts * sizeof *few;
    int64_t *counts = bytes > sizeof few ? memory_get(bytes) : few;
    if (!counts)
        return ct_fail("%s: out of memory", op);
    const int64_t count = mask_counts(truths, n, counts);
    ct_tensor *places = tensor_new(op, CT_INT64, 1, &count, NULL);
    if (places)
        mask_places(truths, n, counts, (int64_t *)(void *)places->data);
    if (counts != few)
        memory_put(counts, bytes);
    return places;
}

bool broadcast_mask(const char *op, ct_tensor **x, ct_tensor **mask)
{
    int64_t sizes[CT_MAX_RANK];
    size_t rank;
    if (!given(op, "the operand", *x) || !given(op, "the mask", *mask))
        return false;
    if ((*mask)->dtype != CT_BOOL)
        return ct_fail("%s: the mask is %s, want bool", op, ct_dtype_name((ct_dtype)(*mask)->dtype)) != NULL;
    return broadcast_sizes(op, (ct_tensor *const[]){*x, *mask}, 2, sizes, &rank) && (*x = broadcast_to(*x, sizes, rank)) &&
           (*mask = broadcast_to(*mask, sizes, rank));
}

/* ---- gather: y[i, j] = x[index[i, j], j] along axis 0, and so on. dx: g added at the same places of zeros ------------------------- */
VJP(gather_vjp)
{
    ct_tensor *x = ct_node_input(node, 0), *index = ct_node_input(node, 1);
    gradients[0] = scattered(&op_scatter_add, NULL, x, *(const struct scatter *)ct_node_context(node), index, cotangents[0]);
}
const struct op op_gather = {"gather", gather_vjp, NULL, READS(1)};

static ct_tensor *gather(const char *checked, ct_tensor *x, int axis, ct_tensor *index)
{
    const struct scatter how = {.axis = axis};
    ct_tensor *y = x && index ? tensor_new("gather", (ct_dtype)x->dtype, index->rank, index->sizes, NULL) : NULL;
    if (!y)
        return NULL;
    if (tensor_numel(index)) {
        struct indexed w = {.kind = INDEXED_READ, .dtype = x->dtype, .rank = index->rank ? index->rank : 1, .axis = (size_t)axis, .sizes = {1},
                            .table = x->data, .other = y->data, .index = (const int64_t *)(const void *)index->data};
        for (size_t i = 0; i < w.rank; i++) {
            w.table_steps[i] = x->rank ? x->strides[i] : 0;
            if (index->rank)
                w.sizes[i] = index->sizes[i], w.index_steps[i] = index->strides[i], w.other_steps[i] = y->strides[i];
        }
        w.check = checked, w.size = size_along(x, axis);
        if (!indexed_run(&w) && !check_index(checked, index, w.size))
            return NULL;
    }
    return RECORD(&op_gather, y, &how, x, index);
}

ct_tensor *gathered(ct_tensor *x, int axis, ct_tensor *index)
{
    return gather(NULL, x, axis, index);
}

ct_tensor *ct_gather(ct_tensor *x, int axis, ct_tensor *index)
{
    int at;
    if (!given("gather", "the operand", x) || !given("gather", "the index", index) || !check_axis("gather", x, axis, &at) ||
        !is_index("gather", index))
        return NULL;
    if (tensor_numel(index)) {
        bool fits = (index->rank ? index->rank : 1) == (x->rank ? x->rank : 1);
        for (int i = 0; fits && index->rank && i < x->rank; i++)
            fits = i == at || index->sizes[i] <= x->sizes[i];
        if (!fits)
            return ct_fail("gather: index %s of %s along axis %d: want as many axes, and beside that axis none longer", SHAPE(index), SHAPE(x), at);
    }
    return gather("gather", x, at, index);
}

ct_tensor *(ct_take_along_axis)(ct_tensor *x, ct_tensor *index, const int *axes, size_t count)
{
    const char *const op = "take_along_axis";
    int at;
    if (!given(op, "the operand", x) || !given(op, "the index", index))
        return NULL;
    if (count > 1)
        return ct_fail("%s: %zu axes named, want one, or none for the flattened tensor", op, count);
    if (!count)
        return check_index(op, index, tensor_numel(x)) ? gathered(flat(x), 0, flat(index)) : NULL;
    if (!check_axis(op, x, axes[0], &at) || !check_index(op, index, size_along(x, at)))
        return NULL;
    int64_t sizes[CT_MAX_RANK];
    bool fits = index->rank == x->rank;
    for (int i = 0; i < x->rank && fits; i++) {
        sizes[i] = x->sizes[i] == 1 ? index->sizes[i] : x->sizes[i];
        fits = i == at || index->sizes[i] == sizes[i] || index->sizes[i] == 1;
    }
    if (!fits)
        return ct_fail("%s: index %s of %s: want as many axes, and beside axis %d sizes that broadcast", op, SHAPE(index), SHAPE(x), at);
    if (!x->rank)
        return gathered(x, 0, index);
    sizes[at] = index->sizes[at];
    ct_tensor *wide = broadcast_to(index, sizes, x->rank);
    sizes[at] = x->sizes[at];
    return wide ? gathered(broadcast_to(x, sizes, x->rank), at, wide) : NULL;
}

ct_tensor *ct_index_select(ct_tensor *x, int axis, ct_tensor *index)
{
    const char *const op = "index_select";
    int at;
    if (!given(op, "the operand", x) || !given(op, "the index", index) || !check_axis(op, x, axis, &at))
        return NULL;
    if (index->rank > 1 || (!x->rank && tensor_numel(index) != 1))
        return ct_fail("%s: index %s of %s: want a vector (of 1 where the operand is 0-d)", op, SHAPE(index), SHAPE(x));
    return check_index(op, index, size_along(x, at)) ? gathered(x, at, index_along(op, index, at, x)) : NULL;
}

/* ---- masked_select --------------------------------------------------------------------------------------------------------------------- */
ct_tensor *ct_masked_select(ct_tensor *x, ct_tensor *mask)
{
    if (!broadcast_mask("masked_select", &x, &mask))
        return NULL;
    return gathered(flat(x), 0, true_places("masked_select", mask));
}

/* ---- embedding: y[i] = w[index[i]]. dw: g added to the rows, but for the padding's ---------------------------------------------------- */
struct embedding { int64_t padding; };          /* -1: none */

VJP(embedding_vjp)
{
    const int64_t padding = ((const struct embedding *)ct_node_context(node))->padding;
    ct_tensor *w = ct_node_input(node, 0), *index = ct_node_input(node, 1), *g = cotangents[0];
    g = (ct_reshape)(g, (const int64_t[]){tensor_numel(index), w->sizes[1]}, 2);
    if (padding >= 0)
        g = ct_where(ct_unsqueeze(ct_eq(index, padding), -1), 0.0, g);
    ct_tensor *wide = g ? index_along("embedding", index, 0, g) : NULL;
    if (wide)
        gradients[0] = scattered(&op_scatter_add, NULL, w, (struct scatter){0}, wide, g);
}
const struct op op_embedding = {"embedding", embedding_vjp, NULL, READS(1)};
const ct_embedding_options ct_embedding_defaults = {CT_EMBEDDING_DEFAULTS .end_ = 0};

ct_tensor *(ct_embedding)(ct_tensor *weight, ct_tensor *index, const ct_embedding_options *options)
{
    const int64_t padding = (options ? options : &ct_embedding_defaults)->padding_idx;
    if (!given("embedding", "the weight", weight) || !given("embedding", "the index", index))
        return NULL;
    if (weight->rank != 2 || index->rank == CT_MAX_RANK)
        return ct_fail("embedding: weight %s, index %s: want (rows, columns) and up to %d axes", SHAPE(weight), SHAPE(index), CT_MAX_RANK - 1);
    const int64_t rows = weight->sizes[0], columns = weight->sizes[1];
    if (padding != CT_NO_PADDING && (padding < -rows || padding >= rows))
        return ct_fail("embedding: padding_idx %lld is not a row of %s", (long long)padding, SHAPE(weight));
    if (!check_index("embedding", index, rows))
        return NULL;
    const struct embedding kept = {padding == CT_NO_PADDING ? -1 : padding < 0 ? padding + rows : padding};
    int64_t sizes[CT_MAX_RANK];
    memcpy(sizes, index->sizes, index->rank * sizeof *sizes);
    sizes[index->rank] = columns;
    ct_tensor *y = tensor_new("embedding", (ct_dtype)weight->dtype, index->rank + 1u, sizes, NULL), *list = flat(index);
    if (!y || !list)
        return NULL;
    indexed_run(&(struct indexed){.kind = INDEXED_READ, .dtype = weight->dtype, .rank = 2, .sizes = {tensor_numel(list), columns}, .table = weight->data,
                                  .table_steps = {weight->strides[0], weight->strides[1]}, .index = (const int64_t *)(const void *)list->data,
                                  .index_steps = {list->strides[0]}, .other = y->data, .other_steps = {columns, 1}});
    return RECORD(&op_embedding, y, &kept, weight, list);
}
