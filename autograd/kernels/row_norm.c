/* Rows brought to mean 0 and variance 1, or to a mean square of 1, and back. Compiled once per instruction set. */
#include <math.h>

#include "fold.h"
#include "isa.h"
#include "kernels.h"
#include "tables.h"

#define T float
#define NAME(x) x##_f32
#include "row_norm_floats.h"
#undef T
#undef NAME
#define T double
#define NAME(x) x##_f64
#include "row_norm_floats.h"
#undef T
#undef NAME

void ISA_NAME(row_norm_table)(struct kernels *table)
{
    table->row_norm[F32] = row_norm_f32, table->row_norm[F64] = row_norm_f64;
    table->row_norm_vjp[F32] = row_norm_vjp_f32, table->row_norm_vjp[F64] = row_norm_vjp_f64;
}
