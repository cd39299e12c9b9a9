/* npz_read.c - libzip walks the archive; what it says of a member is checked before a byte is inflated. */
#define _GNU_SOURCE
#include "npz.h"

#include <autograd/memory.h>

#include "npy.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>
#include <zip.h>

enum { INFLATION_MOST = 1032 };                 /* bytes that a byte of deflate can become */

bool ct_io_has_npz(void)
{
    return true;
}

struct member {
    ct_tensor_file *file;
    const struct tensor_entry *entry;
    zip_file_t *stream;
};

static bool read_member(void *context, void *out, size_t bytes)
{
    struct member *member = context;
    for (char *next = out; bytes;) {
        const zip_int64_t got = zip_fread(member->stream, next, bytes < 1 << 30 ? bytes : 1 << 30);
        if (got < 0)
            return tensor_file_refuse(member->file, member->entry, "cannot read: %s", zip_file_strerror(member->stream));
        if (got == 0)
            return tensor_file_refuse(member->file, member->entry, "ends %zu bytes early", bytes);
        next += got;
        bytes -= (size_t)got;
    }
    return true;
}

static bool open_member(struct member *member)
{
    zip_t *archive = member->file->archive;
    member->stream = zip_fopen_index(archive, member->entry->member, 0);
    return member->stream || tensor_file_refuse(member->file, member->entry, "cannot open: %s", zip_strerror(archive));
}

/* Only the read that meets the end checks the checksum. */
static bool ends_well(struct member *member)
{
    char byte;
    const zip_int64_t got = zip_fread(member->stream, &byte, 1);
    return got == 0 || tensor_file_refuse(member->file, member->entry, "%s", got < 0 ? zip_file_strerror(member->stream) : "goes on past its size");
}

static bool skip(struct member *member, uint64_t bytes)
{
    char block[4096];
    for (size_t now; bytes; bytes -= now) {
        now = bytes < sizeof block ? (size_t)bytes : sizeof block;
        if (!read_member(member, block, now))
            return false;
    }
    return true;
}

static bool fill(ct_tensor_file *file, const struct tensor_entry *entry, void *values, size_t count)
{
    struct member member = {file, entry, NULL};
    const bool good = open_member(&member) && skip(&member, entry->begin) &&
                      tensor_file_elements(file, entry, values, count, read_member, &member) && ends_well(&member);
    if (member.stream)
        zip_fclose(member.stream);
    return good;
}

/* The directory's claims of a member. */
static bool check_claims(const ct_tensor_file *file, const struct tensor_entry *entry, const zip_stat_t *claims)
{
    const unsigned long long size = claims->size, stored = claims->comp_size;
    if (claims->encryption_method != ZIP_EM_NONE)
        return tensor_file_refuse(file, entry, "is encrypted");
    if (claims->comp_method != ZIP_CM_STORE && claims->comp_method != ZIP_CM_DEFLATE)
        return tensor_file_refuse(file, entry, "compression method %d, want stored or deflated", claims->comp_method);
    if (stored > file->bytes)
        return tensor_file_refuse(file, entry, "takes %llu bytes of a file of %llu", stored, (unsigned long long)file->bytes);
    if (claims->comp_method == ZIP_CM_STORE ? size != stored : size > (stored + 1) * INFLATION_MOST)
        return tensor_file_refuse(file, entry, "claims to become %llu bytes, which %llu cannot", size, stored);
    return true;
}

static bool read_entry(ct_tensor_file *file, struct tensor_entry *entry, const zip_stat_t *claims)
{
    const char *name = claims->name;
    const size_t length = strlen(name), suffix = strlen(NPZ_SUFFIX);
    if (!npz_name_is_safe(name))
        return ct_fail("%s: member '%.100s' is no path within the archive", file->path, name);
    if (length <= suffix || strcmp(name + length - suffix, NPZ_SUFFIX) != 0 || name[length - suffix - 1] == '/')
        return ct_fail("%s: member '%.100s' is no " NPZ_SUFFIX, file->path, name);
    entry->name = heap_copy_text(name);
    if (!entry->name)
        return ct_fail("%s: out of memory", file->path);
    entry->name[length - suffix] = 0;
    entry->member = claims->index;
    struct member member = {file, entry, NULL};
    const bool good = check_claims(file, entry, claims) && open_member(&member) && npy_read_header(file, entry, read_member, &member);
    if (member.stream)
        zip_fclose(member.stream);
    return good && (entry->end == claims->size ||
                    tensor_file_refuse(file, entry, "%llu bytes, header, dtype and shape want %llu", (unsigned long long)claims->size,
                                       (unsigned long long)entry->end));
}

/* Members that share bytes claim more than the file has. */
static bool read_entries(ct_tensor_file *file)
{
    enum { HEADS = 30 + 46, WANTED = ZIP_STAT_NAME | ZIP_STAT_INDEX | ZIP_STAT_SIZE | ZIP_STAT_COMP_SIZE | ZIP_STAT_COMP_METHOD | ZIP_STAT_ENCRYPTION_METHOD };
    zip_t *archive = file->archive;
    const zip_int64_t count = zip_get_num_entries(archive, 0);
    file->entries = heap_zeroed((size_t)count + 1, sizeof *file->entries);
    if (!file->entries)
        return ct_fail("%s: out of memory", file->path);
    uint64_t claimed = 0;
    for (zip_int64_t i = 0; i < count; i++) {
        zip_stat_t claims;
        if (zip_stat_index(archive, (zip_uint64_t)i, 0, &claims) || (claims.valid & WANTED) != WANTED)
            return ct_fail("%s: member %lld: %s", file->path, (long long)i, zip_strerror(archive));
        if (!read_entry(file, &file->entries[file->count++], &claims))
            return false;
        claimed += claims.comp_size + HEADS + 2 * strlen(zip_get_name(archive, (zip_uint64_t)i, ZIP_FL_ENC_RAW));
        if (claimed > file->bytes)
            return ct_fail("%s: its members overlap: %lld of them take %llu bytes of %llu", file->path, (long long)i + 1,
                           (unsigned long long)claimed, (unsigned long long)file->bytes);
    }
    return tensor_file_index(file);
}

static void close_archive(ct_tensor_file *file)
{
    zip_discard(file->archive);
}

/* libzip closes the descriptor that it is given. */
static bool open_archive(ct_tensor_file *file)
{
    const int descriptor = fcntl(file->descriptor, F_DUPFD_CLOEXEC, 0);
    if (descriptor < 0)
        return ct_fail("%s: cannot open: %s", file->path, strerror(errno));
    int code;
    file->archive = zip_fdopen(descriptor, ZIP_CHECKCONS, &code);
    if (!file->archive) {
        close(descriptor);
        zip_error_t error;
        zip_error_init_with_code(&error, code);
        ct_fail("%s: not an npz file: %s", file->path, code == ZIP_ER_EXISTS ? "two members of one name" : zip_error_strerror(&error));
        zip_error_fini(&error);
        return false;
    }
    file->close_archive = close_archive;
    file->fill = fill;
    return true;
}

ct_tensor_file *ct_io_npz_open(const char *path)
{
    ct_tensor_file *file = path ? tensor_file_open(path) : ct_fail("npz_open: path is NULL");
    if (!file || (open_archive(file) && read_entries(file)))
        return file;
    object_drop(file);
    return NULL;
}
