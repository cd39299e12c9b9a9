/* The walk from a root against the direction of the computation.
 *
 * A heap holds the nodes that have a cotangent and wait; the one of the highest key goes next, so all nodes that use a value
 * come before the node that made it. Nothing recurses, however deep the graph. */
#include "internal.h"

struct target {                                 /* an input of ct_grads */
    ct_tensor *tensor, *gradient;
};
struct walk {
    const char *name;                           /* "backward" or "grad" */
    ct_node **heap;
    size_t count, room;
    struct target *targets;
    size_t target_count;
    uint32_t mark;                              /* of no other walk under way */
    bool retain, gather;                        /* gather: into leaves; otherwise into targets */
};

/* ---- The heap ------------------------------------------------------------------------------------------------------------------ */
static bool heap_push(struct walk *w, ct_node *node)
{
    if (w->count == w->room) {
        size_t room = w->room ? 2 * w->room : 64;
        ct_node **bigger = memory_get(room * sizeof *bigger);
        if (!bigger)
            return ct_fail("%s: out of memory", w->name) != NULL;
        if (w->count)
            memcpy(bigger, w->heap, w->count * sizeof *bigger);
        memory_put(w->heap, w->room * sizeof *bigger);
        w->heap = bigger, w->room = room;
    }
    size_t i = w->count++;
    for (; i > 0 && w->heap[(i - 1) / 2]->key < node->key; i = (i - 1) / 2)
        w->heap[i] = w->heap[(i - 1) / 2];
    w->heap[i] = node;
    return true;
}

static ct_node *heap_pop(struct walk *w)
{
    ct_node *top = w->heap[0], *moved = w->heap[--w->count];
    size_t i = 0;
    for (size_t child; (child = 2 * i + 1) < w->count; i = child) {
        if (child + 1 < w->count && w->heap[child + 1]->key > w->heap[child]->key)
            child++;
        if (w->heap[child]->key <= moved->key)
            break;
        w->heap[i] = w->heap[child];
    }
    w->heap[i] = moved;
    return top;
}

static bool is_anothers(const struct walk *w, const ct_node *node)
{
    ct_fail("%s: %s (op %llu) is being walked by another backward", w->name, node->op->name, (unsigned long long)node->serial);
    return false;
}

/* Marks x's node as this walk's, once, and keeps it alive while it waits: through the link of the edge that led here where
 * that is about to go anyway (it is taken over and the edge forgets x), else by a reference of its own. */
static bool claim(struct walk *w, ct_tensor *x, struct edge *edge)
{
    ct_node *node = x->node;
    void *owner = NULL;
    if (!atomic_compare_exchange_strong_explicit(&node->walk, &owner, w, memory_order_acquire, memory_order_acquire)) {
        return owner == w || is_anothers(w, node);
    }
    if (!heap_push(w, node)) {
        atomic_store_explicit(&node->walk, NULL, memory_order_release);
        return false;
    }
    if (edge && !edge->reads && !w->retain) {
        node->holder = x;
        edge->tensor = NULL;
    } else {
        node->holder = NULL;
        atomic_fetch_add_explicit(&node->refs, 1, memory_order_relaxed);
    }
    return true;
}

static void unclaim(ct_node *node)
{
    for (size_t i = 0; i < node->output_count; i++)
        if (cotangents_of(node)[i]) {
            tensor_drop(cotangents_of(node)[i]);
            cotangents_of(node)[i] = NULL;
        }
    ct_tensor *holder = node->holder;
    atomic_store_explicit(&node->walk, NULL, memory_order_release);
    if (holder)
        tensor_unlink(holder);
    else
        node_drop(node);
}

/* ---- Sending a gradient on ------------------------------------------------------------------------------------------------------------ */
/* Adds g to *sum; both references are ours. A sum that nobody else sees is added to in place. */
static bool add_up(ct_tensor **sum, ct_tensor *g)
{
    if (!*sum) {
        *sum = g;
        return true;
    }
    if (!recording() && tensor_is_private(*sum) && !tensor_overlaps_itself(*sum)) {
        add_values(*sum, g);
        tensor_drop(g);
        return true;
    }
    ct_scope scope = ct_scope_open();
    ct_tensor *total = ct_add(*sum, g);
    if (total) {
        tensor_retain(total);
        tensor_drop(*sum);
        *sum = total;
    }
    ct_scope_close(scope);
    tensor_drop(g);
    return total != NULL;
}

static struct target *target_of(struct walk *w, const ct_tensor *leaf)
{
    for (size_t i = 0; i < w->target_count; i++)
        if (w->targets[i].tensor == leaf)
            return &w->targets[i];
    return NULL;
}

/* g, whose reference is ours, has reached x, along an edge or (NULL) as the seed. */
static bool deliver(struct walk *w, ct_tensor *x, struct edge *edge, ct_tensor *g)
{
    if (x->node) {
        if (!claim(w, x, edge)) {
            tensor_drop(g);
            return false;
        }
        return add_up(&cotangents_of(x->node)[x->output], g);
    }
    if (w->gather)
        return leaf_accumulate(x, g);
    struct target *t = target_of(w, x);
    if (!t) {
        tensor_drop(g);
        return true;
    }
    if (x->leaf && !(g = run_hooks(leaf_hooks(x->leaf), 0, g)))
        return false;
    return add_up(&t->gradient, g);
}

/* ---- One node ---------------------------------------------------------------------------------------------------------------------------- */
static bool unchanged(const struct walk *w, const ct_node *node, const ct_tensor *t, uint32_t version)
{
    if (!t || !t->storage || atomic_load_explicit(&t->storage->version, memory_order_relaxed) == version)
        return true;
    const char *by = atomic_load_explicit(&t->storage->changed_by, memory_order_relaxed);
    return ct_fail("%s: %s (op %llu) needs a value that was changed in place by %s", w->name, node->op->name,
                   (unsigned long long)node->serial, by ? by : "an unnamed op") != NULL;
}

static bool check_saved(const struct walk *w, ct_node *node)
{
    if (node->freed)
        return ct_fail("%s: %s (op %llu) was freed by an earlier backward; give that one .retain_graph = true", w->name,
                       node->op->name, (unsigned long long)node->serial) != NULL;
    for (size_t i = 0; i < node->input_count; i++)
        if (node->edges[i].reads && !unchanged(w, node, node->edges[i].tensor, node->edges[i].version))
            return false;
    for (size_t i = 0; i < node->output_count; i++)
        if (outputs_of(node)[i] && !unchanged(w, node, outputs_of(node)[i], outputs_of(node)[i]->slot))
            return false;
    return true;
}

static bool fits(const ct_node *node, size_t input, const ct_tensor *g)
{
    const ct_tensor *x = node->edges[input].tensor;
    if (LIKELY(g->storage && same_sizes(g, x) && g->dtype == x->dtype))
        return true;
    return ct_fail("backward: the VJP of %s gave input %zu, %s %s, a gradient of %s %s", node->op->name, input,
                   ct_dtype_name(x->dtype), SHAPE(x), ct_dtype_name(g->dtype), SHAPE(g)) != NULL;
}

static bool missing_cotangents(ct_node *node)
{
    for (size_t i = 0; i < node->output_count; i++)
        if (!cotangents_of(node)[i]) {
            const ct_tensor *y = outputs_of(node)[i];
            ct_tensor *zero = (ct_zeros)(y->sizes, y->rank, is_floating(y) ? (ct_dtype)y->dtype : ct_default_dtype());
            if (!zero)
                return false;
            tensor_retain(zero);
            cotangents_of(node)[i] = zero;
        }
    return true;
}

static bool capture(struct walk *w, ct_node *node)
{
    for (size_t i = 0; i < w->target_count; i++) {
        struct target *t = &w->targets[i];
        ct_tensor *g = t->tensor->node == node ? cotangents_of(node)[t->tensor->output] : NULL;
        if (g) {
            tensor_retain(g);
            t->gradient = g;
        }
    }
    return true;
}

static uint64_t versions_of(ct_node *node)      /* of all its cotangents: they only ever rise, so the sum tells a change */
{
    uint64_t sum = 0;
    for (size_t i = 0; i < node->output_count; i++)
        sum += atomic_load_explicit(&cotangents_of(node)[i]->storage->version, memory_order_relaxed);
    return sum;
}

static bool visit(struct walk *w, ct_node *node)
{
    for (size_t i = 0; node->hooks && i < node->output_count; i++)
        if (cotangents_of(node)[i] && !(cotangents_of(node)[i] = run_hooks(&node->hooks, (uint8_t)i, cotangents_of(node)[i])))
            return false;
    if (w->target_count && !capture(w, node))
        return false;
    if (!w->gather && node->mark != w->mark)    /* another ct_grads came between, and said what it needs */
        return is_anothers(w, node);
    if (!w->gather && !node->needed)
        return true;
    if (!check_saved(w, node))
        return false;

    enum { FEW = 8 };
    ct_tensor *few[FEW], **gradients = few;
    size_t bytes = node->input_count * sizeof *gradients;
    if (node->input_count > FEW && !(gradients = memory_get(bytes)))
        return ct_fail("%s: out of memory", w->name) != NULL;
    memset(gradients, 0, bytes);

    uint64_t failures = thread_state.failures;
    ct_scope scope = ct_scope_open();
    bool ok = scope && (node->output_count == 1 || missing_cotangents(node));
    if (ok) {
        bool fused = node->op->fused && !recording() && !thread_state.expressions_only;
        const uint64_t before = versions_of(node);
        (fused ? node->op->fused : node->op->vjp)(node, cotangents_of(node), gradients);
        ok = thread_state.failures == failures;
        if (ok && versions_of(node) != before)
            ok = ct_fail("%s: the VJP of %s changed a cotangent in place, which others may share", w->name, node->op->name) != NULL;
    }
    ct_tensor **cotangents = cotangents_of(node);
    for (size_t i = node->input_count; i-- > 0;) {
        if (!gradients[i])
            continue;
        ok = ok && (!node->edges[i].wants || fits(node, i, gradients[i]));
        if (!ok || !node->edges[i].wants)
            gradients[i] = NULL;
        else if (gradients[i] == cotangents[0])
            cotangents[0] = NULL;               /* passed on: its reference goes along */
        else
            tensor_retain(gradients[i]);
    }
    ct_scope_close(scope);
    for (size_t i = 0; i < node->output_count; i++)
        if (cotangents[i]) {                    /* before the next nodes run: a value nobody needs is memory they can use */
            tensor_drop(cotangents[i]);
            cotangents[i] = NULL;
        }
    for (size_t i = 0; i < node->input_count; i++) {
        if (gradients[i] && ok)
            ok = deliver(w, node->edges[i].tensor, &node->edges[i], gradients[i]);
        else if (gradients[i])
            tensor_drop(gradients[i]);
    }
    if (gradients != few)
        memory_put(gradients, bytes);
    return ok;
}

static bool run(struct walk *w)
{
    bool ok = true;
    while (w->count) {
        ct_node *node = heap_pop(w);
        const bool visited = ok;
        ok = ok && visit(w, node);
        if (visited && !w->retain && (w->gather || node->needed))
            node_release_saved(node);           /* also where it failed: claims have taken its links over */
        unclaim(node);
    }
    memory_put(w->heap, w->room * sizeof *w->heap);
    w->heap = NULL, w->room = 0;
    return ok;
}

/* ---- Roots ----------------------------------------------------------------------------------------------------------------------------------- */
static bool check_root(const char *name, ct_tensor *root, ct_tensor *cotangent)
{
    if (!given(name, "the root", root))
        return false;
    if (!(root->flags & WANTS_GRAD)) {
        if (root->origin && !root->origin->vjp)
            return ct_fail("%s: the root wants no gradient: %s is not differentiable", name, root->origin->name) != NULL;
        return ct_fail("%s: the root wants no gradient: no leaf that does went into it, or recording was off", name) != NULL;
    }
    if (!cotangent && tensor_numel(root) != 1)
        return ct_fail("%s: the root has shape %s; only one element goes without a cotangent", name, SHAPE(root)) != NULL;
    if (cotangent && !given(name, "the cotangent", cotangent))
        return false;
    if (cotangent && !same_sizes(cotangent, root))
        return ct_fail("%s: the cotangent has shape %s, the root %s", name, SHAPE(cotangent), SHAPE(root)) != NULL;
    if (cotangent && cotangent->dtype != root->dtype)
        return ct_fail("%s: the cotangent is %s, the root %s", name, ct_dtype_name(cotangent->dtype), ct_dtype_name(root->dtype)) != NULL;
    return true;
}

static ct_tensor *seed(ct_tensor *root, ct_tensor *cotangent) /* with a reference of ours */
{
    ct_scope scope = ct_scope_open();
    ct_tensor *g = cotangent ? cotangent : ct_ones_like(root);
    if (g)
        tensor_retain(g);
    ct_scope_close(scope);
    return g;
}

static bool start(struct walk *w, ct_tensor *root, ct_tensor *cotangent)
{
    ct_tensor *g = seed(root, cotangent);
    return g && deliver(w, root, NULL, g);
}

bool(ct_backward)(ct_tensor *root, const ct_backward_options *options)
{
    ct_backward_options o = options ? *options : (ct_backward_options){0};
    if (!check_root("backward", root, o.cotangent))
        return false;
    struct walk w = {.name = "backward", .retain = o.retain_graph, .gather = true};
    bool was = ct_set_recording(false);
    bool ok = start(&w, root, o.cotangent);
    ok = run(&w) && ok;                         /* also after a failed start: what waits must be let go */
    ct_set_recording(was);
    return ok;
}

/* ---- Gradients of chosen tensors ----------------------------------------------------------------------------------------------------------- */
/* Marks the nodes from which a target can be reached. All nodes are claimed on the way, in falling order of keys, and judged
 * in the reverse order: what a node is computed from is judged before it. */
static bool mark_needed(struct walk *w, ct_tensor *const *outputs, size_t output_count)
{
    ct_node **order = NULL;
    size_t count = 0, room = 0;
    bool ok = true;
    for (size_t i = 0; i < output_count && ok; i++)
        ok = !outputs[i]->node || claim(w, outputs[i], NULL);
    while (w->count) {
        ct_node *node = heap_pop(w);
        if (ok && count == room) {
            size_t bigger = room ? 2 * room : 256;
            ct_node **more = memory_get(bigger * sizeof *more);
            ok = more || ct_fail("%s: out of memory", w->name);
            if (more) {
                if (count)
                    memcpy(more, order, count * sizeof *more);
                memory_put(order, room * sizeof *order);
                order = more, room = bigger;
            }
        }
        if (!ok) {
            unclaim(node);
            continue;
        }
        order[count++] = node;
        for (size_t i = 0; i < node->input_count && ok; i++)
            if (node->edges[i].wants && node->edges[i].tensor && node->edges[i].tensor->node)
                ok = claim(w, node->edges[i].tensor, NULL);
    }
    for (size_t n = count; n-- > 0;) {
        ct_node *node = order[n];
        node->mark = w->mark;
        node->needed = node->freed;             /* whether it could not be told any more: let the visit say so */
        for (size_t i = 0; i < node->input_count && !node->needed; i++) {
            const ct_tensor *x = node->edges[i].tensor;
            if (!x || !node->edges[i].wants)
                continue;
            node->needed = target_of(w, x) || (x->node && x->node->needed);
            for (size_t t = 0; x->node && t < w->target_count && !node->needed; t++)
                node->needed = w->targets[t].tensor->node == x->node;
        }
    }
    for (size_t n = 0; n < count; n++)
        unclaim(order[n]);
    memory_put(order, room * sizeof *order);
    return ok;
}

static bool collect(struct walk *w, ct_tensor *const *inputs, ct_tensor **gradients, bool allow_unused)
{
    bool ok = true;
    for (size_t i = 0; i < w->target_count && ok; i++) {
        const struct target *first = w->targets;
        while (first->tensor != inputs[i])      /* an input named twice gets the one gradient twice */
            first++;
        gradients[i] = first->gradient;
        if (!gradients[i] && !allow_unused)
            ok = ct_fail("grad: input %zu, %s, was not used to compute the output; .allow_unused = true gives NULL for it", i, SHAPE(inputs[i])) != NULL;
    }
    for (size_t i = 0; i < w->target_count; i++) {
        ct_tensor *g = w->targets[i].gradient;
        if (g && ok)
            ok = scope_adopt(g);
        else if (g)
            tensor_drop(g);
    }
    for (size_t i = 0; i < w->target_count && !ok; i++)
        gradients[i] = NULL;
    return ok;
}

bool(ct_grads)(ct_tensor *const *outputs, size_t output_count, ct_tensor *const *inputs, size_t input_count, ct_tensor **gradients,
               const ct_grad_options *options)
{
    ct_grad_options o = options ? *options : (ct_grad_options){0};
    if (!outputs || !inputs || !gradients || !output_count || !input_count)
        return ct_fail("grad: want at least one output, one input and room for the gradients") != NULL;
    for (size_t i = 0; i < input_count; i++)
        gradients[i] = NULL;
    for (size_t i = 0; i < output_count; i++)
        if (!check_root("grad", outputs[i], o.cotangents ? o.cotangents[i] : NULL))
            return false;
    for (size_t i = 0; i < input_count; i++) {
        if (!given_shape("grad", "an input", inputs[i]))
            return false;
        if (!(inputs[i]->flags & WANTS_GRAD))
            return ct_fail("grad: input %zu, %s, wants no gradient", i, SHAPE(inputs[i])) != NULL;
    }
    struct target few[8], *targets = input_count <= COUNT_OF(few) ? few : memory_get(input_count * sizeof *targets);
    if (!targets)
        return ct_fail("grad: out of memory") != NULL;
    for (size_t i = 0; i < input_count; i++)
        targets[i] = (struct target){.tensor = inputs[i]};
    static atomic_uint marks;
    struct walk w = {.name = "grad", .retain = o.retain_graph || o.create_graph, .targets = targets, .target_count = input_count,
                     .mark = atomic_fetch_add(&marks, 1) % (1u << 30)};
    bool was = ct_set_recording(false);
    bool ok = mark_needed(&w, outputs, output_count);
    ct_set_recording(o.create_graph);
    for (size_t i = 0; i < output_count && ok; i++)
        ok = start(&w, outputs[i], o.cotangents ? o.cotangents[i] : NULL);
    ok = run(&w) && ok;
    ct_set_recording(was);
    if (ok)
        ok = collect(&w, inputs, gradients, o.allow_unused);
    else
        for (size_t i = 0; i < input_count; i++)
            if (targets[i].gradient)
                tensor_drop(targets[i].gradient);
    if (targets != few)
        memory_put(targets, input_count * sizeof *targets);
    return ok;
}

ct_tensor *(ct_grad)(ct_tensor *output, ct_tensor *input, const ct_grad_options *options)
{
    ct_grad_options o = options ? *options : (ct_grad_options){0};
    ct_tensor *gradient = NULL;
    if (o.cotangent)
        o.cotangents = &o.cotangent;
    return (ct_grads)(&output, 1, &input, 1, &gradient, &o) ? gradient : NULL;
}

/* ---- Recording on and off --------------------------------------------------------------------------------------------------------------------- */
bool ct_recording(void)
{
    return recording();
}

bool ct_set_recording(bool on)
{
    bool was = recording();
    thread_state.recording_off = !on;
    return was;
}

char ct_no_grad_enter_(void)
{
    return ct_set_recording(false);
}

void ct_no_grad_leave_(const char *was)
{
    thread_state.recording_off = !*was;
}
