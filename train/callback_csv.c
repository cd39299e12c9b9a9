/* An epoch a row, as any spreadsheet reads it. The file is written anew with each row: it is whole at any time, and a resumed run continues it. */
#define _POSIX_C_SOURCE 200809L
#include <string.h>
#include <sys/stat.h>

#include "autograd/memory.h"
#include "io/atomic_file.h"
#include "train/callbacks.h"
#include "train/log.h"
#include "train/number.h"
#include "train/run.h"

static bool write_text(struct atomic_file *file, const char *text)
{
    return atomic_file_write(file, text, strlen(text));
}

/* A name in quotes if it has a character that means something; a quote is doubled. RFC 4180. */
static bool write_name(struct atomic_file *file, const char *name)
{
    const bool quoted = strpbrk(name, ",\"\r\n");
    bool good = !quoted || write_text(file, "\"");
    for (; good && *name; name++)
        good = (*name != '"' || write_text(file, "\"")) && atomic_file_write(file, name, 1);
    return good && (!quoted || write_text(file, "\""));
}

static bool write_row(struct atomic_file *file, const ct_history *history, int64_t epoch)
{
    char text[NUMBER_TEXT];
    const char *name;
    snprintf(text, sizeof text, "%lld", (long long)epoch);
    bool good = write_text(file, epoch ? text : "epoch");
    for (size_t i = 0; good && (name = ct_history_name(history, i)); i++)
        good = write_text(file, ",") &&
               (epoch ? write_text(file, number_text(text, ct_history_value(history, name, epoch))) : write_name(file, name));
    return good && write_text(file, "\n");
}

static bool write_all(const ct_history *history, const char *path)
{
    struct atomic_file file;
    bool good = atomic_file_open(&file, path);
    for (int64_t epoch = 0; good && epoch <= ct_history_epochs(history); epoch++)
        good = write_row(&file, history, epoch);
    return good && atomic_file_commit(&file);
}

static bool on_begin(ct_run *run, void *state)
{
    return ct_run_is_dry(run) || (log_is_ours(run, state) && write_all(ct_run_history(run), state));
}

static bool on_epoch(ct_run *run, void *state)
{
    return ct_run_is_dry(run) || write_all(ct_run_history(run), state);
}

ct_callback *ct_train_log_csv(const char *path)
{
    static const ct_callback_calls calls = {.name = "log_csv", .begin = on_begin, .epoch = on_epoch, .free = heap_free};
    char *copy = log_path("log_csv", path);
    return copy ? ct_callback_new(&calls, copy) : NULL;
}
