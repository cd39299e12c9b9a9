/* prefetch.c - one lock, a ring of batches, and workers that claim a few samples of the oldest unclaimed at a time.
 *
 * Samples are claimed in the order of the epoch. So once one fails and claiming stops, all before it are claimed already, and
 * the lowest failure is the one that a single thread would have met. The caller claims too while it waits for its batch. */
#define _POSIX_C_SOURCE 200809L
#include "prefetch.h"

#include <autograd/autograd.h>
#include <autograd/memory.h>

#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

struct batch {
    struct fetch fetch;
    int64_t claimed, done;
};

struct prefetch {
    pthread_mutex_t lock;
    pthread_cond_t work, ready;                 /* workers wait for work, the caller for its batch */
    bool stop;
    uint64_t added, claiming, taken;            /* counts of batches; batch i lies at i % room */
    int64_t failed_at;                          /* INT64_MAX: nowhere */
    char error[512];
    int64_t room, chunk;
    fill_samples *fill;
    const void *loader;
    pid_t process;
    int started;
    pthread_t *threads;
    struct batch ring[];
};

static struct batch *batch_at(struct prefetch *p, uint64_t number)
{
    return &p->ring[number % (uint64_t)p->room];
}

static void note_failure(struct prefetch *p, int64_t failed_at, const char *error)
{
    if (failed_at >= p->failed_at)
        return;
    p->failed_at = failed_at;
    snprintf(p->error, sizeof p->error, "%s", error);
}

/* Fills the next samples of the batches before `end`; false if none are left. Called with the lock held, as it returns. */
static bool fill_some(struct prefetch *p, uint64_t end)
{
    if (p->claiming >= end || p->failed_at != INT64_MAX)
        return false;
    struct batch *batch = batch_at(p, p->claiming);
    const struct fetch f = batch->fetch;
    const int64_t start = batch->claimed, count = f.count - start < p->chunk ? f.count - start : p->chunk;
    batch->claimed += count;
    p->claiming += batch->claimed == f.count;   /* at once: a place may be another batch's by the next call */
    pthread_mutex_unlock(&p->lock);
    const bool was_fine = ct_ok();
    char error[sizeof p->error] = "";
    int64_t failed_at = INT64_MAX;
    if (!p->fill(p->loader, f.first + start, count, f.x + start * f.x_bytes, f.y ? f.y + start * f.y_bytes : NULL, &failed_at)) {
        snprintf(error, sizeof error, "%s", ct_error());
        if (was_fine)                           /* whoever takes the batch reports it, if no earlier sample fails */
            ct_error_clear();
    }
    pthread_mutex_lock(&p->lock);
    note_failure(p, failed_at, error);
    batch->done += count;
    return true;
}

static void *work(void *argument)
{
    struct prefetch *p = argument;
    pthread_mutex_lock(&p->lock);
    while (!p->stop)
        if (fill_some(p, p->added))
            pthread_cond_signal(&p->ready);
        else
            pthread_cond_wait(&p->work, &p->lock);
    pthread_mutex_unlock(&p->lock);
    return NULL;
}

static bool is_settled(const struct prefetch *p, const struct batch *batch)
{
    return batch->done == batch->claimed && (batch->done == batch->fetch.count || p->failed_at != INT64_MAX);
}

bool prefetch_take(struct prefetch *p)
{
    pthread_mutex_lock(&p->lock);
    const struct batch *batch = batch_at(p, p->taken);
    while (!is_settled(p, batch))
        if (!fill_some(p, p->taken + 1))
            pthread_cond_wait(&p->ready, &p->lock);
    const bool good = p->failed_at >= batch->fetch.first + batch->fetch.count;
    p->taken += good;
    pthread_mutex_unlock(&p->lock);
    if (!good)
        ct_fail("%s", p->error);
    return good;
}

void prefetch_add(struct prefetch *p, const struct fetch *batch)
{
    pthread_mutex_lock(&p->lock);
    *batch_at(p, p->added++) = (struct batch){*batch, 0, 0};
    pthread_cond_broadcast(&p->work);
    pthread_mutex_unlock(&p->lock);
}

/* Signals are the program's: no handler of its should run on a worker. */
static int start_workers(struct prefetch *p, int workers)
{
    sigset_t every, before;
    sigfillset(&every);
    pthread_sigmask(SIG_SETMASK, &every, &before);
    int code = 0;
    while (p->started < workers && !(code = pthread_create(&p->threads[p->started], NULL, work, p)))
        p->started++;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return code;
}

struct prefetch *prefetch_start(int workers, int64_t room, int64_t chunk, fill_samples *fill, const void *loader)
{
    struct prefetch *p = heap_zeroed(1, sizeof *p + (size_t)room * sizeof *p->ring);
    pthread_t *threads = p ? heap_zeroed((size_t)workers, sizeof *threads) : NULL;
    if (!threads) {
        heap_free(p);
        return ct_fail("loader_next: out of memory for %d workers", workers);
    }
    p->failed_at = INT64_MAX;
    p->room = room;
    p->chunk = chunk;
    p->fill = fill;
    p->loader = loader;
    p->process = getpid();
    p->threads = threads;
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->work, NULL);
    pthread_cond_init(&p->ready, NULL);
    const int code = start_workers(p, workers);
    if (!code)
        return p;
    ct_fail("loader_next: cannot start worker %d of %d: %s", p->started + 1, workers, strerror(code));
    prefetch_end(p);
    return NULL;
}

bool prefetch_lost(const struct prefetch *p)
{
    return p->process != getpid();
}

void prefetch_end(struct prefetch *p)
{
    if (!p)
        return;
    if (!prefetch_lost(p)) {                    /* else nobody is there to be joined, and the lock is in an unknown state */
        pthread_mutex_lock(&p->lock);
        p->stop = true;
        pthread_cond_broadcast(&p->work);
        pthread_mutex_unlock(&p->lock);
        for (int i = 0; i < p->started; i++)
            pthread_join(p->threads[i], NULL);
        pthread_cond_destroy(&p->ready);
        pthread_cond_destroy(&p->work);
        pthread_mutex_destroy(&p->lock);
    }
    heap_free(p->threads);
    heap_free(p);
}
