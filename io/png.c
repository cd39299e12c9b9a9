/* PNG images by libpng's plain interface: a whole image in memory, grey or RGB, eight bits. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <png.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "atomic_file.h"
#include "autograd/memory.h"
#include "png.h"

bool ct_io_has_png(void)
{
    return true;
}

static png_uint_32 format_of(int64_t channels)
{
    return channels == 1 ? PNG_FORMAT_GRAY : PNG_FORMAT_RGB;
}

static bool save(const char *path, const void *bytes, size_t count)
{
    struct atomic_file file;
    return atomic_file_open(&file, path) && atomic_file_write(&file, bytes, count) && atomic_file_commit(&file);
}

/* Pixels by row, column and channel. */
static unsigned char *encode(const char *name, png_image *png, const void *pixels, size_t *count)
{
    png_alloc_size_t size = 0;
    if (!png_image_write_to_memory(png, NULL, &size, 0, pixels, 0, NULL))
        return ct_fail("%s: cannot be made a PNG: %s", name, png->message);
    unsigned char *bytes = heap_alloc(size);
    if (!bytes)
        return ct_fail("%s: out of memory", name);
    if (!png_image_write_to_memory(png, bytes, &size, 0, pixels, 0, NULL)) {
        heap_free(bytes);
        return ct_fail("%s: cannot be made a PNG: %s", name, png->message);
    }
    *count = size;
    return bytes;
}

/* (C, H, W) or (H, W). A clamp lets NaN through; it becomes black. */
unsigned char *png_encode(const char *name, ct_tensor *x, size_t *bytes)
{
    CT_SCOPE;
    CT_NO_GRAD;
    const int rank = ct_rank(x);
    const int64_t channels = rank == 3 ? ct_size(x, 0) : 1, height = ct_size(x, -2), width = ct_size(x, -1);
    if (rank < 2 || rank > 3 || (channels != 1 && channels != 3) || height < 1 || width < 1 || height > INT32_MAX || width > INT32_MAX / 4 ||
        (ct_dtype_of(x) != CT_FLOAT32 && ct_dtype_of(x) != CT_FLOAT64))
        return ct_fail("%s: a PNG wants floats (1 or 3, H, W) or (H, W), not %s with %d axes", name, ct_dtype_name(ct_dtype_of(x)), rank);
    ct_tensor *rows = ct_reshape(ct_cast(x, CT_FLOAT32), channels, height, width);
    rows = ct_contiguous(ct_permute(ct_clamp(rows, 0, 1), 1, 2, 0));
    const float *values = ct_data(rows);
    const size_t count = (size_t)ct_numel(x);
    unsigned char *pixels = values ? heap_alloc(count) : NULL;
    if (!pixels)
        return values ? ct_fail("%s: out of memory", name) : NULL;
    for (size_t i = 0; i < count; i++)
        pixels[i] = values[i] >= 0 ? (unsigned char)(values[i] * 255 + 0.5f) : 0;
    png_image png = {.version = PNG_IMAGE_VERSION, .width = (png_uint_32)width, .height = (png_uint_32)height, .format = format_of(channels)};
    unsigned char *encoded = encode(name, &png, pixels, bytes);
    png_image_free(&png);
    heap_free(pixels);
    return encoded;
}

bool ct_io_png_write(const char *path, ct_tensor *image)
{
    if (!path || !image)
        return ct_ok() ? ct_fail("png_write: %s is NULL", path ? "image" : "path") != NULL : false;
    size_t count;
    unsigned char *bytes = png_encode(path, image, &count);
    const bool good = bytes && save(path, bytes, count);
    heap_free(bytes);
    return good;
}

/* For libpng, which takes a file as C knows it. A pipe would wait for a writer. */
static FILE *open_regular(const char *path, uint64_t *bytes)
{
    struct stat status;
    const int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (descriptor < 0)
        return ct_fail("%s: cannot open: %s", path, strerror(errno));
    FILE *file = NULL;
    if (fstat(descriptor, &status) || !S_ISREG(status.st_mode))
        ct_fail("%s: not a regular file", path);
    else if (!(file = fdopen(descriptor, "rb")))
        ct_fail("%s: out of memory", path);
    else
        *bytes = (uint64_t)status.st_size;
    if (!file)
        close(descriptor);
    return file;
}

/* A byte of compressed data makes at most 1032 bytes, of eight pixels each: a header that claims more lies. */
static bool plausible(const char *path, const png_image *png, uint64_t bytes)
{
    if ((uint64_t)png->width * png->height <= bytes * 1032 * 8)
        return true;
    return ct_fail("%s: claims %u x %u pixels, more than it can hold", path, (unsigned)png->height, (unsigned)png->width);
}

static ct_tensor *decode(const char *path, png_image *png)
{
    CT_SCOPE;
    const int64_t channels = png->format & PNG_FORMAT_FLAG_COLOR ? 3 : 1, height = png->height, width = png->width;
    png->format = format_of(channels);
    ct_tensor *image = ct_empty_as(CT_FLOAT32, height, width, channels);
    float *values = image ? ct_mutable_data(image) : NULL;
    const size_t count = (size_t)(channels * height * width);
    unsigned char *pixels = values ? heap_alloc(count) : NULL;
    if (!pixels)
        return values ? ct_fail("%s: out of memory", path) : NULL;
    const png_color black = {0, 0, 0};          /* behind what is transparent */
    const bool good = png_image_finish_read(png, &black, pixels, 0, NULL);
    for (size_t i = 0; good && i < count; i++)
        values[i] = (float)pixels[i] / 255;
    heap_free(pixels);
    if (!good)
        return ct_fail("%s: %s", path, png->message);
    return ct_promote(ct_contiguous(ct_permute(image, 2, 0, 1)));
}

ct_tensor *ct_io_png_read(const char *path)
{
    if (!path)
        return ct_ok() ? ct_fail("png_read: path is NULL") : NULL;
    png_image png = {.version = PNG_IMAGE_VERSION};
    ct_tensor *image = NULL;
    uint64_t bytes = 0;
    FILE *file = open_regular(path, &bytes);
    if (!file)
        return NULL;
    if (!png_image_begin_read_from_stdio(&png, file))
        ct_fail("%s: %s", path, png.message);
    else if (plausible(path, &png, bytes))
        image = decode(path, &png);
    png_image_free(&png);
    fclose(file);
    return image;
}
