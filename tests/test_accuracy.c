/* The main job, end to end: what a linear and a deep classifier reach on the synthetic digits, and on MNIST where it is. */
#include "engine.h"

static double trained(ct_dataset *training, ct_dataset *testing, bool deep, int epochs)
{
    ct_seed(0);
    ct_loader *loader = ct_loader_new(training, .batch_size = 64, .shuffle = true);
    ct_module *net = deep ? ct_nn_sequential(ct_nn_flatten(), ct_nn_linear(784, 128), ct_nn_relu(), ct_nn_linear(128, 64), ct_nn_relu(),
                                             ct_nn_linear(64, 10))
                          : ct_nn_sequential(ct_nn_flatten(), ct_nn_linear(784, 10));
    ct_optimizer *adam = ct_optim_adam(net, .lr = 2e-3);
    const double steps = (double)(epochs * ct_loader_batches(loader));
    double done = 0;
    for (int epoch = 0; epoch < epochs && ct_ok(); epoch++)
        for (ct_batch b; ct_loader_next(loader, &b); done++) {
            CT_SCOPE;
            ct_optimizer_set_lr(adam, 1.5e-3 * (1 + cos(3.14159265 * done / steps)));
            ct_tensor *loss = ct_cross_entropy(ct_forward(net, b.x), b.y);
            ct_zero_grad(adam);
            if (!ct_backward(loss) || !ct_step(adam))
                break;
        }
    double accuracy = ct_train_accuracy(net, testing, 1000);
    ct_free(adam), ct_free(net), ct_free(loader);
    assert_fine();
    print_message("# %s: %.4f\n", deep ? "784-128-64-10" : "linear", accuracy);
    return accuracy;
}

static void test_synthetic_digits_are_beyond_a_linear_classifier(void **state)
{
    (void)state;
    ct_dataset *training = ct_data_digits(.count = 10000, .seed = 5), *testing = ct_data_digits(.count = 2000, .seed = 6);
    assert_true(trained(training, testing, false, 8) < 0.93);
    assert_true(trained(training, testing, true, 3) >= 0.96);
    ct_free(training), ct_free(testing);
}

static void test_mnist_reaches_97_percent_in_three_epochs(void **state)
{
    (void)state;
    char folder[1024];
    const char *root = getenv("CT_SOURCE_ROOT");
    snprintf(folder, sizeof folder, "%s/../shared/data/mnist", root ? root : ".");
    const char *found = ct_data_mnist_available(folder) ? folder : NULL;
    if (!found && !ct_data_mnist_available(NULL))
        skip();
    ct_dataset *training = ct_data_mnist(.folder = found, .train = true), *testing = ct_data_mnist(.folder = found);
    assert_true(trained(training, testing, true, 3) >= 0.970);
    ct_free(training), ct_free(testing);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_synthetic_digits_are_beyond_a_linear_classifier),
        cmocka_unit_test(test_mnist_reaches_97_percent_in_three_epochs),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    ct_shutdown();
    return failed;
}
