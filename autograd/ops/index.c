/* NumPy's advanced indexing. The basic subscripts cut a view first; the axes that tensors index become one, read by gather at
 * the places that the tensors, broadcast together, name in it. */
#include "indexing.h"

enum { MOST = 3 * CT_MAX_RANK };

/* What stands for an integer or a tensor: a whole axis (a mask: its axes) of the basic cut, and int64 places along it. */
struct advanced {
    int axis, axes;
    int64_t size;                               /* of those axes together */
    ct_tensor *places;                          /* not negative */
};
struct plan {
    size_t count;                               /* of advanced subscripts */
    struct advanced at[MOST];
    bool apart;                                 /* something else stands between them */
};

/* index with negative values counted from the end */
static ct_tensor *from_start(const char *op, ct_tensor *index, int64_t size, int axis)
{
    ct_tensor *plain = ct_contiguous(index), *places = plain ? tensor_new(op, CT_INT64, plain->rank, plain->sizes, NULL) : NULL;
    if (!places)
        return NULL;
    const int64_t *from = (const int64_t *)(const void *)plain->data;
    int64_t *to = (int64_t *)(void *)places->data;
    const int64_t n = tensor_numel(plain), at = index_outside(from, n, -size, size);
    if (at < n)
        return ct_fail("%s: index %lld at position %lld of %s is not in [%lld, %lld), along axis %d", op, (long long)from[at], (long long)at, SHAPE(index),
                       (long long)-size, (long long)size, axis);
    for (int64_t i = 0; i < n; i++)
        to[i] = from[i] < 0 ? from[i] + size : from[i];
    return places;
}

static bool add_advanced(const char *op, struct plan *p, const ct_subscript *s, const ct_tensor *x, int axis, int cut_axis)
{
    ct_tensor *t = s->kind == CT_SUBSCRIPT_INDEX ? (ct_from_array)(&s->start, CT_INT64, NULL, 0) : s->tensor;
    struct advanced *a = &p->at[p->count++];
    *a = (struct advanced){.axis = cut_axis, .axes = 1, .size = 1};
    if (!t)
        return false;
    if (t->dtype != CT_BOOL) {
        a->size = x->sizes[axis];
        return (a->places = from_start(op, t, a->size, axis)) != NULL;
    }
    a->axes = t->rank;
    for (int i = 0; i < t->rank; i++) {
        if (t->sizes[i] != x->sizes[axis + i])
            return ct_fail("%s: a mask of %s from axis %d of %s on: the sizes differ", op, SHAPE(t), axis, SHAPE(x)) != NULL;
        a->size *= t->sizes[i];
    }
    return (a->places = true_places(op, t)) != NULL;
}

static bool check_subscripts(const char *op, ct_tensor *x, const ct_subscript *list, size_t count, int *named, bool *tensors)
{
    int ellipses = 0;
    *named = 0, *tensors = false;
    if (!given(op, "the operand", x))
        return false;
    if (count > MOST || (count && !list))
        return ct_fail("%s: %zu subscripts, want at most %d", op, list ? count : (size_t)0, MOST) != NULL;
    for (size_t i = 0; i < count; i++) {
        const ct_subscript *s = &list[i];
        if (s->kind > CT_SUBSCRIPT_TENSOR)
            return ct_fail("%s: %d is no kind of subscript", op, (int)s->kind) != NULL;
        if (s->kind == CT_SUBSCRIPT_TENSOR) {
            if (!given(op, "an index tensor", s->tensor))
                return false;
            if (s->tensor->dtype < CT_INT64)
                return ct_fail("%s: an index tensor is %s, want int64 or bool", op, ct_dtype_name((ct_dtype)s->tensor->dtype)) != NULL;
            if (s->tensor->dtype == CT_BOOL && !s->tensor->rank)
                return ct_fail("%s: a 0-d mask indexes no axis", op) != NULL;
            *tensors = true;
        }
        ellipses += s->kind == CT_SUBSCRIPT_ELLIPSIS;
        *named += s->kind == CT_SUBSCRIPT_TENSOR && s->tensor->dtype == CT_BOOL                   ? s->tensor->rank
                  : s->kind == CT_SUBSCRIPT_NEW_AXIS || s->kind == CT_SUBSCRIPT_ELLIPSIS ? 0
                                                                                         : 1;
    }
    if (ellipses > 1)
        return ct_fail("%s: \"%s\": only one ... may stand", op, subscript_text((char[SUBSCRIPT_TEXT]){0}, list, count)) != NULL;
    return *named <= x->rank || ct_fail("%s: \"%s\": subscripts of %d axes for %s with %d axes", op, subscript_text((char[SUBSCRIPT_TEXT]){0}, list, count),
                                        *named, SHAPE(x), x->rank);
}

/* The basic cut, whole along the advanced axes, and what is to be picked there. */
static ct_tensor *cut_and_plan(const char *op, ct_tensor *x, const ct_subscript *list, size_t count, int open, struct plan *p)
{
    ct_subscript basic[2 * MOST];
    size_t used = 0;
    int axis = 0, cut_axis = 0, last = -1;
    for (size_t i = 0; i < count; i++) {
        const ct_subscript *s = &list[i];
        int here = s->kind == CT_SUBSCRIPT_ELLIPSIS ? open : s->kind == CT_SUBSCRIPT_NEW_AXIS ? 0 : 1;
        if (s->kind == CT_SUBSCRIPT_INDEX || s->kind == CT_SUBSCRIPT_TENSOR) {
            if (!add_advanced(op, p, s, x, axis, cut_axis))
                return NULL;
            here = p->at[p->count - 1].axes;
            p->apart |= last >= 0 && last + 1 != (int)i;
            last = (int)i;
            for (int k = 0; k < here; k++)
                basic[used++] = (ct_subscript){.kind = CT_SUBSCRIPT_SLICE, .start = CT_OPEN, .stop = CT_OPEN, .step = 1};
            cut_axis += here;
        } else {
            basic[used++] = *s;
            cut_axis += s->kind == CT_SUBSCRIPT_ELLIPSIS ? open : 1;
        }
        axis += here;
    }
    return basic_index(op, NULL, x, basic, used);
}

/* One flat place in the advanced axes for every place of the tensors broadcast together. */
static ct_tensor *joint_places(const char *op, const struct plan *p, int64_t *sizes, size_t *rank)
{
    ct_tensor *lists[MOST];
    for (size_t i = 0; i < p->count; i++)
        lists[i] = p->at[i].places;
    if (!broadcast_sizes(op, lists, p->count, sizes, rank))
        return NULL;
    ct_tensor *places = lists[0];
    for (size_t i = 1; i < p->count; i++)
        places = ct_add(ct_mul(places, p->at[i].size), lists[i]);
    return places ? flat(ct_contiguous(places)) : NULL;
}

static ct_tensor *index_with(const char *op, ct_tensor *x, const ct_subscript *list, size_t count)
{
    int named;
    bool tensors;
    if (!check_subscripts(op, x, list, count, &named, &tensors))
        return NULL;
    if (!tensors)
        return basic_index(op, NULL, x, list, count);
    struct plan p = {.count = 0};
    ct_tensor *cut = cut_and_plan(op, x, list, count, x->rank - named, &p);
    int64_t joint[CT_MAX_RANK], sizes[CT_MAX_RANK], result[CT_MAX_RANK], along = 1;
    size_t joint_rank, rank = 0, result_rank = 0;
    ct_tensor *places = cut ? joint_places(op, &p, joint, &joint_rank) : NULL;
    if (!places)
        return NULL;

    unsigned set = 0;
    int order[CT_MAX_RANK], ordered = 0, moved = 0;
    for (size_t i = 0; i < p.count; i++)
        for (int k = 0; k < p.at[i].axes; k++)
            set |= 1u << (p.at[i].axis + k), moved++;
    if ((size_t)(cut->rank - moved) + joint_rank > CT_MAX_RANK)
        return ct_fail("%s: \"%s\" of %s would have more than %d axes", op, subscript_text((char[SUBSCRIPT_TEXT]){0}, list, count), SHAPE(x), CT_MAX_RANK);
    const int first = p.apart ? 0 : p.at[0].axis;
    for (int i = 0; i < first; i++)
        order[ordered++] = i;
    for (int i = 0; i < cut->rank; i++)
        if (set >> i & 1)
            order[ordered++] = i, along *= cut->sizes[i];
    for (int i = first; i < cut->rank; i++)
        if (!(set >> i & 1))
            order[ordered++] = i;
    for (int i = 0; i < cut->rank; i++) {
        if (i == first) {
            memcpy(result + result_rank, joint, joint_rank * sizeof *joint);
            result_rank += joint_rank;
            sizes[rank++] = along;
        }
        if (i < first || i >= first + moved)
            result[result_rank++] = sizes[rank++] = cut->sizes[order[i]];
    }
    ct_tensor *table = (ct_reshape)((ct_permute)(cut, order, cut->rank), sizes, rank);
    ct_tensor *y = table ? gathered(table, first, index_along(op, places, first, table)) : NULL;
    return y && joint_rank != 1 ? (ct_reshape)(y, result, result_rank) : y;
}

ct_tensor *(ct_index)(ct_tensor *x, const ct_subscript *list, size_t count)
{
    return index_with("index", x, list, count);
}

/* The axis that one tensor of integers, *index, picks from, all others whole; -1: the subscripts are not that. */
static int lone_axis(const ct_tensor *x, const ct_subscript *list, size_t count, int open, ct_tensor **index)
{
    int axis = 0, found = -1;
    for (size_t i = 0; i < count; i++) {
        const ct_subscript *s = &list[i];
        if (s->kind == CT_SUBSCRIPT_TENSOR && s->tensor->dtype == CT_INT64 && found < 0)
            found = axis, *index = s->tensor;
        else if (s->kind != CT_SUBSCRIPT_ELLIPSIS && (s->kind != CT_SUBSCRIPT_SLICE || s->start != CT_OPEN || s->stop != CT_OPEN || s->step != 1))
            return -1;
        axis += s->kind == CT_SUBSCRIPT_ELLIPSIS ? open : 1;
    }
    return found >= 0 && x->rank - 1 + (*index)->rank <= CT_MAX_RANK ? found : -1;
}

static ct_tensor *broadcast_value(const char *op, ct_tensor *value, const int64_t *sizes, size_t rank)
{
    ct_tensor *fits = value->rank <= rank ? value : NULL;
    for (size_t i = 0; fits && i < value->rank; i++)
        if (value->sizes[value->rank - 1 - i] != sizes[rank - 1 - i] && value->sizes[value->rank - 1 - i] != 1)
            fits = NULL;
    if (!fits)
        return ct_fail("%s: value %s does not broadcast to %s", op, SHAPE(value), shape_text((char[SHAPE_TEXT]){0}, sizes, rank));
    return broadcast_to(value, sizes, rank);
}

/* A lone index is a scatter along its axis; else the subscripts are read off a tensor of serial numbers, which tells every place's own. */
ct_tensor *(ct_index_put)(ct_tensor *x, const ct_subscript *list, size_t count, ct_tensor *value, const ct_index_put_options *options)
{
    const char *const op = "index_put";
    const struct op *how = options && options->accumulate ? &op_scatter_add : &op_scatter;
    int named;
    bool tensors;
    ct_tensor *index = NULL;
    if (!given(op, "the operand", x) || !given(op, "the value", value) || !number_or_same_dtype(op, x, &value) ||
        !check_subscripts(op, x, list, count, &named, &tensors))
        return NULL;
    const int axis = lone_axis(x, list, count, x->rank - named, &index);
    if (axis < 0) {
        ct_tensor *serial = (ct_reshape)((ct_arange)(0, (double)tensor_numel(x), 1, CT_INT64), x->sizes, x->rank), *to = flat(x);
        ct_tensor *places = serial ? index_with(op, serial, list, count) : NULL;
        ct_tensor *source = places && to ? broadcast_value(op, value, places->sizes, places->rank) : NULL;
        return ct_reshape_as(scattered(how, to, to, (struct scatter){0, false}, flat(places), flat(source)), x);
    }
    int64_t sizes[CT_MAX_RANK], merged[CT_MAX_RANK];
    size_t rank = 0;
    for (int i = 0; i < x->rank; i++)
        if (i == axis)
            for (int k = 0; k < index->rank; k++)
                sizes[rank++] = index->sizes[k];
        else
            sizes[rank++] = x->sizes[i];
    memcpy(merged, x->sizes, x->rank * sizeof *merged);
    merged[axis] = tensor_numel(index);
    ct_tensor *places = flat(from_start(op, index, x->sizes[axis], axis));
    ct_tensor *source = places ? (ct_reshape)(broadcast_value(op, value, sizes, rank), merged, x->rank) : NULL;
    return source ? scattered(how, x, x, (struct scatter){axis, false}, index_along(op, places, axis, source), source) : NULL;
}
