/* The walk of a graph, shared by ct_backward and ct_grads. */
#ifndef COTANGENT_WALK_H
#define COTANGENT_WALK_H
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

/* Marks x's node as this walk's, once, and keeps it alive while it waits: through the link of the edge that led here where
 * that is about to go anyway (it is taken over and the edge forgets x), else by a reference of its own. False after reporting. */
bool walk_claim(struct walk *w, ct_tensor *x, struct edge *edge);
void walk_unclaim(ct_node *node);
ct_node *walk_next(struct walk *w);             /* the waiting node of the highest key; one must be waiting */
struct target *walk_target(const struct walk *w, const ct_tensor *leaf); /* NULL: not one */
void walk_judge(const struct walk *w, ct_node *node); /* whether a target can be reached from it; its inputs were judged before */
bool walk_check_root(const char *name, ct_tensor *root, ct_tensor *cotangent);
bool walk_start(struct walk *w, ct_tensor *root, ct_tensor *cotangent); /* NULL: ones */
bool walk_run(struct walk *w);                  /* visits what waits, also after a failed start: that must be let go */
#endif
