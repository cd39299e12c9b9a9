/* The arithmetic of optimizers: one pass over raw memory for all parameters of a step. No tensors, no errors. */
#ifndef COTANGENT_OPTIM_UPDATE_H
#define COTANGENT_OPTIM_UPDATE_H
#include <stdbool.h>
#include <stddef.h>

enum { UPDATE_STATES = 3, UPDATE_BLOCK = 8192 };

enum update_rule {
#define RULE(name, kept, ...) UPDATE_##name,
#include "optim/update.def"
#undef RULE
    UPDATE_RULES
};

struct update_numbers {                         /* what a rule calls them by; each means what the optimizer says */
    double sign, decay, shrink;                 /* g = sign gradient + decay p, a decay of 0 leaves p out: an infinite p must not make g NaN */
    double rate, beta1, rest1, beta2, rest2, eps, root, extra;
};

/* One tensor's share in a pass: arrays of count elements in one memory order. */
struct update {
    void *p, *states[UPDATE_STATES];
    const void *gradient;
    size_t count;
    enum update_rule rule;
    bool is_double;
    struct update_numbers n;
    double *sums;                               /* what update_norms and update_lamb_moments find, two a block of UPDATE_BLOCK elements */
    size_t start;                               /* set by the pass: where it lies in it */
};

/* All give the same bits at any number of threads. */
void update_run(struct update *updates, size_t count);
/* Sums over elements of the gradients, sums[2i] of block i: |g|^power, or with an infinite power the largest |g|; NaN spreads. */
void update_norms(struct update *updates, size_t count, double power);
/* Moves the moments; sums of p^2 (sums[2i]) and of the square of what the rule lamb will take off p (sums[2i + 1]), but for its rate. */
void update_lamb_moments(struct update *updates, size_t count);
static inline size_t update_blocks(size_t count)
{
    return (count + UPDATE_BLOCK - 1) / UPDATE_BLOCK;
}
#endif
