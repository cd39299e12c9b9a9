#include <cotangent.h>

int main(void)
{
    ct_dataset *digits = ct_data_digits(.count = 10000);           /* or ct_data_mnist(.folder = "...", .train = true) */
    ct_loader *loader = ct_loader_new(digits, .batch_size = 64, .shuffle = true);
    ct_module *net = ct_nn_sequential(ct_nn_flatten(), ct_nn_linear(784, 128), ct_nn_relu(), ct_nn_linear(128, 10));
    ct_optimizer *adam = ct_optim_adam(net, .lr = 1e-3);

    for (int epoch = 0; epoch < 3 && ct_ok(); epoch++)
        for (ct_batch b; ct_loader_next(loader, &b);) {            /* (64, 1, 28, 28) and (64); false at the end or on error */
            CT_SCOPE;                                              /* owns every tensor made until this brace closes */
            ct_tensor *loss = ct_cross_entropy(ct_forward(net, b.x), b.y);
            ct_zero_grad(adam);
            if (!ct_backward(loss) || !ct_step(adam))
                break;
        }
    printf("accuracy %.3f\n", ct_train_accuracy(net, digits, 1000));
    ct_free(adam), ct_free(net), ct_free(loader), ct_free(digits); /* one verb frees any object; NULL is fine */
    return ct_report_error();                                      /* prints the first failure; 0 if there was none */
}
