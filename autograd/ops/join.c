/* Several tensors into one, and one into several: each the other's VJP. */
#include "../inspecting.h"
#include "ops.h"

#define VJP(name)                                                                                                        \
    static void name(ct_node *node, ct_tensor *const *cotangents, ct_tensor **gradients)

enum { MOST = 30 };                             /* inputs of one node; longer lists are joined in two steps */

/* The old rule that an empty vector joins with anything. */
static bool is_legacy_empty(const ct_tensor *t)
{
    return t->rank == 1 && t->sizes[0] == 0;
}

VJP(cat_vjp)
{
    const int axis = *(const int *)ct_node_context(node);
    int64_t at = 0;
    for (int i = 0; i < node->input_count; i++) {
        const ct_tensor *x = node->edges[i].tensor;
        int64_t length = x->sizes[axis];
        if (ct_node_wants(node, i))
            gradients[i] = ct_narrow(cotangents[0], axis, at, length);
        at += length;
    }
}
const struct op op_cat = {"cat", cat_vjp, NULL, 0};

static ct_tensor *cat(ct_tensor *const *tensors, size_t count, int axis)
{
    if (count > MOST) {
        size_t half = count / 2;
        ct_tensor *parts[] = {cat(tensors, half, axis), cat(tensors + half, count - half, axis)};
        return parts[0] && parts[1] ? cat(parts, 2, axis) : NULL;
    }
    int64_t sizes[CT_MAX_RANK], at = 0;
    memcpy(sizes, tensors[0]->sizes, tensors[0]->rank * sizeof *sizes);
    for (size_t i = 1; i < count; i++)
        if (__builtin_add_overflow(sizes[axis], tensors[i]->sizes[axis], &sizes[axis]))
            return ct_fail("cat: Storage size calculation overflowed");
    ct_tensor *y = tensor_new("cat", (ct_dtype)tensors[0]->dtype, tensors[0]->rank, sizes, NULL);
    for (size_t i = 0; i < count && y; i++) {
        ct_tensor part = part_from(y, at * y->strides[axis]);
        part.sizes[axis] = tensors[i]->sizes[axis];
        copy_values(&part, tensors[i]);
        at += part.sizes[axis];
    }
    return graph_record(&op_cat, y, tensors, count, &axis, sizeof axis);
}

static bool all_given(const char *op, ct_tensor *const *tensors, size_t count)
{
    if (!tensors || !count)
        return ct_fail("%s: want at least one tensor", op) != NULL;
    for (size_t i = 0; i < count; i++)
        if (!given(op, "a tensor of the list", tensors[i]))
            return false;
    return true;
}

ct_tensor *ct_cat(ct_tensor *const *tensors, size_t count, int axis)
{
    if (!all_given("cat", tensors, count))
        return NULL;
    ct_tensor *few[MOST], **kept = count <= MOST ? few : memory_get(count * sizeof *kept), *y = NULL;
    if (!kept)
        return ct_fail("cat: out of memory");
    size_t used = 0;
    int at;
    ct_dtype dtype = promote(tensors, count);
    for (size_t i = 0; i < count; i++)
        if (!is_legacy_empty(tensors[i]))
            kept[used++] = tensors[i];
    if (!used)
        kept[used++] = tensors[0];
    bool ok = kept[0]->rank || ct_fail("cat: a 0-d tensor has no axis to join along; ct_stack makes one");
    ok = ok && check_axis("cat", kept[0], axis, &at);
    for (size_t i = 0; i < used && ok; i++) {
        ct_tensor *t = kept[i];
        ok = t->rank == kept[0]->rank;
        for (int a = 0; a < t->rank && ok; a++)
            ok = a == at || t->sizes[a] == kept[0]->sizes[a];
        if (!ok)
            ct_fail("cat: %s and %s differ in an axis other than %d", SHAPE(kept[0]), SHAPE(t), axis);
        ok = ok && (kept[i] = as_dtype(t, dtype)) != NULL;
    }
    if (ok)
        y = cat(kept, used, at);
    if (kept != few)
        memory_put(kept, count * sizeof *kept);
    return y;
}

ct_tensor *ct_stack(ct_tensor *const *tensors, size_t count, int axis)
{
    if (!all_given("stack", tensors, count))
        return NULL;
    for (size_t i = 1; i < count; i++)
        if (!same_sizes(tensors[0], tensors[i]))
            return ct_fail("stack: %s and %s differ", SHAPE(tensors[0]), SHAPE(tensors[i]));
    if (axis < -tensors[0]->rank - 1 || axis > tensors[0]->rank)
        return ct_fail("stack: axis %d is out of range for %s", axis, SHAPE(tensors[0]));
    ct_tensor *few[MOST], **lifted = count <= MOST ? few : memory_get(count * sizeof *lifted), *y = NULL;
    if (!lifted)
        return ct_fail("stack: out of memory");
    bool ok = true;
    for (size_t i = 0; i < count && ok; i++)
        ok = (lifted[i] = ct_unsqueeze(tensors[i], axis)) != NULL;
    if (ok)
        y = ct_cat(lifted, count, axis < 0 ? axis + lifted[0]->rank : axis);
    if (lifted != few)
        memory_put(lifted, count * sizeof *lifted);
    return y;
}

/* ---- split ------------------------------------------------------------------------------------------------------------------------------ */
VJP(split_vjp)
{
    gradients[0] = ct_cat(cotangents, node->output_count, *(const int *)ct_node_context(node));
}
const struct op op_split = {"split", split_vjp, NULL, 0};

bool ct_split(ct_tensor *x, int64_t length, int axis, ct_tensor **parts, size_t count)
{
    int at;
    for (size_t i = 0; parts && i < count; i++)
        parts[i] = NULL;                        /* so that a failure travels through them */
    if (!given("split", "the operand", x) || !check_axis("split", x, axis, &at))
        return false;
    if (!parts || length < 1 || !x->rank)
        return ct_fail("split: %s into parts of %lld: want at least 1, an axis, and room for the parts", SHAPE(x), (long long)length) != NULL;
    const int64_t size = x->sizes[at], want = size ? (size - 1) / length + 1 : 1;
    if ((int64_t)count != want || count > 255)
        return ct_fail("split: axis %d of %s in parts of %lld makes %lld parts (255 at most), not %zu", axis, SHAPE(x),
                       (long long)length, (long long)want, count) != NULL;
    for (size_t i = 0; i < count; i++) {
        int64_t sizes[CT_MAX_RANK], start = (int64_t)i * length;
        memcpy(sizes, x->sizes, x->rank * sizeof *sizes);
        sizes[at] = size - start < length ? size - start : length;
        if (!(parts[i] = tensor_view("split", x, x->rank, sizes, x->strides, start * x->strides[at])))
            return false;
        parts[i]->origin = &op_split;
    }
    if (UNLIKELY(inspected() & PROFILE))
        profile_op_end("split", parts[0], &x, 1);
    if (recording() && x->flags & WANTS_GRAD)
        return graph_record_many(&op_split, parts, count, &x, 1, &at, sizeof at);
    return true;
}
