/* The report: when it is written, and what it remembers of the run for that. */
#include <string.h>

#include "autograd/memory.h"
#include "train/callbacks.h"
#include "train/log.h"
#include "train/look.h"
#include "train/report.h"
#include "train/run.h"

const ct_train_report_options ct_train_report_defaults = {CT_TRAIN_REPORT_DEFAULTS .end_ = 0};

struct reporter {
    char *path, *title, *summary, **class_names;
    ct_dataset *dataset;
    int64_t samples, class_name_count;
    ct_tensor *first;                           /* a sample of the first batch */
    time_t began;
    bool is_ours;                               /* the file may be written */
};

static struct report report_of(const struct reporter *self, ct_run *run)
{
    return (struct report){.run = run, .path = self->path, .title = self->title, .summary = self->summary, .began = self->began,
                           .dataset = self->dataset ? self->dataset : ct_run_validation(run), .class_names = self->class_names,
                           .class_name_count = self->class_name_count};
}

static bool on_begin(ct_run *run, void *state)
{
    struct reporter *self = state;
    self->began = time(NULL);
    self->is_ours = !ct_run_is_dry(run) && log_is_ours(run, self->path);
    if (!self->is_ours)
        return ct_ok();
    const struct report report = report_of(self, run);
    return report_write(&report);
}

static bool on_step(ct_run *run, void *state)
{
    struct reporter *self = state;
    if (!self->is_ours || self->first)
        return true;
    if (!look_keep_samples(run, 1, &self->first))
        return false;
    self->summary = look_summary(run, self->first);
    return self->summary || ct_fail("out of memory");
}

static bool on_epoch(ct_run *run, void *state)
{
    const struct reporter *self = state;
    const struct report report = report_of(self, run);
    return !self->is_ours || report_write(&report);
}

static bool on_end(ct_run *run, void *state)
{
    const struct reporter *self = state;
    struct report report = report_of(self, run);
    struct findings findings = {0};
    if (!self->is_ours)
        return true;
    report.is_over = true;
    report.failure = ct_ok() ? NULL : ct_error();
    bool good = true;
    if (!report.failure && report.dataset) {
        good = findings_make(&findings, run, report.dataset, self->samples);
        report.findings = &findings;
    }
    good = good && report_write(&report);
    findings_clear(&findings);
    return good;
}

static void end(void *state)
{
    struct reporter *self = state;
    for (int64_t i = 0; self->class_names && i < self->class_name_count; i++)
        heap_free(self->class_names[i]);
    heap_free(self->class_names);
    heap_free(self->path), heap_free(self->title), heap_free(self->summary);
    ct_release(self->first);
    heap_free(self);
}

static bool copy_names(struct reporter *self, const ct_train_report_options *o)
{
    self->title = heap_copy_text(o->title ? o->title : "Training");
    self->class_names = heap_zeroed(o->class_names.count + 1, sizeof *self->class_names);
    bool good = self->title && self->class_names;
    for (size_t i = 0; good && i < o->class_names.count; i++) {
        good = (self->class_names[i] = heap_copy_text(o->class_names.list[i] ? o->class_names.list[i] : "")) != NULL;
        self->class_name_count++;
    }
    return good || ct_fail("report: out of memory");
}

ct_callback *(ct_train_report)(const char *path, const ct_train_report_options *options)
{
    static const ct_callback_calls calls = {"report", on_begin, on_step, on_epoch, on_end, end};
    const ct_train_report_options *o = options ? options : &ct_train_report_defaults;
    if (o->samples < 0 || o->samples > 10000)
        return ct_fail("report: samples %lld: want 0 to 10000", (long long)o->samples), NULL;
    struct reporter *self = heap_zeroed(1, sizeof *self);
    if (!self)
        return ct_fail("report: out of memory"), NULL;
    self->samples = o->samples;
    self->dataset = o->dataset;
    if (!(self->path = log_path("report", path)) || !copy_names(self, o)) {
        end(self);
        return NULL;
    }
    return ct_callback_new(&calls, self);
}
