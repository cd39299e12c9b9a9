/* test_conv.c - every path, dtype and instruction set of the convolution against seven plain loops in double. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "autograd/kernels/conv.h"
#include "autograd/kernels/cpu.h"
#include "autograd/kernels/kernels.h"
#include "autograd/kernels/pool.h"
#include "autograd/kernels/scratch.h"

/* ---- Buffers between guards: NaN, so that a value from outside shows in the result, and none may change. Under a sanitizer the
 * buffer is all of its allocation, which sees more. The start is aligned for one element only. ------------------------------- */
#if defined(__SANITIZE_ADDRESS__)
enum { GUARD = 0 };
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
enum { GUARD = 0 };
#else
enum { GUARD = 65 };
#endif
#else
enum { GUARD = 65 };
#endif

struct buffer {
    size_t count, size;
    char *memory;
    void *start;
};

static struct buffer buffer_new(size_t count, int dtype)
{
    struct buffer b = {.count = count, .size = dtype == F64 ? 8 : 4};
    b.memory = malloc((count + 2 * GUARD) * b.size);
    assert_true(b.memory || !(count + 2 * GUARD));
    memset(b.memory, 0xff, (count + 2 * GUARD) * b.size);
    b.start = GUARD ? b.memory + GUARD * b.size : b.memory;
    return b;
}

static bool guards_hold(const struct buffer *b)
{
    for (size_t i = 0; i < GUARD * b->size; i++)
        if (b->memory[i] != (char)0xff || b->memory[(GUARD + b->count) * b->size + i] != (char)0xff)
            return false;
    return true;
}

static void set(struct buffer *b, size_t i, double value)
{
    if (b->size == 4)
        ((float *)b->start)[i] = (float)value;
    else
        ((double *)b->start)[i] = value;
}

static double get(const struct buffer *b, size_t i)
{
    return b->size == 4 ? (double)((const float *)b->start)[i] : ((const double *)b->start)[i];
}

static struct buffer random_buffer(size_t count, int dtype, uint32_t seed)
{
    struct buffer b = buffer_new(count, dtype);
    for (size_t i = 0; i < count; i++) {
        seed = seed * 1664525u + 1013904223u;
        set(&b, i, (double)(float)((int)(seed >> 8) % 4001 - 2000) / 1155);
    }
    return b;
}

/* ---- The judge ---------------------------------------------------------------------------------------------------------- */

struct judged {
    size_t count;
    double *sum, *squares;             /* of the products; the root of their mean is the scale of the error */
};

struct operands {
    struct buffer x, weight, y;        /* of a gradient: one of them is asked for and not read */
};

static struct judged judge(const struct conv *c, int which, const struct operands *o)
{
    size_t in = c->c_in / c->groups, out = c->c_out / c->groups;
    size_t counts[] = {c->n * c->oh * c->ow * c->c_out, c->n * c->h * c->w * c->c_in, c->c_out * c->kh * c->kw * in};
    struct judged j = {.count = counts[which]};
    j.sum = calloc(j.count + 1, sizeof *j.sum), j.squares = calloc(j.count + 1, sizeof *j.squares);
    assert_true(j.sum && j.squares);
    for (size_t n = 0; n < c->n; n++)
        for (size_t i = 0; i < c->oh; i++)
            for (size_t k = 0; k < c->ow; k++)
                for (size_t p = 0; p < c->kh; p++)
                    for (size_t q = 0; q < c->kw; q++) {
                        ptrdiff_t row = (ptrdiff_t)(i * c->stride[0] + p * c->dilation[0]) - c->pad[0];
                        ptrdiff_t column = (ptrdiff_t)(k * c->stride[1] + q * c->dilation[1]) - c->pad[1];
                        if (row < 0 || row >= (ptrdiff_t)c->h || column < 0 || column >= (ptrdiff_t)c->w)
                            continue;
                        size_t x = ((n * c->h + (size_t)row) * c->w + (size_t)column) * c->c_in;
                        size_t y = ((n * c->oh + i) * c->ow + k) * c->c_out;
                        for (size_t to = 0; to < c->c_out; to++)
                            for (size_t from = 0; from < in; from++) {
                                size_t at[] = {y + to, x + to / out * in + from, ((to * c->kh + p) * c->kw + q) * in + from};
                                double a = which == 0 ? get(&o->x, at[1]) : get(&o->y, at[0]);
                                double b = which == 2 ? get(&o->x, at[1]) : get(&o->weight, at[2]);
                                j.sum[at[which]] += a * b;
                                j.squares[at[which]] += a * b * a * b;
                            }
                    }
    return j;
}

static double largest_error(const struct judged *j, const struct buffer *got)
{
    double squares = 0, most = 0;
    for (size_t i = 0; i < j->count; i++)
        squares += j->squares[i];
    double scale = sqrt(squares / (double)(j->count ? j->count : 1));
    for (size_t i = 0; i < j->count; i++) {
        double error = fabs(get(got, i) - j->sum[i]);
        if (!(error <= most))
            most = error;
    }
    return most == 0 ? 0 : most / scale;
}

/* ---- Shapes --------------------------------------------------------------------------------------------------------------- */

/* n, c_in, h, w, c_out, kh, kw, oh, ow, groups, stride, dilation, pad. */
static const struct conv shapes[] = {
    {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, {1, 1}, {1, 1}, {0, 0}},
    {2, 3, 5, 6, 4, 3, 3, 5, 6, 1, {1, 1}, {1, 1}, {1, 1}},
    {0, 3, 5, 6, 4, 3, 3, 5, 6, 1, {1, 1}, {1, 1}, {1, 1}},
    {2, 16, 8, 8, 32, 3, 3, 8, 8, 1, {1, 1}, {1, 1}, {1, 1}},
    {3, 64, 4, 4, 64, 3, 3, 4, 4, 1, {1, 1}, {1, 1}, {1, 1}},
    {1, 70, 9, 11, 37, 3, 3, 9, 11, 1, {1, 1}, {1, 1}, {1, 1}},
    {2, 17, 7, 7, 130, 3, 3, 5, 5, 1, {1, 1}, {1, 1}, {0, 0}},
    {9, 40, 6, 5, 65, 3, 3, 8, 7, 1, {1, 1}, {1, 1}, {2, 2}},
    {2, 33, 9, 9, 5, 3, 3, 6, 6, 1, {1, 1}, {1, 1}, {-1, -1}},
    {1, 24, 10, 10, 24, 3, 3, 11, 9, 1, {1, 1}, {1, 1}, {2, 0}},
    {2, 300, 4, 4, 270, 3, 3, 4, 4, 1, {1, 1}, {1, 1}, {1, 1}},
    {24, 32, 8, 8, 48, 3, 3, 8, 8, 1, {1, 1}, {1, 1}, {1, 1}},
    {2, 64, 9, 9, 96, 3, 3, 5, 5, 1, {2, 2}, {1, 1}, {1, 1}},
    {2, 20, 9, 9, 33, 1, 1, 5, 5, 1, {2, 2}, {1, 1}, {0, 0}},
    {3, 20, 6, 7, 33, 1, 1, 6, 7, 1, {1, 1}, {1, 1}, {0, 0}},
    {2, 6, 7, 7, 9, 1, 1, 3, 3, 3, {3, 3}, {1, 1}, {0, 0}},
    {1, 3, 31, 30, 20, 7, 7, 16, 15, 1, {2, 2}, {1, 1}, {3, 3}},
    {4, 1, 28, 28, 16, 3, 3, 28, 28, 1, {1, 1}, {1, 1}, {1, 1}},
    {4, 1, 12, 12, 6, 5, 5, 12, 12, 1, {1, 1}, {1, 1}, {2, 2}},
    {4, 16, 14, 14, 32, 3, 3, 14, 14, 1, {1, 1}, {1, 1}, {1, 1}},
    {2, 8, 13, 11, 12, 3, 2, 3, 4, 4, {4, 3}, {1, 1}, {0, 1}},
    {2, 12, 10, 10, 10, 3, 3, 6, 6, 2, {1, 1}, {2, 2}, {0, 0}},
    {2, 5, 9, 12, 7, 2, 4, 9, 9, 1, {1, 2}, {3, 2}, {2, 5}},
    {2, 5, 6, 6, 7, 3, 3, 4, 9, 1, {2, 1}, {1, 1}, {2, 3}},
    {1, 4, 3, 3, 4, 5, 5, 3, 3, 1, {1, 1}, {1, 1}, {2, 2}},
    {1, 4, 2, 2, 4, 3, 3, 1, 1, 1, {1, 1}, {1, 1}, {-4, -4}},
    {2, 3, 4, 4, 5, 3, 3, 1, 1, 1, {1, 1}, {1, 1}, {0, 0}},
    {2, 3, 4, 4, 0, 3, 3, 2, 2, 1, {1, 1}, {1, 1}, {0, 0}},
    {2, 0, 4, 4, 3, 3, 3, 2, 2, 1, {1, 1}, {1, 1}, {0, 0}},
    {2, 3, 4, 4, 3, 3, 3, 0, 2, 1, {1, 1}, {1, 1}, {0, 0}},
    {2, 3, 4, 4, 3, 0, 3, 4, 2, 1, {1, 1}, {1, 1}, {0, 0}},
    {2, 1, 9, 9, 4, 3, 3, 9, 9, 1, {1, 1}, {1, 1}, {1, 1}},
    {2, 40, 9, 8, 40, 3, 3, 9, 8, 40, {1, 1}, {1, 1}, {1, 1}},
    {2, 37, 9, 8, 37, 3, 3, 5, 4, 37, {2, 2}, {1, 1}, {1, 1}},
    {3, 16, 7, 7, 16, 5, 5, 7, 7, 16, {1, 1}, {1, 1}, {2, 2}},
    {1, 19, 12, 12, 19, 3, 3, 8, 8, 19, {1, 1}, {2, 2}, {0, 0}},
    {2, 5, 8, 8, 10, 3, 3, 8, 8, 5, {1, 1}, {1, 1}, {1, 1}},
    {9, 96, 5, 5, 96, 3, 3, 3, 3, 96, {2, 3}, {1, 2}, {1, 2}},
};
enum { SHAPES = sizeof shapes / sizeof *shapes };

static const char *const path_names[] = {"auto", "im2col", "direct", "Winograd", "depthwise"};
static const char *const computations[] = {"forward", "input gradient", "weight gradient"};

static bool compute(const struct conv *c, int dtype, enum conv_path path, int which, struct operands *o)
{
    switch (which) {
    case CONV_FORWARD:        return conv_forward(c, dtype, path, o->y.start, o->x.start, o->weight.start, NULL, false);
    case CONV_INPUT_GRADIENT: return conv_input_gradient(c, dtype, path, o->x.start, o->y.start, o->weight.start);
    default:                  return conv_weight_gradient(c, dtype, path, o->weight.start, o->y.start, o->x.start);
    }
}

static struct operands operands_of(const struct conv *c, int dtype, int which)
{
    size_t in = c->c_in / c->groups;
    size_t counts[] = {c->n * c->oh * c->ow * c->c_out, c->n * c->h * c->w * c->c_in, c->c_out * c->kh * c->kw * in};
    struct buffer b[3];
    for (int i = 0; i < 3; i++)
        b[i] = i == which ? buffer_new(counts[i], dtype) : random_buffer(counts[i], dtype, (uint32_t)i + 1);
    return (struct operands){.y = b[0], .x = b[1], .weight = b[2]};
}

static void operands_free(struct operands *o)
{
    free(o->x.memory), free(o->weight.memory), free(o->y.memory);
}

static struct buffer *result_of(struct operands *o, int which)
{
    return which == 0 ? &o->y : which == 1 ? &o->x : &o->weight;
}

/* The largest error, of the root mean square of the true values; it grows as the root of the number of summands. */
static double allowed(const struct conv *c, int dtype, enum conv_path path, int which)
{
    size_t kernel = c->kh * c->kw, depths[] = {kernel * c->c_in / c->groups, kernel * c->c_out / c->groups, c->n * c->oh * c->ow};
    double root = sqrt((double)depths[which] / 512), grown = root > 1 ? root : 1;
    return (dtype == F64 ? 1e-14 : path == CONV_WINOGRAD ? 2e-5 : 4e-6) * grown;
}

static void check(const struct conv *c, int dtype, int which)
{
    struct operands o = operands_of(c, dtype, which);
    struct buffer *result = result_of(&o, which);
    struct judged truth = judge(c, which, &o);
    for (enum cpu_isa isa = CPU_BASE; isa <= cpu_isa_detected(); isa++) {
        assert_true(cpu_set_isa_for_testing(isa));
        for (enum conv_path path = CONV_AUTO; path <= CONV_DEPTHWISE; path++) {
            memset(result->start, 0xff, result->count * result->size);
            assert_true(compute(c, dtype, path, which, &o));
            double error = largest_error(&truth, result);
            enum conv_path taken = path == CONV_AUTO ? conv_path_of(c, dtype, which) : path;
            if (!(error <= allowed(c, dtype, taken, which)))
                fail_msg("%s, %s, shape %td, dtype %d, %s: error %g", computations[which], path_names[path], c - shapes, dtype,
                         cpu_isa_name(isa), error);
            if (!guards_hold(&o.x) || !guards_hold(&o.y) || !guards_hold(&o.weight))
                fail_msg("%s, %s, shape %td, dtype %d, %s: wrote outside", computations[which], path_names[path], c - shapes, dtype,
                         cpu_isa_name(isa));
        }
    }
    assert_true(cpu_set_isa_for_testing(cpu_isa_detected()));
    free(truth.sum), free(truth.squares);
    operands_free(&o);
}

static void test_every_path_is_right(void **state)
{
    (void)state;
    for (int dtype = F32; dtype <= F64; dtype++)
        for (size_t i = 0; i < SHAPES; i++)
            for (int which = 0; which < 3; which++)
                check(&shapes[i], dtype, which);
}

static void test_same_bits_for_any_number_of_threads(void **state)
{
    (void)state;
    static const int threads[] = {1, 2, 3, 8};
    for (size_t i = 0; i < SHAPES; i++)
        for (int which = 0; which < 3; which++)
            for (enum conv_path path = CONV_AUTO; path <= CONV_DEPTHWISE; path++) {
                struct operands o = operands_of(&shapes[i], F32, which);
                struct buffer *result = result_of(&o, which);
                size_t bytes = result->count * result->size;
                char *first = malloc(bytes + 1);
                assert_non_null(first);
                for (int t = 0; t < 4; t++) {
                    pool_set_threads(threads[t]);
                    memset(result->start, 0xff, bytes);
                    assert_true(compute(&shapes[i], F32, path, which, &o));
                    if (t == 0)
                        memcpy(first, result->start, bytes);
                    else if (memcmp(first, result->start, bytes))
                        fail_msg("%s, %s, shape %zu: other bits with %d threads", computations[which], path_names[path], i, threads[t]);
                }
                free(first);
                operands_free(&o);
            }
    pool_set_threads(0);
}

static void test_bias_and_relu(void **state)
{
    (void)state;
    for (int dtype = F32; dtype <= F64; dtype++)
        for (size_t i = 0; i < SHAPES; i++)
            for (enum conv_path path = CONV_AUTO; path <= CONV_DEPTHWISE; path++)
                for (int relu = 0; relu < 2; relu++) {
                    const struct conv *c = &shapes[i];
                    struct operands o = operands_of(c, dtype, CONV_FORWARD);
                    struct buffer bias = random_buffer(c->c_out, dtype, 9), plain = buffer_new(o.y.count, dtype);
                    assert_true(conv_forward(c, dtype, path, plain.start, o.x.start, o.weight.start, NULL, false));
                    assert_true(conv_forward(c, dtype, path, o.y.start, o.x.start, o.weight.start, bias.start, relu));
                    for (size_t k = 0; k < o.y.count; k++) {
                        double want = get(&plain, k) + get(&bias, k % c->c_out), got = get(&o.y, k);
                        if (relu && want <= 0)
                            want = 0;
                        if (!(fabs(got - want) <= (dtype == F64 ? 1e-14 : 2e-6) * (fabs(get(&plain, k)) + 2)))
                            fail_msg("%s, shape %zu, dtype %d: %g with bias%s, not %g", path_names[path], i, dtype, got,
                                     relu ? " and relu" : "", want);
                    }
                    assert_true(guards_hold(&bias) && guards_hold(&o.y));
                    free(plain.memory), free(bias.memory);
                    operands_free(&o);
                }
}

static void test_winograd_can_be_turned_off(void **state)
{
    (void)state;
    const struct conv c = {32, 64, 32, 32, 64, 3, 3, 32, 32, 1, {1, 1}, {1, 1}, {1, 1}};
    for (int which = 0; which < 3; which++) {
        conv_use_winograd(false);
        assert_int_not_equal(conv_path_of(&c, F32, which), CONV_WINOGRAD);
        conv_use_winograd(true);
        assert_int_equal(conv_path_of(&c, F32, which), CONV_WINOGRAD);
        assert_int_equal(conv_path_of(&c, F64, which), CONV_IM2COL);
    }
}

/* Beyond input, output and one transformed copy of the weights, or of their gradient. */
static void test_work_space_is_a_tenth_of_the_im2col_matrix(void **state)
{
    (void)state;
    for (size_t batch = 32; batch <= 128; batch *= 4)
        for (size_t channels = 64, side = 32; channels <= 512; channels *= 2, side /= 2) {
            const struct conv c = {batch, channels, side, side, channels, 3, 3, side, side, 1, {1, 1}, {1, 1}, {1, 1}};
            const size_t pixels = batch * side * side, weights = channels * channels;
            const size_t im2col = pixels * channels * 9 * sizeof(float), transformed = weights * 36 * sizeof(float);
            float *x = calloc(2 * pixels * channels + 9 * weights, sizeof *x), *y = x + pixels * channels, *w = y + pixels * channels;
            assert_non_null(x);
            for (int which = CONV_FORWARD; which <= CONV_WEIGHT_GRADIENT; which++) {
                pool_shutdown();
                scratch_free();
                assert_true(which == CONV_FORWARD          ? conv_forward(&c, F32, CONV_AUTO, y, x, w, NULL, false)
                            : which == CONV_INPUT_GRADIENT ? conv_input_gradient(&c, F32, CONV_AUTO, x, y, w)
                                                           : conv_weight_gradient(&c, F32, CONV_AUTO, w, y, x));
                const size_t all = scratch_bytes(), used = all < transformed ? 0 : all - transformed;
                print_message("# %zu images, %zu channels, %zux%zu, computation %d: %.1f %% of the im2col matrix\n", batch, channels, side, side, which,
                              100.0 * (double)used / (double)im2col);
                assert_true(used < im2col / 10);
            }
            free(x);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_path_is_right),
        cmocka_unit_test(test_same_bits_for_any_number_of_threads),
        cmocka_unit_test(test_bias_and_relu),
        cmocka_unit_test(test_winograd_can_be_turned_off),
        cmocka_unit_test(test_work_space_is_a_tenth_of_the_im2col_matrix),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
