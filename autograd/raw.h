/* What the folders above may ask of the engine beyond its public face. */
#ifndef COTANGENT_RAW_H
#define COTANGENT_RAW_H
#include "autograd.h"

/* The elements of a dense tensor in the order they lie in memory; NULL where it has gaps or overlaps. Tensors for which
 * tensor_same_order holds pair up element by element. Writers call tensor_changed afterwards. */
void *tensor_elements(ct_tensor *t);
bool tensor_same_order(const ct_tensor *a, const ct_tensor *b);
void tensor_changed(ct_tensor *t, const char *op);
/* Its gradient from now on: one that lies as the leaf does, or NULL. The caller's count of it goes over, and nobody else may hold it. Cannot fail. */
void tensor_take_gradient(ct_tensor *leaf, ct_tensor *gradient);

bool anomaly_step(const char *optimizer, const char *name, ct_tensor *parameter); /* false after reporting: not finite, while ct_anomaly is on */
/* Called behind each op of this thread that has a result of its own, with the multiply-adds of a product and the result's bytes. NULL: no more. */
typedef void op_observer(unsigned place, double multiply_adds, double bytes, void *context);
void observe_ops(op_observer *call, void *context);
uint64_t error_count(void);                     /* failures of this thread so far: tells whether a call failed while another is pending */
void error_add(const char *format, ...) CT_FORMAT(1, 2); /* says more behind the text of the pending failure; without one: nothing */
/* What an option says of the last `axes` axes: one number, or CT_HW of two if there are two. It fills pair from the end; with one axis
 * pair[0] stays. False after reporting: a number below least, or above 2^30. */
bool window_pair(const char *op, const char *name, int64_t packed, int64_t least, int axes, int64_t pair[2]);

/* While a stranger's word says what is made: the tensors that this thread makes may take so many bytes in all, and the default dtype is this one. */
struct tensor_budget {
    size_t left;
    ct_dtype dtype;
};
void tensor_budget_set(struct tensor_budget *budget); /* NULL: none */
bool tensor_budget_is_set(void);

#endif
