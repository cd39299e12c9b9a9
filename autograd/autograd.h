/* The engine: tensors, the graph they record, and gradients.
 *
 * A call that returns a tensor returns NULL when it fails; one that returns bool returns false. The reason is kept per
 * thread (see Errors). An operand that is NULL because an earlier call failed makes the call return NULL quietly.
 * Shapes stand behind the functions as (rows, columns); "..." is any number of leading axes. A negative axis counts from
 * the end. Names, semantics and numbers are PyTorch's unless a line says otherwise.
 * Every function-like macro in sugar.h wraps the plain function of the same name below; C++ and other languages use those.
 * Options are always named: ct_dropout(x, .p = 0.1). A value without its name changes nothing, and compilers warn of "excess elements"
 * (-Werror makes that an error).
 */
#ifndef COTANGENT_AUTOGRAD_H
#define COTANGENT_AUTOGRAD_H

#include <math.h>
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
CT_API void ct_release(ct_tensor *t);           /* undoes one ct_keep; NULL is fine. Of a tensor that its scope alone owns: an error */
CT_API ct_tensor *ct_promote(ct_tensor *t);     /* hands t to the enclosing scope if the innermost one owns it; returns t */
CT_API void ct_shutdown(void);                  /* closes all scopes of this thread and its root, gives cached memory back */
CT_API void ct_free(void *object);              /* frees a module, cache, optimizer, dataset, loader, generator or tensor file; NULL is fine. A part of another
                                                            (a layer, a schedule in a chain) goes with that: an error */

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
CT_API bool ct_set_gradient(ct_tensor *leaf, ct_tensor *gradient); /* a copy of gradient, of leaf's shape and dtype, in place of what was there; NULL drops */
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

/* function(inputs), keeping of what it computes nothing but the result: when backward comes to it, it is run again, which costs its time once
 * more and saves the memory. Its one result, all gradients (of the inputs and of every parameter it uses), sums and random numbers are those
 * of the plain call, bit for bit. It must do the same both times: what it reads besides its inputs (context, parameters) stays as it is until
 * backward; a changed input or parameter, another result or other random numbers make backward fail. Checkpoints nest. */
typedef struct { void *context; void (*free_context)(void *context); char end_; } ct_checkpoint_options; /* freed with the graph; at once if nothing is recorded */
CT_API ct_tensor *ct_checkpoint(ct_function *function, ct_tensor *const *inputs, size_t count, const ct_checkpoint_options *options);
CT_API bool ct_recomputing(void);               /* in a checkpoint's second run: what counts or logs calls looks; batch_norm's running values stay */

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
CT_API ct_tensor *ct_exp2(ct_tensor *x);        /* 2^x */
CT_API ct_tensor *ct_expm1(ct_tensor *x);       /* e^x - 1, exact near 0 */
CT_API ct_tensor *ct_log2(ct_tensor *x);
CT_API ct_tensor *ct_log10(ct_tensor *x);
CT_API ct_tensor *ct_log1p(ct_tensor *x);       /* log(1 + x), exact near 0 */
CT_API ct_tensor *ct_rsqrt(ct_tensor *x);       /* 1 / sqrt(x) */
CT_API ct_tensor *ct_tan(ct_tensor *x);
CT_API ct_tensor *ct_asin(ct_tensor *x);
CT_API ct_tensor *ct_acos(ct_tensor *x);
CT_API ct_tensor *ct_atan(ct_tensor *x);
CT_API ct_tensor *ct_sinh(ct_tensor *x);
CT_API ct_tensor *ct_cosh(ct_tensor *x);
CT_API ct_tensor *ct_asinh(ct_tensor *x);
CT_API ct_tensor *ct_acosh(ct_tensor *x);
CT_API ct_tensor *ct_atanh(ct_tensor *x);
CT_API ct_tensor *ct_erfc(ct_tensor *x);        /* 1 - erf(x) */
CT_API ct_tensor *ct_lgamma(ct_tensor *x);      /* log |gamma(x)| */
CT_API ct_tensor *ct_digamma(ct_tensor *x);     /* its derivative, psi */
CT_API ct_tensor *ct_polygamma(int n, ct_tensor *x); /* the n-th derivative of psi */
CT_API ct_tensor *ct_selu(ct_tensor *x);        /* 1.0507 elu(x) with alpha 1.6733, arXiv:1706.02515 */
CT_API ct_tensor *ct_celu(ct_tensor *x, double alpha); /* x > 0 ? x : alpha (e^(x / alpha) - 1), arXiv:1704.07483; C: ct_celu(x) is alpha 1 */
CT_API ct_tensor *ct_mish(ct_tensor *x);        /* x tanh(softplus(x)), arXiv:1908.08681 */
CT_API ct_tensor *ct_softsign(ct_tensor *x);    /* x / (1 + |x|) */
CT_API ct_tensor *ct_hardtanh(ct_tensor *x, double low, double high); /* x between the bounds; derivative 0 at them. C: ct_hardtanh(x) is -1, 1 */
CT_API ct_tensor *ct_relu6(ct_tensor *x);       /* hardtanh(x, 0, 6) */
CT_API ct_tensor *ct_hardsigmoid(ct_tensor *x); /* relu6(x + 3) / 6; derivative 0 at the kinks */
CT_API ct_tensor *ct_hardswish(ct_tensor *x);   /* x relu6(x + 3) / 6, arXiv:1905.02244 */
CT_API ct_tensor *ct_threshold(ct_tensor *x, double threshold, double value); /* x > threshold ? x : value */
CT_API ct_tensor *ct_floor(ct_tensor *x);       /* derivative 0, as the next three; integers stay as they are */
CT_API ct_tensor *ct_ceil(ct_tensor *x);
CT_API ct_tensor *ct_round(ct_tensor *x);       /* halves to even */
CT_API ct_tensor *ct_trunc(ct_tensor *x);
CT_API ct_tensor *ct_frac(ct_tensor *x);        /* x - trunc(x) */
typedef struct { double nan, posinf, neginf; char end_; } ct_nan_to_num_options; /* 0 and, for an infinity, the dtype's largest */
#define CT_NAN_TO_NUM_DEFAULTS .nan = 0, .posinf = HUGE_VAL, .neginf = -HUGE_VAL,
CT_API extern const ct_nan_to_num_options ct_nan_to_num_defaults;
CT_API ct_tensor *ct_nan_to_num(ct_tensor *x, const ct_nan_to_num_options *options); /* derivative 0 where it replaces */
CT_API ct_tensor *ct_isnan(ct_tensor *x);       /* bool, as the next two */
CT_API ct_tensor *ct_isinf(ct_tensor *x);
CT_API ct_tensor *ct_isfinite(ct_tensor *x);
CT_API ct_tensor *ct_prelu(ct_tensor *x, ct_tensor *weight); /* x > 0 ? x : weight x; weight (1), or (C) along axis 1. arXiv:1502.01852 */
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
CT_API ct_tensor *ct_fmax(ct_tensor *a, ct_tensor *b); /* a number wins over NaN; equal operands share the gradient */
CT_API ct_tensor *ct_fmin(ct_tensor *a, ct_tensor *b);
CT_API ct_tensor *ct_fmod(ct_tensor *a, ct_tensor *b); /* a - b trunc(a / b): the sign of a; integers by 0 are an error, here and in the next two */
CT_API ct_tensor *ct_remainder(ct_tensor *a, ct_tensor *b); /* a - b floor(a / b): the sign of b */
CT_API ct_tensor *ct_floor_divide(ct_tensor *a, ct_tensor *b); /* floor(a / b); no gradient */
CT_API ct_tensor *ct_atan2(ct_tensor *a, ct_tensor *b); /* the angle of the point (b, a); derivative 0 at the origin */
CT_API ct_tensor *ct_hypot(ct_tensor *a, ct_tensor *b); /* sqrt(a^2 + b^2), without overflow */
CT_API ct_tensor *ct_logaddexp(ct_tensor *a, ct_tensor *b); /* log(e^a + e^b), without overflow */
CT_API ct_tensor *ct_xlogy(ct_tensor *a, ct_tensor *b); /* a log b, and 0 where a is 0 */
CT_API ct_tensor *ct_lerp(ct_tensor *a, ct_tensor *b, ct_tensor *weight); /* a + weight (b - a) */
CT_API ct_tensor *ct_addcmul(ct_tensor *x, ct_tensor *a, ct_tensor *b, double value); /* x + value a b */
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
CT_API ct_tensor *ct_var(ct_tensor *x, const int *axes, size_t count, bool keepdims, double correction); /* divides by max(n - correction, 0), NaN where that is 0 / 0; C: .correction = 1 */
CT_API ct_tensor *ct_std(ct_tensor *x, const int *axes, size_t count, bool keepdims, double correction); /* sqrt(var); derivative 0 where it is 0 */
CT_API ct_tensor *ct_norm(ct_tensor *x, const int *axes, size_t count, bool keepdims, double p); /* sum(|x|^p)^(1/p), PyTorch's vector_norm; C: .p = 2.
                                                            +-INFINITY: largest or smallest |x|; 0: how many are not 0. Derivative 0 where it is 0 */
CT_API ct_tensor *ct_prod(ct_tensor *x, const int *axes, size_t count, bool keepdims); /* bool and int64 give int64 */
CT_API ct_tensor *ct_nansum(ct_tensor *x, const int *axes, size_t count, bool keepdims); /* of what is not NaN, as the next */
CT_API ct_tensor *ct_nanmean(ct_tensor *x, const int *axes, size_t count, bool keepdims);
CT_API ct_tensor *ct_all(ct_tensor *x, const int *axes, size_t count, bool keepdims); /* none is 0: bool */
CT_API ct_tensor *ct_any(ct_tensor *x, const int *axes, size_t count, bool keepdims); /* one is not 0: bool */
CT_API ct_tensor *ct_count_nonzero(ct_tensor *x, const int *axes, size_t count, bool keepdims); /* int64 */
/* One axis: the first extreme takes all the gradient, and *indices its place (may be NULL; C: .indices = &i). All or several
 * axes: the extremes share the gradient, as PyTorch's amax; no indices. NaN wins. An empty reduction is an error. */
CT_API ct_tensor *ct_max(ct_tensor *x, const int *axes, size_t count, bool keepdims, ct_tensor **indices);
CT_API ct_tensor *ct_min(ct_tensor *x, const int *axes, size_t count, bool keepdims, ct_tensor **indices);
CT_API ct_tensor *ct_amax(ct_tensor *x, const int *axes, size_t count, bool keepdims); /* the extremes share the gradient along one axis too */
CT_API ct_tensor *ct_amin(ct_tensor *x, const int *axes, size_t count, bool keepdims);
CT_API ct_tensor *ct_median(ct_tensor *x, const int *axes, size_t count, bool keepdims, ct_tensor **indices); /* the lower of two; one axis, as max, or none:
                                                            of all, whose equals share the gradient. Of nothing: an error (PyTorch: NaN) */
CT_API ct_tensor *ct_argmax(ct_tensor *x, const int *axes, size_t count, bool keepdims); /* int64; one axis, or none: of the flattened x */
CT_API ct_tensor *ct_argmin(ct_tensor *x, const int *axes, size_t count, bool keepdims);
CT_API ct_tensor *ct_logsumexp(ct_tensor *x, const int *axes, size_t count, bool keepdims); /* log(sum(e^x)), without overflow; floats alone (PyTorch casts int64) */
CT_API ct_tensor *ct_softmax(ct_tensor *x, int axis);     /* e^x / sum(e^x) along axis */
CT_API ct_tensor *ct_log_softmax(ct_tensor *x, int axis); /* x - logsumexp(x) along axis */

/* ---- Along one axis: running values, orders ------------------------------------------------------------------------------ */
CT_API ct_tensor *ct_cumsum(ct_tensor *x, int axis);      /* y_i = x_0 + ... + x_i; bool and int64 give int64, here and in the next */
CT_API ct_tensor *ct_cumprod(ct_tensor *x, int axis);     /* x_0 ... x_i */
CT_API ct_tensor *ct_logcumsumexp(ct_tensor *x, int axis); /* log(e^x_0 + ... + e^x_i), without overflow */
typedef struct { ct_tensor **indices; char end_; } ct_indices_options; /* where the values come from: int64, of the result's shape */
CT_API ct_tensor *ct_cummax(ct_tensor *x, int axis, const ct_indices_options *options); /* the largest so far, the latest of equals; NaN wins */
CT_API ct_tensor *ct_cummin(ct_tensor *x, int axis, const ct_indices_options *options);
typedef struct { bool descending; ct_tensor **indices; char end_; } ct_sort_options; /* always stable: PyTorch's stable=True */
CT_API ct_tensor *ct_sort(ct_tensor *x, int axis, const ct_sort_options *options); /* NaN counts as the largest, here and below */
typedef struct { bool descending; char end_; } ct_argsort_options;
CT_API ct_tensor *ct_argsort(ct_tensor *x, int axis, const ct_argsort_options *options); /* sort's indices */
typedef struct { bool smallest; ct_tensor **indices; char end_; } ct_topk_options;
CT_API ct_tensor *ct_topk(ct_tensor *x, int64_t k, int axis, const ct_topk_options *options); /* the k largest, from the largest on; the first of equals */
typedef struct { ct_tensor **inverse, **counts; char end_; } ct_unique_options; /* int64: each element's place in the result; how many are equal */
CT_API ct_tensor *ct_unique(ct_tensor *x, const ct_unique_options *options); /* the values of all of x, sorted; no gradient, as the next two */
typedef struct { bool right; char end_; } ct_searchsorted_options;
CT_API ct_tensor *ct_searchsorted(ct_tensor *sorted, ct_tensor *values, const ct_searchsorted_options *options); /* (n), (...) or (..., n), (..., m) ->
                                                            int64 of values' shape: how many of the row are less; right: less or equal */
typedef struct { ct_tensor *weights; int64_t minlength; char end_; } ct_bincount_options;
CT_API ct_tensor *ct_bincount(ct_tensor *x, const ct_bincount_options *options); /* int64 (n), none negative -> how often 0, 1, ... occur;
                                                            or the sums of their weights (n) */

/* ---- Products -------------------------------------------------------------------------------------------------------- */
CT_API ct_tensor *ct_matmul(ct_tensor *a, ct_tensor *b); /* (..., m, k) x (..., k, n) -> (..., m, n); leading axes broadcast; a vector is a
                                                            row on the left, a column on the right, and its axis goes; any strides, one dtype, float or int64 */
CT_API ct_tensor *ct_dot(ct_tensor *a, ct_tensor *b); /* (k) x (k) -> () */
CT_API ct_tensor *ct_outer(ct_tensor *a, ct_tensor *b); /* (m) x (n) -> (m, n): a_i b_j */
CT_API ct_tensor *ct_mv(ct_tensor *a, ct_tensor *x); /* (m, k) x (k) -> (m) */
CT_API ct_tensor *ct_mm(ct_tensor *a, ct_tensor *b); /* (m, k) x (k, n) -> (m, n) */
CT_API ct_tensor *ct_bmm(ct_tensor *a, ct_tensor *b); /* (batch, m, k) x (batch, k, n) -> (batch, m, n) */
typedef struct { double alpha, beta; char end_; } ct_addmm_options; /* 1, 1; beta 0: c is not looked at */
#define CT_ADDMM_DEFAULTS .alpha = 1, .beta = 1,
CT_API extern const ct_addmm_options ct_addmm_defaults;
CT_API ct_tensor *ct_addmm(ct_tensor *c, ct_tensor *a, ct_tensor *b, const ct_addmm_options *options); /* beta c + alpha a b; c broadcasts to (m, n) */
CT_API ct_tensor *ct_baddbmm(ct_tensor *c, ct_tensor *a, ct_tensor *b, const ct_addmm_options *options); /* the same for batches */
/* "bij,bjk->bik": an axis a letter (a-z, A-Z), "..." for any number. Axes of one name are multiplied (twice in one operand: its
 * diagonal), those that the result does not name are summed; without "->" it has what stands once, in alphabetical order. Joined
 * from the left, two by two. C: ct_einsum("ij,j", CT_TENSORS(a, x)) */
CT_API ct_tensor *ct_einsum(const char *subscripts, ct_tensor *const *tensors, size_t count);
CT_API ct_tensor *ct_tensordot(ct_tensor *a, ct_tensor *b, const int *a_axes, size_t a_count, const int *b_axes, size_t b_count); /* sums over
                                                            pairs of axes; lists NULL: a's last, b's first. C: ct_tensordot(a, b, 2),
                                                            ct_tensordot(a, b, CT_AXES(1, 2), CT_AXES(0, 1)) */
CT_API ct_tensor *ct_kron(ct_tensor *a, ct_tensor *b); /* (m, n) x (p, q) -> (m p, n q): a_ij b in blocks; up to 4 axes */
CT_API ct_tensor *ct_trace(ct_tensor *x);       /* (m, n) -> (): the sum of the diagonal */
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
typedef enum { CT_ZEROS, CT_REFLECT, CT_REPLICATE, CT_CIRCULAR } ct_pad_mode; /* 0 0|1 2 3|0 0, 3 2|1 2 3|2 1, 1 1|1 2 3|3 3, 2 3|1 2 3|1 2 */
CT_API ct_tensor *ct_pad_by(ct_tensor *x, ct_pad_mode mode, const int64_t *widths, size_t count); /* widths as for pad. C: ct_pad_by(x, CT_REFLECT, 1, 1) */
CT_API ct_tensor *ct_flip(ct_tensor *x, const int *axes, size_t count); /* reverses axes, all if none is named; a view. C: ct_flip(x), ct_flip(x, 0, 1) */
CT_API ct_tensor *ct_roll(ct_tensor *x, const int64_t *shifts, const int *axes, size_t count); /* y[i + shift] = x[i], round the end;
                                                            axes NULL: of the flattened x. C: ct_roll(x, 1), ct_roll(x, 1, axis),
                                                            ct_roll(x, CT_SHIFTS(1, -2), CT_AXES(0, 1)) */
CT_API ct_tensor *ct_tile(ct_tensor *x, const int64_t *repeats, size_t count); /* x again and again: abab. C: ct_tile(x, 2, 1) */
CT_API ct_tensor *ct_repeat_interleave(ct_tensor *x, ct_tensor *repeats, const int *axes, size_t count); /* each again and again: aabb; repeats: one
                                                            for all, or an int64 vector with one for each; no axis: of the flattened x.
                                                            C: ct_repeat_interleave(x, 2), ct_repeat_interleave(x, repeats, axis) */
CT_API ct_tensor *ct_movedim(ct_tensor *x, const int *from, size_t m, const int *to, size_t n); /* the others keep their order. C: ct_movedim(x, 0, -1),
                                                            ct_movedim(x, CT_AXES(0, 1), CT_AXES(-1, 0)) */
CT_API ct_tensor *ct_swapaxes(ct_tensor *x, int axis, int other); /* ct_transpose by NumPy's name */
CT_API ct_tensor *ct_broadcast_to(ct_tensor *x, const int64_t *sizes, size_t rank); /* ct_expand by NumPy's name. C: ct_broadcast_to(x, 2, 3) */
CT_API size_t ct_chunk(ct_tensor *x, size_t chunks, int axis, ct_tensor **parts); /* at most so many parts of equal length, the last shorter:
                                                            views; returns how many there are, 0 on error */
CT_API bool ct_unbind(ct_tensor *x, int axis, ct_tensor **parts, size_t count); /* views x[0], x[1], ... along axis; count must be its size */
CT_API ct_tensor *ct_unfold(ct_tensor *x, int axis, int64_t size, int64_t step); /* (..., n, ...) -> (..., windows, ..., size): a view */
CT_API ct_tensor *ct_overlap_add(ct_tensor *x, int axis, int64_t length, int64_t step); /* its transpose: windows add up where they overlap */
CT_API ct_tensor *ct_diagonal(ct_tensor *x, int64_t offset, int axis1, int axis2); /* x[i, i + offset] of two axes, as the last: a view. C: ct_diagonal(x) is 0, 0, 1 */
CT_API ct_tensor *ct_diag_embed(ct_tensor *x, int64_t offset, int axis1, int axis2); /* the last axis as a diagonal among zeros. C: ct_diag_embed(x) is 0, -2, -1 */
CT_API ct_tensor *ct_diag(ct_tensor *x, int64_t offset); /* (n) -> (n, n) among zeros; (m, n) -> its diagonal. C: ct_diag(x) is 0 */
CT_API ct_tensor *ct_tril(ct_tensor *x, int64_t diagonal); /* (..., m, n): 0 where column - row > diagonal. C: ct_tril(x) is 0 */
CT_API ct_tensor *ct_triu(ct_tensor *x, int64_t diagonal); /* 0 where column - row < diagonal */
CT_API ct_tensor *ct_contiguous(ct_tensor *x);  /* x itself, or a row-major copy */
CT_API ct_tensor *ct_clone(ct_tensor *x);       /* a copy of the same layout; differentiable */
CT_API ct_tensor *ct_one_hot(ct_tensor *x, int64_t classes); /* int64 (...) in [0, classes) -> int64 (..., classes) */

/* ---- Indexing: int64 indices ---------------------------------------------------------------------------------------------
 * An index out of range is an error; negative ones are too, but count from the end in ct_index and ct_index_put. Gradients
 * of an element that is read several times add up. */
CT_API ct_tensor *ct_gather(ct_tensor *x, int axis, ct_tensor *index); /* y[i, j] = x[index[i, j], j] along axis 0, and so on: index's shape out,
                                                            beside axis no longer than x */
CT_API ct_tensor *ct_take_along_axis(ct_tensor *x, ct_tensor *index, const int *axes, size_t count); /* take_along_dim: gather with sizes beside
                                                            the axis broadcast; no axis: of the flattened x. C: ct_take_along_axis(x, index, 1) */
CT_API ct_tensor *ct_index_select(ct_tensor *x, int axis, ct_tensor *index); /* (..., n, ...): the slices of x that the vector index (n) names */
CT_API ct_tensor *ct_masked_select(ct_tensor *x, ct_tensor *mask); /* (n): where the bool mask is true, row-major; both broadcast */
#define CT_NO_PADDING INT64_MIN
typedef struct { int64_t padding_idx; char end_; } ct_embedding_options; /* the row whose gradient is 0, may be negative; at first none */
#define CT_EMBEDDING_DEFAULTS .padding_idx = CT_NO_PADDING,
CT_API extern const ct_embedding_options ct_embedding_defaults;
CT_API ct_tensor *ct_embedding(ct_tensor *weight, ct_tensor *index, const ct_embedding_options *options); /* (rows, columns), (...) -> (..., columns) */

CT_API ct_tensor *ct_scatter(ct_tensor *x, int axis, ct_tensor *index, ct_tensor *source); /* a copy of x with y[index[i, j], j] = source[i, j], and
                                                            so on; the last of several wins, gradient too. C: source may be a number */
CT_API ct_tensor *ct_scatter_add(ct_tensor *x, int axis, ct_tensor *index, ct_tensor *source); /* += in its place */
typedef enum { CT_REDUCE_SUM, CT_REDUCE_PROD, CT_REDUCE_MEAN, CT_REDUCE_AMAX, CT_REDUCE_AMIN } ct_scatter_reduction;
typedef struct { bool include_self; char end_; } ct_scatter_reduce_options; /* x's own value counts among those stored: true */
#define CT_SCATTER_REDUCE_DEFAULTS .include_self = true,
CT_API extern const ct_scatter_reduce_options ct_scatter_reduce_defaults;
CT_API ct_tensor *ct_scatter_reduce(ct_tensor *x, int axis, ct_tensor *index, ct_tensor *source, ct_scatter_reduction reduce,
                                    const ct_scatter_reduce_options *options); /* equal extremes share the gradient */
typedef struct { double alpha; char end_; } ct_index_add_options; /* 1 */
#define CT_INDEX_ADD_DEFAULTS .alpha = 1,
CT_API extern const ct_index_add_options ct_index_add_defaults;
CT_API ct_tensor *ct_index_add(ct_tensor *x, int axis, ct_tensor *index, ct_tensor *source, const ct_index_add_options *options); /* a copy of x with
                                                            alpha source[i] added to slice index[i] */
CT_API ct_tensor *ct_masked_scatter(ct_tensor *x, ct_tensor *mask, ct_tensor *source); /* where mask is true, the next value of source */

/* NumPy's indexing, one subscript an axis. Index tensors broadcast together, and an integer beside one counts as one. Their
 * axes stand in the place of the axes indexed if those subscripts follow each other, and first otherwise (as in NumPy; PyTorch
 * differs where an integer stands apart). A bool mask of several axes indexes as many. Without tensors the result is a view.
 * C: ct_index(x, CT_AT(rows), CT_ALL, CT_RANGE(1, -1)), with CT_AT(3), CT_RANGE(CT_OPEN, CT_OPEN, -1), CT_NEW_AXIS and CT_ELLIPSIS
 * besides. */
typedef enum { CT_SUBSCRIPT_SLICE, CT_SUBSCRIPT_INDEX, CT_SUBSCRIPT_NEW_AXIS, CT_SUBSCRIPT_ELLIPSIS, CT_SUBSCRIPT_TENSOR } ct_subscript_kind;
#define CT_OPEN INT64_MIN                       /* an end left out of a slice */
typedef struct {
    ct_subscript_kind kind;
    int64_t start, stop, step;                  /* of a slice; an integer is start */
    ct_tensor *tensor;                          /* int64, or a bool mask */
} ct_subscript;
CT_API ct_tensor *ct_index(ct_tensor *x, const ct_subscript *list, size_t count); /* x[...] */
typedef struct { bool accumulate; char end_; } ct_index_put_options; /* adds, so that repeated places sum; otherwise the last wins */
CT_API ct_tensor *ct_index_put(ct_tensor *x, const ct_subscript *list, size_t count, ct_tensor *value, const ct_index_put_options *options); /* a copy
                                                            of x with x[...] = value, broadcast. C: ct_index_put(x, CT_SUBSCRIPTS(CT_AT(i)), 1.0) */

/* ---- Losses: reduction CT_MEAN (default), CT_SUM or CT_NONE ------------------------------------------------------------
 * Input and target of one shape, unless a line says otherwise: a loss never broadcasts them. */
typedef enum { CT_MEAN, CT_SUM, CT_NONE, CT_BATCH_MEAN } ct_reduction; /* CT_BATCH_MEAN: the sum over the size of axis 0; kl_div only */
typedef struct { ct_reduction reduction; char end_; } ct_loss_options;
/* Classes: input (N, C), (N, C, ...) or (C), int64 target (N), (N, ...) or (). weight: (C), a constant; a mean divides by the
 * weights of the targets. Targets equal to ignore_index count nowhere. */
typedef struct { ct_reduction reduction; ct_tensor *weight; int64_t ignore_index; double label_smoothing; char end_; } ct_cross_entropy_options;
#define CT_CROSS_ENTROPY_DEFAULTS .ignore_index = -100,
CT_API extern const ct_cross_entropy_options ct_cross_entropy_defaults;
CT_API ct_tensor *ct_cross_entropy(ct_tensor *logits, ct_tensor *target, const ct_cross_entropy_options *options); /* -log softmax at the
                                                            target; a floating target of the logits' shape: probabilities of the classes */
typedef struct { ct_reduction reduction; ct_tensor *weight; int64_t ignore_index; char end_; } ct_nll_options;
#define CT_NLL_DEFAULTS .ignore_index = -100,
CT_API extern const ct_nll_options ct_nll_defaults;
CT_API ct_tensor *ct_nll(ct_tensor *log_p, ct_tensor *target, const ct_nll_options *options); /* the same from log-probabilities */
typedef struct { ct_reduction reduction; double margin; int p; ct_tensor *weight; char end_; } ct_multi_margin_options;
#define CT_MULTI_MARGIN_DEFAULTS .margin = 1, .p = 1,
CT_API extern const ct_multi_margin_options ct_multi_margin_defaults;
CT_API ct_tensor *ct_multi_margin(ct_tensor *x, ct_tensor *target, const ct_multi_margin_options *options); /* (N, C) or (C); with class t:
                                                            sum over c != t of max(0, margin - x_t + x_c)^p / C, times t's weight */
typedef struct { ct_reduction reduction; int64_t blank; bool zero_infinity; char end_; } ct_ctc_options; /* zero_infinity: impossible targets cost 0 */
CT_API ct_tensor *ct_ctc(ct_tensor *log_p, ct_tensor *target, ct_tensor *input_lengths, ct_tensor *target_lengths, const ct_ctc_options *options); /* -log p of the
                                                            target under any alignment. log_p: (T, N, C) or (T, C), out of ct_log_softmax (what its
                                                            gradient takes for granted); labels other than blank: (N, S), or all in a row; lengths
                                                            (N). The mean is over losses a label. No second derivative */
/* Regression */
CT_API ct_tensor *ct_mse(ct_tensor *x, ct_tensor *y, const ct_loss_options *options);  /* (x - y)^2 */
CT_API ct_tensor *ct_l1(ct_tensor *x, ct_tensor *y, const ct_loss_options *options);   /* |x - y| */
typedef struct { ct_reduction reduction; double beta; char end_; } ct_smooth_l1_options;
#define CT_SMOOTH_L1_DEFAULTS .beta = 1,
CT_API extern const ct_smooth_l1_options ct_smooth_l1_defaults;
CT_API ct_tensor *ct_smooth_l1(ct_tensor *x, ct_tensor *y, const ct_smooth_l1_options *options); /* huber with delta beta, over beta; beta 0: l1 */
typedef struct { ct_reduction reduction; double delta; char end_; } ct_huber_options;
#define CT_HUBER_DEFAULTS .delta = 1,
CT_API extern const ct_huber_options ct_huber_defaults;
CT_API ct_tensor *ct_huber(ct_tensor *x, ct_tensor *y, const ct_huber_options *options); /* d^2 / 2 where d = |x - y| < delta, else delta (d - delta / 2) */
typedef struct { ct_reduction reduction; bool full; double eps; char end_; } ct_gaussian_nll_options;
#define CT_GAUSSIAN_NLL_DEFAULTS .eps = 1e-6,
CT_API extern const ct_gaussian_nll_options ct_gaussian_nll_defaults;
CT_API ct_tensor *ct_gaussian_nll(ct_tensor *x, ct_tensor *y, ct_tensor *variance, const ct_gaussian_nll_options *options); /* (log v + (x - y)^2 / v) / 2,
                                                            v at least eps, though with the gradient of one that is; variance (..., D), (..., 1)
                                                            or (...); full adds log(2 pi) / 2 */
typedef struct { ct_reduction reduction; bool log_input, full; double eps; char end_; } ct_poisson_nll_options;
#define CT_POISSON_NLL_DEFAULTS .log_input = true, .eps = 1e-8,
CT_API extern const ct_poisson_nll_options ct_poisson_nll_defaults;
CT_API ct_tensor *ct_poisson_nll(ct_tensor *x, ct_tensor *y, const ct_poisson_nll_options *options); /* e^x - y x; log_input = false: x - y log(x + eps);
                                                            full adds Stirling's log y! where y > 1 */
/* Probabilities and two classes */
typedef struct { ct_reduction reduction; bool log_target; char end_; } ct_kl_div_options;
CT_API ct_tensor *ct_kl_div(ct_tensor *log_p, ct_tensor *target, const ct_kl_div_options *options); /* q (log q - log p), target q; log_target: it is log q */
typedef struct { ct_reduction reduction; ct_tensor *weight; char end_; } ct_binary_cross_entropy_options; /* weight: of each term; broadcasts */
CT_API ct_tensor *ct_binary_cross_entropy(ct_tensor *p, ct_tensor *y, const ct_binary_cross_entropy_options *options); /* -(y log p + (1-y) log(1-p)), logs >= -100 */
typedef struct { ct_reduction reduction; ct_tensor *weight, *pos_weight; char end_; } ct_binary_cross_entropy_with_logits_options;
CT_API ct_tensor *ct_binary_cross_entropy_with_logits(ct_tensor *x, ct_tensor *y, const ct_binary_cross_entropy_with_logits_options *options); /* pos_weight: of y's part */
CT_API ct_tensor *ct_hinge(ct_tensor *x, ct_tensor *y, const ct_loss_options *options); /* max(0, 1 - y x), y -1 or 1 */
/* Ranking: targets y are 1 or -1 */
typedef struct { ct_reduction reduction; double margin; char end_; } ct_margin_options;
CT_API ct_tensor *ct_margin_ranking(ct_tensor *a, ct_tensor *b, ct_tensor *y, const ct_margin_options *options); /* max(0, margin - y (a - b)) */
CT_API ct_tensor *ct_cosine_embedding(ct_tensor *a, ct_tensor *b, ct_tensor *y, const ct_margin_options *options); /* (N, D), (N, D), (N): 1 - cos(a, b);
                                                            where y is -1: max(0, cos(a, b) - margin) */
typedef struct { ct_reduction reduction; double margin; char end_; } ct_hinge_embedding_options;
#define CT_HINGE_EMBEDDING_DEFAULTS .margin = 1,
CT_API extern const ct_hinge_embedding_options ct_hinge_embedding_defaults;
CT_API ct_tensor *ct_hinge_embedding(ct_tensor *x, ct_tensor *y, const ct_hinge_embedding_options *options); /* x; where y is -1: max(0, margin - x) */
typedef struct { ct_reduction reduction; double margin, p, eps; bool swap; char end_; } ct_triplet_margin_options;
#define CT_TRIPLET_MARGIN_DEFAULTS .margin = 1, .p = 2, .eps = 1e-6,
CT_API extern const ct_triplet_margin_options ct_triplet_margin_defaults;
CT_API ct_tensor *ct_triplet_margin(ct_tensor *anchor, ct_tensor *positive, ct_tensor *negative, const ct_triplet_margin_options *options); /* (..., D) -> (...):
                                                            max(0, margin + |a - p| - |a - n|); swap: the nearer of |a - n| and |p - n| */
/* What some of them are made of */
typedef struct { double p, eps; bool keepdims; char end_; } ct_pairwise_distance_options;
#define CT_PAIRWISE_DISTANCE_DEFAULTS .p = 2, .eps = 1e-6,
CT_API extern const ct_pairwise_distance_options ct_pairwise_distance_defaults;
CT_API ct_tensor *ct_pairwise_distance(ct_tensor *a, ct_tensor *b, const ct_pairwise_distance_options *options); /* (..., D) x (..., D) -> (...): p-norm of a - b + eps */
typedef struct { int axis; double eps; char end_; } ct_cosine_similarity_options;
#define CT_COSINE_SIMILARITY_DEFAULTS .axis = 1, .eps = 1e-8,
CT_API extern const ct_cosine_similarity_options ct_cosine_similarity_defaults;
CT_API ct_tensor *ct_cosine_similarity(ct_tensor *a, ct_tensor *b, const ct_cosine_similarity_options *options); /* a b / (|a| |b|) along axis, lengths at least eps */
typedef struct { double p; int axis; double eps; char end_; } ct_normalize_options;
#define CT_NORMALIZE_DEFAULTS .p = 2, .axis = 1, .eps = 1e-12,
CT_API extern const ct_normalize_options ct_normalize_defaults;
CT_API ct_tensor *ct_normalize(ct_tensor *x, const ct_normalize_options *options); /* x / max(its p-norm along axis, eps) */

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
CT_API ct_tensor *ct_normal(ct_tensor *mean, ct_tensor *deviation, ct_generator *generator); /* broadcast; C: ct_normal(mean, deviation) */
CT_API ct_tensor *ct_exponential(double rate, const int64_t *sizes, size_t rank, ct_dtype dtype, ct_generator *generator); /* C: ct_exponential(rate, sizes...) */
typedef struct { bool replacement; ct_generator *generator; char end_; } ct_multinomial_options;
CT_API ct_tensor *ct_multinomial(ct_tensor *weights, int64_t count, const ct_multinomial_options *options); /* (classes) or (rows, classes)
                                                            -> int64 (count) or (rows, count), each class in proportion to its weight */
CT_API ct_tensor *ct_rand_like(ct_tensor *x);
CT_API ct_tensor *ct_randn_like(ct_tensor *x);
typedef struct { double p; bool eval; ct_generator *generator; char end_; } ct_dropout_options;
#define CT_DROPOUT_DEFAULTS .p = 0.5,
CT_API extern const ct_dropout_options ct_dropout_defaults;
CT_API ct_tensor *ct_dropout(ct_tensor *x, const ct_dropout_options *options); /* zeroes with probability p, scales the rest by 1/(1-p); eval: x */

/* ---- Images: (N, C, H, W), and (N, C, L) for the forms in 1-d; also one sample, without N -------------------------------
 * What an option says of both axes is one number, or CT_HW(height, width). Any memory order is accepted; float32 is fastest
 * channels-last. So lie the results of convolutions (the shape stays (N, C, H, W)); those of pooling, interpolate and
 * batch_norm lie as their input does.
 * A window of size k with dilation d spans d (k - 1) + 1. An empty batch gives an empty result and zero gradients. */
#define CT_HW(height, width) ((INT64_C(1) << 62) | (int64_t)(uint32_t)(height) << 31 | (int64_t)(uint32_t)(width)) /* each below 2^30: larger ones wrap around */
#define CT_SAME (-1)                            /* padding that keeps the size; the odd one goes right and below. Stride 1 only */
#define CT_VALID 0                              /* no padding */
CT_API ct_tensor *ct_channels_last(ct_tensor *x); /* x itself, or a copy whose memory runs N, H, W, C; PyTorch's memory_format */
CT_API bool ct_is_channels_last(const ct_tensor *x);
typedef struct { int64_t stride, padding, dilation, groups; ct_activation activation; char end_; } ct_conv_options; /* 1, 0, 1, 1 */
#define CT_CONV_DEFAULTS .stride = 1, .dilation = 1, .groups = 1,
CT_API extern const ct_conv_options ct_conv_defaults;
CT_API ct_tensor *ct_conv2d(ct_tensor *x, ct_tensor *w, ct_tensor *b, const ct_conv_options *options); /* (N, C, H, W), (O, C / groups, kh, kw),
                                                            (O) or NULL -> (N, O, (H + 2 padding - span) / stride + 1, ...), then the activation */
CT_API ct_tensor *ct_conv1d(ct_tensor *x, ct_tensor *w, ct_tensor *b, const ct_conv_options *options); /* (N, C, L), (O, C / groups, k) */
typedef struct { int64_t stride, padding, output_padding, dilation, groups; char end_; } ct_conv_transpose_options; /* 1, 0, 0, 1, 1 */
#define CT_CONV_TRANSPOSE_DEFAULTS .stride = 1, .dilation = 1, .groups = 1,
CT_API extern const ct_conv_transpose_options ct_conv_transpose_defaults;
CT_API ct_tensor *ct_conv_transpose2d(ct_tensor *x, ct_tensor *w, ct_tensor *b, const ct_conv_transpose_options *options); /* conv2d's gradient as a layer:
                                                            (N, C, H, W), (C, O / groups, kh, kw) -> (N, O, (H - 1) stride - 2 padding + span + output_padding, ...),
                                                            sizes of at least 1 (PyTorch gives an empty result for 0) */
CT_API ct_tensor *ct_conv2d_weight(ct_tensor *x, ct_tensor *g, int64_t kernel, const ct_conv_options *options); /* conv2d's gradient with respect to w, for the
                                                            cotangent g of its result: (N, C, H, W), (N, O, ...) -> (O, C / groups, kernel); torch.nn.grad */
CT_API bool ct_set_winograd(bool on);           /* 3x3 convolutions by F(4x4, 3x3), arXiv:1509.09308: faster, its rounding 2 to 4 times that
                                                            of the direct form. On unless COTANGENT_WINOGRAD=0; returns what it was */
/* Windows: kernel is one number or CT_HW; stride 0 is the kernel's size; padding at most half the kernel. ceil_mode counts a
 * last window that begins inside the input or its left padding. A window of max_pool over padding alone is an error (PyTorch: -infinity). */
typedef struct { int64_t stride, padding, dilation; bool ceil_mode; ct_tensor **indices; char end_; } ct_max_pool_options; /* indices: int64 places in
                                                            the H W plane (or L) of each sample and channel */
#define CT_MAX_POOL_DEFAULTS .dilation = 1,
CT_API extern const ct_max_pool_options ct_max_pool_defaults;
CT_API ct_tensor *ct_max_pool2d(ct_tensor *x, int64_t kernel, const ct_max_pool_options *options); /* the first largest takes the gradient; NaN wins */
CT_API ct_tensor *ct_max_pool1d(ct_tensor *x, int64_t kernel, const ct_max_pool_options *options);
typedef struct { int64_t stride, padding; bool ceil_mode, count_exclude_pad; int64_t divisor; char end_; } ct_avg_pool_options; /* count_exclude_pad: divides
                                                            by the real elements alone; divisor: by that instead, negative ones too; 0: none */
CT_API ct_tensor *ct_avg_pool2d(ct_tensor *x, int64_t kernel, const ct_avg_pool_options *options);
CT_API ct_tensor *ct_avg_pool1d(ct_tensor *x, int64_t kernel, const ct_avg_pool_options *options);
CT_API ct_tensor *ct_adaptive_avg_pool2d(ct_tensor *x, int64_t size); /* to size windows floor(i H / size) .. ceil((i + 1) H / size); 1: global */
CT_API ct_tensor *ct_adaptive_max_pool2d(ct_tensor *x, int64_t size, const ct_indices_options *options);
/* Other arrangements of pixels */
typedef enum { CT_NEAREST, CT_BILINEAR } ct_interpolation;
typedef struct { ct_interpolation mode; bool align_corners; char end_; } ct_interpolate_options; /* align_corners: the outer pixels' centres stay; bilinear only */
CT_API ct_tensor *ct_interpolate(ct_tensor *x, int64_t size, const ct_interpolate_options *options); /* (N, C, H, W) -> (N, C, size) */
CT_API ct_tensor *ct_pixel_shuffle(ct_tensor *x, int64_t factor); /* (N, C r^2, H, W) -> (N, C, H r, W r), arXiv:1609.05158 */
CT_API ct_tensor *ct_pixel_unshuffle(ct_tensor *x, int64_t factor); /* its inverse */
typedef struct { int64_t stride, padding, dilation; char end_; } ct_im2col_options; /* 1, 0, 1 */
#define CT_IM2COL_DEFAULTS .stride = 1, .dilation = 1,
CT_API extern const ct_im2col_options ct_im2col_defaults;
CT_API ct_tensor *ct_im2col(ct_tensor *x, int64_t kernel, const ct_im2col_options *options); /* (N, C, H, W) -> (N, C kh kw, windows); PyTorch's unfold */
CT_API ct_tensor *ct_col2im(ct_tensor *x, int64_t size, int64_t kernel, const ct_im2col_options *options); /* its transpose: (N, C kh kw, windows) ->
                                                            (N, C, size), windows add up where they overlap; PyTorch's fold */
/* Normalisation: y = (x - mean) / sqrt(var + eps) weight + bias, var biased; weight and bias (C), or NULL for 1 and 0. */
typedef struct { bool training; double momentum, eps; ct_tensor *add; ct_activation activation; char end_; } ct_batch_norm_options; /* false, 0.1, 1e-5; add: a tensor
                                                            of x's shape, added before the activation, in the same pass */
#define CT_BATCH_NORM_DEFAULTS .momentum = 0.1, .eps = 1e-5,
CT_API extern const ct_batch_norm_options ct_batch_norm_defaults;
CT_API ct_tensor *ct_batch_norm(ct_tensor *x, ct_tensor *mean, ct_tensor *var, ct_tensor *w, ct_tensor *b, const ct_batch_norm_options *options); /* (N, C, ...), arXiv:1502.03167.
                                                            training: by mean and var over all axes but 1, and the running mean and var (C)
                                                            (or both NULL) move by momentum towards them, var unbiased; else by those running ones */
typedef struct { double eps; char end_; } ct_norm_layer_options; /* 1e-5 */
#define CT_NORM_LAYER_DEFAULTS .eps = 1e-5,
CT_API extern const ct_norm_layer_options ct_norm_layer_defaults;
CT_API ct_tensor *ct_group_norm(ct_tensor *x, int64_t groups, ct_tensor *w, ct_tensor *b, const ct_norm_layer_options *options); /* over each sample's groups of channels, arXiv:1803.08494;
                                                            groups of one value are an error (PyTorch: only where N is 1) */
CT_API ct_tensor *ct_instance_norm(ct_tensor *x, ct_tensor *w, ct_tensor *b, const ct_norm_layer_options *options); /* over each channel of each sample, arXiv:1607.08022 */
CT_API ct_tensor *ct_dropout2d(ct_tensor *x, const ct_dropout_options *options); /* dropout of whole channels, (N, C, ...), arXiv:1411.4280 */

/* ---- Sequences: (..., length, width) ---------------------------------------------------------------------------------------
 * Normalisation over the last `axes` axes of x, at once; w and b have the shape of those, or are NULL for 1 and 0. */
CT_API ct_tensor *ct_layer_norm(ct_tensor *x, int axes, ct_tensor *w, ct_tensor *b, const ct_norm_layer_options *options); /* (x - mean) / sqrt(var + eps) w + b,
                                                            var biased, eps 1e-5. arXiv:1607.06450. C: ct_layer_norm(x, 1, w, b) */
typedef struct { double eps; char end_; } ct_rms_norm_options; /* negative, as at first: the smallest with 1 + eps > 1 in x's dtype */
#define CT_RMS_NORM_DEFAULTS .eps = -1,
CT_API extern const ct_rms_norm_options ct_rms_norm_defaults;
CT_API ct_tensor *ct_rms_norm(ct_tensor *x, int axes, ct_tensor *w, const ct_rms_norm_options *options); /* x / sqrt(mean(x^2) + eps) w, arXiv:1910.07467 */
/* softmax(scale q k^T + mask) v, computed block by block and never stored (arXiv:2205.14135): q (..., L, E), k (..., S, E), v (..., S, D)
 * -> (..., L, D); leading axes broadcast. Of any strides without a copy where the last axis is contiguous; the result's axes lie in
 * memory as q's do. A query that may attend to nothing gives 0, and gradients of 0. */
typedef struct {
    ct_tensor *mask;                            /* broadcasts to (..., L, S). bool: true may be attended to; of q's dtype: added. May want a gradient */
    bool causal;                                /* query i sees keys 0 .. i + causal_offset alone; beside a mask too */
    int64_t causal_offset;                      /* 0; the number of keys that came before the first query */
    double scale;                               /* 0: 1 / sqrt(E) */
    double dropout_p;                           /* of the probabilities, as ct_dropout; 0: none */
    ct_generator *generator;
    bool grouped;                               /* q (..., G H, L, E) against k and v (..., H, S, E): G heads in a row share a key's; enable_gqa */
    char end_;
} ct_attention_options;
CT_API ct_tensor *ct_scaled_dot_product_attention(ct_tensor *q, ct_tensor *k, ct_tensor *v, const ct_attention_options *options);
/* Turns the pair (x_i, x_(i + E/2)) of each row, or (x_2i, x_(2i+1)) if interleaved, by position base^(-2i/E): arXiv:2104.09864. E is
 * even. positions: int64, broadcasts to (..., L); NULL: offset, offset + 1, ... along axis -2. */
typedef struct { double base; bool interleaved; int64_t offset; char end_; } ct_rotary_embedding_options; /* 10000, false, 0 */
#define CT_ROTARY_EMBEDDING_DEFAULTS .base = 10000,
CT_API extern const ct_rotary_embedding_options ct_rotary_embedding_defaults;
CT_API ct_tensor *ct_rotary_embedding(ct_tensor *x, ct_tensor *positions, const ct_rotary_embedding_options *options); /* (..., L, E) -> the same */
CT_API ct_tensor *ct_sinusoidal_positions(int64_t length, int64_t width, ct_dtype dtype); /* (length, width): sin(p 10000^(-2i/width)) in column 2i, cos in
                                                            2i + 1, arXiv:1706.03762. C: ct_sinusoidal_positions(length, width) */

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
