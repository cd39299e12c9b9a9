/* Reads and stores through an index. The axes beside the indexed one become rows, but for the one that lies closest
 * together in the table: runs along it are the inner loop, and where they share one index value (rows of an embedding) that
 * is looked up once. Threads share rows and pieces of runs; all that is stored at one place belongs to one part. */
#include "indexed.h"

#include "pool.h"

struct steps { ptrdiff_t along, run; };
struct block {                                  /* of the inner two loops: count values of the index, runs of length */
    int64_t count, length;
    struct steps table, index, other;
};
typedef void walk(char *table, const int64_t *index, char *other, const struct block *b);

typedef uint32_t __attribute__((may_alias)) word;
typedef uint64_t __attribute__((may_alias)) long_word;

#define WALK(name, T, APPLY)                                                                                             \
    static void name(char *table_bytes, const int64_t *index, char *other_bytes, const struct block *b)                  \
    {                                                                                                                    \
        T *table = (T *)(void *)table_bytes, *other = (T *)(void *)other_bytes;                                          \
        const struct steps t = b->table, i = b->index, o = b->other;                                                     \
        for (int64_t k = 0; k < b->count && b->length == 1; k++)                                                         \
            APPLY(table[index[k * i.along] * t.along], other[k * o.along]);                                              \
        for (int64_t k = 0; k < b->count && b->length > 1; k++, index += i.along, other += o.along) {                    \
            T *row = table + *index * t.along;                                                                           \
            if (i.run)                                                                                                   \
                for (int64_t j = 0; j < b->length; j++)                                                                  \
                    APPLY(table[index[j * i.run] * t.along + j * t.run], other[j * o.run]);                              \
            else if (t.run == 1 && o.run == 1)                                                                           \
                for (int64_t j = 0; j < b->length; j++)                                                                  \
                    APPLY(row[j], other[j]);                                                                             \
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
WALK(read_1, uint8_t, READ)
WALK(read_4, word, READ)
WALK(read_8, long_word, READ)
WALK(write_1, uint8_t, WRITE)
WALK(write_4, word, WRITE)
WALK(write_8, long_word, WRITE)
WALK(take_1, uint8_t, TAKE)
WALK(take_4, word, TAKE)
WALK(take_8, long_word, TAKE)
WALK(add_f32, float, ADD)
WALK(add_f64, double, ADD)
WALK(add_i64, uint64_t, ADD)                    /* unsigned: integers wrap */
WALK(add_bool, uint8_t, OR)
WALK(multiply_f32, float, MULTIPLY)
WALK(multiply_f64, double, MULTIPLY)
WALK(multiply_i64, uint64_t, MULTIPLY)
WALK(multiply_bool, uint8_t, AND)
WALK(largest_f32, float, LARGEST)
WALK(largest_f64, double, LARGEST)
WALK(largest_i64, int64_t, LARGEST)
WALK(largest_bool, uint8_t, LARGEST)
WALK(smallest_f32, float, SMALLEST)
WALK(smallest_f64, double, SMALLEST)
WALK(smallest_i64, int64_t, SMALLEST)
WALK(smallest_bool, uint8_t, SMALLEST)

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

static void run_part(size_t part, void *context)
{
    const struct job *j = context;
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
        j->run(j->table + table * j->item, j->index + index, j->other + other * j->item, &b);
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

void indexed_run(const struct indexed *w)
{
    static const ptrdiff_t items[DTYPES] = {4, 8, 8, 1};
    for (size_t i = 0; i < w->rank; i++)
        if (w->sizes[i] == 0)
            return;
    struct job j = {.run = walks[w->kind][w->dtype], .table = w->table, .other = w->other, .index = w->index, .item = items[w->dtype], .rows = 1,
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
}
