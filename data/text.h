/* Text: files and sentences of it, vocabularies that turn it into numbers and back, data sets for classifiers and language models.
 *
 * A text is a C string of UTF-8. Anything else is an error that names the text and the byte; so is a text without a token. A token is an
 * int64 number from 0 to below its vocabulary's size. Texts and vocabularies are freed by ct_free, in any order; what a function returns of
 * one lives as long as it does. */
#ifndef COTANGENT_TEXT_H
#define COTANGENT_TEXT_H
#include <data/data.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ct_texts ct_texts;               /* texts, each with the number of its class */
typedef struct ct_vocabulary ct_vocabulary;

/* ---- Texts: from files, plain or gzip, or made up --------------------------------------------------------------------------
 * A byte order mark is dropped. A file that is not UTF-8 is an error that names line and byte, or with latin1 it is Latin-1 as a whole. */
typedef struct { bool latin1; char end_; } ct_data_text_options;
CT_API ct_texts *ct_data_text(const char *path, const ct_data_text_options *options); /* the whole file as one text of class 0 */
CT_API ct_texts *ct_data_lines(const char *const *paths, size_t count, const ct_data_text_options *options); /* one file a class: each line that is not
                                                            blank, less white space at its ends. Files take turns, so that any stretch holds
                                                            all classes, until the longer ones are left. C: ct_data_lines(CT_PATHS(a, b)) */
typedef struct { int64_t count; uint64_t seed; char end_; } ct_data_sentiment_options; /* 10000, 0 */
#define CT_DATA_SENTIMENT_DEFAULTS .count = 10000,
CT_API extern const ct_data_sentiment_options ct_data_sentiment_defaults;
/* Made-up opinions of films: 0 against, 1 for. Three in four hold a verdict and one of the other kind that does not count ("although the plot is not
 * very dull , the acting is awful"), negated or not; exchanging the two gives the same words, the other class, and is as likely. So of these words tell
 * nothing, only their order does; of the others little, as negation turns a third of them. Text i depends on seed and i alone; two in a row are one of
 * each class. */
CT_API ct_texts *ct_data_sentiment(const ct_data_sentiment_options *options);

CT_API int64_t ct_texts_count(const ct_texts *texts); /* -1 for NULL */
CT_API const char *const *ct_texts_all(const ct_texts *texts); /* all of them, in order; NULL for NULL */
CT_API const char *ct_texts_get(const ct_texts *texts, int64_t index); /* NULL past the end (no error) */
CT_API int64_t ct_texts_class(const ct_texts *texts, int64_t index); /* -1 past the end */
/* The path of a data folder's file, name or name.gz, searched as data.h says; false: it is nowhere (no error). */
CT_API bool ct_data_find(const char *folder, const char *set, const char *name, char *path, size_t bytes);

/* ---- Vocabularies ------------------------------------------------------------------------------------------------------------ */
typedef struct { bool unknown, padding; char end_; } ct_data_characters_options; /* with tokens <unk> and <pad>, behind the characters */
/* Every character (code point) of the texts, in order. */
CT_API ct_vocabulary *ct_data_characters(const char *const *texts, size_t count, const ct_data_characters_options *options);
typedef struct { int64_t limit, min_count; bool keep_case; char end_; } ct_data_words_options; /* limit: at most so many tokens, 0: all; min_count: words seen
                                                            less often are left out; A-Z become a-z unless keep_case */
/* <pad>, <unk>, then the words of the texts, the most frequent first, equals by their bytes. A word is a run of letters, digits and apostrophes;
 * any other character that is no white space is a word by itself. */
CT_API ct_vocabulary *ct_data_words(const char *const *texts, size_t count, const ct_data_words_options *options);

CT_API int64_t ct_vocabulary_size(const ct_vocabulary *vocabulary); /* -1 for NULL */
CT_API int64_t ct_vocabulary_find(const ct_vocabulary *vocabulary, const char *token); /* -1: not in it */
CT_API const char *ct_vocabulary_token(const ct_vocabulary *vocabulary, int64_t number); /* NULL: none of it (no error) */
CT_API int64_t ct_vocabulary_unknown(const ct_vocabulary *vocabulary); /* -1: it has none, and what it does not know is an error */
CT_API int64_t ct_vocabulary_padding(const ct_vocabulary *vocabulary); /* -1: it has none */
CT_API ct_tensor *ct_vocabulary_encode(const ct_vocabulary *vocabulary, const char *text); /* -> int64 (T) */
CT_API ct_tensor *ct_vocabulary_encode_all(const ct_vocabulary *vocabulary, const char *const *texts, size_t count, int64_t length); /* -> int64
                                                            (count, length): the first so many tokens of each, then padding; 0: of the longest */
CT_API size_t ct_vocabulary_decode(const ct_vocabulary *vocabulary, const ct_tensor *tokens, char *text, size_t bytes); /* row-major, without padding,
                                                            words with spaces between; returns the full length, as snprintf; 0 on error */
CT_API ct_tensor *ct_vocabulary_mask(const ct_vocabulary *vocabulary, ct_tensor *tokens); /* bool, true: padding, as PyTorch's key_padding_mask */
CT_API ct_tensor *ct_vocabulary_trim(const ct_vocabulary *vocabulary, ct_tensor *tokens); /* (N, T) -> (N, longest): a view without the last columns
                                                            that are padding in every row; one is left */

/* Files: JSON. Weights and vocabulary go into one file as ct_module_save_with(net, path, CT_METADATA({"vocabulary", ct_vocabulary_json(v)})). */
CT_API const char *ct_vocabulary_json(const ct_vocabulary *vocabulary);
CT_API ct_vocabulary *ct_vocabulary_parse(const char *json);
CT_API bool ct_vocabulary_save(const ct_vocabulary *vocabulary, const char *path);
CT_API ct_vocabulary *ct_vocabulary_load(const char *path); /* plain or gzip */
CT_API ct_vocabulary *ct_vocabulary_of(const char *path, const char *weight); /* that of a safetensors file, under "vocabulary" in its metadata; an error
                                                            unless the tensor `weight` in it (the embedding's) has one row a token */

/* ---- Data sets ---------------------------------------------------------------------------------------------------------------- */
CT_API ct_dataset *ct_data_sentences(const ct_texts *texts, const ct_vocabulary *vocabulary, int64_t length); /* x int64 (length), as encode_all's row;
                                                            y int64 (): the class */
typedef struct { int64_t stride; double held_out; bool validation; char end_; } ct_data_blocks_options; /* stride: from one block's start to the next, 1.
                                                            held_out: that share of the text, its end, is for validation; validation: take that */
#define CT_DATA_BLOCKS_DEFAULTS .stride = 1,
CT_API extern const ct_data_blocks_options ct_data_blocks_defaults;
/* Stretches of a text, int64 (T), for a model that tells the next token: x int64 (block), and y int64 (block) one token further. */
CT_API ct_dataset *ct_data_blocks(ct_tensor *tokens, int64_t block, const ct_data_blocks_options *options);

#ifdef __cplusplus
}
#else
#define CT_PATHS(...) ((const char *const[]){__VA_ARGS__}), (sizeof((const char *const[]){__VA_ARGS__}) / sizeof(const char *))
#define ct_data_text(...) CT_WITH1_(ct_data_text, ct_data_text_options, (), __VA_ARGS__)
#define ct_data_lines(...) CT_WITH_TEXTS_(ct_data_lines, ct_data_text_options, __VA_ARGS__)
#define ct_data_sentiment(...) CT_WITH_(ct_data_sentiment, (), ct_data_sentiment_options, (CT_DATA_SENTIMENT_DEFAULTS), __VA_ARGS__)
#define ct_data_characters(...) CT_WITH_TEXTS_(ct_data_characters, ct_data_characters_options, __VA_ARGS__)
#define ct_data_words(...) CT_WITH_TEXTS_(ct_data_words, ct_data_words_options, __VA_ARGS__)
#define CT_WITH_TEXTS_(f, type, texts, ...) CT_WITH_(f, (texts, CT_HEAD_(__VA_ARGS__), ), type, (), CT_TAIL_(__VA_ARGS__))
#define ct_data_blocks(tokens, ...) \
    CT_WITH_(ct_data_blocks, (tokens, CT_HEAD_(__VA_ARGS__), ), ct_data_blocks_options, (CT_DATA_BLOCKS_DEFAULTS), CT_TAIL_(__VA_ARGS__))
#endif
#endif
