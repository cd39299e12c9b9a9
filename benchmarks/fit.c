/* fit.c - ct_train_fit against the same loop by hand: the mlp workload, epochs of 200 steps of either kind in turn, one network each. */
#define _POSIX_C_SOURCE 200809L
#include <cotangent.h>
#include <stdlib.h>
#include <time.h>

enum { ROUNDS = 41, STEPS = 200, BATCH = 64 };

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

struct trained {
    ct_module *net;
    ct_optimizer *adam;
    ct_loader *loader;
};

static struct trained make(ct_dataset *set)
{
    struct trained t;
    ct_seed(0);
    t.net = ct_nn_sequential(ct_nn_linear(784, 128), ct_nn_relu(), ct_nn_linear(128, 64), ct_nn_relu(), ct_nn_linear(64, 10));
    t.adam = ct_optim_adam(t.net, .lr = 1e-3);
    t.loader = ct_loader_new(set, .batch_size = BATCH);
    return t;
}

static double by_hand(struct trained *t)
{
    const double start = now();
    double sum = 0;
    for (ct_batch batch; ct_loader_next(t->loader, &batch);) {
        CT_SCOPE;
        ct_tensor *loss = ct_cross_entropy(ct_forward(t->net, batch.x), batch.y);
        ct_zero_grad(t->adam);
        if (!ct_backward(loss) || !ct_step(t->adam))
            break;
        sum += ct_item(loss);
    }
    return sum > 0 ? (now() - start) / STEPS : 0;
}

static double by_fit(struct trained *t, FILE *file)
{
    const double start = now();
    ct_history *history = ct_train_fit(t->net, t->adam, t->loader, .progress = file);
    ct_free(history);
    return (now() - start) / STEPS;
}

int main(void)
{
    CT_SCOPE;
    static double hand[ROUNDS], fit[ROUNDS], ratio[ROUNDS];
    FILE *file = tmpfile();
    ct_dataset *set = ct_data_tensors(ct_randn(STEPS * BATCH, 784), ct_randint(0, 10, STEPS * BATCH));
    struct trained a = make(set), b = make(set);
    for (int i = 0; i < ROUNDS && ct_ok(); i++) {
        if (i % 2)                              /* who goes first finds another cache */
            fit[i] = by_fit(&b, file);
        hand[i] = by_hand(&a);
        if (!(i % 2))
            fit[i] = by_fit(&b, file);
        ratio[i] = fit[i] / hand[i];
    }
    qsort(hand, ROUNDS, sizeof *hand, by_value), qsort(fit, ROUNDS, sizeof *fit, by_value), qsort(ratio, ROUNDS, sizeof *ratio, by_value);
    if (ct_ok())
        printf("mlp, loader included: by hand %.1f us a step, fit %.1f us; fit over hand, median of %d pairs: %.3f\n", 1e6 * hand[ROUNDS / 2],
               1e6 * fit[ROUNDS / 2], ROUNDS, ratio[ROUNDS / 2]);
    ct_free(a.adam), ct_free(a.net), ct_free(a.loader), ct_free(b.adam), ct_free(b.net), ct_free(b.loader), ct_free(set);
    return ct_report_error();
}
