/* Trigonometric functions. sin, cos and tan hold up to WIDE, and beyond it the loops take libm's. Included by math.h. */
#ifndef COTANGENT_KERNELS_MATH_TRIG_H
#define COTANGENT_KERNELS_MATH_TRIG_H

#define WIDE 1048576.0f
#define HALF_PI_F32 1.57079633f
#define HALF_PI_EXCESS 4.37113883e-8f               /* over pi/2 */

/* x = q pi/2 + r, |r| <= pi/4: pi/2 in three parts where products are exact inside a sum, else in float64, where 33 bits of
 * it times q are. */
ISA_INLINE float reduce_turn(float x, uint32_t *q)
{
#ifdef __FMA__
    const float rounder = 12582912.0f;
    float shifted = FMA(x, 0.636619772f, rounder), whole = shifted - rounder;
    *q = bits_of(shifted);
    return FMA(whole, 1.71512451e-15f, FMA(whole, HALF_PI_EXCESS, FMA(whole, -HALF_PI_F32, x)));
#else
    const double rounder = 6755399441055744.0;
    double shifted = x * 0.63661977236758134 + rounder, whole = shifted - rounder;
    *q = (uint32_t)bits_of_double(shifted);
    return (float)(x - whole * 1.5707963267341256 - whole * 6.0771005065061922e-11);
#endif
}

ISA_INLINE float sin_near(float r)
{
    float s = r * r;
    return FMA(r * s, POLY3(s, -0.1666665459f, 0.008332155053f, -0.0001951408493f), r);
}

ISA_INLINE float cos_near(float r)
{
    float s = r * r;
    return FMA(s, FMA(s, POLY3(s, 0.04166664627f, -0.001388733708f, 2.443484612e-5f), -0.5f), 1.0f);
}

ISA_INLINE float sin_f32(float x)
{
    uint32_t q;
    float r = reduce_turn(x, &q), y = q & 1 ? cos_near(r) : sin_near(r);
    y = float_of(bits_of(y) ^ (q & 2) << 30);
    return x == 0 ? x : y;
}

ISA_INLINE float cos_f32(float x)
{
    uint32_t q;
    float r = reduce_turn(x, &q), y = q & 1 ? sin_near(r) : cos_near(r);
    return float_of(bits_of(y) ^ ((q + 1) & 2) << 30);
}

ISA_INLINE float tan_f32(float x)
{
    uint32_t q;
    float r = reduce_turn(x, &q), s = r * r;
    float t = FMA(r * s, POLY7(s, 0.3333335301f, 0.1333255532f, 0.05407181335f, 0.02122212737f, 0.01098870154f, -0.0001014652131f, 0.004469378579f), r);
    float y = (q & 1 ? -1.0f : t) / (q & 1 ? t : 1.0f);
    return x == 0 ? x : y;
}

/* asin(t) for t in [0, 1/2] */
ISA_INLINE float asin_near(float t)
{
    float s = t * t;
    return FMA(t * s, POLY5(s, 0.1666675413f, 0.07495232661f, 0.0454783445f, 0.02414098069f, 0.04223056281f), t);
}

ISA_INLINE float asin_f32(float x)              /* beyond 1/2: pi/2 - 2 asin(sqrt((1 - a) / 2)) */
{
    float a = __builtin_fabsf(x), root = __builtin_sqrtf(FMA(-0.5f, a, 0.5f));
    float y = asin_near(a > 0.5f ? root : a);
    return __builtin_copysignf(a > 0.5f ? HALF_PI_F32 - FMA(2.0f, y, HALF_PI_EXCESS) : y, x);
}

ISA_INLINE float acos_f32(float x)
{
    float a = __builtin_fabsf(x), root = __builtin_sqrtf(FMA(-0.5f, a, 0.5f));
    float y = asin_near(a > 0.5f ? root : a), signed_y = x < 0 ? -y : y;
    float far = x < 0 ? 2.0f * (HALF_PI_F32 - (y + HALF_PI_EXCESS)) : 2.0f * y;
    return a > 0.5f ? far : HALF_PI_F32 - (signed_y + HALF_PI_EXCESS);
}

/* atan(t) for t in [0, 1] */
ISA_INLINE float atan_near(float t)
{
    float s = t * t;
    return FMA(t * s, POLY9(s, -0.3333330187f, 0.1999863863f, -0.1426524547f, 0.109575766f, -0.08419460179f, 0.05823456726f, -0.03145571798f,
                            0.01106444957f, -0.001827214867f), t);
}

ISA_INLINE float atan_f32(float x)
{
    float a = __builtin_fabsf(x), y = atan_near(a > 1.0f ? 1.0f / a : a);
    return __builtin_copysignf(a > 1.0f ? HALF_PI_F32 - (y + HALF_PI_EXCESS) : y, x);
}

ISA_INLINE float atan2_f32(float y, float x)    /* of the smaller over the larger */
{
    float a = __builtin_fabsf(y), b = __builtin_fabsf(x), low = a > b ? b : a, high = a > b ? a : b;
    float t = low / high;
    t = low == high ? 1.0f : t;                 /* both infinite, or */
    t = high == 0 ? 0.0f : t;                   /* both zero */
    float v = atan_near(t);
    v = a > b ? HALF_PI_F32 - (v + HALF_PI_EXCESS) : v;
    v = bits_of(x) >> 31 ? 2.0f * HALF_PI_F32 - (v + 2.0f * HALF_PI_EXCESS) : v;
    return a != a || b != b ? NAN : __builtin_copysignf(v, y);
}
#endif
