/* op_cases_sort.c - rows of sorting and of what it answers. */
#include "op_cases.h"

static ct_tensor *order_of(ct_tensor *x, int axis, bool descending)
{
    ct_tensor *indices = NULL;
    return ct_sort(x, axis, .descending = descending, .indices = &indices) ? indices : NULL;
}

OP_CASES(sort)
{
    CASE(ct_sort(in[0], 0), .shapes = {SIZES(5)}, .smooth = true);
    CASE(ct_sort(in[0], 1, .descending = true), .shapes = {SIZES(2, 3, 2)}, .smooth = true);
    CASE(ct_sort(in[0], -1), .shapes = {SIZES(3, 4)}, .smooth = true);
    CASE(ct_sort(in[0], 0), .shapes = {SCALAR}, .smooth = true);
    CASE(ct_sort(in[0], 1), .shapes = {SIZES(2, 0)}, .smooth = true);
    CASE(ct_sort(in[0], 0), .shapes = {SIZES(2, 0)}, .smooth = true);
    CASE(ct_sort(in[0], 0), .shapes = {SIZES(93, 101)});
    CASE(ct_sort(in[0], 0), .shapes = {SIZES(311, 211)}, .split = true);
    CASE(ct_sort(in[0], 1, .descending = true), .shapes = {SIZES(93, 101)});
    CASE(ct_sort(in[0], 1, .descending = true), .shapes = {SIZES(311, 211)}, .split = true);
    CASE(ct_sort(in[0], 0), .shapes = {SIZES(9973)});
    CASE(ct_sort(in[0], 0), .shapes = {SIZES(6)}, .values = {LIST(NAN, 1, INFINITY, -INFINITY, NAN, -2)},
         .expect = LIST(-INFINITY, -2, 1, INFINITY, NAN, NAN), .no_gradcheck = "NaN");
    CASE(ct_sort(in[0], 0, .descending = true), .shapes = {SIZES(4)}, .values = {LIST(2, NAN, 3, -INFINITY)}, .expect = LIST(NAN, 3, 2, -INFINITY),
         .no_gradcheck = "NaN");
    CASE(ct_sort(in[0], 0), .shapes = {SIZES(4)}, .kinds = "i", .values = {LIST(3, -1, 0, -7)}, .expect = LIST(-7, -1, 0, 3));
    CASE(ct_sort(in[0], 0), .shapes = {SIZES(3)}, .kinds = "b", .values = {LIST(1, 0, 1)}, .expect = LIST(0, 1, 1));
    CASE(order_of(in[0], 0, false), .shapes = {SIZES(6)}, .values = {LIST(2, 0.0, NAN, -0.0, 2, NAN)}, .expect = LIST(1, 3, 0, 4, 2, 5));
    CASE(order_of(in[0], 0, true), .shapes = {SIZES(6)}, .values = {LIST(2, 0.0, NAN, -0.0, 2, NAN)}, .expect = LIST(2, 5, 0, 4, 1, 3));
    CASE(order_of(in[0], 0, false), .shapes = {SIZES(3, 2)}, .kinds = "i", .values = {LIST(3, 1, 1, 1, 2, 0)}, .expect = LIST(1, 2, 2, 0, 0, 1));
    REFUSED(0, "sort: axis 2", ct_sort(in[0], 2), .shapes = {SIZES(2, 3)});
    REFUSED(0, "operand is NULL", ct_sort(NULL, 0), .shapes = {SCALAR});
}

OP_CASES(argsort)
{
    CASE(ct_argsort(in[0], 1), .shapes = {SIZES(2, 3, 2)});
    CASE(ct_argsort(in[0], -1, .descending = true), .shapes = {SIZES(2, 3)});
    CASE(ct_argsort(in[0], 0), .shapes = {SCALAR}, .expect = LIST(0));
    CASE(ct_argsort(in[0], 0), .shapes = {SIZES(2, 0)});
    CASE(ct_argsort(in[0], 0), .shapes = {SIZES(93, 101)});
    CASE(ct_argsort(in[0], 0), .shapes = {SIZES(311, 211)}, .split = true);
    CASE(ct_argsort(in[0], 1), .shapes = {SIZES(2, 4)}, .values = {LIST(3, 1, 2, 1, NAN, 0, NAN, -1)}, .expect = LIST(1, 3, 2, 0, 3, 1, 0, 2));
    REFUSED(0, "argsort: axis 1", ct_argsort(in[0], 1), .shapes = {SIZES(2)});
}

static ct_tensor *best(ct_tensor *x, int64_t k, bool smallest)
{
    ct_tensor *indices = NULL;
    return ct_topk(x, k, -1, .smallest = smallest, .indices = &indices) ? indices : NULL;
}

OP_CASES(topk)
{
    CASE(ct_topk(in[0], 2, 0), .shapes = {SIZES(5)}, .smooth = true);
    CASE(ct_topk(in[0], 2, 1, .smallest = true), .shapes = {SIZES(2, 3, 2)}, .smooth = true);
    CASE(ct_topk(in[0], 3, -1), .shapes = {SIZES(2, 3)}, .smooth = true);
    CASE(ct_topk(in[0], 1, 0), .shapes = {SCALAR}, .smooth = true);
    CASE(ct_topk(in[0], 0, 0), .shapes = {SIZES(3)}, .smooth = true);
    CASE(ct_topk(in[0], 1, 0), .shapes = {SIZES(2, 0)}, .smooth = true);
    CASE(ct_topk(in[0], 7, 1), .shapes = {SIZES(93, 101)});
    CASE(ct_topk(in[0], 7, 1), .shapes = {SIZES(311, 211)}, .split = true);
    CASE(ct_topk(in[0], 70, 0, .smallest = true), .shapes = {SIZES(93, 101)});
    CASE(ct_topk(in[0], 70, 0, .smallest = true), .shapes = {SIZES(311, 211)}, .split = true);
    CASE(ct_topk(in[0], 5, 0), .shapes = {SIZES(9973)});
    CASE(ct_topk(in[0], 3, 0), .shapes = {SIZES(5)}, .values = {LIST(1, NAN, INFINITY, 4, -INFINITY)}, .expect = LIST(NAN, INFINITY, 4), .no_gradcheck = "NaN");
    CASE(best(in[0], 3, false), .shapes = {SIZES(12)}, .values = {LIST(1, 5, 2, 5, 0, 5, 5, 3, 6, 5, 1, 5)}, .expect = LIST(8, 1, 3));
    CASE(best(in[0], 2, true), .shapes = {SIZES(2, 6)}, .kinds = "i", .values = {LIST(4, 1, 1, 9, 0, 1, 2, 2, 2, 2, 2, 2)}, .expect = LIST(4, 1, 0, 1));
    REFUSED(0, "k is 4, and axis 1 of (2, 3) has 3", ct_topk(in[0], 4, 1), .shapes = {SIZES(2, 3)});
    REFUSED(0, "k is -1", ct_topk(in[0], -1, 0), .shapes = {SIZES(2)});
    REFUSED(0, "topk: axis 1", ct_topk(in[0], 1, 1), .shapes = {SIZES(2)});
}

static ct_tensor *inverse_of(ct_tensor *x)
{
    ct_tensor *inverse = NULL;
    return ct_unique(x, .inverse = &inverse) ? inverse : NULL;
}
static ct_tensor *counts_of(ct_tensor *x)
{
    ct_tensor *counts = NULL;
    return ct_unique(x, .counts = &counts) ? counts : NULL;
}

OP_CASES(unique)
{
    CASE(ct_unique(in[0]), .shapes = {SIZES(2, 3)});
    CASE(ct_unique(in[0]), .shapes = {SIZES(3)});
    CASE(ct_unique(in[0]), .shapes = {SCALAR});
    CASE(ct_unique(in[0]), .shapes = {SIZES(2, 0)});
    CASE(ct_unique(in[0]), .shapes = {SIZES(93, 101)}, .kinds = "i", .expect = LIST(0, 1, 2, 3));
    CASE(ct_unique(in[0]), .shapes = {SIZES(2, 3)}, .values = {LIST(3, -0.0, 3, -1, 0.0, 7)}, .expect = LIST(-1, 0, 3, 7));
    CASE(ct_unique(in[0]), .shapes = {SIZES(4)}, .values = {LIST(NAN, 1, NAN, 1)}, .expect = LIST(1, NAN, NAN));
    CASE(ct_unique(in[0]), .shapes = {SIZES(3)}, .kinds = "b", .values = {LIST(1, 0, 1)}, .expect = LIST(0, 1));
    CASE(inverse_of(in[0]), .shapes = {SIZES(2, 3)}, .kinds = "i", .values = {LIST(5, 2, 5, 9, 2, 2)}, .expect = LIST(1, 0, 1, 2, 0, 0));
    CASE(counts_of(in[0]), .shapes = {SIZES(2, 3)}, .kinds = "i", .values = {LIST(5, 2, 5, 9, 2, 2)}, .expect = LIST(3, 2, 1));
    CASE(counts_of(in[0]), .shapes = {SIZES(0)});
    REFUSED(0, "operand is NULL", ct_unique(NULL), .shapes = {SCALAR});
}

OP_CASES(searchsorted)
{
    CASE(ct_searchsorted(ct_sort(in[0], -1), in[1]), .shapes = {SIZES(5), SIZES(2, 3)});
    CASE(ct_searchsorted(ct_sort(in[0], -1), in[1], .right = true), .shapes = {SIZES(2, 5), SIZES(2, 3)});
    CASE(ct_searchsorted(in[0], in[1]), .shapes = {SIZES(3), SCALAR}, .values = {LIST(1, 3, 5), LIST(4)}, .expect = LIST(2));
    CASE(ct_searchsorted(in[0], in[1]), .shapes = {SIZES(0), SIZES(2)}, .expect = LIST(0, 0));
    CASE(ct_searchsorted(in[0], in[1]), .shapes = {SIZES(2, 3), SIZES(2, 0)});
    CASE(ct_searchsorted(ct_sort(in[0], -1), in[1]), .shapes = {SIZES(101), SIZES(93, 101)});
    CASE(ct_searchsorted(ct_sort(in[0], -1), in[1]), .shapes = {SIZES(211), SIZES(311, 211)}, .split = true);
    CASE(ct_searchsorted(in[0], in[1]), .shapes = {SIZES(4), SIZES(4)}, .kinds = "ii", .values = {LIST(1, 3, 3, 5), LIST(3, 0, 9, 5)}, .expect = LIST(1, 0, 4, 3));
    CASE(ct_searchsorted(in[0], in[1], .right = true), .shapes = {SIZES(4), SIZES(4)}, .kinds = "ii", .values = {LIST(1, 3, 3, 5), LIST(3, 0, 9, 5)},
         .expect = LIST(3, 0, 4, 4));
    CASE(ct_searchsorted(in[0], in[1]), .shapes = {SIZES(3), SIZES(3)}, .values = {LIST(1, 2, NAN), LIST(NAN, 3, 2)}, .expect = LIST(3, 3, 1));
    REFUSED(0, "(2, 3) in (3, 3): want", ct_searchsorted(in[0], in[1]), .shapes = {SIZES(3, 3), SIZES(2, 3)});
    REFUSED(0, "() in ()", ct_searchsorted(in[0], in[1]), .shapes = {SCALAR, SCALAR});
    REFUSED(0, "one dtype", ct_searchsorted(in[0], in[1]), .shapes = {SIZES(3), SIZES(3)}, .kinds = "fi");
    REFUSED(0, "values is NULL", ct_searchsorted(in[0], NULL), .shapes = {SIZES(3)});
}

OP_CASES(bincount)
{
    CASE(ct_bincount(in[0]), .shapes = {SIZES(5)}, .kinds = "i", .values = {LIST(1, 3, 1, 0, 3)}, .expect = LIST(1, 2, 0, 2));
    CASE(ct_bincount(in[0], .minlength = 4), .shapes = {SIZES(2)}, .kinds = "i", .values = {LIST(1, 1)}, .expect = LIST(0, 2, 0, 0));
    CASE(ct_bincount(in[0], .weights = in[1]), .shapes = {SIZES(3), SIZES(3)}, .kinds = "if", .values = {LIST(1, 0, 1), LIST(0.5, 2, -1.25)}, .expect = LIST(2, -0.75));
    CASE(ct_bincount(in[0], .weights = in[1]), .shapes = {SIZES(3), SIZES(3)}, .kinds = "ii", .values = {LIST(1, 0, 1), LIST(5, 2, 1)}, .expect = LIST(2, 6));
    CASE(ct_bincount(in[0]), .shapes = {SIZES(0)}, .kinds = "i");
    CASE(ct_bincount(in[0], .weights = in[1], .minlength = 2), .shapes = {SIZES(0), SIZES(0)}, .kinds = "if", .expect = LIST(0, 0));
    CASE(ct_bincount(in[0], .weights = in[1]), .shapes = {SIZES(9973), SIZES(9973)}, .kinds = "if", .tolerance = 1e-4);
    REFUSED(ZERO_D, "int64 (), want a vector", ct_bincount(in[0]), .shapes = {SCALAR}, .kinds = "i");
    REFUSED(0, "float64 (2), want a vector of int64", ct_bincount(in[0]), .shapes = {SIZES(2)});
    REFUSED(0, "-2 at index 1 is negative", ct_bincount(in[0]), .shapes = {SIZES(2)}, .kinds = "i", .values = {LIST(1, -2)});
    REFUSED(0, "weights (2) for (3)", ct_bincount(in[0], .weights = in[1]), .shapes = {SIZES(3), SIZES(2)}, .kinds = "if");
    REFUSED(0, "minlength -1", ct_bincount(in[0], .minlength = -1), .shapes = {SIZES(2)}, .kinds = "i");
}
