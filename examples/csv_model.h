/* What train_from_csv writes and predict_csv reads: a network with the encoding of its table, in one file. */
#ifndef EXAMPLES_CSV_MODEL_H
#define EXAMPLES_CSV_MODEL_H
#include <cotangent.h>

#include "options.h"

/* Rows of an option table about how a CSV file is read. */
#define CSV_ROWS(separator_, missing_, limit_)                                                                     \
    {"separator", "CHAR", "between fields: a character, or tab", .text = &(separator_)},                           \
    {"missing", "WORDS", "fields that are missing, with commas between; an empty one always is", .text = &(missing_)}, \
    {"limit", "N", "use the first N rows; 0: all", .whole = &(limit_)}

char csv_separator(const char *word);           /* refuses what is none */
bool csv_model_save(const ct_module *net, const ct_table_encoding *encoding, const char *path);
bool csv_model_load(const char *path, ct_module **net, ct_table_encoding **encoding); /* a file of something else is refused */
#endif
