/* A layer and a loss of your own: a residual block y = x + B tanh(A x), and log cosh of the error. */
#include <cotangent.h>

struct residual {
    ct_module *in, *out;
    ct_tensor *scale;
};

static ct_tensor *residual_forward(ct_module *self, ct_tensor *x)   /* (..., size) -> (..., size) */
{
    struct residual *m = ct_module_state(self);
    ct_tensor *inner = ct_forward(m->out, ct_tanh(ct_forward(m->in, x)));
    return ct_add(x, ct_mul(m->scale, inner));
}

static ct_module *residual_new(int64_t size, int64_t hidden)
{
    CT_SCOPE;
    ct_module *self = ct_module_new("Residual", residual_forward, sizeof(struct residual));
    struct residual *m = ct_module_state(self);
    if (!m)
        return NULL;
    m->in = ct_module_add_child(self, "in", ct_nn_linear(size, hidden));
    m->out = ct_module_add_child(self, "out", ct_nn_linear(hidden, size));
    m->scale = ct_module_add_parameter(self, "scale", ct_full(0.5, size));
    ct_module_describe(self, "%d -> %d -> %d", (int)size, (int)hidden, (int)size);
    return ct_module_ready(self);               /* NULL, and all of it freed, if any part failed */
}

/* log cosh e = |e| + log(1 + exp(-2 |e|)) - log 2: quadratic near 0, linear far away, no overflow. */
static ct_tensor *log_cosh_loss(ct_tensor *y, ct_tensor *target)
{
    ct_tensor *e = ct_abs(ct_sub(y, target));
    return ct_mean(ct_add(e, ct_sub(ct_softplus(ct_mul(e, -2.0)), 0.6931471805599453)));
}

int main(void)
{
    ct_tensor *x = ct_reshape(ct_linspace(-3, 3, 128), -1, 1);
    ct_tensor *target = ct_mul(ct_sin(ct_mul(x, 2.0)), x);
    ct_module *net = ct_nn_sequential(ct_nn_linear(1, 16), residual_new(16, 32), residual_new(16, 32),
                                      ct_nn_linear(16, 1));
    ct_optimizer *adam = ct_optim_adam(net, .lr = 1e-2);
    if (ct_ok())
        ct_module_summary(net, stdout, 128, 1);
    for (int step = 0; step <= 500 && ct_ok(); step++) {
        CT_SCOPE;
        ct_tensor *loss = log_cosh_loss(ct_forward(net, x), target);
        ct_zero_grad(adam);
        if (!ct_backward(loss) || !ct_step(adam))
            break;
        if (step % 100 == 0)
            printf("step %3d: loss %.5f\n", step, ct_item(loss));
    }
    ct_free(adam), ct_free(net);
    int failed = ct_report_error();
    ct_shutdown();
    return failed;
}
