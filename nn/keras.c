/* Weights that Keras saved, into a module: layers of each kind are matched in order, or as the caller names them. Keras lies channels-last: a Dense
 * behind a flatten counts its inputs pixel by pixel, ours channel by channel. */
#include <stdlib.h>
#include <string.h>

#include "autograd/memory.h"
#include "io/parts.h"
#include "nn/module.h"

const ct_module_keras_options ct_module_keras_defaults = {.end_ = 0};

enum { ROLES = 4, DENSE = 0, CONV, NORM, KINDS, UNKNOWN = -1 };
static const struct kind {
    const char *name, *group;                   /* group: in a .weights.h5, with _1, _2 behind it from the second on */
    const char *modules[2];
    struct { const char *keras, *ours; } roles[ROLES];
} kinds[KINDS] = {
    {"Dense", "dense", {"Linear"}, {{"kernel", "weight"}, {"bias", "bias"}}},
    {"Conv2D", "conv2d", {"Conv2d"}, {{"kernel", "weight"}, {"bias", "bias"}}},
    {"BatchNormalization", "batch_normalization", {"BatchNorm2d", "BatchNorm1d"},
     {{"gamma", "weight"}, {"beta", "bias"}, {"moving_mean", "running_mean"}, {"moving_variance", "running_var"}}},
};

struct layer {                                  /* of the file, with weights */
    char name[MODULE_NAME_BYTES * 2], own_name[MODULE_NAME_BYTES * 2]; /* of its group; and what the model calls it, or "" */
    int kind;
    long order;                                 /* among those of its kind */
    bool used;
    const char *weights[ROLES];                 /* tensors' names, the file's; a .weights.h5 has those that are there from the front */
};

struct place {                                  /* a module of ours with weights */
    char name[MODULE_PATH_BYTES];
    ct_module *module;
    int kind;
};

struct keras {
    const char *path;
    ct_tensor_file *file;
    bool numbered;                              /* a .weights.h5: weights have numbers, not names */
    struct layer *layers;
    struct place *places;
    size_t layer_count, layer_room, place_count, place_room;
};

static bool grow(void *items, size_t count, size_t *room, size_t bytes)
{
    void **list = items;
    if (count < *room)
        return true;
    const size_t more = *room ? 2 * *room : 16;
    void *grown = heap_resize(*list, more * bytes);
    if (!grown)
        return ct_fail("load_keras: out of memory");
    *list = grown, *room = more;
    return true;
}

/* ---- Layers of the file ------------------------------------------------------------------------------------------------------- */
static struct layer *layer_of(struct keras *k, const char *name, size_t length)
{
    for (size_t i = 0; i < k->layer_count; i++)
        if (strlen(k->layers[i].name) == length && !memcmp(k->layers[i].name, name, length))
            return &k->layers[i];
    if (length == 0 || length >= sizeof k->layers->name)
        return ct_fail("%s: a layer's name has %zu bytes, want 1 to %zu", k->path, length, sizeof k->layers->name - 1);
    if (!grow(&k->layers, k->layer_count, &k->layer_room, sizeof *k->layers))
        return NULL;
    struct layer *layer = &k->layers[k->layer_count];
    *layer = (struct layer){.kind = UNKNOWN, .order = (long)k->layer_count++};
    memcpy(layer->name, name, length);
    return layer;
}

/* "dense" is 0, "dense_3" 3. */
static void classify_by_name(struct layer *layer)
{
    for (int kind = 0; kind < KINDS; kind++) {
        const size_t length = strlen(kinds[kind].group);
        const char *rest = layer->name + length;
        char *end = NULL;
        if (strncmp(layer->name, kinds[kind].group, length) != 0)
            continue;
        layer->order = *rest == '_' && rest[1] >= '1' && rest[1] <= '9' ? strtol(rest + 1, &end, 10) : 0;
        if (!*rest || (end && !*end))
            layer->kind = kind;
    }
}

/* layers/NAME/vars/0 and so on; a model of a class of one's own has NAME/vars/0. */
static bool read_numbered(struct keras *k)
{
    for (size_t i = 0; i < ct_tensor_file_count(k->file); i++) {
        const char *full = ct_tensor_file_name(k->file, i), *name = strncmp(full, "layers/", 7) ? full : full + 7;
        if (!strncmp(full, "optimizer/", 10) || strstr(full, "seed_generator"))
            continue;
        const size_t length = strcspn(name, "/");
        const char *number = name + length + strlen("/vars/");
        if (strncmp(name + length, "/vars/", 6) != 0 || number[0] < '0' || number[0] >= '0' + ROLES || number[1])
            return ct_fail("%s: '%.100s' is no weight of Dense, Conv2D or BatchNormalization (nested models are not read)", k->path, full);
        struct layer *layer = layer_of(k, name, length);
        if (!layer)
            return false;
        layer->weights[number[0] - '0'] = full;
        classify_by_name(layer);
        char key[MODULE_PATH_BYTES];
        snprintf(key, sizeof key, "%.*s@name", (int)(number - 1 - full), full);
        const char *own = ct_tensor_file_metadata(k->file, key);
        snprintf(layer->own_name, sizeof layer->own_name, "%.*s", own ? (int)strcspn(own, "\n") : 0, own ? own : "");
    }
    k->numbered = true;
    return true;
}

static const char *find_name(const ct_tensor_file *file, const char *name)
{
    for (size_t i = 0; i < ct_tensor_file_count(file); i++)
        if (!strcmp(ct_tensor_file_name(file, i), name))
            return ct_tensor_file_name(file, i);
    return NULL;
}

/* One of a layer's weight_names, "dense/kernel:0". */
static bool read_weight(struct keras *k, const char *prefix, struct layer *layer, const char *name, size_t length)
{
    char full[3 * MODULE_PATH_BYTES];
    snprintf(full, sizeof full, "%s%s/%.*s", prefix, layer->name, (int)length, name);
    const char *there = find_name(k->file, full), *role = strrchr(full, '/') + 1;
    if (!there)
        return ct_fail("%s: layer '%s': no dataset '%.100s'", k->path, layer->name, full);
    const size_t bytes = strcspn(role, ":");
    for (int kind = 0; kind < KINDS; kind++)
        for (int r = 0; r < ROLES && kinds[kind].roles[r].keras; r++)
            if (strlen(kinds[kind].roles[r].keras) == bytes && !memcmp(role, kinds[kind].roles[r].keras, bytes)) {
                if (layer->weights[r])
                    return ct_fail("%s: layer '%s' has two of '%.*s' (nested models are not read)", k->path, layer->name, (int)bytes, role);
                layer->weights[r] = there;
                layer->kind = kind == NORM ? NORM : layer->kind; /* what a kernel is of, its axes tell */
                return true;
            }
    return ct_fail("%s: layer '%s': '%.100s' is no weight of Dense, Conv2D or BatchNormalization", k->path, layer->name, role);
}

static bool read_weights(struct keras *k, const char *prefix, struct layer *layer)
{
    char key[MODULE_PATH_BYTES];
    snprintf(key, sizeof key, "%s%s@weight_names", prefix, layer->name);
    const char *names = ct_tensor_file_metadata(k->file, key);
    for (size_t length; names && *names; names += length + (names[length] == '\n')) {
        length = strcspn(names, "\n");
        if (!read_weight(k, prefix, layer, names, length))
            return false;
    }
    if (layer->weights[0] && layer->kind != NORM && !strstr(layer->name, "transpose")) {
        CT_SCOPE;
        ct_tensor *kernel = ct_tensor_file_read(k->file, layer->weights[0]);
        if (!kernel)
            return false;
        layer->kind = ct_rank(kernel) == 2 ? DENSE : ct_rank(kernel) == 4 ? CONV : UNKNOWN;
    }
    return true;
}

static bool read_named(struct keras *k, const char *prefix, const char *names)
{
    for (size_t length; *names; names += length + (names[length] == '\n')) {
        length = strcspn(names, "\n");
        const size_t before = k->layer_count;
        struct layer *layer = layer_of(k, names, length);
        if (!layer)
            return false;
        if (k->layer_count == before)
            return ct_fail("%s: two layers are called '%s'", k->path, layer->name);
        if (!read_weights(k, prefix, layer))
            return false;
        bool empty = true;
        for (int r = 0; r < ROLES; r++)
            empty = empty && !layer->weights[r];
        k->layer_count -= empty;
    }
    return true;
}

static bool read_layers(struct keras *k)
{
    const char *weights = ct_tensor_file_metadata(k->file, "@layer_names"), *model = ct_tensor_file_metadata(k->file, "model_weights@layer_names");
    return weights ? read_named(k, "", weights) : model ? read_named(k, "model_weights/", model) : read_numbered(k);
}

/* ---- Places of ours ------------------------------------------------------------------------------------------------------------- */
static int kind_of(const ct_module *module)
{
    for (int kind = 0; kind < KINDS; kind++)
        for (int i = 0; i < 2 && kinds[kind].modules[i]; i++)
            if (!strcmp(ct_module_kind(module), kinds[kind].modules[i]))
                return kind;
    return UNKNOWN;
}

static bool find_places(struct keras *k, ct_module *module, const char *name)
{
    const int kind = kind_of(module);
    if (kind != UNKNOWN) {
        if (!grow(&k->places, k->place_count, &k->place_room, sizeof *k->places))
            return false;
        struct place *place = &k->places[k->place_count++];
        *place = (struct place){.module = module, .kind = kind};
        snprintf(place->name, sizeof place->name, "%s", name);
        return true;
    }
    for (size_t i = 0; i < module->count; i++) {
        const struct module_entry *entry = &module->entries[i];
        if (!entry->child && !entry->is_table)
            return ct_fail("%s: '%s' (%s) has weights, want Linear, Conv2d and BatchNorm alone", k->path, name, ct_module_kind(module));
        char longer[MODULE_PATH_BYTES];
        if (snprintf(longer, sizeof longer, "%s%s%s", name, *name ? "." : "", entry->name) >= (int)sizeof longer)
            return ct_fail("%s: '%.40s...' nests too deeply", k->path, name);
        if (entry->child && !find_places(k, entry->child, longer))
            return false;
    }
    return true;
}

/* ---- Which goes where ------------------------------------------------------------------------------------------------------------ */
static struct layer *next_of_kind(struct keras *k, const struct place *place)
{
    struct layer *first = NULL;
    for (size_t i = 0; i < k->layer_count; i++) {
        struct layer *layer = &k->layers[i];
        if (layer->kind == place->kind && !layer->used && (!first || layer->order < first->order))
            first = layer;
    }
    return first ? first : ct_fail("%s: has no further %s for '%s'", k->path, kinds[place->kind].name, place->name);
}

static bool is_called(const char *name, const char *wanted, size_t length)
{
    return strlen(name) == length && !memcmp(name, wanted, length);
}

static struct layer *find_layer(struct keras *k, const char *name, size_t length)
{
    for (size_t i = 0; i < k->layer_count; i++)
        if (is_called(k->layers[i].own_name, name, length))
            return &k->layers[i];
    for (size_t i = 0; i < k->layer_count; i++)
        if (is_called(k->layers[i].name, name, length))
            return &k->layers[i];
    return ct_fail("%s: has no layer '%.*s' with weights", k->path, (int)length, name);
}

static struct layer *next_of_list(struct keras *k, const struct place *place, const char **list)
{
    const size_t length = strcspn(*list, ",");
    if (!length)
        return ct_fail("%s: .layers names none for '%s'", k->path, place->name);
    struct layer *layer = find_layer(k, *list, length);
    if (!layer)
        return NULL;
    if (layer->used)
        return ct_fail("%s: .layers names '%.*s' twice", k->path, (int)length, *list);
    if (layer->kind != UNKNOWN && layer->kind != place->kind)
        return ct_fail("%s: layer '%.*s' is %s, '%s' wants %s", k->path, (int)length, *list, kinds[layer->kind].name, place->name, kinds[place->kind].name);
    *list += length + ((*list)[length] == ',');
    return layer;
}

/* ---- Values ---------------------------------------------------------------------------------------------------------------------- */
/* Rows counted pixel by pixel become rows counted channel by channel. */
static ct_tensor *by_channel(ct_tensor *t, int64_t channels)
{
    const int64_t columns = ct_rank(t) == 2 ? ct_size(t, 1) : 1, pixels = ct_size(t, 0) / channels;
    ct_tensor *turned = ct_transpose(ct_reshape(t, pixels, channels, columns), 0, 1);
    return ct_rank(t) == 2 ? ct_reshape(turned, -1, columns) : ct_reshape(turned, -1);
}

static bool plan_weight(const struct keras *k, const struct place *place, int role, const char *name, int64_t channels, struct plan *plan)
{
    CT_SCOPE;
    CT_NO_GRAD;
    static const int ranks[KINDS] = {2, 4, 1};
    ct_tensor *mine = ct_module_find(place->module, kinds[place->kind].roles[role].ours), *t = ct_tensor_file_read(k->file, name);
    const int rank = role == 0 ? ranks[place->kind] : 1;
    char a[MODULE_PATH_BYTES], b[MODULE_PATH_BYTES];
    if (!t)
        return false;
    if (ct_rank(t) != rank)
        return ct_fail("%s: '%.100s' is %s, want %d axes", k->path, name, module_shape_text(a, t), rank);
    module_shape_text(a, t);
    if (channels && place->kind != CONV && (place->kind == NORM || role == 0)) {
        if (ct_size(t, 0) % channels)
            return ct_fail("%s: '%.100s': %lld values behind a flatten are no whole number of pixels of %lld channels", k->path, name,
                           (long long)ct_size(t, 0), (long long)channels);
        t = by_channel(t, channels);
    }
    t = rank == 4 ? ct_permute(t, 3, 2, 0, 1) : rank == 2 ? ct_transpose(t, 0, 1) : t;
    bool same = t && ct_rank(mine) == rank && ct_dtype_of(mine) == ct_dtype_of(t);
    for (int axis = 0; same && axis < rank; axis++)
        same = ct_size(mine, axis) == ct_size(t, axis);
    if (t && !same)
        return ct_fail("%s: '%.100s' is %s %s, '%s.%s' %s %s", k->path, name, ct_dtype_name(ct_dtype_of(t)), a, place->name,
                       kinds[place->kind].roles[role].ours, ct_dtype_name(ct_dtype_of(mine)), module_shape_text(b, mine));
    return t && plan_copy(plan, mine, t);
}

/* Without scale and centre a normalisation's numbers begin at its mean. */
static bool settle_numbers(const struct keras *k, struct layer *layer)
{
    int count = 0;
    while (count < ROLES && layer->weights[count])
        count++;
    if (count == 3)
        return ct_fail("%s: layer '%s' has scale or centre alone, and the file does not say which", k->path, layer->name);
    if (count == 2)
        for (int r = 0; r < 2; r++)
            layer->weights[r + 2] = layer->weights[r], layer->weights[r] = NULL;
    return true;
}

static bool plan_layer(const struct keras *k, const struct place *place, struct layer *layer, int64_t channels, struct plan *plan)
{
    const struct kind *kind = &kinds[place->kind];
    if (k->numbered && place->kind == NORM && !settle_numbers(k, layer))
        return false;
    for (int r = 0; r < ROLES; r++) {
        const char *ours = kind->roles[r].ours, *name = layer->weights[r];
        const bool mine = ours && ct_module_find(place->module, ours);
        if (name && !mine)
            return ct_fail("%s: '%.100s' fits nothing in '%s' (%s)", k->path, name, place->name, ct_module_kind(place->module));
        if (mine && !name)
            return ct_fail("%s: layer '%s' has no %s, which '%s' wants", k->path, layer->name, kind->roles[r].keras, place->name);
        if (mine && !plan_weight(k, place, r, name, channels, plan))
            return false;
    }
    return layer->used = true;
}

static bool plan_all(struct keras *k, const ct_module_keras_options *o, struct plan *plan)
{
    int64_t channels = 0;                       /* of the images that came last; 0: vectors have come since */
    bool dense = false;
    const char *list = o->layers;
    for (size_t i = 0; i < k->place_count; i++) {
        const struct place *place = &k->places[i];
        struct layer *layer = list ? next_of_list(k, place, &list) : next_of_kind(k, place);
        if (!layer)
            return false;
        if (place->kind == CONV && dense && !o->channels_first)
            return ct_fail("%s: '%s' follows a Linear: how its vector becomes an image is not known (.channels_first says: as here)", k->path, place->name);
        if (!plan_layer(k, place, layer, o->channels_first ? 0 : channels, plan))
            return false;
        if (place->kind == CONV)
            channels = ct_size(ct_module_find(place->module, "weight"), 0);
        if (place->kind == DENSE)
            channels = 0, dense = true;
    }
    for (size_t i = 0; i < k->layer_count; i++)
        if (!k->layers[i].used)
            return ct_fail("%s: layer '%s'%s%s fits nothing in the module", k->path, k->layers[i].name,
                           k->layers[i].kind == UNKNOWN ? ", by its name no Dense, Conv2D or BatchNormalization," : ", ",
                           k->layers[i].kind == UNKNOWN ? "" : kinds[k->layers[i].kind].name);
    return true;
}

bool(ct_module_load_keras)(ct_module *module, const char *path, const ct_module_keras_options *options)
{
    const ct_module_keras_options *o = options ? options : &ct_module_keras_defaults;
    if (!module || !path)
        return ct_ok() ? ct_fail("module_load_keras: %s is NULL", module ? "path" : "module") != NULL : false;
    struct keras k = {.path = path, .file = ct_io_hdf5_open(path)};
    struct plan plan = {0};
    const bool good = k.file && read_layers(&k) && find_places(&k, module, "") && plan_all(&k, o, &plan);
    (ct_free)(k.file);
    heap_free(k.layers), heap_free(k.places);
    return plan_end(&plan, good);
}
