/* Types of modules: what each is made of, for files. Never installed. */
#ifndef COTANGENT_NN_TYPES_H
#define COTANGENT_NN_TYPES_H
#include <stddef.h>

#include "nn/model.h"

const ct_module_type *module_type_find(const char *kind); /* NULL: none */
void *settings_copy(const ct_module_type *type, const void *settings); /* NULL: no memory */
void settings_free(const ct_module_type *type, void *settings);

#define TYPE(name) extern const ct_module_type name##_type;
#include "nn/types.def"
#undef TYPE

/* Rows of a list of settings: members of struct `group`, or of the options in it. */
#define REQUIRED(group, TYPE, member) {#member, CT_SETTING_##TYPE, offsetof(struct group, member), true, NULL}
#define OPTION(group, TYPE, member) {#member, CT_SETTING_##TYPE, offsetof(struct group, options.member), false, NULL}
#define ACTIVATION(group) {"activation", CT_SETTING_WORD, offsetof(struct group, options.activation), false, activation_words}
extern const char *const activation_words[];

/* name_type, whose settings are the list group_list of members of struct group, first ones `.options = {defaults}`; made: the call with s. */
#define MODULE_TYPE(name, kind, group, onnx, made, ...)                                                                                        \
    static ct_module *name##_make(const void *settings)                                                                                  \
    {                                                                                                                                    \
        const struct group *s = settings;                                                                                                \
        return made;                                                                                                                     \
    }                                                                                                                                    \
    const ct_module_type name##_type = {kind, group##_list, sizeof group##_list / sizeof *group##_list, sizeof(struct group),             \
                                        &(const struct group){.options = {__VA_ARGS__ .end_ = 0}}, name##_make, onnx};
#endif
