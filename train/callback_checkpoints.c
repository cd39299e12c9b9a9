/* Checkpoints of a run in a folder: the last, the best, the k best. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "autograd/memory.h"
#include "train/callbacks.h"
#include "train/log.h"
#include "train/run.h"

const ct_train_checkpoints_options ct_train_checkpoints_defaults = {.end_ = 0};

enum { PATH_BYTES = 4096, MOST_TOP = 100 };

struct checkpoints {
    ct_train_checkpoints_options o;
    char folder[PATH_BYTES - 64], monitor[COLUMN_NAME_BYTES], last[PATH_BYTES];
    int locked;                                 /* a descriptor of folder, or -1 */
};

static const char *column(const struct checkpoints *self)
{
    return *self->monitor ? self->monitor : NULL;
}

static const char *file_in(const struct checkpoints *self, char path[PATH_BYTES], const char *format, int64_t number)
{
    char name[64];
    snprintf(name, sizeof name, format, (long long)number);
    snprintf(path, PATH_BYTES, "%s/%s", self->folder, name);
    return path;
}

/* Where there are no locks we go without. */
static bool lock(struct checkpoints *self)
{
    self->locked = open(self->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return self->locked < 0 || !flock(self->locked, LOCK_EX | LOCK_NB) || errno != EWOULDBLOCK ||
           ct_fail("%s: another run is writing there", self->folder);
}

static bool on_begin(ct_run *run, void *state)
{
    struct checkpoints *self = state;
    struct stat there;
    char path[PATH_BYTES];
    bool found;
    run_monitored(run, column(self), &found);
    if (!found || ct_run_is_dry(run))
        return found;
    if (!folder_make(self->folder) || !lock(self))
        return false;
    if (!ct_run_is_resumed(run) && !stat(file_in(self, path, "last.checkpoint", 0), &there))
        return ct_fail("%s is there already: go on from it with .resume, or name another folder", path) != NULL;
    return run_save_at_stop(run, self->last) && ct_run_save(run, self->last); /* from the first step on there is something to go on from */
}

static bool save_weights(ct_run *run, const char *path)
{
    if (!run_show_averages(run))
        return false;
    const bool good = ct_module_save(run->net, path);
    return run_show_averages(run) && good;
}

/* The k best are known by numbers of the run: the value and the epoch of each place. Where there is room the new one goes, else over the worst. */
static bool keep_top(ct_run *run, const struct checkpoints *self, double value, bool higher)
{
    char name[48], key[NUMBER_KEY_BYTES], path[PATH_BYTES];
    int64_t place = -1;
    double worst = value, epoch;
    for (int64_t i = 0; i < self->o.top; i++) {
        snprintf(name, sizeof name, "top%lld", (long long)i);
        const double one = ct_run_number(run, run_key(run, self, key, name));
        if (isnan(one)) {
            place = i;
            break;
        }
        if (higher ? one < worst : one > worst)
            worst = one, place = i;
    }
    if (place < 0)
        return true;
    if (!save_weights(run, file_in(self, path, "epoch-%04lld.safetensors", ct_run_epoch(run))))
        return false;
    snprintf(name, sizeof name, "epoch%lld", (long long)place);
    if (!isnan(epoch = ct_run_number(run, run_key(run, self, key, name))))
        unlink(file_in(self, path, "epoch-%04lld.safetensors", (int64_t)epoch));
    if (!ct_run_set_number(run, key, (double)ct_run_epoch(run)))
        return false;
    snprintf(name, sizeof name, "top%lld", (long long)place);
    return ct_run_set_number(run, run_key(run, self, key, name), value);
}

static bool on_epoch(ct_run *run, void *state)
{
    struct checkpoints *self = state;
    char path[PATH_BYTES], key[NUMBER_KEY_BYTES];
    bool found;
    const double value = run_monitored(run, column(self), &found), best = ct_run_number(run, run_key(run, self, key, "best"));
    const bool higher = run_higher_is_better(run, self->o.monitor ? self->o.monitor : run->monitor);
    if (ct_run_is_dry(run))
        return true;
    if (!isnan(value)) {
        const bool better = isnan(best) || (higher ? value > best : value < best);
        if (better && !(save_weights(run, file_in(self, path, "best.safetensors", 0)) && ct_run_set_number(run, key, value)))
            return false;
        if (!keep_top(run, self, value, higher))
            return false;
    }
    return ct_run_save(run, self->last);
}

static bool on_step(ct_run *run, void *state)
{
    struct checkpoints *self = state;
    const bool due = self->o.every_steps && ct_run_step(run) % self->o.every_steps == 0;
    return ct_run_is_dry(run) || !due || ct_run_save(run, self->last);
}

static bool on_end(ct_run *run, void *state)
{
    const struct checkpoints *self = state;
    if (ct_ok() && !ct_run_is_dry(run) && *ct_run_stop_reason(run) && (run->in_epoch || run_is_interrupted(run)))
        run_add_reason(run, "; to go on: .resume = \"%s\"", self->last);
    return true;
}

static void end(void *state)
{
    struct checkpoints *self = state;
    if (self->locked >= 0)
        close(self->locked);
    heap_free(self);
}

ct_callback *(ct_train_checkpoints)(const char *folder, const ct_train_checkpoints_options *options)
{
    static const ct_callback_calls calls = {"checkpoints", on_begin, on_step, on_epoch, on_end, end};
    const ct_train_checkpoints_options *o = options ? options : &ct_train_checkpoints_defaults;
    if (!folder || !*folder)
        return ct_ok() ? ct_fail("checkpoints: folder is %s", folder ? "empty" : "NULL"), NULL : NULL;
    if (o->top < 0 || o->top > MOST_TOP || o->every_steps < 0)
        return ct_fail("checkpoints: top %lld, every_steps %lld: want 0 to %d, and at least 0", (long long)o->top, (long long)o->every_steps, MOST_TOP), NULL;
    struct checkpoints *self = heap_zeroed(1, sizeof *self);
    if (!self)
        return ct_fail("checkpoints: out of memory"), NULL;
    self->o = *o;
    self->locked = -1;
    if (strlen(folder) >= sizeof self->folder || (o->monitor && strlen(o->monitor) >= sizeof self->monitor)) {
        heap_free(self);
        return ct_fail("checkpoints: the name of the folder or the monitor is too long"), NULL;
    }
    strcpy(self->folder, folder);
    strcpy(self->monitor, o->monitor ? o->monitor : "");
    snprintf(self->last, sizeof self->last, "%s/last.checkpoint", folder);
    return ct_callback_new(&calls, self);
}
