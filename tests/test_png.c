/* PNG files: what is written comes back, and bad ones are refused by name. */
#include <cotangent.h>

#include <sys/stat.h>

#include "files.h"

static void test_pixels_survive_a_file(void **state)
{
    (void)state;
    for (int channels = 1; channels <= 3; channels += 2) {
        CT_SCOPE;
        ct_tensor *bytes = ct_reshape(ct_fmod(ct_arange(channels * 5 * 7), 256), channels, 5, 7), *image = ct_div(bytes, 255.0);
        assert_true(ct_io_png_write(path_of("image.png"), image));
        ct_tensor *back = ct_io_png_read(path_of("image.png"));
        assert_fine();
        assert_int_equal(ct_rank(back), 3);
        assert_int_equal(ct_size(back, 0), channels);
        assert_true(ct_allclose(back, ct_cast(image, CT_FLOAT32), 0, 1e-6, false));
        assert_int_equal(count_files(), 1);
        unlink(path_of("image.png"));
    }
}

static void test_any_layout_and_dtype_is_written_and_values_are_clamped(void **state)
{
    (void)state;
    CT_SCOPE;
    const double values[] = {-1, 0, 0.5, 1, 7, NAN, INFINITY, -INFINITY};
    ct_tensor *plane = ct_reshape((ct_vector)(values, 8, CT_FLOAT64), 2, 4);
    assert_true(ct_io_png_write(path_of("plane.png"), ct_transpose(plane, 0, 1)));
    ct_tensor *back = ct_io_png_read(path_of("plane.png"));
    assert_fine();
    const float want[] = {0, 1, 0, 0, 128 / 255.0f, 1, 1, 0};
    assert_true(ct_allclose(back, ct_from_array(want, 1, 4, 2), 0, 1e-6, false));
    unlink(path_of("plane.png"));
}

static void test_what_is_no_image_is_refused(void **state)
{
    (void)state;
    CT_SCOPE;
    assert_false(ct_io_png_write(path_of("x.png"), ct_zeros(2, 4, 4)));
    assert_error("a PNG wants floats (1 or 3, H, W) or (H, W)");
    assert_false(ct_io_png_write(path_of("x.png"), ct_zeros(3, 0, 4)));
    assert_error("a PNG wants floats");
    assert_false(ct_io_png_write(path_of("x.png"), ct_zeros_as(CT_INT64, 4, 4)));
    assert_error("a PNG wants floats (1 or 3, H, W) or (H, W), not int64 with 2 axes");
    assert_false(ct_io_png_write(path_of("nowhere/x.png"), ct_zeros(4, 4)));
    assert_error("nowhere/x.png: cannot");
    assert_false(ct_io_png_write(NULL, ct_zeros(4, 4)));
    assert_error("path is NULL");
    assert_false(ct_io_png_write(path_of("x.png"), NULL));
    assert_error("image is NULL");
    assert_int_equal(count_files(), 0);
}

static void test_bad_files_are_refused_by_name(void **state)
{
    (void)state;
    CT_SCOPE;
    assert_null(ct_io_png_read(path_of("none.png")));
    assert_error("none.png: ");
    write_file(path_of("text.png"), "this is no image", 16);
    assert_null(ct_io_png_read(path_of("text.png")));
    assert_error("text.png: ");
    assert_true(ct_io_png_write(path_of("good.png"), ct_rand(3, 20, 20)));
    unsigned char bytes[4096];
    FILE *file = fopen(path_of("good.png"), "rb");
    const size_t count = fread(bytes, 1, sizeof bytes, file);
    fclose(file);
    for (size_t kept = 0; kept < count; kept += 7) {
        write_file(path_of("text.png"), bytes, kept);
        ct_tensor *image = ct_io_png_read(path_of("text.png"));
        assert_true(image || strstr(ct_error(), "text.png: "));
        assert_true(kept > count - 20 || !image);   /* all pixels are there before the closing chunk */
        ct_error_clear();
    }
    unlink(path_of("text.png")), unlink(path_of("good.png"));
}

static void test_a_pipe_is_no_image(void **state)
{
    (void)state;
    assert_int_equal(mkfifo(path_of("pipe.png"), 0600), 0);
    assert_null(ct_io_png_read(path_of("pipe.png")));
    assert_error("pipe.png: not a regular file");
    unlink(path_of("pipe.png"));
}

static void test_many_images_are_one(void **state)
{
    (void)state;
    CT_SCOPE;
    ct_tensor *three = ct_reshape(ct_arange(12.0), 3, 1, 2, 2);
    const float want[] = {0, 1, 4, 5, 2, 3, 6, 7, 8, 9, 0, 0, 10, 11, 0, 0};
    assert_true(ct_equal(ct_io_image_grid(three, 2), ct_from_array(want, 1, 4, 4)));
    assert_int_equal(ct_size(ct_io_image_grid(ct_zeros(5, 3, 4, 6), 8), 2), 48);
    assert_null(ct_io_image_grid(three, 0)), assert_error("image_grid: 4 axes in 0 columns");
    assert_null(ct_io_image_grid(ct_zeros(2, 2), 1)), assert_error("image_grid: 2 axes in 1 columns");
    assert_null(ct_io_image_grid(NULL, 1)), assert_error("image_grid: images is NULL");
}

/* 16 bytes in, the header's width and height; its checksum behind them is set anew. */
static void test_a_header_that_claims_too_much_allocates_nothing(void **state)
{
    (void)state;
    CT_SCOPE;
    unsigned char bytes[4096];
    assert_true(ct_io_png_write(path_of("huge.png"), ct_zeros(8, 8)));
    FILE *file = fopen(path_of("huge.png"), "rb");
    const size_t count = fread(bytes, 1, sizeof bytes, file);
    fclose(file);
    const unsigned char huge[] = {0, 1, 0x86, 0xa0, 0, 1, 0x86, 0xa0};
    memcpy(bytes + 16, huge, sizeof huge);
    const unsigned long sum = crc32(0, bytes + 12, 17);
    for (int i = 0; i < 4; i++)
        bytes[29 + i] = (unsigned char)(sum >> (24 - 8 * i));
    write_file(path_of("huge.png"), bytes, count);
    assert_null(ct_io_png_read(path_of("huge.png")));
    assert_error("huge.png: claims 100000 x 100000 pixels, more than it can hold");
    unlink(path_of("huge.png"));
}

static void test_without_libpng_the_calls_say_so(void **state)
{
    (void)state;
    CT_SCOPE;
    assert_false(ct_io_png_write(path_of("x.png"), ct_zeros(4, 4)));
    assert_error("x.png: cannot be written: this build of the library has no libpng");
    assert_null(ct_io_png_read("x.png"));
    assert_error("x.png: cannot be read: this build of the library has no libpng");
}

int main(void)
{
    const struct CMUnitTest with[] = {
        cmocka_unit_test(test_pixels_survive_a_file),
        cmocka_unit_test(test_any_layout_and_dtype_is_written_and_values_are_clamped),
        cmocka_unit_test(test_what_is_no_image_is_refused),
        cmocka_unit_test(test_bad_files_are_refused_by_name),
        cmocka_unit_test(test_a_header_that_claims_too_much_allocates_nothing),
        cmocka_unit_test(test_a_pipe_is_no_image),
        cmocka_unit_test(test_many_images_are_one),
    };
    const struct CMUnitTest without[] = {cmocka_unit_test(test_without_libpng_the_calls_say_so)};
    int failed = ct_io_has_png() ? cmocka_run_group_tests(with, make_folder, remove_folder)
                                 : cmocka_run_group_tests(without, make_folder, remove_folder);
    ct_shutdown();
    return failed;
}
