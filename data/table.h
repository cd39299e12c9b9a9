/* Tables: rows of numbers and categories under named columns, read from CSV files, and data sets made of them. */
#ifndef COTANGENT_TABLE_H
#define COTANGENT_TABLE_H
#include <data/data.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ct_table ct_table;               /* both are freed by ct_free */
typedef struct ct_table_encoding ct_table_encoding; /* how the columns of a table become numbers */

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
    const struct ct_table_encoding *encoding;   /* the columns that it knows, its label too, are of its kind, each as if in one of the two lists */
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

CT_API ct_table *ct_table_select(const ct_table *table, const ct_tensor *rows); /* rows of these numbers, int64 (K), in this order */
CT_API bool ct_table_split(const ct_table *table, int64_t count, uint64_t seed, ct_table **chosen, ct_table **rest); /* count rows, drawn by seed
                                                            alone, and the others */

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

/* The same in two steps, so that no row but the training ones is looked at: an encoding holds means, deviations and categories of the rows it was
 * fitted on, and makes samples of any table by them. Columns are found by name; others are passed over. A category that was not there is all 0, as a
 * missing one, or with strict an error; as a label it is an error. no_label: all rows, without y, whether or not the table has that column. */
CT_API ct_table_encoding *ct_table_fit(const ct_table *table, const ct_table_dataset_options *options);
typedef struct { bool strict, no_label; char end_; } ct_table_encode_options;
CT_API ct_dataset *ct_table_encode(const ct_table *table, const ct_table_encoding *encoding, const ct_table_encode_options *options);
CT_API int64_t ct_table_encoding_features(const ct_table_encoding *encoding); /* F; -1 for NULL */
CT_API int64_t ct_table_encoding_classes(const ct_table_encoding *encoding); /* of a label of categories, else 0; -1 for NULL */
CT_API const char *ct_table_encoding_label(const ct_table_encoding *encoding); /* its column's name; NULL: none (no error) */
CT_API const char *ct_table_encoding_class(const ct_table_encoding *encoding, int64_t code); /* NULL: none of it (no error) */
/* Files: JSON. Weights and encoding go into one file as ct_module_save_with(net, path, CT_METADATA({"encoding", ct_table_encoding_json(e)})). */
CT_API const char *ct_table_encoding_json(const ct_table_encoding *encoding);
CT_API ct_table_encoding *ct_table_encoding_parse(const char *json);
CT_API bool ct_table_encoding_save(const ct_table_encoding *encoding, const char *path);
CT_API ct_table_encoding *ct_table_encoding_load(const char *path); /* plain or gzip */

#ifdef __cplusplus
}
#else
#define ct_table_csv(...) CT_WITH1_(ct_table_csv, ct_table_csv_options, (CT_TABLE_CSV_DEFAULTS), __VA_ARGS__)
#define ct_table_fit(...) CT_WITH1_(ct_table_fit, ct_table_dataset_options, (), __VA_ARGS__)
#define ct_table_encode(table, ...) CT_WITH_(ct_table_encode, (table, CT_HEAD_(__VA_ARGS__), ), ct_table_encode_options, (), CT_TAIL_(__VA_ARGS__))
#define ct_table_dataset(...) CT_WITH1_(ct_table_dataset, ct_table_dataset_options, (), __VA_ARGS__)
#endif
#endif
