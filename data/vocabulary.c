/* vocabulary.c - tokens by number, and numbers by token: a sorted list, which no choice of tokens makes slow. */
#include "vocabulary.h"

#include <autograd/memory.h>
#include <autograd/raw.h>

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

int slice_compare(struct slice slice, const char *text)
{
    const int order = strncmp(slice.text, text, slice.bytes);
    return order ? order : -(text[slice.bytes] != 0);
}

static void destroy(void *object)
{
    ct_vocabulary *vocabulary = object;
    for (int64_t i = 0; vocabulary->tokens && i < vocabulary->size; i++)
        heap_free(vocabulary->tokens[i]);
    heap_free(vocabulary->tokens);
    heap_free(vocabulary->sorted);
    heap_free(vocabulary->json);
}

ct_vocabulary *vocabulary_new(enum vocabulary_kind kind, int64_t room)
{
    ct_vocabulary *vocabulary = object_new(sizeof *vocabulary, destroy);
    if (!vocabulary)
        return NULL;
    vocabulary->kind = kind;
    vocabulary->room = room;
    vocabulary->unknown = vocabulary->padding = -1;
    vocabulary->tokens = heap_zeroed((size_t)room, sizeof *vocabulary->tokens);
    vocabulary->sorted = heap_zeroed((size_t)room, sizeof *vocabulary->sorted);
    if (vocabulary->tokens && vocabulary->sorted)
        return vocabulary;
    object_drop(vocabulary);
    return ct_fail("vocabulary: out of memory for %lld tokens", (long long)room);
}

bool vocabulary_add(ct_vocabulary *vocabulary, struct slice token)
{
    char *copy = heap_alloc(token.bytes + 1);
    if (!copy)
        return ct_fail("vocabulary: out of memory");
    memcpy(copy, token.text, token.bytes);
    copy[token.bytes] = 0;
    vocabulary->sorted[vocabulary->size] = (struct vocabulary_entry){copy, vocabulary->size};
    vocabulary->tokens[vocabulary->size++] = copy;
    return true;
}

static int compare_entries(const void *a, const void *b)
{
    return strcmp(((const struct vocabulary_entry *)a)->token, ((const struct vocabulary_entry *)b)->token);
}

static char *make_json(const ct_vocabulary *vocabulary)
{
    json_t *tokens = json_array();
    for (int64_t i = 0; i < vocabulary->size; i++)
        json_array_append_new(tokens, json_string(vocabulary->tokens[i]));
    json_t *root = json_pack("{s:s, s:b, s:I, s:I, s:o}", "kind", vocabulary->kind == VOCABULARY_WORDS ? "words" : "characters", "keep_case",
                             vocabulary->keep_case, "unknown", (json_int_t)vocabulary->unknown, "padding", (json_int_t)vocabulary->padding,
                             "tokens", tokens);
    const bool whole = root && json_array_size(tokens) == (size_t)vocabulary->size;
    const size_t length = whole ? json_dumpb(root, NULL, 0, JSON_COMPACT) : 0;
    char *json = length ? heap_alloc(length + 1) : NULL;
    if (json)
        json[json_dumpb(root, json, length, JSON_COMPACT)] = 0;
    json_decref(root);
    return json;
}

ct_vocabulary *vocabulary_ready(ct_vocabulary *vocabulary, const char *where)
{
    qsort(vocabulary->sorted, (size_t)vocabulary->size, sizeof *vocabulary->sorted, compare_entries);
    bool good = true;
    for (int64_t i = 1; good && i < vocabulary->size; i++)
        if (!strcmp(vocabulary->sorted[i - 1].token, vocabulary->sorted[i].token))
            good = ct_fail("%s: two tokens are '%.100s'", where, vocabulary->sorted[i].token);
    if (good && !(vocabulary->json = make_json(vocabulary)))
        good = ct_fail("%s: out of memory", where);
    if (good)
        return vocabulary;
    object_drop(vocabulary);
    return NULL;
}

int64_t vocabulary_number(const ct_vocabulary *vocabulary, struct slice token)
{
    int64_t low = 0, high = vocabulary->size;
    while (low < high) {
        const int64_t middle = low + (high - low) / 2;
        const int order = slice_compare(token, vocabulary->sorted[middle].token);
        if (order == 0)
            return vocabulary->sorted[middle].number;
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return -1;
}

int64_t ct_vocabulary_size(const ct_vocabulary *vocabulary)
{
    return vocabulary ? vocabulary->size : -1;
}

int64_t ct_vocabulary_find(const ct_vocabulary *vocabulary, const char *token)
{
    return vocabulary && token ? vocabulary_number(vocabulary, (struct slice){token, strlen(token)}) : -1;
}

const char *ct_vocabulary_token(const ct_vocabulary *vocabulary, int64_t number)
{
    return vocabulary && number >= 0 && number < vocabulary->size ? vocabulary->tokens[number] : NULL;
}

int64_t ct_vocabulary_unknown(const ct_vocabulary *vocabulary)
{
    return vocabulary ? vocabulary->unknown : -1;
}

int64_t ct_vocabulary_padding(const ct_vocabulary *vocabulary)
{
    return vocabulary ? vocabulary->padding : -1;
}

const char *ct_vocabulary_json(const ct_vocabulary *vocabulary)
{
    return vocabulary ? vocabulary->json : ct_fail("vocabulary_json: vocabulary is NULL");
}
