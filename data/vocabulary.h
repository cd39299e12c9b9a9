/* A vocabulary's inside: what numbers tokens, what reads and writes them. */
#ifndef COTANGENT_VOCABULARY_H
#define COTANGENT_VOCABULARY_H
#include <autograd/object.h>
#include <data/text.h>

#define VOCABULARY_UNKNOWN "<unk>"
#define VOCABULARY_PADDING "<pad>"

enum vocabulary_kind { VOCABULARY_CHARACTERS, VOCABULARY_WORDS };

struct vocabulary_entry {
    const char *token;
    int64_t number;
};

struct ct_vocabulary {
    struct object object;
    enum vocabulary_kind kind;
    bool keep_case;                             /* else words' A-Z are a-z */
    int64_t size, room, unknown, padding;
    char **tokens;                              /* by number */
    struct vocabulary_entry *sorted;            /* by token */
    char *json;
};

struct slice {                                  /* a stretch of a text */
    const char *text;
    size_t bytes;
};
int slice_compare(struct slice slice, const char *text); /* as strcmp */

ct_vocabulary *vocabulary_new(enum vocabulary_kind kind, int64_t room); /* for at most so many tokens */
bool vocabulary_add(ct_vocabulary *vocabulary, struct slice token); /* gives it the next number */
/* Once all tokens are there: it can be searched, and written. Frees it and returns NULL after a failure, which begins with `where`. */
ct_vocabulary *vocabulary_ready(ct_vocabulary *vocabulary, const char *where);
int64_t vocabulary_number(const ct_vocabulary *vocabulary, struct slice token); /* -1: not in it */
#endif
