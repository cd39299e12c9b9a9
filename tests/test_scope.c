/* Invariant 1: scopes own intermediates. A watched tensor tells when its value goes. */
#include <pthread.h>
#include <stdatomic.h>

#include "engine.h"

static atomic_int gone;
static float cell[4] = {1, 2, 3, 4};

static void note(void *unused)
{
    (void)unused;
    gone++;
}

static ct_tensor *watched(void)
{
    return (ct_borrow_array)(cell, CT_FLOAT32, (const int64_t[]){4}, 1, note, NULL);
}

/* ---- CT_SCOPE: however the block is left ------------------------------------------------------------------------- */
static int leave_by_return(bool early)
{
    CT_SCOPE;
    watched();
    if (early)
        return 1;
    watched();
    return 2;
}

static void test_return_closes_a_scope(void **state)
{
    (void)state;
    gone = 0;
    assert_int_equal(leave_by_return(true), 1);
    assert_int_equal(gone, 1);
    assert_int_equal(leave_by_return(false), 2);
    assert_int_equal(gone, 3);
}

static void test_break_and_continue_close_a_scope(void **state)
{
    (void)state;
    gone = 0;
    for (int i = 0; i < 10; i++) {
        CT_SCOPE;
        watched();
        if (i % 2)
            continue;
        if (i == 6)
            break;
        watched();
    }
    assert_int_equal(gone, 10);                 /* 0, 2, 4: two each; 1, 3, 5, 6: one each */
}

static void test_goto_out_of_a_block_closes_its_scope(void **state)
{
    (void)state;
    gone = 0;
    {
        CT_SCOPE;
        watched();
        {
            CT_SCOPE;
            watched();
            goto out;
        }
    }
out:
    assert_int_equal(gone, 2);
}

#ifndef __clang__                               /* which refuses such a jump */
static void jump_over(bool jump)
{
    watched();
    if (jump)
        goto after;
    CT_SCOPE;
    watched();
after:
    watched();
}

static void test_goto_over_a_scope_closes_nothing(void **state)
{
    (void)state;
    gone = 0;
    {
        CT_SCOPE;
        jump_over(false);
        assert_int_equal(gone, 2);              /* the first is the caller's */
        jump_over(true);
        assert_int_equal(gone, 2);
        watched();
        assert_int_equal(gone, 2);
    }
    assert_int_equal(gone, 6);
}
#endif

/* ---- The plain form ---------------------------------------------------------------------------------------------- */
static void test_closing_a_scope_closes_those_inside(void **state)
{
    (void)state;
    gone = 0;
    ct_scope outer = ct_scope_open();
    watched();
    ct_scope inner[3];
    for (int i = 0; i < 3; i++) {
        inner[i] = ct_scope_open();
        watched();
    }
    ct_scope_close(inner[1]);
    assert_int_equal(gone, 2);
    watched();                                  /* into inner[0] */
    ct_scope_close(inner[2]);                   /* closed already */
    assert_int_equal(gone, 2);
    ct_scope_close(outer);
    assert_int_equal(gone, 5);
}

static void test_a_stale_close_is_ignored(void **state)
{
    (void)state;
    gone = 0;
    ct_scope first = ct_scope_open();
    ct_scope_close(first);
    ct_scope second = ct_scope_open();
    assert_true(second != first && second != 0);
    watched();
    ct_scope_close(first);
    ct_scope_close(0);
    ct_scope_close(second + 1000);
    assert_int_equal(gone, 0);
    ct_scope_close(second);
    ct_scope_close(second);
    assert_int_equal(gone, 1);
}

static void test_a_plain_close_may_close_a_block_scope_early(void **state)
{
    (void)state;
    gone = 0;
    ct_scope outer = ct_scope_open();
    {
        CT_SCOPE;
        watched();
        ct_scope_close(outer);
        assert_int_equal(gone, 1);
        watched();                              /* into the root: the block's end must leave it alone */
    }
    assert_int_equal(gone, 1);
    ct_shutdown();
    assert_int_equal(gone, 2);
}

/* ---- Keeping, promoting ------------------------------------------------------------------------------------------ */
static void test_keep_and_release_count(void **state)
{
    (void)state;
    gone = 0;
    ct_tensor *t;
    {
        CT_SCOPE;
        t = ct_keep(watched());
        assert_ptr_equal(ct_keep(t), t);
    }
    assert_int_equal(gone, 0);
    assert_values(t, 1, 2, 3, 4);
    ct_release(t);
    assert_int_equal(gone, 0);
    ct_release(t);
    assert_int_equal(gone, 1);
    assert_null(ct_keep(NULL));
    ct_release(NULL);
}

static void test_a_released_tensor_stays_with_its_scope(void **state)
{
    (void)state;
    gone = 0;
    {
        CT_SCOPE;
        ct_tensor *t = ct_keep(watched());
        ct_release(t);
        assert_int_equal(gone, 0);
        assert_values(t, 1, 2, 3, 4);
    }
    assert_int_equal(gone, 1);
}

static void test_promote_hands_over_one_level_at_a_time(void **state)
{
    (void)state;
    gone = 0;
    ct_scope a = ct_scope_open(), b = ct_scope_open(), c = ct_scope_open();
    ct_tensor *t = watched();
    assert_ptr_equal(ct_promote(t), t);
    assert_ptr_equal(ct_promote(t), t);         /* the innermost scope owns it no longer: nothing happens */
    ct_scope_close(c);
    assert_int_equal(gone, 0);
    ct_promote(t);
    ct_scope_close(b);
    assert_int_equal(gone, 0);
    ct_scope_close(a);
    assert_int_equal(gone, 1);
    assert_null(ct_promote(NULL));
}

static void test_promote_out_of_the_outermost_scope_reaches_the_root(void **state)
{
    (void)state;
    gone = 0;
    {
        CT_SCOPE;
        ct_promote(watched());
    }
    assert_int_equal(gone, 0);
    ct_shutdown();
    assert_int_equal(gone, 1);
}

static void test_promote_picks_any_of_many(void **state)
{
    (void)state;
    gone = 0;
    ct_tensor *kept[20];
    CT_SCOPE;
    {
        CT_SCOPE;
        ct_tensor *all[100];
        for (int i = 0; i < 100; i++)
            all[i] = watched();
        for (int i = 0; i < 20; i++)
            kept[i] = ct_promote(all[(i * 37 + 11) % 100]);
    }
    assert_int_equal(gone, 80);
    for (int i = 0; i < 20; i++)
        assert_values(kept[i], 1, 2, 3, 4);
}

/* ---- Layers ------------------------------------------------------------------------------------------------------ */
static ct_tensor *wasteful(ct_module *self, ct_tensor *x)
{
    (void)self;
    for (int i = 0; i < 5; i++)
        x = ct_add(x, watched());
    return x;
}

static ct_tensor *same(ct_module *self, ct_tensor *x)
{
    (void)self;
    watched();
    return x;
}

static void test_a_forward_keeps_its_result_alone(void **state)
{
    (void)state;
    gone = 0;
    ct_module *module = ct_module_ready(ct_module_new("Wasteful", wasteful, 0));
    {
        CT_SCOPE;
        ct_tensor *y = ct_forward(module, ct_zeros(4));
        assert_int_equal(gone, 5);
        assert_values(y, 5, 10, 15, 20);
    }
    ct_free(module);
}

static void test_a_layer_may_return_its_input(void **state)
{
    (void)state;
    ct_module *module = ct_module_ready(ct_module_new("Same", same, 0));
    gone = 0;
    ct_scope outer = ct_scope_open();
    ct_tensor *x = watched();
    ct_scope inner = ct_scope_open();
    assert_ptr_equal(ct_forward(module, x), x);
    assert_int_equal(gone, 1);
    ct_scope_close(inner);
    assert_int_equal(gone, 1);                  /* x was and is the outer scope's */
    assert_values(x, 1, 2, 3, 4);
    ct_scope_close(outer);
    assert_int_equal(gone, 2);
    ct_free(module);
}

static void test_enter_and_leave_hand_over_all_results(void **state)
{
    (void)state;
    gone = 0;
    ct_module *module = ct_module_ready(ct_module_new("Same", same, 0));
    {
        CT_SCOPE;
        ct_scope scope = ct_module_enter(module);
        ct_tensor *results[3] = {watched(), watched(), watched()};
        watched();
        assert_true(ct_module_leave(module, scope, results[0], results[1], results[2]));
        assert_int_equal(gone, 1);
        for (int i = 0; i < 3; i++)
            assert_values(results[i], 1, 2, 3, 4);
    }
    assert_int_equal(gone, 4);
    ct_free(module);
}

/* ---- Roots and threads ------------------------------------------------------------------------------------------- */
static void test_the_root_owns_until_shutdown(void **state)
{
    (void)state;
    gone = 0;
    watched();
    {
        CT_SCOPE;
        watched();
    }
    assert_int_equal(gone, 1);
    ct_shutdown();
    assert_int_equal(gone, 2);
    assert_values(ct_add(watched(), 1.0), 2, 3, 4, 5); /* and all goes on afterwards */
}

static void *leave_things_behind(void *unused)
{
    watched();
    ct_scope_open();
    watched();
    ct_scope_open();
    ct_tensor *x = ct_require_grad(ct_ones(4), true);
    ct_mul(ct_tanh(x), watched());              /* a graph, too */
    return unused;
}

static void test_the_end_of_a_thread_frees_its_scopes_and_root(void **state)
{
    (void)state;
    gone = 0;
    for (int i = 0; i < 3; i++) {
        pthread_t thread;
        assert_int_equal(pthread_create(&thread, NULL, leave_things_behind, NULL), 0);
        pthread_join(thread, NULL);
        assert_int_equal(gone, 3 * (i + 1));
    }
}

/* ---- The graph --------------------------------------------------------------------------------------------------- */
static void test_a_graph_outlives_its_scope(void **state)
{
    (void)state;
    gone = 0;
    ct_tensor *x = leaf(1, 2, 3, 4), *loss;
    {
        CT_SCOPE;
        loss = ct_keep(ct_sum(ct_square(ct_mul(x, watched()))));
    }
    assert_int_equal(gone, 0);                  /* saved for mul's VJP */
    assert_true(ct_backward(loss));
    assert_int_equal(gone, 1);                  /* and let go by it */
    assert_values(ct_gradient(x), 2, 16, 54, 128);
    ct_release(loss);
}

static void test_the_release_of_a_graph_frees_what_it_saved(void **state)
{
    (void)state;
    gone = 0;
    ct_tensor *x = leaf(1, 2, 3, 4), *loss;
    {
        CT_SCOPE;
        loss = ct_keep(ct_sum(ct_mul(x, watched())));
    }
    ct_release(loss);
    assert_int_equal(gone, 1);
}

static void test_scopes_nest_by_ten_thousand(void **state)
{
    (void)state;
    enum { DEEP = 10000 };
    gone = 0;
    ct_scope outermost = ct_scope_open();
    for (int i = 1; i < DEEP; i++) {
        assert_true(ct_scope_open() != 0);
        watched();
    }
    ct_scope_close(outermost);
    assert_int_equal(gone, DEEP - 1);
}

static void test_many_scopes_in_turn_hold_no_memory(void **state)
{
    (void)state;
    ct_zeros(1);                                /* the thread's own lists are made */
    const size_t before = ct_memory().live;
    for (int i = 0; i < 100000; i++) {
        CT_SCOPE;
        ct_add(ct_zeros(3), 1.0);
    }
    assert_int_equal(ct_memory().live, before);
}

static void test_a_scope_owns_many_tensors(void **state)
{
    (void)state;
    gone = 0;
    {
        CT_SCOPE;
        for (int i = 0; i < 100000; i++)
            watched();
    }
    assert_int_equal(gone, 100000);
}

static bool no_grad_until_return(void)
{
    CT_NO_GRAD;
    return ct_recording();
}

static void test_no_grad_ends_with_its_block(void **state)
{
    (void)state;
    assert_false(no_grad_until_return());
    assert_true(ct_recording());
    for (int i = 0; i < 2; i++) {
        CT_NO_GRAD;
        {
            CT_NO_GRAD;
        }
        assert_false(ct_recording());
        if (i)
            break;
    }
    assert_true(ct_recording());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_return_closes_a_scope),
        TEST(test_break_and_continue_close_a_scope),
        TEST(test_goto_out_of_a_block_closes_its_scope),
#ifndef __clang__
        TEST(test_goto_over_a_scope_closes_nothing),
#endif
        TEST(test_closing_a_scope_closes_those_inside),
        TEST(test_a_stale_close_is_ignored),
        TEST(test_a_plain_close_may_close_a_block_scope_early),
        TEST(test_keep_and_release_count),
        TEST(test_a_released_tensor_stays_with_its_scope),
        TEST(test_promote_hands_over_one_level_at_a_time),
        TEST(test_promote_out_of_the_outermost_scope_reaches_the_root),
        TEST(test_promote_picks_any_of_many),
        TEST(test_a_forward_keeps_its_result_alone),
        TEST(test_a_layer_may_return_its_input),
        TEST(test_enter_and_leave_hand_over_all_results),
        TEST(test_the_root_owns_until_shutdown),
        TEST(test_the_end_of_a_thread_frees_its_scopes_and_root),
        TEST(test_a_graph_outlives_its_scope),
        TEST(test_the_release_of_a_graph_frees_what_it_saved),
        TEST(test_scopes_nest_by_ten_thousand),
        TEST(test_many_scopes_in_turn_hold_no_memory),
        TEST(test_a_scope_owns_many_tensors),
        TEST(test_no_grad_ends_with_its_block),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    ct_shutdown();
    return failed;
}
