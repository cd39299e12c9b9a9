/* What this library was built from and runs on. */
#include "internal.h"
#include "kernels/cpu.h"
#include "kernels/gemm.h"
#include "kernels/pool.h"

#ifndef COTANGENT_VERSION
#define COTANGENT_VERSION "unversioned"
#endif

int ct_num_threads(void)
{
    return pool_threads();
}

bool ct_set_num_threads(int count)
{
    if (count < 1 || count > 256)
        return ct_fail("set_num_threads: %d, want 1 to 256", count) != NULL;
    pool_set_threads(count);
    return true;
}

const char *ct_build_info(void)
{
    static _Thread_local char text[256];
#ifdef __clang__
    const char *compiler = "clang " __clang_version__;
#else
    const char *compiler = "gcc " __VERSION__;
#endif
    snprintf(text, sizeof text, "cotangent %s, %s, kernels %s%s, BLIS %s (%s), %d thread%s", COTANGENT_VERSION, compiler,
             cpu_isa_name(cpu_isa()), cpu_has_amx() ? " with amx" : "", gemm_blis_version(), gemm_blis_kernels(), pool_threads(), pool_threads() == 1 ? "" : "s");
    return text;
}
