/* Windows over planes, compiled once per instruction set. Channels side by side are taken LANES at a time; a lone channel goes by
 * rows, each element of the kernel over a stretch of outputs at once. Every output is made of its elements in one order. */
#include "pooling.h"

#include <math.h>
#include <string.h>

#include "isa.h"
#include "tables.h"

enum { STRETCH = 64 };                          /* outputs of a row at a time; also the widest kernel taken so */

ISA_INLINE int64_t lesser(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

ISA_INLINE int64_t greater(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* By how much a mean divides along one axis. */
ISA_INLINE double share(const struct pooling *p, const struct pooling_axis *a, int64_t o)
{
    const struct pooling_span s = pooling_span(a, o);
    if (p->real_only || a->adaptive)
        return (double)(s.hi - s.lo);
    return (double)lesser(a->kernel, a->in + a->before - s.first);
}

/* The outputs whose window may hold element i: from, to. */
ISA_INLINE void outputs_at(const struct pooling_axis *a, int64_t i, int64_t *from, int64_t *to)
{
    if (a->adaptive) {
        *from = i * a->out / a->in, *to = ((i + 1) * a->out + a->in - 1) / a->in;
        return;
    }
    const int64_t past = i + a->before - (a->kernel - 1) * a->dilation; /* first of the earliest window to hold i, at least */
    *from = past > 0 ? (past + a->stride - 1) / a->stride : 0;
    *to = lesser(a->out, (i + a->before) / a->stride + 1);
}

/* The outputs in [start, start + n) whose element j of the kernel is inside the input, less start. */
ISA_INLINE void outputs_with(const struct pooling_axis *a, int64_t j, int64_t start, int64_t n, int32_t *from, int32_t *to)
{
    const int64_t at = j * a->dilation - a->before;
    const int64_t first = at < 0 ? (-at + a->stride - 1) / a->stride : 0, end = at < a->in ? (a->in - 1 - at) / a->stride + 1 : 0;
    *from = (int32_t)lesser(n, greater(0, first - start)), *to = (int32_t)greater(0, lesser(n, end - start));
}

/* The first output whose low tap is at least i. */
ISA_INLINE int64_t first_tap(const struct resize_axis *a, int64_t i)
{
    int64_t from = 0, to = a->out;
    while (from < to) {
        const int64_t middle = (from + to) / 2;
        if (a->low[middle] < i)
            from = middle + 1;
        else
            to = middle;
    }
    return from;
}

/* The first of the largest; of several NaNs the last, as in PyTorch. Without a branch. */
#define BETTER(v, best) (((v) > (best)) | ((v) != (v)))

#define T float
#define PLACE int32_t
#define NAME(name) name##_f32
#include "pooling_floats.h"
#undef T
#undef PLACE
#undef NAME
#define T double
#define PLACE int64_t
#define NAME(name) name##_f64
#include "pooling_floats.h"

void ISA_NAME(pooling_table)(struct kernels *table)
{
#define FLOATS_OF(name) table->name[F32] = name##_f32, table->name[F64] = name##_f64
    FLOATS_OF(pool_max), FLOATS_OF(pool_mean), FLOATS_OF(pool_max_vjp), FLOATS_OF(pool_mean_vjp);
    FLOATS_OF(resize), FLOATS_OF(resize_vjp);
}
