/* op_cases_binary.c - rows of the elementwise ops of two and three tensors. */
#include "op_cases.h"

OP_CASES(add)
{
    TWO_INPUTS(ct_add(in[0], in[1]), .smooth = true);
    CASE(ct_add(2.5, in[0]), .shapes = {SIZES(3)}, .smooth = true);
    CASE(ct_add(in[0], in[1]), .shapes = {SIZES(3), SIZES(3)}, .kinds = "if", .smooth = true);
    CASE(ct_add(in[0], in[1]), .shapes = {SIZES(3), SIZES(3)}, .kinds = "ii", .values = {LIST(1, 2, 3), LIST(4, -5, 6)}, .expect = LIST(5, -3, 9));
    CASE(ct_add(in[0], in[1]), .shapes = {SIZES(4), SIZES(4)}, .kinds = "bb", .values = {LIST(0, 0, 1, 1), LIST(0, 1, 0, 1)}, .expect = LIST(0, 1, 1, 1));
    CASE(ct_add(in[0], true), .shapes = {SIZES(2)}, .kinds = "i", .values = {LIST(1, 2)}, .expect = LIST(2, 3));
    REFUSED(0, "do not broadcast", ct_add(in[0], in[1]), .shapes = {SIZES(2, 3), SIZES(2)});
}

OP_CASES(sub)
{
    TWO_INPUTS(ct_sub(in[0], in[1]), .smooth = true);
    CASE(ct_sub(1, in[0]), .shapes = {SIZES(3)}, .smooth = true);
    CASE(ct_sub(in[0], in[1]), .shapes = {SIZES(2), SIZES(2)}, .kinds = "ii", .values = {LIST(1, 2), LIST(4, -5)}, .expect = LIST(-3, 7));
    REFUSED(0, "not defined for bool", ct_sub(in[0], in[1]), .shapes = {SIZES(2), SIZES(2)}, .kinds = "bb");
}

OP_CASES(mul)
{
    TWO_INPUTS(ct_mul(in[0], in[1]), .smooth = true);
    CASE(ct_mul(in[0], -3), .shapes = {SIZES(3)}, .smooth = true);
    CASE(ct_mul(in[0], in[1]), .shapes = {SIZES(3), SIZES(3)}, .kinds = "fb", .smooth = true);
    CASE(ct_mul(in[0], in[1]), .shapes = {SIZES(2), SIZES(2)}, .kinds = "ii", .values = {LIST(7, 2), LIST(4, -5)}, .expect = LIST(28, -10));
    CASE(ct_mul(in[0], in[1]), .shapes = {SIZES(4), SIZES(4)}, .kinds = "bb", .values = {LIST(0, 0, 1, 1), LIST(0, 1, 0, 1)}, .expect = LIST(0, 0, 0, 1));
}

OP_CASES(div)
{
    TWO_INPUTS(ct_div(in[0], in[1]), .range = {{-2, 2}, {0.4, 3}}, .smooth = true, .tolerance = 2e-5);
    CASE(ct_div(1, in[0]), .shapes = {SIZES(3)}, .range = {{-3, -0.4}}, .smooth = true);
    CASE(ct_div(in[0], in[1]), .shapes = {SIZES(4), SIZES(4)}, .kinds = "ii", .values = {LIST(7, 1, -1, 0), LIST(2, 0, 0, 0)}, .expect = LIST(3.5, INFINITY, -INFINITY, NAN));
}

OP_CASES(pow)
{
    TWO_INPUTS(ct_pow(in[0], in[1]), .range = {{0.3, 2}, {-2, 3}}, .smooth = true, .tolerance = 5e-5);
    CASE(ct_pow(in[0], 2), .shapes = {SIZES(5)}, .smooth = true);
    CASE(ct_pow(in[0], 3.0), .shapes = {SIZES(5)}, .smooth = true);
    CASE(ct_pow(in[0], 0.5), .shapes = {SIZES(5)}, .range = {{0.2, 2}}, .smooth = true);
    CASE(ct_pow(in[0], -1), .shapes = {SIZES(4)}, .range = {{-2, -0.4}}, .smooth = true);
    CASE(ct_pow(2.0, in[0]), .shapes = {SIZES(5)}, .smooth = true);
    CASE(ct_pow(in[0], in[1]), .shapes = {SIZES(4), SIZES(4)}, .kinds = "ii", .values = {LIST(-2, 0, 3, 10), LIST(3, 0, 4, 18)}, .expect = LIST(-8, 1, 81, 1e18));
    REFUSED(0, "negative power", ct_pow(in[0], in[1]), .shapes = {SIZES(2), SIZES(2)}, .kinds = "ii", .values = {LIST(1, 2), LIST(1, -1)});
}

OP_CASES(fmod)
{
    TWO_INPUTS(ct_fmod(in[0], in[1]), .range = {{-3, 3}, {0.7, 2}}, .no_same = "a jump where the quotient is whole", .no_gradcheck = "jumps where the quotient is whole");
    CASE(ct_fmod(in[0], in[1]), .shapes = {SIZES(4), SIZES(4)}, .values = {LIST(-5.5, 5.5, -5.5, 5.5), LIST(2, 2, -2, -2)}, .expect = LIST(-1.5, 1.5, -1.5, 1.5), .smooth = true, .no_same = "whole quotient");
    CASE(ct_fmod(in[0], in[1]), .shapes = {SIZES(4), SIZES(4)}, .kinds = "ii", .values = {LIST(-5, 5, -5, 5), LIST(3, 3, -3, -3)}, .expect = LIST(-2, 2, -2, 2));
    REFUSED(0, "integer divisors are 0", ct_fmod(in[0], in[1]), .shapes = {SIZES(2), SIZES(2)}, .kinds = "ii", .values = {LIST(1, 2), LIST(1, 0)});
}

OP_CASES(remainder)
{
    TWO_INPUTS(ct_remainder(in[0], in[1]), .range = {{-3, 3}, {0.7, 2}}, .no_same = "a jump where the quotient is whole", .no_gradcheck = "jumps where the quotient is whole");
    CASE(ct_remainder(in[0], in[1]), .shapes = {SIZES(4), SIZES(4)}, .values = {LIST(-5.5, 5.5, -5.5, 5.5), LIST(2, 2, -2, -2)}, .expect = LIST(0.5, 1.5, -1.5, -0.5), .smooth = true, .no_same = "whole quotient");
    CASE(ct_remainder(in[0], in[1]), .shapes = {SIZES(4), SIZES(4)}, .kinds = "ii", .values = {LIST(-5, 5, -5, 5), LIST(3, 3, -3, -3)}, .expect = LIST(1, 2, -2, -1));
    REFUSED(0, "integer divisors are 0", ct_remainder(in[0], 0), .shapes = {SIZES(2)}, .kinds = "i");
}

OP_CASES(floor_divide)
{
    TWO_INPUTS(ct_floor_divide(in[0], in[1]), .range = {{-3, 3}, {0.7, 2}});
    CASE(ct_floor_divide(in[0], in[1]), .shapes = {SIZES(4), SIZES(4)}, .values = {LIST(-5.5, 5.5, -5.5, 1), LIST(2, 2, -2, 0)}, .expect = LIST(-3, 2, 2, INFINITY));
    CASE(ct_floor_divide(in[0], in[1]), .shapes = {SIZES(4), SIZES(4)}, .kinds = "ii", .values = {LIST(-5, 5, -5, 5), LIST(3, 3, -3, -3)}, .expect = LIST(-2, 1, 1, -2));
    REFUSED(0, "integer divisors are 0", ct_floor_divide(in[0], 0), .shapes = {SIZES(2)}, .kinds = "i");
}

OP_CASES(atan2)
{
    TWO_INPUTS(ct_atan2(in[0], in[1]), .range = {{0.2, 2}, {-2, 2}}, .smooth = true, .tolerance = 3e-5);
    CASE(ct_atan2(in[0], in[1]), .shapes = {SIZES(2), SIZES(2)}, .kinds = "ii", .values = {LIST(0, 0), LIST(1, 1)}, .expect = LIST(0, 0), .no_float32 = "integers become the default float32");
}

OP_CASES(hypot)
{
    TWO_INPUTS(ct_hypot(in[0], in[1]), .range = {{0.3, 2}, {-2, 2}}, .smooth = true, .tolerance = 2e-5);
    CASE(ct_hypot(in[0], in[1]), .shapes = {SIZES(2), SIZES(2)}, .values = {LIST(3, 1e200), LIST(4, 0)}, .expect = LIST(5, 1e200), .no_gradcheck = "too large", .no_float32 = "overflows");
}

OP_CASES(fmax)
{
    TWO_INPUTS(ct_fmax(in[0], in[1]), .smooth = true, .no_same = "equal operands are a kink");
    CASE(ct_fmax(in[0], in[1]), .shapes = {SIZES(3), SIZES(3)}, .values = {LIST(NAN, 5, 1), LIST(4, NAN, -3)}, .expect = LIST(4, 5, 1), .no_gradcheck = "NaN", .no_same = "NaN");
    CASE(ct_fmax(in[0], in[1]), .shapes = {SIZES(2), SIZES(2)}, .kinds = "ii", .values = {LIST(1, 5), LIST(4, -5)}, .expect = LIST(4, 5));
}

OP_CASES(fmin)
{
    TWO_INPUTS(ct_fmin(in[0], in[1]), .smooth = true, .no_same = "equal operands are a kink");
    CASE(ct_fmin(in[0], in[1]), .shapes = {SIZES(3), SIZES(3)}, .values = {LIST(NAN, 5, 1), LIST(4, NAN, -3)}, .expect = LIST(4, 5, -3), .no_gradcheck = "NaN", .no_same = "NaN");
    CASE(ct_fmin(in[0], in[1]), .shapes = {SIZES(2), SIZES(2)}, .kinds = "ii", .values = {LIST(1, 5), LIST(4, -5)}, .expect = LIST(1, -5));
}

OP_CASES(logaddexp)
{
    TWO_INPUTS(ct_logaddexp(in[0], in[1]), .smooth = true);
    CASE(ct_logaddexp(in[0], in[1]), .shapes = {SIZES(4), SIZES(4)}, .values = {LIST(-INFINITY, INFINITY, 1000, -INFINITY), LIST(-INFINITY, INFINITY, 0, 2)}, .expect = LIST(-INFINITY, INFINITY, 1000, 2), .no_gradcheck = "infinite", .no_same = "infinite");
}

OP_CASES(xlogy)
{
    TWO_INPUTS(ct_xlogy(in[0], in[1]), .range = {{-2, 2}, {0.3, 2}}, .smooth = true, .no_same = "negative logarithms");
    CASE(ct_xlogy(in[0], in[1]), .shapes = {SIZES(3), SIZES(3)}, .values = {LIST(0, 0, 1), LIST(0, NAN, 0)}, .expect = LIST(0, NAN, -INFINITY), .no_gradcheck = "infinite", .no_same = "other values");
}

OP_CASES(lerp)
{
    TWO_INPUTS(ct_lerp(in[0], in[1], 0.3), .smooth = true);
    CASE(ct_lerp(in[0], in[1], in[2]), .shapes = {SIZES(2, 3), SIZES(3), SIZES(2, 1)}, .smooth = true);
    CASE(ct_lerp(in[0], in[1], in[2]), .shapes = {SIZES(2, 3), SIZES(2, 3), SIZES(2, 3)}, .smooth = true);
    CASE(ct_lerp(in[0], in[1], 0.5), .shapes = {SIZES(2), SIZES(2)}, .kinds = "ii", .values = {LIST(1, 5), LIST(4, -5)}, .expect = LIST(2.5, 0));
}

OP_CASES(addcmul)
{
    TWO_INPUTS(ct_addcmul(in[0], in[1], in[0], 2), .smooth = true);
    CASE(ct_addcmul(in[0], in[1], in[2], -0.5), .shapes = {SIZES(2, 3), SIZES(3), SIZES(2, 1)}, .smooth = true);
    CASE(ct_addcmul(in[0], in[1], in[1], 2), .shapes = {SIZES(2), SIZES(2)}, .kinds = "ii", .values = {LIST(1, 5), LIST(4, -5)}, .expect = LIST(33, 55));
}

OP_CASES(prelu)
{
    CASE(ct_prelu(in[0], in[1]), .shapes = {SIZES(30, 700), SIZES(1)}, .range = {{0.1, 2}}, .smooth = true);
    CASE(ct_prelu(in[0], in[1]), .shapes = {SIZES(0, 3), SIZES(3)});
    CASE(ct_prelu(in[0], in[1]), .shapes = {SCALAR, SIZES(1)}, .smooth = true);
    CASE(ct_prelu(in[0], in[1]), .shapes = {SIZES(2, 3, 2), SIZES(3)}, .smooth = true);
    CASE(ct_prelu(in[0], in[1]), .shapes = {SIZES(5), SIZES(1)}, .smooth = true);
    REFUSED(0, "prelu", ct_prelu(in[0], in[1]), .shapes = {SIZES(2, 3), SIZES(2)});
    CASE(ct_prelu(in[0], in[1]), .shapes = {SIZES(4), SIZES(1)}, .values = {LIST(NAN, -INFINITY, -2, 3), LIST(0.5)}, .expect = LIST(NAN, -INFINITY, -1, 3), .no_gradcheck = "NaN", .no_same = "NaN");
}

OP_CASES(maximum)
{
    TWO_INPUTS(ct_maximum(in[0], in[1]), .smooth = true);
    CASE(ct_maximum(in[0], 0.1), .shapes = {SIZES(4)}, .smooth = true);
    CASE(ct_maximum(in[0], in[1]), .shapes = {SIZES(3), SIZES(3)}, .kinds = "ii", .values = {LIST(1, 5, -3), LIST(4, -5, -3)}, .expect = LIST(4, 5, -3));
    CASE(ct_maximum(in[0], in[1]), .shapes = {SIZES(3), SIZES(3)}, .values = {LIST(NAN, 5, NAN), LIST(4, NAN, NAN)}, .expect = LIST(NAN, NAN, NAN),
         .no_gradcheck = "NaN", .no_same = "NaN");
}

OP_CASES(minimum)
{
    TWO_INPUTS(ct_minimum(in[0], in[1]), .smooth = true);
    CASE(ct_minimum(in[0], 0.1), .shapes = {SIZES(4)}, .smooth = true);
    CASE(ct_minimum(in[0], in[1]), .shapes = {SIZES(3), SIZES(3)}, .kinds = "ii", .values = {LIST(1, 5, -3), LIST(4, -5, -3)}, .expect = LIST(1, -5, -3));
    CASE(ct_minimum(in[0], in[1]), .shapes = {SIZES(3), SIZES(3)}, .values = {LIST(NAN, 5, NAN), LIST(4, NAN, NAN)}, .expect = LIST(NAN, NAN, NAN),
         .no_gradcheck = "NaN", .no_same = "NaN");
}

/* Each comparison against a smaller, an equal, a larger value and a NaN, in floats and integers. */
#define COMPARISON_CASES(name, less, equal, more, nan)                                                                   \
    OP_CASES(name)                                                                                                       \
    {                                                                                                                    \
        TWO_INPUTS(ct_##name(in[0], in[1]), .kinds = "ff");                                                               \
        CASE(ct_##name(in[0], in[1]), .shapes = {SIZES(5), SIZES(5)}, .values = {LIST(1, 2, 3, NAN, NAN), LIST(2, 2, 2, 2, NAN)}, \
             .expect = LIST(less, equal, more, nan, nan));                                                               \
        CASE(ct_##name(in[0], in[1]), .shapes = {SIZES(3), SIZES(3)}, .kinds = "ii", .values = {LIST(-1, 2, 3), LIST(2, 2, -2)}, \
             .expect = LIST(less, equal, more));                                                                         \
        CASE(ct_##name(in[0], 2), .shapes = {SIZES(3)}, .values = {LIST(1, 2, 3)}, .expect = LIST(less, equal, more));   \
        CASE(ct_##name(in[0], in[1]), .shapes = {SIZES(3), SIZES(3)}, .kinds = "bb", .values = {LIST(0, 1, 1), LIST(1, 1, 0)}, \
             .expect = LIST(less, equal, more));                                                                         \
    }
COMPARISON_CASES(eq, 0, 1, 0, 0)
COMPARISON_CASES(ne, 1, 0, 1, 1)
COMPARISON_CASES(lt, 1, 0, 0, 0)
COMPARISON_CASES(le, 1, 1, 0, 0)
COMPARISON_CASES(gt, 0, 0, 1, 0)
COMPARISON_CASES(ge, 0, 1, 1, 0)

#define LOGICAL_CASES(name, only_one, both)                                                                              \
    OP_CASES(name)                                                                                                       \
    {                                                                                                                    \
        TWO_INPUTS(ct_##name(in[0], in[1]), .kinds = "bb");                                                              \
        CASE(ct_##name(in[0], in[1]), .shapes = {SIZES(4), SIZES(4)}, .kinds = "bb", .values = {LIST(0, 0, 1, 1), LIST(0, 1, 0, 1)}, \
             .expect = LIST(0, only_one, only_one, both));                                                               \
        CASE(ct_##name(in[0], in[1]), .shapes = {SIZES(4), SIZES(4)}, .kinds = "fi", .values = {LIST(0, -0.0, 0.5, NAN), LIST(0, 2, 0, -1)}, \
             .expect = LIST(0, only_one, only_one, both));                                                               \
    }
LOGICAL_CASES(logical_and, 0, 1)
LOGICAL_CASES(logical_or, 1, 1)
LOGICAL_CASES(logical_xor, 1, 0)

OP_CASES(where)
{
    CASE(ct_where(in[0], in[1], in[2]), .shapes = {SIZES(2, 3), SIZES(2, 3), SIZES(2, 3)}, .kinds = "bff", .smooth = true);
    CASE(ct_where(in[0], in[1], in[2]), .shapes = {SIZES(3, 1), SIZES(4), SCALAR}, .kinds = "bff", .smooth = true);
    CASE(ct_where(in[0], in[1], in[2]), .shapes = {SCALAR, SCALAR, SIZES(2)}, .kinds = "bff", .smooth = true);
    CASE(ct_where(in[0], in[1], in[2]), .shapes = {SIZES(2, 1), SIZES(2, 0), SIZES(1, 1)}, .kinds = "bff", .smooth = true);
    CASE(ct_where(in[0], in[1], 0.0), .shapes = {SIZES(93, 101), SIZES(93, 101)}, .kinds = "bf", .smooth = true);
    CASE(ct_where(in[0], in[1], in[2]), .shapes = {SIZES(93, 101), SIZES(101), SIZES(93, 1)}, .kinds = "bff", .smooth = true);
    CASE(ct_where(in[0], in[1], in[2]), .shapes = {SIZES(2), SIZES(2), SIZES(2)}, .kinds = "bii", .values = {LIST(0, 1), LIST(1, 2), LIST(3, 4)}, .expect = LIST(3, 2));
    CASE(ct_where(in[0], in[1], in[2]), .shapes = {SIZES(2), SIZES(2), SIZES(2)}, .kinds = "bbb", .values = {LIST(0, 1), LIST(1, 1), LIST(0, 0)}, .expect = LIST(0, 1));
    REFUSED(0, "want bool", ct_where(in[0], in[1], in[1]), .shapes = {SIZES(2), SIZES(2)}, .kinds = "if");
}

OP_CASES(masked_fill)
{
    CASE(ct_masked_fill(in[0], in[1], in[2]), .shapes = {SIZES(2, 3), SIZES(2, 3), SCALAR}, .kinds = "fbf", .smooth = true);
    CASE(ct_masked_fill(in[0], in[1], in[2]), .shapes = {SIZES(2, 3), SIZES(3), SCALAR}, .kinds = "fbf", .smooth = true);
    CASE(ct_masked_fill(in[0], in[1], -2.0), .shapes = {SIZES(3), SIZES(2, 1)}, .kinds = "fb", .smooth = true);
    CASE(ct_masked_fill(in[0], in[1], in[2]), .shapes = {SCALAR, SCALAR, SCALAR}, .kinds = "fbf", .smooth = true);
    CASE(ct_masked_fill(in[0], in[1], in[2]), .shapes = {SIZES(0, 2), SIZES(1, 2), SCALAR}, .kinds = "fbf", .smooth = true);
    CASE(ct_masked_fill(in[0], in[1], in[2]), .shapes = {SIZES(93, 101), SIZES(93, 1), SCALAR}, .kinds = "fbf", .smooth = true);
    CASE(ct_masked_fill(in[0], in[1], -INFINITY), .shapes = {SIZES(2), SIZES(2)}, .kinds = "fb", .values = {LIST(1, 2), LIST(1, 0)}, .expect = LIST(-INFINITY, 2), .no_gradcheck = "infinite");
    CASE(ct_masked_fill(in[0], in[1], 7), .shapes = {SIZES(2), SIZES(2)}, .kinds = "ib", .values = {LIST(1, 2), LIST(1, 0)}, .expect = LIST(7, 2));
    REFUSED(0, "does not fit", ct_masked_fill(in[0], in[1], 0.5), .shapes = {SIZES(2), SIZES(2)}, .kinds = "ib");
    REFUSED(0, "want bool", ct_masked_fill(in[0], in[1], 0.5), .shapes = {SIZES(2), SIZES(2)}, .kinds = "fi");
}
