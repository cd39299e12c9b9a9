/* Modules of sequences against PyTorch's: tests/golden_modules/sequences.safetensors, which tools/make_module_goldens.py wrote and describes.
 * A module loads PyTorch's state dict strictly, by name, and must give its outputs, and the gradient of each input and parameter. */
#include "engine.h"

#include <unistd.h>

enum { D = 6, H = 2, F = 5, IN = 3, HIDDEN = 4, MOST_LEAVES = 4, MOST_OUTPUTS = 3 };

struct golden {
    ct_tensor_file *file;
    const char *name;                           /* of the case */
    ct_dtype dtype;
    size_t gradients;                           /* compared */
};

/* CASE/group/name in the run's dtype; NULL: there is none. */
static ct_tensor *stored(const struct golden *g, const char *group, const char *name)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s/%s", g->name, group, name);
    if (!ct_tensor_file_has(g->file, path))
        return NULL;
    ct_tensor *t = ct_tensor_file_read(g->file, path);
    assert_non_null(t);
    return ct_dtype_of(t) == CT_FLOAT32 || ct_dtype_of(t) == CT_FLOAT64 ? ct_cast(t, g->dtype) : t;
}

static ct_tensor *input(const struct golden *g, const char *name)   /* a leaf, where it can want a gradient */
{
    ct_tensor *t = stored(g, "in", name);
    return t && ct_dtype_of(t) == g->dtype ? ct_require_grad(t) : t;
}

static void compare(const struct golden *g, const char *what, const char *name, ct_tensor *got, ct_tensor *want)
{
    const double bound = g->dtype == CT_FLOAT64 ? 1e-12 : 1e-5;
    if (!ct_ok() || !got || !want || !ct_allclose(got, want, bound, bound, false)) {
        print_error("%s in %s: %s %s is not PyTorch's: %s\n", g->name, ct_dtype_name(g->dtype), what, name, ct_error());
        if (got && want)
            ct_fprint(stderr, ct_sub(ct_detach(got), want));
        fail();
    }
}

/* ---- Loading: the case's state as a file of its own ---------------------------------------------------------------------------------- */
static void load(const struct golden *g, ct_module *module)
{
    char path[] = "/tmp/cotangent_golden_XXXXXX", prefix[128];
    const int descriptor = mkstemp(path), length = snprintf(prefix, sizeof prefix, "%s/state/", g->name);
    assert_true(descriptor >= 0);
    ct_named_tensor state[64];
    size_t count = 0;
    for (size_t i = 0; i < ct_tensor_file_count(g->file); i++) {
        const char *name = ct_tensor_file_name(g->file, i);
        if (strncmp(name, prefix, (size_t)length) != 0)
            continue;
        assert_true(count < COUNT(state));
        state[count++] = (ct_named_tensor){name + length, stored(g, "state", name + length)};
    }
    assert_true(count > 0);
    assert_true(ct_io_safetensors_write(path, state, count, NULL, 0));
    const bool loaded = ct_module_load(module, path);
    close(descriptor), unlink(path);
    assert_fine();
    assert_true(loaded);
}

/* ---- Running: what is there among the inputs is what the run gets -------------------------------------------------------------------------- */
struct ran {
    ct_tensor *leaf[MOST_LEAVES], *out[MOST_OUTPUTS];
    const char *leaf_name[MOST_LEAVES], *out_name[MOST_OUTPUTS];
};
typedef void run_function(const struct golden *g, ct_module *m, struct ran *r);

static void attend(const struct golden *g, ct_module *m, struct ran *r)
{
    ct_tensor *x = input(g, "x"), *query = x ? x : input(g, "query"), *key = x ? x : input(g, "key"), *value = input(g, "value"), *mask = input(g, "mask");
    *r = (struct ran){{query, x ? NULL : key, value, mask && ct_requires_grad(mask) ? mask : NULL}, .leaf_name = {x ? "x" : "query", "key", "value", "mask"},
                      .out_name = {"y", "weights"}};
    r->out[0] = ct_nn_attend(m, query, key, value ? value : key, .mask = mask, .key_padding = input(g, "key_padding"), .weights = &r->out[1]);
    assert_fine();
    assert_false(ct_requires_grad(r->out[1]));
}

static void encode(const struct golden *g, ct_module *m, struct ran *r)
{
    ct_tensor *x = input(g, "x");
    *r = (struct ran){{x}, .leaf_name = {"x"}, .out_name = {"y"}};
    r->out[0] = ct_nn_transformer_run(m, x, .mask = input(g, "mask"), .key_padding = input(g, "key_padding"));
}

static void decode(const struct golden *g, ct_module *m, struct ran *r)
{
    ct_tensor *x = input(g, "x"), *memory = input(g, "memory");
    *r = (struct ran){{x, memory}, .leaf_name = {"x", "memory"}, .out_name = {"y"}};
    r->out[0] = ct_nn_transformer_decode(m, x, memory, .causal = true, .key_padding = input(g, "key_padding"), .memory_mask = input(g, "memory_mask"),
                                         .memory_key_padding = input(g, "memory_key_padding"));
}

static void recur(const struct golden *g, ct_module *m, struct ran *r)
{
    const bool has_c = !strcmp(ct_module_kind(m), "LSTM");
    ct_tensor *x = input(g, "x"), *h0 = input(g, "h0"), *c0 = input(g, "c0");
    *r = (struct ran){{x, h0, c0}, .leaf_name = {"x", "h0", "c0"}, .out_name = {"y", "h", "c"}};
    r->out[0] = ct_nn_recurrent_run(m, x, .lengths = input(g, "lengths"), .h0 = h0, .c0 = c0, .h = &r->out[1], .c = has_c ? &r->out[2] : NULL);
}

/*   case                            how it runs   the module */
#define CASES(ROW)                                                                                                       \
    ROW(attention,                   attend, ct_nn_multihead_attention(D, H))                                            \
    ROW(attention_no_bias,           attend, ct_nn_multihead_attention(D, H, .no_bias = true))                           \
    ROW(attention_causal,            attend, ct_nn_multihead_attention(D, H, .causal = true))                            \
    ROW(attention_bool_mask,         attend, ct_nn_multihead_attention(D, H))                                            \
    ROW(attention_added_mask,        attend, ct_nn_multihead_attention(D, H))                                            \
    ROW(attention_padding,           attend, ct_nn_multihead_attention(D, H))                                            \
    ROW(attention_padding_bool_mask, attend, ct_nn_multihead_attention(D, H))                                            \
    ROW(attention_padding_heads_mask, attend, ct_nn_multihead_attention(D, H))                                           \
    ROW(attention_cross,             attend, ct_nn_multihead_attention(D, H))                                            \
    ROW(attention_three,             attend, ct_nn_multihead_attention(D, H))                                            \
    ROW(attention_widths,            attend, ct_nn_multihead_attention(D, H, .key_width = 3, .value_width = 5))          \
    ROW(block,                       encode, ct_nn_transformer_block(D, H, .hidden = F))                                 \
    ROW(block_masks,                 encode, ct_nn_transformer_block(D, H, .hidden = F))                                 \
    ROW(block_pre_norm,              encode, ct_nn_transformer_block(D, H, .hidden = F, .pre_norm = true, .activation = CT_GELU)) \
    ROW(block_no_bias,               encode, ct_nn_transformer_block(D, H, .hidden = F, .no_bias = true, .eps = 0.1))    \
    ROW(encoder,                     encode, ct_nn_transformer_encoder(2, D, H, .hidden = F))                            \
    ROW(encoder_pre_norm,            encode, ct_nn_transformer_encoder(2, D, H, .hidden = F, .pre_norm = true))          \
    ROW(decoder_block,               decode, ct_nn_transformer_decoder_block(D, H, .hidden = F))                         \
    ROW(decoder_block_pre_norm,      decode, ct_nn_transformer_decoder_block(D, H, .hidden = F, .pre_norm = true))       \
    ROW(decoder,                     decode, ct_nn_transformer_decoder(2, D, H, .hidden = F))                            \
    ROW(decoder_pre_norm,            decode, ct_nn_transformer_decoder(2, D, H, .hidden = F, .pre_norm = true))          \
    ROW(rnn,                         recur,  ct_nn_rnn(IN, HIDDEN))                                                      \
    ROW(rnn_relu,                    recur,  ct_nn_rnn(IN, HIDDEN, .relu = true))                                        \
    ROW(rnn_packed,                  recur,  ct_nn_rnn(IN, HIDDEN))                                                      \
    ROW(rnn_no_bias,                 recur,  ct_nn_rnn(IN, HIDDEN, .no_bias = true))                                     \
    ROW(rnn_deep,                    recur,  ct_nn_rnn(IN, HIDDEN, .layers = 2, .bidirectional = true))                  \
    ROW(lstm,                        recur,  ct_nn_lstm(IN, HIDDEN))                                                     \
    ROW(lstm_packed,                 recur,  ct_nn_lstm(IN, HIDDEN))                                                     \
    ROW(lstm_no_bias,                recur,  ct_nn_lstm(IN, HIDDEN, .no_bias = true))                                    \
    ROW(lstm_deep,                   recur,  ct_nn_lstm(IN, HIDDEN, .layers = 2, .bidirectional = true))                 \
    ROW(gru,                         recur,  ct_nn_gru(IN, HIDDEN))                                                      \
    ROW(gru_packed,                  recur,  ct_nn_gru(IN, HIDDEN))                                                      \
    ROW(gru_no_bias,                 recur,  ct_nn_gru(IN, HIDDEN, .no_bias = true))                                     \
    ROW(gru_deep,                    recur,  ct_nn_gru(IN, HIDDEN, .layers = 2, .bidirectional = true))

#define MAKE(name, run, module)            \
    static ct_module *make_##name(void) \
    {                                      \
        return module;                     \
    }
CASES(MAKE)

/* ---- One case ------------------------------------------------------------------------------------------------------------------------------ */
static bool compare_gradient(const char *name, ct_tensor *parameter, bool is_parameter, void *context)
{
    struct golden *g = context;
    assert_true(is_parameter);
    compare(g, "the gradient of", name, ct_gradient(parameter), stored(g, "grad", name));
    g->gradients++;
    return true;
}

static size_t count_gradients(const struct golden *g)
{
    char prefix[128];
    const int length = snprintf(prefix, sizeof prefix, "%s/grad/", g->name);
    size_t count = 0;
    for (size_t i = 0; i < ct_tensor_file_count(g->file); i++)
        count += !strncmp(ct_tensor_file_name(g->file, i), prefix, (size_t)length);
    return count;
}

static void check(const char *name, ct_dtype dtype, run_function *run, ct_module *(*make)(void))
{
    CT_SCOPE;
    char path[512];
    const char *root = getenv("CT_SOURCE_ROOT");
    snprintf(path, sizeof path, "%s/tests/golden_modules/sequences.safetensors", root ? root : ".");
    struct golden g = {ct_io_safetensors_open(path), name, dtype, 0};
    assert_fine();
    ct_set_default_dtype(dtype);
    ct_module *module = make();
    ct_set_default_dtype(CT_FLOAT32);
    load(&g, module);
    struct ran r;
    run(&g, module, &r);
    assert_fine();
    ct_tensor *root_tensor = NULL;
    for (int i = 0; i < MOST_OUTPUTS; i++) {
        if (!r.out[i])
            continue;
        compare(&g, "output", r.out_name[i], r.out[i], stored(&g, "out", r.out_name[i]));
        ct_tensor *cotangent = stored(&g, "cotangent", r.out_name[i]);
        ct_tensor *part = cotangent ? ct_sum(ct_mul(r.out[i], cotangent)) : NULL;
        root_tensor = root_tensor && part ? ct_add(root_tensor, part) : part ? part : root_tensor;
    }
    assert_true(ct_backward(root_tensor));
    for (int i = 0; i < MOST_LEAVES; i++)
        if (r.leaf[i])
            compare_gradient(r.leaf_name[i], r.leaf[i], true, &g);
    assert_true(ct_module_each(module, compare_gradient, &g));
    assert_int_equal(g.gradients, count_gradients(&g));
    ct_free(module), ct_free(g.file);
}

#define DEFINE_TEST(name, run, module)              \
    static void test_##name(void **state)           \
    {                                               \
        (void)state;                                \
        check(#name, CT_FLOAT64, run, make_##name); \
        check(#name, CT_FLOAT32, run, make_##name); \
    }
CASES(DEFINE_TEST)

int main(void)
{
#define LIST(name, run, module) TEST(test_##name),
    const struct CMUnitTest tests[] = {CASES(LIST)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
