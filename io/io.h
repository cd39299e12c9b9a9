/* Tensor files: formats that know tensors and names, nothing of modules.
 *
 * A file is checked whole before anything is allocated by its word; a refusal names the file and the reason. A save goes to a
 * temporary file beside the target, is synced and renamed: the old file or the new one is there, never a part. */
#ifndef COTANGENT_IO_H
#define COTANGENT_IO_H
#include <autograd/autograd.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ct_tensor_file ct_tensor_file;   /* an opened file; freed by ct_free */
typedef struct { const char *name; ct_tensor *tensor; } ct_named_tensor;
typedef struct { const char *key, *value; } ct_metadata;

/* ---- safetensors: float32, float64, int64 and bool; other dtypes are refused by name ------------------------------------ */
CT_API bool ct_io_safetensors_write(const char *path, const ct_named_tensor *tensors, size_t count,
                                    const ct_metadata *metadata, size_t metadata_count); /* names and keys must differ; metadata may be NULL */
CT_API ct_tensor_file *ct_io_safetensors_open(const char *path);

CT_API size_t ct_tensor_file_count(const ct_tensor_file *file);                  /* tensors in it; 0 for NULL */
CT_API const char *ct_tensor_file_name(const ct_tensor_file *file, size_t index); /* in the order of their data; NULL past the end */
CT_API bool ct_tensor_file_has(const ct_tensor_file *file, const char *name);
CT_API ct_tensor *ct_tensor_file_read(ct_tensor_file *file, const char *name);   /* a new tensor; a missing name is an error */
CT_API const char *ct_tensor_file_metadata(const ct_tensor_file *file, const char *key); /* NULL: not there (no error) */

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
