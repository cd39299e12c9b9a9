/* Loaders with workers: the same batches, errors handed over, and every way to stop. */
#define _GNU_SOURCE
#include <cotangent.h>

#include <autograd/memory.h>
#include <data/dataset.h>

#include <dirent.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

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

/* ---- A data set that fails on request ------------------------------------------------------------------------------------ */
enum { WIDTH = 5000 };                          /* some samples to a chunk */
struct flaky {
    ct_dataset base;
    atomic_llong fails_from, filled;
};

static bool flaky_fill(const ct_dataset *dataset, int64_t index, uint64_t draw, void *x, void *y)
{
    struct flaky *set = (struct flaky *)dataset;
    atomic_fetch_add(&set->filled, 1);
    if (index >= atomic_load(&set->fails_from))
        return ct_fail("flaky: sample %lld cannot be read", (long long)index);
    for (int i = 0; i < WIDTH; i++)
        ((float *)x)[i] = (float)(index * 10 + (int64_t)draw);
    *(int64_t *)y = index;
    return true;
}

static struct flaky *flaky_new(int64_t size)
{
    struct flaky *set = object_new(sizeof *set, NULL);
    assert_non_null(set);
    set->base.size = size;
    set->base.x = (struct sample_part){{WIDTH}, 1, CT_FLOAT32, WIDTH * sizeof(float)};
    set->base.y = (struct sample_part){{0}, 0, CT_INT64, sizeof(int64_t)};
    set->base.has_y = true;
    set->base.fill = flaky_fill;
    atomic_init(&set->fails_from, INT64_MAX);
    return set;
}

static int threads_alive(void)
{
    DIR *open = opendir("/proc/self/task");
    int count = 0;
    if (!open)
        return -1;
    for (struct dirent *entry; (entry = readdir(open));)
        count += entry->d_name[0] != '.';
    closedir(open);
    return count;
}

/* A thread that was joined may be seen a little longer. */
static void assert_threads(int expected)
{
    for (int wait = 0; wait < 1000 && threads_alive() != expected; wait++)
        usleep(1000);
    assert_int_equal(threads_alive(), expected);
}

/* ---- The same batches ---------------------------------------------------------------------------------------------------- */
static void test_the_same_batches_at_any_worker_count(void **state)
{
    (void)state;
    ct_dataset *images = ct_data_shapes(.count = 100), *set = ct_data_augment(images, .crop_padding = 4, .flip = true, .erase = 0.3);
    for (int drop = 0; drop < 2; drop++) {
        ct_loader *loaders[6];
        const int workers[6] = {0, 1, 1, 2, 4, 7}, prefetch[6] = {0, 0, 1, 0, 3, 50};
        for (int i = 0; i < 6; i++)
            loaders[i] = ct_loader_new(set, .batch_size = 16, .shuffle = true, .drop_last = drop, .seed = 3, .workers = workers[i], .prefetch = prefetch[i]);
        assert_fine();
        for (int epoch = 0; epoch < 3; epoch++)
            for (int count = 0;; count++) {
                ct_batch batches[6];
                const bool more = ct_loader_next(loaders[0], &batches[0]);
                assert_fine();
                assert_int_equal(more, count < (drop ? 6 : 7));
                CT_SCOPE;
                for (int i = 1; i < 6; i++) {
                    assert_int_equal(ct_loader_next(loaders[i], &batches[i]), more);
                    assert_true(!more || (ct_equal(batches[i].x, batches[0].x) && ct_equal(batches[i].y, batches[0].y)));
                }
                if (!more)
                    break;
            }
        for (int i = 0; i < 6; i++)
            ct_free(loaders[i]);
    }
    ct_free(images), ct_free(set);
}

static void test_channels_last_lies_so_in_memory(void **state)
{
    (void)state;
    CT_SCOPE;
    ct_dataset *set = ct_data_shapes(.count = 20), *flat = ct_data_tensors(ct_zeros(2, 3), NULL);
    ct_dataset *two = ct_data_tensors(ct_randn(4, 2, 3, 5), NULL);
    for (int workers = 0; workers < 3; workers += 2) {
        ct_loader *plain = ct_loader_new(set, .batch_size = 8), *last = ct_loader_new(set, .batch_size = 8, .channels_last = true, .workers = workers);
        ct_batch a, b;
        while (ct_loader_next(plain, &a)) {
            CT_SCOPE;
            assert_true(ct_loader_next(last, &b));
            assert_int_equal(ct_stride(b.x, 1), 1);
            assert_int_equal(ct_stride(b.x, 3), 3);
            assert_int_equal(ct_stride(b.x, 2), 96);
            assert_int_equal(ct_stride(b.x, 0), 3072);
            assert_true(ct_equal(a.x, b.x));
        }
        assert_false(ct_loader_next(last, &b));
        ct_free(plain), ct_free(last);
        plain = ct_loader_new(two, .batch_size = 4), last = ct_loader_new(two, .batch_size = 4, .channels_last = true, .workers = workers);
        assert_true(ct_loader_next(plain, &a) && ct_loader_next(last, &b));
        assert_true(ct_equal(a.x, b.x));
        ct_free(plain), ct_free(last);
    }
    assert_null(ct_loader_new(flat, .channels_last = true));
    assert_error("loader_new: channels_last, but samples are float32 with 1 axes");
    ct_free(set), ct_free(flat), ct_free(two);
}

static void test_held_batch_is_never_changed_by_workers(void **state)
{
    (void)state;
    CT_SCOPE;
    struct flaky *set = flaky_new(40);
    ct_loader *loader = ct_loader_new(&set->base, .batch_size = 4, .workers = 2);
    ct_tensor *held[10], *w = ct_require_grad(ct_ones(1, WIDTH), true), *y = NULL;
    ct_batch b;
    for (int i = 0; i < 10; i++) {
        assert_true(ct_loader_next(loader, &b));
        held[i] = ct_keep(b.x);
        if (i == 3)
            y = ct_sum(ct_mul(b.x, w));         /* the graph holds samples 12 to 15 */
    }
    while (ct_loader_next(loader, &b))
        ;
    ct_free(loader), ct_free(&set->base);
    for (int i = 0; i < 10; i++) {
        for (int j = 0; j < 4; j++)
            assert_float_equal(((const float *)ct_data(held[i]))[j * WIDTH + WIDTH - 1], (4 * i + j) * 10, 0);
        ct_release(held[i]);
    }
    assert_true(ct_backward(y));
    assert_float_equal(((const float *)ct_data(ct_gradient(w)))[7], 120 + 130 + 140 + 150, 0);
    assert_fine();
}

/* ---- Errors ---------------------------------------------------------------------------------------------------------------- */
static void test_a_worker_error_reaches_the_caller(void **state)
{
    (void)state;
    for (int workers = 0; workers < 5; workers++) {
        struct flaky *set = flaky_new(100);
        const int before = threads_alive();
        ct_loader *loader = ct_loader_new(&set->base, .batch_size = 8, .workers = workers);
        ct_batch b;
        atomic_store(&set->fails_from, 35);
        for (int i = 0; i < 4; i++)             /* what comes before the bad sample is handed out */
            assert_true(ct_loader_next(loader, &b));
        for (int attempt = 0; attempt < 2; attempt++) {
            assert_false(ct_loader_next(loader, &b));
            assert_null(b.x);
            assert_threads(before);             /* the workers have ended */
            assert_error("flaky: sample 35 cannot be read"); /* the one that a single thread meets */
        }
        atomic_store(&set->fails_from, INT64_MAX);
        for (int i = 4; i < 13; i++) {          /* nothing is lost */
            assert_true(ct_loader_next(loader, &b));
            assert_int_equal(((const int64_t *)ct_data(b.y))[0], 8 * i);
        }
        assert_false(ct_loader_next(loader, &b));
        assert_fine();
        ct_free(loader), ct_free(&set->base);
        assert_threads(before);
    }
}

static void test_an_error_leaves_a_pending_one(void **state)
{
    (void)state;
    struct flaky *set = flaky_new(10);
    ct_loader *loader = ct_loader_new(&set->base, .batch_size = 8, .workers = 2);
    ct_batch b;
    atomic_store(&set->fails_from, 0);
    ct_fail("an older failure");
    assert_false(ct_loader_next(loader, &b));
    assert_string_equal(ct_error(), "an older failure");
    ct_error_clear();
    ct_free(loader), ct_free(&set->base);
}

static void test_failed_allocations_lose_no_batch(void **state)
{
    (void)state;
    struct flaky *set = flaky_new(32);
    ct_loader *loader = ct_loader_new(&set->base, .batch_size = 4, .workers = 2, .prefetch = 3);
    ct_batch b;
    int64_t next = 0;
    for (int after = 0; after < 12; after++) {
        memory_fail_after(after);
        const bool good = ct_loader_next(loader, &b);
        memory_fail_after(-1);
        assert_int_equal(good, ct_ok());
        ct_error_clear();
        if (!good)
            continue;
        assert_int_equal(((const int64_t *)ct_data(b.y))[0], next);
        next += 4;
    }
    for (; ct_loader_next(loader, &b); next += 4)
        assert_int_equal(((const int64_t *)ct_data(b.y))[0], next);
    assert_int_equal(next, 32);
    assert_fine();
    ct_free(loader), ct_free(&set->base);
}

static void test_bad_options_are_refused(void **state)
{
    (void)state;
    struct flaky *set = flaky_new(4);
    assert_null(ct_loader_new(&set->base, .workers = -1));
    assert_error("loader_new: workers -1 is not in [0, 256]");
    assert_null(ct_loader_new(&set->base, .workers = 1000));
    assert_error("workers 1000");
    assert_null(ct_loader_new(&set->base, .workers = 1, .prefetch = -2));
    assert_error("prefetch -2");
    assert_null(ct_loader_new(&set->base, .prefetch = 2));
    assert_error("prefetch 2 without workers");
    ct_free(&set->base);
}

/* ---- Stopping ---------------------------------------------------------------------------------------------------------------- */
static void test_freed_at_any_time(void **state)
{
    (void)state;
    struct flaky *set = flaky_new(64);
    const int before = threads_alive();
    for (int taken = 0; taken < 18; taken++) {
        ct_loader *loader = ct_loader_new(&set->base, .batch_size = 4, .workers = 3, .prefetch = 5);
        ct_batch b;
        for (int i = 0; i < taken; i++)
            assert_int_equal(ct_loader_next(loader, &b), i != 16);
        ct_free(loader);
        assert_threads(before);
    }
    ct_free(&set->base);
}

static void *use_loader(void *argument)
{
    ct_batch b;
    intptr_t count = 0;
    for (; ct_loader_next(argument, &b); count++)
        ;
    return (void *)count;
}

static void test_a_loader_moves_between_threads(void **state)
{
    (void)state;
    struct flaky *set = flaky_new(64);
    ct_loader *loader = ct_loader_new(&set->base, .batch_size = 4, .workers = 2);
    ct_batch b;
    for (int round = 0; round < 3; round++) {
        pthread_t thread;
        void *count;
        assert_true(ct_loader_next(loader, &b));
        assert_int_equal(pthread_create(&thread, NULL, use_loader, loader), 0);
        pthread_join(thread, &count);
        assert_int_equal((intptr_t)count, 15);
    }
    ct_free(loader), ct_free(&set->base);
}

static void test_a_forked_child_has_workers_of_its_own(void **state)
{
    (void)state;
    if (SANITIZED || getenv("CT_TEST_QUICK"))
        skip();                                 /* ThreadSanitizer starts no threads after a fork, older AddressSanitizers leave their allocator locked */
    struct flaky *set = flaky_new(400);
    ct_loader *loader = ct_loader_new(&set->base, .batch_size = 4, .workers = 3), *unused = ct_loader_new(&set->base, .workers = 2);
    ct_batch b;
    assert_true(ct_loader_next(loader, &b) && ct_loader_next(unused, &b));
    for (int i = 1; i < 20; i++) {
        const pid_t child = fork();             /* while workers are at it */
        if (child == 0) {
            int good = 1;
            alarm(60);
            ct_free(unused);
            for (int j = i; j < 100; j++)
                good &= ct_loader_next(loader, &b) && ((const int64_t *)ct_data(b.y))[3] == 4 * j + 3 &&
                        ((const float *)ct_data(b.x))[4 * WIDTH - 1] == (float)(4 * j + 3) * 10;
            good &= !ct_loader_next(loader, &b) && ct_ok();
            ct_free(loader);
            _exit(good ? 0 : 1);
        }
        int status = -1;
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
        assert_true(ct_loader_next(loader, &b));
        assert_int_equal(((const int64_t *)ct_data(b.y))[0], 4 * i);
    }
    ct_free(loader), ct_free(unused), ct_free(&set->base);
}

/* The batches to come are made while the caller does something else, and no more of them than asked for. */
static void test_workers_go_ahead_as_far_as_asked(void **state)
{
    (void)state;
    struct flaky *set = flaky_new(200);
    ct_loader *loader = ct_loader_new(&set->base, .batch_size = 4, .workers = 2, .prefetch = 6);
    ct_batch b;
    assert_true(ct_loader_next(loader, &b));
    for (int wait = 0; wait < 5000 && atomic_load(&set->filled) < 24; wait++)
        usleep(1000);
    assert_int_equal(atomic_load(&set->filled), 24);
    usleep(20000);
    assert_int_equal(atomic_load(&set->filled), 24);
    ct_free(loader), ct_free(&set->base);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_same_batches_at_any_worker_count),
        cmocka_unit_test(test_channels_last_lies_so_in_memory),
        cmocka_unit_test(test_held_batch_is_never_changed_by_workers),
        cmocka_unit_test(test_a_worker_error_reaches_the_caller),
        cmocka_unit_test(test_an_error_leaves_a_pending_one),
        cmocka_unit_test(test_failed_allocations_lose_no_batch),
        cmocka_unit_test(test_bad_options_are_refused),
        cmocka_unit_test(test_freed_at_any_time),
        cmocka_unit_test(test_a_loader_moves_between_threads),
        cmocka_unit_test(test_a_forked_child_has_workers_of_its_own),
        cmocka_unit_test(test_workers_go_ahead_as_far_as_asked),
    };
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    ct_shutdown();
    return failed;
}
