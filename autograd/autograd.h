/* The engine: tensors, the graph they record, and gradients.
 *
 * A call that returns a tensor returns NULL when it fails; one that returns bool returns false. The reason is kept per
 * thread (see Errors). An operand that is NULL because an earlier call failed makes the call return NULL quietly.
 * Shapes stand behind the functions as (rows, columns); "..." is any number of leading axes. A negative axis counts from
 * the end. Names, semantics and numbers are PyTorch's unless a line says otherwise.
 * Every function-like macro in sugar.h wraps the plain function of the same name below; C++ and other languages use those.
 * Options are always named: ct_dropout(x, .p = 0.1).
 */
#ifndef COTANGENT_AUTOGRAD_H
#define COTANGENT_AUTOGRAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define CT_API __attribute__((visibility("default")))
#define CT_FORMAT(text, first) __attribute__((format(printf, text, first)))
#else
#define CT_API
#define CT_FORMAT(text, first)
#endif

typedef struct ct_tensor ct_tensor;
typedef struct ct_node ct_node;                 /* one recorded call of an op */
typedef struct ct_generator ct_generator;       /* a stream of random numbers */

typedef enum { CT_FLOAT32, CT_FLOAT64, CT_INT64, CT_BOOL } ct_dtype;
enum { CT_MAX_RANK = 8 };

/* ---- Errors ----------------------------------------------------------------------------------------------------------
 * The first failure of a thread is kept, with op, shapes and reason, until it is cleared or reported. The library never
 * exits, aborts or prints on its own; with COTANGENT_ABORT_ON_ERROR=1 in the environment it prints and aborts at the site
 * of a failure, for a debugger. (BLIS itself aborts when an allocation of its own fails.) */
CT_API bool ct_ok(void);                        /* no failure is pending in this thread */
CT_API const char *ct_error(void);              /* its text; "" if none */
CT_API void ct_error_clear(void);
CT_API int ct_report_error(void);               /* prints it on stderr and clears it: 1; without one: 0 */
CT_API void ct_error_handler(void (*handler)(const char *text)); /* called at the site of every first failure; NULL: none */
CT_API void *ct_fail(const char *format, ...) CT_FORMAT(1, 2);   /* reports a failure of your own; always NULL */

/* ---- Scopes and ownership --------------------------------------------------------------------------------------------
 * A new tensor belongs to the innermost open scope of its thread and is freed when that scope closes; with no scope open,
 * to the thread's root, which ends with the thread or at ct_shutdown. In C, `CT_SCOPE;` opens a scope that closes with the
 * enclosing block, however the block is left. What a recorded graph needs stays alive with the graph, scope or no scope. */
typedef uint64_t ct_scope;                      /* never used twice in a thread; 0: none */
CT_API ct_scope ct_scope_open(void);
CT_API void ct_scope_close(ct_scope scope);     /* and all scopes inside it; one that is not open is ignored */
CT_API ct_tensor *ct_keep(ct_tensor *t);        /* makes the caller an owner until ct_release; returns t; NULL is fine */
CT_API void ct_release(ct_tensor *t);           /* undoes one ct_keep; NULL is fine */
CT_API ct_tensor *ct_promote(ct_tensor *t);     /* hands t to the enclosing scope if the innermost one owns it; returns t */
CT_API void ct_shutdown(void);                  /* closes all scopes of this thread and its root, gives cached memory back */
CT_API void ct_free(void *object);              /* frees a module, optimizer, dataset, loader, generator or tensor file; NULL is fine */

/* ---- Making tensors --------------------------------------------------------------------------------------------------
 * C: ct_zeros(2, 3), ct_zeros_as(CT_FLOAT64, 2, 3); without a dtype, the default dtype. A new tensor wants no gradient. */
CT_API ct_dtype ct_default_dtype(void);         /* CT_FLOAT32 at first */
CT_API bool ct_set_default_dtype(ct_dtype dtype); /* CT_FLOAT32 or CT_FLOAT64, for the whole process */
CT_API ct_tensor *ct_empty(const int64_t *sizes, size_t rank, ct_dtype dtype); /* values undefined */
CT_API ct_tensor *ct_zeros(const int64_t *sizes, size_t rank, ct_dtype dtype);
CT_API ct_tensor *ct_ones(const int64_t *sizes, size_t rank, ct_dtype dtype);
CT_API ct_tensor *ct_full(const int64_t *sizes, size_t rank, double value, ct_dtype dtype); /* C: ct_full(value, sizes...) */
CT_API ct_tensor *ct_zeros_like(ct_tensor *x);  /* shape, dtype and memory layout of x; so for the other _like forms */
CT_API ct_tensor *ct_ones_like(ct_tensor *x);
CT_API ct_tensor *ct_full_like(ct_tensor *x, double value);
CT_API ct_tensor *ct_arange(double start, double end, double step, ct_dtype dtype); /* start, start + step, ... < end; C: ct_arange(end) too, int64 for integers */
CT_API ct_tensor *ct_linspace(double start, double end, int64_t count, ct_dtype dtype); /* both ends included */
CT_API ct_tensor *ct_eye(int64_t rows, int64_t columns, ct_dtype dtype);
CT_API ct_tensor *ct_scalar(double value);      /* 0-d number: takes its partner's dtype if that is floating, else the default */
CT_API ct_tensor *ct_scalar_int(int64_t value); /* 0-d number: takes its partner's dtype unless that is bool */
CT_API ct_tensor *ct_scalar_bool(bool value);   /* C: ct_add(x, (bool)true); a plain true is an int before C23 */
CT_API ct_tensor *ct_vector(const double *values, size_t count, ct_dtype dtype); /* C: ct_vector(1, 2.5, 3), ct_vector_int(1, 2) */
CT_API ct_tensor *ct_from_array(const void *values, ct_dtype dtype, const int64_t *sizes, size_t rank); /* copies, row-major. C: ct_from_array(p, 2, 3),
                                                            dtype by p: float, double, int64_t or bool *; a 2-d array a as a[0], a literal in parentheses */
CT_API ct_tensor *ct_borrow_array(void *values, ct_dtype dtype, const int64_t *sizes, size_t rank,
                                  void (*done)(void *context), void *context); /* shares values until done is called (may be NULL) */

/* ---- Looking at tensors ---------------------------------------------------------------------------------------------- */
CT_API int ct_rank(const ct_tensor *x);         /* number of axes; 0 for a scalar, -1 for NULL */
CT_API int64_t ct_size(const ct_tensor *x, int axis); /* -1 on error */
CT_API int64_t ct_stride(const ct_tensor *x, int axis); /* in elements; 0 where broadcast, negative where reversed */
CT_API int64_t ct_numel(const ct_tensor *x);    /* number of elements; -1 for NULL */
CT_API ct_dtype ct_dtype_of(const ct_tensor *x);
CT_API const char *ct_dtype_name(ct_dtype dtype); /* "float32" */
CT_API size_t ct_dtype_size(ct_dtype dtype);    /* bytes an element; 0 for a value that is no dtype */
CT_API bool ct_is_contiguous(const ct_tensor *x); /* row-major, no gaps */
CT_API double ct_item(const ct_tensor *x);      /* the one value of x; NaN on error */
CT_API int64_t ct_item_int(const ct_tensor *x); /* the same, exact for int64; floats truncate; 0 on error */
CT_API const void *ct_data(const ct_tensor *x); /* first element of a contiguous x, NULL otherwise (an error) */
CT_API void *ct_mutable_data(ct_tensor *x);     /* the same for writing: counts as an in-place change */
CT_API bool ct_to_array(const ct_tensor *x, void *values, size_t bytes); /* row-major, in x's dtype; bytes must be exact */
CT_API bool ct_print(const ct_tensor *x);       /* on stdout, as NumPy prints, summarised from 1,000 elements */
CT_API bool ct_fprint(FILE *file, const ct_tensor *x);
CT_API size_t ct_format(const ct_tensor *x, char *text, size_t bytes); /* the same into text; returns the full length, as snprintf */
CT_API bool ct_equal(const ct_tensor *x, const ct_tensor *y); /* same dtype, shape and values; NaN differs from NaN */
CT_API bool ct_allclose(const ct_tensor *x, const ct_tensor *y, double rtol, double atol, bool equal_nan); /* |x - y| <= atol + rtol |y|; C: ct_allclose(x, y) is 1e-5, 1e-8, false */

/* ---- Gradients -------------------------------------------------------------------------------------------------------
 * An op records itself when an operand wants a gradient and recording is on (it is, outside CT_NO_GRAD). Several threads may
 * run forward and backward at once over shared leaves: sums into a leaf are then right to rounding. What else threads share
 * they may only read; a graph is walked by one thread at a time (a second one gets an error). */
CT_API ct_tensor *ct_require_grad(ct_tensor *x, bool wanted); /* sets it on a floating leaf; returns x. C: ct_require_grad(x) is true */
CT_API bool ct_requires_grad(const ct_tensor *x);
CT_API bool ct_is_leaf(const ct_tensor *x);     /* was not made by a recorded op */
CT_API ct_tensor *ct_detach(ct_tensor *x);      /* the same values outside the graph; a view */
CT_API bool ct_recording(void);
CT_API bool ct_set_recording(bool on);          /* for this thread; returns what it was. C: `CT_NO_GRAD;` until the block ends */

typedef struct { ct_tensor *cotangent; bool retain_graph; char end_; } ct_backward_options;
/* Adds d root / d leaf to the gradient of every leaf. cotangent: of root's shape; required unless root is one element.
 * Frees the graph as it goes unless retain_graph. */
CT_API bool ct_backward(ct_tensor *root, const ct_backward_options *options);

typedef struct {
    ct_tensor *cotangent;                       /* ct_grad only */
    ct_tensor *const *cotangents;               /* ct_grads only: one an output; NULL entries and NULL: ones, for scalars */
    bool create_graph;                          /* the gradients are themselves differentiable */
    bool retain_graph;                          /* implied by create_graph */
    bool allow_unused;                          /* an input that does not reach the outputs gets NULL; otherwise an error */
    char end_;
} ct_grad_options;
/* d output / d input, returned; no leaf's gradient changes. input may be any tensor of the graph. */
CT_API ct_tensor *ct_grad(ct_tensor *output, ct_tensor *input, const ct_grad_options *options);
/* The same for lists: gradients[i] becomes the sum over outputs of d output / d inputs[i]. */
CT_API bool ct_grads(ct_tensor *const *outputs, size_t output_count, ct_tensor *const *inputs, size_t input_count,
                     ct_tensor **gradients, const ct_grad_options *options);

CT_API ct_tensor *ct_gradient(const ct_tensor *leaf); /* borrowed until the next backward or zero_grad; NULL: none yet (no error) */
CT_API void ct_zero_gradient(ct_tensor *leaf);  /* drops it */
typedef ct_tensor *ct_hook(ct_tensor *gradient, void *context); /* returns what stands in its place; NULL: unchanged */
/* Called with x's gradient in every backward that reaches x (a leaf: before it is added). Returns an id, 0 on error. */
CT_API uint64_t ct_hook_gradient(ct_tensor *x, ct_hook *hook, void *context);
CT_API bool ct_unhook_gradient(ct_tensor *x, uint64_t id);

/* An op of your own: compute y any way you like from the inputs, then record how cotangents flow back. The VJP gets one
 * cotangent an output (never NULL) and fills gradients[i] for each input that wants one; written with public ops it can be
 * differentiated again. It runs in a scope of its own; what it puts into gradients survives. */
typedef void ct_vjp(ct_node *node, ct_tensor *const *cotangents, ct_tensor **gradients);
typedef struct { void *context; void (*free_context)(void *context); char end_; } ct_record_options;
/* Returns y (outputs[0]); y's must be fresh. On failure context is freed and the result is NULL. */
CT_API ct_tensor *ct_record(const char *name, ct_vjp *vjp, ct_tensor *const *outputs, size_t output_count,
                            ct_tensor *const *inputs, size_t input_count, const ct_record_options *options);
CT_API bool ct_node_wants(const ct_node *node, int input);   /* must gradients[input] be filled? */
CT_API ct_tensor *ct_node_input(ct_node *node, int input);   /* NULL where the op had NULL */
CT_API ct_tensor *ct_node_output(ct_node *node, int output);
CT_API void *ct_node_context(ct_node *node);
CT_API const char *ct_node_name(const ct_node *node);

/* Compares d function / d inputs with central differences; inputs are float64 leaves that want gradients. Errors name input,
 * index, expected and found. */
typedef ct_tensor *ct_function(ct_tensor *const *inputs, void *context);
typedef struct {
    double eps, atol, rtol;                     /* 1e-6, 1e-5, 1e-3 */
    bool fast;                                  /* one random projection instead of the full Jacobian */
    uint64_t seed;                              /* of that projection */
    void *context;
    char end_;
} ct_gradcheck_options;
#define CT_GRADCHECK_DEFAULTS .eps = 1e-6, .atol = 1e-5, .rtol = 1e-3,
CT_API extern const ct_gradcheck_options ct_gradcheck_defaults;
CT_API bool ct_gradcheck(ct_function *function, ct_tensor *const *inputs, size_t count, const ct_gradcheck_options *options);
CT_API bool ct_gradgradcheck(ct_function *function, ct_tensor *const *inputs, size_t count, const ct_gradcheck_options *options);

/* ---- Elementwise, one tensor: same shape out ------------------------------------------------------------------------- */
CT_API ct_tensor *ct_neg(ct_tensor *x);         /* -x */
CT_API ct_tensor *ct_abs(ct_tensor *x);         /* |x|; derivative 0 at 0 */
CT_API ct_tensor *ct_sign(ct_tensor *x);        /* -1, 0 or 1; derivative 0 */
CT_API ct_tensor *ct_exp(ct_tensor *x);         /* e^x; integers become floating, here and below */
CT_API ct_tensor *ct_log(ct_tensor *x);         /* natural logarithm */
CT_API ct_tensor *ct_sqrt(ct_tensor *x);
CT_API ct_tensor *ct_square(ct_tensor *x);      /* x^2 */
CT_API ct_tensor *ct_reciprocal(ct_tensor *x);  /* 1 / x */
CT_API ct_tensor *ct_sin(ct_tensor *x);
CT_API ct_tensor *ct_cos(ct_tensor *x);
CT_API ct_tensor *ct_tanh(ct_tensor *x);
CT_API ct_tensor *ct_erf(ct_tensor *x);
CT_API ct_tensor *ct_sigmoid(ct_tensor *x);     /* 1 / (1 + e^-x) */
CT_API ct_tensor *ct_log_sigmoid(ct_tensor *x); /* log(sigmoid(x)), without overflow */
CT_API ct_tensor *ct_relu(ct_tensor *x);        /* max(x, 0); derivative 0 at 0 */
CT_API ct_tensor *ct_gelu(ct_tensor *x);        /* x Phi(x), arXiv:1606.08415 */
CT_API ct_tensor *ct_gelu_tanh(ct_tensor *x);   /* its tanh form, PyTorch's approximate='tanh' */
CT_API ct_tensor *ct_silu(ct_tensor *x);        /* x sigmoid(x) */
CT_API ct_tensor *ct_leaky_relu(ct_tensor *x, double slope); /* x > 0 ? x : slope x; C: ct_leaky_relu(x) is slope 0.01 */
CT_API ct_tensor *ct_elu(ct_tensor *x, double alpha); /* x > 0 ? x : alpha (e^x - 1); C: ct_elu(x) is alpha 1 */
CT_API ct_tensor *ct_softplus(ct_tensor *x, double beta, double threshold); /* log(1 + e^(beta x)) / beta; x where beta x > threshold; C: 1, 20 */
CT_API ct_tensor *ct_clamp(ct_tensor *x, double low, double high); /* min(max(x, low), high); +-INFINITY: no bound; derivative 0 at a bound */
CT_API ct_tensor *ct_logical_not(ct_tensor *x); /* bool */
CT_API ct_tensor *ct_cast(ct_tensor *x, ct_dtype dtype); /* to float: differentiable; float to int64 truncates; x itself if nothing changes */

/* ---- Elementwise, two or three: shapes broadcast, dtypes promote; C: numbers may stand for tensors --------------------- */
CT_API ct_tensor *ct_add(ct_tensor *a, ct_tensor *b); /* a + b */
CT_API ct_tensor *ct_sub(ct_tensor *a, ct_tensor *b); /* a - b */
CT_API ct_tensor *ct_mul(ct_tensor *a, ct_tensor *b); /* a b */
CT_API ct_tensor *ct_div(ct_tensor *a, ct_tensor *b); /* a / b; integers give floats */
CT_API ct_tensor *ct_pow(ct_tensor *a, ct_tensor *b); /* a^b; 0^0 = 1; integers to a negative power are an error */
CT_API ct_tensor *ct_maximum(ct_tensor *a, ct_tensor *b); /* NaN wins; equal operands share the gradient */
CT_API ct_tensor *ct_minimum(ct_tensor *a, ct_tensor *b);
CT_API ct_tensor *ct_eq(ct_tensor *a, ct_tensor *b); /* comparisons and logic give bool, and no gradient */
CT_API ct_tensor *ct_ne(ct_tensor *a, ct_tensor *b);
CT_API ct_tensor *ct_lt(ct_tensor *a, ct_tensor *b);
CT_API ct_tensor *ct_le(ct_tensor *a, ct_tensor *b);
CT_API ct_tensor *ct_gt(ct_tensor *a, ct_tensor *b);
CT_API ct_tensor *ct_ge(ct_tensor *a, ct_tensor *b);
CT_API ct_tensor *ct_logical_and(ct_tensor *a, ct_tensor *b);
CT_API ct_tensor *ct_logical_or(ct_tensor *a, ct_tensor *b);
CT_API ct_tensor *ct_logical_xor(ct_tensor *a, ct_tensor *b);
CT_API ct_tensor *ct_where(ct_tensor *condition, ct_tensor *a, ct_tensor *b); /* condition ? a : b; gradient exactly 0 to the one not taken */
CT_API ct_tensor *ct_masked_fill(ct_tensor *x, ct_tensor *mask, ct_tensor *value); /* mask ? value : x; value is one element */

/* ---- Reductions ------------------------------------------------------------------------------------------------------
 * axes == NULL or count == 0: over all. C: ct_sum(x), ct_sum(x, 0), ct_sum(x, CT_AXES(0, -1), .keepdims = true). */
CT_API ct_tensor *ct_sum(ct_tensor *x, const int *axes, size_t count, bool keepdims); /* bool and int64 give int64 */
CT_API ct_tensor *ct_mean(ct_tensor *x, const int *axes, size_t count, bool keepdims);
CT_API ct_tensor *ct_var(ct_tensor *x, const int *axes, size_t count, bool keepdims, double correction); /* divides by max(n - correction, 0); C: .correction = 1 */
/* One axis: the first extreme takes all the gradient, and *indices its place (may be NULL; C: .indices = &i). All or several
 * axes: the extremes share the gradient, as PyTorch's amax; no indices. NaN wins. An empty reduction is an error. */
CT_API ct_tensor *ct_max(ct_tensor *x, const int *axes, size_t count, bool keepdims, ct_tensor **indices);
CT_API ct_tensor *ct_min(ct_tensor *x, const int *axes, size_t count, bool keepdims, ct_tensor **indices);
CT_API ct_tensor *ct_argmax(ct_tensor *x, const int *axes, size_t count, bool keepdims); /* int64; one axis, or none: of the flattened x */
CT_API ct_tensor *ct_argmin(ct_tensor *x, const int *axes, size_t count, bool keepdims);
CT_API ct_tensor *ct_logsumexp(ct_tensor *x, const int *axes, size_t count, bool keepdims); /* log(sum(e^x)), without overflow */
CT_API ct_tensor *ct_softmax(ct_tensor *x, int axis);     /* e^x / sum(e^x) along axis */
CT_API ct_tensor *ct_log_softmax(ct_tensor *x, int axis); /* x - logsumexp(x) along axis */

/* ---- Products -------------------------------------------------------------------------------------------------------- */
CT_API ct_tensor *ct_matmul(ct_tensor *a, ct_tensor *b); /* (..., m, k) x (..., k, n) -> (..., m, n); leading axes broadcast; a vector is a
                                                            row on the left, a column on the right, and its axis goes; any strides, one dtype */
typedef enum { CT_IDENTITY, CT_RELU, CT_GELU, CT_TANH, CT_SIGMOID, CT_SILU } ct_activation;
typedef struct { ct_activation activation; char end_; } ct_linear_options;
CT_API ct_tensor *ct_linear(ct_tensor *x, ct_tensor *w, ct_tensor *b, const ct_linear_options *options); /* activation(x w^T + b):
                                                            (..., in), (out, in), (out) or NULL -> (..., out) */

/* ---- Shape: views where strides allow ---------------------------------------------------------------------------------- */
CT_API ct_tensor *ct_reshape(ct_tensor *x, const int64_t *sizes, size_t rank); /* one size may be -1; a copy only where it must. C: ct_reshape(x, 64, -1) */
CT_API ct_tensor *ct_transpose(ct_tensor *x, int axis, int other); /* swaps two axes */
CT_API ct_tensor *ct_permute(ct_tensor *x, const int *axes, size_t rank); /* C: ct_permute(x, 0, 2, 1) */
CT_API ct_tensor *ct_expand(ct_tensor *x, const int64_t *sizes, size_t rank); /* axes of size 1 repeat, new ones lead; -1 keeps a size */
CT_API ct_tensor *ct_expand_as(ct_tensor *x, ct_tensor *like);
CT_API ct_tensor *ct_reshape_as(ct_tensor *x, ct_tensor *like);
CT_API ct_tensor *ct_sum_to(ct_tensor *x, const int64_t *sizes, size_t rank); /* the transpose of expand: sums x down to sizes */
CT_API ct_tensor *ct_sum_to_as(ct_tensor *x, ct_tensor *like);
CT_API ct_tensor *ct_squeeze(ct_tensor *x, const int *axes, size_t count); /* drops axes of size 1; none named: all. C: ct_squeeze(x), ct_squeeze(x, 0) */
CT_API ct_tensor *ct_unsqueeze(ct_tensor *x, int axis);  /* a new axis of size 1 at axis */
CT_API ct_tensor *ct_flatten(ct_tensor *x, int start, int end); /* axes start..end become one; C: ct_flatten(x) is 0, -1 */
CT_API ct_tensor *ct_slice(ct_tensor *x, const char *subscript); /* NumPy's basic indexing: "1:, ..., ::2", "-1", "None, ::-1" */
CT_API ct_tensor *ct_narrow(ct_tensor *x, int axis, int64_t start, int64_t length); /* start..start+length-1 of one axis */
CT_API ct_tensor *ct_cat(ct_tensor *const *tensors, size_t count, int axis);   /* C: ct_cat(CT_TENSORS(a, b), 1) */
CT_API ct_tensor *ct_stack(ct_tensor *const *tensors, size_t count, int axis); /* along a new axis */
CT_API bool ct_split(ct_tensor *x, int64_t length, int axis, ct_tensor **parts, size_t count); /* views of length (the last may be shorter);
                                                            count must be the number of parts, 255 at most; NULLs on failure */
CT_API ct_tensor *ct_pad(ct_tensor *x, const int64_t *widths, size_t count, double value); /* before and after, from the last axis on;
                                                            negative crops. C: ct_pad(x, value, 1, 1) */
CT_API ct_tensor *ct_contiguous(ct_tensor *x);  /* x itself, or a row-major copy */
CT_API ct_tensor *ct_clone(ct_tensor *x);       /* a copy of the same layout; differentiable */
CT_API ct_tensor *ct_one_hot(ct_tensor *x, int64_t classes); /* int64 (...) in [0, classes) -> int64 (..., classes) */

/* ---- Losses: reduction CT_MEAN (default), CT_SUM or CT_NONE ------------------------------------------------------------ */
typedef enum { CT_MEAN, CT_SUM, CT_NONE } ct_reduction;
typedef struct { ct_reduction reduction; char end_; } ct_loss_options;
CT_API ct_tensor *ct_cross_entropy(ct_tensor *logits, ct_tensor *target, const ct_loss_options *options); /* (N, C) or (N, C, ...) or (C),
                                                            int64 target (N), (N, ...) or (): -log softmax at the target */
CT_API ct_tensor *ct_nll(ct_tensor *log_p, ct_tensor *target, const ct_loss_options *options); /* the same from log-probabilities */
CT_API ct_tensor *ct_mse(ct_tensor *x, ct_tensor *y, const ct_loss_options *options);  /* (x - y)^2; equal shapes only */
CT_API ct_tensor *ct_binary_cross_entropy(ct_tensor *p, ct_tensor *y, const ct_loss_options *options); /* -(y log p + (1-y) log(1-p)), logs >= -100 */
CT_API ct_tensor *ct_binary_cross_entropy_with_logits(ct_tensor *x, ct_tensor *y, const ct_loss_options *options);

/* ---- Random numbers --------------------------------------------------------------------------------------------------
 * Philox4x32-10 (Salmon et al. 2011): the same seed gives the same bits at any number of threads. NULL: the process's own. */
CT_API void ct_seed(uint64_t seed);             /* seeds the process's generator (seed 0 at first) */
CT_API ct_generator *ct_generator_new(uint64_t seed);
CT_API void ct_generator_state(ct_generator *generator, uint64_t state[2]);     /* seed and position */
CT_API void ct_generator_restore(ct_generator *generator, const uint64_t state[2]);
CT_API uint64_t ct_random_u64(ct_generator *generator); /* one number, for code outside tensors */
CT_API ct_tensor *ct_rand(const int64_t *sizes, size_t rank, ct_dtype dtype, ct_generator *generator);  /* uniform in [0, 1) */
CT_API ct_tensor *ct_randn(const int64_t *sizes, size_t rank, ct_dtype dtype, ct_generator *generator); /* normal, mean 0, variance 1 */
CT_API ct_tensor *ct_randint(int64_t low, int64_t high, const int64_t *sizes, size_t rank, ct_generator *generator); /* int64 in [low, high) */
CT_API ct_tensor *ct_randperm(int64_t count, ct_generator *generator); /* a permutation of 0..count-1, int64 */
CT_API ct_tensor *ct_bernoulli(ct_tensor *p, ct_generator *generator); /* 1 with probability p, else 0, in p's dtype; no gradient */
CT_API ct_tensor *ct_rand_like(ct_tensor *x);
CT_API ct_tensor *ct_randn_like(ct_tensor *x);
typedef struct { double p; bool eval; ct_generator *generator; char end_; } ct_dropout_options;
#define CT_DROPOUT_DEFAULTS .p = 0.5,
CT_API extern const ct_dropout_options ct_dropout_defaults;
CT_API ct_tensor *ct_dropout(ct_tensor *x, const ct_dropout_options *options); /* zeroes with probability p, scales the rest by 1/(1-p); eval: x */

/* ---- In place, for values that no recorded op needs --------------------------------------------------------------------
 * Not on a tensor that wants a gradient while recording is on (use CT_NO_GRAD), nor on one with overlapping elements. */
CT_API ct_tensor *ct_add_(ct_tensor *x, ct_tensor *y);  /* x += y, y broadcast; returns x */
CT_API ct_tensor *ct_mul_(ct_tensor *x, ct_tensor *y);
CT_API ct_tensor *ct_fill_(ct_tensor *x, ct_tensor *value);
CT_API ct_tensor *ct_copy_(ct_tensor *x, ct_tensor *y); /* casts to x's dtype */

/* ---- The machine ------------------------------------------------------------------------------------------------------ */
CT_API int ct_num_threads(void);                /* OMP_NUM_THREADS, else the cores this process may run on */
CT_API bool ct_set_num_threads(int count);      /* 1 to 256, for the whole process; honoured by every loop and by BLIS */
CT_API const char *ct_build_info(void);         /* version, compiler, instruction set, BLIS's version and kernels, threads; lives until the next call */
typedef struct { size_t live, peak, cached, limit; } ct_memory_info; /* bytes in tensors and graphs; limit SIZE_MAX: none */
CT_API ct_memory_info ct_memory(void);          /* exact for this thread; others' small tensors count to within 64 KiB each */
CT_API void ct_memory_reset_peak(void);
CT_API void ct_memory_set_limit(size_t bytes);  /* an allocation that would pass it is an error; SIZE_MAX: no limit */
CT_API void ct_memory_trim(void);               /* gives cached memory back to the system */

/* The halves of CT_SCOPE and CT_NO_GRAD: the address of the mark names the scope. */
CT_API char ct_scope_enter_(char *mark);
CT_API void ct_scope_leave_(char *mark);
CT_API char ct_no_grad_enter_(void);
CT_API void ct_no_grad_leave_(const char *was);

#ifdef __cplusplus
}
#else
#include "sugar.h"
#endif
#endif
