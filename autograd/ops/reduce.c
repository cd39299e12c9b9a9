/* Sums over axes, and what is made of them. */
#include <stdlib.h>

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

struct sum {
    const struct ct_tensor *x, *about;          /* about: contiguous, as y; NULL: 0 */
    ct_tensor *y;
    int kind;                                   /* SUM_PLAIN, SUM_NUMBERS or SUM_SQUARES */
    struct axes kept, gone;
    int64_t rows, length, stride;               /* kept elements; gone elements of each, and their stride */
    int64_t chunk, chunks, per_part;            /* a long row is summed in pieces of chunk; rows (or pieces) a part */
    int64_t columns, width, strips;             /* column sums: how many, and in strips of which width */
    double *partial;
};

static const char *row_start(const struct sum *s, int64_t row)
{
    int64_t offset = 0;
    for (size_t i = s->kept.count; i-- > 0; row /= s->kept.sizes[i])
        offset += row % s->kept.sizes[i] * s->kept.strides[i];
    return s->x->data + offset * (int64_t)ct_dtype_size((ct_dtype)s->x->dtype);
}

static const char *about_from(const struct sum *s, int64_t row)
{
    return s->about ? s->about->data + row * (int64_t)ct_dtype_size((ct_dtype)s->x->dtype) : NULL;
}

static double about_of(const struct sum *s, int64_t row)
{
    const char *at = about_from(s, row);
    return !at ? 0 : s->x->dtype == CT_FLOAT32 ? (double)*(const float *)at : *(const double *)at;
}

static void sum_pieces(size_t part, void *context)
{
    const struct sum *s = context;
    const int dtype = s->x->dtype;
    const int64_t item = (int64_t)ct_dtype_size((ct_dtype)dtype), end = (int64_t)(part + 1) * s->per_part, all = s->rows * s->chunks;
    for (int64_t piece = (int64_t)part * s->per_part; piece < end && piece < all; piece++) {
        const int64_t row = piece / s->chunks, from = piece % s->chunks * s->chunk, left = s->length - from;
        const size_t n = (size_t)(left < s->chunk ? left : s->chunk);
        const char *x = row_start(s, row) + from * s->stride * item;
        if (s->partial)
            s->partial[piece] = kernels()->sum_row[s->kind][dtype](x, n, s->stride, about_of(s, row));
        else
            ((int64_t *)s->y->data)[row] = kernels()->sum_integers[dtype](x, n, s->stride);
    }
}

/* Whole rows: those along the innermost kept axis in one call. */
static void sum_rows(size_t part, void *context)
{
    const struct sum *s = context;
    const int dtype = s->x->dtype;
    const int64_t item = (int64_t)ct_dtype_size((ct_dtype)dtype), most = (int64_t)(part + 1) * s->per_part, end = most < s->rows ? most : s->rows;
    const int64_t inner = s->kept.count ? s->kept.sizes[s->kept.count - 1] : 1, step = s->kept.count ? s->kept.strides[s->kept.count - 1] : 0;
    for (int64_t row = (int64_t)part * s->per_part, count; row < end; row += count) {
        count = inner - row % inner < end - row ? inner - row % inner : end - row;
        kernels()->sum_rows[s->kind][dtype](s->y->data + row * item, row_start(s, row), (size_t)count, step, (size_t)s->length, s->stride, about_from(s, row));
    }
}

static void sum_strips(size_t part, void *context)
{
    const struct sum *s = context;
    const int64_t item = (int64_t)ct_dtype_size((ct_dtype)s->x->dtype);
    const int64_t row = (int64_t)part / s->strips * s->columns, from = (int64_t)part % s->strips * s->width;
    const int64_t left = s->columns - from;
    kernels()->sum_columns[s->kind][s->x->dtype](s->y->data + (row + from) * item, row_start(s, row) + from * item, (size_t)s->length,
                                                 (size_t)(left < s->width ? left : s->width), s->stride, about_from(s, row + from));
}

/* Rows that no single stride walks, laid out one after another. */
static ct_tensor *laid_out(const struct sum *s)
{
    const size_t rank = s->kept.count + s->gone.count;
    ct_tensor ordered = {.dtype = s->x->dtype, .rank = (uint8_t)rank, .data = s->x->data};
    memcpy(ordered.sizes, s->kept.sizes, s->kept.count * sizeof *ordered.sizes);
    memcpy(ordered.strides, s->kept.strides, s->kept.count * sizeof *ordered.strides);
    memcpy(ordered.sizes + s->kept.count, s->gone.sizes, s->gone.count * sizeof *ordered.sizes);
    memcpy(ordered.strides + s->kept.count, s->gone.strides, s->gone.count * sizeof *ordered.strides);
    ct_tensor *copy = tensor_new("sum", (ct_dtype)s->x->dtype, rank, ordered.sizes, NULL);
    if (copy)
        copy_values(copy, &ordered);
    return copy;
}

static bool sum_in_stages(ct_tensor *y, const ct_tensor *x, unsigned axes);

/* y, contiguous, becomes the sums of x (or of squares) over the axes of the set. */
static bool sum_terms(ct_tensor *y, const ct_tensor *x, unsigned axes, int kind, const ct_tensor *about)
{
    struct sum s = {.x = x, .y = y, .kind = kind, .about = about};
    for (int i = 0; i < x->rank; i++)
        append(axes >> i & 1 ? &s.gone : &s.kept, x->sizes[i], x->strides[i]);
    s.rows = product(&s.kept), s.length = product(&s.gone);
    if (s.rows == 0)
        return true;
    s.stride = s.gone.count ? s.gone.strides[0] : 1;
    if (s.gone.count > 1 && s.length) {
        if (kind == SUM_PLAIN && x->dtype != CT_BOOL)
            return sum_in_stages(y, x, axes);
        if (!(s.x = laid_out(&s)))
            return false;
        s.kept = (struct axes){.count = s.rows > 1, .sizes = {s.rows}, .strides = {s.length}};
        s.stride = 1;
    }

    const struct axes *k = &s.kept;
    if (is_floating(x) && k->count && k->strides[k->count - 1] == 1 && s.length > 1 && k->sizes[k->count - 1] >= 4) {
        s.columns = k->sizes[k->count - 1];
        const int64_t blocks = s.rows / s.columns, strip = LOOP_GRAIN / 64 / s.length;
        s.width = 64 * (strip > 1 ? strip : 1);
        s.strips = (s.columns + s.width - 1) / s.width;
        if (s.rows * s.length <= LOOP_GRAIN)
            for (int64_t i = 0; i < blocks * s.strips; i++)
                sum_strips((size_t)i, &s);
        else
            pool_run((size_t)(blocks * s.strips), sum_strips, &s);
        return true;
    }
    enum { CHUNK = 32768 };
    if (is_floating(x) && s.length <= CHUNK) {
        s.per_part = s.length >= LOOP_GRAIN ? 1 : LOOP_GRAIN / (s.length ? s.length : 1);
        pool_run((size_t)((s.rows + s.per_part - 1) / s.per_part), sum_rows, &s);
        return true;
    }
    s.chunk = is_floating(x) ? CHUNK : s.length ? s.length : 1;
    s.chunks = s.length ? (s.length + s.chunk - 1) / s.chunk : 1;
    s.per_part = s.chunk >= LOOP_GRAIN ? 1 : LOOP_GRAIN / s.chunk;
    size_t bytes = (size_t)(s.rows * s.chunks) * sizeof *s.partial;
    if (is_floating(x) && !(s.partial = memory_get(bytes)))
        return ct_fail("sum: out of memory") != NULL;
    pool_run((size_t)((s.rows * s.chunks + s.per_part - 1) / s.per_part), sum_pieces, &s);
    for (int64_t row = 0; s.partial && row < s.rows; row++) {
        double total = 0;
        for (int64_t i = 0; i < s.chunks; i++)
            total += s.partial[row * s.chunks + i];
        if (x->dtype == CT_FLOAT32)
            ((float *)y->data)[row] = (float)total;
        else
            ((double *)y->data)[row] = total;
    }
    memory_put(s.partial, bytes);
    return true;
}

/* Over axes that no single stride walks: the innermost first, into a smaller tensor. */
static bool sum_in_stages(ct_tensor *y, const ct_tensor *x, unsigned axes)
{
    int last = -1;
    int64_t sizes[CT_MAX_RANK];
    for (int i = 0; i < x->rank; i++)
        if (axes >> i & 1 && x->sizes[i] != 1 && (last < 0 || llabs(x->strides[i]) <= llabs(x->strides[last])))
            last = i;
    const size_t rank = reduced_sizes(x, 1u << last, true, sizes);
    ct_tensor *partial = tensor_new("sum", (ct_dtype)x->dtype, rank, sizes, NULL);
    return partial && sum_terms(partial, x, 1u << last, SUM_PLAIN, NULL) && sum_terms(y, partial, axes & ~(1u << last), SUM_PLAIN, NULL);
}

bool sum_numbers(ct_tensor *y, const ct_tensor *x, unsigned axes)
{
    return sum_terms(y, x, axes, SUM_NUMBERS, NULL);
}

bool sum_squares(ct_tensor *y, const ct_tensor *x, unsigned axes, const ct_tensor *about)
{
    return sum_terms(y, x, axes, SUM_SQUARES, about);
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
    return y && sum_terms(y, x, set, SUM_PLAIN, NULL) ? graph_record(&op_sum, y, &x, 1, &set, sizeof set) : NULL;
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

static ct_tensor *deviations(ct_tensor *x, unsigned set)
{
    int axes[CT_MAX_RANK];
    size_t count = 0;
    for (int i = 0; i < x->rank; i++)
        if (set >> i & 1)
            axes[count++] = i;
    return count ? ct_sub(x, (ct_mean)(x, axes, count, true)) : ct_sub(x, x);
}

VJP(var_vjp)
{
    const struct var *v = ct_node_context(node);
    ct_tensor *x = ct_node_input(node, 0);
    gradients[0] = ct_mul(with_axes(cotangents[0], x, v->set), ct_mul(2 / v->divisor, deviations(x, v->set)));
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
    ct_tensor *mean = (ct_mean)(x, axes, count, keepdims);
    ct_tensor *y = mean ? tensor_new("var", (ct_dtype)x->dtype, rank, sizes, NULL) : NULL;
    y = y && sum_squares(y, x, v.set, mean) ? ct_div(y, v.divisor) : NULL;
    ct_set_recording(was);
    return RECORD(&op_var, y, &v, x);
}
