#include "object.h"
#include "autograd.h"
#include "memory.h"

enum { TAG = 0x6f5f7463 };                      /* "ct_o" */

void *object_new(size_t bytes, void (*destroy)(void *object))
{
    struct object *o = heap_zeroed(1, bytes);
    if (!o)
        return ct_fail("out of memory for an object of %zu bytes", bytes);
    o->tag = TAG;
    o->destroy = destroy;
    atomic_init(&o->holders, 1);
    return o;
}

void *object_hold(void *object)
{
    if (object)
        atomic_fetch_add_explicit(&((struct object *)object)->holders, 1, memory_order_relaxed);
    return object;
}

void object_drop(void *object)
{
    struct object *o = object;
    if (!o || atomic_fetch_sub_explicit(&o->holders, 1, memory_order_acq_rel) != 1)
        return;
    o->tag = 0;
    if (o->destroy)
        o->destroy(o);
    heap_free(o);
}

void(ct_free)(void *object)
{
    if (object && ((struct object *)object)->tag != TAG)
        ct_fail("free: not a module, optimizer, dataset, loader, generator or tensor file (a tensor goes with its scope)");
    else if (object && ((struct object *)object)->is_part)
        ct_fail("free: part of another object, which frees it");
    else
        object_drop(object);
}
