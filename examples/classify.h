/* Training a classifier: the loop, and what it prints. */
#ifndef EXAMPLES_CLASSIFY_H
#define EXAMPLES_CLASSIFY_H
#include "settings.h"

struct classifier {
    struct sets sets;
    ct_loader *loader;                          /* of the training set, or of looks at it */
    ct_module *net;
    ct_optimizer *optimizer;
    ct_schedule *schedule;                      /* moves on after each step */
};

int64_t classify_steps(const struct classifier *c, const struct settings *s); /* of the whole training; needs the loader */


/* Summary, epochs, saving and the last line, "test accuracy: 0.9712". Frees all parts, some of which may be NULL after a failure;
 * returns what main does. */
int classify(struct classifier *c, const struct settings *s);
#endif
