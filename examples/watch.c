/* A folder a run. */
#define _POSIX_C_SOURCE 200809L
#include "watch.h"

#include <string.h>
#include <unistd.h>

void watch_check(const struct watch *w)
{
    if (w->resume && !w->run)
        options_refuse("--resume: from which --run DIR?");
    if (w->run && strlen(w->run) > WATCH_PATH - 100)
        options_refuse("--run: the name is too long");
}

static const char *in(char path[WATCH_PATH], const char *folder, const char *name)
{
    snprintf(path, WATCH_PATH, "%s/%s", folder, name);
    return path;
}

/* Early stopping comes last: ends go backwards, and the report is to show the weights that stay. */
ct_callbacks watch_callbacks(const struct watch *w, struct watched *room, const char *part, const char *title, ct_class_names names)
{
    char folder[WATCH_PATH - 100], path[WATCH_PATH];
    *room = (struct watched){.count = 0};
    if (w->run) {
        snprintf(folder, sizeof folder, "%s%s%s", w->run, part ? "/" : "", part ? part : "");
        in(room->checkpoint, folder, "last.checkpoint");
        room->list[room->count++] = ct_train_checkpoints(folder);
        room->list[room->count++] = ct_train_log_csv(in(path, folder, "log.csv"));
        room->list[room->count++] = ct_train_log_json(in(path, folder, "log.jsonl"));
        room->list[room->count++] = ct_train_tensorboard(in(path, folder, "events"), .every_steps = 10);
        room->list[room->count++] = ct_train_curves(in(path, folder, "curves.svg"));
        room->list[room->count++] = ct_train_report(in(path, folder, "report.html"), .title = title, .class_names = names);
    }
    if (w->patience)
        room->list[room->count++] = ct_train_early_stopping(.patience = w->patience, .restore_best = true);
    return (ct_callbacks){room->list, room->count};
}

const char *watch_resume(const struct watch *w, const struct watched *room)
{
    if (!w->resume || !ct_ok() || access(room->checkpoint, F_OK))
        return NULL;
    printf("resumed: %s\n", room->checkpoint);
    return room->checkpoint;
}
