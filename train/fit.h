/* Training a model: fit, evaluate, predict, and what watches a run.
 *
 *     ct_history *history = ct_train_fit(net, adam, training, .epochs = 20, .validation = held_out, .metrics = CT_METRICS(ct_metric_accuracy),
 *                                        .callbacks = CT_CALLBACKS(ct_train_early_stopping(.patience = 3), ct_train_checkpoints("runs/1")));
 *
 * What a run measures has names: "loss" and a metric's "accuracy" over the training batches, "val_loss" and "val_accuracy" over the validation
 * set, "lr", "seconds" of the epoch, "samples_per_second"; of each step also "grad_norm" where gradients are clipped. A metric that is NaN is kept as it is and
 * counts as no improvement. Epochs and steps count from 1. */
#ifndef COTANGENT_TRAIN_FIT_H
#define COTANGENT_TRAIN_FIT_H
#include <data/data.h>
#include <nn/nn.h>
#include <optim/optim.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Losses ------------------------------------------------------------------------------------------------------------------
 * The loss of a batch, 0-d, in a scope of the caller's; *outputs: what metrics are to see (NULL at first: none can be taken). Also called in
 * evaluation mode without recording. Of one's own: a function like these. */
typedef ct_tensor *ct_train_loss(ct_module *net, const ct_batch *batch, ct_tensor **outputs, void *context);
CT_API ct_train_loss ct_loss_cross_entropy;     /* of net(x), (N, C, ...), and y; context: NULL, or const ct_cross_entropy_options * */
CT_API ct_train_loss ct_loss_next_token;        /* the same where the classes are net(x)'s last axis, (..., C), and y is (...) */
CT_API ct_train_loss ct_loss_mse;               /* (net(x) - y)^2; a last axis of 1 that y lacks is dropped, here and below */
CT_API ct_train_loss ct_loss_l1;                /* |net(x) - y| */
CT_API ct_train_loss ct_loss_huber;             /* context: NULL, or const ct_huber_options * */
CT_API ct_train_loss ct_loss_binary_cross_entropy; /* net(x): logits; y in [0, 1], of any dtype */

/* ---- Metrics: plain values, nothing to free -------------------------------------------------------------------------------------
 * Over classes: outputs (N, C) and y int64 (N) or one-hot (N, C); for sequences (N, T, C) and (N, T); two classes also as one logit, outputs of y's shape.
 * int64 targets of -100 count nowhere, as in ct_cross_entropy. */
typedef struct { double sums[4]; ct_tensor *table; double option; } ct_metric_state; /* zeros at the start of each pass; table is kept by add, and
                                                            released after the pass */
typedef struct {
    char name[32];                              /* none of the columns above, and not "val_..." */
    bool (*add)(ct_metric_state *state, ct_tensor *outputs, ct_tensor *y); /* false after ct_fail */
    double (*result)(const ct_metric_state *state);
    bool higher_is_better;
    double option;                              /* for the two functions */
} ct_metric;
CT_API extern const ct_metric ct_metric_accuracy; /* share of y's classes that have the largest output */
CT_API ct_metric ct_metric_top_k(int k);        /* "top5": share that are among the k largest */
CT_API extern const ct_metric ct_metric_precision, ct_metric_recall, ct_metric_f1; /* means over classes that occur in y or the outputs; of two classes all
                                                            the same: scikit-learn's macro average, where 0 / 0 is 0 */
CT_API extern const ct_metric ct_metric_perplexity; /* e to the mean cross-entropy */
CT_API extern const ct_metric ct_metric_mae, ct_metric_mse, ct_metric_rmse; /* of all elements */
CT_API extern const ct_metric ct_metric_r2;      /* 1 - sum (y - output)^2 / sum (y - mean y)^2; NaN where y is constant */
typedef struct { const ct_metric *list; size_t count; } ct_metrics;
#define CT_METRICS(...) ((ct_metrics){(const ct_metric[]){__VA_ARGS__}, sizeof((const ct_metric[]){__VA_ARGS__}) / sizeof(ct_metric)})

/* ---- What a run measured: freed by ct_free ---------------------------------------------------------------------------------------- */
typedef struct ct_history ct_history;
CT_API int64_t ct_history_epochs(const ct_history *history); /* rows of epochs; 0 for NULL */
CT_API const char *ct_history_name(const ct_history *history, size_t index); /* of the columns in order; NULL past the end */
CT_API double ct_history_value(const ct_history *history, const char *name, int64_t epoch); /* 1 for the first, -1 for the last; NaN: there is none */
CT_API const double *ct_history_column(const ct_history *history, const char *name, size_t *count); /* one an epoch, NaN where it was not measured */
CT_API const double *ct_history_steps(const ct_history *history, const char *name, size_t *count); /* one a step: "loss", "lr", "seconds" since the
                                                            start, "grad_norm". After a resume those since then */
CT_API double ct_history_best(const ct_history *history, const char *name, bool higher, int64_t *epoch); /* epoch may be NULL; NaN: there is none */
CT_API const char *ct_history_stop_reason(const ct_history *history); /* "" after all epochs; "early stopping: ..."; after Ctrl-C
                                                            "interrupted after step 3; to go on: ..." */
CT_API bool ct_history_plot(const ct_history *history, const char *path); /* losses and metrics by epoch, as ct_train_plot; with one epoch, the losses of its steps */

/* ---- Callbacks ------------------------------------------------------------------------------------------------------------------------
 * What happens around a run, the built-in ones too. Each call may be NULL; false after ct_fail ends the run with that failure. */
typedef struct ct_run ct_run;                   /* a fit under way */
typedef struct ct_callback ct_callback;         /* freed by the fit that it is given to, the only one; else by ct_free */
typedef struct {
    const char *name;                           /* said in front of its failures */
    bool (*begin)(ct_run *run, void *state);    /* before the first step */
    bool (*step)(ct_run *run, void *state);     /* after each batch's step */
    bool (*epoch)(ct_run *run, void *state);    /* after the validation of an epoch */
    bool (*end)(ct_run *run, void *state);      /* last, also after a failure, if begin was called; the reverse order */
    void (*free)(void *state);
} ct_callback_calls;
CT_API ct_callback *ct_callback_new(const ct_callback_calls *calls, void *state); /* calls must outlive it; on failure state is freed */
typedef struct { ct_callback *const *list; size_t count; } ct_callbacks;
#define CT_CALLBACKS(...) ((ct_callbacks){(ct_callback *const[]){__VA_ARGS__}, sizeof((ct_callback *const[]){__VA_ARGS__}) / sizeof(ct_callback *)})

CT_API ct_module *ct_run_module(const ct_run *run);
CT_API ct_optimizer *ct_run_optimizer(const ct_run *run);
CT_API ct_dataset *ct_run_validation(const ct_run *run); /* NULL: none, or a loader */
CT_API const ct_history *ct_run_history(const ct_run *run); /* the epochs so far, this one too once it is over */
CT_API int64_t ct_run_epoch(const ct_run *run), ct_run_epochs(const ct_run *run); /* the one under way; how many are wanted */
CT_API int64_t ct_run_step(const ct_run *run), ct_run_steps(const ct_run *run); /* batches so far; how many are wanted, -1 if that is not known */
CT_API int64_t ct_run_batch(const ct_run *run), ct_run_batches(const ct_run *run); /* the same of this epoch */
CT_API double ct_run_value(const ct_run *run, const char *name); /* in step: "loss" (of this batch), "mean_loss" (of the epoch so far), "lr", "grad_norm",
                                                            "seconds", "samples_per_second"; in epoch: every column. NaN: there is none */
CT_API bool ct_run_is_dry(const ct_run *run);   /* nothing is to be written */
CT_API bool ct_run_is_resumed(const ct_run *run); /* files of its earlier part are there */
CT_API void ct_run_stop(ct_run *run, const char *format, ...) CT_FORMAT(2, 3); /* after this step or epoch, in begin before the first; the first reason counts */
CT_API const char *ct_run_stop_reason(const ct_run *run); /* "" while it goes on */
CT_API bool ct_run_save(ct_run *run, const char *path); /* a checkpoint of all of it, once every callback has seen this step or epoch; path must
                                                            stay until then. Several may be asked for */
/* Numbers that a checkpoint keeps with the run: what a callback must know again after a resume. NaN: none. */
CT_API bool ct_run_set_number(ct_run *run, const char *key, double value);
CT_API double ct_run_number(const ct_run *run, const char *key);

/* ---- Fit ------------------------------------------------------------------------------------------------------------------------------- */
typedef struct { ct_dataset *dataset; ct_loader *loader; } ct_train_data; /* one of them. C: a data set or a loader itself */
typedef struct {
    int64_t epochs;
    int64_t steps;                              /* so many in all in place of epochs; the last epoch may be short. 0: by epochs */
    int64_t steps_per_epoch;                    /* 0: as many as the loader has batches; else it goes on where it was in the next */
    ct_train_loss *loss;                        /* ct_loss_cross_entropy */
    void *loss_context;
    ct_tensor *class_weights;                   /* (C), for ct_loss_cross_entropy, in validation too; ct_train_class_weights makes some */
    ct_metrics metrics;                         /* over the validation set; without one, over the training batches as they came */
    bool training_metrics;                      /* over both */
    ct_dataset *validation;
    ct_loader *validation_loader;               /* put to its epoch E - 1 before the validation of epoch E */
    double validation_split;                    /* this share of the data set instead, drawn by seed; augmented where the set is */
    int64_t batch_size, workers;                /* of the loaders made here: 32, shuffled by seed; 0 */
    uint64_t seed;
    ct_schedule *schedule;                      /* moves on with every update of the weights; a plateau after every epoch by `monitor`,
                                                   and its .max must be whether more of that is better */
    bool schedule_by_epoch;                     /* every schedule after every epoch */
    const char *monitor;                        /* "val_loss", without validation "loss"; also what callbacks look at unless they say otherwise */
    double clip_norm, clip_value;               /* 0: not; ct_clip_grad_norm, ct_clip_grad_value before a step that updates */
    int64_t accumulate;                         /* ct_optimizer_accumulate for this run; 0: as the optimizer is. A group that the
                                                   run ends in is dropped */
    ct_average *average;                        /* updated with the weights; validation, the best checkpoint and restore_best look at the averages,
                                                   in training and after it the module has its own values */
    ct_callbacks callbacks;                     /* taken over, also on failure */
    const char *resume;                         /* go on from this checkpoint, bit for bit as if there had been no stop */
    FILE *progress;                             /* stdout; a bar on a terminal, else a line an epoch */
    bool silent, plain;                         /* plain: lines on a terminal too */
    bool dry_run;                               /* one batch of each set, no file written: does it all fit together? The weights take that step */
    bool keep_signals;                          /* do not catch Ctrl-C. Else SIGINT ends the run after its step, and a second one the program */
    char end_;
} ct_train_fit_options;
#define CT_TRAIN_FIT_DEFAULTS .epochs = 1, .batch_size = 32,
CT_API extern const ct_train_fit_options ct_train_fit_defaults;
/* Trains net by optimizer: what happened, or NULL on error. A loss that is not finite is an error, before it reaches the weights (but for those
 * that L-BFGS tries within a step), unless ct_optimizer_guard is on. net is in training mode afterwards, the optimizer and schedule where they came to. */
CT_API ct_history *ct_train_fit(ct_module *net, ct_optimizer *optimizer, ct_train_data training, const ct_train_fit_options *options);

typedef struct { int64_t batch_size; ct_train_loss *loss; void *loss_context; ct_metrics metrics; char end_; } ct_train_evaluate_options;
#define CT_TRAIN_EVALUATE_DEFAULTS .batch_size = 250,
CT_API extern const ct_train_evaluate_options ct_train_evaluate_defaults;
CT_API bool ct_train_evaluate(ct_module *net, ct_train_data data, double *values, const ct_train_evaluate_options *options); /* in evaluation mode without
                                                            recording: values[0] the mean loss (loss NULL: NaN, not measured), then one a metric */
typedef struct { int64_t batch_size; char end_; } ct_train_predict_options;
#define CT_TRAIN_PREDICT_DEFAULTS .batch_size = 250,
CT_API extern const ct_train_predict_options ct_train_predict_defaults;
CT_API ct_tensor *ct_train_predict(ct_module *net, ct_dataset *dataset, const ct_train_predict_options *options); /* net(x) of all samples in order, (N, ...) */
CT_API ct_tensor *ct_train_confusion(ct_module *net, ct_dataset *dataset, const ct_train_predict_options *options); /* int64 (C, C): how many of
                                                            class row were told to be class column */
CT_API ct_tensor *ct_train_class_weights(ct_dataset *dataset, int64_t classes); /* (C): N / (C n_c), for y int64 in [0, C); 0 for a class that is not there */
/* Can it learn at all? Trains on the first batch alone for `steps` steps and puts parameters, buffers and optimizer back: the last loss over the
 * first, near 0 where all is well; NaN on error. Of the options batch_size, seed and the loss with its context and class weights count; callbacks
 * are freed. */
CT_API double ct_train_overfit(ct_module *net, ct_optimizer *optimizer, ct_train_data training, int64_t steps, const ct_train_fit_options *options);

#ifdef __cplusplus
}
#else
static inline ct_train_data ct_train_data_set_(void *data)
{
    return (ct_train_data){.dataset = (ct_dataset *)data};
}
static inline ct_train_data ct_train_data_loader_(void *data)
{
    return (ct_train_data){.loader = (ct_loader *)data};
}
#define CT_TRAIN_DATA_(data) _Generic((data), ct_dataset *: ct_train_data_set_, ct_loader *: ct_train_data_loader_)(data)
#define ct_train_fit(net, optimizer, ...)                                                                               \
    CT_WITH_(ct_train_fit, (net, optimizer, CT_TRAIN_DATA_(CT_HEAD_(__VA_ARGS__)), ), ct_train_fit_options, (CT_TRAIN_FIT_DEFAULTS), \
             CT_TAIL_(__VA_ARGS__))
#define ct_train_evaluate(net, data, ...)                                                                                             \
    CT_WITH_(ct_train_evaluate, (net, CT_TRAIN_DATA_(data), CT_HEAD_(__VA_ARGS__), ), ct_train_evaluate_options, (CT_TRAIN_EVALUATE_DEFAULTS), \
             CT_TAIL_(__VA_ARGS__))
#define ct_train_predict(net, ...) \
    CT_WITH_(ct_train_predict, (net, CT_HEAD_(__VA_ARGS__), ), ct_train_predict_options, (CT_TRAIN_PREDICT_DEFAULTS), CT_TAIL_(__VA_ARGS__))
#define ct_train_confusion(net, ...) \
    CT_WITH_(ct_train_confusion, (net, CT_HEAD_(__VA_ARGS__), ), ct_train_predict_options, (CT_TRAIN_PREDICT_DEFAULTS), CT_TAIL_(__VA_ARGS__))
#define ct_train_overfit(net, optimizer, data, ...)                                                                                  \
    CT_WITH_(ct_train_overfit, (net, optimizer, CT_TRAIN_DATA_(data), CT_HEAD_(__VA_ARGS__), ), ct_train_fit_options, (CT_TRAIN_FIT_DEFAULTS), \
             CT_TAIL_(__VA_ARGS__))
#endif
#include <train/callbacks.h>
#endif
