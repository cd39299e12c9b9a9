/* Running sums, products and extremes along one axis. The VJPs of all but the first and the last are one linear recurrence, run
 * from the end: no division, so zeros need no care. */
#include <math.h>

#include "../kernels/pool.h"
#include "../kernels/scan.h"
#include "rows.h"

#define VJP(name)                                                                                                        \
    static void name(ct_node *node, ct_tensor *const *cotangents, ct_tensor **gradients)

/* ---- Rows moved by one, and turned round ---------------------------------------------------------------------------------------------- */
ct_tensor *row_reversed(ct_tensor *x)
{
    return ct_slice(x, "..., ::-1");
}

ct_tensor *row_before(ct_tensor *x, double first)
{
    return x && row_length(x) ? ct_pad(x, first, 1, -1) : x;
}

static ct_tensor *row_after(ct_tensor *x)       /* x_1, x_2, ..., 0 */
{
    return x && row_length(x) ? ct_pad(x, 0, -1, 1) : x;
}

/* ---- The recurrence: s_i = g_i + a_(i+1) s_(i+1) is the same from the end; db = s, da_i = s_i r_(i-1) ---------------------------------- */
static ct_tensor *from_the_end(ct_tensor *a, ct_tensor *g)
{
    return row_reversed(linear_recurrence(row_reversed(row_after(a)), row_reversed(g)));
}

VJP(linear_recurrence_vjp)
{
    ct_tensor *s = from_the_end(ct_node_input(node, 0), cotangents[0]);
    gradients[1] = s;
    if (ct_node_wants(node, 0))
        gradients[0] = ct_mul(s, row_before(ct_node_output(node, 0), 0));
}
const struct op op_linear_recurrence = {"linear_recurrence", linear_recurrence_vjp, NULL, READS(0) | READS_OUTPUT};

enum { ABREAST = 4, BLOCK = 8192, MANY_ROWS = 16 };

struct scan {
    scan_kernel *run;
    scan_recurrence_kernel *recurrence;
    void (*alone)(void *y, const void *x, size_t n);
    void (*extreme)(void *y, int64_t *places, const void *x, size_t n);
    const char *x, *b;
    char *y;
    int64_t *places;
    size_t length, rows, x_item, y_item;
    double *starts;                             /* of the blocks of one long row */
};

static void scan_group(size_t group, void *context)
{
    const struct scan *s = context;
    const size_t first = group * ABREAST, rows = s->rows - first < ABREAST ? s->rows - first : ABREAST;
    for (size_t row = first, here; row < first + rows; row += here) {
        const size_t at = row * s->length;
        char *y = s->y + at * s->y_item;
        const char *x = s->x + at * s->x_item;
        here = s->run || s->recurrence ? rows : 1;
        if (s->run)
            s->run(y, x, s->length, rows, NULL);
        else if (s->recurrence)
            s->recurrence(y, x, s->b + at * s->x_item, s->length, rows);
        else if (s->alone)
            s->alone(y, x, s->length);
        else
            s->extreme(y, s->places + at, x, s->length);
    }
}

static void total_block(size_t block, void *context)
{
    const struct scan *s = context;
    s->starts[block + 1] = scan_total((const float *)(const void *)s->x + block * BLOCK, BLOCK);
}

static void scan_blocks(size_t group, void *context)
{
    const struct scan *s = context;
    const size_t first = group * ABREAST, at = first * BLOCK, whole = s->length / BLOCK, rest = s->length % BLOCK;
    const size_t blocks = first >= whole ? 0 : whole - first < ABREAST ? whole - first : ABREAST;
    s->run(s->y + at * s->y_item, s->x + at * s->x_item, BLOCK, blocks, s->starts + first);
    if (first + blocks == whole && blocks < ABREAST)
        s->run(s->y + whole * BLOCK * s->y_item, s->x + whole * BLOCK * s->x_item, rest, 1, s->starts + whole);
}

/* A long row in blocks, each from the sum of those before it. */
static bool scan_long_rows(struct scan *s)
{
    const size_t blocks = s->length / BLOCK, bytes = (blocks + 1) * sizeof *s->starts;
    if (!(s->starts = memory_get(bytes)))
        return false;
    for (size_t row = 0; row < s->rows; row++, s->x += s->length * s->x_item, s->y += s->length * s->y_item) {
        s->starts[0] = 0;
        pool_run(blocks, total_block, s);
        for (size_t i = 0; i < blocks; i++)
            s->starts[i + 1] += s->starts[i];
        pool_run(blocks / ABREAST + 1, scan_blocks, s);
    }
    memory_put(s->starts, bytes);
    return true;
}

static void scan_rows(struct scan s, ct_tensor *y, const ct_tensor *x)
{
    s.x = x->data, s.y = y->data, s.length = (size_t)row_length(x), s.rows = (size_t)row_count(x);
    s.x_item = ct_dtype_size((ct_dtype)x->dtype), s.y_item = ct_dtype_size((ct_dtype)y->dtype);
    if (s.run == scan_sum[CT_FLOAT32] && s.length >= 2 * ABREAST * BLOCK && s.rows < MANY_ROWS && scan_long_rows(&s))
        return;
    for_rows((int64_t)(s.rows + ABREAST - 1) / ABREAST, ABREAST * row_length(x), scan_group, &s);
}

ct_tensor *linear_recurrence(ct_tensor *a, ct_tensor *b)
{
    if (!given("linear_recurrence", "the factors", a) || !given("linear_recurrence", "the terms", b))
        return NULL;
    a = ct_contiguous(a), b = ct_contiguous(b);
    ct_tensor *y = a && b ? tensor_new("linear_recurrence", (ct_dtype)a->dtype, a->rank, a->sizes, NULL) : NULL;
    if (!y)
        return NULL;
    scan_rows((struct scan){.recurrence = scan_recurrence[a->dtype], .b = b->data}, y, a);
    return RECORD0(&op_linear_recurrence, y, a, b);
}

/* ---- cumsum, cumprod, logcumsumexp ------------------------------------------------------------------------------------------------------ */
static ct_tensor *cumulate(const struct op *op, struct scan how, ct_tensor *x, int axis)
{
    int at;
    if (!check_axis(op->name, x, axis, &at))
        return NULL;
    ct_tensor *rows = axis_last(x, at);
    ct_tensor *y = rows ? tensor_new(op->name, is_floating(x) ? (ct_dtype)x->dtype : CT_INT64, rows->rank, rows->sizes, NULL) : NULL;
    if (!y)
        return NULL;
    scan_rows(how, y, rows);
    return axis_back(RECORD0(op, y, rows), x, at);
}

VJP(cumsum_vjp)                                 /* dx_i = g_i + g_(i+1) + ... */
{
    (void)node;
    gradients[0] = row_reversed(ct_cumsum(row_reversed(cotangents[0]), -1));
}
const struct op op_cumsum = {"cumsum", cumsum_vjp, NULL, 0};

ct_tensor *ct_cumsum(ct_tensor *x, int axis)
{
    return given("cumsum", "the operand", x) ? cumulate(&op_cumsum, (struct scan){.run = scan_sum[x->dtype]}, x, axis) : NULL;
}

VJP(cumprod_vjp)                                /* dx_i = s_i y_(i-1), where s_i = g_i + x_(i+1) s_(i+1) */
{
    gradients[0] = ct_mul(from_the_end(ct_node_input(node, 0), cotangents[0]), row_before(ct_node_output(node, 0), 1));
}
struct product_rows { const ct_tensor *dx, *g, *x, *y; };

static void cumprod_group(size_t group, void *context)
{
    const struct product_rows *p = context;
    const size_t first = group * ABREAST, all = (size_t)row_count(p->x), n = (size_t)row_length(p->x);
    const size_t at = first * n * ct_dtype_size((ct_dtype)p->x->dtype);
    scan_product_vjp[p->x->dtype](p->dx->data + at, p->g->data + at, p->x->data + at, p->y->data + at, n, all - first < ABREAST ? all - first : ABREAST);
}

VJP(cumprod_fused)
{
    ct_tensor *x = ct_node_input(node, 0), *g = ct_contiguous(cotangents[0]);
    ct_tensor *dx = g ? tensor_new("cumprod", (ct_dtype)x->dtype, x->rank, x->sizes, NULL) : NULL;
    if (dx)
        for_rows((row_count(x) + ABREAST - 1) / ABREAST, ABREAST * row_length(x), cumprod_group, &(struct product_rows){dx, g, x, ct_node_output(node, 0)});
    gradients[0] = dx;
}
const struct op op_cumprod = {"cumprod", cumprod_vjp, cumprod_fused, READS(0) | READS_OUTPUT};

ct_tensor *ct_cumprod(ct_tensor *x, int axis)
{
    return given("cumprod", "the operand", x) ? cumulate(&op_cumprod, (struct scan){.run = scan_product[x->dtype]}, x, axis) : NULL;
}

VJP(logcumsumexp_vjp)                           /* dx_i = e^(x_i - y_i) s_i, where s_i = g_i + e^(y_i - y_(i+1)) s_(i+1): y never falls */
{
    ct_tensor *x = ct_node_input(node, 0), *y = ct_node_output(node, 0), *before = row_before(y, -INFINITY);
    ct_tensor *both = ct_logical_and(ct_eq(before, y), ct_isinf(y)); /* a running infinity stays: e^0 */
    ct_tensor *falls = ct_exp(ct_where(both, 0.0, ct_sub(before, y)));
    gradients[0] = ct_mul(ct_exp(ct_sub(x, y)), from_the_end(falls, cotangents[0]));
}
const struct op op_logcumsumexp = {"logcumsumexp", logcumsumexp_vjp, NULL, READS(0) | READS_OUTPUT};

ct_tensor *ct_logcumsumexp(ct_tensor *x, int axis)
{
    if (!given_floating("logcumsumexp", "the operand", x))
        return NULL;
    return cumulate(&op_logcumsumexp, (struct scan){.alone = kernels()->scan_logsumexp[x->dtype]}, x, axis);
}

/* ---- cummax, cummin: each g to the place its value came from ------------------------------------------------------------------------------ */
const struct op op_cummax = {"cummax", picked_vjp, NULL, READS(1)};
const struct op op_cummin = {"cummin", picked_vjp, NULL, READS(1)};

static ct_tensor *running_extreme(const struct op *op, bool largest, ct_tensor *x, int axis, const ct_indices_options *options)
{
    int at;
    ct_tensor **indices = options ? options->indices : NULL;
    if (indices)
        *indices = NULL;
    if (!given(op->name, "the operand", x) || !check_axis(op->name, x, axis, &at))
        return NULL;
    bool was = ct_set_recording(false);
    ct_tensor *rows = axis_last(x, at);
    ct_tensor *y = rows ? tensor_new(op->name, (ct_dtype)x->dtype, rows->rank, rows->sizes, NULL) : NULL;
    ct_tensor *places = y ? tensor_new(op->name, CT_INT64, rows->rank, rows->sizes, NULL) : NULL;
    if (places)
        scan_rows((struct scan){.extreme = scan_extreme[largest][x->dtype], .places = (int64_t *)places->data}, y, rows);
    y = axis_back(y, x, at), places = axis_back(places, x, at);
    ct_set_recording(was);
    if (indices)
        *indices = places;
    return places ? RECORD(op, y, &at, x, places) : NULL;
}

ct_tensor *(ct_cummax)(ct_tensor *x, int axis, const ct_indices_options *options)
{
    return running_extreme(&op_cummax, true, x, axis, options);
}

ct_tensor *(ct_cummin)(ct_tensor *x, int axis, const ct_indices_options *options)
{
    return running_extreme(&op_cummin, false, x, axis, options);
}
