/* The encoding goes as JSON into the metadata of the model file. */
#include "csv_model.h"

#include <string.h>

static const char key[] = "encoding";

char csv_separator(const char *word)
{
    if (!strcmp(word, "tab") || !strcmp(word, "\\t"))
        return '\t';
    if (strlen(word) != 1)
        options_refuse("--separator %s: want one character, or tab", word);
    return *word;
}

bool csv_model_save(const ct_module *net, const ct_table_encoding *encoding, const char *path)
{
    return ct_model_save_with(net, path, CT_METADATA({key, ct_table_encoding_json(encoding)}));
}

static ct_table_encoding *read_encoding(const char *path)
{
    ct_tensor_file *file = ct_io_safetensors_open(path);
    const char *json = file ? ct_tensor_file_metadata(file, key) : NULL;
    ct_table_encoding *encoding = json ? ct_table_encoding_parse(json) : NULL;
    if (file && !json)
        ct_fail("%s: no model of train_from_csv: it does not say how a table is encoded", path);
    ct_free(file);
    return encoding;
}

bool csv_model_load(const char *path, ct_module **net, ct_table_encoding **encoding)
{
    *encoding = read_encoding(path);
    *net = *encoding ? ct_model_load(path) : NULL;
    return *net;
}
