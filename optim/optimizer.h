/* What all optimizers share: parameters, moments, and a step that prepares everything before it changes a thing. */
#ifndef COTANGENT_OPTIM_OPTIMIZER_H
#define COTANGENT_OPTIM_OPTIMIZER_H
#include "autograd/object.h"
#include "optim/optim.h"
#include "optim/update.h"

struct parameter {
    ct_tensor *tensor, *first, *second;         /* the parameter and its moments, all kept; NULL: none */
    int64_t steps;                              /* those in which it had a gradient */
};

struct optimizer_kind {
    const char *name;
    int moments;                                /* tensors beside each parameter: 0 to 2 */
    void (*prepare)(const ct_optimizer *self, int64_t step, struct update *update); /* the numbers for one parameter */
};

struct ct_optimizer {                           /* the first member of every optimizer */
    struct object object;
    struct optimizer_kind kind;
    double lr;
    int64_t steps;
    struct parameter *parameters;
    struct update *updates;                     /* room for one a parameter, filled anew by each step */
    size_t *updated;                            /* which parameters those are */
    size_t count;
};

/* An option that must be a finite number of at least 0, and one in [0, 1). */
bool optimizer_check(const char *name, const char *option, double value);
bool optimizer_check_beta(const char *name, const char *option, double value);
/* An object of bytes: collects the module's parameters, each once, and makes their moments; what follows is zeroed. */
void *optimizer_new(size_t bytes, struct optimizer_kind kind, ct_module *module, double lr);
#endif
