/* Training a classifier by ct_train_fit, and what the examples print around it. */
#ifndef EXAMPLES_CLASSIFY_H
#define EXAMPLES_CLASSIFY_H
#include "settings.h"
#include "watch.h"

struct classifier {
    struct sets sets;
    ct_loader *loader;                          /* of the training set, or of looks at it */
    ct_module *net;
    ct_optimizer *optimizer;
    ct_schedule *schedule;                      /* moves on after each step */
    ct_class_names names;                       /* for the report; may be empty */
};

int64_t classify_steps(const struct classifier *c, const struct settings *s); /* of the whole training; needs the loader */

/* Summary, training, saving and the last line, "test accuracy: 0.9712". Frees all parts, some of which may be NULL after a failure;
 * returns what main does. */
int classify(struct classifier *c, const struct settings *s, const struct watch *w);
#endif
