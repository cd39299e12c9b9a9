/* The kinds of modules that files know: those of this folder, and those that programs register. */
#include "nn/types.h"

#include <pthread.h>
#include <string.h>

#include "autograd/memory.h"

const char *const activation_words[] = {
    [CT_IDENTITY] = "identity", [CT_RELU] = "relu",       [CT_GELU] = "gelu",
    [CT_TANH] = "tanh",         [CT_SIGMOID] = "sigmoid", [CT_SILU] = "silu", NULL,
};

#define TYPE(name) &name##_type,
static const ct_module_type *const own[] = {
#include "nn/types.def"
};
#undef TYPE

struct registered {
    const ct_module_type *type;
    struct registered *next;
};
static struct registered *registered;           /* as long as the process: types stay */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static const ct_module_type *find(const char *kind) /* under the lock */
{
    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        if (!strcmp(own[i]->kind, kind))
            return own[i];
    for (const struct registered *r = registered; r; r = r->next)
        if (!strcmp(r->type->kind, kind))
            return r->type;
    return NULL;
}

const ct_module_type *module_type_find(const char *kind)
{
    pthread_mutex_lock(&lock);
    const ct_module_type *type = find(kind);
    pthread_mutex_unlock(&lock);
    return type;
}

static bool check_type(const ct_module_type *type)
{
    if (!type || !type->kind || !*type->kind || !type->make || (type->count && !type->settings))
        return ct_fail("module_register: %s is missing", !type                              ? "the type"
                                                         : !type->kind || !*type->kind ? "its kind"
                                                         : !type->make                 ? "make"
                                                                                       : "settings") != NULL;
    for (size_t i = 0; i < type->count; i++) {
        const ct_setting *s = &type->settings[i];
        if (!s->key || !*s->key || !strcmp(s->key, "kind") || s->offset >= type->bytes)
            return ct_fail("module_register: %s: setting %zu, \"%s\": want a key other than \"kind\", and a place in its %zu bytes", type->kind, i,
                           s->key ? s->key : "", type->bytes) != NULL;
        if (s->type == CT_SETTING_WORD && (!s->words || !*s->words))
            return ct_fail("module_register: %s: setting \"%s\" has no words", type->kind, s->key) != NULL;
    }
    return true;
}

bool ct_module_register(const ct_module_type *type)
{
    if (!check_type(type))
        return false;
    struct registered *entry = heap_alloc(sizeof *entry);
    pthread_mutex_lock(&lock);
    const ct_module_type *there = find(type->kind);
    const bool adds = entry && !there;
    if (adds) {
        *entry = (struct registered){type, registered};
        registered = entry;
    }
    pthread_mutex_unlock(&lock);
    if (!adds)
        heap_free(entry);
    if (there && there != type)
        return ct_fail("module_register: %s: the kind is taken", type->kind) != NULL;
    return there || adds || ct_fail("module_register: out of memory");
}

/* ---- Settings as a module keeps them ---------------------------------------------------------------------------------------- */
void settings_free(const ct_module_type *type, void *settings)
{
    for (size_t i = 0; settings && i < type->count; i++)
        if (type->settings[i].type == CT_SETTING_TEXT)
            heap_free(*(char **)((char *)settings + type->settings[i].offset));
    heap_free(settings);
}

void *settings_copy(const ct_module_type *type, const void *settings)
{
    char *copy = heap_zeroed(1, type->bytes ? type->bytes : 1);
    if (!copy)
        return NULL;
    if (settings && type->bytes)
        memcpy(copy, settings, type->bytes);
    bool good = true;
    for (size_t i = 0; i < type->count; i++)
        if (type->settings[i].type == CT_SETTING_TEXT) {
            char **text = (char **)(copy + type->settings[i].offset);
            if (*text)                          /* all of them, so that what is freed is ours */
                good &= (*text = heap_copy_text(*text)) != NULL;
        }
    if (good)
        return copy;
    settings_free(type, copy);
    return NULL;
}
