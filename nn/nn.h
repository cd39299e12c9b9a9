/* Modules: parameters with names, and a forward made of the engine's ops.
 *
 * A module owns its parameters, buffers and children; ct_free frees them all. A constructor given a failed (NULL) part frees
 * the parts it took over and returns NULL. Names join with dots, as in PyTorch: "0.weight", "2.bias". */
#ifndef COTANGENT_NN_H
#define COTANGENT_NN_H
#include <autograd/autograd.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ct_module ct_module;

/* ---- Every module ------------------------------------------------------------------------------------------------------ */
CT_API ct_tensor *ct_forward(ct_module *module, ct_tensor *x); /* in a scope of its own; the result is handed to the caller's */
CT_API void ct_module_train(ct_module *module);  /* training mode (the mode of a new module), children included */
CT_API void ct_module_eval(ct_module *module);   /* evaluation mode: dropout passes its input through */
CT_API bool ct_module_is_training(const ct_module *module);
CT_API const char *ct_module_kind(const ct_module *module); /* "Linear" */
CT_API int64_t ct_module_count_parameters(const ct_module *module); /* elements of all parameters, children included */
CT_API ct_tensor *ct_module_find(const ct_module *module, const char *name); /* parameter or buffer by full name; NULL: none (no error) */
/* Calls visit for every parameter and buffer, children included, in order of registration, until it returns false. */
typedef bool ct_module_visit(const char *name, ct_tensor *tensor, bool is_parameter, void *context);
CT_API bool ct_module_each(const ct_module *module, ct_module_visit *visit, void *context); /* false: a visit returned false */
CT_API bool ct_module_summary(ct_module *module, FILE *file, const int64_t *sizes, size_t rank); /* a table: layer, output shape, parameters; runs
                                                            zeros of sizes, in the parameters' dtype, through it. C: ct_module_summary(net, stdout, 1, 784) */
CT_API bool ct_module_summary_of(ct_module *module, FILE *file, ct_tensor *x); /* the same with an input of yours: token numbers, say */
CT_API bool ct_module_save(const ct_module *module, const char *path); /* parameters and buffers by name, as safetensors */
CT_API bool ct_module_load(ct_module *module, const char *path); /* names and shapes must match exactly; on failure nothing changes */
CT_API void ct_module_zero_grad(ct_module *module); /* ct_zero_grad(module) */

/* ---- A module of your own ------------------------------------------------------------------------------------------------
 * ct_module_new, then parameters and children, then ct_module_ready. state is zeroed memory for your struct; it goes with
 * the module. Each call passes a failure on: given NULL it returns NULL. */
typedef ct_tensor *ct_module_forward(ct_module *self, ct_tensor *x);
CT_API ct_module *ct_module_new(const char *kind, ct_module_forward *forward, size_t state_bytes);
CT_API void *ct_module_state(const ct_module *self); /* what forward stores here beyond its return needs ct_keep */
CT_API ct_tensor *ct_module_add_parameter(ct_module *self, const char *name, ct_tensor *initial); /* wants a gradient from now on */
CT_API ct_tensor *ct_module_add_buffer(ct_module *self, const char *name, ct_tensor *initial);    /* saved, not trained */
CT_API ct_module *ct_module_add_child(ct_module *self, const char *name, ct_module *child);       /* taken over, also on failure */
CT_API ct_module *ct_module_ready(ct_module *self); /* self; if a part failed, frees self and returns NULL */
CT_API void ct_module_describe(ct_module *self, const char *format, ...) CT_FORMAT(2, 3); /* shown by the summary: "784 -> 128" */
/* A forward with other arguments than one tensor stands between these: they open a scope and hand results to the caller's. */
CT_API ct_scope ct_module_enter(ct_module *self);
CT_API bool ct_module_leave(ct_module *self, ct_scope scope, ct_tensor *const *results, size_t count); /* false if a result is NULL */

/* ---- Layers -------------------------------------------------------------------------------------------------------------- */
typedef struct { bool no_bias; ct_activation activation; char end_; } ct_nn_linear_options;
CT_API ct_module *ct_nn_linear(int64_t in, int64_t out, const ct_nn_linear_options *options); /* (..., in) -> (..., out): x weight^T + bias;
                                                            weight (out, in), bias (out), both uniform in +-1/sqrt(in) */
CT_API ct_module *ct_nn_relu(void);
CT_API ct_module *ct_nn_gelu(void);
CT_API ct_module *ct_nn_silu(void);
CT_API ct_module *ct_nn_tanh(void);
CT_API ct_module *ct_nn_sigmoid(void);
CT_API ct_module *ct_nn_leaky_relu(double slope);
CT_API ct_module *ct_nn_elu(double alpha);
CT_API ct_module *ct_nn_softplus(void);
CT_API ct_module *ct_nn_softmax(int axis);
CT_API ct_module *ct_nn_log_softmax(int axis);
CT_API ct_module *ct_nn_dropout(double p);       /* only in training mode */
CT_API ct_module *ct_nn_flatten(void);           /* (N, ...) -> (N, rest) */
CT_API ct_module *ct_nn_sequential(ct_module *const *parts, size_t count); /* one after another, named "0", "1", ...; takes the parts over */
CT_API ct_module *ct_nn_parameter_list(ct_tensor *const *tensors, size_t count); /* leaf tensors as a module, named "0", "1", ...: for an
                                                            optimizer over plain tensors; no forward */

/* ---- Initialisers: fill t in place with random values; true if they could --------------------------------------------------
 * fan_in is the product of all sizes but the first, fan_out of all but the second; both want at least two axes. */
typedef struct { bool fan_out; double gain; ct_generator *generator; char end_; } ct_nn_init_options;
#define CT_NN_INIT_HE_DEFAULTS .gain = 1.4142135623730951,
#define CT_NN_INIT_XAVIER_DEFAULTS .gain = 1,
CT_API extern const ct_nn_init_options ct_nn_init_he_defaults, ct_nn_init_xavier_defaults;
CT_API bool ct_nn_init_he_uniform(ct_tensor *t, const ct_nn_init_options *options);  /* +-gain sqrt(3 / fan), arXiv:1502.01852 */
CT_API bool ct_nn_init_he_normal(ct_tensor *t, const ct_nn_init_options *options);   /* deviation gain / sqrt(fan) */
CT_API bool ct_nn_init_xavier_uniform(ct_tensor *t, const ct_nn_init_options *options); /* +-gain sqrt(6 / (fan_in + fan_out)), Glorot and Bengio 2010 */
CT_API bool ct_nn_init_xavier_normal(ct_tensor *t, const ct_nn_init_options *options);  /* deviation gain sqrt(2 / (fan_in + fan_out)) */
CT_API bool ct_nn_init_uniform(ct_tensor *t, double low, double high, ct_generator *generator);
CT_API bool ct_nn_init_normal(ct_tensor *t, double mean, double deviation, ct_generator *generator);
CT_API bool ct_nn_init_constant(ct_tensor *t, double value);
CT_API bool ct_nn_init_zeros(ct_tensor *t);
CT_API bool ct_nn_init_ones(ct_tensor *t);

#ifdef __cplusplus
}
#else
#define ct_module_summary(module, file, ...) CT_SIZES_(ct_module_summary, (module, file, ), (), __VA_ARGS__)
#define ct_module_leave(self, scope, ...) CT_LIST_(ct_module_leave, (self, scope, ), ct_tensor *, (), __VA_ARGS__)
#define ct_nn_linear(in, ...) CT_WITH_(ct_nn_linear, (in, CT_HEAD_(__VA_ARGS__), ), ct_nn_linear_options, (), CT_TAIL_(__VA_ARGS__))
#define ct_nn_sequential(...) CT_LIST_(ct_nn_sequential, (), ct_module *, (), __VA_ARGS__)
#define ct_nn_parameter_list(...) CT_LIST_(ct_nn_parameter_list, (), ct_tensor *, (), __VA_ARGS__)
#define ct_nn_init_he_uniform(...) CT_WITH1_(ct_nn_init_he_uniform, ct_nn_init_options, (CT_NN_INIT_HE_DEFAULTS), __VA_ARGS__)
#define ct_nn_init_he_normal(...) CT_WITH1_(ct_nn_init_he_normal, ct_nn_init_options, (CT_NN_INIT_HE_DEFAULTS), __VA_ARGS__)
#define ct_nn_init_xavier_uniform(...) CT_WITH1_(ct_nn_init_xavier_uniform, ct_nn_init_options, (CT_NN_INIT_XAVIER_DEFAULTS), __VA_ARGS__)
#define ct_nn_init_xavier_normal(...) CT_WITH1_(ct_nn_init_xavier_normal, ct_nn_init_options, (CT_NN_INIT_XAVIER_DEFAULTS), __VA_ARGS__)
#endif
#endif
