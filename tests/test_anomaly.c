/* The op and the place where the first NaN or infinity arose are named, and nothing else is. */
#include <pthread.h>

#include "engine.h"

static int begin(void **state)
{
    (void)state;
    ct_anomaly(true);
    return 0;
}

static int end(void **state)
{
    ct_anomaly(false);
    return finished(state);
}
/* The pending failure, but for the number of the op. */
static void check_anomaly(const char *before, const char *after)
{
    const char *at = strstr(ct_error(), " (op "), *end = at ? strchr(at, ')') : NULL;
    if (!end || strncmp(ct_error(), before, strlen(before)) || ct_error() + strlen(before) != at || strcmp(end + 1, after))
        fail_msg("\"%s\"", ct_error());
    ct_error_clear();
}

#define WATCHED(name) cmocka_unit_test_setup_teardown(name, begin, end)

/* ---- Ops --------------------------------------------------------------------------------------------------------- */
static void test_an_op_is_named_with_the_element(void **state)
{
    (void)state;
    ct_tensor *x = ct_require_grad(ct_full(4, 2, 3), true);
    bool was = ct_set_recording(false);
    assert_non_null(ct_copy_(ct_narrow(ct_narrow(x, 0, 1, 1), 1, 2, 1), ct_full(-1, 1, 1)));
    ct_set_recording(was);
    ct_tensor *y = ct_mul(x, 1.0);
    assert_null(ct_sqrt(y));
    check_anomaly("anomaly: sqrt", " gave NaN at [1, 2]; its inputs were finite");
    assert_null(ct_log(ct_transpose(y, 0, 1)));
    assert_error(") gave NaN at [2, 1]; its inputs were finite");
    CT_NO_GRAD;
    assert_null(ct_exp(ct_full(800, 2)));
    assert_error("anomaly: exp gave inf at [0]; its inputs were finite");
    assert_null(ct_exp((ct_full)(NULL, 0, 800, CT_FLOAT64)));
    assert_error("anomaly: exp gave inf at []; its inputs were finite");
}

static void test_what_came_in_is_told_from_what_arose(void **state)
{
    (void)state;
    ct_tensor *data = ct_vector(1, NAN, 2), *endless = ct_vector(1, -INFINITY);
    assert_null(ct_mul(data, 2.0));
    assert_error("anomaly: mul gave NaN at [1]; its input 0 has NaN at [1], which no op made");
    assert_null(ct_mul(endless, 0.0));
    assert_error("anomaly: mul gave NaN at [1]; its input 0 has -inf at [1]");
    assert_non_null(ct_mul(endless, 2.0));
    assert_null(ct_matmul(ct_full(1e30, 2, 2), ct_full(1e30, 2, 2)));
    assert_error("anomaly: matmul gave inf at [0, 0]; its inputs were finite");
    ct_anomaly(true, .nan_only = true);
    assert_non_null(ct_matmul(ct_full(1e30, 2, 2), ct_full(1e30, 2, 2)));
}

static void test_masks_and_views_raise_no_alarm(void **state)
{
    (void)state;
    ct_tensor *x = ct_require_grad(ct_randn(2, 3, 3), true), *causal = ct_triu(ct_full(1, 3, 3), 1);
    ct_tensor *hidden = ct_gt(causal, 0.0), *mask = ct_where(hidden, -INFINITY, 0.0);
    ct_tensor *a = ct_softmax(ct_masked_fill(x, hidden, -INFINITY), -1), *b = ct_softmax(ct_add(x, mask), -1);
    ct_tensor *c = ct_scaled_dot_product_attention(x, x, x, .mask = ct_zeros_as(CT_BOOL, 3, 3)); /* a query that attends to nothing */
    assert_true(ct_backward(ct_sum(ct_add(ct_mul(ct_add(a, b), x), c))));
    ct_tensor *unset = ct_full(NAN, 2, 3);
    assert_non_null(ct_transpose(unset, 0, 1));
    assert_non_null(ct_contiguous(ct_narrow(unset, 1, 0, 2)));
    assert_non_null(ct_log(ct_vector(0, 1)));
    assert_fine();
}

static void test_the_backward_of_an_op_is_named(void **state)
{
    (void)state;
    ct_tensor *x = leaf(4, 0), *y = ct_mul(x, 1.0);
    assert_false(ct_backward(ct_sum(ct_sqrt(y))));
    check_anomaly("anomaly: the backward of sqrt", " gave input 0 inf at [1]; its cotangent was finite");
    assert_null(ct_gradient(x));
    assert_null(ct_grad(ct_sum(ct_sqrt(ct_square(x))), x)); /* 0 times infinity: sqrt's own is infinite */
    assert_error("anomaly: the backward of sqrt");
    ct_anomaly(true, .nan_only = true);
    assert_null(ct_grad(ct_sum(ct_sqrt(ct_square(x))), x));
    assert_error("anomaly: the backward of square (op ");
}

static void bad_vjp(ct_node *node, ct_tensor *const *g, ct_tensor **gradients)
{
    (void)node;
    gradients[0] = ct_div(g[0], 0.0);
}

static void test_ops_of_a_users_own(void **state)
{
    (void)state;
    ct_tensor *x = leaf(1, 2), *y = ct_vector(1, NAN);
    assert_null(ct_record("mine", bad_vjp, CT_TENSORS(y), CT_TENSORS(x)));
    check_anomaly("anomaly: mine", " gave NaN at [1]; its inputs were finite");
    y = ct_vector(1, 2);
    assert_false(ct_backward(ct_sum(ct_record("mine", bad_vjp, CT_TENSORS(y), CT_TENSORS(x)))));
    assert_error("anomaly: the backward of mine (op ");
}

static void *exponential(void *sign)
{
    ct_tensor *y = ct_exp(ct_full(800, 2));
    const bool named = !y && strstr(ct_error(), "anomaly: exp");
    ct_error_clear();
    ct_shutdown();
    return named ? sign : NULL;
}

static void test_it_holds_in_all_threads(void **state)
{
    pthread_t thread;
    void *named;
    assert_int_equal(pthread_create(&thread, NULL, exponential, state), 0);
    pthread_join(thread, &named);
    assert_non_null(named);
}

static void test_it_is_off_when_turned_off(void **state)
{
    (void)state;
    assert_true(ct_anomaly(false));
    assert_false(ct_anomaly(false));
    assert_non_null(ct_exp(ct_full(800, 2)));
}

/* ---- Places ------------------------------------------------------------------------------------------------------ */
static void test_places_follow_scopes(void **state)
{
    (void)state;
    CT_SCOPE;
    ct_scope_name("outer");
    {
        CT_SCOPE;
        assert_null(ct_exp(ct_full(800, 2)));
        assert_error("anomaly: exp in outer gave inf");
        ct_scope_name("outer.inner");
        assert_null(ct_exp(ct_full(800, 2)));
        assert_error("anomaly: exp in outer.inner gave inf");
    }
    assert_null(ct_exp(ct_full(800, 2)));
    assert_error("anomaly: exp in outer gave inf");
    ct_scope_name(NULL);
    assert_null(ct_exp(ct_full(800, 2)));
    assert_error("anomaly: exp gave inf");
}

static ct_tensor *exp_forward(ct_module *self, ct_tensor *x)
{
    (void)self;
    return ct_exp(x);
}

static ct_tensor *root_forward(ct_module *self, ct_tensor *x)
{
    (void)self;
    return ct_sqrt(x);
}

static void test_modules_are_named_by_their_path(void **state)
{
    (void)state;
    ct_module *part = ct_module_new("Exp", exp_forward, 0);
    assert_null(ct_forward(part, ct_full(800, 2)));
    assert_error("anomaly: exp in Exp gave inf");
    ct_module *inner = ct_nn_sequential(ct_nn_identity(), part);
    assert_null(ct_forward(inner, ct_full(800, 2)));
    assert_error("anomaly: exp in 1 gave inf");
    ct_module *net = ct_nn_sequential(ct_nn_identity(), ct_nn_identity(), inner);
    assert_null(ct_forward(net, ct_full(800, 2)));
    assert_error("anomaly: exp in 2.1 gave inf");
    ct_free(net);
    ct_module *root = ct_module_new("Root", root_forward, 0);
    assert_null(ct_forward(root, ct_full(-1, 2)));
    assert_error("anomaly: sqrt in Root gave NaN");
    ct_tensor *y = ct_forward(root, leaf(0));
    ct_free(root);
    assert_false(ct_backward(y));
    check_anomaly("anomaly: the backward of sqrt", " in Root gave input 0 inf at [0]; its cotangent was finite"); /* the name outlives the module */
}

static void test_a_checkpoint_keeps_the_place(void **state)
{
    (void)state;
    ct_module *net = ct_nn_sequential(ct_nn_identity(), ct_module_new("Root", root_forward, 0));
    ct_module_checkpoint(net, true);
    ct_tensor *y = ct_forward(net, leaf(0));
    assert_false(ct_backward(y));
    check_anomaly("anomaly: the backward of sqrt", " in 1 gave input 0 inf at [0]; its cotangent was finite");
    ct_free(net);
}

static void test_thousands_of_places_are_one_too_many(void **state)
{
    (void)state;
    char path[32];
    for (int i = 0; i < 9000; i++) {
        snprintf(path, sizeof path, "place.%d", i);
        ct_scope_name(path);
    }
    assert_null(ct_exp(ct_full(800, 2)));
    assert_error("anomaly: exp in elsewhere gave inf");
    ct_scope_name("place.7");
    assert_null(ct_exp(ct_full(800, 2)));
    assert_error("anomaly: exp in place.7 gave inf");
    ct_scope_name(NULL);
}

/* ---- Training ---------------------------------------------------------------------------------------------------- */
static void test_a_wrong_learning_rate_of_a_gpt_is_traced(void **state)
{
    (void)state;
    ct_seed(1);
    ct_module *net = ct_nn_gpt(.vocabulary = 11, .block = 8, .width = 16, .heads = 2, .layers = 2);
    ct_optimizer *adamw = ct_optim_adamw(net, .lr = 1e3);
    ct_tensor *x = ct_randint(0, 11, 4, 8), *y = ct_randint(0, 11, 32);
    for (int step = 0; step < 200 && ct_ok(); step++) {
        CT_SCOPE;
        ct_zero_grad(adamw);
        if (ct_backward(ct_cross_entropy(ct_flatten(ct_forward(net, x), 0, 1), y)))
            ct_step(adamw);
    }
    const char *in = strstr(ct_error(), " in stack.");
    if (strncmp(ct_error(), "anomaly: ", 9) || !in || !strstr(in, " gave ") || !strstr(ct_error(), "(op "))
        fail_msg("\"%s\"", ct_error());
    ct_error_clear();
    ct_free(adamw), ct_free(net);
}

static void test_a_step_that_breaks_a_parameter_is_named(void **state)
{
    (void)state;
    ct_module *net = ct_nn_sequential(ct_nn_linear(2, 2));
    ct_optimizer *sgd = ct_optim_sgd(net, .lr = 1e30);
    assert_true(ct_backward(ct_sum(ct_mul(ct_forward(net, ct_ones(1, 2)), 1e10))));
    assert_false(ct_step(sgd));
    assert_error("anomaly: the step of sgd gave 0.weight -inf at [0, 0]");
    ct_free(sgd), ct_free(net);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WATCHED(test_an_op_is_named_with_the_element),
        WATCHED(test_what_came_in_is_told_from_what_arose),
        WATCHED(test_masks_and_views_raise_no_alarm),
        WATCHED(test_the_backward_of_an_op_is_named),
        WATCHED(test_ops_of_a_users_own),
        WATCHED(test_it_holds_in_all_threads),
        WATCHED(test_it_is_off_when_turned_off),
        WATCHED(test_places_follow_scopes),
        WATCHED(test_modules_are_named_by_their_path),
        WATCHED(test_a_checkpoint_keeps_the_place),
        WATCHED(test_a_wrong_learning_rate_of_a_gpt_is_traced),
        WATCHED(test_a_step_that_breaks_a_parameter_is_named),
        WATCHED(test_thousands_of_places_are_one_too_many), /* the last one: the table stays full */
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    ct_shutdown();
    return failed;
}
