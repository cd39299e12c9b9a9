/* npz_write.c - libzip lays the archive out; its bytes go to a file that is saved whole or not at all. */
#define _GNU_SOURCE
#include "npz.h"

#include <autograd/memory.h>
#include <autograd/raw.h>

#include "atomic_file.h"
#include "npy.h"

#include <errno.h>
#include <unistd.h>
#include <zip.h>

/* ---- The archive's bytes ----------------------------------------------------------------------------------------- */
struct sink {
    struct atomic_file *file;
    zip_error_t error;
    off_t place;                                /* where the next byte goes: libzip leaks if it cannot be told */
};

static zip_int64_t seek(struct sink *sink, void *data, zip_uint64_t bytes)
{
    const zip_source_args_seek_t *to = ZIP_SOURCE_GET_ARGS(zip_source_args_seek_t, data, bytes, &sink->error);
    const off_t now = to ? lseek(sink->file->descriptor, to->offset, to->whence) : -1;
    if (now >= 0) {
        sink->place = now;
        return 0;
    }
    if (to && sink->file->target)               /* libzip forgets some errors; a file given up has told its own */
        ct_fail("%s: cannot write: %s", sink->file->target, strerror(errno));
    zip_error_set(&sink->error, ZIP_ER_SEEK, 0);
    return -1;
}

/* A source that can be written and does not exist yet; libzip never reads it. */
static zip_int64_t call_sink(void *context, void *data, zip_uint64_t bytes, zip_source_cmd_t command)
{
    struct sink *sink = context;
    switch (command) {
    case ZIP_SOURCE_SUPPORTS:
        return ZIP_SOURCE_SUPPORTS_WRITABLE;
    case ZIP_SOURCE_ERROR:
        return zip_error_to_data(&sink->error, data, bytes);
    case ZIP_SOURCE_STAT:
        zip_error_set(&sink->error, ZIP_ER_READ, ENOENT);
        return -1;
    case ZIP_SOURCE_WRITE:
        if (sink->file->descriptor >= 0 && atomic_file_write(sink->file, data, (size_t)bytes)) {
            sink->place += (off_t)bytes;
            return (zip_int64_t)bytes;
        }
        zip_error_set(&sink->error, ZIP_ER_WRITE, 0);
        return -1;
    case ZIP_SOURCE_TELL_WRITE:
        return sink->place;
    case ZIP_SOURCE_SEEK_WRITE:
        return seek(sink, data, bytes);
    case ZIP_SOURCE_BEGIN_WRITE:
    case ZIP_SOURCE_COMMIT_WRITE:               /* renamed once all is there, by save */
    case ZIP_SOURCE_ROLLBACK_WRITE:
    case ZIP_SOURCE_FREE:
        return 0;
    default:
        zip_error_set(&sink->error, ZIP_ER_OPNOTSUPP, 0);
        return -1;
    }
}

/* ---- Its members ------------------------------------------------------------------------------------------------- */
static bool check_names(const char *path, const ct_named_tensor *tensors, size_t count)
{
    if (!named_tensors_given(path, tensors, count))
        return false;
    for (size_t i = 0; i < count; i++)
        if (!npz_name_is_safe(tensors[i].name) || tensors[i].name[strlen(tensors[i].name) - 1] == '/')
            return ct_fail("%s: '%s' cannot be a member's name: want a relative path without '..'", path, tensors[i].name);
    return true;
}

static zip_source_t *make_source(zip_t *archive, char *header, ct_tensor *tensor)
{
    ct_tensor *dense = ct_contiguous(tensor);   /* stays in the scope of the whole save: libzip reads it when the archive closes */
    const void *values = dense ? ct_data(dense) : NULL;
    if (!values)
        return NULL;
    const size_t bytes = (size_t)ct_numel(dense) * ct_dtype_size(ct_dtype_of(dense));
    const zip_buffer_fragment_t parts[] = {{(zip_uint8_t *)header, npy_make_header(header, dense)}, {(zip_uint8_t *)(uintptr_t)values, bytes}};
    return zip_source_buffer_fragment(archive, parts, bytes ? 2 : 1, 0);
}

static bool add_member(const char *path, zip_t *archive, char *header, const ct_named_tensor *named, bool deflate)
{
    const size_t length = strlen(named->name);
    char *name = heap_alloc(length + sizeof NPZ_SUFFIX);
    if (!name)
        return ct_fail("%s: out of memory", path);
    memcpy(name, named->name, length);
    memcpy(name + length, NPZ_SUFFIX, sizeof NPZ_SUFFIX);
    const uint64_t failures = error_count();
    zip_source_t *source = make_source(archive, header, named->tensor);
    const zip_int64_t index = source ? zip_file_add(archive, name, source, ZIP_FL_ENC_UTF_8) : -1;
    const bool good = index >= 0 && !zip_set_file_compression(archive, (zip_uint64_t)index, deflate ? ZIP_CM_DEFLATE : ZIP_CM_STORE, 0) &&
                      !zip_file_set_dostime(archive, (zip_uint64_t)index, 0, 1 << 5 | 1, 0); /* 1 January 1980: the same tensors, the same bytes */
    heap_free(name);
    if (good)
        return true;
    if (source && index < 0)
        zip_source_free(source);
    if (error_count() != failures)
        return false;
    return zip_error_code_zip(zip_get_error(archive)) == ZIP_ER_EXISTS
               ? ct_fail("%s: two tensors are called '%s'", path, named->name)
               : ct_fail("%s: tensor '%s': %s", path, named->name, zip_strerror(archive));
}

static bool write_members(const char *path, zip_t *archive, const ct_named_tensor *tensors, size_t count, bool deflate)
{
    char *headers = heap_zeroed(count, NPY_WRITTEN_MOST);
    if (!headers) {
        zip_discard(archive);
        return ct_fail("%s: out of memory", path);
    }
    const uint64_t failures = error_count();
    bool good = true;
    for (size_t i = 0; good && i < count; i++)
        good = add_member(path, archive, headers + i * NPY_WRITTEN_MOST, &tensors[i], deflate);
    const bool closed = good && zip_close(archive) == 0;
    if (good && !closed && error_count() == failures)
        ct_fail("%s: cannot save: %s", path, zip_strerror(archive));
    if (!closed)
        zip_discard(archive);
    heap_free(headers);
    return closed;
}

static bool write_archive(const char *path, struct sink *sink, const ct_named_tensor *tensors, size_t count, bool deflate)
{
    static const char empty[22] = "PK\5\6";     /* libzip would rather remove a file than leave it without members */
    if (count == 0)
        return atomic_file_write(sink->file, empty, sizeof empty);
    zip_error_t error;
    zip_error_init(&error);
    zip_source_t *source = zip_source_function_create(call_sink, sink, &error);
    zip_t *archive = source ? zip_open_from_source(source, ZIP_CREATE | ZIP_TRUNCATE, &error) : NULL;
    if (!archive) {
        zip_source_free(source);
        ct_fail("%s: cannot save: %s", path, zip_error_strerror(&error));
    }
    zip_error_fini(&error);
    return archive && write_members(path, archive, tensors, count, deflate);
}

bool ct_io_npz_write(const char *path, const ct_named_tensor *tensors, size_t count, bool deflate)
{
    if (!path || (!tensors && count))
        return ct_fail("npz_write: %s is NULL", path ? "list of tensors" : "path");
    if (!check_names(path, tensors, count))
        return false;
    CT_SCOPE;
    CT_NO_GRAD;
    struct atomic_file file;
    if (!atomic_file_open(&file, path))
        return false;
    struct sink sink = {&file};
    zip_error_init(&sink.error);
    const bool good = write_archive(path, &sink, tensors, count, deflate) && atomic_file_commit(&file);
    zip_error_fini(&sink.error);
    atomic_file_abandon(&file);
    return good;
}
