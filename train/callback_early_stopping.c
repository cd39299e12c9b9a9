/* Stops a run that no longer gets better. */
#include <math.h>
#include <string.h>

#include "autograd/memory.h"
#include "train/callbacks.h"
#include "train/run.h"
#include "train/weights.h"

const ct_train_early_stopping_options ct_train_early_stopping_defaults = {CT_TRAIN_EARLY_STOPPING_DEFAULTS .end_ = 0};

struct early_stopping {
    ct_train_early_stopping_options o;
    char monitor[COLUMN_NAME_BYTES], best_key[NUMBER_KEY_BYTES], wait_key[NUMBER_KEY_BYTES], epoch_key[NUMBER_KEY_BYTES];
    struct weights best;
};

static const char *column(const struct early_stopping *self)
{
    return *self->monitor ? self->monitor : NULL;
}

static bool on_begin(ct_run *run, void *state)
{
    struct early_stopping *self = state;
    bool found;
    run_monitored(run, column(self), &found);
    run_key(run, self, self->best_key, "best"), run_key(run, self, self->wait_key, "wait"), run_key(run, self, self->epoch_key, "epoch");
    if (self->o.restore_best && !run_adopt_weights(run, &self->best))
        return false;
    if (self->o.restore_best && !self->best.count && !isnan(ct_run_number(run, self->best_key)))
        return ct_fail("the run that goes on kept no weights to restore: it had no restore_best") != NULL;
    if (ct_run_number(run, self->wait_key) >= (double)self->o.patience)
        ct_run_stop(run, "early stopping: the run had been stopped");
    return found && (!isnan(ct_run_number(run, self->wait_key)) || ct_run_set_number(run, self->wait_key, 0));
}

static bool on_epoch(ct_run *run, void *state)
{
    struct early_stopping *self = state;
    bool found;
    const double value = run_monitored(run, column(self), &found), best = ct_run_number(run, self->best_key);
    const bool higher = run_higher_is_better(run, self->o.monitor ? self->o.monitor : run->monitor);
    const double gain = isnan(best) ? INFINITY : higher ? value - best : best - value;
    if (!isnan(value) && gain > self->o.min_delta)
        return ct_run_set_number(run, self->best_key, value) && ct_run_set_number(run, self->wait_key, 0) &&
               ct_run_set_number(run, self->epoch_key, (double)ct_run_epoch(run)) && (!self->o.restore_best || run_copy_weights(run, &self->best));
    const double wait = ct_run_number(run, self->wait_key) + 1;
    const char *name = column(self) ? self->monitor : run->monitor;
    if (wait >= (double)self->o.patience && isnan(best))
        ct_run_stop(run, "early stopping: %s was NaN for %.0f epochs", name, wait);
    else if (wait >= (double)self->o.patience)
        ct_run_stop(run, "early stopping: no better %s than %.6g, of epoch %.0f, for %.0f epochs", name, best, ct_run_number(run, self->epoch_key), wait);
    return ct_run_set_number(run, self->wait_key, wait);
}

static bool on_end(ct_run *run, void *state)
{
    struct early_stopping *self = state;
    return !ct_ok() || !self->best.count || weights_put(&self->best, ct_run_module(run));
}

static void end(void *state)
{
    struct early_stopping *self = state;
    weights_clear(&self->best);
    heap_free(self);
}

ct_callback *(ct_train_early_stopping)(const ct_train_early_stopping_options *options)
{
    static const ct_callback_calls calls = {"early_stopping", on_begin, NULL, on_epoch, on_end, end};
    const ct_train_early_stopping_options *o = options ? options : &ct_train_early_stopping_defaults;
    if (o->patience < 1 || !(o->min_delta >= 0))
        return ct_fail("early_stopping: patience %lld, min_delta %g: want at least 1 and 0", (long long)o->patience, o->min_delta), NULL;
    if (o->monitor && strlen(o->monitor) >= COLUMN_NAME_BYTES)
        return ct_fail("early_stopping: no column is named '%.60s...'", o->monitor), NULL;
    struct early_stopping *self = heap_zeroed(1, sizeof *self);
    if (!self)
        return ct_fail("early_stopping: out of memory"), NULL;
    self->o = *o;
    if (o->monitor)
        strcpy(self->monitor, o->monitor);
    return ct_callback_new(&calls, self);
}
