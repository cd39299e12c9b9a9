/* The error function and the normal distribution. Each is 2^p of one polynomial p: the logarithm of a tail is smooth where
 * the tail is not. Included by math.h. */
#ifndef COTANGENT_KERNELS_MATH_ERF_H
#define COTANGENT_KERNELS_MATH_ERF_H

ISA_INLINE float erf_f32(float x)               /* 1 - 2^(t q(t)), t = |x|, up to where it rounds to 1 */
{
    float a = __builtin_fabsf(x), t = a > 4.0f ? 4.0f : a;
    float p = t * POLY9(t, -1.627907035f, -0.9184476253f, -0.1482770665f, 0.02763203092f, 0.0002314009129f, -0.002405010103f, 0.0009129892118f,
                        -0.0001697200412f, 1.335391385e-5f);
    float shifted = p + HALF_ROUNDER, half = half_power(shifted), y = exp2m1_near(p - (shifted - HALF_ROUNDER));
    return __builtin_copysignf(2.0f * FMA(y, half, half - 0.5f), x);
}

/* e^(-a^2) times a polynomial of 2 / (2 + a). What a * a rounds away counts, as e^ magnifies it.
 * Near 0 it is 1 - erf, which a polynomial gives. */
ISA_INLINE float erfc_f32(float x)
{
    float a = __builtin_fabsf(x), inside = a > 10.5f ? 10.5f : a, t = 2.0f / (2.0f + inside);
    float head = float_of(bits_of(inside) & 0xfffff000u), square = head * head, rest = (inside - head) * (inside + head);
    float p = t * POLY11(t, 0.2820885208f, 0.282252402f, 0.2451791073f, 0.1855952763f, 0.05487669592f, 0.03540890142f, -0.02196506194f,
                         -0.2895869016f, 0.3814162632f, -0.1910320874f, 0.03576688753f);
    float y = exp_f32(-square) * (p + p * expm1_near(-rest));
    float s = x * x, near = FMA(x, POLY6(s, 1.28379166e-1f, -3.76125336e-1f, 1.12819925e-1f, -2.67681349e-2f, 4.99119423e-3f, -5.96761703e-4f), x);
    y = x < 0 ? 2.0f - y : y;
    return a < 0.75f ? 1.0f - near : y;
}

/* Phi(x), the normal distribution's integral up to x; 0 below -6, where 1 - Phi rounds to 1 long since */
ISA_INLINE float normal_cdf_f32(float x)
{
    const float rounder = HALF_ROUNDER + 1.0f;
    float a = __builtin_fabsf(x), t = a > 6.0f ? 6.0f : a;
    float p = POLY10(t, -0.9999999812f, -1.151105464f, -0.4592084327f, -0.05248757874f, 0.007034302329f, -9.375549242e-5f, -0.0002196758116f,
                     5.342832622e-5f, -5.83724505e-6f, 2.548724146e-7f);
    float shifted = p + rounder, power = half_power(shifted), y = FMA(exp2m1_near(p - (shifted - rounder)), power, power);
    y = a > 6.0f ? 0.0f : y;
    return x < 0 ? y : 1.0f - y;
}

/* Phi(x) + x phi(x), the derivative of x Phi(x): one exponential for both. */
ISA_INLINE float gelu_slope_f32(float x)
{
    float a = __builtin_fabsf(x), t = a > 6.0f ? 6.0f : a, e = exp_f32(-0.5f * x * x);
    float p = POLY13(t, 0.4999999693f, -0.3989394865f, 0.249957998f, -0.132734162f, 0.06175151106f, -0.02524407568f, 0.008833005912f,
                     -0.002521477362f, 0.0005544196544f, -8.824368435e-5f, 9.424217781e-6f, -5.981742266e-7f, 1.694629727e-8f);
    float y = p * e;
    return FMA(x * e, 0.39894228f, x < 0 ? y : 1.0f - y);
}
#endif
