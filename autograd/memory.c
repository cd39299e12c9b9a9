/* The size-class cache.
 *
 * Up to 1 KiB the classes are multiples of 64 bytes, above it four to a doubling. Blocks of up to SMALL bytes are carved from
 * slabs and kept in lists of the thread that frees them, so that the three blocks of a scalar op cost no lock; larger ones
 * go through one table under a mutex, whose cost vanishes beside the work on them. Under AddressSanitizer, and with
 * COTANGENT_NO_CACHE=1, every block is the system's own, so that the tools see each one's life. */
#define _GNU_SOURCE
#include "internal.h"

#include <pthread.h>
#include <stdlib.h>
#ifdef __linux__
#include <sys/mman.h>
#endif

enum {
    ALIGNMENT = 64,
    SMALL = 4096,
    SMALL_CLASSES = 24,
    CLASSES = 168,
    SLAB = 64 << 10,
    BATCH = 128 << 10,                          /* bytes of a class that move between a thread and the common table at once */
    UNREPORTED = 64 << 10,                      /* bytes by which a thread's balance may be off in the common count */
};
#if defined(__SANITIZE_ADDRESS__)
#define ALWAYS_SYSTEM 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ALWAYS_SYSTEM 1
#endif
#endif
#ifndef ALWAYS_SYSTEM
#define ALWAYS_SYSTEM 0
#endif

struct block {                                  /* a free one */
    struct block *next;                         /* in its batch */
    struct block *next_batch;                   /* of the common table; as `count` only in the first of a batch */
    uint32_t count;
};
struct slab {                                   /* at the head of its SLAB-aligned memory */
    struct slab *next;
    atomic_uint carved;                         /* blocks so far, by the one thread that carves it */
    atomic_bool open;                           /* that thread may carve more */
    uint32_t idle;                              /* counted by a trim, under the lock */
} __attribute__((aligned(ALIGNMENT)));

struct cache {                                  /* of one thread */
    struct {
        struct block *list, *spare;             /* what is given out and taken back; a whole batch in reserve */
        uint32_t count;                         /* in list */
        char *fresh, *fresh_end;
        struct slab *slab;
    } class[SMALL_CLASSES];
    int64_t balance;                            /* bytes taken less bytes given back, not yet in `live` */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct block *common[CLASSES];           /* lists of batches; guarded by lock, as the next two */
static struct slab *slabs;
static size_t common_cached;
static atomic_bool common_has[CLASSES];         /* read without the lock, as a hint that taking it pays */
static atomic_llong live, peak, system_calls;
static atomic_size_t limit = SIZE_MAX;
static atomic_llong fail_after = -1;
static atomic_bool failed_one;

/* ---- Classes -------------------------------------------------------------------------------------------------------------- */
static int class_of(size_t bytes)
{
    if (bytes <= 1024)
        return bytes ? (int)((bytes - 1) / 64) : 0;
    int exponent = 63 - __builtin_clzll(bytes - 1);
    return 16 + (exponent - 10) * 4 + (int)((bytes - 1) >> (exponent - 2) & 3);
}

static size_t class_bytes(int class)
{
    if (class < 16)
        return (size_t)(class + 1) * 64;
    int exponent = 10 + (class - 16) / 4;
    return ((size_t)1 << exponent) + ((size_t)((class - 16) % 4 + 1) << (exponent - 2));
}

/* ---- Failures asked for, and the system's memory ------------------------------------------------------------------------------ */
static bool made_to_fail(void)
{
    if (LIKELY(atomic_load_explicit(&fail_after, memory_order_relaxed) < 0))
        return false;
    if (atomic_fetch_sub(&fail_after, 1) > 0)
        return false;
    atomic_store(&fail_after, 0);
    atomic_store(&failed_one, true);
    return true;
}

void memory_fail_after(int64_t after)
{
    atomic_store(&failed_one, false);
    atomic_store(&fail_after, after);
}

bool memory_failed_one(void)
{
    return atomic_load(&failed_one);
}

int64_t memory_system_allocations(void)
{
    return atomic_load(&system_calls);
}

static void *system_aligned(size_t alignment, size_t bytes)
{
    atomic_fetch_add_explicit(&system_calls, 1, memory_order_relaxed);
    /* Rows of a matrix that lie pages apart would wait for the tables of small pages. */
    enum { HUGE_PAGE = 2 << 20 };
    const bool large = bytes >= HUGE_PAGE;
    void *memory;
    if (posix_memalign(&memory, large ? HUGE_PAGE : alignment, bytes))
        return NULL;
#ifdef MADV_HUGEPAGE
    if (large)
        madvise(memory, bytes, MADV_HUGEPAGE);
#endif
    return memory;
}

static bool without_cache(void)
{
    static atomic_int known;                    /* 0: not yet, 1: cached, 2: without */
    int now = atomic_load_explicit(&known, memory_order_relaxed);
    if (UNLIKELY(!now)) {
        const char *set = getenv("COTANGENT_NO_CACHE");
        now = ALWAYS_SYSTEM || (set && strcmp(set, "1") == 0) ? 2 : 1;
        atomic_store_explicit(&known, now, memory_order_relaxed);
    }
    return now == 2;
}

/* ---- Counting ------------------------------------------------------------------------------------------------------------------- */
static bool count_bytes(int64_t bytes)          /* false: over the limit, and nothing is counted */
{
    long long now = atomic_fetch_add(&live, bytes) + bytes;
    if (bytes <= 0)
        return true;
    if (UNLIKELY(now > 0 && (unsigned long long)now > atomic_load_explicit(&limit, memory_order_relaxed))) {
        atomic_fetch_sub(&live, bytes);
        return false;
    }
    for (long long was = atomic_load(&peak); now > was && !atomic_compare_exchange_weak(&peak, &was, now);)
        ;
    return true;
}

static void report_balance(struct cache *cache) /* what is taken is taken: no limit refuses it here */
{
    long long now = atomic_fetch_add(&live, cache->balance) + cache->balance;
    cache->balance = 0;
    for (long long was = atomic_load(&peak); now > was && !atomic_compare_exchange_weak(&peak, &was, now);)
        ;
}

static bool count_small(struct cache *cache, int64_t bytes)
{
    cache->balance += bytes;
    if (LIKELY(cache->balance < UNREPORTED && cache->balance > -UNREPORTED && atomic_load_explicit(&limit, memory_order_relaxed) == SIZE_MAX))
        return true;
    if (!count_bytes(cache->balance)) {
        cache->balance -= bytes;
        return false;
    }
    cache->balance = 0;
    return true;
}

/* ---- The common table ---------------------------------------------------------------------------------------------------------- */
static struct block *common_take(int class)     /* a batch, or NULL */
{
    pthread_mutex_lock(&lock);
    struct block *b = common[class];
    if (b) {
        common[class] = b->next_batch;
        common_cached -= b->count * class_bytes(class);
        atomic_store_explicit(&common_has[class], common[class] != NULL, memory_order_relaxed);
    }
    pthread_mutex_unlock(&lock);
    return b;
}

static void common_put(int class, struct block *batch, uint32_t count)
{
    if (!batch)
        return;
    pthread_mutex_lock(&lock);
    batch->count = count;
    batch->next_batch = common[class];
    common[class] = batch;
    common_cached += count * class_bytes(class);
    atomic_store_explicit(&common_has[class], true, memory_order_relaxed);
    pthread_mutex_unlock(&lock);
}

static uint32_t batch_count(int class)
{
    return (uint32_t)(BATCH / class_bytes(class));
}

static struct slab *slab_of(void *block)
{
    return (struct slab *)((uintptr_t)block & ~(uintptr_t)(SLAB - 1));
}

static bool is_idle(struct slab *s)
{
    return !atomic_load_explicit(&s->open, memory_order_acquire) && s->idle == atomic_load_explicit(&s->carved, memory_order_relaxed);
}

/* Frees what the common table holds: large blocks, and slabs of which every carved block lies there. */
static void free_common(void)
{
    pthread_mutex_lock(&lock);
    for (int class = SMALL_CLASSES; class < CLASSES; class++)
        for (struct block *b; (b = common[class]);) {
            common[class] = b->next_batch;
            common_cached -= class_bytes(class);
            free(b);
        }
    for (struct slab *s = slabs; s; s = s->next)
        s->idle = 0;
    for (int class = 0; class < SMALL_CLASSES; class++)
        for (struct block *batch = common[class]; batch; batch = batch->next_batch)
            for (struct block *b = batch; b; b = b->next)
                slab_of(b)->idle++;
    for (int class = 0; class < SMALL_CLASSES; class++)
        for (struct block **link = &common[class], *batch; (batch = *link);) {
            struct block *stay = NULL, *next_batch = batch->next_batch;
            uint32_t count = 0;
            common_cached -= batch->count * class_bytes(class);
            for (struct block *b = batch, *next; b; b = next) {
                next = b->next;
                if (!is_idle(slab_of(b)))
                    b->next = stay, stay = b, count++;
            }
            if (stay)
                stay->next_batch = next_batch, stay->count = count;
            common_cached += count * class_bytes(class);
            *link = stay ? stay : next_batch;
            link = stay ? &stay->next_batch : link;
        }
    for (struct slab **link = &slabs; *link;) {
        struct slab *s = *link;
        if (is_idle(s)) {
            *link = s->next;
            free(s);
        } else
            link = &s->next;
    }
    pthread_mutex_unlock(&lock);
}

/* A fork while another thread holds the lock would leave it taken in the child for ever. */
static void before_fork(void)
{
    pthread_mutex_lock(&lock);
}

static void after_fork(void)
{
    pthread_mutex_unlock(&lock);
}

static void mind_forks(void)
{
    pthread_atfork(before_fork, after_fork, after_fork);
}

/* ---- A thread's cache -------------------------------------------------------------------------------------------------------------- */
static struct cache *own_cache(void)
{
    struct cache *cache = thread_state.caches;
    if (UNLIKELY(!cache)) {
        static pthread_once_t once = PTHREAD_ONCE_INIT;
        pthread_once(&once, mind_forks);
        atomic_fetch_add_explicit(&system_calls, 1, memory_order_relaxed);
        cache = thread_state.caches = calloc(1, sizeof *cache);
        if (!thread_state.registered)
            thread_register();
    }
    return cache;
}

static void stop_carving(struct cache *cache, int class)
{
    if (cache->class[class].slab)
        atomic_store_explicit(&cache->class[class].slab->open, false, memory_order_release);
    cache->class[class].slab = NULL;
    cache->class[class].fresh = cache->class[class].fresh_end = NULL;
}

static void *carve(struct cache *cache, int class)
{
    size_t bytes = class_bytes(class);
    if (cache->class[class].fresh == cache->class[class].fresh_end) {
        stop_carving(cache, class);
        struct slab *s = system_aligned(SLAB, SLAB);
        if (!s)
            return NULL;
        atomic_init(&s->carved, 0), atomic_init(&s->open, true);
        cache->class[class].slab = s;
        pthread_mutex_lock(&lock);
        s->next = slabs, slabs = s;
        pthread_mutex_unlock(&lock);
        cache->class[class].fresh = (char *)(s + 1);
        cache->class[class].fresh_end = (char *)(s + 1) + (SLAB - sizeof *s) / bytes * bytes;
    }
    void *block = cache->class[class].fresh;
    cache->class[class].fresh += bytes;
    struct slab *s = cache->class[class].slab;
    atomic_store_explicit(&s->carved, atomic_load_explicit(&s->carved, memory_order_relaxed) + 1, memory_order_relaxed);
    return block;
}

static void *small_get(int class)
{
    struct cache *cache = own_cache();
    if (!cache || !count_small(cache, (int64_t)class_bytes(class)))
        return NULL;
    struct block *b = cache->class[class].list;
    if (UNLIKELY(!b)) {
        if ((b = cache->class[class].spare)) {
            cache->class[class].spare = NULL;
            cache->class[class].count = batch_count(class);
        } else if (atomic_load_explicit(&common_has[class], memory_order_relaxed) && (b = common_take(class)))
            cache->class[class].count = b->count;
        else {
            void *block = carve(cache, class);
            if (!block)
                count_small(cache, -(int64_t)class_bytes(class));
            return block;
        }
    }
    cache->class[class].list = b->next;
    cache->class[class].count--;
    __builtin_prefetch(b->next, 1);             /* a long list has left the caches, and the next call will want it */
    return b;
}

static void small_put(void *block, int class)
{
    struct cache *cache = own_cache();
    struct block *b = block;
    if (!cache) {
        b->next = NULL;
        count_bytes(-(int64_t)class_bytes(class));
        common_put(class, b, 1);
        return;
    }
    count_small(cache, -(int64_t)class_bytes(class));
    b->next = cache->class[class].list;
    cache->class[class].list = b;
    if (UNLIKELY(++cache->class[class].count == batch_count(class))) {
        common_put(class, cache->class[class].spare, batch_count(class));
        cache->class[class].spare = b;
        cache->class[class].list = NULL, cache->class[class].count = 0;
    }
}

static void give_up_lists(struct cache *cache)
{
    for (int class = 0; class < SMALL_CLASSES; class++) {
        common_put(class, cache->class[class].list, cache->class[class].count);
        common_put(class, cache->class[class].spare, batch_count(class));
        cache->class[class].list = cache->class[class].spare = NULL, cache->class[class].count = 0;
        stop_carving(cache, class);
    }
}

/* ---- The interface --------------------------------------------------------------------------------------------------------------------- */
void *memory_get(size_t bytes)
{
    if (made_to_fail() || UNLIKELY(bytes > (size_t)1 << 46))
        return NULL;
    int class = class_of(bytes);
    if (UNLIKELY(without_cache())) {
        size_t rounded = (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
        if (!count_bytes((int64_t)class_bytes(class)))
            return NULL;
        void *block = system_aligned(ALIGNMENT, rounded ? rounded : ALIGNMENT);
        if (!block)
            count_bytes(-(int64_t)class_bytes(class));
        return block;
    }
    if (class < SMALL_CLASSES)
        return small_get(class);
    if (!count_bytes((int64_t)class_bytes(class)))
        return NULL;
    void *block = common_take(class);
    if (!block && !(block = system_aligned(ALIGNMENT, class_bytes(class)))) {
        free_common();                          /* what lies idle in other classes may be enough */
        block = system_aligned(ALIGNMENT, class_bytes(class));
    }
    if (!block)
        count_bytes(-(int64_t)class_bytes(class));
    return block;
}

void memory_put(void *buffer, size_t bytes)
{
    if (!buffer)
        return;
    int class = class_of(bytes);
    if (UNLIKELY(without_cache())) {
        count_bytes(-(int64_t)class_bytes(class));
        free(buffer);
    } else if (class < SMALL_CLASSES)
        small_put(buffer, class);
    else {
        count_bytes(-(int64_t)class_bytes(class));
        ((struct block *)buffer)->next = NULL;
        common_put(class, buffer, 1);
    }
}

void memory_thread_end(void)
{
    struct cache *cache = thread_state.caches;
    if (!cache)
        return;
    thread_state.caches = NULL;
    report_balance(cache);
    give_up_lists(cache);
    free(cache);
}

ct_memory_info ct_memory(void)
{
    ct_memory_info info = {.limit = atomic_load(&limit)};
    struct cache *cache = thread_state.caches;
    if (cache) {
        report_balance(cache);
        for (int class = 0; class < SMALL_CLASSES; class++)
            info.cached += (cache->class[class].count + (cache->class[class].spare ? batch_count(class) : 0)) * class_bytes(class);
    }
    pthread_mutex_lock(&lock);
    info.cached += common_cached;
    pthread_mutex_unlock(&lock);
    info.live = (size_t)atomic_load(&live);
    info.peak = (size_t)atomic_load(&peak);
    return info;
}

void ct_memory_reset_peak(void)
{
    atomic_store(&peak, (long long)ct_memory().live);
}

void ct_memory_set_limit(size_t bytes)
{
    atomic_store(&limit, bytes);
}

void ct_memory_trim(void)
{
    struct cache *cache = thread_state.caches;
    if (cache)
        give_up_lists(cache);
    free_common();
}

/* ---- The heap --------------------------------------------------------------------------------------------------------------------------- */
void *heap_alloc(size_t bytes)
{
    return heap_resize(NULL, bytes);
}

void *heap_zeroed(size_t count, size_t bytes)
{
    if (made_to_fail())
        return NULL;
    atomic_fetch_add_explicit(&system_calls, 1, memory_order_relaxed);
    return calloc(count ? count : 1, bytes ? bytes : 1);
}

void *heap_resize(void *block, size_t bytes)
{
    if (made_to_fail())
        return NULL;
    atomic_fetch_add_explicit(&system_calls, 1, memory_order_relaxed);
    return realloc(block, bytes ? bytes : 1);
}

void heap_free(void *block)
{
    free(block);
}

char *heap_copy_text(const char *text)
{
    size_t bytes = strlen(text) + 1;
    char *copy = heap_alloc(bytes);
    return copy ? memcpy(copy, text, bytes) : NULL;
}
