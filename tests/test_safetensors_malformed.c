/* safetensors that are none: each is refused with the file's name and the reason, and nothing large is allocated. */
#define _GNU_SOURCE
#include <io/io.h>

#include <fcntl.h>
#include <sys/stat.h>

#include "temp_folder.h"

#define F32(shape, offsets) "{\"dtype\":\"F32\",\"shape\":" shape ",\"data_offsets\":" offsets "}"

static const struct malformed {
    const char *header;
    int data;                                   /* bytes after it, each 2 */
    const char *reason;
} malformed[] = {
    {"", 0, "does not begin with '{'"},
    {" {}", 0, "does not begin with '{'"},
    {"[]", 0, "does not begin with '{'"},
    {"\xef\xbb\xbf{}", 0, "does not begin with '{'"},
    {"{", 0, "not valid JSON"},
    {"{}x", 0, "not valid JSON"},
    {"{}{}", 0, "not valid JSON"},
    {"{\"\xff\":1}", 0, "not valid JSON"},
    {"{\"a\\u0000b\":1}", 0, "not valid JSON"},
    {"{\"x\":" F32("[1]", "[0,4]") ",\"x\":" F32("[1]", "[4,8]") "}", 8, "duplicate"},
    {"{\"x\":{\"dtype\":\"F32\",\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}", 4, "duplicate"},
    {"{\"x\":" F32("[99999999999999999999]", "[0,4]") "}", 4, "not valid JSON"},
    {"{\"x\":1}", 0, "its entry is no object"},
    {"{\"x\":null}", 0, "its entry is no object"},
    {"{\"\":" F32("[1]", "[0,4]") "}", 4, "empty name"},
    {"{\"x\":{\"shape\":[1],\"data_offsets\":[0,4]}}", 4, "dtype is missing"},
    {"{\"x\":{\"dtype\":1,\"shape\":[1],\"data_offsets\":[0,4]}}", 4, "dtype is missing or no string"},
    {"{\"x\":{\"dtype\":\"F8_E4M3\",\"shape\":[4],\"data_offsets\":[0,4]}}", 4, "tensor 'x': dtype 'F8_E4M3' is not read: want F64"},
    {"{\"x\":{\"dtype\":\"U64\",\"shape\":[1],\"data_offsets\":[0,8]}}", 8, "dtype 'U64' is not read"},
    {"{\"x\":{\"dtype\":\"C64\",\"shape\":[1],\"data_offsets\":[0,8]}}", 8, "dtype 'C64' is not read"},
    {"{\"x\":{\"dtype\":\"F4\",\"shape\":[2],\"data_offsets\":[0,1]}}", 1, "dtype 'F4' is not read"},
    {"{\"x\":{\"dtype\":\"F16\",\"shape\":[4],\"data_offsets\":[0,4]}}", 4, "hold 4 bytes, dtype and shape want 8"},
    {"{\"x\":{\"dtype\":\"I8\",\"shape\":[2305843009213693952],\"data_offsets\":[0,4]}}", 4, "overflows the count of bytes"},
    {"{\"x\":{\"dtype\":\"f32\",\"shape\":[1],\"data_offsets\":[0,4]}}", 4, "dtype 'f32'"},
    {"{\"x\":{\"dtype\":\"F32\",\"data_offsets\":[0,4]}}", 4, "shape is missing"},
    {"{\"x\":" F32("4", "[0,4]") "}", 4, "shape is missing or no array"},
    {"{\"x\":" F32("[-1]", "[0,4]") "}", 4, "size 0 of its shape"},
    {"{\"x\":" F32("[1,1.0]", "[0,4]") "}", 4, "size 1 of its shape"},
    {"{\"x\":" F32("[\"1\"]", "[0,4]") "}", 4, "size 0 of its shape"},
    {"{\"x\":" F32("[1,1,1,1,1,1,1,1,1]", "[0,4]") "}", 4, "9 axes, want at most 8"},
    {"{\"x\":" F32("[4611686018427387904,4611686018427387904]", "[0,4]") "}", 4, "overflows"},
    {"{\"x\":" F32("[0,4611686018427387904,4611686018427387904]", "[0,0]") "}", 0, "overflows"},
    {"{\"x\":" F32("[4611686018427387905]", "[0,4]") "}", 4, "overflows"},
    {"{\"x\":{\"dtype\":\"F32\",\"shape\":[1]}}", 4, "data_offsets are not two"},
    {"{\"x\":" F32("[1]", "4") "}", 4, "data_offsets are not two"},
    {"{\"x\":" F32("[1]", "[0]") "}", 4, "data_offsets are not two"},
    {"{\"x\":" F32("[1]", "[0,4,8]") "}", 8, "data_offsets are not two"},
    {"{\"x\":" F32("[1]", "[-4,0]") "}", 4, "data_offsets are not two"},
    {"{\"x\":" F32("[1]", "[0.0,4]") "}", 4, "data_offsets are not two"},
    {"{\"x\":" F32("[1]", "[4,0]") "}", 4, "end before they begin"},
    {"{\"x\":" F32("[1]", "[0,4]") "}", 3, "pass the end of 3 bytes"},
    {"{\"x\":" F32("[1]", "[9223372036854775803,9223372036854775807]") "}", 4, "pass the end"},
    {"{\"x\":" F32("[2]", "[0,4]") "}", 4, "hold 4 bytes, dtype and shape want 8"},
    {"{\"x\":" F32("[0]", "[0,4]") "}", 4, "hold 4 bytes, dtype and shape want 0"},
    {"{\"x\":" F32("[1000000000000]", "[0,4]") "}", 4, "want 4000000000000"},
    {"{\"x\":" F32("[1]", "[0,4]") ",\"y\":" F32("[1]", "[0,4]") "}", 4, "overlap"},
    {"{\"x\":" F32("[2]", "[0,8]") ",\"y\":" F32("[2]", "[4,12]") "}", 12, "tensor 'y': data overlap those of 'x'"},
    {"{\"x\":" F32("[2]", "[0,8]") ",\"y\":" F32("[0]", "[4,4]") "}", 8, "overlap"},
    {"{\"x\":" F32("[1]", "[4,8]") "}", 8, "4 bytes before its data"},
    {"{\"x\":" F32("[1]", "[0,4]") ",\"y\":" F32("[1]", "[8,12]") "}", 12, "tensor 'y': 4 bytes before its data"},
    {"{\"x\":" F32("[1]", "[0,4]") "}", 5, "1 bytes after the last tensor"},
    {"{}", 1, "1 bytes after the last tensor"},
    {"{\"x\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4],\"more\":1}}", 4, "more than dtype"},
    {"{\"__metadata__\":[]}", 0, "__metadata__ is no object"},
    {"{\"__metadata__\":null}", 0, "__metadata__ is no object"},
    {"{\"__metadata__\":{\"step\":3}}", 0, "'step' is no string"},
    {"{\"__metadata__\":{\"a\":\"1\",\"a\":\"2\"}}", 0, "duplicate"},
};

static void write_bytes(const char *path, uint64_t length, const void *header, size_t header_bytes, int data)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    for (int i = 0; i < 8; i++)
        fputc((int)(length >> 8 * i & 255), file);
    fwrite(header, 1, header_bytes, file);
    while (data-- > 0)
        fputc(2, file);
    assert_int_equal(fclose(file), 0);
}

static void assert_refused(const char *path, const char *reason)
{
    assert_null(ct_io_safetensors_open(path));
    assert_non_null(strstr(ct_error(), path));
    assert_error(reason);
    assert_null(ct_io_safetensors_map(path));
    assert_error(reason);
    unlink(path);
}

static void test_malformed_files_are_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof malformed / sizeof *malformed; i++) {
        const size_t length = strlen(malformed[i].header);
        const char *path = path_of("bad.safetensors");
        write_bytes(path, length, malformed[i].header, length, malformed[i].data);
        assert_refused(path, malformed[i].reason);
    }
}

static void test_lengths_that_lie_are_refused(void **state)
{
    (void)state;
    const char *path = path_of("bad.safetensors");
    write_bytes(path, 3, "{}", 2, 0);
    assert_refused(path, "header of 3 bytes, but only 2 follow");
    write_bytes(path, 100000001, "{}", 2, 0);
    assert_refused(path, "header of 100000001 bytes, want at most 100000000");
    write_bytes(path, UINT64_MAX, "{}", 2, 0);
    assert_refused(path, "want at most 100000000");
    write_bytes(path, 0, "", 0, 0);
    assert_refused(path, "does not begin with '{'");
    assert_int_equal(close(creat(path, 0600)), 0);
    assert_refused(path, "0 bytes, a safetensors file has at least 8");
    write_bytes(path, 2, "{}", 2, 0);
    assert_int_equal(truncate(path, 7), 0);
    assert_refused(path, "7 bytes");
}

static void test_deep_nesting_is_refused(void **state)
{
    (void)state;
    enum { DEPTH = 1000000 };
    char *header = malloc(DEPTH + 5);
    memcpy(header, "{\"x\":", 5);
    memset(header + 5, '[', DEPTH);
    const char *path = path_of("deep.safetensors");
    write_bytes(path, DEPTH + 5, header, DEPTH + 5, 0);
    free(header);
    assert_refused(path, "not valid JSON");
}

static void test_bool_bytes_are_0_or_1(void **state)
{
    (void)state;
    static const char header[] = "{\"x\":{\"dtype\":\"BOOL\",\"shape\":[3],\"data_offsets\":[0,3]}}";
    const char *path = path_of("bool.safetensors");
    write_bytes(path, strlen(header), header, strlen(header), 3);
    ct_tensor_file *file = ct_io_safetensors_open(path);
    assert_fine();
    assert_null(ct_tensor_file_read(file, "x"));
    assert_non_null(strstr(ct_error(), path));
    assert_error("tensor 'x': bool at index 0 is 2, want 0 or 1");
    ct_free(file);
    unlink(path);
}

static void test_file_cut_while_open(void **state)
{
    (void)state;
    static const char header[] = "{\"x\":" F32("[2]", "[0,8]") "}   ";
    const char *path = path_of("cut.safetensors");
    write_bytes(path, strlen(header), header, strlen(header), 8);
    ct_tensor_file *file = ct_io_safetensors_open(path);
    assert_fine();
    assert_int_equal(truncate(path, (off_t)(8 + strlen(header) + 5)), 0);
    assert_null(ct_tensor_file_read(file, "x"));
    assert_error("was cut");
    ct_free(file);
    unlink(path);
}

static void test_file_cut_while_mapped(void **state)
{
    (void)state;
    CT_SCOPE;
    const char *path = path_of("cut.safetensors");
    assert_true(ct_io_safetensors_write(path, (const ct_named_tensor[]){{"a", ct_ones(4)}, {"b", ct_ones(40000)}}, 2, NULL, 0));
    ct_tensor_file *file = ct_io_safetensors_map(path);
    assert_fine();
    assert_int_equal(truncate(path, 4096), 0);
    assert_null(ct_tensor_file_read(file, "b")); /* else the first look at it would end the process */
    assert_error("cut.safetensors: was cut to 4096 bytes while open");
    assert_true(ct_item(ct_sum(ct_tensor_file_read(file, "a"))) == 4);
    ct_free(file);
    unlink(path);
}

static void test_what_is_no_file_is_refused(void **state)
{
    (void)state;
    assert_null(ct_io_safetensors_open(NULL));
    assert_error("path is NULL");
    assert_null(ct_io_safetensors_open(path_of("absent")));
    assert_error("absent: cannot open: No such file");
    assert_null(ct_io_safetensors_open(folder));
    assert_error("not a regular file");
    assert_int_equal(mkfifo(path_of("pipe"), 0600), 0);
    assert_null(ct_io_safetensors_open(path_of("pipe")));
    assert_error("not a regular file");
    unlink(path_of("pipe"));
    assert_int_equal(ct_tensor_file_count(NULL), 0);
    assert_null(ct_tensor_file_name(NULL, 0));
    assert_false(ct_tensor_file_has(NULL, "x"));
    assert_null(ct_tensor_file_read(NULL, "x"));
    assert_error("file is NULL");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_malformed_files_are_refused),
        cmocka_unit_test(test_lengths_that_lie_are_refused),
        cmocka_unit_test(test_deep_nesting_is_refused),
        cmocka_unit_test(test_bool_bytes_are_0_or_1),
        cmocka_unit_test(test_file_cut_while_open),
        cmocka_unit_test(test_file_cut_while_mapped),
        cmocka_unit_test(test_what_is_no_file_is_refused),
    };
    const int failed = cmocka_run_group_tests(tests, make_folder, remove_folder);
    ct_shutdown();
    return failed;
}
