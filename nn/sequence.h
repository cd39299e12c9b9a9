/* Layers and models of sequences, part of nn.h: (N, T, D), a batch of N sequences of T vectors of width D. Names of parameters, and numbers,
 * are PyTorch's with batch_first. Dropout is 0 unless asked for. */
#ifndef COTANGENT_NN_SEQUENCE_H
#define COTANGENT_NN_SEQUENCE_H
#include <nn/nn.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Tokens, positions, normalisation ---------------------------------------------------------------------------------------- */
typedef struct { int64_t padding_idx; char end_; } ct_nn_embedding_options; /* the row that is 0 and stays it, may be negative; at first none */
#define CT_NN_EMBEDDING_DEFAULTS .padding_idx = CT_NO_PADDING,
CT_API extern const ct_nn_embedding_options ct_nn_embedding_defaults;
CT_API ct_module *ct_nn_embedding(int64_t count, int64_t width, const ct_nn_embedding_options *options); /* int64 (...) in [0, count) -> (..., width);
                                                            weight (count, width), normal */
CT_API ct_module *ct_nn_sinusoidal_positions(int64_t max_length, int64_t width); /* (N, T, width) -> x + ct_sinusoidal_positions; T at most max_length.
                                                            Nothing is trained or saved. Like the learned ones they begin at 0: behind a cache add
                                                            ct_narrow(ct_sinusoidal_positions(max, width), 0, ct_nn_cache_length(cache), T) yourself */
CT_API ct_module *ct_nn_learned_positions(int64_t max_length, int64_t width); /* x + weight[:T]; weight (max_length, width), normal */
typedef struct { double eps; bool no_affine, no_bias; char end_; } ct_nn_layer_norm_options; /* 1e-5 */
#define CT_NN_LAYER_NORM_DEFAULTS .eps = 1e-5,
CT_API extern const ct_nn_layer_norm_options ct_nn_layer_norm_defaults;
CT_API ct_module *ct_nn_layer_norm(int64_t width, const ct_nn_layer_norm_options *options); /* (..., width) -> the same; weight, bias (width) */
typedef struct { double eps; bool no_affine; char end_; } ct_nn_rms_norm_options; /* eps as in ct_rms_norm */
#define CT_NN_RMS_NORM_DEFAULTS .eps = -1,
CT_API extern const ct_nn_rms_norm_options ct_nn_rms_norm_defaults;
CT_API ct_module *ct_nn_rms_norm(int64_t width, const ct_nn_rms_norm_options *options);

/* ---- Attention --------------------------------------------------------------------------------------------------------------
 * A cache holds keys and values of one attention, or of all in a stack or model, so that a token costs what it attends to and not
 * what came before it again: give each run only the new tokens. What came before stays as it was computed, so runs in parts give what one run
 * gives where attention is causal. It is for one batch of sequences; nothing is recorded with one. */
typedef struct ct_nn_cache ct_nn_cache;         /* freed by ct_free */
CT_API ct_nn_cache *ct_nn_cache_new(ct_module *module, int64_t batch, int64_t capacity); /* for runs of this module alone, capacity tokens in all */
CT_API int64_t ct_nn_cache_length(const ct_nn_cache *cache); /* tokens in it; -1 for NULL */
CT_API void ct_nn_cache_reset(ct_nn_cache *cache); /* empty: another batch of sequences may begin */

typedef struct {
    int64_t kv_heads;                           /* 0: heads; fewer: heads / kv_heads in a row share keys and values, arXiv:2305.13245 */
    int64_t key_width, value_width;             /* 0: width; of what keys and values are made of, PyTorch's kdim and vdim */
    bool no_bias, causal;                       /* causal: in every run */
    bool rotary;                                /* queries and keys turned by their positions, ct_rotary_embedding */
    double rotary_base;                         /* 10000 */
    double dropout;                             /* of the probabilities, in training */
    char end_;
} ct_nn_attention_options;
#define CT_NN_ATTENTION_DEFAULTS .rotary_base = 10000,
CT_API extern const ct_nn_attention_options ct_nn_attention_defaults;
/* (N, T, width) -> the same, heads of width / heads each. in_proj_weight ((heads + 2 kv_heads) width / heads, width): the queries' rows, the
 * keys', the values'; or q_proj_weight, k_proj_weight, v_proj_weight where widths differ; in_proj_bias, out_proj. PyTorch's MultiheadAttention. */
CT_API ct_module *ct_nn_multihead_attention(int64_t width, int64_t heads, const ct_nn_attention_options *options);
typedef struct {
    ct_tensor *mask;                            /* (T, S) or (N or 1, heads or 1, T, S), S counting the cache's tokens. bool: true may be attended to, as in
                                                   ct_scaled_dot_product_attention (PyTorch's modules: the opposite); floating: added to the scores */
    ct_tensor *key_padding;                     /* bool (N, S): true is padding, which nothing attends to; PyTorch's key_padding_mask */
    bool causal;
    ct_nn_cache *cache;                         /* query, key and value are the tokens behind those in it, and are added to it */
    ct_tensor **weights;                        /* room for the probabilities (N, heads, T, S) of each attention, a stack's first layer first (a decoder's:
                                                   of its self-attention); computed besides, without dropout and gradient, for drawing. Undefined
                                                   on failure */
    char end_;
} ct_nn_attend_options;
CT_API ct_tensor *ct_nn_attend(ct_module *attention, ct_tensor *query, ct_tensor *key, ct_tensor *value, const ct_nn_attend_options *options); /* (N, T, width),
                                                            (N, S, key_width), (N, S, value_width) -> (N, T, width). One that may attend to
                                                            nothing gets 0 (out_proj's bias) and gives gradients of 0 */

/* ---- Transformers, arXiv:1706.03762 ---------------------------------------------------------------------------------------------- */
typedef struct { double dropout; bool no_bias; ct_activation activation; char end_; } ct_nn_feed_forward_options; /* CT_RELU */
#define CT_NN_FEED_FORWARD_DEFAULTS .activation = CT_RELU,
CT_API extern const ct_nn_feed_forward_options ct_nn_feed_forward_defaults;
CT_API ct_module *ct_nn_feed_forward(int64_t width, int64_t hidden, const ct_nn_feed_forward_options *options); /* linear2(dropout(activation(linear1(x)))) */
typedef struct {
    int64_t hidden;                             /* of the feed-forward; 0: 4 width (PyTorch's dim_feedforward: 2048) */
    int64_t kv_heads;                           /* as attention's, and the next two; causal and rotary: self-attention alone */
    bool causal, rotary, no_bias;
    bool pre_norm;                              /* x + f(norm(x)), PyTorch's norm_first, and stacks end in a norm; else norm(x + f(x)) */
    bool rms_norm;                              /* in the place of LayerNorm */
    double dropout;                             /* of probabilities, hidden values and what is added to x, in training (PyTorch: 0.1) */
    bool checkpoint;                            /* each block as by ct_module_checkpoint */
    ct_activation activation;                   /* CT_RELU */
    double eps;                                 /* 1e-5, of the norms */
    char end_;
} ct_nn_transformer_options;
#define CT_NN_TRANSFORMER_DEFAULTS .activation = CT_RELU, .eps = 1e-5,
CT_API extern const ct_nn_transformer_options ct_nn_transformer_defaults;
/* self_attn, linear1, linear2, norm1, norm2: PyTorch's TransformerEncoderLayer */
CT_API ct_module *ct_nn_transformer_block(int64_t width, int64_t heads, const ct_nn_transformer_options *options);
/* and multihead_attn over a memory before the feed-forward, norm3: TransformerDecoderLayer. causal must be asked for */
CT_API ct_module *ct_nn_transformer_decoder_block(int64_t width, int64_t heads, const ct_nn_transformer_options *options);
CT_API ct_module *ct_nn_transformer_encoder(int64_t layers, int64_t width, int64_t heads, const ct_nn_transformer_options *options); /* layers.0, ...; norm */
CT_API ct_module *ct_nn_transformer_decoder(int64_t layers, int64_t width, int64_t heads, const ct_nn_transformer_options *options);
CT_API ct_tensor *ct_nn_transformer_run(ct_module *encoder, ct_tensor *x, const ct_nn_attend_options *options); /* encoder or block, with masks or a cache:
                                                            (N, T, width) -> the same */
typedef struct {
    ct_tensor *mask, *key_padding;              /* of the self-attention, as in ct_nn_attend_options */
    ct_tensor *memory_mask, *memory_key_padding; /* of the attention over the memory: (T, S) or four axes, (N, S) */
    bool causal;
    ct_nn_cache *cache;                         /* the memory's keys and values are in it too: it must stay the same tensor */
    ct_tensor **weights;
    char end_;
} ct_nn_decode_options;
CT_API ct_tensor *ct_nn_transformer_decode(ct_module *decoder, ct_tensor *x, ct_tensor *memory, const ct_nn_decode_options *options); /* decoder or its block:
                                                            (N, T, width), (N, S, width) -> (N, T, width) */

/* ---- GPT: a causal language model over tokens ------------------------------------------------------------------------------------
 * embedding, positions, a stack of pre-norm GELU blocks with its norm, and logits = x embedding.weight^T: one tensor, stored once. First values as
 * GPT-2's: normal of deviation 0.02, what is added to x over sqrt(2 layers). */
typedef struct {
    int64_t vocabulary, block;                  /* the number of tokens; the most of them in a row, 64 */
    int64_t width, layers, heads;               /* 128, 4, 4 */
    double dropout;
    bool rotary;                                /* in the place of learned positions */
    bool checkpoint;                            /* each block as by ct_module_checkpoint */
    bool untied;                                /* logits by a weight of their own, head.weight */
    char end_;
} ct_nn_gpt_options;
#define CT_NN_GPT_DEFAULTS .block = 64, .width = 128, .layers = 4, .heads = 4,
CT_API extern const ct_nn_gpt_options ct_nn_gpt_defaults;
CT_API ct_module *ct_nn_gpt(const ct_nn_gpt_options *options); /* int64 (N, T), T at most block -> logits (N, T, vocabulary) */
CT_API ct_tensor *ct_nn_gpt_run(ct_module *gpt, ct_tensor *tokens, ct_nn_cache *cache); /* logits of tokens behind those in the cache, which gets them; past
                                                            the block: an error */
typedef struct {
    int64_t count;                              /* of new tokens; at least 1 */
    double temperature;                         /* 1; divides the logits; 0: always the likeliest token */
    int64_t top_k;                              /* among the k likeliest alone; 0: all */
    ct_generator *generator;
    bool no_cache;                              /* everything anew for each token, for comparison */
    char end_;
} ct_nn_generate_options;
#define CT_NN_GENERATE_DEFAULTS .temperature = 1,
CT_API extern const ct_nn_generate_options ct_nn_generate_defaults;
CT_API ct_tensor *ct_nn_gpt_generate(ct_module *gpt, ct_tensor *tokens, const ct_nn_generate_options *options); /* int64 (N, T), T >= 1 -> (N, count), in evaluation
                                                            mode. Past the block the last `block` tokens count, anew for each token: slower */

/* ---- Recurrent: weight_ih_l0, weight_hh_l0, bias_ih_l0, bias_hh_l0, then l1 ..., ..._reverse; all uniform in +-1/sqrt(hidden) ------------- */
typedef struct { int64_t layers; bool bidirectional, no_bias, relu; double dropout; char end_; } ct_nn_rnn_options; /* 1; relu: in the place of tanh; dropout:
                                                            between layers, in training */
typedef struct { int64_t layers; bool bidirectional, no_bias; double dropout; char end_; } ct_nn_recurrent_options;
#define CT_NN_RECURRENT_DEFAULTS .layers = 1,
CT_API extern const ct_nn_rnn_options ct_nn_rnn_defaults;
CT_API extern const ct_nn_recurrent_options ct_nn_recurrent_defaults;
CT_API ct_module *ct_nn_rnn(int64_t in, int64_t hidden, const ct_nn_rnn_options *options); /* (N, T, in) -> (N, T, directions hidden):
                                                            h = tanh(x W_ih^T + b_ih + h W_hh^T + b_hh), 0 before the first step */
CT_API ct_module *ct_nn_lstm(int64_t in, int64_t hidden, const ct_nn_recurrent_options *options); /* gates i, f, g, o: c = f c + i g, h = o tanh(c) */
CT_API ct_module *ct_nn_gru(int64_t in, int64_t hidden, const ct_nn_recurrent_options *options); /* r, z, n: n = tanh(.. + r (h W_n^T + b_n)), h = (1 - z) n + z h */
typedef struct {
    ct_tensor *lengths;                         /* int64 (N), each 1 to T, in any order: later steps are padding, which gives 0 and moves no
                                                   state, as in PyTorch's packed sequences */
    ct_tensor *h0, *c0;                         /* (layers directions, N, hidden), NULL: 0; c0: LSTM alone */
    ct_tensor **h, **c;                         /* the last states, of that shape */
    char end_;
} ct_nn_recurrent_run_options;
CT_API ct_tensor *ct_nn_recurrent_run(ct_module *recurrent, ct_tensor *x, const ct_nn_recurrent_run_options *options);

#ifdef __cplusplus
}
#else
#define ct_nn_embedding(count, ...) CT_NN_SIZES_(ct_nn_embedding, count, ct_nn_embedding_options, (CT_NN_EMBEDDING_DEFAULTS), __VA_ARGS__)
#define ct_nn_layer_norm(...) CT_WITH1_(ct_nn_layer_norm, ct_nn_layer_norm_options, (CT_NN_LAYER_NORM_DEFAULTS), __VA_ARGS__)
#define ct_nn_rms_norm(...) CT_WITH1_(ct_nn_rms_norm, ct_nn_rms_norm_options, (CT_NN_RMS_NORM_DEFAULTS), __VA_ARGS__)
#define ct_nn_multihead_attention(width, ...) CT_NN_SIZES_(ct_nn_multihead_attention, width, ct_nn_attention_options, (CT_NN_ATTENTION_DEFAULTS), __VA_ARGS__)
#define ct_nn_feed_forward(width, ...) CT_NN_SIZES_(ct_nn_feed_forward, width, ct_nn_feed_forward_options, (CT_NN_FEED_FORWARD_DEFAULTS), __VA_ARGS__)
#define ct_nn_transformer_block(width, ...) CT_NN_SIZES_(ct_nn_transformer_block, width, ct_nn_transformer_options, (CT_NN_TRANSFORMER_DEFAULTS), __VA_ARGS__)
#define ct_nn_transformer_decoder_block(width, ...) \
    CT_NN_SIZES_(ct_nn_transformer_decoder_block, width, ct_nn_transformer_options, (CT_NN_TRANSFORMER_DEFAULTS), __VA_ARGS__)
#define ct_nn_transformer_encoder(layers, width, ...) CT_NN_STACK_(ct_nn_transformer_encoder, layers, width, __VA_ARGS__)
#define ct_nn_transformer_decoder(layers, width, ...) CT_NN_STACK_(ct_nn_transformer_decoder, layers, width, __VA_ARGS__)
#define ct_nn_gpt(...) CT_WITH_(ct_nn_gpt, (), ct_nn_gpt_options, (CT_NN_GPT_DEFAULTS), __VA_ARGS__)
#define ct_nn_rnn(in, ...) CT_NN_SIZES_(ct_nn_rnn, in, ct_nn_rnn_options, (CT_NN_RECURRENT_DEFAULTS), __VA_ARGS__)
#define ct_nn_lstm(in, ...) CT_NN_SIZES_(ct_nn_lstm, in, ct_nn_recurrent_options, (CT_NN_RECURRENT_DEFAULTS), __VA_ARGS__)
#define ct_nn_gru(in, ...) CT_NN_SIZES_(ct_nn_gru, in, ct_nn_recurrent_options, (CT_NN_RECURRENT_DEFAULTS), __VA_ARGS__)
#define CT_NN_SIZES_(f, first, type, defaults, ...) CT_WITH_(f, (first, CT_HEAD_(__VA_ARGS__), ), type, defaults, CT_TAIL_(__VA_ARGS__))
#define CT_NN_STACK_(f, layers, width, ...) \
    CT_WITH_(f, (layers, width, CT_HEAD_(__VA_ARGS__), ), ct_nn_transformer_options, (CT_NN_TRANSFORMER_DEFAULTS), CT_TAIL_(__VA_ARGS__))

#define ct_nn_transformer_run(module, ...) CT_NN_RUN_(ct_nn_transformer_run, ct_nn_attend_options, (), module, __VA_ARGS__)
#define ct_nn_recurrent_run(module, ...) CT_NN_RUN_(ct_nn_recurrent_run, ct_nn_recurrent_run_options, (), module, __VA_ARGS__)
#define ct_nn_gpt_generate(module, ...) CT_NN_RUN_(ct_nn_gpt_generate, ct_nn_generate_options, (CT_NN_GENERATE_DEFAULTS), module, __VA_ARGS__)
#define CT_NN_RUN_(f, type, defaults, module, ...) \
    CT_NN_RUNB_(f, type, defaults, module, CT_HEAD_(__VA_ARGS__), CT_NAME_(ct_m_), CT_NAME_(ct_x_), CT_TAIL_(__VA_ARGS__))
#define CT_NN_RUNB_(f, type, defaults, module, x, m_, x_, ...)                                                           \
    __extension__({                                                                                                      \
        ct_module *const m_ = (module);                                                                                  \
        ct_tensor *const x_ = (x);                                                                                       \
        CT_WITH_(f, (m_, x_, ), type, defaults, __VA_ARGS__);                                                            \
    })
#define ct_nn_transformer_decode(module, x, ...) \
    CT_NN_DECODE_(module, x, CT_HEAD_(__VA_ARGS__), CT_NAME_(ct_m_), CT_NAME_(ct_x_), CT_NAME_(ct_memory_), CT_TAIL_(__VA_ARGS__))
#define CT_NN_DECODE_(module, x, memory, m_, x_, memory_, ...)                                                           \
    __extension__({                                                                                                      \
        ct_module *const m_ = (module);                                                                                  \
        ct_tensor *const x_ = (x), *const memory_ = (memory);                                                            \
        CT_WITH_(ct_nn_transformer_decode, (m_, x_, memory_, ), ct_nn_decode_options, (), __VA_ARGS__);                  \
    })
#define ct_nn_attend(module, q, k, ...) \
    CT_NN_ATTEND_(module, q, k, CT_HEAD_(__VA_ARGS__), CT_NAME_(ct_m_), CT_NAME_(ct_q_), CT_NAME_(ct_k_), CT_NAME_(ct_v_), CT_TAIL_(__VA_ARGS__))
#define CT_NN_ATTEND_(module, q, k, v, m_, q_, k_, v_, ...)                                                              \
    __extension__({                                                                                                      \
        ct_module *const m_ = (module);                                                                                  \
        ct_tensor *const q_ = (q), *const k_ = (k), *const v_ = (v);                                                     \
        CT_WITH_(ct_nn_attend, (m_, q_, k_, v_, ), ct_nn_attend_options, (), __VA_ARGS__);                               \
    })
#endif
#endif
