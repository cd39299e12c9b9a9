/* op_cases_reduce.c - rows of the ops that fold or normalise axes. */
#include "op_cases.h"

OP_CASES(sum)
{
    CASE(ct_sum(in[0]), .shapes = {SIZES(2, 3)}, .smooth = true);
    CASE(ct_sum(in[0], 1), .shapes = {SIZES(2, 3, 2)}, .smooth = true);
    CASE(ct_sum(in[0], CT_AXES(0, -1), .keepdims = true), .shapes = {SIZES(2, 3, 2)}, .smooth = true);
    CASE(ct_sum(in[0], 0), .shapes = {SIZES(3, 5)}, .smooth = true);
    CASE(ct_sum(in[0]), .shapes = {SCALAR}, .smooth = true);
    CASE(ct_sum(in[0], -1), .shapes = {SCALAR}, .smooth = true);
    CASE(ct_sum(in[0], 1), .shapes = {SIZES(2, 0)}, .expect = LIST(0, 0), .smooth = true);
    CASE(ct_sum(in[0], 0), .shapes = {SIZES(2, 0)}, .smooth = true);
    CASE(ct_sum(in[0]), .shapes = {SIZES(93, 101)}, .tolerance = 1e-4);
    CASE(ct_sum(in[0], 0), .shapes = {SIZES(93, 101)});
    CASE(ct_sum(in[0], 1), .shapes = {SIZES(93, 101)});
    CASE(ct_sum(in[0], CT_AXES(0, 2)), .shapes = {SIZES(7, 61, 31)});
    CASE(ct_sum(in[0]), .shapes = {SIZES(70001)}, .tolerance = 1e-4);
    CASE(ct_sum(in[0], 0), .shapes = {SIZES(2, 2)}, .kinds = "i", .values = {LIST(1, 2, 3, 4)}, .expect = LIST(4, 6));
    CASE(ct_sum(in[0]), .shapes = {SIZES(4)}, .kinds = "b", .values = {LIST(1, 0, 1, 1)}, .expect = LIST(3));
    CASE(ct_sum_to(in[0], 3, 1), .shapes = {SIZES(2, 3, 2)}, .smooth = true);
    CASE(ct_sum_to_as(in[0], in[1]), .shapes = {SIZES(2, 3, 2), SIZES(1, 2)}, .kinds = "fi", .smooth = true);
    CASE((ct_sum_to)(in[0], NULL, 0), .shapes = {SIZES(2, 2)}, .smooth = true);
    CASE(ct_mean(in[0]), .shapes = {SIZES(2, 3)}, .smooth = true);
    CASE(ct_mean(in[0], 0, .keepdims = true), .shapes = {SIZES(2, 3)}, .smooth = true);
    CASE(ct_mean(in[0]), .shapes = {SCALAR}, .smooth = true);
    CASE(ct_mean(in[0]), .shapes = {SIZES(0)}, .expect = LIST(NAN), .no_gradcheck = "NaN");
    CASE(ct_mse(in[0], in[1]), .shapes = {SIZES(2, 3), SIZES(2, 3)}, .smooth = true);
    CASE(ct_mse(in[0], in[1], .reduction = CT_SUM), .shapes = {SIZES(4), SIZES(4)}, .smooth = true);
    CASE(ct_mse(in[0], in[1], .reduction = CT_NONE), .shapes = {SIZES(4), SIZES(4)}, .smooth = true);
    CASE(ct_mse(in[0], in[1]), .shapes = {SCALAR, SCALAR}, .smooth = true);
    CASE(ct_mse(in[0], in[1]), .shapes = {SIZES(0), SIZES(0)}, .expect = LIST(NAN), .no_gradcheck = "NaN");
    REFUSED(0, "differ", ct_mse(in[0], in[1]), .shapes = {SIZES(2, 3), SIZES(1, 3)});
    REFUSED(0, "sum", ct_sum(in[0], 2), .shapes = {SIZES(2, 3)});
    REFUSED(0, "sum", ct_sum(in[0], CT_AXES(1, -1)), .shapes = {SIZES(2, 3)});
    REFUSED(0, "mean", ct_mean(in[0]), .shapes = {SIZES(2, 3)}, .kinds = "i");
}

OP_CASES(var)
{
    CASE(ct_var(in[0]), .shapes = {SIZES(2, 3)}, .smooth = true);
    CASE(ct_var(in[0], 1), .shapes = {SIZES(2, 3)}, .smooth = true);
    CASE(ct_var(in[0], CT_AXES(0, 2), .keepdims = true, .correction = 0), .shapes = {SIZES(2, 3, 2)}, .smooth = true);
    CASE(ct_var(in[0], 0, .correction = 0), .shapes = {SIZES(1, 3)}, .expect = LIST(0, 0, 0), .smooth = true);
    CASE(ct_var(in[0], .correction = 0), .shapes = {SCALAR}, .expect = LIST(0), .smooth = true);
    CASE(ct_var(in[0], 0), .shapes = {SIZES(3, 0)}, .smooth = true);
    CASE(ct_var(in[0]), .shapes = {SIZES(0)}, .expect = LIST(NAN), .no_gradcheck = "NaN");
    CASE(ct_var(in[0], 0), .shapes = {SIZES(93, 101)});
    CASE(ct_var(in[0], .correction = 2), .shapes = {SIZES(2)}, .values = {LIST(1, 2)}, .expect = LIST(INFINITY), .no_gradcheck = "infinite");
    REFUSED(0, "var", ct_var(in[0]), .shapes = {SIZES(2, 3)}, .kinds = "i");
}

static ct_tensor *places(ct_tensor *x, int axis, bool largest)
{
    ct_tensor *indices = NULL;
    ct_tensor *y = largest ? ct_max(x, axis, .indices = &indices) : ct_min(x, axis, .indices = &indices);
    return y ? indices : NULL;
}

/* `order` negates the values of ties and expectations, so that the rows of max serve min. */
#define EXTREME_CASES(name, arg, order, largest)                                                                         \
    OP_CASES(name)                                                                                                       \
    {                                                                                                                    \
        CASE(ct_##name(in[0], 1), .shapes = {SIZES(2, 3, 2)}, .smooth = true);                                           \
        CASE(ct_##name(in[0], -1, .keepdims = true), .shapes = {SIZES(2, 3)}, .smooth = true);                           \
        CASE(ct_##name(in[0], 0), .shapes = {SCALAR}, .smooth = true);                                                   \
        CASE(ct_##name(in[0], 0), .shapes = {SIZES(2, 0)}, .smooth = true);                                              \
        CASE(ct_##name(in[0], 0), .shapes = {SIZES(93, 101)});                                                           \
        CASE(ct_##name(in[0], 1), .shapes = {SIZES(93, 101)});                                                           \
        CASE(ct_##name(in[0], 0), .shapes = {SIZES(4)}, .values = {LIST(order * 1.0, NAN, order * 3.0, NAN)}, .expect = LIST(NAN), .no_gradcheck = "NaN"); \
        CASE(ct_##name(in[0], 0), .shapes = {SIZES(3)}, .kinds = "i", .values = {LIST(order * 1, order * 3, order * 2)}, .expect = LIST(order * 3)); \
        CASE(ct_##name(in[0], 0), .shapes = {SIZES(2)}, .kinds = "b", .values = {LIST(1, 0)}, .expect = LIST(largest));  \
        CASE(places(in[0], 0, largest), .shapes = {SIZES(4)}, .values = {LIST(order * 1.0, order * 3.0, order * 3.0, order * 2.0)}, .expect = LIST(1)); \
        CASE(places(in[0], 1, largest), .shapes = {SIZES(2, 3)}, .kinds = "i", .values = {LIST(1, 2, 3, 3, 2, 1)},      \
             .expect = LIST(largest ? 2 : 0, largest ? 0 : 2));                                                          \
        REFUSED(0, "nothing along axis 1", ct_##name(in[0], 1), .shapes = {SIZES(2, 0)});                                \
    }                                                                                                                    \
    OP_CASES(name##_shared)                                                                                              \
    {                                                                                                                    \
        CASE(ct_##name(in[0]), .shapes = {SIZES(2, 3)}, .smooth = true);                                                 \
        CASE(ct_##name(in[0], CT_AXES(0, 2)), .shapes = {SIZES(2, 3, 2)}, .smooth = true);                               \
        CASE(ct_##name(in[0], CT_AXES(0, -1), .keepdims = true), .shapes = {SIZES(2, 3, 2)}, .smooth = true);            \
        CASE(ct_##name(in[0]), .shapes = {SCALAR}, .smooth = true);                                                      \
        CASE(ct_##name(in[0], CT_AXES(0, 1)), .shapes = {SIZES(2, 3, 0)}, .smooth = true);                               \
        CASE(ct_##name(in[0]), .shapes = {SIZES(93, 101)});                                                              \
        CASE(ct_##name(in[0], CT_AXES(0, 2)), .shapes = {SIZES(13, 60, 13)});                                            \
        CASE(ct_##name(in[0]), .shapes = {SIZES(3)}, .kinds = "i", .values = {LIST(order * 1, order * 3, order * 2)}, .expect = LIST(order * 3)); \
        CASE(ct_##name(in[0]), .shapes = {SIZES(3)}, .values = {LIST(order * 1.0, NAN, order * 2.0)}, .expect = LIST(NAN), .no_gradcheck = "NaN"); \
        REFUSED(0, "nothing along axis", ct_##name(in[0]), .shapes = {SIZES(2, 0)});                                     \
    }                                                                                                                    \
    OP_CASES(arg)                                                                                                        \
    {                                                                                                                    \
        CASE(ct_##arg(in[0]), .shapes = {SIZES(2, 3)});                                                                  \
        CASE(ct_##arg(in[0], 1), .shapes = {SIZES(2, 3, 2)});                                                            \
        CASE(ct_##arg(in[0], -1, .keepdims = true), .shapes = {SIZES(2, 3)});                                            \
        CASE(ct_##arg(in[0]), .shapes = {SCALAR}, .expect = LIST(0));                                                    \
        CASE(ct_##arg(in[0], 0), .shapes = {SIZES(2, 0)});                                                               \
        CASE(ct_##arg(in[0], 1), .shapes = {SIZES(93, 101)});                                                            \
        CASE(ct_##arg(in[0]), .shapes = {SIZES(93, 101)});                                                               \
        CASE(ct_##arg(in[0]), .shapes = {SIZES(5)}, .values = {LIST(order * 1.0, order * 4.0, order * 4.0, order * 0.0, order * 2.0)}, .expect = LIST(1)); \
        CASE(ct_##arg(in[0]), .shapes = {SIZES(4)}, .values = {LIST(order * 1.0, NAN, order * 4.0, NAN)}, .expect = LIST(1)); \
        CASE(ct_##arg(in[0]), .shapes = {SIZES(2, 2)}, .kinds = "i", .values = {LIST(order * 1, order * 2, order * 9, order * 2)}, .expect = LIST(2)); \
        REFUSED(0, "is empty", ct_##arg(in[0]), .shapes = {SIZES(2, 0)});                                                \
        REFUSED(0, "nothing along axis", ct_##arg(in[0], 1), .shapes = {SIZES(2, 0)});                                   \
        REFUSED(0, "2 axes named", ct_##arg(in[0], CT_AXES(0, 1)), .shapes = {SIZES(2, 2)});                             \
    }
EXTREME_CASES(max, argmax, 1, true)
EXTREME_CASES(min, argmin, -1, false)

#define SOFTMAX_CASES(name, ...)                                                                                         \
    OP_CASES(name)                                                                                                       \
    {                                                                                                                    \
        CASE(ct_##name(in[0], 1), .shapes = {SIZES(2, 3)}, .smooth = true);                                              \
        CASE(ct_##name(in[0], -2), .shapes = {SIZES(2, 3, 2)}, .smooth = true);                                          \
        CASE(ct_##name(in[0], 0), .shapes = {SIZES(3)}, .smooth = true);                                                 \
        CASE(ct_##name(in[0], 0), .shapes = {SCALAR}, .smooth = true);                                                   \
        CASE(ct_##name(in[0], 1), .shapes = {SIZES(2, 0)}, .smooth = true);                                              \
        CASE(ct_##name(in[0], 1), .shapes = {SIZES(0, 2)}, .smooth = true);                                              \
        CASE(ct_##name(in[0], 1), .shapes = {SIZES(93, 101)});                                                           \
        CASE(ct_##name(in[0], 0), .shapes = {SIZES(93, 101)});                                                           \
        CASE(ct_##name(in[0], 1), .shapes = {SIZES(2, 9001)});                                                           \
        CASE(ct_##name(in[0], 0), .shapes = {SIZES(2)}, .values = {LIST(1000, 1000)}, .expect = __VA_ARGS__);            \
        REFUSED(0, #name, ct_##name(in[0], 2), .shapes = {SIZES(2, 3)});                                                 \
        REFUSED(0, "int64", ct_##name(in[0], 0), .shapes = {SIZES(2)}, .kinds = "i");                                    \
    }
SOFTMAX_CASES(softmax, LIST(0.5, 0.5))
SOFTMAX_CASES(log_softmax, LIST(-0.69314718055994531, -0.69314718055994531))

OP_CASES(logsumexp)
{
    CASE(ct_logsumexp(in[0]), .shapes = {SIZES(2, 3)}, .smooth = true);
    CASE(ct_logsumexp(in[0], 1), .shapes = {SIZES(2, 3, 2)}, .smooth = true);
    CASE(ct_logsumexp(in[0], CT_AXES(0, 2), .keepdims = true), .shapes = {SIZES(2, 3, 2)}, .smooth = true);
    CASE(ct_logsumexp(in[0]), .shapes = {SCALAR}, .smooth = true);
    CASE(ct_logsumexp(in[0], 1), .shapes = {SIZES(2, 0)}, .expect = LIST(-INFINITY, -INFINITY), .no_gradcheck = "infinite");
    CASE(ct_logsumexp(in[0], 0), .shapes = {SIZES(2, 0)}, .smooth = true);
    CASE(ct_logsumexp(in[0], 0), .shapes = {SIZES(93, 101)});
    CASE(ct_logsumexp(in[0], 1), .shapes = {SIZES(93, 101)});
    CASE(ct_logsumexp(in[0]), .shapes = {SIZES(93, 101)});
    CASE(ct_logsumexp(in[0], 0), .shapes = {SIZES(2)}, .values = {LIST(1000, 1000)}, .expect = LIST(1000.69314718055994531), .tolerance = 1e-4);
    REFUSED(0, "logsumexp", ct_logsumexp(in[0], 0), .shapes = {SIZES(2)}, .kinds = "i");
}
