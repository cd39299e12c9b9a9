/* Optimizers, schedules of their learning rates, and what stands around a step.
 *
 * A step updates every parameter that has a gradient, in one pass over all of them; one without stays as it is, and a gradient
 * that is not finite spreads (ct_optimizer_guard skips such a step). An optimizer keeps the parameters it updates alive; a
 * tensor under two names is one parameter, moved once. Formulas, defaults and the place of eps are PyTorch's. A negative or NaN lr, momentum,
 * weight decay or eps, or a beta outside [0, 1), is an error, in a constructor and afterwards. */
#ifndef COTANGENT_OPTIM_H
#define COTANGENT_OPTIM_H
#include <nn/nn.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ct_optimizer ct_optimizer;

/* ---- Every optimizer -------------------------------------------------------------------------------------------------------- */
CT_API bool ct_step(ct_optimizer *optimizer);
CT_API void ct_optimizer_zero_grad(ct_optimizer *optimizer); /* ct_zero_grad(optimizer): drops the gradients */
typedef double ct_closure(void *context);       /* drops the gradients, computes the loss, calls ct_backward, returns the loss */
CT_API double ct_step_closure(ct_optimizer *optimizer, ct_closure *closure, void *context); /* calls closure (L-BFGS: many times), then steps;
                                                            the first loss, NaN on error */
CT_API int64_t ct_optimizer_steps(const ct_optimizer *optimizer); /* steps taken so far */
CT_API double ct_optimizer_lr(const ct_optimizer *optimizer); /* of group 0 */
CT_API bool ct_optimizer_set_lr(ct_optimizer *optimizer, double lr); /* of all groups */

/* Groups: parameters with options of their own. All are in group 0 at first. A pattern is a parameter's full name, in which * is any run
 * of characters and ? any one; several with commas between: "*.bias,norm?.*". One that fits nothing is an error. */
CT_API int ct_optimizer_group(ct_optimizer *optimizer, const char *pattern); /* moves those it fits from group 0, with its options, to a new group;
                                                            its number, -1 on error: one of them is in another group already */
CT_API int ct_optimizer_add(ct_optimizer *optimizer, ct_module *module); /* another module's parameters as a new group, "group1.weight" where a name is
                                                            taken; one that is here already is an error */
CT_API int ct_optimizer_groups(const ct_optimizer *optimizer); /* how many */
/* Options by name, as in the structs below; switches are 0 or 1. group CT_ALL_GROUPS sets all. */
#define CT_ALL_GROUPS (-1)
CT_API bool ct_optimizer_set(ct_optimizer *optimizer, int group, const char *option, double value);
CT_API double ct_optimizer_get(const ct_optimizer *optimizer, int group, const char *option); /* NaN on error */

/* State: what is kept beside a parameter has PyTorch's names, "exp_avg". A restored optimizer goes on bit for bit. */
CT_API ct_tensor *ct_optimizer_state(const ct_optimizer *optimizer, const char *parameter, const char *state); /* borrowed; NULL: none (no error) */
CT_API bool ct_optimizer_save(const ct_optimizer *optimizer, const char *path); /* state, step counts, options, and what ct_optimizer_accumulate has
                                                            gathered, as safetensors */
CT_API bool ct_optimizer_load(ct_optimizer *optimizer, const char *path); /* of the same kind, parameters and groups; on failure nothing changes.
                                                            Gradients are then those gathered, or none */

/* ---- Around a step ---------------------------------------------------------------------------------------------------------- */
typedef struct { double norm; bool error_if_not_finite; char end_; } ct_clip_options; /* which norm: 2, 1, INFINITY, any above 0 */
#define CT_CLIP_DEFAULTS .norm = 2,
CT_API extern const ct_clip_options ct_clip_defaults;
CT_API double ct_clip_grad_norm(ct_module *module, double most, const ct_clip_options *options); /* g *= min(1, most / (norm + 1e-6)), norm of all gradients
                                                            together, which is returned; NaN on error. INFINITY: only measures */
CT_API bool ct_clip_grad_value(ct_module *module, double most); /* each element into [-most, most]; NaN stays */
CT_API bool ct_optimizer_accumulate(ct_optimizer *optimizer, int64_t batches); /* from now on each batches-th ct_step updates, by the mean of the gradients
                                                            since the last; the others, and the ct_zero_grad(optimizer) after them, keep gathering */
CT_API bool ct_optimizer_guard(ct_optimizer *optimizer, bool on); /* a step with a gradient that is not finite changes nothing (and is no error) */
CT_API int64_t ct_optimizer_skipped(const ct_optimizer *optimizer); /* how many steps the guard has skipped */
CT_API const char *ct_optimizer_skip_reason(const ct_optimizer *optimizer); /* "step 12: the gradient of 0.weight is not finite"; "" if none */
/* Averages of a module's parameters over training. */
typedef struct ct_average ct_average;
typedef struct { double decay; char end_; } ct_average_options;
CT_API ct_average *ct_average_new(ct_module *module, const ct_average_options *options); /* decay 0: all updates alike, SWA, arXiv:1803.05407; else EMA,
                                                            a = decay a + (1 - decay) p, at first a = p */
CT_API bool ct_average_update(ct_average *average);  /* after a step; SWA: at the end of an epoch */
CT_API bool ct_average_swap(ct_average *average);    /* exchanges the module's parameters and the averages; again: back. Statistics of batch
                                                            normalisation belong to the values: ct_train_update_batch_norm */
CT_API bool ct_average_save(const ct_average *average, const char *path); /* averages by the parameters' names, and how many updates they are of */
CT_API bool ct_average_load(ct_average *average, const char *path); /* of the same parameters and decay; on failure nothing changes */

/* ---- The optimizers ---------------------------------------------------------------------------------------------------------
 * g is the gradient, with maximize its negative; where a formula says nothing of weight_decay wd, g += wd p comes first. only: patterns of the
 * parameters to update, NULL for all; no_decay: patterns of those without weight decay, which become group 1. */
typedef struct { double lr, momentum, dampening, weight_decay; bool nesterov, maximize; const char *only, *no_decay; char end_; } ct_optim_sgd_options;
#define CT_OPTIM_SGD_DEFAULTS .lr = 1e-3,
CT_API extern const ct_optim_sgd_options ct_optim_sgd_defaults;
/* b = mu b + (1 - dampening) g, at first b = g; p -= lr b, or with Nesterov p -= lr (g + mu b) */
CT_API ct_optimizer *ct_optim_sgd(ct_module *module, const ct_optim_sgd_options *options);

typedef struct { double lr, lr_decay, weight_decay, initial_accumulator_value, eps; bool maximize; const char *only, *no_decay; char end_; } ct_optim_adagrad_options;
#define CT_OPTIM_ADAGRAD_DEFAULTS .lr = 1e-2, .eps = 1e-10,
CT_API extern const ct_optim_adagrad_options ct_optim_adagrad_defaults;
/* s += g^2; p -= lr / (1 + (t - 1) lr_decay) g / (sqrt(s) + eps), Duchi et al. 2011 */
CT_API ct_optimizer *ct_optim_adagrad(ct_module *module, const ct_optim_adagrad_options *options);

typedef struct { double lr, alpha, eps, weight_decay, momentum; bool centered, maximize; const char *only, *no_decay; char end_; } ct_optim_rmsprop_options;
#define CT_OPTIM_RMSPROP_DEFAULTS .lr = 1e-2, .alpha = 0.99, .eps = 1e-8,
CT_API extern const ct_optim_rmsprop_options ct_optim_rmsprop_defaults;
/* v = alpha v + (1 - alpha) g^2; d = g / (sqrt(v) + eps), centered: of v - a^2, a = alpha a + (1 - alpha) g; b = mu b + d; p -= lr b, Hinton 2012 */
CT_API ct_optimizer *ct_optim_rmsprop(ct_module *module, const ct_optim_rmsprop_options *options);

typedef struct { double lr, rho, eps, weight_decay; bool maximize; const char *only, *no_decay; char end_; } ct_optim_adadelta_options;
#define CT_OPTIM_ADADELTA_DEFAULTS .lr = 1, .rho = 0.9, .eps = 1e-6,
CT_API extern const ct_optim_adadelta_options ct_optim_adadelta_defaults;
/* v = rho v + (1 - rho) g^2; d = g sqrt(u + eps) / sqrt(v + eps); u = rho u + (1 - rho) d^2; p -= lr d, arXiv:1212.5701 */
CT_API ct_optimizer *ct_optim_adadelta(ct_module *module, const ct_optim_adadelta_options *options);

typedef struct { double lr, beta1, beta2, eps, weight_decay; bool amsgrad, maximize; const char *only, *no_decay; char end_; } ct_optim_adam_options;
#define CT_OPTIM_ADAM_DEFAULTS .lr = 1e-3, .beta1 = 0.9, .beta2 = 0.999, .eps = 1e-8,
CT_API extern const ct_optim_adam_options ct_optim_adam_defaults;
/* m = b1 m + (1 - b1) g; v = b2 v + (1 - b2) g^2; p -= lr / (1 - b1^t) m / (sqrt(v / (1 - b2^t)) + eps), arXiv:1412.6980;
 * amsgrad: the largest v so far in place of v */
CT_API ct_optimizer *ct_optim_adam(ct_module *module, const ct_optim_adam_options *options);

#define CT_OPTIM_ADAMW_DEFAULTS CT_OPTIM_ADAM_DEFAULTS .weight_decay = 1e-2,
CT_API extern const ct_optim_adam_options ct_optim_adamw_defaults;
/* p *= 1 - lr wd, then as Adam without wd, arXiv:1711.05101 */
CT_API ct_optimizer *ct_optim_adamw(ct_module *module, const ct_optim_adam_options *options);

typedef struct { double lr, beta1, beta2, eps, weight_decay; bool maximize; const char *only, *no_decay; char end_; } ct_optim_adamax_options;
#define CT_OPTIM_ADAMAX_DEFAULTS .lr = 2e-3, .beta1 = 0.9, .beta2 = 0.999, .eps = 1e-8,
CT_API extern const ct_optim_adamax_options ct_optim_adamax_defaults;
/* m as Adam's; u = max(b2 u, |g| + eps); p -= lr / (1 - b1^t) m / u, arXiv:1412.6980 */
CT_API ct_optimizer *ct_optim_adamax(ct_module *module, const ct_optim_adamax_options *options);

typedef struct { double lr, beta1, beta2, eps, weight_decay, momentum_decay; bool decoupled_weight_decay, maximize; const char *only, *no_decay; char end_; } ct_optim_nadam_options;
#define CT_OPTIM_NADAM_DEFAULTS .lr = 2e-3, .beta1 = 0.9, .beta2 = 0.999, .eps = 1e-8, .momentum_decay = 4e-3,
CT_API extern const ct_optim_nadam_options ct_optim_nadam_defaults;
/* m, v as Adam's; mu_t = b1 (1 - 0.96^(t momentum_decay) / 2), M_t = mu_1 ... mu_t;
 * p -= lr (mu_t+1 m / (1 - M_t+1) + (1 - mu_t) g / (1 - M_t)) / (sqrt(v / (1 - b2^t)) + eps), Dozat 2016 */
CT_API ct_optimizer *ct_optim_nadam(ct_module *module, const ct_optim_nadam_options *options);

typedef struct { double lr, beta1, beta2, eps, weight_decay; bool decoupled_weight_decay, maximize; const char *only, *no_decay; char end_; } ct_optim_radam_options;
#define CT_OPTIM_RADAM_DEFAULTS .lr = 1e-3, .beta1 = 0.9, .beta2 = 0.999, .eps = 1e-8,
CT_API extern const ct_optim_radam_options ct_optim_radam_defaults;
/* m, v as Adam's; R = 2 / (1 - b2) - 1, r = R - 2 t b2^t / (1 - b2^t); p -= lr m / (1 - b1^t), where r > 5 times
 * sqrt((r - 4) (r - 2) R / ((R - 4) (R - 2) r)) sqrt(1 - b2^t) / (sqrt(v) + eps), arXiv:1908.03265 */
CT_API ct_optimizer *ct_optim_radam(ct_module *module, const ct_optim_radam_options *options);

typedef struct { double lr, beta1, beta2, weight_decay; bool maximize; const char *only, *no_decay; char end_; } ct_optim_lion_options;
#define CT_OPTIM_LION_DEFAULTS .lr = 1e-4, .beta1 = 0.9, .beta2 = 0.99,
CT_API extern const ct_optim_lion_options ct_optim_lion_defaults;
/* p *= 1 - lr wd; p -= lr sign(b1 m + (1 - b1) g); m = b2 m + (1 - b2) g, arXiv:2302.06675 */
CT_API ct_optimizer *ct_optim_lion(ct_module *module, const ct_optim_lion_options *options);

typedef struct { double lr, beta1, beta2, eps, weight_decay; bool maximize; const char *only, *no_decay; char end_; } ct_optim_lamb_options;
#define CT_OPTIM_LAMB_DEFAULTS .lr = 1e-3, .beta1 = 0.9, .beta2 = 0.999, .eps = 1e-6, .weight_decay = 1e-2,
CT_API extern const ct_optim_lamb_options ct_optim_lamb_defaults;
/* m, v as Adam's; r = m / (1 - b1^t) / (sqrt(v / (1 - b2^t)) + eps) + wd p; p -= lr |p| / |r| r, norms over the parameter;
 * where one of them is 0, p -= lr r, arXiv:1904.00962 */
CT_API ct_optimizer *ct_optim_lamb(ct_module *module, const ct_optim_lamb_options *options);

typedef enum { CT_MUON_ORIGINAL, CT_MUON_MATCH_RMS_ADAMW, CT_MUON_SPECTRAL_UNCLAMPED } ct_muon_scale; /* s of (R, C): sqrt(max(1, R / C)), 0.2 sqrt(max(R, C)), sqrt(R / C) */
typedef struct { double lr, momentum, weight_decay, eps; double a, b, c; int64_t iterations; ct_muon_scale scale; bool no_nesterov, maximize; const char *only, *no_decay; char end_; } ct_optim_muon_options;
#define CT_OPTIM_MUON_DEFAULTS .lr = 1e-3, .momentum = 0.95, .weight_decay = 0.1, .eps = 1e-7, .a = 3.4445, .b = -4.775, .c = 2.0315, .iterations = 5,
CT_API extern const ct_optim_muon_options ct_optim_muon_defaults;
/* For matrices alone (only = "*.weight"). m = mu m + (1 - mu) g; X = m, with Nesterov (1 - mu) g + mu m; X /= max(|X|, eps), then iterations times
 * A = X X^T, X = a X + (b A + c A A) X; p *= 1 - lr wd; p -= lr s X, Jordan 2024. In p's dtype: PyTorch's X is bfloat16. */
CT_API ct_optimizer *ct_optim_muon(ct_module *module, const ct_optim_muon_options *options);

typedef struct { double lr; int64_t iterations, evaluations; double tolerance_grad, tolerance_change; int64_t history; bool strong_wolfe, maximize; const char *only; char end_; } ct_optim_lbfgs_options; /* evaluations
                                                            0: iterations * 5 / 4 */
#define CT_OPTIM_LBFGS_DEFAULTS .lr = 1, .iterations = 20, .tolerance_grad = 1e-7, .tolerance_change = 1e-9, .history = 100,
CT_API extern const ct_optim_lbfgs_options ct_optim_lbfgs_defaults;
/* p += t d, d = -H g with H from the last `history` changes of p and g; t = lr, or where the strong Wolfe conditions hold (c1 1e-4, c2 0.9). Up to
 * `iterations` of them a step, which wants a closure (ct_step_closure). One group. Nocedal and Wright, Numerical Optimization, 2006 */
CT_API ct_optimizer *ct_optim_lbfgs(ct_module *module, const ct_optim_lbfgs_options *options);

/* One of your own. update changes value and states in place, with any ops; recording is off and a scope is open around it. */
typedef struct {
    const char *name;                           /* "0.weight" */
    ct_tensor *value, *gradient, *const *states; /* gradient: with maximize and accumulation in it; states: of value's shape, zeros at first */
    int64_t step;                               /* 1 at this parameter's first */
    int group;                                  /* ct_optimizer_get(optimizer, group, "beta") */
} ct_optim_parameter;
typedef bool ct_optim_update(ct_optimizer *optimizer, const ct_optim_parameter *parameter, void *context);
typedef struct { const char *name; double value; } ct_optim_option;
typedef struct {
    double lr, weight_decay;                    /* options too; the update uses them or not */
    const ct_optim_option *options;             /* further ones and their values, ended by a name of NULL; at most 8 */
    const char *states[4];                      /* names of tensors to keep beside each parameter, at most 3 */
    void *context;
    bool maximize;
    const char *only, *no_decay;
    char end_;
} ct_optim_custom_options;
#define CT_OPTIM_CUSTOM_DEFAULTS .lr = 1e-3,
CT_API extern const ct_optim_custom_options ct_optim_custom_defaults;
CT_API ct_optimizer *ct_optim_custom(const char *name, ct_module *module, ct_optim_update *update, const ct_optim_custom_options *options);

/* ---- Schedules --------------------------------------------------------------------------------------------------------------
 * A schedule sets the learning rates of its optimizer's groups: once when it is made (t = 0), and anew at each ct_schedule_next, after a step or an
 * epoch. L is a group's learning rate when its first schedule was made. Written as recurrences where PyTorch's are, so that chained ones multiply. */
typedef struct ct_schedule ct_schedule;
CT_API bool ct_schedule_next(ct_schedule *schedule);
CT_API bool ct_schedule_next_metric(ct_schedule *schedule, double metric); /* for ct_schedule_plateau; any other ignores metric */
CT_API int64_t ct_schedule_time(const ct_schedule *schedule); /* t; -1 for NULL */
CT_API bool ct_schedule_save(const ct_schedule *schedule, const char *path); /* as safetensors; the learning rates are in ct_optimizer_save */
CT_API bool ct_schedule_load(ct_schedule *schedule, const char *path); /* of the same kind and parts; on failure nothing changes */

typedef struct { double gamma; char end_; } ct_schedule_gamma_options;
#define CT_SCHEDULE_GAMMA_DEFAULTS .gamma = 0.1,
CT_API extern const ct_schedule_gamma_options ct_schedule_gamma_defaults;
CT_API ct_schedule *ct_schedule_step(ct_optimizer *optimizer, int64_t every, const ct_schedule_gamma_options *options); /* L gamma^floor(t / every) */
CT_API ct_schedule *ct_schedule_multi_step(ct_optimizer *optimizer, double gamma, const int64_t *milestones, size_t count); /* times gamma at each
                                                            milestone. C: ct_schedule_multi_step(adam, 0.1, 30, 60) */
CT_API ct_schedule *ct_schedule_exponential(ct_optimizer *optimizer, double gamma); /* L gamma^t */
typedef struct { double power; char end_; } ct_schedule_polynomial_options;
#define CT_SCHEDULE_POLYNOMIAL_DEFAULTS .power = 1,
CT_API extern const ct_schedule_polynomial_options ct_schedule_polynomial_defaults;
CT_API ct_schedule *ct_schedule_polynomial(ct_optimizer *optimizer, int64_t steps, const ct_schedule_polynomial_options *options); /* L (1 - min(t / steps, 1))^power */
typedef struct { double start, end; int64_t steps; char end_; } ct_schedule_linear_options;
#define CT_SCHEDULE_LINEAR_DEFAULTS .start = 1.0 / 3, .end = 1, .steps = 5,
CT_API extern const ct_schedule_linear_options ct_schedule_linear_defaults;
CT_API ct_schedule *ct_schedule_linear(ct_optimizer *optimizer, const ct_schedule_linear_options *options); /* warm-up: L times start to end over steps, in (0, 1], [0, 1] */
typedef struct { double factor; int64_t steps; char end_; } ct_schedule_constant_options;
#define CT_SCHEDULE_CONSTANT_DEFAULTS .factor = 1.0 / 3, .steps = 5,
CT_API extern const ct_schedule_constant_options ct_schedule_constant_defaults;
CT_API ct_schedule *ct_schedule_constant(ct_optimizer *optimizer, const ct_schedule_constant_options *options); /* L factor until steps, then L; factor in (0, 1] */
typedef struct { double lowest; char end_; } ct_schedule_cosine_options;
CT_API ct_schedule *ct_schedule_cosine(ct_optimizer *optimizer, int64_t steps, const ct_schedule_cosine_options *options); /* lowest + (L - lowest)
                                                            (1 + cos(pi t / steps)) / 2: after steps it rises again, arXiv:1608.03983 */
typedef struct { int64_t multiple; double lowest; char end_; } ct_schedule_restarts_options;
#define CT_SCHEDULE_RESTARTS_DEFAULTS .multiple = 1,
CT_API extern const ct_schedule_restarts_options ct_schedule_restarts_defaults;
CT_API ct_schedule *ct_schedule_cosine_restarts(ct_optimizer *optimizer, int64_t first, const ct_schedule_restarts_options *options); /* the same, which
                                                            jumps back to L after first steps, then after multiple times as many, and so on */
/* Cycles. momentum moves against lr: the option momentum, or beta1. highs, lows: one a group, in place of the number. */
typedef struct {
    double rise, div, final_div;                /* the part of steps that rises; highest / div at first, that / final_div at last */
    bool linear, three_phase, no_momentum;      /* linear: no cosines; three_phase: down as far as up, then to the end */
    double base_momentum, max_momentum;
    const double *highs;
    char end_;
} ct_schedule_one_cycle_options;
#define CT_SCHEDULE_ONE_CYCLE_DEFAULTS .rise = 0.3, .div = 25, .final_div = 1e4, .base_momentum = 0.85, .max_momentum = 0.95,
CT_API extern const ct_schedule_one_cycle_options ct_schedule_one_cycle_defaults;
CT_API ct_schedule *ct_schedule_one_cycle(ct_optimizer *optimizer, double highest, int64_t steps, const ct_schedule_one_cycle_options *options); /* up to highest
                                                            and down again, arXiv:1708.07120; past steps: an error */
/* The factor of L at time t. */
typedef double ct_schedule_function(int64_t t, int group, void *context);
typedef enum { CT_TRIANGULAR, CT_TRIANGULAR2, CT_EXP_RANGE } ct_schedule_shape; /* height 1, 2^(1 - cycle), gamma^t */
typedef struct {
    int64_t up, down;                           /* steps; down 0: as up */
    ct_schedule_shape shape;
    double gamma;
    ct_schedule_function *height;               /* in place of shape, of the cycle (from 1 on), or by_step of t; group is 0 */
    void *context;
    bool by_step, no_momentum;
    double base_momentum, max_momentum;
    const double *lows, *highs;
    char end_;
} ct_schedule_cyclic_options;
#define CT_SCHEDULE_CYCLIC_DEFAULTS .up = 2000, .gamma = 1, .base_momentum = 0.8, .max_momentum = 0.9,
CT_API extern const ct_schedule_cyclic_options ct_schedule_cyclic_defaults;
CT_API ct_schedule *ct_schedule_cyclic(ct_optimizer *optimizer, double lowest, double highest, const ct_schedule_cyclic_options *options); /* a saw between
                                                            lowest and highest, arXiv:1506.01186 */
typedef struct { bool max, absolute; double factor, threshold, lowest, eps; int64_t patience, cooldown; const double *lows; char end_; } ct_schedule_plateau_options;
#define CT_SCHEDULE_PLATEAU_DEFAULTS .factor = 0.1, .threshold = 1e-4, .eps = 1e-8, .patience = 10,
CT_API extern const ct_schedule_plateau_options ct_schedule_plateau_defaults;
/* lr *= factor (down to lowest, by more than eps) once more than patience metrics in a row were not better than the best so far: below best (1 - threshold),
 * absolute: best - threshold; max: above best (1 + threshold), best + threshold. Then cooldown metrics do not count. A NaN is not better. */
CT_API ct_schedule *ct_schedule_plateau(ct_optimizer *optimizer, const ct_schedule_plateau_options *options);
CT_API ct_schedule *ct_schedule_lambda(ct_optimizer *optimizer, ct_schedule_function *function, void *context); /* L function(t) */
CT_API ct_schedule *ct_schedule_multiplicative(ct_optimizer *optimizer, ct_schedule_function *function, void *context); /* lr *= function(t), from t = 1 on */
/* Several as one, which takes them over, also on failure. Plateaus are refused. */
CT_API ct_schedule *ct_schedule_chained(ct_schedule *const *parts, size_t count); /* all at once. C: ct_schedule_chained(a, b) */
CT_API ct_schedule *ct_schedule_sequential(ct_schedule *const *parts, size_t count, const int64_t *milestones); /* one after another: part i + 1 begins at
                                                            milestones[i], with its t = 0. C: ct_schedule_sequential(CT_SCHEDULES(a, b), 100) */

#ifdef __cplusplus
}
#else
#define ct_optim_sgd(...) CT_WITH1_(ct_optim_sgd, ct_optim_sgd_options, (CT_OPTIM_SGD_DEFAULTS), __VA_ARGS__)
#define ct_optim_adagrad(...) CT_WITH1_(ct_optim_adagrad, ct_optim_adagrad_options, (CT_OPTIM_ADAGRAD_DEFAULTS), __VA_ARGS__)
#define ct_optim_rmsprop(...) CT_WITH1_(ct_optim_rmsprop, ct_optim_rmsprop_options, (CT_OPTIM_RMSPROP_DEFAULTS), __VA_ARGS__)
#define ct_optim_adadelta(...) CT_WITH1_(ct_optim_adadelta, ct_optim_adadelta_options, (CT_OPTIM_ADADELTA_DEFAULTS), __VA_ARGS__)
#define ct_optim_adam(...) CT_WITH1_(ct_optim_adam, ct_optim_adam_options, (CT_OPTIM_ADAM_DEFAULTS), __VA_ARGS__)
#define ct_optim_adamw(...) CT_WITH1_(ct_optim_adamw, ct_optim_adam_options, (CT_OPTIM_ADAMW_DEFAULTS), __VA_ARGS__)
#define ct_optim_adamax(...) CT_WITH1_(ct_optim_adamax, ct_optim_adamax_options, (CT_OPTIM_ADAMAX_DEFAULTS), __VA_ARGS__)
#define ct_optim_nadam(...) CT_WITH1_(ct_optim_nadam, ct_optim_nadam_options, (CT_OPTIM_NADAM_DEFAULTS), __VA_ARGS__)
#define ct_optim_radam(...) CT_WITH1_(ct_optim_radam, ct_optim_radam_options, (CT_OPTIM_RADAM_DEFAULTS), __VA_ARGS__)
#define ct_optim_lion(...) CT_WITH1_(ct_optim_lion, ct_optim_lion_options, (CT_OPTIM_LION_DEFAULTS), __VA_ARGS__)
#define ct_optim_lamb(...) CT_WITH1_(ct_optim_lamb, ct_optim_lamb_options, (CT_OPTIM_LAMB_DEFAULTS), __VA_ARGS__)
#define ct_optim_muon(...) CT_WITH1_(ct_optim_muon, ct_optim_muon_options, (CT_OPTIM_MUON_DEFAULTS), __VA_ARGS__)
#define ct_optim_lbfgs(...) CT_WITH1_(ct_optim_lbfgs, ct_optim_lbfgs_options, (CT_OPTIM_LBFGS_DEFAULTS), __VA_ARGS__)
#define ct_optim_custom(name, module, ...) \
    CT_WITH_(ct_optim_custom, (name, module, CT_HEAD_(__VA_ARGS__), ), ct_optim_custom_options, (CT_OPTIM_CUSTOM_DEFAULTS), CT_TAIL_(__VA_ARGS__))
#define ct_clip_grad_norm(module, ...) \
    CT_WITH_(ct_clip_grad_norm, (module, CT_HEAD_(__VA_ARGS__), ), ct_clip_options, (CT_CLIP_DEFAULTS), CT_TAIL_(__VA_ARGS__))
#define ct_average_new(...) CT_WITH1_(ct_average_new, ct_average_options, (), __VA_ARGS__)
#define CT_SCHEDULE_WITH_(f, optimizer, options, defaults, ...) CT_WITH_(f, (optimizer, CT_HEAD_(__VA_ARGS__), ), options, defaults, CT_TAIL_(__VA_ARGS__))
#define ct_schedule_step(optimizer, ...) \
    CT_SCHEDULE_WITH_(ct_schedule_step, optimizer, ct_schedule_gamma_options, (CT_SCHEDULE_GAMMA_DEFAULTS), __VA_ARGS__)
#define ct_schedule_multi_step(optimizer, gamma, ...) CT_LIST_(ct_schedule_multi_step, (optimizer, gamma, ), int64_t, (), __VA_ARGS__)
#define ct_schedule_polynomial(optimizer, ...) \
    CT_SCHEDULE_WITH_(ct_schedule_polynomial, optimizer, ct_schedule_polynomial_options, (CT_SCHEDULE_POLYNOMIAL_DEFAULTS), __VA_ARGS__)
#define ct_schedule_linear(...) CT_WITH1_(ct_schedule_linear, ct_schedule_linear_options, (CT_SCHEDULE_LINEAR_DEFAULTS), __VA_ARGS__)
#define ct_schedule_constant(...) CT_WITH1_(ct_schedule_constant, ct_schedule_constant_options, (CT_SCHEDULE_CONSTANT_DEFAULTS), __VA_ARGS__)
#define ct_schedule_cosine(optimizer, ...) CT_SCHEDULE_WITH_(ct_schedule_cosine, optimizer, ct_schedule_cosine_options, (), __VA_ARGS__)
#define ct_schedule_cosine_restarts(optimizer, ...) \
    CT_SCHEDULE_WITH_(ct_schedule_cosine_restarts, optimizer, ct_schedule_restarts_options, (CT_SCHEDULE_RESTARTS_DEFAULTS), __VA_ARGS__)
#define ct_schedule_one_cycle(optimizer, highest, ...)                                                          \
    CT_WITH_(ct_schedule_one_cycle, (optimizer, highest, CT_HEAD_(__VA_ARGS__), ), ct_schedule_one_cycle_options, \
             (CT_SCHEDULE_ONE_CYCLE_DEFAULTS), CT_TAIL_(__VA_ARGS__))
#define ct_schedule_cyclic(optimizer, lowest, ...)                                                       \
    CT_WITH_(ct_schedule_cyclic, (optimizer, lowest, CT_HEAD_(__VA_ARGS__), ), ct_schedule_cyclic_options, \
             (CT_SCHEDULE_CYCLIC_DEFAULTS), CT_TAIL_(__VA_ARGS__))
#define ct_schedule_plateau(...) CT_WITH1_(ct_schedule_plateau, ct_schedule_plateau_options, (CT_SCHEDULE_PLATEAU_DEFAULTS), __VA_ARGS__)
#define ct_schedule_chained(...) CT_LIST_(ct_schedule_chained, (), ct_schedule *, (), __VA_ARGS__)
#define CT_SCHEDULES(...) ((ct_schedule *const[]){__VA_ARGS__}), (sizeof((ct_schedule *const[]){__VA_ARGS__}) / sizeof(ct_schedule *))
#define ct_schedule_sequential(...) CT_SEQUENTIAL_(__VA_ARGS__)
#define CT_SEQUENTIAL_(parts, count, ...) (ct_schedule_sequential)(parts, count, (const int64_t[]){__VA_ARGS__})
#endif
#endif
