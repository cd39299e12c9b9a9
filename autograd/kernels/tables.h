/* What each kernel source puts into the table, once per instruction set. */
#ifndef COTANGENT_KERNELS_TABLES_H
#define COTANGENT_KERNELS_TABLES_H
#include "kernels.h"

#define KERNEL_TABLES(isa)                                                                                               \
    void elementwise_table_##isa(struct kernels *table);                                                                 \
    void reduce_table_##isa(struct kernels *table);                                                                      \
    void rows_table_##isa(struct kernels *table);                                                                        \
    void random_table_##isa(struct kernels *table);                                                                      \
    void scan_log_table_##isa(struct kernels *table);
KERNEL_TABLES(base)
KERNEL_TABLES(avx2)
KERNEL_TABLES(avx512)
#endif
