/* Averages of parameters over training: exponential, or all alike. */
#include <math.h>
#include <string.h>

#include "autograd/memory.h"
#include "autograd/object.h"
#include "autograd/raw.h"
#include "optim/optim.h"
#include "optim/update.h"

struct ct_average {
    struct object object;
    double decay;
    int64_t updates;
    size_t count;
    ct_tensor **parameters, **averages;         /* kept */
    struct update *room;                        /* one a parameter */
};

static bool collect(const char *name, ct_tensor *tensor, bool is_parameter, void *context)
{
    (void)name;
    ct_average *self = context;
    for (size_t i = 0; i < self->count; i++)
        if (self->parameters[i] == tensor)
            return true;
    if (!is_parameter)
        return true;
    ct_tensor **parameters = heap_resize(self->parameters, (self->count + 1) * sizeof(ct_tensor *));
    if (parameters)
        self->parameters = parameters;
    ct_tensor **averages = parameters ? heap_resize(self->averages, (self->count + 1) * sizeof(ct_tensor *)) : NULL;
    if (averages)
        self->averages = averages;
    CT_SCOPE;
    CT_NO_GRAD;
    ct_tensor *zeros = averages ? ct_zeros_like(tensor) : NULL;
    if (!zeros)
        return ct_fail("average: out of memory") != NULL;
    parameters[self->count] = ct_keep(tensor);
    averages[self->count++] = ct_keep(zeros);
    return true;
}

static void average_destroy(void *object)
{
    ct_average *self = object;
    for (size_t i = 0; i < self->count; i++)
        ct_release(self->parameters[i]), ct_release(self->averages[i]);
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
            .p = tensor_elements(self->averages[i]),
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
        swap_bytes(tensor_elements(p), tensor_elements(self->averages[i]), (size_t)ct_numel(p) * ct_dtype_size(ct_dtype_of(p)));
        tensor_changed(p, "average_swap");
    }
    return true;
}
