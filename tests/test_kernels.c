/* test_kernels.c - float32 functions against libm's float64, and the driving loops, sums, rows and casts against plain loops,
 * on every instruction set of this machine. */
#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "autograd/kernels/cpu.h"
#include "autograd/kernels/kernels.h"
#include "autograd/kernels/special.h"
#include "cotangent.h"

static enum cpu_isa in_use;
#define EACH_ISA enum cpu_isa isa = CPU_BASE; isa <= cpu_isa_detected() && cpu_set_isa_for_testing(isa); isa++

static uint64_t next_random(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return *state >> 33;
}

/* ---- Elementary functions ------------------------------------------------------------------------------------------------ */
static ct_tensor *elu(ct_tensor *x) { return ct_elu(x); }
static ct_tensor *softplus(ct_tensor *x) { return ct_softplus(x, 1, 1e9); }
static double sigmoid_of(double x) { return 1 / (1 + exp(-x)); }
static double elu_of(double x) { return x > 0 ? x : expm1(x); }
static double softplus_of(double x) { return x > 700 ? x : log1p(exp(x)); }
static double log_sigmoid_of(double x) { return (x > 0 ? 0 : x) - log1p(exp(-fabs(x))); }
static double gelu_of(double x) { return 0.5 * x * erfc(-x * M_SQRT1_2); }
static double silu_of(double x) { return x / (1 + exp(-x)); }
static double reciprocal_of(double x) { return 1 / x; }
static ct_tensor *order_1(ct_tensor *x) { return ct_polygamma(1, x); }
static ct_tensor *order_2(ct_tensor *x) { return ct_polygamma(2, x); }
static ct_tensor *order_3(ct_tensor *x) { return ct_polygamma(3, x); }
static double order_2_of(double x) { return polygamma(2, x); }
static double order_3_of(double x) { return polygamma(3, x); }
static double mish_of(double x) { return x * tanh(softplus_of(x)); }

/* The bounds in units of the last place; the products behind gelu and silu add their own roundings. */
static const struct function {
    const char *name;
    ct_tensor *(*run)(ct_tensor *x);
    double (*reference)(double);
    double bound, low, high;
} functions[] = {
    {"exp", ct_exp, exp, 2, -110, 90},
    {"log", ct_log, log, 2, 0, FLT_MAX},
    {"tanh", ct_tanh, tanh, 4, -FLT_MAX, FLT_MAX},
    {"erf", ct_erf, erf, 3, -FLT_MAX, FLT_MAX},
    {"sigmoid", ct_sigmoid, sigmoid_of, 4, -85, FLT_MAX},
    {"expm1, by elu", elu, elu_of, 2, -FLT_MAX, FLT_MAX},
    {"log1p, by softplus", softplus, softplus_of, 4, -80, 80},
    {"log_sigmoid", ct_log_sigmoid, log_sigmoid_of, 4, -FLT_MAX, 80},
    {"silu", ct_silu, silu_of, 5, -80, FLT_MAX},
    {"gelu", ct_gelu, gelu_of, 4, 0, FLT_MAX},
    {"sin", ct_sin, sin, 2, -FLT_MAX, FLT_MAX},
    {"cos", ct_cos, cos, 2, -FLT_MAX, FLT_MAX},
    {"tan", ct_tan, tan, 3, -FLT_MAX, FLT_MAX},
    {"asin", ct_asin, asin, 3, -1, 1},
    {"acos", ct_acos, acos, 3, -1, 1},
    {"atan", ct_atan, atan, 3, -FLT_MAX, FLT_MAX},
    {"exp2", ct_exp2, exp2, 2, -155, 130},
    {"expm1", ct_expm1, expm1, 2, -FLT_MAX, 90},
    {"log2", ct_log2, log2, 2, 0, FLT_MAX},
    {"log10", ct_log10, log10, 2.5, 0, FLT_MAX},
    {"log1p", ct_log1p, log1p, 2, -1, FLT_MAX},
    {"sinh", ct_sinh, sinh, 3, -90, 90},
    {"cosh", ct_cosh, cosh, 2, -90, 90},
    {"asinh", ct_asinh, asinh, 3, -FLT_MAX, FLT_MAX},
    {"acosh", ct_acosh, acosh, 3, 1, FLT_MAX},
    {"atanh", ct_atanh, atanh, 3, -1, 1},
    {"erfc", ct_erfc, erfc, 5.5, -FLT_MAX, 11},
    {"lgamma", ct_lgamma, lgamma, 2, 0, FLT_MAX},
    {"digamma", ct_digamma, digamma, 2, 0, FLT_MAX},
    {"polygamma of order 1", order_1, trigamma, 1, 0, FLT_MAX},
    {"polygamma of order 2", order_2, order_2_of, 1, 0, FLT_MAX},
    {"polygamma of order 3", order_3, order_3_of, 1, 0, FLT_MAX},
    {"mish", ct_mish, mish_of, 5, -80, FLT_MAX},
    {"sqrt", ct_sqrt, sqrt, 0.5, 0, FLT_MAX},
    {"reciprocal", ct_reciprocal, reciprocal_of, 0.5, -FLT_MAX, FLT_MAX},
};

static double ulps(float found, double wanted)
{
    const float rounded = (float)wanted;
    if (isnan(wanted) || isinf(rounded))
        return (isnan(wanted) && isnan(found)) || found == rounded ? 0 : INFINITY;
    const double unit = (double)nextafterf(fabsf(rounded), INFINITY) - fabs((double)rounded);
    return fabs((double)found - wanted) / unit;
}

/* Every 4,999th float of the whole range, and a finer sweep of [-20, 20] where all the functions bend. */
static size_t sweep(const struct function *f, float *x, size_t room)
{
    size_t n = 0;
    for (uint64_t bits = 0; bits <= UINT32_MAX && n < room; bits += 4999) {
        uint32_t b = (uint32_t)bits;
        float v;
        memcpy(&v, &b, sizeof v);
        if (v >= f->low && v <= f->high)
            x[n++] = v;
    }
    for (int i = -200000; i <= 200000 && n < room; i++)
        if (i * 1e-4 >= f->low && i * 1e-4 <= f->high)
            x[n++] = (float)(i * 1.00003e-4);
    return n;
}

static void test_functions_in_ulps(void **state)
{
    (void)state;
    enum { ROOM = 1300000 };
    float *x = malloc(ROOM * sizeof *x);
    assert_non_null(x);
    for (size_t k = 0; k < sizeof functions / sizeof *functions; k++) {
        const struct function *f = &functions[k];
        const size_t n = sweep(f, x, ROOM);
        double *wanted = malloc(n * sizeof *wanted);
        assert_non_null(wanted);
        for (size_t i = 0; i < n; i++)
            wanted[i] = f->reference(x[i]);
        for (EACH_ISA) {
            CT_SCOPE;
            const float *y = ct_data(f->run(ct_borrow_array(x, (int64_t)n)));
            assert_non_null(y);
            double worst = 0;
            size_t at = 0;
            for (size_t i = 0; i < n; i++)
                if (ulps(y[i], wanted[i]) > worst)
                    worst = ulps(y[i], wanted[i]), at = i;
            if (worst > f->bound)
                fail_msg("%s on %s: off by %.2f ulp at %.9g: %.9g, want %.9g", f->name, cpu_isa_name(isa), worst, (double)x[at], (double)y[at], wanted[at]);
        }
        free(wanted);
    }
    free(x);
    ct_memory_trim();
}

/* ---- Functions of two numbers: all pairs of the awkward ones, and random bits ------------------------------------------------ */
static ct_tensor *pow_(ct_tensor *a, ct_tensor *b) { return ct_pow(a, b); }
static ct_tensor *atan2_(ct_tensor *a, ct_tensor *b) { return ct_atan2(a, b); }
static ct_tensor *hypot_(ct_tensor *a, ct_tensor *b) { return ct_hypot(a, b); }
static ct_tensor *fmod_(ct_tensor *a, ct_tensor *b) { return ct_fmod(a, b); }
static void test_pairs_in_ulps(void **state)
{
    (void)state;
    static const struct { const char *name; ct_tensor *(*run)(ct_tensor *, ct_tensor *); double (*reference)(double, double), bound; } pairs[] = {
        {"pow", pow_, pow, 2}, {"atan2", atan2_, atan2, 3}, {"hypot", hypot_, hypot, 1}, {"fmod", fmod_, fmod, 0}};
    static const float awkward[] = {NAN, INFINITY, -INFINITY, 0, -0.0F, 1, -1, 2, -2, 3, -3, 0.5F, -0.5F, 1e-45F, -1e-45F, 1e-39F, FLT_MIN, FLT_MAX, -FLT_MAX,
                                    16777215, -16777216, 1e9F, 1.0000001F, 0.99999994F};
    enum { FEW = sizeof awkward / sizeof *awkward, N = FEW * FEW + 60000 };
    float *a = malloc(N * sizeof *a), *b = malloc(N * sizeof *b);
    assert_true(a && b);
    uint64_t random = 3;
    for (int i = 0; i < N; i++) {
        const uint32_t bits[] = {(uint32_t)next_random(&random) << 1, (uint32_t)next_random(&random) << 1};
        memcpy(&a[i], &bits[0], sizeof *a), memcpy(&b[i], &bits[1], sizeof *b);
        if (i % 2)                              /* of sizes that meet */
            a[i] = (float)((int64_t)next_random(&random) - (1 << 30)) * 1e-8F, b[i] = (float)((int64_t)next_random(&random) - (1 << 30)) * 3e-8F;
        if (i < FEW * FEW)
            a[i] = awkward[i / FEW], b[i] = awkward[i % FEW];
    }
    for (size_t k = 0; k < sizeof pairs / sizeof *pairs; k++)
        for (EACH_ISA) {
            CT_SCOPE;
            const float *y = ct_data(pairs[k].run(ct_borrow_array(a, N), ct_borrow_array(b, N)));
            for (int i = 0; i < N; i++) {
                const double wanted = pairs[k].reference(a[i], b[i]), off = ulps(y[i], wanted);
                if (off > pairs[k].bound || (wanted == 0 && (signbit(y[i]) != 0) != (signbit(wanted) != 0)))
                    fail_msg("%s on %s of %.9g and %.9g: off by %.2f ulp: %.9g, want %.9g", pairs[k].name, cpu_isa_name(isa), (double)a[i], (double)b[i], off, (double)y[i], wanted);
            }
        }
    free(a), free(b);
}

static void test_special_values(void **state)
{
    (void)state;
    static const float x[] = {NAN, INFINITY, -INFINITY, 0, -0.0F, 1e-45F, -1e-45F, 1e-39F, FLT_MIN, FLT_MAX, -FLT_MAX, 1, -1};
    for (size_t k = 0; k < sizeof functions / sizeof *functions; k++)
        for (EACH_ISA) {
            CT_SCOPE;
            if (strstr("sin cos", functions[k].name))
                continue;
            /* Each value alone and in a row: a vector's body and its tail. */
            const float *together = ct_data(functions[k].run(ct_from_array(x, (int64_t)(sizeof x / sizeof *x))));
            for (size_t i = 0; i < sizeof x / sizeof *x; i++) {
                double wanted = functions[k].reference(x[i]);
                if (strstr("silu gelu", functions[k].name) && x[i] == -INFINITY)
                    wanted = NAN;               /* -inf * 0, as in PyTorch */
                float alone = *(const float *)ct_data(functions[k].run(ct_from_array(&x[i], 1)));
                if (!(ulps(together[i], wanted) <= 8 || fabs((double)together[i] - wanted) < 1e-37) ||
                    (memcmp(&alone, &together[i], sizeof alone) != 0 && !(isnan(alone) && isnan(together[i])))) /* a NaN's sign is nobody's */
                    fail_msg("%s on %s of %g: %g in a row, %g alone, want %g", functions[k].name, cpu_isa_name(isa), (double)x[i], (double)together[i],
                             (double)alone, wanted);
            }
        }
}

static void test_tails_give_the_bits_of_bodies(void **state)
{
    (void)state;
    float x[97], whole[97];
    for (int i = 0; i < 97; i++)
        x[i] = (float)(i - 40) / 9;
    for (size_t k = 0; k < sizeof functions / sizeof *functions; k++)
        for (EACH_ISA) {
            assert_true(ct_to_array(functions[k].run(ct_from_array(x, 97)), whole, sizeof whole));
            for (int from = 0; from < 33; from++)
                for (int n = 1; n < 40; n += 3) {
                    CT_SCOPE;
                    ct_tensor *y = functions[k].run(ct_from_array(x + from, n));
                    const int wrong = memcmp(ct_data(y), whole + from, (size_t)n * sizeof *whole);
                    if (wrong && !strstr("log sqrt", functions[k].name)) /* their NaNs may differ in sign */
                        fail_msg("%s on %s: %d elements from %d differ from the whole", functions[k].name, cpu_isa_name(isa), n, from);
                }
        }
}

/* ---- Sums over all combinations of axes ----------------------------------------------------------------------------------- */
static double element(ct_tensor *x, const int64_t *index)
{
    const double *v = ct_data(x);                /* row-major */
    int64_t at = 0;
    for (int i = 0; i < ct_rank(x); i++)
        at = at * ct_size(x, i) + index[i];
    return v[at];
}

static void check_sums(ct_tensor *x, double tolerance)
{
    ct_tensor *plain = ct_contiguous(ct_cast(x, CT_FLOAT64));
    for (unsigned set = 1; set < 16; set++) {
        CT_SCOPE;
        int axes[4];
        size_t count = 0;
        for (int i = 0; i < 4; i++)
            if (set >> i & 1)
                axes[count++] = i;
        ct_tensor *y = (ct_sum)(x, axes, count, true), *flat = ct_contiguous(ct_cast(y, CT_FLOAT64));
        double *wanted = calloc((size_t)ct_numel(y) + 1, sizeof *wanted);
        assert_non_null(wanted);
        int64_t i[4], at[4];
        for (i[0] = 0; i[0] < ct_size(x, 0); i[0]++)
            for (i[1] = 0; i[1] < ct_size(x, 1); i[1]++)
                for (i[2] = 0; i[2] < ct_size(x, 2); i[2]++)
                    for (i[3] = 0; i[3] < ct_size(x, 3); i[3]++) {
                        int64_t place = 0;
                        for (int a = 0; a < 4; a++) {
                            at[a] = set >> a & 1 ? 0 : i[a];
                            place = place * ct_size(y, a) + at[a];
                        }
                        wanted[place] += element(plain, i);
                    }
        for (int64_t k = 0; k < ct_numel(y); k++)
            if (!(fabs(((const double *)ct_data(flat))[k] - wanted[k]) <= tolerance))
                fail_msg("%s: sum over axes %#x, element %d: %.9g, want %.9g", ct_dtype_name(ct_dtype_of(x)), set, (int)k, ((const double *)ct_data(flat))[k], wanted[k]);
        free(wanted);
    }
}

static void test_sums_over_all_axes(void **state)
{
    (void)state;
    static const char *const views[] = {"", "::-1, :, 1::2", "..., ::-3", ":, 1, None", "1:, :, :, 2:"};
    static const int64_t shapes[][4] = {{3, 5, 6, 7}, {2, 70, 3, 9}, {2, 3, 65, 66}, {1, 1, 600, 5}, {4, 0, 3, 3}, {5, 2, 3, 131}};
    for (EACH_ISA)
        for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++)
            for (size_t v = 0; v < sizeof views / sizeof *views; v++) {
                CT_SCOPE;
                if (v == 3 && !shapes[s][1])
                    continue;
                if (v == 3 && shapes[s][1] < 2)
                    continue;
                ct_tensor *x = ct_slice((ct_rand)(shapes[s], 4, CT_FLOAT64, NULL), views[v]), *turned = ct_permute(x, 2, 0, 3, 1);
                check_sums(x, 1e-9), check_sums(turned, 1e-9);
                check_sums(ct_cast(x, CT_FLOAT32), 2e-3);
                check_sums(ct_cast(ct_mul(turned, 100.0), CT_INT64), 0);
                check_sums(ct_gt(x, 0.5), 0);
            }
}

/* ---- Rows ------------------------------------------------------------------------------------------------------------------- */
static void test_softmax_rows(void **state)
{
    (void)state;
    for (EACH_ISA)
        for (int64_t n = 1; n < 2100; n += n < 70 ? 1 : 173) {
            CT_SCOPE;
            ct_tensor *x = ct_mul(ct_randn_as(CT_FLOAT64, 2, n), 10.0);
            ct_tensor *x32 = ct_cast(x, CT_FLOAT32), *exact = ct_contiguous(ct_cast(x32, CT_FLOAT64));
            ct_tensor *results[] = {ct_softmax(x32, 1), ct_log_softmax(x32, 1), ct_softmax(exact, 1), ct_log_softmax(exact, 1), ct_logsumexp(x32, 1), ct_logsumexp(exact, 1)};
            for (int64_t row = 0; row < 2; row++) {
                const double *v = (const double *)ct_data(exact) + row * n;
                double top = -INFINITY, sum = 0;
                for (int64_t i = 0; i < n; i++)
                    top = fmax(top, v[i]);
                for (int64_t i = 0; i < n; i++)
                    sum += exp(v[i] - top);
                const double lse = top + log(sum);
                for (int64_t i = 0; i < n; i++) {
                    const int64_t at = row * n + i;
                    assert_true(fabs(((const float *)ct_data(results[0]))[at] - exp(v[i] - lse)) < 1e-6);
                    assert_true(fabs(((const float *)ct_data(results[1]))[at] - (v[i] - lse)) < 1e-5);
                    assert_true(fabs(((const double *)ct_data(results[2]))[at] - exp(v[i] - lse)) < 1e-14);
                    assert_true(fabs(((const double *)ct_data(results[3]))[at] - (v[i] - lse)) < 1e-12);
                }
                assert_true(fabs(((const float *)ct_data(results[4]))[row] - lse) < 1e-5);
                assert_true(fabs(((const double *)ct_data(results[5]))[row] - lse) < 1e-12);
            }
        }
}

/* ---- Casts ------------------------------------------------------------------------------------------------------------------ */
static void test_every_cast(void **state)
{
    (void)state;
    enum { N = 12 };
    static const double values[N] = {0, 1, -1, 2.5, -2.5, 0.5, 300, 16777217, 1e10, NAN, INFINITY, -INFINITY};
    for (EACH_ISA)
        for (int from = CT_FLOAT32; from <= CT_BOOL; from++)
            for (int to = CT_FLOAT32; to <= CT_BOOL; to++) {
                CT_SCOPE;
                const int n = from == CT_INT64 ? 9 : N;
                ct_tensor *x = ct_cast((ct_vector)(values, (size_t)n, CT_FLOAT64), (ct_dtype)from), *y = ct_cast(x, (ct_dtype)to);
                const void *p = ct_data(x), *q = ct_data(y);
                for (int i = 0; i < n; i++) {
                    const double v = from == CT_FLOAT32 ? ((const float *)p)[i] : from == CT_FLOAT64 ? ((const double *)p)[i]
                                   : from == CT_INT64 ? (double)((const int64_t *)p)[i] : ((const uint8_t *)p)[i];
                    const bool fits = fabs(v) < 9e18;
                    if (to == CT_FLOAT32)
                        assert_true(((const float *)q)[i] == (float)v || isnan(v));
                    else if (to == CT_FLOAT64)
                        assert_true(((const double *)q)[i] == v || isnan(v));
                    else if (to == CT_INT64)
                        assert_true(((const int64_t *)q)[i] == (fits ? (int64_t)v : INT64_MIN));
                    else
                        assert_true(((const uint8_t *)q)[i] == (v != 0));
                    if (to <= CT_FLOAT64 && isnan(v))
                        assert_true(isnan(to == CT_FLOAT32 ? (double)((const float *)q)[i] : ((const double *)q)[i]));
                }
            }
}

/* ---- Extremes and sums of terms against plain loops -------------------------------------------------------------------------------- */
static size_t plain_extreme(const float *x, size_t n, size_t step, bool largest)
{
    size_t best = 0;
    for (size_t i = 1; i < n; i++) {
        float v = x[i * step], b = x[best * step];
        if (!isnan(b) && (isnan(v) || (largest ? v > b : v < b)))
            best = i;
    }
    return best;
}

static void test_extremes_and_sums_of_terms(void **state)
{
    (void)state;
    enum { MOST = 300, COLUMNS = 70 };
    static float x[MOST * COLUMNS], about[COLUMNS], found[COLUMNS];
    double totals[COLUMNS];
    int64_t places[COLUMNS];
    uint64_t random = 5;
    for (EACH_ISA)
        for (size_t n = 1; n <= MOST; n += n < 140 ? 1 : 37)
            for (int trial = 0; trial < 3; trial++) {   /* few values, so that many are equal; then NaNs among them */
                for (size_t i = 0; i < n * COLUMNS; i++)
                    x[i] = trial == 2 && next_random(&random) % 97 == 0 ? NAN : (float)(next_random(&random) % 50) - 25;
                for (int largest = 0; largest < 2; largest++) {
                    kernels()->extreme[largest][F32](NULL, places, x, 1, 1, n, 1);
                    assert_int_equal(places[0], plain_extreme(x, n, 1, largest));
                    for (size_t rows = 1; rows <= COLUMNS; rows += COLUMNS - 1) {
                        kernels()->extreme[largest][F32](found, places, x, rows, 1, n, COLUMNS);
                        for (size_t j = 0; j < rows; j++) {
                            const size_t want = plain_extreme(x + j, n, COLUMNS, largest);
                            assert_int_equal(places[j], want);
                            assert_memory_equal(&found[j], &x[j + want * COLUMNS], sizeof *found);
                        }
                    }
                }
                if (trial == 2)
                    for (size_t i = 0; i < n * COLUMNS; i++)
                        x[i] = isnan(x[i]) ? 0 : x[i];
                for (size_t j = 0; j < COLUMNS; j++)
                    about[j] = (float)(next_random(&random) % 9);
                for (int order = 0; order < 2; order++) { /* whole numbers: every order of summing is exact */
                    kernels()->fold[FOLD_SQUARES][order][F32](totals, x, COLUMNS, 1, n, COLUMNS, about);
                    for (size_t j = 0; j < COLUMNS; j++) {
                        double sum = 0;
                        for (size_t i = 0; i < n; i++)
                            sum += (double)(x[i * COLUMNS + j] - about[j]) * (double)(x[i * COLUMNS + j] - about[j]);
                        assert_true(totals[j] == sum);
                    }
                }
            }
    cpu_set_isa_for_testing(in_use);
}

/* ---- The loop over strided operands, index by index --------------------------------------------------------------------------- */
static void test_loops_over_random_strides(void **state)
{
    (void)state;
    enum { MEMORY = 1 << 19 };
    uint64_t random = 11;
    float *memory[3], *wanted = malloc(MEMORY * sizeof *wanted);
    assert_non_null(wanted);
    for (int k = 0; k < 3; k++) {
        memory[k] = malloc(MEMORY * sizeof **memory);
        assert_non_null(memory[k]);
    }
    for (int trial = 0; trial < 600; trial++) {
        cpu_set_isa_for_testing((enum cpu_isa)(trial % ((int)cpu_isa_detected() + 1)));
        struct loop l = {.run = kernels()->binary[BINARY_sub][F32], .operands = 3, .rank = next_random(&random) % 6, .items = {4, 4, 4}};
        const int64_t most = trial % 10 ? 6 : l.rank > 2 ? 12 : 150;
        int64_t count = 1, used[3] = {0};
        for (size_t i = 0; i < l.rank; i++)
            count *= l.sizes[i] = (int64_t)(next_random(&random) % (uint64_t)(most + 1)) + (trial % 7 != 0);
        for (int k = 0; k < 3; k++) {            /* axes in a random order of memory, some doubled, reversed, or (inputs) repeated */
            int64_t reach = 1;
            size_t order[LOOP_RANK];
            for (size_t i = 0; i < l.rank; i++)
                order[i] = i;
            for (size_t i = l.rank; i-- > 1;) {
                size_t j = next_random(&random) % (i + 1), o = order[i];
                order[i] = order[j], order[j] = o;
            }
            l.data[k] = (char *)memory[k];
            for (size_t i = 0; i < l.rank; i++) {
                const size_t axis = order[i];
                const uint64_t dice = next_random(&random) % 8;
                if (k && dice == 0)
                    continue;                    /* a step of 0 */
                const int64_t step = reach * (dice == 1 ? 2 : 1);
                l.steps[k][axis] = (dice == 2 ? -step : step) * (int64_t)sizeof(float);
                if (dice == 2 && l.sizes[axis])
                    l.data[k] += (l.sizes[axis] - 1) * step * (int64_t)sizeof(float);
                reach = step * (l.sizes[axis] ? l.sizes[axis] : 1);
            }
            used[k] = reach;
            assert_true(reach <= MEMORY);
            for (int64_t i = 0; i < reach; i++)
                memory[k][i] = (float)(next_random(&random) % 1000);
        }
        memcpy(wanted, memory[0], (size_t)used[0] * sizeof *wanted);
        for (int64_t n = 0; n < count; n++) {
            ptrdiff_t at[3] = {0};
            int64_t rest = n;
            for (size_t i = l.rank; i-- > 0; rest /= l.sizes[i])
                for (int k = 0; k < 3; k++)
                    at[k] += rest % l.sizes[i] * l.steps[k][i];
            const char *out = l.data[0] + at[0];
            wanted[(out - (char *)memory[0]) / (ptrdiff_t)sizeof(float)] = *(const float *)(l.data[1] + at[1]) - *(const float *)(l.data[2] + at[2]);
        }
        loop_run(&l);
        assert_memory_equal(memory[0], wanted, (size_t)used[0] * sizeof *wanted);
    }
    for (int k = 0; k < 3; k++)
        free(memory[k]);
    free(wanted);
}

/* ---- Orders, against an insertion into place one by one ----------------------------------------------------------------------- */
static double plain_at(ct_tensor *x, int64_t i)
{
    const void *p = ct_data(x);
    return ct_dtype_of(x) == CT_FLOAT32 ? (double)((const float *)p)[i] : ct_dtype_of(x) == CT_FLOAT64 ? ((const double *)p)[i]
         : ct_dtype_of(x) == CT_INT64 ? (double)((const int64_t *)p)[i] : ((const uint8_t *)p)[i];
}

static bool stands_before(double a, double b)   /* NaN is the greatest */
{
    return isnan(b) ? !isnan(a) : a < b;
}

static void plain_merge_sort(int64_t *places, int64_t *spare, int64_t n, ct_tensor *x, bool descending)
{
    const int64_t half = n / 2;
    if (n < 2)
        return;
    plain_merge_sort(places, spare, half, x, descending), plain_merge_sort(places + half, spare, n - half, x, descending);
    for (int64_t i = 0, a = 0, b = half; i < n; i++) {
        const double left = a < half ? plain_at(x, places[a]) : 0, right = b < n ? plain_at(x, places[b]) : 0;
        const bool second = a == half || (b < n && (descending ? stands_before(left, right) : stands_before(right, left)));
        spare[i] = places[second ? b++ : a++];
    }
    memcpy(places, spare, (size_t)n * sizeof *places);
}

static ct_tensor *row_to_order(int64_t n, ct_dtype dtype, int kind, uint64_t *random)
{
    double *v = malloc((size_t)n * sizeof *v);
    assert_non_null(v);
    for (int64_t i = 0; i < n; i++) {
        const double r = (double)next_random(random) / 0x1p31 - 0.5;
        v[i] = kind == 0 ? r : kind == 1 ? floor(r * 7) : kind == 2 ? ldexp(r, (int)(next_random(random) % 200) - 100) : 1 + r * 1e-3;
        if (kind == 1 && dtype <= CT_FLOAT64 && v[i] == 0)
            v[i] = i % 3 ? -0.0 : i % 2 ? NAN : 0;
        if (dtype == CT_INT64)
            v[i] = floor(v[i] * (kind == 2 ? 0x1p-40 : 1e9));
    }
    ct_tensor *x = ct_cast((ct_vector)(v, (size_t)n, CT_FLOAT64), dtype);
    free(v);
    assert_non_null(x);
    return x;
}

static void check_orders(ct_tensor *x, bool descending)
{
    const int64_t n = ct_numel(x);
    int64_t *want = malloc((size_t)(2 * n) * sizeof *want);
    assert_non_null(want);
    for (int64_t i = 0; i < n; i++)
        want[i] = i;
    plain_merge_sort(want, want + n, n, x, descending);
    assert_memory_equal(ct_data(ct_argsort(x, 0, .descending = descending)), want, (size_t)n * sizeof *want);
    const int64_t counts[] = {1, 10, 32, 33, n / 3, n - 1, n};
    for (size_t k = 0; k < sizeof counts / sizeof *counts; k++) {
        ct_tensor *found = NULL;
        if (counts[k] < 1 || counts[k] > n)
            continue;
        assert_non_null(ct_topk(x, counts[k], 0, .smallest = !descending, .indices = &found));
        assert_memory_equal(ct_data(found), want, (size_t)counts[k] * sizeof *want);
    }
    if (!descending) {
        ct_tensor *middle = NULL, *inverse = NULL, *values = ct_unique(x, .inverse = &inverse);
        int64_t numbers = n, runs = 0;
        assert_non_null(ct_median(x, 0, .indices = &middle));
        while (numbers && isnan(plain_at(x, want[numbers - 1])))
            numbers--;
        assert_true(*(const int64_t *)ct_data(middle) == want[numbers < n ? numbers : (n - 1) / 2]);
        for (int64_t i = 0; i < n; i++) {
            runs += !i || plain_at(x, want[i]) != plain_at(x, want[i - 1]);
            assert_true(((const int64_t *)ct_data(inverse))[want[i]] == runs - 1);
        }
        assert_true(ct_numel(values) == runs);
    }
    free(want);
}

static void test_orders_of_rows(void **state)
{
    (void)state;
    static const int64_t lengths[] = {1, 2, 40, 64, 65, 300, 5000, 32768, 32769, 100003};
    const int was = ct_num_threads();
    uint64_t random = 5;
    for (size_t l = 0; l < sizeof lengths / sizeof *lengths; l++)
        for (int dtype = CT_FLOAT32; dtype <= CT_BOOL; dtype++)
            for (int kind = 0; kind < 4; kind++) {
                CT_SCOPE;
                ct_set_num_threads((int[]){1, 2, 3, 8}[kind]);
                ct_tensor *x = row_to_order(lengths[l], (ct_dtype)dtype, kind, &random);
                check_orders(x, false), check_orders(x, true);
            }
    ct_set_num_threads(was);
}

/* ---- Extremes and their places, along rows, in pieces, and down columns --------------------------------------------------------- */
static void test_extremes(void **state)
{
    (void)state;
    static const int64_t shapes[][2] = {{1, 1}, {3, 63}, {3, 64}, {2, 65}, {5, 513}, {70, 130}, {2, 40000}, {300, 3}, {129, 64}};
    uint64_t random = 3;
    for (EACH_ISA)
        for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++)
            for (int dtype = CT_FLOAT32; dtype <= CT_BOOL; dtype++)
                for (int turn = 0; turn < 16; turn++) {
                    CT_SCOPE;
                    const int64_t rows = shapes[s][0], columns = shapes[s][1];
                    ct_tensor *flat = row_to_order(rows * columns, (ct_dtype)dtype, turn & 1, &random), *x = ct_reshape(flat, rows, columns), *places = NULL;
                    const int axis = turn >> 1 & 1;
                    const bool largest = turn >> 2 & 1;
                    ct_tensor *y = largest ? ct_max(x, axis, .indices = &places) : ct_min(x, axis, .indices = &places);
                    ct_tensor *alone = largest ? ct_amax(x, axis) : ct_amin(x, axis);
                    assert_non_null(y), assert_non_null(alone);
                    const int64_t kept = axis ? rows : columns, gone = axis ? columns : rows, step = axis ? 1 : columns, row_step = axis ? columns : 1;
                    for (int64_t i = 0; i < kept; i++) {
                        int64_t best = 0;
                        for (int64_t k = 1; k < gone; k++) {
                            const double v = plain_at(flat, i * row_step + k * step), b = plain_at(flat, i * row_step + best * step);
                            if (!isnan(b) && (isnan(v) || (largest ? v > b : v < b)))
                                best = k;
                        }
                        const double want = plain_at(flat, i * row_step + best * step), found = plain_at(y, i), other = plain_at(alone, i);
                        if (((const int64_t *)ct_data(places))[i] != best || (found != want && !(isnan(found) && isnan(want))) ||
                            (other != want && !(isnan(other) && isnan(want))))
                            fail_msg("%s of (%d, %d) %s along %d, %d: place %d, value %g, want %d, %g", largest ? "max" : "min", (int)rows, (int)columns,
                                     ct_dtype_name((ct_dtype)dtype), axis, (int)i, (int)((const int64_t *)ct_data(places))[i], found, (int)best, want);
                    }
                }
}

static int restore_isa(void **state)
{
    (void)state;
    cpu_set_isa_for_testing(in_use);
    ct_error_clear();
    return 0;
}

static int end(void **state)
{
    (void)state;
    ct_shutdown();
    return 0;
}

int main(void)
{
    in_use = cpu_isa();
#define TEST(f) cmocka_unit_test_setup_teardown(f, NULL, restore_isa)
    const struct CMUnitTest tests[] = {
        TEST(test_functions_in_ulps),
        TEST(test_pairs_in_ulps),
        TEST(test_special_values),
        TEST(test_tails_give_the_bits_of_bodies),
        TEST(test_sums_over_all_axes),
        TEST(test_softmax_rows),
        TEST(test_every_cast),
        TEST(test_extremes_and_sums_of_terms),
        TEST(test_loops_over_random_strides),
        TEST(test_orders_of_rows),
        TEST(test_extremes),
    };
    return cmocka_run_group_tests(tests, NULL, end);
}
