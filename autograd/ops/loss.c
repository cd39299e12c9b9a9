/* Losses: terms by an op or a composition, then the reduction. */
#include <math.h>

#include "../kernels/pool.h"
#include "ops.h"

#define VJP(name)                                                                                                        \
    static void name(ct_node *node, ct_tensor *const *cotangents, ct_tensor **gradients)

static bool loss_reduction(const char *op, const ct_loss_options *options, ct_reduction *reduction)
{
    *reduction = options ? options->reduction : CT_MEAN;
    return (unsigned)*reduction <= CT_NONE || ct_fail("%s: %d is no reduction", op, (int)*reduction);
}

static ct_tensor *reduced(ct_tensor *terms, ct_reduction reduction)
{
    if (!terms || reduction == CT_NONE)
        return terms;
    ct_tensor *sum = (ct_sum)(terms, NULL, 0, false);
    return reduction == CT_SUM ? sum : ct_div(sum, (double)tensor_numel(terms));
}

/* ---- Class indices: rows of logits or log-probabilities, one target a row ----------------------------------------------------------- */
static bool check_targets(const char *op, const ct_tensor *target, int64_t classes)
{
    const int64_t *t = (const int64_t *)target->data; /* contiguous */
    for (int64_t i = 0, n = tensor_numel(target); i < n; i++)
        if (t[i] < 0 || t[i] >= classes)
            return ct_fail("%s: target %lld at index %lld is not in [0, %lld)", op, (long long)t[i], (long long)i, (long long)classes) != NULL;
    return true;
}

/* (N, C, ...) with (N, ...), or (C) with (), as contiguous rows (M, C) and targets (M). */
static bool as_rows(const char *op, ct_tensor **x, ct_tensor **target)
{
    ct_tensor *a = *x, *t = *target;
    if (!given(op, "the input", a) || !given(op, "the target", t))
        return false;
    if (!is_floating(a) || t->dtype != CT_INT64)
        return ct_fail("%s: input %s, target %s: want a floating input and int64 class indices", op, ct_dtype_name((ct_dtype)a->dtype),
                       ct_dtype_name((ct_dtype)t->dtype)) != NULL;
    bool fits = a->rank >= 1 && t->rank == a->rank - 1;
    for (int i = 0; fits && i < t->rank; i++)
        fits = t->sizes[i] == a->sizes[i ? i + 1 : 0];
    if (!fits)
        return ct_fail("%s: input %s, target %s: want (N, C, ...) and (N, ...)", op, SHAPE(a), SHAPE(t)) != NULL;
    const int64_t classes = a->sizes[a->rank > 1 ? 1 : 0];
    if (classes == 0)
        return ct_fail("%s: input %s has no classes", op, SHAPE(a)) != NULL;
    if (a->rank > 2) {
        int order[CT_MAX_RANK] = {0};
        for (int i = 1; i + 1 < a->rank; i++)
            order[i] = i + 1;
        order[a->rank - 1] = 1;
        a = (ct_permute)(a, order, a->rank);
    }
    *x = ct_contiguous(a && a->rank != 2 ? (ct_reshape)(a, (const int64_t[]){tensor_numel(t), classes}, 2) : a);
    *target = ct_contiguous(t->rank != 1 ? (ct_reshape)(t, (const int64_t[]){tensor_numel(t)}, 1) : t);
    return *x && *target && check_targets(op, *target, classes);
}

static ct_tensor *one_hot_bool(ct_tensor *target, int64_t classes)
{
    return ct_eq(ct_unsqueeze(target, -1), (ct_arange)(0, (double)classes, 1, CT_INT64));
}

struct rows {
    const ct_tensor *x, *target;
    ct_tensor *out, *parts;                     /* parts: of each row's logsumexp, the largest value and the rest */
    const ct_tensor *g;
    size_t per_part;
};

static double value_at(const ct_tensor *t, int64_t i)
{
    i *= t->rank ? t->strides[0] : 0;
    return t->dtype == CT_FLOAT32 ? ((const float *)t->data)[i] : ((const double *)t->data)[i];
}

static void set_at(ct_tensor *t, int64_t i, double value)
{
    if (t->dtype == CT_FLOAT32)
        ((float *)t->data)[i] = (float)value;
    else
        ((double *)t->data)[i] = value;
}

static void for_rows(struct rows *r, void (*body)(size_t part, void *context))
{
    const int64_t rows = r->x->sizes[0], classes = r->x->sizes[1];
    r->per_part = classes < LOOP_GRAIN / 4 ? (size_t)(LOOP_GRAIN / 4 / classes) : 1;
    pool_run(((size_t)rows + r->per_part - 1) / r->per_part, body, r);
}

static int64_t part_end(const struct rows *r, size_t part)
{
    const int64_t end = (int64_t)((part + 1) * r->per_part);
    return end < r->x->sizes[0] ? end : r->x->sizes[0];
}

static void cross_entropy_rows(size_t part, void *context)
{
    const struct rows *r = context;
    const int64_t classes = r->x->sizes[1], *target = (const int64_t *)r->target->data;
    for (int64_t i = (int64_t)(part * r->per_part); i < part_end(r, part); i++) {
        const char *row = r->x->data + i * classes * (int64_t)ct_dtype_size((ct_dtype)r->x->dtype);
        double largest, rest;
        kernels()->softmax_parts[r->x->dtype](row, (size_t)classes, &largest, &rest);
        const ct_tensor here = {.dtype = r->x->dtype, .rank = 1, .data = (char *)(uintptr_t)row, .strides = {1}};
        set_at(r->parts, 2 * i, largest);
        set_at(r->parts, 2 * i + 1, rest);
        set_at(r->out, i, largest - value_at(&here, target[i]) + rest);
    }
}

static void cross_entropy_vjp_rows(size_t part, void *context)
{
    const struct rows *r = context;
    const int64_t classes = r->x->sizes[1], *target = (const int64_t *)r->target->data;
    const size_t item = ct_dtype_size((ct_dtype)r->x->dtype);
    for (int64_t i = (int64_t)(part * r->per_part); i < part_end(r, part); i++) {
        const size_t at = (size_t)(i * classes) * item;
        kernels()->softmax_minus_target[r->x->dtype](r->out->data + at, r->x->data + at, (size_t)classes, value_at(r->parts, 2 * i), value_at(r->parts, 2 * i + 1),
                                                     target[i], value_at(r->g, i));
    }
}

/* ---- cross_entropy: dx = g (softmax(x) - one_hot(target)) --------------------------------------------------------------------------------- */
VJP(cross_entropy_vjp)
{
    ct_tensor *x = ct_node_input(node, 0), *target = ct_node_input(node, 1), *g = ct_unsqueeze(cotangents[0], -1);
    ct_tensor *p = ct_softmax(x, -1);
    gradients[0] = ct_mul(g, ct_sub(p, ct_cast(one_hot_bool(target, x->sizes[1]), ct_dtype_of(x))));
}
VJP(cross_entropy_fused)
{
    ct_tensor *x = ct_node_input(node, 0), *dx = tensor_new("cross_entropy", (ct_dtype)x->dtype, 2, x->sizes, NULL);
    if (!dx)
        return;
    struct rows r = {.x = x, .target = ct_node_input(node, 1), .parts = ct_node_input(node, 2), .g = cotangents[0], .out = dx};
    for_rows(&r, cross_entropy_vjp_rows);
    gradients[0] = dx;
}
const struct op op_cross_entropy = {"cross_entropy", cross_entropy_vjp, cross_entropy_fused, READS(0) | READS(1) | READS(2)};

static ct_tensor *shaped_terms(ct_tensor *terms, const ct_tensor *target)
{
    return terms && target->rank != 1 ? (ct_reshape)(terms, target->sizes, target->rank) : terms;
}

ct_tensor *(ct_cross_entropy)(ct_tensor *logits, ct_tensor *target, const ct_loss_options *options)
{
    ct_reduction reduction;
    ct_tensor *x = logits, *t = target;
    if (!loss_reduction("cross_entropy", options, &reduction) || !as_rows("cross_entropy", &x, &t))
        return NULL;
    struct rows r = {.x = x, .target = t, .out = tensor_new("cross_entropy", (ct_dtype)x->dtype, 1, x->sizes, NULL),
                     .parts = tensor_new("cross_entropy", (ct_dtype)x->dtype, 1, (const int64_t[]){2 * x->sizes[0]}, NULL)};
    if (!r.out || !r.parts)
        return NULL;
    for_rows(&r, cross_entropy_rows);
    ct_tensor *terms = RECORD0(&op_cross_entropy, r.out, x, t, r.parts);
    return reduced(reduction == CT_NONE ? shaped_terms(terms, target) : terms, reduction);
}

/* ---- nll: dx = -g at the target ------------------------------------------------------------------------------------------------------------- */
VJP(nll_vjp)
{
    ct_tensor *x = ct_node_input(node, 0), *target = ct_node_input(node, 1);
    gradients[0] = ct_where(one_hot_bool(target, x->sizes[1]), ct_unsqueeze(ct_neg(cotangents[0]), -1), 0.0);
}
const struct op op_nll = {"nll", nll_vjp, NULL, READS(1)};

ct_tensor *(ct_nll)(ct_tensor *log_p, ct_tensor *target, const ct_loss_options *options)
{
    ct_reduction reduction;
    ct_tensor *x = log_p, *t = target;
    if (!loss_reduction("nll", options, &reduction) || !as_rows("nll", &x, &t))
        return NULL;
    ct_tensor *terms = tensor_new("nll", (ct_dtype)x->dtype, 1, x->sizes, NULL);
    if (!terms)
        return NULL;
    ct_tensor row = {.dtype = x->dtype, .rank = 1, .strides = {1}};
    for (int64_t i = 0; i < x->sizes[0]; i++) {
        row.data = x->data + i * x->sizes[1] * (int64_t)ct_dtype_size((ct_dtype)x->dtype);
        set_at(terms, i, -value_at(&row, ((const int64_t *)t->data)[i]));
    }
    terms = RECORD0(&op_nll, terms, x, t);
    return reduced(reduction == CT_NONE ? shaped_terms(terms, target) : terms, reduction);
}

/* ---- Elementwise losses ------------------------------------------------------------------------------------------------------------------------ */
static bool pair(const char *op, ct_tensor **x, ct_tensor **y)
{
    if (!given_floating(op, "the input", *x) || !given(op, "the target", *y))
        return false;
    if (!same_sizes(*x, *y))
        return ct_fail("%s: input %s and target %s differ; expand one to say so", op, SHAPE(*x), SHAPE(*y)) != NULL;
    ct_dtype dtype = promote((ct_tensor *const[]){*x, *y}, 2);
    return (*x = as_dtype(*x, dtype)) && (*y = as_dtype(*y, dtype));
}

ct_tensor *(ct_mse)(ct_tensor *x, ct_tensor *y, const ct_loss_options *options)
{
    ct_reduction reduction;
    if (!loss_reduction("mse", options, &reduction) || !pair("mse", &x, &y))
        return NULL;
    return reduced(ct_square(ct_sub(x, y)), reduction);
}

/* dp = g (p - y) / max(p (1 - p), 1e-12); dy = g (log(1 - p) - log p), logs at least -100 */
VJP(binary_cross_entropy_vjp)
{
    ct_tensor *p = ct_node_input(node, 0), *y = ct_node_input(node, 1), *g = cotangents[0];
    if (ct_node_wants(node, 0))
        gradients[0] = ct_mul(g, ct_div(ct_sub(p, y), ct_clamp(ct_mul(p, ct_sub(1.0, p)), 1e-12, INFINITY)));
    if (ct_node_wants(node, 1))
        gradients[1] = ct_mul(g, ct_sub(ct_clamp(ct_log(ct_sub(1.0, p)), -100, INFINITY), ct_clamp(ct_log(p), -100, INFINITY)));
}
const struct op op_binary_cross_entropy = {"binary_cross_entropy", binary_cross_entropy_vjp, NULL, READS(0) | READS(1)};

static bool all_probabilities(ct_tensor *p)     /* a NaN passes, and spreads */
{
    return !tensor_numel(p) || !(ct_item((ct_min)(p, NULL, 0, false, NULL)) < 0 || ct_item((ct_max)(p, NULL, 0, false, NULL)) > 1);
}

ct_tensor *(ct_binary_cross_entropy)(ct_tensor *p, ct_tensor *y, const ct_loss_options *options)
{
    ct_reduction reduction;
    if (!loss_reduction("binary_cross_entropy", options, &reduction) || !pair("binary_cross_entropy", &p, &y))
        return NULL;
    ct_scope scope = ct_scope_open();
    bool was = ct_set_recording(false);
    bool inside = all_probabilities(p) && all_probabilities(y);
    ct_set_recording(was);
    ct_scope_close(scope);
    if (!inside)
        return ct_ok() ? ct_fail("binary_cross_entropy: the input or the target has values outside [0, 1]; for logits there is ..._with_logits") : NULL;
    ct_tensor *operands[] = {p, y};
    ct_tensor *terms = elementwise("binary_cross_entropy", kernels()->bce[p->dtype], NULL, (ct_dtype)p->dtype, operands, 2);
    return reduced(RECORD0(&op_binary_cross_entropy, terms, p, y), reduction);
}

/* (1 - y) x - log sigmoid(x): neither term overflows, and the derivative at 0 is 1/2 - y */
ct_tensor *(ct_binary_cross_entropy_with_logits)(ct_tensor *x, ct_tensor *y, const ct_loss_options *options)
{
    ct_reduction reduction;
    if (!loss_reduction("binary_cross_entropy_with_logits", options, &reduction) || !pair("binary_cross_entropy_with_logits", &x, &y))
        return NULL;
    return reduced(ct_sub(ct_mul(ct_sub(1.0, y), x), ct_log_sigmoid(x)), reduction);
}

/* ---- one_hot --------------------------------------------------------------------------------------------------------------------------------------- */
const struct op op_one_hot = {"one_hot", NULL, NULL, 0};
ct_tensor *ct_one_hot(ct_tensor *x, int64_t classes)
{
    if (!given("one_hot", "the operand", x))
        return NULL;
    if (x->dtype != CT_INT64 || classes < 1 || x->rank == CT_MAX_RANK)
        return ct_fail("one_hot: %s %s into %lld classes: want int64 of up to %d axes and at least 1 class", ct_dtype_name((ct_dtype)x->dtype),
                       SHAPE(x), (long long)classes, CT_MAX_RANK - 1);
    ct_tensor *flat = ct_contiguous(x);
    if (!flat || !check_targets("one_hot", flat, classes))
        return NULL;
    int64_t sizes[CT_MAX_RANK];
    memcpy(sizes, x->sizes, x->rank * sizeof *sizes);
    sizes[x->rank] = classes;
    ct_tensor *y = zeros_of("one_hot", CT_INT64, sizes, x->rank + 1u);
    for (int64_t i = 0; y && i < tensor_numel(x); i++)
        ((int64_t *)y->data)[i * classes + ((const int64_t *)flat->data)[i]] = 1;
    return graph_record(&op_one_hot, y, &x, 1, NULL, 0);
}
