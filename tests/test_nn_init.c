/* Initialisers. */
#include "modules.h"

#include <string.h>

static void check_spread(ct_tensor *t, double deviation, double bound)
{
    CT_SCOPE;
    ct_tensor *values = ct_detach(t);
    assert_near(ct_item(ct_mean(values)), 0, 4 * deviation / sqrt((double)ct_numel(t)));
    assert_near(sqrt(ct_item(ct_var(values))) / deviation, 1, 0.05);
    assert_true(ct_item(ct_max(ct_abs(values))) <= bound * 1.000001);
}

static void test_initialisers_have_the_spread_of_their_papers(void **state)
{
    (void)state;
    CT_SCOPE;
    ct_tensor *leaf = ct_require_grad(ct_empty(50, 40, 3), true); /* fan_in 120, fan_out 150 */
    assert_true(ct_nn_init_he_uniform(leaf));
    check_spread(leaf, sqrt(2.0 / 120), sqrt(6.0 / 120));
    assert_true(ct_nn_init_he_normal(leaf, .fan_out = true, .gain = 1));
    check_spread(leaf, sqrt(1.0 / 150), INFINITY);
    assert_true(ct_nn_init_xavier_uniform(leaf));
    check_spread(leaf, sqrt(2.0 / 270), sqrt(6.0 / 270));
    assert_true(ct_nn_init_xavier_normal(leaf, .gain = 3));
    check_spread(leaf, 3 * sqrt(2.0 / 270), INFINITY);
    assert_true(ct_nn_init_normal(leaf, 5, 0, NULL));
    assert_near(ct_item(ct_min(ct_detach(leaf))), 5, 0);
    assert_true(ct_nn_init_ones(leaf) && ct_nn_init_zeros(ct_narrow(ct_detach(leaf), 0, 0, 10)));
    assert_near(ct_item(ct_sum(ct_detach(leaf))), 40 * 120, 0);
    assert_true(ct_requires_grad(leaf) && ct_is_leaf(leaf));
    assert_true(ct_nn_init_he_uniform(ct_empty(0, 3)) && ct_nn_init_constant((ct_empty)(NULL, 0, CT_FLOAT64), 2));
}

static void test_initialisers_draw_in_the_users_order(void **state)
{
    (void)state;
    CT_SCOPE;
    ct_tensor *rows = ct_empty(6, 5), *columns = ct_transpose(ct_empty(5, 6), 0, 1);
    ct_generator *one = ct_generator_new(3), *other = ct_generator_new(3);
    assert_true(ct_nn_init_uniform(rows, -1, 1, one) && ct_nn_init_uniform(columns, -1, 1, other));
    assert_true(ct_equal(rows, columns));
    ct_free(one), ct_free(other);
}

static void test_initialisers_refuse_what_has_no_fans(void **state)
{
    (void)state;
    CT_SCOPE;
    FAILED(ct_nn_init_he_uniform(ct_empty(3)), "init_he_uniform: a tensor of 1 axes has no fans: want at least 2");
    FAILED(ct_nn_init_xavier_normal(NULL), "init_xavier_normal: tensor is NULL");
    FAILED(ct_nn_init_ones(ct_arange(3)), "init_constant: tensor is int64: want float32 or float64");
    FAILED(ct_nn_init_uniform(ct_empty(3), 2, 1, NULL), "init_uniform: 2 to 1: want finite bounds in order");
    FAILED(ct_nn_init_normal(ct_empty(3), 0, -1, NULL),
           "init_normal: mean 0, deviation -1: want finite ones, the deviation at least 0");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_initialisers_have_the_spread_of_their_papers),
        cmocka_unit_test(test_initialisers_draw_in_the_users_order),
        cmocka_unit_test(test_initialisers_refuse_what_has_no_fans),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    ct_shutdown();
    return failed;
}
