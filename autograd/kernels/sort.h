/* Stable sorting of a row by keys. A key is a value's bits turned so that unsigned integers compare as the values do: NaN is the
 * greatest, and -0 equals 0. */
#ifndef COTANGENT_KERNELS_SORT_H
#define COTANGENT_KERNELS_SORT_H
#include "kernels.h"

struct sort_item { uint64_t key; int64_t place; };
/* items[i] becomes the key of x[i] and i; descending turns the order round. */
void sort_fill(struct sort_item *items, const void *x, size_t n, int dtype, bool descending);
/* Sorts by merging, equal keys in the order they stand in; spare has room for n too. Returns whichever holds the result. */
struct sort_item *sort_items(struct sort_item *items, struct sort_item *spare, size_t n);
/* The first k of all n in sorted order; items and spare have room for 2 k, or for n where that is less. */
struct sort_item *sort_first(struct sort_item *items, struct sort_item *spare, const void *x, size_t n, size_t k, int dtype, bool descending);
/* How many of the n sorted values are below v, or with `right` not above it. As PyTorch has it, NaN is not above anything. */
extern size_t (*const sort_search[3])(const void *sorted, size_t n, const void *v, bool right); /* of float32, float64, int64 */
#endif
