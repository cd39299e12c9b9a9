/* Attention, arXiv:1706.03762: float32 block by block and never stored (see kernels/attention.h), float64 and derivatives of
 * derivatives by the formulas below. */
#include "../kernels/attention.h"

#include <math.h>

#include "ops.h"

#define VJP(name)                                                                                                        \
    static void name(ct_node *node, ct_tensor *const *cotangents, ct_tensor **gradients)
#define NAME "scaled_dot_product_attention"

enum { Q, K, V, MASK, LOGS, INPUTS };           /* LOGS: float32, the logarithm of each row's sum; NULL for float64 */

struct attend {
    double scale, dropout;
    struct stretch stream;                      /* of what decides the dropout: (leading..., S, L rounded up to 4) */
    bool causal;
    int64_t offset;
};

/* ---- The formulas: P = softmax(scale Q K^T + mask) -------------------------------------------------------------------------------------- */
static ct_tensor *turned(ct_tensor *t)
{
    return t ? ct_transpose(t, -2, -1) : NULL;
}

static ct_tensor *weights(ct_tensor *q, ct_tensor *k, ct_tensor *mask, const struct attend *how)
{
    ct_tensor *s = ct_mul(ct_matmul(q, turned(k)), how->scale);
    if (mask)
        s = mask->dtype == CT_BOOL ? ct_masked_fill(s, ct_logical_not(mask), -INFINITY) : ct_add(s, mask);
    if (how->causal) {
        ct_tensor *last = ct_add(ct_arange(ct_size(q, -2)), how->offset);
        s = ct_masked_fill(s, ct_gt(ct_arange(ct_size(k, -2)), last ? ct_unsqueeze(last, 1) : NULL), -INFINITY);
    }
    if (!s || !ct_size(s, -1) || (!mask && !how->causal))
        return s ? ct_softmax(s, -1) : NULL;
    ct_tensor *nothing = ct_eq(ct_amax(ct_detach(s), -1, .keepdims = true), -INFINITY); /* a row without a key: 0, and so its gradients */
    return ct_where(nothing, 0.0, ct_softmax(ct_where(nothing, 0.0, s), -1));
}

static ct_tensor *dropped(ct_tensor *p, const struct attend *how) /* what dropout multiplies p by; NULL: nothing */
{
    if (!p || how->dropout == 0)
        return NULL;
    int64_t sizes[CT_MAX_RANK];
    memcpy(sizes, p->sizes, sizeof sizes);
    sizes[p->rank - 1] = (p->sizes[p->rank - 2] + 3) / 4 * 4, sizes[p->rank - 2] = p->sizes[p->rank - 1];
    ct_tensor *u = random_uniform(sizes, p->rank, how->stream);
    ct_tensor *kept = u ? ct_ge(turned(ct_narrow(u, -1, 0, p->sizes[p->rank - 2])), (float)how->dropout) : NULL;
    return ct_mul(as_dtype(kept, (ct_dtype)p->dtype), how->dropout < 1 ? 1 / (1 - how->dropout) : 0);
}

static ct_tensor *times(ct_tensor *p, ct_tensor *kept)
{
    return kept ? ct_mul(p, kept) : p;
}

/* With R = P dropped and E = (G V^T) dropped: dV = R^T G, dS = P (E - sum(E P)), dQ = scale dS K, dK = scale dS^T Q, dmask = dS */
VJP(attention_vjp)
{
    const struct attend *how = ct_node_context(node);
    ct_tensor *q = ct_node_input(node, Q), *k = ct_node_input(node, K), *v = ct_node_input(node, V), *mask = ct_node_input(node, MASK), *g = cotangents[0];
    ct_tensor *p = weights(q, k, mask, how), *kept = dropped(p, how);
    if (!p || (how->dropout > 0 && !kept))
        return;
    if (ct_node_wants(node, V))
        gradients[V] = ct_sum_to_as(ct_matmul(turned(times(p, kept)), g), v);
    ct_tensor *e = times(ct_matmul(g, turned(v)), kept), *ds = ct_mul(p, ct_sub(e, ct_sum(ct_mul(e, p), -1, .keepdims = true)));
    ct_tensor *scaled = ct_mul(ds, how->scale);
    if (ct_node_wants(node, Q))
        gradients[Q] = ct_matmul(scaled, k);
    if (ct_node_wants(node, K))
        gradients[K] = ct_sum_to_as(ct_matmul(turned(scaled), q), k);
    if (mask && ct_node_wants(node, MASK))
        gradients[MASK] = ct_sum_to_as(ds, mask);
}

/* ---- The kernel ------------------------------------------------------------------------------------------------------------------------------ */
static struct attention_operand operand_of(const ct_tensor *t, const ct_tensor *q) /* broadcast to q's leading axes */
{
    struct attention_operand o = {NULL};
    if (!t)
        return o;
    o.data = t->data;
    for (int i = 0; i + 2 < q->rank; i++) {
        const int axis = i - q->rank + t->rank;
        o.steps[i] = axis >= 0 && t->sizes[axis] != 1 ? t->strides[axis] : 0;
    }
    if (t->rank >= 2 && t->sizes[t->rank - 2] != 1)
        o.row = t->strides[t->rank - 2];
    return o;
}

static struct attention attention_of(ct_tensor *q, ct_tensor *k, ct_tensor *v, ct_tensor *mask, ct_tensor *y, ct_tensor *logs, const struct attend *how)
{
    struct attention a = {.axes = q->rank - 2u, .matrices = 1, .group = 1, .causal = how->causal, .offset = how->offset, .scale = how->scale,
                          .dropout = how->dropout, .seed = how->stream.seed, .block = how->stream.block, .parts = 1};
    for (size_t i = 0; i < a.axes; i++)
        a.matrices *= a.sizes[i] = (size_t)q->sizes[i];
    if (a.axes && k->sizes[a.axes - 1] == 1 && q->sizes[a.axes - 1] > 1)
        a.group = a.sizes[a.axes - 1];
    a.queries = (size_t)q->sizes[a.axes], a.width = (size_t)q->sizes[a.axes + 1];
    a.keys = (size_t)k->sizes[a.axes], a.value_width = (size_t)v->sizes[a.axes + 1];
    a.q = operand_of(q, q), a.k = operand_of(k, q), a.v = operand_of(v, q), a.y = operand_of(y, q), a.mask = operand_of(mask, q);
    a.logs = (float *)(void *)logs->data;
    if (mask) {
        a.mask_kind = mask->dtype == CT_BOOL ? MASK_BOOL : MASK_FLOAT;
        a.mask_column = mask->rank && mask->sizes[mask->rank - 1] != 1 ? mask->strides[mask->rank - 1] : 0;
    }
    return a;
}

static ct_tensor *rows_whole(ct_tensor *t)      /* itself, if its last axis is contiguous */
{
    return !t || t->sizes[t->rank - 1] <= 1 || t->strides[t->rank - 1] == 1 ? t : ct_contiguous(t);
}

VJP(attention_fused)
{
    const struct attend *how = ct_node_context(node);
    ct_tensor *q = ct_node_input(node, Q), *logs = ct_node_input(node, LOGS), *g = rows_whole(cotangents[0]), *inputs[] = {q, ct_node_input(node, K), ct_node_input(node, V)};
    if (!logs || ct_node_wants(node, MASK)) {
        attention_vjp(node, cotangents, gradients);
        return;
    }
    if (!g)
        return;
    struct attention a = attention_of(q, inputs[K], inputs[V], ct_node_input(node, MASK), ct_node_output(node, 0), logs, how);
    ct_tensor *d[3] = {NULL}, *partial = NULL;
    for (int i = Q; i <= V; i++)
        if (ct_node_wants(node, i) && !(d[i] = tensor_new_ordered(NAME, inputs[i], inputs[i]->sizes)))
            return;
    if (a.matrices) {
        a.parts = attention_parts(&a);
        const int64_t sizes[] = {(int64_t)a.parts - 1, (int64_t)a.matrices, (int64_t)a.queries, (int64_t)a.width};
        if (d[Q] && !(partial = tensor_new(NAME, CT_FLOAT32, 4, sizes, NULL)))
            return;
        a.partial = partial ? (float *)(void *)partial->data : NULL;
        a.g = operand_of(g, q), a.dq = operand_of(d[Q], q), a.dk = operand_of(d[K], q), a.dv = operand_of(d[V], q);
        if (!attention_backward(&a)) {
            ct_fail("%s: out of memory", NAME);
            return;
        }
    }
    for (int i = Q; i <= V; i++)
        gradients[i] = d[i];
}
const struct op op_attention = {NAME, attention_vjp, attention_fused, READS(Q) | READS(K) | READS(V) | READS(MASK) | READS(LOGS) | READS_OUTPUT};

static ct_tensor *attended(ct_tensor *q, ct_tensor *k, ct_tensor *v, ct_tensor *mask, const struct attend *how)
{
    if (!(q = rows_whole(q)) || !(k = rows_whole(k)) || !(v = rows_whole(v)))
        return NULL;
    if (q->dtype == CT_FLOAT64) {
        const bool was = ct_set_recording(false);
        ct_tensor *p = weights(q, k, mask, how), *kept = dropped(p, how), *y = p && (kept || how->dropout == 0) ? ct_matmul(times(p, kept), v) : NULL;
        ct_set_recording(was);
        return RECORD(&op_attention, y, how, q, k, v, mask, NULL);
    }
    int64_t sizes[CT_MAX_RANK];
    memcpy(sizes, q->sizes, sizeof sizes);
    sizes[q->rank - 1] = v->sizes[v->rank - 1];
    ct_tensor *logs = tensor_new(NAME, CT_FLOAT32, q->rank - 1u, sizes, NULL), *y = logs ? tensor_new_ordered(NAME, q, sizes) : NULL;
    if (!y)
        return NULL;
    const struct attention a = attention_of(q, k, v, mask, y, logs, how);
    if (a.matrices && !attention_forward(&a))
        return ct_fail("%s: out of memory", NAME);
    return RECORD(&op_attention, y, how, q, k, v, mask, logs);
}

/* ---- The call ------------------------------------------------------------------------------------------------------------------------------------ */
static bool check_operands(ct_tensor *q, ct_tensor *k, ct_tensor *v)
{
    if (!given_floating(NAME, "the query", q) || !given_floating(NAME, "the key", k) || !given_floating(NAME, "the value", v))
        return false;
    if (q->rank < 2 || k->rank < 2 || v->rank < 2)
        return ct_fail("%s: query %s, key %s, value %s: want (..., L, E), (..., S, E), (..., S, D)", NAME, SHAPE(q), SHAPE(k), SHAPE(v)) != NULL;
    if (q->dtype != k->dtype || q->dtype != v->dtype)
        return ct_fail("%s: query %s, key %s, value %s: want one dtype", NAME, ct_dtype_name((ct_dtype)q->dtype), ct_dtype_name((ct_dtype)k->dtype),
                       ct_dtype_name((ct_dtype)v->dtype)) != NULL;
    if (q->sizes[q->rank - 1] != k->sizes[k->rank - 1] || q->sizes[q->rank - 1] == 0)
        return ct_fail("%s: query %s x key %s: widths %lld and %lld, want one width of 1 or more", NAME, SHAPE(q), SHAPE(k), (long long)q->sizes[q->rank - 1],
                       (long long)k->sizes[k->rank - 1]) != NULL;
    if (k->sizes[k->rank - 2] != v->sizes[v->rank - 2])
        return ct_fail("%s: %lld keys and %lld values: key %s, value %s", NAME, (long long)k->sizes[k->rank - 2], (long long)v->sizes[v->rank - 2], SHAPE(k),
                       SHAPE(v)) != NULL;
    return true;
}

/* q (..., G H, L, E) as (..., H, G, L, E), the others as (..., H, 1, ...). */
static bool group_heads(ct_tensor **q, ct_tensor **k, ct_tensor **v, ct_tensor **mask)
{
    if ((*q)->rank < 3 || (*k)->rank < 3 || (*v)->rank < 3 || (*q)->rank == CT_MAX_RANK)
        return ct_fail("%s: grouped query %s, key %s, value %s: want (..., heads, L, E), of %d axes at most", NAME, SHAPE(*q), SHAPE(*k), SHAPE(*v),
                       CT_MAX_RANK - 1) != NULL;
    const int64_t all = (*q)->sizes[(*q)->rank - 3], heads = (*k)->sizes[(*k)->rank - 3];
    if (heads != (*v)->sizes[(*v)->rank - 3] || heads == 0 || all % heads)
        return ct_fail("%s: grouped query %s, key %s, value %s: %lld query heads, want a multiple of the %lld key heads, as many as the value's", NAME, SHAPE(*q),
                       SHAPE(*k), SHAPE(*v), (long long)all, (long long)heads) != NULL;
    ct_tensor **list[] = {q, k, v, mask};
    for (int i = 0; i < 4; i++) {
        ct_tensor *t = *list[i];
        int64_t sizes[CT_MAX_RANK + 1];
        if (!t || t->rank < 3)
            continue;
        const int at = t->rank - 3;
        memcpy(sizes, t->sizes, (size_t)at * sizeof *sizes);
        const bool each = i == 0 || (i == 3 && t->sizes[at] == all);
        sizes[at] = each ? heads : t->sizes[at], sizes[at + 1] = each ? all / heads : 1;
        sizes[at + 2] = t->sizes[at + 1], sizes[at + 3] = t->sizes[at + 2];
        if (i == 3 && !each && t->sizes[at] != 1)
            return ct_fail("%s: mask %s does not broadcast to %lld heads", NAME, SHAPE(t), (long long)all) != NULL;
        if (!(*list[i] = (ct_reshape)(t, sizes, (size_t)t->rank + 1)))
            return false;
    }
    return true;
}

/* One set of leading axes for all three, but that of the group. */
static bool broadcast_leading(ct_tensor **list, bool grouped)
{
    int64_t sizes[CT_MAX_RANK] = {0};
    size_t rank = 0;
    for (int i = Q; i <= V; i++)
        rank = list[i]->rank > rank ? list[i]->rank : rank;
    for (size_t axis = 0; axis + 2 < rank; axis++) {
        int64_t size = 1;
        for (int i = Q; i <= V; i++) {
            const ptrdiff_t own = (ptrdiff_t)axis - (ptrdiff_t)rank + list[i]->rank;
            const int64_t s = own >= 0 ? list[i]->sizes[own] : 1;
            if (s != 1 && size != 1 && s != size)
                return ct_fail("%s: query %s, key %s, value %s do not broadcast", NAME, SHAPE(list[Q]), SHAPE(list[K]), SHAPE(list[V])) != NULL;
            size = s != 1 ? s : size;
        }
        sizes[axis] = size;
    }
    for (int i = Q; i <= V; i++) {
        if (grouped && i != Q)
            sizes[rank - 3] = 1;
        memcpy(sizes + rank - 2, list[i]->sizes + list[i]->rank - 2, 2 * sizeof *sizes);
        if (!(list[i] = broadcast_to(list[i], sizes, rank)))
            return false;
    }
    return true;
}

static bool check_mask(ct_tensor *mask, const ct_tensor *q, const ct_tensor *k)
{
    if (!mask)
        return true;
    if (mask->dtype != CT_BOOL && mask->dtype != q->dtype)
        return ct_fail("%s: the mask is %s, want bool or %s", NAME, ct_dtype_name((ct_dtype)mask->dtype), ct_dtype_name((ct_dtype)q->dtype)) != NULL;
    bool fits = mask->rank <= q->rank;
    for (int i = 0; fits && i < mask->rank; i++) {
        const int axis = q->rank - mask->rank + i;
        fits = mask->sizes[i] == 1 || mask->sizes[i] == (axis == q->rank - 1 ? k->sizes[axis - 1] : q->sizes[axis]);
    }
    return fits || ct_fail("%s: mask %s does not broadcast to (..., L, S) for query %s and key %s", NAME, SHAPE(mask), SHAPE(q), SHAPE(k)) != NULL;
}

ct_tensor *(ct_scaled_dot_product_attention)(ct_tensor *q, ct_tensor *k, ct_tensor *v, const ct_attention_options *options)
{
    const ct_attention_options o = options ? *options : (ct_attention_options){.end_ = 0};
    ct_tensor *list[] = {q, k, v, o.mask};
    bool failed;
    if (!check_operands(q, k, v) || (absent(o.mask, &failed) && failed) || (o.mask && !given(NAME, "the mask", o.mask)))
        return NULL;
    if (!(o.dropout_p >= 0 && o.dropout_p <= 1))
        return ct_fail("%s: dropout_p = %g, want 0 to 1", NAME, o.dropout_p);
    if (!isfinite(o.scale))
        return ct_fail("%s: scale = %g", NAME, o.scale);
    if (o.causal_offset && !o.causal)
        return ct_fail("%s: causal_offset %lld without causal", NAME, (long long)o.causal_offset);
    if (o.causal_offset > INT64_MAX / 4 || o.causal_offset < -INT64_MAX / 4)
        return ct_fail("%s: causal_offset %lld is out of reach", NAME, (long long)o.causal_offset);
    if (o.grouped && !group_heads(&list[Q], &list[K], &list[V], &list[MASK]))
        return NULL;
    if (!broadcast_leading(list, o.grouped) || !check_mask(list[MASK], list[Q], list[K]))
        return NULL;
    struct attend how = {.scale = o.scale != 0 ? o.scale : 1 / sqrt((double)q->sizes[q->rank - 1]), .dropout = o.dropout_p, .causal = o.causal,
                         .offset = o.causal_offset};
    q = list[Q], k = list[K], v = list[V];
    if (o.dropout_p > 0) {
        uint64_t matrices = 1;
        for (int i = 0; i + 2 < q->rank; i++)
            matrices *= (uint64_t)q->sizes[i];
        how.stream = random_take(o.generator, matrices * (uint64_t)k->sizes[k->rank - 2] * (((uint64_t)q->sizes[q->rank - 2] + 3) / 4));
    }
    ct_tensor *y = attended(q, k, v, list[MASK], &how);
    if (!o.grouped || !y)
        return y;
    int64_t sizes[CT_MAX_RANK];                 /* heads in one axis again */
    const int at = y->rank - 4;
    memcpy(sizes, y->sizes, sizeof sizes);
    sizes[at] *= sizes[at + 1], sizes[at + 1] = sizes[at + 2], sizes[at + 2] = sizes[at + 3];
    return (ct_reshape)(y, sizes, y->rank - 1u);
}
