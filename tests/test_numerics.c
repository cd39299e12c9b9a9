/* test_numerics.c - corner cases where many libraries are wrong: one test a row of the project's list, under its number.
 * Those of convolution, pooling and normalisation are in test_numerics_images.c; others that are missing belong to layers and optimizers. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "cotangent.h"

/* ---- A vector in, values and the gradient of the sum out ------------------------------------------------------------------ */
#define VECTOR(...) vector((const double[]){__VA_ARGS__}, sizeof((const double[]){__VA_ARGS__}) / sizeof(double))
#define IS(x, ...) is(x, (const double[]){__VA_ARGS__}, sizeof((const double[]){__VA_ARGS__}) / sizeof(double), __LINE__)
#define GRADIENT(y, x, ...) IS(gradient(y, x), __VA_ARGS__)
#define FAILS(call, text) fails((call) != 0, text, __LINE__)

static ct_tensor *vector(const double *values, size_t count)
{
    return ct_require_grad((ct_vector)(values, count, CT_FLOAT64), true);
}

static ct_tensor *empty(int64_t rows, int64_t columns)
{
    return ct_require_grad(ct_zeros_as(CT_FLOAT64, rows, columns), true);
}

static ct_tensor *gradient(ct_tensor *y, ct_tensor *x)
{
    return ct_grad(y, x, .cotangent = ct_ones_like(y), .retain_graph = true);
}

static void is(ct_tensor *x, const double *wanted, size_t count, int line)
{
    if (!x)
        fail_msg("line %d: %s", line, ct_error());
    ct_tensor *plain = ct_contiguous(ct_cast(ct_detach(x), CT_FLOAT64));
    const double *v = ct_data(plain);
    assert_int_equal(ct_numel(x), count);
    for (size_t i = 0; i < count; i++)
        if (!(v[i] == wanted[i] || (isnan(v[i]) && isnan(wanted[i])) || fabs(v[i] - wanted[i]) <= 1e-12 * fmax(1, fabs(wanted[i]))))
            fail_msg("line %d: element %zu is %.17g, want %.17g", line, i, v[i], wanted[i]);
}

static void fails(bool worked, const char *text, int line)
{
    if (worked || !strstr(ct_error(), text))
        fail_msg("line %d: %s: \"%s\"", line, worked ? "no failure" : "another error", ct_error());
    ct_error_clear();
}

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

/* ---- Shapes, sizes, indices ----------------------------------------------------------------------------------------------------- */
static void test_row_54_negative_padding_crops(void **state)
{
    (void)state;
    IS(ct_pad_by(VECTOR(1, 2, 3, 4), CT_REFLECT, -1, 1), 2, 3, 4, 3);
    IS(ct_pad_by(VECTOR(1, 2, 3, 4), CT_CIRCULAR, -1, 1), 2, 3, 4, 2);
    IS(ct_pad_by(VECTOR(1, 2, 3, 4), CT_REPLICATE, 1, -2), 1, 1, 2);
    IS(ct_pad(VECTOR(1, 2, 3), 0.0, -1, 1), 2, 3, 0);
}

static void test_row_55_broadcasting_with_a_size_of_zero(void **state)
{
    (void)state;
    ct_tensor *a = empty(4, 0), *b = empty(4, 1), *y = ct_add(a, b);
    assert_int_equal(ct_size(y, 0), 4);
    assert_int_equal(ct_size(y, 1), 0);
    GRADIENT(y, b, 0, 0, 0, 0);
}

static void test_row_56_scalars_keep_their_shape(void **state)
{
    (void)state;
    ct_tensor *x = ct_require_grad((ct_full)(NULL, 0, 3, CT_FLOAT64), true), *v = VECTOR(1, 2);
    ct_tensor *g = gradient(ct_mul(x, v), x);
    assert_int_equal(ct_rank(g), 0);
    IS(g, 3);
    assert_int_equal(ct_rank(ct_max(x, 0)), 0);
    assert_int_equal(ct_rank(ct_softmax(x, 0)), 0);
}

static void test_row_57_in_place_into_shared_elements(void **state)
{
    (void)state;
    ct_tensor *x = ct_zeros(4);
    FAILS(ct_add_(ct_expand(ct_zeros(1), 3), 1.0), "share memory");
    FAILS(ct_copy_(ct_slice(x, "1:"), ct_slice(x, ":-1")), "overlap in part");
    ct_tensor *one = ct_expand(ct_ones(1), 4);
    FAILS(ct_batch_norm(ct_ones(3, 4), one, one, NULL, NULL, .training = true), "shares elements");
    assert_non_null(ct_add_(x, x));
}

static ct_tensor *product_with_expanded(ct_tensor *const *in, void *context)
{
    (void)context;
    return ct_matmul(in[0], ct_expand(in[1], 3));
}

static void test_row_58_expand_sums_back(void **state)
{
    (void)state;
    ct_tensor *x = VECTOR(2), *m = ct_require_grad((ct_eye)(3, 3, CT_FLOAT64), true);
    GRADIENT(ct_expand(x, 5), x, 5);
    assert_true(ct_gradcheck(product_with_expanded, ((ct_tensor *[]){m, x}), 2));
}

static void test_row_59_sizes_that_overflow(void **state)
{
    (void)state;
    const int64_t huge = (int64_t)1 << 40;
    FAILS(ct_zeros(huge, huge), "overflow");
    FAILS(ct_zeros((int64_t)1 << 61), "overflow");
    FAILS(ct_expand(ct_zeros(1, 1), huge, huge), "overflow");
    FAILS(ct_zeros(-1), "-1");
    FAILS(ct_pad(ct_zeros(2), 0.0, INT64_MAX / 2, INT64_MAX / 2), "pad");
}

static void test_row_60_embedding_rows(void **state)
{
    (void)state;
    ct_tensor *w = ct_require_grad(ct_detach(ct_reshape(VECTOR(1, 2, 3, 4, 5, 6), 3, 2)), true), *index = ct_vector_int(2, 0, 2, 2);
    IS(ct_embedding(w, index), 5, 6, 1, 2, 5, 6, 5, 6);
    GRADIENT(ct_mul(ct_embedding(w, index), ct_reshape(VECTOR(1, 2, 3, 4, 5, 6, 7, 8), 4, 2)), w, 3, 4, 0, 0, 13, 16);
    GRADIENT(ct_embedding(w, index, .padding_idx = 2), w, 1, 1, 0, 0, 0, 0);
    GRADIENT(ct_embedding(w, index, .padding_idx = -3), w, 0, 0, 0, 0, 3, 3);
    GRADIENT(ct_embedding(w, index, .padding_idx = 0), w, 0, 0, 0, 0, 3, 3); /* an explicit 0 is a row */
    FAILS(ct_embedding(w, ct_vector_int(0, -1)), "embedding: index -1 at position 1 of (2) is not in [0, 3)");
    FAILS(ct_embedding(w, ct_vector_int(3)), "embedding: index 3 at position 0 of (1) is not in [0, 3)");
}

static void test_row_61_negative_and_repeated_indices(void **state)
{
    (void)state;
    ct_tensor *x = VECTOR(1, 2, 3), *source = VECTOR(4, 5, 6), *last = ct_vector_int(-1), *twice = ct_vector_int(1, 0, 1);
    FAILS(ct_gather(x, 0, last), "gather: index -1 at position 0 of (1) is not in [0, 3)");
    FAILS(ct_index_select(x, 0, last), "index_select: index -1");
    FAILS(ct_scatter(x, 0, last, 0.0), "scatter: index -1");
    FAILS(ct_take_along_axis(x, last), "take_along_axis: index -1");
    IS(ct_index(x, CT_AT(last)), 3);
    IS(ct_index_put(x, CT_SUBSCRIPTS(CT_AT(last)), 7), 1, 2, 7);
    FAILS(ct_index(x, CT_AT(ct_vector_int(0, -4))), "index: index -4 at position 1 of (2) is not in [-3, 3), along axis 0");
    ct_tensor *y = ct_scatter(x, 0, twice, source);
    IS(y, 5, 6, 3);
    GRADIENT(y, source, 0, 1, 1);               /* of several, only the last has an effect */
    GRADIENT(y, x, 0, 0, 1);
}

/* A factor 0 hides the others' effect on the derivative: the first is right, the second is refused. */
static void test_row_61_products_scattered_with_zeros(void **state)
{
    (void)state;
    ct_tensor *x = VECTOR(2, 3), *source = VECTOR(0, 4, 5), *index = ct_vector_int(0, 0, 1);
    ct_tensor *y = ct_scatter_reduce(x, 0, index, source, CT_REDUCE_PROD);
    IS(y, 0, 15);
    GRADIENT(y, x, 0, 5);
    GRADIENT(y, source, 8, 0, 3);
    ct_tensor *g = ct_grad(y, source, .cotangent = ct_ones_like(y), .create_graph = true);
    FAILS(ct_grad(ct_sum(g), source), "scatter_reduce: the second derivative of a product with a factor 0");
}

static void test_row_61_slicing_takes_negative_indices(void **state)
{
    (void)state;
    IS(ct_slice(VECTOR(1, 2, 3), "-1"), 3);
    FAILS(ct_slice(VECTOR(1, 2, 3), "-4"), "out of range");
    FAILS(ct_slice(VECTOR(1, 2, 3), "3"), "out of range");
}

static void test_row_62_products_without_an_inner_dimension(void **state)
{
    (void)state;
    ct_tensor *a = empty(2, 0), *b = empty(0, 2), *y = ct_matmul(a, b);
    IS(y, 0, 0, 0, 0);
    assert_int_equal(ct_numel(gradient(y, a)), 0);
    assert_int_equal(ct_numel(ct_matmul(b, ct_matmul(a, empty(0, 5)))), 0);
}

static void test_row_63_cat_skips_empty_vectors(void **state)
{
    (void)state;
    ct_tensor *none = (ct_zeros)((const int64_t[]){0}, 1, CT_FLOAT64), *x = ct_reshape(VECTOR(1, 2), 1, 2);
    IS(ct_cat(CT_TENSORS(none, x, x), 0), 1, 2, 1, 2);
    FAILS(ct_stack(CT_TENSORS(none, x), 0), "stack");
}

static void test_row_64_argmax_takes_the_first_of_equals(void **state)
{
    (void)state;
    IS(ct_argmax(VECTOR(1, 5, 5, 5)), 1);
    IS(ct_argmin(VECTOR(2, 1, 1), 0), 1);
    ct_tensor *long_row = ct_zeros(1000);
    IS(ct_argmax(long_row), 0);
}

static void test_row_65_dropout_at_the_ends(void **state)
{
    (void)state;
    ct_tensor *x = VECTOR(1, INFINITY, 3), *y = VECTOR(1, 2, 3, 4, 5, 6, 7, 8);
    IS(ct_dropout(x, .p = 0.0), 1, INFINITY, 3);
    IS(ct_dropout(x, .p = 1.0), 0, 0, 0);
    GRADIENT(ct_dropout(x, .p = 1.0), x, 0, 0, 0);
    IS(ct_dropout(x, .p = 0.9, .eval = true), 1, INFINITY, 3);
    FAILS(ct_dropout(x, .p = -0.1), "dropout");
    FAILS(ct_dropout(x, .p = 1.1), "dropout");
    ct_seed(3);
    ct_tensor *dropped = ct_dropout(y, .p = 0.5), *g = gradient(dropped, y);
    assert_true(ct_allclose(dropped, ct_mul(g, y), 0, 0, false)); /* the same mask, the same scale */
    const double *v = ct_data(g);
    for (int i = 0; i < 8; i++)
        assert_true(v[i] == 0 || v[i] == 2);
}

static int end(void **state)
{
    (void)state;
    ct_shutdown();
    return 0;
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
        cmocka_unit_test(test_row_54_negative_padding_crops),
        cmocka_unit_test(test_row_55_broadcasting_with_a_size_of_zero),
        cmocka_unit_test(test_row_56_scalars_keep_their_shape),
        cmocka_unit_test(test_row_57_in_place_into_shared_elements),
        cmocka_unit_test(test_row_58_expand_sums_back),
        cmocka_unit_test(test_row_59_sizes_that_overflow),
        cmocka_unit_test(test_row_60_embedding_rows),
        cmocka_unit_test(test_row_61_negative_and_repeated_indices),
        cmocka_unit_test(test_row_61_products_scattered_with_zeros),
        cmocka_unit_test(test_row_61_slicing_takes_negative_indices),
        cmocka_unit_test(test_row_62_products_without_an_inner_dimension),
        cmocka_unit_test(test_row_63_cat_skips_empty_vectors),
        cmocka_unit_test(test_row_64_argmax_takes_the_first_of_equals),
        cmocka_unit_test(test_row_65_dropout_at_the_ends),
    };
    return cmocka_run_group_tests(tests, NULL, end);
}
