/* gemm.c - chooses how a product is computed and cuts C into parts for the pool, both from the shape alone. */
#include "gemm.h"

#include "cpu.h"
#include "gemm_parts.h"
#include "pool.h"
#include "scratch.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum element { F32, F64 };

/* Multiply-adds below which a part is not worth handing to another thread, the grid on which blocks start, and the
 * least size of a block's sides. Copying an operand pays only in a block that uses the copy often. */
enum { TILE_PART = 1 << 17, TILE_COLUMN_UNIT = 32, TILE_ROWS = 48, TILE_ROWS_COPYING_B = 96,
       TILE_COLUMNS_COPYING_A = 256, TILE_K_SHORT = 64, TILE_COLUMNS_SHORT_K = 1024 };

/* The sides of BLIS's blocks weigh packing, which every block repeats, against threads that find no block. */
enum { BLIS_PART = 1 << 21, BLIS_ROW_UNIT = 32, BLIS_COLUMN_UNIT = 64, BLIS_ROWS = 384, BLIS_COLUMNS = 256 };
enum { MOST_PARTS = 64 };

/* All three sides at least this long, and packing both operands as BLIS does comes out ahead of the tile. */
enum { BLIS_WINS_AVX512 = 640, BLIS_WINS = 256 };

struct plan {
    struct gemm job;                   /* as it is computed: perhaps C' = B' A' */
    const struct gemm *asked;
    enum element element;
    enum gemm_path path;
    bool transposed;
    size_t row_parts, column_parts;    /* blocks of C, counted in the job's orientation */
    size_t row_unit, column_unit;      /* blocks start at multiples of these */
    size_t least_rows, least_columns;
};

static atomic_int forced_path;
static pthread_once_t path_once = PTHREAD_ONCE_INIT;

static void read_path(void)
{
    const char *name = getenv("COTANGENT_GEMM");
    if (name && !strcmp(name, "tile"))
        atomic_store(&forced_path, GEMM_TILE);
    else if (name && !strcmp(name, "blis"))
        atomic_store(&forced_path, GEMM_BLIS);
    else if (name && !strcmp(name, "amx"))
        atomic_store(&forced_path, GEMM_AMX);
}

void gemm_set_path(enum gemm_path path)
{
    pthread_once(&path_once, read_path);
    atomic_store(&forced_path, (int)path);
}

void gemm_shutdown(void)
{
    scratch_free();
}

/* The stride of a dimension of one says nothing; set it so that the layout is recognised for what it is. */
static void settle(struct gemm *j)
{
    if (j->m == 1)
        j->a_row = j->a_column == 1 ? (ptrdiff_t)j->k : 1, j->c_row = j->c_column == 1 ? (ptrdiff_t)j->n : 1;
    if (j->n == 1)
        j->b_column = j->b_row == 1 ? (ptrdiff_t)j->k : 1, j->c_column = j->c_row == 1 ? (ptrdiff_t)j->m : 1;
    if (j->k == 1)
        j->a_column = j->a_row == 1 ? (ptrdiff_t)j->m : 1, j->b_row = j->b_column == 1 ? (ptrdiff_t)j->n : 1;
}

static void transpose(struct gemm *j)
{
    struct gemm t = *j;
    t.m = j->n, t.n = j->m;
    t.a = j->b, t.a_row = j->b_column, t.a_column = j->b_row;
    t.b = j->a, t.b_row = j->a_column, t.b_column = j->a_row;
    t.c_row = j->c_column, t.c_column = j->c_row;
    t.bias = NULL;
    if (j->bias)
        t.activation = GEMM_IDENTITY;      /* it comes after the bias, which is added at the end */
    *j = t;
}

static double work_of(const struct gemm *j)
{
    return (double)j->m * (double)j->n * (double)j->k;
}

static size_t units(size_t size, size_t unit)
{
    return (size - 1) / unit + 1;
}

/* Halves the longer side of the blocks until they would become too small. */
static void cut(struct plan *p, double least)
{
    double most = work_of(&p->job) / least;
    p->row_parts = p->column_parts = 1;
    while (2.0 * (double)(p->row_parts * p->column_parts) <= most && p->row_parts * p->column_parts < MOST_PARTS) {
        size_t rows = p->job.m / p->row_parts, columns = p->job.n / p->column_parts;
        bool can_rows = rows >= 2 * p->least_rows, can_columns = columns >= 2 * p->least_columns;
        if (can_columns && (!can_rows || columns >= rows))
            p->column_parts *= 2;
        else if (can_rows)
            p->row_parts *= 2;
        else
            break;
    }
}

static bool suits_tile(const struct gemm *job)
{
    size_t least = cpu_isa() == CPU_AVX512 ? BLIS_WINS_AVX512 : BLIS_WINS;
    return job->m < least || job->n < least || job->k < least || gemm_blis_is_generic();
}

static struct plan plan_of(const struct gemm *asked, enum element element)
{
    struct plan p = {.job = *asked, .asked = asked, .element = element, .path = GEMM_BLIS};
    settle(&p.job);
    pthread_once(&path_once, read_path);
    int forced = atomic_load_explicit(&forced_path, memory_order_relaxed);
    if (element == F32 && forced != GEMM_BLIS && (p.job.c_row == 1 || p.job.c_column == 1) &&
        (forced == GEMM_TILE || suits_tile(&p.job)))
        p.path = GEMM_TILE;
    if (p.path == GEMM_TILE) {
        if (p.job.c_column != 1)
            transpose(&p.job), p.transposed = true;
        p.row_unit = 1;
        p.column_unit = TILE_COLUMN_UNIT;
        p.least_rows = p.job.b_column == 1 && p.job.k <= 1024 ? TILE_ROWS : TILE_ROWS_COPYING_B;
        p.least_columns = TILE_COLUMN_UNIT;
        if (p.job.k > 1024)
            p.least_columns = TILE_COLUMNS_COPYING_A;
        else if (p.job.k <= TILE_K_SHORT)
            p.least_columns = TILE_COLUMNS_SHORT_K;   /* writing C is the work: whole rows of it */
        cut(&p, TILE_PART);
    } else {
        p.row_unit = BLIS_ROW_UNIT;
        p.column_unit = BLIS_COLUMN_UNIT;
        p.least_rows = BLIS_ROWS;
        p.least_columns = BLIS_COLUMNS;
        cut(&p, BLIS_PART);
    }
    return p;
}

static size_t boundary(size_t size, size_t unit, size_t part, size_t parts)
{
    if (part == parts)
        return size;
    return units(size, unit) * part / parts * unit;
}

static void run_block(const struct plan *p, size_t part)
{
    const struct gemm *job = &p->job;
    size_t row_part = part / p->column_parts, column_part = part % p->column_parts;
    struct gemm_block block;
    block.row = boundary(job->m, p->row_unit, row_part, p->row_parts);
    block.rows = boundary(job->m, p->row_unit, row_part + 1, p->row_parts) - block.row;
    block.column = boundary(job->n, p->column_unit, column_part, p->column_parts);
    block.columns = boundary(job->n, p->column_unit, column_part + 1, p->column_parts) - block.column;
    if (p->path == GEMM_TILE) {
        bool done;
        switch (cpu_isa()) {
#if defined(__x86_64__)
        case CPU_AVX512: done = gemm_tile_avx512(job, block); break;
        case CPU_AVX2:   done = gemm_tile_avx2(job, block); break;
#endif
        default:         done = gemm_tile_base(job, block); break;
        }
        if (!done)
            gemm_blis_f32(job, block);
        if (p->transposed && p->asked->bias)
            gemm_finish_f32(p->asked, (struct gemm_block){block.column, block.columns, block.row, block.rows});
    } else if (p->element == F32) {
        gemm_blis_f32(job, block);
    } else {
        gemm_blis_f64(job, block);
    }
}

static void run_part(size_t part, void *plan)
{
    run_block(plan, part);
}

static void clear_block(const struct gemm *job, enum element element)
{
    for (size_t i = 0; i < job->m; i++)
        for (size_t j = 0; j < job->n; j++) {
            ptrdiff_t at = (ptrdiff_t)i * job->c_row + (ptrdiff_t)j * job->c_column;
            if (element == F32)
                ((float *)job->c)[at] = 0;
            else
                ((double *)job->c)[at] = 0;
        }
}

/* Products without a sum: C is empty, or the sum over k is. */
static bool is_trivial(const struct gemm *job)
{
    return !job->m || !job->n || !job->k;
}

static void run_trivial(const struct gemm *job, enum element element)
{
    if (!job->m || !job->n)
        return;
    if (!job->accumulate)
        clear_block(job, element);
    struct gemm_block whole = {0, job->m, 0, job->n};
    if (element == F32)
        gemm_finish_f32(job, whole);
    else
        gemm_finish_f64(job, whole);
}

/* A number packed costs as much as AMX_PACKING sums; (m + n) k are packed for m n k sums. */
enum { AMX_PACKING = 64, AMX_LEAST_DEPTH = 48, AMX_LEAST_WORK = 1 << 21 };

static bool suits_amx(const struct gemm *job)
{
    pthread_once(&path_once, read_path);
    const int forced = atomic_load_explicit(&forced_path, memory_order_relaxed);
    if (!cpu_has_amx() || (forced != GEMM_AUTO && forced != GEMM_AMX) || (job->c_row != 1 && job->c_column != 1))
        return false;
    const double packing = (double)AMX_PACKING * ((double)job->m + (double)job->n), sums = (double)job->m * (double)job->n;
    return forced == GEMM_AMX || (sums >= packing && job->k >= AMX_LEAST_DEPTH && work_of(job) >= AMX_LEAST_WORK);
}

static bool run_amx(const struct gemm *asked)
{
    struct gemm job = *asked;
    settle(&job);
    if (job.c_column == 1)
        return gemm_amx(&job);
    transpose(&job);
    if (!gemm_amx(&job))
        return false;
    if (asked->bias)
        gemm_finish_f32(asked, (struct gemm_block){0, asked->m, 0, asked->n});
    return true;
}

/* Where k is far the longest side, a slice of it at a time: packed, a slice stays in the second-level cache, all of k does not. */
enum { AMX_SLICE = 384 };

static bool suits_slices(const struct gemm *job)
{
    return suits_amx(job) && !job->bias && job->activation == GEMM_IDENTITY && job->k >= 2 * AMX_SLICE && job->k >= 2 * job->m && job->k >= 2 * job->n;
}

static void gemm_by_slices(const struct gemm *job)
{
    struct gemm slice = *job;
    for (size_t from = 0; from < job->k; from += slice.k) {
        const size_t left = job->k - from;
        slice.k = left < 2 * AMX_SLICE ? left : AMX_SLICE;
        slice.a = (const float *)job->a + (ptrdiff_t)from * job->a_column;
        slice.b = (const float *)job->b + (ptrdiff_t)from * job->b_row;
        slice.accumulate = job->accumulate || from;
        if (!run_amx(&slice)) {
            struct plan p = plan_of(&slice, F32);
            pool_run(p.row_parts * p.column_parts, run_part, &p);
        }
    }
}

/* ---- One sum alone: parts of k at once, whose sums are added in order ------------------------------------------------------- */
enum { DOT_PART = 1 << 14, DOT_PARTS = 256 };

struct dot {
    const struct gemm *job;
    enum element element;
    size_t depth;
    union { float f32; double f64; } sums[DOT_PARTS];
};

static bool suits_dot(const struct gemm *job)
{
    return job->m == 1 && job->n == 1 && job->k >= 2 * DOT_PART && !job->bias && job->activation == GEMM_IDENTITY;
}

static void run_dot_part(size_t part, void *context)
{
    struct dot *d = context;
    struct gemm job = *d->job;
    const size_t item = d->element == F32 ? sizeof(float) : sizeof(double), from = part * d->depth;
    job.k = job.k - from < d->depth ? job.k - from : d->depth;
    job.a = (const char *)job.a + (ptrdiff_t)(from * item) * job.a_column;
    job.b = (const char *)job.b + (ptrdiff_t)(from * item) * job.b_row;
    job.c = &d->sums[part], job.c_row = job.c_column = 1, job.accumulate = false;
    const struct plan p = plan_of(&job, d->element);
    run_block(&p, 0);
}

static void gemm_dot(const struct gemm *job, enum element element)
{
    struct dot d = {.job = job, .element = element, .depth = units(job->k, DOT_PARTS)};
    d.depth = d.depth < DOT_PART ? DOT_PART : d.depth;
    const size_t parts = units(job->k, d.depth);
    pool_run(parts, run_dot_part, &d);
    double sum = 0;
    for (size_t i = 0; i < parts; i++)
        sum += element == F32 ? (double)d.sums[i].f32 : d.sums[i].f64;
    if (element == F32)
        *(float *)job->c = (float)(job->accumulate ? (double)*(float *)job->c + sum : sum);
    else
        *(double *)job->c = job->accumulate ? *(double *)job->c + sum : sum;
}

static void gemm(const struct gemm *job, enum element element)
{
    if (is_trivial(job)) {
        run_trivial(job, element);
        return;
    }
    if (suits_dot(job)) {
        gemm_dot(job, element);
        return;
    }
    if (element == F32 && suits_slices(job)) {
        gemm_by_slices(job);
        return;
    }
    if (element == F32 && suits_amx(job) && run_amx(job))
        return;
    struct plan p = plan_of(job, element);
    pool_run(p.row_parts * p.column_parts, run_part, &p);
}

struct batch {
    const struct gemm *jobs;
    size_t count, parts_each, jobs_each;   /* either a job is several parts, or a part is several jobs */
    enum element element;
};

static void run_batch_part(size_t part, void *context)
{
    const struct batch *b = context;
    if (b->parts_each > 1) {
        struct plan p = plan_of(&b->jobs[part / b->parts_each], b->element);
        run_block(&p, part % b->parts_each);
        return;
    }
    size_t first = part * b->jobs_each, end = first + b->jobs_each < b->count ? first + b->jobs_each : b->count;
    for (size_t i = first; i < end; i++) {
        struct plan p = plan_of(&b->jobs[i], b->element);
        run_block(&p, 0);
    }
}

static void gemm_batch(const struct gemm *jobs, size_t count, enum element element)
{
    /* Runs of jobs that are cut alike share one fork and join. */
    for (size_t first = 0, end; first < count; first = end) {
        end = first + 1;
        if (is_trivial(&jobs[first])) {
            run_trivial(&jobs[first], element);
            continue;
        }
        struct plan p = plan_of(&jobs[first], element);
        size_t parts = p.row_parts * p.column_parts;
        for (; end < count && !is_trivial(&jobs[end]); end++) {
            struct plan q = plan_of(&jobs[end], element);
            if (q.row_parts != p.row_parts || q.column_parts != p.column_parts)
                break;
        }
        struct batch b = {.jobs = jobs + first, .count = end - first, .parts_each = parts, .jobs_each = 1,
                          .element = element};
        double fitting = TILE_PART / work_of(&jobs[first]);
        if (parts == 1 && fitting > 1)
            b.jobs_each = fitting < (double)b.count ? (size_t)fitting : b.count;
        pool_run(parts > 1 ? b.count * parts : units(b.count, b.jobs_each), run_batch_part, &b);
    }
}

void kernel_gemm_f32(const struct gemm *job)
{
    gemm(job, F32);
}

void kernel_gemm_f64(const struct gemm *job)
{
    gemm(job, F64);
}

void kernel_gemm_batch_f32(const struct gemm *jobs, size_t count)
{
    gemm_batch(jobs, count, F32);
}

void kernel_gemm_batch_f64(const struct gemm *jobs, size_t count)
{
    gemm_batch(jobs, count, F64);
}
