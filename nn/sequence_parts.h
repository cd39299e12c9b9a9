/* What layers of sequences hand to each other. Never installed. */
#ifndef COTANGENT_NN_SEQUENCE_PARTS_H
#define COTANGENT_NN_SEQUENCE_PARTS_H
#include "nn/layer.h"

ct_tensor *embedding_weight(const ct_module *embedding);
ct_tensor *positions_run(ct_module *positions, ct_tensor *x, int64_t offset); /* x + table[offset : offset + T] */

/* Attention as a part: ct_nn_attend, but for the cache, whose length grows when the whole run has ended well. */
ct_tensor *attention_run(ct_module *attention, ct_tensor *query, ct_tensor *key, ct_tensor *value, const ct_nn_attend_options *options);
ct_module *attention_of_memory(ct_module *attention); /* its keys and values are the same in every run with one cache; returns attention */
struct attention_shape {
    int64_t kv_heads, head;
    ct_dtype dtype;
    bool of_memory;
};
bool attention_shape(const ct_module *module, struct attention_shape *shape); /* false: the module is no attention */

/* The rows of a list of settings whose options are ct_nn_transformer_options. */
#define TRANSFORMER_OPTIONS(group)                                                                                     \
    OPTION(group, INTEGER, hidden), OPTION(group, INTEGER, kv_heads), OPTION(group, BOOL, causal), OPTION(group, BOOL, rotary), \
        OPTION(group, BOOL, no_bias), OPTION(group, BOOL, pre_norm), OPTION(group, BOOL, rms_norm), OPTION(group, NUMBER, dropout), \
        ACTIVATION(group), OPTION(group, NUMBER, eps)

/* Blocks and stacks of them as parts; memory NULL: of an encoder. They promote the weights that options want. */
ct_module *transformer_block(const char *call, bool decoder, int64_t width, int64_t heads, const ct_nn_transformer_options *options);
ct_module *transformer_norm(int64_t width, const ct_nn_transformer_options *options);
ct_tensor *decoder_forward(ct_module *self, ct_tensor *x); /* fails: a decoder has none */
bool is_block(const ct_module *module, bool decoder);
typedef ct_tensor *decode_run(ct_module *self, ct_tensor *x, ct_tensor *memory, const ct_nn_decode_options *options);
ct_tensor *run_kept_or_not(ct_module *self, decode_run *run, ct_tensor *x, ct_tensor *memory, const ct_nn_decode_options *options);
ct_tensor *block_run(ct_module *block, ct_tensor *x, ct_tensor *memory, const ct_nn_decode_options *options);
ct_tensor *stack_run(ct_module *stack, ct_tensor *x, ct_tensor *memory, const ct_nn_decode_options *options);

/* A GPT in two halves: vectors of tokens behind those in the cache, and logits of vectors; vocabulary and block, false after reporting: it is none. */
ct_tensor *gpt_hidden(ct_module *gpt, ct_tensor *tokens, ct_nn_cache *cache);
ct_tensor *gpt_logits(const ct_module *gpt, ct_tensor *hidden);
bool gpt_sizes(const char *call, const ct_module *module, int64_t *vocabulary, int64_t *block);

/* ---- A run with a cache, or with NULL, which does nothing: between begin and end nothing is recorded ----------------------------- */
struct cached_run {
    ct_nn_cache *cache;
    int64_t tokens;
    bool recorded;
};
bool cache_begin(struct cached_run *run, const char *call, ct_nn_cache *cache, const ct_module *module, const ct_tensor *x); /* x: (N, T, ...) */
ct_tensor *cache_end(struct cached_run *run, ct_tensor *y); /* y; unless NULL, the tokens are in the cache now */
/* Writes keys and values (N, kv_heads, T, head) of one attention behind those it has; they become views of all. */
bool cache_append(ct_nn_cache *cache, const ct_module *attention, ct_tensor **keys, ct_tensor **values);
/* Keys and values that were made of this memory earlier: true with them, or with NULLs: hand them to cache_keep. False: another memory. */
bool cache_recall(ct_nn_cache *cache, const ct_module *attention, ct_tensor *memory, ct_tensor **keys, ct_tensor **values);
bool cache_keep(ct_nn_cache *cache, const ct_module *attention, ct_tensor *memory, ct_tensor *keys, ct_tensor *values);
#endif
