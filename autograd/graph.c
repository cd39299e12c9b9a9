/* The graph: one node a recorded call, pointing at what it was computed from. */
#include "inspecting.h"

/* ---- Recording ------------------------------------------------------------------------------------------------------------- */
static bool wants_recording(ct_tensor *const *inputs, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (inputs[i] && inputs[i]->flags & WANTS_GRAD)
            return true;
    return false;
}

/* What a VJP may read of the op's own output: the values without the node, or the shape alone. */
static ct_tensor *output_alias(const ct_tensor *y, bool with_value)
{
    ct_tensor *alias = memory_get(y->rank ? sizeof *alias : offsetof(ct_tensor, sizes));
    if (!alias)
        return NULL;
    memcpy(alias, y, offsetof(ct_tensor, sizes));
    memcpy(alias->sizes, y->sizes, y->rank * sizeof *y->sizes);
    memcpy(alias->strides, y->strides, y->rank * sizeof *y->strides);
    atomic_init(&alias->refs, 1), atomic_init(&alias->links, 1);
    alias->thread = NULL, alias->node = NULL, alias->leaf = NULL, alias->flags = 0;
    if (with_value) {
        atomic_fetch_add_explicit(&y->storage->refs, 1, memory_order_relaxed);
        alias->slot = atomic_load_explicit(&y->storage->version, memory_order_relaxed); /* no scope owns it: the place is free */
    } else
        alias->storage = NULL;
    return alias;
}

bool graph_record_many(const struct op *op, ct_tensor *const *outputs, size_t output_count, ct_tensor *const *inputs,
                       size_t count, const void *context, size_t bytes)
{
    const size_t arrays = 2 * output_count * sizeof(ct_tensor *), edges = count * sizeof(struct edge);
    const size_t whole = sizeof(ct_node) + edges + arrays + bytes;
    ct_node *node = memory_get(whole);
    if (UNLIKELY(!node))
        return ct_fail("%s: out of memory for the graph", op->name) != NULL;
    node->bytes = (uint32_t)whole;
    node->input_count = (uint16_t)count, node->output_count = (uint16_t)output_count;
    node->freed = node->needed = 0;
    node->mark = thread_state.mark & ((1u << 30) - 1);
    node->op = op;
    node->hooks = NULL;
    ct_tensor **cotangents = cotangents_of(node), **aliases = outputs_of(node);
    if (bytes)
        memcpy(context_of(node), context, bytes);
    atomic_init(&node->walk, NULL);

    const bool aliased = op->reads & READS_OUTPUT || output_count > 1;
    for (size_t i = 0; i < output_count; i++) {
        cotangents[i] = NULL;
        aliases[i] = aliased ? output_alias(outputs[i], op->reads & READS_OUTPUT) : NULL;
        if (UNLIKELY(aliased && !aliases[i])) {
            while (i-- > 0)
                tensor_drop(aliases[i]);
            memory_put(node, whole);
            return ct_fail("%s: out of memory for the graph", op->name) != NULL;
        }
    }

    uint64_t key = 0;
    for (size_t i = 0; i < count; i++) {
        ct_tensor *x = inputs[i];
        struct edge *e = &node->edges[i];
        *e = (struct edge){.tensor = x};
        if (!x)
            continue;
        e->wants = x->flags & WANTS_GRAD;
        e->reads = i < 30 && op->reads & READS(i);
        if (e->reads) {
            tensor_retain(x);
            e->version = atomic_load_explicit(&x->storage->version, memory_order_relaxed);
        } else
            tensor_link(x);
        if (x->node && x->node->key > key)
            key = x->node->key;
    }
    node->key = key + 1;
    node->serial = ++thread_state.ops & ((UINT64_C(1) << 48) - 1);
    node->place = thread_state.place;
    uint32_t holders = 0;
    for (size_t i = 0; i < output_count; i++)
        if (outputs[i]->dtype <= CT_FLOAT64) {
            outputs[i]->node = node;
            outputs[i]->output = (uint8_t)i;
            outputs[i]->flags |= WANTS_GRAD;
            holders++;
        }
    atomic_init(&node->refs, holders);
    return true;
}

void observe_ops(op_observer *call, void *context)
{
    if (call && !thread_state.observer)
        atomic_fetch_add(&inspecting, OBSERVER);
    else if (!call && thread_state.observer)
        atomic_fetch_sub(&inspecting, OBSERVER);
    thread_state.observer = call, thread_state.observer_context = context;
}

static void observe(const char *op, const ct_tensor *y, ct_tensor *const *inputs, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (inputs[i] && inputs[i]->storage == y->storage) /* a view */
            return;
    thread_state.observer(thread_state.place, op_multiply_adds(op, y, inputs, count), (double)tensor_numel(y) * (double)ct_dtype_size((ct_dtype)y->dtype),
                          thread_state.observer_context);
}

static __attribute__((noinline)) bool inspect(const struct op *op, ct_tensor *y, ct_tensor *const *inputs, size_t count)
{
    if (thread_state.observer)
        observe(op->name, y, inputs, count);
    if (inspected() & PROFILE)
        profile_op_end(op->name, y, inputs, count);
    return anomaly_result(op->name, y, inputs, count, recording() && op->vjp && wants_recording(inputs, count));
}

ct_tensor *graph_record(const struct op *op, ct_tensor *y, ct_tensor *const *inputs, size_t count, const void *context, size_t bytes)
{
    if (UNLIKELY(!y))
        return NULL;
    y->origin = op;
    if (UNLIKELY(inspected()) && !inspect(op, y, inputs, count))
        return NULL;
    if (!recording() || !op->vjp || !is_floating(y) || !wants_recording(inputs, count))
        return y;
    return graph_record_many(op, &y, 1, inputs, count, context, bytes) ? y : NULL;
}

/* ---- Release ------------------------------------------------------------------------------------------------------------------- */
static void free_hooks(struct hook *h)
{
    for (struct hook *next; h; h = next) {
        next = h->next;
        heap_free(h);
    }
}

void node_release_saved(ct_node *node)
{
    if (node->freed)
        return;
    node->freed = true;
    for (size_t i = 0; i < node->input_count; i++) {
        ct_tensor *x = node->edges[i].tensor;
        node->edges[i].tensor = NULL;
        if (x && node->edges[i].reads)
            tensor_drop(x);
        else if (x)
            tensor_unlink(x);
    }
    ct_tensor **aliases = outputs_of(node);
    for (size_t i = 0; i < node->output_count; i++)
        if (aliases[i]) {
            tensor_drop(aliases[i]);
            aliases[i] = NULL;
        }
    if (node->op->end)
        node->op->end(context_of(node));
}

/* Freeing a node frees its inputs, whose nodes may end too, and so on for a million steps: the ended ones queue up. */
void node_drop(ct_node *node)
{
    struct thread *self = &thread_state;
    if (!last_owner(&node->refs))
        return;
    node->next_dead = self->dead;
    self->dead = node;
    if (self->draining)
        return;
    self->draining = true;
    while ((node = self->dead)) {
        self->dead = node->next_dead;
        node_release_saved(node);
        free_hooks(node->hooks);
        memory_put(node, node->bytes);
    }
    self->draining = false;
}

/* ---- What a VJP sees --------------------------------------------------------------------------------------------------------------- */
bool ct_node_wants(const ct_node *node, int input)
{
    return node && input >= 0 && input < node->input_count && edge_wants(&node->edges[input]);
}

ct_tensor *ct_node_input(ct_node *node, int input)
{
    if (!node || input < 0 || input >= node->input_count)
        return ct_fail("node_input: no input %d of %s", input, node ? node->op->name : "NULL");
    return node->edges[input].tensor;
}

ct_tensor *ct_node_output(ct_node *node, int output)
{
    if (!node || output < 0 || output >= node->output_count)
        return ct_fail("node_output: no output %d of %s", output, node ? node->op->name : "NULL");
    ct_tensor *alias = outputs_of(node)[output];
    if (!alias)
        return ct_fail("node_output: %s does not read its output", node->op->name);
    if (!recording() || !alias->storage)
        return alias;
    ct_tensor *y = tensor_view(node->op->name, alias, alias->rank, alias->sizes, alias->strides, 0);
    if (y && is_floating(y)) {                  /* rejoined with its node, so that gradients of gradients flow through it */
        atomic_fetch_add_explicit(&node->refs, 1, memory_order_relaxed);
        y->node = node, y->output = (uint8_t)output, y->flags |= WANTS_GRAD;
    }
    return y;
}

const char *ct_node_name(const ct_node *node)
{
    return node ? node->op->name : "NULL";
}

/* ---- Ops from outside ------------------------------------------------------------------------------------------------------------------ */
struct custom {                                 /* the context of such a node: its op lives in it */
    struct op op;
    char name[48];
    ct_record_options user;
};

static void free_user(const ct_record_options *o)
{
    if (o && o->free_context)
        o->free_context(o->context);
}

static void custom_end(void *context)
{
    struct custom *c = context;
    free_user(&c->user);
}

void *ct_node_context(ct_node *node)
{
    if (!node)
        return NULL;
    return node->op->end == custom_end ? ((struct custom *)context_of(node))->user.context : context_of(node);
}

static bool is_fresh(ct_tensor *const *outputs, size_t at, ct_tensor *const *inputs, size_t count)
{
    const ct_tensor *y = outputs[at];
    if (!y || !y->storage || y->node || y->flags & WANTS_GRAD || atomic_load(&y->links) > 1)
        return false;
    for (size_t i = 0; i < at; i++)
        if (outputs[i] == y)
            return false;
    for (size_t i = 0; i < count; i++)
        if (inputs[i] == y)
            return false;
    return true;
}

ct_tensor *(ct_record)(const char *name, ct_vjp *vjp, ct_tensor *const *outputs, size_t output_count, ct_tensor *const *inputs,
                       size_t count, const ct_record_options *options)
{
    bool missing = !outputs || !output_count || !outputs[0];
    if (missing || !name || !vjp || (count && !inputs) || output_count > 255 || count > 30) {
        if (!name || !vjp || ct_ok())
            ct_fail("record: %s: want a name, a VJP, 1 to 255 outputs and up to 30 inputs", name ? name : "an op");
        free_user(options);
        return NULL;
    }
    for (size_t i = 0; i < output_count; i++)
        if (!is_fresh(outputs, i, inputs, count)) {
            if (outputs[i] || ct_ok())
                ct_fail("record: %s: output %zu is %s", name, i,
                        outputs[i] ? "not fresh: an input, named before, or part of a graph already" : "NULL");
            free_user(options);
            return NULL;
        }
    for (size_t i = 0; i < count; i++)
        if (inputs[i] && !given(name, "an input", inputs[i])) {
            free_user(options);
            return NULL;
        }
    const bool recorded = recording() && wants_recording(inputs, count);
    for (size_t i = 0; i < output_count && UNLIKELY(inspected()); i++)
        if (!anomaly_result(name, outputs[i], inputs, count, recorded)) {
            free_user(options);
            return NULL;
        }
    if (!recorded) {
        free_user(options);
        return outputs[0];
    }
    size_t floating_at = 0;
    while (floating_at < output_count && !is_floating(outputs[floating_at]))
        floating_at++;
    if (floating_at == output_count) {
        free_user(options);
        return ct_fail("record: %s: no output is floating", name);
    }
    struct custom c = {.op = {.vjp = vjp, .reads = READS_OUTPUT | READS_INPUTS, .end = custom_end}};
    if (options)
        c.user = *options;
    snprintf(c.name, sizeof c.name, "%s", name);
    c.op.name = c.name;
    if (!graph_record_many(&c.op, outputs, output_count, inputs, count, &c, sizeof c)) {
        free_user(options);
        return NULL;
    }
    ct_node *node = outputs[floating_at]->node;
    struct custom *own = context_of(node);
    own->op.name = own->name;
    node->op = &own->op;
    return outputs[0];
}
