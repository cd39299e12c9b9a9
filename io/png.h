/* A PNG in memory. */
#ifndef COTANGENT_PNG_H
#define COTANGENT_PNG_H
#include "io/io.h"

/* The bytes that ct_io_png_write puts into a file, for heap_free; NULL after reporting, with name in front. */
unsigned char *png_encode(const char *name, ct_tensor *image, size_t *count);
#endif
