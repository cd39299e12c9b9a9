/* What logs and reports show of a run beside its numbers. */
#ifndef COTANGENT_TRAIN_LOOK_H
#define COTANGENT_TRAIN_LOOK_H
#include "train/fit.h"

typedef bool look_option(void *context, const char *name, const char *value);
bool look_options(const ct_run *run, look_option *each, void *context); /* optimizer, loss, epochs, ...; false: a call of each was */

/* In step: the first `count` samples of the batch into *samples, as a copy that is kept. Does nothing once they are there. */
bool look_keep_samples(const ct_run *run, int64_t count, ct_tensor **samples);
char *look_summary(ct_run *run, ct_tensor *samples); /* ct_module_summary_of's text for one sample, or why there is none; for heap_free. NULL: out of memory */

bool look_is_image(const ct_tensor *samples);   /* (N, 1 or 3, H, W) of floats, and there is libpng */
ct_tensor *look_at_image(ct_tensor *image);     /* (C, H, W) in [0, 1]: one that goes beyond is stretched from its least value to its largest */
#endif
