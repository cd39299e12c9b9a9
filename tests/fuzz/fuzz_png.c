#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CT_SCOPE;
    ct_tensor *image = ct_io_png_read(fuzz_file(data, size));
    if (!image && ct_ok())
        abort();
    if (image)
        ct_sum(image);
    ct_error_clear();
    return 0;
}
