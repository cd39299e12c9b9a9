/* Some samples of a data set, by number: chosen ones, or two parts of it by chance. */
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

ct_dataset *dataset_pick(const char *call, ct_dataset *whole, const int64_t *numbers, int64_t count)
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
        return ct_fail("%s: out of memory for %lld samples", call, (long long)count);
    }
    for (int64_t i = 0; i < count; i++)
        set->numbers[i] = numbers[i];
    return &set->base;
}

ct_dataset *ct_data_select(ct_dataset *dataset, const ct_tensor *indices)
{
    if (!dataset || !indices)
        return ct_fail("data_select: %s", dataset ? "indices are NULL" : "data set is NULL");
    if (ct_rank(indices) != 1 || ct_dtype_of(indices) != CT_INT64)
        return ct_fail("data_select: indices are %s with %d axes, want int64 (K)", ct_dtype_name(ct_dtype_of(indices)), ct_rank(indices));
    CT_SCOPE;
    const ct_tensor *dense = ct_contiguous((ct_tensor *)indices);
    const int64_t *numbers = dense ? ct_data(dense) : NULL, count = ct_size(indices, 0);
    for (int64_t i = 0; numbers && i < count; i++)
        if (numbers[i] < 0 || numbers[i] >= dataset->size)
            return ct_fail("data_select: sample %lld at index %lld is not in [0, %lld)", (long long)numbers[i], (long long)i,
                           (long long)dataset->size);
    return numbers ? dataset_pick("data_select", dataset, numbers, count) : NULL;
}

bool dataset_parts(const char *call, ct_dataset *whole, const int64_t *order, int64_t count, ct_dataset **chosen, ct_dataset **rest)
{
    ct_dataset *a = dataset_pick(call, whole, order, count), *b = a ? dataset_pick(call, whole, order + count, whole->size - count) : NULL;
    if (!b) {
        object_drop(a);
        return false;
    }
    *chosen = a, *rest = b;
    return true;
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
    const bool good = dataset_parts("data_split", dataset, order, count, chosen, rest);
    heap_free(order);
    return good;
}
