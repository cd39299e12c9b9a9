/* Corner cases of shapes, indices and dropout, one test a row of the project's list, under its number. */
#include "numerics.h"

/* ---- Shapes, sizes, indices ----------------------------------------------------------------------------------------------------- */
static void test_row_54_negative_padding_crops(void **state)
{
    (void)state;
    IS(ct_pad_by(VECTOR(1, 2, 3, 4), CT_REFLECT, -1, 1), 2, 3, 4, 3);
    IS(ct_pad_by(VECTOR(1, 2, 3, 4), CT_CIRCULAR, -1, 1), 2, 3, 4, 2);
    IS(ct_pad_by(VECTOR(1, 2, 3, 4), CT_REPLICATE, 1, -2), 1, 1, 2);
    IS(ct_pad(VECTOR(1, 2, 3), 0.0, -1, 1), 2, 3, 0);
}

static void test_row_55_broadcasting_with_a_size_of_zero(void **state)
{
    (void)state;
    ct_tensor *a = empty(4, 0), *b = empty(4, 1), *y = ct_add(a, b);
    assert_int_equal(ct_size(y, 0), 4);
    assert_int_equal(ct_size(y, 1), 0);
    GRADIENT(y, b, 0, 0, 0, 0);
}

static void test_row_56_scalars_keep_their_shape(void **state)
{
    (void)state;
    ct_tensor *x = ct_require_grad((ct_full)(NULL, 0, 3, CT_FLOAT64), true), *v = VECTOR(1, 2);
    ct_tensor *g = gradient(ct_mul(x, v), x);
    assert_int_equal(ct_rank(g), 0);
    IS(g, 3);
    assert_int_equal(ct_rank(ct_max(x, 0)), 0);
    assert_int_equal(ct_rank(ct_softmax(x, 0)), 0);
}

static void test_row_57_in_place_into_shared_elements(void **state)
{
    (void)state;
    ct_tensor *x = ct_zeros(4);
    FAILS(ct_add_(ct_expand(ct_zeros(1), 3), 1.0), "share memory");
    FAILS(ct_copy_(ct_slice(x, "1:"), ct_slice(x, ":-1")), "overlap in part");
    ct_tensor *one = ct_expand(ct_ones(1), 4);
    FAILS(ct_batch_norm(ct_ones(3, 4), one, one, NULL, NULL, .training = true), "shares elements");
    assert_non_null(ct_add_(x, x));
}

static ct_tensor *product_with_expanded(ct_tensor *const *in, void *context)
{
    (void)context;
    return ct_matmul(in[0], ct_expand(in[1], 3));
}

static void test_row_58_expand_sums_back(void **state)
{
    (void)state;
    ct_tensor *x = VECTOR(2), *m = ct_require_grad((ct_eye)(3, 3, CT_FLOAT64), true);
    GRADIENT(ct_expand(x, 5), x, 5);
    assert_true(ct_gradcheck(product_with_expanded, ((ct_tensor *[]){m, x}), 2));
}

static void test_row_59_sizes_that_overflow(void **state)
{
    (void)state;
    const int64_t huge = (int64_t)1 << 40;
    FAILS(ct_zeros(huge, huge), "overflow");
    FAILS(ct_zeros((int64_t)1 << 61), "overflow");
    FAILS(ct_expand(ct_zeros(1, 1), huge, huge), "overflow");
    FAILS(ct_zeros(-1), "-1");
    FAILS(ct_pad(ct_zeros(2), 0.0, INT64_MAX / 2, INT64_MAX / 2), "pad");
}

static void test_row_60_embedding_rows(void **state)
{
    (void)state;
    ct_tensor *w = ct_require_grad(ct_detach(ct_reshape(VECTOR(1, 2, 3, 4, 5, 6), 3, 2)), true), *index = ct_vector_int(2, 0, 2, 2);
    IS(ct_embedding(w, index), 5, 6, 1, 2, 5, 6, 5, 6);
    GRADIENT(ct_mul(ct_embedding(w, index), ct_reshape(VECTOR(1, 2, 3, 4, 5, 6, 7, 8), 4, 2)), w, 3, 4, 0, 0, 13, 16);
    GRADIENT(ct_embedding(w, index, .padding_idx = 2), w, 1, 1, 0, 0, 0, 0);
    GRADIENT(ct_embedding(w, index, .padding_idx = -3), w, 0, 0, 0, 0, 3, 3);
    GRADIENT(ct_embedding(w, index, .padding_idx = 0), w, 0, 0, 0, 0, 3, 3); /* an explicit 0 is a row */
    FAILS(ct_embedding(w, ct_vector_int(0, -1)), "embedding: index -1 at position 1 of (2) is not in [0, 3)");
    FAILS(ct_embedding(w, ct_vector_int(3)), "embedding: index 3 at position 0 of (1) is not in [0, 3)");
}

static void test_row_61_negative_and_repeated_indices(void **state)
{
    (void)state;
    ct_tensor *x = VECTOR(1, 2, 3), *source = VECTOR(4, 5, 6), *last = ct_vector_int(-1), *twice = ct_vector_int(1, 0, 1);
    FAILS(ct_gather(x, 0, last), "gather: index -1 at position 0 of (1) is not in [0, 3)");
    FAILS(ct_index_select(x, 0, last), "index_select: index -1");
    FAILS(ct_scatter(x, 0, last, 0.0), "scatter: index -1");
    FAILS(ct_take_along_axis(x, last), "take_along_axis: index -1");
    IS(ct_index(x, CT_AT(last)), 3);
    IS(ct_index_put(x, CT_SUBSCRIPTS(CT_AT(last)), 7), 1, 2, 7);
    FAILS(ct_index(x, CT_AT(ct_vector_int(0, -4))), "index: index -4 at position 1 of (2) is not in [-3, 3), along axis 0");
    ct_tensor *y = ct_scatter(x, 0, twice, source);
    IS(y, 5, 6, 3);
    GRADIENT(y, source, 0, 1, 1);               /* of several, only the last has an effect */
    GRADIENT(y, x, 0, 0, 1);
}

/* A factor 0 hides the others' effect on the derivative: the first is right, the second is refused. */
static void test_row_61_products_scattered_with_zeros(void **state)
{
    (void)state;
    ct_tensor *x = VECTOR(2, 3), *source = VECTOR(0, 4, 5), *index = ct_vector_int(0, 0, 1);
    ct_tensor *y = ct_scatter_reduce(x, 0, index, source, CT_REDUCE_PROD);
    IS(y, 0, 15);
    GRADIENT(y, x, 0, 5);
    GRADIENT(y, source, 8, 0, 3);
    ct_tensor *g = ct_grad(y, source, .cotangent = ct_ones_like(y), .create_graph = true);
    FAILS(ct_grad(ct_sum(g), source), "scatter_reduce: the second derivative of a product with a factor 0");
}

static void test_row_61_slicing_takes_negative_indices(void **state)
{
    (void)state;
    IS(ct_slice(VECTOR(1, 2, 3), "-1"), 3);
    FAILS(ct_slice(VECTOR(1, 2, 3), "-4"), "out of range");
    FAILS(ct_slice(VECTOR(1, 2, 3), "3"), "out of range");
}

static void test_row_62_products_without_an_inner_dimension(void **state)
{
    (void)state;
    ct_tensor *a = empty(2, 0), *b = empty(0, 2), *y = ct_matmul(a, b);
    IS(y, 0, 0, 0, 0);
    assert_int_equal(ct_numel(gradient(y, a)), 0);
    assert_int_equal(ct_numel(ct_matmul(b, ct_matmul(a, empty(0, 5)))), 0);
}

static void test_row_63_cat_skips_empty_vectors(void **state)
{
    (void)state;
    ct_tensor *none = (ct_zeros)((const int64_t[]){0}, 1, CT_FLOAT64), *x = ct_reshape(VECTOR(1, 2), 1, 2);
    IS(ct_cat(CT_TENSORS(none, x, x), 0), 1, 2, 1, 2);
    FAILS(ct_stack(CT_TENSORS(none, x), 0), "stack");
}

static void test_row_64_argmax_takes_the_first_of_equals(void **state)
{
    (void)state;
    IS(ct_argmax(VECTOR(1, 5, 5, 5)), 1);
    IS(ct_argmin(VECTOR(2, 1, 1), 0), 1);
    ct_tensor *long_row = ct_zeros(1000);
    IS(ct_argmax(long_row), 0);
}

static void test_row_65_dropout_at_the_ends(void **state)
{
    (void)state;
    ct_tensor *x = VECTOR(1, INFINITY, 3), *y = VECTOR(1, 2, 3, 4, 5, 6, 7, 8);
    IS(ct_dropout(x, .p = 0.0), 1, INFINITY, 3);
    IS(ct_dropout(x, .p = 1.0), 0, 0, 0);
    GRADIENT(ct_dropout(x, .p = 1.0), x, 0, 0, 0);
    IS(ct_dropout(x, .p = 0.9, .eval = true), 1, INFINITY, 3);
    FAILS(ct_dropout(x, .p = -0.1), "dropout");
    FAILS(ct_dropout(x, .p = 1.1), "dropout");
    ct_seed(3);
    ct_tensor *dropped = ct_dropout(y, .p = 0.5), *g = gradient(dropped, y);
    assert_true(ct_allclose(dropped, ct_mul(g, y), 0, 0, false)); /* the same mask, the same scale */
    const double *v = ct_data(g);
    for (int i = 0; i < 8; i++)
        assert_true(v[i] == 0 || v[i] == 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_row_54_negative_padding_crops),
        cmocka_unit_test(test_row_55_broadcasting_with_a_size_of_zero),
        cmocka_unit_test(test_row_56_scalars_keep_their_shape),
        cmocka_unit_test(test_row_57_in_place_into_shared_elements),
        cmocka_unit_test(test_row_58_expand_sums_back),
        cmocka_unit_test(test_row_59_sizes_that_overflow),
        cmocka_unit_test(test_row_60_embedding_rows),
        cmocka_unit_test(test_row_61_negative_and_repeated_indices),
        cmocka_unit_test(test_row_61_products_scattered_with_zeros),
        cmocka_unit_test(test_row_61_slicing_takes_negative_indices),
        cmocka_unit_test(test_row_62_products_without_an_inner_dimension),
        cmocka_unit_test(test_row_63_cat_skips_empty_vectors),
        cmocka_unit_test(test_row_64_argmax_takes_the_first_of_equals),
        cmocka_unit_test(test_row_65_dropout_at_the_ends),
    };
    return cmocka_run_group_tests(tests, NULL, end);
}
