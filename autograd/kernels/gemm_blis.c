/* gemm_blis.c - one block of C by BLIS, single-threaded, and the choice of BLIS's kernels. */
#include "cpu.h"
#include "gemm_parts.h"
#include "scratch.h"

#include <blis.h>
#include <limits.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static pthread_once_t start_once = PTHREAD_ONCE_INIT;
static const char *kernels = "";

/* BLIS knows CPUs by maker and model. A newer one falls to `generic` (a sixth of the speed), and one with AVX-512
 * whose name it does not know falls to an AVX2 set; so on x86 we name the set by what the CPU can do. NULL: BLIS knows
 * best. */
#if defined(BLIS_FAMILY_X86_64) || defined(BLIS_FAMILY_INTEL64) || defined(BLIS_FAMILY_AMD64)
static const char *suitable_set(int *number)
{
    (void)number;
#if defined(BLIS_CONFIG_SKX) && !defined(BLIS_CONFIG_ZEN4)
    if (cpu_isa_detected() == CPU_AVX512)
        return *number = BLIS_ARCH_SKX, "skx";
#endif
#if defined(BLIS_CONFIG_HASWELL)
    if (cpu_isa_detected() == CPU_AVX2 && !__builtin_cpu_is("intel") && !__builtin_cpu_is("amdfam17h") &&
        !__builtin_cpu_is("znver3"))
        return *number = BLIS_ARCH_HASWELL, "haswell";
#endif
    return NULL;
}
#else
static const char *suitable_set(int *number)
{
    (void)number;
    return NULL;
}
#endif

/* BLIS takes the choice from the environment only, which we put back at once: neither the program's other users of
 * BLIS nor its children should find it there. The variable is a number up to 1.x, which differs between releases
 * (hence the header's constant), and a name from 2.0. */
static void start(void)
{
    static const char variable[] = "BLIS_ARCH_TYPE";
    int number = 0;
    const char *set = suitable_set(&number);
    bool ours = set && !getenv(variable);
    if (ours) {
        char digits[16];
        snprintf(digits, sizeof digits, "%d", number);
        ours = !setenv(variable, atoi(bli_info_get_version_str()) < 2 ? digits : set, 1);
    }
    bli_init();   /* asking for the set before this aborts in 0.9 when the variable is set */
    kernels = bli_arch_string(bli_arch_query_id());
    if (ours)
        unsetenv(variable);
}

const char *gemm_blis_version(void)
{
    return bli_info_get_version_str();
}

const char *gemm_blis_kernels(void)
{
    pthread_once(&start_once, start);
    return kernels;
}

bool gemm_blis_is_generic(void)
{
    return !strcmp(gemm_blis_kernels(), "generic");
}

struct operand {
    const void *memory;
    ptrdiff_t row, column;
};

static size_t magnitude(ptrdiff_t stride)
{
    return stride < 0 ? -(size_t)stride : (size_t)stride;
}

/* Any stride serves a dimension of one, but BLIS must not mistake it for a matrix stored on top of itself. */
static void settle_strides(struct operand *x, size_t rows, size_t columns)
{
    if (rows == 1)
        x->row = (ptrdiff_t)(columns * (magnitude(x->column) + !x->column));
    if (columns == 1)
        x->column = (ptrdiff_t)(rows * (magnitude(x->row) + !x->row));
}

static bool fits_blis(size_t size, ptrdiff_t stride)
{
    return sizeof(dim_t) > 4 || (size <= INT32_MAX && magnitude(stride) <= INT32_MAX);
}

/* BLIS takes no strides of zero, and negative ones only in some releases. */
#define DEFINE_FOR(type, suffix, blis_gemm)                                                                            \
    static bool regular_##suffix(struct operand *x, enum scratch_slot slot, size_t rows, size_t columns)               \
    {                                                                                                                  \
        settle_strides(x, rows, columns);                                                                              \
        if (!fits_blis(rows, x->row) || !fits_blis(columns, x->column))                                                \
            return false;                                                                                              \
        if (x->row > 0 && x->column > 0)                                                                               \
            return true;                                                                                               \
        if (rows > SIZE_MAX / sizeof(type) / columns)                                                                  \
            return false;                                                                                              \
        type *copy = scratch_get(slot, rows * columns * sizeof(type));                                                 \
        if (!copy)                                                                                                     \
            return false;                                                                                              \
        const type *from = x->memory;                                                                                  \
        for (size_t i = 0; i < rows; i++)                                                                              \
            for (size_t j = 0; j < columns; j++)                                                                       \
                copy[i * columns + j] = from[(ptrdiff_t)i * x->row + (ptrdiff_t)j * x->column];                        \
        *x = (struct operand){copy, (ptrdiff_t)columns, 1};                                                            \
        return true;                                                                                                   \
    }                                                                                                                  \
                                                                                                                       \
    /* For what BLIS cannot take and no scratch can mend. */                                                           \
    static void plain_##suffix(const struct gemm *job, const type *a, const type *b, type *c, struct gemm_block block) \
    {                                                                                                                  \
        for (size_t i = 0; i < block.rows; i++)                                                                        \
            for (size_t j = 0; j < block.columns; j++) {                                                               \
                type *to = c + (ptrdiff_t)i * job->c_row + (ptrdiff_t)j * job->c_column;                               \
                type sum = 0;                                                                                          \
                for (size_t p = 0; p < job->k; p++)                                                                    \
                    sum += a[(ptrdiff_t)i * job->a_row + (ptrdiff_t)p * job->a_column] *                               \
                           b[(ptrdiff_t)p * job->b_row + (ptrdiff_t)j * job->b_column];                                \
                *to = job->accumulate ? *to + sum : sum;                                                               \
            }                                                                                                          \
    }                                                                                                                  \
                                                                                                                       \
    void gemm_blis_##suffix(const struct gemm *job, struct gemm_block block)                                           \
    {                                                                                                                  \
        if (!block.rows || !block.columns)                                                                             \
            return;                                                                                                    \
        pthread_once(&start_once, start);                                                                              \
        const type *a = (const type *)job->a + (ptrdiff_t)block.row * job->a_row;                                      \
        const type *b = (const type *)job->b + (ptrdiff_t)block.column * job->b_column;                                \
        type *c = (type *)job->c + (ptrdiff_t)block.row * job->c_row + (ptrdiff_t)block.column * job->c_column;        \
        struct operand x = {a, job->a_row, job->a_column}, y = {b, job->b_row, job->b_column},                         \
                       z = {c, job->c_row, job->c_column};                                                             \
        settle_strides(&z, block.rows, block.columns);                                                                 \
        if (z.row > 0 && z.column > 0 && fits_blis(block.rows, z.row) && fits_blis(block.columns, z.column) &&         \
            regular_##suffix(&x, SCRATCH_A, block.rows, job->k) &&                                                     \
            regular_##suffix(&y, SCRATCH_B, job->k, block.columns)) {                                                  \
            rntm_t one_thread = BLIS_RNTM_INITIALIZER;                                                                 \
            bli_rntm_set_num_threads(1, &one_thread);                                                                  \
            bli_rntm_disable_l3_sup(&one_thread);   /* in 0.9 its kernels read past the ends of buffers */             \
            type one = 1, beta = job->accumulate;                                                                      \
            blis_gemm(BLIS_NO_TRANSPOSE, BLIS_NO_TRANSPOSE, (dim_t)block.rows, (dim_t)block.columns, (dim_t)job->k,    \
                      &one, (type *)x.memory, x.row, x.column, (type *)y.memory, y.row, y.column, &beta, c, z.row,     \
                      z.column, NULL, &one_thread);                                                                    \
        } else {                                                                                                       \
            plain_##suffix(job, a, b, c, block);                                                                       \
        }                                                                                                              \
        gemm_finish_##suffix(job, block);                                                                              \
    }                                                                                                                  \
                                                                                                                       \
    void gemm_finish_##suffix(const struct gemm *job, struct gemm_block block)                                         \
    {                                                                                                                  \
        const type *bias = job->bias ? (const type *)job->bias + block.column : NULL;                                  \
        bool relu = job->activation == GEMM_RELU;                                                                      \
        if (!bias && !relu)                                                                                            \
            return;                                                                                                    \
        for (size_t i = 0; i < block.rows; i++) {                                                                      \
            type *row = (type *)job->c + (ptrdiff_t)(block.row + i) * job->c_row +                                     \
                        (ptrdiff_t)block.column * job->c_column;                                                       \
            for (size_t j = 0; j < block.columns; j++) {                                                               \
                type *at = row + (ptrdiff_t)j * job->c_column, y = *at;                                                \
                if (bias)                                                                                              \
                    y += bias[j];                                                                                      \
                *at = relu && y <= 0 ? 0 : y;                                                                          \
            }                                                                                                          \
        }                                                                                                              \
    }

DEFINE_FOR(float, f32, bli_sgemm_ex)
DEFINE_FOR(double, f64, bli_dgemm_ex)
