/* op_cases_product.c - rows of products and losses. */
#include "op_cases.h"

OP_CASES(matmul)
{
    CASE(ct_matmul(in[0], in[1]), .shapes = {SHAPE(2, 3), SHAPE(3, 2)}, .smooth = true);
    CASE(ct_matmul(in[0], in[1]), .shapes = {SHAPE(3, 3), SHAPE(3, 3)}, .smooth = true);
    CASE(ct_matmul(in[0], in[1]), .shapes = {SHAPE(3), SHAPE(3)}, .smooth = true);
    CASE(ct_matmul(in[0], in[1]), .shapes = {SHAPE(3), SHAPE(3, 2)}, .smooth = true);
    CASE(ct_matmul(in[0], in[1]), .shapes = {SHAPE(2, 3), SHAPE(3)}, .smooth = true);
    CASE(ct_matmul(in[0], in[1]), .shapes = {SHAPE(2, 2, 3), SHAPE(3)}, .smooth = true);
    CASE(ct_matmul(in[0], in[1]), .shapes = {SHAPE(3), SHAPE(2, 3, 2)}, .smooth = true);
    CASE(ct_matmul(in[0], in[1]), .shapes = {SHAPE(2, 2, 3), SHAPE(2, 3, 2)}, .smooth = true);
    CASE(ct_matmul(in[0], in[1]), .shapes = {SHAPE(2, 1, 2, 3), SHAPE(2, 3, 1)}, .smooth = true);
    CASE(ct_matmul(in[0], in[1]), .shapes = {SHAPE(2, 2, 3), SHAPE(3, 2)}, .smooth = true);
    CASE(ct_matmul(in[0], in[1]), .shapes = {SHAPE(2, 3), SHAPE(2, 3, 2)}, .smooth = true);
    CASE(ct_matmul(in[0], in[1]), .shapes = {SHAPE(2, 0), SHAPE(0, 3)}, .expect = LIST(0, 0, 0, 0, 0, 0), .smooth = true);
    CASE(ct_matmul(in[0], in[1]), .shapes = {SHAPE(2, 3), SHAPE(3, 0)}, .smooth = true);
    CASE(ct_matmul(in[0], in[1]), .shapes = {SHAPE(0, 3), SHAPE(3, 2)}, .smooth = true);
    CASE(ct_matmul(in[0], in[1]), .shapes = {SHAPE(0, 2, 3), SHAPE(3, 2)}, .smooth = true);
    CASE(ct_matmul(in[0], in[1]), .shapes = {SHAPE(2, 2, 0), SHAPE(2, 0, 2)}, .expect = LIST(0, 0, 0, 0, 0, 0, 0, 0), .smooth = true);
    CASE(ct_matmul(in[0], in[1]), .shapes = {SHAPE(0), SHAPE(0)}, .expect = LIST(0), .smooth = true);
    CASE(ct_matmul(in[0], in[1]), .shapes = {SHAPE(93, 101), SHAPE(101, 67)}, .tolerance = 1e-4);
    CASE(ct_matmul(in[0], in[1]), .shapes = {SHAPE(5, 61, 31), SHAPE(5, 31, 17)}, .tolerance = 1e-4);
    CASE(ct_matmul(in[0], in[1]), .shapes = {SHAPE(2, 3), SHAPE(3, 2)}, .kinds = "if", .smooth = true);
    REFUSED(ZERO_D, "at least one axis", ct_matmul(in[0], in[1]), .shapes = {SCALAR, SHAPE(2, 2)});
    REFUSED(ZERO_D, "at least one axis", ct_matmul(in[0], in[1]), .shapes = {SHAPE(2, 2), SCALAR});
    REFUSED(0, "matmul: (64, 784) x (128, 10): inner dimensions 784 and 128 differ", ct_matmul(in[0], in[1]), .shapes = {SHAPE(64, 784), SHAPE(128, 10)});
    REFUSED(0, "do not broadcast", ct_matmul(in[0], in[1]), .shapes = {SHAPE(2, 1, 3), SHAPE(3, 3, 1)});
    REFUSED(0, "want float32 or float64", ct_matmul(in[0], in[1]), .shapes = {SHAPE(2, 3), SHAPE(3, 1)}, .kinds = "ii");
}

#define LINEAR_CASES(activation_)                                                                                        \
    CASE(ct_linear(in[0], in[1], in[2], .activation = activation_), .shapes = {SHAPE(2, 3), SHAPE(4, 3), SHAPE(4)}, .smooth = true); \
    CASE(ct_linear(in[0], in[1], NULL, .activation = activation_), .shapes = {SHAPE(2, 2, 3), SHAPE(4, 3)}, .smooth = true); \
    CASE(ct_linear(in[0], in[1], in[2], .activation = activation_), .shapes = {SHAPE(3), SHAPE(4, 3), SHAPE(4)}, .smooth = true)
#define LINEAR_EDGES(activation_)                                                                                        \
    CASE(ct_linear(in[0], in[1], in[2], .activation = activation_), .shapes = {SHAPE(0, 3), SHAPE(4, 3), SHAPE(4)}, .smooth = true); \
    CASE(ct_linear(in[0], in[1], in[2], .activation = activation_), .shapes = {SHAPE(2, 0), SHAPE(2, 0), SHAPE(2)}, .values = {{0, {0}}, {0, {0}}, LIST(0.5, 2)}, \
         .expect = LIST(0.5, 2, 0.5, 2), .smooth = true);                                                                \
    CASE(ct_linear(in[0], in[1], in[2], .activation = activation_), .shapes = {SHAPE(2, 3), SHAPE(0, 3), SHAPE(0)}, .smooth = true); \
    CASE(ct_linear(in[0], in[1], in[2], .activation = activation_), .shapes = {SHAPE(2, 3), SHAPE(1, 3), SHAPE(1)}, .smooth = true); \
    CASE(ct_linear(in[0], in[1], in[2], .activation = activation_), .shapes = {SHAPE(93, 101), SHAPE(67, 101), SHAPE(67)}, .tolerance = 1e-4); \
    REFUSED(ZERO_D, "want (..., in) and (out, in)", ct_linear(in[0], in[1], NULL, .activation = activation_), .shapes = {SCALAR, SHAPE(2, 1)})

OP_CASES(linear)
{
    LINEAR_CASES(CT_IDENTITY);
    LINEAR_CASES(CT_GELU);
    LINEAR_CASES(CT_TANH);
    LINEAR_CASES(CT_SIGMOID);
    LINEAR_CASES(CT_SILU);
    LINEAR_EDGES(CT_IDENTITY);
    REFUSED(0, "want (out)", ct_linear(in[0], in[1], in[2]), .shapes = {SHAPE(2, 3), SHAPE(4, 3), SHAPE(3)});
    REFUSED(0, "want (..., in)", ct_linear(in[0], in[1], NULL), .shapes = {SHAPE(2, 3), SHAPE(3, 4)});
    REFUSED(0, "no activation", ct_linear(in[0], in[1], NULL, .activation = (ct_activation)9), .shapes = {SHAPE(2, 3), SHAPE(4, 3)});
}

OP_CASES(linear_relu)
{
    LINEAR_CASES(CT_RELU);
    LINEAR_EDGES(CT_RELU);
}

#define CLASS_LOSS_CASES(name)                                                                                           \
    CASE(ct_##name(in[0], in[1]), .shapes = {SHAPE(3, 4), SHAPE(3)}, .kinds = "fi", .smooth = true);                     \
    CASE(ct_##name(in[0], in[1], .reduction = CT_SUM), .shapes = {SHAPE(3, 4), SHAPE(3)}, .kinds = "fi", .smooth = true); \
    CASE(ct_##name(in[0], in[1], .reduction = CT_NONE), .shapes = {SHAPE(2, 4, 2), SHAPE(2, 2)}, .kinds = "fi", .smooth = true); \
    CASE(ct_##name(in[0], in[1]), .shapes = {SHAPE(2, 4, 1, 2), SHAPE(2, 1, 2)}, .kinds = "fi", .smooth = true);         \
    CASE(ct_##name(in[0], in[1]), .shapes = {SHAPE(4), SCALAR}, .kinds = "fi", .smooth = true);                          \
    CASE(ct_##name(in[0], in[1], .reduction = CT_NONE), .shapes = {SHAPE(4), SCALAR}, .kinds = "fi", .smooth = true);    \
    CASE(ct_##name(in[0], in[1]), .shapes = {SHAPE(0, 4), SHAPE(0)}, .kinds = "fi", .expect = LIST(NAN));                \
    CASE(ct_##name(in[0], in[1], .reduction = CT_SUM), .shapes = {SHAPE(0, 4), SHAPE(0)}, .kinds = "fi", .expect = LIST(0)); \
    CASE(ct_##name(in[0], in[1], .reduction = CT_NONE), .shapes = {SHAPE(0, 4), SHAPE(0)}, .kinds = "fi");               \
    CASE(ct_##name(in[0], in[1]), .shapes = {SHAPE(921, 11), SHAPE(921)}, .kinds = "fi", .range = {{0, 0}, {0, 10}});    \
    CASE(ct_##name(in[0], in[1], .reduction = CT_NONE), .shapes = {SHAPE(3, 5001), SHAPE(3)}, .kinds = "fi", .range = {{0, 0}, {0, 5000}}); \
    REFUSED(0, #name ": target 4 at index 2 is not in [0, 4)", ct_##name(in[0], in[1]), .shapes = {SHAPE(3, 4), SHAPE(3)}, .kinds = "fi", .values = {{0, {0}}, LIST(0, 3, 4)}); \
    REFUSED(0, "target -1 at index 0", ct_##name(in[0], in[1]), .shapes = {SHAPE(3, 4), SHAPE(3)}, .kinds = "fi", .values = {{0, {0}}, LIST(-1, 3, 4)}); \
    REFUSED(0, "want (N, C, ...)", ct_##name(in[0], in[1]), .shapes = {SHAPE(3, 4), SHAPE(4)}, .kinds = "fi");           \
    REFUSED(0, "int64 class indices", ct_##name(in[0], in[1]), .shapes = {SHAPE(3, 4), SHAPE(3)}, .kinds = "ff");        \
    REFUSED(0, "no classes", ct_##name(in[0], in[1]), .shapes = {SHAPE(3, 0), SHAPE(3)}, .kinds = "fi");                 \
    REFUSED(0, "no reduction", ct_##name(in[0], in[1], .reduction = (ct_reduction)7), .shapes = {SHAPE(3, 4), SHAPE(3)}, .kinds = "fi")

OP_CASES(cross_entropy)
{
    CLASS_LOSS_CASES(cross_entropy);
    CASE(ct_cross_entropy(in[0], in[1]), .shapes = {SHAPE(2, 2), SHAPE(2)}, .kinds = "fi", .values = {LIST(1000, 1000, -1000, -1000), LIST(0, 1)},
         .expect = LIST(0.69314718055994531), .smooth = false);
}

OP_CASES(nll)
{
    CLASS_LOSS_CASES(nll);
    CASE(ct_nll(in[0], in[1], .reduction = CT_NONE), .shapes = {SHAPE(2, 2), SHAPE(2)}, .kinds = "fi", .values = {LIST(-1, -2, -3, -4), LIST(1, 0)}, .expect = LIST(2, 3));
}

OP_CASES(binary_cross_entropy)
{
    CASE(ct_binary_cross_entropy(in[0], in[1]), .shapes = {SHAPE(2, 3), SHAPE(2, 3)}, .range = {{0.1, 0.9}, {0.2, 0.8}}, .smooth = true);
    CASE(ct_binary_cross_entropy(in[0], in[1], .reduction = CT_SUM), .shapes = {SHAPE(3), SHAPE(3)}, .range = {{0.1, 0.9}, {0.2, 0.8}}, .smooth = true);
    CASE(ct_binary_cross_entropy(in[0], in[1], .reduction = CT_NONE), .shapes = {SHAPE(3), SHAPE(3)}, .range = {{0.1, 0.9}, {0.2, 0.8}}, .smooth = true);
    CASE(ct_binary_cross_entropy(in[0], in[1]), .shapes = {SCALAR, SCALAR}, .range = {{0.1, 0.9}, {0.2, 0.8}}, .smooth = true);
    CASE(ct_binary_cross_entropy(in[0], in[1]), .shapes = {SHAPE(0), SHAPE(0)}, .expect = LIST(NAN));
    CASE(ct_binary_cross_entropy(in[0], in[1], .reduction = CT_SUM), .shapes = {SHAPE(0), SHAPE(0)}, .expect = LIST(0));
    CASE(ct_binary_cross_entropy(in[0], in[1], .reduction = CT_NONE), .shapes = {SHAPE(93, 101), SHAPE(93, 101)}, .range = {{0.1, 0.9}, {0.2, 0.8}});
    CASE(ct_binary_cross_entropy(in[0], in[1]), .shapes = {SHAPE(3), SHAPE(3)}, .kinds = "fb", .range = {{0.1, 0.9}}, .smooth = true);
    CASE(ct_binary_cross_entropy(in[0], in[1], .reduction = CT_NONE), .shapes = {SHAPE(4), SHAPE(4)}, .values = {LIST(0, 1, 0, 1), LIST(0, 1, 1, 0)},
         .expect = LIST(0, 0, 100, 100), .no_gradcheck = "at the ends of [0, 1]", .no_same = "another expectation", .no_float32 = "1e-12 is lost beside 1");
    REFUSED(0, "outside [0, 1]", ct_binary_cross_entropy(in[0], in[1]), .shapes = {SHAPE(2), SHAPE(2)}, .values = {LIST(0.5, 1.5), LIST(0, 1)});
    REFUSED(0, "differ", ct_binary_cross_entropy(in[0], in[1]), .shapes = {SHAPE(2, 3), SHAPE(3)}, .range = {{0.1, 0.9}, {0, 1}});
}
