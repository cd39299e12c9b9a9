/* Largest, smallest and middle, and where they are. */
#include "../kernels/pool.h"
#include "indexing.h"
#include "rows.h"

#define VJP(name)                                                                                                        \
    static void name(ct_node *node, ct_tensor *const *cotangents, ct_tensor **gradients)

/* For each kept element of x (all of x as one row: axis 0): the place of its extreme, and its value. Long rows go in pieces; columns
 * that lie side by side go together. */
struct search {
    const ct_tensor *x;
    int axis;
    bool largest;
    int64_t rows, length, stride, per_part;
    int64_t pieces;                             /* of a row, PIECE long */
    int64_t columns, width, strips;             /* side by side, and in strips of which width */
    int64_t *places, *best;                     /* best: of every piece */
    char *values;
};
enum { PIECE = 1 << 15 };

static const char *row_start(const struct search *s, int64_t row)
{
    int64_t offset = 0;
    for (int i = s->x->rank; i-- > 0;)
        if (i != s->axis) {
            offset += row % s->x->sizes[i] * s->x->strides[i];
            row /= s->x->sizes[i];
        }
    return s->x->data + offset * (int64_t)ct_dtype_size((ct_dtype)s->x->dtype);
}

static void found(const struct search *s, int64_t row, const char *start, int64_t place)
{
    const size_t item = ct_dtype_size((ct_dtype)s->x->dtype);
    if (s->places)
        s->places[row] = place;
    if (s->values)
        memcpy(s->values + (size_t)row * item, start + place * s->stride * (int64_t)item, item);
}

static void search_rows(size_t part, void *context)
{
    const struct search *s = context;
    const int64_t end = (int64_t)(part + 1) * s->per_part;
    for (int64_t row = (int64_t)part * s->per_part; row < end && row < s->rows; row++) {
        const char *from = row_start(s, row);
        found(s, row, from, (int64_t)kernels()->extreme[s->largest][s->x->dtype](from, (size_t)s->length, s->stride));
    }
}

static void search_piece(size_t part, void *context)
{
    const struct search *s = context;
    const int64_t item = (int64_t)ct_dtype_size((ct_dtype)s->x->dtype), from = (int64_t)part % s->pieces * PIECE, left = s->length - from;
    const char *x = row_start(s, (int64_t)part / s->pieces) + from * s->stride * item;
    s->best[part] = from + (int64_t)kernels()->extreme[s->largest][s->x->dtype](x, (size_t)(left < PIECE ? left : PIECE), s->stride);
}

static void search_strip(size_t part, void *context)
{
    const struct search *s = context;
    const int64_t item = (int64_t)ct_dtype_size((ct_dtype)s->x->dtype);
    const int64_t row = (int64_t)part / s->strips * s->columns, from = (int64_t)part % s->strips * s->width, left = s->columns - from;
    kernels()->extreme_columns[s->largest][s->x->dtype](s->values ? s->values + (row + from) * item : NULL, s->places ? s->places + row + from : NULL,
                                                        row_start(s, row) + from * item, (size_t)s->length,
                                                        (size_t)(left < s->width ? left : s->width), s->stride);
}

/* The best of a row's pieces: their values side by side, and the same search. */
static void join_pieces(const struct search *s, int64_t row, char *values)
{
    const size_t item = ct_dtype_size((ct_dtype)s->x->dtype);
    const char *from = row_start(s, row);
    const int64_t *best = s->best + row * s->pieces;
    for (int64_t i = 0; i < s->pieces; i++)
        memcpy(values + (size_t)i * item, from + best[i] * s->stride * (int64_t)item, item);
    found(s, row, from, best[kernels()->extreme[s->largest][s->x->dtype](values, (size_t)s->pieces, 1)]);
}

static bool search(const char *op, const ct_tensor *x, int axis, bool largest, ct_tensor *places, ct_tensor *values)
{
    const int64_t length = x->rank ? x->sizes[axis] : 1, rows = places ? tensor_numel(places) : tensor_numel(values);
    if (length == 0)
        return ct_fail("%s: %s has nothing along axis %d", op, SHAPE(x), axis) != NULL;
    struct search s = {.x = x, .axis = axis, .largest = largest, .rows = rows, .length = length, .stride = x->rank ? x->strides[axis] : 1,
                       .per_part = length < LOOP_GRAIN ? LOOP_GRAIN / length : 1, .pieces = (length - 1) / PIECE + 1,
                       .places = places ? (int64_t *)places->data : NULL, .values = values ? values->data : NULL};
    const int beside = x->rank - 1 - (axis == x->rank - 1);
    if (rows && beside >= 0 && s.stride != 1 && x->strides[beside] == 1 && x->sizes[beside] >= 4) {
        s.columns = x->sizes[beside];
        const int64_t strip = LOOP_GRAIN / 64 / length;
        s.width = 64 * (strip > 1 ? strip : 1);
        s.strips = (s.columns + s.width - 1) / s.width;
        pool_run((size_t)(rows / s.columns * s.strips), search_strip, &s);
        return true;
    }
    if (s.pieces == 1) {
        pool_run((size_t)((rows + s.per_part - 1) / s.per_part), search_rows, &s);
        return true;
    }
    const size_t bytes = (size_t)(rows * s.pieces + s.pieces) * sizeof *s.best;
    if (!(s.best = memory_get(bytes)))
        return ct_fail("%s: out of memory", op) != NULL;
    pool_run((size_t)(rows * s.pieces), search_piece, &s);
    for (int64_t row = 0; row < rows; row++)
        join_pieces(&s, row, (char *)(s.best + rows * s.pieces));
    memory_put(s.best, bytes);
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
    size_t rank = reduced_sizes(x, count ? 1u << axis : ~0u, keepdims, sizes);
    bool was = ct_set_recording(false);
    ct_tensor *flat = count ? x : (ct_reshape)(x, (const int64_t[]){-1}, 1);
    ct_tensor *places = flat ? tensor_new(op->name, CT_INT64, rank, sizes, NULL) : NULL;
    ct_set_recording(was);
    return places && search(op->name, flat, axis, largest, places, NULL) ? graph_record(op, places, &x, 1, NULL, 0) : NULL;
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
        if (!places || !search(name, x, __builtin_ctz(set), largest, places, y))
            return NULL;
        if (indices)
            *indices = places;
        return RECORD(picked, y, &set, x, places);
    }
    bool was = ct_set_recording(false);         /* the axes in question last, as one */
    int order[CT_MAX_RANK], last = 0;
    int64_t flat_sizes[CT_MAX_RANK + 1];
    size_t kept = 0;
    for (int i = 0; i < x->rank; i++)
        if (!(set >> i & 1))
            flat_sizes[kept] = x->sizes[i], order[kept++] = i;
    for (int i = 0; i < x->rank; i++)
        if (set >> i & 1)
            order[kept + (size_t)last++] = i;
    flat_sizes[kept] = 1;
    for (int i = 0; i < last; i++)
        flat_sizes[kept] *= x->sizes[order[kept + (size_t)i]];
    ct_tensor *flat = last ? (ct_reshape)((ct_permute)(x, order, x->rank), flat_sizes, kept + 1) : x;
    ct_set_recording(was);
    if (!flat || (last && !search(name, flat, (int)kept, largest, NULL, y)))
        return NULL;
    if (!last)
        copy_values(y, x);
    return RECORD(shared, y, &set, x);
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
