/* profile.c - a training step with the profiler on against one with it off: the mlp workload, 2,000 steps of either kind in turn. */
#define _POSIX_C_SOURCE 200809L
#include <cotangent.h>
#include <stdlib.h>
#include <time.h>

enum { ROUNDS = 15, STEPS = 2000, BATCH = 64 };

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double steps(ct_module *net, ct_optimizer *adam, ct_tensor *x, ct_tensor *y)
{
    const double start = now();
    for (int i = 0; i < STEPS; i++) {
        CT_SCOPE;
        ct_zero_grad(adam);
        if (!ct_backward(ct_cross_entropy(ct_forward(net, x), y)) || !ct_step(adam))
            break;
    }
    return (now() - start) / STEPS;
}

int main(void)
{
    CT_SCOPE;
    static double off[ROUNDS], on[ROUNDS], ratio[ROUNDS];
    ct_module *net = ct_nn_sequential(ct_nn_linear(784, 128), ct_nn_relu(), ct_nn_linear(128, 64), ct_nn_relu(), ct_nn_linear(64, 10));
    ct_optimizer *adam = ct_optim_adam(net, .lr = 1e-7); /* a batch learnt by heart has gradients among the denormal numbers, which are slow */
    ct_tensor *x = ct_randn(BATCH, 784), *y = ct_randint(0, 10, BATCH);
    for (int i = 0; i < ROUNDS && ct_ok(); i++)
        for (int k = 0; k < 2; k++)
            if ((i + k) % 2) {                  /* who goes first finds another cache */
                off[i] = steps(net, adam, x, y);
            } else {
                ct_profile_begin(.peak_gflops = 500, .peak_gbytes = 50);
                on[i] = steps(net, adam, x, y);
                ct_profile_end(NULL, NULL);
            }
    for (int i = 0; i < ROUNDS; i++)
        ratio[i] = on[i] / off[i];
    qsort(off, ROUNDS, sizeof *off, by_value), qsort(on, ROUNDS, sizeof *on, by_value), qsort(ratio, ROUNDS, sizeof *ratio, by_value);
    if (ct_ok())
        printf("mlp: profiler off %.1f us a step, on %.1f us; on over off, median of %d pairs: %.3f\n", 1e6 * off[ROUNDS / 2], 1e6 * on[ROUNDS / 2], ROUNDS,
               ratio[ROUNDS / 2]);
    ct_free(adam), ct_free(net);
    return ct_report_error();
}
