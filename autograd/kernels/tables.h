/* What each kernel source puts into the table, once per instruction set. */
#ifndef COTANGENT_KERNELS_TABLES_H
#define COTANGENT_KERNELS_TABLES_H
#include "kernels.h"

#define KERNEL_SOURCES(ROW, isa)                                                                                         \
    ROW(channels, isa)                                                                                                   \
    ROW(elementwise, isa)                                                                                                \
    ROW(extreme, isa)                                                                                                    \
    ROW(pack, isa)                                                                                                       \
    ROW(pooling, isa)                                                                                                    \
    ROW(random, isa)                                                                                                     \
    ROW(reduce, isa)                                                                                                     \
    ROW(row_norm, isa)                                                                                                   \
    ROW(rows, isa)                                                                                                       \
    ROW(scan_log, isa)

#define ROW(source, isa) void source##_table_##isa(struct kernels *table);
KERNEL_SOURCES(ROW, base)
KERNEL_SOURCES(ROW, avx2)
KERNEL_SOURCES(ROW, avx512)
#undef ROW
#endif
