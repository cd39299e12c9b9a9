/* channels.h - normalisation over channels. Tensors are seen as (outer, channels, inner), dense; inner is 1 where memory is
 * channels-last. Sums run over fixed blocks in a fixed order: the bits do not depend on the number of threads. */
#ifndef COTANGENT_KERNELS_CHANNELS_H
#define COTANGENT_KERNELS_CHANNELS_H
#include <stdbool.h>
#include <stddef.h>

struct channels {
    size_t outer, count, inner;
};

/* A function of x with constants of each channel: about (x's offset, subtracted first), then scale and shift. */
struct channel_line {
    const double *about, *scale, *shift;
};

/* false: no memory for the work space; dtype F32 or F64 (kernels.h). */
bool channel_moments(const struct channels *s, int dtype, const void *x, double *mean, double *var); /* var: biased; NaN of no elements */
bool channel_apply(const struct channels *s, int dtype, void *y, const void *x, const void *add, const struct channel_line *line, bool relu);
                                                /* y = (x - about) scale + shift [+ add] [relu]; add may be NULL */
/* With gate, g counts only where the gate is not <= 0; gated, NULL unless there is a gate, becomes that g. */
bool channel_sums(const struct channels *s, int dtype, const void *g, const void *gate, void *gated, const void *x, const double *about, double *sum,
                  double *product);             /* sums of g, and of g (x - about); without x and about only the first */
bool channel_vjp(const struct channels *s, int dtype, void *dx, const void *g, const void *gate, const void *x, const double *slope,
                 const struct channel_line *line); /* dx = g slope + (x - about) scale + shift */

/* The loops of one instruction set over a block of rows, or over one channel's plane: then `lines` is 0, else the numbers in each
 * line of constants. */
struct channel_loops {
    void (*moments)(const void *x, size_t rows, size_t columns, size_t stride, const void *about, double *sum, double *square); /* of x - about, by column */
    void (*sums)(const void *g, const void *gate, const void *x, void *gated, size_t rows, size_t columns, size_t stride, const void *about, double *sum,
                 double *product);
    void (*apply)(void *y, const void *x, const void *add, size_t rows, size_t columns, size_t lines, const void *constants, bool relu);
    void (*vjp)(void *dx, const void *g, const void *gate, const void *x, size_t rows, size_t columns, size_t lines, const void *constants);
};
#endif
