/* Loops of normalisation over channels, compiled once per instruction set. */
#include <string.h>

#include "channels.h"
#include "isa.h"
#include "kernels.h"
#include "tables.h"

enum { WIDTH = VECTOR_BYTES };                   /* columns: four vectors of floats */

#define T float
#define NAME(x) x##_f32
#include "channels_floats.h"
#undef T
#undef NAME
#define T double
#define NAME(x) x##_f64
#include "channels_floats.h"
#undef T
#undef NAME

void ISA_NAME(channels_table)(struct kernels *table)
{
    table->channels[F32] = (struct channel_loops){moments_f32, sums_f32, apply_f32, vjp_f32};
    table->channels[F64] = (struct channel_loops){moments_f64, sums_f64, apply_f64, vjp_f64};
}
