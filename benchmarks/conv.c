/* conv.c - milliseconds and GFLOP/s of convolutions by path: the layers of ResNet-18, ResNet-50, MobileNet and small networks. */
#include "autograd/autograd.h"
#include "autograd/kernels/conv.h"
#include "autograd/kernels/cpu.h"
#include "autograd/kernels/kernels.h"
#include "autograd/kernels/pool.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { MOST_ROUNDS = 15 };

static bool best_round;                /* report the best round instead of the median: on a busy machine */

/* Square images and kernels, padding k / 2. */
static const struct layer {
    const char *network;
    size_t batch, in, size, out, kernel, stride, groups;
} layers[] = {
    {"resnet18", 32, 3, 32, 64, 3, 1, 1},     {"resnet18", 32, 64, 32, 64, 3, 1, 1},    {"resnet18", 32, 64, 32, 128, 3, 2, 1},
    {"resnet18", 32, 128, 16, 128, 3, 1, 1},  {"resnet18", 32, 128, 16, 256, 3, 2, 1},  {"resnet18", 32, 256, 8, 256, 3, 1, 1},
    {"resnet18", 32, 256, 8, 512, 3, 2, 1},   {"resnet18", 32, 512, 4, 512, 3, 1, 1},   {"resnet18", 32, 64, 32, 128, 1, 2, 1},
    {"resnet18", 32, 128, 16, 256, 1, 2, 1},  {"resnet18", 32, 256, 8, 512, 1, 2, 1},
    {"cnn", 64, 1, 28, 16, 3, 1, 1},          {"cnn", 64, 16, 14, 32, 3, 1, 1},
    {"resnet50", 32, 64, 32, 64, 1, 1, 1},    {"resnet50", 32, 64, 32, 256, 1, 1, 1},   {"resnet50", 32, 256, 32, 64, 1, 1, 1},
    {"resnet50", 32, 256, 32, 128, 1, 1, 1},  {"resnet50", 32, 128, 32, 128, 3, 2, 1},  {"resnet50", 32, 128, 16, 512, 1, 1, 1},
    {"resnet50", 32, 256, 32, 512, 1, 2, 1},  {"resnet50", 32, 512, 16, 128, 1, 1, 1},  {"resnet50", 32, 512, 16, 256, 1, 1, 1},
    {"resnet50", 32, 256, 16, 256, 3, 2, 1},  {"resnet50", 32, 256, 8, 1024, 1, 1, 1},  {"resnet50", 32, 512, 16, 1024, 1, 2, 1},
    {"resnet50", 32, 1024, 8, 256, 1, 1, 1},  {"resnet50", 32, 1024, 8, 512, 1, 1, 1},  {"resnet50", 32, 512, 8, 512, 3, 2, 1},
    {"resnet50", 32, 512, 4, 2048, 1, 1, 1},  {"resnet50", 32, 1024, 8, 2048, 1, 2, 1}, {"resnet50", 32, 2048, 4, 512, 1, 1, 1},
    {"imagenet", 4, 3, 224, 64, 7, 2, 1},     {"imagenet", 4, 64, 56, 64, 3, 1, 1},     {"imagenet", 4, 256, 14, 256, 3, 1, 1},
    {"imagenet", 4, 512, 7, 512, 3, 1, 1},
    {"mobilenet", 32, 32, 32, 32, 3, 1, 32},  {"mobilenet", 32, 96, 32, 96, 3, 2, 96},  {"mobilenet", 32, 144, 16, 144, 3, 1, 144},
    {"mobilenet", 32, 384, 8, 384, 3, 1, 384}, {"mobilenet", 32, 960, 4, 960, 3, 1, 960},
};

static const char *const computations[] = {"forward", "dx", "dw"};
static const char *const path_names[] = {"chosen", "im2col", "direct", "winograd", "depthwise"};

struct run {
    struct conv c;
    int which;
    enum conv_path path;
    float *x, *weight, *y;
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

static void compute(const struct run *r)
{
    bool done = r->which == CONV_FORWARD          ? conv_forward(&r->c, F32, r->path, r->y, r->x, r->weight, NULL, false)
                : r->which == CONV_INPUT_GRADIENT ? conv_input_gradient(&r->c, F32, r->path, r->x, r->y, r->weight)
                                                  : conv_weight_gradient(&r->c, F32, r->path, r->weight, r->y, r->x);
    if (!done) {
        fprintf(stderr, "conv: no memory\n");
        exit(1);
    }
}

/* What a loop over everything does, on one image and a few outputs of it: GFLOP/s. */
static double naive_rate(const struct run *r)
{
    const struct conv *c = &r->c;
    size_t in = c->c_in / c->groups, out = c->c_out / c->groups, outputs = 0;
    double start = now(), took;
    do {
        size_t o = outputs % c->c_out, at = outputs / c->c_out % (c->oh * c->ow), i = at / c->ow, j = at % c->ow;
        float sum = 0;
        for (size_t p = 0; p < c->kh; p++)
            for (size_t q = 0; q < c->kw; q++) {
                size_t row = i * c->stride[0] + p - (size_t)c->pad[0], column = j * c->stride[1] + q - (size_t)c->pad[1];
                if (row < c->h && column < c->w)
                    for (size_t k = 0; k < in; k++)
                        sum += r->x[(row * c->w + column) * c->c_in + o / out * in + k] * r->weight[((o * c->kh + p) * c->kw + q) * in + k];
            }
        r->y[at * c->c_out + o] = sum;
        outputs++;
        took = now() - start;
    } while (took < 0.01);
    return 2e-9 * (double)(outputs * c->kh * c->kw * in) / took;
}

/* Milliseconds. */
static double time_of(const struct run *r, double seconds)
{
    double took[MOST_ROUNDS], start = now();
    int rounds = 0;
    compute(r);
    do {
        double t = now();
        compute(r);
        took[rounds++] = now() - t;
    } while (rounds < MOST_ROUNDS && (rounds < 3 || now() - start < seconds));
    qsort(took, (size_t)rounds, sizeof *took, by_value);
    return took[best_round ? 0 : rounds / 2] * 1e3;
}

static float *values(size_t count)
{
    float *x = malloc((count + 1) * sizeof *x);
    for (size_t i = 0; x && i < count; i++)
        x[i] = (float)(i * 7919 % 1013) / 1013 - 0.5f;
    if (!x) {
        fprintf(stderr, "conv: no memory\n");
        exit(1);
    }
    return x;
}

static void report(const struct layer *l, bool every_path, double seconds)
{
    size_t size = (l->size + l->stride - 1) / l->stride;
    ptrdiff_t pad = (ptrdiff_t)l->kernel / 2;
    struct run r = {.c = {l->batch, l->in, l->size, l->size, l->out, l->kernel, l->kernel, size, size, l->groups,
                          {l->stride, l->stride}, {1, 1}, {pad, pad}}};
    r.x = values(l->batch * l->size * l->size * l->in);
    r.y = values(l->batch * size * size * l->out);
    r.weight = values(l->out * l->kernel * l->kernel * l->in / l->groups);
    double flops = 2.0 * (double)(l->batch * size * size * l->out) * (double)(l->kernel * l->kernel * l->in / l->groups);
    for (r.which = 0; r.which < 3; r.which++) {
        enum conv_path chosen = conv_path_of(&r.c, F32, r.which);
        printf("%s %zux%zux%zu->%zu k%zu s%zu g%zu %s", l->network, l->batch, l->in, l->size, l->out, l->kernel, l->stride, l->groups,
               computations[r.which]);
        if (every_path && r.which == CONV_FORWARD)
            printf(" naive %.1f GFLOP/s", naive_rate(&r));
        for (enum conv_path path = CONV_AUTO; path <= CONV_DEPTHWISE; path++) {
            bool covered = path != CONV_WINOGRAD || (l->kernel == 3 && l->stride == 1 && l->groups == 1);
            covered &= path != CONV_DEPTHWISE || (l->groups == l->in && l->in > 1);
            if (path != CONV_AUTO && (!every_path || !covered))
                continue;
            r.path = path;
            double ms = time_of(&r, seconds);
            printf(" %s %.3f ms %.0f GFLOP/s", path == CONV_AUTO ? path_names[chosen] : path_names[path], ms, flops / ms * 1e-6);
            if (path == CONV_AUTO && every_path)
                printf(" (chosen)");
        }
        printf("\n");
        fflush(stdout);
    }
    free(r.x), free(r.y), free(r.weight);
}

static ct_tensor *convolve(const struct layer *l, ct_tensor *x, ct_tensor *w)
{
    return ct_conv2d(x, w, NULL, .stride = (int64_t)l->stride, .padding = (int64_t)l->kernel / 2);
}

/* The same as a composition of ops, with the matrix of patches in memory. */
static ct_tensor *compose(const struct layer *l, ct_tensor *x, ct_tensor *w)
{
    int64_t size = (int64_t)((l->size + l->stride - 1) / l->stride);
    ct_tensor *columns = ct_im2col(x, (int64_t)l->kernel, .stride = (int64_t)l->stride, .padding = (int64_t)l->kernel / 2);
    return ct_reshape(ct_matmul(ct_reshape(w, (int64_t)l->out, -1), columns), (int64_t)l->batch, (int64_t)l->out, size, size);
}

/* Milliseconds of value and both gradients, through the graph. */
static double op_time(const struct layer *l, ct_tensor *(*op)(const struct layer *, ct_tensor *, ct_tensor *), ct_tensor *x, ct_tensor *w, double seconds)
{
    double took[MOST_ROUNDS], start = now();
    int rounds = 0;
    do {
        CT_SCOPE;
        double t = now();
        ct_tensor *y = op(l, x, w);
        ct_zero_gradient(x), ct_zero_gradient(w);
        ct_backward(y, .cotangent = y);
        took[rounds++] = now() - t;
    } while (ct_ok() && rounds < MOST_ROUNDS && (rounds < 4 || now() - start < seconds));
    qsort(took, (size_t)rounds, sizeof *took, by_value);
    return took[best_round ? 0 : rounds / 2] * 1e3;
}

static void report_ops(const struct layer *l, double seconds)
{
    CT_SCOPE;
    ct_tensor *x = ct_require_grad(ct_channels_last(ct_randn((int64_t)l->batch, (int64_t)l->in, (int64_t)l->size, (int64_t)l->size)));
    ct_tensor *w = ct_require_grad(ct_randn((int64_t)l->out, (int64_t)l->in, (int64_t)l->kernel, (int64_t)l->kernel));
    printf("%s %zux%zux%zu->%zu k%zu s%zu g%zu ops: conv2d %.3f ms, im2col matmul reshape %.3f ms\n", l->network, l->batch, l->in, l->size, l->out,
           l->kernel, l->stride, l->groups, op_time(l, convolve, x, w, seconds), op_time(l, compose, x, w, seconds));
    fflush(stdout);
}

int main(int count, char **words)
{
    double seconds = 0.05;
    bool every_path = true;
    const char *network = "";
    for (int i = 1; i < count; i++) {
        if (!strcmp(words[i], "--threads") && i + 1 < count && atoi(words[i + 1]) > 0) {
            pool_set_threads(atoi(words[++i]));
        } else if (!strcmp(words[i], "--seconds") && i + 1 < count && atof(words[i + 1]) > 0) {
            seconds = atof(words[++i]);
        } else if (!strcmp(words[i], "--best")) {
            best_round = true;
        } else if (!strcmp(words[i], "--chosen")) {
            every_path = false;
        } else if (words[i][0] != '-') {
            network = words[i];
        } else {
            printf("usage: %s [--threads N] [--seconds S] [--best] [--chosen] [NETWORK]\n"
                   "Medians of float32 convolutions and their gradients, a line each: the path chosen, then each path by name;\n"
                   "then value and both gradients through the graph, by conv2d and by im2col, matmul and reshape.\n"
                   "  --seconds S  time for each figure (default 0.05)\n"
                   "  --best       the best round instead of the median\n"
                   "  --chosen     only the path chosen\n"
                   "  NETWORK      resnet18, resnet50, imagenet, mobilenet or cnn (default: all)\n", words[0]);
            return strcmp(words[i], "--help") != 0;
        }
    }
    for (size_t i = 0; i < sizeof layers / sizeof *layers; i++)
        if (strstr(layers[i].network, network)) {
            report(&layers[i], every_path, seconds);
            if (every_path && layers[i].groups == 1)
                report_ops(&layers[i], seconds);
        }
    int failed = ct_report_error();
    pool_shutdown();
    return failed;
}
