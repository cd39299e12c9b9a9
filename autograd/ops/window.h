/* Windows that slide over images: what pooling, convolution and im2col share. Inside, an image is (N, C, H, W); the forms in 1-d
 * are images of height 1, and a sample alone is a batch of one. */
#ifndef COTANGENT_WINDOW_H
#define COTANGENT_WINDOW_H
#include "../raw.h"
#include "../kernels/channels.h"
#include "ops.h"

struct window {                                 /* along H and W */
    int64_t kernel[2], stride[2], dilation[2];
    int64_t before[2], after[2];                /* padding: above and left, below and right */
};
#define WINDOW_ONE ((struct window){.kernel = {1, 1}, .stride = {1, 1}, .dilation = {1, 1}})

/* The number of windows along x's last `axes` axes, floor((size + padding - span) / stride) + 1 with span = dilation (kernel - 1) + 1.
 * ceil_mode rounds up, but the last window begins inside the input or its left padding. False after reporting: none fits. */
bool window_counts(const char *op, const ct_tensor *x, const struct window *w, bool ceil_mode, int axes, int64_t counts[2]);

/* x, checked to be (N, C, H, W) or (C, H, W), or with one axis (N, C, L) or (C, L), as a view (N, C, H, W); NULL after reporting: another
 * rank, or nothing along an axis other than N. image_like undoes it for y, a result of the view. */
ct_tensor *image_of(const char *op, ct_tensor *x, int axes);
ct_tensor *image_like(ct_tensor *y, const ct_tensor *x, int axes);

/* How an image lies in memory: N, H, W, C or N, C, H, W, without gaps; others are copied into one of these. */
bool image_is_channels_last(const ct_tensor *x); /* the nearer of the two */
ct_tensor *image_dense(ct_tensor *x, bool channels_last); /* not recorded; x itself or a copy; NULL: no memory */
ct_tensor *image_new(const char *op, ct_dtype dtype, const int64_t sizes[4], bool channels_last);

/* Tensors (N, C, ...) of any rank as the kernels of channels.h see them: channels-last or contiguous. */
ct_tensor *image_orderly(ct_tensor *x);         /* x itself, or a contiguous copy; not recorded, as the next */
ct_tensor *image_as(ct_tensor *t, const ct_tensor *like); /* t's values in like's layout; quiet on NULL */
struct channels image_channels(const ct_tensor *x); /* of an orderly one */

/* A plane is what lies together: a sample channels-last, else a channel of a sample. */
static inline int64_t image_planes(const ct_tensor *x, bool channels_last)
{
    return channels_last ? x->sizes[0] : x->sizes[0] * x->sizes[1];
}
static inline char *image_plane(const ct_tensor *x, bool channels_last, int64_t plane) /* of a dense image */
{
    return x->data + plane * x->sizes[2] * x->sizes[3] * (channels_last ? x->sizes[1] : 1) * (int64_t)ct_dtype_size((ct_dtype)x->dtype);
}
/* body over the rows of all planes, shared among threads; a row costs about `cost` elements. whole: a plane is never cut. */
typedef void image_rows(void *context, int64_t plane, int64_t from, int64_t to);
void for_image_rows(int64_t planes, int64_t rows, int64_t cost, bool whole, image_rows *body, void *context);
#endif
