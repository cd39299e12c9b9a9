/* table_encoding.c - means, deviations and categories of the rows that may be looked at, for those that may not. */
#include "table_encoding.h"

#include <autograd/memory.h>

#include <jansson.h>
#include <math.h>
#include <string.h>

static void clear(struct encoded_column *column)
{
    for (int64_t i = 0; column->categories && i < column->count; i++)
        heap_free(column->categories[i]);
    heap_free(column->categories), heap_free(column->name);
}

static void destroy(void *object)
{
    ct_table_encoding *encoding = object;
    for (int64_t k = 0; encoding->columns && k < encoding->count; k++)
        clear(&encoding->columns[k]);
    clear(&encoding->label);
    heap_free(encoding->columns), heap_free(encoding->json);
}

ct_table_encoding *encoding_new(const char *call, int64_t columns)
{
    ct_table_encoding *encoding = object_new(sizeof *encoding, destroy);
    if (!encoding)
        return NULL;
    if ((encoding->columns = heap_zeroed((size_t)columns + 1, sizeof *encoding->columns)))
        return encoding;
    object_drop(encoding);
    return ct_fail("%s: out of memory for %lld columns", call, (long long)columns);
}

/* ---- As JSON ------------------------------------------------------------------------------------------------------------------- */
static json_t *column_json(const struct encoded_column *column)
{
    if (!column->is_category)
        return json_pack("{s:s, s:f, s:f, s:f}", "name", column->name, "fill", column->fill, "center", column->center, "scale", column->scale);
    json_t *categories = json_array();
    for (int64_t i = 0; i < column->count; i++)
        if (json_array_append_new(categories, json_string(column->categories[i]))) {
            json_decref(categories);
            return NULL;
        }
    return json_pack("{s:s, s:o}", "name", column->name, "categories", categories);
}

static char *make_json(const ct_table_encoding *encoding)
{
    const size_t flags = JSON_COMPACT | JSON_REAL_PRECISION(17); /* every double comes back as it was */
    json_t *columns = json_array(), *label = encoding->label.name ? column_json(&encoding->label) : json_null();
    bool whole = columns && label;
    for (int64_t k = 0; whole && k < encoding->count; k++)
        whole = !json_array_append_new(columns, column_json(&encoding->columns[k]));
    json_t *root = json_pack("{s:s, s:o, s:o}", "kind", "table encoding", "columns", columns, "label", label);
    const size_t length = whole && root ? json_dumpb(root, NULL, 0, flags) : 0;
    char *json = length ? heap_alloc(length + 1) : NULL;
    if (json)
        json[json_dumpb(root, json, length, flags)] = 0;
    json_decref(root);
    return json;
}

ct_table_encoding *encoding_ready(const char *call, ct_table_encoding *encoding)
{
    encoding->features = 0;
    for (int64_t k = 0; k < encoding->count; k++)
        encoding->features += encoding->columns[k].is_category ? encoding->columns[k].count : 1;
    if (encoding->features && (encoding->json = make_json(encoding)))
        return encoding;
    const bool empty = !encoding->features;
    object_drop(encoding);
    return empty ? ct_fail("%s: no column is left for x", call) : ct_fail("%s: out of memory", call);
}

/* ---- Fitting ------------------------------------------------------------------------------------------------------------------- */
static double at(const ct_table *table, int64_t row, int64_t column)
{
    return table->values[row * table->columns + column];
}

/* Of what is there, by two passes. */
static void measure(const ct_table *table, int64_t column, double *mean, double *deviation)
{
    double sum = 0, squares = 0;
    int64_t count = 0;
    for (int64_t i = 0; i < table->rows; i++)
        if (!isnan(at(table, i, column)))
            sum += at(table, i, column), count++;
    *mean = count ? sum / (double)count : 0;
    for (int64_t i = 0; i < table->rows; i++)
        if (!isnan(at(table, i, column)))
            squares += (at(table, i, column) - *mean) * (at(table, i, column) - *mean);
    *deviation = count ? sqrt(squares / (double)count) : 0;
}

/* Those that occur in the rows, which may be some of a larger table's. */
static bool take_categories(const ct_table *table, int64_t column, struct encoded_column *into)
{
    const struct table_column *from = &table->column[column];
    bool *occurs = heap_zeroed((size_t)from->count + 1, sizeof *occurs);
    into->categories = heap_zeroed((size_t)from->count + 1, sizeof *into->categories);
    for (int64_t i = 0; occurs && i < table->rows; i++)
        if (!isnan(at(table, i, column)))
            occurs[(int64_t)at(table, i, column)] = true;
    bool good = occurs && into->categories;
    for (int64_t code = 0; good && code < from->count; code++)
        if (occurs[code])
            good = (into->categories[into->count++] = heap_copy_text(from->categories[code]));
    heap_free(occurs);
    return good;
}

static bool take_column(const char *call, const ct_table *table, int64_t column, bool standardize, struct encoded_column *into)
{
    const struct table_column *from = &table->column[column];
    double deviation;
    into->is_category = from->is_category;
    into->scale = 1;
    if (!(into->name = heap_copy_text(from->name)) || (from->is_category && !take_categories(table, column, into)))
        return ct_fail("%s: out of memory for column %s", call, from->name);
    if (from->is_category)
        return true;
    measure(table, column, &into->fill, &deviation);
    if (standardize)
        into->center = into->fill, into->scale = deviation > 0 ? deviation : 1;
    return (isfinite(into->fill) && isfinite(into->scale)) ||
           ct_fail("%s: column %s holds %s", call, from->name, isfinite(into->fill) ? "numbers whose squares are infinite" : "an infinity");
}

static bool take_columns(const char *call, const ct_table *table, int64_t label, const char *drop, bool standardize, ct_table_encoding *encoding)
{
    for (int64_t k = 0; k < table->columns; k++)
        if (k != label && !table_list_has(drop, table->column[k].name, strlen(table->column[k].name)) &&
            !take_column(call, table, k, standardize, &encoding->columns[encoding->count++]))
            return false;
    if (label < 0)
        return true;
    struct encoded_column *into = &encoding->label; /* a number as label stays as it is */
    into->scale = 1;
    into->is_category = table->column[label].is_category;
    return ((into->name = heap_copy_text(table->column[label].name)) && (!into->is_category || take_categories(table, label, into))) ||
           ct_fail("%s: out of memory for the label", call);
}

ct_table_encoding *encoding_fit(const char *call, const ct_table *table, const char *label, const char *drop, bool standardize)
{
    char where[64];
    snprintf(where, sizeof where, "%s: drop", call);
    if (!table)
        return ct_fail("%s: table is NULL", call);
    const int64_t number = label ? ct_table_find(table, label) : -1;
    if (label && number < 0)
        return ct_fail("%s: no column is called \"%s\"", call, label);
    if (!table_names_exist(drop, table, where))
        return NULL;
    if (!table->rows)
        return ct_fail("%s: the table has no rows", call);
    ct_table_encoding *encoding = encoding_new(call, table->columns);
    if (!encoding)
        return NULL;
    if (take_columns(call, table, number, drop, standardize, encoding))
        return encoding_ready(call, encoding);
    object_drop(encoding);
    return NULL;
}

ct_table_encoding *(ct_table_fit)(const ct_table *table, const ct_table_dataset_options *options)
{
    const ct_table_dataset_options o = options ? *options : ct_table_dataset_defaults;
    return encoding_fit("table_fit", table, o.label, o.drop, o.standardize);
}

const struct encoded_column *encoded_find(const ct_table_encoding *encoding, const char *name)
{
    for (int64_t k = 0; encoding && k < encoding->count; k++)
        if (!strcmp(encoding->columns[k].name, name))
            return &encoding->columns[k];
    return encoding && encoding->label.name && !strcmp(encoding->label.name, name) ? &encoding->label : NULL;
}

/* ---- Looking at it ------------------------------------------------------------------------------------------------------------- */
int64_t ct_table_encoding_features(const ct_table_encoding *encoding)
{
    return encoding ? encoding->features : -1;
}

int64_t ct_table_encoding_classes(const ct_table_encoding *encoding)
{
    return encoding ? encoding->label.count : -1;
}

const char *ct_table_encoding_label(const ct_table_encoding *encoding)
{
    return encoding ? encoding->label.name : NULL;
}

const char *ct_table_encoding_class(const ct_table_encoding *encoding, int64_t code)
{
    return encoding && code >= 0 && code < encoding->label.count ? encoding->label.categories[code] : NULL;
}

const char *ct_table_encoding_json(const ct_table_encoding *encoding)
{
    return encoding ? encoding->json : ct_fail("table_encoding_json: encoding is NULL");
}
