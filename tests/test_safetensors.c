/* safetensors: what is saved comes back, and a save that fails changes nothing. */
#define _GNU_SOURCE
#include <io/io.h>

#include <autograd/memory.h>

#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "temp_folder.h"

/* ---- Round trips ------------------------------------------------------------------------------------------------- */
static void test_round_trip(void **state)
{
    (void)state;
    CT_SCOPE;
    const float values[6] = {1, 2, 3, 4, 5, 6};
    const double scalar = 0.1;
    const int64_t large[2] = {INT64_MIN, INT64_MAX}, none[3] = {2, 0, 3};
    const bool flags[3] = {true, false, true};
    ct_tensor *matrix = ct_from_array(values, 2, 3);
    ct_tensor *turned = ct_transpose(matrix, 0, 1);
    const ct_named_tensor saved[] = {
        {"layer.weight", matrix},
        {"turned", turned},
        {"reversed", ct_slice(matrix, ":, ::-1")},
        {"wide", ct_expand(ct_slice(matrix, "0:1"), 4, 3)},
        {"scalar", (ct_from_array)(&scalar, CT_FLOAT64, NULL, 0)},
        {"none", (ct_empty)(none, 3, CT_FLOAT32)},
        {"large", ct_from_array(large, 2)},
        {"flags", ct_from_array(flags, 3)},
        {"\xc3\xa4 \"quoted\"\n", ct_from_array(values, 1)},
    };
    enum { COUNT = sizeof saved / sizeof *saved };
    const ct_metadata metadata[] = {{"format", "pt"}, {"k\xc3\xb6", ""}};
    const char *path = path_of("round.safetensors");
    assert_true(ct_io_safetensors_write(path, saved, COUNT, metadata, 2));
    assert_fine();
    ct_tensor_file *file = ct_io_safetensors_open(path);
    assert_fine();
    assert_int_equal(ct_tensor_file_count(file), COUNT);
    for (size_t i = 0; i < COUNT; i++) {
        assert_true(ct_tensor_file_has(file, saved[i].name));
        ct_tensor *read = ct_tensor_file_read(file, saved[i].name);
        assert_fine();
        assert_true(ct_is_contiguous(read));
        assert_true(ct_equal(read, saved[i].tensor));
    }
    assert_string_equal(ct_tensor_file_name(file, 0), "large"); /* int64 first, then float64, float32, bool */
    assert_string_equal(ct_tensor_file_name(file, 1), "scalar");
    assert_string_equal(ct_tensor_file_name(file, COUNT - 1), "flags");
    assert_null(ct_tensor_file_name(file, COUNT));
    assert_string_equal(ct_tensor_file_metadata(file, "format"), "pt");
    assert_string_equal(ct_tensor_file_metadata(file, "k\xc3\xb6"), "");
    assert_null(ct_tensor_file_metadata(file, "absent"));
    assert_false(ct_tensor_file_has(file, "absent"));
    assert_fine();
    assert_null(ct_tensor_file_read(file, "absent"));
    assert_error("no tensor 'absent'");
    ct_free(file);
    unlink(path);
}

static void test_empty_file_of_no_tensors(void **state)
{
    (void)state;
    const char *path = path_of("empty.safetensors");
    assert_true(ct_io_safetensors_write(path, NULL, 0, NULL, 0));
    struct stat status;
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_size, 16);
    ct_tensor_file *file = ct_io_safetensors_open(path);
    assert_fine();
    assert_int_equal(ct_tensor_file_count(file), 0);
    ct_free(file);
    unlink(path);
}

/* The very bytes of the reference implementation. */
static void test_bytes_are_those_of_the_reference(void **state)
{
    (void)state;
    CT_SCOPE;
    const float values[1] = {1};
    const int64_t number[1] = {7};
    const ct_named_tensor saved[] = {{"b", ct_from_array(values, 1)}, {"a", ct_from_array(number, 1)}};
    const char *path = path_of("bytes.safetensors");
    static const char header[] = "{\"a\":{\"dtype\":\"I64\",\"shape\":[1],\"data_offsets\":[0,8]},"
                                 "\"b\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[8,12]}}";
    const size_t padded = (strlen(header) + 7) / 8 * 8;
    assert_true(ct_io_safetensors_write(path, saved, 2, NULL, 0));
    unsigned char bytes[512];
    FILE *file = fopen(path, "rb");
    assert_int_equal(fread(bytes, 1, sizeof bytes, file), 8 + padded + 12);
    fclose(file);
    assert_int_equal(bytes[0], padded);
    assert_memory_equal(bytes + 8, header, strlen(header));
    for (size_t i = strlen(header); i < padded; i++)
        assert_int_equal(bytes[8 + i], ' ');
    assert_memory_equal(bytes + 8 + padded, "\7\0\0\0\0\0\0\0\0\0\x80\x3f", 12);
    unlink(path);
}

static void test_objects_outlive_their_file_name(void **state)
{
    (void)state;
    CT_SCOPE;
    const float values[2] = {1, 2};
    const char *path = path_of("gone.safetensors");
    assert_true(ct_io_safetensors_write(path, (ct_named_tensor[]){{"x", ct_from_array(values, 2)}}, 1, NULL, 0));
    ct_tensor_file *file = ct_io_safetensors_open(path);
    unlink(path);
    ct_tensor *x = ct_tensor_file_read(file, "x");
    ct_free(file);
    assert_fine();
    assert_float_equal(ct_item(ct_sum(x)), 3, 0);
}

static void test_strided_tensor_that_wants_gradients(void **state)
{
    (void)state;
    CT_SCOPE;
    const float values[4] = {1, 2, 3, 4};
    ct_tensor *leaf = ct_require_grad(ct_from_array(values, 2, 2), true);
    const char *path = path_of("leaf.safetensors");
    assert_true(ct_io_safetensors_write(path, (ct_named_tensor[]){{"w", ct_transpose(leaf, 0, 1)}}, 1, NULL, 0));
    ct_tensor_file *file = ct_io_safetensors_open(path);
    ct_tensor *w = ct_tensor_file_read(file, "w");
    assert_fine();
    assert_false(ct_requires_grad(w));
    assert_float_equal(((const float *)ct_data(w))[1], 3, 0);
    ct_free(file);
    unlink(path);
}

/* ---- Dtypes that become others --------------------------------------------------------------------------------------- */
static void write_raw(const char *path, const char *dtype, int64_t count, const void *data, size_t bytes, int spaces)
{
    char header[200];
    const int text = snprintf(header, sizeof header, "{\"x\":{\"dtype\":\"%s\",\"shape\":[%lld],\"data_offsets\":[0,%zu]}}%*s", dtype,
                              (long long)count, bytes, spaces, "");
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    const unsigned char length[8] = {(unsigned char)text};
    fwrite(length, 1, 8, file);
    fwrite(header, 1, (size_t)text, file);
    fwrite(data, 1, bytes, file);
    assert_int_equal(fclose(file), 0);
}

static void test_every_dtype_is_read(void **state)
{
    (void)state;
    const struct { const char *dtype, *bytes; size_t count, size; ct_dtype becomes; double values[4]; } rows[] = {
        {"U8", "\0\1\x7f\xff", 4, 1, CT_INT64, {0, 1, 127, 255}},
        {"I8", "\0\1\x7f\xff", 4, 1, CT_INT64, {0, 1, 127, -1}},
        {"U16", "\1\0\xff\xff", 2, 2, CT_INT64, {1, 65535}},
        {"I16", "\1\0\xff\xff", 2, 2, CT_INT64, {1, -1}},
        {"U32", "\0\0\0\x80\xff\xff\xff\xff", 2, 4, CT_INT64, {2147483648., 4294967295.}},
        {"I32", "\0\0\0\x80\xff\xff\xff\xff", 2, 4, CT_INT64, {-2147483648., -1}},
        {"F16", "\0\x3c\0\xc0\1\0\xff\3", 4, 2, CT_FLOAT32, {1, -2, 0x1p-24, 0x1p-14 - 0x1p-24}},
        {"BF16", "\x80\x3f\0\xc0\1\0\x80\x7f", 4, 2, CT_FLOAT32, {1, -2, 0x1p-133, INFINITY}},
        {"F32", "\0\0\x80\x3f\0\0\0\xc0", 2, 4, CT_FLOAT32, {1, -2}},
        {"F64", "\0\0\0\0\0\0\xf0\x3f", 1, 8, CT_FLOAT64, {1}},
        {"I64", "\xfe\xff\xff\xff\xff\xff\xff\xff", 1, 8, CT_INT64, {-2}},
        {"BOOL", "\0\1\1", 3, 1, CT_BOOL, {0, 1, 1}},
    };
    const char *path = path_of("dtype.safetensors");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (int map = 0; map < 2; map++) {
            CT_SCOPE;
            write_raw(path, rows[i].dtype, (int64_t)rows[i].count, rows[i].bytes, rows[i].count * rows[i].size, 0);
            ct_tensor_file *file = map ? ct_io_safetensors_map(path) : ct_io_safetensors_open(path);
            ct_tensor *x = ct_tensor_file_read(file, "x");
            assert_fine();
            assert_int_equal(ct_dtype_of(x), rows[i].becomes);
            const double *values = ct_data(ct_cast(x, CT_FLOAT64));
            for (size_t j = 0; j < rows[i].count; j++)
                assert_true(values[j] == rows[i].values[j]);
            ct_free(file);
        }
    unlink(path);
}

/* Against the definition, every bit pattern. */
static void test_all_half_floats(void **state)
{
    (void)state;
    CT_SCOPE;
    enum { COUNT = 1 << 16 };
    static uint16_t halves[COUNT];
    for (int i = 0; i < COUNT; i++)
        halves[i] = (uint16_t)i;
    const char *path = path_of("half.safetensors");
    write_raw(path, "F16", COUNT, halves, sizeof halves, 0);
    ct_tensor_file *file = ct_io_safetensors_open(path);
    const float *values = ct_data(ct_tensor_file_read(file, "x"));
    assert_fine();
    for (int i = 0; i < COUNT; i++) {
        const int exponent = i >> 10 & 31, mantissa = i & 1023;
        const double magnitude = exponent == 31 ? (mantissa ? NAN : INFINITY)
                                 : exponent ? ldexp(1024 + mantissa, exponent - 25) : ldexp(mantissa, -24);
        if (isnan(magnitude))
            assert_true(isnan(values[i]));
        else
            assert_true(values[i] == (i >> 15 ? -magnitude : magnitude));
        assert_int_equal(signbit(values[i]) != 0, i >> 15);
    }
    ct_free(file);
    unlink(path);
}

/* ---- Mapped files ---------------------------------------------------------------------------------------------------- */
static void test_mapped_tensors_share_the_file(void **state)
{
    (void)state;
    CT_SCOPE;
    const char *path = path_of("map.safetensors");
    ct_tensor *x = ct_arange(1000.0);
    assert_true(ct_io_safetensors_write(path, (ct_named_tensor[]){{"x", x}, {"none", ct_zeros(0, 2)}}, 2, NULL, 0));
    ct_tensor_file *file = ct_io_safetensors_map(path);
    assert_fine();
    const size_t before = ct_memory().live;
    ct_tensor *mapped = ct_tensor_file_read(file, "x");
    assert_true(ct_memory().live - before < 1000);
    assert_true(ct_equal(mapped, x));
    assert_ptr_equal(ct_data(ct_tensor_file_read(file, "x")), ct_data(mapped));
    assert_int_equal(ct_numel(ct_tensor_file_read(file, "none")), 0);
    ct_free(file);
    assert_true(ct_io_safetensors_write(path, (ct_named_tensor[]){{"x", ct_neg(x)}}, 1, NULL, 0)); /* the old file's pages stay */
    assert_true(ct_equal(mapped, x));
    assert_fine();
    unlink(path);
}

static void test_writing_to_a_mapped_tensor_leaves_the_file(void **state)
{
    (void)state;
    CT_SCOPE;
    const char *path = path_of("map.safetensors");
    assert_true(ct_io_safetensors_write(path, (ct_named_tensor[]){{"x", ct_ones(5000)}}, 1, NULL, 0));
    ct_tensor_file *file = ct_io_safetensors_map(path);
    ct_tensor *mapped = ct_require_grad(ct_tensor_file_read(file, "x"));
    assert_true(ct_backward(ct_sum(ct_square(mapped))));
    {
        CT_NO_GRAD;
        assert_non_null(ct_add_(mapped, ct_neg(ct_gradient(mapped))));
    }
    assert_float_equal(ct_item(ct_sum(mapped)), -5000, 0);
    ct_free(file);
    file = ct_io_safetensors_open(path);
    assert_float_equal(ct_item(ct_sum(ct_tensor_file_read(file, "x"))), 5000, 0);
    assert_fine();
    ct_free(file);
    unlink(path);
}

static void test_mapped_bytes_out_of_line_are_copied(void **state)
{
    (void)state;
    const char *path = path_of("odd.safetensors");
    for (int spaces = 0; spaces < 8; spaces++) {
        CT_SCOPE;
        write_raw(path, "F64", 2, (const double[]){0.5, -3}, 16, spaces);
        ct_tensor_file *file = ct_io_safetensors_map(path);
        ct_tensor *x = ct_tensor_file_read(file, "x");
        assert_fine();
        assert_int_equal((uintptr_t)ct_data(x) % 8, 0);
        assert_float_equal(ct_item(ct_sum(x)), -2.5, 0);
        ct_free(file);
    }
    write_raw(path, "BOOL", 2, "\1\2", 2, 0);
    ct_tensor_file *file = ct_io_safetensors_map(path);
    assert_null(ct_tensor_file_read(file, "x"));
    assert_error("bool at index 1 is 2");
    ct_free(file);
    unlink(path);
}

/* ---- Saving ------------------------------------------------------------------------------------------------------ */
static void test_bad_names_are_refused(void **state)
{
    (void)state;
    CT_SCOPE;
    ct_tensor *x = ct_zeros(2);
    const char *path = path_of("names.safetensors");
    const struct {
        ct_named_tensor tensors[2];
        size_t count;
        ct_metadata metadata[2];
        size_t metadata_count;
        const char *reason;
    } rows[] = {
        {{{"", x}}, 1, {{0}}, 0, "tensor 0 has no name"},
        {{{NULL, x}}, 1, {{0}}, 0, "tensor 0 has no name"},
        {{{"x", x}, {"x", x}}, 2, {{0}}, 0, "two tensors are called 'x'"},
        {{{"__metadata__", x}}, 1, {{0}}, 0, "no tensor may be called __metadata__"},
        {{{"x", NULL}}, 1, {{0}}, 0, "tensor 'x' is NULL"},
        {{{"\xff", x}}, 1, {{0}}, 0, "is not UTF-8"},
        {{{"x", x}}, 1, {{"k", "1"}, {"k", "2"}}, 2, "two metadata keys are called 'k'"},
        {{{"x", x}}, 1, {{"k", "\xff"}}, 1, "value is not UTF-8"},
        {{{"x", x}}, 1, {{"\xff", ""}}, 1, "is not UTF-8"},
        {{{"x", x}}, 1, {{"k", NULL}}, 1, "value is NULL"},
        {{{"x", x}}, 1, {{NULL, ""}}, 1, "key is NULL"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_false(ct_io_safetensors_write(path, rows[i].tensors, rows[i].count, rows[i].metadata,
                                             rows[i].metadata_count));
        assert_non_null(strstr(ct_error(), path));
        assert_error(rows[i].reason);
    }
    assert_int_equal(count_files(), 0);
    assert_false(ct_io_safetensors_write(NULL, NULL, 0, NULL, 0));
    assert_error("path is NULL");
    assert_false(ct_io_safetensors_write(path, NULL, 1, NULL, 0));
    assert_error("list of tensors is NULL");
}

static void test_unwritable_paths_are_named(void **state)
{
    (void)state;
    const struct { const char *path, *reason; } rows[] = {
        {path_of("absent/x.safetensors"), "absent/x.safetensors: cannot create a file beside it: No such file"},
        {folder, "not a regular file"},
        {"/dev/null", "/dev/null: cannot save: not a regular file"},
        {"", "want the name of a file"},
        {path_of("x/"), "want the name of a file"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_false(ct_io_safetensors_write(rows[i].path, NULL, 0, NULL, 0));
        assert_error(rows[i].reason);
    }
    assert_int_equal(count_files(), 0);
}

static void assert_holds(const char *path, double value)
{
    ct_tensor_file *file = ct_io_safetensors_open(path);
    assert_float_equal(ct_item(ct_tensor_file_read(file, "x")), value, 0);
    assert_fine();
    ct_free(file);
}

static void test_failed_save_keeps_the_old_file(void **state)
{
    (void)state;
    CT_SCOPE;
    const char *path = path_of("old.safetensors");
    assert_true(ct_io_safetensors_write(path, (ct_named_tensor[]){{"x", ct_full(1, 1)}}, 1, NULL, 0));
    struct rlimit before, little;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    little = before;
    little.rlim_cur = 4096;
    signal(SIGXFSZ, SIG_IGN);                   /* the disk is full: a write is short, the next fails */
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &little), 0);
    const bool saved = ct_io_safetensors_write(path, (ct_named_tensor[]){{"x", ct_full(2, 100000)}}, 1, NULL, 0);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_false(saved);
    assert_non_null(strstr(ct_error(), path));
    assert_error("cannot write: File too large");
    assert_holds(path, 1);
    assert_int_equal(count_files(), 1);
    unlink(path);
}

static void test_failed_allocations_are_errors(void **state)
{
    (void)state;
    CT_SCOPE;
    const char *path = path_of("memory.safetensors");
    const ct_named_tensor saved[] = {{"x", ct_full(1, 1)}, {"y", ct_transpose(ct_zeros(2, 3), 0, 1)}};
    const ct_metadata metadata[] = {{"k", "v"}};
    bool done = false;
    for (int after = 0; !done && after < 1000; after++) {
        memory_fail_after(after);
        const bool written = ct_io_safetensors_write(path, saved, 2, metadata, 1);
        ct_tensor_file *file = written ? ct_io_safetensors_open(path) : NULL;
        done = file && ct_tensor_file_read(file, "x") && ct_tensor_file_read(file, "y");
        memory_fail_after(-1);
        assert_int_equal(done, ct_ok());
        assert_int_equal(count_files(), written);
        ct_error_clear();
        ct_free(file);
        unlink(path);
    }
    assert_true(done);
}

static void test_save_over_an_opened_file(void **state)
{
    (void)state;
    CT_SCOPE;
    const char *path = path_of("both.safetensors");
    assert_true(ct_io_safetensors_write(path, (ct_named_tensor[]){{"x", ct_full(1, 1)}}, 1, NULL, 0));
    assert_int_equal(chmod(path, 0640), 0);
    ct_tensor_file *old = ct_io_safetensors_open(path);
    assert_true(ct_io_safetensors_write(path, (ct_named_tensor[]){{"x", ct_full(2, 1)}}, 1, NULL, 0));
    assert_float_equal(ct_item(ct_tensor_file_read(old, "x")), 1, 0);
    ct_free(old);
    assert_holds(path, 2);
    struct stat status;
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0640);
    assert_int_equal(count_files(), 1);
    unlink(path);
}

static void test_links_are_followed(void **state)
{
    (void)state;
    CT_SCOPE;
    const char *path = path_of("target.safetensors"), *link = path_of("link.safetensors");
    assert_true(ct_io_safetensors_write(path, (ct_named_tensor[]){{"x", ct_full(1, 1)}}, 1, NULL, 0));
    assert_int_equal(symlink("target.safetensors", link), 0);
    assert_true(ct_io_safetensors_write(link, (ct_named_tensor[]){{"x", ct_full(2, 1)}}, 1, NULL, 0));
    assert_holds(path, 2);
    struct stat status;
    assert_int_equal(lstat(link, &status), 0);
    assert_true(S_ISLNK(status.st_mode));
    unlink(path);
    assert_false(ct_io_safetensors_write(link, NULL, 0, NULL, 0));
    assert_error("the link leads to no regular file");
    unlink(link);
}

static void test_name_in_the_current_folder(void **state)
{
    (void)state;
    char before[4096];
    assert_non_null(getcwd(before, sizeof before));
    assert_int_equal(chdir(folder), 0);
    assert_true(ct_io_safetensors_write("here.safetensors", NULL, 0, NULL, 0));
    assert_int_equal(unlink("here.safetensors"), 0);
    assert_int_equal(chdir(before), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_empty_file_of_no_tensors),
        cmocka_unit_test(test_bytes_are_those_of_the_reference),
        cmocka_unit_test(test_objects_outlive_their_file_name),
        cmocka_unit_test(test_strided_tensor_that_wants_gradients),
        cmocka_unit_test(test_every_dtype_is_read),
        cmocka_unit_test(test_all_half_floats),
        cmocka_unit_test(test_mapped_tensors_share_the_file),
        cmocka_unit_test(test_writing_to_a_mapped_tensor_leaves_the_file),
        cmocka_unit_test(test_mapped_bytes_out_of_line_are_copied),
        cmocka_unit_test(test_bad_names_are_refused),
        cmocka_unit_test(test_unwritable_paths_are_named),
        cmocka_unit_test(test_failed_save_keeps_the_old_file),
        cmocka_unit_test(test_failed_allocations_are_errors),
        cmocka_unit_test(test_save_over_an_opened_file),
        cmocka_unit_test(test_links_are_followed),
        cmocka_unit_test(test_name_in_the_current_folder),
    };
    const int failed = cmocka_run_group_tests(tests, make_folder, remove_folder);
    ct_shutdown();
    return failed;
}
