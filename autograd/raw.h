/* What optimizers and modules may know of a tensor's memory. */
#ifndef COTANGENT_RAW_H
#define COTANGENT_RAW_H
#include "autograd.h"

/* The elements of a dense tensor in the order they lie in memory; NULL where it has gaps or overlaps. Tensors for which
 * tensor_same_order holds pair up element by element. Writers call tensor_changed afterwards. */
void *tensor_elements(ct_tensor *t);
bool tensor_same_order(const ct_tensor *a, const ct_tensor *b);
void tensor_changed(ct_tensor *t, const char *op);
#endif
