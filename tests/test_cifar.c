/* CIFAR-10's files good and bad, the search for them, and the synthetic colour images that stand in. */
#define _GNU_SOURCE
#include <cotangent.h>

#include <autograd/memory.h>

#include <sys/stat.h>

#include "files.h"

enum { RECORD = 3073, PIXELS = 1024 };

/* Records whose labels count up from `label`, and whose bytes differ by record and place. */
static void write_records(const char *name, size_t bytes, unsigned char label, bool gzip)
{
    unsigned char *file = calloc(bytes + 1, 1);
    for (size_t i = 0; i < bytes; i++)
        file[i] = (unsigned char)(i % RECORD ? i / RECORD * 7 + i % RECORD - 1 : label + i / RECORD);
    (gzip ? write_gzip : write_file)(path_of(name), file, bytes);
    free(file);
}

static void remove_files(void)
{
    DIR *open = opendir(folder);
    for (struct dirent *entry; (entry = readdir(open));)
        unlinkat(dirfd(open), entry->d_name, 0);
    closedir(open);
}

static int64_t label_of(ct_dataset *set, int64_t index)
{
    CT_SCOPE;
    ct_tensor *x, *y;
    assert_true(ct_dataset_get(set, index, &x, &y));
    return ct_item_int(y);
}

static void test_records_become_images(void **state)
{
    (void)state;
    for (int gzip = 0; gzip < 2; gzip++) {
        CT_SCOPE;
        write_records(gzip ? "test_batch.bin.gz" : "test_batch.bin", 3 * RECORD, 4, gzip);
        ct_dataset *plain = ct_data_cifar10(.folder = folder), *scaled = ct_data_cifar10(.folder = folder, .normalize = true, .one_hot = true);
        assert_fine();
        assert_int_equal(ct_dataset_size(plain), 3);
        ct_tensor *x, *y, *normal, *hot;
        assert_true(ct_dataset_get(plain, 2, &x, &y) && ct_dataset_get(scaled, 2, &normal, &hot));
        assert_int_equal(ct_dtype_of(x), CT_FLOAT32);
        assert_int_equal(ct_rank(x), 3);
        assert_int_equal(ct_size(x, 0), 3);
        assert_int_equal(ct_size(x, 1), 32);
        assert_int_equal(ct_size(x, 2), 32);
        assert_int_equal(ct_dtype_of(y), CT_INT64);
        assert_int_equal(ct_item_int(y), 6);
        assert_true(ct_equal(hot, ct_from_array(((const float[]){0, 0, 0, 0, 0, 0, 1, 0, 0, 0}), 10)));
        const double mean[] = {0.4914, 0.4822, 0.4465}, deviation[] = {0.2470, 0.2435, 0.2616};
        for (int i = 0; i < 3 * PIXELS; i++) {
            const double value = (14 + i) % 256 / 255.0;
            assert_true(((const float *)ct_data(x))[i] == (float)((14 + i) % 256) / 255);
            assert_float_equal(((const float *)ct_data(normal))[i], (value - mean[i / PIXELS]) / deviation[i / PIXELS], 2e-6);
        }
        ct_free(plain), ct_free(scaled);
        remove_files();
    }
}

static void test_any_training_files_in_order(void **state)
{
    (void)state;
    write_records("data_batch_5.bin", 2 * RECORD, 5, false);
    write_records("data_batch_2.bin.gz", 3 * RECORD, 0, true);
    assert_false(ct_data_cifar10_available(folder)); /* nothing to test with */
    ct_dataset *all = ct_data_cifar10(.folder = folder, .train = true), *few = ct_data_cifar10(.folder = folder, .train = true, .limit = 4);
    assert_fine();
    assert_int_equal(ct_dataset_size(all), 5);
    assert_int_equal(ct_dataset_size(few), 4);
    const int64_t labels[] = {0, 1, 2, 5, 6};
    for (int i = 0; i < 5; i++)
        assert_int_equal(label_of(all, i), labels[i]);
    ct_free(all), ct_free(few);
    write_records("test_batch.bin", RECORD, 0, false);
    assert_true(ct_data_cifar10_available(folder));
    assert_null(ct_data_cifar10(.folder = folder, .limit = -1));
    assert_error("cifar10: limit -1");
    remove_files();
}

/* More than the first room, and more than one chunk. */
static void test_many_records(void **state)
{
    (void)state;
    enum { COUNT = 10500 };
    unsigned char *file = calloc(COUNT, RECORD);
    for (size_t i = 0; i < COUNT; i++) {
        file[i * RECORD] = (unsigned char)(i % 10);
        file[i * RECORD + 1] = (unsigned char)(i % 251);
    }
    write_file(path_of("test_batch.bin"), file, (size_t)COUNT * RECORD);
    free(file);
    ct_dataset *set = ct_data_cifar10(.folder = folder);
    assert_fine();
    assert_int_equal(ct_dataset_size(set), COUNT);
    for (int i = 0; i < COUNT; i += 97) {
        CT_SCOPE;
        ct_tensor *x, *y;
        assert_true(ct_dataset_get(set, i, &x, &y));
        assert_int_equal(ct_item_int(y), i % 10);
        assert_true(*(const float *)ct_data(x) == (float)(i % 251) / 255);
    }
    ct_free(set);
    remove_files();
}

static void assert_refused(const char *file, const char *reason)
{
    assert_null(ct_data_cifar10(.folder = folder));
    if (!strstr(ct_error(), file))
        fail_msg("error \"%s\" does not name %s", ct_error(), file);
    assert_error(reason);
    remove_files();
}

static void cut(const char *name, long bytes)
{
    struct stat status;
    assert_int_equal(stat(path_of(name), &status), 0);
    assert_int_equal(truncate(path_of(name), bytes < 0 ? status.st_size + bytes : bytes), 0);
}

static void test_bad_files_are_refused(void **state)
{
    (void)state;
    write_records("test_batch.bin", 2 * RECORD - 1, 0, false);
    assert_refused(path_of("test_batch.bin"), "6145 bytes, want a whole number of records of 3073");
    write_records("test_batch.bin.gz", RECORD + 1, 0, true);
    assert_refused(path_of("test_batch.bin.gz"), "3074 bytes, want a whole number of records of 3073");
    write_records("test_batch.bin", 0, 0, false);
    assert_refused(path_of("test_batch.bin"), "0 bytes");
    write_records("test_batch.bin", 3 * RECORD, 8, false);
    assert_refused(path_of("test_batch.bin"), "label 10 at record 2 is not in [0, 10)");
    write_records("test_batch.bin.gz", 2 * RECORD, 0, true);
    cut("test_batch.bin.gz", -3);
    assert_refused(path_of("test_batch.bin.gz"), "gzip stream is cut");
    write_records("test_batch.bin.gz", 2 * RECORD, 0, true);
    cut("test_batch.bin.gz", 40);
    assert_refused(path_of("test_batch.bin.gz"), "gzip stream is cut");
    write_records("test_batch.bin.gz", 2 * RECORD, 0, true);
    FILE *file = fopen(path_of("test_batch.bin.gz"), "r+b");
    fseek(file, -8, SEEK_END);                  /* the checksum */
    const int was = fgetc(file);
    fseek(file, -8, SEEK_END);
    fputc(was ^ 0x55, file);
    fclose(file);
    assert_refused(path_of("test_batch.bin.gz"), "incorrect data check");
    mkdir(path_of("test_batch.bin"), 0700);
    assert_refused(path_of("test_batch.bin"), "not a regular file");
    rmdir(path_of("test_batch.bin"));
    assert_int_equal(count_files(), 0);
}

static void test_missing_files_say_where(void **state)
{
    (void)state;
    assert_null(ct_data_cifar10(.folder = folder));
    assert_non_null(strstr(ct_error(), folder));
    assert_error("cifar10: no test_batch.bin (or .gz) in ");
    assert_null(ct_data_cifar10(.folder = folder, .train = true));
    assert_error("cifar10: no data_batch_1.bin to data_batch_5.bin (or .gz) in ");
    char *before = getenv("COTANGENT_DATA") ? strdup(getenv("COTANGENT_DATA")) : NULL;
    setenv("COTANGENT_DATA", folder, 1);
    mkdir(path_of("cifar10"), 0700);
    write_records("cifar10/test_batch.bin", RECORD, 3, false);
    ct_dataset *set = ct_data_cifar10();
    assert_fine();
    assert_int_equal(label_of(set, 0), 3);
    ct_free(set);
    unlink(path_of("cifar10/test_batch.bin"));
    rmdir(path_of("cifar10"));
    if (before)
        setenv("COTANGENT_DATA", before, 1);
    else
        unsetenv("COTANGENT_DATA");
    free(before);
}

static void test_each_failed_allocation_is_an_error(void **state)
{
    (void)state;
    write_records("test_batch.bin", 2 * RECORD, 0, false);
    bool done = false;
    for (int after = 0; !done && after < 100; after++) {
        memory_fail_after(after);
        ct_dataset *set = ct_data_cifar10(.folder = folder), *shapes = set ? ct_data_shapes(.count = 2) : NULL;
        ct_dataset *augmented = shapes ? ct_data_augment(shapes, .flip = true) : NULL;
        memory_fail_after(-1);
        done = augmented;
        assert_int_equal(done, ct_ok());
        ct_error_clear();
        ct_free(set), ct_free(shapes), ct_free(augmented);
    }
    assert_true(done);
    remove_files();
}

static void test_real_cifar10(void **state)
{
    (void)state;
    char place[4096] = "";
    const char *root = getenv("CT_SOURCE_ROOT");
    if (root)
        snprintf(place, sizeof place, "%s/../shared/data/cifar10", root);
    const char *where = *place && ct_data_cifar10_available(place) ? place : NULL;
    if (!where && !ct_data_cifar10_available(NULL)) {
        print_message("# no CIFAR-10 found: set COTANGENT_DATA\n");
        skip();
    }
    CT_SCOPE;
    ct_dataset *train = ct_data_cifar10(.folder = where, .train = true, .normalize = true), *test = ct_data_cifar10(.folder = where);
    assert_fine();
    assert_true(ct_dataset_size(train) >= 10000 && ct_dataset_size(train) % 10000 == 0);
    assert_true(ct_dataset_size(test) >= 1000);
    const int64_t first_train[] = {6, 9, 9, 4, 1, 1, 2, 7, 8, 3}, first_test[] = {3, 8, 8, 0, 6, 6, 1, 6, 3, 1};
    for (int i = 0; i < 10; i++) {
        assert_int_equal(label_of(train, i), first_train[i]);
        assert_int_equal(label_of(test, i), first_test[i]);
    }
    ct_loader *loader = ct_loader_new(train, .batch_size = 10000);
    ct_batch b;
    assert_true(ct_loader_next(loader, &b));
    ct_tensor *mean = ct_mean(b.x, CT_AXES(0, 2, 3)), *square = ct_mean(ct_square(b.x), CT_AXES(0, 2, 3));
    assert_fine();
    for (int channel = 0; channel < 3; channel++) { /* the constants belong to these images */
        assert_float_equal(((const float *)ct_data(mean))[channel], 0, 0.02);
        assert_float_equal(((const float *)ct_data(square))[channel], 1, 0.03);
    }
    ct_free(loader), ct_free(train), ct_free(test);
}

/* ---- Synthetic shapes -------------------------------------------------------------------------------------------------- */
static void test_shapes_depend_on_seed_and_index_alone(void **state)
{
    (void)state;
    CT_SCOPE;
    ct_dataset *few = ct_data_shapes(.count = 20, .seed = 3), *many = ct_data_shapes(.count = 50, .seed = 3);
    ct_dataset *other = ct_data_shapes(.count = 20, .seed = 4);
    assert_fine();
    int count[10] = {0};
    for (int i = 0; i < 20; i++) {
        ct_tensor *x[3], *y[3];
        assert_true(ct_dataset_get(few, i, &x[0], &y[0]) && ct_dataset_get(many, i, &x[1], &y[1]) && ct_dataset_get(other, i, &x[2], &y[2]));
        assert_true(ct_equal(x[0], x[1]));
        assert_true(ct_equal(y[0], y[1]));
        assert_false(ct_equal(x[0], x[2]));
        assert_int_equal(ct_numel(x[0]), 3 * PIXELS);
        count[ct_item_int(y[0])]++;
    }
    for (int class = 0; class < 10; class++)
        assert_int_equal(count[class], 2);
    ct_free(few), ct_free(many), ct_free(other);
    assert_null(ct_data_shapes(.count = 0));
    assert_error("shapes: count 0, want at least 1");
    assert_int_equal(ct_data_shapes_defaults.count, 10000);
}

/* The shapes are not told by where their pixels are. */
static void test_shapes_are_beyond_a_linear_rule(void **state)
{
    (void)state;
    CT_SCOPE;
    ct_dataset *training = ct_data_shapes(.count = 2000, .seed = 1, .normalize = true);
    ct_dataset *testing = ct_data_shapes(.count = 500, .seed = 2, .normalize = true);
    ct_module *net = ct_nn_sequential(ct_nn_flatten(), ct_nn_linear(3072, 10));
    ct_optimizer *sgd = ct_optim_sgd(net, .lr = 1e-3);
    ct_loader *loader = ct_loader_new(training, .batch_size = 50, .shuffle = true);
    for (int epoch = 0; epoch < 4; epoch++)
        for (ct_batch b; ct_loader_next(loader, &b);) {
            CT_SCOPE;
            ct_zero_grad(sgd);
            assert_true(ct_backward(ct_cross_entropy(ct_forward(net, b.x), b.y)) && ct_step(sgd));
        }
    const double accuracy = ct_train_accuracy(net, testing, 100);
    assert_fine();
    print_message("# linear: %.3f\n", accuracy);
    assert_true(accuracy < 0.6);
    ct_free(loader), ct_free(sgd), ct_free(net), ct_free(training), ct_free(testing);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_records_become_images),
        cmocka_unit_test(test_any_training_files_in_order),
        cmocka_unit_test(test_many_records),
        cmocka_unit_test(test_bad_files_are_refused),
        cmocka_unit_test(test_missing_files_say_where),
        cmocka_unit_test(test_each_failed_allocation_is_an_error),
        cmocka_unit_test(test_real_cifar10),
        cmocka_unit_test(test_shapes_depend_on_seed_and_index_alone),
        cmocka_unit_test(test_shapes_are_beyond_a_linear_rule),
    };
    const int failed = cmocka_run_group_tests(tests, make_folder, remove_folder);
    ct_shutdown();
    return failed;
}
