/* HDF5 in its classic layout (HDF5 File Format Specification 3.0, sections II to IV: superblock 0 and 1, symbol tables, object headers 1): what
 * h5py and Keras write unless told otherwise. */
#ifndef COTANGENT_HDF5_H
#define COTANGENT_HDF5_H
#include "tensor_file.h"

#define HDF5_NONE UINT64_MAX                    /* the address of nothing */

static inline uint64_t hdf5_number(const unsigned char *at, int bytes) /* little-endian */
{
    uint64_t number = 0;
    for (int i = bytes; i-- > 0;)
        number = number << 8 | at[i];
    return number;
}

/* A stretch of the file in memory, read from its front. */
struct hdf5_bytes {
    const unsigned char *at;
    uint64_t left, place;                       /* place: at's in the file */
};
bool hdf5_skip(struct hdf5_bytes *bytes, uint64_t count); /* false, nothing reported: there are fewer */
bool hdf5_take(struct hdf5_bytes *bytes, int count, uint64_t *number); /* of 1 to 8 bytes */

struct hdf5 {
    ct_tensor_file *file;
    uint64_t budget;                            /* bytes of structure that may still be read: cycles and shared parts end with it */
    size_t room, metadata_room;
    unsigned char *heap;                        /* the latest collection of the global heap */
    uint64_t heap_at;
    struct hdf5_held {
        uint64_t number, bytes;
        const unsigned char *at;
    } *held;                                    /* what it holds, by number: many strings may refer to it */
    size_t held_count;
};
bool hdf5_read(struct hdf5 *h, void *out, uint64_t bytes, uint64_t place, const char *what); /* within file and budget */
void *hdf5_load(struct hdf5 *h, uint64_t bytes, uint64_t place, const char *what); /* the same, as a block of the heap's */

/* ---- What messages of an object header say --------------------------------------------------------------------------------- */
enum hdf5_class { HDF5_INTEGER, HDF5_FLOAT, HDF5_TIME, HDF5_STRING, HDF5_BITS, HDF5_OPAQUE, HDF5_COMPOUND, HDF5_REFERENCE, HDF5_ENUM, HDF5_VARIABLE,
    HDF5_ARRAY, HDF5_CLASSES };
struct hdf5_type {
    enum hdf5_class class;
    bool text;                                  /* a string, fixed or variable */
    uint64_t bytes;
    unsigned flags;
    unsigned char properties[12];               /* of an integer or a float */
};
struct hdf5_space {
    bool null;
    int rank;
    int64_t sizes[CT_MAX_RANK];
};
bool hdf5_read_type(const struct hdf5 *h, const char *name, struct hdf5_bytes bytes, struct hdf5_type *type);
bool hdf5_read_space(const struct hdf5 *h, const char *name, struct hdf5_bytes bytes, struct hdf5_space *space);
bool hdf5_element(const struct hdf5 *h, const char *name, const struct hdf5_type *type, struct tensor_entry *entry); /* element and byte order */
bool hdf5_read_attribute(struct hdf5 *h, const char *owner, struct hdf5_bytes bytes); /* one of text becomes metadata OWNER@NAME, a line a string */
#endif
