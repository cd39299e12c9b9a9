/* op_cases_loss.c - rows of losses and of the distances that some are made of. */
#include "op_cases.h"

#define CLASS_LOSS_CASES(name)                                                                                           \
    CASE(ct_##name(in[0], in[1]), .shapes = {SIZES(3, 4), SIZES(3)}, .kinds = "fi", .smooth = true);                     \
    CASE(ct_##name(in[0], in[1], .reduction = CT_SUM), .shapes = {SIZES(3, 4), SIZES(3)}, .kinds = "fi", .smooth = true); \
    CASE(ct_##name(in[0], in[1], .reduction = CT_NONE), .shapes = {SIZES(2, 4, 2), SIZES(2, 2)}, .kinds = "fi", .smooth = true); \
    CASE(ct_##name(in[0], in[1]), .shapes = {SIZES(2, 4, 1, 2), SIZES(2, 1, 2)}, .kinds = "fi", .smooth = true);         \
    CASE(ct_##name(in[0], in[1]), .shapes = {SIZES(4), SCALAR}, .kinds = "fi", .smooth = true);                          \
    CASE(ct_##name(in[0], in[1], .reduction = CT_NONE), .shapes = {SIZES(4), SCALAR}, .kinds = "fi", .smooth = true);    \
    CASE(ct_##name(in[0], in[1]), .shapes = {SIZES(0, 4), SIZES(0)}, .kinds = "fi", .expect = LIST(NAN), .no_gradcheck = "NaN");                \
    CASE(ct_##name(in[0], in[1], .reduction = CT_SUM), .shapes = {SIZES(0, 4), SIZES(0)}, .kinds = "fi", .expect = LIST(0)); \
    CASE(ct_##name(in[0], in[1], .reduction = CT_NONE), .shapes = {SIZES(0, 4), SIZES(0)}, .kinds = "fi");               \
    CASE(ct_##name(in[0], in[1]), .shapes = {SIZES(921, 11), SIZES(921)}, .kinds = "fi", .range = {{0, 0}, {0, 10}});    \
    CASE(ct_##name(in[0], in[1], .reduction = CT_NONE), .shapes = {SIZES(3, 5001), SIZES(3)}, .kinds = "fi", .range = {{0, 0}, {0, 5000}}); \
    REFUSED(0, #name ": target 4 at index 2 is not in [0, 4)", ct_##name(in[0], in[1]), .shapes = {SIZES(3, 4), SIZES(3)}, .kinds = "fi", .values = {{0, {0}}, LIST(0, 3, 4)}); \
    REFUSED(0, "target -1 at index 0", ct_##name(in[0], in[1]), .shapes = {SIZES(3, 4), SIZES(3)}, .kinds = "fi", .values = {{0, {0}}, LIST(-1, 3, 4)}); \
    REFUSED(0, "want (N, C, ...)", ct_##name(in[0], in[1]), .shapes = {SIZES(3, 4), SIZES(4)}, .kinds = "fi");           \
    REFUSED(0, "int64 class indices", ct_##name(in[0], in[1]), .shapes = {SIZES(3, 4), SIZES(3)}, .kinds = "ff");        \
    REFUSED(0, "no classes", ct_##name(in[0], in[1]), .shapes = {SIZES(3, 0), SIZES(3)}, .kinds = "fi");                 \
    REFUSED(0, "reduction 7, want CT_MEAN, CT_SUM or CT_NONE", ct_##name(in[0], in[1], .reduction = (ct_reduction)7), .shapes = {SIZES(3, 4), SIZES(3)}, .kinds = "fi")

OP_CASES(cross_entropy)
{
    CLASS_LOSS_CASES(cross_entropy);
    CASE(ct_cross_entropy(in[0], in[1]), .shapes = {SIZES(2, 2), SIZES(2)}, .kinds = "fi", .values = {LIST(1000, 1000, -1000, -1000), LIST(0, 1)},
         .expect = LIST(0.69314718055994531), .smooth = false);
}

OP_CASES(nll)
{
    CLASS_LOSS_CASES(nll);
    CASE(ct_nll(in[0], in[1], .reduction = CT_NONE), .shapes = {SIZES(2, 2), SIZES(2)}, .kinds = "fi", .values = {LIST(-1, -2, -3, -4), LIST(1, 0)}, .expect = LIST(2, 3));
}

OP_CASES(binary_cross_entropy)
{
    CASE(ct_binary_cross_entropy(in[0], in[1]), .shapes = {SIZES(2, 3), SIZES(2, 3)}, .range = {{0.1, 0.9}, {0.2, 0.8}}, .smooth = true);
    CASE(ct_binary_cross_entropy(in[0], in[1], .reduction = CT_SUM), .shapes = {SIZES(3), SIZES(3)}, .range = {{0.1, 0.9}, {0.2, 0.8}}, .smooth = true);
    CASE(ct_binary_cross_entropy(in[0], in[1], .reduction = CT_NONE), .shapes = {SIZES(3), SIZES(3)}, .range = {{0.1, 0.9}, {0.2, 0.8}}, .smooth = true);
    CASE(ct_binary_cross_entropy(in[0], in[1]), .shapes = {SCALAR, SCALAR}, .range = {{0.1, 0.9}, {0.2, 0.8}}, .smooth = true);
    CASE(ct_binary_cross_entropy(in[0], in[1]), .shapes = {SIZES(0), SIZES(0)}, .expect = LIST(NAN), .no_gradcheck = "NaN");
    CASE(ct_binary_cross_entropy(in[0], in[1], .reduction = CT_SUM), .shapes = {SIZES(0), SIZES(0)}, .expect = LIST(0));
    CASE(ct_binary_cross_entropy(in[0], in[1], .reduction = CT_NONE), .shapes = {SIZES(93, 101), SIZES(93, 101)}, .range = {{0.1, 0.9}, {0.2, 0.8}});
    CASE(ct_binary_cross_entropy(in[0], in[1]), .shapes = {SIZES(3), SIZES(3)}, .kinds = "fb", .range = {{0.1, 0.9}}, .smooth = true);
    CASE(ct_binary_cross_entropy(in[0], in[1], .reduction = CT_NONE), .shapes = {SIZES(4), SIZES(4)}, .values = {LIST(0, 1, 0, 1), LIST(0, 1, 1, 0)},
         .expect = LIST(0, 0, 100, 100), .no_gradcheck = "at the ends of [0, 1]", .no_same = "another expectation", .no_float32 = "1e-12 is lost beside 1");
    CASE(ct_binary_cross_entropy(in[0], in[1], .weight = in[2]), .shapes = {SIZES(2, 3), SIZES(2, 3), SIZES(3)}, .range = {{0.1, 0.9}, {0.2, 0.8}, {0.5, 2}}, .smooth = true);
    CASE(ct_binary_cross_entropy(in[0], in[1], .weight = in[2]), .shapes = {SIZES(4), SIZES(4), SIZES(4)}, .values = {LIST(0.5, 0.25, 0.75, 0.1), LIST(0.25, 0.75, 0.5, 0.9), LIST(1, 0.5, 2, 3)},
         .expect = LIST(2.2928830410973298), .no_same = "another expectation");
    REFUSED(0, "the weight (2) does not broadcast to the input (3)", ct_binary_cross_entropy(in[0], in[1], .weight = in[2]), .shapes = {SIZES(3), SIZES(3), SIZES(2)}, .range = {{0.1, 0.9}, {0.2, 0.8}, {0.5, 2}});
    REFUSED(0, "outside [0, 1]", ct_binary_cross_entropy(in[0], in[1]), .shapes = {SIZES(2), SIZES(2)}, .values = {LIST(0.5, 1.5), LIST(0, 1)});
    REFUSED(0, "differ", ct_binary_cross_entropy(in[0], in[1]), .shapes = {SIZES(2, 3), SIZES(3)}, .range = {{0.1, 0.9}, {0, 1}});
}

/* ---- Classes, with options --------------------------------------------------------------------------------------------------- */
static ct_tensor *weights(double first, double second, double third, double fourth) /* for as many classes as there are numbers above 0 */
{
    const double w[] = {first, second, third, fourth};
    return (ct_vector)(w, fourth > 0 ? 4 : 3, CT_FLOAT64);
}
#define WEIGHTS weights(0.5, 1, 3, 2)
#define THREE weights(0.5, 1, 3, 0)
#define THREE_ROWS LIST(1, 2, 0, -1, 0, 1, 0.5, 0.5, 2)

OP_CASES(cross_entropy_weighted)
{
    CASE(ct_cross_entropy(in[0], in[1], .weight = WEIGHTS), .shapes = {SIZES(3, 4), SIZES(3)}, .kinds = "fi", .smooth = true);
    CASE(ct_cross_entropy(in[0], in[1], .ignore_index = 2), .shapes = {SIZES(3, 4, 2), SIZES(3, 2)}, .kinds = "fi", .smooth = true);
    CASE(ct_cross_entropy(in[0], in[1], .label_smoothing = 0.3), .shapes = {SIZES(2, 4, 2), SIZES(2, 2)}, .kinds = "fi", .smooth = true);
    CASE(ct_cross_entropy(in[0], in[1], .weight = WEIGHTS, .ignore_index = 1, .label_smoothing = 0.3, .reduction = CT_SUM), .shapes = {SIZES(5, 4), SIZES(5)}, .kinds = "fi", .smooth = true);
    CASE(ct_cross_entropy(in[0], in[1], .weight = WEIGHTS), .shapes = {SIZES(4), SCALAR}, .kinds = "fi", .smooth = true);
    CASE(ct_cross_entropy(in[0], in[1], .weight = WEIGHTS, .reduction = CT_NONE), .shapes = {SIZES(0, 4), SIZES(0)}, .kinds = "fi", .smooth = true);
    CASE(ct_cross_entropy(in[0], in[1], .weight = WEIGHTS, .label_smoothing = 0.1), .shapes = {SIZES(3001, 4), SIZES(3001)}, .kinds = "fi");
    CASE(ct_nll(in[0], in[1], .weight = WEIGHTS, .ignore_index = 0), .shapes = {SIZES(3, 4), SIZES(3)}, .kinds = "fi", .smooth = true);
    CASE(ct_nll(in[0], in[1], .weight = WEIGHTS, .reduction = CT_NONE), .shapes = {SIZES(2, 4, 2), SIZES(2, 2)}, .kinds = "fi", .smooth = true);
    CASE(ct_cross_entropy(in[0], in[1], .weight = THREE, .ignore_index = -1, .label_smoothing = 0.2, .reduction = CT_NONE), .shapes = {SIZES(3, 3), SIZES(3)}, .kinds = "fi",
         .values = {THREE_ROWS, LIST(2, -1, 0)}, .expect = LIST(6.333869437333162, 0, 1.0082867947809206));
    CASE(ct_cross_entropy(in[0], in[1], .weight = THREE, .ignore_index = -1, .label_smoothing = 0.2), .shapes = {SIZES(3, 3), SIZES(3)}, .kinds = "fi",
         .values = {THREE_ROWS, LIST(2, -1, 0)}, .expect = LIST(2.0977589234611664));
    CASE(ct_cross_entropy(in[0], in[1], .ignore_index = -1), .shapes = {SIZES(3, 3), SIZES(3)}, .kinds = "fi", .values = {THREE_ROWS, LIST(2, -1, 0)}, .expect = LIST(2.1382935499228477));
    CASE(ct_cross_entropy(in[0], in[1], .ignore_index = -1, .label_smoothing = 0.3), .shapes = {SIZES(3, 3), SIZES(3)}, .kinds = "fi",
         .values = {THREE_ROWS, LIST(2, -1, 0)}, .expect = LIST(1.9132935499228476));
    CASE(ct_nll(in[0], in[1], .weight = THREE, .ignore_index = -1), .shapes = {SIZES(3, 3), SIZES(3)}, .kinds = "fi", .values = {THREE_ROWS, LIST(2, -1, 0)}, .expect = LIST(-0.25 / 3.5));
    REFUSED(0, "want one for each of 3 classes", ct_cross_entropy(in[0], in[1], .weight = WEIGHTS), .shapes = {SIZES(2, 3), SIZES(2)}, .kinds = "fi");
    REFUSED(0, "the weight wants a gradient", ct_nll(in[0], in[1], .weight = in[2]), .shapes = {SIZES(2, 3), SIZES(2), SIZES(3)}, .kinds = "fif", .range = {{0, 0}, {0, 2}});
    REFUSED(0, "label_smoothing 1.5 is not in [0, 1]", ct_cross_entropy(in[0], in[1], .label_smoothing = 1.5), .shapes = {SIZES(2, 4), SIZES(2)}, .kinds = "fi");
    REFUSED(0, "target -1 at index 0", ct_cross_entropy(in[0], in[1], .ignore_index = 9), .shapes = {SIZES(2, 4), SIZES(2)}, .kinds = "fi", .values = {{0, {0}}, LIST(-1, 9)});
}

OP_CASES(cross_entropy_of_probabilities)
{
    CASE(ct_cross_entropy(in[0], in[1]), .shapes = {SIZES(3, 4), SIZES(3, 4)}, .smooth = true);
    CASE(ct_cross_entropy(in[0], in[1], .weight = WEIGHTS, .label_smoothing = 0.2, .reduction = CT_NONE), .shapes = {SIZES(2, 4, 2), SIZES(2, 4, 2)}, .smooth = true);
    CASE(ct_cross_entropy(in[0], in[1], .reduction = CT_SUM), .shapes = {SIZES(4), SIZES(4)}, .smooth = true);
    CASE(ct_cross_entropy(in[0], in[1], .reduction = CT_NONE), .shapes = {SIZES(0, 4), SIZES(0, 4)}, .smooth = true);
    CASE(ct_cross_entropy(in[0], in[1]), .shapes = {SIZES(93, 101), SIZES(93, 101)}, .tolerance = 1e-4);
    CASE(ct_cross_entropy(in[0], in[1], .weight = THREE, .label_smoothing = 0.2), .shapes = {SIZES(3, 3), SIZES(3, 3)},
         .values = {THREE_ROWS, LIST(0.2, 0.3, 0.5, 1, 0, 0, 0.1, 0.1, 0.8)}, .expect = LIST(2.022416517968528), .no_same = "another expectation");
    REFUSED(ZERO_D, "probabilities of the input's shape", ct_cross_entropy(in[0], in[1]), .shapes = {SCALAR, SCALAR});
    REFUSED(0, "no meaning for a target of probabilities", ct_cross_entropy(in[0], in[1], .ignore_index = 1), .shapes = {SIZES(3, 4), SIZES(3, 4)});
}

/* ---- Pairs -------------------------------------------------------------------------------------------------------------------- */
#define PAIR_LOSS_CASES(name, ...)                                                                                       \
    CASE(ct_##name(in[0], in[1]), .shapes = {SIZES(2, 3), SIZES(2, 3)}, .smooth = true, __VA_ARGS__);                    \
    CASE(ct_##name(in[0], in[1], .reduction = CT_SUM), .shapes = {SIZES(3), SIZES(3)}, .smooth = true, __VA_ARGS__);     \
    CASE(ct_##name(in[0], in[1], .reduction = CT_NONE), .shapes = {SIZES(2, 1, 3), SIZES(2, 1, 3)}, .smooth = true, __VA_ARGS__); \
    CASE(ct_##name(in[0], in[1]), .shapes = {SCALAR, SCALAR}, .smooth = true, __VA_ARGS__);                              \
    CASE(ct_##name(in[0], in[1]), .shapes = {SIZES(0), SIZES(0)}, .expect = LIST(NAN), .no_gradcheck = "NaN", __VA_ARGS__); \
    CASE(ct_##name(in[0], in[1], .reduction = CT_SUM), .shapes = {SIZES(0, 2), SIZES(0, 2)}, .expect = LIST(0), __VA_ARGS__); \
    CASE(ct_##name(in[0], in[1], .reduction = CT_NONE), .shapes = {SIZES(93, 101), SIZES(93, 101)}, __VA_ARGS__);        \
    REFUSED(0, #name ": input (2, 3) and target (3) differ", ct_##name(in[0], in[1]), .shapes = {SIZES(2, 3), SIZES(3)}); \
    REFUSED(0, #name ": the input is int64", ct_##name(in[0], in[1]), .shapes = {SIZES(3), SIZES(3)}, .kinds = "if");    \
    REFUSED(0, #name ": reduction 7, want", ct_##name(in[0], in[1], .reduction = (ct_reduction)7), .shapes = {SIZES(3), SIZES(3)})
#define FOUR LIST(0.5, -1.25, 2, 0.1)
#define OTHER_FOUR LIST(0.25, 0.75, 0.5, 0.9)
#define EXPECT_OF_FOUR(expression, ...) \
    CASE_AS_(#expression, expression, .shapes = {SIZES(4), SIZES(4)}, .values = {FOUR, OTHER_FOUR}, .no_same = "another expectation", .expect = LIST(__VA_ARGS__))

OP_CASES(l1)
{
    PAIR_LOSS_CASES(l1, .no_same = "a kink");
    EXPECT_OF_FOUR(ct_l1(in[0], in[1]), 1.1375);
    REFUSED(0, "l1: reduction 3, want", ct_l1(in[0], in[1], .reduction = CT_BATCH_MEAN), .shapes = {SIZES(3), SIZES(3)});
}

OP_CASES(smooth_l1)
{
    PAIR_LOSS_CASES(smooth_l1, .no_same = "a kink");
    EXPECT_OF_FOUR(ct_smooth_l1(in[0], in[1], .beta = 0.5, .reduction = CT_NONE), 0.0625, 1.75, 1.25, 0.55);
    EXPECT_OF_FOUR(ct_smooth_l1(in[0], in[1], .beta = 0), 1.1375);
    REFUSED(0, "smooth_l1: beta -1", ct_smooth_l1(in[0], in[1], .beta = -1), .shapes = {SIZES(3), SIZES(3)});
}

OP_CASES(huber)
{
    PAIR_LOSS_CASES(huber, .no_same = "a kink");
    EXPECT_OF_FOUR(ct_huber(in[0], in[1], .delta = 0.5, .reduction = CT_NONE), 0.03125, 0.875, 0.625, 0.275);
    REFUSED(0, "huber: delta 0", ct_huber(in[0], in[1], .delta = 0), .shapes = {SIZES(3), SIZES(3)});
}

OP_CASES(hinge)
{
    PAIR_LOSS_CASES(hinge, .no_same = NULL);
    CASE(ct_hinge(in[0], in[1], .reduction = CT_NONE), .shapes = {SIZES(3), SIZES(3)}, .values = {LIST(0.5, -1.25, 2), LIST(1, 1, 1)}, .expect = LIST(0.5, 2.25, 0), .no_same = "another expectation");
}

OP_CASES(kl_div)
{
    PAIR_LOSS_CASES(kl_div, .range = {{-3, -0.1}, {0.1, 0.9}}, .no_same = "another range");
    CASE(ct_kl_div(in[0], in[1], .log_target = true), .shapes = {SIZES(2, 3), SIZES(2, 3)}, .smooth = true);
    CASE(ct_kl_div(in[0], in[1], .reduction = CT_BATCH_MEAN), .shapes = {SIZES(2, 3), SIZES(2, 3)}, .range = {{-3, -0.1}, {0.1, 0.9}}, .no_same = "another range", .smooth = true);
    EXPECT_OF_FOUR(ct_kl_div(in[0], in[1], .reduction = CT_NONE), -0.47157359027997264, 0.7217384456611643, -1.3465735902799727, -0.18482446409204367);
    EXPECT_OF_FOUR(ct_kl_div(in[0], in[1], .reduction = CT_NONE, .log_target = true), -0.32100635417193535, 4.23400003322535, -2.4730819060501923, 1.96768248892556);
    EXPECT_OF_FOUR(ct_kl_div(ct_reshape(in[0], 2, 2), ct_reshape(in[1], 2, 2), .reduction = CT_BATCH_MEAN), -0.6406165994954123);
    REFUSED(0, "no batch", ct_kl_div(in[0], in[1], .reduction = CT_BATCH_MEAN), .shapes = {SCALAR, SCALAR});
}

OP_CASES(poisson_nll)
{
    PAIR_LOSS_CASES(poisson_nll, .no_same = NULL);
    CASE(ct_poisson_nll(in[0], in[1], .log_input = false, .full = true, .eps = 0.01), .shapes = {SIZES(2, 3), SIZES(2, 3)}, .range = {{0.2, 3}, {0, 5}}, .no_same = "another range", .smooth = true);
    EXPECT_OF_FOUR(ct_poisson_nll(in[0], in[1], .reduction = CT_NONE), 1.5237212707001282, 1.2240047968601901, 6.38905609893065, 1.0151709180756476);
    CASE(ct_poisson_nll(in[0], in[1], .log_input = false, .full = true, .reduction = CT_NONE), .shapes = {SIZES(4), SIZES(4)}, .values = {LIST(0.5, 1, 2, 3), LIST(0, 1, 2, 5)},
         .expect = LIST(0.5, 0.9999999900000001, 1.2655121134846454, 2.27778559158501), .no_same = "another expectation", .no_gradcheck = "a step at 1");
}

OP_CASES(gaussian_nll)
{
    CASE(ct_gaussian_nll(in[0], in[1], in[2]), .shapes = {SIZES(2, 3), SIZES(2, 3), SIZES(2, 3)}, .range = {{0, 0}, {0, 0}, {0.2, 3}}, .smooth = true);
    CASE(ct_gaussian_nll(in[0], in[1], in[2], .full = true, .reduction = CT_NONE), .shapes = {SIZES(2, 3), SIZES(2, 3), SIZES(2, 1)}, .range = {{0, 0}, {0, 0}, {0.2, 3}}, .smooth = true);
    CASE(ct_gaussian_nll(in[0], in[1], in[2], .reduction = CT_SUM), .shapes = {SIZES(2, 3), SIZES(2, 3), SIZES(2)}, .range = {{0, 0}, {0, 0}, {0.2, 3}}, .smooth = true);
    CASE(ct_gaussian_nll(in[0], in[1], in[2]), .shapes = {SCALAR, SCALAR, SCALAR}, .range = {{0, 0}, {0, 0}, {0.2, 3}}, .smooth = true);
    CASE(ct_gaussian_nll(in[0], in[1], in[2], .reduction = CT_NONE), .shapes = {SIZES(0, 3), SIZES(0, 3), SIZES(0, 3)});
    CASE(ct_gaussian_nll(in[0], in[1], in[2], .reduction = CT_NONE), .shapes = {SIZES(93, 101), SIZES(93, 101), SIZES(93, 101)}, .range = {{0, 0}, {0, 0}, {0.2, 3}});
    CASE(ct_gaussian_nll(in[0], in[1], in[2], .full = true, .reduction = CT_NONE), .shapes = {SIZES(4), SIZES(4), SIZES(4)}, .values = {FOUR, OTHER_FOUR, LIST(0.5, 2, 1e-9, 0.25)},
         .expect = LIST(0.6348649429247, 2.2655121234846454, 1124994.0111832542, 1.5057913526447275), .no_same = "another expectation", .no_gradcheck = "the variance is clamped", .tolerance = 1e-4);
    REFUSED(0, "want the same shape", ct_gaussian_nll(in[0], in[1], in[2]), .shapes = {SIZES(2, 3), SIZES(2, 3), SIZES(3)});
    REFUSED(0, "below 0", ct_gaussian_nll(in[0], in[1], in[2]), .shapes = {SIZES(2), SIZES(2), SIZES(2)}, .values = {{0, {0}}, {0, {0}}, LIST(1, -1)});
    REFUSED(0, "gaussian_nll: eps 0", ct_gaussian_nll(in[0], in[1], in[2], .eps = 0), .shapes = {SIZES(2), SIZES(2), SIZES(2)});
}

OP_CASES(binary_cross_entropy_with_logits)
{
    PAIR_LOSS_CASES(binary_cross_entropy_with_logits, .no_same = NULL);
    CASE(ct_binary_cross_entropy_with_logits(in[0], in[1], .weight = in[2], .pos_weight = in[3]), .shapes = {SIZES(2, 3), SIZES(2, 3), SIZES(2, 1), SIZES(3)}, .smooth = true);
    CASE(ct_binary_cross_entropy_with_logits(in[0], in[1], .weight = in[2], .pos_weight = in[3], .reduction = CT_NONE), .shapes = {SIZES(4), SIZES(4), SIZES(4), SIZES(4)},
         .values = {FOUR, OTHER_FOUR, LIST(1, 0.5, 2, 3), LIST(2, 1, 0.5, 3)}, .expect = LIST(0.9675962302251333, 0.5947145406726865, 2.190392016564459, 5.442931944617995), .no_same = "another expectation");
    REFUSED(0, "the weight (2) does not broadcast to the input (2, 3)", ct_binary_cross_entropy_with_logits(in[0], in[1], .weight = in[2]), .shapes = {SIZES(2, 3), SIZES(2, 3), SIZES(2)});
    REFUSED(0, "the pos_weight (3, 1) does not broadcast", ct_binary_cross_entropy_with_logits(in[0], in[1], .pos_weight = in[2]), .shapes = {SIZES(3), SIZES(3), SIZES(3, 1)});
}

/* ---- Ranking ------------------------------------------------------------------------------------------------------------------- */
#define SIGNS(x) ct_sub(ct_mul(x, 2), 1) /* of integers 0 and 1 */

OP_CASES(hinge_embedding)
{
    CASE(ct_hinge_embedding(in[0], SIGNS(in[1])), .shapes = {SIZES(2, 3), SIZES(2, 3)}, .kinds = "fi", .range = {{0, 0}, {0, 1}}, .smooth = true);
    CASE(ct_hinge_embedding(in[0], SIGNS(in[1]), .reduction = CT_SUM), .shapes = {SCALAR, SCALAR}, .kinds = "fi", .range = {{0, 0}, {0, 1}}, .smooth = true);
    CASE(ct_hinge_embedding(in[0], SIGNS(in[1]), .reduction = CT_NONE), .shapes = {SIZES(0, 2), SIZES(0, 2)}, .kinds = "fi");
    CASE(ct_hinge_embedding(in[0], SIGNS(in[1]), .reduction = CT_NONE), .shapes = {SIZES(93, 101), SIZES(93, 101)}, .kinds = "fi", .range = {{0, 0}, {0, 1}});
    CASE(ct_hinge_embedding(in[0], in[1], .margin = 0.5, .reduction = CT_NONE), .shapes = {SIZES(4), SIZES(4)}, .kinds = "fi", .values = {FOUR, LIST(1, -1, -1, 1)}, .expect = LIST(0.5, 1.75, 0, 0.1));
    REFUSED(0, "differ", ct_hinge_embedding(in[0], in[1]), .shapes = {SIZES(2, 3), SIZES(3)});
}

OP_CASES(margin_ranking)
{
    CASE(ct_margin_ranking(in[0], in[1], in[2]), .shapes = {SIZES(2, 3), SIZES(2, 3), SIZES(2, 3)}, .no_same = "a kink", .smooth = true);
    CASE(ct_margin_ranking(in[0], in[1], in[2], .reduction = CT_SUM), .shapes = {SCALAR, SCALAR, SCALAR}, .no_same = "a kink", .smooth = true);
    CASE(ct_margin_ranking(in[0], in[1], in[2], .reduction = CT_NONE), .shapes = {SIZES(0), SIZES(0), SIZES(0)});
    CASE(ct_margin_ranking(in[0], in[1], in[2], .reduction = CT_NONE), .shapes = {SIZES(93, 101), SIZES(93, 101), SIZES(93, 101)}, .no_same = "a kink");
    CASE(ct_margin_ranking(in[0], in[1], in[2], .margin = 0.5, .reduction = CT_NONE), .shapes = {SIZES(4), SIZES(4), SIZES(4)}, .values = {FOUR, OTHER_FOUR, LIST(1, -1, -1, 1)},
         .expect = LIST(0.25, 0, 2, 1.3), .no_same = "another expectation");
    REFUSED(0, "differ", ct_margin_ranking(in[0], in[1], in[2]), .shapes = {SIZES(2, 3), SIZES(2, 3), SIZES(3)});
}

#define ROWS_A LIST(1, 2, 3, 0, -1, 0.5)
#define ROWS_B LIST(0.5, -1, 2, 1, 1, 1)
OP_CASES(cosine_embedding)
{
    CASE(ct_cosine_embedding(in[0], in[1], SIGNS(in[2])), .shapes = {SIZES(3, 4), SIZES(3, 4), SIZES(3)}, .kinds = "ffi", .range = {{0, 0}, {0, 0}, {0, 1}}, .no_same = "a kink", .smooth = true);
    CASE(ct_cosine_embedding(in[0], in[1], SIGNS(in[2]), .margin = 0.2, .reduction = CT_SUM), .shapes = {SIZES(4), SIZES(4), SCALAR}, .kinds = "ffi", .range = {{0, 0}, {0, 0}, {0, 1}}, .no_same = "a kink", .smooth = true);
    CASE(ct_cosine_embedding(in[0], in[1], SIGNS(in[2]), .reduction = CT_NONE), .shapes = {SIZES(0, 4), SIZES(0, 4), SIZES(0)}, .kinds = "ffi");
    CASE(ct_cosine_embedding(in[0], in[1], SIGNS(in[2]), .reduction = CT_NONE), .shapes = {SIZES(93, 101), SIZES(93, 101), SIZES(93)}, .kinds = "ffi", .range = {{0, 0}, {0, 0}, {0, 1}}, .no_same = "a kink",
         .tolerance = 1e-4);
    CASE(ct_cosine_embedding(in[0], in[1], in[2], .margin = -0.9, .reduction = CT_NONE), .shapes = {SIZES(2, 3), SIZES(2, 3), SIZES(2)}, .kinds = "ffi", .values = {ROWS_A, ROWS_B, LIST(1, -1)},
         .expect = LIST(0.4751093408322449, 0.6418011102529853), .no_same = "another expectation");
    REFUSED(0, "want (N, D) and (N)", ct_cosine_embedding(in[0], in[1], in[2]), .shapes = {SIZES(3, 4), SIZES(3, 4), SIZES(4)});
}

OP_CASES(triplet_margin)
{
    CASE(ct_triplet_margin(in[0], in[1], in[2], .margin = 5), .shapes = {SIZES(3, 4), SIZES(3, 4), SIZES(3, 4)}, .no_same = "a kink", .smooth = true);
    CASE(ct_triplet_margin(in[0], in[1], in[2], .margin = 5, .p = 3, .swap = true, .reduction = CT_SUM), .shapes = {SIZES(4), SIZES(4), SIZES(4)}, .no_same = "a kink", .smooth = true);
    CASE(ct_triplet_margin(in[0], in[1], in[2], .reduction = CT_NONE), .shapes = {SIZES(0, 4), SIZES(0, 4), SIZES(0, 4)});
    CASE(ct_triplet_margin(in[0], in[1], in[2], .margin = 5, .reduction = CT_NONE), .shapes = {SIZES(93, 101), SIZES(93, 101), SIZES(93, 101)}, .no_same = "a kink", .tolerance = 1e-4);
    CASE(ct_triplet_margin(in[0], in[1], in[2], .margin = 4, .reduction = CT_NONE), .shapes = {SIZES(2, 3), SIZES(2, 3), SIZES(2, 3)}, .values = {ROWS_A, LIST(1, 1.5, 3, 0, 1, 0), ROWS_B},
         .expect = LIST(1.2984374757215589, 3.770265765249721), .no_same = "another expectation");
    CASE(ct_triplet_margin(in[0], in[1], in[2], .margin = 3, .swap = true, .reduction = CT_NONE), .shapes = {SIZES(2, 3), SIZES(2, 3), SIZES(2, 3)}, .values = {ROWS_A, ROWS_B, LIST(1, 1.5, 3, 0, 1, 0)},
         .expect = LIST(5.701562524278441, 3.877071343365823), .no_same = "another expectation");
    REFUSED(ZERO_D, "want a margin above 0", ct_triplet_margin(in[0], in[1], in[2]), .shapes = {SCALAR, SCALAR, SCALAR});
    REFUSED(0, "margin 0", ct_triplet_margin(in[0], in[1], in[2], .margin = 0), .shapes = {SIZES(2), SIZES(2), SIZES(2)});
    REFUSED(0, "p -1", ct_triplet_margin(in[0], in[1], in[2], .p = -1), .shapes = {SIZES(2), SIZES(2), SIZES(2)});
}

OP_CASES(multi_margin)
{
    CASE(ct_multi_margin(in[0], in[1]), .shapes = {SIZES(3, 4), SIZES(3)}, .kinds = "fi", .no_layouts = "margins of exactly 1 in equal rows", .smooth = true);
    CASE(ct_multi_margin(in[0], in[1], .p = 2, .margin = 0.7, .weight = WEIGHTS, .reduction = CT_NONE), .shapes = {SIZES(3, 4), SIZES(3)}, .kinds = "fi", .smooth = true);
    CASE(ct_multi_margin(in[0], in[1], .margin = 0.7, .reduction = CT_NONE), .shapes = {SIZES(4), SCALAR}, .kinds = "fi", .smooth = true);
    CASE(ct_multi_margin(in[0], in[1], .reduction = CT_SUM), .shapes = {SIZES(0, 4), SIZES(0)}, .kinds = "fi");
    CASE(ct_multi_margin(in[0], in[1], .margin = 0.7), .shapes = {SIZES(3001, 4), SIZES(3001)}, .kinds = "fi");
    CASE(ct_multi_margin(in[0], in[1], .reduction = CT_NONE), .shapes = {SIZES(2, 4), SIZES(2)}, .kinds = "fi", .values = {LIST(0.1, 0.2, 0.4, 0.8, 1, -1, 0.5, 0), LIST(3, 1)}, .expect = LIST(0.325, 1.875));
    CASE(ct_multi_margin(in[0], in[1], .p = 2, .margin = 0.5, .weight = weights(1, 0.5, 2, 3)), .shapes = {SIZES(2, 4), SIZES(2)}, .kinds = "fi",
         .values = {LIST(0.1, 0.2, 0.4, 0.8, 1, -1, 0.5, 0), LIST(3, 1)}, .expect = LIST(0.785));
    REFUSED(0, "multi_margin: p 3", ct_multi_margin(in[0], in[1], .p = 3), .shapes = {SIZES(2, 4), SIZES(2)}, .kinds = "fi");
    REFUSED(0, "want (N, C) or (C)", ct_multi_margin(in[0], in[1]), .shapes = {SIZES(2, 4, 2), SIZES(2, 2)}, .kinds = "fi");
    REFUSED(0, "target 4 at index 0", ct_multi_margin(in[0], in[1]), .shapes = {SIZES(1, 4), SIZES(1)}, .kinds = "fi", .values = {{0, {0}}, LIST(4)});
}

OP_CASES(normalize)
{
    CASE(ct_normalize(in[0]), .shapes = {SIZES(2, 3)}, .smooth = true);
    CASE(ct_normalize(in[0], .p = 3, .axis = 0), .shapes = {SIZES(3, 2)}, .smooth = true);
    CASE(ct_normalize(in[0], .p = 1, .axis = -1), .shapes = {SIZES(4)}, .smooth = true);
    CASE(ct_normalize(in[0], .axis = 0, .eps = 9), .shapes = {SIZES(4)}, .smooth = true);
    CASE(ct_normalize(in[0], .axis = 0), .shapes = {SCALAR}, .smooth = true);
    CASE(ct_normalize(in[0]), .shapes = {SIZES(2, 0)}, .smooth = true);
    CASE(ct_normalize(in[0]), .shapes = {SIZES(93, 101)});
    CASE(ct_normalize(in[0], .p = INFINITY), .shapes = {SIZES(2, 3)}, .values = {ROWS_A}, .expect = LIST(1 / 3.0, 2 / 3.0, 1, 0, -1, 0.5), .no_gradcheck = "a tie");
    CASE(ct_normalize(in[0], .p = 3), .shapes = {SIZES(2, 3)}, .values = {ROWS_A}, .expect = LIST(0.30285343213869, 0.60570686427738, 0.90856029641607, 0, -0.9614997135382722, 0.4807498567691361));
    CASE(ct_normalize(in[0]), .shapes = {SIZES(1, 2)}, .values = {LIST(0, 0)}, .expect = LIST(0, 0), .no_gradcheck = "1 / eps");
    REFUSED(0, "axis 1 is out of range", ct_normalize(in[0]), .shapes = {SIZES(4)});
}

OP_CASES(cosine_similarity)
{
    CASE(ct_cosine_similarity(in[0], in[1]), .shapes = {SIZES(2, 3), SIZES(2, 3)}, .smooth = true);
    CASE(ct_cosine_similarity(in[0], in[1], .axis = -2), .shapes = {SIZES(2, 3, 2), SIZES(3, 1)}, .smooth = true);
    CASE(ct_cosine_similarity(in[0], in[1], .axis = 0), .shapes = {SCALAR, SCALAR}, .smooth = true);
    CASE(ct_cosine_similarity(in[0], in[1]), .shapes = {SIZES(0, 3), SIZES(0, 3)});
    CASE(ct_cosine_similarity(in[0], in[1]), .shapes = {SIZES(93, 101), SIZES(93, 101)}, .tolerance = 1e-4);
    CASE(ct_cosine_similarity(in[0], in[1]), .shapes = {SIZES(2, 3), SIZES(2, 3)}, .values = {ROWS_A, ROWS_B}, .expect = LIST(0.524890659167824, -0.25819888974716115), .no_same = "another expectation");
    REFUSED(0, "do not broadcast", ct_cosine_similarity(in[0], in[1]), .shapes = {SIZES(2, 3), SIZES(2, 2)});
}

OP_CASES(pairwise_distance)
{
    CASE(ct_pairwise_distance(in[0], in[1]), .shapes = {SIZES(2, 3), SIZES(2, 3)}, .no_same = "a kink", .smooth = true);
    CASE(ct_pairwise_distance(in[0], in[1], .p = 1, .keepdims = true), .shapes = {SIZES(2, 1, 3), SIZES(4, 3)}, .smooth = true);
    CASE(ct_pairwise_distance(in[0], in[1], .p = 3), .shapes = {SIZES(3), SIZES(3)}, .no_same = "a kink", .smooth = true);
    CASE(ct_pairwise_distance(in[0], in[1]), .shapes = {SIZES(0, 3), SIZES(0, 3)});
    CASE(ct_pairwise_distance(in[0], in[1]), .shapes = {SIZES(93, 101), SIZES(93, 101)}, .no_same = "a kink", .tolerance = 1e-4);
    CASE(ct_pairwise_distance(in[0], in[1], .p = 3), .shapes = {SIZES(2, 3), SIZES(2, 3)}, .values = {ROWS_A, ROWS_B}, .expect = LIST(3.0411021060991463, 2.0896683959150666), .no_same = "another expectation");
    CASE(ct_pairwise_distance(in[0], in[1], .p = INFINITY), .shapes = {SIZES(2, 3), SIZES(2, 3)}, .values = {ROWS_A, ROWS_B}, .expect = LIST(3.000001, 1.999999), .no_same = "another expectation");
    REFUSED(ZERO_D, "no vectors", ct_pairwise_distance(in[0], in[1]), .shapes = {SCALAR, SCALAR});
}
