/* Tensors as text: NumPy's layout, one precision and width for all elements. */
#include "engine.h"

static void check_text(ct_tensor *t, const char *want, const char *file, int line)
{
    char text[8192];
    size_t length = ct_format(t, text, sizeof text);
    check_fine(file, line);
    if (strcmp(text, want) != 0 || length != strlen(want)) {
        print_error("got\n%s\nwant\n%s\n", text, want);
        _fail(file, line);
    }
}
#define assert_text(t, want) check_text(t, want, __FILE__, __LINE__)
#define DOUBLES(...) (ct_vector)((const double[]){__VA_ARGS__}, COUNT(((const double[]){__VA_ARGS__})), CT_FLOAT64)

static void test_floats_share_precision_and_width(void **state)
{
    (void)state;
    assert_text(ct_vector(1, 2, 3), "tensor([1., 2., 3.])");
    assert_text(ct_vector(1.5, -2, 3.25), "tensor([ 1.50, -2.00,  3.25])");
    assert_text(ct_vector(0.1, 0.2), "tensor([0.1, 0.2])"); /* the shortest text that gives the value back */
    assert_text(ct_vector(0, 0), "tensor([0., 0.])");
    assert_text(ct_vector(-0.0, 0.00012), "tensor([-0.00000,  0.00012])");
    assert_text(ct_vector(100, -0.5), "tensor([100.0,  -0.5])");
    assert_text(DOUBLES(3.14159265358979), "tensor([3.1415927], dtype=float64)");
}

static void test_far_apart_floats_take_exponents(void **state)
{
    (void)state;
    assert_text(ct_vector(1e-5, 1, 1000), "tensor([1e-05, 1e+00, 1e+03])");
    assert_text(ct_vector(1e10, -1), "tensor([ 1e+10, -1e+00])");
    assert_text(ct_vector(123456784, 1), "tensor([1.2345678e+08, 1.0000000e+00])");
    assert_text(ct_vector(1e-30, 1e30), "tensor([1e-30, 1e+30])");
    assert_text(DOUBLES(1e-308, 1e308), "tensor([1e-308, 1e+308], dtype=float64)");
    assert_text(ct_vector(0, 2.5e-5), "tensor([0.0e+00, 2.5e-05])");
}

static void test_numbers_that_are_none(void **state)
{
    (void)state;
    assert_text(ct_vector(NAN, INFINITY, -INFINITY, 1.5), "tensor([ nan,  inf, -inf,  1.5])");
    assert_text(ct_vector(NAN, INFINITY), "tensor([nan, inf])");
    assert_text(ct_vector(-INFINITY, 1e-9), "tensor([ -inf, 1e-09])");
}

static void test_integers_and_bools_are_right_aligned(void **state)
{
    (void)state;
    assert_text(ct_vector_int(1, -20, 300), "tensor([  1, -20, 300])");
    assert_text((ct_from_array)((int64_t[]){INT64_MIN, 0, INT64_MAX}, CT_INT64, (int64_t[]){3}, 1),
                "tensor([-9223372036854775808,                    0,  9223372036854775807])");
    assert_text(ct_gt(ct_vector(1, 2), 1.5), "tensor([False,  True])");
}

static void test_tensors_without_axes_or_elements(void **state)
{
    (void)state;
    assert_text((ct_full)(NULL, 0, 2.5, CT_FLOAT32), "tensor(2.5)");
    assert_text(ct_scalar_int(7), "tensor(7)");
    assert_text(ct_scalar_bool(true), "tensor(True)");
    assert_text(ct_zeros(0), "tensor([])");
    assert_text(ct_zeros(2, 0, 3), "tensor([], shape=(2, 0, 3))");
    assert_text((ct_zeros)((int64_t[]){0}, 1, CT_INT64), "tensor([], dtype=int64)");
}

static void test_axes_nest_in_brackets(void **state)
{
    (void)state;
    assert_text(ct_eye(2), "tensor([[1., 0.],\n"
                           "        [0., 1.]])");
    assert_text(ct_reshape(ct_arange(12), 2, 3, 2), "tensor([[[ 0,  1],\n"
                                                    "         [ 2,  3],\n"
                                                    "         [ 4,  5]],\n"
                                                    "\n"
                                                    "        [[ 6,  7],\n"
                                                    "         [ 8,  9],\n"
                                                    "         [10, 11]]])");
    assert_text(ct_reshape(ct_arange(4), 2, 1, 2, 1), "tensor([[[[0],\n"
                                                      "          [1]]],\n"
                                                      "\n"
                                                      "\n"
                                                      "        [[[2],\n"
                                                      "          [3]]]])");
    assert_text(ct_transpose(ct_reshape(ct_arange(6), 2, 3), 0, 1), "tensor([[0, 3],\n"
                                                                    "        [1, 4],\n"
                                                                    "        [2, 5]])");
    assert_text(ct_expand(ct_slice(ct_arange(3), "::-1"), 2, 3), "tensor([[2, 1, 0],\n"
                                                                 "        [2, 1, 0]])");
}

static void test_long_rows_wrap(void **state)
{
    (void)state;
    assert_text(ct_arange(30), "tensor([ 0,  1,  2,  3,  4,  5,  6,  7,  8,  9, 10, 11, 12, 13, 14, 15, 16,\n"
                               "        17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29])");
}

static void test_more_than_a_thousand_elements_are_summarised(void **state)
{
    (void)state;
    assert_text(ct_arange(1001), "tensor([   0,    1,    2, ...,  998,  999, 1000])");
    char text[8192];
    ct_format(ct_arange(1000), text, sizeof text);
    assert_null(strstr(text, "..."));
    assert_text(ct_reshape(ct_arange(2000), 2, 1000), "tensor([[   0,    1,    2, ...,  997,  998,  999],\n"
                                                      "        [1000, 1001, 1002, ..., 1997, 1998, 1999]])");
    assert_text(ct_reshape(ct_arange(2000), 1000, 2), "tensor([[   0,    1],\n"
                                                      "        [   2,    3],\n"
                                                      "        [   4,    5],\n"
                                                      "        ...,\n"
                                                      "        [1994, 1995],\n"
                                                      "        [1996, 1997],\n"
                                                      "        [1998, 1999]])");
    assert_text(ct_zeros(1L << 20), "tensor([0., 0., 0., ..., 0., 0., 0.])"); /* only what is shown is looked at */
}

static void test_what_a_tensor_is_part_of(void **state)
{
    (void)state;
    ct_tensor *x = leaf(1, 2);
    assert_text(x, "tensor([1., 2.], requires_grad)");
    assert_text(ct_neg(x), "tensor([-1., -2.], made by neg)");
    assert_text(ct_detach(x), "tensor([1., 2.])");
    assert_true(ct_set_default_dtype(CT_FLOAT64));
    assert_text(ct_vector(1), "tensor([1.])");
    assert_text(ct_cast(ct_vector(1), CT_FLOAT32), "tensor([1.], dtype=float32)");
    assert_true(ct_set_default_dtype(CT_FLOAT32));
}

static void test_format_counts_as_snprintf_does(void **state)
{
    (void)state;
    ct_tensor *t = ct_vector(1, 2, 3);
    const char *whole = "tensor([1., 2., 3.])";
    const size_t length = strlen(whole);
    assert_int_equal(ct_format(t, NULL, 0), length);
    assert_int_equal(ct_format(t, NULL, 99), length);
    for (size_t room = 0; room <= length + 2; room++) {
        char text[64];
        memset(text, '#', sizeof text);
        assert_int_equal(ct_format(t, text, room), length);
        size_t written = room == 0 ? 0 : room <= length ? room - 1 : length;
        assert_memory_equal(text, whole, written);
        if (room)
            assert_int_equal(text[written], 0);
        for (size_t i = room ? written + 1 : 0; i < sizeof text; i++)
            assert_int_equal(text[i], '#');
    }
    assert_int_equal(ct_format(NULL, NULL, 0), 0);
    assert_error("format: the operand is NULL");
}

static void test_fprint_writes_a_line(void **state)
{
    (void)state;
    FILE *file = tmpfile();
    assert_true(ct_fprint(file, ct_vector_int(1, 2)));
    assert_true(ct_fprint(file, ct_scalar_bool(false)));
    rewind(file);
    char text[100] = {0};
    assert_int_equal(fread(text, 1, sizeof text - 1, file), strlen("tensor([1, 2])\ntensor(False)\n"));
    assert_string_equal(text, "tensor([1, 2])\ntensor(False)\n");
    fclose(file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_floats_share_precision_and_width),
        TEST(test_far_apart_floats_take_exponents),
        TEST(test_numbers_that_are_none),
        TEST(test_integers_and_bools_are_right_aligned),
        TEST(test_tensors_without_axes_or_elements),
        TEST(test_axes_nest_in_brackets),
        TEST(test_long_rows_wrap),
        TEST(test_more_than_a_thousand_elements_are_summarised),
        TEST(test_what_a_tensor_is_part_of),
        TEST(test_format_counts_as_snprintf_does),
        TEST(test_fprint_writes_a_line),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    ct_shutdown();
    return failed;
}
