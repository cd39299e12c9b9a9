/* Every optimizer is a rule for one parameter; the rest stands here. */
#include "optim/optimizer.h"

#include <math.h>

#include "autograd/memory.h"
#include "autograd/raw.h"

/* ---- Checking options -------------------------------------------------------------------------------------------- */
bool optimizer_check(const char *name, const char *option, double value)
{
    if (isfinite(value) && value >= 0)
        return true;
    ct_fail("%s: %s %g: want %s", name, option, value, value < 0 ? "at least 0" : "a finite number");
    return false;
}

bool optimizer_check_beta(const char *name, const char *option, double value)
{
    if (value >= 0 && value < 1)
        return true;
    ct_fail("%s: %s %g: want at least 0 and below 1", name, option, value);
    return false;
}

/* ---- Making and freeing ------------------------------------------------------------------------------------------ */
static void optimizer_destroy(void *object)
{
    ct_optimizer *self = object;
    for (size_t i = 0; i < self->count; i++) {
        ct_release(self->parameters[i].tensor);
        ct_release(self->parameters[i].first);
        ct_release(self->parameters[i].second);
    }
    heap_free(self->parameters);
    heap_free(self->updates);
    heap_free(self->updated);
}

static bool collect(const char *name, ct_tensor *tensor, bool is_parameter, void *context)
{
    (void)name;
    ct_optimizer *self = context;
    for (size_t i = 0; i < self->count; i++)
        if (self->parameters[i].tensor == tensor)
            return true;                        /* shared by two layers: one step moves it once */
    if (!is_parameter)
        return true;
    struct parameter *parameters = heap_resize(self->parameters, (self->count + 1) * sizeof *parameters);
    if (!parameters)
        return ct_fail("%s: out of memory", self->kind.name), false;
    self->parameters = parameters;
    parameters[self->count++] = (struct parameter){.tensor = ct_keep(tensor)};
    return true;
}

static bool add_moments(ct_optimizer *self)
{
    CT_SCOPE;
    CT_NO_GRAD;
    for (size_t i = 0; i < self->count; i++) {
        struct parameter *p = &self->parameters[i];
        if (self->kind.moments > 0 && !(p->first = ct_keep(ct_zeros_like(p->tensor))))
            return false;
        if (self->kind.moments > 1 && !(p->second = ct_keep(ct_zeros_like(p->tensor))))
            return false;
    }
    self->updates = heap_zeroed(self->count, sizeof *self->updates);
    self->updated = heap_zeroed(self->count, sizeof *self->updated);
    if (!self->updates || !self->updated)
        return ct_fail("%s: out of memory", self->kind.name), false;
    return true;
}

void *optimizer_new(size_t bytes, struct optimizer_kind kind, ct_module *module, double lr)
{
    if (!module)
        return ct_ok() ? ct_fail("%s: module is NULL", kind.name) : NULL;
    ct_optimizer *self = object_new(bytes, optimizer_destroy);
    if (!self)
        return NULL;
    self->kind = kind;
    self->lr = lr;
    bool good = ct_module_each(module, collect, self);
    if (good && !self->count) {
        ct_fail("%s: the module (%s) has no parameters", kind.name, ct_module_kind(module));
        good = false;
    }
    if (good && add_moments(self))
        return self;
    object_drop(self);
    return NULL;
}

/* ---- A step ------------------------------------------------------------------------------------------------------ */
/* The gradient's elements in the parameter's memory order; copied where it lies otherwise. NULL: a failure. */
static const void *paired_elements(ct_tensor *parameter, ct_tensor *gradient)
{
    if (!tensor_same_order(parameter, gradient) || ct_dtype_of(parameter) != ct_dtype_of(gradient))
        gradient = ct_copy_(ct_zeros_like(parameter), gradient);
    return gradient ? tensor_elements(gradient) : NULL;
}

static bool prepare(ct_optimizer *self, size_t index, struct update *update)
{
    const struct parameter *p = &self->parameters[index];
    *update = (struct update){
        .p = tensor_elements(p->tensor),
        .first = p->first ? tensor_elements(p->first) : NULL,
        .second = p->second ? tensor_elements(p->second) : NULL,
        .gradient = paired_elements(p->tensor, ct_gradient(p->tensor)),
        .count = (size_t)ct_numel(p->tensor),
        .is_double = ct_dtype_of(p->tensor) == CT_FLOAT64,
    };
    self->kind.prepare(self, p->steps + 1, update);
    return update->gradient != NULL;
}

bool ct_step(ct_optimizer *self)
{
    if (!self) {
        if (ct_ok())
            ct_fail("step: optimizer is NULL");
        return false;
    }
    CT_SCOPE;
    CT_NO_GRAD;
    size_t count = 0;
    for (size_t i = 0; i < self->count; i++)
        if (ct_gradient(self->parameters[i].tensor) && ct_numel(self->parameters[i].tensor)) {
            if (!prepare(self, i, &self->updates[count]))
                return false;
            self->updated[count++] = i;
        }
    /* Nothing can fail from here on: all parameters move or none. */
    update_run(self->updates, count);
    for (size_t i = 0; i < count; i++) {
        struct parameter *p = &self->parameters[self->updated[i]];
        p->steps++;
        tensor_changed(p->tensor, self->kind.name);
    }
    self->steps++;
    return true;
}

void ct_optimizer_zero_grad(ct_optimizer *self)
{
    for (size_t i = 0; self && i < self->count; i++)
        ct_zero_gradient(self->parameters[i].tensor);
}

/* ---- The learning rate ------------------------------------------------------------------------------------------- */
double ct_optimizer_lr(const ct_optimizer *self)
{
    return self ? self->lr : NAN;
}

bool ct_optimizer_set_lr(ct_optimizer *self, double lr)
{
    if (!self) {
        if (ct_ok())
            ct_fail("optimizer_set_lr: optimizer is NULL");
        return false;
    }
    if (!optimizer_check(self->kind.name, "lr", lr))
        return false;
    self->lr = lr;
    return true;
}

int64_t ct_optimizer_steps(const ct_optimizer *self)
{
    return self ? self->steps : -1;
}
