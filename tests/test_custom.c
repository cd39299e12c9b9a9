/* Invariant 4 from outside: hooks on gradients, and ops of a user's own through ct_record. */
#include "engine.h"

/* ---- Hooks ------------------------------------------------------------------------------------------------------- */
static char order[64];
static ct_tensor *sees(ct_tensor *gradient, void *letter)
{
    (void)gradient;
    strncat(order, letter, 1);
    return NULL;
}

static ct_tensor *doubles(ct_tensor *gradient, void *unused)
{
    (void)unused;
    strncat(order, "2", 2);
    return ct_mul(gradient, 2.0);
}

static ct_tensor *adds_one(ct_tensor *gradient, void *unused)
{
    (void)unused;
    strncat(order, "+", 2);
    return ct_add(gradient, 1.0);
}

static ct_tensor *breaks_the_shape(ct_tensor *gradient, void *unused)
{
    (void)unused;
    return ct_sum(gradient);
}

static ct_tensor *fails(ct_tensor *gradient, void *unused)
{
    (void)gradient, (void)unused;
    return ct_fail("the hook's own failure");
}

static void test_hooks_run_in_order_and_replace(void **state)
{
    (void)state;
    ct_tensor *x = leaf(1, 2);
    order[0] = 0;
    assert_true(ct_hook_gradient(x, sees, "a") != 0);
    uint64_t twice = ct_hook_gradient(x, doubles, NULL);
    ct_hook_gradient(x, adds_one, NULL);
    ct_hook_gradient(x, sees, "b");
    assert_true(ct_backward(ct_sum(ct_mul(x, 3.0))));
    assert_string_equal(order, "a2+b");
    assert_values(ct_gradient(x), 7, 7);
    assert_true(ct_unhook_gradient(x, twice));
    assert_false(ct_unhook_gradient(x, twice));
    assert_error("unhook_gradient: no hook ");
    order[0] = 0;
    assert_true(ct_backward(ct_sum(ct_mul(x, 3.0))));
    assert_string_equal(order, "a+b");
    assert_values(ct_gradient(x), 11, 11);      /* what was there is not hooked again */
}

static void test_a_hook_inside_the_graph_sees_the_whole_sum_once(void **state)
{
    (void)state;
    ct_tensor *x = leaf(1, 2), *y = ct_mul(x, 2.0);
    order[0] = 0;
    assert_true(ct_hook_gradient(y, doubles, NULL) != 0);
    assert_true(ct_backward(ct_sum(ct_add(ct_mul(y, 3.0), ct_mul(y, 4.0))), .retain_graph = true));
    assert_string_equal(order, "2");
    assert_values(ct_gradient(x), 28, 28);
    ct_tensor *loss = ct_sum(ct_mul(y, 1.0));
    assert_values(ct_grad(loss, x, .retain_graph = true), 4, 4);
    assert_values(ct_grad(loss, y), 2, 2);
}

static void test_a_hook_that_breaks_the_shape_is_an_error(void **state)
{
    (void)state;
    ct_tensor *x = leaf(1, 2);
    uint64_t id = ct_hook_gradient(x, breaks_the_shape, NULL);
    assert_false(ct_backward(ct_sum(x)));
    assert_error("backward: a hook turned a gradient of (2) into ()");
    assert_null(ct_gradient(x));
    assert_true(ct_unhook_gradient(x, id));
    ct_hook_gradient(x, fails, NULL);
    assert_false(ct_backward(ct_sum(x)));
    assert_error("the hook's own failure");
    assert_int_equal(ct_hook_gradient(ct_zeros(2), sees, "x"), 0);
    assert_error("hook_gradient: the tensor wants no gradient");
    assert_int_equal(ct_hook_gradient(x, NULL, NULL), 0);
    assert_error("hook_gradient: the hook is NULL");
}

static void test_hooks_end_with_their_graph(void **state)
{
    (void)state;
    ct_tensor *x = leaf(1);
    for (int i = 0; i < 3; i++) {
        CT_SCOPE;
        ct_tensor *y = ct_mul(x, 2.0);
        ct_hook_gradient(y, doubles, NULL);
        if (i)
            assert_true(ct_backward(ct_sum(y)));
    }
    assert_values(ct_gradient(x), 8);
}

/* ---- Ops of one's own -------------------------------------------------------------------------------------------- */
struct power { double exponent; };
static int freed;

static void free_power(void *context)
{
    freed++;
    free(context);
}

static void power_vjp(ct_node *node, ct_tensor *const *cotangents, ct_tensor **gradients) /* dx = g n x^(n-1) */
{
    struct power *p = ct_node_context(node);
    assert_string_equal(ct_node_name(node), "power");
    if (ct_node_wants(node, 0))
        gradients[0] = ct_mul(cotangents[0], ct_mul(p->exponent, ct_pow(ct_node_input(node, 0), p->exponent - 1)));
}

static ct_tensor *power(ct_tensor *x, double exponent)
{
    struct power *p = malloc(sizeof *p);
    p->exponent = exponent;
    ct_tensor *y;
    {
        CT_NO_GRAD;
        y = ct_pow(x, exponent);
    }
    return ct_record("power", power_vjp, &y, 1, &x, 1, .context = p, .free_context = free_power);
}

static void test_a_custom_op_differentiates_again_and_again(void **state)
{
    (void)state;
    freed = 0;
    {
        CT_SCOPE;
        ct_tensor *x = leaf64(2), *y = power(x, 5);
        ct_tensor *first = ct_grad(y, x, .create_graph = true), *second = ct_grad(first, x, .create_graph = true);
        assert_values(y, 32);
        assert_values(first, 80);
        assert_values(second, 160);
        assert_true(ct_backward(second));
        assert_values(ct_gradient(x), 240);
    }
    assert_int_equal(freed, 1);
}

static void test_a_context_is_freed_exactly_once(void **state)
{
    (void)state;
    ct_tensor *x = leaf(2), *c = ct_vector(2);
    freed = 0;
    {
        CT_SCOPE;
        ct_tensor *y = power(x, 3);
        assert_true(ct_backward(y, .retain_graph = true));
        assert_int_equal(freed, 0);
        assert_true(ct_backward(y));
        assert_int_equal(freed, 1);             /* what backward has used goes at once */
    }
    assert_int_equal(freed, 1);
    {
        CT_SCOPE;
        power(x, 3);                            /* never walked */
    }
    assert_int_equal(freed, 2);
    power(c, 3);                                /* never recorded: nothing wants a gradient */
    assert_int_equal(freed, 3);
    {
        CT_NO_GRAD;
        power(x, 3);
    }
    assert_int_equal(freed, 4);
    struct power *p = malloc(sizeof *p);
    assert_null(ct_record("power", power_vjp, (ct_tensor *[]){NULL}, 1, &x, 1, .context = p, .free_context = free_power));
    assert_int_equal(freed, 5);
    assert_error("record: power: want a name, a VJP");
    p = malloc(sizeof *p);
    ct_tensor *stale = ct_mul(x, 2.0);
    assert_null(ct_record("power", power_vjp, &stale, 1, &x, 1, .context = p, .free_context = free_power));
    assert_int_equal(freed, 6);
    assert_error("record: power: output 0 is not fresh: an input, named before, or part of a graph already");
    p = malloc(sizeof *p);
    ct_tensor *whole = ct_vector_int(1, 2);
    assert_null(ct_record("power", power_vjp, &whole, 1, &x, 1, .context = p, .free_context = free_power));
    assert_int_equal(freed, 7);
    assert_error("record: power: no output is floating");
}

static int zeros_seen;
static void split_vjp(ct_node *node, ct_tensor *const *cotangents, ct_tensor **gradients) /* sin and cos of x */
{
    ct_tensor *sine = ct_node_output(node, 0), *cosine = ct_node_output(node, 1);
    for (int i = 0; i < 2; i++) {
        assert_non_null(cotangents[i]);
        CT_SCOPE;
        CT_NO_GRAD;
        zeros_seen += ct_item(ct_sum(ct_abs(cotangents[i]))) == 0;
    }
    gradients[0] = ct_sub(ct_mul(cotangents[0], cosine), ct_mul(cotangents[1], sine));
}

static ct_tensor *sine_and_cosine(ct_tensor *x, ct_tensor **cosine)
{
    ct_tensor *outputs[2];
    {
        CT_NO_GRAD;
        outputs[0] = ct_sin(x), outputs[1] = ct_cos(x);
    }
    ct_tensor *sine = ct_record("sincos", split_vjp, outputs, 2, &x, 1);
    *cosine = outputs[1];
    return sine;
}

static void test_an_op_of_two_outputs_gets_zeros_for_the_unused(void **state)
{
    (void)state;
    ct_tensor *x = leaf64(0.3, 1.2), *cosine, *sine = sine_and_cosine(x, &cosine);
    zeros_seen = 0;
    assert_true(ct_backward(ct_sum(cosine), .retain_graph = true));
    assert_int_equal(zeros_seen, 1);
    assert_near_values(ct_gradient(x), 1e-15, -sin(0.3), -sin(1.2));
    ct_zero_gradient(x);
    assert_true(ct_backward(ct_sum(ct_mul(sine, cosine)))); /* one call for both: d sin cos = cos 2x */
    assert_int_equal(zeros_seen, 1);
    assert_near_values(ct_gradient(x), 1e-15, cos(0.6), cos(2.4));
    sine = sine_and_cosine(x, &cosine);
    ct_tensor *first = ct_grad(ct_sum(sine), x, .create_graph = true);
    assert_near_values(ct_grad(ct_sum(first), x), 1e-15, -sin(0.3), -sin(1.2));
    assert_fine();
}

static void wrong_shape_vjp(ct_node *node, ct_tensor *const *cotangents, ct_tensor **gradients)
{
    (void)node;
    gradients[0] = ct_sum(cotangents[0]);
}

static void wrong_dtype_vjp(ct_node *node, ct_tensor *const *cotangents, ct_tensor **gradients)
{
    (void)node;
    gradients[0] = ct_cast(cotangents[0], CT_FLOAT64);
}

static void failing_vjp(ct_node *node, ct_tensor *const *cotangents, ct_tensor **gradients)
{
    (void)cotangents;
    gradients[0] = ct_matmul(ct_zeros(2, 3), ct_node_input(node, 0));
}

static void outside_vjp(ct_node *node, ct_tensor *const *cotangents, ct_tensor **gradients)
{
    gradients[0] = cotangents[0];
    ct_node_input(node, 7);
}

static void silent_vjp(ct_node *node, ct_tensor *const *cotangents, ct_tensor **gradients)
{
    (void)node, (void)cotangents, (void)gradients;
}

static bool backward_through(const char *name, ct_vjp *vjp, ct_tensor *x)
{
    CT_SCOPE;
    ct_tensor *y = ct_mul(ct_detach(x), 2.0);
    return ct_backward(ct_sum(ct_record(name, vjp, &y, 1, &x, 1)));
}

static void test_a_wrong_vjp_is_an_error_that_names_its_op(void **state)
{
    (void)state;
    ct_tensor *x = leaf(1, 2);
    assert_false(backward_through("crooked", wrong_shape_vjp, x));
    assert_error("backward: the VJP of crooked gave input 0, float32 (2), a gradient of float32 ()");
    assert_false(backward_through("crooked", wrong_dtype_vjp, x));
    assert_error("backward: the VJP of crooked gave input 0, float32 (2), a gradient of float64 (2)");
    assert_false(backward_through("crooked", failing_vjp, x));
    assert_error("matmul: (2, 3) x (2): inner dimensions 3 and 2 differ");
    assert_false(backward_through("crooked", outside_vjp, x));
    assert_error("node_input: no input 7 of crooked");
    assert_null(ct_gradient(x));
    assert_true(backward_through("silent", silent_vjp, x));
    assert_null(ct_gradient(x));                /* absent, not wrong */
    assert_fine();
}

static void sum_vjp(ct_node *node, ct_tensor *const *cotangents, ct_tensor **gradients)
{
    for (int i = 0; i < 20; i++)
        if (ct_node_wants(node, i))
            gradients[i] = ct_mul(cotangents[0], (double)(i + 1));
}

static void test_a_custom_op_takes_many_inputs_and_absent_ones(void **state)
{
    (void)state;
    ct_tensor *inputs[20], *y = ct_zeros(2);
    for (int i = 0; i < 20; i++)
        inputs[i] = i % 5 == 4 ? NULL : i % 5 == 3 ? ct_vector(1, 1) : leaf(1, 2);
    assert_true(ct_backward(ct_sum(ct_record("sum_of_many", sum_vjp, &y, 1, inputs, 20))));
    for (int i = 0; i < 20; i++)
        if (i % 5 < 3)
            assert_values(ct_gradient(inputs[i]), i + 1, i + 1);
        else if (inputs[i])
            assert_null(ct_gradient(inputs[i]));
}

static void test_a_name_need_not_outlive_the_call(void **state)
{
    (void)state;
    ct_tensor *x = leaf(1, 2), *y = ct_zeros(2);
    char name[] = "mortal";
    ct_tensor *loss = ct_sum(ct_record(name, wrong_shape_vjp, &y, 1, &x, 1));
    memset(name, 'x', sizeof name - 1);
    assert_false(ct_backward(loss));
    assert_error("the VJP of mortal");
}

static void test_a_custom_op_notices_changes_in_place(void **state)
{
    (void)state;
    ct_tensor *x = leaf(1, 2), *y = power(x, 2);
    {
        CT_NO_GRAD;
        ct_add_(x, 1.0);
    }
    assert_false(ct_backward(ct_sum(y)));
    assert_error("backward: power (op ");
}

/* A graph may grow in a VJP and a hook, and another may be walked there. */
static ct_tensor *walks_another(ct_tensor *gradient, void *context)
{
    ct_tensor *w = context;
    bool was = ct_set_recording(true);
    assert_true(ct_backward(ct_sum(ct_square(w))));
    ct_set_recording(was);
    return ct_mul(gradient, ct_gradient(w));
}

static void test_a_hook_may_walk_another_graph(void **state)
{
    (void)state;
    ct_tensor *x = leaf(1, 2), *w = leaf(5, 6);
    ct_hook_gradient(x, walks_another, w);
    assert_true(ct_backward(ct_sum(x)));
    assert_values(ct_gradient(x), 10, 12);
}

static ct_tensor *walks_the_same(ct_tensor *gradient, void *context)
{
    (void)gradient;
    assert_false(ct_backward(context));
    return NULL;
}

static void test_a_walk_inside_the_same_walk_is_an_error(void **state)
{
    (void)state;
    ct_tensor *x = leaf(1, 2), *y = ct_mul(x, 2.0), *loss = ct_sum(y);
    ct_hook_gradient(loss, walks_the_same, loss);
    assert_false(ct_backward(loss));
    assert_error("is being walked by another backward");
}

/* Which nodes lead to an input is marked before the walk; another ct_grad in between must not pass for it. */
struct inner { ct_tensor *output, *input; };
static ct_tensor *takes_another_gradient(ct_tensor *gradient, void *context)
{
    const struct inner *inner = context;
    (void)gradient;
    assert_values(ct_grad(inner->output, inner->input, .cotangent = ct_ones(1), .retain_graph = true), 4);
    return NULL;
}

static void test_a_grad_inside_a_grad_of_one_graph_is_right_or_absent(void **state)
{
    (void)state;
    ct_tensor *x = leaf(2), *w = leaf(3), *u = ct_mul(ct_square(x), w), *y = ct_mul(u, x);
    struct inner inner = {u, w};
    ct_hook_gradient(y, takes_another_gradient, &inner);
    ct_tensor *g = ct_grad(y, x);
    if (g)
        assert_values(g, 36);                   /* 3 w x^2 */
    else
        assert_error("is being walked by another backward");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_hooks_run_in_order_and_replace),
        TEST(test_a_hook_inside_the_graph_sees_the_whole_sum_once),
        TEST(test_a_hook_that_breaks_the_shape_is_an_error),
        TEST(test_hooks_end_with_their_graph),
        TEST(test_a_custom_op_differentiates_again_and_again),
        TEST(test_a_context_is_freed_exactly_once),
        TEST(test_an_op_of_two_outputs_gets_zeros_for_the_unused),
        TEST(test_a_wrong_vjp_is_an_error_that_names_its_op),
        TEST(test_a_custom_op_takes_many_inputs_and_absent_ones),
        TEST(test_a_name_need_not_outlive_the_call),
        TEST(test_a_custom_op_notices_changes_in_place),
        TEST(test_a_hook_may_walk_another_graph),
        TEST(test_a_walk_inside_the_same_walk_is_an_error),
        TEST(test_a_grad_inside_a_grad_of_one_graph_is_right_or_absent),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    ct_shutdown();
    return failed;
}
