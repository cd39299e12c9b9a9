/* op_cases_matrix.c - rows of einsum and its like, of diagonals and triangles. */
#include "op_cases.h"

OP_CASES(vector_products)
{
    CASE(ct_dot(in[0], in[1]), .shapes = {SIZES(3), SIZES(3)}, .smooth = true);
    CASE(ct_dot(in[0], in[1]), .shapes = {SIZES(0), SIZES(0)}, .expect = LIST(0), .smooth = true);
    CASE(ct_dot(in[0], in[1]), .shapes = {SIZES(9001), SIZES(9001)}, .tolerance = 1e-4);
    CASE(ct_outer(in[0], in[1]), .shapes = {SIZES(2), SIZES(3)}, .smooth = true);
    CASE(ct_outer(in[0], in[1]), .shapes = {SIZES(3), SIZES(3)}, .smooth = true);
    CASE(ct_outer(in[0], in[1]), .shapes = {SIZES(2), SIZES(2)}, .kinds = "ii", .values = {LIST(1, 2), LIST(3, 5)}, .expect = LIST(3, 5, 6, 10));
    CASE(ct_mv(in[0], in[1]), .shapes = {SIZES(2, 3), SIZES(3)}, .smooth = true);
    CASE(ct_mv(in[0], in[1]), .shapes = {SIZES(2, 0), SIZES(0)}, .expect = LIST(0, 0), .smooth = true);
    REFUSED(ZERO_D, "dot: () x (2): want two vectors", ct_dot(in[0], in[1]), .shapes = {SCALAR, SIZES(2)});
    REFUSED(0, "dot: (2) x (3): inner dimensions 2 and 3 differ", ct_dot(in[0], in[1]), .shapes = {SIZES(2), SIZES(3)});
    REFUSED(0, "outer: (2, 2) x (2): want two vectors", ct_outer(in[0], in[1]), .shapes = {SIZES(2, 2), SIZES(2)});
    REFUSED(0, "mv: (2, 3) x (2): inner dimensions", ct_mv(in[0], in[1]), .shapes = {SIZES(2, 3), SIZES(2)});
    REFUSED(0, "mv: (3) x (3): want a matrix and a vector", ct_mv(in[0], in[1]), .shapes = {SIZES(3), SIZES(3)});
}

OP_CASES(matrix_products)
{
    CASE(ct_mm(in[0], in[1]), .shapes = {SIZES(2, 3), SIZES(3, 2)}, .smooth = true);
    CASE(ct_mm(in[0], in[1]), .shapes = {SIZES(93, 101), SIZES(101, 7)}, .tolerance = 1e-4);
    CASE(ct_bmm(in[0], in[1]), .shapes = {SIZES(2, 2, 3), SIZES(2, 3, 2)}, .smooth = true);
    CASE(ct_bmm(in[0], in[1]), .shapes = {SIZES(0, 2, 3), SIZES(0, 3, 2)}, .smooth = true);
    REFUSED(ZERO_D, "want two matrices", ct_mm(in[0], in[1]), .shapes = {SCALAR, SIZES(2, 2)});
    REFUSED(0, "mm: (2, 3) x (2, 3): inner dimensions 3 and 2 differ", ct_mm(in[0], in[1]), .shapes = {SIZES(2, 3), SIZES(2, 3)});
    REFUSED(0, "bmm: (2, 2, 3) x (1, 3, 2): batches of 2 and 1", ct_bmm(in[0], in[1]), .shapes = {SIZES(2, 2, 3), SIZES(1, 3, 2)});
    REFUSED(0, "bmm: (2, 3) x (3, 2): want (batch, m, k)", ct_bmm(in[0], in[1]), .shapes = {SIZES(2, 3), SIZES(3, 2)});
    REFUSED(0, "first operand is int64", ct_mm(in[0], in[1]), .shapes = {SIZES(2, 2), SIZES(2, 2)}, .kinds = "ii");
}

OP_CASES(addmm)
{
    CASE(ct_addmm(in[0], in[1], in[2]), .shapes = {SIZES(2, 2), SIZES(2, 3), SIZES(3, 2)}, .smooth = true);
    CASE(ct_addmm(in[0], in[1], in[2], .alpha = 0.5, .beta = -2), .shapes = {SIZES(4), SIZES(2, 3), SIZES(3, 4)}, .smooth = true);
    CASE(ct_addmm(in[0], in[1], in[2], .beta = 0), .shapes = {SIZES(2, 1), SIZES(2, 3), SIZES(3, 4)}, .smooth = true);
    CASE(ct_addmm(in[0], in[1], in[2], .alpha = 0), .shapes = {SCALAR, SIZES(2, 3), SIZES(3, 2)}, .smooth = true);
    CASE(ct_addmm(in[0], in[1], in[2]), .shapes = {SIZES(2), SIZES(3, 0), SIZES(0, 2)}, .smooth = true);
    CASE(ct_addmm(in[0], in[1], in[2]), .shapes = {SIZES(93, 97), SIZES(93, 5), SIZES(5, 97)}, .tolerance = 1e-4);
    CASE(ct_addmm(in[0], in[1], in[2]), .shapes = {SIZES(311, 97), SIZES(311, 5), SIZES(5, 97)}, .split = true, .tolerance = 1e-4);
    CASE(ct_addmm(in[0], in[1], in[2], .beta = 0, .alpha = 2), .shapes = {SIZES(2), SIZES(1, 1), SIZES(1, 2)}, .values = {LIST(NAN, INFINITY), LIST(3), LIST(1, 2)}, .expect = LIST(6, 12));
    CASE(ct_baddbmm(in[0], in[1], in[2], .alpha = 0.5, .beta = -2), .shapes = {SIZES(2, 1), SIZES(3, 2, 3), SIZES(3, 3, 2)}, .smooth = true);
    REFUSED(0, "addmm: (3, 2) does not broadcast to the product (1, 2)", ct_addmm(in[0], in[1], in[2]), .shapes = {SIZES(3, 2), SIZES(1, 3), SIZES(3, 2)});
    REFUSED(0, "baddbmm: (2, 3) x (3, 2): want (batch, m, k)", ct_baddbmm(in[0], in[1], in[2]), .shapes = {SIZES(2, 2), SIZES(2, 3), SIZES(3, 2)});
}

#define EINSUM(text, ...) CASE_AS_("einsum " text, ct_einsum(text, CT_TENSORS(in[0], in[1])), __VA_ARGS__)
#define EINSUM1(text, ...) CASE_AS_("einsum " text, ct_einsum(text, CT_TENSORS(in[0])), __VA_ARGS__)
#define EINSUM_REFUSED(error, text, ...) CASE_AS_("einsum " text, ct_einsum(text, CT_TENSORS(in[0], in[1])), .refused = error, __VA_ARGS__)
#define COUNTING LIST(0, 1, 2, 3, 4, 5)

OP_CASES(einsum)
{
    EINSUM("ij,jk->ik", .shapes = {SIZES(2, 3), SIZES(3, 2)}, .smooth = true);
    EINSUM("bij,bjk->bik", .shapes = {SIZES(2, 2, 3), SIZES(2, 3, 2)}, .smooth = true);
    EINSUM("ij, jk", .shapes = {SIZES(2, 3), SIZES(3, 2)}, .smooth = true);
    EINSUM("bhqd,bhkd->bhqk", .shapes = {SIZES(2, 1, 2, 3), SIZES(2, 1, 2, 3)}, .smooth = true);
    EINSUM("ab,cd->dbca", .shapes = {SIZES(2, 3), SIZES(1, 2)}, .smooth = true);
    EINSUM("i,i->", .shapes = {SIZES(3), SIZES(3)}, .smooth = true);
    EINSUM("bi,bi->b", .shapes = {SIZES(2, 3), SIZES(2, 3)}, .smooth = true);
    EINSUM("ijk,kl->jl", .shapes = {SIZES(2, 3, 2), SIZES(2, 2)}, .smooth = true);
    EINSUM("...ij,...jk->...ik", .shapes = {SIZES(2, 1, 2, 3), SIZES(2, 3, 1)}, .smooth = true);
    EINSUM("...i,i...", .shapes = {SIZES(2, 3), SIZES(3, 2)}, .smooth = true);
    EINSUM("...,...->...", .shapes = {SCALAR, SIZES(2, 3)}, .smooth = true);
    EINSUM(",->", .shapes = {SCALAR, SCALAR}, .smooth = true);
    EINSUM("iij,j->ij", .shapes = {SIZES(2, 2, 3), SIZES(3)}, .smooth = true);
    EINSUM("ij,ij->j", .shapes = {SIZES(2, 1), SIZES(1, 3)}, .smooth = true);
    EINSUM("ij,jk->ik", .shapes = {SIZES(2, 0), SIZES(0, 3)}, .expect = LIST(0, 0, 0, 0, 0, 0), .smooth = true);
    EINSUM("bij,bjk->bik", .shapes = {SIZES(0, 2, 3), SIZES(0, 3, 1)}, .smooth = true);
    EINSUM("ij,kj->ik", .shapes = {SIZES(93, 101), SIZES(67, 101)}, .tolerance = 1e-4);
    EINSUM("bij,bkj->ibk", .shapes = {SIZES(5, 31, 61), SIZES(5, 17, 61)}, .tolerance = 1e-4);
    CASE(ct_einsum("ij,jk,kl->il", CT_TENSORS(in[0], in[1], in[2])), .shapes = {SIZES(2, 3), SIZES(3, 2), SIZES(2, 4)}, .smooth = true);
    CASE(ct_einsum("bn,anm,bm->ba", CT_TENSORS(in[0], in[1], in[2])), .shapes = {SIZES(2, 3), SIZES(2, 3, 2), SIZES(2, 2)}, .smooth = true);
    CASE(ct_einsum("i,i,i,j->ij", CT_TENSORS(in[0], in[1], in[2], in[3])), .shapes = {SIZES(2), SIZES(2), SIZES(1), SIZES(3)}, .smooth = true);
    EINSUM1("ii", .shapes = {SIZES(3, 3)}, .smooth = true);
    EINSUM1("ii->i", .shapes = {SIZES(3, 3)}, .smooth = true);
    EINSUM1("iji->j", .shapes = {SIZES(2, 3, 2)}, .smooth = true);
    EINSUM1("iiii->i", .shapes = {SIZES(2, 2, 2, 2)}, .smooth = true);
    EINSUM1("b...c->c...b", .shapes = {SIZES(2, 3, 2)}, .smooth = true);
    EINSUM1("ba", .shapes = {SIZES(2, 3)}, .values = {COUNTING}, .expect = LIST(0, 3, 1, 4, 2, 5));
    EINSUM1("aB", .shapes = {SIZES(2, 3)}, .kinds = "i", .values = {COUNTING}, .expect = LIST(0, 3, 1, 4, 2, 5));
    EINSUM1("ij->i", .shapes = {SIZES(2, 3)}, .values = {COUNTING}, .expect = LIST(3, 12));
    EINSUM_REFUSED("another axis of that name has 3", "ij,jk->ik", .shapes = {SIZES(2, 3), SIZES(2, 2)});
    EINSUM_REFUSED("does not name 2 tensors", "ij", .shapes = {SIZES(2, 3), SIZES(2, 2)});
    EINSUM_REFUSED("operand 1 is (2, 2), 1 letters", "ij,j->i", .shapes = {SIZES(2, 2), SIZES(2, 2)});
    EINSUM_REFUSED("names a letter that no operand has", "ij,jk->iz", .shapes = {SIZES(2, 2), SIZES(2, 2)});
    EINSUM_REFUSED("names a letter twice", "ij,jk->ii", .shapes = {SIZES(2, 2), SIZES(2, 2)});
    EINSUM_REFUSED("malformed at character 1", "i2,jk", .shapes = {SIZES(2, 2), SIZES(2, 2)});
    EINSUM_REFUSED("malformed at character 5", "ij,jk-ik", .shapes = {SIZES(2, 2), SIZES(2, 2)});
    EINSUM_REFUSED("malformed", "ij,jk->ik->", .shapes = {SIZES(2, 2), SIZES(2, 2)});
    EINSUM_REFUSED("letter that stands twice", "ii,j", .shapes = {SIZES(2, 1), SIZES(2)});
    EINSUM_REFUSED("want float32 or float64", "ij,jk", .shapes = {SIZES(2, 2), SIZES(2, 2)}, .kinds = "ii");
    EINSUM_REFUSED("more than 8 axes", "abcde,fghi", .shapes = {SIZES(1, 1, 1, 1, 2), SIZES(1, 1, 1, 2)});
}

OP_CASES(tensordot)
{
    CASE(ct_tensordot(in[0], in[1], 1), .shapes = {SIZES(2, 3), SIZES(3, 2)}, .smooth = true);
    CASE(ct_tensordot(in[0], in[1], 2), .shapes = {SIZES(2, 3, 2), SIZES(3, 2, 2)}, .smooth = true);
    CASE(ct_tensordot(in[0], in[1], 0), .shapes = {SIZES(2), SIZES(2, 2)}, .smooth = true);
    CASE(ct_tensordot(in[0], in[1], CT_AXES(0, -1), CT_AXES(2, 0)), .shapes = {SIZES(2, 2, 3), SIZES(3, 2, 2)}, .smooth = true);
    CASE(ct_tensordot(in[0], in[1], -1, 0), .shapes = {SIZES(2, 3), SIZES(3, 2)}, .smooth = true);
    CASE(ct_tensordot(in[0], in[1], 0), .shapes = {SCALAR, SIZES(3)}, .smooth = true);
    CASE(ct_tensordot(in[0], in[1], 1), .shapes = {SIZES(2, 0), SIZES(0, 2)}, .expect = LIST(0, 0, 0, 0), .smooth = true);
    CASE(ct_tensordot(in[0], in[1], 1), .shapes = {SIZES(93, 101), SIZES(101, 7)}, .tolerance = 1e-4);
    REFUSED(0, "differ in size", ct_tensordot(in[0], in[1], 1), .shapes = {SIZES(2, 3), SIZES(2, 3)});
    REFUSED(0, "tensordot: 3 axes", ct_tensordot(in[0], in[1], 3), .shapes = {SIZES(2, 3), SIZES(2, 3)});
    REFUSED(0, "tensordot: 2 axes of (2, 2) with 1", ct_tensordot(in[0], in[1], CT_AXES(0, 1), 0), .shapes = {SIZES(2, 2), SIZES(2, 2)});
    REFUSED(0, "named twice", ct_tensordot(in[0], in[1], CT_AXES(0, 0), CT_AXES(0, 1)), .shapes = {SIZES(2, 2), SIZES(2, 2)});
}

OP_CASES(kron)
{
    CASE(ct_kron(in[0], in[1]), .shapes = {SIZES(2, 3), SIZES(2, 2)}, .smooth = true);
    CASE(ct_kron(in[0], in[1]), .shapes = {SIZES(2), SIZES(2, 2, 1)}, .smooth = true);
    CASE(ct_kron(in[0], in[1]), .shapes = {SCALAR, SIZES(3)}, .smooth = true);
    CASE(ct_kron(in[0], in[1]), .shapes = {SIZES(0, 2), SIZES(2, 2)}, .smooth = true);
    CASE(ct_kron(in[0], in[1]), .shapes = {SIZES(10, 11), SIZES(9, 10)}, .tolerance = 1e-4);
    CASE(ct_kron(in[0], in[1]), .shapes = {SIZES(2), SIZES(2)}, .kinds = "ii", .values = {LIST(1, 10), LIST(2, 3)}, .expect = LIST(2, 3, 20, 30));
    REFUSED(0, "want at most 4 axes", ct_kron(in[0], in[1]), .shapes = {SIZES(1, 1, 1, 1, 1), SIZES(2)});
}

OP_CASES(diagonal)
{
    CASE(ct_diagonal(in[0]), .shapes = {SIZES(2, 3)}, .smooth = true);
    CASE(ct_diagonal(in[0], 1), .shapes = {SIZES(3, 3)}, .smooth = true);
    CASE(ct_diagonal(in[0], -1, 1, 2), .shapes = {SIZES(2, 3, 2)}, .smooth = true);
    CASE(ct_diagonal(in[0], 0, -1, 0), .shapes = {SIZES(2, 2, 3)}, .smooth = true);
    CASE(ct_diagonal(in[0], 3), .shapes = {SIZES(2, 3)}, .smooth = true);
    CASE(ct_diagonal(in[0], -5), .shapes = {SIZES(2, 3)}, .smooth = true);
    CASE(ct_diagonal(in[0], 1), .shapes = {SIZES(0, 3)}, .smooth = true);
    CASE(ct_diagonal(in[0], 1), .shapes = {SIZES(93, 101)});
    CASE(ct_diagonal(in[0], 1), .shapes = {SIZES(311, 211)}, .split = true);
    CASE(ct_diag(in[0], -1), .shapes = {SIZES(3, 2)}, .smooth = true);
    CASE(ct_trace(in[0]), .shapes = {SIZES(2, 3)}, .smooth = true);
    CASE(ct_trace(in[0]), .shapes = {SIZES(2, 3)}, .kinds = "i", .values = {COUNTING}, .expect = LIST(4));
    CASE(ct_diagonal(in[0], -1), .shapes = {SIZES(3, 2)}, .kinds = "i", .values = {COUNTING}, .expect = LIST(2, 5));
    CASE(ct_diagonal(in[0], 0, 1, 0), .shapes = {SIZES(2, 3)}, .values = {COUNTING}, .expect = LIST(0, 4));
    REFUSED(ZERO_D, "axis 1 is out of range", ct_diagonal(in[0]), .shapes = {SCALAR});
    REFUSED(0, "axes 1 and -1 are the same", ct_diagonal(in[0], 0, 1, -1), .shapes = {SIZES(2, 3)});
    REFUSED(0, "trace: (3): want a matrix", ct_trace(in[0]), .shapes = {SIZES(3)});
}

OP_CASES(diag_embed)
{
    CASE(ct_diag_embed(in[0]), .shapes = {SIZES(3)}, .smooth = true);
    CASE(ct_diag_embed(in[0], -1), .shapes = {SIZES(2, 3)}, .smooth = true);
    CASE(ct_diag_embed(in[0], 1, 0, 2), .shapes = {SIZES(2, 3)}, .smooth = true);
    CASE(ct_diag_embed(in[0], 2), .shapes = {SIZES(0)}, .smooth = true);
    CASE(ct_diag_embed(in[0]), .shapes = {SIZES(101)});
    CASE(ct_diag(in[0]), .shapes = {SIZES(2)}, .kinds = "i", .values = {LIST(7, 8)}, .expect = LIST(7, 0, 0, 8));
    CASE(ct_diag(in[0], 1), .shapes = {SIZES(2)}, .values = {LIST(7, 8)}, .expect = LIST(0, 7, 0, 0, 0, 8, 0, 0, 0));
    REFUSED(ZERO_D, "want 1 to 7 axes", ct_diag_embed(in[0]), .shapes = {SCALAR});
    REFUSED(0, "want a vector or a matrix", ct_diag(in[0]), .shapes = {SIZES(2, 2, 2)});
    REFUSED(0, "want two of the result's 2", ct_diag_embed(in[0], 0, 1, 1), .shapes = {SIZES(2)});
    REFUSED(0, "overflowed", ct_diag_embed(in[0], INT64_MAX), .shapes = {SIZES(2)});
}

OP_CASES(triangles)
{
    CASE(ct_tril(in[0]), .shapes = {SIZES(2, 3)}, .smooth = true);
    CASE(ct_triu(in[0], -1), .shapes = {SIZES(2, 3, 3)}, .smooth = true);
    CASE(ct_triu(in[0], 5), .shapes = {SIZES(2, 3)}, .smooth = true);
    CASE(ct_tril(in[0], 1), .shapes = {SIZES(0, 3)}, .smooth = true);
    CASE(ct_tril(in[0]), .shapes = {SIZES(93, 101)});
    CASE(ct_tril(in[0]), .shapes = {SIZES(311, 211)}, .split = true);
    CASE(ct_tril(in[0], -1), .shapes = {SIZES(2, 3)}, .kinds = "i", .values = {COUNTING}, .expect = LIST(0, 0, 0, 3, 0, 0));
    CASE(ct_triu(in[0], 1), .shapes = {SIZES(2, 2)}, .values = {LIST(NAN, 2, INFINITY, 4)}, .expect = LIST(0, 2, 0, 0), .no_gradcheck = "NaN");
    REFUSED(ZERO_D, "want at least two axes", ct_tril(in[0]), .shapes = {SCALAR});
}
