/* Leaves: where gradients gather, and hooks on the way. */
#include "internal.h"
#include "raw.h"

#include <sched.h>

struct leaf {
    ct_tensor *gradient;                        /* guarded by `taken`: several threads' backwards meet here */
    struct hook *hooks;
    atomic_bool taken;
};

/* Held for one addition at most; whoever waits longer than that lets others run. */
static void lock(struct leaf *leaf)
{
    while (atomic_exchange_explicit(&leaf->taken, true, memory_order_acquire))
        sched_yield();
}

static void unlock(struct leaf *leaf)
{
    atomic_store_explicit(&leaf->taken, false, memory_order_release);
}

struct leaf *leaf_new(void)
{
    struct leaf *leaf = memory_get(sizeof *leaf);
    if (leaf) {
        leaf->gradient = NULL, leaf->hooks = NULL;
        atomic_init(&leaf->taken, false);
    }
    return leaf;
}

void leaf_free(struct leaf *leaf)
{
    if (leaf->gradient)
        tensor_drop(leaf->gradient);
    for (struct hook *h = leaf->hooks, *next; h; h = next) {
        next = h->next;
        heap_free(h);
    }
    memory_put(leaf, sizeof *leaf);
}

ct_tensor *(ct_require_grad)(ct_tensor *x, bool wanted)
{
    if (!given("require_grad", "the operand", x))
        return NULL;
    if (x->node)
        return ct_fail("require_grad: %s was made by %s; only a leaf can be told (ct_detach makes one)", SHAPE(x), x->node->op->name);
    if (wanted && !is_floating(x))
        return ct_fail("require_grad: %s has no gradient, want float32 or float64", ct_dtype_name(x->dtype));
    if (wanted && !x->leaf && !(x->leaf = leaf_new()))
        return ct_fail("require_grad: out of memory");
    x->flags = (uint8_t)(wanted ? (x->flags | WANTS_GRAD) & ~IS_NUMBER : x->flags & ~WANTS_GRAD);
    return x;
}

bool ct_requires_grad(const ct_tensor *x)
{
    return given_shape("requires_grad", "the operand", x) && x->flags & WANTS_GRAD;
}

bool ct_is_leaf(const ct_tensor *x)
{
    return given_shape("is_leaf", "the operand", x) && !x->node;
}

ct_tensor *ct_gradient(const ct_tensor *leaf)
{
    if (!given("gradient", "the operand", leaf) || !leaf->leaf)
        return NULL;
    lock(leaf->leaf);
    ct_tensor *g = leaf->leaf->gradient;
    unlock(leaf->leaf);
    return g;
}

void tensor_take_gradient(ct_tensor *leaf, ct_tensor *gradient)
{
    lock(leaf->leaf);
    ct_tensor *was = leaf->leaf->gradient;
    leaf->leaf->gradient = gradient;
    unlock(leaf->leaf);
    if (was)
        tensor_drop(was);
}

void ct_zero_gradient(ct_tensor *leaf)
{
    if (given("zero_gradient", "the operand", leaf) && leaf->leaf)
        tensor_take_gradient(leaf, NULL);
}

/* ---- Gathering --------------------------------------------------------------------------------------------------------------------- */
/* One that nobody else sees and that lies as the leaf does becomes the gradient without a copy. */
static bool may_adopt(const ct_tensor *leaf, const ct_tensor *g)
{
    return tensor_is_private(g) && (tensor_is_dense(leaf) ? same_layout(g, leaf) : ct_is_contiguous(g));
}

static ct_tensor *own_copy(const ct_tensor *leaf, const ct_tensor *g)
{
    ct_scope scope = ct_scope_open();
    ct_tensor *copy = tensor_new_like("backward", (ct_dtype)leaf->dtype, leaf);
    if (copy) {
        copy_values(copy, g);
        tensor_retain(copy);
    }
    ct_scope_close(scope);
    return copy;
}

bool ct_set_gradient(ct_tensor *leaf, ct_tensor *gradient)
{
    if (!given("set_gradient", "the leaf", leaf) || (!gradient && !ct_ok()))
        return false;
    if (!(leaf->flags & WANTS_GRAD) || leaf->node)
        return ct_fail("set_gradient: %s: want a leaf that wants a gradient", SHAPE(leaf)) != NULL;
    if (gradient && (!given("set_gradient", "the gradient", gradient) || gradient->dtype != leaf->dtype || !same_sizes(gradient, leaf)))
        return ct_fail("set_gradient: %s %s for a leaf of %s %s", ct_dtype_name((ct_dtype)gradient->dtype), SHAPE(gradient),
                       ct_dtype_name((ct_dtype)leaf->dtype), SHAPE(leaf)) != NULL;
    ct_tensor *copy = gradient ? own_copy(leaf, gradient) : NULL;
    if (gradient && !copy)
        return false;
    tensor_take_gradient(leaf, copy);
    return true;
}

bool leaf_accumulate(ct_tensor *x, ct_tensor *gradient)
{
    struct leaf *leaf = x->leaf;
    if (!leaf || !x->storage || !(x->flags & WANTS_GRAD)) { /* nobody is left to ask for it */
        tensor_drop(gradient);
        return true;
    }
    if (leaf->hooks && !(gradient = run_hooks(&leaf->hooks, 0, gradient)))
        return false;
    for (;;) {
        lock(leaf);
        if (leaf->gradient) {
            add_values(leaf->gradient, gradient);
            storage_changed(leaf->gradient, "backward");
            unlock(leaf);
            tensor_drop(gradient);
            return true;
        }
        if (may_adopt(x, gradient)) {
            leaf->gradient = gradient;
            unlock(leaf);
            return true;
        }
        unlock(leaf);                           /* a copy may wait for memory; then look again */
        ct_tensor *copy = own_copy(x, gradient);
        tensor_drop(gradient);
        if (!(gradient = copy))
            return false;
    }
}

/* ---- Hooks -------------------------------------------------------------------------------------------------------------------------- */
struct hook **leaf_hooks(struct leaf *leaf)
{
    return &leaf->hooks;
}

static _Atomic uint64_t last_hook;

uint64_t ct_hook_gradient(ct_tensor *x, ct_hook *call, void *context)
{
    if (!given("hook_gradient", "the operand", x))
        return 0;
    if (!call || !(x->flags & WANTS_GRAD)) {
        ct_fail("hook_gradient: %s", call ? "the tensor wants no gradient" : "the hook is NULL");
        return 0;
    }
    struct hook *h = heap_zeroed(1, sizeof *h);
    if (!h) {
        ct_fail("hook_gradient: out of memory");
        return 0;
    }
    *h = (struct hook){.id = ++last_hook, .output = x->output, .call = call, .context = context};
    struct hook **end = x->node ? &x->node->hooks : &x->leaf->hooks;
    while (*end)
        end = &(*end)->next;
    *end = h;
    return h->id;
}

bool ct_unhook_gradient(ct_tensor *x, uint64_t id)
{
    if (!given("unhook_gradient", "the operand", x))
        return false;
    struct hook **link = x->node ? &x->node->hooks : x->leaf ? &x->leaf->hooks : NULL;
    for (; link && *link; link = &(*link)->next)
        if ((*link)->id == id) {
            struct hook *h = *link;
            *link = h->next;
            heap_free(h);
            return true;
        }
    return ct_fail("unhook_gradient: no hook %llu on this tensor", (unsigned long long)id) != NULL;
}

/* The next hook in order of registration. Asked for by id each time: a hook may remove others, and itself. */
static struct hook *hook_after(struct hook *h, uint64_t id, uint8_t output)
{
    while (h && (h->id <= id || h->output != output))
        h = h->next;
    return h;
}

ct_tensor *run_hooks(struct hook **hooks, uint8_t output, ct_tensor *g)
{
    uint64_t last = 0;
    for (struct hook *h; (h = hook_after(*hooks, last, output));) {
        last = h->id;
        uint64_t failures = thread_state.failures;
        const unsigned version = atomic_load_explicit(&g->storage->version, memory_order_relaxed);
        ct_scope scope = ct_scope_open();
        ct_tensor *other = h->call(g, h->context);
        bool ok = thread_state.failures == failures;
        if (ok && atomic_load_explicit(&g->storage->version, memory_order_relaxed) != version) {
            ct_fail("backward: a hook changed a gradient of %s in place, which others may share; return a new one", SHAPE(g));
            ok = false;
        }
        if (ok && other && (!same_sizes(other, g) || other->dtype != g->dtype)) {
            ct_fail("backward: a hook turned a gradient of %s into %s", SHAPE(g), SHAPE(other));
            ok = false;
        }
        if (ok && other && other != g) {
            tensor_retain(other);
            tensor_drop(g);
            g = other;
        }
        ct_scope_close(scope);
        if (!ok) {
            tensor_drop(g);
            return NULL;
        }
    }
    return g;
}
