/* A network that learns a motion from its law alone: x'' + 2 z w x' + w^2 x = 0, a damped pendulum let go at x = 1. No data: the
 * loss is what the network's own derivatives leave of the equation, so training differentiates through derivatives. */
#include <cotangent.h>
#include <math.h>

#include "options.h"

enum { POINTS = 64, HIDDEN = 32 };
static const double z = 0.2, w = 3, end = 3;    /* damping, frequency, time */
static int64_t epochs = 10000, seed, threads;
static double lr = 1e-2;
static const char *plot;

static const struct option_row options[] = {
    {"epochs", "N", "steps of Adam", .whole = &epochs, .least = 1},
    {"lr", "X", "learning rate of Adam at the start; it falls to 0 along a cosine", .number = &lr},
    {"seed", "N", "of the weights", .whole = &seed},
    {"threads", "N", "0: one per core", .whole = &threads},
    {"plot", "FILE", "write time, fit and solution here, a line each, for gnuplot", .text = &plot},
    {0},
};

/* x(t) = 1 + t^2 net(t): starts at 1 and at rest, whatever the weights. */
static ct_tensor *position(ct_module *net, ct_tensor *t)
{
    return ct_add(1.0, ct_mul(ct_square(t), ct_forward(net, ct_sub(ct_mul(2 / end, t), 1.0))));
}

static ct_tensor *residual(ct_module *net, ct_tensor *t)
{
    ct_tensor *x = position(net, t);
    ct_tensor *velocity = ct_grad(ct_sum(x), t, .create_graph = true);
    ct_tensor *acceleration = ct_grad(ct_sum(velocity), t, .create_graph = true);
    return ct_add(acceleration, ct_add(ct_mul(2 * z * w, velocity), ct_mul(w * w, x)));
}

static double solution(double t)
{
    const double v = w * sqrt(1 - z * z);
    return exp(-z * w * t) * (cos(v * t) + z * w / v * sin(v * t));
}

static double largest_error(ct_module *net, FILE *file)
{
    CT_SCOPE;
    CT_NO_GRAD;
    double largest = 0;
    ct_tensor *t = ct_reshape(ct_linspace(0, end, 301), -1, 1), *x = ct_contiguous(position(net, t));
    const float *time = ct_data(t), *fit = ct_data(x);
    for (int i = 0; time && fit && i < 301; i++) {
        const double right = solution((double)time[i]);
        largest = fmax(largest, fabs((double)fit[i] - right));
        if (file)
            fprintf(file, "%g %g %g\n", (double)time[i], (double)fit[i], right);
    }
    return largest;
}

int main(int count, char **words)
{
    options_parse("Fits a network to the equation of a damped pendulum.", options, count, words);
    if (threads && !ct_set_num_threads(threads < 1000 ? (int)threads : 1000))
        return ct_report_error();
    FILE *file = plot ? fopen(plot, "w") : NULL;
    if (plot && !file)
        options_refuse("--plot %s: cannot be written", plot);
    ct_seed((uint64_t)seed);

    ct_tensor *t = ct_require_grad(ct_reshape(ct_linspace(0, end, POINTS), -1, 1));
    ct_module *net = ct_nn_sequential(ct_nn_linear(1, HIDDEN), ct_nn_tanh(), ct_nn_linear(HIDDEN, HIDDEN), ct_nn_tanh(), ct_nn_linear(HIDDEN, 1));
    ct_optimizer *adam = ct_optim_adam(net, .lr = lr);
    for (int64_t epoch = 1; epoch <= epochs && ct_ok(); epoch++) {
        CT_SCOPE;
        ct_optimizer_set_lr(adam, lr * 0.5 * (1 + cos(3.14159265358979 * (double)(epoch - 1) / (double)epochs)));
        ct_tensor *loss = ct_mean(ct_square(residual(net, t)));
        ct_zero_grad(adam);
        if (!ct_backward(loss) || !ct_step(adam))
            break;
        if (epoch % 2000 == 0)
            printf("epoch %lld: residual %.6f, largest error %.4f\n", (long long)epoch, sqrt(ct_item(loss)), largest_error(net, NULL));
    }
    const double error = ct_ok() ? largest_error(net, file) : 0;
    if (file && fclose(file) != 0 && ct_ok())
        ct_fail("--plot %s: cannot be written", plot);
    if (ct_ok() && plot)
        printf("plot: gnuplot -p -e \"plot '%s' using 1:2 with lines title 'fit', '' using 1:3 with lines title 'solution'\"\n", plot);
    if (ct_ok())
        printf("largest error: %.4f\n", error);
    ct_free(adam), ct_free(net);
    int failed = ct_report_error();
    ct_shutdown();
    return failed;
}
