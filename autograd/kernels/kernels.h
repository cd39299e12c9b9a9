/* Loops over raw memory: no tensors, no graph, no allocation, no errors; whoever calls has checked. Each exists once per
 * instruction set; kernels() is the best that this CPU runs. */
#ifndef COTANGENT_KERNELS_H
#define COTANGENT_KERNELS_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "channels.h"

enum { F32, F64, I64, BOOL, DTYPES, FLOATS = 2 }; /* in ct_dtype's order */

/* The sum of x, of x that is not NaN, of (x - about)^2; the product of x; how many are not 0 */
enum { FOLD_SUM, FOLD_NUMBERS, FOLD_SQUARES, FOLD_PRODUCT, FOLD_NONZERO, FOLDS };
enum { FOLD_ALONG, FOLD_DOWN };
enum { FOLD_ABREAST = 16, FOLD_MOST = 1024 };

enum unary {
#define ROW(name, ...) UNARY_##name,
#include "../ops/unary.def"
#undef ROW
    UNARY_COUNT
};
enum binary {
#define ARITHMETIC(name, ...) BINARY_##name,
#define COMPARISON(name, ...) BINARY_##name,
#define LOGICAL(name, ...) BINARY_##name,
#include "../ops/binary.def"
#undef ARITHMETIC
#undef COMPARISON
#undef LOGICAL
    BINARY_COUNT
};

/* The inner loop of an elementwise op: n elements of p[0] from those of p[1], p[2], ...; step in bytes, 0 for a value that
 * stays, negative for a reversed axis. p[0] may be one of the others, never overlap one in part. */
typedef void kernel_loop(size_t n, char *const *p, const ptrdiff_t *step, const double *parameters);

struct pooling;
typedef void pooling_kernel(const struct pooling *p, void *y, void *positions, const void *x, int64_t from, int64_t to); /* positions: pool_max only */
typedef void pooling_vjp_kernel(const struct pooling *p, void *dx, const void *positions, const void *g, int64_t from, int64_t to);
struct resize;
typedef void resize_kernel(const struct resize *r, void *y, const void *x, int64_t from, int64_t to);

struct kernels {
    kernel_loop *unary[UNARY_COUNT][FLOATS];
    kernel_loop *unary_vjp[UNARY_COUNT][FLOATS]; /* p: dx, g, x, y */
    kernel_loop *binary[BINARY_COUNT][DTYPES];  /* NULL where there is none */
    kernel_loop *integer_unary[UNARY_COUNT];    /* int64 to int64: neg abs sign square relu clamp and the roundings; NULL: the op promotes */
    kernel_loop *cast[DTYPES][DTYPES];          /* from, to */
    kernel_loop *copy[4], *where[4];            /* by log2 of the element's bytes: 1, -, 4, 8; where: p: out, condition, a, b */
    /* By log2 of the element's bytes; steps in bytes. pack: to[i] = from[i step]; unpack: the way back; turn: to[j][i] = from[i][j],
     * where rows of from are contiguous, as those of to. */
    void (*pack[4])(void *to, const void *from, ptrdiff_t step, size_t n);
    void (*unpack[4])(void *to, const void *from, ptrdiff_t step, size_t n);
    void (*turn[4])(void *to, ptrdiff_t to_step, const void *from, ptrdiff_t from_step, size_t rows, size_t columns);
    kernel_loop *mask_scale[FLOATS];            /* p[2] ? p[1] * parameters[0] : 0 */
    kernel_loop *huber[FLOATS], *huber_vjp[FLOATS]; /* see loss_pairs.c; parameters: delta, scale; p: out, x, y, and dx, g, x, y */
    kernel_loop *prelu[FLOATS];                 /* p[1] > 0 ? p[1] : p[1] p[2] */
    kernel_loop *lerp[FLOATS];                  /* p[1] + p[3] (p[2] - p[1]) */
    kernel_loop *addcmul[FLOATS];               /* p[1] + parameters[0] p[2] p[3] */
    kernel_loop *bce[FLOATS];                   /* -(y log p + (1 - y) log(1 - p)), logs at least -100; p: out, p, y */

    /* totals[i] = the sum or product over j of the terms of x[i row_step + j step], steps in elements: as doubles, or int64 where x is no
     * float or nonzeros are counted. Along the rows or down them all at once: orders of their own, fixed by n. */
    void (*fold[FOLDS][2][DTYPES])(void *totals, const void *x, size_t rows, ptrdiff_t row_step, size_t n, ptrdiff_t step,
                                   const void *about); /* about: one a row; NULL: 0; down: at most FOLD_MOST rows */
    /* The first smallest [0] or largest [1] of each such row, where NaN wins: its value and its place; NULL: not asked. */
    void (*extreme[2][DTYPES])(void *values, int64_t *places, const void *x, size_t rows, ptrdiff_t row_step, size_t n, ptrdiff_t step);

    /* Rows of n contiguous values; out may be x. */
    void (*softmax[FLOATS])(void *out, const void *x, size_t n);
    void (*log_softmax[FLOATS])(void *out, const void *x, size_t n);
    double (*logsumexp[FLOATS])(const void *x, size_t n);
    void (*softmax_parts[FLOATS])(const void *x, size_t n, double *largest, double *rest); /* rest = log(sum(e^(x - largest))): kept
                                                   apart, since their sum rounds rest away beside a large value */
    void (*softmax_vjp[FLOATS])(void *dx, const void *g, const void *y, size_t n);     /* y (g - sum(g y)) */
    void (*log_softmax_vjp[FLOATS])(void *dx, const void *g, const void *y, size_t n); /* g - e^y sum(g) */
    void (*softmax_minus_target[FLOATS])(void *dx, const void *x, size_t n, double largest, double rest, int64_t target,
                                         double scale); /* scale (e^(x - largest - rest) - [j = target]) */
    struct channel_loops channels[FLOATS];
    /* Rows of n, each normalised: y = (x - mean) rstd w + b; w and b may be NULL, dw and db too. about: two numbers a row. */
    void (*row_norm[FLOATS])(void *y, double (*about)[2], const void *x, const void *w, const void *b, size_t rows, size_t n, double eps,
                             bool centred);     /* about becomes mean and rstd; not centred: the mean is taken for 0 */
    void (*row_norm_vjp[FLOATS])(void *dx, void *dw, void *db, const double (*about)[2], const void *g, const void *x, const void *w, size_t rows,
                                 size_t n, bool centred); /* adds to dw and db */

    /* Rows [from, to) of one plane of an image, see pooling.h; the backward ones make rows of dx. */
    pooling_kernel *pool_max[FLOATS], *pool_mean[FLOATS];
    pooling_vjp_kernel *pool_max_vjp[FLOATS], *pool_mean_vjp[FLOATS];
    resize_kernel *resize[FLOATS], *resize_vjp[FLOATS];

    void (*scan_logsumexp[FLOATS])(void *y, const void *x, size_t n); /* y_i = log(e^x0 + ... + e^xi) */

    /* n values of a Philox stream from a block on: element i comes from block i / 4 (float32) or i / 2 (others) after it, whoever
     * makes it. */
    void (*random_uniform[FLOATS])(void *out, size_t n, uint64_t seed, uint64_t block); /* [0, 1), multiples of 2^-24, 2^-53 */
    void (*random_normal[FLOATS])(void *out, size_t n, uint64_t seed, uint64_t block);  /* Box-Muller: words 2j and 2j + 1 make values 2j and 2j + 1 */
    void (*random_below)(int64_t *out, size_t n, uint64_t seed, uint64_t block, int64_t low, uint64_t span); /* low + [0, span) */
};
const struct kernels *kernels(void);

/* ---- Driving the inner loops over strided operands ---------------------------------------------------------------------- */
enum { LOOP_OPERANDS = 4, LOOP_RANK = 8 };
struct loop {
    kernel_loop *run;
    const double *parameters;
    size_t operands, rank;
    int64_t sizes[LOOP_RANK];
    char *data[LOOP_OPERANDS];
    uint8_t items[LOOP_OPERANDS];               /* bytes of an element */
    ptrdiff_t steps[LOOP_OPERANDS][LOOP_RANK];  /* bytes */
};
void loop_run(struct loop *loop);               /* reorders and merges axes, shares large loops among threads; changes *loop */
enum { LOOP_GRAIN = 8192 };                     /* elements below which a second thread does not pay */
#endif
