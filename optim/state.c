/* An optimizer as a safetensors file. Its tensors: PARAMETER.STATE; what each parameter and group keeps beside them, /parameters and
 * /groups; what the kind adds. Metadata tell the kind, its options and the parameters, each list in order. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "autograd/memory.h"
#include "autograd/raw.h"
#include "nn/module.h"
#include "optim/optimizer.h"

enum { PARAMETER_NUMBERS = 3, OPTIMIZER_NUMBERS = 3 }; /* group, steps, scalar; steps, skipped, gathered */

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

static char *state_name(const ct_optimizer *self, const struct parameter *p, size_t k)
{
    const size_t bytes = strlen(p->name) + strlen(self->kind.states[k]) + 2;
    char *name = heap_alloc(bytes);
    if (!name)
        return ct_fail("%s: out of memory", self->kind.name);
    snprintf(name, bytes, "%s.%s", p->name, self->kind.states[k]);
    return name;
}

/* Everything there is to keep, in the innermost scope; names without a slash in front are the caller's to free. 0: a failure. */
static size_t list_all(const ct_optimizer *self, ct_named_tensor *tensors)
{
    size_t count = 0, named;
    for (size_t i = 0; i < self->count; i++)
        for (size_t k = 0; k < UPDATE_STATES; k++)
            if (self->parameters[i].states[k]) {
                tensors[count].tensor = self->parameters[i].states[k];
                if (!(tensors[count++].name = state_name(self, &self->parameters[i], k)))
                    return 0;
            }
    named = count;
    tensors[count++] = (ct_named_tensor){"/parameters", parameter_numbers(self)};
    tensors[count++] = (ct_named_tensor){"/groups", group_numbers(self)};
    tensors[count++] = (ct_named_tensor){
        "/optimizer", matrix((double[]){(double)self->steps, (double)self->skipped, (double)self->gathered}, 1, OPTIMIZER_NUMBERS)};
    if (self->kind.list)
        count += self->kind.list(self, tensors + count);
    for (size_t i = named; i < count; i++)
        if (!tensors[i].tensor)
            return 0;
    return count;
}

static size_t most_tensors(const ct_optimizer *self)
{
    return UPDATE_STATES * self->count + 3 + MOST_EXTRA;
}

static void free_names(ct_named_tensor *tensors, size_t room)
{
    for (size_t i = 0; tensors && i < room && tensors[i].name && tensors[i].name[0] != '/'; i++)
        heap_free((char *)(uintptr_t)tensors[i].name);
}

static bool write_all(const ct_optimizer *self, const char *path, ct_named_tensor *tensors, const char *options, const char *parameters)
{
    CT_SCOPE;
    CT_NO_GRAD;
    const size_t count = list_all(self, tensors);
    const ct_metadata metadata[] = {{"optimizer", self->kind.name}, {"options", options}, {"parameters", parameters}};
    return count && ct_io_safetensors_write(path, tensors, count, metadata, sizeof metadata / sizeof *metadata);
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
    ct_named_tensor *tensors = heap_zeroed(most_tensors(self), sizeof *tensors);
    char *options = join(self, false), *parameters = join(self, true);
    bool saved = tensors && options && parameters && write_all(self, path, tensors, options, parameters);
    if (!tensors)
        ct_fail("%s: out of memory", self->kind.name);
    free_names(tensors, most_tensors(self));
    heap_free(tensors), heap_free(options), heap_free(parameters);
    return saved;
}

/* ---- Restoring: everything is read and checked before anything changes -------------------------------------------------------- */
struct restored {
    const double *parameters, *groups, *optimizer; /* borrowed from tensors of the scope */
    ct_tensor **states;                         /* UPDATE_STATES a parameter, in the scope */
};

static bool same_text(const ct_optimizer *self, ct_tensor_file *file, const char *path, const char *key, bool parameters)
{
    const char *found = ct_tensor_file_metadata(file, key);
    char *want = join(self, parameters);
    const bool same = want && found && !strcmp(found, want);
    if (want && !same)
        ct_fail("%s: its %s are not those of this %s", path, key, self->kind.name);
    heap_free(want);
    return same;
}

static const ct_named_tensor *find(const struct optimizer_source *from, const char *name)
{
    for (size_t i = 0; i < from->count; i++)
        if (!strcmp(from->tensors[i].name, name))
            return &from->tensors[i];
    return NULL;
}

ct_tensor *optimizer_read(const struct optimizer_source *from, const char *name)
{
    if (from->file)
        return ct_tensor_file_read(from->file, name);
    const ct_named_tensor *found = find(from, name);
    return found ? found->tensor : ct_fail("%s: no tensor %s", from->name, name);
}

static bool has(const struct optimizer_source *from, const char *name)
{
    return from->file ? ct_tensor_file_has(from->file, name) : find(from, name) != NULL;
}

static const double *read_numbers(const struct optimizer_source *from, const char *name, size_t rows, size_t columns)
{
    ct_tensor *t = optimizer_read(from, name);
    if (!t)
        return NULL;
    if (ct_dtype_of(t) != CT_FLOAT64 || ct_rank(t) != 2 || ct_size(t, 0) != (int64_t)rows || ct_size(t, 1) != (int64_t)columns)
        return ct_fail("%s: %s has another form than here", from->name, name);
    return ct_data(t);
}

static ct_tensor *read_state(const struct parameter *p, const struct optimizer_source *from, const char *name)
{
    ct_tensor *t = optimizer_read(from, name);
    if (!t)
        return NULL;
    bool same = ct_dtype_of(t) == ct_dtype_of(p->tensor) && ct_rank(t) == ct_rank(p->tensor);
    for (int axis = 0; same && axis < ct_rank(t); axis++)
        same = ct_size(t, axis) == ct_size(p->tensor, axis);
    if (!same) {
        char a[MODULE_PATH_BYTES], b[MODULE_PATH_BYTES];
        return ct_fail("%s: %s is %s %s, the parameter %s %s", from->name, name, ct_dtype_name(ct_dtype_of(t)), module_shape_text(a, t),
                       ct_dtype_name(ct_dtype_of(p->tensor)), module_shape_text(b, p->tensor));
    }
    return ct_copy_(ct_zeros_like(p->tensor), t); /* in the parameter's memory order */
}

static bool read_states(const ct_optimizer *self, const struct optimizer_source *from, ct_tensor **states)
{
    for (size_t i = 0; i < self->count; i++)
        for (size_t k = 0; k < UPDATE_STATES && self->kind.states[k]; k++) {
            char *name = state_name(self, &self->parameters[i], k);
            bool good = name != NULL;
            if (good && has(from, name))
                good = (states[UPDATE_STATES * i + k] = read_state(&self->parameters[i], from, name)) != NULL;
            heap_free(name);
            if (!good)
                return false;
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
    for (size_t i = 0; i < OPTIMIZER_NUMBERS; i++)
        if (!(r->optimizer[i] >= 0 && r->optimizer[i] < 9e15))
            return ct_fail("%s: /optimizer has numbers that no optimizer has", path) != NULL;
    return true;
}

static void commit(ct_optimizer *self, const struct restored *r)
{
    const size_t options = option_count(self), columns = options + 1;
    for (size_t g = 0; g < self->group_count; g++) {
        memcpy(self->groups[g].options, &r->groups[columns * g], options * sizeof(double));
        self->groups[g].initial_lr = r->groups[columns * g + options];
    }
    for (size_t i = 0; i < self->count; i++) {
        struct parameter *p = &self->parameters[i];
        p->steps = (int64_t)r->parameters[PARAMETER_NUMBERS * i + 1];
        p->scalar = r->parameters[PARAMETER_NUMBERS * i + 2];
        for (size_t k = 0; k < UPDATE_STATES; k++) {
            ct_release(p->states[k]);
            p->states[k] = ct_keep(r->states[UPDATE_STATES * i + k]);
        }
    }
    self->steps = (int64_t)r->optimizer[0];
    self->skipped = (int64_t)r->optimizer[1];
    self->gathered = 0;                         /* gradients are not saved */
    self->keep_gradients = false;
}

static bool restore_into(ct_optimizer *self, const struct optimizer_source *from, ct_tensor **states)
{
    struct restored r = {.states = states};
    if (!(r.parameters = read_numbers(from, "/parameters", self->count, PARAMETER_NUMBERS)) ||
        !(r.groups = read_numbers(from, "/groups", self->group_count, option_count(self) + 1)) ||
        !(r.optimizer = read_numbers(from, "/optimizer", 1, OPTIMIZER_NUMBERS)) || !check_numbers(self, from->name, &r) ||
        !read_states(self, from, states) || (self->kind.restore && !self->kind.restore(self, from)))
        return false;
    commit(self, &r);
    return true;
}

static bool restore(ct_optimizer *self, const struct optimizer_source *from)
{
    CT_SCOPE;
    CT_NO_GRAD;
    ct_tensor **states = heap_zeroed(UPDATE_STATES * self->count, sizeof(ct_tensor *));
    const bool good = states ? restore_into(self, from, states) : ct_fail("%s: out of memory", from->name) != NULL;
    heap_free(states);
    return good;
}

static bool same_optimizer(const ct_optimizer *self, ct_tensor_file *file, const char *path)
{
    const char *kind = ct_tensor_file_metadata(file, "optimizer");
    if (!kind || strcmp(kind, self->kind.name))
        return ct_fail("%s: state of %s%s, want one of %s", path, kind ? "the optimizer " : "no optimizer", kind ? kind : "", self->kind.name) != NULL;
    return same_text(self, file, path, "options", false) && same_text(self, file, path, "parameters", true);
}

bool ct_optimizer_load(ct_optimizer *self, const char *path)
{
    if (!path_given("optimizer_load", self, path))
        return false;
    ct_tensor_file *file = ct_io_safetensors_open(path);
    const bool good = file && same_optimizer(self, file, path) && restore(self, &(struct optimizer_source){.name = path, .file = file});
    (ct_free)(file);
    return good;
}

/* ---- The same in memory ------------------------------------------------------------------------------------------------------ */
bool optimizer_remember(const ct_optimizer *self, struct optimizer_source *memory)
{
    CT_SCOPE;
    CT_NO_GRAD;
    *memory = (struct optimizer_source){.name = self->kind.name, .tensors = heap_zeroed(most_tensors(self), sizeof *memory->tensors)};
    if (!memory->tensors)
        return ct_fail("%s: out of memory", self->kind.name) != NULL;
    const size_t count = list_all(self, memory->tensors);
    bool good = count > 0;
    for (size_t i = 0; i < most_tensors(self); i++) /* what list_all left behind on a failure is not ours */
        memory->tensors[i].tensor = good && i < count ? ct_keep(ct_clone(ct_detach(memory->tensors[i].tensor))) : NULL;
    memory->count = count;
    for (size_t i = 0; i < count; i++)
        good = good && memory->tensors[i].tensor;
    if (!good)
        optimizer_forget(self, memory);
    return good;
}

bool optimizer_put_back(ct_optimizer *self, const struct optimizer_source *memory)
{
    return restore(self, memory);
}

void optimizer_forget(const ct_optimizer *self, struct optimizer_source *memory)
{
    free_names(memory->tensors, most_tensors(self));
    for (size_t i = 0; i < memory->count; i++)
        ct_release(memory->tensors[i].tensor);
    heap_free(memory->tensors);
    *memory = (struct optimizer_source){0};
}
