/* Gradient checkpointing, arXiv:1604.06174: a stretch of the graph is one node, and becomes that stretch when a walk meets it.
 *
 * The function is run as any other, so that its graph tells what it is computed from besides its inputs (a layer's parameters), and the
 * graph is let go. The walk runs it once more and goes on through what that recorded: nodes of the keys and serials that they would have
 * had, in the order in which they would have come, so that all sums are those of the plain run, bit for bit. */
#include "checkpoint.h"

struct checkpoint {                             /* what the node keeps; its edges: the inputs, then what else was reached */
    ct_function *function;
    ct_checkpoint_options user;
    size_t inputs;
    uint64_t serial, sum;                       /* of the first node that it recorded; of the result's elements */
    struct tape tape;
};

static void free_user(const ct_checkpoint_options *user)
{
    if (user->free_context)
        user->free_context(user->context);
}

static void checkpoint_end(void *context)
{
    struct checkpoint *c = context;
    memory_put(c->tape.taken, c->tape.room * sizeof *c->tape.taken);
    free_user(&c->user);
}

static const struct op op_checkpoint = {.name = "checkpoint", .end = checkpoint_end};

bool is_checkpoint(const ct_node *node)
{
    return node->op == &op_checkpoint;
}

uint32_t graph_mark(void)
{
    static atomic_uint marks;
    uint32_t mark;
    while (!(mark = atomic_fetch_add_explicit(&marks, 1, memory_order_relaxed) % (1u << 30)))
        continue;                               /* 0 is every other node's */
    return mark;
}

/* ---- Random numbers: noted the first time, taken from the notes the second ------------------------------------------------------- */
static void tape_note(struct tape *tape, struct taken taken)
{
    if (tape->count == tape->room) {
        const size_t room = tape->room ? 2 * tape->room : 8;
        struct taken *more = memory_get(room * sizeof *more);
        if (!more) {
            tape->failed = true;
            return;
        }
        if (tape->count)
            memcpy(more, tape->taken, tape->count * sizeof *more);
        memory_put(tape->taken, tape->room * sizeof *more);
        tape->taken = more, tape->room = room;
    }
    tape->taken[tape->count++] = taken;
}

void tape_write(struct taken taken)
{
    for (struct tape *t = thread_state.writing; t; t = t->outer)
        tape_note(t, taken);
}

bool tape_read(struct taken *taken)
{
    struct tape *t = thread_state.reading;
    if (!t)
        return false;
    if (t->next == t->count || t->taken[t->next].blocks != taken->blocks) {
        t->failed = true;
        return false;
    }
    *taken = t->taken[t->next++];
    return true;
}

/* ---- Telling whether the second run was the first ---------------------------------------------------------------------------------- */
static bool sum_of(ct_tensor *y, uint64_t *sum)
{
    enum { LANES = 8 };
    CT_SCOPE;
    bool was = ct_set_recording(false);
    const ct_tensor *dense = tensor_is_dense(y) ? y : ct_contiguous(y);
    ct_set_recording(was);
    if (!dense)
        return false;
    int64_t lowest = 0;                         /* of a dense one's elements, where a stride is negative */
    for (int i = 0; i < dense->rank; i++)
        lowest += dense->sizes[i] && dense->strides[i] < 0 ? dense->strides[i] * (dense->sizes[i] - 1) : 0;
    const size_t item = ct_dtype_size((ct_dtype)dense->dtype), bytes = (size_t)tensor_numel(dense) * item;
    const char *at = dense->data + lowest * (int64_t)item;
    uint64_t lanes[LANES] = {0}, words[LANES] = {0};
    for (size_t i = 0; i < bytes; i += sizeof words) {
        if (bytes - i < sizeof words)
            memset(words, 0, sizeof words);
        memcpy(words, at + i, bytes - i < sizeof words ? bytes - i : sizeof words);
        for (int k = 0; k < LANES; k++)
            lanes[k] = (lanes[k] << 9 | lanes[k] >> 55) + words[k];
    }
    *sum = bytes;
    for (int k = 0; k < LANES; k++)
        *sum = *sum * 0x9E3779B97F4A7C15u + lanes[k];
    return true;
}

/* ---- The first run ------------------------------------------------------------------------------------------------------------------- */
struct list {
    void **items;
    size_t count, room;
};

static bool append(struct list *list, void *item)
{
    if (list->count == list->room) {
        const size_t room = list->room ? 2 * list->room : 64;
        void **more = memory_get(room * sizeof *more);
        if (!more)
            return ct_fail("checkpoint: out of memory") != NULL;
        if (list->count)
            memcpy(more, list->items, list->count * sizeof *more);
        memory_put(list->items, list->room * sizeof *more);
        list->items = more, list->room = room;
    }
    list->items[list->count++] = item;
    return true;
}

static void end_list(struct list *list)
{
    memory_put(list->items, list->room * sizeof *list->items);
}

/* All nodes of a mark that y was computed by, which get another; and, unless NULL, the tensors wanting a gradient where those begin. */
static bool collect(ct_tensor *y, uint32_t mark, uint32_t other, struct list *nodes, struct list *begins)
{
    bool ok = append(nodes, y->node);
    y->node->mark = other;
    for (size_t n = 0; n < nodes->count && ok; n++) {
        ct_node *node = nodes->items[n];
        for (size_t i = 0; i < node->input_count && ok; i++) {
            ct_tensor *x = node->edges[i].wants ? node->edges[i].tensor : NULL;
            if (x && x->node && x->node->mark == mark) {
                x->node->mark = other;
                ok = append(nodes, x->node);
            } else if (x && begins && !(x->node && x->node->mark == other))
                ok = append(begins, x);
        }
    }
    return ok;
}

static int by_address(const void *a, const void *b)
{
    const uintptr_t x = (uintptr_t)*(void *const *)a, y = (uintptr_t)*(void *const *)b;
    return (x > y) - (x < y);
}

/* Behind the inputs in `edges`: what else the graph of y reaches, each once. */
static bool add_captured(struct list *edges, ct_tensor *y, uint32_t mark)
{
    struct list nodes = {0}, begins = {0};
    const size_t inputs = edges->count;
    bool ok = collect(y, mark, graph_mark(), &nodes, &begins);
    if (ok && begins.count > 1)
        qsort(begins.items, begins.count, sizeof *begins.items, by_address);
    for (size_t i = 0; i < begins.count && ok; i++) {
        bool known = i && begins.items[i] == begins.items[i - 1];
        for (size_t k = 0; k < inputs && !known; k++)
            known = edges->items[k] == begins.items[i];
        ok = known || append(edges, begins.items[i]);
    }
    end_list(&nodes), end_list(&begins);
    if (ok && edges->count > UINT16_MAX)
        return ct_fail("checkpoint: %zu inputs and parameters: want at most %d", edges->count, UINT16_MAX) != NULL;
    return ok;
}

/* The node in the place of y's graph: the whole value of each edge stays, and a change of it is noticed. */
static ct_tensor *folded(ct_tensor *y, struct list *edges, struct checkpoint *c)
{
    ct_tensor *z = tensor_view("checkpoint", y, y->rank, y->sizes, y->strides, 0);
    if (!z || !graph_record_many(&op_checkpoint, &z, 1, (ct_tensor *const *)edges->items, edges->count, c, sizeof *c))
        return NULL;
    z->origin = &op_checkpoint;
    z->node->key = y->node->key;
    for (size_t i = 0; i < edges->count; i++) {
        struct edge *e = &z->node->edges[i];
        if (!e->tensor || !e->tensor->storage)
            continue;
        tensor_retain(e->tensor);
        tensor_unlink(e->tensor);
        e->reads = true;
        e->version = atomic_load_explicit(&e->tensor->storage->version, memory_order_relaxed);
    }
    return z;
}

static ct_tensor *run_first(struct checkpoint *c, ct_tensor *const *inputs, bool *kept)
{
    const ct_scope scope = ct_scope_open();
    if (!scope)
        return NULL;
    const uint32_t mark = graph_mark(), mark_before = thread_state.mark;
    c->tape.outer = thread_state.writing;
    thread_state.mark = mark, thread_state.writing = &c->tape;
    ct_tensor *y = c->function(inputs, c->user.context);
    thread_state.mark = mark_before, thread_state.writing = c->tape.outer;
    if (y && y->node && y->node->mark == mark) {
        struct list edges = {0};
        bool ok = !c->tape.failed || ct_fail("checkpoint: out of memory");
        for (size_t i = 0; i < c->inputs && ok; i++)
            ok = append(&edges, inputs[i]);
        ok = ok && add_captured(&edges, y, mark) && sum_of(y, &c->sum);
        y = ok ? folded(y, &edges, c) : NULL;
        *kept = y != NULL;
        end_list(&edges);
    }
    ct_promote(y);
    ct_scope_close(scope);
    return y;
}

ct_tensor *(ct_checkpoint)(ct_function *function, ct_tensor *const *inputs, size_t count, const ct_checkpoint_options *options)
{
    struct checkpoint c = {.function = function, .inputs = count, .serial = thread_state.ops};
    if (options)
        c.user = *options;
    bool kept = false;
    ct_tensor *y = NULL;
    if (!function || (count && !inputs))
        ct_fail("checkpoint: %s NULL", function ? "the inputs are" : "the function is");
    else if (recording())
        y = run_first(&c, inputs, &kept);
    else
        y = function(inputs, c.user.context);
    if (!kept)
        checkpoint_end(&c);
    return y;
}

/* ---- The second run -------------------------------------------------------------------------------------------------------------------- */
bool ct_recomputing(void)
{
    return thread_state.recomputing;
}

static ct_tensor *run_second(struct checkpoint *c, ct_node *node, uint32_t mark)
{
    struct thread *self = &thread_state;
    const size_t bytes = c->inputs * sizeof(ct_tensor *);
    ct_tensor **inputs = memory_get(bytes ? bytes : 1);
    if (!inputs)
        return ct_fail("checkpoint: out of memory");
    for (size_t i = 0; i < c->inputs; i++)
        inputs[i] = node->edges[i].tensor;
    struct tape *const writing = self->writing, *const reading = self->reading;
    const uint64_t serial = self->ops;
    const uint32_t mark_before = self->mark;
    const uint16_t place = self->place;
    const bool recomputing = self->recomputing, recorded = ct_set_recording(true);
    self->writing = NULL, self->reading = &c->tape, self->ops = c->serial, self->mark = mark, self->recomputing = true;
    self->place = node->place;
    c->tape.next = 0, c->tape.failed = false;
    ct_tensor *y = c->function(inputs, c->user.context);
    self->writing = writing, self->reading = reading, self->ops = serial, self->mark = mark_before, self->recomputing = recomputing;
    self->place = place;
    ct_set_recording(recorded);
    memory_put(inputs, bytes ? bytes : 1);
    return y;
}

static bool is_first_again(const struct walk *w, const struct checkpoint *c, const ct_node *node, ct_tensor *y, uint32_t mark)
{
    uint64_t sum;
    if (!y)
        return ct_ok() && ct_fail("%s: checkpoint (op %llu): the function, run again, gave NULL", w->name, (unsigned long long)node->serial);
    if (c->tape.failed || c->tape.next != c->tape.count)
        return ct_fail("%s: checkpoint (op %llu): the function, run again, drew other random numbers: it must do the same both times", w->name,
                       (unsigned long long)node->serial) != NULL;
    if (!sum_of(y, &sum))
        return false;
    return (y->node && y->node->mark == mark && y->node->key == node->key && sum == c->sum) ||
           ct_fail("%s: checkpoint (op %llu): the function, run again, gave another result: it must do the same both times", w->name,
                   (unsigned long long)node->serial);
}

static int by_key(const void *a, const void *b)
{
    const uint64_t x = (*(ct_node *const *)a)->key, y = (*(ct_node *const *)b)->key;
    return (x > y) - (x < y);
}

/* What ct_grads found out of the nodes of the graph before it began, of those that have come now. */
static bool judge(struct walk *w, ct_tensor *y, uint32_t mark)
{
    struct list nodes = {0};
    const bool ok = collect(y, mark, w->mark, &nodes, NULL);
    if (ok)
        qsort(nodes.items, nodes.count, sizeof *nodes.items, by_key);
    for (size_t i = 0; i < nodes.count && ok; i++)
        walk_judge(w, nodes.items[i]);
    end_list(&nodes);
    return ok;
}

ct_tensor *checkpoint_unfold(struct walk *w, ct_node *node)
{
    struct checkpoint *c = context_of(node);
    const uint32_t mark = graph_mark();
    const uint64_t failures = thread_state.failures;
    ct_tensor *y = run_second(c, node, mark);
    if (thread_state.failures != failures || !is_first_again(w, c, node, y, mark))
        return NULL;
    return w->gather || judge(w, y, mark) ? y : NULL;
}
