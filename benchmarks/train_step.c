/* train_step.c - time of a training step, median and best; torch_step.py runs the same workloads in PyTorch. */
#define _POSIX_C_SOURCE 200809L
#include <cotangent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

enum { MOST_STEPS = 3000, FEWEST_STEPS = 8, WARM_UP = 3 };

static double seconds = 6;

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

static void report(const char *name, int64_t batch, double *times, size_t count)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    qsort(times, count, sizeof *times, by_value);
    double median = times[count / 2];
    printf("%-10s batch %4lld  %10.3f ms/step  min %10.3f  %10.1f samples/s  peak %7.0f MiB\n", name, (long long)batch,
           median * 1e3, times[0] * 1e3, (double)batch / median, (double)usage.ru_maxrss / 1024);
    fflush(stdout);
}

static void train(const char *name, ct_module *net, ct_optimizer *optimizer, ct_tensor *x, ct_tensor *y)
{
    static double times[MOST_STEPS];
    size_t count = 0;
    double end = now() + seconds;
    while (ct_ok() && (count < FEWEST_STEPS || (count < MOST_STEPS && now() < end))) {
        double start = now();
        CT_SCOPE;
        ct_zero_grad(optimizer);
        if (!ct_backward(ct_cross_entropy(ct_forward(net, x), y)) || !ct_step(optimizer))
            break;
        times[count++] = now() - start;
    }
    if (ct_ok())
        report(name, ct_size(x, 0), times + WARM_UP, count - WARM_UP);
    ct_free(optimizer), ct_free(net);
}

static void mlp(const char *name)
{
    CT_SCOPE;
    ct_module *net = ct_nn_sequential(ct_nn_linear(784, 128), ct_nn_relu(), ct_nn_linear(128, 64), ct_nn_relu(),
                                      ct_nn_linear(64, 10));
    ct_optimizer *adam = ct_optim_adam(net, .lr = 1e-3);
    train(name, net, adam, ct_randn(64, 784), ct_randint(0, 10, 64));
}

static void cnn(const char *name)
{
    CT_SCOPE;
    ct_module *net = ct_nn_sequential(ct_nn_conv2d(1, 16, 3, .padding = 1, .activation = CT_RELU), ct_nn_max_pool2d(2),
                                      ct_nn_conv2d(16, 32, 3, .padding = 1, .activation = CT_RELU), ct_nn_max_pool2d(2), ct_nn_flatten(),
                                      ct_nn_linear(32 * 49, 128, .activation = CT_RELU), ct_nn_linear(128, 10));
    ct_optimizer *adam = ct_optim_adam(net, .lr = 1e-3);
    train(name, net, adam, ct_randn(64, 1, 28, 28), ct_randint(0, 10, 64));
}

static void resnet18_of(const char *name, int64_t batch)
{
    CT_SCOPE;
    ct_module *net = ct_nn_resnet18();
    ct_optimizer *sgd = ct_optim_sgd(net, .lr = 0.1, .momentum = 0.9);
    train(name, net, sgd, ct_randn(batch, 3, 32, 32), ct_randint(0, 10, batch));
}

static void resnet18(const char *name)
{
    resnet18_of(name, 32);
}

static void resnet18b128(const char *name)
{
    resnet18_of(name, 128);
}

static ct_tensor *mean_forward(ct_module *self, ct_tensor *x) /* (N, T, D) -> (N, D) */
{
    (void)self;
    return ct_mean(x, 1);
}

static ct_tensor *rows_forward(ct_module *self, ct_tensor *x) /* (N, T, D) -> (N T, D) */
{
    (void)self;
    return ct_flatten(x, 0, 1);
}

static ct_module *transformer(int64_t vocabulary, int64_t length, int64_t width, int64_t heads, int64_t layers, int64_t out, bool causal)
{
    return ct_nn_sequential(
        ct_nn_embedding(vocabulary, width), ct_nn_learned_positions(length, width),
        ct_nn_transformer_encoder(layers, width, heads, .pre_norm = true, .activation = CT_GELU, .causal = causal),
        causal ? ct_module_new("Rows", rows_forward, 0) : ct_module_new("Mean", mean_forward, 0), ct_nn_linear(width, out));
}

static void attn(const char *name)
{
    CT_SCOPE;
    ct_module *net = transformer(10000, 64, 128, 4, 2, 2, false);
    ct_optimizer *adamw = ct_optim_adamw(net, .lr = 1e-3);
    train(name, net, adamw, ct_randint(0, 10000, 32, 64), ct_randint(0, 2, 32));
}

static void gpt(const char *name)
{
    CT_SCOPE;
    ct_module *net = transformer(65, 128, 192, 6, 4, 65, true);
    ct_optimizer *adamw = ct_optim_adamw(net, .lr = 1e-3);
    train(name, net, adamw, ct_randint(0, 65, 16, 128), ct_randint(0, 65, 16 * 128));
}

/* Recording, backward and release of a chain of scalar adds: the best nanoseconds an op. */
static double chain_of(int ops, int rounds)
{
    CT_SCOPE;
    ct_tensor *x = ct_require_grad((ct_ones)(NULL, 0, CT_FLOAT32), true);
    double best = 1e9;
    for (int round = 0; round < rounds && ct_ok(); round++) {
        double start = now();
        {
            CT_SCOPE;
            ct_tensor *y = x;
            for (int i = 0; i < ops; i++)
                y = ct_add(y, x);
            ct_backward(y);
        }
        double took = now() - start;
        best = took < best ? took : best;
    }
    return best * 1e9 / ops;
}

static void overhead(const char *name)
{
    double each = chain_of(1000, 30);
    if (ct_ok())
        printf("%-10s scalar add fwd+bwd %8.1f ns/op\n", name, each);
    fflush(stdout);
}

static void chain(const char *name)
{
    double few = chain_of(1000, 30), many = chain_of(1000000, 4);
    if (ct_ok())
        printf("%-10s of 1,000 %8.1f ns/op, of 1,000,000 %8.1f ns/op\n", name, few, many);
    fflush(stdout);
}

static const struct {
    const char *name;
    void (*run)(const char *name);
} rows[] = {{"mlp", mlp}, {"cnn", cnn}, {"resnet18", resnet18}, {"resnet18b128", resnet18b128}, {"attn", attn}, {"gpt", gpt}, {"overhead", overhead}, {"chain", chain}};

enum { ROWS = sizeof rows / sizeof *rows };

static int usage(const char *program, int status)
{
    fprintf(status ? stderr : stdout,
            "usage: %s [--threads N] [--seconds S] [row ...]\n"
            "Prints the median and the best time of a training step.\n"
            "  --threads N   threads to use (default: OMP_NUM_THREADS or all CPUs)\n"
            "  --seconds S   time for each row (default 6)\n"
            "  row           one or more of:", program);
    for (size_t i = 0; i < ROWS; i++)
        fprintf(status ? stderr : stdout, " %s", rows[i].name);
    fprintf(status ? stderr : stdout, " (default: all)\n");
    return status;
}

static bool wanted(const char *name, int count, char **words)
{
    for (int i = 0; i < count; i++)
        if (!strcmp(words[i], name))
            return true;
    return count == 0;
}

int main(int count, char **words)
{
    int at = 1;
    for (; at < count && words[at][0] == '-'; at++) {
        if (!strcmp(words[at], "--help"))
            return usage(words[0], 0);
        if (at + 1 < count && !strcmp(words[at], "--threads") && atoi(words[at + 1]) > 0)
            ct_set_num_threads(atoi(words[++at]));
        else if (at + 1 < count && !strcmp(words[at], "--seconds") && atof(words[at + 1]) > 0)
            seconds = atof(words[++at]);
        else
            return usage(words[0], 2);
    }
    for (int i = at; i < count; i++) {
        size_t row = 0;
        while (row < ROWS && strcmp(words[i], rows[row].name) != 0)
            row++;
        if (row == ROWS) {
            fprintf(stderr, "train_step: %s: no such row\n", words[i]);
            return usage(words[0], 2);
        }
    }
    printf("%s\n", ct_build_info());
    for (size_t row = 0; row < ROWS && ct_ok(); row++)
        if (wanted(rows[row].name, count - at, words + at))
            rows[row].run(rows[row].name);
    int failed = ct_report_error();
    ct_shutdown();
    return failed;
}
