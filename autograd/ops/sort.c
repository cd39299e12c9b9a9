/* Orders of rows: sort, argsort, topk. Stable and the same with any number of threads; the gradient goes back by the places. */
#include "../kernels/pool.h"
#include "../kernels/sort.h"
#include "indexing.h"
#include "rows.h"

const struct op op_sort = {"sort", picked_vjp, NULL, READS(1)};
const struct op op_topk = {"topk", picked_vjp, NULL, READS(1)};
const struct op op_argsort = {"argsort", NULL, NULL, 0};

/* ---- Rows one at a time where they are long, each shared among threads; else several side by side, each with a work space -------------- */
struct order {
    const ct_tensor *x;
    bool descending, middle;
    size_t n, k, rows, per_part, room;
    char *work;
    int64_t *places;
};

static void order_rows(size_t part, void *context)
{
    const struct order *o = context;
    char *work = o->work + part * o->room;
    for (size_t r = part * o->per_part; r < o->rows && r < (part + 1) * o->per_part; r++) {
        const struct sort_row row = {o->x->data + r * o->n * ct_dtype_size((ct_dtype)o->x->dtype), o->n, o->x->dtype, o->descending};
        if (o->middle)
            o->places[r] = sort_middle(row, work);
        else
            sort_places(o->places + r * o->k, row, o->k, work);
    }
}

/* Of every row the places of the first k in order, or (k 1) of its middle. */
static ct_tensor *ordered(const char *op, const ct_tensor *rows, int64_t k, bool descending, bool middle)
{
    enum { PARTS = 32 };
    int64_t sizes[CT_MAX_RANK];
    memcpy(sizes, rows->sizes, sizeof sizes);
    sizes[rows->rank - 1] = k;
    ct_tensor *places = tensor_new(op, CT_INT64, rows->rank, sizes, NULL);
    if (!places || !tensor_numel(places))
        return places;
    struct order o = {.x = rows, .descending = descending, .middle = middle, .n = (size_t)row_length(rows), .k = (size_t)k,
                      .rows = (size_t)row_count(rows), .places = (int64_t *)places->data};
    const size_t most = o.n > SORT_BLOCK ? 1 : o.rows * o.n / (LOOP_GRAIN / 8) + 1, wanted = most < PARTS ? most : PARTS;
    o.per_part = (o.rows + wanted - 1) / wanted;
    o.room = sort_room(o.n);
    const size_t parts = (o.rows + o.per_part - 1) / o.per_part;
    if (!(o.work = memory_get(parts * o.room)))
        return ct_fail("%s: out of memory", op);
    if (parts == 1)
        order_rows(0, &o);                      /* outside the pool, which a long row shares out */
    else
        pool_run(parts, order_rows, &o);
    memory_put(o.work, parts * o.room);
    return places;
}

ct_tensor *middle_places(const char *op, ct_tensor *rows)
{
    return ordered(op, rows, 1, false, true);
}

static ct_tensor *first_of(const struct op *op, ct_tensor *x, int at, int64_t k, bool descending, ct_tensor **indices)
{
    bool was = ct_set_recording(false);
    ct_tensor *rows = axis_last(x, at), *places = rows ? ordered(op->name, rows, k, descending, false) : NULL;
    ct_tensor *y = places ? axis_back(gathered(rows, rows->rank - 1, places), x, at) : NULL;
    places = y ? axis_back(places, x, at) : NULL;
    ct_set_recording(was);
    if (indices)
        *indices = places;
    return places ? RECORD(op, y, &at, x, places) : NULL;
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
    ct_tensor *y = rows ? axis_back(ordered("argsort", rows, row_length(rows), options && options->descending, false), x, at) : NULL;
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
