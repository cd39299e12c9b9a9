/* pool.h - the threads that kernels share.
 *
 * A job is cut into parts by its shape alone; threads take parts as they come free. Whoever starts a job works on it
 * too. A job runs serially on its caller when it has one part, when one thread is asked for, from inside another job's
 * part, and while the pool is busy with another caller's job. Nothing here fails: where a thread cannot be created,
 * fewer work. */
#ifndef COTANGENT_KERNELS_POOL_H
#define COTANGENT_KERNELS_POOL_H

#include <stddef.h>

enum { POOL_MOST_THREADS = 256 };

void pool_run(size_t parts, void (*body)(size_t part, void *context), void *context);  /* body for 0 to parts-1 */
int pool_threads(void);            /* threads a job may use, its caller included */
void pool_set_threads(int n);      /* from now on; below 1: the default (OMP_NUM_THREADS, else the CPUs allowed) */
void pool_shutdown(void);          /* joins the workers; a later job starts them again */

#endif
