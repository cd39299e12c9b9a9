/* Layers and models of sequences beside what PyTorch's goldens hold: caches, generation, tied weights, grouped heads, positions, modes, errors. The
 * row of a corner case is in its test's name. */
#include "engine.h"

#include <unistd.h>

#include "autograd/memory.h"

#define FAILED(call, message) (assert_null(call), assert_error(message))

static ct_tensor *parameter(ct_module *module, const char *name)
{
    ct_tensor *t = ct_module_find(module, name);
    if (!t)
        fail_msg("%s has no %s", ct_module_kind(module), name);
    return t;
}

static void assert_close(ct_tensor *got, ct_tensor *want, double bound)
{
    assert_fine();
    assert_non_null(got);
    assert_non_null(want);
    CT_SCOPE;
    CT_NO_GRAD;
    ct_tensor *off = ct_numel(got) ? ct_max(ct_abs(ct_sub(got, want))) : ct_scalar(0);
    assert_fine();
    if (!(ct_item(off) <= bound))
        fail_msg("off by %g, want %g at most", ct_item(off), bound);
}

/* All parameters random, so that none hides behind its first value. */
static bool scatter(const char *name, ct_tensor *t, bool is_parameter, void *context)
{
    (void)name, (void)is_parameter, (void)context;
    return ct_nn_init_uniform(t, -0.6, 0.8, NULL);
}

static ct_module *scattered(ct_module *module)
{
    assert_non_null(module);
    assert_true(ct_module_each(module, scatter, NULL));
    return module;
}

static ct_module *in_float64(ct_module *(*make)(void))
{
    ct_set_default_dtype(CT_FLOAT64);
    ct_module *module = scattered(make());
    ct_set_default_dtype(CT_FLOAT32);
    return module;
}

static ct_tensor *padding_of(int64_t length, int64_t a, int64_t b)
{
    return ct_ge(ct_arange(length), ct_unsqueeze(ct_vector_int(a, b), 1));
}

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

static bool count_entries(const char *name, ct_tensor *t, bool is_parameter, void *context)
{
    (void)name, (void)t, (void)is_parameter;
    ++*(int *)context;
    return true;
}

static int entries(const ct_module *module)
{
    int count = 0;
    ct_module_each(module, count_entries, &count);
    return count;
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

/* ---- Recurrent nets --------------------------------------------------------------------------------------------------------------------- */
static void test_a_long_sequence_is_two_short_ones(void **state)
{
    (void)state;
    CT_SCOPE;
    ct_module *nets[] = {ct_nn_rnn(3, 4, .layers = 2), ct_nn_lstm(3, 4, .layers = 2), ct_nn_gru(3, 4, .layers = 2)};
    ct_tensor *x = ct_randn(2, 300, 3);         /* more than one op splits into steps */
    for (int i = 0; i < 3; i++) {
        ct_tensor *h = NULL, *c = NULL, *end = NULL, *last = NULL, **keep = i == 1 ? &c : NULL;
        ct_tensor *whole = ct_nn_recurrent_run(nets[i], x, .h = &end);
        ct_tensor *a = ct_nn_recurrent_run(nets[i], ct_narrow(x, 1, 0, 140), .h = &h, .c = keep);
        ct_tensor *b = ct_nn_recurrent_run(nets[i], ct_narrow(x, 1, 140, 160), .h0 = h, .c0 = c, .h = &last);
        assert_close(whole, ct_cat(CT_TENSORS(a, b), 1), 1e-5);
        assert_close(end, last, 1e-5);
        assert_close(ct_narrow(end, 0, 1, 1), ct_reshape(ct_narrow(whole, 1, 299, 1), 1, 2, 4), 0);
        assert_true(ct_backward(ct_sum(whole)));
        ct_free(nets[i]);
    }
}

static ct_module *two_way_lstm(void)
{
    return ct_nn_lstm(3, 4, .layers = 2, .bidirectional = true);
}

static ct_module *two_way_gru(void)
{
    return ct_nn_gru(3, 4, .layers = 2, .bidirectional = true);
}

static void test_lengths_in_any_order_are_sequences_alone(void **state)
{
    (void)state;
    CT_SCOPE;
    ct_module *lstm = ct_nn_lstm(3, 4, .layers = 2, .bidirectional = true);
    ct_tensor *x = ct_randn(3, 6, 3), *h = NULL, *c = NULL;
    const int64_t lengths[] = {2, 6, 3};
    ct_tensor *y = ct_nn_recurrent_run(lstm, x, .lengths = ct_from_array(lengths, 3), .h = &h, .c = &c);
    for (int i = 0; i < 3; i++) {
        ct_tensor *one_h = NULL, *one_c = NULL, *own = ct_narrow(x, 0, i, 1);
        ct_tensor *one = ct_nn_recurrent_run(lstm, ct_narrow(own, 1, 0, lengths[i]), .h = &one_h, .c = &one_c), *got = ct_narrow(y, 0, i, 1);
        assert_close(ct_narrow(got, 1, 0, lengths[i]), one, 1e-6);
        assert_close(ct_narrow(got, 1, lengths[i], 6 - lengths[i]), ct_zeros(1, 6 - lengths[i], 8), 0);
        assert_close(ct_narrow(h, 1, i, 1), one_h, 1e-6);
        assert_close(ct_narrow(c, 1, i, 1), one_c, 1e-6);
    }
    ct_free(lstm);
}

static void test_what_stands_in_padding_does_not_matter(void **state)
{
    (void)state;
    ct_module *(*const make[])(void) = {two_way_lstm, two_way_gru};
    for (int i = 0; i < 2; i++) {
        CT_SCOPE;
        ct_module *m = make[i]();
        ct_tensor *x = ct_randn(2, 5, 3), *lengths = ct_vector_int(5, 2), *y[2], *gradient[2];
        for (int k = 0; k < 2; k++) {
            y[k] = ct_nn_recurrent_run(m, x, .lengths = lengths);
            ct_zero_grad(m);
            assert_true(ct_backward(ct_sum(ct_mul(y[k], y[k]))));
            gradient[k] = ct_clone(ct_gradient(parameter(m, "weight_ih_l0")));
            x = ct_where(ct_unsqueeze(ct_lt(ct_arange(5), ct_unsqueeze(lengths, 1)), 2), x, (double)NAN);
        }
        assert_true(ct_equal(y[0], y[1]) && ct_equal(gradient[0], gradient[1]));
        ct_free(m);
    }
}

static void test_recurrent_nets_start_uniform_and_drop_between_layers(void **state)
{
    (void)state;
    CT_SCOPE;
    ct_module *m = ct_nn_gru(30, 25, .layers = 2, .dropout = 0.5);
    const double most = ct_item(ct_max(ct_abs(ct_detach(parameter(m, "weight_ih_l0")))));
    assert_true(most <= 0.2 && most > 0.199);
    assert_shape(parameter(m, "weight_ih_l1"), 75, 25);
    ct_tensor *x = ct_randn(2, 3, 30), *a = ct_forward(m, x), *b = ct_forward(m, x);
    assert_false(ct_equal(a, b));
    ct_module_eval(m);
    assert_true(ct_equal(ct_forward(m, x), ct_forward(m, x)));
    ct_free(m);
}

static void test_recurrent_nets_refuse_what_cannot_work(void **state)
{
    (void)state;
    CT_SCOPE;
    FAILED(ct_nn_rnn(0, 4), "rnn: 0 inputs, hidden 4, 1 layers: want at least 1");
    FAILED(ct_nn_lstm(3, 0), "lstm: 3 inputs, hidden 0");
    FAILED(ct_nn_gru(3, 4, .layers = 0), "gru: 3 inputs, hidden 4, 0 layers");
    FAILED(ct_nn_gru(3, 4, .layers = 2, .dropout = 2), "gru: dropout 2");
    FAILED(ct_nn_gru(3, 4, .dropout = 0.5), "gru: dropout 0.5 over 1 layers"); /* it would never drop */
    ct_module *gru = ct_nn_gru(3, 4), *lstm = ct_nn_lstm(3, 4), *linear = ct_nn_linear(3, 4);
    ct_tensor *x = ct_zeros(2, 5, 3), *c = NULL;
    FAILED(ct_forward(gru, ct_zeros(5, 3)), "gru: (5, 3), want (N, T, 3) and at least one step");
    FAILED(ct_forward(gru, ct_zeros(2, 5, 4)), "gru: (2, 5, 4), want (N, T, 3)");
    FAILED(ct_forward(gru, ct_zeros(2, 0, 3)), "gru: (2, 0, 3)");
    FAILED(ct_nn_recurrent_run(gru, x, .lengths = ct_vector_int(5, 6)), "gru: length 6 of sequence 1 is not in 1 to 5");
    FAILED(ct_nn_recurrent_run(gru, x, .lengths = ct_vector_int(0, 5)), "gru: length 0 of sequence 0 is not in 1 to 5");
    FAILED(ct_nn_recurrent_run(gru, x, .lengths = ct_vector_int(-1, 5)), "gru: length -1");
    FAILED(ct_nn_recurrent_run(gru, x, .lengths = ct_vector_int(1, 2, 3)), "gru: lengths (3) of int64, want (2) of int64");
    FAILED(ct_nn_recurrent_run(gru, x, .lengths = ct_vector(1, 2)), "gru: lengths (2) of float32");
    FAILED(ct_nn_recurrent_run(gru, x, .h0 = ct_zeros(2, 4)), "gru: h0 is (2, 4), want (1, 2, 4)");
    FAILED(ct_nn_recurrent_run(lstm, x, .c0 = ct_zeros(1, 3, 4)), "lstm: c0 is (1, 3, 4), want (1, 2, 4)");
    FAILED(ct_nn_recurrent_run(gru, x, .c0 = ct_zeros(1, 2, 4)), "gru: c0 and c are an LSTM's");
    FAILED(ct_nn_recurrent_run(gru, x, .c = &c), "gru: c0 and c are an LSTM's");
    FAILED(ct_nn_recurrent_run(linear, x), "recurrent_run: the module is Linear, want an RNN, LSTM or GRU");
    FAILED(ct_nn_recurrent_run(NULL, x), "recurrent_run: the module is NULL");
    FAILED(ct_nn_recurrent_run(gru, NULL), "recurrent_run: the input is NULL");
    assert_shape(ct_forward(lstm, ct_zeros(0, 5, 3)), 0, 5, 4);
    ct_free(gru), ct_free(lstm), ct_free(linear);
}

/* ---- All of them: gradients, threads, memory ---------------------------------------------------------------------------------------------- */
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
        TEST(test_a_cache_changes_no_logits),
        TEST(test_a_cache_serves_attention_encoders_and_decoders),
        TEST(test_a_cache_refuses_what_does_not_fit),
        TEST(test_generation_with_a_cache_is_generation_without),
        TEST(test_generation_keeps_to_its_options),
        TEST(test_tied_weights_are_one_parameter),
        TEST(test_a_gpt_starts_as_gpt_2),
        TEST(test_a_gpt_refuses_what_cannot_work),
        TEST(test_a_gpt_learns_a_cycle),
        TEST(test_a_long_sequence_is_two_short_ones),
        TEST(test_lengths_in_any_order_are_sequences_alone),
        TEST(test_what_stands_in_padding_does_not_matter),
        TEST(test_recurrent_nets_start_uniform_and_drop_between_layers),
        TEST(test_recurrent_nets_refuse_what_cannot_work),
        TEST(test_gradients_are_those_of_differences),
        TEST(test_second_derivatives_are_those_of_differences),
        TEST(test_same_bits_again_and_at_any_number_of_threads),
        TEST(test_each_failed_allocation_is_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
