/* What the indexing ops share: indices are checked once, by the public op; below that nothing checks again. */
#ifndef COTANGENT_INDEXING_H
#define COTANGENT_INDEXING_H
#include "../kernels/indexed.h"
#include "ops.h"

/* int64, and within [0, size), too; false after reporting. */
bool is_index(const char *op, const ct_tensor *index);
bool check_index(const char *op, ct_tensor *index, int64_t size);
static inline int64_t size_along(const ct_tensor *x, int axis) /* a 0-d tensor counts as one of size 1 */
{
    return x->rank ? x->sizes[axis] : 1;
}
/* A flat index as a view of like's shape with its own length along axis: the same index at every place beside. NULL: failure. */
ct_tensor *index_along(const char *op, ct_tensor *index, int axis, const ct_tensor *like);
ct_tensor *flat(ct_tensor *x);                  /* x as a vector; quiet on NULL */
ct_tensor *true_places(const char *op, ct_tensor *mask); /* int64 (n): where mask, taken row-major, is true */
bool same_dtype(const char *op, const ct_tensor *x, const ct_tensor *source);
/* *source in x's dtype: a caller's number becomes it, of a tensor it is asked. */
bool number_or_same_dtype(const char *op, const ct_tensor *x, ct_tensor **source);
/* x and mask broadcast together, x recorded. */
bool broadcast_mask(const char *op, ct_tensor **x, ct_tensor **mask);

ct_tensor *gathered(ct_tensor *x, int axis, ct_tensor *index);
/* A copy of x with source taken in where index says; x NULL: zeros in the shape of like. distinct: no place is named twice. */
struct scatter { int axis; bool distinct; };
ct_tensor *scattered(const struct op *op, ct_tensor *x, const ct_tensor *like, struct scatter how, ct_tensor *index, ct_tensor *source);

/* NumPy's basic indexing: integers, slices, new axes, an ellipsis. text: the subscript as written; NULL: made from the list. */
ct_tensor *basic_index(const char *op, const char *text, ct_tensor *x, const ct_subscript *list, size_t count);
enum { SUBSCRIPT_TEXT = 256 };
const char *subscript_text(char text[SUBSCRIPT_TEXT], const ct_subscript *list, size_t count);
#endif
