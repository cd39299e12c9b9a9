/* Elementary functions as plain arithmetic without branches, so that both compilers turn loops over them into vector code,
 * on every instruction set, and a loop's tail gives what its body gives. The float32 ones keep NaN, infinities and
 * denormals; tests/test_kernels.c holds each to its error in ulp. float64 is the checking type and takes libm's. The
 * polynomials are minimax fits of our own, the error of each small beside the roundings. */
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

ISA_INLINE uint64_t bits_of_double(double x)
{
    uint64_t i;
    memcpy(&i, &x, sizeof i);
    return i;
}

ISA_INLINE double double_of(uint64_t i)
{
    double x;
    memcpy(&x, &i, sizeof x);
    return x;
}

/* c0 + c1 x + ... by Horner's rule, the number of coefficients in the name */
#define POLY2(x, c, d) FMA(d, x, c)
#define POLY3(x, c, ...) FMA(POLY2(x, __VA_ARGS__), x, c)
#define POLY4(x, c, ...) FMA(POLY3(x, __VA_ARGS__), x, c)
#define POLY5(x, c, ...) FMA(POLY4(x, __VA_ARGS__), x, c)
#define POLY6(x, c, ...) FMA(POLY5(x, __VA_ARGS__), x, c)
#define POLY7(x, c, ...) FMA(POLY6(x, __VA_ARGS__), x, c)
#define POLY8(x, c, ...) FMA(POLY7(x, __VA_ARGS__), x, c)
#define POLY9(x, c, ...) FMA(POLY8(x, __VA_ARGS__), x, c)
#define POLY10(x, c, ...) FMA(POLY9(x, __VA_ARGS__), x, c)
#define POLY11(x, c, ...) FMA(POLY10(x, __VA_ARGS__), x, c)
#define POLY12(x, c, ...) FMA(POLY11(x, __VA_ARGS__), x, c)
#define POLY13(x, c, ...) FMA(POLY12(x, __VA_ARGS__), x, c)

#include "math_exp.h"
#include "math_log.h"
#include "math_erf.h"
#include "math_trig.h"
#include "math_gamma.h"
#include "math_pairs.h"
#endif
