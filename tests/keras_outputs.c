/* Loads Keras's weights into a network like Keras's, for test_python_keras.sh: keras_outputs NETWORK WEIGHTS LAYERS INPUTS OUTPUTS. */
#include <cotangent.h>

#include <stdio.h>
#include <string.h>

/* Twelve layers, so that their numbers and their names sort otherwise. */
static ct_module *deep(void)
{
    ct_module *parts[12];
    for (int i = 0; i < 12; i++)
        parts[i] = ct_nn_linear(8, 8, .activation = CT_TANH);
    return (ct_nn_sequential)(parts, 12);
}

static ct_module *images(void)
{
    return ct_nn_sequential(ct_nn_conv2d(3, 8, 3, .padding = 1, .no_bias = true), ct_nn_batch_norm2d(8, .eps = 1e-3, .activation = CT_RELU),
                            ct_nn_max_pool2d(2), ct_nn_conv2d(8, 12, CT_HW(3, 1), .groups = 4, .activation = CT_RELU), ct_nn_flatten(),
                            ct_nn_batch_norm1d(12 * 6 * 8, .eps = 1e-3), ct_nn_linear(12 * 6 * 8, 32, .activation = CT_RELU), ct_nn_dropout(0.5),
                            ct_nn_linear(32, 5));
}

static ct_module *pooled(void)
{
    return ct_nn_sequential(ct_nn_conv2d(3, 8, 3, .activation = CT_RELU), ct_nn_conv2d(8, 6, 1), ct_nn_adaptive_avg_pool2d(1), ct_nn_flatten(),
                            ct_nn_linear(6, 4, .no_bias = true));
}

static const struct {
    const char *name;
    ct_module *(*make)(void);
} networks[] = {{"deep", deep}, {"images", images}, {"pooled", pooled}};

int main(int words, char **word)
{
    if (words != 6)
        return 2;
    ct_module *net = NULL;
    for (size_t i = 0; i < sizeof networks / sizeof *networks; i++)
        if (!strcmp(word[1], networks[i].name))
            net = networks[i].make();
    CT_NO_GRAD;
    if (net && ct_module_load_keras(net, word[2], .layers = *word[3] ? word[3] : NULL)) {
        ct_module_eval(net);
        ct_io_npy_write(word[5], ct_forward(net, ct_io_npy_read(word[4])));
    }
    ct_free(net);
    const int failed = ct_report_error();
    ct_shutdown();
    return failed;
}
