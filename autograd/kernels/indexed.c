/* Reads and stores through an index. The axes beside the indexed one become rows, but for the one that lies closest
 * together in the table: runs along it are the inner loop, and where they share one index value (rows of an embedding) that
 * is looked up once. Threads share rows and pieces of runs; all that is stored at one place belongs to one part. */
#include "indexed.h"

#include <stdatomic.h>
#include <string.h>

#include "pool.h"

struct steps { ptrdiff_t along, run; };
struct block {                                  /* of the inner two loops: count values of the index, runs of length */
    int64_t count, length;
    struct steps table, index, other;
};
typedef void walk(char *table, const int64_t *index, char *other, const struct block *b);

typedef uint32_t __attribute__((may_alias)) word;
typedef uint64_t __attribute__((may_alias)) long_word;

#define WALK(name, T, APPLY, RUN)                                                                                        \
    static void name(char *table_bytes, const int64_t *index, char *other_bytes, const struct block *b)                  \
    {                                                                                                                    \
        T *table = (T *)(void *)table_bytes, *other = (T *)(void *)other_bytes;                                          \
        const struct steps t = b->table, i = b->index, o = b->other;                                                     \
        if (b->length == 1 && t.along == 1 && i.along == 1 && o.along == 1)                                              \
            for (int64_t k = 0; k < b->count; k++)                                                                       \
                APPLY(table[index[k]], other[k]);                                                                        \
        else                                                                                                             \
            for (int64_t k = 0; k < b->count && b->length == 1; k++)                                                     \
                APPLY(table[index[k * i.along] * t.along], other[k * o.along]);                                          \
        for (int64_t k = 0; k < b->count && b->length > 1; k++, index += i.along, other += o.along) {                    \
            T *row = table + *index * t.along;                                                                           \
            if (i.run == 1 && t.run == 1 && o.run == 1)                                                                  \
                for (int64_t j = 0; j < b->length; j++)                                                                  \
                    APPLY(table[index[j] * t.along + j], other[j]);                                                      \
            else if (i.run)                                                                                              \
                for (int64_t j = 0; j < b->length; j++)                                                                  \
                    APPLY(table[index[j * i.run] * t.along + j * t.run], other[j * o.run]);                              \
            else if (t.run == 1 && o.run == 1)                                                                           \
                RUN(APPLY, row, other, b->length)                                                                        \
            else                                                                                                         \
                for (int64_t j = 0; j < b->length; j++)                                                                  \
                    APPLY(row[j * t.run], other[j * o.run]);                                                             \
        }                                                                                                                \
    }
#define READ(t, o) ((o) = (t))
#define WRITE(t, o) ((t) = (o))
#define TAKE(t, o) ((o) = (t), (t) = 0)
#define ADD(t, o) ((t) += (o))
#define OR(t, o) ((t) |= (o))
#define MULTIPLY(t, o) ((t) *= (o))
#define AND(t, o) ((t) &= (o))
#define LARGEST(t, o) ((t) = (o) != (o) || (o) > (t) ? (o) : (t)) /* a NaN wins, and stays */
#define SMALLEST(t, o) ((t) = (o) != (o) || (o) < (t) ? (o) : (t))
#define EACH(APPLY, t, o, n)                                                                                             \
    for (int64_t j = 0; j < (n); j++)                                                                                    \
        APPLY((t)[j], (o)[j]);
#define COPY_OUT(APPLY, t, o, n) memcpy(o, t, (size_t)(n) * sizeof *(t));
#define COPY_IN(APPLY, t, o, n) memcpy(t, o, (size_t)(n) * sizeof *(t));
WALK(read_1, uint8_t, READ, COPY_OUT)
WALK(read_4, word, READ, COPY_OUT)
WALK(read_8, long_word, READ, COPY_OUT)
WALK(write_1, uint8_t, WRITE, COPY_IN)
WALK(write_4, word, WRITE, COPY_IN)
WALK(write_8, long_word, WRITE, COPY_IN)
WALK(take_1, uint8_t, TAKE, EACH)
WALK(take_4, word, TAKE, EACH)
WALK(take_8, long_word, TAKE, EACH)
WALK(add_f32, float, ADD, EACH)
WALK(add_f64, double, ADD, EACH)
WALK(add_i64, uint64_t, ADD, EACH)              /* unsigned: integers wrap */
WALK(add_bool, uint8_t, OR, EACH)
WALK(multiply_f32, float, MULTIPLY, EACH)
WALK(multiply_f64, double, MULTIPLY, EACH)
WALK(multiply_i64, uint64_t, MULTIPLY, EACH)
WALK(multiply_bool, uint8_t, AND, EACH)
WALK(largest_f32, float, LARGEST, EACH)
WALK(largest_f64, double, LARGEST, EACH)
WALK(largest_i64, int64_t, LARGEST, EACH)
WALK(largest_bool, uint8_t, LARGEST, EACH)
WALK(smallest_f32, float, SMALLEST, EACH)
WALK(smallest_f64, double, SMALLEST, EACH)
WALK(smallest_i64, int64_t, SMALLEST, EACH)
WALK(smallest_bool, uint8_t, SMALLEST, EACH)

static walk *const walks[][DTYPES] = {
    [INDEXED_READ] = {read_4, read_8, read_8, read_1},
    [INDEXED_WRITE] = {write_4, write_8, write_8, write_1},
    [INDEXED_TAKE] = {take_4, take_8, take_8, take_1},
    [INDEXED_ADD] = {add_f32, add_f64, add_i64, add_bool},
    [INDEXED_MULTIPLY] = {multiply_f32, multiply_f64, multiply_i64, multiply_bool},
    [INDEXED_LARGEST] = {largest_f32, largest_f64, largest_i64, largest_bool},
    [INDEXED_SMALLEST] = {smallest_f32, smallest_f64, smallest_i64, smallest_bool},
};

struct axis { int64_t size; ptrdiff_t table, index, other; };
struct job {
    walk *run;
    bool check;
    int64_t size;
    atomic_bool outside;
    char *table, *other;
    const int64_t *index;
    ptrdiff_t item;
    struct block whole;
    struct axis outer[LOOP_RANK];
    size_t axes;
    int64_t rows, rows_per_part, count_per_part, length_per_part, count_parts, length_parts;
};

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* The signs of each index's distances to the bounds: vector code everywhere, as a comparison is not. */
static bool all_within(const int64_t *v, int64_t n, ptrdiff_t step, int64_t low, int64_t high)
{
    uint64_t signs = 0;
    if (step == 1)
        for (int64_t i = 0; i < n; i++)
            signs |= ((uint64_t)v[i] - (uint64_t)low) | ((uint64_t)high - 1 - (uint64_t)v[i]);
    else
        for (int64_t i = 0; i < n; i++)
            signs |= ((uint64_t)v[i * step] - (uint64_t)low) | ((uint64_t)high - 1 - (uint64_t)v[i * step]);
    return !(signs >> 63);
}

static bool block_within(const int64_t *index, const struct block *b, int64_t size)
{
    const int64_t length = b->index.run ? b->length : 1;
    if (length == 1)
        return all_within(index, b->count, b->index.along, 0, size);
    bool within = true;
    for (int64_t k = 0; k < b->count; k++)
        within &= all_within(index + k * b->index.along, length, b->index.run, 0, size);
    return within;
}

static void run_part(size_t part, void *context)
{
    struct job *j = context;
    const int64_t from = (int64_t)part % j->length_parts * j->length_per_part;
    const int64_t first = (int64_t)part / j->length_parts % j->count_parts * j->count_per_part;
    const int64_t row = (int64_t)part / j->length_parts / j->count_parts * j->rows_per_part;
    struct block b = j->whole;
    b.count = least(b.count - first, j->count_per_part);
    b.length = least(b.length - from, j->length_per_part);
    for (int64_t r = row; r < row + j->rows_per_part && r < j->rows; r++) {
        ptrdiff_t table = from * b.table.run, index = first * b.index.along + from * b.index.run;
        ptrdiff_t other = first * b.other.along + from * b.other.run;
        int64_t rest = r;
        for (size_t i = j->axes; i-- > 0; rest /= j->outer[i].size) {
            const struct axis *a = &j->outer[i];
            const int64_t at = rest % a->size;
            table += at * a->table, index += at * a->index, other += at * a->other;
        }
        if (!j->check || block_within(j->index + index, &b, j->size))
            j->run(j->table + table * j->item, j->index + index, j->other + other * j->item, &b);
        else
            atomic_store_explicit(&j->outside, true, memory_order_relaxed);
    }
}

static ptrdiff_t span(ptrdiff_t step)
{
    return step < 0 ? -step : step;
}

/* The axes beside the indexed one: neighbours that continue each other in all three operands as one. */
static void gather_axes(struct job *j, const struct indexed *w)
{
    for (size_t i = 0; i < w->rank; i++) {
        const struct axis a = {w->sizes[i], w->table_steps[i], w->index_steps[i], w->other_steps[i]};
        struct axis *last = j->axes ? &j->outer[j->axes - 1] : NULL;
        if (i == w->axis || a.size == 1)
            continue;
        if (last && last->table == a.table * a.size && last->index == a.index * a.size && last->other == a.other * a.size)
            *last = (struct axis){last->size * a.size, a.table, a.index, a.other};
        else
            j->outer[j->axes++] = a;
    }
}

bool indexed_run(const struct indexed *w)
{
    static const ptrdiff_t items[DTYPES] = {4, 8, 8, 1};
    for (size_t i = 0; i < w->rank; i++)
        if (w->sizes[i] == 0)
            return true;
    struct job j = {.run = walks[w->kind][w->dtype], .check = w->check, .size = w->size, .table = w->table, .other = w->other,
                    .index = w->index, .item = items[w->dtype], .rows = 1,
                    .whole = {.count = w->sizes[w->axis], .length = 1, .table.along = w->table_steps[w->axis],
                              .index.along = w->index_steps[w->axis], .other.along = w->other_steps[w->axis]}};
    gather_axes(&j, w);
    size_t closest = j.axes;
    for (size_t i = 0; i < j.axes; i++)
        if (span(j.outer[i].table) < (closest == j.axes ? span(j.whole.table.along) : span(j.outer[closest].table)))
            closest = i;
    if (closest < j.axes) {
        const struct axis a = j.outer[closest];
        j.whole.length = a.size;
        j.whole.table.run = a.table, j.whole.index.run = a.index, j.whole.other.run = a.other;
        for (size_t i = closest + 1; i < j.axes; i++)
            j.outer[i - 1] = j.outer[i];
        j.axes--;
    }
    for (size_t i = 0; i < j.axes; i++)
        j.rows *= j.outer[i].size;

    const int64_t count = j.whole.count, length = j.whole.length;
    j.rows_per_part = j.rows, j.count_per_part = count, j.length_per_part = length;
    if (j.rows * count * length > LOOP_GRAIN) {
        j.rows_per_part = count * length < LOOP_GRAIN ? LOOP_GRAIN / (count * length) : 1;
        if (count * length > LOOP_GRAIN && w->kind == INDEXED_READ)
            j.count_per_part = length < LOOP_GRAIN ? LOOP_GRAIN / length : 1;
        else if (count * length > LOOP_GRAIN)
            j.length_per_part = 64 * (LOOP_GRAIN / 64 / count + 1);
    }
    j.count_parts = (count + j.count_per_part - 1) / j.count_per_part;
    j.length_parts = (length + j.length_per_part - 1) / j.length_per_part;
    const int64_t row_parts = (j.rows + j.rows_per_part - 1) / j.rows_per_part;
    pool_run((size_t)(row_parts * j.count_parts * j.length_parts), run_part, &j);
    return !j.outside;
}

/* ---- What indices are made of, and checked for ---------------------------------------------------------------------------------------- */
struct check {
    const int64_t *index;
    int64_t count, low, high;
    atomic_bool outside;
};

static void check_part(size_t part, void *context)
{
    struct check *c = context;
    const int64_t from = (int64_t)part * LOOP_GRAIN;
    if (!all_within(c->index + from, least(c->count - from, LOOP_GRAIN), 1, c->low, c->high))
        atomic_store_explicit(&c->outside, true, memory_order_relaxed);
}

int64_t index_outside(const int64_t *index, int64_t count, int64_t low, int64_t high)
{
    struct check c = {.index = index, .count = count, .low = low, .high = high};
    pool_run((size_t)((count + LOOP_GRAIN - 1) / LOOP_GRAIN), check_part, &c);
    int64_t at = c.outside ? 0 : count;
    while (at < count && index[at] >= low && index[at] < high)
        at++;
    return at;
}

struct truths {
    const uint8_t *mask;
    int64_t count, *counts, *places;
};

static void count_part(size_t part, void *context)
{
    const struct truths *t = context;
    const int64_t from = (int64_t)part * MASK_PART, end = least(t->count, from + MASK_PART);
    int64_t n = 0;
    for (int64_t i = from; i < end;) {
        uint32_t some = 0;
        for (const int64_t stop = least(end, i + LOOP_GRAIN); i < stop; i++)
            some += t->mask[i] != 0;
        n += some;
    }
    t->counts[part] = n;
}

static void place_part(size_t part, void *context)
{
    enum { STRETCH = 256 };
    const struct truths *t = context;
    const int64_t from = (int64_t)part * MASK_PART, end = least(t->count, from + MASK_PART);
    int64_t *to = t->places + t->counts[part], found[STRETCH];
    for (int64_t first = from; first < end; first += STRETCH) {
        size_t n = 0;                           /* without a branch to mispredict, so one more is written than is kept */
        for (int64_t i = first, stop = least(end, first + STRETCH); i < stop; i++) {
            found[n] = i;
            n += t->mask[i] != 0;
        }
        memcpy(to, found, n * sizeof *to);
        to += n;
    }
}

int64_t mask_counts(const uint8_t *mask, int64_t count, int64_t *counts)
{
    const size_t parts = (size_t)((count + MASK_PART - 1) / MASK_PART);
    pool_run(parts, count_part, &(struct truths){.mask = mask, .count = count, .counts = counts});
    int64_t total = 0;
    for (size_t i = 0; i < parts; i++) {
        const int64_t here = counts[i];
        counts[i] = total;
        total += here;
    }
    return total;
}

void mask_places(const uint8_t *mask, int64_t count, int64_t *counts, int64_t *places)
{
    pool_run((size_t)((count + MASK_PART - 1) / MASK_PART), place_part, &(struct truths){mask, count, counts, places});
}
