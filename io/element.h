/* Elements as files hold them, and what they become here. */
#ifndef COTANGENT_ELEMENT_H
#define COTANGENT_ELEMENT_H
#include <autograd/autograd.h>

enum element {
    ELEMENT_BOOL,
    ELEMENT_I8, ELEMENT_I16, ELEMENT_I32, ELEMENT_I64,
    ELEMENT_U8, ELEMENT_U16, ELEMENT_U32,
    ELEMENT_F16, ELEMENT_BF16, ELEMENT_F32, ELEMENT_F64
};

struct element_type {
    size_t bytes;                               /* of one in the file */
    ct_dtype dtype;                             /* what it becomes */
    void (*widen)(void *out, const void *in, size_t count); /* NULL: it stays as it is */
};
extern const struct element_type element_types[];

enum element element_of(ct_dtype dtype);        /* the one that stays as it is */
void element_swap(void *values, size_t count, size_t bytes); /* turns the byte order of each */
#endif
