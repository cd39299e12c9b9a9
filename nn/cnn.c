/* Small convolutional networks for square images. */
#include "nn/layer.h"

const ct_nn_cnn_options ct_nn_cnn_defaults = {CT_NN_CNN_DEFAULTS .end_ = 0};

/* least: the smallest image that pooling leaves something of. */
static bool check(const char *name, const ct_nn_cnn_options *o, int64_t least)
{
    if (o->channels >= 1 && o->classes >= 1 && o->size >= least && o->size <= 1 << 20)
        return true;
    ct_fail("%s: %lld channels, size %lld, %lld classes: want at least 1, %lld and 1", name, (long long)o->channels, (long long)o->size,
            (long long)o->classes, (long long)least);
    return false;
}

ct_module *(ct_nn_lenet5)(const ct_nn_cnn_options *options)
{
    const ct_nn_cnn_options *o = options ? options : &ct_nn_cnn_defaults;
    if (!check("lenet5", o, 16))
        return NULL;
    const int64_t padding = o->size == 28 ? 2 : 0, left = ((o->size + 2 * padding - 4) / 2 - 4) / 2;
    return ct_nn_sequential(ct_nn_conv2d(o->channels, 6, 5, .padding = padding), ct_nn_tanh(), ct_nn_avg_pool2d(2),
                            ct_nn_conv2d(6, 16, 5), ct_nn_tanh(), ct_nn_avg_pool2d(2), ct_nn_flatten(),
                            ct_nn_linear(16 * left * left, 120, .activation = CT_TANH), ct_nn_linear(120, 84, .activation = CT_TANH),
                            ct_nn_linear(84, o->classes));
}

ct_module *(ct_nn_tinycnn)(const ct_nn_cnn_options *options)
{
    const ct_nn_cnn_options *o = options ? options : &ct_nn_cnn_defaults;
    if (!check("tinycnn", o, 4))
        return NULL;
    const int64_t left = o->size / 2 / 2;
    return ct_nn_sequential(ct_nn_conv2d(o->channels, 16, 3, .padding = 1, .activation = CT_RELU), ct_nn_max_pool2d(2),
                            ct_nn_conv2d(16, 32, 3, .padding = 1, .activation = CT_RELU), ct_nn_max_pool2d(2), ct_nn_flatten(),
                            ct_nn_linear(32 * left * left, 128, .activation = CT_RELU), ct_nn_linear(128, o->classes));
}

/* Two convolutions, each with its batch normalisation and ReLU, then a max pooling or what stands for it. */
static ct_module *stage(int64_t in, int64_t out, ct_module *pool)
{
    return ct_nn_sequential(conv_for_relu(in, out, 3, 1), ct_nn_batch_norm2d(out, .activation = CT_RELU), conv_for_relu(out, out, 3, 1),
                            ct_nn_batch_norm2d(out, .activation = CT_RELU), pool);
}

ct_module *(ct_nn_simplecnn)(const ct_nn_cnn_options *options)
{
    const ct_nn_cnn_options *o = options ? options : &ct_nn_cnn_defaults;
    if (!check("simplecnn", o, 4))
        return NULL;
    return ct_nn_sequential(stage(o->channels, 64, ct_nn_max_pool2d(2)), stage(64, 128, ct_nn_max_pool2d(2)),
                            stage(128, 256, ct_nn_adaptive_avg_pool2d(1)), ct_nn_flatten(), ct_nn_linear(256, o->classes));
}
