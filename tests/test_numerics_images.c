/* test_numerics_images.c - the rows of the list of corner cases (see test_numerics.c) that speak of convolution, pooling and
 * normalisation over channels, and what these hold to besides: their compositions, and where results lie in memory. */
#include "engine.h"

#define IMAGE(h, w, ...) ct_require_grad(ct_reshape((ct_vector)((const double[]){__VA_ARGS__}, (h) * (w), CT_FLOAT64), 1, 1, h, w))
#define assert_fails(call, part) check_failure((call) != NULL, part, __FILE__, __LINE__)

static void check_failure(bool worked, const char *part, const char *file, int line)
{
    if (worked)
        print_error("no failure, want \"%s\"\n", part);
    check_error(part, file, line);
}

static ct_tensor *random_leaf(int64_t a, int64_t b, int64_t c, int64_t d)
{
    return ct_require_grad(ct_randn_as(CT_FLOAT64, a, b, c, d));
}

/* The gradient of the sum of y. */
static ct_tensor *slope(ct_tensor *y, ct_tensor *x)
{
    return ct_grad(y, x, .cotangent = ct_ones_like(y), .retain_graph = true);
}

static void assert_close(ct_tensor *a, ct_tensor *b, double bound)
{
    assert_fine();
    assert_true(ct_allclose(a, b, bound, bound, true));
}

/* ---- Normalisation --------------------------------------------------------------------------------------------------------- */
static void test_row_39_running_var_is_unbiased(void **state)
{
    (void)state;
    ct_tensor *x = ct_reshape(leaf64(1, 2, 3, 6), 4, 1), *mean = leaf64(10), *var = leaf64(1);
    ct_require_grad(mean, false), ct_require_grad(var, false);
    ct_tensor *y = ct_batch_norm(x, mean, var, NULL, NULL, .training = true, .momentum = 0.25, .eps = 0.5);
    assert_near_values(y, 1e-15, -1, -0.5, 0, 1.5); /* mean 3, var 14 / 4 */
    assert_near_values(mean, 1e-15, 0.75 * 10 + 0.25 * 3);
    assert_near_values(var, 1e-15, 0.75 + 0.25 * 14 / 3);
    const double deviation = sqrt(0.75 + 0.25 * 14 / 3);
    assert_near_values(ct_batch_norm(x, mean, var, NULL, NULL, .eps = 0), 1e-14, -7.25 / deviation, -6.25 / deviation, -5.25 / deviation, -2.25 / deviation);
}

static void test_row_39_a_falling_momentum_gives_the_average(void **state)
{
    (void)state;
    ct_tensor *mean = ct_zeros_as(CT_FLOAT64, 1), *var = ct_ones_as(CT_FLOAT64, 1);
    for (int k = 1; k <= 3; k++)
        assert_non_null(ct_batch_norm(ct_reshape((ct_vector)((const double[]){k, 3 * k}, 2, CT_FLOAT64), 2, 1), mean, var, NULL, NULL, .training = true,
                                      .momentum = 1.0 / k));
    assert_near_values(mean, 1e-14, (2 + 4 + 6) / 3.0);
    assert_near_values(var, 1e-14, (2 + 8 + 18) / 3.0);
}

static void test_row_40_one_value_a_channel(void **state)
{
    (void)state;
    ct_tensor *x = ct_reshape(leaf64(1, 2), 1, 2), *mean = ct_zeros_as(CT_FLOAT64, 2), *var = ct_ones_as(CT_FLOAT64, 2);
    assert_fails(ct_batch_norm(x, mean, var, NULL, NULL, .training = true), "has one value a channel");
    assert_values(mean, 0, 0);
    assert_values(var, 1, 1);
    assert_values(ct_batch_norm(x, mean, var, NULL, NULL, .eps = 0), 1, 2);
}

static void test_row_41_an_empty_batch(void **state)
{
    (void)state;
    for (int relu = 0; relu < 2; relu++) {
        ct_tensor *x = random_leaf(0, 2, 3, 3), *w = leaf64(2, 3), *b = leaf64(4, 5), *mean = ct_vector(0.5, -1), *var = ct_vector(2, 3);
        mean = ct_cast(mean, CT_FLOAT64), var = ct_cast(var, CT_FLOAT64);
        ct_tensor *y = ct_batch_norm(x, mean, var, w, b, .training = true, .activation = relu ? CT_RELU : CT_IDENTITY);
        assert_shape(y, 0, 2, 3, 3);
        assert_values(mean, 0.5, -1);
        assert_values(var, 2, 3);
        assert_true(ct_backward(ct_sum(y)));
        assert_values(ct_gradient(w), 0, 0);
        assert_values(ct_gradient(b), 0, 0);
        assert_shape(ct_gradient(x), 0, 2, 3, 3);
    }
}

static void test_row_42_groups_of_channels(void **state)
{
    (void)state;
    assert_fails(ct_group_norm(random_leaf(2, 4, 2, 2), 3, NULL, NULL), "C a multiple of the groups");
    assert_fails(ct_group_norm(random_leaf(2, 4, 1, 1), 4, NULL, NULL), "has one value a group");
    assert_values(ct_group_norm(ct_reshape(leaf64(1, 3, -5, 7), 1, 4), 2, NULL, NULL, .eps = 0), -1, 1, -1, 1);
}

static void test_row_43_one_pixel(void **state)
{
    (void)state;
    assert_fails(ct_instance_norm(random_leaf(3, 2, 1, 1), NULL, NULL), "has one value a group");
    assert_values(ct_instance_norm(ct_reshape(leaf64(1, 3, -5, 7), 1, 2, 2), NULL, NULL, .eps = 0), -1, 1, -1, 1);
}

static void test_constant_and_distant_channels(void **state)
{
    (void)state;
    ct_tensor *x = ct_reshape(leaf64(3, 3, 3), 3, 1), *y = ct_batch_norm(x, NULL, NULL, leaf64(2), leaf64(5), .training = true);
    assert_values(y, 5, 5, 5);
    assert_near_values(ct_grad(y, x, .cotangent = ct_reshape(leaf64(1, 2, 6), 3, 1)), 1e-10, -4 / sqrt(1e-5), -2 / sqrt(1e-5), 6 / sqrt(1e-5));
    ct_tensor *far = ct_reshape((ct_vector)((const double[]){10000.01, 9999.99, 10000.01, 9999.99}, 4, CT_FLOAT32), 4, 1);
    assert_near_values(ct_batch_norm(far, NULL, NULL, NULL, NULL, .training = true, .eps = 0), 0.05, 1, -1, 1, -1);
}

/* ---- Convolution ------------------------------------------------------------------------------------------------------------ */
static void test_row_44_sizes_of_convolutions(void **state)
{
    (void)state;
    enum { SIZES = 5 * 3 * 4 * 3 * 3 };
    for (int i = 0; i < SIZES; i++) {
        CT_SCOPE;
        const int64_t h = 1 + i % 5, k = 1 + i / 5 % 3, p = i / 15 % 4, d = 1 + i / 60 % 3, s = 1 + i / 180, room = h + 2 * p - d * (k - 1) - 1;
        ct_tensor *x = ct_ones_as(CT_FLOAT64, 1, 1, h, 4), *w = ct_ones_as(CT_FLOAT64, 1, 1, k, 1);
        ct_tensor *y = ct_conv2d(x, w, NULL, .stride = CT_HW(s, 1), .padding = CT_HW(p, 0), .dilation = CT_HW(d, 1));
        if (room < 0)
            assert_fails(y, "conv2d: ");
        else
            assert_shape(y, 1, 1, room / s + 1, 4);
    }
}

static void test_row_45_sizes_of_transposed_convolutions(void **state)
{
    (void)state;
    enum { SIZES = 3 * 3 * 3 * 3 * 2 * 3 };
    for (int i = 0; i < SIZES; i++) {
        CT_SCOPE;
        const int64_t h = 1 + i % 3, k = 1 + i / 3 % 3, p = i / 9 % 3, s = 1 + i / 27 % 3, d = 1 + i / 81 % 2, extra = i / 162;
        const int64_t size = (h - 1) * s - 2 * p + d * (k - 1) + extra + 1;
        ct_tensor *x = ct_ones_as(CT_FLOAT64, 1, 1, h, 2), *w = ct_ones_as(CT_FLOAT64, 1, 1, k, 1);
        ct_tensor *y = ct_conv_transpose2d(x, w, NULL, .stride = CT_HW(s, 1), .padding = CT_HW(p, 0), .dilation = CT_HW(d, 1), .output_padding = CT_HW(extra, 0));
        if (extra >= s && extra >= d)
            assert_fails(y, "output_padding");
        else if (size < 1)
            assert_fails(y, "no pixels");
        else
            assert_shape(y, 1, 1, size, 2);
    }
}

static void test_row_46_same_pads_more_on_the_right(void **state)
{
    (void)state;
    for (int64_t d = 1; d <= 3; d++)
        for (int64_t k = 1; k <= 4; k++) {
            ct_tensor *x = random_leaf(2, 2, 5, 4), *w = random_leaf(3, 2, k, 2);
            const int64_t total = d * (k - 1);
            ct_tensor *y = ct_conv2d(x, w, NULL, .padding = CT_SAME, .dilation = CT_HW(d, 1));
            ct_tensor *padded = ct_pad(x, 0, 0, 1, total / 2, total - total / 2);
            assert_shape(y, 2, 3, 5, 4);
            assert_close(y, ct_conv2d(padded, w, NULL, .dilation = CT_HW(d, 1)), 1e-13);
        }
    assert_fails(ct_conv2d(random_leaf(1, 1, 4, 4), random_leaf(1, 1, 2, 2), NULL, .padding = CT_SAME, .stride = 2), "want stride 1");
}

/* The convolution as unfold, matmul and reshape would write it. */
static ct_tensor *composed_conv2d(ct_tensor *x, ct_tensor *w, int64_t stride, int64_t padding, int64_t dilation)
{
    int64_t out = ct_size(w, 0), kernel = CT_HW(ct_size(w, 2), ct_size(w, 3));
    int64_t h = (ct_size(x, 2) + 2 * padding - dilation * (ct_size(w, 2) - 1) - 1) / stride + 1;
    ct_tensor *columns = ct_im2col(x, kernel, .stride = stride, .padding = padding, .dilation = dilation);
    return ct_reshape(ct_matmul(ct_reshape(w, out, -1), columns), ct_size(x, 0), out, h, -1);
}

static void test_convolution_is_unfold_matmul_reshape(void **state)
{
    (void)state;
    static const int64_t cases[][3] = {{1, 1, 1}, {2, 1, 1}, {1, 0, 2}, {3, 2, 2}}; /* stride, padding, dilation */
    for (int dtype = 0; dtype < 2; dtype++)
        for (size_t c = 0; c < COUNT(cases); c++) {
            int64_t stride = cases[c][0], padding = cases[c][1], dilation = cases[c][2];
            ct_dtype type = dtype ? CT_FLOAT32 : CT_FLOAT64;
            ct_tensor *x = ct_require_grad(ct_randn_as(type, 3, 16, 13, 11)), *w = ct_require_grad(ct_randn_as(type, 20, 16, 3, 3));
            ct_tensor *y = ct_conv2d(x, w, NULL, .stride = stride, .padding = padding, .dilation = dilation);
            ct_tensor *composed = composed_conv2d(x, w, stride, padding, dilation), *g = ct_detach(ct_sin(y));
            double error = dtype ? 3e-4 : 1e-12;
            assert_close(y, composed, error);
            ct_tensor *const in[] = {x, w};
            for (size_t i = 0; i < COUNT(in); i++)
                assert_close(ct_grad(y, in[i], .cotangent = g, .retain_graph = true), ct_grad(composed, in[i], .cotangent = g, .retain_graph = true),
                             10 * error);
        }
}

static void test_row_47_groups_are_convolutions_apart(void **state)
{
    (void)state;
    enum { CHANNELS = 4 };
    for (int groups = 1; groups <= CHANNELS; groups *= 2) {
        ct_tensor *x = random_leaf(2, CHANNELS, 4, 5), *w = random_leaf(8, CHANNELS / groups, 3, 2), *b = ct_require_grad(ct_randn_as(CT_FLOAT64, 8));
        ct_tensor *xs[CHANNELS], *ws[CHANNELS], *bs[CHANNELS], *ys[CHANNELS];
        assert_true(ct_split(x, CHANNELS / groups, 1, xs, (size_t)groups) && ct_split(w, 8 / groups, 0, ws, (size_t)groups) &&
                    ct_split(b, 8 / groups, 0, bs, (size_t)groups));
        for (int i = 0; i < groups; i++)
            ys[i] = ct_conv2d(xs[i], ws[i], bs[i], .padding = 1);
        ct_tensor *y = ct_conv2d(x, w, b, .padding = 1, .groups = groups), *apart = ct_cat(ys, (size_t)groups, 1);
        assert_close(y, apart, 1e-13);
        ct_tensor *const in[] = {x, w, b}, *g = ct_detach(ct_sin(y));
        for (size_t i = 0; i < COUNT(in); i++)
            assert_close(ct_grad(y, in[i], .cotangent = g, .retain_graph = true), ct_grad(apart, in[i], .cotangent = g, .retain_graph = true), 1e-12);
    }
    assert_fails(ct_conv2d(random_leaf(1, 4, 3, 3), random_leaf(3, 2, 1, 1), NULL, .groups = 2), "multiple of the groups");
    assert_fails(ct_conv2d(random_leaf(1, 3, 3, 3), random_leaf(4, 2, 1, 1), NULL, .groups = 2), "input (1, 3, 3, 3) has 3 channels");
}

static void test_row_48_empty_batch_and_no_channels(void **state)
{
    (void)state;
    ct_tensor *x = random_leaf(0, 2, 4, 4), *w = random_leaf(1, 2, 2, 2), *b = leaf64(3);
    ct_tensor *y = ct_conv2d(x, w, b, .activation = CT_RELU);
    assert_shape(y, 0, 1, 3, 3);
    assert_true(ct_backward(ct_sum(y)));
    assert_shape(ct_gradient(x), 0, 2, 4, 4);
    assert_values(ct_gradient(w), 0, 0, 0, 0, 0, 0, 0, 0);
    assert_values(ct_gradient(b), 0);
    assert_fails(ct_conv2d(ct_zeros_as(CT_FLOAT64, 1, 0, 4, 4), ct_zeros_as(CT_FLOAT64, 1, 0, 2, 2), NULL), "conv2d: ");
    assert_fails(ct_conv2d(random_leaf(1, 1, 4, 4), ct_zeros_as(CT_FLOAT64, 0, 1, 2, 2), NULL), "no axis of size 0");
}

static void test_row_49_uneven_padding_is_a_pad_before(void **state)
{
    (void)state;
    ct_tensor *x = IMAGE(2, 2, 1, 2, 3, 4), *w = IMAGE(2, 2, 1, 10, 100, 1000);
    ct_tensor *y = ct_conv2d(ct_pad(x, 0, 1, 0, 0, 1), w, NULL);
    assert_values(y, 3010, 4321, 30, 43);
    assert_values(slope(y, x), 11, 10, 1111, 1010);
}

/* ---- Pooling ---------------------------------------------------------------------------------------------------------------- */
static void test_row_50_padding_never_wins(void **state)
{
    (void)state;
    for (int last = 0; last < 2; last++) {
        ct_tensor *x = ct_neg(ct_add(ct_rand_as(CT_FLOAT64, 2, 3, 5, 5), 1));
        x = last ? ct_channels_last(x) : x;
        ct_tensor *y = ct_max_pool2d(x, 3, .stride = 2, .padding = 1);
        assert_true(ct_item(ct_max(y)) <= -1);
    }
    assert_values(ct_max_pool2d(ct_full_as(CT_FLOAT64, -INFINITY, 1, 1, 2, 2), 3, .padding = 1), -INFINITY);
    assert_fails(ct_max_pool2d(random_leaf(1, 1, 4, 4), 2, .padding = 2), "more than half");
    assert_fails(ct_avg_pool2d(random_leaf(1, 1, 4, 4), 3, .padding = 2), "more than half");
}

static void test_row_50_the_first_maximum_takes_the_gradient(void **state)
{
    (void)state;
    ct_tensor *x = IMAGE(2, 4, 5, 5, 1, 7, 5, 5, 7, 7), *places;
    ct_tensor *y = ct_max_pool2d(x, 2, .indices = &places);
    assert_values(y, 5, 7);
    assert_values(places, 0, 3);
    assert_values(slope(y, x), 1, 0, 0, 1, 0, 0, 0, 0);
}

static void test_row_50_overlapping_windows_accumulate(void **state)
{
    (void)state;
    ct_tensor *x = IMAGE(3, 3, 1, 2, 3, 4, 9, 5, 6, 7, 8);
    ct_tensor *y = ct_max_pool2d(x, 2, .stride = 1);
    assert_values(y, 9, 9, 9, 9);
    assert_values(ct_grad(y, x, .cotangent = ct_reshape(leaf64(1, 2, 3, 4), 1, 1, 2, 2)), 0, 0, 0, 0, 10, 0, 0, 0, 0);
}

static void test_row_50_nan_wins(void **state)
{
    (void)state;
    for (int last = 0; last < 2; last++) {
        ct_tensor *plane = IMAGE(2, 4, 1, NAN, INFINITY, 2, 3, 4, NAN, 5), *x = ct_stack(CT_TENSORS(plane, plane), -1), *places;
        x = ct_reshape(ct_permute(x, 0, 1, 4, 2, 3), 1, 2, 2, 4);
        x = ct_require_grad(ct_detach(last ? ct_channels_last(x) : ct_contiguous(x)), true);
        ct_tensor *y = ct_max_pool2d(x, 2, .indices = &places);
        assert_values(y, NAN, NAN, NAN, NAN);
        assert_values(places, 1, 6, 1, 6);
        assert_values(slope(y, x), 0, 1, 0, 0, 0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 1, 0);
        assert_values(ct_adaptive_max_pool2d(x, 1), NAN, NAN);
    }
}

/* The windows counted one by one: they begin inside the input or its left padding. */
static void test_row_51_where_the_last_window_begins(void **state)
{
    (void)state;
    enum { SIZES = 7 * 4 * 4 * 3 };
    for (int i = 0; i < SIZES; i++) {
        CT_SCOPE;
        const int64_t length = 1 + i % 7, k = 1 + i / 7 % 4, s = 1 + i / 28 % 4, p = i / 112, all = length + 2 * p;
        ct_tensor *x = ct_ones_as(CT_FLOAT64, 1, length);
        if (2 * p > k)
            continue;
        if (k > all)                            /* one window that is cut off, if the stride reaches as far */
            assert_fails(ct_max_pool1d(x, k, .stride = s, .padding = p), "is larger than axis 1");
        if (k > all + s - 1) {
            assert_fails(ct_max_pool1d(x, k, .stride = s, .padding = p, .ceil_mode = true), "is larger than axis 1");
            continue;
        }
        int64_t count = 1;
        while (count * s < length + p && (count - 1) * s + k < all)
            count++;
        assert_shape(ct_max_pool1d(x, k, .stride = s, .padding = p, .ceil_mode = true), 1, count);
        assert_shape(ct_avg_pool1d(x, k, .stride = s, .padding = p, .ceil_mode = true), 1, count);
        if (k <= all)
            assert_shape(ct_max_pool1d(x, k, .stride = s, .padding = p), 1, (all - k) / s + 1);
    }
}

static void test_row_52_what_an_average_divides_by(void **state)
{
    (void)state;
    ct_tensor *x = ct_reshape(leaf64(1, 2, 4, 8, 16), 1, 5);
    assert_values(ct_avg_pool1d(x, 4, .stride = 3, .padding = 1), 7 / 4.0, 28 / 4.0);
    assert_values(ct_avg_pool1d(x, 4, .stride = 3, .padding = 1, .count_exclude_pad = true), 7 / 3.0, 28 / 3.0);
    assert_values(ct_avg_pool1d(x, 4, .stride = 3, .padding = 1, .count_exclude_pad = true, .divisor = 8), 7 / 8.0, 28 / 8.0);
    assert_values(ct_avg_pool1d(x, 2, .stride = 2, .ceil_mode = true), 1.5, 6, 16); /* the last is cut off, and divides by 1 */
    assert_values(ct_avg_pool1d(x, 4, .stride = 2, .padding = 2, .ceil_mode = true), 3 / 4.0, 15 / 4.0, 28 / 4.0, 16 / 3.0);
    assert_values(ct_avg_pool1d(x, 2, .divisor = -2), -1.5, -6);
    assert_values(slope(ct_avg_pool1d(x, 4, .stride = 3, .padding = 1), x), 0.25, 0.25, 0.5, 0.25, 0.25);
}

static void test_row_53_adaptive_windows(void **state)
{
    (void)state;
    for (int64_t h = 1; h <= 7; h++)
        for (int64_t out = 1; out <= 7; out++) {
            CT_SCOPE;
            ct_tensor *x = random_leaf(1, 2, h, 3), *means[7], *tops[7];
            for (int64_t i = 0; i < out; i++) {
                const int64_t from = i * h / out, to = ((i + 1) * h + out - 1) / out;
                ct_tensor *window = ct_narrow(x, 2, from, to - from);
                means[i] = ct_mean(window, CT_AXES(2, 3), .keepdims = true), tops[i] = ct_amax(window, CT_AXES(2, 3), .keepdims = true);
            }
            ct_tensor *mean = ct_adaptive_avg_pool2d(x, CT_HW(out, 1)), *top = ct_adaptive_max_pool2d(x, CT_HW(out, 1));
            ct_tensor *all_means = ct_cat(means, (size_t)out, 2), *all_tops = ct_cat(tops, (size_t)out, 2);
            assert_close(mean, all_means, 1e-14);
            assert_true(ct_equal(top, all_tops));
            assert_close(slope(mean, x), slope(all_means, x), 1e-14);
            assert_close(slope(top, x), slope(all_tops, x), 0);
        }
}

/* ---- Convolution as what it is made of ---------------------------------------------------------------------------------------- */
static ct_tensor *composed(ct_tensor *x, ct_tensor *w, ct_tensor *b, const ct_conv_options *o)
{
    ct_tensor *y = ct_conv2d(ct_zeros_like(x), ct_zeros_like(w), NULL, .stride = o->stride, .padding = o->padding, .dilation = o->dilation);
    ct_tensor *columns = ct_im2col(x, CT_HW(ct_size(w, 2), ct_size(w, 3)), .stride = o->stride, .padding = o->padding, .dilation = o->dilation);
    return ct_reshape_as(ct_add(ct_matmul(ct_flatten(w, 1, -1), columns), ct_unsqueeze(b, -1)), y);
}

static void test_convolution_is_a_product_of_columns(void **state)
{
    (void)state;
    static const ct_conv_options rows[] = {{1, 0, 1, 1, CT_IDENTITY, 0}, {2, 1, 1, 1, CT_IDENTITY, 0}, {CT_HW(2, 1), CT_HW(0, 3), 2, 1, CT_IDENTITY, 0}};
    for (size_t i = 0; i < COUNT(rows); i++)
        for (int dtype = CT_FLOAT32; dtype <= CT_FLOAT64; dtype++)
            for (int last = 0; last < 2; last++) {
                CT_SCOPE;
                ct_tensor *x = ct_cast(ct_detach(random_leaf(2, 3, 9, 8)), (ct_dtype)dtype), *w = ct_cast(ct_detach(random_leaf(5, 3, 3, 2)), (ct_dtype)dtype);
                ct_tensor *b = ct_cast(ct_randn(5), (ct_dtype)dtype), *in[] = {last ? ct_channels_last(x) : x, last ? w : ct_channels_last(w), b};
                for (size_t k = 0; k < COUNT(in); k++)
                    ct_require_grad(in[k]);
                ct_tensor *y = (ct_conv2d)(in[0], in[1], in[2], &rows[i]), *z = composed(in[0], in[1], in[2], &rows[i]);
                const double bound = dtype == CT_FLOAT32 ? 2e-5 : 1e-13;
                assert_close(y, z, bound);
                ct_tensor *g = ct_cast(ct_detach(ct_sin(z)), (ct_dtype)dtype);
                for (size_t k = 0; k < COUNT(in); k++)
                    assert_close(ct_grad(y, in[k], .cotangent = g, .retain_graph = true), ct_grad(z, in[k], .cotangent = g, .retain_graph = true), bound);
            }
}

/* ---- Where results lie -------------------------------------------------------------------------------------------------------- */
enum { CONVOLUTION, MAX_POOL, AVG_POOL, ADAPTIVE_MAX, ADAPTIVE_AVG, NORM, NORM_RELU, EVAL_NORM, FORMS };
static ct_tensor *form(int which, ct_tensor *x)
{
    ct_tensor *ones = ct_ones_as(CT_FLOAT32, 4);
    switch (which) {
    case CONVOLUTION:  return ct_conv2d(x, ct_ones_as(CT_FLOAT32, 4, 4, 3, 3), ones, .padding = 1);
    case MAX_POOL:     return ct_max_pool2d(x, 2);
    case AVG_POOL:     return ct_avg_pool2d(x, 3, .stride = 2, .padding = 1);
    case ADAPTIVE_MAX: return ct_adaptive_max_pool2d(x, 3);
    case ADAPTIVE_AVG: return ct_adaptive_avg_pool2d(x, 3);
    case NORM:         return ct_batch_norm(x, NULL, NULL, ones, ones, .training = true);
    case NORM_RELU:    return ct_batch_norm(x, NULL, NULL, ones, ones, .training = true, .add = ct_ones_like(x), .activation = CT_RELU);
    default:           return ct_batch_norm(x, ones, ones, NULL, NULL);
    }
}

/* Channels-last in, channels-last out, however the cotangent lies; contiguous stays contiguous where nothing is gained otherwise. */
static void test_gradients_keep_the_layout_of_the_input(void **state)
{
    (void)state;
    for (int which = 0; which < FORMS; which++)
        for (int last = 0; last < 2; last++) {
            CT_SCOPE;
            ct_tensor *image = ct_randn_as(CT_FLOAT32, 2, 4, 8, 7), *x = ct_require_grad(last ? ct_channels_last(image) : image), *y = form(which, x);
            assert_fine();
            ct_tensor *const cotangents[] = {ct_full_as(CT_FLOAT32, 0.5, 2, 4, ct_size(y, 2), ct_size(y, 3)), ct_channels_last(ct_detach(y))};
            const bool want = last || which == CONVOLUTION;
            assert_int_equal(ct_is_channels_last(y), want);
            for (size_t k = 0; k < COUNT(cotangents); k++) {
                ct_tensor *g = ct_grad(y, x, .cotangent = cotangents[k], .retain_graph = true);
                assert_fine();
                assert_int_equal(ct_is_channels_last(g), want);
                assert_int_equal(ct_is_contiguous(g), !want);
            }
        }
}

/* ---- Winograd ----------------------------------------------------------------------------------------------------------------- */
static double error_of(ct_tensor *got, ct_tensor *exact) /* the root of its mean square */
{
    return ct_item(ct_norm(ct_sub(ct_cast(ct_detach(got), CT_FLOAT64), ct_detach(exact)))) / sqrt((double)ct_numel(exact));
}

static void test_winograd_rounds_as_it_says(void **state)
{
    (void)state;
    ct_seed(0);
    ct_tensor *x = ct_require_grad(ct_randn_as(CT_FLOAT32, 4, 32, 20, 18)), *w = ct_require_grad(ct_randn_as(CT_FLOAT32, 48, 32, 3, 3));
    ct_tensor *truth = ct_conv2d(ct_cast(x, CT_FLOAT64), ct_cast(w, CT_FLOAT64), NULL, .padding = 1), *g = ct_detach(ct_sin(truth));
    double errors[2][3];
    const bool was = ct_set_winograd(true);
    for (int on = 0; on < 2; on++) {
        ct_set_winograd(on);
        ct_tensor *y = ct_conv2d(x, w, NULL, .padding = 1), *in[] = {x, w};
        errors[on][2] = error_of(y, truth);
        for (int i = 0; i < 2; i++)
            errors[on][i] = error_of(ct_grad(y, in[i], .cotangent = ct_cast(g, CT_FLOAT32), .retain_graph = true),
                                     ct_grad(truth, in[i], .cotangent = g, .retain_graph = true));
    }
    assert_true(ct_set_winograd(was));
    for (int i = 0; i < 3; i++) {
        print_message("# error %g, with Winograd %g\n", errors[0][i], errors[1][i]);
        assert_true(errors[1][i] > errors[0][i] && errors[1][i] <= 4 * errors[0][i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_row_39_running_var_is_unbiased),
        TEST(test_row_39_a_falling_momentum_gives_the_average),
        TEST(test_row_40_one_value_a_channel),
        TEST(test_row_41_an_empty_batch),
        TEST(test_row_42_groups_of_channels),
        TEST(test_row_43_one_pixel),
        TEST(test_constant_and_distant_channels),
        TEST(test_row_44_sizes_of_convolutions),
        TEST(test_row_45_sizes_of_transposed_convolutions),
        TEST(test_row_46_same_pads_more_on_the_right),
        TEST(test_convolution_is_unfold_matmul_reshape),
        TEST(test_row_47_groups_are_convolutions_apart),
        TEST(test_row_48_empty_batch_and_no_channels),
        TEST(test_row_49_uneven_padding_is_a_pad_before),
        TEST(test_row_50_padding_never_wins),
        TEST(test_row_50_the_first_maximum_takes_the_gradient),
        TEST(test_row_50_overlapping_windows_accumulate),
        TEST(test_row_50_nan_wins),
        TEST(test_row_51_where_the_last_window_begins),
        TEST(test_row_52_what_an_average_divides_by),
        TEST(test_row_53_adaptive_windows),
        TEST(test_convolution_is_a_product_of_columns),
        TEST(test_gradients_keep_the_layout_of_the_input),
        TEST(test_winograd_rounds_as_it_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
