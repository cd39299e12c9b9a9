/* safetensors_write.c - the header first, then the tensors, one at a time; byte for byte what the reference
 * implementation writes. */
#include "safetensors.h"

#include <autograd/memory.h>
#include <io/io.h>

#include "atomic_file.h"
#include "tensor_file.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

struct stored {
    const char *name;
    ct_tensor *tensor;
    int place;                                  /* in safetensors_dtypes */
};

static int compare_stored(const void *a, const void *b)
{
    const struct stored *left = a, *right = b;
    return left->place != right->place ? left->place - right->place : strcmp(left->name, right->name);
}

static int dtype_place(ct_dtype dtype)
{
    int i = 0;
    while (safetensors_dtypes[i].element != element_of(dtype))
        i++;
    return i;
}

/* The tensors in the order of storage. */
static struct stored *sort_tensors(const char *path, const ct_named_tensor *tensors, size_t count)
{
    if (!named_tensors_given(path, tensors, count))
        return NULL;
    for (size_t i = 0; i < count; i++)
        if (!strcmp(tensors[i].name, SAFETENSORS_METADATA))
            return ct_fail("%s: no tensor may be called %s", path, SAFETENSORS_METADATA);
    struct stored *sorted = heap_zeroed(count + 1, sizeof *sorted);
    if (!sorted)
        return ct_fail("%s: out of memory", path);
    for (size_t i = 0; i < count; i++)
        sorted[i] = (struct stored){tensors[i].name, tensors[i].tensor, dtype_place(ct_dtype_of(tensors[i].tensor))};
    qsort(sorted, count, sizeof *sorted, compare_stored);
    return sorted;
}

/* object[key] = value, which it takes over. */
static bool add(const char *path, json_t *object, const char *what, const char *key, json_t *value)
{
    bool good = false;
    json_t *text = json_string(key);
    if (!text)
        ct_fail("%s: %s '%s' is not UTF-8", path, what, key);
    else if (json_object_get(object, key))
        ct_fail("%s: two %ss are called '%s'", path, what, key);
    else if (!value || json_object_set(object, key, value))
        ct_fail("%s: %s '%s': out of memory", path, what, key);
    else
        good = true;
    json_decref(text);
    json_decref(value);
    return good;
}

static bool add_metadata(const char *path, json_t *root, const ct_metadata *metadata, size_t count)
{
    if (count == 0)
        return true;
    json_t *object = json_object();
    for (size_t i = 0; i < count; i++) {
        json_t *value = metadata[i].value ? json_string(metadata[i].value) : NULL;
        if (!metadata[i].key || !value) {
            ct_fail("%s: metadata %zu: %s", path, i, !metadata[i].key ? "key is NULL"
                    : metadata[i].value ? "value is not UTF-8" : "value is NULL");
            json_decref(value);
            json_decref(object);
            return false;
        }
        if (!add(path, object, "metadata key", metadata[i].key, value)) {
            json_decref(object);
            return false;
        }
    }
    return add(path, root, "tensor", SAFETENSORS_METADATA, object);
}

static bool add_tensors(const char *path, json_t *root, const struct stored *sorted, size_t count)
{
    size_t begin = 0;
    for (size_t i = 0; i < count; i++) {
        const ct_tensor *tensor = sorted[i].tensor;
        size_t bytes, end;
        if (!size_multiply((size_t)ct_numel(tensor), ct_dtype_size(ct_dtype_of(tensor)), &bytes) ||
            __builtin_add_overflow(begin, bytes, &end) || end > INT64_MAX)
            return ct_fail("%s: tensor '%s': the file would pass 2^63 bytes", path, sorted[i].name);
        json_t *shape = json_array();
        for (int axis = 0; axis < ct_rank(tensor); axis++)
            json_array_append_new(shape, json_integer(ct_size(tensor, axis)));
        json_t *entry = json_pack("{s:s, s:o, s:[I, I]}", "dtype", safetensors_dtypes[sorted[i].place].name, "shape",
                                  shape, "data_offsets", (json_int_t)begin, (json_int_t)end);
        if (!add(path, root, "tensor", sorted[i].name, entry))
            return false;
        begin = end;
    }
    return true;
}

/* Length, JSON and the spaces that put the data on a multiple of 8. */
static unsigned char *make_header(const char *path, json_t *root, size_t *bytes)
{
    const size_t text = json_dumpb(root, NULL, 0, JSON_COMPACT), length = (text + 7) / 8 * 8;
    if (text == 0 || length > SAFETENSORS_HEADER_MOST)
        return ct_fail("%s: a header of %zu bytes, want 1 to %d", path, text, SAFETENSORS_HEADER_MOST);
    unsigned char *header = heap_alloc(SAFETENSORS_PREFIX + length);
    if (!header)
        return ct_fail("%s: out of memory", path);
    for (int i = 0; i < SAFETENSORS_PREFIX; i++)
        header[i] = (unsigned char)((uint64_t)length >> 8 * i);
    memset(header + SAFETENSORS_PREFIX, ' ', length);
    json_dumpb(root, (char *)header + SAFETENSORS_PREFIX, length, JSON_COMPACT);
    *bytes = SAFETENSORS_PREFIX + length;
    return header;
}

static bool write_tensor(struct atomic_file *file, ct_tensor *tensor)
{
    if (ct_numel(tensor) == 0)
        return true;
    CT_SCOPE;                                   /* one row-major copy at a time */
    CT_NO_GRAD;
    ct_tensor *dense = ct_contiguous(tensor);
    const void *values = dense ? ct_data(dense) : NULL;
    return values && atomic_file_write(file, values, (size_t)ct_numel(dense) * ct_dtype_size(ct_dtype_of(dense)));
}

static bool save(const char *path, const unsigned char *header, size_t bytes, const struct stored *sorted, size_t count)
{
    struct atomic_file file;
    bool good = atomic_file_open(&file, path) && atomic_file_write(&file, header, bytes);
    for (size_t i = 0; good && i < count; i++)
        good = write_tensor(&file, sorted[i].tensor);
    good = good && atomic_file_commit(&file);
    atomic_file_abandon(&file);
    return good;
}

bool ct_io_safetensors_write(const char *path, const ct_named_tensor *tensors, size_t count,
                             const ct_metadata *metadata, size_t metadata_count)
{
    if (!path || (!tensors && count) || (!metadata && metadata_count))
        return ct_fail("safetensors_write: %s is NULL",
                       !path ? "path" : !tensors && count ? "list of tensors" : "metadata");
    if (!safetensors_host_fits())
        return ct_fail("%s: safetensors are written on little-endian machines only", path);
    struct stored *sorted = sort_tensors(path, tensors, count);
    if (!sorted)
        return false;
    json_t *root = json_object();
    size_t bytes = 0;
    unsigned char *header = add_metadata(path, root, metadata, metadata_count) && add_tensors(path, root, sorted, count)
                                ? make_header(path, root, &bytes) : NULL;
    json_decref(root);
    const bool good = header && save(path, header, bytes, sorted, count);
    heap_free(header);
    heap_free(sorted);
    return good;
}
