/* A fit under way: what fit.c moves on and callbacks look at. */
#ifndef COTANGENT_TRAIN_RUN_H
#define COTANGENT_TRAIN_RUN_H
#include <stdio.h>

#include "train/fit.h"
#include "train/history.h"
#include "train/progress.h"

enum { NUMBER_KEY_BYTES = 64 };

struct run_number {
    char key[NUMBER_KEY_BYTES];
    double value;
};

/* Checkpoints to be written. */
struct paths {
    const char **list;
    size_t count;
};

struct ct_callback {
    struct object object;
    const ct_callback_calls *calls;
    void *state;
    bool begun;
};

/* A pass over batches: a mean loss and metrics. */
struct pass {
    const ct_metrics *metrics;
    ct_metric_state *states;                    /* one a metric */
    double loss_sum, samples;
};

struct ct_run {
    ct_module *net;
    ct_optimizer *optimizer;
    ct_loader *loader, *validation_loader;
    ct_loader *own_loader, *own_validation_loader; /* those that the run made, or NULL */
    ct_dataset *training_part, *validation_part, *validation_set; /* parts: of a split, or NULL */
    ct_train_fit_options o;
    ct_cross_entropy_options weighted;          /* what class_weights becomes */
    const char *monitor;
    struct ct_callback **callbacks;             /* the bar first, then the caller's */
    size_t callback_count;
    ct_history *history;
    struct run_number *numbers;
    size_t number_count;
    struct pass training;
    int64_t epoch, epochs, step, steps, batch, batches; /* from 1 on; how many are wanted */
    double began, epoch_began, batch_loss, grad_norm, seconds_before; /* times of ct_train_now; seconds_before: of this epoch, before a resume */
    int64_t batch_samples, epoch_samples, epoch_batches; /* epoch_*: since epoch_began */
    bool in_epoch;                              /* steps of epoch were taken, its row is not written */
    struct paths save_to;                       /* that callbacks asked for */
    struct paths save_at_stop;                  /* those of a run that stops within an epoch, before callbacks end it */
    struct weights *kept;                       /* what every checkpoint holds besides; NULL: nothing */
    const ct_batch *current;
};

ct_tensor *train_like_target(ct_tensor *outputs, ct_tensor *y); /* without a last axis of 1 that y lacks */
ct_tensor *train_confusion_of(ct_tensor *outputs, ct_tensor *y); /* int64 (C, C) of a batch */
bool metric_keeps(const ct_metric *metric, const ct_tensor *table); /* could it have made the table? Of a user's own metric: always */

void *run_weigh_classes(const ct_train_fit_options *o, ct_cross_entropy_options *weighted); /* the context of a loss with o's class weights; NULL after reporting */
bool callback_is_first(struct ct_callback *const *list, size_t index); /* it does not stand in front of it already */
void callbacks_free(struct ct_callback *const *list, size_t count); /* each once */
bool pass_takes(const char *call, const ct_metrics *metrics); /* each has a name and both functions; else false after reporting */
bool pass_begin(struct pass *pass, const ct_metrics *metrics);
bool pass_add(struct pass *pass, const ct_batch *batch, double loss, ct_tensor *outputs); /* outputs NULL where there are no metrics */
double pass_loss(const struct pass *pass);
double pass_metric(const struct pass *pass, size_t index);
void pass_end(struct pass *pass);
/* A whole pass in evaluation mode, or its first `most` batches; loss NULL: net(x) alone. */
bool pass_run(struct pass *pass, ct_module *net, ct_loader *loader, ct_train_loss *loss, void *context, int64_t most);

/* ---- Its parts: run.c. Each false after reporting -------------------------------------------------------------------------------------- */
bool run_refuses(const ct_train_fit_options *options, const ct_train_data *data); /* true: they cannot be */
bool run_gather_callbacks(ct_run *run);         /* takes them over, also on failure */
bool run_prepare(ct_run *run, const ct_train_data *data);
void run_clear(ct_run *run);

bool run_show_averages(ct_run *run);            /* exchanges the parameters and the averages that the run keeps, if it does */
bool run_save_at_stop(ct_run *run, const char *path);
/* Of a number that a callback keeps: "checkpoints.best", and of the second callback of its kind "checkpoints2.best". */
const char *run_key(const ct_run *run, const void *state, char key[NUMBER_KEY_BYTES], const char *name);
void run_add_reason(ct_run *run, const char *format, ...) CT_FORMAT(2, 3); /* says more behind the stop reason */
bool run_is_interrupted(const ct_run *run);
struct weights;
bool run_copy_weights(ct_run *run, struct weights *weights); /* of the averages, where the run keeps some */
bool run_adopt_weights(ct_run *run, struct weights *weights); /* fills them from the checkpoint that the run goes on from, if it has them,
                                                            and has every checkpoint from now on keep them */
bool run_save(const ct_run *run, const char *path); /* a checkpoint of all of it */
bool run_resume(ct_run *run, const char *path);

/* true: more of the column is better; what no metric of the run says is better lower. */
bool run_higher_is_better(const ct_run *run, const char *column);
double run_monitored(const ct_run *run, const char *column, bool *found); /* of the epoch that is just over */
ct_callback *callback_progress(FILE *file, bool plain); /* the bar */
void interrupt_begin(void);                     /* SIGINT is caught from now on */
void interrupt_end(void);
bool interrupted(void);
#endif
