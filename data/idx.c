/* idx.c - a pixel's first room. Memory grows with the bytes that are really there, not with what a header promises. */
#include "idx.h"
#include "byte_file.h"

#include <autograd/memory.h>
#include <data/data.h>

enum { UNSIGNED_BYTES = 0x08, FIRST_STEP = 1 << 20 };

static bool read_header(gzFile file, const char *path, struct idx *idx, size_t *bytes)
{
    unsigned char header[4 + 4 * IDX_MAX_RANK];
    int64_t got = byte_file_read(file, path, header, 4);
    if (got < 0)
        return false;
    if (got < 4)
        return ct_fail("%s: ends after %lld bytes, before the 4 of an IDX file's magic number", path, (long long)got);
    if (header[0] || header[1] || header[2] != UNSIGNED_BYTES || header[3] < 1 || header[3] > IDX_MAX_RANK)
        return ct_fail("%s: magic number %02x %02x %02x %02x, want 00 00 08 and 1 to %d axes", path, header[0],
                       header[1], header[2], header[3], IDX_MAX_RANK);
    idx->rank = header[3];
    *bytes = 4 + 4 * (size_t)idx->rank;
    got = byte_file_read(file, path, header + 4, *bytes - 4);
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
        const int64_t got = byte_file_read(file, path, values + filled, room - filled);
        if (got < 0)
            return false;
        filled += (size_t)got;
        if (filled < room)
            return ct_fail("%s: ends after %zu of %zu bytes", path, header + filled, header + idx->count);
    } while (filled < idx->count);
    const int64_t more = byte_file_read(file, path, idx->values + filled, 1);
    if (more > 0)
        ct_fail("%s: goes on after the %zu bytes that its header declares", path, header + idx->count);
    return more == 0;
}

bool idx_read(const char *path, struct idx *idx)
{
    *idx = (struct idx){0};
    gzFile file = byte_file_open(path);
    if (!file)
        return false;
    size_t header = 0;
    const bool good = read_header(file, path, idx, &header) && read_values(file, path, idx, header);
    if (byte_file_close(file, path, good))
        return true;
    idx_free(idx);
    return false;
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
