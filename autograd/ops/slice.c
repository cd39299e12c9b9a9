/* Parts of a tensor: NumPy's basic indexing, and its transpose, which lays a part into a filled whole. */
#include <ctype.h>
#include <math.h>
#include <stdlib.h>

#include "indexing.h"

#define VJP(name)                                                                                                        \
    static void name(ct_node *node, ct_tensor *const *cotangents, ct_tensor **gradients)

struct cut {                                    /* of every axis: start, start + step, ... */
    int64_t start[CT_MAX_RANK], step[CT_MAX_RANK], length[CT_MAX_RANK];
};

static ct_tensor *cut_out(ct_tensor *x, const struct cut *c);
static ct_tensor *lay_into(ct_tensor *x, const struct cut *c, const int64_t *sizes, double value);

VJP(slice_vjp)
{
    ct_tensor *x = ct_node_input(node, 0);
    gradients[0] = lay_into(cotangents[0], ct_node_context(node), x->sizes, 0);
}
const struct op op_slice = {"slice", slice_vjp, NULL, 0};

VJP(pad_vjp)
{
    gradients[0] = cut_out(cotangents[0], ct_node_context(node));
}
const struct op op_pad = {"pad", pad_vjp, NULL, 0};

static ct_tensor *cut_view(const char *op, ct_tensor *x, const struct cut *c)
{
    int64_t strides[CT_MAX_RANK], offset = 0;
    bool empty = false;
    for (int i = 0; i < x->rank; i++)
        empty |= c->length[i] == 0;
    for (int i = 0; i < x->rank; i++) {
        strides[i] = c->length[i] > 1 ? x->strides[i] * c->step[i] : x->strides[i]; /* a step never taken may be any number */
        offset += empty ? 0 : x->strides[i] * c->start[i];
    }
    return tensor_view(op, x, x->rank, c->length, strides, offset);
}

static ct_tensor *cut_out(ct_tensor *x, const struct cut *c)
{
    return x ? graph_record(&op_slice, cut_view("slice", x, c), &x, 1, c, sizeof *c) : NULL;
}

/* What of y lies outside the cut becomes value: before and behind it on each axis, within it on the axes before that one. */
static bool fill_around(ct_tensor *y, const struct cut *c, ct_tensor *value)
{
    struct cut side = {{0}, {0}, {0}};
    if (!value)
        return false;
    ct_tensor wide = {.dtype = value->dtype, .data = value->data, .storage = value->storage}; /* a 0-d tensor ends before its strides */
    for (int i = 0; i < y->rank; i++)
        side.step[i] = 1, side.length[i] = y->sizes[i];
    for (int i = 0; i < y->rank; i++) {
        const int64_t end = c->start[i] + c->length[i];
        for (int behind = 0; behind < 2; behind++) {
            side.start[i] = behind ? end : 0;
            side.length[i] = behind ? y->sizes[i] - end : c->start[i];
            ct_tensor *part = side.length[i] ? cut_view("pad", y, &side) : NULL;
            if (!part && side.length[i])
                return false;
            if (!part)
                continue;
            wide.rank = y->rank;
            memcpy(wide.sizes, part->sizes, sizeof wide.sizes);
            copy_values(part, &wide);
        }
        side.start[i] = c->start[i], side.length[i] = c->length[i];
    }
    return true;
}

static ct_tensor *lay_into(ct_tensor *x, const struct cut *c, const int64_t *sizes, double value)
{
    bool whole_steps = true;
    for (int i = 0; x && i < x->rank; i++)
        whole_steps &= c->step[i] == 1;
    ct_tensor *y = !x             ? NULL
                   : !whole_steps ? (ct_full)(sizes, x->rank, value, (ct_dtype)x->dtype)
                                  : tensor_new("pad", (ct_dtype)x->dtype, x->rank, sizes, NULL);
    ct_tensor *part = y ? cut_view("pad", y, c) : NULL;
    if (!part || (whole_steps && !fill_around(y, c, (ct_full)(NULL, 0, value, (ct_dtype)x->dtype))))
        return NULL;
    copy_values(part, x);
    return graph_record(&op_pad, y, &x, 1, c, sizeof *c);
}

static struct cut whole(const ct_tensor *x)
{
    struct cut c = {{0}, {0}, {0}};
    for (int i = 0; i < x->rank; i++)
        c.step[i] = 1, c.length[i] = x->sizes[i];
    return c;
}

ct_tensor *ct_narrow(ct_tensor *x, int axis, int64_t start, int64_t length)
{
    int i;
    if (!given("narrow", "the operand", x) || !check_axis("narrow", x, axis, &i))
        return NULL;
    if (!x->rank || start < 0 || length < 0 || start > x->sizes[i] || length > x->sizes[i] - start)
        return ct_fail("narrow: %lld elements from %lld on axis %d of %s", (long long)length, (long long)start, axis, SHAPE(x));
    struct cut c = whole(x);
    c.start[i] = start, c.length[i] = length;
    return cut_out(x, &c);
}

ct_tensor *(ct_pad)(ct_tensor *x, const int64_t *widths, size_t count, double value)
{
    if (!given("pad", "the operand", x))
        return NULL;
    if (count && !widths)
        return ct_fail("pad: the widths are NULL");
    if (count % 2 || count / 2 > x->rank)
        return ct_fail("pad: %zu widths for %s: want a pair for each of up to %d axes", count, SHAPE(x), x->rank);
    struct cut inner = whole(x), place = whole(x);
    int64_t sizes[CT_MAX_RANK], total;
    memcpy(sizes, x->sizes, x->rank * sizeof *sizes);
    for (size_t k = 0; k < count / 2; k++) {
        size_t i = x->rank - 1u - k;
        int64_t before = widths[2 * k], after = widths[2 * k + 1];
        if (before < -x->sizes[i] || after < -x->sizes[i] || before > INT64_MAX / 4 || after > INT64_MAX / 4 || before + after < -x->sizes[i])
            return ct_fail("pad: %lld and %lld on axis %zu of %s", (long long)before, (long long)after, i, SHAPE(x));
        inner.start[i] = before < 0 ? -before : 0;
        inner.length[i] = x->sizes[i] - inner.start[i] + (after < 0 ? after : 0);
        place.start[i] = before > 0 ? before : 0;
        place.length[i] = inner.length[i];
        sizes[i] = x->sizes[i] + before + after;
    }
    return sizes_product("pad", sizes, x->rank, 1, &total) ? lay_into(cut_out(x, &inner), &place, sizes, value) : NULL;
}

/* ---- NumPy's subscripts --------------------------------------------------------------------------------------------------------------- */
static const char *skip_spaces(const char *p)
{
    while (isspace((unsigned char)*p))
        p++;
    return p;
}

/* A number, if one stands here; false on one that does not fit. */
static bool parse_number(const char **at, bool *there, int64_t *value)
{
    const char *p = skip_spaces(*at);
    *there = isdigit((unsigned char)*p) || ((*p == '-' || *p == '+') && isdigit((unsigned char)p[1]));
    if (*there) {
        char *end;
        long long v = strtoll(p, &end, 10);
        if (v == INT64_MAX || v == INT64_MIN)
            return false;
        *value = v, p = end;
    }
    *at = skip_spaces(p);
    return true;
}

static bool parse_one(const char **at, ct_subscript *s)
{
    const char *p = skip_spaces(*at);
    bool has_start, there;
    *s = (ct_subscript){.kind = CT_SUBSCRIPT_INDEX, .start = CT_OPEN, .stop = CT_OPEN, .step = 1};
    static const struct { const char *word; ct_subscript_kind kind; } words[] = {
        {"...", CT_SUBSCRIPT_ELLIPSIS}, {"None", CT_SUBSCRIPT_NEW_AXIS}, {"newaxis", CT_SUBSCRIPT_NEW_AXIS}};
    for (size_t i = 0; i < COUNT_OF(words); i++)
        if (strncmp(p, words[i].word, strlen(words[i].word)) == 0) {
            s->kind = words[i].kind;
            *at = skip_spaces(p + strlen(words[i].word));
            return true;
        }
    if (!parse_number(&p, &has_start, &s->start))
        return false;
    if (*p == ':') {
        s->kind = CT_SUBSCRIPT_SLICE;
        p++;
        if (!parse_number(&p, &there, &s->stop))
            return false;
        if (*p == ':') {
            p++;
            if (!parse_number(&p, &there, &s->step))
                return false;
        }
    }
    *at = p;
    return s->kind == CT_SUBSCRIPT_SLICE || has_start;
}

const char *subscript_text(char text[SUBSCRIPT_TEXT], const ct_subscript *list, size_t count)
{
    size_t used = 0;
    text[0] = 0;
    for (size_t i = 0; i < count && used < SUBSCRIPT_TEXT - 1; i++) {
        const ct_subscript *s = &list[i];
        char one[SHAPE_TEXT + 32], start[24] = "", stop[24] = "", step[24] = "";
        if (s->start != CT_OPEN || s->kind == CT_SUBSCRIPT_INDEX)
            snprintf(start, sizeof start, "%lld", (long long)s->start);
        if (s->stop != CT_OPEN)
            snprintf(stop, sizeof stop, "%lld", (long long)s->stop);
        if (s->step != 1)
            snprintf(step, sizeof step, ":%lld", (long long)s->step);
        if (s->kind == CT_SUBSCRIPT_SLICE)
            snprintf(one, sizeof one, "%s:%s%s", start, stop, step);
        else if (s->kind == CT_SUBSCRIPT_TENSOR && s->tensor)
            snprintf(one, sizeof one, "%s %s", ct_dtype_name((ct_dtype)s->tensor->dtype), SHAPE(s->tensor));
        else
            snprintf(one, sizeof one, "%s", s->kind == CT_SUBSCRIPT_INDEX      ? start
                                            : s->kind == CT_SUBSCRIPT_ELLIPSIS ? "..."
                                            : s->kind == CT_SUBSCRIPT_NEW_AXIS ? "None"
                                                                               : "NULL");
        int more = snprintf(text + used, SUBSCRIPT_TEXT - used, "%s%s", i ? ", " : "", one);
        used += more > 0 ? (size_t)more : 0;
    }
    return text;
}

/* Python's slice.indices */
static void resolve(const ct_subscript *s, int64_t size, int64_t *start, int64_t *step, int64_t *length)
{
    *step = s->step;
    int64_t low = *step < 0 ? -1 : 0, high = *step < 0 ? size - 1 : size;
#define PLACE(v) ((v) < 0 ? ((v) < low - size ? low : (v) + size) : (v) > high ? high : (v))
    *start = s->start != CT_OPEN ? PLACE(s->start) : *step < 0 ? high : low;
    int64_t stop = s->stop != CT_OPEN ? PLACE(s->stop) : *step < 0 ? low : high;
#undef PLACE
    int64_t gap = *step < 0 ? *start - stop : stop - *start, stride = *step < 0 ? -*step : *step;
    *length = gap > 0 ? (gap - 1) / stride + 1 : 0;
    if (*length == 0)
        *start = 0;
}

ct_tensor *basic_index(const char *op, const char *text, ct_tensor *x, const ct_subscript *list, size_t count)
{
    int named = 0, ellipses = 0;
    bool reshapes = false;
#define TEXT (text ? text : subscript_text((char[SUBSCRIPT_TEXT]){0}, list, count))
    for (size_t i = 0; i < count; i++) {
        const ct_subscript *s = &list[i];
        if (s->kind == CT_SUBSCRIPT_SLICE && (s->step == 0 || s->step == INT64_MIN))
            return ct_fail("%s: \"%s\": a step of %s", op, TEXT, s->step ? "-2^63, which has no opposite" : "0");
        named += s->kind == CT_SUBSCRIPT_INDEX || s->kind == CT_SUBSCRIPT_SLICE;
        ellipses += s->kind == CT_SUBSCRIPT_ELLIPSIS;
        reshapes |= s->kind == CT_SUBSCRIPT_INDEX || s->kind == CT_SUBSCRIPT_NEW_AXIS;
    }
    if (ellipses > 1)
        return ct_fail("%s: \"%s\": only one ... may stand", op, TEXT);
    if (named > x->rank)
        return ct_fail("%s: \"%s\": %d subscripts for %s with %d axes", op, TEXT, named, SHAPE(x), x->rank);
    struct cut c = whole(x);
    int64_t sizes[CT_MAX_RANK];
    int axis = 0, rank = 0, open = x->rank - named;
    for (size_t i = 0; i < count + !ellipses; i++) { /* an ellipsis left out stands at the end */
        const ct_subscript *s = i < count ? &list[i] : &(const ct_subscript){.kind = CT_SUBSCRIPT_ELLIPSIS};
        int here = s->kind == CT_SUBSCRIPT_ELLIPSIS ? open : 1;
        if (rank + (s->kind == CT_SUBSCRIPT_INDEX ? 0 : here) > CT_MAX_RANK)
            return ct_fail("%s: \"%s\" of %s would have more than %d axes", op, TEXT, SHAPE(x), CT_MAX_RANK);
        if (s->kind == CT_SUBSCRIPT_ELLIPSIS)
            for (int k = 0; k < open; k++)
                sizes[rank++] = x->sizes[axis++];
        else if (s->kind == CT_SUBSCRIPT_NEW_AXIS)
            sizes[rank++] = 1;
        else if (s->kind == CT_SUBSCRIPT_SLICE) {
            resolve(s, x->sizes[axis], &c.start[axis], &c.step[axis], &c.length[axis]);
            sizes[rank++] = c.length[axis++];
        } else {
            int64_t size = x->sizes[axis], at = s->start < 0 ? s->start + size : s->start;
            if (at < 0 || at >= size)
                return ct_fail("%s: \"%s\": index %lld is out of range for axis %d of %s", op, TEXT, (long long)s->start, axis, SHAPE(x));
            c.start[axis] = at, c.length[axis] = 1;
            axis++;
        }
    }
#undef TEXT
    ct_tensor *y = cut_out(x, &c);
    return y && reshapes ? (ct_reshape)(y, sizes, (size_t)rank) : y;
}

ct_tensor *ct_slice(ct_tensor *x, const char *text)
{
    enum { MOST = 3 * CT_MAX_RANK };
    ct_subscript list[MOST];
    size_t count = 0;
    if (!given("slice", "the operand", x))
        return NULL;
    if (!text)
        return ct_fail("slice: the subscript is NULL");
    for (const char *p = skip_spaces(text); *p;) {
        if (count == MOST || !parse_one(&p, &list[count]) || (*p && *p != ','))
            return ct_fail("slice: \"%s\" is malformed at character %d", text, (int)(p - text));
        count++;
        if (*p == ',')
            p = skip_spaces(p + 1);
    }
    return basic_index("slice", text, x, list, count);
}
