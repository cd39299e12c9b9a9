/* Exponentials, and the hyperbolic functions made of them. Included by math.h. */
#ifndef COTANGENT_KERNELS_MATH_EXP_H
#define COTANGENT_KERNELS_MATH_EXP_H

/* Adding this leaves a rounded whole number in the low bits, as an exponent with twice the bias: a half of it, shifted into
 * place, is a power of two, and so is what remains. */
#define ROUNDER (12582912.0f + 254.0f)

ISA_INLINE float first_power(float shifted)     /* 2^n = first_power * second_power reaches the denormals and infinity */
{
    return float_of(bits_of(shifted) >> 1 << 23);
}

ISA_INLINE float second_power(float shifted)
{
    return float_of((bits_of(shifted) - (bits_of(shifted) >> 1)) << 23);
}

/* 2^(n - 1) for a sum of 12582912 + 126 and n in [-125, 128] */
#define HALF_ROUNDER (12582912.0f + 126.0f)
ISA_INLINE float half_power(float shifted)
{
    return float_of(bits_of(shifted) << 23);
}

/* x = n ln 2 + r, |r| <= ln 2 / 2 */
ISA_INLINE float reduce_exp(float x, float rounder, float *shifted)
{
    *shifted = FMA(x, 1.44269504f, rounder);
    float whole = *shifted - rounder;
    return FMA(whole, 2.12194440e-4f, FMA(whole, -0.693359375f, x));
}

/* e^r - 1 for |r| <= ln 2 / 2 */
ISA_INLINE float expm1_near(float r)
{
    float p = POLY6(r, 0.5f, 1.66666657e-1f, 4.16657962e-2f, 8.33345205e-3f, 1.39819995e-3f, 1.98756915e-4f);
    return FMA(p, r * r, r);
}

/* 2^f - 1 for |f| <= 1/2 */
ISA_INLINE float exp2m1_near(float f)
{
    return f * POLY6(f, 0.6931471879f, 0.2402264979f, 0.05550357434f, 0.009618237502f, 0.00133907355f, 0.0001540351039f);
}

ISA_INLINE float exp_f32(float x)
{
    float shifted, inside = x > 89.0f ? 89.0f : x < -104.0f ? -104.0f : x; /* a NaN passes both */
    float y = expm1_near(reduce_exp(inside, ROUNDER, &shifted)) + 1.0f;
    return y * first_power(shifted) * second_power(shifted);
}

ISA_INLINE float exp2_f32(float x)
{
    float inside = x > 129.0f ? 129.0f : x < -151.0f ? -151.0f : x;
    float shifted = inside + ROUNDER, y = exp2m1_near(inside - (shifted - ROUNDER)) + 1.0f;
    return y * first_power(shifted) * second_power(shifted);
}

ISA_INLINE float expm1_f32(float x)             /* half of it, as 2^128 overflows before the result does */
{
    float shifted, inside = x > 89.0f ? 89.0f : x < -30.0f ? -30.0f : x;
    float y = expm1_near(reduce_exp(inside, HALF_ROUNDER, &shifted)), half = half_power(shifted);
    return __builtin_copysignf(2.0f * FMA(y, half, half - 0.5f), x);
}

ISA_INLINE float sigmoid_f32(float x)
{
    return 1.0f / (1.0f + exp_f32(-x));
}

ISA_INLINE float tanh_f32(float x)              /* h / (h + 1), h = (e^2|x| - 1) / 2 */
{
    float shifted, a = __builtin_fabsf(x), inside = a > 10.0f ? 20.0f : 2.0f * a;
    float y = expm1_near(reduce_exp(inside, HALF_ROUNDER, &shifted)), half = half_power(shifted), h = FMA(y, half, half - 0.5f);
    return __builtin_copysignf(h / (h + 1.0f), x);
}

ISA_INLINE float sinh_f32(float x)              /* (e - 1/e) / 2 from a quarter of e - 1, as e overflows first */
{
    float shifted, a = __builtin_fabsf(x), inside = a > 89.5f ? 89.5f : a;
    float r = expm1_near(reduce_exp(inside, HALF_ROUNDER - 1.0f, &shifted)), quarter = half_power(shifted);
    float half = FMA(r, quarter, quarter - 0.25f); /* (e^a - 1) / 4 */
    return __builtin_copysignf(2.0f * half + half / FMA(2.0f, half, 0.5f), x);
}

ISA_INLINE float cosh_f32(float x)
{
    float shifted, a = __builtin_fabsf(x), inside = a > 89.5f ? 89.5f : a;
    float y = expm1_near(reduce_exp(inside, HALF_ROUNDER - 1.0f, &shifted)) + 1.0f, quarter = y * half_power(shifted); /* e^a / 4 */
    return 2.0f * quarter + 0.125f / quarter;
}
#endif
