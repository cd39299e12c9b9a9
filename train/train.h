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

#ifdef __cplusplus
}
#endif
#endif
