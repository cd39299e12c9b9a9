/* Radix sorting by 8 bits at a time, over the bits in which the keys of a row differ. Items whose differing bits and place fit into
 * 64 bits go packed. A long row is counted and moved in blocks, each of which knows where its items of every digit begin. Of the first
 * k, a partition by the leading differing bits leaves one bucket to be sorted in doubt; a few of many are kept in a short list. */
#include "sort.h"

#include <string.h>

#include "pool.h"

enum { CHUNK = 256, DIGITS = 256, LEADING = 11, BUCKETS = 1 << LEADING, FEW = 32, SHORT = 64 };

/* ---- Keys --------------------------------------------------------------------------------------------------------------- */
static inline uint64_t key_f32(float x)
{
    const float v = x + 0.0f;                   /* -0 becomes 0 */
    uint32_t bits;
    memcpy(&bits, &v, sizeof bits);
    return v != v ? UINT32_MAX : bits ^ ((uint32_t)-(int32_t)(bits >> 31) | 1u << 31);
}

static inline uint64_t key_f64(double x)
{
    const double v = x + 0.0;
    uint64_t bits;
    memcpy(&bits, &v, sizeof bits);
    return v != v ? UINT64_MAX : bits ^ (-(bits >> 63) | (uint64_t)1 << 63);
}

static inline uint64_t key_i64(int64_t x)
{
    return (uint64_t)x ^ (uint64_t)1 << 63;
}

static inline uint64_t key_bool(uint8_t x)
{
    return x;
}

#define KEYS(T, suffix)                                                                                                  \
    static void keys_##suffix(uint64_t *restrict key, const void *from, size_t first, size_t n, uint64_t flip)           \
    {                                                                                                                    \
        const T *restrict x = (const T *)from + first;                                                                   \
        for (size_t i = 0; i < n; i++)                                                                                   \
            key[i] = key_##suffix(x[i]) ^ flip;                                                                          \
    }
KEYS(float, f32)
KEYS(double, f64)
KEYS(int64_t, i64)
KEYS(uint8_t, bool)

static void load_keys(uint64_t *key, const struct sort_row *row, size_t first, size_t n)
{
    static void (*const load[DTYPES])(uint64_t *, const void *, size_t, size_t, uint64_t) = {keys_f32, keys_f64, keys_i64, keys_bool};
    load[row->dtype](key, row->x, first, n, row->descending ? UINT64_MAX : 0);
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* The elements of part p, in chunks whose keys are in key[0..count), those of elements from on. */
#define FOR_CHUNKS(row, p)                                                                                               \
    uint64_t key[CHUNK];                                                                                                 \
    const size_t end_ = least((row)->n, ((p) + 1) * SORT_BLOCK);                                                         \
    for (size_t from = (p) * SORT_BLOCK, count;                                                                          \
         from < end_ && (count = least(end_ - from, CHUNK), load_keys(key, row, from, count), true); from += count)

/* ---- A row at work ------------------------------------------------------------------------------------------------------- */
struct wide { uint64_t key, place; };
struct job {
    struct sort_row row;
    size_t blocks, nans, n;                     /* n: items at work */
    bool packed;                                /* an item is key << 32 | place */
    uint64_t differs;                           /* the bits in which keys do */
    unsigned shift;                             /* of the digit, or of the leading bits */
    uint64_t bucket;                            /* the one in doubt */
    void *items, *spare;
    size_t *counts;                             /* a block's in a row: of digits, of buckets, or which bits are set in any key, in all, and NaNs */
    int64_t *places;
};

static size_t blocks_of(size_t n)
{
    return n ? (n - 1) / SORT_BLOCK + 1 : 0;
}

size_t sort_room(size_t n)
{
    return n * 2 * sizeof(struct wide) + (blocks_of(n) + 1) * BUCKETS * sizeof(size_t);
}

static void survey(size_t part, void *context)
{
    struct job *j = context;
    const uint64_t nan = (j->row.dtype == F32 ? UINT32_MAX : UINT64_MAX) ^ (j->row.descending ? UINT64_MAX : 0);
    uint64_t any = 0, all = UINT64_MAX, nans = 0;
    FOR_CHUNKS(&j->row, part)
        for (size_t i = 0; i < count; i++)
            any |= key[i], all &= key[i], nans += key[i] == nan;
    size_t *found = j->counts + 3 * part;
    found[0] = any, found[1] = all, found[2] = j->row.dtype < FLOATS ? nans : 0;
}

static struct job job_of(struct sort_row row, void *work)
{
    struct job j = {.row = row, .blocks = blocks_of(row.n), .n = row.n, .counts = work};
    j.items = j.counts + (j.blocks + 1) * BUCKETS;
    j.spare = (struct wide *)j.items + row.n;
    pool_run(j.blocks, survey, &j);
    uint64_t any = 0, all = UINT64_MAX;
    for (size_t b = 0; b < j.blocks; b++)
        any |= j.counts[3 * b], all &= j.counts[3 * b + 1], j.nans += j.counts[3 * b + 2];
    j.differs = row.n ? any ^ all : 0;
    j.packed = !(j.differs >> 32) && row.n <= UINT32_MAX;
    return j;
}

/* ---- Sorting items -------------------------------------------------------------------------------------------------------- */
#define RADIX(name, ITEM, KEY)                                                                                           \
    static void fill_##name(size_t part, void *context)                                                                  \
    {                                                                                                                    \
        struct job *j = context;                                                                                         \
        ITEM *items = j->items;                                                                                          \
        FOR_CHUNKS(&j->row, part)                                                                                        \
            for (size_t i = 0; i < count; i++)                                                                           \
                items[from + i] = item_##name(key[i], from + i);                                                         \
    }                                                                                                                    \
    static void count_##name(size_t part, void *context)                                                                 \
    {                                                                                                                    \
        struct job *j = context;                                                                                         \
        const ITEM *items = j->items;                                                                                    \
        size_t *counts = memset(j->counts + part * DIGITS, 0, DIGITS * sizeof *counts);                                  \
        for (size_t i = part * SORT_BLOCK, end = least(j->n, i + SORT_BLOCK); i < end; i++)                              \
            counts[KEY(items[i]) >> j->shift & (DIGITS - 1)]++;                                                          \
    }                                                                                                                    \
    static void move_##name(size_t part, void *context)                                                                  \
    {                                                                                                                    \
        struct job *j = context;                                                                                         \
        const ITEM *items = j->items;                                                                                    \
        ITEM *to = j->spare;                                                                                             \
        size_t *starts = j->counts + part * DIGITS;                                                                      \
        for (size_t i = part * SORT_BLOCK, end = least(j->n, i + SORT_BLOCK); i < end; i++)                              \
            to[starts[KEY(items[i]) >> j->shift & (DIGITS - 1)]++] = items[i];                                           \
    }                                                                                                                    \
    static void insertion_sort_##name(ITEM *items, size_t n)                                                             \
    {                                                                                                                    \
        for (size_t i = 1; i < n; i++) {                                                                                 \
            const ITEM moving = items[i];                                                                                \
            size_t to = i;                                                                                               \
            for (; to > 0 && KEY(items[to - 1]) > KEY(moving); to--)                                                     \
                items[to] = items[to - 1];                                                                               \
            items[to] = moving;                                                                                          \
        }                                                                                                                \
    }                                                                                                                    \
    static void collect_##name(size_t part, void *context) /* buckets before the one in doubt, and behind them that one */ \
    {                                                                                                                    \
        struct job *j = context;                                                                                         \
        ITEM *items = j->items;                                                                                          \
        size_t before = j->counts[part * BUCKETS], equal = j->counts[part * BUCKETS + 1];                                \
        FOR_CHUNKS(&j->row, part)                                                                                        \
            for (size_t i = 0; i < count; i++) {                                                                         \
                const uint64_t bucket = (key[i] & j->differs) >> j->shift;                                               \
                if (bucket <= j->bucket)                                                                                 \
                    items[bucket < j->bucket ? before++ : equal++] = item_##name(key[i], from + i);                      \
            }                                                                                                            \
    }                                                                                                                    \
    static void places_##name(size_t part, void *context)                                                                \
    {                                                                                                                    \
        const struct job *j = context;                                                                                   \
        const ITEM *items = j->items;                                                                                    \
        for (size_t i = part * SORT_BLOCK, end = least(j->n, i + SORT_BLOCK); i < end; i++)                              \
            j->places[i] = (int64_t)PLACE_##name(items[i]);                                                              \
    }
#define KEY_packed(item) ((item) >> 32)
#define KEY_wide(item) ((item).key)
#define PLACE_packed(item) ((uint32_t)(item))
#define PLACE_wide(item) ((item).place)

static inline uint64_t item_packed(uint64_t key, size_t place)
{
    return key << 32 | place;
}

static inline struct wide item_wide(uint64_t key, size_t place)
{
    return (struct wide){key, place};
}
RADIX(packed, uint64_t, KEY_packed)
RADIX(wide, struct wide, KEY_wide)

/* Counts of digits, block by block, become the places where each block's items of a digit begin. */
static void counts_to_starts(size_t *counts, size_t blocks)
{
    size_t start = 0;
    for (size_t d = 0; d < DIGITS; d++)
        for (size_t b = 0; b < blocks; b++) {
            const size_t count = counts[b * DIGITS + d];
            counts[b * DIGITS + d] = start;
            start += count;
        }
}

static void sort_items(struct job *j)           /* the n of them; where they lie, j->items says */
{
    if (j->n <= SHORT) {
        if (j->packed)
            insertion_sort_packed(j->items, j->n);
        else
            insertion_sort_wide(j->items, j->n);
        return;
    }
    const size_t blocks = blocks_of(j->n);
    for (j->shift = 0; j->shift < 64; j->shift += 8) {
        if (!(j->differs >> j->shift & (DIGITS - 1)))
            continue;
        pool_run(blocks, j->packed ? count_packed : count_wide, j);
        counts_to_starts(j->counts, blocks);
        pool_run(blocks, j->packed ? move_packed : move_wide, j);
        void *sorted = j->spare;
        j->spare = j->items, j->items = sorted;
    }
}

static int64_t place_at(const struct job *j, size_t i)
{
    return j->packed ? (int64_t)PLACE_packed(((const uint64_t *)j->items)[i]) : (int64_t)PLACE_wide(((const struct wide *)j->items)[i]);
}

static void sort_all(struct job *j)
{
    pool_run(j->blocks, j->packed ? fill_packed : fill_wide, j);
    sort_items(j);
}

/* ---- The first k ------------------------------------------------------------------------------------------------------------ */
static void count_buckets(size_t part, void *context)
{
    struct job *j = context;
    size_t *counts = memset(j->counts + part * BUCKETS, 0, BUCKETS * sizeof *counts);
    FOR_CHUNKS(&j->row, part)
        for (size_t i = 0; i < count; i++)
            counts[(key[i] & j->differs) >> j->shift]++;
}

/* Items of the buckets before that of sorted element k, then those of its own: how many before, and in own. */
static size_t partition(struct job *j, size_t k, size_t *own)
{
    const unsigned width = j->differs ? 64 - (unsigned)__builtin_clzll(j->differs) : 0;
    j->shift = width > LEADING ? width - LEADING : 0;
    pool_run(j->blocks, count_buckets, j);
    size_t before = 0, bucket = 0, in = 0;
    for (;; bucket++, before += in) {
        in = 0;
        for (size_t b = 0; b < j->blocks; b++)
            in += j->counts[b * BUCKETS + bucket];
        if (k < before + in)
            break;
    }
    size_t lower = 0, equal = before;
    for (size_t b = 0; b < j->blocks; b++) {
        size_t *counts = j->counts + b * BUCKETS, lower_here = 0, equal_here = counts[bucket];
        for (size_t i = 0; i < bucket; i++)
            lower_here += counts[i];
        counts[0] = lower, counts[1] = equal;
        lower += lower_here, equal += equal_here;
    }
    j->bucket = bucket;
    pool_run(j->blocks, j->packed ? collect_packed : collect_wide, j);
    *own = in;
    return before;
}

static void sort_stretch(struct job *j, size_t first, size_t n)
{
    const size_t item = j->packed ? sizeof(uint64_t) : sizeof(struct wide);
    j->items = (char *)j->items + first * item, j->spare = (char *)j->spare + first * item;
    j->n = n;
    sort_items(j);
}

int64_t sort_middle(struct sort_row row, void *work)
{
    struct job j = job_of(row, work);
    const size_t k = j.nans ? row.n - j.nans : (row.n - 1) / 2;
    if (row.n <= SHORT) {
        sort_all(&j);
        return place_at(&j, k);
    }
    size_t own, before = partition(&j, k, &own);
    sort_stretch(&j, before, own);
    return place_at(&j, k - before);
}

/* The k smallest keys of part p with their places, sorted, in the list of that part. What is not below the last of them is passed over
 * a chunk at a time. */
struct few { struct wide *lists; size_t k; const struct sort_row *row; };

static size_t keep(struct wide *list, size_t kept, size_t k, struct wide item)
{
    size_t to = kept < k ? kept : k - 1;
    for (; to > 0 && list[to - 1].key > item.key; to--)
        list[to] = list[to - 1];
    list[to] = item;
    return kept < k ? kept + 1 : k;
}

static void few_of_block(size_t part, void *context)
{
    const struct few *f = context;
    struct wide *list = f->lists + part * f->k;
    size_t kept = 0;
    FOR_CHUNKS(f->row, part) {
        const uint64_t bar = kept == f->k ? list[kept - 1].key : UINT64_MAX;
        bool below = kept < f->k;
        for (size_t i = 0; i < count; i++)
            below |= key[i] < bar;
        for (size_t i = 0; i < count && below; i++)
            if (kept < f->k || key[i] < list[kept - 1].key)
                kept = keep(list, kept, f->k, (struct wide){key[i], from + i});
    }
}

static void few_first(int64_t *places, struct sort_row row, size_t k, void *work)
{
    struct few f = {work, k, &row};
    struct wide best[FEW];
    size_t kept = 0;
    pool_run(blocks_of(row.n), few_of_block, &f);
    for (size_t b = 0; b < blocks_of(row.n); b++)
        for (size_t i = 0; i < least(k, row.n - b * SORT_BLOCK); i++)
            if (kept < k || f.lists[b * k + i].key < best[kept - 1].key)
                kept = keep(best, kept, k, f.lists[b * k + i]);
    for (size_t i = 0; i < k; i++)
        places[i] = (int64_t)best[i].place;
}

void sort_places(int64_t *places, struct sort_row row, size_t k, void *work)
{
    if (k <= FEW && k < row.n / 2) {
        if (k)
            few_first(places, row, k, work);
        return;
    }
    struct job j = job_of(row, work);
    if (k > row.n / 2 || row.n <= SHORT)
        sort_all(&j);
    else {
        size_t own, before = partition(&j, k - 1, &own);
        struct job doubt = j;
        sort_stretch(&doubt, before, own);
        for (size_t i = before; i < k; i++)
            places[i] = place_at(&doubt, i - before);
        j.n = k = before;
        sort_items(&j);
    }
    j.places = places, j.n = k;
    pool_run(blocks_of(k), j.packed ? places_packed : places_wide, &j);
}

/* ---- Runs of equal values ------------------------------------------------------------------------------------------------------ */
size_t sort_runs(int64_t *first, int64_t *count, int64_t *run, struct sort_row row, void *work)
{
    struct job j = job_of(row, work);
    size_t runs = 0;
    uint64_t last = 0;
    sort_all(&j);
    for (size_t i = 0; i < row.n; i++) {
        const int64_t place = place_at(&j, i);
        const uint64_t key = j.packed ? KEY_packed(((const uint64_t *)j.items)[i]) : KEY_wide(((const struct wide *)j.items)[i]);
        if (!i || key != last || i >= row.n - j.nans)
            first[runs] = place, count[runs++] = 0;
        count[runs - 1]++;
        if (run)
            run[place] = (int64_t)runs - 1;
        last = key;
    }
    return runs;
}

/* ---- Search: the same number of halvings for every value, so that several run side by side without a branch ---------------------- */
#define SEARCH(T, suffix)                                                                                                \
    static inline bool passes_##suffix(T x, T v, bool right) /* x stands before v's place */                             \
    {                                                                                                                    \
        return right ? !(x > v) : !(x >= v);                                                                             \
    }                                                                                                                    \
    static void search_##suffix(int64_t *places, const void *sorted, size_t n, const void *values, size_t m, bool right) \
    {                                                                                                                    \
        enum { TOGETHER = 8 };                                                                                           \
        const T *x = sorted, *v = values;                                                                                \
        for (size_t from = 0; from < m; from += TOGETHER) {                                                              \
            const size_t count = least(m - from, TOGETHER);                                                              \
            const T *at[TOGETHER];                                                                                       \
            T wanted[TOGETHER] = {0};                                                                                    \
            for (size_t i = 0; i < TOGETHER; i++)                                                                        \
                at[i] = x, wanted[i] = v[from + least(i, count - 1)];                                                    \
            size_t rest = n;                                                                                             \
            for (; rest > 1; rest -= rest / 2)                                                                           \
                for (size_t i = 0; i < TOGETHER; i++)                                                                    \
                    at[i] += passes_##suffix(at[i][rest / 2 - 1], wanted[i], right) ? rest / 2 : 0;                      \
            for (size_t i = 0; i < count; i++)                                                                           \
                places[from + i] = at[i] - x + (n && passes_##suffix(*at[i], wanted[i], right));                         \
        }                                                                                                                \
    }
SEARCH(float, f32)
SEARCH(double, f64)
SEARCH(int64_t, i64)
void (*const sort_search[3])(int64_t *, const void *, size_t, const void *, size_t, bool) = {search_f32, search_f64, search_i64};
