/* What the logs share: a path of their own, which no other run writes to. */
#ifndef COTANGENT_TRAIN_LOG_H
#define COTANGENT_TRAIN_LOG_H
#include "train/fit.h"

char *log_path(const char *call, const char *path); /* a copy, for heap_free; NULL after reporting */
bool log_is_ours(const ct_run *run, const char *path); /* false after reporting: the file is there, and the run is not resumed. Makes its folder */
bool folder_make(const char *path);             /* and those above it; one that is there is fine */
#endif
