/* Running values along a row of n contiguous elements. Sums and products of floats are carried in double; those of
 * int64 and bool are int64. The table index is the dtype of x. */
#ifndef COTANGENT_KERNELS_SCAN_H
#define COTANGENT_KERNELS_SCAN_H
#include "kernels.h"

typedef void scan_kernel(void *y, const void *x, size_t n);
extern scan_kernel *const scan_sum[DTYPES], *const scan_product[DTYPES];
extern scan_kernel *const scan_logsumexp[FLOATS]; /* log(e^x0 + ... + e^xi), without overflow */
extern void (*const scan_recurrence[FLOATS])(void *r, const void *a, const void *b, size_t n); /* r_i = a_i r_(i-1) + b_i, r_0 = b_0 */
/* y_i is the smallest [0] or largest [1] of x_0..x_i, places its latest place; NaN wins. */
extern void (*const scan_extreme[2][DTYPES])(void *y, int64_t *places, const void *x, size_t n);
#endif
