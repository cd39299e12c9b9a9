/* safetensors_read.c - a file is a stranger: every claim of its header is checked before it is used. */
#define _GNU_SOURCE
#include "safetensors.h"

#include <autograd/memory.h>

#include "tensor_file.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* The header's text; its length is known to lie within the file before a byte is allocated. */
static json_t *read_header(ct_tensor_file *file)
{
    const uint64_t file_bytes = file->bytes;
    if (file_bytes < SAFETENSORS_PREFIX)
        return ct_fail("%s: %llu bytes, a safetensors file has at least %d", file->path, (unsigned long long)file_bytes,
                       SAFETENSORS_PREFIX);
    unsigned char prefix[SAFETENSORS_PREFIX];
    if (!tensor_file_bytes(file, prefix, sizeof prefix, 0))
        return NULL;
    uint64_t length = 0;
    for (int i = 0; i < SAFETENSORS_PREFIX; i++)
        length |= (uint64_t)prefix[i] << 8 * i;
    if (length > SAFETENSORS_HEADER_MOST)
        return ct_fail("%s: header of %llu bytes, want at most %d: is this a safetensors file?", file->path, (unsigned long long)length,
                       SAFETENSORS_HEADER_MOST);
    if (length > file_bytes - SAFETENSORS_PREFIX)
        return ct_fail("%s: header of %llu bytes, but only %llu follow its length", file->path,
                       (unsigned long long)length, (unsigned long long)file_bytes - SAFETENSORS_PREFIX);
    file->data_start = SAFETENSORS_PREFIX + length;
    char *text = heap_alloc((size_t)length + 1);
    if (!text)
        return ct_fail("%s: out of memory", file->path);
    json_t *root = NULL;
    if (tensor_file_bytes(file, text, (size_t)length, SAFETENSORS_PREFIX)) {
        json_error_t error;
        if (length == 0 || text[0] != '{')
            ct_fail("%s: header does not begin with '{'", file->path);
        else if (!(root = json_loadb(text, (size_t)length, JSON_REJECT_DUPLICATES, &error)))
            ct_fail("%s: header is not valid JSON: byte %d: %s", file->path, error.position, error.text);
    }
    heap_free(text);
    return root;
}

static bool read_dtype(const ct_tensor_file *file, struct tensor_entry *entry, const json_t *value)
{
    const char *name = json_string_value(value);
    if (!name)
        return tensor_file_refuse(file, entry, "dtype is missing or no string");
    for (int i = 0; i < SAFETENSORS_DTYPES; i++)
        if (!strcmp(safetensors_dtypes[i].name, name)) {
            entry->element = safetensors_dtypes[i].element;
            return true;
        }
    return tensor_file_refuse(file, entry, "dtype '%.20s' is not read: want F64, F32, F16, BF16, I64, I32, I16, I8, U32, U16, U8 or BOOL", name);
}

static bool read_shape(const ct_tensor_file *file, struct tensor_entry *entry, const json_t *value)
{
    if (!json_is_array(value))
        return tensor_file_refuse(file, entry, "shape is missing or no array");
    const size_t rank = json_array_size(value);
    if (rank > CT_MAX_RANK)
        return tensor_file_refuse(file, entry, "%zu axes, want at most %d", rank, CT_MAX_RANK);
    entry->rank = (int)rank;
    for (size_t i = 0; i < rank; i++) {
        const json_t *size = json_array_get(value, i);
        if (!json_is_integer(size) || json_integer_value(size) < 0)
            return tensor_file_refuse(file, entry, "size %zu of its shape is no non-negative integer", i);
        entry->sizes[i] = json_integer_value(size);
    }
    return true;
}

static bool read_offsets(const ct_tensor_file *file, struct tensor_entry *entry, const json_t *value)
{
    const json_t *begin = json_array_get(value, 0), *end = json_array_get(value, 1);
    const uint64_t data_bytes = file->bytes - file->data_start;
    uint64_t bytes;
    if (!tensor_entry_measure(file, entry, &bytes))
        return false;
    if (json_array_size(value) != 2 || !json_is_integer(begin) || !json_is_integer(end) || json_integer_value(begin) < 0)
        return tensor_file_refuse(file, entry, "data_offsets are not two non-negative integers");
    const long long from = json_integer_value(begin), to = json_integer_value(end);
    if (from > to)
        return tensor_file_refuse(file, entry, "data_offsets [%lld, %lld] end before they begin", from, to);
    if ((uint64_t)to > data_bytes)
        return tensor_file_refuse(file, entry, "data_offsets [%lld, %lld] pass the end of %llu bytes of data", from, to,
                                  (unsigned long long)data_bytes);
    if ((uint64_t)(to - from) != bytes)
        return tensor_file_refuse(file, entry, "data_offsets hold %lld bytes, dtype and shape want %llu", to - from, (unsigned long long)bytes);
    entry->begin = (uint64_t)from;
    entry->end = (uint64_t)to;
    return true;
}

static bool read_entry(const ct_tensor_file *file, struct tensor_entry *entry, const char *name, const json_t *value)
{
    entry->name = heap_copy_text(name);
    if (!entry->name)
        return ct_fail("%s: out of memory", file->path);
    if (!*name)
        return ct_fail("%s: a tensor has an empty name", file->path);
    if (!json_is_object(value))
        return tensor_file_refuse(file, entry, "its entry is no object");
    if (!read_dtype(file, entry, json_object_get(value, "dtype")) || !read_shape(file, entry, json_object_get(value, "shape")) ||
        !read_offsets(file, entry, json_object_get(value, "data_offsets")))
        return false;
    return json_object_size(value) == 3 || tensor_file_refuse(file, entry, "more than dtype, shape and data_offsets");
}

static bool read_metadata(ct_tensor_file *file, json_t *object)
{
    if (!json_is_object(object))
        return ct_fail("%s: %s is no object", file->path, SAFETENSORS_METADATA);
    file->metadata = heap_zeroed(json_object_size(object) + 1, sizeof *file->metadata);
    if (!file->metadata)
        return ct_fail("%s: out of memory", file->path);
    const char *key;
    json_t *value;
    json_object_foreach(object, key, value) {
        if (!json_is_string(value))
            return ct_fail("%s: %s: '%.100s' is no string", file->path, SAFETENSORS_METADATA, key);
        struct metadata_entry *entry = &file->metadata[file->metadata_count++];
        entry->key = heap_copy_text(key);
        entry->value = heap_copy_text(json_string_value(value));
        if (!entry->key || !entry->value)
            return ct_fail("%s: out of memory", file->path);
    }
    return true;
}

static int compare_offsets(const void *a, const void *b)
{
    const struct tensor_entry *left = a, *right = b;
    if (left->begin != right->begin)
        return left->begin < right->begin ? -1 : 1;
    if (left->end != right->end)
        return left->end < right->end ? -1 : 1;
    return strcmp(left->name, right->name);
}

/* No byte belongs to two tensors or to none: what lies unseen in a file could be anything. */
static bool check_tiling(const ct_tensor_file *file)
{
    const uint64_t data_bytes = file->bytes - file->data_start;
    uint64_t covered = 0;
    for (size_t i = 0; i < file->count; i++) {
        const struct tensor_entry *entry = &file->entries[i];
        if (entry->begin < covered)
            return ct_fail("%s: tensor '%.100s': data overlap those of '%.100s'", file->path, entry->name,
                           file->entries[i - 1].name);
        if (entry->begin > covered)
            return ct_fail("%s: tensor '%.100s': %llu bytes before its data belong to no tensor", file->path,
                           entry->name, (unsigned long long)(entry->begin - covered));
        covered = entry->end;
    }
    if (covered != data_bytes)
        return ct_fail("%s: %llu bytes after the last tensor", file->path, (unsigned long long)(data_bytes - covered));
    return true;
}

static bool read_entries(ct_tensor_file *file, json_t *root)
{
    file->entries = heap_zeroed(json_object_size(root) + 1, sizeof *file->entries);
    if (!file->entries)
        return ct_fail("%s: out of memory", file->path);
    const char *name;
    json_t *value;
    json_object_foreach(root, name, value) {
        if (!strcmp(name, SAFETENSORS_METADATA)) {
            if (!read_metadata(file, value))
                return false;
        } else if (!read_entry(file, &file->entries[file->count++], name, value))
            return false;
    }
    qsort(file->entries, file->count, sizeof *file->entries, compare_offsets);
    return check_tiling(file) && tensor_file_index(file);
}

static ct_tensor_file *open_checked(const char *path)
{
    if (!safetensors_host_fits())
        return ct_fail("%s: safetensors are read on little-endian machines only", path);
    ct_tensor_file *file = tensor_file_open(path);
    if (!file)
        return NULL;
    json_t *root = read_header(file);
    const bool good = root && read_entries(file, root);
    json_decref(root);
    if (good)
        return file;
    object_drop(file);
    return NULL;
}

ct_tensor_file *ct_io_safetensors_open(const char *path)
{
    return path ? open_checked(path) : ct_fail("safetensors_open: path is NULL");
}

/* Private pages: whoever writes to a tensor gets a copy of the page, and the file stays. */
ct_tensor_file *ct_io_safetensors_map(const char *path)
{
    ct_tensor_file *file = path ? open_checked(path) : ct_fail("safetensors_map: path is NULL");
    if (!file)
        return NULL;
    void *map = mmap(NULL, (size_t)file->bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_NORESERVE, file->descriptor, 0);
    if (map == MAP_FAILED) {
        ct_fail("%s: cannot map: %s", path, strerror(errno));
        object_drop(file);
        return NULL;
    }
    file->map = map;
    return file;
}
