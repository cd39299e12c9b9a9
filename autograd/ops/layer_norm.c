/* Normalisation along rows, the last axes of a tensor: layer norm, arXiv:1607.06450, and the same without the mean, arXiv:1910.07467. */
#include <float.h>

#include "../kernels/pool.h"
#include "ops.h"

#define VJP(name)                                                                                                        \
    static void name(ct_node *node, ct_tensor *const *cotangents, ct_tensor **gradients)

enum { X, WEIGHT, BIAS, ABOUT, INPUTS };        /* ABOUT: float64 (rows, 2), mean and 1 / deviation of each row */

struct norm {
    int axes;
    double eps;
};

/* Rows in parts of a fixed size; each part sums the gradients of w and b by itself. */
enum { GRAIN = LOOP_GRAIN / 2, MOST_PARTS = 16 };
struct job {
    const struct kernels *k;
    int dtype;
    size_t rows, n, parts, item;
    bool centred;
    double eps;
    double (*about)[2];
    char *to, *dw, *db;                         /* dw, db: a row for each part */
    const char *x, *g, *w, *b;
};

static struct job job_of(const ct_tensor *x, int axes, size_t most)
{
    struct job j = {.k = kernels(), .dtype = x->dtype, .rows = 1, .n = 1, .item = ct_dtype_size((ct_dtype)x->dtype), .x = x->data};
    for (int i = 0; i < x->rank; i++)
        *(i < x->rank - axes ? &j.rows : &j.n) *= (size_t)x->sizes[i];
    j.parts = (j.rows * j.n + GRAIN - 1) / GRAIN;
    j.parts = j.parts < j.rows ? j.parts : j.rows;
    j.parts = j.parts < most ? j.parts : most;
    return j;
}

static size_t first_row(const struct job *j, size_t part)
{
    return j->rows * part / j->parts;
}

static void forward_part(size_t part, void *context)
{
    const struct job *j = context;
    const size_t from = first_row(j, part), at = from * j->n * j->item;
    j->k->row_norm[j->dtype](j->to + at, j->about + from, j->x + at, j->w, j->b, first_row(j, part + 1) - from, j->n, j->eps, j->centred);
}

static void backward_part(size_t part, void *context)
{
    const struct job *j = context;
    const size_t from = first_row(j, part), at = from * j->n * j->item, row = part * j->n * j->item;
    j->k->row_norm_vjp[j->dtype](j->to ? j->to + at : NULL, j->dw ? j->dw + row : NULL, j->db ? j->db + row : NULL, (const double (*)[2])(j->about + from),
                                 j->g + at, j->x + at, j->w, first_row(j, part + 1) - from, j->n, j->centred);
}

/* ---- The VJP: with h = (x - mean) rstd, dw = sum(g h), db = sum(g) and dx = rstd (g w - mean(g w) - h mean(g w h)); without a mean,
 *     dx = rstd (g w - h mean(g w h)) -------------------------------------------------------------------------------------------------- */
static ct_tensor *row_mean(ct_tensor *t, int count)
{
    int axes[CT_MAX_RANK];
    for (int i = 0; i < count; i++)
        axes[i] = -1 - i;
    return (ct_mean)(t, axes, (size_t)count, true);
}

static void gradients_of(ct_node *node, ct_tensor *g, ct_tensor **gradients, bool centred)
{
    const struct norm *how = ct_node_context(node);
    ct_tensor *x = ct_node_input(node, X), *w = ct_node_input(node, WEIGHT), *b = ct_node_input(node, BIAS);
    ct_tensor *d = centred ? ct_sub(x, row_mean(x, how->axes)) : x;
    ct_tensor *rstd = ct_rsqrt(ct_add(row_mean(ct_square(d), how->axes), how->eps)), *h = ct_mul(d, rstd), *gw = w ? ct_mul(g, w) : g;
    if (ct_node_wants(node, X)) {
        ct_tensor *across = ct_sub(gw, ct_mul(h, row_mean(ct_mul(gw, h), how->axes)));
        gradients[X] = ct_mul(rstd, centred ? ct_sub(across, row_mean(gw, how->axes)) : across);
    }
    if (ct_node_wants(node, WEIGHT))
        gradients[WEIGHT] = ct_sum_to_as(ct_mul(g, h), w);
    if (ct_node_wants(node, BIAS))
        gradients[BIAS] = ct_sum_to_as(g, b);
}

/* The same in one pass over the rows. */
static void fused_gradients(ct_node *node, ct_tensor *g, ct_tensor **gradients, bool centred)
{
    const struct norm *how = ct_node_context(node);
    ct_tensor *x = ct_node_input(node, X), *w = ct_node_input(node, WEIGHT), *partial[INPUTS] = {NULL};
    struct job j = job_of(x, how->axes, MOST_PARTS);
    if (!(g = ct_contiguous(g)))
        return;
    const int64_t sizes[2] = {(int64_t)j.parts, (int64_t)j.n};
    for (int i = WEIGHT; i <= BIAS; i++)
        if (ct_node_wants(node, i) && !(partial[i] = zeros_of(node->op->name, (ct_dtype)x->dtype, sizes, 2)))
            return;
    ct_tensor *dx = ct_node_wants(node, X) ? tensor_new(node->op->name, (ct_dtype)x->dtype, x->rank, x->sizes, NULL) : NULL;
    if (ct_node_wants(node, X) && !dx)
        return;
    j.about = (double (*)[2])ct_node_input(node, ABOUT)->data;
    j.g = g->data, j.w = w ? w->data : NULL, j.centred = centred;
    j.to = dx ? dx->data : NULL;
    j.dw = partial[WEIGHT] ? partial[WEIGHT]->data : NULL, j.db = partial[BIAS] ? partial[BIAS]->data : NULL;
    pool_run(j.parts, backward_part, &j);
    gradients[X] = dx;
    for (int i = WEIGHT; i <= BIAS; i++)
        if (partial[i])
            gradients[i] = (ct_reshape)(ct_sum(partial[i], 0), x->sizes + x->rank - how->axes, (size_t)how->axes);
}

VJP(layer_norm_vjp)
{
    gradients_of(node, cotangents[0], gradients, true);
}
VJP(layer_norm_fused)
{
    fused_gradients(node, cotangents[0], gradients, true);
}
const struct op op_layer_norm = {"layer_norm", layer_norm_vjp, layer_norm_fused, READS(X) | READS(WEIGHT) | READS(ABOUT)};

VJP(rms_norm_vjp)
{
    gradients_of(node, cotangents[0], gradients, false);
}
VJP(rms_norm_fused)
{
    fused_gradients(node, cotangents[0], gradients, false);
}
const struct op op_rms_norm = {"rms_norm", rms_norm_vjp, rms_norm_fused, READS(X) | READS(WEIGHT) | READS(ABOUT)};

/* ---- Forward ------------------------------------------------------------------------------------------------------------------------------- */
const ct_rms_norm_options ct_rms_norm_defaults = {CT_RMS_NORM_DEFAULTS .end_ = 0};

/* A tensor of the shape of x's last axes, made contiguous in place, or absent. */
static bool row_operand(const char *op, const char *what, ct_tensor **t, const ct_tensor *x, int axes)
{
    bool failed;
    if (absent(*t, &failed))
        return !failed;
    if (!given_floating(op, what, *t))
        return false;
    bool fits = (*t)->rank == axes && (*t)->dtype == x->dtype;
    for (int i = 0; fits && i < axes; i++)
        fits = (*t)->sizes[i] == x->sizes[x->rank - axes + i];
    if (!fits)
        return ct_fail("%s: %s is %s %s, input %s %s: want its dtype and its last %d sizes", op, what, ct_dtype_name((ct_dtype)(*t)->dtype), SHAPE(*t),
                       ct_dtype_name((ct_dtype)x->dtype), SHAPE(x), axes) != NULL;
    return (*t = ct_contiguous(*t)) != NULL;
}

static ct_tensor *normalized(const struct op *op, ct_tensor *x, int axes, ct_tensor *w, ct_tensor *b, double eps, bool centred)
{
    if (!given_floating(op->name, "the operand", x))
        return NULL;
    if (axes < 1 || axes > x->rank)
        return ct_fail("%s: the last %d axes of %s, want 1 to %d", op->name, axes, SHAPE(x), x->rank);
    if (!(eps >= 0))
        return ct_fail("%s: eps = %g, want 0 or more", op->name, eps);
    if (!row_operand(op->name, "weight", &w, x, axes) || !row_operand(op->name, "bias", &b, x, axes) || !(x = ct_contiguous(x)))
        return NULL;
    struct job j = job_of(x, axes, SIZE_MAX);
    ct_tensor *about = tensor_new(op->name, CT_FLOAT64, 2, (const int64_t[]){(int64_t)j.rows, 2}, NULL);
    ct_tensor *y = about ? tensor_new(op->name, (ct_dtype)x->dtype, x->rank, x->sizes, NULL) : NULL;
    if (!y)
        return NULL;
    j.about = (double (*)[2])about->data, j.to = y->data, j.centred = centred, j.eps = eps;
    j.w = w ? w->data : NULL, j.b = b ? b->data : NULL;
    pool_run(j.parts, forward_part, &j);
    return RECORD(op, y, (&(struct norm){axes, eps}), x, w, b, about);
}

ct_tensor *(ct_layer_norm)(ct_tensor *x, int axes, ct_tensor *w, ct_tensor *b, const ct_norm_layer_options *options)
{
    return normalized(&op_layer_norm, x, axes, w, b, (options ? options : &ct_norm_layer_defaults)->eps, true);
}

ct_tensor *(ct_rms_norm)(ct_tensor *x, int axes, ct_tensor *w, const ct_rms_norm_options *options)
{
    double eps = (options ? options : &ct_rms_norm_defaults)->eps;
    if (eps < 0 && x)
        eps = x->dtype == CT_FLOAT64 ? DBL_EPSILON : (double)FLT_EPSILON;
    return normalized(&op_rms_norm, x, axes, w, NULL, eps, false);
}
