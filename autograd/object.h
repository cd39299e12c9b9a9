/* What ct_free takes: a tag that tells our objects from anything else, a count of holders, and what to do at the end. It is
 * the first member of every such struct. Holders inside the library count; users hold one each and never count. */
#ifndef COTANGENT_OBJECT_H
#define COTANGENT_OBJECT_H
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct object {
    uint32_t tag;
    atomic_uint holders;
    bool is_part;                               /* of another object, which frees it: ct_free refuses */
    void (*destroy)(void *object);              /* frees what the object holds, not the object; may be NULL */
};

void *object_new(size_t bytes, void (*destroy)(void *object)); /* zeroed, one holder; NULL and a failure without memory */
void *object_hold(void *object);                /* one more holder; returns object; NULL is fine */
void object_drop(void *object);                 /* one fewer; the last one frees it; NULL is fine */
#endif
