/* idx.c - a pixel's first room. Memory grows with the bytes that are really there, not with what a header promises. */
#define _GNU_SOURCE
#include "idx.h"

#include <autograd/memory.h>
#include <data/data.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

enum { UNSIGNED_BYTES = 0x08, FIRST_STEP = 1 << 20, MOST_STEP = 1 << 30 };

/* All `want` bytes or as many as there are; -1 and a failure if the file cannot be read or is corrupt. The end of a cut
 * gzip stream counts as the end. */
static int64_t read_bytes(gzFile file, const char *path, void *out, size_t want)
{
    size_t got = 0;
    while (got < want) {
        const size_t rest = want - got;
        const int count = gzread(file, (char *)out + got, (unsigned)(rest < MOST_STEP ? rest : MOST_STEP));
        if (count < 0) {
            int code;
            const char *reason = gzerror(file, &code);
            if (code == Z_BUF_ERROR)
                break;
            ct_fail("%s: cannot read: %s", path, code == Z_ERRNO ? strerror(errno) : reason);
            return -1;
        }
        if (count == 0)
            break;
        got += (size_t)count;
    }
    return (int64_t)got;
}

static bool read_header(gzFile file, const char *path, struct idx *idx, size_t *bytes)
{
    unsigned char header[4 + 4 * IDX_MAX_RANK];
    int64_t got = read_bytes(file, path, header, 4);
    if (got < 0)
        return false;
    if (got < 4)
        return ct_fail("%s: ends after %lld bytes, before the 4 of an IDX file's magic number", path, (long long)got);
    if (header[0] || header[1] || header[2] != UNSIGNED_BYTES || header[3] < 1 || header[3] > IDX_MAX_RANK)
        return ct_fail("%s: magic number %02x %02x %02x %02x, want 00 00 08 and 1 to %d axes", path, header[0],
                       header[1], header[2], header[3], IDX_MAX_RANK);
    idx->rank = header[3];
    *bytes = 4 + 4 * (size_t)idx->rank;
    got = read_bytes(file, path, header + 4, *bytes - 4);
    if (got < 0)
        return false;
    if ((size_t)got < *bytes - 4)
        return ct_fail("%s: ends after %lld of the header's %zu bytes", path, (long long)got + 4, *bytes);
    idx->count = 1;
    for (int axis = 0; axis < idx->rank; axis++) {
        const unsigned char *size = header + 4 + 4 * axis;
        idx->sizes[axis] = (int64_t)size[0] << 24 | size[1] << 16 | size[2] << 8 | size[3];
        if (!size_multiply(idx->count, (size_t)idx->sizes[axis], &idx->count) || idx->count > INT64_MAX / 2)
            return ct_fail("%s: its sizes overflow the count of values", path);
    }
    return true;
}

static bool read_values(gzFile file, const char *path, struct idx *idx, size_t header)
{
    size_t room = 0, filled = 0;
    do {
        room = room ? room * 2 : FIRST_STEP;
        if (room > idx->count)
            room = idx->count;
        uint8_t *values = heap_resize(idx->values, room + 1); /* never 0 bytes; and a place for one byte too many */
        if (!values)
            return ct_fail("%s: out of memory for %zu bytes", path, room);
        idx->values = values;
        const int64_t got = read_bytes(file, path, values + filled, room - filled);
        if (got < 0)
            return false;
        filled += (size_t)got;
        if (filled < room)
            return ct_fail("%s: ends after %zu of %zu bytes", path, header + filled, header + idx->count);
    } while (filled < idx->count);
    /* Only the read that meets the end checks gzip's checksum. */
    const int64_t more = read_bytes(file, path, idx->values + filled, 1);
    if (more > 0)
        ct_fail("%s: goes on after the %zu bytes that its header declares", path, header + idx->count);
    return more == 0;
}

static gzFile open_file(const char *path)
{
    struct stat status;
    const int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a pipe would wait for a writer */
    if (descriptor < 0)
        return ct_fail("%s: cannot open: %s", path, strerror(errno));
    gzFile file = NULL;
    if (fstat(descriptor, &status) || !S_ISREG(status.st_mode))
        ct_fail("%s: not a regular file", path);
    else if (!(file = gzdopen(descriptor, "rb")))
        ct_fail("%s: out of memory", path);
    if (!file)
        close(descriptor);
    return file;
}

bool idx_read(const char *path, struct idx *idx)
{
    *idx = (struct idx){0};
    gzFile file = open_file(path);
    if (!file)
        return false;
    size_t header = 0;
    bool good = read_header(file, path, idx, &header) && read_values(file, path, idx, header);
    const int code = gzclose_r(file);
    if (good && code != Z_OK) {
        ct_fail("%s: gzip stream is cut before its checksum", path);
        good = false;
    }
    if (!good)
        idx_free(idx);
    return good;
}

void idx_free(struct idx *idx)
{
    heap_free(idx->values);
    *idx = (struct idx){0};
}

#define CONVERT(type, value) \
    for (size_t i = 0; i < idx->count; i++) \
        ((type *)out)[i] = (type)(value)

static void convert(void *out, ct_dtype dtype, const struct idx *idx)
{
    switch (dtype) {
    case CT_FLOAT32: CONVERT(float, idx->values[i]); break;
    case CT_FLOAT64: CONVERT(double, idx->values[i]); break;
    case CT_INT64: CONVERT(int64_t, idx->values[i]); break;
    case CT_BOOL: CONVERT(bool, idx->values[i] != 0); break;
    }
}

ct_tensor *ct_data_idx(const char *path, ct_dtype dtype)
{
    if (!path)
        return ct_fail("data_idx: path is NULL");
    if (!ct_dtype_size(dtype))
        return ct_fail("data_idx: %s: %d is no dtype", path, (int)dtype);
    struct idx idx;
    if (!idx_read(path, &idx))
        return NULL;
    CT_SCOPE;
    ct_tensor *tensor = (ct_empty)(idx.sizes, (size_t)idx.rank, dtype);
    void *out = tensor ? ct_mutable_data(tensor) : NULL;
    if (out)
        convert(out, dtype, &idx);
    idx_free(&idx);
    return out ? ct_promote(tensor) : NULL;
}
