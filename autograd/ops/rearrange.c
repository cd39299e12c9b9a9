/* The same elements in another order, or more than once. */
#include "indexing.h"

#define VJP(name)                                                                                                        \
    static void name(ct_node *node, ct_tensor *const *cotangents, ct_tensor **gradients)

/* ---- Order ------------------------------------------------------------------------------------------------------------------------------ */
ct_tensor *(ct_flip)(ct_tensor *x, const int *axes, size_t count)
{
    bool ok;
    char text[8 * CT_MAX_RANK] = "";
    if (!given("flip", "the operand", x))
        return NULL;
    unsigned set = check_axes("flip", x, axes, count, &ok);
    for (int i = 0; i < x->rank; i++)
        strcat(strcat(text, i ? "," : ""), set >> i & 1 ? "::-1" : ":");
    return ok ? ct_slice(x, text) : NULL;
}

static ct_tensor *roll(ct_tensor *x, int64_t shift, int axis)
{
    const int64_t size = x->rank ? x->sizes[axis] : 1, first = size ? (size - shift % size) % size : 0;
    if (!first)
        return x;
    return ct_cat(CT_TENSORS(ct_narrow(x, axis, first, size - first), ct_narrow(x, axis, 0, first)), axis);
}

ct_tensor *(ct_roll)(ct_tensor *x, const int64_t *shifts, const int *axes, size_t count)
{
    if (!given("roll", "the operand", x))
        return NULL;
    if (!shifts || !count || (!axes && count != 1))
        return ct_fail("roll: %zu shifts of %s: want one for each axis, or one alone for the flattened tensor", count, SHAPE(x));
    if (!axes) {
        ct_tensor *flat = (ct_reshape)(x, (const int64_t[]){tensor_numel(x)}, 1);
        return flat ? (ct_reshape)(roll(flat, shifts[0], 0), x->sizes, x->rank) : NULL;
    }
    ct_tensor *y = x;
    for (size_t i = 0; i < count && y; i++) {
        int axis;
        if (!check_axis("roll", x, axes[i], &axis))
            return NULL;
        y = roll(y, shifts[i], axis);
    }
    return y;
}

ct_tensor *ct_swapaxes(ct_tensor *x, int axis, int other)
{
    int i, j;
    return given("swapaxes", "the operand", x) && check_axis("swapaxes", x, axis, &i) && check_axis("swapaxes", x, other, &j) ? ct_transpose(x, i, j) : NULL;
}

ct_tensor *(ct_movedim)(ct_tensor *x, const int *from, size_t from_count, const int *to, size_t to_count)
{
    bool ok;
    int order[CT_MAX_RANK], next = 0;
    unsigned gone = 0, filled = 0;
    if (!given("movedim", "the operand", x))
        return NULL;
    if (from_count != to_count || (from_count && (!from || !to)))
        return ct_fail("movedim: %zu axes to %zu places, want as many", from_count, to_count);
    if (!from_count)
        return x;
    gone = check_axes("movedim", x, from, from_count, &ok);
    if (ok)
        filled = check_axes("movedim", x, to, to_count, &ok);
    if (!ok || !x->rank)
        return ok ? x : NULL;
    for (size_t i = 0; i < from_count; i++)
        order[to[i] < 0 ? to[i] + x->rank : to[i]] = from[i];
    for (int i = 0; i < x->rank; i++)
        if (!(filled >> i & 1)) {
            while (gone >> next & 1)
                next++;
            order[i] = next++;
        }
    return (ct_permute)(x, order, x->rank);
}

/* ---- Repetition: (before, 1, after) grows to (before, repeats, after), where before and after part at an axis's start or end. dx: the
 * sum over the repeats. A few repeats of short stretches go one repeat at a time, more or longer ones as a stretch repeats. ------------ */
enum { FEW_REPEATS = 16, LONG_STRETCH = 32 };

VJP(repeat_vjp)
{
    gradients[0] = ct_reshape_as(ct_sum(cotangents[0], 1), ct_node_input(node, 0));
}
VJP(repeat_fused)
{
    ct_tensor *x = ct_node_input(node, 0), *g = cotangents[0];
    if (g->sizes[1] > FEW_REPEATS || g->sizes[2] > LONG_STRETCH || !g->sizes[1]) {
        repeat_vjp(node, cotangents, gradients);
        return;
    }
    ct_tensor *sum = ct_narrow(g, 1, 0, 1);
    if (sum && g->sizes[1] > 1)
        sum = ct_add(sum, ct_narrow(g, 1, 1, 1));
    for (int64_t i = 2; sum && i < g->sizes[1]; i++) {
        ct_tensor *part = ct_narrow(g, 1, i, 1);
        if (part)
            add_values(sum, part);
        sum = part ? sum : NULL;
    }
    gradients[0] = ct_reshape_as(sum, x);
}
const struct op op_repeat = {"repeat", repeat_vjp, repeat_fused, 0};

static ct_tensor *repeated(const char *op, ct_tensor *x, int64_t repeats, int axis, bool whole)
{
    int64_t before = 1, after = 1, sizes[CT_MAX_RANK], count;
    if (repeats < 0)
        return ct_fail("%s: %lld repeats, want at least 0", op, (long long)repeats);
    if (repeats == 1)
        return x;
    memcpy(sizes, x->sizes, x->rank * sizeof *sizes);
    if (__builtin_mul_overflow(sizes[axis], repeats, &sizes[axis]))
        return ct_fail("%s: Storage size calculation overflowed", op);
    for (int i = 0; i < x->rank; i++)
        *(i < axis + !whole ? &before : &after) *= x->sizes[i];
    if (!sizes_product(op, sizes, x->rank, ct_dtype_size((ct_dtype)x->dtype), &count))
        return NULL;
    const bool was = ct_set_recording(false);
    ct_tensor *flat = (ct_reshape)(x, (const int64_t[]){before, 1, after}, 3), *y = NULL;
    if (flat && repeats <= FEW_REPEATS && after <= LONG_STRETCH) {
        y = tensor_new(op, (ct_dtype)x->dtype, 3, (const int64_t[]){before, repeats, after}, NULL);
        for (int64_t i = 0; y && i < repeats; i++)
            copy_values(ct_narrow(y, 1, i, 1), flat);
    } else if (flat)
        y = ct_contiguous((ct_expand)(flat, (const int64_t[]){before, repeats, after}, 3));
    ct_set_recording(was);
    y = RECORD0(&op_repeat, y, x);
    return y ? (ct_reshape)(y, sizes, x->rank) : NULL;
}

ct_tensor *(ct_tile)(ct_tensor *x, const int64_t *repeats, size_t count)
{
    if (!given("tile", "the operand", x))
        return NULL;
    if (count > CT_MAX_RANK)
        return ct_fail("tile: %zu repeats, want at most %d", count, CT_MAX_RANK);
    ct_tensor *y = x;
    if (count > x->rank) {
        int64_t sizes[CT_MAX_RANK];
        for (size_t i = 0; i < count; i++)
            sizes[i] = i + x->rank < count ? 1 : x->sizes[i + x->rank - count];
        y = (ct_reshape)(x, sizes, count);
    }
    for (size_t i = count; i-- > 0 && y;)
        y = repeated("tile", y, repeats[i], (int)(y->rank - count + i), true);
    return y;
}

/* Element i as often as repeats[i] says: read by an index that names it so often. */
static ct_tensor *repeated_each(ct_tensor *x, ct_tensor *repeats, int axis)
{
    const char *const op = "repeat_interleave";
    const int64_t n = tensor_numel(repeats);
    ct_tensor *plain = ct_contiguous(repeats);
    if (!plain)
        return NULL;
    const int64_t *times = (const int64_t *)(const void *)plain->data;
    int64_t total = 0;
    for (int64_t i = 0; i < n; i++) {
        if (times[i] < 0)
            return ct_fail("%s: %lld repeats at index %lld, want at least 0", op, (long long)times[i], (long long)i);
        if (__builtin_add_overflow(total, times[i], &total))
            return ct_fail("%s: Storage size calculation overflowed", op);
    }
    ct_tensor *index = tensor_new(op, CT_INT64, 1, &total, NULL);
    int64_t *to = index ? (int64_t *)(void *)index->data : NULL;
    for (int64_t i = 0; i < n && to; i++)
        for (int64_t k = 0; k < times[i]; k++)
            *to++ = i;
    return index ? gathered(x, axis, index_along(op, index, axis, x)) : NULL;
}

ct_tensor *(ct_repeat_interleave)(ct_tensor *x, ct_tensor *repeats, const int *axes, size_t count)
{
    const char *const op = "repeat_interleave";
    int at = 0;
    if (!given(op, "the operand", x) || !given(op, "the repeats", repeats))
        return NULL;
    if (count > 1)
        return ct_fail("%s: %zu axes named, want one, or none for the flattened tensor", op, count);
    if (repeats->dtype != CT_INT64 || repeats->rank > 1)
        return ct_fail("%s: repeats are %s %s, want an integer or a vector of int64", op, ct_dtype_name((ct_dtype)repeats->dtype), SHAPE(repeats));
    if (count && !check_axis(op, x, axes[0], &at))
        return NULL;
    x = !count ? flat(x) : x->rank ? x : ct_unsqueeze(x, 0);
    if (!x)
        return NULL;
    if (tensor_numel(repeats) == 1)
        return repeated(op, x, ((const int64_t *)(const void *)repeats->data)[0], at, false);
    if (tensor_numel(repeats) != x->sizes[at])
        return ct_fail("%s: repeats %s for axis %d of %s: want one, or one for each element", op, SHAPE(repeats), at, SHAPE(x));
    return repeated_each(x, repeats, at);
}

/* ---- Parts -------------------------------------------------------------------------------------------------------------------------------- */
size_t ct_chunk(ct_tensor *x, size_t chunks, int axis, ct_tensor **parts)
{
    int at;
    if (!given("chunk", "the operand", x) || !check_axis("chunk", x, axis, &at))
        return 0;
    if (!x->rank || !chunks || chunks > 255 || !parts)
        return ct_fail("chunk: %s into %zu parts: want 1 to 255, an axis, and room for the parts", SHAPE(x), chunks), 0;
    const int64_t size = x->sizes[at], length = size ? (size - 1) / (int64_t)chunks + 1 : 1;
    const size_t count = size ? (size_t)((size - 1) / length + 1) : 1;
    return ct_split(x, length, at, parts, count) ? count : 0;
}

bool ct_unbind(ct_tensor *x, int axis, ct_tensor **parts, size_t count)
{
    int at;
    if (!given("unbind", "the operand", x) || !check_axis("unbind", x, axis, &at))
        return false;
    if (!x->rank || (int64_t)count != x->sizes[at] || count > 255)
        return ct_fail("unbind: axis %d of %s into %zu parts: want one for each index, 255 at most", axis, SHAPE(x), count) != NULL;
    bool ok = !count || ct_split(x, 1, at, parts, count);
    for (size_t i = 0; i < count && ok; i++)
        ok = (parts[i] = ct_squeeze(parts[i], at)) != NULL;
    return ok;
}

/* ---- unfold: windows along an axis, a view; and its transpose, which adds them up where they came from ----------------------------------- */
struct windows { int axis; int64_t size, step; };

VJP(unfold_vjp)
{
    const struct windows *w = ct_node_context(node);
    gradients[0] = ct_overlap_add(cotangents[0], w->axis, ct_node_input(node, 0)->sizes[w->axis], w->step);
}
const struct op op_unfold = {"unfold", unfold_vjp, NULL, 0};

VJP(overlap_add_vjp)
{
    const struct windows *w = ct_node_context(node);
    gradients[0] = ct_unfold(cotangents[0], w->axis, w->size, w->step);
}
const struct op op_overlap_add = {"overlap_add", overlap_add_vjp, NULL, 0};

ct_tensor *ct_unfold(ct_tensor *x, int axis, int64_t size, int64_t step)
{
    struct windows w = {.size = size, .step = step};
    if (!given("unfold", "the operand", x) || !check_axis("unfold", x, axis, &w.axis))
        return NULL;
    if (!x->rank || x->rank == CT_MAX_RANK || size < 0 || size > x->sizes[w.axis] || step < 1)
        return ct_fail("unfold: windows of %lld every %lld on axis %d of %s: want 1 to %d axes, a step of at least 1, and a window that fits",
                       (long long)size, (long long)step, axis, SHAPE(x), CT_MAX_RANK - 1);
    int64_t sizes[CT_MAX_RANK], strides[CT_MAX_RANK];
    memcpy(sizes, x->sizes, x->rank * sizeof *sizes), memcpy(strides, x->strides, x->rank * sizeof *strides);
    sizes[x->rank] = size, strides[x->rank] = x->strides[w.axis];
    sizes[w.axis] = (x->sizes[w.axis] - size) / step + 1;
    strides[w.axis] = sizes[w.axis] > 1 ? x->strides[w.axis] * step : 1;
    return graph_record(&op_unfold, tensor_view("unfold", x, x->rank + 1u, sizes, strides, 0), &x, 1, &w, sizeof w);
}

ct_tensor *ct_overlap_add(ct_tensor *x, int axis, int64_t length, int64_t step)
{
    struct windows w = {.axis = axis < 0 ? axis + (x ? x->rank - 1 : 0) : axis, .step = step};
    if (!given_floating("overlap_add", "the operand", x))
        return NULL;
    if (x->rank < 2 || w.axis < 0 || w.axis >= x->rank - 1)
        return ct_fail("overlap_add: axis %d of %s: want one before the last, which holds the windows", axis, SHAPE(x));
    w.size = x->sizes[x->rank - 1];
    if (step < 1 || length < w.size || x->sizes[w.axis] != (length - w.size) / step + 1)
        return ct_fail("overlap_add: windows %s every %lld on axis %d do not come from a length of %lld", SHAPE(x), (long long)step, axis, (long long)length);
    int64_t sizes[CT_MAX_RANK], count;
    memcpy(sizes, x->sizes, x->rank * sizeof *sizes);
    sizes[w.axis] = length;
    if (!sizes_product("overlap_add", sizes, x->rank - 1u, ct_dtype_size((ct_dtype)x->dtype), &count))
        return NULL;
    const bool apart = step == w.size && x->sizes[w.axis] * step == length; /* each element from one window */
    ct_tensor *y = apart ? tensor_new("overlap_add", (ct_dtype)x->dtype, x->rank - 1u, sizes, NULL)
                         : zeros_of("overlap_add", (ct_dtype)x->dtype, sizes, x->rank - 1u);
    if (!y)
        return NULL;
    const int inner = x->rank - 1;
    for (int64_t i = 0; i < w.size; i += step) { /* every window's next `step` elements at once: no two meet */
        ct_tensor to = part_from(y, i * y->strides[w.axis]), from = part_from(x, i * x->strides[inner]);
        from.sizes[inner] = w.size - i < step ? w.size - i : step;
        to.rank = from.rank;
        to.strides[inner] = y->strides[w.axis];
        to.strides[w.axis] = y->strides[w.axis] * step;
        memcpy(to.sizes, from.sizes, from.rank * sizeof *to.sizes);
        (apart ? copy_values : add_values)(&to, &from);
    }
    return graph_record(&op_overlap_add, y, &x, 1, &w, sizeof w);
}

/* ---- pad_by: edges made of x itself, axis by axis ------------------------------------------------------------------------------------------- */
static ct_tensor *edge(ct_tensor *x, int axis, int64_t width, bool before, ct_pad_mode mode)
{
    const int64_t size = x->sizes[axis];
    if (mode == CT_REPLICATE) {
        int64_t sizes[CT_MAX_RANK];
        memcpy(sizes, x->sizes, x->rank * sizeof *sizes);
        sizes[axis] = width;
        return (ct_expand)(ct_narrow(x, axis, before ? 0 : size - 1, 1), sizes, x->rank);
    }
    if (mode == CT_CIRCULAR)
        return ct_narrow(x, axis, before ? size - width : 0, width);
    return (ct_flip)(ct_narrow(x, axis, before ? 1 : size - 1 - width, width), &axis, 1);
}

ct_tensor *(ct_pad_by)(ct_tensor *x, ct_pad_mode mode, const int64_t *widths, size_t count)
{
    static const char *const names[] = {"zeros", "reflect", "replicate", "circular"};
    if (!given("pad_by", "the operand", x))
        return NULL;
    if ((unsigned)mode > CT_CIRCULAR)
        return ct_fail("pad_by: %d is no mode", (int)mode);
    if (count % 2 || count / 2 > x->rank)
        return ct_fail("pad_by: %zu widths for %s: want a pair for each of up to %d axes", count, SHAPE(x), x->rank);
    if (mode == CT_ZEROS)
        return (ct_pad)(x, widths, count, 0);
    const char *cropped = "";
    for (size_t i = 0; i < count && x; i++)     /* what is cropped makes no edge */
        if (widths[i] < 0) {
            int64_t crop[2 * CT_MAX_RANK] = {0};
            crop[i] = widths[i];
            x = (ct_pad)(x, crop, count, 0);
            cropped = ", cropped,";
        }
    for (size_t k = 0; k < count / 2 && x; k++) {
        const int axis = (int)(x->rank - 1u - k);
        const int64_t before = widths[2 * k] > 0 ? widths[2 * k] : 0, after = widths[2 * k + 1] > 0 ? widths[2 * k + 1] : 0;
        const int64_t size = x->sizes[axis], most = mode == CT_REFLECT ? size - 1 : mode == CT_CIRCULAR ? size : size ? INT64_MAX / 4 : 0;
        if (before > most || after > most)
            return ct_fail("pad_by: %s%s has no %lld and %lld elements for its %s edges on axis %d", SHAPE(x), cropped, (long long)before, (long long)after,
                           names[mode], axis);
        ct_tensor *parts[3];
        size_t n = 0;
        if (before)
            parts[n++] = edge(x, axis, before, true, mode);
        parts[n++] = x;
        if (after)
            parts[n++] = edge(x, axis, after, false, mode);
        x = n > 1 ? ct_cat(parts, n, axis) : x;
    }
    return x;
}
