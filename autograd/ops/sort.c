/* Orders of rows: sort, argsort, topk. Stable and the same with any number of threads; the gradient goes back by the places. */
#include <math.h>

#include "../kernels/sort.h"
#include "indexing.h"
#include "rows.h"

const struct op op_sort = {"sort", picked_vjp, NULL, READS(1)};
const struct op op_topk = {"topk", picked_vjp, NULL, READS(1)};
const struct op op_argsort = {"argsort", NULL, NULL, 0};

struct order {
    const ct_tensor *x;
    bool descending;
    size_t n, k, room, first;                   /* items a row; the row that has the first of them */
    struct sort_item *items;                    /* and as many spare ones behind those of each row */
    int64_t *places;
};

static void order_row(size_t index, void *context)
{
    const struct order *o = context;
    const size_t row = o->first + index;
    const char *x = o->x->data + row * o->n * ct_dtype_size((ct_dtype)o->x->dtype);
    struct sort_item *items = o->items + 2 * index * o->room, *spare = items + o->room;
    if (o->k == o->n) {
        sort_fill(items, x, o->n, o->x->dtype, o->descending);
        items = sort_items(items, spare, o->n);
    } else
        items = sort_first(items, spare, x, o->n, o->k, o->x->dtype, o->descending);
    for (size_t i = 0; i < o->k; i++)
        o->places[row * o->k + i] = items[i].place;
}

/* The places of the first k of every row, in order; several rows at a time, as many as a bounded buffer holds. */
static ct_tensor *ordered(const char *op, const ct_tensor *rows, int64_t k, bool descending)
{
    enum { ROOM = 1 << 20, LEAST = 8 };
    int64_t sizes[CT_MAX_RANK], all = row_count(rows);
    memcpy(sizes, rows->sizes, sizeof sizes);
    sizes[rows->rank - 1] = k;
    ct_tensor *places = tensor_new(op, CT_INT64, rows->rank, sizes, NULL);
    if (!places || !tensor_numel(places))
        return places;
    struct order o = {.x = rows, .descending = descending, .n = (size_t)row_length(rows), .k = (size_t)k, .places = (int64_t *)places->data};
    o.room = o.n / 2 < o.k ? o.n : 2 * o.k;
    int64_t at_once = ROOM / (int64_t)o.room > LEAST ? ROOM / (int64_t)o.room : LEAST;
    at_once = at_once < all ? at_once : all;
    const size_t bytes = (size_t)at_once * o.room * 2 * sizeof *o.items;
    if (!(o.items = memory_get(bytes)))
        return ct_fail("%s: out of memory", op);
    for (int64_t row = 0; row < all; row += at_once) {
        o.first = (size_t)row;
        for_rows(all - row < at_once ? all - row : at_once, 8 * row_length(rows), order_row, &o);
    }
    memory_put(o.items, bytes);
    return places;
}

static ct_tensor *first_of(const struct op *op, ct_tensor *x, int at, int64_t k, bool descending, ct_tensor **indices)
{
    ct_tensor *rows = axis_last(x, at), *places = rows ? ordered(op->name, rows, k, descending) : NULL;
    bool was = ct_set_recording(false);
    ct_tensor *y = places ? gathered(rows, rows->rank - 1, places) : NULL;
    ct_set_recording(was);
    if (!y)
        return NULL;
    if (indices)
        *indices = axis_back(places, x, at);
    return axis_back(RECORD0(op, y, rows, places), x, at);
}

ct_tensor *(ct_sort)(ct_tensor *x, int axis, const ct_sort_options *options)
{
    int at;
    ct_tensor **indices = options ? options->indices : NULL;
    if (indices)
        *indices = NULL;
    if (!given("sort", "the operand", x) || !check_axis("sort", x, axis, &at))
        return NULL;
    return first_of(&op_sort, x, at, x->rank ? x->sizes[at] : 1, options && options->descending, indices);
}

ct_tensor *(ct_argsort)(ct_tensor *x, int axis, const ct_argsort_options *options)
{
    int at;
    if (!given("argsort", "the operand", x) || !check_axis("argsort", x, axis, &at))
        return NULL;
    bool was = ct_set_recording(false);
    ct_tensor *rows = axis_last(x, at);
    ct_tensor *y = rows ? axis_back(ordered("argsort", rows, row_length(rows), options && options->descending), x, at) : NULL;
    ct_set_recording(was);
    return graph_record(&op_argsort, y, &x, 1, NULL, 0);
}

ct_tensor *(ct_topk)(ct_tensor *x, int64_t k, int axis, const ct_topk_options *options)
{
    int at;
    ct_tensor **indices = options ? options->indices : NULL;
    if (indices)
        *indices = NULL;
    if (!given("topk", "the operand", x) || !check_axis("topk", x, axis, &at))
        return NULL;
    const int64_t n = x->rank ? x->sizes[at] : 1;
    if (k < 0 || k > n || (!x->rank && k != 1))
        return ct_fail("topk: k is %lld, and axis %d of %s has %lld", (long long)k, axis, SHAPE(x), (long long)n);
    return first_of(&op_topk, x, at, k, !options || !options->smallest, indices);
}

/* ---- The middle of every row: median's places --------------------------------------------------------------------------------------------- */
struct middle {
    const ct_tensor *x;
    const int64_t *order;
    int64_t *places;
};

static void middle_row(size_t row, void *context)
{
    const struct middle *m = context;
    const size_t n = (size_t)row_length(m->x);
    const int64_t *order = m->order + row * n;
    size_t numbers = n;                         /* NaNs stand behind them */
    if (m->x->dtype == CT_FLOAT32)
        for (const float *x = (const float *)m->x->data + row * n; numbers && isnan(x[order[numbers - 1]]);)
            numbers--;
    else if (m->x->dtype == CT_FLOAT64)
        for (const double *x = (const double *)m->x->data + row * n; numbers && isnan(x[order[numbers - 1]]);)
            numbers--;
    m->places[row] = order[numbers < n ? numbers : (n - 1) / 2];
}

ct_tensor *middle_places(const char *op, ct_tensor *rows)
{
    int64_t sizes[CT_MAX_RANK];
    memcpy(sizes, rows->sizes, sizeof sizes);
    sizes[rows->rank - 1] = 1;
    ct_tensor *order = ordered(op, rows, row_length(rows), false);
    ct_tensor *places = order ? tensor_new(op, CT_INT64, rows->rank, sizes, NULL) : NULL;
    if (places)
        for_rows(row_count(rows), row_length(rows), middle_row, &(struct middle){rows, (const int64_t *)order->data, (int64_t *)places->data});
    return places;
}
