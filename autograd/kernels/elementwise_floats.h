/* The floating elementwise loops for one dtype: T, its functions EXP ..., and NAME(x) for its names. Included by
 * elementwise.c once for float32 and once for float64; no guard. */
#define SIGN(x) ((T)((x) > 0) - (T)((x) < 0))
#define CLAMP(x, low, high) ((x) < (low) ? (low) > (high) ? (high) : (low) : (x) > (high) ? (high) : (x))
#define INSIDE(x, low, high) (((x) > (low) || ((low) == -INFINITY && (x) == (x))) && ((x) < (high) || ((high) == INFINITY && (x) == (x))))
#define TWO_OVER_SQRT_PI ((T)1.1283791670955126)
#define NORMAL_CDF(x) ((T)0.5 * (1 + ERF((x) * (T)0.7071067811865476)))
#define NORMAL_PDF(x) ((T)0.3989422804014327 * EXP((T)-0.5 * (x) * (x)))
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

#define SOFTPLUS(x) (LOG1P(EXP(-FABS(x))) + ((x) > 0 ? (x) : 0))
ISA_INLINE T NAME(mish_slope)(T x)              /* t + x s (1 - t^2), t = tanh(softplus(x)), s = sigmoid(x) */
{
    T t = TANH(SOFTPLUS(x));
    return t + x * SIGMOID(x) * (1 - t * t);
}
#define MISH_SLOPE(x) NAME(mish_slope)(x)

ISA_INLINE T NAME(remainder)(T a, T b)          /* of the sign of b */
{
    T r = FMOD(a, b);
    return r != 0 && (r < 0) != (b < 0) ? r + b : r;
}
#define REMAINDER(a, b) NAME(remainder)(a, b)

/* The exact quotient of a less its remainder, where a / b would round up across a whole number. */
ISA_INLINE T NAME(floor_divide)(T a, T b)
{
    if (b == 0)
        return a / b;
    T r = FMOD(a, b), q = (a - r) / b - (r != 0 && (r < 0) != (b < 0)), whole = FLOOR(q);
    whole = q - whole > (T)0.5 ? whole + 1 : whole;
    return q != 0 ? whole : (a / b) * 0;
}
#define FLOOR_DIVIDE(a, b) NAME(floor_divide)(a, b)
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

static void NAME(mask_scale)(size_t n, char *const *p, const ptrdiff_t *step, const double *parameters)
{
    const T scale = (T)parameters[0];
    LOOP2(T, T, uint8_t, b ? a * scale : 0)
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
#undef NORMAL_CDF
#undef NORMAL_PDF
#undef GELU_INNER
#undef GELU_TANH_SLOPE
#undef SILU_SLOPE
#undef REMAINDER
#undef FLOOR_DIVIDE
#undef LOGADDEXP
#undef XLOGY
#undef SOFTPLUS
#undef MISH_SLOPE
