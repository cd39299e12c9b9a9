/* Random numbers: the published stream, the same bits at any number of threads, and the right shapes of distributions. */
#include "autograd/random.h"
#include "engine.h"

/* Known answers of Random123, kat_vectors: philox4x32 10 */
static void test_philox_gives_the_published_numbers(void **state)
{
    (void)state;
    static const struct { uint32_t counter[4], key[2], want[4]; } rows[] = {
        {{0, 0, 0, 0}, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
        {{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff}, {0xffffffff, 0xffffffff}, {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
        {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}, {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        uint32_t got[4];
        philox4x32(rows[i].counter, rows[i].key, got);
        assert_memory_equal(got, rows[i].want, sizeof got);
    }
}

/* ---- Streams ----------------------------------------------------------------------------------------------------- */
typedef ct_tensor *draw(ct_generator *g);
enum { MANY = 100003 };
static ct_tensor *rand_f32(ct_generator *g) { return (ct_rand)((int64_t[]){MANY}, 1, CT_FLOAT32, g); }
static ct_tensor *rand_f64(ct_generator *g) { return (ct_rand)((int64_t[]){MANY}, 1, CT_FLOAT64, g); }
static ct_tensor *randn_f32(ct_generator *g) { return (ct_randn)((int64_t[]){MANY}, 1, CT_FLOAT32, g); }
static ct_tensor *randn_f64(ct_generator *g) { return (ct_randn)((int64_t[]){MANY}, 1, CT_FLOAT64, g); }
static ct_tensor *randint(ct_generator *g) { return (ct_randint)(-5, 1000, (int64_t[]){MANY}, 1, g); }
static ct_tensor *randperm(ct_generator *g) { return ct_randperm(1000, g); }
static ct_tensor *bernoulli(ct_generator *g) { return ct_bernoulli(ct_full(0.3, MANY), g); }
static ct_tensor *dropout(ct_generator *g) { return ct_dropout(ct_ones(MANY), .p = 0.25, .generator = g); }
static draw *const draws[] = {rand_f32, rand_f64, randn_f32, randn_f64, randint, randperm, bernoulli, dropout};

static void test_a_seed_gives_the_same_bits_at_any_thread_count(void **state)
{
    (void)state;
    static const int counts[] = {1, 2, 3, 8};
    const int was = ct_num_threads();
    for (size_t i = 0; i < COUNT(draws); i++) {
        CT_SCOPE;
        ct_tensor *want = NULL;
        for (size_t k = 0; k < COUNT(counts); k++) {
            assert_true(ct_set_num_threads(counts[k]));
            ct_generator *g = ct_generator_new(99);
            ct_tensor *got = draws[i](g);
            ct_free(g);
            ct_seed(99);                        /* and the process's own generator is no other */
            assert_true(ct_equal(draws[i](NULL), got));
            if (k)
                assert_true(ct_equal(got, want));
            else
                want = got;
        }
    }
    ct_set_num_threads(was);
}

static void test_seeds_and_calls_differ(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(draws); i++) {
        CT_SCOPE;
        ct_generator *g = ct_generator_new(1), *h = ct_generator_new(2), *high = ct_generator_new(1ull + (1ull << 32));
        ct_tensor *a = draws[i](g), *b = draws[i](g), *c = draws[i](h), *d = draws[i](high);
        assert_false(ct_equal(a, b) || ct_equal(a, c) || ct_equal(b, c) || ct_equal(a, d));
        ct_free(g), ct_free(h), ct_free(high);
    }
}

static void test_a_generator_is_restored(void **state)
{
    (void)state;
    ct_generator *g = ct_generator_new(5);
    for (size_t i = 0; i < COUNT(draws); i++) {
        CT_SCOPE;
        uint64_t before[2], after[2];
        ct_generator_state(g, before);
        ct_tensor *first = draws[i](g);
        ct_generator_state(g, after);
        assert_true(after[0] == 5 && after[1] > before[1]);
        ct_tensor *second = draws[i](g);
        ct_generator_restore(g, before);
        assert_true(ct_equal(draws[i](g), first));
        assert_true(ct_equal(draws[i](g), second));
    }
    uint64_t saved[2], now[2];
    ct_generator_state(NULL, saved);
    ct_rand(10);
    ct_generator_state(NULL, now);
    assert_true(now[1] > saved[1]);
    ct_generator_restore(NULL, saved);
    ct_generator_state(NULL, now);
    assert_memory_equal(now, saved, sizeof now);
    ct_free(g);
}

static void test_generators_are_independent(void **state)
{
    (void)state;
    ct_generator *g = ct_generator_new(3), *h = ct_generator_new(3);
    ct_tensor *want = rand_f32(g);
    ct_seed(8);
    uint64_t own = ct_random_u64(NULL);
    ct_seed(8);
    ct_tensor *got = rand_f32(h);               /* what others draw in between changes nothing, either way */
    assert_true(ct_equal(got, want));
    assert_true(ct_random_u64(NULL) == own);
    ct_tensor *x = rand_f32(g), *y = ct_sub(x, ct_mean(x)), *z = rand_f32(h);
    assert_true(ct_equal(x, z));
    ct_generator *other = ct_generator_new(4);
    z = rand_f32(other);
    z = ct_sub(z, ct_mean(z));
    double correlation = ct_item(ct_mean(ct_mul(y, z))) * 12;
    assert_true(fabs(correlation) < 5 / sqrt(MANY));
    ct_free(g), ct_free(h), ct_free(other);
}

/* ---- Distributions ----------------------------------------------------------------------------------------------- */
static double moment(ct_tensor *x, double about, int order)
{
    CT_SCOPE;
    return ct_item(ct_mean(ct_pow(ct_sub(ct_cast(x, CT_FLOAT64), about), (double)order)));
}

static void test_rand_is_uniform(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        ct_seed(21 + (uint64_t)i);
        ct_tensor *x = draws[i](NULL);
        assert_true(ct_item(ct_min(x)) >= 0 && ct_item(ct_max(x)) < 1);
        assert_true(ct_item(ct_min(x)) < 1e-3 && ct_item(ct_max(x)) > 1 - 1e-3);
        assert_near(moment(x, 0.5, 1), 0, 5 * sqrt(1 / 12. / MANY));
        assert_near(moment(x, 0.5, 2), 1 / 12., 0.002);
        for (int bin = 0; bin < 16; bin++) {
            CT_SCOPE;
            ct_tensor *here = ct_logical_and(ct_ge(x, bin / 16.), ct_lt(x, (bin + 1) / 16.));
            assert_near(ct_item(ct_sum(here)), MANY / 16., 5 * sqrt(MANY / 16.));
        }
    }
}

static void test_randn_is_normal(void **state)
{
    (void)state;
    for (int i = 2; i < 4; i++) {
        ct_seed(31 + (uint64_t)i);
        ct_tensor *x = draws[i](NULL);
        assert_near(moment(x, 0, 1), 0, 5 / sqrt(MANY));
        assert_near(moment(x, 0, 2), 1, 0.03);
        assert_near(moment(x, 0, 3), 0, 0.07);
        assert_near(moment(x, 0, 4), 3, 0.2);
        assert_near(ct_item(ct_sum(ct_gt(ct_abs(x), 1.959964))), 0.05 * MANY, 5 * sqrt(0.05 * MANY));
        assert_true(ct_item(ct_max(ct_abs(x))) > 3.5 && ct_item(ct_max(ct_abs(x))) < 7);
        ct_tensor *even = ct_slice(x, "0:100000:2"), *odd = ct_slice(x, "1:100001:2");
        assert_near(ct_item(ct_mean(ct_mul(even, odd))), 0, 5 / sqrt(MANY / 2)); /* Box-Muller's pairs */
    }
}

static void test_randint_covers_its_range(void **state)
{
    (void)state;
    ct_seed(41);
    ct_tensor *x = ct_randint(-3, 4, 70000);
    assert_int_equal(ct_dtype_of(x), CT_INT64);
    for (int v = -4; v <= 4; v++) {
        CT_SCOPE;
        double count = ct_item(ct_sum(ct_eq(x, v)));
        if (v < -3 || v > 3)
            assert_true(count == 0);
        else
            assert_near(count, 10000, 500);
    }
    assert_values(ct_randint(7, 8, 3), 7, 7, 7);
    ct_tensor *wide = (ct_randint)(INT64_MIN, INT64_MAX, (int64_t[]){1000}, 1, NULL);
    assert_near(ct_item(ct_sum(ct_lt(wide, 0))), 500, 90);
}

static void test_randperm_is_a_permutation(void **state)
{
    (void)state;
    static const int64_t sizes[] = {0, 1, 2, 3, 10, 1000};
    ct_seed(51);
    for (size_t i = 0; i < COUNT(sizes); i++) {
        int64_t n = sizes[i], values[1000], times[1000] = {0};
        assert_true(ct_to_array(ct_randperm(n, NULL), values, (size_t)n * sizeof *values));
        for (int64_t k = 0; k < n; k++) {
            assert_true(values[k] >= 0 && values[k] < n);
            assert_int_equal(++times[values[k]], 1);
        }
    }
    int seen[6] = {0};                          /* all orders of three, equally often */
    for (int i = 0; i < 6000; i++) {
        CT_SCOPE;
        int64_t p[3];
        ct_to_array(ct_randperm(3, NULL), p, sizeof p);
        seen[p[0] * 2 + (p[1] > p[2])]++;
    }
    for (int i = 0; i < 6; i++)
        assert_near(seen[i], 1000, 150);
}

static void test_bernoulli_follows_its_probabilities(void **state)
{
    (void)state;
    ct_seed(61);
    ct_tensor *x = ct_bernoulli(ct_expand(ct_vector(0, 0.1, 0.5, 0.9, 1), 20000, 5), NULL);
    assert_int_equal(ct_dtype_of(x), CT_FLOAT32);
    assert_near_values(ct_mean(x, 0), 0.02, 0, 0.1, 0.5, 0.9, 1);
    assert_values(ct_sum(ct_slice(x, ":, ::4"), 0), 0, 20000);
    assert_false(ct_requires_grad(ct_bernoulli(ct_require_grad(ct_full(0.5, 3), true), NULL)));
}

static void test_dropout_zeroes_and_scales(void **state)
{
    (void)state;
    ct_seed(71);
    ct_tensor *x = ct_require_grad(ct_ones(MANY), true), *y = ct_dropout(x, .p = 0.2);
    double kept = ct_item(ct_sum(ct_gt(y, 0.0)));
    assert_near(kept, 0.8 * MANY, 5 * sqrt(0.16 * MANY));
    assert_near(ct_item(ct_max(y)), 1.25, 1e-6);
    assert_near(ct_item(ct_sum(y)), 1.25 * kept, 1);
    assert_near(ct_item(ct_mean(y)), 1, 0.02);
    assert_true(ct_backward(ct_sum(y)));
    assert_true(ct_equal(ct_gradient(x), ct_detach(y))); /* the same mask and scale */
    assert_ptr_equal(ct_dropout(x, .p = 0.2, .eval = true), x);
    assert_ptr_equal(ct_dropout(x, .p = 0), x); /* an explicit zero is not the default */
    assert_near(ct_item(ct_sum(ct_gt(ct_dropout(x), 0.0))), 0.5 * MANY, 0.02 * MANY);
    assert_true(ct_item(ct_sum(ct_dropout(x, .p = 1))) == 0);
}

static void test_single_numbers_spread_over_all_bits(void **state)
{
    (void)state;
    ct_seed(81);
    int ones[64] = {0};
    for (int i = 0; i < 4000; i++)
        for (uint64_t v = ct_random_u64(NULL), bit = 0; bit < 64; bit++)
            ones[bit] += v >> bit & 1;
    for (int bit = 0; bit < 64; bit++)
        assert_near(ones[bit], 2000, 160);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_philox_gives_the_published_numbers),
        TEST(test_a_seed_gives_the_same_bits_at_any_thread_count),
        TEST(test_seeds_and_calls_differ),
        TEST(test_a_generator_is_restored),
        TEST(test_generators_are_independent),
        TEST(test_rand_is_uniform),
        TEST(test_randn_is_normal),
        TEST(test_randint_covers_its_range),
        TEST(test_randperm_is_a_permutation),
        TEST(test_bernoulli_follows_its_probabilities),
        TEST(test_dropout_zeroes_and_scales),
        TEST(test_single_numbers_spread_over_all_bits),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    ct_shutdown();
    return failed;
}
