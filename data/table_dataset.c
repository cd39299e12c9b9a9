/* table_dataset.c - samples of a table: numbers filled in and scaled, categories as one 0 or 1 each. */
#include "dataset.h"
#include "table_rows.h"

#include <autograd/memory.h>

#include <math.h>
#include <string.h>

const ct_table_dataset_options ct_table_dataset_defaults = {.end_ = 0};

/* How a column becomes a part of x: (value - center) / scale, or width places. */
struct part {
    int64_t column, width;                      /* width 0: a number */
    double center, scale, fill;
};

struct plan {
    const ct_table *table;
    struct part *parts;
    int64_t count, label, features, samples;    /* label -1: none */
};

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

static bool check_names(const ct_table *table, const ct_table_dataset_options *o, struct plan *plan)
{
    plan->label = -1;
    if (o->label && (plan->label = ct_table_find(table, o->label)) < 0)
        return ct_fail("table_dataset: no column is called \"%s\"", o->label);
    return table_names_exist(o->drop, table, "table_dataset: drop");
}

static bool make_plan(const ct_table *table, const ct_table_dataset_options *o, struct plan *plan)
{
    plan->table = table;
    if (!check_names(table, o, plan))
        return false;
    if (!(plan->parts = heap_zeroed((size_t)table->columns, sizeof *plan->parts)))
        return ct_fail("table_dataset: out of memory");
    for (int64_t k = 0; k < table->columns; k++) {
        const struct table_column *column = &table->column[k];
        if (k == plan->label || table_list_has(o->drop, column->name, strlen(column->name)))
            continue;
        struct part *part = &plan->parts[plan->count++];
        *part = (struct part){.column = k, .width = column->is_category ? column->count : 0, .scale = 1};
        plan->features += column->is_category ? column->count : 1;
        if (column->is_category)
            continue;
        double deviation;
        measure(table, k, &part->fill, &deviation);
        if (!isfinite(part->fill))
            return ct_fail("table_dataset: column %s holds an infinity", column->name);
        if (o->standardize)
            part->center = part->fill, part->scale = deviation > 0 ? deviation : 1;
    }
    for (int64_t i = 0; i < table->rows; i++)
        plan->samples += plan->label < 0 || !isnan(at(table, i, plan->label));
    if (!plan->features)
        return ct_fail("table_dataset: no column is left for x");
    if (!plan->samples)
        return ct_fail(plan->label < 0 ? "table_dataset: the table has no rows" : "table_dataset: no row has a label");
    return true;
}

static bool too_large(const struct plan *plan, int64_t row, int64_t column)
{
    return ct_fail("table_dataset: row %lld, column %s: %g is more than float32 holds", (long long)row, plan->table->column[column].name,
                   at(plan->table, row, column));
}

/* False: a number of the row is not one in float32. */
static bool write_row(const struct plan *plan, int64_t row, float *x)
{
    for (const struct part *part = plan->parts; part < plan->parts + plan->count; part++) {
        const double value = at(plan->table, row, part->column);
        if (!part->width) {
            *x = (float)(((isnan(value) ? part->fill : value) - part->center) / part->scale);
            if (!isfinite(*x++))
                return too_large(plan, row, part->column);
            continue;
        }
        memset(x, 0, (size_t)part->width * sizeof *x);
        if (!isnan(value))
            x[(int64_t)value] = 1;
        x += part->width;
    }
    return true;
}

static ct_dataset *fill(const struct plan *plan)
{
    CT_SCOPE;
    const bool classes = plan->label >= 0 && plan->table->column[plan->label].is_category;
    ct_tensor *x = (ct_empty)((const int64_t[]){plan->samples, plan->features}, 2, CT_FLOAT32);
    ct_tensor *y = plan->label < 0 ? NULL : (ct_empty)(&plan->samples, 1, classes ? CT_INT64 : CT_FLOAT32);
    float *values = ct_mutable_data(x);
    void *labels = y ? ct_mutable_data(y) : NULL;
    if (!values || (plan->label >= 0 && !labels))
        return NULL;
    int64_t sample = 0;
    for (int64_t row = 0; row < plan->table->rows; row++) {
        const double label = plan->label < 0 ? 0 : at(plan->table, row, plan->label);
        if (isnan(label))
            continue;
        if (!write_row(plan, row, values + sample * plan->features))
            return NULL;
        if (!classes && !isfinite((float)label))
            return too_large(plan, row, plan->label), NULL;
        if (classes)
            ((int64_t *)labels)[sample] = (int64_t)label;
        else if (labels)
            ((float *)labels)[sample] = (float)label;
        sample++;
    }
    return ct_data_tensors(x, y);
}

ct_dataset *(ct_table_dataset)(const ct_table *table, const ct_table_dataset_options *options)
{
    if (!table)
        return ct_fail("table_dataset: table is NULL");
    struct plan plan = {0};
    ct_dataset *set = make_plan(table, options ? options : &ct_table_dataset_defaults, &plan) ? fill(&plan) : NULL;
    heap_free(plan.parts);
    return set;
}
