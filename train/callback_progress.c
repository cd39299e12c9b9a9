/* The bar of an epoch: what fit shows while it runs. */
#include <stdio.h>
#include <string.h>

#include "autograd/memory.h"
#include "train/progress.h"
#include "train/run.h"

struct bar {
    FILE *file;
    bool plain;
    ct_progress *shown;                         /* NULL: none is begun */
};

static bool on_step(ct_run *run, void *state)
{
    struct bar *self = state;
    if (!self->shown) {
        char label[64];
        snprintf(label, sizeof label, "epoch %lld/%lld", (long long)run->epoch, (long long)run->epochs);
        self->shown = progress_begin(self->file, label, run->batches, run->batch - run->epoch_batches, run->epoch_began, self->plain);
    }
    char metrics[160] = "";
    if (progress_is_due(self->shown))
        for (size_t i = 0; i < run->training.metrics->count && strlen(metrics) < sizeof metrics - 1; i++)
            snprintf(metrics + strlen(metrics), sizeof metrics - strlen(metrics), "  %s %.4f", run->training.metrics->list[i].name,
                     pass_metric(&run->training, i));
    ct_progress_step(self->shown, "loss %.4f%s  lr %.3g  step %lld/%lld  %.0f samples/s", pass_loss(&run->training), metrics, ct_optimizer_lr(run->optimizer),
                     (long long)run->batch, (long long)run->batches, ct_run_value(run, "samples_per_second"));
    return true;
}

/* All columns but those that the line shows anyway. */
static bool on_epoch(ct_run *run, void *state)
{
    struct bar *self = state;
    char text[240] = "";
    const char *name;
    for (size_t i = 0; (name = ct_history_name(run->history, i)); i++)
        if (strcmp(name, "seconds") && strcmp(name, "samples_per_second") && strlen(text) < sizeof text - 1)
            snprintf(text + strlen(text), sizeof text - strlen(text), strcmp(name, "lr") ? "%s%s %.4f" : "%s%s %.3g", *text ? ", " : "", name,
                     ct_run_value(run, name));
    ct_progress_end(self->shown, "%s", text);
    self->shown = NULL;
    return true;
}

static bool on_end(ct_run *run, void *state)
{
    struct bar *self = state;
    ct_progress_end(self->shown, "%s", *ct_run_stop_reason(run) ? ct_run_stop_reason(run) : "stopped");
    if (!self->shown && *ct_run_stop_reason(run))
        fprintf(self->file, "%s\n", ct_run_stop_reason(run));
    self->shown = NULL;
    return true;
}

ct_callback *callback_progress(FILE *file, bool plain)
{
    static const ct_callback_calls calls = {.name = "progress", .step = on_step, .epoch = on_epoch, .end = on_end, .free = heap_free};
    struct bar *self = heap_zeroed(1, sizeof *self);
    if (!self)
        return ct_fail("fit: out of memory"), NULL;
    *self = (struct bar){.file = file, .plain = plain};
    return ct_callback_new(&calls, self);
}
