/* Corner cases of losses, one test a row of the project's list, under its number. */
#include "numerics.h"

/* ---- Losses --------------------------------------------------------------------------------------------------------------------- */
static void test_row_27_cross_entropy_is_nll_of_log_softmax(void **state)
{
    (void)state;
    ct_tensor *x = ct_reshape(VECTOR(1, 2, 3, -1, 0, 5), 2, 3), *t = ct_vector_int(2, 0);
    assert_true(ct_allclose(ct_cross_entropy(x, t), ct_nll(ct_log_softmax(x, 1), t), 1e-13, 0, false));
}

static void test_row_27_the_mean_divides_by_the_weights_of_targets_kept(void **state)
{
    (void)state;
    ct_tensor *x = ct_reshape(VECTOR(-1, -2, -3, -4, -5, -6), 3, 2), *t = ct_vector_int(0, 1, 0), *w = VECTOR(1, 3);
    IS(ct_nll(x, t, .weight = ct_detach(w)), (1 + 3 * 4 + 5) / 5.0);
    IS(ct_nll(x, t, .weight = ct_detach(w), .ignore_index = 0), 4);
    IS(ct_nll(x, t, .ignore_index = 1), 3);
    GRADIENT(ct_cross_entropy(x, t, .ignore_index = 0), x, 0, 0, 1 / (1 + exp(-1)), -1 / (1 + exp(-1)), 0, 0);
}

static void test_row_28_an_empty_batch(void **state)
{
    (void)state;
    ct_tensor *y = ct_reshape(VECTOR(1, 2, 3, 4), 2, 2), *ignored = ct_vector_int(-100, -100);
    IS(ct_cross_entropy(y, ignored), NAN);
    IS(ct_cross_entropy(y, ignored, .reduction = CT_SUM), 0);
    IS(ct_cross_entropy(y, ignored, .reduction = CT_NONE), 0, 0);
    GRADIENT(ct_cross_entropy(y, ignored, .reduction = CT_SUM), y, 0, 0, 0, 0);
    ct_tensor *x = empty(0, 3), *t = (ct_zeros)((const int64_t[]){0}, 1, CT_INT64);
    IS(ct_cross_entropy(x, t), NAN);
    IS(ct_cross_entropy(x, t, .reduction = CT_SUM), 0);
    assert_int_equal(ct_numel(ct_cross_entropy(x, t, .reduction = CT_NONE)), 0);
    assert_int_equal(ct_numel(gradient(ct_cross_entropy(x, t), x)), 0);
}

static void test_row_29_label_smoothing_leaves_out_what_is_ignored(void **state)
{
    (void)state;
    ct_tensor *x = ct_reshape(VECTOR(0, log(3), 5, 7), 2, 2), *t = ct_vector_int(1, -1), *w = ct_detach(VECTOR(2, 1));
    const double nll = log(4 / 3.0), other = log(4.0), e = 0.2; /* probabilities 1/4 and 3/4 */
    IS(ct_cross_entropy(x, t, .weight = w, .ignore_index = -1, .label_smoothing = e), (1 - e) * nll + e / 2 * (2 * other + nll));
    IS(ct_cross_entropy(x, t, .ignore_index = -1, .label_smoothing = e, .reduction = CT_NONE), (1 - e) * nll + e / 2 * (other + nll), 0);
}

static void test_row_30_a_mean_over_probabilities_divides_by_rows(void **state)
{
    (void)state;
    ct_tensor *x = ct_reshape(VECTOR(0, 0, 0, log(3)), 2, 2), *q = ct_reshape(VECTOR(0.5, 0.5, 1, 0), 2, 2), *w = ct_detach(VECTOR(2, 1));
    IS(ct_cross_entropy(x, q), (log(2) + log(4)) / 2);
    IS(ct_cross_entropy(x, q, .weight = w), (1.5 * log(2) + 2 * log(4)) / 2);
}

static void test_row_31_targets_out_of_range(void **state)
{
    (void)state;
    ct_tensor *x = ct_zeros(2, 3);
    FAILS(ct_cross_entropy(x, ct_vector_int(0, 7), .ignore_index = -1), "target 7 at index 1");
    assert_non_null(ct_cross_entropy(x, ct_vector_int(0, 7), .ignore_index = 7)); /* it may lie outside */
    FAILS(ct_cross_entropy(x, ct_vector_int(0, 3)), "cross_entropy: target 3 at index 1 is not in [0, 3)");
    FAILS(ct_nll(x, ct_vector_int(-1, 0)), "nll: target -1 at index 0 is not in [0, 3)");
}

/* PyTorch's 1e-12 is a float32 there, 4e-9 off; ours is exact. */
static void test_row_32_binary_cross_entropy_at_the_ends(void **state)
{
    (void)state;
    ct_tensor *p = VECTOR(0, 1, 0, 1), *y = VECTOR(0, 1, 1, 0);
    IS(ct_binary_cross_entropy(p, y, .reduction = CT_NONE), 0, 0, 100, 100);
    GRADIENT(ct_binary_cross_entropy(p, y, .reduction = CT_SUM), p, 0, 0, -1e12, 1e12);
}

static void test_row_33_binary_cross_entropy_of_large_logits(void **state)
{
    (void)state;
    ct_tensor *x = VECTOR(0, -120), *y = VECTOR(0, 1);
    IS(ct_binary_cross_entropy_with_logits(x, y, .reduction = CT_NONE), log(2), 120);
    GRADIENT(ct_binary_cross_entropy_with_logits(x, y, .reduction = CT_SUM), x, 0.5, -1);
    ct_tensor *zero = VECTOR(0, 0), *half = VECTOR(0.25, 1);
    GRADIENT(ct_binary_cross_entropy_with_logits(zero, half, .reduction = CT_SUM), zero, 0.25, -0.5);
}

static void test_row_34_divergence_from_a_probability_of_zero(void **state)
{
    (void)state;
    ct_tensor *x = VECTOR(-1, -2);
    IS(ct_kl_div(x, ct_detach(VECTOR(0, 1)), .reduction = CT_NONE), 0, 2);
    GRADIENT(ct_kl_div(x, ct_detach(VECTOR(0, 1)), .reduction = CT_SUM), x, 0, -1);
}

static void test_row_35_the_width_of_the_smooth_part(void **state)
{
    (void)state;
    ct_tensor *x = VECTOR(1, -2, 0, INFINITY), *y = ct_zeros_like(x);
    IS(ct_smooth_l1(x, y, .beta = 0, .reduction = CT_NONE), 1, 2, 0, INFINITY);
    GRADIENT(ct_smooth_l1(x, y, .beta = 0, .reduction = CT_NONE), x, 1, -1, 0, 1);
    GRADIENT(ct_smooth_l1(x, y, .beta = 2, .reduction = CT_NONE), x, 0.5, -1, 0, 1);
    FAILS(ct_smooth_l1(x, y, .beta = -1), "smooth_l1: beta -1");
    FAILS(ct_smooth_l1(x, y, .beta = NAN), "smooth_l1: beta");
    FAILS(ct_huber(x, y, .delta = 0), "huber: delta 0");
    FAILS(ct_huber(x, y, .delta = -1), "huber: delta -1");
}

static void test_row_36_losses_do_not_broadcast(void **state)
{
    (void)state;
    FAILS(ct_l1(ct_zeros(2, 3), ct_zeros(1, 3)), "l1");
    FAILS(ct_mse(ct_zeros(2, 3), ct_zeros(1, 3)), "mse");
}

static void test_row_37_impossible_targets_cost_nothing_if_asked(void **state)
{
    (void)state;
    ct_tensor *x = ct_require_grad(ct_detach(ct_log_softmax(ct_reshape(VECTOR(0, 1, 2, 3, 1, 0), 3, 2), -1)), true);
    ct_tensor *twice = ct_vector_int(1, 1), *two = ct_vector_int(2), *three = ct_vector_int(3); /* a repeat wants a blank between */
    IS(ct_ctc(x, twice, two, two), INFINITY);
    GRADIENT(ct_ctc(x, twice, two, two), x, NAN, NAN, NAN, NAN, 0, 0);
    IS(ct_ctc(x, twice, two, two, .zero_infinity = true), 0);
    GRADIENT(ct_ctc(x, twice, two, two, .zero_infinity = true), x, 0, 0, 0, 0, 0, 0);
    assert_true(isfinite(ct_item(ct_ctc(x, twice, three, two))));
    IS(ct_ctc(x, twice, three, two, .zero_infinity = true), ct_item(ct_ctc(x, twice, three, two)));
    IS(ct_ctc(x, ct_vector_int(1), ct_vector_int(0), ct_vector_int(1)), INFINITY);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_row_27_cross_entropy_is_nll_of_log_softmax),
        cmocka_unit_test(test_row_27_the_mean_divides_by_the_weights_of_targets_kept),
        cmocka_unit_test(test_row_28_an_empty_batch),
        cmocka_unit_test(test_row_29_label_smoothing_leaves_out_what_is_ignored),
        cmocka_unit_test(test_row_30_a_mean_over_probabilities_divides_by_rows),
        cmocka_unit_test(test_row_31_targets_out_of_range),
        cmocka_unit_test(test_row_32_binary_cross_entropy_at_the_ends),
        cmocka_unit_test(test_row_33_binary_cross_entropy_of_large_logits),
        cmocka_unit_test(test_row_34_divergence_from_a_probability_of_zero),
        cmocka_unit_test(test_row_35_the_width_of_the_smooth_part),
        cmocka_unit_test(test_row_36_losses_do_not_broadcast),
        cmocka_unit_test(test_row_37_impossible_targets_cost_nothing_if_asked),
    };
    return cmocka_run_group_tests(tests, NULL, end);
}
