/* Checkpoints with more in them than ct_train_state says. */
#ifndef COTANGENT_TRAIN_CHECKPOINT_H
#define COTANGENT_TRAIN_CHECKPOINT_H
#include "io/parts.h"
#include "train/train.h"

typedef bool checkpoint_list(void *context, struct parts *parts); /* adds to the file, under a prefix of its own */
typedef bool checkpoint_plan(void *context, const struct parts_source *from, struct plan *plan); /* reads it again; before anything changes */
bool checkpoint_save(const ct_train_state *state, checkpoint_list *more, void *context, const char *path); /* more: may be NULL */
bool checkpoint_load(ct_train_state *state, checkpoint_plan *more, void *context, const char *path);
#endif
