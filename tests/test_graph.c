/* Invariants 3, 4 and 6: gradients are right or absent, VJPs are expressions, and nothing recurses over the graph. */
#include "engine.h"


/* ---- Backward ---------------------------------------------------------------------------------------------------- */
static void test_backward_takes_a_cotangent(void **state)
{
    (void)state;
    ct_tensor *x = leaf(1, 2, 3);
    assert_true(ct_backward(ct_square(x), .cotangent = ct_vector(1, 10, -1)));
    assert_values(ct_gradient(x), 2, 40, -6);
    ct_tensor *g = ct_vector(5, 6, 7);
    assert_true(ct_backward(ct_mul(x, 1.0), .cotangent = g));
    assert_values(ct_gradient(x), 7, 46, 1);
    assert_values(g, 5, 6, 7);                  /* the caller's cotangent is not added to */
}

static void test_gradients_gather_until_zeroed(void **state)
{
    (void)state;
    ct_tensor *x = leaf(1, 2);
    assert_null(ct_gradient(x));
    assert_fine();
    for (int i = 1; i <= 3; i++) {
        assert_true(ct_backward(ct_sum(ct_square(x))));
        assert_values(ct_gradient(x), 2 * i, 4 * i);
    }
    ct_zero_gradient(x);
    assert_null(ct_gradient(x));
    assert_true(ct_backward(ct_sum(x)));
    assert_values(ct_gradient(x), 1, 1);
}

static void test_the_first_gradient_is_not_the_cotangent_itself(void **state)
{
    (void)state;
    ct_tensor *x = leaf(1, 2), *y = leaf(3, 4), *g = ct_vector(1, 1);
    assert_true(ct_backward(ct_add(x, y), .cotangent = g)); /* one cotangent goes to both */
    assert_true(ct_backward(ct_sum(ct_mul(x, 5.0))));
    assert_values(ct_gradient(x), 6, 6);
    assert_values(ct_gradient(y), 1, 1);
    assert_values(g, 1, 1);
}

static void test_retain_graph_allows_another_backward(void **state)
{
    (void)state;
    ct_tensor *x = leaf(2, 3), *loss = ct_sum(ct_mul(ct_tanh(x), x));
    assert_true(ct_backward(loss, .retain_graph = true));
    double once[2];
    {
        CT_SCOPE;
        assert_true(ct_to_array(ct_cast(ct_gradient(x), CT_FLOAT64), once, sizeof once));
    }
    assert_true(ct_backward(loss));
    assert_values(ct_gradient(x), 2 * once[0], 2 * once[1]);
    assert_false(ct_backward(loss));
    assert_error("backward: sum (op ");
    assert_values(ct_gradient(x), 2 * once[0], 2 * once[1]); /* absent, not wrong */
}

static void test_a_leaf_may_be_the_root(void **state)
{
    (void)state;
    ct_tensor *x = leaf(3);
    assert_true(ct_backward(x));
    assert_true(ct_backward(x, .cotangent = x));
    assert_values(ct_gradient(x), 4);
    assert_values(x, 3);
}

static void test_a_diamond_sums_both_ways(void **state)
{
    (void)state;
    ct_tensor *x = leaf(2), *y = ct_mul(x, 3.0), *up = ct_square(y), *down = ct_mul(y, 5.0);
    assert_true(ct_backward(ct_add(ct_mul(up, down), y)));
    assert_values(ct_gradient(x), 3 * (3 * 5 * 6 * 6 + 1)); /* d(5 y^3 + y) */
}

static void test_a_late_shortcut_waits_for_the_long_way(void **state)
{
    (void)state;
    ct_tensor *x = leaf(1), *y = ct_mul(x, 2.0), *way = y;
    for (int i = 0; i < 50; i++)
        way = ct_add(way, 1.0);
    assert_true(ct_backward(ct_add(ct_mul(way, 3.0), ct_mul(y, 4.0))));
    assert_values(ct_gradient(x), 14);
}

static void test_one_value_fans_out_ten_thousand_times(void **state)
{
    (void)state;
    ct_tensor *x = leaf(1, 2), *y = ct_mul(x, 1.0), *sum = ct_zeros(2);
    for (int i = 0; i < 10000; i++) {
        CT_SCOPE;
        ct_tensor *next = ct_keep(ct_add(sum, ct_mul(y, (double)(i % 3))));
        if (i)
            ct_release(sum);
        sum = next;
    }
    assert_true(ct_backward(ct_sum(sum)));
    assert_values(ct_gradient(x), 9999, 9999);
    ct_release(sum);
}

static void test_a_tensor_used_twice_in_one_op_gets_both(void **state)
{
    (void)state;
    ct_tensor *x = leaf(3), *y = ct_mul(x, 2.0);
    assert_true(ct_backward(ct_mul(y, y)));
    assert_values(ct_gradient(x), 24);
    ct_tensor *z = leaf(1, 2);
    assert_true(ct_backward(ct_sum(ct_cat(CT_TENSORS(z, z, ct_mul(z, 3.0)), 0))));
    assert_values(ct_gradient(z), 5, 5);
}

/* ---- ct_grad ----------------------------------------------------------------------------------------------------- */
static void test_grad_returns_and_changes_no_leaf(void **state)
{
    (void)state;
    ct_tensor *x = leaf(1, 2, 3), *w = leaf(4, 5, 6);
    ct_tensor *y = ct_mul(x, w);
    assert_values(ct_grad(ct_sum(y), x), 4, 5, 6);
    assert_values(ct_grad(ct_mul(x, w), w, .cotangent = ct_vector(1, 0, 2)), 1, 0, 6);
    assert_null(ct_gradient(x));
    assert_null(ct_gradient(w));
    assert_fine();
}

static void test_grad_of_what_stands_inside_the_graph(void **state)
{
    (void)state;
    ct_tensor *x = leaf(1, 2), *y = ct_square(x), *z = ct_square(y), *loss = ct_sum(z);
    ct_tensor *inputs[] = {x, y, z, loss}, *g[4];
    assert_true(ct_grads(CT_TENSORS(loss), inputs, 4, g));
    assert_values(g[0], 4, 32);
    assert_values(g[1], 2, 8);
    assert_values(g[2], 1, 1);
    assert_values(g[3], 1);
}

static void test_grad_where_the_output_is_the_input(void **state)
{
    (void)state;
    ct_tensor *x = leaf(5), *y = ct_mul(x, 2.0);
    assert_values(ct_grad(y, y), 1);
    assert_values(ct_grad(x, x), 1);
    assert_values(ct_grad(x, x, .cotangent = ct_vector(7)), 7);
}

static void test_grads_of_an_input_named_twice(void **state)
{
    (void)state;
    ct_tensor *x = leaf(1, 2), *y = ct_mul(x, 3.0), *g[4];
    assert_true(ct_grads(CT_TENSORS(ct_sum(ct_square(y))), CT_TENSORS(x, y, x, y), g));
    assert_values(g[0], 18, 36);
    assert_values(g[2], 18, 36);
    assert_values(g[1], 6, 12);
    assert_values(g[3], 6, 12);
}

static void test_grads_sum_over_outputs(void **state)
{
    (void)state;
    ct_tensor *x = leaf(1, 2), *w = leaf(10), *g[2];
    ct_tensor *y = ct_square(x), *total = ct_mul(ct_sum(x), w);
    ct_tensor *const cotangents[] = {ct_vector(1, -1), NULL};
    assert_true(ct_grads(CT_TENSORS(y, total), CT_TENSORS(x, w), g, .cotangents = cotangents));
    assert_values(g[0], 2 + 10, -4 + 10);
    assert_values(g[1], 3);
    ct_tensor *twice = ct_sum(ct_mul(x, 3.0));
    assert_true(ct_grads(CT_TENSORS(twice, twice), CT_TENSORS(x), g));
    assert_values(g[0], 6, 6);
}

static void test_an_unused_input_is_an_error_unless_allowed(void **state)
{
    (void)state;
    ct_tensor *x = leaf(1, 2), *other = leaf(1, 2, 3), *g[2] = {x, x};
    assert_false(ct_grads(CT_TENSORS(ct_sum(x)), CT_TENSORS(x, other), g));
    assert_error("grad: input 1, (3), was not used to compute the output; .allow_unused = true gives NULL for it");
    assert_null(g[0]);
    assert_null(g[1]);
    assert_true(ct_grads(CT_TENSORS(ct_sum(x)), CT_TENSORS(x, other), g, .allow_unused = true));
    assert_values(g[0], 1, 1);
    assert_null(g[1]);
    assert_null(ct_grad(ct_sum(x), other));
    assert_error("was not used");
}

static void test_grad_goes_only_where_it_must(void **state)
{
    (void)state;
    ct_tensor *x = leaf(1, 2), *w = leaf(3, 4), *side = ct_tanh(w);
    ct_tensor *loss = ct_sum(ct_mul(x, side));
    {
        CT_NO_GRAD;
        ct_add_(side, 1.0);                     /* tanh's VJP would fail, but x does not lie behind it; mul's does */
    }
    assert_null(ct_grad(loss, x));
    assert_error("grad: mul (op ");
    ct_tensor *sum = ct_sum(ct_add(ct_square(x), ct_tanh(w)));
    assert_values(ct_grad(sum, x), 2, 4);
    assert_true(ct_grads(CT_TENSORS(ct_add(ct_sum(ct_square(x)), ct_sum(side))), CT_TENSORS(x), (ct_tensor *[1]){NULL}));
}

static double derivative(int order, double at)
{
    CT_SCOPE;
    ct_tensor *x = leaf64(at), *y = ct_mul(ct_sin(x), ct_exp(x));
    for (int i = 0; i < order; i++)
        y = ct_grad(y, x, .create_graph = true);
    return ct_item(y);
}

static void test_derivatives_of_any_order(void **state)
{
    (void)state;
    const double t = 0.7, e = exp(t), s = sin(t), c = cos(t);
    assert_near(derivative(0, t), e * s, 1e-14);
    assert_near(derivative(1, t), e * (s + c), 1e-14);
    assert_near(derivative(2, t), e * 2 * c, 1e-13);
    assert_near(derivative(3, t), e * 2 * (c - s), 1e-13);
    assert_near(derivative(4, t), -4 * e * s, 1e-12);
    assert_fine();
}

static void test_second_derivatives_through_products(void **state)
{
    (void)state;
    ct_tensor *a = ct_require_grad((ct_arange)(1, 7, 1, CT_FLOAT64), true), *m = ct_reshape(a, 2, 3);
    ct_tensor *loss = ct_sum(ct_square(ct_matmul(m, ct_transpose(m, 0, 1))));
    ct_tensor *g = ct_grad(loss, a, .create_graph = true);
    ct_tensor *n = ct_sum(ct_mul(g, ct_detach(a))); /* the loss is of degree 4: H a = 3 g */
    ct_tensor *h = ct_grad(n, a);
    assert_true(ct_allclose(h, ct_mul(g, 3.0), 1e-12, 0, false));
    assert_true(ct_requires_grad(g));
}

static void test_a_gradient_without_create_graph_is_a_constant(void **state)
{
    (void)state;
    ct_tensor *x = leaf(2), *g = ct_grad(ct_square(x), x);
    assert_false(ct_requires_grad(g));
    assert_true(ct_is_leaf(g));
    assert_null(ct_grad(g, x));
    assert_error("grad: the root wants no gradient");
}

static void test_a_gradient_penalty_reaches_the_leaves(void **state)
{
    (void)state;
    ct_tensor *x = leaf(1, 2), *w = leaf(3, 4);
    ct_tensor *g = ct_grad(ct_sum(ct_mul(w, ct_square(x))), x, .create_graph = true); /* 2 w x */
    assert_true(ct_backward(ct_sum(ct_square(g)))); /* 4 w^2 x^2 */
    assert_values(ct_gradient(w), 8 * 3, 8 * 4 * 4);
    assert_values(ct_gradient(x), 8 * 9, 8 * 16 * 2);
}

static void test_bad_lists_for_grads_are_errors(void **state)
{
    (void)state;
    ct_tensor *x = leaf(1), *g[1];
    assert_false((ct_grads)(NULL, 0, &x, 1, g, NULL));
    assert_error("grad: want at least one output, one input and room for the gradients");
    assert_false((ct_grads)(&x, 1, (ct_tensor *[1]){NULL}, 1, g, NULL));
    assert_error("grad: an input is NULL");
    assert_null(ct_grad(ct_sum(ct_slice(leaf(1, 2), "0:1")), NULL));
    assert_error("grad: an input is NULL");
}

/* ---- What wants a gradient --------------------------------------------------------------------------------------- */
static void test_rules_of_wanting_a_gradient(void **state)
{
    (void)state;
    ct_tensor *x = leaf(1, 2), *c = ct_vector(3, 4), *y = ct_mul(x, c);
    assert_true(ct_requires_grad(x) && ct_is_leaf(x));
    assert_true(!ct_requires_grad(c) && ct_is_leaf(c));
    assert_true(ct_requires_grad(y) && !ct_is_leaf(y));
    assert_false(ct_requires_grad(ct_mul(c, c)));
    assert_false(ct_requires_grad(ct_gt(x, 0.0)));
    assert_false(ct_requires_grad(ct_argmax(x)));
    assert_false(ct_requires_grad(ct_cast(x, CT_INT64)));
    assert_true(ct_requires_grad(ct_cast(x, CT_FLOAT64)));
    assert_null(ct_require_grad(y, false));
    assert_error("require_grad: (2) was made by mul; only a leaf can be told");
    assert_false(ct_requires_grad(ct_require_grad(x, false)));
    assert_false(ct_requires_grad(ct_mul(x, c)));
    assert_fine();
}

static void test_detach_shares_values_outside_the_graph(void **state)
{
    (void)state;
    ct_tensor *x = leaf(1, 2), *y = ct_square(x), *d = ct_detach(y);
    assert_true(ct_is_leaf(d) && !ct_requires_grad(d));
    assert_ptr_equal(ct_data(d), ct_data(y));
    assert_true(ct_backward(ct_sum(ct_mul(x, d))));
    assert_values(ct_gradient(x), 1, 4);
}

static void test_no_grad_records_nothing(void **state)
{
    (void)state;
    ct_tensor *x = leaf(1, 2), *y;
    {
        CT_NO_GRAD;
        y = ct_square(x);
    }
    assert_true(ct_is_leaf(y) && !ct_requires_grad(y));
    assert_true(ct_set_recording(false));
    assert_false(ct_set_recording(true));
    assert_false(ct_backward(ct_sum(y)));
    assert_error("no leaf that does went into it, or recording was off");
}

/* ---- Version counters -------------------------------------------------------------------------------------------- */
static void spoil(ct_tensor *t)
{
    CT_NO_GRAD;
    assert_non_null(ct_fill_(t, 0.0));
}

static void test_versions_are_shared_by_views(void **state)
{
    (void)state;
    ct_tensor *x = leaf(1, 2, 3, 4), *base = ct_vector(1, 2, 3, 4);
    struct { ct_tensor *used, *changed; } pairs[] = {
        {base, ct_slice(base, "1:2")},
        {ct_reshape(base, 2, 2), base},
        {ct_expand(base, 3, 4), base},
        {ct_slice(base, "::2"), ct_slice(base, "1::2")}, /* apart, but of one storage: a false alarm is not a wrong gradient */
        {base, ct_detach(base)},
    };
    for (size_t i = 0; i < COUNT(pairs); i++) {
        CT_SCOPE;
        ct_tensor *y = ct_sum(ct_mul(ct_expand(ct_slice(x, "0"), 1), pairs[i].used));
        spoil(pairs[i].changed);
        assert_false(ct_backward(y));
        assert_error("needs a value that was changed in place by fill_");
    }
    ct_tensor *z = leaf(1, 2), *product = ct_mul(z, z), *flat = ct_reshape(product, 1, 2), *loss = ct_sum(ct_exp(product));
    spoil(flat);                                /* exp reads its output, mul its inputs: both as they were */
    assert_true(ct_backward(loss));
    assert_near_values(ct_gradient(z), 1e-3, 2 * M_E, 4 * exp(4));
}

static void test_what_no_vjp_reads_may_change(void **state)
{
    (void)state;
    ct_tensor *x = leaf(1, 2), *y = ct_add(x, 1.0), *loss = ct_sum(y);
    spoil(y);
    assert_true(ct_backward(loss));
    assert_values(ct_gradient(x), 1, 1);
}

static void test_every_way_to_change_a_leaf_is_seen(void **state)
{
    (void)state;
    for (int way = 0; way < 6; way++) {
        CT_SCOPE;
        ct_tensor *x = leaf(1, 2), *loss = ct_sum(ct_square(x));
        CT_NO_GRAD;
        switch (way) {
        case 0: ct_add_(x, 1.0); break;
        case 1: ct_mul_(x, 2.0); break;
        case 2: ct_copy_(x, ct_vector(1, 1)); break;
        case 3: ct_fill_(x, 0.0); break;
        case 4: ((float *)ct_mutable_data(x))[0] = 3; break;
        case 5: assert_true(ct_nn_init_zeros(x)); break;
        }
        assert_false(ct_backward(loss));
        assert_error("backward: square (op ");
    }
}

static void test_an_optimizer_step_is_a_change(void **state)
{
    (void)state;
    ct_tensor *x = leaf(1, 2);
    ct_module *module = ct_nn_parameter_list(x);
    ct_optimizer *makers[] = {ct_optim_sgd(module), ct_optim_adam(module), ct_optim_adamw(module)};
    const char *names[] = {"changed in place by sgd", "changed in place by adam", "changed in place by adamw"};
    for (size_t i = 0; i < COUNT(makers); i++) {
        CT_SCOPE;
        assert_true(ct_backward(ct_sum(x)));
        ct_tensor *late = ct_sum(ct_square(x));
        assert_true(ct_step(makers[i]));
        assert_false(ct_backward(late));
        assert_error(names[i]);
        ct_free(makers[i]);
    }
    ct_free(module);
}

/* ---- Depth ------------------------------------------------------------------------------------------------------- */
/* A tenth where a tool makes every op a hundred times slower: still far beyond any stack. */
static int deep(void)
{
    return SANITIZED || getenv("COTANGENT_NO_CACHE") ? 100000 : 1000000;
}

static ct_tensor *chain(ct_tensor *x, int length) /* kept; each link belongs to the next alone */
{
    ct_tensor *y = ct_keep(x);
    for (int i = 0; i < length && y; i++) {
        CT_SCOPE;
        ct_tensor *next = ct_keep(i % 2 ? ct_mul(y, -1.0) : ct_add(y, 1.0));
        ct_release(y);
        y = next;
    }
    return y;
}

static void test_a_chain_of_a_million_ops_runs_backward(void **state)
{
    (void)state;
    ct_tensor *x = leaf(1), *y = chain(x, deep());
    assert_fine();
    assert_true(ct_backward(y));
    assert_values(ct_gradient(x), deep() / 2 % 2 ? -1 : 1);
    ct_release(y);
}

static void test_a_chain_of_a_million_ops_is_freed_by_its_root(void **state)
{
    (void)state;
    ct_tensor *x = leaf(1);
    ct_release(chain(x, 10));
    const size_t before = ct_memory().live;
    ct_tensor *y = chain(x, deep());
    assert_fine();
    assert_true(ct_memory().live > before + (size_t)deep() * 64);
    ct_release(y);
    assert_int_equal(ct_memory().live, before);
}

static void test_a_deep_graph_in_one_scope_is_freed_with_it(void **state)
{
    (void)state;
    ct_tensor *x = leaf(1);
    CT_SCOPE;
    ct_tensor *y = x;
    for (int i = 0; i < deep() / 4; i++)
        y = ct_add(y, 1.0);
    assert_values(y, 1 + deep() / 4);
    assert_values(ct_grad(y, x), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_backward_takes_a_cotangent),
        TEST(test_gradients_gather_until_zeroed),
        TEST(test_the_first_gradient_is_not_the_cotangent_itself),
        TEST(test_retain_graph_allows_another_backward),
        TEST(test_a_leaf_may_be_the_root),
        TEST(test_a_diamond_sums_both_ways),
        TEST(test_a_late_shortcut_waits_for_the_long_way),
        TEST(test_one_value_fans_out_ten_thousand_times),
        TEST(test_a_tensor_used_twice_in_one_op_gets_both),
        TEST(test_grad_returns_and_changes_no_leaf),
        TEST(test_grad_of_what_stands_inside_the_graph),
        TEST(test_grad_where_the_output_is_the_input),
        TEST(test_grads_of_an_input_named_twice),
        TEST(test_grads_sum_over_outputs),
        TEST(test_an_unused_input_is_an_error_unless_allowed),
        TEST(test_grad_goes_only_where_it_must),
        TEST(test_derivatives_of_any_order),
        TEST(test_second_derivatives_through_products),
        TEST(test_a_gradient_without_create_graph_is_a_constant),
        TEST(test_a_gradient_penalty_reaches_the_leaves),
        TEST(test_bad_lists_for_grads_are_errors),
        TEST(test_rules_of_wanting_a_gradient),
        TEST(test_detach_shares_values_outside_the_graph),
        TEST(test_no_grad_records_nothing),
        TEST(test_versions_are_shared_by_views),
        TEST(test_what_no_vjp_reads_may_change),
        TEST(test_every_way_to_change_a_leaf_is_seen),
        TEST(test_an_optimizer_step_is_a_change),
        TEST(test_a_chain_of_a_million_ops_runs_backward),
        TEST(test_a_chain_of_a_million_ops_is_freed_by_its_root),
        TEST(test_a_deep_graph_in_one_scope_is_freed_with_it),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    ct_shutdown();
    return failed;
}
