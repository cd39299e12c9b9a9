/* json_file.c - how all JSON of data/ comes in and goes out. */
#include "json_file.h"

#include <autograd/autograd.h>
#include <autograd/memory.h>
#include <io/atomic_file.h>

#include "texts.h"

#include <string.h>

enum { JSON_MOST = 100000000 };                 /* as a safetensors header's */

json_t *json_file_parse(const char *where, const char *text)
{
    const size_t bytes = strlen(text);
    json_error_t error;
    if (bytes > JSON_MOST)
        return ct_fail("%s: %zu bytes, want at most %d", where, bytes, JSON_MOST);
    json_t *root = json_loadb(text, bytes, JSON_REJECT_DUPLICATES, &error);
    return root ? root : ct_fail("%s: not valid JSON: byte %d: %s", where, error.position, error.text);
}

json_t *json_file_read(const char *path)
{
    char *text = text_file_read(path, JSON_MOST);
    json_t *root = text ? json_file_parse(path, text) : NULL;
    heap_free(text);
    return root;
}

bool json_file_save(const char *path, const char *text)
{
    struct atomic_file file;
    const bool good = atomic_file_open(&file, path) && atomic_file_write(&file, text, strlen(text)) && atomic_file_write(&file, "\n", 1) &&
                      atomic_file_commit(&file);
    atomic_file_abandon(&file);
    return good;
}
