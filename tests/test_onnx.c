/* ONNX files without a program that reads them: their structure, field by field, and what has none. tests/test_python_onnx.py runs them. */
#include "modules.h"
#include "zoo.h"

#include <stdlib.h>
#include <string.h>

#include "autograd/memory.h"
#include "io/protobuf.h"
#include "temp_folder.h"

/* ---- A reader of the wire format ------------------------------------------------------------------------------------------------- */
struct span {
    const unsigned char *bytes;
    size_t count;
};
struct field {
    int number, wire;
    uint64_t value;                             /* of a varint, or the bits of 4 or 8 bytes */
    struct span inner;                          /* of what has a length */
};

static uint64_t take_varint(struct span *s)
{
    uint64_t value = 0;
    for (int shift = 0;; shift += 7) {
        assert_true(s->count > 0 && shift < 64);
        const unsigned char byte = *s->bytes++;
        s->count--;
        value |= (uint64_t)(byte & 127) << shift;
        if (byte < 128)
            return value;
    }
}

static bool take(struct span *s, struct field *field) /* false at the end */
{
    if (s->count == 0)
        return false;
    const uint64_t key = take_varint(s);
    *field = (struct field){.number = (int)(key >> 3), .wire = (int)(key & 7)};
    size_t fixed = 0;
    switch (field->wire) {
    case 0: field->value = take_varint(s); return true;
    case 2: field->inner.count = take_varint(s); break;
    case 1: fixed = 8; break;
    case 5: fixed = 4; break;
    default: fail_msg("wire type %d", field->wire);
    }
    const size_t count = fixed ? fixed : field->inner.count;
    assert_true(count <= s->count);
    field->inner.bytes = s->bytes;
    for (size_t i = 0; i < fixed; i++)
        field->value |= (uint64_t)s->bytes[i] << 8 * i;
    s->bytes += count, s->count -= count;
    return true;
}

/* The nth field of a number; false: there are fewer. */
static bool nth(struct span message, int number, size_t n, struct field *field)
{
    while (take(&message, field))
        if (field->number == number && n-- == 0)
            return true;
    return false;
}

static struct span at(struct span message, int number)
{
    struct field field;
    assert_true(nth(message, number, 0, &field));
    return field.inner;
}

static uint64_t number_at(struct span message, int number)
{
    struct field field;
    assert_true(nth(message, number, 0, &field));
    return field.value;
}

static bool is_text(struct span s, const char *text)
{
    return s.count == strlen(text) && !memcmp(s.bytes, text, s.count);
}

static struct span read_whole(const char *path)
{
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    fseek(file, 0, SEEK_END);
    const size_t count = (size_t)ftell(file);
    unsigned char *bytes = malloc(count + 1);
    rewind(file);
    assert_int_equal(fread(bytes, 1, count, file), count);
    fclose(file);
    return (struct span){bytes, count};
}

static struct span tensor_named(struct span graph, const char *name) /* count 0: there is none */
{
    struct field field;
    for (size_t i = 0; nth(graph, 5, i, &field); i++)
        if (is_text(at(field.inner, 8), name))
            return field.inner;
    return (struct span){NULL, 0};
}

/* ---- The writer ---------------------------------------------------------------------------------------------------------------------- */
static void test_fields_are_written_as_the_format_says(void **state)
{
    (void)state;
    struct protobuf m = {0}, inner = {0};
    protobuf_integer(&m, 1, 150);               /* the example of the format's own page */
    protobuf_text(&m, 2, "testing");
    protobuf_integer(&inner, 1, 150);
    protobuf_message(&m, 3, &inner);
    protobuf_integer(&m, 16, -1);
    protobuf_float(&m, 4, 1);
    protobuf_double(&m, 5, -2);
    static const unsigned char want[] = {
        0x08, 0x96, 0x01, 0x12, 0x07, 't', 'e', 's', 't', 'i', 'n', 'g', 0x1a, 0x03, 0x08, 0x96, 0x01,
        0x80, 0x01, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01,
        0x25, 0, 0, 0x80, 0x3f, 0x29, 0, 0, 0, 0, 0, 0, 0, 0xc0,
    };
    assert_false(m.failed);
    assert_int_equal(m.count, sizeof want);
    assert_memory_equal(m.bytes, want, sizeof want);
    assert_null(inner.bytes);
    memory_fail_after(0);
    char large[10000] = {0};
    protobuf_bytes(&inner, 1, large, sizeof large);
    memory_fail_after(-1);
    assert_true(inner.failed);
    protobuf_message(&m, 1, &inner);            /* a failure travels outwards */
    assert_true(m.failed);
    protobuf_free(&m);
    protobuf_bytes(&m, 1, large, SIZE_MAX / 2); /* a length that no memory has: nothing is read */
    assert_true(m.failed);
    protobuf_free(&m);
}

/* ---- Structure ------------------------------------------------------------------------------------------------------------------- */
static bool is_known(struct span graph, struct span name, size_t nodes) /* an input, a weight, or what one of the nodes before gave */
{
    struct field field;
    for (size_t i = 0; nth(graph, 11, i, &field); i++)
        if (at(field.inner, 1).count == name.count && !memcmp(at(field.inner, 1).bytes, name.bytes, name.count))
            return true;
    for (size_t i = 0; nth(graph, 5, i, &field); i++)
        if (at(field.inner, 8).count == name.count && !memcmp(at(field.inner, 8).bytes, name.bytes, name.count))
            return true;
    for (size_t i = 0; i < nodes && nth(graph, 1, i, &field); i++)
        if (at(field.inner, 2).count == name.count && !memcmp(at(field.inner, 2).bytes, name.bytes, name.count))
            return true;
    return false;
}

static size_t check_tensors(struct span graph)
{
    size_t count = 0;
    for (struct field tensor; nth(graph, 5, count, &tensor); count++) {
        uint64_t elements = 1;
        struct field size;
        for (size_t axis = 0; nth(tensor.inner, 1, axis, &size); axis++)
            elements *= size.value;
        const uint64_t type = number_at(tensor.inner, 2);
        assert_true(type == 1 || type == 7 || type == 11);
        assert_int_equal(at(tensor.inner, 9).count, elements * (type == 1 ? 4 : 8));
    }
    return count;
}

static struct span check_file(struct span whole)
{
    assert_int_equal(number_at(whole, 1), 8);
    assert_int_equal(number_at(at(whole, 8), 2), 17);
    struct span graph = at(whole, 7);
    struct field node, input;
    size_t nodes = 0;
    for (; nth(graph, 1, nodes, &node); nodes++) {
        for (size_t i = 0; nth(node.inner, 1, i, &input); i++)
            assert_true(input.inner.count == 0 || is_known(graph, input.inner, nodes));
        assert_false(is_known(graph, at(node.inner, 2), nodes)); /* each name once */
        assert_true(at(node.inner, 4).count > 0);
    }
    assert_true(nodes > 0);
    assert_true(is_known(graph, at(at(graph, 12), 1), nodes));
    check_tensors(graph);
    return graph;
}

static void test_every_kind_has_a_graph_that_hangs_together(void **state)
{
    (void)state;
    const char *path = path_of("net.onnx");
    for (size_t i = 0; i < ZOO_COUNT; i++) {
        CT_SCOPE;
        if (strstr(zoo[i].name, "resnet"))      /* 100 MB, and more of the same */
            continue;
        ct_module *net = zoo[i].make();
        const bool exported = ct_model_export_onnx(net, path, zoo[i].input());
        if (!exported)
            fail_msg("%s: %s", zoo[i].name, ct_error());
        assert_true(ct_module_is_training(net));
        struct span whole = read_whole(path);
        check_file(whole);
        free((void *)(uintptr_t)whole.bytes);
        ct_free(net);
    }
    unlink(path);
}

static void test_a_linear_layer_is_what_the_format_says(void **state)
{
    (void)state;
    CT_SCOPE;
    const char *path = path_of("net.onnx");
    ct_module *net = ct_nn_sequential(ct_nn_linear(3, 2, .activation = CT_RELU));
    assert_true(ct_model_export_onnx(net, path, ct_ones(4, 3), .input = "pixels", .output = "scores"));
    struct span whole = read_whole(path), graph = check_file(whole);
    struct field field, dim;
    static const char *const ops[] = {"Gemm", "Relu", "Identity"};
    for (size_t i = 0; i < 3; i++) {
        assert_true(nth(graph, 1, i, &field));
        assert_true(is_text(at(field.inner, 4), ops[i]));
    }
    assert_true(nth(graph, 1, 0, &field) && is_text(at(field.inner, 1), "pixels"));
    struct span attribute = at(field.inner, 5);
    assert_true(is_text(at(attribute, 1), "transB") && number_at(attribute, 3) == 1 && number_at(attribute, 20) == 2);
    assert_false(nth(graph, 1, 3, &field));
    struct span tensor = tensor_named(graph, "0.weight");
    assert_true(nth(tensor, 1, 0, &dim) && dim.value == 2 && nth(tensor, 1, 1, &dim) && dim.value == 3);
    float weight[6];
    assert_true(ct_to_array(ct_detach(ct_module_find(net, "0.weight")), weight, sizeof weight));
    assert_memory_equal(at(tensor, 9).bytes, weight, sizeof weight);
    assert_int_equal(at(tensor_named(graph, "0.bias"), 9).count, 2 * sizeof(float));
    struct span type = at(at(at(graph, 11), 2), 1), shape = at(type, 2);
    assert_int_equal(number_at(type, 1), 1);
    assert_true(nth(shape, 1, 0, &dim) && is_text(at(dim.inner, 2), "batch"));
    assert_true(nth(shape, 1, 1, &dim) && number_at(dim.inner, 1) == 3);
    assert_true(is_text(at(at(graph, 12), 1), "scores"));
    free((void *)(uintptr_t)whole.bytes);
    assert_true(ct_model_export_onnx(net, path, ct_ones(4, 3), .fixed_batch = true));
    whole = read_whole(path), graph = check_file(whole);
    assert_true(nth(at(at(at(at(graph, 11), 2), 1), 2), 1, 0, &dim) && number_at(dim.inner, 1) == 4);
    free((void *)(uintptr_t)whole.bytes);
    ct_free(net);
    unlink(path);
}

static void test_tied_weights_are_stored_once_and_parts_have_their_own_names(void **state)
{
    (void)state;
    CT_SCOPE;
    const char *path = path_of("net.onnx");
    ct_module *gpt = ct_nn_gpt(.vocabulary = 11, .block = 8, .width = 12, .layers = 1, .heads = 2), *net = ct_nn_sequential(gpt);
    for (int part = 0; part < 2; part++) {
        assert_true(ct_model_export_onnx(part ? gpt : net, path, ct_randint(0, 11, 2, 5), .any_length = true));
        struct span whole = read_whole(path), graph = check_file(whole);
        size_t found = 0;
        struct field tensor;
        for (size_t i = 0; nth(graph, 5, i, &tensor); i++)
            found += is_text(at(tensor.inner, 8), part ? "embedding.weight" : "0.embedding.weight");
        assert_int_equal(found, 1);
        free((void *)(uintptr_t)whole.bytes);
    }
    ct_free(net);
    unlink(path);
}

/* ---- Kinds of programs, and refusals -------------------------------------------------------------------------------------------------- */
static ct_tensor *swish_forward(ct_module *self, ct_tensor *x)
{
    (void)self;
    return ct_silu(x);
}

static const char *swish_onnx(ct_onnx *graph, ct_module *self, const char *x)
{
    (void)self;
    const char *gate = ct_onnx_node(graph, "Sigmoid", &x, 1, NULL, 0);
    return ct_onnx_node(graph, "Mul", (const char *const[]){x, gate}, 2, NULL, 0);
}

static const char *too_large_onnx(ct_onnx *graph, ct_module *self, const char *x)
{
    (void)self;
    CT_SCOPE;
    const char *large = ct_onnx_tensor(graph, "large", ct_expand(ct_ones(1), 1 << 30)); /* 4 GiB to whom it is written */
    return ct_onnx_node(graph, "Add", (const char *const[]){x, large}, 2, NULL, 0);
}

static const char *silent_onnx(ct_onnx *graph, ct_module *self, const char *x)
{
    (void)graph, (void)self, (void)x;
    return NULL;
}

static const char *name_thief_onnx(ct_onnx *graph, ct_module *self, const char *x)
{
    (void)self;
    CT_SCOPE;
    return ct_onnx_node(graph, "Add", (const char *const[]){x, ct_onnx_tensor(graph, "input", ct_ones(1))}, 2, NULL, 0);
}

static ct_module *layer(ct_onnx_form *form)
{
    static ct_module_type types[8];
    static size_t count;
    ct_module_type *type = &types[count++ % 8];
    *type = (ct_module_type){.kind = "Swish", .onnx = form};
    return ct_module_ready_as(ct_module_new("Swish", swish_forward, 0), type, NULL);
}

static void test_kinds_of_programs_add_their_nodes(void **state)
{
    (void)state;
    CT_SCOPE;
    const char *path = path_of("net.onnx");
    ct_module *net = ct_nn_sequential(ct_nn_linear(3, 3), layer(swish_onnx));
    assert_true(ct_model_export_onnx(net, path, ct_ones(1, 3)));
    struct span whole = read_whole(path), graph = check_file(whole);
    struct field node;
    assert_true(nth(graph, 1, 1, &node) && is_text(at(node.inner, 4), "Sigmoid"));
    assert_true(nth(graph, 1, 2, &node) && is_text(at(node.inner, 4), "Mul"));
    free((void *)(uintptr_t)whole.bytes);
    ct_free(net);
    unlink(path);
}

static void refused(ct_module *net, ct_tensor *x, const char *reason)
{
    assert_false(ct_model_export_onnx(net, path_of("net.onnx"), x));
    assert_error(reason);
    assert_int_equal(count_files(), 0);
    ct_free(net);
}

static void test_what_has_no_form_is_refused_by_name(void **state)
{
    (void)state;
    CT_SCOPE;
    ct_tensor *x = ct_ones(2, 3);
    refused(ct_nn_sequential(ct_nn_linear(3, 3), ct_nn_relu(), ct_nn_relu(), layer(NULL)), x, "onnx: layer 3 (Swish) has no ONNX form");
    refused(layer(NULL), x, "onnx: layer (Swish) has no ONNX form");
    refused(ct_module_ready(ct_module_new("Bare", swish_forward, 0)), x, "onnx: layer (Bare) has no ONNX form");
    refused(ct_nn_sequential(layer(silent_onnx)), x, "onnx: layer 0 (Swish) gave nothing");
    refused(layer(too_large_onnx), x, "net.onnx: 4294967296 bytes of weights or more, an ONNX file holds at most 2 GiB");
    refused(layer(name_thief_onnx), x, "onnx: the name input is taken");
    refused(ct_nn_transformer_decoder(1, 12, 2), ct_ones(2, 3, 12), "it attends to a memory too");
    refused(ct_nn_parameter_list(ct_ones(2)), x, "ParameterList has none");
    refused(ct_nn_linear(4, 3), x, "linear: ");
    refused(ct_nn_conv2d(3, 4, 1), ct_ones(3, 5, 5), "onnx: Conv2d of one image: want a batch");
    ct_module *net = ct_nn_relu();
    assert_false(ct_model_export_onnx(net, "/nonexistent/net.onnx", x));
    assert_error("/nonexistent/net.onnx: cannot create");
    assert_false(ct_model_export_onnx(net, path_of("a"), x, .input = "x", .output = "x"));
    assert_error("export_onnx: input \"x\", output \"x\": want two names");
    assert_false(ct_model_export_onnx(NULL, path_of("a"), x));
    assert_error("export_onnx: model is NULL");
    assert_false(ct_model_export_onnx(net, NULL, x));
    assert_error("export_onnx: path is NULL");
    assert_false(ct_model_export_onnx(net, path_of("a"), NULL));
    assert_error("export_onnx: the example is NULL");
    assert_null(ct_onnx_node(NULL, "Add", NULL, 0, NULL, 0));
    assert_error("onnx: Add: an input is NULL");
    ct_free(net);
}

static void test_each_failed_allocation_is_an_error(void **state)
{
    (void)state;
    CT_SCOPE;
    const char *path = path_of("net.onnx");
    ct_module *net = ct_nn_sequential(ct_nn_linear(12, 12), ct_nn_multihead_attention(12, 2, .causal = true, .rotary = true), ct_nn_gru(12, 3));
    ct_tensor *x = ct_ones(1, 4, 12);
    bool struck = true;
    for (int64_t after = 0; struck; after++) {
        memory_fail_after(after);
        const bool good = ct_model_export_onnx(net, path, x);
        struck = memory_failed_one();
        memory_fail_after(-1);
        if (!good)
            assert_error("memory");
        assert_true(good || struck);
    }
    ct_free(net);
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fields_are_written_as_the_format_says),
        cmocka_unit_test(test_every_kind_has_a_graph_that_hangs_together),
        cmocka_unit_test(test_a_linear_layer_is_what_the_format_says),
        cmocka_unit_test(test_tied_weights_are_stored_once_and_parts_have_their_own_names),
        cmocka_unit_test(test_kinds_of_programs_add_their_nodes),
        cmocka_unit_test(test_what_has_no_form_is_refused_by_name),
        cmocka_unit_test(test_each_failed_allocation_is_an_error),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
