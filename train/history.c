/* What a run measured, by name. */
#include <math.h>
#include <string.h>

#include "autograd/memory.h"
#include "train/history.h"
#include "train/train.h"

static void table_free(struct history_table *table)
{
    for (size_t i = 0; i < table->column_count; i++)
        heap_free(table->columns[i].values);
    heap_free(table->columns);
}

static void destroy(void *object)
{
    ct_history *self = object;
    table_free(&self->epochs);
    table_free(&self->steps);
}

ct_history *history_new(void)
{
    return object_new(sizeof(ct_history), destroy);
}

const struct column *history_find(const struct history_table *table, const char *name)
{
    for (size_t i = 0; i < table->column_count; i++)
        if (!strcmp(table->columns[i].name, name))
            return &table->columns[i];
    return NULL;
}

static bool no_memory(void)
{
    return ct_fail("fit: out of memory for the history") != NULL;
}

static bool grow(struct history_table *table)
{
    const size_t room = table->room ? 2 * table->room : 64;
    size_t bytes;
    for (size_t i = 0; i < table->column_count; i++) {
        double *values = size_multiply(room, sizeof *values, &bytes) ? heap_resize(table->columns[i].values, bytes) : NULL;
        if (!values)
            return no_memory();
        table->columns[i].values = values;
    }
    table->room = room;
    return true;
}

bool history_row(struct history_table *table)
{
    if (table->rows == table->room && !grow(table))
        return false;
    for (size_t i = 0; i < table->column_count; i++)
        table->columns[i].values[table->rows] = NAN;
    table->rows++;
    return true;
}

static struct column *add_column(struct history_table *table, const char *name)
{
    if (table->column_count == MOST_COLUMNS || strlen(name) >= COLUMN_NAME_BYTES)
        return ct_fail("fit: '%.60s': at most %d columns with names of up to %d characters", name, MOST_COLUMNS, COLUMN_NAME_BYTES - 1), NULL;
    struct column *columns = heap_resize(table->columns, (table->column_count + 1) * sizeof *columns);
    if (!columns)
        return no_memory(), NULL;
    table->columns = columns;
    struct column *added = &columns[table->column_count];
    added->values = heap_zeroed(table->room ? table->room : 1, sizeof *added->values);
    if (!added->values)
        return no_memory(), NULL;
    strcpy(added->name, name);
    for (size_t i = 0; i < table->rows; i++)
        added->values[i] = NAN;
    table->column_count++;
    return added;
}

bool history_column(struct history_table *table, const char *name)
{
    return history_find(table, name) || add_column(table, name);
}

bool history_set(struct history_table *table, const char *name, double value)
{
    struct column *column = (struct column *)history_find(table, name);
    if (!column && !(column = add_column(table, name)))
        return false;
    column->values[table->rows - 1] = value;
    return true;
}

int64_t ct_history_epochs(const ct_history *self)
{
    return self ? (int64_t)self->epochs.rows : 0;
}

const char *ct_history_name(const ct_history *self, size_t index)
{
    return self && index < self->epochs.column_count ? self->epochs.columns[index].name : NULL;
}

static const double *column_of(const struct history_table *table, const char *name, size_t *count)
{
    const struct column *column = name ? history_find(table, name) : NULL;
    if (count)
        *count = column ? table->rows : 0;
    return column ? column->values : NULL;
}

const double *ct_history_column(const ct_history *self, const char *name, size_t *count)
{
    return column_of(self ? &self->epochs : &(struct history_table){0}, name, count);
}

const double *ct_history_steps(const ct_history *self, const char *name, size_t *count)
{
    return column_of(self ? &self->steps : &(struct history_table){0}, name, count);
}

double ct_history_value(const ct_history *self, const char *name, int64_t epoch)
{
    size_t count;
    const double *values = ct_history_column(self, name, &count);
    const int64_t row = epoch < 0 ? (int64_t)count + epoch : epoch - 1;
    return values && row >= 0 && row < (int64_t)count ? values[row] : NAN;
}

double ct_history_best(const ct_history *self, const char *name, bool higher, int64_t *epoch)
{
    size_t count;
    const double *values = ct_history_column(self, name, &count);
    double best = NAN;
    for (size_t i = 0; i < count; i++)
        if (!isnan(values[i]) && (isnan(best) || (higher ? values[i] > best : values[i] < best))) {
            best = values[i];
            if (epoch)
                *epoch = (int64_t)i + 1;
        }
    return best;
}

const char *ct_history_stop_reason(const ct_history *self)
{
    return self ? self->stop_reason : "";
}

bool history_is_measure(const char *name)
{
    static const char *const others[] = {"lr", "seconds", "samples_per_second"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (!strcmp(name, others[i]))
            return false;
    return true;
}

double *history_numbers(size_t count)
{
    double *numbers = heap_zeroed(count ? count : 1, sizeof *numbers);
    for (size_t i = 0; numbers && i < count; i++)
        numbers[i] = (double)i + 1;
    return numbers;
}

bool ct_history_plot(const ct_history *self, const char *path)
{
    if (!self)
        return ct_ok() ? ct_fail("history_plot: history is NULL") != NULL : false;
    ct_curve curves[MOST_COLUMNS];
    size_t count = 0, steps;
    const double *losses = ct_history_steps(self, "loss", &steps);
    const bool by_step = self->epochs.rows < 2 && losses;
    double *numbers = history_numbers(by_step ? steps : self->epochs.rows);
    if (!numbers)
        return no_memory();
    if (by_step)
        curves[count++] = (ct_curve){"loss", numbers, losses, steps};
    for (size_t i = 0; i < self->epochs.column_count; i++)
        if (!by_step && history_is_measure(self->epochs.columns[i].name))
            curves[count++] = (ct_curve){self->epochs.columns[i].name, numbers, self->epochs.columns[i].values, self->epochs.rows};
    const bool good = ct_train_plot(path, curves, count, .title = "Training", .x_label = by_step ? "step" : "epoch");
    heap_free(numbers);
    return good;
}
