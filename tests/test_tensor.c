/* Making tensors, looking at them, and what the macros promise. */
#include "engine.h"

#define DOUBLES(...) (ct_vector)((const double[]){__VA_ARGS__}, COUNT(((const double[]){__VA_ARGS__})), CT_FLOAT64)

/* ---- Making ------------------------------------------------------------------------------------------------------ */
static void test_constant_tensors(void **state)
{
    (void)state;
    assert_values(ct_zeros(2, 2), 0, 0, 0, 0);
    assert_values(ct_ones(3), 1, 1, 1);
    assert_values(ct_full(2.5, 2), 2.5, 2.5);
    assert_values(ct_full_as(CT_INT64, -7, 2), -7, -7);
    assert_values(ct_full_as(CT_BOOL, 3, 2), 1, 1);
    assert_values(ct_eye(2), 1, 0, 0, 1);
    assert_values(ct_eye(2, 3), 1, 0, 0, 0, 1, 0);
    assert_values(ct_eye(3, 2), 1, 0, 0, 1, 0, 0);
    assert_shape(ct_empty(4, 0, 5), 4, 0, 5);
    assert_int_equal(ct_numel(ct_empty(4, 0, 5)), 0);
    assert_int_equal(ct_rank((ct_ones)(NULL, 0, CT_FLOAT64)), 0);
    assert_values((ct_ones)(NULL, 0, CT_FLOAT64), 1);
    for (ct_dtype dtype = CT_FLOAT32; dtype <= CT_BOOL; dtype++) {
        assert_int_equal(ct_dtype_of(ct_zeros_as(dtype, 2)), dtype);
        assert_values(ct_sum(ct_cast(ct_ones_as(dtype, 300), CT_INT64)), 300);
    }
    assert_shape(ct_ones(1, 2, 1, 2, 1, 2, 1, 2), 1, 2, 1, 2, 1, 2, 1, 2);
}

static void test_sequences(void **state)
{
    (void)state;
    assert_values(ct_arange(4), 0, 1, 2, 3);
    assert_int_equal(ct_dtype_of(ct_arange(4)), CT_INT64);
    assert_values(ct_arange(2, 5), 2, 3, 4);
    assert_values(ct_arange(5, 0, -2), 5, 3, 1);
    assert_int_equal(ct_dtype_of(ct_arange(0, 1, 0.25)), CT_FLOAT32);
    assert_values(ct_arange(0, 1, 0.25), 0, 0.25, 0.5, 0.75);
    assert_values(ct_arange(2.5), 0, 1, 2);
    assert_int_equal(ct_numel(ct_arange(0)), 0);
    assert_values((ct_arange)(0, 3, 1, CT_FLOAT64), 0, 1, 2);
    assert_int_equal(ct_numel(ct_arange(1000000)), 1000000);
    assert_values(ct_linspace(0, 1, 5), 0, 0.25, 0.5, 0.75, 1);
    assert_values(ct_linspace(3, -3, 3), 3, 0, -3);
    assert_values(ct_linspace(7, 9, 1), 7);
    assert_int_equal(ct_numel(ct_linspace(0, 1, 0)), 0);
    ct_tensor *tenths = (ct_linspace)(0, 1, 11, CT_FLOAT64);
    assert_true(ct_item(ct_slice(tenths, "-1")) == 1); /* the end exactly */
}

static void test_tensors_from_arrays(void **state)
{
    (void)state;
    float f[] = {1, 2, 3, 4, 5, 6};
    const double d[] = {0.5, -0.5};
    int64_t i[] = {INT64_MAX, INT64_MIN};
    bool b[] = {true, false};
    ct_tensor *t = ct_from_array(f, 2, 3);
    f[0] = 99;                                  /* copied */
    assert_shape(t, 2, 3);
    assert_values(t, 1, 2, 3, 4, 5, 6);
    assert_int_equal(ct_dtype_of(ct_from_array(d, 2)), CT_FLOAT64);
    assert_true(ct_item_int(ct_slice(ct_from_array(i, 2), "1")) == INT64_MIN);
    assert_values(ct_from_array(b, 2, 1), 1, 0);
    assert_values(ct_vector(1, 2.5, 3), 1, 2.5, 3);
    assert_int_equal(ct_dtype_of(ct_vector(1, 2)), CT_FLOAT32);
    assert_int_equal(ct_dtype_of(ct_vector_int(1, 2)), CT_INT64);
    assert_values(ct_vector_int(1, -2), 1, -2);
    assert_int_equal(ct_numel((ct_vector)(NULL, 0, CT_FLOAT32)), 0);
}

static int done_calls;
static void done(void *context)
{
    done_calls += *(int *)context;
}

static void test_a_borrowed_array_is_shared_until_done(void **state)
{
    (void)state;
    double values[] = {1, 2, 3, 4};
    int one = 1;
    done_calls = 0;
    ct_tensor *view;
    {
        CT_SCOPE;
        ct_tensor *t = (ct_borrow_array)(values, CT_FLOAT64, (int64_t[]){2, 2}, 2, done, &one);
        assert_ptr_equal(ct_data(t), values);
        values[3] = 40;
        assert_values(t, 1, 2, 3, 40);
        ct_add_(t, 1);
        assert_true(values[0] == 2);
        view = ct_keep(ct_slice(t, "1"));
    }
    assert_int_equal(done_calls, 0);            /* a view holds it */
    assert_values(view, 4, 41);
    ct_release(view);
    assert_int_equal(done_calls, 1);
    float plain[3] = {1, 2, 3};
    assert_values(ct_borrow_array(plain, 3), 1, 2, 3);
}

static void test_like_forms_keep_shape_dtype_and_layout(void **state)
{
    (void)state;
    ct_tensor *t = ct_transpose(ct_cast(ct_reshape(ct_arange(6), 2, 3), CT_FLOAT64), 0, 1);
    ct_tensor *likes[] = {ct_zeros_like(t), ct_ones_like(t), ct_full_like(t, 7), ct_clone(t), ct_exp(t)};
    for (size_t i = 0; i < COUNT(likes); i++) {
        assert_shape(likes[i], 3, 2);
        assert_int_equal(ct_dtype_of(likes[i]), CT_FLOAT64);
        assert_int_equal(ct_stride(likes[i], 0), 1);
        assert_int_equal(ct_stride(likes[i], 1), 3);
    }
    assert_values(likes[2], 7, 7, 7, 7, 7, 7);
    assert_values(likes[3], 0, 3, 1, 4, 2, 5);
    ct_tensor *gaps = ct_slice(ct_zeros(4, 6), ":, ::2"); /* not dense: row-major then */
    assert_true(ct_is_contiguous(ct_ones_like(gaps)));
    assert_shape(ct_rand_like(t), 3, 2);
    assert_int_equal(ct_dtype_of(ct_randn_like(t)), CT_FLOAT64);
}

/* ---- Looking ----------------------------------------------------------------------------------------------------- */
static void test_items(void **state)
{
    (void)state;
    assert_true(ct_item(ct_full(1.5, 1, 1)) == 1.5);
    assert_true(ct_item(DOUBLES(0.1)) == 0.1);
    assert_true(ct_item_int(ct_scalar_int(INT64_MAX)) == INT64_MAX);
    assert_true(ct_item_int(ct_vector(-2.9)) == -2);
    assert_true(ct_item_int(ct_scalar_bool(true)) == 1);
    assert_true(ct_item(ct_gt(ct_ones(1), 0.0)) == 1);
    assert_true(ct_item(ct_slice(ct_arange(10), "-1")) == 9);
}

static void test_strides_and_contiguity(void **state)
{
    (void)state;
    ct_tensor *t = ct_zeros(2, 3, 4);
    assert_int_equal(ct_stride(t, 0), 12);
    assert_int_equal(ct_stride(t, -1), 1);
    assert_int_equal(ct_size(t, -2), 3);
    assert_true(ct_is_contiguous(t));
    ct_tensor *p = ct_permute(t, 2, 0, 1);
    assert_shape(p, 4, 2, 3);
    assert_int_equal(ct_stride(p, 0), 1);
    assert_false(ct_is_contiguous(p));
    assert_int_equal(ct_stride(ct_slice(t, "::-1"), 0), -12);
    assert_int_equal(ct_stride(ct_expand(ct_zeros(1, 3), 5, 3), 0), 0);
    assert_true(ct_is_contiguous(ct_transpose(ct_zeros(1, 5), 0, 1))); /* an axis of one has no stride to speak of */
    assert_true(ct_is_contiguous(ct_slice(t, "1")));
    assert_false(ct_is_contiguous(ct_slice(t, ":, 1")));
    assert_ptr_equal(ct_contiguous(t), t);
    ct_tensor *c = ct_contiguous(p);
    assert_true(ct_is_contiguous(c) && ct_data(c) != ct_data(t));
    assert_true(ct_equal(c, p));
}

static void test_views_share_memory(void **state)
{
    (void)state;
    ct_tensor *t = ct_reshape(ct_arange(12.0), 3, 4);
    ct_tensor *views[] = {ct_transpose(t, 0, 1), ct_reshape(t, 2, 6), ct_permute(t, 1, 0), ct_expand(ct_unsqueeze(t, 0), 2, 3, 4),
                          ct_slice(t, ":"), ct_narrow(t, 0, 0, 2), ct_flatten(t), ct_squeeze(ct_unsqueeze(t, 1)), ct_detach(t),
                          ct_reshape(ct_slice(t, ":, ::2"), 3, 2, 1)};
    ct_fill_(ct_slice(t, "0, 0"), 50.0);
    for (size_t i = 0; i < COUNT(views); i++) {
        CT_SCOPE;
        assert_fine();
        while (ct_rank(views[i]))
            views[i] = ct_slice(views[i], "0");
        assert_values(views[i], 50);
    }
    ct_tensor *copy = ct_reshape(ct_transpose(t, 0, 1), 12); /* a copy where it must be */
    ct_fill_(t, 0.0);
    assert_values(ct_slice(copy, "0"), 50);
    ct_tensor *parts[2];
    assert_true(ct_split(t, 2, 0, parts, 2));
    ct_fill_(parts[1], 3.0);
    assert_values(ct_sum(t), 12);
}

static void test_to_array_reads_any_layout(void **state)
{
    (void)state;
    int64_t got[6];
    ct_tensor *t = ct_slice(ct_transpose(ct_reshape(ct_arange(6), 2, 3), 0, 1), "::-1");
    assert_true(ct_to_array(t, got, sizeof got));
    assert_memory_equal(got, ((int64_t[]){2, 5, 1, 4, 0, 3}), sizeof got);
    float number;
    assert_true(ct_to_array((ct_full)(NULL, 0, 4, CT_FLOAT32), &number, sizeof number));
    assert_true(number == 4);
    assert_true(ct_to_array(ct_zeros(0), NULL, 0));
}

static void test_equal_and_allclose(void **state)
{
    (void)state;
    ct_tensor *t = ct_vector(1, 2), *n = ct_vector(NAN, 1);
    assert_true(ct_equal(t, ct_slice(ct_vector(2, 0, 1), "::-2")));
    assert_false(ct_equal(t, ct_vector_int(1, 2)) || ct_equal(t, ct_reshape(t, 1, 2)) || ct_equal(n, n));
    assert_true(ct_equal(ct_vector(0), ct_vector(-0.0)));
    assert_true(ct_allclose(n, n, 0, 0, true));
    assert_false(ct_allclose(n, n, 0, 0, false));
    assert_true(ct_allclose(ct_vector(INFINITY), ct_vector(INFINITY), 0, 0, false));
    assert_false(ct_allclose(ct_vector(1e30), ct_vector(INFINITY), 1, 1, false));
    assert_true(ct_allclose(t, ct_vector(1.05, 2), 0.1, 0, false));
    assert_false(ct_allclose(t, ct_vector(1.05, 2), 0.01, 0, false));
    assert_true(ct_equal(ct_zeros(0, 3), ct_zeros(0, 3)));
}

/* ---- Promotion: torch.result_type, 2.x --------------------------------------------------------------------------- */
enum { F = CT_FLOAT32, D = CT_FLOAT64, I = CT_INT64, B = CT_BOOL };

static void test_promotion_is_that_of_pytorch(void **state)
{
    (void)state;
    static const int both_with_axes[4][4] = {{F, D, F, F}, {D, D, D, D}, {F, D, I, I}, {F, D, I, B}};
    static const int second_is_0d[4][4] = {{F, F, F, F}, {D, D, D, D}, {F, D, I, I}, {F, D, I, B}};
    for (ct_dtype a = CT_FLOAT32; a <= CT_BOOL; a++)
        for (ct_dtype b = CT_FLOAT32; b <= CT_BOOL; b++) {
            CT_SCOPE;
            ct_tensor *va = ct_ones_as(a, 2), *vb = ct_ones_as(b, 2), *one = (ct_ones)(NULL, 0, b), *other = (ct_ones)(NULL, 0, a);
            assert_int_equal(ct_dtype_of(ct_maximum(va, vb)), both_with_axes[a][b]);
            assert_int_equal(ct_dtype_of(ct_maximum(va, one)), second_is_0d[a][b]);
            assert_int_equal(ct_dtype_of(ct_maximum(one, va)), second_is_0d[a][b]);
            assert_int_equal(ct_dtype_of(ct_maximum(other, one)), both_with_axes[a][b]);
            assert_int_equal(ct_dtype_of(ct_where(ct_ones_as(CT_BOOL, 2), va, vb)), both_with_axes[a][b]);
            assert_int_equal(ct_dtype_of(ct_eq(va, vb)), B);
            assert_fine();
        }
}

static void test_numbers_take_their_partners_dtype(void **state)
{
    (void)state;
    static const int with_float[] = {F, D, F, F}, with_int[] = {F, D, I, I}, with_bool[] = {F, D, I, B};
    for (ct_dtype dtype = CT_FLOAT32; dtype <= CT_BOOL; dtype++) {
        CT_SCOPE;
        ct_tensor *v = ct_ones_as(dtype, 2), *one = (ct_ones)(NULL, 0, dtype);
        ct_tensor *operands[] = {v, one};
        for (int i = 0; i < 2; i++) {
            ct_tensor *t = operands[i];
            assert_int_equal(ct_dtype_of(ct_add(t, 2.5)), with_float[dtype]);
            assert_int_equal(ct_dtype_of(ct_add(2.5f, t)), with_float[dtype]);
            assert_int_equal(ct_dtype_of(ct_add(t, 3)), with_int[dtype]);
            assert_int_equal(ct_dtype_of(ct_add(3L, t)), with_int[dtype]);
            assert_int_equal(ct_dtype_of(ct_maximum(t, (bool)true)), with_bool[dtype]);
            assert_int_equal(ct_dtype_of(ct_div(t, 2)), dtype == CT_FLOAT64 ? D : F);
        }
    }
    assert_values(ct_sub(10, ct_vector_int(1, 2)), 9, 8);
    assert_values(ct_sub(ct_vector_int(1, 2), 10), -9, -8);
    assert_values(ct_div(1, ct_vector(2, 4)), 0.5, 0.25);
    assert_values(ct_pow(2, ct_vector_int(0, 1, 10)), 1, 2, 1024);
    assert_int_equal(ct_dtype_of(ct_add(1, 2)), I);
    assert_int_equal(ct_dtype_of(ct_add(1, 2.0)), F);
    assert_true(ct_item(ct_add(DOUBLES(0), 0.1)) == 0.1); /* no detour through float32 */
    assert_true(ct_set_default_dtype(CT_FLOAT64));
    assert_int_equal(ct_dtype_of(ct_add(ct_vector_int(1), 0.5)), D);
    assert_int_equal(ct_dtype_of(ct_zeros(1)), D);
    assert_int_equal(ct_dtype_of(ct_exp(ct_vector_int(1))), D);
    assert_int_equal(ct_dtype_of(ct_add(ct_zeros_as(CT_FLOAT32, 1), 0.5)), F);
    assert_true(ct_set_default_dtype(CT_FLOAT32));
}

/* ---- Macros ------------------------------------------------------------------------------------------------------ */
static int evaluated;
static char order[16];
static ct_tensor *once(const char *letter)
{
    evaluated++;
    strncat(order, letter, 2);
    return ct_require_grad(ct_reshape(ct_vector(0.25, 0.5, 0.75, 0.125), 2, 2), true);
}
#define ONCE(count, wanted, expression)                                                                                  \
    do {                                                                                                                 \
        evaluated = 0, order[0] = 0;                                                                                     \
        (void)(expression);                                                                                              \
        assert_fine();                                                                                                   \
        assert_int_equal(evaluated, count);                                                                              \
        assert_string_equal(order, wanted);                                                                              \
    } while (0)

static void test_each_argument_is_evaluated_once_from_left_to_right(void **state)
{
    (void)state;
    ct_tensor *g[2], *cotangent = ct_ones(2, 2);
    ONCE(2, "ab", ct_add(once("a"), once("b")));
    ONCE(2, "ab", ct_matmul(once("a"), once("b")));
    ONCE(2, "ab", ct_where(ct_gt(once("a"), 0.3), once("b"), 0.0));
    ONCE(1, "a", ct_sum(once("a")));
    ONCE(1, "a", ct_sum(once("a"), CT_AXES(0, -1), .keepdims = true));
    ONCE(1, "a", ct_var(once("a"), 0, .correction = 0));
    ONCE(1, "a", ct_max(once("a"), 0, .indices = &g[0]));
    ONCE(1, "a", ct_reshape(once("a"), 4, -1));
    ONCE(1, "a", ct_permute(once("a"), 1, 0));
    ONCE(1, "a", ct_squeeze(once("a")));
    ONCE(1, "a", ct_pad(once("a"), 0.0, 1, 1));
    ONCE(1, "a", ct_flatten(once("a")));
    ONCE(1, "a", ct_elu(once("a")));
    ONCE(1, "a", ct_softplus(once("a"), 2.0));
    ONCE(1, "a", ct_dropout(once("a"), .p = 0.5));
    ONCE(2, "ab", ct_mse(once("a"), once("b")));
    ONCE(3, "abc", ct_linear(once("a"), once("b"), ct_slice(once("c"), "0"), .activation = CT_RELU));
    ONCE(1, "a", ct_backward(once("a"), .cotangent = cotangent));
    ONCE(1, "a", ct_grad(ct_sum(g[0] = once("a")), g[0]));
    int n = 0;
    ct_zeros(++n, 2);
    ct_full(++n, 2);
    ct_arange(++n);
    ct_eye(++n);
    ct_add(ct_ones(1), ++n);
    ct_rand(2, ++n);
    ct_sum(ct_ones(1, 1, 1, 1, 1, 1, 1), --n);
    assert_fine();
    assert_int_equal(n, 5);
}

static void test_a_nest_of_twenty_calls_compiles(void **state)
{
    (void)state;
    ct_tensor *x = leaf(0);
    ct_tensor *y = ct_add(1, ct_mul(ct_add(ct_sub(ct_div(ct_add(1, ct_mul(ct_add(ct_sub(ct_div(ct_add(1, ct_mul(ct_add(ct_sub(ct_div(
                   ct_add(1, ct_mul(ct_add(ct_sub(ct_div(x, 1.0), 0), 0), 1)), 1.0), 0), 0), 1)), 1.0), 0), 0), 1)), 1.0), 0), 0), 1));
    assert_values(y, 4);
    assert_values(ct_grad(y, x), 1);
    ct_tensor *sums = ct_sum(ct_sum(ct_sum(ct_sum(ct_sum(ct_sum(ct_sum(ct_sum(ct_sum(ct_sum(ct_sum(ct_sum(ct_ones(2, 3), 0, .keepdims = true),
                      1, .keepdims = true), 0, .keepdims = true), 0, .keepdims = true), 0, .keepdims = true), 0, .keepdims = true), 0,
                      .keepdims = true), 0, .keepdims = true), 0, .keepdims = true), 0, .keepdims = true), 0, .keepdims = true));
    assert_values(sums, 6);
}

static void test_an_explicit_zero_is_not_an_absent_option(void **state)
{
    (void)state;
    ct_tensor *x = ct_vector(1, 3), *w = leaf(1);
    assert_values(ct_var(x), 2);
    assert_values(ct_var(x, .correction = 0), 1);
    assert_ptr_equal(ct_dropout(x, .p = 0), x);
    assert_values(ct_sum(ct_reshape(ct_arange(4), 2, 2), 0), 2, 4);
    assert_values(ct_sum(ct_reshape(ct_arange(4), 2, 2)), 6);
    assert_values(ct_leaky_relu(ct_vector(-1, 1), 0), 0, 1);
    assert_near_values(ct_leaky_relu(ct_vector(-1, 1)), 1e-7, -0.01, 1);
    ct_module *module = ct_nn_parameter_list(w);
    ct_optimizer *still = ct_optim_sgd(module, .lr = 0), *adam = ct_optim_adam(module, .beta1 = 0, .beta2 = 0, .eps = 0);
    assert_true(ct_optimizer_lr(still) == 0);
    assert_true(ct_backward(ct_mul(w, 4.0)));
    assert_true(ct_step(still));
    assert_values(w, 1);
    assert_true(ct_step(adam));                 /* with all of them 0 it is the sign alone: 1 - 1e-3 g / |g| */
    assert_near_values(w, 1e-7, 0.999);
    ct_free(still), ct_free(adam), ct_free(module);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_constant_tensors),
        TEST(test_sequences),
        TEST(test_tensors_from_arrays),
        TEST(test_a_borrowed_array_is_shared_until_done),
        TEST(test_like_forms_keep_shape_dtype_and_layout),
        TEST(test_items),
        TEST(test_strides_and_contiguity),
        TEST(test_views_share_memory),
        TEST(test_to_array_reads_any_layout),
        TEST(test_equal_and_allclose),
        TEST(test_promotion_is_that_of_pytorch),
        TEST(test_numbers_take_their_partners_dtype),
        TEST(test_each_argument_is_evaluated_once_from_left_to_right),
        TEST(test_a_nest_of_twenty_calls_compiles),
        TEST(test_an_explicit_zero_is_not_an_absent_option),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    ct_shutdown();
    return failed;
}
