/* conv_depthwise.c - convolution of each channel by itself (groups == c_in == c_out), float32: vectors run along the channels.
 * Compiled per ISA.
 *
 * Forward and backward to x, a target pixel is a sum over the source pixels that it meets: which, is the business of each axis
 * alone and listed once. */
#include "conv_parts.h"
#include "gemm_parts.h"
#include "isa.h"
#include "pool.h"
#include "scratch.h"

#include <stdatomic.h>
#include <string.h>

enum { COLUMNS = 4, VECTORS = 4, MOST_SUMS = 16, SUM_BYTES = 1 << 20 };

/* For each target position of an axis, the kernel positions and source positions that meet there. */
struct axis {
    size_t targets, sources, kernel;
    size_t *counts;
    struct meeting { size_t kernel, source; } *meetings;     /* `kernel` places for each target */
};

struct job {
    const struct conv *c;
    struct axis axes[2];
    const float *source, *bias, *x, *dy;
    float *target, *weights, *sums;                          /* weights and sums as (kh kw, channels) */
    size_t parts;
    bool relu;
    atomic_bool failed;
};

static size_t minimum(size_t a, size_t b)
{
    return a < b ? a : b;
}

static size_t bytes_of(const struct axis *a)
{
    return a->targets * (sizeof *a->counts + a->kernel * sizeof *a->meetings);
}

/* Fills one axis; forward the targets are outputs, backward inputs. Returns the end of what it used of `memory`. */
static char *list_meetings(const struct conv *c, int axis, bool backward, struct axis *a, char *memory)
{
    a->meetings = (struct meeting *)memory;
    a->counts = (size_t *)(a->meetings + a->targets * a->kernel);
    memset(a->counts, 0, a->targets * sizeof *a->counts);
    size_t outputs = backward ? a->sources : a->targets, inputs = backward ? a->targets : a->sources;
    for (size_t o = 0; o < outputs; o++)
        for (size_t k = 0; k < a->kernel; k++) {
            size_t i = o * c->stride[axis] + k * c->dilation[axis] - (size_t)c->pad[axis];
            if (i >= inputs)                                 /* before the first one, too */
                continue;
            size_t target = backward ? i : o;
            a->meetings[target * a->kernel + a->counts[target]++] = (struct meeting){k, backward ? o : i};
        }
    return (char *)(a->counts + a->targets);
}

/* Some vectors of channels of some neighbours in the target, whose sources are x_step apart. */
ISA_INLINE void sum_taps(const int columns, const int vectors, int lanes, size_t taps, const float *const *x, size_t x_step, const float *const *w,
                         const float *bias, bool relu, float *to, size_t to_step)
{
    const bool partial = lanes < F32_LANES;
    f32v sum[COLUMNS][VECTORS];
    UNROLL
    for (int i = 0; i < columns; i++)
        UNROLL
        for (int j = 0; j < vectors; j++)
            sum[i][j] = !bias ? (f32v){0} : partial ? f32v_load_first(bias, lanes) : f32v_load(bias + j * F32_LANES);
    for (size_t t = 0; t < taps; t++) {
        const float *from = x[t];
        UNROLL
        for (int j = 0; j < vectors; j++) {
            f32v weights = partial ? f32v_load_first(w[t], lanes) : f32v_load(w[t] + j * F32_LANES);
            UNROLL
            for (int i = 0; i < columns; i++) {
                const float *at = from + (size_t)i * x_step + j * F32_LANES;
                sum[i][j] += weights * (partial ? f32v_load_first(at, lanes) : f32v_load(at));
            }
        }
    }
    UNROLL
    for (int i = 0; i < columns; i++, to += to_step)
        UNROLL
        for (int j = 0; j < vectors; j++) {
            f32v v = relu ? f32v_relu(sum[i][j]) : sum[i][j];
            if (partial)
                f32v_store_first(to, v, lanes);
            else
                f32v_store(to + j * F32_LANES, v);
        }
}

/* Whether COLUMNS targets from here on meet the same kernel positions at neighbours in the source, whose cache lines they then share. A list is
 * given by its first position and its length. */
static bool are_alike(const struct axis *a, size_t target)
{
    for (size_t i = 1; i < COLUMNS; i++)
        if (target + i >= a->targets || !a->counts[target] || a->counts[target + i] != a->counts[target] ||
            a->meetings[(target + i) * a->kernel].kernel != a->meetings[target * a->kernel].kernel ||
            a->meetings[(target + i) * a->kernel].source != a->meetings[target * a->kernel].source + i)
            return false;
    return true;
}

/* One row of one image of the target. */
static void target_row(size_t part, void *context)
{
    struct job *j = context;
    const struct axis *rows = &j->axes[0], *columns = &j->axes[1];
    size_t channels = j->c->c_in, image = part / rows->targets, row = part % rows->targets, most = rows->kernel * columns->kernel;
    const float **x = scratch_get(SCRATCH_CONV, 2 * most * sizeof *x), **w = x + most;
    if (!x) {
        atomic_store(&j->failed, true);
        return;
    }
    float *to = j->target + part * columns->targets * channels;
    for (size_t column = 0, alike; column < columns->targets; column += alike, to += alike * channels) {
        size_t taps = 0;
        alike = are_alike(columns, column) ? COLUMNS : 1;
        for (size_t p = 0; p < rows->counts[row]; p++)
            for (size_t q = 0; q < columns->counts[column]; q++, taps++) {
                struct meeting a = rows->meetings[row * rows->kernel + p], b = columns->meetings[column * columns->kernel + q];
                x[taps] = j->source + ((image * rows->sources + a.source) * columns->sources + b.source) * channels;
                w[taps] = j->weights + (a.kernel * columns->kernel + b.kernel) * channels;
            }
        for (size_t c = 0, width; c < channels; c += width) {
            const int lanes = (int)minimum(F32_LANES, channels - c);
            const float *bias = j->bias ? j->bias + c : NULL;
            width = (size_t)lanes;
            if (alike > 1) {
                sum_taps(COLUMNS, 1, lanes, taps, x, channels, w, bias, j->relu, to + c, channels);
            } else if (channels - c >= VECTORS * F32_LANES) {
                sum_taps(1, VECTORS, F32_LANES, taps, x, 0, w, bias, j->relu, to + c, 0);
                width = VECTORS * F32_LANES;
            } else {
                sum_taps(1, 1, lanes, taps, x, 0, w, bias, j->relu, to + c, 0);
            }
            for (size_t t = 0; t < taps; t++)
                x[t] += width, w[t] += width;
        }
    }
}

static bool run(struct job *j, bool backward, const float *weight)
{
    const struct conv *c = j->c;
    size_t taps = c->kh * c->kw, channels = c->c_in;
    j->axes[0] = (struct axis){backward ? c->h : c->oh, backward ? c->oh : c->h, c->kh, NULL, NULL};
    j->axes[1] = (struct axis){backward ? c->w : c->ow, backward ? c->ow : c->w, c->kw, NULL, NULL};
    char *shared = scratch_get(SCRATCH_SHARED, bytes_of(&j->axes[0]) + bytes_of(&j->axes[1]) + taps * channels * sizeof(float));
    if (!shared)
        return false;
    shared = list_meetings(c, 0, backward, &j->axes[0], shared);
    j->weights = (float *)list_meetings(c, 1, backward, &j->axes[1], shared);
    ISA_NAME(gemm_pack)(j->weights, channels, weight, 1, (ptrdiff_t)taps, channels, taps);
    pool_run(c->n * j->axes[0].targets, target_row, j);
    return !j->failed;
}

bool ISA_NAME(conv_depthwise_forward)(const struct conv *c, float *y, const float *x, const float *weight, const float *bias, bool relu)
{
    return run(&(struct job){.c = c, .target = y, .source = x, .bias = bias, .relu = relu}, false, weight);
}

bool ISA_NAME(conv_depthwise_input_gradient)(const struct conv *c, float *dx, const float *dy, const float *weight)
{
    return run(&(struct job){.c = c, .target = dx, .source = dy}, true, weight);
}

/* ---- Weight gradient: a fixed number of ranges of rows of y, each with sums of its own ------------------------------------------ */

/* sum[c] += sum over `count` pixels of a and b, which are `a_step` and `b_step` apart. */
ISA_INLINE void add_products(const int vectors, const bool partial, int lanes, float *sum, size_t count, const float *a, size_t a_step,
                             const float *b, size_t b_step)
{
    f32v v[VECTORS];
    UNROLL
    for (int j = 0; j < vectors; j++)
        v[j] = partial ? f32v_load_first(sum, lanes) : f32v_load(sum + j * F32_LANES);
    for (; count; count--, a += a_step, b += b_step)
        UNROLL
        for (int j = 0; j < vectors; j++)
            v[j] += partial ? f32v_load_first(a, lanes) * f32v_load_first(b, lanes)
                            : f32v_load(a + j * F32_LANES) * f32v_load(b + j * F32_LANES);
    UNROLL
    for (int j = 0; j < vectors; j++)
        if (partial)
            f32v_store_first(sum, v[j], lanes);
        else
            f32v_store(sum + j * F32_LANES, v[j]);
}

/* The outputs whose kernel position k lies inside along the width. */
static size_t columns_inside(const struct conv *c, size_t k, size_t *first)
{
    ptrdiff_t at = (ptrdiff_t)(k * c->dilation[1]) - c->pad[1], stride = (ptrdiff_t)c->stride[1];
    ptrdiff_t begin = at < 0 ? (-at + stride - 1) / stride : 0, end = ((ptrdiff_t)c->w - at + stride - 1) / stride;
    if (end > (ptrdiff_t)c->ow || (ptrdiff_t)c->w <= at)
        end = (ptrdiff_t)c->w <= at ? 0 : (ptrdiff_t)c->ow;
    *first = (size_t)begin;
    return end > begin ? (size_t)(end - begin) : 0;
}

static void sum_rows(size_t part, void *context)
{
    struct job *j = context;
    const struct conv *c = j->c;
    size_t channels = c->c_in, rows = c->n * c->oh;
    float *sums = j->sums + part * c->kh * c->kw * channels;
    memset(sums, 0, c->kh * c->kw * channels * sizeof *sums);
    for (size_t row = rows * part / j->parts; row < rows * (part + 1) / j->parts; row++)
        for (size_t p = 0; p < c->kh; p++) {
            size_t y = row % c->oh * c->stride[0] + p * c->dilation[0] - (size_t)c->pad[0];
            for (size_t q = 0; y < c->h && q < c->kw; q++) {
                size_t first, count = columns_inside(c, q, &first), k = 0, step = c->stride[1] * channels;
                if (!count)
                    continue;
                size_t at = first * c->stride[1] + q * c->dilation[1] - (size_t)c->pad[1];
                const float *x = j->x + ((row / c->oh * c->h + y) * c->w + at) * channels, *dy = j->dy + (row * c->ow + first) * channels;
                float *to = sums + (p * c->kw + q) * channels;
                for (; k + VECTORS * F32_LANES <= channels; k += VECTORS * F32_LANES)
                    add_products(VECTORS, false, 0, to + k, count, x + k, step, dy + k, channels);
                for (; k + F32_LANES <= channels; k += F32_LANES)
                    add_products(1, false, 0, to + k, count, x + k, step, dy + k, channels);
                if (k < channels)
                    add_products(1, true, (int)(channels - k), to + k, count, x + k, step, dy + k, channels);
            }
        }
}

bool ISA_NAME(conv_depthwise_weight_gradient)(const struct conv *c, float *dweight, const float *dy, const float *x)
{
    struct job j = {.c = c, .x = x, .dy = dy};
    size_t weights = c->kh * c->kw * c->c_in;
    j.parts = minimum(minimum(MOST_SUMS, SUM_BYTES / sizeof(float) / weights + 1), c->n * c->oh + 1);
    j.sums = scratch_get(SCRATCH_SHARED, j.parts * weights * sizeof(float));
    if (!j.sums)
        return false;
    pool_run(j.parts, sum_rows, &j);
    for (size_t part = 1; part < j.parts; part++)
        for (size_t i = 0; i < weights; i++)
            j.sums[i] += j.sums[part * weights + i];
    ISA_NAME(gemm_pack)(dweight, c->kh * c->kw, j.sums, 1, (ptrdiff_t)c->c_in, c->kh * c->kw, c->c_in);
    return true;
}
