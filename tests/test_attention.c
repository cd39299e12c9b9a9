/* test_attention.c - what rows of cases do not show of attention and its neighbours: memory, layouts, large scores, small variances. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "cotangent.h"

static size_t extra_of(int64_t length)          /* what a forward and a backward take beside their operands */
{
    CT_SCOPE;
    ct_tensor *x[3];
    for (int i = 0; i < 3; i++)
        assert_non_null(x[i] = ct_require_grad(ct_randn(1, 2, length, 64)));
    const size_t before = ct_memory().live;
    ct_memory_reset_peak();
    assert_true(ct_backward(ct_sum(ct_scaled_dot_product_attention(x[0], x[1], x[2], .causal = true))));
    const size_t extra = ct_memory().peak - before;
    for (int i = 0; i < 3; i++)
        ct_zero_gradient(x[i]);
    return extra;
}

static void test_memory_grows_with_the_length(void **state)
{
    (void)state;
    const size_t half = extra_of(2048), whole = extra_of(4096);
    assert_true(whole < (size_t)24 << 20);      /* the scores alone would be 128 MiB */
    assert_true(whole < half * 5 / 2);
}

static ct_tensor *plain(ct_tensor *q, ct_tensor *k, ct_tensor *v)
{
    return ct_matmul(ct_softmax(ct_div(ct_matmul(q, ct_transpose(k, -2, -1)), sqrt((double)ct_size(q, -1))), -1), v);
}

static void test_heads_of_one_projection_need_no_copy(void **state)
{
    (void)state;
    CT_SCOPE;
    ct_tensor *x = ct_require_grad(ct_randn(2, 70, 3, 4, 24)), *y = ct_require_grad(ct_clone(ct_detach(x)));
    ct_tensor *from[] = {x, y}, *to[2], *part[3];
    for (int i = 0; i < 2; i++) {
        assert_true(ct_unbind(ct_permute(from[i], 2, 0, 3, 1, 4), 0, part, 3));
        to[i] = i ? plain(part[0], part[1], part[2]) : ct_scaled_dot_product_attention(part[0], part[1], part[2]);
        ct_tensor *rows = ct_transpose(to[i], 1, 2);
        assert_true(i || ct_is_contiguous(rows)); /* (batch, length, heads, width) in memory */
        assert_true(ct_backward(ct_sum(ct_square(rows))));
    }
    assert_true(ct_allclose(to[0], to[1], 1e-4, 1e-5, false));
    assert_true(ct_allclose(ct_gradient(x), ct_gradient(y), 1e-3, 1e-5, false));
}

static void test_large_scores_neither_overflow_nor_vanish(void **state)
{
    (void)state;
    CT_SCOPE;
    ct_tensor *q = ct_mul(ct_randn(1, 100, 8), 1e4), *k = ct_mul(ct_randn(1, 130, 8), 1e4), *v = ct_randn(1, 130, 8);
    ct_tensor *y = ct_scaled_dot_product_attention(q, k, v);
    ct_tensor *want = plain(ct_cast(q, CT_FLOAT64), ct_cast(k, CT_FLOAT64), ct_cast(v, CT_FLOAT64));
    assert_true(ct_allclose(ct_cast(y, CT_FLOAT64), want, 1e-3, 1e-3, false));
}

static void test_hidden_keys_may_hold_anything(void **state)
{
    (void)state;
    CT_SCOPE;
    ct_tensor *q = ct_require_grad(ct_randn(1, 3, 4)), *k = ct_randn(1, 5, 4), *v = ct_randn(1, 5, 4);
    ct_tensor *bad = ct_index_put(k, CT_SUBSCRIPTS(CT_ALL, CT_AT(4)), (double)NAN, .accumulate = false);
    ct_tensor *mask = ct_lt(ct_arange(5), 4), *y = ct_scaled_dot_product_attention(q, bad, v, .mask = mask);
    assert_true(ct_allclose(y, ct_scaled_dot_product_attention(q, k, v, .mask = mask)));
    assert_false(ct_allclose(y, ct_scaled_dot_product_attention(q, k, v)));
}

static void test_dropout_keeps_the_mean_and_follows_its_seed(void **state)
{
    (void)state;
    CT_SCOPE;
    ct_tensor *q = ct_randn(8, 64, 16), *k = ct_randn(8, 200, 16), *v = ct_ones(8, 200, 1);
    ct_generator *g = ct_generator_new(5), *h = ct_generator_new(5);
    ct_tensor *first = ct_scaled_dot_product_attention(q, k, v, .dropout_p = 0.25, .generator = g);
    ct_tensor *again = ct_scaled_dot_product_attention(q, k, v, .dropout_p = 0.25, .generator = h);
    ct_tensor *next = ct_scaled_dot_product_attention(q, k, v, .dropout_p = 0.25, .generator = g);
    assert_true(ct_equal(first, again));
    assert_false(ct_equal(first, next));
    assert_true(fabs(ct_item(ct_mean(first)) - 1) < 0.02);
    ct_free(g), ct_free(h);
}

static void test_layer_norm_of_a_far_mean_keeps_its_variance(void **state) /* row 38 */
{
    (void)state;
    CT_SCOPE;
    ct_tensor *x = ct_add(ct_mul(ct_randn(20, 300), 1e-2), 1e4), *y = ct_layer_norm(x, 1, NULL, NULL, .eps = 1e-12);
    ct_tensor *want = ct_layer_norm(ct_cast(x, CT_FLOAT64), 1, NULL, NULL, .eps = 1e-12);
    assert_true(ct_allclose(ct_cast(y, CT_FLOAT64), want, 1e-4, 1e-4, false));
    ct_tensor *flat = ct_layer_norm((ct_full)((const int64_t[]){2, 7}, 2, 3.25, CT_FLOAT32), 1, NULL, NULL);
    assert_true(ct_equal(flat, ct_zeros(2, 7)));
}

static void test_sinusoidal_positions(void **state)
{
    (void)state;
    CT_SCOPE;
    ct_tensor *p = (ct_sinusoidal_positions)(50, 7, CT_FLOAT64);
    const double *at = ct_data(p);
    assert_non_null(at);
    for (int row = 0; row < 50; row++)
        for (int c = 0; c < 7; c++) {
            const double angle = row * pow(10000, -(double)(c / 2 * 2) / 7);
            assert_true(fabs(at[row * 7 + c] - (c % 2 ? cos(angle) : sin(angle))) < 1e-12);
        }
    assert_int_equal(ct_dtype_of(ct_sinusoidal_positions(3, 4)), CT_FLOAT32);
    assert_int_equal(ct_numel(ct_sinusoidal_positions(0, 4)), 0);
    assert_null((ct_sinusoidal_positions)(3, -1, CT_FLOAT32));
    assert_null((ct_sinusoidal_positions)(3, 4, CT_INT64));
    ct_error_clear();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_memory_grows_with_the_length),
        cmocka_unit_test(test_heads_of_one_projection_need_no_copy),
        cmocka_unit_test(test_large_scores_neither_overflow_nor_vanish),
        cmocka_unit_test(test_hidden_keys_may_hold_anything),
        cmocka_unit_test(test_dropout_keeps_the_mean_and_follows_its_seed),
        cmocka_unit_test(test_layer_norm_of_a_far_mean_keeps_its_variance),
        cmocka_unit_test(test_sinusoidal_positions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
