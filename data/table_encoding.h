/* What an encoding knows of the columns it was fitted on. */
#ifndef COTANGENT_TABLE_ENCODING_H
#define COTANGENT_TABLE_ENCODING_H
#include "table_rows.h"

struct encoded_column {
    char *name;
    bool is_category;
    double fill, center, scale;                 /* of numbers: (value - center) / scale, fill where it is missing */
    char **categories;                          /* in the order of their bytes */
    int64_t count;
};

struct ct_table_encoding {
    struct object object;
    struct encoded_column *columns, label;      /* label.name NULL: none */
    int64_t count, features;
    char *json;
};

ct_table_encoding *encoding_new(const char *call, int64_t columns); /* their count so far is 0 */
ct_table_encoding *encoding_ready(const char *call, ct_table_encoding *encoding); /* counts features, writes the JSON; NULL and a failure drop it */
ct_table_encoding *encoding_fit(const char *call, const ct_table *table, const char *label, const char *drop, bool standardize);
ct_dataset *encoding_apply(const char *call, const ct_table *table, const ct_table_encoding *encoding, bool strict, bool no_label);
const struct encoded_column *encoded_find(const ct_table_encoding *encoding, const char *name); /* its label too; NULL: none, or no encoding */
int64_t encoded_code(const struct encoded_column *column, const char *category); /* -1: none of its own */
#endif
