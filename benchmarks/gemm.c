/* gemm.c - GFLOP/s of the matrix product on the shapes that networks use: ours, BLIS's, and the machine's ceiling. */
#include "autograd/kernels/cpu.h"
#include "autograd/kernels/gemm.h"
#include "autograd/kernels/pool.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { ROUNDS = 15 };

static int reported_round = ROUNDS / 2;    /* of those sorted by time: the median, or the best on a busy machine */

static const struct {
    size_t m, n, k;
    const char *layout;                /* of A and B: N as it lies, T transposed */
} shapes[] = {
    {64, 128, 784, "NN"}, {64, 128, 784, "NT"}, {784, 128, 64, "TN"},   {64, 784, 128, "NT"},     {64, 64, 128, "NN"},
    {64, 10, 64, "NN"},   {64, 64, 64, "NN"},   {32, 512, 10, "NN"},    {8, 128, 784, "NN"},      {1, 128, 784, "NN"},
    {1, 128, 784, "NT"},  {8, 1024, 1024, "NT"}, {64, 576, 4096, "NN"}, {64, 576, 32768, "NN"},   {1024, 1024, 8, "TN"},
    {64, 32768, 576, "NN"}, {512, 512, 512, "NN"}, {512, 512, 512, "NT"}, {1024, 1024, 1024, "NN"},
};

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

static double time_of(void (*body)(void *), void *context, double seconds)
{
    double took[ROUNDS];
    long repeats = 1;
    for (double t = 0; t < seconds / ROUNDS && repeats < 1L << 24; repeats *= 2) {
        double start = now();
        for (long i = 0; i < repeats; i++)
            body(context);
        t = now() - start;
    }
    if (repeats > 1)
        repeats /= 2;
    for (int round = 0; round < ROUNDS; round++) {
        double start = now();
        for (long i = 0; i < repeats; i++)
            body(context);
        took[round] = (now() - start) / (double)repeats;
    }
    qsort(took, ROUNDS, sizeof *took, by_value);
    return took[reported_round];
}

/* Independent chains of multiply-adds on registers; enough of them to hide the latency of each. */
enum { PEAK_STEPS = 20000, CHAINS = 12 };

#define EACH_CHAIN(X) X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11)
#define CHAIN_START(i) vector x##i = (vector){0} + (float)i;
#define CHAIN_STEP(i) x##i = x##i * scale + shift; __asm__ volatile("" : KEEP(x##i));
#define CHAIN_SUM(i) sum += x##i;
#define DEFINE_PEAK(name, attribute, bytes)                                                                            \
    attribute static float name(void)                                                                                  \
    {                                                                                                                  \
        typedef float vector __attribute__((vector_size(bytes)));                                                      \
        vector scale = (vector){0} + 0.5f, shift = (vector){0} + 1, sum = {0};                                         \
        EACH_CHAIN(CHAIN_START)                                                                                        \
        for (int step = 0; step < PEAK_STEPS; step++) {                                                                \
            EACH_CHAIN(CHAIN_STEP)                                                                                     \
        }                                                                                                              \
        EACH_CHAIN(CHAIN_SUM)                                                                                          \
        return sum[0];                                                                                                 \
    }

#if defined(__x86_64__)
#define KEEP(x) "+v"(x)
DEFINE_PEAK(peak_avx512, __attribute__((target("avx512f,avx512vl,fma"))), 64)
DEFINE_PEAK(peak_avx2, __attribute__((target("avx2,fma"))), 32)
#undef KEEP
#define KEEP(x) "+x"(x)
#elif defined(__aarch64__)
#define KEEP(x) "+w"(x)
#else
#define KEEP(x) "+m"(x)
#endif
DEFINE_PEAK(peak_base, , 16)

static volatile float sink;

static void peak_part(size_t part, void *unused)
{
    (void)part, (void)unused;
    switch (cpu_isa()) {
#if defined(__x86_64__)
    case CPU_AVX512: sink = peak_avx512(); break;
    case CPU_AVX2:   sink = peak_avx2(); break;
#endif
    default:         sink = peak_base(); break;
    }
}

static void peak_everywhere(void *threads)
{
    pool_run(*(size_t *)threads, peak_part, NULL);
}

static double peak(void)
{
    static const int bytes[] = {16, 32, 64};
    size_t threads = (size_t)pool_threads();
    double flops = 2.0 * PEAK_STEPS * CHAINS * (double)threads * bytes[cpu_isa()] / 4;
    return flops / time_of(peak_everywhere, &threads, 0.2) * 1e-9;
}

static void nothing(size_t part, void *unused)
{
    (void)part, (void)unused;
}

static void fork_and_join(void *threads)
{
    pool_run(*(size_t *)threads, nothing, NULL);
}

static void run_gemm(void *job)
{
    kernel_gemm_f32(job);
}

static double rate(struct gemm *job, enum gemm_path path, double seconds)
{
    gemm_set_path(path);
    double flops = 2.0 * (double)job->m * (double)job->n * (double)job->k;
    double result = flops / time_of(run_gemm, job, seconds) * 1e-9;
    gemm_set_path(GEMM_AUTO);
    return result;
}

static float *matrix(size_t count)
{
    float *x = malloc(count * sizeof *x);
    for (size_t i = 0; x && i < count; i++)
        x[i] = (float)(i * 7919 % 1013) / 1013 - 0.5f;
    return x;
}

static void usage(const char *program)
{
    printf("usage: %s [--threads N] [--seconds S] [--best] [M N K LAYOUT]\n"
           "Prints GFLOP/s (medians) of float32 products: as chosen by shape, by our tile, by BLIS.\n"
           "  --threads N   threads to use (default: OMP_NUM_THREADS or all CPUs)\n"
           "  --seconds S   time for each figure (default 0.1)\n"
           "  --best        report the best of %d rounds instead of their median\n"
           "  M N K LAYOUT  this one shape; LAYOUT is NN, NT, TN or TT\n", program, ROUNDS);
}

static int report(size_t m, size_t n, size_t k, const char *layout, double ceiling, double seconds)
{
    struct gemm job = {.m = m, .n = n, .k = k};
    bool a_turned = layout[0] == 'T', b_turned = layout[1] == 'T';
    float *a = matrix(m * k), *b = matrix(k * n), *c = matrix(m * n);
    if (!a || !b || !c) {
        fprintf(stderr, "gemm: no memory for %zux%zux%zu\n", m, n, k);
        free(a), free(b), free(c);
        return 1;
    }
    job.a = a, job.a_row = a_turned ? 1 : (ptrdiff_t)k, job.a_column = a_turned ? (ptrdiff_t)m : 1;
    job.b = b, job.b_row = b_turned ? 1 : (ptrdiff_t)n, job.b_column = b_turned ? (ptrdiff_t)k : 1;
    job.c = c, job.c_row = (ptrdiff_t)n, job.c_column = 1;
    double ours = rate(&job, GEMM_AUTO, seconds), tile = rate(&job, GEMM_TILE, seconds);
    double blis = rate(&job, GEMM_BLIS, seconds);
    printf("%5zu x %5zu x %5zu %s %9.1f %9.1f %9.1f %7.0f %%\n", m, n, k, layout, ours, tile, blis,
           100 * ours / ceiling);
    fflush(stdout);
    free(a), free(b), free(c);
    return 0;
}

int main(int count, char **words)
{
    double seconds = 0.1;
    int at = 1;
    for (; at < count && words[at][0] == '-'; at++) {
        if (!strcmp(words[at], "--threads") && at + 1 < count && atoi(words[at + 1]) > 0) {
            pool_set_threads(atoi(words[++at]));
        } else if (!strcmp(words[at], "--seconds") && at + 1 < count && atof(words[at + 1]) > 0) {
            seconds = atof(words[++at]);
        } else if (!strcmp(words[at], "--best")) {
            reported_round = 0;
        } else {
            usage(words[0]);
            return strcmp(words[at], "--help") != 0;
        }
    }
    if (at != count && count - at != 4) {
        usage(words[0]);
        return 1;
    }
    double ceiling = peak();
    size_t threads = (size_t)pool_threads();
    printf("%zu thread%s, %s, BLIS %s (%s); peak %.0f GFLOP/s; fork and join %.2f us\n", threads,
           threads > 1 ? "s" : "", cpu_isa_name(cpu_isa()), gemm_blis_version(), gemm_blis_kernels(), ceiling,
           time_of(fork_and_join, &threads, 0.1) * 1e6);
    printf("    m       n       k       chosen      tile      BLIS   of peak\n");
    int failed = 0;
    if (at != count) {
        failed = report((size_t)atol(words[at]), (size_t)atol(words[at + 1]), (size_t)atol(words[at + 2]),
                        words[at + 3], ceiling, seconds);
    } else {
        for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
            failed |= report(shapes[i].m, shapes[i].n, shapes[i].k, shapes[i].layout, ceiling, seconds);
    }
    pool_shutdown();
    gemm_shutdown();
    return failed;
}
