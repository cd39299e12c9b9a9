/* The loops of update_loops.h for both floats; built once per instruction set, as autograd/kernels/isa.h tells. */
#include <float.h>

#include "autograd/kernels/isa.h"
#include "optim/update_kernels.h"

/* Moments of dead units decay into denormals, which halve the speed of the whole pass. A first moment is flushed early:
 * what it would still move is far below the rounding of p. A second one may stand alone under the root (eps 0), so it
 * goes only where it is denormal. */
#define REAL float
#define REAL_NAME(stem) ISA_NAME(stem##_f32)
#define SQRT __builtin_sqrtf
#define ABS __builtin_fabsf
#define FIRST_FLOOR 1e-30f
#define SECOND_FLOOR FLT_MIN
#include "optim/update_loops.h"

#define REAL double
#define REAL_NAME(stem) ISA_NAME(stem##_f64)
#define SQRT __builtin_sqrt
#define ABS __builtin_fabs
#define FIRST_FLOOR 1e-290
#define SECOND_FLOOR DBL_MIN
#include "optim/update_loops.h"
