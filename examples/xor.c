/* XOR from tensor expressions alone: two layers, their gradients, and Adam over four plain tensors. */
#include <cotangent.h>

int main(void)
{
    ct_tensor *x = ct_reshape(ct_vector(0, 0, 0, 1, 1, 0, 1, 1), 4, 2);
    ct_tensor *y = ct_reshape(ct_vector(0, 1, 1, 0), 4, 1);
    ct_tensor *w1 = ct_randn(2, 8), *b1 = ct_zeros(8), *w2 = ct_randn(8, 1), *b2 = ct_zeros(1);
    ct_module *parameters = ct_nn_parameter_list(w1, b1, w2, b2);
    ct_optimizer *adam = ct_optim_adam(parameters, .lr = 0.05);

    for (int step = 1; step <= 500 && ct_ok(); step++) {
        CT_SCOPE;                               /* owns every tensor made until this brace closes */
        ct_tensor *hidden = ct_tanh(ct_add(ct_matmul(x, w1), b1));
        ct_tensor *logits = ct_add(ct_matmul(hidden, w2), b2);
        ct_tensor *loss = ct_binary_cross_entropy_with_logits(logits, y);
        ct_zero_grad(adam);
        if (!ct_backward(loss) || !ct_step(adam))
            break;
        if (step % 100 == 0)
            printf("step %d: loss %.4f\n", step, ct_item(loss));
        float p[4];
        if (step == 500 && ct_to_array(ct_sigmoid(logits), p, sizeof p))
            for (int i = 0; i < 4; i++)
                printf("%d xor %d: %.3f\n", i / 2, i % 2, p[i]);
    }
    ct_free(adam), ct_free(parameters);
    return ct_report_error();
}
