/* An elementwise op over strided operands: axes are put in the order in which the output lies in memory, neighbours that
 * continue each other are merged, and what remains is an inner loop inside an odometer. The vector code of the inner loops wants
 * contiguous operands; others pass through buffers, and those that lie the other way round (a transposed matrix) in square tiles, so
 * that each line of memory is fetched once. */
#include "kernels.h"
#include "pool.h"

enum { BATCH = 512, TILE = 64, TILES = 16, FEW = 8 }; /* elements in a buffer; side of a tile; tiles a part; what no buffer pays for */

static void swap_axes(struct loop *l, size_t i, size_t j)
{
    int64_t size = l->sizes[i];
    l->sizes[i] = l->sizes[j], l->sizes[j] = size;
    for (size_t k = 0; k < l->operands; k++) {
        ptrdiff_t step = l->steps[k][i];
        l->steps[k][i] = l->steps[k][j], l->steps[k][j] = step;
    }
}

static ptrdiff_t span(ptrdiff_t step)
{
    return step < 0 ? -step : step;
}

static bool continues(const struct loop *l, size_t outer, size_t inner)
{
    for (size_t k = 0; k < l->operands; k++)
        if (l->steps[k][outer] != l->steps[k][inner] * l->sizes[inner])
            return false;
    return true;
}

static void simplify(struct loop *l)
{
    size_t rank = 0;
    for (size_t i = 0; i < l->rank; i++)        /* axes of size 1 go */
        if (l->sizes[i] != 1)
            swap_axes(l, rank++, i);
    for (size_t i = 1; i < rank; i++)           /* widest steps of the output outermost; ties keep their order */
        for (size_t j = i; j > 0 && span(l->steps[0][j]) > span(l->steps[0][j - 1]); j--)
            swap_axes(l, j, j - 1);
    size_t last = 0;
    for (size_t i = 1; i < rank; i++)
        if (continues(l, last, i)) {
            l->sizes[last] *= l->sizes[i];
            for (size_t k = 0; k < l->operands; k++)
                l->steps[k][last] = l->steps[k][i];
        } else
            swap_axes(l, ++last, i);
    l->rank = rank ? last + 1 : 0;
}

struct share {
    const struct loop *loop;
    int64_t outer, inner, chunks, grain;        /* rows; row length; pieces a row is cut into; rows or elements a part */
};

/* A loop of three reads one value that stays as fast as an array. */
static bool runs_as_it_is(const struct loop *l, const ptrdiff_t *step)
{
    size_t odd = 0, still = 0;
    for (size_t k = 0; k < l->operands; k++)
        odd += step[k] != l->items[k], still += k && step[k] == 0;
    return odd == 0 || (l->operands == 3 && odd == 1 && still == 1);
}

static void run_inner(const struct loop *l, size_t n, char *const *p, const ptrdiff_t *step)
{
    if (n < FEW || runs_as_it_is(l, step)) {
        l->run(n, p, step, l->parameters);
        return;
    }
    const struct kernels *kernel = kernels();
    char buffer[LOOP_OPERANDS][BATCH * 8] __attribute__((aligned(64))), *q[LOOP_OPERANDS];
    ptrdiff_t plain[LOOP_OPERANDS];
    for (size_t done = 0, count; done < n; done += count) {
        count = n - done < BATCH ? n - done : BATCH;
        for (size_t k = 0; k < l->operands; k++) {
            char *at = p[k] + (ptrdiff_t)done * step[k];
            plain[k] = l->items[k];
            q[k] = step[k] == plain[k] ? at : buffer[k];
            if (k && q[k] != at && (step[k] || !done))
                kernel->pack[__builtin_ctz(l->items[k])](buffer[k], at, step[k], count);
        }
        l->run(count, q, plain, l->parameters);
        if (step[0] != plain[0])
            kernel->unpack[__builtin_ctz(l->items[0])](p[0] + (ptrdiff_t)done * step[0], buffer[0], step[0], count);
    }
}

static void run_rows(const struct loop *l, int64_t row, int64_t rows, int64_t from, int64_t count)
{
    size_t axes = l->rank - 1;
    int64_t index[LOOP_RANK];
    char *p[LOOP_OPERANDS];
    ptrdiff_t step[LOOP_OPERANDS];
    for (size_t k = 0; k < l->operands; k++)
        p[k] = l->data[k] + from * (step[k] = l->steps[k][axes]);
    for (size_t i = axes; i-- > 0; row /= l->sizes[i]) {
        index[i] = row % l->sizes[i];
        for (size_t k = 0; k < l->operands; k++)
            p[k] += index[i] * l->steps[k][i];
    }
    for (;;) {
        run_inner(l, (size_t)count, p, step);
        if (--rows == 0)
            return;
        for (size_t i = axes; i-- > 0;) {
            bool wraps = ++index[i] == l->sizes[i];
            int64_t move = wraps ? 1 - l->sizes[i] : 1;
            for (size_t k = 0; k < l->operands; k++)
                p[k] += move * l->steps[k][i];
            if (!wraps)
                break;
            index[i] = 0;
        }
    }
}

static void run_share(size_t part, void *context)
{
    const struct share *s = context;
    if (s->chunks > 1) {
        int64_t from = (int64_t)part % s->chunks * s->grain, left = s->inner - from;
        run_rows(s->loop, (int64_t)part / s->chunks, 1, from, left < s->grain ? left : s->grain);
    } else {
        int64_t from = (int64_t)part * s->grain, left = s->outer - from;
        run_rows(s->loop, from, left < s->grain ? left : s->grain, 0, s->inner);
    }
}

/* ---- Tiles ------------------------------------------------------------------------------------------------------------------ */
static bool is_turned(const struct loop *l, size_t k, size_t across)
{
    return k && l->steps[k][across] == l->items[k] && l->steps[k][l->rank - 1] != 0 && l->steps[k][l->rank - 1] != l->items[k];
}

/* Whether an operand lies along another axis than the innermost; that one is put beside it. */
static bool find_turned(struct loop *l)
{
    for (size_t k = 1; k < l->operands; k++)
        for (size_t across = 0; across + 1 < l->rank; across++)
            if (is_turned(l, k, across) && l->sizes[across] >= FEW && l->sizes[l->rank - 1] >= FEW) {
                swap_axes(l, across, l->rank - 2);
                return true;
            }
    return false;
}

struct tiles {
    const struct loop *loop;
    int64_t across_parts, along_parts;
};

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static void run_tiles(size_t part, void *context)
{
    const struct tiles *t = context;
    const struct loop *l = t->loop;
    const size_t along = l->rank - 1, across = l->rank - 2;
    const int64_t first = (int64_t)part % t->along_parts * TILE * TILES, end = least(first + TILE * TILES, l->sizes[along]);
    const int64_t row = (int64_t)part / t->along_parts % t->across_parts * TILE, rows = least(TILE, l->sizes[across] - row);
    int64_t rest = (int64_t)part / t->along_parts / t->across_parts;
    char buffer[LOOP_OPERANDS - 1][TILE * TILE * 8] __attribute__((aligned(64))), *base[LOOP_OPERANDS], *q[LOOP_OPERANDS];
    ptrdiff_t step[LOOP_OPERANDS];
    for (size_t k = 0; k < l->operands; k++) {
        base[k] = l->data[k] + row * l->steps[k][across];
        step[k] = is_turned(l, k, across) ? l->items[k] : l->steps[k][along];
    }
    for (size_t i = across; i-- > 0; rest /= l->sizes[i])
        for (size_t k = 0; k < l->operands; k++)
            base[k] += rest % l->sizes[i] * l->steps[k][i];
    for (int64_t from = first; from < end; from += TILE) {
        const size_t count = (size_t)least(TILE, end - from);
        for (size_t k = 1; k < l->operands; k++)
            if (is_turned(l, k, across))
                kernels()->turn[__builtin_ctz(l->items[k])](buffer[k - 1], TILE * l->items[k], base[k] + from * l->steps[k][along], l->steps[k][along],
                                                            count, (size_t)rows);
        for (int64_t i = 0; i < rows; i++) {
            for (size_t k = 0; k < l->operands; k++)
                q[k] = is_turned(l, k, across) ? buffer[k - 1] + i * TILE * l->items[k] : base[k] + i * l->steps[k][across] + from * l->steps[k][along];
            run_inner(l, count, q, step);
        }
    }
}

void loop_run(struct loop *l)
{
    for (size_t i = 0; i < l->rank; i++)
        if (l->sizes[i] == 0)
            return;
    simplify(l);
    if (l->rank == 0) {
        l->run(1, l->data, (const ptrdiff_t[LOOP_OPERANDS]){0}, l->parameters);
        return;
    }
    if (find_turned(l)) {
        struct tiles t = {l, (l->sizes[l->rank - 2] + TILE - 1) / TILE, (l->sizes[l->rank - 1] + TILE * TILES - 1) / (TILE * TILES)};
        int64_t parts = t.across_parts * t.along_parts;
        for (size_t i = 0; i + 2 < l->rank; i++)
            parts *= l->sizes[i];
        pool_run((size_t)parts, run_tiles, &t);
        return;
    }
    int64_t outer = 1, inner = l->sizes[l->rank - 1];
    for (size_t i = 0; i + 1 < l->rank; i++)
        outer *= l->sizes[i];
    if (outer * inner <= LOOP_GRAIN) {
        run_rows(l, 0, outer, 0, inner);
        return;
    }
    struct share s = {.loop = l, .outer = outer, .inner = inner, .chunks = 1};
    if (inner > LOOP_GRAIN)
        s.grain = LOOP_GRAIN, s.chunks = (inner + LOOP_GRAIN - 1) / LOOP_GRAIN;
    else
        s.grain = LOOP_GRAIN / inner;
    pool_run((size_t)(s.chunks > 1 ? outer * s.chunks : (outer + s.grain - 1) / s.grain), run_share, &s);
}
