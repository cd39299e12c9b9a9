/* An optimizer as parts of a file. Its tensors: PARAMETER.STATE, and PARAMETER.gradient while gradients gather; what each parameter and group
 * keeps beside them, /parameters and /groups; what the kind adds. Notes tell the kind, its options and the parameters, each list in order. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "autograd/memory.h"
#include "autograd/raw.h"
#include "optim/optimizer.h"

enum { PARAMETER_NUMBERS = 3 };                 /* group, steps, scalar */
enum { STEPS, SKIPPED, GATHERED, BATCHES, GUARD, OPTIMIZER_NUMBERS };
#define GRADIENT "gradient"

/* Names, a line each. NULL: no memory. */
static char *join(const ct_optimizer *self, bool parameters)
{
    size_t bytes = 1, used = 0;
    for (size_t i = 0; parameters ? i < self->count : self->kind.options[i].name != NULL; i++)
        bytes += strlen(parameters ? self->parameters[i].name : self->kind.options[i].name) + 1;
    char *text = heap_alloc(bytes);
    if (!text)
        return ct_fail("%s: out of memory", self->kind.name);
    text[0] = 0;
    for (size_t i = 0; parameters ? i < self->count : self->kind.options[i].name != NULL; i++)
        used += (size_t)snprintf(text + used, bytes - used, "%s\n", parameters ? self->parameters[i].name : self->kind.options[i].name);
    return text;
}

static size_t option_count(const ct_optimizer *self)
{
    size_t count = 0;
    while (self->kind.options[count].name)
        count++;
    return count;
}

static ct_tensor *matrix(const double *values, size_t rows, size_t columns)
{
    return (ct_from_array)(values, CT_FLOAT64, (const int64_t[]){(int64_t)rows, (int64_t)columns}, 2);
}

/* Whole numbers below 2^53 are exact in float64. */
static ct_tensor *parameter_numbers(const ct_optimizer *self)
{
    double *values = heap_zeroed(self->count, PARAMETER_NUMBERS * sizeof *values);
    if (!values)
        return ct_fail("%s: out of memory", self->kind.name);
    for (size_t i = 0; i < self->count; i++) {
        const struct parameter *p = &self->parameters[i];
        memcpy(&values[PARAMETER_NUMBERS * i], (double[]){p->group, (double)p->steps, p->scalar}, PARAMETER_NUMBERS * sizeof *values);
    }
    ct_tensor *t = matrix(values, self->count, PARAMETER_NUMBERS);
    heap_free(values);
    return t;
}

static ct_tensor *group_numbers(const ct_optimizer *self)
{
    const size_t options = option_count(self), columns = options + 1;
    double *values = heap_zeroed(self->group_count, columns * sizeof *values);
    if (!values)
        return ct_fail("%s: out of memory", self->kind.name);
    for (size_t g = 0; g < self->group_count; g++) {
        memcpy(&values[columns * g], self->groups[g].options, options * sizeof *values);
        values[columns * g + options] = self->groups[g].initial_lr;
    }
    ct_tensor *t = matrix(values, self->group_count, columns);
    heap_free(values);
    return t;
}

/* "0.weight.exp_avg", the caller's. */
static char *state_name(const struct parameter *p, const char *state)
{
    const size_t bytes = strlen(p->name) + strlen(state) + 2;
    char *name = heap_alloc(bytes);
    if (!name)
        return ct_fail("%s: out of memory", p->name);
    snprintf(name, bytes, "%s.%s", p->name, state);
    return name;
}

static bool list_state(const struct parameter *p, const char *state, ct_tensor *t, struct parts *parts)
{
    char *name = state_name(p, state);
    const bool good = name && parts_add(parts, name, t);
    heap_free(name);
    return good;
}

static bool list_tensors(const ct_optimizer *self, struct parts *parts)
{
    for (size_t i = 0; i < self->count; i++) {
        const struct parameter *p = &self->parameters[i];
        ct_tensor *gradient = self->gathered ? ct_gradient(p->tensor) : NULL;
        for (size_t k = 0; k < UPDATE_STATES; k++)
            if (p->states[k] && !list_state(p, self->kind.states[k], p->states[k], parts))
                return false;
        if (gradient && !list_state(p, GRADIENT, gradient, parts))
            return false;
    }
    const double numbers[] = {(double)self->steps, (double)self->skipped, (double)self->gathered, (double)self->batches, self->guard};
    return parts_add(parts, "/parameters", parameter_numbers(self)) && parts_add(parts, "/groups", group_numbers(self)) &&
           parts_add(parts, "/optimizer", matrix(numbers, 1, OPTIMIZER_NUMBERS)) && (!self->kind.list || self->kind.list(self, parts));
}

static bool list_names(const ct_optimizer *self, struct parts *parts, const char *key, bool parameters)
{
    char *names = join(self, parameters);
    const bool good = names && parts_note(parts, key, names);
    heap_free(names);
    return good;
}

bool optimizer_list(const ct_optimizer *self, struct parts *parts)
{
    CT_SCOPE;
    CT_NO_GRAD;
    return list_tensors(self, parts) && parts_note(parts, "optimizer", self->kind.name) && list_names(self, parts, "options", false) &&
           list_names(self, parts, "parameters", true) && parts_note(parts, "skip_reason", self->skip_reason);
}

static bool path_given(const char *call, const ct_optimizer *self, const char *path)
{
    if (!optimizer_given(call, self))
        return false;
    return path || ct_fail("%s: path is NULL", call);
}

bool ct_optimizer_save(const ct_optimizer *self, const char *path)
{
    if (!path_given("optimizer_save", self, path))
        return false;
    struct parts parts = {0};
    const bool saved = optimizer_list(self, &parts) && parts_write(&parts, path);
    parts_free(&parts);
    return saved;
}

/* ---- Restoring: everything is read and checked before anything changes -------------------------------------------------------- */
enum { PLACES = UPDATE_STATES + 1 };            /* a parameter's states, and its gradient */

struct restored {
    const double *parameters, *groups, *optimizer; /* the elements of tensors below */
    char skip_reason[sizeof((ct_optimizer *)0)->skip_reason];
    size_t count;
    ct_tensor *tensors[];                       /* kept, or NULL: numbers, then PLACES a parameter */
};
enum { NUMBERS = 3 };

static void drop_restored(void *value)
{
    struct restored *r = value;
    for (size_t i = 0; i < r->count; i++)
        ct_release(r->tensors[i]);
    heap_free(r);
}

static bool same_text(const ct_optimizer *self, const struct parts_source *from, const char *key, bool parameters)
{
    const char *found = parts_noted(from, key);
    char *want = join(self, parameters);
    const bool same = want && found && !strcmp(found, want);
    if (want && !same)
        ct_fail("%s: its %s are not those of this %s", from->name, key, self->kind.name);
    heap_free(want);
    return same;
}

static const double *read_numbers(const struct parts_source *from, const char *name, size_t rows, size_t columns, ct_tensor **place)
{
    ct_tensor *t = parts_read(from, name);
    if (!t)
        return NULL;
    if (ct_dtype_of(t) != CT_FLOAT64 || ct_rank(t) != 2 || ct_size(t, 0) != (int64_t)rows || ct_size(t, 1) != (int64_t)columns)
        return ct_fail("%s: %s has another form than here", from->name, name);
    return ct_data(*place = ct_keep(t));
}

static bool read_tensor(const struct parameter *p, const struct parts_source *from, const char *state, ct_tensor **place)
{
    CT_SCOPE;
    char *name = state_name(p, state);
    bool good = name != NULL;
    if (good && parts_has(from, name)) {
        ct_tensor *t = parts_read_like(from, name, p->tensor);
        *place = t ? ct_keep(ct_copy_(ct_zeros_like(p->tensor), t)) : NULL; /* in the parameter's memory order */
        good = *place != NULL;
    }
    heap_free(name);
    return good;
}

static bool read_tensors(const ct_optimizer *self, const struct parts_source *from, struct restored *r)
{
    for (size_t i = 0; i < self->count; i++) {
        const struct parameter *p = &self->parameters[i];
        ct_tensor **places = &r->tensors[NUMBERS + PLACES * i];
        for (size_t k = 0; k < UPDATE_STATES && self->kind.states[k]; k++)
            if (!read_tensor(p, from, self->kind.states[k], &places[k]))
                return false;
        if (!read_tensor(p, from, GRADIENT, &places[UPDATE_STATES]))
            return false;
        if (places[UPDATE_STATES] && !ct_requires_grad(p->tensor))
            return ct_fail("%s: gathers a gradient of %s, which wants none here", from->name, p->name) != NULL;
    }
    return true;
}

static bool check_numbers(const ct_optimizer *self, const char *path, const struct restored *r)
{
    const size_t columns = option_count(self) + 1;
    for (size_t g = 0; g < self->group_count; g++)
        if (!optimizer_check_options(self, &r->groups[columns * g])) {
            error_add(", in %s", path);
            return false;
        }
    for (size_t i = 0; i < self->count; i++) {
        const double *numbers = &r->parameters[PARAMETER_NUMBERS * i];
        if (numbers[0] != self->parameters[i].group)
            return ct_fail("%s: parameter %s is in group %g, here in %d", path, self->parameters[i].name, numbers[0],
                           self->parameters[i].group) != NULL;
        if (!(numbers[1] >= 0 && numbers[1] < 9e15) || !isfinite(numbers[2]))
            return ct_fail("%s: /parameters has numbers that no optimizer has", path) != NULL;
    }
    bool good = r->optimizer[BATCHES] >= 1 && r->optimizer[GATHERED] < r->optimizer[BATCHES] && r->optimizer[GUARD] <= 1;
    for (size_t i = 0; i < OPTIMIZER_NUMBERS; i++)
        good = good && r->optimizer[i] >= 0 && r->optimizer[i] < 9e15;
    return good || ct_fail("%s: /optimizer has numbers that no optimizer has", path) != NULL;
}

static void put_back(void *object, void *value)
{
    ct_optimizer *self = object;
    struct restored *r = value;
    const size_t options = option_count(self), columns = options + 1;
    for (size_t g = 0; g < self->group_count; g++) {
        memcpy(self->groups[g].options, &r->groups[columns * g], options * sizeof(double));
        self->groups[g].initial_lr = r->groups[columns * g + options];
    }
    for (size_t i = 0; i < self->count; i++) {
        struct parameter *p = &self->parameters[i];
        ct_tensor **places = &r->tensors[NUMBERS + PLACES * i];
        p->steps = (int64_t)r->parameters[PARAMETER_NUMBERS * i + 1];
        p->scalar = r->parameters[PARAMETER_NUMBERS * i + 2];
        for (size_t k = 0; k < UPDATE_STATES; k++) { /* what was here goes with r */
            ct_tensor *was = p->states[k];
            p->states[k] = places[k], places[k] = was;
        }
        if (places[UPDATE_STATES] || ct_gradient(p->tensor))
            tensor_take_gradient(p->tensor, places[UPDATE_STATES]);
        places[UPDATE_STATES] = NULL;
    }
    self->steps = (int64_t)r->optimizer[STEPS];
    self->skipped = (int64_t)r->optimizer[SKIPPED];
    self->gathered = (int64_t)r->optimizer[GATHERED];
    self->batches = (int64_t)r->optimizer[BATCHES];
    self->guard = r->optimizer[GUARD] != 0;
    self->keep_gradients = self->gathered > 0;
    memcpy(self->skip_reason, r->skip_reason, sizeof self->skip_reason);
}

static bool read_all(const ct_optimizer *self, const struct parts_source *from, struct restored *r)
{
    const char *kind = parts_noted(from, "optimizer"), *reason = parts_noted(from, "skip_reason");
    if (!kind || strcmp(kind, self->kind.name))
        return ct_fail("%s: state of %s%s, want one of %s", from->name, kind ? "the optimizer " : "no optimizer", kind ? kind : "",
                       self->kind.name) != NULL;
    snprintf(r->skip_reason, sizeof r->skip_reason, "%s", reason ? reason : "");
    return same_text(self, from, "options", false) && same_text(self, from, "parameters", true) &&
           (r->parameters = read_numbers(from, "/parameters", self->count, PARAMETER_NUMBERS, &r->tensors[0])) &&
           (r->groups = read_numbers(from, "/groups", self->group_count, option_count(self) + 1, &r->tensors[1])) &&
           (r->optimizer = read_numbers(from, "/optimizer", 1, OPTIMIZER_NUMBERS, &r->tensors[2])) && check_numbers(self, from->name, r) &&
           read_tensors(self, from, r);
}

bool optimizer_plan(ct_optimizer *self, const struct parts_source *from, struct plan *plan)
{
    CT_SCOPE;
    CT_NO_GRAD;
    const size_t count = NUMBERS + PLACES * self->count;
    struct restored *r = heap_zeroed(1, sizeof *r + count * sizeof *r->tensors);
    if (!r)
        return ct_fail("%s: out of memory", from->name) != NULL;
    r->count = count;
    if (read_all(self, from, r))
        return plan_add(plan, put_back, self, r, drop_restored) && (!self->kind.plan || self->kind.plan(self, from, plan));
    drop_restored(r);
    return false;
}

bool ct_optimizer_load(ct_optimizer *self, const char *path)
{
    if (!path_given("optimizer_load", self, path))
        return false;
    struct plan plan = {0};
    ct_tensor_file *file = ct_io_safetensors_open(path);
    const bool good = file && optimizer_plan(self, &(struct parts_source){.name = path, .file = file}, &plan);
    (ct_free)(file);
    return plan_end(&plan, good);
}

bool optimizer_put_back(ct_optimizer *self, const struct parts *memory)
{
    struct plan plan = {0};
    return plan_end(&plan, optimizer_plan(self, &(struct parts_source){.name = self->kind.name, .parts = memory}, &plan));
}
