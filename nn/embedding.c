/* Tokens become vectors, and vectors learn where they stand. */
#include "nn/onnx.h"
#include "nn/sequence_parts.h"

/* ---- Embedding: rows of a table ------------------------------------------------------------------------------------------ */
struct embedding {
    ct_tensor *weight;
    int64_t padding;
};

const ct_nn_embedding_options ct_nn_embedding_defaults = {CT_NN_EMBEDDING_DEFAULTS .end_ = 0};

static ct_tensor *embedding_forward(ct_module *self, ct_tensor *tokens)  /* (...) -> (..., width) */
{
    const struct embedding *m = ct_module_state(self);
    return ct_embedding(m->weight, tokens, .padding_idx = m->padding);
}

static ct_tensor *normal(int64_t rows, int64_t columns)
{
    ct_tensor *t = ct_empty(rows, columns);
    return ct_nn_init_normal(t, 0, 1, NULL) ? t : NULL;
}

struct embedding_settings {
    int64_t count, width;
    ct_nn_embedding_options options;
};
static const ct_setting embedding_settings_list[] = {REQUIRED(embedding_settings, INTEGER, count), REQUIRED(embedding_settings, INTEGER, width),
                                                     OPTION(embedding_settings, INTEGER, padding_idx)};

static const char *embedding_onnx(ct_onnx *g, ct_module *self, const char *tokens)
{
    return ONNX("Gather", ct_onnx_weight(g, self, "weight"), tokens);
}
MODULE_TYPE(embedding, "Embedding", embedding_settings, embedding_onnx, (ct_nn_embedding)(s->count, s->width, &s->options), CT_NN_EMBEDDING_DEFAULTS)

ct_module *(ct_nn_embedding)(int64_t count, int64_t width, const ct_nn_embedding_options *options)
{
    const int64_t padding = (options ? options : &ct_nn_embedding_defaults)->padding_idx;
    if (count < 1 || width < 1)
        return ct_fail("embedding: %lld rows of width %lld: want at least 1", (long long)count, (long long)width);
    if (padding != CT_NO_PADDING && (padding < -count || padding >= count))
        return ct_fail("embedding: padding_idx %lld is not one of %lld rows", (long long)padding, (long long)count);
    CT_SCOPE;
    CT_NO_GRAD;
    ct_module *self = ct_module_new("Embedding", embedding_forward, sizeof(struct embedding));
    struct embedding *m = ct_module_state(self);
    ct_tensor *weight = m ? normal(count, width) : NULL;
    if (!weight)
        return ct_free(self), NULL;
    if (padding != CT_NO_PADDING)
        ct_fill_(ct_narrow(weight, 0, padding < 0 ? padding + count : padding, 1), 0);
    *m = (struct embedding){ct_module_add_parameter(self, "weight", weight), padding};
    ct_module_describe(self, "%lld -> %lld", (long long)count, (long long)width);
    return ct_module_ready_as(self, &embedding_type, &(struct embedding_settings){count, width, {padding, 0}});
}

ct_tensor *embedding_weight(const ct_module *embedding)
{
    return ((const struct embedding *)ct_module_state(embedding))->weight;
}

/* ---- Positions: x + the table's rows from an offset on -------------------------------------------------------------------------- */
struct positions {
    ct_tensor *table;
    int64_t length, width;
};

ct_tensor *positions_run(ct_module *self, ct_tensor *x, int64_t offset)
{
    const struct positions *m = ct_module_state(self);
    char text[MODULE_PATH_BYTES];
    if (ct_rank(x) != 3 || ct_size(x, 2) != m->width)
        return ct_fail("positions: %s, want (N, T, %lld)", module_shape_text(text, x), (long long)m->width);
    if (ct_size(x, 1) > m->length - offset)
        return ct_fail("positions: a sequence of %lld from position %lld on, in a table of %lld", (long long)ct_size(x, 1), (long long)offset,
                       (long long)m->length);
    return ct_add(x, ct_narrow(m->table, 0, offset, ct_size(x, 1)));
}

static ct_tensor *positions_forward(ct_module *self, ct_tensor *x)
{
    return positions_run(self, x, 0);
}

static const char *positions_onnx(ct_onnx *g, ct_module *self, const char *x)
{
    const char *table = ct_onnx_weight(g, self, self->entries[0].name);
    return ONNX("Add", x, ONNX("Slice", table, ONNX_CONSTANT(0), onnx_size(g, x, 1), ONNX_CONSTANT(0)));
}

/*   name                  kind                    learned */
#define POSITIONS(ROW)                                          \
    ROW(sinusoidal_positions, "SinusoidalPositions", false)     \
    ROW(learned_positions,    "LearnedPositions",    true)

struct positions_settings {
    int64_t max_length, width;
};
static const ct_setting positions_list[] = {REQUIRED(positions_settings, INTEGER, max_length), REQUIRED(positions_settings, INTEGER, width)};

static ct_module *positions(const ct_module_type *type, const char *call, int64_t length, int64_t width, bool learned)
{
    if (length < 1 || width < 1)
        return ct_fail("%s: %lld positions of width %lld: want at least 1", call, (long long)length, (long long)width);
    CT_SCOPE;
    ct_module *self = ct_module_new(type->kind, positions_forward, sizeof(struct positions));
    struct positions *m = ct_module_state(self);
    if (!m)
        return NULL;
    *m = (struct positions){learned ? ct_module_add_parameter(self, "weight", normal(length, width))
                                    : module_add_table(self, "table", ct_sinusoidal_positions(length, width)),
                            length, width};
    ct_module_describe(self, "%lld positions of %lld", (long long)length, (long long)width);
    return ct_module_ready_as(self, type, &(struct positions_settings){length, width});
}

#define DEFINE_POSITIONS(name, kind, learned)                                                                         \
    static ct_module *name##_make(const void *settings)                                                               \
    {                                                                                                                 \
        const struct positions_settings *s = settings;                                                                \
        return ct_nn_##name(s->max_length, s->width);                                                                 \
    }                                                                                                                 \
    const ct_module_type name##_type = {kind, positions_list, 2, sizeof(struct positions_settings), NULL, name##_make, positions_onnx}; \
    ct_module *ct_nn_##name(int64_t max_length, int64_t width)                                                        \
    {                                                                                                                 \
        return positions(&name##_type, #name, max_length, width, learned);                                            \
    }
POSITIONS(DEFINE_POSITIONS)
