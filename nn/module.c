/* The base of all modules: named parts, a mode, and a forward in a scope of its own. */
#include "nn/module.h"

#include <stdarg.h>
#include <string.h>

#include "autograd/memory.h"
#include "autograd/place.h"
#include "autograd/profile.h"
#include "autograd/raw.h"

/* ---- Making and freeing ------------------------------------------------------------------------------------------ */
static void module_destroy(void *object)
{
    ct_module *self = object;
    for (size_t i = 0; i < self->count; i++) {
        ct_release(self->entries[i].tensor);
        if (self->entries[i].child)
            self->entries[i].child->parent = NULL;
        object_drop(self->entries[i].child);
    }
    heap_free(self->entries);
    if (self->type)
        settings_free(self->type, self->settings);
}

ct_module *ct_module_new(const char *kind, ct_module_forward *forward, size_t state_bytes)
{
    if (!kind || !*kind || strlen(kind) >= MODULE_NAME_BYTES)
        return ct_fail("module: kind \"%s\": want 1 to %d characters", kind ? kind : "", MODULE_NAME_BYTES - 1);
    size_t bytes;
    if (__builtin_add_overflow(sizeof(ct_module), state_bytes, &bytes))
        return ct_fail("%s: a state of %zu bytes is too large", kind, state_bytes);
    ct_module *self = object_new(bytes, module_destroy);
    if (!self)
        return NULL;
    strcpy(self->kind, kind);
    self->forward = forward;
    self->training = true;
    return self;
}

void *ct_module_state(const ct_module *self)
{
    return self ? (void *)(uintptr_t)self->state : NULL;
}

ct_module *ct_module_ready(ct_module *self)
{
    if (!self) {
        if (ct_ok())
            ct_fail("module_ready: module is NULL");
        return NULL;
    }
    if (!self->failed)
        return self;
    object_drop(self);
    return NULL;
}

ct_module *ct_module_ready_as(ct_module *self, const ct_module_type *type, const void *settings)
{
    self = ct_module_ready(self);
    if (!self)
        return NULL;
    if (!type || !type->kind || strcmp(type->kind, self->kind) || self->type)
        ct_fail("%s: ready_as: the type is %s", self->kind, self->type ? "known already" : type && type->kind ? "another's" : "NULL");
    else if (!(self->settings = settings_copy(type, settings)))
        ct_fail("%s: out of memory", self->kind);
    else {
        self->type = type;
        self->made_of = self->count;
        return self;
    }
    object_drop(self);
    return NULL;
}

void ct_module_describe(ct_module *self, const char *format, ...)
{
    if (!self || !format)
        return;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(self->description, sizeof self->description, format, arguments);
    va_end(arguments);
}

/* ---- Adding parts ------------------------------------------------------------------------------------------------ */
static void *fail_part(ct_module *self)
{
    if (self)
        self->failed = true;
    return NULL;
}

static bool check_part(const ct_module *self, const char *what, const char *name, const void *part)
{
    if (!self || !part) {
        if (ct_ok() && !self)
            ct_fail("module: NULL was given a %s \"%s\"", what, name ? name : "");
        else if (ct_ok())
            ct_fail("%s: %s \"%s\" is NULL", self->kind, what, name ? name : "");
        return false;
    }
    if (!name || !*name || strlen(name) >= MODULE_NAME_BYTES || strchr(name, '.')) {
        ct_fail("%s: %s \"%.80s\": want a name of 1 to %d characters without a dot", self->kind, what, name ? name : "",
                MODULE_NAME_BYTES - 1);
        return false;
    }
    for (size_t i = 0; i < self->count; i++)
        if (!strcmp(self->entries[i].name, name)) {
            ct_fail("%s: %s \"%s\": the name is taken", self->kind, what, name);
            return false;
        }
    return true;
}

static struct module_entry *new_entry(ct_module *self, const char *name)
{
    if (self->count == self->room) {
        size_t room = self->room ? 2 * self->room : 4;
        struct module_entry *entries = heap_resize(self->entries, room * sizeof *entries);
        if (!entries)
            return ct_fail("%s: out of memory", self->kind);
        self->entries = entries, self->room = room;
    }
    struct module_entry *entry = &self->entries[self->count++];
    *entry = (struct module_entry){0};
    strcpy(entry->name, name);
    return entry;
}

/* Kernels that update in place want memory without gaps. */
static ct_tensor *dense(ct_tensor *t)
{
    if (ct_numel(t) == 0 || tensor_elements(t))
        return t;
    CT_NO_GRAD;
    return ct_clone(t);
}

static ct_tensor *add_tensor(ct_module *self, const char *name, ct_tensor *initial, bool is_parameter)
{
    CT_SCOPE;
    ct_tensor *t = dense(initial);
    if (t && is_parameter)
        t = ct_require_grad(t, true);
    struct module_entry *entry = t ? new_entry(self, name) : NULL;
    if (!entry)
        return fail_part(self);
    entry->tensor = ct_keep(t);
    entry->is_parameter = is_parameter;
    return t;
}

ct_tensor *ct_module_add_parameter(ct_module *self, const char *name, ct_tensor *initial)
{
    if (!check_part(self, "parameter", name, initial))
        return fail_part(self);
    if (!ct_is_leaf(initial))
        ct_fail("%s: parameter \"%s\" was made by a recorded op: want a leaf", self->kind, name);
    else if (ct_dtype_of(initial) != CT_FLOAT32 && ct_dtype_of(initial) != CT_FLOAT64)
        ct_fail("%s: parameter \"%s\" is %s: want float32 or float64", self->kind, name,
                ct_dtype_name(ct_dtype_of(initial)));
    else
        return add_tensor(self, name, initial, true);
    return fail_part(self);
}

ct_tensor *ct_module_add_buffer(ct_module *self, const char *name, ct_tensor *initial)
{
    if (!check_part(self, "buffer", name, initial))
        return fail_part(self);
    if (ct_requires_grad(initial)) {
        ct_fail("%s: buffer \"%s\" wants a gradient: it would not be trained", self->kind, name);
        return fail_part(self);
    }
    return add_tensor(self, name, initial, false);
}

ct_tensor *module_add_table(ct_module *self, const char *name, ct_tensor *values)
{
    ct_tensor *t = ct_module_add_buffer(self, name, values);
    if (t)
        self->entries[self->count - 1].is_table = true;
    return t;
}

static void forget_place(ct_module *module)     /* its path is another now */
{
    module->place = 0;
    for (size_t i = 0; i < module->count; i++)
        if (module->entries[i].child)
            forget_place(module->entries[i].child);
}

ct_module *ct_module_add_child(ct_module *self, const char *name, ct_module *child)
{
    for (ct_module *m = self; m && child; m = m->parent)
        if (m == child) {
            ct_fail("%s: child \"%s\" is the module itself or one above it", self->kind, name ? name : "");
            return fail_part(self);
        }
    if (child && child->parent) {               /* its parent frees it, whatever comes of this call */
        ct_fail("%s: child \"%s\", a %s, is part of a module already", self ? self->kind : "module", name ? name : "",
                child->kind);
        return fail_part(self);
    }
    struct module_entry *entry = check_part(self, "child", name, child) ? new_entry(self, name) : NULL;
    if (!entry) {
        object_drop(child);
        return fail_part(self);
    }
    entry->child = child;
    child->parent = self;
    forget_place(child);
    child->object.is_part = true;
    return child;
}

/* ---- Forward ----------------------------------------------------------------------------------------------------- */
const char *module_path(const ct_module *module, char text[MODULE_PATH_BYTES])
{
    if (!module->parent)
        return strcpy(text, "");
    module_path(module->parent, text);
    const size_t used = strlen(text);
    for (size_t i = 0; i < module->parent->count; i++)
        if (module->parent->entries[i].child == module)
            snprintf(text + used, MODULE_PATH_BYTES - used, "%s%s", used ? "." : "", module->parent->entries[i].name);
    return text;
}

/* A scope that says where it is. */
static ct_scope open_scope(ct_module *self)
{
    const ct_scope scope = ct_scope_open();
    if (!self->place) {
        char path[MODULE_PATH_BYTES];
        self->place = place_number(self->parent ? module_path(self, path) : self->kind);
    }
    if (scope)
        scope_place(self->place), profile_enter(scope);
    return scope;
}

ct_scope ct_module_enter(ct_module *self)
{
    if (self)
        return open_scope(self);
    if (ct_ok())
        ct_fail("module_enter: module is NULL");
    return 0;
}

bool(ct_module_leave)(ct_module *self, ct_scope scope, ct_tensor *const *results, size_t count)
{
    if (!self || !scope) {
        if (ct_ok())
            ct_fail("module_leave: %s", self ? "no scope was opened" : "module is NULL");
        return false;
    }
    bool complete = true;
    for (size_t i = 0; i < count; i++) {
        if (!results[i] && complete && ct_ok())
            ct_fail("%s: result %zu is NULL", self->kind, i);
        complete &= results[i] != NULL;
    }
    if (complete && count && self->watch)
        self->watch(self, results[0], self->watch_context);
    for (size_t i = 0; i < count; i++)
        ct_promote(results[i]);
    profile_leave(scope);
    ct_scope_close(scope);
    return complete;
}

static ct_tensor *run_forward(ct_module *self, ct_tensor *const *x, const void *options)
{
    (void)options;
    return self->forward(self, *x);
}

ct_tensor *ct_forward(ct_module *module, ct_tensor *x)
{
    if (!module || !x) {
        if (ct_ok() && !module)
            ct_fail("forward: module is NULL");
        else if (ct_ok())
            ct_fail("forward: the input of %s is NULL", module->kind);
        return NULL;
    }
    if (!module->forward)
        return ct_fail("forward: %s has none, it only holds its parts", module->kind);
    ct_scope scope = open_scope(module);
    if (!scope)
        return NULL;
    const bool was_ok = ct_ok();
    ct_tensor *y = module->checkpointed ? module_run_checkpointed(module, run_forward, &x, 1, NULL, 0) : module->forward(module, x);
    if (!y && was_ok && !ct_ok() && !strstr(ct_error(), "; in module ") && strncmp(ct_error(), "anomaly: ", 9)) { /* the innermost module says where it is */
        char path[MODULE_PATH_BYTES];
        error_add("; in module %s%s%s", module_path(module, path), module->parent ? ", a " : "", module->kind);
    }
    module->input = x;
    (ct_module_leave)(module, scope, &y, 1);
    module->input = NULL;
    return y;
}

/* ---- Mode -------------------------------------------------------------------------------------------------------- */
static void set_training(ct_module *module, bool training)
{
    if (!module)
        return;
    module->training = training;
    for (size_t i = 0; i < module->count; i++)
        set_training(module->entries[i].child, training);
}

void ct_module_train(ct_module *module)
{
    set_training(module, true);
}

void ct_module_eval(ct_module *module)
{
    set_training(module, false);
}

static void change_pauses(ct_module *module, unsigned by)
{
    if (!module)
        return;
    module->paused += by;
    for (size_t i = 0; i < module->count; i++)
        change_pauses(module->entries[i].child, by);
}

void module_pause_training(ct_module *module)
{
    change_pauses(module, 1);
}

void module_resume_training(ct_module *module)
{
    change_pauses(module, -1u);
}

bool ct_module_is_training(const ct_module *module)
{
    return module && module->training && !module->paused;
}

const char *ct_module_kind(const ct_module *module)
{
    return module ? module->kind : NULL;
}
