/* A step: everything that can fail comes first, then one pass over all parameters. */
#include <math.h>
#include <stdio.h>

#include "autograd/profile.h"
#include "autograd/raw.h"
#include "optim/optimizer.h"

/* The gradient's elements in the parameter's memory order; copied where it lies otherwise. NULL: a failure. */
static const void *paired_elements(ct_tensor *parameter, ct_tensor *gradient)
{
    if (!tensor_same_order(parameter, gradient) || ct_dtype_of(parameter) != ct_dtype_of(gradient))
        gradient = ct_copy_(ct_zeros_like(parameter), gradient);
    return gradient ? tensor_elements(gradient) : NULL;
}

int64_t optimizer_gather(ct_optimizer *self)
{
    size_t count = 0, block = 0;
    for (size_t i = 0; i < self->count; i++) {
        struct parameter *p = &self->parameters[i];
        ct_tensor *gradient = ct_gradient(p->tensor);
        if (!gradient || !ct_numel(p->tensor))
            continue;
        struct update *u = &self->updates[count];
        *u = (struct update){
            .p = tensor_elements(p->tensor),
            .gradient = paired_elements(p->tensor, gradient),
            .count = (size_t)ct_numel(p->tensor),
            .is_double = ct_dtype_of(p->tensor) == CT_FLOAT64,
            .sums = self->sums + 2 * block,
        };
        if (!u->gradient)
            return -1;
        block += update_blocks(u->count);
        self->updated[count++] = p;
    }
    return (int64_t)count;
}

static bool prepare(ct_optimizer *self, struct parameter *p, struct update *u)
{
    const double *options = self->groups[p->group].options;
    if (!optimizer_ensure_states(self, p))
        return false;
    for (size_t k = 0; k < UPDATE_STATES; k++)
        u->states[k] = p->states[k] ? tensor_elements(p->states[k]) : NULL;
    u->n = (struct update_numbers){
        .sign = (options[MAXIMIZE] != 0 ? -1.0 : 1.0) / (double)self->batches,
        .decay = options[WEIGHT_DECAY],
        .shrink = 1,
        .rate = options[LR],
    };
    p->next_scalar = p->scalar;
    return self->kind.prepare(self, p, options, p->steps + 1, u);
}

/* Whether all gradients are finite; otherwise the step is skipped, and why is written down. */
static bool all_finite(ct_optimizer *self, size_t count)
{
    update_norms(self->updates, count, INFINITY);
    for (size_t i = 0; i < count; i++)
        for (size_t block = 0; block < update_blocks(self->updates[i].count); block++)
            if (!isfinite(self->updates[i].sums[2 * block])) {
                self->skipped++;
                snprintf(self->skip_reason, sizeof self->skip_reason, "step %lld: the gradient of %s is not finite",
                         (long long)self->steps + 1, self->updated[i]->name);
                return false;
            }
    return true;
}

static bool step_all(ct_optimizer *self)
{
    CT_SCOPE;
    CT_NO_GRAD;
    const int64_t found = optimizer_gather(self);
    if (found < 0)
        return false;
    const size_t count = (size_t)found;
    if (self->guard && !all_finite(self, count))
        return true;
    for (size_t i = 0; i < count; i++)
        if (!prepare(self, self->updated[i], &self->updates[i]))
            return false;
    /* Nothing of ours can fail from here on: all parameters move or none. */
    if (!self->kind.run)
        update_run(self->updates, count);
    else if (!self->kind.run(self, self->updates, count))
        return false;
    for (size_t i = 0; i < count; i++) {
        struct parameter *p = self->updated[i];
        p->steps++;
        p->scalar = p->next_scalar;
        tensor_changed(p->tensor, self->kind.name);
        for (size_t k = 0; k < UPDATE_STATES; k++)
            if (self->updates[i].states[k] && p->states[k])
                tensor_changed(p->states[k], self->kind.name);
    }
    self->steps++;
    for (size_t i = 0; i < count; i++)
        if (!anomaly_step(self->kind.name, self->updated[i]->name, self->updated[i]->tensor))
            return false;
    return true;
}

bool ct_step(ct_optimizer *self)
{
    if (!optimizer_given("step", self))
        return false;
    if (self->kind.step)
        return ct_fail("%s: a step wants a closure (ct_step_closure)", self->kind.name) != NULL;
    if (self->gathered + 1 < self->batches) {
        self->gathered++;
        self->keep_gradients = true;
        return true;
    }
    PROFILE_SPAN("step");
    if (!step_all(self))
        return false;
    self->gathered = 0;
    self->keep_gradients = false;
    return true;
}

double ct_step_closure(ct_optimizer *self, ct_closure *closure, void *context)
{
    if (!optimizer_given("step_closure", self))
        return NAN;
    if (!closure)
        return ct_fail("%s: closure is NULL", self->kind.name), NAN;
    if (self->kind.step)
        return self->kind.step(self, closure, context);
    const uint64_t failures = error_count();
    const double loss = closure(context);
    return failures == error_count() && ct_step(self) ? loss : NAN;
}

void ct_optimizer_zero_grad(ct_optimizer *self)
{
    if (!self || self->keep_gradients)
        return;
    PROFILE_SPAN("zero_grad");
    for (size_t i = 0; i < self->count; i++)
        ct_zero_gradient(self->parameters[i].tensor);
}

/* ---- Gathering and guarding ------------------------------------------------------------------------------------------------ */
bool ct_optimizer_accumulate(ct_optimizer *self, int64_t batches)
{
    if (!optimizer_given("optimizer_accumulate", self))
        return false;
    if (self->kind.step)
        return ct_fail("%s: cannot accumulate: its closure makes the gradients", self->kind.name) != NULL;
    if (batches < 1)
        return ct_fail("%s: accumulate %lld batches: want at least 1", self->kind.name, (long long)batches) != NULL;
    self->batches = batches;
    self->gathered = 0;
    self->keep_gradients = false;
    return true;
}

bool ct_optimizer_guard(ct_optimizer *self, bool on)
{
    if (!optimizer_given("optimizer_guard", self))
        return false;
    if (self->kind.step)
        return ct_fail("%s: has no guard: its line search looks at losses itself", self->kind.name) != NULL;
    self->guard = on;
    return true;
}

int64_t ct_optimizer_skipped(const ct_optimizer *self)
{
    return self ? self->skipped : -1;
}

const char *ct_optimizer_skip_reason(const ct_optimizer *self)
{
    return self ? self->skip_reason : "";
}
