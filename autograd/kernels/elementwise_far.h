/* Loops of float32 functions that are quick for most operands only: a stretch that holds one beyond asks libm for that one.
 * Which way a value goes depends on the value alone. Included by elementwise.c; no guard. */
enum { STRETCH = 512 };

#define IS_NEAR(a, b) (FABS(a) <= (float)NEAR_QUOTIENT * FABS(b))
#define IS_POSITIVE(x) ((x) > 0 && (x) < INFINITY)
#define SIN_ANY(x) (FABS(x) <= WIDE ? sin_f32(x) : sinf(x))
#define COS_ANY(x) (FABS(x) <= WIDE ? cos_f32(x) : cosf(x))
#define TAN_ANY(x) (FABS(x) <= WIDE ? tan_f32(x) : tanf(x))
#define FMOD_ANY(a, b) (IS_NEAR(a, b) ? fmod_f32(a, b) : fmodf(a, b))

ISA_INLINE bool none_wide(const char *at, ptrdiff_t step, size_t n)
{
    uint32_t wide = step != sizeof(float);      /* strided loops are not vector code, and need no second way */
    for (size_t i = 0; i < n && step == sizeof(float); i++)
        wide |= !(FABS(((const float *)at)[i]) <= WIDE);
    return !wide;
}

ISA_INLINE bool all_near(const char *a, const char *b, ptrdiff_t a_step, ptrdiff_t b_step, size_t n)
{
    uint32_t far = 0;
    for (size_t i = 0; i < n; i++)
        far |= !IS_NEAR(*(const float *)(a + (ptrdiff_t)i * a_step), *(const float *)(b + (ptrdiff_t)i * b_step));
    return !far;
}

ISA_INLINE bool none_far(char *const *p, const ptrdiff_t *step, size_t n)
{
    enum { NEXT = sizeof(float) };
    return step[0] == NEXT && (step[1] == NEXT && step[2] == NEXT ? all_near(p[1], p[2], NEXT, NEXT, n)
                               : step[1] == NEXT && step[2] == 0  ? all_near(p[1], p[2], NEXT, 0, n)
                               : step[1] == 0 && step[2] == NEXT  ? all_near(p[1], p[2], 0, NEXT, n) : false);
}

ISA_INLINE bool all_positive(const char *at, ptrdiff_t step, size_t n)
{
    uint32_t other = step != sizeof(float);
    for (size_t i = 0; i < n && step == sizeof(float); i++)
        other |= !IS_POSITIVE(((const float *)at)[i]);
    return !other;
}

#define LGAMMA_ANY(x) (IS_POSITIVE(x) ? log_gamma_f32(x) : (float)log_gamma((double)(x)))
#define DIGAMMA_ANY(x) (IS_POSITIVE(x) ? digamma_f32(x) : (float)digamma((double)(x)))
ISA_INLINE float polygamma_any(double n, float x)
{
    if (!IS_POSITIVE(x) || n < 1 || n > MOST_QUICK_POLYGAMMA)
        return (float)polygamma(n, (double)x);
    return n == 1 ? polygamma_f32(1, x) : n == 2 ? polygamma_f32(2, x) : polygamma_f32(3, x);
}

#define ORDER parameters[0]
static void polygamma_quick(size_t n, char *const *p, const ptrdiff_t *step, const double *parameters)
{
    if (ORDER == 1) {
        LOOP1(float, float, polygamma_f32(1, x))
    } else if (ORDER == 2) {
        LOOP1(float, float, polygamma_f32(2, x))
    } else
        LOOP1(float, float, polygamma_f32(3, x))
}

static void polygamma_vjp_quick(size_t n, char *const *p, const ptrdiff_t *step, const double *parameters)
{
    if (ORDER == 1) {
        LOOP_VJP(float, g * polygamma_f32(2, x))
    } else
        LOOP_VJP(float, g * polygamma_f32(3, x))
}

#define TWO_WAYS(kernel, operands, quick, f)                                                                             \
    static void kernel##_any(size_t n, char *const *all, const ptrdiff_t *step, const double *parameters)                \
    {                                                                                                                    \
        for (size_t from = 0; from < n; from += STRETCH) {                                                               \
            const size_t count = n - from < STRETCH ? n - from : STRETCH;                                                \
            char *p[operands];                                                                                           \
            for (size_t k = 0; k < operands; k++)                                                                        \
                p[k] = all[k] + (ptrdiff_t)from * step[k];                                                               \
            if (quick)                                                                                                   \
                kernel(count, p, step, parameters);                                                                      \
            else                                                                                                         \
                for (size_t i = 0; i < count; i++) {                                                                     \
                    const float a = AT(const float, 1, i), b UNUSED = operands > 2 ? AT(const float, 2 % operands, i) : 0; \
                    AT(float, 0, i) = f;                                                                                 \
                }                                                                                                        \
        }                                                                                                                \
    }
TWO_WAYS(unary_sin_f32, 2, none_wide(p[1], step[1], count), SIN_ANY(a))
TWO_WAYS(unary_cos_f32, 2, none_wide(p[1], step[1], count), COS_ANY(a))
TWO_WAYS(unary_tan_f32, 2, none_wide(p[1], step[1], count), TAN_ANY(a))
TWO_WAYS(unary_vjp_sin_f32, 4, none_wide(p[2], step[2], count), a * COS_ANY(b))
TWO_WAYS(unary_vjp_cos_f32, 4, none_wide(p[2], step[2], count), -(a * SIN_ANY(b)))
TWO_WAYS(unary_lgamma_f32, 2, all_positive(p[1], step[1], count), LGAMMA_ANY(a))
TWO_WAYS(unary_digamma_f32, 2, all_positive(p[1], step[1], count), DIGAMMA_ANY(a))
TWO_WAYS(unary_vjp_lgamma_f32, 4, all_positive(p[2], step[2], count), a * DIGAMMA_ANY(b))
TWO_WAYS(unary_vjp_digamma_f32, 4, all_positive(p[2], step[2], count), a * polygamma_any(1, b))
TWO_WAYS(polygamma_quick, 2, ORDER >= 1 && ORDER <= MOST_QUICK_POLYGAMMA && all_positive(p[1], step[1], count), polygamma_any(ORDER, a))
TWO_WAYS(polygamma_vjp_quick, 4, ORDER >= 1 && ORDER < MOST_QUICK_POLYGAMMA && all_positive(p[2], step[2], count), a * polygamma_any(ORDER + 1, b))
TWO_WAYS(binary_fmod_f32, 3, none_far(p, step, count), FMOD_ANY(a, b))
TWO_WAYS(binary_remainder_f32, 3, none_far(p, step, count), remainder_f32(b, FMOD_ANY(a, b)))
TWO_WAYS(binary_floor_divide_f32, 3, none_far(p, step, count), floor_divide_f32(a, b, FMOD_ANY(a, b)))

static void far_rows(struct kernels *table)
{
    table->unary[UNARY_sin][F32] = unary_sin_f32_any, table->unary[UNARY_cos][F32] = unary_cos_f32_any;
    table->unary[UNARY_tan][F32] = unary_tan_f32_any;
    table->unary_vjp[UNARY_sin][F32] = unary_vjp_sin_f32_any, table->unary_vjp[UNARY_cos][F32] = unary_vjp_cos_f32_any;
    table->unary[UNARY_lgamma][F32] = unary_lgamma_f32_any, table->unary[UNARY_digamma][F32] = unary_digamma_f32_any;
    table->unary[UNARY_polygamma][F32] = polygamma_quick_any;
    table->unary_vjp[UNARY_lgamma][F32] = unary_vjp_lgamma_f32_any, table->unary_vjp[UNARY_digamma][F32] = unary_vjp_digamma_f32_any;
    table->unary_vjp[UNARY_polygamma][F32] = polygamma_vjp_quick_any;
    table->binary[BINARY_fmod][F32] = binary_fmod_f32_any, table->binary[BINARY_remainder][F32] = binary_remainder_f32_any;
    table->binary[BINARY_floor_divide][F32] = binary_floor_divide_f32_any;
}
