/* Changes of values in place: for code that does not record, and seen by the version counters where it should not have been. */
#include "../inspecting.h"
#include "ops.h"

/* The reach of t's elements in memory, in bytes from its first. */
static void reach(const ct_tensor *t, const char **low, const char **high)
{
    const int64_t item = (int64_t)ct_dtype_size((ct_dtype)t->dtype);
    *low = t->data, *high = t->data + item;
    for (int i = 0; i < t->rank; i++) {
        int64_t far = (t->sizes[i] - 1) * t->strides[i] * item;
        *(far < 0 ? low : high) += far;
    }
}

static bool overlaps_in_part(const ct_tensor *x, const ct_tensor *y)
{
    if (x->storage != y->storage || !tensor_numel(x) || !tensor_numel(y) || (x->data == y->data && same_layout(x, y)))
        return false;
    const char *x_low, *x_high, *y_low, *y_high;
    reach(x, &x_low, &x_high), reach(y, &y_low, &y_high);
    return x_low < y_high && y_low < x_high;
}

static ct_tensor *in_place(const char *op, ct_tensor *x, ct_tensor *y, int binary)
{
    if (!given(op, "the target", x) || !given(op, "the operand", y))
        return NULL;
    if (recording() && (x->flags | y->flags) & WANTS_GRAD)
        return ct_fail("%s: %s wants a gradient and recording is on; use CT_NO_GRAD, or the op that returns a new tensor", op,
                       x->flags & WANTS_GRAD ? "the target" : "the operand");
    if (tensor_overlaps_itself(x))
        return ct_fail("%s: elements of the target %s share memory (an expanded view?); take ct_clone first", op, SHAPE(x));
    int64_t sizes[CT_MAX_RANK];
    size_t rank;
    if (!broadcast_sizes(op, (ct_tensor *const[]){x, y}, 2, sizes, &rank))
        return NULL;
    if (rank != x->rank || memcmp(sizes, x->sizes, rank * sizeof *sizes) != 0)
        return ct_fail("%s: %s does not broadcast to the target %s", op, SHAPE(y), SHAPE(x));
    if (overlaps_in_part(x, y))
        return ct_fail("%s: target and operand overlap in part; take ct_clone of the operand first", op);
    const int kind[] = {2, 2, 1, 0};
    if (binary >= 0 && kind[promote((ct_tensor *const[]){x, y}, 2)] > kind[x->dtype])
        return ct_fail("%s: the result is %s, which the target of %s cannot hold", op,
                       ct_dtype_name(promote((ct_tensor *const[]){x, y}, 2)), ct_dtype_name((ct_dtype)x->dtype));
    if (UNLIKELY(inspected() & PROFILE))
        profile_op_begin(op);
    ct_scope scope = ct_scope_open();
    bool was = ct_set_recording(false);
    ct_tensor *operand = binary >= 0 ? as_dtype(y, (ct_dtype)x->dtype) : y;
    kernel_loop *run = binary >= 0 ? kernels()->binary[binary][x->dtype] : kernels()->cast[y->dtype][x->dtype];
    if (operand && binary >= 0)
        run_loop(run, NULL, (ct_tensor *const[]){x, x, operand}, 3);
    else if (operand)
        run_loop(run, NULL, (ct_tensor *const[]){x, operand}, 2);
    ct_set_recording(was);
    ct_scope_close(scope);
    if (!operand)
        return NULL;
    storage_changed(x, op);
    if (UNLIKELY(inspected() & PROFILE))
        profile_op_end(op, x, (ct_tensor *const[]){y}, 1);
    return x;
}

ct_tensor *(ct_add_)(ct_tensor *x, ct_tensor *y)
{
    return in_place("add_", x, y, BINARY_add);
}

ct_tensor *(ct_mul_)(ct_tensor *x, ct_tensor *y)
{
    return in_place("mul_", x, y, BINARY_mul);
}

ct_tensor *(ct_copy_)(ct_tensor *x, ct_tensor *y)
{
    return in_place("copy_", x, y, -1);
}

ct_tensor *(ct_fill_)(ct_tensor *x, ct_tensor *value)
{
    if (!given("fill_", "the target", x) || !given("fill_", "the value", value))
        return NULL;
    if (value->rank)
        return ct_fail("fill_: the value has shape %s, want a number or a 0-d tensor", SHAPE(value));
    return in_place("fill_", x, value, -1);
}
