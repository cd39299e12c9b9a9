/* Modules that hold parts under the names "0", "1", ... */
#include "nn/onnx.h"

struct sequential {
    size_t count;
    ct_module *parts[];
};

static const char *number(char text[24], size_t i)
{
    snprintf(text, 24, "%zu", i);
    return text;
}

static ct_tensor *sequential_forward(ct_module *self, ct_tensor *x)
{
    const struct sequential *m = ct_module_state(self);
    for (size_t i = 0; i < m->count; i++)
        x = ct_forward(m->parts[i], x);
    return x;
}

static const ct_setting sequential_list[] = {{"parts", CT_SETTING_MODULES, 0, true, NULL}};
static ct_module *sequential_make(const void *settings)
{
    const ct_module_list *s = settings;
    return (ct_nn_sequential)(s->modules, s->count);
}
const ct_module_type sequential_type = {"Sequential", sequential_list, 1, sizeof(ct_module_list), NULL, sequential_make, onnx_chain};

ct_module *(ct_nn_sequential)(ct_module *const *parts, size_t count)
{
    char name[24];
    if (count && !parts)
        return ct_fail("sequential: the parts are NULL");
    size_t bytes = sizeof(struct sequential) + count * sizeof *parts;
    ct_module *self = ct_module_new("Sequential", sequential_forward, bytes);
    struct sequential *m = ct_module_state(self);
    for (size_t i = 0; i < count; i++) {        /* all of them, whatever fails: each is taken over */
        ct_module *part = ct_module_add_child(self, number(name, i), parts[i]);
        if (m)
            m->parts[m->count++] = part;
    }
    return ct_module_ready_as(self, &sequential_type, NULL);
}

static const ct_setting parameter_list_list[] = {{"tensors", CT_SETTING_TENSORS, 0, true, NULL}};
static ct_module *parameter_list_make(const void *settings)
{
    const ct_tensor_list *s = settings;
    return (ct_nn_parameter_list)(s->tensors, s->count);
}
const ct_module_type parameter_list_type = {"ParameterList", parameter_list_list, 1, sizeof(ct_tensor_list), NULL, parameter_list_make, NULL};

ct_module *(ct_nn_parameter_list)(ct_tensor *const *tensors, size_t count)
{
    char name[24];
    if (count && !tensors)
        return ct_fail("parameter_list: the tensors are NULL");
    ct_module *self = ct_module_new("ParameterList", NULL, 0);
    for (size_t i = 0; self && i < count; i++) {
        ct_tensor *kept = ct_module_add_parameter(self, number(name, i), tensors[i]);
        if (kept && kept != tensors[i]) {       /* a copy would be trained in the place of the caller's tensor */
            ct_fail("parameter_list: tensor %zu is a view with gaps: want one without", i);
            ct_free(self);
            return NULL;
        }
    }
    return ct_module_ready_as(self, &parameter_list_type, NULL);
}
