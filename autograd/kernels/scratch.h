/* scratch.h - memory that a kernel needs while it runs: per thread, growing, kept for the next call. */
#ifndef COTANGENT_KERNELS_SCRATCH_H
#define COTANGENT_KERNELS_SCRATCH_H

#include <stddef.h>

enum scratch_slot { SCRATCH_A, SCRATCH_B, SCRATCH_SLOTS };   /* buffers that are in use at the same time */

void *scratch_get(enum scratch_slot slot, size_t bytes);  /* 64-byte aligned, undefined contents; NULL without memory */
void scratch_free(void);                                     /* this thread's; a thread's end does the same */

#endif
