/* Draws from distributions, made of uniform and normal ones. None has a gradient. */
#include <math.h>

#include "../random.h"
#include "ops.h"

/* ---- normal and exponential ------------------------------------------------------------------------------------------------- */
const struct op op_normal = {"normal", NULL, NULL, 0};
ct_tensor *(ct_normal)(ct_tensor *mean, ct_tensor *deviation, ct_generator *generator)
{
    if (!given("normal", "the mean", mean) || !given("normal", "the deviation", deviation))
        return NULL;
    ct_tensor *operands[] = {mean, deviation}, *y = NULL;
    int64_t sizes[CT_MAX_RANK];
    size_t rank;
    if (!broadcast_sizes("normal", operands, 2, sizes, &rank))
        return NULL;
    bool was = ct_set_recording(false);
    ct_tensor *negative = ct_sum(ct_lt(deviation, 0.0));
    if (negative && ct_item_int(negative) > 0)
        ct_fail("normal: %lld deviations are negative", (long long)ct_item_int(negative));
    else if (negative)
        y = ct_add(mean, ct_mul(deviation, (ct_randn)(sizes, rank, floating(promote(operands, 2)), generator)));
    ct_set_recording(was);
    return graph_record(&op_normal, y, operands, 2, NULL, 0);
}

ct_tensor *(ct_exponential)(double rate, const int64_t *sizes, size_t rank, ct_dtype dtype, ct_generator *generator)
{
    if (!(rate > 0) || !isfinite(rate))
        return ct_fail("exponential: rate %g, want a finite number above 0", rate);
    return ct_div(ct_neg(ct_log1p(ct_neg((ct_rand)(sizes, rank, dtype, generator)))), rate); /* 1 - u is never 0 */
}

/* ---- multinomial --------------------------------------------------------------------------------------------------------------- */
struct draw {                                   /* of one row */
    const double *weight;
    int64_t classes, count;
    int64_t *out;
    double *work;                               /* room for one number a class */
    const double *uniform;                      /* in [0, 1): one a draw, or, without replacement, one a class */
};

static bool row_is_fit(const struct draw *d, bool replacement, int64_t row)
{
    double sum = 0;
    int64_t possible = 0;
    for (int64_t i = 0; i < d->classes; i++) {
        if (!(d->weight[i] >= 0) || !isfinite(d->weight[i]))
            return ct_fail("multinomial: weight %g at index %lld of row %lld: want a finite number of at least 0", d->weight[i],
                           (long long)i, (long long)row) != NULL;
        sum += d->weight[i], possible += d->weight[i] > 0;
    }
    if (!(sum > 0) || !isfinite(sum))
        return ct_fail("multinomial: the weights of row %lld sum to %g", (long long)row, sum) != NULL;
    return replacement || possible >= d->count ||
           ct_fail("multinomial: %lld draws without replacement from %lld classes of row %lld that have a weight", (long long)d->count,
                   (long long)possible, (long long)row);
}

/* By the inverse of the running sum. */
static void draw_with(const struct draw *d)
{
    double sum = 0;
    for (int64_t i = 0; i < d->classes; i++)
        d->work[i] = sum += d->weight[i];
    for (int64_t k = 0; k < d->count; k++) {
        const double at = (1 - d->uniform[k]) * sum;
        int64_t low = 0, high = d->classes - 1;
        while (low < high) {
            const int64_t middle = low + (high - low) / 2;
            if (d->work[middle] < at)
                low = middle + 1;
            else
                high = middle;
        }
        d->out[k] = low;
    }
}

static bool rings_later(const struct draw *d, int64_t i, int64_t j)
{
    return d->work[i] > d->work[j] || (d->work[i] == d->work[j] && i > j);
}

static void sift(const struct draw *d, int64_t *heap, int64_t count, int64_t class) /* class in the place of the heap's top, the last to ring */
{
    int64_t at = 0;
    for (int64_t child; (child = 2 * at + 1) < count; at = child) {
        if (child + 1 < count && rings_later(d, heap[child + 1], heap[child]))
            child++;
        if (!rings_later(d, heap[child], class))
            break;
        heap[at] = heap[child];
    }
    heap[at] = class;
}

/* Each class waits an exponential time of its weight as rate; the first to ring are drawn: Efraimidis and Spirakis, 2006. row_is_fit
 * has counted that enough of them ring at all. */
static void draw_without(const struct draw *d)
{
    int64_t *heap = d->out, held = 0;
    for (int64_t i = 0; i < d->classes; i++)
        d->work[i] = d->weight[i] > 0 ? -log(1 - d->uniform[i]) / d->weight[i] : INFINITY;
    for (int64_t i = 0; i < d->classes; i++) {
        if (!(d->weight[i] > 0))
            continue;
        if (held < d->count) {
            int64_t at = held++;
            for (; at && rings_later(d, i, heap[(at - 1) / 2]); at = (at - 1) / 2)
                heap[at] = heap[(at - 1) / 2];
            heap[at] = i;
        } else if (rings_later(d, heap[0], i))
            sift(d, heap, d->count, i);
    }
    for (int64_t left = d->count - 1; left > 0; left--) { /* the last of them last */
        const int64_t class = heap[left];
        heap[left] = heap[0];
        sift(d, heap, left, class);
    }
}

const struct op op_multinomial = {"multinomial", NULL, NULL, 0};
ct_tensor *(ct_multinomial)(ct_tensor *weights, int64_t count, const ct_multinomial_options *options)
{
    const ct_multinomial_options o = options ? *options : (ct_multinomial_options){0};
    if (!given_floating("multinomial", "the weights", weights))
        return NULL;
    if (weights->rank < 1 || weights->rank > 2 || weights->sizes[weights->rank - 1] == 0 || count < 1)
        return ct_fail("multinomial: %lld draws from weights %s: want at least 1, and (classes) or (rows, classes)", (long long)count, SHAPE(weights));
    bool was = ct_set_recording(false);
    ct_tensor *rows = ct_contiguous(as_dtype(weights, CT_FLOAT64));
    ct_set_recording(was);
    const int64_t classes = weights->sizes[weights->rank - 1], row_count = weights->rank == 2 ? weights->sizes[0] : 1;
    int64_t sizes[] = {row_count, count};
    ct_tensor *y = rows ? tensor_new("multinomial", CT_INT64, weights->rank, weights->rank == 2 ? sizes : sizes + 1, NULL) : NULL;
    const size_t bytes = (size_t)classes * sizeof(double);
    double *work = y ? memory_get(bytes) : NULL;
    if (!y || !work)
        return y ? ct_fail("multinomial: out of memory") : NULL;
    bool ok = true;
    for (int64_t i = 0; i < row_count && ok; i++) {
        const ct_scope scope = ct_scope_open();
        struct draw d = {(const double *)rows->data + i * classes, classes, count, (int64_t *)y->data + i * count, work, NULL};
        ct_tensor *uniform = row_is_fit(&d, o.replacement, i) ? (ct_rand)(o.replacement ? &count : &classes, 1, CT_FLOAT64, o.generator) : NULL;
        ok = uniform != NULL;
        if (ok) {
            d.uniform = (const double *)uniform->data;
            (o.replacement ? draw_with : draw_without)(&d);
        }
        ct_scope_close(scope);
    }
    memory_put(work, bytes);
    return ok ? graph_record(&op_multinomial, y, &weights, 1, NULL, 0) : NULL;
}
