/* A table under construction and what it becomes. */
#ifndef COTANGENT_TABLE_ROWS_H
#define COTANGENT_TABLE_ROWS_H
#include <autograd/object.h>
#include <data/table.h>

struct table_column {
    char *name;
    bool is_category, has_numbers, only_numbers; /* the last two: while reading */
    char **categories;                          /* in order of appearance, then of their bytes */
    int64_t count, room;
    int64_t *places, place_count;               /* categories by hash, -1: free; while reading */
};

struct ct_table {
    struct object object;
    int64_t rows, columns;
    struct table_column *column;
    double *values;                             /* rows * columns */
};

ct_table *table_new(int64_t columns);
void table_column_clear(struct table_column *column);
int64_t table_code(struct table_column *column, const char *text, size_t length); /* of a category, new or known; -1: no memory */
bool table_sort_categories(ct_table *table);    /* and gives them new codes */
/* Lists of names, "a, b": blanks around a name do not count. */
bool table_list_has(const char *list, const char *text, size_t length);
bool table_names_exist(const char *list, const ct_table *table, const char *where); /* or it fails, beginning with where */
#endif
