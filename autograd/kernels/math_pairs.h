/* Functions of two numbers whose float32 is had from float64 arithmetic. Included by math.h. */
#ifndef COTANGENT_KERNELS_MATH_PAIRS_H
#define COTANGENT_KERNELS_MATH_PAIRS_H

ISA_INLINE float hypot_f32(float a, float b)
{
    double square = (double)a * a + (double)b * b;
    float y = (float)__builtin_sqrt(square);
    return __builtin_fabsf(a) == INFINITY || __builtin_fabsf(b) == INFINITY ? INFINITY : y;
}

/* a - q b is exact while the whole quotient has at most 28 bits; beyond NEAR_QUOTIENT the loops take libm's. */
#define NEAR_QUOTIENT 268435456.0
ISA_INLINE float fmod_f32(float a, float b)
{
    double q = __builtin_trunc((double)a / (double)b);
    float r = __builtin_copysignf((float)((double)a - q * (double)b), a);
    return __builtin_fabsf(a) < __builtin_fabsf(b) ? a : r;
}

/* log2 of a number that is not negative */
ISA_INLINE double log2_of(float x)
{
    uint64_t i = bits_of_double(x) + (0x3ff0000000000000u - 0x3fe6a09e667f3bcdu);
    double e = double_of(i >> 52 | 0x4330000000000000u) - (4503599627370496.0 + 1023.0); /* no conversion of 64 bits needed */
    double m = double_of((i & 0x000fffffffffffffu) + 0x3fe6a09e667f3bcdu), s = (m - 1.0) / (m + 1.0), z = s * s;
    double p = 0.31990563627399451 + z * 0.28290107851337982;
    p = 0.57707794235195049 + z * (0.41220925376698958 + z * p);
    p = 2.88539008177785 + z * (0.96179669411338436 + z * p);
    double y = s * p + e;
    y = x == 0 ? -(double)INFINITY : y;
    return x < INFINITY ? y : (double)x;
}

/* a^b = 2^(b log2 |a|), and IEEE 754's special cases: 1 to a power of 0 and of 1, the sign of odd powers, NaN for what is not
 * real. */
ISA_INLINE float pow_f32(float a, float b)
{
    const double rounder = 6755399441055744.0;
    float x = __builtin_fabsf(a);
    double p = (double)b * log2_of(x);
    p = x == 1.0f || b == 0 ? 0.0 : p;
    p = p > 129.0 ? 129.0 : p < -151.0 ? -151.0 : p;
    double shifted = p + rounder;
    uint32_t n = (uint32_t)bits_of_double(shifted) + 254u;
    float y = exp2m1_near((float)(p - (shifted - rounder))) + 1.0f;
    y = y * float_of(n >> 1 << 23) * float_of((n - (n >> 1)) << 23);
    float half = 0.5f * b;
    uint32_t whole = __builtin_rintf(b) == b, odd = whole & (__builtin_rintf(half) != half);
    y = float_of(bits_of(y) | (odd ? bits_of(a) & 0x80000000u : 0u));
    y = a < 0 && x < INFINITY && !whole ? NAN : y;
    return b != b && a != 1.0f ? b : a != a && b != 0 ? a : y;
}
#endif
