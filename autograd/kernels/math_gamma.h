/* The gamma family for positive numbers, in float64 arithmetic: a recurrence to where asymptotic series are short, without a branch.
 * Elsewhere the loops take special.h's. Included by math.h. */
#ifndef COTANGENT_KERNELS_MATH_GAMMA_H
#define COTANGENT_KERNELS_MATH_GAMMA_H

#ifdef __FMA__
#define FMA64(a, b, c) __builtin_fma(a, b, c)
#else
#define FMA64(a, b, c) ((a) * (b) + (c))
#endif

/* log(x) of a normal positive number: e log 2 + 2 atanh((m - 1) / (m + 1)) */
ISA_INLINE double log_positive(double x)
{
    uint64_t i = bits_of_double(x) + (0x3ff0000000000000u - 0x3fe6a09e667f3bcdu);
    double e = double_of(i >> 52 | 0x4330000000000000u) - (4503599627370496.0 + 1023.0);
    double m = double_of((i & 0x000fffffffffffffu) + 0x3fe6a09e667f3bcdu), s = (m - 1.0) / (m + 1.0), z = s * s;
    double p = 2.0 / 17 + z * (2.0 / 19 + z * (2.0 / 21));
    p = 2.0 / 9 + z * (2.0 / 11 + z * (2.0 / 13 + z * (2.0 / 15 + z * p)));
    p = z * (2.0 / 3 + z * (2.0 / 5 + z * (2.0 / 7 + z * p)));
    return FMA64(e, 0.693147180369123816490, FMA64(s, 2.0 + p, e * 1.90821492927058770002e-10));
}

enum { GAMMA_STEPS = 7 };                       /* x^7 overflows for no float32 x */

ISA_INLINE float log_gamma_f32(float x)         /* Stirling's series at a = x + 7, less log(x (x + 1) ... (x + 6)) */
{
    double product = x, a = (double)x + GAMMA_STEPS, r = 1.0 / a, z = r * r;
    for (int i = 1; i < GAMMA_STEPS; i++)
        product *= (double)x + i;
    double p = 1.0 / 1188 - z * (691.0 / 360360 - z * (1.0 / 156 - z * (3617.0 / 122400)));
    p = 1.0 / 12 - z * (1.0 / 360 - z * (1.0 / 1260 - z * (1.0 / 1680 - z * p)));
    double y = FMA64(a - 0.5, log_positive(a), FMA64(r, p, 0.91893853320467274178 - a)) - log_positive(product);
    return x == 1 || x == 2 ? 0.0f : (float)y;
}

ISA_INLINE float digamma_f32(float x)           /* the like, less the sum of 1 / (x + i) as one fraction */
{
    double above = 0, under = 1, a = (double)x + GAMMA_STEPS, r = 1.0 / a, z = r * r;
    for (int i = 0; i < GAMMA_STEPS; i++) {
        double here = (double)x + i;
        above = above * here + under;
        under *= here;
    }
    double p = z * (1.0 / 12 - z * (1.0 / 120 - z * (1.0 / 252 - z * (1.0 / 240 - z * (1.0 / 132 - z * (691.0 / 32760 - z * (1.0 / 12)))))));
    return (float)(log_positive(a) - FMA64(0.5, r, p) - above / under);
}

ISA_INLINE double to_power(double r, int s)
{
    double square = r * r;
    return s == 2 ? square : s == 3 ? square * r : square * square;
}

/* (-1)^(n + 1) n! zeta(n + 1, x) for n of 1, 2 and 3: its first terms, then Euler and Maclaurin's formula */
enum { MOST_QUICK_POLYGAMMA = 3 };
ISA_INLINE float polygamma_f32(int n, float x)
{
    const int s = n + 1;
    const double c1 = s / 12.0, c2 = c1 * (s + 1) * (s + 2) / 60, c3 = c2 * (s + 3) * (s + 4) / 42, c4 = c3 * (s + 5) * (s + 6) / 40,
                 c5 = c4 * (s + 7) * (s + 8) / 39.6;
    double sum = 0, a = (double)x + GAMMA_STEPS, r = 1.0 / a, z = r * r;
    for (int i = 0; i < GAMMA_STEPS; i++)
        sum += to_power(1.0 / ((double)x + i), s);
    double rest = FMA64(r, c1 - z * (c2 - z * (c3 - z * (c4 - z * c5))), a / n + 0.5);
    return (float)((n == 1 ? 1.0 : n == 2 ? -2.0 : 6.0) * FMA64(to_power(r, s), rest, sum));
}
#endif
