/* op_cases_unary.c - rows of the elementwise ops of one tensor. */
#include <float.h>

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
    ONE_INPUT(ct_sign(in[0]), .smooth = false, .no_second = "wants no gradient");
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

OP_CASES(exp2)
{
    ONE_INPUT(ct_exp2(in[0]), .smooth = true);
}

OP_CASES(expm1)
{
    ONE_INPUT(ct_expm1(in[0]), .smooth = true);
}

OP_CASES(tan)
{
    ONE_INPUT(ct_tan(in[0]), .smooth = true, .range = {{-1.2, 1.2}}, .tolerance = 2e-5);
}

OP_CASES(atan)
{
    ONE_INPUT(ct_atan(in[0]), .smooth = true);
}

OP_CASES(sinh)
{
    ONE_INPUT(ct_sinh(in[0]), .smooth = true, .tolerance = 2e-5);
}

OP_CASES(cosh)
{
    ONE_INPUT(ct_cosh(in[0]), .smooth = true, .tolerance = 2e-5);
}

OP_CASES(asinh)
{
    ONE_INPUT(ct_asinh(in[0]), .smooth = true);
}

OP_CASES(erfc)
{
    ONE_INPUT(ct_erfc(in[0]), .smooth = true);
}

OP_CASES(mish)
{
    ONE_INPUT(ct_mish(in[0]), .smooth = true);
}

OP_CASES(softsign)
{
    ONE_INPUT(ct_softsign(in[0]), .smooth = true);
}

OP_CASES(hardswish)
{
    ONE_INPUT(ct_hardswish(in[0]), .smooth = true);
}

OP_CASES(log2)
{
    ONE_INPUT(ct_log2(in[0]), .range = {{0.2, 3}}, .smooth = true, .tolerance = 3e-5);
}

OP_CASES(log10)
{
    ONE_INPUT(ct_log10(in[0]), .range = {{0.2, 3}}, .smooth = true, .tolerance = 3e-5);
}

OP_CASES(log1p)
{
    ONE_INPUT(ct_log1p(in[0]), .range = {{-0.7, 3}}, .smooth = true, .tolerance = 3e-5);
}

OP_CASES(rsqrt)
{
    ONE_INPUT(ct_rsqrt(in[0]), .range = {{0.3, 3}}, .smooth = true, .tolerance = 3e-5);
}

OP_CASES(asin)
{
    ONE_INPUT(ct_asin(in[0]), .range = {{-0.9, 0.9}}, .smooth = true, .tolerance = 3e-5);
}

OP_CASES(acos)
{
    ONE_INPUT(ct_acos(in[0]), .range = {{-0.9, 0.9}}, .smooth = true, .tolerance = 3e-5);
}

OP_CASES(atanh)
{
    ONE_INPUT(ct_atanh(in[0]), .range = {{-0.9, 0.9}}, .smooth = true, .tolerance = 3e-5);
}

OP_CASES(acosh)
{
    ONE_INPUT(ct_acosh(in[0]), .range = {{1.2, 4}}, .smooth = true, .tolerance = 3e-5);
}

OP_CASES(lgamma)
{
    ONE_INPUT(ct_lgamma(in[0]), .range = {{0.3, 4}}, .smooth = true, .tolerance = 3e-5);
    CASE(ct_lgamma(in[0]), .shapes = {SIZES(4)}, .values = {LIST(1, 2, 0.5, -0.5)}, .expect = LIST(0, 0, 0.57236494292470008, 1.2655121234846454), .smooth = true);
}

OP_CASES(digamma)
{
    ONE_INPUT(ct_digamma(in[0]), .range = {{0.3, 4}}, .smooth = true, .tolerance = 3e-5);
    CASE(ct_digamma(in[0]), .shapes = {SIZES(3)}, .values = {LIST(1, 2.5, -2.5)}, .expect = LIST(-0.57721566490153287, 0.70315664064524319, 1.1031566406452432), .smooth = true);
}

OP_CASES(polygamma)
{
    ONE_INPUT(ct_polygamma(1, in[0]), .range = {{0.4, 4}}, .smooth = true, .tolerance = 5e-5);
    CASE(ct_polygamma(2, in[0]), .shapes = {SIZES(5)}, .range = {{0.6, 4}}, .smooth = true, .tolerance = 1e-4);
    CASE(ct_polygamma(0, in[0]), .shapes = {SIZES(2)}, .range = {{0.6, 4}}, .smooth = true);
    REFUSED(0, "polygamma: order -1", ct_polygamma(-1, in[0]), .shapes = {SIZES(2)});
}

OP_CASES(selu)
{
    ONE_INPUT(ct_selu(in[0]), .smooth = true);
}

OP_CASES(celu)
{
    ONE_INPUT(ct_celu(in[0]), .smooth = true);
    CASE(ct_celu(in[0], 0.6), .shapes = {SIZES(5)}, .smooth = true);
    CASE(ct_celu(in[0], -1.5), .shapes = {SIZES(5)}, .smooth = true);
    REFUSED(0, "alpha is 0", ct_celu(in[0], 0.0), .shapes = {SIZES(2)});
}

OP_CASES(hardtanh)
{
    ONE_INPUT(ct_hardtanh(in[0]), .smooth = true);
    CASE(ct_hardtanh(in[0], -0.5, 1.5), .shapes = {SIZES(5)}, .smooth = true);
    CASE(ct_relu6(in[0]), .shapes = {SIZES(5)}, .range = {{-2, 8}}, .smooth = true);
    REFUSED(0, "want the lower first", ct_hardtanh(in[0], 1, -1), .shapes = {SIZES(2)});
}

OP_CASES(hardsigmoid)
{
    ONE_INPUT(ct_hardsigmoid(in[0]), .smooth = true);
    CASE(ct_hardsigmoid(in[0]), .shapes = {SIZES(4)}, .values = {LIST(-4, -1.5, 1.5, 4)}, .expect = LIST(0, 0.25, 0.75, 1), .smooth = true);
}

OP_CASES(threshold)
{
    ONE_INPUT(ct_threshold(in[0], 0.3, -7), .smooth = true);
}

OP_CASES(floor)
{
    ONE_INPUT(ct_floor(in[0]), .smooth = false, .no_second = "wants no gradient");
    CASE(ct_floor(in[0]), .shapes = {SIZES(4)}, .values = {LIST(-1.5, -0.2, 0.2, 2.5)}, .expect = LIST(-2, -1, 0, 2), .no_gradcheck = "jumps");
    CASE(ct_floor(in[0]), .shapes = {SIZES(2)}, .kinds = "i", .values = {LIST(-3, 4)}, .expect = LIST(-3, 4));
}

OP_CASES(ceil)
{
    ONE_INPUT(ct_ceil(in[0]), .smooth = false, .no_second = "wants no gradient");
    CASE(ct_ceil(in[0]), .shapes = {SIZES(4)}, .values = {LIST(-1.5, -0.2, 0.2, 2.5)}, .expect = LIST(-1, 0, 1, 3), .no_gradcheck = "jumps");
    CASE(ct_ceil(in[0]), .shapes = {SIZES(2)}, .kinds = "i", .values = {LIST(-3, 4)}, .expect = LIST(-3, 4));
}

OP_CASES(round)
{
    ONE_INPUT(ct_round(in[0]), .smooth = false, .no_second = "wants no gradient");
    CASE(ct_round(in[0]), .shapes = {SIZES(4)}, .values = {LIST(-1.5, -0.5, 0.5, 2.5)}, .expect = LIST(-2, 0, 0, 2), .no_gradcheck = "jumps");
    CASE(ct_round(in[0]), .shapes = {SIZES(2)}, .kinds = "i", .values = {LIST(-3, 4)}, .expect = LIST(-3, 4));
}

OP_CASES(trunc)
{
    ONE_INPUT(ct_trunc(in[0]), .smooth = false, .no_second = "wants no gradient");
    CASE(ct_trunc(in[0]), .shapes = {SIZES(4)}, .values = {LIST(-1.5, -0.2, 0.2, 2.5)}, .expect = LIST(-1, 0, 0, 2), .no_gradcheck = "jumps");
    CASE(ct_trunc(in[0]), .shapes = {SIZES(2)}, .kinds = "i", .values = {LIST(-3, 4)}, .expect = LIST(-3, 4));
}

OP_CASES(frac)
{
    ONE_INPUT(ct_frac(in[0]), .smooth = true);
    CASE(ct_frac(in[0]), .shapes = {SIZES(3)}, .values = {LIST(-1.5, 2.25, 3)}, .expect = LIST(-0.5, 0.25, 0), .no_gradcheck = "a jump at whole numbers");
}

OP_CASES(nan_to_num)
{
    ONE_INPUT(ct_nan_to_num(in[0]), .smooth = true);
    CASE(ct_nan_to_num(in[0], .nan = 7, .posinf = 8, .neginf = -9), .shapes = {SIZES(4)}, .values = {LIST(NAN, INFINITY, -INFINITY, 1)}, .expect = LIST(7, 8, -9, 1),
         .no_gradcheck = "not finite");
    CASE(ct_nan_to_num(in[0]), .shapes = {SIZES(2)}, .values = {LIST(INFINITY, NAN)}, .expect = LIST(DBL_MAX, 0), .no_gradcheck = "not finite", .no_float32 = "its largest is another");
}

OP_CASES(isnan)
{
    ONE_INPUT(ct_isnan(in[0]), .kinds = "f");
    CASE(ct_isnan(in[0]), .shapes = {SIZES(4)}, .values = {LIST(NAN, INFINITY, -INFINITY, 1)}, .expect = LIST(1, 0, 0, 0));
    CASE(ct_isnan(in[0]), .shapes = {SIZES(2)}, .kinds = "i", .expect = LIST(0, 0));
}

OP_CASES(isinf)
{
    ONE_INPUT(ct_isinf(in[0]), .kinds = "f");
    CASE(ct_isinf(in[0]), .shapes = {SIZES(4)}, .values = {LIST(NAN, INFINITY, -INFINITY, 1)}, .expect = LIST(0, 1, 1, 0));
    CASE(ct_isinf(in[0]), .shapes = {SIZES(2)}, .kinds = "i", .expect = LIST(0, 0));
}

OP_CASES(isfinite)
{
    ONE_INPUT(ct_isfinite(in[0]), .kinds = "f");
    CASE(ct_isfinite(in[0]), .shapes = {SIZES(4)}, .values = {LIST(NAN, INFINITY, -INFINITY, 1)}, .expect = LIST(0, 0, 0, 1));
    CASE(ct_isfinite(in[0]), .shapes = {SIZES(2)}, .kinds = "i", .expect = LIST(1, 1));
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

OP_CASES(normal)
{
    ONE_INPUT(ct_normal(in[0], 0.5), .no_float32 = "float32 and float64 draw from other places of the stream");
    CASE(ct_normal(in[0], in[1]), .shapes = {SIZES(3), SIZES(3)}, .values = {LIST(1, 2, 3), LIST(0, 0, 0)}, .expect = LIST(1, 2, 3));
    REFUSED(0, "deviations are negative", ct_normal(in[0], -1.0), .shapes = {SIZES(2)});
    REFUSED(0, "exponential: rate 0", ct_add(in[0], ct_exponential(0, 2)), .shapes = {SIZES(2)});
}

OP_CASES(multinomial)
{
    CASE(ct_multinomial(in[0], 4, .replacement = true), .shapes = {SIZES(3)}, .values = {LIST(0, 2, 0)}, .expect = LIST(1, 1, 1, 1), .no_layouts = "expanding repeats a weight of 0");
    CASE(ct_multinomial(in[0], 1), .shapes = {SIZES(2, 2)}, .values = {LIST(0, 2, 3, 0)}, .expect = LIST(1, 0), .no_layouts = "expanding repeats a weight of 0");
    CASE(ct_multinomial(in[0], 2), .shapes = {SIZES(0, 3)}, .range = {{0.1, 1}});
    CASE(ct_multinomial(in[0], 5, .replacement = true), .shapes = {SIZES(93, 101)}, .range = {{0.1, 1}}, .no_float32 = "weights differ in rounding");
    CASE(ct_multinomial(in[0], 3), .shapes = {SIZES(2, 5)}, .range = {{0.1, 1}}, .no_float32 = "weights differ in rounding");
    REFUSED(ZERO_D, "want at least 1", ct_multinomial(in[0], 1), .shapes = {SCALAR}, .range = {{0.1, 1}});
    REFUSED(0, "sum to 0", ct_multinomial(in[0], 1), .shapes = {SIZES(2)}, .values = {LIST(0, 0)});
    REFUSED(0, "weight -1 at index 1 of row 0", ct_multinomial(in[0], 1), .shapes = {SIZES(2)}, .values = {LIST(1, -1)});
    REFUSED(0, "3 draws without replacement from 2 classes", ct_multinomial(in[0], 3), .shapes = {SIZES(3)}, .values = {LIST(1, 0, 1)});
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
