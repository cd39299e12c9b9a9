/* conv_winograd.c - 3x3 convolution of stride 1 by Winograd's F(4x4, 3x3), float32: a quarter of the multiplications. Compiled per
 * ISA.
 *
 * The products of all tiles and channels in one plane are a matrix product. Nothing transformed is shared among threads but, while
 * they are few, the weights: each transforms the tiles it works on, a block that its second-level cache holds. Planes start some
 * floats apart from a power of two, or the stores of a tile would all fall into one set of the first-level cache. */
#include "conv_parts.h"
#include "conv_winograd_tiles.h"
#include "gemm_parts.h"
#include "pool.h"
#include "scratch.h"

#include <stdatomic.h>
#include <stdint.h>
#include <string.h>

enum {
    WIDTH = 32,                                /* channels of a block of targets: the tile's, or they would take turns in the cache */
    SIDE = 64,                                 /* of both blocks of the weight gradient */
    APART = 16,
    TILES = 48, LEAST_TILES = 24,              /* of a block */
    SHARED_WEIGHTS = 128 * 128,                /* up to so many pairs of channels the transformed weights are shared */
    SLICE = 128,                               /* else so many source channels of them are transformed at a time */
    V_VALUES = 64 * 256 * PLANES,                       /* aimed at for the transformed tiles of a block then */
    SUM_PARTS = 16, SUM_TILES = 64,
    SUM_SHARE = 24                             /* partial sums take at most this part of the im2col matrix */
};

static size_t minimum(size_t a, size_t b)
{
    return a < b ? a : b;
}

static size_t whole(size_t channels)
{
    return (channels + F32_LANES - 1) / F32_LANES * F32_LANES;
}

/* Blocks of up to `most` channels, as even as whole vectors allow. */
static size_t blocks_of(size_t channels, size_t most)
{
    return (whole(channels) + most - 1) / most;
}

static size_t block_start(size_t channels, size_t block, size_t blocks)
{
    return minimum(whole(channels) / F32_LANES * block / blocks * F32_LANES, channels);
}

static void multiply(atomic_bool *failed, const struct gemm *product)
{
    if (!ISA_NAME(gemm_tile)(product, (struct gemm_block){0, product->m, 0, product->n}))
        atomic_store(failed, true);
}

/* ---- Forward and input gradient: a source is convolved to a target ----------------------------------------------------------- */

struct convolution {
    struct tiling from, to;
    size_t tiles, chunk, blocks;
    const float *source, *weight, *bias;
    float *target, *shared;                    /* the transformed weights of all blocks, or NULL */
    bool turned, relu;                         /* turned: the kernel upside down, its first axis the source's channels */
    uint_fast64_t call;
    atomic_bool failed;
};

/* What this thread's scratch holds transformed: blocks of targets one after the other find their tiles already there. */
static _Thread_local struct {
    uint_fast64_t call;
    size_t chunk;
} held;
static atomic_uint_fast64_t calls;

/* u[f * plane + (k - first) * width + n] for source channels [first, first + count) and the targets of a block. */
static void transform_weights(const struct convolution *v, size_t block, size_t first, size_t count, float *u, size_t plane)
{
    size_t sources = v->from.channels, targets = v->to.channels, start = block_start(targets, block, v->blocks);
    size_t end = block_start(targets, block + 1, v->blocks), width = whole(end - start), taps = KERNEL * KERNEL;
    _Alignas(64) float g[KERNEL * KERNEL][F32_LANES * F32_LANES];
    for (size_t k = first; k < first + count; k += F32_LANES)
        for (size_t n = start; n < end; n += F32_LANES) {
            size_t depth = minimum(F32_LANES, first + count - k), columns = minimum(F32_LANES, end - n);
            for (size_t t = 0; t < taps; t++)
                if (v->turned)
                    ISA_NAME(gemm_pack)(g[taps - 1 - t], F32_LANES, v->weight + (k * taps + t) * targets + n, (ptrdiff_t)(taps * targets), 1,
                                        columns, depth);
                else
                    ISA_NAME(gemm_pack)(g[t], F32_LANES, v->weight + (n * taps + t) * sources + k, 1, (ptrdiff_t)(taps * sources), columns,
                                        depth);
            for (size_t r = 0; r < depth; r++) {
                float *to = u + (k - first + r) * width + (n - start);
                TRANSFORM(line_g, KERNEL, IN, f32v_load(g[i * KERNEL + j] + r * F32_LANES),
                          f32v_store(to + (size_t)(i * IN + j) * plane, v));
            }
        }
}

static size_t weight_plane(const struct convolution *v, size_t depth)
{
    return depth * minimum(WIDTH, whole(v->to.channels)) + APART;
}

static void share_weights(size_t part, void *context)
{
    const struct convolution *v = context;
    size_t plane = weight_plane(v, v->from.channels);
    transform_weights(v, part, 0, v->from.channels, v->shared + part * PLANES * plane, plane);
}

/* r[f] (+)= v[f] u[f] for source channels [first, first + count). */
static void multiply_planes(struct convolution *v, size_t tiles, size_t first, size_t count, size_t width, const float *x, size_t x_plane,
                            const float *u, size_t u_plane, float *r, size_t r_plane)
{
    size_t lead = whole(v->from.channels);
    for (size_t f = 0; f < PLANES; f++)
        multiply(&v->failed, &(struct gemm){.m = tiles, .n = width, .k = count,
                                            .a = x + f * x_plane + first, .a_row = (ptrdiff_t)lead, .a_column = 1,
                                            .b = u + f * u_plane, .b_row = (ptrdiff_t)width, .b_column = 1,
                                            .c = r + f * r_plane, .c_row = (ptrdiff_t)width, .c_column = 1, .accumulate = first > 0});
}

/* A chunk of tiles by all blocks of targets where the weights are shared, by one block else. */
static void convolve_part(size_t part, void *context)
{
    struct convolution *v = context;
    size_t sources = v->from.channels, lead = whole(sources), block = v->shared ? 0 : part % v->blocks;
    size_t end = v->shared ? v->blocks : block + 1, chunk = v->shared ? part : part / v->blocks;
    size_t first = chunk * v->chunk, tiles = minimum(v->chunk, v->tiles - first);
    size_t x_plane = v->chunk * lead + APART, r_plane = v->chunk * WIDTH + APART, slice = v->shared ? sources : minimum(SLICE, sources);
    size_t u_plane = weight_plane(v, slice), own = v->shared ? 0 : u_plane;
    float *x = scratch_get(SCRATCH_CONV, PLANES * (x_plane + r_plane + own) * sizeof *x), *r = x + PLANES * x_plane, *u = r + PLANES * r_plane;
    if (!x) {
        atomic_store(&v->failed, true);
        return;
    }
    if (v->shared || held.call != v->call || held.chunk != chunk)
        for (size_t t = 0; t < tiles; t++)
            input_tile(&v->from, v->source, first + t, 0, sources, x + t * lead, x_plane);
    held.call = v->call, held.chunk = chunk;
    for (; block < end; block++) {
        size_t targets = v->to.channels, start = block_start(targets, block, v->blocks);
        size_t count = block_start(targets, block + 1, v->blocks) - start, width = whole(count);
        for (size_t k = 0; k < sources; k += slice) {
            size_t depth = minimum(slice, sources - k);
            if (!v->shared)
                transform_weights(v, block, k, depth, u, u_plane);
            multiply_planes(v, tiles, k, depth, width, x, x_plane, v->shared ? v->shared + block * PLANES * u_plane : u, u_plane, r, r_plane);
        }
        for (size_t t = 0; t < tiles; t++)
            output_tile(&v->to, v->target, first + t, start, count, r + t * width, r_plane, v->bias, v->relu);
    }
}

static bool convolve(struct convolution *v)
{
    size_t sources = v->from.channels, targets = v->to.channels;
    v->tiles *= v->to.tiles[0] * v->to.tiles[1];
    v->blocks = blocks_of(targets, WIDTH);
    v->call = atomic_fetch_add(&calls, 1) + 1;
    if (!v->tiles)
        return true;
    v->chunk = TILES;
    if (sources * targets <= SHARED_WEIGHTS) {
        v->shared = scratch_get(SCRATCH_SHARED, v->blocks * PLANES * weight_plane(v, sources) * sizeof(float));
        if (!v->shared)
            return false;
        pool_run(v->blocks, share_weights, v);
        pool_run((v->tiles + v->chunk - 1) / v->chunk, convolve_part, v);
    } else {
        size_t fitting = V_VALUES / PLANES / sources;
        size_t chunks = (v->tiles - 1) / (fitting > LEAST_TILES ? fitting : LEAST_TILES) + 1;
        v->chunk = (v->tiles + chunks - 1) / chunks;
        pool_run(chunks * v->blocks, convolve_part, v);
    }
    return !v->failed;
}

static struct tiling tiling_of(size_t h, size_t w, size_t oh, size_t ow, size_t channels, ptrdiff_t above, ptrdiff_t left)
{
    return (struct tiling){.tiles = {(oh + OUT - 1) / OUT, (ow + OUT - 1) / OUT}, .size = {h, w}, .channels = channels,
                           .pad = {above, left}};
}

bool ISA_NAME(conv_winograd_forward)(const struct conv *c, float *y, const float *x, const float *weight, const float *bias, bool relu)
{
    struct convolution v = {.from = tiling_of(c->h, c->w, c->oh, c->ow, c->c_in, c->pad[0], c->pad[1]),
                            .to = tiling_of(c->oh, c->ow, c->oh, c->ow, c->c_out, 0, 0), .tiles = c->n,
                            .source = x, .weight = weight, .bias = bias, .target = y, .relu = relu};
    return convolve(&v);
}

bool ISA_NAME(conv_winograd_input_gradient)(const struct conv *c, float *dx, const float *dy, const float *weight)
{
    struct convolution v = {.from = tiling_of(c->oh, c->ow, c->h, c->w, c->c_out, KERNEL - 1 - c->pad[0], KERNEL - 1 - c->pad[1]),
                            .to = tiling_of(c->h, c->w, c->h, c->w, c->c_in, 0, 0), .tiles = c->n,
                            .source = dy, .weight = weight, .target = dx, .turned = true};
    return convolve(&v);
}

/* ---- Weight gradient: parts are pairs of blocks of channels by ranges of tiles ------------------------------------------------- */

struct gradient {
    struct tiling from, to;
    size_t tiles, sums, ins, outs, cuts;       /* cuts: of the blocks of x among parts */
    bool keeps;                                /* a range is one block of tiles: those of x, all channels, stay for the next part */
    const float *x, *dy;
    float *dweight, *partial;
    uint_fast64_t call;
    atomic_bool failed;
};

static void transform_sums(const struct gradient *g, const float *s, size_t s_plane, float *dweight, size_t in, size_t ins, size_t out,
                           size_t outs)
{
    size_t in_channels = g->from.channels, taps = KERNEL * KERNEL, lead = whole(ins);
    for (size_t o = 0; o < outs; o++)
        for (size_t c = 0; c < ins; c += F32_LANES) {
            float *w = dweight + (out + o) * taps * in_channels + in + c;
            const int lanes = (int)minimum(F32_LANES, ins - c);
            TRANSFORM(line_gt, IN, KERNEL, f32v_load(s + (size_t)(i * IN + j) * s_plane + o * lead + c),
                      f32v_store_first(w + (size_t)(i * KERNEL + j) * in_channels, v, lanes));
        }
}

static void gradient_part(size_t part, void *context)
{
    struct gradient *g = context;
    size_t in_channels = g->from.channels, out_channels = g->to.channels;
    size_t cut = part % g->cuts, out_block = part / g->cuts % g->outs, sum = part / g->cuts / g->outs;
    size_t out = block_start(out_channels, out_block, g->outs), outs = block_start(out_channels, out_block + 1, g->outs) - out;
    size_t begin = g->tiles * sum / g->sums, end = g->tiles * (sum + 1) / g->sums, out_lead = whole(outs);
    size_t plane = SUM_TILES * SIDE + APART, s_plane = SIDE * SIDE + APART, kept = g->keeps ? g->ins : 1;
    float *s = scratch_get(SCRATCH_CONV, PLANES * ((1 + kept) * plane + s_plane) * sizeof *s), *d = s + PLANES * s_plane;
    if (!s) {
        atomic_store(&g->failed, true);
        return;
    }
    size_t chunks = (end - begin + SUM_TILES - 1) / SUM_TILES, chunk = (end - begin + chunks - 1) / chunks;
    float *to = sum ? g->partial + (sum - 1) * in_channels * out_channels * KERNEL * KERNEL : g->dweight;
    bool is_held = g->keeps && held.call == g->call && held.chunk == sum;
    for (size_t block = g->ins * cut / g->cuts; block < g->ins * (cut + 1) / g->cuts; block++) {
        size_t in = block_start(in_channels, block, g->ins), ins = block_start(in_channels, block + 1, g->ins) - in, in_lead = whole(ins);
        float *v = d + PLANES * plane * (1 + (g->keeps ? block : 0));
        for (size_t first = begin; first < end; first += chunk) {
            size_t tiles = minimum(chunk, end - first);
            for (size_t t = 0; t < tiles && !is_held; t++)
                input_tile(&g->from, g->x, first + t, in, ins, v + t * in_lead, plane);
            for (size_t t = 0; t < tiles && (block == 0 || !g->keeps); t++)
                gradient_tile(&g->to, g->dy, first + t, out, outs, d + t * out_lead, plane);
            for (size_t f = 0; f < PLANES; f++)
                multiply(&g->failed, &(struct gemm){.m = outs, .n = in_lead, .k = tiles,
                                                    .a = d + f * plane, .a_row = 1, .a_column = (ptrdiff_t)out_lead,
                                                    .b = v + f * plane, .b_row = (ptrdiff_t)in_lead, .b_column = 1,
                                                    .c = s + f * s_plane, .c_row = (ptrdiff_t)in_lead, .c_column = 1,
                                                    .accumulate = first > begin});
        }
        transform_sums(g, s, s_plane, to, in, ins, out, outs);
    }
    held.call = g->call, held.chunk = sum;
}

static void add_sums(size_t part, void *context)
{
    const struct gradient *g = context;
    size_t weights = g->from.channels * g->to.channels * KERNEL * KERNEL;
    size_t begin = weights * part / SUM_PARTS, end = weights * (part + 1) / SUM_PARTS;
    for (size_t sum = 1; sum < g->sums; sum++) {
        const float *from = g->partial + (sum - 1) * weights;
        for (size_t i = begin; i < end; i++)
            g->dweight[i] += from[i];
    }
}

bool ISA_NAME(conv_winograd_weight_gradient)(const struct conv *c, float *dweight, const float *dy, const float *x)
{
    struct gradient g = {.from = tiling_of(c->h, c->w, c->oh, c->ow, c->c_in, c->pad[0], c->pad[1]),
                         .to = tiling_of(c->oh, c->ow, c->oh, c->ow, c->c_out, 0, 0), .x = x, .dy = dy, .dweight = dweight,
                         .ins = blocks_of(c->c_in, SIDE), .outs = blocks_of(c->c_out, SIDE)};
    g.tiles = c->n * g.to.tiles[0] * g.to.tiles[1];
    size_t weights = c->c_in * c->c_out * KERNEL * KERNEL, pairs = g.ins * g.outs;
    if (!g.tiles) {
        memset(dweight, 0, weights * sizeof *dweight);
        return true;
    }
    size_t fitting = minimum((g.tiles + SUM_TILES - 1) / SUM_TILES, c->n * c->oh * c->ow / SUM_SHARE / c->c_out + 1);
    size_t wanted = (SUM_PARTS + pairs - 1) / pairs;
    g.sums = minimum(g.ins > 1 && fitting > wanted ? fitting : wanted, (g.tiles + SUM_TILES / 2 - 1) / (SUM_TILES / 2));
    g.keeps = (g.tiles + g.sums - 1) / g.sums <= SUM_TILES && (g.tiles / g.sums + 1) * c->c_in <= 2 * V_VALUES / PLANES;
    g.cuts = g.keeps ? 1 : g.ins;
    g.call = atomic_fetch_add(&calls, 1) + 1;
    if (g.sums > 1) {
        g.partial = scratch_get(SCRATCH_SHARED, (g.sums - 1) * weights * sizeof(float));
        if (!g.partial)
            return false;
    }
    pool_run(g.cuts * g.outs * g.sums, gradient_part, &g);
    if (g.sums > 1)
        pool_run(SUM_PARTS, add_sums, &g);
    return !g.failed;
}
