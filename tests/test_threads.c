/* Several threads over shared leaves, and what each has for itself. */
#include <pthread.h>
#include <stdatomic.h>

#include "engine.h"

enum { THREADS = 4, STEPS = 25, IN = 24, OUT = 9, BATCH = 16 };

static void run_threads(int count, void *(*body)(void *), void *arguments, size_t bytes)
{
    pthread_t threads[16];
    for (int i = 0; i < count; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, body, (char *)arguments + (size_t)i * bytes), 0);
    for (int i = 0; i < count; i++)
        pthread_join(threads[i], NULL);
}

/* ---- Backward from several threads into the same leaves ---------------------------------------------------------- */
struct worker {
    ct_tensor *w, *b;
    bool whole, ok;                             /* whole numbers: every sum is exact */
    int number;
};

static ct_tensor *batch_of(const struct worker *me, int step)
{
    ct_tensor *x = ct_empty(BATCH, IN);
    float *p = ct_mutable_data(x);
    for (int i = 0; i < BATCH * IN; i++) {
        int v = (i * 7 + me->number * 31 + step * 13) % 11 - 5;
        p[i] = me->whole ? (float)v : sinf((float)(v * 3 + i));
    }
    return x;
}

static bool learn(const struct worker *me, int step)
{
    CT_SCOPE;
    ct_tensor *y = ct_linear(batch_of(me, step), me->w, me->b, .activation = CT_RELU);
    return ct_backward(ct_sum(ct_mul(y, 2.0)));
}

static void *learn_all(void *argument)
{
    struct worker *me = argument;
    me->ok = true;
    for (int step = 0; step < STEPS; step++)
        me->ok = learn(me, step) && me->ok;
    return NULL;
}

static void check_shared(bool whole)
{
    ct_tensor *w = ct_require_grad(ct_sub(ct_mul(ct_eye(OUT, IN), 3.0), 1.0), true), *b = ct_require_grad(ct_ones(OUT), true);
    struct worker workers[THREADS];
    for (int i = 0; i < THREADS; i++)
        workers[i] = (struct worker){w, b, whole, false, i};
    for (int i = 0; i < THREADS; i++)           /* one after another first */
        learn_all(&workers[i]);
    ct_tensor *want_w = ct_clone(ct_gradient(w)), *want_b = ct_clone(ct_gradient(b));
    for (int round = 0; round < 4; round++) {
        ct_zero_gradient(w), ct_zero_gradient(b);
        run_threads(THREADS, learn_all, workers, sizeof *workers);
        for (int i = 0; i < THREADS; i++)
            assert_true(workers[i].ok);
        if (whole) {
            assert_true(ct_equal(ct_gradient(w), want_w));
            assert_true(ct_equal(ct_gradient(b), want_b));
        } else {
            assert_true(ct_allclose(ct_gradient(w), want_w, 1e-5, 1e-4, false));
            assert_true(ct_allclose(ct_gradient(b), want_b, 1e-5, 1e-4, false));
        }
    }
    assert_fine();
}

static void test_gradients_of_whole_numbers_sum_exactly(void **state)
{
    (void)state;
    check_shared(true);
}

static void test_gradients_sum_to_rounding(void **state)
{
    (void)state;
    check_shared(false);
}

/* ---- One graph, two walkers -------------------------------------------------------------------------------------- */
struct walker {
    ct_tensor *loss, *input, *gradient;
    pthread_barrier_t *start;
    bool retain, ok;
    char error[200];
};

static void *walk(void *argument)
{
    struct walker *me = argument;
    pthread_barrier_wait(me->start);
    if (me->input) {
        ct_tensor *g = ct_grad(me->loss, me->input, .retain_graph = me->retain);
        me->gradient = ct_keep(g), me->ok = g != NULL;
    } else
        me->ok = ct_backward(me->loss, .retain_graph = me->retain);
    snprintf(me->error, sizeof me->error, "%s", ct_error());
    ct_error_clear();
    return NULL;
}

static void check_walkers(bool retain)
{
    pthread_barrier_t start;
    pthread_barrier_init(&start, NULL, 2);
    for (int round = 0; round < 100; round++) {
        CT_SCOPE;
        ct_tensor *x = leaf(1, 2), *y = x;
        for (int i = 0; i < 60; i++)
            y = i % 2 ? ct_mul(y, -1.0) : ct_add(y, 1.0);
        ct_tensor *loss = ct_sum(y);
        struct walker pair[2];
        for (int i = 0; i < 2; i++)
            pair[i] = (struct walker){.loss = loss, .start = &start, .retain = retain};
        run_threads(2, walk, pair, sizeof *pair);
        for (int i = 0; i < 2; i++)
            if (!pair[i].ok && !strstr(pair[i].error, "is being walked by another backward"))
                assert_non_null(strstr(retain ? "" : pair[i].error, "was freed by an earlier backward"));
        int walks = pair[0].ok + pair[1].ok;
        assert_true(retain || walks < 2);
        if (walks)
            assert_values(ct_gradient(x), walks, walks);
        else
            assert_null(ct_gradient(x));
    }
    pthread_barrier_destroy(&start);
}

static void test_a_graph_is_walked_by_one_thread_at_a_time(void **state)
{
    (void)state;
    check_walkers(true);
}

static void test_a_graph_is_freed_by_one_thread_only(void **state)
{
    (void)state;
    check_walkers(false);
}

static void test_gradients_of_one_graph_are_right_or_absent(void **state)
{
    (void)state;
    pthread_barrier_t start;
    pthread_barrier_init(&start, NULL, 2);
    for (int round = 0; round < 300; round++) {
        CT_SCOPE;
        ct_tensor *x = leaf(2, 3), *y = ct_mul(x, 5.0), *loss = ct_sum(ct_mul(x, y));
        struct walker pair[2] = {{.loss = loss, .input = x, .start = &start, .retain = true},
                                 {.loss = loss, .input = y, .start = &start, .retain = true}};
        run_threads(2, walk, pair, sizeof *pair);
        if (pair[0].ok)
            assert_values(pair[0].gradient, 20, 30);
        else
            assert_non_null(strstr(pair[0].error, "is being walked by another backward"));
        if (pair[1].ok)
            assert_values(pair[1].gradient, 2, 3);
        else
            assert_non_null(strstr(pair[1].error, "is being walked by another backward"));
        ct_release(pair[0].gradient), ct_release(pair[1].gradient);
    }
    pthread_barrier_destroy(&start);
}

/* ---- Passing on -------------------------------------------------------------------------------------------------- */
struct relay { ct_tensor *in, *out; int length; };

static void *add_to_graph(void *argument)
{
    struct relay *r = argument;
    ct_tensor *y = r->in;
    for (int i = 0; i < r->length; i++)
        y = ct_add(y, r->in);
    r->out = ct_keep(y);
    return NULL;
}

static void test_a_graph_recorded_on_several_threads_is_walked_in_order(void **state)
{
    (void)state;
    ct_tensor *x = leaf(1, 2);
    struct relay first[2] = {{x, NULL, 30}, {x, NULL, 1}};
    run_threads(2, add_to_graph, first, sizeof *first); /* 31 x and 2 x */
    struct relay second[2] = {{ct_mul(first[0].out, first[1].out), NULL, 2}, {first[1].out, NULL, 5}};
    run_threads(2, add_to_graph, second, sizeof *second); /* 186 x^2 and 12 x */
    assert_true(ct_backward(ct_sum(ct_add(second[0].out, second[1].out))));
    assert_values(ct_gradient(x), 186 * 2 + 12, 186 * 4 + 12);
    for (int i = 0; i < 2; i++)
        ct_release(first[i].out), ct_release(second[i].out);
}

static void *release_all(void *argument)
{
    for (ct_tensor **t = *(ct_tensor ***)argument; *t; t++)
        ct_release(*t);
    return NULL;
}

static void test_what_one_thread_keeps_another_releases(void **state)
{
    (void)state;
    ct_tensor *kept[2001] = {NULL}, **list = kept;
    {
        CT_SCOPE;
        ct_tensor *x = leaf(1, 2, 3);
        for (int i = 0; i < 2000; i++)
            kept[i] = ct_keep(ct_mul(i ? kept[i - 1] : x, 1.0));
    }
    run_threads(1, release_all, &list, sizeof list);
}

/* ---- Each thread's own ------------------------------------------------------------------------------------------- */
static void *fail_apart(void *argument)
{
    int *number = argument;
    char text[32];
    snprintf(text, sizeof text, "failure %d", *number);
    for (int i = 0; i < 200; i++) {
        if (!ct_ok())
            *number = -1;
        ct_fail("%s", text);
        if (strcmp(ct_error(), text) != 0)
            *number = -1;
        ct_error_clear();
    }
    ct_set_recording(false);
    ct_fail("left behind");
    return NULL;
}

static void test_failures_and_recording_are_each_threads_own(void **state)
{
    (void)state;
    int numbers[THREADS] = {10, 20, 30, 40};
    ct_fail("mine");
    run_threads(THREADS, fail_apart, numbers, sizeof *numbers);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(numbers[i], 10 * (i + 1));
    assert_true(ct_recording());
    assert_error("mine");
}

static void *fill_and_leave(void *unused)
{
    ct_scope_open();
    for (int i = 0; i < 500; i++)
        ct_tanh(ct_require_grad(ct_zeros(1 + i % 50, 100), true));
    ct_scope_open();
    ct_matmul(ct_ones(80, 90), ct_ones(90, 70));
    return unused;
}

static void test_a_thread_leaves_no_memory_behind(void **state)
{
    (void)state;
    ct_zeros(1);
    size_t before = ct_memory().live;
    for (int round = 0; round < 3; round++) {
        int unused[THREADS] = {0};
        run_threads(THREADS, fill_and_leave, unused, sizeof *unused);
        assert_int_equal(ct_memory().live, before);
    }
}

/* ---- The pool ---------------------------------------------------------------------------------------------------- */
static atomic_bool stop;
static void *change_thread_count(void *unused)
{
    for (int i = 0; !stop; i++)
        ct_set_num_threads(1 + i % 5);
    return unused;
}

static void *compute(void *argument)
{
    int *ok = argument;
    CT_SCOPE;
    ct_tensor *x = ct_full(0.5, 300, 400), *want = ct_sum(ct_exp(x));
    for (int i = 0; i < 30; i++) {
        CT_SCOPE;
        *ok += ct_equal(ct_sum(ct_exp(x)), want) && ct_item(ct_slice(ct_matmul(x, ct_transpose(x, 0, 1)), "7, 8")) == 100;
    }
    return NULL;
}

static void test_the_thread_count_may_change_at_any_time(void **state)
{
    (void)state;
    int was = ct_num_threads();
    assert_true(ct_set_num_threads(3));
    assert_int_equal(ct_num_threads(), 3);
    pthread_t changer;
    stop = false;
    assert_int_equal(pthread_create(&changer, NULL, change_thread_count, NULL), 0);
    int right[3] = {0};
    run_threads(3, compute, right, sizeof *right);
    stop = true;
    pthread_join(changer, NULL);
    for (int i = 0; i < 3; i++)
        assert_int_equal(right[i], 30);
    assert_true(ct_set_num_threads(was));
}

static void *draw(void *argument)
{
    uint64_t *numbers = argument;
    for (int i = 0; i < 1000; i++)
        numbers[i] = ct_random_u64(NULL);
    return NULL;
}

static int compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

static void test_threads_never_draw_the_same_number(void **state)
{
    (void)state;
    static uint64_t numbers[THREADS][1000], alone[THREADS * 1000];
    ct_seed(7);
    for (size_t i = 0; i < COUNT(alone); i++)
        alone[i] = ct_random_u64(NULL);
    ct_seed(7);
    run_threads(THREADS, draw, numbers, sizeof *numbers);
    qsort(numbers, COUNT(alone), sizeof *alone, compare);
    qsort(alone, COUNT(alone), sizeof *alone, compare);
    assert_memory_equal(numbers, alone, sizeof alone); /* the one stream, shared out */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_gradients_of_whole_numbers_sum_exactly),
        TEST(test_gradients_sum_to_rounding),
        TEST(test_a_graph_is_walked_by_one_thread_at_a_time),
        TEST(test_a_graph_is_freed_by_one_thread_only),
        TEST(test_gradients_of_one_graph_are_right_or_absent),
        TEST(test_a_graph_recorded_on_several_threads_is_walked_in_order),
        TEST(test_what_one_thread_keeps_another_releases),
        TEST(test_failures_and_recording_are_each_threads_own),
        TEST(test_a_thread_leaves_no_memory_behind),
        TEST(test_the_thread_count_may_change_at_any_time),
        TEST(test_threads_never_draw_the_same_number),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    ct_shutdown();
    return failed;
}
