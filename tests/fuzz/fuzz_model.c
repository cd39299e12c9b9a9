/* The layers of a model file as JSON: the input is that text, over two weights. */
#include "fuzz.h"

#include <nn/model.h>

#include <jansson.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const float values[16];
    json_t *text = json_stringn((const char *)data, size);
    json_t *root = text ? json_pack("{s:{s:o}, s:{s:s, s:[i,i], s:[i,i]}, s:{s:s, s:[i], s:[i,i]}}", "__metadata__", "cotangent.model", text, "weight", "dtype",
                                    "F32", "shape", 4, 3, "data_offsets", 0, 48, "bias", "dtype", "F32", "shape", 4, "data_offsets", 48, 64)
                        : NULL;
    char *header = root ? json_dumps(root, JSON_COMPACT) : NULL;
    if (header) {
        const uint64_t length = strlen(header);
        const size_t bytes = 8 + length + sizeof values;
        uint8_t *file = malloc(bytes);
        memcpy(file, &length, 8), memcpy(file + 8, header, length), memcpy(file + 8 + length, values, sizeof values);
        ct_module *net = ct_model_load(fuzz_file(file, bytes));
        if (!net && ct_ok())
            abort();
        (ct_free)(net);
        ct_error_clear();
        free(file);
    }
    free(header);
    json_decref(root);
    return 0;
}
