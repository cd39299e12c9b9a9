/* A reduction's rows (of the axes that go, one for each kept element) cut into pieces that threads share. */
#ifndef COTANGENT_PIECES_H
#define COTANGENT_PIECES_H
#include "ops.h"

struct axes {                                   /* neighbours merged */
    size_t count;
    int64_t sizes[CT_MAX_RANK], strides[CT_MAX_RANK];
};
struct pieces {
    const struct ct_tensor *x;
    struct axes kept, gone;                     /* a row is walked by one stride where gone.count is at most 1 */
    int64_t rows, length, stride;               /* kept elements; gone elements of each, and their stride */
    int64_t line, step;                         /* of the kept elements those along the last axis, and their stride */
    int64_t width, strips;                      /* a line is done in strips of that many rows */
    int64_t chunk, chunks;                      /* a long row in chunks */
    int64_t per_part;
};
struct piece {
    int64_t first, rows, chunk, length;         /* rows first, first + 1, ...; of each chunk number so and so */
    const char *x;
};
typedef void piece_body(const struct pieces *p, const struct piece *piece, void *context);

struct pieces pieces_of(const ct_tensor *x, unsigned axes);
void pieces_run(struct pieces *p, int64_t width, int64_t chunk, piece_body *body, void *context);
#endif
