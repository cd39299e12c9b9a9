/* What a loader's batches depend on beside its position and the samples themselves. */
#ifndef COTANGENT_LOADER_H
#define COTANGENT_LOADER_H
#include <data/data.h>

struct loader_facts {
    int64_t samples, batch_size;                /* samples: of an epoch */
    const char *order;                          /* "as they come", "shuffled", "by a sampler" */
    bool drop_last;
    uint64_t seed;
};
struct loader_facts loader_facts(const ct_loader *loader);
#endif
