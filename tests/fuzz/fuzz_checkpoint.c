#include "fuzz.h"

#include "checkpoint.h"

#include <string.h>

/* What is refused has changed nothing; what is taken is a run that goes on. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_run r = fuzz_run_new();
    if (!ct_ok())
        abort();
    const char *path = fuzz_file(data, size);
    ct_train_state state = {.module = r.net, .optimizer = r.optimizer, .schedule = r.schedule, .average = r.average, .epoch = 5, .step = 6};
    const float *bias = ct_data(ct_module_find(r.net, "bias"));
    float before[2];
    memcpy(before, bias, sizeof before);
    const bool taken = ct_train_load(&state, path);
    if (taken != ct_ok() || (!taken && (memcmp(before, bias, sizeof before) || state.epoch != 5 || state.step != 6)))
        abort();
    ct_error_clear();
    ct_history *history = taken ? fuzz_run_fit(&r, path, (ct_callbacks){0}) : NULL;
    if (taken && !history == ct_ok())
        abort();
    (ct_free)(history);
    fuzz_run_free(&r);
    ct_error_clear();
    return 0;
}
