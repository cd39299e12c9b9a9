/* Invariant 8: the same seed gives the same bits, whatever the number of threads. */
#include "engine.h"

enum { BATCH = 96, IN = 300, HIDDEN = 150, OUT = 10, STEPS = 6 };
static const int thread_counts[] = {1, 2, 3, 8};

/* A few steps of training; the loss of each and all parameters at the end. */
struct outcome {
    float losses[STEPS], first[HIDDEN * IN], last[OUT * HIDDEN], bias[HIDDEN];
};

static void train(struct outcome *out, bool adam, double dropout)
{
    ct_seed(11);
    ct_module *net = ct_nn_sequential(ct_nn_linear(IN, HIDDEN), ct_nn_relu(), ct_nn_dropout(dropout), ct_nn_linear(HIDDEN, HIDDEN),
                                      ct_nn_tanh(), ct_nn_linear(HIDDEN, OUT));
    ct_optimizer *optimizer = adam ? ct_optim_adam(net) : ct_optim_sgd(net, .lr = 0.1, .momentum = 0.9);
    for (int i = 0; i < STEPS; i++) {
        CT_SCOPE;
        ct_tensor *x = ct_randn(BATCH, IN), *y = ct_randint(0, OUT, BATCH), *loss = ct_cross_entropy(ct_forward(net, x), y);
        ct_zero_grad(optimizer);
        assert_true(ct_backward(loss) && ct_step(optimizer));
        out->losses[i] = (float)ct_item(loss);
    }
    CT_SCOPE;
    assert_true(ct_to_array(ct_module_find(net, "0.weight"), out->first, sizeof out->first));
    assert_true(ct_to_array(ct_module_find(net, "5.weight"), out->last, sizeof out->last));
    assert_true(ct_to_array(ct_module_find(net, "0.bias"), out->bias, sizeof out->bias));
    ct_free(optimizer), ct_free(net);
}

static void check_training(bool adam, double dropout)
{
    static struct outcome want, got;
    int was = ct_num_threads();
    for (size_t i = 0; i < COUNT(thread_counts); i++) {
        assert_true(ct_set_num_threads(thread_counts[i]));
        train(i ? &got : &want, adam, dropout);
        if (i)
            assert_memory_equal(&got, &want, sizeof got);
    }
    train(&got, adam, dropout);                 /* and once more at the same count */
    assert_memory_equal(&got, &want, sizeof got);
    assert_true(want.losses[0] > 1 && want.losses[0] < 5);
    ct_set_num_threads(was);
}

static void test_training_with_adam_gives_the_same_bits_at_any_thread_count(void **state)
{
    (void)state;
    check_training(true, 0);
}

static void test_training_with_dropout_gives_the_same_bits_at_any_thread_count(void **state)
{
    (void)state;
    check_training(false, 0.3);
}

/* ---- Ops, large enough to be split ------------------------------------------------------------------------------- */
typedef ct_tensor *call(ct_tensor *x);
static ct_tensor *sum_all(ct_tensor *x) { return ct_sum(x); }
static ct_tensor *sum_rows(ct_tensor *x) { return ct_sum(x, 1); }
static ct_tensor *sum_columns(ct_tensor *x) { return ct_sum(x, 0); }
static ct_tensor *variance(ct_tensor *x) { return ct_var(x); }
static ct_tensor *mean_of_transpose(ct_tensor *x) { return ct_mean(ct_transpose(x, 0, 1), 1); }
static ct_tensor *softmax(ct_tensor *x) { return ct_softmax(x, 1); }
static ct_tensor *logsumexp(ct_tensor *x) { return ct_logsumexp(x, 0); }
static ct_tensor *product(ct_tensor *x) { return ct_matmul(ct_transpose(x, 0, 1), x); }
static ct_tensor *skinny(ct_tensor *x) { return ct_matmul(ct_slice(x, ":3"), ct_transpose(x, 0, 1)); }
static ct_tensor *vector(ct_tensor *x) { return ct_matmul(x, ct_slice(x, "0")); }
static ct_tensor *elementwise(ct_tensor *x) { return ct_gelu(ct_mul(ct_exp(x), ct_tanh(ct_transpose(ct_contiguous(ct_transpose(x, 0, 1)), 0, 1)))); }
static ct_tensor *gradient(ct_tensor *x)
{
    ct_tensor *leaf = ct_require_grad(ct_clone(x), true);
    return ct_grad(ct_sum(ct_square(ct_softmax(ct_mul(leaf, ct_sum(leaf, 1, .keepdims = true)), -1))), leaf);
}

static void check_op(call *f, ct_dtype dtype)
{
    CT_SCOPE;
    ct_seed(3);
    ct_tensor *x = ct_randn_as(dtype, 411, 517), *want = NULL;
    for (size_t i = 0; i < COUNT(thread_counts); i++) {
        assert_true(ct_set_num_threads(thread_counts[i]));
        ct_tensor *y = f(x);
        assert_fine();
        if (i)
            assert_true(ct_equal(y, want));
        else
            want = y;
    }
}

static void test_ops_give_the_same_bits_at_any_thread_count(void **state)
{
    (void)state;
    call *const calls[] = {sum_all, sum_rows, sum_columns, variance, mean_of_transpose, softmax, logsumexp, product, skinny, vector,
                           elementwise, gradient};
    int was = ct_num_threads();
    for (size_t i = 0; i < COUNT(calls); i++)
        for (ct_dtype dtype = CT_FLOAT32; dtype <= CT_FLOAT64; dtype++)
            check_op(calls[i], dtype);
    ct_set_num_threads(was);
}

/* A value in the middle of a vector and one in its tail come from the same code. */
static void test_an_element_does_not_depend_on_its_neighbours(void **state)
{
    (void)state;
    ct_tensor *x = ct_randn(257), *whole[] = {ct_exp(x), ct_tanh(x), ct_erf(x), ct_log(ct_abs(x)), ct_sigmoid(x), ct_div(x, 3.0)};
    for (int64_t n = 1; n < 40; n++) {
        CT_SCOPE;
        ct_tensor *part = ct_narrow(x, 0, 257 - n, n);
        ct_tensor *y[] = {ct_exp(part), ct_tanh(part), ct_erf(part), ct_log(ct_abs(part)), ct_sigmoid(part), ct_div(part, 3.0)};
        for (size_t i = 0; i < COUNT(y); i++)
            assert_true(ct_equal(y[i], ct_narrow(whole[i], 0, 257 - n, n)));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_training_with_adam_gives_the_same_bits_at_any_thread_count),
        TEST(test_training_with_dropout_gives_the_same_bits_at_any_thread_count),
        TEST(test_ops_give_the_same_bits_at_any_thread_count),
        TEST(test_an_element_does_not_depend_on_its_neighbours),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    ct_shutdown();
    return failed;
}
