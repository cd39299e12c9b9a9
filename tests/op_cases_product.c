/* op_cases_product.c - rows of products and losses. */
#include "op_cases.h"

OP_CASES(matmul)
{
    CASE(ct_matmul(in[0], in[1]), .shapes = {SIZES(2, 3), SIZES(3, 2)}, .smooth = true);
    CASE(ct_matmul(in[0], in[1]), .shapes = {SIZES(3, 3), SIZES(3, 3)}, .smooth = true);
    CASE(ct_matmul(in[0], in[1]), .shapes = {SIZES(3), SIZES(3)}, .smooth = true);
    CASE(ct_matmul(in[0], in[1]), .shapes = {SIZES(3), SIZES(3, 2)}, .smooth = true);
    CASE(ct_matmul(in[0], in[1]), .shapes = {SIZES(2, 3), SIZES(3)}, .smooth = true);
    CASE(ct_matmul(in[0], in[1]), .shapes = {SIZES(2, 2, 3), SIZES(3)}, .smooth = true);
    CASE(ct_matmul(in[0], in[1]), .shapes = {SIZES(3), SIZES(2, 3, 2)}, .smooth = true);
    CASE(ct_matmul(in[0], in[1]), .shapes = {SIZES(2, 2, 3), SIZES(2, 3, 2)}, .smooth = true);
    CASE(ct_matmul(in[0], in[1]), .shapes = {SIZES(2, 1, 2, 3), SIZES(2, 3, 1)}, .smooth = true);
    CASE(ct_matmul(in[0], in[1]), .shapes = {SIZES(2, 2, 3), SIZES(3, 2)}, .smooth = true);
    CASE(ct_matmul(in[0], in[1]), .shapes = {SIZES(2, 3), SIZES(2, 3, 2)}, .smooth = true);
    CASE(ct_matmul(in[0], in[1]), .shapes = {SIZES(2, 0), SIZES(0, 3)}, .expect = LIST(0, 0, 0, 0, 0, 0), .smooth = true);
    CASE(ct_matmul(in[0], in[1]), .shapes = {SIZES(2, 3), SIZES(3, 0)}, .smooth = true);
    CASE(ct_matmul(in[0], in[1]), .shapes = {SIZES(0, 3), SIZES(3, 2)}, .smooth = true);
    CASE(ct_matmul(in[0], in[1]), .shapes = {SIZES(0, 2, 3), SIZES(3, 2)}, .smooth = true);
    CASE(ct_matmul(in[0], in[1]), .shapes = {SIZES(2, 2, 0), SIZES(2, 0, 2)}, .expect = LIST(0, 0, 0, 0, 0, 0, 0, 0), .smooth = true);
    CASE(ct_matmul(in[0], in[1]), .shapes = {SIZES(0), SIZES(0)}, .expect = LIST(0), .smooth = true);
    CASE(ct_matmul(in[0], in[1]), .shapes = {SIZES(93, 101), SIZES(101, 67)}, .tolerance = 1e-4);
    CASE(ct_matmul(in[0], in[1]), .shapes = {SIZES(5, 61, 31), SIZES(5, 31, 17)}, .tolerance = 1e-4);
    REFUSED(0, "the same for both", ct_matmul(in[0], in[1]), .shapes = {SIZES(2, 3), SIZES(3, 2)}, .kinds = "if");
    REFUSED(0, "the same for both", ct_matmul(ct_cast(in[0], CT_FLOAT32), in[1]), .shapes = {SIZES(2, 3), SIZES(3, 2)}, .no_float32 = "then they agree");
    REFUSED(ZERO_D, "at least one axis", ct_matmul(in[0], in[1]), .shapes = {SCALAR, SIZES(2, 2)});
    REFUSED(ZERO_D, "at least one axis", ct_matmul(in[0], in[1]), .shapes = {SIZES(2, 2), SCALAR});
    REFUSED(0, "matmul: (64, 784) x (128, 10): inner dimensions 784 and 128 differ", ct_matmul(in[0], in[1]), .shapes = {SIZES(64, 784), SIZES(128, 10)});
    REFUSED(0, "do not broadcast", ct_matmul(in[0], in[1]), .shapes = {SIZES(2, 1, 3), SIZES(3, 3, 1)});
    REFUSED(0, "want float32 or float64", ct_matmul(in[0], in[1]), .shapes = {SIZES(2, 3), SIZES(3, 1)}, .kinds = "ii");
}

#define LINEAR_CASES(activation_)                                                                                        \
    CASE(ct_linear(in[0], in[1], in[2], .activation = activation_), .shapes = {SIZES(2, 3), SIZES(4, 3), SIZES(4)}, .smooth = true); \
    CASE(ct_linear(in[0], in[1], NULL, .activation = activation_), .shapes = {SIZES(2, 2, 3), SIZES(4, 3)}, .smooth = true); \
    CASE(ct_linear(in[0], in[1], in[2], .activation = activation_), .shapes = {SIZES(3), SIZES(4, 3), SIZES(4)}, .smooth = true)
#define LINEAR_EDGES(activation_)                                                                                        \
    CASE(ct_linear(in[0], in[1], in[2], .activation = activation_), .shapes = {SIZES(0, 3), SIZES(4, 3), SIZES(4)}, .smooth = true); \
    CASE(ct_linear(in[0], in[1], in[2], .activation = activation_), .shapes = {SIZES(2, 0), SIZES(2, 0), SIZES(2)}, .values = {{0, {0}}, {0, {0}}, LIST(0.5, 2)}, \
         .expect = LIST(0.5, 2, 0.5, 2), .smooth = true);                                                                \
    CASE(ct_linear(in[0], in[1], in[2], .activation = activation_), .shapes = {SIZES(2, 3), SIZES(0, 3), SIZES(0)}, .smooth = true); \
    CASE(ct_linear(in[0], in[1], in[2], .activation = activation_), .shapes = {SIZES(2, 3), SIZES(1, 3), SIZES(1)}, .smooth = true); \
    CASE(ct_linear(in[0], in[1], in[2], .activation = activation_), .shapes = {SIZES(93, 101), SIZES(67, 101), SIZES(67)}, .tolerance = 1e-4); \
    REFUSED(ZERO_D, "want (..., in) and (out, in)", ct_linear(in[0], in[1], NULL, .activation = activation_), .shapes = {SCALAR, SIZES(2, 1)})

OP_CASES(linear)
{
    LINEAR_CASES(CT_IDENTITY);
    LINEAR_CASES(CT_GELU);
    LINEAR_CASES(CT_TANH);
    LINEAR_CASES(CT_SIGMOID);
    LINEAR_CASES(CT_SILU);
    LINEAR_EDGES(CT_IDENTITY);
    REFUSED(0, "want (out)", ct_linear(in[0], in[1], in[2]), .shapes = {SIZES(2, 3), SIZES(4, 3), SIZES(3)});
    REFUSED(0, "want (..., in)", ct_linear(in[0], in[1], NULL), .shapes = {SIZES(2, 3), SIZES(3, 4)});
    REFUSED(0, "no activation", ct_linear(in[0], in[1], NULL, .activation = (ct_activation)9), .shapes = {SIZES(2, 3), SIZES(4, 3)});
}

OP_CASES(linear_relu)
{
    LINEAR_CASES(CT_RELU);
    LINEAR_EDGES(CT_RELU);
}

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
    REFUSED(0, "no reduction", ct_##name(in[0], in[1], .reduction = (ct_reduction)7), .shapes = {SIZES(3, 4), SIZES(3)}, .kinds = "fi")

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
    REFUSED(0, "outside [0, 1]", ct_binary_cross_entropy(in[0], in[1]), .shapes = {SIZES(2), SIZES(2)}, .values = {LIST(0.5, 1.5), LIST(0, 1)});
    REFUSED(0, "differ", ct_binary_cross_entropy(in[0], in[1]), .shapes = {SIZES(2, 3), SIZES(3)}, .range = {{0.1, 0.9}, {0, 1}});
}
