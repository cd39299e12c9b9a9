/* pool.c - workers that spin for the next job for a while, then sleep.
 *
 * One 32-bit word, `gate`, says it all: a count of jobs, whether the current job still takes workers in, and how many
 * are inside. A worker enters by compare-and-swap while the gate is open; the caller shuts the gate when no part is
 * left and waits only for those inside. So a worker that the system has not scheduled holds nobody up, and one that
 * slept through a job (or through so many that the count came round) has merely missed it.
 *
 * Each thread starts on a range of parts of its own, the same one job after job, because what it wrote last time is in
 * its cache; then it helps the others out. */
#define _GNU_SOURCE
#include "pool.h"

#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>
#ifdef __linux__
#include <linux/futex.h>
#include <sys/syscall.h>
#endif

enum { INSIDE_ONE = 1, INSIDE_MASK = 0x3ff, OPEN = 0x400, JOB_ONE = 0x800 };
enum {
    SPIN_NANOSECONDS = 200000,   /* longer than the serial stretch between two ops, far shorter than a time slice */
    PAUSES_PER_CLOCK = 32,
    JOIN_PAUSES = 2000
};

static struct {
    _Alignas(64) atomic_uint gate;
    atomic_int threads;                        /* of the current job: only a hint to latecomers, hence atomic */
    uint32_t job;
    size_t parts;
    void (*body)(size_t, void *);
    void *context;
    struct {
        /* The job and the parts taken of this range. It starts anew by itself when the job differs, so that publishing
         * a job need not touch the line, which stays in the cache of the thread that owns the range. */
        _Alignas(64) atomic_uint_least64_t taken;
    } ranges[POOL_MOST_THREADS];
    _Alignas(64) atomic_int sleeping;
    atomic_bool stop, spin;
    _Alignas(64) atomic_bool taken;            /* held by the caller of the current job; guards what follows */
    pthread_t workers[POOL_MOST_THREADS - 1];
    int started, can_start;
} pool = {.can_start = POOL_MOST_THREADS - 1};

static atomic_int wanted_threads;              /* 0: not asked for yet */
static pthread_once_t default_once = PTHREAD_ONCE_INIT;
static int cpus = 1, default_threads = 1;
static _Thread_local bool inside;              /* this thread is running a part */

static void pause_briefly(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ __volatile__("isb");
#else
    sched_yield();
#endif
}

static int64_t nanoseconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

#ifdef __linux__
static void sleep_while(unsigned gate)
{
    syscall(SYS_futex, &pool.gate, FUTEX_WAIT_PRIVATE, gate, NULL, NULL, 0);
}

static void wake(int sleepers)
{
    syscall(SYS_futex, &pool.gate, FUTEX_WAKE_PRIVATE, sleepers, NULL, NULL, 0);
}
#else
static pthread_mutex_t bed = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t alarm_clock = PTHREAD_COND_INITIALIZER;

static void sleep_while(unsigned gate)
{
    pthread_mutex_lock(&bed);
    while (atomic_load(&pool.gate) == gate)
        pthread_cond_wait(&alarm_clock, &bed);
    pthread_mutex_unlock(&bed);
}

static void wake(int sleepers)
{
    (void)sleepers;
    pthread_mutex_lock(&bed);
    pthread_cond_broadcast(&alarm_clock);
    pthread_mutex_unlock(&bed);
}
#endif

static size_t range_start(size_t range, size_t ranges, size_t parts)
{
    return parts / ranges * range + parts % ranges * range / ranges;
}

/* Takes one part of a range; false when none is left. */
static bool take_part(size_t range, size_t count, size_t *part)
{
    atomic_uint_least64_t *word = &pool.ranges[range].taken;
    uint_least64_t seen = atomic_load_explicit(word, memory_order_relaxed);
    uint_least64_t fresh = (uint_least64_t)pool.job << 32, next;
    do {
        next = seen >> 32 == pool.job ? seen : fresh;
        if ((uint32_t)next >= count)
            return false;
    } while (!atomic_compare_exchange_weak_explicit(word, &seen, next + 1, memory_order_relaxed, memory_order_relaxed));
    *part = (uint32_t)next;
    return true;
}

static void take_parts(size_t thread)
{
    size_t parts = pool.parts, ranges = (size_t)atomic_load_explicit(&pool.threads, memory_order_relaxed);
    for (size_t i = 0; i < ranges; i++) {
        size_t range = (thread + i) % ranges, start = range_start(range, ranges, parts);
        size_t count = range_start(range + 1, ranges, parts) - start;
        if (i && range == 0 && count == 1)
            continue;   /* the caller has it in hand; a look at its line would cost as much as a small part */
        for (size_t part; take_part(range, count, &part);)
            pool.body(start + part, pool.context);
    }
}

/* A job that this worker has not been part of and that has room for it. */
static bool has_room(unsigned gate, unsigned last_job)
{
    return (gate & OPEN) && gate / JOB_ONE != last_job &&
           (int)(gate & INSIDE_MASK) < atomic_load_explicit(&pool.threads, memory_order_relaxed) - 1;
}

static void *work(void *number)
{
    size_t thread = (size_t)(uintptr_t)number;
    unsigned last_job = UINT_MAX;
    inside = true;
    while (!atomic_load_explicit(&pool.stop, memory_order_acquire)) {
        unsigned gate = atomic_load_explicit(&pool.gate, memory_order_acquire);
        int64_t deadline = 0;
        for (int pauses = 0; !has_room(gate, last_job); pauses++) {
            if (pauses % PAUSES_PER_CLOCK == 0) {
                int64_t now = nanoseconds();
                if (!deadline)
                    deadline = now + (atomic_load_explicit(&pool.spin, memory_order_relaxed) ? SPIN_NANOSECONDS : 0);
                if (now >= deadline)
                    break;
            }
            pause_briefly();
            gate = atomic_load_explicit(&pool.gate, memory_order_acquire);
        }
        if (!has_room(gate, last_job)) {
            /* Either the caller sees us in `sleeping`, or we see its job in the gate: both sides are sequentially
             * consistent. */
            atomic_fetch_add(&pool.sleeping, 1);
            gate = atomic_load(&pool.gate);
            if (!has_room(gate, last_job) && !atomic_load(&pool.stop))
                sleep_while(gate);
            atomic_fetch_sub(&pool.sleeping, 1);
            continue;
        }
        if (atomic_compare_exchange_strong_explicit(&pool.gate, &gate, gate + INSIDE_ONE, memory_order_acquire,
                                                    memory_order_relaxed)) {
            last_job = gate / JOB_ONE;
            take_parts(thread);
            atomic_fetch_sub_explicit(&pool.gate, INSIDE_ONE, memory_order_release);
        }
    }
    return NULL;
}

/* After a fork the child has the caller's thread alone. */
static void forget_workers(void)
{
    atomic_store(&pool.gate, 0);
    atomic_store(&pool.sleeping, 0);
    atomic_store(&pool.stop, false);
    atomic_store(&pool.taken, false);
    pool.started = 0;
    pool.can_start = POOL_MOST_THREADS - 1;
}

static void find_default(void)
{
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    cpus = online < 1 ? 1 : online > INT_MAX ? INT_MAX : (int)online;
#ifdef __linux__
    cpu_set_t allowed;
    if (!sched_getaffinity(0, sizeof allowed, &allowed) && CPU_COUNT(&allowed) > 0)
        cpus = CPU_COUNT(&allowed);
#endif
    const char *text = getenv("OMP_NUM_THREADS");
    char *end = NULL;
    long n = text ? strtol(text, &end, 10) : 0;
    if (end == text || (end && *end && *end != ',' && *end != ' ') || n < 1)
        n = cpus;
    default_threads = n > POOL_MOST_THREADS ? POOL_MOST_THREADS : (int)n;
    pthread_atfork(NULL, NULL, forget_workers);
}

int pool_threads(void)
{
    int n = atomic_load_explicit(&wanted_threads, memory_order_relaxed);
    if (n < 1) {
        pthread_once(&default_once, find_default);
        n = default_threads;
    }
    return n;
}

void pool_set_threads(int n)
{
    atomic_store(&wanted_threads, n < 1 ? 0 : n > POOL_MOST_THREADS ? POOL_MOST_THREADS : n);
}

/* Called by the holder of `taken`. Signals are the program's: no handler of its should run on a worker. */
static void start_workers(int count)
{
    if (count > pool.can_start)
        count = pool.can_start;
    if (pool.started >= count)
        return;
    pthread_once(&default_once, find_default);
    sigset_t every, before;
    sigfillset(&every);
    pthread_sigmask(SIG_SETMASK, &every, &before);
    while (pool.started < count) {
        if (pthread_create(&pool.workers[pool.started], NULL, work, (void *)(uintptr_t)(pool.started + 1))) {
            pool.can_start = pool.started;
            break;
        }
        pool.started++;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

static void run_serially(size_t parts, void (*body)(size_t, void *), void *context)
{
    bool was_inside = inside;
    inside = true;
    for (size_t part = 0; part < parts; part++)
        body(part, context);
    inside = was_inside;
}

void pool_run(size_t parts, void (*body)(size_t part, void *context), void *context)
{
    int threads = parts <= 1 || inside ? 1 : pool_threads();
    if ((size_t)threads > parts)
        threads = (int)parts;
    if (threads <= 1 || parts > UINT32_MAX || atomic_exchange_explicit(&pool.taken, true, memory_order_acquire)) {
        run_serially(parts, body, context);
        return;
    }
    start_workers(threads - 1);
    if (pool.started < threads - 1)
        threads = pool.started + 1;
    atomic_store_explicit(&pool.threads, threads, memory_order_relaxed);
    atomic_store_explicit(&pool.spin, threads <= cpus, memory_order_relaxed);
    if (!++pool.job) {
        for (int range = 0; range < POOL_MOST_THREADS; range++)
            atomic_store_explicit(&pool.ranges[range].taken, 0, memory_order_relaxed);
        pool.job = 1;
    }
    pool.parts = parts;
    pool.body = body;
    pool.context = context;
    unsigned job = atomic_load_explicit(&pool.gate, memory_order_relaxed) / JOB_ONE + 1;
    atomic_store(&pool.gate, job * JOB_ONE | OPEN);
    int sleepers = atomic_load(&pool.sleeping);
    if (sleepers > 0)
        wake(sleepers < threads - 1 ? sleepers : threads - 1);

    inside = true;
    take_parts(0);
    inside = false;

    unsigned gate = atomic_fetch_and_explicit(&pool.gate, ~(unsigned)OPEN, memory_order_acquire);
    for (int pauses = 0; gate & INSIDE_MASK; pauses++) {
        if (pauses < JOIN_PAUSES)
            pause_briefly();
        else
            sched_yield();   /* whoever we wait for may need this very core */
        gate = atomic_load_explicit(&pool.gate, memory_order_acquire);
    }
    atomic_store_explicit(&pool.taken, false, memory_order_release);
}

void pool_shutdown(void)
{
    if (inside)
        return;
    while (atomic_exchange_explicit(&pool.taken, true, memory_order_acquire))
        sched_yield();
    atomic_store(&pool.stop, true);
    atomic_fetch_add(&pool.gate, JOB_ONE);
    wake(INT_MAX);
    for (int i = 0; i < pool.started; i++)
        pthread_join(pool.workers[i], NULL);
    pool.started = 0;
    pool.can_start = POOL_MOST_THREADS - 1;
    atomic_store(&pool.stop, false);
    atomic_store_explicit(&pool.taken, false, memory_order_release);
}
