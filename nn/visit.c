/* Walking a module's tensors by their full names. */
#include "nn/module.h"

#include <stdint.h>
#include <string.h>

#include "autograd/inspect.h"

static bool each(const ct_module *module, char path[MODULE_PATH_BYTES], size_t length, ct_module_visit *visit,
                 void *context)
{
    for (size_t i = 0; i < module->count; i++) {
        const struct module_entry *entry = &module->entries[i];
        if (entry->is_table)
            continue;
        size_t name = strlen(entry->name);
        if (length + name + 2 > MODULE_PATH_BYTES) {
            ct_fail("%s: the name %.40s... is too long: its parts nest too deeply", module->kind, path);
            return false;
        }
        memcpy(path + length, entry->name, name + 1);
        if (!entry->child) {
            if (!visit(path, entry->tensor, entry->is_parameter, context))
                return false;
            continue;
        }
        memcpy(path + length + name, ".", 2);
        if (!each(entry->child, path, length + name + 1, visit, context))
            return false;
    }
    return true;
}

bool ct_module_each(const ct_module *module, ct_module_visit *visit, void *context)
{
    if (!module || !visit) {
        if (ct_ok())
            ct_fail("module_each: %s is NULL", module ? "visit" : "module");
        return false;
    }
    char path[MODULE_PATH_BYTES] = "";
    return each(module, path, 0, visit, context);
}

struct search {
    const ct_module *module;
    const char *name;
    const ct_tensor *tensor;                    /* looked for by name or else by address */
    ct_tensor *found;
    char found_name[MODULE_PATH_BYTES];
};

static bool search_visit(const char *name, ct_tensor *tensor, bool is_parameter, void *context)
{
    (void)is_parameter;
    struct search *search = context;
    if (search->name ? strcmp(search->name, name) != 0 : search->tensor != tensor)
        return true;
    search->found = tensor;
    strcpy(search->found_name, name);
    return false;
}

ct_tensor *ct_module_find(const ct_module *module, const char *name)
{
    if (!module || !name)
        return NULL;
    struct search search = {.name = name};
    ct_module_each(module, search_visit, &search);
    return search.found;
}

static bool is_not(const char *name, ct_tensor *tensor, bool is_parameter, void *context)
{
    (void)name, (void)is_parameter;
    return tensor != context;
}

bool module_has(const ct_module *module, const ct_tensor *tensor)
{
    return !ct_module_each(module, is_not, (void *)(uintptr_t)tensor);
}

ct_module *ct_module_child(const ct_module *module, const char *name)
{
    for (size_t i = 0; module && name && i < module->count; i++) {
        const struct module_entry *entry = &module->entries[i];
        const size_t length = strlen(entry->name);
        if (!entry->child || strncmp(name, entry->name, length))
            continue;
        if (!name[length])
            return entry->child;
        if (name[length] == '.')
            return ct_module_child(entry->child, name + length + 1);
    }
    return NULL;
}

static const char *name_of(const ct_tensor *leaf, void *context)
{
    struct search *search = context;
    search->tensor = leaf, search->found = NULL;
    ct_module_each(search->module, search_visit, search);
    return search->found ? search->found_name : NULL;
}

bool ct_module_graph_dot(const ct_module *module, ct_tensor *root, FILE *file)
{
    if (!module)
        return ct_ok() && ct_fail("module_graph_dot: module is NULL");
    struct search search = {.module = module};
    return ct_graph_dot(root, file, .name = name_of, .context = &search);
}

struct count {
    const ct_module *module;
    bool trainable_only;
    int64_t elements;
};

static bool count_visit(const char *name, ct_tensor *tensor, bool is_parameter, void *context)
{
    struct count *count = context;
    if (!is_parameter || (count->trainable_only && !ct_requires_grad(tensor)))
        return true;
    struct search first = {.tensor = tensor};
    ct_module_each(count->module, search_visit, &first);
    if (!strcmp(first.found_name, name))
        count->elements += ct_numel(tensor);
    return true;
}

int64_t module_count(const ct_module *module, bool trainable_only)
{
    struct count count = {.module = module, .trainable_only = trainable_only};
    return ct_module_each(module, count_visit, &count) ? count.elements : -1;
}

int64_t ct_module_count_parameters(const ct_module *module)
{
    return module_count(module, false);
}

static bool zero_visit(const char *name, ct_tensor *tensor, bool is_parameter, void *context)
{
    (void)name, (void)context;
    if (is_parameter)
        ct_zero_gradient(tensor);
    return true;
}

void ct_module_zero_grad(ct_module *module)
{
    ct_module_each(module, zero_visit, NULL);
}

const char *module_shape_text(char text[MODULE_PATH_BYTES], const ct_tensor *t)
{
    size_t used = 1;
    strcpy(text, "(");
    for (int axis = 0; axis < ct_rank(t); axis++)
        used += (size_t)snprintf(text + used, MODULE_PATH_BYTES - used, "%s%lld", axis ? ", " : "",
                                 (long long)ct_size(t, axis));
    strcpy(text + used, ")");
    return text;
}
