/* Layers and models of images: that they are their ops, names and first values as in PyTorch, running statistics, modes, errors. The
 * rows of normalisation carry the numbers of the corner cases they hold. */
#include "engine.h"

#include <unistd.h>

#include "autograd/memory.h"

#define FAILED(call, message) (assert_null(call), assert_error(message))

static ct_tensor *parameter(ct_module *module, const char *name)
{
    ct_tensor *t = ct_module_find(module, name);
    assert_non_null(t);
    return t;
}

static void check_forward(ct_module *module, ct_tensor *x, ct_tensor *want)
{
    ct_tensor *y = ct_forward(module, x);
    assert_fine();
    assert_true(ct_equal(y, want));
    ct_free(module);
}

/* ---- Convolutions ----------------------------------------------------------------------------------------------------------- */
static void test_convolution_layers_are_their_ops(void **state)
{
    (void)state;
    CT_SCOPE;
    CT_NO_GRAD;
    ct_tensor *image = ct_randn(2, 4, 9, 8), *line = ct_randn(2, 4, 9);
    ct_module *two = ct_nn_conv2d(4, 6, CT_HW(3, 2), .stride = 2, .padding = CT_HW(1, 0), .groups = 2, .activation = CT_RELU);
    ct_module *same = ct_nn_conv2d(4, 6, 3, .padding = CT_SAME, .dilation = 2, .no_bias = true);
    ct_module *one = ct_nn_conv1d(4, 6, 3, .padding = 1, .groups = 2);
    ct_module *back = ct_nn_conv_transpose2d(4, 6, 3, .stride = 2, .padding = 1, .output_padding = 1, .groups = 2);
    assert_fine();
    assert_shape(parameter(two, "weight"), 6, 2, 3, 2);
    assert_shape(parameter(one, "weight"), 6, 2, 3);
    assert_shape(parameter(back, "weight"), 4, 3, 3, 3);
    assert_shape(parameter(back, "bias"), 6);
    assert_null(ct_module_find(same, "bias"));
    check_forward(same, image, ct_conv2d(image, parameter(same, "weight"), NULL, .padding = CT_SAME, .dilation = 2));
    check_forward(two, image, ct_conv2d(image, parameter(two, "weight"), parameter(two, "bias"), .stride = 2, .padding = CT_HW(1, 0), .groups = 2,
                                        .activation = CT_RELU));
    check_forward(one, line, ct_conv1d(line, parameter(one, "weight"), parameter(one, "bias"), .padding = 1, .groups = 2));
    check_forward(back, image, ct_conv_transpose2d(image, parameter(back, "weight"), parameter(back, "bias"), .stride = 2, .padding = 1,
                                                   .output_padding = 1, .groups = 2));
}

static void test_convolution_weights_lie_channels_last_and_start_uniform(void **state)
{
    (void)state;
    CT_SCOPE;
    CT_NO_GRAD;
    ct_module *conv = ct_nn_conv2d(64, 96, 5, .groups = 2), *back = ct_nn_conv_transpose2d(64, 96, 5, .groups = 2), *line = ct_nn_conv1d(8, 8, 3);
    assert_true(ct_is_channels_last(parameter(conv, "weight")) && ct_is_channels_last(parameter(back, "weight")));
    assert_int_equal(ct_stride(parameter(line, "weight"), 1), 1);
    const double bounds[] = {1 / sqrt(32 * 25), 1 / sqrt(48 * 25)};
    for (int i = 0; i < 2; i++)
        for (int bias = 0; bias < 2; bias++) {
            ct_tensor *t = parameter(i ? back : conv, bias ? "bias" : "weight");
            const double most = ct_item(ct_max(ct_abs(t)));
            assert_true(most <= bounds[i] && most > (bias ? 0.9 : 0.999) * bounds[i]);
            assert_true(ct_requires_grad(t) && ct_is_leaf(t));
        }
    ct_free(conv), ct_free(back), ct_free(line);
}

static void test_convolution_layers_refuse_what_cannot_work(void **state)
{
    (void)state;
    CT_SCOPE;
    const char *groups = "want at least 1, and channels that are multiples of the groups";
    FAILED(ct_nn_conv2d(0, 4, 3), groups);
    FAILED(ct_nn_conv2d(4, 6, 3, .groups = 4), "conv2d: 4 channels in, 6 out, 4 groups");
    FAILED(ct_nn_conv_transpose2d(5, 6, 3, .groups = 2), "conv_transpose2d: 5 channels in, 6 out, 2 groups");
    FAILED(ct_nn_conv1d(4, 4, 0), "conv1d: kernel 0");
    FAILED(ct_nn_conv1d(4, 4, CT_HW(3, 3)), "conv1d: kernel is CT_HW(3, 3), want one number");
    FAILED(ct_nn_conv2d(4, 4, 3, .stride = 0), "conv2d: stride 0");
    FAILED(ct_nn_conv2d(4, 4, 3, .dilation = -1), "conv2d: dilation -1");
    FAILED(ct_nn_conv2d(4, 4, 3, .padding = -2), "conv2d: padding -2");
    FAILED(ct_nn_conv_transpose2d(4, 4, 3, .padding = CT_SAME), "conv_transpose2d: padding -1");
    FAILED(ct_nn_conv2d(4, 4, 3, .activation = (ct_activation)77), "conv2d: activation 77");
    ct_module *net = ct_nn_sequential(ct_nn_conv2d(3, 4, 3));
    FAILED(ct_forward(net, ct_zeros(1, 5, 8, 8)), "(1, 5, 8, 8) has 5 channels");
    FAILED(ct_forward(net, ct_zeros(1, 3, 2, 8)), "; in module 0, a Conv2d");
    assert_shape(ct_forward(net, ct_zeros(0, 3, 8, 8)), 0, 4, 6, 6);
    ct_free(net);
}

/* ---- Pooling and the like ---------------------------------------------------------------------------------------------------- */
static void test_pooling_layers_are_their_ops(void **state)
{
    (void)state;
    CT_SCOPE;
    ct_tensor *x = ct_randn(2, 3, 9, 8);
    check_forward(ct_nn_max_pool2d(2), x, ct_max_pool2d(x, 2));
    check_forward(ct_nn_max_pool2d(3, .stride = 2, .padding = 1, .dilation = 2, .ceil_mode = true), x,
                  ct_max_pool2d(x, 3, .stride = 2, .padding = 1, .dilation = 2, .ceil_mode = true));
    check_forward(ct_nn_avg_pool2d(CT_HW(2, 3), .padding = CT_HW(1, 0), .count_exclude_pad = true), x,
                  ct_avg_pool2d(x, CT_HW(2, 3), .padding = CT_HW(1, 0), .count_exclude_pad = true));
    check_forward(ct_nn_adaptive_avg_pool2d(CT_HW(2, 3)), x, ct_adaptive_avg_pool2d(x, CT_HW(2, 3)));
    check_forward(ct_nn_upsample(2), x, ct_interpolate(x, CT_HW(18, 16)));
    check_forward(ct_nn_upsample(CT_HW(3, 2), .mode = CT_BILINEAR, .align_corners = true), x,
                  ct_interpolate(x, CT_HW(27, 16), .mode = CT_BILINEAR, .align_corners = true));
    check_forward(ct_nn_identity(), x, x);
}

static void test_pooling_layers_refuse_what_cannot_work(void **state)
{
    (void)state;
    CT_SCOPE;
    FAILED(ct_nn_max_pool2d(0), "max_pool2d: kernel 0");
    FAILED(ct_nn_max_pool2d(3, .padding = 2), "max_pool2d: padding 2x2, kernel 3x3: want at most half the kernel");
    FAILED(ct_nn_avg_pool2d(2, .stride = -1), "avg_pool2d: stride -1");
    FAILED(ct_nn_adaptive_avg_pool2d(0), "adaptive_avg_pool2d: size 0");
    FAILED(ct_nn_upsample(0), "upsample: factor 0");
    FAILED(ct_nn_upsample(2, .align_corners = true), "upsample: mode 0 with align_corners");
    ct_module *up = ct_nn_upsample(2), *huge = ct_nn_upsample(1 << 29);
    FAILED(ct_forward(up, ct_zeros(3, 4)), "upsample: (3, 4), want (N, C, H, W) or (C, H, W)");
    FAILED(ct_forward(huge, ct_zeros(1, 1, 4, 4)), "too large");
    ct_free(up), ct_free(huge);
}

static void test_dropout2d_drops_whole_channels_in_training(void **state)
{
    (void)state;
    CT_SCOPE;
    ct_module *dropout = ct_nn_dropout2d(0.5);
    ct_tensor *x = ct_ones(10, 40, 3, 3), *sums = ct_sum(ct_forward(dropout, x), CT_AXES(2, 3));
    const double dropped = ct_item(ct_mean(ct_cast(ct_eq(sums, 0.0), CT_FLOAT32))), kept = ct_item(ct_mean(ct_cast(ct_eq(sums, 18.0), CT_FLOAT32)));
    assert_true(dropped > 0.4 && dropped < 0.6);
    assert_true(fabs(dropped + kept - 1) < 1e-6);
    ct_module_eval(dropout);
    assert_true(ct_equal(ct_forward(dropout, x), x));
    ct_free(dropout);
    FAILED(ct_nn_dropout2d(-1), "dropout2d: p -1: want 0 to 1");
}

/* ---- Normalisation ------------------------------------------------------------------------------------------------------------- */
static double number(ct_module *module, const char *name)
{
    return ct_item(parameter(module, name));
}

static void test_39_running_values_move_by_momentum_with_unbiased_variance(void **state)
{
    (void)state;
    CT_SCOPE;
    ct_module *norm = ct_nn_batch_norm1d(1, .momentum = 0.25);
    ct_tensor *x = ct_reshape(ct_vector(1, 3, 5, 7), 4, 1); /* mean 4, variance 5, unbiased 20/3 */
    assert_near_values(ct_forward(norm, x), 1e-5, -3 / sqrt(5), -1 / sqrt(5), 1 / sqrt(5), 3 / sqrt(5));
    assert_true(fabs(number(norm, "running_mean") - 1) < 1e-6);
    assert_true(fabs(number(norm, "running_var") - (0.75 + 0.25 * 20 / 3)) < 1e-6);
    assert_int_equal(ct_item_int(parameter(norm, "num_batches_tracked")), 1);
    ct_module_eval(norm);
    const double scale = 1 / sqrt(0.75 + 0.25 * 20 / 3 + 1e-5);
    assert_near_values(ct_forward(norm, x), 1e-5, 0, 2 * scale, 4 * scale, 6 * scale);
    assert_int_equal(ct_item_int(parameter(norm, "num_batches_tracked")), 1);
    ct_free(norm);
}

static void test_39_cumulative_running_values_average_all_batches_alike(void **state)
{
    (void)state;
    CT_SCOPE;
    ct_module *norm = ct_nn_batch_norm1d(1, .cumulative = true, .no_affine = true);
    assert_null(ct_module_find(norm, "weight"));
    for (int i = 0; i < 3; i++)
        assert_non_null(ct_forward(norm, ct_add(ct_reshape(ct_vector(-1, 1), 2, 1), i * 6)));
    assert_true(fabs(number(norm, "running_mean") - 6) < 1e-5);
    assert_true(fabs(number(norm, "running_var") - 2) < 1e-5);
    ct_free(norm);
}

static void test_40_one_value_a_channel_is_an_error_in_training_alone(void **state)
{
    (void)state;
    CT_SCOPE;
    ct_module *norm = ct_nn_batch_norm2d(3);
    FAILED(ct_forward(norm, ct_zeros(1, 3, 1, 1)), "has one value a channel: training wants more");
    assert_int_equal(ct_item_int(parameter(norm, "num_batches_tracked")), 0);
    ct_module_eval(norm);
    assert_non_null(ct_forward(norm, ct_zeros(1, 3, 1, 1)));
    ct_free(norm);
}

static void test_41_an_empty_batch_leaves_running_values_and_gives_zero_gradients(void **state)
{
    (void)state;
    CT_SCOPE;
    ct_module *norm = ct_nn_batch_norm2d(3);
    ct_tensor *y = ct_forward(norm, ct_zeros(0, 3, 4, 4));
    assert_shape(y, 0, 3, 4, 4);
    assert_true(ct_backward(ct_sum(y)));
    assert_values(parameter(norm, "running_mean"), 0, 0, 0);
    assert_values(parameter(norm, "running_var"), 1, 1, 1);
    assert_values(ct_gradient(parameter(norm, "weight")), 0, 0, 0);
    assert_values(ct_gradient(parameter(norm, "bias")), 0, 0, 0);
    ct_free(norm);
}

static void test_normalisation_layers_are_their_ops(void **state)
{
    (void)state;
    CT_SCOPE;
    ct_tensor *x = ct_randn(3, 4, 5, 6), *ones = ct_ones(4), *zeros = ct_zeros(4);
    check_forward(ct_nn_batch_norm2d(4, .activation = CT_RELU), x, ct_batch_norm(x, NULL, NULL, ones, zeros, .training = true, .activation = CT_RELU));
    check_forward(ct_nn_group_norm(2, 4), x, ct_group_norm(x, 2, ones, zeros));
    check_forward(ct_nn_group_norm(2, 4, .no_affine = true, .eps = 1), x, ct_group_norm(x, 2, NULL, NULL, .eps = 1));
    check_forward(ct_nn_instance_norm2d(4), x, ct_instance_norm(x, NULL, NULL));
    check_forward(ct_nn_instance_norm2d(4, .affine = true), x, ct_instance_norm(x, ones, zeros));
}

static void test_42_43_normalisation_layers_refuse_what_cannot_work(void **state)
{
    (void)state;
    CT_SCOPE;
    FAILED(ct_nn_batch_norm2d(0), "batch_norm2d: 0 channels: want at least 1");
    FAILED(ct_nn_batch_norm1d(3, .momentum = 2), "batch_norm1d: momentum 2");
    FAILED(ct_nn_batch_norm1d(3, .eps = NAN), "batch_norm1d: momentum 0.1, eps nan");
    FAILED(ct_nn_group_norm(4, 6), "group_norm: 6 channels, 4 groups");
    FAILED(ct_nn_group_norm(2, 6, .eps = -1), "group_norm: eps -1");
    FAILED(ct_nn_instance_norm2d(-1), "instance_norm2d: -1 channels");
    ct_module *two = ct_nn_batch_norm2d(3), *one = ct_nn_batch_norm1d(3), *group = ct_nn_group_norm(3, 6), *instance = ct_nn_instance_norm2d(3);
    FAILED(ct_forward(two, ct_zeros(2, 3, 4)), "batch_norm2d: (2, 3, 4), want (N, C, H, W)");
    FAILED(ct_forward(one, ct_zeros(2, 3, 4, 4)), "batch_norm1d: (2, 3, 4, 4), want (N, C, L) or (N, C)");
    FAILED(ct_forward(two, ct_zeros(2, 4, 4, 4)), "the running mean is");
    FAILED(ct_forward(group, ct_zeros(2, 3, 4)), "group_norm: (2, 3, 4) has 3 channels, want 6");
    assert_non_null(ct_forward(group, ct_zeros(2, 6)));
    ct_module *single = ct_nn_group_norm(6, 6);
    FAILED(ct_forward(single, ct_zeros(2, 6)), "one value a group");
    FAILED(ct_forward(instance, ct_zeros(2, 3, 1, 1)), "one value a group");
    FAILED(ct_forward(instance, ct_zeros(3, 4, 4)), "instance_norm2d: (3, 4, 4), want (N, C, H, W)");
    ct_free(single);
    ct_free(two), ct_free(one), ct_free(group), ct_free(instance);
}

static void test_integer_buffers_survive_a_file(void **state)
{
    (void)state;
    CT_SCOPE;
    char path[64];
    snprintf(path, sizeof path, "/tmp/cotangent_test_nn_images_%d", (int)getpid());
    ct_module *a = ct_nn_sequential(ct_nn_conv2d(3, 4, 3), ct_nn_batch_norm2d(4)), *b = ct_nn_sequential(ct_nn_conv2d(3, 4, 3), ct_nn_batch_norm2d(4));
    for (int i = 0; i < 5; i++)
        ct_forward(a, ct_randn(2, 3, 5, 5));
    assert_true(ct_module_save(a, path) && ct_module_load(b, path));
    assert_int_equal(ct_item_int(parameter(b, "1.num_batches_tracked")), 5);
    assert_int_equal(ct_dtype_of(parameter(b, "1.num_batches_tracked")), CT_INT64);
    assert_true(ct_is_channels_last(parameter(b, "0.weight")));
    ct_module_eval(a), ct_module_eval(b);
    ct_tensor *x = ct_randn(2, 3, 5, 5);
    assert_true(ct_equal(ct_forward(a, x), ct_forward(b, x)));
    ct_free(a), ct_free(b);
    remove(path);
}

/* ---- Residual networks ----------------------------------------------------------------------------------------------------------- */
static bool note_name(const char *name, ct_tensor *tensor, bool is_parameter, void *context)
{
    (void)tensor, (void)is_parameter;
    sprintf((char *)context + strlen(context), "%s ", name);
    return true;
}

#define NORM(name) name ".weight " name ".bias " name ".running_mean " name ".running_var " name ".num_batches_tracked "
static void test_residual_blocks_have_torchvisions_names(void **state)
{
    (void)state;
    CT_SCOPE;
    char names[1000] = "";
    ct_module *plain = ct_nn_basic_block(8, 8), *strided = ct_nn_bottleneck(8, 4, .stride = 2);
    assert_true(ct_module_each(plain, note_name, names));
    assert_string_equal(names, "conv1.weight " NORM("bn1") "conv2.weight " NORM("bn2"));
    names[0] = 0;
    assert_true(ct_module_each(strided, note_name, names));
    assert_string_equal(names, "conv1.weight " NORM("bn1") "conv2.weight " NORM("bn2") "conv3.weight " NORM("bn3")
                               "downsample.0.weight " NORM("downsample.1"));
    assert_shape(parameter(strided, "conv2.weight"), 4, 4, 3, 3);
    assert_shape(parameter(strided, "conv3.weight"), 16, 4, 1, 1);
    assert_shape(ct_forward(strided, ct_randn(2, 8, 6, 6)), 2, 16, 3, 3);
    ct_free(plain), ct_free(strided);
    FAILED(ct_nn_basic_block(0, 8), "basic_block: 0 channels in, width 8, stride 1");
    FAILED(ct_nn_bottleneck(8, 8, .stride = 0), "bottleneck: 8 channels in, width 8, stride 0");
}

/* A block against the same from single ops, in training and evaluation. */
static void test_a_residual_block_is_this_expression(void **state)
{
    (void)state;
    CT_SCOPE;
    ct_set_default_dtype(CT_FLOAT64);
    ct_module *block = ct_nn_basic_block(3, 5, .stride = 2);
    ct_set_default_dtype(CT_FLOAT32);
    ct_tensor *x = ct_randn_as(CT_FLOAT64, 4, 3, 7, 7);
    for (int training = 1; training >= 0; training--) {
        if (!training)
            ct_module_eval(block);
        ct_tensor *got = ct_forward(block, x), *steps[3];
        const char *const names[] = {"conv1", "conv2", "downsample.0"}, *const norms[] = {"bn1", "bn2", "downsample.1"};
        for (int i = 0; i < 3; i++) {
            char name[40];
            ct_tensor *norm[4];
            const char *const parts[] = {"running_mean", "running_var", "weight", "bias"};
            for (int k = 0; k < 4; k++) {
                snprintf(name, sizeof name, "%s.%s", norms[i], parts[k]);
                norm[k] = parameter(block, name);
            }
            snprintf(name, sizeof name, "%s.weight", names[i]);
            ct_tensor *y = ct_conv2d(i == 1 ? steps[0] : x, parameter(block, name), NULL, .stride = i == 1 ? 1 : 2, .padding = i == 2 ? 0 : 1);
            y = ct_batch_norm(y, training ? NULL : norm[0], training ? NULL : norm[1], norm[2], norm[3], .training = training);
            steps[i] = i ? y : ct_relu(y);
        }
        assert_true(ct_allclose(got, ct_relu(ct_add(steps[1], steps[2])), 1e-12, 1e-12, false));
    }
    assert_fine();
    ct_free(block);
}

static ct_module *several_kinds(void)
{
    return ct_nn_sequential(ct_nn_conv2d(2, 4, 3, .padding = 1), ct_nn_basic_block(4, 2, .stride = 2), ct_nn_upsample(2), ct_nn_flatten());
}

static void test_each_failed_allocation_is_survived(void **state)
{
    (void)state;
    for (int64_t after = 0;; after++) {
        CT_SCOPE;
        ct_memory_trim();
        memory_fail_after(after);
        ct_module *net = several_kinds();
        ct_tensor *y = net ? ct_forward(net, ct_ones(2, 2, 4, 4)) : NULL;
        const bool struck = memory_failed_one();
        memory_fail_after(-1);
        assert_true(struck || y);
        assert_true(y || !ct_ok());
        ct_free(net);
        if (!struck)
            break;
        ct_error_clear();
    }
}

static void test_residual_networks_have_torchvisions_parameters(void **state)
{
    (void)state;
    const struct {
        ct_module *net;
        int64_t parameters;
        int tensors;
        const char *name;
        int64_t sizes[4];
    } rows[] = {
        {ct_nn_resnet18(), 11173962, 122, "layer2.0.downsample.0.weight", {128, 64, 1, 1}},
        {ct_nn_resnet18(.classes = 1000, .imagenet_stem = true), 11689512, 122, "conv1.weight", {64, 3, 7, 7}},
        {ct_nn_resnet34(.classes = 1000, .imagenet_stem = true), 21797672, 218, "layer3.5.conv2.weight", {256, 256, 3, 3}},
        {ct_nn_resnet50(.classes = 1000, .imagenet_stem = true), 25557032, 320, "layer4.0.conv3.weight", {2048, 512, 1, 1}},
        {ct_nn_resnet50(.channels = 1), 23520842 - 2 * 64 * 9, 320, "conv1.weight", {64, 1, 3, 3}},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        static char names[20000];
        names[0] = 0;
        assert_fine();
        assert_int_equal(ct_module_count_parameters(rows[i].net), rows[i].parameters);
        assert_true(ct_module_each(rows[i].net, note_name, names));
        int tensors = 0;
        for (const char *at = names; (at = strchr(at, ' ')); at++)
            tensors++;
        assert_int_equal(tensors, rows[i].tensors);
        check_shape(parameter(rows[i].net, rows[i].name), rows[i].sizes, 4, __FILE__, __LINE__);
        assert_non_null(parameter(rows[i].net, "bn1.running_mean"));
        assert_non_null(parameter(rows[i].net, "fc.bias"));
        ct_free(rows[i].net);
    }
    FAILED(ct_nn_resnet18(.classes = 0), "ResNet18: 3 channels, 0 classes: want at least 1");
}

static void test_residual_networks_start_as_torchvisions(void **state)
{
    (void)state;
    CT_SCOPE;
    CT_NO_GRAD;
    ct_module *net = ct_nn_resnet18();
    ct_tensor *w = parameter(net, "layer3.0.conv1.weight");         /* (256, 128, 3, 3): fan_out 256 * 9 */
    assert_true(fabs(sqrt(ct_item(ct_var(w))) / sqrt(2.0 / (256 * 9)) - 1) < 0.01);
    assert_true(ct_is_channels_last(w));
    assert_true(ct_item(ct_min(parameter(net, "bn1.weight"))) == 1 && ct_item(ct_max(ct_abs(parameter(net, "bn1.bias")))) == 0);
    assert_true(ct_item(ct_max(ct_abs(parameter(net, "fc.weight")))) <= 1 / sqrt(512));
    ct_free(net);
}

static void test_residual_networks_learn_and_mind_the_mode(void **state)
{
    (void)state;
    CT_SCOPE;
    ct_seed(1);
    ct_module *net = ct_nn_resnet18(.classes = 3, .imagenet_stem = true);
    ct_tensor *x = ct_randn(6, 3, 64, 64), *y = ct_vector_int(0, 1, 2, 2, 1, 0);
    ct_optimizer *sgd = ct_optim_sgd(net, .lr = 0.02, .momentum = 0.9);
    double first = 0, last = 0;
    for (int step = 0; step < 6; step++) {
        CT_SCOPE;
        ct_tensor *loss = ct_cross_entropy(ct_forward(net, x), y);
        ct_zero_grad(sgd);
        assert_true(ct_backward(loss) && ct_step(sgd));
        last = ct_item(loss);
        first = step ? first : last;
    }
    assert_true(last < 0.5 * first);
    ct_tensor *training = ct_forward(net, x);
    ct_module_eval(net);
    ct_tensor *alone = ct_forward(net, ct_narrow(x, 0, 0, 1)), *together = ct_narrow(ct_forward(net, x), 0, 0, 1);
    assert_true(ct_allclose(alone, together, 1e-3, 1e-4, false));   /* in evaluation a sample does not see the others */
    assert_false(ct_allclose(ct_narrow(training, 0, 0, 1), together, 1e-3, 1e-4, false));
    assert_shape(ct_forward(net, ct_zeros(0, 3, 64, 64)), 0, 3);
    ct_free(sgd), ct_free(net);
}

/* ---- Small models ---------------------------------------------------------------------------------------------------------------- */
static void test_small_networks_have_their_papers_sizes(void **state)
{
    (void)state;
    const struct {
        ct_module *net;
        int64_t channels, size, parameters;
    } rows[] = {
        {ct_nn_lenet5(.channels = 1, .size = 28), 1, 28, 61706},
        {ct_nn_lenet5(.channels = 1), 1, 32, 61706},
        {ct_nn_tinycnn(.channels = 1, .size = 28), 1, 28, 206922},
        {ct_nn_tinycnn(), 3, 32, 16 * 28 + 32 * 145 + 128 * 2049 + 1290},
        {ct_nn_simplecnn(), 3, 32, 9 * (3 * 64 + 64 * 64 + 64 * 128 + 128 * 128 + 128 * 256 + 256 * 256) + 4 * 448 + 2570},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        CT_SCOPE;
        assert_fine();
        assert_int_equal(ct_module_count_parameters(rows[i].net), rows[i].parameters);
        assert_shape(ct_forward(rows[i].net, ct_randn(2, rows[i].channels, rows[i].size, rows[i].size)), 2, 10);
        ct_free(rows[i].net);
    }
    FAILED(ct_nn_lenet5(.size = 8), "lenet5: 3 channels, size 8, 10 classes: want at least 1, 16 and 1");
    FAILED(ct_nn_tinycnn(.classes = 0), "tinycnn: 3 channels, size 32, 0 classes");
    FAILED(ct_nn_simplecnn(.channels = -1), "simplecnn: -1 channels");
}

static void test_autoencoders_give_images_back(void **state)
{
    (void)state;
    CT_SCOPE;
    ct_module *nets[] = {ct_nn_autoencoder(), ct_nn_conv_autoencoder(), ct_nn_variational_autoencoder()};
    ct_tensor *x = ct_rand(3, 1, 28, 28);
    for (size_t i = 0; i < COUNT(nets); i++) {
        ct_tensor *y = ct_forward(nets[i], x), *code = ct_forward(ct_module_child(nets[i], "encoder"), x);
        assert_fine();
        assert_shape(y, 3, 1, 28, 28);
        assert_true(ct_item(ct_min(y)) > 0 && ct_item(ct_max(y)) < 1);
        assert_shape(code, 3, i == 2 ? 64 : 32);
        assert_shape(ct_forward(ct_module_child(nets[i], "decoder"), ct_zeros(5, 32)), 5, 1, 28, 28);
        ct_free(nets[i]);
    }
    FAILED(ct_nn_conv_autoencoder(.size = 30), "size 30, hidden 256, latent 32: want at least 1, and a size that is a multiple of 4");
    FAILED(ct_nn_autoencoder(.latent = 0), "autoencoder: 1 channels, size 28, hidden 256, latent 0");
}

static void test_a_variational_autoencoder_draws_in_training_alone(void **state)
{
    (void)state;
    CT_SCOPE;
    ct_module *net = ct_nn_variational_autoencoder(.latent = 4), *other = ct_nn_relu();
    ct_tensor *x = ct_rand(3, 1, 28, 28), *mean, *log_var;
    assert_false(ct_equal(ct_forward(net, x), ct_forward(net, x)));
    ct_module_eval(net);
    ct_tensor *y = ct_nn_variational_run(net, x, &mean, &log_var);
    assert_true(ct_equal(y, ct_forward(net, x)));
    assert_true(ct_equal(y, ct_forward(ct_module_child(net, "decoder"), mean)));
    assert_true(ct_equal(ct_cat(CT_TENSORS(mean, log_var), 1), ct_forward(ct_module_child(net, "encoder"), x)));
    FAILED(ct_nn_variational_run(net, x, NULL, &log_var), "variational_run: the place for mean is NULL");
    FAILED(ct_nn_variational_run(other, x, &mean, &log_var), "variational_run: the module is a ReLU, want a VariationalAutoencoder");
    FAILED(ct_nn_variational_run(net, ct_zeros(3, 5), &mean, &log_var), "linear");
    assert_true(!mean && !log_var);
    ct_free(net), ct_free(other);
}

static void test_parts_are_found_by_their_full_names(void **state)
{
    (void)state;
    ct_module *net = ct_nn_resnet18();
    assert_string_equal(ct_module_kind(ct_module_child(net, "layer2.0.downsample.1")), "BatchNorm2d");
    assert_string_equal(ct_module_kind(ct_module_child(net, "layer1")), "Sequential");
    assert_null(ct_module_child(net, "layer"));
    assert_null(ct_module_child(net, "layer1.7"));
    assert_null(ct_module_child(net, "conv1.weight"));
    assert_null(ct_module_child(net, NULL));
    assert_null(ct_module_child(NULL, "fc"));
    assert_fine();
    ct_free(net);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_convolution_layers_are_their_ops),
        cmocka_unit_test(test_convolution_weights_lie_channels_last_and_start_uniform),
        cmocka_unit_test(test_convolution_layers_refuse_what_cannot_work),
        cmocka_unit_test(test_pooling_layers_are_their_ops),
        cmocka_unit_test(test_pooling_layers_refuse_what_cannot_work),
        cmocka_unit_test(test_dropout2d_drops_whole_channels_in_training),
        cmocka_unit_test(test_39_running_values_move_by_momentum_with_unbiased_variance),
        cmocka_unit_test(test_39_cumulative_running_values_average_all_batches_alike),
        cmocka_unit_test(test_40_one_value_a_channel_is_an_error_in_training_alone),
        cmocka_unit_test(test_41_an_empty_batch_leaves_running_values_and_gives_zero_gradients),
        cmocka_unit_test(test_normalisation_layers_are_their_ops),
        cmocka_unit_test(test_42_43_normalisation_layers_refuse_what_cannot_work),
        cmocka_unit_test(test_integer_buffers_survive_a_file),
        cmocka_unit_test(test_residual_blocks_have_torchvisions_names),
        cmocka_unit_test(test_a_residual_block_is_this_expression),
        cmocka_unit_test(test_each_failed_allocation_is_survived),
        cmocka_unit_test(test_residual_networks_have_torchvisions_parameters),
        cmocka_unit_test(test_residual_networks_start_as_torchvisions),
        cmocka_unit_test(test_residual_networks_learn_and_mind_the_mode),
        cmocka_unit_test(test_small_networks_have_their_papers_sizes),
        cmocka_unit_test(test_autoencoders_give_images_back),
        cmocka_unit_test(test_a_variational_autoencoder_draws_in_training_alone),
        cmocka_unit_test(test_parts_are_found_by_their_full_names),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    ct_shutdown();
    return failed;
}
