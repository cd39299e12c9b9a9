/* Modules as JSON. The list of settings of a module's type drives it. */
#include "nn/describe.h"

#include <math.h>
#include <string.h>

#include "autograd/memory.h"
#include "autograd/raw.h"

/* By ct_setting_type; 0: nothing that could be compared. */
static const size_t setting_bytes[] = {
    [CT_SETTING_INTEGER] = sizeof(int64_t), [CT_SETTING_NUMBER] = sizeof(double), [CT_SETTING_BOOL] = sizeof(bool),
    [CT_SETTING_WORD] = sizeof(int),        [CT_SETTING_WINDOW] = sizeof(int64_t), [CT_SETTING_TENSORS] = 0,
};
static const int64_t LARGEST_OF_PAIR = (1 << 30) - 1;

static json_t *describe(const ct_module *module, const char *file, char *place, int depth);

static json_t *fail_json(const char *file, const char *place, const ct_module *module, const char *key, const char *reason)
{
    return ct_fail("%s: %.200s, a %s: %s%s%s%s", file, place, module->kind, key ? "\"" : "", key ? key : "", key ? "\" " : "", reason);
}

/* ---- A setting -------------------------------------------------------------------------------------------------------------- */
static json_t *word_of(const ct_setting *setting, const void *at)
{
    int place;
    memcpy(&place, at, sizeof place);
    int count = 0;
    while (setting->words[count])
        count++;
    return place >= 0 && place < count ? json_string(setting->words[place]) : NULL;
}

static json_t *window_of(int64_t packed)
{
    if (packed == CT_SAME)
        return json_string("same");
    if (packed >> 62 != 1)
        return json_integer(packed);
    return json_pack("[I, I]", (json_int_t)(packed >> 31 & LARGEST_OF_PAIR), (json_int_t)(packed & LARGEST_OF_PAIR));
}

static json_t *tensors_of(const ct_module *module)
{
    json_t *list = json_array();
    for (size_t i = 0; list && i < module->count; i++) {
        const ct_tensor *t = module->entries[i].tensor;
        json_t *shape = t ? json_array() : NULL;
        for (int axis = 0; shape && axis < ct_rank(t); axis++)
            json_array_append_new(shape, json_integer(ct_size(t, axis)));
        if (t && json_array_append_new(list, json_pack("{s:s, s:o}", "dtype", ct_dtype_name(ct_dtype_of(t)), "shape", shape))) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}

static json_t *child_of(const struct module_entry *entry, const char *file, char *place, int depth)
{
    const size_t used = strlen(place);
    snprintf(place + used, MODULE_PATH_BYTES - used, ".%s", entry->name);
    json_t *value = describe(entry->child, file, place, depth + 1);
    place[used] = 0;
    return value;
}

static json_t *children_of(const ct_module *module, const char *file, char *place, int depth)
{
    json_t *list = json_array();
    for (size_t i = 0; list && i < module->count; i++)
        if (module->entries[i].child && json_array_append_new(list, child_of(&module->entries[i], file, place, depth))) {
            json_decref(list);
            return NULL;
        }
    return list;
}

/* false: it is left out */
static bool is_written(const ct_module *module, const ct_setting *setting, const char *at)
{
    const char *first = module->type->defaults ? (const char *)module->type->defaults + setting->offset : NULL;
    static const char zeros[sizeof(ct_module_list)];
    if (setting->type == CT_SETTING_MODULE)
        return ct_module_child(module, setting->key) != NULL;
    if (setting->type == CT_SETTING_TEXT) {
        const char *text = *(const char *const *)at, *usual = first ? *(const char *const *)first : NULL;
        return text && (setting->required || !usual || strcmp(text, usual) != 0);
    }
    const size_t bytes = setting_bytes[setting->type];
    return setting->required || !bytes || memcmp(at, first ? first : zeros, bytes) != 0;
}

static json_t *value_of(const ct_module *module, const ct_setting *setting, const char *at, const char *file, char *place, int depth)
{
    switch (setting->type) {
    case CT_SETTING_INTEGER: return json_integer(*(const int64_t *)at);
    case CT_SETTING_NUMBER: return json_real(*(const double *)at);
    case CT_SETTING_BOOL: return json_boolean(*(const bool *)at);
    case CT_SETTING_TEXT: return json_string(*(const char *const *)at);
    case CT_SETTING_WORD: return word_of(setting, at);
    case CT_SETTING_WINDOW: return window_of(*(const int64_t *)at);
    case CT_SETTING_MODULES: return children_of(module, file, place, depth);
    case CT_SETTING_TENSORS: return tensors_of(module);
    case CT_SETTING_MODULE:
        for (size_t i = 0; i < module->count; i++)
            if (!strcmp(module->entries[i].name, setting->key))
                return child_of(&module->entries[i], file, place, depth);
    }
    return NULL;
}

static json_t *describe(const ct_module *module, const char *file, char *place, int depth)
{
    const ct_module_type *type = module->type;
    if (depth > DESCRIBE_DEPTH)
        return fail_json(file, place, module, NULL, "modules nest too deeply");
    if (!type)
        return fail_json(file, place, module, NULL, "its constructor did not end in ct_module_ready_as, no file can hold it");
    if (module->made_of != module->count)
        return fail_json(file, place, module, NULL, "it was given parts after it was made, a file would lose them");
    if (module->count > DESCRIBE_PARTS)
        return fail_json(file, place, module, NULL, "has too many parts, a file holds at most 4096");
    json_t *object = json_object();
    bool good = object && !json_object_set_new(object, "kind", json_string(type->kind));
    for (size_t i = 0; good && i < type->count; i++) {
        const ct_setting *setting = &type->settings[i];
        const char *at = (const char *)module->settings + setting->offset;
        if (!is_written(module, setting, at))
            continue;
        good = !json_object_set_new(object, setting->key, value_of(module, setting, at, file, place, depth));
        if (!good && ct_ok())
            fail_json(file, place, module, setting->key, "cannot be written: want finite numbers, UTF-8 text and known words");
    }
    if (good)
        return object;
    json_decref(object);
    return ct_ok() ? fail_json(file, place, module, NULL, "out of memory") : NULL;
}

json_t *describe_module(const ct_module *module, const char *path)
{
    char place[MODULE_PATH_BYTES] = "model";
    return describe(module, path, place, 0);
}

/* ---- The way back: what stands in the file may be anything -------------------------------------------------------------------- */
struct reader {
    const char *file, *kind;                    /* kind: of the layer that is read, or NULL */
    char place[MODULE_PATH_BYTES];              /* "model.parts[2]" */
};

static bool refuse(const struct reader *r, const char *key, const char *reason)
{
    return ct_fail("%s: %.200s%s%s: %s%.60s%s%s", r->file, r->place, r->kind ? ", a " : "", r->kind ? r->kind : "", key ? "\"" : "", key ? key : "",
                   key ? "\" " : "", reason) != NULL;
}

/* Behind what others reported. */
static bool say_where(const struct reader *r)
{
    error_add("; in %.200s, a %s, of %s", r->place, r->kind, r->file);
    return false;
}

static ct_module *build(struct reader *r, const json_t *value, int depth);

static bool read_word(const struct reader *r, const ct_setting *setting, const json_t *value, int *out)
{
    const char *word = json_string_value(value);
    char reason[256] = "";
    for (int i = 0; setting->words[i]; i++) {
        if (word && !strcmp(word, setting->words[i]))
            return *out = i, true;
        const size_t used = strlen(reason);
        snprintf(reason + used, sizeof reason - used, "%s%s", i ? ", " : "is none of ", setting->words[i]);
    }
    return refuse(r, setting->key, reason);
}

static bool is_extent(const json_t *value)
{
    return json_is_integer(value) && json_integer_value(value) >= 0 && json_integer_value(value) <= LARGEST_OF_PAIR;
}

static bool read_window(const struct reader *r, const ct_setting *setting, const json_t *value, int64_t *out)
{
    const json_t *height = json_array_get(value, 0), *width = json_array_get(value, 1);
    const char *word = json_string_value(value);
    if (word && !strcmp(word, "same"))
        *out = CT_SAME;
    else if (is_extent(value))
        *out = json_integer_value(value);
    else if (json_array_size(value) == 2 && is_extent(height) && is_extent(width))
        *out = CT_HW(json_integer_value(height), json_integer_value(width));
    else
        return refuse(r, setting->key, "is no whole number from 0 to 1073741823, pair of them or \"same\"");
    return true;
}

static bool read_tensor(const struct reader *r, const json_t *value, ct_tensor **out)
{
    const char *dtype = json_string_value(json_object_get(value, "dtype"));
    const json_t *shape = json_object_get(value, "shape");
    const size_t rank = json_array_size(shape);
    int64_t sizes[CT_MAX_RANK];
    bool good = dtype && json_is_array(shape) && rank <= CT_MAX_RANK && json_object_size(value) == 2;
    for (size_t i = 0; good && i < rank; i++) {
        const json_t *size = json_array_get(shape, i);
        good = json_is_integer(size) && json_integer_value(size) >= 0;
        sizes[i] = json_integer_value(size);
    }
    const bool is_double = dtype && !strcmp(dtype, "float64");
    if (!good || (!is_double && strcmp(dtype, "float32") != 0))
        return refuse(r, "tensors", "holds something else than a dtype of float32 or float64 and a shape");
    *out = (ct_zeros)(sizes, rank, is_double ? CT_FLOAT64 : CT_FLOAT32);
    return *out || say_where(r);
}

/* A list of modules or tensors; what is in it after a failure is freed with the settings. */
static bool read_list(struct reader *r, const ct_setting *setting, const json_t *value, char *at, int depth)
{
    ct_module_list *list = (ct_module_list *)at;
    const size_t count = json_array_size(value), used = strlen(r->place);
    if (!json_is_array(value))
        return refuse(r, setting->key, "is no list");
    if (count > DESCRIBE_PARTS)
        return refuse(r, setting->key, "is too long: want at most 4096 parts");
    void **items = heap_zeroed(count + 1, sizeof *items);
    if (!items)
        return refuse(r, NULL, "out of memory");
    const char *kind = r->kind;
    bool good = true;
    size_t i = 0;
    for (; good && i < count; i++) {
        if (setting->type == CT_SETTING_TENSORS) {
            good = read_tensor(r, json_array_get(value, i), (ct_tensor **)&items[i]);
            continue;
        }
        snprintf(r->place + used, sizeof r->place - used, ".%s[%zu]", setting->key, i);
        good = (items[i] = build(r, json_array_get(value, i), depth + 1)) != NULL;
        r->place[used] = 0, r->kind = kind;
    }
    *list = (ct_module_list){(ct_module *const *)items, count};
    return good;
}

static bool read_child(struct reader *r, const ct_setting *setting, const json_t *value, ct_module **out, int depth)
{
    const size_t used = strlen(r->place);
    const char *kind = r->kind;
    snprintf(r->place + used, sizeof r->place - used, ".%s", setting->key);
    *out = build(r, value, depth + 1);
    r->place[used] = 0, r->kind = kind;
    return *out != NULL;
}

static bool read_setting(struct reader *r, const ct_setting *setting, const json_t *value, char *at, int depth)
{
    switch (setting->type) {
    case CT_SETTING_INTEGER:
        *(int64_t *)at = json_integer_value(value);
        return json_is_integer(value) || refuse(r, setting->key, "is no whole number");
    case CT_SETTING_NUMBER:
        *(double *)at = json_number_value(value);
        return json_is_number(value) || refuse(r, setting->key, "is no number");
    case CT_SETTING_BOOL:
        *(bool *)at = json_is_true(value);
        return json_is_boolean(value) || refuse(r, setting->key, "is neither true nor false");
    case CT_SETTING_TEXT:
        *(const char **)at = json_string_value(value);
        return json_is_string(value) || refuse(r, setting->key, "is no text");
    case CT_SETTING_WORD: return read_word(r, setting, value, (int *)at);
    case CT_SETTING_WINDOW: return read_window(r, setting, value, (int64_t *)at);
    case CT_SETTING_MODULE: return read_child(r, setting, value, (ct_module **)at, depth);
    case CT_SETTING_MODULES:
    case CT_SETTING_TENSORS: return read_list(r, setting, value, at, depth);
    }
    return false;
}

/* The first key that no setting has. */
static const char *unknown_key(const ct_module_type *type, const json_t *object)
{
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)object, key, value) {
        size_t i = 0;
        while (i < type->count && strcmp(type->settings[i].key, key))
            i++;
        if (i == type->count && strcmp(key, "kind"))
            return key;
    }
    return NULL;
}

static bool read_settings(struct reader *r, const ct_module_type *type, const json_t *object, char *settings, int depth)
{
    const char *unknown = unknown_key(type, object);
    if (unknown)
        return refuse(r, unknown, "is not one of its settings");
    for (size_t i = 0; i < type->count; i++) {
        const ct_setting *setting = &type->settings[i];
        const json_t *value = json_object_get(object, setting->key);
        if (value ? !read_setting(r, setting, value, settings + setting->offset, depth) : setting->required)
            return value ? false : refuse(r, setting->key, "is missing");
    }
    return true;
}

/* Lists, which are ours, and, unless make has taken them over, the modules. */
static void drop_settings(const ct_module_type *type, char *settings, bool made)
{
    for (size_t i = 0; i < type->count; i++) {
        char *at = settings + type->settings[i].offset;
        const ct_module_list *list = (const ct_module_list *)at;
        switch (type->settings[i].type) {
        case CT_SETTING_MODULE:
            if (!made)
                object_drop(*(ct_module **)at);
            break;
        case CT_SETTING_MODULES:
            for (size_t j = 0; !made && list->modules && j < list->count; j++)
                object_drop(list->modules[j]);
            heap_free((void *)(uintptr_t)list->modules);
            break;
        case CT_SETTING_TENSORS: heap_free((void *)(uintptr_t)list->modules); break;
        default: break;
        }
    }
    heap_free(settings);
}

static ct_module *make(const struct reader *r, const ct_module_type *type, const char *settings)
{
    const bool was_ok = ct_ok();
    ct_module *made = type->make(settings);
    if (!made && was_ok && ct_ok())
        refuse(r, NULL, "could not be made");
    else if (!made && was_ok)
        say_where(r);
    return made;
}

static ct_module *build(struct reader *r, const json_t *value, int depth)
{
    r->kind = NULL;
    if (depth > DESCRIBE_DEPTH)
        return ct_fail("%s: layers nest more than %d deep", r->file, DESCRIBE_DEPTH);
    if (!json_is_object(value))
        return refuse(r, NULL, "no layer: want an object"), NULL;
    const char *kind = json_string_value(json_object_get(value, "kind"));
    if (!kind)
        return refuse(r, "kind", "is missing or no text"), NULL;
    const ct_module_type *type = module_type_find(kind);
    if (!type)
        return ct_fail("%s: %.200s: kind \"%.60s\" is not known; ct_module_register adds kinds", r->file, r->place, kind);
    r->kind = type->kind;
    CT_SCOPE;
    char *settings = heap_zeroed(1, type->bytes ? type->bytes : 1);
    if (!settings)
        return refuse(r, NULL, "out of memory"), NULL;
    if (type->defaults)
        memcpy(settings, type->defaults, type->bytes);
    const bool read = read_settings(r, type, value, settings, depth);
    ct_module *made = read ? make(r, type, settings) : NULL;
    drop_settings(type, settings, read);
    return made;
}

ct_module *build_module(const json_t *description, const char *path)
{
    struct reader r = {.file = path, .place = "model"};
    return build(&r, description, 0);
}
