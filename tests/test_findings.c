/* What reviews found and mended, each with the program that showed it. */
#include <pthread.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine.h"

/* ---- Losses ---------------------------------------------------------------------------------------------------------- */
static void test_cross_entropy_keeps_its_gradient_beside_large_logits(void **state)
{
    (void)state;
    for (double large = 1; large < 2e7; large *= 10) {
        CT_SCOPE;
        ct_tensor *x = ct_require_grad(ct_reshape(ct_vector(large, large - 1, large - 2), 1, 3));
        assert_true(ct_backward(ct_cross_entropy(x, ct_vector_int(1))));
        assert_near_values(ct_gradient(x), 1e-6, 0.66524096, -0.75527153, 0.09003057);
    }
}

static void test_cross_entropy_of_an_infinite_logit_is_nan_throughout(void **state)
{
    (void)state;
    for (int create = 0; create < 2; create++) {
        CT_SCOPE;
        ct_tensor *x = ct_require_grad(ct_reshape(ct_vector(INFINITY, 1, 2), 1, 3));
        ct_tensor *loss = ct_cross_entropy(x, ct_vector_int(1));
        assert_true(isnan(ct_item(loss)));
        assert_values(ct_grad(loss, x, .create_graph = create), NAN, NAN, NAN);
    }
}

static void test_targets_of_binary_cross_entropy_are_probabilities(void **state)
{
    (void)state;
    CT_SCOPE;
    assert_null(ct_binary_cross_entropy(ct_vector(0.5), ct_vector(7)));
    assert_error("binary_cross_entropy: the input or the target has values outside [0, 1]");
}

/* ---- Memory ----------------------------------------------------------------------------------------------------------- */
static void test_live_bytes_stay_true_once_the_limit_was_met(void **state)
{
    (void)state;
    {
        CT_SCOPE;
        ct_memory_set_limit(ct_memory().live + 100000);
        for (int i = 0; i < 2400; i++)
            if (!ct_zeros(200))
                ct_error_clear(), ct_memory();
        ct_memory_set_limit(SIZE_MAX);
    }
    assert_true(ct_memory().live < 100000);
    {
        CT_SCOPE;
        ct_memory_set_limit(1 << 20);
        assert_non_null(ct_zeros(20000));
        ct_memory_set_limit(SIZE_MAX);
    }
}

static void test_the_limit_holds_for_small_tensors(void **state)
{
    (void)state;
    CT_SCOPE;
    ct_tensor *x = ct_zeros(50);
    ct_memory_set_limit(0);
    assert_null(ct_add(x, x));
    ct_memory_set_limit(SIZE_MAX);
    assert_error("add: out of memory");
    assert_non_null(ct_add(x, x));
}

static atomic_bool stop;

static void *allocate_and_trim(void *unused)
{
    while (!atomic_load(&stop)) {
        CT_SCOPE;
        ct_empty(3000);
        ct_memory_trim();
    }
    return unused;
}

static void test_a_child_forked_between_allocations_can_allocate(void **state)
{
    (void)state;
    if (SANITIZED || getenv("CT_TEST_QUICK"))
        skip();                                 /* their own threads and locks do not survive a fork, and all looks lost in a child */
    pthread_t threads[2];
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, allocate_and_trim, NULL), 0);
    for (int i = 0; i < 50; i++) {
        pid_t child = fork();
        if (child == 0) {
            alarm(20);                          /* a child that hangs is ended, and seen */
            _exit(ct_empty(3000) ? 0 : 1);
        }
        int status = -1;
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_int_equal(status, 0);
    }
    atomic_store(&stop, true);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
}

/* ---- Hooks and ops from outside ------------------------------------------------------------------------------------------ */
static ct_tensor *hooked;
static uint64_t second_hook;

static ct_tensor *removes_the_second(ct_tensor *g, void *context)
{
    (void)g;
    (*(int *)context)++;
    ct_unhook_gradient(hooked, second_hook);
    return NULL;
}

static ct_tensor *counts(ct_tensor *g, void *context)
{
    (void)g;
    (*(int *)context)++;
    return NULL;
}

static void test_a_hook_may_remove_the_next(void **state)
{
    (void)state;
    CT_SCOPE;
    int first = 0, second = 0, third = 0;
    hooked = ct_require_grad(ct_ones(2));
    assert_true(ct_hook_gradient(hooked, removes_the_second, &first) != 0);
    second_hook = ct_hook_gradient(hooked, counts, &second);
    assert_true(ct_hook_gradient(hooked, counts, &third) != 0);
    assert_true(ct_backward(ct_sum(hooked)));
    assert_int_equal(first, 1), assert_int_equal(second, 0), assert_int_equal(third, 1);
}

static ct_tensor *changes_in_place(ct_tensor *g, void *context)
{
    (void)context;
    ct_mul_(g, 10);
    return NULL;
}

static void spoils_its_cotangent(ct_node *node, ct_tensor *const *cotangents, ct_tensor **gradients)
{
    (void)node;
    gradients[0] = ct_mul_(cotangents[0], 10);
}

static void test_a_gradient_changed_in_place_on_its_way_is_an_error(void **state)
{
    (void)state;
    CT_SCOPE;
    ct_tensor *a = ct_require_grad(ct_ones(2)), *b = ct_require_grad(ct_ones(2)), *c = ct_ones(2);
    ct_hook_gradient(a, changes_in_place, NULL);
    assert_false(ct_backward(ct_add(a, b), .cotangent = c));
    assert_error("backward: a hook changed a gradient of (2) in place");
    assert_false(ct_backward(ct_record("spoiler", spoils_its_cotangent, CT_TENSORS(ct_ones(2)), CT_TENSORS(b)), .cotangent = ct_ones(2)));
    assert_error("backward: the VJP of spoiler changed a cotangent in place");
}

static void passes_on(ct_node *node, ct_tensor *const *cotangents, ct_tensor **gradients)
{
    for (int i = 0; i < 2; i++)
        if (ct_node_wants(node, i))
            gradients[i] = cotangents[0];
}

static void test_record_refuses_outputs_that_are_not_fresh(void **state)
{
    (void)state;
    CT_SCOPE;
    ct_tensor *w = ct_require_grad(ct_ones(2)), *y = ct_ones(2), *used = ct_ones(2);
    assert_null(ct_record("own_input", passes_on, CT_TENSORS(y), CT_TENSORS(y, w)));
    assert_error("record: own_input: output 0 is not fresh");
    assert_null(ct_record("twice", passes_on, CT_TENSORS(y, y), CT_TENSORS(w)));
    assert_error("record: twice: output 1 is not fresh");
    ct_add(used, w);
    assert_null(ct_record("used", passes_on, CT_TENSORS(used), CT_TENSORS(w)));
    assert_error("record: used: output 0 is not fresh");
}

static int asked[2];

static void notes_what_is_wanted(ct_node *node, ct_tensor *const *cotangents, ct_tensor **gradients)
{
    for (int i = 0; i < 2; i++)
        if (ct_node_wants(node, i)) {
            asked[i]++;
            gradients[i] = cotangents[0];
        }
}

static void test_grad_asks_only_for_what_leads_to_its_inputs(void **state)
{
    (void)state;
    CT_SCOPE;
    ct_tensor *a = ct_require_grad(ct_ones(2)), *b = ct_require_grad(ct_ones(2));
    ct_tensor *loss = ct_sum(ct_record("noting", notes_what_is_wanted, CT_TENSORS(ct_ones(2)), CT_TENSORS(ct_mul(a, 2), ct_mul(b, 3))));
    assert_values(ct_grad(loss, a, .retain_graph = true), 2, 2);
    assert_int_equal(asked[0], 1), assert_int_equal(asked[1], 0);
    assert_true(ct_backward(loss));
    assert_int_equal(asked[0], 2), assert_int_equal(asked[1], 1);
}

static void test_a_leaf_told_to_want_none_gathers_none(void **state)
{
    (void)state;
    CT_SCOPE;
    ct_tensor *w = ct_require_grad(ct_ones(2)), *loss = ct_sum(w);
    ct_require_grad(w, false);
    assert_true(ct_backward(loss));
    assert_null(ct_gradient(w));
}

/* ---- Arguments ------------------------------------------------------------------------------------------------------------- */
static void test_null_arrays_are_refused_or_mean_all(void **state)
{
    (void)state;
    CT_SCOPE;
    ct_tensor *x = ct_ones(2, 2);
    assert_values((ct_sum)(x, NULL, 3, false), 4);
    assert_null((ct_zeros)(NULL, 2, CT_FLOAT32)), assert_error("zeros: the sizes are NULL");
    assert_null((ct_reshape)(x, NULL, 2)), assert_error("reshape: the sizes are NULL");
    assert_null((ct_expand)(x, NULL, 2)), assert_error("expand: the sizes are NULL");
    assert_null((ct_sum_to)(x, NULL, 1)), assert_error("sum_to: the sizes are NULL");
    assert_null((ct_permute)(x, NULL, 2)), assert_error("permute: the axes are NULL");
    assert_null((ct_pad)(x, NULL, 2, 0)), assert_error("pad: the widths are NULL");
    assert_null((ct_nn_sequential)(NULL, 3)), assert_error("sequential: the parts are NULL");
}

static void test_a_failed_split_leaves_no_parts(void **state)
{
    (void)state;
    ct_tensor *parts[3] = {(ct_tensor *)1, (ct_tensor *)1, (ct_tensor *)1};
    assert_false(ct_split(NULL, 1, 0, parts, 3));
    assert_true(!parts[0] && !parts[1] && !parts[2]);
    ct_error_clear();
}

static void test_huge_numbers_overflow_nothing(void **state)
{
    (void)state;
    CT_SCOPE;
    assert_values(ct_slice(ct_arange(5.0), "::9000000000000000000"), 0);
    assert_null(ct_zeros(0, (int64_t)1 << 40, (int64_t)1 << 40));
    assert_error("Storage size calculation overflowed");
    assert_null((ct_eye)(0, INT64_MAX, CT_FLOAT32));
    assert_error("Storage size calculation overflowed");
    assert_non_null((ct_eye)(0, 5, CT_FLOAT32));
    assert_true(ct_item_int(ct_slice(ct_vector_int(9007199254740993), "0")) == 9007199254740993);
}

static void test_an_extreme_of_nothing_is_an_error_whatever_is_left(void **state)
{
    (void)state;
    CT_SCOPE;
    assert_null(ct_max(ct_zeros(1, 0, 1, 0), 3));
    assert_error("max: (1, 0, 1, 0) has nothing along axis 3");
    assert_non_null(ct_max(ct_zeros(2, 0), 0));
    assert_fine();
}

/* ---- Ownership --------------------------------------------------------------------------------------------------------------- */
static void test_a_release_without_a_keep_is_refused(void **state)
{
    (void)state;
    CT_SCOPE;
    ct_tensor *x = ct_ones(2, 3);
    ct_release(x);
    assert_error("release: float32 (2, 3) has no owner but its scope");
    ct_release(ct_keep(x));
    assert_values(ct_sum(x), 6);
    assert_fine();
}

static void test_a_part_of_another_object_is_not_freed_alone(void **state)
{
    (void)state;
    CT_SCOPE;
    ct_module *layer = ct_nn_linear(2, 2), *net = ct_nn_sequential(layer, ct_nn_relu());
    ct_free(layer), assert_error("free: part of another object");
    ct_optimizer *sgd = ct_optim_sgd(net);
    ct_schedule *part = ct_schedule_exponential(sgd, 0.9), *both = ct_schedule_chained(part, ct_schedule_exponential(sgd, 0.8));
    ct_free(part), assert_error("free: part of another object");
    assert_null(ct_schedule_chained(part)), assert_error("chained: schedule 0 is part of another already");
    assert_true(ct_schedule_next(both));
    assert_non_null(ct_forward(net, ct_ones(1, 2)));
    ct_free(both), ct_free(sgd), ct_free(net);
    assert_fine();
}

/* ---- Where PyTorch does otherwise, as autograd.h says ----------------------------------------------------------------------------- */
static void test_what_has_no_answer_is_an_error(void **state)
{
    (void)state;
    CT_SCOPE;
    ct_tensor *x = ct_ones(2, 4, 1, 1), *w = ct_ones(4, 2, 1, 1);
    assert_null(ct_max_pool2d(ct_ones(1, 1, 2, 2), 2, .padding = 1, .dilation = 3)), assert_error("max_pool2d: ");
    assert_null(ct_group_norm(x, 4, NULL, NULL)), assert_error("group_norm: ");
    assert_null(ct_conv_transpose2d(ct_ones(1, 4, 1, 1), w, NULL, .padding = 1)), assert_error("conv_transpose2d: ");
    assert_null(ct_median(ct_zeros(0))), assert_error("median: ");
    assert_null(ct_logsumexp(ct_vector_int(1, 2))), assert_error("logsumexp: ");
    assert_values(ct_avg_pool2d(ct_ones(1, 1, 2, 2), 2, .divisor = -1), -4);
    assert_true(isnan(ct_item(ct_var(ct_ones(1)))));
}

static void test_errors_say_what_was_wanted(void **state)
{
    (void)state;
    CT_SCOPE;
    ct_tensor *image = ct_ones(1, 1, 4, 4), *w = ct_ones(1, 1, 3, 3);
    assert_null(ct_conv_transpose2d(image, w, NULL, .padding = CT_SAME)), assert_error("conv_transpose2d: padding -1, want 0 to 2^30: CT_SAME, which is -1, is for conv1d and conv2d alone");
    assert_null(ct_max_pool2d(image, 2, .padding = CT_SAME)), assert_error("max_pool2d: padding -1, want 0 to 2^30: CT_SAME");
    assert_null(ct_index(image, CT_RANGE(0, 1, INT64_MIN))), assert_error("a step of -2^63, which has no opposite");
    assert_null(ct_index(ct_ones(2), CT_AT(INT64_MIN))), assert_error("-9223372036854775808");
    assert_null(ct_pad_by(ct_ones(1, 4), CT_CIRCULAR, -2, 3)), assert_error("(1, 2), cropped, has no 0 and 3 elements");
    assert_null(ct_mse(image, image, .reduction = (ct_reduction)3)), assert_error("mse: reduction 3, want CT_MEAN, CT_SUM or CT_NONE");
}

static void test_activations_have_the_defaults_of_their_ops(void **state)
{
    (void)state;
    CT_SCOPE;
    ct_tensor *x = ct_vector(-1, 2);
    ct_module *layers[] = {ct_nn_leaky_relu(), ct_nn_leaky_relu(0.5), ct_nn_elu(), ct_nn_elu(2)};
    ct_tensor *want[] = {ct_leaky_relu(x), ct_leaky_relu(x, 0.5), ct_elu(x), ct_elu(x, 2.0)};
    for (size_t i = 0; i < COUNT(layers); i++) {
        assert_true(ct_equal(ct_forward(layers[i], x), want[i]));
        ct_free(layers[i]);
    }
    ct_module *half = ct_nn_dropout(), *none = ct_nn_dropout(0), *channels = ct_nn_dropout2d();
    assert_near(ct_item(ct_max(ct_forward(half, ct_ones(100)))), 2, 0);
    assert_near(ct_item(ct_sum(ct_forward(none, ct_ones(100)))), 100, 0);
    ct_free(half), ct_free(none), ct_free(channels);
}

static void test_lenet_takes_each_size_that_it_accepts(void **state)
{
    (void)state;
    assert_null(ct_nn_lenet5(.channels = 1, .size = 15)), assert_error("lenet5: 1 channels, size 15, 10 classes: want at least 1, 16 and 1");
    for (int64_t size = 16; size < 40; size++) {
        CT_SCOPE;
        ct_module *net = ct_nn_lenet5(.channels = 1, .size = size);
        assert_non_null(ct_forward(net, ct_zeros(1, 1, size, size)));
        ct_free(net);
    }
    assert_fine();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cross_entropy_keeps_its_gradient_beside_large_logits),
        cmocka_unit_test(test_cross_entropy_of_an_infinite_logit_is_nan_throughout),
        cmocka_unit_test(test_targets_of_binary_cross_entropy_are_probabilities),
        cmocka_unit_test(test_live_bytes_stay_true_once_the_limit_was_met),
        cmocka_unit_test(test_the_limit_holds_for_small_tensors),
        cmocka_unit_test(test_a_child_forked_between_allocations_can_allocate),
        cmocka_unit_test(test_a_hook_may_remove_the_next),
        cmocka_unit_test(test_a_gradient_changed_in_place_on_its_way_is_an_error),
        cmocka_unit_test(test_record_refuses_outputs_that_are_not_fresh),
        cmocka_unit_test(test_grad_asks_only_for_what_leads_to_its_inputs),
        cmocka_unit_test(test_a_leaf_told_to_want_none_gathers_none),
        cmocka_unit_test(test_null_arrays_are_refused_or_mean_all),
        cmocka_unit_test(test_a_failed_split_leaves_no_parts),
        cmocka_unit_test(test_huge_numbers_overflow_nothing),
        cmocka_unit_test(test_an_extreme_of_nothing_is_an_error_whatever_is_left),
        cmocka_unit_test(test_a_release_without_a_keep_is_refused),
        cmocka_unit_test(test_a_part_of_another_object_is_not_freed_alone),
        cmocka_unit_test(test_what_has_no_answer_is_an_error),
        cmocka_unit_test(test_errors_say_what_was_wanted),
        cmocka_unit_test(test_activations_have_the_defaults_of_their_ops),
        cmocka_unit_test(test_lenet_takes_each_size_that_it_accepts),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    ct_shutdown();
    return failed;
}
