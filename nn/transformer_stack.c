/* Encoders and decoders: blocks one after another, and the calls that hand masks, memory and cache to them. */
#include "nn/onnx.h"
#include "nn/sequence_parts.h"

struct stack {
    ct_module *norm;                            /* behind the last block; NULL: none */
    size_t count;
    ct_module *blocks[];
};

static ct_tensor *layers_run(ct_module *self, ct_tensor *x, ct_tensor *memory, const ct_nn_decode_options *options)
{
    const struct stack *m = ct_module_state(self);
    ct_nn_decode_options o = *options;
    for (size_t i = 0; i < m->count && x; i++) {
        x = block_run(m->blocks[i], x, memory, &o);
        if (x && o.weights)
            ct_promote(*o.weights++);
    }
    return x && m->norm ? ct_forward(m->norm, x) : x;
}

ct_tensor *stack_run(ct_module *self, ct_tensor *x, ct_tensor *memory, const ct_nn_decode_options *o)
{
    const ct_scope scope = ct_module_enter(self);
    ct_tensor *y = scope ? run_kept_or_not(self, layers_run, x, memory, o) : NULL;
    return ct_module_leave(self, scope, y) ? y : NULL;
}

static ct_tensor *encoder_forward(ct_module *self, ct_tensor *x)
{
    return layers_run(self, x, NULL, &(ct_nn_decode_options){.end_ = 0});
}

static ct_tensor *decoder_stack_forward(ct_module *self, ct_tensor *x)
{
    return decoder_forward(self, x);
}

/* ---- Making one ---------------------------------------------------------------------------------------------------------------- */
struct stack_settings {
    int64_t layers, width, heads;
    ct_nn_transformer_options options;
};
static const ct_setting stack_settings_list[] = {REQUIRED(stack_settings, INTEGER, layers), REQUIRED(stack_settings, INTEGER, width),
                                                 REQUIRED(stack_settings, INTEGER, heads), TRANSFORMER_OPTIONS(stack_settings)};
MODULE_TYPE(transformer_encoder, "TransformerEncoder", stack_settings, onnx_chain, (ct_nn_transformer_encoder)(s->layers, s->width, s->heads, &s->options),
            CT_NN_TRANSFORMER_DEFAULTS)
MODULE_TYPE(transformer_decoder, "TransformerDecoder", stack_settings, NULL, (ct_nn_transformer_decoder)(s->layers, s->width, s->heads, &s->options),
            CT_NN_TRANSFORMER_DEFAULTS)

static ct_module *stack(const char *call, bool decoder, int64_t layers, int64_t width, int64_t heads, const ct_nn_transformer_options *options)
{
    const ct_nn_transformer_options *o = options ? options : &ct_nn_transformer_defaults;
    if (layers < 1 || layers > 1 << 16)
        return ct_fail("%s: %lld layers: want at least 1", call, (long long)layers);
    ct_module *self = ct_module_new(decoder ? "TransformerDecoder" : "TransformerEncoder", decoder ? decoder_stack_forward : encoder_forward,
                                    sizeof(struct stack) + (size_t)layers * sizeof(ct_module *));
    struct stack *m = ct_module_state(self);
    if (!m)
        return NULL;
    do {                                        /* one that failed goes in too: the list then frees the others */
        m->blocks[m->count] = transformer_block(call, decoder, width, heads, o);
    } while (m->blocks[m->count++] && m->count < (size_t)layers);
    ct_module_add_child(self, "layers", (ct_nn_sequential)(m->blocks, m->count));
    if (o->pre_norm)
        m->norm = ct_module_add_child(self, "norm", transformer_norm(width, o));
    ct_module_describe(self, "%lld layers", (long long)layers);
    return ct_module_ready_as(self, decoder ? &transformer_decoder_type : &transformer_encoder_type, &(struct stack_settings){layers, width, heads, *o});
}

ct_module *(ct_nn_transformer_encoder)(int64_t layers, int64_t width, int64_t heads, const ct_nn_transformer_options *options)
{
    return stack("transformer_encoder", false, layers, width, heads, options);
}

ct_module *(ct_nn_transformer_decoder)(int64_t layers, int64_t width, int64_t heads, const ct_nn_transformer_options *options)
{
    return stack("transformer_decoder", true, layers, width, heads, options);
}

/* ---- The calls ----------------------------------------------------------------------------------------------------------------- */
static ct_tensor *run(const char *call, ct_module *module, ct_tensor *x, ct_tensor *memory, bool decoder, const ct_nn_decode_options *o)
{
    if (!module || !x || (decoder && !memory))
        return ct_ok() ? ct_fail("%s: %s is NULL", call, !module ? "module" : !x ? "the input" : "the memory") : NULL;
    const bool one = is_block(module, decoder);
    if (!one && module->forward != (decoder ? decoder_stack_forward : encoder_forward))
        return ct_fail("%s: the module is %s, want a transformer's %s or a block of one", call, module->kind, decoder ? "decoder" : "encoder");
    char text[2][MODULE_PATH_BYTES];
    if (ct_rank(x) != 3 || (decoder && (ct_rank(memory) != 3 || ct_size(memory, 0) != ct_size(x, 0))))
        return ct_fail("%s: %s%s%s, want (N, T, width)%s", call, module_shape_text(text[0], x), decoder ? " and a memory " : "",
                       decoder ? module_shape_text(text[1], memory) : "", decoder ? " and (N, S, width)" : "");
    struct cached_run cached;
    if (!cache_begin(&cached, call, o->cache, module, x))
        return NULL;
    return cache_end(&cached, one ? block_run(module, x, memory, o) : stack_run(module, x, memory, o));
}

ct_tensor *(ct_nn_transformer_run)(ct_module *module, ct_tensor *x, const ct_nn_attend_options *options)
{
    const ct_nn_attend_options o = options ? *options : (ct_nn_attend_options){.end_ = 0};
    return run("transformer_run", module, x, NULL, false,
               &(ct_nn_decode_options){.mask = o.mask, .key_padding = o.key_padding, .causal = o.causal, .cache = o.cache, .weights = o.weights});
}

ct_tensor *(ct_nn_transformer_decode)(ct_module *module, ct_tensor *x, ct_tensor *memory, const ct_nn_decode_options *options)
{
    return run("transformer_decode", module, x, memory, true, options ? options : &(ct_nn_decode_options){.end_ = 0});
}
