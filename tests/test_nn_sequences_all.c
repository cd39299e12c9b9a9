/* What holds for every module of sequences: derivatives, the same bits at any number of threads, failed allocations. */
#include "sequences.h"

#include "autograd/memory.h"

static ct_module *make_attention(void)
{
    return ct_nn_multihead_attention(4, 2, .kv_heads = 1, .rotary = true, .causal = true);
}
static ct_module *make_block(void)
{
    return ct_nn_transformer_block(4, 2, .hidden = 3, .activation = CT_GELU);
}
static ct_module *make_rms_block(void)
{
    return ct_nn_transformer_block(4, 2, .hidden = 3, .activation = CT_SILU, .pre_norm = true, .rms_norm = true);
}
static ct_module *make_decoder(void)
{
    return ct_nn_transformer_decoder(1, 4, 2, .hidden = 3, .activation = CT_TANH, .causal = true);
}
static ct_module *make_gpt(void)
{
    return ct_nn_gpt(.vocabulary = 3, .block = 3, .width = 4, .layers = 1, .heads = 2);
}
static ct_module *make_rnn(void)
{
    return ct_nn_rnn(4, 3, .bidirectional = true);
}
static ct_module *make_lstm(void)
{
    return ct_nn_lstm(4, 2, .layers = 2);
}
static ct_module *make_gru(void)
{
    return ct_nn_gru(4, 3, .no_bias = true);
}
static ct_module *(*const makers[])(void) = {make_attention, make_block, make_rms_block, make_decoder, make_gpt, make_rnn, make_lstm, make_gru};

static ct_tensor *run_any(ct_module *m, ct_tensor *x) /* x: (2, 3, 4) */
{
    const char *kind = ct_module_kind(m);
    if (!strcmp(kind, "TransformerDecoder"))
        return ct_nn_transformer_decode(m, x, ct_narrow(ct_mul(x, 0.5), 1, 0, 2));
    if (!strcmp(kind, "GPT"))
        return ct_add(ct_forward(m, ct_reshape(ct_vector_int(0, 2, 1, 1, 0, 2), 2, 3)), ct_sum(x));
    if (strstr(kind, "RNN") || strstr(kind, "LSTM") || strstr(kind, "GRU"))
        return ct_nn_recurrent_run(m, x, .lengths = ct_vector_int(2, 3));
    return ct_forward(m, x);
}

static ct_tensor *as_function(ct_tensor *const *inputs, void *context) /* parameters are leaves: changed in place by the check */
{
    return ct_sin(run_any(context, inputs[0]));
}

struct list {
    ct_tensor *tensors[40];
    size_t count;
};
static bool collect(const char *name, ct_tensor *t, bool is_parameter, void *context)
{
    (void)name, (void)is_parameter;
    struct list *list = context;
    assert_true(list->count < COUNT(list->tensors));
    list->tensors[list->count++] = t;
    return true;
}

static void test_gradients_are_those_of_differences(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(makers); i++) {
        CT_SCOPE;
        ct_module *m = in_float64(makers[i]);
        struct list inputs = {{ct_require_grad(ct_randn_as(CT_FLOAT64, 2, 3, 4))}, 1};
        ct_module_each(m, collect, &inputs);
        const bool right = ct_gradcheck(as_function, inputs.tensors, inputs.count, .context = m);
        if (!right)
            fail_msg("%s: %s", ct_module_kind(m), ct_error());
        ct_free(m);
    }
}

static void test_second_derivatives_are_those_of_differences(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(makers); i++) {
        CT_SCOPE;
        ct_module *m = in_float64(makers[i]);
        struct list inputs = {{ct_require_grad(ct_randn_as(CT_FLOAT64, 2, 3, 4))}, 1};
        ct_module_each(m, collect, &inputs);
        if (!ct_gradgradcheck(as_function, inputs.tensors, 2, .context = m, .fast = true, .rtol = 1e-2, .atol = 1e-4))
            fail_msg("%s: %s", ct_module_kind(m), ct_error());
        ct_free(m);
    }
}

static void test_same_bits_again_and_at_any_number_of_threads(void **state)
{
    (void)state;
    const int threads = ct_num_threads();
    for (size_t i = 0; i < COUNT(makers); i++) {
        CT_SCOPE;
        ct_module *m = scattered(makers[i]());
        struct list inputs = {{ct_require_grad(ct_randn(2, 3, 4))}, 1}, first = {{NULL}, 0};
        ct_module_each(m, collect, &inputs);
        ct_tensor *value = NULL;
        for (int run = 0; run < 3; run++) {
            ct_set_num_threads(run == 2 ? 3 : 1);
            ct_tensor *y = run_any(m, inputs.tensors[0]);
            assert_true(ct_backward(ct_sum(ct_square(y))));
            for (size_t k = 0; k < inputs.count; k++) {
                ct_tensor *g = ct_clone(ct_gradient(inputs.tensors[k]));
                if (!run)
                    first.tensors[k] = g;
                assert_true(ct_equal(g, first.tensors[k]));
                ct_zero_gradient(inputs.tensors[k]);
            }
            value = run ? value : ct_detach(y);
            assert_true(ct_equal(ct_detach(y), value));
        }
        ct_free(m);
    }
    ct_set_num_threads(threads);
}

static bool use(size_t which)
{
    CT_SCOPE;
    ct_module *m = makers[which]();
    ct_tensor *x = ct_require_grad(ct_ones(2, 3, 4)), *y = m ? run_any(m, x) : NULL;
    bool good = y && ct_backward(ct_sum(y));
    if (good && !strcmp(ct_module_kind(m), "GPT"))
        good = ct_nn_gpt_generate(m, ct_zeros_as(CT_INT64, 2, 2), .count = 2, .top_k = 2) != NULL;
    if (good && !strcmp(ct_module_kind(m), "TransformerDecoder")) {
        ct_nn_cache *cache = ct_nn_cache_new(m, 2, 3);
        ct_tensor *weights = NULL;
        good = cache && ct_nn_transformer_decode(m, x, x, .cache = cache, .key_padding = padding_of(3, 1, 2), .weights = &weights);
        ct_free(cache);
    }
    ct_free(m);
    return good;
}

static void test_each_failed_allocation_is_survived(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(makers); i++)
        for (int64_t after = 0;; after++) {
            ct_shutdown();
            const size_t live = ct_memory().live;
            memory_fail_after(after);
            const bool good = use(i), struck = memory_failed_one();
            memory_fail_after(-1);
            assert_true(ct_recording());
            if (!struck) {
                assert_true(good);
                assert_fine();
                break;
            }
            if (!good && (ct_ok() || !strstr(ct_error(), "out of memory")))
                fail_msg("maker %zu, allocation %lld: \"%s\"", i, (long long)after, ct_error());
            ct_error_clear();
            ct_shutdown();
            assert_int_equal(ct_memory().live, live);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_gradients_are_those_of_differences),
        TEST(test_second_derivatives_are_those_of_differences),
        TEST(test_same_bits_again_and_at_any_number_of_threads),
        TEST(test_each_failed_allocation_is_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
