/* stratified.c - the classes of a set in the same proportions wherever it is cut. Both rest on one thing: in a list sorted by class, any regular way
 * of dealing it out gives each class evenly. */
#include "dataset.h"
#include "sampler.h"

#include <autograd/memory.h>

#include <stdlib.h>
#include <string.h>

/* ---- Labels ------------------------------------------------------------------------------------------------------------------ */
static bool read_labels(const ct_dataset *dataset, int64_t *labels)
{
    void *x = memory_get(dataset->x.bytes);
    bool good = x || ct_fail("data_labels: out of memory for a sample of %zu bytes", dataset->x.bytes);
    for (int64_t i = 0; good && i < dataset->size; i++)
        good = dataset->fill(dataset, i, 0, x, &labels[i]);
    memory_put(x, dataset->x.bytes);
    return good;
}

ct_tensor *ct_data_labels(ct_dataset *dataset)
{
    char text[SAMPLE_TEXT];
    if (!dataset)
        return ct_fail("data_labels: data set is NULL");
    if (!dataset->has_y || dataset->y.rank || dataset->y.dtype != CT_INT64)
        return ct_fail("data_labels: samples have %s, want y int64 ()", dataset->has_y ? sample_text(text, &dataset->y) : "no y");
    CT_SCOPE;
    ct_tensor *labels = (ct_empty)(&dataset->size, 1, CT_INT64);
    int64_t *values = labels ? ct_mutable_data(labels) : NULL;
    return values && read_labels(dataset, values) ? ct_promote(labels) : NULL;
}

/* ---- Sorting by class -------------------------------------------------------------------------------------------------------- */
struct member {
    int64_t class, place;
};

static int compare_members(const void *a, const void *b)
{
    const struct member *p = a, *q = b;
    return p->class != q->class ? (p->class > q->class) - (p->class < q->class) : (p->place > q->place) - (p->place < q->place);
}

/* order becomes some order of 0..count-1 of chance, and sorted the places in it, by the classes of what stands there. */
static void sort_by_class(const int64_t *classes, int64_t count, uint64_t seed, uint64_t draw, int64_t *order, struct member *sorted)
{
    dataset_shuffle(order, count, seed, draw);
    for (int64_t i = 0; i < count; i++)
        sorted[i] = (struct member){classes[order[i]], i};
    qsort(sorted, (size_t)count, sizeof *sorted, compare_members);
}

/* Of `all` places in a row, `chosen` evenly; sum, in [0, all), says where that begins. */
struct spread {
    int64_t all, chosen, sum;
};

static bool next_is_chosen(struct spread *spread)
{
    spread->sum += spread->chosen;
    const bool chosen = spread->sum >= spread->all;
    spread->sum -= chosen ? spread->all : 0;
    return chosen;
}

/* ---- Two parts --------------------------------------------------------------------------------------------------------------- */
bool ct_data_split_stratified(ct_dataset *dataset, int64_t count, uint64_t seed, ct_dataset **chosen, ct_dataset **rest)
{
    if (chosen)
        *chosen = NULL;
    if (rest)
        *rest = NULL;
    if (!dataset || !chosen || !rest)
        return ct_fail("data_split_stratified: %s is NULL", dataset ? "place for a part" : "data set");
    const int64_t size = dataset->size;
    if (count < 0 || count > size)
        return ct_fail("data_split_stratified: %lld samples of %lld", (long long)count, (long long)size);
    CT_SCOPE;
    const ct_tensor *labels = ct_data_labels(dataset);
    if (!labels)
        return false;
    int64_t *order = heap_zeroed((size_t)size + 1, sizeof *order), *parts = heap_zeroed((size_t)size + 1, sizeof *parts);
    bool *is_first = heap_zeroed((size_t)size + 1, sizeof *is_first);
    struct member *sorted = heap_zeroed((size_t)size + 1, sizeof *sorted);
    bool good = order && parts && is_first && sorted;
    if (!good)
        ct_fail("data_split_stratified: out of memory for %lld samples", (long long)size);
    else {
        sort_by_class(ct_data(labels), size, seed, 0, order, sorted);
        struct spread spread = {size, count, (int64_t)(sampler_uniform(seed, 0, 0) * (double)size)};
        for (int64_t i = 0; i < size; i++)
            is_first[sorted[i].place] = next_is_chosen(&spread);
        int64_t next[2] = {count, 0};
        for (int64_t i = 0; i < size; i++)
            parts[next[is_first[i]]++] = order[i];
        good = dataset_parts("data_split_stratified", dataset, parts, count, chosen, rest);
    }
    heap_free(sorted), heap_free(is_first), heap_free(parts), heap_free(order);
    return good;
}

/* ---- Batches ----------------------------------------------------------------------------------------------------------------- */
/* The shorter batch at the end takes its samples first, evenly; the others are dealt the rest in turn. What a batch gets stands in it in the order
 * of chance that was there before. */
static void deal(const int64_t *classes, int64_t count, int64_t batch_size, uint64_t seed, uint64_t epoch, int64_t *order, int64_t *shuffled,
                 struct member *sorted, int64_t *batch_of)
{
    const int64_t full = count / batch_size, rest = count % batch_size;
    struct spread spread = {count, rest, (int64_t)(sampler_uniform(seed, epoch, 0) * (double)count)};
    int64_t turn = (int64_t)(sampler_uniform(seed, epoch, 1) * (double)full);
    sort_by_class(classes, count, seed, epoch, shuffled, sorted);
    for (int64_t i = 0; i < count; i++)
        batch_of[sorted[i].place] = next_is_chosen(&spread) ? full : turn++ % full;
    int64_t *next = (int64_t *)sorted;          /* of each batch, its next place; sorted has served */
    for (int64_t batch = 0; batch <= full; batch++)
        next[batch] = batch * batch_size;
    for (int64_t i = 0; i < count; i++)
        order[next[batch_of[i]]++] = shuffled[i];
}

static bool stratified_order(const ct_sampler *sampler, int64_t batch_size, uint64_t seed, uint64_t epoch, int64_t *order)
{
    const int64_t count = sampler->count;
    int64_t *shuffled = heap_zeroed((size_t)count + 1, sizeof *shuffled), *batch_of = heap_zeroed((size_t)count + 1, sizeof *batch_of);
    struct member *sorted = heap_zeroed((size_t)count + 1, sizeof *sorted);
    const bool good = shuffled && batch_of && sorted;
    if (good)
        deal(sampler->values, count, batch_size, seed, epoch, order, shuffled, sorted, batch_of);
    heap_free(sorted), heap_free(batch_of), heap_free(shuffled);
    return good || ct_fail("loader_next: out of memory for the order of %lld samples", (long long)count);
}

ct_sampler *ct_sampler_stratified(const ct_tensor *classes)
{
    if (!classes)
        return ct_fail("sampler_stratified: classes are NULL");
    if (ct_rank(classes) != 1 || ct_dtype_of(classes) != CT_INT64)
        return ct_fail("sampler_stratified: classes are %s with %d axes, want int64 (N)", ct_dtype_name(ct_dtype_of(classes)), ct_rank(classes));
    CT_SCOPE;
    const ct_tensor *dense = ct_contiguous((ct_tensor *)classes);
    const int64_t *values = dense ? ct_data(dense) : NULL, count = ct_size(classes, 0);
    ct_sampler *sampler = values ? sampler_new("sampler_stratified", (size_t)count, sizeof *values) : NULL;
    if (!sampler)
        return NULL;
    sampler->samples = sampler->count = count;
    sampler->order = stratified_order;
    if (count)
        memcpy(sampler->values, values, (size_t)count * sizeof *values);
    return sampler;
}
