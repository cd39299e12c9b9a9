/* Dtypes, and which of them an op on several computes in. */
#include "internal.h"
#include "raw.h"

static const struct { const char *name; size_t bytes; } dtypes[] = {
    [CT_FLOAT32] = {"float32", 4}, [CT_FLOAT64] = {"float64", 8}, [CT_INT64] = {"int64", 8}, [CT_BOOL] = {"bool", 1}};

static atomic_int default_dtype = CT_FLOAT32;

const char *ct_dtype_name(ct_dtype dtype)
{
    return (unsigned)dtype < COUNT_OF(dtypes) ? dtypes[dtype].name : "no dtype";
}

size_t ct_dtype_size(ct_dtype dtype)
{
    return (unsigned)dtype < COUNT_OF(dtypes) ? dtypes[dtype].bytes : 0;
}

ct_dtype ct_default_dtype(void)
{
    const struct tensor_budget *budget = thread_state.budget;
    return budget ? budget->dtype : (ct_dtype)atomic_load_explicit(&default_dtype, memory_order_relaxed);
}

bool ct_set_default_dtype(ct_dtype dtype)
{
    if (dtype != CT_FLOAT32 && dtype != CT_FLOAT64)
        return ct_fail("set_default_dtype: %s, want float32 or float64", ct_dtype_name(dtype)) != NULL;
    atomic_store(&default_dtype, dtype);
    return true;
}

ct_dtype floating(ct_dtype dtype)
{
    return dtype <= CT_FLOAT64 ? dtype : ct_default_dtype();
}

/* PyTorch's result_type. Operands fall into three ranks: those with axes, 0-d tensors, numbers. A lower rank decides only if
 * its kind (bool < integer < float) is above that of the ranks before it. */
ct_dtype promote(ct_tensor *const *operands, size_t count)
{
    static const int wider[4][4] = {{0, 1, 0, 0}, {1, 1, 1, 1}, {0, 1, 2, 2}, {0, 1, 2, 3}}; /* of two dtypes */
    static const int kind[] = {2, 2, 1, 0};
    int best[3] = {-1, -1, -1};
    for (size_t i = 0; i < count; i++) {
        int of = operands[i]->flags & IS_NUMBER ? 2 : operands[i]->rank == 0 ? 1 : 0, dtype = operands[i]->dtype;
        best[of] = best[of] < 0 ? dtype : wider[best[of]][dtype];
    }
    int result = -1;
    for (int i = 0; i < 3; i++)
        if (best[i] >= 0 && (result < 0 || kind[best[i]] > kind[result]))
            result = i == 2 && kind[best[i]] == 2 ? (int)ct_default_dtype() : best[i];
    return (ct_dtype)result;
}
