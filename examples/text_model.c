/* Sizes are decimal numbers in the file's metadata, beside the vocabulary. */
#include "text_model.h"

#include <stdlib.h>

bool text_model_save(const char *path, const ct_module *net, const ct_vocabulary *vocabulary, const struct size_row *sizes)
{
    ct_metadata metadata[TEXT_MODEL_SIZES_MOST + 1] = {{"vocabulary", ct_vocabulary_json(vocabulary)}};
    char text[TEXT_MODEL_SIZES_MOST][24];
    size_t count = 0;
    for (; sizes[count].key && count < TEXT_MODEL_SIZES_MOST; count++) {
        snprintf(text[count], sizeof text[count], "%lld", (long long)*sizes[count].value);
        metadata[count + 1] = (ct_metadata){sizes[count].key, text[count]};
    }
    return ct_module_save_with(net, path, metadata, count + 1);
}

static bool read_size(const char *path, const ct_tensor_file *file, const struct size_row *row)
{
    const char *text = ct_tensor_file_metadata(file, row->key);
    char *end = NULL;
    *row->value = text ? strtoll(text, &end, 10) : 0;
    return (*row->value >= 1 && !*end) || ct_fail("%s: no number of %s in its metadata", path, row->key);
}

ct_vocabulary *text_model_vocabulary(const char *path, const struct size_row *sizes)
{
    ct_vocabulary *vocabulary = ct_vocabulary_of(path, "embedding.weight");
    ct_tensor_file *file = vocabulary ? ct_io_safetensors_open(path) : NULL;
    bool good = file;
    for (; good && sizes->key; sizes++)
        good = read_size(path, file, sizes);
    ct_free(file);
    if (good)
        return vocabulary;
    ct_free(vocabulary);
    return NULL;
}
