/* An opened tensor file, whatever its format: its reader has checked it whole and found each tensor's bytes. */
#ifndef COTANGENT_TENSOR_FILE_H
#define COTANGENT_TENSOR_FILE_H
#include <autograd/object.h>
#include <io/io.h>

#include "element.h"

struct tensor_entry {
    char *name;                                 /* NULL: the file is one tensor without a name */
    enum element element;
    bool swapped;                               /* the other byte order than this machine's */
    bool reversed;                              /* Fortran order: the first axis is contiguous */
    int rank;
    int64_t sizes[CT_MAX_RANK];
    uint64_t begin, end;                        /* its bytes, counted from the file's data_start, or from the member's start */
    uint64_t member;                            /* of an archive */
};

struct metadata_entry {
    char *key, *value;
};

struct ct_tensor_file {
    struct object object;
    int descriptor;
    char *path;
    uint64_t bytes, data_start;
    char *map;                                  /* the whole file; NULL: not mapped */
    size_t count, metadata_count;
    struct tensor_entry *entries;               /* in the order of their data */
    struct tensor_entry **by_name;              /* sorted: a model reads each of its many parameters by name */
    struct metadata_entry *metadata;
    void *archive;
    void (*close_archive)(ct_tensor_file *file);
    bool (*fill)(ct_tensor_file *file, const struct tensor_entry *entry, void *values, size_t count); /* NULL: from the descriptor */
};

ct_tensor_file *tensor_file_open(const char *path); /* a regular file and its length; no entries yet */
bool tensor_file_bytes(ct_tensor_file *file, void *out, size_t bytes, uint64_t offset); /* from the file's start */
bool tensor_file_index(ct_tensor_file *file);   /* fills by_name once the entries stand; false, refused: two of one name */
ct_tensor *tensor_file_read(ct_tensor_file *file, const struct tensor_entry *entry);

/* Reports "path: tensor 'name': ..."; always false. */
bool tensor_file_refuse(const ct_tensor_file *file, const struct tensor_entry *entry, const char *format, ...) CT_FORMAT(3, 4);
/* Bytes that the entry takes in the file; false, refused, if they, or what they become, pass 2^63. */
bool tensor_entry_measure(const ct_tensor_file *file, const struct tensor_entry *entry, uint64_t *bytes);

/* Elements out of a stream of bytes, in order, turned into what they become here. */
typedef bool byte_reader(void *context, void *out, size_t bytes); /* all of them, or false after reporting */
bool tensor_file_elements(const ct_tensor_file *file, const struct tensor_entry *entry, void *values, size_t count, byte_reader *read,
                          void *context);

/* What every writer asks of its list: each with a name and a tensor. False after reporting. */
bool named_tensors_given(const char *path, const ct_named_tensor *tensors, size_t count);
#endif
