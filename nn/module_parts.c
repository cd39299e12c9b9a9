#include "nn/module_parts.h"

#include <string.h>

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
    ct_tensor *value = parts_read_like(p->from, name, tensor);
    return value && plan_copy(p->plan, tensor, value);
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
