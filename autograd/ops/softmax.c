/* Softmax and its family. Each op works on rows (the last axis, contiguous); other axes are transposed to be last and back. */
#include <math.h>

#include "../kernels/pool.h"
#include "rows.h"

#define VJP(name)                                                                                                        \
    static void name(ct_node *node, ct_tensor *const *cotangents, ct_tensor **gradients)

typedef void row_map(void *out, const void *x, size_t n);
typedef void row_vjp(void *dx, const void *g, const void *y, size_t n);
struct rows {
    row_map *map;
    row_vjp *vjp;
    double (*fold)(const void *x, size_t n);
    const char *x, *y;
    char *out;
    size_t rows, n, item, per_part;
};

static void run_rows(size_t part, void *context)
{
    const struct rows *r = context;
    const size_t end = (part + 1) * r->per_part < r->rows ? (part + 1) * r->per_part : r->rows;
    for (size_t i = part * r->per_part; i < end; i++) {
        const size_t at = i * r->n * r->item;
        if (r->map)
            r->map(r->out + at, r->x + at, r->n);
        else if (r->vjp)
            r->vjp(r->out + at, r->x + at, r->y + at, r->n);
        else if (r->item == sizeof(float))
            ((float *)r->out)[i] = (float)r->fold(r->x + at, r->n);
        else
            ((double *)r->out)[i] = r->fold(r->x + at, r->n);
    }
}

static void all_rows(struct rows r, const ct_tensor *x)
{
    r.n = x->rank ? (size_t)x->sizes[x->rank - 1] : 1;
    r.item = ct_dtype_size((ct_dtype)x->dtype);
    r.rows = 1;
    for (int i = 0; i + 1 < x->rank; i++)
        r.rows *= (size_t)x->sizes[i];
    r.per_part = r.n < LOOP_GRAIN / 4 ? LOOP_GRAIN / 4 / (r.n ? r.n : 1) : 1;
    pool_run((r.rows + r.per_part - 1) / r.per_part, run_rows, &r);
}

/* ---- softmax and log_softmax ----------------------------------------------------------------------------------------------------------- */
static ct_tensor *mapped(const struct op *op, ct_tensor *x, int axis, row_map *const *map)
{
    int at;
    if (!given(op->name, "the operand", x) || !check_axis(op->name, x, axis, &at))
        return NULL;
    if (!is_floating(x))
        return ct_fail("%s: the operand is %s, want float32 or float64", op->name, ct_dtype_name((ct_dtype)x->dtype));
    const bool last = at == x->rank - 1 || !x->rank;
    ct_tensor *rows = ct_contiguous(last ? x : ct_transpose(x, at, -1));
    ct_tensor *y = rows ? tensor_new(op->name, (ct_dtype)x->dtype, rows->rank, rows->sizes, NULL) : NULL;
    if (!y)
        return NULL;
    all_rows((struct rows){.map = map[x->dtype], .x = rows->data, .out = y->data}, rows);
    y = RECORD0(op, y, rows);
    return last ? y : ct_transpose(y, at, -1);
}

static void fused_rows(ct_node *node, row_vjp *const *vjp, ct_tensor *g, ct_tensor **gradients)
{
    ct_tensor *y = ct_node_output(node, 0), *rows = ct_contiguous(g);
    ct_tensor *dx = rows ? tensor_new(node->op->name, (ct_dtype)y->dtype, y->rank, y->sizes, NULL) : NULL;
    if (!dx)
        return;
    all_rows((struct rows){.vjp = vjp[y->dtype], .x = rows->data, .y = y->data, .out = dx->data}, y);
    gradients[0] = dx;
}

static ct_tensor *row_sum(ct_tensor *x)
{
    return x && x->rank ? ct_sum(x, -1, .keepdims = true) : x;
}

VJP(softmax_vjp)                                /* dx = y (g - sum(g y)) */
{
    ct_tensor *y = ct_node_output(node, 0), *g = cotangents[0];
    gradients[0] = ct_mul(y, ct_sub(g, row_sum(ct_mul(g, y))));
}
VJP(softmax_fused)
{
    fused_rows(node, kernels()->softmax_vjp, cotangents[0], gradients);
}
const struct op op_softmax = {"softmax", softmax_vjp, softmax_fused, READS_OUTPUT};

ct_tensor *ct_softmax(ct_tensor *x, int axis)
{
    return mapped(&op_softmax, x, axis, kernels()->softmax);
}

VJP(log_softmax_vjp)                            /* dx = g - e^y sum(g) */
{
    ct_tensor *y = ct_node_output(node, 0), *g = cotangents[0];
    gradients[0] = ct_sub(g, ct_mul(ct_exp(y), row_sum(g)));
}
VJP(log_softmax_fused)
{
    fused_rows(node, kernels()->log_softmax_vjp, cotangents[0], gradients);
}
const struct op op_log_softmax = {"log_softmax", log_softmax_vjp, log_softmax_fused, READS_OUTPUT};

ct_tensor *ct_log_softmax(ct_tensor *x, int axis)
{
    return mapped(&op_log_softmax, x, axis, kernels()->log_softmax);
}

/* ---- logsumexp: dx = g e^(x - y) --------------------------------------------------------------------------------------------------------- */
VJP(logsumexp_vjp)
{
    ct_tensor *x = ct_node_input(node, 0), *y = ct_unsqueeze(ct_node_output(node, 0), -1), *g = ct_unsqueeze(cotangents[0], -1);
    gradients[0] = ct_mul(g, ct_exp(ct_sub(x, y)));
}
const struct op op_logsumexp = {"logsumexp", logsumexp_vjp, NULL, READS(0) | READS_OUTPUT};

ct_tensor *(ct_logsumexp)(ct_tensor *x, const int *axes, size_t count, bool keepdims)
{
    bool ok;
    if (!given_floating("logsumexp", "the operand", x))
        return NULL;
    unsigned set = check_axes("logsumexp", x, axes, count, &ok);
    if (!ok)
        return NULL;
    ct_tensor *rows = axes_last(x, set);
    ct_tensor *y = rows ? tensor_new("logsumexp", (ct_dtype)x->dtype, rows->rank - 1u, rows->sizes, NULL) : NULL;
    if (!y)
        return NULL;
    all_rows((struct rows){.fold = kernels()->logsumexp[x->dtype], .x = rows->data, .out = y->data}, rows);
    y = RECORD0(&op_logsumexp, y, rows);
    return keepdims ? with_axes(y, x, set) : y;
}
