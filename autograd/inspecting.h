/* What looks at ops as they run: a set of flags that each op's end asks for, and who is called where one is set. */
#ifndef COTANGENT_INSPECTING_H
#define COTANGENT_INSPECTING_H
#include "internal.h"

enum { ANOMALY = 1, ANOMALY_INF = 2, PROFILE = 4 };
extern atomic_uint inspecting __attribute__((visibility("hidden")));
static inline unsigned inspected(void)
{
    return atomic_load_explicit(&inspecting, memory_order_relaxed);
}

/* y = op(inputs) has been computed and not yet recorded. False after reporting. */
bool anomaly_result(const char *op, ct_tensor *y, ct_tensor *const *inputs, size_t count, bool recorded);
bool anomaly_gradients(const ct_node *node, ct_tensor *const *cotangents, ct_tensor *const *gradients);
#endif
