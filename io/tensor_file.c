/* tensor_file.c - what every format shares: the open file, its names, and one read a tensor. */
#define _GNU_SOURCE
#include "tensor_file.h"

#include <autograd/memory.h>

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static void destroy(void *object)
{
    ct_tensor_file *file = object;
    if (file->close_archive)
        file->close_archive(file);
    if (file->map)
        munmap(file->map, (size_t)file->bytes);
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

ct_tensor_file *tensor_file_open(const char *path)
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
        file->bytes = (uint64_t)status.st_size;
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
    for (size_t i = 1; i < file->count; i++)
        if (!strcmp(file->by_name[i - 1]->name, file->by_name[i]->name))
            return ct_fail("%s: two tensors are called '%.100s'", file->path, file->by_name[i]->name);
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

bool tensor_file_refuse(const ct_tensor_file *file, const struct tensor_entry *entry, const char *format, ...)
{
    char reason[256];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(reason, sizeof reason, format, arguments);
    va_end(arguments);
    return entry->name ? ct_fail("%s: tensor '%.100s': %s", file->path, entry->name, reason) : ct_fail("%s: %s", file->path, reason);
}

bool tensor_entry_measure(const ct_tensor_file *file, const struct tensor_entry *entry, uint64_t *bytes)
{
    const struct element_type *type = &element_types[entry->element];
    int64_t count = 1, most;
    bool empty = false;
    for (int i = 0; i < entry->rank; i++) {     /* sizes beside a 0 too: strides are made of them */
        empty |= entry->sizes[i] == 0;
        if (entry->sizes[i] && __builtin_mul_overflow(count, entry->sizes[i], &count))
            return tensor_file_refuse(file, entry, "shape overflows the count of elements");
    }
    if (__builtin_mul_overflow(count, (int64_t)ct_dtype_size(type->dtype), &most))
        return tensor_file_refuse(file, entry, "shape overflows the count of bytes");
    *bytes = empty ? 0 : (uint64_t)count * type->bytes;
    return true;
}

bool named_tensors_given(const char *path, const ct_named_tensor *tensors, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (!tensors[i].name || !*tensors[i].name)
            return ct_fail("%s: tensor %zu has no name", path, i);
        if (!tensors[i].tensor)
            return ct_fail("%s: tensor '%s' is NULL", path, tensors[i].name);
    }
    return true;
}

/* ---- Reading ----------------------------------------------------------------------------------------------------- */
/* Any other value of a byte that C reads as bool is undefined behaviour, far from here. */
static bool check_bools(const ct_tensor_file *file, const struct tensor_entry *entry, const unsigned char *values, size_t count)
{
    unsigned char all = 0;
    for (size_t i = 0; i < count; i++)
        all |= values[i];
    if (all <= 1)
        return true;
    size_t i = 0;
    while (values[i] <= 1)
        i++;
    return tensor_file_refuse(file, entry, "bool at index %zu is %d, want 0 or 1", i, values[i]);
}

bool tensor_file_elements(const ct_tensor_file *file, const struct tensor_entry *entry, void *values, size_t count, byte_reader *read,
                          void *context)
{
    const struct element_type *type = &element_types[entry->element];
    const size_t out = ct_dtype_size(type->dtype);
    if (!type->widen) {
        if (!read(context, values, count * type->bytes))
            return false;
        if (entry->swapped)
            element_swap(values, count, type->bytes);
        return entry->element != ELEMENT_BOOL || check_bools(file, entry, values, count);
    }
    enum { BLOCK = 1 << 15 };
    _Alignas(8) char raw[BLOCK];
    for (size_t done = 0, now; done < count; done += now) {
        now = count - done < BLOCK / type->bytes ? count - done : BLOCK / type->bytes;
        if (!read(context, raw, now * type->bytes))
            return false;
        if (entry->swapped)
            element_swap(raw, now, type->bytes);
        type->widen((char *)values + done * out, raw, now);
    }
    return true;
}

struct place {
    ct_tensor_file *file;
    uint64_t offset;
};

static bool read_here(void *context, void *out, size_t bytes)
{
    struct place *place = context;
    const uint64_t offset = place->offset;
    place->offset += bytes;
    return tensor_file_bytes(place->file, out, bytes, offset);
}

static bool fill_plain(ct_tensor_file *file, const struct tensor_entry *entry, void *values, size_t count)
{
    struct place place = {file, file->data_start + entry->begin};
    return tensor_file_elements(file, entry, values, count, read_here, &place);
}

/* Memory of the mapping itself where its bytes are a tensor's as they lie; NULL: they must be copied. */
static void *mapped(const ct_tensor_file *file, const struct tensor_entry *entry)
{
    const struct element_type *type = &element_types[entry->element];
    char *values = file->map ? file->map + file->data_start + entry->begin : NULL;
    const bool fits = !type->widen && type->bytes > 1 && (uintptr_t)values % type->bytes == 0; /* a bool's bytes must be looked at */
    return fits && entry->end > entry->begin ? values : NULL;
}

/* Pages behind the end of a file that was cut since end a process that reads them. */
static bool still_there(const ct_tensor_file *file, const struct tensor_entry *entry)
{
    struct stat status;
    if (fstat(file->descriptor, &status))
        return ct_fail("%s: cannot read: %s", file->path, strerror(errno));
    return (uint64_t)status.st_size >= file->data_start + entry->end ||
           ct_fail("%s: was cut to %llu bytes while open", file->path, (unsigned long long)status.st_size);
}

ct_tensor *tensor_file_read(ct_tensor_file *file, const struct tensor_entry *entry)
{
    CT_SCOPE;
    const ct_dtype dtype = element_types[entry->element].dtype;
    const size_t rank = (size_t)entry->rank;
    void *shared = mapped(file, entry);
    if (shared) {
        if (!still_there(file, entry))
            return NULL;
        ct_tensor *view = (ct_borrow_array)(shared, dtype, entry->sizes, rank, object_drop, object_hold(file));
        if (!view)
            object_drop(file);
        return ct_promote(view);
    }
    int64_t sizes[CT_MAX_RANK];
    int axes[CT_MAX_RANK];
    for (size_t i = 0; i < rank; i++) {
        sizes[i] = entry->sizes[entry->reversed ? rank - 1 - i : i];
        axes[i] = (int)(rank - 1 - i);
    }
    ct_tensor *tensor = (ct_empty)(sizes, rank, dtype);
    if (!tensor)
        return NULL;
    const size_t count = (size_t)ct_numel(tensor);
    void *values = count ? ct_mutable_data(tensor) : NULL;
    if (count && (!values || !(file->fill ? file->fill : fill_plain)(file, entry, values, count)))
        return NULL;
    return ct_promote(entry->reversed ? ct_contiguous((ct_permute)(tensor, axes, rank)) : tensor);
}

ct_tensor *ct_tensor_file_read(ct_tensor_file *file, const char *name)
{
    if (!file || !name)
        return ct_fail("tensor_file_read: %s is NULL", file ? "name" : "file");
    const struct tensor_entry *entry = find(file, name);
    if (!entry)
        return ct_fail("%s: no tensor '%.100s' among its %zu", file->path, name, file->count);
    return tensor_file_read(file, entry);
}
