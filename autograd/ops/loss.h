/* What the losses share. Each check returns false after reporting. */
#ifndef COTANGENT_LOSS_H
#define COTANGENT_LOSS_H
#include "ops.h"

bool loss_reduction_known(const char *op, ct_reduction reduction); /* CT_MEAN, CT_SUM or CT_NONE */
ct_tensor *loss_reduced(ct_tensor *terms, ct_reduction reduction);
bool loss_pair(const char *op, ct_tensor **x, ct_tensor **y); /* a floating input and a target of its shape, in one dtype */
/* Left out, or a constant of n weights, in dtype and contiguous. */
bool loss_class_weight(const char *op, ct_tensor **weight, int64_t n, ct_dtype dtype);
/* (M, C) rows of x and targets (M) in [0, C), of (N, C, ...) and (N, ...) or (C) and (). ignored: counts the targets that are
 * `ignore`; NULL: none may be. */
bool loss_rows(const char *op, ct_tensor **x, ct_tensor **target, int64_t ignore, int64_t *ignored);
ct_tensor *loss_target_mask(ct_tensor *target, int64_t classes); /* bool (M, C), true at the targets */
#endif
