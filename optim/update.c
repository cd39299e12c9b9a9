/* One pass for all parameters: laid end to end and cut into blocks of equal size, whatever tensor they fall in. */
#include "optim/update.h"

#include <math.h>

#include "autograd/kernels/cpu.h"
#include "autograd/kernels/pool.h"
#include "optim/update_kernels.h"

/* Tensors start on a multiple of ALIGN so that blocks begin where vectors do. */
enum { ALIGN = 64 };

static const struct update_kernels *const kernels[] = {
    [CPU_BASE] = &update_kernels_base,
#if defined(__x86_64__)
    [CPU_AVX2] = &update_kernels_avx2,
    [CPU_AVX512] = &update_kernels_avx512,
#endif
};

struct pass {
    const struct update *updates;
    size_t count;
    update_kernel *const (*rules)[2];           /* one a rule, or */
    update_kernel *const *same;                 /* one for all */
};

static void run_block(size_t part, void *context)
{
    const struct pass *pass = context;
    size_t begin = part * UPDATE_BLOCK, end = begin + UPDATE_BLOCK, low = 0, high = pass->count;
    while (high - low > 1) {                    /* the last update that starts at or before the block */
        size_t middle = low + (high - low) / 2;
        if (pass->updates[middle].start <= begin)
            low = middle;
        else
            high = middle;
    }
    for (size_t i = low; i < pass->count && pass->updates[i].start < end; i++) {
        const struct update *u = &pass->updates[i];
        size_t from = begin > u->start ? begin - u->start : 0;
        size_t to = end - u->start < u->count ? end - u->start : u->count;
        if (from < to)
            (pass->same ? pass->same : pass->rules[u->rule])[u->is_double](u, from, to);
    }
}

static void run(struct update *updates, size_t count, update_kernel *const *same, size_t align)
{
    size_t total = 0;
    for (size_t i = 0; i < count; i++) {
        updates[i].start = total;
        total += (updates[i].count + align - 1) / align * align;
    }
    struct pass pass = {updates, count, kernels[cpu_isa()]->rules, same};
    pool_run((total + UPDATE_BLOCK - 1) / UPDATE_BLOCK, run_block, &pass);
}

void update_run(struct update *updates, size_t count)
{
    run(updates, count, NULL, ALIGN);
}

/* Sums are kept by blocks of the tensor, so each begins with a block. */
void update_norms(struct update *updates, size_t count, double power)
{
    const struct update_kernels *k = kernels[cpu_isa()];
    for (size_t i = 0; i < count; i++)
        updates[i].n.rate = power;
    run(updates, count, power == 2 ? k->squares : power == 1 ? k->absolutes : isinf(power) ? k->largest : k->powers, UPDATE_BLOCK);
}

void update_lamb_moments(struct update *updates, size_t count)
{
    run(updates, count, kernels[cpu_isa()]->lamb_moments, UPDATE_BLOCK);
}
