/* Convolution, its transpose, and the gradient of its weight: three ops, each linear in both operands, that are each other's VJPs.
 *     y = conv(x, w)        y[n, o, i, j] = sum over c, u, v of x[n, c, i s + u d - p, j s + v d - p] w[o, c, u, v]
 *     x = transpose(y, w)   w = correlate(y, x)          the same sum, for the x or the w that the others multiply
 * The kernels want channels-last memory; what lies otherwise is copied for the call. */
#include "../kernels/conv.h"

#include "window.h"

#define VJP(name)                                                                                                        \
    static void name(ct_node *node, ct_tensor *const *cotangents, ct_tensor **gradients)

struct geometry {
    struct window window;
    int64_t space[2], groups;                   /* space: height and width of x */
};

static struct conv shape_of(const struct geometry *g, const ct_tensor *y, size_t channels)
{
    const struct window *w = &g->window;
    return (struct conv){.n = (size_t)y->sizes[0], .c_in = channels, .h = (size_t)g->space[0], .w = (size_t)g->space[1],
                         .c_out = (size_t)y->sizes[1], .kh = (size_t)w->kernel[0], .kw = (size_t)w->kernel[1],
                         .oh = (size_t)y->sizes[2], .ow = (size_t)y->sizes[3], .groups = (size_t)g->groups,
                         .stride = {(size_t)w->stride[0], (size_t)w->stride[1]},
                         .dilation = {(size_t)w->dilation[0], (size_t)w->dilation[1]}, .pad = {w->before[0], w->before[1]}};
}

static ct_tensor *run(const char *op, bool done, ct_tensor *made)
{
    return done ? made : ct_fail("%s: out of memory for the work space of %s", op, SHAPE(made));
}

static ct_tensor *new_image(const char *op, const ct_tensor *like, int64_t n, int64_t c, int64_t h, int64_t w)
{
    return image_new(op, (ct_dtype)like->dtype, (const int64_t[]){n, c, h, w}, true);
}

static ct_tensor *conv(const struct geometry *g, ct_tensor *x, ct_tensor *w, ct_tensor *b, const int64_t out[2], bool relu);
static ct_tensor *transpose(const struct geometry *g, ct_tensor *y, ct_tensor *w);
static ct_tensor *correlate(const struct geometry *g, ct_tensor *y, ct_tensor *x);

/* ---- conv: dx = transpose(g, w), dw = correlate(g, x), db = sum of g over all but channels; with relu, g where y > 0 ------------------ */
static void conv_gradients(ct_node *node, ct_tensor *g, ct_tensor **gradients)
{
    const struct geometry *at = ct_node_context(node);
    if (ct_node_wants(node, 0))
        gradients[0] = transpose(at, g, ct_node_input(node, 1));
    if (ct_node_wants(node, 1))
        gradients[1] = correlate(at, g, ct_node_input(node, 0));
    if (ct_node_wants(node, 2) && !gradients[2])
        gradients[2] = ct_sum(g, CT_AXES(0, 2, 3));
}

/* One pass over g for what the bias and the gate of a relu ask of it. */
static void conv_gradients_fused(ct_node *node, ct_tensor *g, ct_tensor *gate, ct_tensor **gradients)
{
    const int64_t channels = g->sizes[1];
    ct_tensor *image = image_dense(g, true), *open = gate ? image_dense(gate, true) : NULL, *gated = NULL;
    ct_tensor *sums = tensor_new("convolution", CT_FLOAT64, 2, (const int64_t[]){2, channels}, NULL);
    if (!image || !sums || (gate && (!open || !(gated = tensor_new_like("convolution", (ct_dtype)g->dtype, image)))))
        return;
    if (gate || ct_node_wants(node, 2)) {
        const struct channels s = {(size_t)(g->sizes[0] * g->sizes[2] * g->sizes[3]), (size_t)channels, 1};
        double *sum = (double *)sums->data;
        if (!channel_sums(&s, g->dtype, image->data, open ? open->data : NULL, gated ? gated->data : NULL, NULL, NULL, sum, sum + channels)) {
            ct_fail("convolution: out of memory");
            return;
        }
    }
    if (ct_node_wants(node, 2)) {
        ct_tensor *row = tensor_view("convolution", sums, 1, &channels, (const int64_t[]){1}, 0);
        gradients[2] = g->dtype == CT_FLOAT64 ? ct_clone(row) : ct_cast(row, (ct_dtype)g->dtype);
    }
    conv_gradients(node, gated ? gated : image, gradients);
}

VJP(convolution_vjp)
{
    conv_gradients(node, cotangents[0], gradients);
}
VJP(convolution_fused)
{
    conv_gradients_fused(node, cotangents[0], NULL, gradients);
}
const struct op op_convolution = {"convolution", convolution_vjp, convolution_fused, READS(0) | READS(1)};

VJP(convolution_relu_vjp)
{
    conv_gradients(node, ct_where(ct_le(ct_node_output(node, 0), 0.0), 0.0, cotangents[0]), gradients);
}
VJP(convolution_relu_fused)
{
    conv_gradients_fused(node, cotangents[0], ct_node_output(node, 0), gradients);
}
const struct op op_convolution_relu = {"convolution_relu", convolution_relu_vjp, convolution_relu_fused, READS(0) | READS(1) | READS_OUTPUT};

static ct_tensor *conv(const struct geometry *g, ct_tensor *x, ct_tensor *w, ct_tensor *b, const int64_t out[2], bool relu)
{
    CT_SCOPE;
    ct_tensor *image = image_dense(x, true), *weight = image_dense(w, true), *bias = b ? ct_contiguous(b) : NULL;
    ct_tensor *y = image && weight && (bias || !b) ? new_image("convolution", x, x->sizes[0], w->sizes[0], out[0], out[1]) : NULL;
    if (!y)
        return NULL;
    const struct conv c = shape_of(g, y, (size_t)x->sizes[1]);
    y = run("convolution", conv_forward(&c, y->dtype, CONV_AUTO, y->data, image->data, weight->data, bias ? bias->data : NULL, relu), y);
    return ct_promote(RECORD(relu ? &op_convolution_relu : &op_convolution, y, g, x, w, bias));
}

/* ---- transpose: dy = conv(g, w), dw = correlate(y, g) ------------------------------------------------------------------------------------ */
VJP(conv_transpose_vjp)
{
    const struct geometry *at = ct_node_context(node);
    ct_tensor *y = ct_node_input(node, 0);
    if (ct_node_wants(node, 0))
        gradients[0] = conv(at, cotangents[0], ct_node_input(node, 1), NULL, y->sizes + 2, false);
    if (ct_node_wants(node, 1))
        gradients[1] = correlate(at, y, cotangents[0]);
}
const struct op op_conv_transpose = {"conv_transpose", conv_transpose_vjp, NULL, READS(0) | READS(1)};

static ct_tensor *transpose(const struct geometry *g, ct_tensor *y, ct_tensor *w)
{
    CT_SCOPE;
    ct_tensor *image = image_dense(y, true), *weight = image_dense(w, true);
    ct_tensor *x = image && weight ? new_image("conv_transpose", y, y->sizes[0], w->sizes[1] * g->groups, g->space[0], g->space[1]) : NULL;
    if (!x)
        return NULL;
    const struct conv c = shape_of(g, y, (size_t)x->sizes[1]);
    x = run("conv_transpose", conv_input_gradient(&c, x->dtype, CONV_AUTO, x->data, image->data, weight->data), x);
    return ct_promote(RECORD(&op_conv_transpose, x, g, y, w));
}

/* ---- correlate: dy = conv(x, g), dx = transpose(y, g) ------------------------------------------------------------------------------------- */
VJP(conv_correlate_vjp)
{
    const struct geometry *at = ct_node_context(node);
    ct_tensor *y = ct_node_input(node, 0), *x = ct_node_input(node, 1);
    if (ct_node_wants(node, 0))
        gradients[0] = conv(at, x, cotangents[0], NULL, y->sizes + 2, false);
    if (ct_node_wants(node, 1))
        gradients[1] = transpose(at, y, cotangents[0]);
}
const struct op op_conv_correlate = {"conv_correlate", conv_correlate_vjp, NULL, READS(0) | READS(1)};

static ct_tensor *correlate(const struct geometry *g, ct_tensor *y, ct_tensor *x)
{
    CT_SCOPE;
    ct_tensor *image = image_dense(y, true), *other = image_dense(x, true);
    ct_tensor *w = image && other ? new_image("conv_correlate", y, y->sizes[1], x->sizes[1] / g->groups, g->window.kernel[0], g->window.kernel[1]) : NULL;
    if (!w)
        return NULL;
    const struct conv c = shape_of(g, y, (size_t)x->sizes[1]);
    w = run("conv_correlate", conv_weight_gradient(&c, w->dtype, CONV_AUTO, w->data, image->data, other->data), w);
    return ct_promote(RECORD(&op_conv_correlate, w, g, y, x));
}

/* ---- What users call ------------------------------------------------------------------------------------------------------------------------ */
const ct_conv_options ct_conv_defaults = {CT_CONV_DEFAULTS .end_ = 0};
const ct_conv_transpose_options ct_conv_transpose_defaults = {CT_CONV_TRANSPOSE_DEFAULTS .end_ = 0};

/* rank: of a weight, 4 for images and 3 for the form in 1-d. */
static bool operands_fit(const char *op, const ct_tensor *x, const ct_tensor *w, const ct_tensor *b, int rank)
{
    bool failed;
    if (!given_floating(op, "the input", x) || !given_floating(op, "the weight", w) || (absent(b, &failed) && failed) ||
        (b && !given_floating(op, "the bias", b)))
        return false;
    if (w->rank != rank)
        return ct_fail("%s: weight %s: want %d axes", op, SHAPE(w), rank) != NULL;
    if (x->dtype != w->dtype || (b && b->dtype != x->dtype))
        return ct_fail("%s: input %s, weight %s%s%s: want one dtype", op, ct_dtype_name((ct_dtype)x->dtype), ct_dtype_name((ct_dtype)w->dtype),
                       b ? ", bias " : "", b ? ct_dtype_name((ct_dtype)b->dtype) : "") != NULL;
    for (int i = 0; i < rank; i++)
        if (w->sizes[i] < 1)
            return ct_fail("%s: weight %s: want no axis of size 0", op, SHAPE(w)) != NULL;
    return true;
}

/* Of x and w as images: w has `in` channels for x's, and makes `out` of them. */
static bool channels_fit(const char *op, const ct_tensor *x, const ct_tensor *w, const ct_tensor *b, int64_t groups, bool transposed)
{
    if (groups < 1 || w->sizes[0] % groups)
        return ct_fail("%s: weight %s, groups %lld: want its first axis to be a multiple of the groups, at least 1", op, SHAPE(w), (long long)groups) != NULL;
    int64_t in = w->sizes[0], out = w->sizes[1];
    if (__builtin_mul_overflow(out, groups, &out))
        return ct_fail("%s: weight %s, groups %lld: too many channels", op, SHAPE(w), (long long)groups) != NULL;
    if (!transposed) {
        const int64_t swapped = in;
        in = out, out = swapped;
    }
    if (x->sizes[1] != in)
        return (groups == 1 ? ct_fail("%s: input %s has %lld channels; weight %s wants %lld", op, SHAPE(x), (long long)x->sizes[1], SHAPE(w), (long long)in)
                            : ct_fail("%s: input %s has %lld channels; weight %s with %lld groups wants %lld", op, SHAPE(x), (long long)x->sizes[1],
                                      SHAPE(w), (long long)groups, (long long)in)) != NULL;
    return !b || (b->rank == 1 && b->sizes[0] == out) || ct_fail("%s: bias %s, want (%lld)", op, SHAPE(b), (long long)out);
}

static bool conv_geometry(const char *op, const ct_tensor *x, const int64_t kernel[2], const ct_conv_options *o, int axes, struct geometry *g, int64_t out[2])
{
    struct window *at = &g->window;
    *g = (struct geometry){WINDOW_ONE, {x->sizes[2], x->sizes[3]}, o->groups};
    memcpy(at->kernel, kernel, sizeof at->kernel);
    if (!window_pair(op, "stride", o->stride, 1, axes, at->stride) || !window_pair(op, "dilation", o->dilation, 1, axes, at->dilation))
        return false;
    if (o->padding != CT_SAME) {
        if (!window_pair(op, "padding", o->padding, 0, axes, at->before))
            return false;
        memcpy(at->after, at->before, sizeof at->after);
    } else if (at->stride[0] != 1 || at->stride[1] != 1)
        return ct_fail("%s: padding CT_SAME with stride (%lld, %lld): want stride 1", op, (long long)at->stride[0], (long long)at->stride[1]) != NULL;
    else
        for (int i = 0; i < 2; i++) {
            const int64_t whole = at->dilation[i] * (at->kernel[i] - 1);
            at->before[i] = whole / 2, at->after[i] = whole - whole / 2;
        }
    return window_counts(op, x, at, false, 2, out);
}

static ct_tensor *conv_of(const char *op, ct_tensor *x, ct_tensor *w, ct_tensor *b, const ct_conv_options *options, int axes)
{
    const ct_conv_options o = options ? *options : ct_conv_defaults;
    struct geometry g;
    int64_t out[2];
    if (!operands_fit(op, x, w, b, axes + 2) || !known_activation(op, o.activation))
        return NULL;
    ct_tensor *image = image_of(op, x, axes), *weight = axes == 1 ? ct_unsqueeze(w, 2) : w;
    if (!image || !weight || !channels_fit(op, image, weight, b, o.groups, false) || !conv_geometry(op, image, weight->sizes + 2, &o, axes, &g, out))
        return NULL;
    const bool relu = o.activation == CT_RELU;
    ct_tensor *y = conv(&g, image, weight, b, out, relu);
    return y ? image_like(relu ? y : activated(y, o.activation), x, axes) : NULL;
}

ct_tensor *(ct_conv2d)(ct_tensor *x, ct_tensor *w, ct_tensor *b, const ct_conv_options *options)
{
    return conv_of("conv2d", x, w, b, options, 2);
}

ct_tensor *(ct_conv1d)(ct_tensor *x, ct_tensor *w, ct_tensor *b, const ct_conv_options *options)
{
    return conv_of("conv1d", x, w, b, options, 1);
}

ct_tensor *(ct_conv2d_weight)(ct_tensor *x, ct_tensor *y, int64_t kernel, const ct_conv_options *options)
{
    static const char op[] = "conv2d_weight";
    const ct_conv_options o = options ? *options : ct_conv_defaults;
    struct geometry g;
    int64_t sizes[2], out[2];
    if (!given_floating(op, "the input", x) || !given_floating(op, "the cotangent", y))
        return NULL;
    if (x->rank != 4 || y->rank != 4 || x->sizes[0] != y->sizes[0] || x->dtype != y->dtype || o.groups < 1 || x->sizes[1] % o.groups || y->sizes[1] % o.groups)
        return ct_fail("%s: input %s %s, cotangent %s %s, groups %lld: want (N, C, H, W) and (N, O, oh, ow) of one dtype, C and O multiples of the groups", op,
                       ct_dtype_name((ct_dtype)x->dtype), SHAPE(x), ct_dtype_name((ct_dtype)y->dtype), SHAPE(y), (long long)o.groups);
    if (o.activation != CT_IDENTITY)
        return ct_fail("%s: activation %d: it has none, its cotangent is that of the sum before it", op, (int)o.activation);
    if (!window_pair(op, "kernel", kernel, 1, 2, sizes) || !conv_geometry(op, x, sizes, &o, 2, &g, out))
        return NULL;
    if (y->sizes[2] != out[0] || y->sizes[3] != out[1])
        return ct_fail("%s: cotangent %s for input %s: want height and width (%lld, %lld)", op, SHAPE(y), SHAPE(x), (long long)out[0], (long long)out[1]);
    return correlate(&g, y, x);
}

/* (size - 1) stride + span - 2 padding + extra, or 0 where that is none or too many. */
static int64_t transposed_size(int64_t size, const struct window *w, int i, int64_t extra)
{
    int64_t n, span;
    if (size < 1 || __builtin_mul_overflow(size - 1, w->stride[i], &n) || __builtin_mul_overflow(w->dilation[i], w->kernel[i] - 1, &span) ||
        __builtin_add_overflow(n, span + 1 + extra - 2 * w->before[i], &n))
        return 0;
    return n < 0 ? 0 : n;
}

ct_tensor *(ct_conv_transpose2d)(ct_tensor *x, ct_tensor *w, ct_tensor *b, const ct_conv_transpose_options *options)
{
    static const char op[] = "conv_transpose2d";
    const ct_conv_transpose_options o = options ? *options : ct_conv_transpose_defaults;
    struct geometry g = {.window = WINDOW_ONE, .groups = o.groups};
    struct window *at = &g.window;
    int64_t extra[2];
    if (!operands_fit(op, x, w, b, 4))
        return NULL;
    ct_tensor *image = image_of(op, x, 2);
    if (!image || !channels_fit(op, image, w, b, o.groups, true) || !window_pair(op, "stride", o.stride, 1, 2, at->stride) ||
        !window_pair(op, "dilation", o.dilation, 1, 2, at->dilation) || !window_pair(op, "padding", o.padding, 0, 2, at->before) ||
        !window_pair(op, "output_padding", o.output_padding, 0, 2, extra))
        return NULL;
    for (int i = 0; i < 2; i++) {
        if (extra[i] >= at->stride[i] && extra[i] >= at->dilation[i])
            return ct_fail("%s: output_padding %lld: want less than stride %lld or dilation %lld", op, (long long)extra[i], (long long)at->stride[i],
                           (long long)at->dilation[i]);
        at->kernel[i] = w->sizes[2 + i];
        if (!(g.space[i] = transposed_size(image->sizes[2 + i], at, i, extra[i])))
            return ct_fail("%s: input %s, weight %s, padding %lld: the output would have no pixels along axis %d", op, SHAPE(x), SHAPE(w),
                           (long long)at->before[i], i - 2);
    }
    ct_tensor *y = transpose(&g, image, w);
    y = b && y ? ct_add(y, ct_reshape(b, 1, -1, 1, 1)) : y;
    return y ? image_like(y, x, 2) : NULL;
}

bool ct_set_winograd(bool on)
{
    return conv_use_winograd(on);
}
