/* optim.c - time of one optimizer step over parameters with gradients; torch_optim.py does the same in PyTorch. */
#define _POSIX_C_SOURCE 200809L
#include <cotangent.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { STEPS = 300, MOST_TENSORS = 64 };

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void race(const char *name, ct_module *module, int64_t parameters, int steps, double bytes)
{
    static const char *const names[] = {"sgd", "momentum", "adagrad", "rmsprop", "adadelta", "adam", "adamw", "lion", "lamb"};
    static const int arrays[] = {3, 5, 5, 5, 7, 7, 7, 5, 0}; /* read and written a step; 0: several passes */
    ct_optimizer *optimizers[] = {
        ct_optim_sgd(module), ct_optim_sgd(module, .momentum = 0.9), ct_optim_adagrad(module), ct_optim_rmsprop(module),
        ct_optim_adadelta(module), ct_optim_adam(module), ct_optim_adamw(module), ct_optim_lion(module), ct_optim_lamb(module),
    };
    for (size_t i = 0; i < sizeof names / sizeof *names && ct_ok(); i++) {
        double times[STEPS];
        for (int s = 0; s < steps; s++) {
            double start = now();
            ct_step(optimizers[i]);
            times[s] = now() - start;
        }
        qsort(times, (size_t)steps, sizeof *times, by_value);
        const double median = times[steps / 2];
        printf("%-8s %-10s %10.1f us  best %10.1f", name, names[i], median * 1e6, times[0] * 1e6);
        if (arrays[i])
            printf("  %6.1f GB/s, %.2f of the floor", arrays[i] * 4e-9 * (double)parameters / median,
                   median / (arrays[i] * 4 * (double)parameters / bytes));
        printf("\n");
    }
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        ct_free(optimizers[i]);
}

/* The best rate at which y += x runs over arrays far larger than the caches, bytes a second: the floor that the rows are held to. */
static double bandwidth(void)
{
    CT_SCOPE;
    CT_NO_GRAD;
    ct_tensor *x = ct_zeros(20000000), *y = ct_zeros(20000000);
    double best = 1e9;
    for (int i = 0; i < 20; i++) {
        double start = now();
        ct_add_(y, x);
        const double t = now() - start;
        best = t < best ? t : best;
    }
    return 3 * 8e7 / best;
}

int main(int count, char **words)
{
    CT_SCOPE;
    const double bytes = bandwidth();
    printf("memory: %.1f GB/s\n", bytes * 1e-9);
    if (count < 2 || strcmp(words[1], "mlp")) {
        ct_tensor *parts[60];
        for (int i = 0; i < 60; i++)
            parts[i] = ct_randn(10000000 / 60);
        ct_module *module = (ct_nn_parameter_list)(parts, 60);
        for (int i = 0; i < 60; i++)
            ct_set_gradient(parts[i], ct_randn(10000000 / 60));
        race("10^7/60", module, 10000000, 40, bytes);
        ct_free(module);
    }
    ct_module *net = ct_nn_sequential(ct_nn_linear(784, 128), ct_nn_linear(128, 64), ct_nn_linear(64, 10));
    ct_backward(ct_sum(ct_square(ct_forward(net, ct_randn(4, 784)))));
    race("mlp", net, ct_module_count_parameters(net), STEPS, bytes);
    ct_free(net);
    return ct_report_error();
}
