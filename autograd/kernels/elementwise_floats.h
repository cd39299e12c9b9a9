/* The floating elementwise loops for one dtype: T, its functions EXP ..., and NAME(x) for its names. Included by
 * elementwise.c once for float32 and once for float64; no guard. */
#define SIGN(x) ((T)((x) > 0) - (T)((x) < 0))
#define CLAMP(x, low, high) ((x) < (low) ? (low) > (high) ? (high) : (low) : (x) > (high) ? (high) : (x))
#define INSIDE(x, low, high) (((x) > (low) || ((low) == -INFINITY && (x) == (x))) && ((x) < (high) || ((high) == INFINITY && (x) == (x))))
#define TWO_OVER_SQRT_PI ((T)1.1283791670955126)
#define GELU_INNER(x) ((T)0.7978845608028654 * ((x) + (T)0.044715 * (x) * (x) * (x)))

ISA_INLINE T NAME(gelu_tanh_slope)(T x)
{
    T s = SIGMOID(2 * GELU_INNER(x));
    return s + x * s * (1 - s) * 2 * (T)0.7978845608028654 * (1 + 3 * (T)0.044715 * x * x);
}
#define GELU_TANH_SLOPE(x) NAME(gelu_tanh_slope)(x)

ISA_INLINE T NAME(silu_slope)(T x)
{
    T s = SIGMOID(x);
    return s * (1 + x * (1 - s));
}
#define SILU_SLOPE(x) NAME(silu_slope)(x)

/* tanh(softplus(x)) = n / (n + 2) with n = e^x (e^x + 2), and its derivative 4 e^x (e^x + 1) / (n + 2)^2; 1 and 0 from 20 on. */
ISA_INLINE T NAME(mish)(T x)
{
    T e = EXP(x > 20 ? 20 : x), n = e * (e + 2);
    return x * (n / (n + 2));
}
#define MISH(x) NAME(mish)(x)

ISA_INLINE T NAME(mish_slope)(T x)
{
    T inside = x > 20 ? 20 : x, e = EXP(inside), n = e * (e + 2), r = 1 / (n + 2);
    return r * (n + 4 * inside * e * (e + 1) * r);
}
#define MISH_SLOPE(x) NAME(mish_slope)(x)

/* fmod's, moved to the sign of b */
ISA_INLINE T NAME(remainder)(T b, T fmod)
{
    return fmod != 0 && (fmod < 0) != (b < 0) ? fmod + b : fmod;
}
#define REMAINDER(a, b) NAME(remainder)(b, FMOD(a, b))

/* The exact quotient of a less its remainder, where a / b would round up across a whole number. */
ISA_INLINE T NAME(floor_divide)(T a, T b, T fmod)
{
    T q = (a - fmod) / b - (fmod != 0 && (fmod < 0) != (b < 0)), whole = FLOOR(q);
    whole = q - whole > (T)0.5 ? whole + 1 : whole;
    whole = q != 0 ? whole : (a / b) * 0;
    return b == 0 ? a / b : whole;
}
#define FLOOR_DIVIDE(a, b) NAME(floor_divide)(a, b, FMOD(a, b))
#define LOGADDEXP(a, b) ((a) == (b) && (a) - (a) != 0 ? (a) : ((a) > (b) ? (a) : (b)) + LOG1P(EXP(-FABS((a) - (b)))))
#define XLOGY(a, b) ((a) == 0 && (b) == (b) ? 0 : (a) * LOG(b))

#define ROW(name, f, expression, fused, reads)                                                                           \
    static void NAME(unary_##name)(size_t n, char *const *p, const ptrdiff_t *step, const double *parameters)            \
    {                                                                                                                    \
        const T P0 = parameters ? (T)parameters[0] : 0, P1 = parameters ? (T)parameters[1] : 0, P2 = parameters ? (T)parameters[2] : 0; \
        (void)P0, (void)P1, (void)P2;                                                                                    \
        LOOP1(T, T, f)                                                                                                   \
    }                                                                                                                    \
    static void NAME(unary_vjp_##name)(size_t n, char *const *p, const ptrdiff_t *step, const double *parameters)        \
    {                                                                                                                    \
        const T P0 = parameters ? (T)parameters[0] : 0, P1 = parameters ? (T)parameters[1] : 0, P2 = parameters ? (T)parameters[2] : 0; \
        (void)P0, (void)P1, (void)P2;                                                                                    \
        LOOP_VJP(T, fused)                                                                                               \
    }
#include "../ops/unary.def"
#undef ROW

#define ARITHMETIC(name, f, i, b)                                                                                        \
    static void NAME(binary_##name)(size_t n, char *const *p, const ptrdiff_t *step, const double *unused)               \
    {                                                                                                                    \
        (void)unused;                                                                                                    \
        LOOP2(T, T, T, f)                                                                                                \
    }
#define COMPARISON(name, f)                                                                                              \
    static void NAME(binary_##name)(size_t n, char *const *p, const ptrdiff_t *step, const double *unused)               \
    {                                                                                                                    \
        (void)unused;                                                                                                    \
        LOOP2(uint8_t, T, T, f)                                                                                          \
    }
#define LOGICAL(name, f)
#include "../ops/binary.def"
#undef ARITHMETIC
#undef COMPARISON
#undef LOGICAL

/* The powers that are written most. Another one for all is given as a row of itself: what compilers would draw out of the loop
 * is what keeps it from being vector code. */
static void NAME(power)(size_t n, char *const *p, const ptrdiff_t *step, const double *unused)
{
    const T exponent = step[2] == 0 ? *(const T *)p[2] : 0;
    if (exponent == 1) {
        LOOP1(T, T, x)
    } else if (exponent == 2) {
        LOOP1(T, T, x * x)
    } else if (exponent == 3) {
        LOOP1(T, T, x * x * x)
    } else if (exponent == -1) {
        LOOP1(T, T, 1 / x)
    } else if (step[2] == 0 && n > 1) {
        enum { ROW = 256 };
        T exponents[ROW];
        for (size_t i = 0; i < ROW; i++)
            exponents[i] = exponent;
        for (size_t from = 0; from < n; from += ROW)
            NAME(binary_pow)(n - from < ROW ? n - from : ROW, (char *const[]){p[0] + (ptrdiff_t)from * step[0], p[1] + (ptrdiff_t)from * step[1], (char *)exponents},
                             (const ptrdiff_t[]){step[0], step[1], sizeof(T)}, unused);
    } else
        NAME(binary_pow)(n, p, step, unused);
}

static void NAME(mask_scale)(size_t n, char *const *p, const ptrdiff_t *step, const double *parameters)
{
    const T scale = (T)parameters[0];
    LOOP2(T, T, uint8_t, b ? a * scale : 0)
}

ISA_INLINE T NAME(huber_of)(T d, T delta, T scale)
{
    return scale * (FABS(d) > delta ? delta * (FABS(d) - delta / 2) : d * d / 2);
}

static void NAME(huber)(size_t n, char *const *p, const ptrdiff_t *step, const double *parameters)
{
    const T delta = (T)parameters[0], scale = (T)parameters[1];
    LOOP2(T, T, T, NAME(huber_of)(a - b, delta, scale))
}

static void NAME(huber_vjp)(size_t n, char *const *p, const ptrdiff_t *step, const double *parameters)
{
    const T delta = (T)parameters[0], scale = (T)parameters[1];
    LOOP_VJP(T, g * scale * CLAMP(x - y, -delta, delta))
}

static void NAME(prelu)(size_t n, char *const *p, const ptrdiff_t *step, const double *unused)
{
    (void)unused;
    LOOP2(T, T, T, a > 0 ? a : a * b)
}

/* Of three operands: the loop calls them g, x and y. */
static void NAME(lerp)(size_t n, char *const *p, const ptrdiff_t *step, const double *unused)
{
    (void)unused;
    LOOP_VJP(T, MULADD(y, x - g, g))
}

static void NAME(addcmul)(size_t n, char *const *p, const ptrdiff_t *step, const double *parameters)
{
    const T scale = (T)parameters[0];
    LOOP_VJP(T, MULADD(scale, x * y, g))
}

static void NAME(bce)(size_t n, char *const *p, const ptrdiff_t *step, const double *unused)
{
    (void)unused;
#define LOG_FROM(x) (LOG(x) < -100 ? -100 : LOG(x))
    LOOP2(T, T, T, MULADD(b - 1, LOG_FROM(1 - a), -(b * LOG_FROM(a))))
#undef LOG_FROM
}
#undef SIGN
#undef CLAMP
#undef INSIDE
#undef TWO_OVER_SQRT_PI
#undef GELU_INNER
#undef GELU_TANH_SLOPE
#undef SILU_SLOPE
#undef REMAINDER
#undef FLOOR_DIVIDE
#undef LOGADDEXP
#undef XLOGY
#undef MISH
#undef MISH_SLOPE
