/* Largest, smallest and middle, and where they are. */
#include "indexing.h"
#include "pieces.h"
#include "rows.h"

#define VJP(name)                                                                                                        \
    static void name(ct_node *node, ct_tensor *const *cotangents, ct_tensor **gradients)

/* For each kept element of x: its extreme's value, and its place among the elements that go. */
struct search {
    bool largest;
    char *values;                               /* of each chunk all rows; NULL: not asked */
    int64_t *places;
};

static void search_piece(const struct pieces *p, const struct piece *piece, void *context)
{
    const struct search *s = context;
    const int dtype = p->x->dtype;
    const int64_t at = piece->chunk * p->rows + piece->first;
    int64_t *places = s->places ? s->places + at : NULL;
    kernels()->extreme[s->largest][dtype](s->values ? s->values + at * (int64_t)ct_dtype_size((ct_dtype)dtype) : NULL, places, piece->x,
                                          (size_t)piece->rows, p->step, (size_t)piece->length, p->stride);
    for (int64_t i = 0; places && piece->chunk && i < piece->rows; i++)
        places[i] += piece->chunk * p->chunk;
}

/* The chunks' values are rows of a matrix, and searched alike. */
static bool search_chunks(const char *op, struct pieces *p, int64_t width, int64_t chunk, const struct search *s)
{
    const int64_t chunks = (p->length + chunk - 1) / chunk;
    const size_t item = ct_dtype_size((ct_dtype)p->x->dtype), places = (size_t)(p->rows * chunks) * sizeof *s->places, bytes = places + (size_t)(p->rows * chunks) * item;
    char *partial = memory_get(bytes);
    if (!partial)
        return ct_fail("%s: out of memory", op) != NULL;
    struct search each = {s->largest, partial + places, s->places ? (int64_t *)(void *)partial : NULL};
    pieces_run(p, width, chunk, search_piece, &each);
    kernels()->extreme[s->largest][p->x->dtype](s->values, s->places, each.values, (size_t)p->rows, 1, (size_t)chunks, p->rows);
    for (int64_t i = 0; s->places && i < p->rows; i++)
        s->places[i] = each.places[s->places[i] * p->rows + i];
    memory_put(partial, bytes);
    return true;
}

static bool search(const char *op, ct_tensor *x, unsigned set, bool largest, ct_tensor *places, ct_tensor *values)
{
    enum { CHUNK = 1 << 15, STRIP = 512, ALONG = 64 };
    for (int i = 0; i < x->rank; i++)
        if (set >> i & 1 && x->sizes[i] == 0)
            return ct_fail("%s: %s has nothing along axis %d", op, SHAPE(x), i) != NULL;
    struct pieces p = pieces_of(x, set);
    if (p.gone.count > 1) {                     /* no single stride walks them */
        const bool was = ct_set_recording(false);
        x = axes_last(x, set);
        ct_set_recording(was);
        if (!x)
            return false;
        p = pieces_of(x, 1u << (x->rank - 1));
    }
    if (p.rows == 0)
        return true;
    struct search s = {largest, values ? values->data : NULL, places ? (int64_t *)(void *)places->data : NULL};
    const bool down = p.step == 1 && p.stride != 1;
    const int64_t width = down ? STRIP : p.length < LOOP_GRAIN ? ALONG : 1, columns = p.line < STRIP ? p.line : STRIP;
    const int64_t chunk = down ? 4 * CHUNK / columns : CHUNK;
    if (p.length > chunk)
        return search_chunks(op, &p, width, chunk, &s);
    pieces_run(&p, width, chunk, search_piece, &s);
    return true;
}

/* ---- argmax, argmin ----------------------------------------------------------------------------------------------------------------- */
static ct_tensor *arg(const struct op *op, ct_tensor *x, const int *axes, size_t count, bool keepdims, bool largest)
{
    if (!given(op->name, "the operand", x))
        return NULL;
    if (count > 1)
        return ct_fail("%s: %zu axes named, want one, or none for the flattened tensor", op->name, count);
    int axis = 0;
    int64_t sizes[CT_MAX_RANK];
    if (count && !check_axis(op->name, x, axes[0], &axis))
        return NULL;
    if (!count && tensor_numel(x) == 0)
        return ct_fail("%s: %s is empty", op->name, SHAPE(x));
    const unsigned set = !count ? ~0u : x->rank ? 1u << axis : 0;
    size_t rank = reduced_sizes(x, set, keepdims, sizes);
    ct_tensor *places = tensor_new(op->name, CT_INT64, rank, sizes, NULL);
    return places && search(op->name, x, set, largest, places, NULL) ? graph_record(op, places, &x, 1, NULL, 0) : NULL;
}

const struct op op_argmax = {"argmax", NULL, NULL, 0};
const struct op op_argmin = {"argmin", NULL, NULL, 0};

ct_tensor *(ct_argmax)(ct_tensor *x, const int *axes, size_t count, bool keepdims)
{
    return arg(&op_argmax, x, axes, count, keepdims, true);
}

ct_tensor *(ct_argmin)(ct_tensor *x, const int *axes, size_t count, bool keepdims)
{
    return arg(&op_argmin, x, axes, count, keepdims, false);
}

/* ---- One axis: all of g to the place found -------------------------------------------------------------------------------------------- */
VJP(pick_vjp)
{
    ct_tensor *x = ct_node_input(node, 0);
    const unsigned set = *(const unsigned *)ct_node_context(node);
    const struct scatter how = {.axis = x->rank ? __builtin_ctz(set) : 0, .distinct = true};
    gradients[0] = scattered(&op_scatter_add, NULL, x, how, with_axes(ct_node_input(node, 1), x, set), with_axes(cotangents[0], x, set));
}

/* ---- Several axes: g shared by all that equal the extreme, NaNs among themselves --------------------------------------------------------- */
VJP(share_vjp)
{
    ct_tensor *x = ct_node_input(node, 0);
    const unsigned set = *(const unsigned *)ct_node_context(node);
    int axes[CT_MAX_RANK];
    size_t count = 0;
    for (int i = 0; i < x->rank; i++)
        if (set >> i & 1)
            axes[count++] = i;
    ct_tensor *y = with_axes(ct_node_output(node, 0), x, set), *g = with_axes(cotangents[0], x, set);
    ct_tensor *mask = ct_logical_or(ct_eq(x, y), ct_logical_and(ct_ne(x, x), ct_ne(y, y)));
    ct_tensor *equal = count ? ct_cast((ct_sum)(mask, axes, count, true), ct_dtype_of(g)) : NULL;
    gradients[0] = ct_where(mask, count ? ct_div(g, equal) : g, 0.0);
}

#define EXTREME_OPS(name)                                                                                                \
    const struct op op_##name = {#name, pick_vjp, NULL, READS(1)};                                                       \
    const struct op op_##name##_shared = {#name, share_vjp, NULL, READS(0) | READS_OUTPUT};
EXTREME_OPS(max)
EXTREME_OPS(min)
EXTREME_OPS(median)

/* picked NULL: one axis shares too. */
static ct_tensor *extreme(const char *name, const struct op *picked, const struct op *shared, ct_tensor *x, const int *axes, size_t count,
                          bool keepdims, ct_tensor **indices, bool largest)
{
    bool ok;
    int64_t sizes[CT_MAX_RANK];
    if (indices)
        *indices = NULL;
    if (!given(name, "the operand", x))
        return NULL;
    unsigned set = check_axes(name, x, axes, count, &ok);
    if (!ok)
        return NULL;
    if (indices && count != 1)
        return ct_fail("%s: indices want exactly one axis, got %zu", name, count);
    if ((count != 1 || !picked) && tensor_numel(x) == 0)
        for (int i = 0; i < x->rank; i++)
            if (set >> i & 1 && x->sizes[i] == 0)
                return ct_fail("%s: %s has nothing along axis %d", name, SHAPE(x), i);
    size_t rank = reduced_sizes(x, set, keepdims, sizes);
    ct_tensor *y = tensor_new(name, (ct_dtype)x->dtype, rank, sizes, NULL);
    if (!y)
        return NULL;
    if (count == 1 && picked) {
        ct_tensor *places = tensor_new(name, CT_INT64, rank, sizes, NULL);
        if (!places || !search(name, x, set, largest, places, y))
            return NULL;
        if (indices)
            *indices = places;
        return RECORD(picked, y, &set, x, places);
    }
    return search(name, x, set, largest, NULL, y) ? RECORD(shared, y, &set, x) : NULL;
}

ct_tensor *(ct_max)(ct_tensor *x, const int *axes, size_t count, bool keepdims, ct_tensor **indices)
{
    return extreme("max", &op_max, &op_max_shared, x, axes, count, keepdims, indices, true);
}

ct_tensor *(ct_min)(ct_tensor *x, const int *axes, size_t count, bool keepdims, ct_tensor **indices)
{
    return extreme("min", &op_min, &op_min_shared, x, axes, count, keepdims, indices, false);
}

ct_tensor *(ct_amax)(ct_tensor *x, const int *axes, size_t count, bool keepdims)
{
    return extreme("amax", NULL, &op_max_shared, x, axes, count, keepdims, NULL, true);
}

ct_tensor *(ct_amin)(ct_tensor *x, const int *axes, size_t count, bool keepdims)
{
    return extreme("amin", NULL, &op_min_shared, x, axes, count, keepdims, NULL, false);
}

/* ---- median: the lower of two in the middle; the first NaN where there is one ----------------------------------------------------------- */
ct_tensor *(ct_median)(ct_tensor *x, const int *axes, size_t count, bool keepdims, ct_tensor **indices)
{
    int64_t sizes[CT_MAX_RANK];
    bool ok;
    if (indices)
        *indices = NULL;
    if (!given("median", "the operand", x))
        return NULL;
    if (count > 1 || (indices && !count))
        return ct_fail("median: %zu axes named, want one%s", count, indices ? "" : ", or none for all");
    const unsigned set = check_axes("median", x, axes, count, &ok);
    if (!ok)
        return NULL;
    bool was = ct_set_recording(false);
    ct_tensor *rows = axes_last(x, set);
    ct_set_recording(was);
    if (rows && row_length(rows) == 0 && row_count(rows))
        return count ? ct_fail("median: %s has nothing along axis %d", SHAPE(x), axes[0]) : ct_fail("median: %s is empty", SHAPE(x));
    ct_tensor *places = rows ? middle_places("median", rows) : NULL;
    if (!places)
        return NULL;
    was = ct_set_recording(false);
    const size_t rank = reduced_sizes(x, set, keepdims, sizes);
    ct_tensor *y = (ct_reshape)(gathered(rows, rows->rank - 1, places), sizes, rank);
    places = (ct_reshape)(places, sizes, rank);
    ct_set_recording(was);
    if (!y || !places)
        return NULL;
    if (indices)
        *indices = places;
    return count ? RECORD(&op_median, y, &set, x, places) : RECORD(&op_median_shared, y, &set, x);
}
