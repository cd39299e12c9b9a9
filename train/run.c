/* A run's parts: what the options ask for, looked at before the first step, and given back at the end. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "autograd/memory.h"
#include "nn/module.h"
#include "optim/average.h"
#include "optim/optimizer.h"
#include "optim/schedule.h"
#include "train/run.h"

static bool refuse_metrics(const ct_metrics *metrics)
{
    if (!pass_takes("fit", metrics))
        return true;
    for (size_t i = 0; i < metrics->count; i++) {
        const char *name = metrics->list[i].name;
        if (!strcmp(name, "loss") || !history_is_measure(name) || !strncmp(name, "val_", 4))
            return ct_fail("fit: a metric is named %s, which a column of the run is", name) == NULL;
        for (size_t j = 0; j < i; j++)
            if (!strcmp(name, metrics->list[j].name))
                return ct_fail("fit: two metrics are named %s", name) == NULL;
    }
    return false;
}

bool run_refuses(const ct_train_fit_options *o, const ct_train_data *data)
{
    if (o->epochs < 1 || o->steps < 0 || o->steps_per_epoch < 0 || o->accumulate < 0)
        return ct_fail("fit: epochs %lld, want at least 1; steps %lld, steps_per_epoch %lld, accumulate %lld, want at least 0", (long long)o->epochs,
                       (long long)o->steps, (long long)o->steps_per_epoch, (long long)o->accumulate) == NULL;
    if (!(o->clip_norm >= 0) || !(o->clip_value >= 0))
        return ct_fail("fit: clip_norm %g, clip_value %g: want at least 0", o->clip_norm, o->clip_value) == NULL;
    if (o->validation_split && (!(o->validation_split > 0 && o->validation_split < 1) || !data->dataset))
        return ct_fail("fit: validation_split %g: want above 0 and below 1, of a data set", o->validation_split) == NULL;
    if (!!o->validation + !!o->validation_loader + (o->validation_split != 0) > 1)
        return ct_fail("fit: validation, validation_loader and validation_split: want one of them") == NULL;
    if (refuse_metrics(&o->metrics))
        return true;
    if (o->validation_loader && o->validation_loader == data->loader)
        return ct_fail("fit: validation_loader is the one of the training: want another") == NULL;
    for (size_t i = 0; i < o->callbacks.count; i++)
        if (!o->callbacks.list[i])
            return ct_fail("fit: callback %zu is NULL", i) == NULL;
        else if (!callback_is_first(o->callbacks.list, i))
            return ct_fail("fit: callback %zu, %s, is in the list twice", i, o->callbacks.list[i]->calls->name) == NULL;
    return false;
}

/* Parts of another run would let this one do nothing without a word. */
static bool belongs(const ct_run *run)
{
    const ct_optimizer *optimizer = run->optimizer;
    bool moves = false;
    for (size_t i = 0; i < optimizer->count && !moves; i++)
        moves = module_has(run->net, optimizer->parameters[i].tensor);
    if (!moves)
        return ct_fail("fit: the optimizer has no parameter of the %s that is to be trained", ct_module_kind(run->net)) != NULL;
    if (run->o.schedule && run->o.schedule->optimizer != optimizer)
        return ct_fail("fit: the schedule is of another optimizer") != NULL;
    if (run->o.average && !average_is_of(run->o.average, run->net))
        return ct_fail("fit: the average is of another module") != NULL;
    return true;
}

/* What the options come to together. */
static bool makes_sense(const ct_run *run)
{
    const ct_train_fit_options *o = &run->o;
    const bool higher = run_higher_is_better(run, run->monitor);
    if (o->schedule && o->schedule->kind->takes_metric && o->schedule->plateau.max != higher)
        return ct_fail("fit: %s is better where it is %s: the plateau schedule wants .max = %s", run->monitor, higher ? "higher" : "lower",
                       higher ? "true" : "false") != NULL;
    if (o->accumulate && run->steps >= 0 && o->accumulate > run->steps && !o->dry_run)
        return ct_fail("fit: accumulate %lld batches, of which the run has %lld: the weights would never move", (long long)o->accumulate,
                       (long long)run->steps) != NULL;
    return true;
}

static bool split(ct_run *run, ct_dataset *dataset)
{
    const int64_t size = ct_dataset_size(dataset), held_out = (int64_t)(run->o.validation_split * (double)size + 0.5);
    if (held_out < 1 || held_out >= size)
        return ct_fail("fit: validation_split %g of %lld samples leaves a part empty", run->o.validation_split, (long long)size) != NULL;
    return ct_data_split(dataset, held_out, run->o.seed, &run->validation_part, &run->training_part);
}

static bool open_loaders(ct_run *run, const ct_train_data *data)
{
    const ct_train_fit_options *o = &run->o;
    if (o->validation_split && !split(run, data->dataset))
        return false;
    run->validation_set = run->validation_part ? run->validation_part : o->validation;
    run->loader = data->loader;
    if (!run->loader)
        run->loader = run->own_loader = ct_loader_new(run->training_part ? run->training_part : data->dataset, .batch_size = o->batch_size,
                                                      .shuffle = true, .seed = o->seed, .workers = o->workers);
    run->validation_loader = o->validation_loader;
    if (run->validation_set)
        run->validation_loader = run->own_validation_loader = ct_loader_new(run->validation_set, .batch_size = o->batch_size, .workers = o->workers);
    if (!run->loader || (run->validation_set && !run->validation_loader))
        return false;
    if (!ct_loader_batches(run->loader))
        return ct_fail("fit: the training set is empty, or with drop_last smaller than a batch") != NULL;
    if (run->validation_loader && !ct_loader_batches(run->validation_loader))
        return ct_fail("fit: the validation set is empty") != NULL;
    const ct_loader_position at = ct_loader_tell(run->loader);
    return !at.batch || ct_loader_seek(run->loader, (ct_loader_position){at.epoch + 1, 0});
}

static bool add_columns(ct_run *run)
{
    static const char *const prefixes[] = {"", "val_"};
    struct history_table *table = &run->history->epochs;
    char column[COLUMN_NAME_BYTES];
    for (int i = 0; i < 2; i++) {
        const bool there = i ? run->validation_loader != NULL : true;
        const size_t count = i ? run->o.metrics.count : run->training.metrics->count;
        snprintf(column, sizeof column, "%sloss", prefixes[i]);
        if (there && !history_column(table, column))
            return false;
        for (size_t k = 0; there && k < count; k++) {
            snprintf(column, sizeof column, "%s%s", prefixes[i], run->o.metrics.list[k].name);
            if (!history_column(table, column))
                return false;
        }
    }
    return history_column(table, "lr") && history_column(table, "seconds") && history_column(table, "samples_per_second");
}

void *run_weigh_classes(const ct_train_fit_options *o, ct_cross_entropy_options *weighted)
{
    if (o->loss && o->loss != ct_loss_cross_entropy)
        return ct_fail("fit: class_weights are for ct_loss_cross_entropy");
    *weighted = o->loss_context ? *(const ct_cross_entropy_options *)o->loss_context : ct_cross_entropy_defaults;
    weighted->weight = o->class_weights;
    return weighted;
}

static bool go_on(ct_run *run)
{
    const int64_t wanted = run->o.accumulate;
    if (!run_resume(run, run->o.resume))
        return false;
    if (wanted && run->optimizer->batches != wanted)
        return ct_fail("fit: %s accumulates %lld batches, not %lld", run->o.resume, (long long)run->optimizer->batches, (long long)wanted) != NULL;
    return true;
}

bool run_prepare(ct_run *run, const ct_train_data *data)
{
    static const ct_metrics none = {0};
    ct_train_fit_options *o = &run->o;
    o->loss = o->loss ? o->loss : ct_loss_cross_entropy;
    if (o->class_weights)
        o->loss_context = run_weigh_classes(o, &run->weighted);
    if (!ct_ok() || !belongs(run) || !open_loaders(run, data))
        return false;
    run->training.metrics = o->training_metrics || !run->validation_loader ? &o->metrics : &none;
    run->monitor = o->monitor ? o->monitor : run->validation_loader ? "val_loss" : "loss";
    run->batches = o->dry_run ? 1 : o->steps_per_epoch ? o->steps_per_epoch : ct_loader_batches(run->loader);
    run->epochs = o->dry_run ? 1 : o->steps ? o->steps / run->batches + (o->steps % run->batches != 0) : o->epochs;
    if (__builtin_mul_overflow(run->epochs, run->batches, &run->steps))
        run->steps = -1;
    run->steps = o->steps && !o->dry_run ? o->steps : run->steps;
    run->history = history_new();
    if (!run->history || !add_columns(run))
        return false;
    bool found;
    run_monitored(run, NULL, &found);
    return found && makes_sense(run) && (!o->accumulate || ct_optimizer_accumulate(run->optimizer, o->accumulate)) && (!o->resume || go_on(run));
}

void run_clear(ct_run *run)
{
    if (run->training.states)
        pass_end(&run->training);
    (ct_free)(run->own_loader), (ct_free)(run->own_validation_loader), (ct_free)(run->training_part), (ct_free)(run->validation_part);
    callbacks_free(run->callbacks, run->callback_count);
    heap_free(run->callbacks);
    heap_free(run->numbers);
    heap_free(run->save_to.list);
    heap_free(run->save_at_stop.list);
}

bool run_gather_callbacks(ct_run *run)
{
    const ct_callbacks *given = &run->o.callbacks;
    run->callbacks = heap_zeroed(given->count + 1, sizeof *run->callbacks);
    if (!run->callbacks) {
        callbacks_free(given->list, given->count);
        return ct_fail("fit: out of memory") != NULL;
    }
    if (!run->o.silent) {
        run->callbacks[0] = callback_progress(run->o.progress ? run->o.progress : stdout, run->o.plain);
        run->callback_count = run->callbacks[0] != NULL;
    }
    for (size_t i = 0; i < given->count; i++)
        run->callbacks[run->callback_count++] = given->list[i];
    return ct_ok();
}
