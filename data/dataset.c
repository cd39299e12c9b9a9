/* dataset.c - reading samples, and the data sets that stand on something already there: tensors, another data set. */
#include "dataset.h"

#include <autograd/memory.h>

#include <string.h>

ct_tensor *sample_tensor(const struct sample_part *part, int64_t batch, void **values)
{
    int64_t sizes[CT_MAX_RANK + 1] = {batch};
    memcpy(sizes + 1, part->sizes, sizeof part->sizes);
    const bool one = batch < 0;
    ct_tensor *tensor = (ct_empty)(sizes + one, (size_t)part->rank + !one, part->dtype);
    *values = tensor ? ct_mutable_data(tensor) : NULL;
    return *values ? tensor : NULL;
}

const char *sample_text(char text[SAMPLE_TEXT], const struct sample_part *part)
{
    size_t used = (size_t)snprintf(text, SAMPLE_TEXT, "%s (", ct_dtype_name(part->dtype));
    for (int axis = 0; axis < part->rank; axis++)
        used += (size_t)snprintf(text + used, SAMPLE_TEXT - used, "%s%lld", axis ? ", " : "", (long long)part->sizes[axis]);
    snprintf(text + used, SAMPLE_TEXT - used, ")");
    return text;
}

void dataset_like(ct_dataset *dataset, const ct_dataset *other)
{
    dataset->size = other->size;
    dataset->x = other->x;
    dataset->y = other->y;
    dataset->has_y = other->has_y;
    memcpy(dataset->black, other->black, sizeof dataset->black);
}

int64_t ct_dataset_size(const ct_dataset *dataset)
{
    return dataset ? dataset->size : -1;
}

bool ct_dataset_get(ct_dataset *dataset, int64_t index, ct_tensor **x, ct_tensor **y)
{
    ct_tensor *made[2] = {NULL, NULL};
    void *values[2] = {NULL, NULL};
    if (x)
        *x = NULL;
    if (y)
        *y = NULL;
    if (!dataset || !x || !y)
        return ct_fail("dataset_get: %s is NULL", dataset ? "place for the sample" : "data set");
    if (index < 0 || index >= dataset->size)
        return ct_fail("dataset_get: sample %lld is not in [0, %lld)", (long long)index, (long long)dataset->size);
    CT_SCOPE;
    if (!(made[0] = sample_tensor(&dataset->x, -1, &values[0])) ||
        (dataset->has_y && !(made[1] = sample_tensor(&dataset->y, -1, &values[1]))) ||
        !dataset->fill(dataset, index, 0, values[0], values[1]))
        return false;
    *x = ct_promote(made[0]);
    *y = ct_promote(made[1]);
    return true;
}

/* ---- Tensors in memory ------------------------------------------------------------------------------------------- */
struct tensor_set {
    ct_dataset base;
    ct_tensor *x, *y;                           /* kept, row-major */
    const char *x_values, *y_values;
};

static void tensors_destroy(void *object)
{
    struct tensor_set *set = object;
    ct_release(set->x);
    ct_release(set->y);
}

static bool tensors_fill(const ct_dataset *dataset, int64_t index, uint64_t draw, void *x, void *y)
{
    (void)draw;
    const struct tensor_set *set = (const struct tensor_set *)dataset;
    if (dataset->x.bytes)
        memcpy(x, set->x_values + (size_t)index * dataset->x.bytes, dataset->x.bytes);
    if (y && dataset->y.bytes)
        memcpy(y, set->y_values + (size_t)index * dataset->y.bytes, dataset->y.bytes);
    return true;
}

/* One sample's part of a tensor of many. */
static struct sample_part part_of(const ct_tensor *tensor)
{
    struct sample_part part = {.rank = ct_rank(tensor) - 1, .dtype = ct_dtype_of(tensor)};
    part.bytes = ct_dtype_size(part.dtype);
    for (int axis = 0; axis < part.rank; axis++) {
        part.sizes[axis] = ct_size(tensor, axis + 1);
        part.bytes *= (size_t)part.sizes[axis];
    }
    return part;
}

ct_dataset *ct_data_tensors(ct_tensor *x, ct_tensor *y)
{
    if (!x || (!y && !ct_ok()))
        return ct_fail("data_tensors: x is NULL");
    if (ct_rank(x) < 1 || (y && ct_rank(y) < 1))
        return ct_fail("data_tensors: %s is 0-d, want a leading axis that counts samples", ct_rank(x) < 1 ? "x" : "y");
    if (y && ct_size(x, 0) != ct_size(y, 0))
        return ct_fail("data_tensors: x has %lld samples, y has %lld", (long long)ct_size(x, 0),
                       (long long)ct_size(y, 0));
    struct tensor_set *set = object_new(sizeof *set, tensors_destroy);
    if (!set)
        return NULL;
    CT_SCOPE;
    CT_NO_GRAD;
    set->x = ct_keep(ct_contiguous(ct_detach(x)));
    set->y = y ? ct_keep(ct_contiguous(ct_detach(y))) : NULL;
    set->x_values = set->x ? ct_data(set->x) : NULL;
    set->y_values = set->y ? ct_data(set->y) : NULL;
    if (!set->x_values || (y && !set->y_values)) {
        object_drop(set);
        return NULL;
    }
    set->base.size = ct_size(x, 0);
    set->base.x = part_of(x);
    set->base.has_y = y != NULL;
    if (y)
        set->base.y = part_of(y);
    set->base.fill = tensors_fill;
    return &set->base;
}

/* ---- A stretch of another data set ------------------------------------------------------------------------------- */
struct subset {
    ct_dataset base;
    ct_dataset *whole;
    int64_t start;
};

static void subset_destroy(void *object)
{
    object_drop(((struct subset *)object)->whole);
}

static bool subset_fill(const ct_dataset *dataset, int64_t index, uint64_t draw, void *x, void *y)
{
    const struct subset *set = (const struct subset *)dataset;
    return set->whole->fill(set->whole, set->start + index, draw, x, y);
}

ct_dataset *ct_data_subset(ct_dataset *dataset, int64_t start, int64_t count)
{
    if (!dataset)
        return ct_fail("data_subset: data set is NULL");
    if (start < 0 || count < 0 || start > dataset->size || count > dataset->size - start)
        return ct_fail("data_subset: %lld samples from %lld on: the data set has %lld", (long long)count,
                       (long long)start, (long long)dataset->size);
    struct subset *set = object_new(sizeof *set, subset_destroy);
    if (!set)
        return NULL;
    dataset_like(&set->base, dataset);
    set->base.size = count;
    set->base.fill = subset_fill;
    set->whole = object_hold(dataset);
    set->start = start;
    return &set->base;
}
