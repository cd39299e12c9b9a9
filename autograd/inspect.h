/* Seeing inside: where numbers go wrong, where time goes, and what the graph looks like. */
#ifndef COTANGENT_INSPECT_H
#define COTANGENT_INSPECT_H
#include <autograd/autograd.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What follows names ops by where they ran: the path of the module whose forward it was ("encoder.layers.3.self_attn"; the kind, for the root
 * of a model). Code without modules names its own places: the innermost scope and all opened in it, until it closes. */
CT_API void ct_scope_name(const char *path);    /* NULL: none */

/* ---- Anomalies -------------------------------------------------------------------------------------------------------------
 * While on, in all threads, each op's result and each gradient is looked at, and the first NaN fails the op, or backward, that made it:
 *     anomaly: softmax (op 1841) in layers.3.self_attn gave NaN at [0, 2, 5]; its inputs were finite
 * So does an infinity that came of finite numbers, but where it was asked for: ct_masked_fill, ct_pad and constants give them freely, -inf is
 * what the logarithm of 0 and an empty sum's logarithm are, and adding a mask of -inf keeps what was there. Steps of optimizers are looked at
 * too. COTANGENT_ANOMALY=1 in the environment turns it on at the start, =nan for NaN alone. Costs a pass over each result while on, nothing
 * measurable while off. */
typedef struct { bool nan_only; char end_; } ct_anomaly_options;
CT_API bool ct_anomaly(bool on, const ct_anomaly_options *options); /* returns whether it was on. C: ct_anomaly(true, .nan_only = true) */

#ifdef __cplusplus
}
#else
#define ct_anomaly(...) CT_ANOMALY_(__VA_ARGS__, )
#define CT_ANOMALY_(on, ...) CT_WITH_(ct_anomaly, (on, ), ct_anomaly_options, (), __VA_ARGS__)
#endif
#endif
