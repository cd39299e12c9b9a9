/* conv_patches.c - float32 convolution by patches of a few pixels laid out in the nearest cache, times the register tile of the
 * matrix product: the weight gradient of any shape, and the forward computation where there are so few channels that the table of
 * conv_direct.c would be longer than its work. Compiled per ISA.
 *
 * A patch is the `depth` values of x that one output pixel sees, in the weights' order. dweight = dy' patches takes a panel of the
 * patches' columns at a time; y = patches weight' takes whole patches. */
#include "conv_parts.h"
#include "gemm_parts.h"
#include "isa.h"
#include "pool.h"
#include "scratch.h"

#include <stdatomic.h>
#include <string.h>

enum {
    PANEL = 2 * F32_LANES,
    PIXELS = 256,                              /* summed over at a time */
    MOST_SUMS = 8, SUM_BYTES = 4 << 20, LEAST_PARTS = 32,
    STRIP_VALUES = 8192
};

struct job {
    const struct conv *c;
    size_t in, out, depth, pixels;             /* channels of a group; values of a patch; pixels of y, all images */
    size_t run;                                /* values of a patch that lie side by side in x */
    const float *x, *dy, *bias;
    float *y, *dweight;
    float *shared;                             /* partial sums, or the weights as (depth, c_out) */
    size_t sums, cuts, panels, lead, strip;
    bool relu;
    atomic_bool failed;
};

static struct job job_of(const struct conv *c)
{
    struct job j = {.c = c, .in = c->c_in / c->groups, .out = c->c_out / c->groups, .pixels = c->n * c->oh * c->ow};
    j.depth = c->kh * c->kw * j.in;
    j.run = c->groups == 1 && c->dilation[1] == 1 ? c->kw * j.in : j.in;
    return j;
}

static size_t minimum(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* to[i] = row[at + i], zero where that is outside [0, end). */
static void copy_clipped(float *to, const float *row, ptrdiff_t at, size_t count, ptrdiff_t end)
{
    for (size_t i = 0; i < count; i++, at++)
        to[i] = at >= 0 && at < end ? row[at] : 0;
}

ISA_INLINE void copy(float *to, const float *from, size_t count)
{
    for (; count > F32_LANES; count -= F32_LANES, to += F32_LANES, from += F32_LANES)
        f32v_store(to, f32v_load(from));
    f32v_store_first(to, f32v_load_first(from, (int)count), (int)count);
}

/* Values [column, column + columns) of a group's patches, for `count` pixels; `lead` between patches. */
static void lay_out(const struct job *j, size_t group, size_t first, size_t count, size_t column, size_t columns, float *to, size_t lead)
{
    const struct conv *c = j->c;
    ptrdiff_t end = (ptrdiff_t)(c->w * c->c_in), step = (ptrdiff_t)(c->stride[1] * c->c_in);
    for (size_t width; columns; column += width, columns -= width, to += width) {
        size_t tap = column / j->run * (j->run / j->in), skip = column % j->run;
        width = minimum(columns, j->run - skip);
        size_t image = first / (c->oh * c->ow), i = first / c->ow % c->oh, k = first % c->ow;
        float *patch = to;
        for (size_t left = count, points; left; left -= points) {
            points = minimum(left, c->ow - k);
            ptrdiff_t row = (ptrdiff_t)(i * c->stride[0] + tap / c->kw * c->dilation[0]) - c->pad[0];
            ptrdiff_t at = ((ptrdiff_t)(k * c->stride[1] + tap % c->kw * c->dilation[1]) - c->pad[1]) * (ptrdiff_t)c->c_in;
            at += (ptrdiff_t)(group * j->in + skip);
            bool inside = (size_t)row < c->h;
            const float *from = j->x + (image * c->h + (inside ? (size_t)row : 0)) * c->w * c->c_in;
            for (size_t p = 0; p < points; p++, patch += lead, at += step)
                if (inside && at >= 0 && at + (ptrdiff_t)width <= end)
                    copy(patch, from + at, width);
                else
                    copy_clipped(patch, from, at, width, inside ? end : 0);
            k = 0;
            if (++i == c->oh)
                i = 0, image++;
        }
    }
}

/* One channel at unit stride: a value of the patches of neighbours is a stretch of x. So each lies in a row of its own. */
static bool is_in_rows(const struct conv *c)
{
    return c->c_in == 1 && c->groups == 1 && c->stride[1] == 1;
}

static void lay_out_rows(const struct job *j, size_t first, size_t count, float *to, size_t lead)
{
    const struct conv *c = j->c;
    for (size_t tap = 0; tap < j->depth; tap++, to += lead) {
        size_t image = first / (c->oh * c->ow), i = first / c->ow % c->oh, k = first % c->ow;
        for (size_t at = 0, points; at < count; at += points) {
            points = minimum(count - at, c->ow - k);
            ptrdiff_t row = (ptrdiff_t)(i * c->stride[0] + tap / c->kw * c->dilation[0]) - c->pad[0];
            ptrdiff_t begin = (ptrdiff_t)(k + tap % c->kw * c->dilation[1]) - c->pad[1], width = (ptrdiff_t)c->w;
            if ((size_t)row < c->h) {
                const float *from = j->x + (image * c->h + (size_t)row) * c->w;
                size_t before = begin >= 0 ? 0 : minimum((size_t)-begin, points);
                size_t after = begin + (ptrdiff_t)points <= width ? 0 : minimum((size_t)(begin + (ptrdiff_t)points - width), points);
                for (size_t p = 0; p < before; p++)
                    to[at + p] = 0;
                if (before + after < points)
                    copy(to + at + before, from + (begin + (ptrdiff_t)before), points - before - after);
                for (size_t p = points - after; p < points; p++)
                    to[at + p] = 0;
            } else {
                memset(to + at, 0, points * sizeof *to);
            }
            k = 0;
            if (++i == c->oh)
                i = 0, image++;
        }
    }
}

static float *scratch(struct job *j, size_t values)
{
    float *memory = scratch_get(SCRATCH_CONV, values * sizeof(float));
    if (!memory)
        atomic_store(&j->failed, true);
    return memory;
}

static void multiply(struct job *j, const struct gemm *product)
{
    if (!ISA_NAME(gemm_tile)(product, (struct gemm_block){0, product->m, 0, product->n}))
        atomic_store(&j->failed, true);
}

/* ---- The weight gradient: parts are ranges of pixels (each with a sum of its own) by ranges of the patches' columns, by groups ---- */

static void sum_part(size_t part, void *context)
{
    struct job *j = context;
    size_t cut = part % j->cuts, sum = part / j->cuts % j->sums, group = part / j->cuts / j->sums, weights = j->c->c_out * j->depth;
    float *to = (sum ? j->shared + (sum - 1) * weights : j->dweight) + group * j->out * j->depth;
    float *patches = scratch(j, PIXELS * PANEL);
    size_t begin = j->pixels * sum / j->sums, end = j->pixels * (sum + 1) / j->sums;
    for (size_t first = begin; patches && first < end; first += PIXELS) {
        size_t count = minimum(PIXELS, end - first);
        for (size_t panel = j->panels * cut / j->cuts; panel < j->panels * (cut + 1) / j->cuts; panel++) {
            size_t column = panel * PANEL, columns = minimum(PANEL, j->depth - column);
            lay_out(j, group, first, count, column, columns, patches, PANEL);
            multiply(j, &(struct gemm){.m = j->out, .n = columns, .k = count,
                                       .a = j->dy + first * j->c->c_out + group * j->out, .a_row = 1, .a_column = (ptrdiff_t)j->c->c_out,
                                       .b = patches, .b_row = PANEL, .b_column = 1,
                                       .c = to + column, .c_row = (ptrdiff_t)j->depth, .c_column = 1, .accumulate = first > begin});
        }
    }
}

/* The same for one channel, with the roles of the operands turned: sum' = patches dy. */
static void sum_rows_part(size_t sum, void *context)
{
    struct job *j = context;
    size_t channels = j->c->c_out, begin = j->pixels * sum / j->sums, end = j->pixels * (sum + 1) / j->sums;
    float *turned = scratch(j, (PIXELS + channels) * j->depth), *patches = turned + channels * j->depth;
    for (size_t first = begin; turned && first < end; first += PIXELS) {
        size_t count = minimum(PIXELS, end - first);
        lay_out_rows(j, first, count, patches, PIXELS);
        multiply(j, &(struct gemm){.m = j->depth, .n = channels, .k = count, .a = patches, .a_row = PIXELS, .a_column = 1,
                                   .b = j->dy + first * channels, .b_row = (ptrdiff_t)channels, .b_column = 1,
                                   .c = turned, .c_row = (ptrdiff_t)channels, .c_column = 1, .accumulate = first > begin});
    }
    if (turned)
        ISA_NAME(gemm_pack)(sum ? j->shared + (sum - 1) * channels * j->depth : j->dweight, j->depth, turned, 1, (ptrdiff_t)channels,
                            j->depth, channels);
}

/* Adds the partial sums of one range of the weights, in their order. */
static void add_part(size_t part, void *context)
{
    const struct job *j = context;
    size_t weights = j->c->c_out * j->depth, begin = weights * part / LEAST_PARTS, end = weights * (part + 1) / LEAST_PARTS;
    for (size_t sum = 1; sum < j->sums; sum++) {
        const float *from = j->shared + (sum - 1) * weights;
        for (size_t i = begin; i < end; i++)
            j->dweight[i] += from[i];
    }
}

bool ISA_NAME(conv_patches_weight_gradient)(const struct conv *c, float *dweight, const float *dy, const float *x)
{
    struct job j = job_of(c);
    j.dweight = dweight, j.dy = dy, j.x = x;
    size_t weights = c->c_out * j.depth;
    if (!weights)
        return true;
    if (!j.pixels) {
        memset(dweight, 0, weights * sizeof *dweight);
        return true;
    }
    j.panels = (j.depth + PANEL - 1) / PANEL;
    j.sums = minimum(minimum(MOST_SUMS, SUM_BYTES / sizeof(float) / weights + 1), (j.pixels + PIXELS - 1) / PIXELS);
    j.cuts = minimum(j.panels, (LEAST_PARTS + j.sums - 1) / j.sums);
    if (j.sums > 1) {
        j.shared = scratch_get(SCRATCH_SHARED, (j.sums - 1) * weights * sizeof(float));
        if (!j.shared)
            return false;
    }
    if (is_in_rows(c))
        pool_run(j.sums, sum_rows_part, &j);
    else
        pool_run(j.sums * j.cuts * c->groups, sum_part, &j);
    if (j.sums > 1)
        pool_run(LEAST_PARTS, add_part, &j);
    return !j.failed;
}

/* ---- Forward ---------------------------------------------------------------------------------------------------------------- */

static void forward_part(size_t part, void *context)
{
    struct job *j = context;
    size_t strips = (j->pixels + j->strip - 1) / j->strip, group = part / strips, first = part % strips * j->strip;
    size_t count = minimum(j->strip, j->pixels - first);
    float *patches = scratch(j, j->strip * j->depth);
    if (!patches)
        return;
    bool in_rows = is_in_rows(j->c);
    if (in_rows)
        lay_out_rows(j, first, count, patches, j->strip);
    else
        lay_out(j, group, first, count, 0, j->depth, patches, j->depth);
    multiply(j, &(struct gemm){.m = count, .n = j->out, .k = j->depth, .a = patches,
                               .a_row = in_rows ? 1 : (ptrdiff_t)j->depth, .a_column = in_rows ? (ptrdiff_t)j->strip : 1,
                               .b = j->shared + group * j->lead * j->depth, .b_row = (ptrdiff_t)j->lead, .b_column = 1,
                               .c = j->y + first * j->c->c_out + group * j->out, .c_row = (ptrdiff_t)j->c->c_out, .c_column = 1,
                               .bias = j->bias ? j->bias + group * j->out : NULL, .activation = j->relu ? GEMM_RELU : GEMM_IDENTITY});
}

bool ISA_NAME(conv_patches_forward)(const struct conv *c, float *y, const float *x, const float *weight, const float *bias, bool relu)
{
    struct job j = job_of(c);
    j.y = y, j.x = x, j.bias = bias, j.relu = relu;
    j.lead = (j.out + F32_LANES - 1) / F32_LANES * F32_LANES;
    if (!j.pixels || !j.out)
        return true;
    j.shared = scratch_get(SCRATCH_SHARED, (c->groups * j.lead * j.depth + 1) * sizeof(float));
    if (!j.shared)
        return false;
    for (size_t group = 0; group < c->groups; group++)
        ISA_NAME(gemm_pack)(j.shared + group * j.lead * j.depth, j.lead, weight + group * j.out * j.depth, 1, (ptrdiff_t)j.depth, j.out,
                            j.depth);
    j.strip = STRIP_VALUES / (j.depth + 1) / 12 * 12 + 12;
    pool_run((j.pixels + j.strip - 1) / j.strip * c->groups, forward_part, &j);
    return !j.failed;
}
