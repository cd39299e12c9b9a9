/* op_cases_convolution.c - rows of convolutions and of normalisation over channels. */
#include "op_cases.h"

#define CONV(...) ct_conv2d(in[0], in[1], in[2], __VA_ARGS__)
#define IMAGE SIZES(2, 2, 3, 4)
#define FEW_CASES(...)                                                                                                   \
    CASE(CONV(.padding = 1, __VA_ARGS__), .shapes = {SIZES(1, 2, 3, 4), SIZES(2, 2, 2, 3), SIZES(2)}, .smooth = true);   \
    CASE(ct_conv2d(in[0], in[1], NULL, __VA_ARGS__), .shapes = {SIZES(2, 3, 4), SIZES(3, 2, 2, 2)}, .smooth = true);     \
    CASE(CONV(.padding = 1, __VA_ARGS__), .shapes = {SIZES(0, 2, 4, 4), SIZES(3, 2, 3, 3), SIZES(3)}); /* row 48 */      \
    CASE(CONV(.padding = 1, __VA_ARGS__), .shapes = {SIZES(3, 16, 19, 11), SIZES(24, 16, 3, 3), SIZES(24)}, .tolerance = 1e-4)

OP_CASES(convolution)
{
    FEW_CASES(.activation = CT_IDENTITY);
    CASE(CONV(.padding = CT_HW(0, 2), .stride = CT_HW(1, 2)), .shapes = {IMAGE, SIZES(1, 2, 2, 3), SIZES(1)}, .smooth = true);
    CASE(CONV(.padding = 1, .stride = 2), .shapes = {SIZES(1, 2, 4, 5), SIZES(2, 2, 3, 3), SIZES(2)}, .smooth = true);
    CASE(CONV(.dilation = 2, .padding = 1), .shapes = {IMAGE, SIZES(2, 2, 2, 2), SIZES(2)}, .smooth = true);
    CASE(CONV(.padding = CT_SAME, .dilation = CT_HW(1, 2)), .shapes = {IMAGE, SIZES(2, 2, 3, 2), SIZES(2)}, .smooth = true);
    CASE(CONV(.groups = 2, .padding = 1), .shapes = {SIZES(1, 4, 2, 3), SIZES(2, 2, 3, 3), SIZES(2)}, .smooth = true);
    CASE(CONV(.groups = 3, .stride = 2, .padding = 1), .shapes = {SIZES(1, 3, 4, 3), SIZES(6, 1, 3, 2), SIZES(6)}, .smooth = true);
    CASE(CONV(.stride = 3), .shapes = {IMAGE, SIZES(2, 2, 1, 1), SIZES(2)}, .smooth = true);
    CASE(CONV(.padding = 3, .stride = 2), .shapes = {SIZES(2, 3, 49, 33), SIZES(17, 3, 7, 7), SIZES(17)}, .tolerance = 1e-4);
    CASE(CONV(.padding = 1, .groups = 32), .shapes = {SIZES(3, 32, 13, 17), SIZES(32, 1, 3, 3), SIZES(32)}, .tolerance = 1e-4);
    CASE(CONV(.activation = CT_TANH), .shapes = {IMAGE, SIZES(2, 2, 2, 2), SIZES(2)}, .smooth = true);
    CASE(ct_conv1d(in[0], in[1], in[2], .padding = 1, .stride = 2), .shapes = {SIZES(2, 3, 7), SIZES(4, 3, 3), SIZES(4)}, .smooth = true);
    CASE(ct_conv1d(in[0], in[1], NULL, .padding = CT_SAME, .dilation = 2, .groups = 2), .shapes = {SIZES(2, 9), SIZES(2, 1, 4)}, .smooth = true);
    CASE(ct_conv2d(in[0], in[1], NULL), .shapes = {SIZES(1, 1, 3, 3), SIZES(1, 1, 2, 2)}, .values = {LIST(1, 2, 3, 4, 5, 6, 7, 8, 9), LIST(1, 0, 0, -1)},
         .expect = LIST(-4, -4, -4, -4), .smooth = true);
    CASE(ct_conv2d(in[0], in[1], NULL, .padding = CT_SAME), .shapes = {SIZES(1, 1, 1, 3), SIZES(1, 1, 1, 2)}, .values = {LIST(1, 2, 3), LIST(1, 10)},
         .expect = LIST(21, 32, 3), .smooth = true); /* row 46: what is odd stands on the right */
    REFUSED(ZERO_D, "want (N, C, H, W)", ct_conv2d(in[0], in[1], NULL), .shapes = {SCALAR, SIZES(1, 1, 1, 1)});
    REFUSED(0, "want 4 axes", ct_conv2d(in[0], in[1], NULL), .shapes = {IMAGE, SIZES(3, 2, 3)});
    REFUSED(0, "weight (3, 3, 2, 2) wants 3", ct_conv2d(in[0], in[1], NULL), .shapes = {IMAGE, SIZES(3, 3, 2, 2)});
    REFUSED(0, "multiple of the groups", ct_conv2d(in[0], in[1], NULL, .groups = 2), .shapes = {IMAGE, SIZES(3, 1, 2, 2)}); /* row 47 */
    REFUSED(0, "groups 0", ct_conv2d(in[0], in[1], NULL, .groups = 0), .shapes = {IMAGE, SIZES(3, 2, 2, 2)});
    REFUSED(0, "no axis of size 0", ct_conv2d(in[0], in[1], NULL), .shapes = {IMAGE, SIZES(0, 2, 2, 2)});
    REFUSED(0, "conv2d", ct_conv2d(in[0], in[1], NULL), .shapes = {IMAGE, SIZES(3, 2, 5, 2)}); /* row 44 */
    REFUSED(0, "conv2d", ct_conv2d(in[0], in[1], NULL, .dilation = 3), .shapes = {IMAGE, SIZES(3, 2, 3, 3)});
    REFUSED(0, "stride", ct_conv2d(in[0], in[1], NULL, .stride = 0), .shapes = {IMAGE, SIZES(3, 2, 2, 2)});
    REFUSED(0, "padding", ct_conv2d(in[0], in[1], NULL, .padding = -2), .shapes = {IMAGE, SIZES(3, 2, 2, 2)});
    REFUSED(0, "want stride 1", ct_conv2d(in[0], in[1], NULL, .padding = CT_SAME, .stride = 2), .shapes = {IMAGE, SIZES(3, 2, 2, 2)});
    REFUSED(0, "bias (2), want (3)", ct_conv2d(in[0], in[1], in[2]), .shapes = {IMAGE, SIZES(3, 2, 2, 2), SIZES(2)});
    REFUSED(0, "no activation", ct_conv2d(in[0], in[1], NULL, .activation = (ct_activation)9), .shapes = {IMAGE, SIZES(3, 2, 2, 2)});
    REFUSED(0, "conv2d", ct_conv2d(in[0], in[1], NULL), .shapes = {IMAGE, SIZES(3, 2, 2, 2)}, .kinds = "if");
    REFUSED(0, "want one dtype", ct_conv2d(ct_cast(in[0], CT_FLOAT32), in[1], NULL), .shapes = {IMAGE, SIZES(3, 2, 2, 2)}, .no_float32 = "then they agree");
}

OP_CASES(convolution_relu)
{
    FEW_CASES(.activation = CT_RELU);
    REFUSED(ZERO_D, "want (N, C, H, W)", ct_conv2d(in[0], in[1], NULL, .activation = CT_RELU), .shapes = {SCALAR, SIZES(1, 1, 1, 1)});
}

#define TRANSPOSED(...) ct_conv_transpose2d(in[0], in[1], in[2], __VA_ARGS__)
OP_CASES(conv_transpose)
{
    CASE(TRANSPOSED(.stride = 1), .shapes = {SIZES(2, 3, 3, 2), SIZES(3, 2, 2, 3), SIZES(2)}, .smooth = true);
    CASE(TRANSPOSED(.stride = 2, .padding = 1, .output_padding = 1), .shapes = {SIZES(1, 2, 3, 2), SIZES(2, 2, 3, 3), SIZES(2)}, .smooth = true);
    CASE(TRANSPOSED(.stride = CT_HW(3, 1), .output_padding = CT_HW(2, 0)), .shapes = {SIZES(2, 2, 2, 2), SIZES(2, 1, 2, 2), SIZES(1)}, .smooth = true);
    CASE(TRANSPOSED(.dilation = 2, .groups = 2, .output_padding = 1), .shapes = {SIZES(2, 4, 2, 2), SIZES(4, 1, 2, 2), SIZES(2)}, .smooth = true);
    CASE(ct_conv_transpose2d(in[0], in[1], NULL), .shapes = {SIZES(2, 3, 2), SIZES(2, 1, 2, 2)}, .smooth = true);
    CASE(ct_conv_transpose2d(in[0], in[1], NULL, .stride = 2), .shapes = {SIZES(1, 1, 1, 2), SIZES(1, 1, 1, 3)}, .values = {LIST(1, 10), LIST(1, 2, 3)},
         .expect = LIST(1, 2, 13, 20, 30), .smooth = true);
    CASE(TRANSPOSED(.stride = 2), .shapes = {SIZES(0, 3, 3, 2), SIZES(3, 2, 2, 3), SIZES(2)});
    CASE(TRANSPOSED(.stride = 2, .padding = 1), .shapes = {SIZES(3, 24, 19, 11), SIZES(24, 16, 3, 3), SIZES(16)}, .tolerance = 1e-4);
    REFUSED(ZERO_D, "want (N, C, H, W)", ct_conv_transpose2d(in[0], in[1], NULL), .shapes = {SCALAR, SIZES(1, 1, 1, 1)});
    REFUSED(0, "output_padding 2: want less", ct_conv_transpose2d(in[0], in[1], NULL, .stride = 2, .output_padding = 2), .shapes = {IMAGE, SIZES(2, 1, 2, 2)}); /* row 45 */
    REFUSED(0, "no pixels", ct_conv_transpose2d(in[0], in[1], NULL, .padding = 4), .shapes = {IMAGE, SIZES(2, 1, 2, 2)});
    REFUSED(0, "channels", ct_conv_transpose2d(in[0], in[1], NULL), .shapes = {IMAGE, SIZES(3, 1, 2, 2)});
    REFUSED(0, "groups", ct_conv_transpose2d(in[0], in[1], NULL, .groups = 3), .shapes = {IMAGE, SIZES(2, 1, 2, 2)});
}

OP_CASES(conv_correlate)
{
    CASE(ct_conv2d_weight(in[0], in[1], CT_HW(3, 2)), .shapes = {IMAGE, SIZES(2, 3, 1, 3)}, .smooth = true);
    CASE(ct_conv2d_weight(in[0], in[1], 3, .padding = 1, .stride = 2), .shapes = {SIZES(1, 2, 5, 5), SIZES(1, 2, 3, 3)}, .smooth = true);
    CASE(ct_conv2d_weight(in[0], in[1], 2, .groups = 2, .dilation = 2), .shapes = {SIZES(2, 4, 3, 3), SIZES(2, 2, 1, 1)}, .smooth = true);
    CASE(ct_conv2d_weight(in[0], in[1], 3, .padding = 1), .shapes = {SIZES(0, 2, 3, 3), SIZES(0, 2, 3, 3)});
    CASE(ct_conv2d_weight(in[0], in[1], 3, .padding = 1), .shapes = {SIZES(3, 16, 19, 11), SIZES(3, 24, 19, 11)}, .tolerance = 1e-4);
    REFUSED(ZERO_D, "want (N, C, H, W)", ct_conv2d_weight(in[0], in[1], 1), .shapes = {SCALAR, SCALAR});
    REFUSED(0, "want height and width (2, 3)", ct_conv2d_weight(in[0], in[1], 2), .shapes = {IMAGE, SIZES(2, 3, 3, 3)});
    REFUSED(0, "multiples of the groups", ct_conv2d_weight(in[0], in[1], 2, .groups = 2), .shapes = {IMAGE, SIZES(2, 3, 3, 4)});
    REFUSED(0, "activation 1: it has none", ct_conv2d_weight(in[0], in[1], 2, .activation = CT_RELU), .shapes = {IMAGE, SIZES(2, 3, 2, 3)});
    REFUSED(0, "kernel", ct_conv2d_weight(in[0], in[1], 0), .shapes = {IMAGE, SIZES(2, 3, 3, 4)});
}

/* ---- Normalisation over channels ----------------------------------------------------------------------------------------------------- */
/* Expanded inputs have no variance: a large eps keeps them well-conditioned. */
#define TRAINED(...) ct_batch_norm(in[0], NULL, NULL, in[1], in[2], .training = true, .eps = 0.5, __VA_ARGS__)
#define RUNNING ct_cast(in[3], ct_dtype_of(in[0]))
#define NORMED(...) ct_batch_norm(in[0], RUNNING, ct_exp(RUNNING), in[1], in[2], __VA_ARGS__)
#define NORM_CASES(...)                                                                                                  \
    CASE(TRAINED(__VA_ARGS__), .shapes = {SIZES(4, 3), SIZES(3), SIZES(3)}, .smooth = true);                             \
    CASE(TRAINED(__VA_ARGS__), .shapes = {SIZES(3, 2, 4), SIZES(2), SIZES(2)}, .smooth = true);                          \
    CASE(TRAINED(.add = in[3], __VA_ARGS__), .shapes = {SIZES(2, 3, 2, 3), SIZES(3), SIZES(3), SIZES(2, 3, 2, 3)}, .smooth = true); \
    CASE(ct_batch_norm(in[0], NULL, NULL, in[1], NULL, .training = true, .eps = 0.1, __VA_ARGS__), .shapes = {SIZES(4, 2), SIZES(2)}, .smooth = true); \
    CASE(ct_batch_norm(in[0], NULL, NULL, NULL, in[1], .training = true, __VA_ARGS__), .shapes = {SIZES(2, 1, 3), SIZES(1)}, .smooth = true); \
    CASE(NORMED(__VA_ARGS__), .shapes = {SIZES(2, 3, 2, 3), SIZES(3), SIZES(3), SIZES(3)}, .kinds = "fffi", .smooth = true); \
    CASE(ct_batch_norm(ct_transpose(in[0], 1, 3), NULL, NULL, in[1], in[2], .training = true, __VA_ARGS__), .shapes = {SIZES(2, 3, 2, 3), SIZES(3), SIZES(3)}, .smooth = true); \
    CASE(TRAINED(__VA_ARGS__), .shapes = {SIZES(0, 3, 2), SIZES(3), SIZES(3)}); /* row 41 */                             \
    CASE(TRAINED(__VA_ARGS__), .shapes = {SIZES(13, 5, 17, 11), SIZES(5), SIZES(5)}, .tolerance = 1e-4);                 \
    CASE(TRAINED(__VA_ARGS__), .shapes = {SIZES(211, 67), SIZES(67), SIZES(67)}, .tolerance = 1e-4);                     \
    REFUSED(ZERO_D, "want (N, C, ...)", ct_batch_norm(in[0], NULL, NULL, NULL, NULL, .training = true, __VA_ARGS__), .shapes = {SCALAR})

OP_CASES(batch_norm)
{
    NORM_CASES(.activation = CT_IDENTITY);
    CASE(TRAINED(.activation = CT_TANH), .shapes = {SIZES(4, 3), SIZES(3), SIZES(3)}, .smooth = true);
    CASE(ct_group_norm(in[0], 2, in[1], in[2]), .shapes = {SIZES(2, 4, 2, 2), SIZES(4), SIZES(4)}, .smooth = true);
    CASE(ct_group_norm(in[0], 1, NULL, NULL), .shapes = {SIZES(3, 4)}, .smooth = true);
    CASE(ct_group_norm(in[0], 3, in[1], NULL), .shapes = {SIZES(0, 3, 2), SIZES(3)});
    CASE(ct_instance_norm(in[0], in[1], in[2]), .shapes = {SIZES(2, 3, 4), SIZES(3), SIZES(3)}, .smooth = true);
    CASE(ct_instance_norm(in[0], NULL, NULL, .eps = 0.5), .shapes = {SIZES(2, 2, 2, 3)}, .smooth = true);
    REFUSED(0, "one value a channel", ct_batch_norm(in[0], NULL, NULL, NULL, NULL, .training = true), .shapes = {SIZES(1, 3)}); /* row 40 */
    REFUSED(0, "outside training", ct_batch_norm(in[0], NULL, NULL, NULL, NULL), .shapes = {SIZES(2, 3)});
    REFUSED(0, "running var is NULL", ct_batch_norm(in[0], ct_detach(in[1]), NULL, NULL, NULL, .training = true), .shapes = {SIZES(2, 3), SIZES(3)});
    REFUSED(0, "wants a gradient", ct_batch_norm(in[0], ct_require_grad(ct_zeros_like(in[1])), ct_detach(in[1]), NULL, NULL), .shapes = {SIZES(2, 3), SIZES(3)});
    REFUSED(0, "the weight is", ct_batch_norm(in[0], NULL, NULL, in[1], NULL, .training = true), .shapes = {SIZES(2, 3), SIZES(2)});
    REFUSED(0, "the bias is", ct_batch_norm(in[0], NULL, NULL, NULL, in[1], .training = true), .shapes = {SIZES(2, 3), SIZES(1, 3)});
    REFUSED(0, "add is", ct_batch_norm(in[0], NULL, NULL, NULL, NULL, .training = true, .add = in[1]), .shapes = {SIZES(2, 3), SIZES(3)});
    REFUSED(0, "no activation", ct_batch_norm(in[0], NULL, NULL, NULL, NULL, .training = true, .activation = (ct_activation)7), .shapes = {SIZES(2, 3)});
    REFUSED(0, "batch_norm", ct_batch_norm(in[0], NULL, NULL, NULL, NULL, .training = true), .shapes = {SIZES(2, 3)}, .kinds = "i");
    REFUSED(0, "eps -1", ct_batch_norm(in[0], NULL, NULL, NULL, NULL, .training = true, .eps = -1), .shapes = {SIZES(2, 3)});
    REFUSED(0, "momentum nan", ct_batch_norm(in[0], NULL, NULL, NULL, NULL, .training = true, .momentum = NAN), .shapes = {SIZES(2, 3)});
    REFUSED(0, "eps -1", ct_group_norm(in[0], 1, NULL, NULL, .eps = -1), .shapes = {SIZES(2, 3)});
    REFUSED(0, "one tensor", ct_batch_norm(in[0], ct_detach(in[1]), ct_detach(in[1]), NULL, NULL, .training = true), .shapes = {SIZES(2, 3), SIZES(3)});
    REFUSED(0, "multiple of the groups", ct_group_norm(in[0], 2, NULL, NULL), .shapes = {SIZES(2, 3)}); /* row 42 */
    REFUSED(0, "0 groups", ct_group_norm(in[0], 0, NULL, NULL), .shapes = {SIZES(2, 3)});
    REFUSED(0, "one value a group", ct_group_norm(in[0], 3, NULL, NULL), .shapes = {SIZES(2, 3)}); /* row 42 */
    REFUSED(0, "one value a group", ct_instance_norm(in[0], NULL, NULL), .shapes = {SIZES(2, 3, 1)}); /* row 43 */
    REFUSED(0, "behind C", ct_instance_norm(in[0], NULL, NULL), .shapes = {SIZES(2, 3)});
}

OP_CASES(batch_norm_relu)
{
    NORM_CASES(.activation = CT_RELU);
}
