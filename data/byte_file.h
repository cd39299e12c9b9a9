/* Files of bytes, plain or gzip, read with nothing taken on trust. Each failure names the path. */
#ifndef COTANGENT_BYTE_FILE_H
#define COTANGENT_BYTE_FILE_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <zlib.h>

gzFile byte_file_open(const char *path);        /* NULL: a failure */
/* All `want` bytes or as many as there are; -1 and a failure if the file cannot be read or is corrupt. The end of a cut
 * gzip stream counts as the end; only the read that meets the end checks gzip's checksum. */
int64_t byte_file_read(gzFile file, const char *path, void *out, size_t want);
bool byte_file_close(gzFile file, const char *path, bool good); /* false if !good, or with a failure if the gzip stream was cut */
#endif
