/* Sums over axes, and what is made of them. */
#include <float.h>

#include "pieces.h"

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

/* ---- The engine: sums and products, in an order that the shape alone tells -------------------------------------------------------------- */
struct fold {
    ct_tensor *y;
    const ct_tensor *about;
    int kind, order;
    char *partial;                              /* doubles, or int64: of each chunk all rows */
};

static void fold_piece(const struct pieces *p, const struct piece *piece, void *context)
{
    const struct fold *f = context;
    const int64_t item = (int64_t)ct_dtype_size((ct_dtype)p->x->dtype);
    const bool narrow = !f->partial && f->y->dtype == CT_FLOAT32;
    double totals[FOLD_MOST];
    kernels()->fold[f->kind][f->order][p->x->dtype](
        narrow ? (char *)totals : f->partial ? f->partial + (piece->chunk * p->rows + piece->first) * 8 : f->y->data + piece->first * 8, piece->x,
        (size_t)piece->rows, p->step, (size_t)piece->length, p->stride, f->about ? f->about->data + piece->first * item : NULL);
    for (int64_t i = 0; narrow && i < piece->rows; i++)
        ((float *)(void *)f->y->data)[piece->first + i] = (float)totals[i];
}

static bool fold_one(const char *op, ct_tensor *y, const ct_tensor *x, unsigned axes, int last, int kind, const ct_tensor *about)
{
    enum { CHUNK = 1 << 15, MOST_ALONG = 64, DOWN_CHUNK = 1 << 17, DOWN_BLOCK = 64 };
    struct pieces p = pieces_of(x, axes);
    if (p.gone.count > 1 && p.length) {         /* no single stride walks them */
        ct_tensor *copy = tensor_new(op, (ct_dtype)x->dtype, x->rank, x->sizes, NULL);
        if (!copy)
            return false;
        copy_values(copy, x);
        p = pieces_of(x = copy, axes);
    }
    if (p.rows == 0)
        return true;
    int64_t behind = 1;
    for (int i = last + 1; i < x->rank; i++)
        behind *= x->sizes[i];
    const bool down = y->dtype == CT_INT64 ? p.step == 1 && p.stride != 1 : p.length > 1 && behind >= 4; /* whole numbers know no order */
    const int64_t width = p.length >= LOOP_GRAIN / FOLD_ABREAST ? p.step == 1 && p.stride != 1 ? FOLD_ABREAST : 1 : MOST_ALONG;
    const int64_t down_chunk = DOWN_CHUNK / (behind < FOLD_MOST ? behind : FOLD_MOST) / DOWN_BLOCK * DOWN_BLOCK;
    const int64_t chunk = down ? down_chunk : CHUNK;
    struct fold f = {.y = y, .about = about, .kind = kind, .order = down ? FOLD_DOWN : FOLD_ALONG};
    const int64_t chunks = p.length ? (p.length + chunk - 1) / chunk : 1;
    const size_t bytes = (size_t)(p.rows * chunks) * 8;
    if (chunks > 1 && !(f.partial = memory_get(bytes)))
        return ct_fail("%s: out of memory", op) != NULL;
    pieces_run(&p, down ? FOLD_MOST : width, chunk, fold_piece, &f);
    if (f.partial) {                            /* the chunks' totals are rows of a matrix, to be joined down */
        ct_tensor totals = {.dtype = y->dtype == CT_INT64 ? CT_INT64 : CT_FLOAT64, .rank = 2, .sizes = {chunks, p.rows}, .strides = {p.rows, 1},
                            .data = f.partial};
        struct pieces q = pieces_of(&totals, 1);
        struct fold join = {.y = y, .kind = kind == FOLD_PRODUCT ? FOLD_PRODUCT : FOLD_SUM, .order = FOLD_DOWN};
        pieces_run(&q, FOLD_MOST, chunks, fold_piece, &join);
        memory_put(f.partial, bytes);
    }
    return true;
}

/* Axes that are no neighbours go one after another, the last first. */
bool fold(const char *op, ct_tensor *y, const ct_tensor *x, unsigned axes, int kind, const ct_tensor *about)
{
    int last = x->rank - 1, first;
    while (last >= 0 && (!(axes >> last & 1) || x->sizes[last] == 1))
        last--;
    for (first = last; first > 0 && (axes >> (first - 1) & 1 || x->sizes[first - 1] == 1);)
        first--;
    unsigned others = first > 0 ? axes & ((1u << first) - 1) : 0, these = axes & ~others;
    for (int i = 0; i < first; i++)
        others &= x->sizes[i] == 1 ? ~(1u << i) : ~0u;
    if (!others)
        return fold_one(op, y, x, axes, last, kind, about);
    int64_t sizes[CT_MAX_RANK];
    const size_t rank = reduced_sizes(x, these, true, sizes);
    ct_tensor *partial = tensor_new(op, (ct_dtype)y->dtype, rank, sizes, NULL), *abouts = NULL;
    if (!partial || (about && !(abouts = tensor_new(op, (ct_dtype)about->dtype, rank, sizes, NULL))))
        return false;
    if (about) {                                /* its one number for all that become one */
        ct_tensor *spread = ct_expand_as(with_axes((ct_tensor *)about, x, axes), partial);
        if (!spread)
            return false;
        copy_values(abouts, spread);
    }
    return fold_one(op, partial, x, these, last, kind, abouts) && fold(op, y, partial, others, kind == FOLD_PRODUCT ? FOLD_PRODUCT : FOLD_SUM, NULL);
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
    return y && fold("sum", y, x, set, FOLD_SUM, NULL) ? graph_record(&op_sum, y, &x, 1, &set, sizeof set) : NULL;
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

/* The mean, or the first element where it is as near as rounding lets one tell: equal elements have no variance at all. An
 * infinite mean is near no number. */
static ct_tensor *rounded_mean(ct_tensor *x, unsigned set)
{
    ct_tensor *mean = mean_over(x, set), *first = x;
    if (ct_numel(x) == 0)
        return mean;
    for (int i = 0; i < x->rank; i++)
        if (set >> i & 1)
            first = ct_narrow(first, i, 0, 1);
    double few_ulps = 8 * (x->dtype == CT_FLOAT32 ? FLT_EPSILON : DBL_EPSILON);
    return ct_where(ct_le(ct_abs(ct_sub(first, mean)), ct_mul(few_ulps, ct_abs(first))), first, mean);
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
    int64_t sizes[CT_MAX_RANK];
    const size_t rank = reduced_sizes(x, v.set, keepdims, sizes);
    ct_tensor *mean = ct_contiguous(rounded_mean(x, v.set)), *y = mean ? tensor_new("var", (ct_dtype)x->dtype, rank, sizes, NULL) : NULL;
    y = y && fold("var", y, x, v.set, FOLD_SQUARES, mean) ? ct_div(y, v.divisor) : NULL;
    ct_set_recording(was);
    return RECORD(&op_var, y, &v, x);
}
