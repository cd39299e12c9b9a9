/* More than the public face of a bar offers. */
#ifndef COTANGENT_TRAIN_PROGRESS_H
#define COTANGENT_TRAIN_PROGRESS_H
#include "train/train.h"

ct_progress *progress_begin(FILE *file, const char *label, int64_t total, int64_t done, bool plain); /* done: already; plain: as if file were no terminal */
#endif
