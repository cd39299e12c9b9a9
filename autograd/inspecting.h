/* What looks at ops as they run: a set of flags that each op's end asks for, and who is called where one is set. */
#ifndef COTANGENT_INSPECTING_H
#define COTANGENT_INSPECTING_H
#include "internal.h"
#include "profile.h"

enum { ANOMALY = 1, ANOMALY_INF = 2, PROFILE = 4, OBSERVER = 8 }; /* above the flags, the number of observing threads */
extern atomic_uint inspecting __attribute__((visibility("hidden")));
static inline unsigned inspected(void)
{
    return atomic_load_explicit(&inspecting, memory_order_relaxed);
}

/* y = op(inputs) has been computed and not yet recorded. False after reporting. */
bool anomaly_result(const char *op, ct_tensor *y, ct_tensor *const *inputs, size_t count, bool recorded);
bool anomaly_gradients(const ct_node *node, ct_tensor *const *cotangents, ct_tensor *const *gradients);

/* An op of that name allocates: if it has not begun, it begins now. And it has computed y; name NULL: the latest that began. */
void profile_op_begin(const char *name);
void profile_op_end(const char *name, ct_tensor *y, ct_tensor *const *inputs, size_t count);
static inline void profile_made(ct_tensor *y)  /* by what is no op: a constant, a draw */
{
    if (UNLIKELY(inspected() & PROFILE) && y)
        profile_op_end(NULL, y, NULL, 0);
}
double op_multiply_adds(const char *name, const ct_tensor *y, ct_tensor *const *inputs, size_t count); /* 0: it is no product */
struct span profile_vjp_begin(void);
void profile_vjp_end(const struct span *span, ct_node *node, ct_tensor *const *cotangents, ct_tensor *const *gradients);
#endif
