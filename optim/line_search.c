#include "optim/line_search.h"

#include <math.h>

static const double C1 = 1e-4, C2 = 0.9;        /* sufficient decrease, flatter slope */

/* The minimum between low and high of the cubic through both losses and slopes; their middle if it has none. */
static double cubic(struct trial a, struct trial b, double low, double high)
{
    const double d1 = a.slope + b.slope - 3 * (a.loss - b.loss) / (a.t - b.t), square = d1 * d1 - a.slope * b.slope;
    if (!(square >= 0))
        return (low + high) / 2;
    const double d2 = sqrt(square);
    const double t = a.t <= b.t ? b.t - (b.t - a.t) * ((b.slope + d2 - d1) / (b.slope - a.slope + 2 * d2))
                                : a.t - (a.t - b.t) * ((a.slope + d2 - d1) / (a.slope - b.slope + 2 * d2));
    return t < low ? low : t > high ? high : isnan(t) ? low : t;
}

struct trial strong_wolfe(line_function *evaluate, void *context, struct trial start, double t, double reach, double tolerance, int64_t most,
                          int64_t *evaluations)
{
    const double steepest = start.slope;
    struct trial before = start, now = {.t = t}, bracket[2];
    int64_t tries = 0;
    bool done = false, found = false;
    *evaluations = 1;
    if (!evaluate(&now, context))
        return now;
    /* Steps grow until a bracket holds a good one, or one is good. */
    while (tries < most && !found) {
        found = true;
        bracket[0] = before, bracket[1] = now;
        if (now.loss > start.loss + C1 * now.t * steepest || (tries > 1 && now.loss >= before.loss))
            break;
        if (fabs(now.slope) <= -C2 * steepest)
            return now;
        if (now.slope >= 0)
            break;
        found = false;
        const double next = cubic(before, now, now.t + 0.01 * (now.t - before.t), now.t * 10);
        before = now;
        now = (struct trial){.t = next};
        if (!evaluate(&now, context))
            return now;
        ++*evaluations, ++tries;
    }
    if (!found)
        bracket[0] = start, bracket[1] = now;
    /* The bracket shrinks around it. */
    bool little = false;                        /* the last trial fell close to an end */
    int low = bracket[0].loss <= bracket[1].loss ? 0 : 1, high = 1 - low;
    while (!done && tries < most && !(fabs(bracket[1].t - bracket[0].t) * reach < tolerance)) {
        const double left = fmin(bracket[0].t, bracket[1].t), right = fmax(bracket[0].t, bracket[1].t), margin = 0.1 * (right - left);
        now = (struct trial){.t = cubic(bracket[0], bracket[1], left, right)};
        if (fmin(right - now.t, now.t - left) < margin) {
            const bool move = little || now.t >= right || now.t <= left;
            if (move)
                now.t = fabs(now.t - right) < fabs(now.t - left) ? right - margin : left + margin;
            little = !move;
        } else
            little = false;
        if (!evaluate(&now, context))
            return now;
        ++*evaluations, ++tries;
        if (now.loss > start.loss + C1 * now.t * steepest || now.loss >= bracket[low].loss) {
            bracket[high] = now;
            low = bracket[0].loss <= bracket[1].loss ? 0 : 1, high = 1 - low;
            continue;
        }
        if (fabs(now.slope) <= -C2 * steepest)
            done = true;
        else if (now.slope * (bracket[high].t - bracket[low].t) >= 0)
            bracket[high] = bracket[low];
        bracket[low] = now;
    }
    return bracket[low];
}
