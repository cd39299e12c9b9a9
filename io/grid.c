/* Many images as one. */
#include "autograd/raw.h"
#include "io.h"

ct_tensor *ct_io_image_grid(ct_tensor *images, int64_t columns)
{
    if (!images)
        return ct_ok() ? ct_fail("image_grid: images is NULL") : NULL;
    if (ct_rank(images) != 4 || columns < 1 || columns > INT32_MAX)
        return ct_fail("image_grid: %d axes in %lld columns: want images (N, C, H, W) and at least 1", ct_rank(images), (long long)columns);
    CT_SCOPE;
    CT_NO_GRAD;
    const int64_t count = ct_size(images, 0), channels = ct_size(images, 1), height = ct_size(images, 2), width = ct_size(images, 3);
    const int64_t rows = (count + columns - 1) / columns;
    ct_tensor *full = ct_pad(images, 0, 0, 0, 0, 0, 0, 0, 0, rows * columns - count);
    ct_tensor *grid = ct_permute(ct_reshape(full, rows, columns, channels, height, width), 2, 0, 3, 1, 4);
    return ct_promote(ct_reshape(grid, channels, rows * height, columns * width));
}
