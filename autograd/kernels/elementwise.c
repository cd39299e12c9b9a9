/* Elementwise loops, compiled once per instruction set. The contiguous case and those with one repeated operand are told
 * apart outside the loop, so that the compiler sees plain arrays and writes vector code. */
#include "kernels.h"
#include "math.h"
#include "special.h"
#include "tables.h"

#define LN2 0.6931471805599453
#define LN10 2.302585092994046
#define SELU_ALPHA 1.6732632423543772
#define SELU_SCALE 1.0507009873554805

#ifdef __clang__
#define INDEPENDENT _Pragma("clang loop vectorize(assume_safety)")
#else
#define INDEPENDENT _Pragma("GCC ivdep")
#endif
#define UNUSED __attribute__((unused))
#define AT(type, k, i) (*(type *)(p[k] + (ptrdiff_t)(i) * step[k]))

/* out = f(x) */
#define LOOP1(TO, TX, f)                                                                                                 \
    if (step[0] == sizeof(TO) && step[1] == sizeof(TX)) {                                                                \
        TO *out = (TO *)p[0];                                                                                            \
        const TX *in = (const TX *)p[1];                                                                                 \
        INDEPENDENT for (size_t i = 0; i < n; i++)                                                                       \
        {                                                                                                                \
            const TX x = in[i];                                                                                          \
            out[i] = (TO)(f);                                                                                            \
        }                                                                                                                \
    } else                                                                                                               \
        for (size_t i = 0; i < n; i++) {                                                                                 \
            const TX x = AT(const TX, 1, i);                                                                             \
            AT(TO, 0, i) = (TO)(f);                                                                                      \
        }

/* out = f(a, b) */
#define LOOP2(TO, TA, TB, f)                                                                                             \
    TO *out = (TO *)p[0];                                                                                                \
    if (step[0] == sizeof(TO) && step[1] == sizeof(TA) && step[2] == sizeof(TB)) {                                       \
        const TA *as = (const TA *)p[1];                                                                                 \
        const TB *bs = (const TB *)p[2];                                                                                 \
        INDEPENDENT for (size_t i = 0; i < n; i++)                                                                       \
        {                                                                                                                \
            const TA a UNUSED = as[i];                                                                                   \
            const TB b UNUSED = bs[i];                                                                                   \
            out[i] = (TO)(f);                                                                                            \
        }                                                                                                                \
    } else if (step[0] == sizeof(TO) && step[1] == sizeof(TA) && step[2] == 0) {                                         \
        const TA *as = (const TA *)p[1];                                                                                 \
        const TB b UNUSED = *(const TB *)p[2];                                                                           \
        INDEPENDENT for (size_t i = 0; i < n; i++)                                                                       \
        {                                                                                                                \
            const TA a UNUSED = as[i];                                                                                   \
            out[i] = (TO)(f);                                                                                            \
        }                                                                                                                \
    } else if (step[0] == sizeof(TO) && step[1] == 0 && step[2] == sizeof(TB)) {                                         \
        const TA a UNUSED = *(const TA *)p[1];                                                                           \
        const TB *bs = (const TB *)p[2];                                                                                 \
        INDEPENDENT for (size_t i = 0; i < n; i++)                                                                       \
        {                                                                                                                \
            const TB b UNUSED = bs[i];                                                                                   \
            out[i] = (TO)(f);                                                                                            \
        }                                                                                                                \
    } else                                                                                                               \
        for (size_t i = 0; i < n; i++) {                                                                                 \
            const TA a UNUSED = AT(const TA, 1, i);                                                                      \
            const TB b UNUSED = AT(const TB, 2, i);                                                                      \
            AT(TO, 0, i) = (TO)(f);                                                                                      \
        }

/* dx = f(g, x, y); an operand that f does not read may be anything that is safe to read */
#define LOOP_VJP(T, f)                                                                                                   \
    if (step[0] == sizeof(T) && step[1] == sizeof(T) && step[2] == sizeof(T) && step[3] == sizeof(T)) {                  \
        T *out = (T *)p[0];                                                                                              \
        const T *gs = (const T *)p[1], *xs = (const T *)p[2], *ys = (const T *)p[3];                                     \
        INDEPENDENT for (size_t i = 0; i < n; i++)                                                                       \
        {                                                                                                                \
            const T g = gs[i], x = xs[i], y = ys[i];                                                                     \
            (void)g, (void)x, (void)y;                                                                                   \
            out[i] = (T)(f);                                                                                             \
        }                                                                                                                \
    } else                                                                                                               \
        for (size_t i = 0; i < n; i++) {                                                                                 \
            const T g = AT(const T, 1, i), x = AT(const T, 2, i), y = AT(const T, 3, i);                                 \
            (void)g, (void)x, (void)y;                                                                                   \
            AT(T, 0, i) = (T)(f);                                                                                        \
        }

/* ---- Floats --------------------------------------------------------------------------------------------------------------- */
#define T float
#define NAME(stem) stem##_f32
#define FABS(x) __builtin_fabsf(x)
#define EXP(x) exp_f32(x)
#define EXPM1(x) expm1_f32(x)
#define LOG(x) log_f32(x)
#define LOG1P(x) log1p_f32(x)
#define SQRT(x) __builtin_sqrtf(x)
#define SIN(x) sin_f32(x)
#define COS(x) cos_f32(x)
#define TANH(x) tanh_f32(x)
#define ERF(x) erf_f32(x)
#define SIGMOID(x) sigmoid_f32(x)
#define EXP2(x) exp2_f32(x)
#define LOG2(x) log2_f32(x)
#define LOG10(x) log10_f32(x)
#define TAN(x) tan_f32(x)
#define ASIN(x) asin_f32(x)
#define ACOS(x) acos_f32(x)
#define ATAN(x) atan_f32(x)
#define SINH(x) sinh_f32(x)
#define COSH(x) cosh_f32(x)
#define ASINH(x) asinh_f32(x)
#define ACOSH(x) acosh_f32(x)
#define ATANH(x) atanh_f32(x)
#define ERFC(x) erfc_f32(x)
#define NORMAL_CDF(x) normal_cdf_f32(x)
#define GELU_SLOPE(x) gelu_slope_f32(x)
#define FLOOR(x) __builtin_floorf(x)
#define CEIL(x) __builtin_ceilf(x)
#define TRUNC(x) __builtin_truncf(x)
#define ROUND(x) __builtin_rintf(x)
#define FMOD(a, b) fmod_f32(a, b)
#define ATAN2(a, b) atan2_f32(a, b)
#define HYPOT(a, b) hypot_f32(a, b)
#define POW(a, b) pow_f32(a, b)
#define LGAMMA(x) log_gamma_f32(x)
#define DIGAMMA(x) digamma_f32(x)
#define TRIGAMMA(x) polygamma_f32(1, x)
#define POLYGAMMA(n, x) polygamma((double)(n), (double)(x))
#define MULADD(a, b, c) FMA(a, b, c)            /* where two products are added: a loop and its tail must fuse the same one */
#include "elementwise_floats.h"
#include "elementwise_far.h"
#include "undefine.h"

#define T double
#define NAME(stem) stem##_f64
#define FABS(x) fabs(x)
#define EXP(x) exp(x)
#define EXPM1(x) expm1(x)
#define LOG(x) log(x)
#define LOG1P(x) log1p(x)
#define SQRT(x) __builtin_sqrt(x)
#define SIN(x) sin(x)
#define COS(x) cos(x)
#define TANH(x) tanh(x)
#define ERF(x) erf(x)
#define SIGMOID(x) (1 / (1 + exp(-(x))))
#define EXP2(x) exp2(x)
#define LOG2(x) log2(x)
#define LOG10(x) log10(x)
#define TAN(x) tan(x)
#define ASIN(x) asin(x)
#define ACOS(x) acos(x)
#define ATAN(x) atan(x)
#define SINH(x) sinh(x)
#define COSH(x) cosh(x)
#define ASINH(x) asinh(x)
#define ACOSH(x) acosh(x)
#define ATANH(x) atanh(x)
#define ERFC(x) erfc(x)
#define NORMAL_CDF(x) (0.5 * (1 + erf((x) * 0.7071067811865476)))
#define GELU_SLOPE(x) (NORMAL_CDF(x) + (x) * (0.3989422804014327 * exp(-0.5 * (x) * (x))))
#define FLOOR(x) __builtin_floor(x)
#define CEIL(x) __builtin_ceil(x)
#define TRUNC(x) __builtin_trunc(x)
#define ROUND(x) __builtin_rint(x)
#define FMOD(a, b) fmod(a, b)
#define ATAN2(a, b) atan2(a, b)
#define HYPOT(a, b) hypot(a, b)
#define POW(a, b) pow(a, b)
#define LGAMMA(x) log_gamma(x)
#define DIGAMMA(x) digamma(x)
#define TRIGAMMA(x) trigamma(x)
#define POLYGAMMA(n, x) polygamma(n, x)
#define MULADD(a, b, c) FMA64(a, b, c)
#include "elementwise_floats.h"
#include "undefine.h"

/* ---- Integers and bool -------------------------------------------------------------------------------------------------------- */
ISA_INLINE int64_t int_pow(int64_t base, int64_t exponent) /* wraps; a negative exponent was refused */
{
    uint64_t y = 1, b = (uint64_t)base;
    for (uint64_t e = (uint64_t)exponent; e; e >>= 1, b *= b)
        y *= e & 1 ? b : 1;
    return (int64_t)y;
}
#define INT_POW(a, b) int_pow(a, b)

/* A divisor of 0 was refused; one of -1 overflows for the smallest integer, and wraps here. */
ISA_INLINE int64_t int_fmod(int64_t a, int64_t b)
{
    return b == -1 || b == 0 ? 0 : a % b;
}
#define INT_FMOD(a, b) int_fmod(a, b)

ISA_INLINE int64_t int_remainder(int64_t a, int64_t b)
{
    int64_t r = int_fmod(a, b);
    return r != 0 && (r < 0) != (b < 0) ? r + b : r;
}
#define INT_REMAINDER(a, b) int_remainder(a, b)

ISA_INLINE int64_t int_floor_divide(int64_t a, int64_t b)
{
    if (b == -1 || b == 0)
        return (int64_t)(0 - (uint64_t)a);
    return a / b - (int_fmod(a, b) != 0 && (a < 0) != (b < 0));
}
#define INT_FLOOR_DIVIDE(a, b) int_floor_divide(a, b)
#define NONE 0
#define ARITHMETIC(name, f, i, l)                                                                                        \
    static void binary_##name##_i64(size_t n, char *const *p, const ptrdiff_t *step, const double *unused)               \
    {                                                                                                                    \
        (void)unused;                                                                                                    \
        LOOP2(int64_t, int64_t, int64_t, i)                                                                              \
    }                                                                                                                    \
    static void binary_##name##_bool(size_t n, char *const *p, const ptrdiff_t *step, const double *unused)              \
    {                                                                                                                    \
        (void)unused;                                                                                                    \
        LOOP2(uint8_t, uint8_t, uint8_t, l)                                                                              \
    }
#define COMPARISON(name, f)                                                                                              \
    static void binary_##name##_i64(size_t n, char *const *p, const ptrdiff_t *step, const double *unused)               \
    {                                                                                                                    \
        (void)unused;                                                                                                    \
        LOOP2(uint8_t, int64_t, int64_t, f)                                                                              \
    }                                                                                                                    \
    static void binary_##name##_bool(size_t n, char *const *p, const ptrdiff_t *step, const double *unused)              \
    {                                                                                                                    \
        (void)unused;                                                                                                    \
        LOOP2(uint8_t, uint8_t, uint8_t, f)                                                                              \
    }
#define LOGICAL(name, f)                                                                                                 \
    static void binary_##name##_bool(size_t n, char *const *p, const ptrdiff_t *step, const double *unused)              \
    {                                                                                                                    \
        (void)unused;                                                                                                    \
        LOOP2(uint8_t, uint8_t, uint8_t, f)                                                                              \
    }
#include "../ops/binary.def"
#undef ARITHMETIC
#undef COMPARISON
#undef LOGICAL
#undef NONE

/* ---- Integers of one operand, casts, copies, where ------------------------------------------------------------------------------------------------------- */
/* C leaves an out-of-range conversion undefined; x86 gives the smallest integer, and so do we everywhere. */
ISA_INLINE int64_t to_integer(double x)
{
    return x >= -9223372036854775808.0 && x < 9223372036854775808.0 ? (int64_t)x : INT64_MIN;
}
#define INTEGER_UNARY(name, f)                                                                                           \
    static void integer_##name(size_t n, char *const *p, const ptrdiff_t *step, const double *parameters)                \
    {                                                                                                                    \
        (void)parameters;                                                                                                \
        LOOP1(int64_t, int64_t, f)                                                                                       \
    }
INTEGER_UNARY(neg, (int64_t)(0 - (uint64_t)x))
INTEGER_UNARY(abs, x < 0 ? (int64_t)(0 - (uint64_t)x) : x)
INTEGER_UNARY(sign, (x > 0) - (x < 0))
INTEGER_UNARY(square, (int64_t)((uint64_t)x * (uint64_t)x))
INTEGER_UNARY(relu, x < 0 ? 0 : x)
INTEGER_UNARY(clamp, parameters[0] > parameters[1] || (double)x > parameters[1] ? to_integer(parameters[1])
                     : (double)x < parameters[0]                                ? to_integer(parameters[0])
                                                                                : x)

#define CAST(from, to, TX, TO, f)                                                                                        \
    static void cast_##from##_##to(size_t n, char *const *p, const ptrdiff_t *step, const double *unused)                \
    {                                                                                                                    \
        (void)unused;                                                                                                    \
        LOOP1(TO, TX, f)                                                                                                 \
    }
CAST(f32, f64, float, double, x)
CAST(f32, i64, float, int64_t, to_integer(x))
CAST(f32, bool, float, uint8_t, x != 0)
CAST(f64, f32, double, float, x)
CAST(f64, i64, double, int64_t, to_integer(x))
CAST(f64, bool, double, uint8_t, x != 0)
CAST(i64, f32, int64_t, float, x)
CAST(i64, f64, int64_t, double, x)
CAST(i64, bool, int64_t, uint8_t, x != 0)
CAST(bool, f32, uint8_t, float, x)
CAST(bool, f64, uint8_t, double, x)
CAST(bool, i64, uint8_t, int64_t, x)

#define BY_SIZE(suffix, W)                                                                                               \
    static void copy_##suffix(size_t n, char *const *p, const ptrdiff_t *step, const double *unused)                     \
    {                                                                                                                    \
        (void)unused;                                                                                                    \
        if (step[0] == sizeof(W) && step[1] == sizeof(W))                                                                \
            memmove(p[0], p[1], n * sizeof(W));                                                                          \
        else {                                                                                                           \
            LOOP1(W, W, x)                                                                                               \
        }                                                                                                                \
    }                                                                                                                    \
    static void where_##suffix(size_t n, char *const *p, const ptrdiff_t *step, const double *unused)                    \
    {                                                                                                                    \
        (void)unused;                                                                                                    \
        if (step[0] == sizeof(W) && step[1] == 1 && step[2] == sizeof(W) && step[3] == sizeof(W)) {                      \
            W *out = (W *)p[0];                                                                                          \
            const uint8_t *c = (const uint8_t *)p[1];                                                                    \
            const W *a = (const W *)p[2], *b = (const W *)p[3];                                                          \
            INDEPENDENT for (size_t i = 0; i < n; i++) out[i] = c[i] ? a[i] : b[i];                                      \
        } else                                                                                                           \
            for (size_t i = 0; i < n; i++)                                                                               \
                AT(W, 0, i) = AT(const uint8_t, 1, i) ? AT(const W, 2, i) : AT(const W, 3, i);                           \
    }
BY_SIZE(1, uint8_t)
BY_SIZE(4, uint32_t)
BY_SIZE(8, uint64_t)

/* ---- The table ---------------------------------------------------------------------------------------------------------------------- */
void ISA_NAME(elementwise_table)(struct kernels *table)
{
#define ROW(name, ...)                                                                                                   \
    table->unary[UNARY_##name][F32] = unary_##name##_f32, table->unary[UNARY_##name][F64] = unary_##name##_f64;          \
    table->unary_vjp[UNARY_##name][F32] = unary_vjp_##name##_f32, table->unary_vjp[UNARY_##name][F64] = unary_vjp_##name##_f64;
#include "../ops/unary.def"
#undef ROW
#define COMPARISON(name, ...)                                                                                            \
    table->binary[BINARY_##name][F32] = binary_##name##_f32, table->binary[BINARY_##name][F64] = binary_##name##_f64;    \
    table->binary[BINARY_##name][I64] = binary_##name##_i64, table->binary[BINARY_##name][BOOL] = binary_##name##_bool;
#define ARITHMETIC(name, ...) COMPARISON(name, )
#define LOGICAL(name, ...) table->binary[BINARY_##name][BOOL] = binary_##name##_bool;
#include "../ops/binary.def"
    far_rows(table);
    table->binary[BINARY_pow][F32] = power_f32, table->binary[BINARY_pow][F64] = power_f64;
    /* the rows that say NONE */
    static const uint8_t no_bool[] = {BINARY_sub, BINARY_pow, BINARY_fmod, BINARY_remainder, BINARY_floor_divide};
    static const uint8_t no_integers[] = {BINARY_div, BINARY_atan2, BINARY_hypot, BINARY_logaddexp, BINARY_xlogy};
    for (size_t i = 0; i < sizeof no_bool; i++)
        table->binary[no_bool[i]][BOOL] = NULL;
    for (size_t i = 0; i < sizeof no_integers; i++)
        table->binary[no_integers[i]][I64] = table->binary[no_integers[i]][BOOL] = NULL;
#define INTEGER(name) table->integer_unary[UNARY_##name] = integer_##name;
    INTEGER(neg) INTEGER(abs) INTEGER(sign) INTEGER(square) INTEGER(relu) INTEGER(clamp)
    table->integer_unary[UNARY_floor] = table->integer_unary[UNARY_ceil] = copy_8;
    table->integer_unary[UNARY_round] = table->integer_unary[UNARY_trunc] = copy_8;
#define CASTS(to, TO)                                                                                                    \
    table->cast[F32][TO] = cast_f32_##to, table->cast[F64][TO] = cast_f64_##to, table->cast[I64][TO] = cast_i64_##to,    \
    table->cast[BOOL][TO] = cast_bool_##to
#define cast_f32_f32 copy_4
#define cast_f64_f64 copy_8
#define cast_i64_i64 copy_8
#define cast_bool_bool copy_1
    CASTS(f32, F32), CASTS(f64, F64), CASTS(i64, I64), CASTS(bool, BOOL);
    table->copy[0] = copy_1, table->copy[2] = copy_4, table->copy[3] = copy_8;
    table->where[0] = where_1, table->where[2] = where_4, table->where[3] = where_8;
    table->mask_scale[F32] = mask_scale_f32, table->mask_scale[F64] = mask_scale_f64;
#define OWN_LOOPS(name) table->name[F32] = name##_f32, table->name[F64] = name##_f64
    OWN_LOOPS(huber), OWN_LOOPS(huber_vjp), OWN_LOOPS(prelu), OWN_LOOPS(lerp), OWN_LOOPS(addcmul);
    table->bce[F32] = bce_f32, table->bce[F64] = bce_f64;
}
