#include "fuzz.h"

#include <data/data.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CT_SCOPE;
    ct_tensor *x = ct_data_idx(fuzz_file(data, size), CT_FLOAT32);
    if (!x == ct_ok())
        abort();
    if (x && ct_numel(x))
        ct_sum(x);
    ct_error_clear();
    return 0;
}
