/* Two data sets of one, by chance. */
#include "dataset.h"

#include <autograd/memory.h>
#include <autograd/random.h>

/* Fisher-Yates; the draw for each place depends on seed, draw and place alone. Modulo's bias is count / 2^64. */
void dataset_shuffle(int64_t *order, int64_t count, uint64_t seed, uint64_t draw)
{
    const uint32_t key[2] = {(uint32_t)seed, (uint32_t)(seed >> 32)};
    for (int64_t i = 0; i < count; i++)
        order[i] = i;
    for (int64_t i = count - 1; i > 0; i--) {
        const uint32_t counter[4] = {(uint32_t)i, (uint32_t)(i >> 32), (uint32_t)draw, (uint32_t)(draw >> 32)};
        uint32_t random[4];
        philox4x32(counter, key, random);
        const int64_t j = (int64_t)(((uint64_t)random[0] << 32 | random[1]) % (uint64_t)(i + 1)), swapped = order[i];
        order[i] = order[j];
        order[j] = swapped;
    }
}

struct picked {
    ct_dataset base;
    ct_dataset *whole;
    int64_t *numbers;                           /* of its samples in the whole */
};

static void picked_destroy(void *object)
{
    struct picked *set = object;
    object_drop(set->whole);
    heap_free(set->numbers);
}

static bool picked_fill(const ct_dataset *dataset, int64_t index, uint64_t draw, void *x, void *y)
{
    const struct picked *set = (const struct picked *)dataset;
    return set->whole->fill(set->whole, set->numbers[index], draw, x, y);
}

static ct_dataset *pick(ct_dataset *whole, const int64_t *numbers, int64_t count)
{
    struct picked *set = object_new(sizeof *set, picked_destroy);
    if (!set)
        return NULL;
    dataset_like(&set->base, whole);
    set->base.size = count;
    set->base.fill = picked_fill;
    set->whole = object_hold(whole);
    set->numbers = heap_zeroed((size_t)count + 1, sizeof *set->numbers);
    if (!set->numbers) {
        object_drop(set);
        return ct_fail("data_split: out of memory for %lld samples", (long long)count);
    }
    for (int64_t i = 0; i < count; i++)
        set->numbers[i] = numbers[i];
    return &set->base;
}

bool ct_data_split(ct_dataset *dataset, int64_t count, uint64_t seed, ct_dataset **chosen, ct_dataset **rest)
{
    if (chosen)
        *chosen = NULL;
    if (rest)
        *rest = NULL;
    if (!dataset || !chosen || !rest)
        return ct_ok() && ct_fail("data_split: %s is NULL", dataset ? "place for a part" : "data set");
    if (count < 0 || count > dataset->size)
        return ct_fail("data_split: %lld samples of %lld", (long long)count, (long long)dataset->size) != NULL;
    int64_t *order = heap_zeroed((size_t)dataset->size + 1, sizeof *order);
    if (!order)
        return ct_fail("data_split: out of memory for %lld samples", (long long)dataset->size) != NULL;
    dataset_shuffle(order, dataset->size, seed, 0);
    ct_dataset *a = pick(dataset, order, count), *b = a ? pick(dataset, order + count, dataset->size - count) : NULL;
    heap_free(order);
    if (!b) {
        object_drop(a);
        return false;
    }
    *chosen = a, *rest = b;
    return true;
}
