/* Axes made last, and loops over rows. */
#include "rows.h"

#include "../kernels/pool.h"
#include "indexing.h"

ct_tensor *axes_last(ct_tensor *x, unsigned set)
{
    int order[CT_MAX_RANK], gone = 0;
    int64_t sizes[CT_MAX_RANK + 1], n = 1;
    size_t kept = 0;
    for (int i = 0; i < x->rank; i++)
        if (!(set >> i & 1))
            sizes[kept] = x->sizes[i], order[kept++] = i;
    for (int i = 0; i < x->rank; i++)
        if (set >> i & 1)
            n *= x->sizes[i], order[kept + (size_t)gone++] = i;
    sizes[kept] = n;
    ct_tensor *rows = (ct_reshape)((ct_permute)(x, order, x->rank), sizes, kept + 1);
    return rows ? ct_contiguous(rows) : NULL;
}

ct_tensor *axes_back(ct_tensor *rows, const ct_tensor *x, unsigned set)
{
    int back[CT_MAX_RANK], at = 0;
    int64_t sizes[CT_MAX_RANK];
    for (int gone = 0; gone < 2; gone++)
        for (int i = 0; i < x->rank; i++)
            if ((int)(set >> i & 1) == gone)
                sizes[at] = x->sizes[i], back[i] = at++;
    return rows ? (ct_permute)((ct_reshape)(rows, sizes, x->rank), back, x->rank) : NULL;
}

ct_tensor *axis_last(ct_tensor *x, int axis)
{
    if (x && !x->rank)
        x = (ct_reshape)(x, (const int64_t[]){1}, 1);
    else if (x && axis != x->rank - 1)
        x = ct_transpose(x, axis, -1);
    return x ? ct_contiguous(x) : NULL;
}

ct_tensor *axis_back(ct_tensor *y, const ct_tensor *x, int axis)
{
    if (y && !x->rank)
        return (ct_reshape)(y, NULL, 0);
    return y && axis != x->rank - 1 ? ct_transpose(y, axis, -1) : y;
}

int64_t row_count(const ct_tensor *rows)
{
    int64_t n = 1;
    for (int i = 0; i + 1 < rows->rank; i++)
        n *= rows->sizes[i];
    return n;
}

struct parts {
    void (*body)(size_t row, void *context);
    void *context;
    size_t rows, per_part;
};

static void run_part(size_t part, void *context)
{
    const struct parts *p = context;
    for (size_t row = part * p->per_part; row < p->rows && row < (part + 1) * p->per_part; row++)
        p->body(row, p->context);
}

void for_rows(int64_t rows, int64_t length, void (*body)(size_t row, void *context), void *context)
{
    const size_t grain = length < LOOP_GRAIN / 4 ? (size_t)(LOOP_GRAIN / 4 / (length ? length : 1)) : 1;
    struct parts p = {body, context, (size_t)rows, grain};
    pool_run((p.rows + grain - 1) / grain, run_part, &p);
}

void picked_vjp(ct_node *node, ct_tensor *const *cotangents, ct_tensor **gradients)
{
    const struct scatter how = {.axis = *(const int *)ct_node_context(node)};
    gradients[0] = scattered(&op_scatter_add, NULL, ct_node_input(node, 0), how, ct_node_input(node, 1), cotangents[0]);
}
