/* Residual blocks, arXiv:1512.03385: y = ReLU(f(x) + shortcut(x)), f convolutions each with a batch normalisation. The last of these
 * takes the sum and the ReLU along in its pass. */
#include "nn/layer.h"
#include "nn/onnx.h"

enum { MOST_STEPS = 3 };

struct residual {
    int steps;
    ct_module *conv[MOST_STEPS], *norm[MOST_STEPS], *downsample;    /* NULL: the shortcut is x itself */
};

/* What a block is made of. The strided step is the 3x3 one, as in torchvision's Bottleneck. */
static const struct plan {
    const ct_module_type *type;
    const char *call;
    int steps, strided;
    int64_t kernel[MOST_STEPS], widening;       /* channels of the result over those inside */
} BASIC = {&basic_block_type, "basic_block", 2, 0, {3, 3}, 1}, BOTTLENECK = {&bottleneck_type, "bottleneck", 3, 1, {1, 3, 1}, 4};

const ct_nn_block_options ct_nn_block_defaults = {CT_NN_BLOCK_DEFAULTS .end_ = 0};

ct_module *conv_for_relu(int64_t in, int64_t out, int64_t kernel, int64_t stride)
{
    ct_module *self = ct_nn_conv2d(in, out, kernel, .stride = stride, .padding = kernel / 2, .no_bias = true);
    if (self && ct_nn_init_he_normal(ct_module_find(self, "weight"), .fan_out = true))
        return self;
    ct_free(self);
    return NULL;
}

static ct_tensor *residual_forward(ct_module *self, ct_tensor *x)   /* (N, in, H, W) -> (N, out, H / stride, W / stride) */
{
    const struct residual *m = ct_module_state(self);
    ct_tensor *shortcut = m->downsample ? ct_forward(m->downsample, x) : x;
    for (int i = 0; i < m->steps; i++)
        x = batch_norm_run(m->norm[i], ct_forward(m->conv[i], x), i + 1 < m->steps ? NULL : shortcut, CT_RELU);
    return x;
}

struct block_settings {
    int64_t in, width;
    ct_nn_block_options options;
};
static const ct_setting block_settings_list[] = {REQUIRED(block_settings, INTEGER, in), REQUIRED(block_settings, INTEGER, width),
                                                 OPTION(block_settings, INTEGER, stride)};

static const char *residual_onnx(ct_onnx *g, ct_module *self, const char *x)
{
    const struct residual *m = ct_module_state(self);
    const char *shortcut = m->downsample ? ct_onnx_forward(g, m->downsample, x) : x;
    for (int i = 0; i < m->steps; i++)
        x = batch_norm_onnx(g, m->norm[i], ct_onnx_forward(g, m->conv[i], x), i + 1 < m->steps ? NULL : shortcut, CT_RELU);
    return x;
}
MODULE_TYPE(basic_block, "BasicBlock", block_settings, residual_onnx, (ct_nn_basic_block)(s->in, s->width, &s->options), CT_NN_BLOCK_DEFAULTS)
MODULE_TYPE(bottleneck, "Bottleneck", block_settings, residual_onnx, (ct_nn_bottleneck)(s->in, s->width, &s->options), CT_NN_BLOCK_DEFAULTS)

static ct_module *block(const struct plan *plan, int64_t in, int64_t width, const ct_nn_block_options *options)
{
    const int64_t stride = (options ? options : &ct_nn_block_defaults)->stride;
    int64_t out;
    if (in < 1 || width < 1 || stride < 1 || __builtin_mul_overflow(width, plan->widening, &out))
        return ct_fail("%s: %lld channels in, width %lld, stride %lld: want at least 1", plan->call, (long long)in, (long long)width,
                       (long long)stride);
    ct_module *self = ct_module_new(plan->type->kind, residual_forward, sizeof(struct residual));
    struct residual *m = ct_module_state(self);
    if (!m)
        return NULL;
    m->steps = plan->steps;
    int64_t channels = in;
    for (int i = 0; i < plan->steps; i++) {
        const int64_t next = i + 1 < plan->steps ? width : out;
        const char conv[] = {'c', 'o', 'n', 'v', (char)('1' + i), 0}, norm[] = {'b', 'n', (char)('1' + i), 0};
        m->conv[i] = ct_module_add_child(self, conv, conv_for_relu(channels, next, plan->kernel[i], i == plan->strided ? stride : 1));
        m->norm[i] = ct_module_add_child(self, norm, ct_nn_batch_norm2d(next));
        channels = next;
    }
    if (stride != 1 || in != out) {
        ct_module *fitted = ct_nn_sequential(conv_for_relu(in, out, 1, stride), ct_nn_batch_norm2d(out));
        m->downsample = ct_module_add_child(self, "downsample", fitted);
    }
    ct_module_describe(self, stride == 1 ? "%lld -> %lld" : "%lld -> %lld, stride %lld", (long long)in, (long long)out, (long long)stride);
    return ct_module_ready_as(self, plan->type, &(struct block_settings){in, width, {stride, 0}});
}

ct_module *(ct_nn_basic_block)(int64_t in, int64_t width, const ct_nn_block_options *options)
{
    return block(&BASIC, in, width, options);
}

ct_module *(ct_nn_bottleneck)(int64_t in, int64_t width, const ct_nn_block_options *options)
{
    return block(&BOTTLENECK, in, width, options);
}
