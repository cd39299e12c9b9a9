/* Distances and directions of vectors, which lie along an axis; and the losses that rank by them. */
#include <math.h>

#include "loss.h"

static ct_tensor *norm_along(ct_tensor *x, int axis, double p) /* axis stays as 1 */
{
    return (ct_norm)(x, &axis, 1, true, p);
}

static bool check_p(const char *op, double p)
{
    return p >= 0 || ct_fail("%s: p %g, want at least 0", op, p);
}

const ct_normalize_options ct_normalize_defaults = {CT_NORMALIZE_DEFAULTS .end_ = 0};
ct_tensor *(ct_normalize)(ct_tensor *x, const ct_normalize_options *options)
{
    const ct_normalize_options o = options ? *options : ct_normalize_defaults;
    int axis;
    if (!given_floating("normalize", "the operand", x) || !check_axis("normalize", x, o.axis, &axis) || !check_p("normalize", o.p))
        return NULL;
    return ct_div(x, ct_clamp(norm_along(x, axis, o.p), o.eps, INFINITY));
}

/* Both operands in one floating dtype and one shape. */
static bool alike(const char *op, ct_tensor **a, ct_tensor **b)
{
    int64_t sizes[CT_MAX_RANK];
    size_t rank;
    if (!given_floating(op, "first operand", *a) || !given_floating(op, "second operand", *b) ||
        !broadcast_sizes(op, (ct_tensor *const[]){*a, *b}, 2, sizes, &rank))
        return false;
    ct_dtype dtype = promote((ct_tensor *const[]){*a, *b}, 2);
    *a = as_dtype(*a, dtype), *b = as_dtype(*b, dtype);
    return *a && *b && (*a = broadcast_to(*a, sizes, rank)) && (*b = broadcast_to(*b, sizes, rank));
}

const ct_cosine_similarity_options ct_cosine_similarity_defaults = {CT_COSINE_SIMILARITY_DEFAULTS .end_ = 0};
ct_tensor *(ct_cosine_similarity)(ct_tensor *a, ct_tensor *b, const ct_cosine_similarity_options *options)
{
    const ct_cosine_similarity_options o = options ? *options : ct_cosine_similarity_defaults;
    int axis;
    if (!alike("cosine_similarity", &a, &b) || !check_axis("cosine_similarity", a, o.axis, &axis))
        return NULL;
    a = ct_div(a, ct_clamp(norm_along(a, axis, 2), o.eps, INFINITY));
    b = ct_div(b, ct_clamp(norm_along(b, axis, 2), o.eps, INFINITY));
    return (ct_sum)(ct_mul(a, b), &axis, 1, false);
}

static ct_tensor *distance(ct_tensor *a, ct_tensor *b, double p, double eps)
{
    return norm_along(ct_add(ct_sub(a, b), eps), a->rank ? a->rank - 1 : 0, p);
}

const ct_pairwise_distance_options ct_pairwise_distance_defaults = {CT_PAIRWISE_DISTANCE_DEFAULTS .end_ = 0};
ct_tensor *(ct_pairwise_distance)(ct_tensor *a, ct_tensor *b, const ct_pairwise_distance_options *options)
{
    const ct_pairwise_distance_options o = options ? *options : ct_pairwise_distance_defaults;
    if (!alike("pairwise_distance", &a, &b) || !check_p("pairwise_distance", o.p))
        return NULL;
    if (!a->rank)
        return ct_fail("pairwise_distance: 0-d operands are no vectors");
    ct_tensor *y = distance(a, b, o.p, o.eps);
    return y && !o.keepdims ? ct_squeeze(y, -1) : y;
}

/* ---- Losses ---------------------------------------------------------------------------------------------------------------------------- */
const ct_hinge_embedding_options ct_hinge_embedding_defaults = {CT_HINGE_EMBEDDING_DEFAULTS .end_ = 0};
ct_tensor *(ct_hinge_embedding)(ct_tensor *x, ct_tensor *y, const ct_hinge_embedding_options *options)
{
    const ct_hinge_embedding_options o = options ? *options : ct_hinge_embedding_defaults;
    if (!loss_reduction_known("hinge_embedding", o.reduction) || !loss_pair("hinge_embedding", &x, &y))
        return NULL;
    ct_tensor *apart = ct_where(ct_ne(y, 1.0), ct_relu(ct_sub(o.margin, x)), 0.0);
    return loss_reduced(ct_add(apart, ct_where(ct_ne(y, -1.0), x, 0.0)), o.reduction);
}

ct_tensor *(ct_margin_ranking)(ct_tensor *a, ct_tensor *b, ct_tensor *y, const ct_margin_options *options)
{
    const ct_margin_options o = options ? *options : (ct_margin_options){.margin = 0};
    if (!loss_reduction_known("margin_ranking", o.reduction) || !loss_pair("margin_ranking", &a, &b) || !loss_pair("margin_ranking", &a, &y))
        return NULL;
    return loss_reduced(ct_relu(ct_sub(o.margin, ct_mul(y, ct_sub(a, b)))), o.reduction);
}

/* The cosine here has 1e-12 beside each sum of squares, as PyTorch's loss, and unlike its cosine_similarity. */
ct_tensor *(ct_cosine_embedding)(ct_tensor *a, ct_tensor *b, ct_tensor *y, const ct_margin_options *options)
{
    const ct_margin_options o = options ? *options : (ct_margin_options){.margin = 0};
    if (!loss_reduction_known("cosine_embedding", o.reduction) || !loss_pair("cosine_embedding", &a, &b) || !given("cosine_embedding", "the target", y))
        return NULL;
    if (a->rank < 1 || a->rank > 2 || y->rank != a->rank - 1 || (y->rank && y->sizes[0] != a->sizes[0]))
        return ct_fail("cosine_embedding: inputs %s, target %s: want (N, D) and (N), or (D) and ()", SHAPE(a), SHAPE(y));
    ct_tensor *squares = ct_mul(ct_add(ct_sum(ct_square(a), -1), 1e-12), ct_add(ct_sum(ct_square(b), -1), 1e-12));
    ct_tensor *cosine = ct_div(ct_sum(ct_mul(a, b), -1), ct_sqrt(squares));
    ct_tensor *alike = ct_where(ct_eq(y, 1.0), ct_sub(1.0, cosine), 0.0);
    return loss_reduced(ct_add(alike, ct_where(ct_eq(y, -1.0), ct_relu(ct_sub(cosine, o.margin)), 0.0)), o.reduction);
}

const ct_triplet_margin_options ct_triplet_margin_defaults = {CT_TRIPLET_MARGIN_DEFAULTS .end_ = 0};
ct_tensor *(ct_triplet_margin)(ct_tensor *anchor, ct_tensor *positive, ct_tensor *negative, const ct_triplet_margin_options *options)
{
    const ct_triplet_margin_options o = options ? *options : ct_triplet_margin_defaults;
    ct_tensor *a = anchor, *b = positive, *c = negative;
    if (!loss_reduction_known("triplet_margin", o.reduction) || !check_p("triplet_margin", o.p) || !loss_pair("triplet_margin", &a, &b) ||
        !loss_pair("triplet_margin", &a, &c))
        return NULL;
    if (!(o.margin > 0) || !a->rank)
        return ct_fail("triplet_margin: margin %g of %s: want a margin above 0 and (..., D)", o.margin, SHAPE(a));
    ct_tensor *near = distance(a, b, o.p, o.eps), *far = distance(a, c, o.p, o.eps);
    if (o.swap)
        far = ct_minimum(far, distance(b, c, o.p, o.eps));
    ct_tensor *terms = ct_relu(ct_add(o.margin, ct_sub(near, far)));
    return terms ? loss_reduced(ct_squeeze(terms, -1), o.reduction) : NULL;
}

const ct_multi_margin_options ct_multi_margin_defaults = {CT_MULTI_MARGIN_DEFAULTS .end_ = 0};
ct_tensor *(ct_multi_margin)(ct_tensor *x, ct_tensor *target, const ct_multi_margin_options *options)
{
    const ct_multi_margin_options o = options ? *options : ct_multi_margin_defaults;
    ct_tensor *weight = o.weight, *t = target;
    if (!loss_reduction_known("multi_margin", o.reduction))
        return NULL;
    if (o.p != 1 && o.p != 2)
        return ct_fail("multi_margin: p %d, want 1 or 2", o.p);
    if (x && x->rank > 2)
        return ct_fail("multi_margin: input %s, want (N, C) or (C)", SHAPE(x));
    if (!loss_rows("multi_margin", &x, &t, 0, NULL) || !loss_class_weight("multi_margin", &weight, x->sizes[1], (ct_dtype)x->dtype))
        return NULL;
    ct_tensor *here = loss_target_mask(t, x->sizes[1]);
    ct_tensor *score = ct_sum(ct_where(here, x, 0.0), 1, .keepdims = true);
    ct_tensor *over = ct_relu(ct_add(o.margin, ct_sub(x, score)));
    ct_tensor *terms = ct_div(ct_sum(ct_where(here, 0.0, o.p == 2 ? ct_square(over) : over), 1), (double)x->sizes[1]);
    if (weight)
        terms = ct_mul(terms, ct_sum(ct_where(here, weight, 0.0), 1));
    if (terms && o.reduction == CT_NONE && !target->rank)
        terms = (ct_reshape)(terms, NULL, 0);
    return loss_reduced(terms, o.reduction);
}
