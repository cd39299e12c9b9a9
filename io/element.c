/* element.c - every conversion is exact. */
#include "element.h"

#include <string.h>

/* Exponent and mantissa move to their places; a denormal number, made normal by one exponent more, loses that by a subtraction. */
static float from_half(uint16_t half)
{
    const uint32_t magnitude = (uint32_t)(half & 0x7fff) << 13, sign = (uint32_t)(half & 0x8000) << 16;
    const bool finite = magnitude < 0x1fu << 23, normal = magnitude >= 1u << 23;
    uint32_t bits = finite ? magnitude + ((normal ? 112u : 113u) << 23) : magnitude | 0xffu << 23;
    float value;
    memcpy(&value, &bits, sizeof value);
    const float least = 0x1p-14f, small = value - least;
    if (!normal)
        memcpy(&bits, &small, sizeof bits);
    bits |= sign;
    memcpy(&value, &bits, sizeof value);        /* NaNs keep their bits: no arithmetic touched them */
    return value;
}

static float from_bfloat(uint16_t upper)
{
    const uint32_t bits = (uint32_t)upper << 16;
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

#define WIDEN(name, from, to, value)                                    \
    static void name(void *out, const void *in, size_t count)           \
    {                                                                   \
        const from *x = in;                                             \
        to *y = out;                                                    \
        for (size_t i = 0; i < count; i++)                              \
            y[i] = value;                                               \
    }
WIDEN(widen_i8, int8_t, int64_t, x[i])
WIDEN(widen_i16, int16_t, int64_t, x[i])
WIDEN(widen_i32, int32_t, int64_t, x[i])
WIDEN(widen_u8, uint8_t, int64_t, x[i])
WIDEN(widen_u16, uint16_t, int64_t, x[i])
WIDEN(widen_u32, uint32_t, int64_t, x[i])
WIDEN(widen_f16, uint16_t, float, from_half(x[i]))
WIDEN(widen_bf16, uint16_t, float, from_bfloat(x[i]))

const struct element_type element_types[] = {
    [ELEMENT_BOOL] = {1, CT_BOOL, NULL},
    [ELEMENT_I8] = {1, CT_INT64, widen_i8},
    [ELEMENT_I16] = {2, CT_INT64, widen_i16},
    [ELEMENT_I32] = {4, CT_INT64, widen_i32},
    [ELEMENT_I64] = {8, CT_INT64, NULL},
    [ELEMENT_U8] = {1, CT_INT64, widen_u8},
    [ELEMENT_U16] = {2, CT_INT64, widen_u16},
    [ELEMENT_U32] = {4, CT_INT64, widen_u32},
    [ELEMENT_F16] = {2, CT_FLOAT32, widen_f16},
    [ELEMENT_BF16] = {2, CT_FLOAT32, widen_bf16},
    [ELEMENT_F32] = {4, CT_FLOAT32, NULL},
    [ELEMENT_F64] = {8, CT_FLOAT64, NULL},
};

enum element element_of(ct_dtype dtype)
{
    return dtype == CT_FLOAT32 ? ELEMENT_F32 : dtype == CT_FLOAT64 ? ELEMENT_F64 : dtype == CT_INT64 ? ELEMENT_I64 : ELEMENT_BOOL;
}

void element_swap(void *values, size_t count, size_t bytes)
{
    unsigned char *value = values;
    for (size_t i = 0; i < count; i++, value += bytes)
        for (size_t j = 0; j < bytes / 2; j++) {
            const unsigned char kept = value[j];
            value[j] = value[bytes - 1 - j];
            value[bytes - 1 - j] = kept;
        }
}
