/* All memory of the library comes from here, so that a limit and a test's injected failure reach every allocation.
 *
 * memory_get/memory_put are the size-class cache: 64-byte aligned buffers whose size the caller remembers. Freed ones are
 * kept for the next call of about that size, small ones per thread without a lock. heap_* are for everything else: bookkeeping
 * of unpredictable size and life. None of them reports; the caller does, by name. */
#ifndef COTANGENT_MEMORY_H
#define COTANGENT_MEMORY_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

void *memory_get(size_t bytes);                 /* uninitialised; NULL: no memory, or over the limit. 0 bytes give a valid buffer */
void memory_put(void *buffer, size_t bytes);    /* bytes as they were asked for; NULL is fine */

void *heap_alloc(size_t bytes);
void *heap_zeroed(size_t count, size_t bytes);  /* overflow-checked */
void *heap_resize(void *block, size_t bytes);
void heap_free(void *block);
char *heap_copy_text(const char *text);

/* product of two sizes into *out; false on overflow */
static inline bool size_multiply(size_t a, size_t b, size_t *out)
{
    return !__builtin_mul_overflow(a, b, out);
}

/* For tests: the allocation number `after` from now (0: the next) and all later ones fail, in every thread; -1: none. */
void memory_fail_after(int64_t after);
bool memory_failed_one(void);                   /* has the injection struck since it was set? */
int64_t memory_system_allocations(void);        /* calls of malloc and the like so far, by our code */
#endif
