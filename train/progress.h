/* More than the public face of a bar offers. */
#ifndef COTANGENT_TRAIN_PROGRESS_H
#define COTANGENT_TRAIN_PROGRESS_H
#include "train/train.h"

double train_now(void);                         /* seconds of a clock that never goes back */
ct_progress *progress_begin(FILE *file, const char *label, int64_t total, int64_t done, double since, bool plain); /* done: steps before `since`,
                                                            of train_now; plain: as if file were no terminal */
bool progress_is_due(const ct_progress *progress); /* would the next step be drawn? For who has to work for its words */
#endif
