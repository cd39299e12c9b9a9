/* Text: files and lines, vocabularies there and back, padding, blocks, made-up opinions; and what none of them takes. */
#define _GNU_SOURCE
#include <cotangent.h>

#include <autograd/memory.h>

#include "files.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

static const char *path_with(const char *name, const char *text)
{
    const char *path = path_of(name);
    write_file(path, text, strlen(text));
    return path;
}

static void assert_tokens(const ct_tensor *tokens, const int64_t *want, size_t count)
{
    int64_t got[64];
    assert_fine();
    assert_int_equal(ct_dtype_of(tokens), CT_INT64);
    assert_int_equal(ct_numel(tokens), count);
    assert_true(ct_to_array(tokens, got, count * sizeof *got));
    assert_memory_equal(got, want, count * sizeof *got);
}
#define assert_numbers(t, ...) assert_tokens(t, (const int64_t[]){__VA_ARGS__}, COUNT(((const int64_t[]){__VA_ARGS__})))

static void assert_decodes(const ct_vocabulary *v, const ct_tensor *tokens, const char *want)
{
    char text[256];
    assert_int_equal(ct_vocabulary_decode(v, tokens, text, sizeof text), strlen(want));
    assert_fine();
    assert_string_equal(text, want);
}

/* ---- Files and lines ----------------------------------------------------------------------------------------------------------- */
static void test_a_whole_file_is_one_text(void **state)
{
    (void)state;
    const char *plain = path_with("plain", "\xef\xbb\xbfhow\nnow"), *packed = path_of("packed");
    write_gzip(packed, "brown cow", 9);
    ct_texts *a = ct_data_text(plain), *b = ct_data_text(packed);
    assert_fine();
    assert_int_equal(ct_texts_count(a), 1);
    assert_string_equal(ct_texts_get(a, 0), "how\nnow");
    assert_string_equal(ct_texts_get(b, 0), "brown cow");
    assert_int_equal(ct_texts_class(a, 0), 0);
    assert_null(ct_texts_get(a, 1));
    assert_null(ct_texts_get(a, -1));
    assert_int_equal(ct_texts_class(a, 1), -1);
    assert_int_equal(ct_texts_count(NULL), -1);
    assert_null(ct_texts_all(NULL));
    assert_fine();
    ct_free(a), ct_free(b);
    unlink(plain), unlink(packed);
}

static void test_lines_take_turns_and_blank_ones_are_none(void **state)
{
    (void)state;
    const char *against = path_with("against", "\n dull \r\n\t\n\nflat\nlong"), *for_it = path_with("for", "fine");
    ct_texts *texts = ct_data_lines(CT_PATHS(against, for_it));
    assert_fine();
    static const char *const want[] = {"dull", "fine", "flat", "long"};
    assert_int_equal(ct_texts_count(texts), COUNT(want));
    for (int i = 0; i < 4; i++) {
        assert_string_equal(ct_texts_get(texts, i), want[i]);
        assert_string_equal(ct_texts_all(texts)[i], want[i]);
        assert_int_equal(ct_texts_class(texts, i), i == 1);
    }
    ct_free(texts);
    unlink(against), unlink(for_it);
}

static void test_a_file_is_utf8_or_latin1_as_a_whole(void **state)
{
    (void)state;
    const char *path = path_with("latin1", "one\ncaf\xe9 \xc3\xa9\n");
    assert_null(ct_data_lines(CT_PATHS(path)));
    assert_error("latin1: line 2, byte 3: 0xe9 is not UTF-8");
    assert_null(ct_data_text(path));
    assert_error("line 2, byte 3");
    ct_texts *texts = ct_data_lines(CT_PATHS(path), .latin1 = true);
    assert_fine();
    assert_string_equal(ct_texts_get(texts, 1), "caf\xc3\xa9 \xc3\x83\xc2\xa9");
    ct_free(texts);
    path_with("latin1", "caf\xc3\xa9");
    texts = ct_data_text(path, .latin1 = true);
    assert_fine();
    assert_string_equal(ct_texts_get(texts, 0), "caf\xc3\xa9");
    ct_free(texts);
    unlink(path);
}

static void test_files_that_are_no_texts(void **state)
{
    (void)state;
    const char *path = path_with("text", "");
    assert_null(ct_data_text(path));
    assert_error("text: the text is empty");
    assert_null(ct_data_lines(CT_PATHS(path)));
    assert_error("text: no line that is not blank");
    path_with("text", " \n\t\n");
    assert_null(ct_data_lines(CT_PATHS(path)));
    assert_error("text: no line that is not blank");
    write_file(path, "a\0b", 3);
    assert_null(ct_data_text(path));
    assert_error("text: byte 1 is 0");
    assert_null(ct_data_text(path_of("none")));
    assert_error("none: cannot open");
    assert_null(ct_data_text(folder));
    assert_error("not a regular file");
    assert_null(ct_data_text(NULL));
    assert_error("path is NULL");
    assert_null(ct_data_lines(CT_PATHS(path, NULL)));
    ct_error_clear();
    assert_null((ct_data_lines)(NULL, 0, NULL));
    assert_error("no paths");
    unlink(path);
}

static void test_every_kind_of_bad_utf8_is_told(void **state)
{
    (void)state;
    static const char *const bad[] = {"\x80", "\xc0\x80", "\xc1\xbf", "\xc3", "\xe0\x80\x80", "\xe0\x9f\xbf", "\xe2\x82", "\xed\xa0\x80",
                                      "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff", "\xc3(", "\xe2\x82("};
    static const char *const good[] = {"\xc2\x80", "\xdf\xbf", "\xe0\xa0\x80", "\xed\x9f\xbf", "\xee\x80\x80", "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf"};
    for (size_t i = 0; i < COUNT(bad); i++) {
        char text[16], want[64];
        snprintf(text, sizeof text, "ab%s", bad[i]);
        snprintf(want, sizeof want, "data_words: text 1, byte 2: 0x%02x is not UTF-8", (unsigned char)bad[i][0]);
        const char *const texts[] = {"fine", text};
        assert_null(ct_data_words(texts, 2));
        assert_error(want);
        assert_null(ct_data_characters(texts, 2));
        assert_error("data_characters: text 1, byte 2");
    }
    for (size_t i = 0; i < COUNT(good); i++) {
        ct_vocabulary *v = ct_data_characters(&good[i], 1);
        assert_fine();
        assert_int_equal(ct_vocabulary_size(v), 1);
        assert_string_equal(ct_vocabulary_token(v, 0), good[i]);
        ct_free(v);
    }
}

static void test_data_find_looks_where_sets_do(void **state)
{
    (void)state;
    char found[300];
    const char *path = path_with("hay.gz", "x");
    assert_true(ct_data_find(folder, "text", "hay", found, sizeof found));
    assert_string_equal(found, path);
    assert_false(ct_data_find(folder, "text", "needle", found, sizeof found));
    assert_fine();
    assert_false(ct_data_find(folder, "text", "hay", found, 5));
    assert_error("longer than 5 bytes");
    unlink(path);
}

/* ---- Vocabularies ---------------------------------------------------------------------------------------------------------------- */
static void test_characters_there_and_back(void **state)
{
    (void)state;
    CT_SCOPE;
    static const char *const texts[] = {"ba\n", "c\xc3\xa9" "a\xf0\x9f\x99\x82"};
    ct_vocabulary *v = ct_data_characters(texts, 2);
    assert_fine();
    assert_int_equal(ct_vocabulary_size(v), 6);
    static const char *const want[] = {"\n", "a", "b", "c", "\xc3\xa9", "\xf0\x9f\x99\x82"};
    for (int i = 0; i < 6; i++) {
        assert_string_equal(ct_vocabulary_token(v, i), want[i]);
        assert_int_equal(ct_vocabulary_find(v, want[i]), i);
    }
    assert_null(ct_vocabulary_token(v, 6));
    assert_null(ct_vocabulary_token(v, -1));
    assert_int_equal(ct_vocabulary_find(v, "d"), -1);
    assert_int_equal(ct_vocabulary_find(v, "ab"), -1);
    assert_int_equal(ct_vocabulary_unknown(v), -1);
    assert_int_equal(ct_vocabulary_padding(v), -1);
    ct_tensor *tokens = ct_vocabulary_encode(v, texts[1]);
    assert_numbers(tokens, 3, 4, 1, 5);
    assert_decodes(v, tokens, texts[1]);
    assert_null(ct_vocabulary_encode(v, "ab\xc3\xa8"));
    assert_error("byte 2: '\xc3\xa8' (U+00E8) is not in the vocabulary, which has no unknown token");
    assert_null(ct_vocabulary_encode_all(v, texts, 2, 0));
    assert_error("3 tokens in rows of 4: the vocabulary has no padding token");
    assert_null(ct_vocabulary_mask(v, tokens));
    assert_error("no padding token");
    ct_free(v);
    v = ct_data_characters(texts, 2, .unknown = true, .padding = true);
    assert_int_equal(ct_vocabulary_unknown(v), 6);
    assert_int_equal(ct_vocabulary_padding(v), 7);
    assert_numbers(ct_vocabulary_encode(v, "xa"), 6, 1);
    assert_numbers(ct_vocabulary_encode_all(v, texts, 2, 0), 2, 1, 0, 7, 3, 4, 1, 5);
    assert_decodes(v, ct_vector_int(2, 7, 1, 6), "ba<unk>");
    ct_free(v);
}

static void test_words_by_how_often_they_occur(void **state)
{
    (void)state;
    CT_SCOPE;
    static const char *const texts[] = {"The film isn't bad,it's  good.", "good FILM \xe2\x80\x94 good caf\xc3\xa9", "b a"};
    ct_vocabulary *v = ct_data_words(texts, 3);
    assert_fine();
    static const char *const want[] = {"<pad>", "<unk>", "good", "film", ",", ".", "a", "b", "bad", "caf\xc3\xa9", "isn't", "it's", "the", "\xe2\x80\x94"};
    assert_int_equal(ct_vocabulary_size(v), COUNT(want));
    for (size_t i = 0; i < COUNT(want); i++)
        assert_string_equal(ct_vocabulary_token(v, (int64_t)i), want[i]);
    assert_int_equal(ct_vocabulary_padding(v), 0);
    assert_int_equal(ct_vocabulary_unknown(v), 1);
    ct_tensor *tokens = ct_vocabulary_encode(v, "A dull film,\xc2\xa0" "GOOD <pad>");
    assert_numbers(tokens, 6, 1, 3, 4, 2, 1, 1, 1);
    assert_decodes(v, tokens, "a <unk> film , good <unk> <unk> <unk>");
    ct_free(v);
    v = ct_data_words(texts, 3, .limit = 4);
    assert_int_equal(ct_vocabulary_size(v), 4);
    ct_free(v);
    v = ct_data_words(texts, 3, .min_count = 2, .keep_case = true);
    assert_int_equal(ct_vocabulary_size(v), 3);
    assert_int_equal(ct_vocabulary_find(v, "good"), 2);
    assert_numbers(ct_vocabulary_encode(v, "good GOOD"), 2, 1);
    ct_free(v);
}

static void test_bad_calls_of_vocabularies(void **state)
{
    (void)state;
    CT_SCOPE;
    static const char *const empty[] = {"", ""}, *const blank[] = {" \n"}, *const none[] = {"a", NULL}, *const word[] = {"word"};
    char text[8];
    assert_null(ct_data_characters(empty, 2));
    assert_error("data_characters: the texts are empty");
    assert_null(ct_data_words(blank, 1));
    assert_error("data_words: no word in the texts");
    assert_null(ct_data_words(none, 2));
    assert_error("data_words: text 1 is NULL");
    assert_null(ct_data_words(word, 0));
    assert_error("data_words: no texts");
    assert_null(ct_data_words(word, 1, .limit = 2));
    assert_error("limit 2, want 0 (all) or at least 3");
    assert_null(ct_data_words(word, 1, .min_count = -1));
    assert_error("min_count -1");
    ct_vocabulary *v = ct_data_words(word, 1);
    assert_null(ct_vocabulary_encode(v, " "));
    assert_error("text 0 has no token");
    assert_null(ct_vocabulary_encode(v, NULL));
    assert_error("text is NULL");
    assert_null(ct_vocabulary_encode(NULL, "x"));
    assert_error("vocabulary is NULL");
    assert_null(ct_vocabulary_encode(v, "x\xff"));
    assert_error("byte 1: 0xff is not UTF-8");
    assert_null(ct_vocabulary_encode_all(v, blank, 1, 4));
    assert_error("text 0 has no token");
    assert_null(ct_vocabulary_encode_all(v, word, 1, -1));
    assert_error("length -1");
    assert_int_equal(ct_vocabulary_decode(v, ct_vector_int(0, 3), text, sizeof text), 0);
    assert_error("token 3 at index 1 is not in [0, 3)");
    assert_int_equal(ct_vocabulary_decode(v, ct_zeros(2), text, sizeof text), 0);
    assert_error("tokens are float32, want int64");
    assert_int_equal(ct_vocabulary_decode(v, ct_vector_int(2, 2, 2), text, sizeof text), 14);
    assert_string_equal(text, "word wo");
    assert_int_equal(ct_vocabulary_decode(v, ct_vector_int(2), NULL, 0), 4);
    assert_fine();
    assert_int_equal(ct_vocabulary_size(NULL), -1);
    assert_int_equal(ct_vocabulary_find(NULL, "x"), -1);
    ct_free(v);
}

/* ---- Files of vocabularies -------------------------------------------------------------------------------------------------------- */
static void assert_same(const ct_vocabulary *a, const ct_vocabulary *b)
{
    assert_fine();
    assert_string_equal(ct_vocabulary_json(a), ct_vocabulary_json(b));
    assert_int_equal(ct_vocabulary_size(a), ct_vocabulary_size(b));
    assert_int_equal(ct_vocabulary_unknown(a), ct_vocabulary_unknown(b));
    assert_int_equal(ct_vocabulary_padding(a), ct_vocabulary_padding(b));
    for (int64_t i = 0; i < ct_vocabulary_size(a); i++) {
        assert_string_equal(ct_vocabulary_token(a, i), ct_vocabulary_token(b, i));
        assert_int_equal(ct_vocabulary_find(b, ct_vocabulary_token(a, i)), i);
    }
}

static void test_a_vocabulary_comes_back_from_its_file(void **state)
{
    (void)state;
    CT_SCOPE;
    static const char *const texts[] = {"Say \"\\\n\t\x01 caf\xc3\xa9 \xf0\x9f\x99\x82"};
    ct_vocabulary *made[] = {ct_data_characters(texts, 1), ct_data_characters(texts, 1, .unknown = true, .padding = true), ct_data_words(texts, 1),
                             ct_data_words(texts, 1, .keep_case = true)};
    const char *path = path_of("vocabulary.json");
    for (size_t i = 0; i < COUNT(made); i++) {
        assert_true(ct_vocabulary_save(made[i], path));
        ct_vocabulary *loaded = ct_vocabulary_load(path), *parsed = ct_vocabulary_parse(ct_vocabulary_json(made[i]));
        assert_same(made[i], loaded);
        assert_same(made[i], parsed);
        assert_true(ct_equal(ct_vocabulary_encode(made[i], texts[0]), ct_vocabulary_encode(loaded, texts[0])));
        ct_free(loaded), ct_free(parsed), ct_free(made[i]);
    }
    assert_false(ct_vocabulary_save(NULL, path));
    assert_error("vocabulary is NULL");
    unlink(path);
}

#define HEAD "{\"kind\":\"words\",\"keep_case\":false,\"unknown\":1,\"padding\":0,\"tokens\":"

static const struct { const char *json, *reason; } malformed[] = {
    {"", "not valid JSON"},
    {HEAD "[\"<pad>\",\"<unk>\",\"a", "not valid JSON"},
    {HEAD "[\"<pad>\",\"<unk>\",\"\xff\"]}", "not valid JSON"},
    {HEAD "[\"<pad>\",\"<unk>\",\"\\u0000\"]}", "not valid JSON"},
    {HEAD "[\"<pad>\",\"<unk>\"],\"tokens\":[\"a\"]}", "duplicate"},
    {HEAD "[\"<pad>\",\"<unk>\"]} x", "not valid JSON"},
    {"[]", "its kind is neither"},
    {"7", "not valid JSON"},
    {"{}", "its kind is neither"},
    {"{\"kind\":1}", "its kind is neither"},
    {"{\"kind\":\"bytes\",\"tokens\":[\"a\"]}", "its kind is neither words nor characters"},
    {"{\"kind\":\"words\"}", "no list of tokens"},
    {HEAD "[]}", "no list of tokens"},
    {HEAD "{\"a\":1}}", "no list of tokens"},
    {HEAD "\"abc\"}", "no list of tokens"},
    {HEAD "[\"<pad>\",\"<unk>\",3]}", "token 2 is no string"},
    {HEAD "[\"<pad>\",\"<unk>\",null]}", "token 2 is no string"},
    {HEAD "[\"<pad>\",\"<unk>\",[\"a\"]]}", "token 2 is no string"},
    {HEAD "[\"<pad>\",\"<unk>\",\"\"]}", "token 2 is empty"},
    {HEAD "[\"<pad>\",\"<unk>\",\"b\",\"a\",\"b\"]}", "two tokens are 'b'"},
    {HEAD "[\"<pad>\"]}", "unknown is no whole number from -1 to below its 1 tokens"},
    {HEAD "[\"<pad>\",\"<unk>\"],\"more\":1}", "more than kind"},
    {"{\"kind\":\"words\",\"keep_case\":0,\"unknown\":1,\"padding\":0,\"tokens\":[\"a\",\"b\"]}", "keep_case is neither"},
    {"{\"kind\":\"words\",\"keep_case\":false,\"unknown\":-2,\"padding\":0,\"tokens\":[\"a\",\"b\"]}", "unknown is no whole number"},
    {"{\"kind\":\"words\",\"keep_case\":false,\"unknown\":1.0,\"padding\":0,\"tokens\":[\"a\",\"b\"]}", "unknown is no whole number"},
    {"{\"kind\":\"words\",\"keep_case\":false,\"unknown\":0,\"padding\":0,\"tokens\":[\"a\",\"b\"]}", "unknown and padding are both token 0"},
    {"{\"kind\":\"words\",\"keep_case\":false,\"unknown\":1,\"padding\":99999999999999999999,\"tokens\":[\"a\",\"b\"]}", "not valid JSON"},
    {"{\"kind\":\"characters\",\"keep_case\":false,\"unknown\":-1,\"padding\":-1,\"tokens\":[\"a\",\"bc\"]}", "token 1, 'bc', is not one character"},
};

static void test_malformed_vocabularies_are_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(malformed); i++) {
        const char *path = path_with("vocabulary.json", malformed[i].json);
        assert_null(ct_vocabulary_load(path));
        if (!strstr(ct_error(), malformed[i].reason) || !strstr(ct_error(), path))
            fail_msg("%s: \"%s\" does not say \"%s\"", malformed[i].json, ct_error(), malformed[i].reason);
        ct_error_clear();
        assert_null(ct_vocabulary_parse(malformed[i].json));
        assert_error(malformed[i].reason);
        unlink(path);
    }
}

static void test_deep_and_huge_vocabularies_are_refused(void **state)
{
    (void)state;
    enum { DEEP = 1000000, HUGE = 100000001 };
    char *text = malloc(HUGE + 1);
    memset(text, '[', DEEP);
    text[DEEP] = 0;
    assert_null(ct_vocabulary_parse(text));
    assert_error("not valid JSON");
    memset(text, ' ', HUGE);
    text[HUGE] = 0;
    assert_null(ct_vocabulary_parse(text));
    assert_error("100000001 bytes, want at most 100000000");
    const char *path = path_of("huge");
    gzFile file = gzopen(path, "wb1");
    assert_int_equal(gzwrite(file, text, HUGE), HUGE);
    assert_int_equal(gzclose(file), Z_OK);
    assert_null(ct_vocabulary_load(path));
    assert_error("more than 100000000 bytes");
    unlink(path);
    free(text);
}

static void test_any_cut_of_a_vocabulary_file_is_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {"one two"};
    ct_vocabulary *v = ct_data_words(texts, 1);
    char *json = strdup(ct_vocabulary_json(v));
    for (size_t length = strlen(json); length-- > 0;) {
        json[length] = 0;
        assert_null(ct_vocabulary_parse(json));
        assert_error("vocabulary: ");
    }
    free(json);
    ct_free(v);
}

static void test_weights_and_vocabulary_in_one_file(void **state)
{
    (void)state;
    CT_SCOPE;
    static const char *const texts[] = {"abc"};
    const char *path = path_of("net.safetensors");
    ct_vocabulary *v = ct_data_characters(texts, 1);
    ct_module *net = ct_nn_sequential(ct_nn_linear(2, 3)), *other = ct_nn_sequential(ct_nn_linear(2, 3));
    assert_true(ct_module_save_with(net, path, CT_METADATA({"vocabulary", ct_vocabulary_json(v)}, {"width", "2"})));
    assert_true(ct_module_load(other, path));
    assert_true(ct_equal(ct_module_find(net, "0.weight"), ct_module_find(other, "0.weight")));
    ct_vocabulary *back = ct_vocabulary_of(path, "0.weight");
    assert_same(v, back);
    ct_tensor_file *file = ct_io_safetensors_open(path);
    assert_string_equal(ct_tensor_file_metadata(file, "width"), "2");
    ct_free(file), ct_free(back);
    assert_null(ct_vocabulary_of(path, "embedding"));
    assert_error("no tensor 'embedding'");
    assert_null(ct_vocabulary_of(path, NULL));
    assert_error("name of a weight is NULL");
    assert_true(ct_module_save(net, path));
    assert_null(ct_vocabulary_of(path, "0.weight"));
    assert_error("net.safetensors: no vocabulary in its metadata");
    assert_true(ct_module_save_with(net, path, CT_METADATA({"vocabulary", "{}"})));
    assert_null(ct_vocabulary_of(path, "0.weight"));
    assert_error("its kind is neither");
    assert_false(ct_module_save_with(net, path, CT_METADATA({"vocabulary", NULL})));
    assert_error("value is NULL");
    assert_false(ct_module_save_with(NULL, path, NULL, 0));
    assert_error("module is NULL");
    unlink(path);
    ct_free(net), ct_free(other), ct_free(v);
}

static void test_a_vocabulary_of_other_weights_is_refused_with_both_sizes(void **state)
{
    (void)state;
    static const char *const texts[] = {"abcd"};
    const char *path = path_of("net.safetensors");
    ct_vocabulary *v = ct_data_characters(texts, 1);
    ct_module *net = ct_nn_sequential(ct_nn_linear(2, 3));
    assert_true(ct_module_save_with(net, path, CT_METADATA({"vocabulary", ct_vocabulary_json(v)})));
    assert_null(ct_vocabulary_of(path, "0.weight"));
    assert_error("net.safetensors: its vocabulary has 4 tokens, but 0.weight has 3 rows");
    unlink(path);
    ct_free(net), ct_free(v);
}

/* ---- Data sets ------------------------------------------------------------------------------------------------------------------- */
static void test_sentences_are_padded_cut_and_masked(void **state)
{
    (void)state;
    CT_SCOPE;
    const char *against = path_with("against", "a b c d e\na b"), *for_it = path_with("for", "c\na d");
    ct_texts *texts = ct_data_lines(CT_PATHS(against, for_it));
    ct_vocabulary *v = ct_data_words(ct_texts_all(texts), (size_t)ct_texts_count(texts)); /* a b c d e are 2 to 6 */
    ct_dataset *set = ct_data_sentences(texts, v, 4);
    ct_free(texts);
    assert_fine();
    assert_int_equal(ct_dataset_size(set), 4);
    ct_loader *loader = ct_loader_new(set, .batch_size = 3);
    ct_batch batch;
    assert_true(ct_loader_next(loader, &batch));
    assert_numbers(batch.x, 2, 3, 4, 5, 4, 0, 0, 0, 2, 3, 0, 0);
    assert_numbers(batch.y, 0, 1, 0);
    assert_int_equal(ct_size(ct_vocabulary_trim(v, batch.x), 1), 4);
    ct_tensor *last = ct_vocabulary_trim(v, ct_narrow(batch.x, 0, 1, 2));
    assert_numbers(last, 4, 0, 2, 3);
    assert_true(ct_equal(ct_vocabulary_mask(v, last), ct_from_array(((const bool[]){0, 1, 0, 0}), 2, 2)));
    assert_int_equal(ct_size(ct_vocabulary_trim(v, (ct_zeros)((const int64_t[]){2, 3}, 2, CT_INT64)), 1), 1);
    assert_null(ct_vocabulary_trim(v, ct_vector_int(1, 2)));
    assert_error("want tokens (N, T)");
    assert_null(ct_vocabulary_mask(v, ct_zeros(2, 2)));
    assert_error("tokens are float32, want int64");
    assert_null(ct_data_sentences(NULL, v, 4));
    assert_error("texts are NULL");
    ct_texts *made = ct_data_sentiment(.count = 3);
    assert_null(ct_data_sentences(made, NULL, 4));
    assert_error("vocabulary is NULL");
    assert_null(ct_data_sentences(made, v, 0));
    assert_error("length 0");
    ct_free(made), ct_free(loader), ct_free(set), ct_free(v);
    unlink(against), unlink(for_it);
}

static void test_blocks_of_a_text_and_what_follows_them(void **state)
{
    (void)state;
    CT_SCOPE;
    ct_tensor *tokens = ct_arange(20), *x, *y;
    ct_dataset *all = ct_data_blocks(tokens, 4), *training = ct_data_blocks(tokens, 4, .held_out = 0.4);
    ct_dataset *validation = ct_data_blocks(tokens, 3, .held_out = 0.4, .validation = true, .stride = 3);
    assert_fine();
    assert_int_equal(ct_dataset_size(all), 16);
    assert_true(ct_dataset_get(all, 15, &x, &y));
    assert_numbers(x, 15, 16, 17, 18);
    assert_numbers(y, 16, 17, 18, 19);
    assert_int_equal(ct_dataset_size(training), 8);
    assert_true(ct_dataset_get(training, 7, &x, &y));
    assert_numbers(x, 7, 8, 9, 10);
    assert_numbers(y, 8, 9, 10, 11);
    assert_int_equal(ct_dataset_size(validation), 2);
    assert_true(ct_dataset_get(validation, 1, &x, &y));
    assert_numbers(x, 15, 16, 17);
    assert_numbers(y, 16, 17, 18);
    assert_false(ct_dataset_get(validation, 2, &x, &y));
    assert_error("sample 2 is not in [0, 2)");
    ct_free(all), ct_free(training), ct_free(validation);
}

static void test_bad_blocks_are_refused(void **state)
{
    (void)state;
    CT_SCOPE;
    ct_tensor *tokens = ct_arange(20);
    assert_null(ct_data_blocks(tokens, 20));
    assert_error("data_blocks: 20 tokens, a block of 20 wants one more than itself");
    ct_free(ct_data_blocks(tokens, 19));
    assert_fine();
    assert_null(ct_data_blocks(tokens, 18, .held_out = 0.1));
    assert_error("18 tokens for training");
    assert_null(ct_data_blocks(tokens, 2, .held_out = 0.1, .validation = true));
    assert_error("2 tokens for validation, a block of 2");
    assert_null(ct_data_blocks(tokens, INT64_MAX));
    assert_error("wants one more");
    assert_null(ct_data_blocks(tokens, 0));
    assert_error("block 0, want at least 1");
    assert_null(ct_data_blocks(tokens, 4, .stride = 0));
    assert_error("stride 0, want at least 1");
    assert_null(ct_data_blocks(tokens, 4, .held_out = 1));
    assert_error("held_out 1");
    assert_null(ct_data_blocks(tokens, 4, .held_out = NAN));
    assert_error("held_out nan");
    assert_null(ct_data_blocks(tokens, 4, .validation = true));
    assert_error("held_out 0, want above 0");
    assert_null(ct_data_blocks(ct_zeros(20), 4));
    assert_error("1 axes of float32, want tokens (T) of int64");
    assert_null(ct_data_blocks(NULL, 4));
    assert_error("tokens are NULL");
}

/* ---- Opinions --------------------------------------------------------------------------------------------------------------------- */
static void test_opinions_depend_on_seed_and_index_alone(void **state)
{
    (void)state;
    ct_texts *few = ct_data_sentiment(.count = 10, .seed = 3), *many = ct_data_sentiment(.count = 100, .seed = 3), *other = ct_data_sentiment(.count = 10);
    assert_fine();
    int same = 0;
    for (int64_t i = 0; i < 10; i++) {
        assert_string_equal(ct_texts_get(few, i), ct_texts_get(many, i));
        assert_int_equal(ct_texts_class(few, i), ct_texts_class(many, i));
        same += !strcmp(ct_texts_get(few, i), ct_texts_get(other, i));
    }
    assert_true(same < 3);
    for (int64_t i = 0; i < 100; i += 2)
        assert_int_equal(ct_texts_class(many, i) + ct_texts_class(many, i + 1), 1);
    ct_free(few), ct_free(many), ct_free(other);
    assert_null(ct_data_sentiment(.count = 0));
    assert_error("count 0");
    assert_null(ct_data_sentiment(.count = INT64_MAX));
    assert_error("out of memory for 9223372036854775807 texts");
}

/* Naive Bayes, learnt from one set and asked of another, does little better than a coin. */
static void test_words_of_opinions_say_little(void **state)
{
    (void)state;
    enum { TEXTS = 20000, MOST = 200 };
    ct_texts *texts = ct_data_sentiment(.count = 2 * TEXTS, .seed = 7);
    ct_vocabulary *v = ct_data_words(ct_texts_all(texts), 2 * TEXTS);
    assert_fine();
    assert_in_range(ct_vocabulary_size(v), 60, MOST);
    double seen[2][MOST] = {{0}};
    int right = 0;
    for (int64_t i = 0; i < 2 * TEXTS; i++) {
        CT_SCOPE;
        ct_tensor *tokens = ct_vocabulary_encode(v, ct_texts_get(texts, i));
        const int64_t *numbers = ct_data(tokens), class = ct_texts_class(texts, i);
        double for_it = 0;
        for (int64_t t = 0; t < ct_numel(tokens); t++) {
            for_it += log((seen[1][numbers[t]] + 1) / (seen[0][numbers[t]] + 1));
            seen[class][numbers[t]] += i < TEXTS;
        }
        right += i >= TEXTS && (for_it > 0) == class;
    }
    const double accuracy = (double)right / TEXTS;
    if (!(accuracy > 0.5 && accuracy < 0.65))
        fail_msg("a bag of words is right in %g", accuracy);
    ct_free(texts), ct_free(v);
}

/* ---- Without memory ------------------------------------------------------------------------------------------------------------------ */
static bool use_everything(const char *path)
{
    CT_SCOPE;
    ct_texts *texts = ct_data_lines(CT_PATHS(path, path), .latin1 = true), *made = ct_data_sentiment(.count = 100), *whole = ct_data_text(path, .latin1 = true);
    ct_vocabulary *words = texts ? ct_data_words(ct_texts_all(texts), (size_t)ct_texts_count(texts)) : NULL;
    ct_vocabulary *characters = whole ? ct_data_characters(ct_texts_all(whole), 1) : NULL;
    ct_vocabulary *parsed = words ? ct_vocabulary_parse(ct_vocabulary_json(words)) : NULL;
    ct_dataset *sentences = texts && parsed ? ct_data_sentences(texts, parsed, 3) : NULL;
    ct_dataset *blocks = characters ? ct_data_blocks(ct_vocabulary_encode(characters, ct_texts_get(whole, 0)), 2) : NULL;
    const bool good = sentences && blocks && made;
    ct_free(texts), ct_free(made), ct_free(whole), ct_free(words), ct_free(characters), ct_free(parsed), ct_free(sentences), ct_free(blocks);
    return good;
}

static void test_each_failed_allocation_is_an_error(void **state)
{
    (void)state;
    const char *path = path_with("latin1", "caf\xe9 one\ntwo");
    assert_true(use_everything(path));
    bool struck = true;
    for (int64_t after = 0; struck; after++) {
        memory_fail_after(after);
        const bool good = use_everything(path);
        struck = memory_failed_one();
        memory_fail_after(-1);
        assert_int_equal(good, ct_ok());
        assert_true(good || struck);
        ct_error_clear();
        assert_true(after < 1000);
    }
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_whole_file_is_one_text),
        cmocka_unit_test(test_lines_take_turns_and_blank_ones_are_none),
        cmocka_unit_test(test_a_file_is_utf8_or_latin1_as_a_whole),
        cmocka_unit_test(test_files_that_are_no_texts),
        cmocka_unit_test(test_every_kind_of_bad_utf8_is_told),
        cmocka_unit_test(test_data_find_looks_where_sets_do),
        cmocka_unit_test(test_characters_there_and_back),
        cmocka_unit_test(test_words_by_how_often_they_occur),
        cmocka_unit_test(test_bad_calls_of_vocabularies),
        cmocka_unit_test(test_a_vocabulary_comes_back_from_its_file),
        cmocka_unit_test(test_malformed_vocabularies_are_refused),
        cmocka_unit_test(test_deep_and_huge_vocabularies_are_refused),
        cmocka_unit_test(test_any_cut_of_a_vocabulary_file_is_refused),
        cmocka_unit_test(test_weights_and_vocabulary_in_one_file),
        cmocka_unit_test(test_a_vocabulary_of_other_weights_is_refused_with_both_sizes),
        cmocka_unit_test(test_sentences_are_padded_cut_and_masked),
        cmocka_unit_test(test_blocks_of_a_text_and_what_follows_them),
        cmocka_unit_test(test_bad_blocks_are_refused),
        cmocka_unit_test(test_opinions_depend_on_seed_and_index_alone),
        cmocka_unit_test(test_words_of_opinions_say_little),
        cmocka_unit_test(test_each_failed_allocation_is_an_error),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
