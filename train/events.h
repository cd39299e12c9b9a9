/* Event files: records in a file that grows, and whose folder it is. */
#ifndef COTANGENT_TRAIN_EVENTS_H
#define COTANGENT_TRAIN_EVENTS_H
#include <stdio.h>

#include "train/tensorboard.h"

uint32_t events_checksum(const void *bytes, size_t count); /* CRC-32C (Castagnoli), masked as TFRecord wants it */

enum events_others { EVENTS_NONE, EVENTS_ENDED, EVENTS_ANY }; /* which event files may be in the folder: none, those that nobody writes any more, any */

struct events {
    char *path;
    FILE *file;
};

bool events_open(struct events *events, const char *folder, enum events_others others); /* makes the folder */
bool events_append(struct events *events, const void *record, size_t count);
bool events_flush(struct events *events);
bool events_close(struct events *events);       /* does nothing where it is not open. All of these report failures by path */

ct_tensorboard *tensorboard_open(const char *folder, enum events_others others);
bool tensorboard_start(ct_tensorboard *board, int64_t step); /* a session: what earlier sessions in the folder say of this step and later ones does not
                                                            count. The first file wants one too, or the second is taken for the first */
bool tensorboard_close(ct_tensorboard *board);  /* flushes, closes the file; ct_free is still wanted */
#endif
