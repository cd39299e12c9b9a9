/* Making an optimizer: parameters, their states, groups of options. */
#include "optim/optimizer.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "autograd/memory.h"
#include "autograd/raw.h"

bool optimizer_given(const char *call, const ct_optimizer *self)
{
    if (!self && ct_ok())
        ct_fail("%s: optimizer is NULL", call);
    return self;
}

/* ---- Options ------------------------------------------------------------------------------------------------------------ */
static bool check_option(const char *name, struct option option, double value)
{
    bool good = isfinite(value);
    const char *want = "a finite number";
    switch (option.check) {
    case AT_LEAST_0:
        good = good && value >= 0, want = value < 0 ? "at least 0" : want;
        break;
    case BETA:
        good = value >= 0 && value < 1, want = "at least 0 and below 1";
        break;
    case BETA_OR_1:
        good = value >= 0 && value <= 1, want = "0 to 1";
        break;
    case SWITCH:
        good = value == 0 || value == 1, want = "0 or 1";
        break;
    case ANY:
        break;
    }
    if (good)
        return true;
    return ct_fail("%s: %s %g: want %s", name, option.name, value, want) != NULL;
}

bool optimizer_check_options(const ct_optimizer *self, const double *options)
{
    for (size_t i = 0; self->kind.options[i].name; i++)
        if (!check_option(self->kind.name, self->kind.options[i], options[i]))
            return false;
    return !self->kind.check || self->kind.check(self->kind.name, options);
}

/* ---- Parameters ---------------------------------------------------------------------------------------------------------- */
static void drop_parameter(struct parameter *p)
{
    heap_free(p->name);
    ct_release(p->tensor);
    for (size_t k = 0; k < UPDATE_STATES; k++)
        ct_release(p->states[k]);
}

static void optimizer_destroy(void *object)
{
    ct_optimizer *self = object;
    if (self->kind.destroy)
        self->kind.destroy(self);
    for (size_t i = 0; i < self->count; i++)
        drop_parameter(&self->parameters[i]);
    heap_free(self->parameters);
    heap_free(self->groups);
    heap_free(self->updates);
    heap_free(self->updated);
    heap_free(self->sums);
}

struct collecting {
    ct_optimizer *self;
    const char *only;
    size_t before;                              /* a parameter among these is in another group already */
    int group;
};

/* Names must differ: they are those of a file. */
static char *own_name(const ct_optimizer *self, const char *name, int group)
{
    char longer[600];
    for (size_t i = 0; i < self->count; i++)
        if (!strcmp(self->parameters[i].name, name)) {
            snprintf(longer, sizeof longer, "group%d.%s", group, name);
            return heap_copy_text(longer);
        }
    return heap_copy_text(name);
}

static bool collect(const char *name, ct_tensor *tensor, bool is_parameter, void *context)
{
    const struct collecting *c = context;
    ct_optimizer *self = c->self;
    if (!is_parameter || (c->only && !name_fits(c->only, name)))
        return true;
    for (size_t i = 0; i < self->count; i++)
        if (self->parameters[i].tensor == tensor)  /* shared by two layers: one step moves it once */
            return i >= c->before || ct_fail("%s: parameter %s is in group %d already", self->kind.name, name, self->parameters[i].group);
    struct parameter *parameters = heap_resize(self->parameters, (self->count + 1) * sizeof *parameters);
    if (parameters)
        self->parameters = parameters;
    char *copy = parameters ? own_name(self, name, c->group) : NULL;
    if (!copy)
        return ct_fail("%s: out of memory", self->kind.name) != NULL;
    struct parameter *p = &parameters[self->count++];
    *p = (struct parameter){.name = copy, .tensor = ct_keep(tensor), .group = c->group};
    return !self->kind.check_parameter || self->kind.check_parameter(self->kind.name, p);
}

/* Calls visit and returns its verdict; ct_fail gives NULL, so a failing visit is false. */
static bool collect_all(struct collecting *c, ct_module *module)
{
    c->before = c->self->count;
    if (!ct_module_each(module, collect, c))
        return false;
    if (c->self->count > c->before)
        return true;
    const char *name = c->self->kind.name;
    if (c->only)
        return ct_fail("%s: no parameter of the module (%s) fits \"%s\"", name, ct_module_kind(module), c->only) != NULL;
    return ct_fail("%s: the module (%s) has no parameters", name, ct_module_kind(module)) != NULL;
}

bool optimizer_ensure_states(ct_optimizer *self, struct parameter *p)
{
    const unsigned wanted = self->kind.states_for ? self->kind.states_for(self->groups[p->group].options) : ~0u;
    for (size_t k = 0; k < UPDATE_STATES && self->kind.states[k]; k++)
        if (wanted >> k & 1 && !p->states[k] && !(p->states[k] = ct_keep(ct_zeros_like(p->tensor))))
            return false;
    return true;
}

/* Room for a step over all parameters. */
static bool make_room(ct_optimizer *self)
{
    size_t blocks = 0;
    for (size_t i = 0; i < self->count; i++)
        blocks += update_blocks((size_t)ct_numel(self->parameters[i].tensor));
    struct update *updates = heap_zeroed(self->count, sizeof *updates);
    struct parameter **updated = heap_zeroed(self->count, sizeof(struct parameter *));
    double *sums = heap_zeroed(2 * blocks + 1, sizeof *sums);
    if (!updates || !updated || !sums) {
        heap_free(updates), heap_free(updated), heap_free(sums);
        return ct_fail("%s: out of memory", self->kind.name) != NULL;
    }
    heap_free(self->updates), heap_free(self->updated), heap_free(self->sums);
    self->updates = updates, self->updated = updated, self->sums = sums;
    return true;
}

static bool make_states(ct_optimizer *self, size_t from)
{
    CT_SCOPE;
    CT_NO_GRAD;
    for (size_t i = from; i < self->count; i++)
        if (!optimizer_ensure_states(self, &self->parameters[i]))
            return false;
    return make_room(self);
}

void *optimizer_new(size_t bytes, const struct optimizer_kind *kind, ct_module *module, const double *options, const char *only,
                    const char *no_decay)
{
    if (!module)
        return ct_ok() ? ct_fail("%s: module is NULL", kind->name) : NULL;
    ct_optimizer *self = object_new(bytes, optimizer_destroy);
    if (!self)
        return NULL;
    self->kind = *kind;
    self->batches = 1;
    self->groups = heap_zeroed(1, sizeof *self->groups);
    if (!self->groups)
        ct_fail("%s: out of memory", kind->name);
    if (self->groups && optimizer_check_options(self, options)) {
        size_t count = 0;
        while (kind->options[count].name)
            count++;
        memcpy(self->groups->options, options, count * sizeof *options);
        self->groups->initial_lr = NAN;
        self->group_count = 1;
        if (collect_all(&(struct collecting){.self = self, .only = only}, module) && make_states(self, 0)) {
            int group = no_decay ? ct_optimizer_group(self, no_decay) : 0;
            if (!no_decay || (group > 0 && ct_optimizer_set(self, group, "weight_decay", 0)))
                return self;
        }
    }
    object_drop(self);
    return NULL;
}

/* ---- Groups -------------------------------------------------------------------------------------------------------------- */
static int new_group(ct_optimizer *self)        /* with the options of group 0 */
{
    struct group *groups = heap_resize(self->groups, (self->group_count + 1) * sizeof *groups);
    if (!groups) {
        ct_fail("%s: out of memory", self->kind.name);
        return -1;
    }
    self->groups = groups;
    groups[self->group_count] = groups[0];
    return (int)self->group_count++;
}

static bool one_group_only(const ct_optimizer *self)
{
    if (self->kind.step)
        ct_fail("%s: has one group only", self->kind.name);
    return self->kind.step != NULL;
}

int ct_optimizer_group(ct_optimizer *self, const char *pattern)
{
    if (!optimizer_given("optimizer_group", self) || one_group_only(self))
        return -1;
    if (!pattern)
        return ct_fail("%s: group: pattern is NULL", self->kind.name), -1;
    size_t fitting = 0;
    for (size_t i = 0; i < self->count; i++)
        if (name_fits(pattern, self->parameters[i].name)) {
            fitting++;
            if (self->parameters[i].group)
                return ct_fail("%s: parameter %s of \"%s\" is in group %d already", self->kind.name, self->parameters[i].name, pattern,
                               self->parameters[i].group), -1;
        }
    if (!fitting)
        return ct_fail("%s: no parameter fits \"%s\"", self->kind.name, pattern), -1;
    const int group = new_group(self);
    for (size_t i = 0; group > 0 && i < self->count; i++)
        if (name_fits(pattern, self->parameters[i].name))
            self->parameters[i].group = group;
    return group;
}

int ct_optimizer_add(ct_optimizer *self, ct_module *module)
{
    if (!optimizer_given("optimizer_add", self) || one_group_only(self))
        return -1;
    if (!module) {
        if (ct_ok())
            ct_fail("%s: module is NULL", self->kind.name);
        return -1;
    }
    const size_t before = self->count;
    const int group = new_group(self);
    if (group > 0 && collect_all(&(struct collecting){.self = self, .group = group}, module) && make_states(self, before))
        return group;
    while (self->count > before)
        drop_parameter(&self->parameters[--self->count]);
    if (group > 0)
        self->group_count--;
    return -1;
}

int ct_optimizer_groups(const ct_optimizer *self)
{
    return self ? (int)self->group_count : -1;
}

static int find_option(const ct_optimizer *self, int group, const char *option)
{
    if (group >= (int)self->group_count || group < CT_ALL_GROUPS)
        return ct_fail("%s: group %d of %zu", self->kind.name, group, self->group_count), -1;
    for (int i = 0; option && self->kind.options[i].name; i++)
        if (!strcmp(option, self->kind.options[i].name))
            return i;
    return ct_fail("%s: has no option %s", self->kind.name, option ? option : "(NULL)"), -1;
}

bool ct_optimizer_set(ct_optimizer *self, int group, const char *option, double value)
{
    const int which = optimizer_given("optimizer_set", self) ? find_option(self, group, option) : -1;
    if (which < 0)
        return false;
    const size_t begin = group < 0 ? 0 : (size_t)group, end = group < 0 ? self->group_count : begin + 1;
    for (size_t g = begin; g < end; g++) {      /* all are checked before one is changed */
        double options[MOST_OPTIONS];
        memcpy(options, self->groups[g].options, sizeof options);
        options[which] = value;
        if (!optimizer_check_options(self, options))
            return false;
    }
    for (size_t g = begin; g < end; g++)
        self->groups[g].options[which] = value;
    return true;
}

double ct_optimizer_get(const ct_optimizer *self, int group, const char *option)
{
    const int which = optimizer_given("optimizer_get", self) ? find_option(self, group, option) : -1;
    return which < 0 ? NAN : self->groups[group < 0 ? 0 : group].options[which];
}

double ct_optimizer_lr(const ct_optimizer *self)
{
    return self ? self->groups->options[LR] : NAN;
}

bool ct_optimizer_set_lr(ct_optimizer *self, double lr)
{
    return optimizer_given("optimizer_set_lr", self) && ct_optimizer_set(self, CT_ALL_GROUPS, "lr", lr);
}

/* ---- Looking ------------------------------------------------------------------------------------------------------------- */
int64_t ct_optimizer_steps(const ct_optimizer *self)
{
    return self ? self->steps : -1;
}

ct_tensor *ct_optimizer_state(const ct_optimizer *self, const char *parameter, const char *state)
{
    for (size_t k = 0; self && parameter && state && k < UPDATE_STATES && self->kind.states[k]; k++)
        if (!strcmp(self->kind.states[k], state))
            for (size_t i = 0; i < self->count; i++)
                if (!strcmp(self->parameters[i].name, parameter))
                    return self->parameters[i].states[k];
    return NULL;
}
