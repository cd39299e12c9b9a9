/* Images in other sizes: interpolated, or with channels for pixels. */
#include <math.h>

#include "../kernels/pooling.h"
#include "window.h"

#define VJP(name)                                                                                                        \
    static void name(ct_node *node, ct_tensor *const *cotangents, ct_tensor **gradients)

/* ---- interpolate: a linear map along each axis; it and its transpose are each other's VJP --------------------------------------- */
struct resized {
    int64_t in[2], out[2];
    bool nearest, align_corners, channels_last, transposed;
};

struct work {
    struct resize r;
    const ct_tensor *x, *y;                     /* y: the larger or smaller picture, whichever is given */
    bool channels_last;
};

static void draw_rows(void *context, int64_t plane, int64_t from, int64_t to)
{
    const struct work *k = context;
    kernels()->resize[k->x->dtype](&k->r, image_plane(k->y, k->channels_last, plane), image_plane(k->x, k->channels_last, plane), from, to);
}

static void draw_rows_vjp(void *context, int64_t plane, int64_t from, int64_t to)
{
    const struct work *k = context;
    kernels()->resize_vjp[k->x->dtype](&k->r, image_plane(k->x, k->channels_last, plane), image_plane(k->y, k->channels_last, plane), from, to);
}

/* Where output o lies among the inputs: PyTorch's rule, which for nearest counts in float32. */
static void taps(const struct resized *how, int i, int32_t *low, int32_t *high, double *weight)
{
    const int64_t in = how->in[i], out = how->out[i];
    const double scale = !how->align_corners ? (double)in / (double)out : out > 1 ? (double)(in - 1) / (double)(out - 1) : 0;
    const float coarse = (float)in / (float)out;
    for (int64_t o = 0; o < out; o++) {
        if (how->nearest) {
            const int64_t at = in == out ? o : out == 2 * in ? o / 2 : (int64_t)floorf((float)o * coarse);
            low[o] = (int32_t)(at < in ? at : in - 1);
            continue;
        }
        double at = how->align_corners ? scale * (double)o : scale * ((double)o + 0.5) - 0.5;
        at = at > 0 ? at : 0;
        low[o] = (int32_t)(at < (double)in ? at : (double)(in - 1));
        high[o] = low[o] + (low[o] < in - 1);
        weight[o] = at - low[o] < 1 ? at - low[o] : 1;
    }
}

const struct op op_interpolate;
static ct_tensor *resized(ct_tensor *image, const struct resized *how)
{
    const int64_t *to = how->transposed ? how->in : how->out, sizes[] = {image->sizes[0], image->sizes[1], to[0], to[1]};
    const size_t both = (size_t)(how->out[0] + how->out[1]), bytes = both * (sizeof(double) + 2 * sizeof(int32_t));
    ct_tensor *x = image_dense(image, how->channels_last);
    ct_tensor *y = x ? image_new("interpolate", (ct_dtype)x->dtype, sizes, how->channels_last) : NULL;
    double *weight = y ? memory_get(bytes) : NULL;
    if (!weight)
        return y ? ct_fail("interpolate: out of memory") : NULL;
    int32_t *low = (int32_t *)(weight + both), *high = low + both;
    struct work k = {.x = how->transposed ? y : x, .y = how->transposed ? x : y, .channels_last = how->channels_last,
                     .r.inner = how->channels_last ? sizes[1] : 1};
    struct resize_axis *axes[] = {&k.r.h, &k.r.w};
    for (int i = 0; i < 2; i++) {
        const int64_t skip = i * how->out[0];
        taps(how, i, low + skip, high + skip, weight + skip);
        *axes[i] = (struct resize_axis){how->in[i], how->out[i], low + skip, high + skip, how->nearest ? NULL : weight + skip};
    }
    for_image_rows(image_planes(y, how->channels_last), to[0], to[1] * k.r.inner * 4, false, how->transposed ? draw_rows_vjp : draw_rows, &k);
    memory_put(weight, bytes);
    return RECORD(&op_interpolate, y, how, image);
}

VJP(interpolate_vjp)
{
    struct resized how = *(const struct resized *)ct_node_context(node);
    how.transposed = !how.transposed;
    gradients[0] = resized(cotangents[0], &how);
}
const struct op op_interpolate = {"interpolate", interpolate_vjp, NULL, 0};

ct_tensor *(ct_interpolate)(ct_tensor *x, int64_t size, const ct_interpolate_options *options)
{
    const ct_interpolate_options o = options ? *options : (ct_interpolate_options){0};
    ct_tensor *image = given_floating("interpolate", "the operand", x) ? image_of("interpolate", x, 2) : NULL;
    struct resized how = {.nearest = o.mode == CT_NEAREST, .align_corners = o.align_corners};
    if (!image || !window_pair("interpolate", "size", size, 1, 2, how.out))
        return NULL;
    if ((unsigned)o.mode > CT_BILINEAR || (o.align_corners && o.mode != CT_BILINEAR))
        return (unsigned)o.mode > CT_BILINEAR ? ct_fail("interpolate: %d is no mode", (int)o.mode)
                                              : ct_fail("interpolate: align_corners is for CT_BILINEAR alone");
    memcpy(how.in, image->sizes + 2, sizeof how.in);
    if (how.in[0] > INT32_MAX || how.in[1] > INT32_MAX)
        return ct_fail("interpolate: %s, want axes below 2^31", SHAPE(x));
    how.channels_last = image_is_channels_last(image);
    return image_like(resized(image, &how), x, 2);
}

/* ---- pixel_shuffle: channel c r^2 + i r + j of pixel (h, w) is channel c of pixel (h r + i, w r + j) ------------------------------ */
ct_tensor *ct_pixel_shuffle(ct_tensor *x, int64_t factor)
{
    int64_t r[2];
    ct_tensor *image = given("pixel_shuffle", "the operand", x) ? image_of("pixel_shuffle", x, 2) : NULL;
    if (!image || !window_pair("pixel_shuffle", "factor", factor, 1, 1, r))
        return NULL;
    const int64_t n = image->sizes[0], square = factor * factor, c = image->sizes[1] / square, h = image->sizes[2], w = image->sizes[3];
    if (image->sizes[1] % square)
        return ct_fail("pixel_shuffle: the channels of %s are no multiple of %lld, the square of the factor", SHAPE(x), (long long)square);
    ct_tensor *parts = ct_reshape(image, n, c, factor, factor, h, w);
    ct_tensor *y = image_is_channels_last(image) ? ct_permute(ct_reshape(ct_permute(parts, 0, 4, 2, 5, 3, 1), n, h * factor, w * factor, c), 0, 3, 1, 2)
                                                 : ct_reshape(ct_permute(parts, 0, 1, 4, 2, 5, 3), n, c, h * factor, w * factor);
    return image_like(y, x, 2);
}

ct_tensor *ct_pixel_unshuffle(ct_tensor *x, int64_t factor)
{
    int64_t r[2];
    ct_tensor *image = given("pixel_unshuffle", "the operand", x) ? image_of("pixel_unshuffle", x, 2) : NULL;
    if (!image || !window_pair("pixel_unshuffle", "factor", factor, 1, 1, r))
        return NULL;
    const int64_t n = image->sizes[0], c = image->sizes[1], h = image->sizes[2] / factor, w = image->sizes[3] / factor;
    if (image->sizes[2] % factor || image->sizes[3] % factor)
        return ct_fail("pixel_unshuffle: height and width of %s are no multiples of %lld", SHAPE(x), (long long)factor);
    ct_tensor *parts = ct_reshape(image, n, c, h, factor, w, factor);
    ct_tensor *y = image_is_channels_last(image)
                       ? ct_permute(ct_reshape(ct_permute(parts, 0, 2, 4, 1, 3, 5), n, h, w, c * factor * factor), 0, 3, 1, 2)
                       : ct_reshape(ct_permute(parts, 0, 1, 3, 5, 2, 4), n, c * factor * factor, h, w);
    return image_like(y, x, 2);
}
