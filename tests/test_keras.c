/* Weights of Keras, which tools/make_keras_goldens.py wrote, and HDF5 files that are not what they say. */
#include "files.h"

#include <cotangent.h>
#include <math.h>
#include <time.h>

#include "autograd/memory.h"

static const char *const files[] = {"three.weights.h5", "three.h5", "two.h5"};
enum { FILES = sizeof files / sizeof *files };

static const char *golden(const char *name)     /* valid for one more call */
{
    static char path[2][512];
    static int turn;
    turn = !turn;
    const char *root = getenv("CT_SOURCE_ROOT");
    snprintf(path[turn], sizeof *path, "%s/tests/golden_keras/%s", root ? root : ".", name);
    return path[turn];
}

static ct_module *net(void)
{
    return ct_nn_sequential(ct_nn_conv2d(3, 4, CT_HW(3, 2), .activation = CT_RELU), ct_nn_batch_norm2d(4, .eps = 1e-3), ct_nn_max_pool2d(2), ct_nn_dropout(0.3),
                            ct_nn_conv2d(4, 5, 2, .no_bias = true), ct_nn_flatten(), ct_nn_linear(20, 6, .activation = CT_RELU),
                            ct_nn_batch_norm1d(6, .eps = 1e-3, .no_affine = true), ct_nn_linear(6, 3));
}

static ct_tensor *read_one(const char *name)
{
    ct_tensor_file *file = ct_io_safetensors_open(golden("outputs.safetensors"));
    ct_tensor *t = ct_tensor_file_read(file, name);
    ct_free(file);
    return t;
}

/* ---- What fits ----------------------------------------------------------------------------------------------------------------- */
static double farthest(ct_module *m)        /* from the outputs of Keras, relative to the largest */
{
    CT_SCOPE;
    CT_NO_GRAD;
    ct_module_eval(m);
    ct_tensor *y = read_one("y");
    return ct_item(ct_div(ct_amax(ct_abs(ct_sub(ct_forward(m, read_one("x")), y))), ct_amax(ct_abs(y))));
}

static void test_a_network_gives_the_outputs_of_keras(void **state)
{
    (void)state;
    for (int i = 0; i < FILES; i++) {
        ct_module *m = net();
        assert_true(farthest(m) > 0.1);
        if (!ct_module_load_keras(m, golden(files[i])))
            fail_msg("%s: %s", files[i], ct_error());
        if (!(farthest(m) < 2e-6))
            fail_msg("%s: outputs differ by %g", files[i], farthest(m));
        ct_free(m);
    }
    assert_fine();
}

static void test_layers_are_taken_as_they_are_named(void **state)
{
    (void)state;
    ct_module *m = net();
    assert_true(ct_module_load_keras(m, golden(files[0]), .layers = "conv2d,batch_normalization,conv2d_1,dense,batch_normalization_1,dense_1"));
    assert_true(farthest(m) < 2e-6);
    static const struct { const char *layers, *message; } rows[] = {
        {"conv2d,batch_normalization,conv2d_1,dense,batch_normalization_1", ".layers names none for '8'"},
        {"conv2d,batch_normalization,conv2d", ".layers names 'conv2d' twice"}, {"conv2d,dense", "layer 'dense' is Dense, '1' wants BatchNormalization"},
        {"conv2d,bn", "has no layer 'bn' with weights"}, {"", ".layers names none for '0'"},
        {"conv2d_1", "'layers/conv2d_1/vars/0' is float32 (2, 2, 4, 5), '0.weight' float32 (4, 3, 3, 2)"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_false(ct_module_load_keras(m, golden(files[0]), .layers = rows[i].layers));
        assert_error(rows[i].message);
    }
    assert_true(farthest(m) < 2e-6);
    ct_free(m);
}

static void test_what_fits_nothing_is_named(void **state)
{
    (void)state;
    const struct { ct_module *module; const char *message; } rows[] = {
        {ct_nn_sequential(ct_nn_conv2d(3, 4, CT_HW(3, 2)), ct_nn_batch_norm2d(4), ct_nn_conv2d(4, 5, 2, .no_bias = true), ct_nn_linear(20, 6),
                          ct_nn_batch_norm1d(6, .no_affine = true)), "layer 'dense_1', Dense fits nothing in the module"},
        {ct_nn_sequential(ct_nn_conv2d(3, 4, CT_HW(3, 2)), ct_nn_conv2d(4, 5, 2, .no_bias = true), ct_nn_conv2d(1, 1, 1)), "has no further Conv2D for '2'"},
        {ct_nn_sequential(ct_nn_conv2d(3, 4, CT_HW(3, 2)), ct_nn_conv2d(4, 5, 2)), "layer 'conv2d_1' has no bias, which '1' wants"},
        {ct_nn_sequential(ct_nn_conv2d(3, 4, CT_HW(3, 2), .no_bias = true)), "vars/1' fits nothing in '0' (Conv2d)"},
        {ct_nn_sequential(ct_nn_conv2d(3, 4, 3)), "'layers/conv2d/vars/0' is float32 (3, 2, 3, 4), '0.weight' float32 (4, 3, 3, 3)"},
        {ct_nn_sequential(ct_nn_linear(20, 6), ct_nn_conv2d(3, 4, CT_HW(3, 2))), "'1' follows a Linear: how its vector becomes an image is not known"},
        {ct_nn_sequential(ct_nn_layer_norm(4)), "'0' (LayerNorm) has weights, want Linear, Conv2d and BatchNorm alone"},
        {ct_nn_relu(), "layer 'conv2d', Conv2D fits nothing in the module"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_fine();
        assert_false(ct_module_load_keras(rows[i].module, golden(files[0])));
        assert_error(rows[i].message);
        ct_module *m = rows[i].module;
        ct_free(m);
    }
    ct_module *m = ct_nn_sequential(ct_nn_conv2d(3, 4, CT_HW(3, 2)), ct_nn_linear(6, 3));
    assert_false(ct_module_load_keras(m, golden(files[0]), .layers = "conv2d,dense_1"));
    assert_error("'layers/dense_1/vars/0': 6 values behind a flatten are no whole number of pixels of 4 channels");
    ct_free(m);
    m = net();
    assert_false(ct_module_load_keras(NULL, "a")), assert_error("module_load_keras: module is NULL");
    assert_false(ct_module_load_keras(m, NULL)), assert_error("module_load_keras: path is NULL");
    assert_false(ct_module_load_keras(m, path_of("none"))), assert_error("cannot open");
    assert_true(ct_module_load_keras(m, golden(files[0]), .channels_first = true)); /* other rows of the Dense behind the flatten */
    assert_true(farthest(m) > 1e-3);
    ct_free(m);
}

static void test_nothing_changes_without_memory(void **state)
{
    (void)state;
    ct_module *m = net();
    const double before = farthest(m);
    for (int64_t after = 0;; after++) {
        ct_memory_trim();
        memory_fail_after(after);
        const bool good = ct_module_load_keras(m, golden(files[1])), struck = memory_failed_one();
        memory_fail_after(-1);
        if (good && !struck)
            break;
        assert_true(!good && struck && !ct_ok());
        ct_error_clear();
        assert_true(farthest(m) == before);
    }
    ct_free(m);
}

/* ---- Files that lie -------------------------------------------------------------------------------------------------------------- */
struct bytes {
    size_t count;
    unsigned char *at;
};

static struct bytes read_bytes(const char *path)
{
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    fseek(file, 0, SEEK_END);
    struct bytes b = {(size_t)ftell(file), NULL};
    rewind(file);
    b.at = malloc(b.count);
    assert_int_equal(fread(b.at, 1, b.count, file), b.count);
    fclose(file);
    return b;
}

static uint64_t number(struct bytes b, size_t at, int count)
{
    uint64_t value = 0;
    for (int i = count; i-- > 0;)
        value = value << 8 | b.at[at + (size_t)i];
    return value;
}

static size_t find(struct bytes b, const char *text, size_t length, int which)
{
    for (size_t i = 0; i + length <= b.count; i++)
        if (!memcmp(b.at + i, text, length) && which-- == 0)
            return i;
    fail_msg("%s is not in the file", text);
    return 0;
}

/* The message of a kind in the header of a dataset, of two axes: where its data begin. */
static size_t find_message(struct bytes b, uint64_t kind)
{
    for (size_t i = 96; i + 64 < b.count; i += 8)
        if (number(b, i, 2) == 1 && number(b, i + 16, 2) == 1 && b.at[i + 25] == 2 && number(b, i + 24 + number(b, i + 18, 2), 2) == 3)
            for (size_t at = i + 16; at + 8 < b.count && at < i + 400; at += 8 + number(b, at + 2, 2))
                if (number(b, at, 2) == kind)
                    return at + 8;
    fail_msg("no message %d", (int)kind);
    return 0;
}

enum place { AT, TREE, HEAP, NODE, ROOT, COLLECTION, SPACE, TYPE, LAYOUT, STRINGS };

static size_t place_of(struct bytes b, enum place place)
{
    switch (place) {
    case TREE: return find(b, "TREE", 4, 0);
    case HEAP: return find(b, "HEAP", 4, 0);
    case NODE: return find(b, "SNOD", 4, 0);
    case COLLECTION: return find(b, "GCOL", 4, 0);
    case ROOT: return (size_t)number(b, 64, 8);
    case SPACE: return find_message(b, 1);
    case TYPE: return find_message(b, 3);
    case LAYOUT: return find_message(b, 8);
    case STRINGS: return find(b, "layer_names", 11, 0) - 8;
    case AT: break;
    }
    return 0;
}

/* `count` bytes, little-endian, at a place and so many bytes further. */
static const struct {
    enum place place;
    size_t further;
    int count;
    uint64_t value;
    const char *message;
} lies[] = {
    {AT, 0, 1, 'H', "does not begin as an HDF5 file does"},
    {AT, 0, 4, 0x04034b50, "a zip archive; of a .keras file the member model.weights.h5 is one of HDF5"},
    {AT, 8, 1, 2, "superblock of version 2, want 0 or 1"},
    {AT, 8, 1, 3, "superblock of version 3, want 0 or 1"},
    {AT, 8, 1, 1, "data from byte"},            /* its addresses lie elsewhere then */
    {AT, 13, 1, 4, "addresses and lengths of other than 8 bytes are not read"},
    {AT, 14, 1, 2, "addresses and lengths of other than 8 bytes are not read"},
    {AT, 24, 8, 512, "data from byte 512 on are not read"},
    {AT, 40, 8, 1 << 30, "of 1073741824 bytes"},
    {AT, 40, 8, UINT64_MAX, "of 18446744073709551615 bytes"},
    {AT, 64, 8, UINT64_MAX, "an object's header of 16 bytes at 18446744073709551615 passes the end of"},
    {AT, 64, 8, 0, "'/': no object's header stands where it should"},
    {ROOT, 0, 4, 0x5244484f, "'/': is of the newer layout"},
    {ROOT, 0, 1, 2, "'/': no object's header stands where it should"},
    {ROOT, 8, 4, UINT32_MAX, "an object's header of 4294967295 bytes"},
    {ROOT, 18, 2, 60000, "'/': a part of its header is cut"},
    {ROOT, 16, 2, 2, "'/': is of the newer layout"},
    {ROOT, 16, 2, 6, "'/': is of the newer layout"},
    {ROOT, 16, 2, 21, "'/': is of the newer layout"},
    {ROOT, 20, 1, 2, "'/': a part of its header lies elsewhere"},
    {ROOT, 24, 8, 1, "'/': no tree of links stands where it should"},
    {ROOT, 32, 8, 1, "'/': no heap of names stands where it should"},
    {ROOT, 32, 8, UINT64_MAX - 8, "a heap of names of 32 bytes at 18446744073709551607 passes the end of"},
    {TREE, 0, 4, 0, "no tree of links stands where it should"},
    {TREE, 4, 1, 1, "no tree of links stands where it should"},
    {TREE, 5, 1, 200, "no tree of links stands where it should"},
    {TREE, 5, 1, 3, "no tree of links stands where it should"},
    {TREE, 6, 2, 65535, "passes the end of"},
    {TREE, 32, 8, 0, "no table of links stands where it should"},
    {HEAP, 0, 4, 0, "no heap of names stands where it should"},
    {HEAP, 8, 8, UINT64_MAX, "a heap of names of 18446744073709551615 bytes"},
    {HEAP, 8, 8, 4, "holds a link without a proper name"},
    {HEAP, 24, 8, UINT64_MAX, "passes the end of"},
    {NODE, 0, 4, 0, "no table of links stands where it should"},
    {NODE, 6, 2, 65535, "passes the end of"},
    {NODE, 8, 8, 1 << 20, "holds a link without a proper name"},
    {NODE, 8, 8, 0, "holds a link without a proper name"},
    {NODE, 24, 4, 2, "is a soft link, which is not followed"},
    {NODE, 16, 8, UINT64_MAX, "passes the end of"},
    {COLLECTION, 0, 4, 0, "no global heap at"},
    {COLLECTION, 8, 8, UINT64_MAX, "a global heap of 18446744073709551615 bytes"},
    {COLLECTION, 8, 8, 24, "a string is not in its heap"},
    {COLLECTION, 24, 8, 1 << 20, "a string is not in its heap"},
    {SPACE, 0, 1, 9, "its shape has a version that is not known"},
    {SPACE, 1, 1, 9, "9 axes, want at most 8"},
    {SPACE, 1, 1, 8, "its shape is cut"},
    {SPACE, 8, 8, UINT64_MAX, "a size of its shape passes 2^63"},
    {SPACE, 8, 8, (uint64_t)1 << 62, "shape overflows the count of"},
    {SPACE, 8, 8, (uint64_t)1 << 40, "bytes, dtype and shape want"},
    {TYPE, 0, 1, 0x16, "compound of 4 bytes is not read"},
    {TYPE, 0, 1, 0x18, "enumeration of 4 bytes is not read"},
    {TYPE, 0, 1, 0x1f, "its type has a class or version that is not known"},
    {TYPE, 0, 1, 0x71, "its type has a class or version that is not known"},
    {TYPE, 4, 4, 3, "float of 3 bytes is not read"},
    {TYPE, 4, 4, 8, "float of 8 bytes is not read"},
    {TYPE, 10, 2, 31, "float of 4 bytes is not read"},
    {LAYOUT, 0, 1, 4, "a layout that is not read"},
    {LAYOUT, 1, 1, 2, "is stored in chunks, which are not read"},
    {LAYOUT, 2, 8, UINT64_MAX, "was never written"},
    {LAYOUT, 2, 8, UINT64_MAX - 3, "pass the end of"},
    {LAYOUT, 10, 8, 1, "1 bytes, dtype and shape want"},
    {LAYOUT, -8u, 2, 7, "its data lie in another file, which is not followed"},
    {LAYOUT, -8u, 2, 11, "its data are filtered or compressed, which is not read"},
    {LAYOUT, -6u, 2, 60000, "a part of its header is cut"},
};
enum { LIES = sizeof lies / sizeof *lies };

static void assert_refused(struct bytes b, const char *message)
{
    write_file(path_of("bad"), b.at, b.count);
    ct_tensor_file *file = ct_io_hdf5_open(path_of("bad"));
    if (file)
        fail_msg("read, but wanted \"%s\"", message);
    assert_error(message);
    unlink(path_of("bad"));
}

static void test_a_file_that_lies_is_refused_by_what_it_lies_about(void **state)
{
    (void)state;
    ct_memory_set_limit((size_t)1 << 26);
    for (int i = 0; i < LIES; i++) {
        struct bytes b = read_bytes(golden(files[0]));
        const size_t at = place_of(b, lies[i].place) + (lies[i].further > 1000 ? (size_t)(int)lies[i].further : lies[i].further);
        for (int k = 0; k < lies[i].count; k++)
            b.at[at + (size_t)k] = (unsigned char)(lies[i].value >> 8 * k);
        assert_refused(b, lies[i].message);
        free(b.at);
    }
    ct_memory_set_limit(0);
}

static void test_links_in_circles_end(void **state)
{
    (void)state;
    struct bytes b = read_bytes(golden(files[0]));
    memcpy(b.at + find(b, "SNOD", 4, 0) + 16, b.at + 64, 8); /* a link in the root to the root */
    assert_refused(b, "deeper than 32 groups");
    const size_t leaf = find(b, "SNOD", 4, 0);
    b.at[leaf + 6] = 8;                         /* the root eight times in itself: 8^32 groups, were nobody counting */
    for (size_t i = 1; i < 8; i++)
        memcpy(b.at + leaf + 8 + 40 * i, b.at + leaf + 8, 40);
    write_file(path_of("bad"), b.at, b.count);
    assert_null(ct_io_hdf5_open(path_of("bad")));
    assert_false(ct_ok());
    ct_error_clear();
    unlink(path_of("bad"));
    free(b.at);
}

static void test_attributes_that_lie(void **state)
{
    (void)state;
    static const struct { size_t further; int count; uint64_t value; const char *message; } rows[] = {
        {0, 1, 9, "an attribute has a version that is not known"}, {2, 2, 60000, "an attribute is cut"}, {4, 2, 2, "its type is cut"},
        {6, 2, 2, "its shape is cut"}, {36, 1, 9, "its shape has a version"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct bytes b = read_bytes(golden("two.h5"));
        const size_t at = place_of(b, STRINGS) + rows[i].further;
        for (int k = 0; k < rows[i].count; k++)
            b.at[at + (size_t)k] = (unsigned char)(rows[i].value >> 8 * k);
        if (rows[i].further != 36)
            assert_refused(b, rows[i].message);
        free(b.at);
    }
    struct bytes b = read_bytes(golden("two.h5")); /* more strings than there are bytes */
    const size_t at = place_of(b, STRINGS), space = at + 8 + ((number(b, at + 2, 2) + 7) & ~(uint64_t)7) + ((number(b, at + 4, 2) + 7) & ~(uint64_t)7);
    b.at[space + 8 + 4] = 1;
    assert_refused(b, "fewer bytes than its strings want");
    free(b.at);
}

static void put(struct bytes *b, uint64_t value, int count)
{
    while (count--)
        b->at[b->count++] = (unsigned char)value, value >>= 8;
}

/* 20 attributes of 4000 strings each, all of them the last of 20000 objects: not each is to be looked for from the front. */
static void test_many_strings_of_one_heap_take_no_time(void **state)
{
    (void)state;
    enum { ATTRIBUTES = 20, STRINGS_EACH = 4000, OBJECTS = 20000, COLLECTION_AT = 96, BODY = 8 + 8 + 8 + 16 + 16 * STRINGS_EACH };
    const uint64_t collection = 16 + 16 * (OBJECTS - 1) + 24 + 16, root = COLLECTION_AT + collection;
    struct bytes b = {.at = malloc(1 << 21)};
    memcpy(b.at, "\x89HDF\r\n\x1a\n\0\0\0\0\0\x08\x08\0\x04\0\x10\0\0\0\0\0", b.count = 24);
    put(&b, 0, 8), put(&b, UINT64_MAX, 8), put(&b, root + 16 + ATTRIBUTES * (8 + BODY), 8), put(&b, UINT64_MAX, 8);
    put(&b, 0, 8), put(&b, root, 8), put(&b, 0, 8), put(&b, 0, 8), put(&b, 0, 8);
    put(&b, 0x14c4f4347, 8), put(&b, collection, 8);
    for (int i = 1; i < OBJECTS; i++)
        put(&b, (uint64_t)i, 8), put(&b, 0, 8);
    put(&b, OBJECTS, 8), put(&b, 4, 8), put(&b, 0x74786574, 8), put(&b, 0, 16);
    put(&b, 1 | ATTRIBUTES << 16, 8), put(&b, ATTRIBUTES * (8 + BODY), 8);
    for (int i = 0; i < ATTRIBUTES; i++) {
        put(&b, 12 | (uint64_t)BODY << 16, 8), put(&b, 1 | 2 << 16 | (uint64_t)8 << 32 | (uint64_t)16 << 48, 8);
        put(&b, (uint64_t)('a' + i), 8), put(&b, (uint64_t)16 << 32 | 0x119, 8), put(&b, 0x101, 8), put(&b, STRINGS_EACH, 8);
        for (int k = 0; k < STRINGS_EACH; k++)
            put(&b, 4, 4), put(&b, COLLECTION_AT, 8), put(&b, OBJECTS, 4);
    }
    write_file(path_of("many"), b.at, b.count);
    const clock_t start = clock();
    ct_tensor_file *file = ct_io_hdf5_open(path_of("many"));
    const double seconds = (double)(clock() - start) / CLOCKS_PER_SEC;
    assert_fine();
    const char *last = ct_tensor_file_metadata(file, "@t");
    assert_true(last && strlen(last) == 5 * STRINGS_EACH && !memcmp(last, "text\ntext\n", 10));
    if (seconds > 4)                            /* it was 15, and 70 under sanitizers */
        fail_msg("%.1f s", seconds);
    ct_free(file);
    unlink(path_of("many"));
    free(b.at);
}

static void read_everything(const char *path)
{
    ct_tensor_file *file = ct_io_hdf5_open(path);
    for (size_t i = 0; i < ct_tensor_file_count(file); i++) {
        CT_SCOPE;
        ct_tensor_file_read(file, ct_tensor_file_name(file, i));
        ct_error_clear();
    }
    ct_free(file);
    ct_error_clear();
}

static void test_a_file_cut_anywhere_is_refused(void **state)
{
    (void)state;
    for (int f = 0; f < FILES; f++) {
        struct bytes b = read_bytes(golden(files[f]));
        for (size_t length = 0; length < b.count; length += length < 128 ? 1 : 101) {
            write_file(path_of("bad"), b.at, length);
            assert_null(ct_io_hdf5_open(path_of("bad")));
            assert_error("bad");
        }
        free(b.at);
    }
    unlink(path_of("bad"));
}

static void test_any_byte_may_be_another(void **state)
{
    (void)state;
    const size_t every = getenv("CT_TEST_QUICK") ? 101 : 17;
    ct_memory_set_limit((size_t)1 << 28);
    ct_module *m = net();
    for (int f = 0; f < FILES; f++) {
        struct bytes b = read_bytes(golden(files[f]));
        for (size_t i = 0; i < b.count; i += every) {
            const unsigned char was = b.at[i];
            b.at[i] = (unsigned char)(i % 2 ? was ^ (1u << i / 2 % 8) : 255);
            write_file(path_of("bad"), b.at, b.count);
            read_everything(path_of("bad"));
            if (i % 7 == 0)
                ct_module_load_keras(m, path_of("bad"));
            ct_error_clear();
            b.at[i] = was;
        }
        free(b.at);
    }
    unlink(path_of("bad"));
    ct_free(m);
    ct_memory_set_limit(0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_network_gives_the_outputs_of_keras),
        cmocka_unit_test(test_layers_are_taken_as_they_are_named),
        cmocka_unit_test(test_what_fits_nothing_is_named),
        cmocka_unit_test(test_nothing_changes_without_memory),
        cmocka_unit_test(test_a_file_that_lies_is_refused_by_what_it_lies_about),
        cmocka_unit_test(test_links_in_circles_end),
        cmocka_unit_test(test_attributes_that_lie),
        cmocka_unit_test(test_many_strings_of_one_heap_take_no_time),
        cmocka_unit_test(test_a_file_cut_anywhere_is_refused),
        cmocka_unit_test(test_any_byte_may_be_another),
    };
    const int failed = cmocka_run_group_tests(tests, make_folder, remove_folder);
    ct_shutdown();
    return failed;
}
