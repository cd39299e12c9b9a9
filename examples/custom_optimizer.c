/* An optimizer of your own: signSGD with momentum, arXiv:1802.04434, raced against Adam on a small regression. */
#include <cotangent.h>

/* m = beta m + (1 - beta) g; p -= lr sign(m) */
static bool sign_update(ct_optimizer *optimizer, const ct_optim_parameter *p, void *context)
{
    (void)context;
    const double lr = ct_optimizer_get(optimizer, p->group, "lr"), beta = ct_optimizer_get(optimizer, p->group, "beta");
    ct_tensor *momentum = ct_copy_(p->states[0], ct_lerp(p->gradient, p->states[0], beta));
    return ct_add_(p->value, ct_mul(ct_sign(momentum), -lr)) != NULL;
}

static ct_optimizer *sign_sgd(ct_module *net, double lr)
{
    return ct_optim_custom("sign_sgd", net, sign_update, .lr = lr, .options = (const ct_optim_option[]){{"beta", 0.9}, {0}}, .states = {"momentum"});
}

static void fit(const char *name, bool own)
{
    CT_SCOPE;
    ct_seed(1);
    ct_module *net = ct_nn_sequential(ct_nn_linear(1, 32), ct_nn_tanh(), ct_nn_linear(32, 1));
    ct_optimizer *optimizer = own ? sign_sgd(net, 5e-3) : ct_optim_adam(net, .lr = 5e-3);
    ct_schedule *schedule = ct_schedule_cosine(optimizer, 600); /* all that works with the others works with it */
    ct_tensor *x = ct_unsqueeze((ct_linspace)(-3, 3, 200, CT_FLOAT32), 1), *y = ct_sin(x);
    for (int step = 0; step <= 600 && ct_ok(); step++) {
        CT_SCOPE;
        ct_tensor *loss = ct_mse(ct_forward(net, x), y);
        if (step % 200 == 0)
            printf("%-9s step %3d: loss %.5f\n", name, step, ct_item(loss));
        ct_zero_grad(optimizer);
        if (!ct_backward(loss) || !ct_step(optimizer) || !ct_schedule_next(schedule))
            break;
    }
    ct_free(schedule), ct_free(optimizer), ct_free(net);
}

int main(void)
{
    fit("adam", false);
    fit("sign_sgd", true);
    int failed = ct_report_error();
    ct_shutdown();
    return failed;
}
