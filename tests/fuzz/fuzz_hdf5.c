#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_read(ct_io_hdf5_open(fuzz_file(data, size)));
    ct_error_clear();
    return 0;
}
