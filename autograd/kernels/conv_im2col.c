/* conv_im2col.c - strips of patches times the weights: any shape, float32 and float64; what the other paths are tested against.
 *
 * A patch is what one output pixel sees of x, in the weights' order (kh, kw, c_in / groups). Only as many patches as fit a strip
 * are laid out at a time, by each thread for itself. */
#include "conv_parts.h"

#include "gemm.h"
#include "kernels.h"
#include "pool.h"
#include "scratch.h"

#include <stdatomic.h>
#include <string.h>

enum { STRIP_BYTES = 1 << 20, LEAST_PIXELS = 12, PARTIAL_SUMS = 8, PARTIAL_BYTES = 4 << 20 };

struct im2col {
    const struct conv *c;
    int dtype;
    size_t element, depth, in, out;    /* bytes; values of a patch; channels of a group */
    size_t pixels, strip;              /* of y, all images; patches laid out at a time */
    size_t sums, weights;              /* partial sums of the weight gradient; values of a weight */
    char *y, *dx, *dweight, *partial;
    const char *x, *dy, *weight, *bias;
    bool relu;
    atomic_bool failed;
};

static struct im2col im2col_of(const struct conv *c, int dtype)
{
    struct im2col m = {.c = c, .dtype = dtype, .element = dtype == F64 ? 8 : 4, .in = c->c_in / c->groups,
                       .out = c->c_out / c->groups};
    m.depth = c->kh * c->kw * m.in;
    m.weights = c->c_out * m.depth;
    m.pixels = c->n * c->oh * c->ow;
    size_t fitting = STRIP_BYTES / (m.depth * m.element + 1);
    m.strip = fitting > LEAST_PIXELS ? fitting : LEAST_PIXELS;
    return m;
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

static size_t strips(size_t pixels, size_t strip)
{
    return (pixels + strip - 1) / strip;
}

static void multiply(const struct im2col *m, const struct gemm *job)
{
    if (m->dtype == F64)
        kernel_gemm_f64(job);
    else
        kernel_gemm_f32(job);
}

/* A patch is its own pixel: x is the matrix of patches as it lies. */
static bool is_pointwise(const struct conv *c)
{
    return c->kh == 1 && c->kw == 1 && c->stride[0] == 1 && c->stride[1] == 1 && !c->pad[0] && !c->pad[1] && c->oh == c->h &&
           c->ow == c->w;
}

struct tap {
    size_t place;                      /* of the tap in the patch, in values */
    ptrdiff_t source;                  /* values from the start of x to the channels of its group; -1: outside */
};

static struct tap tap_of(const struct im2col *m, size_t group, size_t pixel, size_t ky, size_t kx)
{
    const struct conv *c = m->c;
    size_t image = pixel / (c->oh * c->ow), row = pixel / c->ow % c->oh, column = pixel % c->ow;
    ptrdiff_t y = (ptrdiff_t)(row * c->stride[0] + ky * c->dilation[0]) - c->pad[0];
    ptrdiff_t x = (ptrdiff_t)(column * c->stride[1] + kx * c->dilation[1]) - c->pad[1];
    struct tap tap = {(ky * c->kw + kx) * m->in, -1};
    if (y >= 0 && (size_t)y < c->h && x >= 0 && (size_t)x < c->w)
        tap.source = (ptrdiff_t)(((image * c->h + (size_t)y) * c->w + (size_t)x) * c->c_in + group * m->in);
    return tap;
}

static void gather(const struct im2col *m, char *strip, size_t group, size_t first, size_t count)
{
    const struct conv *c = m->c;
    size_t bytes = m->in * m->element;
    for (size_t p = 0; p < count; p++, strip += m->depth * m->element)
        for (size_t ky = 0; ky < c->kh; ky++)
            for (size_t kx = 0; kx < c->kw; kx++) {
                struct tap tap = tap_of(m, group, first + p, ky, kx);
                char *to = strip + tap.place * m->element;
                if (tap.source < 0)
                    memset(to, 0, bytes);
                else
                    memcpy(to, m->x + (size_t)tap.source * m->element, bytes);
            }
}

static void scatter_add(const struct im2col *m, const char *strip, size_t group, size_t first, size_t count)
{
    const struct conv *c = m->c;
    for (size_t p = 0; p < count; p++, strip += m->depth * m->element)
        for (size_t ky = 0; ky < c->kh; ky++)
            for (size_t kx = 0; kx < c->kw; kx++) {
                struct tap tap = tap_of(m, group, first + p, ky, kx);
                if (tap.source < 0)
                    continue;
                const char *from = strip + tap.place * m->element;
                char *to = m->dx + (size_t)tap.source * m->element;
                for (size_t i = 0; i < m->in; i++)
                    if (m->dtype == F64)
                        ((double *)to)[i] += ((const double *)from)[i];
                    else
                        ((float *)to)[i] += ((const float *)from)[i];
            }
}

/* The patches of a strip: where they lie already, or laid out in scratch; NULL without memory. */
static const char *patches(struct im2col *m, size_t group, size_t first, size_t count, ptrdiff_t *row)
{
    if (is_pointwise(m->c)) {
        *row = (ptrdiff_t)m->c->c_in;
        return m->x + (first * m->c->c_in + group * m->in) * m->element;
    }
    char *strip = scratch_get(SCRATCH_CONV, m->strip * m->depth * m->element);
    if (!strip) {
        atomic_store(&m->failed, true);
        return NULL;
    }
    *row = (ptrdiff_t)m->depth;
    gather(m, strip, group, first, count);
    return strip;
}

static void forward_strip(size_t part, void *context)
{
    struct im2col *m = context;
    const struct conv *c = m->c;
    size_t first = part * m->strip, count = least(m->strip, m->pixels - first);
    for (size_t group = 0; group < c->groups; group++) {
        ptrdiff_t row;
        const char *strip = patches(m, group, first, count, &row);
        if (!strip)
            return;
        multiply(m, &(struct gemm){.m = count, .n = m->out, .k = m->depth, .a = strip, .a_row = row, .a_column = 1,
                                   .b = m->weight + group * m->out * m->depth * m->element, .b_row = 1, .b_column = (ptrdiff_t)m->depth,
                                   .c = m->y + (first * c->c_out + group * m->out) * m->element, .c_row = (ptrdiff_t)c->c_out, .c_column = 1,
                                   .bias = m->bias ? m->bias + group * m->out * m->element : NULL,
                                   .activation = m->relu ? GEMM_RELU : GEMM_IDENTITY});
    }
}

/* One group of one image: nobody else adds to these elements of dx. */
static void input_gradient_part(size_t part, void *context)
{
    struct im2col *m = context;
    const struct conv *c = m->c;
    size_t image = part / c->groups, group = part % c->groups, end = (image + 1) * c->oh * c->ow;
    char *strip = scratch_get(SCRATCH_CONV, m->strip * m->depth * m->element);
    if (!strip) {
        atomic_store(&m->failed, true);
        return;
    }
    for (size_t p = 0; p < c->h * c->w; p++)
        memset(m->dx + ((image * c->h * c->w + p) * c->c_in + group * m->in) * m->element, 0, m->in * m->element);
    for (size_t first = image * c->oh * c->ow; first < end; first += m->strip) {
        size_t count = least(m->strip, end - first);
        multiply(m, &(struct gemm){.m = count, .n = m->depth, .k = m->out,
                                   .a = m->dy + (first * c->c_out + group * m->out) * m->element, .a_row = (ptrdiff_t)c->c_out, .a_column = 1,
                                   .b = m->weight + group * m->out * m->depth * m->element, .b_row = (ptrdiff_t)m->depth, .b_column = 1,
                                   .c = strip, .c_row = (ptrdiff_t)m->depth, .c_column = 1});
        scatter_add(m, strip, group, first, count);
    }
}

static void weight_gradient_part(size_t part, void *context)
{
    struct im2col *m = context;
    const struct conv *c = m->c;
    char *sum = part ? m->partial + (part - 1) * m->weights * m->element : m->dweight;
    size_t begin = m->pixels * part / m->sums, end = m->pixels * (part + 1) / m->sums;
    memset(sum, 0, m->weights * m->element);
    for (size_t first = begin; first < end; first += m->strip)
        for (size_t group = 0; group < c->groups; group++) {
            size_t count = least(m->strip, end - first);
            ptrdiff_t row;
            const char *strip = patches(m, group, first, count, &row);
            if (!strip)
                return;
            multiply(m, &(struct gemm){.m = m->out, .n = m->depth, .k = count,
                                       .a = m->dy + (first * c->c_out + group * m->out) * m->element, .a_row = 1, .a_column = (ptrdiff_t)c->c_out,
                                       .b = strip, .b_row = row, .b_column = 1,
                                       .c = sum + group * m->out * m->depth * m->element, .c_row = (ptrdiff_t)m->depth, .c_column = 1,
                                       .accumulate = true});
        }
}

bool conv_im2col_forward(const struct conv *c, int dtype, void *y, const void *x, const void *weight, const void *bias, bool relu)
{
    struct im2col m = im2col_of(c, dtype);
    m.y = y, m.x = x, m.weight = weight, m.bias = bias, m.relu = relu;
    if (!m.pixels)
        return true;
    if (is_pointwise(c))
        m.strip = m.pixels;
    if (m.strip >= m.pixels)
        forward_strip(0, &m);          /* the product is free to use all threads */
    else
        pool_run(strips(m.pixels, m.strip), forward_strip, &m);
    return !m.failed;
}

bool conv_im2col_input_gradient(const struct conv *c, int dtype, void *dx, const void *dy, const void *weight)
{
    struct im2col m = im2col_of(c, dtype);
    m.dx = dx, m.dy = dy, m.weight = weight;
    m.strip = least(m.strip, c->oh * c->ow + 1);
    if (is_pointwise(c)) {
        for (size_t group = 0; group < c->groups; group++)
            multiply(&m, &(struct gemm){.m = m.pixels, .n = m.in, .k = m.out,
                                        .a = m.dy + group * m.out * m.element, .a_row = (ptrdiff_t)c->c_out, .a_column = 1,
                                        .b = m.weight + group * m.out * m.depth * m.element, .b_row = (ptrdiff_t)m.depth, .b_column = 1,
                                        .c = m.dx + group * m.in * m.element, .c_row = (ptrdiff_t)c->c_in, .c_column = 1});
        return true;
    }
    pool_run(c->n * c->groups, input_gradient_part, &m);
    return !m.failed;
}

bool conv_im2col_weight_gradient(const struct conv *c, int dtype, void *dweight, const void *dy, const void *x)
{
    struct im2col m = im2col_of(c, dtype);
    m.dweight = dweight, m.dy = dy, m.x = x;
    size_t bytes = m.weights * m.element, fitting = PARTIAL_BYTES / (bytes + 1) + 1;
    m.sums = least(least(PARTIAL_SUMS, fitting), m.pixels / LEAST_PIXELS + 1);
    m.strip = least(m.strip, strips(m.pixels, m.sums) + 1);
    if (m.sums == 1) {
        weight_gradient_part(0, &m);
        return !m.failed;
    }
    m.partial = scratch_get(SCRATCH_SHARED, (m.sums - 1) * bytes);
    if (!m.partial)
        return false;
    pool_run(m.sums, weight_gradient_part, &m);
    for (size_t part = 1; part < m.sums; part++)
        for (size_t i = 0; i < m.weights; i++)
            if (dtype == F64)
                ((double *)dweight)[i] += ((double *)m.partial)[(part - 1) * m.weights + i];
            else
                ((float *)dweight)[i] += ((float *)m.partial)[(part - 1) * m.weights + i];
    return !m.failed;
}
