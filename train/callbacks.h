/* The callbacks that come with the library: stopping early, checkpoints, logs and the report. For ct_train_fit's `callbacks`.
 *
 * monitor names what is looked at ("val_accuracy"); NULL: the fit's own. Metrics say themselves whether more is better; of every other column less is.
 * A log's file must not be there yet, or hold the epochs that a resumed run goes on from: two runs never mix in one file. */
#ifndef COTANGENT_TRAIN_CALLBACKS_H
#define COTANGENT_TRAIN_CALLBACKS_H
#include <train/fit.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct { const char *monitor; int64_t patience; double min_delta; bool restore_best; char end_; } ct_train_early_stopping_options;
#define CT_TRAIN_EARLY_STOPPING_DEFAULTS .patience = 5,
CT_API extern const ct_train_early_stopping_options ct_train_early_stopping_defaults;
CT_API ct_callback *ct_train_early_stopping(const ct_train_early_stopping_options *options); /* stops after patience epochs in a row whose value is not better
                                                            than the best by more than min_delta; restore_best: parameters and buffers of the best
                                                            epoch at the end, whatever ended it but a failure */

typedef struct { const char *monitor; int64_t top, every_steps; char end_; } ct_train_checkpoints_options;
CT_API extern const ct_train_checkpoints_options ct_train_checkpoints_defaults;
/* In folder, made if it is missing, whole files or none: last.checkpoint, all that .resume wants, at the start, after every epoch, every_steps batches
 * and at the end of an interrupted run; best.safetensors, the module of the best epoch; with top = k the k best ones, epoch-0007.safetensors. A folder that another run is
 * writing to is refused, resumed or not. */
CT_API ct_callback *ct_train_checkpoints(const char *folder, const ct_train_checkpoints_options *options);

CT_API ct_callback *ct_train_log_csv(const char *path);   /* a header, then a row an epoch; NaN is "nan" */
CT_API ct_callback *ct_train_log_json(const char *path);  /* JSON lines: {"event": "step", "step": 1, "loss": ...} and "epoch"; what is not finite is null */

typedef struct { int64_t every_steps, histograms, images; char end_; } ct_train_tensorboard_options;
#define CT_TRAIN_TENSORBOARD_DEFAULTS .every_steps = 1, .images = 8,
CT_API extern const ct_train_tensorboard_options ct_train_tensorboard_defaults;
/* TensorBoard's event files in folder, a further one where a run is resumed: step/loss, step/lr and step/grad_norm every so many steps (0: never); epoch/val_loss
 * and whatever else the history has, at the epoch's last step; weights/NAME, histograms, every so many epochs (0: never); the network's summary and the
 * options as text; so many inputs of the first batch where they are images and ct_io_has_png. On disk after each epoch. */
CT_API ct_callback *ct_train_tensorboard(const char *folder, const ct_train_tensorboard_options *options);

typedef struct { const char *const *list; size_t count; } ct_class_names;
#define CT_CLASS_NAMES(...) ((ct_class_names){(const char *const[]){__VA_ARGS__}, sizeof((const char *const[]){__VA_ARGS__}) / sizeof(const char *)})
typedef struct {
    const char *title;                          /* "Training" */
    ct_dataset *dataset;                        /* what to predict; the validation set, and without one nothing */
    ct_class_names class_names;                 /* of the first so many; else numbers */
    int64_t samples;                            /* predictions shown, of the worst and of the first; 12. 0: none */
    char end_;
} ct_train_report_options;
#define CT_TRAIN_REPORT_DEFAULTS .title = "Training", .samples = 12,
CT_API extern const ct_train_report_options ct_train_report_defaults;
/* An HTML page on the run, all in one file: results, curves, options, the network's summary, epochs; written anew after each epoch, and at the end, also of a
 * run that fails, once more with predictions of the weights as they are then, errors by class and the confusion matrix. Callbacks end in reverse order: in
 * front of an early stopping with restore_best the report shows the restored weights. */
CT_API ct_callback *ct_train_report(const char *path, const ct_train_report_options *options);

CT_API ct_callback *ct_train_curves(const char *path);    /* ct_history_plot after each epoch: SVG, or where path ends in .png PNG */

#ifdef __cplusplus
}
#else
#define ct_train_report(...) CT_WITH1_(ct_train_report, ct_train_report_options, (CT_TRAIN_REPORT_DEFAULTS), __VA_ARGS__)
#define ct_train_tensorboard(...) CT_WITH1_(ct_train_tensorboard, ct_train_tensorboard_options, (CT_TRAIN_TENSORBOARD_DEFAULTS), __VA_ARGS__)
#define ct_train_early_stopping(...) \
    CT_WITH_(ct_train_early_stopping, (), ct_train_early_stopping_options, (CT_TRAIN_EARLY_STOPPING_DEFAULTS), __VA_ARGS__)
#define ct_train_checkpoints(...) CT_WITH1_(ct_train_checkpoints, ct_train_checkpoints_options, (), __VA_ARGS__)
#endif
#endif
