/* Windows that slide over images. */
#include "../kernels/pool.h"
#include "window.h"

/* Half a pair as a number: a negative one has filled its 31 bits from above. */
static int64_t half(int64_t bits)
{
    bits &= INT32_MAX;
    return bits < 1 << 30 ? bits : bits - (INT64_C(1) << 31);
}

bool window_pair(const char *op, const char *name, int64_t packed, int64_t least, int axes, int64_t pair[2])
{
    if (packed == CT_SAME && !strcmp(name, "padding"))
        return ct_fail("%s: padding -1, want 0 to 2^30: CT_SAME, which is -1, is for conv1d and conv2d alone", op) != NULL;
    const bool two = packed >> 62 == 1;
    const int64_t h = two ? half(packed >> 31) : packed, w = two ? half(packed) : packed;
    if (two && axes == 1)
        return ct_fail("%s: %s is CT_HW(%lld, %lld), want one number", op, name, (long long)h, (long long)w) != NULL;
    if (h < least || w < least || h > 1 << 30 || w > 1 << 30)
        return (two ? ct_fail("%s: %s (%lld, %lld), want %lld to 2^30", op, name, (long long)h, (long long)w, (long long)least)
                    : ct_fail("%s: %s %lld, want %lld to 2^30", op, name, (long long)w, (long long)least)) != NULL;
    if (axes == 2)
        pair[0] = h;
    pair[1] = w;
    return true;
}

bool window_counts(const char *op, const ct_tensor *x, const struct window *w, bool ceil_mode, int axes, int64_t counts[2])
{
    counts[0] = 1;
    for (int i = 2 - axes; i < 2; i++) {
        const int64_t size = x->sizes[x->rank - 2 + i], padded = size + w->before[i] + w->after[i];
        const int64_t more = ceil_mode ? w->stride[i] - 1 : 0;
        int64_t span;
        if (__builtin_mul_overflow(w->dilation[i], w->kernel[i] - 1, &span) || span >= padded + more)
            return ct_fail("%s: a kernel of %lld with dilation %lld is larger than axis %d of %s with padding %lld", op, (long long)w->kernel[i],
                           (long long)w->dilation[i], x->rank - 2 + i, SHAPE(x), (long long)(w->before[i] + w->after[i])) != NULL;
        counts[i] = (padded - span - 1 + more) / w->stride[i] + 1;
        if (ceil_mode && (counts[i] - 1) * w->stride[i] >= size + w->before[i])
            counts[i]--;
    }
    return true;
}

ct_tensor *image_of(const char *op, ct_tensor *x, int axes)
{
    if (x->rank != axes + 1 && x->rank != axes + 2)
        return ct_fail("%s: %s, want %s", op, SHAPE(x), axes == 2 ? "(N, C, H, W) or (C, H, W)" : "(N, C, L) or (C, L)");
    for (int i = x->rank - axes - 1; i < x->rank; i++)
        if (x->sizes[i] == 0)
            return ct_fail("%s: %s has nothing along axis %d", op, SHAPE(x), i);
    ct_tensor *image = axes == 1 ? ct_unsqueeze(x, -2) : x;
    return x->rank == axes + 1 && image ? ct_unsqueeze(image, 0) : image;
}

ct_tensor *image_like(ct_tensor *y, const ct_tensor *x, int axes)
{
    if (y && axes == 1)
        y = ct_squeeze(y, -2);
    return y && x->rank == axes + 1 ? ct_squeeze(y, 0) : y;
}

bool image_is_channels_last(const ct_tensor *x)
{
    return x->sizes[1] > 1 && x->strides[1] == 1;
}

static const int last[] = {0, 2, 3, 1}, back[] = {0, 3, 1, 2}; /* to memory order N, H, W, C, and from it */

ct_tensor *image_dense(ct_tensor *x, bool channels_last)
{
    if (!x)
        return NULL;
    const bool was = ct_set_recording(false);
    x = channels_last ? (ct_permute)(ct_contiguous((ct_permute)(x, last, 4)), back, 4) : ct_contiguous(x);
    ct_set_recording(was);
    return x;
}

ct_tensor *image_new(const char *op, ct_dtype dtype, const int64_t sizes[4], bool channels_last)
{
    int64_t strides[4], stride = 1;
    if (!channels_last || !sizes_product(op, sizes, 4, ct_dtype_size(dtype), &stride))
        return channels_last ? NULL : tensor_new(op, dtype, 4, sizes, NULL);
    stride = 1;
    for (int i = 4; i-- > 0; stride *= sizes[last[i]])
        strides[last[i]] = stride;
    return tensor_new(op, dtype, 4, sizes, strides);
}

struct rows { image_rows *body; void *context; int64_t planes, rows, per_part; };
static void rows_part(size_t part, void *context)
{
    const struct rows *r = context;
    int64_t at = (int64_t)part * r->per_part, end = at + r->per_part;
    end = end < r->planes * r->rows ? end : r->planes * r->rows;
    while (at < end) {
        const int64_t plane = at / r->rows, from = at % r->rows, left = r->rows - from, n = left < end - at ? left : end - at;
        r->body(r->context, plane, from, from + n);
        at += n;
    }
}

void for_image_rows(int64_t planes, int64_t rows, int64_t cost, bool whole, image_rows *body, void *context)
{
    if (!planes || !rows)
        return;
    int64_t per_part = cost < LOOP_GRAIN ? LOOP_GRAIN / (cost ? cost : 1) : 1;
    if (whole || per_part > rows)
        per_part = (per_part + rows - 1) / rows * rows;
    pool_run((size_t)((planes * rows + per_part - 1) / per_part), rows_part, &(struct rows){body, context, planes, rows, per_part});
}

/* ---- channels_last ---------------------------------------------------------------------------------------------------------- */
bool ct_is_channels_last(const ct_tensor *x)
{
    if (!x || x->rank != 4)
        return false;
    int64_t stride = 1;
    for (int i = 4; i-- > 0; stride *= x->sizes[last[i]])
        if (x->sizes[last[i]] != 1 && x->strides[last[i]] != stride)
            return false;
    return true;
}

ct_tensor *ct_channels_last(ct_tensor *x)
{
    if (!given("channels_last", "the operand", x))
        return NULL;
    if (x->rank != 4)
        return ct_fail("channels_last: %s, want (N, C, H, W)", SHAPE(x));
    return ct_is_channels_last(x) ? x : (ct_permute)(ct_contiguous((ct_permute)(x, last, 4)), back, 4);
}

/* ---- Rows of channels --------------------------------------------------------------------------------------------------------- */
ct_tensor *image_orderly(ct_tensor *x)
{
    if (ct_is_contiguous(x) || ((x->strides[1] == 1 || x->sizes[1] == 1) && tensor_is_dense(x)))
        return x;
    ct_tensor *copy = tensor_new("contiguous", (ct_dtype)x->dtype, x->rank, x->sizes, NULL);
    if (copy)
        copy_values(copy, x);
    return copy;
}

ct_tensor *image_as(ct_tensor *t, const ct_tensor *like)
{
    if (!t || same_layout(t, like))
        return t;
    ct_tensor *copy = tensor_new_like("contiguous", (ct_dtype)t->dtype, like);
    if (copy)
        copy_values(copy, t);
    return copy;
}

struct channels image_channels(const ct_tensor *x)
{
    struct channels s = {(size_t)x->sizes[0], (size_t)x->sizes[1], 1};
    const bool contiguous = ct_is_contiguous(x);
    for (int i = 2; i < x->rank; i++)
        *(contiguous ? &s.inner : &s.outer) *= (size_t)x->sizes[i];
    return s;
}
