/* The loops of update_loops.h for both floats; built once per instruction set, as autograd/kernels/isa.h tells. */
#include <float.h>
#include <math.h>

#include "autograd/kernels/isa.h"
#include "optim/update_kernels.h"

/* Moments of dead units decay into denormals, which halve the speed of the whole pass. A first moment is flushed early:
 * what it would still move is far below the rounding of p. A second one may stand alone under the root (eps 0), so it
 * goes only where it is denormal. */
#define SMALL(x) SMALL_(x)
#define MEAN(a, to, weight) a = SMALL_(a + (to - a) * (weight))
#define SQUARES(b) (b = b * beta2 + g * g * rest2, b = b < SECOND_FLOOR ? 0 : b)
/* Both keep a NaN. Rounding can leave a - b^2 below 0. */
#define MAX(x, y) ((x) >= (y) || (x) != (x) ? (x) : (y))
#define POSITIVE(x) ((x) < 0 ? 0 : (x))
#define SIGN(x) ((x) > 0 ? 1 : (x) < 0 ? -1 : (x))

#define REAL float
#define REAL_NAME(stem) stem##_f32
#define SQRT __builtin_sqrtf
#define ABS __builtin_fabsf
#define FIRST_FLOOR 1e-30f
#define SECOND_FLOOR FLT_MIN
#include "optim/update_loops.h"

#define REAL double
#define REAL_NAME(stem) stem##_f64
#define SQRT __builtin_sqrt
#define ABS __builtin_fabs
#define FIRST_FLOOR 1e-290
#define SECOND_FLOOR DBL_MIN
#include "optim/update_loops.h"

const struct update_kernels ISA_NAME(update_kernels) = {
    .rules = {
#define RULE(name, kept, ...) {name##_f32, name##_f64},
#include "optim/update.def"
#undef RULE
    },
    .squares = {squares_f32, squares_f64},
    .absolutes = {absolutes_f32, absolutes_f64},
    .largest = {largest_f32, largest_f64},
    .powers = {powers_f32, powers_f64},
    .lamb_moments = {lamb_moments_f32, lamb_moments_f64},
};
