/* JSON lines: an object a step and an epoch, appended, so that tools may follow the file while it grows. */
#define _POSIX_C_SOURCE 200809L
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "autograd/memory.h"
#include "data/utf8.h"
#include "io/atomic_file.h"
#include "train/callbacks.h"
#include "train/log.h"
#include "train/number.h"
#include "train/run.h"

struct json_log {
    char *path;
    FILE *file;
};

static bool cannot(const struct json_log *self, const char *what)
{
    return ct_fail("%s: cannot %s: %s", self->path, what, strerror(errno)) != NULL;
}

static bool lock(const struct json_log *self, int descriptor)
{
    struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    if (fcntl(descriptor, F_SETLK, &whole) && (errno == EACCES || errno == EAGAIN))
        return ct_fail("%s: another run is writing it", self->path) != NULL;
    return true;                                /* where there are no locks we go without */
}

/* Asked before the file is written anew, under which another run would go on with the old one. */
static bool is_free(const struct json_log *self)
{
    const int descriptor = open(self->path, O_WRONLY | O_CLOEXEC);
    const bool good = descriptor < 0 || lock(self, descriptor);
    if (descriptor >= 0)
        close(descriptor);
    return good;
}

/* What a resumed run does again goes: steps after the checkpoint's. A line that a crash has cut goes too. */
static bool drop_later(const struct json_log *self, int64_t step)
{
    FILE *old = fopen(self->path, "r");
    if (!old)
        return errno == ENOENT || cannot(self, "read it");
    struct atomic_file file;
    bool good = atomic_file_open(&file, self->path);
    char *line = NULL;
    size_t room = 0;
    for (ssize_t length; good && (length = getline(&line, &room, old)) > 0;) {
        json_t *object = json_loadb(line, (size_t)length, JSON_REJECT_DUPLICATES, NULL), *at = json_object_get(object, "step");
        if (line[length - 1] == '\n' && json_is_integer(at) && json_integer_value(at) <= step)
            good = atomic_file_write(&file, line, (size_t)length);
        json_decref(object);
    }
    free(line);
    fclose(old);
    return good && atomic_file_commit(&file);
}

static bool on_begin(ct_run *run, void *state)
{
    struct json_log *self = state;
    if (ct_run_is_dry(run))
        return true;
    if (!log_is_ours(run, self->path) || (ct_run_is_resumed(run) && !(is_free(self) && drop_later(self, ct_run_step(run)))))
        return false;
    const int descriptor = open(self->path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | (ct_run_is_resumed(run) ? 0 : O_EXCL), 0666);
    if (descriptor < 0)
        return cannot(self, "write it");
    if (!lock(self, descriptor)) {
        close(descriptor);
        return false;
    }
    self->file = fdopen(descriptor, "a");
    if (!self->file)
        close(descriptor);
    return self->file || cannot(self, "write it");
}

/* A column may have any name; a byte that is no UTF-8 becomes a question mark. */
static void put_name(FILE *file, const char *name)
{
    uint32_t code;
    for (int length; *name; name += length ? length : 1) {
        length = utf8_next(name, &code);
        if (!length)
            fputc('?', file);
        else if (code < 0x20 || code == '"' || code == '\\')
            fprintf(file, "\\u%04x", (unsigned)code);
        else
            fwrite(name, 1, (size_t)length, file);
    }
}

static void put_number(FILE *file, const char *name, double value)
{
    char text[NUMBER_TEXT];
    fputs(", \"", file);
    put_name(file, name);
    fprintf(file, "\": %s", isfinite(value) ? number_text(text, value) : "null");
}

static bool on_step(ct_run *run, void *state)
{
    struct json_log *self = state;
    if (!self->file)
        return true;
    fprintf(self->file, "{\"event\": \"step\", \"epoch\": %lld, \"step\": %lld", (long long)ct_run_epoch(run), (long long)ct_run_step(run));
    put_number(self->file, "loss", ct_run_value(run, "loss"));
    put_number(self->file, "lr", ct_run_value(run, "lr"));
    if (run->o.clip_norm > 0)
        put_number(self->file, "grad_norm", ct_run_value(run, "grad_norm"));
    put_number(self->file, "seconds", ct_run_value(run, "seconds"));
    fputs("}\n", self->file);
    return !ferror(self->file) || cannot(self, "write it");
}

static bool on_epoch(ct_run *run, void *state)
{
    struct json_log *self = state;
    const char *name;
    if (!self->file)
        return true;
    fprintf(self->file, "{\"event\": \"epoch\", \"epoch\": %lld, \"step\": %lld", (long long)ct_run_epoch(run), (long long)ct_run_step(run));
    for (size_t i = 0; (name = ct_history_name(ct_run_history(run), i)); i++)
        put_number(self->file, name, ct_run_value(run, name));
    fputs("}\n", self->file);
    return (!fflush(self->file) && !ferror(self->file)) || cannot(self, "write it");
}

static bool close_file(struct json_log *self)
{
    FILE *file = self->file;
    self->file = NULL;
    return !file || !fclose(file) || cannot(self, "write it");
}

static bool on_end(ct_run *run, void *state)
{
    (void)run;
    return close_file(state);
}

static void end(void *state)
{
    struct json_log *self = state;
    if (self->file)
        fclose(self->file);
    heap_free(self->path);
    heap_free(self);
}

ct_callback *ct_train_log_json(const char *path)
{
    static const ct_callback_calls calls = {"log_json", on_begin, on_step, on_epoch, on_end, end};
    struct json_log *self = heap_zeroed(1, sizeof *self);
    if (!self)
        return ct_fail("log_json: out of memory"), NULL;
    if (!(self->path = log_path("log_json", path))) {
        heap_free(self);
        return NULL;
    }
    return ct_callback_new(&calls, self);
}
