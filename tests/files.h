/* Small files for tests, plain and gzip. */
#ifndef COTANGENT_FILES_H
#define COTANGENT_FILES_H
#include <zlib.h>

#include "temp_folder.h"

__attribute__((unused)) static void write_file(const char *path, const void *bytes, size_t count)
{
    remove(path);                               /* ext4 writes a file that is cut and filled again through to the disk */
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, count, file), count);
    assert_int_equal(fclose(file), 0);
}

__attribute__((unused)) static void write_gzip(const char *path, const void *bytes, size_t count)
{
    gzFile file = gzopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(gzwrite(file, bytes, (unsigned)count), count);
    assert_int_equal(gzclose(file), Z_OK);
}
#endif
