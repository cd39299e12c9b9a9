/* Elements of a table that an index names along one axis: read out, or stored into. */
#ifndef COTANGENT_KERNELS_INDEXED_H
#define COTANGENT_KERNELS_INDEXED_H
#include "kernels.h"

enum indexed_kind { INDEXED_READ, INDEXED_WRITE, INDEXED_ADD, INDEXED_MULTIPLY, INDEXED_LARGEST, INDEXED_SMALLEST, INDEXED_TAKE };

/* For every place p of the index: t = p with its coordinate along axis replaced by index[p]; then other[p] = table[t], or
 * table[t] takes other[p] in: in rising order along the axis, so that the last write wins and sums are the same at any
 * number of threads. Steps in elements; the index is within the table, or checked. bool adds by or, multiplies by and. TAKE reads, and leaves
 * 0 behind. */
struct indexed {
    enum indexed_kind kind;
    int dtype;
    size_t rank, axis;                          /* rank at least 1 */
    int64_t sizes[LOOP_RANK];                   /* of the index */
    char *table, *other;
    const int64_t *index;
    ptrdiff_t table_steps[LOOP_RANK], index_steps[LOOP_RANK], other_steps[LOOP_RANK];
    bool check;                                 /* the index, against [0, size): what lies beyond is not followed */
    int64_t size;
};
bool indexed_run(const struct indexed *w);      /* false: the check has failed, and part of the work is undone */

int64_t index_outside(const int64_t *index, int64_t count, int64_t low, int64_t high); /* the first place of none in [low, high); count: all are */

/* Where a mask is true: first how many before each MASK_PART of it (counts has room for one a part) and in all, then the places. */
enum { MASK_PART = 1 << 15 };
int64_t mask_counts(const uint8_t *mask, int64_t count, int64_t *counts);
void mask_places(const uint8_t *mask, int64_t count, int64_t *counts, int64_t *places);
#endif
