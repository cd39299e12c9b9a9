/* Normalisation over channels: how the work is cut and its parts put together.
 *
 * Channels-last memory is a matrix of rows, a column a channel: parts are stretches of rows. Few channels are taken some rows at a
 * time, so that a row is wide enough for vectors; the columns of one channel are put together at the end. Otherwise a part is a
 * channel, whose planes are seen as rows of LANES elements and a rest, and the lanes put together. */
#include "channels.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "kernels.h"
#include "pool.h"
#include "scratch.h"

enum {
    STRIP = 64,                                 /* columns looked at together */
    LANES = 16, BLOCK_ROWS = 64, PART = 32768, MOST_PARTS = 256, LINES = 4
};

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Count, mean and squared deviations of two sets (Chan, Golub and LeVeque 1979): the second joins the first. */
static void join(double *n, double *mean, double *squares, double other_n, double other_mean, double other_squares)
{
    if (other_n == 0)
        return;
    const double total = *n + other_n, apart = other_mean - *mean;
    *mean += apart * (other_n / total);
    *squares += other_squares + apart * apart * (*n * (other_n / total));
    *n = total;
}

struct job {
    const struct channels *s;
    const struct channel_loops *loops;
    int dtype;
    size_t item, wide, elements, part;          /* channels-last: columns of a wide row, elements in all and in a part */
    const char *x, *g, *gate;                   /* g: of apply, what is added */
    char *y, *gated;
    bool relu;
    const double *about;
    const char *constants;                      /* in dtype */
    double *first, *second, *third;             /* results: of each part for each channel, or of each channel for each lane */
};

static struct job job_of(const struct channels *s, int dtype)
{
    struct job j = {.s = s, .loops = &kernels()->channels[dtype], .dtype = dtype, .item = dtype == F32 ? sizeof(float) : sizeof(double),
                    .wide = s->count, .elements = s->outer * s->count};
    if (s->count && s->count < STRIP && STRIP % s->count == 0)
        j.wide = STRIP;
    const size_t block = BLOCK_ROWS * (j.wide ? j.wide : 1), each = (j.elements + MOST_PARTS - 1) / MOST_PARTS;
    j.part = ((each > PART ? each : PART) + block - 1) / block * block;
    return j;
}

static size_t parts_of(const struct job *j)
{
    return (j->elements + j->part - 1) / j->part;
}

static void to_dtype(int dtype, void *out, const double *x, size_t n)
{
    if (dtype == F64)
        memcpy(out, x, n * sizeof *x);
    else
        for (size_t i = 0; i < n; i++)
            ((float *)out)[i] = (float)x[i];
}

static double rounded(int dtype, double x)
{
    return dtype == F32 ? (double)(float)x : x;
}

/* The strips and blocks of a part, or of a channel's planes: body(job, x's offset in elements, rows, columns, stride, first column
 * among the results). */
typedef void block_body(const struct job *j, size_t at, size_t rows, size_t columns, size_t stride, size_t column);

static void each_block(const struct job *j, size_t part, block_body *body)
{
    const size_t from = part * j->part, length = least(j->part, j->elements - from), wide = j->wide, rows = length / wide, rest = length % wide;
    for (size_t c = 0; c < wide; c += STRIP)
        for (size_t row = 0; row < rows; row += BLOCK_ROWS)
            body(j, from + row * wide + c, least(BLOCK_ROWS, rows - row), least(STRIP, wide - c), wide, part * wide + c);
    if (rest)                                   /* of a row that stands for several */
        body(j, from + rows * wide, 1, rest, wide, part * wide);
}

static void each_plane_block(const struct job *j, size_t channel, block_body *body)
{
    const size_t inner = j->s->inner, block = BLOCK_ROWS * LANES;
    for (size_t a = 0; a < j->s->outer; a++)
        for (size_t i = 0; i < inner; i += block) {
            const size_t at = (a * j->s->count + channel) * inner + i, n = least(block, inner - i), whole = n / LANES;
            if (whole)
                body(j, at, whole, LANES, LANES, channel * LANES);
            if (n % LANES)
                body(j, at + whole * LANES, 1, n % LANES, LANES, channel * LANES);
        }
}

/* ---- Moments: first and second hold mean and squared deviations ---------------------------------------------------------------------- */
static void moments_block(const struct job *j, size_t at, size_t rows, size_t columns, size_t stride, size_t column)
{
    double sum[STRIP], square[STRIP], guess[STRIP], *mean = j->first + column, *squares = j->second + column, *n = j->third + column;
    char about[STRIP * sizeof(double)] __attribute__((aligned(64))) = {0};
    const char *x = j->x + at * j->item;
    memcpy(guess, mean, columns * sizeof *guess);
    if (n[0] == 0) {                            /* nothing to guess the mean from yet: look twice */
        j->loops->moments(x, rows, columns, stride, about, sum, square);
        for (size_t c = 0; c < columns; c++)
            guess[c] = isfinite(sum[c]) ? rounded(j->dtype, sum[c] / (double)rows) : 0;
    }
    to_dtype(j->dtype, about, guess, columns);
    j->loops->moments(x, rows, columns, stride, about, sum, square);
    for (size_t c = 0; c < columns; c++) {
        const double off = sum[c] / (double)rows, spread = square[c] - sum[c] * off;
        join(&n[c], &mean[c], &squares[c], (double)rows, rounded(j->dtype, guess[c]) + off, spread < 0 ? 0 : spread);
    }
}

static void moments_part(size_t part, void *context)
{
    each_block(context, part, moments_block);
}

static void moments_channel(size_t channel, void *context)
{
    each_plane_block(context, channel, moments_block);
}

bool channel_moments(const struct channels *s, int dtype, const void *x, double *mean, double *var)
{
    struct job j = job_of(s, dtype);
    const bool rows = s->inner == 1;
    const size_t width = rows ? j.wide : LANES * s->count, parts = rows ? parts_of(&j) : 1, all = parts * width;
    double *work = scratch_get(SCRATCH_A, 3 * all * sizeof *work + 1);
    if (!work)
        return false;
    memset(work, 0, 3 * all * sizeof *work);
    j.x = x, j.first = work, j.second = work + all, j.third = work + 2 * all;
    pool_run(rows ? parts : s->count, rows ? moments_part : moments_channel, &j);
    for (size_t c = 0; c < s->count; c++) {
        double n = 0, m = 0, squares = 0;
        for (size_t k = 0; k < all / s->count; k++) {
            const size_t i = rows ? k * s->count + c : c * LANES + k;
            join(&n, &m, &squares, j.third[i], j.first[i], j.second[i]);
        }
        mean[c] = n > 0 ? m : NAN, var[c] = squares / n;
    }
    return true;
}

static void *at_or_null(const struct job *j, const char *p, size_t at)
{
    return p ? (char *)(uintptr_t)p + at * j->item : NULL;
}

/* ---- Sums: first and second hold those of g and of g (x - about) ------------------------------------------------------------------------ */
static void sums_block(const struct job *j, size_t at, size_t rows, size_t columns, size_t stride, size_t column)
{
    double sum[STRIP], product[STRIP];
    char about[STRIP * sizeof(double)] __attribute__((aligned(64))) = {0};
    if (j->x && j->s->inner == 1)
        for (size_t c = 0; c < columns; c++)
            to_dtype(j->dtype, about + c * j->item, j->about + (column + c) % j->s->count, 1);
    else if (j->x)
        for (size_t c = 0; c < columns; c++)
            to_dtype(j->dtype, about + c * j->item, j->about + column / LANES, 1);
    j->loops->sums(j->g + at * j->item, at_or_null(j, j->gate, at), at_or_null(j, j->x, at), at_or_null(j, j->gated, at), rows, columns, stride, about, sum,
                   product);
    for (size_t c = 0; c < columns; c++)
        j->first[column + c] += sum[c], j->second[column + c] += product[c];
}

static void sums_part(size_t part, void *context)
{
    each_block(context, part, sums_block);
}

static void sums_channel(size_t channel, void *context)
{
    each_plane_block(context, channel, sums_block);
}

bool channel_sums(const struct channels *s, int dtype, const void *g, const void *gate, void *gated, const void *x, const double *about, double *sum,
                  double *product)
{
    struct job j = job_of(s, dtype);
    const bool rows = s->inner == 1;
    const size_t width = rows ? j.wide : LANES * s->count, parts = rows ? parts_of(&j) : 1, all = parts * width;
    double *work = scratch_get(SCRATCH_A, 2 * all * sizeof *work + 1);
    if (!work)
        return false;
    memset(work, 0, 2 * all * sizeof *work);
    j.g = g, j.gate = gate, j.gated = gated, j.x = x, j.about = about, j.first = work, j.second = work + all;
    pool_run(rows ? parts : s->count, rows ? sums_part : sums_channel, &j);
    for (size_t c = 0; c < s->count; c++) {
        double total = 0, weighted = 0;
        for (size_t k = 0; k < all / s->count; k++) {
            const size_t i = rows ? k * s->count + c : c * LANES + k;
            total += j.first[i], weighted += j.second[i];
        }
        sum[c] = total;
        if (x)
            product[c] = weighted - (about[c] - rounded(dtype, about[c])) * total;
    }
    return true;
}

/* ---- Elementwise passes -------------------------------------------------------------------------------------------------------------------- */
/* The constants in dtype, a line after another, a number a column: what a mean loses by rounding goes into the shift. */
static bool set_constants(struct job *j, const struct channel_line *line, const double *slope)
{
    const bool rows = j->s->inner == 1;
    const size_t n = rows ? j->wide : j->s->count;
    char *work = scratch_get(SCRATCH_A, LINES * n * j->item + 1);
    if (!work)
        return false;
    for (size_t i = 0; i < n; i++) {
        const size_t c = i % j->s->count, at = rows ? i : LINES * i, apart = rows ? n : 1;
        const double shift = line->shift[c] - (line->about[c] - rounded(j->dtype, line->about[c])) * line->scale[c];
        to_dtype(j->dtype, work + at * j->item, &line->about[c], 1);
        to_dtype(j->dtype, work + (at + apart) * j->item, &line->scale[c], 1);
        to_dtype(j->dtype, work + (at + 2 * apart) * j->item, &shift, 1);
        if (slope)
            to_dtype(j->dtype, work + (at + 3 * apart) * j->item, &slope[c], 1);
    }
    j->constants = work;
    return true;
}

/* A part as above, in wide rows and a rest; or a plane of channel `part` of each sample. */
typedef void stretch_body(const struct job *j, size_t at, size_t rows, size_t columns, size_t lines, const void *constants); /* lines: constants of each kind */

static void each_stretch(const struct job *j, size_t part, stretch_body *body)
{
    if (j->s->inner == 1) {
        const size_t from = part * j->part, length = least(j->part, j->elements - from), rows = length / j->wide;
        body(j, from, rows, j->wide, j->wide, j->constants);
        if (length % j->wide)
            body(j, from + rows * j->wide, 1, length % j->wide, j->wide, j->constants);
    } else
        body(j, part * j->s->inner, 1, j->s->inner, 0, j->constants + part % j->s->count * LINES * j->item);
}

static size_t stretches(const struct job *j)
{
    return j->s->inner == 1 ? parts_of(j) : j->s->outer * j->s->count;
}

static void apply_stretch(const struct job *j, size_t at, size_t rows, size_t columns, size_t lines, const void *constants)
{
    j->loops->apply(j->y + at * j->item, j->x + at * j->item, at_or_null(j, j->g, at), rows, columns, lines, constants, j->relu);
}

static void apply_part(size_t part, void *context)
{
    each_stretch(context, part, apply_stretch);
}

bool channel_apply(const struct channels *s, int dtype, void *y, const void *x, const void *add, const struct channel_line *line, bool relu)
{
    struct job j = job_of(s, dtype);
    j.y = y, j.x = x, j.g = add, j.relu = relu;
    if (!set_constants(&j, line, NULL))
        return false;
    pool_run(stretches(&j), apply_part, &j);
    return true;
}

static void vjp_stretch(const struct job *j, size_t at, size_t rows, size_t columns, size_t lines, const void *constants)
{
    j->loops->vjp(j->y + at * j->item, j->g + at * j->item, at_or_null(j, j->gate, at), j->x + at * j->item, rows, columns, lines, constants);
}

static void vjp_part(size_t part, void *context)
{
    each_stretch(context, part, vjp_stretch);
}

bool channel_vjp(const struct channels *s, int dtype, void *dx, const void *g, const void *gate, const void *x, const double *slope,
                 const struct channel_line *line)
{
    struct job j = job_of(s, dtype);
    j.y = dx, j.g = g, j.gate = gate, j.x = x;
    if (!set_constants(&j, line, slope))
        return false;
    pool_run(stretches(&j), vjp_part, &j);
    return true;
}
