/* ctc against a count of all alignments, and against numbers of PyTorch 2.15. */
#include "engine.h"

enum { TIMES = 5, CLASSES = 3, MOST = 243 };   /* 3^5 ways through the classes */

/* Whether the classes taken, repeats merged and blanks left out, spell the target. */
static bool spells(const int *taken, int times, const int64_t *target, int64_t length)
{
    int64_t found = 0;
    for (int t = 0; t < times; t++)
        if (taken[t] && (t == 0 || taken[t] != taken[t - 1])) {
            if (found == length || target[found] != taken[t])
                return false;
            found++;
        }
    return found == length;
}

/* The probability of the target, and of the target by way of class k at time t. */
static double count(const double *log_p, int times, const int64_t *target, int64_t length, double share[TIMES][CLASSES])
{
    double all = 0;
    int ways = 1, taken[TIMES];
    memset(share, 0, sizeof(double[TIMES][CLASSES]));
    for (int t = 0; t < times; t++)
        ways *= CLASSES;
    assert_true(ways <= MOST);
    for (int way = 0; way < ways; way++) {
        double log_way = 0;
        for (int t = 0, rest = way; t < times; t++, rest /= CLASSES)
            log_way += log_p[t * CLASSES + (taken[t] = rest % CLASSES)];
        if (!spells(taken, times, target, length))
            continue;
        all += exp(log_way);
        for (int t = 0; t < times; t++)
            share[t][taken[t]] += exp(log_way);
    }
    return all;
}

static void test_ctc_is_the_sum_over_all_alignments(void **state)
{
    (void)state;
    static const struct { int times; int64_t length, target[3]; } rows[] = {
        {5, 3, {1, 2, 1}}, {5, 3, {1, 1, 2}}, {5, 2, {2, 2}}, {5, 1, {1}}, {5, 0, {0}}, {3, 3, {1, 2, 1}}, {3, 2, {1, 1}}, {1, 1, {2}}, {2, 0, {0}}, {4, 3, {2, 2, 1}}};
    for (size_t i = 0; i < COUNT(rows); i++) {
        CT_SCOPE;
        ct_seed(i);
        double share[TIMES][CLASSES];
        const int64_t times = rows[i].times, length = rows[i].length;
        ct_tensor *x = ct_require_grad(ct_log_softmax(ct_randn_as(CT_FLOAT64, times, CLASSES), -1), true);
        ct_tensor *target = (ct_from_array)(rows[i].target, CT_INT64, &length, 1), *lengths = ct_vector_int(length);
        ct_tensor *loss = ct_ctc(x, target, ct_vector_int(times), lengths, .reduction = CT_SUM);
        const double all = count(ct_data(x), (int)times, rows[i].target, length, share);
        assert_near(ct_item(loss), -log(all), 1e-12);
        assert_true(ct_backward(loss));
        const double *g = ct_data(ct_gradient(x)), *log_p = ct_data(x);
        for (int64_t t = 0; t < times; t++)
            for (int64_t k = 0; k < CLASSES; k++)
                assert_near(g[t * CLASSES + k], exp(log_p[t * CLASSES + k]) - share[t][k] / all, 1e-12);
    }
    assert_fine();
}

static ct_tensor *log_probabilities(void)       /* (5, 2, 4) */
{
    double x[40];
    for (int i = 0; i < 40; i++)
        x[i] = i * 7 % 11 / 4.0;
    return ct_require_grad(ct_detach(ct_log_softmax(ct_from_array(x, 5, 2, 4), -1)), true);
}

static void test_ctc_gives_the_numbers_of_pytorch(void **state)
{
    (void)state;
    ct_tensor *x = log_probabilities(), *target = ct_reshape(ct_vector_int(1, 2, 3, 3), 2, 2), *row = ct_vector_int(1, 2, 3, 3);
    ct_tensor *times = ct_vector_int(5, 4), *lengths = ct_vector_int(2, 2);
    assert_near_values(ct_ctc(x, target, times, lengths, .reduction = CT_NONE), 1e-12, 2.578595013701775, 3.533586968412729);
    assert_near_values(ct_ctc(x, row, times, lengths, .reduction = CT_SUM), 1e-12, 6.112181982114503);
    ct_tensor *mean = ct_ctc(x, target, times, lengths);
    assert_near_values(mean, 1e-12, 1.5280454955286258);
    assert_near_values(ct_slice(ct_grad(mean, x), "0"), 1e-12, -0.027624112564290718, -0.14217056222955726, 0.025137625843931165, 0.1446570489499171,
                       0.003781378262539166, 0.021570534162385146, 0.12412985361373462, -0.14948176603865898);
    ct_tensor *last = ct_slice(ct_grad(ct_ctc(x, target, times, lengths), x), "4, 1"); /* past the second input's length */
    assert_values(last, 0, 0, 0, 0);
}

static void test_ctc_has_no_second_derivative_and_says_so(void **state)
{
    (void)state;
    ct_tensor *x = log_probabilities(), *target = ct_reshape(ct_vector_int(1, 2, 3, 3), 2, 2);
    ct_tensor *loss = ct_ctc(x, target, ct_vector_int(5, 4), ct_vector_int(2, 2)), *g = ct_grad(loss, x, .create_graph = true);
    assert_non_null(g);
    assert_null(ct_grad(ct_sum(ct_square(g)), x));
    assert_error("ctc: has no second derivative");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_ctc_is_the_sum_over_all_alignments),
        TEST(test_ctc_gives_the_numbers_of_pytorch),
        TEST(test_ctc_has_no_second_derivative_and_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
