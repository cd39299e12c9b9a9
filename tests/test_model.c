/* Model files: a model without its code, of every kind, and what is refused. */
#define _GNU_SOURCE
#include "modules.h"
#include "zoo.h"

#include "autograd/memory.h"
#include "temp_folder.h"

/* ---- What is saved comes back ------------------------------------------------------------------------------------------------- */
struct search {
    const ct_module *other;
    bool same;
};

static bool same_tensor(const char *name, ct_tensor *t, bool is_parameter, void *context)
{
    struct search *search = context;
    ct_tensor *there = ct_module_find(search->other, name);
    (void)is_parameter;
    return search->same = there && ct_equal(ct_detach(t), ct_detach(there)) && ct_requires_grad(t) == ct_requires_grad(there);
}

static void check_same(ct_module *a, ct_module *b, ct_tensor *x)
{
    CT_SCOPE;
    struct search search = {b, true};
    assert_true(ct_module_each(a, same_tensor, &search) && search.same);
    search.other = a;
    assert_true(ct_module_each(b, same_tensor, &search) && search.same);
    assert_true(ct_module_is_training(b));
    ct_module_eval(a), ct_module_eval(b);
    assert_true(ct_equal(ct_forward(a, x), ct_forward(b, x)));
    ct_module_train(a), ct_module_train(b);
    ct_seed(7);
    ct_tensor *y = ct_forward(a, x);
    ct_seed(7);
    assert_true(ct_equal(y, ct_forward(b, x)));
    assert_fine();
}

static void test_every_kind_comes_back(void **state)
{
    (void)state;
    for (size_t i = 0; i < ZOO_COUNT; i++) {
        CT_SCOPE;
        const char *path = path_of(i % 2 ? "net.safetensors" : "net.json");
        ct_module *net = zoo_make(&zoo[i]);
        if (!net || !ct_model_save(net, path))
            fail_msg("%s: %s", zoo[i].name, ct_error());
        ct_module *back = ct_model_load(path);
        if (!back)
            fail_msg("%s: %s", zoo[i].name, ct_error());
        assert_string_equal(ct_module_kind(net), ct_module_kind(back));
        check_same(net, back, zoo[i].input());
        assert_true(ct_model_save(back, path_of("again.safetensors"))); /* what was loaded saves the same again */
        ct_module *again = ct_model_load(path_of("again.safetensors"));
        ct_module_eval(net), ct_module_eval(again);
        ct_tensor *x = zoo[i].input();
        assert_true(ct_equal(ct_forward(net, x), ct_forward(again, x)));
        ct_free(net), ct_free(back), ct_free(again);
    }
    unlink(path_of("net.safetensors")), unlink(path_of("net.json")), unlink(path_of("again.safetensors"));
}

static void test_modules_that_take_more_than_one_tensor_come_back(void **state)
{
    (void)state;
    CT_SCOPE;
    const char *path = path_of("net.safetensors");
    ct_module *net = ct_nn_transformer_decoder(2, 12, 3, .pre_norm = true, .rotary = true), *block = ct_nn_transformer_decoder_block(12, 3);
    ct_module *both[] = {net, block};
    ct_tensor *x = ct_randn(2, 4, 12), *memory = ct_randn(2, 3, 12);
    for (int i = 0; i < 2; i++) {
        assert_true(ct_model_save(both[i], path));
        ct_module *back = ct_model_load(path);
        assert_true(ct_equal(ct_nn_transformer_decode(both[i], x, memory), ct_nn_transformer_decode(back, x, memory)));
        ct_free(back);
    }
    ct_module *widths = ct_nn_multihead_attention(12, 3, .key_width = 5, .value_width = 7);
    assert_true(ct_model_save(widths, path));
    ct_module *back = ct_model_load(path);
    ct_tensor *key = ct_randn(2, 3, 5), *value = ct_randn(2, 3, 7);
    assert_true(ct_equal(ct_nn_attend(widths, x, key, value), ct_nn_attend(back, x, key, value)));
    ct_free(back);
    ct_module *list = ct_nn_parameter_list(ct_randn(2, 3), ct_ones(4), ct_randn_like(ct_zeros(1)));
    assert_true(ct_model_save(list, path));
    back = ct_model_load(path);
    assert_true(ct_equal(ct_detach(ct_module_find(list, "0")), ct_detach(ct_module_find(back, "0"))));
    assert_int_equal(ct_module_count_parameters(back), 11);
    ct_free(net), ct_free(block), ct_free(widths), ct_free(list), ct_free(back);
    assert_fine();
    unlink(path);
}

static void test_dtype_and_metadata_come_back(void **state)
{
    (void)state;
    CT_SCOPE;
    const char *path = path_of("net.safetensors");
    ct_set_default_dtype(CT_FLOAT64);
    ct_module *net = small_net();
    ct_set_default_dtype(CT_FLOAT32);
    assert_true(ct_model_save_with(net, path, CT_METADATA({"vocabulary", "[]"}, {"note", "one"})));
    ct_module *back = ct_model_load(path);
    assert_int_equal(ct_dtype_of(ct_module_find(back, "0.weight")), CT_FLOAT64);
    assert_int_equal(ct_default_dtype(), CT_FLOAT32);
    ct_tensor_file *file = ct_io_safetensors_open(path);
    assert_string_equal(ct_tensor_file_metadata(file, "note"), "one");
    assert_non_null(strstr(ct_tensor_file_metadata(file, "cotangent.model"), "\"activation\"") ? NULL : "left out where it is the usual one");
    ct_free(file);
    ct_seed(3);
    const double drawn = ct_item(ct_rand_like(ct_zeros(1)));
    ct_seed(3);
    ct_free(ct_model_load(path));               /* and the random stream stays where it was */
    assert_true(ct_item(ct_rand_like(ct_zeros(1))) == drawn);
    assert_true(ct_module_load(net, path));     /* a model file is a file of weights too */
    assert_false(ct_model_save_with(net, path, CT_METADATA({"cotangent.model", "x"})));
    assert_error("two metadata keys are called 'cotangent.model'");
    ct_module *mixed = ct_nn_sequential(ct_nn_linear(2, 2), net);
    assert_false(ct_model_save(mixed, path));
    assert_error("net.safetensors: the model has tensors of float32 and of float64");
    ct_free(mixed), ct_free(back);
    unlink(path);
}

static void test_json_lies_beside_its_weights(void **state)
{
    (void)state;
    CT_SCOPE;
    const char *path = path_of("net.json");
    char text[4096];
    ct_module *net = ct_nn_sequential(ct_nn_linear(3, 4), ct_nn_leaky_relu(0.1)), *other = ct_nn_sequential(ct_nn_linear(3, 2), ct_nn_dropout(0.1));
    assert_true(ct_model_save(net, path));
    assert_int_equal(count_files(), 2);
    FILE *file = fopen(path, "r");
    const size_t length = fread(text, 1, sizeof text - 1, file);
    fclose(file);
    text[length] = 0;
    char *slope = strstr(text, "0.1");
    assert_non_null(slope);
    slope[2] = '2';                             /* by hand, and it counts */
    file = fopen(path, "w");
    fputs(text, file);
    fclose(file);
    ct_module *back = ct_model_load(path);
    assert_fine();
    ct_tensor *x = ct_full(-1.0, 2, 4);
    assert_near(ct_item(ct_min(ct_forward(ct_module_child(back, "1"), x))), -0.2, 1e-6);
    ct_free(back);
    assert_true(ct_model_save(other, path_of("net.safetensors"))); /* as if a save had ended between the two files */
    back = ct_model_load(path);
    assert_string_equal(ct_module_kind(ct_module_child(back, "1")), "Dropout");
    ct_free(back);
    assert_true(ct_module_save(net, path_of("net.safetensors"))); /* weights alone, of any origin: the JSON counts */
    back = ct_model_load(path);
    assert_string_equal(ct_module_kind(ct_module_child(back, "1")), "LeakyReLU");
    assert_null(ct_model_load(path_of("net.safetensors")));
    assert_error("net.safetensors: holds no model; ct_module_load reads weights alone");
    ct_free(net), ct_free(other), ct_free(back);
    unlink(path_of("net.json")), unlink(path_of("net.safetensors"));
    assert_null(ct_model_load(path_of("net.json")));
    assert_error("net.json: cannot open");
    FAILED(ct_model_load(NULL), "model_load: path is NULL");
    FAILED(ct_model_save(NULL, "x"), "model_save: model is NULL");
}

/* ---- Kinds of programs --------------------------------------------------------------------------------------------------------- */
enum shape { ROUND, SQUARE };
struct scaled {
    double factor;
    int64_t window;
    const char *label;
    bool twice;
    enum shape shape;
    ct_module *inner;
};
static const char *const shapes[] = {"round", "square", NULL};
static const ct_setting scaled_settings[] = {
    {"factor", CT_SETTING_NUMBER, offsetof(struct scaled, factor), true, NULL},
    {"window", CT_SETTING_WINDOW, offsetof(struct scaled, window), false, NULL},
    {"label", CT_SETTING_TEXT, offsetof(struct scaled, label), false, NULL},
    {"twice", CT_SETTING_BOOL, offsetof(struct scaled, twice), false, NULL},
    {"shape", CT_SETTING_WORD, offsetof(struct scaled, shape), false, shapes},
    {"inner", CT_SETTING_MODULE, offsetof(struct scaled, inner), false, NULL},
};
static ct_module *scaled_make(const void *settings);
static const ct_module_type scaled_type = {"Scaled", scaled_settings, 6, sizeof(struct scaled), NULL, scaled_make, NULL};

static char last_label[32];                     /* as make was given it */

static ct_tensor *scaled_forward(ct_module *self, ct_tensor *x)
{
    const struct scaled *m = ct_module_state(self);
    ct_module *inner = ct_module_child(self, "inner");
    return ct_mul(inner ? ct_forward(inner, x) : x, m->factor);
}

static ct_module *scaled(const struct scaled *s)
{
    ct_module *self = ct_module_new("Scaled", scaled_forward, sizeof *s);
    if (self)
        *(struct scaled *)ct_module_state(self) = *s;
    if (s->inner)
        ct_module_add_child(self, "inner", s->inner);
    return ct_module_ready_as(self, &scaled_type, s);
}

static ct_module *scaled_make(const void *settings)
{
    const struct scaled *s = settings;
    snprintf(last_label, sizeof last_label, "%s", s->label ? s->label : "none");
    return scaled(s);
}

static ct_module *unnamed(void)
{
    return ct_module_ready(ct_module_new("Unnamed", scaled_forward, sizeof(struct scaled)));
}

static void test_kinds_of_programs_come_back(void **state)
{
    (void)state;
    CT_SCOPE;
    const char *path = path_of("own.safetensors");
    char label[] = "a \"label\" \xc3\xa4";
    ct_module *inner = ct_nn_linear(3, 3);
    ct_module *net = ct_nn_sequential(scaled(&(struct scaled){2.5, CT_HW(2, 3), label, true, SQUARE, inner}), scaled(&(struct scaled){.factor = 2}));
    label[0] = 'X';                             /* the module has its own */
    assert_true(ct_model_save(net, path));
    assert_null(ct_model_load(path));
    assert_error("own.safetensors: model.parts[0]: kind \"Scaled\" is not known; ct_module_register adds kinds");
    assert_true(ct_module_register(&scaled_type) && ct_module_register(&scaled_type));
    ct_module *back = ct_model_load(path);
    assert_fine();
    assert_string_equal(last_label, "none");
    const struct scaled *first = ct_module_state(ct_module_child(back, "0"));
    assert_true(first->factor == 2.5 && first->window == CT_HW(2, 3) && first->twice && first->shape == SQUARE);
    check_same(net, back, ct_randn(2, 3));
    ct_free(back);
    ct_module_type other = scaled_type;
    FAILED(ct_module_register(&other), "module_register: Scaled: the kind is taken");
    other.kind = "Linear";
    FAILED(ct_module_register(&other), "module_register: Linear: the kind is taken");
    other.make = NULL;
    FAILED(ct_module_register(&other), "module_register: make is missing");
    FAILED(ct_module_register(NULL), "module_register: the type is missing");
    const ct_setting bad = {"kind", CT_SETTING_BOOL, 0, true, NULL};
    other = (ct_module_type){"Bad", &bad, 1, 1, NULL, scaled_make, NULL};
    FAILED(ct_module_register(&other), "module_register: Bad: setting 0, \"kind\": want a key other than \"kind\", and a place in its 1 bytes");
    const ct_setting wordless = {"word", CT_SETTING_WORD, 0, true, NULL};
    other = (ct_module_type){"Bad", &wordless, 1, 4, NULL, scaled_make, NULL};
    FAILED(ct_module_register(&other), "module_register: Bad: setting \"word\" has no words");
    ct_free(net);
    unlink(path);
}

static void test_what_no_file_can_hold_is_refused(void **state)
{
    (void)state;
    const char *path = path_of("own.safetensors");
    char want[400];
    const struct {
        ct_module *net;
        const char *reason;
    } rows[] = {
        {ct_nn_sequential(ct_nn_relu(), unnamed()), "model.1, a Unnamed: its constructor did not end in ct_module_ready_as, no file can hold it"},
        {scaled(&(struct scaled){.factor = INFINITY}), "model, a Scaled: \"factor\" cannot be written: want finite numbers, UTF-8 text and known words"},
        {scaled(&(struct scaled){.label = "\xff"}), "model, a Scaled: \"label\" cannot be written: want finite numbers, UTF-8 text and known words"},
        {scaled(&(struct scaled){.shape = (enum shape)2}), "model, a Scaled: \"shape\" cannot be written: want finite numbers, UTF-8 text and known words"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        snprintf(want, sizeof want, "%s: %s", path, rows[i].reason);
        FAILED(ct_model_save(rows[i].net, path), want);
        ct_free(rows[i].net);
    }
    ct_module *net = small_net();
    ct_module_add_child(net, "more", ct_nn_relu());
    assert_false(ct_model_save(net, path));
    assert_error("model, a Sequential: it was given parts after it was made, a file would lose them");
    ct_free(net);
    net = ct_nn_relu();
    for (int i = 0; i < 70; i++)
        net = ct_nn_sequential(net);
    assert_false(ct_model_save(net, path));
    assert_error("modules nest too deeply");
    ct_free(net);
    ct_module *self = ct_module_new("Else", scaled_forward, sizeof(struct scaled));
    FAILED(ct_module_ready_as(self, &scaled_type, NULL), "Else: ready_as: the type is another's");
    assert_int_equal(count_files(), 0);
}

/* ---- Files of strangers ----------------------------------------------------------------------------------------------------------- */
#define MODEL(layer) "{\"cotangent_model\":1,\"dtype\":\"float32\",\"model\":" layer "}"
#define LINEAR "{\"kind\":\"Linear\",\"in\":3,\"out\":4}"
#define SEQUENTIAL(parts) MODEL("{\"kind\":\"Sequential\",\"parts\":" parts "}")
#define BIG "1099511627776"

static const struct malformed {
    const char *json, *reason;
} malformed[] = {
    {"", "the layers are not valid JSON"},
    {"{", "the layers are not valid JSON"},
    {"[]", "no model: \"cotangent_model\" is missing"},
    {"{}", "no model: \"cotangent_model\" is missing"},
    {MODEL(LINEAR) "x", "the layers are not valid JSON"},
    {"{\"cotangent_model\":1,\"cotangent_model\":1}", "duplicate"},
    {"{\"cotangent_model\":2,\"dtype\":\"float32\",\"model\":" LINEAR "}", "a model of version 2, want 1"},
    {"{\"cotangent_model\":\"1\",\"dtype\":\"float32\",\"model\":" LINEAR "}", "\"cotangent_model\" is missing"},
    {"{\"cotangent_model\":1,\"model\":" LINEAR "}", "\"dtype\" is neither float32 nor float64"},
    {"{\"cotangent_model\":1,\"dtype\":\"int64\",\"model\":" LINEAR "}", "\"dtype\" is neither float32 nor float64"},
    {"{\"cotangent_model\":1,\"dtype\":\"float32\",\"model\":" LINEAR ",\"extra\":1}", "\"extra\" is not a part of a model"},
    {"{\"cotangent_model\":1,\"dtype\":\"float32\"}", "model: no layer: want an object"},
    {MODEL("3"), "model: no layer: want an object"},
    {MODEL("[]"), "model: no layer: want an object"},
    {MODEL("{}"), "model: \"kind\" is missing or no text"},
    {MODEL("{\"kind\":3}"), "model: \"kind\" is missing or no text"},
    {MODEL("{\"kind\":\"Swish\"}"), "model: kind \"Swish\" is not known"},
    {MODEL("{\"kind\":\"Linear\",\"out\":4}"), "model, a Linear: \"in\" is missing"},
    {MODEL("{\"kind\":\"Linear\",\"in\":\"3\",\"out\":4}"), "model, a Linear: \"in\" is no whole number"},
    {MODEL("{\"kind\":\"Linear\",\"in\":3.5,\"out\":4}"), "model, a Linear: \"in\" is no whole number"},
    {MODEL("{\"kind\":\"Linear\",\"in\":null,\"out\":4}"), "model, a Linear: \"in\" is no whole number"},
    {MODEL("{\"kind\":\"Linear\",\"in\":3,\"out\":4,\"bias\":true}"), "model, a Linear: \"bias\" is not one of its settings"},
    {MODEL("{\"kind\":\"Linear\",\"in\":3,\"in\":3,\"out\":4}"), "duplicate"},
    {MODEL("{\"kind\":\"Linear\",\"in\":3,\"out\":4,\"no_bias\":1}"), "model, a Linear: \"no_bias\" is neither true nor false"},
    {MODEL("{\"kind\":\"Linear\",\"in\":3,\"out\":4,\"activation\":\"swish\"}"), "\"activation\" is none of identity, relu, gelu, tanh, sigmoid, silu"},
    {MODEL("{\"kind\":\"Linear\",\"in\":3,\"out\":4,\"activation\":1}"), "\"activation\" is none of identity"},
    {MODEL("{\"kind\":\"Linear\",\"in\":0,\"out\":4}"), "linear: 0 inputs, 4 outputs: want at least 1; in model, a Linear, of "},
    {MODEL("{\"kind\":\"Linear\",\"in\":-3,\"out\":4}"), "linear: -3 inputs, 4 outputs: want at least 1"},
    {MODEL("{\"kind\":\"Linear\",\"in\":" BIG ",\"out\":" BIG "}"), "overflowed"},
    {MODEL("{\"kind\":\"Linear\",\"in\":1000000,\"out\":1000000}"), "more than the file that is read accounts for; in model, a Linear"},
    {MODEL("{\"kind\":\"Linear\",\"in\":99999999999999999999,\"out\":4}"), "not valid JSON"},
    {MODEL("{\"kind\":\"Linear\",\"in\":4,\"out\":3}"), "\"weight\" is (4, 3), in the module (3, 4)"},
    {MODEL("{\"kind\":\"Linear\",\"in\":3,\"out\":4,\"no_bias\":true}"), "has a tensor \"bias\", which the module does not know"},
    {MODEL("{\"kind\":\"ReLU\"}"), "has a tensor \"bias\", which the module does not know"},
    {SEQUENTIAL("[" LINEAR "]"), "has no tensor \"0.weight\", which the module wants"},
    {SEQUENTIAL("{}"), "model, a Sequential: \"parts\" is no list"},
    {MODEL("{\"kind\":\"Sequential\"}"), "model, a Sequential: \"parts\" is missing"},
    {SEQUENTIAL("[" LINEAR ",null]"), "model.parts[1]: no layer: want an object"},
    {SEQUENTIAL("[" LINEAR ",{\"kind\":\"Sequential\",\"parts\":[{\"kind\":\"ReLU\"},{\"kind\":\"Dropout\"}]}]"),
     "model.parts[1].parts[1], a Dropout: \"p\" is missing"},
    {SEQUENTIAL("[{\"kind\":\"Dropout\",\"p\":1.5}]"), "dropout: p 1.5: want 0 to 1; in model.parts[0], a Dropout, of"},
    {SEQUENTIAL("[{\"kind\":\"Dropout\",\"p\":\"x\"}]"), "model.parts[0], a Dropout: \"p\" is no number"},
    {SEQUENTIAL("[{\"kind\":\"ReLU\"}],\"names\":[]"), "\"names\" is not one of its settings"},
    {MODEL("{\"kind\":\"Conv2d\",\"in\":3,\"out\":4,\"kernel\":[1,2,3]}"), "\"kernel\" is no whole number from 0 to 1073741823, pair of them or \"same\""},
    {MODEL("{\"kind\":\"Conv2d\",\"in\":3,\"out\":4,\"kernel\":[1,1073741824]}"), "\"kernel\" is no whole number"},
    {MODEL("{\"kind\":\"Conv2d\",\"in\":3,\"out\":4,\"kernel\":\"same\"}"), "conv2d: "},
    {MODEL("{\"kind\":\"Conv2d\",\"in\":3,\"out\":4,\"kernel\":-1}"), "\"kernel\" is no whole number"},
    {MODEL("{\"kind\":\"Conv2d\",\"in\":3,\"out\":4,\"kernel\":1000000}"), "more than the file that is read accounts for"},
    {MODEL("{\"kind\":\"SinusoidalPositions\",\"max_length\":" BIG ",\"width\":12}"), "SinusoidalPositions"},
    {MODEL("{\"kind\":\"Embedding\",\"count\":100000000,\"width\":12}"), "more than the file that is read accounts for"},
    {MODEL("{\"kind\":\"VariationalAutoencoder\",\"size\":8,\"latent\":9223372036854775807}"), "latent 9223372036854775807"},
    {MODEL("{\"kind\":\"MultiheadAttention\",\"width\":12,\"heads\":3,\"key_width\":9223372036854775807}"), "in model, a MultiheadAttention"},
    {MODEL("{\"kind\":\"GPT\"}"), "gpt: a vocabulary of 0, a block of 64: want at least 1; in model, a GPT"},
    {MODEL("{\"kind\":\"TransformerEncoder\",\"layers\":65536,\"width\":8,\"heads\":2}"), "more than the file that is read accounts for"},
    {MODEL("{\"kind\":\"LSTM\",\"in\":3,\"hidden\":1,\"layers\":70000}"), "lstm: 3 inputs, hidden 1, 70000 layers"},
    {MODEL("{\"kind\":\"LSTM\",\"in\":1,\"hidden\":1,\"layers\":65536}"), "accounts for; in model, a LSTM"},
    {MODEL("{\"kind\":\"Softmax\",\"axis\":" BIG "}"), "softmax: axis out of reach"},
    {MODEL("{\"kind\":\"ParameterList\",\"tensors\":[{\"dtype\":\"int64\",\"shape\":[1]}]}"), "\"tensors\" holds something else"},
    {MODEL("{\"kind\":\"ParameterList\",\"tensors\":[{\"dtype\":\"float32\",\"shape\":[-1]}]}"), "\"tensors\" holds something else"},
    {MODEL("{\"kind\":\"ParameterList\",\"tensors\":[{\"dtype\":\"float32\",\"shape\":[1,1,1,1,1,1,1,1,1]}]}"), "\"tensors\" holds something else"},
    {MODEL("{\"kind\":\"ParameterList\",\"tensors\":[{\"dtype\":\"float32\",\"shape\":[1000000,1000000]}]}"), "accounts for; in model, a ParameterList"},
    {MODEL("{\"kind\":\"ParameterList\",\"tensors\":7}"), "\"tensors\" is no list"},
};

static void write_model(const char *path, const char *json)
{
    CT_SCOPE;
    const ct_named_tensor tensors[] = {{"weight", ct_ones(4, 3)}, {"bias", ct_ones(4)}};
    assert_true(ct_io_safetensors_write(path, tensors, 2, &(ct_metadata){"cotangent.model", json}, 1));
}

static void test_malformed_models_are_refused(void **state)
{
    (void)state;
    const char *path = path_of("bad.safetensors");
    for (size_t i = 0; i < sizeof malformed / sizeof *malformed; i++) {
        write_model(path, malformed[i].json);
        (void)ct_model_load(path);              /* the thread's stack of tensors grows once */
        ct_error_clear();
        const size_t before = ct_memory().live;
        ct_module *net = ct_model_load(path);
        if (net || !strstr(ct_error(), malformed[i].reason) || !strstr(ct_error(), path))
            fail_msg("%s: \"%s\", want \"%s\"", malformed[i].json, ct_error(), malformed[i].reason);
        ct_error_clear();
        assert_int_equal(ct_memory().live, before);
    }
    write_model(path, MODEL(LINEAR));
    ct_module *net = ct_model_load(path);
    assert_fine();
    ct_free(net);
    unlink(path);
}

static void test_tables_that_no_file_holds_have_room(void **state)
{
    (void)state;
    const char *path = path_of("net.safetensors");
    ct_module *net = ct_nn_sinusoidal_positions(5000, 512);
    assert_true(ct_model_save(net, path));
    ct_module *back = ct_model_load(path);
    assert_fine();
    ct_free(net), ct_free(back);
    unlink(path);
}

static void test_deep_and_long_models_are_refused(void **state)
{
    (void)state;
    enum { DEEP = 1000, LONG = 17 << 20 };
    static const char open_[] = "{\"kind\":\"Sequential\",\"parts\":[", close_[] = "]}";
    const char *path = path_of("bad.safetensors");
    char *json = malloc(LONG + 1000);
    strcpy(json, "{\"cotangent_model\":1,\"dtype\":\"float32\",\"model\":");
    size_t used = strlen(json);
    for (int i = 0; i < DEEP; i++, used += sizeof open_ - 1)
        memcpy(json + used, open_, sizeof open_ - 1);
    for (int i = 0; i < DEEP; i++, used += sizeof close_ - 1)
        memcpy(json + used, close_, sizeof close_ - 1);
    strcpy(json + used, "}");
    write_model(path, json);
    assert_null(ct_model_load(path));
    assert_error("bad.safetensors: layers nest more than 64 deep");
    used = (size_t)sprintf(json, "{\"cotangent_model\":1,\"dtype\":\"float32\",\"model\":{\"kind\":\"Sequential\",\"parts\":[{\"kind\":\"ReLU\"}");
    for (int i = 0; i < 4096; i++)
        used += (size_t)sprintf(json + used, ",{\"kind\":\"ReLU\"}");
    strcpy(json + used, "]}}");
    write_model(path, json);
    assert_null(ct_model_load(path));
    assert_error("model, a Sequential: \"parts\" is too long: want at most 4096 parts");
    memset(json, ' ', LONG);
    strcpy(json + LONG, "{}");
    write_model(path, json);
    assert_null(ct_model_load(path));
    assert_error("want at most 16777216");
    free(json);
    unlink(path);
}

static void test_json_beside_weights_is_looked_at_likewise(void **state)
{
    (void)state;
    static const struct {
        const char *json, *reason;
    } rows[] = {
        {MODEL(LINEAR), "\"weights\" is no name of a file beside it"},
        {"{\"weights\":3}", "\"weights\" is no name of a file beside it"},
        {"{\"weights\":\"\"}", "\"weights\" is no name of a file beside it"},
        {"{\"weights\":\"../net.safetensors\"}", "\"weights\" is no name of a file beside it"},
        {"{\"weights\":\"/etc/passwd\"}", "\"weights\" is no name of a file beside it"},
        {"{\"weights\":\"none.safetensors\"}", "none.safetensors: cannot open"},
        {"{\"weights\":\"net.json\"}", "net.json: header"},
        {"{\"weights\":\"..\"}", "not a regular file"},
        {"[]", "\"weights\" is no name of a file beside it"},
        {"", "not valid JSON"},
    };
    const char *path = path_of("net.json");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        FILE *file = fopen(path, "w");
        fputs(rows[i].json, file);
        fclose(file);
        assert_null(ct_model_load(path));
        assert_error(rows[i].reason);
    }
    assert_int_equal(truncate(path, (off_t)1 << 33), 0);
    assert_null(ct_model_load(path));
    assert_error("net.json: 8589934592 bytes, want at most 16777216");
    unlink(path);
    assert_null(ct_model_load(path_of(".json")));
    assert_error("cannot open");
}

/* ---- Memory that fails ------------------------------------------------------------------------------------------------------------ */
static void test_each_failed_allocation_is_an_error(void **state)
{
    (void)state;
    const char *path = path_of("net.json");
    ct_module_register(&scaled_type);
    ct_module *net = ct_nn_sequential(ct_nn_linear(3, 3), scaled(&(struct scaled){.label = "x", .inner = ct_nn_batch_norm1d(3)}),
                                      ct_nn_parameter_list(ct_ones(2)));
    for (int saving = 0; saving < 2; saving++) {
        bool struck = true;
        for (int64_t after = 0; struck; after++) {
            ct_module *back = NULL;
            bool good;
            if (!saving)
                assert_true(ct_model_save(net, path));
            memory_fail_after(after);
            good = saving ? ct_model_save(net, path) : (back = ct_model_load(path)) != NULL;
            struck = memory_failed_one();
            memory_fail_after(-1);
            if (!good)
                assert_error("memory");
            assert_true(good || struck);
            ct_free(back);
        }
    }
    ct_free(net);
    unlink(path), unlink(path_of("net.safetensors"));
    assert_int_equal(count_files(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_kind_comes_back),
        cmocka_unit_test(test_modules_that_take_more_than_one_tensor_come_back),
        cmocka_unit_test(test_dtype_and_metadata_come_back),
        cmocka_unit_test(test_json_lies_beside_its_weights),
        cmocka_unit_test(test_kinds_of_programs_come_back),
        cmocka_unit_test(test_what_no_file_can_hold_is_refused),
        cmocka_unit_test(test_malformed_models_are_refused),
        cmocka_unit_test(test_tables_that_no_file_holds_have_room),
        cmocka_unit_test(test_deep_and_long_models_are_refused),
        cmocka_unit_test(test_json_beside_weights_is_looked_at_likewise),
        cmocka_unit_test(test_each_failed_allocation_is_an_error),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
