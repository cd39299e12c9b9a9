/* table.c - a table's columns: names, categories and their codes, and the values as a tensor. */
#include "table_rows.h"

#include <autograd/memory.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- While it is read -------------------------------------------------------------------------------------------------------- */
void table_column_clear(struct table_column *column)
{
    for (int64_t i = 0; i < column->count; i++)
        heap_free(column->categories[i]);
    heap_free(column->categories), heap_free(column->places), heap_free(column->name);
    *column = (struct table_column){0};
}

static void destroy(void *object)
{
    ct_table *table = object;
    for (int64_t k = 0; table->column && k < table->columns; k++)
        table_column_clear(&table->column[k]);
    heap_free(table->column), heap_free(table->values);
}

ct_table *table_new(int64_t columns)
{
    ct_table *table = object_new(sizeof *table, destroy);
    if (!table)
        return NULL;
    table->columns = columns;
    if ((table->column = heap_zeroed((size_t)columns, sizeof *table->column)))
        return table;
    object_drop(table);
    return ct_fail("table_csv: out of memory for %lld columns", (long long)columns);
}

static const char *next_word(const char *list, const char **word, size_t *length)
{
    list += strspn(list, " ");
    *word = list, *length = strcspn(list, ",");
    list += *length + (list[*length] == ',');
    while (*length && (*word)[*length - 1] == ' ')
        --*length;
    return list;
}

bool table_list_has(const char *list, const char *text, size_t length)
{
    for (const char *word; list && *list;) {
        size_t bytes;
        list = next_word(list, &word, &bytes);
        if (bytes == length && !memcmp(word, text, length))
            return true;
    }
    return false;
}

bool table_names_exist(const char *list, const ct_table *table, const char *where)
{
    for (const char *word; list && *list;) {
        size_t bytes;
        bool found = false;
        list = next_word(list, &word, &bytes);
        for (int64_t k = 0; k < table->columns && !found; k++)
            found = strlen(table->column[k].name) == bytes && !memcmp(table->column[k].name, word, bytes);
        if (!found)
            return ct_fail("%s: no column is called \"%.*s\"", where, (int)bytes, word);
    }
    return true;
}

static uint64_t hash(const char *text, size_t length) /* FNV-1a */
{
    uint64_t h = 0xcbf29ce484222325u;
    for (size_t i = 0; i < length; i++)
        h = (h ^ (unsigned char)text[i]) * 0x100000001b3u;
    return h ^ h >> 32;
}

/* Where the category is, or would go. */
static int64_t place_of(const struct table_column *column, const char *text, size_t length)
{
    int64_t place = (int64_t)(hash(text, length) & (uint64_t)(column->place_count - 1));
    for (;; place = (place + 1) & (column->place_count - 1)) {
        const int64_t code = column->places[place];
        if (code < 0 || (!strncmp(column->categories[code], text, length) && !column->categories[code][length]))
            return place;
    }
}

/* Twice as many places as categories, at least. */
static bool make_room(struct table_column *column)
{
    if (column->count < column->room)
        return true;
    const int64_t room = column->room ? 2 * column->room : 8;
    char **categories = heap_resize(column->categories, (size_t)room * sizeof *categories);
    column->categories = categories ? categories : column->categories;
    int64_t *places = categories ? heap_alloc((size_t)room * 2 * sizeof *places) : NULL;
    if (!places)
        return false;
    heap_free(column->places);
    column->places = places, column->place_count = 2 * room, column->room = room;
    memset(places, 0xff, (size_t)room * 2 * sizeof *places);
    for (int64_t code = 0; code < column->count; code++)
        places[place_of(column, column->categories[code], strlen(column->categories[code]))] = code;
    return true;
}

int64_t table_code(struct table_column *column, const char *text, size_t length)
{
    if (!make_room(column))
        return -1;
    const int64_t place = place_of(column, text, length);
    if (column->places[place] >= 0)
        return column->places[place];
    char *copy = heap_alloc(length + 1);
    if (!copy)
        return -1;
    memcpy(copy, text, length);
    copy[length] = 0;
    column->categories[column->count] = copy;
    return column->places[place] = column->count++;
}

struct ranked {
    char *text;
    int64_t code;
};

static int by_bytes(const void *a, const void *b)
{
    return strcmp(((const struct ranked *)a)->text, ((const struct ranked *)b)->text);
}

bool table_sort_categories(ct_table *table)
{
    for (int64_t k = 0; k < table->columns; k++) {
        struct table_column *column = &table->column[k];
        struct ranked *ranked = heap_alloc(((size_t)column->count + 1) * sizeof *ranked);
        double *codes = heap_alloc(((size_t)column->count + 1) * sizeof *codes);
        for (int64_t i = 0; ranked && i < column->count; i++)
            ranked[i] = (struct ranked){column->categories[i], i};
        if (ranked && codes) {
            qsort(ranked, (size_t)column->count, sizeof *ranked, by_bytes);
            for (int64_t i = 0; i < column->count; i++)
                column->categories[i] = ranked[i].text, codes[ranked[i].code] = (double)i;
            for (int64_t i = 0; column->is_category && i < table->rows; i++)
                if (!isnan(table->values[i * table->columns + k]))
                    table->values[i * table->columns + k] = codes[(int64_t)table->values[i * table->columns + k]];
        }
        const bool good = ranked && codes;
        heap_free(ranked), heap_free(codes), heap_free(column->places);
        column->places = NULL;
        if (!good)
            return ct_fail("table_csv: out of memory for categories");
    }
    return true;
}

/* ---- To whoever reads it ----------------------------------------------------------------------------------------------------- */
static const struct table_column *column_of(const char *call, const ct_table *table, int64_t column)
{
    if (!table)
        return ct_fail("%s: table is NULL", call);
    if (column < 0 || column >= table->columns)
        return ct_fail("%s: column %lld is not in [0, %lld)", call, (long long)column, (long long)table->columns);
    return &table->column[column];
}

int64_t ct_table_rows(const ct_table *table)
{
    return table ? table->rows : -1;
}

int64_t ct_table_columns(const ct_table *table)
{
    return table ? table->columns : -1;
}

const char *ct_table_name(const ct_table *table, int64_t column)
{
    const struct table_column *c = column_of("table_name", table, column);
    return c ? c->name : NULL;
}

int64_t ct_table_find(const ct_table *table, const char *name)
{
    for (int64_t k = 0; table && name && k < table->columns; k++)
        if (!strcmp(table->column[k].name, name))
            return k;
    return -1;
}

bool ct_table_is_category(const ct_table *table, int64_t column)
{
    const struct table_column *c = column_of("table_is_category", table, column);
    return c && c->is_category;
}

int64_t ct_table_categories(const ct_table *table, int64_t column)
{
    const struct table_column *c = column_of("table_categories", table, column);
    return c ? c->count : -1;
}

const char *ct_table_category(const ct_table *table, int64_t column, int64_t code)
{
    const struct table_column *c = column_of("table_category", table, column);
    if (c && (code < 0 || code >= c->count))
        return ct_fail("table_category: %lld is not in [0, %lld), the categories of %s", (long long)code, (long long)c->count, c->name);
    return c ? c->categories[code] : NULL;
}

int64_t ct_table_missing(const ct_table *table, int64_t column)
{
    if (!column_of("table_missing", table, column))
        return -1;
    int64_t missing = 0;
    for (int64_t i = 0; i < table->rows; i++)
        missing += isnan(table->values[i * table->columns + column]);
    return missing;
}

ct_tensor *ct_table_values(const ct_table *table)
{
    if (!table)
        return ct_fail("table_values: table is NULL");
    return (ct_from_array)(table->values, CT_FLOAT64, (const int64_t[]){table->rows, table->columns}, 2);
}
