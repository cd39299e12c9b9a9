/* A run for TensorBoard: what each step and epoch measured, weights, what the network is and sees. */
#include <math.h>
#include <string.h>

#include "autograd/memory.h"
#include "train/callbacks.h"
#include "train/events.h"
#include "train/log.h"
#include "train/look.h"
#include "train/run.h"

const ct_train_tensorboard_options ct_train_tensorboard_defaults = {CT_TRAIN_TENSORBOARD_DEFAULTS .end_ = 0};

struct board {
    ct_train_tensorboard_options o;
    char *folder;
    ct_tensorboard *writer;                     /* NULL: nothing is to be written */
    ct_tensor *samples;                         /* NULL: the first step is to come */
};

static bool on_begin(ct_run *run, void *state)
{
    struct board *self = state;
    if (ct_run_is_dry(run))
        return true;
    const int64_t step = ct_run_step(run);
    self->writer = tensorboard_open(self->folder, ct_run_is_resumed(run) ? EVENTS_ENDED : EVENTS_NONE);
    return self->writer && tensorboard_start(self->writer, step + 1) && ct_tensorboard_flush(self->writer);
}

/* ---- Once: the network, the options, the first inputs ---------------------------------------------------------------------------------- */
struct text {
    char *bytes;
    size_t count;
};

static bool append(struct text *text, const char *more, size_t count)
{
    char *grown = heap_resize(text->bytes, text->count + count + 1);
    if (!grown)
        return ct_fail("out of memory") != NULL;
    memcpy(grown + text->count, more, count);
    text->bytes = grown;
    text->count += count;
    grown[text->count] = 0;
    return true;
}

/* A row of a table in Markdown, where | would end a cell. TensorBoard itself lets no tag through. */
static bool add_option(void *context, const char *name, const char *value)
{
    bool good = append(context, "| ", 2) && append(context, name, strlen(name)) && append(context, " | ", 3);
    for (; good && *value; value++)
        good = (!strchr("|*_`[]\\", *value) || append(context, "\\", 1)) && append(context, *value == '\n' ? " " : value, 1);
    return good && append(context, " |\n", 3);
}

static bool write_options(const struct board *self, ct_run *run)
{
    static const char head[] = "| option | value |\n|---|---|\n";
    struct text text = {0};
    const bool good = append(&text, head, sizeof head - 1) && look_options(run, add_option, &text) &&
                      ct_tensorboard_text(self->writer, "options", ct_run_step(run), text.bytes);
    heap_free(text.bytes);
    return good;
}

/* Four blanks in front of a line keep Markdown away from it. */
static bool write_summary(const struct board *self, ct_run *run)
{
    struct text text = {0};
    char *summary = look_summary(run, self->samples);
    bool good = summary || ct_fail("out of memory");
    for (const char *line = summary, *end; good && *line; line = end) {
        end = strchr(line, '\n');
        end = end ? end + 1 : line + strlen(line);
        good = append(&text, "    ", 4) && append(&text, line, (size_t)(end - line));
    }
    good = good && ct_tensorboard_text(self->writer, "network", ct_run_step(run), text.bytes);
    heap_free(text.bytes);
    heap_free(summary);
    return good;
}

static bool write_images(const struct board *self, const ct_run *run)
{
    char tag[48];
    bool good = true;
    if (!self->o.images || !look_is_image(self->samples))
        return true;
    for (int64_t i = 0; good && i < ct_size(self->samples, 0); i++) {
        CT_SCOPE;
        CT_NO_GRAD;
        snprintf(tag, sizeof tag, "inputs/%lld", (long long)i);
        good = ct_tensorboard_image(self->writer, tag, ct_run_step(run), look_at_image(ct_squeeze(ct_narrow(self->samples, 0, i, 1), 0)));
    }
    return good;
}

/* ---- Steps and epochs ------------------------------------------------------------------------------------------------------------------- */
static bool on_step(ct_run *run, void *state)
{
    struct board *self = state;
    const int64_t step = ct_run_step(run);
    if (!self->writer)
        return true;
    if (!self->samples && !(look_keep_samples(run, self->o.images ? self->o.images : 1, &self->samples) && write_options(self, run) &&
                            write_summary(self, run) && write_images(self, run) && ct_tensorboard_flush(self->writer)))
        return false;
    if (!self->o.every_steps || step % self->o.every_steps)
        return true;
    return ct_tensorboard_scalar(self->writer, "step/loss", step, ct_run_value(run, "loss")) &&
           ct_tensorboard_scalar(self->writer, "step/lr", step, ct_run_value(run, "lr")) &&
           (!(run->o.clip_norm > 0) || ct_tensorboard_scalar(self->writer, "step/grad_norm", step, ct_run_value(run, "grad_norm")));
}

struct weights_at {
    ct_tensorboard *writer;
    int64_t step;
};

static bool write_histogram(const char *name, ct_tensor *tensor, bool is_parameter, void *context)
{
    const struct weights_at *at = context;
    char tag[512];
    snprintf(tag, sizeof tag, "weights/%s", name);
    return !is_parameter || ct_tensorboard_histogram(at->writer, tag, at->step, tensor);
}

static bool on_epoch(ct_run *run, void *state)
{
    struct board *self = state;
    const int64_t step = ct_run_step(run);
    const char *name;
    char tag[COLUMN_NAME_BYTES + 8];
    if (!self->writer)
        return true;
    for (size_t i = 0; (name = ct_history_name(ct_run_history(run), i)); i++) {
        snprintf(tag, sizeof tag, "epoch/%s", name);
        if (!ct_tensorboard_scalar(self->writer, tag, step, ct_run_value(run, name)))
            return false;
    }
    const bool due = self->o.histograms && ct_run_epoch(run) % self->o.histograms == 0;
    return (!due || ct_module_each(ct_run_module(run), write_histogram, &(struct weights_at){self->writer, step})) && ct_tensorboard_flush(self->writer);
}

static bool on_end(ct_run *run, void *state)
{
    struct board *self = state;
    (void)run;
    return !self->writer || tensorboard_close(self->writer);
}

static void end(void *state)
{
    struct board *self = state;
    (ct_free)(self->writer);
    ct_release(self->samples);
    heap_free(self->folder);
    heap_free(self);
}

ct_callback *(ct_train_tensorboard)(const char *folder, const ct_train_tensorboard_options *options)
{
    static const ct_callback_calls calls = {"tensorboard", on_begin, on_step, on_epoch, on_end, end};
    const ct_train_tensorboard_options *o = options ? options : &ct_train_tensorboard_defaults;
    if (o->every_steps < 0 || o->histograms < 0 || o->images < 0)
        return ct_fail("tensorboard: every_steps %lld, histograms %lld, images %lld: want at least 0", (long long)o->every_steps, (long long)o->histograms,
                       (long long)o->images), NULL;
    struct board *self = heap_zeroed(1, sizeof *self);
    if (!self)
        return ct_fail("tensorboard: out of memory"), NULL;
    self->o = *o;
    if (!(self->folder = log_path("tensorboard", folder))) {
        heap_free(self);
        return NULL;
    }
    return ct_callback_new(&calls, self);
}
