/* The engine's insides, for autograd/ only; what the folders above may use is in raw.h, object.h and memory.h. Never installed.
 *
 * Who owns what:
 *   a tensor's value   scopes, ct_keep, and nodes that read it   counted by `refs`; the last one frees the storage's share
 *   a tensor's struct  all value owners together, and nodes that only need its place in the graph   counted by `links`
 *   a node             the tensors it made, and a walk under way   counted by `refs`
 *   a storage          the tensors that view it                    counted by `refs`
 * A node never owns the tensor it made (that would be a cycle): what a VJP reads of its own output is kept as an alias
 * without a node, and ct_node_output joins the two again. */
#ifndef COTANGENT_INTERNAL_H
#define COTANGENT_INTERNAL_H
#include <assert.h>
#include <stdatomic.h>
#include <string.h>
#include "autograd.h"
#include "memory.h"
#include "raw.h"

#define LIKELY(x) __builtin_expect(!!(x), 1)
#define UNLIKELY(x) __builtin_expect(!!(x), 0)
#define COUNT_OF(array) (sizeof(array) / sizeof *(array))

/* ---- Storage: memory with a version ------------------------------------------------------------------------------------ */
struct storage {
    atomic_uint refs;
    atomic_uint version;                        /* in-place changes so far */
    _Atomic(const char *) changed_by;           /* the op of the latest */
    size_t bytes;                               /* of the block this struct heads */
    bool borrowed;                              /* the data is somewhere else */
    void (*done)(void *context);                /* tells its owner that it is free again; may be NULL */
    void *context;
    char tiny[16] __attribute__((aligned(16))); /* the data, if it is no more: a scalar costs one cache line */
} __attribute__((aligned(64)));                 /* larger data stands right behind */

/* ---- Tensors -------------------------------------------------------------------------------------------------------------- */
enum { WANTS_GRAD = 1, IS_NUMBER = 2 };         /* flags; IS_NUMBER: a scalar of the caller's, which takes its partner's dtype */
struct leaf;
struct ct_tensor {                              /* one cache line, then the axes; a 0-d tensor's block ends before those */
    atomic_uint refs, links;
    uint8_t dtype, rank, flags, output;         /* output: which of its node's outputs this is */
    uint32_t slot;                              /* place in its thread's list of owned tensors */
    struct thread *thread;                      /* whose scope owns it; NULL: none */
    struct storage *storage;                    /* NULL once the value is gone */
    char *data;                                 /* the first element */
    ct_node *node;                              /* what made it; NULL: a leaf or a constant */
    const struct op *origin;                    /* the op that made it, recorded or not; NULL: none */
    struct leaf *leaf;                          /* gradient and hooks of a leaf that wants one */
    int64_t sizes[CT_MAX_RANK], strides[CT_MAX_RANK]; /* strides in elements */
};

/* A fresh tensor in the innermost scope; strides NULL: row-major. NULL with a failure that names op. */
ct_tensor *tensor_new(const char *op, ct_dtype dtype, size_t rank, const int64_t *sizes, const int64_t *strides);
ct_tensor *tensor_new_like(const char *op, ct_dtype dtype, const ct_tensor *like); /* like's sizes, and its layout if that is dense */
ct_tensor *tensor_new_ordered(const char *op, const ct_tensor *like, const int64_t *sizes); /* of like's dtype and rank; the last axis contiguous, the others in like's order */
ct_tensor *tensor_view(const char *op, ct_tensor *base, size_t rank, const int64_t *sizes, const int64_t *strides, int64_t offset); /* offset in elements */
void tensor_end_value(ct_tensor *t);            /* the last value owner is gone */
void tensor_end(ct_tensor *t);                  /* the last struct owner is gone */
static inline void tensor_link(ct_tensor *t)    /* one struct owner more: the value may go, the place in the graph stays */
{
    atomic_fetch_add_explicit(&t->links, 1, memory_order_relaxed);
}
static inline void tensor_retain(ct_tensor *t)  /* one value owner more */
{
    if (UNLIKELY(atomic_fetch_add_explicit(&t->refs, 1, memory_order_relaxed) == 0))
        tensor_link(t);                         /* a place in the graph, kept by a user's VJP: its value stays gone */
}
/* True for the last owner. One that is alone needs no locked instruction: nobody else is there to race with. */
static inline bool last_owner(atomic_uint *count)
{
    return atomic_load_explicit(count, memory_order_acquire) == 1 || atomic_fetch_sub_explicit(count, 1, memory_order_acq_rel) == 1;
}
static inline void tensor_unlink(ct_tensor *t)
{
    if (last_owner(&t->links))
        tensor_end(t);
}
static inline void tensor_drop(ct_tensor *t)    /* one value owner fewer */
{
    if (last_owner(&t->refs))
        tensor_end_value(t);
}
static inline void storage_changed(ct_tensor *t, const char *op) /* by the one thread that writes, so no locked addition */
{
    struct storage *s = t->storage;
    atomic_store_explicit(&s->changed_by, op, memory_order_relaxed);
    atomic_store_explicit(&s->version, atomic_load_explicit(&s->version, memory_order_relaxed) + 1, memory_order_relaxed);
}
bool tensor_is_dense(const ct_tensor *t);       /* some order of the axes makes it contiguous: no gaps, no overlap */
bool tensor_overlaps_itself(const ct_tensor *t);
static inline bool same_sizes(const ct_tensor *a, const ct_tensor *b)
{
    if (a->rank != b->rank)
        return false;
    for (int i = 0; i < a->rank; i++)
        if (a->sizes[i] != b->sizes[i])
            return false;
    return true;
}
bool same_layout(const ct_tensor *a, const ct_tensor *b); /* equal sizes and strides, strides of axes of size 1 aside */
int64_t tensor_numel(const ct_tensor *t);
bool sizes_product(const char *op, const int64_t *sizes, size_t rank, size_t item, int64_t *count); /* false, with a failure: negative or overflow */
void row_major(const int64_t *sizes, size_t rank, int64_t *strides);
void copy_values(ct_tensor *to, const ct_tensor *from); /* equal shapes, any layouts, casts */
void add_values(ct_tensor *to, const ct_tensor *from); /* to += from; equal shapes and floating dtypes */
/* Held by the caller alone, value and all: what is done to it nobody can see. */
static inline bool tensor_is_private(const ct_tensor *t)
{
    return atomic_load_explicit(&t->refs, memory_order_acquire) == 1 && !t->thread && !t->node && !t->storage->borrowed &&
           atomic_load_explicit(&t->storage->refs, memory_order_acquire) == 1;
}
static inline bool is_floating(const ct_tensor *t)
{
    return t->dtype <= CT_FLOAT64;
}
enum { SHAPE_TEXT = 192 };
const char *shape_text(char text[SHAPE_TEXT], const int64_t *sizes, size_t rank); /* "(64, 784)" */
#define SHAPE(t) shape_text((char[SHAPE_TEXT]){0}, (t)->sizes, (t)->rank)

/* ---- Checking operands ------------------------------------------------------------------------------------------------------
 * Each returns false after reporting. A NULL operand is quiet while a failure is pending. */
bool operand_missing(const char *op, const char *which, const ct_tensor *t);
static inline bool given(const char *op, const char *which, const ct_tensor *t)
{
    return LIKELY(t && t->storage) || !operand_missing(op, which, t);
}
bool given_shape(const char *op, const char *which, const ct_tensor *t); /* only sizes and dtype will be looked at */
bool given_floating(const char *op, const char *which, const ct_tensor *t);
bool absent(const ct_tensor *optional, bool *failed); /* NULL: *failed tells a failure's trace from an option left out */
bool check_axis(const char *op, const ct_tensor *x, int axis, int *positive); /* a 0-d tensor has axes 0 and -1, as in PyTorch */
unsigned check_axes(const char *op, const ct_tensor *x, const int *axes, size_t count, bool *ok); /* as a bit set; none: all */

/* ---- Threads' own state --------------------------------------------------------------------------------------------------------- */
struct scope {
    ct_scope serial;
    const char *mark;
    uint16_t place_before;                      /* see place.h */
    uint32_t first;                             /* this scope owns owned[first..] up to the next scope's first */
};
struct thread {
    ct_tensor **owned;                          /* a stack; scopes are stretches of it */
    uint32_t owned_count, owned_room;
    struct scope *scopes;
    uint32_t scope_count, scope_room;
    ct_scope last_serial;
    uint64_t ops;                               /* recorded so far: numbers the nodes */
    uint64_t failures;                          /* so far, pending or not: tells whether a call failed */
    bool recording_off, expressions_only, draining, registered;
    bool in_vjp;
    bool recomputing;                           /* a checkpoint's function is being run again */
    bool selective;                             /* the VJP that runs is asked for the edges that lead to a target alone */
    uint16_t place;                             /* see place.h: the innermost scope's */
    uint32_t mark;                              /* of the nodes being recorded: the checkpoint's that is under way; 0: none */
    struct tape *writing, *reading;             /* of random numbers, see checkpoint.h */
    op_observer *observer;                      /* NULL: none */
    void *observer_context;
    ct_node *dead;                              /* nodes to be freed, see node_drop */
    void *caches;                               /* memory.c's */
    struct tensor_budget *budget;               /* see raw.h; NULL: none */
    char error[512];
};
extern _Thread_local struct thread thread_state __attribute__((tls_model("initial-exec")));
void thread_register(void);                     /* so that thread_end runs when the thread does */
bool scope_own(ct_tensor *t);                   /* puts t into the innermost scope, taking over a reference; false without memory */
bool scope_adopt(ct_tensor *t);                 /* the same for t whose reference we hold; drops it if a scope owns t already. False: t is gone */
void memory_thread_end(void);

/* ---- The graph -------------------------------------------------------------------------------------------------------------------- */
enum { READS_OUTPUT = 1 << 30, READS_INPUTS = (1 << 30) - 1 };
#define READS(input) (1 << (input))
struct op {
    const char *name;
    ct_vjp *vjp;                                /* as an expression; NULL: not differentiable */
    ct_vjp *fused;                              /* the same by a faster kernel, used while recording is off; NULL: none */
    uint32_t reads;                             /* whose values the VJP uses; of the others only the shape stays */
    void (*end)(void *context);                 /* frees what the node's context holds; NULL: nothing */
};
struct edge {
    ct_tensor *tensor;                          /* NULL: the op had NULL there */
    uint32_t version;
    bool wants, reads, leads;                   /* leads: to a target of the ct_grads that marked the node last */
};
struct hook {
    struct hook *next;
    uint64_t id;
    uint8_t output;
    ct_hook *call;
    void *context;
};
struct ct_node {
    atomic_uint refs;
    uint16_t input_count, output_count;
    uint32_t bytes;                             /* of this block */
    uint32_t freed : 1, needed : 1, mark : 30;  /* needed: by the ct_grads of that mark; or the mark of a checkpoint */
    const struct op *op;
    uint64_t key;                               /* one more than the largest among the inputs */
    uint64_t serial : 48, place : 16;
    union {
        _Atomic(void *) walk;                   /* the backward that is under way here */
        ct_node *next_dead;                     /* see node_drop */
    };
    ct_tensor *holder;                          /* by whose link that backward keeps the node alive; NULL: by a reference */
    struct hook *hooks;
    struct edge edges[];                        /* then cotangents, outputs and the op's context, all in one block */
};
static inline bool edge_wants(const struct edge *e)
{
    return e->wants && (!thread_state.selective || e->leads);
}
static inline ct_tensor **cotangents_of(ct_node *node) /* gathered so far, while a backward is under way */
{
    return (ct_tensor **)(node->edges + node->input_count);
}
static inline ct_tensor **outputs_of(ct_node *node) /* aliases; their slot is the version saved */
{
    return cotangents_of(node) + node->output_count;
}
static inline void *context_of(ct_node *node)
{
    return outputs_of(node) + node->output_count;
}
static inline bool recording(void)
{
    return !thread_state.recording_off;
}
/* Records y = op(inputs) if recording is on and an input wants a gradient; context is copied. Returns y, or NULL on failure. */
ct_tensor *graph_record(const struct op *op, ct_tensor *y, ct_tensor *const *inputs, size_t count, const void *context, size_t bytes);
bool graph_record_many(const struct op *op, ct_tensor *const *outputs, size_t output_count, ct_tensor *const *inputs,
                       size_t count, const void *context, size_t bytes);
#define RECORD(op, y, context, ...) \
    graph_record(op, y, (ct_tensor *const[]){__VA_ARGS__}, COUNT_OF(((ct_tensor *const[]){__VA_ARGS__})), context, sizeof *(context))
#define RECORD0(op, y, ...) \
    graph_record(op, y, (ct_tensor *const[]){__VA_ARGS__}, COUNT_OF(((ct_tensor *const[]){__VA_ARGS__})), NULL, 0)
void node_drop(ct_node *node);
void node_release_saved(ct_node *node);         /* what backward has used: edges, saved values, context */
bool leaf_accumulate(ct_tensor *leaf, ct_tensor *gradient); /* takes the reference over */
struct leaf *leaf_new(void);
void leaf_free(struct leaf *leaf);
ct_tensor *run_hooks(struct hook **hooks, uint8_t output, ct_tensor *gradient); /* gradient's reference in, the result's out; NULL: failure */
struct hook **leaf_hooks(struct leaf *leaf);

/* The registry: every op once. */
#define OP(name) extern const struct op op_##name;
#include "ops/ops.def"
#undef OP

/* ---- Dtypes ------------------------------------------------------------------------------------------------------------------------- */
ct_dtype promote(ct_tensor *const *operands, size_t count); /* PyTorch's result type */
ct_dtype floating(ct_dtype dtype);              /* itself if floating, else the default dtype */
#endif
