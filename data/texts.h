/* What texts are to those who make them. */
#ifndef COTANGENT_TEXTS_H
#define COTANGENT_TEXTS_H
#include <autograd/object.h>
#include <data/text.h>

struct ct_texts {
    struct object object;
    char **buffers;                             /* ours, NUL-terminated; the texts lie in them */
    size_t buffer_count;
    const char **all;
    int64_t *classes;
    int64_t count, room;
};

ct_texts *texts_new(size_t buffers);            /* no texts yet; the buffers are NULL */
bool texts_add(ct_texts *texts, const char *text, int64_t class); /* false without memory, with a failure */

/* A whole file, plain or gzip, as a C string that heap_free frees. Past `most` bytes, or with a byte of 0, it is an error. */
char *text_file_read(const char *path, size_t most);
#endif
