/* Connectionist temporal classification (Graves et al. 2006) of one sequence. Its states are blank, t_1, blank, t_2, ..., blank,
 * 2 length + 1 of them; a path stays, moves on by one, or skips a blank between two different labels. All in double, in logarithms. */
#ifndef COTANGENT_KERNELS_CTC_H
#define COTANGENT_KERNELS_CTC_H
#include "kernels.h"

struct ctc {
    const void *log_p;                          /* log_p[t step + class] */
    int64_t times, step, classes;
    const int64_t *target;
    int64_t length, blank;
};
extern double (*const ctc_loss[FLOATS])(const struct ctc *c, double *work); /* -log of all paths' probability; work: 2 rows of states */
/* slope[t step + class] = e^log_p - the share of paths that are in the class at t, for log_p out of a log_softmax; work: times + 2
 * rows of states. */
extern void (*const ctc_slope[FLOATS])(const struct ctc *c, double *work, void *slope);
#endif
