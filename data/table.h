/* Tables: rows of numbers and categories under named columns, read from CSV files, and data sets made of them. */
#ifndef COTANGENT_TABLE_H
#define COTANGENT_TABLE_H
#include <data/data.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ct_table ct_table;               /* freed by ct_free */

/* RFC 4180, plain or gzip, UTF-8: fields between separators, in quotes where they hold separators, quotes (doubled) or line ends; blanks around a
 * field without quotes, a byte order mark and empty lines do not count. The first row names the columns. A column whose fields are all numbers
 * (decimal, inf or nan) is one of numbers, any other one of categories. A field that is empty or one of `missing` ("NA, null", with commas
 * between) is missing. A row of another length is an error that names its line. */
typedef struct {
    char separator;                             /* ',' */
    bool no_header;                             /* columns are called "0", "1", ... */
    const char *missing;                        /* "NA,NaN,nan,null" */
    const char *categories;                     /* these columns are categories, though all numbers: "zip, model" */
    const char *numbers;                        /* these are numbers: a field that is none is an error */
    int64_t limit;                              /* the first so many rows; 0: all */
    char end_;
} ct_table_csv_options;
#define CT_TABLE_CSV_DEFAULTS .separator = ',', .missing = "NA,NaN,nan,null",
CT_API extern const ct_table_csv_options ct_table_csv_defaults;
CT_API ct_table *ct_table_csv(const char *path, const ct_table_csv_options *options);

CT_API int64_t ct_table_rows(const ct_table *table);    /* -1 for NULL */
CT_API int64_t ct_table_columns(const ct_table *table); /* -1 for NULL */
CT_API const char *ct_table_name(const ct_table *table, int64_t column);
CT_API int64_t ct_table_find(const ct_table *table, const char *name); /* its number; -1: none (no error) */
CT_API bool ct_table_is_category(const ct_table *table, int64_t column);
CT_API int64_t ct_table_categories(const ct_table *table, int64_t column); /* how many; 0 for numbers */
CT_API const char *ct_table_category(const ct_table *table, int64_t column, int64_t code); /* in the order of their bytes */
CT_API int64_t ct_table_missing(const ct_table *table, int64_t column); /* missing fields */
CT_API ct_tensor *ct_table_values(const ct_table *table); /* float64 (rows, columns), a copy: numbers, codes of categories; NaN where missing */

/* Samples of a table: x float32 (F), y int64 () or float32 (). x has the columns but the label and those of `drop` ("id,name"), in order: a number
 * as it is, a missing one as the column's mean; of categories one 0 or 1 each, missing: all 0. y is the code of a label of categories, or the
 * number; a row without label is left out. Means, deviations and categories are those of the whole table. */
typedef struct {
    const char *label;                          /* NULL: no y */
    const char *drop;
    bool standardize;                           /* numbers in x: less the column's mean, over its deviation (1 where that is 0) */
    char end_;
} ct_table_dataset_options;
CT_API extern const ct_table_dataset_options ct_table_dataset_defaults;
CT_API ct_dataset *ct_table_dataset(const ct_table *table, const ct_table_dataset_options *options); /* the table may be freed */

#ifdef __cplusplus
}
#else
#define ct_table_csv(...) CT_WITH1_(ct_table_csv, ct_table_csv_options, (CT_TABLE_CSV_DEFAULTS), __VA_ARGS__)
#define ct_table_dataset(...) CT_WITH1_(ct_table_dataset, ct_table_dataset_options, (), __VA_ARGS__)
#endif
#endif
