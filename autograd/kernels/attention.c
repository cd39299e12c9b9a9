/* Attention cut into parts for the pool: forward a block of queries each, backward a part of the keys that a group of heads shares. */
#include "attention.h"

#include <stdatomic.h>
#include <string.h>

#include "cpu.h"
#include "pool.h"
#include "scratch.h"

struct job {
    const struct attention *a;
    attention_part *run;
    size_t floats;
    atomic_bool failed;
};

static attention_part *part_of(bool forward)
{
    switch (cpu_isa()) {
#if defined(__x86_64__)
    case CPU_AVX512: return forward ? attention_forward_avx512 : attention_backward_avx512;
    case CPU_AVX2:   return forward ? attention_forward_avx2 : attention_backward_avx2;
#endif
    default:         return forward ? attention_forward_base : attention_backward_base;
    }
}

static void run_part(size_t part, void *context)
{
    struct job *j = context;
    float *scratch = scratch_get(SCRATCH_ATTENTION, j->floats * sizeof *scratch);
    if (!scratch || !j->run(j->a, part, scratch))
        atomic_store(&j->failed, true);
}

bool attention_forward(const struct attention *a)
{
    struct job j = {.a = a, .run = part_of(true)};
    j.floats = ATTENTION_QUERIES * (a->width + 2 * ATTENTION_KEYS + 4);
    pool_run(a->matrices * attention_blocks(a->queries, ATTENTION_QUERIES), run_part, &j);
    return !atomic_load(&j.failed);
}

enum { ENOUGH_PARTS = 16, MOST_PARTS = 4 };
size_t attention_parts(const struct attention *a)
{
    const size_t shares = a->matrices / a->group, blocks = attention_blocks(a->keys, ATTENTION_KEYS) / 4;
    size_t parts = shares < ENOUGH_PARTS ? (ENOUGH_PARTS - 1) / shares + 1 : 1;
    parts = parts < blocks ? parts : blocks;
    return parts < 1 ? 1 : parts < MOST_PARTS ? parts : MOST_PARTS;
}

static void sum_block(size_t part, void *context) /* dq of a block of queries, from all parts of the keys */
{
    const struct attention *a = ((const struct job *)context)->a;
    const size_t blocks = attention_blocks(a->queries, ATTENTION_QUERIES), matrix = part / blocks, from = part % blocks * ATTENTION_QUERIES;
    const size_t to = from + ATTENTION_QUERIES < a->queries ? from + ATTENTION_QUERIES : a->queries;
    for (size_t p = 0; p + 1 < a->parts; p++)
        for (size_t i = from; i < to; i++) {
            float *restrict dq = (float *)a->dq.data + attention_at(a, &a->dq, matrix) + (ptrdiff_t)i * a->dq.row;
            const float *restrict add = a->partial + ((p * a->matrices + matrix) * a->queries + i) * a->width;
            for (size_t c = 0; c < a->width; c++)
                dq[c] += add[c];
        }
}

bool attention_backward(const struct attention *a)
{
    struct job j = {.a = a, .run = part_of(false)};
    j.floats = ATTENTION_QUERIES * (a->width + a->value_width + 3 * ATTENTION_KEYS + 4);
    pool_run(a->matrices / a->group * a->parts, run_part, &j);
    if (a->parts > 1 && a->dq.data)
        pool_run(a->matrices * attention_blocks(a->queries, ATTENTION_QUERIES), sum_block, &j);
    return !atomic_load(&j.failed);
}
