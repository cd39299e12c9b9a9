/* Caches of keys and values, generation, tied weights. */
#include "sequences.h"

#include <unistd.h>

/* ---- Caches ---------------------------------------------------------------------------------------------------------------------------- */
static ct_module *small_gpt(void)
{
    return ct_nn_gpt(.vocabulary = 11, .block = 12, .width = 8, .layers = 2, .heads = 2);
}

static ct_module *rotary_gpt(void)
{
    return ct_nn_gpt(.vocabulary = 11, .block = 12, .width = 8, .layers = 2, .heads = 2, .rotary = true, .untied = true);
}

/* Logits of 12 tokens in pieces are those of all at once. */
static void check_gpt_cache(ct_module *gpt, double bound)
{
    CT_SCOPE;
    ct_tensor *tokens = ct_randint(0, 11, 3, 12), *whole = ct_forward(gpt, tokens);
    ct_nn_cache *cache = ct_nn_cache_new(gpt, 3, 12);
    assert_fine();
    const int64_t pieces[][5] = {{12}, {1, 1, 1, 1, 8}, {5, 4, 3}};
    for (size_t p = 0; p < COUNT(pieces); p++, ct_nn_cache_reset(cache))
        for (int64_t at = 0, i = 0; at < 12; at += pieces[p][i++]) {
            assert_int_equal(ct_nn_cache_length(cache), at);
            ct_tensor *logits = ct_nn_gpt_run(gpt, ct_narrow(tokens, 1, at, pieces[p][i]), cache);
            assert_close(logits, ct_narrow(whole, 1, at, pieces[p][i]), bound);
            assert_false(ct_requires_grad(logits));
            assert_true(ct_recording());
        }
    assert_close(ct_nn_gpt_run(gpt, tokens, NULL), whole, 0);
    assert_true(ct_requires_grad(whole));
    ct_free(cache), ct_free(gpt);
}

static void test_a_cache_changes_no_logits(void **state)
{
    (void)state;
    check_gpt_cache(scattered(small_gpt()), 1e-4);
    check_gpt_cache(scattered(rotary_gpt()), 1e-4);
    check_gpt_cache(in_float64(small_gpt), 1e-11);
    check_gpt_cache(in_float64(rotary_gpt), 1e-11);
}

static void test_a_cache_serves_attention_encoders_and_decoders(void **state)
{
    (void)state;
    CT_SCOPE;
    ct_module *attention = scattered(ct_nn_multihead_attention(8, 4, .kv_heads = 2, .rotary = true, .causal = true));
    ct_module *encoder = scattered(ct_nn_transformer_encoder(2, 8, 2, .causal = true)), *block = scattered(ct_nn_transformer_block(8, 2, .causal = true));
    ct_module *decoder = scattered(ct_nn_transformer_decoder(2, 8, 2, .causal = true, .pre_norm = true)), *of_decoder = scattered(ct_nn_transformer_decoder_block(8, 2));
    ct_tensor *x = ct_randn(2, 6, 8), *memory = ct_randn(2, 4, 8), *hidden = padding_of(6, 6, 3), *memory_hidden = padding_of(4, 2, 4);
    ct_module *modules[] = {attention, encoder, block, decoder, of_decoder};
    for (int m = 0; m < 5; m++) {
        ct_nn_cache *cache = ct_nn_cache_new(modules[m], 2, 7);
        assert_fine();
        ct_tensor *whole = NULL, *weights[2] = {NULL}, *all_weights[2] = {NULL};
        for (int64_t from = -1, count; from < 6; from += from < 0 ? 1 : count) { /* first all without the cache, then pieces of 2, 1, 3 */
            count = from == 0 ? 2 : from == 2 ? 1 : 3;
            ct_tensor *some = from < 0 ? x : ct_narrow(x, 1, from, count), *padding = from < 0 ? hidden : ct_narrow(hidden, 1, 0, from + count), *y;
            ct_nn_cache *with = from < 0 ? NULL : cache;
            if (m == 0)
                y = ct_nn_attend(attention, some, some, some, .key_padding = padding, .cache = with, .weights = from < 0 ? all_weights : weights);
            else if (m < 3)
                y = ct_nn_transformer_run(modules[m], some, .key_padding = padding, .cache = with, .weights = from < 0 ? all_weights : weights);
            else
                y = ct_nn_transformer_decode(modules[m], some, memory, .causal = true, .key_padding = padding, .memory_key_padding = memory_hidden,
                                             .cache = with, .weights = from < 0 ? all_weights : weights);
            assert_fine();
            if (from < 0)
                whole = y;
            else
                assert_close(y, ct_narrow(whole, 1, from, count), 1e-4);
            if (from >= 0)
                assert_close(weights[0], ct_narrow(ct_narrow(all_weights[0], 2, from, count), 3, 0, from + count), 1e-4);
        }
        assert_int_equal(ct_nn_cache_length(cache), 6);
        if (m >= 3) {
            FAILED(ct_nn_transformer_decode(modules[m], ct_narrow(x, 1, 0, 1), ct_clone(memory), .cache = cache), "the cache was begun with another memory");
            ct_nn_cache_reset(cache);
            assert_non_null(ct_nn_transformer_decode(modules[m], ct_narrow(x, 1, 0, 1), ct_clone(memory), .cache = cache));
        }
        ct_free(cache);
    }
    for (int m = 0; m < 5; m++)
        ct_free(modules[m]);
}

static void test_a_cache_refuses_what_does_not_fit(void **state)
{
    (void)state;
    CT_SCOPE;
    ct_module *gpt = small_gpt(), *other = small_gpt(), *linear = ct_nn_linear(2, 2), *m = ct_nn_multihead_attention(8, 2);
    ct_nn_cache *cache = ct_nn_cache_new(gpt, 2, 4), *wide = ct_nn_cache_new(gpt, 1, 100), *own = ct_nn_cache_new(m, 1, 4);
    ct_tensor *tokens = ct_zeros_as(CT_INT64, 2, 3), *x = ct_zeros(1, 2, 8);
    assert_fine();
    FAILED(ct_nn_gpt_run(other, tokens, cache), "gpt_run: the cache was made for another module, a GPT");
    FAILED(ct_nn_gpt_run(gpt, ct_zeros_as(CT_INT64, 3, 3), cache), "gpt_run: a batch of 3, and a cache for one of 2");
    assert_non_null(ct_nn_gpt_run(gpt, tokens, cache));
    FAILED(ct_nn_gpt_run(gpt, ct_zeros_as(CT_INT64, 2, 2), cache), "gpt_run: 2 tokens behind 3 in the cache, whose capacity is 4");
    FAILED(ct_nn_gpt_run(gpt, ct_full_as(CT_INT64, 11, 2, 1), cache), "11");
    assert_int_equal(ct_nn_cache_length(cache), 3); /* a run that failed leaves it as it was */
    assert_true(ct_recording());
    assert_non_null(ct_nn_gpt_run(gpt, ct_zeros_as(CT_INT64, 2, 1), cache));
    assert_non_null(ct_nn_gpt_run(gpt, ct_zeros_as(CT_INT64, 1, 12), wide));
    FAILED(ct_nn_gpt_run(gpt, ct_zeros_as(CT_INT64, 1, 1), wide), "gpt: 1 tokens behind 12: want at most a block of 12");
    FAILED(ct_nn_attend(m, x, ct_zeros(1, 3, 8), ct_zeros(1, 3, 8), .cache = own), "attend: 2 queries and 3 keys with a cache: want as many");
    FAILED(ct_nn_attend(m, x, x, x, .cache = cache), "attend: the cache was made for another module");
    ct_module *decoder = ct_nn_transformer_decoder(2, 8, 2);
    ct_nn_cache *of_memory = ct_nn_cache_new(decoder, 1, 4);
    FAILED(ct_nn_transformer_decode(decoder, x, ct_zeros(1, 3, 8), .memory_mask = ct_zeros(2, 4), .cache = of_memory), "mask (2, 4), want (2, 3)");
    assert_non_null(ct_nn_transformer_decode(decoder, x, ct_zeros(1, 5, 8), .cache = of_memory));
    FAILED(ct_nn_transformer_decode(decoder, x, ct_zeros(1, 5, 8), .cache = of_memory), "the cache was begun with another memory");
    ct_free(decoder), ct_free(of_memory);
    FAILED(ct_nn_cache_new(linear, 1, 4), "cache: Linear has no attention");
    FAILED(ct_nn_cache_new(gpt, 0, 4), "cache: a batch of 0, a capacity of 4: want at least 1");
    FAILED(ct_nn_cache_new(gpt, 1, 0), "a capacity of 0");
    FAILED(ct_nn_cache_new(NULL, 1, 1), "cache: module is NULL");
    FAILED(ct_nn_cache_new(gpt, INT64_MAX / 2, INT64_MAX / 2), "overflow");
    assert_int_equal(ct_nn_cache_length(NULL), -1);
    ct_nn_cache_reset(NULL);
    ct_free(gpt), ct_free(other), ct_free(linear), ct_free(m); /* the caches hold on to what they need */
    assert_int_equal(ct_nn_cache_length(cache), 4);
    ct_free(cache), ct_free(wide), ct_free(own);
}

/* ---- GPT -------------------------------------------------------------------------------------------------------------------------------- */
static void test_generation_with_a_cache_is_generation_without(void **state)
{
    (void)state;
    CT_SCOPE;
    ct_module *models[] = {scattered(small_gpt()), scattered(rotary_gpt())};
    for (int m = 0; m < 2; m++)
        for (int64_t known = 1; known <= 15; known += 7) { /* within the block, and past it from the start */
            ct_tensor *prompt = ct_randint(0, 11, 2, known);
            ct_tensor *a = ct_nn_gpt_generate(models[m], prompt, .count = 20, .temperature = 0);
            ct_tensor *b = ct_nn_gpt_generate(models[m], prompt, .count = 20, .temperature = 0, .no_cache = true);
            assert_fine();
            assert_shape(a, 2, 20);
            assert_true(ct_equal(a, b));
            ct_generator *g = ct_generator_new(5), *h = ct_generator_new(5);
            a = ct_nn_gpt_generate(models[m], prompt, .count = 20, .temperature = 1.5, .top_k = 4, .generator = g);
            b = ct_nn_gpt_generate(models[m], prompt, .count = 20, .temperature = 1.5, .top_k = 4, .generator = h, .no_cache = true);
            assert_true(ct_equal(a, b));
            ct_free(g), ct_free(h);
        }
    ct_free(models[0]), ct_free(models[1]);
}

static void test_generation_keeps_to_its_options(void **state)
{
    (void)state;
    CT_SCOPE;
    ct_module *gpt = scattered(ct_nn_gpt(.vocabulary = 11, .block = 12, .width = 8, .layers = 1, .heads = 2, .dropout = 0.5));
    ct_tensor *prompt = ct_vector_int(3, 1, 4);
    prompt = ct_reshape(prompt, 1, 3);
    ct_tensor *greedy = ct_nn_gpt_generate(gpt, prompt, .count = 12, .temperature = 0);
    assert_true(ct_equal(greedy, ct_nn_gpt_generate(gpt, prompt, .count = 12, .temperature = 0))); /* no dropout */
    assert_true(ct_module_is_training(gpt) && ct_recording());
    assert_true(ct_equal(greedy, ct_nn_gpt_generate(gpt, prompt, .count = 12, .top_k = 1)));
    ct_module_eval(gpt);
    ct_tensor *next = ct_argmax(ct_narrow(ct_forward(gpt, prompt), 1, 2, 1), -1);
    assert_int_equal(ct_item_int(next), ct_item_int(ct_narrow(greedy, 1, 0, 1)));
    /* of one token many times over: its frequencies are the probabilities, and only among the k likeliest */
    ct_tensor *many = ct_expand(prompt, 4000, 3), *p = ct_softmax(ct_reshape(ct_narrow(ct_forward(gpt, prompt), 1, 2, 1), 11), 0);
    p = ct_detach(p);
    ct_seed(0);
    ct_tensor *drawn = ct_bincount(ct_reshape(ct_nn_gpt_generate(gpt, many, .count = 1), 4000), .minlength = 11);
    assert_close(ct_div(drawn, 4000.0), p, 0.04);
    drawn = ct_bincount(ct_reshape(ct_nn_gpt_generate(gpt, many, .count = 1, .top_k = 3), 4000), .minlength = 11);
    assert_int_equal(ct_item_int(ct_sum(ct_gt(drawn, 0))), 3);
    assert_close(ct_sort(ct_topk(ct_cast(drawn, CT_FLOAT32), 3, 0), 0), ct_sort(ct_mul(ct_div(ct_topk(p, 3, 0), ct_sum(ct_topk(p, 3, 0))), 4000.0), 0), 160);
    const double cold[] = {1e-4, 1e-38, 1e-40, 1e-300};
    for (int i = 0; i < 4; i++) {
        assert_true(ct_equal(ct_nn_gpt_generate(gpt, prompt, .count = 3, .temperature = cold[i]), ct_narrow(greedy, 1, 0, 3)));
        assert_true(ct_equal(ct_nn_gpt_generate(gpt, prompt, .count = 3, .temperature = cold[i], .top_k = 3), ct_narrow(greedy, 1, 0, 3)));
    }
    FAILED(ct_nn_gpt_generate(gpt, prompt), "gpt_generate: count 0, top_k 0: want at least 1 and at least 0");
    FAILED(ct_nn_gpt_generate(gpt, prompt, .count = 1, .top_k = -1), "top_k -1");
    FAILED(ct_nn_gpt_generate(gpt, prompt, .count = 1, .temperature = -1), "temperature -1: want at least 0");
    FAILED(ct_nn_gpt_generate(gpt, prompt, .count = 1, .temperature = NAN), "temperature nan");
    FAILED(ct_nn_gpt_generate(gpt, ct_vector_int(1, 2), .count = 1), "gpt_generate: tokens (2) of int64, want (N, T) of int64, at least one");
    FAILED(ct_nn_gpt_generate(gpt, ct_zeros_as(CT_INT64, 1, 0), .count = 1), "tokens (1, 0)");
    FAILED(ct_nn_gpt_generate(gpt, ct_zeros(1, 2), .count = 1), "tokens (1, 2) of float32");
    FAILED(ct_nn_gpt_generate(gpt, ct_full_as(CT_INT64, 11, 1, 2), .count = 1), "11");
    FAILED(ct_nn_gpt_generate(gpt, NULL, .count = 1), "gpt_generate: the tokens are NULL");
    FAILED(ct_nn_gpt_generate(NULL, prompt, .count = 1), "gpt_generate: the module is NULL, want a GPT");
    ct_free(gpt);
}

static void test_tied_weights_are_one_parameter(void **state)
{
    (void)state;
    CT_SCOPE;
    ct_module *tied = ct_nn_gpt(.vocabulary = 11, .block = 12, .width = 8, .layers = 1, .heads = 2);
    ct_module *untied = ct_nn_gpt(.vocabulary = 11, .block = 12, .width = 8, .layers = 1, .heads = 2, .untied = true), *rotary = rotary_gpt();
    assert_null(ct_module_find(tied, "head.weight"));
    assert_shape(parameter(untied, "head.weight"), 11, 8);
    assert_null(ct_module_find(rotary, "positions.weight"));
    assert_int_equal(ct_module_count_parameters(tied), 11 * 8 + 12 * 8 + (12 * 64 + 9 * 8) + 2 * 2 * 8 + 2 * 8);
    /* its gradient is the sum of both uses */
    ct_tensor *w = parameter(tied, "embedding.weight"), *tokens = ct_vector_int(2, 5), *target = ct_vector_int(5, 7);
    tokens = ct_reshape(tokens, 1, 2);
    assert_true(ct_backward(ct_cross_entropy(ct_reshape(ct_forward(tied, tokens), 2, 11), target)));
    ct_tensor *reached = ct_gt(ct_sum(ct_abs(ct_gradient(w)), 1), 0);
    assert_true(ct_item(ct_all(reached)));      /* by the logits: all rows */
    ct_optimizer *sgd = ct_optim_sgd(tied, .lr = 0.5);
    ct_tensor *want = ct_sub(ct_detach(w), ct_mul(ct_gradient(w), 0.5));
    assert_true(ct_step(sgd));                  /* once */
    assert_close(ct_detach(w), want, 1e-6);
    /* and a file holds it once */
    char path[] = "/tmp/cotangent_gpt_XXXXXX";
    close(mkstemp(path));
    assert_true(ct_module_save(tied, path));
    ct_tensor_file *file = ct_io_safetensors_open(path);
    assert_true(ct_tensor_file_has(file, "embedding.weight"));
    assert_int_equal(ct_tensor_file_count(file), entries(tied));
    ct_module *again = ct_nn_gpt(.vocabulary = 11, .block = 12, .width = 8, .layers = 1, .heads = 2);
    assert_true(ct_module_load(again, path));
    assert_true(ct_equal(ct_forward(again, tokens), ct_forward(tied, tokens)));
    assert_false(ct_module_load(untied, path));
    assert_error("has no tensor \"head.weight\"");
    unlink(path);
    ct_free(sgd), ct_free(file), ct_free(tied), ct_free(untied), ct_free(rotary), ct_free(again);
}

static void test_a_gpt_starts_as_gpt_2(void **state)
{
    (void)state;
    CT_SCOPE;
    CT_NO_GRAD;
    ct_module *gpt = ct_nn_gpt(.vocabulary = 65, .width = 64, .layers = 8);
    const struct { const char *name; double deviation; } rows[] = {
        {"embedding.weight", 0.02}, {"positions.weight", 0.02}, {"stack.layers.3.self_attn.in_proj_weight", 0.02}, {"stack.layers.7.linear1.weight", 0.02},
        {"stack.layers.0.self_attn.out_proj.weight", 0.005}, {"stack.layers.7.linear2.weight", 0.005}, {"stack.layers.7.linear2.bias", 0},
        {"stack.layers.1.linear1.bias", 0}, {"stack.layers.1.norm1.bias", 0}};
    for (size_t i = 0; i < COUNT(rows); i++)
        assert_near(ct_item(ct_std(parameter(gpt, rows[i].name))), rows[i].deviation, 0.05 * rows[i].deviation);
    assert_close(parameter(gpt, "stack.layers.1.norm1.weight"), ct_ones(64), 0);
    assert_close(parameter(gpt, "stack.norm.weight"), ct_ones(64), 0);
    ct_tensor *tokens = ct_randint(0, 65, 4, 64);
    assert_near(ct_item(ct_cross_entropy(ct_reshape(ct_forward(gpt, tokens), -1, 65), ct_randint(0, 65, 256))), log(65), 0.1);
    ct_free(gpt);
}

static void test_a_gpt_refuses_what_cannot_work(void **state)
{
    (void)state;
    CT_SCOPE;
    FAILED(ct_nn_gpt(.block = 3), "gpt: a vocabulary of 0, a block of 3: want at least 1");
    FAILED(ct_nn_gpt(.vocabulary = 3, .block = 0), "a block of 0");
    FAILED(ct_nn_gpt(.vocabulary = 3, .width = 0), "want at least 1");
    FAILED(ct_nn_gpt(.vocabulary = 3, .layers = 0), "transformer_encoder: 0 layers");
    FAILED(ct_nn_gpt(.vocabulary = 3, .width = 10), "width 10, 4 heads");
    FAILED(ct_nn_gpt(.vocabulary = 3, .dropout = -0.1), "dropout -0.1");
    ct_module *gpt = small_gpt(), *linear = ct_nn_linear(2, 2);
    FAILED(ct_forward(gpt, ct_zeros_as(CT_INT64, 1, 13)), "gpt: 13 tokens behind 0: want at most a block of 12");
    FAILED(ct_forward(gpt, ct_zeros_as(CT_INT64, 3)), "gpt: tokens (3) of int64, want (N, T) of int64");
    FAILED(ct_forward(gpt, ct_zeros(1, 3)), "gpt: tokens (1, 3) of float32");
    FAILED(ct_forward(gpt, ct_full_as(CT_INT64, -1, 1, 3)), "-1");
    FAILED(ct_nn_gpt_run(linear, ct_zeros_as(CT_INT64, 1, 3), NULL), "gpt_run: the module is Linear, want a GPT");
    FAILED(ct_nn_gpt_run(gpt, NULL, NULL), "gpt_run: the tokens are NULL");
    ct_free(gpt), ct_free(linear);
}

static void test_a_gpt_learns_a_cycle(void **state)
{
    (void)state;
    CT_SCOPE;
    ct_seed(1);
    ct_module *gpt = ct_nn_gpt(.vocabulary = 7, .block = 8, .width = 16, .layers = 1, .heads = 2);
    ct_optimizer *adam = ct_optim_adam(gpt, .lr = 1e-2);
    ct_tensor *text = ct_remainder(ct_add(ct_arange(9), ct_unsqueeze(ct_arange(7), 1)), 7);
    for (int i = 0; i < 60; i++) {
        CT_SCOPE;
        ct_tensor *logits = ct_forward(gpt, ct_narrow(text, 1, 0, 8));
        ct_zero_grad(adam);
        assert_true(ct_backward(ct_cross_entropy(ct_reshape(logits, -1, 7), ct_reshape(ct_narrow(text, 1, 1, 8), -1))));
        assert_true(ct_step(adam));
    }
    ct_tensor *prompt = ct_reshape(ct_vector_int(2, 3), 1, 2);
    assert_values(ct_nn_gpt_generate(gpt, prompt, .count = 12, .temperature = 0), 4, 5, 6, 0, 1, 2, 3, 4, 5, 6, 0, 1);
    ct_free(adam), ct_free(gpt);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_cache_changes_no_logits),
        TEST(test_a_cache_serves_attention_encoders_and_decoders),
        TEST(test_a_cache_refuses_what_does_not_fit),
        TEST(test_generation_with_a_cache_is_generation_without),
        TEST(test_generation_keeps_to_its_options),
        TEST(test_tied_weights_are_one_parameter),
        TEST(test_a_gpt_starts_as_gpt_2),
        TEST(test_a_gpt_refuses_what_cannot_work),
        TEST(test_a_gpt_learns_a_cycle),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
