/* op_cases_attention.c - rows of ops on sequences. What .expect holds for made-up inputs are PyTorch's answers. */
#include "op_cases.h"

OP_CASES(layer_norm)
{
    CASE(ct_layer_norm(in[0], 1, in[1], in[2]), .shapes = {SIZES(2, 3, 5), SIZES(5), SIZES(5)}, .smooth = true);
    CASE(ct_layer_norm(in[0], 2, in[1], NULL), .shapes = {SIZES(2, 3, 4), SIZES(3, 4)}, .smooth = true);
    CASE(ct_layer_norm(in[0], 1, NULL, in[1], .eps = 0.1), .shapes = {SIZES(3, 4), SIZES(4)}, .smooth = true);
    CASE(ct_layer_norm(in[0], 1, NULL, NULL), .shapes = {SIZES(3, 2, 5)}, .smooth = true);
    CASE(ct_layer_norm(in[0], 1, in[1], in[2]), .shapes = {SIZES(7), SIZES(7), SIZES(7)}, .smooth = true);
    CASE(ct_layer_norm(in[0], 1, in[1], in[2]), .shapes = {SIZES(0, 5), SIZES(5), SIZES(5)}, .smooth = true);
    CASE(ct_layer_norm(in[0], 1, in[1], in[2]), .shapes = {SIZES(3, 0), SIZES(0), SIZES(0)});
    CASE(ct_layer_norm(in[0], 1, in[1], in[2]), .shapes = {SIZES(49, 192), SIZES(192), SIZES(192)}, .tolerance = 1e-4);
    CASE(ct_layer_norm(in[0], 1, NULL, NULL), .shapes = {SIZES(93, 101)}, .tolerance = 1e-4);
    CASE(ct_layer_norm(in[0], 1, in[1], in[2]), .shapes = {SIZES(311, 211), SIZES(211), SIZES(211)}, .split = true);
    CASE(ct_layer_norm(in[0], 1, in[1], in[2]), .shapes = {SIZES(2, 2), SIZES(2), SIZES(2)}, .values = {LIST(3, 3, -1, -1), LIST(7, 8), LIST(1, 2)},
         .expect = LIST(1, 2, 1, 2)); /* row 38: a constant row gives the bias */
    REFUSED(ZERO_D, "the last 1 axes of (), want 1 to 0", ct_layer_norm(in[0], 1, NULL, NULL), .shapes = {SCALAR});
    REFUSED(0, "the last 0 axes", ct_layer_norm(in[0], 0, NULL, NULL), .shapes = {SIZES(2, 3)});
    REFUSED(0, "the last 3 axes", ct_layer_norm(in[0], 3, NULL, NULL), .shapes = {SIZES(2, 3)});
    REFUSED(0, "layer_norm: weight is float64 (2), input float64 (2, 3): want its dtype and its last 1 sizes", ct_layer_norm(in[0], 1, in[1], NULL),
            .shapes = {SIZES(2, 3), SIZES(2)}, .no_float32 = "names the dtype");
    REFUSED(0, "bias is", ct_layer_norm(in[0], 1, NULL, in[1]), .shapes = {SIZES(2, 3), SIZES(1, 3)});
    REFUSED(0, "weight is float32", ct_layer_norm(in[0], 1, ct_cast(in[1], CT_FLOAT32), NULL), .shapes = {SIZES(2, 3), SIZES(3)}, .no_float32 = "then they agree");
    REFUSED(0, "eps = -1", ct_layer_norm(in[0], 1, NULL, NULL, .eps = -1), .shapes = {SIZES(2, 3)});
    REFUSED(0, "layer_norm", ct_layer_norm(in[0], 1, NULL, NULL), .shapes = {SIZES(2, 3)}, .kinds = "i");
}

OP_CASES(rms_norm)
{
    CASE(ct_rms_norm(in[0], 1, in[1]), .shapes = {SIZES(2, 3, 5), SIZES(5)}, .smooth = true);
    CASE(ct_rms_norm(in[0], 2, in[1], .eps = 1e-5), .shapes = {SIZES(2, 3, 4), SIZES(3, 4)}, .smooth = true);
    CASE(ct_rms_norm(in[0], 1, NULL), .shapes = {SIZES(3, 4)}, .smooth = true);
    CASE(ct_rms_norm(in[0], 1, in[1]), .shapes = {SIZES(0, 5), SIZES(5)}, .smooth = true);
    CASE(ct_rms_norm(in[0], 1, in[1]), .shapes = {SIZES(49, 192), SIZES(192)}, .tolerance = 1e-4);
    CASE(ct_rms_norm(in[0], 1, in[1]), .shapes = {SIZES(311, 211), SIZES(211)}, .split = true);
    CASE(ct_rms_norm(in[0], 1, NULL, .eps = 0), .shapes = {SIZES(2, 2)}, .values = {LIST(3, 3, -2, 2)}, .expect = LIST(1, 1, -1, 1));
    REFUSED(ZERO_D, "the last 1 axes of (), want 1 to 0", ct_rms_norm(in[0], 1, NULL), .shapes = {SCALAR});
    REFUSED(0, "rms_norm: weight is", ct_rms_norm(in[0], 1, in[1]), .shapes = {SIZES(2, 3), SIZES(2)});
    REFUSED(0, "eps = nan", ct_rms_norm(in[0], 1, NULL, .eps = NAN), .shapes = {SIZES(2, 3)});
}
