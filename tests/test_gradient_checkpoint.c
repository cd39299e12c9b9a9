/* Gradient checkpointing: the gradients of the plain run, bit for bit, in less memory; or a failure by name. */
#include <pthread.h>

#include "autograd/memory.h"
#include "engine.h"

/* ---- Whole models ------------------------------------------------------------------------------------------------ */

static bool add_gradient(const char *name, ct_tensor *t, bool is_parameter, void *list)
{
    (void)name;
    if (is_parameter) {
        ct_tensor ***at = list;
        assert_non_null(ct_gradient(t));
        *(*at)++ = ct_keep(ct_clone(ct_detach(ct_gradient(t))));
    }
    return true;
}

enum { MOST = 512 };
struct found {
    ct_tensor *gradients[MOST];
    size_t count;
    double loss;
};

static void check_same(struct found *a, struct found *b)
{
    assert_true(a->count == b->count && a->count > 0);
    assert_true(a->loss == b->loss);
    for (size_t i = 0; i < a->count; i++) {
        assert_true(ct_equal(a->gradients[i], b->gradients[i]));
        ct_release(a->gradients[i]), ct_release(b->gradients[i]);
    }
}

static void step_of(ct_module *net, ct_tensor *x, ct_tensor *target, struct found *found)
{
    CT_SCOPE;
    ct_seed(5);
    ct_module_zero_grad(net);
    ct_tensor *y = ct_forward(net, x), *loss = ct_cross_entropy(ct_flatten(y, 0, -2), ct_flatten(target, 0, -1));
    assert_true(ct_backward(loss));
    ct_tensor **at = found->gradients;
    assert_true(ct_module_each(net, add_gradient, &at));
    found->count = (size_t)(at - found->gradients);
    found->loss = ct_item(loss);
    assert_fine();
}

static ct_module *small_gpt(bool checkpoint)
{
    ct_seed(1);
    return ct_nn_gpt(.vocabulary = 17, .block = 12, .width = 16, .heads = 2, .layers = 3, .dropout = 0.2, .checkpoint = checkpoint);
}

static void test_a_gpt_with_dropout_has_the_same_gradients(void **state)
{
    (void)state;
    ct_tensor *x = ct_randint(0, 17, 4, 12), *target = ct_randint(0, 17, 4, 12);
    static struct found plain, folded;
    const int threads = ct_num_threads();
    for (int n = 1; n <= 2; n++) {
        ct_set_num_threads(n);
        ct_module *net = small_gpt(false), *other = small_gpt(true);
        step_of(net, x, target, &plain), step_of(other, x, target, &folded);
        check_same(&plain, &folded);            /* the embedding, used on both sides of the blocks, too */
        assert_true(ct_module_checkpoint(ct_module_child(other, "stack"), true)); /* blocks in a stack: one inside another */
        step_of(net, x, target, &plain), step_of(other, x, target, &folded);
        check_same(&plain, &folded);
        ct_free(net), ct_free(other);
    }
    ct_set_num_threads(threads);
}

static ct_module *image_net(void)
{
    ct_seed(3);
    return ct_nn_sequential(ct_nn_conv2d(3, 4, 3), ct_nn_batch_norm2d(4), ct_nn_relu(), ct_nn_dropout2d(0.3), ct_nn_flatten(), ct_nn_linear(4 * 16, 5));
}

static void test_running_values_move_once(void **state)
{
    (void)state;
    static struct found plain, folded;
    ct_module *net = image_net(), *other = image_net();
    ct_tensor *x = ct_randn(2, 3, 6, 6), *target = ct_randint(0, 5, 2);
    assert_true(ct_module_checkpoint(other, true));
    step_of(net, x, target, &plain), step_of(other, x, target, &folded);
    check_same(&plain, &folded);
    assert_true(ct_equal(ct_module_find(net, "1.running_mean"), ct_module_find(other, "1.running_mean")));
    assert_true(ct_equal(ct_module_find(net, "1.running_var"), ct_module_find(other, "1.running_var")));
    assert_int_equal(ct_item_int(ct_module_find(other, "1.num_batches_tracked")), 1);
    ct_free(net), ct_free(other);
}

static size_t peak_of(bool checkpoint, struct found *found)
{
    ct_seed(1);
    ct_module *net = ct_nn_gpt(.vocabulary = 32, .block = 64, .width = 32, .heads = 2, .layers = 24, .checkpoint = checkpoint);
    ct_tensor *x = ct_randint(0, 32, 8, 64), *target = ct_randint(0, 32, 8, 64);
    ct_memory_reset_peak();
    step_of(net, x, target, found);
    const size_t peak = ct_memory().peak;
    ct_free(net);
    return peak;
}

static void test_24_blocks_fit_into_less_than_half(void **state)
{
    (void)state;
    static struct found plain, folded;
    size_t all = peak_of(false, &plain), less = peak_of(true, &folded);
    check_same(&plain, &folded);
    if (!((double)less <= 0.45 * (double)all))
        fail_msg("%zu of %zu bytes", less, all);
}

static void test_a_decoder_with_masks_has_the_same_gradients(void **state)
{
    (void)state;
    ct_tensor *x = ct_require_grad(ct_randn(2, 5, 8), true), *memory = ct_require_grad(ct_randn(2, 4, 8), true), *grads[2][3];
    ct_tensor *padding = ct_gt(ct_randn(2, 4), -1.0), *mask = ct_randn(5, 5), *weights[2];
    for (int i = 0; i < 2; i++) {
        ct_seed(2);
        ct_module *net = ct_nn_transformer_decoder(2, 8, 2, .dropout = 0.1, .checkpoint = i);
        ct_seed(6);
        ct_tensor *y = ct_nn_transformer_decode(net, x, memory, .causal = true, .mask = mask, .memory_key_padding = padding);
        assert_true(ct_backward(ct_sum(ct_square(y))));
        ct_tensor *w = ct_module_find(net, "layers.0.multihead_attn.out_proj.weight");
        grads[i][0] = ct_keep(ct_gradient(x)), grads[i][1] = ct_keep(ct_gradient(memory)), grads[i][2] = ct_keep(ct_gradient(w));
        ct_zero_gradient(x), ct_zero_gradient(memory);
        assert_non_null(ct_nn_transformer_decode(net, x, memory, .weights = weights)); /* plainly: they are another result */
        ct_free(net);
    }
    for (int k = 0; k < 3; k++) {
        assert_non_null(grads[0][k]);
        assert_true(ct_equal(grads[0][k], grads[1][k]));
        ct_release(grads[0][k]), ct_release(grads[1][k]);
    }
}

static void test_a_changed_mode_is_noticed(void **state)
{
    (void)state;
    ct_module *net = image_net();
    ct_module_checkpoint(net, true);
    ct_tensor *loss = ct_sum(ct_forward(net, ct_randn(2, 3, 6, 6)));
    ct_module_eval(net);
    assert_false(ct_backward(loss));
    assert_error("backward: checkpoint (op ");
    ct_free(net);
}

static void test_a_module_may_go_before_backward(void **state)
{
    (void)state;
    ct_module *net = ct_nn_sequential(ct_nn_linear(2, 3), ct_nn_tanh());
    ct_module_checkpoint(net, true);
    ct_tensor *x = leaf(1, 2), *loss = ct_sum(ct_forward(net, x));
    ct_free(net);
    assert_true(ct_backward(loss));
    assert_non_null(ct_gradient(x));
}

static void test_a_module_without_forward_is_refused(void **state)
{
    (void)state;
    ct_module *list = (ct_nn_parameter_list)(NULL, 0);
    assert_false(ct_module_checkpoint(list, true));
    assert_error("module_checkpoint: it has no forward");
    assert_false(ct_module_checkpoint(NULL, true));
    assert_error("module_checkpoint: module is NULL");
    ct_free(list);
}

/* ---- Functions --------------------------------------------------------------------------------------------------- */
static int runs, frees;
static ct_tensor *weight;                       /* what functions use beside their inputs */

static void count_free(void *unused)
{
    (void)unused;
    frees++;
}

static ct_tensor *curve(ct_tensor *const *in, void *unused)
{
    (void)unused;
    runs++;
    ct_tensor *h = ct_mul(ct_tanh(ct_mul(in[0], weight)), in[0]);
    return ct_add(ct_mul(h, ct_sin(weight)), ct_mul(h, weight));
}

static ct_tensor *nested(ct_tensor *const *in, void *unused)
{
    ct_tensor *h = ct_checkpoint(curve, &(ct_tensor *){ct_dropout(in[0], .p = 0.3)}, 1);
    return ct_checkpoint(curve, &h, 1, .context = unused);
}

/* The weight is used before, inside and behind, in an order that sums show. */
static ct_tensor *whole(bool folded, ct_function *f, ct_tensor *x)
{
    ct_seed(9);
    ct_tensor *h = ct_mul(x, ct_mul(weight, 0.1)), *y = folded ? ct_checkpoint(f, &h, 1) : f(&h, NULL);
    ct_tensor *z = folded ? ct_checkpoint(f, &y, 1) : f(&y, NULL);
    return ct_sum(ct_mul(ct_add(z, h), ct_mul(weight, y)));
}

static void make(ct_tensor **x)
{
    ct_seed(4);
    weight = ct_require_grad(ct_randn(7), true), *x = ct_require_grad(ct_randn(7), true);
}

static void check_bits(ct_function *f)
{
    ct_tensor *x, *grads[2][2];
    make(&x);
    for (int i = 0; i < 2; i++) {
        assert_true(ct_backward(whole(i, f, x)));
        assert_true(ct_backward(whole(i, f, x)));
        grads[i][0] = ct_keep(ct_gradient(x)), grads[i][1] = ct_keep(ct_gradient(weight));
        ct_zero_gradient(x), ct_zero_gradient(weight);
    }
    for (int k = 0; k < 2; k++) {
        assert_true(ct_equal(grads[0][k], grads[1][k]));
        ct_release(grads[0][k]), ct_release(grads[1][k]);
    }
}

static void test_sums_come_in_the_order_of_the_plain_run(void **state)
{
    (void)state;
    check_bits(curve);
    check_bits(nested);
}

static void test_an_input_that_wants_no_gradient_leaves_parameters_theirs(void **state)
{
    (void)state;
    weight = leaf(0.5, 2);
    ct_tensor *x = ct_vector(1, 2);
    assert_true(ct_backward(ct_sum(ct_checkpoint(curve, &x, 1))));
    ct_tensor *folded = ct_keep(ct_gradient(weight));
    ct_zero_gradient(weight);
    assert_true(ct_backward(ct_sum(curve(&x, NULL))));
    assert_true(ct_equal(folded, ct_gradient(weight)));
    ct_release(folded);
}

static void test_grad_of_chosen_tensors(void **state)
{
    (void)state;
    ct_tensor *x;
    make(&x);
    ct_tensor *h = ct_mul(x, 2.0), *z = ct_checkpoint(nested, &h, 1), *loss = ct_sum(ct_square(z));
    ct_tensor *inputs[] = {weight, h, z, x}, *got[4], *alone = ct_grad(loss, weight, .retain_graph = true);
    assert_true(ct_grads(&loss, 1, inputs, 4, got, .retain_graph = true));
    assert_true(ct_equal(alone, got[0]));
    assert_true(ct_equal(ct_grad(loss, x, .retain_graph = true), got[3]));
    assert_null(ct_gradient(weight));
    assert_true(ct_equal(got[2], ct_mul(ct_detach(z), 2.0)));
    assert_true(ct_backward(loss, .retain_graph = true) && ct_backward(loss));
    assert_true(ct_equal(ct_gradient(x), ct_mul(got[3], 2.0)));
    assert_false(ct_backward(loss));
    ct_error_clear();
}

static ct_tensor *twice_derived(bool folded, ct_tensor *x)
{
    ct_tensor *loss = ct_sum(folded ? ct_checkpoint(curve, &x, 1) : curve(&x, NULL));
    ct_tensor *g = ct_grad(loss, x, .create_graph = true);
    return ct_grad(ct_sum(ct_square(g)), weight);
}

static void test_gradients_of_gradients(void **state)
{
    (void)state;
    ct_tensor *x;
    make(&x);
    assert_true(ct_equal(twice_derived(false, x), twice_derived(true, x)));
}

static ct_tensor *curve_of(ct_tensor *const *in, void *unused)
{
    return ct_checkpoint(curve, in, 1, .context = unused);
}

static void test_gradcheck(void **state)
{
    (void)state;
    weight = leaf64(0.5, -1.5);
    ct_tensor *x = leaf64(1, 2);
    assert_true(ct_gradcheck(curve_of, &x, 1) && ct_gradgradcheck(curve_of, &x, 1));
}

static ct_tensor *count_hook(ct_tensor *g, void *calls)
{
    (void)g;
    ++*(int *)calls;
    return NULL;
}

static void test_hooks_run_once(void **state)
{
    (void)state;
    int calls[3] = {0};
    ct_tensor *x;
    make(&x);
    ct_tensor *h = ct_mul(x, 2.0), *z = ct_checkpoint(curve, &h, 1);
    ct_hook_gradient(h, count_hook, &calls[0]), ct_hook_gradient(z, count_hook, &calls[1]), ct_hook_gradient(x, count_hook, &calls[2]);
    assert_true(ct_backward(ct_sum(z)));
    for (int i = 0; i < 3; i++)
        assert_int_equal(calls[i], 1);
}

static void test_a_change_in_place_is_named(void **state)
{
    (void)state;
    ct_tensor *x, *wants[2];
    make(&x);
    wants[0] = x, wants[1] = weight;
    for (int i = 0; i < 2; i++) {
        ct_tensor *loss = ct_sum(ct_checkpoint(curve, &x, 1));
        bool was = ct_set_recording(false);
        ct_add_(wants[i], 1.0);
        ct_set_recording(was);
        assert_false(ct_backward(loss));
        assert_error("backward: checkpoint (op ");
        assert_null(ct_gradient(x));
    }
    ct_tensor *constant = ct_vector(1, 2, 3, 4, 5, 6, 7), *loss = ct_sum(ct_checkpoint(curve, &constant, 1));
    ct_fill_(constant, 0.0);
    assert_false(ct_backward(loss));
    assert_error("changed in place by fill_");
}

static ct_tensor *fails_again(ct_tensor *const *in, void *unused)
{
    (void)unused;
    return ct_recomputing() ? ct_fail("the function's own failure") : ct_mul(in[0], weight);
}
static ct_tensor *null_again(ct_tensor *const *in, void *unused)
{
    (void)unused;
    return ct_recomputing() ? NULL : ct_mul(in[0], weight);
}
static ct_tensor *other_again(ct_tensor *const *in, void *unused)
{
    (void)unused;
    return ct_mul(in[0], ct_mul(weight, ct_recomputing() ? 2.0 : 3.0));
}
static ct_tensor *longer_again(ct_tensor *const *in, void *unused)
{
    (void)unused;
    return ct_mul(in[0], ct_recomputing() ? ct_mul(weight, 1.0) : weight);
}
static ct_tensor *drops_again(ct_tensor *const *in, void *unused)
{
    (void)unused;
    return ct_recomputing() ? ct_dropout(ct_mul(in[0], weight), .p = 0.5) : ct_mul(in[0], weight);
}
static ct_tensor *fails_first(ct_tensor *const *in, void *unused)
{
    (void)in, (void)unused;
    return ct_fail("the first failure");
}

static void test_a_function_that_differs_is_an_error(void **state)
{
    (void)state;
    const struct {
        ct_function *f;
        const char *says;
    } rows[] = {{fails_again, "the function's own failure"},
                {null_again, "run again, gave NULL"},
                {other_again, "run again, gave another result"},
                {longer_again, "run again, gave another result"},
                {drops_again, "run again, drew other random numbers"}};
    ct_tensor *x;
    make(&x);
    for (size_t i = 0; i < COUNT(rows); i++) {
        ct_tensor *loss = ct_sum(ct_checkpoint(rows[i].f, &x, 1));
        assert_fine();
        assert_false(ct_backward(loss));
        assert_error(rows[i].says);
        assert_true(ct_recording() && !ct_recomputing());
        assert_null(ct_gradient(x));
        assert_null(ct_grad(ct_sum(ct_checkpoint(rows[i].f, &x, 1)), weight));
        assert_error(rows[i].says);
    }
    frees = 0;
    assert_null(ct_checkpoint(fails_first, &x, 1, .free_context = count_free));
    assert_error("the first failure");
    assert_null(ct_checkpoint(NULL, &x, 1, .free_context = count_free));
    assert_error("checkpoint: the function is NULL");
    assert_null(ct_checkpoint(curve, NULL, 1, .free_context = count_free));
    assert_error("checkpoint: the inputs are NULL");
    assert_int_equal(frees, 3);
}

static ct_tensor *first_of(ct_tensor *const *in, void *unused)
{
    (void)unused;
    return in[0];
}

static void test_contexts_are_freed_once(void **state)
{
    (void)state;
    ct_tensor *x;
    make(&x);
    frees = runs = 0;
    {
        CT_SCOPE;
        assert_true(ct_backward(ct_sum(ct_checkpoint(curve, &x, 1, .free_context = count_free))));
        assert_int_equal(frees, 1), assert_int_equal(runs, 2);
        ct_checkpoint(curve, &x, 1, .free_context = count_free);
        assert_int_equal(frees, 1);
    }
    assert_int_equal(frees, 2);
    assert_ptr_equal(ct_checkpoint(first_of, &x, 1, .free_context = count_free), x); /* nothing to run again */
    assert_int_equal(frees, 3);
    CT_NO_GRAD;
    assert_false(ct_requires_grad(ct_checkpoint(curve, &x, 1, .free_context = count_free)));
    assert_int_equal(frees, 4);
}

static ct_tensor *many(ct_tensor *const *in, void *count)
{
    ct_tensor *y = in[0];
    for (int i = 1; i < *(int *)count; i++)
        y = in[i] ? ct_add(y, in[i]) : y;
    return y;
}

static void test_many_inputs_and_absent_ones(void **state)
{
    (void)state;
    int count = 70;
    ct_tensor *in[70];
    for (int i = 0; i < 70; i++)
        in[i] = i % 7 == 3 ? NULL : ct_require_grad(ct_vector(i, 1), i % 2);
    in[1] = in[2];
    in[0] = leaf(0, 1);
    assert_true(ct_backward(ct_sum(ct_checkpoint(many, in, 70, .context = &count))));
    for (int i = 5; i < 70; i += 14)
        assert_values(ct_gradient(in[i]), 1, 1);
}

static void *walk(void *loss)
{
    ct_backward(loss);
    ct_report_error();
    ct_shutdown();
    return NULL;
}

static void test_another_thread_may_run_it_again(void **state)
{
    (void)state;
    ct_tensor *x;
    make(&x);
    assert_true(ct_backward(whole(false, nested, x)));
    ct_tensor *plain = ct_clone(ct_gradient(x)), *loss = whole(true, nested, x);
    ct_zero_gradient(x);
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, walk, loss), 0);
    pthread_join(thread, NULL);
    assert_true(ct_equal(plain, ct_gradient(x)));
}

static void test_the_streams_of_random_numbers_go_on(void **state)
{
    (void)state;
    ct_tensor *x;
    uint64_t after[2][2];
    make(&x);
    for (int i = 0; i < 2; i++) {
        assert_true(ct_backward(whole(i, nested, x)));
        ct_generator_state(NULL, after[i]);
    }
    assert_memory_equal(after[0], after[1], sizeof *after);
}

static bool fold_once(void)
{
    CT_SCOPE;
    ct_tensor *x = ct_require_grad(ct_ones(7), true);
    weight = ct_require_grad(ct_ones(7), true);
    ct_tensor *y = x && weight ? ct_checkpoint(nested, &x, 1) : NULL, *loss = ct_sum(y), *g = ct_grad(loss, weight, .retain_graph = true);
    return g && ct_backward(loss);
}

static void test_each_failed_allocation_is_an_error(void **state)
{
    (void)state;
    int64_t k = 0;
    for (bool passed = false; !passed; k++) {
        ct_shutdown();
        memory_fail_after(k);
        const bool ok = fold_once();
        passed = !memory_failed_one();
        memory_fail_after(-1);
        if (passed ? !ok || !ct_ok() : ok || ct_ok() || !strstr(ct_error(), "out of memory"))
            fail_msg("allocation %lld: it %s, the failure is \"%s\"", (long long)k, ok ? "worked" : "failed", ct_error());
        ct_error_clear();
        ct_shutdown();
        assert_int_equal(ct_memory().live, 0);
    }
    assert_true(k > 50);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_gpt_with_dropout_has_the_same_gradients),
        TEST(test_running_values_move_once),
        TEST(test_24_blocks_fit_into_less_than_half),
        TEST(test_a_decoder_with_masks_has_the_same_gradients),
        TEST(test_a_changed_mode_is_noticed),
        TEST(test_a_module_may_go_before_backward),
        TEST(test_a_module_without_forward_is_refused),
        TEST(test_sums_come_in_the_order_of_the_plain_run),
        TEST(test_an_input_that_wants_no_gradient_leaves_parameters_theirs),
        TEST(test_grad_of_chosen_tensors),
        TEST(test_gradients_of_gradients),
        TEST(test_gradcheck),
        TEST(test_hooks_run_once),
        TEST(test_a_change_in_place_is_named),
        TEST(test_a_function_that_differs_is_an_error),
        TEST(test_contexts_are_freed_once),
        TEST(test_many_inputs_and_absent_ones),
        TEST(test_another_thread_may_run_it_again),
        TEST(test_the_streams_of_random_numbers_go_on),
        TEST(test_each_failed_allocation_is_an_error),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    ct_shutdown();
    return failed;
}
