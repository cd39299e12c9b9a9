/* The blocks of attention: scores lie as (keys, queries), so that a row's largest and its sum run down columns, and the products
 * need no operand copied but the queries, once a block. Compiled once per instruction set. */
#include <math.h>
#include <string.h>

#include "attention.h"
#include "gemm_parts.h"
#include "isa.h"
#include "kernels.h"
#include "math.h"

enum { QUERIES = ATTENTION_QUERIES, KEYS = ATTENTION_KEYS, STRIP = 2 * F32_LANES };
#define LOG2E 1.44269504088896340736

/* 2^x for x that is never far above 0; what is below the normal numbers is 0. A NaN stays. */
ISA_INLINE float power(float x)
{
    float inside = x < -126.0f ? -126.0f : x;
    float shifted = inside + (12582912.0f + 127.0f), y = exp2m1_near(inside - (shifted - (12582912.0f + 127.0f))) + 1.0f;
    y *= float_of(bits_of(shifted) << 23);
    return x < -126.0f ? 0.0f : y;
}

static bool product(size_t m, size_t n, size_t k, const float *a, ptrdiff_t a_row, ptrdiff_t a_column, const float *b, ptrdiff_t b_row, float *c, ptrdiff_t c_row,
                    bool accumulate)
{
    const struct gemm job = {.m = m, .n = n, .k = k, .a = a, .a_row = a_row, .a_column = a_column, .b = b, .b_row = b_row, .b_column = 1,
                             .c = c, .c_row = c_row, .c_column = 1, .accumulate = accumulate};
    return ISA_NAME(gemm_tile)(&job, (struct gemm_block){0, m, 0, n});
}

struct block {                                  /* some queries of one matrix */
    const struct attention *a;
    size_t matrix, first, count, padded;        /* padded: to whole strips, with queries of 0 */
    const float *k, *v;
    const char *mask;
    size_t seen;                                /* keys from here on are hidden from all of them */
};

static struct block block_of(const struct attention *a, size_t matrix, size_t first)
{
    struct block b = {.a = a, .matrix = matrix, .first = first, .seen = a->keys};
    b.count = a->queries - first < QUERIES ? a->queries - first : QUERIES;
    b.padded = (b.count + STRIP - 1) / STRIP * STRIP;
    b.k = (const float *)a->k.data + attention_at(a, &a->k, matrix);
    b.v = (const float *)a->v.data + attention_at(a, &a->v, matrix);
    if (a->mask_kind != MASK_NONE)
        b.mask = (const char *)a->mask.data + attention_at(a, &a->mask, matrix) * (a->mask_kind == MASK_BOOL ? 1 : (ptrdiff_t)sizeof(float));
    if (a->causal) {
        const int64_t last = (int64_t)(first + b.count) + a->offset;
        b.seen = last < 0 ? 0 : last < (int64_t)a->keys ? (size_t)last : a->keys;
    }
    return b;
}

/* The rows of a block of o, as columns of QUERIES, times scale; zeros beyond them. */
static void turn(float *to, const struct block *b, const struct attention_operand *o, size_t width, float scale)
{
    const float *from = (const float *)o->data + attention_at(b->a, o, b->matrix) + (ptrdiff_t)b->first * o->row;
    ISA_NAME(gemm_pack)(to, QUERIES, from, 1, o->row, b->count, width);
    if (scale != 1)
        for (size_t i = 0; i < width * QUERIES; i++)
            to[i] *= scale;
}

/* ---- Scores: (keys, QUERIES), of base 2 ---------------------------------------------------------------------------------------- */
static void hide(const struct block *b, float *s, size_t from, size_t keys)
{
    const struct attention *a = b->a;
    for (size_t j = 0; j < keys; j++) {
        const int64_t hidden = (int64_t)(from + j) - a->offset - (int64_t)b->first, count = (int64_t)b->padded;
        for (int64_t i = 0; i < (hidden < count ? hidden : count); i++)
            s[j * QUERIES + (size_t)i] = -INFINITY;
    }
}

static void apply_mask(const struct block *b, float *s, size_t from, size_t keys)
{
    const struct attention *a = b->a;
    const ptrdiff_t column = a->mask_column, row = a->mask.row;
    const bool *may = (const bool *)b->mask + (ptrdiff_t)from * column + (ptrdiff_t)b->first * row;
    const float *add = (const float *)(const void *)b->mask + (a->mask_kind == MASK_FLOAT ? (ptrdiff_t)from * column + (ptrdiff_t)b->first * row : 0);
    for (size_t j = 0; j < keys; j++, s += QUERIES) {
        if (a->mask_kind == MASK_BOOL && row == 0) {
            if (!may[(ptrdiff_t)j * column])
                for (size_t i = 0; i < b->count; i++)
                    s[i] = -INFINITY;
        } else if (a->mask_kind == MASK_BOOL)
            for (size_t i = 0; i < b->count; i++)
                s[i] = may[(ptrdiff_t)j * column + (ptrdiff_t)i * row] ? s[i] : -INFINITY;
        else
            for (size_t i = 0; i < b->count; i++)
                s[i] += add[(ptrdiff_t)j * column + (ptrdiff_t)i * row] * (float)LOG2E;
    }
}

static bool scores(const struct block *b, const float *q, float *s, size_t from, size_t keys)
{
    const struct attention *a = b->a;
    if (!product(keys, b->padded, a->width, b->k + (ptrdiff_t)from * a->k.row, a->k.row, 1, q, QUERIES, s, QUERIES, false))
        return false;
    if (a->mask_kind != MASK_NONE)
        apply_mask(b, s, from, keys);
    if (a->causal && (int64_t)(from + keys - 1) > (int64_t)b->first + a->offset)
        hide(b, s, from, keys);
    return true;
}

/* What dropout multiplies the probabilities by. */
static void draw(const struct block *b, float *kept, size_t from, size_t keys)
{
    const struct attention *a = b->a;
    const size_t row = (a->queries + 3) / 4, n = (b->count + 3) / 4 * 4;
    const float p = (float)a->dropout, scale = a->dropout < 1 ? (float)(1 / (1 - a->dropout)) : 0;
    const struct kernels *k = kernels();
    for (size_t j = 0; j < keys; j++, kept += QUERIES) {
        k->random_uniform[F32](kept, n, a->seed, a->block + (b->matrix * a->keys + from + j) * row + b->first / 4);
        for (size_t i = 0; i < n; i++)
            kept[i] = kept[i] >= p ? scale : 0;
        for (size_t i = n; i < b->padded; i++)
            kept[i] = 0;
    }
}

/* ---- Forward ------------------------------------------------------------------------------------------------------------------------ */
/* Scores become e^(score - largest); largest and sum move on; shrink: by what earlier results count less. */
static bool soften(float *s, size_t keys, size_t padded, float *largest, float *sum, float *shrink)
{
    bool moved = false;
    for (size_t c = 0; c < padded; c += STRIP) {
        float m[STRIP], l[STRIP] = {0}, at[STRIP];
        memcpy(m, largest + c, sizeof m);
        for (size_t j = 0; j < keys; j++)
            for (size_t i = 0; i < STRIP; i++)
                m[i] = s[j * QUERIES + c + i] > m[i] ? s[j * QUERIES + c + i] : m[i];
        for (size_t i = 0; i < STRIP; i++)
            at[i] = m[i] == -INFINITY ? 0 : m[i];
        for (size_t j = 0; j < keys; j++)
            for (size_t i = 0; i < STRIP; i++) {
                const float p = power(s[j * QUERIES + c + i] - at[i]);
                s[j * QUERIES + c + i] = p;
                l[i] += p;
            }
        for (size_t i = 0; i < STRIP; i++) {
            const float by = power(largest[c + i] - at[i]);
            moved |= by != 1;
            shrink[c + i] = by;
            sum[c + i] = sum[c + i] * by + l[i];
            largest[c + i] = m[i];
        }
    }
    return moved;
}

static void scale_rows(float *y, ptrdiff_t row, size_t rows, size_t width, const float *by)
{
    for (size_t i = 0; i < rows; i++, y += row)
        for (size_t c = 0; c < width; c++)
            y[c] *= by[i];
}

bool ISA_NAME(attention_forward)(const struct attention *a, size_t part, float *scratch)
{
    const size_t blocks = attention_blocks(a->queries, QUERIES);
    const struct block b = block_of(a, part / blocks, part % blocks * QUERIES);
    float *s = scratch, *kept = s + KEYS * QUERIES, *largest = kept + KEYS * QUERIES, *sum = largest + QUERIES, *shrink = sum + QUERIES, *q = shrink + 2 * QUERIES;
    float *y = (float *)a->y.data + attention_at(a, &a->y, b.matrix) + (ptrdiff_t)b.first * a->y.row, *logs = a->logs + b.matrix * a->queries + b.first;
    turn(q, &b, &a->q, a->width, (float)(a->scale * LOG2E));
    for (size_t i = 0; i < QUERIES; i++)
        largest[i] = -INFINITY, sum[i] = 0;
    for (size_t from = 0; from < b.seen; from += KEYS) {
        const size_t keys = b.seen - from < KEYS ? b.seen - from : KEYS;
        if (!scores(&b, q, s, from, keys))
            return false;
        if (soften(s, keys, b.padded, largest, sum, shrink) && from)
            scale_rows(y, a->y.row, b.count, a->value_width, shrink);
        if (a->dropout > 0) {
            draw(&b, kept, from, keys);
            for (size_t i = 0; i < keys * QUERIES; i++)
                s[i] *= kept[i];
        }
        if (!product(b.count, a->value_width, keys, s, 1, QUERIES, b.v + (ptrdiff_t)from * a->v.row, a->v.row, y, a->y.row, from > 0))
            return false;
    }
    if (!b.seen)
        for (size_t i = 0; i < b.count; i++)
            memset(y + (ptrdiff_t)i * a->y.row, 0, a->value_width * sizeof *y);
    for (size_t i = 0; i < b.count; i++) {
        shrink[i] = sum[i] == 0 ? 0 : 1 / sum[i];
        logs[i] = sum[i] == 0 ? INFINITY : largest[i] + log2f(sum[i]);
    }
    if (b.seen)
        scale_rows(y, a->y.row, b.count, a->value_width, shrink);
    for (size_t i = 0; i < b.count; i++)
        if (shrink[i] == 0)                     /* nothing is attended to, whatever the values hold */
            memset(y + (ptrdiff_t)i * a->y.row, 0, a->value_width * sizeof *y);
    return true;
}

/* ---- Backward: with p the probabilities, r what dropout made of them and e = r v^T g / p,
 *     dv = r^T g, ds = p (e - sum(g y)), dq = scale ds k, dk = scale ds^T q ----------------------------------------------------------------- */
static void soften_back(float *s, float *e, const float *kept, size_t keys, size_t padded, const float *logs, const float *along, float scale)
{
    for (size_t c = 0; c < padded; c += STRIP)
        for (size_t j = 0; j < keys; j++)
            for (size_t i = 0; i < STRIP; i++) {
                const size_t at = j * QUERIES + c + i;
                const float p = power(s[at] - logs[c + i]), by = kept ? kept[at] : 1;
                s[at] = p * by;
                e[at] = p * (e[at] * by - along[c + i]) * scale;
            }
}

static float *rows_of(const struct block *b, const struct attention_operand *o, size_t row)
{
    return (float *)o->data + attention_at(b->a, o, b->matrix) + (ptrdiff_t)row * o->row;
}

static void clear(const struct block *b, const struct attention_operand *o, size_t from, size_t to, size_t width)
{
    for (size_t i = from; o->data && i < to; i++)
        memset(rows_of(b, o, i), 0, width * sizeof(float));
}

static bool block_backward(const struct block *b, size_t part, size_t from, size_t to, float *scratch)
{
    const struct attention *a = b->a;
    float *s = scratch, *e = s + KEYS * QUERIES, *kept = e + KEYS * QUERIES, *logs = kept + KEYS * QUERIES, *along = logs + QUERIES;
    float *q = along + 3 * QUERIES, *g = q + a->width * QUERIES;
    const float *y_rows = rows_of(b, &a->y, b->first), *g_rows = rows_of(b, &a->g, b->first), *q_rows = rows_of(b, &a->q, b->first);
    float *dq = NULL;
    ptrdiff_t dq_row = a->dq.row;
    if (a->dq.data && part)
        dq = a->partial + (((part - 1) * a->matrices + b->matrix) * a->queries + b->first) * a->width, dq_row = (ptrdiff_t)a->width;
    else if (a->dq.data)
        dq = rows_of(b, &a->dq, b->first);
    to = to < b->seen ? to : b->seen;
    if (from >= to) {
        for (size_t i = 0; dq && i < b->count; i++)
            memset(dq + (ptrdiff_t)i * dq_row, 0, a->width * sizeof *dq);
        return true;
    }
    turn(q, b, &a->q, a->width, (float)(a->scale * LOG2E));
    turn(g, b, &a->g, a->value_width, 1);
    for (size_t i = 0; i < b->padded; i++)
        logs[i] = i < b->count ? a->logs[b->matrix * a->queries + b->first + i] : INFINITY, along[i] = 0;
    for (size_t i = 0; i < b->count; i++) {
        enum { SUMS = F32_LANES };
        float sums[SUMS] = {0}, all = 0;
        const float *yi = y_rows + (ptrdiff_t)i * a->y.row, *gi = g_rows + (ptrdiff_t)i * a->g.row;
        size_t c = 0;
        for (; c + SUMS <= a->value_width; c += SUMS)
            for (size_t u = 0; u < SUMS; u++)
                sums[u] += yi[c + u] * gi[c + u];
        for (size_t u = 0; c < a->value_width; c++, u++)
            sums[u] += yi[c] * gi[c];
        for (size_t u = 0; u < SUMS; u++)
            all += sums[u];
        along[i] = all;
    }
    const float scale = (float)a->scale;
    for (size_t at = from; at < to; at += KEYS) {
        const size_t keys = to - at < KEYS ? to - at : KEYS;
        if (!scores(b, q, s, at, keys) ||
            !product(keys, b->padded, a->value_width, b->v + (ptrdiff_t)at * a->v.row, a->v.row, 1, g, QUERIES, e, QUERIES, false))
            return false;
        if (a->dropout > 0) {
            draw(b, kept, at, keys);
            soften_back(s, e, kept, keys, b->padded, logs, along, scale);
        } else
            soften_back(s, e, NULL, keys, b->padded, logs, along, scale);
        if ((a->dv.data && !product(keys, a->value_width, b->count, s, QUERIES, 1, g_rows, a->g.row, rows_of(b, &a->dv, at), a->dv.row, true)) ||
            (a->dk.data && !product(keys, a->width, b->count, e, QUERIES, 1, q_rows, a->q.row, rows_of(b, &a->dk, at), a->dk.row, true)) ||
            (dq && !product(b->count, a->width, keys, e, 1, QUERIES, b->k + (ptrdiff_t)at * a->k.row, a->k.row, dq, dq_row, at > from)))
            return false;
    }
    return true;
}

bool ISA_NAME(attention_backward)(const struct attention *a, size_t job, float *scratch)
{
    const size_t part = job % a->parts, share = job / a->parts, blocks = attention_blocks(a->keys, KEYS);
    const size_t from = blocks * part / a->parts * KEYS, end = blocks * (part + 1) / a->parts * KEYS, to = end < a->keys ? end : a->keys;
    const struct block first = {.a = a, .matrix = share * a->group};
    clear(&first, &a->dk, from, to, a->width);
    clear(&first, &a->dv, from, to, a->value_width);
    for (size_t head = 0; head < a->group; head++)
        for (size_t i = 0; i < a->queries; i += QUERIES) {
            const struct block b = block_of(a, share * a->group + head, i);
            if (!block_backward(&b, part, from, to, scratch))
                return false;
        }
    return true;
}
