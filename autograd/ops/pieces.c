/* Which axes stay and which go, and the pieces. */
#include "pieces.h"

#include "../kernels/pool.h"

static int64_t product(const struct axes *a)
{
    int64_t n = 1;
    for (size_t i = 0; i < a->count; i++)
        n *= a->sizes[i];
    return n;
}

static void append(struct axes *a, int64_t size, int64_t stride)
{
    if (size == 1)
        return;
    if (a->count && a->strides[a->count - 1] == stride * size) {
        a->sizes[a->count - 1] *= size, a->strides[a->count - 1] = stride;
        return;
    }
    a->sizes[a->count] = size, a->strides[a->count++] = stride;
}

struct pieces pieces_of(const ct_tensor *x, unsigned axes)
{
    struct pieces p = {.x = x};
    for (int i = 0; i < x->rank; i++)
        append(axes >> i & 1 ? &p.gone : &p.kept, x->sizes[i], x->strides[i]);
    p.rows = product(&p.kept), p.length = product(&p.gone);
    p.stride = p.gone.count ? p.gone.strides[p.gone.count - 1] : 1;
    p.line = p.kept.count ? p.kept.sizes[p.kept.count - 1] : 1;
    p.step = p.kept.count ? p.kept.strides[p.kept.count - 1] : 1;
    return p;
}

static const char *row_start(const struct pieces *p, int64_t row)
{
    int64_t offset = 0;
    for (size_t i = p->kept.count; i-- > 0; row /= p->kept.sizes[i])
        offset += row % p->kept.sizes[i] * p->kept.strides[i];
    return p->x->data + offset * (int64_t)ct_dtype_size((ct_dtype)p->x->dtype);
}

struct job {
    const struct pieces *pieces;
    piece_body *body;
    void *context;
};

static void run_part(size_t part, void *context)
{
    const struct job *job = context;
    const struct pieces *p = job->pieces;
    const int64_t all = p->rows / p->line * p->strips * p->chunks, end = (int64_t)(part + 1) * p->per_part;
    for (int64_t i = (int64_t)part * p->per_part; i < end && i < all; i++) {
        const int64_t strip = i / p->chunks, from = strip % p->strips * p->width, chunk = i % p->chunks;
        const int64_t rows = p->line - from, length = p->length - chunk * p->chunk;
        struct piece piece = {.first = strip / p->strips * p->line + from, .rows = rows < p->width ? rows : p->width,
                              .chunk = chunk, .length = length < p->chunk ? length : p->chunk};
        piece.x = row_start(p, piece.first) + chunk * p->chunk * p->stride * (int64_t)ct_dtype_size((ct_dtype)p->x->dtype);
        job->body(p, &piece, job->context);
    }
}

void pieces_run(struct pieces *p, int64_t width, int64_t chunk, piece_body *body, void *context)
{
    if (p->rows == 0)
        return;
    p->width = width < p->line ? width : p->line, p->strips = (p->line + p->width - 1) / p->width;
    p->chunk = chunk < p->length ? chunk : p->length ? p->length : 1, p->chunks = p->length ? (p->length + p->chunk - 1) / p->chunk : 1;
    p->per_part = p->chunk * p->width >= LOOP_GRAIN ? 1 : LOOP_GRAIN / (p->chunk * p->width);
    const int64_t all = p->rows / p->line * p->strips * p->chunks;
    pool_run((size_t)((all + p->per_part - 1) / p->per_part), run_part, &(struct job){p, body, context});
}
