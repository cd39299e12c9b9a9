/* A model with a layer of its own is saved, comes back without the code that put it together, and goes to ONNX: model_file [PATH [ONNX]]. */
#include <cotangent.h>

#include <stddef.h>
#include <stdio.h>
#include <string.h>

/* ---- Swish, arXiv:1710.05941: x sigmoid(beta x) ------------------------------------------------------------------------------------ */
struct swish {
    double beta;
};
static const ct_setting swish_settings[] = {{.key = "beta", .type = CT_SETTING_NUMBER, .offset = offsetof(struct swish, beta), .required = true}};

static ct_tensor *swish_forward(ct_module *self, ct_tensor *x)
{
    const struct swish *m = ct_module_state(self);
    return ct_mul(x, ct_sigmoid(ct_mul(x, m->beta)));
}

static const char *swish_onnx(ct_onnx *graph, ct_module *self, const char *x)
{
    CT_SCOPE;
    const struct swish *m = ct_module_state(self);
    const char *beta = ct_onnx_tensor(graph, NULL, ct_full(m->beta, 1));
    const char *scaled = ct_onnx_node(graph, "Mul", (const char *const[]){x, beta}, 2, NULL, 0);
    const char *gate = ct_onnx_node(graph, "Sigmoid", &scaled, 1, NULL, 0);
    return ct_onnx_node(graph, "Mul", (const char *const[]){x, gate}, 2, NULL, 0);
}

static ct_module *swish_make(const void *settings);
static const ct_module_type swish_type = {
    .kind = "Swish", .settings = swish_settings, .count = 1, .bytes = sizeof(struct swish), .make = swish_make, .onnx = swish_onnx};

static ct_module *swish_new(double beta)
{
    ct_module *self = ct_module_new("Swish", swish_forward, sizeof(struct swish));
    struct swish *m = ct_module_state(self);
    if (m)
        m->beta = beta;
    return ct_module_ready_as(self, &swish_type, m); /* what a file will say of it */
}

static ct_module *swish_make(const void *settings)
{
    return swish_new(((const struct swish *)settings)->beta);
}

/* ---- There and back ------------------------------------------------------------------------------------------------------------- */
static double train(ct_module *net, ct_tensor *x, ct_tensor *target)
{
    double last = 0;
    ct_optimizer *adam = ct_optim_adam(net, .lr = 1e-2);
    for (int step = 0; step < 300 && ct_ok(); step++) {
        CT_SCOPE;
        ct_tensor *loss = ct_mse(ct_forward(net, x), target);
        ct_zero_grad(adam);
        if (!ct_backward(loss) || !ct_step(adam))
            break;
        last = ct_item(loss);
    }
    ct_free(adam);
    return last;
}

int main(int words, char **word)
{
    if (words > 1 && word[1][0] == '-')
        return fprintf(strcmp(word[1], "--help") ? stderr : stdout, "usage: %s [MODEL [ONNX]]\nFits a curve, writes the model and its ONNX form, reads it again.\n", word[0]),
               strcmp(word[1], "--help") ? 2 : 0;
    const char *path = words > 1 ? word[1] : "model.json", *onnx = words > 2 ? word[2] : "model.onnx";
    ct_tensor *x = ct_reshape(ct_linspace(-3, 3, 128), -1, 1), *target = ct_mul(ct_sin(ct_mul(x, 2.0)), x);
    ct_module *net = ct_nn_sequential(ct_nn_linear(1, 32), swish_new(1.5), ct_nn_linear(32, 1));
    if (ct_ok())
        printf("loss %.4f\n", train(net, x, target));
    ct_module_register(&swish_type);            /* before files that hold it are read */
    ct_module *again = ct_model_save(net, path) ? ct_model_load(path) : NULL;
    if (again && ct_model_export_onnx(again, onnx, x)) {
        ct_tensor *y = ct_forward(net, x);
        printf("%s: a %s of %lld parameters, outputs %s\n", path, ct_module_kind(again), (long long)ct_module_count_parameters(again),
               ct_equal(y, ct_forward(again, x)) ? "the same" : "other ones");
        printf("%s: the same for other programs\n", onnx);
    }
    ct_free(net), ct_free(again);
    const int failed = ct_report_error();
    ct_shutdown();
    return failed;
}
