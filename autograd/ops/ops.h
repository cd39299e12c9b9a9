/* What the op families share. */
#ifndef COTANGENT_OPS_H
#define COTANGENT_OPS_H
#include "../internal.h"
#include "../kernels/kernels.h"

/* The common shape of up to four operands, NumPy's rule; false after reporting. */
bool broadcast_sizes(const char *op, ct_tensor *const *operands, size_t count, int64_t *sizes, size_t *rank);
/* x as a view of that shape, recorded if x wants a gradient; x itself where nothing changes. The sizes were checked. */
ct_tensor *broadcast_to(ct_tensor *x, const int64_t *sizes, size_t rank);

/* Runs an inner loop over tensors[0] (the output) and the others, which broadcast to it. */
void run_loop(kernel_loop *run, const double *parameters, ct_tensor *const *tensors, size_t count);

/* The output and loop of an elementwise op: operands of one dtype; those that want a gradient are broadcast as recorded views,
 * in place in operands[]. NULL after reporting. */
ct_tensor *elementwise(const char *op, kernel_loop *run, const double *parameters, ct_dtype out, ct_tensor **operands, size_t count);

/* The activation that an op has as an option. */
bool known_activation(const char *op, ct_activation activation); /* false after reporting */
ct_tensor *activated(ct_tensor *y, ct_activation activation); /* y itself for CT_IDENTITY; quiet on NULL */

/* A stretch of a generator's stream of Philox blocks (NULL: the process's own), and float32 numbers in [0, 1) made of it, as ct_rand
 * would make them: four a block. */
struct stretch { uint64_t seed, block; };
struct stretch random_take(ct_generator *generator, uint64_t blocks);
ct_tensor *random_uniform(const int64_t *sizes, size_t rank, struct stretch from);

/* t again on the stack, from an element on: for kernels to look at, whatever is then made of its sizes and strides. No owner. */
static inline ct_tensor part_from(const ct_tensor *t, int64_t offset)
{
    ct_tensor part = *t;
    part.data += offset * (int64_t)ct_dtype_size((ct_dtype)t->dtype);
    return part;
}

ct_tensor *as_dtype(ct_tensor *x, ct_dtype dtype); /* ct_cast; quiet on NULL */
ct_tensor *zeros_of(const char *op, ct_dtype dtype, const int64_t *sizes, size_t rank);

/* A reduced axis set applied to x's sizes; keepdims leaves 1s. */
size_t reduced_sizes(const ct_tensor *x, unsigned axes, bool keepdims, int64_t *sizes);
ct_tensor *with_axes(ct_tensor *y, const ct_tensor *x, unsigned axes); /* y, reduced without keepdims, with 1s where axes were */
/* y, contiguous, becomes the sums (or what kind says: FOLD_SUM, ...) of x over the axes; about: contiguous, as y, or NULL. */
bool fold(const char *op, ct_tensor *y, const ct_tensor *x, unsigned axes, int kind, const ct_tensor *about);
#endif
