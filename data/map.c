/* map.c - samples by way of a function of the user's. */
#include "dataset.h"

#include <autograd/memory.h>

#include <string.h>

struct mapped {
    ct_dataset base;
    ct_dataset *plain;
    ct_data_function *function;
    void *context;
};

static void destroy(void *object)
{
    object_drop(((struct mapped *)object)->plain);
}

static ct_sample_part view(const struct sample_part *part, void *values)
{
    ct_sample_part shown = {.dtype = part->dtype, .rank = part->rank, .values = values};
    memcpy(shown.sizes, part->sizes, sizeof shown.sizes);
    return shown;
}

static bool fill(const ct_dataset *dataset, int64_t index, uint64_t draw, void *x, void *y)
{
    const struct mapped *set = (const struct mapped *)dataset;
    const ct_dataset *plain = set->plain;
    const size_t y_bytes = plain->has_y ? plain->y.bytes : 0;
    void *from_x = memory_get(plain->x.bytes), *from_y = memory_get(y_bytes);
    bool good = false;
    if (!from_x || !from_y)
        ct_fail("data_map: out of memory for a sample of %zu bytes", plain->x.bytes + y_bytes);
    else if (plain->fill(plain, index, draw, from_x, plain->has_y ? from_y : NULL)) {
        const ct_sample from = {index, (int64_t)draw, view(&plain->x, from_x), view(&plain->y, plain->has_y ? from_y : NULL)};
        const ct_sample to = {index, (int64_t)draw, view(&dataset->x, x), view(&dataset->y, y)};
        good = set->function(set->context, &from, &to) || ct_fail("data_map: the function failed at sample %lld", (long long)index);
    }
    memory_put(from_x, plain->x.bytes);
    memory_put(from_y, y_bytes);
    return good;
}

/* What is given, as a part; false if it is no shape. */
static bool take_part(const char *name, const ct_sample_part *given, struct sample_part *part)
{
    *part = (struct sample_part){.rank = given->rank, .dtype = given->dtype, .bytes = ct_dtype_size(given->dtype)};
    if (given->values)
        return ct_fail("data_map: %s has values: want dtype, rank and sizes alone", name);
    if (!part->bytes)
        return ct_fail("data_map: %s: %d is no dtype", name, (int)given->dtype);
    if (given->rank < 0 || given->rank >= CT_MAX_RANK)
        return ct_fail("data_map: %s: rank %d is not in [0, %d)", name, given->rank, CT_MAX_RANK);
    for (int axis = 0; axis < given->rank; axis++) {
        part->sizes[axis] = given->sizes[axis];
        if (given->sizes[axis] < 0)
            return ct_fail("data_map: %s: size %lld of axis %d", name, (long long)given->sizes[axis], axis);
        if (!size_multiply(part->bytes, (size_t)given->sizes[axis], &part->bytes) || part->bytes > INT64_MAX / 2)
            return ct_fail("data_map: %s: its sizes overflow", name);
    }
    return true;
}

ct_dataset *(ct_data_map)(ct_dataset *dataset, ct_data_function *function, void *context, const ct_data_map_options *options)
{
    const ct_data_map_options o = options ? *options : (ct_data_map_options){0};
    if (!dataset || !function)
        return ct_fail("data_map: %s is NULL", dataset ? "function" : "data set");
    struct mapped *set = object_new(sizeof *set, destroy);
    if (!set)
        return NULL;
    set->base.size = dataset->size;
    set->base.x = dataset->x;
    set->base.y = dataset->y;
    set->base.has_y = dataset->has_y || o.y;
    set->base.fill = fill;
    set->plain = object_hold(dataset);
    set->function = function;
    set->context = context;
    if ((!o.x || take_part("x", o.x, &set->base.x)) && (!o.y || take_part("y", o.y, &set->base.y)))
        return &set->base;
    object_drop(set);
    return NULL;
}
