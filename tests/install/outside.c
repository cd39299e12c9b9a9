/* A program that knows Cotangent only as pkg-config tells it: every kind of macro, under -Wpedantic -Werror. */
#include <cotangent.h>

static int failures;

static void check(bool held, const char *what)
{
    if (!held) {
        printf("%s: %s\n", what, ct_error());
        failures++;
    }
}

static bool same(double a, double b)
{
    return a - b < 1e-6 && b - a < 1e-6;
}

static ct_tensor *cube(ct_tensor *const *inputs, void *context)
{
    (void)context;
    return ct_pow(inputs[0], 3);
}

static double train(void)
{
    ct_dataset *digits = ct_data_digits(.count = 320);
    ct_loader *loader = ct_loader_new(digits, .batch_size = 32, .shuffle = true);
    ct_module *net = ct_nn_sequential(ct_nn_flatten(), ct_nn_linear(784, 32), ct_nn_relu(), ct_nn_linear(32, 10));
    ct_optimizer *adam = ct_optim_adam(net, .lr = 3e-3);
    for (int epoch = 0; epoch < 4 && ct_ok(); epoch++)
        for (ct_batch b; ct_loader_next(loader, &b);) {
            CT_SCOPE;
            ct_tensor *loss = ct_cross_entropy(ct_forward(net, b.x), b.y);
            ct_zero_grad(adam);
            if (!ct_backward(loss) || !ct_step(adam))
                break;
        }
    double accuracy = ct_train_accuracy(net, digits, 64);
    ct_zero_grad(net);
    ct_free(adam), ct_free(net), ct_free(loader), ct_free(digits), ct_free(NULL);
    return accuracy;
}

int main(void)
{
    puts(ct_build_info());
    {
        CT_SCOPE;
        ct_tensor *x = ct_require_grad(ct_vector(1, 2, 3, 4), true);
        ct_tensor *m = ct_reshape(x, 2, -1);
        ct_tensor *y = ct_sum(ct_add(1, ct_mul(ct_sub(ct_div(m, 2.0), 0.5f), ct_permute(m, 1, 0))), CT_AXES(0, -1), .keepdims = true);
        check(ct_backward(ct_reshape(y, 1)), "backward of a nest");
        check(same(ct_item(ct_narrow(ct_gradient(x), 0, 0, 1)), 0.5), "its gradient");
        check(same(ct_item(ct_var(ct_arange(4.0), 0, .correction = 0)), 1.25), "variance");

        ct_tensor *indices = NULL;
        check(same(ct_item(ct_max(x, 0, .indices = &indices)), 4) && ct_item_int(indices) == 3, "max and where");
        check(ct_size(ct_cat(CT_TENSORS(x, x), 0), 0) == 8, "a list of tensors");
        check(ct_size(ct_linear(m, ct_ones(3, 2), NULL, .activation = CT_RELU), 1) == 3, "NULL for an optional operand");
        ct_tensor *gradient = ct_grad(ct_sum(ct_square(x)), x, .create_graph = true);
        check(same(ct_item(ct_mean(ct_grad(ct_sum(gradient), x))), 2), "a gradient's gradient");
        {
            CT_NO_GRAD;
            check(!ct_recording() && !ct_requires_grad(ct_exp(x)), "recording off");
        }
        check(ct_recording(), "recording on again");
        ct_tensor *wide = ct_require_grad(ct_full_as(CT_FLOAT64, 1.5, 3), true);
        check(ct_gradcheck(cube, CT_TENSORS(wide), .fast = true), "gradcheck");
        check(ct_dropout(x, .p = 0) != NULL && ct_flatten(m) && ct_eye(2) && ct_elu(x), "left-out arguments");
        check(!ct_matmul(x, ct_zeros(5)) && !ct_ok(), "a wrong shape is an error");
        ct_error_clear();
    }
    check(train() > 0.5, "training");
    check(ct_ok(), "no failure is pending");
    ct_shutdown();
    return failures + ct_report_error();
}
