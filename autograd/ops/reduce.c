/* Sums over axes, and what is made of them. */
#include <float.h>

#include "../kernels/pool.h"
#include "ops.h"

#define VJP(name)                                                                                                        \
    static void name(ct_node *node, ct_tensor *const *cotangents, ct_tensor **gradients)

size_t reduced_sizes(const ct_tensor *x, unsigned axes, bool keepdims, int64_t *sizes)
{
    size_t rank = 0;
    for (int i = 0; i < x->rank; i++)
        if (!(axes >> i & 1))
            sizes[rank++] = x->sizes[i];
        else if (keepdims)
            sizes[rank++] = 1;
    return rank;
}

ct_tensor *with_axes(ct_tensor *y, const ct_tensor *x, unsigned axes)
{
    int64_t sizes[CT_MAX_RANK];
    return (ct_reshape)(y, sizes, reduced_sizes(x, axes, true, sizes));
}

/* ---- The plan: which axes stay and which go, neighbours merged ------------------------------------------------------------------------ */
struct axes {
    size_t count;
    int64_t sizes[CT_MAX_RANK], strides[CT_MAX_RANK];
};

static int64_t product(const struct axes *a)
{
    int64_t n = 1;
    for (size_t i = 0; i < a->count; i++)
        n *= a->sizes[i];
    return n;
}

static void append(struct axes *a, int64_t size, int64_t stride)
{
    if (size == 1)
        return;
    if (a->count && a->strides[a->count - 1] == stride * size) {
        a->sizes[a->count - 1] *= size, a->strides[a->count - 1] = stride;
        return;
    }
    a->sizes[a->count] = size, a->strides[a->count++] = stride;
}

/* Which order the terms of a sum take is told by the shape alone: along rows if the last axis goes, else down columns. How x lies
 * in memory decides only how many rows or columns are walked side by side. */
struct sum {
    const struct ct_tensor *x;
    ct_tensor *y;
    struct axes kept, gone;
    int64_t rows, length, stride;               /* kept elements; gone elements of each, and their stride */
    int64_t line, step;                         /* of the kept elements those along the last axis, and their stride */
    int64_t width, strips;                      /* a line is done in strips of that width */
    int64_t chunk, chunks, per_part;            /* a long row is summed in chunks; strips of a chunk a part */
    double *partial;
};

static const char *row_start(const struct sum *s, int64_t row)
{
    int64_t offset = 0;
    for (size_t i = s->kept.count; i-- > 0; row /= s->kept.sizes[i])
        offset += row % s->kept.sizes[i] * s->kept.strides[i];
    return s->x->data + offset * (int64_t)ct_dtype_size((ct_dtype)s->x->dtype);
}

static int64_t strip_start(const struct sum *s, int64_t strip, int64_t *rows)
{
    const int64_t from = strip % s->strips * s->width, left = s->line - from;
    *rows = left < s->width ? left : s->width;
    return strip / s->strips * s->line + from;
}

static void store(const struct sum *s, int64_t row, double total)
{
    if (s->x->dtype == CT_FLOAT32)
        ((float *)s->y->data)[row] = (float)total;
    else
        ((double *)s->y->data)[row] = total;
}

static void sum_piece(const struct sum *s, int64_t piece)
{
    const struct kernels *k = kernels();
    const int dtype = s->x->dtype;
    const int64_t item = (int64_t)ct_dtype_size((ct_dtype)dtype);
    int64_t rows;
    const int64_t first = strip_start(s, piece / s->chunks, &rows), chunk = piece % s->chunks, left = s->length - chunk * s->chunk;
    const size_t n = (size_t)(left < s->chunk ? left : s->chunk);
    const char *x = row_start(s, first) + chunk * s->chunk * s->stride * item;
    double totals[SUM_ABREAST];
    const bool abreast = rows == SUM_ABREAST && dtype < CT_INT64;
    if (abreast)
        k->sum_rows_abreast[dtype](totals, x, n, s->stride);
    for (int64_t row = 0; row < rows; row++) {
        if (dtype >= CT_INT64) {
            ((int64_t *)s->y->data)[first + row] = k->sum_integers[dtype](x + row * s->step * item, n, s->stride);
            continue;
        }
        const double total = abreast ? totals[row] : k->sum_row[dtype](x + row * s->step * item, n, s->stride);
        if (s->partial)
            s->partial[(first + row) * s->chunks + chunk] = total;
        else
            store(s, first + row, total);
    }
}

static void sum_pieces(size_t part, void *context)
{
    const struct sum *s = context;
    int64_t end = (int64_t)(part + 1) * s->per_part, all = s->rows / s->line * s->strips * s->chunks;
    for (int64_t piece = (int64_t)part * s->per_part; piece < end && piece < all; piece++)
        sum_piece(s, piece);
}

static bool sum_rows(struct sum *s)
{
    enum { CHUNK = 32768 };
    s->width = s->step == 1 && s->stride != 1 ? SUM_ABREAST : 1;
    s->strips = (s->line + s->width - 1) / s->width;
    s->chunk = s->length > CHUNK && is_floating(s->x) ? CHUNK : s->length ? s->length : 1;
    s->chunks = s->length ? (s->length + s->chunk - 1) / s->chunk : 1;
    s->per_part = s->chunk * s->width >= LOOP_GRAIN ? 1 : LOOP_GRAIN / (s->chunk * s->width);
    const int64_t pieces = s->rows / s->line * s->strips * s->chunks;
    const size_t bytes = (size_t)(s->rows * s->chunks) * sizeof *s->partial;
    if (s->chunks > 1 && !(s->partial = memory_get(bytes)))
        return ct_fail("sum: out of memory") != NULL;
    pool_run((size_t)((pieces + s->per_part - 1) / s->per_part), sum_pieces, s);
    for (int64_t row = 0; s->partial && row < s->rows; row++) {
        double total = 0;
        for (int64_t i = 0; i < s->chunks; i++)
            total += s->partial[row * s->chunks + i];
        store(s, row, total);
    }
    memory_put(s->partial, bytes);
    return true;
}

static void sum_strip(size_t part, void *context)
{
    const struct sum *s = context;
    int64_t columns;
    const int64_t first = strip_start(s, (int64_t)part, &columns);
    kernels()->sum_columns[s->x->dtype](s->y->data + first * (int64_t)ct_dtype_size((ct_dtype)s->x->dtype), row_start(s, first),
                                        (size_t)s->length, (size_t)columns, s->stride, s->step);
}

static void sum_columns(struct sum *s)
{
    const int64_t strip = LOOP_GRAIN / 64 / s->length;
    s->width = 64 * (strip > 1 ? strip : 1);
    s->strips = (s->line + s->width - 1) / s->width;
    const size_t strips = (size_t)(s->rows / s->line * s->strips);
    if (s->rows * s->length > LOOP_GRAIN)
        pool_run(strips, sum_strip, s);
    else
        for (size_t i = 0; i < strips; i++)
            sum_strip(i, s);
}

static int last_gone(const ct_tensor *x, unsigned axes)
{
    int last = x->rank - 1;
    while (last >= 0 && (!(axes >> last & 1) || x->sizes[last] == 1))
        last--;
    return last;
}

/* A copy in which the axes that go, now the new set, lie together in front of the kept ones that stood behind them all. */
static ct_tensor *gathered_axes(const ct_tensor *x, unsigned *axes)
{
    const int last = last_gone(x, *axes);
    ct_tensor ordered = {.dtype = x->dtype, .data = x->data};
    unsigned set = 0;
    for (int pass = 0; pass < 3; pass++)        /* kept, gone, kept behind */
        for (int i = 0; i < x->rank; i++)
            if (pass == (*axes >> i & 1 ? 1 : i < last ? 0 : 2)) {
                set |= pass == 1 ? 1u << ordered.rank : 0;
                ordered.sizes[ordered.rank] = x->sizes[i], ordered.strides[ordered.rank++] = x->strides[i];
            }
    *axes = set;
    ct_tensor *copy = tensor_new("sum", (ct_dtype)x->dtype, ordered.rank, ordered.sizes, NULL);
    if (copy)
        copy_values(copy, &ordered);
    return copy;
}

static struct sum sum_plan(ct_tensor *y, const ct_tensor *x, unsigned axes)
{
    struct sum s = {.x = x, .y = y};
    for (int i = 0; i < x->rank; i++)
        append(axes >> i & 1 ? &s.gone : &s.kept, x->sizes[i], x->strides[i]);
    const struct axes *k = &s.kept;
    s.rows = product(k), s.length = product(&s.gone);
    s.stride = s.gone.count ? s.gone.strides[s.gone.count - 1] : 1;
    s.line = k->count ? k->sizes[k->count - 1] : 1, s.step = k->count ? k->strides[k->count - 1] : 1;
    return s;
}

/* y, contiguous, becomes the sums of x over the axes of the set. */
static bool sum_into(ct_tensor *y, const ct_tensor *x, unsigned axes)
{
    struct sum s = sum_plan(y, x, axes);
    if (s.rows == 0)
        return true;
    if (s.gone.count > 1 && s.length) {         /* no single stride walks them */
        ct_tensor *copy = gathered_axes(x, &axes);
        if (!copy)
            return false;
        s = sum_plan(y, x = copy, axes);
    }
    int64_t behind = 1;
    for (int i = last_gone(x, axes) + 1; i < x->rank; i++)
        behind *= x->sizes[i];
    if (!is_floating(x) || s.length <= 1 || behind < 4)
        return sum_rows(&s);
    sum_columns(&s);
    return true;
}

/* ---- sum: dx = g, repeated over the axes ------------------------------------------------------------------------------------------------- */
VJP(sum_vjp)
{
    ct_tensor *x = ct_node_input(node, 0);
    gradients[0] = ct_expand_as(with_axes(cotangents[0], x, *(const unsigned *)ct_node_context(node)), x);
}
const struct op op_sum = {"sum", sum_vjp, NULL, 0};

ct_tensor *(ct_sum)(ct_tensor *x, const int *axes, size_t count, bool keepdims)
{
    bool ok;
    int64_t sizes[CT_MAX_RANK];
    if (!given("sum", "the operand", x))
        return NULL;
    unsigned set = check_axes("sum", x, axes, count, &ok);
    if (!ok)
        return NULL;
    size_t rank = reduced_sizes(x, set, keepdims, sizes);
    ct_tensor *y = tensor_new("sum", is_floating(x) ? (ct_dtype)x->dtype : CT_INT64, rank, sizes, NULL);
    return y && sum_into(y, x, set) ? graph_record(&op_sum, y, &x, 1, &set, sizeof set) : NULL;
}

static double reduced_count(const ct_tensor *x, unsigned set)
{
    double n = 1;
    for (int i = 0; i < x->rank; i++)
        n *= set >> i & 1 ? (double)x->sizes[i] : 1;
    return n;
}

ct_tensor *(ct_mean)(ct_tensor *x, const int *axes, size_t count, bool keepdims)
{
    bool ok;
    if (!given_floating("mean", "the operand", x))
        return NULL;
    unsigned set = check_axes("mean", x, axes, count, &ok);
    return ok ? ct_div((ct_sum)(x, axes, count, keepdims), reduced_count(x, set)) : NULL;
}

/* ---- var: in two passes, the mean first, so that a large one does not drown the deviations. dx = g 2 (x - mean) / divisor -------------- */
struct var {
    unsigned set;
    double divisor;
};

static ct_tensor *mean_over(ct_tensor *x, unsigned set)
{
    int axes[CT_MAX_RANK];
    size_t count = 0;
    for (int i = 0; i < x->rank; i++)
        if (set >> i & 1)
            axes[count++] = i;
    return count ? (ct_mean)(x, axes, count, true) : x;
}

/* The mean, or the first element where it is as near as rounding lets one tell: equal elements have no variance at all. */
static ct_tensor *rounded_mean(ct_tensor *x, unsigned set)
{
    ct_tensor *mean = mean_over(x, set), *first = x;
    if (ct_numel(x) == 0)
        return mean;
    for (int i = 0; i < x->rank; i++)
        if (set >> i & 1)
            first = ct_narrow(first, i, 0, 1);
    double few_ulps = 8 * (x->dtype == CT_FLOAT32 ? FLT_EPSILON : DBL_EPSILON);
    return ct_where(ct_le(ct_abs(ct_sub(first, mean)), ct_mul(few_ulps, ct_abs(mean))), first, mean);
}

VJP(var_vjp)
{
    const struct var *v = ct_node_context(node);
    ct_tensor *x = ct_node_input(node, 0);
    gradients[0] = ct_mul(with_axes(cotangents[0], x, v->set), ct_mul(2 / v->divisor, ct_sub(x, mean_over(x, v->set))));
}
const struct op op_var = {"var", var_vjp, NULL, READS(0)};

ct_tensor *(ct_var)(ct_tensor *x, const int *axes, size_t count, bool keepdims, double correction)
{
    bool ok;
    if (!given_floating("var", "the operand", x))
        return NULL;
    struct var v = {.set = check_axes("var", x, axes, count, &ok)};
    if (!ok)
        return NULL;
    v.divisor = reduced_count(x, v.set) - correction;
    v.divisor = v.divisor > 0 ? v.divisor : 0;
    bool was = ct_set_recording(false);
    ct_tensor *y = ct_div((ct_sum)(ct_square(ct_sub(x, rounded_mean(x, v.set))), axes, count, keepdims), v.divisor);
    ct_set_recording(was);
    return RECORD(&op_var, y, &v, x);
}
