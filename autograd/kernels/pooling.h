/* Windows over one plane of an image, reduced to their largest element or their mean, and the gradients of that; and planes drawn
 * larger or smaller. A plane is the picture of one sample, all channels of a pixel side by side (inner is their number), or of
 * one channel (inner is 1). Planes have no gaps. */
#ifndef COTANGENT_KERNELS_POOLING_H
#define COTANGENT_KERNELS_POOLING_H
#include "kernels.h"

struct pooling_axis {
    int64_t in, out, kernel, stride, before, dilation; /* before: padding */
    bool adaptive;                              /* window o is floor(o in / out) to ceil((o + 1) in / out), kernel the most it may hold */
};
struct pooling {
    struct pooling_axis h, w;
    int64_t inner;
    int64_t divisor;                            /* of a mean; 0: */
    bool real_only;                             /* the elements inside the input, else those inside the padding too */
    bool wide;                                  /* a position, kernel row times kernel width plus column, takes 4 bytes, not 1 */
};

/* Side by side and gapless along the width: an element belongs to one window. */
static inline bool pooling_tiles(const struct pooling_axis *w)
{
    return !w->adaptive && w->kernel == w->stride && w->dilation == 1 && w->before == 0 && w->out * w->stride == w->in;
}
/* The backward kernels make rows of dx; where this is false, only all rows of a plane at once. */
static inline bool pooling_by_rows(const struct pooling *p)
{
    return p->inner > 1 || pooling_tiles(&p->w);
}
/* Window o: elements lo to hi of the kernel lie inside the input, the first of all at `first`, which may be outside. */
struct pooling_span { int64_t first, lo, hi; };
static inline __attribute__((always_inline)) struct pooling_span pooling_span(const struct pooling_axis *a, int64_t o)
{
    if (a->adaptive) {
        const int64_t first = o * a->in / a->out;
        return (struct pooling_span){first, 0, ((o + 1) * a->in + a->out - 1) / a->out - first};
    }
    const int64_t first = o * a->stride - a->before, d = a->dilation;
    return (struct pooling_span){first, first < 0 ? (-first + d - 1) / d : 0,
                                 first + (a->kernel - 1) * d < a->in ? a->kernel : (a->in - first + d - 1) / d};
}

/* An axis drawn anew: output o is (1 - weight) of element low and weight of element high; without weights all of low. */
struct resize_axis {
    int64_t in, out;
    const int32_t *low, *high;
    const double *weight;                       /* NULL: nearest */
};
struct resize {
    struct resize_axis h, w;
    int64_t inner;
};
#endif
