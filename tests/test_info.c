/* What the library says of itself, and that it runs as fast as the machine lets it. */
#include "autograd/kernels/cpu.h"
#include "autograd/kernels/gemm.h"
#include "engine.h"

static void test_build_info_names_the_parts(void **state)
{
    (void)state;
    int was = ct_num_threads();
    assert_true(ct_set_num_threads(3));
    const char *info = ct_build_info();
    assert_int_equal(strncmp(info, "cotangent ", 10), 0);
    assert_true(info[10] >= '0' && info[10] <= '9'); /* a version */
    assert_non_null(strstr(info, "gcc") ? strstr(info, "gcc") : strstr(info, "clang"));
    assert_non_null(strstr(info, cpu_isa_name(cpu_isa())));
    assert_non_null(strstr(info, gemm_blis_version()));
    assert_non_null(strstr(info, gemm_blis_kernels()));
    assert_non_null(strstr(info, "3 threads"));
    assert_true(ct_set_num_threads(1));
    assert_non_null(strstr(ct_build_info(), "1 thread"));
    assert_null(strstr(ct_build_info(), "1 threads"));
    ct_set_num_threads(was);
    print_message("# %s\n", ct_build_info());
}

static void test_the_instruction_set_in_use_is_one_the_cpu_has(void **state)
{
    (void)state;
    assert_true(cpu_isa() <= cpu_isa_detected());
    assert_string_equal(cpu_isa_name(CPU_BASE), "base");
    assert_string_equal(cpu_isa_name(CPU_AVX2), "avx2");
    assert_string_equal(cpu_isa_name(CPU_AVX512), "avx512");
}

static void test_blis_is_not_generic_where_the_cpu_has_avx2(void **state)
{
    (void)state;
    if (getenv("BLIS_ARCH_TYPE") || cpu_isa_detected() < CPU_AVX2)
        skip();
    if (gemm_blis_is_generic())
        fail_msg("BLIS %s runs on its generic kernels, at a fifth of the speed: %s", gemm_blis_version(), ct_build_info());
    assert_string_not_equal(gemm_blis_kernels(), "generic");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_build_info_names_the_parts),
        TEST(test_the_instruction_set_in_use_is_one_the_cpu_has),
        TEST(test_blis_is_not_generic_where_the_cpu_has_avx2),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    ct_shutdown();
    return failed;
}
