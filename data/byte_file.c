/* byte_file.c - zlib reads plain files too. */
#define _GNU_SOURCE
#include "byte_file.h"

#include <autograd/autograd.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MOST_STEP = 1 << 30 };

gzFile byte_file_open(const char *path)
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

int64_t byte_file_read(gzFile file, const char *path, void *out, size_t want)
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

bool byte_file_close(gzFile file, const char *path, bool good)
{
    const int code = gzclose_r(file);
    if (good && code != Z_OK)
        return ct_fail("%s: gzip stream is cut before its checksum", path);
    return good;
}
