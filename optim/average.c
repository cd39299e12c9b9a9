/* Averages of parameters over training: exponential, or all alike. */
#include <string.h>

#include "autograd/memory.h"
#include "autograd/object.h"
#include "autograd/raw.h"
#include "nn/module.h"
#include "optim/average.h"
#include "optim/update.h"

struct ct_average {
    struct object object;
    double decay;
    int64_t updates;
    size_t count;
    ct_tensor **parameters;                     /* kept, and their averages */
    ct_named_tensor *averages;                  /* by the parameters' names, ours */
    struct update *room;                        /* one a parameter */
};

bool average_is_of(const ct_average *self, const ct_module *module)
{
    for (size_t i = 0; i < self->count; i++)
        if (module_has(module, self->parameters[i]))
            return true;
    return false;
}

static bool collect(const char *name, ct_tensor *tensor, bool is_parameter, void *context)
{
    ct_average *self = context;
    for (size_t i = 0; i < self->count; i++)
        if (self->parameters[i] == tensor)
            return true;
    if (!is_parameter)
        return true;
    ct_tensor **parameters = heap_resize(self->parameters, (self->count + 1) * sizeof(ct_tensor *));
    if (parameters)
        self->parameters = parameters;
    ct_named_tensor *averages = parameters ? heap_resize(self->averages, (self->count + 1) * sizeof *averages) : NULL;
    if (averages)
        self->averages = averages;
    CT_SCOPE;
    CT_NO_GRAD;
    ct_tensor *zeros = averages ? ct_zeros_like(tensor) : NULL;
    char *copy = zeros ? heap_copy_text(name) : NULL;
    if (!copy)
        return ct_fail("average: out of memory") != NULL;
    parameters[self->count] = ct_keep(tensor);
    averages[self->count++] = (ct_named_tensor){copy, ct_keep(zeros)};
    return true;
}

static void average_destroy(void *object)
{
    ct_average *self = object;
    for (size_t i = 0; i < self->count; i++) {
        ct_release(self->parameters[i]), ct_release(self->averages[i].tensor);
        heap_free((char *)(uintptr_t)self->averages[i].name);
    }
    heap_free(self->parameters), heap_free(self->averages), heap_free(self->room);
}

ct_average *(ct_average_new)(ct_module *module, const ct_average_options *options)
{
    const double decay = options ? options->decay : 0;
    if (!module)
        return ct_ok() ? ct_fail("average: module is NULL") : NULL;
    if (!(decay >= 0 && decay < 1))
        return ct_fail("average: decay %g: want at least 0 and below 1", decay);
    ct_average *self = object_new(sizeof *self, average_destroy);
    if (!self)
        return NULL;
    self->decay = decay;
    bool good = ct_module_each(module, collect, self);
    if (good && !self->count)
        good = ct_fail("average: the module (%s) has no parameters", ct_module_kind(module)) != NULL;
    if (good && (self->room = heap_zeroed(self->count, sizeof *self->room)))
        return self;
    if (good)
        ct_fail("average: out of memory");
    object_drop(self);
    return NULL;
}

static bool given(const char *call, const ct_average *self)
{
    if (!self && ct_ok())
        ct_fail("%s: average is NULL", call);
    return self;
}

bool ct_average_update(ct_average *self)
{
    if (!given("average_update", self))
        return false;
    const double weight = self->updates == 0 ? 1 : self->decay > 0 ? 1 - self->decay : 1 / (double)(self->updates + 1);
    for (size_t i = 0; i < self->count; i++)
        self->room[i] = (struct update){
            .p = tensor_elements(self->averages[i].tensor),
            .gradient = tensor_elements(self->parameters[i]),
            .count = (size_t)ct_numel(self->parameters[i]),
            .rule = UPDATE_average,
            .is_double = ct_dtype_of(self->parameters[i]) == CT_FLOAT64,
            .n = {.sign = 1, .shrink = 1, .rate = weight},
        };
    update_run(self->room, self->count);
    self->updates++;
    return true;
}

static void swap_bytes(char *a, char *b, size_t bytes)
{
    char held[4096];
    for (size_t part; bytes; a += part, b += part, bytes -= part) {
        part = bytes < sizeof held ? bytes : sizeof held;
        memcpy(held, a, part), memcpy(a, b, part), memcpy(b, held, part);
    }
}

bool ct_average_swap(ct_average *self)
{
    if (!given("average_swap", self))
        return false;
    if (!self->updates)
        return ct_fail("average_swap: there is no average before the first ct_average_update") != NULL;
    for (size_t i = 0; i < self->count; i++) {
        ct_tensor *p = self->parameters[i];
        if (!ct_numel(p))
            continue;
        swap_bytes(tensor_elements(p), tensor_elements(self->averages[i].tensor), (size_t)ct_numel(p) * ct_dtype_size(ct_dtype_of(p)));
        tensor_changed(p, "average_swap");
    }
    return true;
}

/* ---- Files: the averages by the parameters' names, and how many updates they are of ------------------------------------------- */
static bool path_given(const char *call, const ct_average *self, const char *path)
{
    return given(call, self) && (path || ct_fail("%s: path is NULL", call));
}

bool average_list(const ct_average *self, struct parts *parts)
{
    for (size_t i = 0; i < self->count; i++)
        if (!parts_add(parts, self->averages[i].name, self->averages[i].tensor))
            return false;
    return parts_note_number(parts, "updates", (double)self->updates) && parts_note_number(parts, "decay", self->decay);
}

bool ct_average_save(const ct_average *self, const char *path)
{
    if (!path_given("average_save", self, path))
        return false;
    struct parts parts = {0};
    const bool saved = average_list(self, &parts) && parts_write(&parts, path);
    parts_free(&parts);
    return saved;
}

static void put_back_updates(void *object, void *value)
{
    ((ct_average *)object)->updates = *(int64_t *)value;
}

bool average_plan(ct_average *self, const struct parts_source *from, struct plan *plan)
{
    int64_t updates;
    double decay;
    if (!parts_whole(from, "updates", &updates) || !parts_number(from, "decay", &decay))
        return false;
    if (decay != self->decay)
        return ct_fail("%s: averages with a decay of %g, here it is %g", from->name, decay, self->decay) != NULL;
    for (size_t i = 0; i < self->count; i++) {
        CT_SCOPE;
        ct_tensor *mine = self->averages[i].tensor, *t = parts_read_like(from, self->averages[i].name, mine);
        if (!t || !plan_copy(plan, mine, t))
            return false;
    }
    return plan_value(plan, put_back_updates, self, &updates, sizeof updates);
}

bool ct_average_load(ct_average *self, const char *path)
{
    if (!path_given("average_load", self, path))
        return false;
    struct plan plan = {0};
    ct_tensor_file *file = ct_io_safetensors_open(path);
    bool good = file && average_plan(self, &(struct parts_source){.name = path, .file = file}, &plan);
    if (good && ct_tensor_file_count(file) != self->count)
        good = ct_fail("%s: averages of %zu parameters, the module has %zu", path, ct_tensor_file_count(file), self->count);
    (ct_free)(file);
    return plan_end(&plan, good);
}
