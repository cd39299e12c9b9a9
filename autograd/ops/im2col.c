/* Windows of an image as columns, and columns added up to an image: each other's transpose. */
#include "window.h"

#define VJP(name)                                                                                                        \
    static void name(ct_node *node, ct_tensor *const *cotangents, ct_tensor **gradients)

const ct_im2col_options ct_im2col_defaults = {CT_IM2COL_DEFAULTS .end_ = 0};

struct columns {
    struct window w;
    int64_t size[2], counts[2];                 /* of the image; windows */
    bool channels_last;                         /* the image */
};

/* Element (i, j) of all windows at once: of the image, and where it stands in the columns (N, C kh kw, windows). No two meet.
 * False: it is padding in all of them. */
static bool element(const struct columns *k, const ct_tensor *image, const ct_tensor *columns, const int64_t at[2], ct_tensor *pixels, ct_tensor *entries)
{
    const int64_t item = (int64_t)ct_dtype_size((ct_dtype)image->dtype), kernel = k->w.kernel[0] * k->w.kernel[1];
    *pixels = *image, *entries = *image;
    entries->data = columns->data + (at[0] * k->w.kernel[1] + at[1]) * columns->strides[1] * item;
    entries->strides[0] = columns->strides[0], entries->strides[1] = kernel * columns->strides[1];
    entries->strides[2] = k->counts[1] * columns->strides[2], entries->strides[3] = columns->strides[2];
    for (int i = 0; i < 2; i++) {
        const int64_t stride = k->w.stride[i], offset = at[i] * k->w.dilation[i] - k->w.before[i];
        const int64_t from = offset < 0 ? (-offset + stride - 1) / stride : 0, end = offset < k->size[i] ? (k->size[i] - 1 - offset) / stride + 1 : 0;
        const int64_t count = (end < k->counts[i] ? end : k->counts[i]) - from;
        if (count <= 0)
            return false;
        entries->data += from * entries->strides[2 + i] * item;
        pixels->data += (from * stride + offset) * pixels->strides[2 + i] * item;
        pixels->strides[2 + i] *= stride;
        pixels->sizes[2 + i] = entries->sizes[2 + i] = count;
    }
    return true;
}

static ct_tensor *gathered(ct_tensor *image, const struct columns *k)
{
    const int64_t sizes[] = {image->sizes[0], image->sizes[1] * k->w.kernel[0] * k->w.kernel[1], k->counts[0] * k->counts[1]};
    const bool padded = k->w.before[0] || k->w.before[1];
    ct_tensor pixels, entries;
    ct_tensor *y = padded ? zeros_of("im2col", (ct_dtype)image->dtype, sizes, 3) : tensor_new("im2col", (ct_dtype)image->dtype, 3, sizes, NULL);
    for (int64_t i = 0; i < k->w.kernel[0] && y; i++)
        for (int64_t j = 0; j < k->w.kernel[1]; j++)
            if (element(k, image, y, (const int64_t[]){i, j}, &pixels, &entries))
                copy_values(&entries, &pixels);
    return RECORD(&op_im2col, y, k, image);
}

static ct_tensor *added(ct_tensor *columns, const struct columns *k)
{
    const int64_t sizes[] = {columns->sizes[0], columns->sizes[1] / (k->w.kernel[0] * k->w.kernel[1]), k->size[0], k->size[1]};
    ct_tensor pixels, entries;
    ct_tensor *y = image_new("col2im", (ct_dtype)columns->dtype, sizes, k->channels_last);
    if (y)
        memset(y->data, 0, (size_t)tensor_numel(y) * ct_dtype_size((ct_dtype)y->dtype));
    for (int64_t i = 0; i < k->w.kernel[0] && y; i++)
        for (int64_t j = 0; j < k->w.kernel[1]; j++)
            if (element(k, y, columns, (const int64_t[]){i, j}, &pixels, &entries))
                add_values(&pixels, &entries);
    return RECORD(&op_col2im, y, k, columns);
}

VJP(im2col_vjp)
{
    gradients[0] = added(cotangents[0], ct_node_context(node));
}

VJP(col2im_vjp)
{
    gradients[0] = gathered(cotangents[0], ct_node_context(node));
}
const struct op op_im2col = {"im2col", im2col_vjp, NULL, 0};
const struct op op_col2im = {"col2im", col2im_vjp, NULL, 0};

static bool read_columns(const char *op, int64_t kernel, const ct_im2col_options *options, struct columns *k)
{
    const ct_im2col_options o = options ? *options : ct_im2col_defaults;
    if (!window_pair(op, "kernel", kernel, 1, 2, k->w.kernel) || !window_pair(op, "stride", o.stride, 1, 2, k->w.stride) ||
        !window_pair(op, "padding", o.padding, 0, 2, k->w.before) || !window_pair(op, "dilation", o.dilation, 1, 2, k->w.dilation))
        return false;
    memcpy(k->w.after, k->w.before, sizeof k->w.after);
    return true;
}

ct_tensor *(ct_im2col)(ct_tensor *x, int64_t kernel, const ct_im2col_options *options)
{
    struct columns k = {0};
    int64_t count;
    ct_tensor *image = given_floating("im2col", "the operand", x) ? image_of("im2col", x, 2) : NULL;
    if (!image || !read_columns("im2col", kernel, options, &k) || !window_counts("im2col", x, &k.w, false, 2, k.counts))
        return NULL;
    memcpy(k.size, image->sizes + 2, sizeof k.size);
    k.channels_last = image_is_channels_last(image);
    if (!sizes_product("im2col", (const int64_t[]){image->sizes[0], image->sizes[1], k.w.kernel[0], k.w.kernel[1], k.counts[0], k.counts[1]}, 6,
                       ct_dtype_size((ct_dtype)x->dtype), &count))
        return NULL;
    ct_tensor *y = gathered(image, &k);
    return y && x->rank == 3 ? ct_squeeze(y, 0) : y;
}

ct_tensor *(ct_col2im)(ct_tensor *x, int64_t size, int64_t kernel, const ct_im2col_options *options)
{
    struct columns k = {0};
    if (!given_floating("col2im", "the operand", x) || !window_pair("col2im", "size", size, 1, 2, k.size) ||
        !read_columns("col2im", kernel, options, &k))
        return NULL;
    if (x->rank != 2 && x->rank != 3)
        return ct_fail("col2im: %s, want (N, C kh kw, windows) or (C kh kw, windows)", SHAPE(x));
    const ct_tensor image = {.rank = 2, .sizes = {k.size[0], k.size[1]}};
    const int64_t entries = x->sizes[x->rank - 2], windows = x->sizes[x->rank - 1], kernels = k.w.kernel[0] * k.w.kernel[1];
    if (!window_counts("col2im", &image, &k.w, false, 2, k.counts))
        return NULL;
    if (!entries || entries % kernels || windows != k.counts[0] * k.counts[1])
        return ct_fail("col2im: %s does not come from windows of %lld x %lld on (%lld, %lld): want (C %lld, %lld)", SHAPE(x),
                       (long long)k.w.kernel[0], (long long)k.w.kernel[1], (long long)k.size[0], (long long)k.size[1], (long long)kernels,
                       (long long)(k.counts[0] * k.counts[1]));
    ct_tensor *columns = x->rank == 2 ? ct_unsqueeze(x, 0) : x, *y = columns ? added(columns, &k) : NULL;
    return y && x->rank == 2 ? ct_squeeze(y, 0) : y;
}
