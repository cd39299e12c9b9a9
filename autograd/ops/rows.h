/* Ops that work on rows: the axis or axes in question made last and contiguous, then a loop over rows. */
#ifndef COTANGENT_ROWS_H
#define COTANGENT_ROWS_H
#include "ops.h"

/* x as contiguous rows, recorded if x wants a gradient. 0-d is one row of one; quiet on NULL. */
ct_tensor *axes_last(ct_tensor *x, unsigned set); /* (kept..., all of the set as one axis) */
ct_tensor *axes_back(ct_tensor *rows, const ct_tensor *x, unsigned set); /* undoes it */
ct_tensor *axis_last(ct_tensor *x, int axis);   /* axis and the last one change places */
ct_tensor *axis_back(ct_tensor *y, const ct_tensor *x, int axis); /* undoes it for what an op made of x's rows */

static inline int64_t row_length(const ct_tensor *rows)
{
    return rows->sizes[rows->rank - 1];
}
int64_t row_count(const ct_tensor *rows);
/* body for every row, shared among threads in fixed parts; length: what a row costs, in elements. */
void for_rows(int64_t rows, int64_t length, void (*body)(size_t row, void *context), void *context);

ct_tensor *middle_places(const char *op, ct_tensor *rows); /* of the lower median, or the first NaN: (..., 1) */
/* The VJP of an op whose output picks from input 0, at the places that are input 1 along the axis that is the context. */
void picked_vjp(ct_node *node, ct_tensor *const *cotangents, ct_tensor **gradients);

/* Along the last axis: ..., x_1, x_0; first, x_0, ..., x_(n-2); and r_i = a_i r_(i-1) + b_i with r_0 = b_0. */
ct_tensor *row_reversed(ct_tensor *x);
ct_tensor *row_before(ct_tensor *x, double first);
ct_tensor *linear_recurrence(ct_tensor *a, ct_tensor *b);
#endif
