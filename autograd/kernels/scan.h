/* Running values along rows of n contiguous elements. Sums and products of floats are carried in double;
 * those of int64 and bool are int64. The table index is the dtype of x. */
#ifndef COTANGENT_KERNELS_SCAN_H
#define COTANGENT_KERNELS_SCAN_H
#include "kernels.h"

typedef void scan_kernel(void *y, const void *x, size_t n, size_t rows, const double *starts); /* starts: a row's each; NULL: 0, or 1 */
extern scan_kernel *const scan_sum[DTYPES], *const scan_product[DTYPES];
double scan_total(const float *x, size_t n);    /* what sum_f32 ends with, but for the order */
typedef void scan_recurrence_kernel(void *r, const void *a, const void *b, size_t n, size_t rows); /* r_i = a_i r_(i-1) + b_i, r_0 = b_0 */
extern scan_recurrence_kernel *const scan_recurrence[FLOATS];
/* dx_i = s_i y_(i-1), where s_i = g_i + x_(i+1) s_(i+1): of y = the running products of x */
typedef void scan_product_vjp_kernel(void *dx, const void *g, const void *x, const void *y, size_t n, size_t rows);
extern scan_product_vjp_kernel *const scan_product_vjp[FLOATS];
/* y_i is the smallest [0] or largest [1] of x_0..x_i, places its latest place; NaN wins. */
extern void (*const scan_extreme[2][DTYPES])(void *y, int64_t *places, const void *x, size_t n);
#endif
