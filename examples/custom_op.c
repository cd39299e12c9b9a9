/* An op of your own: its value, its vector-Jacobian product, and the proof that they fit together. */
#include <cotangent.h>

/* softsign: y = x / (1 + |x|), dx = g / (1 + |x|)^2 */
static void softsign_vjp(ct_node *node, ct_tensor *const *cotangents, ct_tensor **gradients)
{
    ct_tensor *x = ct_node_input(node, 0);
    gradients[0] = ct_div(cotangents[0], ct_square(ct_add(1, ct_abs(x))));
}

static ct_tensor *softsign(ct_tensor *x)
{
    CT_SCOPE;
    ct_tensor *y;
    {
        CT_NO_GRAD;                             /* the ops below are how it is computed, not how it is differentiated */
        y = ct_div(x, ct_add(1, ct_abs(x)));
    }
    return ct_promote(ct_record("softsign", softsign_vjp, CT_TENSORS(y), CT_TENSORS(x)));
}

static ct_tensor *checked(ct_tensor *const *inputs, void *context)
{
    (void)context;
    return softsign(inputs[0]);
}

int main(void)
{
    ct_set_default_dtype(CT_FLOAT64);           /* differences need the digits */
    ct_tensor *x = ct_require_grad(ct_randn(3, 4), true);
    if (ct_gradcheck(checked, CT_TENSORS(x)) && ct_gradgradcheck(checked, CT_TENSORS(x)))
        printf("softsign: gradients of first and second order agree with differences\n");
    if (ct_backward(ct_sum(softsign(x))))
        ct_print(ct_gradient(x));
    int failed = ct_report_error();
    ct_shutdown();
    return failed;
}
