/* Workers that fill the batches to come while the caller does something else. They write raw memory; who wrote what changes no
 * bit of it, because each sample is made from its number alone. */
#ifndef COTANGENT_PREFETCH_H
#define COTANGENT_PREFETCH_H
#include <stdbool.h>
#include <stdint.h>

/* Samples first..first+count-1 of a loader's order, to x and y. False, with a failure: *failed_at is the first that could not be had. */
typedef bool fill_samples(const void *loader, int64_t first, int64_t count, char *x, char *y, int64_t *failed_at);

struct fetch {                                  /* one batch */
    int64_t first, count;
    char *x, *y;
    int64_t x_bytes, y_bytes;                   /* of a sample */
};

struct prefetch;
/* chunk: samples that a worker takes at once. room: batches under way at most. NULL: a failure. */
struct prefetch *prefetch_start(int workers, int64_t room, int64_t chunk, fill_samples *fill, const void *loader);
void prefetch_add(struct prefetch *p, const struct fetch *batch); /* they follow each other in the order; at most room are under way */
bool prefetch_take(struct prefetch *p);         /* waits for the oldest batch, and helps. False: a worker's failure, now the caller's */
bool prefetch_lost(const struct prefetch *p);   /* after a fork the child has no workers: it ends p and starts anew */
void prefetch_end(struct prefetch *p);          /* the workers have gone, and write no more; NULL is fine */
#endif
