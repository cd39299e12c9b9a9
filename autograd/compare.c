/* Equal or nearly so. */
#include <math.h>

#include "internal.h"

static bool next_index(const ct_tensor *t, int64_t *index)
{
    for (int i = t->rank; i-- > 0; index[i] = 0)
        if (++index[i] < t->sizes[i])
            return true;
    return false;
}

static const char *element(const ct_tensor *t, const int64_t *index)
{
    int64_t offset = 0;
    for (int i = 0; i < t->rank; i++)
        offset += index[i] * t->strides[i];
    return t->data + offset * (int64_t)ct_dtype_size((ct_dtype)t->dtype);
}

static double as_double(const ct_tensor *t, const char *at)
{
    switch (t->dtype) {
    case CT_FLOAT32:
        return *(const float *)at;
    case CT_FLOAT64:
        return *(const double *)at;
    case CT_INT64:
        return (double)*(const int64_t *)at;
    default:
        return *(const uint8_t *)at;
    }
}

bool ct_equal(const ct_tensor *x, const ct_tensor *y)
{
    if (!given("equal", "first operand", x) || !given("equal", "second operand", y))
        return false;
    if (x->dtype != y->dtype || !same_sizes(x, y))
        return false;
    int64_t index[CT_MAX_RANK] = {0};
    if (tensor_numel(x))
        do {
            const char *a = element(x, index), *b = element(y, index);
            if (is_floating(x) ? as_double(x, a) != as_double(y, b) : memcmp(a, b, ct_dtype_size((ct_dtype)x->dtype)) != 0)
                return false;
        } while (next_index(x, index));
    return true;
}

bool(ct_allclose)(const ct_tensor *x, const ct_tensor *y, double rtol, double atol, bool equal_nan)
{
    if (!given("allclose", "first operand", x) || !given("allclose", "second operand", y) || !same_sizes(x, y))
        return false;
    int64_t index[CT_MAX_RANK] = {0};
    if (tensor_numel(x))
        do {
            double a = as_double(x, element(x, index)), b = as_double(y, element(y, index));
            if (!(a == b || (equal_nan && isnan(a) && isnan(b)) || (isfinite(b) && fabs(a - b) <= atol + rtol * fabs(b))))
                return false;
        } while (next_index(x, index));
    return true;
}
