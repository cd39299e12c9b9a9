/* What a sampler is to the loader. */
#ifndef COTANGENT_SAMPLER_H
#define COTANGENT_SAMPLER_H
#include <autograd/object.h>
#include <data/data.h>

struct ct_sampler {
    struct object object;
    int64_t samples, count;                     /* samples: those of the data set it is for, -1: any that has `least`; count: an epoch's draws, -1: all */
    int64_t least;
    /* Writes an epoch's count of sample numbers, by seed and epoch alone; false: a failure. */
    bool (*order)(const ct_sampler *sampler, int64_t batch_size, uint64_t seed, uint64_t epoch, int64_t *order);
    void *values;                               /* weights, numbers or classes: what it goes by, ours */
    bool no_replacement;
};

ct_sampler *sampler_new(const char *call, size_t values, size_t bytes); /* with room for so many values of so many bytes */
/* A double in [0, 1) for each place, of a stream apart from those that shuffle and augment. */
double sampler_uniform(uint64_t seed, uint64_t epoch, int64_t place);
#endif
