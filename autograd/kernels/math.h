/* Elementary functions as plain arithmetic without branches, so that both compilers turn loops over them into vector code,
 * on every instruction set, and a loop's tail gives what its body gives. The float32 ones keep NaN, infinities and
 * denormals; tests/test_kernels.c holds each to its error in ulp. float64 is the checking type and takes libm's. */
#ifndef COTANGENT_KERNELS_MATH_H
#define COTANGENT_KERNELS_MATH_H
#include <math.h>
#include <string.h>

#include "isa.h"

/* One rounding where the instruction exists, two elsewhere: a library call would cost more than all the rest. */
#ifdef __FMA__
#define FMA(a, b, c) __builtin_fmaf(a, b, c)
#else
#define FMA(a, b, c) ((a) * (b) + (c))
#endif

ISA_INLINE uint32_t bits_of(float x)            /* unsigned: a NaN's bits may wrap on their way through a branch not taken */
{
    uint32_t i;
    memcpy(&i, &x, sizeof i);
    return i;
}

ISA_INLINE float float_of(uint32_t i)
{
    float x;
    memcpy(&x, &i, sizeof x);
    return x;
}

/* x = n ln 2 + r, |r| <= ln 2 / 2. Adding 1.5 * 2^23 leaves the rounded n in the low bits. */
ISA_INLINE float reduce_exp(float x, int32_t *n)
{
    const float rounder = 12582912.0f;
    float shifted = FMA(x, 1.44269504f, rounder), whole = shifted - rounder;
    *n = (int32_t)(bits_of(shifted) - bits_of(rounder));
    return FMA(whole, 2.12194440e-4f, FMA(whole, -0.693359375f, x));
}

/* 2^n for n in [-126, 127] */
ISA_INLINE float power_of_two(int32_t n)
{
    return float_of(((uint32_t)n + 127) << 23);
}

/* (e^r - 1 - r) / r^2 for |r| <= ln 2 / 2 */
ISA_INLINE float exp_tail(float r)
{
    float p = FMA(1.98756915e-4f, r, 1.39819995e-3f);
    p = FMA(p, r, 8.33345205e-3f);
    p = FMA(p, r, 4.16657962e-2f);
    p = FMA(p, r, 1.66666657e-1f);
    return FMA(p, r, 0.5f);
}

ISA_INLINE float exp_f32(float x)
{
    int32_t n;
    float inside = x > 89.0f ? 89.0f : x < -104.0f ? -104.0f : x; /* a NaN passes both */
    float r = reduce_exp(inside, &n);
    float y = FMA(exp_tail(r), r * r, r) + 1.0f;
    int32_t half = n >> 1;                      /* 2^n in two factors reaches the denormals and infinity */
    return y * power_of_two(half) * power_of_two(n - half);
}

ISA_INLINE float expm1_f32(float x)
{
    int32_t n;
    float inside = x > 89.0f ? 89.0f : x < -30.0f ? -30.0f : x;
    float r = reduce_exp(inside, &n);
    float y = FMA(exp_tail(r), r * r, r);
    int32_t half = n >> 1;
    float a = power_of_two(half), b = power_of_two(n - half);
    float big = (y * a) * b + (a * b - 1.0f);
    big = n > 126 ? (y + 1.0f) * a * b : big;   /* there 2^n may overflow though the product does not */
    return x == 0 ? x : n == 0 ? y : big;
}

ISA_INLINE float log_f32(float x)
{
    float scaled = x < 1.17549435e-38f ? x * 33554432.0f : x;
    int32_t shift = x < 1.17549435e-38f ? 25 : 0;
    uint32_t i = bits_of(scaled) - 0x3f3504f3u; /* mantissa into [sqrt(1/2), sqrt(2)) */
    int32_t exponent = ((int32_t)i >> 23) - shift;
    float m = float_of((i & 0x007fffffu) + 0x3f3504f3u) - 1.0f, e = (float)exponent, z = m * m;
    float p = FMA(7.0376836292e-2f, m, -1.1514610310e-1f);
    p = FMA(p, m, 1.1676998740e-1f);
    p = FMA(p, m, -1.2420140846e-1f);
    p = FMA(p, m, 1.4249322787e-1f);
    p = FMA(p, m, -1.6668057665e-1f);
    p = FMA(p, m, 2.0000714765e-1f);
    p = FMA(p, m, -2.4999993993e-1f);
    p = FMA(p, m, 3.3333331174e-1f);
    float y = FMA(p * m, z, e * -2.12194440e-4f);
    y = FMA(-0.5f, z, y) + m;
    y = FMA(e, 0.693359375f, y);
    y = x == 0 ? -INFINITY : y;
    y = x < 0 ? NAN : y;
    return x == INFINITY || x != x ? x : y;
}

ISA_INLINE float log1p_f32(float x)
{
    float u = 1.0f + x;
    float lost = x - (u - 1.0f);                /* what the sum rounded away */
    float y = log_f32(u) + lost / u;
    y = u == 1.0f ? x : y;
    return x == INFINITY ? x : u == 0 ? -INFINITY : y;
}

ISA_INLINE float tanh_f32(float x)
{
    float a = __builtin_fabsf(x), inside = a > 10.0f ? 10.0f : a;
    float e = expm1_f32(2.0f * inside), y = e / (e + 2.0f);
    return __builtin_copysignf(y, x);
}

ISA_INLINE float sigmoid_f32(float x)
{
    return 1.0f / (1.0f + exp_f32(-x));
}

ISA_INLINE float exp2_f32(float x)
{
    const float rounder = 12582912.0f;
    float inside = x > 129.0f ? 129.0f : x < -151.0f ? -151.0f : x;
    float shifted = inside + rounder, r = (inside - (shifted - rounder)) * 0.693147182f;
    int32_t n = (int32_t)(bits_of(shifted) - bits_of(rounder)), half = n >> 1;
    return (FMA(exp_tail(r), r * r, r) + 1.0f) * power_of_two(half) * power_of_two(n - half);
}

/* log x over the logarithm of a base, given as inverse. A power of two is split off first, so that log2 of one is exact. */
ISA_INLINE float log_to_base(float x, float inverse, float inverse_of_2)
{
    float scaled = x < 1.17549435e-38f ? x * 33554432.0f : x;
    uint32_t i = bits_of(scaled) - 0x3f3504f3u;
    float e = (float)(((int32_t)i >> 23) - (x < 1.17549435e-38f ? 25 : 0));
    float m = float_of((i & 0x007fffffu) + 0x3f3504f3u);
    float y = FMA(log_f32(m), inverse, e * inverse_of_2);
    y = x == 0 ? -INFINITY : y;
    y = x < 0 ? NAN : y;
    return x == INFINITY || x != x ? x : y;
}

ISA_INLINE float log2_f32(float x)
{
    return log_to_base(x, 1.44269502f, 1.0f);
}

ISA_INLINE float log10_f32(float x)
{
    return log_to_base(x, 0.434294492f, 0.301029995f);
}

ISA_INLINE float sinh_f32(float x)              /* (e - 1/e) / 2 from e - 1, and from the root of e where e overflows */
{
    float a = __builtin_fabsf(x), e = expm1_f32(a), h = exp_f32(0.5f * a);
    float y = a > 20.0f ? 0.5f * h * h : 0.5f * (e + e / (e + 1.0f));
    return __builtin_copysignf(y, x);
}

ISA_INLINE float cosh_f32(float x)
{
    float a = __builtin_fabsf(x), e = exp_f32(a), h = exp_f32(0.5f * a);
    return a > 20.0f ? 0.5f * h * h : 0.5f * (e + 1.0f / e);
}

ISA_INLINE float asinh_f32(float x)
{
    float a = __builtin_fabsf(x), s = a * a;
    float y = a > 1e8f ? log_f32(a) + 0.693147182f : log1p_f32(a + s / (1.0f + __builtin_sqrtf(s + 1.0f)));
    return __builtin_copysignf(y, x);
}

ISA_INLINE float acosh_f32(float x)
{
    float t = x - 1.0f;
    float y = x > 1e8f ? log_f32(x) + 0.693147182f : log1p_f32(t + __builtin_sqrtf(t * (x + 1.0f)));
    return x < 1.0f ? NAN : y;
}

ISA_INLINE float atanh_f32(float x)
{
    float a = __builtin_fabsf(x), y = 0.5f * log1p_f32(2.0f * a / (1.0f - a));
    return __builtin_copysignf(a > 1.0f ? NAN : y, x);
}

/* Two minimax polynomials: near 0 for erf(x) / x - 1, beyond for log(1 - erf(x)). */
ISA_INLINE float erf_f32(float x)
{
    float t = __builtin_fabsf(x), s = x * x;
    float far = FMA(FMA(-1.72853470e-5f, t, 3.83197126e-4f), s, FMA(-3.88396438e-3f, t, 2.42546219e-2f));
    far = FMA(far, t, -1.06777877e-1f);
    far = FMA(far, t, -6.34846687e-1f);
    far = FMA(far, t, -1.28717512e-1f);
    far = FMA(far, t, -t);
    far = __builtin_copysignf(1.0f - exp_f32(far), x);
    float near = FMA(-5.96761703e-4f, s, 4.99119423e-3f);
    near = FMA(near, s, -2.67681349e-2f);
    near = FMA(near, s, 1.12819925e-1f);
    near = FMA(near, s, -3.76125336e-1f);
    near = FMA(near, s, 1.28379166e-1f);
    near = FMA(near, x, x);
    far = t > 4.0f ? __builtin_copysignf(1.0f, x) : far;
    return t > 0.927734375f ? far : near;
}
#endif
