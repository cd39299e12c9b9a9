/* sampler.c - orders that are told, and those that are drawn by weight. */
#include "sampler.h"

#include <autograd/memory.h>
#include <autograd/random.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

static void destroy(void *object)
{
    heap_free(((ct_sampler *)object)->values);
}

ct_sampler *sampler_new(const char *call, size_t values, size_t bytes)
{
    ct_sampler *sampler = object_new(sizeof *sampler, destroy);
    if (!sampler)
        return NULL;
    if ((sampler->values = heap_zeroed(values + 1, bytes)))
        return sampler;
    object_drop(sampler);
    return ct_fail("%s: out of memory for %zu samples", call, values);
}

double sampler_uniform(uint64_t seed, uint64_t epoch, int64_t place)
{
    enum { PURPOSE = 0x73616d70 };
    const uint32_t key[2] = {(uint32_t)seed, (uint32_t)(seed >> 32) ^ PURPOSE};
    const uint32_t counter[4] = {(uint32_t)place, (uint32_t)((uint64_t)place >> 32), (uint32_t)epoch, (uint32_t)(epoch >> 32)};
    uint32_t random[4];
    philox4x32(counter, key, random);
    return (double)(((uint64_t)random[0] << 32 | random[1]) >> 11) * 0x1p-53;
}

/* ---- In an order that is told ------------------------------------------------------------------------------------------------ */
static bool told_order(const ct_sampler *sampler, int64_t batch_size, uint64_t seed, uint64_t epoch, int64_t *order)
{
    (void)batch_size, (void)seed, (void)epoch;
    memcpy(order, sampler->values, (size_t)sampler->count * sizeof *order);
    return true;
}

ct_sampler *ct_sampler_sequential(const ct_tensor *indices)
{
    if (!indices && !ct_ok())
        return NULL;
    if (indices && (ct_rank(indices) != 1 || ct_dtype_of(indices) != CT_INT64))
        return ct_fail("sampler_sequential: indices are %s with %d axes, want int64 (K)", ct_dtype_name(ct_dtype_of(indices)), ct_rank(indices));
    CT_SCOPE;
    const int64_t count = indices ? ct_size(indices, 0) : -1;
    const ct_tensor *dense = indices ? ct_contiguous((ct_tensor *)indices) : NULL;
    const int64_t *numbers = dense ? ct_data(dense) : NULL;
    ct_sampler *sampler = !indices || numbers ? sampler_new("sampler_sequential", (size_t)(count < 0 ? 0 : count), sizeof *numbers) : NULL;
    if (!sampler)
        return NULL;
    sampler->samples = -1;
    sampler->count = count;
    sampler->order = indices ? told_order : NULL;
    for (int64_t i = 0; i < count; i++) {
        if (numbers[i] < 0) {
            object_drop(sampler);
            return ct_fail("sampler_sequential: sample %lld at index %lld", (long long)numbers[i], (long long)i);
        }
        sampler->least = numbers[i] >= sampler->least ? numbers[i] + 1 : sampler->least;
        ((int64_t *)sampler->values)[i] = numbers[i];
    }
    return sampler;
}

/* ---- By weight: values are weights over the largest, whose sum can overflow no more -------------------------------------------- */
/* Draw i falls where the running sum first passes it. */
static bool order_with_replacement(const ct_sampler *sampler, uint64_t seed, uint64_t epoch, int64_t *order)
{
    const double *weights = sampler->values;
    double *sums = heap_zeroed((size_t)sampler->samples, sizeof *sums), sum = 0;
    int64_t last = 0;                           /* with a weight: where rounding would carry a draw past the end */
    if (!sums)
        return ct_fail("loader_next: out of memory for %lld weights", (long long)sampler->samples);
    for (int64_t i = 0; i < sampler->samples; i++) {
        sums[i] = sum += weights[i];
        last = weights[i] > 0 ? i : last;
    }
    for (int64_t i = 0; i < sampler->count; i++) {
        const double at = sampler_uniform(seed, epoch, i) * sum;
        int64_t low = 0, high = last;
        while (low < high) {
            const int64_t middle = low + (high - low) / 2;
            if (sums[middle] > at)
                high = middle;
            else
                low = middle + 1;
        }
        order[i] = low;
    }
    heap_free(sums);
    return true;
}

struct lot {
    double time;
    int64_t number;
};

static int compare_lots(const void *a, const void *b)
{
    const struct lot *p = a, *q = b;
    return p->time != q->time ? (p->time > q->time) - (p->time < q->time) : (p->number > q->number) - (p->number < q->number);
}

/* Each waits an exponential time of its weight's rate, and the first ones are taken: Efraimidis and Spirakis, "Weighted random sampling with a
 * reservoir", 2006. */
static bool order_without_replacement(const ct_sampler *sampler, uint64_t seed, uint64_t epoch, int64_t *order)
{
    const double *weights = sampler->values;
    struct lot *lots = heap_zeroed((size_t)sampler->samples, sizeof *lots);
    size_t count = 0;
    if (!lots)
        return ct_fail("loader_next: out of memory for %lld weights", (long long)sampler->samples);
    for (int64_t i = 0; i < sampler->samples; i++)
        if (weights[i] > 0)
            lots[count++] = (struct lot){-log1p(-sampler_uniform(seed, epoch, i)) / weights[i], i};
    qsort(lots, count, sizeof *lots, compare_lots);
    for (int64_t i = 0; i < sampler->count; i++)
        order[i] = lots[i].number;
    heap_free(lots);
    return true;
}

static bool weighted_order(const ct_sampler *sampler, int64_t batch_size, uint64_t seed, uint64_t epoch, int64_t *order)
{
    (void)batch_size;
    return (sampler->no_replacement ? order_without_replacement : order_with_replacement)(sampler, seed, epoch, order);
}

/* How many are above 0, and the largest; -1: a failure. */
static int64_t check_weights(const double *weights, int64_t count, double *largest)
{
    int64_t positive = 0;
    *largest = 0;
    for (int64_t i = 0; i < count; i++) {
        if (!(weights[i] >= 0 && isfinite(weights[i]))) {
            ct_fail("sampler_weighted: weight %g at index %lld, want a finite number of at least 0", weights[i], (long long)i);
            return -1;
        }
        positive += weights[i] > 0;
        *largest = weights[i] > *largest ? weights[i] : *largest;
    }
    if (positive)
        return positive;
    ct_fail("sampler_weighted: no weight is above 0");
    return -1;
}

ct_sampler *(ct_sampler_weighted)(const ct_tensor *weights, const ct_sampler_weighted_options *options)
{
    const ct_sampler_weighted_options o = options ? *options : (ct_sampler_weighted_options){0};
    if (!weights)
        return ct_fail("sampler_weighted: weights are NULL");
    if (ct_rank(weights) != 1 || (ct_dtype_of(weights) != CT_FLOAT32 && ct_dtype_of(weights) != CT_FLOAT64))
        return ct_fail("sampler_weighted: weights are %s with %d axes, want float32 or float64 (N)", ct_dtype_name(ct_dtype_of(weights)), ct_rank(weights));
    if (o.count < 0)
        return ct_fail("sampler_weighted: count %lld, want 0 (as many as weights) or more", (long long)o.count);
    CT_SCOPE;
    CT_NO_GRAD;
    const ct_tensor *dense = ct_contiguous(ct_cast(ct_detach((ct_tensor *)weights), CT_FLOAT64));
    const double *values = dense ? ct_data(dense) : NULL;
    const int64_t samples = ct_size(weights, 0), count = o.count ? o.count : samples;
    double largest;
    const int64_t positive = values ? check_weights(values, samples, &largest) : -1;
    if (positive < 0)
        return NULL;
    if (o.no_replacement && count > positive)
        return ct_fail("sampler_weighted: %lld draws without replacement from %lld samples with a weight above 0", (long long)count, (long long)positive);
    ct_sampler *sampler = sampler_new("sampler_weighted", (size_t)samples, sizeof *values);
    if (!sampler)
        return NULL;
    sampler->samples = samples;
    sampler->count = count;
    sampler->no_replacement = o.no_replacement;
    sampler->order = weighted_order;
    for (int64_t i = 0; i < samples; i++)       /* a weight stays above 0, and its waiting time finite, beside one far larger */
        ((double *)sampler->values)[i] = values[i] > 0 ? fmax(values[i] / largest, 1e-300) : 0;
    return sampler;
}
