/* The graph that ONNX forms of layers add to, and its file: https://github.com/onnx/onnx/blob/main/onnx/onnx.proto. */
#include "nn/onnx.h"

#include <string.h>

#include "autograd/memory.h"
#include "autograd/raw.h"
#include "io/atomic_file.h"
#include "io/protobuf.h"

enum { OPSET = 17, IR_VERSION = 8, MOST_BYTES = INT32_MAX };

/* Fields of the messages that we write. */
enum { MODEL_IR_VERSION = 1, MODEL_PRODUCER = 2, MODEL_GRAPH = 7, MODEL_OPSET = 8, OPSET_VERSION = 2 };
enum { GRAPH_NODE = 1, GRAPH_NAME = 2, GRAPH_INITIALIZER = 5, GRAPH_INPUT = 11, GRAPH_OUTPUT = 12 };
enum { NODE_INPUT = 1, NODE_OUTPUT = 2, NODE_NAME = 3, NODE_OP = 4, NODE_ATTRIBUTE = 5 };
enum { TENSOR_DIMS = 1, TENSOR_TYPE = 2, TENSOR_NAME = 8, TENSOR_RAW = 9 };
enum { VALUE_NAME = 1, VALUE_TYPE = 2, TYPE_TENSOR = 1, TYPE_ELEMENT = 1, TYPE_SHAPE = 2, SHAPE_DIM = 1, DIM_VALUE = 1, DIM_NAME = 2 };
enum { ATTRIBUTE_NAME = 1, ATTRIBUTE_TYPE = 20 };

static const int element_types[] = {[CT_FLOAT32] = 1, [CT_FLOAT64] = 11, [CT_INT64] = 7, [CT_BOOL] = 9};

struct seen {                                   /* a module, and what it was given */
    const ct_module *module;
    int rank;
    int64_t sizes[CT_MAX_RANK];
};

struct ct_onnx {
    const ct_module *model, *at;                /* at: whose form is being written */
    const char *path;
    struct protobuf nodes, initializers;
    struct name {
        char *text;
        bool is_constant;
    } *names;                                   /* all that were given out */
    size_t name_count, name_room, made;         /* made: numbers the nodes */
    struct seen *seen;
    size_t seen_count, seen_room;
    uint64_t bytes;                             /* of initializers */
    ct_dtype dtype;
    bool failed;                                /* a form failed without saying why, or memory */
};

static const char *out_of_memory(ct_onnx *g)
{
    g->failed = true;
    return ct_fail("%s: out of memory", g->path);
}

/* ---- Names ------------------------------------------------------------------------------------------------------------------ */
static const char *keep_name(ct_onnx *g, const char *name, bool is_constant)
{
    if (g->name_count == g->name_room) {
        const size_t room = g->name_room ? 2 * g->name_room : 64;
        struct name *names = heap_resize(g->names, room * sizeof *names);
        if (!names)
            return out_of_memory(g);
        g->names = names, g->name_room = room;
    }
    char *copy = heap_copy_text(name);
    if (!copy)
        return out_of_memory(g);
    g->names[g->name_count++] = (struct name){copy, is_constant};
    return copy;
}

static const struct name *find_name(const ct_onnx *g, const char *name)
{
    for (size_t i = 0; i < g->name_count; i++)
        if (!strcmp(g->names[i].text, name))
            return &g->names[i];
    return NULL;
}

/* "layer1.0" below the model that is exported, which may itself be a part. */
static const char *path_below(const ct_onnx *g, const ct_module *module, char text[MODULE_PATH_BYTES])
{
    char above[MODULE_PATH_BYTES];
    module_path(g->model, above);
    module_path(module, text);
    const size_t skip = *above && module != g->model ? strlen(above) + 1 : strlen(above);
    return text + skip;
}

static const char *new_name(ct_onnx *g, const char *what)
{
    char path[MODULE_PATH_BYTES], name[MODULE_PATH_BYTES + 64];
    const char *below = path_below(g, g->at, path);
    snprintf(name, sizeof name, "%s%s%.40s_%zu", below, *below ? "/" : "", what, g->made++);
    return keep_name(g, name, !strcmp(what, "constant"));
}

/* ---- Nodes and constants -------------------------------------------------------------------------------------------------------- */
static void add_attribute(struct protobuf *node, const ct_onnx_attribute *a)
{
    static const struct {
        int field, type;
    } kinds[] = {[CT_ONNX_NUMBER] = {2, 1}, [CT_ONNX_INTEGER] = {3, 2}, [CT_ONNX_TEXT] = {4, 3}, [CT_ONNX_INTEGERS] = {8, 7}, [CT_ONNX_TEXTS] = {9, 8}};
    const int field = kinds[a->type].field;
    struct protobuf m = {0};
    protobuf_text(&m, ATTRIBUTE_NAME, a->name);
    switch (a->type) {
    case CT_ONNX_NUMBER: protobuf_float(&m, field, (float)a->number); break;
    case CT_ONNX_INTEGER: protobuf_integer(&m, field, a->integer); break;
    case CT_ONNX_TEXT: protobuf_text(&m, field, a->text); break;
    case CT_ONNX_INTEGERS:
        for (size_t i = 0; i < a->count; i++)
            protobuf_integer(&m, field, a->integers[i]);
        break;
    case CT_ONNX_TEXTS:
        for (size_t i = 0; i < a->count; i++)
            protobuf_text(&m, field, a->texts[i]);
        break;
    }
    protobuf_integer(&m, ATTRIBUTE_TYPE, kinds[a->type].type);
    protobuf_message(node, NODE_ATTRIBUTE, &m);
}

static void add_node(ct_onnx *g, const char *op, const char *const *inputs, size_t count, const ct_onnx_attribute *attributes, size_t attribute_count,
                     const char *output)
{
    struct protobuf node = {0};
    while (count && !*inputs[count - 1])        /* those left out at the end */
        count--;
    for (size_t i = 0; i < count; i++)
        protobuf_text(&node, NODE_INPUT, inputs[i]);
    protobuf_text(&node, NODE_OUTPUT, output);
    protobuf_text(&node, NODE_NAME, output);
    protobuf_text(&node, NODE_OP, op);
    for (size_t i = 0; i < attribute_count; i++)
        add_attribute(&node, &attributes[i]);
    protobuf_message(&g->nodes, GRAPH_NODE, &node);
}

const char *ct_onnx_node(ct_onnx *g, const char *op, const char *const *inputs, size_t count, const ct_onnx_attribute *attributes, size_t attribute_count)
{
    bool complete = g && op;
    for (size_t i = 0; i < count; i++)
        complete &= inputs[i] != NULL;
    if (!complete)
        return ct_ok() ? ct_fail("onnx: %s: an input is NULL", op ? op : "a node") : NULL;
    const char *output = new_name(g, op);
    if (output)
        add_node(g, op, inputs, count, attributes, attribute_count, output);
    return output;
}

const char *ct_onnx_tensor(ct_onnx *g, const char *name, ct_tensor *value)
{
    if (!g || !value)
        return ct_ok() ? ct_fail("onnx: %s is NULL", g ? "a tensor" : "the graph") : NULL;
    const struct name *known = name ? find_name(g, name) : NULL;
    if (known)
        return known->is_constant ? known->text : ct_fail("onnx: the name %s is taken", name);
    CT_SCOPE;
    CT_NO_GRAD;
    g->bytes += (uint64_t)ct_numel(value) * ct_dtype_size(ct_dtype_of(value));
    if (g->bytes > MOST_BYTES)
        return ct_fail("%s: %llu bytes of weights or more, an ONNX file holds at most 2 GiB", g->path, (unsigned long long)g->bytes);
    if (!(name = name ? keep_name(g, name, true) : new_name(g, "constant")) || !(value = ct_contiguous(value)))
        return NULL;
    const size_t bytes = (size_t)ct_numel(value) * ct_dtype_size(ct_dtype_of(value));
    struct protobuf m = {0};
    for (int axis = 0; axis < ct_rank(value); axis++)
        protobuf_integer(&m, TENSOR_DIMS, ct_size(value, axis));
    protobuf_integer(&m, TENSOR_TYPE, element_types[ct_dtype_of(value)]);
    protobuf_text(&m, TENSOR_NAME, name);
    protobuf_bytes(&m, TENSOR_RAW, ct_data(value), bytes);
    protobuf_message(&g->initializers, GRAPH_INITIALIZER, &m);
    return name;
}

const char *ct_onnx_weight(ct_onnx *g, ct_module *self, const char *name)
{
    char path[MODULE_PATH_BYTES], whole[MODULE_PATH_BYTES + MODULE_NAME_BYTES];
    for (size_t i = 0; g && self && name && i < self->count; i++)
        if (self->entries[i].tensor && !strcmp(self->entries[i].name, name)) {
            const char *below = path_below(g, self, path);
            snprintf(whole, sizeof whole, "%s%s%s", below, *below ? "." : "", name);
            return ct_onnx_tensor(g, whole, self->entries[i].tensor);
        }
    return "";
}

const char *onnx_number(ct_onnx *g, double value)
{
    CT_SCOPE;
    return ct_onnx_tensor(g, NULL, (ct_full)(NULL, 0, value, g->dtype));
}

const char *onnx_filled(ct_onnx *g, int64_t size, double value)
{
    CT_SCOPE;
    return ct_onnx_tensor(g, NULL, (ct_full)(&size, 1, value, g->dtype));
}

const char *onnx_list(ct_onnx *g, const int64_t *values, size_t count)
{
    CT_SCOPE;
    return ct_onnx_tensor(g, NULL, (ct_from_array)(values, CT_INT64, (const int64_t[]){(int64_t)count}, 1));
}

ct_dtype onnx_dtype(const ct_onnx *g)
{
    return g->dtype;
}

/* ---- Modules ---------------------------------------------------------------------------------------------------------------------- */
const char *ct_onnx_forward(ct_onnx *g, ct_module *part, const char *x)
{
    if (!g || !part || !x)
        return ct_ok() ? ct_fail("onnx: %s is NULL", !g ? "the graph" : !part ? "a part" : "an input") : NULL;
    char path[MODULE_PATH_BYTES];
    const char *below = path_below(g, part, path);
    if (!part->type || !part->type->onnx)
        return ct_fail("onnx: layer %s%s(%s) has no ONNX form", below, *below ? " " : "", part->kind);
    const ct_module *before = g->at;
    const bool was_ok = ct_ok();
    g->at = part;
    const char *y = part->type->onnx(g, part, x);
    g->at = before;
    if (!y && was_ok && ct_ok())
        ct_fail("onnx: layer %s%s(%s) gave nothing", below, *below ? " " : "", part->kind);
    return y;
}

static void note_input(ct_module *self, const ct_tensor *result, void *context)
{
    ct_onnx *g = context;
    (void)result;
    if (!self->input || g->failed)
        return;
    if (g->seen_count == g->seen_room) {
        const size_t room = g->seen_room ? 2 * g->seen_room : 64;
        struct seen *seen = heap_resize(g->seen, room * sizeof *seen);
        if (!seen) {
            out_of_memory(g);
            return;
        }
        g->seen = seen, g->seen_room = room;
    }
    struct seen *seen = &g->seen[g->seen_count++];
    *seen = (struct seen){.module = self, .rank = ct_rank(self->input)};
    for (int axis = 0; axis < seen->rank; axis++)
        seen->sizes[axis] = ct_size(self->input, axis);
}

static const struct seen *seen_of(const ct_onnx *g, const ct_module *self)
{
    for (size_t i = 0; i < g->seen_count; i++)
        if (g->seen[i].module == self)
            return &g->seen[i];
    return NULL;
}

int onnx_rank(const ct_onnx *g, const ct_module *self)
{
    const struct seen *seen = seen_of(g, self);
    return seen ? seen->rank : -1;
}

int64_t onnx_input_size(const ct_onnx *g, const ct_module *self, int axis)
{
    const struct seen *seen = seen_of(g, self);
    return seen ? seen->sizes[axis < 0 ? axis + seen->rank : axis] : -1;
}

static void set_watch(ct_module *module, module_watch *watch, void *context)
{
    module->watch = watch, module->watch_context = context;
    for (size_t i = 0; i < module->count; i++)
        if (module->entries[i].child)
            set_watch(module->entries[i].child, watch, context);
}

/* One run tells the shapes, and that the model takes such an input at all. */
static ct_tensor *run_example(ct_onnx *g, ct_module *model, ct_tensor *x)
{
    CT_NO_GRAD;
    set_watch(model, note_input, g);
    ct_tensor *y = ct_forward(model, x);
    set_watch(model, NULL, NULL);
    return g->failed ? NULL : y;
}

/* ---- The file -------------------------------------------------------------------------------------------------------------------------- */
static void add_value(struct protobuf *graph, int field, const char *name, const ct_tensor *t, const char *const *axes)
{
    struct protobuf shape = {0}, tensor = {0}, type = {0}, value = {0};
    for (int axis = 0; axis < ct_rank(t); axis++) {
        struct protobuf dim = {0};
        if (axis < 2 && axes[axis] && *axes[axis])
            protobuf_text(&dim, DIM_NAME, axes[axis]);
        else if (axis >= 2 || !axes[axis])
            protobuf_integer(&dim, DIM_VALUE, ct_size(t, axis));
        protobuf_message(&shape, SHAPE_DIM, &dim);
    }
    protobuf_integer(&tensor, TYPE_ELEMENT, element_types[ct_dtype_of(t)]);
    protobuf_message(&tensor, TYPE_SHAPE, &shape);
    protobuf_message(&type, TYPE_TENSOR, &tensor);
    protobuf_text(&value, VALUE_NAME, name);
    protobuf_message(&value, VALUE_TYPE, &type);
    protobuf_message(graph, field, &value);
}

/* The last parts of the graph, behind nodes and initializers. */
static void add_ends(struct protobuf *graph, const ct_tensor *x, const ct_tensor *y, const ct_onnx_options *o)
{
    const bool batched = ct_rank(x) && ct_rank(y) && ct_size(x, 0) == ct_size(y, 0);
    const char *const in[] = {o->fixed_batch ? NULL : "batch", o->any_length ? "length" : NULL};
    const char *const out[] = {o->fixed_batch ? NULL : batched ? "batch" : "", o->any_length ? "" : NULL}; /* "": unknown */
    protobuf_text(graph, GRAPH_NAME, "cotangent");
    add_value(graph, GRAPH_INPUT, o->input, x, in);
    add_value(graph, GRAPH_OUTPUT, o->output, y, out);
}

static bool save(const ct_onnx *g, struct protobuf *ends)
{
    struct protobuf head = {0}, opset = {0};
    const uint64_t bytes = (uint64_t)g->nodes.count + g->initializers.count + ends->count;
    protobuf_integer(&head, MODEL_IR_VERSION, IR_VERSION);
    protobuf_text(&head, MODEL_PRODUCER, "cotangent");
    protobuf_integer(&opset, OPSET_VERSION, OPSET);
    protobuf_message(&head, MODEL_OPSET, &opset);
    protobuf_head(&head, MODEL_GRAPH, (size_t)bytes);
    struct atomic_file file = {.descriptor = -1};
    bool good = false;
    if (head.failed || ends->failed || g->nodes.failed || g->initializers.failed)
        ct_fail("%s: out of memory", g->path);
    else if (bytes + head.count > MOST_BYTES)
        ct_fail("%s: %llu bytes, an ONNX file holds at most 2 GiB", g->path, (unsigned long long)bytes);
    else
        good = atomic_file_open(&file, g->path) && atomic_file_write(&file, head.bytes, head.count) &&
               atomic_file_write(&file, g->nodes.bytes, g->nodes.count) && atomic_file_write(&file, g->initializers.bytes, g->initializers.count) &&
               atomic_file_write(&file, ends->bytes, ends->count) && atomic_file_commit(&file);
    atomic_file_abandon(&file);
    protobuf_free(&head);
    return good;
}

static bool find_dtype(const char *name, ct_tensor *tensor, bool is_parameter, void *context)
{
    (void)name, (void)is_parameter;
    if (ct_dtype_of(tensor) > CT_FLOAT64)
        return true;
    *(ct_dtype *)context = ct_dtype_of(tensor);
    return false;
}

static bool export(ct_onnx *g, ct_module *model, ct_tensor *x, const ct_onnx_options *o)
{
    CT_SCOPE;
    ct_tensor *y = run_example(g, model, x);
    const char *input = y ? keep_name(g, o->input, false) : NULL, *last = input ? ct_onnx_forward(g, model, input) : NULL;
    if (last && find_name(g, o->output))
        return ct_fail("onnx: the name %s is taken", o->output) != NULL;
    const char *output = last ? keep_name(g, o->output, false) : NULL;
    if (!output)
        return ct_ok() && ct_fail("%s: the model could not be exported", g->path);
    add_node(g, "Identity", &last, 1, NULL, 0, output);
    struct protobuf ends = {0};
    add_ends(&ends, x, y, o);
    const bool good = save(g, &ends);
    protobuf_free(&ends);
    return good;
}

bool(ct_model_export_onnx)(ct_module *model, const char *path, ct_tensor *x, const ct_onnx_options *options)
{
    ct_onnx_options o = options ? *options : (ct_onnx_options){.end_ = 0};
    o.input = o.input ? o.input : "input", o.output = o.output ? o.output : "output";
    if (!model || !path || !x)
        return ct_ok() && ct_fail("export_onnx: %s is NULL", !model ? "model" : !path ? "path" : "the example");
    if (!*o.input || !*o.output || !strcmp(o.input, o.output))
        return ct_fail("export_onnx: input \"%s\", output \"%s\": want two names", o.input, o.output) != NULL;
    ct_onnx g = {.model = model, .at = model, .path = path, .dtype = ct_dtype_of(x) <= CT_FLOAT64 ? ct_dtype_of(x) : ct_default_dtype()};
    if (!ct_module_each(model, find_dtype, &g.dtype) && !ct_ok())
        return false;
    module_pause_training(model);
    const bool good = export(&g, model, x, &o);
    module_resume_training(model);
    protobuf_free(&g.nodes), protobuf_free(&g.initializers);
    for (size_t i = 0; i < g.name_count; i++)
        heap_free(g.names[i].text);
    heap_free(g.names);
    heap_free(g.seen);
    return good;
}
