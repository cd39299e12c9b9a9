/* op_cases_shape.c - rows of views, copies of parts, and joins. */
#include "op_cases.h"

OP_CASES(expand)
{
    CASE(ct_expand(in[0], 2, 3), .shapes = {SIZES(2, 1)}, .smooth = true);
    CASE(ct_expand(in[0], 4, -1, 3), .shapes = {SIZES(2, 1)}, .smooth = true);
    CASE(ct_expand(in[0], 2, 2), .shapes = {SCALAR}, .smooth = true);
    CASE((ct_expand)(in[0], NULL, 0), .shapes = {SCALAR}, .smooth = true);
    CASE(ct_expand(in[0], 3, 0), .shapes = {SIZES(1, 0)}, .smooth = true);
    CASE(ct_expand(in[0], 0, 3), .shapes = {SIZES(1, 3)}, .smooth = true);
    CASE(ct_expand(in[0], 93, 101), .shapes = {SIZES(93, 1)});
    CASE(ct_expand(in[0], 3, 93, 101), .shapes = {SIZES(93, 101)});
    CASE(ct_expand_as(in[0], in[1]), .shapes = {SIZES(3, 1), SIZES(2, 3, 2)}, .kinds = "fi", .smooth = true);
    CASE(ct_expand(in[0], 2, 2), .shapes = {SIZES(2, 1)}, .kinds = "i", .values = {LIST(1, 2)}, .expect = LIST(1, 1, 2, 2));
    REFUSED(0, "cannot become", ct_expand(in[0], 4), .shapes = {SIZES(2)});
    REFUSED(0, "want 2 to 8 axes", ct_expand(in[0], 2), .shapes = {SIZES(1, 2)});
}

OP_CASES(reshape)
{
    CASE(ct_reshape(in[0], 3, 2), .shapes = {SIZES(2, 3)}, .smooth = true);
    CASE(ct_reshape(in[0], -1), .shapes = {SIZES(2, 3, 2)}, .smooth = true);
    CASE(ct_reshape(in[0], 1, 1), .shapes = {SCALAR}, .smooth = true);
    CASE((ct_reshape)(in[0], NULL, 0), .shapes = {SIZES(1, 1)}, .smooth = true);
    CASE(ct_reshape(in[0], 0, 5), .shapes = {SIZES(2, 0)}, .smooth = true);
    CASE(ct_reshape(in[0], 101, 93), .shapes = {SIZES(93, 101)});
    CASE(ct_reshape_as(in[0], in[1]), .shapes = {SIZES(6), SIZES(2, 3)}, .kinds = "fi", .smooth = true);
    CASE(ct_flatten(in[0]), .shapes = {SIZES(2, 3, 2)}, .smooth = true);
    CASE(ct_flatten(in[0], 1), .shapes = {SIZES(2, 3, 2)}, .smooth = true);
    CASE(ct_flatten(in[0], 0, 1), .shapes = {SIZES(2, 3, 2)}, .smooth = true);
    CASE(ct_flatten(in[0]), .shapes = {SCALAR}, .smooth = true);
    CASE(ct_flatten(in[0]), .shapes = {SIZES(2, 0)}, .smooth = true);
    CASE(ct_squeeze(in[0]), .shapes = {SIZES(1, 3, 1)}, .smooth = true);
    CASE(ct_squeeze(in[0], 0), .shapes = {SIZES(1, 3, 1)}, .smooth = true);
    CASE(ct_squeeze(in[0], 1, -1), .shapes = {SIZES(1, 3, 1)}, .smooth = true);
    CASE(ct_mul(ct_squeeze(in[0]), 2.0), .shapes = {SCALAR}, .smooth = true);
    CASE(ct_unsqueeze(in[0], 0), .shapes = {SIZES(2, 3)}, .smooth = true);
    CASE(ct_unsqueeze(in[0], -1), .shapes = {SIZES(2, 3)}, .smooth = true);
    CASE(ct_unsqueeze(in[0], 0), .shapes = {SCALAR}, .smooth = true);
    CASE(ct_unsqueeze(in[0], 1), .shapes = {SIZES(2, 0)}, .smooth = true);
    REFUSED(0, "do not fill", ct_reshape(in[0], 4), .shapes = {SIZES(2, 3)});
    REFUSED(0, "could be anything", ct_reshape(in[0], 0, -1), .shapes = {SIZES(2, 0)});
    REFUSED(0, "only one size", ct_reshape(in[0], -1, -1), .shapes = {SIZES(2)});
    REFUSED(0, "comes after", ct_flatten(in[0], 1, 0), .shapes = {SIZES(2, 3)});
    REFUSED(0, "out of range", ct_unsqueeze(in[0], 3), .shapes = {SIZES(2, 3)});
}

OP_CASES(permute)
{
    CASE(ct_permute(in[0], 2, 0, 1), .shapes = {SIZES(2, 3, 2)}, .smooth = true);
    CASE(ct_permute(in[0], -1, 1, 0), .shapes = {SIZES(2, 3, 2)}, .smooth = true);
    CASE((ct_permute)(in[0], NULL, 0), .shapes = {SCALAR}, .smooth = true);
    CASE(ct_permute(in[0], 1, 0), .shapes = {SIZES(0, 2)}, .smooth = true);
    CASE(ct_permute(in[0], 1, 0), .shapes = {SIZES(93, 101)});
    CASE(ct_permute(in[0], 1, 0), .shapes = {SIZES(311, 211)}, .split = true);
    CASE(ct_transpose(in[0], 0, -1), .shapes = {SIZES(2, 3, 2)}, .smooth = true);
    CASE(ct_transpose(in[0], 1, 1), .shapes = {SIZES(2, 3)}, .smooth = true);
    CASE(ct_transpose(in[0], 0, -1), .shapes = {SCALAR}, .smooth = true);
    REFUSED(0, "want 2", ct_permute(in[0], 0), .shapes = {SIZES(2, 3)});
    REFUSED(0, "permute", ct_permute(in[0], 0, 0), .shapes = {SIZES(2, 3)});
    REFUSED(0, "transpose", ct_transpose(in[0], 0, 2), .shapes = {SIZES(2, 3)});
}

OP_CASES(slice)
{
    CASE(ct_slice(in[0], "1:"), .shapes = {SIZES(3, 2)}, .smooth = true);
    CASE(ct_slice(in[0], "..., ::-2"), .shapes = {SIZES(2, 5)}, .smooth = true);
    CASE(ct_slice(in[0], "-1, None, 1:-1"), .shapes = {SIZES(2, 4)}, .smooth = true);
    CASE(ct_slice(in[0], "0, -1"), .shapes = {SIZES(2, 4)}, .smooth = true);
    CASE(ct_slice(in[0], "..., newaxis"), .shapes = {SCALAR}, .smooth = true);
    CASE(ct_slice(in[0], ""), .shapes = {SCALAR}, .smooth = true);
    CASE(ct_slice(in[0], "2:1"), .shapes = {SIZES(3, 2)}, .smooth = true);
    CASE(ct_slice(in[0], "1:, ::-1"), .shapes = {SIZES(2, 0)}, .smooth = true);
    CASE(ct_slice(in[0], "::-1, ::2"), .shapes = {SIZES(193, 101)});
    CASE(ct_slice(in[0], "4:0:-2"), .shapes = {SIZES(5)}, .kinds = "i", .values = {LIST(0, 1, 2, 3, 4)}, .expect = LIST(4, 2));
    CASE(ct_slice(in[0], "-100:100:3"), .shapes = {SIZES(5)}, .values = {LIST(0, 1, 2, 3, 4)}, .expect = LIST(0, 3));
    CASE(ct_narrow(in[0], 1, 1, 2), .shapes = {SIZES(2, 4)}, .smooth = true);
    CASE(ct_narrow(in[0], -1, 4, 0), .shapes = {SIZES(2, 4)}, .smooth = true);
    REFUSED(0, "out of range", ct_slice(in[0], "2"), .shapes = {SIZES(2)});
    REFUSED(0, "subscripts", ct_slice(in[0], "0, 0"), .shapes = {SIZES(2)});
    REFUSED(0, "malformed", ct_slice(in[0], "1;2"), .shapes = {SIZES(2)});
    REFUSED(0, "a step of 0", ct_slice(in[0], "::0"), .shapes = {SIZES(2)});
    REFUSED(0, "only one ...", ct_slice(in[0], "..., ..."), .shapes = {SIZES(2)});
    REFUSED(0, "narrow", ct_narrow(in[0], 0, 1, 2), .shapes = {SIZES(2)});
}

OP_CASES(pad)
{
    CASE(ct_pad(in[0], 0.0, 1, 2), .shapes = {SIZES(2, 3)}, .smooth = true);
    CASE(ct_pad(in[0], 0.5, 1, 0, 0, 2), .shapes = {SIZES(2, 3)}, .smooth = true);
    CASE(ct_pad(in[0], 0.5, -1, 2, 1, -1), .shapes = {SIZES(2, 3)}, .smooth = true);
    CASE(ct_pad(in[0], 0.5, -1, -1), .shapes = {SIZES(2, 4)}, .smooth = true);
    CASE(ct_pad(in[0], 0.5, -1, 3), .shapes = {SIZES(1)}, .expect = LIST(0.5, 0.5, 0.5));
    CASE((ct_pad)(in[0], NULL, 0, 1), .shapes = {SCALAR}, .smooth = true);
    CASE(ct_pad(in[0], 7.0, 1, 1), .shapes = {SIZES(2, 0)}, .expect = LIST(7, 7, 7, 7));
    CASE(ct_pad(in[0], 0.0, 3, 3, 2, 2), .shapes = {SIZES(93, 101)});
    CASE(ct_pad(in[0], 0.0, 3, 3, 2, 2), .shapes = {SIZES(311, 211)}, .split = true);
    CASE(ct_pad(in[0], 9.0, 1, 1), .shapes = {SIZES(2)}, .kinds = "i", .values = {LIST(1, 2)}, .expect = LIST(9, 1, 2, 9));
    REFUSED(0, "pad", ct_pad(in[0], 0.0, 1, 1), .shapes = {SCALAR});
    REFUSED(0, "pad", ct_pad(in[0], 0.0, -3, 0), .shapes = {SIZES(2)});
    REFUSED(0, "want a pair", ct_pad(in[0], 0.0, 1), .shapes = {SIZES(2)});
}

static ct_tensor *cat_many(ct_tensor *x)        /* more than one node holds */
{
    ct_tensor *list[70];
    for (int i = 0; i < 70; i++)
        list[i] = i % 2 ? x : ct_mul(x, (double)i);
    return ct_cat(list, 70, 0);
}

OP_CASES(cat)
{
    CASE(ct_cat(CT_TENSORS(in[0], in[1]), 0), .shapes = {SIZES(2, 3), SIZES(1, 3)}, .smooth = true);
    CASE(ct_cat(CT_TENSORS(in[0], in[1], in[2]), -1), .shapes = {SIZES(2, 3), SIZES(2, 1), SIZES(2, 2)}, .smooth = true);
    CASE(ct_cat(CT_TENSORS(in[0], in[1]), 0), .shapes = {SIZES(2), SIZES(2)}, .smooth = true);
    CASE(ct_cat(CT_TENSORS(in[0], in[0], in[0]), 0), .shapes = {SIZES(2)}, .smooth = true);
    CASE(ct_cat(CT_TENSORS(in[0], in[1]), 1), .shapes = {SIZES(2, 0), SIZES(2, 3)}, .smooth = true);
    CASE(ct_cat(CT_TENSORS(in[0], in[1]), 1), .shapes = {SIZES(0, 2), SIZES(0, 3)}, .smooth = true);
    CASE(ct_cat(CT_TENSORS(in[0], in[1]), 0), .shapes = {SIZES(3), SIZES(2)}, .kinds = "if", .smooth = true);
    CASE(ct_cat(CT_TENSORS(in[0], in[1]), 1), .shapes = {SIZES(93, 101), SIZES(93, 7)});
    CASE(ct_cat(CT_TENSORS(in[0], in[1]), 1), .shapes = {SIZES(311, 211), SIZES(311, 7)}, .split = true);
    CASE(ct_cat(CT_TENSORS(in[0], in[1]), 0), .shapes = {SIZES(2), SIZES(1)}, .kinds = "ib", .values = {LIST(5, 6), LIST(1)}, .expect = LIST(5, 6, 1));
    CASE(cat_many(in[0]), .shapes = {SIZES(1, 2)}, .smooth = false);
    CASE(ct_stack(CT_TENSORS(in[0], in[1]), 0), .shapes = {SIZES(2, 3), SIZES(2, 3)}, .smooth = true);
    CASE(ct_stack(CT_TENSORS(in[0], in[1]), -1), .shapes = {SIZES(2, 3), SIZES(2, 3)}, .smooth = true);
    CASE(ct_stack(CT_TENSORS(in[0], in[1]), -2), .shapes = {SIZES(3), SIZES(3)}, .smooth = true);
    CASE(ct_stack(CT_TENSORS(in[0], in[1]), 0), .shapes = {SCALAR, SCALAR}, .smooth = true);
    CASE(ct_stack(CT_TENSORS(in[0], in[1]), 1), .shapes = {SIZES(2, 0), SIZES(2, 0)}, .smooth = true);
    REFUSED(0, "0-d", ct_cat(CT_TENSORS(in[0], in[1]), 0), .shapes = {SCALAR, SCALAR});
    REFUSED(0, "differ", ct_cat(CT_TENSORS(in[0], in[1]), 0), .shapes = {SIZES(2, 3), SIZES(2, 2)});
    REFUSED(0, "differ", ct_stack(CT_TENSORS(in[0], in[1]), 0), .shapes = {SIZES(2), SIZES(3)});
    REFUSED(0, "stack", ct_stack(CT_TENSORS(in[0], in[1]), 2), .shapes = {SIZES(2), SIZES(2)});
}

/* One part, or all of them in an order of our own, so that every cotangent differs. */
static ct_tensor *part_of(ct_tensor *x, int64_t length, int axis, size_t count, size_t which)
{
    ct_tensor *parts[8];
    return ct_split(x, length, axis, parts, count) ? parts[which] : NULL;
}

static ct_tensor *all_parts(ct_tensor *x, int64_t length, int axis, size_t count)
{
    ct_tensor *parts[8], *scaled[8];
    if (!ct_split(x, length, axis, parts, count))
        return NULL;
    for (size_t i = 0; i < count; i++)
        scaled[count - 1 - i] = ct_mul(parts[i], ct_add(parts[i], (double)i));
    return ct_cat(scaled, count, axis);
}

OP_CASES(split)
{
    CASE(all_parts(in[0], 2, 1, 3), .shapes = {SIZES(2, 5)}, .smooth = true);
    CASE(all_parts(in[0], 1, 0, 3), .shapes = {SIZES(3, 2)}, .smooth = true);
    CASE(part_of(in[0], 2, -1, 3, 2), .shapes = {SIZES(2, 5)}, .smooth = true);
    CASE(part_of(in[0], 2, -1, 3, 0), .shapes = {SIZES(2, 5)}, .smooth = true);
    CASE(all_parts(in[0], 2, 1, 1), .shapes = {SIZES(2, 0)}, .smooth = true);
    CASE(all_parts(in[0], 2, 0, 2), .shapes = {SIZES(4, 0)}, .smooth = true);
    CASE(all_parts(in[0], 40, 0, 3), .shapes = {SIZES(93, 101)});
    CASE(part_of(in[0], 2, 0, 2, 1), .shapes = {SIZES(3)}, .kinds = "i", .values = {LIST(1, 2, 3)}, .expect = LIST(3));
    REFUSED(ZERO_D, "an axis", part_of(in[0], 1, 0, 1, 0), .shapes = {SCALAR});
    REFUSED(0, "makes 3 parts", part_of(in[0], 2, 0, 2, 0), .shapes = {SIZES(5)});
    REFUSED(0, "at least 1", part_of(in[0], 0, 0, 2, 0), .shapes = {SIZES(5)});
}
