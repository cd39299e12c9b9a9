/* concat.c - data sets one behind the other. */
#include "dataset.h"

#include <autograd/memory.h>

#include <string.h>

struct joined {
    ct_dataset base;
    size_t count;
    ct_dataset **parts;
    int64_t *starts;                            /* of each part, and the end */
};

static void destroy(void *object)
{
    struct joined *set = object;
    for (size_t i = 0; set->parts && i < set->count; i++)
        object_drop(set->parts[i]);
    heap_free(set->parts);
    heap_free(set->starts);
}

static bool fill(const ct_dataset *dataset, int64_t index, uint64_t draw, void *x, void *y)
{
    const struct joined *set = (const struct joined *)dataset;
    size_t low = 0, high = set->count;          /* the last part that starts at or before the index is in [low, high) */
    while (high - low > 1) {
        const size_t middle = low + (high - low) / 2;
        if (set->starts[middle] <= index)
            low = middle;
        else
            high = middle;
    }
    return set->parts[low]->fill(set->parts[low], index - set->starts[low], draw, x, y);
}

static bool same_part(const struct sample_part *a, const struct sample_part *b)
{
    return a->dtype == b->dtype && a->rank == b->rank && !memcmp(a->sizes, b->sizes, (size_t)a->rank * sizeof *a->sizes);
}

static bool check(ct_dataset *const *datasets, size_t count)
{
    if (!datasets || !count)
        return ct_fail("data_concat: no data sets");
    for (size_t i = 0; i < count; i++) {
        const ct_dataset *first = datasets[0], *set = datasets[i];
        char texts[2][SAMPLE_TEXT];
        if (!set)
            return ct_fail("data_concat: data set %zu is NULL", i);
        if (!same_part(&set->x, &first->x))
            return ct_fail("data_concat: x of data set %zu is %s, that of the first %s", i, sample_text(texts[0], &set->x), sample_text(texts[1], &first->x));
        if (set->has_y != first->has_y)
            return ct_fail("data_concat: data set %zu has %s y, the first has %s", i, set->has_y ? "a" : "no", first->has_y ? "one" : "none");
        if (set->has_y && !same_part(&set->y, &first->y))
            return ct_fail("data_concat: y of data set %zu is %s, that of the first %s", i, sample_text(texts[0], &set->y), sample_text(texts[1], &first->y));
    }
    return true;
}

ct_dataset *ct_data_concat(ct_dataset *const *datasets, size_t count)
{
    struct joined *set = check(datasets, count) ? object_new(sizeof *set, destroy) : NULL;
    if (!set)
        return NULL;
    set->parts = heap_zeroed(count, sizeof *set->parts);
    set->starts = heap_zeroed(count + 1, sizeof *set->starts);
    if (!set->parts || !set->starts) {
        object_drop(set);
        return ct_fail("data_concat: out of memory for %zu data sets", count);
    }
    dataset_like(&set->base, datasets[0]);
    set->base.size = 0;
    set->base.fill = fill;
    for (size_t i = 0; i < count; i++) {
        set->starts[i] = set->base.size;
        set->parts[set->count++] = object_hold(datasets[i]);
        if (memcmp(datasets[i]->black, datasets[0]->black, sizeof set->base.black))
            memset(set->base.black, 0, sizeof set->base.black);
        if (__builtin_add_overflow(set->base.size, datasets[i]->size, &set->base.size)) {
            object_drop(set);
            return ct_fail("data_concat: more samples than can be counted");
        }
    }
    set->starts[count] = set->base.size;
    return &set->base;
}
