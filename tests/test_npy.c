/* npy: every form that NumPy writes is read, what is saved comes back, and what is no npy file is refused. */
#define _GNU_SOURCE
#include <io/io.h>

#include <autograd/memory.h>

#include <sys/stat.h>

#include "files.h"

static const char *write_npy(int version, const char *header, const void *data, size_t bytes)
{
    static char file[70000];
    const size_t length = strlen(header), start = version > 1 ? 12 : 10;
    memcpy(file, "\x93NUMPY", 6);
    file[6] = (char)version, file[7] = 0;
    file[8] = (char)length, file[9] = (char)(length >> 8);
    file[10] = file[11] = 0;
    memcpy(file + start, header, length);
    memcpy(file + start + length, data, bytes);
    const char *path = path_of("x.npy");
    write_file(path, file, start + length + bytes);
    return path;
}

#define HEADER(descr, order, shape) "{'descr': '" descr "', 'fortran_order': " order ", 'shape': " shape ", }\n"

static const struct form {
    int version;
    const char *header, *data;
    size_t bytes;
    ct_dtype dtype;
    int rank;
    int64_t sizes[3];
    double values[6];
} forms[] = {
    {1, HEADER("<f4", "False", "(2,)"), "\0\0\x80\x3f\0\0\0\xc0", 8, CT_FLOAT32, 1, {2}, {1, -2}},
    {2, HEADER("<f4", "False", "(2,)"), "\0\0\x80\x3f\0\0\0\xc0", 8, CT_FLOAT32, 1, {2}, {1, -2}},
    {3, HEADER("<f4", "False", "(2,)"), "\0\0\x80\x3f\0\0\0\xc0", 8, CT_FLOAT32, 1, {2}, {1, -2}},
    {1, HEADER(">f4", "False", "(2,)"), "\x3f\x80\0\0\xc0\0\0\0", 8, CT_FLOAT32, 1, {2}, {1, -2}},
    {1, HEADER("<f8", "False", "()"), "\0\0\0\0\0\0\xf0\x3f", 8, CT_FLOAT64, 0, {0}, {1}},
    {1, HEADER(">f8", "False", "()"), "\x3f\xf0\0\0\0\0\0\0", 8, CT_FLOAT64, 0, {0}, {1}},
    {1, HEADER("<f2", "False", "(3,)"), "\0\x3c\1\0\xff\x7b", 6, CT_FLOAT32, 1, {3}, {1, 0x1p-24, 65504}},
    {1, HEADER(">f2", "False", "(1,)"), "\xc0\0", 2, CT_FLOAT32, 1, {1}, {-2}},
    {1, HEADER("|b1", "False", "(3,)"), "\1\0\1", 3, CT_BOOL, 1, {3}, {1, 0, 1}},
    {1, HEADER("|i1", "False", "(2,)"), "\xff\x7f", 2, CT_INT64, 1, {2}, {-1, 127}},
    {1, HEADER("|u1", "False", "(2,)"), "\xff\x7f", 2, CT_INT64, 1, {2}, {255, 127}},
    {1, HEADER("<i2", "False", "(2,)"), "\xfe\xff\0\1", 4, CT_INT64, 1, {2}, {-2, 256}},
    {1, HEADER(">i2", "False", "(2,)"), "\xff\xfe\1\0", 4, CT_INT64, 1, {2}, {-2, 256}},
    {1, HEADER("<u2", "False", "(1,)"), "\xfe\xff", 2, CT_INT64, 1, {1}, {65534}},
    {1, HEADER("<i4", "False", "(1,)"), "\xff\xff\xff\xff", 4, CT_INT64, 1, {1}, {-1}},
    {1, HEADER("<u4", "False", "(1,)"), "\xff\xff\xff\xff", 4, CT_INT64, 1, {1}, {4294967295.}},
    {1, HEADER(">i8", "False", "(1,)"), "\xff\xff\xff\xff\xff\xff\xff\xfd", 8, CT_INT64, 1, {1}, {-3}},
    {1, HEADER("|u1", "False", "(2, 3)"), "\0\1\2\3\4\5", 6, CT_INT64, 2, {2, 3}, {0, 1, 2, 3, 4, 5}},
    {1, HEADER("|u1", "True", "(2, 3)"), "\0\1\2\3\4\5", 6, CT_INT64, 2, {2, 3}, {0, 2, 4, 1, 3, 5}},
    {1, HEADER("|u1", "True", "(3, 1, 2)"), "\0\1\2\3\4\5", 6, CT_INT64, 3, {3, 1, 2}, {0, 3, 1, 4, 2, 5}},
    {1, HEADER(">i2", "True", "(1, 2)"), "\0\1\0\2", 4, CT_INT64, 2, {1, 2}, {1, 2}},
    {1, HEADER("<f4", "False", "(2, 0, 3)"), "", 0, CT_FLOAT32, 3, {2, 0, 3}, {0}},
    {1, HEADER("<f4", "True", "(0,)"), "", 0, CT_FLOAT32, 1, {0}, {0}},
    {1, HEADER("|u1", "False", "(2L, 1L)"), "\1\2", 2, CT_INT64, 2, {2, 1}, {1, 2}},
    {1, "{\"shape\":(1,),\"fortran_order\":False,\"descr\":\"|u1\"}", "\7", 1, CT_INT64, 1, {1}, {7}},
    {1, "  { 'shape' : ( 1 , ) , 'fortran_order' : True , 'descr' : '=f4' } \n\n", "\0\0\0\0", 4, CT_FLOAT32, 1, {1}, {0}},
};

static void test_every_form_is_read(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        CT_SCOPE;
        const struct form *form = &forms[i];
        const char *path = write_npy(form->version, form->header, form->data, form->bytes);
        ct_tensor *read = ct_io_npy_read(path);
        assert_fine();
        assert_int_equal(ct_dtype_of(read), form->dtype);
        assert_int_equal(ct_rank(read), form->rank);
        for (int axis = 0; axis < form->rank; axis++)
            assert_int_equal(ct_size(read, axis), form->sizes[axis]);
        assert_true(ct_is_contiguous(read));
        const double *values = ct_data(ct_cast(read, CT_FLOAT64));
        for (int64_t j = 0; j < ct_numel(read); j++)
            assert_float_equal(values[j], form->values[j], 0);
        unlink(path);
    }
}

static const struct {
    const char *header;
    int bytes;                                  /* behind it, each 2 */
    const char *reason;
} malformed[] = {
    {"", 0, "want '{' at byte 0"},
    {"[]", 0, "want '{' at byte 0"},
    {"{}", 0, "descr is missing"},
    {"{", 0, "want a string at byte 1"},
    {"{'descr", 0, "want a string at byte 1"},
    {"{'descr\"", 0, "want a string at byte 1"},
    {"{'descr': '<f4'", 0, "want ',' at byte 15"},
    {"{'descr': '<f4' 'shape': (1,)}", 4, "want ','"},
    {"{'descr': '<f4', 'shape': (1,)}", 4, "fortran_order is missing"},
    {"{'descr': '<f4', 'fortran_order': False}", 4, "shape is missing"},
    {"{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (1,)}", 4, "key 'descr' stands twice"},
    {"{'descr': '<f4', 'fortran_order': False, 'shape': (1,), 'more': 1}", 4, "key 'more' is unknown"},
    {"{'': '<f4'}", 4, "key '' is unknown"},
    {HEADER("<f4", "False", "(1,)") "x", 4, "1 bytes behind its dictionary"},
    {HEADER("<f4", "False", "(1,)") "{}", 4, "2 bytes behind its dictionary"},
    {HEADER("<f4", "false", "(1,)"), 4, "neither True nor False"},
    {HEADER("<f4", "1", "(1,)"), 4, "neither True nor False"},
    {HEADER("<f4", "False", "1"), 4, "want '('"},
    {HEADER("<f4", "False", "[1]"), 4, "want '('"},
    {HEADER("<f4", "False", "(1)"), 4, "want ','"},
    {HEADER("<f4", "False", "(,)"), 4, "size 0 of its shape is no non-negative"},
    {HEADER("<f4", "False", "(1, -1)"), 4, "size 1 of its shape is no non-negative"},
    {HEADER("<f4", "False", "(1.0,)"), 4, "want ','"},
    {HEADER("<f4", "False", "(1e9,)"), 4, "want ','"},
    {HEADER("<f4", "False", "(1 2)"), 4, "want ','"},
    {HEADER("<f4", "False", "(10**9,)"), 4, "want ','"},
    {HEADER("<f4", "False", "(__import__('os').system('true'),)"), 4, "size 0 of its shape"},
    {HEADER("<f4", "False", "(9223372036854775808,)"), 4, "size 0 of its shape passes 2^63"},
    {HEADER("<f4", "False", "(99999999999999999999999999,)"), 4, "passes 2^63"},
    {HEADER("<f4", "False", "(4611686018427387904, 4611686018427387904)"), 4, "overflows the count of elements"},
    {HEADER("<f4", "False", "(0, 4611686018427387904, 4611686018427387904)"), 0, "overflows the count of elements"},
    {HEADER("|u1", "False", "(9223372036854775807,)"), 4, "overflows the count of bytes"},
    {HEADER("<f4", "False", "(1000000000000,)"), 4, "4 bytes of data, dtype and shape want 4000000000000"},
    {HEADER("<f4", "False", "(1, 1, 1, 1, 1, 1, 1, 1, 1)"), 4, "more than 8 axes"},
    {HEADER("<f4", "False", "(1,)"), 3, "3 bytes of data, dtype and shape want 4"},
    {HEADER("<f4", "False", "(1,)"), 5, "5 bytes of data, dtype and shape want 4"},
    {HEADER("<f4", "False", "(0,)"), 1, "1 bytes of data, dtype and shape want 0"},
    {HEADER("<u8", "False", "(1,)"), 8, "dtype '<u8' is not read: want f2"},
    {HEADER("<c8", "False", "(1,)"), 8, "dtype '<c8' is not read"},
    {HEADER("<f16", "False", "(1,)"), 16, "dtype '<f16' is not read"},
    {HEADER("|O", "False", "(1,)"), 8, "dtype '|O' is not read"},
    {HEADER("<U3", "False", "(1,)"), 12, "dtype '<U3' is not read"},
    {HEADER("|S3", "False", "(1,)"), 3, "dtype '|S3' is not read"},
    {HEADER("<M8[ns]", "False", "(1,)"), 8, "dtype '<M8[ns]' is not read"},
    {HEADER("|V2", "False", "(1,)"), 2, "dtype '|V2' is not read"},
    {HEADER("|f4", "False", "(1,)"), 4, "dtype '|f4' is not read"},
    {HEADER("f4", "False", "(1,)"), 4, "dtype 'f4' is not read"},
    {HEADER("", "False", "(1,)"), 4, "dtype '' is not read"},
    {"{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,)}", 4, "structured dtypes are not read"},
    {"{'descr': None, 'fortran_order': False, 'shape': (1,)}", 4, "want a string"},
    {HEADER("|b1", "False", "(2,)"), 2, "bool at index 0 is 2, want 0 or 1"},
};

static void assert_refused(const char *path, const char *reason)
{
    assert_null(ct_io_npy_read(path));
    assert_non_null(strstr(ct_error(), path));
    assert_error(reason);
    unlink(path);
}

static void test_malformed_files_are_refused(void **state)
{
    (void)state;
    char twos[16];
    memset(twos, 2, sizeof twos);
    for (size_t i = 0; i < sizeof malformed / sizeof *malformed; i++)
        for (int version = 1; version <= 3; version++)
            assert_refused(write_npy(version, malformed[i].header, twos, (size_t)malformed[i].bytes), malformed[i].reason);
}

static void test_prefixes_are_checked(void **state)
{
    (void)state;
    const struct { const char *bytes; size_t count; const char *reason; } rows[] = {
        {"", 0, "ends within its header, after 0 bytes"},
        {"\x93NUMPY\1\0", 8, "ends within its header, after 8 bytes"},
        {"\x93NUMPX\1\0\2\0{}", 12, "not an npy file"},
        {"\x93NUMPY\0\0\2\0{}", 12, "npy version 0.0, want 1.0, 2.0 or 3.0"},
        {"\x93NUMPY\4\0\2\0{}", 12, "npy version 4.0"},
        {"\x93NUMPY\1\1\2\0{}", 12, "npy version 1.1"},
        {"\x93NUMPY\1\0\3\0{}", 12, "ends within its header"},
        {"\x93NUMPY\1\0\xff\xff{}", 12, "ends within its header"},
        {"\x93NUMPY\2\0\2\0\0", 11, "ends within its header"},
        {"\x93NUMPY\2\0\0\0\1\0{}", 14, "header of 65536 bytes, want at most 65535"},
        {"\x93NUMPY\3\0\xff\xff\xff\xff{}", 14, "header of 4294967295 bytes"},
        {"\x93NUMPY\1\0\1\0\0", 11, "want '{' at byte 0"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *path = path_of("x.npy");
        write_file(path, rows[i].bytes, rows[i].count);
        assert_refused(path, rows[i].reason);
    }
    assert_null(ct_io_npy_read(NULL));
    assert_error("npy_read: path is NULL");
    assert_null(ct_io_npy_read(folder));
    assert_error("not a regular file");
    assert_int_equal(mkfifo(path_of("pipe"), 0600), 0);
    assert_refused(path_of("pipe"), "not a regular file");
}

/* What numpy.save of version 2 wrote, byte for byte. */
static void test_bytes_are_those_of_numpy(void **state)
{
    (void)state;
    CT_SCOPE;
    static const char wanted[] = "\x93NUMPY\1\0v\0{'descr': '<f4', 'fortran_order': False, 'shape': (2, 1), }"
                                 "                                                          \n\0\0\x80\x3f\0\0\0\x40";
    const char *path = path_of("x.npy");
    assert_true(ct_io_npy_write(path, ct_reshape(ct_vector(1, 2), 2, 1)));
    char bytes[256];
    FILE *file = fopen(path, "rb");
    assert_int_equal(fread(bytes, 1, sizeof bytes, file), 128 + 8);
    fclose(file);
    assert_memory_equal(bytes, wanted, 128 + 8);
    unlink(path);
}

static void test_round_trip(void **state)
{
    (void)state;
    CT_SCOPE;
    ct_tensor *matrix = ct_reshape(ct_arange(6.0), 2, 3);
    ct_tensor *saved[] = {
        matrix, ct_transpose(matrix, 0, 1), ct_expand(ct_slice(matrix, "0:1"), 4, 3), ct_full_as(CT_FLOAT64, 0.1, 1, 2, 1),
        ct_zeros(0, 3), ct_scalar_bool(true), ct_vector_int(INT64_MIN, INT64_MAX), ct_gt(matrix, 2.0),
        ct_zeros(1, 1, 1, 1, 1, 1, 1, 12345),
    };
    for (size_t i = 0; i < sizeof saved / sizeof *saved; i++) {
        const char *path = path_of("round.npy");
        assert_true(ct_io_npy_write(path, saved[i]));
        ct_tensor *read = ct_io_npy_read(path);
        assert_fine();
        assert_true(ct_equal(read, saved[i]));
        unlink(path);
    }
    assert_false(ct_io_npy_write(NULL, matrix));
    assert_error("npy_write: path is NULL");
    assert_false(ct_io_npy_write("x", NULL));
    assert_error("npy_write: tensor is NULL");
}

static void test_failed_allocations_are_errors(void **state)
{
    (void)state;
    CT_SCOPE;
    ct_tensor *x = ct_transpose(ct_zeros(2, 30), 0, 1);
    const char *path = path_of("memory.npy");
    bool done = false;
    for (int after = 0; !done && after < 1000; after++) {
        memory_fail_after(after);
        const bool written = ct_io_npy_write(path, x);
        done = written && ct_io_npy_read(path);
        memory_fail_after(-1);
        assert_int_equal(done, ct_ok());
        assert_int_equal(count_files(), written);
        ct_error_clear();
        unlink(path);
    }
    assert_true(done);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_form_is_read),
        cmocka_unit_test(test_malformed_files_are_refused),
        cmocka_unit_test(test_prefixes_are_checked),
        cmocka_unit_test(test_bytes_are_those_of_numpy),
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_failed_allocations_are_errors),
    };
    const int failed = cmocka_run_group_tests(tests, make_folder, remove_folder);
    ct_shutdown();
    return failed;
}
