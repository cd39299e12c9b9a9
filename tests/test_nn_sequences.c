/* Embedding, positions, norms, attention and transformers beside what PyTorch's goldens hold: grouped heads, padding, modes, errors. The row of a
 * corner case is in its test's name. */
#include "sequences.h"

/* ---- Tokens, positions, normalisation ------------------------------------------------------------------------------------------- */
static void test_an_embedding_reads_rows_and_never_trains_its_padding(void **state)
{
    (void)state;
    CT_SCOPE;
    ct_module *plain = ct_nn_embedding(5, 3), *padded = ct_nn_embedding(5, 3, .padding_idx = -4);
    ct_tensor *tokens = ct_reshape(ct_vector_int(1, 4, 1, 0), 2, 2), *w = parameter(padded, "weight");
    assert_close(ct_forward(plain, tokens), ct_embedding(parameter(plain, "weight"), tokens), 0);
    assert_values(ct_narrow(w, 0, 1, 1), 0, 0, 0);
    assert_true(ct_item(ct_min(ct_abs(ct_detach(ct_narrow(w, 0, 2, 3))))) > 0);
    ct_tensor *y = ct_forward(padded, tokens);
    assert_shape(y, 2, 2, 3);
    assert_true(ct_backward(ct_sum(y)));
    assert_values(ct_gradient(w), 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1);
    assert_shape(ct_forward(plain, ct_zeros_as(CT_INT64, 0, 2)), 0, 2, 3);
    FAILED(ct_forward(plain, ct_vector_int(0, 5)), "5");
    FAILED(ct_forward(plain, ct_vector_int(-1)), "-1");
    FAILED(ct_forward(plain, ct_zeros(2)), "embedding");
    FAILED(ct_nn_embedding(0, 3), "embedding: 0 rows of width 3: want at least 1");
    FAILED(ct_nn_embedding(5, 3, .padding_idx = 5), "embedding: padding_idx 5 is not one of 5 rows");
    FAILED(ct_nn_embedding(5, 3, .padding_idx = -6), "padding_idx -6");
    ct_free(plain), ct_free(padded);
}

static void test_positions_are_added_and_end_where_the_table_does(void **state)
{
    (void)state;
    CT_SCOPE;
    ct_module *learned = ct_nn_learned_positions(5, 4), *waves = ct_nn_sinusoidal_positions(5, 4);
    ct_tensor *x = ct_randn(2, 3, 4);
    assert_close(ct_forward(learned, x), ct_add(x, ct_narrow(parameter(learned, "weight"), 0, 0, 3)), 0);
    assert_close(ct_forward(waves, x), ct_add(x, ct_sinusoidal_positions(3, 4)), 0);
    assert_int_equal(entries(waves), 0);        /* nothing to train or save */
    assert_null(ct_module_find(waves, "table"));
    assert_int_equal(ct_module_count_parameters(learned), 20);
    FAILED(ct_forward(learned, ct_zeros(2, 6, 4)), "positions: a sequence of 6 from position 0 on, in a table of 5");
    FAILED(ct_forward(waves, ct_zeros(2, 6, 4)), "in a table of 5");
    FAILED(ct_forward(waves, ct_zeros(2, 3, 5)), "positions: (2, 3, 5), want (N, T, 4)");
    FAILED(ct_forward(learned, ct_zeros(3, 4)), "positions: (3, 4), want (N, T, 4)");
    FAILED(ct_nn_learned_positions(0, 4), "learned_positions: 0 positions of width 4");
    FAILED(ct_nn_sinusoidal_positions(3, 0), "sinusoidal_positions: 3 positions of width 0");
    ct_free(learned), ct_free(waves);
}

static void test_norms_are_their_ops(void **state)
{
    (void)state;
    CT_SCOPE;
    ct_tensor *x = ct_randn(2, 3, 4);
    ct_module *layer = scattered(ct_nn_layer_norm(4, .eps = 0.1)), *rms = scattered(ct_nn_rms_norm(4)), *bare = ct_nn_layer_norm(4, .no_affine = true),
              *no_bias = ct_nn_layer_norm(4, .no_bias = true), *bare_rms = ct_nn_rms_norm(4, .eps = 0.5, .no_affine = true);
    assert_close(ct_forward(layer, x), ct_layer_norm(x, 1, parameter(layer, "weight"), parameter(layer, "bias"), .eps = 0.1), 0);
    assert_close(ct_forward(rms, x), ct_rms_norm(x, 1, parameter(rms, "weight")), 0);
    assert_close(ct_forward(bare, x), ct_layer_norm(x, 1, NULL, NULL), 0);
    assert_close(ct_forward(no_bias, x), ct_layer_norm(x, 1, NULL, NULL), 1e-6);
    assert_close(ct_forward(bare_rms, x), ct_rms_norm(x, 1, NULL, .eps = 0.5), 0);
    assert_int_equal(entries(bare) + entries(bare_rms), 0);
    assert_int_equal(entries(no_bias), 1);
    FAILED(ct_forward(layer, ct_zeros(2, 5)), "layer_norm: (2, 5), want (..., 4)");
    FAILED(ct_forward(rms, ct_scalar(1)), "rms_norm: (), want (..., 4)");
    FAILED(ct_nn_layer_norm(0), "layer_norm: width 0, eps 1e-05");
    FAILED(ct_nn_layer_norm(3, .eps = -1), "layer_norm: width 3, eps -1");
    FAILED(ct_nn_rms_norm(3, .eps = INFINITY), "rms_norm: width 3, eps inf");
    ct_free(layer), ct_free(rms), ct_free(bare), ct_free(no_bias), ct_free(bare_rms);
}

static void test_38_layer_norm_of_constant_and_of_distant_rows(void **state)
{
    (void)state;
    CT_SCOPE;
    ct_module *norm = ct_nn_layer_norm(4);
    assert_true(ct_nn_init_constant(parameter(norm, "bias"), 3));
    ct_tensor *x = ct_require_grad(ct_full(7, 2, 4)), *g = ct_reshape(ct_vector(1, 0, 0, 0, 1, 2, 3, 6), 2, 4);
    ct_tensor *y = ct_forward(norm, x);
    assert_values(y, 3, 3, 3, 3, 3, 3, 3, 3);   /* the bias */
    const double rstd = 1 / sqrt(1e-5);         /* dx = rstd (g - mean g) where x - mean = 0 */
    assert_near_values(ct_grad(y, x, .cotangent = g), 1e-3, 0.75 * rstd, -0.25 * rstd, -0.25 * rstd, -0.25 * rstd, -2 * rstd, -rstd, 0, 3 * rstd);
    ct_module *wide = ct_nn_layer_norm(256, .no_affine = true);
    ct_tensor *far = ct_add(ct_mul(ct_randn(3, 256), 1e-2), 1e4), *exact = ct_cast(far, CT_FLOAT64);
    ct_tensor *centred = ct_sub(exact, ct_mean(exact, -1, .keepdims = true));
    ct_tensor *want = ct_div(centred, ct_sqrt(ct_add(ct_mean(ct_square(centred), -1, .keepdims = true), 1e-5)));
    ct_tensor *got = ct_forward(wide, far);
    assert_true(ct_item(ct_mean(ct_square(got))) > 0.8); /* variance 1e-4 beside eps 1e-5 */
    assert_close(ct_cast(got, CT_FLOAT64), want, 1e-3);
    ct_free(norm), ct_free(wide);
}

/* ---- Attention ------------------------------------------------------------------------------------------------------------------------ */
static void test_grouped_heads_are_heads_repeated(void **state)
{
    (void)state;
    CT_SCOPE;
    ct_module *grouped = scattered(ct_nn_multihead_attention(12, 6, .kv_heads = 2)), *full = ct_nn_multihead_attention(12, 6);
    assert_shape(parameter(grouped, "in_proj_weight"), 20, 12);
    assert_shape(parameter(grouped, "in_proj_bias"), 20);
    const char *names[] = {"in_proj_weight", "in_proj_bias"};
    for (int i = 0; i < 2; i++) {               /* rows of a key's head thrice in a row */
        CT_NO_GRAD;
        ct_tensor *t = parameter(grouped, names[i]), *parts[] = {ct_narrow(t, 0, 0, 12), NULL, NULL};
        for (int k = 1; k < 3; k++) {
            ct_tensor *one = ct_narrow(t, 0, 8 + 4 * k, 4), *heads = ct_reshape(one, 2, 2, -1);
            parts[k] = ct_reshape(ct_repeat_interleave(heads, 3, 0), 12, -1);
        }
        ct_tensor *all = ct_cat(CT_TENSORS(ct_reshape(parts[0], 12, -1), parts[1], parts[2]), 0);
        assert_non_null(ct_copy_(parameter(full, names[i]), i ? ct_reshape(all, 36) : all));
    }
    ct_copy_(ct_detach(parameter(full, "out_proj.weight")), ct_detach(parameter(grouped, "out_proj.weight")));
    ct_copy_(ct_detach(parameter(full, "out_proj.bias")), ct_detach(parameter(grouped, "out_proj.bias")));
    ct_tensor *x = ct_randn(2, 5, 12), *a = NULL, *b = NULL, *mask = ct_randn(2, 6, 5, 5);
    assert_close(ct_nn_attend(grouped, x, x, x, .causal = true, .mask = mask, .weights = &a),
                 ct_nn_attend(full, x, x, x, .causal = true, .mask = mask, .weights = &b), 1e-5);
    assert_shape(a, 2, 6, 5, 5);
    assert_close(a, b, 1e-6);
    ct_free(grouped), ct_free(full);
}

static void test_rotary_attention_sees_distances_alone(void **state)
{
    (void)state;
    CT_SCOPE;
    ct_module *rotary = scattered(ct_nn_multihead_attention(8, 2, .rotary = true)), *plain = ct_nn_multihead_attention(8, 2);
    ct_tensor *x = ct_randn(1, 6, 8), *a = NULL, *b = NULL;
    ct_tensor *pad = ct_zeros(1, 3, 8), *late = ct_cat(CT_TENSORS(pad, x), 1);
    ct_tensor *hidden = ct_unsqueeze(ct_lt(ct_arange(9), 3), 0);
    ct_tensor *y = ct_nn_attend(rotary, x, x, x, .weights = &a), *z = ct_nn_attend(rotary, late, late, late, .key_padding = hidden, .weights = &b);
    assert_close(ct_narrow(z, 1, 3, 6), y, 1e-5); /* three places further on: the same */
    assert_close(ct_narrow(ct_narrow(b, 2, 3, 6), 3, 3, 6), a, 1e-5);
    ct_tensor *turned = ct_nn_attend(rotary, ct_flip(x, 1), ct_flip(x, 1), ct_flip(x, 1));
    assert_true(ct_item(ct_max(ct_abs(ct_sub(ct_detach(ct_flip(turned, 1)), ct_detach(y))))) > 1e-3); /* the order matters */
    const char *names[] = {"in_proj_weight", "in_proj_bias", "out_proj.weight", "out_proj.bias"};
    for (int i = 0; i < 4; i++)
        ct_copy_(ct_detach(parameter(plain, names[i])), ct_detach(parameter(rotary, names[i])));
    assert_close(ct_forward(plain, ct_narrow(x, 1, 0, 1)), ct_forward(rotary, ct_narrow(x, 1, 0, 1)), 1e-5); /* one token: nothing to turn against */
    ct_free(rotary), ct_free(plain);
}

static void test_a_token_that_attends_to_nothing_gets_0_and_gives_0(void **state)
{
    (void)state;
    CT_SCOPE;
    ct_module *attention = scattered(ct_nn_multihead_attention(4, 2));
    ct_tensor *x = ct_require_grad(ct_randn(2, 3, 4)), *mask = ct_gt(ct_unsqueeze(ct_vector_int(1, 0, 1), 1), ct_zeros_as(CT_INT64, 1, 3)), *weights = NULL;
    ct_tensor *y = ct_nn_attend(attention, x, x, x, .mask = mask, .weights = &weights), *row = ct_narrow(y, 1, 1, 1);
    ct_tensor *bias = parameter(attention, "out_proj.bias");
    assert_close(ct_detach(row), ct_expand(ct_detach(bias), 2, 1, 4), 0);
    assert_close(ct_narrow(weights, 2, 1, 1), ct_zeros(2, 2, 1, 3), 0);
    assert_close(ct_sum(ct_narrow(weights, 2, 0, 1), -1), ct_ones(2, 2, 1), 1e-6);
    assert_true(ct_backward(ct_sum(row), .retain_graph = true)); /* nothing flows back but to the bias */
    assert_close(ct_gradient(x), ct_zeros(2, 3, 4), 0);
    assert_close(ct_gradient(parameter(attention, "in_proj_weight")), ct_zeros(12, 4), 0);
    assert_values(ct_gradient(bias), 2, 2, 2, 2);
    assert_true(ct_backward(ct_sum(y)));
    assert_true(ct_item(ct_max(ct_abs(ct_gradient(x)))) > 0 && ct_item(ct_all(ct_isfinite(ct_gradient(x)))));
    ct_tensor *nobody = ct_nn_attend(attention, x, x, x, .key_padding = padding_of(3, 0, 2)); /* a sequence of padding alone */
    assert_close(ct_detach(ct_narrow(nobody, 0, 0, 1)), ct_expand(ct_detach(bias), 1, 3, 4), 0);
    ct_free(attention);
}

static void test_padding_is_as_if_it_were_not_there(void **state)
{
    (void)state;
    CT_SCOPE;
    ct_module *encoder = scattered(ct_nn_transformer_encoder(2, 8, 2, .pre_norm = true));
    ct_tensor *x = ct_randn(2, 5, 8), *weights[2] = {NULL};
    ct_tensor *y = ct_nn_transformer_run(encoder, x, .key_padding = padding_of(5, 3, 5), .weights = weights);
    ct_tensor *alone = ct_forward(encoder, ct_narrow(ct_narrow(x, 0, 0, 1), 1, 0, 3));
    assert_close(ct_narrow(ct_narrow(y, 0, 0, 1), 1, 0, 3), alone, 1e-4);
    for (int i = 0; i < 2; i++) {
        assert_shape(weights[i], 2, 2, 5, 5);
        assert_close(ct_sum(weights[i], -1), ct_ones(2, 2, 5), 1e-5);
        assert_close(ct_narrow(ct_narrow(weights[i], 0, 0, 1), 3, 3, 2), ct_zeros(1, 2, 5, 2), 0);
    }
    assert_false(ct_equal(weights[0], weights[1]));
    ct_free(encoder);
}

static void test_attention_refuses_what_cannot_work(void **state)
{
    (void)state;
    CT_SCOPE;
    FAILED(ct_nn_multihead_attention(10, 4), "multihead_attention: width 10, 4 heads: want at least 1, and a width that the heads divide");
    FAILED(ct_nn_multihead_attention(0, 1), "width 0, 1 heads");
    FAILED(ct_nn_multihead_attention(8, 0), "width 8, 0 heads");
    FAILED(ct_nn_multihead_attention(8, 4, .kv_heads = 3), "4 heads, kv_heads 3: want a number that divides the heads");
    FAILED(ct_nn_multihead_attention(8, 4, .kv_heads = -4), "kv_heads -4");
    FAILED(ct_nn_multihead_attention(8, 4, .key_width = -1), "key_width -1");
    FAILED(ct_nn_multihead_attention(6, 2, .rotary = true), "rotary heads of width 3, base 10000: want an even width");
    FAILED(ct_nn_multihead_attention(8, 2, .rotary = true, .rotary_base = 0), "base 0");
    FAILED(ct_nn_multihead_attention(8, 2, .dropout = 1.5), "dropout 1.5: want 0 to 1");
    ct_module *m = ct_nn_multihead_attention(8, 2), *linear = ct_nn_linear(8, 8), *net = ct_nn_sequential(ct_nn_multihead_attention(8, 2));
    ct_tensor *x = ct_zeros(3, 5, 8);
    FAILED(ct_forward(net, ct_zeros(5, 8)), "attend: query (5, 8), key (5, 8), value (5, 8): want (N, T, 8), (N, S, 8), (N, S, 8); in module 0, a MultiheadAttention");
    FAILED(ct_nn_attend(m, x, ct_zeros(3, 4, 6), x), "key (3, 4, 6)");
    FAILED(ct_nn_attend(m, x, ct_zeros(2, 5, 8), ct_zeros(2, 5, 8)), "query (3, 5, 8), key (2, 5, 8)");
    FAILED(ct_nn_attend(m, x, ct_zeros(3, 4, 8), x), "key (3, 4, 8), value (3, 5, 8)");
    FAILED(ct_nn_attend(m, x, x, NULL), "attend: the value is NULL");
    FAILED(ct_nn_attend(NULL, x, x, x), "attend: the module is NULL");
    FAILED(ct_nn_attend(linear, x, x, x), "attend: the module is Linear, want a MultiheadAttention");
    FAILED(ct_nn_attend(m, x, x, x, .mask = ct_zeros(5, 4)), "attend: mask (5, 4), want (5, 5) or (3 or 1, 2 or 1, 5, 5)");
    FAILED(ct_nn_attend(m, x, x, x, .mask = ct_zeros(3, 5, 5)), "mask (3, 5, 5)"); /* which axis is missing? */
    FAILED(ct_nn_attend(m, x, x, x, .mask = ct_zeros(3, 3, 5, 5)), "mask (3, 3, 5, 5)");
    FAILED(ct_nn_attend(m, x, x, x, .mask = ct_zeros_as(CT_INT64, 5, 5)), "the mask is int64, want bool or float32");
    FAILED(ct_nn_attend(m, x, x, x, .mask = ct_zeros_as(CT_INT64, 5, 5), .key_padding = ct_zeros_as(CT_BOOL, 3, 5)), "the mask is int64, want bool or float32");
    FAILED(ct_nn_attend(m, x, x, x, .key_padding = padding_of(5, 3, 2)), "attend: key_padding (2, 5) of bool, want (3, 5) of bool");
    FAILED(ct_nn_attend(m, x, x, x, .key_padding = ct_zeros(3, 5)), "key_padding (3, 5) of float32");
    assert_non_null(ct_nn_attend(m, x, x, x, .mask = ct_zeros(1, 2, 5, 5)));
    assert_non_null(ct_nn_attend(m, x, x, x, .mask = ct_zeros(3, 1, 5, 5)));
    assert_shape(ct_forward(m, ct_zeros(0, 5, 8)), 0, 5, 8);
    assert_shape(ct_forward(m, ct_zeros(3, 0, 8)), 3, 0, 8);
    assert_shape(ct_nn_attend(m, x, ct_zeros(3, 0, 8), ct_zeros(3, 0, 8)), 3, 5, 8);
    ct_free(m), ct_free(linear), ct_free(net);
}

static void test_dropout_of_attention_is_for_training(void **state)
{
    (void)state;
    CT_SCOPE;
    ct_module *m = ct_nn_multihead_attention(8, 2, .dropout = 0.5), *block = ct_nn_transformer_block(8, 2, .dropout = 0.5);
    ct_tensor *x = ct_randn(2, 5, 8), *all = NULL;
    for (int i = 0; i < 2; i++) {
        ct_module *module = i ? block : m;
        ct_seed(3);
        ct_tensor *a = ct_forward(module, x), *b = ct_forward(module, x);
        ct_seed(3);
        assert_true(ct_equal(ct_forward(module, x), a));
        assert_false(ct_equal(a, b));
        ct_module_eval(module);
        assert_true(ct_equal(ct_forward(module, x), ct_forward(module, x)));
        ct_module_train(module);
    }
    assert_non_null(ct_nn_attend(m, x, x, x, .weights = &all));
    assert_close(ct_sum(all, -1), ct_ones(2, 2, 5), 1e-6); /* as they would be without */
    ct_free(m), ct_free(block);
}

/* ---- Transformers ------------------------------------------------------------------------------------------------------------------- */
static void test_a_feed_forward_is_its_two_linears(void **state)
{
    (void)state;
    CT_SCOPE;
    ct_module *m = scattered(ct_nn_feed_forward(4, 6, .activation = CT_GELU));
    ct_tensor *x = ct_randn(2, 3, 4);
    ct_tensor *hidden = ct_gelu(ct_linear(x, parameter(m, "linear1.weight"), parameter(m, "linear1.bias")));
    assert_close(ct_forward(m, x), ct_linear(hidden, parameter(m, "linear2.weight"), parameter(m, "linear2.bias")), 1e-5);
    FAILED(ct_nn_feed_forward(4, 0), "linear: 4 inputs, 0 outputs");
    FAILED(ct_nn_feed_forward(4, 6, .dropout = -1), "feed_forward: dropout -1");
    ct_free(m);
}

static void test_a_block_may_normalise_by_root_mean_square(void **state)
{
    (void)state;
    CT_SCOPE;
    ct_module *m = ct_nn_transformer_block(4, 2, .rms_norm = true, .pre_norm = true, .no_bias = true, .causal = true, .rotary = true, .kv_heads = 1,
                                           .activation = CT_SILU);
    assert_string_equal(ct_module_kind(ct_module_child(m, "norm1")), "RMSNorm");
    assert_shape(parameter(m, "linear1.weight"), 16, 4); /* hidden: 4 width */
    assert_int_equal(entries(m), 6);            /* of attention 2, linears 2, norms 2 */
    ct_tensor *x = ct_randn(2, 5, 4), *y = ct_forward(m, x);
    ct_tensor *changed = ct_forward(m, ct_cat(CT_TENSORS(ct_narrow(x, 1, 0, 3), ct_randn(2, 2, 4)), 1));
    assert_close(ct_narrow(y, 1, 0, 3), ct_narrow(changed, 1, 0, 3), 0); /* causal: what comes later counts nowhere */
    ct_free(m);
}

static void test_transformers_refuse_what_cannot_work(void **state)
{
    (void)state;
    CT_SCOPE;
    FAILED(ct_nn_transformer_encoder(0, 8, 2), "transformer_encoder: 0 layers: want at least 1");
    FAILED(ct_nn_transformer_encoder(2, 9, 2), "width 9, 2 heads");
    FAILED(ct_nn_transformer_decoder(2, 8, 2, .hidden = -1), "transformer_decoder: width 8, hidden -1");
    FAILED(ct_nn_transformer_block(8, 2, .dropout = 2), "transformer_block: dropout 2");
    FAILED(ct_nn_transformer_block(8, 2, .eps = -1), "layer_norm: width 8, eps -1");
    FAILED(ct_nn_transformer_decoder_block(8, 2, .activation = (ct_activation)77), "activation 77");
    ct_module *encoder = ct_nn_transformer_encoder(1, 8, 2), *decoder = ct_nn_transformer_decoder(1, 8, 2), *block = ct_nn_transformer_decoder_block(8, 2);
    ct_tensor *x = ct_zeros(2, 3, 8);
    FAILED(ct_forward(decoder, x), "TransformerDecoder: it attends to a memory too; ct_nn_transformer_decode takes both");
    FAILED(ct_forward(block, x), "TransformerDecoderBlock: it attends to a memory too");
    FAILED(ct_nn_transformer_run(decoder, x), "transformer_run: the module is TransformerDecoder, want a transformer's encoder or a block of one");
    FAILED(ct_nn_transformer_decode(encoder, x, x), "transformer_decode: the module is TransformerEncoder, want a transformer's decoder");
    FAILED(ct_nn_transformer_decode(decoder, x, NULL), "transformer_decode: the memory is NULL");
    FAILED(ct_nn_transformer_decode(decoder, x, ct_zeros(3, 3, 8)), "(2, 3, 8) and a memory (3, 3, 8)");
    FAILED(ct_nn_transformer_decode(decoder, x, ct_zeros(2, 3, 7)), "key (2, 3, 7)");
    FAILED(ct_nn_transformer_decode(block, x, x, .memory_key_padding = padding_of(4, 1, 1)), "key_padding (2, 4)");
    FAILED(ct_nn_transformer_run(encoder, ct_zeros(3, 8)), "transformer_run: (3, 8), want (N, T, width)");
    FAILED(ct_nn_transformer_run(encoder, x, .mask = ct_zeros(2, 2)), "mask (2, 2), want (3, 3)");
    FAILED(ct_nn_transformer_run(NULL, x), "transformer_run: module is NULL");
    FAILED(ct_forward(encoder, ct_zeros(2, 3, 7)), "in module");
    ct_free(encoder), ct_free(decoder), ct_free(block);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_an_embedding_reads_rows_and_never_trains_its_padding),
        TEST(test_positions_are_added_and_end_where_the_table_does),
        TEST(test_norms_are_their_ops),
        TEST(test_38_layer_norm_of_constant_and_of_distant_rows),
        TEST(test_grouped_heads_are_heads_repeated),
        TEST(test_rotary_attention_sees_distances_alone),
        TEST(test_a_token_that_attends_to_nothing_gets_0_and_gives_0),
        TEST(test_padding_is_as_if_it_were_not_there),
        TEST(test_attention_refuses_what_cannot_work),
        TEST(test_dropout_of_attention_is_for_training),
        TEST(test_a_feed_forward_is_its_two_linears),
        TEST(test_a_block_may_normalise_by_root_mean_square),
        TEST(test_transformers_refuse_what_cannot_work),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
