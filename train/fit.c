/* The loop: batches, a step each, then the validation of the epoch; callbacks look on. */
#include "train/fit.h"

#include <math.h>
#include <string.h>

#include "autograd/memory.h"
#include "autograd/raw.h"
#include "nn/module.h"
#include "optim/optimizer.h"
#include "optim/schedule.h"
#include "train/run.h"

const ct_train_fit_options ct_train_fit_defaults = {CT_TRAIN_FIT_DEFAULTS .end_ = 0};

/* ---- A step ------------------------------------------------------------------------------------------------------------------------ */
/* Of accumulated batches the mean is what the limits are for; here gradients hold the sum. */
static bool clip(ct_run *run)
{
    const int64_t batches = run->optimizer->batches > 1 ? run->optimizer->batches : 1;
    run->grad_norm = NAN;
    if (run->optimizer->gathered + 1 < batches)
        return true;
    if (run->o.clip_norm > 0)
        run->grad_norm = ct_clip_grad_norm(run->net, run->o.clip_norm * (double)batches) / (double)batches;
    if (run->o.clip_value > 0)
        ct_clip_grad_value(run->net, run->o.clip_value * (double)batches);
    return ct_ok();
}

static double close_step(void *context)
{
    ct_run *run = context;
    CT_SCOPE;
    ct_tensor *outputs = NULL, *loss = run->o.loss(run->net, run->current, &outputs, run->o.loss_context);
    if (!loss)
        return ct_ok() ? ct_fail("fit: the loss of epoch %lld, step %lld is NULL", (long long)run->epoch, (long long)run->step), NAN : NAN;
    const double value = ct_item(loss);
    const bool first = isnan(run->batch_loss);  /* L-BFGS asks several times a step, of weights that it tries */
    if (!isfinite(value) && !run->optimizer->guard)
        return ct_fail("fit: the loss of epoch %lld, step %lld is %g at a learning rate of %g; the weights are those %s", (long long)run->epoch,
                       (long long)run->step, value, ct_optimizer_lr(run->optimizer), first ? "of the step before" : "that the line search tried"), NAN;
    ct_optimizer_zero_grad(run->optimizer);
    if (!ct_backward(loss) || !clip(run))
        return NAN;
    if (first && !pass_add(&run->training, run->current, value, outputs))
        return NAN;
    run->batch_loss = first ? value : run->batch_loss;
    return value;
}

static bool take_step(ct_run *run, const ct_batch *batch)
{
    run->current = batch;
    run->step++;
    run->batch++;
    run->batch_samples = ct_size(batch->x, 0);
    run->epoch_samples += run->batch_samples;
    run->epoch_batches++;
    run->batch_loss = NAN;
    ct_step_closure(run->optimizer, close_step, run);
    if (!ct_ok())
        return false;
    const bool updated = !run->optimizer->gathered; /* of accumulated batches only the last moves the weights */
    if (updated && run->o.average && !ct_average_update(run->o.average))
        return false;
    if (updated && run->o.schedule && !run->o.schedule_by_epoch && !run->o.schedule->kind->takes_metric && !ct_schedule_next(run->o.schedule))
        return false;
    struct history_table *steps = &run->history->steps;
    return history_row(steps) && history_set(steps, "loss", run->batch_loss) && history_set(steps, "lr", ct_optimizer_lr(run->optimizer)) &&
           history_set(steps, "seconds", train_now() - run->began) &&
           (!(run->o.clip_norm > 0) || history_set(steps, "grad_norm", run->grad_norm));
}

/* ---- An epoch ---------------------------------------------------------------------------------------------------------------------- */
typedef bool callback_call(ct_run *run, void *state);

static callback_call *step_call(const ct_callback_calls *calls)
{
    return calls->step;
}

static callback_call *epoch_call(const ct_callback_calls *calls)
{
    return calls->epoch;
}

static bool say_who(const struct ct_callback *callback)
{
    if (ct_ok())
        ct_fail("it failed without saying why");
    char reason[512];
    snprintf(reason, sizeof reason, "%s", ct_error());
    ct_error_clear();
    return ct_fail("fit: %s: %s", callback->calls->name ? callback->calls->name : "a callback", reason) != NULL;
}

static bool call(ct_run *run, callback_call *(*which)(const ct_callback_calls *))
{
    for (size_t i = 0; i < run->callback_count; i++) {
        callback_call *one = which(run->callbacks[i]->calls);
        if (one && (!one(run, run->callbacks[i]->state) || !ct_ok()))
            return say_who(run->callbacks[i]);
    }
    return true;
}

static bool save_all(const ct_run *run, const struct paths *paths)
{
    for (size_t i = 0; i < paths->count; i++)
        if (!run_save(run, paths->list[i]))
            return false;
    return true;
}

/* Callbacks have seen it: what one of them asked to be saved holds what all of them know. */
static bool save_if_asked(ct_run *run)
{
    const bool good = save_all(run, &run->save_to);
    run->save_to.count = 0;
    return good;
}

/* Steps until the epoch, or the run, is over. */
static bool train_epoch(ct_run *run)
{
    for (bool ended = false; (run->batch < run->batches || !run->o.steps_per_epoch) && (!run->o.steps || run->step < run->o.steps);) {
        ct_batch batch;
        if (!ct_loader_next(run->loader, &batch)) {
            if (!ct_ok() || ended)
                return ct_ok() ? ct_fail("fit: the loader has no batches") != NULL : false;
            if (!run->o.steps_per_epoch)
                return true;
            ended = true;                       /* twice in a row would be for ever */
            continue;
        }
        ended = false;
        if (!take_step(run, &batch) || !call(run, step_call) || !save_if_asked(run))
            return false;
        if (run->o.dry_run)
            return true;
        if (run_is_interrupted(run))
            ct_run_stop(run, "interrupted after step %lld", (long long)run->step);
        if (*ct_run_stop_reason(run))
            return true;
    }
    return true;
}

bool run_show_averages(ct_run *run)
{
    return !run->o.average || ct_average_swap(run->o.average);
}

static bool set_value(ct_run *run, const char *prefix, const char *name, double value)
{
    char column[COLUMN_NAME_BYTES];
    snprintf(column, sizeof column, "%s%s", prefix, name);
    return history_set(&run->history->epochs, column, value);
}

static bool set_pass(ct_run *run, const char *prefix, const struct pass *pass)
{
    bool good = set_value(run, prefix, "loss", pass_loss(pass));
    for (size_t i = 0; good && i < pass->metrics->count; i++)
        good = set_value(run, prefix, pass->metrics->list[i].name, pass_metric(pass, i));
    return good;
}

static bool validate(ct_run *run, struct pass *pass)
{
    const ct_loader_position at = ct_loader_tell(run->validation_loader), wanted = {run->epoch - 1, 0};
    if ((at.epoch != wanted.epoch || at.batch) && !ct_loader_seek(run->validation_loader, wanted)) /* as it was, should the run be a resumed one */
        return false;
    if (!run_show_averages(run))
        return false;
    const bool good = pass_run(pass, run->net, run->validation_loader, run->o.loss, run->o.loss_context, run->o.dry_run ? 1 : 0);
    if (!good && !ct_ok())
        error_add("; in the validation of epoch %lld", (long long)run->epoch);
    return run_show_averages(run) && good;
}

static bool move_schedule(ct_run *run)
{
    bool found;
    if (!run->o.schedule || !(run->o.schedule_by_epoch || run->o.schedule->kind->takes_metric))
        return true;
    if (!run->o.schedule->kind->takes_metric)
        return ct_schedule_next(run->o.schedule);
    const double value = run_monitored(run, NULL, &found);
    return found && ct_schedule_next_metric(run->o.schedule, value);
}

/* The row of the epoch that is over. */
static bool close_epoch(ct_run *run)
{
    const double seconds = train_now() - run->epoch_began, rate = (double)run->epoch_samples / seconds;
    struct pass validation = {0};
    bool good = !run->validation_loader || (pass_begin(&validation, &run->o.metrics) && validate(run, &validation));
    good = good && history_row(&run->history->epochs) && set_pass(run, "", &run->training);
    if (good && run->validation_loader)
        good = set_pass(run, "val_", &validation);
    good = good && set_value(run, "", "lr", ct_optimizer_lr(run->optimizer)) && set_value(run, "", "seconds", run->seconds_before + train_now() - run->epoch_began) &&
           set_value(run, "", "samples_per_second", rate);
    if (validation.states)
        pass_end(&validation);
    return good && move_schedule(run);
}

static bool train(ct_run *run)
{
    while (!*ct_run_stop_reason(run) && (run->epoch < run->epochs || run->in_epoch)) {
        if (!run->in_epoch) {
            run->epoch++;
            run->batch = 0;
            run->seconds_before = 0;
            if (!pass_begin(&run->training, run->training.metrics))
                return false;
        }
        run->in_epoch = true;
        run->epoch_samples = run->epoch_batches = 0;
        run->epoch_began = train_now();
        if (!train_epoch(run))
            return false;
        if (*ct_run_stop_reason(run))
            return true;
        if (!close_epoch(run))
            return false;
        pass_end(&run->training);
        run->in_epoch = false;
        if (!call(run, epoch_call) || !save_if_asked(run))
            return false;
        if (run_is_interrupted(run))
            ct_run_stop(run, "interrupted after epoch %lld", (long long)run->epoch);
    }
    return true;
}

/* ---- The whole ---------------------------------------------------------------------------------------------------------------------- */
static bool begin_callbacks(ct_run *run)
{
    for (size_t i = 0; i < run->callback_count; i++) {
        struct ct_callback *one = run->callbacks[i];
        one->begun = true;
        if (one->calls->begin && (!one->calls->begin(run, one->state) || !ct_ok()))
            return say_who(one);
    }
    return true;
}

/* Each is told, also after another's failure, of which the first is kept. */
static void end_callbacks(ct_run *run)
{
    for (size_t i = run->callback_count; i-- > 0;) {
        struct ct_callback *one = run->callbacks[i];
        const bool fine = ct_ok();
        if (one->begun && one->calls->end && (!one->calls->end(run, one->state) || !ct_ok()) && fine)
            say_who(one);
    }
}

ct_history *(ct_train_fit)(ct_module *net, ct_optimizer *optimizer, ct_train_data training, const ct_train_fit_options *options)
{
    const ct_train_fit_options *o = options ? options : &ct_train_fit_defaults;
    const char *missing = !net ? "net" : !optimizer ? "optimizer" : !training.dataset && !training.loader ? "the training data" : NULL;
    if (missing && ct_ok())
        ct_fail("fit: %s is NULL", missing);
    if (!ct_ok() || run_refuses(o, &training)) {
        callbacks_free(o->callbacks.list, o->callbacks.count);
        return NULL;
    }
    ct_run run = {.net = net, .optimizer = optimizer, .o = *o, .batch_loss = NAN, .grad_norm = NAN};
    const int64_t accumulated = optimizer->batches;
    if (run_gather_callbacks(&run) && run_prepare(&run, &training)) {
        ct_module_train(net);
        if (!o->keep_signals)
            interrupt_begin();
        run.began = train_now();
        if (begin_callbacks(&run) && save_if_asked(&run) && train(&run) && run.in_epoch)
            save_all(&run, &run.save_at_stop);
        end_callbacks(&run);
        if (!o->keep_signals)
            interrupt_end();
    }
    if (o->accumulate && optimizer->batches != accumulated)
        ct_optimizer_accumulate(optimizer, accumulated);
    run_clear(&run);
    if (!ct_ok()) {
        (ct_free)(run.history);
        return NULL;
    }
    return run.history;
}
