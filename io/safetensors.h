/* What reader and writer share of https://huggingface.co/docs/safetensors: a file is a header's length (8 bytes,
 * little-endian), the header (a JSON object, name -> dtype, shape, data_offsets), the tensors' bytes without gaps. */
#ifndef COTANGENT_SAFETENSORS_H
#define COTANGENT_SAFETENSORS_H
#include "element.h"

enum { SAFETENSORS_PREFIX = 8, SAFETENSORS_HEADER_MOST = 100000000 }; /* the limit of the reference implementation */

#define SAFETENSORS_METADATA "__metadata__"

/* In the reference's order of storage: by falling alignment, and I64 before F64. What we write are the rows that stay as they are. */
static const struct safetensors_dtype {
    const char *name;
    enum element element;
} safetensors_dtypes[] = {
    {"I64", ELEMENT_I64}, {"F64", ELEMENT_F64}, {"F32", ELEMENT_F32},
    {"U32", ELEMENT_U32}, {"I32", ELEMENT_I32}, {"BF16", ELEMENT_BF16},
    {"F16", ELEMENT_F16}, {"U16", ELEMENT_U16}, {"I16", ELEMENT_I16},
    {"I8", ELEMENT_I8},   {"U8", ELEMENT_U8},   {"BOOL", ELEMENT_BOOL},
};
enum { SAFETENSORS_DTYPES = sizeof safetensors_dtypes / sizeof *safetensors_dtypes };

/* Tensors' bytes are used as they lie in the file. */
static inline bool safetensors_host_fits(void)
{
    return __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__;
}
#endif
