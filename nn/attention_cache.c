/* Keys and values of tokens gone by, written in place into room for all of them: a step copies its own tokens alone. */
#include "autograd/memory.h"
#include "nn/sequence_parts.h"

struct slot {
    const ct_module *attention;
    ct_tensor *keys, *values;                   /* (batch, kv_heads, capacity, head); of a memory: (batch, kv_heads, S, head) */
    ct_tensor *memory;                          /* what those were made of; NULL: nothing yet, or tokens */
};

struct ct_nn_cache {
    struct object object;
    ct_module *module;                          /* held, so that no other can come to have its address */
    int64_t batch, capacity, length;
    size_t count;
    struct slot *slots;
};

static void forget_memory(struct slot *slot)
{
    ct_release(slot->keys), ct_release(slot->values), ct_release(slot->memory);
    slot->keys = slot->values = slot->memory = NULL;
}

static void cache_destroy(void *object)
{
    ct_nn_cache *self = object;
    for (size_t i = 0; i < self->count; i++)
        forget_memory(&self->slots[i]);
    heap_free(self->slots);
    object_drop(self->module);
}

/* Slots for the attentions in and below module, or with slots NULL only their number. */
static bool add_slots(ct_nn_cache *self, const ct_module *module)
{
    struct attention_shape shape;
    if (!attention_shape(module, &shape)) {
        for (size_t i = 0; i < module->count; i++)
            if (module->entries[i].child && !add_slots(self, module->entries[i].child))
                return false;
        return true;
    }
    struct slot *slot = self->slots ? &self->slots[self->count] : NULL;
    self->count++;
    if (!slot)
        return true;
    slot->attention = module;
    if (shape.of_memory)
        return true;
    slot->keys = ct_keep(ct_zeros_as(shape.dtype, self->batch, shape.kv_heads, self->capacity, shape.head));
    slot->values = ct_keep(ct_zeros_as(shape.dtype, self->batch, shape.kv_heads, self->capacity, shape.head));
    return slot->keys && slot->values;
}

ct_nn_cache *ct_nn_cache_new(ct_module *module, int64_t batch, int64_t capacity)
{
    if (!module)
        return ct_ok() ? ct_fail("cache: module is NULL") : NULL;
    if (batch < 1 || capacity < 1)
        return ct_fail("cache: a batch of %lld, a capacity of %lld: want at least 1", (long long)batch, (long long)capacity);
    ct_nn_cache *self = object_new(sizeof *self, cache_destroy);
    if (!self)
        return NULL;
    self->module = object_hold(module);
    self->batch = batch, self->capacity = capacity;
    add_slots(self, module);
    const size_t count = self->count;
    self->count = 0;
    CT_SCOPE;
    if (!count)
        ct_fail("cache: %s has no attention", ct_module_kind(module));
    else if (!(self->slots = heap_zeroed(count, sizeof *self->slots)))
        ct_fail("cache: out of memory");
    else if (add_slots(self, module))
        return self;
    object_drop(self);
    return NULL;
}

int64_t ct_nn_cache_length(const ct_nn_cache *cache)
{
    return cache ? cache->length : -1;
}

void ct_nn_cache_reset(ct_nn_cache *cache)
{
    if (!cache)
        return;
    cache->length = 0;
    for (size_t i = 0; i < cache->count; i++)
        if (cache->slots[i].memory)
            forget_memory(&cache->slots[i]);
}

/* ---- A run --------------------------------------------------------------------------------------------------------------- */
bool cache_begin(struct cached_run *run, const char *call, ct_nn_cache *cache, const ct_module *module, const ct_tensor *x)
{
    *run = (struct cached_run){.cache = cache};
    if (!cache)
        return true;
    run->tokens = ct_size(x, 1);
    if (cache->module != module)
        return ct_fail("%s: the cache was made for another module, a %s", call, ct_module_kind(cache->module)) != NULL;
    if (ct_size(x, 0) != cache->batch)
        return ct_fail("%s: a batch of %lld, and a cache for one of %lld", call, (long long)ct_size(x, 0), (long long)cache->batch) != NULL;
    if (run->tokens > cache->capacity - cache->length)
        return ct_fail("%s: %lld tokens behind %lld in the cache, whose capacity is %lld", call, (long long)run->tokens, (long long)cache->length,
                       (long long)cache->capacity) != NULL;
    run->recorded = ct_set_recording(false);
    return true;
}

ct_tensor *cache_end(struct cached_run *run, ct_tensor *y)
{
    if (!run->cache)
        return y;
    ct_set_recording(run->recorded);
    run->cache->length += y ? run->tokens : 0;
    if (!y && !run->cache->length)              /* a failed beginning ties it to no memory */
        ct_nn_cache_reset(run->cache);
    return y;
}

static struct slot *slot_of(ct_nn_cache *cache, const ct_module *attention)
{
    size_t i = 0;
    while (i < cache->count && cache->slots[i].attention != attention)
        i++;
    return i < cache->count ? &cache->slots[i] : ct_fail("cache: it has nothing of this attention, which was added later");
}

static ct_tensor *append(ct_tensor *all, ct_tensor *some, int64_t length)
{
    if (!some || !ct_copy_(ct_narrow(all, 2, length, ct_size(some, 2)), some))
        return NULL;
    return ct_narrow(all, 2, 0, length + ct_size(some, 2));
}

bool cache_append(ct_nn_cache *cache, const ct_module *attention, ct_tensor **keys, ct_tensor **values)
{
    struct slot *slot = slot_of(cache, attention);
    if (!slot)
        return false;
    *keys = append(slot->keys, *keys, cache->length);
    *values = append(slot->values, *values, cache->length);
    return *keys && *values;
}

bool cache_recall(ct_nn_cache *cache, const ct_module *attention, ct_tensor *memory, ct_tensor **keys, ct_tensor **values)
{
    const struct slot *slot = slot_of(cache, attention);
    if (!slot)
        return false;
    if (slot->memory && slot->memory != memory)
        return ct_fail("transformer_decode: the cache was begun with another memory") != NULL;
    *keys = slot->keys, *values = slot->values;
    return true;
}

bool cache_keep(ct_nn_cache *cache, const ct_module *attention, ct_tensor *memory, ct_tensor *keys, ct_tensor *values)
{
    struct slot *slot = slot_of(cache, attention);
    keys = ct_contiguous(keys), values = ct_contiguous(values);
    if (!slot || !keys || !values)
        return false;
    *slot = (struct slot){attention, ct_keep(keys), ct_keep(values), ct_keep(memory)};
    return true;
}
