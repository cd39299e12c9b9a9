/* conv_direct.c - float32 convolution on a register tile that finds its source pixels by a table of pointers: forward and input
 * gradient. Compiled per ISA.
 *
 * Both are one problem: each point of a grid over the target takes, for each tap, the channels of one source pixel times a matrix
 * of weights. Forward, the grid is y and the source x. Backward, target pixels fall into stride[0] * stride[1] classes, each of
 * which meets its own taps of the kernel at pixels of dy in unit steps. What lies outside is a row of zeros in memory. */
#include "conv_parts.h"
#include "gemm_parts.h"
#include "isa.h"
#include "pool.h"
#include "scratch.h"

#include <stdatomic.h>
#include <string.h>

enum {
    TILE_ROWS = VECTOR_BYTES == 64 ? 12 : 6, TILE_VECTORS = 2, MOST_ROWS = 12,
    CHUNK_BLOCKS = 16,                         /* of the tile's height: points that share a pass over the weights */
    CHUNK_POINTERS = 1 << 14,
    CHUNK_DEPTH = 1152,                        /* products summed up in registers: a longer sum would lose digits */
    LEAST_PARTS = 32
};

struct tile {
    const float *const *rows;                  /* for each tap, MOST_ROWS pointers */
    size_t taps, depth, offset;                /* channels of the group: how many, from where */
    const float *b;                            /* taps * depth rows of `vectors` vectors */
    float *const *to;
    size_t column;
    const float *bias;
    bool accumulate, relu;
    int last_lanes;
};

ISA_INLINE void tile(const int rows, const int vectors, const bool partial, const struct tile *t)
{
    f32v sum[MOST_ROWS][TILE_VECTORS];
    UNROLL
    for (int i = 0; i < rows; i++)
        UNROLL
        for (int j = 0; j < vectors; j++)
            sum[i][j] = (f32v){0};
    const float *b = t->b;
    const size_t depth = t->depth;
    for (size_t tap = 0; tap < t->taps; tap++) {
        const float *a[MOST_ROWS];
        UNROLL
        for (int i = 0; i < rows; i++)
            a[i] = t->rows[tap * MOST_ROWS + (size_t)i] + t->offset;
        for (size_t k = 0; k < depth; k++, b += vectors * F32_LANES) {
            f32v x[TILE_VECTORS];
            UNROLL
            for (int j = 0; j < vectors; j++)
                x[j] = f32v_load(b + j * F32_LANES);
            UNROLL
            for (int i = 0; i < rows; i++) {
                float y = a[i][k];
                UNROLL
                for (int j = 0; j < vectors; j++)
                    sum[i][j] += x[j] * y;
            }
        }
    }
    UNROLL
    for (int i = 0; i < rows; i++)
        UNROLL
        for (int j = 0; j < vectors; j++) {
            const bool cut = partial && j == vectors - 1;
            float *y = t->to[i] + t->column + j * F32_LANES;
            f32v v = sum[i][j];
            if (t->accumulate)
                v += cut ? f32v_load_first(y, t->last_lanes) : f32v_load(y);
            if (t->bias)
                v += cut ? f32v_load_first(t->bias + j * F32_LANES, t->last_lanes) : f32v_load(t->bias + j * F32_LANES);
            if (t->relu)
                v = f32v_relu(v);
            if (cut)
                f32v_store_first(y, v, t->last_lanes);
            else
                f32v_store(y, v);
        }
}

#define ALL_ROWS(X, vectors)                                                                                           \
    X(1, vectors) X(2, vectors) X(3, vectors) X(4, vectors) X(5, vectors) X(6, vectors)                                \
    X(7, vectors) X(8, vectors) X(9, vectors) X(10, vectors) X(11, vectors) X(12, vectors)
#define DEFINE_TILE(rows, vectors)                                                                                     \
    static void tile_##rows##x##vectors(const struct tile *t) { tile(rows, vectors, false, t); }                       \
    static void tile_##rows##x##vectors##_partial(const struct tile *t) { tile(rows, vectors, true, t); }
#define TILE_ENTRY(rows, vectors) {tile_##rows##x##vectors, tile_##rows##x##vectors##_partial},

ALL_ROWS(DEFINE_TILE, 1)
ALL_ROWS(DEFINE_TILE, 2)

typedef void tile_function(const struct tile *);
static tile_function *const tiles[TILE_VECTORS][MOST_ROWS][2] = {
    {ALL_ROWS(TILE_ENTRY, 1)},
    {ALL_ROWS(TILE_ENTRY, 2)},
};

/* Grid point (i, j) of an image is target pixel (first + i * apart) and takes, for each tap, source pixel (i * step + tap). */
struct problem {
    size_t images, grid[2], groups, in, out;   /* in, out: channels of a group */
    const float *source;
    size_t source_size[2], step[2];
    float *target;
    size_t target_size[2], first[2], apart[2];
    size_t taps;
    struct tap { ptrdiff_t y, x; size_t place; } *tap;   /* place: its index in the kernel */
    const float *weight, *bias;
    bool relu, transposed;                     /* transposed: the source's channels are the weight's first axis */
    size_t kernel_taps;
    size_t height, blocks, vectors, panels;    /* of a block of points; blocks in a chunk; vectors and panels of a group's targets */
    size_t slice;                              /* channels whose products are summed up at a time */
    size_t splits;                             /* of the panels of all groups, among parts */
    float *packed;
    const float *zeros;
    atomic_bool failed;
};

static size_t minimum(size_t a, size_t b)
{
    return a < b ? a : b;
}

static size_t panel_vector(const struct problem *p, size_t panel)
{
    return p->vectors * panel / p->panels;
}

static float *panel_of(const struct problem *p, size_t group, size_t vector)
{
    return p->packed + (group * p->vectors + vector) * F32_LANES * p->taps * p->in;
}

static void pack_panel(size_t part, void *context)
{
    const struct problem *p = context;
    size_t group = part / p->panels, panel = part % p->panels;
    size_t vector = panel_vector(p, panel), column = vector * F32_LANES, room = panel_vector(p, panel + 1) * F32_LANES - column;
    size_t columns = p->out - column < room ? p->out - column : room;
    float *to = panel_of(p, group, vector);
    for (size_t from = 0, depth; from < p->in; from += depth) {
        depth = minimum(p->slice, p->in - from);
        for (size_t tap = 0; tap < p->taps; tap++, to += depth * room) {
            size_t place = p->tap[tap].place, source = group * p->in + from, target = group * p->out + column;
            if (p->transposed)
                ISA_NAME(gemm_pack)(to, room, p->weight + (source * p->kernel_taps + place) * p->out + column,
                                    (ptrdiff_t)(p->kernel_taps * p->out), 1, columns, depth);
            else
                ISA_NAME(gemm_pack)(to, room, p->weight + (target * p->kernel_taps + place) * p->in + from, 1,
                                    (ptrdiff_t)(p->kernel_taps * p->in), columns, depth);
        }
    }
}

/* The pointers of `count` points from `point` on. */
static void fill_table(const struct problem *p, size_t point, size_t count, const float **rows, float **to)
{
    ptrdiff_t y[MOST_ROWS], x[MOST_ROWS], at[MOST_ROWS];
    size_t channels = p->groups * p->in, target_channels = p->groups * p->out;
    size_t j = point % p->grid[1], i = point / p->grid[1] % p->grid[0], image = point / p->grid[1] / p->grid[0];
    for (size_t r = 0; r < count; r++) {
        y[r] = (ptrdiff_t)(i * p->step[0]), x[r] = (ptrdiff_t)(j * p->step[1]);
        at[r] = (((ptrdiff_t)(image * p->source_size[0]) + y[r]) * (ptrdiff_t)p->source_size[1] + x[r]) * (ptrdiff_t)channels;
        size_t row = image * p->target_size[0] + p->first[0] + i * p->apart[0];
        to[r] = p->target + (row * p->target_size[1] + p->first[1] + j * p->apart[1]) * target_channels;
        if (++j == p->grid[1]) {
            j = 0;
            if (++i == p->grid[0])
                i = 0, image++;
        }
    }
    for (size_t t = 0; t < p->taps; t++, rows += MOST_ROWS) {
        struct tap tap = p->tap[t];
        ptrdiff_t offset = (tap.y * (ptrdiff_t)p->source_size[1] + tap.x) * (ptrdiff_t)channels;
        for (size_t r = 0; r < count; r++) {
            bool inside = (size_t)(y[r] + tap.y) < p->source_size[0] && (size_t)(x[r] + tap.x) < p->source_size[1];
            rows[r] = inside ? p->source + (at[r] + offset) : p->zeros;
        }
    }
}

static void run_part(size_t part, void *context)
{
    struct problem *p = context;
    size_t points = p->images * p->grid[0] * p->grid[1], first = part / p->splits * p->blocks * p->height;
    size_t count = minimum(p->blocks * p->height, points - first), blocks = (count + p->height - 1) / p->height;
    size_t table = p->taps * MOST_ROWS, all = p->groups * p->panels, split = part % p->splits;
    const float **rows = scratch_get(SCRATCH_CONV, blocks * (table + MOST_ROWS) * sizeof *rows);
    if (!rows) {
        atomic_store(&p->failed, true);
        return;
    }
    float **to = (float **)(rows + blocks * table);
    for (size_t block = 0; block < blocks; block++) {
        size_t begin = count * block / blocks, end = count * (block + 1) / blocks;
        fill_table(p, first + begin, end - begin, rows + block * table, to + block * MOST_ROWS);
    }
    for (size_t at = all * split / p->splits; at < all * (split + 1) / p->splits; at++) {
        size_t group = at / p->panels, panel = at % p->panels, vector = panel_vector(p, panel);
        size_t vectors = panel_vector(p, panel + 1) - vector, column = vector * F32_LANES;
        size_t columns = minimum(p->out - column, vectors * F32_LANES);
        struct tile t = {.taps = p->taps, .b = panel_of(p, group, vector), .column = group * p->out + column,
                         .last_lanes = (int)(columns - (vectors - 1) * F32_LANES)};
        for (size_t from = 0; from < p->in; from += t.depth, t.b += p->taps * t.depth * vectors * F32_LANES, t.accumulate = true) {
            t.depth = minimum(p->slice, p->in - from);
            t.offset = group * p->in + from;
            bool last = from + t.depth == p->in;
            t.bias = p->bias && last ? p->bias + t.column : NULL;
            t.relu = p->relu && last;
            for (size_t block = 0; block < blocks; block++) {
                size_t height = count * (block + 1) / blocks - count * block / blocks;
                t.rows = rows + block * table;
                t.to = to + block * MOST_ROWS;
                tiles[vectors - 1][height - 1][columns < vectors * F32_LANES](&t);
            }
        }
    }
}

/* SCRATCH_SHARED holds the taps, the zeros and the packed weights. */
static float *share(struct problem *p, size_t taps)
{
    size_t channels = (p->groups * p->in + F32_LANES) / F32_LANES * F32_LANES;
    p->vectors = (p->out + F32_LANES - 1) / F32_LANES;
    p->panels = (p->vectors + TILE_VECTORS - 1) / TILE_VECTORS;
    size_t packed = p->groups * p->vectors * F32_LANES * taps * p->in;
    float *shared = scratch_get(SCRATCH_SHARED, (channels + packed) * sizeof(float) + taps * sizeof(struct tap));
    if (shared) {
        memset(shared, 0, channels * sizeof(float));
        p->zeros = shared;
        p->packed = shared + channels;
        p->tap = (struct tap *)(p->packed + packed);
    }
    return shared;
}

static bool run(struct problem *p)
{
    size_t points = p->images * p->grid[0] * p->grid[1], panels = p->groups * p->panels;
    if (!points || !panels)
        return true;
    p->height = p->vectors > 1 ? TILE_ROWS : MOST_ROWS;
    p->blocks = minimum(CHUNK_BLOCKS, CHUNK_POINTERS / (p->taps * MOST_ROWS + 1) + 1);
    size_t chunk = p->blocks * p->height, chunks = (points + chunk - 1) / chunk;
    p->splits = minimum(panels, (LEAST_PARTS + chunks - 1) / chunks);
    p->slice = p->taps * p->in <= CHUNK_DEPTH ? p->in : CHUNK_DEPTH / p->taps / 16 * 16 + 16;
    pool_run(panels, pack_panel, p);
    pool_run(chunks * p->splits, run_part, p);
    return !p->failed;
}

bool ISA_NAME(conv_direct_forward)(const struct conv *c, float *y, const float *x, const float *weight, const float *bias, bool relu)
{
    struct problem p = {.images = c->n, .grid = {c->oh, c->ow}, .groups = c->groups, .in = c->c_in / c->groups,
                        .out = c->c_out / c->groups, .source = x, .source_size = {c->h, c->w}, .step = {c->stride[0], c->stride[1]},
                        .target = y, .target_size = {c->oh, c->ow}, .apart = {1, 1}, .taps = c->kh * c->kw,
                        .weight = weight, .bias = bias, .relu = relu, .kernel_taps = c->kh * c->kw};
    if (!share(&p, p.taps))
        return false;
    for (size_t t = 0; t < p.taps; t++)
        p.tap[t] = (struct tap){(ptrdiff_t)(t / c->kw * c->dilation[0]) - c->pad[0], (ptrdiff_t)(t % c->kw * c->dilation[1]) - c->pad[1], t};
    return run(&p);
}

/* Whether kernel position k meets input positions first, first + stride, ... of one axis; if so, at dy's position *at and on. */
static bool meets(const struct conv *c, int axis, size_t first, size_t k, ptrdiff_t *at)
{
    ptrdiff_t stride = (ptrdiff_t)c->stride[axis], distance = (ptrdiff_t)first + c->pad[axis] - (ptrdiff_t)(k * c->dilation[axis]);
    *at = distance / stride;
    return distance % stride == 0;
}

bool ISA_NAME(conv_direct_input_gradient)(const struct conv *c, float *dx, const float *dy, const float *weight)
{
    struct problem p = {.images = c->n, .groups = c->groups, .in = c->c_out / c->groups, .out = c->c_in / c->groups, .source = dy,
                        .source_size = {c->oh, c->ow}, .step = {1, 1}, .target = dx, .target_size = {c->h, c->w},
                        .apart = {c->stride[0], c->stride[1]}, .weight = weight, .transposed = true, .kernel_taps = c->kh * c->kw};
    if (!share(&p, p.kernel_taps))
        return false;
    for (p.first[0] = 0; p.first[0] < minimum(c->stride[0], c->h); p.first[0]++)
        for (p.first[1] = 0; p.first[1] < minimum(c->stride[1], c->w); p.first[1]++) {
            p.taps = 0;
            for (size_t t = 0; t < p.kernel_taps; t++) {
                struct tap *tap = &p.tap[p.taps];
                tap->place = t;
                p.taps += meets(c, 0, p.first[0], t / c->kw, &tap->y) && meets(c, 1, p.first[1], t % c->kw, &tap->x);
            }
            p.grid[0] = (c->h - p.first[0] + c->stride[0] - 1) / c->stride[0];
            p.grid[1] = (c->w - p.first[1] + c->stride[1] - 1) / c->stride[1];
            if (!run(&p))
                return false;
        }
    return true;
}
