/* What reader and writer share of https://huggingface.co/docs/safetensors: a file is a header's length (8 bytes,
 * little-endian), the header (a JSON object, name -> dtype, shape, data_offsets), the tensors' bytes without gaps. */
#ifndef COTANGENT_SAFETENSORS_H
#define COTANGENT_SAFETENSORS_H
#include <autograd/autograd.h>

enum { SAFETENSORS_PREFIX = 8, SAFETENSORS_HEADER_MOST = 100000000 }; /* the limit of the reference implementation */

#define SAFETENSORS_METADATA "__metadata__"

/* In the reference's order of storage: by falling alignment, and I64 before F64. */
static const struct safetensors_dtype {
    const char *name;
    ct_dtype dtype;
} safetensors_dtypes[] = {{"I64", CT_INT64}, {"F64", CT_FLOAT64}, {"F32", CT_FLOAT32}, {"BOOL", CT_BOOL}};
enum { SAFETENSORS_DTYPES = sizeof safetensors_dtypes / sizeof *safetensors_dtypes };

/* Tensors' bytes are used as they lie in the file. */
static inline bool safetensors_host_fits(void)
{
    return __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__;
}
#endif
