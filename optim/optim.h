/* Optimizers: a step updates every parameter that has a gradient, in one pass over all of them.
 *
 * An optimizer keeps the parameters it updates alive. Formulas and defaults are PyTorch's. A negative lr, momentum, weight
 * decay or eps, or a beta outside [0, 1), is an error of the constructor. */
#ifndef COTANGENT_OPTIM_H
#define COTANGENT_OPTIM_H
#include <nn/nn.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ct_optimizer ct_optimizer;

CT_API bool ct_step(ct_optimizer *optimizer);    /* a parameter without a gradient stays as it is */
CT_API void ct_optimizer_zero_grad(ct_optimizer *optimizer); /* ct_zero_grad(optimizer): drops the gradients */
CT_API double ct_optimizer_lr(const ct_optimizer *optimizer);
CT_API bool ct_optimizer_set_lr(ct_optimizer *optimizer, double lr);
CT_API int64_t ct_optimizer_steps(const ct_optimizer *optimizer); /* steps taken so far */

typedef struct { double lr, momentum, dampening, weight_decay; bool nesterov, maximize; char end_; } ct_optim_sgd_options;
#define CT_OPTIM_SGD_DEFAULTS .lr = 1e-3,
CT_API extern const ct_optim_sgd_options ct_optim_sgd_defaults;
/* g += wd p; b = mu b + (1 - dampening) g, at first b = g; p -= lr b, or with Nesterov p -= lr (g + mu b) */
CT_API ct_optimizer *ct_optim_sgd(ct_module *module, const ct_optim_sgd_options *options);

typedef struct { double lr, beta1, beta2, eps, weight_decay; bool maximize; char end_; } ct_optim_adam_options;
#define CT_OPTIM_ADAM_DEFAULTS .lr = 1e-3, .beta1 = 0.9, .beta2 = 0.999, .eps = 1e-8,
CT_API extern const ct_optim_adam_options ct_optim_adam_defaults;
/* g += wd p; m = b1 m + (1 - b1) g; v = b2 v + (1 - b2) g^2; p -= lr / (1 - b1^t) m / (sqrt(v / (1 - b2^t)) + eps), arXiv:1412.6980 */
CT_API ct_optimizer *ct_optim_adam(ct_module *module, const ct_optim_adam_options *options);

#define CT_OPTIM_ADAMW_DEFAULTS CT_OPTIM_ADAM_DEFAULTS .weight_decay = 1e-2,
CT_API extern const ct_optim_adam_options ct_optim_adamw_defaults;
/* p *= 1 - lr wd, then as Adam without wd, arXiv:1711.05101 */
CT_API ct_optimizer *ct_optim_adamw(ct_module *module, const ct_optim_adam_options *options);

#ifdef __cplusplus
}
#else
#define ct_optim_sgd(...) CT_WITH1_(ct_optim_sgd, ct_optim_sgd_options, (CT_OPTIM_SGD_DEFAULTS), __VA_ARGS__)
#define ct_optim_adam(...) CT_WITH1_(ct_optim_adam, ct_optim_adam_options, (CT_OPTIM_ADAM_DEFAULTS), __VA_ARGS__)
#define ct_optim_adamw(...) CT_WITH1_(ct_optim_adamw, ct_optim_adam_options, (CT_OPTIM_ADAMW_DEFAULTS), __VA_ARGS__)
#endif
#endif
