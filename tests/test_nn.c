/* Modules: parts and names, forward and its scopes, modes, files. */
#include "modules.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "autograd/memory.h"

/* ---- Linear ------------------------------------------------------------------------------------------------------ */
static void test_linear_is_x_times_weight_transposed_plus_bias(void **state)
{
    (void)state;
    CT_SCOPE;
    ct_module *linear = ct_nn_linear(3, 5);
    ct_tensor *w = ct_module_find(linear, "weight"), *b = ct_module_find(linear, "bias"), *x = ct_randn(2, 7, 3);
    assert_int_equal(ct_size(w, 0), 5);
    assert_int_equal(ct_size(w, 1), 3);
    assert_int_equal(ct_stride(w, 0), 1);       /* in memory (in, out) */
    assert_true(ct_requires_grad(w) && ct_is_leaf(w) && ct_requires_grad(b));
    ct_tensor *want = ct_add(ct_matmul(x, ct_transpose(w, 0, 1)), b);
    assert_true(ct_allclose(ct_forward(linear, x), want, 1e-5, 1e-6, false));
    ct_module *relu = ct_nn_linear(3, 5, .activation = CT_RELU), *plain = ct_nn_linear(3, 5, .no_bias = true);
    assert_true(ct_item(ct_min(ct_forward(relu, x))) >= 0);
    assert_null(ct_module_find(plain, "bias"));
    assert_int_equal(ct_module_count_parameters(linear), 20);
    assert_int_equal(ct_module_count_parameters(plain), 15);
    assert_string_equal(ct_module_kind(linear), "Linear");
    ct_free(linear), ct_free(relu), ct_free(plain);
    assert_true(ct_ok());
}

static void test_linear_starts_uniform_within_one_over_root_in(void **state)
{
    (void)state;
    CT_SCOPE;
    ct_module *linear = ct_nn_linear(100, 300);
    ct_tensor *w = ct_detach(ct_module_find(linear, "weight")), *b = ct_detach(ct_module_find(linear, "bias"));
    assert_true(ct_item(ct_max(w)) <= 0.1 && ct_item(ct_max(w)) > 0.0999);
    assert_true(ct_item(ct_min(w)) >= -0.1 && ct_item(ct_min(w)) < -0.0999);
    assert_near(ct_item(ct_mean(w)), 0, 1e-3);
    assert_near(ct_item(ct_var(w)), 0.01 / 3, 1e-4);
    assert_true(ct_item(ct_max(b)) <= 0.1 && ct_item(ct_min(b)) >= -0.1);
    ct_free(linear);
}

static void test_linear_refuses_bad_sizes(void **state)
{
    (void)state;
    FAILED(ct_nn_linear(0, 10), "linear: 0 inputs, 10 outputs: want at least 1");
    FAILED(ct_nn_linear(3, -1), "linear: 3 inputs, -1 outputs: want at least 1");
    FAILED(ct_nn_linear(3, 1, .activation = (ct_activation)77), "linear: activation 77: there is none of this number");
    FAILED(ct_nn_dropout(1.5), "dropout: p 1.5: want 0 to 1");
    FAILED(ct_nn_dropout(NAN), "dropout: p nan: want 0 to 1");
}

static void test_activation_layers_are_their_functions(void **state)
{
    (void)state;
    CT_SCOPE;
    ct_tensor *x = ct_randn(3, 4, 5);
    const struct {
        ct_module *layer;
        ct_tensor *want;
    } rows[] = {
        {ct_nn_relu(), ct_relu(x)},
        {ct_nn_gelu(), ct_gelu(x)},
        {ct_nn_silu(), ct_silu(x)},
        {ct_nn_tanh(), ct_tanh(x)},
        {ct_nn_sigmoid(), ct_sigmoid(x)},
        {ct_nn_softplus(), ct_softplus(x)},
        {ct_nn_leaky_relu(0.2), ct_leaky_relu(x, 0.2)},
        {ct_nn_elu(0.5), ct_elu(x, 0.5)},
        {ct_nn_softmax(-1), ct_softmax(x, -1)},
        {ct_nn_log_softmax(1), ct_log_softmax(x, 1)},
        {ct_nn_flatten(), ct_reshape(x, 3, 20)},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_true(ct_equal(ct_forward(rows[i].layer, x), rows[i].want));
        ct_free(rows[i].layer);
    }
}

/* ---- Parts and names --------------------------------------------------------------------------------------------- */
static bool note_name(const char *name, ct_tensor *tensor, bool is_parameter, void *context)
{
    (void)tensor;
    sprintf((char *)context + strlen(context), "%s%s ", name, is_parameter ? "" : "*");
    return strcmp(name, "stop") != 0;
}

static void test_names_join_with_dots_in_order_of_registration(void **state)
{
    (void)state;
    CT_SCOPE;
    char names[200] = "";
    ct_module *net = ct_module_new("Mine", NULL, 0);
    assert_non_null(ct_module_add_buffer(net, "mean", ct_zeros(3)));
    assert_non_null(ct_module_add_child(net, "body", ct_nn_sequential(small_net(), ct_nn_linear(2, 1))));
    ct_module_add_parameter(net, "scale", ct_ones(3));
    assert_ptr_equal(ct_module_ready(net), net);
    assert_true(ct_module_each(net, note_name, names));
    assert_string_equal(names, "mean* body.0.0.weight body.0.0.bias body.0.2.weight body.1.weight body.1.bias scale ");
    assert_int_equal(ct_size(ct_module_find(net, "body.0.2.weight"), 0), 2);
    assert_null(ct_module_find(net, "body.0.1"));
    assert_int_equal(ct_module_count_parameters(net), 12 + 4 + 8 + 2 + 1 + 3);
    assert_false(ct_requires_grad(ct_module_find(net, "mean")));
    ct_module_add_buffer(net, "stop", ct_zeros(1));
    ct_module_add_buffer(net, "after", ct_zeros(1));
    names[0] = 0;
    assert_false(ct_module_each(net, note_name, names));
    assert_null(strstr(names, "after"));
    assert_true(ct_ok());
    ct_free(net);
}

static void test_bad_names_and_parts_are_refused(void **state)
{
    (void)state;
    CT_SCOPE;
    char longest[70];
    memset(longest, 'n', sizeof longest), longest[69] = 0;
    ct_module *m = ct_module_new("Mine", NULL, 0);
    ct_module_add_parameter(m, "w", ct_ones(3));
    FAILED(ct_module_add_parameter(m, "w", ct_ones(3)), "Mine: parameter \"w\": the name is taken");
    FAILED(ct_module_add_child(m, "w", ct_nn_relu()), "Mine: child \"w\": the name is taken");
    FAILED(ct_module_add_buffer(m, "", ct_ones(3)),
           "Mine: buffer \"\": want a name of 1 to 63 characters without a dot");
    FAILED(ct_module_add_buffer(m, "a.b", ct_ones(3)),
           "Mine: buffer \"a.b\": want a name of 1 to 63 characters without a dot");
    assert_null(ct_module_add_buffer(m, longest, ct_ones(3)));
    ct_error_clear();
    FAILED(ct_module_add_parameter(m, "v", NULL), "Mine: parameter \"v\" is NULL");
    FAILED(ct_module_add_parameter(m, "v", ct_arange(3)), "Mine: parameter \"v\" is int64: want float32 or float64");
    ct_tensor *made = ct_square(ct_module_find(m, "w"));
    FAILED(ct_module_add_parameter(m, "v", made), "Mine: parameter \"v\" was made by a recorded op: want a leaf");
    assert_null(ct_module_ready(m));            /* frees m */
    FAILED(ct_module_new("", NULL, 0), "module: kind \"\": want 1 to 63 characters");
    FAILED(ct_module_add_child(NULL, "0", ct_nn_linear(2, 2)), "module: NULL was given a child \"0\"");
    FAILED(ct_module_ready(NULL), "module_ready: module is NULL");
}

static void test_a_module_has_one_parent_and_is_not_its_own_ancestor(void **state)
{
    (void)state;
    ct_module *relu = ct_nn_relu(), *inner = ct_nn_sequential(relu), *outer = ct_module_new("Outer", NULL, 0);
    ct_module_add_child(outer, "inner", inner);
    FAILED(ct_module_add_child(outer, "again", relu), "Outer: child \"again\", a ReLU, is part of a module already");
    FAILED(ct_module_add_child(inner, "loop", outer),
           "Sequential: child \"loop\" is the module itself or one above it");
    FAILED(ct_nn_sequential(relu), "Sequential: child \"0\", a ReLU, is part of a module already");
    ct_module *twice = ct_nn_linear(2, 2);
    FAILED(ct_nn_sequential(twice, twice), "Sequential: child \"1\", a Linear, is part of a module already");
    ct_free(outer);
}

static void test_constructor_given_a_failed_part_frees_the_others(void **state)
{
    (void)state;
    ct_module *net = ct_nn_sequential(ct_nn_linear(3, 4), ct_nn_linear(4, 0), ct_nn_relu());
    FAILED(net, "linear: 4 inputs, 0 outputs: want at least 1");
    FAILED(ct_nn_sequential(ct_nn_relu(), NULL), "Sequential: child \"1\" is NULL");
}

static void test_deep_names_are_an_error_not_an_overflow(void **state)
{
    (void)state;
    char name[64], names[2000] = "";
    memset(name, 'x', 63), name[63] = 0;
    ct_module *net = ct_nn_linear(1, 1);
    for (int i = 0; i < 9; i++) {
        ct_module *outer = ct_module_new("Outer", NULL, 0);
        ct_module_add_child(outer, name, net);
        net = outer;
    }
    assert_false(ct_module_each(net, note_name, names));
    assert_non_null(strstr(ct_error(), "too deeply"));
    ct_error_clear();
    ct_free(net);
}

static void test_parameter_list_is_the_callers_tensors(void **state)
{
    (void)state;
    CT_SCOPE;
    ct_tensor *a = ct_randn(3, 2), *b = ct_transpose(ct_randn(4, 5), 0, 1);
    ct_module *list = ct_nn_parameter_list(a, b);
    assert_ptr_equal(ct_module_find(list, "0"), a);
    assert_ptr_equal(ct_module_find(list, "1"), b);
    assert_true(ct_requires_grad(b));
    FAILED(ct_forward(list, a), "forward: ParameterList has none, it only holds its parts");
    FAILED(ct_nn_parameter_list(ct_narrow(ct_randn(4, 5), 1, 0, 2)),
           "parameter_list: tensor 0 is a view with gaps: want one without");
    ct_free(list);
}

/* ---- Forward ----------------------------------------------------------------------------------------------------- */
static ct_tensor *same_forward(ct_module *self, ct_tensor *x)
{
    (void)self;
    return x;
}

static ct_tensor *nothing_forward(ct_module *self, ct_tensor *x)
{
    (void)self, (void)x;
    return NULL;
}

static void test_forward_hands_its_result_on_and_frees_the_rest(void **state)
{
    (void)state;
    CT_SCOPE;
    CT_NO_GRAD;
    ct_module *net = ct_nn_sequential(ct_nn_linear(10, 1000), ct_nn_relu(), ct_nn_linear(1000, 1));
    ct_tensor *x = ct_randn(100, 10), *y;
    ct_forward(net, x);
    size_t before = ct_memory().live;
    {
        CT_SCOPE;
        y = ct_promote(ct_forward(net, x));
    }
    assert_int_equal(ct_size(y, 0), 100);
    assert_true(ct_memory().live - before < 8192); /* (100, 1), not (100, 1000) */
    ct_module *same = ct_module_new("Same", same_forward, 0);
    {
        CT_SCOPE;
        assert_ptr_equal(ct_forward(same, x), x);
    }
    assert_near(ct_item(ct_sum(ct_sub(x, x))), 0, 0);
    ct_free(net), ct_free(same);
}

static void test_forward_of_nothing_fails_by_name_and_once(void **state)
{
    (void)state;
    CT_SCOPE;
    ct_module *relu = ct_nn_relu(), *nothing = ct_module_new("Nothing", nothing_forward, 0);
    FAILED(ct_forward(NULL, ct_ones(1)), "forward: module is NULL");
    FAILED(ct_forward(relu, NULL), "forward: the input of ReLU is NULL");
    FAILED(ct_forward(nothing, ct_ones(1)), "Nothing: result 0 is NULL");
    ct_fail("earlier");
    assert_null(ct_forward(NULL, NULL));
    assert_null(ct_forward(relu, NULL));
    FAILED(NULL, "earlier");
    ct_free(relu), ct_free(nothing);
}

static bool split(ct_module *self, ct_tensor *x, ct_tensor **left, ct_tensor **right)
{
    ct_scope scope = ct_module_enter(self);
    ct_tensor *doubled = ct_mul(x, 2.0);
    *left = ct_narrow(doubled, 0, 0, 1), *right = ct_clone(doubled);
    return ct_module_leave(self, scope, *left, *right, *left);
}

static void test_enter_and_leave_hand_on_several_results(void **state)
{
    (void)state;
    CT_SCOPE;
    ct_module *self = ct_module_new("Split", NULL, 0);
    ct_tensor *left, *right;
    {
        CT_SCOPE;
        assert_true(split(self, ct_vector(1, 2), &left, &right));
        assert_near(ct_item(ct_sum(right)), 6, 0);
        assert_near(ct_item(left), 2, 0);
    }
    assert_false(split(self, NULL, &left, &right));
    ct_error_clear();
    ct_free(self);
}

struct worker {
    ct_module *net;
    ct_tensor *x, *want;
    bool equal;
};

static void *forward_in_thread(void *context)
{
    struct worker *w = context;
    w->equal = true;
    for (int i = 0; i < 20; i++) {
        CT_SCOPE;
        w->equal &= ct_equal(ct_forward(w->net, w->x), w->want);
    }
    return NULL;
}

static void test_several_threads_may_run_one_module(void **state)
{
    (void)state;
    CT_SCOPE;
    pthread_t threads[4];
    struct worker workers[4];
    ct_module *net = small_net();
    ct_tensor *x = ct_randn(8, 3), *want = ct_forward(net, x);
    for (int i = 0; i < 4; i++) {
        workers[i] = (struct worker){net, x, want, false};
        assert_int_equal(pthread_create(&threads[i], NULL, forward_in_thread, &workers[i]), 0);
    }
    for (int i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
        assert_true(workers[i].equal);
    }
    ct_free(net);
}

static void test_construction_survives_each_failed_allocation(void **state)
{
    (void)state;
    for (int64_t after = 0;; after++) {
        CT_SCOPE;
        ct_memory_trim();
        memory_fail_after(after);
        ct_module *net = small_net();
        ct_tensor *y = net ? ct_forward(net, ct_ones(2, 3)) : NULL;
        bool struck = memory_failed_one();
        memory_fail_after(-1);
        assert_true(struck || y);
        assert_true(y || !ct_ok());
        ct_free(net);
        if (!struck)
            break;
        ct_error_clear();
    }
}

/* ---- Mode -------------------------------------------------------------------------------------------------------- */
static void test_mode_reaches_every_child_and_dropout_minds_it(void **state)
{
    (void)state;
    CT_SCOPE;
    ct_module *dropout = ct_nn_dropout(0.5), *net = ct_nn_sequential(ct_nn_sequential(dropout));
    ct_tensor *x = ct_ones(1000);
    assert_true(ct_module_is_training(net));
    ct_tensor *y = ct_forward(net, x);
    assert_near(ct_item(ct_max(y)), 2, 0);
    assert_near(ct_item(ct_mean(y)), 1, 0.2);
    ct_module_eval(net);
    assert_false(ct_module_is_training(dropout));
    assert_true(ct_equal(ct_forward(net, x), x));
    ct_module_train(net);
    assert_true(ct_module_is_training(dropout));
    ct_module_train(NULL), ct_module_eval(NULL);
    assert_false(ct_module_is_training(NULL));
    ct_free(net);
}

/* ---- Files ------------------------------------------------------------------------------------------------------- */
static const char *temporary(char path[64])
{
    snprintf(path, 64, "/tmp/cotangent_test_nn_%d.safetensors", (int)getpid());
    return path;
}

static void test_weights_survive_a_file(void **state)
{
    (void)state;
    CT_SCOPE;
    char path[64];
    ct_module *a = small_net(), *b = small_net();
    ct_tensor *x = ct_randn(5, 3);
    assert_false(ct_equal(ct_forward(a, x), ct_forward(b, x)));
    assert_true(ct_module_save(a, temporary(path)) && ct_module_load(b, path));
    assert_true(ct_equal(ct_forward(a, x), ct_forward(b, x)));
    assert_true(ct_requires_grad(ct_module_find(b, "0.weight")));
    ct_free(a), ct_free(b);
    remove(path);
}

static void check_refused(ct_module *from, ct_module *into, const char *reason)
{
    CT_SCOPE;
    char path[64], want[200];
    ct_tensor *before = ct_clone(ct_detach(ct_module_find(into, "0.weight")));
    assert_true(ct_module_save(from, temporary(path)));
    assert_false(ct_module_load(into, path));
    snprintf(want, sizeof want, "%s: %s", path, reason);
    assert_string_equal(ct_error(), want);
    ct_error_clear();
    assert_true(ct_equal(ct_detach(ct_module_find(into, "0.weight")), before));
    ct_free(from), ct_free(into);
    remove(path);
}

static void test_a_file_that_does_not_fit_changes_nothing(void **state)
{
    (void)state;
    CT_SCOPE;
    check_refused(ct_nn_sequential(ct_nn_linear(3, 4), ct_nn_relu(), ct_nn_linear(4, 5, .no_bias = true)), small_net(),
                  "\"2.weight\" is (5, 4), in the module (2, 4)");
    check_refused(ct_nn_sequential(ct_nn_linear(3, 4)), small_net(), "has no tensor \"2.weight\", which the module wants");
    check_refused(small_net(), ct_nn_sequential(ct_nn_linear(3, 4)),
                  "has a tensor \"2.weight\", which the module does not know");
    ct_set_default_dtype(CT_FLOAT64);
    ct_module *wide = small_net();
    ct_set_default_dtype(CT_FLOAT32);
    check_refused(wide, small_net(), "\"0.weight\" is float64, in the module float32");
    FAILED(ct_module_load(NULL, "x"), "module_load: module is NULL");
    ct_module *net = small_net();
    assert_false(ct_module_load(net, "/nonexistent/x.safetensors"));
    assert_non_null(strstr(ct_error(), "/nonexistent/x.safetensors"));
    ct_error_clear();
    FAILED(ct_module_save(net, NULL), "module_save: path is NULL");
    ct_free(net);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_linear_is_x_times_weight_transposed_plus_bias),
        cmocka_unit_test(test_linear_starts_uniform_within_one_over_root_in),
        cmocka_unit_test(test_linear_refuses_bad_sizes),
        cmocka_unit_test(test_activation_layers_are_their_functions),
        cmocka_unit_test(test_names_join_with_dots_in_order_of_registration),
        cmocka_unit_test(test_bad_names_and_parts_are_refused),
        cmocka_unit_test(test_a_module_has_one_parent_and_is_not_its_own_ancestor),
        cmocka_unit_test(test_constructor_given_a_failed_part_frees_the_others),
        cmocka_unit_test(test_deep_names_are_an_error_not_an_overflow),
        cmocka_unit_test(test_parameter_list_is_the_callers_tensors),
        cmocka_unit_test(test_forward_hands_its_result_on_and_frees_the_rest),
        cmocka_unit_test(test_forward_of_nothing_fails_by_name_and_once),
        cmocka_unit_test(test_enter_and_leave_hand_on_several_results),
        cmocka_unit_test(test_several_threads_may_run_one_module),
        cmocka_unit_test(test_construction_survives_each_failed_allocation),
        cmocka_unit_test(test_mode_reaches_every_child_and_dropout_minds_it),
        cmocka_unit_test(test_weights_survive_a_file),
        cmocka_unit_test(test_a_file_that_does_not_fit_changes_nothing),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    ct_shutdown();
    return failed;
}
