/* gemm_tile.c - small and skinny float32 products: a tile of C in registers, A broadcast, B in vectors.
 * Compiled per ISA.
 *
 * A library's GEMM packs both operands first, which pays only when they are reused often. Here A is read where it lies
 * unless k is long, and B too where its rows are contiguous and reused little; otherwise one panel of B (as wide as
 * the tile) at a time is copied into scratch that stays in the nearest caches. A longer k is cut into chunks, by k
 * alone, so that an element of C is summed in one order however C is cut into blocks. */
#include "gemm_parts.h"
#include "isa.h"
#include "scratch.h"

enum {
    TILE_ROWS = VECTOR_BYTES == 64 ? 12 : 6,   /* its accumulators and operands just fill the registers */
    TILE_VECTORS = 2,
    TILE_MOST_ROWS = 12,                       /* with one vector a row */
    PANEL = TILE_VECTORS * F32_LANES,
    K_WHOLE = 1024,                            /* up to here k is one chunk and A stays in place */
    K_CHUNK = 768,
    K_SHORT = 128,                             /* up to here a B with contiguous rows is never copied */
    ROWS_TO_COPY_B = 48,                       /* fewer rows than this reuse a B too little to copy it */
    B_IN_L1 = 4096,                            /* floats */
    B_IN_L2 = 65536,
    B_IN_PLACE = 524288,
    DOT_ROWS_ALWAYS = 4, DOT_ROWS_LONG_K = 16, DOT_LONG_K = 256
};

struct tile {
    size_t k;
    const float *a;
    ptrdiff_t a_row, a_column;
    const float *b;
    ptrdiff_t b_row;
    float *c;
    ptrdiff_t c_row;
    const float *bias;
    bool accumulate, relu;
    int last_lanes;                            /* columns in the last vector */
    const float *soon;                         /* what to fetch into the cache meanwhile, a line for each k */
    ptrdiff_t soon_row;
};

/* rows, vectors and partial are compile-time constants wherever this is expanded. partial: the last vector is cut
 * short. */
ISA_INLINE void tile(const int rows, const int vectors, const bool partial, const struct tile *t)
{
    f32v sum[TILE_MOST_ROWS][TILE_VECTORS];
    UNROLL
    for (int i = 0; i < rows; i++)
        UNROLL
        for (int j = 0; j < vectors; j++)
            sum[i][j] = (f32v){0};
    /* Three row pointers and small multiples of one stride address all rows within the registers at hand. */
    const ptrdiff_t a_row = t->a_row, a_row3 = 3 * a_row, a_column = t->a_column;
    const ptrdiff_t b_row = t->b_row, soon_row = t->soon_row;
    const float *a0 = t->a, *a4 = rows > 4 ? t->a + 4 * a_row : t->a, *a8 = rows > 8 ? t->a + 8 * a_row : t->a;
    const float *b = t->b, *soon = t->soon;
    const int lanes = t->last_lanes;
    for (size_t p = t->k; p; p--) {
        f32v x[TILE_VECTORS];
        UNROLL
        for (int j = 0; j < vectors; j++)
            x[j] = partial && j == vectors - 1 ? f32v_load_first(b + j * F32_LANES, lanes)
                                               : f32v_load(b + j * F32_LANES);
        UNROLL
        for (int i = 0; i < rows; i++) {
            const float *a = i < 4 ? a0 : i < 8 ? a4 : a8;
            float y = (i & 3) == 3 ? a[a_row3] : a[(i & 3) * a_row];
            UNROLL
            for (int j = 0; j < vectors; j++)
                sum[i][j] += x[j] * y;
        }
        __builtin_prefetch(soon);
        a0 += a_column, a4 += a_column, a8 += a_column, b += b_row, soon += soon_row;
    }
    UNROLL
    for (int i = 0; i < rows; i++)
        UNROLL
        for (int j = 0; j < vectors; j++) {
            const bool cut = partial && j == vectors - 1;
            float *c = t->c + i * t->c_row + j * F32_LANES;
            f32v y = sum[i][j];
            if (t->accumulate)
                y += cut ? f32v_load_first(c, lanes) : f32v_load(c);
            if (t->bias)
                y += cut ? f32v_load_first(t->bias + j * F32_LANES, lanes) : f32v_load(t->bias + j * F32_LANES);
            if (t->relu)
                y = f32v_relu(y);
            if (cut)
                f32v_store_first(c, y, lanes);
            else
                f32v_store(c, y);
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
static tile_function *const tiles[TILE_VECTORS][TILE_MOST_ROWS][2] = {
    {ALL_ROWS(TILE_ENTRY, 1)},
    {ALL_ROWS(TILE_ENTRY, 2)},
};

/* How one block is walked: row tiles within column panels, or the other way round. */
struct walk {
    bool copy_a, copy_b, rows_outside;
    size_t chunk;                              /* of k */
    size_t row_tiles, panels, vectors;
    float *a, *b;                              /* scratch */
};

static bool plan_walk(struct walk *w, const struct gemm *job, struct gemm_block block)
{
    size_t k = job->k, chunks = k <= K_WHOLE ? 1 : (k + K_CHUNK - 1) / K_CHUNK;
    w->chunk = (k + chunks - 1) / chunks;
    w->vectors = (block.columns + F32_LANES - 1) / F32_LANES;
    w->panels = (w->vectors + TILE_VECTORS - 1) / TILE_VECTORS;
    size_t most = w->vectors > 1 ? TILE_ROWS : VECTOR_BYTES == 64 ? 12 : 8;
    w->row_tiles = (block.rows + most - 1) / most;
    w->copy_a = (k > K_WHOLE && job->a_column == 1 && w->panels > 1) || (job->a_row != 1 && job->a_column != 1);
    size_t span = k * (size_t)(job->b_row < 0 ? -job->b_row : job->b_row);
    bool copy_pays = block.rows >= ROWS_TO_COPY_B && (k > K_WHOLE || (k > K_SHORT && span > B_IN_PLACE));
    w->copy_b = job->b_column != 1 || copy_pays;
    w->rows_outside = !w->copy_b && w->chunk * block.columns <= B_IN_L2;
    w->a = w->copy_a ? scratch_get(SCRATCH_A, block.rows * w->chunk * sizeof(float)) : NULL;
    w->b = w->copy_b ? scratch_get(SCRATCH_B, w->chunk * PANEL * sizeof(float)) : NULL;
    return (w->a || !w->copy_a) && (w->b || !w->copy_b);
}

static void run_tile(const struct gemm *job, struct gemm_block block, const struct walk *w, size_t first_k,
                     size_t row_tile, size_t panel, bool first_row_tile, bool first_panel)
{
    size_t k = job->k - first_k < w->chunk ? job->k - first_k : w->chunk;
    bool last_chunk = first_k + k == job->k;
    size_t vector = w->vectors * panel / w->panels, vectors = w->vectors * (panel + 1) / w->panels - vector;
    size_t column = vector * F32_LANES, room = vectors * F32_LANES;
    size_t columns = block.columns - column < room ? block.columns - column : room;
    size_t row = block.rows * row_tile / w->row_tiles, rows = block.rows * (row_tile + 1) / w->row_tiles - row;
    size_t c_row = block.row + row, c_column = block.column + column;
    const float *a = (const float *)job->a + (ptrdiff_t)c_row * job->a_row + (ptrdiff_t)first_k * job->a_column;
    const float *b = (const float *)job->b + (ptrdiff_t)first_k * job->b_row + (ptrdiff_t)c_column * job->b_column;
    struct tile t = {.k = k, .a = a, .a_row = job->a_row, .a_column = job->a_column, .b = b, .b_row = job->b_row,
                     .c = (float *)job->c + (ptrdiff_t)c_row * job->c_row + (ptrdiff_t)c_column, .c_row = job->c_row,
                     .bias = job->bias && last_chunk ? (const float *)job->bias + c_column : NULL,
                     .accumulate = job->accumulate || first_k, .relu = last_chunk && job->activation == GEMM_RELU,
                     .last_lanes = (int)(columns - (vectors - 1) * F32_LANES), .soon = a};
    if (w->copy_b) {
        if (first_row_tile)
            ISA_NAME(gemm_pack)(w->b, room, b, job->b_row, job->b_column, columns, k);
        /* The row tiles of this panel share the fetching of the next one. */
        if (job->b_column == 1 && row_tile < vectors && panel + 1 < w->panels && columns == room &&
            column + columns + row_tile * F32_LANES < block.columns) {
            t.soon = b + columns + row_tile * F32_LANES;
            t.soon_row = job->b_row;
        }
        t.b = w->b;
        t.b_row = (ptrdiff_t)room;
    }
    if (w->copy_a) {
        float *packed = w->a + row * w->chunk;
        if (first_panel)
            ISA_NAME(gemm_pack)(packed, rows, a, job->a_column, job->a_row, rows, k);
        t.a = packed;
        t.a_row = 1;
        t.a_column = (ptrdiff_t)rows;
    }
    tiles[vectors - 1][rows - 1][columns < room](&t);
}

/* Everything in place and B in the nearest cache: the same tiles without the planning of each, which small products feel. */
static void run_in_place(const struct gemm *job, struct gemm_block block, const struct walk *w)
{
    size_t even = block.rows / w->row_tiles, larger = block.rows % w->row_tiles;
    for (size_t panel = 0; panel < w->panels; panel++) {
        size_t vector = w->vectors * panel / w->panels, vectors = w->vectors * (panel + 1) / w->panels - vector;
        size_t column = vector * F32_LANES, room = vectors * F32_LANES;
        size_t columns = block.columns - column < room ? block.columns - column : room;
        struct tile t = {.k = job->k, .a_row = job->a_row, .a_column = job->a_column, .b_row = job->b_row, .c_row = job->c_row,
                         .a = (const float *)job->a + (ptrdiff_t)block.row * job->a_row,
                         .b = (const float *)job->b + (ptrdiff_t)(block.column + column),
                         .c = (float *)job->c + (ptrdiff_t)block.row * job->c_row + (ptrdiff_t)(block.column + column),
                         .bias = job->bias ? (const float *)job->bias + block.column + column : NULL,
                         .accumulate = job->accumulate, .relu = job->activation == GEMM_RELU,
                         .last_lanes = (int)(columns - (vectors - 1) * F32_LANES)};
        for (size_t r = 0; r < w->row_tiles; r++) {
            size_t rows = even + (r < larger);
            t.soon = t.a;
            tiles[vectors - 1][rows - 1][columns < room](&t);
            t.a += (ptrdiff_t)rows * job->a_row;
            t.c += (ptrdiff_t)rows * job->c_row;
        }
    }
}

bool ISA_NAME(gemm_tile)(const struct gemm *job, struct gemm_block block)
{
    if (!block.rows || !block.columns)
        return true;
    /* Chosen by the rows of the whole product: the order of summation must not depend on how it was cut. */
    if (job->a_column == 1 && job->b_row == 1 && job->b_column != 1 &&
        (job->m <= DOT_ROWS_ALWAYS || (job->m <= DOT_ROWS_LONG_K && job->k >= DOT_LONG_K))) {
        ISA_NAME(gemm_dot)(job, block);
        return true;
    }
    struct walk w;
    if (!plan_walk(&w, job, block))
        return false;
    if (!w.copy_a && !w.copy_b && w.chunk == job->k && w.chunk * block.columns <= B_IN_L1) {
        run_in_place(job, block, &w);
        return true;
    }
    for (size_t first_k = 0; first_k < job->k; first_k += w.chunk) {
        if (w.rows_outside) {
            for (size_t r = 0; r < w.row_tiles; r++)
                for (size_t q = 0; q < w.panels; q++)
                    run_tile(job, block, &w, first_k, r, q, r == 0, q == 0);
        } else {
            for (size_t q = 0; q < w.panels; q++)
                for (size_t r = 0; r < w.row_tiles; r++)
                    run_tile(job, block, &w, first_k, r, q, r == 0, q == 0);
        }
    }
    return true;
}
