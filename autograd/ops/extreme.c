/* Largest, smallest and middle, and where they are. */
#include "../kernels/pool.h"
#include "indexing.h"
#include "rows.h"

#define VJP(name)                                                                                                        \
    static void name(ct_node *node, ct_tensor *const *cotangents, ct_tensor **gradients)

/* For each kept element of x (the axis last, or all of x as one row): the place of its extreme, and its value. */
struct search {
    const ct_tensor *x;
    int axis;
    bool largest;
    int64_t rows, per_part, chunk, chunks;      /* a long row is searched in pieces of chunk */
    int before;                                 /* the innermost axis beside this one; -1: none */
    int64_t columns, strips, width;             /* where neighbours are contiguous: how many, and in strips of which width */
    int64_t *places;
    char *values;                               /* NULL: not wanted */
};

static const char *row_from(const struct search *s, int64_t row)
{
    int64_t offset = 0;
    for (int i = s->x->rank; i-- > 0;)
        if (i != s->axis) {
            offset += row % s->x->sizes[i] * s->x->strides[i];
            row /= s->x->sizes[i];
        }
    return s->x->data + offset * (int64_t)ct_dtype_size((ct_dtype)s->x->dtype);
}

static void take_value(const struct search *s, int64_t row, const char *from)
{
    const int64_t item = (int64_t)ct_dtype_size((ct_dtype)s->x->dtype), stride = s->x->rank ? s->x->strides[s->axis] : 1;
    memcpy(s->values + row * item, from + s->places[row] * stride * item, (size_t)item);
}

/* Whole rows, walked along the innermost axis beside that of the search. */
static void search_rows(size_t part, void *context)
{
    const struct search *s = context;
    const ct_tensor *x = s->x;
    const int64_t stride = x->rank ? x->strides[s->axis] : 1, most = (int64_t)(part + 1) * s->per_part, end = most < s->rows ? most : s->rows;
    const int64_t inner = s->before >= 0 ? x->sizes[s->before] : 1;
    const int64_t step = s->before >= 0 ? x->strides[s->before] * (int64_t)ct_dtype_size((ct_dtype)x->dtype) : 0;
    for (int64_t row = (int64_t)part * s->per_part; row < end;) {
        const char *from = row_from(s, row);
        for (int64_t left = inner - row % inner; left-- > 0 && row < end; row++, from += step) {
            s->places[row] = (int64_t)kernels()->extreme[s->largest][x->dtype](from, (size_t)s->chunk, stride);
            if (s->values)
                take_value(s, row, from);
        }
    }
}

static void search_pieces(size_t part, void *context)
{
    const struct search *s = context;
    const ct_tensor *x = s->x;
    const int64_t stride = x->rank ? x->strides[s->axis] : 1, length = x->rank ? x->sizes[s->axis] : 1;
    const int64_t item = (int64_t)ct_dtype_size((ct_dtype)x->dtype), end = (int64_t)(part + 1) * s->per_part;
    for (int64_t piece = (int64_t)part * s->per_part; piece < end && piece < s->rows * s->chunks; piece++) {
        const int64_t from = piece % s->chunks * s->chunk, left = length - from;
        const char *row = row_from(s, piece / s->chunks) + from * stride * item;
        s->places[piece] = from + (int64_t)kernels()->extreme[s->largest][x->dtype](row, (size_t)(left < s->chunk ? left : s->chunk), stride);
    }
}

static void search_strips(size_t part, void *context)
{
    const struct search *s = context;
    const int64_t row = (int64_t)part / s->strips * s->columns, from = (int64_t)part % s->strips * s->width, left = s->columns - from;
    kernels()->extreme_columns[s->largest][s->x->dtype](s->places + row + from, row_from(s, row + from), (size_t)s->x->sizes[s->axis],
                                                        (size_t)(left < s->width ? left : s->width), s->x->strides[s->axis]);
    const int64_t item = (int64_t)ct_dtype_size((ct_dtype)s->x->dtype);
    const char *first = row_from(s, row + from);
    for (int64_t i = 0; s->values && i < s->width && i < left; i++)
        take_value(s, row + from + i, first + i * item);
}

/* The first best of a row's pieces, found by the same search among their values. */
static void join_pieces(const struct search *s, const struct search *pieces, char *values)
{
    const ct_tensor *x = pieces->x;
    const int64_t item = (int64_t)ct_dtype_size((ct_dtype)x->dtype), step = (x->rank ? x->strides[pieces->axis] : 1) * item;
    for (int64_t row = 0; row < pieces->rows; row++) {
        const int64_t *found = pieces->places + row * pieces->chunks;
        const char *from = row_from(pieces, row);
        for (int64_t i = 0; i < pieces->chunks; i++)
            memcpy(values + i * item, from + found[i] * step, (size_t)item);
        s->places[row] = found[kernels()->extreme[pieces->largest][x->dtype](values, (size_t)pieces->chunks, 1)];
        if (s->values)
            take_value(s, row, from);
    }
}

static bool search_places(const char *op, struct search *s, int64_t length)
{
    enum { CHUNK = 32768 };
    const ct_tensor *x = s->x;
    const int before = s->before = x->rank > 1 ? x->rank - (s->axis == x->rank - 1) - 1 : -1;
    if (before >= 0 && x->strides[before] == 1 && x->sizes[before] >= 16 && length > 1 && length <= INT32_MAX) {
        const int64_t strip = LOOP_GRAIN / 64 / length;
        s->columns = x->sizes[before];
        s->width = 64 * (strip > 1 ? strip : 1);
        s->strips = (s->columns + s->width - 1) / s->width;
        pool_run((size_t)(s->rows / s->columns * s->strips), search_strips, s);
        return true;
    }
    s->chunk = length < CHUNK ? length : CHUNK;
    s->chunks = (length + s->chunk - 1) / s->chunk;
    s->per_part = s->chunk < LOOP_GRAIN ? LOOP_GRAIN / s->chunk : 1;
    const size_t parts = (size_t)((s->rows * s->chunks + s->per_part - 1) / s->per_part);
    if (s->chunks == 1) {
        pool_run(parts, search_rows, s);
        return true;
    }
    const size_t bytes = (size_t)(s->rows * s->chunks) * sizeof *s->places, few = (size_t)s->chunks * 8;
    struct search pieces = *s;
    char *values = memory_get(few);
    pieces.places = memory_get(bytes);
    const bool ok = values && pieces.places;
    if (ok) {
        pool_run(parts, search_pieces, &pieces);
        join_pieces(s, &pieces, values);
    }
    memory_put(pieces.places, bytes);
    memory_put(values, few);
    return ok || ct_fail("%s: out of memory", op) != NULL;
}

static bool search(const char *op, const ct_tensor *x, int axis, bool largest, ct_tensor *places, ct_tensor *values)
{
    const int64_t length = x->rank ? x->sizes[axis] : 1;
    struct search s = {.x = x, .axis = axis, .largest = largest, .rows = tensor_numel(places ? places : values), .values = values ? values->data : NULL};
    if (length == 0)
        return ct_fail("%s: %s has nothing along axis %d", op, SHAPE(x), axis) != NULL;
    if (s.rows == 0)
        return true;
    if (!places && !(places = tensor_new(op, CT_INT64, 1, &s.rows, NULL)))
        return false;
    s.places = (int64_t *)(void *)places->data;
    return search_places(op, &s, length);
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
    ct_tensor *x = ct_node_input(node, 0), *places = ct_node_input(node, 1);
    const unsigned set = *(const unsigned *)ct_node_context(node);
    if (!x->rank) {
        gradients[0] = cotangents[0];
        return;
    }
    const struct scatter how = {.axis = __builtin_ctz(set), .distinct = true};
    gradients[0] = scattered(&op_scatter, NULL, x, how, with_axes(places, x, set), with_axes(cotangents[0], x, set));
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
