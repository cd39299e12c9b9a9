/* Which rows can be used, where they go, and what is odd about the columns. */
#include "csv_parts.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { LEAST_ROWS = 10, LEAST_OF_CLASS = 3, FEW = 10, LIST = 512 };

struct rows {
    const ct_table *table;
    const struct csv_wish *wish;
    int64_t all, columns, label;
    const double *values;                       /* (all, columns) */
    int64_t *numbers, *classes, count;          /* of those that can be used */
};

static double at(const struct rows *r, int64_t row, int64_t column)
{
    return r->values[row * r->columns + column];
}

/* ---- The label --------------------------------------------------------------------------------------------------------------------- */
static bool find_label(struct rows *r)
{
    char names[LIST] = "";
    r->label = ct_table_find(r->table, r->wish->label);
    if (r->label >= 0)
        return true;
    for (int64_t k = 0; k < r->columns; k++) {
        const size_t used = strlen(names);
        snprintf(names + used, sizeof names - used, "%s%s", k ? ", " : "", ct_table_name(r->table, k));
    }
    return ct_fail("%s: no column is called \"%s\": want one of %s%s", r->wish->file, r->wish->label, names, strlen(names) + 1 == sizeof names ? "..." : "");
}

static bool use_numbers(struct rows *r)
{
    double least = INFINITY, most = -INFINITY;
    bool whole = true;
    for (int64_t i = 0; i < r->all; i++) {
        const double y = at(r, i, r->label);
        if (isnan(y))
            continue;
        if (!isfinite((float)y))
            return ct_fail("%s: %s is %g in row %lld, which no loss can hold", r->wish->file, r->wish->label, y, (long long)i + 1);
        least = fmin(least, y), most = fmax(most, y);
        whole = whole && y == floor(y);
        r->numbers[r->count++] = i;
    }
    if (r->count && (float)least == (float)most)
        return ct_fail("%s: %s is %.9g in every row%s: nothing to predict", r->wish->file, r->wish->label, least,
                       least < most ? ", as far as float32 can tell" : "");
    if (r->count && whole && most - least < FEW)
        fprintf(stderr, "warning: %s holds whole numbers from %g to %g and is taken as a quantity; --classify takes them as classes\n", r->wish->label, least, most);
    return true;
}

static bool use_classes(struct rows *r, double *commonest)
{
    const int64_t classes = ct_table_categories(r->table, r->label);
    int64_t *sizes = calloc((size_t)classes + 1, sizeof *sizes), kept = 0, rare = 0, largest = 0, first_rare = 0;
    if (!sizes)
        return ct_fail("%s: out of memory for %lld classes", r->wish->file, (long long)classes);
    for (int64_t i = 0; i < r->all; i++)
        if (!isnan(at(r, i, r->label)))
            sizes[(int64_t)at(r, i, r->label)]++;
    for (int64_t c = classes; c-- > 0;) {
        kept += sizes[c] >= LEAST_OF_CLASS;
        largest = sizes[c] > largest ? sizes[c] : largest;
        if (sizes[c] && sizes[c] < LEAST_OF_CLASS)
            rare++, first_rare = c;
    }
    for (int64_t i = 0; i < r->all; i++) {
        const double y = at(r, i, r->label);
        if (!isnan(y) && sizes[(int64_t)y] >= LEAST_OF_CLASS)
            r->classes[r->count] = (int64_t)y, r->numbers[r->count++] = i;
    }
    free(sizes);
    const char *name = rare ? ct_table_category(r->table, r->label, first_rare) : "";
    if (classes == 1)
        return ct_fail("%s: %s is \"%s\" in every row: nothing to tell apart", r->wish->file, r->wish->label, ct_table_category(r->table, r->label, 0));
    if (classes && kept < 2)
        return ct_fail("%s: of the %lld classes of %s only %lld has %d rows, one for each part: want two such", r->wish->file, (long long)classes,
                       r->wish->label, (long long)kept, LEAST_OF_CLASS);
    if (rare && kept)
        fprintf(stderr, "warning: %lld of the %lld classes of %s have fewer than %d rows and are left out, \"%s\" for one\n", (long long)rare,
                (long long)classes, r->wish->label, LEAST_OF_CLASS, name);
    *commonest = (double)largest / (double)r->count;
    return true;
}

/* ---- Parts ------------------------------------------------------------------------------------------------------------------------- */
static ct_table *take(const struct rows *r, ct_dataset *numbers)
{
    CT_SCOPE;
    ct_loader *all = ct_loader_new(numbers, .batch_size = ct_dataset_size(numbers));
    ct_batch batch;
    ct_table *part = all && ct_loader_next(all, &batch) ? ct_table_select(r->table, batch.x) : NULL;
    ct_free(all);
    return part;
}

static int64_t share(double part, int64_t count)
{
    const int64_t rows = (int64_t)(part * (double)count + 0.5);
    return rows ? rows : 1;
}

static bool cut(ct_dataset *from, bool by_class, int64_t count, uint64_t seed, ct_dataset **chosen, ct_dataset **rest)
{
    return from && (by_class ? ct_data_split_stratified : ct_data_split)(from, count, seed, chosen, rest);
}

static bool split(const struct rows *r, bool by_class, struct csv_parts *parts)
{
    const int64_t testing = share(r->wish->testing, r->count), validation = share(r->wish->validation, r->count);
    if (r->count < LEAST_ROWS || testing + validation >= r->count)
        return ct_fail("%s: %lld rows that can be used, %lld for validation and %lld to test: want at least %d, and some to train with", r->wish->file,
                       (long long)r->count, (long long)validation, (long long)testing, LEAST_ROWS);
    CT_SCOPE;
    ct_dataset *all = ct_data_tensors(ct_from_array(r->numbers, r->count), by_class ? ct_from_array(r->classes, r->count) : NULL);
    ct_dataset *a = NULL, *b = NULL, *c = NULL, *rest = NULL;
    if (cut(all, by_class, testing, r->wish->seed, &a, &rest) && cut(rest, by_class, validation, r->wish->seed + 1, &b, &c)) {
        parts->testing = take(r, a);
        parts->validation = take(r, b);
        parts->training = take(r, c);
    }
    ct_free(all), ct_free(a), ct_free(b), ct_free(c), ct_free(rest);
    return parts->training && parts->validation && parts->testing;
}

/* ---- Columns ----------------------------------------------------------------------------------------------------------------------- */
static bool is_dropped(const char *list, const char *name)
{
    for (const size_t length = strlen(name); list && *list;) {
        list += strspn(list, " ");
        size_t word = strcspn(list, ",");
        const char *next = list + word + (list[word] == ',');
        while (word && list[word - 1] == ' ')
            word--;
        if (word == length && !memcmp(list, name, length))
            return true;
        list = next;
    }
    return false;
}

/* As in an index: whole numbers that grow from row to row, or all those of a range. */
static bool counts_rows(const struct rows *r, int64_t column)
{
    double least = INFINITY, most = -INFINITY;
    bool grows = true;
    for (int64_t i = 0; i < r->all; i++) {
        const double x = at(r, i, column);
        if (!(x == floor(x)) || isinf(x))
            return false;
        grows = grows && (!i || x > at(r, i - 1, column));
        least = fmin(least, x), most = fmax(most, x);
    }
    if (grows || most - least + 1 != (double)r->all)
        return grows;
    char *seen = calloc((size_t)r->all, 1);
    bool differ = seen;
    for (int64_t i = 0; differ && i < r->all; i++) {
        char *one = &seen[(int64_t)(at(r, i, column) - least)];
        differ = !*one;
        *one = 1;
    }
    free(seen);
    return differ;
}

static void warn_of_id(const struct rows *r, int64_t column)
{
    const int64_t present = r->all - ct_table_missing(r->table, column), different = ct_table_categories(r->table, column);
    const char *name = ct_table_name(r->table, column);
    if (r->all < 2 * FEW)
        return;
    if (ct_table_is_category(r->table, column) && different > present / 2)
        fprintf(stderr, "warning: %s has %lld different values in %lld rows; if it is an id or free text, --drop it\n", name, (long long)different, (long long)present);
    else if (!ct_table_is_category(r->table, column) && counts_rows(r, column))
        fprintf(stderr, "warning: %s counts the rows; if it is an id, --drop it\n", name);
}

/* Whether the rows to train with show more than one value; a missing category is one. */
static bool varies(const ct_table *training, const double *values, int64_t column)
{
    const int64_t columns = ct_table_columns(training), rows = ct_table_rows(training);
    const bool categories = ct_table_is_category(training, column);
    double first = NAN;
    for (int64_t i = 0; i < rows; i++) {
        const double x = values[i * columns + column];
        if (isnan(first) && !isnan(x))
            first = x;
        if (!isnan(first) && (isnan(x) ? categories : x != first))
            return true;
    }
    return categories && !isnan(first) && isnan(values[column]);
}

/* --drop takes a list, so a name that cannot stand in one stays. */
static bool fits_a_list(const char *name)
{
    return *name && !strchr(name, ',') && *name != ' ' && name[strlen(name) - 1] != ' ';
}

static bool look_at_columns(const struct rows *r, struct csv_parts *parts)
{
    CT_SCOPE;
    size_t room = (r->wish->drop ? strlen(r->wish->drop) : 0) + 1;
    for (int64_t k = 0; k < r->columns; k++)
        room += strlen(ct_table_name(r->table, k)) + 1;
    if (!(parts->drop = calloc(room, 1)))
        return ct_fail("%s: out of memory", r->wish->file);
    if (r->wish->drop)
        strcpy(parts->drop, r->wish->drop);
    const double *values = ct_data(ct_table_values(parts->training));
    for (int64_t k = 0; values && k < r->columns; k++) {
        const char *name = ct_table_name(r->table, k);
        if (k == r->label || is_dropped(r->wish->drop, name))
            continue;
        warn_of_id(r, k);
        if (varies(parts->training, values, k) || !fits_a_list(name))
            continue;
        fprintf(stderr, "warning: %s %s, and is left out\n", name,
                ct_table_missing(parts->training, k) == ct_table_rows(parts->training) ? "is missing in every row to train with"
                                                                                       : "is the same in every row to train with");
        if (*parts->drop)
            strcat(parts->drop, ",");
        strcat(parts->drop, name);
    }
    return values;
}

bool csv_parts_make(const ct_table *table, const struct csv_wish *wish, struct csv_parts *parts)
{
    *parts = (struct csv_parts){0};
    struct rows r = {.table = table, .wish = wish, .all = ct_table_rows(table), .columns = ct_table_columns(table)};
    if (!table || !find_label(&r))
        return false;
    if (!r.all)
        return ct_fail("%s: no rows below the first, which names the columns", wish->file);
    CT_SCOPE;
    const bool by_class = ct_table_is_category(table, r.label);
    r.values = ct_data(ct_table_values(table));
    r.numbers = calloc((size_t)r.all, sizeof *r.numbers), r.classes = calloc((size_t)r.all, sizeof *r.classes);
    bool good = r.values && r.numbers && r.classes;
    good = good && (by_class ? use_classes(&r, &parts->commonest) : use_numbers(&r)) && split(&r, by_class, parts) && look_at_columns(&r, parts);
    free(r.numbers), free(r.classes);
    const int64_t without = ct_table_missing(table, r.label);
    if (good && without)
        fprintf(stderr, "warning: %lld rows have no %s and are left out\n", (long long)without, wish->label);
    return good || (ct_ok() && ct_fail("%s: out of memory", wish->file));
}

void csv_parts_free(struct csv_parts *parts)
{
    ct_free(parts->training), ct_free(parts->validation), ct_free(parts->testing);
    free(parts->drop);
}
