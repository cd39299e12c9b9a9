/* Blocks of a transformer, arXiv:1706.03762: attention and a feed-forward, each added to its input, and a normalisation behind the sum or,
 * arXiv:2002.04745, before the part. */
#include <math.h>

#include "nn/onnx.h"
#include "nn/sequence_parts.h"

/* ---- Feed-forward ---------------------------------------------------------------------------------------------------------- */
struct feed_forward {
    ct_module *linear[2];
    double dropout;
};

const ct_nn_feed_forward_options ct_nn_feed_forward_defaults = {CT_NN_FEED_FORWARD_DEFAULTS .end_ = 0};
const ct_nn_transformer_options ct_nn_transformer_defaults = {CT_NN_TRANSFORMER_DEFAULTS .end_ = 0};

static ct_tensor *dropped(const ct_module *self, ct_tensor *x, double p)
{
    return p > 0 && ct_module_is_training(self) ? ct_dropout(x, .p = p) : x;
}

static ct_tensor *fed_forward(const ct_module *self, const struct feed_forward *m, ct_tensor *x)
{
    return ct_forward(m->linear[1], dropped(self, ct_forward(m->linear[0], x), m->dropout));
}

static ct_tensor *feed_forward_forward(ct_module *self, ct_tensor *x)
{
    return fed_forward(self, ct_module_state(self), x);
}

static void add_linears(ct_module *self, struct feed_forward *m, int64_t width, int64_t hidden, const ct_nn_feed_forward_options *o)
{
    *m = (struct feed_forward){.dropout = o->dropout};
    m->linear[0] = ct_module_add_child(self, "linear1", ct_nn_linear(width, hidden, .activation = o->activation, .no_bias = o->no_bias));
    m->linear[1] = ct_module_add_child(self, "linear2", ct_nn_linear(hidden, width, .no_bias = o->no_bias));
}

static bool check_dropout(const char *call, double p)
{
    return (p >= 0 && p <= 1) || ct_fail("%s: dropout %g: want 0 to 1", call, p);
}

struct feed_forward_settings {
    int64_t width, hidden;
    ct_nn_feed_forward_options options;
};
static const ct_setting feed_forward_settings_list[] = {
    REQUIRED(feed_forward_settings, INTEGER, width), REQUIRED(feed_forward_settings, INTEGER, hidden), OPTION(feed_forward_settings, NUMBER, dropout),
    OPTION(feed_forward_settings, BOOL, no_bias),    ACTIVATION(feed_forward_settings),
};

static const char *fed_onnx(ct_onnx *g, const struct feed_forward *m, const char *x)
{
    return ct_onnx_forward(g, m->linear[1], ct_onnx_forward(g, m->linear[0], x));
}

static const char *feed_forward_onnx(ct_onnx *g, ct_module *self, const char *x)
{
    return fed_onnx(g, ct_module_state(self), x);
}
MODULE_TYPE(feed_forward, "FeedForward", feed_forward_settings, feed_forward_onnx, (ct_nn_feed_forward)(s->width, s->hidden, &s->options),
            CT_NN_FEED_FORWARD_DEFAULTS)

ct_module *(ct_nn_feed_forward)(int64_t width, int64_t hidden, const ct_nn_feed_forward_options *options)
{
    const ct_nn_feed_forward_options *o = options ? options : &ct_nn_feed_forward_defaults;
    if (!check_dropout("feed_forward", o->dropout))
        return NULL;
    ct_module *self = ct_module_new("FeedForward", feed_forward_forward, sizeof(struct feed_forward));
    if (!self)
        return NULL;
    add_linears(self, ct_module_state(self), width, hidden, o);
    ct_module_describe(self, "%lld -> %lld -> %lld", (long long)width, (long long)hidden, (long long)width);
    return ct_module_ready_as(self, &feed_forward_type, &(struct feed_forward_settings){width, hidden, *o});
}

/* ---- Blocks ------------------------------------------------------------------------------------------------------------------- */
struct block_settings {
    int64_t width, heads;
    ct_nn_transformer_options options;
};

struct block {
    ct_module *attention, *over_memory, *norm[3]; /* over_memory: a decoder's */
    struct feed_forward feed_forward;
    double dropout;
    bool pre_norm;
};

static ct_tensor *before(const struct block *m, int part, ct_tensor *x)
{
    return m->pre_norm ? ct_forward(m->norm[part], x) : x;
}

static ct_tensor *after(const ct_module *self, const struct block *m, int part, ct_tensor *x, ct_tensor *y)
{
    x = ct_add(x, dropped(self, y, m->dropout));
    return m->pre_norm ? x : ct_forward(m->norm[part], x);
}

static ct_tensor *parts_run(ct_module *self, ct_tensor *x, ct_tensor *memory, const ct_nn_decode_options *o)
{
    const struct block *m = ct_module_state(self);
    int part = 0;
    ct_tensor *h = before(m, part, x);
    h = attention_run(m->attention, h, h, h,
                      &(ct_nn_attend_options){.mask = o->mask, .key_padding = o->key_padding, .causal = o->causal, .cache = o->cache, .weights = o->weights});
    x = after(self, m, part++, x, h);
    if (m->over_memory) {
        h = attention_run(m->over_memory, before(m, part, x), memory, memory,
                          &(ct_nn_attend_options){.mask = o->memory_mask, .key_padding = o->memory_key_padding, .cache = o->cache});
        x = after(self, m, part++, x, h);
    }
    return after(self, m, part, x, fed_forward(self, &m->feed_forward, before(m, part, x)));
}

/* Of a block or a stack: plainly, or as a checkpoint of all the tensors there are. */
struct decoding {
    decode_run *run;
    bool causal;
};

static ct_tensor *run_decoding(ct_module *self, ct_tensor *const *in, const void *options)
{
    const struct decoding *d = options;
    return d->run(self, in[0], in[1], &(ct_nn_decode_options){.mask = in[2], .key_padding = in[3], .memory_mask = in[4], .memory_key_padding = in[5],
                                                              .causal = d->causal});
}

ct_tensor *run_kept_or_not(ct_module *self, decode_run *run, ct_tensor *x, ct_tensor *memory, const ct_nn_decode_options *o)
{
    if (!self->checkpointed || o->cache || o->weights)
        return run(self, x, memory, o);
    ct_tensor *const in[] = {x, memory, o->mask, o->key_padding, o->memory_mask, o->memory_key_padding};
    const struct decoding d = {run, o->causal};
    return module_run_checkpointed(self, run_decoding, in, sizeof in / sizeof *in, &d, sizeof d);
}

ct_tensor *block_run(ct_module *self, ct_tensor *x, ct_tensor *memory, const ct_nn_decode_options *o)
{
    const ct_scope scope = ct_module_enter(self);
    ct_tensor *y = scope ? run_kept_or_not(self, parts_run, x, memory, o) : NULL;
    if (y && o->weights)
        ct_promote(*o->weights);
    return ct_module_leave(self, scope, y) ? y : NULL;
}

static ct_tensor *block_forward(ct_module *self, ct_tensor *x)
{
    return parts_run(self, x, NULL, &(ct_nn_decode_options){.end_ = 0});
}

ct_tensor *decoder_forward(ct_module *self, ct_tensor *x)
{
    (void)x;
    return ct_fail("%s: it attends to a memory too; ct_nn_transformer_decode takes both", ct_module_kind(self));
}

static ct_tensor *decoder_block_forward(ct_module *self, ct_tensor *x)
{
    return decoder_forward(self, x);
}

bool is_block(const ct_module *module, bool decoder)
{
    return module->forward == (decoder ? decoder_block_forward : block_forward);
}

ct_module *transformer_norm(int64_t width, const ct_nn_transformer_options *o)
{
    return o->rms_norm ? ct_nn_rms_norm(width, .eps = o->eps) : ct_nn_layer_norm(width, .eps = o->eps, .no_bias = o->no_bias);
}

static const ct_setting block_settings_list[] = {REQUIRED(block_settings, INTEGER, width), REQUIRED(block_settings, INTEGER, heads),
                                                 TRANSFORMER_OPTIONS(block_settings)};

static const char *block_onnx(ct_onnx *g, ct_module *self, const char *x)
{
    const struct block *m = ct_module_state(self);
    for (int part = 0; part < 2; part++) {
        const char *h = m->pre_norm ? ct_onnx_forward(g, m->norm[part], x) : x;
        x = ONNX("Add", x, part ? fed_onnx(g, &m->feed_forward, h) : ct_onnx_forward(g, m->attention, h));
        x = m->pre_norm ? x : ct_onnx_forward(g, m->norm[part], x);
    }
    return x;
}
MODULE_TYPE(transformer_block, "TransformerBlock", block_settings, block_onnx, (ct_nn_transformer_block)(s->width, s->heads, &s->options),
            CT_NN_TRANSFORMER_DEFAULTS)
MODULE_TYPE(transformer_decoder_block, "TransformerDecoderBlock", block_settings, NULL, (ct_nn_transformer_decoder_block)(s->width, s->heads, &s->options),
            CT_NN_TRANSFORMER_DEFAULTS)

ct_module *transformer_block(const char *call, bool decoder, int64_t width, int64_t heads, const ct_nn_transformer_options *options)
{
    const ct_nn_transformer_options *o = options ? options : &ct_nn_transformer_defaults;
    int64_t hidden = o->hidden;
    if (!check_dropout(call, o->dropout))
        return NULL;
    if (hidden < 0 || (!hidden && __builtin_mul_overflow(width, 4, &hidden)))
        return ct_fail("%s: width %lld, hidden %lld: want at least 1", call, (long long)width, (long long)o->hidden);
    ct_module *self = decoder ? ct_module_new("TransformerDecoderBlock", decoder_block_forward, sizeof(struct block))
                              : ct_module_new("TransformerBlock", block_forward, sizeof(struct block));
    struct block *m = ct_module_state(self);
    if (!m)
        return NULL;
    m->dropout = o->dropout, m->pre_norm = o->pre_norm;
    self->checkpointed = o->checkpoint;
    ct_module *attention = ct_nn_multihead_attention(width, heads, .kv_heads = o->kv_heads, .causal = o->causal, .rotary = o->rotary, .no_bias = o->no_bias,
                                                     .dropout = o->dropout);
    m->attention = ct_module_add_child(self, "self_attn", attention);
    if (decoder && attention) {
        attention = ct_nn_multihead_attention(width, heads, .kv_heads = o->kv_heads, .no_bias = o->no_bias, .dropout = o->dropout);
        m->over_memory = ct_module_add_child(self, "multihead_attn", attention_of_memory(attention));
    }
    add_linears(self, &m->feed_forward, width, hidden,
                &(ct_nn_feed_forward_options){.dropout = o->dropout, .no_bias = o->no_bias, .activation = o->activation});
    for (int i = 0; i < 2 + decoder; i++)
        m->norm[i] = ct_module_add_child(self, ((const char *const[]){"norm1", "norm2", "norm3"})[i], transformer_norm(width, o));
    ct_module_describe(self, "%lld in %lld heads, hidden %lld%s", (long long)width, (long long)heads, (long long)hidden, o->pre_norm ? ", pre-norm" : "");
    return ct_module_ready_as(self, decoder ? &transformer_decoder_block_type : &transformer_block_type, &(struct block_settings){width, heads, *o});
}

ct_module *(ct_nn_transformer_block)(int64_t width, int64_t heads, const ct_nn_transformer_options *options)
{
    return transformer_block("transformer_block", false, width, heads, options);
}

ct_module *(ct_nn_transformer_decoder_block)(int64_t width, int64_t heads, const ct_nn_transformer_options *options)
{
    return transformer_block("transformer_decoder_block", true, width, heads, options);
}
