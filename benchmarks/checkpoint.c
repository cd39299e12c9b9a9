/* checkpoint.c - memory and time of a training step of a deep transformer, plain and with its blocks run again in backward. */
#define _POSIX_C_SOURCE 200809L
#include <cotangent.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { LAYERS = 24, WIDTH = 192, HEADS = 6, LENGTH = 128, BATCH = 8, TOKENS = 65, STEPS = 5 };

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int measure(const char *name, bool checkpoint)
{
    CT_SCOPE;
    ct_module *net = ct_nn_gpt(.vocabulary = TOKENS, .block = LENGTH, .width = WIDTH, .heads = HEADS, .layers = LAYERS, .checkpoint = checkpoint);
    ct_optimizer *adam = ct_optim_adamw(net, .lr = 1e-3);
    ct_tensor *x = ct_randint(0, TOKENS, BATCH, LENGTH), *y = ct_randint(0, TOKENS, BATCH * LENGTH);
    double best = 1e9;
    for (int i = 0; i < STEPS && ct_ok(); i++) {
        const double start = now();
        CT_SCOPE;
        ct_tensor *loss = ct_cross_entropy(ct_flatten(ct_forward(net, x), 0, 1), y);
        ct_zero_grad(adam);
        if (!ct_backward(loss) || !ct_step(adam))
            break;
        const double took = now() - start;
        best = took < best ? took : best;
    }
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    printf("%-10s peak %7.1f MiB of tensors, %7.1f MiB resident, %7.1f ms a step\n", name, (double)ct_memory().peak / (1 << 20),
           (double)usage.ru_maxrss / 1024, best * 1e3);
    ct_free(adam), ct_free(net);
    return ct_report_error();
}

int main(void)                                  /* a process each: the resident memory never falls */
{
    const char *const names[] = {"plain", "checkpoint"};
    for (int i = 0; i < 2; i++) {
        int status;
        const pid_t child = fork();
        if (!child)
            return measure(names[i], i);
        if (child < 0 || waitpid(child, &status, 0) < 0 || status)
            return 1;
    }
    return 0;
}
