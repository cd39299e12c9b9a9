/* tokens.c - texts cut into characters or words: what a vocabulary is made of, what it encodes and gives back. */
#include "vocabulary.h"

#include <autograd/memory.h>

#include "utf8.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Cutting: texts are known to be UTF-8 ------------------------------------------------------------------------------------- */
enum character_kind { SPACE, MARK, LETTER };

static enum character_kind kind_of(uint32_t c)
{
    if (c < 0x80)
        return c <= ' ' || c == 0x7f ? SPACE : (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '\'' ? LETTER : MARK;
    if (c == 0x85 || c == 0xa0 || (c >= 0x2000 && c <= 0x200b) || c == 0x2028 || c == 0x2029 || c == 0x202f || c == 0x205f || c == 0x3000)
        return SPACE;
    const bool is_mark = (c < 0xc0 && c != 0xaa && c != 0xb5 && c != 0xba) || c == 0xd7 || c == 0xf7 || (c > 0x2000 && c < 0x2c00) ||
                         (c > 0x3000 && c < 0x3040);
    return is_mark ? MARK : LETTER;
}

static bool next_character(const char **text, struct slice *token)
{
    uint32_t code;
    *token = (struct slice){*text, (size_t)utf8_next(*text, &code)};
    *text += token->bytes;
    return token->bytes;
}

static bool next_word(const char **text, struct slice *token)
{
    uint32_t code;
    int bytes;
    while ((bytes = utf8_next(*text, &code)) && kind_of(code) == SPACE)
        *text += bytes;
    *token = (struct slice){*text, 0};
    while ((bytes = utf8_next(*text, &code)) && kind_of(code) == LETTER)
        *text += bytes;
    if (bytes && *text == token->text)
        *text += bytes;
    token->bytes = (size_t)(*text - token->text);
    return token->bytes;
}

static void make_small(char *text)
{
    for (; *text; text++)
        if (*text >= 'A' && *text <= 'Z')
            *text += 'a' - 'A';
}

/* No text is NULL, or other than UTF-8. */
static bool check_texts(const char *call, const char *const *texts, size_t count)
{
    if (!texts || !count)
        return ct_fail("%s: no texts", call);
    for (size_t i = 0; i < count; i++) {
        const size_t fault = texts[i] ? utf8_fault(texts[i]) : 0;
        if (fault != SIZE_MAX)
            return texts[i] ? ct_fail("%s: text %zu, byte %zu: 0x%02x is not UTF-8", call, i, fault, (unsigned char)texts[i][fault])
                            : ct_fail("%s: text %zu is NULL", call, i);
    }
    return true;
}

/* ---- Vocabularies of texts ---------------------------------------------------------------------------------------------------- */
static bool add_named(ct_vocabulary *vocabulary, const char *name, bool wanted, int64_t *number)
{
    if (wanted)
        *number = vocabulary->size;
    return !wanted || vocabulary_add(vocabulary, (struct slice){name, strlen(name)});
}

static ct_vocabulary *characters_of(const bool *seen, int64_t count, ct_data_characters_options o)
{
    ct_vocabulary *vocabulary = vocabulary_new(VOCABULARY_CHARACTERS, count + 2);
    bool good = vocabulary != NULL;
    for (uint32_t code = 0; good && code < UTF8_CODES; code++) {
        const unsigned char low = 0x80 | (code & 0x3f), middle = 0x80 | (code >> 6 & 0x3f), high = 0x80 | (code >> 12 & 0x3f);
        const unsigned char bytes[][4] = {{code & 0x7f}, {0xc0 | code >> 6, low}, {0xe0 | code >> 12, middle, low}, {0xf0 | code >> 18, high, middle, low}};
        const size_t length = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
        good = !seen[code] || vocabulary_add(vocabulary, (struct slice){(const char *)bytes[length - 1], length});
    }
    if (good && add_named(vocabulary, VOCABULARY_UNKNOWN, o.unknown, &vocabulary->unknown) &&
        add_named(vocabulary, VOCABULARY_PADDING, o.padding, &vocabulary->padding))
        return vocabulary_ready(vocabulary, "data_characters");
    object_drop(vocabulary);
    return NULL;
}

ct_vocabulary *(ct_data_characters)(const char *const *texts, size_t count, const ct_data_characters_options *options)
{
    if (!check_texts("data_characters", texts, count))
        return NULL;
    bool *seen = heap_zeroed(UTF8_CODES, sizeof *seen);
    if (!seen)
        return ct_fail("data_characters: out of memory");
    int64_t different = 0;
    for (size_t i = 0; i < count; i++) {
        uint32_t code;
        for (const char *text = texts[i]; *text; text += utf8_next(text, &code)) {
            utf8_next(text, &code);
            different += !seen[code];
            seen[code] = true;
        }
    }
    ct_vocabulary *vocabulary = different ? characters_of(seen, different, options ? *options : (ct_data_characters_options){0})
                                          : ct_fail("data_characters: the texts are empty");
    heap_free(seen);
    return vocabulary;
}

struct word {
    struct slice text;
    int64_t count;
};

static int compare_words(const void *a, const void *b)
{
    const struct slice *left = a, *right = b;
    const int order = memcmp(left->text, right->text, left->bytes < right->bytes ? left->bytes : right->bytes);
    return order ? order : (left->bytes > right->bytes) - (left->bytes < right->bytes);
}

static int compare_counts(const void *a, const void *b)
{
    const struct word *left = a, *right = b;
    return left->count != right->count ? (left->count < right->count ? 1 : -1) : compare_words(&left->text, &right->text);
}

/* All texts in one, with spaces between. */
static char *join(const char *const *texts, size_t count, bool keep_case)
{
    size_t bytes = 0;
    for (size_t i = 0; i < count; i++)
        bytes += strlen(texts[i]) + 1;
    char *joined = heap_alloc(bytes), *end = joined;
    if (!joined)
        return ct_fail("data_words: out of memory for %zu bytes", bytes);
    for (size_t i = 0; i < count; i++) {
        const size_t length = strlen(texts[i]);
        memcpy(end, texts[i], length);
        end[length] = ' ';
        end += length + 1;
    }
    end[-1] = 0;
    if (!keep_case)
        make_small(joined);
    return joined;
}

/* The different words of a text, with how often they occur, the most frequent first; the caller frees them. */
static struct word *count_words(const char *text, int64_t *different)
{
    struct slice word;
    size_t all = 0;
    for (const char *rest = text; next_word(&rest, &word);)
        all++;
    struct word *words = heap_zeroed(all + 1, sizeof *words);
    struct slice *each = heap_zeroed(all + 1, sizeof *each);
    *different = 0;
    if (words && each) {
        all = 0;
        for (const char *rest = text; next_word(&rest, &word);)
            each[all++] = word;
        qsort(each, all, sizeof *each, compare_words);
        for (size_t i = 0; i < all; i++) {
            if (i == 0 || compare_words(&each[i - 1], &each[i]))
                words[(*different)++].text = each[i];
            words[*different - 1].count++;
        }
        qsort(words, (size_t)*different, sizeof *words, compare_counts);
    } else {
        heap_free(words);
        words = ct_fail("data_words: out of memory for %zu words", all);
    }
    heap_free(each);
    return words;
}

static ct_vocabulary *words_of(const struct word *words, int64_t different, ct_data_words_options o)
{
    enum { NAMED = 2 };
    const int64_t most = o.limit && o.limit - NAMED < different ? o.limit - NAMED : different;
    ct_vocabulary *vocabulary = vocabulary_new(VOCABULARY_WORDS, most + NAMED);
    bool good = vocabulary && add_named(vocabulary, VOCABULARY_PADDING, true, &vocabulary->padding) &&
                add_named(vocabulary, VOCABULARY_UNKNOWN, true, &vocabulary->unknown);
    for (int64_t i = 0; good && i < most && words[i].count >= o.min_count; i++)
        good = vocabulary_add(vocabulary, words[i].text);
    if (good) {
        vocabulary->keep_case = o.keep_case;
        return vocabulary_ready(vocabulary, "data_words");
    }
    object_drop(vocabulary);
    return NULL;
}

ct_vocabulary *(ct_data_words)(const char *const *texts, size_t count, const ct_data_words_options *options)
{
    const ct_data_words_options o = options ? *options : (ct_data_words_options){0};
    if (o.limit < 0 || (o.limit > 0 && o.limit < 3))
        return ct_fail("data_words: limit %" PRId64 ", want 0 (all) or at least 3: <pad>, <unk> and a word", o.limit);
    if (o.min_count < 0)
        return ct_fail("data_words: min_count %" PRId64 ", want at least 0", o.min_count);
    if (!check_texts("data_words", texts, count))
        return NULL;
    int64_t different = 0;
    char *joined = join(texts, count, o.keep_case);
    struct word *words = joined ? count_words(joined, &different) : NULL;
    ct_vocabulary *vocabulary = NULL;
    if (words)
        vocabulary = different ? words_of(words, different, o) : ct_fail("data_words: no word in the texts");
    heap_free(words);
    heap_free(joined);
    return vocabulary;
}

/* ---- Text to numbers ------------------------------------------------------------------------------------------------------------ */
/* Writes the first `most` numbers to out, which may be NULL; how many tokens there are, -1 with a failure. */
static int64_t encode(const ct_vocabulary *vocabulary, const char *text, int64_t *out, int64_t most)
{
    bool (*next)(const char **, struct slice *) = vocabulary->kind == VOCABULARY_WORDS ? next_word : next_character;
    struct slice token;
    int64_t count = 0;
    for (const char *rest = text; next(&rest, &token); count++) {
        if (!out || count >= most)
            continue;
        const int64_t number = vocabulary_number(vocabulary, token);
        out[count] = number >= 0 ? number : vocabulary->unknown;
        if (out[count] < 0) {
            uint32_t code;
            utf8_next(token.text, &code);
            ct_fail("vocabulary_encode: byte %zu: '%.*s' (U+%04" PRIX32 ") is not in the vocabulary, which has no unknown token",
                    (size_t)(token.text - text), (int)token.bytes, token.text, code);
            return -1;
        }
    }
    return count;
}

/* The text as its vocabulary sees it: a copy where capitals become small. */
static char *folded(const ct_vocabulary *vocabulary, const char *text)
{
    char *copy = heap_copy_text(text);
    if (!copy)
        return ct_fail("vocabulary_encode: out of memory");
    if (vocabulary->kind == VOCABULARY_WORDS && !vocabulary->keep_case)
        make_small(copy);
    return copy;
}

static int64_t count_tokens(const ct_vocabulary *vocabulary, const char *text, size_t index)
{
    const int64_t count = encode(vocabulary, text, NULL, 0);
    if (count == 0)
        ct_fail("vocabulary_encode: text %zu has no token", index);
    return count;
}

ct_tensor *ct_vocabulary_encode(const ct_vocabulary *vocabulary, const char *text)
{
    if (!vocabulary || !text)
        return ct_fail("vocabulary_encode: %s is NULL", vocabulary ? "text" : "vocabulary");
    const int64_t count = check_texts("vocabulary_encode", &text, 1) ? count_tokens(vocabulary, text, 0) : 0;
    char *copy = count ? folded(vocabulary, text) : NULL;
    if (!copy)
        return NULL;
    CT_SCOPE;
    ct_tensor *tokens = (ct_empty)(&count, 1, CT_INT64);
    int64_t *numbers = tokens ? ct_mutable_data(tokens) : NULL;
    const bool good = numbers && encode(vocabulary, copy, numbers, count) == count;
    heap_free(copy);
    return good ? ct_promote(tokens) : NULL;
}

static bool encode_row(const ct_vocabulary *vocabulary, const char *text, int64_t *row, int64_t length)
{
    char *copy = folded(vocabulary, text);
    int64_t count = copy ? encode(vocabulary, copy, row, length) : -1;
    heap_free(copy);
    for (; count >= 0 && count < length; count++)
        row[count] = vocabulary->padding;
    return count >= 0;
}

ct_tensor *ct_vocabulary_encode_all(const ct_vocabulary *vocabulary, const char *const *texts, size_t count, int64_t length)
{
    if (!vocabulary)
        return ct_fail("vocabulary_encode_all: vocabulary is NULL");
    if (length < 0)
        return ct_fail("vocabulary_encode_all: length %" PRId64 ", want 0 (of the longest) or more", length);
    if (!check_texts("vocabulary_encode_all", texts, count))
        return NULL;
    int64_t longest = 0, shortest = INT64_MAX;
    for (size_t i = 0; i < count; i++) {
        const int64_t tokens = count_tokens(vocabulary, texts[i], i);
        if (tokens == 0)
            return NULL;
        longest = tokens > longest ? tokens : longest;
        shortest = tokens < shortest ? tokens : shortest;
    }
    const int64_t sizes[] = {(int64_t)count, length ? length : longest};
    if (shortest < sizes[1] && vocabulary->padding < 0)
        return ct_fail("vocabulary_encode_all: %" PRId64 " tokens in rows of %" PRId64 ": the vocabulary has no padding token", shortest, sizes[1]);
    CT_SCOPE;
    ct_tensor *tokens = (ct_empty)(sizes, 2, CT_INT64);
    int64_t *row = tokens ? ct_mutable_data(tokens) : NULL;
    for (size_t i = 0; row && i < count; i++, row += sizes[1])
        if (!encode_row(vocabulary, texts[i], row, sizes[1]))
            return NULL;
    return row ? ct_promote(tokens) : NULL;
}

/* ---- Numbers to text ------------------------------------------------------------------------------------------------------------ */
size_t ct_vocabulary_decode(const ct_vocabulary *vocabulary, const ct_tensor *tokens, char *text, size_t bytes)
{
    CT_SCOPE;
    if (text && bytes)
        *text = 0;
    if (!vocabulary || !tokens) {
        ct_fail("vocabulary_decode: %s is NULL", vocabulary ? "tensor" : "vocabulary");
        return 0;
    }
    if (ct_dtype_of(tokens) != CT_INT64) {
        ct_fail("vocabulary_decode: tokens are %s, want int64", ct_dtype_name(ct_dtype_of(tokens)));
        return 0;
    }
    const ct_tensor *dense = ct_contiguous((ct_tensor *)(uintptr_t)tokens);
    const int64_t *numbers = dense ? ct_data(dense) : NULL;
    size_t length = 0;
    for (int64_t i = 0; numbers && i < ct_numel(dense); i++) {
        const char *token = ct_vocabulary_token(vocabulary, numbers[i]);
        if (!token) {
            ct_fail("vocabulary_decode: token %" PRId64 " at index %" PRId64 " is not in [0, %" PRId64 ")", numbers[i], i, vocabulary->size);
            return 0;
        }
        if (numbers[i] == vocabulary->padding)
            continue;
        const char *between = length && vocabulary->kind == VOCABULARY_WORDS ? " " : "";
        const bool fits = text && length < bytes;
        length += (size_t)snprintf(fits ? text + length : NULL, fits ? bytes - length : 0, "%s%s", between, token);
    }
    return length;
}
