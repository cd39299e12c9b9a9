/* Every kind of module with its options, small, each with an input: what files of models must carry. */
#ifndef COTANGENT_TESTS_ZOO_H
#define COTANGENT_TESTS_ZOO_H
#include <cotangent.h>

#include <string.h>

#define IMAGE ct_randn(2, 3, 8, 8)
#define LINE ct_randn(2, 3, 9)
#define ROWS ct_randn(4, 6)
#define SEQUENCE ct_randn(2, 5, 12)
#define TOKENS ct_randint(0, 11, 2, 5)

/*    name                 module                                                                                  input */
#define ZOO(ROW)                                                                                                          \
    ROW(relu,                ct_nn_relu(),                                                                     ROWS)      \
    ROW(gelu,                ct_nn_gelu(),                                                                     ROWS)      \
    ROW(silu,                ct_nn_silu(),                                                                     ROWS)      \
    ROW(tanh,                ct_nn_tanh(),                                                                     ROWS)      \
    ROW(sigmoid,             ct_nn_sigmoid(),                                                                  ROWS)      \
    ROW(softplus,            ct_nn_softplus(),                                                                 ROWS)      \
    ROW(flatten,             ct_nn_flatten(),                                                                  IMAGE)     \
    ROW(identity,            ct_nn_identity(),                                                                 ROWS)      \
    ROW(leaky_relu,          ct_nn_leaky_relu(0.2),                                                            ROWS)      \
    ROW(elu,                 ct_nn_elu(0.7),                                                                   ROWS)      \
    ROW(softmax,             ct_nn_softmax(-1),                                                                ROWS)      \
    ROW(softmax_1,           ct_nn_softmax(1),                                                                 IMAGE)     \
    ROW(log_softmax,         ct_nn_log_softmax(1),                                                             ROWS)      \
    ROW(dropout,             ct_nn_dropout(0.25),                                                              ROWS)      \
    ROW(dropout2d,           ct_nn_dropout2d(0.25),                                                            IMAGE)     \
    ROW(linear,              ct_nn_linear(6, 5, .activation = CT_SILU),                                        ROWS)      \
    ROW(linear_gelu,         ct_nn_linear(12, 5, .no_bias = true, .activation = CT_GELU),                      SEQUENCE)  \
    ROW(linear_sigmoid,      ct_nn_linear(6, 5, .activation = CT_SIGMOID),                                     ROWS)      \
    ROW(conv1d,              ct_nn_conv1d(3, 4, 3, .stride = 2, .padding = 1),                                 LINE)      \
    ROW(conv2d,              ct_nn_conv2d(3, 6, CT_HW(3, 2), .stride = CT_HW(2, 1), .padding = CT_HW(1, 0), .dilation = 2, .groups = 3, \
                                          .activation = CT_RELU),                                              IMAGE)     \
    ROW(conv2d_same,         ct_nn_conv2d(3, 4, CT_HW(4, 3), .padding = CT_SAME, .no_bias = true),             IMAGE)     \
    ROW(conv_transpose2d,    ct_nn_conv_transpose2d(3, 4, 3, .stride = 2, .padding = 1, .output_padding = 1, .dilation = 2), IMAGE) \
    ROW(conv_transpose_bare, ct_nn_conv_transpose2d(3, 6, CT_HW(2, 3), .groups = 3, .no_bias = true),          IMAGE)     \
    ROW(max_pool2d,          ct_nn_max_pool2d(3, .stride = 2, .padding = 1, .dilation = 2, .ceil_mode = true), IMAGE)     \
    ROW(max_pool_plain,      ct_nn_max_pool2d(CT_HW(2, 3)),                                                    IMAGE)     \
    ROW(avg_pool2d,          ct_nn_avg_pool2d(3, .stride = 2, .padding = 1, .count_exclude_pad = true),        IMAGE)     \
    ROW(avg_pool_padded,     ct_nn_avg_pool2d(CT_HW(3, 2), .stride = 2, .padding = CT_HW(1, 0)),               IMAGE)     \
    ROW(avg_pool_divisor,    ct_nn_avg_pool2d(2, .divisor = 3),                                                IMAGE)     \
    ROW(avg_pool_ceil,       ct_nn_avg_pool2d(3, .stride = 2, .ceil_mode = true),                              IMAGE)     \
    ROW(adaptive_1,          ct_nn_adaptive_avg_pool2d(1),                                                     IMAGE)     \
    ROW(adaptive,            ct_nn_adaptive_avg_pool2d(CT_HW(3, 5)),                                           IMAGE)     \
    ROW(upsample,            ct_nn_upsample(CT_HW(2, 3)),                                                      IMAGE)     \
    ROW(upsample_bilinear,   ct_nn_upsample(2, .mode = CT_BILINEAR),                                           IMAGE)     \
    ROW(upsample_aligned,    ct_nn_upsample(3, .mode = CT_BILINEAR, .align_corners = true),                    IMAGE)     \
    ROW(batch_norm2d,        ct_nn_batch_norm2d(3, .momentum = 0.3, .eps = 1e-3, .activation = CT_TANH),       IMAGE)     \
    ROW(batch_norm1d,        ct_nn_batch_norm1d(6, .no_affine = true, .cumulative = true),                     ROWS)      \
    ROW(batch_norm_line,     ct_nn_batch_norm1d(3),                                                            LINE)      \
    ROW(group_norm,          ct_nn_group_norm(3, 6, .eps = 1e-3),                                              ct_randn(2, 6, 4, 3)) \
    ROW(group_norm_line,     ct_nn_group_norm(2, 6),                                                           ct_randn(2, 6, 7)) \
    ROW(group_norm_bare,     ct_nn_group_norm(1, 3, .no_affine = true),                                        IMAGE)     \
    ROW(instance_norm2d,     ct_nn_instance_norm2d(3, .affine = true, .eps = 1e-3),                            IMAGE)     \
    ROW(instance_norm_bare,  ct_nn_instance_norm2d(3),                                                         IMAGE)     \
    ROW(layer_norm,          ct_nn_layer_norm(12, .eps = 1e-3),                                                SEQUENCE)  \
    ROW(layer_norm_bare,     ct_nn_layer_norm(12, .no_affine = true),                                          SEQUENCE)  \
    ROW(layer_norm_no_bias,  ct_nn_layer_norm(12, .no_bias = true),                                            SEQUENCE)  \
    ROW(rms_norm,            ct_nn_rms_norm(12),                                                               SEQUENCE)  \
    ROW(rms_norm_bare,       ct_nn_rms_norm(12, .eps = 1e-3, .no_affine = true),                               SEQUENCE)  \
    ROW(basic_block,         ct_nn_basic_block(3, 4, .stride = 2),                                             IMAGE)     \
    ROW(bottleneck,          ct_nn_bottleneck(3, 2),                                                           IMAGE)     \
    ROW(mlp,                 ct_nn_sequential(ct_nn_flatten(), ct_nn_linear(192, 16), ct_nn_relu(), ct_nn_dropout(0.5), ct_nn_linear(16, 4)), IMAGE) \
    ROW(lenet5,              ct_nn_lenet5(.channels = 1, .size = 28),                                          ct_randn(2, 1, 28, 28)) \
    ROW(tinycnn,             ct_nn_tinycnn(.size = 8),                                                         IMAGE)     \
    ROW(simplecnn,           ct_nn_simplecnn(.size = 8),                                                       IMAGE)     \
    ROW(resnet18,            ct_nn_resnet18(.imagenet_stem = true),                                            ct_randn(2, 3, 64, 64)) \
    ROW(resnet34,            ct_nn_resnet34(.classes = 3),                                                     IMAGE)     \
    ROW(resnet50,            ct_nn_resnet50(.channels = 1),                                                    ct_randn(2, 1, 16, 16)) \
    ROW(autoencoder,         ct_nn_autoencoder(.channels = 3, .size = 8, .hidden = 16, .latent = 4),           IMAGE)     \
    ROW(conv_autoencoder,    ct_nn_conv_autoencoder(.channels = 3, .size = 8, .hidden = 16, .latent = 4),      IMAGE)     \
    ROW(variational,         ct_nn_variational_autoencoder(.channels = 3, .size = 8, .hidden = 16, .latent = 4), IMAGE)   \
    ROW(embedding,           ct_nn_embedding(11, 12, .padding_idx = -2),                                       TOKENS)    \
    ROW(positions,           ct_nn_sinusoidal_positions(9, 12),                                                SEQUENCE)  \
    ROW(learned_positions,   ct_nn_learned_positions(9, 12),                                                   SEQUENCE)  \
    ROW(attention,           ct_nn_multihead_attention(12, 3, .dropout = 0.5),                                 SEQUENCE)  \
    ROW(attention_causal,    ct_nn_multihead_attention(12, 4, .kv_heads = 2, .causal = true, .no_bias = true), SEQUENCE)  \
    ROW(attention_rotary,    ct_nn_multihead_attention(12, 2, .rotary = true, .rotary_base = 100, .key_width = 12), SEQUENCE) \
    ROW(feed_forward,        ct_nn_feed_forward(12, 20, .dropout = 0.5, .activation = CT_GELU, .no_bias = true), SEQUENCE) \
    ROW(block,               ct_nn_transformer_block(12, 3, .hidden = 20, .dropout = 0.1),                     SEQUENCE)  \
    ROW(block_pre,           ct_nn_transformer_block(12, 6, .kv_heads = 3, .causal = true, .rotary = true, .no_bias = true, .pre_norm = true, \
                                                     .rms_norm = true, .activation = CT_SILU, .eps = 1e-3),    SEQUENCE)  \
    ROW(encoder,             ct_nn_transformer_encoder(2, 12, 2, .hidden = 20),                                SEQUENCE)  \
    ROW(encoder_pre,         ct_nn_transformer_encoder(2, 12, 2, .pre_norm = true, .causal = true),            SEQUENCE)  \
    ROW(gpt,                 ct_nn_gpt(.vocabulary = 11, .block = 8, .width = 12, .layers = 2, .heads = 2, .dropout = 0.1), TOKENS) \
    ROW(gpt_rotary,          ct_nn_gpt(.vocabulary = 11, .block = 8, .width = 12, .layers = 1, .heads = 3, .rotary = true, .untied = true), TOKENS) \
    ROW(classifier,          ct_nn_sequential(ct_nn_embedding(11, 12), ct_nn_sinusoidal_positions(9, 12), ct_nn_transformer_encoder(1, 12, 2), \
                                              ct_nn_linear(12, 3)),                                            TOKENS)    \
    ROW(rnn,                 ct_nn_rnn(12, 4),                                                                 SEQUENCE)  \
    ROW(rnn_relu,            ct_nn_rnn(12, 4, .layers = 2, .relu = true, .bidirectional = true, .dropout = 0.5), SEQUENCE) \
    ROW(lstm,                ct_nn_lstm(12, 4, .layers = 2, .bidirectional = true),                            SEQUENCE)  \
    ROW(lstm_no_bias,        ct_nn_lstm(12, 4, .no_bias = true),                                               SEQUENCE)  \
    ROW(gru,                 ct_nn_gru(12, 4, .layers = 2, .dropout = 0.5),                                    SEQUENCE)  \
    ROW(gru_both,            ct_nn_gru(12, 4, .bidirectional = true, .no_bias = true),                         SEQUENCE)

#define ZOO_FUNCTIONS(name, module, input)                 \
    static ct_module *zoo_##name(void) { return module; }  \
    static ct_tensor *zoo_##name##_input(void) { return input; }
ZOO(ZOO_FUNCTIONS)

#define ZOO_ROW(name, module, input) {#name, zoo_##name, zoo_##name##_input},
static const struct zoo_row {
    const char *name;
    ct_module *(*make)(void);
    ct_tensor *(*input)(void);
} zoo[] = {ZOO(ZOO_ROW)};
enum { ZOO_COUNT = sizeof zoo / sizeof *zoo };

/* Biases and running values other than their first ones, which might hide a mix-up. */
static inline bool zoo_stir(const char *name, ct_tensor *t, bool is_parameter, void *context)
{
    (void)is_parameter, (void)context;
    CT_SCOPE;
    CT_NO_GRAD;
    if (ct_dtype_of(t) == CT_INT64)
        return ct_add_(t, 3) != NULL;
    const bool positive = strstr(name, "running_var") != NULL;
    ct_tensor *noise = ct_mul(ct_cast(ct_rand_like(t), ct_dtype_of(t)), 0.3);
    return ct_add_(t, positive ? noise : ct_sub(noise, 0.15)) != NULL;
}

static inline ct_module *zoo_make(const struct zoo_row *row)
{
    ct_module *net = row->make();
    if (net)
        ct_module_each(net, zoo_stir, NULL), ct_module_eval(net);
    return net;
}
#endif
