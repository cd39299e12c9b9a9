/* op_cases_unary.c - rows of the elementwise ops of one tensor. */
#include "op_cases.h"

OP_CASES(neg)
{
    ONE_INPUT(ct_neg(in[0]), .smooth = true);
    CASE(ct_neg(in[0]), .shapes = {SIZES(3)}, .kinds = "i", .values = {LIST(-1, 0, 5)}, .expect = LIST(1, 0, -5));
}

OP_CASES(abs)
{
    ONE_INPUT(ct_abs(in[0]), .smooth = true);
    CASE(ct_abs(in[0]), .shapes = {SIZES(3)}, .kinds = "i", .values = {LIST(-1, 0, 5)}, .expect = LIST(1, 0, 5));
}

OP_CASES(sign)
{
    ONE_INPUT(ct_sign(in[0]), .smooth = false);
    CASE(ct_sign(in[0]), .shapes = {SIZES(3)}, .kinds = "i", .values = {LIST(-7, 0, 5)}, .expect = LIST(-1, 0, 1));
}

OP_CASES(exp)
{
    ONE_INPUT(ct_exp(in[0]), .smooth = true);
    CASE(ct_exp(in[0]), .shapes = {SIZES(2)}, .kinds = "b", .values = {LIST(0, 1)}, .no_float32 = "bool becomes the default float32", .tolerance = 1e-6);
}

OP_CASES(log)
{
    ONE_INPUT(ct_log(in[0]), .range = {{0.2, 3}}, .smooth = true);
}

OP_CASES(sqrt)
{
    ONE_INPUT(ct_sqrt(in[0]), .range = {{0.2, 3}}, .smooth = true);
    CASE(ct_sqrt(in[0]), .shapes = {SIZES(3)}, .kinds = "i", .values = {LIST(0, 4, 9)}, .expect = LIST(0, 2, 3));
}

OP_CASES(square)
{
    ONE_INPUT(ct_square(in[0]), .smooth = true);
    CASE(ct_square(in[0]), .shapes = {SIZES(3)}, .kinds = "i", .values = {LIST(-3, 0, 5)}, .expect = LIST(9, 0, 25));
}

OP_CASES(reciprocal)
{
    ONE_INPUT(ct_reciprocal(in[0]), .range = {{0.3, 3}}, .smooth = true);
    CASE(ct_reciprocal(in[0]), .shapes = {SIZES(2)}, .range = {{-3, -0.3}}, .smooth = true);
}

OP_CASES(sin)
{
    ONE_INPUT(ct_sin(in[0]), .smooth = true);
}

OP_CASES(cos)
{
    ONE_INPUT(ct_cos(in[0]), .smooth = true);
}

OP_CASES(tanh)
{
    ONE_INPUT(ct_tanh(in[0]), .smooth = true);
}

OP_CASES(erf)
{
    ONE_INPUT(ct_erf(in[0]), .smooth = true);
}

OP_CASES(sigmoid)
{
    ONE_INPUT(ct_sigmoid(in[0]), .smooth = true);
    ONE_INPUT(ct_sigmoid(in[0]), .range = {{-9, 9}}, .smooth = true);
}

OP_CASES(log_sigmoid)
{
    ONE_INPUT(ct_log_sigmoid(in[0]), .smooth = true);
    CASE(ct_binary_cross_entropy_with_logits(in[0], in[1]), .shapes = {SIZES(2, 3), SIZES(2, 3)}, .range = {{-4, 4}, {0, 1}}, .smooth = true);
    CASE(ct_binary_cross_entropy_with_logits(in[0], in[1], .reduction = CT_NONE), .shapes = {SIZES(4), SIZES(4)}, .smooth = true);
    CASE(ct_binary_cross_entropy_with_logits(in[0], in[1], .reduction = CT_SUM), .shapes = {SCALAR, SCALAR}, .smooth = true);
    CASE(ct_binary_cross_entropy_with_logits(in[0], in[1], .reduction = CT_SUM), .shapes = {SIZES(0), SIZES(0)});
    REFUSED(0, "differ", ct_binary_cross_entropy_with_logits(in[0], in[1]), .shapes = {SIZES(2, 3), SIZES(3)});
}

OP_CASES(relu)
{
    ONE_INPUT(ct_relu(in[0]), .smooth = true);
    CASE(ct_relu(in[0]), .shapes = {SIZES(3)}, .kinds = "i", .values = {LIST(-3, 0, 5)}, .expect = LIST(0, 0, 5));
}

OP_CASES(gelu)
{
    ONE_INPUT(ct_gelu(in[0]), .smooth = true);
}

OP_CASES(gelu_tanh)
{
    ONE_INPUT(ct_gelu_tanh(in[0]), .smooth = true);
}

OP_CASES(silu)
{
    ONE_INPUT(ct_silu(in[0]), .smooth = true);
}

OP_CASES(leaky_relu)
{
    ONE_INPUT(ct_leaky_relu(in[0]), .smooth = true);
    CASE(ct_leaky_relu(in[0], 0.3), .shapes = {SIZES(4)}, .smooth = true);
    CASE(ct_leaky_relu(in[0], 0.0), .shapes = {SIZES(4)}, .smooth = true);
    CASE(ct_leaky_relu(in[0], -0.5), .shapes = {SIZES(4)}, .smooth = true);
}

OP_CASES(elu)
{
    ONE_INPUT(ct_elu(in[0]), .smooth = true);
    CASE(ct_elu(in[0], 0.7), .shapes = {SIZES(5)}, .smooth = true);
    CASE(ct_elu(in[0], 0.0), .shapes = {SIZES(5)}, .smooth = true);
}

OP_CASES(softplus)
{
    ONE_INPUT(ct_softplus(in[0]), .smooth = true);
    CASE(ct_softplus(in[0], 2.0), .shapes = {SIZES(5)}, .smooth = true);
    CASE(ct_softplus(in[0], 0.5, 0.4), .shapes = {SIZES(5)}, .smooth = true);
}

OP_CASES(clamp)
{
    ONE_INPUT(ct_clamp(in[0], -1, 0.5), .smooth = true);
    CASE(ct_clamp(in[0], -INFINITY, 0.5), .shapes = {SIZES(5)}, .smooth = true);
    CASE(ct_clamp(in[0], 0.1, INFINITY), .shapes = {SIZES(5)}, .smooth = true);
    CASE(ct_clamp(in[0], 1, -1), .shapes = {SIZES(3)}, .expect = LIST(-1, -1, -1), .no_gradcheck = "the convention at low > high is not a slope");
    CASE(ct_clamp(in[0], -1, 2), .shapes = {SIZES(4)}, .kinds = "i", .values = {LIST(-5, -1, 0, 5)}, .expect = LIST(-1, -1, 0, 2));
}

OP_CASES(logical_not)
{
    ONE_INPUT(ct_logical_not(in[0]), .kinds = "b");
    CASE(ct_logical_not(in[0]), .shapes = {SIZES(4)}, .values = {LIST(-1, 0, -0.0, 5)}, .expect = LIST(0, 1, 1, 0));
    CASE(ct_logical_not(in[0]), .shapes = {SIZES(2)}, .kinds = "i", .values = {LIST(0, 3)}, .expect = LIST(1, 0));
}

OP_CASES(cast)
{
    ONE_INPUT(ct_cast(in[0], CT_FLOAT64), .kinds = "i");
    ONE_INPUT(ct_cast(ct_cast(in[0], CT_FLOAT32), CT_FLOAT64), .tolerance = 1e-6, .no_gradcheck = "rounds to float32");
    CASE(ct_cast(in[0], CT_FLOAT64), .shapes = {SIZES(3)}, .smooth = true);
    CASE(ct_cast(in[0], CT_INT64), .shapes = {SIZES(4)}, .values = {LIST(-1.7, -0.2, 0.9, 3.5)}, .expect = LIST(-1, 0, 0, 3));
    CASE(ct_cast(in[0], CT_BOOL), .shapes = {SIZES(4)}, .values = {LIST(-1.7, 0, -0.0, NAN)}, .expect = LIST(1, 0, 0, 1));
    CASE(ct_cast(in[0], CT_BOOL), .shapes = {SIZES(3)}, .kinds = "i", .values = {LIST(-1, 0, 256)}, .expect = LIST(1, 0, 1));
    CASE(ct_cast(in[0], CT_INT64), .shapes = {SIZES(2)}, .kinds = "b", .values = {LIST(0, 1)}, .expect = LIST(0, 1));
}

OP_CASES(clone)
{
    ONE_INPUT(ct_clone(in[0]), .smooth = true);
    ONE_INPUT(ct_mul(ct_contiguous(in[0]), in[0]), .smooth = true);
    CASE(ct_clone(in[0]), .shapes = {SIZES(2, 2)}, .kinds = "b", .values = {LIST(0, 1, 1, 0)}, .expect = LIST(0, 1, 1, 0));
}

OP_CASES(one_hot)
{
    ONE_INPUT(ct_one_hot(in[0], 4), .kinds = "i");
    CASE(ct_one_hot(in[0], 3), .shapes = {SIZES(2)}, .kinds = "i", .values = {LIST(2, 0)}, .expect = LIST(0, 0, 1, 1, 0, 0));
    REFUSED(0, "target 3 at index 1 is not in [0, 3)", ct_one_hot(in[0], 3), .shapes = {SIZES(2)}, .kinds = "i", .values = {LIST(2, 3)});
    REFUSED(0, "want int64", ct_one_hot(in[0], 3), .shapes = {SIZES(2)});
}

OP_CASES(bernoulli)
{
    ONE_INPUT(ct_bernoulli(in[0], NULL), .range = {{0, 1}}, .no_float32 = "float32 and float64 draw from other places of the stream");
    CASE(ct_bernoulli(in[0], NULL), .shapes = {SIZES(4)}, .values = {LIST(0, 1, 1, 0)}, .expect = LIST(0, 1, 1, 0));
    REFUSED(0, "outside [0, 1]", ct_bernoulli(in[0], NULL), .shapes = {SIZES(2)}, .values = {LIST(0.5, 1.5)});
    REFUSED(0, "outside [0, 1]", ct_bernoulli(in[0], NULL), .shapes = {SIZES(2)}, .values = {LIST(0.5, NAN)});
}

OP_CASES(dropout)
{
    ONE_INPUT(ct_dropout(in[0], .p = 0.25), .smooth = true);
    CASE(ct_dropout(in[0]), .shapes = {SIZES(7)}, .smooth = true);
    CASE(ct_mul(ct_dropout(in[0], .p = 0.0), 2.0), .shapes = {SIZES(3)}, .smooth = true);
    CASE(ct_mul(ct_dropout(in[0], .p = 0.9, .eval = true), 2.0), .shapes = {SIZES(3)}, .smooth = true);
    CASE(ct_dropout(in[0], .p = 1.0), .shapes = {SIZES(2)}, .expect = LIST(0, 0));
    REFUSED(0, "want 0 to 1", ct_dropout(in[0], .p = -0.1), .shapes = {SIZES(2)});
    REFUSED(0, "want 0 to 1", ct_dropout(in[0], .p = NAN), .shapes = {SIZES(2)});
}
