/* A run in a checkpoint: beside model, optimizer and loader what it has measured, and where in the epoch it stands. */
#include <math.h>
#include <string.h>

#include "autograd/raw.h"
#include "io/parts.h"
#include "train/checkpoint.h"
#include "train/run.h"
#include "train/weights.h"

static ct_train_state state_of(const ct_run *run)
{
    return (ct_train_state){.module = run->net, .optimizer = run->optimizer, .schedule = run->o.schedule, .average = run->o.average,
                            .loader = run->loader, .epoch = run->epoch, .step = run->step};
}

/* ---- Saving ------------------------------------------------------------------------------------------------------------------------ */
static bool list_pass(const struct pass *pass, struct parts *parts)
{
    static const char *const names[] = {"pass.0.", "pass.1.", "pass.2.", "pass.3."};
    char key[COLUMN_NAME_BYTES + 16];
    bool good = parts_note_number(parts, "pass.loss", pass->loss_sum) && parts_note_number(parts, "pass.samples", pass->samples);
    for (size_t i = 0; good && i < pass->metrics->count; i++) {
        const ct_metric *metric = &pass->metrics->list[i];
        for (int k = 0; good && k < 4; k++) {
            snprintf(key, sizeof key, "%s%s", names[k], metric->name);
            good = parts_note_number(parts, key, pass->states[i].sums[k]);
        }
        snprintf(key, sizeof key, "table.%s", metric->name);
        good = good && (!pass->states[i].table || parts_add(parts, key, pass->states[i].table));
    }
    return good;
}

static bool list_history(const struct history_table *table, struct parts *parts)
{
    char key[COLUMN_NAME_BYTES + 16];
    bool good = true;
    for (size_t i = 0; good && i < table->column_count; i++) {
        CT_SCOPE;
        ct_tensor *column = ct_zeros_as(CT_FLOAT64, (int64_t)table->rows);
        snprintf(key, sizeof key, "history.%s", table->columns[i].name);
        if (column)
            memcpy(tensor_elements(column), table->columns[i].values, table->rows * sizeof(double));
        good = parts_add(parts, key, column);
    }
    return good;
}

struct kept {
    const struct weights *weights;
    struct parts *parts;
    size_t at;
};

static bool list_kept(const char *name, ct_tensor *tensor, bool is_parameter, void *context)
{
    struct kept *kept = context;
    (void)tensor, (void)is_parameter;
    return parts_add(kept->parts, name, kept->weights->values[kept->at++]);
}

static bool list_run(void *context, struct parts *parts)
{
    const ct_run *run = context;
    parts->prefix = "run.";
    bool good = parts_note_number(parts, "in_epoch", run->in_epoch) && parts_note_number(parts, "batch", (double)run->batch) &&
                parts_note_number(parts, "seconds", run->in_epoch ? run->seconds_before + train_now() - run->epoch_began : 0) &&
                (!run->in_epoch || list_pass(&run->training, parts)) && list_history(&run->history->epochs, parts);
    parts->prefix = "run.number.";
    for (size_t i = 0; good && i < run->number_count; i++)
        good = parts_note_number(parts, run->numbers[i].key, run->numbers[i].value);
    parts->prefix = "run.kept.";
    return good && (!run->kept || !run->kept->values || ct_module_each(run->net, list_kept, &(struct kept){run->kept, parts, 0}));
}

bool run_save(const ct_run *run, const char *path)
{
    const ct_train_state state = state_of(run);
    return checkpoint_save(&state, list_run, (void *)run, path);
}

/* ---- Resuming: the run is fresh, and dropped if this fails ------------------------------------------------------------------------------ */
static bool take_pass(struct pass *pass, const struct parts_source *from)
{
    static const char *const names[] = {"pass.0.", "pass.1.", "pass.2.", "pass.3."};
    char key[COLUMN_NAME_BYTES + 16];
    bool good = parts_number(from, "pass.loss", &pass->loss_sum) && parts_number(from, "pass.samples", &pass->samples);
    for (size_t i = 0; good && i < pass->metrics->count; i++) {
        const ct_metric *metric = &pass->metrics->list[i];
        for (int k = 0; good && k < 4; k++) {
            snprintf(key, sizeof key, "%s%s", names[k], metric->name);
            good = parts_number(from, key, &pass->states[i].sums[k]);
        }
        snprintf(key, sizeof key, "table.%s", metric->name);
        if (good && parts_has(from, key))
            good = (pass->states[i].table = ct_keep(parts_read(from, key))) != NULL &&
                   (metric_keeps(metric, pass->states[i].table) || ct_fail("%s: run.%s is none of its tables", from->name, key));
    }
    return good;
}

#define HISTORY "run.history."

/* Before a row is made: a file may claim any number of epochs. */
static bool check_columns(const struct parts_source *from, int64_t rows)
{
    int64_t columns = 0;
    for (size_t i = 0; i < from->file->count; i++) {
        const struct tensor_entry *entry = &from->file->entries[i];
        if (strncmp(entry->name, HISTORY, sizeof HISTORY - 1) != 0)
            continue;
        if (entry->element != ELEMENT_F64 || entry->rank != 1 || entry->sizes[0] != rows)
            return ct_fail("%s: %s: want float64 (%lld)", from->name, entry->name, (long long)rows) != NULL;
        columns++;
    }
    return columns || !rows || ct_fail("%s: has no history of its %lld epochs", from->name, (long long)rows);
}

static bool take_column(struct history_table *table, const char *name, ct_tensor *values)
{
    if (!values || !history_column(table, name))
        return false;
    memcpy(history_find(table, name)->values, ct_data(values), table->rows * sizeof(double));
    return true;
}

static bool take_history(ct_run *run, const struct parts_source *from)
{
    struct history_table *table = &run->history->epochs;
    const int64_t rows = run->in_epoch ? run->epoch - 1 : run->epoch;
    if (!check_columns(from, rows))
        return false;
    while ((int64_t)table->rows < rows)
        if (!history_row(table))
            return false;
    const char *name;
    for (size_t i = 0; (name = ct_tensor_file_name(from->file, i)); i++) {
        CT_SCOPE;
        if (!strncmp(name, HISTORY, sizeof HISTORY - 1) && !take_column(table, name + sizeof HISTORY - 1, parts_read(from, name + 4)))
            return false;
    }
    return true;
}

static bool take_numbers(ct_run *run, const ct_tensor_file *file)
{
    static const char prefix[] = "run.number.";
    for (size_t i = 0; i < file->metadata_count; i++) {
        const char *key = file->metadata[i].key;
        const struct parts_source from = {.name = file->path, .file = (ct_tensor_file *)file};
        double value;
        if (!strncmp(key, prefix, sizeof prefix - 1) &&
            !(parts_number(&from, key, &value) && ct_run_set_number(run, key + sizeof prefix - 1, value)))
            return false;
    }
    return true;
}

static bool take_run(void *context, const struct parts_source *file, struct plan *plan)
{
    ct_run *run = context;
    (void)plan;
    const struct parts_source from = {.name = file->name, .file = file->file, .prefix = "run."};
    int64_t epoch, step, in_epoch;
    const struct parts_source top = {.name = file->name, .file = file->file};
    if (!parts_whole(&top, "epoch", &epoch) || !parts_whole(&top, "step", &step) || !parts_whole(&from, "in_epoch", &in_epoch) ||
        !parts_whole(&from, "batch", &run->batch) || !parts_number(&from, "seconds", &run->seconds_before))
        return false;
    if (epoch > run->epochs && in_epoch)
        return ct_fail("%s: stands in epoch %lld of %lld", file->name, (long long)epoch, (long long)run->epochs) != NULL;
    if (run->batch > run->batches)
        return ct_fail("%s: stands at batch %lld of an epoch of %lld", file->name, (long long)run->batch, (long long)run->batches) != NULL;
    run->epoch = epoch;
    run->step = step;
    run->in_epoch = in_epoch == 1;
    if (run->in_epoch && (epoch < 1 || !pass_begin(&run->training, run->training.metrics) || !take_pass(&run->training, &from)))
        return ct_ok() ? ct_fail("%s: stands in epoch 0", file->name) != NULL : false;
    return take_history(run, &from) && take_numbers(run, file->file);
}

bool run_resume(ct_run *run, const char *path)
{
    ct_train_state state = state_of(run);
    return checkpoint_load(&state, take_run, run, path);
}

/* ---- Values that every checkpoint holds besides -------------------------------------------------------------------------------------- */
struct kept_source {
    struct parts_source from;
    const struct weights *weights;
    size_t at;
};

static bool take_kept(const char *name, ct_tensor *tensor, bool is_parameter, void *context)
{
    struct kept_source *source = context;
    (void)is_parameter;
    CT_SCOPE;
    ct_tensor *value = parts_read_like(&source->from, name, tensor), *into = source->weights->values[source->at++];
    return value && ct_copy_(into, value);
}

/* The file is opened once more, since only the callbacks know who wants them. */
bool run_adopt_weights(ct_run *run, struct weights *weights)
{
    if (run->kept)
        return ct_fail("a callback in front of it restores the best weights already") != NULL;
    run->kept = weights;
    if (!run->o.resume)
        return true;
    CT_NO_GRAD;
    ct_tensor_file *file = ct_io_safetensors_open(run->o.resume);
    if (!file)
        return false;
    struct kept_source source = {.from = {.name = run->o.resume, .file = file, .prefix = "run.kept."}, .weights = weights};
    bool there = false, good = true;
    const char *name;
    for (size_t i = 0; !there && (name = ct_tensor_file_name(file, i)); i++)
        there = !strncmp(name, "run.kept.", 9);
    if (there)                                  /* taken first for their shapes */
        good = weights_take(weights, run->net) && ct_module_each(run->net, take_kept, &source);
    (ct_free)(file);
    return good;
}
