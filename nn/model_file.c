/* Model files: the layers as JSON in the metadata of the weights, or in a file beside them.
 *
 * A file of weights that a model was saved into is a model file by itself, whatever lies beside it. So JSON beside it is written last; should
 * that not come about, its checksum tells that it is of an older save, and what the weights' own file says counts. */
#include <string.h>
#include <zlib.h>

#include "autograd/memory.h"
#include "autograd/raw.h"
#include "io/atomic_file.h"
#include "io/tensor_file.h"
#include "nn/describe.h"
#include "nn/state.h"

enum { VERSION = 1, MOST_JSON = 1 << 24 };
#define METADATA_KEY "cotangent.model"
#define VERSION_KEY "cotangent_model"

/* ---- Saving ---------------------------------------------------------------------------------------------------------------- */
struct dtypes {
    bool seen[2];
};

static bool see_dtype(const char *name, ct_tensor *tensor, bool is_parameter, void *context)
{
    (void)name, (void)is_parameter;
    if (ct_dtype_of(tensor) <= CT_FLOAT64)
        ((struct dtypes *)context)->seen[ct_dtype_of(tensor)] = true;
    return true;
}

/* {"cotangent_model": 1, "dtype": ..., "model": ...} */
static json_t *describe_whole(const ct_module *model, const char *path)
{
    struct dtypes dtypes = {0};
    if (!ct_module_each(model, see_dtype, &dtypes))
        return NULL;
    if (dtypes.seen[CT_FLOAT32] && dtypes.seen[CT_FLOAT64])
        return ct_fail("%s: the model has tensors of float32 and of float64, a file rebuilds one of them", path);
    json_t *description = describe_module(model, path);
    const char *dtype = ct_dtype_name(dtypes.seen[CT_FLOAT64] ? CT_FLOAT64 : CT_FLOAT32);
    json_t *whole = description ? json_pack("{s:i, s:s, s:o}", VERSION_KEY, VERSION, "dtype", dtype, "model", description) : NULL;
    return whole || !description ? whole : ct_fail("%s: out of memory", path);
}

static bool ends_in_json(const char *path)
{
    const size_t length = strlen(path);
    return length > 5 && !strcmp(path + length - 5, ".json");
}

/* "folder/net.json" -> "folder/net.safetensors" */
static char *weights_beside(const char *path)
{
    static const char end[] = ".safetensors";
    const size_t stem = strlen(path) - 5;
    char *weights = heap_alloc(stem + sizeof end);
    if (!weights)
        return ct_fail("%s: out of memory", path);
    memcpy(weights, path, stem);
    memcpy(weights + stem, end, sizeof end);
    return weights;
}

static const char *last_part(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static json_int_t checksum(const char *text)
{
    return (json_int_t)crc32(0, (const unsigned char *)text, (unsigned)strlen(text));
}

static bool save_text(const char *path, const char *text)
{
    struct atomic_file file;
    const bool good = atomic_file_open(&file, path) && atomic_file_write(&file, text, strlen(text)) && atomic_file_write(&file, "\n", 1) &&
                      atomic_file_commit(&file);
    atomic_file_abandon(&file);
    return good;
}

static bool save_weights(const ct_module *model, const char *path, const char *text, const ct_metadata *metadata, size_t count)
{
    ct_metadata *all = heap_zeroed(count + 1, sizeof *all);
    if (!all)
        return ct_fail("%s: out of memory", path) != NULL;
    if (count)
        memcpy(all, metadata, count * sizeof *all);
    all[count] = (ct_metadata){METADATA_KEY, text};
    const bool good = ct_module_save_with(model, path, all, count + 1);
    heap_free(all);
    return good;
}

static bool save_beside(const ct_module *model, json_t *whole, const char *path, const char *text, const ct_metadata *metadata, size_t count)
{
    char *weights = weights_beside(path), *pretty = NULL;
    bool good = weights && save_weights(model, weights, text, metadata, count);
    if (good) {
        good = !json_object_set_new(whole, "weights", json_string(last_part(weights))) &&
               !json_object_set_new(whole, "checksum", json_integer(checksum(text))) && (pretty = json_dumps(whole, JSON_INDENT(2)));
        good = good ? save_text(path, pretty) : ct_fail("%s: out of memory, or a name that is not UTF-8", path) != NULL;
    }
    free(pretty);
    heap_free(weights);
    return good;
}

bool ct_model_save_with(const ct_module *model, const char *path, const ct_metadata *metadata, size_t count)
{
    if (!model || !path || (count && !metadata))
        return (ct_ok() || (model && path)) && ct_fail("model_save: %s is NULL", !model ? "model" : !path ? "path" : "metadata");
    json_t *whole = describe_whole(model, path);
    char *text = whole ? json_dumps(whole, JSON_COMPACT) : NULL;
    bool good = false;
    if (whole && !text)
        ct_fail("%s: out of memory", path);
    else if (text && strlen(text) > MOST_JSON)
        ct_fail("%s: the layers take %zu bytes, at most %d are read again", path, strlen(text), MOST_JSON);
    else if (text)
        good = ends_in_json(path) ? save_beside(model, whole, path, text, metadata, count) : save_weights(model, path, text, metadata, count);
    free(text);
    json_decref(whole);
    return good;
}

bool ct_model_save(const ct_module *model, const char *path)
{
    return ct_model_save_with(model, path, NULL, 0);
}

/* ---- Loading --------------------------------------------------------------------------------------------------------------------- */
static json_t *parse(const char *path, const char *text, size_t bytes)
{
    json_error_t error;
    if (bytes > MOST_JSON)
        return ct_fail("%s: its layers take %zu bytes, want at most %d", path, bytes, MOST_JSON);
    json_t *root = json_loadb(text, bytes, JSON_REJECT_DUPLICATES, &error);
    if (!root)
        return ct_fail("%s: the layers are not valid JSON: byte %d: %s", path, error.position, error.text);
    return root;
}

static json_t *read_json(const char *path)
{
    ct_tensor_file *file = tensor_file_open(path);
    if (!file)
        return NULL;
    json_t *root = NULL;
    if (file->bytes > MOST_JSON)
        ct_fail("%s: %llu bytes, want at most %d", path, (unsigned long long)file->bytes, MOST_JSON);
    else {
        char *text = heap_alloc((size_t)file->bytes + 1);
        if (!text)
            ct_fail("%s: out of memory", path);
        else if (tensor_file_bytes(file, text, (size_t)file->bytes, 0))
            root = parse(path, text, (size_t)file->bytes);
        heap_free(text);
    }
    object_drop(file);
    return root;
}

/* What a file may ask for before its weights are read: parameters, made, turned and copied, and tables that no file holds. */
static size_t due(const ct_tensor_file *weights)
{
    enum { TIMES = 4, EACH = 1 << 15, TABLES = 256 << 20 };
    uint64_t bytes = 0;
    for (size_t i = 0; i < weights->count; i++) {
        uint64_t elements = 1, one;
        for (int axis = 0; axis < weights->entries[i].rank; axis++)
            elements *= (uint64_t)weights->entries[i].sizes[axis];  /* checked against the file's length */
        if (__builtin_mul_overflow(elements, sizeof(double) * TIMES, &one) || __builtin_add_overflow(bytes, one + EACH, &bytes))
            return SIZE_MAX;
    }
    return bytes > SIZE_MAX - TABLES ? SIZE_MAX : (size_t)bytes + TABLES;
}

static ct_module *build_whole(const json_t *root, const char *path, ct_tensor_file *weights)
{
    const json_t *version = json_object_get(root, VERSION_KEY);
    const char *dtype = json_string_value(json_object_get(root, "dtype")), *key;
    if (!json_is_object(root) || !json_is_integer(version))
        return ct_fail("%s: no model: \"%s\" is missing", path, VERSION_KEY);
    if (json_integer_value(version) != VERSION)
        return ct_fail("%s: a model of version %lld, want %d", path, (long long)json_integer_value(version), VERSION);
    const bool is_double = dtype && !strcmp(dtype, "float64");
    if (!is_double && (!dtype || strcmp(dtype, "float32")))
        return ct_fail("%s: \"dtype\" is neither float32 nor float64", path);
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)root, key, value)
        if (strcmp(key, VERSION_KEY) && strcmp(key, "dtype") && strcmp(key, "model") && strcmp(key, "weights") && strcmp(key, "checksum"))
            return ct_fail("%s: \"%.60s\" is not a part of a model", path, key);
    struct tensor_budget budget = {due(weights), is_double ? CT_FLOAT64 : CT_FLOAT32};
    tensor_budget_set(&budget);
    ct_module *model = build_module(json_object_get(root, "model"), path);
    tensor_budget_set(NULL);
    return model;
}

/* The model that the JSON at path and the weights make, or that of the weights' own file. */
static ct_module *load(const json_t *root, const char *path, ct_tensor_file *weights, const char *weights_path)
{
    const char *text = ct_tensor_file_metadata(weights, METADATA_KEY);
    const json_t *sum = json_object_get(root, "checksum");
    const bool stale = root && text && sum && (!json_is_integer(sum) || json_integer_value(sum) != checksum(text));
    if (!root && !text)
        return ct_fail("%s: holds no model; ct_module_load reads weights alone", path);
    json_t *own = !root || stale ? parse(weights_path, text, strlen(text)) : NULL;
    ct_module *model = NULL;
    if (own)
        model = build_whole(own, weights_path, weights);
    else if (root && !stale)
        model = build_whole(root, path, weights);
    json_decref(own);
    if (!model || state_load(model, weights, weights_path, NULL))
        return model;
    object_drop(model);
    return NULL;
}

/* Weights lie in the same folder, whatever the JSON would like. */
static char *weights_of(const json_t *root, const char *path)
{
    const char *name = json_string_value(json_object_get(root, "weights"));
    if (!name || !*name || strchr(name, '/'))
        return ct_fail("%s: \"weights\" is no name of a file beside it", path);
    const size_t folder = (size_t)(last_part(path) - path), length = strlen(name);
    char *whole = heap_alloc(folder + length + 1);
    if (!whole)
        return ct_fail("%s: out of memory", path);
    memcpy(whole, path, folder);
    memcpy(whole + folder, name, length + 1);
    return whole;
}

ct_module *ct_model_load(const char *path)
{
    if (!path)
        return ct_fail("model_load: path is NULL");
    json_t *root = NULL;
    char *beside = NULL;
    const bool is_json = ends_in_json(path);
    if (is_json && (!(root = read_json(path)) || !(beside = weights_of(root, path)))) {
        json_decref(root);
        return NULL;
    }
    const char *weights_path = is_json ? beside : path;
    ct_tensor_file *weights = ct_io_safetensors_open(weights_path);
    ct_module *model = weights ? load(root, path, weights, weights_path) : NULL;
    object_drop(weights);
    json_decref(root);
    heap_free(beside);
    return model;
}
