#include "fuzz.h"

#include <nn/nn.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static ct_module *net;
    const char *path = fuzz_file(data, size);
    if (!net)
        net = ct_nn_sequential(ct_nn_conv2d(1, 2, 1), ct_nn_batch_norm2d(2), ct_nn_linear(4, 2));
    fuzz_read(ct_io_hdf5_open(path));
    ct_error_clear();
    if (ct_module_load_keras(net, path) != ct_ok())
        abort();
    ct_error_clear();
    return 0;
}
