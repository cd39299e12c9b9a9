/* Questions that sorting answers: unique values, places in a sorted row, counts of integers. None has a gradient. */
#include "../kernels/sort.h"
#include "indexing.h"
#include "rows.h"

const struct op op_unique = {"unique", NULL, NULL, 0};
const struct op op_searchsorted = {"searchsorted", NULL, NULL, 0};
const struct op op_bincount = {"bincount", NULL, NULL, 0};

/* ---- unique ---------------------------------------------------------------------------------------------------------------------------- */
static ct_tensor *unique(ct_tensor *x, ct_tensor **inverse, ct_tensor **counts)
{
    const int64_t n = tensor_numel(x);
    ct_tensor *values = ct_contiguous((ct_reshape)(x, (const int64_t[]){n}, 1));
    ct_tensor *first = tensor_new("unique", CT_INT64, 1, &n, NULL), *count = tensor_new("unique", CT_INT64, 1, &n, NULL);
    ct_tensor *back = inverse ? tensor_new("unique", CT_INT64, x->rank, x->sizes, NULL) : values;
    const size_t bytes = sort_room((size_t)n);
    void *work = values && first && count && back ? memory_get(bytes) : NULL;
    if (!work)
        return values && first && count && back ? ct_fail("unique: out of memory") : NULL;
    const struct sort_row row = {values->data, (size_t)n, values->dtype, false};
    const int64_t groups = (int64_t)sort_runs((int64_t *)first->data, (int64_t *)count->data, inverse ? (int64_t *)back->data : NULL, row, work);
    memory_put(work, bytes);
    if (inverse)
        *inverse = graph_record(&op_unique, back, &x, 1, NULL, 0);
    if (counts)
        *counts = graph_record(&op_unique, ct_clone(ct_narrow(count, 0, 0, groups)), &x, 1, NULL, 0);
    return counts && !*counts ? NULL : gathered(values, 0, ct_narrow(first, 0, 0, groups));
}

ct_tensor *(ct_unique)(ct_tensor *x, const ct_unique_options *options)
{
    ct_tensor **inverse = options ? options->inverse : NULL, **counts = options ? options->counts : NULL;
    if (inverse)
        *inverse = NULL;
    if (counts)
        *counts = NULL;
    if (!given("unique", "the operand", x))
        return NULL;
    bool was = ct_set_recording(false);
    ct_tensor *y = unique(x, inverse, counts);
    ct_set_recording(was);
    return graph_record(&op_unique, y, &x, 1, NULL, 0);
}

/* ---- searchsorted ------------------------------------------------------------------------------------------------------------------------ */
struct search {
    const ct_tensor *sorted, *values;
    size_t n, step, m, pieces;                  /* sorted values a row, from row to row (0: one for all), how many are looked for in it, in pieces */
    bool right;
    int64_t *places;
};
enum { PIECE = 256 };

static void search_piece(size_t at, void *context)
{
    const struct search *s = context;
    const size_t item = ct_dtype_size((ct_dtype)s->values->dtype), row = at / s->pieces, from = at % s->pieces * PIECE, left = s->m - from;
    const char *sorted = s->sorted->data + row * s->step * item, *values = s->values->data + (row * s->m + from) * item;
    sort_search[s->sorted->dtype](s->places + row * s->m + from, sorted, s->n, values, left < PIECE ? left : PIECE, s->right);
}

ct_tensor *(ct_searchsorted)(ct_tensor *sorted, ct_tensor *values, const ct_searchsorted_options *options)
{
    if (!given("searchsorted", "the sorted sequence", sorted) || !given("searchsorted", "the values", values))
        return NULL;
    const bool one = sorted->rank == 1;
    bool fits = one || (sorted->rank && sorted->rank == values->rank);
    for (int i = 0; fits && i + 1 < sorted->rank; i++)
        fits = sorted->sizes[i] == values->sizes[i];
    if (!fits)
        return ct_fail("searchsorted: %s in %s: want one row, or rows of the same leading sizes", SHAPE(values), SHAPE(sorted));
    if (sorted->dtype != values->dtype || sorted->dtype == CT_BOOL)
        return ct_fail("searchsorted: %s in %s: want numbers of one dtype", ct_dtype_name((ct_dtype)values->dtype), ct_dtype_name((ct_dtype)sorted->dtype));
    bool was = ct_set_recording(false);
    ct_tensor *rows = ct_contiguous(sorted), *wanted = ct_contiguous(values);
    ct_set_recording(was);
    ct_tensor *y = rows && wanted ? tensor_new("searchsorted", CT_INT64, values->rank, values->sizes, NULL) : NULL;
    if (!y)
        return NULL;
    const size_t n = (size_t)row_length(rows);
    struct search s = {rows, wanted, n, one ? 0 : n, (size_t)(one ? tensor_numel(wanted) : row_length(wanted)), 0, options && options->right,
                       (int64_t *)y->data};
    s.pieces = (s.m + PIECE - 1) / PIECE;
    for_rows((one ? 1 : row_count(rows)) * (int64_t)s.pieces, 8 * PIECE, search_piece, &s);
    return graph_record(&op_searchsorted, y, (ct_tensor *const[]){sorted, values}, 2, NULL, 0);
}

/* ---- bincount: counts, or sums of weights, in float32 for those of float32 and float64 for all others ------------------------------------ */
static void count_up(ct_tensor *y, const int64_t *x, const ct_tensor *weights, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        if (!weights)
            ((int64_t *)y->data)[x[i]]++;
        else if (y->dtype == CT_FLOAT32)
            ((float *)y->data)[x[i]] += ((const float *)weights->data)[i];
        else
            ((double *)y->data)[x[i]] += ((const double *)weights->data)[i];
}

static ct_tensor *bincount(ct_tensor *x, ct_tensor *weights, int64_t length)
{
    const int64_t n = tensor_numel(x);
    const ct_dtype dtype = !weights ? CT_INT64 : weights->dtype == CT_FLOAT32 ? CT_FLOAT32 : CT_FLOAT64;
    ct_tensor *values = ct_contiguous(x), *heavy = weights ? ct_contiguous(as_dtype(weights, dtype)) : NULL;
    if (!values || (weights && !heavy))
        return NULL;
    const int64_t *v = (const int64_t *)values->data;
    for (int64_t i = 0; i < n; i++) {
        if (v[i] < 0 || v[i] == INT64_MAX)
            return ct_fail("bincount: %lld at index %lld is %s", (long long)v[i], (long long)i, v[i] < 0 ? "negative" : "too large");
        length = v[i] >= length ? v[i] + 1 : length;
    }
    ct_tensor *y = zeros_of("bincount", dtype, &length, 1);
    if (y)
        count_up(y, v, heavy, n);
    return y;
}

ct_tensor *(ct_bincount)(ct_tensor *x, const ct_bincount_options *options)
{
    bool failed = false;
    ct_tensor *weights = options ? options->weights : NULL;
    const int64_t length = options ? options->minlength : 0;
    if (!given("bincount", "the operand", x) || (absent(weights, &failed), failed) || (weights && !given("bincount", "the weights", weights)))
        return NULL;
    if (x->rank != 1 || x->dtype != CT_INT64)
        return ct_fail("bincount: the operand is %s %s, want a vector of int64", ct_dtype_name((ct_dtype)x->dtype), SHAPE(x));
    if (weights && !same_sizes(weights, x))
        return ct_fail("bincount: weights %s for %s", SHAPE(weights), SHAPE(x));
    if (length < 0)
        return ct_fail("bincount: minlength %lld, want at least 0", (long long)length);
    bool was = ct_set_recording(false);
    ct_tensor *y = bincount(x, weights, length);
    ct_set_recording(was);
    return graph_record(&op_bincount, y, (ct_tensor *const[]){x, weights}, 2, NULL, 0);
}
