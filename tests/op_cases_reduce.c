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
    CASE(ct_sum(in[0]), .shapes = {SIZES(311, 211)}, .split = true, .tolerance = 1e-4);
    CASE(ct_sum(in[0], 0), .shapes = {SIZES(93, 101)});
    CASE(ct_sum(in[0], 0), .shapes = {SIZES(311, 211)}, .split = true);
    CASE(ct_sum(in[0], 1), .shapes = {SIZES(93, 101)});
    CASE(ct_sum(in[0], 1), .shapes = {SIZES(311, 211)}, .split = true);
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
    CASE(ct_nanmean(in[0], CT_AXES(0, -1), .keepdims = true), .shapes = {SIZES(2, 3, 2)}, .smooth = true);
    CASE(ct_nanmean(in[0], 1), .shapes = {SIZES(2, 3)}, .values = {LIST(1, NAN, 2, NAN, NAN, NAN)}, .expect = LIST(1.5, NAN), .no_gradcheck = "NaN");
    CASE(ct_nanmean(in[0]), .shapes = {SIZES(0)}, .expect = LIST(NAN), .no_gradcheck = "NaN");
    REFUSED(0, "nanmean", ct_nanmean(in[0]), .shapes = {SIZES(3)}, .kinds = "i");
}

OP_CASES(nansum)
{
    CASE(ct_nansum(in[0]), .shapes = {SCALAR}, .smooth = true);
    CASE(ct_nansum(in[0]), .shapes = {SIZES(0)}, .expect = LIST(0));
    CASE(ct_nansum(in[0], 0), .shapes = {SIZES(150, 90)});
    CASE(ct_nansum(in[0]), .shapes = {SIZES(70001)}, .tolerance = 1e-4);
    CASE(ct_nansum(in[0], 1), .shapes = {SIZES(2, 3)}, .smooth = true);
    CASE(ct_nansum(in[0], 1), .shapes = {SIZES(2, 3)}, .values = {LIST(1, NAN, 2, NAN, NAN, NAN)}, .expect = LIST(3, 0), .no_gradcheck = "NaN");
    CASE(ct_nansum(in[0]), .shapes = {SIZES(3)}, .kinds = "i", .values = {LIST(1, 2, 3)}, .expect = LIST(6));
    REFUSED(0, "nansum: axis 1", ct_nansum(in[0], 1), .shapes = {SIZES(3)});
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
    CASE(ct_var(in[0], 0), .shapes = {SIZES(311, 211)}, .split = true);
    CASE(ct_var(in[0], .correction = 2), .shapes = {SIZES(2)}, .values = {LIST(1, 2)}, .expect = LIST(INFINITY), .no_gradcheck = "infinite");
    REFUSED(0, "var", ct_var(in[0]), .shapes = {SIZES(2, 3)}, .kinds = "i");
}

OP_CASES(std)
{
    CASE(ct_std(in[0]), .shapes = {SIZES(2, 3)}, .smooth = true, .no_layouts = "equal values have a kink");
    CASE(ct_std(in[0], 1), .shapes = {SIZES(2, 3)}, .smooth = true, .no_layouts = "equal values have a kink");
    CASE(ct_std(in[0], CT_AXES(0, 2), .keepdims = true, .correction = 0), .shapes = {SIZES(2, 3, 2)}, .smooth = true, .no_layouts = "equal values have a kink");
    CASE(ct_std(in[0], 0), .shapes = {SIZES(3, 0)}, .smooth = true);
    CASE(ct_std(in[0], .correction = 0), .shapes = {SCALAR}, .expect = LIST(0), .smooth = true);
    CASE(ct_std(in[0]), .shapes = {SCALAR}, .expect = LIST(NAN), .no_gradcheck = "NaN");
    CASE(ct_std(in[0]), .shapes = {SIZES(0)}, .expect = LIST(NAN), .no_gradcheck = "NaN");
    CASE(ct_std(in[0], 0), .shapes = {SIZES(93, 101)}, .no_layouts = "equal values have a kink");
    CASE(ct_std(in[0], 1), .shapes = {SIZES(3, 2)}, .values = {LIST(1, 2, 5, 5, -1, 3)}, .expect = LIST(0.70710678118654752, 0, 2.8284271247461901),
         .no_gradcheck = "a kink");
    CASE(ct_std(in[0], 0), .shapes = {SIZES(3, 4)});
    REFUSED(0, "std", ct_std(in[0]), .shapes = {SIZES(2, 3)}, .kinds = "i");
    REFUSED(0, "std: axis 2", ct_std(in[0], 2), .shapes = {SIZES(2, 3)});
}

#define NORM_CASES(value)                                                                                                \
    CASE(ct_norm(in[0], .p = value), .shapes = {SIZES(2, 3)}, .smooth = true);                                           \
    CASE(ct_norm(in[0], 1, .p = value), .shapes = {SIZES(2, 3, 2)}, .smooth = true);                                     \
    CASE(ct_norm(in[0], CT_AXES(0, 2), .p = value, .keepdims = true), .shapes = {SIZES(2, 3, 2)}, .smooth = true);       \
    CASE(ct_norm(in[0], .p = value), .shapes = {SCALAR}, .smooth = true);                                                \
    CASE(ct_norm(in[0], 0, .p = value), .shapes = {SIZES(2, 0)}, .smooth = true);                                        \
    CASE(ct_norm(in[0], 1, .p = value), .shapes = {SIZES(93, 101)}, .tolerance = 1e-4)

OP_CASES(norm)
{
    NORM_CASES(2);
    NORM_CASES(1);
    NORM_CASES(3);
    NORM_CASES(1.5);
    NORM_CASES(0.5);
    NORM_CASES(0);
    NORM_CASES(-1);
    NORM_CASES(INFINITY);
    NORM_CASES(-INFINITY);
    CASE(ct_norm(in[0]), .shapes = {SIZES(3)}, .values = {LIST(0, 3, -4)}, .expect = LIST(5), .smooth = true, .no_layouts = "a kink where all are 0");
    CASE(ct_norm(in[0], .p = 3), .shapes = {SIZES(3)}, .values = {LIST(0, 3, -4)}, .expect = LIST(4.4979414452754147));
    CASE(ct_norm(in[0], .p = 0), .shapes = {SIZES(3)}, .values = {LIST(0, 3, -4)}, .expect = LIST(2), .no_gradcheck = "a jump");
    CASE(ct_norm(in[0], .p = -1), .shapes = {SIZES(3)}, .values = {LIST(0, 3, -4)}, .expect = LIST(0), .no_gradcheck = "a kink");
    CASE(ct_norm(in[0]), .shapes = {SIZES(0)}, .expect = LIST(0));
    CASE(ct_norm(in[0], .p = 0.5), .shapes = {SIZES(0)}, .expect = LIST(0));
    CASE(ct_norm(in[0]), .shapes = {SIZES(2)}, .values = {LIST(NAN, 1)}, .expect = LIST(NAN), .no_gradcheck = "NaN");
    REFUSED(0, "the inf-norm of nothing", ct_norm(in[0], .p = INFINITY), .shapes = {SIZES(2, 0)});
    REFUSED(0, "the -1-norm of nothing", ct_norm(in[0], 1, .p = -1), .shapes = {SIZES(2, 0)});
    REFUSED(0, "p is NaN", ct_norm(in[0], .p = NAN), .shapes = {SIZES(2)});
    REFUSED(0, "norm", ct_norm(in[0]), .shapes = {SIZES(2)}, .kinds = "i");
}

OP_CASES(prod)
{
    CASE(ct_prod(in[0]), .shapes = {SIZES(2, 3)}, .smooth = true);
    CASE(ct_prod(in[0], 1), .shapes = {SIZES(2, 3, 2)}, .smooth = true);
    CASE(ct_prod(in[0], CT_AXES(0, -1), .keepdims = true), .shapes = {SIZES(2, 3, 2)}, .smooth = true);
    CASE(ct_prod(in[0]), .shapes = {SCALAR}, .smooth = true);
    CASE(ct_prod(in[0], 1), .shapes = {SIZES(2, 0)}, .expect = LIST(1, 1), .smooth = true);
    CASE(ct_prod(in[0], 0), .shapes = {SIZES(2, 0)}, .smooth = true);
    CASE(ct_prod(in[0], 0), .shapes = {SIZES(93, 101)}, .range = {{0.8, 1.25}}, .tolerance = 1e-4);
    CASE(ct_prod(in[0], 0), .shapes = {SIZES(311, 211)}, .split = true, .range = {{0.8, 1.25}}, .tolerance = 1e-4);
    CASE(ct_prod(in[0], 1), .shapes = {SIZES(93, 101)}, .range = {{0.8, 1.25}}, .tolerance = 1e-4);
    CASE(ct_prod(in[0], 1), .shapes = {SIZES(311, 211)}, .split = true, .range = {{0.8, 1.25}}, .tolerance = 1e-4);
    CASE(ct_prod(in[0]), .shapes = {SIZES(93, 101)}, .range = {{0.99, 1.01}}, .tolerance = 1e-4);
    CASE(ct_prod(in[0]), .shapes = {SIZES(4)}, .values = {LIST(2, 0, 3, 5)}, .expect = LIST(0), .smooth = true);
    CASE(ct_prod(in[0], 0), .shapes = {SIZES(4)}, .values = {LIST(2, 0, 0, 5)}, .expect = LIST(0), .smooth = true);
    CASE(ct_prod(in[0], 0), .shapes = {SIZES(4)}, .values = {LIST(0, 0, 0, 5)}, .expect = LIST(0), .smooth = true);
    CASE(ct_prod(in[0], 1), .shapes = {SIZES(2, 2)}, .kinds = "i", .values = {LIST(1, -2, 3, 4)}, .expect = LIST(-2, 12));
    CASE(ct_prod(in[0]), .shapes = {SIZES(3)}, .kinds = "b", .values = {LIST(1, 1, 1)}, .expect = LIST(1));
    REFUSED(0, "prod: axis 2", ct_prod(in[0], 2), .shapes = {SIZES(2, 3)});
    REFUSED(0, "named twice", ct_prod(in[0], CT_AXES(1, -1)), .shapes = {SIZES(2, 3)});
}

#define TRUTH_CASES(name, of_nothing, ...)                                                                               \
    CASE(ct_##name(in[0]), .shapes = {SIZES(2, 3)});                                                                     \
    CASE(ct_##name(in[0], 1), .shapes = {SIZES(2, 3, 2)}, .kinds = "b");                                                 \
    CASE(ct_##name(in[0], CT_AXES(0, -1), .keepdims = true), .shapes = {SIZES(2, 3, 2)}, .kinds = "i");                  \
    CASE(ct_##name(in[0]), .shapes = {SCALAR}, .expect = LIST(1));                                                       \
    CASE(ct_##name(in[0], 1), .shapes = {SIZES(2, 0)}, .expect = LIST(of_nothing, of_nothing));                          \
    CASE(ct_##name(in[0], 0), .shapes = {SIZES(93, 101)}, .kinds = "i");                                                 \
    CASE(ct_##name(in[0], 0), .shapes = {SIZES(311, 211)}, .split = true, .kinds = "i");                                 \
    CASE(ct_##name(in[0], 1), .shapes = {SIZES(3, 3)}, .values = {LIST(0, -0.0, 0, 1, 0, NAN, -1, 2, NAN)}, .expect = LIST(__VA_ARGS__)); \
    REFUSED(0, #name ": axis 2", ct_##name(in[0], 2), .shapes = {SIZES(2, 3)})

OP_CASES(all)
{
    TRUTH_CASES(all, 1, 0, 0, 1);
}
OP_CASES(any)
{
    TRUTH_CASES(any, 0, 0, 1, 1);
}
OP_CASES(count_nonzero)
{
    TRUTH_CASES(count_nonzero, 0, 0, 2, 3);
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
        CASE(ct_##name(in[0], 0), .shapes = {SIZES(311, 211)}, .split = true);                                           \
        CASE(ct_##name(in[0], 1), .shapes = {SIZES(93, 101)});                                                           \
        CASE(ct_##name(in[0], 1), .shapes = {SIZES(311, 211)}, .split = true);                                           \
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
        CASE(ct_##name(in[0]), .shapes = {SIZES(311, 211)}, .split = true);                                              \
        CASE(ct_##name(in[0], CT_AXES(0, 2)), .shapes = {SIZES(13, 60, 13)});                                            \
        CASE(ct_##name(in[0]), .shapes = {SIZES(3)}, .kinds = "i", .values = {LIST(order * 1, order * 3, order * 2)}, .expect = LIST(order * 3)); \
        CASE(ct_##name(in[0]), .shapes = {SIZES(3)}, .values = {LIST(order * 1.0, NAN, order * 2.0)}, .expect = LIST(NAN), .no_gradcheck = "NaN"); \
        REFUSED(0, "nothing along axis", ct_##name(in[0]), .shapes = {SIZES(2, 0)});                                     \
        CASE(ct_a##name(in[0]), .shapes = {SIZES(2, 3)}, .smooth = true);                                                \
        CASE(ct_a##name(in[0], 1, .keepdims = true), .shapes = {SIZES(2, 3, 2)}, .smooth = true);                        \
        CASE(ct_a##name(in[0], CT_AXES(0, 2)), .shapes = {SIZES(2, 3, 2)}, .smooth = true);                              \
        CASE(ct_a##name(in[0], 0), .shapes = {SCALAR}, .smooth = true);                                                  \
        CASE(ct_a##name(in[0], 0), .shapes = {SIZES(2, 0)}, .smooth = true);                                             \
        CASE(ct_a##name(in[0], 0), .shapes = {SIZES(4)}, .values = {LIST(order * 1.0, NAN, order * 3.0, NAN)}, .expect = LIST(NAN), .no_gradcheck = "NaN"); \
        REFUSED(0, "a" #name ": (2, 0) has nothing along axis 1", ct_a##name(in[0], 1), .shapes = {SIZES(2, 0)});        \
    }                                                                                                                    \
    OP_CASES(arg)                                                                                                        \
    {                                                                                                                    \
        CASE(ct_##arg(in[0]), .shapes = {SIZES(2, 3)});                                                                  \
        CASE(ct_##arg(in[0], 1), .shapes = {SIZES(2, 3, 2)});                                                            \
        CASE(ct_##arg(in[0], -1, .keepdims = true), .shapes = {SIZES(2, 3)});                                            \
        CASE(ct_##arg(in[0]), .shapes = {SCALAR}, .expect = LIST(0));                                                    \
        CASE(ct_##arg(in[0], 0), .shapes = {SIZES(2, 0)});                                                               \
        CASE(ct_##arg(in[0], 1), .shapes = {SIZES(93, 101)});                                                            \
        CASE(ct_##arg(in[0], 1), .shapes = {SIZES(311, 211)}, .split = true);                                            \
        CASE(ct_##arg(in[0]), .shapes = {SIZES(93, 101)});                                                               \
        CASE(ct_##arg(in[0]), .shapes = {SIZES(311, 211)}, .split = true);                                               \
        CASE(ct_##arg(in[0]), .shapes = {SIZES(5)}, .values = {LIST(order * 1.0, order * 4.0, order * 4.0, order * 0.0, order * 2.0)}, .expect = LIST(1)); \
        CASE(ct_##arg(in[0]), .shapes = {SIZES(4)}, .values = {LIST(order * 1.0, NAN, order * 4.0, NAN)}, .expect = LIST(1)); \
        CASE(ct_##arg(in[0]), .shapes = {SIZES(2, 2)}, .kinds = "i", .values = {LIST(order * 1, order * 2, order * 9, order * 2)}, .expect = LIST(2)); \
        REFUSED(0, "is empty", ct_##arg(in[0]), .shapes = {SIZES(2, 0)});                                                \
        REFUSED(0, "nothing along axis", ct_##arg(in[0], 1), .shapes = {SIZES(2, 0)});                                   \
        REFUSED(0, "2 axes named", ct_##arg(in[0], CT_AXES(0, 1)), .shapes = {SIZES(2, 2)});                             \
    }
EXTREME_CASES(max, argmax, 1, true)
EXTREME_CASES(min, argmin, -1, false)

static ct_tensor *middle_place(ct_tensor *x, int axis)
{
    ct_tensor *indices = NULL;
    return ct_median(x, axis, .indices = &indices) ? indices : NULL;
}

OP_CASES(median)
{
    CASE(ct_median(in[0], 0), .shapes = {SIZES(5)}, .smooth = true);
    CASE(ct_median(in[0], 1), .shapes = {SIZES(2, 4, 2)}, .smooth = true);
    CASE(ct_median(in[0], -1, .keepdims = true), .shapes = {SIZES(2, 3)}, .smooth = true);
    CASE(ct_median(in[0], 0), .shapes = {SCALAR}, .smooth = true);
    CASE(ct_median(in[0], 0), .shapes = {SIZES(2, 0)}, .smooth = true);
    CASE(ct_median(in[0], 0), .shapes = {SIZES(93, 101)});
    CASE(ct_median(in[0], 0), .shapes = {SIZES(311, 211)}, .split = true);
    CASE(ct_median(in[0], 0), .shapes = {SIZES(4)}, .values = {LIST(4, 1, 3, 2)}, .expect = LIST(2), .smooth = true);
    CASE(ct_median(in[0], 0), .shapes = {SIZES(4)}, .kinds = "i", .values = {LIST(4, 1, 3, 2)}, .expect = LIST(2));
    CASE(ct_median(in[0], 1), .shapes = {SIZES(2, 3)}, .values = {LIST(1, NAN, 2, 7, INFINITY, -INFINITY)}, .expect = LIST(NAN, 7), .no_gradcheck = "NaN");
    CASE(middle_place(in[0], 1), .shapes = {SIZES(2, 4)}, .values = {LIST(1, NAN, 2, NAN, 4, 2, 2, 1)}, .expect = LIST(1, 1));
    REFUSED(0, "nothing along axis 1", ct_median(in[0], 1), .shapes = {SIZES(2, 0)});
    REFUSED(0, "2 axes named, want one, or none for all", ct_median(in[0], CT_AXES(0, 1)), .shapes = {SIZES(2, 3)});
    REFUSED(0, "0 axes named, want one", ct_median(in[0], .indices = &(ct_tensor *){0}), .shapes = {SIZES(2, 3)});
}

OP_CASES(median_shared)
{
    CASE(ct_median(in[0]), .shapes = {SIZES(2, 3)}, .smooth = true);
    CASE(ct_median(in[0], .keepdims = true), .shapes = {SIZES(3, 3)}, .smooth = true);
    CASE(ct_median(in[0]), .shapes = {SCALAR}, .smooth = true);
    CASE(ct_median(in[0]), .shapes = {SIZES(93, 101)});
    CASE(ct_median(in[0]), .shapes = {SIZES(311, 211)}, .split = true);
    CASE(ct_median(in[0]), .shapes = {SIZES(3)}, .values = {LIST(1, NAN, 2)}, .expect = LIST(NAN), .no_gradcheck = "NaN");
    CASE(ct_median(in[0]), .shapes = {SIZES(3)}, .kinds = "b", .values = {LIST(1, 0, 1)}, .expect = LIST(1));
    REFUSED(ZERO_SIZE, "median: (2, 0) is empty", ct_median(in[0]), .shapes = {SIZES(2, 0)});
}

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
        CASE(ct_##name(in[0], 1), .shapes = {SIZES(311, 211)}, .split = true);                                           \
        CASE(ct_##name(in[0], 0), .shapes = {SIZES(93, 101)});                                                           \
        CASE(ct_##name(in[0], 0), .shapes = {SIZES(311, 211)}, .split = true);                                           \
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
    CASE(ct_logsumexp(in[0], 0), .shapes = {SIZES(311, 211)}, .split = true);
    CASE(ct_logsumexp(in[0], 1), .shapes = {SIZES(93, 101)});
    CASE(ct_logsumexp(in[0], 1), .shapes = {SIZES(311, 211)}, .split = true);
    CASE(ct_logsumexp(in[0]), .shapes = {SIZES(93, 101)});
    CASE(ct_logsumexp(in[0]), .shapes = {SIZES(311, 211)}, .split = true);
    CASE(ct_logsumexp(in[0], 0), .shapes = {SIZES(2)}, .values = {LIST(1000, 1000)}, .expect = LIST(1000.69314718055994531), .tolerance = 1e-4);
    REFUSED(0, "logsumexp", ct_logsumexp(in[0], 0), .shapes = {SIZES(2)}, .kinds = "i");
}
