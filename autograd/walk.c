/* The walk from a root against the direction of the computation.
 *
 * A heap holds the nodes that have a cotangent and wait; the one of the highest key goes next, so all nodes that use a value
 * come before the node that made it. Nothing recurses, however deep the graph. */
#include "checkpoint.h"
#include "inspecting.h"

/* ---- The heap: by key; among equals what was recorded later, so that sums have one order --------------------------------- */
static bool goes_before(const ct_node *a, const ct_node *b)
{
    return a->key != b->key ? a->key > b->key : a->serial > b->serial;
}

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
    for (; i > 0 && goes_before(node, w->heap[(i - 1) / 2]); i = (i - 1) / 2)
        w->heap[i] = w->heap[(i - 1) / 2];
    w->heap[i] = node;
    return true;
}

ct_node *walk_next(struct walk *w)
{
    ct_node *top = w->heap[0], *moved = w->heap[--w->count];
    size_t i = 0;
    for (size_t child; (child = 2 * i + 1) < w->count; i = child) {
        if (child + 1 < w->count && goes_before(w->heap[child + 1], w->heap[child]))
            child++;
        if (!goes_before(w->heap[child], moved))
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

bool walk_claim(struct walk *w, ct_tensor *x, struct edge *edge)
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

void walk_unclaim(ct_node *node)
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

struct target *walk_target(const struct walk *w, const ct_tensor *leaf)
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
        if (!walk_claim(w, x, edge)) {
            tensor_drop(g);
            return false;
        }
        return add_up(&cotangents_of(x->node)[x->output], g);
    }
    if (w->gather)
        return leaf_accumulate(x, g);
    struct target *t = walk_target(w, x);
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

/* The stretch of graph that a checkpoint stands for takes its place. */
static bool unfold(struct walk *w, ct_node *node)
{
    const ct_scope scope = ct_scope_open();
    ct_tensor *y = scope ? checkpoint_unfold(w, node) : NULL, **cotangent = cotangents_of(node);
    bool ok = false;
    if (y) {
        ok = deliver(w, y, NULL, *cotangent);
        *cotangent = NULL;
    }
    ct_scope_close(scope);
    return ok;
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

    if (UNLIKELY(is_checkpoint(node)))
        return unfold(w, node);

    enum { FEW = 8 };
    ct_tensor *few[FEW], **gradients = few;
    size_t bytes = node->input_count * sizeof *gradients;
    if (node->input_count > FEW && !(gradients = memory_get(bytes)))
        return ct_fail("%s: out of memory", w->name) != NULL;
    memset(gradients, 0, bytes);

    const bool was_in_vjp = thread_state.in_vjp, was_selective = thread_state.selective; /* of a walk whose VJP or hook began this one */
    uint64_t failures = thread_state.failures;
    ct_scope scope = ct_scope_open();
    bool ok = scope && (node->output_count == 1 || missing_cotangents(node));
    if (ok) {
        bool fused = node->op->fused && !recording() && !thread_state.expressions_only;
        const uint64_t before = versions_of(node);
        thread_state.selective = !w->gather, thread_state.in_vjp = true;
        const struct span span = UNLIKELY(inspected() & PROFILE) ? profile_vjp_begin() : (struct span){0};
        (fused ? node->op->fused : node->op->vjp)(node, cotangents_of(node), gradients);
        if (UNLIKELY(span.name != NULL))
            profile_vjp_end(&span, node, cotangents_of(node), gradients);
        thread_state.in_vjp = was_in_vjp;
        ok = thread_state.failures == failures;
        if (UNLIKELY(inspected()) && ok)
            ok = anomaly_gradients(node, cotangents_of(node), gradients);
        if (ok && versions_of(node) != before)
            ok = ct_fail("%s: the VJP of %s changed a cotangent in place, which others may share", w->name, node->op->name) != NULL;
    }
    ct_tensor **cotangents = cotangents_of(node);
    for (size_t i = node->input_count; i-- > 0;) {
        if (!gradients[i])
            continue;
        ok = ok && (!edge_wants(&node->edges[i]) || fits(node, i, gradients[i]));
        if (!ok || !edge_wants(&node->edges[i]))
            gradients[i] = NULL;
        else if (gradients[i] == cotangents[0])
            cotangents[0] = NULL;               /* passed on: its reference goes along */
        else
            tensor_retain(gradients[i]);
    }
    thread_state.selective = was_selective;
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

bool walk_run(struct walk *w)
{
    bool ok = true;
    while (w->count) {
        ct_node *node = walk_next(w);
        const bool visited = ok;
        ok = ok && visit(w, node);
        if (visited && !w->retain && (w->gather || node->needed))
            node_release_saved(node);           /* also where it failed: claims have taken its links over */
        walk_unclaim(node);
    }
    memory_put(w->heap, w->room * sizeof *w->heap);
    w->heap = NULL, w->room = 0;
    return ok;
}

/* ---- Roots ----------------------------------------------------------------------------------------------------------------------------------- */
bool walk_check_root(const char *name, ct_tensor *root, ct_tensor *cotangent)
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

bool walk_start(struct walk *w, ct_tensor *root, ct_tensor *cotangent)
{
    ct_tensor *g = seed(root, cotangent);
    return g && deliver(w, root, NULL, g);
}
