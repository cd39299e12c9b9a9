/* Included once per float type by optim/update_kernels.c. The order of the operations is PyTorch's. */
ISA_INLINE REAL REAL_NAME(small)(REAL x)
{
    return ABS(x) < FIRST_FLOOR ? 0 : x;
}
#define SMALL_(x) REAL_NAME(small)(x)

#define NUMBERS                                                                                                                  \
    const REAL sign = (REAL)u->n.sign, decay = (REAL)u->n.decay, shrink = (REAL)u->n.shrink, rate = (REAL)u->n.rate,              \
               beta1 = (REAL)u->n.beta1, rest1 = (REAL)u->n.rest1, beta2 = (REAL)u->n.beta2, rest2 = (REAL)u->n.rest2,             \
               eps = (REAL)u->n.eps, root = (REAL)u->n.root, extra = (REAL)u->n.extra;                                            \
    (void)sign, (void)decay, (void)shrink, (void)rate, (void)beta1, (void)rest1, (void)beta2, (void)rest2, (void)eps, (void)root, \
        (void)extra

#define STATE(slot, kept) (REAL *)((kept) > (slot) ? u->states[slot] : u->p)
#define RULE(name, kept, ...)                                                                             \
    static void REAL_NAME(name)(const struct update *u, size_t begin, size_t end)                         \
    {                                                                                                     \
        REAL *restrict const ps = u->p, *restrict const as = STATE(0, kept);                              \
        REAL *restrict const bs = STATE(1, kept), *restrict const cs = STATE(2, kept);                    \
        const REAL *restrict const gs = u->gradient;                                                      \
        NUMBERS;                                                                                          \
        for (size_t i = begin; i < end; i++) {                                                            \
            REAL p = ps[i] * shrink, g = decay != 0 ? sign * gs[i] + decay * p : sign * gs[i];            \
            REAL a = kept > 0 ? as[i] : 0, b = kept > 1 ? bs[i] : 0, c = kept > 2 ? cs[i] : 0;            \
            (void)g, (void)a, (void)b, (void)c;                                                           \
            __VA_ARGS__;                                                                                  \
            ps[i] = p;                                                                                    \
            if (kept > 0)                                                                                 \
                as[i] = a;                                                                                \
            if (kept > 1)                                                                                 \
                bs[i] = b;                                                                                \
            if (kept > 2)                                                                                 \
                cs[i] = c;                                                                                \
        }                                                                                                 \
    }
#include "optim/update.def"
#undef RULE

/* Sums in double: squares of large float gradients overflow, and many small ones vanish. LANES of them side by side, whatever
 * the width of the vectors: a sum is the same on every instruction set. */
#define NORM(name, term, join)                                                                  \
    static void REAL_NAME(name)(const struct update *u, size_t begin, size_t end)               \
    {                                                                                           \
        const REAL *restrict const gs = u->gradient;                                            \
        const double power = u->n.rate;                                                         \
        double lanes[32] = {0}, total = 0;                                                      \
        (void)power;                                                                            \
        size_t i = begin;                                                                       \
        for (; i + 32 <= end; i += 32)                                                          \
            for (size_t k = 0; k < 32; k++) {                                                   \
                const double g = __builtin_fabs((double)gs[i + k]), x = term;                   \
                lanes[k] = join(lanes[k], x);                                                   \
            }                                                                                   \
        for (size_t k = 0; i + k < end; k++) {                                                  \
            const double g = __builtin_fabs((double)gs[i + k]), x = term;                       \
            lanes[k] = join(lanes[k], x);                                                       \
        }                                                                                       \
        for (size_t k = 0; k < 32; k++)                                                         \
            total = join(total, lanes[k]);                                                      \
        u->sums[begin / UPDATE_BLOCK * 2] = total;                                              \
    }
#define ADD(x, y) ((x) + (y))
NORM(squares, g * g, ADD)
NORM(absolutes, g, ADD)
NORM(largest, g, MAX)
NORM(powers, pow(g, power), ADD)
#undef NORM
#undef ADD

/* Moments, and what they give for the norms: p^2 and the square of what the rule lamb will take off p. */
#define LAMB_TERMS(i, k)                                                                                  \
    do {                                                                                                  \
        const REAL p = ps[i], g = sign * gs[i];                                                           \
        REAL a = as[i], b = bs[i];                                                                        \
        MEAN(a, g, rest1);                                                                                \
        SQUARES(b);                                                                                       \
        as[i] = a, bs[i] = b;                                                                             \
        const double x = (double)p, r = (double)(a * extra / (SQRT(b) * root + eps) + beta1 * p);         \
        of_p[k] += x * x;                                                                                 \
        of_update[k] += r * r;                                                                            \
    } while (0)
static void REAL_NAME(lamb_moments)(const struct update *u, size_t begin, size_t end)
{
    const REAL *restrict const ps = u->p, *restrict const gs = u->gradient;
    REAL *restrict const as = u->states[0], *restrict const bs = u->states[1];
    NUMBERS;
    double of_p[32] = {0}, of_update[32] = {0}, p_total = 0, update_total = 0;
    size_t i = begin;
    for (; i + 32 <= end; i += 32)
        for (size_t k = 0; k < 32; k++)
            LAMB_TERMS(i + k, k);
    for (size_t k = 0; i + k < end; k++)
        LAMB_TERMS(i + k, k);
    for (size_t k = 0; k < 32; k++)
        p_total += of_p[k], update_total += of_update[k];
    u->sums[begin / UPDATE_BLOCK * 2] = p_total;
    u->sums[begin / UPDATE_BLOCK * 2 + 1] = update_total;
}
#undef LAMB_TERMS

#undef STATE
#undef NUMBERS
#undef SMALL_
#undef REAL
#undef REAL_NAME
#undef SQRT
#undef ABS
#undef FIRST_FLOOR
#undef SECOND_FLOOR
