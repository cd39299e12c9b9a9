/* A step length along a direction that satisfies the strong Wolfe conditions. */
#ifndef COTANGENT_OPTIM_LINE_SEARCH_H
#define COTANGENT_OPTIM_LINE_SEARCH_H
#include "autograd/autograd.h"

struct trial {                                  /* a point on the line: step length, loss, its slope along the line, its gradient */
    double t, loss, slope;
    ct_tensor *gradient;
};
/* Fills all but t, which is given. False: a failure. */
typedef bool line_function(struct trial *trial, void *context);

/* From start (t = 0) with t as a first guess; reach is the largest element of the direction. At most `most` evaluations after the first; *evaluations counts all.
 * The best trial found, or one without a gradient after a failure. Nocedal and Wright, Numerical Optimization, 2006, algorithms 3.5 and 3.6 */
struct trial strong_wolfe(line_function *evaluate, void *context, struct trial start, double t, double reach, double tolerance, int64_t most,
                          int64_t *evaluations);
#endif
