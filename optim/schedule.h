/* What all schedules share: an optimizer, a time, and a rule for the learning rate of one group. */
#ifndef COTANGENT_OPTIM_SCHEDULE_H
#define COTANGENT_OPTIM_SCHEDULE_H
#include "optim/optimizer.h"

enum { SCHEDULE_NUMBERS = 8 };

struct schedule_kind {
    const char *name;
    /* The learning rate of a group at time t, from what it is now (lr) and what it was at first (base). */
    double (*lr)(const ct_schedule *self, int64_t t, int group, double lr, double base);
    double (*closed)(const ct_schedule *self, int64_t t, int group, double base); /* the same without lr; NULL: as lr with lr = base */
    bool (*advance)(ct_schedule *self, int64_t t); /* before the learning rates of time t > 0: checks t, moves counters; may be NULL */
    double (*momentum)(const ct_schedule *self, int64_t t); /* NULL: leaves momentum alone */
    bool sets_base;                             /* base is lows, or highs: not what the optimizer had */
    bool takes_metric;
};

struct ct_schedule {
    struct object object;
    const struct schedule_kind *kind;
    ct_optimizer *optimizer;                    /* held */
    int64_t t;
    double numbers[SCHEDULE_NUMBERS];           /* what moves; saved */
    double *base, *low, *high;                  /* one a group; low and high where a kind asks for them */
    size_t groups;
    int momentum_option;                        /* of the optimizer; -1: none is moved */
    bool initial;                               /* the first learning rate is being set */
    ct_schedule **parts;                        /* of a chain or a sequence */
    int64_t *milestones;                        /* of a sequence or a multi-step */
    size_t part_count, milestone_count;
    ct_schedule_function *function;
    void *context;
    union {
        struct { double gamma, power, start, end, factor, lowest; int64_t every, steps, multiple; } curve;
        ct_schedule_one_cycle_options one_cycle;
        ct_schedule_cyclic_options cyclic;
        ct_schedule_plateau_options plateau;
    };
    int64_t steps;                              /* of one_cycle */
};

/* An object whose base is taken from the optimizer; schedule_start sets the learning rates of t = 0. Both pass NULL on. */
ct_schedule *schedule_new(const struct schedule_kind *kind, ct_optimizer *optimizer);
ct_schedule *schedule_start(ct_schedule *self);
ct_schedule *schedule_drop(ct_schedule *self);  /* frees it and returns NULL */
double *schedule_copy(const ct_schedule *self, const double *values, double value); /* one a group: values, or NULL for value everywhere */
bool schedule_find_momentum(ct_schedule *self); /* false after reporting: the optimizer has none */
bool schedule_apply(ct_schedule *self, bool closed); /* learning rates and momentum of time t */
extern const struct schedule_kind schedule_plateau_kind, schedule_chained_kind, schedule_sequential_kind;
bool schedule_plateau_next(ct_schedule *self, double metric);
bool schedule_parts_next(ct_schedule *self);
bool schedule_list(const ct_schedule *self, struct parts *parts); /* all that ct_schedule_save keeps */
bool schedule_plan(ct_schedule *self, const struct parts_source *from, struct plan *plan);
#endif
