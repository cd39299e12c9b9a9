/* Batch normalisation, arXiv:1502.03167, with what follows it in a network in the same pass: a sum and an activation. Group and
 * instance normalisation are the same op over other groups of elements. */
#include <math.h>

#include "window.h"

#define VJP(name)                                                                                                        \
    static void name(ct_node *node, ct_tensor *const *cotangents, ct_tensor **gradients)

enum { X, WEIGHT, BIAS, ADD, MEAN, RSTD, INPUTS }; /* MEAN, RSTD: float64 (C), what x was normalised by */

struct norm {
    double eps;
    bool training;
};

static ct_tensor *per_channel(ct_tensor *t, const ct_tensor *x) /* (C) -> (C, 1, ...), which broadcasts to x */
{
    const int64_t sizes[CT_MAX_RANK] = {x->sizes[1], 1, 1, 1, 1, 1, 1};
    return t ? (ct_reshape)(t, sizes, (size_t)x->rank - 1) : NULL;
}

static ct_tensor *sum_channels(ct_tensor *t)
{
    int axes[CT_MAX_RANK] = {0};
    for (int i = 2; t && i < t->rank; i++)
        axes[i - 1] = i;
    return t ? (ct_sum)(t, axes, (size_t)t->rank - 1, false) : NULL;
}

static double *numbers(ct_tensor *t)
{
    return (double *)t->data;
}

/* ---- The VJP: with h = (x - mean) rstd, dw = sum(g h), db = sum(g) and
 *     dx = w rstd (g - mean(g) - h mean(g h)) in training, w rstd g otherwise ------------------------------------------------------------ */
static void gradients_of(ct_node *node, ct_tensor *g, ct_tensor **gradients)
{
    const struct norm *at = ct_node_context(node);
    ct_tensor *x = ct_node_input(node, X), *w = ct_node_input(node, WEIGHT);
    const double n = (double)tensor_numel(x) / (double)(x->sizes[1] ? x->sizes[1] : 1);
    ct_tensor *mean, *rstd;
    if (at->training) {
        mean = per_channel(ct_div(sum_channels(x), n), x);
        rstd = ct_rsqrt(ct_add(ct_div(sum_channels(ct_square(ct_sub(x, mean))), n), at->eps));
    } else {
        mean = per_channel(as_dtype(ct_node_input(node, MEAN), (ct_dtype)x->dtype), x);
        rstd = as_dtype(ct_node_input(node, RSTD), (ct_dtype)x->dtype);
    }
    ct_tensor *scale = per_channel(rstd, x), *h = ct_mul(ct_sub(x, mean), scale), *dw = sum_channels(ct_mul(g, h)), *db = sum_channels(g);
    scale = w ? ct_mul(scale, per_channel(w, x)) : scale;
    if (ct_node_wants(node, X))
        gradients[X] = ct_mul(scale, at->training ? ct_sub(ct_sub(g, per_channel(ct_div(db, n), x)), ct_mul(h, per_channel(ct_div(dw, n), x))) : g);
    if (ct_node_wants(node, WEIGHT))
        gradients[WEIGHT] = dw;
    if (ct_node_wants(node, BIAS))
        gradients[BIAS] = db;
    if (ct_node_wants(node, ADD))
        gradients[ADD] = g;
}

/* The same in two passes: the sums, then dx and what the sum before the activation passes on. */
static bool fused_gradients(ct_node *node, ct_tensor *g, ct_tensor *gate, ct_tensor **gradients)
{
    const struct norm *at = ct_node_context(node);
    ct_tensor *x = image_orderly(ct_node_input(node, X)), *w = ct_node_input(node, WEIGHT);
    if (!x || !(g = image_as(g, x)) || (gate && !(gate = image_as(gate, x))))
        return false;
    const struct channels s = image_channels(x);
    const size_t channels = s.count;
    const double n = (double)s.outer * (double)s.inner, *mean = numbers(ct_node_input(node, MEAN)), *rstd = numbers(ct_node_input(node, RSTD));
    ct_tensor *table = tensor_new("batch_norm", CT_FLOAT64, 2, (const int64_t[]){6, x->sizes[1]}, NULL);
    ct_tensor *dx = ct_node_wants(node, X) ? tensor_new_like("batch_norm", (ct_dtype)x->dtype, x) : NULL;
    ct_tensor *gated = ct_node_wants(node, ADD) && gate ? tensor_new_like("batch_norm", (ct_dtype)x->dtype, x) : NULL;
    if (!table || (ct_node_wants(node, X) && !dx) || (ct_node_wants(node, ADD) && gate && !gated))
        return false;
    double *sum = numbers(table), *product = sum + channels, *slope = product + channels, *scale = slope + channels, *shift = scale + channels, *still = shift + channels;
    if (!channel_sums(&s, x->dtype, g->data, gate ? gate->data : NULL, gated ? gated->data : NULL, x->data, mean, sum, product))
        return ct_fail("batch_norm: out of memory") != NULL;
    if (gated)
        g = gated, gate = NULL;
    ct_tensor *weight = as_dtype(w, CT_FLOAT64);
    if (w && !(weight = ct_contiguous(weight)))
        return false;
    for (size_t c = 0; c < channels; c++) {     /* dx = g slope + (x - mean) scale + shift */
        product[c] *= rstd[c];
        slope[c] = rstd[c] * (weight ? numbers(weight)[c] : 1);
        scale[c] = at->training ? -slope[c] * rstd[c] * product[c] / n : 0;
        shift[c] = at->training ? -slope[c] * sum[c] / n : 0;
        still[c] = mean[c];
    }
    if (dx && !channel_vjp(&s, x->dtype, dx->data, g->data, gate ? gate->data : NULL, x->data, slope, &(struct channel_line){still, scale, shift}))
        return ct_fail("batch_norm: out of memory") != NULL;
    gradients[X] = dx;
    if (ct_node_wants(node, ADD))
        gradients[ADD] = g;
    for (int i = WEIGHT; i <= BIAS; i++)
        if (ct_node_wants(node, i)) {
            ct_tensor *row = tensor_view("batch_norm", table, 1, (const int64_t[]){x->sizes[1]}, (const int64_t[]){1}, i == BIAS ? 0 : x->sizes[1]);
            gradients[i] = ct_cast(row, (ct_dtype)x->dtype);
            if (gradients[i] == row)            /* float64 already: the table goes with this call */
                gradients[i] = ct_clone(row);
        }
    return true;
}

VJP(batch_norm_vjp)
{
    gradients_of(node, cotangents[0], gradients);
}
VJP(batch_norm_fused)
{
    fused_gradients(node, cotangents[0], NULL, gradients);
}
const struct op op_batch_norm = {"batch_norm", batch_norm_vjp, batch_norm_fused, READS(X) | READS(WEIGHT) | READS(MEAN) | READS(RSTD)};

VJP(batch_norm_relu_vjp)
{
    gradients_of(node, ct_where(ct_le(ct_node_output(node, 0), 0.0), 0.0, cotangents[0]), gradients);
}
VJP(batch_norm_relu_fused)
{
    fused_gradients(node, cotangents[0], ct_node_output(node, 0), gradients);
}
const struct op op_batch_norm_relu = {"batch_norm_relu", batch_norm_relu_vjp, batch_norm_relu_fused,
                                      READS(X) | READS(WEIGHT) | READS(MEAN) | READS(RSTD) | READS_OUTPUT};

/* ---- Forward ------------------------------------------------------------------------------------------------------------------------------- */
const ct_batch_norm_options ct_batch_norm_defaults = {CT_BATCH_NORM_DEFAULTS .end_ = 0};
const ct_norm_layer_options ct_norm_layer_defaults = {CT_NORM_LAYER_DEFAULTS .end_ = 0};

/* A vector with a number for each channel, or absent. */
static bool channel_vector(const char *op, const char *what, const ct_tensor *t, const ct_tensor *x)
{
    bool failed;
    if (absent(t, &failed))
        return !failed;
    if (!given_floating(op, what, t))
        return false;
    if (t->rank != 1 || t->sizes[0] != x->sizes[1] || t->dtype != x->dtype)
        return ct_fail("%s: %s is %s %s, input %s %s: want a vector of its dtype with a number for each channel", op, what, ct_dtype_name((ct_dtype)t->dtype), SHAPE(t),
                       ct_dtype_name((ct_dtype)x->dtype), SHAPE(x)) != NULL;
    return true;
}

static void move(ct_tensor *running, const double *now, double factor, double momentum)
{
    for (int64_t c = 0; c < running->sizes[0]; c++) {
        char *at = running->data + c * running->strides[0] * (int64_t)ct_dtype_size((ct_dtype)running->dtype);
        if (running->dtype == CT_FLOAT32)
            *(float *)at = (float)((1 - momentum) * (double)*(float *)at + momentum * factor * now[c]);
        else
            *(double *)at = (1 - momentum) * *(double *)at + momentum * factor * now[c];
    }
    storage_changed(running, "batch_norm");
}

static void read_vector(double *out, const ct_tensor *t)
{
    for (int64_t c = 0; c < t->sizes[0]; c++) {
        const char *at = t->data + c * t->strides[0] * (int64_t)ct_dtype_size((ct_dtype)t->dtype);
        out[c] = t->dtype == CT_FLOAT32 ? (double)*(const float *)at : *(const double *)at;
    }
}

static ct_tensor *normalized(const char *op, ct_tensor *x, ct_tensor *mean, ct_tensor *var, ct_tensor *w, ct_tensor *b, const ct_batch_norm_options *o)
{
    CT_SCOPE;
    ct_tensor *image = image_orderly(x), *add = image && o->add ? image_as(o->add, image) : NULL;
    ct_tensor *saved[2] = {NULL, NULL}, *table = tensor_new(op, CT_FLOAT64, 2, (const int64_t[]){3, x->sizes[1]}, NULL);
    for (int i = 0; i < 2; i++)
        saved[i] = tensor_new(op, CT_FLOAT64, 1, (const int64_t[]){x->sizes[1]}, NULL);
    ct_tensor *y = image && (add || !o->add) && table && saved[0] && saved[1] ? tensor_new_like(op, (ct_dtype)x->dtype, image) : NULL;
    if (!y)
        return NULL;
    const struct channels s = image_channels(image);
    const double n = (double)s.outer * (double)s.inner;
    double *middle = numbers(saved[0]), *rstd = numbers(saved[1]), *scale = numbers(table), *shift = scale + s.count, *spread = shift + s.count;
    if (!o->training) {
        read_vector(middle, mean);
        read_vector(spread, var);
    } else if (n > 0) {
        if (!channel_moments(&s, x->dtype, image->data, middle, spread))
            return ct_fail("%s: out of memory", op);
        if (mean && !thread_state.recomputing)
            move(mean, middle, 1, o->momentum);
        if (var && !thread_state.recomputing)
            move(var, spread, n / (n - 1), o->momentum);
    } else
        memset(spread, 0, s.count * sizeof *spread), memset(middle, 0, s.count * sizeof *middle);
    if (w)
        read_vector(scale, w);
    if (b)
        read_vector(shift, b);
    for (size_t c = 0; c < s.count; c++) {
        rstd[c] = 1 / sqrt(spread[c] + o->eps);
        scale[c] = rstd[c] * (w ? scale[c] : 1);
        shift[c] = b ? shift[c] : 0;
    }
    const bool relu = o->activation == CT_RELU;
    if (!channel_apply(&s, x->dtype, y->data, image->data, add ? add->data : NULL, &(struct channel_line){middle, scale, shift}, relu))
        return ct_fail("%s: out of memory", op);
    ct_tensor *inputs[INPUTS] = {x, w, b, o->add, saved[0], saved[1]};
    y = graph_record(relu ? &op_batch_norm_relu : &op_batch_norm, y, inputs, INPUTS, &(struct norm){o->eps, o->training}, sizeof(struct norm));
    return ct_promote(relu ? y : activated(y, o->activation));
}

ct_tensor *(ct_batch_norm)(ct_tensor *x, ct_tensor *mean, ct_tensor *var, ct_tensor *w, ct_tensor *b, const ct_batch_norm_options *options)
{
    static const char op[] = "batch_norm";
    const ct_batch_norm_options o = options ? *options : ct_batch_norm_defaults;
    bool failed;
    if (!given_floating(op, "the input", x))
        return NULL;
    if (x->rank < 2)
        return ct_fail("%s: input %s: want (N, C, ...)", op, SHAPE(x));
    if (!channel_vector(op, "the running mean", mean, x) || !channel_vector(op, "the running var", var, x) || !channel_vector(op, "the weight", w, x) ||
        !channel_vector(op, "the bias", b, x) || !known_activation(op, o.activation) || (absent(o.add, &failed) && failed) ||
        (o.add && !given_floating(op, "add", o.add)))
        return NULL;
    if (o.add && (!same_sizes(o.add, x) || o.add->dtype != x->dtype))
        return ct_fail("%s: add is %s %s, input %s %s: want the same", op, ct_dtype_name((ct_dtype)o.add->dtype), SHAPE(o.add), ct_dtype_name((ct_dtype)x->dtype), SHAPE(x));
    if (!mean != !var || (!o.training && !mean))
        return ct_fail("%s: running %s NULL: want both%s", op, mean ? "var is" : var ? "mean is" : "mean and var are", o.training ? ", or neither" : " outside training");
    if (mean && ((mean->flags | var->flags) & WANTS_GRAD))
        return ct_fail("%s: the running mean or var wants a gradient: they are constants here", op);
    if (o.training && mean && (tensor_overlaps_itself(mean) || tensor_overlaps_itself(var)))
        return ct_fail("%s: the running mean or var shares elements (an expanded view): it cannot be changed in place", op);
    if (o.training && mean && mean->storage == var->storage && mean->data == var->data)
        return ct_fail("%s: the running mean and var are one tensor", op);
    if (!(o.eps >= 0) || !isfinite(o.eps) || !isfinite(o.momentum))
        return ct_fail("%s: eps %g, momentum %g: want finite numbers, eps at least 0", op, o.eps, o.momentum);
    if (o.training && x->sizes[1] && tensor_numel(x) == x->sizes[1])
        return ct_fail("%s: input %s has one value a channel: training wants more", op, SHAPE(x));
    return normalized(op, x, mean, var, w, b, &o);
}

/* Each group of each sample as a channel of its own, then weight and bias. */
static ct_tensor *by_group(const char *op, ct_tensor *x, int64_t groups, ct_tensor *w, ct_tensor *b, const ct_norm_layer_options *o)
{
    if (!channel_vector(op, "the weight", w, x) || !channel_vector(op, "the bias", b, x))
        return NULL;
    if (!(o->eps >= 0) || !isfinite(o->eps))
        return ct_fail("%s: eps %g, want a finite number of at least 0", op, o->eps);
    const int64_t n = x->sizes[0], all = groups ? n * groups : 0, each = all ? tensor_numel(x) / all : 0;
    if (each == 1)
        return ct_fail("%s: input %s has one value a group: want more", op, SHAPE(x));
    CT_SCOPE;
    ct_tensor *flat = (ct_reshape)(x, (const int64_t[]){1, all, each}, 3);
    ct_tensor *y = flat ? normalized(op, flat, NULL, NULL, NULL, NULL, &(ct_batch_norm_options){.training = true, .eps = o->eps}) : NULL;
    y = y ? ct_reshape_as(y, x) : NULL;
    y = w && y ? ct_mul(y, per_channel(w, x)) : y;
    return ct_promote(b && y ? ct_add(y, per_channel(b, x)) : y);
}

ct_tensor *(ct_group_norm)(ct_tensor *x, int64_t groups, ct_tensor *w, ct_tensor *b, const ct_norm_layer_options *options)
{
    if (!given_floating("group_norm", "the input", x))
        return NULL;
    if (x->rank < 2 || groups < 1 || x->sizes[1] % groups)
        return ct_fail("group_norm: input %s, %lld groups: want (N, C, ...) and C a multiple of the groups", SHAPE(x), (long long)groups);
    return by_group("group_norm", x, groups, w, b, options ? options : &ct_norm_layer_defaults);
}

ct_tensor *(ct_instance_norm)(ct_tensor *x, ct_tensor *w, ct_tensor *b, const ct_norm_layer_options *options)
{
    if (!given_floating("instance_norm", "the input", x))
        return NULL;
    if (x->rank < 3)
        return ct_fail("instance_norm: input %s: want (N, C, ...) with at least one axis behind C", SHAPE(x));
    return by_group("instance_norm", x, x->sizes[1], w, b, options ? options : &ct_norm_layer_defaults);
}
