/* Recurrent nets over (N, T, in): what the input gives is one product over all steps, and a step adds one product of the state. */
#include <math.h>

#include "autograd/memory.h"
#include "nn/layer.h"
#include "nn/onnx.h"

struct cell {                                   /* of one layer and direction: (gates hidden, in), (gates hidden, hidden), (gates hidden) */
    ct_tensor *w_ih, *w_hh, *b_ih, *b_hh;
};

struct recurrent {
    const struct kind *kind;
    int64_t in, hidden, layers, directions;
    double dropout;
    struct cell cells[];                        /* layer by layer, forward before reverse */
};

const ct_nn_rnn_options ct_nn_rnn_defaults = {CT_NN_RECURRENT_DEFAULTS .end_ = 0};
const ct_nn_recurrent_options ct_nn_recurrent_defaults = {CT_NN_RECURRENT_DEFAULTS .end_ = 0};

/* ---- The cells: x is what the input and its bias give to the gates, (N, gates hidden) --------------------------------------------- */
struct state {
    ct_tensor *h, *c;
};
typedef struct state step_function(ct_tensor *x, struct state before, ct_tensor *turned, const struct cell *cell); /* turned: w_hh^T */

static struct state rnn_step(ct_tensor *x, struct state s, ct_tensor *turned, const struct cell *cell)
{
    (void)cell;
    return (struct state){ct_tanh(ct_addmm(x, s.h, turned)), NULL};
}

static struct state relu_step(ct_tensor *x, struct state s, ct_tensor *turned, const struct cell *cell)
{
    (void)cell;
    return (struct state){ct_relu(ct_addmm(x, s.h, turned)), NULL};
}

static struct state lstm_step(ct_tensor *x, struct state s, ct_tensor *turned, const struct cell *cell)
{
    (void)cell;
    ct_tensor *gates[4];                        /* i, f, g, o */
    if (!ct_split(ct_addmm(x, s.h, turned), ct_size(s.h, 1), 1, gates, 4))
        return (struct state){NULL, NULL};
    ct_tensor *c = ct_add(ct_mul(ct_sigmoid(gates[1]), s.c), ct_mul(ct_sigmoid(gates[0]), ct_tanh(gates[2])));
    return (struct state){ct_mul(ct_sigmoid(gates[3]), ct_tanh(c)), c};
}

static struct state gru_step(ct_tensor *x, struct state s, ct_tensor *turned, const struct cell *cell)
{
    ct_tensor *own = cell->b_hh ? ct_addmm(cell->b_hh, s.h, turned) : ct_matmul(s.h, turned), *a[3], *b[3]; /* r, z, n */
    if (!ct_split(x, ct_size(s.h, 1), 1, a, 3) || !ct_split(own, ct_size(s.h, 1), 1, b, 3))
        return (struct state){NULL, NULL};
    ct_tensor *n = ct_tanh(ct_addcmul(a[2], ct_sigmoid(ct_add(a[0], b[0])), b[2], 1));
    return (struct state){ct_lerp(n, s.h, ct_sigmoid(ct_add(a[1], b[1]))), NULL};
}

static const struct kind {
    const char *name, *call;
    int64_t gates;
    bool has_c, own_bias;                       /* own_bias: b_hh is not simply added to b_ih */
    step_function *step;
} RNN = {"RNN", "rnn", 1, false, false, rnn_step}, RELU_RNN = {"RNN", "rnn", 1, false, false, relu_step},
  LSTM = {"LSTM", "lstm", 4, true, false, lstm_step}, GRU = {"GRU", "gru", 3, false, true, gru_step};

/* ---- One layer in one direction ------------------------------------------------------------------------------------------------- */
enum { PART = 128 };                            /* steps that one op may split off */

static bool steps_of(ct_tensor *x, ct_tensor **steps, size_t count) /* (N, T, D) -> T of (N, D) */
{
    bool good = true;
    for (size_t at = 0; good && at < count; at += PART) {
        const size_t some = count - at < PART ? count - at : PART;
        ct_tensor *part = count > PART ? ct_narrow(x, 1, (int64_t)at, (int64_t)some) : x;
        good = part && ct_unbind(part, 1, steps + at, some);
    }
    return good;
}

/* Steps at or behind a sequence's length leave its state alone. */
static struct state held(struct state after, struct state before, ct_tensor *lengths, size_t step)
{
    ct_tensor *real = ct_unsqueeze(ct_gt(lengths, (int64_t)step), 1);
    return (struct state){ct_where(real, after.h, before.h), after.c ? ct_where(real, after.c, before.c) : NULL};
}

struct run {
    const struct recurrent *m;
    ct_tensor *lengths;                         /* NULL: all whole */
    int64_t shortest;
    size_t count;
    ct_tensor **steps;                          /* room for them, and then for what they give */
};

/* x, and 0 for each step that is padding, whatever stood there: NULL only after a failure. */
static ct_tensor *without_padding(const struct run *r, ct_tensor *x)
{
    if (!x || !r->lengths || r->shortest == (int64_t)r->count)
        return x;
    ct_tensor *real = ct_lt(ct_arange((int64_t)r->count), ct_unsqueeze(r->lengths, 1));
    return real ? ct_where(ct_unsqueeze(real, 2), x, 0.0) : NULL;
}

static ct_tensor *direction_run(const struct run *r, ct_tensor *x, const struct cell *cell, bool reverse, struct state *s)
{
    const struct kind *kind = r->m->kind;
    ct_tensor *bias = cell->b_ih && !kind->own_bias ? ct_add(cell->b_ih, cell->b_hh) : cell->b_ih, *turned = ct_transpose(cell->w_hh, 0, 1);
    x = ct_linear(x, cell->w_ih, bias);
    if (!turned || !x || !steps_of(x, r->steps, r->count))
        return NULL;
    for (size_t i = 0; i < r->count && s->h; i++) {
        const size_t t = reverse ? r->count - 1 - i : i;
        const struct state after = kind->step(r->steps[t], *s, turned, cell);
        *s = r->lengths && (int64_t)t >= r->shortest ? held(after, *s, r->lengths, t) : after;
        r->steps[t] = s->h;
    }
    return s->h ? without_padding(r, ct_stack(r->steps, r->count, 1)) : NULL;
}

/* ---- All of them ------------------------------------------------------------------------------------------------------------------ */
static bool all_layers(ct_module *self, struct run *r, ct_tensor *x, ct_tensor *h0, ct_tensor *c0, ct_tensor **ends, ct_tensor **y)
{
    const struct recurrent *m = r->m;
    const int64_t cells = m->layers * m->directions;
    ct_tensor *nothing = ct_zeros_as(ct_dtype_of(x), ct_size(x, 0), m->hidden);
    for (int64_t layer = 0; layer < m->layers; layer++) {
        ct_tensor *out[2] = {NULL};
        if (layer && m->dropout > 0 && ct_module_is_training(self))
            x = ct_dropout(x, .p = m->dropout);
        for (int64_t d = 0; d < m->directions; d++) {
            const int64_t at = layer * m->directions + d;
            struct state s = {h0 ? ct_squeeze(ct_narrow(h0, 0, at, 1), 0) : nothing, NULL};
            if (m->kind->has_c)
                s.c = c0 ? ct_squeeze(ct_narrow(c0, 0, at, 1), 0) : nothing;
            if (!(out[d] = direction_run(r, x, &m->cells[at], d == 1, &s)))
                return false;
            ends[at] = s.h, ends[cells + at] = s.c;
        }
        x = m->directions == 2 ? ct_cat(out, 2, 2) : out[0];
    }
    *y = x;
    return x != NULL;
}

static bool check_lengths(struct run *r, ct_tensor *lengths, const char *call, int64_t batch)
{
    r->lengths = lengths, r->shortest = (int64_t)r->count;
    if (!lengths)
        return true;
    char text[MODULE_PATH_BYTES];
    if (ct_dtype_of(lengths) != CT_INT64 || ct_rank(lengths) != 1 || ct_size(lengths, 0) != batch)
        return ct_fail("%s: lengths %s of %s, want (%lld) of int64", call, module_shape_text(text, lengths), ct_dtype_name(ct_dtype_of(lengths)),
                       (long long)batch) != NULL;
    for (int64_t i = 0; i < batch; i++) {
        const int64_t length = ct_item_int(ct_narrow(lengths, 0, i, 1));
        if (length < 1 || length > (int64_t)r->count)
            return ct_fail("%s: length %lld of sequence %lld is not in 1 to %zu", call, (long long)length, (long long)i, r->count) != NULL;
        r->shortest = length < r->shortest ? length : r->shortest;
    }
    return true;
}

static bool check_state(const struct recurrent *m, const char *name, ct_tensor *t, int64_t batch)
{
    const int64_t cells = m->layers * m->directions;
    char text[MODULE_PATH_BYTES];
    return !t || (ct_rank(t) == 3 && ct_size(t, 0) == cells && ct_size(t, 1) == batch && ct_size(t, 2) == m->hidden) ||
           ct_fail("%s: %s is %s, want (%lld, %lld, %lld)", m->kind->call, name, module_shape_text(text, t), (long long)cells, (long long)batch,
                   (long long)m->hidden);
}

static ct_tensor *run(ct_module *self, ct_tensor *x, const ct_nn_recurrent_run_options *o)
{
    const struct recurrent *m = ct_module_state(self);
    const size_t cells = (size_t)(m->layers * m->directions);
    const char *call = m->kind->call;
    char text[MODULE_PATH_BYTES];
    if (ct_rank(x) != 3 || ct_size(x, 2) != m->in || ct_size(x, 1) < 1)
        return ct_fail("%s: %s, want (N, T, %lld) and at least one step", call, module_shape_text(text, x), (long long)m->in);
    if ((o->c0 || o->c) && !m->kind->has_c)
        return ct_fail("%s: c0 and c are an LSTM's", call);
    struct run r = {.m = m, .count = (size_t)ct_size(x, 1)};
    if (!check_lengths(&r, o->lengths, call, ct_size(x, 0)) || !check_state(m, "h0", o->h0, ct_size(x, 0)) || !check_state(m, "c0", o->c0, ct_size(x, 0)))
        return NULL;
    r.steps = heap_zeroed(r.count + 2 * cells, sizeof *r.steps);
    if (!r.steps)
        return ct_fail("%s: out of memory", call);
    ct_tensor **ends = r.steps + r.count, *y = NULL;
    x = without_padding(&r, x);                 /* a NaN there would reach the weights' gradients, as 0 NaN */
    bool good = x && all_layers(self, &r, x, o->h0, o->c0, ends, &y);
    if (good && o->h)
        good = (*o->h = ct_promote(ct_stack(ends, cells, 0))) != NULL;
    if (good && o->c)
        good = (*o->c = ct_promote(ct_stack(ends + cells, cells, 0))) != NULL;
    heap_free(r.steps);
    return good ? y : NULL;
}

static ct_tensor *recurrent_forward(ct_module *self, ct_tensor *x)
{
    return run(self, x, &(ct_nn_recurrent_run_options){.end_ = 0});
}

ct_tensor *(ct_nn_recurrent_run)(ct_module *self, ct_tensor *x, const ct_nn_recurrent_run_options *options)
{
    if (!self || !x || self->forward != recurrent_forward)
        return !ct_ok() && (!self || !x) ? NULL
                                         : ct_fail("recurrent_run: %s is %s, want %s", self && !x ? "the input" : "the module",
                                                   !self || !x ? "NULL" : self->kind, self && !x ? "(N, T, in)" : "an RNN, LSTM or GRU");
    const ct_scope scope = ct_module_enter(self);
    ct_tensor *y = scope ? run(self, x, options ? options : &(ct_nn_recurrent_run_options){.end_ = 0}) : NULL;
    return ct_module_leave(self, scope, y) ? y : NULL;
}

/* ---- Making one ------------------------------------------------------------------------------------------------------------------- */
static ct_tensor *add(ct_module *self, const char *stem, int64_t layer, int64_t direction, double bound, int64_t rows, int64_t columns)
{
    char name[MODULE_NAME_BYTES];
    snprintf(name, sizeof name, "%s_l%lld%s", stem, (long long)layer, direction ? "_reverse" : "");
    if (!columns)
        return ct_module_add_parameter(self, name, layer_uniform(bound, &rows, 1));
    return ct_module_add_parameter(self, name, ct_transpose(layer_uniform(bound, (int64_t[]){columns, rows}, 2), 0, 1)); /* as a Linear's lies */
}

static ct_module *recurrent(const struct kind *kind, int64_t in, int64_t hidden, const ct_nn_recurrent_options *o)
{
    if (in < 1 || hidden < 1 || hidden > INT32_MAX || o->layers < 1 || o->layers > 1 << 16)
        return ct_fail("%s: %lld inputs, hidden %lld, %lld layers: want at least 1", kind->call, (long long)in, (long long)hidden, (long long)o->layers);
    if (!(o->dropout >= 0 && o->dropout <= 1) || (o->dropout > 0 && o->layers == 1))
        return ct_fail("%s: dropout %g over %lld layers: want 0 to 1, and 0 for one layer, as it stands between them", kind->call, o->dropout,
                       (long long)o->layers);
    CT_SCOPE;
    CT_NO_GRAD;
    const int64_t directions = o->bidirectional ? 2 : 1, rows = kind->gates * hidden;
    ct_module *self = ct_module_new(kind->name, recurrent_forward, sizeof(struct recurrent) + (size_t)(o->layers * directions) * sizeof(struct cell));
    struct recurrent *m = ct_module_state(self);
    if (!m)
        return NULL;
    m->kind = kind, m->in = in, m->hidden = hidden, m->layers = o->layers, m->directions = directions, m->dropout = o->dropout;
    const double bound = 1 / sqrt((double)hidden);
    for (int64_t i = 0; i < o->layers; i++)
        for (int64_t d = 0; d < directions; d++) {
            struct cell *cell = &m->cells[i * directions + d];
            cell->w_ih = add(self, "weight_ih", i, d, bound, rows, i ? directions * hidden : in);
            cell->w_hh = add(self, "weight_hh", i, d, bound, rows, hidden);
            if (o->no_bias)
                continue;
            cell->b_ih = add(self, "bias_ih", i, d, bound, rows, 0);
            cell->b_hh = add(self, "bias_hh", i, d, bound, rows, 0);
        }
    ct_module_describe(self, "%lld -> %lld%s, %lld layer%s", (long long)in, (long long)hidden, directions == 2 ? " both ways" : "", (long long)o->layers,
                       o->layers == 1 ? "" : "s");
    return ct_module_ready(self);
}

/* ---- In ONNX: (T, N, in), gates in another order, both directions in one node -------------------------------------------------- */
static ct_tensor *gates_onnx(const struct kind *kind, ct_tensor *t)     /* i f g o as i o f g, r z n as z r n */
{
    static const int order[5][4] = {[1] = {0}, [3] = {1, 0, 2}, [4] = {0, 3, 1, 2}};
    ct_tensor *in[4], *out[4];
    if (!t || !ct_split(t, ct_size(t, 0) / kind->gates, 0, in, (size_t)kind->gates))
        return NULL;
    for (int i = 0; i < kind->gates; i++)
        out[i] = in[order[kind->gates][i]];
    return ct_cat(out, (size_t)kind->gates, 0);
}

static const char *layer_onnx(ct_onnx *g, const struct recurrent *m, int64_t layer, const char *x)
{
    const size_t directions = (size_t)m->directions;
    static const char *const relu[] = {"Relu", "Relu"}, *const way[] = {"forward", "bidirectional"};
    ct_tensor *w[2], *r[2], *b[2] = {NULL};
    CT_SCOPE;
    CT_NO_GRAD;
    for (size_t d = 0; d < directions; d++) {
        const struct cell *cell = &m->cells[layer * m->directions + (int64_t)d];
        w[d] = gates_onnx(m->kind, cell->w_ih), r[d] = gates_onnx(m->kind, cell->w_hh);
        if (cell->b_ih)
            b[d] = ct_cat(CT_TENSORS(gates_onnx(m->kind, cell->b_ih), gates_onnx(m->kind, cell->b_hh)), 0);
    }
    ct_onnx_attribute attributes[] = {ONNX_INTEGER("hidden_size", m->hidden), ONNX_TEXT("direction", way[directions - 1]),
                                      ONNX_INTEGER("linear_before_reset", 1)};
    if (m->kind == &RELU_RNN)
        attributes[2] = (ct_onnx_attribute){.name = "activations", .type = CT_ONNX_TEXTS, .texts = relu, .count = directions};
    const char *weights = ct_onnx_tensor(g, NULL, ct_stack(w, directions, 0)), *turned = ct_onnx_tensor(g, NULL, ct_stack(r, directions, 0));
    const char *bias = b[0] ? ct_onnx_tensor(g, NULL, ct_stack(b, directions, 0)) : "";
    const char *y = ct_onnx_node(g, m->kind->name, ONNX_INPUTS(x, weights, turned, bias), attributes, m->kind == &GRU || m->kind == &RELU_RNN ? 3 : 2);
    y = ONNX_WITH("Transpose", ONNX_ATTRIBUTES(ONNX_LIST_OF("perm", 0, 2, 1, 3)), y); /* (T, directions, N, hidden) */
    return ONNX("Reshape", y, ONNX_CONSTANT(0, 0, -1));
}

static const char *recurrent_onnx(ct_onnx *g, ct_module *self, const char *x)
{
    const struct recurrent *m = ct_module_state(self);
    const int64_t turn[] = {1, 0, 2};
    x = ONNX_WITH("Transpose", ONNX_ATTRIBUTES(ONNX_LIST("perm", turn, 3)), x);
    for (int64_t layer = 0; layer < m->layers; layer++)
        x = layer_onnx(g, m, layer, x);
    return ONNX_WITH("Transpose", ONNX_ATTRIBUTES(ONNX_LIST("perm", turn, 3)), x);
}

struct rnn_settings {
    int64_t in, hidden;
    ct_nn_rnn_options options;
};
static const ct_setting rnn_settings_list[] = {
    REQUIRED(rnn_settings, INTEGER, in),  REQUIRED(rnn_settings, INTEGER, hidden), OPTION(rnn_settings, INTEGER, layers), OPTION(rnn_settings, BOOL, bidirectional),
    OPTION(rnn_settings, BOOL, no_bias),  OPTION(rnn_settings, BOOL, relu),        OPTION(rnn_settings, NUMBER, dropout),
};
MODULE_TYPE(rnn, "RNN", rnn_settings, recurrent_onnx, (ct_nn_rnn)(s->in, s->hidden, &s->options), CT_NN_RECURRENT_DEFAULTS)

struct recurrent_settings {
    int64_t in, hidden;
    ct_nn_recurrent_options options;
};
static const ct_setting recurrent_settings_list[] = {
    REQUIRED(recurrent_settings, INTEGER, in),         REQUIRED(recurrent_settings, INTEGER, hidden), OPTION(recurrent_settings, INTEGER, layers),
    OPTION(recurrent_settings, BOOL, bidirectional),   OPTION(recurrent_settings, BOOL, no_bias),     OPTION(recurrent_settings, NUMBER, dropout),
};
MODULE_TYPE(lstm, "LSTM", recurrent_settings, recurrent_onnx, (ct_nn_lstm)(s->in, s->hidden, &s->options), CT_NN_RECURRENT_DEFAULTS)
MODULE_TYPE(gru, "GRU", recurrent_settings, recurrent_onnx, (ct_nn_gru)(s->in, s->hidden, &s->options), CT_NN_RECURRENT_DEFAULTS)

ct_module *(ct_nn_rnn)(int64_t in, int64_t hidden, const ct_nn_rnn_options *options)
{
    const ct_nn_rnn_options *o = options ? options : &ct_nn_rnn_defaults;
    ct_module *self =
        recurrent(o->relu ? &RELU_RNN : &RNN, in, hidden,
                  &(ct_nn_recurrent_options){.layers = o->layers, .bidirectional = o->bidirectional, .no_bias = o->no_bias, .dropout = o->dropout});
    return self ? ct_module_ready_as(self, &rnn_type, &(struct rnn_settings){in, hidden, *o}) : NULL;
}

static ct_module *gated(const struct kind *kind, const ct_module_type *type, int64_t in, int64_t hidden, const ct_nn_recurrent_options *options)
{
    const ct_nn_recurrent_options *o = options ? options : &ct_nn_recurrent_defaults;
    ct_module *self = recurrent(kind, in, hidden, o);
    return self ? ct_module_ready_as(self, type, &(struct recurrent_settings){in, hidden, *o}) : NULL;
}

ct_module *(ct_nn_lstm)(int64_t in, int64_t hidden, const ct_nn_recurrent_options *options)
{
    return gated(&LSTM, &lstm_type, in, hidden, options);
}

ct_module *(ct_nn_gru)(int64_t in, int64_t hidden, const ct_nn_recurrent_options *options)
{
    return gated(&GRU, &gru_type, in, hidden, options);
}
