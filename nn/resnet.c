/* Residual networks, arXiv:1512.03385, with torchvision's names and first values. */
#include "nn/layer.h"
#include "nn/onnx.h"

enum { STAGES = 4, MOST_BLOCKS = 6 };

struct resnet {
    ct_module *conv, *norm, *stage[STAGES], *last;
    bool pools;                                 /* the ImageNet stem's max pooling */
};

static const struct plan {
    const ct_module_type *type;
    ct_module *(*block)(int64_t in, int64_t width, const ct_nn_block_options *options);
    int64_t widening;
    int blocks[STAGES];
} RESNET18 = {&resnet18_type, (ct_nn_basic_block), 1, {2, 2, 2, 2}}, RESNET34 = {&resnet34_type, (ct_nn_basic_block), 1, {3, 4, 6, 3}},
  RESNET50 = {&resnet50_type, (ct_nn_bottleneck), 4, {3, 4, 6, 3}};

const ct_nn_resnet_options ct_nn_resnet_defaults = {CT_NN_RESNET_DEFAULTS .end_ = 0};

static ct_tensor *resnet_forward(ct_module *self, ct_tensor *x)     /* (N, channels, H, W) -> (N, classes) */
{
    const struct resnet *m = ct_module_state(self);
    x = batch_norm_run(m->norm, ct_forward(m->conv, x), NULL, CT_RELU);
    if (m->pools)
        x = ct_max_pool2d(x, 3, .stride = 2, .padding = 1);
    for (int i = 0; i < STAGES; i++)
        x = ct_forward(m->stage[i], x);
    return ct_forward(m->last, ct_flatten(ct_adaptive_avg_pool2d(x, 1), 1, -1));
}

struct resnet_settings {
    ct_nn_resnet_options options;
};
static const ct_setting resnet_settings_list[] = {OPTION(resnet_settings, INTEGER, channels), OPTION(resnet_settings, INTEGER, classes),
                                                  OPTION(resnet_settings, BOOL, imagenet_stem)};

static const char *resnet_onnx(ct_onnx *g, ct_module *self, const char *x)
{
    const struct resnet *m = ct_module_state(self);
    x = batch_norm_onnx(g, m->norm, ct_onnx_forward(g, m->conv, x), NULL, CT_RELU);
    if (m->pools)
        x = ONNX_WITH("MaxPool", ONNX_ATTRIBUTES(ONNX_LIST_OF("kernel_shape", 3, 3), ONNX_LIST_OF("strides", 2, 2), ONNX_LIST_OF("pads", 1, 1, 1, 1)), x);
    for (int i = 0; i < STAGES; i++)
        x = ct_onnx_forward(g, m->stage[i], x);
    return ct_onnx_forward(g, m->last, ONNX("Flatten", ONNX("GlobalAveragePool", x)));
}
MODULE_TYPE(resnet18, "ResNet18", resnet_settings, resnet_onnx, (ct_nn_resnet18)(&s->options), CT_NN_RESNET_DEFAULTS)
MODULE_TYPE(resnet34, "ResNet34", resnet_settings, resnet_onnx, (ct_nn_resnet34)(&s->options), CT_NN_RESNET_DEFAULTS)
MODULE_TYPE(resnet50, "ResNet50", resnet_settings, resnet_onnx, (ct_nn_resnet50)(&s->options), CT_NN_RESNET_DEFAULTS)

static ct_module *resnet(const struct plan *plan, const ct_nn_resnet_options *options)
{
    const ct_nn_resnet_options *o = options ? options : &ct_nn_resnet_defaults;
    if (o->channels < 1 || o->classes < 1)
        return ct_fail("%s: %lld channels, %lld classes: want at least 1", plan->type->kind, (long long)o->channels, (long long)o->classes);
    ct_module *self = ct_module_new(plan->type->kind, resnet_forward, sizeof(struct resnet)), *blocks[MOST_BLOCKS];
    struct resnet *m = ct_module_state(self);
    if (!m)
        return NULL;
    m->pools = o->imagenet_stem;
    m->conv = ct_module_add_child(self, "conv1", m->pools ? conv_for_relu(o->channels, 64, 7, 2) : conv_for_relu(o->channels, 64, 3, 1));
    m->norm = ct_module_add_child(self, "bn1", ct_nn_batch_norm2d(64));
    int64_t channels = 64, width = 64;
    for (int stage = 0; stage < STAGES; stage++, width *= 2) {
        const ct_nn_block_options first = {.stride = stage ? 2 : 1};
        for (int i = 0; i < plan->blocks[stage]; i++, channels = width * plan->widening)
            blocks[i] = plan->block(channels, width, i ? NULL : &first);
        const char name[] = {'l', 'a', 'y', 'e', 'r', (char)('1' + stage), 0};
        m->stage[stage] = ct_module_add_child(self, name, (ct_nn_sequential)(blocks, (size_t)plan->blocks[stage]));
    }
    m->last = ct_module_add_child(self, "fc", ct_nn_linear(channels, o->classes));
    return ct_module_ready_as(self, plan->type, o);
}

ct_module *(ct_nn_resnet18)(const ct_nn_resnet_options *options)
{
    return resnet(&RESNET18, options);
}

ct_module *(ct_nn_resnet34)(const ct_nn_resnet_options *options)
{
    return resnet(&RESNET34, options);
}

ct_module *(ct_nn_resnet50)(const ct_nn_resnet_options *options)
{
    return resnet(&RESNET50, options);
}
