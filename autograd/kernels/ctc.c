/* Forward and backward variables of connectionist temporal classification. */
#include "ctc.h"

#include <math.h>

static int64_t label(const struct ctc *c, int64_t state)
{
    return state & 1 ? c->target[state / 2] : c->blank;
}

static bool skips(const struct ctc *c, int64_t state) /* can be entered from two states before */
{
    return state & 1 && state > 1 && c->target[state / 2] != c->target[state / 2 - 1];
}

static double log_add(double a, double b, double c)
{
    const double largest = fmax(a, fmax(b, c));
    if (isnan(a) || isnan(b) || isnan(c))
        return NAN;
    return isinf(largest) ? largest : largest + log(exp(a - largest) + exp(b - largest) + exp(c - largest));
}

#define CTC(T, suffix)                                                                                                   \
    /* alpha[state]: of all paths that are there at t, t's own probability included */                                    \
    static void forward_##suffix(const struct ctc *c, int64_t t, const double *before, double *alpha)                    \
    {                                                                                                                    \
        const T *log_p = (const T *)c->log_p + t * c->step;                                                              \
        for (int64_t s = 0; s <= 2 * c->length; s++) {                                                                   \
            const double paths = t == 0 ? (s < 2 ? 0 : -INFINITY)                                                        \
                                        : log_add(before[s], s > 0 ? before[s - 1] : -INFINITY, skips(c, s) ? before[s - 2] : -INFINITY); \
            alpha[s] = paths == -INFINITY ? paths : paths + (double)log_p[label(c, s)];                                  \
        }                                                                                                                \
    }                                                                                                                    \
    /* beta[state]: of all ways from there at t to the end, t's own probability not included */                           \
    static void backward_##suffix(const struct ctc *c, int64_t t, const double *after, double *beta)                     \
    {                                                                                                                    \
        const T *log_p = (const T *)c->log_p + (t + 1) * c->step;                                                        \
        const int64_t last = 2 * c->length;                                                                              \
        for (int64_t s = 0; s <= last; s++) {                                                                            \
            double way[3] = {-INFINITY, -INFINITY, -INFINITY};                                                           \
            for (int64_t move = 0; move < 3 && s + move <= last; move++)                                                 \
                if ((move < 2 || skips(c, s + 2)) && after[s + move] != -INFINITY)                                       \
                    way[move] = after[s + move] + (double)log_p[label(c, s + move)];                                     \
            beta[s] = log_add(way[0], way[1], way[2]);                                                                   \
        }                                                                                                                \
    }                                                                                                                    \
    static double loss_##suffix(const struct ctc *c, double *work)                                                       \
    {                                                                                                                    \
        const int64_t states = 2 * c->length + 1;                                                                        \
        for (int64_t t = 0; t < c->times; t++)                                                                           \
            forward_##suffix(c, t, work + (t + 1) % 2 * states, work + t % 2 * states);                                  \
        const double *end = work + (c->times + 1) % 2 * states;                                                          \
        if (c->times == 0)                                                                                               \
            return c->length ? INFINITY : 0;                                                                             \
        return -log_add(end[states - 1], c->length ? end[states - 2] : -INFINITY, -INFINITY);                            \
    }                                                                                                                    \
    static void slope_##suffix(const struct ctc *c, double *work, void *to)                                              \
    {                                                                                                                    \
        const int64_t states = 2 * c->length + 1;                                                                        \
        double *alpha = work, *beta = work + c->times * states;                                                          \
        for (int64_t t = 0; t < c->times; t++)                                                                           \
            forward_##suffix(c, t, t ? alpha + (t - 1) * states : NULL, alpha + t * states);                             \
        const double *end = alpha + (c->times - 1) * states;                                                             \
        const double all = c->times ? log_add(end[states - 1], c->length ? end[states - 2] : -INFINITY, -INFINITY) : 0;  \
        for (int64_t t = c->times; t-- > 0;) {                                                                           \
            const T *log_p = (const T *)c->log_p + t * c->step;                                                          \
            T *slope = (T *)to + t * c->step;                                                                            \
            double *here = beta + t % 2 * states, *after = beta + (t + 1) % 2 * states;                                  \
            if (t == c->times - 1)                                                                                       \
                for (int64_t s = 0; s < states; s++)                                                                     \
                    here[s] = s >= states - 2 ? 0 : -INFINITY;                                                           \
            else                                                                                                         \
                backward_##suffix(c, t, after, here);                                                                    \
            for (int64_t k = 0; k < c->classes; k++)                                                                     \
                slope[k] = (T)(all == -INFINITY ? NAN : exp((double)log_p[k]));                                          \
            for (int64_t s = 0; s < states; s++)                                                                         \
                slope[label(c, s)] -= (T)exp(alpha[t * states + s] + here[s] - all);                                     \
        }                                                                                                                \
    }
CTC(float, f32)
CTC(double, f64)
double (*const ctc_loss[FLOATS])(const struct ctc *c, double *work) = {loss_f32, loss_f64};
void (*const ctc_slope[FLOATS])(const struct ctc *c, double *work, void *slope) = {slope_f32, slope_f64};
