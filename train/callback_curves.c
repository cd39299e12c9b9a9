/* The curves of a run as a picture that is drawn anew after each epoch. */
#include "autograd/memory.h"
#include "train/callbacks.h"
#include "train/log.h"

static bool on_begin(ct_run *run, void *state)
{
    return ct_run_is_dry(run) || log_is_ours(run, state);
}

static bool on_epoch(ct_run *run, void *state)
{
    return ct_run_is_dry(run) || ct_history_plot(ct_run_history(run), state);
}

ct_callback *ct_train_curves(const char *path)
{
    static const ct_callback_calls calls = {.name = "curves", .begin = on_begin, .epoch = on_epoch, .free = heap_free};
    char *copy = log_path("curves", path);
    return copy ? ct_callback_new(&calls, copy) : NULL;
}
