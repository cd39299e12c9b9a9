/* What fuzz targets share: the input as a file that has a path, and a bound on what reading it may take. */
#ifndef COTANGENT_FUZZ_H
#define COTANGENT_FUZZ_H
#define _GNU_SOURCE
#include <io/io.h>

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A file in memory, the same for all inputs of a process. */
static const char *fuzz_file(const uint8_t *data, size_t size)
{
    static char path[64];
    static int descriptor = -1;
    if (descriptor < 0) {
        descriptor = memfd_create("fuzz", MFD_CLOEXEC);
        snprintf(path, sizeof path, "/proc/self/fd/%d", descriptor);
        ct_memory_set_limit((size_t)1 << 28);
    }
    if (descriptor < 0 || ftruncate(descriptor, 0) || pwrite(descriptor, data, size, 0) != (ssize_t)size)
        abort();
    return path;
}

/* Reads all there is; a tensor that comes without a failure must be whole and its values readable. */
__attribute__((unused)) static void fuzz_read(ct_tensor_file *file)
{
    for (size_t i = 0; i < ct_tensor_file_count(file); i++) {
        CT_SCOPE;
        ct_tensor *x = ct_tensor_file_read(file, ct_tensor_file_name(file, i));
        if (!x && ct_ok())
            abort();
        if (x && ct_numel(x) && !ct_is_contiguous(x))
            abort();
        if (x && ct_numel(x) && ct_ok())
            ct_sum(ct_cast(x, CT_FLOAT64));
        ct_error_clear();
    }
    ct_free(file);
}
#endif
