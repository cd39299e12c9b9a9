/* scratch.h - memory that a kernel needs while it runs: per thread, growing, kept for the next call. */
#ifndef COTANGENT_KERNELS_SCRATCH_H
#define COTANGENT_KERNELS_SCRATCH_H

#include <stddef.h>

/* Buffers that are in use at the same time: A and B by matrix products, PRODUCT by their caller for all threads, CONV and SHARED by convolutions around them, the latter
 * by the caller for all threads; ATTENTION by attention around them. */
enum scratch_slot { SCRATCH_A, SCRATCH_B, SCRATCH_PRODUCT, SCRATCH_CONV, SCRATCH_SHARED, SCRATCH_ATTENTION, SCRATCH_SLOTS };

void *scratch_get(enum scratch_slot slot, size_t bytes);  /* 64-byte aligned, undefined contents; NULL without memory */
size_t scratch_bytes(void);                                  /* held by all threads together */
void scratch_free(void);                                     /* this thread's; a thread's end does the same */

#endif
