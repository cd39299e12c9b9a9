/* loader.c - samples in an order become batches. Each batch is a new tensor: what a graph holds is never written again,
 * and the memory of a batch that nobody holds comes back from the allocator's cache for the next. */
#include "dataset.h"

#include <autograd/memory.h>
#include <autograd/random.h>

#include <string.h>

const ct_loader_options ct_loader_defaults = {CT_LOADER_DEFAULTS.end_ = 0};

struct ct_loader {
    struct object object;
    ct_dataset *dataset;
    int64_t batch_size, position;               /* position: samples of this epoch handed out */
    bool shuffle, drop_last;
    uint64_t seed, epoch;
    int64_t *order;                             /* NULL: as they come */
    ct_tensor *x, *y;                           /* the latest batch, kept */
};

static void forget_batch(ct_loader *loader)
{
    ct_release(loader->x);
    ct_release(loader->y);
    loader->x = loader->y = NULL;
}

static void destroy(void *object)
{
    ct_loader *loader = object;
    forget_batch(loader);
    heap_free(loader->order);
    object_drop(loader->dataset);
}

ct_loader *(ct_loader_new)(ct_dataset *dataset, const ct_loader_options *options)
{
    const ct_loader_options o = options ? *options : ct_loader_defaults;
    if (!dataset)
        return ct_fail("loader_new: data set is NULL");
    if (o.batch_size < 1)
        return ct_fail("loader_new: batch_size %lld, want at least 1", (long long)o.batch_size);
    ct_loader *loader = object_new(sizeof *loader, destroy);
    if (!loader)
        return NULL;
    loader->dataset = object_hold(dataset);
    loader->batch_size = o.batch_size;
    loader->shuffle = o.shuffle;
    loader->drop_last = o.drop_last;
    loader->seed = o.seed;
    if (o.shuffle && !(loader->order = heap_zeroed((size_t)dataset->size + 1, sizeof *loader->order))) {
        object_drop(loader);
        return ct_fail("loader_new: out of memory for the order of %lld samples", (long long)ct_dataset_size(dataset));
    }
    return loader;
}

/* Fisher-Yates; the draw for each place depends on seed, epoch and place alone. Modulo's bias is size / 2^64. */
static void shuffle(ct_loader *loader)
{
    const uint32_t key[2] = {(uint32_t)loader->seed, (uint32_t)(loader->seed >> 32)};
    int64_t *order = loader->order;
    for (int64_t i = 0; i < loader->dataset->size; i++)
        order[i] = i;
    for (int64_t i = loader->dataset->size - 1; i > 0; i--) {
        const uint32_t counter[4] = {(uint32_t)i, (uint32_t)(i >> 32), (uint32_t)loader->epoch,
                                     (uint32_t)(loader->epoch >> 32)};
        uint32_t random[4];
        philox4x32(counter, key, random);
        const int64_t j = (int64_t)(((uint64_t)random[0] << 32 | random[1]) % (uint64_t)(i + 1)), swapped = order[i];
        order[i] = order[j];
        order[j] = swapped;
    }
}

static bool fill_batch(const ct_loader *loader, int64_t count, char *x, char *y)
{
    const ct_dataset *dataset = loader->dataset;
    for (int64_t i = 0; i < count; i++) {
        const int64_t place = loader->position + i;
        if (!dataset->fill(dataset, loader->order ? loader->order[place] : place, x, y))
            return false;
        x += dataset->x.bytes;
        y = y ? y + dataset->y.bytes : NULL;
    }
    return true;
}

bool ct_loader_next(ct_loader *loader, ct_batch *batch)
{
    if (batch)
        *batch = (ct_batch){NULL, NULL};
    if (!loader || !batch)
        return ct_fail("loader_next: %s is NULL", loader ? "batch" : "loader");
    forget_batch(loader);
    const ct_dataset *dataset = loader->dataset;
    const int64_t left = dataset->size - loader->position;
    const int64_t count = left < loader->batch_size ? left : loader->batch_size;
    if (count == 0 || (loader->drop_last && count < loader->batch_size)) {
        loader->position = 0;
        loader->epoch++;
        return false;
    }
    if (loader->shuffle && loader->position == 0)
        shuffle(loader);
    CT_SCOPE;
    void *x_values = NULL, *y_values = NULL;
    ct_tensor *x = sample_tensor(&dataset->x, count, &x_values);
    ct_tensor *y = x && dataset->has_y ? sample_tensor(&dataset->y, count, &y_values) : NULL;
    if (!x || (dataset->has_y && !y) || !fill_batch(loader, count, x_values, y_values))
        return false;                           /* the epoch stands where it stood: the next call tries again */
    loader->position += count;
    batch->x = loader->x = ct_keep(x);
    batch->y = loader->y = ct_keep(y);
    return true;
}

int64_t ct_loader_batches(const ct_loader *loader)
{
    if (!loader)
        return -1;
    const int64_t whole = loader->dataset->size / loader->batch_size, rest = loader->dataset->size % loader->batch_size;
    return whole + (rest && !loader->drop_last);
}
