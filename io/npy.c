/* npy.c - one tensor, header first. */
#include "npy.h"

#include "atomic_file.h"

struct place {
    ct_tensor_file *file;
    uint64_t offset;
};

static bool read_here(void *context, void *out, size_t bytes)
{
    struct place *place = context;
    const uint64_t offset = place->offset, rest = place->file->bytes - offset;
    if (bytes > rest)
        return ct_fail("%s: ends within its header, after %llu bytes", place->file->path, (unsigned long long)place->file->bytes);
    place->offset += bytes;
    return tensor_file_bytes(place->file, out, bytes, offset);
}

static bool find_data(ct_tensor_file *file, struct tensor_entry *entry)
{
    struct place place = {file, 0};
    if (!npy_read_header(file, entry, read_here, &place))
        return false;
    const uint64_t wanted = entry->end - entry->begin, there = file->bytes - entry->begin;
    return wanted == there || tensor_file_refuse(file, entry, "%llu bytes of data, dtype and shape want %llu", (unsigned long long)there,
                                                 (unsigned long long)wanted);
}

ct_tensor *ct_io_npy_read(const char *path)
{
    if (!path)
        return ct_ok() ? ct_fail("npy_read: path is NULL") : NULL;
    ct_tensor_file *file = tensor_file_open(path);
    struct tensor_entry entry = {0};
    ct_tensor *tensor = file && find_data(file, &entry) ? tensor_file_read(file, &entry) : NULL;
    object_drop(file);
    return tensor;
}

bool ct_io_npy_write(const char *path, ct_tensor *tensor)
{
    if (!path || !tensor)
        return ct_ok() ? ct_fail("npy_write: %s is NULL", path ? "tensor" : "path") != NULL : false;
    CT_SCOPE;
    CT_NO_GRAD;
    ct_tensor *dense = ct_contiguous(tensor);
    const void *values = dense ? ct_data(dense) : NULL;
    char header[NPY_WRITTEN_MOST];
    struct atomic_file file;
    return values && atomic_file_open(&file, path) && atomic_file_write(&file, header, npy_make_header(header, dense)) &&
           atomic_file_write(&file, values, (size_t)ct_numel(dense) * ct_dtype_size(ct_dtype_of(dense))) && atomic_file_commit(&file);
}
