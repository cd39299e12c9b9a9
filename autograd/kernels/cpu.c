/* cpu.c - detects the instruction set once and lets the environment or a test lower it. */
#include "cpu.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#if defined(__x86_64__) && defined(__linux__)
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

static pthread_once_t detect_once = PTHREAD_ONCE_INIT;
static enum cpu_isa detected;
static bool has_amx;
static atomic_int in_use = -1;

/* Their registers are large: the system saves them for a process that has asked for that. */
static bool may_use_amx(void)
{
#if defined(__x86_64__) && defined(__linux__)
    enum { ASK = 0x1023, TILE_DATA = 18, BF16 = 1 << 22, TILE = 1 << 24 };
    unsigned a, b, c, d;
    return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (d & BF16) && (d & TILE) && syscall(SYS_arch_prctl, ASK, TILE_DATA) == 0;
#else
    return false;
#endif
}

static void detect(void)
{
    detected = CPU_BASE;
#if defined(__x86_64__) || defined(__i386__)
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
        detected = CPU_AVX2;
        if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
            __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl"))
            detected = CPU_AVX512;
        has_amx = detected == CPU_AVX512 && may_use_amx();
    }
#endif
    enum cpu_isa wanted = detected;
    const char *name = getenv("COTANGENT_ISA");
    for (int isa = CPU_BASE; name && isa < (int)detected; isa++)
        if (!strcmp(name, cpu_isa_name((enum cpu_isa)isa)))
            wanted = (enum cpu_isa)isa;
    atomic_store(&in_use, (int)wanted);
}

enum cpu_isa cpu_isa(void)
{
    int isa = atomic_load_explicit(&in_use, memory_order_relaxed);
    if (isa < 0) {
        pthread_once(&detect_once, detect);
        isa = atomic_load_explicit(&in_use, memory_order_relaxed);
    }
    return (enum cpu_isa)isa;
}

enum cpu_isa cpu_isa_detected(void)
{
    pthread_once(&detect_once, detect);
    return detected;
}

bool cpu_has_amx(void)
{
    return cpu_isa() == CPU_AVX512 && has_amx;
}

const char *cpu_isa_name(enum cpu_isa isa)
{
    switch (isa) {
    case CPU_AVX512: return "avx512";
    case CPU_AVX2:   return "avx2";
    default:         return "base";
    }
}

bool cpu_set_isa_for_testing(enum cpu_isa isa)
{
    if (isa > cpu_isa_detected())
        return false;
    atomic_store(&in_use, (int)isa);
    return true;
}
