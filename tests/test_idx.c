/* IDX files good and bad, and the search for MNIST. */
#define _GNU_SOURCE
#include <data/data.h>

#include <sys/resource.h>
#include <sys/stat.h>

#include "files.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

/* ---- IDX --------------------------------------------------------------------------------------------------------- */
static const unsigned char small[] = {0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 3, 1, 2, 3, 4, 5, 255}; /* (2, 3) */

static void test_idx_plain_and_gzip(void **state)
{
    (void)state;
    CT_SCOPE;
    write_file(path_of("small"), small, sizeof small);
    write_gzip(path_of("small.gz"), small, sizeof small);
    const char *const names[] = {"small", "small.gz"};
    for (int i = 0; i < 2; i++) {
        ct_tensor *x = ct_data_idx(path_of(names[i]), CT_FLOAT32);
        assert_fine();
        assert_true(ct_equal(x, ct_from_array(((const float[]){1, 2, 3, 4, 5, 255}), 2, 3)));
        assert_true(ct_equal(ct_data_idx(path_of(names[i]), CT_INT64), ct_cast(x, CT_INT64)));
        assert_true(ct_equal(ct_data_idx(path_of(names[i]), CT_FLOAT64), ct_cast(x, CT_FLOAT64)));
        assert_true(ct_equal(ct_data_idx(path_of(names[i]), CT_BOOL), ct_cast(x, CT_BOOL)));
        assert_fine();
        unlink(path_of(names[i]));
    }
}

static void test_idx_without_values(void **state)
{
    (void)state;
    CT_SCOPE;
    write_file(path_of("none"), ((const unsigned char[]){0, 0, 8, 1, 0, 0, 0, 0}), 8);
    ct_tensor *x = ct_data_idx(path_of("none"), CT_FLOAT32);
    assert_fine();
    assert_int_equal(ct_size(x, 0), 0);
    unlink(path_of("none"));
}

/* Longer than the first steps in which memory grows. */
static void test_idx_of_many_bytes(void **state)
{
    (void)state;
    CT_SCOPE;
    enum { COUNT = 5000000 };
    unsigned char *bytes = malloc(COUNT + 8);
    const unsigned char header[] = {0, 0, 8, 1, COUNT >> 24, COUNT >> 16 & 255, COUNT >> 8 & 255, COUNT & 255};
    memcpy(bytes, header, sizeof header);
    for (int i = 0; i < COUNT; i++)
        bytes[8 + i] = (unsigned char)(i % 251);
    write_gzip(path_of("many.gz"), bytes, COUNT + 8);
    ct_tensor *x = ct_data_idx(path_of("many.gz"), CT_FLOAT32);
    assert_fine();
    const float *values = ct_data(x);
    for (int i = 0; i < COUNT; i++)
        if (values[i] != bytes[8 + i])
            fail_msg("byte %d", i);
    free(bytes);
    unlink(path_of("many.gz"));
}

static void assert_idx_refused(const char *path, const char *reason)
{
    assert_null(ct_data_idx(path, CT_FLOAT32));
    assert_non_null(strstr(ct_error(), path));
    assert_error(reason);
    unlink(path);
}

static void test_bad_idx_is_refused(void **state)
{
    (void)state;
    const struct { unsigned char bytes[24]; size_t count; const char *reason; } rows[] = {
        {{0}, 0, "ends after 0 bytes"},
        {{0, 0, 8}, 3, "ends after 3 bytes"},
        {{1, 0, 8, 1, 0, 0, 0, 0}, 8, "magic number 01 00 08 01"},
        {{0, 1, 8, 1, 0, 0, 0, 0}, 8, "magic number 00 01 08 01"},
        {{0, 0, 13, 1, 0, 0, 0, 0}, 8, "magic number 00 00 0d 01"},
        {{0, 0, 8, 0}, 4, "want 00 00 08 and 1 to 4 axes"},
        {{0, 0, 8, 5, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1}, 24, "magic number 00 00 08 05"},
        {{0, 0, 8, 2, 0, 0, 0, 2, 0}, 9, "ends after 9 of the header's 12 bytes"},
        {{0, 0, 8, 1, 0, 0, 0, 3, 1, 2}, 10, "ends after 10 of 11 bytes"},
        {{0, 0, 8, 1, 0, 0, 0, 3, 1, 2, 3, 4}, 12, "goes on after the 11 bytes"},
        {{0, 0, 8, 1, 0, 0, 0, 0, 4}, 9, "goes on after the 8 bytes"},
        {{0, 0, 8, 1, 255, 255, 255, 255, 1, 2}, 10, "ends after 10 of 4294967303 bytes"},
        {{0, 0, 8, 4, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255}, 20, "overflow"},
        {{0, 0, 8, 2, 255, 255, 255, 255, 127, 255, 255, 255}, 12, "overflow"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        write_file(path_of("bad"), rows[i].bytes, rows[i].count);
        assert_idx_refused(path_of("bad"), rows[i].reason);
        if (rows[i].count == 0)
            continue;
        write_gzip(path_of("bad.gz"), rows[i].bytes, rows[i].count);
        assert_idx_refused(path_of("bad.gz"), rows[i].reason);
    }
    assert_null(ct_data_idx(path_of("absent"), CT_FLOAT32));
    assert_error("absent: cannot open: No such file");
    assert_null(ct_data_idx(folder, CT_FLOAT32));
    assert_error("not a regular file");
    assert_null(ct_data_idx(NULL, CT_FLOAT32));
    assert_error("path is NULL");
}

static void test_huge_promise_takes_little_memory(void **state)
{
    (void)state;
    CT_SCOPE;
    write_file(path_of("promise"), ((const unsigned char[]){0, 0, 8, 1, 255, 255, 255, 255, 1, 2}), 10);
    struct rlimit before, little;
    assert_int_equal(getrlimit(RLIMIT_AS, &before), 0);
    little = before;
    if (!SANITIZED)                             /* which maps terabytes of its own */
        little.rlim_cur = (rlim_t)3 << 30;
    assert_int_equal(setrlimit(RLIMIT_AS, &little), 0);
    assert_idx_refused(path_of("promise"), "ends after 10 of 4294967303 bytes");
    assert_int_equal(setrlimit(RLIMIT_AS, &before), 0);
}

/* A copy of a gzip file, cut to `bytes` (negative: from its end), with the byte at `flip` (from its end) changed. */
static void spoil(const char *from, const char *to, long bytes, long flip)
{
    unsigned char copy[256];
    FILE *file = fopen(from, "rb");
    long size = (long)fread(copy, 1, sizeof copy, file);
    fclose(file);
    if (flip)
        copy[size - flip] ^= 0x55;
    write_file(to, copy, (size_t)(bytes < 0 ? size + bytes : bytes ? bytes : size));
}

static void test_corrupt_gzip_is_refused(void **state)
{
    (void)state;
    const char *good = path_of("good.gz"), *bad = path_of("spoilt.gz");
    write_gzip(good, small, sizeof small);
    spoil(good, bad, 0, 8);                     /* the checksum's first byte */
    assert_idx_refused(bad, "incorrect data check");
    spoil(good, bad, 0, 4);                     /* the length */
    assert_idx_refused(bad, "incorrect length check");
    spoil(good, bad, -3, 0);                    /* cut in the checksum */
    assert_idx_refused(bad, "cut before its checksum");
    spoil(good, bad, 14, 0);                    /* cut early */
    assert_idx_refused(bad, "ends after");
    unlink(good);
}

/* ---- MNIST ------------------------------------------------------------------------------------------------------- */
static void write_images(const char *path, unsigned count, unsigned rows, bool gzip)
{
    const size_t bytes = 16 + (size_t)count * rows * 28;
    unsigned char *file = calloc(bytes, 1);
    unsigned char header[16] = {[2] = 8, [3] = 3, [15] = 28};
    header[7] = (unsigned char)count;
    header[11] = (unsigned char)rows;
    memcpy(file, header, sizeof header);
    for (size_t i = 16; i < bytes; i++)
        file[i] = (unsigned char)(i - 16);
    (gzip ? write_gzip : write_file)(path, file, bytes);
    free(file);
}

static void write_labels(const char *path, unsigned count, unsigned char first, bool gzip)
{
    unsigned char file[264] = {0, 0, 8, 1, 0, 0, 0, (unsigned char)count};
    for (unsigned i = 0; i < count; i++)
        file[8 + i] = (unsigned char)(first + i);
    (gzip ? write_gzip : write_file)(path, file, 8 + count);
}

static void test_mnist_of_our_own(void **state)
{
    (void)state;
    CT_SCOPE;
    assert_false(ct_data_mnist_available(folder));
    write_images(path_of("train-images-idx3-ubyte.gz"), 3, 28, true);
    write_labels(path_of("train-labels-idx1-ubyte"), 3, 7, false);
    assert_false(ct_data_mnist_available(folder));
    assert_fine();
    ct_dataset *train = ct_data_mnist(.folder = folder, .train = true);
    assert_fine();
    assert_int_equal(ct_dataset_size(train), 3);
    ct_tensor *x, *y;
    assert_true(ct_dataset_get(train, 1, &x, &y));
    assert_int_equal(ct_rank(x), 3);
    assert_int_equal(ct_size(x, 0), 1);
    assert_int_equal(ct_size(x, 1), 28);
    assert_int_equal(ct_size(x, 2), 28);
    assert_int_equal(ct_rank(y), 0);
    assert_int_equal(ct_dtype_of(y), CT_INT64);
    assert_int_equal(ct_item_int(y), 8);
    for (int i = 0; i < 784; i++)
        assert_true(((const float *)ct_data(x))[i] == (float)((784 + i) % 256) / 255);
    ct_free(train);

    ct_dataset *scaled = ct_data_mnist(.folder = folder, .train = true, .normalize = true, .one_hot = true, .limit = 2);
    assert_int_equal(ct_dataset_size(scaled), 2);
    assert_true(ct_dataset_get(scaled, 0, &x, &y));
    for (int i = 0; i < 784; i++)
        assert_float_equal(((const float *)ct_data(x))[i], (i % 256 / 255.0 - 0.1307) / 0.3081, 1e-6);
    assert_true(ct_equal(y, ct_from_array(((const float[]){0, 0, 0, 0, 0, 0, 0, 1, 0, 0}), 10)));
    ct_free(scaled);

    assert_null(ct_data_mnist(.folder = folder));
    assert_non_null(strstr(ct_error(), folder));
    assert_error("mnist: no t10k-images-idx3-ubyte and t10k-labels-idx1-ubyte (or .gz) in ");
    assert_null(ct_data_mnist(.folder = folder, .train = true, .limit = -1));
    assert_error("limit -1");
    write_images(path_of("t10k-images-idx3-ubyte"), 1, 28, false);
    write_labels(path_of("t10k-labels-idx1-ubyte.gz"), 1, 0, true);
    assert_true(ct_data_mnist_available(folder));

    write_labels(path_of("train-labels-idx1-ubyte"), 4, 0, false);
    assert_null(ct_data_mnist(.folder = folder, .train = true));
    assert_non_null(strstr(ct_error(), "train-images-idx3-ubyte.gz has 3 images"));
    assert_error("train-labels-idx1-ubyte has 4 labels");
    write_labels(path_of("train-labels-idx1-ubyte"), 3, 8, false);
    assert_null(ct_data_mnist(.folder = folder, .train = true));
    assert_error("label 10 at index 2 is not in [0, 10)");
    write_images(path_of("train-images-idx3-ubyte.gz"), 3, 27, true);
    assert_null(ct_data_mnist(.folder = folder, .train = true));
    assert_error("want (N, 28, 28)");
    unlink(path_of("train-images-idx3-ubyte.gz"));
    unlink(path_of("train-labels-idx1-ubyte"));
    unlink(path_of("t10k-images-idx3-ubyte"));
    unlink(path_of("t10k-labels-idx1-ubyte.gz"));
}

static char *saved_environment[3];
static const char *const variables[3] = {"COTANGENT_DATA", "XDG_CACHE_HOME", "HOME"};

static int save_environment(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++)
        saved_environment[i] = getenv(variables[i]) ? strdup(getenv(variables[i])) : NULL;
    return 0;
}

static int restore_environment(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) {
        if (saved_environment[i])
            setenv(variables[i], saved_environment[i], 1);
        else
            unsetenv(variables[i]);
        free(saved_environment[i]);
    }
    return 0;
}

static void assert_found_in(const char *place)
{
    char made[512];
    snprintf(made, sizeof made, "%s", path_of(place));
    for (char *slash = strchr(made + strlen(folder) + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = 0;
        mkdir(made, 0700);
        *slash = '/';
    }
    mkdir(made, 0700);
    char images[600], labels[600];
    snprintf(images, sizeof images, "%s/t10k-images-idx3-ubyte", made);
    snprintf(labels, sizeof labels, "%s/t10k-labels-idx1-ubyte", made);
    assert_null(ct_data_mnist());
    assert_non_null(strstr(ct_error(), made));  /* says where it looked */
    ct_error_clear();
    write_images(images, 1, 28, false);
    write_labels(labels, 1, 0, false);
    ct_dataset *set = ct_data_mnist();
    assert_fine();
    assert_int_equal(ct_dataset_size(set), 1);
    ct_free(set);
    unlink(images);
    unlink(labels);
    while (strlen(made) > strlen(folder)) {
        rmdir(made);
        *strrchr(made, '/') = 0;
    }
}

static void test_mnist_is_searched_for(void **state)
{
    (void)state;
    setenv("COTANGENT_DATA", path_of("data"), 1);
    setenv("XDG_CACHE_HOME", path_of("cache"), 1);
    setenv("HOME", path_of("home"), 1);
    assert_found_in("data");
    assert_found_in("data/mnist");
    assert_found_in("cache/cotangent");
    assert_found_in("cache/cotangent/mnist");
    unsetenv("COTANGENT_DATA");
    assert_found_in("cache/cotangent");
    setenv("XDG_CACHE_HOME", "relative", 1);
    assert_found_in("home/.cache/cotangent");
    unsetenv("XDG_CACHE_HOME");
    assert_found_in("home/.cache/cotangent/mnist");
    unsetenv("HOME");
    assert_null(ct_data_mnist());
    assert_error("in any folder: set .folder or COTANGENT_DATA");
    assert_false(ct_data_mnist_available(NULL));
}

static void test_real_mnist(void **state)
{
    (void)state;
    char place[4096] = "";
    const char *root = getenv("CT_SOURCE_ROOT");
    if (root)
        snprintf(place, sizeof place, "%s/../shared/data/mnist", root);
    const char *where = *place && ct_data_mnist_available(place) ? place : NULL;
    if (!where && !(getenv("COTANGENT_DATA") && ct_data_mnist_available(NULL)))
        skip();
    for (int train = 0; train < 2; train++) {
        CT_SCOPE;
        ct_dataset *set = ct_data_mnist(.folder = where, .train = train);
        assert_fine();
        assert_int_equal(ct_dataset_size(set), train ? 60000 : 10000);
        ct_tensor *x, *y;
        assert_true(ct_dataset_get(set, 0, &x, &y));
        assert_int_equal(ct_item_int(y), train ? 5 : 7);
        assert_true(ct_item(ct_max(x)) <= 1);
        assert_true(ct_item(ct_max(x)) > 0.9);
        ct_free(set);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_idx_plain_and_gzip),
        cmocka_unit_test(test_idx_without_values),
        cmocka_unit_test(test_idx_of_many_bytes),
        cmocka_unit_test(test_bad_idx_is_refused),
        cmocka_unit_test(test_huge_promise_takes_little_memory),
        cmocka_unit_test(test_corrupt_gzip_is_refused),
        cmocka_unit_test(test_mnist_of_our_own),
        cmocka_unit_test_setup_teardown(test_mnist_is_searched_for, save_environment, restore_environment),
        cmocka_unit_test(test_real_mnist),
    };
    const int failed = cmocka_run_group_tests(tests, make_folder, remove_folder);
    ct_shutdown();
    return failed;
}
