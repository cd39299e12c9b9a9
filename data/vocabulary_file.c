/* vocabulary_file.c - a vocabulary as JSON. A file is a stranger: every claim is checked before it is used. */
#include "vocabulary.h"

#include <autograd/memory.h>
#include <io/io.h>

#include "json_file.h"
#include "utf8.h"

#include <string.h>

static bool is_character(const char *token)
{
    uint32_t code;
    const int bytes = utf8_next(token, &code);
    return bytes && !token[bytes];
}

/* -1, or the number of a token. */
static bool read_number(const char *where, const json_t *root, const char *key, int64_t size, int64_t *number)
{
    const json_t *value = json_object_get(root, key);
    *number = json_integer_value(value);
    return (json_is_integer(value) && *number >= -1 && *number < size) ||
           ct_fail("%s: %s is no whole number from -1 to below its %lld tokens", where, key, (long long)size);
}

static bool read_token(const char *where, ct_vocabulary *vocabulary, const json_t *value)
{
    const int64_t number = vocabulary->size;
    const char *token = json_string_value(value);
    if (!token || !*token)
        return ct_fail("%s: token %lld is %s", where, (long long)number, token ? "empty" : "no string");
    if (vocabulary->kind == VOCABULARY_CHARACTERS && number != vocabulary->unknown && number != vocabulary->padding && !is_character(token))
        return ct_fail("%s: token %lld, '%.100s', is not one character", where, (long long)number, token);
    return vocabulary_add(vocabulary, (struct slice){token, strlen(token)});
}

static ct_vocabulary *read_root(const char *where, const json_t *root)
{
    const char *kind = json_string_value(json_object_get(root, "kind"));
    const bool words = kind && !strcmp(kind, "words");
    const json_t *tokens = json_object_get(root, "tokens"), *keep_case = json_object_get(root, "keep_case");
    const int64_t size = (int64_t)json_array_size(tokens);
    if (!words && (!kind || strcmp(kind, "characters")))
        return ct_fail("%s: not a vocabulary: its kind is neither words nor characters", where);
    if (size == 0)
        return ct_fail("%s: no list of tokens", where);
    if (!json_is_boolean(keep_case))
        return ct_fail("%s: keep_case is neither true nor false", where);
    ct_vocabulary *vocabulary = vocabulary_new(words ? VOCABULARY_WORDS : VOCABULARY_CHARACTERS, size);
    if (!vocabulary)
        return NULL;
    vocabulary->keep_case = json_is_true(keep_case);
    bool good = read_number(where, root, "unknown", size, &vocabulary->unknown) &&
                read_number(where, root, "padding", size, &vocabulary->padding);
    if (good && vocabulary->unknown >= 0 && vocabulary->unknown == vocabulary->padding)
        good = ct_fail("%s: unknown and padding are both token %lld", where, (long long)vocabulary->unknown);
    if (good && json_object_size(root) != 5)
        good = ct_fail("%s: more than kind, keep_case, unknown, padding and tokens", where);
    for (int64_t i = 0; good && i < size; i++)
        good = read_token(where, vocabulary, json_array_get(tokens, (size_t)i));
    if (good)
        return vocabulary_ready(vocabulary, where);
    object_drop(vocabulary);
    return NULL;
}

static ct_vocabulary *take_root(const char *where, json_t *root)
{
    ct_vocabulary *vocabulary = root ? read_root(where, root) : NULL;
    json_decref(root);
    return vocabulary;
}

ct_vocabulary *ct_vocabulary_parse(const char *json)
{
    return json ? take_root("vocabulary", json_file_parse("vocabulary", json)) : ct_fail("vocabulary_parse: text is NULL");
}

ct_vocabulary *ct_vocabulary_load(const char *path)
{
    return path ? take_root(path, json_file_read(path)) : ct_fail("vocabulary_load: path is NULL");
}

bool ct_vocabulary_save(const ct_vocabulary *vocabulary, const char *path)
{
    if (!vocabulary || !path)
        return ct_fail("vocabulary_save: %s is NULL", vocabulary ? "path" : "vocabulary");
    return json_file_save(path, vocabulary->json);
}

static bool fits(const char *path, const ct_vocabulary *vocabulary, ct_tensor_file *file, const char *weight)
{
    CT_SCOPE;
    const ct_tensor *rows = ct_tensor_file_read(file, weight);
    if (!rows)
        return false;
    const int64_t count = ct_rank(rows) ? ct_size(rows, 0) : 1;
    return count == vocabulary->size ||
           ct_fail("%s: its vocabulary has %lld tokens, but %s has %lld rows", path, (long long)vocabulary->size, weight, (long long)count);
}

ct_vocabulary *ct_vocabulary_of(const char *path, const char *weight)
{
    if (!path || !weight)
        return ct_fail("vocabulary_of: %s is NULL", path ? "name of a weight" : "path");
    ct_tensor_file *file = ct_io_safetensors_open(path);
    const char *json = ct_tensor_file_metadata(file, "vocabulary");
    if (file && !json)
        ct_fail("%s: no vocabulary in its metadata", path);
    ct_vocabulary *vocabulary = json ? take_root(path, json_file_parse(path, json)) : NULL;
    if (vocabulary && !fits(path, vocabulary, file, weight)) {
        object_drop(vocabulary);
        vocabulary = NULL;
    }
    ct_free(file);
    return vocabulary;
}
