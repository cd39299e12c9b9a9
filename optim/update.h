/* The arithmetic of optimizers: one pass over raw memory for all parameters of a step. No tensors, no errors. */
#ifndef COTANGENT_OPTIM_UPDATE_H
#define COTANGENT_OPTIM_UPDATE_H
#include <stdbool.h>
#include <stddef.h>

/* Both start with g = sign gradient + decay p, where a decay of 0 leaves p out (an infinite p must not make g NaN). */
struct sgd_numbers {
    double sign, decay, rate, momentum, mix;    /* mix: 1 - dampening */
    bool first, nesterov;                       /* first: the buffer starts as g */
};
struct adam_numbers {
    double sign, decay, shrink;                 /* shrink: 1 - lr wd of AdamW, else 1 */
    double rate, beta1, beta2, eps;             /* rate: lr / (1 - beta1^t) */
    double inverse_root;                        /* 1 / sqrt(1 - beta2^t) */
};

/* One parameter's share in a pass: arrays of count elements in one memory order. */
struct update {
    void *p, *first, *second;                   /* the parameter; its moments; NULL: none */
    const void *gradient;
    size_t count;
    size_t start;                               /* set by update_run: where it lies in the pass */
    bool is_double, is_adam;
    union {
        struct sgd_numbers sgd;
        struct adam_numbers adam;
    };
};

void update_run(struct update *updates, size_t count); /* the same bits at any number of threads */
#endif
