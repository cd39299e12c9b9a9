/* Losses over classes: terms by an op or a composition, then the reduction. */
#include <math.h>

#include "../kernels/pool.h"
#include "loss.h"

#define VJP(name)                                                                                                        \
    static void name(ct_node *node, ct_tensor *const *cotangents, ct_tensor **gradients)

bool loss_reduction_known(const char *op, ct_reduction reduction)
{
    return (unsigned)reduction <= CT_NONE || ct_fail("%s: reduction %d, want CT_MEAN, CT_SUM or CT_NONE", op, (int)reduction);
}

ct_tensor *loss_reduced(ct_tensor *terms, ct_reduction reduction)
{
    if (!terms || reduction == CT_NONE)
        return terms;
    ct_tensor *sum = (ct_sum)(terms, NULL, 0, false);
    return reduction == CT_SUM ? sum : ct_div(sum, (double)tensor_numel(terms));
}

/* ---- Class indices: rows of logits or log-probabilities, one target a row ----------------------------------------------------------- */
static bool check_targets(const char *op, const ct_tensor *target, int64_t classes, int64_t ignore, int64_t *ignored)
{
    const int64_t *t = (const int64_t *)target->data; /* contiguous */
    for (int64_t i = 0, n = tensor_numel(target); i < n; i++)
        if (ignored && t[i] == ignore)
            ++*ignored;
        else if (t[i] < 0 || t[i] >= classes)
            return ct_fail("%s: target %lld at index %lld is not in [0, %lld)", op, (long long)t[i], (long long)i, (long long)classes) != NULL;
    return true;
}

bool loss_rows(const char *op, ct_tensor **x, ct_tensor **target, int64_t ignore, int64_t *ignored)
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
    return *x && *target && check_targets(op, *target, classes, ignore, ignored);
}

ct_tensor *loss_target_mask(ct_tensor *target, int64_t classes)
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
    gradients[0] = ct_mul(g, ct_sub(p, ct_cast(loss_target_mask(target, x->sizes[1]), ct_dtype_of(x))));
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

static ct_tensor *fused_terms(ct_tensor *x, ct_tensor *target)
{
    struct rows r = {.x = x, .target = target, .out = tensor_new("cross_entropy", (ct_dtype)x->dtype, 1, x->sizes, NULL),
                     .parts = tensor_new("cross_entropy", (ct_dtype)x->dtype, 1, (const int64_t[]){2 * x->sizes[0]}, NULL)};
    if (!r.out || !r.parts)
        return NULL;
    for_rows(&r, cross_entropy_rows);
    return RECORD0(&op_cross_entropy, r.out, x, target, r.parts);
}

/* ---- nll: dx = -g at the target ------------------------------------------------------------------------------------------------------------- */
VJP(nll_vjp)
{
    ct_tensor *x = ct_node_input(node, 0), *target = ct_node_input(node, 1);
    gradients[0] = ct_where(loss_target_mask(target, x->sizes[1]), ct_unsqueeze(ct_neg(cotangents[0]), -1), 0.0);
}
const struct op op_nll = {"nll", nll_vjp, NULL, READS(1)};

static ct_tensor *nll_terms(ct_tensor *x, ct_tensor *target)
{
    ct_tensor *terms = x && target ? tensor_new("nll", (ct_dtype)x->dtype, 1, x->sizes, NULL) : NULL;
    if (!terms)
        return NULL;
    ct_tensor row = {.dtype = x->dtype, .rank = 1, .strides = {1}};
    for (int64_t i = 0; i < x->sizes[0]; i++) {
        row.data = x->data + i * x->sizes[1] * (int64_t)ct_dtype_size((ct_dtype)x->dtype);
        set_at(terms, i, -value_at(&row, ((const int64_t *)target->data)[i]));
    }
    return RECORD0(&op_nll, terms, x, target);
}

/* ---- Weights, targets to be ignored, smoothing ---------------------------------------------------------------------------------------------- */
bool loss_class_weight(const char *op, ct_tensor **weight, int64_t n, ct_dtype dtype)
{
    bool failed;
    if (absent(*weight, &failed))
        return !failed;
    if (!given_floating(op, "the weight", *weight))
        return false;
    if ((*weight)->rank != 1 || (*weight)->sizes[0] != n)
        return ct_fail("%s: weight %s: want one for each of %lld classes", op, SHAPE(*weight), (long long)n) != NULL;
    if ((*weight)->flags & WANTS_GRAD && recording())
        return ct_fail("%s: the weight wants a gradient, which there is none for; take ct_detach of it", op) != NULL;
    return (*weight = as_dtype(*weight, dtype)) && (*weight = ct_contiguous(*weight));
}

struct row_weights {
    ct_tensor *target;                          /* class 0 stands where it is ignored */
    ct_tensor *kept;                            /* bool: is not ignored; NULL: none is */
    ct_tensor *weight;                          /* of the target's class; NULL: 1 */
    double total;                               /* of the weights of rows that are kept */
};

static bool weigh_rows(const char *op, ct_tensor *target, ct_tensor *weight, int64_t ignore, int64_t ignored, struct row_weights *w)
{
    const int64_t n = tensor_numel(target), *t = (const int64_t *)target->data;
    *w = (struct row_weights){.target = target, .total = (double)(n - ignored)};
    if (ignored && (!(w->target = tensor_new(op, CT_INT64, 1, &n, NULL)) || !(w->kept = tensor_new(op, CT_BOOL, 1, &n, NULL))))
        return false;
    if (weight && !(w->weight = tensor_new(op, (ct_dtype)weight->dtype, 1, &n, NULL)))
        return false;
    w->total = weight ? 0 : w->total;
    for (int64_t i = 0; i < n; i++) {
        const bool kept = !ignored || t[i] != ignore;
        if (ignored)
            ((int64_t *)w->target->data)[i] = kept ? t[i] : 0, ((bool *)w->kept->data)[i] = kept;
        if (weight) {
            const double of_class = kept ? value_at(weight, t[i]) : 0;
            set_at(w->weight, i, of_class);
            w->total += of_class;
        }
    }
    return true;
}

/* Terms of log-probabilities (M, C): (1 - s) w_t (-log p_t) + s / C sum_c w_c (-log p_c), and 0 where the target is ignored. */
static ct_tensor *weighted_terms(ct_tensor *log_p, const struct row_weights *w, ct_tensor *weight, double smoothing)
{
    ct_tensor *terms = nll_terms(log_p, w->target);
    if (w->weight)
        terms = ct_mul(terms, w->weight);
    if (smoothing > 0 && terms) {
        ct_tensor *all = ct_sum(weight ? ct_mul(log_p, weight) : log_p, 1);
        terms = ct_sub(ct_mul(terms, 1 - smoothing), ct_mul(all, smoothing / (double)log_p->sizes[1]));
    }
    return w->kept ? ct_where(w->kept, terms, 0.0) : terms;
}

static ct_tensor *class_loss(ct_tensor *terms, const ct_tensor *target, ct_reduction reduction, double total)
{
    if (!terms)
        return NULL;
    if (reduction == CT_NONE)
        return target->rank != 1 ? (ct_reshape)(terms, target->sizes, target->rank) : terms;
    ct_tensor *sum = (ct_sum)(terms, NULL, 0, false);
    return reduction == CT_SUM ? sum : ct_div(sum, total);
}

const ct_nll_options ct_nll_defaults = {CT_NLL_DEFAULTS .end_ = 0};
ct_tensor *(ct_nll)(ct_tensor *log_p, ct_tensor *target, const ct_nll_options *options)
{
    const ct_nll_options o = options ? *options : ct_nll_defaults;
    ct_tensor *x = log_p, *t = target, *weight = o.weight;
    int64_t ignored = 0;
    struct row_weights w;
    if (!loss_reduction_known("nll", o.reduction) || !loss_rows("nll", &x, &t, o.ignore_index, &ignored) ||
        !loss_class_weight("nll", &weight, x->sizes[1], (ct_dtype)x->dtype) || !weigh_rows("nll", t, weight, o.ignore_index, ignored, &w))
        return NULL;
    return class_loss(weighted_terms(x, &w, weight, 0), target, o.reduction, w.total);
}

/* Targets that are probabilities of the classes: -sum_c w_c q_c log p_c with q = (1 - s) target + s / C; mean divides by rows. */
static ct_tensor *probability_loss(ct_tensor *x, ct_tensor *target, const ct_cross_entropy_options *o)
{
    if (!same_sizes(x, target) || !x->rank)
        return ct_fail("cross_entropy: input %s, target %s: want a floating input and int64 class indices, or probabilities of the input's shape", SHAPE(x), SHAPE(target));
    if (o->ignore_index != ct_cross_entropy_defaults.ignore_index)
        return ct_fail("cross_entropy: ignore_index has no meaning for a target of probabilities");
    const int axis = x->rank > 1;
    const int64_t classes = x->sizes[axis];
    ct_tensor *weight = o->weight;
    if (classes == 0)
        return ct_fail("cross_entropy: input %s has no classes", SHAPE(x));
    const ct_dtype dtype = promote((ct_tensor *const[]){x, target}, 2);
    if (!loss_class_weight("cross_entropy", &weight, classes, dtype))
        return NULL;
    ct_tensor *q = as_dtype(target, dtype), *log_p = ct_log_softmax(as_dtype(x, dtype), axis);
    if (o->label_smoothing > 0)
        q = ct_add(ct_mul(q, 1 - o->label_smoothing), o->label_smoothing / (double)classes);
    if (weight) {
        int64_t sizes[CT_MAX_RANK] = {1, 1, 1, 1, 1, 1, 1, 1};
        sizes[axis] = classes;
        q = ct_mul(q, (ct_reshape)(weight, sizes, x->rank));
    }
    ct_tensor *terms = ct_neg(ct_sum(ct_mul(log_p, q), axis));
    return loss_reduced(terms, o->reduction);
}

const ct_cross_entropy_options ct_cross_entropy_defaults = {CT_CROSS_ENTROPY_DEFAULTS .end_ = 0};
ct_tensor *(ct_cross_entropy)(ct_tensor *logits, ct_tensor *target, const ct_cross_entropy_options *options)
{
    const ct_cross_entropy_options *o = options ? options : &ct_cross_entropy_defaults;
    ct_tensor *x = logits, *t = target, *weight = o->weight;
    int64_t ignored = 0;
    if (!loss_reduction_known("cross_entropy", o->reduction))
        return NULL;
    if (!(o->label_smoothing >= 0 && o->label_smoothing <= 1))
        return ct_fail("cross_entropy: label_smoothing %g is not in [0, 1]", o->label_smoothing);
    if (x && t && x->storage && t->storage && is_floating(x) && is_floating(t))
        return probability_loss(x, t, o);
    if (!loss_rows("cross_entropy", &x, &t, o->ignore_index, &ignored) ||
        !loss_class_weight("cross_entropy", &weight, x->sizes[1], (ct_dtype)x->dtype))
        return NULL;
    if (!weight && !ignored && o->label_smoothing == 0)
        return class_loss(fused_terms(x, t), target, o->reduction, (double)tensor_numel(t));
    struct row_weights w;
    if (!weigh_rows("cross_entropy", t, weight, o->ignore_index, ignored, &w))
        return NULL;
    return class_loss(weighted_terms(ct_log_softmax(x, 1), &w, weight, o->label_smoothing), target, o->reduction, w.total);
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
    if (!flat || !check_targets("one_hot", flat, classes, 0, NULL))
        return NULL;
    int64_t sizes[CT_MAX_RANK];
    memcpy(sizes, x->sizes, x->rank * sizeof *sizes);
    sizes[x->rank] = classes;
    ct_tensor *y = zeros_of("one_hot", CT_INT64, sizes, x->rank + 1u);
    for (int64_t i = 0; y && i < tensor_numel(x); i++)
        ((int64_t *)y->data)[i * classes + ((const int64_t *)flat->data)[i]] = 1;
    return graph_record(&op_one_hot, y, &x, 1, NULL, 0);
}
