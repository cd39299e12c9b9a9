/* An opened tensor file, whatever its format: its reader has checked it whole and found each tensor's bytes. */
#ifndef COTANGENT_TENSOR_FILE_H
#define COTANGENT_TENSOR_FILE_H
#include <autograd/object.h>
#include <io/io.h>

struct tensor_entry {
    char *name;
    ct_dtype dtype;
    int rank;
    int64_t sizes[CT_MAX_RANK];
    uint64_t begin, end;                        /* bytes, counted from data_start */
};

struct metadata_entry {
    char *key, *value;
};

struct ct_tensor_file {
    struct object object;
    int descriptor;
    char *path;
    uint64_t data_start;
    size_t count, metadata_count;
    struct tensor_entry *entries;               /* in the order of their data */
    struct tensor_entry **by_name;              /* sorted: a model reads each of its many parameters by name */
    struct metadata_entry *metadata;
};

ct_tensor_file *tensor_file_open(const char *path, uint64_t *bytes); /* a regular file and its length; no entries yet */
bool tensor_file_bytes(ct_tensor_file *file, void *out, size_t bytes, uint64_t offset); /* from the file's start */
bool tensor_file_index(ct_tensor_file *file);   /* fills by_name once the entries stand */
#endif
