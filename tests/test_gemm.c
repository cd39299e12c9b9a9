/* test_gemm.c - every path and instruction set of the matrix product against a plain loop, and the pool beneath it. */
#include <float.h>
#include <math.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "autograd/kernels/cpu.h"
#include "autograd/kernels/gemm.h"
#include "autograd/kernels/pool.h"
#include "autograd/kernels/scratch.h"

#if defined(__SANITIZE_THREAD__)
#define UNDER_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define UNDER_TSAN 1
#endif
#endif

/* ---- A matrix in memory that holds its elements and not one byte more: a sanitizer sees every overread ---------- */

struct matrix {
    size_t rows, columns;
    ptrdiff_t row, column;
    void *memory, *origin;              /* origin: where element (0, 0) lies */
    size_t size;                        /* of an element */
};

enum layout { ROWS, COLUMNS, DOUBLED, BACKWARDS, SAME_ROW, SAME_COLUMN, ONE_VALUE, LAYOUTS };

static size_t largest(size_t n)
{
    return n ? n - 1 : 0;
}

static struct matrix matrix_new(size_t rows, size_t columns, enum layout layout, size_t size)
{
    struct matrix x = {.rows = rows, .columns = columns, .size = size};
    switch (layout) {
    case ROWS:        x.row = (ptrdiff_t)columns, x.column = 1; break;
    case COLUMNS:     x.row = 1, x.column = (ptrdiff_t)rows; break;
    case DOUBLED:     x.row = 4 * (ptrdiff_t)columns, x.column = 2; break;
    case BACKWARDS:   x.row = -(ptrdiff_t)columns, x.column = -1; break;
    case SAME_ROW:    x.row = 0, x.column = 1; break;
    case SAME_COLUMN: x.row = 1, x.column = 0; break;
    default:          break;
    }
    ptrdiff_t reach = (ptrdiff_t)largest(rows) * x.row + (ptrdiff_t)largest(columns) * x.column;
    size_t count = rows && columns ? (size_t)(reach < 0 ? -reach : reach) + 1 : 0;
    x.memory = malloc(count * size);
    assert_true(x.memory || !count);
    for (size_t i = 0; i < count; i++) {
        double value = (double)(int)(i * 7919 % 1013) / 1013 - 0.5;
        if (size == 4)
            ((float *)x.memory)[i] = (float)value;
        else
            ((double *)x.memory)[i] = value;
    }
    x.origin = reach < 0 ? (char *)x.memory + (size_t)-reach * size : x.memory;
    return x;
}

static double at(const struct matrix *x, size_t i, size_t j)
{
    ptrdiff_t offset = (ptrdiff_t)i * x->row + (ptrdiff_t)j * x->column;
    return x->size == 4 ? (double)((float *)x->origin)[offset] : ((double *)x->origin)[offset];
}

static void fill(struct matrix *x, double value)
{
    for (size_t i = 0; i < x->rows; i++)
        for (size_t j = 0; j < x->columns; j++) {
            ptrdiff_t offset = (ptrdiff_t)i * x->row + (ptrdiff_t)j * x->column;
            if (x->size == 4)
                ((float *)x->origin)[offset] = (float)value;
            else
                ((double *)x->origin)[offset] = value;
        }
}

struct problem {
    size_t m, n, k;
    enum layout a, b, c;
    bool accumulate, bias, relu;
};

static struct gemm job_of(const struct problem *p, const struct matrix *a, const struct matrix *b,
                          const struct matrix *c, const struct matrix *bias)
{
    return (struct gemm){
        .m = p->m, .n = p->n, .k = p->k,
        .a = a->origin, .a_row = a->row, .a_column = a->column,
        .b = b->origin, .b_row = b->row, .b_column = b->column,
        .c = c->origin, .c_row = c->row, .c_column = c->column,
        .accumulate = p->accumulate, .bias = p->bias ? bias->origin : NULL,
        .activation = p->relu ? GEMM_RELU : GEMM_IDENTITY,
    };
}

static void check_result(const struct problem *p, const struct matrix *a, const struct matrix *b,
                         const struct matrix *c, const struct matrix *bias, double before)
{
    for (size_t i = 0; i < p->m; i++)
        for (size_t j = 0; j < p->n; j++) {
            double sum = p->accumulate ? before : 0, scale = fabs(sum);
            for (size_t q = 0; q < p->k; q++) {
                double product = at(a, i, q) * at(b, q, j);
                sum += product;
                scale += fabs(product);
            }
            if (p->bias) {
                sum += at(bias, 0, j);
                scale += fabs(at(bias, 0, j));
            }
            if (p->relu && sum <= 0)
                sum = 0;
            double error = fabs(at(c, i, j) - sum);
            double bound = (c->size == 4 ? FLT_EPSILON : DBL_EPSILON) * (4 + (double)p->k / 4) * scale;
            if (!(error <= bound))
                fail_msg("%zu x %zu x %zu f%zu layouts %d %d %d, %s: (%zu, %zu) is %g, want %g", p->m, p->n, p->k,
                         8 * c->size, (int)p->a, (int)p->b, (int)p->c, cpu_isa_name(cpu_isa()), i, j, at(c, i, j), sum);
        }
}

static void check(const struct problem *p, size_t size)
{
    struct matrix a = matrix_new(p->m, p->k, p->a, size), b = matrix_new(p->k, p->n, p->b, size);
    struct matrix c = matrix_new(p->m, p->n, p->c, size), bias = matrix_new(1, p->n, ROWS, size);
    double before = p->accumulate ? 0.75 : NAN;          /* not accumulating, C must not be read */
    fill(&c, before);
    struct gemm job = job_of(p, &a, &b, &c, &bias);
    if (size == 4)
        kernel_gemm_f32(&job);
    else
        kernel_gemm_f64(&job);
    check_result(p, &a, &b, &c, &bias, before);
    free(a.memory), free(b.memory), free(c.memory), free(bias.memory);
}

/* Calls body for each path and instruction set at hand. */
static void for_each_path(void (*body)(size_t size))
{
    enum cpu_isa found = cpu_isa();
    for (enum gemm_path path = GEMM_AUTO; path <= GEMM_AMX; path++)
        for (enum cpu_isa isa = CPU_BASE; isa <= CPU_AVX512; isa++) {
            if ((path >= GEMM_BLIS && isa != found) || !cpu_set_isa_for_testing(isa))
                continue;
            gemm_set_path(path);
            body(sizeof(float));
        }
    gemm_set_path(GEMM_AUTO);
    cpu_set_isa_for_testing(found);
    body(sizeof(double));
}

/* Numbers that three parts of bfloat16 cannot hold, each in some rows: what comes out is what the vector units make of them. */
static void test_matrix_units_leave_far_numbers_alone(void **state)
{
    (void)state;
    enum { SIDE = 160 };
    static float a[SIDE * SIDE], b[SIDE * SIDE], got[SIDE * SIDE], want[SIDE * SIDE];
    static const float far[] = {INFINITY, -INFINITY, NAN, 1e-39f, 1e-45f, 3e38f, 1e-25f, 0};
    for (size_t kind = 0; kind < sizeof far / sizeof *far; kind++)
        for (int where = 0; where < 3; where++) {       /* in a, in b, in both */
            for (size_t i = 0; i < SIDE * SIDE; i++)
                a[i] = (float)((int)(i * 7919 % 1013) - 506) / 1013, b[i] = (float)((int)(i * 104729 % 1009) - 504) / 1009;
            for (size_t i = 0; i < SIDE; i += 37)
                for (size_t j = 0; j < SIDE; j++) {
                    if (where != 1 && (j == i || fabsf(far[kind]) < 1))
                        a[i * SIDE + j] = far[kind];
                    if (where != 0 && (j == i || fabsf(far[kind]) < 1))
                        b[j * SIDE + i] = far[kind];
                }
            struct gemm job = {.m = SIDE, .n = SIDE, .k = SIDE, .a = a, .a_row = SIDE, .a_column = 1, .b = b, .b_row = SIDE, .b_column = 1,
                               .c = want, .c_row = SIDE, .c_column = 1};
            gemm_set_path(GEMM_TILE);
            kernel_gemm_f32(&job);
            job.c = got;
            gemm_set_path(GEMM_AMX);
            kernel_gemm_f32(&job);
            for (size_t i = 0; i < SIDE; i++)
                for (size_t j = 0; j < SIDE; j++) {
                    double scale = 0, x = got[i * SIDE + j], y = want[i * SIDE + j];
                    for (size_t k = 0; k < SIDE; k++)
                        scale += fabs((double)a[i * SIDE + k] * (double)b[k * SIDE + j]);
                    if (isnan(y) ? !isnan(x) : isinf(y) ? x != y : !(fabs(x - y) <= 8 * (FLT_EPSILON * scale + FLT_TRUE_MIN)))
                        fail_msg("%g in %d: (%zu, %zu) is %g, want %g", (double)far[kind], where, i, j, x, y);
                }
        }
    gemm_set_path(GEMM_AUTO);
}

static void check_shapes(size_t size)
{
    static const size_t shapes[][3] = {
        {1, 1, 1}, {1, 1, 0}, {0, 3, 2}, {3, 0, 2}, {5, 7, 0}, {2, 3, 5}, {1, 17, 31}, {31, 1, 17}, {17, 31, 1},
        {13, 16, 8}, {12, 32, 64}, {37, 53, 71}, {64, 10, 64}, {23, 47, 19}, {4, 100, 33}, {16, 65, 300},
        {5, 129, 259}, {3, 7, 1500}, {61, 67, 1031}, {97, 33, 130}, {130, 97, 61}, {64, 65, 784}, {1, 1, 40001},
        {1, 300, 700}, {300, 1, 700},
        {1100, 3, 20}, {49, 1100, 9},
    };
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++)
        for (int turned = 0; turned < 4; turned++) {
            struct problem p = {.m = shapes[s][0], .n = shapes[s][1], .k = shapes[s][2],
                                .a = turned & 1 ? COLUMNS : ROWS, .b = turned & 2 ? COLUMNS : ROWS, .c = ROWS};
            check(&p, size);
            p.accumulate = p.bias = p.relu = true;
            check(&p, size);
        }
}

static void test_every_shape(void **state)
{
    (void)state;
    for_each_path(check_shapes);
}

static void check_layouts(size_t size)
{
    static const size_t shapes[][3] = {
        {1, 1, 1}, {3, 5, 7}, {19, 37, 23}, {1, 40, 9}, {40, 1, 9}, {9, 40, 1}, {50, 34, 1100},
    };
    enum { LONG = sizeof shapes / sizeof *shapes - 1 };          /* more than one chunk of k; dear under a sanitizer */
    const char *quick = getenv("CT_TEST_QUICK");
    for (size_t s = 0; s < (quick && strcmp(quick, "1") == 0 ? 2 : sizeof shapes / sizeof *shapes); s++)
        for (enum layout a = 0; a < LAYOUTS; a++)
            for (enum layout b = 0; b < LAYOUTS; b++)
                for (enum layout c = ROWS; c <= BACKWARDS; c++)
                    for (int variant = 0; variant < (s == 2 ? 8 : s == LONG ? c == ROWS : 2); variant++)
                        check(&(struct problem){.m = shapes[s][0], .n = shapes[s][1], .k = shapes[s][2],
                                                .a = a, .b = b, .c = c, .accumulate = variant & 1,
                                                .bias = variant & 2, .relu = variant & 4}, size);
}

static void test_every_layout(void **state)
{
    (void)state;
    for_each_path(check_layouts);
}

static void check_nan(size_t size)
{
    for (enum layout c = ROWS; c <= COLUMNS; c++)
        for (int with_bias = 0; with_bias < 2; with_bias++) {
            struct problem p = {.m = 19, .n = 21, .k = 5, .a = ROWS, .b = ROWS, .c = c, .relu = true,
                                .bias = with_bias};
            struct matrix a = matrix_new(p.m, p.k, p.a, size), b = matrix_new(p.k, p.n, p.b, size);
            struct matrix y = matrix_new(p.m, p.n, p.c, size), bias = matrix_new(1, p.n, ROWS, size);
            if (size == 4)
                ((float *)a.origin)[3 * p.k] = NAN;
            else
                ((double *)a.origin)[3 * p.k] = NAN;
            struct gemm job = job_of(&p, &a, &b, &y, &bias);
            if (size == 4)
                kernel_gemm_f32(&job);
            else
                kernel_gemm_f64(&job);
            for (size_t i = 0; i < p.m; i++)
                for (size_t j = 0; j < p.n; j++)
                    assert_true(i == 3 ? isnan(at(&y, i, j)) : at(&y, i, j) >= 0);
            free(a.memory), free(b.memory), free(y.memory), free(bias.memory);
        }
}

static void test_relu_keeps_nan(void **state)
{
    (void)state;
    for_each_path(check_nan);
}

static void check_threads(size_t size)
{
    static const size_t shapes[][3] = {
        {64, 128, 784}, {784, 128, 64}, {300, 300, 300}, {8, 1000, 500}, {1, 700, 400}, {130, 530, 1100},
        {650, 700, 640},
    };
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++)
        for (int turned = 0; turned < 8; turned++) {
            struct problem p = {.m = shapes[s][0], .n = shapes[s][1], .k = shapes[s][2],
                                .a = turned & 1 ? COLUMNS : ROWS, .b = turned & 2 ? COLUMNS : ROWS,
                                .c = turned & 4 ? COLUMNS : ROWS, .bias = true};
            struct matrix a = matrix_new(p.m, p.k, p.a, size), b = matrix_new(p.k, p.n, p.b, size);
            struct matrix c = matrix_new(p.m, p.n, p.c, size), bias = matrix_new(1, p.n, ROWS, size);
            struct gemm job = job_of(&p, &a, &b, &c, &bias);
            void *first = NULL;
            static const int threads[] = {1, 2, 3, 8};
            for (int t = 0; t < 4; t++) {
                pool_set_threads(threads[t]);
                fill(&c, NAN);
                if (size == 4)
                    kernel_gemm_f32(&job);
                else
                    kernel_gemm_f64(&job);
                if (!first) {
                    first = malloc(p.m * p.n * size);
                    assert_non_null(first);
                    memcpy(first, c.memory, p.m * p.n * size);
                }
                assert_memory_equal(first, c.memory, p.m * p.n * size);
            }
            free(first);
            free(a.memory), free(b.memory), free(c.memory), free(bias.memory);
        }
    pool_set_threads(0);
}

static void test_same_bits_for_any_number_of_threads(void **state)
{
    (void)state;
    for_each_path(check_threads);
}

enum { BATCH = 37 };

/* Jobs of several shapes, empty ones among them, as one batch. */
static void check_batch(size_t size)
{
    static const size_t shapes[][3] = {
        {7, 9, 11}, {7, 9, 11}, {7, 9, 11}, {0, 9, 11}, {64, 64, 300}, {64, 64, 300}, {7, 9, 0},
    };
    struct problem p[BATCH];
    struct matrix a[BATCH], b[BATCH], c[BATCH], bias[BATCH];
    struct gemm jobs[BATCH];
    for (size_t i = 0; i < BATCH; i++) {
        const size_t *shape = shapes[i / 4 % (sizeof shapes / sizeof *shapes)];
        p[i] = (struct problem){.m = shape[0], .n = shape[1], .k = shape[2],
                                .b = i & 1 ? COLUMNS : ROWS, .bias = i & 2};
        a[i] = matrix_new(p[i].m, p[i].k, p[i].a, size), b[i] = matrix_new(p[i].k, p[i].n, p[i].b, size);
        c[i] = matrix_new(p[i].m, p[i].n, p[i].c, size), bias[i] = matrix_new(1, p[i].n, ROWS, size);
        jobs[i] = job_of(&p[i], &a[i], &b[i], &c[i], &bias[i]);
    }
    if (size == 4)
        kernel_gemm_batch_f32(jobs, BATCH), kernel_gemm_batch_f32(NULL, 0);
    else
        kernel_gemm_batch_f64(jobs, BATCH), kernel_gemm_batch_f64(NULL, 0);
    for (size_t i = 0; i < BATCH; i++) {
        check_result(&p[i], &a[i], &b[i], &c[i], &bias[i], 0);
        free(a[i].memory), free(b[i].memory), free(c[i].memory), free(bias[i].memory);
    }
}

static void test_batch(void **state)
{
    (void)state;
    for_each_path(check_batch);
}

static void test_blis_tells_what_it_is(void **state)
{
    (void)state;
    assert_true(strlen(gemm_blis_version()) > 0);
    assert_true(strlen(gemm_blis_kernels()) > 0);
    assert_int_equal(gemm_blis_is_generic(), !strcmp(gemm_blis_kernels(), "generic"));
    if (!getenv("BLIS_ARCH_TYPE") && cpu_isa_detected() >= CPU_AVX2)
        assert_false(gemm_blis_is_generic());
}

static void test_scratch_stays_and_grows(void **state)
{
    (void)state;
    void *small = scratch_get(SCRATCH_A, 100);
    assert_non_null(small);
    assert_ptr_equal(small, scratch_get(SCRATCH_A, 50));
    assert_int_equal((uintptr_t)small % 64, 0);
    assert_ptr_not_equal(scratch_get(SCRATCH_B, 100), scratch_get(SCRATCH_A, 100));
    assert_null(scratch_get(SCRATCH_A, SIZE_MAX));
    memset(scratch_get(SCRATCH_A, 100000), 0, 100000);
    gemm_shutdown();
}

/* ---- The pool ---------------------------------------------------------------------------------------------------- */

enum { MOST_PARTS = 1000 };

struct tally {
    atomic_int runs[MOST_PARTS];
};

static void count_part(size_t part, void *context)
{
    struct tally *t = context;
    atomic_fetch_add(&t->runs[part], 1);
}

static void run_and_check(size_t parts)
{
    struct tally t;
    for (size_t i = 0; i < MOST_PARTS; i++)
        atomic_init(&t.runs[i], 0);
    pool_run(parts, count_part, &t);
    for (size_t i = 0; i < MOST_PARTS; i++)
        assert_int_equal(atomic_load(&t.runs[i]), i < parts);
}

static void test_pool_runs_every_part_once(void **state)
{
    (void)state;
    for (int threads = 1; threads <= 5; threads++) {
        pool_set_threads(threads);
        assert_int_equal(pool_threads(), threads);
        for (size_t parts = 0; parts < 40; parts++)
            run_and_check(parts);
        run_and_check(MOST_PARTS);
    }
    pool_set_threads(100000);
    assert_int_equal(pool_threads(), POOL_MOST_THREADS);
    pool_set_threads(0);
    assert_true(pool_threads() >= 1);
}

static void nested_part(size_t part, void *context)
{
    (void)part;
    struct tally inner;
    for (size_t i = 0; i < 7; i++)
        atomic_init(&inner.runs[i], 0);
    pool_run(7, count_part, &inner);
    for (size_t i = 0; i < 7; i++)
        if (atomic_load(&inner.runs[i]) == 1)
            atomic_fetch_add((atomic_int *)context, 1);
}

static void test_pool_takes_nested_jobs(void **state)
{
    (void)state;
    pool_set_threads(3);
    atomic_int total = 0;
    pool_run(20, nested_part, &total);
    assert_int_equal(atomic_load(&total), 140);
    pool_set_threads(0);
}

static void sum_part(size_t part, void *context)
{
    atomic_fetch_add((atomic_long *)context, (long)part);
}

static void *run_many(void *failures)
{
    for (int round = 0; round < 2000; round++) {
        atomic_long sum = 0;
        pool_run(9, sum_part, &sum);
        if (atomic_load(&sum) != 36)
            atomic_fetch_add((atomic_int *)failures, 1);
    }
    return NULL;
}

static void test_pool_serves_two_callers_at_once(void **state)
{
    (void)state;
    pool_set_threads(3);
    atomic_int failures = 0;
    pthread_t other;
    assert_int_equal(pthread_create(&other, NULL, run_many, &failures), 0);
    atomic_int nested = 0;
    for (int i = 0; i < 200; i++) {
        pool_set_threads(1 + i % 5);
        pool_run(5, nested_part, &nested);
    }
    assert_int_equal(atomic_load(&nested), 200 * 35);
    run_many(&failures);
    pthread_join(other, NULL);
    assert_int_equal(atomic_load(&failures), 0);
    pool_set_threads(0);
}

static void test_pool_restarts_after_shutdown(void **state)
{
    (void)state;
    pool_set_threads(4);
    for (int i = 0; i < 20; i++) {
        run_and_check(50);
        pool_shutdown();
    }
    pool_shutdown();
    run_and_check(50);
    pool_set_threads(0);
}

static void test_pool_wakes_from_sleep(void **state)
{
    (void)state;
    pool_set_threads(3);
    for (int i = 0; i < 20; i++) {
        run_and_check(50);
        usleep(2000);
    }
    pool_set_threads(0);
}

static void test_pool_survives_fork(void **state)
{
    (void)state;
#ifdef UNDER_TSAN
    skip();                             /* it does not support threads in the child of a threaded program */
#endif
    pool_set_threads(3);
    run_and_check(50);
    pid_t child = fork();
    assert_true(child >= 0);
    if (!child) {
        struct tally t;
        for (size_t i = 0; i < 50; i++)
            atomic_init(&t.runs[i], 0);
        pool_run(50, count_part, &t);
        int wrong = 0;
        for (size_t i = 0; i < 50; i++)
            wrong |= atomic_load(&t.runs[i]) != 1;
        pool_shutdown();
        _exit(wrong);
    }
    int status = -1;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    run_and_check(50);
    pool_set_threads(0);
}

static int stop_pool(void **state)
{
    (void)state;
    pool_shutdown();
    gemm_shutdown();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_matrix_units_leave_far_numbers_alone),
        cmocka_unit_test(test_every_shape),
        cmocka_unit_test(test_every_layout),
        cmocka_unit_test(test_relu_keeps_nan),
        cmocka_unit_test(test_same_bits_for_any_number_of_threads),
        cmocka_unit_test(test_batch),
        cmocka_unit_test(test_blis_tells_what_it_is),
        cmocka_unit_test(test_scratch_stays_and_grows),
        cmocka_unit_test(test_pool_runs_every_part_once),
        cmocka_unit_test(test_pool_takes_nested_jobs),
        cmocka_unit_test(test_pool_serves_two_callers_at_once),
        cmocka_unit_test(test_pool_restarts_after_shutdown),
        cmocka_unit_test(test_pool_wakes_from_sleep),
        cmocka_unit_test(test_pool_survives_fork),
    };
    return cmocka_run_group_tests(tests, NULL, stop_pool);
}
