/* Averages of parameters over training: exponential, or all alike. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/memory.h"
#include "autograd/object.h"
#include "autograd/raw.h"
#include "io/io.h"
#include "optim/optim.h"
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

bool ct_average_save(const ct_average *self, const char *path)
{
    if (!path_given("average_save", self, path))
        return false;
    char updates[24], decay[40];
    snprintf(updates, sizeof updates, "%lld", (long long)self->updates);
    snprintf(decay, sizeof decay, "%a", self->decay);
    const ct_metadata metadata[] = {{"updates", updates}, {"decay", decay}};
    return ct_io_safetensors_write(path, self->averages, self->count, metadata, sizeof metadata / sizeof *metadata);
}

/* The value of tensor i in the file, which must be like the average here. NULL: a failure. */
static ct_tensor *read_like(const ct_average *self, size_t i, ct_tensor_file *file, const char *path)
{
    ct_tensor *mine = self->averages[i].tensor, *t = ct_tensor_file_read(file, self->averages[i].name);
    bool same = t && ct_dtype_of(t) == ct_dtype_of(mine) && ct_rank(t) == ct_rank(mine);
    for (int axis = 0; same && axis < ct_rank(t); axis++)
        same = ct_size(t, axis) == ct_size(mine, axis);
    return same || !t ? t : ct_fail("%s: %s has another shape or dtype than here", path, self->averages[i].name);
}

static bool restore(ct_average *self, ct_tensor_file *file, const char *path, ct_tensor **values)
{
    const char *updates = ct_tensor_file_metadata(file, "updates"), *decay = ct_tensor_file_metadata(file, "decay");
    const double count = updates ? strtod(updates, NULL) : -1;
    if (!(count >= 0 && count < 9e15) || !decay || strtod(decay, NULL) != self->decay)
        return ct_fail("%s: no average with a decay of %g", path, self->decay) != NULL;
    if (ct_tensor_file_count(file) != self->count)
        return ct_fail("%s: averages of %zu parameters, the module has %zu", path, ct_tensor_file_count(file), self->count) != NULL;
    for (size_t i = 0; i < self->count; i++)
        if (!(values[i] = read_like(self, i, file, path)))
            return false;
    for (size_t i = 0; i < self->count; i++)
        ct_copy_(self->averages[i].tensor, values[i]);
    self->updates = (int64_t)count;
    return true;
}

bool ct_average_load(ct_average *self, const char *path)
{
    if (!path_given("average_load", self, path))
        return false;
    CT_SCOPE;
    CT_NO_GRAD;
    ct_tensor **values = heap_zeroed(self->count, sizeof(ct_tensor *));
    ct_tensor_file *file = values ? ct_io_safetensors_open(path) : NULL;
    const bool good = file && restore(self, file, path, values);
    if (!values)
        ct_fail("%s: out of memory", path);
    (ct_free)(file);
    heap_free(values);
    return good;
}
