/* Logarithms, and the inverse hyperbolic functions made of them. Included by math.h. */
#ifndef COTANGENT_KERNELS_MATH_LOG_H
#define COTANGENT_KERNELS_MATH_LOG_H

/* x = 2^exponent (1 + f), 1 + f in [sqrt(1/2), sqrt(2)); denormals too */
ISA_INLINE float split_log(float x, float *exponent)
{
    float scaled = x < 1.17549435e-38f ? x * 33554432.0f : x, shift = x < 1.17549435e-38f ? 25.0f : 0.0f;
    uint32_t i = bits_of(scaled) - 0x3f3504f3u;
    *exponent = (float)((int32_t)i >> 23) - shift;
    return float_of((i & 0x007fffffu) + 0x3f3504f3u) - 1.0f;
}

/* log(1 + f) - f */
ISA_INLINE float log_tail(float f)
{
    float z = f * f, p = POLY9(f, 3.3333331174e-1f, -2.4999993993e-1f, 2.0000714765e-1f, -1.6668057665e-1f, 1.4249322787e-1f, -1.2420140846e-1f,
                               1.1676998740e-1f, -1.1514610310e-1f, 7.0376836292e-2f);
    return FMA(p * f, z, -0.5f * z);
}

ISA_INLINE float log_ends(float x, float y)     /* y, or what any logarithm is of a number that has none */
{
    y = x == INFINITY ? x : y;
    return x > 0 ? y : x == 0 ? -INFINITY : NAN;
}

ISA_INLINE float log_f32(float x)
{
    float e, f = split_log(x, &e), tail = log_tail(f);
    return log_ends(x, FMA(e, 0.693359375f, FMA(e, -2.12194440e-4f, tail) + f));
}

ISA_INLINE float log2_f32(float x)
{
    float e, f = split_log(x, &e), tail = log_tail(f);
    return log_ends(x, FMA(f, 1.44269502f, FMA(f, 1.92596299e-8f, tail * 1.44269502f)) + e);
}

ISA_INLINE float log10_f32(float x)
{
    float e, f = split_log(x, &e), tail = log_tail(f);
    float y = FMA(e, 2.48745664e-4f, tail * 0.434294492f);
    return log_ends(x, FMA(e, 0.30078125f, FMA(f, 0.434294492f, y)));
}

ISA_INLINE float log1p_f32(float x)             /* of 1 + x, and what that sum rounded away is added to its mantissa */
{
    float u = 1.0f + x, lost = x - (u - 1.0f);
    uint32_t i = bits_of(u) - 0x3f3504f3u, exponent = i & 0xff800000u;
    float e = (float)((int32_t)i >> 23), f = float_of((i & 0x007fffffu) + 0x3f3504f3u) - 1.0f;
    f += x > 1e9f ? 0.0f : lost * float_of(0x3f800000u - exponent);
    float y = FMA(e, 0.693359375f, FMA(e, -2.12194440e-4f, log_tail(f)) + f);
    return __builtin_copysignf(log_ends(u, y), x);
}

ISA_INLINE float asinh_f32(float x)
{
    float a = __builtin_fabsf(x), s = a * a;
    float t = a > 1e8f ? a : a + s / (1.0f + __builtin_sqrtf(s + 1.0f));
    float y = log1p_f32(t) + (a > 1e8f ? 0.693147182f : 0.0f);
    return __builtin_copysignf(y, x);
}

ISA_INLINE float acosh_f32(float x)
{
    float t = x - 1.0f, root = __builtin_sqrtf(t * (x + 1.0f));
    float y = log1p_f32(x > 1e8f ? x : t + root) + (x > 1e8f ? 0.693147182f : 0.0f);
    return x < 1.0f ? NAN : y;
}

ISA_INLINE float atanh_f32(float x)
{
    float a = __builtin_fabsf(x), y = 0.5f * log1p_f32(2.0f * a / (1.0f - a));
    return __builtin_copysignf(a > 1.0f ? NAN : y, x);
}
#endif
