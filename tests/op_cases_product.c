/* op_cases_product.c - rows of products. */
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
    CASE(ct_matmul(in[0], in[1]), .shapes = {SIZES(2, 3), SIZES(3, 2)}, .kinds = "ii", .values = {LIST(1, -2, 3, 0, 4, -1), LIST(1, 2, 3, 4, 5, -6)},
         .expect = LIST(10, -24, 7, 22));
    CASE(ct_matmul(in[0], in[1]), .shapes = {SIZES(3), SIZES(2, 3, 2)}, .kinds = "ii");
    CASE(ct_matmul(in[0], in[1]), .shapes = {SIZES(2, 0), SIZES(0, 2)}, .kinds = "ii", .expect = LIST(0, 0, 0, 0));
    CASE(ct_matmul(in[0], in[1]), .shapes = {SIZES(2, 2, 3), SIZES(2, 3, 2)}, .kinds = "ii");
    CASE(ct_matmul(in[0], in[1]), .shapes = {SIZES(93, 101), SIZES(101, 67)}, .kinds = "ii", .range = {{-9, 9}, {-9, 9}});
    REFUSED(0, "want float32, float64 or int64", ct_matmul(in[0], in[1]), .shapes = {SIZES(2, 3), SIZES(3, 1)}, .kinds = "bb");
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
