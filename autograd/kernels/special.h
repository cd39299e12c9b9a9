/* Special functions of the gamma family, in double, one value at a time; float32 takes them where math_gamma.h has nothing quicker. */
#ifndef COTANGENT_KERNELS_SPECIAL_H
#define COTANGENT_KERNELS_SPECIAL_H
#include <math.h>

#include "isa.h"

ISA_INLINE double log_gamma(double x)
{
    int sign;
    return lgamma_r(x, &sign);
}

/* psi(x) = d/dx log gamma(x): recurrence up to 10, then the asymptotic series; reflection below 0. */
static inline double digamma_positive(double x)
{
    double above = 0, under = 1;                /* the sum of 1 / x as one fraction */
    for (; x < 10; x++)
        above = above * x + under, under *= x;
    const double z = 1 / (x * x);
    const double series = z * (1.0 / 12 - z * (1.0 / 120 - z * (1.0 / 252 - z * (1.0 / 240 - z * (1.0 / 132 - z * (691.0 / 32760 - z / 12))))));
    return log(x) - 0.5 / x - series - above / under;
}

static inline double digamma(double x)
{
    if (x == 0)
        return copysign(INFINITY, -x);
    if (x > 0)
        return x == INFINITY ? x : digamma_positive(x);
    if (x == floor(x) || x == -INFINITY || x != x)
        return NAN;
    const double turn = x - rint(x);            /* tan repeats: reduced first, it keeps its digits far from 0, and near it */
    return digamma_positive(1 - x) - 3.14159265358979323846 / tan(3.14159265358979323846 * turn);
}

/* psi'(x), likewise; below 0 pi^2 / sin^2(pi x) - psi'(1 - x) */
static inline double trigamma_positive(double x)
{
    double below = 0;
    for (; x < 10; x++)
        below += 1 / (x * x);
    const double z = 1 / (x * x);
    const double series = z * (1.0 / 6 - z * (1.0 / 30 - z * (1.0 / 42 - z * (1.0 / 30 - z * (5.0 / 66 - z * (691.0 / 2730 - z * 7 / 6))))));
    return (1 + 0.5 / x + series) / x + below;
}

static inline double trigamma(double x)
{
    if (x > 0)
        return trigamma_positive(x);
    if (x == floor(x) || x != x)
        return x != x || x == -INFINITY ? NAN : INFINITY;
    const double sine = sin(3.14159265358979323846 * (x - floor(x)));
    return 9.8696044010893586 / (sine * sine) - trigamma_positive(1 - x);
}

/* Hurwitz's zeta(s, q), s > 1: the first terms, then Euler and Maclaurin's formula. */
static inline double hurwitz_zeta(double s, double q)
{
    static const double divisors[] = {12, -720, 30240, -1209600, 47900160, -1.8924375803183791606e9, 7.47242496e10,
                                      -2.950130727918164224e12, 1.1646782814350067249e14, -4.5979787224074726105e15}; /* (2k)! / B_2k */
    if (q <= 0 && q == floor(q))
        return INFINITY;
    if (q == INFINITY)
        return 0;
    double sum = 0, a = q;
    for (int i = 0; i < 10 || a <= 10; i++, a++)
        sum += pow(a, -s);
    double power = pow(a, -s), factor = s * power / a;
    sum += a * power / (s - 1) + 0.5 * power;
    for (int k = 0; k < 10; k++) {
        const double term = factor / divisors[k];
        sum += term;
        if (fabs(term) < 1e-17 * fabs(sum))
            break;
        factor *= (s + 2 * k + 1) * (s + 2 * k + 2) / (a * a);
    }
    return sum;
}

/* The n-th derivative of psi: (-1)^(n + 1) n! zeta(n + 1, x) */
static inline double polygamma(double n, double x)
{
    if (n == 0)
        return digamma(x);
    if (n == 1)
        return trigamma(x);
    const double value = tgamma(n + 1) * hurwitz_zeta(n + 1, x);
    return fmod(n, 2) == 0 ? -value : value;
}
#endif
