/* An elementwise op over strided operands: axes are put in the order in which the output lies in memory, neighbours that
 * continue each other are merged, and what remains is an inner loop inside an odometer. */
#include "kernels.h"
#include "pool.h"

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
        l->run((size_t)count, p, step, l->parameters);
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
