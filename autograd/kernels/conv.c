/* conv.c - chooses how a convolution is computed, from its shape, the CPU and the setting alone. */
#include "conv.h"

#include "conv_parts.h"
#include "cpu.h"
#include "kernels.h"

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
    WINOGRAD_CHANNELS = 16             /* of source and target: what it saves is more than the transforms of its tiles */
};

static atomic_bool winograd_is_off;
static pthread_once_t setting_once = PTHREAD_ONCE_INIT;

static void read_setting(void)
{
    const char *text = getenv("COTANGENT_WINOGRAD");
    atomic_store(&winograd_is_off, text && !strcmp(text, "0"));
}

void conv_use_winograd(bool on)
{
    pthread_once(&setting_once, read_setting);
    atomic_store(&winograd_is_off, !on);
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

bool conv_forward(const struct conv *c, int dtype, enum conv_path path, void *y, const void *x, const void *weight,
                  const void *bias, bool relu)
{
    const struct paths *p = &paths[cpu_isa()];
    switch (settle(c, dtype, path, CONV_FORWARD)) {
    case CONV_WINOGRAD:  return p->winograd_forward(c, y, x, weight, bias, relu);
    case CONV_DEPTHWISE: return p->depthwise_forward(c, y, x, weight, bias, relu);
    case CONV_DIRECT:
        if (c->c_in / c->groups < FEW_CHANNELS)
            return p->patches_forward(c, y, x, weight, bias, relu);
        return p->direct_forward(c, y, x, weight, bias, relu);
    default: return conv_im2col_forward(c, dtype, y, x, weight, bias, relu);
    }
}

bool conv_input_gradient(const struct conv *c, int dtype, enum conv_path path, void *dx, const void *dy, const void *weight)
{
    const struct paths *p = &paths[cpu_isa()];
    switch (settle(c, dtype, path, CONV_INPUT_GRADIENT)) {
    case CONV_WINOGRAD:  return p->winograd_input_gradient(c, dx, dy, weight);
    case CONV_DEPTHWISE: return p->depthwise_input_gradient(c, dx, dy, weight);
    case CONV_DIRECT:    return p->direct_input_gradient(c, dx, dy, weight);
    default:             return conv_im2col_input_gradient(c, dtype, dx, dy, weight);
    }
}

bool conv_weight_gradient(const struct conv *c, int dtype, enum conv_path path, void *dweight, const void *dy, const void *x)
{
    const struct paths *p = &paths[cpu_isa()];
    switch (settle(c, dtype, path, CONV_WEIGHT_GRADIENT)) {
    case CONV_WINOGRAD:  return p->winograd_weight_gradient(c, dweight, dy, x);
    case CONV_DEPTHWISE: return p->depthwise_weight_gradient(c, dweight, dy, x);
    case CONV_DIRECT:    return p->patches_weight_gradient(c, dweight, dy, x);
    default:             return conv_im2col_weight_gradient(c, dtype, dweight, dy, x);
    }
}
