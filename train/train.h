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

/* ---- Checkpoints: a run in one file, from which it goes on bit for bit, in the middle of an epoch too ---------------------------
 * A safetensors file with tensors module.*, optimizer.*, schedule.*, average.* and metadata epoch, step, loader.*, generator, number.*; written aside
 * and renamed, so that a path holds the old checkpoint or the new one, never a part. Saved between steps: of gradients only those that
 * ct_optimizer_accumulate gathers are in it. What is NULL is not written, and stays as it is when a file that has it is read.
 *
 *     ct_train_state run = {.module = net, .optimizer = adam, .loader = loader};
 *     if (resume)
 *         ct_train_load(&run, "run.safetensors");
 *     for (; run.epoch < 10 && ct_ok(); run.epoch++)
 *         for (ct_batch b; ct_loader_next(loader, &b);) { ...; if (++run.step % 1000 == 0) ct_train_save(&run, "run.safetensors"); } */
typedef struct { const char *name; double *value; } ct_train_number;
typedef struct {
    ct_module *module;                          /* parameters and buffers */
    ct_optimizer *optimizer;                    /* all of ct_optimizer_save, accumulation and guard included */
    ct_schedule *schedule;
    ct_average *average;
    ct_loader *loader;                          /* its position; one of another size, batch size, order or seed is refused by what differs */
    ct_generator *generator;                    /* one of your own; the process's, which dropout draws from, is always kept */
    int64_t epoch, step;                        /* yours, from 0 */
    const ct_train_number *numbers;             /* further ones of yours, ended by a name of NULL: {{"best", &best}, {0}} */
} ct_train_state;
CT_API bool ct_train_save(const ct_train_state *state, const char *path);
CT_API bool ct_train_load(ct_train_state *state, const char *path); /* into objects made as those were; on failure nothing at all changes */
CT_API bool ct_train_peek(ct_train_state *state, const char *path); /* epoch, step and numbers alone */

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
