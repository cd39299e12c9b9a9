/* A table that grows: columns by name, a row an epoch, and another of steps. */
#ifndef COTANGENT_TRAIN_HISTORY_H
#define COTANGENT_TRAIN_HISTORY_H
#include "autograd/object.h"
#include "train/fit.h"

enum { COLUMN_NAME_BYTES = 48, MOST_COLUMNS = 64, STOP_REASON_BYTES = 256 };

struct column {
    char name[COLUMN_NAME_BYTES];
    double *values;                             /* room of the table */
};

struct history_table {
    struct column *columns;
    size_t column_count, rows, room;
};

struct ct_history {
    struct object object;
    struct history_table epochs, steps;
    char stop_reason[STOP_REASON_BYTES];
};

ct_history *history_new(void);
bool history_row(struct history_table *table);  /* one more, of NaN; false after reporting */
bool history_column(struct history_table *table, const char *name); /* makes it, if it is not there */
bool history_set(struct history_table *table, const char *name, double value); /* in the last row; a new column is NaN before it */
const struct column *history_find(const struct history_table *table, const char *name);
bool history_is_measure(const char *name);      /* a loss or a metric, no learning rate, time or rate */
double *history_numbers(size_t count);          /* 1, 2, 3, ..., for heap_free; NULL: out of memory */
#endif
