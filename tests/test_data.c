/* Data sets (synthetic digits, tensors, subsets) and the loader. */
#define _GNU_SOURCE
#include <data/data.h>

#include <autograd/memory.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#if defined(__SANITIZE_ADDRESS__)
#define ADDRESS_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ADDRESS_SANITIZER 1
#endif
#endif
#ifndef ADDRESS_SANITIZER
#define ADDRESS_SANITIZER 0
#endif

static void assert_error(const char *part)
{
    if (!strstr(ct_error(), part))
        fail_msg("error \"%s\" does not say \"%s\"", ct_error(), part);
    ct_error_clear();
}

static void assert_fine(void)
{
    if (!ct_ok())
        fail_msg("%s", ct_error());
}

/* ---- Synthetic digits -------------------------------------------------------------------------------------------- */
static void test_digits_depend_on_seed_and_index_alone(void **state)
{
    (void)state;
    CT_SCOPE;
    ct_dataset *few = ct_data_digits(.count = 37, .seed = 3), *many = ct_data_digits(.count = 100, .seed = 3);
    ct_dataset *other = ct_data_digits(.count = 37, .seed = 4);
    assert_fine();
    assert_int_equal(ct_dataset_size(few), 37);
    int same = 0;
    for (int i = 0; i < 37; i++) {
        ct_tensor *x[3], *y[3];
        assert_true(ct_dataset_get(few, i, &x[0], &y[0]));
        assert_true(ct_dataset_get(many, i, &x[1], &y[1]));
        assert_true(ct_dataset_get(other, i, &x[2], &y[2]));
        assert_true(ct_equal(x[0], x[1]));
        assert_true(ct_equal(y[0], y[1]));
        assert_false(ct_equal(x[0], x[2]));
        same += ct_equal(y[0], y[2]);
        assert_true(ct_item(ct_min(x[0])) >= 0);
        assert_true(ct_item(ct_max(x[0])) <= 1);
        assert_true(ct_item(ct_max(x[0])) > 0.4); /* there is a stroke */
        assert_int_equal(ct_numel(x[0]), 784);
    }
    assert_in_range(same, 0, 15);
    ct_free(few), ct_free(many), ct_free(other);
}

static void test_digits_are_balanced(void **state)
{
    (void)state;
    ct_dataset *set = ct_data_digits(.count = 1000, .one_hot = true, .normalize = true);
    int count[10] = {0}, in_order = 0;
    for (int i = 0; i < 1000; i++) {
        CT_SCOPE;
        ct_tensor *x, *y;
        assert_true(ct_dataset_get(set, i, &x, &y));
        const int digit = (int)ct_item_int(ct_argmax(y));
        assert_float_equal(ct_item(ct_sum(y)), 1, 0);
        count[digit]++;
        in_order += digit == i % 10;
    }
    for (int digit = 0; digit < 10; digit++)
        assert_int_equal(count[digit], 100);
    assert_in_range(in_order, 50, 150);
    ct_free(set);
    assert_int_equal(ct_data_digits_defaults.count, 10000);
    assert_null(ct_data_digits(.count = 0));
    assert_error("digits: count 0, want at least 1");
    assert_null(ct_data_digits(.count = INT64_MAX));
    assert_error("digits: out of memory");
}

/* ---- Data sets over tensors -------------------------------------------------------------------------------------- */
static ct_dataset *counting(int64_t count)
{
    CT_SCOPE;
    ct_tensor *numbers = (ct_arange)(0, (double)count, 1, CT_FLOAT32);
    return ct_data_tensors(ct_mul(ct_unsqueeze(numbers, 1), ct_ones(1, 2)), ct_cast(numbers, CT_INT64));
}

static void test_tensors_as_a_data_set(void **state)
{
    (void)state;
    CT_SCOPE;
    ct_dataset *set = counting(5);
    assert_fine();
    assert_int_equal(ct_dataset_size(set), 5);
    ct_tensor *x, *y;
    assert_true(ct_dataset_get(set, 3, &x, &y));
    assert_true(ct_equal(x, ct_from_array(((const float[]){3, 3}), 2)));
    assert_int_equal(ct_item_int(y), 3);
    assert_false(ct_dataset_get(set, 5, &x, &y));
    assert_null(x);
    assert_error("sample 5 is not in [0, 5)");
    assert_false(ct_dataset_get(set, -1, &x, &y));
    assert_error("sample -1");
    assert_false(ct_dataset_get(NULL, 0, &x, &y));
    assert_error("data set is NULL");
    assert_int_equal(ct_dataset_size(NULL), -1);
    ct_free(set);
}

static void test_tensors_of_any_layout_and_without_y(void **state)
{
    (void)state;
    CT_SCOPE;
    ct_tensor *base = ct_require_grad(ct_from_array(((const float[]){1, 2, 3, 4, 5, 6}), 2, 3), true);
    ct_dataset *set = ct_data_tensors(ct_transpose(base, 0, 1), NULL);
    ct_tensor *x, *y;
    assert_true(ct_dataset_get(set, 2, &x, &y));
    assert_true(ct_equal(x, ct_from_array(((const float[]){3, 6}), 2)));
    assert_false(ct_requires_grad(x));
    assert_null(y);
    ct_loader *loader = ct_loader_new(set, .batch_size = 2);
    ct_batch batch;
    assert_true(ct_loader_next(loader, &batch));
    assert_null(batch.y);
    ct_free(loader), ct_free(set);
}

static void test_bad_tensors_are_refused(void **state)
{
    (void)state;
    CT_SCOPE;
    assert_null(ct_data_tensors(NULL, NULL));
    assert_error("x is NULL");
    assert_null(ct_data_tensors(ct_scalar(1), NULL));
    assert_error("x is 0-d");
    assert_null(ct_data_tensors(ct_zeros(2), ct_scalar(1)));
    assert_error("y is 0-d");
    assert_null(ct_data_tensors(ct_zeros(2, 3), ct_zeros(3)));
    assert_error("x has 2 samples, y has 3");
}

static void test_subset_holds_its_base(void **state)
{
    (void)state;
    CT_SCOPE;
    ct_dataset *whole = counting(10), *part = ct_data_subset(whole, 4, 3), *inner = ct_data_subset(part, 1, 2);
    assert_null(ct_data_subset(whole, 8, 3));
    assert_error("3 samples from 8 on: the data set has 10");
    assert_null(ct_data_subset(whole, -1, 3));
    assert_error("from -1 on");
    assert_null(ct_data_subset(whole, 1, INT64_MAX));
    assert_error("data_subset");
    assert_null(ct_data_subset(NULL, 0, 0));
    assert_error("data set is NULL");
    ct_free(whole), ct_free(part);
    ct_tensor *x, *y;
    assert_int_equal(ct_dataset_size(inner), 2);
    assert_true(ct_dataset_get(inner, 1, &x, &y));
    assert_int_equal(ct_item_int(y), 6);
    assert_false(ct_dataset_get(inner, 2, &x, &y));
    assert_error("sample 2 is not in [0, 2)");
    ct_free(inner);
}

/* ---- Loader ------------------------------------------------------------------------------------------------------ */
/* The labels of one epoch, in order. */
static int epoch_of(ct_loader *loader, int64_t *labels)
{
    int count = 0;
    for (ct_batch b; ct_loader_next(loader, &b);)
        for (int64_t i = 0; i < ct_size(b.y, 0); i++) {
            labels[count] = ((const int64_t *)ct_data(b.y))[i];
            assert_float_equal(((const float *)ct_data(b.x))[2 * i + 1], labels[count], 0); /* x and y stay together */
            count++;
        }
    assert_fine();
    return count;
}

static void test_loader_in_order(void **state)
{
    (void)state;
    ct_dataset *set = counting(7);
    ct_loader *loader = ct_loader_new(set, .batch_size = 3);
    ct_free(set);                               /* the loader holds on to it */
    assert_int_equal(ct_loader_batches(loader), 3);
    for (int epoch = 0; epoch < 2; epoch++) {
        ct_batch b;
        for (int i = 0; i < 3; i++) {
            assert_true(ct_loader_next(loader, &b));
            assert_int_equal(ct_size(b.x, 0), i < 2 ? 3 : 1);
            assert_int_equal(ct_size(b.x, 1), 2);
            assert_int_equal(ct_size(b.y, 0), i < 2 ? 3 : 1);
            assert_int_equal(((const int64_t *)ct_data(b.y))[0], 3 * i);
        }
        assert_false(ct_loader_next(loader, &b));
        assert_null(b.x);
    }
    assert_fine();
    ct_free(loader);
}

static void test_a_split_gives_each_sample_once(void **state)
{
    (void)state;
    ct_dataset *set = counting(50), *a, *b, *again = NULL, *rest = NULL, *other = NULL, *left = NULL;
    assert_true(ct_data_split(set, 40, 3, &a, &b) && ct_data_split(set, 40, 3, &again, &rest) && ct_data_split(set, 40, 4, &other, &left));
    ct_loader *loaders[] = {ct_loader_new(a), ct_loader_new(b), ct_loader_new(again), ct_loader_new(other)};
    int64_t labels[4][50];
    assert_int_equal(epoch_of(loaders[0], labels[0]), 40);
    assert_int_equal(epoch_of(loaders[1], labels[0] + 40), 10);
    assert_int_equal(epoch_of(loaders[2], labels[1]), 40);
    assert_int_equal(epoch_of(loaders[3], labels[2]), 40);
    assert_memory_equal(labels[0], labels[1], 40 * sizeof **labels);
    assert_memory_not_equal(labels[0], labels[2], 40 * sizeof **labels);
    bool seen[150] = {false};
    for (int i = 0; i < 50; i++) {
        assert_true(labels[0][i] >= 0 && labels[0][i] < 150 && !seen[labels[0][i]]);
        seen[labels[0][i]] = true;
    }
    for (int i = 0; i < 4; i++)
        ct_free(loaders[i]);
    ct_free(a), ct_free(b), ct_free(again), ct_free(rest), ct_free(other), ct_free(left);
    assert_false(ct_data_split(set, 51, 0, &a, &b));
    assert_error("data_split: 51 samples of 50");
    assert_false(ct_data_split(NULL, 1, 0, &a, &b));
    assert_error("data_split: data set is NULL");
    ct_free(set);
}

static void test_loader_drops_the_last(void **state)
{
    (void)state;
    ct_dataset *set = counting(7);
    ct_loader *loader = ct_loader_new(set, .batch_size = 3, .drop_last = true);
    ct_loader *large = ct_loader_new(set, .batch_size = 8, .drop_last = true), *one = ct_loader_new(set);
    int64_t labels[8];
    assert_int_equal(ct_loader_batches(loader), 2);
    assert_int_equal(epoch_of(loader, labels), 6);
    assert_int_equal(ct_loader_batches(large), 0);
    assert_int_equal(epoch_of(large, labels), 0);
    assert_int_equal(ct_loader_batches(one), 7);
    assert_int_equal(epoch_of(one, labels), 7);
    assert_int_equal(ct_loader_batches(NULL), -1);
    ct_free(loader), ct_free(large), ct_free(one), ct_free(set);
}

static void test_loader_shuffles_by_seed_and_epoch(void **state)
{
    (void)state;
    enum { COUNT = 50 };
    ct_dataset *set = counting(COUNT);
    ct_loader *loader = ct_loader_new(set, .batch_size = 8, .shuffle = true, .seed = 5);
    ct_loader *again = ct_loader_new(set, .batch_size = 7, .shuffle = true, .seed = 5);
    ct_loader *other = ct_loader_new(set, .batch_size = 8, .shuffle = true, .seed = 6);
    int64_t first[COUNT], second[COUNT], labels[COUNT];
    assert_int_equal(epoch_of(loader, first), COUNT);
    assert_int_equal(epoch_of(loader, second), COUNT);
    int seen[COUNT] = {0};
    for (int i = 0; i < COUNT; i++)
        seen[first[i]]++, seen[second[i]]++;
    for (int i = 0; i < COUNT; i++)
        assert_int_equal(seen[i], 2);
    assert_memory_not_equal(first, second, sizeof first);
    assert_int_equal(epoch_of(again, labels), COUNT);
    assert_memory_equal(labels, first, sizeof first); /* whatever the batch size */
    assert_int_equal(epoch_of(again, labels), COUNT);
    assert_memory_equal(labels, second, sizeof second);
    assert_int_equal(epoch_of(other, labels), COUNT);
    assert_memory_not_equal(labels, first, sizeof first);
    ct_free(loader), ct_free(again), ct_free(other), ct_free(set);
}

/* The order is part of the promise "same seed, same bits": these numbers must never change. */
static void test_loader_order_is_fixed(void **state)
{
    (void)state;
    ct_dataset *set = counting(10);
    ct_loader *loader = ct_loader_new(set, .batch_size = 10, .shuffle = true, .seed = 1);
    const int64_t expected[10] = {9, 2, 3, 0, 7, 4, 1, 8, 5, 6};
    int64_t labels[10];
    assert_int_equal(epoch_of(loader, labels), 10);
    assert_memory_equal(labels, expected, sizeof expected);
    ct_free(loader), ct_free(set);
}

static void test_held_batch_is_never_changed(void **state)
{
    (void)state;
    CT_SCOPE;
    ct_dataset *set = counting(6);
    ct_loader *loader = ct_loader_new(set, .batch_size = 2);
    ct_batch b;
    assert_true(ct_loader_next(loader, &b));
    ct_tensor *held = ct_keep(b.x), *w = ct_require_grad(ct_ones(2, 2), true);
    assert_true(ct_loader_next(loader, &b));
    ct_tensor *y = ct_sum(ct_mul(b.x, w));      /* the graph holds x = ((2, 2), (3, 3)) */
    while (ct_loader_next(loader, &b))
        ;
    ct_free(loader), ct_free(set);
    assert_true(ct_equal(held, ct_from_array(((const float[]){0, 0, 1, 1}), 2, 2)));
    ct_release(held);
    assert_true(ct_backward(y));
    assert_true(ct_equal(ct_gradient(w), ct_from_array(((const float[]){2, 2, 3, 3}), 2, 2)));
    assert_fine();
}

static void test_loader_refuses(void **state)
{
    (void)state;
    ct_dataset *set = counting(2);
    assert_null(ct_loader_new(set, .batch_size = 0));
    assert_error("batch_size 0, want at least 1");
    assert_null(ct_loader_new(set, .batch_size = -5));
    assert_error("batch_size -5");
    assert_null(ct_loader_new(NULL));
    assert_error("data set is NULL");
    ct_batch b;
    assert_false(ct_loader_next(NULL, &b));
    assert_error("loader is NULL");
    ct_free(set);
}

static void test_loader_goes_on_after_failed_allocations(void **state)
{
    (void)state;
    ct_dataset *set = counting(4);
    ct_loader *loader = ct_loader_new(set, .batch_size = 2);
    ct_batch b;
    assert_true(ct_loader_next(loader, &b));
    for (int after = 0; after < 2; after++) {
        memory_fail_after(after);
        assert_false(ct_loader_next(loader, &b));
        memory_fail_after(-1);
        assert_false(ct_ok());
        ct_error_clear();
    }
    assert_true(ct_loader_next(loader, &b));
    assert_int_equal(((const int64_t *)ct_data(b.y))[0], 2); /* no batch is lost */
    assert_false(ct_loader_next(loader, &b));
    assert_fine();
    ct_free(loader), ct_free(set);
}

static void test_constructors_survive_failed_allocations(void **state)
{
    (void)state;
    bool done = false;
    for (int after = 0; !done && after < 1000; after++) {
        memory_fail_after(after);
        ct_dataset *digits = ct_data_digits(.count = 10), *part = digits ? ct_data_subset(digits, 0, 5) : NULL;
        ct_loader *loader = part ? ct_loader_new(part, .batch_size = 2, .shuffle = true) : NULL;
        ct_batch b;
        done = loader && ct_loader_next(loader, &b);
        memory_fail_after(-1);
        assert_int_equal(done, ct_ok());
        ct_error_clear();
        ct_free(loader), ct_free(part), ct_free(digits);
    }
    assert_true(done);
}

static void test_batches_take_no_new_memory(void **state)
{
    (void)state;
    const char *uncached = getenv("COTANGENT_NO_CACHE");
    if (ADDRESS_SANITIZER || (uncached && !strcmp(uncached, "1")))
        skip();                                 /* there, memory is not kept for reuse */
    ct_dataset *set = ct_data_digits(.count = 64);
    ct_loader *loader = ct_loader_new(set, .batch_size = 8, .shuffle = true);
    ct_batch b;
    while (ct_loader_next(loader, &b))
        ;
    const int64_t before = memory_system_allocations();
    for (int epoch = 0; epoch < 3; epoch++)
        while (ct_loader_next(loader, &b))
            ;
    assert_int_equal(memory_system_allocations(), before);
    ct_free(loader), ct_free(set);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_digits_depend_on_seed_and_index_alone),
        cmocka_unit_test(test_digits_are_balanced),
        cmocka_unit_test(test_tensors_as_a_data_set),
        cmocka_unit_test(test_tensors_of_any_layout_and_without_y),
        cmocka_unit_test(test_bad_tensors_are_refused),
        cmocka_unit_test(test_subset_holds_its_base),
        cmocka_unit_test(test_loader_in_order),
        cmocka_unit_test(test_a_split_gives_each_sample_once),
        cmocka_unit_test(test_loader_drops_the_last),
        cmocka_unit_test(test_loader_shuffles_by_seed_and_epoch),
        cmocka_unit_test(test_loader_order_is_fixed),
        cmocka_unit_test(test_held_batch_is_never_changed),
        cmocka_unit_test(test_loader_refuses),
        cmocka_unit_test(test_loader_goes_on_after_failed_allocations),
        cmocka_unit_test(test_constructors_survive_failed_allocations),
        cmocka_unit_test(test_batches_take_no_new_memory),
    };
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    ct_shutdown();
    return failed;
}
