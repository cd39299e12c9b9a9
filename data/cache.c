/* cache.c - samples stay where they were read first. Any thread may ask: one marks a sample as being read, puts it in its place and says
 * so; who comes meanwhile reads it for itself. */
#include "dataset.h"

#include <autograd/memory.h>

#include <string.h>

enum { ABSENT, BEING_READ, THERE };

struct cached {
    ct_dataset base;
    ct_dataset *slow;
    char *x, *y;
    atomic_uchar *states;
};

static void destroy(void *object)
{
    struct cached *set = object;
    object_drop(set->slow);
    heap_free(set->x);
    heap_free(set->y);
    heap_free(set->states);
}

static void copy(void *to, const void *from, size_t bytes)
{
    if (bytes)
        memcpy(to, from, bytes);
}

/* Always of epoch 0, whoever comes first, so that what is kept does not depend on when it was read. */
static bool fill(const ct_dataset *dataset, int64_t index, uint64_t draw, void *x, void *y)
{
    (void)draw;
    const struct cached *set = (const struct cached *)dataset;
    atomic_uchar *state = &set->states[index];
    char *x_place = set->x + (size_t)index * dataset->x.bytes, *y_place = y ? set->y + (size_t)index * dataset->y.bytes : NULL;
    unsigned char seen = atomic_load_explicit(state, memory_order_acquire);
    if (seen == ABSENT && atomic_compare_exchange_strong(state, &seen, BEING_READ)) {
        const bool good = set->slow->fill(set->slow, index, 0, x_place, y_place);
        atomic_store_explicit(state, good ? THERE : ABSENT, memory_order_release);
        if (!good)
            return false;
        seen = THERE;
    }
    if (seen != THERE)
        return set->slow->fill(set->slow, index, 0, x, y);
    copy(x, x_place, dataset->x.bytes);
    if (y)
        copy(y, y_place, dataset->y.bytes);
    return true;
}

ct_dataset *(ct_data_cache)(ct_dataset *dataset, const ct_data_cache_options *options)
{
    const int64_t limit = options ? options->limit : 0;
    if (!dataset)
        return ct_fail("data_cache: data set is NULL");
    if (limit < 0)
        return ct_fail("data_cache: limit %lld, want 0 (none) or more bytes", (long long)limit);
    const size_t one = dataset->x.bytes + (dataset->has_y ? dataset->y.bytes : 0);
    size_t all;
    if (!size_multiply((size_t)dataset->size, one + 1, &all)) /* with a byte for the state */
        return ct_fail("data_cache: %lld samples of %zu bytes are more than can be counted", (long long)dataset->size, one);
    if (limit && all > (size_t)limit)
        return ct_fail("data_cache: %lld samples of %zu bytes would take %zu, the limit is %lld", (long long)dataset->size, one, all, (long long)limit);
    struct cached *set = object_new(sizeof *set, destroy);
    if (!set)
        return NULL;
    dataset_like(&set->base, dataset);
    set->base.fill = fill;
    set->slow = object_hold(dataset);
    set->x = heap_alloc((size_t)dataset->size * dataset->x.bytes + 1);
    set->y = heap_alloc((size_t)dataset->size * dataset->y.bytes + 1);
    set->states = heap_zeroed((size_t)dataset->size + 1, sizeof *set->states);
    if (set->x && set->y && set->states)
        return &set->base;
    object_drop(set);
    return ct_fail("data_cache: out of memory for %zu bytes", all);
}
