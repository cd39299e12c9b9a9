/* op_cases_rearrange.c - rows of ops that reorder, repeat and window. */
#include "op_cases.h"

#define COUNTING LIST(0, 1, 2, 3, 4, 5)

OP_CASES(flip)
{
    CASE(ct_flip(in[0]), .shapes = {SIZES(2, 3)}, .smooth = true);
    CASE(ct_flip(in[0], 0), .shapes = {SIZES(2, 3)}, .smooth = true);
    CASE(ct_flip(in[0], -1, 0), .shapes = {SIZES(2, 3, 2)}, .smooth = true);
    CASE(ct_flip(in[0]), .shapes = {SCALAR}, .smooth = true);
    CASE(ct_flip(in[0], 1), .shapes = {SIZES(2, 0)}, .smooth = true);
    CASE(ct_flip(in[0], 1), .shapes = {SIZES(93, 101)});
    CASE(ct_flip(in[0], 1), .shapes = {SIZES(311, 211)}, .split = true);
    CASE(ct_flip(in[0], 1), .shapes = {SIZES(2, 3)}, .kinds = "i", .values = {COUNTING}, .expect = LIST(2, 1, 0, 5, 4, 3));
    REFUSED(0, "flip: axis 2 is out of range", ct_flip(in[0], 2), .shapes = {SIZES(2, 3)});
    REFUSED(0, "flip: axis 0 is named twice", ct_flip(in[0], 1, 0, 0), .shapes = {SIZES(2, 3)});
}

OP_CASES(roll)
{
    CASE(ct_roll(in[0], 1, 1), .shapes = {SIZES(2, 3)}, .smooth = true);
    CASE(ct_roll(in[0], -4, 0), .shapes = {SIZES(3, 2)}, .smooth = true);
    CASE(ct_roll(in[0], 2), .shapes = {SIZES(2, 3)}, .smooth = true);
    CASE(ct_roll(in[0], CT_SHIFTS(1, -2), CT_AXES(0, 1)), .shapes = {SIZES(2, 3)}, .values = {COUNTING}, .expect = LIST(5, 3, 4, 2, 0, 1));
    CASE(ct_roll(in[0], CT_SHIFTS(1, 1), CT_AXES(1, 1)), .shapes = {SIZES(2, 3)}, .smooth = true);
    CASE((ct_roll)(in[0], (const int64_t[]){1, -1}, (const int[]){0, -1}, 2), .shapes = {SIZES(2, 3)}, .smooth = true);
    CASE(ct_roll(in[0], 1), .shapes = {SCALAR}, .smooth = true);
    CASE(ct_mul(ct_roll(in[0], 6, 0), 2.0), .shapes = {SIZES(3)}, .smooth = true);
    CASE(ct_roll(in[0], 1, 1), .shapes = {SIZES(2, 0)}, .smooth = true);
    CASE(ct_roll(in[0], 100, 1), .shapes = {SIZES(93, 101)});
    CASE(ct_roll(in[0], 100, 1), .shapes = {SIZES(311, 211)}, .split = true);
    CASE(ct_roll(in[0], 1, 1), .shapes = {SIZES(2, 3)}, .kinds = "i", .values = {COUNTING}, .expect = LIST(2, 0, 1, 5, 3, 4));
    CASE(ct_roll(in[0], -1), .shapes = {SIZES(2, 3)}, .values = {COUNTING}, .expect = LIST(1, 2, 3, 4, 5, 0));
    REFUSED(0, "roll: axis 2 is out of range", ct_roll(in[0], 1, 2), .shapes = {SIZES(2, 3)});
    REFUSED(0, "2 shifts of (2, 3)", ct_roll(in[0], CT_SHIFTS(1, 2), CT_AXES(0)), .shapes = {SIZES(2, 3)});
    REFUSED(0, "want one for each axis", (ct_roll)(in[0], (const int64_t[]){1, 2}, NULL, 2), .shapes = {SIZES(2, 3)});
}

OP_CASES(repeat)
{
    CASE(ct_tile(in[0], 2), .shapes = {SIZES(2, 3)}, .smooth = true);
    CASE(ct_tile(in[0], 2, 1, 3), .shapes = {SIZES(2, 2)}, .smooth = true);
    CASE(ct_tile(in[0], 3), .shapes = {SCALAR}, .smooth = true);
    CASE(ct_tile(in[0], 0), .shapes = {SIZES(2)}, .smooth = true);
    CASE(ct_tile(in[0], 2, 2), .shapes = {SIZES(2, 0)}, .smooth = true);
    CASE(ct_tile(in[0], 3, 2), .shapes = {SIZES(93, 101)});
    CASE(ct_tile(in[0], 3, 2), .shapes = {SIZES(311, 211)}, .split = true);
    CASE(ct_tile(in[0], 2, 2), .shapes = {SIZES(3)}, .kinds = "i", .values = {LIST(0, 1, 2)}, .expect = LIST(0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1, 2));
    CASE(ct_repeat_interleave(in[0], 2, 0), .shapes = {SIZES(2, 3)}, .smooth = true);
    CASE(ct_repeat_interleave(in[0], 3, -1), .shapes = {SIZES(2, 3)}, .smooth = true);
    CASE(ct_repeat_interleave(in[0], 2, 0), .shapes = {SCALAR}, .smooth = true);
    CASE(ct_repeat_interleave(in[0], 2, 1), .shapes = {SIZES(2, 0)}, .smooth = true);
    CASE(ct_repeat_interleave(in[0], 2, 1), .shapes = {SIZES(2, 2)}, .values = {LIST(1, 2, 3, 4)}, .expect = LIST(1, 1, 2, 2, 3, 3, 4, 4));
    CASE(ct_broadcast_to(in[0], 2, 3), .shapes = {SIZES(2, 1)}, .smooth = true);
    CASE(ct_repeat_interleave(in[0], 3), .shapes = {SIZES(2, 3)}, .smooth = true);
    CASE(ct_repeat_interleave(in[0], 17, 1), .shapes = {SIZES(2, 3)}, .smooth = true);
    CASE(ct_repeat_interleave(in[0], 3, 0), .shapes = {SIZES(4, 40)});
    CASE(ct_repeat_interleave(in[0], 0, 0), .shapes = {SIZES(2, 3)}, .smooth = true);
    CASE(ct_repeat_interleave(in[0], 3, 1), .shapes = {SIZES(93, 101)});
    CASE(ct_repeat_interleave(in[0], in[1], 0), .shapes = {SIZES(3, 2), SIZES(3)}, .kinds = "fi", .values = {{0}, LIST(2, 0, 3)}, .smooth = true);
    CASE(ct_repeat_interleave(in[0], in[1]), .shapes = {SIZES(2, 2), SIZES(4)}, .kinds = "ii", .values = {LIST(5, 6, 7, 8), LIST(1, 0, 2, 1)},
         .expect = LIST(5, 7, 7, 8));
    CASE(ct_repeat_interleave(in[0], in[1], 1), .shapes = {SIZES(2, 2), SIZES(1)}, .kinds = "fi", .values = {{0}, LIST(2)}, .smooth = true);
    CASE(ct_repeat_interleave(in[0], in[1], -1), .shapes = {SIZES(93, 101), SIZES(101)}, .kinds = "fi");
    CASE(ct_repeat_interleave(in[0], in[1], 0), .shapes = {SIZES(0, 2), SIZES(0)}, .kinds = "fi");
    REFUSED(0, "-1 repeats at index 1", ct_repeat_interleave(in[0], in[1], 0), .shapes = {SIZES(2), SIZES(2)}, .kinds = "fi", .values = {{0}, LIST(1, -1)});
    REFUSED(0, "repeats (2) for axis 1 of (2, 3)", ct_repeat_interleave(in[0], in[1], 1), .shapes = {SIZES(2, 3), SIZES(2)}, .kinds = "fi");
    REFUSED(0, "repeats are float64 (2)", ct_repeat_interleave(in[0], in[1], 0), .shapes = {SIZES(2), SIZES(2)});
    REFUSED(0, "overflow", ct_repeat_interleave(in[0], in[1], 0), .shapes = {SIZES(2), SIZES(2)}, .kinds = "fi", .values = {{0}, LIST(9.2e18, 9.2e18)});
    REFUSED(0, "2 axes named", ct_repeat_interleave(in[0], 2, 0, 1), .shapes = {SIZES(2, 2)});
    REFUSED(0, "repeats is NULL", ct_repeat_interleave(in[0], NULL, 0), .shapes = {SIZES(2, 2)});
    REFUSED(0, "tile: -1 repeats", ct_tile(in[0], -1), .shapes = {SIZES(2)});
    REFUSED(0, "overflow", ct_tile(in[0], INT64_MAX), .shapes = {SIZES(2)});
    REFUSED(0, "repeat_interleave: axis 1", ct_repeat_interleave(in[0], 2, 1), .shapes = {SIZES(2)});
    REFUSED(0, "cannot become", ct_broadcast_to(in[0], 3), .shapes = {SIZES(2)});
}

OP_CASES(axis_moves)
{
    CASE(ct_movedim(in[0], 0, 2), .shapes = {SIZES(2, 3, 4)}, .smooth = true);
    CASE(ct_movedim(in[0], -1, 0), .shapes = {SIZES(2, 3, 2)}, .smooth = true);
    CASE(ct_movedim(in[0], 0, -1), .shapes = {SCALAR}, .smooth = true);
    CASE(ct_movedim(in[0], 0, 1), .shapes = {SIZES(0, 3)}, .smooth = true);
    CASE(ct_movedim(in[0], 1, 0), .shapes = {SIZES(93, 101)});
    CASE(ct_movedim(in[0], 1, 0), .shapes = {SIZES(311, 211)}, .split = true);
    CASE(ct_movedim(in[0], 2, 0), .shapes = {SIZES(1, 2, 3)}, .values = {COUNTING}, .expect = LIST(0, 3, 1, 4, 2, 5));
    CASE(ct_movedim(in[0], CT_AXES(0, 1), CT_AXES(-1, 0)), .shapes = {SIZES(2, 3, 4)}, .smooth = true);
    CASE(ct_movedim(in[0], CT_AXES(2, 0), CT_AXES(0, 1)), .shapes = {SIZES(1, 2, 3)}, .values = {COUNTING}, .expect = LIST(0, 3, 1, 4, 2, 5));
    REFUSED(0, "2 axes to 1 places", ct_movedim(in[0], CT_AXES(0, 1), 0), .shapes = {SIZES(2, 3)});
    REFUSED(0, "named twice", ct_movedim(in[0], CT_AXES(0, 1), CT_AXES(1, 1)), .shapes = {SIZES(2, 3)});
    CASE(ct_swapaxes(in[0], 0, -1), .shapes = {SIZES(2, 3, 2)}, .smooth = true);
    REFUSED(0, "movedim: axis 3", ct_movedim(in[0], 3, 0), .shapes = {SIZES(2, 3)});
    REFUSED(0, "swapaxes: axis 2", ct_swapaxes(in[0], 0, 2), .shapes = {SIZES(2, 3)});
}

static ct_tensor *chunks_turned(ct_tensor *x, size_t chunks, int axis, size_t wanted) /* in the other order; NULL unless there are as many as wanted */
{
    ct_tensor *parts[8], *turned[8];
    const size_t count = ct_chunk(x, chunks, axis, parts);
    if (count != wanted)
        return ct_ok() ? ct_fail("test: %zu chunks", count) : NULL;
    for (size_t i = 0; i < count; i++)
        turned[count - 1 - i] = ct_mul(parts[i], parts[i]);
    return ct_cat(turned, count, axis);
}

static ct_tensor *unbound(ct_tensor *x, int axis, size_t count) /* stacked in the other order */
{
    ct_tensor *parts[8], *turned[8];
    if (!ct_unbind(x, axis, parts, count))
        return NULL;
    for (size_t i = 0; i < count; i++)
        turned[count - 1 - i] = parts[i];
    return ct_stack(turned, count, 0);
}

OP_CASES(chunk)
{
    CASE(chunks_turned(in[0], 2, 1, 2), .shapes = {SIZES(2, 5)}, .smooth = true);
    CASE(chunks_turned(in[0], 4, 0, 3), .shapes = {SIZES(6, 2)}, .smooth = true);
    CASE(chunks_turned(in[0], 3, 1, 1), .shapes = {SIZES(2, 0)}, .smooth = true);
    CASE(chunks_turned(in[0], 3, 1, 3), .shapes = {SIZES(93, 101)});
    CASE(unbound(in[0], 1, 3), .shapes = {SIZES(2, 3)}, .smooth = true);
    CASE(unbound(in[0], -1, 2), .shapes = {SIZES(2)}, .smooth = true);
    REFUSED(ZERO_D, "want 1 to 255", chunks_turned(in[0], 2, 0, 2), .shapes = {SCALAR});
    REFUSED(0, "chunk: (2) into 0 parts", chunks_turned(in[0], 0, 0, 2), .shapes = {SIZES(2)});
    REFUSED(0, "unbind: axis 0 of (2) into 3 parts", unbound(in[0], 0, 3), .shapes = {SIZES(2)});
}

OP_CASES(unfold)
{
    CASE(ct_unfold(in[0], 0, 3, 1), .shapes = {SIZES(5)}, .smooth = true);
    CASE(ct_unfold(in[0], 1, 2, 2), .shapes = {SIZES(2, 5)}, .smooth = true);
    CASE(ct_unfold(in[0], -2, 2, 1), .shapes = {SIZES(3, 2)}, .smooth = true);
    CASE(ct_unfold(in[0], 0, 1, 3), .shapes = {SIZES(5)}, .smooth = true);
    CASE(ct_unfold(in[0], 0, 0, 1), .shapes = {SIZES(2)}, .smooth = true);
    CASE(ct_unfold(in[0], 1, 2, 1), .shapes = {SIZES(0, 3)}, .smooth = true);
    CASE(ct_unfold(in[0], 1, 5, 2), .shapes = {SIZES(93, 101)});
    CASE(ct_unfold(in[0], 1, 5, 2), .shapes = {SIZES(311, 211)}, .split = true);
    CASE(ct_unfold(ct_unfold(in[0], 0, 2, 1), 1, 2, 1), .shapes = {SIZES(3, 3)}, .smooth = true);
    CASE(ct_unfold(in[0], 0, 3, 2), .shapes = {SIZES(6)}, .kinds = "i", .values = {COUNTING}, .expect = LIST(0, 1, 2, 2, 3, 4));
    REFUSED(ZERO_D, "want 1 to 7 axes", ct_unfold(in[0], 0, 1, 1), .shapes = {SCALAR});
    REFUSED(0, "a window that fits", ct_unfold(in[0], 0, 3, 1), .shapes = {SIZES(2)});
    REFUSED(0, "a step of at least 1", ct_unfold(in[0], 0, 1, 0), .shapes = {SIZES(2)});
}

OP_CASES(overlap_add)
{
    CASE(ct_overlap_add(in[0], 0, 5, 1), .shapes = {SIZES(3, 3)}, .smooth = true);
    CASE(ct_overlap_add(in[0], 1, 6, 2), .shapes = {SIZES(2, 2, 3)}, .smooth = true);
    REFUSED(0, "do not come from a length of 5", ct_overlap_add(in[0], -1, 5, 2), .shapes = {SIZES(3, 2, 1, 3)});
    CASE(ct_overlap_add(in[0], 1, 3, 1), .shapes = {SIZES(0, 2, 2)}, .smooth = true);
    CASE(ct_overlap_add(in[0], 0, 189, 2), .shapes = {SIZES(93, 101, 5)});
    CASE(ct_overlap_add(in[0], 0, 4, 1), .shapes = {SIZES(3, 2)}, .values = {COUNTING}, .expect = LIST(0, 3, 7, 5));
    REFUSED(ZERO_D, "want one before the last", ct_overlap_add(in[0], 0, 1, 1), .shapes = {SCALAR});
    REFUSED(0, "want float32 or float64", ct_overlap_add(in[0], 0, 4, 1), .shapes = {SIZES(3, 2)}, .kinds = "i");
}

OP_CASES(pad_by)
{
    CASE(ct_pad_by(in[0], CT_REFLECT, 1, 2), .shapes = {SIZES(2, 3)}, .smooth = true);
    CASE(ct_pad_by(in[0], CT_REPLICATE, 1, 2), .shapes = {SIZES(2, 3)}, .smooth = true);
    CASE(ct_pad_by(in[0], CT_CIRCULAR, 3, 2), .shapes = {SIZES(2, 3)}, .smooth = true);
    CASE(ct_pad_by(in[0], CT_REFLECT, 1, 0, 0, 1), .shapes = {SIZES(2, 3)}, .smooth = true);
    CASE(ct_pad_by(in[0], CT_CIRCULAR, -1, 2, 1, 1), .shapes = {SIZES(2, 3)}, .smooth = true);
    CASE(ct_pad_by(in[0], CT_ZEROS, 1, 1), .shapes = {SIZES(2, 3)}, .smooth = true);
    CASE(ct_pad_by(in[0], CT_REPLICATE, 1, 1), .shapes = {SIZES(0, 3)}, .smooth = true);
    CASE((ct_pad_by)(in[0], CT_REFLECT, NULL, 0), .shapes = {SCALAR}, .smooth = true);
    CASE(ct_pad_by(in[0], CT_REFLECT, 3, 3, 2, 2), .shapes = {SIZES(93, 101)});
    CASE(ct_pad_by(in[0], CT_REFLECT, 3, 3, 2, 2), .shapes = {SIZES(311, 211)}, .split = true);
    CASE(ct_pad_by(in[0], CT_REFLECT, 2, 1), .shapes = {SIZES(4)}, .kinds = "i", .values = {COUNTING}, .expect = LIST(2, 1, 0, 1, 2, 3, 2));
    CASE(ct_pad_by(in[0], CT_REPLICATE, 2, 1), .shapes = {SIZES(4)}, .values = {COUNTING}, .expect = LIST(0, 0, 0, 1, 2, 3, 3));
    CASE(ct_pad_by(in[0], CT_CIRCULAR, 2, 1), .shapes = {SIZES(4)}, .values = {COUNTING}, .expect = LIST(2, 3, 0, 1, 2, 3, 0));
    CASE(ct_pad_by(in[0], CT_CIRCULAR, -1, 2), .shapes = {SIZES(5)}, .values = {COUNTING}, .expect = LIST(1, 2, 3, 4, 1, 2));
    REFUSED(0, "for its reflect edges on axis 1", ct_pad_by(in[0], CT_REFLECT, 3, 0), .shapes = {SIZES(2, 3)});
    REFUSED(0, "for its circular edges", ct_pad_by(in[0], CT_CIRCULAR, 0, 4), .shapes = {SIZES(3)});
    REFUSED(0, "for its replicate edges", ct_pad_by(in[0], CT_REPLICATE, 1, 0), .shapes = {SIZES(0)});
    REFUSED(0, "want a pair", ct_pad_by(in[0], CT_REFLECT, 1), .shapes = {SIZES(3)});
    REFUSED(0, "9 is no mode", ct_pad_by(in[0], (ct_pad_mode)9, 1, 1), .shapes = {SIZES(3)});
}
