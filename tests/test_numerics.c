/* Corner cases where many libraries are wrong, one test a row of the project's list, under its number: reductions and elementwise functions.
 * Losses are in test_numerics_losses.c, shapes and indices in test_numerics_shapes.c, images in test_numerics_images.c, optimizers in
 * test_optim_state.c. */
#include "numerics.h"

/* ---- Reductions, softmax --------------------------------------------------------------------------------------------------- */
static void test_row_01_softmax_of_minus_infinities_is_nan(void **state)
{
    (void)state;
    ct_tensor *x = VECTOR(-INFINITY, -INFINITY);
    IS(ct_softmax(x, 0), NAN, NAN);
    IS(ct_log_softmax(x, 0), NAN, NAN);
}

static void test_row_02_masked_softmax_is_exactly_zero(void **state)
{
    (void)state;
    ct_tensor *x = VECTOR(-INFINITY, 1, 1), *y = ct_softmax(x, 0);
    IS(y, 0, 0.5, 0.5);
    assert_true(((const double *)ct_data(y))[0] == 0);
    GRADIENT(ct_mul(y, VECTOR(5, 1, 2)), x, 0, -0.25, 0.25);
}

static void test_row_03_softmax_of_large_values(void **state)
{
    (void)state;
    IS(ct_softmax(VECTOR(1000, 1000), 0), 0.5, 0.5);
    IS(ct_softmax(VECTOR(INFINITY, 0), 0), NAN, NAN);
}

static void test_row_04_logsumexp_of_infinities(void **state)
{
    (void)state;
    ct_tensor *x = VECTOR(-INFINITY, -INFINITY), *y = VECTOR(INFINITY, 0), *z = VECTOR(-INFINITY, 2);
    IS(ct_logsumexp(x), -INFINITY);
    GRADIENT(ct_logsumexp(x), x, NAN, NAN);
    IS(ct_logsumexp(y), INFINITY);
    IS(ct_logsumexp(z), 2);
    GRADIENT(ct_logsumexp(z), z, 0, 1);
}

static void test_row_05_logsumexp_of_nothing(void **state)
{
    (void)state;
    IS(ct_logsumexp(empty(2, 0), 1), -INFINITY, -INFINITY);
}

static void test_row_06_reductions_of_nothing(void **state)
{
    (void)state;
    ct_tensor *x = empty(2, 0);
    IS(ct_sum(x), 0);
    IS(ct_mean(x, 1), NAN, NAN);
    IS(ct_var(x, 1), NAN, NAN);
    IS(ct_std(x, 1), NAN, NAN);
    IS(ct_prod(x, 1), 1, 1);
    IS(ct_norm(x, 1), 0, 0);
    IS(ct_all(x), 1);
    IS(ct_any(x), 0);
    FAILS(ct_norm(x, .p = INFINITY), "norm");
    FAILS(ct_amax(x, 1), "amax");
    FAILS(ct_median(x, 1), "median");
    FAILS(ct_max(x), "max");
    FAILS(ct_min(x, 1), "min");
    FAILS(ct_argmax(x), "argmax");
    assert_int_equal(ct_numel(ct_max(x, 0)), 0);
    assert_int_equal(ct_numel(ct_argmin(x, 0)), 0);
    assert_true(ct_ok());
}

static void test_row_07_variance_without_degrees_of_freedom(void **state)
{
    (void)state;
    ct_tensor *x = VECTOR(3);
    IS(ct_var(x), NAN);
    IS(ct_var(x, .correction = 0), 0);
    GRADIENT(ct_var(x, .correction = 0), x, 0);
    IS(ct_std(x), NAN);
    IS(ct_std(x, .correction = 0), 0);
    GRADIENT(ct_std(x, .correction = 0), x, 0);
    IS(ct_var(VECTOR(1, 2, INFINITY)), NAN);
    IS(ct_var(VECTOR(INFINITY, 1)), NAN);
    ct_tensor *equal = VECTOR(2, 2, 2), *first = ct_grad(ct_std(equal), equal, .create_graph = true);
    IS(first, 0, 0, 0);
    GRADIENT(ct_square(first), equal, 0, 0, 0);
}

static void test_row_08_norm_at_zero(void **state)
{
    (void)state;
    ct_tensor *x = VECTOR(0, 0), *first = ct_grad(ct_norm(x), x, .create_graph = true);
    IS(ct_norm(x), 0);
    IS(first, 0, 0);
    GRADIENT(ct_square(first), x, 0, 0);
    const double exponents[] = {0, 0.5, 1, 1.5, 3, -1, INFINITY, -INFINITY};
    for (size_t i = 0; i < sizeof exponents / sizeof *exponents; i++)
        GRADIENT(ct_norm(x, .p = exponents[i]), x, 0, 0);
    ct_tensor *y = VECTOR(0, 3, -4);
    GRADIENT(ct_norm(y), y, 0, 0.6, -0.8);
    GRADIENT(ct_norm(y, .p = INFINITY), y, 0, 0, -1);
}

static void test_row_09_products_with_zeros(void **state)
{
    (void)state;
    ct_tensor *one = VECTOR(2, 0, 3, 5), *two = VECTOR(2, 0, 0, 5);
    GRADIENT(ct_prod(one), one, 0, 30, 0, 0);
    GRADIENT(ct_prod(two, 0), two, 0, 0, 0, 0);
    GRADIENT(ct_cumprod(one, 0), one, 1, 2 + 6 + 30, 0, 0);
    GRADIENT(ct_cumprod(two, 0), two, 1, 2, 0, 0);
    ct_tensor *wide = VECTOR(2, 1e-200, 1e-200, 1e200, 1e200, 3); /* the products from behind pass through 1e400 */
    GRADIENT(ct_cumprod(wide, 0), wide, 5, 8e200, 8e200, 0, 0, 0);
}

/* ---- Ties, kinks, NaN -------------------------------------------------------------------------------------------------------- */
static void test_row_10_full_extremes_share_the_gradient(void **state)
{
    (void)state;
    ct_tensor *x = VECTOR(1, 3, 3, 3), *y = VECTOR(NAN, 1, NAN, 7);
    GRADIENT(ct_max(x), x, 0, 1.0 / 3, 1.0 / 3, 1.0 / 3);
    GRADIENT(ct_min(ct_neg(x)), x, 0, -1.0 / 3, -1.0 / 3, -1.0 / 3);
    GRADIENT(ct_max(y), y, 0.5, 0, 0.5, 0);
    ct_tensor *z = VECTOR(1, 2, 2, 2, 3), *place;
    IS(ct_median(z), 2);
    GRADIENT(ct_median(z), z, 0, 1.0 / 3, 1.0 / 3, 1.0 / 3, 0);
    GRADIENT(ct_median(y), y, 0.5, 0, 0.5, 0);
    GRADIENT(ct_median(ct_narrow(z, 0, 0, 2)), z, 1, 0, 0, 0, 0);
    GRADIENT(ct_median(y, 0, .indices = &place), y, 1, 0, 0, 0);
    assert_int_equal(ct_item_int(place), 0);
}

static void test_row_11_one_axis_takes_the_first_several_share(void **state)
{
    (void)state;
    ct_tensor *x = VECTOR(1, 3, 3, 2), *table = ct_reshape(x, 2, 2), *place;
    GRADIENT(ct_max(x, 0, .indices = &place), x, 0, 1, 0, 0);
    assert_int_equal(ct_item_int(place), 1);
    GRADIENT(ct_max(table, CT_AXES(0, 1)), x, 0, 0.5, 0.5, 0);
    GRADIENT(ct_amax(x, 0), x, 0, 0.5, 0.5, 0);
    GRADIENT(ct_amin(ct_neg(table), CT_AXES(0, 1)), x, 0, -0.5, -0.5, 0);
}

static void test_row_12_equal_operands_share(void **state)
{
    (void)state;
    ct_tensor *a = VECTOR(1, 2, 3), *b = VECTOR(2, 2, 2);
    GRADIENT(ct_maximum(a, b), a, 0, 0.5, 1);
    GRADIENT(ct_maximum(a, b), b, 1, 0.5, 0);
    GRADIENT(ct_minimum(a, b), a, 1, 0.5, 0);
    ct_tensor *c = VECTOR(NAN, 1), *d = VECTOR(2, NAN); /* beside a NaN PyTorch gives both all of it */
    GRADIENT(ct_maximum(c, d), c, 1, 1);
    GRADIENT(ct_maximum(c, d), d, 1, 1);
    GRADIENT(ct_fmax(a, b), a, 0, 0.5, 1);      /* the list says all of it; PyTorch 2.15 halves it, and wins */
    GRADIENT(ct_fmin(a, b), b, 0, 0.5, 1);
    GRADIENT(ct_fmax(c, d), d, 1, 0);
}

static void test_row_13_derivatives_at_zero(void **state)
{
    (void)state;
    ct_tensor *x = VECTOR(0, -0.0);
    GRADIENT(ct_relu(x), x, 0, 0);
    GRADIENT(ct_abs(x), x, 0, 0);
    GRADIENT(ct_sign(x), x, 0, 0);
    GRADIENT(ct_leaky_relu(x, 0.3), x, 0.3, 0.3);
    GRADIENT(ct_elu(x), x, 1, 1);
    GRADIENT(ct_elu(x, 2.0), x, 2, 2);
}

/* The list says 1 at the bounds; PyTorch 2.15 gives 0 there, and wins. */
static void test_row_14_clamp_stops_the_gradient_at_its_bounds(void **state)
{
    (void)state;
    ct_tensor *x = VECTOR(-2, -1, 0, 1, 2);
    GRADIENT(ct_clamp(x, -1, 1), x, 0, 0, 1, 0, 0);
    GRADIENT(ct_clamp(x, -1, INFINITY), x, 0, 0, 1, 1, 1);
    IS(ct_clamp(x, 1, -1), -1, -1, -1, -1, -1);
}

static void test_row_15_hard_functions_stop_the_gradient_at_their_bounds(void **state)
{
    (void)state;
    ct_tensor *x = VECTOR(-3, -1, 0, 1, 3, 6);
    GRADIENT(ct_hardtanh(x), x, 0, 0, 1, 0, 0, 0);
    GRADIENT(ct_relu6(x), x, 0, 0, 0, 1, 1, 0);
    GRADIENT(ct_hardsigmoid(x), x, 0, 1 / 6.0, 1 / 6.0, 1 / 6.0, 0, 0);
}

static void test_row_16_steps_have_no_slope_and_round_goes_to_even(void **state)
{
    (void)state;
    ct_tensor *x = VECTOR(-2.5, -0.5, 0.5, 1.5, 2.5);
    IS(ct_round(x), -2, -0.0, 0, 2, 2);
    GRADIENT(ct_round(x), x, 0, 0, 0, 0, 0);
    GRADIENT(ct_floor(x), x, 0, 0, 0, 0, 0);
    GRADIENT(ct_ceil(x), x, 0, 0, 0, 0, 0);
    GRADIENT(ct_trunc(x), x, 0, 0, 0, 0, 0);
}

static void test_row_17_nan_propagates(void **state)
{
    (void)state;
    ct_tensor *x = VECTOR(1, NAN, 2), *place;
    IS(ct_relu(x), 1, NAN, 2);
    IS(ct_clamp(x, 0, 1.5), 1, NAN, 1.5);
    IS(ct_max(x), NAN);
    IS(ct_min(x, 0, .indices = &place), NAN);
    assert_int_equal(ct_item_int(place), 1);
    IS(ct_maximum(x, 1.5), 1.5, NAN, 2);
    IS(ct_minimum(1.5, x), 1, NAN, 1.5);
    IS(ct_argmax(VECTOR(1, NAN, NAN, 9)), 1);
    IS(ct_lt(x, 5.0), 1, 0, 1);
    IS(ct_eq(x, x), 1, 0, 1);
    IS(ct_ne(x, x), 0, 1, 0);
    IS(ct_hardtanh(x), 1, NAN, 1);
    IS(ct_relu6(x), 1, NAN, 2);
    IS(ct_fmax(x, 1.5), 1.5, 1.5, 2);
    IS(ct_fmin(1.5, x), 1, 1.5, 1.5);
    IS(ct_fmax(x, x), 1, NAN, 2);
    IS(ct_amax(x), NAN);
    IS(ct_median(x), NAN);
    IS(ct_cummin(x, 0), 1, NAN, NAN);
    IS(ct_sort(x, 0, .indices = &place), 1, 2, NAN);
    IS(place, 0, 2, 1);
    IS(ct_sort(x, 0, .descending = true), NAN, 2, 1);
    IS(ct_topk(x, 1, 0), NAN);
    IS(ct_nansum(x), 3);
    IS(ct_nanmean(x), 1.5);
}

static void test_row_18_where_keeps_the_branch_not_taken_at_zero(void **state)
{
    (void)state;
    ct_tensor *a = VECTOR(1, 2), *b = VECTOR(3, 4), *x = VECTOR(0, 4);
    ct_tensor *y = ct_where(ct_gt(a, 1.5), a, b);
    GRADIENT(y, a, 0, 1);
    GRADIENT(y, b, 1, 0);
    GRADIENT(ct_where(ct_gt(x, 0.0), ct_sqrt(x), 0.0), x, NAN, 0.25);
}

/* ---- pow, sqrt, division ------------------------------------------------------------------------------------------------------ */
static void test_row_19_powers_of_zero(void **state)
{
    (void)state;
    ct_tensor *x = VECTOR(0, 0, 0), *e = VECTOR(0, -1, 2);
    IS(ct_pow(x, e), 1, INFINITY, 0);
    GRADIENT(ct_pow(x, 0.0), x, 0, 0, 0);
}

static void test_row_20_fractional_power_of_a_negative(void **state)
{
    (void)state;
    IS(ct_pow(VECTOR(-2, -2), VECTOR(0.5, 3)), NAN, -8);
}

static void test_row_21_gradient_of_the_exponent(void **state)
{
    (void)state;
    ct_tensor *e = VECTOR(0, 2, 3);
    GRADIENT(ct_pow(0.0, e), e, 0, 0, 0);
    GRADIENT(ct_pow(2.0, e), e, log(2), 4 * log(2), 8 * log(2));
}

static void test_row_22_roots_and_logarithms_at_zero(void **state)
{
    (void)state;
    ct_tensor *x = VECTOR(0);
    GRADIENT(ct_sqrt(x), x, INFINITY);
    GRADIENT(ct_mul(ct_sqrt(x), 0.0), x, NAN);
    IS(ct_reciprocal(ct_sqrt(x)), INFINITY);
    IS(ct_rsqrt(x), INFINITY);
    const double small[] = {1e-10, -1e-17, 1e-300}; /* to one unit in the last place */
    for (size_t i = 0; i < sizeof small / sizeof *small; i++) {
        assert_true(fabs(ct_item(ct_log1p(VECTOR(small[i]))) / log1p(small[i]) - 1) <= 2.3e-16);
        assert_true(fabs(ct_item(ct_expm1(VECTOR(small[i]))) / expm1(small[i]) - 1) <= 2.3e-16);
    }
    IS(ct_log(VECTOR(0, -1)), -INFINITY, NAN);
    GRADIENT(ct_log(x), x, INFINITY);
    ct_tensor *tiny = ct_elu(ct_vector(-1e-6, -1e-30)); /* expm1 keeps what exp - 1 would round away */
    assert_true(fabs(ct_item(ct_slice(tiny, "0")) / expm1(-(double)1e-6F) - 1) < 1e-6);
    assert_true(fabs(ct_item(ct_slice(tiny, "1")) / -(double)1e-30F - 1) < 1e-6);
    ct_tensor *soft = ct_softplus(ct_vector(-15)); /* log1p likewise */
    assert_true(fabs(ct_item(soft) / log1p(exp(-15)) - 1) < 1e-6);
}

static void test_row_23_division_by_zero(void **state)
{
    (void)state;
    ct_tensor *zero = VECTOR(0, 0, 0);
    IS(ct_div(VECTOR(1, -1, 0), zero), INFINITY, -INFINITY, NAN);
    IS(ct_div(ct_vector_int(1, -1, 0), 0), INFINITY, -INFINITY, NAN);
    FAILS(ct_floor_divide(ct_vector_int(1, 2), ct_vector_int(1, 0)), "floor_divide: ");
    FAILS(ct_remainder(ct_vector_int(1, 2), 0), "remainder: ");
    FAILS(ct_fmod(ct_vector_int(1, 2), 0), "fmod: ");
    IS(ct_floor_divide(VECTOR(1, -1, 0), zero), INFINITY, -INFINITY, NAN);
    IS(ct_remainder(VECTOR(1, -1, 0), zero), NAN, NAN, NAN);
    IS(ct_fmod(VECTOR(1, -1, 0), zero), NAN, NAN, NAN);
}

static void test_row_24_whose_sign_a_remainder_takes(void **state)
{
    (void)state;
    ct_tensor *a = VECTOR(7, -7, 7, -7), *b = VECTOR(3, 3, -3, -3);
    IS(ct_remainder(a, b), 1, 2, -2, -1);
    IS(ct_fmod(a, b), 1, -1, 1, -1);
    IS(ct_remainder(ct_vector_int(7, -7, 7, -7), ct_vector_int(3, 3, -3, -3)), 1, 2, -2, -1);
    IS(ct_fmod(ct_vector_int(7, -7, 7, -7), ct_vector_int(3, 3, -3, -3)), 1, -1, 1, -1);
    IS(ct_floor_divide(ct_vector_int(7, -7), 2), 3, -4);
}

static void test_row_25_saturated_functions(void **state)
{
    (void)state;
    ct_tensor *x = VECTOR(1000, -1000);
    IS(ct_sigmoid(x), 1, 0);
    GRADIENT(ct_sigmoid(x), x, 0, 0);
    IS(ct_tanh(x), 1, -1);
    GRADIENT(ct_tanh(x), x, 0, 0);
    IS(ct_softplus(x), 1000, 0);
    IS(ct_softplus(VECTOR(20.5)), 20.5);
    IS(ct_log_sigmoid(x), 0, -1000);
    GRADIENT(ct_log_sigmoid(x), x, 0, 1);
    ct_tensor *x32 = ct_require_grad(ct_vector(1000, -1000), true);
    IS(ct_sigmoid(x32), 1, 0);
    GRADIENT(ct_silu(x32), x32, 1, 0);
    GRADIENT(ct_gelu_tanh(x32), x32, 1, 0);
}

static void test_row_26_both_forms_of_gelu_and_silu(void **state)
{
    (void)state;
    ct_tensor *x = VECTOR(-2, 0.5, 1);
    IS(ct_gelu(x), -1 + erf(sqrt(2)), 0.25 * (1 + erf(0.5 / sqrt(2))), 0.5 * (1 + erf(1 / sqrt(2))));
    const double c = sqrt(2 / 3.14159265358979323846);
    IS(ct_gelu_tanh(x), -(1 + tanh(c * (-2 - 0.044715 * 8))), 0.25 * (1 + tanh(c * (0.5 + 0.044715 * 0.125))), 0.5 * (1 + tanh(c * 1.044715)));
    IS(ct_silu(x), -2 / (1 + exp(2)), 0.5 / (1 + exp(-0.5)), 1 / (1 + exp(-1)));
    IS(ct_mish(x), -0.2525014826957089, 0.3752452113048951, 0.8650983882673103);
    IS(ct_selu(x), -1.5201664685956948, 0.5253504936777402, 1.0507009873554805);
    double apart = fabs(ct_item(ct_slice(ct_sub(ct_gelu(x), ct_gelu_tanh(x)), "0")));
    assert_true(apart > 1e-5 && apart < 5e-4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_row_01_softmax_of_minus_infinities_is_nan),
        cmocka_unit_test(test_row_02_masked_softmax_is_exactly_zero),
        cmocka_unit_test(test_row_03_softmax_of_large_values),
        cmocka_unit_test(test_row_04_logsumexp_of_infinities),
        cmocka_unit_test(test_row_05_logsumexp_of_nothing),
        cmocka_unit_test(test_row_06_reductions_of_nothing),
        cmocka_unit_test(test_row_07_variance_without_degrees_of_freedom),
        cmocka_unit_test(test_row_08_norm_at_zero),
        cmocka_unit_test(test_row_09_products_with_zeros),
        cmocka_unit_test(test_row_10_full_extremes_share_the_gradient),
        cmocka_unit_test(test_row_11_one_axis_takes_the_first_several_share),
        cmocka_unit_test(test_row_12_equal_operands_share),
        cmocka_unit_test(test_row_13_derivatives_at_zero),
        cmocka_unit_test(test_row_14_clamp_stops_the_gradient_at_its_bounds),
        cmocka_unit_test(test_row_15_hard_functions_stop_the_gradient_at_their_bounds),
        cmocka_unit_test(test_row_16_steps_have_no_slope_and_round_goes_to_even),
        cmocka_unit_test(test_row_17_nan_propagates),
        cmocka_unit_test(test_row_18_where_keeps_the_branch_not_taken_at_zero),
        cmocka_unit_test(test_row_19_powers_of_zero),
        cmocka_unit_test(test_row_20_fractional_power_of_a_negative),
        cmocka_unit_test(test_row_21_gradient_of_the_exponent),
        cmocka_unit_test(test_row_22_roots_and_logarithms_at_zero),
        cmocka_unit_test(test_row_23_division_by_zero),
        cmocka_unit_test(test_row_24_whose_sign_a_remainder_takes),
        cmocka_unit_test(test_row_25_saturated_functions),
        cmocka_unit_test(test_row_26_both_forms_of_gelu_and_silu),
    };
    return cmocka_run_group_tests(tests, NULL, end);
}
