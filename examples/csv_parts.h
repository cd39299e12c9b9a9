/* A table's rows in three parts, and which of its columns tell something. */
#ifndef EXAMPLES_CSV_PARTS_H
#define EXAMPLES_CSV_PARTS_H
#include <cotangent.h>

struct csv_wish {
    const char *file, *label, *drop;
    double validation, testing;                 /* shares of the rows */
    uint64_t seed;
};

struct csv_parts {
    ct_table *training, *validation, *testing;
    char *drop;                                 /* those that were asked for, and those of which nothing can be learnt */
    double commonest;                           /* share of the commonest class */
};

/* Rows without label are left out, and those of classes with fewer than three. Classes are spread evenly over the parts. Says on stderr what
 * is odd. False after a failure; csv_parts_free either way. */
bool csv_parts_make(const ct_table *table, const struct csv_wish *wish, struct csv_parts *parts);
void csv_parts_free(struct csv_parts *parts);
#endif
