/* Keys and merges. */
#include "sort.h"

#include <math.h>
#include <string.h>

static inline uint64_t key_of(const void *x, size_t i, int dtype)
{
    switch (dtype) {
    case F32: {
        const float v = ((const float *)x)[i] + 0.0f; /* -0 becomes 0 */
        uint32_t bits;
        memcpy(&bits, &v, sizeof bits);
        return isnan(v) ? UINT32_MAX : bits >> 31 ? (uint32_t)~bits : bits | 1u << 31;
    }
    case F64: {
        const double v = ((const double *)x)[i] + 0.0;
        uint64_t bits;
        memcpy(&bits, &v, sizeof bits);
        return isnan(v) ? UINT64_MAX : bits >> 63 ? ~bits : bits | (uint64_t)1 << 63;
    }
    case I64:
        return (uint64_t)((const int64_t *)x)[i] ^ (uint64_t)1 << 63;
    default:
        return ((const uint8_t *)x)[i];
    }
}

static inline struct sort_item item_of(const void *x, size_t i, int dtype, bool descending)
{
    const uint64_t key = key_of(x, i, dtype);
    return (struct sort_item){descending ? ~key : key, (int64_t)i};
}

void sort_fill(struct sort_item *items, const void *x, size_t n, int dtype, bool descending)
{
    for (size_t i = 0; i < n; i++)
        items[i] = item_of(x, i, dtype, descending);
}

static void insertion_sort(struct sort_item *items, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        const struct sort_item moving = items[i];
        size_t to = i;
        for (; to > 0 && items[to - 1].key > moving.key; to--)
            items[to] = items[to - 1];
        items[to] = moving;
    }
}

static void merge(struct sort_item *out, const struct sort_item *a, size_t m, const struct sort_item *b, size_t n)
{
    const struct sort_item *a_end = a + m, *b_end = b + n;
    while (a < a_end && b < b_end) {
        const bool second = b->key < a->key;    /* chosen without a branch, which would be mispredicted every other time */
        const struct sort_item *from = second ? b : a;
        *out++ = *from;
        a += !second, b += second;
    }
    memcpy(out, a, (size_t)(a_end - a) * sizeof *out);
    memcpy(out + (a_end - a), b, (size_t)(b_end - b) * sizeof *out);
}

struct sort_item *sort_items(struct sort_item *items, struct sort_item *spare, size_t n)
{
    enum { RUN = 16 };
    for (size_t from = 0; from < n; from += RUN)
        insertion_sort(items + from, n - from < RUN ? n - from : RUN);
    for (size_t run = RUN; run < n; run *= 2) {
        for (size_t from = 0; from < n; from += 2 * run) {
            const size_t left = n - from < run ? n - from : run, rest = n - from - left, right = rest < run ? rest : run;
            merge(spare + from, items + from, left, items + from + left, right);
        }
        struct sort_item *sorted = spare;
        spare = items, items = sorted;
    }
    return items;
}

struct sort_item *sort_first(struct sort_item *items, struct sort_item *spare, const void *x, size_t n, size_t k, int dtype, bool descending)
{
    const size_t room = n / 2 < k ? n : 2 * k;
    size_t count = 0;
    uint64_t bar = UINT64_MAX;                  /* once k are known, only a key below the last of them is of interest */
    bool full = false;
    for (size_t i = 0; i < n && room; i++) {
        const struct sort_item item = item_of(x, i, dtype, descending);
        if (full && item.key >= bar)
            continue;
        items[count++] = item;
        if (count < room || i + 1 == n)
            continue;
        struct sort_item *sorted = sort_items(items, spare, count);
        spare = sorted == items ? spare : items, items = sorted;
        count = k, bar = k ? items[k - 1].key : 0, full = true;
    }
    return sort_items(items, spare, count);
}

#define SEARCH(T, suffix)                                                                                                \
    static size_t search_##suffix(const void *sorted, size_t n, const void *value, bool right)                           \
    {                                                                                                                    \
        const T *x = sorted, v = *(const T *)value;                                                                      \
        size_t low = 0, high = n;                                                                                        \
        while (low < high) {                                                                                             \
            const size_t middle = low + (high - low) / 2;                                                                \
            if (right ? x[middle] > v : x[middle] >= v)                                                                  \
                high = middle;                                                                                           \
            else                                                                                                         \
                low = middle + 1;                                                                                        \
        }                                                                                                                \
        return low;                                                                                                      \
    }
SEARCH(float, f32)
SEARCH(double, f64)
SEARCH(int64_t, i64)
size_t (*const sort_search[3])(const void *sorted, size_t n, const void *v, bool right) = {search_f32, search_f64, search_i64};
