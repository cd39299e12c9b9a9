#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *path = fuzz_file(data, size);
    fuzz_read(ct_io_safetensors_open(path));
    ct_error_clear();
    fuzz_read(ct_io_safetensors_map(path));
    ct_error_clear();
    return 0;
}
