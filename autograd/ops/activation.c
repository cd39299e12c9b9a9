/* The activations that other ops take as an option. */
#include "ops.h"

bool known_activation(const char *op, ct_activation activation)
{
    return (unsigned)activation <= CT_SILU || ct_fail("%s: %d is no activation", op, (int)activation);
}

ct_tensor *activated(ct_tensor *y, ct_activation activation)
{
    switch (y ? activation : CT_IDENTITY) {
    case CT_RELU:
        return ct_relu(y);
    case CT_GELU:
        return ct_gelu(y);
    case CT_TANH:
        return ct_tanh(y);
    case CT_SIGMOID:
        return ct_sigmoid(y);
    case CT_SILU:
        return ct_silu(y);
    default:
        return y;
    }
}
