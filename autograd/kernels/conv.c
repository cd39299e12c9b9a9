/* conv.c - chooses how a convolution is computed, from its shape, the CPU and the setting alone. */
#include "conv.h"

#include "conv_parts.h"
#include "cpu.h"
#include "kernels.h"
#include "pool.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

static const struct paths {
    conv_forward_f32 *direct_forward, *patches_forward, *winograd_forward, *depthwise_forward;
    conv_input_gradient_f32 *direct_input_gradient, *winograd_input_gradient, *depthwise_input_gradient;
    conv_weight_gradient_f32 *patches_weight_gradient, *winograd_weight_gradient, *depthwise_weight_gradient;
} paths[] = {
#define PATHS(isa)                                                                                                     \
    {conv_direct_forward_##isa, conv_patches_forward_##isa, conv_winograd_forward_##isa, conv_depthwise_forward_##isa, \
     conv_direct_input_gradient_##isa, conv_winograd_input_gradient_##isa, conv_depthwise_input_gradient_##isa,        \
     conv_patches_weight_gradient_##isa, conv_winograd_weight_gradient_##isa, conv_depthwise_weight_gradient_##isa}
    [CPU_BASE] = PATHS(base),
#ifdef __x86_64__
    [CPU_AVX2] = PATHS(avx2),
    [CPU_AVX512] = PATHS(avx512),
#endif
};

enum {
    FEW_CHANNELS = 16,                 /* a table of pointers would be longer than the work it leads to */
    LEAST_PRODUCTS = 100000,           /* multiply-adds from which a second thread pays */
    WINOGRAD_CHANNELS = 16             /* of source and target: what it saves is more than the transforms of its tiles */
};

static atomic_bool winograd_is_off;
static pthread_once_t setting_once = PTHREAD_ONCE_INIT;

static void read_setting(void)
{
    const char *text = getenv("COTANGENT_WINOGRAD");
    atomic_store(&winograd_is_off, text && !strcmp(text, "0"));
}

bool conv_use_winograd(bool on)
{
    pthread_once(&setting_once, read_setting);
    return !atomic_exchange(&winograd_is_off, !on);
}

static bool winograd_covers(const struct conv *c)
{
    return c->kh == 3 && c->kw == 3 && c->stride[0] == 1 && c->stride[1] == 1 && c->dilation[0] == 1 && c->dilation[1] == 1 &&
           c->groups == 1;
}

static bool depthwise_covers(const struct conv *c)
{
    return c->groups == c->c_in && c->c_out == c->c_in;
}

enum conv_path conv_path_of(const struct conv *c, int dtype, int which)
{
    if (dtype != F32)
        return CONV_IM2COL;
    if (depthwise_covers(c))
        return CONV_DEPTHWISE;
    pthread_once(&setting_once, read_setting);
    /* The input gradient of a first layer leaves most of a vector unused either way. */
    bool enough = c->c_out >= WINOGRAD_CHANNELS && (c->c_in >= WINOGRAD_CHANNELS || which == CONV_INPUT_GRADIENT);
    if (!winograd_is_off && winograd_covers(c) && enough && c->oh > 2 && c->ow > 2)
        return CONV_WINOGRAD;
    return CONV_DIRECT;
}

/* The path that is taken when `path` is asked for. */
static enum conv_path settle(const struct conv *c, int dtype, enum conv_path path, enum conv_computation which)
{
    if (path == CONV_AUTO)
        path = conv_path_of(c, dtype, (int)which);
    bool is_empty = !c->c_in || !c->c_out || !c->kh || !c->kw;
    if (dtype != F32 || is_empty || (path == CONV_WINOGRAD && !winograd_covers(c)) ||
        (path == CONV_DEPTHWISE && !depthwise_covers(c)))
        path = CONV_IM2COL;
    return path;
}

struct call {
    const struct conv *c;
    int dtype;
    enum conv_path path;
    void *out;
    const void *a, *b, *bias;
    bool relu, done;
};

static void forward(size_t part, void *context)
{
    (void)part;
    struct call *j = context;
    const struct paths *p = &paths[cpu_isa()];
    switch (settle(j->c, j->dtype, j->path, CONV_FORWARD)) {
    case CONV_WINOGRAD:  j->done = p->winograd_forward(j->c, j->out, j->a, j->b, j->bias, j->relu); break;
    case CONV_DEPTHWISE: j->done = p->depthwise_forward(j->c, j->out, j->a, j->b, j->bias, j->relu); break;
    case CONV_DIRECT:
        if (j->c->c_in / j->c->groups < FEW_CHANNELS)
            j->done = p->patches_forward(j->c, j->out, j->a, j->b, j->bias, j->relu);
        else
            j->done = p->direct_forward(j->c, j->out, j->a, j->b, j->bias, j->relu);
        break;
    default: j->done = conv_im2col_forward(j->c, j->dtype, j->out, j->a, j->b, j->bias, j->relu);
    }
}

static void input_gradient(size_t part, void *context)
{
    (void)part;
    struct call *j = context;
    const struct paths *p = &paths[cpu_isa()];
    switch (settle(j->c, j->dtype, j->path, CONV_INPUT_GRADIENT)) {
    case CONV_WINOGRAD:  j->done = p->winograd_input_gradient(j->c, j->out, j->a, j->b); break;
    case CONV_DEPTHWISE: j->done = p->depthwise_input_gradient(j->c, j->out, j->a, j->b); break;
    case CONV_DIRECT:    j->done = p->direct_input_gradient(j->c, j->out, j->a, j->b); break;
    default:             j->done = conv_im2col_input_gradient(j->c, j->dtype, j->out, j->a, j->b);
    }
}

static void weight_gradient(size_t part, void *context)
{
    (void)part;
    struct call *j = context;
    const struct paths *p = &paths[cpu_isa()];
    switch (settle(j->c, j->dtype, j->path, CONV_WEIGHT_GRADIENT)) {
    case CONV_WINOGRAD:  j->done = p->winograd_weight_gradient(j->c, j->out, j->a, j->b); break;
    case CONV_DEPTHWISE: j->done = p->depthwise_weight_gradient(j->c, j->out, j->a, j->b); break;
    case CONV_DIRECT:    j->done = p->patches_weight_gradient(j->c, j->out, j->a, j->b); break;
    default:             j->done = conv_im2col_weight_gradient(j->c, j->dtype, j->out, j->a, j->b);
    }
}

/* Too little work for a second thread becomes one part of a job: the jobs within it stay on its thread. */
static bool run(void (*compute)(size_t part, void *context), struct call *j)
{
    const struct conv *c = j->c;
    const double products = (double)c->n * (double)(c->oh * c->ow) * (double)c->c_out * (double)(c->kh * c->kw) * (double)(c->c_in / c->groups);
    if (products < LEAST_PRODUCTS)
        pool_run(1, compute, j);
    else
        compute(0, j);
    return j->done;
}

bool conv_forward(const struct conv *c, int dtype, enum conv_path path, void *y, const void *x, const void *weight,
                  const void *bias, bool relu)
{
    return run(forward, &(struct call){c, dtype, path, y, x, weight, bias, relu, false});
}

bool conv_input_gradient(const struct conv *c, int dtype, enum conv_path path, void *dx, const void *dy, const void *weight)
{
    return run(input_gradient, &(struct call){c, dtype, path, dx, dy, weight, NULL, false, false});
}

bool conv_weight_gradient(const struct conv *c, int dtype, enum conv_path path, void *dweight, const void *dy, const void *x)
{
    return run(weight_gradient, &(struct call){c, dtype, path, dweight, dy, x, NULL, false, false});
}
