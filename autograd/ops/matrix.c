/* Products by other names and of other shapes: each a composition of matmul, mul and views. */
#include "ops.h"

static bool floats(const char *op, ct_tensor *a, ct_tensor *b, int a_rank, int b_rank, const char *want)
{
    if (!given_floating(op, "first operand", a) || !given_floating(op, "second operand", b))
        return false;
    return (a->rank == a_rank && b->rank == b_rank) || ct_fail("%s: %s x %s: want %s", op, SHAPE(a), SHAPE(b), want) != NULL;
}

/* A product of checked ranks; its inner sizes differ: said in op's name. */
static ct_tensor *product(const char *op, ct_tensor *a, ct_tensor *b)
{
    const int64_t inner = a->sizes[a->rank - 1], other = b->sizes[b->rank > 1 ? b->rank - 2 : 0];
    if (inner != other)
        return ct_fail("%s: %s x %s: inner dimensions %lld and %lld differ", op, SHAPE(a), SHAPE(b), (long long)inner, (long long)other);
    if (a->rank == 3 && a->sizes[0] != b->sizes[0])
        return ct_fail("%s: %s x %s: batches of %lld and %lld", op, SHAPE(a), SHAPE(b), (long long)a->sizes[0], (long long)b->sizes[0]);
    return ct_matmul(a, b);
}

ct_tensor *ct_dot(ct_tensor *a, ct_tensor *b)
{
    return floats("dot", a, b, 1, 1, "two vectors") ? product("dot", a, b) : NULL;
}

ct_tensor *ct_mv(ct_tensor *a, ct_tensor *x)
{
    return floats("mv", a, x, 2, 1, "a matrix and a vector") ? product("mv", a, x) : NULL;
}

ct_tensor *ct_mm(ct_tensor *a, ct_tensor *b)
{
    return floats("mm", a, b, 2, 2, "two matrices") ? product("mm", a, b) : NULL;
}

ct_tensor *ct_bmm(ct_tensor *a, ct_tensor *b)
{
    return floats("bmm", a, b, 3, 3, "(batch, m, k) and (batch, k, n)") ? product("bmm", a, b) : NULL;
}

ct_tensor *ct_outer(ct_tensor *a, ct_tensor *b)
{
    if (!given("outer", "first operand", a) || !given("outer", "second operand", b))
        return NULL;
    if (a->rank != 1 || b->rank != 1)
        return ct_fail("outer: %s x %s: want two vectors", SHAPE(a), SHAPE(b));
    return ct_mul(ct_unsqueeze(a, 1), b);
}

const ct_addmm_options ct_addmm_defaults = {CT_ADDMM_DEFAULTS .end_ = 0};

static ct_tensor *add_product(const char *op, ct_tensor *c, ct_tensor *y, const ct_addmm_options *options)
{
    const ct_addmm_options o = options ? *options : ct_addmm_defaults;
    int64_t sizes[CT_MAX_RANK];
    size_t rank;
    if (!y || !broadcast_sizes(op, (ct_tensor *const[]){c, y}, 2, sizes, &rank))
        return NULL;
    if (rank != y->rank || memcmp(sizes, y->sizes, rank * sizeof *sizes) != 0)
        return ct_fail("%s: %s does not broadcast to the product %s", op, SHAPE(c), SHAPE(y));
    y = o.alpha != 1 ? ct_mul(o.alpha, y) : y;
    if (o.beta == 0)                            /* not even NaN comes through; its gradient is 0 */
        return ct_where(ct_scalar_bool(false), c, y);
    return ct_add(o.beta != 1 ? ct_mul(o.beta, c) : c, y);
}

ct_tensor *(ct_addmm)(ct_tensor *c, ct_tensor *a, ct_tensor *b, const ct_addmm_options *options)
{
    if (!given_floating("addmm", "the matrix added to", c) || !floats("addmm", a, b, 2, 2, "two matrices"))
        return NULL;
    return add_product("addmm", c, product("addmm", a, b), options);
}

ct_tensor *(ct_baddbmm)(ct_tensor *c, ct_tensor *a, ct_tensor *b, const ct_addmm_options *options)
{
    if (!given_floating("baddbmm", "the batch added to", c) || !floats("baddbmm", a, b, 3, 3, "(batch, m, k) and (batch, k, n)"))
        return NULL;
    return add_product("baddbmm", c, product("baddbmm", a, b), options);
}

/* ---- tensordot: x as (free, contracted) or (contracted, free), one product, and the free axes back ------------------------------------ */
static ct_tensor *as_matrix(ct_tensor *x, const int *axes, size_t count, unsigned set, bool contracted_first, int64_t *free_sizes, size_t *free_rank)
{
    int order[CT_MAX_RANK];
    int64_t inner = 1, outer = 1;
    size_t n = contracted_first ? count : 0, rank = 0;
    for (int i = 0; i < x->rank; i++)
        if (!(set >> i & 1)) {
            order[n++] = i;
            free_sizes[rank++] = x->sizes[i], outer *= x->sizes[i];
        }
    n = contracted_first ? 0 : n;
    for (size_t i = 0; i < count; i++) {
        order[n++] = axes[i];
        inner *= x->sizes[axes[i] < 0 ? axes[i] + x->rank : axes[i]];
    }
    *free_rank = rank;
    const int64_t sizes[] = {contracted_first ? inner : outer, contracted_first ? outer : inner};
    return (ct_reshape)((ct_permute)(x, order, x->rank), sizes, 2);
}

ct_tensor *(ct_tensordot)(ct_tensor *a, ct_tensor *b, const int *a_axes, size_t a_count, const int *b_axes, size_t b_count)
{
    int last[CT_MAX_RANK], first[CT_MAX_RANK];
    if (!given_floating("tensordot", "first operand", a) || !given_floating("tensordot", "second operand", b))
        return NULL;
    if (a_count != b_count || a_count > a->rank || b_count > b->rank)
        return ct_fail("tensordot: %zu axes of %s with %zu of %s", a_count, SHAPE(a), b_count, SHAPE(b));
    for (size_t i = 0; i < a_count; i++)
        last[i] = (int)(a->rank - a_count + i), first[i] = (int)i;
    a_axes = a_axes ? a_axes : last, b_axes = b_axes ? b_axes : first;
    bool a_ok, b_ok;
    unsigned a_set = check_axes("tensordot", a, a_axes, a_count, &a_ok), b_set = check_axes("tensordot", b, b_axes, b_count, &b_ok);
    if (!a_ok || !b_ok)
        return NULL;
    a_set = a_count ? a_set : 0, b_set = b_count ? b_set : 0;
    for (size_t i = 0; i < a_count; i++)
        if (ct_size(a, a_axes[i]) != ct_size(b, b_axes[i]))
            return ct_fail("tensordot: axis %d of %s and axis %d of %s differ in size", a_axes[i], SHAPE(a), b_axes[i], SHAPE(b));
    if (a->rank + b->rank - 2 * a_count > CT_MAX_RANK)
        return ct_fail("tensordot: %zu axes of %s with as many of %s leave more than %d", a_count, SHAPE(a), SHAPE(b), CT_MAX_RANK);
    int64_t sizes[2 * CT_MAX_RANK];
    size_t a_free, b_free;
    ct_tensor *x = as_matrix(a, a_axes, a_count, a_set, false, sizes, &a_free);
    ct_tensor *y = as_matrix(b, b_axes, b_count, b_set, true, sizes + a_free, &b_free);
    return (ct_reshape)(ct_matmul(x, y), sizes, a_free + b_free);
}

/* ---- kron: (a0, 1, a1, 1, ...) times (1, b0, 1, b1, ...) ---------------------------------------------------------------------------------- */
ct_tensor *ct_kron(ct_tensor *a, ct_tensor *b)
{
    if (!given("kron", "first operand", a) || !given("kron", "second operand", b))
        return NULL;
    const size_t rank = a->rank > b->rank ? a->rank : b->rank;
    if (2 * rank > CT_MAX_RANK)
        return ct_fail("kron: %s x %s: want at most %d axes", SHAPE(a), SHAPE(b), CT_MAX_RANK / 2);
    int64_t a_sizes[CT_MAX_RANK], b_sizes[CT_MAX_RANK], sizes[CT_MAX_RANK], count;
    for (size_t i = 0; i < rank; i++) {
        const int64_t m = i + a->rank < rank ? 1 : a->sizes[i + a->rank - rank], n = i + b->rank < rank ? 1 : b->sizes[i + b->rank - rank];
        a_sizes[2 * i] = m, a_sizes[2 * i + 1] = 1;
        b_sizes[2 * i] = 1, b_sizes[2 * i + 1] = n;
        if (__builtin_mul_overflow(m, n, &sizes[i]))
            return ct_fail("kron: %s x %s: Storage size calculation overflowed", SHAPE(a), SHAPE(b));
    }
    if (!sizes_product("kron", sizes, rank, 1, &count))
        return NULL;
    return (ct_reshape)(ct_mul((ct_reshape)(a, a_sizes, 2 * rank), (ct_reshape)(b, b_sizes, 2 * rank)), sizes, rank);
}
