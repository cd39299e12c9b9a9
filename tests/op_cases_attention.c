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
    CASE(ct_layer_norm(in[0], 1, in[1], in[2], .eps = 0.1), .shapes = {SIZES(49, 192), SIZES(192), SIZES(192)}, .tolerance = 1e-4);
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

#define SDPA(...) ct_scaled_dot_product_attention(in[0], in[1], in[2], __VA_ARGS__)
static ct_tensor *seen_once(ct_tensor *x)       /* a mask of one row of which nothing is seen, and of others */
{
    return ct_ge(ct_add(x, 0.0), 1.0);
}

static ct_tensor *number(ct_tensor *mask, ct_tensor *like) /* a mask of like's dtype that wants no gradient */
{
    return mask && like ? ct_cast(mask, ct_dtype_of(like)) : NULL;
}

OP_CASES(attention)
{
    CASE(ct_scaled_dot_product_attention(in[0], in[1], in[2]), .shapes = {SIZES(2, 3, 4), SIZES(2, 5, 4), SIZES(2, 5, 3)}, .smooth = true);
    CASE(ct_scaled_dot_product_attention(in[0], in[1], in[2]), .shapes = {SIZES(2, 3), SIZES(3, 3), SIZES(3, 2)}, .smooth = true);
    CASE(SDPA(.scale = 0.7), .shapes = {SIZES(2, 1, 2, 3), SIZES(3, 2, 3), SIZES(1, 1, 2, 2)}, .smooth = true);
    CASE(SDPA(.causal = true), .shapes = {SIZES(1, 2, 3, 2), SIZES(1, 2, 3, 2), SIZES(1, 2, 3, 2)}, .smooth = true);
    CASE(SDPA(.causal = true), .shapes = {SIZES(2, 2), SIZES(4, 2), SIZES(4, 2)}, .smooth = true);
    CASE(SDPA(.causal = true, .causal_offset = 2), .shapes = {SIZES(2, 2), SIZES(4, 2), SIZES(4, 2)}, .smooth = true);
    CASE(SDPA(.causal = true, .causal_offset = -1), .shapes = {SIZES(3, 2), SIZES(3, 2), SIZES(3, 2)}, .smooth = true); /* row 0 sees nothing */
    CASE(SDPA(.grouped = true), .shapes = {SIZES(4, 2, 3), SIZES(2, 3, 3), SIZES(2, 3, 2)}, .smooth = true);
    CASE(SDPA(.grouped = true, .causal = true), .shapes = {SIZES(2, 2, 3, 2), SIZES(1, 1, 3, 2), SIZES(2, 1, 3, 2)}, .smooth = true);
    CASE(SDPA(.mask = in[3]), .shapes = {SIZES(2, 2, 3), SIZES(2, 4, 3), SIZES(2, 4, 2), SIZES(2, 4)}, .smooth = true);
    CASE(SDPA(.mask = in[3], .grouped = true), .shapes = {SIZES(4, 2, 3), SIZES(2, 3, 3), SIZES(2, 3, 2), SIZES(4, 1, 3)}, .smooth = true);
    CASE(SDPA(.mask = in[3], .causal = true), .shapes = {SIZES(2, 2, 3), SIZES(2, 2, 3), SIZES(2, 2, 2), SIZES(2, 1, 2)}, .kinds = "fffb", .smooth = true);
    CASE(SDPA(.mask = seen_once(in[3])), .shapes = {SIZES(3, 2), SIZES(3, 2), SIZES(3, 2), SIZES(3, 3)}, .kinds = "fffi",
         .values = {[3] = LIST(0, 0, 0, 1, 0, 1, 1, 1, 1)});
    CASE(SDPA(.mask = seen_once(in[3])), .shapes = {SIZES(2, 1), SIZES(2, 1), SIZES(2, 1), SIZES(2, 2)}, .kinds = "fffi",
         .values = {LIST(1, 2), LIST(3, 4), LIST(5, 6), LIST(0, 0, 0, 1)}, .expect = LIST(0, 6)); /* a row that may see nothing: 0 */
    CASE(SDPA(.dropout_p = 0.4), .shapes = {SIZES(2, 3, 2), SIZES(2, 5, 2), SIZES(2, 5, 3)}, .smooth = true);
    CASE(SDPA(.dropout_p = 1), .shapes = {SIZES(3, 2), SIZES(2, 2), SIZES(2, 1)}, .expect = LIST(0, 0, 0));
    CASE(SDPA(.scale = 1), .shapes = {SIZES(0, 2), SIZES(2, 2), SIZES(2, 2)});
    CASE(SDPA(.scale = 1), .shapes = {SIZES(2, 2), SIZES(0, 2), SIZES(0, 2)}, .expect = LIST(0, 0, 0, 0));
    CASE(SDPA(.scale = 1), .shapes = {SIZES(0, 2, 2), SIZES(0, 2, 2), SIZES(0, 2, 2)});
    CASE(SDPA(.scale = 1), .shapes = {SIZES(2, 2), SIZES(2, 2), SIZES(2, 0)});
    CASE(ct_scaled_dot_product_attention(in[0], in[1], in[2]), .shapes = {SIZES(3, 70, 48), SIZES(3, 131, 48), SIZES(3, 131, 48)});
    CASE(SDPA(.causal = true), .shapes = {SIZES(2, 150, 33), SIZES(2, 150, 33), SIZES(2, 150, 33)});
    CASE(SDPA(.causal = true, .grouped = true), .shapes = {SIZES(4, 97, 24), SIZES(2, 97, 24), SIZES(2, 97, 24)});
    CASE(SDPA(.dropout_p = 0.2, .causal = true), .shapes = {SIZES(3, 85, 33), SIZES(3, 85, 33), SIZES(3, 85, 35)});
    CASE(SDPA(.mask = in[3]), .shapes = {SIZES(2, 129, 40), SIZES(2, 66, 40), SIZES(2, 66, 40), SIZES(2, 129, 66)}, .kinds = "fffb");
    CASE(SDPA(.mask = in[3]), .shapes = {SIZES(2, 129, 40), SIZES(2, 66, 40), SIZES(2, 66, 40), SIZES(2, 1, 66)}, .kinds = "fffb");
    CASE(SDPA(.mask = in[3]), .shapes = {SIZES(2, 129, 40), SIZES(2, 66, 40), SIZES(2, 66, 40), SIZES(129, 66)});
    CASE(SDPA(.mask = number(in[3], in[0]), .dropout_p = 0.3), .shapes = {SIZES(2, 129, 40), SIZES(2, 66, 40), SIZES(2, 66, 40), SIZES(129, 66)}, .kinds = "fffi");
    CASE(SDPA(.causal = true), .shapes = {SIZES(1, 600, 24), SIZES(1, 600, 24), SIZES(1, 600, 32)}, .split = true);
    REFUSED(ZERO_D, "want (..., L, E), (..., S, E), (..., S, D)", SDPA(.scale = 1), .shapes = {SCALAR, SIZES(2, 2), SIZES(2, 2)});
    REFUSED(0, "scaled_dot_product_attention: query (2, 3) x key (2, 4): widths 3 and 4", SDPA(.scale = 1), .shapes = {SIZES(2, 3), SIZES(2, 4), SIZES(2, 4)});
    REFUSED(0, "width of 1 or more", SDPA(.scale = 1), .shapes = {SIZES(2, 0), SIZES(2, 0), SIZES(2, 4)});
    REFUSED(0, "2 keys and 3 values", SDPA(.scale = 1), .shapes = {SIZES(2, 3), SIZES(2, 3), SIZES(3, 3)});
    REFUSED(0, "do not broadcast", SDPA(.scale = 1), .shapes = {SIZES(2, 2, 3), SIZES(3, 2, 3), SIZES(2, 3)});
    REFUSED(0, "3 query heads, want a multiple of the 2 key heads", SDPA(.grouped = true), .shapes = {SIZES(3, 2, 3), SIZES(2, 2, 3), SIZES(2, 2, 3)});
    REFUSED(0, "want (..., heads, L, E)", SDPA(.grouped = true), .shapes = {SIZES(2, 3), SIZES(2, 2, 3), SIZES(2, 2, 3)});
    REFUSED(0, "mask (3, 2) does not broadcast", SDPA(.mask = in[3]), .shapes = {SIZES(2, 3), SIZES(2, 3), SIZES(2, 3), SIZES(3, 2)}, .kinds = "fffb");
    REFUSED(0, "does not broadcast to 4 heads", SDPA(.mask = in[3], .grouped = true), .shapes = {SIZES(4, 2, 3), SIZES(2, 2, 3), SIZES(2, 2, 3), SIZES(2, 2, 2)}, .kinds = "fffb");
    REFUSED(0, "the mask is int64, want bool", SDPA(.mask = in[3]), .shapes = {SIZES(2, 3), SIZES(2, 3), SIZES(2, 3), SIZES(2, 2)}, .kinds = "fffi");
    REFUSED(0, "dropout_p = 1.5", SDPA(.dropout_p = 1.5), .shapes = {SIZES(2, 3), SIZES(2, 3), SIZES(2, 3)});
    REFUSED(0, "scale = nan", SDPA(.scale = NAN), .shapes = {SIZES(2, 3), SIZES(2, 3), SIZES(2, 3)});
    REFUSED(0, "causal_offset 1 without causal", SDPA(.causal_offset = 1), .shapes = {SIZES(2, 3), SIZES(2, 3), SIZES(2, 3)});
    REFUSED(0, "want one dtype", ct_scaled_dot_product_attention(in[0], ct_cast(in[1], CT_FLOAT32), in[2]), .shapes = {SIZES(2, 3), SIZES(2, 3), SIZES(2, 3)},
            .no_float32 = "then they agree");
}

OP_CASES(rotary_embedding)
{
    CASE(ct_rotary_embedding(in[0], NULL), .shapes = {SIZES(2, 3, 4)}, .smooth = true);
    CASE(ct_rotary_embedding(in[0], NULL, .interleaved = true, .base = 100, .offset = 5), .shapes = {SIZES(3, 6)}, .smooth = true);
    CASE(ct_rotary_embedding(in[0], in[1]), .shapes = {SIZES(2, 2, 3, 4), SIZES(2, 1, 3)}, .kinds = "fi", .smooth = true);
    CASE(ct_rotary_embedding(in[0], in[1], .interleaved = true), .shapes = {SIZES(2, 3, 2), SIZES(1)}, .kinds = "fi", .smooth = true);
    CASE(ct_rotary_embedding(in[0], NULL), .shapes = {SIZES(0, 3, 4)}, .smooth = true);
    CASE(ct_rotary_embedding(in[0], NULL), .shapes = {SIZES(3, 0)});
    CASE(ct_rotary_embedding(in[0], NULL), .shapes = {SIZES(3, 111, 26)});
    CASE(ct_rotary_embedding(in[0], NULL), .shapes = {SIZES(7, 111, 86)}, .split = true);
    CASE(ct_rotary_embedding(in[0], NULL, .offset = 1), .shapes = {SIZES(1, 2)}, .values = {LIST(1, 0)}, .expect = LIST(0.54030230586813977, 0.8414709848078965));
    REFUSED(ZERO_D, "want (..., length, width) of an even width", ct_rotary_embedding(in[0], NULL), .shapes = {SCALAR});
    REFUSED(0, "even width", ct_rotary_embedding(in[0], NULL), .shapes = {SIZES(2, 3)});
    REFUSED(0, "base = 0", ct_rotary_embedding(in[0], NULL, .base = 0), .shapes = {SIZES(2, 4)});
    REFUSED(0, "want one of them", ct_rotary_embedding(in[0], in[1], .offset = 1), .shapes = {SIZES(2, 4), SIZES(2)}, .kinds = "fi");
    REFUSED(0, "out of reach", ct_rotary_embedding(in[0], NULL, .offset = INT64_MAX), .shapes = {SIZES(2, 4)});
    REFUSED(0, "positions int64 (3), want int64 that broadcasts to (2, 4)", ct_rotary_embedding(in[0], in[1]), .shapes = {SIZES(2, 4), SIZES(3)}, .kinds = "fi");
    REFUSED(0, "positions float64 (2), want int64", ct_rotary_embedding(in[0], in[1]), .shapes = {SIZES(2, 4), SIZES(2)}, .no_float32 = "names the dtype");
}
