/* npz: what is saved comes back, archives of any zip are read, and hostile ones are refused before anything large is allocated. */
#define _GNU_SOURCE
#include <io/io.h>

#include <sys/stat.h>

#include "files.h"

static void test_a_build_without_libzip_says_so(void **state)
{
    (void)state;
    if (ct_io_has_npz())
        skip();
    assert_null(ct_io_npz_open(path_of("x.npz")));
    assert_error("no libzip");
    assert_false(ct_io_npz_write(path_of("x.npz"), NULL, 0, false));
    assert_error("no libzip");
}

/* ---- Round trips ------------------------------------------------------------------------------------------------- */
static void test_round_trip(void **state)
{
    (void)state;
    CT_SCOPE;
    ct_tensor *matrix = ct_reshape(ct_arange(6.0), 2, 3);
    const ct_named_tensor saved[] = {
        {"layer.weight", ct_transpose(matrix, 0, 1)}, {"block/0/bias", ct_slice(matrix, "1")}, {"scalar", ct_sum(ct_full_as(CT_FLOAT64, 0.1, 1))},
        {"none", ct_zeros(2, 0, 3)}, {"large", ct_vector_int(INT64_MIN, INT64_MAX)}, {"flags", ct_gt(matrix, 2.0)},
        {"\xc3\xa4 'quoted'", matrix}, {"long", ct_arange(100000.0)},
    };
    enum { COUNT = sizeof saved / sizeof *saved };
    const char *path = path_of("round.npz");
    for (int deflate = 0; deflate < 2; deflate++) {
        assert_true(ct_io_npz_write(path, saved, COUNT, deflate));
        assert_fine();
        struct stat status;
        assert_int_equal(stat(path, &status), 0);
        assert_true(deflate ? status.st_size < 250000 : status.st_size > 400000);
        ct_tensor_file *file = ct_io_npz_open(path);
        assert_fine();
        assert_int_equal(ct_tensor_file_count(file), COUNT);
        for (size_t i = 0; i < COUNT; i++) {
            assert_string_equal(ct_tensor_file_name(file, i), saved[i].name);
            assert_true(ct_equal(ct_tensor_file_read(file, saved[i].name), saved[i].tensor));
            assert_fine();
        }
        assert_null(ct_tensor_file_read(file, "absent"));
        assert_error("no tensor 'absent' among its 8");
        assert_null(ct_tensor_file_metadata(file, "format"));
        ct_free(file);
    }
    unlink(path);
}

static void test_an_archive_of_none(void **state)
{
    (void)state;
    const char *path = path_of("empty.npz");
    assert_true(ct_io_npz_write(path, NULL, 0, true));
    ct_tensor_file *file = ct_io_npz_open(path);
    assert_fine();
    assert_int_equal(ct_tensor_file_count(file), 0);
    ct_free(file);
    unlink(path);
}

static void test_the_same_tensors_give_the_same_bytes(void **state)
{
    (void)state;
    CT_SCOPE;
    char bytes[2][1000];
    size_t counts[2];
    const char *path = path_of("same.npz");
    for (int i = 0; i < 2; i++) {
        assert_true(ct_io_npz_write(path, (ct_named_tensor[]){{"x", ct_ones(3)}, {"y", ct_zeros(2)}}, 2, true));
        FILE *file = fopen(path, "rb");
        counts[i] = fread(bytes[i], 1, sizeof *bytes, file);
        fclose(file);
        usleep(i ? 0 : 2100000);                /* a zip's clock ticks every two seconds */
    }
    assert_int_equal(counts[0], counts[1]);
    assert_memory_equal(bytes[0], bytes[1], counts[0]);
    unlink(path);
}

static void test_bad_names_are_refused(void **state)
{
    (void)state;
    CT_SCOPE;
    ct_tensor *x = ct_zeros(2);
    const char *path = path_of("names.npz");
    const struct { ct_named_tensor tensors[2]; size_t count; const char *reason; } rows[] = {
        {{{"", x}}, 1, "tensor 0 has no name"},
        {{{"x", x}, {NULL, x}}, 2, "tensor 1 has no name"},
        {{{"x", NULL}}, 1, "tensor 'x' is NULL"},
        {{{"x", x}, {"x", x}}, 2, "two tensors are called 'x'"},
        {{{"../x", x}}, 1, "'../x' cannot be a member's name"},
        {{{"/x", x}}, 1, "'/x' cannot be a member's name"},
        {{{"a//x", x}}, 1, "cannot be a member's name"},
        {{{"a/./x", x}}, 1, "cannot be a member's name"},
        {{{"a/", x}}, 1, "cannot be a member's name"},
        {{{"c:x", x}}, 1, "cannot be a member's name"},
        {{{"a\\x", x}}, 1, "cannot be a member's name"},
        {{{"\xff", x}}, 1, "tensor '\xff'"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_false(ct_io_npz_write(path, rows[i].tensors, rows[i].count, false));
        assert_non_null(strstr(ct_error(), path));
        assert_error(rows[i].reason);
    }
    assert_false(ct_io_npz_write(NULL, NULL, 0, false));
    assert_error("npz_write: path is NULL");
    assert_false(ct_io_npz_write(path, NULL, 1, false));
    assert_error("npz_write: list of tensors is NULL");
    assert_int_equal(count_files(), 0);
}

/* ---- Archives byte by byte ------------------------------------------------------------------------------------------ */
enum { ZIP_MOST = 1 << 16 };
struct zip_bytes {
    unsigned char bytes[ZIP_MOST];
    size_t count;
};

static void put(struct zip_bytes *zip, uint64_t value, int bytes)
{
    for (int i = 0; i < bytes; i++)
        zip->bytes[zip->count++] = (unsigned char)(value >> 8 * i);
}

static void put_bytes(struct zip_bytes *zip, const void *bytes, size_t count)
{
    memcpy(zip->bytes + zip->count, bytes, count);
    zip->count += count;
}

struct made {                                   /* what is 0 or NULL is as it should be */
    const char *name;
    const char *local_name;
    const char *npy;                            /* header's dictionary; data follow */
    size_t data;                                /* bytes, each 1 */
    int method, flags;
    uint64_t claimed, claimed_stored, offset;
    bool deflate, bad_checksum, zip64;
};

enum { END_ENTRIES = 1, END_SIZE, END_OFFSET, END_COMMENT, END_DISK, END_CUT, END_MORE }; /* what is wrong at the end */

static size_t put_member(struct zip_bytes *zip, const struct made *made, struct zip_bytes *directory)
{
    unsigned char npy[4096], packed[8192];
    const char *dictionary = made->npy ? made->npy : "{'descr': '|u1', 'fortran_order': False, 'shape': (4,), }";
    size_t size = 10 + strlen(dictionary) + (made->npy ? made->data : 4);
    memcpy(npy, "\x93NUMPY\1\0", 8);
    npy[8] = (unsigned char)strlen(dictionary), npy[9] = 0;
    memcpy(npy + 10, dictionary, strlen(dictionary));
    memset(npy + 10 + strlen(dictionary), 1, size - 10 - strlen(dictionary));
    const uint64_t checksum = crc32(0, npy, (unsigned)size) ^ (made->bad_checksum ? 1 : 0);
    const void *data = npy;
    size_t stored = size;
    if (made->deflate) {
        z_stream z = {.next_in = npy, .avail_in = (unsigned)size, .next_out = packed, .avail_out = sizeof packed};
        assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, -15, 9, Z_DEFAULT_STRATEGY), Z_OK);
        assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
        stored = z.total_out;
        data = packed;
        deflateEnd(&z);
    }
    const uint64_t claimed = made->claimed ? made->claimed : size, claimed_stored = made->claimed_stored ? made->claimed_stored : stored;
    const uint64_t method = made->method ? (uint64_t)made->method : made->deflate ? 8 : 0;
    const char *local = made->local_name ? made->local_name : made->name;
    const size_t offset = zip->count, extra = made->zip64 ? 20 : 0;
    const uint64_t narrow_size = made->zip64 ? 0xffffffff : claimed, narrow_stored = made->zip64 ? 0xffffffff : claimed_stored;
    put(zip, 0x04034b50, 4), put(zip, made->zip64 ? 45 : 20, 2), put(zip, (uint64_t)made->flags, 2), put(zip, method, 2), put(zip, 0x210000, 4);
    put(zip, checksum, 4), put(zip, narrow_stored, 4), put(zip, narrow_size, 4), put(zip, strlen(local), 2), put(zip, extra, 2);
    put_bytes(zip, local, strlen(local));
    if (extra)
        put(zip, 1, 2), put(zip, 16, 2), put(zip, claimed, 8), put(zip, claimed_stored, 8);
    put_bytes(zip, data, stored);
    put(directory, 0x02014b50, 4), put(directory, 20, 2), put(directory, made->zip64 ? 45 : 20, 2), put(directory, (uint64_t)made->flags, 2);
    put(directory, method, 2), put(directory, 0x210000, 4), put(directory, checksum, 4);
    put(directory, narrow_stored, 4), put(directory, narrow_size, 4), put(directory, strlen(made->name), 2), put(directory, extra, 2);
    put(directory, 0, 2), put(directory, 0, 2), put(directory, 0, 2), put(directory, 0, 4);
    put(directory, made->offset ? made->offset - 1 : offset, 4);
    put_bytes(directory, made->name, strlen(made->name));
    if (extra)
        put(directory, 1, 2), put(directory, 16, 2), put(directory, claimed, 8), put(directory, claimed_stored, 8);
    return zip->count;
}

/* y's header and bytes lie within the data of x. */
static const char *write_overlap(void)
{
    static struct zip_bytes zip, inner, directory;
    const struct made outer = {.name = "x.npy", .npy = "{'descr': '|u1', 'fortran_order': False, 'shape': (500,), }", .data = 500};
    zip.count = inner.count = directory.count = 0;
    put_member(&zip, &outer, &directory);
    const size_t place = zip.count - 500;
    put_member(&inner, &(struct made){.name = "y.npy", .offset = place + 1}, &directory);
    memcpy(zip.bytes + place, inner.bytes, inner.count);
    const size_t offset = zip.count;
    put_bytes(&zip, directory.bytes, directory.count);
    put(&zip, 0x06054b50, 4), put(&zip, 0, 4), put(&zip, 2, 2), put(&zip, 2, 2), put(&zip, directory.count, 4), put(&zip, offset, 4), put(&zip, 0, 2);
    const char *path = path_of("overlap.npz");
    write_file(path, zip.bytes, zip.count);
    return path;
}

static const char *write_zip(const struct made *made, size_t count, int wrong)
{
    static struct zip_bytes zip, directory;
    zip.count = directory.count = 0;
    for (size_t i = 0; i < count; i++)
        put_member(&zip, &made[i], &directory);
    const size_t offset = zip.count;
    put_bytes(&zip, directory.bytes, directory.count);
    const uint64_t entries = wrong == END_ENTRIES ? 65000 : count;
    put(&zip, 0x06054b50, 4), put(&zip, wrong == END_DISK, 2), put(&zip, wrong == END_DISK, 2), put(&zip, entries, 2), put(&zip, entries, 2);
    put(&zip, wrong == END_SIZE ? 0x7fffffff : directory.count, 4), put(&zip, wrong == END_OFFSET ? 0x7ffffff0 : offset, 4);
    put(&zip, wrong == END_COMMENT ? 500 : 0, 2);
    if (wrong == END_CUT)
        zip.count -= 5;
    if (wrong == END_MORE)
        put_bytes(&zip, "\0\0\0\0\0\0\0\0", 8);
    const char *path = path_of("made.npz");
    write_file(path, zip.bytes, zip.count);
    return path;
}

static void test_archives_of_any_zip_are_read(void **state)
{
    (void)state;
    const struct made good[] = {
        {.name = "plain.npy"}, {.name = "packed.npy", .deflate = true}, {.name = "wide.npy", .zip64 = true},
        {.name = "both.npy", .zip64 = true, .deflate = true}, {.name = "folder/x.npy"}, {.name = "..a/b...npy"},
        {.name = "\xe4.npy"},                   /* no flag of UTF-8: the old code page, where it is a Greek S */
    };
    const size_t count = sizeof good / sizeof *good;
    const char *path = write_zip(good, count, 0);
    ct_tensor_file *file = ct_io_npz_open(path);
    assert_fine();
    assert_int_equal(ct_tensor_file_count(file), count);
    CT_SCOPE;
    for (size_t i = 0; i < count; i++)
        assert_float_equal(ct_item(ct_sum(ct_tensor_file_read(file, ct_tensor_file_name(file, i)))), 4, 0);
    assert_fine();
    assert_true(ct_tensor_file_has(file, "folder/x"));
    assert_true(ct_tensor_file_has(file, "\xce\xa3"));
    ct_free(file);
    unlink(path);
}

#define DICTIONARY(descr, shape) "{'descr': '" descr "', 'fortran_order': False, 'shape': " shape ", }"

static const struct {
    struct made members[3];
    size_t count;
    int wrong;
    const char *reason;
} malformed[] = {
    {{{.name = "x.npy"}}, 1, END_ENTRIES, "not an npz file"},
    {{{.name = "x.npy"}}, 1, END_SIZE, "not an npz file"},
    {{{.name = "x.npy"}}, 1, END_OFFSET, "not an npz file"},
    {{{.name = "x.npy"}}, 1, END_COMMENT, "not an npz file"},
    {{{.name = "x.npy"}}, 1, END_DISK, "not an npz file"},
    {{{.name = "x.npy"}}, 1, END_CUT, "not an npz file"},
    {{{.name = "x.npy"}}, 1, END_MORE, "not an npz file"},
    {{{.name = "../x.npy"}}, 1, 0, "member '../x.npy' is no path within the archive"},
    {{{.name = "a/../x.npy"}}, 1, 0, "no path within"},
    {{{.name = "/etc/x.npy"}}, 1, 0, "no path within"},
    {{{.name = "C:\\x.npy"}}, 1, 0, "no path within"},
    {{{.name = "a//x.npy"}}, 1, 0, "no path within"},
    {{{.name = "./x.npy"}}, 1, 0, "no path within"},
    {{{.name = "a/"}}, 1, 0, "no path within"},
    {{{.name = "x"}}, 1, 0, "member 'x' is no .npy"},
    {{{.name = "x.txt"}}, 1, 0, "member 'x.txt' is no .npy"},
    {{{.name = ".npy"}}, 1, 0, "member '.npy' is no .npy"},
    {{{.name = "a/.npy"}}, 1, 0, "is no .npy"},
    {{{.name = "x.npy"}, {.name = "x.npy"}}, 2, 0, "not an npz file: two members of one name"},
    {{{.name = "x.npy", .local_name = "y.npy"}}, 1, 0, "not an npz file"},
    {{{.name = "x.npy"}, {.name = "y.npy", .offset = 1}}, 2, 0, "not an npz file"},
    {{{.name = "x.npy"}, {.name = "y.npy", .offset = 5000}}, 2, 0, "not an npz file"},
    {{{.name = "x.npy", .flags = 1}}, 1, 0, "is encrypted"},
    {{{.name = "x.npy", .method = 12}}, 1, 0, "compression method 12, want stored or deflated"},
    {{{.name = "x.npy", .method = 97}}, 1, 0, "compression method 97"},
    {{{.name = "x.npy", .claimed = 70}}, 1, 0, "tensor 'x': claims to become 70 bytes"},
    {{{.name = "x.npy", .claimed = 1000000000, .deflate = true}}, 1, 0, "claims to become 1000000000 bytes, which"},
    {{{.name = "x.npy", .claimed = UINT64_MAX, .zip64 = true, .deflate = true}}, 1, 0, "which"},
    {{{.name = "x.npy", .claimed = 1 << 20, .claimed_stored = 1 << 20}}, 1, 0, "made.npz"},
    {{{.name = "x.npy", .claimed = 70, .claimed_stored = 70}}, 1, 0, "made.npz"},
    {{{.name = "x.npy", .claimed_stored = UINT64_MAX, .zip64 = true}}, 1, 0, "made.npz"},
    {{{.name = "x.npy", .claimed = 70, .deflate = true}}, 1, 0, "70 bytes, header, dtype and shape want"},
    {{{.name = "x.npy", .npy = "{}"}}, 1, 0, "tensor 'x': header: descr is missing"},
    {{{.name = "x.npy", .npy = DICTIONARY("|O", "(1,)"), .data = 8}}, 1, 0, "tensor 'x': dtype '|O' is not read"},
    {{{.name = "x.npy", .npy = DICTIONARY("<f4", "(4,)"), .data = 15}}, 1, 0, "tensor 'x': "},
    {{{.name = "x.npy", .npy = DICTIONARY("<f4", "(4,)"), .data = 17, .deflate = true}}, 1, 0, "header, dtype and shape want"},
    {{{.name = "x.npy", .npy = DICTIONARY("<f4", "(1000000000000,)"), .data = 4}}, 1, 0, "want 4000000000"},
    {{{.name = "x.npy", .npy = DICTIONARY("<f4", "(4611686018427387904, 4)"), .data = 4}}, 1, 0, "overflows"},
    {{{.name = "x.npy"}, {.name = "y.npy", .npy = DICTIONARY("<f4", "(-1,)"), .data = 4}}, 2, 0, "tensor 'y': size 0"},
};

static void assert_refused(const char *path, const char *reason)
{
    ct_tensor_file *file = ct_io_npz_open(path);
    if (file)
        fail_msg("opened, want: %s", reason);
    assert_non_null(strstr(ct_error(), path));
    assert_error(reason);
    unlink(path);
}

static void test_malformed_archives_are_refused(void **state)
{
    (void)state;
    ct_memory_set_limit(ct_memory().live + (1 << 20)); /* none of them may make us allocate more */
    for (size_t i = 0; i < sizeof malformed / sizeof *malformed; i++)
        assert_refused(write_zip(malformed[i].members, malformed[i].count, malformed[i].wrong), malformed[i].reason);
    ct_memory_set_limit(SIZE_MAX);
    assert_refused(write_overlap(), "its members overlap: 2 of them take");
    const char *path = path_of("none.npz");
    write_file(path, "", 0);
    assert_refused(path, "not an npz file");
    write_file(path, "\x93NUMPY", 6);
    assert_refused(path, "not an npz file");
    assert_null(ct_io_npz_open(NULL));
    assert_error("path is NULL");
    assert_null(ct_io_npz_open(folder));
    assert_error("not a regular file");
    assert_int_equal(mkfifo(path_of("pipe"), 0600), 0);
    assert_refused(path_of("pipe"), "not a regular file");
    assert_null(ct_io_npz_open(path_of("absent")));
    assert_error("absent: cannot open: No such file");
}

/* Data are checked when they are read. */
static void test_corrupt_data_are_refused(void **state)
{
    (void)state;
    const struct { struct made member; const char *reason; } rows[] = {
        {{.name = "x.npy", .bad_checksum = true}, "tensor 'x': CRC error"},
        {{.name = "x.npy", .bad_checksum = true, .deflate = true}, "tensor 'x': CRC error"},
        {{.name = "x.npy", .npy = DICTIONARY("|b1", "(2,)"), .data = 2}, NULL},
        {{.name = "x.npy", .npy = DICTIONARY("<f4", "(200,)"), .data = 4, .claimed = 869, .deflate = true}, "tensor 'x'"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        CT_SCOPE;
        const char *path = write_zip(&rows[i].member, 1, 0);
        ct_tensor_file *file = ct_io_npz_open(path);
        assert_fine();
        assert_int_equal(ct_tensor_file_read(file, "x") != NULL, !rows[i].reason);
        if (rows[i].reason) {
            assert_non_null(strstr(ct_error(), path));
            assert_error(rows[i].reason);
        }
        ct_free(file);
        unlink(path);
    }
}

static void test_file_cut_while_open(void **state)
{
    (void)state;
    CT_SCOPE;
    const char *path = path_of("cut.npz");
    assert_true(ct_io_npz_write(path, (ct_named_tensor[]){{"x", ct_ones(100000)}}, 1, false));
    ct_tensor_file *file = ct_io_npz_open(path);
    assert_fine();
    assert_int_equal(truncate(path, 1000), 0);
    assert_null(ct_tensor_file_read(file, "x"));
    assert_non_null(strstr(ct_error(), path));
    assert_error("tensor 'x': ");
    ct_free(file);
    unlink(path);
}

static void test_a_limit_bounds_what_is_inflated(void **state)
{
    (void)state;
    CT_SCOPE;
    const char *path = path_of("bomb.npz");
    {
        CT_SCOPE;
        assert_true(ct_io_npz_write(path, (ct_named_tensor[]){{"x", ct_zeros(4 << 20)}}, 1, true));
    }
    struct stat status;
    assert_int_equal(stat(path, &status), 0);
    assert_true(status.st_size < 20000);
    ct_tensor_file *file = ct_io_npz_open(path);
    assert_fine();
    ct_memory_set_limit(ct_memory().live + (1 << 20));
    assert_null(ct_tensor_file_read(file, "x"));
    ct_memory_set_limit(SIZE_MAX);
    assert_error("out of memory");
    ct_free(file);
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest without[] = {cmocka_unit_test(test_a_build_without_libzip_says_so)};
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_an_archive_of_none),
        cmocka_unit_test(test_the_same_tensors_give_the_same_bytes),
        cmocka_unit_test(test_bad_names_are_refused),
        cmocka_unit_test(test_archives_of_any_zip_are_read),
        cmocka_unit_test(test_malformed_archives_are_refused),
        cmocka_unit_test(test_corrupt_data_are_refused),
        cmocka_unit_test(test_file_cut_while_open),
        cmocka_unit_test(test_a_limit_bounds_what_is_inflated),
    };
    const int failed = ct_io_has_npz() ? cmocka_run_group_tests(tests, make_folder, remove_folder)
                                       : cmocka_run_group_tests(without, make_folder, remove_folder);
    ct_shutdown();
    return failed;
}
