/* The header of an npy file, alone or as a member of an archive: magic, version, length, and a Python dictionary of dtype, order and
 * shape (https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html). */
#ifndef COTANGENT_NPY_H
#define COTANGENT_NPY_H
#include "tensor_file.h"

enum { NPY_HEADER_MOST = 65535, NPY_WRITTEN_MOST = 384 };

/* Reads a header off a stream and fills the entry; false, refused, for any that NumPy would not write. */
bool npy_read_header(const ct_tensor_file *file, struct tensor_entry *entry, byte_reader *read, void *context);
size_t npy_make_header(char header[NPY_WRITTEN_MOST], const ct_tensor *tensor); /* byte for byte NumPy's; returns its length */
#endif
