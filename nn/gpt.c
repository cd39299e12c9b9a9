/* A causal language model as GPT-2: embedding, positions, a stack of blocks, and logits by the embedding's own weight (arXiv:1608.05859).
 * That weight is one parameter under one name, so a file, an optimizer and a count meet it once. */
#include <math.h>
#include <string.h>

#include "nn/onnx.h"
#include "nn/sequence_parts.h"

struct gpt {
    ct_module *embedding, *positions, *stack, *head; /* positions NULL: rotary; head NULL: tied */
    int64_t vocabulary, block;
    double dropout;
};

const ct_nn_gpt_options ct_nn_gpt_defaults = {CT_NN_GPT_DEFAULTS .end_ = 0};

/* (N, T) behind those in the cache -> (N, T, width) */
ct_tensor *gpt_hidden(ct_module *self, ct_tensor *tokens, ct_nn_cache *cache)
{
    const struct gpt *m = ct_module_state(self);
    const int64_t before = cache ? ct_nn_cache_length(cache) : 0;
    ct_tensor *x = ct_forward(m->embedding, tokens);
    if (m->positions)
        x = positions_run(m->positions, x, before);
    if (m->dropout > 0 && ct_module_is_training(self))
        x = ct_dropout(x, .p = m->dropout);
    return x ? stack_run(m->stack, x, NULL, &(ct_nn_decode_options){.cache = cache}) : NULL;
}

ct_tensor *gpt_logits(const ct_module *self, ct_tensor *hidden)     /* (..., width) -> (..., vocabulary) */
{
    const struct gpt *m = ct_module_state(self);
    return m->head ? ct_forward(m->head, hidden) : ct_linear(hidden, embedding_weight(m->embedding), NULL);
}

static bool check_tokens(const struct gpt *m, const ct_tensor *tokens, int64_t before)
{
    char text[MODULE_PATH_BYTES];
    if (ct_rank(tokens) != 2 || ct_dtype_of(tokens) != CT_INT64)
        return ct_fail("gpt: tokens %s of %s, want (N, T) of int64", module_shape_text(text, tokens), ct_dtype_name(ct_dtype_of(tokens))) != NULL;
    return ct_size(tokens, 1) <= m->block - before ||
           ct_fail("gpt: %lld tokens behind %lld: want at most a block of %lld", (long long)ct_size(tokens, 1), (long long)before, (long long)m->block);
}

static ct_tensor *gpt_forward(ct_module *self, ct_tensor *tokens)
{
    return check_tokens(ct_module_state(self), tokens, 0) ? gpt_logits(self, gpt_hidden(self, tokens, NULL)) : NULL;
}

bool gpt_sizes(const char *call, const ct_module *module, int64_t *vocabulary, int64_t *block)
{
    if (!module || module->forward != gpt_forward)
        return (module || ct_ok()) && ct_fail("%s: the module is %s, want a GPT", call, module ? module->kind : "NULL");
    const struct gpt *m = ct_module_state(module);
    *vocabulary = m->vocabulary, *block = m->block;
    return true;
}

ct_tensor *ct_nn_gpt_run(ct_module *self, ct_tensor *tokens, ct_nn_cache *cache)
{
    int64_t vocabulary, block;
    struct cached_run run;
    if (!tokens)
        return ct_ok() ? ct_fail("gpt_run: the tokens are NULL") : NULL;
    if (!gpt_sizes("gpt_run", self, &vocabulary, &block) || !check_tokens(ct_module_state(self), tokens, cache ? ct_nn_cache_length(cache) : 0) ||
        !cache_begin(&run, "gpt_run", cache, self, tokens))
        return NULL;
    const ct_scope scope = ct_module_enter(self);
    ct_tensor *y = scope ? gpt_logits(self, gpt_hidden(self, tokens, cache)) : NULL;
    return cache_end(&run, ct_module_leave(self, scope, y) ? y : NULL);
}

/* ---- Making one ---------------------------------------------------------------------------------------------------------------- */
static bool ends_in(const char *name, const char *end)
{
    const size_t a = strlen(name), b = strlen(end);
    return a >= b && !strcmp(name + a - b, end);
}

/* Matrices normal, and narrower where their results add up in x over the layers; biases 0; the weights of norms stay 1. */
static bool start(const char *name, ct_tensor *t, bool is_parameter, void *context)
{
    (void)is_parameter;
    const bool adds = ends_in(name, "out_proj.weight") || ends_in(name, "linear2.weight");
    if (ct_rank(t) == 2)
        return ct_nn_init_normal(t, 0, 0.02 / (adds ? sqrt(2 * (double)*(const int64_t *)context) : 1), NULL);
    return !ends_in(name, "bias") || ct_nn_init_zeros(t);
}

struct gpt_settings {
    ct_nn_gpt_options options;
};
static const ct_setting gpt_settings_list[] = {
    OPTION(gpt_settings, INTEGER, vocabulary), OPTION(gpt_settings, INTEGER, block),  OPTION(gpt_settings, INTEGER, width), OPTION(gpt_settings, INTEGER, layers),
    OPTION(gpt_settings, INTEGER, heads),      OPTION(gpt_settings, NUMBER, dropout), OPTION(gpt_settings, BOOL, rotary),   OPTION(gpt_settings, BOOL, untied),
};

static const char *gpt_onnx(ct_onnx *g, ct_module *self, const char *tokens)
{
    const struct gpt *m = ct_module_state(self);
    const char *x = ct_onnx_forward(g, m->embedding, tokens);
    if (m->positions)
        x = ct_onnx_forward(g, m->positions, x);
    x = ct_onnx_forward(g, m->stack, x);
    return m->head ? ct_onnx_forward(g, m->head, x) : onnx_linear(g, x, 3, ct_onnx_weight(g, m->embedding, "weight"), "");
}
MODULE_TYPE(gpt, "GPT", gpt_settings, gpt_onnx, (ct_nn_gpt)(&s->options), CT_NN_GPT_DEFAULTS)

ct_module *(ct_nn_gpt)(const ct_nn_gpt_options *options)
{
    const ct_nn_gpt_options *o = options ? options : &ct_nn_gpt_defaults;
    if (o->vocabulary < 1 || o->block < 1)
        return ct_fail("gpt: a vocabulary of %lld, a block of %lld: want at least 1", (long long)o->vocabulary, (long long)o->block);
    ct_module *self = ct_module_new("GPT", gpt_forward, sizeof(struct gpt));
    struct gpt *m = ct_module_state(self);
    if (!m)
        return NULL;
    *m = (struct gpt){.vocabulary = o->vocabulary, .block = o->block, .dropout = o->dropout};
    m->stack = ct_nn_transformer_encoder(o->layers, o->width, o->heads, .causal = true, .pre_norm = true, .activation = CT_GELU, .rotary = o->rotary,
                                         .dropout = o->dropout, .checkpoint = o->checkpoint);
    m->embedding = ct_module_add_child(self, "embedding", m->stack ? ct_nn_embedding(o->vocabulary, o->width) : NULL);
    if (!o->rotary)
        m->positions = ct_module_add_child(self, "positions", ct_nn_learned_positions(o->block, o->width));
    ct_module_add_child(self, "stack", m->stack);
    if (o->untied)
        m->head = ct_module_add_child(self, "head", ct_nn_linear(o->width, o->vocabulary, .no_bias = true));
    ct_module_describe(self, "%lld tokens in blocks of %lld%s", (long long)o->vocabulary, (long long)o->block, o->untied ? "" : ", tied");
    self = ct_module_ready(self);
    if (self && ct_module_each(self, start, &(int64_t){o->layers}))
        return ct_module_ready_as(self, &gpt_type, o);
    ct_free(self);
    return NULL;
}
