/* A module's tensors as a file, by name. Loading is strict, and reads everything before it changes anything. */
#include <string.h>

#include "autograd/memory.h"
#include "nn/module.h"
#include "nn/state.h"

struct state {
    ct_named_tensor *tensors;                   /* the names are ours */
    size_t count, room;
};

static void state_free(struct state *state)
{
    for (size_t i = 0; i < state->count; i++)
        heap_free((char *)(uintptr_t)state->tensors[i].name);
    heap_free(state->tensors);
}

static bool collect(const char *name, ct_tensor *tensor, bool is_parameter, void *context)
{
    (void)is_parameter;
    struct state *state = context;
    if (state->count == state->room) {
        size_t room = state->room ? 2 * state->room : 16;
        ct_named_tensor *tensors = heap_resize(state->tensors, room * sizeof *tensors);
        if (!tensors)
            return false;
        state->tensors = tensors, state->room = room;
    }
    char *copy = heap_copy_text(name);
    if (!copy)
        return false;
    state->tensors[state->count++] = (ct_named_tensor){copy, tensor};
    return true;
}

static bool state_of(const char *call, const ct_module *module, const char *path, struct state *state)
{
    if (!module || !path) {
        if (ct_ok())
            ct_fail("%s: %s is NULL", call, module ? "path" : "module");
        return false;
    }
    if (ct_module_each(module, collect, state))
        return true;
    ct_fail("%s: %s: out of memory", call, path); /* kept only if nothing was reported yet */
    state_free(state);
    return false;
}

bool ct_module_save_with(const ct_module *module, const char *path, const ct_metadata *metadata, size_t count)
{
    struct state state = {0};
    if (!state_of("module_save", module, path, &state))
        return false;
    bool saved = ct_io_safetensors_write(path, state.tensors, state.count, metadata, count);
    state_free(&state);
    return saved;
}

bool ct_module_save(const ct_module *module, const char *path)
{
    return ct_module_save_with(module, path, NULL, 0);
}

static bool check_names(const struct state *state, ct_tensor_file *file, const char *path)
{
    for (size_t i = 0; i < state->count; i++)
        if (!ct_tensor_file_has(file, state->tensors[i].name)) {
            ct_fail("%s: has no tensor \"%s\", which the module wants", path, state->tensors[i].name);
            return false;
        }
    for (size_t i = 0; i < ct_tensor_file_count(file); i++) {
        const char *name = ct_tensor_file_name(file, i);
        size_t at = 0;
        while (at < state->count && strcmp(state->tensors[at].name, name))
            at++;
        if (at == state->count) {
            ct_fail("%s: has a tensor \"%s\", which the module does not know", path, name);
            return false;
        }
    }
    return true;
}

static bool check_like(const char *path, const char *name, const ct_tensor *in_file, const ct_tensor *in_module)
{
    bool same = ct_rank(in_file) == ct_rank(in_module);
    for (int axis = 0; same && axis < ct_rank(in_file); axis++)
        same = ct_size(in_file, axis) == ct_size(in_module, axis);
    if (!same) {
        char a[MODULE_PATH_BYTES], b[MODULE_PATH_BYTES];
        ct_fail("%s: \"%s\" is %s, in the module %s", path, name, module_shape_text(a, in_file),
                module_shape_text(b, in_module));
        return false;
    }
    if (ct_dtype_of(in_file) == ct_dtype_of(in_module))
        return true;
    ct_fail("%s: \"%s\" is %s, in the module %s", path, name, ct_dtype_name(ct_dtype_of(in_file)),
            ct_dtype_name(ct_dtype_of(in_module)));
    return false;
}

static bool read_and_copy(const struct state *state, ct_tensor_file *file, const char *path)
{
    CT_SCOPE;
    CT_NO_GRAD;
    ct_tensor **values = heap_zeroed(state->count ? state->count : 1, sizeof(ct_tensor *));
    if (!values) {
        ct_fail("%s: out of memory", path);
        return false;
    }
    bool good = true;
    for (size_t i = 0; good && i < state->count; i++) {
        values[i] = ct_tensor_file_read(file, state->tensors[i].name);
        good = values[i] && check_like(path, state->tensors[i].name, values[i], state->tensors[i].tensor);
    }
    for (size_t i = 0; good && i < state->count; i++)
        good = ct_copy_(state->tensors[i].tensor, values[i]) != NULL;
    heap_free(values);
    return good;
}

bool ct_module_load(ct_module *module, const char *path)
{
    struct state state = {0};
    if (!state_of("module_load", module, path, &state))
        return false;
    ct_tensor_file *file = ct_io_safetensors_open(path);
    bool loaded = file && check_names(&state, file, path) && read_and_copy(&state, file, path);
    (ct_free)(file);
    state_free(&state);
    return loaded;
}

/* ---- As parts of a larger file --------------------------------------------------------------------------------------------------- */
static bool list_visit(const char *name, ct_tensor *tensor, bool is_parameter, void *context)
{
    (void)is_parameter;
    return parts_add(context, name, tensor);
}

bool module_list(const ct_module *module, struct parts *parts)
{
    return ct_module_each(module, list_visit, parts);
}

struct planning {
    const struct parts_source *from;
    struct plan *plan;
};

static bool plan_visit(const char *name, ct_tensor *tensor, bool is_parameter, void *context)
{
    (void)is_parameter;
    CT_SCOPE;
    const struct planning *p = context;
    if (!parts_has(p->from, name))
        return ct_fail("%s: has no tensor \"%s%s\", which the module wants", p->from->name, p->from->prefix, name) != NULL;
    ct_tensor *value = parts_read(p->from, name);
    return value && check_like(p->from->name, name, value, tensor) && plan_copy(p->plan, tensor, value);
}

bool module_plan(ct_module *module, const struct parts_source *from, struct plan *plan)
{
    if (!ct_module_each(module, plan_visit, &(struct planning){from, plan}))
        return false;
    const size_t prefix = strlen(from->prefix);
    for (size_t i = 0; i < ct_tensor_file_count(from->file); i++) {
        const char *name = ct_tensor_file_name(from->file, i);
        if (!strncmp(name, from->prefix, prefix) && !ct_module_find(module, name + prefix))
            return ct_fail("%s: has a tensor \"%s\", which the module does not know", from->name, name) != NULL;
    }
    return true;
}
