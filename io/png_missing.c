/* What stands for io/png.c where libpng was not found. */
#include "png.h"

static const char reason[] = "this build of the library has no libpng";

bool ct_io_has_png(void)
{
    return false;
}

unsigned char *png_encode(const char *name, ct_tensor *image, size_t *count)
{
    (void)image, (void)count;
    return ct_fail("%s: cannot be made a PNG: %s", name, reason);
}

bool ct_io_png_write(const char *path, ct_tensor *image)
{
    (void)image;
    return ct_fail("%s: cannot be written: %s", path ? path : "png_write", reason);
}

ct_tensor *ct_io_png_read(const char *path)
{
    return ct_fail("%s: cannot be read: %s", path ? path : "png_read", reason);
}
