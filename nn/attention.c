/* Attention of several heads, arXiv:1706.03762: three projections, ct_scaled_dot_product_attention, a fourth. */
#include <math.h>

#include "nn/onnx.h"
#include "nn/sequence_parts.h"

enum { Q, K, V };

struct attention {
    ct_tensor *in_weight, *weights[3], *in_bias; /* all in one, or one each; NULL: no bias */
    ct_module *out;
    int64_t width, heads, kv_heads, head, widths[3]; /* head: width of one; widths: of what queries, keys and values are made of */
    double rotary_base, dropout;
    bool causal, rotary, of_memory;
};

const ct_nn_attention_options ct_nn_attention_defaults = {CT_NN_ATTENTION_DEFAULTS .end_ = 0};

/* ---- Projections ----------------------------------------------------------------------------------------------------------- */
static int64_t rows_of(const struct attention *m, int which)
{
    return (which == Q ? m->heads : m->kv_heads) * m->head;
}

/* x through the rows of the parts first to last */
static ct_tensor *projected(const struct attention *m, ct_tensor *x, int first, int last)
{
    int64_t from = 0, count = 0;
    for (int i = Q; i <= last; i++)
        *(i < first ? &from : &count) += rows_of(m, i);
    const bool whole = first == Q && last == V;
    ct_tensor *bias = m->in_bias && !whole ? ct_narrow(m->in_bias, 0, from, count) : m->in_bias;
    if (!m->in_weight)
        return ct_linear(x, m->weights[first], bias);
    return ct_linear(x, whole ? m->in_weight : ct_narrow(m->in_weight, 0, from, count), bias);
}

/* One product for all that is made of one tensor. */
static bool project(const struct attention *m, ct_tensor *const *in, ct_tensor **out)
{
    const int64_t width = rows_of(m, Q), kv_width = rows_of(m, K);
    if (m->in_weight && in[Q] == in[K] && in[K] == in[V]) {
        ct_tensor *y = projected(m, in[Q], Q, V);
        if (width == kv_width)
            return ct_split(y, width, -1, out, 3);
        out[Q] = ct_narrow(y, -1, 0, width);
        return ct_split(ct_narrow(y, -1, width, 2 * kv_width), kv_width, -1, out + K, 2) && out[Q];
    }
    out[Q] = projected(m, in[Q], Q, Q);
    if (m->in_weight && in[K] == in[V])
        return ct_split(projected(m, in[K], K, V), kv_width, -1, out + K, 2) && out[Q];
    out[K] = projected(m, in[K], K, K), out[V] = projected(m, in[V], V, V);
    return out[Q] && out[K] && out[V];
}

static ct_tensor *by_heads(const struct attention *m, ct_tensor *x) /* (N, T, heads head) -> (N, heads, T, head), a view */
{
    return ct_transpose(ct_reshape(x, ct_size(x, 0), ct_size(x, 1), ct_size(x, 2) / m->head, m->head), 1, 2);
}

/* Queries, keys and values (N, heads, T, head), those of the cache with them. */
static bool prepare(ct_module *self, ct_tensor *const *in, ct_nn_cache *cache, int64_t before, ct_tensor **out)
{
    const struct attention *m = ct_module_state(self);
    if (cache && m->of_memory) {
        if (!cache_recall(cache, self, in[K], &out[K], &out[V]))
            return false;
        if (out[K]) {
            ct_tensor *q = projected(m, in[Q], Q, Q);
            return q && (out[Q] = by_heads(m, q));
        }
    }
    if (!project(m, in, out))
        return false;
    for (int i = Q; i <= V; i++)
        if (!(out[i] = by_heads(m, out[i])) ||
            (m->rotary && i != V && !(out[i] = ct_rotary_embedding(out[i], NULL, .base = m->rotary_base, .offset = before))))
            return false;
    return !cache || (m->of_memory ? cache_keep(cache, self, in[K], out[K], out[V]) : cache_append(cache, self, &out[K], &out[V]));
}

/* ---- Who attends to whom ----------------------------------------------------------------------------------------------------------- */
static bool is_shape(const ct_tensor *t, int rank, const int64_t *sizes, int least) /* the axes before `least` may be 1 */
{
    bool is = ct_rank(t) == rank;
    for (int i = 0; is && i < rank; i++)
        is = ct_size(t, i) == sizes[i] || (i < least && ct_size(t, i) == 1);
    return is;
}

/* The masks as one that broadcasts to the scores (N, heads, T, S); *allowed NULL: none. */
static bool join_masks(const struct attention *m, const ct_nn_attend_options *o, ct_tensor *const *qkv, ct_tensor **allowed)
{
    const int64_t batch = ct_size(qkv[Q], 0), length = ct_size(qkv[Q], 2), keys = ct_size(qkv[K], 2), scores[] = {batch, m->heads, length, keys};
    char text[MODULE_PATH_BYTES];
    *allowed = o->mask;
    if (o->mask && !is_shape(o->mask, 2, scores + 2, 0) && !is_shape(o->mask, 4, scores, 2))
        return ct_fail("attend: mask %s, want (%lld, %lld) or (%lld or 1, %lld or 1, %lld, %lld)", module_shape_text(text, o->mask), (long long)length,
                       (long long)keys, (long long)batch, (long long)m->heads, (long long)length, (long long)keys) != NULL;
    if (!o->key_padding)
        return true;
    if (ct_dtype_of(o->key_padding) != CT_BOOL || !is_shape(o->key_padding, 2, (const int64_t[]){batch, keys}, 0))
        return ct_fail("attend: key_padding %s of %s, want (%lld, %lld) of bool", module_shape_text(text, o->key_padding),
                       ct_dtype_name(ct_dtype_of(o->key_padding)), (long long)batch, (long long)keys) != NULL;
    ct_tensor *padding = ct_reshape(o->key_padding, batch, 1, 1, keys);
    if (o->mask && ct_dtype_of(o->mask) != CT_BOOL && ct_dtype_of(o->mask) != ct_dtype_of(qkv[Q]))
        return ct_fail("attend: the mask is %s, want bool or %s", ct_dtype_name(ct_dtype_of(o->mask)), ct_dtype_name(ct_dtype_of(qkv[Q]))) != NULL;
    if (o->mask && ct_dtype_of(o->mask) != CT_BOOL)
        return (*allowed = ct_where(padding, -INFINITY, o->mask)) != NULL;
    *allowed = ct_logical_not(padding);
    return (!o->mask || (*allowed = ct_logical_and(*allowed, o->mask))) && *allowed;
}

static ct_tensor *attended(ct_module *self, ct_tensor *const *in, const ct_nn_attend_options *o)
{
    const struct attention *m = ct_module_state(self);
    const int64_t before = o->cache && !m->of_memory ? ct_nn_cache_length(o->cache) : 0;
    ct_tensor *qkv[3] = {NULL}, *mask;
    if (!prepare(self, in, o->cache, before, qkv) || !join_masks(m, o, qkv, &mask))
        return NULL;
    const bool causal = m->causal || o->causal, grouped = m->kv_heads < m->heads;
    ct_attention_options how = {.mask = mask, .causal = causal, .causal_offset = causal ? before : 0, .grouped = grouped};
    if (o->weights) {                           /* P I = P */
        CT_NO_GRAD;
        ct_tensor *one = ct_eye(ct_size(qkv[K], 2)), *each = one ? ct_expand(ct_cast(one, ct_dtype_of(qkv[K])), 1, m->kv_heads, -1, -1) : NULL;
        if (!(*o->weights = (ct_scaled_dot_product_attention)(qkv[Q], qkv[K], each, &how)))
            return NULL;
    }
    how.dropout_p = ct_module_is_training(self) ? m->dropout : 0;
    ct_tensor *y = (ct_scaled_dot_product_attention)(qkv[Q], qkv[K], qkv[V], &how);
    return y ? ct_forward(m->out, ct_reshape(ct_transpose(y, 1, 2), ct_size(in[Q], 0), ct_size(in[Q], 1), m->width)) : NULL;
}

/* ---- The call ---------------------------------------------------------------------------------------------------------------------------- */
static bool check(const struct attention *m, ct_tensor *const *in)
{
    char text[3][MODULE_PATH_BYTES];
    bool fits = true;
    for (int i = Q; i <= V; i++) {
        if (!in[i])
            return ct_ok() && ct_fail("attend: the %s is NULL", i == Q ? "query" : i == K ? "key" : "value");
        fits &= ct_rank(in[i]) == 3 && ct_size(in[i], 2) == m->widths[i] && ct_size(in[i], 0) == ct_size(in[Q], 0);
    }
    return (fits && ct_size(in[K], 1) == ct_size(in[V], 1)) ||
           ct_fail("attend: query %s, key %s, value %s: want (N, T, %lld), (N, S, %lld), (N, S, %lld)", module_shape_text(text[Q], in[Q]),
                   module_shape_text(text[K], in[K]), module_shape_text(text[V], in[V]), (long long)m->widths[Q], (long long)m->widths[K],
                   (long long)m->widths[V]);
}

ct_tensor *attention_run(ct_module *self, ct_tensor *query, ct_tensor *key, ct_tensor *value, const ct_nn_attend_options *options)
{
    ct_tensor *const in[] = {query, key, value};
    const ct_scope scope = ct_module_enter(self);
    ct_tensor *y = scope && check(ct_module_state(self), in) ? attended(self, in, options) : NULL;
    if (y && options->weights)
        ct_promote(*options->weights);
    return ct_module_leave(self, scope, y) ? y : NULL;
}

static ct_tensor *attention_forward(ct_module *self, ct_tensor *x)
{
    return attention_run(self, x, x, x, &(ct_nn_attend_options){.end_ = 0});
}

ct_tensor *(ct_nn_attend)(ct_module *self, ct_tensor *query, ct_tensor *key, ct_tensor *value, const ct_nn_attend_options *options)
{
    const ct_nn_attend_options o = options ? *options : (ct_nn_attend_options){.end_ = 0};
    if (!self || self->forward != attention_forward)
        return self || ct_ok() ? ct_fail("attend: the module is %s, want a MultiheadAttention", self ? self->kind : "NULL") : NULL;
    if (!check(ct_module_state(self), (ct_tensor *const[]){query, key, value}))
        return NULL;
    if (o.cache && ct_size(key, 1) != ct_size(query, 1))
        return ct_fail("attend: %lld queries and %lld keys with a cache: want as many", (long long)ct_size(query, 1), (long long)ct_size(key, 1));
    struct cached_run run;
    if (!cache_begin(&run, "attend", o.cache, self, query))
        return NULL;
    return cache_end(&run, attention_run(self, query, key, value, &o));
}

/* ---- As a part of others --------------------------------------------------------------------------------------------------------------- */
ct_module *attention_of_memory(ct_module *self)
{
    if (self)
        ((struct attention *)ct_module_state(self))->of_memory = true;
    return self;
}

bool attention_shape(const ct_module *module, struct attention_shape *shape)
{
    if (module->forward != attention_forward)
        return false;
    const struct attention *m = ct_module_state(module);
    *shape = (struct attention_shape){m->kv_heads, m->head, ct_dtype_of(m->in_weight ? m->in_weight : m->weights[Q]), m->of_memory};
    return true;
}

/* ---- Making one ---------------------------------------------------------------------------------------------------------------------- */
static ct_tensor *xavier(int64_t rows, int64_t columns) /* (rows, columns), in memory the other way round, as a Linear's weight */
{
    return ct_transpose(layer_uniform(sqrt(6 / ((double)rows + (double)columns)), (int64_t[]){columns, rows}, 2), 0, 1);
}

static bool check_options(int64_t width, int64_t heads, int64_t kv_heads, const ct_nn_attention_options *o)
{
    const char *call = "multihead_attention";
    if (width < 1 || heads < 1 || width > INT32_MAX || width % heads)
        return ct_fail("%s: width %lld, %lld heads: want at least 1, and a width that the heads divide", call, (long long)width, (long long)heads) != NULL;
    if (kv_heads < 1 || heads % kv_heads)
        return ct_fail("%s: %lld heads, kv_heads %lld: want a number that divides the heads", call, (long long)heads, (long long)kv_heads) != NULL;
    if (o->key_width < 0 || o->value_width < 0)
        return ct_fail("%s: key_width %lld, value_width %lld: want at least 1", call, (long long)o->key_width, (long long)o->value_width) != NULL;
    if (o->rotary && (width / heads % 2 || !(o->rotary_base > 0 && isfinite(o->rotary_base))))
        return ct_fail("%s: rotary heads of width %lld, base %g: want an even width and a base above 0", call, (long long)(width / heads), o->rotary_base) != NULL;
    return (o->dropout >= 0 && o->dropout <= 1) || ct_fail("%s: dropout %g: want 0 to 1", call, o->dropout);
}

/* ---- In ONNX: (N, T, width) to itself --------------------------------------------------------------------------------------------------- */
static const char *turned_onnx(ct_onnx *g, const char *x, int64_t head, double base) /* rotated by position: x (N, heads, T, head) */
{
    CT_SCOPE;
    ct_tensor *rates = ct_exp(ct_mul((ct_arange)(0, (double)head / 2, 1, onnx_dtype(g)), -2 * log(base) / (double)head));
    const char *to = ONNX("Squeeze", onnx_size(g, x, 2)), *places = ONNX("Range", ct_onnx_tensor(g, NULL, (ct_zeros)(NULL, 0, CT_INT64)), to,
                                                                         ct_onnx_tensor(g, NULL, (ct_ones)(NULL, 0, CT_INT64)));
    places = ONNX_WITH("Cast", ONNX_ATTRIBUTES(ONNX_INTEGER("to", onnx_dtype(g) == CT_FLOAT64 ? 11 : 1)), places);
    const char *angle = ONNX("Mul", ONNX("Unsqueeze", places, ONNX_CONSTANT(1)), ct_onnx_tensor(g, NULL, rates));
    const char *a = onnx_slice(g, x, 3, 0, head / 2), *b = onnx_slice(g, x, 3, head / 2, head), *c = ONNX("Cos", angle), *s = ONNX("Sin", angle);
    a = ONNX_WITH("Concat", ONNX_ATTRIBUTES(ONNX_INTEGER("axis", 3)), ONNX("Sub", ONNX("Mul", a, c), ONNX("Mul", b, s)),
                  ONNX("Add", ONNX("Mul", b, c), ONNX("Mul", a, s)));
    return a;
}

static const char *causal_onnx(ct_onnx *g, const char *x)  /* (T, T): 0, above the diagonal -infinity */
{
    const char *length = onnx_size(g, x, 1), *sizes = ONNX_WITH("Concat", ONNX_ATTRIBUTES(ONNX_INTEGER("axis", 0)), length, length);
    CT_SCOPE;
    const char *one = ct_onnx_tensor(g, NULL, (ct_ones)(NULL, 0, CT_INT64));
    return ONNX_WITH("Trilu", ONNX_ATTRIBUTES(ONNX_INTEGER("upper", 1)), ONNX("Expand", onnx_number(g, -INFINITY), sizes), one);
}

/* Fewer heads of keys and values than of queries: an axis more, (N, kv_heads, group, T, head). */
static const char *attention_onnx(ct_onnx *g, ct_module *self, const char *x)
{
    const struct attention *m = ct_module_state(self);
    const int64_t turn[] = {0, 2, 1, 3}, flip[] = {0, 1, 3, 2}, flip5[] = {0, 1, 2, 4, 3}, group = m->heads / m->kv_heads;
    const ct_onnx_attribute flipped = {.name = "perm", .type = CT_ONNX_INTEGERS, .integers = group > 1 ? flip5 : flip, .count = group > 1 ? 5 : 4};
    const char *all = onnx_linear(g, x, 3, ct_onnx_weight(g, self, "in_proj_weight"), ct_onnx_weight(g, self, "in_proj_bias")), *in[3];
    int64_t at = 0;
    for (int i = Q; i <= V; at += rows_of(m, i), i++) {
        in[i] = ONNX("Reshape", onnx_slice(g, all, 2, at, at + rows_of(m, i)), ONNX_CONSTANT(0, 0, rows_of(m, i) / m->head, m->head));
        in[i] = ONNX_WITH("Transpose", ONNX_ATTRIBUTES(ONNX_LIST("perm", turn, 4)), in[i]);
        if (m->rotary && i != V)
            in[i] = turned_onnx(g, in[i], m->head, m->rotary_base);
        if (group > 1)
            in[i] = i == Q ? ONNX("Reshape", in[i], ONNX_CONSTANT(0, m->kv_heads, group, -1, m->head)) : ONNX("Unsqueeze", in[i], ONNX_CONSTANT(2));
    }
    const char *keys = ONNX_WITH("Transpose", ONNX_ATTRIBUTES(flipped), in[K]);
    const char *scores = ONNX("Mul", ONNX("MatMul", in[Q], keys), onnx_number(g, 1 / sqrt((double)m->head)));
    if (m->causal)
        scores = ONNX("Add", scores, causal_onnx(g, x));
    const char *y = ONNX("MatMul", ONNX_WITH("Softmax", ONNX_ATTRIBUTES(ONNX_INTEGER("axis", -1)), scores), in[V]);
    if (group > 1)
        y = ONNX("Reshape", y, ONNX_CONSTANT(0, m->heads, -1, m->head));
    y = ONNX_WITH("Transpose", ONNX_ATTRIBUTES(ONNX_LIST("perm", turn, 4)), y);
    return ct_onnx_forward(g, m->out, ONNX("Reshape", y, ONNX_CONSTANT(0, 0, m->width)));
}

struct attention_settings {
    int64_t width, heads;
    ct_nn_attention_options options;
};
static const ct_setting attention_settings_list[] = {
    REQUIRED(attention_settings, INTEGER, width),      REQUIRED(attention_settings, INTEGER, heads),       OPTION(attention_settings, INTEGER, kv_heads),
    OPTION(attention_settings, INTEGER, key_width),    OPTION(attention_settings, INTEGER, value_width),   OPTION(attention_settings, BOOL, no_bias),
    OPTION(attention_settings, BOOL, causal),          OPTION(attention_settings, BOOL, rotary),           OPTION(attention_settings, NUMBER, rotary_base),
    OPTION(attention_settings, NUMBER, dropout),
};
MODULE_TYPE(multihead_attention, "MultiheadAttention", attention_settings, attention_onnx, (ct_nn_multihead_attention)(s->width, s->heads, &s->options),
            CT_NN_ATTENTION_DEFAULTS)

ct_module *(ct_nn_multihead_attention)(int64_t width, int64_t heads, const ct_nn_attention_options *options)
{
    const ct_nn_attention_options *o = options ? options : &ct_nn_attention_defaults;
    const int64_t kv_heads = o->kv_heads ? o->kv_heads : heads;
    if (!check_options(width, heads, kv_heads, o))
        return NULL;
    CT_SCOPE;
    CT_NO_GRAD;
    ct_module *self = ct_module_new("MultiheadAttention", attention_forward, sizeof(struct attention));
    struct attention *m = ct_module_state(self);
    if (!m)
        return NULL;
    *m = (struct attention){.width = width, .heads = heads, .kv_heads = kv_heads, .head = width / heads,
                            .widths = {width, o->key_width ? o->key_width : width, o->value_width ? o->value_width : width},
                            .rotary_base = o->rotary_base, .dropout = o->dropout, .causal = o->causal, .rotary = o->rotary};
    const int64_t rows = rows_of(m, Q) + 2 * rows_of(m, K);
    static const char *const names[] = {"q_proj_weight", "k_proj_weight", "v_proj_weight"};
    if (m->widths[K] == width && m->widths[V] == width)
        m->in_weight = ct_module_add_parameter(self, "in_proj_weight", xavier(rows, width));
    for (int i = Q; i <= V && !m->in_weight; i++)
        m->weights[i] = ct_module_add_parameter(self, names[i], xavier(rows_of(m, i), m->widths[i]));
    if (!o->no_bias)
        m->in_bias = ct_module_add_parameter(self, "in_proj_bias", ct_zeros(rows));
    m->out = ct_module_add_child(self, "out_proj", ct_nn_linear(width, width, .no_bias = o->no_bias));
    if (m->out && !o->no_bias)
        ct_fill_(ct_module_find(m->out, "bias"), 0);
    ct_module_describe(self, kv_heads < heads ? "%lld in %lld heads over %lld" : "%lld in %lld heads", (long long)width, (long long)heads, (long long)kv_heads);
    return ct_module_ready_as(self, &multihead_attention_type, &(struct attention_settings){width, heads, *o});
}
