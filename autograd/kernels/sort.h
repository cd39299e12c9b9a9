/* Stable sorting of a row by keys. A key is a value's bits turned so that unsigned integers compare as the values do: NaN is the
 * greatest, and -0 equals 0. */
#ifndef COTANGENT_KERNELS_SORT_H
#define COTANGENT_KERNELS_SORT_H
#include "kernels.h"

struct sort_row {
    const void *x;                              /* n contiguous elements */
    size_t n;
    int dtype;
    bool descending;
};
enum { SORT_BLOCK = 1 << 15 };                  /* elements; a longer row is shared among threads */
size_t sort_room(size_t n);                     /* bytes of work space for a row of n */
/* Places of the first k in sorted order, equal values in the order they stand in. */
void sort_places(int64_t *places, struct sort_row row, size_t k, void *work);
/* The place of the lower median, or of the first NaN. */
int64_t sort_middle(struct sort_row row, void *work);
/* Runs of equal values in the sorted row, NaN unequal to NaN: the place of each one's first value and how many there are; and
 * each element's run. The number of runs. */
size_t sort_runs(int64_t *first, int64_t *count, int64_t *run, struct sort_row row, void *work);
/* For each of m values: how many of the n sorted ones are below it, or with `right` not above it. As PyTorch has it, NaN is not above
 * anything. */
extern void (*const sort_search[3])(int64_t *places, const void *sorted, size_t n, const void *values, size_t m, bool right);
                                                /* of float32, float64, int64 */
#endif
