/* Training a classifier: the loop, and what it prints. */
#ifndef EXAMPLES_CLASSIFY_H
#define EXAMPLES_CLASSIFY_H
#include "settings.h"

/* The learning rate as a part of its largest, after `done` (0 to 1) of the training. */
typedef double schedule(double done);
schedule falling_cosine;                        /* from 1 to 0 */
schedule one_cycle;                             /* rises for 30 %, then falls to 0, both along a cosine; arXiv:1708.07120 */

struct classifier {
    struct sets sets;
    ct_loader *loader;                          /* of the training set, or of looks at it */
    ct_module *net;
    ct_optimizer *optimizer;
    schedule *rate;
};

/* Summary, epochs, saving and the last line, "test accuracy: 0.9712". Frees all parts, some of which may be NULL after a failure;
 * returns what main does. */
int classify(struct classifier *c, const struct settings *s);
#endif
