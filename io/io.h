/* Tensor files: formats that know tensors and names, nothing of modules.
 *
 * A file is checked whole before anything is allocated by its word; a refusal names the file and the reason. A save goes to a
 * temporary file beside the target, is synced and renamed: the old file or the new one is there, never a part. A program
 * that is killed meanwhile may leave .NAME.HEX there, which can be deleted. */
#ifndef COTANGENT_IO_H
#define COTANGENT_IO_H
#include <autograd/autograd.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ct_tensor_file ct_tensor_file;   /* an opened file; freed by ct_free; used by one thread at a time */
typedef struct { const char *name; ct_tensor *tensor; } ct_named_tensor;
typedef struct { const char *key, *value; } ct_metadata;

/* ---- Reading an opened file, whatever its format ------------------------------------------------------------------------
 * What is stored becomes: float16 and bfloat16 float32, integers of 8, 16 and 32 bits int64; float32, float64, int64 and bool stay.
 * Every other dtype (uint64, 8-bit floats, complex numbers, text) is refused by name. */
CT_API size_t ct_tensor_file_count(const ct_tensor_file *file);                  /* tensors in it; 0 for NULL */
CT_API const char *ct_tensor_file_name(const ct_tensor_file *file, size_t index); /* in the order of their data; NULL past the end */
CT_API bool ct_tensor_file_has(const ct_tensor_file *file, const char *name);
CT_API ct_tensor *ct_tensor_file_read(ct_tensor_file *file, const char *name);   /* a new tensor, row-major; a missing name is an error */
CT_API const char *ct_tensor_file_metadata(const ct_tensor_file *file, const char *key); /* NULL: not there (no error) */

/* ---- safetensors ----------------------------------------------------------------------------------------------------- */
CT_API bool ct_io_safetensors_write(const char *path, const ct_named_tensor *tensors, size_t count,
                                    const ct_metadata *metadata, size_t metadata_count); /* names and keys must differ; metadata may be NULL */
CT_API ct_tensor_file *ct_io_safetensors_open(const char *path); /* reads copy: a file that is cut meanwhile is an error */
/* The same with the file mapped: a read of float32, float64 or int64 copies nothing and shares the mapping, which lives as long as such a
 * tensor; one that does not lie on a multiple of its size is copied. Writing to one changes that memory alone, never the file. A read of a file that
 * was cut is an error. Whoever cuts it later, or writes into it, has the system end the process with SIGBUS, or show the new bytes; a save over it, by
 * this library or any other that renames, is safe. */
CT_API ct_tensor_file *ct_io_safetensors_map(const char *path);

/* ---- npy and npz, NumPy's: versions 1 to 3, both byte orders, C and Fortran order --------------------------------------------
 * npz is a zip of npy files, plain or deflated, each tensor a member NAME.npy. It takes libzip; a library built without it refuses by name. */
CT_API bool ct_io_npy_write(const char *path, ct_tensor *tensor);
CT_API ct_tensor *ct_io_npy_read(const char *path);
CT_API bool ct_io_has_npz(void);
CT_API bool ct_io_npz_write(const char *path, const ct_named_tensor *tensors, size_t count, bool deflate); /* names: relative paths without '..' */
CT_API ct_tensor_file *ct_io_npz_open(const char *path); /* a member may claim no more than its bytes can inflate to, 1032 times; ct_memory_set_limit bounds the rest */

/* ---- HDF5, read: what h5py and Keras write unless told otherwise (no chunks, no compression, not libver='latest') ------------------
 * A dataset is a tensor by its path, "layers/dense/vars/0"; an attribute of text is metadata OBJECT@NAME, a line a string. Whatever else is in
 * the file, links out of it included, is refused by name. */
CT_API ct_tensor_file *ct_io_hdf5_open(const char *path);

/* ---- PNG, by libpng; a library built without it refuses both by name ----------------------------------------------------- */
CT_API bool ct_io_has_png(void);
CT_API bool ct_io_png_write(const char *path, ct_tensor *image); /* (1, H, W) or (H, W) as grey, (3, H, W) as RGB: floats, 0 black, 1 full, clamped */
CT_API ct_tensor *ct_io_image_grid(ct_tensor *images, int64_t columns); /* (N, C, H, W) -> (C, rows H, columns W), row by row, the rest of the last black */
CT_API ct_tensor *ct_io_png_read(const char *path); /* float32 (1, H, W) or (3, H, W) in [0, 1]; colour maps, 16 bits and transparency (over black) become such */

#ifdef __cplusplus
}
#else
/* A list where a function takes pointer and count: CT_METADATA({"format", "pt"}). It lives to the end of the block. */
#define CT_METADATA(...) ((const ct_metadata[]){__VA_ARGS__}), (sizeof((const ct_metadata[]){__VA_ARGS__}) / sizeof(ct_metadata))
#endif
#endif
