/* op_cases_index.c - rows of reads and stores through an index. */
#include "op_cases.h"

OP_CASES(gather)
{
    CASE(ct_gather(in[0], 0, in[1]), .shapes = {SIZES(3, 4), SIZES(2, 3)}, .kinds = "fi", .values = {{0}, LIST(0, 2, 1, 1, 0, 2)}, .smooth = true);
    CASE(ct_gather(in[0], -1, in[1]), .shapes = {SIZES(3, 2, 4), SIZES(2, 2, 5)}, .kinds = "fi", .smooth = true);
    CASE(ct_gather(in[0], 1, in[1]), .shapes = {SIZES(2, 4, 3), SIZES(2, 1, 3)}, .kinds = "fi", .smooth = true);
    CASE(ct_gather(in[0], 0, in[1]), .shapes = {SCALAR, SCALAR}, .kinds = "fi", .values = {{0}, LIST(0)}, .smooth = true);
    CASE(ct_gather(in[0], 0, in[1]), .shapes = {SCALAR, SIZES(3)}, .kinds = "fi", .values = {{0}, LIST(0, 0, 0)}, .smooth = true);
    CASE(ct_gather(in[0], 0, in[1]), .shapes = {SIZES(4), SCALAR}, .kinds = "fi", .values = {{0}, LIST(2)}, .smooth = true);
    CASE(ct_gather(in[0], 1, in[1]), .shapes = {SIZES(2, 3), SIZES(2, 0)}, .kinds = "fi", .smooth = true);
    CASE(ct_gather(in[0], 0, in[1]), .shapes = {SIZES(2, 3), SIZES(0)}, .kinds = "fi", .smooth = true);
    CASE(ct_gather(in[0], 0, in[1]), .shapes = {SIZES(93, 101), SIZES(120, 101)}, .kinds = "fi", .range = {{0}, {0, 92}});
    CASE(ct_gather(in[0], 0, in[1]), .shapes = {SIZES(311, 211), SIZES(120, 211)}, .split = true, .kinds = "fi", .range = {{0}, {0, 92}});
    CASE(ct_gather(in[0], 1, in[1]), .shapes = {SIZES(93, 101), SIZES(93, 130)}, .kinds = "fi", .range = {{0}, {0, 100}});
    CASE(ct_gather(in[0], 1, in[1]), .shapes = {SIZES(311, 211), SIZES(311, 130)}, .split = true, .kinds = "fi", .range = {{0}, {0, 100}});
    CASE(ct_gather(in[0], 0, in[1]), .shapes = {SIZES(99), SIZES(20000)}, .kinds = "fi", .range = {{0}, {0, 98}});
    CASE(ct_gather(in[0], 1, in[1]), .shapes = {SIZES(2, 2), SIZES(2, 2)}, .kinds = "ii", .values = {LIST(1, 2, 3, 4), LIST(0, 0, 1, 0)},
         .expect = LIST(1, 1, 4, 3));
    CASE(ct_gather(in[0], 0, in[1]), .shapes = {SIZES(2), SIZES(3)}, .kinds = "bi", .values = {LIST(0, 1), LIST(1, 0, 1)}, .expect = LIST(1, 0, 1));
    CASE(ct_gather(in[0], 1, in[1]), .shapes = {SIZES(3, 4), SIZES(3, 2)}, .kinds = "fi",
         .values = {LIST(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11), LIST(3, 0, 1, 1, 2, 3)}, .expect = LIST(3, 0, 5, 5, 10, 11));
    CASE(ct_take_along_axis(in[0], in[1], 1), .shapes = {SIZES(3, 4), SIZES(1, 2)}, .kinds = "fi",
         .values = {LIST(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11), LIST(2, 0)}, .expect = LIST(2, 0, 6, 4, 10, 8));
    CASE(ct_take_along_axis(in[0], in[1], 1), .shapes = {SIZES(3, 4), SIZES(1, 2)}, .kinds = "fi", .smooth = true);
    CASE(ct_take_along_axis(in[0], in[1], 0), .shapes = {SIZES(4, 1), SIZES(2, 3)}, .kinds = "fi", .smooth = true);
    CASE(ct_take_along_axis(in[0], in[1]), .shapes = {SIZES(2, 2), SIZES(3, 1)}, .kinds = "fi", .smooth = true);
    CASE(ct_take_along_axis(in[0], in[1], 0), .shapes = {SCALAR, SCALAR}, .kinds = "fi", .values = {{0}, LIST(0)}, .smooth = true);
    CASE(ct_take_along_axis(in[0], in[1], 0), .shapes = {SIZES(4, 3), SIZES(0, 3)}, .kinds = "fi", .smooth = true);
    CASE(ct_index_select(in[0], 1, in[1]), .shapes = {SIZES(2, 4, 3), SIZES(3)}, .kinds = "fi", .values = {{0}, LIST(3, 0, 3)}, .smooth = true);
    CASE(ct_index_select(in[0], 0, in[1]), .shapes = {SIZES(4, 2), SCALAR}, .kinds = "fi", .smooth = true);
    CASE(ct_index_select(in[0], -1, in[1]), .shapes = {SCALAR, SIZES(1)}, .kinds = "fi", .values = {{0}, LIST(0)}, .smooth = true);
    CASE(ct_index_select(in[0], 0, in[1]), .shapes = {SIZES(4, 2), SIZES(0)}, .kinds = "fi", .smooth = true);
    CASE(ct_index_select(in[0], 0, in[1]), .shapes = {SIZES(93, 101), SIZES(300)}, .kinds = "fi", .range = {{0}, {0, 92}});
    CASE(ct_index_select(in[0], 0, in[1]), .shapes = {SIZES(311, 211), SIZES(300)}, .split = true, .kinds = "fi", .range = {{0}, {0, 92}});
    CASE(ct_index_select(in[0], -1, in[1]), .shapes = {SIZES(93, 101), SIZES(300)}, .kinds = "fi", .range = {{0}, {0, 100}});
    CASE(ct_index_select(in[0], -1, in[1]), .shapes = {SIZES(311, 211), SIZES(300)}, .split = true, .kinds = "fi", .range = {{0}, {0, 100}});
    CASE(ct_masked_select(in[0], in[1]), .shapes = {SIZES(3, 4), SIZES(3, 4)}, .kinds = "fb", .smooth = true);
    CASE(ct_masked_select(in[0], in[1]), .shapes = {SIZES(4), SIZES(3, 1)}, .kinds = "fb", .values = {{0}, LIST(1, 0, 1)}, .smooth = true);
    CASE(ct_masked_select(in[0], in[1]), .shapes = {SCALAR, SCALAR}, .kinds = "fb", .values = {{0}, LIST(1)}, .smooth = true);
    CASE(ct_masked_select(in[0], in[1]), .shapes = {SIZES(2, 0), SIZES(2, 0)}, .kinds = "fb", .smooth = true);
    CASE(ct_masked_select(in[0], in[1]), .shapes = {SIZES(193, 101), SIZES(193, 101)}, .kinds = "fb");
    REFUSED(0, "gather: index 3 at position 1 of (2) is not in [0, 3)", ct_gather(in[0], 0, in[1]), .shapes = {SIZES(3), SIZES(2)}, .kinds = "fi",
            .values = {{0}, LIST(0, 3)});
    REFUSED(0, "gather: index -1 at position 0", ct_gather(in[0], 0, in[1]), .shapes = {SIZES(3), SIZES(1)}, .kinds = "fi", .values = {{0}, LIST(-1)});
    REFUSED(0, "want int64", ct_gather(in[0], 0, in[1]), .shapes = {SIZES(3), SIZES(1)});
    REFUSED(0, "none longer", ct_gather(in[0], 0, in[1]), .shapes = {SIZES(4, 2), SIZES(1, 3)}, .kinds = "fi");
    REFUSED(0, "as many axes", ct_gather(in[0], 0, in[1]), .shapes = {SIZES(4, 2), SIZES(1)}, .kinds = "fi");
    REFUSED(0, "axis 2 is out of range", ct_gather(in[0], 2, in[1]), .shapes = {SIZES(4, 2), SIZES(1, 1)}, .kinds = "fi");
    REFUSED(0, "sizes that broadcast", ct_take_along_axis(in[0], in[1], 0), .shapes = {SIZES(4, 2), SIZES(1, 3)}, .kinds = "fi");
    REFUSED(0, "take_along_axis: index -1", ct_take_along_axis(in[0], in[1]), .shapes = {SIZES(4), SIZES(1)}, .kinds = "fi", .values = {{0}, LIST(-1)});
    REFUSED(0, "want one, or none", ct_take_along_axis(in[0], in[1], 0, 1), .shapes = {SIZES(4, 2), SIZES(1, 2)}, .kinds = "fi");
    REFUSED(0, "want a vector", ct_index_select(in[0], 0, in[1]), .shapes = {SIZES(4), SIZES(1, 1)}, .kinds = "fi");
    REFUSED(0, "index_select: index -2", ct_index_select(in[0], 0, in[1]), .shapes = {SIZES(4), SIZES(1)}, .kinds = "fi", .values = {{0}, LIST(-2)});
    REFUSED(0, "want bool", ct_masked_select(in[0], in[1]), .shapes = {SIZES(4), SIZES(4)}, .kinds = "fi");
    REFUSED(0, "do not broadcast", ct_masked_select(in[0], in[1]), .shapes = {SIZES(4), SIZES(3)}, .kinds = "fb");

    /* Advanced indexing: the placing of the axes, masks, negative indices. */
    CASE(ct_index(in[0], CT_AT(in[1])), .shapes = {SIZES(4, 3), SIZES(2, 2)}, .kinds = "fi", .values = {{0}, LIST(-1, 0, 0, 3)}, .smooth = true);
    CASE(ct_index(in[0], CT_AT(in[1]), CT_AT(in[2])), .shapes = {SIZES(3, 4), SIZES(3), SIZES(3)}, .kinds = "fii",
         .values = {{0}, LIST(0, 2, -1), LIST(1, 1, -4)}, .smooth = true);
    CASE(ct_index(in[0], CT_AT(in[1]), CT_AT(in[2])), .shapes = {SIZES(3, 4), SIZES(2, 1), SIZES(3)}, .kinds = "fii",
         .values = {{0}, LIST(0, 2), LIST(0, 1, 3)}, .smooth = true);
    CASE(ct_index(in[0], CT_ALL, CT_AT(in[1]), CT_RANGE(1, -1)), .shapes = {SIZES(2, 3, 4), SIZES(2, 2)}, .kinds = "fi",
         .values = {{0}, LIST(0, 1, 2, 0)}, .smooth = true);
    CASE(ct_index(in[0], CT_AT(in[1]), CT_ALL, CT_AT(in[2])), .shapes = {SIZES(2, 3, 4), SIZES(2), SIZES(2)}, .kinds = "fii",
         .values = {{0}, LIST(1, 0), LIST(3, 3)}, .smooth = true);
    CASE(ct_index(in[0], CT_ALL, CT_AT(in[1]), CT_AT(1), CT_NEW_AXIS), .shapes = {SIZES(2, 3, 4), SIZES(2)}, .kinds = "fi", .values = {{0}, LIST(2, 0)},
         .smooth = true);
    CASE(ct_index(in[0], CT_ELLIPSIS, CT_AT(in[1])), .shapes = {SIZES(2, 3, 4), SIZES(3)}, .kinds = "fi", .smooth = true);
    CASE(ct_index(in[0], CT_AT(in[1])), .shapes = {SIZES(3, 4), SIZES(3, 4)}, .kinds = "fb", .smooth = true);
    CASE(ct_index(in[0], CT_RANGE(CT_OPEN, CT_OPEN, -1), CT_AT(in[1])), .shapes = {SIZES(2, 3), SIZES(3)}, .kinds = "fb",
         .values = {{0}, LIST(1, 0, 1)}, .smooth = true);
    CASE(ct_index(in[0], CT_AT(in[1]), CT_AT(in[2])), .shapes = {SIZES(2, 2, 4), SIZES(2, 2), SIZES(1)}, .kinds = "fbi", .smooth = true);
    CASE(ct_index(in[0], CT_AT(in[1])), .shapes = {SIZES(3, 2), SCALAR}, .kinds = "fi", .values = {{0}, LIST(-2)}, .smooth = true);
    CASE(ct_index(in[0], CT_AT(in[1])), .shapes = {SIZES(3, 2), SIZES(0)}, .kinds = "fi", .smooth = true);
    CASE(ct_index(in[0], CT_AT(-1), CT_NEW_AXIS, CT_RANGE(0, 2)), .shapes = {SIZES(2, 3)}, .smooth = true);
    CASE(ct_index(in[0], CT_ELLIPSIS), .shapes = {SCALAR}, .smooth = true);
    CASE(ct_index(in[0], CT_AT(in[1]), CT_AT(in[2])), .shapes = {SIZES(93, 101), SIZES(200, 1), SIZES(60)}, .kinds = "fii",
         .range = {{0}, {-93, 92}, {-101, 100}});
    CASE(ct_index(in[0], CT_AT(0), CT_ALL, CT_AT(in[1])), .shapes = {SIZES(1, 2, 3), SIZES(2)}, .kinds = "ii", .values = {LIST(1, 2, 3, 4, 5, 6), LIST(0, -1)},
         .expect = LIST(1, 4, 3, 6));
    CASE(ct_index(in[0], CT_AT(in[1])), .shapes = {SIZES(2), SIZES(2)}, .kinds = "bi", .values = {LIST(0, 1), LIST(-1, -1)}, .expect = LIST(1, 1));
    CASE(ct_index(in[0], CT_ALL, CT_AT(in[1]), CT_AT(in[2])), .shapes = {SIZES(2, 3, 4), SIZES(2), SIZES(2)}, .kinds = "fii",
         .values = {LIST(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23), LIST(2, 0), LIST(-1, 1)},
         .expect = LIST(11, 1, 23, 13));
    CASE(ct_index(in[0], CT_AT(in[1]), CT_ALL, CT_AT(in[2])), .shapes = {SIZES(2, 3, 4), SIZES(2), SIZES(2)}, .kinds = "fii",
         .values = {LIST(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23), LIST(1, 0), LIST(3, 0)},
         .expect = LIST(15, 19, 23, 0, 4, 8));
    REFUSED(0, "index: index 3 at position 2 of (3) is not in [-3, 3), along axis 1", ct_index(in[0], CT_ALL, CT_AT(in[1])),
            .shapes = {SIZES(2, 3), SIZES(3)}, .kinds = "fi", .values = {{0}, LIST(0, -3, 3)});
    REFUSED(0, "index: (2) and (3) do not broadcast", ct_index(in[0], CT_AT(in[1]), CT_AT(in[2])), .shapes = {SIZES(4, 4), SIZES(2), SIZES(3)}, .kinds = "fii");
    REFUSED(0, "index: a mask of (2) from axis 1 of (2, 3) on", ct_index(in[0], CT_ALL, CT_AT(in[1])), .shapes = {SIZES(2, 3), SIZES(2)}, .kinds = "fb");
    REFUSED(0, "a 0-d mask", ct_index(in[0], CT_AT(in[1])), .shapes = {SIZES(2), SCALAR}, .kinds = "fb");
    REFUSED(0, "want int64 or bool", ct_index(in[0], CT_AT(in[1])), .shapes = {SIZES(2), SIZES(1)});
    REFUSED(0, "index: \"0, int64 (1), :\": subscripts of 3 axes", ct_index(in[0], CT_AT(0), CT_AT(in[1]), CT_ALL), .shapes = {SIZES(4, 4), SIZES(1)}, .kinds = "fi");
    REFUSED(0, "only one ...", ct_index(in[0], CT_ELLIPSIS, CT_AT(in[1]), CT_ELLIPSIS), .shapes = {SIZES(4, 4), SIZES(1)}, .kinds = "fi");
    REFUSED(0, "index: \"2\": index 2 is out of range", ct_index(in[0], CT_AT(2)), .shapes = {SIZES(2)});
    REFUSED(0, "index: \"::0\": a step of 0", ct_index(in[0], CT_RANGE(CT_OPEN, CT_OPEN, 0)), .shapes = {SIZES(2)});
}

OP_CASES(embedding)
{
    CASE(ct_embedding(in[0], in[1]), .shapes = {SIZES(4, 3), SIZES(2, 3)}, .kinds = "fi", .smooth = true);
    CASE(ct_embedding(in[0], in[1]), .shapes = {SIZES(4, 3), SIZES(5)}, .kinds = "fi", .values = {{0}, LIST(1, 1, 3, 1, 0)}, .smooth = true);
    CASE(ct_embedding(in[0], in[1]), .shapes = {SIZES(4, 3), SCALAR}, .kinds = "fi", .smooth = true);
    CASE(ct_embedding(in[0], in[1]), .shapes = {SIZES(4, 3), SIZES(2, 0)}, .kinds = "fi", .smooth = true);
    CASE(ct_embedding(in[0], in[1]), .shapes = {SIZES(4, 0), SIZES(2)}, .kinds = "fi", .smooth = true);
    CASE(ct_embedding(in[0], in[1], .padding_idx = 0), .shapes = {SIZES(4, 3), SIZES(2, 3)}, .kinds = "fi",
         .no_gradcheck = "the padding's gradient is not the derivative");
    CASE(ct_embedding(in[0], in[1], .padding_idx = -1), .shapes = {SIZES(4, 3), SIZES(3)}, .kinds = "fi", .values = {{0}, LIST(0, 1, 0)}, .smooth = true);
    CASE(ct_embedding(in[0], in[1]), .shapes = {SIZES(93, 101), SIZES(20, 30)}, .kinds = "fi", .range = {{0}, {0, 92}});
    CASE(ct_embedding(in[0], in[1]), .shapes = {SIZES(311, 211), SIZES(20, 30)}, .split = true, .kinds = "fi", .range = {{0}, {0, 92}});
    CASE(ct_embedding(in[0], in[1]), .shapes = {SIZES(2, 2), SIZES(3)}, .kinds = "ii", .values = {LIST(1, 2, 3, 4), LIST(1, 0, 1)},
         .expect = LIST(3, 4, 1, 2, 3, 4));
    REFUSED(0, "embedding: index -1 at position 1 of (2) is not in [0, 4)", ct_embedding(in[0], in[1]), .shapes = {SIZES(4, 3), SIZES(2)}, .kinds = "fi",
            .values = {{0}, LIST(3, -1)});
    REFUSED(0, "embedding: index 4 at position 0", ct_embedding(in[0], in[1]), .shapes = {SIZES(4, 3), SIZES(1)}, .kinds = "fi", .values = {{0}, LIST(4)});
    REFUSED(0, "want (rows, columns)", ct_embedding(in[0], in[1]), .shapes = {SIZES(4), SIZES(1)}, .kinds = "fi");
    REFUSED(0, "padding_idx 4 is not a row", ct_embedding(in[0], in[1], .padding_idx = 4), .shapes = {SIZES(4, 3), SIZES(1)}, .kinds = "fi");
}

OP_CASES(scatter)
{
    CASE(ct_scatter(in[0], 0, in[1], in[2]), .shapes = {SIZES(3, 4), SIZES(2, 3), SIZES(2, 3)}, .kinds = "fif", .values = {{0}, LIST(0, 2, 1, 1, 0, 2)},
         .smooth = true);
    CASE(ct_scatter(in[0], 1, in[1], in[2]), .shapes = {SIZES(2, 4), SIZES(2, 5), SIZES(3, 6)}, .kinds = "fif", .smooth = true); /* repeated; source larger */
    CASE(ct_scatter(in[0], -1, in[1], 0.5), .shapes = {SIZES(2, 4), SIZES(2, 2)}, .kinds = "fi", .smooth = true);
    CASE(ct_scatter(in[0], 0, in[1], in[2]), .shapes = {SCALAR, SCALAR, SCALAR}, .kinds = "fif", .values = {{0}, LIST(0)}, .smooth = true);
    CASE(ct_scatter(in[0], 0, in[1], in[2]), .shapes = {SIZES(3), SCALAR, SIZES(2)}, .kinds = "fif", .values = {{0}, LIST(2)}, .smooth = true);
    CASE(ct_scatter(in[0], 0, in[1], in[2]), .shapes = {SIZES(3), SIZES(1), SCALAR}, .kinds = "fif", .values = {{0}, LIST(1)}, .smooth = true);
    CASE(ct_scatter(in[0], 1, in[1], in[2]), .shapes = {SIZES(2, 4), SIZES(2, 0), SIZES(2, 3)}, .kinds = "fif", .smooth = true);
    CASE(ct_scatter(in[0], 0, in[1], 1.0), .shapes = {SIZES(2, 4), SIZES(0)}, .kinds = "fi", .smooth = true);
    CASE(ct_scatter(in[0], 0, in[1], in[2]), .shapes = {SIZES(93, 101), SIZES(120, 101), SIZES(120, 101)}, .kinds = "fif", .range = {{0}, {0, 92}});
    CASE(ct_scatter(in[0], 0, in[1], in[2]), .shapes = {SIZES(311, 211), SIZES(120, 211), SIZES(120, 211)}, .split = true, .kinds = "fif", .range = {{0}, {0, 92}});
    CASE(ct_scatter(in[0], 0, in[1], in[2]), .shapes = {SIZES(99), SIZES(20000), SIZES(20000)}, .kinds = "fif", .range = {{0}, {0, 98}});
    CASE(ct_scatter(in[0], 0, in[1], in[2]), .shapes = {SIZES(3), SIZES(4), SIZES(4)}, .kinds = "iii",
         .values = {LIST(7, 8, 9), LIST(2, 0, 2, 2), LIST(1, 2, 3, 4)}, .expect = LIST(2, 8, 4));
    CASE(ct_scatter(in[0], 0, in[1], true), .shapes = {SIZES(3), SIZES(1)}, .kinds = "bi", .values = {LIST(0, 0, 0), LIST(1)}, .expect = LIST(0, 1, 0));
    CASE(ct_masked_scatter(in[0], in[1], in[2]), .shapes = {SIZES(3, 4), SIZES(3, 4), SIZES(13)}, .kinds = "fbf", .smooth = true);
    CASE(ct_masked_scatter(in[0], in[1], in[2]), .shapes = {SIZES(2, 3), SIZES(3), SIZES(3, 2)}, .kinds = "fbf", .smooth = true);
    CASE(ct_masked_scatter(in[0], in[1], in[2]), .shapes = {SCALAR, SCALAR, SIZES(2)}, .kinds = "fbf", .values = {{0}, LIST(1)}, .smooth = true);
    CASE(ct_masked_scatter(in[0], in[1], in[2]), .shapes = {SIZES(0), SIZES(0), SIZES(0)}, .kinds = "fbf", .smooth = true);
    CASE(ct_masked_scatter(in[0], in[1], in[2]), .shapes = {SIZES(2, 2), SIZES(2, 2), SIZES(3)}, .kinds = "ibi",
         .values = {LIST(1, 2, 3, 4), LIST(0, 1, 1, 0), LIST(7, 8, 9)}, .expect = LIST(1, 7, 8, 4));
    CASE(ct_index_put(in[0], CT_SUBSCRIPTS(CT_AT(in[1])), in[2]), .shapes = {SIZES(4, 3), SIZES(2), SIZES(2, 3)}, .kinds = "fif",
         .values = {{0}, LIST(-1, 1)}, .smooth = true);
    CASE(ct_index_put(in[0], CT_SUBSCRIPTS(CT_AT(in[1]), CT_RANGE(0, 2)), in[2]), .shapes = {SIZES(4, 3), SIZES(3), SIZES(2)}, .kinds = "fif",
         .values = {{0}, LIST(1, 0, 1)}, .smooth = true);
    CASE(ct_index_put(in[0], CT_SUBSCRIPTS(CT_AT(in[1])), 0.5), .shapes = {SIZES(4, 3), SIZES(4, 3)}, .kinds = "fb", .smooth = true);
    CASE(ct_index_put(in[0], CT_SUBSCRIPTS(CT_RANGE(1, CT_OPEN)), in[1]), .shapes = {SIZES(4, 3), SCALAR}, .smooth = true);
    CASE(ct_index_put(in[0], CT_SUBSCRIPTS(CT_ELLIPSIS), in[1]), .shapes = {SCALAR, SCALAR}, .smooth = true);
    CASE(ct_index_put(in[0], CT_SUBSCRIPTS(CT_AT(in[1])), in[2]), .shapes = {SIZES(4, 3), SIZES(0), SIZES(0, 3)}, .kinds = "fif", .smooth = true);
    REFUSED(0, "scatter: index 3 at position 0 of (1) is not in [0, 3)", ct_scatter(in[0], 0, in[1], 1.0), .shapes = {SIZES(3), SIZES(1)}, .kinds = "fi",
            .values = {{0}, LIST(3)});
    REFUSED(0, "scatter: index -1", ct_scatter(in[0], 0, in[1], 1.0), .shapes = {SIZES(3), SIZES(1)}, .kinds = "fi", .values = {{0}, LIST(-1)});
    REFUSED(0, "none longer", ct_scatter(in[0], 0, in[1], in[2]), .shapes = {SIZES(4), SIZES(3), SIZES(2)}, .kinds = "fif");
    REFUSED(0, "none longer", ct_scatter(in[0], 0, in[1], in[2]), .shapes = {SIZES(4, 2), SIZES(3, 3), SIZES(3, 3)}, .kinds = "fif");
    REFUSED(0, "want the same dtype", ct_scatter(in[0], 0, in[1], in[2]), .shapes = {SIZES(4), SIZES(1), SIZES(1)}, .kinds = "iif");
    REFUSED(0, "want the same dtype", ct_scatter(in[0], 0, in[1], 0.5), .shapes = {SIZES(4), SIZES(1)}, .kinds = "ii");
    REFUSED(0, "a source of (1) for 2 places", ct_masked_scatter(in[0], in[1], in[2]), .shapes = {SIZES(2), SIZES(2), SIZES(1)}, .kinds = "fbf",
            .values = {{0}, LIST(1, 1)});
    REFUSED(0, "index_put: value (2) does not broadcast to (1)", ct_index_put(in[0], CT_SUBSCRIPTS(CT_AT(in[1])), in[2]),
            .shapes = {SIZES(4), SIZES(1), SIZES(2)}, .kinds = "fif");
    REFUSED(0, "index_put: index 4 at position 0", ct_index_put(in[0], CT_SUBSCRIPTS(CT_AT(in[1])), 1.0), .shapes = {SIZES(4), SIZES(1)}, .kinds = "fi",
            .values = {{0}, LIST(4)});
}

OP_CASES(scatter_add)
{
    CASE(ct_scatter_add(in[0], 0, in[1], in[2]), .shapes = {SIZES(3, 4), SIZES(5, 3), SIZES(5, 4)}, .kinds = "fif", .range = {{0}, {0, 2}}, .smooth = true);
    CASE(ct_scatter_add(in[0], -1, in[1], in[2]), .shapes = {SIZES(2, 4), SIZES(2, 6), SIZES(2, 6)}, .kinds = "fif", .smooth = true);
    CASE(ct_scatter_add(in[0], 0, in[1], in[2]), .shapes = {SCALAR, SIZES(1), SIZES(1)}, .kinds = "fif", .values = {{0}, LIST(0)}, .smooth = true);
    CASE(ct_scatter_add(in[0], 0, in[1], in[2]), .shapes = {SIZES(2), SIZES(0), SIZES(2)}, .kinds = "fif", .smooth = true);
    CASE(ct_scatter_add(in[0], 0, in[1], in[2]), .shapes = {SIZES(93, 101), SIZES(120, 101), SIZES(120, 101)}, .kinds = "fif", .range = {{0}, {0, 92}});
    CASE(ct_scatter_add(in[0], 0, in[1], in[2]), .shapes = {SIZES(311, 211), SIZES(120, 211), SIZES(120, 211)}, .split = true, .kinds = "fif", .range = {{0}, {0, 92}});
    CASE(ct_scatter_add(in[0], 1, in[1], in[2]), .shapes = {SIZES(93, 101), SIZES(93, 120), SIZES(93, 120)}, .kinds = "fif", .range = {{0}, {0, 100}});
    CASE(ct_scatter_add(in[0], 1, in[1], in[2]), .shapes = {SIZES(311, 211), SIZES(311, 120), SIZES(311, 120)}, .split = true, .kinds = "fif", .range = {{0}, {0, 100}});
    CASE(ct_scatter_add(in[0], 0, in[1], in[2]), .shapes = {SIZES(99), SIZES(20000), SIZES(20000)}, .kinds = "fif", .range = {{0}, {0, 98}});
    CASE(ct_scatter_add(in[0], 0, in[1], in[2]), .shapes = {SIZES(2), SIZES(3), SIZES(3)}, .kinds = "iii",
         .values = {LIST(1, 2), LIST(1, 1, 1), LIST(10, 20, 30)}, .expect = LIST(1, 62));
    CASE(ct_scatter_add(in[0], 0, in[1], in[2]), .shapes = {SIZES(3), SIZES(2), SIZES(2)}, .kinds = "bib",
         .values = {LIST(0, 0, 0), LIST(1, 1), LIST(1, 1)}, .expect = LIST(0, 1, 0));
    CASE(ct_index_add(in[0], 1, in[1], in[2]), .shapes = {SIZES(2, 4, 3), SIZES(3), SIZES(2, 3, 3)}, .kinds = "fif", .values = {{0}, LIST(3, 0, 3)},
         .smooth = true);
    CASE(ct_index_add(in[0], 0, in[1], in[2], .alpha = -0.5), .shapes = {SIZES(4, 2), SIZES(3), SIZES(3, 2)}, .kinds = "fif", .smooth = true);
    CASE(ct_index_add(in[0], 0, in[1], in[2]), .shapes = {SCALAR, SCALAR, SCALAR}, .kinds = "fif", .values = {{0}, LIST(0)}, .smooth = true);
    CASE(ct_index_add(in[0], 0, in[1], in[2]), .shapes = {SIZES(4, 2), SIZES(0), SIZES(0, 2)}, .kinds = "fif", .smooth = true);
    CASE(ct_index_add(in[0], 0, in[1], in[2], .alpha = 2), .shapes = {SIZES(2), SIZES(2), SIZES(2)}, .kinds = "iii",
         .values = {LIST(1, 2), LIST(0, 0), LIST(5, 6)}, .expect = LIST(23, 2));
    CASE(ct_index_add(in[0], 0, in[1], in[2]), .shapes = {SIZES(93, 101), SIZES(300), SIZES(300, 101)}, .kinds = "fif", .range = {{0}, {0, 92}});
    CASE(ct_index_add(in[0], 0, in[1], in[2]), .shapes = {SIZES(311, 211), SIZES(300), SIZES(300, 211)}, .split = true, .kinds = "fif", .range = {{0}, {0, 92}});
    CASE(ct_index_put(in[0], CT_SUBSCRIPTS(CT_AT(in[1]), CT_ELLIPSIS), in[2], .accumulate = true), .shapes = {SIZES(4, 3), SIZES(3), SIZES(3)}, .kinds = "fif",
         .values = {{0}, LIST(1, 0, -3)}, .smooth = true);
    CASE(ct_scatter_reduce(in[0], 0, in[1], in[2], CT_REDUCE_SUM), .shapes = {SIZES(4), SIZES(6), SIZES(6)}, .kinds = "fif", .smooth = true);
    CASE(ct_scatter_reduce(in[0], 0, in[1], in[2], CT_REDUCE_SUM, .include_self = false), .shapes = {SIZES(4), SIZES(3), SIZES(3)}, .kinds = "fif",
         .smooth = true);
    CASE(ct_scatter_reduce(in[0], 1, in[1], in[2], CT_REDUCE_MEAN), .shapes = {SIZES(2, 4), SIZES(2, 6), SIZES(2, 6)}, .kinds = "fif", .smooth = true);
    CASE(ct_scatter_reduce(in[0], 0, in[1], in[2], CT_REDUCE_MEAN, .include_self = false), .shapes = {SIZES(4), SIZES(3), SIZES(3)}, .kinds = "fif",
         .smooth = true);
    CASE(ct_scatter_reduce(in[0], 0, in[1], in[2], CT_REDUCE_MEAN), .shapes = {SIZES(3), SIZES(4), SIZES(4)}, .kinds = "iii",
         .values = {LIST(-7, 5, 1), LIST(0, 0, 2, 2), LIST(1, 2, 1, 2)}, .expect = LIST(-2, 5, 1));
    CASE(ct_scatter_reduce(in[0], 0, in[1], in[2], CT_REDUCE_MEAN), .shapes = {SIZES(4), SIZES(6), SIZES(6)}, .kinds = "fif",
         .values = {LIST(1, 2, 3, 4), LIST(0, 0, 1, 3, 3, 3), LIST(5, -2, 0.5, 8, 1, -1)}, .expect = LIST(4 / 3.0, 1.25, 3, 3));
    CASE(ct_scatter_reduce(in[0], 0, in[1], in[2], CT_REDUCE_MEAN, .include_self = false), .shapes = {SIZES(4), SIZES(6), SIZES(6)}, .kinds = "fif",
         .values = {LIST(1, 2, 3, 4), LIST(0, 0, 1, 3, 3, 3), LIST(5, -2, 0.5, 8, 1, -1)}, .expect = LIST(1.5, 0.5, 3, 8 / 3.0));
    CASE(ct_scatter_reduce(in[0], 0, in[1], in[2], CT_REDUCE_SUM, .include_self = false), .shapes = {SIZES(4), SIZES(6), SIZES(6)}, .kinds = "fif",
         .values = {LIST(1, 2, 3, 4), LIST(0, 0, 1, 3, 3, 3), LIST(5, -2, 0.5, 8, 1, -1)}, .expect = LIST(3, 0.5, 3, 8));
    REFUSED(0, "no mean", ct_scatter_reduce(in[0], 0, in[1], in[2], CT_REDUCE_MEAN), .shapes = {SIZES(3), SIZES(1), SIZES(1)}, .kinds = "bib");
    REFUSED(0, "scatter_add: index 4", ct_scatter_add(in[0], 0, in[1], in[2]), .shapes = {SIZES(4), SIZES(1), SIZES(1)}, .kinds = "fif",
            .values = {{0}, LIST(4)});
    REFUSED(0, "a source as long", ct_index_add(in[0], 0, in[1], in[2]), .shapes = {SIZES(4, 2), SIZES(2), SIZES(2, 3)}, .kinds = "fif");
    REFUSED(0, "alpha 0.5 for int64", ct_index_add(in[0], 0, in[1], in[2], .alpha = 0.5), .shapes = {SIZES(4), SIZES(1), SIZES(1)}, .kinds = "iii");
    REFUSED(0, "is no reduction", ct_scatter_reduce(in[0], 0, in[1], in[2], (ct_scatter_reduction)9), .shapes = {SIZES(4), SIZES(1), SIZES(1)}, .kinds = "fif");
}

#define SCATTER_REDUCE_ROWS(reduce)                                                                                      \
    CASE(ct_scatter_reduce(in[0], 0, in[1], in[2], reduce), .shapes = {SIZES(3, 4), SIZES(5, 3), SIZES(5, 4)}, .kinds = "fif", \
         .range = {{0}, {0, 2}}, .smooth = true);                                                                        \
    CASE(ct_scatter_reduce(in[0], -1, in[1], in[2], reduce), .shapes = {SIZES(2, 4), SIZES(2, 6), SIZES(2, 6)}, .kinds = "fif", .smooth = true); \
    CASE(ct_scatter_reduce(in[0], 0, in[1], in[2], reduce, .include_self = false), .shapes = {SIZES(4), SIZES(3), SIZES(3)}, .kinds = "fif", \
         .values = {{0}, LIST(1, 0, 1)}, .smooth = true);                                                                \
    CASE(ct_scatter_reduce(in[0], 0, in[1], in[2], reduce), .shapes = {SCALAR, SIZES(1), SIZES(1)}, .kinds = "fif", .values = {{0}, LIST(0)}, \
         .smooth = true);                                                                                                \
    CASE(ct_scatter_reduce(in[0], 0, in[1], in[2], reduce), .shapes = {SIZES(2), SIZES(0), SIZES(2)}, .kinds = "fif", .smooth = true); \
    CASE(ct_scatter_reduce(in[0], 0, in[1], in[2], reduce), .shapes = {SIZES(93, 101), SIZES(93, 101), SIZES(93, 101)}, .kinds = "fif", \
         .range = {{0.5, 1.5}, {0, 92}, {0.5, 1.5}}, .tolerance = 1e-4)

OP_CASES(scatter_prod)
{
    SCATTER_REDUCE_ROWS(CT_REDUCE_PROD);
    CASE(ct_scatter_reduce(in[0], 0, in[1], in[2], CT_REDUCE_PROD), .shapes = {SIZES(4), SIZES(6), SIZES(6)}, .kinds = "fif",
         .values = {LIST(1, 2, 3, 4), LIST(0, 0, 1, 3, 3, 3), LIST(5, -2, 0.5, 8, 1, -1)}, .expect = LIST(-10, 1, 3, -32));
    CASE(ct_scatter_reduce(in[0], 0, in[1], in[2], CT_REDUCE_PROD, .include_self = false), .shapes = {SIZES(4), SIZES(6), SIZES(6)}, .kinds = "fif",
         .values = {LIST(1, 2, 3, 4), LIST(0, 0, 1, 3, 3, 3), LIST(5, -2, 0.5, 8, 1, -1)}, .expect = LIST(-10, 0.5, 3, -8));
    CASE(ct_scatter_reduce(in[0], 0, in[1], in[2], CT_REDUCE_PROD), .shapes = {SIZES(4), SIZES(6), SIZES(6)}, .kinds = "fif",
         .values = {LIST(2, 0, 3, 5), LIST(0, 0, 1, 2, 2, 3), LIST(0, 3, 2, 0, 0, 4)}, .expect = LIST(0, 0, 0, 20),
         .no_second = "scatter_reduce: the second derivative of a product with a factor 0");
    CASE(ct_scatter_reduce(in[0], 0, in[1], in[2], CT_REDUCE_PROD), .shapes = {SIZES(2), SIZES(3), SIZES(3)}, .kinds = "iii",
         .values = {LIST(2, 3), LIST(1, 0, 1), LIST(4, 5, 6)}, .expect = LIST(10, 72));
    CASE(ct_scatter_reduce(in[0], 0, in[1], in[2], CT_REDUCE_PROD, .include_self = false), .shapes = {SIZES(2), SIZES(2), SIZES(2)}, .kinds = "bib",
         .values = {LIST(0, 0), LIST(1, 1), LIST(1, 1)}, .expect = LIST(0, 1));
}

OP_CASES(scatter_amax)
{
    SCATTER_REDUCE_ROWS(CT_REDUCE_AMAX);
    CASE(ct_scatter_reduce(in[0], 0, in[1], in[2], CT_REDUCE_AMAX), .shapes = {SIZES(4), SIZES(6), SIZES(6)}, .kinds = "fif",
         .values = {LIST(1, 2, 3, 4), LIST(0, 0, 1, 3, 3, 3), LIST(5, -2, 0.5, 8, 1, -1)}, .expect = LIST(5, 2, 3, 8));
    CASE(ct_scatter_reduce(in[0], 0, in[1], in[2], CT_REDUCE_AMAX, .include_self = false), .shapes = {SIZES(4), SIZES(6), SIZES(6)}, .kinds = "fif",
         .values = {LIST(1, 2, 3, 4), LIST(0, 0, 1, 3, 3, 3), LIST(5, -2, 0.5, 8, 1, -1)}, .expect = LIST(5, 0.5, 3, 8));
    CASE(ct_scatter_reduce(in[0], 0, in[1], in[2], CT_REDUCE_AMAX), .shapes = {SIZES(3), SIZES(4), SIZES(4)}, .kinds = "fif",
         .values = {LIST(0, NAN, 5), LIST(0, 0, 1, 2), LIST(1, NAN, 7, 2)}, .expect = LIST(NAN, NAN, 5), .no_gradcheck = "NaN");
    CASE(ct_scatter_reduce(in[0], 0, in[1], in[2], CT_REDUCE_AMAX, .include_self = false), .shapes = {SIZES(2), SIZES(2), SIZES(2)}, .kinds = "iii",
         .values = {LIST(9, 9), LIST(1, 1), LIST(-4, -6)}, .expect = LIST(9, -4));
    CASE(ct_scatter_reduce(in[0], 0, in[1], in[2], CT_REDUCE_AMAX, .include_self = false), .shapes = {SIZES(2), SIZES(1), SIZES(1)}, .kinds = "bib",
         .values = {LIST(1, 1), LIST(1), LIST(0)}, .expect = LIST(1, 0));
}

OP_CASES(scatter_amin)
{
    SCATTER_REDUCE_ROWS(CT_REDUCE_AMIN);
    CASE(ct_scatter_reduce(in[0], 0, in[1], in[2], CT_REDUCE_AMIN), .shapes = {SIZES(4), SIZES(6), SIZES(6)}, .kinds = "fif",
         .values = {LIST(1, 2, 3, 4), LIST(0, 0, 1, 3, 3, 3), LIST(5, -2, 0.5, 8, 1, -1)}, .expect = LIST(-2, 0.5, 3, -1));
    CASE(ct_scatter_reduce(in[0], 0, in[1], in[2], CT_REDUCE_AMIN, .include_self = false), .shapes = {SIZES(4), SIZES(6), SIZES(6)}, .kinds = "fif",
         .values = {LIST(1, 2, 3, 4), LIST(0, 0, 1, 3, 3, 3), LIST(5, -2, 0.5, 8, 1, -1)}, .expect = LIST(-2, 0.5, 3, -1));
    CASE(ct_scatter_reduce(in[0], 0, in[1], in[2], CT_REDUCE_AMIN, .include_self = false), .shapes = {SIZES(2), SIZES(2), SIZES(2)}, .kinds = "iii",
         .values = {LIST(-9, -9), LIST(1, 1), LIST(4, 6)}, .expect = LIST(-9, 4));
    CASE(ct_scatter_reduce(in[0], 0, in[1], in[2], CT_REDUCE_AMIN, .include_self = false), .shapes = {SIZES(2), SIZES(1), SIZES(1)}, .kinds = "bib",
         .values = {LIST(0, 0), LIST(1), LIST(1)}, .expect = LIST(0, 1));
}
