/* Modules whose forward keeps only its result, and is run again in backward. */
#include <string.h>

#include "autograd/memory.h"
#include "nn/module.h"

struct again {
    ct_module *module;
    module_run *run;
    max_align_t options[];
};

static ct_tensor *run_again(ct_tensor *const *inputs, void *context)
{
    const struct again *a = context;
    return a->run(a->module, inputs, a->options);
}

static void free_again(void *context)
{
    object_drop(((struct again *)context)->module);
    heap_free(context);
}

ct_tensor *module_run_checkpointed(ct_module *self, module_run *run, ct_tensor *const *inputs, size_t count, const void *options, size_t bytes)
{
    if (!self->checkpointed || !ct_recording())
        return run(self, inputs, options);
    struct again *a = heap_zeroed(1, sizeof *a + bytes);
    if (!a)
        return ct_fail("%s: out of memory", self->kind);
    *a = (struct again){.module = object_hold(self), .run = run};
    if (bytes)
        memcpy(a->options, options, bytes);
    return ct_checkpoint(run_again, inputs, count, .context = a, .free_context = free_again);
}

bool ct_module_checkpoint(ct_module *module, bool on)
{
    if (!module || !module->forward)
        return (module || ct_ok()) &&
               ct_fail("module_checkpoint: %s", module ? "it has no forward, it only holds its parts" : "module is NULL");
    module->checkpointed = on;
    return true;
}
