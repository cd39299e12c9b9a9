/* Files cut anywhere, of every format whose own test names fewer lies: each is refused by file, none is read as something shorter. */
#include "engine.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "data/tar.h"

enum { MOST = 1 << 16, CUTS = 60 };

static char folder[] = "/tmp/cotangent_cut_XXXXXX", bad[256];
static unsigned char whole[MOST];
static size_t bytes;

static const char *path_of(const char *name)
{
    static char path[256];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static void put(const char *path, size_t count)
{
    remove(path);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(whole, 1, count, file), count);
    assert_int_equal(fclose(file), 0);
}

static void take(const char *path)
{
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    bytes = fread(whole, 1, sizeof whole, file);
    assert_true(feof(file));
    fclose(file);
    remove(path);
}

/* reads: is the file read? Tried whole, then at CUTS lengths from 0 to one byte less. */
static void check_cuts(bool (*reads)(const char *path), const char *name)
{
    snprintf(bad, sizeof bad, "%s", path_of(name));
    put(bad, bytes);
    if (!reads(bad))
        fail_msg("%s, whole: %s", name, ct_error());
    for (size_t i = 0; i < CUTS; i++) {
        const size_t length = i < CUTS / 2 ? i * (bytes - 1) / (CUTS / 2) : bytes - 1 - (i - CUTS / 2) % bytes;
        put(bad, length);
        if (reads(bad))
            fail_msg("%s is read from %zu of its %zu bytes", name, length, bytes);
        if (!strstr(ct_error(), name))
            fail_msg("%s of %zu bytes: \"%s\" does not name the file", name, length, ct_error());
        ct_error_clear();
    }
    remove(bad);
}

static bool reads_png(const char *path)
{
    CT_SCOPE;
    return ct_io_png_read(path) != NULL;
}

static void test_png(void **state)
{
    (void)state;
    if (!ct_io_has_png())
        skip();
    CT_SCOPE;
    assert_true(ct_io_png_write(path_of("x.png"), ct_rand(3, 9, 7)));
    take(path_of("x.png"));
    bytes -= 12;                                /* the mark of the end, which holds nothing */
    check_cuts(reads_png, "x.png");
}

static bool reads_idx(const char *path)
{
    CT_SCOPE;
    return ct_data_idx(path, CT_FLOAT32) != NULL;
}

static void test_idx(void **state)
{
    (void)state;
    const unsigned char head[] = {0, 0, 8, 3, 0, 0, 0, 4, 0, 0, 0, 5, 0, 0, 0, 6};
    memcpy(whole, head, sizeof head);
    bytes = sizeof head + 4 * 5 * 6;
    check_cuts(reads_idx, "x.idx");
}

static bool reads_cifar(const char *path)
{
    (void)path;
    ct_dataset *set = ct_data_cifar10(.folder = folder);
    ct_free(set);
    return set;
}

static void test_cifar(void **state)
{
    (void)state;
    memset(whole, 3, MOST);
    bytes = 2 * 3073;
    put(path_of("data_batch_1.bin"), bytes);
    snprintf(bad, sizeof bad, "%s", path_of("test_batch.bin"));
    put(bad, bytes);
    assert_true(reads_cifar(bad));
    for (size_t i = 0; i < CUTS; i++) {
        const size_t length = bytes - 1 - i * 100;
        if (length % 3073 == 0)                 /* fewer records are a file, too */
            continue;
        put(bad, length);
        assert_true(!reads_cifar(bad));
        assert_error("test_batch.bin");
    }
    remove(bad);
    remove(path_of("data_batch_1.bin"));
}

static bool reads_encoding(const char *path)
{
    ct_table_encoding *encoding = ct_table_encoding_load(path);
    ct_free(encoding);
    return encoding;
}

static void test_encoding(void **state)
{
    (void)state;
    FILE *file = fopen(path_of("x.csv"), "w");
    fputs("size,colour,price\n1.5,red,10\n2.5,blue,20\n,red,30\n4,green,25\n", file);
    fclose(file);
    ct_table *table = ct_table_csv(path_of("x.csv"));
    ct_table_encoding *encoding = ct_table_fit(table, .label = "colour", .standardize = true);
    assert_true(ct_table_encoding_save(encoding, path_of("x.json")));
    take(path_of("x.json"));
    while (bytes && strchr(" \n", whole[bytes - 1])) /* blanks at the end say nothing */
        bytes--;
    check_cuts(reads_encoding, "x.json");
    ct_free(encoding), ct_free(table);
    remove(path_of("x.csv"));
}

static bool reads_tar(const char *path)
{
    struct tar tar;
    char out[512];
    bool good = tar_open(&tar, path, MOST);
    if (!good)
        return false;
    int next;
    while (good && (next = tar_next(&tar)) > 0)
        while (good && tar.left > 0)
            good = tar_read(&tar, out, sizeof out) > 0;
    return tar_close(&tar, good && next == 0);
}

static void test_tar(void **state)
{
    (void)state;
    memset(whole, 0, MOST);
    for (int i = 0; i < 2; i++) {
        unsigned char *header = whole + i * 1536;
        unsigned sum = 0;
        snprintf((char *)header, 100, "member%d", i);
        snprintf((char *)header + 124, 12, "%011o", 700);
        header[156] = '0';
        memcpy(header + 257, "ustar\0" "00", 8);
        memset(header + 148, ' ', 8);
        for (int k = 0; k < 512; k++)
            sum += header[k];
        snprintf((char *)header + 148, 8, "%06o", sum);
        memset(header + 512, 'x', 700);
    }
    bytes = 2 * 1536 + 1;                       /* the first block of the end is looked at, the rest is filling */
    put(path_of("x.tar"), 2 * 1536 + 1024);
    assert_true(reads_tar(path_of("x.tar")));
    remove(path_of("x.tar"));
    for (size_t i = 0; i < CUTS; i++) {
        const size_t length = 1 + i * 51;
        if (length % 1536 == 0)
            continue;
        put(path_of("x.tar"), length);
        assert_true(!reads_tar(path_of("x.tar")));
        assert_error("x.tar");
    }
    remove(path_of("x.tar"));
}

static int make_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(test_png), TEST(test_idx), TEST(test_cifar), TEST(test_encoding), TEST(test_tar)};
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
