/* cpu.h - which instruction set the kernels run on. */
#ifndef COTANGENT_KERNELS_CPU_H
#define COTANGENT_KERNELS_CPU_H

#include <stdbool.h>

/* CPU_AVX2 means AVX2 and FMA; CPU_AVX512 means F, DQ, BW and VL on top. Beyond x86 there is only the base. */
enum cpu_isa { CPU_BASE, CPU_AVX2, CPU_AVX512 };

enum cpu_isa cpu_isa(void);                       /* in use: COTANGENT_ISA=base|avx2|avx512 lowers it */
enum cpu_isa cpu_isa_detected(void);              /* what the CPU has */
bool cpu_has_amx(void);                           /* CPU_AVX512 is in use, and matrix units of bfloat16 are there besides */
const char *cpu_isa_name(enum cpu_isa isa);       /* "base", "avx2", "avx512" */
bool cpu_set_isa_for_testing(enum cpu_isa isa);   /* false, and nothing changed, where the CPU has no such set */

#endif
