/* Around a training loop: what a person watches. */
#ifndef COTANGENT_TRAIN_H
#define COTANGENT_TRAIN_H
#include <data/data.h>
#include <nn/nn.h>
#include <optim/optim.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Progress: a bar that redraws itself on a terminal; elsewhere silent until ct_progress_end, which prints one plain line -- */
typedef struct ct_progress ct_progress;
CT_API ct_progress *ct_progress_begin(FILE *file, const char *label, int64_t total); /* total steps; label: "epoch 1/3" */
CT_API void ct_progress_step(ct_progress *progress, const char *format, ...) CT_FORMAT(2, 3); /* one step done; what to show: "loss 0.31" */
CT_API void ct_progress_end(ct_progress *progress, const char *format, ...) CT_FORMAT(2, 3);  /* label, text and time; frees it. NULL is fine */

/* ---- Evaluation ------------------------------------------------------------------------------------------------------------- */
CT_API double ct_train_accuracy(ct_module *net, ct_dataset *dataset, int64_t batch_size); /* share of samples whose largest output is y's class,
                                                            in evaluation mode without recording; NaN on error */

CT_API bool ct_train_update_batch_norm(ct_module *net, ct_loader *loader); /* running means and variances of batch normalisation anew, over one epoch of
                                                            loader: after the parameters became averages (ct_average_swap) */

/* ---- Pictures ---------------------------------------------------------------------------------------------------------------- */
typedef struct { const char *name; const double *x, *y; size_t count; } ct_curve; /* x NULL: 0, 1, 2, ... */
/* A list where a function takes pointer and count: CT_CURVES({"loss", NULL, losses, epochs}). It lives to the end of the block. */
#define CT_CURVES(...) ((const ct_curve[]){__VA_ARGS__}), (sizeof((const ct_curve[]){__VA_ARGS__}) / sizeof(ct_curve))
typedef struct { const char *title, *x_label, *y_label; bool log_x, log_y; char end_; } ct_plot_options;
CT_API extern const ct_plot_options ct_plot_defaults;
CT_API bool ct_train_plot(const char *path, const ct_curve *curves, size_t count, const ct_plot_options *options); /* as SVG, or where
                                                            path ends in .png as PNG, by gnuplot; without it as a plainer SVG, and PNG is an error. A line breaks
                                                            where a point is not finite, or on a logarithmic axis not above 0 */

/* ---- A learning rate to start from --------------------------------------------------------------------------------------------- */
typedef struct { double from, to; int64_t steps; const char *plot; char end_; } ct_find_lr_options; /* 1e-7 to 10 in 100 steps; plot: where to draw the curve */
#define CT_FIND_LR_DEFAULTS .from = 1e-7, .to = 10, .steps = 100,
CT_API extern const ct_find_lr_options ct_find_lr_defaults;
CT_API double ct_train_find_lr(ct_optimizer *optimizer, ct_closure *closure, void *context, const ct_find_lr_options *options); /* steps at growing rates, a batch of
                                                            closure's each, until the loss runs away; the rate where it fell fastest before it was lowest; NaN on
                                                            error, or where no fall stands out. A guess: the plot tells more. Parameters and
                                                            optimizer are put back; buffers of the module, such as running statistics, are not */

#ifdef __cplusplus
}
#else
#define ct_train_plot(path, ...) CT_PLOT_(path, __VA_ARGS__)                /* CT_CURVES becomes two arguments before they are counted */
#define CT_PLOT_(path, curves, ...) CT_WITH_(ct_train_plot, (path, curves, CT_HEAD_(__VA_ARGS__), ), ct_plot_options, (), CT_TAIL_(__VA_ARGS__))
#define ct_train_find_lr(optimizer, closure, ...) \
    CT_WITH_(ct_train_find_lr, (optimizer, closure, CT_HEAD_(__VA_ARGS__), ), ct_find_lr_options, (CT_FIND_LR_DEFAULTS), CT_TAIL_(__VA_ARGS__))
#endif
#endif
