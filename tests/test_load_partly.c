/* Weights that fit a module in part: what has no counterpart is listed, what differs changes nothing. */
#include "modules.h"

#include "autograd/memory.h"
#include "temp_folder.h"

static ct_module *part(int64_t out, bool deeper)
{
    return deeper ? ct_nn_sequential(ct_nn_linear(3, 4), ct_nn_batch_norm1d(4), ct_nn_linear(4, out))
                  : ct_nn_sequential(ct_nn_linear(3, 4), ct_nn_relu(), ct_nn_linear(4, out));
}

static double first_of(const ct_module *net, const char *name)
{
    CT_SCOPE;
    return ct_item(ct_narrow(ct_reshape(ct_detach(ct_module_find(net, name)), -1), 0, 0, 1));
}

static void test_names_of_one_side_are_listed(void **state)
{
    (void)state;
    const char *path = path_of("part.safetensors");
    ct_module *net = part(2, true), *plain = part(2, false), *empty = ct_nn_sequential(ct_nn_relu());
    const double before = first_of(net, "1.weight");
    assert_true(ct_module_save(plain, path));
    ct_load_report *report = ct_module_load_partly(net, path);
    assert_fine();
    static const char *const missing[] = {"1.weight", "1.bias", "1.running_mean", "1.running_var"};
    for (size_t i = 0; i < 4; i++)
        assert_string_equal(ct_load_report_missing(report, i), missing[i]);
    assert_null(ct_load_report_missing(report, 4)); /* num_batches_tracked may lack */
    assert_null(ct_load_report_unexpected(report, 0));
    assert_true(first_of(net, "2.weight") == first_of(plain, "2.weight"));
    assert_true(first_of(net, "1.weight") == before);
    ct_free(report);
    report = ct_module_load_partly(empty, path);
    for (size_t i = 0; i < 4; i++)
        assert_non_null(ct_load_report_unexpected(report, i));
    assert_null(ct_load_report_unexpected(report, 4));
    assert_null(ct_load_report_missing(report, 0));
    ct_free(report), ct_free(net), ct_free(plain), ct_free(empty);
    unlink(path);
}

static void test_a_shape_that_differs_is_an_error_there_too(void **state)
{
    (void)state;
    const char *path = path_of("part.safetensors");
    ct_module *net = part(2, true), *wide = part(3, false);
    const double before = first_of(net, "0.weight");
    assert_true(ct_module_save(wide, path));
    assert_null(ct_module_load_partly(net, path));
    assert_error("part.safetensors: \"2.weight\" is (3, 4), in the module (2, 4)");
    assert_true(first_of(net, "0.weight") == before);
    assert_null(ct_module_load_partly(NULL, path));
    assert_error("module_load: module is NULL");
    assert_null(ct_module_load_partly(net, NULL));
    assert_error("module_load: path is NULL");
    assert_null(ct_module_load_partly(net, path_of("none")));
    assert_error("none: cannot open");
    assert_null(ct_load_report_missing(NULL, 0));
    assert_null(ct_load_report_unexpected(NULL, 0));
    ct_free(net), ct_free(wide);
    unlink(path);
}

static void test_strict_loading_asks_for_no_num_batches_tracked(void **state)
{
    (void)state;
    const char *path = path_of("old.safetensors");
    ct_module *net = ct_nn_batch_norm2d(1);
    ct_tensor *one = ct_ones(1);
    const ct_named_tensor old[] = {{"weight", one}, {"bias", one}, {"running_mean", one}, {"running_var", one}};
    assert_true(ct_io_safetensors_write(path, old, 4, NULL, 0));
    assert_true(ct_module_load(net, path));
    assert_true(first_of(net, "running_mean") == 1);
    assert_true(ct_io_safetensors_write(path, old, 3, NULL, 0));
    assert_false(ct_module_load(net, path));
    assert_error("has no tensor \"running_var\", which the module wants");
    ct_free(net);
    unlink(path);
}

static void test_each_failed_allocation_is_an_error(void **state)
{
    (void)state;
    const char *path = path_of("part.safetensors");
    ct_module *net = part(2, true), *plain = part(2, false);
    assert_true(ct_module_save(plain, path));
    bool struck = true;
    for (int64_t after = 0; struck; after++) {
        memory_fail_after(after);
        ct_load_report *report = ct_module_load_partly(net, path);
        struck = memory_failed_one();
        memory_fail_after(-1);
        if (!report)
            assert_error("memory");
        ct_free(report);
    }
    ct_free(net), ct_free(plain);
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names_of_one_side_are_listed),
        cmocka_unit_test(test_a_shape_that_differs_is_an_error_there_too),
        cmocka_unit_test(test_strict_loading_asks_for_no_num_batches_tracked),
        cmocka_unit_test(test_each_failed_allocation_is_an_error),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
