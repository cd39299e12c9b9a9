/* What all optimizers share: parameters with their states, groups of options, and a step that prepares everything before it changes a thing. */
#ifndef COTANGENT_OPTIM_OPTIMIZER_H
#define COTANGENT_OPTIM_OPTIMIZER_H
#include "autograd/object.h"
#include "io/parts.h"
#include "optim/optim.h"
#include "optim/update.h"

enum { MOST_OPTIONS = 16, OPTION_NAME_BYTES = 32 };

struct parameter {
    char *name;
    ct_tensor *tensor, *states[UPDATE_STATES];  /* all kept; NULL: none */
    int group;
    int64_t steps;                              /* those in which it had a gradient */
    double scalar, next_scalar;                 /* what a rule keeps beside the tensors, 0 at first; and after this step */
};

/* The options that every optimizer has come first; the rest is numbered by its file. */
enum { LR, WEIGHT_DECAY, MAXIMIZE, FIRST_OWN };
enum option_check { AT_LEAST_0, BETA, BETA_OR_1, SWITCH, ANY };
struct option {
    const char *name;
    enum option_check check;
};
#define SHARED_OPTIONS [LR] = {"lr", AT_LEAST_0}, [WEIGHT_DECAY] = {"weight_decay", AT_LEAST_0}, [MAXIMIZE] = {"maximize", SWITCH}
/* Shared values of an options struct o. */
#define SHARED_VALUES(o) [LR] = (o)->lr, [WEIGHT_DECAY] = (o)->weight_decay, [MAXIMIZE] = (o)->maximize

struct group {
    double options[MOST_OPTIONS];
    double initial_lr;                          /* when its first schedule was made; NaN: none was */
};

struct optimizer_kind {
    const char *name;
    const struct option *options;               /* ended by a name of NULL */
    const char *states[UPDATE_STATES + 1];      /* names; a rule's states come in this order */
    /* The rule and the numbers for one parameter whose step is this one. The states it says it wants are there when it runs. */
    bool (*prepare)(ct_optimizer *self, struct parameter *parameter, const double *options, int64_t step, struct update *update);
    unsigned (*states_for)(const double *options); /* bit i: state i is wanted; NULL: all that have names */
    bool (*check)(const char *name, const double *options); /* what concerns several options together; may be NULL */
    bool (*check_parameter)(const char *name, const struct parameter *parameter); /* may be NULL */
    bool (*run)(ct_optimizer *self, struct update *updates, size_t count); /* NULL: update_run */
    double (*step)(ct_optimizer *self, ct_closure *closure, void *context); /* in place of all of the above */
    bool (*list)(const ct_optimizer *self, struct parts *parts); /* what a save adds */
    bool (*plan)(ct_optimizer *self, const struct parts_source *from, struct plan *plan); /* its other half */
    void (*destroy)(ct_optimizer *self);
};

struct ct_optimizer {                           /* the first member of every optimizer */
    struct object object;
    struct optimizer_kind kind;
    int64_t steps, skipped, gathered, batches;  /* gathered: of `batches` steps, how many have been asked for since the last update */
    bool guard, keep_gradients;                 /* keep: the next zero_grad is one between gathered steps */
    char skip_reason[160];
    struct group *groups;
    size_t group_count;
    struct parameter *parameters;
    struct update *updates;                     /* room for one a parameter, filled anew by each step */
    struct parameter **updated;                 /* which parameters those are */
    double *sums;                               /* room for those of update_norms over all parameters */
    size_t count;
};

/* An object of bytes, which holds the module's parameters that fit `only`, with options; those that fit no_decay in group 1. */
void *optimizer_new(size_t bytes, const struct optimizer_kind *kind, ct_module *module, const double *options, const char *only,
                    const char *no_decay);
bool optimizer_check_options(const ct_optimizer *self, const double *options);
bool optimizer_ensure_states(ct_optimizer *self, struct parameter *parameter);
/* Gradients in the parameters' memory order, with sign and 1 / batches still to come: an update for each parameter that has one. -1: a failure. */
int64_t optimizer_gather(ct_optimizer *self);
bool optimizer_list(const ct_optimizer *self, struct parts *parts); /* all that ct_optimizer_save keeps */
bool optimizer_plan(ct_optimizer *self, const struct parts_source *from, struct plan *plan);
bool optimizer_put_back(ct_optimizer *self, const struct parts *memory); /* what optimizer_list put there, with copies */
bool optimizer_given(const char *call, const ct_optimizer *self); /* reports NULL */
bool name_fits(const char *patterns, const char *name);
#endif
