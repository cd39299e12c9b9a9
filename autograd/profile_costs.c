/* What ops cost at the least: arithmetic by their formulas, and the machine's speed. */
#include <time.h>

#include "profile_events.h"

double tensor_traffic(const ct_tensor *t)
{
    double count = (double)ct_dtype_size((ct_dtype)t->dtype);
    for (int i = 0; i < t->rank; i++)
        count *= t->strides[i] ? (double)t->sizes[i] : t->sizes[i] ? 1 : 0;
    return count;
}

static double all(const ct_tensor *t)
{
    return t ? (double)tensor_numel(t) : 0;
}

static double size(const ct_tensor *t, int axis) /* from the end, -1 the last */
{
    return t && t->rank >= -axis ? (double)t->sizes[t->rank + axis] : 1;
}

static double first(const ct_tensor *t)
{
    return t && t->rank && t->sizes[0] ? (double)t->sizes[0] : 1;
}

/* ---- Products, in multiply-adds. A causal attention counts the whole square, as if no score were left out ------------------------------ */
#define IN(i) ((i) < count ? inputs[i] : NULL)
static double matmul(const ct_tensor *y, ct_tensor *const *inputs, size_t count)
{
    return all(y) * size(IN(0), -1);
}
static double convolution(const ct_tensor *y, ct_tensor *const *inputs, size_t count)
{
    return all(y) * all(IN(1)) / first(IN(1));
}
static double conv_transpose(const ct_tensor *y, ct_tensor *const *inputs, size_t count)
{
    (void)y;
    return all(IN(0)) * all(IN(2)) / first(IN(2));
}
static double conv_correlate(const ct_tensor *w, ct_tensor *const *inputs, size_t count)
{
    return all(IN(0)) * all(w) / first(w);
}
static double attention(const ct_tensor *y, ct_tensor *const *inputs, size_t count)
{
    const double rows = all(y) / (size(y, -1) ? size(y, -1) : 1), keys = size(IN(1), -2);
    return rows * keys * (size(IN(0), -1) + size(IN(2), -1));
}

/* Two flops a multiply-add; any other op: so many a number of what it reads or writes, whichever is more. */
static const struct cost {
    const char *op;
    double (*product)(const ct_tensor *y, ct_tensor *const *inputs, size_t count);
    double each, backward;                      /* backward: of a fused one, over the forward's */
} costs[] = {
    {"matmul", matmul, 0, 2},
    {"linear", matmul, 0, 2},
    {"convolution", convolution, 0, 2},
    {"convolution_relu", convolution, 0, 2},
    {"conv_transpose", conv_transpose, 0, 2},
    {"conv_correlate", conv_correlate, 0, 2},
    {"scaled_dot_product_attention", attention, 0, 2.5},
    {"softmax", NULL, 5, 0.8},
    {"log_softmax", NULL, 5, 0.8},
    {"logsumexp", NULL, 4, 1},
    {"cross_entropy", NULL, 5, 0.6},
    {"layer_norm", NULL, 8, 1.5},
    {"rms_norm", NULL, 5, 1.5},
    {"batch_norm", NULL, 7, 1.5},
    {"batch_norm_relu", NULL, 8, 1.5},
    {"gelu", NULL, 8, 1.5},
    {"dropout", NULL, 2, 1},
};

static const struct cost *cost_of(const char *name)
{
    for (size_t i = 0; i < COUNT_OF(costs); i++)
        if (!strcmp(costs[i].op, name))
            return &costs[i];
    return NULL;
}

double op_flops(const char *name, const ct_tensor *y, ct_tensor *const *inputs, size_t count)
{
    const struct cost *c = cost_of(name);
    if (c && c->product)                        /* a bias is the third operand */
        return 2 * c->product(y, inputs, count) + (count == 3 && IN(2) && IN(2)->rank == 1 ? all(y) : 0);
    double most = y && is_floating(y) ? all(y) : 0;
    for (size_t i = 0; i < count; i++)
        if (inputs[i] && is_floating(inputs[i]) && all(inputs[i]) > most)
            most = all(inputs[i]);
    return most * (c ? c->each : 1);
}

double op_multiply_adds(const char *name, const ct_tensor *y, ct_tensor *const *inputs, size_t count)
{
    const struct cost *c = cost_of(name);
    return c && c->product ? c->product(y, inputs, count) : 0;
}

double backward_flops(const char *name, double forward)
{
    const struct cost *c = cost_of(name);
    return forward * (c ? c->backward : 1);
}

/* ---- The machine ------------------------------------------------------------------------------------------------------------------------- */
static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* The best of a few: a large product, and a sum of tensors that no cache holds. */
static bool measure(double *flops, double *bytes)
{
    enum { SIDE = 1024, LONG = 1 << 24, ROUNDS = 4 };
    CT_SCOPE;
    ct_tensor *a = (ct_full)((const int64_t[]){SIDE, SIDE}, 2, 0.5, CT_FLOAT32), *x = (ct_full)((const int64_t[]){LONG}, 1, 0.5, CT_FLOAT32);
    *flops = *bytes = 0;
    for (int round = 0; round < ROUNDS && a && x; round++) {
        CT_SCOPE;
        const double start = now();
        const bool product = ct_matmul(a, a) != NULL;
        const double middle = now();
        if (!product || !ct_mul_(x, x))
            return false;
        const double end = now();
        *flops = fmax(*flops, 2.0 * SIDE * SIDE * SIDE / (middle - start));
        *bytes = fmax(*bytes, 2.0 * sizeof(float) * LONG / (end - middle));
    }
    return a && x;
}

bool machine_floor(double *flops, double *bytes)
{
    static _Atomic double known[2];
    if (!(*flops = atomic_load(&known[0])) || !(*bytes = atomic_load(&known[1]))) {
        bool was = ct_set_recording(false);
        const bool ok = measure(flops, bytes);
        ct_set_recording(was);
        if (!ok)
            return false;
        atomic_store(&known[0], *flops), atomic_store(&known[1], *bytes);
    }
    return true;
}
