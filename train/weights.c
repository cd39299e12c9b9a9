/* Taking a module's values aside, and putting them back. */
#include "train/weights.h"

#include "autograd/memory.h"

static bool count_one(const char *name, ct_tensor *tensor, bool is_parameter, void *context)
{
    (void)name, (void)tensor, (void)is_parameter;
    ++*(size_t *)context;
    return true;
}

struct cursor {
    const struct weights *weights;
    size_t at;
};

static bool take_one(const char *name, ct_tensor *tensor, bool is_parameter, void *context)
{
    struct cursor *cursor = context;
    ct_tensor **value = &cursor->weights->values[cursor->at++];
    (void)name, (void)is_parameter;
    if (*value)
        return ct_copy_(*value, tensor) != NULL;
    return (*value = ct_keep(ct_clone(ct_detach(tensor)))) != NULL;
}

static bool put_one(const char *name, ct_tensor *tensor, bool is_parameter, void *context)
{
    struct cursor *cursor = context;
    (void)name, (void)is_parameter;
    return ct_copy_(tensor, cursor->weights->values[cursor->at++]) != NULL;
}

bool weights_take(struct weights *weights, const ct_module *module)
{
    CT_SCOPE;
    CT_NO_GRAD;
    if (!weights->values) {
        ct_module_each(module, count_one, &weights->count);
        weights->values = heap_zeroed(weights->count ? weights->count : 1, sizeof *weights->values);
        if (!weights->values)
            return ct_fail("out of memory for a copy of %zu tensors", weights->count) != NULL;
    }
    return ct_module_each(module, take_one, &(struct cursor){weights, 0});
}

bool weights_put(const struct weights *weights, ct_module *module)
{
    CT_SCOPE;
    CT_NO_GRAD;
    return ct_module_each(module, put_one, &(struct cursor){weights, 0});
}

void weights_clear(struct weights *weights)
{
    for (size_t i = 0; weights->values && i < weights->count; i++)
        ct_release(weights->values[i]);
    heap_free(weights->values);
    *weights = (struct weights){0};
}
