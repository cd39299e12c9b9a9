/* A trained model of text as one file: weights, vocabulary and the sizes that its maker wants. */
#ifndef EXAMPLES_TEXT_MODEL_H
#define EXAMPLES_TEXT_MODEL_H
#include <cotangent.h>

enum { TEXT_MODEL_SIZES_MOST = 8 };

struct size_row {                               /* a table of these ends with a row of NULL */
    const char *key;
    int64_t *value;                             /* at least 1 */
};

bool text_model_save(const char *path, const ct_module *net, const ct_vocabulary *vocabulary, const struct size_row *sizes);
/* Fills in the sizes. The tensor embedding.weight must have one row a token; the weights are ct_module_load's. */
ct_vocabulary *text_model_vocabulary(const char *path, const struct size_row *sizes);
#endif
