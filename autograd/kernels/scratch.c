/* scratch.c - a warmed-up training step must not call malloc, so buffers stay with their thread. */
#define _GNU_SOURCE
#include "scratch.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#ifdef __linux__
#include <sys/mman.h>
#endif

enum { ALIGNMENT = 64, QUANTUM = 4096, HUGE_PAGE = 2 << 20 };

static _Thread_local struct {
    void *memory;
    size_t bytes;
} buffers[SCRATCH_SLOTS];

static atomic_size_t total;                    /* of all threads */

static pthread_key_t key;
static pthread_once_t key_once = PTHREAD_ONCE_INIT;
static int has_key;

void scratch_free(void)
{
    for (int slot = 0; slot < SCRATCH_SLOTS; slot++) {
        free(buffers[slot].memory);
        atomic_fetch_sub(&total, buffers[slot].bytes);
        buffers[slot].memory = NULL;
        buffers[slot].bytes = 0;
    }
}

static void free_at_exit(void *unused)
{
    (void)unused;
    scratch_free();
}

static void make_key(void)
{
    has_key = !pthread_key_create(&key, free_at_exit);
}

void *scratch_get(enum scratch_slot slot, size_t bytes)
{
    if (buffers[slot].bytes >= bytes)
        return buffers[slot].memory;
    if (bytes > SIZE_MAX - HUGE_PAGE)
        return NULL;
    bytes = (bytes + QUANTUM - 1) / QUANTUM * QUANTUM;
    /* A kernel that stores to dozens of places at once would wait for the tables of small pages. */
    bool is_large = bytes >= HUGE_PAGE / 2;
    /* The destructor runs only for a key whose value is set; without one a thread's end would leak, so do without
     * scratch. */
    pthread_once(&key_once, make_key);
    if (!has_key || pthread_setspecific(key, &buffers))
        return NULL;
    void *memory;
    if (posix_memalign(&memory, is_large ? HUGE_PAGE : ALIGNMENT, bytes))
        return NULL;
#ifdef MADV_HUGEPAGE
    if (is_large)
        madvise(memory, bytes, MADV_HUGEPAGE);
#endif
    free(buffers[slot].memory);
    atomic_fetch_add(&total, bytes - buffers[slot].bytes);
    buffers[slot].memory = memory;
    buffers[slot].bytes = bytes;
    return memory;
}

size_t scratch_bytes(void)
{
    return atomic_load(&total);
}
