/* A copy of all parameters and buffers of a module. */
#ifndef COTANGENT_TRAIN_WEIGHTS_H
#define COTANGENT_TRAIN_WEIGHTS_H
#include "nn/nn.h"

struct weights {
    ct_tensor **values;                         /* in order of visit; kept */
    size_t count;
};

bool weights_take(struct weights *weights, const ct_module *module); /* makes room at the first call; false after reporting */
bool weights_put(const struct weights *weights, ct_module *module);
void weights_clear(struct weights *weights);
#endif
