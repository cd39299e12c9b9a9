/* Members of a tar archive (V7, ustar, GNU's; of pax what changes no name and no size), plain or gzip, one after the other, read in place: nothing in an archive names a file of this machine. */
#ifndef COTANGENT_TAR_H
#define COTANGENT_TAR_H
#include "byte_file.h"

enum { TAR_NAME = 256 + 2 };

struct tar {
    const char *path;
    gzFile file;
    char name[TAR_NAME];                        /* of the member, as it is there */
    bool is_extended;                           /* the member is a header of pax */
    int64_t bytes, left, padding, most;         /* of the member; those not yet read; behind it; of all members that may yet come */
};

bool tar_open(struct tar *tar, const char *path, int64_t most); /* most: bytes in all that are gone through, for a small archive may unpack to anything */
int tar_next(struct tar *tar);                  /* 1: a regular file; 0: the end; -1: a failure. Folders are passed over; links, devices, absolute
                                                   names and those with .. are failures */
int64_t tar_read(struct tar *tar, void *out, size_t want); /* as many bytes of the member as there are, up to want; -1: a failure */
bool tar_close(struct tar *tar, bool good);
#endif
