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

/* ---- Profiles --------------------------------------------------------------------------------------------------------------
 * Between the two every op, VJP, forward of a module, optimizer step and wait for a batch is an event, in all threads; begin and end while
 * no other thread computes. The table has a row an op and a row a module, sorted: calls, time forward and backward (each moment once), share of
 * the whole, arithmetic by the ops' formulas, bytes of operands and results, and the share of the machine's floor: of the time that the faster of
 * its arithmetic or its memory would have allowed, measured once a process. trace is a file that ui.perfetto.dev opens. */
typedef struct {
    double peak_gflops, peak_gbytes;            /* the machine's floor; 0: measured, in some 50 ms */
    int64_t events;                             /* 262144, room a thread: 112 bytes each, taken as they come; those after are counted */
    char end_;
} ct_profile_options;
#define CT_PROFILE_DEFAULTS .events = 262144,
CT_API extern const ct_profile_options ct_profile_defaults;
CT_API bool ct_profile_begin(const ct_profile_options *options); /* C: ct_profile_begin() */
CT_API bool ct_profile_end(FILE *table, const char *trace); /* either may be NULL */

/* ---- Pictures --------------------------------------------------------------------------------------------------------------
 * Writes the graph that root was computed by, in Graphviz's language: `dot -Tsvg graph.dot -o graph.svg`. Ops with their shapes, in boxes of the
 * modules they ran in; leaves that want a gradient in blue, by name where `name` gives one; constants without a frame. What is nearest to the
 * root is drawn first, the rest counted. After a backward only what that kept is there. */
typedef struct {
    int64_t limit;                              /* 1000 ops and leaves */
    const char *(*name)(const ct_tensor *leaf, void *context); /* NULL: none */
    void *context;
    char end_;
} ct_graph_dot_options;
#define CT_GRAPH_DOT_DEFAULTS .limit = 1000,
CT_API extern const ct_graph_dot_options ct_graph_dot_defaults;
CT_API bool ct_graph_dot(ct_tensor *root, FILE *file, const ct_graph_dot_options *options); /* with the names of a module's parameters: ct_module_graph_dot */

#ifdef __cplusplus
}
#else
#define ct_graph_dot(...) CT_GRAPH_DOT_(__VA_ARGS__, )
#define CT_GRAPH_DOT_(root, file, ...) CT_WITH_(ct_graph_dot, (root, file, ), ct_graph_dot_options, (CT_GRAPH_DOT_DEFAULTS), __VA_ARGS__)
#define ct_profile_begin(...) CT_WITH_(ct_profile_begin, (), ct_profile_options, (CT_PROFILE_DEFAULTS), __VA_ARGS__)
#define ct_anomaly(...) CT_ANOMALY_(__VA_ARGS__, )
#define CT_ANOMALY_(on, ...) CT_WITH_(ct_anomaly, (on, ), ct_anomaly_options, (), __VA_ARGS__)
#endif
#endif
