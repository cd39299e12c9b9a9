/* gemm_amx.c - float32 products on matrix units that multiply bfloat16: each operand as the sum of three parts of 8 bits.
 *
 * x = x1 + x2 + x3 is exact, and of the nine products the six that count in float32 are summed, the largest last. The units
 * flush what is below the normal numbers, and an infinity has no parts: operands whose range comes near either are refused.
 *
 * B is packed first, by all threads, A by each for its own rows, into squares of 32 x 32: three parts, each of two tiles of 16
 * rows of 64 bytes, those of B with pairs of k side by side. Which k make a pair is free as long as both operands agree: 16 apart, so that vectors are
 * joined without a shuffle. */
#include "gemm_parts.h"

#if defined(__AMX_BF16__) && defined(__AVX512BW__)
#include "pool.h"
#include "scratch.h"

#include <immintrin.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>

enum {
    SIDE = 32, PARTS = 3, TILE_BYTES = 1024, PART_BYTES = 2 * TILE_BYTES, SQUARE_BYTES = PARTS * PART_BYTES,
    DEPTH = 12,                        /* squares of k at a time: what a block meets of them stays in the second-level cache */
    ROWS = 96, COLUMNS = 192,          /* the least sides of a thread's block of C */
    ENOUGH_BLOCKS = 4, MOST_BLOCKS = 64,
    AHEAD = 64,                        /* numbers of a row, to be fetched meanwhile */
    MOST_PANELS = 16,                  /* rows of a block at a time */
    MOST_BYTES = 64 << 20              /* of packed B */
};

/* Of the biased exponents of the least and the greatest numbers. Sums of small products lose up to 2^-112 altogether, which is to
 * be less than 2^-22 of what they are; a number that is split is multiplied by 2^16 on the way. */
enum { BIAS = 127, LEAST_EXPONENT = BIAS - 100, MOST_EXPONENT = BIAS + 100, LEAST_PRODUCT = -90, MOST_PRODUCT = 100 };

struct product {
    const struct gemm *job;
    size_t squares;                    /* of k */
    char *b;                           /* packed */
    atomic_uint least, most;           /* bits of B's numbers that are not 0; most: inverted */
    size_t row_parts, column_parts;
};

static size_t units(size_t n)
{
    return (n + SIDE - 1) / SIDE;
}

static size_t up_to(size_t n, size_t most)
{
    return n < most ? n : most;
}

/* ---- Packing ------------------------------------------------------------------------------------------------------------------ */
struct range { __m512i least, most; };

/* x rounded to 8 bits; x becomes what is left. */
static inline __m512i part_of(__m512 *x)
{
    const __m512 far = _mm512_set1_ps(65536), part = _mm512_fnmadd_ps(far, *x, _mm512_fmadd_ps(far, *x, *x));
    *x = _mm512_sub_ps(*x, part);
    return _mm512_castps_si512(part);
}

static inline void widen(struct range *r, __m512 x)
{
    const __m512i size = _mm512_and_si512(_mm512_castps_si512(x), _mm512_set1_epi32(0x7fffffff)), one = _mm512_set1_epi32(1);
    r->least = _mm512_min_epu32(r->least, _mm512_sub_epi32(size, one)); /* 0 comes out as the largest of all */
    r->most = _mm512_max_epu32(r->most, size);
}

/* Rows of A, of SIDE k each, or, as pairs, of B, of SIDE columns. What two roundings leave of 24 bits is a part as it is. */
static void pack_square(char *to, const float *from, ptrdiff_t row, bool pairs, struct range *r)
{
    for (size_t i = 0; i < SIDE; i++, to += 64) {
        const float *low = pairs ? from + (ptrdiff_t)(i % 16) * row + i / 16 * 16 : from + (ptrdiff_t)i * row, *high = low + 16 * (pairs ? row : 1);
        __m512 x = _mm512_loadu_ps(low), y = _mm512_loadu_ps(high);
        widen(r, x), widen(r, y);
        for (size_t p = 0; p < PARTS; p++) {
            const bool rest = p == PARTS - 1;
            const __m512i a = rest ? _mm512_castps_si512(x) : part_of(&x), b = rest ? _mm512_castps_si512(y) : part_of(&y);
            _mm512_store_si512(to + p * PART_BYTES, _mm512_or_si512(_mm512_srli_epi32(a, 16), b));
        }
    }
}

/* Squares of one panel, from rows that lie by strides; zeros beyond rows and columns. */
static void pack_any(char *to, const float *from, ptrdiff_t row, ptrdiff_t column, size_t rows, size_t columns, bool pairs, struct range *r)
{
    _Alignas(64) float copy[SIDE * SIDE];
    for (ptrdiff_t i = 0; i < SIDE; i++) {
        const float *soon = from + i * (column == 1 ? row : column) + AHEAD;
        __builtin_prefetch(soon);
        __builtin_prefetch(soon + 16);
    }
    if (column == 1 && rows == SIDE && columns == SIDE) {
        pack_square(to, from, row, pairs, r);
        return;
    }
    gemm_pack_avx512(copy, SIDE, from, row, column, columns, rows);
    memset(copy + rows * SIDE, 0, (SIDE - rows) * SIDE * sizeof *copy);
    pack_square(to, copy, SIDE, pairs, r);
}

static void least_of(atomic_uint *all, unsigned own)
{
    for (unsigned seen = atomic_load(all); own < seen && !atomic_compare_exchange_weak(all, &seen, own);)
        ;
}

/* A panel, or, where rows are contiguous, the squares of all panels that share some k: memory is read along itself. */
static void pack_b(size_t part, void *context)
{
    struct product *p = context;
    const struct gemm *job = p->job;
    const bool along = job->b_column == 1;
    struct range r = {_mm512_set1_epi32(-1), _mm512_setzero_si512()};
    for (size_t i = 0; i < (along ? units(job->n) : p->squares); i++) {
        const size_t panel = along ? i : part, q = along ? part : i;
        const float *from = (const float *)job->b + (ptrdiff_t)(q * SIDE) * job->b_row + (ptrdiff_t)(panel * SIDE) * job->b_column;
        pack_any(p->b + (panel * p->squares + q) * SQUARE_BYTES, from, job->b_row, job->b_column, up_to(job->k - q * SIDE, SIDE),
                 up_to(job->n - panel * SIDE, SIDE), true, &r);
    }
    least_of(&p->least, _mm512_reduce_min_epu32(r.least));
    least_of(&p->most, ~_mm512_reduce_max_epu32(r.most));
}

/* Whether the numbers of a range, and their products with those of B, are far from the ends. */
static bool in_range(const struct product *p, unsigned least, unsigned most)
{
    const int low = (int)((least + 1) >> 23), high = (int)(most >> 23);
    const int b_low = (int)((atomic_load(&p->least) + 1) >> 23), b_high = (int)(~atomic_load(&p->most) >> 23);
    return !most || !b_high ||         /* all of one is 0 */
           (high <= MOST_EXPONENT && low >= LEAST_EXPONENT && high + b_high - 2 * BIAS <= MOST_PRODUCT && low + b_low - 2 * BIAS >= LEAST_PRODUCT);
}

/* Panels of a block, over some squares of k; suits[i]: the numbers of panel i are in range. */
static void pack_a(const struct product *p, char *to, bool *suits, size_t top, size_t bottom, size_t from, size_t squares)
{
    const struct gemm *job = p->job;
    const bool along = job->a_row == 1;
    const size_t panels = bottom - top;
    struct range r[MOST_PANELS];
    for (size_t i = 0; i < panels; i++)
        r[i] = (struct range){_mm512_set1_epi32(-1), _mm512_setzero_si512()};
    for (size_t i = 0; i < panels * squares; i++) {
        const size_t panel = along ? i % panels : i / squares, q = along ? i / panels : i % squares, row = (top + panel) * SIDE, k = (from + q) * SIDE;
        pack_any(to + (panel * DEPTH + q) * SQUARE_BYTES, (const float *)job->a + (ptrdiff_t)row * job->a_row + (ptrdiff_t)k * job->a_column, job->a_row,
                 job->a_column, up_to(job->m - row, SIDE), up_to(job->k - k, SIDE), false, &r[panel]);
    }
    for (size_t i = 0; i < panels; i++)
        suits[i] = in_range(p, _mm512_reduce_min_epu32(r[i].least), _mm512_reduce_max_epu32(r[i].most));
}

/* ---- Multiplying ---------------------------------------------------------------------------------------------------------------- */
struct config {
    uint8_t palette, start, unused[14];
    uint16_t row_bytes[16];
    uint8_t rows[16];
};

#define LOAD_A(part)                                    \
    _tile_loadd(4, a + (part) * PART_BYTES, 64);        \
    _tile_loadd(5, a + (part) * PART_BYTES + TILE_BYTES, 64)
#define LOAD_B(part)                                    \
    _tile_loadd(6, b + (part) * PART_BYTES, 64);        \
    _tile_loadd(7, b + (part) * PART_BYTES + TILE_BYTES, 64)
#define ADD(step)                                       \
    _tile_dpbf16ps(0, 4, 6);                            \
    fetch(b + SQUARE_BYTES + (step) * TILE_BYTES);      \
    _tile_dpbf16ps(1, 4, 7);                            \
    _tile_dpbf16ps(2, 5, 6);                            \
    _tile_dpbf16ps(3, 5, 7)

/* A tile, to be read soon. */
static inline void fetch(const char *tile)
{
    for (int i = 0; i < TILE_BYTES; i += 64)
        _mm_prefetch(tile + i, _MM_HINT_T0);
}

/* C in tiles 0 to 3 += A B. Each step fetches a tile of B's next square. */
static inline void multiply(const char *a, const char *b, size_t squares)
{
    for (size_t q = 0; q < squares; q++, a += SQUARE_BYTES, b += SQUARE_BYTES) {
        LOAD_A(2);
        LOAD_B(0);
        ADD(0);
        LOAD_A(1);
        ADD(1);
        LOAD_B(1);
        ADD(2);
        LOAD_A(0);
        ADD(3);
        LOAD_B(2);
        ADD(4);
        LOAD_B(0);
        ADD(5);
    }
}

/* The square of C where these panels meet, over some squares of k. sums: of earlier ones, as four tiles, which become those of all;
 * C is written with the last. */
static void run_square(const struct gemm *job, size_t row, size_t column, const char *a, const char *b, size_t squares, float *sums, bool first, bool last)
{
    const size_t rows = up_to(job->m - row, SIDE), columns = up_to(job->n - column, SIDE);
    float *c = (float *)job->c + (ptrdiff_t)row * job->c_row + (ptrdiff_t)column;
    const float *bias = job->bias ? (const float *)job->bias + column : NULL;
    const bool direct = first && last && rows == SIDE && columns == SIDE && !job->accumulate && !bias && job->activation == GEMM_IDENTITY;
    enum { TILE = TILE_BYTES / sizeof(float) };
    if (!first) {
        _tile_loadd(0, sums, 64);
        _tile_loadd(1, sums + TILE, 64);
        _tile_loadd(2, sums + 2 * TILE, 64);
        _tile_loadd(3, sums + 3 * TILE, 64);
    } else {
        _tile_zero(0);
        _tile_zero(1);
        _tile_zero(2);
        _tile_zero(3);
    }
    for (size_t i = 0; last && i < rows; i++) {
        __builtin_prefetch(c + (ptrdiff_t)i * job->c_row, 1);
        __builtin_prefetch(c + (ptrdiff_t)i * job->c_row + 16, 1);
    }
    multiply(a, b, squares);
    const size_t step = direct ? (size_t)job->c_row : 16;
    float *to[] = {direct ? c : sums, direct ? c + 16 : sums + TILE, direct ? c + 16 * step : sums + 2 * TILE, direct ? c + 16 * step + 16 : sums + 3 * TILE};
    _tile_stored(0, to[0], step * sizeof *c);
    _tile_stored(1, to[1], step * sizeof *c);
    _tile_stored(2, to[2], step * sizeof *c);
    _tile_stored(3, to[3], step * sizeof *c);
    for (size_t i = 0; last && !direct && i < rows; i++, c += job->c_row)
        for (size_t j = 0; j < columns; j += 16) {
            const __mmask16 lanes = (__mmask16)(0xffffu >> (columns - j < 16 ? 16 - (columns - j) : 0));
            __m512 y = _mm512_loadu_ps(sums + (i / 16 * 2 + j / 16) * TILE + i % 16 * 16);
            if (job->accumulate)
                y = _mm512_add_ps(y, _mm512_maskz_loadu_ps(lanes, c + j));
            if (bias)
                y = _mm512_add_ps(y, _mm512_maskz_loadu_ps(lanes, bias + j));
            if (job->activation == GEMM_RELU)
                y = _mm512_maskz_mov_ps(_mm512_cmp_ps_mask(y, _mm512_setzero_ps(), _CMP_NLE_UQ), y);
            _mm512_mask_storeu_ps(c + j, lanes, y);
        }
}

static void run_by_vectors(const struct gemm *job, struct gemm_block block)
{
    if (!gemm_tile_avx512(job, block))
        gemm_blis_f32(job, block);
}

/* Rows [top, bottom) of panels, at most MOST_PANELS. A panel that does not suit is left to the vector units. */
static void run_rows(const struct product *p, size_t top, size_t bottom, size_t left, size_t right)
{
    const struct gemm *job = p->job;
    const size_t panels = bottom - top, columns = right - left, square = SIDE * SIDE;
    const bool whole = p->squares <= DEPTH;
    bool suits[MOST_PANELS], all[MOST_PANELS];
    char *a = scratch_get(SCRATCH_A, panels * DEPTH * SQUARE_BYTES);
    float *sums = scratch_get(SCRATCH_B, (whole ? 1 : panels * columns) * square * sizeof *sums);
    if (!a || !sums) {
        run_by_vectors(job, (struct gemm_block){top * SIDE, up_to(bottom * SIDE, job->m) - top * SIDE, left * SIDE, up_to(right * SIDE, job->n) - left * SIDE});
        return;
    }
    for (size_t i = 0; i < panels; i++)
        all[i] = true;
    for (size_t from = 0; from < p->squares; from += DEPTH) {
        const size_t squares = up_to(p->squares - from, DEPTH);
        const bool last = from + squares == p->squares;
        pack_a(p, a, suits, top, bottom, from, squares);
        for (size_t i = 0; i < panels; i++)
            all[i] &= suits[i];
        for (size_t s = 0; s < panels * columns; s++) {
            /* Along rows of C where it is written at once, else so that B is read once. */
            const size_t i = whole ? s / columns : s % panels, c = left + (whole ? s % columns : s / panels);
            if (all[i])
                run_square(job, (top + i) * SIDE, c * SIDE, a + i * DEPTH * SQUARE_BYTES, p->b + (c * p->squares + from) * SQUARE_BYTES, squares,
                           whole ? sums : sums + s * square, !from, last);
        }
    }
    for (size_t i = 0; i < panels; i++)
        if (!all[i])
            run_by_vectors(job, (struct gemm_block){(top + i) * SIDE, up_to(job->m - (top + i) * SIDE, SIDE), left * SIDE, up_to(right * SIDE, job->n) - left * SIDE});
}

static void run_block(size_t part, void *context)
{
    const struct product *p = context;
    const size_t rows = units(p->job->m), columns = units(p->job->n), i = part / p->column_parts, j = part % p->column_parts;
    const size_t bottom = rows * (i + 1) / p->row_parts, left = columns * j / p->column_parts, right = columns * (j + 1) / p->column_parts;
    struct config config = {.palette = 1};
    for (int t = 0; t < 8; t++)
        config.row_bytes[t] = 64, config.rows[t] = 16;
    _tile_loadconfig(&config);
    for (size_t top = rows * i / p->row_parts; top < bottom; top += MOST_PANELS)
        run_rows(p, top, up_to(bottom, top + MOST_PANELS), left, right);
    _tile_release();
}

bool gemm_amx(const struct gemm *job)
{
    struct product p = {.job = job, .squares = units(job->k), .least = -1u, .most = -1u, .row_parts = 1, .column_parts = 1};
    const double bytes = (double)units(job->n) * (double)p.squares * SQUARE_BYTES;
    if (bytes > MOST_BYTES || !(p.b = scratch_get(SCRATCH_PRODUCT, (size_t)bytes)))
        return false;
    pool_run(job->b_column == 1 ? p.squares : units(job->n), pack_b, &p);
    if (!in_range(&p, 0x3f800000, 0x3f800000))
        return false;
    /* Each part packs its rows of A: columns are shared out only where there are few rows. */
    while (job->m / p.row_parts >= 2 * ROWS && p.row_parts < MOST_BLOCKS)
        p.row_parts *= 2;
    while (job->n / p.column_parts >= 2 * COLUMNS && p.row_parts * p.column_parts < ENOUGH_BLOCKS)
        p.column_parts *= 2;
    pool_run(p.row_parts * p.column_parts, run_block, &p);
    return true;
}
#else
bool gemm_amx(const struct gemm *job)
{
    (void)job;
    return false;
}
#endif
