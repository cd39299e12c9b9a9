/* What ONNX forms of several layers are made of. */
#include "nn/onnx.h"

#include "autograd/raw.h"

const char *onnx_activation(ct_onnx *g, ct_activation activation, const char *x)
{
    switch (activation) {
    case CT_IDENTITY: return x;
    case CT_RELU: return ONNX("Relu", x);
    case CT_TANH: return ONNX("Tanh", x);
    case CT_SIGMOID: return ONNX("Sigmoid", x);
    case CT_SILU: return ONNX("Mul", x, ONNX("Sigmoid", x));
    case CT_GELU: {
        const char *phi = ONNX("Add", ONNX("Erf", ONNX("Mul", x, onnx_number(g, 0.70710678118654752440))), onnx_number(g, 1));
        return ONNX("Mul", ONNX("Mul", x, phi), onnx_number(g, 0.5));
    }
    }
    return ct_fail("onnx: activation %d: there is none of this number", (int)activation);
}

const char *onnx_linear(ct_onnx *g, const char *x, int rank, const char *w, const char *b)
{
    if (rank == 2)
        return ONNX_WITH("Gemm", ONNX_ATTRIBUTES(ONNX_INTEGER("transB", 1)), x, w, b);
    const char *y = ONNX("MatMul", x, ONNX_WITH("Transpose", ONNX_ATTRIBUTES(ONNX_LIST_OF("perm", 1, 0)), w));
    return b && *b ? ONNX("Add", y, b) : y;
}

const char *onnx_slice(ct_onnx *g, const char *x, int axis, int64_t from, int64_t to)
{
    return ONNX("Slice", x, ONNX_CONSTANT(from), ONNX_CONSTANT(to), ONNX_CONSTANT(axis));
}

const char *onnx_size(ct_onnx *g, const char *x, int64_t axis)
{
    return ONNX("Gather", ONNX("Shape", x), ONNX_CONSTANT(axis));
}

void onnx_window(int64_t packed, int axes, int64_t out[2])
{
    int64_t pair[2] = {1, 1};
    window_pair("onnx", "window", packed, 0, axes, pair);
    out[0] = pair[2 - axes], out[1] = pair[1];
}

const char *onnx_same(ct_onnx *g, ct_module *self, const char *x)
{
    (void)g, (void)self;
    return x;
}

const char *onnx_chain(ct_onnx *g, ct_module *self, const char *x)
{
    for (size_t i = 0; i < self->count; i++)
        if (self->entries[i].child)
            x = ct_onnx_forward(g, self->entries[i].child, x);
    return x;
}
