/* The table for this CPU. */
#include "kernels.h"

#include <pthread.h>
#include <stdatomic.h>

#include "cpu.h"
#include "tables.h"

static struct kernels tables[3];

static void fill_tables(void)
{
#define FILL(isa) elementwise_table_##isa(table), reduce_table_##isa(table), rows_table_##isa(table), random_table_##isa(table), scan_log_table_##isa(table)
    struct kernels *table = &tables[CPU_BASE];
    FILL(base);
#ifdef __x86_64__
    if (cpu_isa_detected() >= CPU_AVX2) {       /* the code that fills a table is of its instruction set, too */
        table = &tables[CPU_AVX2];
        FILL(avx2);
    }
    if (cpu_isa_detected() >= CPU_AVX512) {
        table = &tables[CPU_AVX512];
        FILL(avx512);
    }
#endif
}

const struct kernels *kernels(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    static atomic_bool filled;                  /* every op comes by here: a plain load is all it should cost */
    if (!atomic_load_explicit(&filled, memory_order_acquire)) {
        pthread_once(&once, fill_tables);
        atomic_store_explicit(&filled, true, memory_order_release);
    }
    return &tables[cpu_isa()];
}
