/* Pooling: the largest element or the mean of each window. */
#include "../kernels/pooling.h"
#include "window.h"

#define VJP(name)                                                                                                        \
    static void name(ct_node *node, ct_tensor *const *cotangents, ct_tensor **gradients)

const ct_max_pool_options ct_max_pool_defaults = {CT_MAX_POOL_DEFAULTS .end_ = 0};

struct pooled {                                 /* how a result was made; N and C are its own */
    struct pooling p;
    bool channels_last, transposed;
};

struct work {
    const struct pooled *how;
    const ct_tensor *x, *y;
    char *positions;
};

/* ---- What is pooled ------------------------------------------------------------------------------------------------------------- */
static struct pooled windows_of(const ct_tensor *image, const struct window *w, const int64_t counts[2])
{
    const bool channels_last = image_is_channels_last(image);
    struct pooled how = {.channels_last = channels_last, .p.inner = channels_last ? image->sizes[1] : 1};
    struct pooling_axis *axes[] = {&how.p.h, &how.p.w};
    for (int i = 0; i < 2; i++)
        *axes[i] = (struct pooling_axis){image->sizes[2 + i], counts[i], w->kernel[i], w->stride[i], w->before[i], w->dilation[i], false};
    how.p.wide = w->kernel[0] > 256 || w->kernel[1] > 256 || w->kernel[0] * w->kernel[1] > 256;
    return how;
}

/* Kernel, stride and padding, from numbers that say each of them. */
static bool read_window(const char *op, int axes, int64_t kernel, int64_t stride, int64_t padding, int64_t dilation, struct window *w)
{
    *w = WINDOW_ONE;
    if (!window_pair(op, "kernel", kernel, 1, axes, w->kernel) || !window_pair(op, "stride", stride, 0, axes, w->stride) ||
        !window_pair(op, "padding", padding, 0, axes, w->before) || !window_pair(op, "dilation", dilation, 1, axes, w->dilation))
        return false;
    for (int i = 0; i < 2; i++) {
        w->after[i] = w->before[i];
        w->stride[i] = i < 2 - axes ? 1 : w->stride[i] ? w->stride[i] : w->kernel[i];
        if (w->before[i] > w->kernel[i] / 2)
            return ct_fail("%s: padding %lld is more than half of kernel %lld", op, (long long)w->before[i], (long long)w->kernel[i]) != NULL;
    }
    return true;
}

/* Adaptive windows that come out even are plain ones. */
static bool read_adaptive(const char *op, const ct_tensor *image, int64_t size, struct pooled *how)
{
    int64_t counts[2];
    struct window w = WINDOW_ONE;
    if (!window_pair(op, "size", size, 1, 2, counts))
        return false;
    for (int i = 0; i < 2; i++)
        w.stride[i] = image->sizes[2 + i] / counts[i], w.kernel[i] = w.stride[i] + (image->sizes[2 + i] % counts[i] ? 2 : 0);
    *how = windows_of(image, &w, counts);
    how->p.h.adaptive = image->sizes[2] % counts[0] != 0, how->p.w.adaptive = image->sizes[3] % counts[1] != 0;
    return true;
}

/* ---- The largest. Kept for the VJP: positions, which element of its window each is ------------------------------------------------ */
static void max_rows(void *context, int64_t plane, int64_t from, int64_t to)
{
    const struct work *k = context;
    const struct pooling *p = &k->how->p;
    const int64_t bytes = p->h.out * p->w.out * p->inner * (p->wide ? 4 : 1);
    kernels()->pool_max[k->x->dtype](p, image_plane(k->y, k->how->channels_last, plane), k->positions + plane * bytes,
                                     image_plane(k->x, k->how->channels_last, plane), from, to);
}

static void max_rows_vjp(void *context, int64_t plane, int64_t from, int64_t to)
{
    const struct work *k = context;
    const struct pooling *p = &k->how->p;
    const int64_t bytes = p->h.out * p->w.out * p->inner * (p->wide ? 4 : 1);
    kernels()->pool_max_vjp[k->x->dtype](p, image_plane(k->x, k->how->channels_last, plane), k->positions + plane * bytes,
                                         image_plane(k->y, k->how->channels_last, plane), from, to);
}

static void place_rows(void *context, int64_t plane, int64_t from, int64_t to) /* plane: of one channel, whatever the layout */
{
    const struct work *k = context;
    const struct pooling *p = &k->how->p;
    const int64_t channels = k->how->channels_last ? p->inner : 1, pixels = p->h.out * p->w.out;
    int64_t *place = (int64_t *)k->y->data + plane * pixels;
    for (int64_t oh = from; oh < to; oh++) {
        const int64_t top = pooling_span(&p->h, oh).first;
        for (int64_t ow = 0; ow < p->w.out; ow++) {
            const int64_t o = oh * p->w.out + ow, at = (plane / channels * pixels + o) * channels + plane % channels;
            const int64_t position = p->wide ? ((const int32_t *)k->positions)[at] : ((const uint8_t *)k->positions)[at];
            const int64_t row = top + position / p->w.kernel * p->h.dilation;
            place[o] = row * p->w.in + pooling_span(&p->w, ow).first + position % p->w.kernel * p->w.dilation;
        }
    }
}

/* Places in the plane H W, (N, C, outputs). */
static ct_tensor *places_from(const struct pooled *how, const ct_tensor *y, const ct_tensor *positions)
{
    const int64_t sizes[] = {y->sizes[0], y->sizes[1], how->p.h.out, how->p.w.out};
    ct_tensor *places = tensor_new("max_pool2d", CT_INT64, 4, sizes, NULL);
    if (places)
        for_image_rows(sizes[0] * sizes[1], sizes[2], sizes[3], false, place_rows, &(struct work){how, NULL, places, positions->data});
    return places;
}

VJP(max_pool_vjp)
{
    const struct pooled *how = ct_node_context(node);
    const ct_tensor *x = ct_node_input(node, 0);
    ct_tensor *places = places_from(how, cotangents[0], ct_node_input(node, 1));
    ct_tensor *zeros = (ct_zeros)((const int64_t[]){x->sizes[0], x->sizes[1], x->sizes[2] * x->sizes[3]}, 3, (ct_dtype)x->dtype);
    gradients[0] = (ct_reshape)(ct_scatter_add(zeros, 2, ct_flatten(places, 2, 3), ct_flatten(cotangents[0], 2, 3)), x->sizes, 4);
}

VJP(max_pool_fused)
{
    const struct pooled *how = ct_node_context(node);
    const ct_tensor *x = ct_node_input(node, 0);
    const struct pooling *p = &how->p;
    ct_tensor *g = image_dense(cotangents[0], how->channels_last);
    ct_tensor *dx = g ? image_new("max_pool2d", (ct_dtype)x->dtype, x->sizes, how->channels_last) : NULL;
    if (dx)
        for_image_rows(image_planes(dx, how->channels_last), p->h.in, p->w.in * p->inner, !pooling_by_rows(p), max_rows_vjp,
                       &(struct work){how, dx, g, ct_node_input(node, 1)->data});
    gradients[0] = dx;
}
const struct op op_max_pool2d = {"max_pool2d", max_pool_vjp, max_pool_fused, READS(1)};
const struct op op_max_pool1d = {"max_pool1d", max_pool_vjp, max_pool_fused, READS(1)};
const struct op op_adaptive_max_pool2d = {"adaptive_max_pool2d", max_pool_vjp, max_pool_fused, READS(1)};

static ct_tensor *largest(const struct op *op, ct_tensor *image, const struct pooled *how, ct_tensor **places)
{
    const struct pooling *p = &how->p;
    const int64_t sizes[] = {image->sizes[0], image->sizes[1], p->h.out, p->w.out};
    ct_tensor *x = image_dense(image, how->channels_last);
    ct_tensor *y = x ? image_new(op->name, (ct_dtype)x->dtype, sizes, how->channels_last) : NULL;
    ct_tensor *positions = y ? tensor_new(op->name, CT_BOOL, 1, (const int64_t[]){tensor_numel(y) * (p->wide ? 4 : 1)}, NULL) : NULL;
    if (!positions)
        return NULL;
    for_image_rows(image_planes(y, how->channels_last), p->h.out, p->w.out * p->inner * 4, false, max_rows,
                   &(struct work){how, x, y, positions->data});
    if (places && !(*places = places_from(how, y, positions)))
        return NULL;
    return RECORD(op, y, how, image, positions);
}

static ct_tensor *max_pool(const struct op *op, ct_tensor *x, int axes, int64_t kernel, const ct_max_pool_options *options)
{
    const ct_max_pool_options o = options ? *options : ct_max_pool_defaults;
    struct window w;
    int64_t counts[2];
    if (o.indices)
        *o.indices = NULL;
    ct_tensor *image = given_floating(op->name, "the operand", x) ? image_of(op->name, x, axes) : NULL;
    if (!image || !read_window(op->name, axes, kernel, o.stride, o.padding, o.dilation, &w) ||
        !window_counts(op->name, x, &w, o.ceil_mode, axes, counts))
        return NULL;
    const struct pooled how = windows_of(image, &w, counts);
    for (int i = 0; i < 2; i++)                 /* dilation may step over all of a short input */
        for (int64_t c = 0; c < counts[i] && w.dilation[i] > 1; c++) {
            const struct pooling_span s = pooling_span(i ? &how.p.w : &how.p.h, c);
            if (s.lo >= s.hi)
                return ct_fail("%s: window %lld along axis %d of %s holds padding alone", op->name, (long long)c, x->rank - 2 + i, SHAPE(x));
        }
    ct_tensor *y = largest(op, image, &how, o.indices);
    if (y && o.indices)
        *o.indices = image_like(*o.indices, x, axes);
    return image_like(y, x, axes);
}

ct_tensor *(ct_max_pool2d)(ct_tensor *x, int64_t kernel, const ct_max_pool_options *options)
{
    return max_pool(&op_max_pool2d, x, 2, kernel, options);
}

ct_tensor *(ct_max_pool1d)(ct_tensor *x, int64_t kernel, const ct_max_pool_options *options)
{
    return max_pool(&op_max_pool1d, x, 1, kernel, options);
}

ct_tensor *(ct_adaptive_max_pool2d)(ct_tensor *x, int64_t size, const ct_indices_options *options)
{
    const char *op = "adaptive_max_pool2d";
    ct_tensor **indices = options ? options->indices : NULL;
    struct pooled how;
    if (indices)
        *indices = NULL;
    ct_tensor *image = given_floating(op, "the operand", x) ? image_of(op, x, 2) : NULL;
    if (!image || !read_adaptive(op, image, size, &how))
        return NULL;
    ct_tensor *y = largest(&op_adaptive_max_pool2d, image, &how, indices);
    if (y && indices)
        *indices = image_like(*indices, x, 2);
    return image_like(y, x, 2);
}

/* ---- The mean, and its transpose: each is the VJP of the other ------------------------------------------------------------------- */
static void mean_rows(void *context, int64_t plane, int64_t from, int64_t to)
{
    const struct work *k = context;
    kernels()->pool_mean[k->x->dtype](&k->how->p, image_plane(k->y, k->how->channels_last, plane), NULL,
                                      image_plane(k->x, k->how->channels_last, plane), from, to);
}

static void mean_rows_vjp(void *context, int64_t plane, int64_t from, int64_t to)
{
    const struct work *k = context;
    kernels()->pool_mean_vjp[k->x->dtype](&k->how->p, image_plane(k->x, k->how->channels_last, plane), NULL,
                                          image_plane(k->y, k->how->channels_last, plane), from, to);
}

static ct_tensor *mean(const struct op *op, ct_tensor *image, const struct pooled *how)
{
    const struct pooling *p = &how->p;
    const bool back = how->transposed;
    const int64_t sizes[] = {image->sizes[0], image->sizes[1], back ? p->h.in : p->h.out, back ? p->w.in : p->w.out};
    ct_tensor *x = image_dense(image, how->channels_last);
    ct_tensor *y = x ? image_new(op->name, (ct_dtype)x->dtype, sizes, how->channels_last) : NULL;
    if (!y)
        return NULL;
    const int64_t planes = image_planes(y, how->channels_last);
    if (back)
        for_image_rows(planes, p->h.in, p->w.in * p->inner, !pooling_by_rows(p), mean_rows_vjp, &(struct work){.how = how, .x = y, .y = x});
    else
        for_image_rows(planes, p->h.out, p->w.out * p->inner * 4, false, mean_rows, &(struct work){.how = how, .x = x, .y = y});
    return RECORD(op, y, how, image);
}

VJP(avg_pool_vjp)
{
    struct pooled how = *(const struct pooled *)ct_node_context(node);
    how.transposed = !how.transposed;
    gradients[0] = mean(node->op, cotangents[0], &how);
}
const struct op op_avg_pool2d = {"avg_pool2d", avg_pool_vjp, NULL, 0};
const struct op op_avg_pool1d = {"avg_pool1d", avg_pool_vjp, NULL, 0};
const struct op op_adaptive_avg_pool2d = {"adaptive_avg_pool2d", avg_pool_vjp, NULL, 0};

static ct_tensor *avg_pool(const struct op *op, ct_tensor *x, int axes, int64_t kernel, const ct_avg_pool_options *options)
{
    const ct_avg_pool_options o = options ? *options : (ct_avg_pool_options){0};
    struct window w;
    int64_t counts[2];
    ct_tensor *image = given_floating(op->name, "the operand", x) ? image_of(op->name, x, axes) : NULL;
    if (!image || !read_window(op->name, axes, kernel, o.stride, o.padding, 1, &w) || !window_counts(op->name, x, &w, o.ceil_mode, axes, counts))
        return NULL;
    struct pooled how = windows_of(image, &w, counts);
    how.p.divisor = o.divisor, how.p.real_only = o.count_exclude_pad;
    return image_like(mean(op, image, &how), x, axes);
}

ct_tensor *(ct_avg_pool2d)(ct_tensor *x, int64_t kernel, const ct_avg_pool_options *options)
{
    return avg_pool(&op_avg_pool2d, x, 2, kernel, options);
}

ct_tensor *(ct_avg_pool1d)(ct_tensor *x, int64_t kernel, const ct_avg_pool_options *options)
{
    return avg_pool(&op_avg_pool1d, x, 1, kernel, options);
}

ct_tensor *ct_adaptive_avg_pool2d(ct_tensor *x, int64_t size)
{
    const char *op = "adaptive_avg_pool2d";
    struct pooled how;
    ct_tensor *image = given_floating(op, "the operand", x) ? image_of(op, x, 2) : NULL;
    return image && read_adaptive(op, image, size, &how) ? image_like(mean(&op_adaptive_avg_pool2d, image, &how), x, 2) : NULL;
}
