/* One pass for all parameters: laid end to end and cut into blocks of equal size, whatever tensor they fall in. */
#include "optim/update.h"

#include "autograd/kernels/cpu.h"
#include "autograd/kernels/pool.h"
#include "optim/update_kernels.h"

/* A block is worth a thread's while; tensors start on a multiple of ALIGN so that blocks begin where vectors do. */
enum { BLOCK = 8192, ALIGN = 64 };

static const struct {
    update_kernel *sgd[2], *adam[2];            /* float, double */
} kernels[] = {
#define ROW(isa) {{update_sgd_f32_##isa, update_sgd_f64_##isa}, {update_adam_f32_##isa, update_adam_f64_##isa}}
    [CPU_BASE] = ROW(base),
#if defined(__x86_64__)
    [CPU_AVX2] = ROW(avx2),
    [CPU_AVX512] = ROW(avx512),
#endif
#undef ROW
};

struct pass {
    const struct update *updates;
    size_t count;
    enum cpu_isa isa;
};

static void run_block(size_t part, void *context)
{
    const struct pass *pass = context;
    size_t begin = part * BLOCK, end = begin + BLOCK, low = 0, high = pass->count;
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
            (u->is_adam ? kernels[pass->isa].adam : kernels[pass->isa].sgd)[u->is_double](u, from, to);
    }
}

void update_run(struct update *updates, size_t count)
{
    size_t total = 0;
    for (size_t i = 0; i < count; i++) {
        updates[i].start = total;
        total += (updates[i].count + ALIGN - 1) / ALIGN * ALIGN;
    }
    struct pass pass = {updates, count, cpu_isa()};
    pool_run((total + BLOCK - 1) / BLOCK, run_block, &pass);
}
