/* Stores through an index: a copy of x that takes a source in at the places named. What the several values for one place
 * become is the op: the last of them, or their sum, product or extreme, x's own value among them. */
#include <math.h>

#include "indexing.h"

#define VJP(name)                                                                                                        \
    static void name(ct_node *node, ct_tensor *const *cotangents, ct_tensor **gradients)

static enum indexed_kind kind_of(const struct op *op)
{
    return op == &op_scatter        ? INDEXED_WRITE
           : op == &op_scatter_add  ? INDEXED_ADD
           : op == &op_scatter_prod ? INDEXED_MULTIPLY
           : op == &op_scatter_amax ? INDEXED_LARGEST
                                    : INDEXED_SMALLEST;
}

static struct indexed stores(enum indexed_kind kind, const ct_tensor *y, struct scatter how, const ct_tensor *index, const ct_tensor *source)
{
    struct indexed w = {.kind = kind, .dtype = y->dtype, .rank = index->rank ? index->rank : 1, .axis = (size_t)how.axis, .sizes = {1},
                        .table = y->data, .other = source->data, .index = (const int64_t *)(const void *)index->data};
    for (size_t i = 0; i < w.rank; i++) {
        w.table_steps[i] = y->rank ? y->strides[i] : 0;
        w.other_steps[i] = source->rank ? source->strides[i] : 0;
        if (index->rank)
            w.sizes[i] = index->sizes[i], w.index_steps[i] = index->strides[i];
    }
    return w;
}

static ct_tensor *store(const char *checked, const struct op *op, ct_tensor *x, const ct_tensor *like, struct scatter how, ct_tensor *index,
                        ct_tensor *source)
{
    if (!index || !source)
        return NULL;
    const ct_dtype dtype = (ct_dtype)source->dtype;
    ct_tensor *y = x ? tensor_new(op->name, dtype, like->rank, like->sizes, NULL) : zeros_of(op->name, dtype, like->sizes, like->rank);
    if (!y)
        return NULL;
    if (x)
        copy_values(y, x);
    if (tensor_numel(index)) {
        struct indexed w = stores(kind_of(op), y, how, index, source);
        w.check = checked, w.size = size_along(y, how.axis);
        if (!indexed_run(&w) && !check_index(checked, index, w.size))
            return NULL;
    }
    return RECORD(op, y, &how, x, index, source);
}

ct_tensor *scattered(const struct op *op, ct_tensor *x, const ct_tensor *like, struct scatter how, ct_tensor *index, ct_tensor *source)
{
    return store(NULL, op, x, like, how, index, source);
}

static const struct scatter *how_of(ct_node *node)
{
    return ct_node_context(node);
}

/* ---- scatter, the last wins: dx = g but 0 where stored, dsource = g at the places won ------------------------------------------------ */
VJP(scatter_vjp)
{
    const struct scatter how = *how_of(node);
    ct_tensor *x = ct_node_input(node, 0), *index = ct_node_input(node, 1), *source = ct_node_input(node, 2), *g = cotangents[0];
    if (ct_node_wants(node, 0)) {
        ct_tensor *zero = zeros_of("scatter", ct_dtype_of(g), NULL, 0);
        gradients[0] = zero ? scattered(&op_scatter, g, x, how, index, broadcast_to(zero, index->sizes, index->rank)) : NULL;
    }
    if (!ct_node_wants(node, 2))
        return;
    gradients[2] = gathered(g, how.axis, index);
    if (how.distinct)
        return;
    ct_tensor *serial = ct_reshape_as((ct_arange)(0, (double)tensor_numel(source), 1, CT_INT64), source); /* who stored last? */
    ct_tensor *last = scattered(&op_scatter, NULL, x, how, index, serial);
    gradients[2] = ct_where(ct_eq(gathered(last, how.axis, index), serial), gradients[2], 0.0);
}

/* In one go over a copy of g, from the last on: who takes a place's cotangent out first won it, and leaves 0 for x and the others. */
VJP(scatter_fused)
{
    const struct scatter *how = how_of(node);
    ct_tensor *index = ct_node_input(node, 1), *g = cotangents[0];
    if (!ct_node_wants(node, 2) || !tensor_numel(index)) {
        scatter_vjp(node, cotangents, gradients);
        return;
    }
    ct_tensor *rest = tensor_new("scatter", (ct_dtype)g->dtype, g->rank, g->sizes, NULL);
    ct_tensor *taken = rest ? tensor_new("scatter", (ct_dtype)g->dtype, index->rank, index->sizes, NULL) : NULL;
    if (!taken)
        return;
    copy_values(rest, g);
    struct indexed w = stores(INDEXED_TAKE, rest, *how, index, taken);
    const int64_t last = w.sizes[w.axis] - 1;
    w.index += last * w.index_steps[w.axis];
    w.other += last * w.other_steps[w.axis] * (int64_t)ct_dtype_size((ct_dtype)g->dtype);
    w.index_steps[w.axis] *= -1, w.other_steps[w.axis] *= -1;
    indexed_run(&w);
    gradients[0] = rest, gradients[2] = taken;
}
const struct op op_scatter = {"scatter", scatter_vjp, scatter_fused, READS(1)};

/* ---- scatter_add: dx = g, dsource = g at the places ---------------------------------------------------------------------------------- */
VJP(scatter_add_vjp)
{
    gradients[0] = cotangents[0];
    if (ct_node_wants(node, 2))
        gradients[2] = gathered(cotangents[0], how_of(node)->axis, ct_node_input(node, 1));
}
const struct op op_scatter_add = {"scatter_add", scatter_add_vjp, NULL, READS(1)};

/* ---- Products: dx = g times the others there. dsource = g y / source, or, where there are zeros, by counting those ------------------- */
VJP(prod_of_zeros_again)                        /* the count of zeros says nothing of how the derivative changes */
{
    (void)node, (void)cotangents, (void)gradients;
    ct_fail("scatter_reduce: the second derivative of a product with a factor 0 is not defined here");
}
static const struct op op_prod_of_zeros = {"scatter_reduce's gradient", prod_of_zeros_again, NULL, 0};

static ct_tensor *prod_of_zeros_vjp(struct scatter how, ct_tensor *x, ct_tensor *index, ct_tensor *source, ct_tensor *g)
{
    ct_tensor *no_x = ct_eq(x, 0.0), *no_source = ct_eq(source, 0.0);
    ct_tensor *some_x = ct_where(no_x, 1.0, x), *some = ct_where(no_source, 1.0, source);
    ct_tensor *zeros = scattered(&op_scatter_add, ct_cast(no_x, CT_INT64), x, how, index, ct_cast(no_source, CT_INT64));
    ct_tensor *others = ct_sub(gathered(zeros, how.axis, index), ct_cast(no_source, CT_INT64));
    ct_tensor *product = scattered(&op_scatter_prod, some_x, x, how, index, some);
    return ct_where(ct_eq(others, 0), ct_div(gathered(ct_mul(g, product), how.axis, index), some), 0.0);
}

static bool has_zero(ct_tensor *x)
{
    CT_SCOPE;
    CT_NO_GRAD;
    ct_tensor *zeros = ct_sum(ct_eq(x, 0.0));
    return zeros && ct_item_int(zeros) > 0;
}

VJP(scatter_prod_vjp)
{
    const struct scatter how = *how_of(node);
    ct_tensor *x = ct_node_input(node, 0), *index = ct_node_input(node, 1), *source = ct_node_input(node, 2), *g = cotangents[0];
    if (ct_node_wants(node, 0))
        gradients[0] = ct_mul(g, scattered(&op_scatter_prod, ct_ones_like(x), x, how, index, source));
    if (!ct_node_wants(node, 2))
        return;
    if (!has_zero(source) && !has_zero(gathered(ct_detach(x), how.axis, index))) {
        gradients[2] = ct_div(gathered(ct_mul(g, ct_node_output(node, 0)), how.axis, index), source);
        return;
    }
    const bool was = ct_set_recording(false);
    ct_tensor *d = prod_of_zeros_vjp(how, x, index, source, g);
    ct_set_recording(was);
    gradients[2] = RECORD0(&op_prod_of_zeros, d, x, source, g);
}
const struct op op_scatter_prod = {"scatter_reduce", scatter_prod_vjp, NULL, READS(0) | READS(1) | READS(2) | READS_OUTPUT};

/* ---- Extremes: all that equal the extreme share g, NaNs among themselves ------------------------------------------------------------- */
static ct_tensor *equal_or_nan(ct_tensor *a, ct_tensor *b)
{
    return ct_logical_or(ct_eq(a, b), ct_logical_and(ct_ne(a, a), ct_ne(b, b)));
}

VJP(scatter_extreme_vjp)
{
    const struct scatter how = *how_of(node);
    ct_tensor *x = ct_node_input(node, 0), *index = ct_node_input(node, 1), *source = ct_node_input(node, 2), *g = cotangents[0];
    ct_tensor *y = ct_node_output(node, 0);
    ct_tensor *x_is = equal_or_nan(x, y), *source_is = equal_or_nan(source, gathered(y, how.axis, index));
    ct_tensor *count = scattered(&op_scatter_add, ct_cast(x_is, ct_dtype_of(g)), x, how, index, ct_cast(source_is, ct_dtype_of(g)));
    ct_tensor *shared = ct_div(g, count);
    if (ct_node_wants(node, 0))
        gradients[0] = ct_where(x_is, shared, 0.0);
    if (ct_node_wants(node, 2))
        gradients[2] = ct_where(source_is, gathered(shared, how.axis, index), 0.0);
}
const struct op op_scatter_amax = {"scatter_reduce", scatter_extreme_vjp, NULL, READS(0) | READS(1) | READS(2) | READS_OUTPUT};
const struct op op_scatter_amin = {"scatter_reduce", scatter_extreme_vjp, NULL, READS(0) | READS(1) | READS(2) | READS_OUTPUT};

/* ---- Operands ------------------------------------------------------------------------------------------------------------------------- */
bool same_dtype(const char *op, const ct_tensor *x, const ct_tensor *source)
{
    return x->dtype == source->dtype || ct_fail("%s: a %s source for %s: want the same dtype", op, ct_dtype_name((ct_dtype)source->dtype),
                                                ct_dtype_name((ct_dtype)x->dtype));
}

bool number_or_same_dtype(const char *op, const ct_tensor *x, ct_tensor **source)
{
    if (!((*source)->flags & IS_NUMBER) || (is_floating(*source) && !is_floating(x)))
        return same_dtype(op, x, *source);
    return (*source = as_dtype(*source, (ct_dtype)x->dtype)) != NULL;
}

static bool at_most(const ct_tensor *a, const ct_tensor *b, int except) /* a's sizes against b's; a 0-d tensor is one of size 1 */
{
    if ((a->rank ? a->rank : 1) != (b->rank ? b->rank : 1))
        return false;
    for (int i = 0; i < (a->rank ? a->rank : 1); i++)
        if (i != except && size_along(a, i) > size_along(b, i))
            return false;
    return true;
}

/* The part of source that the index covers, where it covers less than all. */
static ct_tensor *covered(ct_tensor *source, const ct_tensor *index)
{
    if (!source->rank && index->rank)
        source = (ct_reshape)(source, (const int64_t[]){1}, 1);
    if (source && source->rank && !index->rank)
        return (ct_reshape)(ct_narrow(source, 0, 0, 1), NULL, 0);
    for (int i = 0; source && i < index->rank; i++)
        if (source->sizes[i] != index->sizes[i])
            source = ct_narrow(source, i, 0, index->sizes[i]);
    return source;
}

static bool check_scatter(const char *op, ct_tensor *x, int axis, ct_tensor *index, ct_tensor **source, int *at)
{
    if (!given(op, "the operand", x) || !given(op, "the index", index) || !given(op, "the source", *source) || !check_axis(op, x, axis, at) ||
        !is_index(op, index))
        return false;
    const bool number = (*source)->flags & IS_NUMBER;
    if (!number_or_same_dtype(op, x, source))
        return false;
    if (number)
        return (*source = broadcast_to(*source, index->sizes, index->rank)) != NULL;
    const bool fits = at_most(index, *source, -1) && at_most(index, x, *at);
    if (!fits && tensor_numel(index))
        return ct_fail("%s: index %s of source %s along axis %d of %s: want as many axes, and none longer than the source's, or, beside that axis, "
                       "the operand's", op, SHAPE(index), SHAPE(*source), *at, SHAPE(x)) != NULL;
    if (!fits)                                  /* nothing is stored, whatever the shapes */
        return (*source = zeros_of(op, (ct_dtype)x->dtype, index->sizes, index->rank)) != NULL;
    return (*source = covered(*source, index)) != NULL;
}

/* ---- The ops --------------------------------------------------------------------------------------------------------------------------- */
ct_tensor *(ct_scatter)(ct_tensor *x, int axis, ct_tensor *index, ct_tensor *source)
{
    int at;
    if (!check_scatter("scatter", x, axis, index, &source, &at))
        return NULL;
    return store("scatter", &op_scatter, x, x, (struct scatter){at, false}, index, source);
}

ct_tensor *ct_scatter_add(ct_tensor *x, int axis, ct_tensor *index, ct_tensor *source)
{
    int at;
    if (!check_scatter("scatter_add", x, axis, index, &source, &at))
        return NULL;
    return store("scatter_add", &op_scatter_add, x, x, (struct scatter){at, false}, index, source);
}

/* x with the value that changes nothing where something will be stored. */
static ct_tensor *without_self(ct_tensor *x, int axis, ct_tensor *index, ct_scatter_reduction reduce)
{
    ct_tensor *number = reduce == CT_REDUCE_PROD || (reduce == CT_REDUCE_AMIN && x->dtype == CT_BOOL)   ? ct_scalar_bool(true)
                        : reduce == CT_REDUCE_SUM || reduce == CT_REDUCE_MEAN || x->dtype == CT_BOOL   ? ct_scalar_bool(false)
                        : x->dtype == CT_INT64 ? ct_scalar_int(reduce == CT_REDUCE_AMAX ? INT64_MIN : INT64_MAX)
                                               : ct_scalar(reduce == CT_REDUCE_AMAX ? -INFINITY : INFINITY);
    return (ct_scatter)(x, axis, index, number);
}

static ct_tensor *scatter_mean(ct_tensor *x, ct_tensor *base, struct scatter how, ct_tensor *index, ct_tensor *source, bool include_self)
{
    const bool was = ct_set_recording(false);
    ct_tensor *start = include_self ? ct_ones_like(x) : without_self(ct_ones_like(x), how.axis, index, CT_REDUCE_SUM);
    ct_tensor *count = start ? scattered(&op_scatter_add, start, x, how, index, ct_ones_like(source)) : NULL;
    ct_set_recording(was);
    ct_tensor *sum = count ? scattered(&op_scatter_add, base, x, how, index, source) : NULL;
    return is_floating(x) ? ct_div(sum, count) : ct_floor_divide(sum, count);
}

const ct_scatter_reduce_options ct_scatter_reduce_defaults = {CT_SCATTER_REDUCE_DEFAULTS .end_ = 0};

ct_tensor *(ct_scatter_reduce)(ct_tensor *x, int axis, ct_tensor *index, ct_tensor *source, ct_scatter_reduction reduce,
                               const ct_scatter_reduce_options *options)
{
    static const struct op *const ops[] = {&op_scatter_add, &op_scatter_prod, &op_scatter_add, &op_scatter_amax, &op_scatter_amin};
    const bool include_self = (options ? options : &ct_scatter_reduce_defaults)->include_self;
    int at;
    if ((unsigned)reduce >= COUNT_OF(ops))
        return ct_fail("scatter_reduce: %d is no reduction", (int)reduce);
    if (!check_scatter("scatter_reduce", x, axis, index, &source, &at) || !check_index("scatter_reduce", index, size_along(x, at)))
        return NULL;
    if (reduce == CT_REDUCE_MEAN && x->dtype == CT_BOOL)
        return ct_fail("scatter_reduce: bool has no mean");
    const struct scatter how = {at, false};
    ct_tensor *base = include_self ? x : without_self(x, at, index, reduce);
    if (!base)
        return NULL;
    return reduce == CT_REDUCE_MEAN ? scatter_mean(x, base, how, index, source, include_self) : scattered(ops[reduce], base, x, how, index, source);
}

const ct_index_add_options ct_index_add_defaults = {CT_INDEX_ADD_DEFAULTS .end_ = 0};

ct_tensor *(ct_index_add)(ct_tensor *x, int axis, ct_tensor *index, ct_tensor *source, const ct_index_add_options *options)
{
    const char *const op = "index_add";
    const double alpha = (options ? options : &ct_index_add_defaults)->alpha;
    int at;
    if (!given(op, "the operand", x) || !given(op, "the index", index) || !given(op, "the source", source) || !check_axis(op, x, axis, &at) ||
        !same_dtype(op, x, source) || !check_index(op, index, size_along(x, at)))
        return NULL;
    bool fits = index->rank <= 1 && source->rank == x->rank && size_along(source, at) == tensor_numel(index);
    for (int i = 0; i < x->rank && fits; i++)
        fits = i == at || source->sizes[i] == x->sizes[i];
    if (!fits)
        return ct_fail("%s: index %s and source %s along axis %d of %s: want a vector, and a source as long there and equal beside", op, SHAPE(index),
                       SHAPE(source), at, SHAPE(x));
    if (!is_floating(x) && (alpha != trunc(alpha) || fabs(alpha) > 9e15))
        return ct_fail("%s: alpha %g for %s", op, alpha, ct_dtype_name((ct_dtype)x->dtype));
    if (alpha != 1)
        source = is_floating(x) ? ct_mul(source, alpha) : as_dtype(ct_mul(source, (int64_t)alpha), (ct_dtype)x->dtype);
    return scattered(&op_scatter_add, x, x, (struct scatter){at, false}, index_along(op, index, at, x), source);
}

ct_tensor *ct_masked_scatter(ct_tensor *x, ct_tensor *mask, ct_tensor *source)
{
    const char *const op = "masked_scatter";
    if (!broadcast_mask(op, &x, &mask) || !given(op, "the source", source) || !same_dtype(op, x, source))
        return NULL;
    ct_tensor *places = true_places(op, mask), *to = flat(x);
    if (!places || !to)
        return NULL;
    const int64_t count = tensor_numel(places);
    if (tensor_numel(source) < count)
        return ct_fail("%s: a source of %s for %lld places of the mask", op, SHAPE(source), (long long)count);
    ct_tensor *y = scattered(&op_scatter, to, to, (struct scatter){0, true}, places, ct_narrow(flat(source), 0, 0, count));
    return ct_reshape_as(y, x);
}
