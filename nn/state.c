/* A module's tensors as a file, by name. Loading reads everything before it changes anything. */
#include "nn/state.h"

#include <stdlib.h>
#include <string.h>

#include "autograd/memory.h"
#include "io/io.h"
#include "nn/module.h"

struct state {
    ct_named_tensor *tensors;                   /* the names are ours */
    ct_named_tensor *by_name;                   /* the same, sorted, where names of files are looked for; else NULL */
    size_t count, room;
};

static void state_free(struct state *state)
{
    for (size_t i = 0; i < state->count; i++)
        heap_free((char *)(uintptr_t)state->tensors[i].name);
    heap_free(state->tensors);
    heap_free(state->by_name);
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

/* ---- Which names fit -------------------------------------------------------------------------------------------------- */
enum { MISSING, UNEXPECTED };

struct ct_load_report {
    struct object object;
    struct names {
        char **names;
        size_t count;
    } lists[2];
};

static void report_destroy(void *object)
{
    ct_load_report *report = object;
    for (int i = 0; i < 2; i++) {
        for (size_t j = 0; j < report->lists[i].count; j++)
            heap_free(report->lists[i].names[j]);
        heap_free(report->lists[i].names);
    }
}

static bool note(ct_load_report *report, int list, const char *name)
{
    struct names *names = &report->lists[list];
    char **more = heap_resize(names->names, (names->count + 1) * sizeof *more);
    if (!more)
        return false;
    names->names = more;
    return (more[names->count] = heap_copy_text(name)) && ++names->count;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(((const ct_named_tensor *)a)->name, ((const ct_named_tensor *)b)->name);
}

static bool sort_names(struct state *state)
{
    state->by_name = heap_zeroed(state->count + 1, sizeof *state->by_name);
    if (!state->by_name)
        return false;
    if (state->count)
        memcpy(state->by_name, state->tensors, state->count * sizeof *state->by_name);
    qsort(state->by_name, state->count, sizeof *state->by_name, compare_names);
    return true;
}

static bool wanted(const struct state *state, const char *name)
{
    return bsearch(&(ct_named_tensor){.name = name}, state->by_name, state->count, sizeof *state->by_name, compare_names) != NULL;
}

/* Files of PyTorch before 0.4.1 have none, and PyTorch asks for none. */
static bool may_lack(const char *name)
{
    const char *last = strrchr(name, '.');
    return !strcmp(last ? last + 1 : name, "num_batches_tracked");
}

/* With a report what fits no name is noted there, without one it is a failure. */
static bool check_names(struct state *state, ct_tensor_file *file, const char *path, ct_load_report *report)
{
    bool good = sort_names(state);
    for (size_t i = 0; good && i < state->count; i++)
        if (!ct_tensor_file_has(file, state->tensors[i].name) && !may_lack(state->tensors[i].name))
            good = report ? note(report, MISSING, state->tensors[i].name)
                          : ct_fail("%s: has no tensor \"%s\", which the module wants", path, state->tensors[i].name) != NULL;
    for (size_t i = 0; good && i < ct_tensor_file_count(file); i++) {
        const char *name = ct_tensor_file_name(file, i);
        if (!wanted(state, name))
            good = report ? note(report, UNEXPECTED, name)
                          : ct_fail("%s: has a tensor \"%s\", which the module does not know", path, name) != NULL;
    }
    return good || (ct_ok() && ct_fail("%s: out of memory", path));
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
    for (size_t i = 0; good && i < state->count; i++)
        if (ct_tensor_file_has(file, state->tensors[i].name)) {
            values[i] = ct_tensor_file_read(file, state->tensors[i].name);
            good = values[i] && check_like(path, state->tensors[i].name, values[i], state->tensors[i].tensor);
        }
    for (size_t i = 0; good && i < state->count; i++)
        good = !values[i] || ct_copy_(state->tensors[i].tensor, values[i]);
    heap_free(values);
    return good;
}

bool state_load(ct_module *module, ct_tensor_file *file, const char *path, ct_load_report *report)
{
    struct state state = {0};
    if (!state_of("module_load", module, path, &state))
        return false;
    const bool loaded = check_names(&state, file, path, report) && read_and_copy(&state, file, path);
    state_free(&state);
    return loaded;
}

static bool load(ct_module *module, const char *path, ct_load_report *report)
{
    if (!module || !path)
        return ct_ok() && ct_fail("module_load: %s is NULL", module ? "path" : "module");
    ct_tensor_file *file = ct_io_safetensors_open(path);
    const bool loaded = file && state_load(module, file, path, report);
    (ct_free)(file);
    return loaded;
}

bool ct_module_load(ct_module *module, const char *path)
{
    return load(module, path, NULL);
}

ct_load_report *ct_module_load_partly(ct_module *module, const char *path)
{
    ct_load_report *report = object_new(sizeof *report, report_destroy);
    if (report && load(module, path, report))
        return report;
    object_drop(report);
    return NULL;
}

static const char *name_at(const struct names *names, size_t index)
{
    return index < names->count ? names->names[index] : NULL;
}

const char *ct_load_report_missing(const ct_load_report *report, size_t index)
{
    return report ? name_at(&report->lists[MISSING], index) : NULL;
}

const char *ct_load_report_unexpected(const ct_load_report *report, size_t index)
{
    return report ? name_at(&report->lists[UNEXPECTED], index) : NULL;
}
