/* New tensors from sizes and numbers. */
#include <math.h>

#include "../inspecting.h"
#include "../kernels/pool.h"
#include "ops.h"

static bool known_dtype(const char *op, ct_dtype dtype)
{
    return ct_dtype_size(dtype) || ct_fail("%s: %d is no dtype", op, (int)dtype);
}

ct_tensor *(ct_empty)(const int64_t *sizes, size_t rank, ct_dtype dtype)
{
    return known_dtype("empty", dtype) ? tensor_new("empty", dtype, rank, sizes, NULL) : NULL;
}

static size_t bytes_of(const ct_tensor *t)
{
    return (size_t)tensor_numel(t) * ct_dtype_size((ct_dtype)t->dtype);
}

enum { ZEROED = 1 << 18 };                      /* bytes a part */

static void zero_part(size_t part, void *tensor)
{
    ct_tensor *t = tensor;
    const size_t from = part * ZEROED, bytes = bytes_of(t);
    memset(t->data + from, 0, bytes - from < ZEROED ? bytes - from : ZEROED);
}

ct_tensor *zeros_of(const char *op, ct_dtype dtype, const int64_t *sizes, size_t rank)
{
    ct_tensor *t = known_dtype(op, dtype) ? tensor_new(op, dtype, rank, sizes, NULL) : NULL;
    if (t)
        pool_run((bytes_of(t) + ZEROED - 1) / ZEROED, zero_part, t);
    profile_made(t);
    return t;
}

/* Every element of a dense t from one value of any dtype. */
static ct_tensor *filled(ct_tensor *t, double value)
{
    if (!t)
        return NULL;
    ct_tensor source = {.dtype = CT_FLOAT64, .data = (char *)&value};
    run_loop(kernels()->cast[CT_FLOAT64][t->dtype], NULL, (ct_tensor *const[]){t, &source}, 2);
    profile_made(t);
    return t;
}

ct_tensor *(ct_zeros)(const int64_t *sizes, size_t rank, ct_dtype dtype)
{
    return zeros_of("zeros", dtype, sizes, rank);
}

ct_tensor *(ct_ones)(const int64_t *sizes, size_t rank, ct_dtype dtype)
{
    return known_dtype("ones", dtype) ? filled(tensor_new("ones", dtype, rank, sizes, NULL), 1) : NULL;
}

ct_tensor *(ct_full)(const int64_t *sizes, size_t rank, double value, ct_dtype dtype)
{
    return known_dtype("full", dtype) ? filled(tensor_new("full", dtype, rank, sizes, NULL), value) : NULL;
}

static ct_tensor *like(const char *op, ct_tensor *x)
{
    return given_shape(op, "the operand", x) ? tensor_new_like(op, (ct_dtype)x->dtype, x) : NULL;
}

ct_tensor *ct_zeros_like(ct_tensor *x)
{
    ct_tensor *t = like("zeros_like", x);
    if (t)
        memset(t->data, 0, bytes_of(t));
    return t;
}

ct_tensor *ct_ones_like(ct_tensor *x)
{
    return filled(like("ones_like", x), 1);
}

ct_tensor *ct_full_like(ct_tensor *x, double value)
{
    return filled(like("full_like", x), value);
}

/* ---- Numbers of the caller's ------------------------------------------------------------------------------------------------------ */
static ct_tensor *number(ct_dtype dtype, const void *value)
{
    ct_tensor *t = tensor_new("scalar", dtype, 0, NULL, NULL);
    if (t) {
        memcpy(t->data, value, ct_dtype_size(dtype));
        t->flags = IS_NUMBER;
    }
    return t;
}

ct_tensor *ct_scalar(double value)
{
    return number(CT_FLOAT64, &value);
}

ct_tensor *ct_scalar_int(int64_t value)
{
    return number(CT_INT64, &value);
}

ct_tensor *ct_scalar_bool(bool value)
{
    return number(CT_BOOL, &value);
}

/* ---- Sequences -------------------------------------------------------------------------------------------------------------------------- */
/* Element i is start + i step, computed in double from i alone so that no error builds up. */
static ct_tensor *sequence(const char *op, int64_t count, double start, double step, double last, ct_dtype dtype)
{
    if (!known_dtype(op, dtype))
        return NULL;
    if (dtype == CT_BOOL)
        return ct_fail("%s: not defined for bool", op);
    ct_tensor *t = tensor_new(op, dtype, 1, &count, NULL);
    if (!t)
        return NULL;
    for (int64_t i = 0; i < count; i++) {
        double v = i < (count + 1) / 2 || isnan(last) ? start + (double)i * step : last - (double)(count - 1 - i) * step;
        if (dtype == CT_FLOAT32)
            ((float *)t->data)[i] = (float)v;
        else if (dtype == CT_FLOAT64)
            ((double *)t->data)[i] = v;
        else
            ((int64_t *)t->data)[i] = (int64_t)start + i * (int64_t)step;
    }
    return t;
}

ct_tensor *(ct_arange)(double start, double end, double step, ct_dtype dtype)
{
    if (!isfinite(start) || !isfinite(end) || !isfinite(step))
        return ct_fail("arange: from %g to %g by %g: want finite numbers", start, end, step);
    if (step == 0 || (end - start) / step < 0)
        return ct_fail("arange: a step of %g does not lead from %g to %g", step, start, end);
    double count = ceil((end - start) / step);
    if (count >= 9e15)
        return ct_fail("arange: from %g to %g by %g: Storage size calculation overflowed", start, end, step);
    if (dtype == CT_INT64 && (start != trunc(start) || step != trunc(step)))
        return ct_fail("arange: int64 wants a whole start and step, got %g and %g", start, step);
    return sequence("arange", (int64_t)count, start, step, NAN, dtype);
}

ct_tensor *(ct_linspace)(double start, double end, int64_t count, ct_dtype dtype)
{
    if (count < 0)
        return ct_fail("linspace: %lld points, want at least 0", (long long)count);
    if (dtype == CT_INT64)
        return ct_cast((ct_linspace)(start, end, count, CT_FLOAT64), CT_INT64);
    return sequence("linspace", count, start, count > 1 ? (end - start) / (double)(count - 1) : 0, count > 1 ? end : start, dtype);
}

ct_tensor *(ct_eye)(int64_t rows, int64_t columns, ct_dtype dtype)
{
    ct_tensor *t = zeros_of("eye", dtype, (const int64_t[]){rows, columns}, 2);
    if (!t)
        return NULL;
    int64_t count = rows < columns ? rows : columns, stride = count > 1 ? columns + 1 : 1;
    double one = 1;
    ct_tensor source = {.dtype = CT_FLOAT64, .data = (char *)&one}, diagonal = part_from(t, 0);
    diagonal.rank = 1, diagonal.sizes[0] = count, diagonal.strides[0] = stride;
    if (count)
        run_loop(kernels()->cast[CT_FLOAT64][dtype], NULL, (ct_tensor *const[]){&diagonal, &source}, 2);
    return t;
}

/* ---- From C arrays ---------------------------------------------------------------------------------------------------------------------- */
ct_tensor *(ct_vector)(const double *values, size_t count, ct_dtype dtype)
{
    if (count && !values)
        return ct_fail("vector: the array is NULL");
    int64_t size = (int64_t)count;
    ct_tensor source = {.dtype = CT_FLOAT64, .rank = 1, .data = (char *)(uintptr_t)values, .sizes = {size}, .strides = {1}};
    ct_tensor *t = known_dtype("vector", dtype) ? tensor_new("vector", dtype, 1, &size, NULL) : NULL;
    if (t)
        copy_values(t, &source);
    return t;
}

ct_tensor *(ct_from_array)(const void *values, ct_dtype dtype, const int64_t *sizes, size_t rank)
{
    ct_tensor *t = known_dtype("from_array", dtype) ? tensor_new("from_array", dtype, rank, sizes, NULL) : NULL;
    if (!t)
        return NULL;
    if (!values && tensor_numel(t))
        return ct_fail("from_array: the array is NULL");
    if (bytes_of(t))
        memcpy(t->data, values, bytes_of(t));
    return t;
}
