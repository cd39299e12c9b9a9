/* tensor_file.c - what every format shares: the open file, its names, and one read a tensor. */
#define _GNU_SOURCE
#include "tensor_file.h"

#include <autograd/memory.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void destroy(void *object)
{
    ct_tensor_file *file = object;
    if (file->descriptor >= 0)
        close(file->descriptor);
    for (size_t i = 0; file->entries && i < file->count; i++)
        heap_free(file->entries[i].name);
    for (size_t i = 0; file->metadata && i < file->metadata_count; i++) {
        heap_free(file->metadata[i].key);
        heap_free(file->metadata[i].value);
    }
    heap_free(file->entries);
    heap_free(file->by_name);
    heap_free(file->metadata);
    heap_free(file->path);
}

ct_tensor_file *tensor_file_open(const char *path, uint64_t *bytes)
{
    ct_tensor_file *file = object_new(sizeof *file, destroy);
    if (!file)
        return NULL;
    file->descriptor = -1;
    file->path = heap_copy_text(path);
    struct stat status;
    if (!file->path)
        ct_fail("%s: out of memory", path);
    else if ((file->descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)) < 0) /* else a pipe would wait */
        ct_fail("%s: cannot open: %s", path, strerror(errno));
    else if (fstat(file->descriptor, &status))
        ct_fail("%s: cannot read: %s", path, strerror(errno));
    else if (!S_ISREG(status.st_mode))
        ct_fail("%s: not a regular file", path);
    else {
        *bytes = (uint64_t)status.st_size;
        return file;
    }
    object_drop(file);
    return NULL;
}

bool tensor_file_bytes(ct_tensor_file *file, void *out, size_t bytes, uint64_t offset)
{
    for (char *next = out; bytes;) {
        const ssize_t got = pread(file->descriptor, next, bytes < (1 << 30) ? bytes : 1 << 30, (off_t)offset);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return ct_fail("%s: cannot read: %s", file->path, strerror(errno));
        if (got == 0)
            return ct_fail("%s: was cut to %llu bytes while open", file->path, (unsigned long long)offset);
        next += got;
        offset += (uint64_t)got;
        bytes -= (size_t)got;
    }
    return true;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp((*(struct tensor_entry *const *)a)->name, (*(struct tensor_entry *const *)b)->name);
}

bool tensor_file_index(ct_tensor_file *file)
{
    file->by_name = heap_zeroed(file->count + 1, sizeof *file->by_name);
    if (!file->by_name)
        return ct_fail("%s: out of memory", file->path);
    for (size_t i = 0; i < file->count; i++)
        file->by_name[i] = &file->entries[i];
    qsort(file->by_name, file->count, sizeof *file->by_name, compare_names);
    return true;
}

static const struct tensor_entry *find(const ct_tensor_file *file, const char *name)
{
    if (!file || !name)
        return NULL;
    const struct tensor_entry key = {.name = (char *)(uintptr_t)name}, *wanted = &key;
    struct tensor_entry **found = bsearch(&wanted, file->by_name, file->count, sizeof *file->by_name, compare_names);
    return found ? *found : NULL;
}

size_t ct_tensor_file_count(const ct_tensor_file *file)
{
    return file ? file->count : 0;
}

const char *ct_tensor_file_name(const ct_tensor_file *file, size_t index)
{
    return file && index < file->count ? file->entries[index].name : NULL;
}

bool ct_tensor_file_has(const ct_tensor_file *file, const char *name)
{
    return find(file, name) != NULL;
}

const char *ct_tensor_file_metadata(const ct_tensor_file *file, const char *key)
{
    for (size_t i = 0; file && key && i < file->metadata_count; i++)
        if (!strcmp(file->metadata[i].key, key))
            return file->metadata[i].value;
    return NULL;
}

/* Any other value of a byte that C reads as bool is undefined behaviour, far from here. */
static bool check_bools(const ct_tensor_file *file, const struct tensor_entry *entry, const unsigned char *values,
                        size_t count)
{
    unsigned char all = 0;
    for (size_t i = 0; i < count; i++)
        all |= values[i];
    if (all <= 1)
        return true;
    size_t i = 0;
    while (values[i] <= 1)
        i++;
    return ct_fail("%s: tensor '%.100s': bool at index %zu is %d, want 0 or 1", file->path, entry->name, i, values[i]);
}

ct_tensor *ct_tensor_file_read(ct_tensor_file *file, const char *name)
{
    if (!file || !name)
        return ct_fail("tensor_file_read: %s is NULL", file ? "name" : "file");
    const struct tensor_entry *entry = find(file, name);
    if (!entry)
        return ct_fail("%s: no tensor '%.100s' among its %zu", file->path, name, file->count);
    CT_SCOPE;
    ct_tensor *tensor = (ct_empty)(entry->sizes, (size_t)entry->rank, entry->dtype);
    if (!tensor)
        return NULL;
    const size_t bytes = (size_t)(entry->end - entry->begin);
    if (bytes == 0)
        return ct_promote(tensor);
    void *values = ct_mutable_data(tensor);
    if (!values || !tensor_file_bytes(file, values, bytes, file->data_start + entry->begin) ||
        (entry->dtype == CT_BOOL && !check_bools(file, entry, values, bytes)))
        return NULL;
    return ct_promote(tensor);
}
