/* op_cases_scan.c - rows of running sums, products and extremes. */
#include "autograd/ops/rows.h"
#include "op_cases.h"

#define SCAN_CASES(call, ...)                                                                                            \
    CASE_AS_(#call, call(in[0], 0), .shapes = {SIZES(5)}, .smooth = true);                                               \
    CASE_AS_(#call, call(in[0], 1), .shapes = {SIZES(2, 3, 2)}, .smooth = true);                                         \
    CASE_AS_(#call, call(in[0], -1), .shapes = {SIZES(2, 3)}, .smooth = true);                                           \
    CASE_AS_(#call, call(in[0], 0), .shapes = {SIZES(1, 3)}, .smooth = true);                                            \
    CASE_AS_(#call, call(in[0], 0), .shapes = {SCALAR}, .smooth = true);                                                 \
    CASE_AS_(#call, call(in[0], 1), .shapes = {SIZES(2, 0)}, .smooth = true);                                            \
    CASE_AS_(#call, call(in[0], 0), .shapes = {SIZES(2, 0)}, .smooth = true);                                            \
    CASE_AS_(#call, call(in[0], 0), .shapes = {SIZES(93, 101)}, __VA_ARGS__);                                            \
    CASE_AS_(#call, call(in[0], 0), .shapes = {SIZES(311, 211)}, .split = true, __VA_ARGS__);                            \
    CASE_AS_(#call, call(in[0], 1), .shapes = {SIZES(93, 101)}, __VA_ARGS__);                                            \
    CASE_AS_(#call, call(in[0], 1), .shapes = {SIZES(311, 211)}, .split = true, __VA_ARGS__);                            \
    REFUSED(0, "axis", call(in[0], 2), .shapes = {SIZES(2, 3)});                                                         \
    REFUSED(0, "operand is NULL", call(NULL, 0), .shapes = {SCALAR})

OP_CASES(cumsum)
{
    SCAN_CASES(ct_cumsum, .tolerance = 1e-4);
    CASE(ct_cumsum(in[0], 1), .shapes = {SIZES(2, 3)}, .kinds = "i", .values = {LIST(1, 2, 3, 4, 5, 6)}, .expect = LIST(1, 3, 6, 4, 9, 15));
    CASE(ct_cumsum(in[0], 0), .shapes = {SIZES(4)}, .kinds = "b", .values = {LIST(1, 0, 1, 1)}, .expect = LIST(1, 1, 2, 3));
    CASE(ct_cumsum(in[0], 0), .shapes = {SIZES(3)}, .values = {LIST(1, NAN, 2)}, .expect = LIST(1, NAN, NAN), .no_gradcheck = "NaN");
    CASE(ct_cumsum(in[0], 0), .shapes = {SIZES(70001)}, .tolerance = 1e-4);
}

OP_CASES(cumprod)
{
    SCAN_CASES(ct_cumprod, .tolerance = 1e-4);
    CASE(ct_cumprod(in[0], 0), .shapes = {SIZES(4)}, .values = {LIST(2, 0, 3, 5)}, .expect = LIST(2, 0, 0, 0), .smooth = true);
    CASE(ct_cumprod(in[0], 1), .shapes = {SIZES(2, 4)}, .values = {LIST(0, 2, 3, 0, 2, 0, 0, 3)}, .expect = LIST(0, 0, 0, 0, 2, 0, 0, 0), .smooth = true);
    CASE(ct_cumprod(in[0], 0), .shapes = {SIZES(2, 2)}, .kinds = "i", .values = {LIST(2, 3, 4, 5)}, .expect = LIST(2, 3, 8, 15));
    CASE(ct_cumprod(in[0], 0), .shapes = {SIZES(3)}, .kinds = "b", .values = {LIST(1, 1, 0)}, .expect = LIST(1, 1, 0));
}

OP_CASES(logcumsumexp)
{
    SCAN_CASES(ct_logcumsumexp, .tolerance = 1e-4);
    CASE(ct_logcumsumexp(in[0], 0), .shapes = {SIZES(3)}, .values = {LIST(1000, 1000, -1000)},
         .expect = LIST(1000, 1000.69314718055994531, 1000.69314718055994531), .tolerance = 1e-4, .smooth = true);
    CASE(ct_logcumsumexp(in[0], 0), .shapes = {SIZES(4)}, .values = {LIST(-INFINITY, -INFINITY, 1, 2)},
         .expect = LIST(-INFINITY, -INFINITY, 1, 2.31326168751822284), .no_gradcheck = "infinite");
    CASE(ct_logcumsumexp(in[0], 0), .shapes = {SIZES(4)}, .values = {LIST(1, INFINITY, NAN, 2)}, .expect = LIST(1, INFINITY, NAN, NAN),
         .no_gradcheck = "infinite");
    REFUSED(0, "logcumsumexp", ct_logcumsumexp(in[0], 0), .shapes = {SIZES(2)}, .kinds = "i");
}

OP_CASES(linear_recurrence)
{
    CASE(linear_recurrence(in[0], in[1]), .shapes = {SIZES(5), SIZES(5)}, .smooth = true);
    CASE(linear_recurrence(in[0], in[1]), .shapes = {SIZES(2, 3), SIZES(2, 3)}, .smooth = true);
    CASE(linear_recurrence(in[0], in[1]), .shapes = {SIZES(1), SIZES(1)}, .smooth = true);
    CASE(linear_recurrence(in[0], in[1]), .shapes = {SIZES(3, 0), SIZES(3, 0)}, .smooth = true);
    CASE(linear_recurrence(in[0], in[1]), .shapes = {SIZES(93, 101), SIZES(93, 101)}, .range = {{-1, 1}, {-2, 2}}, .tolerance = 1e-4);
    CASE(linear_recurrence(in[0], in[1]), .shapes = {SIZES(311, 211), SIZES(311, 211)}, .split = true, .range = {{-1, 1}, {-2, 2}}, .tolerance = 1e-4);
    CASE(linear_recurrence(in[0], in[1]), .shapes = {SIZES(3), SIZES(3)}, .values = {LIST(INFINITY, 2, 0), LIST(1, 3, 4)}, .expect = LIST(1, 5, 4),
         .no_gradcheck = "infinite");
    REFUSED(ZERO_D, "terms is NULL", linear_recurrence(in[0], NULL), .shapes = {SIZES(1)}); /* 0-d tensors come as rows of one */
}

static ct_tensor *latest(ct_tensor *x, int axis, bool largest)
{
    ct_tensor *indices = NULL;
    ct_tensor *y = largest ? ct_cummax(x, axis, .indices = &indices) : ct_cummin(x, axis, .indices = &indices);
    return y ? indices : NULL;
}

/* `order` negates values, so that the rows of cummax serve cummin. */
#define RUNNING_EXTREME_CASES(name, order, largest)                                                                      \
    OP_CASES(name)                                                                                                       \
    {                                                                                                                    \
        SCAN_CASES(ct_##name, .tolerance = 1e-5);                                                                        \
        CASE(ct_##name(in[0], 0), .shapes = {SIZES(6)}, .values = {LIST(order * 1.0, order * 2.0, order * 2.0, NAN, order * 1.0, NAN)}, \
             .expect = LIST(order * 1.0, order * 2.0, order * 2.0, NAN, NAN, NAN), .no_gradcheck = "NaN");               \
        CASE(latest(in[0], 0, largest), .shapes = {SIZES(6)}, .values = {LIST(order * 1.0, order * 2.0, order * 2.0, NAN, order * 1.0, NAN)}, \
             .expect = LIST(0, 1, 2, 3, 3, 5));                                                                          \
        CASE(latest(in[0], 0, largest), .shapes = {SIZES(2, 2)}, .kinds = "i", .values = {LIST(0, order * 3, order * 1, 0)}, .expect = LIST(0, 0, 1, 0)); \
        CASE(ct_##name(in[0], 0), .shapes = {SIZES(3)}, .kinds = "b", .values = {LIST(!largest, largest, !largest)},     \
             .expect = LIST(!largest, largest, largest));                                                                \
    }
RUNNING_EXTREME_CASES(cummax, 1, true)
RUNNING_EXTREME_CASES(cummin, -1, false)
