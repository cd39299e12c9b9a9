/* Callbacks, and what they may ask of a run. */
#include <math.h>
#include <stdarg.h>
#include <string.h>

#include "autograd/memory.h"
#include "train/run.h"
#include "train/weights.h"

static void destroy(void *object)
{
    ct_callback *self = object;
    if (self->calls->free)
        self->calls->free(self->state);
}

ct_callback *ct_callback_new(const ct_callback_calls *calls, void *state)
{
    if (!calls)
        return ct_ok() ? ct_fail("callback: calls is NULL") : NULL;
    ct_callback *self = object_new(sizeof *self, destroy);
    if (self) {
        self->calls = calls;
        self->state = state;
    } else if (calls->free)
        calls->free(state);
    return self;
}

bool callback_is_first(struct ct_callback *const *list, size_t index)
{
    for (size_t i = 0; i < index; i++)
        if (list[i] == list[index])
            return false;
    return true;
}

void callbacks_free(struct ct_callback *const *list, size_t count)
{
    for (size_t i = count; i-- > 0;)
        if (callback_is_first(list, i))
            object_drop(list[i]);
}

ct_module *ct_run_module(const ct_run *run)
{
    return run->net;
}

ct_optimizer *ct_run_optimizer(const ct_run *run)
{
    return run->optimizer;
}

ct_dataset *ct_run_validation(const ct_run *run)
{
    return run->validation_set;
}

const ct_history *ct_run_history(const ct_run *run)
{
    return run->history;
}

int64_t ct_run_epoch(const ct_run *run)
{
    return run->epoch;
}

int64_t ct_run_epochs(const ct_run *run)
{
    return run->epochs;
}

int64_t ct_run_step(const ct_run *run)
{
    return run->step;
}

int64_t ct_run_steps(const ct_run *run)
{
    return run->steps;
}

int64_t ct_run_batch(const ct_run *run)
{
    return run->batch;
}

int64_t ct_run_batches(const ct_run *run)
{
    return run->batches;
}

bool ct_run_is_dry(const ct_run *run)
{
    return run->o.dry_run;
}

bool ct_run_is_resumed(const ct_run *run)
{
    return run->o.resume != NULL;
}

const char *ct_run_stop_reason(const ct_run *run)
{
    return run->history->stop_reason;
}

void ct_run_stop(ct_run *run, const char *format, ...)
{
    if (*run->history->stop_reason)
        return;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(run->history->stop_reason, STOP_REASON_BYTES, format, arguments);
    va_end(arguments);
}

void run_add_reason(ct_run *run, const char *format, ...)
{
    const size_t length = strlen(run->history->stop_reason);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(run->history->stop_reason + length, STOP_REASON_BYTES - length, format, arguments);
    va_end(arguments);
}

bool run_is_interrupted(const ct_run *run)
{
    return !run->o.keep_signals && interrupted();
}

static bool add_path(struct paths *paths, const char *path)
{
    if (!path)
        return ct_fail("run_save: path is NULL") != NULL;
    for (size_t i = 0; i < paths->count; i++)
        if (!strcmp(paths->list[i], path))
            return true;
    const char **grown = heap_resize(paths->list, (paths->count + 1) * sizeof *grown);
    if (!grown)
        return ct_fail("run_save: out of memory") != NULL;
    paths->list = grown;
    grown[paths->count++] = path;
    return true;
}

bool ct_run_save(ct_run *run, const char *path)
{
    return add_path(&run->save_to, path);
}

bool run_save_at_stop(ct_run *run, const char *path)
{
    return add_path(&run->save_at_stop, path);
}

const char *run_key(const ct_run *run, const void *state, char key[NUMBER_KEY_BYTES], const char *name)
{
    const ct_callback_calls *calls = NULL;
    int turn = 0;
    char number[16] = "";
    for (size_t i = 0; i < run->callback_count; i++)
        calls = run->callbacks[i]->state == state ? run->callbacks[i]->calls : calls;
    for (size_t i = 0; i < run->callback_count; i++) {
        turn += run->callbacks[i]->calls == calls;
        if (run->callbacks[i]->state == state)
            break;
    }
    if (turn > 1)
        snprintf(number, sizeof number, "%d", turn);
    snprintf(key, NUMBER_KEY_BYTES, "%s%s.%s", calls->name, number, name);
    return key;
}

bool run_copy_weights(ct_run *run, struct weights *weights)
{
    if (!run_show_averages(run))
        return false;
    const bool good = weights_take(weights, run->net);
    return run_show_averages(run) && good;
}

/* ---- What a step measured; what an epoch did is in the history -------------------------------------------------------------------- */
static double epoch_seconds(const ct_run *run)
{
    return train_now() - run->epoch_began;
}

double ct_run_value(const ct_run *run, const char *name)
{
    const bool over = run->history->epochs.rows == (size_t)run->epoch;
    if (over)
        return ct_history_value(run->history, name, -1);
    if (!strcmp(name, "loss"))
        return run->batch_loss;
    if (!strcmp(name, "mean_loss"))
        return pass_loss(&run->training);
    if (!strcmp(name, "lr"))
        return ct_optimizer_lr(run->optimizer);
    if (!strcmp(name, "grad_norm"))
        return run->grad_norm;
    if (!strcmp(name, "seconds"))
        return train_now() - run->began;
    if (!strcmp(name, "samples_per_second"))
        return (double)run->epoch_samples / epoch_seconds(run);
    return NAN;
}

static struct run_number *find_number(const ct_run *run, const char *key)
{
    for (size_t i = 0; i < run->number_count; i++)
        if (!strcmp(run->numbers[i].key, key))
            return &run->numbers[i];
    return NULL;
}

double ct_run_number(const ct_run *run, const char *key)
{
    const struct run_number *number = find_number(run, key);
    return number ? number->value : NAN;
}

bool ct_run_set_number(ct_run *run, const char *key, double value)
{
    struct run_number *number = find_number(run, key);
    if (!number) {
        if (strlen(key) >= NUMBER_KEY_BYTES)
            return ct_fail("run: the key '%.80s' has more than %d characters", key, NUMBER_KEY_BYTES - 1) != NULL;
        struct run_number *grown = heap_resize(run->numbers, (run->number_count + 1) * sizeof *grown);
        if (!grown)
            return ct_fail("run: out of memory for '%s'", key) != NULL;
        run->numbers = grown;
        number = &grown[run->number_count++];
        strcpy(number->key, key);
    }
    number->value = value;
    return true;
}

bool run_higher_is_better(const ct_run *run, const char *column)
{
    column += strncmp(column, "val_", 4) ? 0 : 4;
    for (size_t i = 0; i < run->o.metrics.count; i++)
        if (!strcmp(run->o.metrics.list[i].name, column))
            return run->o.metrics.list[i].higher_is_better;
    return false;
}

double run_monitored(const ct_run *run, const char *column, bool *found)
{
    const char *name = column ? column : run->monitor;
    *found = history_find(&run->history->epochs, name);
    if (!*found && ct_ok()) {
        char names[256] = "";
        const char *one;
        for (size_t i = 0; (one = ct_history_name(run->history, i)); i++)
            snprintf(names + strlen(names), sizeof names - strlen(names), "%s%s", i ? ", " : "", one);
        ct_fail("there is no '%s' to monitor; there are %s", name, names);
    }
    return *found ? ct_history_value(run->history, name, -1) : NAN;
}
