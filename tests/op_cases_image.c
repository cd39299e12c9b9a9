/* op_cases_image.c - rows of ops on images. What .expect holds for made-up inputs are PyTorch's answers. */
#include "op_cases.h"

static ct_tensor *deep(ct_tensor *x)            /* the same values, channels-last in memory */
{
    return ct_channels_last(x);
}

static ct_tensor *pooled_indices(ct_tensor *x, int64_t kernel, int64_t stride, int64_t padding, int64_t dilation)
{
    ct_tensor *indices = NULL, *y = ct_max_pool2d(x, kernel, .stride = stride, .padding = padding, .dilation = dilation, .indices = &indices);
    return y && indices ? ct_add(ct_mul(y, 0.0), indices) : NULL; /* floating, so that a row can ask for it */
}

/* What the indices name is what was found. */
static ct_tensor *found_again(ct_tensor *x, ct_tensor *y, ct_tensor *indices)
{
    const int flat = ct_rank(x) - 2;
    ct_tensor *there = y && indices ? ct_gather(ct_flatten(x, flat, -1), flat, ct_flatten(indices, flat, -1)) : NULL;
    return there && ct_equal(there, ct_flatten(y, flat, -1)) ? there : ct_fail("test: the indices name other elements");
}

static ct_tensor *max_again(ct_tensor *x, int64_t kernel, int64_t padding)
{
    ct_tensor *indices = NULL, *y = ct_max_pool2d(x, kernel, .stride = 2, .padding = padding, .indices = &indices);
    return found_again(x, y, indices);
}

static ct_tensor *adaptive_max_again(ct_tensor *x, int64_t size)
{
    ct_tensor *indices = NULL, *y = ct_adaptive_max_pool2d(x, size, .indices = &indices);
    return found_again(x, y, indices);
}

/* y, checked to lie in memory as an image of x's layout does. */
static ct_tensor *kept(ct_tensor *x, ct_tensor *y)
{
    return !y || ct_is_channels_last(x) == ct_is_channels_last(y) ? y : ct_fail("test: the layout changed");
}

#define KEPT(x_, f, ...)                                                                                                 \
    __extension__({                                                                                                      \
        ct_tensor *kept_x_ = (x_);                                                                                       \
        kept(kept_x_, f(kept_x_, __VA_ARGS__));                                                                          \
    })

OP_CASES(max_pool2d)
{
    CASE(ct_max_pool2d(in[0], 2), .shapes = {SIZES(2, 3, 4, 6)}, .smooth = true);
    CASE(ct_max_pool2d(in[0], 2), .shapes = {SIZES(3, 5, 4)}, .smooth = true);
    CASE(ct_max_pool2d(deep(in[0]), 2), .shapes = {SIZES(2, 3, 4, 6)}, .smooth = true);
    CASE(KEPT(deep(in[0]), ct_max_pool2d, 3, .stride = 2, .padding = 1), .shapes = {SIZES(1, 18, 3, 4)});
    CASE(KEPT(in[0], ct_max_pool2d, 3, .stride = 2, .padding = 1), .shapes = {SIZES(1, 2, 5, 9)}, .smooth = true, .no_layouts = "asks for the layout");
    CASE(ct_max_pool2d(in[0], 3, .stride = 1, .padding = 1), .shapes = {SIZES(1, 2, 4, 5)}, .smooth = true);
    CASE(ct_max_pool2d(in[0], CT_HW(1, 3), .stride = CT_HW(2, 3)), .shapes = {SIZES(1, 2, 3, 12)}, .smooth = true);
    CASE(ct_max_pool2d(in[0], 2, .dilation = 2), .shapes = {SIZES(1, 1, 4, 6)}, .smooth = true);
    CASE(ct_max_pool2d(in[0], CT_HW(3, 2), .stride = CT_HW(1, 2)), .shapes = {SIZES(1, 2, 4, 8)}, .smooth = true);
    CASE(ct_max_pool2d(in[0], 17), .shapes = {SIZES(1, 1, 17, 18)});
    CASE(ct_max_pool2d(in[0], CT_HW(17, 16), .stride = 1), .shapes = {SIZES(1, 1, 18, 20)});
    CASE(ct_max_pool2d(in[0], CT_HW(1, 70), .stride = 1), .shapes = {SIZES(1, 1, 2, 75)});
    CASE(ct_max_pool2d(in[0], 2), .shapes = {SIZES(0, 2, 4, 4)}, .smooth = true);
    CASE(ct_max_pool2d(in[0], 2), .shapes = {SIZES(3, 16, 28, 28)});
    CASE(ct_max_pool2d(deep(in[0]), 2), .shapes = {SIZES(3, 16, 28, 28)});
    CASE(ct_max_pool2d(in[0], 3, .stride = 2, .padding = 1), .shapes = {SIZES(2, 8, 33, 67)});
    CASE(ct_max_pool2d(deep(in[0]), 3, .stride = 2, .padding = 1), .shapes = {SIZES(2, 24, 17, 33)});
    CASE(max_again(in[0], 3, 1), .shapes = {SIZES(2, 3, 5, 7)});
    CASE(max_again(deep(in[0]), 2, 0), .shapes = {SIZES(2, 3, 5, 7)});
    CASE(max_again(in[0], 17, 0), .shapes = {SIZES(2, 17, 19)});
    CASE(ct_max_pool2d(in[0], 3, .stride = 2, .padding = 1, .ceil_mode = true), .shapes = {SIZES(1, 2, 5, 6)},
         .expect = LIST(1.9579999999999997, 1.8913333333333333, 1.758, 1.6246666666666667, 1.5579999999999998, 1.491333333333333, 1.3579999999999997, 1.2246666666666663, 0.75800000000000001, 0.69133333333333313, 0.55799999999999983, 0.42466666666666653, -0.042000000000000037, -0.10866666666666669, -0.24199999999999999, -0.3753333333333333, -0.44199999999999995, -0.5086666666666666, -0.6419999999999999, -0.77533333333333321, -1.242, -1.3086666666666669, -1.4420000000000002, -1.5753333333333333));
    CASE(ct_max_pool2d(in[0], CT_HW(2, 3), .stride = CT_HW(1, 2), .padding = CT_HW(1, 0), .dilation = CT_HW(3, 2)), .shapes = {SIZES(1, 1, 6, 7)},
         .expect = LIST(-0.34571428571428564, 0.035238095238095291, 0.98761904761904784, 1.3685714285714283, 1.9399999999999999, 1.9399999999999999, 1.6542857142857139, 1.6542857142857139, -1.0123809523809526, -0.63142857142857145));
    CASE(ct_max_pool2d(in[0], 2, .ceil_mode = true), .shapes = {SIZES(2, 1, 3, 5)},
         .expect = LIST(1.9159999999999999, 1.6493333333333333, 1.3826666666666667, 0.58266666666666689, 0.31600000000000028, 0.049333333333333229, -0.084000000000000075, -0.35066666666666668, -0.61733333333333351, -1.4173333333333333, -1.6839999999999999, -1.9506666666666668));
    CASE(ct_max_pool2d(in[0], 2, .stride = 3, .padding = 1, .ceil_mode = true), .shapes = {SIZES(1, 1, 5, 7)},
         .expect = LIST(-0.92914285714285727, 1.1280000000000001, 1.2422857142857144, 1.4708571428571431, 0.55657142857142849, 1.8137142857142856));
    CASE(pooled_indices(in[0], 3, 2, 1, 1), .shapes = {SIZES(1, 2, 5, 6)},
         .expect = LIST(0, 1, 3, 6, 7, 9, 18, 19, 21, 0, 1, 3, 6, 7, 9, 18, 19, 21));
    CASE(pooled_indices(in[0], 2, 2, 1, 3), .shapes = {SIZES(2, 1, 6, 7)},
         .expect = LIST(16, 15, 17, 9, 8, 13, 23, 22, 24, 16, 15, 17, 30, 8, 10, 23, 22, 24));
    CASE(ct_max_pool2d(in[0], 2), .shapes = {SIZES(1, 1, 2, 6)}, .values = {LIST(NAN, 1, -INFINITY, -INFINITY, INFINITY, 2, 0, 3, -INFINITY, -INFINITY, 5, NAN)},
         .expect = LIST(NAN, -INFINITY, NAN), .no_gradcheck = "NaN");
    REFUSED(ZERO_D, "want (N, C, H, W) or (C, H, W)", ct_max_pool2d(in[0], 1), .shapes = {SCALAR});
    REFUSED(0, "max_pool2d: (4, 4), want (N, C, H, W)", ct_max_pool2d(in[0], 2), .shapes = {SIZES(4, 4)});
    REFUSED(0, "has nothing along axis 1", ct_max_pool2d(in[0], 2), .shapes = {SIZES(2, 0, 4, 4)});
    REFUSED(0, "is larger than axis 2 of (1, 1, 4, 9)", ct_max_pool2d(in[0], 5), .shapes = {SIZES(1, 1, 4, 9)});
    REFUSED(0, "is larger than axis 3", ct_max_pool2d(in[0], 2, .dilation = CT_HW(1, 4)), .shapes = {SIZES(1, 1, 4, 4)});
    REFUSED(0, "padding 2 is more than half of kernel 3", ct_max_pool2d(in[0], 3, .padding = 2), .shapes = {SIZES(1, 1, 4, 4)});
    REFUSED(0, "holds padding alone", ct_max_pool2d(in[0], 2, .stride = 1, .padding = 1, .dilation = 2), .shapes = {SIZES(1, 1, 1, 1)});
    REFUSED(0, "kernel 0, want 1 to 2^30", ct_max_pool2d(in[0], 0), .shapes = {SIZES(1, 1, 4, 4)});
    REFUSED(0, "kernel (3, -1), want 1", ct_max_pool2d(in[0], CT_HW(2, -1)), .shapes = {SIZES(1, 1, 4, 4)});
    REFUSED(0, "stride -1, want 0", ct_max_pool2d(in[0], 2, .stride = -1), .shapes = {SIZES(1, 1, 4, 4)});
    REFUSED(0, "padding -1, want 0", ct_max_pool2d(in[0], 2, .padding = -1), .shapes = {SIZES(1, 1, 4, 4)});
    REFUSED(0, "dilation 0, want 1", ct_max_pool2d(in[0], 2, .dilation = 0), .shapes = {SIZES(1, 1, 4, 4)});
    REFUSED(0, "kernel 2147483648, want 1", ct_max_pool2d(in[0], INT64_C(1) << 31), .shapes = {SIZES(1, 1, 4, 4)});
    REFUSED(0, "want float32 or float64", ct_max_pool2d(in[0], 2), .shapes = {SIZES(1, 1, 4, 4)}, .kinds = "i");
}

OP_CASES(max_pool1d)
{
    CASE(ct_max_pool1d(in[0], 2), .shapes = {SIZES(2, 3, 6)}, .smooth = true);
    CASE(ct_max_pool1d(in[0], 3, .stride = 1, .padding = 1), .shapes = {SIZES(3, 7)}, .smooth = true);
    CASE(ct_max_pool1d(in[0], 2), .shapes = {SIZES(0, 3, 6)}, .smooth = true);
    CASE(ct_max_pool1d(in[0], 5, .stride = 2), .shapes = {SIZES(4, 31, 101)});
    CASE(ct_max_pool1d(in[0], 3, .stride = 2, .padding = 1, .dilation = 2, .ceil_mode = true), .shapes = {SIZES(2, 2, 8)},
         .expect = LIST(1.7962500000000001, 1.7962500000000001, 1.5462500000000001, 1.2962500000000001, 0.79625000000000012, 0.79625000000000012, 0.54625000000000012, 0.29625000000000012, -0.2037500000000001, -0.2037500000000001, -0.4537500000000001, -0.7037500000000001, -1.2037499999999999, -1.2037499999999999, -1.4537499999999999, -1.7037499999999999));
    REFUSED(ZERO_D, "want (N, C, L) or (C, L)", ct_max_pool1d(in[0], 1), .shapes = {SCALAR});
    REFUSED(0, "is larger than axis 2 of (1, 2, 3)", ct_max_pool1d(in[0], 4), .shapes = {SIZES(1, 2, 3)});
    REFUSED(0, "kernel is CT_HW(2, 2), want one number", ct_max_pool1d(in[0], CT_HW(2, 2)), .shapes = {SIZES(1, 2, 3)});
    REFUSED(0, "max_pool1d: padding 1 is more than half", ct_max_pool1d(in[0], 1, .padding = 1), .shapes = {SIZES(1, 2, 3)});
}

OP_CASES(adaptive_max_pool2d)
{
    CASE(ct_adaptive_max_pool2d(in[0], 1), .shapes = {SIZES(2, 3, 4, 5)}, .smooth = true);
    CASE(ct_adaptive_max_pool2d(in[0], CT_HW(2, 3)), .shapes = {SIZES(2, 4, 7)}, .smooth = true);
    CASE(ct_adaptive_max_pool2d(deep(in[0]), 3), .shapes = {SIZES(2, 3, 5, 4)}, .smooth = true);
    CASE(ct_adaptive_max_pool2d(in[0], 2), .shapes = {SIZES(0, 3, 5, 4)}, .smooth = true);
    CASE(ct_adaptive_max_pool2d(in[0], 5), .shapes = {SIZES(2, 7, 28, 33)});
    CASE(ct_adaptive_max_pool2d(deep(in[0]), 1), .shapes = {SIZES(2, 19, 17, 18)});
    CASE(adaptive_max_again(in[0], CT_HW(3, 4)), .shapes = {SIZES(2, 3, 7, 9)});
    CASE(adaptive_max_again(deep(in[0]), 1), .shapes = {SIZES(2, 3, 7, 9)});
    CASE(ct_adaptive_max_pool2d(in[0], CT_HW(3, 2)), .shapes = {SIZES(1, 2, 7, 5)},
         .expect = LIST(1.621142857142857, 1.7354285714285718, 1.8497142857142861, 1.8497142857142861, 1.9640000000000004, 1.8497142857142861, 1.6782857142857144, 1.5640000000000001, 1.6782857142857144, 1.7925714285714287, 1.906857142857143, 1.5068571428571427));
    CASE(ct_adaptive_max_pool2d(in[0], CT_HW(2, 5)), .shapes = {SIZES(1, 2, 4, 3)},
         .expect = LIST(1.895, 1.895, 1.7283333333333335, 1.7283333333333335, 1.561666666666667, 0.89500000000000002, 0.89500000000000002, 0.7283333333333335, 0.7283333333333335, 0.56166666666666654, -0.1050000000000002, -0.1050000000000002, -0.27166666666666672, -0.27166666666666672, -0.43833333333333346, -1.105, -1.105, -1.2716666666666665, -1.2716666666666665, -1.4383333333333335));
    REFUSED(ZERO_D, "want (N, C, H, W)", ct_adaptive_max_pool2d(in[0], 1), .shapes = {SCALAR});
    REFUSED(0, "size 0, want 1", ct_adaptive_max_pool2d(in[0], 0), .shapes = {SIZES(1, 1, 4, 4)});
    REFUSED(0, "want float32 or float64", ct_adaptive_max_pool2d(in[0], 1), .shapes = {SIZES(1, 1, 4, 4)}, .kinds = "b");
}

OP_CASES(avg_pool2d)
{
    CASE(ct_avg_pool2d(in[0], 2), .shapes = {SIZES(2, 3, 4, 6)}, .smooth = true);
    CASE(ct_avg_pool2d(in[0], 2), .shapes = {SIZES(3, 5, 4)}, .smooth = true);
    CASE(KEPT(deep(in[0]), ct_avg_pool2d, 2), .shapes = {SIZES(2, 3, 4, 6)}, .smooth = true);
    CASE(ct_avg_pool2d(deep(in[0]), 3, .stride = 2, .padding = 1), .shapes = {SIZES(1, 18, 5, 4)});
    CASE(ct_avg_pool2d(deep(in[0]), 3, .stride = 2, .padding = 1, .count_exclude_pad = true), .shapes = {SIZES(1, 3, 5, 4)}, .smooth = true);
    CASE(ct_avg_pool2d(in[0], 3, .stride = 1, .padding = 1, .count_exclude_pad = true), .shapes = {SIZES(1, 2, 4, 5)}, .smooth = true);
    CASE(ct_avg_pool2d(in[0], 3, .stride = 2, .padding = 1, .divisor = 7), .shapes = {SIZES(1, 2, 4, 9)}, .smooth = true);
    CASE(ct_avg_pool2d(in[0], CT_HW(4, 2), .stride = CT_HW(3, 2)), .shapes = {SIZES(1, 2, 7, 8)}, .smooth = true);
    CASE(ct_avg_pool2d(in[0], CT_HW(2, 70), .stride = 1), .shapes = {SIZES(1, 1, 2, 75)});
    CASE(ct_avg_pool2d(in[0], 2), .shapes = {SIZES(0, 2, 4, 4)}, .smooth = true);
    CASE(ct_avg_pool2d(in[0], 2), .shapes = {SIZES(3, 16, 28, 28)});
    CASE(ct_avg_pool2d(deep(in[0]), 2), .shapes = {SIZES(3, 16, 28, 28)});
    CASE(ct_avg_pool2d(in[0], 3, .stride = 2, .padding = 1), .shapes = {SIZES(2, 8, 33, 137)});
    CASE(ct_avg_pool2d(deep(in[0]), 3, .stride = 2, .padding = 1), .shapes = {SIZES(2, 24, 17, 33)});
    CASE(ct_avg_pool2d(in[0], 3, .stride = 2, .padding = 1, .ceil_mode = true), .shapes = {SIZES(1, 2, 5, 6)},
         .expect = LIST(0.76651851851851838, 1.0831111111111111, 0.99422222222222212, 0.47488888888888886, 0.74977777777777765, 1.0246666666666664, 0.8913333333333332, 0.41233333333333322, 0.23318518518518511, 0.28311111111111104, 0.19422222222222216, 0.074888888888888852, -0.12237037037037037, -0.25022222222222218, -0.33911111111111109, -0.19177777777777774, -0.58355555555555549, -0.97533333333333339, -1.1086666666666665, -0.58766666666666667, -0.65570370370370368, -1.0502222222222222, -1.1391111111111112, -0.59177777777777774));
    CASE(ct_avg_pool2d(in[0], 3, .stride = 2, .padding = 1, .ceil_mode = true, .count_exclude_pad = true), .shapes = {SIZES(1, 2, 5, 6)},
         .expect = LIST(1.7246666666666663, 1.6246666666666669, 1.4913333333333332, 1.4246666666666665, 1.1246666666666665, 1.0246666666666664, 0.8913333333333332, 0.82466666666666644, 0.5246666666666665, 0.42466666666666653, 0.29133333333333322, 0.22466666666666657, -0.27533333333333332, -0.3753333333333333, -0.5086666666666666, -0.57533333333333325, -0.8753333333333333, -0.97533333333333339, -1.1086666666666665, -1.1753333333333333, -1.4753333333333334, -1.5753333333333333, -1.7086666666666668, -1.7753333333333332));
    CASE(ct_avg_pool2d(in[0], CT_HW(2, 4), .stride = CT_HW(1, 3), .padding = CT_HW(1, 2), .divisor = 5), .shapes = {SIZES(1, 1, 4, 6)},
         .expect = LIST(0.72466666666666668, 1.1826666666666668, 0.45800000000000007, 1.0493333333333335, 1.5653333333333337, 0.51600000000000001, 0.24933333333333332, -0.034666666666666804, -0.28400000000000009, -0.55066666666666664, -1.6346666666666667, -1.0840000000000001, -0.47533333333333327, -1.2173333333333332, -0.74199999999999999));
    CASE(ct_avg_pool2d(in[0], 2, .stride = 3, .padding = 1, .ceil_mode = true), .shapes = {SIZES(1, 1, 5, 7)},
         .expect = LIST(-0.23228571428571432, -0.17885714285714283, 0.3640000000000001, 0.53542857142857148, -0.35771428571428582, -0.27200000000000002));
    CASE(ct_avg_pool2d(in[0], 2, .divisor = -2), .shapes = {SIZES(2, 4, 5)},
         .expect = LIST(-3.2739999999999996, -2.8739999999999997, -1.2740000000000005, -0.87400000000000011, 0.72599999999999998, 1.1259999999999999, 2.726, 3.1259999999999994));
    REFUSED(ZERO_D, "want (N, C, H, W)", ct_avg_pool2d(in[0], 1), .shapes = {SCALAR});
    REFUSED(0, "is larger than axis 2", ct_avg_pool2d(in[0], 5), .shapes = {SIZES(1, 1, 4, 9)});
    REFUSED(0, "padding 2 is more than half of kernel 2", ct_avg_pool2d(in[0], 2, .padding = CT_HW(1, 2)), .shapes = {SIZES(1, 1, 4, 4)});
    REFUSED(0, "kernel -3, want 1", ct_avg_pool2d(in[0], -3), .shapes = {SIZES(1, 1, 4, 4)});
    REFUSED(0, "want float32 or float64", ct_avg_pool2d(in[0], 2), .shapes = {SIZES(1, 1, 4, 4)}, .kinds = "i");
}

OP_CASES(avg_pool1d)
{
    CASE(ct_avg_pool1d(in[0], 2), .shapes = {SIZES(2, 3, 6)}, .smooth = true);
    CASE(ct_avg_pool1d(in[0], 3, .stride = 1, .padding = 1), .shapes = {SIZES(3, 7)}, .smooth = true);
    CASE(ct_avg_pool1d(in[0], 3, .divisor = 2), .shapes = {SIZES(3, 7)}, .smooth = true);
    CASE(ct_avg_pool1d(in[0], 2), .shapes = {SIZES(0, 3, 6)}, .smooth = true);
    CASE(ct_avg_pool1d(in[0], 5, .stride = 2), .shapes = {SIZES(4, 31, 101)});
    CASE(ct_avg_pool1d(in[0], 4, .stride = 3, .padding = 2, .ceil_mode = true), .shapes = {SIZES(2, 2, 7)},
         .expect = LIST(0.49071428571428577, -0.44714285714285718, 0.3253571428571429, -0.0092857142857143415, -0.44714285714285706, 0.57535714285714301, -0.50928571428571434, 0.55285714285714294, -0.17464285714285704, -0.0092857142857142305, 0.55285714285714294, -0.9246428571428571));
    CASE(ct_avg_pool1d(in[0], 4, .stride = 3, .padding = 2, .ceil_mode = true, .count_exclude_pad = true), .shapes = {SIZES(2, 2, 7)},
         .expect = LIST(0.98142857142857154, -0.44714285714285718, 0.43380952380952387, -0.018571428571428683, -0.44714285714285706, 0.76714285714285735, -1.0185714285714287, 0.55285714285714294, -0.23285714285714273, -0.018571428571428461, 0.55285714285714294, -1.2328571428571429));
    REFUSED(ZERO_D, "want (N, C, L) or (C, L)", ct_avg_pool1d(in[0], 1), .shapes = {SCALAR});
    REFUSED(0, "is larger than axis 1 of (2, 3)", ct_avg_pool1d(in[0], 4), .shapes = {SIZES(2, 3)});
}

OP_CASES(adaptive_avg_pool2d)
{
    CASE(ct_adaptive_avg_pool2d(in[0], 1), .shapes = {SIZES(2, 3, 4, 5)}, .smooth = true);
    CASE(ct_adaptive_avg_pool2d(deep(in[0]), 1), .shapes = {SIZES(2, 3, 4, 5)}, .smooth = true);
    CASE(ct_adaptive_avg_pool2d(in[0], CT_HW(2, 3)), .shapes = {SIZES(2, 4, 7)}, .smooth = true);
    CASE(KEPT(deep(in[0]), ct_adaptive_avg_pool2d, 3), .shapes = {SIZES(2, 3, 5, 4)}, .smooth = true);
    CASE(ct_adaptive_avg_pool2d(in[0], 2), .shapes = {SIZES(0, 3, 5, 4)}, .smooth = true);
    CASE(ct_adaptive_avg_pool2d(in[0], 5), .shapes = {SIZES(2, 7, 28, 133)});
    CASE(ct_adaptive_avg_pool2d(in[0], 1), .shapes = {SIZES(2, 7, 28, 133)});
    CASE(ct_adaptive_avg_pool2d(deep(in[0]), 1), .shapes = {SIZES(2, 83, 8, 9)});
    CASE(ct_adaptive_avg_pool2d(in[0], CT_HW(3, 2)), .shapes = {SIZES(1, 2, 7, 5)},
         .expect = LIST(-0.1566349206349206, -0.016952380952380903, 0.097333333333333424, 0.23701587301587304, 0.35130158730158728, 0.046539682539682513, 0.065587301587301486, -0.23917460317460323, -0.12488888888888895, 0.014793650793650777, 0.12907936507936504, -0.17568253968253975));
    CASE(ct_adaptive_avg_pool2d(in[0], CT_HW(2, 5)), .shapes = {SIZES(1, 2, 4, 3)},
         .expect = LIST(1.645, 1.5616666666666668, 1.4783333333333335, 1.3950000000000005, 1.311666666666667, 0.64500000000000002, 0.56166666666666665, 0.47833333333333328, 0.39499999999999991, 0.31166666666666654, -0.3550000000000002, -0.43833333333333346, -0.52166666666666672, -0.60499999999999998, -0.68833333333333335, -1.355, -1.4383333333333332, -1.5216666666666665, -1.605, -1.6883333333333335));
    REFUSED(ZERO_D, "want (N, C, H, W)", ct_adaptive_avg_pool2d(in[0], 1), .shapes = {SCALAR});
    REFUSED(0, "size (3, 0), want 1", ct_adaptive_avg_pool2d(in[0], CT_HW(3, 0)), .shapes = {SIZES(1, 1, 4, 4)});
    REFUSED(0, "want float32 or float64", ct_adaptive_avg_pool2d(in[0], 1), .shapes = {SIZES(1, 1, 4, 4)}, .kinds = "i");
}

OP_CASES(interpolate)
{
    CASE(ct_interpolate(in[0], 5), .shapes = {SIZES(2, 3, 3, 4)}, .smooth = true);
    CASE(ct_interpolate(in[0], 2), .shapes = {SIZES(3, 5, 4)}, .smooth = true);
    CASE(ct_interpolate(deep(in[0]), CT_HW(6, 3)), .shapes = {SIZES(2, 3, 3, 4)}, .smooth = true);
    CASE(ct_interpolate(in[0], 5, .mode = CT_BILINEAR), .shapes = {SIZES(1, 2, 3, 4)}, .smooth = true);
    CASE(ct_interpolate(in[0], 2, .mode = CT_BILINEAR), .shapes = {SIZES(2, 5, 4)}, .smooth = true);
    CASE(KEPT(deep(in[0]), ct_interpolate, CT_HW(5, 2), .mode = CT_BILINEAR, .align_corners = true), .shapes = {SIZES(2, 3, 3, 4)}, .smooth = true);
    CASE(ct_interpolate(in[0], 5, .mode = CT_BILINEAR), .shapes = {SIZES(0, 2, 3, 4)}, .smooth = true);
    CASE(ct_interpolate(in[0], 66, .mode = CT_BILINEAR), .shapes = {SIZES(2, 3, 33, 33)}, .tolerance = 1e-4);
    CASE(ct_interpolate(deep(in[0]), CT_HW(34, 19), .mode = CT_BILINEAR), .shapes = {SIZES(2, 24, 17, 37)}, .tolerance = 1e-4);
    CASE(ct_interpolate(in[0], CT_HW(66, 40)), .shapes = {SIZES(2, 3, 33, 33)});
    CASE(ct_interpolate(deep(in[0]), 34), .shapes = {SIZES(2, 24, 17, 17)});
    CASE(ct_interpolate(in[0], CT_HW(5, 4)), .shapes = {SIZES(1, 1, 3, 7)},
         .expect = LIST(-1.5485714285714285, -1.1676190476190476, -0.40571428571428592, 0.35619047619047617, -1.5485714285714285, -1.1676190476190476, -0.40571428571428592, 0.35619047619047617, 1.1180952380952385, 1.4990476190476194, -1.739047619047619, -0.97714285714285709, 1.1180952380952385, 1.4990476190476194, -1.739047619047619, -0.97714285714285709, -0.21523809523809545, 0.16571428571428548, 0.92761904761904734, 1.6895238095238096));
    CASE(ct_interpolate(in[0], CT_HW(2, 6)), .shapes = {SIZES(1, 2, 5, 3)},
         .expect = LIST(1.9159999999999999, 1.9159999999999999, 1.7826666666666666, 1.7826666666666666, 1.6493333333333333, 1.6493333333333333, 1.1160000000000001, 1.1160000000000001, 0.9826666666666668, 0.9826666666666668, 0.8493333333333335, 0.8493333333333335, -0.084000000000000075, -0.084000000000000075, -0.21733333333333338, -0.21733333333333338, -0.35066666666666668, -0.35066666666666668, -0.88400000000000012, -0.88400000000000012, -1.0173333333333332, -1.0173333333333332, -1.1506666666666665, -1.1506666666666665));
    CASE(ct_interpolate(in[0], CT_HW(5, 4), .mode = CT_BILINEAR), .shapes = {SIZES(1, 1, 3, 7)},
         .expect = LIST(-1.4057142857142857, -0.73904761904761906, -0.072380952380952601, 0.59428571428571431, -0.33904761904761899, 0.12761904761904763, -0.60571428571428576, 0.060952380952381022, 1.2609523809523813, 1.427619047619048, -1.4057142857142857, -0.73904761904761906, 0.46095238095238111, 0.92761904761904768, 0.19428571428571415, -0.63904761904761898, -0.072380952380952601, 0.59428571428571408, 1.260952380952381, -0.57238095238095243));
    CASE(ct_interpolate(in[0], CT_HW(5, 4), .mode = CT_BILINEAR, .align_corners = true), .shapes = {SIZES(1, 1, 3, 7)},
         .expect = LIST(-1.5485714285714285, -0.78666666666666663, -0.024761904761904985, 0.7371428571428571, -0.21523809523809501, 0.54666666666666686, -0.6914285714285715, 0.07047619047619047, 1.1180952380952385, 1.8800000000000003, -1.358095238095238, -0.59619047619047616, 0.45142857142857151, 1.2133333333333334, -0.024761904761904652, -1.2628571428571429, -0.21523809523809545, 0.54666666666666641, 1.3085714285714287, -1.9295238095238094));
    CASE(ct_interpolate(in[0], CT_HW(1, 6), .mode = CT_BILINEAR, .align_corners = true), .shapes = {SIZES(1, 2, 3, 3)},
         .expect = LIST(1.8600000000000003, 1.7711111111111113, 1.6822222222222223, 1.5933333333333335, 1.5044444444444443, 1.4155555555555552, -0.14000000000000012, -0.22888888888888897, -0.31777777777777783, -0.40666666666666668, -0.49555555555555547, -0.58444444444444432));
    CASE(ct_interpolate(in[0], CT_HW(3, 1), .mode = CT_BILINEAR), .shapes = {SIZES(1, 2, 1, 4)},
         .expect = LIST(0.93500000000000005, 0.93500000000000005, 0.93500000000000005, -1.0649999999999999, -1.0649999999999999, -1.0649999999999999));
    CASE(ct_interpolate(in[0], 2), .shapes = {SIZES(1, 1, 1, 2)}, .values = {LIST(INFINITY, NAN)}, .expect = LIST(INFINITY, NAN, INFINITY, NAN), .no_gradcheck = "infinite");
    REFUSED(ZERO_D, "want (N, C, H, W)", ct_interpolate(in[0], 1), .shapes = {SCALAR});
    REFUSED(0, "size 0, want 1", ct_interpolate(in[0], 0), .shapes = {SIZES(1, 1, 4, 4)});
    REFUSED(0, "align_corners is for CT_BILINEAR", ct_interpolate(in[0], 2, .align_corners = true), .shapes = {SIZES(1, 1, 4, 4)});
    REFUSED(0, "2 is no mode", ct_interpolate(in[0], 2, .mode = (ct_interpolation)2), .shapes = {SIZES(1, 1, 4, 4)});
    REFUSED(0, "nothing along axis 3", ct_interpolate(in[0], 2), .shapes = {SIZES(1, 1, 4, 0)});
    REFUSED(0, "want float32 or float64", ct_interpolate(in[0], 2), .shapes = {SIZES(1, 1, 4, 4)}, .kinds = "i");
}

OP_CASES(im2col)
{
    CASE(ct_im2col(in[0], 2), .shapes = {SIZES(2, 3, 4, 3)}, .smooth = true);
    CASE(ct_im2col(in[0], CT_HW(3, 2), .stride = 2, .padding = 1), .shapes = {SIZES(2, 4, 5)}, .smooth = true);
    CASE(ct_im2col(deep(in[0]), 3, .padding = 1), .shapes = {SIZES(2, 3, 4, 3)});
    CASE(ct_im2col(in[0], 2, .padding = 3, .dilation = 2), .shapes = {SIZES(1, 1, 3, 2)}, .smooth = true);
    CASE(ct_im2col(in[0], 2), .shapes = {SIZES(0, 3, 4, 3)}, .smooth = true);
    CASE(ct_im2col(in[0], 3, .padding = 1), .shapes = {SIZES(2, 8, 28, 28)});
    CASE(ct_im2col(deep(in[0]), 3, .stride = 2, .padding = 1), .shapes = {SIZES(2, 16, 28, 28)});
    CASE(ct_im2col(in[0], CT_HW(2, 1), .stride = CT_HW(2, 3), .padding = CT_HW(1, 2), .dilation = CT_HW(2, 1)), .shapes = {SIZES(1, 1, 4, 5)},
         .expect = LIST(0, 0, 0, 0, 0.67399999999999993, 0.073999999999999844, 0, 0.67399999999999993, 0.073999999999999844, 0, -1.3260000000000001, -1.9259999999999999));
    REFUSED(ZERO_D, "want (N, C, H, W)", ct_im2col(in[0], 1), .shapes = {SCALAR});
    REFUSED(0, "is larger than axis 2", ct_im2col(in[0], 5), .shapes = {SIZES(1, 1, 4, 9)});
    REFUSED(0, "stride 0, want 1", ct_im2col(in[0], 2, .stride = 0), .shapes = {SIZES(1, 1, 4, 4)});
    REFUSED(0, "overflow", ct_im2col(in[0], 1 << 30, .padding = 1 << 30), .shapes = {SIZES(1, 1, 4, 4)});
    REFUSED(0, "want float32 or float64", ct_im2col(in[0], 2), .shapes = {SIZES(1, 1, 4, 4)}, .kinds = "i");
}

OP_CASES(col2im)
{
    CASE(ct_col2im(in[0], CT_HW(4, 3), 2), .shapes = {SIZES(2, 8, 6)}, .smooth = true);
    CASE(ct_col2im(in[0], CT_HW(4, 5), CT_HW(3, 2), .stride = 2, .padding = 1), .shapes = {SIZES(6, 6)}, .smooth = true);
    CASE(ct_col2im(in[0], 3, 2, .padding = 1, .dilation = 2), .shapes = {SIZES(1, 4, 9)}, .smooth = true);
    CASE(ct_col2im(in[0], 3, 2), .shapes = {SIZES(0, 4, 4)}, .smooth = true);
    CASE(ct_col2im(in[0], 28, 3, .padding = 1), .shapes = {SIZES(2, 18, 784)});
    CASE(ct_col2im(in[0], CT_HW(4, 5), CT_HW(2, 3), .padding = CT_HW(0, 1)), .shapes = {SIZES(1, 6, 15)},
         .expect = LIST(3.2328888888888891, 3.7826666666666671, 3.6493333333333333, 3.516, 1.6328888888888891, 2.0213333333333336, 0.89866666666666628, 0.63200000000000012, 0.36533333333333329, -1.1786666666666668, 1.1324444444444453, -0.43466666666666676, -0.70133333333333381, -0.96799999999999975, -2.0675555555555558, -1.6560000000000001, -3.5506666666666664, -3.6840000000000002, -3.8173333333333335, -3.2559999999999998));
    REFUSED(ZERO_D, "want (N, C kh kw, windows)", ct_col2im(in[0], 1, 1), .shapes = {SCALAR});
    REFUSED(0, "want (C 4, 9)", ct_col2im(in[0], 4, 2), .shapes = {SIZES(1, 4, 8)});
    REFUSED(0, "want (C 4, 9)", ct_col2im(in[0], 4, 2), .shapes = {SIZES(1, 6, 9)});
    REFUSED(0, "is larger than axis 0 of (2, 2)", ct_col2im(in[0], 2, 3), .shapes = {SIZES(1, 9, 1)});
    REFUSED(0, "want float32 or float64", ct_col2im(in[0], 3, 2), .shapes = {SIZES(1, 4, 4)}, .kinds = "i");
}

OP_CASES(pixel_shuffle)
{
    CASE(ct_pixel_shuffle(in[0], 2), .shapes = {SIZES(2, 8, 3, 2)}, .smooth = true);
    CASE(ct_pixel_shuffle(in[0], 3), .shapes = {SIZES(9, 2, 2)}, .smooth = true);
    CASE(KEPT(deep(in[0]), ct_pixel_shuffle, 2), .shapes = {SIZES(2, 8, 3, 2)}, .smooth = true);
    CASE(ct_pixel_shuffle(in[0], 2), .shapes = {SIZES(0, 4, 2, 2)}, .smooth = true);
    CASE(ct_pixel_shuffle(in[0], 2), .shapes = {SIZES(2, 16, 20, 20)});
    CASE(ct_pixel_unshuffle(in[0], 2), .shapes = {SIZES(2, 3, 4, 6)}, .smooth = true);
    CASE(KEPT(deep(in[0]), ct_pixel_unshuffle, 2), .shapes = {SIZES(2, 3, 4, 6)}, .smooth = true);
    CASE(ct_pixel_unshuffle(in[0], 3), .shapes = {SIZES(2, 3, 6)}, .smooth = true);
    CASE(ct_pixel_shuffle(in[0], 2), .shapes = {SIZES(1, 8, 1, 2)},
         .expect = LIST(1.8424999999999998, 1.3424999999999998, 1.5924999999999998, 1.0924999999999998, 0.8424999999999998, 0.3424999999999998, 0.5924999999999998, 0.092499999999999805, -0.15749999999999997, -0.65749999999999997, -0.40749999999999997, -0.90749999999999997, -1.1575, -1.6575, -1.4075, -1.9075));
    CASE(ct_pixel_unshuffle(in[0], 2), .shapes = {SIZES(1, 1, 4, 4)},
         .expect = LIST(1.8424999999999998, 1.3424999999999998, -0.15749999999999997, -0.65749999999999997, 1.5924999999999998, 1.0924999999999998, -0.40749999999999997, -0.90749999999999997, 0.8424999999999998, 0.3424999999999998, -1.1575, -1.6575, 0.5924999999999998, 0.092499999999999805, -1.4075, -1.9075));
    REFUSED(ZERO_D, "want (N, C, H, W)", ct_pixel_shuffle(in[0], 1), .shapes = {SCALAR});
    REFUSED(0, "no multiple of 4", ct_pixel_shuffle(in[0], 2), .shapes = {SIZES(1, 6, 2, 2)});
    REFUSED(0, "factor 0, want 1", ct_pixel_shuffle(in[0], 0), .shapes = {SIZES(1, 4, 2, 2)});
    REFUSED(0, "no multiples of 2", ct_pixel_unshuffle(in[0], 2), .shapes = {SIZES(1, 4, 3, 2)});
}

OP_CASES(channels_last)
{
    CASE(ct_channels_last(in[0]), .shapes = {SIZES(2, 3, 4, 2)}, .smooth = true);
    CASE(ct_mul(ct_channels_last(in[0]), 2.0), .shapes = {SIZES(2, 1, 4, 1)}, .smooth = true);
    CASE(ct_channels_last(ct_channels_last(in[0])), .shapes = {SIZES(0, 3, 4, 2)}, .smooth = true);
    CASE(ct_channels_last(in[0]), .shapes = {SIZES(4, 16, 20, 20)});
    REFUSED(ZERO_D, "channels_last: (), want (N, C, H, W)", ct_channels_last(in[0]), .shapes = {SCALAR});
    REFUSED(0, "want (N, C, H, W)", ct_channels_last(in[0]), .shapes = {SIZES(3, 4, 2)});
}

OP_CASES(dropout2d)
{
    CASE(ct_dropout2d(in[0]), .shapes = {SIZES(2, 3, 2, 4)}, .smooth = true);
    CASE(ct_dropout2d(in[0], .p = 0.2), .shapes = {SIZES(4, 3, 5)}, .smooth = true);
    CASE(ct_mul(ct_dropout2d(in[0], .eval = true), 2.0), .shapes = {SIZES(2, 3, 2)}, .smooth = true);
    CASE(ct_dropout2d(deep(in[0])), .shapes = {SIZES(2, 3, 2, 4)}, .smooth = true);
    CASE(ct_dropout2d(in[0], .p = 1), .shapes = {SIZES(1, 2, 2)}, .values = {LIST(1, NAN, 3, INFINITY)}, .expect = LIST(0, 0, 0, 0), .no_gradcheck = "not finite");
    CASE(ct_dropout2d(in[0]), .shapes = {SIZES(0, 3, 2, 4)}, .smooth = true);
    CASE(ct_dropout2d(in[0]), .shapes = {SIZES(4, 16, 20, 20)});
    REFUSED(ZERO_D, "dropout2d: (), want (N, C, ...)", ct_dropout2d(in[0]), .shapes = {SCALAR});
    REFUSED(0, "p = 1.5", ct_dropout2d(in[0], .p = 1.5), .shapes = {SIZES(1, 2, 2)});
    REFUSED(0, "want float32 or float64", ct_dropout2d(in[0]), .shapes = {SIZES(1, 2, 2)}, .kinds = "i");
}
