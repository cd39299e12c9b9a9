/* TensorBoard's event files, written by hand: numbers, histograms, images and text under tags, each at a step. ct_train_tensorboard does it for a fit.
 *
 *     ct_tensorboard *board = ct_tensorboard_open("runs/7");
 *     ct_tensorboard_scalar(board, "train/loss", step, loss);
 *     ct_free(board);
 *
 * Look at them by `tensorboard --logdir runs`. Tags with a common part before '/' stand together. Calls pass a NULL writer on, as ops do.
 * Weights & Biases takes the folder as it is: `wandb sync runs/7`. */
#ifndef COTANGENT_TRAIN_TENSORBOARD_H
#define COTANGENT_TRAIN_TENSORBOARD_H
#include <autograd/autograd.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ct_tensorboard ct_tensorboard;   /* freed by ct_free, which writes what is still in memory; used by one thread at a time */
CT_API ct_tensorboard *ct_tensorboard_open(const char *folder); /* a new event file there; the folder is made. TensorBoard shows all files of a folder as one run */
CT_API bool ct_tensorboard_scalar(ct_tensorboard *board, const char *tag, int64_t step, double value); /* kept as float32; NaN and infinities too */
CT_API bool ct_tensorboard_histogram(ct_tensorboard *board, const char *tag, int64_t step, ct_tensor *values); /* of the finite ones, in 30 equal parts from
                                                            the least to the largest */
CT_API bool ct_tensorboard_image(ct_tensorboard *board, const char *tag, int64_t step, ct_tensor *images); /* as ct_io_png_write's, or (N, C, H, W); wants
                                                            ct_io_has_png */
CT_API bool ct_tensorboard_text(ct_tensorboard *board, const char *tag, int64_t step, const char *text); /* shown as Markdown */
CT_API bool ct_tensorboard_flush(ct_tensorboard *board); /* on to the file, for who looks on; false if the disk is full, say */

#ifdef __cplusplus
}
#endif
#endif
