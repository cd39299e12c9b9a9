/* What stands for io/npz_read.c and io/npz_write.c where libzip was not found. */
#include "io.h"

static const char reason[] = "this build of the library has no libzip";

bool ct_io_has_npz(void)
{
    return false;
}

bool ct_io_npz_write(const char *path, const ct_named_tensor *tensors, size_t count, bool deflate)
{
    (void)tensors, (void)count, (void)deflate;
    return ct_fail("%s: cannot be written: %s", path ? path : "npz_write", reason);
}

ct_tensor_file *ct_io_npz_open(const char *path)
{
    return ct_fail("%s: cannot be read: %s", path ? path : "npz_open", reason);
}
