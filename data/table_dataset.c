/* table_dataset.c - samples of a table, by an encoding: numbers filled in and scaled, categories as one 0 or 1 each. */
#include "dataset.h"
#include "table_encoding.h"

#include <autograd/memory.h>

#include <math.h>
#include <string.h>

const ct_table_dataset_options ct_table_dataset_defaults = {.end_ = 0};

/* Where a column of the encoding is in the table, and what the codes of its categories are there. */
struct match {
    const struct encoded_column *column;
    int64_t place, *codes;                      /* codes: by those of the table; -1: unknown */
};

struct plan {
    const char *call;
    const ct_table *table;
    const ct_table_encoding *encoding;
    struct match *matches, label;               /* label.column NULL: no y */
    bool strict;
    int64_t samples;
};

static double at(const ct_table *table, int64_t row, int64_t column)
{
    return table->values[row * table->columns + column];
}

int64_t encoded_code(const struct encoded_column *column, const char *category)
{
    for (int64_t low = 0, high = column->count; low < high;) {
        const int64_t middle = low + (high - low) / 2;
        const int order = strcmp(column->categories[middle], category);
        if (order == 0)
            return middle;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return -1;
}

/* ---- Matching columns by name -------------------------------------------------------------------------------------------------- */
static bool has_values(const ct_table *table, int64_t column)
{
    for (int64_t i = 0; i < table->rows; i++)
        if (!isnan(at(table, i, column)))
            return true;
    return false;
}

/* -1: none. From a guess on: columns mostly stand in the encoding's order, and there may be very many. */
static int64_t find_from(const ct_table *table, const char *name, int64_t guess)
{
    for (int64_t i = 0; i < table->columns; i++) {
        const int64_t k = guess + i < table->columns ? guess + i : guess + i - table->columns;
        if (!strcmp(table->column[k].name, name))
            return k;
    }
    return -1;
}

static bool match(const struct plan *plan, const struct encoded_column *column, int64_t guess, struct match *match)
{
    const ct_table *table = plan->table;
    *match = (struct match){column, find_from(table, column->name, guess), NULL};
    if (match->place < 0)
        return ct_fail("%s: no column is called \"%s\"", plan->call, column->name);
    const struct table_column *there = &table->column[match->place];
    if (there->is_category != column->is_category && has_values(table, match->place))
        return ct_fail("%s: column %s has %s, the encoding wants %s", plan->call, column->name, there->is_category ? "categories" : "numbers",
                       column->is_category ? "categories (.categories of table_csv)" : "numbers");
    if (!there->is_category || !column->is_category)
        return true;
    if (!(match->codes = heap_zeroed((size_t)there->count + 1, sizeof *match->codes)))
        return ct_fail("%s: out of memory for %lld categories", plan->call, (long long)there->count);
    for (int64_t code = 0; code < there->count; code++)
        match->codes[code] = encoded_code(column, there->categories[code]);
    return true;
}

static bool make_plan(struct plan *plan, bool no_label)
{
    const ct_table *table = plan->table;
    const ct_table_encoding *encoding = plan->encoding;
    if (!(plan->matches = heap_zeroed((size_t)encoding->count, sizeof *plan->matches)))
        return ct_fail("%s: out of memory", plan->call);
    for (int64_t k = 0; k < encoding->count; k++)
        if (!match(plan, &encoding->columns[k], k ? plan->matches[k - 1].place + 1 : 0, &plan->matches[k]))
            return false;
    if (encoding->label.name && !no_label && !match(plan, &encoding->label, 0, &plan->label))
        return false;
    for (int64_t i = 0; i < table->rows; i++)
        plan->samples += !plan->label.column || !isnan(at(table, i, plan->label.place));
    return plan->samples || ct_fail("%s: %s", plan->call, table->rows ? "no row has a label" : "the table has no rows");
}

/* ---- Rows ---------------------------------------------------------------------------------------------------------------------- */
static bool too_large(const struct plan *plan, int64_t row, int64_t column)
{
    return ct_fail("%s: row %lld, column %s: %g is more than float32 holds", plan->call, (long long)row, plan->table->column[column].name,
                   at(plan->table, row, column));
}

static bool unknown(const struct plan *plan, int64_t row, const struct match *match)
{
    const struct table_column *column = &plan->table->column[match->place];
    return ct_fail("%s: row %lld, column %s: \"%.100s\" is none of the encoding's %lld categories", plan->call, (long long)row, column->name,
                   column->categories[(int64_t)at(plan->table, row, match->place)], (long long)match->column->count);
}

/* False: a number of the row is not one in float32, or a category unknown that must not be. */
static bool write_row(const struct plan *plan, int64_t row, float *x)
{
    for (int64_t k = 0; k < plan->encoding->count; k++) {
        const struct match *match = &plan->matches[k];
        const struct encoded_column *column = match->column;
        const double value = at(plan->table, row, match->place);
        if (!column->is_category) {
            *x = (float)(((isnan(value) ? column->fill : value) - column->center) / column->scale);
            if (!isfinite(*x++))
                return too_large(plan, row, match->place);
            continue;
        }
        const int64_t code = isnan(value) ? -1 : match->codes[(int64_t)value];
        for (int64_t i = 0; i < column->count; i++)
            x[i] = i == code;
        if (plan->strict && code < 0 && !isnan(value))
            return unknown(plan, row, match);
        x += column->count;
    }
    return true;
}

static bool write_label(const struct plan *plan, int64_t row, double label, void *labels, int64_t sample)
{
    const struct match *match = &plan->label;
    if (!match->column)
        return true;
    if (!match->column->is_category) {
        ((float *)labels)[sample] = (float)label;
        return isfinite((float)label) || too_large(plan, row, match->place);
    }
    ((int64_t *)labels)[sample] = match->codes[(int64_t)label];
    return match->codes[(int64_t)label] >= 0 || unknown(plan, row, match);
}

static ct_dataset *fill(const struct plan *plan)
{
    CT_SCOPE;
    const struct encoded_column *label = plan->label.column;
    const int64_t features = plan->encoding->features;
    ct_tensor *x = (ct_empty)((const int64_t[]){plan->samples, features}, 2, CT_FLOAT32);
    ct_tensor *y = label ? (ct_empty)(&plan->samples, 1, label->is_category ? CT_INT64 : CT_FLOAT32) : NULL;
    float *values = ct_mutable_data(x);
    void *labels = y ? ct_mutable_data(y) : NULL;
    if (!values || (label && !labels))
        return NULL;
    int64_t sample = 0;
    for (int64_t row = 0; row < plan->table->rows; row++) {
        const double value = label ? at(plan->table, row, plan->label.place) : 0;
        if (isnan(value))
            continue;
        if (!write_row(plan, row, values + sample * features) || !write_label(plan, row, value, labels, sample))
            return NULL;
        sample++;
    }
    return ct_data_tensors(x, y);
}

ct_dataset *encoding_apply(const char *call, const ct_table *table, const ct_table_encoding *encoding, bool strict, bool no_label)
{
    struct plan plan = {.call = call, .table = table, .encoding = encoding, .strict = strict};
    ct_dataset *set = make_plan(&plan, no_label) ? fill(&plan) : NULL;
    for (int64_t k = 0; plan.matches && k < encoding->count; k++)
        heap_free(plan.matches[k].codes);
    heap_free(plan.matches), heap_free(plan.label.codes);
    return set;
}

ct_dataset *(ct_table_encode)(const ct_table *table, const ct_table_encoding *encoding, const ct_table_encode_options *options)
{
    if (!table || !encoding)
        return ct_fail("table_encode: %s is NULL", table ? "encoding" : "table");
    return encoding_apply("table_encode", table, encoding, options && options->strict, options && options->no_label);
}

ct_dataset *(ct_table_dataset)(const ct_table *table, const ct_table_dataset_options *options)
{
    const ct_table_dataset_options o = options ? *options : ct_table_dataset_defaults;
    ct_table_encoding *encoding = encoding_fit("table_dataset", table, o.label, o.drop, o.standardize);
    ct_dataset *set = encoding ? encoding_apply("table_dataset", table, encoding, false, false) : NULL;
    object_drop(encoding);
    return set;
}
