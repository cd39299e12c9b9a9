/* gemm.h - matrix products over raw memory.
 *
 * An element of C is summed in an order that depends on the shape alone: the bits are the same for any number of
 * threads. C overlaps neither A nor B. BLIS never starts a thread here; its calls run in parts of our own pool. */
#ifndef COTANGENT_KERNELS_GEMM_H
#define COTANGENT_KERNELS_GEMM_H

#include <stdbool.h>
#include <stddef.h>

enum gemm_activation { GEMM_IDENTITY, GEMM_RELU };   /* relu: x <= 0 ? 0 : x, which keeps a NaN */

/* C = activation(A B [+ C] [+ bias]). Strides count elements and may be anything: zero in A and B (broadcast),
 * negative. */
struct gemm {
    size_t m, n, k;                                  /* C is m x n, A m x k, B k x n; k = 0: the product is zero */
    const void *a;
    ptrdiff_t a_row, a_column;
    const void *b;
    ptrdiff_t b_row, b_column;
    void *c;
    ptrdiff_t c_row, c_column;
    bool accumulate;                                 /* add to what C holds; otherwise C is overwritten unread */
    const void *bias;                                /* n contiguous values, added to every row; or NULL */
    enum gemm_activation activation;
};

void kernel_gemm_f32(const struct gemm *job);
void kernel_gemm_f64(const struct gemm *job);
void kernel_gemm_batch_f32(const struct gemm *jobs, size_t count);   /* independent products, together if alike */
void kernel_gemm_batch_f64(const struct gemm *jobs, size_t count);
void gemm_shutdown(void);                            /* frees this thread's scratch; others' goes when they end */

/* ---- For tests, benchmarks and build information ---------------------------------------------------------------- */
enum gemm_path { GEMM_AUTO, GEMM_TILE, GEMM_BLIS, GEMM_AMX };

void gemm_set_path(enum gemm_path path);             /* default: COTANGENT_GEMM=tile|blis|amx, else by shape */
const char *gemm_blis_version(void);                 /* "0.9.0" */
const char *gemm_blis_kernels(void);                 /* the kernel set in use: "skx" */
bool gemm_blis_is_generic(void);                     /* no set for this CPU: BLIS runs at a fraction of its speed */

#endif
