/* CIFAR-10 out of its archive, and archives that are not to be trusted. */
#define _GNU_SOURCE
#include <cotangent.h>

#include "data/tar.h"

#include "files.h"

enum { BLOCK = 512, RECORD = 3073, ROOM = 1 << 20 };

static unsigned char archive[ROOM];
static size_t used;

/* A header with the right checksum; returns it, so that a test may spoil it. */
static unsigned char *add_header(const char *name, char type, const char *size)
{
    unsigned char *header = archive + used;
    memset(header, 0, BLOCK);
    snprintf((char *)header, 100, "%s", name);
    snprintf((char *)header + 100, 8, "0000644");
    memcpy(header + 124, size, strlen(size));
    header[156] = (unsigned char)type;
    memcpy(header + 257, "ustar\0" "00", 8);
    memset(header + 148, ' ', 8);
    unsigned sum = 0;
    for (int i = 0; i < BLOCK; i++)
        sum += header[i];
    snprintf((char *)header + 148, 8, "%06o", sum);
    used += BLOCK;
    return header;
}

static void add_bytes(const void *bytes, size_t count)
{
    memcpy(archive + used, bytes, count);
    memset(archive + used + count, 0, BLOCK);
    used += (count + BLOCK - 1) / BLOCK * BLOCK;
}

static void add_file(const char *name, const void *bytes, size_t count)
{
    char size[13];
    snprintf(size, sizeof size, "%011zo", count);
    add_header(name, '0', size);
    add_bytes(bytes, count);
}

static void finish(void)
{
    memset(archive + used, 0, 2 * BLOCK);
    used += 2 * BLOCK;
}

/* Records of the labels given; pixels tell batch and place. */
static void add_batch(const char *name, int batch, const char *labels)
{
    static unsigned char records[8 * RECORD];
    for (size_t i = 0; labels[i]; i++) {
        memset(records + i * RECORD, 10 * batch + (int)i, RECORD);
        records[i * RECORD] = (unsigned char)(labels[i] - '0');
    }
    add_file(name, records, strlen(labels) * RECORD);
}

static ct_dataset *open_cifar(bool train)
{
    write_gzip(path_of("cifar-10-binary.tar.gz"), archive, used);
    ct_dataset *set = ct_data_cifar10(.folder = folder, .train = train);
    unlink(path_of("cifar-10-binary.tar.gz"));
    return set;
}

static void test_cifar10_out_of_its_archive(void **state)
{
    (void)state;
    used = 0;
    add_header("cifar-10-batches-bin/", '5', "00000000000");
    add_batch("cifar-10-batches-bin/data_batch_3.bin", 3, "31");
    add_file("cifar-10-batches-bin/batches.meta.txt", "airplane\nautomobile\n", 20);
    add_batch("cifar-10-batches-bin/test_batch.bin", 9, "9");
    add_batch("./cifar-10-batches-bin/data_batch_1.bin", 1, "45");
    add_file("cifar-10-batches-bin/empty", "", 0);
    finish();
    ct_dataset *train = open_cifar(true), *test = open_cifar(false);
    assert_fine();
    assert_int_equal(ct_dataset_size(train), 4); /* by the numbers of the batches, not by their order in the archive */
    assert_int_equal(ct_dataset_size(test), 1);
    CT_SCOPE;
    const int64_t wanted[4] = {4, 5, 3, 1};
    const float pixels[4] = {10, 11, 30, 31};
    ct_tensor *x, *y;
    for (int i = 0; i < 4; i++) {
        assert_true(ct_dataset_get(train, i, &x, &y));
        assert_int_equal(ct_item(y), wanted[i]);
        assert_float_equal(ct_item(ct_max(x)), pixels[i] / 255, 0);
    }
    write_gzip(path_of("cifar-10-binary.tar.gz"), archive, used);
    assert_true(ct_data_cifar10_available(folder));
    ct_dataset *few = ct_data_cifar10(.folder = folder, .train = true, .limit = 3);
    assert_int_equal(ct_dataset_size(few), 3);
    unlink(path_of("cifar-10-binary.tar.gz"));
    ct_free(train), ct_free(test), ct_free(few);
}

/* ---- Bad ones --------------------------------------------------------------------------------------------------------------------- */
static void assert_refused(const char *error)
{
    assert_null(open_cifar(false));
    if (!strstr(ct_error(), "cifar-10-binary.tar.gz"))
        fail_msg("%s does not name the file", ct_error());
    assert_error(error);
    used = 0;
}

static void test_bad_headers_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        char type;
        const char *size, *error;
    } bad[] = {
        {"/etc/passwd", '0', "00000000000", "the name of member /etc/passwd is absolute"},
        {"../test_batch.bin", '0', "00000000000", "the name of member ../test_batch.bin leads out of the archive"},
        {"a/../../b", '0', "00000000000", "leads out"},
        {"a/..", '5', "00000000000", "leads out"},
        {"", '0', "00000000000", "a member without a name"},
        {"test_batch.bin", '1', "00000000000", "member test_batch.bin is a link"},
        {"test_batch.bin", '2', "00000000000", "is a link"},
        {"test_batch.bin", '3', "00000000000", "is no file: type 0x33"},
        {"test_batch.bin", '6', "00000000000", "is no file: type 0x36"},
        {"PaxHeaders/x", 'x', "00000100000", "extended header PaxHeaders/x changes a name or a size"},
        {"././@LongLink", 'L', "00000000000", "is a name of GNU's"},
        {"test_batch.bin", '0', "0000000009", "its size is no octal number"},
        {"test_batch.bin", '0', "-0000000001", "its size is no octal number"},
        {"test_batch.bin", '0', "           ", "its size is no octal number"},
        {"test_batch.bin", '0', "\x80\x00\x00\x7f", "its size is no octal number"},
        {"test_batch.bin", '0', "777777777777", "more bytes than are read"},
        {"test_batch.bin", '0', "00010000000", "ends inside member test_batch.bin"},
        {"other", '0', "00010000000", "ends inside member other"},
        {"test_batch.bin", '0', "00000000000", "0 bytes, want a whole number of records"},
        {"other", '0', "00000000000", "none of the files wanted is in it"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        used = 0;
        add_header(bad[i].name, bad[i].type, bad[i].size);
        finish();
        assert_refused(bad[i].error);
    }
    add_header("test_batch.bin", '0', "00000000000")[0] ^= 1;
    finish();
    assert_refused("not a tar archive, or a damaged one");
    add_file("a", "12", 2);
    memset(archive + used, 'x', BLOCK);
    used += BLOCK;
    assert_refused("not a tar archive, or a damaged one");
}

static void test_headers_of_pax_and_of_old(void **state)
{
    (void)state;
    static const char *const texts[] = {"30 mtime=1350244992.023960108\n", "20 path=/etc/passwd\n", "14 size=100000\n"};
    for (int i = 0; i < 3; i++) {
        char size[24];
        used = 0;
        snprintf(size, sizeof size, "%011zo", strlen(texts[i]));
        add_header("PaxHeaders/test_batch.bin", 'x', size);
        add_bytes(texts[i], strlen(texts[i]));
        add_batch("test_batch.bin", 1, "12");
        finish();
        if (i) {
            assert_refused("changes a name or a size");
            continue;
        }
        ct_dataset *set = open_cifar(false);
        assert_fine();
        assert_int_equal(ct_dataset_size(set), 2);
        ct_free(set);
    }
    add_batch("test_batch.bin", 1, "12");        /* V7 had no magic */
    memset(archive + 257, 0, 8);
    unsigned sum = 0;
    memset(archive + 148, ' ', 8);
    for (int i = 0; i < BLOCK; i++)
        sum += archive[i];
    snprintf((char *)archive + 148, 8, "%06o", sum);
    finish();
    ct_dataset *set = open_cifar(false);
    assert_fine();
    assert_int_equal(ct_dataset_size(set), 2);
    ct_free(set);
}

static void test_bad_members_are_refused(void **state)
{
    (void)state;
    static unsigned char zeros[2 * RECORD];
    used = 0;
    add_batch("a/test_batch.bin", 1, "12");
    add_batch("b/test_batch.bin", 1, "12");
    finish();
    assert_refused("b/test_batch.bin is there twice");
    add_file("test_batch.bin", zeros, RECORD + 5);
    finish();
    assert_refused("test_batch.bin: 3078 bytes, want a whole number of records of 3073");
    zeros[RECORD] = 10;
    add_file("test_batch.bin", zeros, 2 * RECORD);
    finish();
    assert_refused("test_batch.bin: label 10 at record 1 is not in [0, 10)");
    add_batch("test_batch.bin", 1, "12");        /* no end */
    assert_refused("ends before the archive's end");
    add_batch("test_batch.bin", 1, "12");
    used -= 2000;
    assert_refused("ends inside member test_batch.bin");
    add_batch("test_batch.bin", 1, "12");
    used += 100;
    assert_refused("ends before the archive's end");
    assert_refused("ends before the archive's end"); /* empty */
}

/* Cut at any byte, as tar and as gzip: never more than an error. */
static void test_cut_archives_are_refused(void **state)
{
    (void)state;
    used = 0;
    add_batch("test_batch.bin", 1, "12");
    finish();
    write_gzip(path_of("whole"), archive, used);
    FILE *file = fopen(path_of("whole"), "rb");
    static char bytes[20000];
    const size_t size = fread(bytes, 1, sizeof bytes, file);
    fclose(file);
    unlink(path_of("whole"));
    for (size_t cut = 0; cut < size; cut++) {
        write_file(path_of("cifar-10-binary.tar.gz"), bytes, cut);
        ct_dataset *set = ct_data_cifar10(.folder = folder);
        if (set && cut + 20 < size)              /* behind the end of the archive, zeros that nobody reads */
            fail_msg("cut at %zu of %zu", cut, size);
        ct_free(set);
        ct_error_clear();
    }
    const size_t whole = used;
    for (used = 0; used + 2 * BLOCK < whole; used += 97) {
        assert_null(open_cifar(false));
        assert_error("ends ");
    }
    unlink(path_of("cifar-10-binary.tar.gz"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cifar10_out_of_its_archive),
        cmocka_unit_test(test_bad_headers_are_refused),
        cmocka_unit_test(test_headers_of_pax_and_of_old),
        cmocka_unit_test(test_bad_members_are_refused),
        cmocka_unit_test(test_cut_archives_are_refused),
    };
    const int failed = cmocka_run_group_tests(tests, make_folder, remove_folder);
    ct_shutdown();
    return failed;
}
