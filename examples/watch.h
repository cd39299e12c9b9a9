/* What an example shows and keeps of a run while ct_train_fit trains. */
#ifndef EXAMPLES_WATCH_H
#define EXAMPLES_WATCH_H
#include <cotangent.h>

#include "options.h"

struct watch {
    const char *run;                            /* a folder for all that is kept; NULL: nothing is */
    int resume;
    int64_t patience;
};

/* Rows of an option table for a static struct watch w. */
#define WATCH_ROWS(w)                                                                                                               \
    {"run", "DIR", "keep the run there: checkpoints, log.csv, log.jsonl, TensorBoard's events, curves.svg, report.html", .text = &(w).run}, \
    {"resume", NULL, "go on from the checkpoint in --run DIR, if there is one", .on = &(w).resume},                                   \
    {"patience", "N", "stop after N epochs in a row that were not better, with the best weights; 0: never", .whole = &(w).patience}

enum { WATCH_MOST = 8, WATCH_PATH = 4096 };
struct watched {                                /* must stay until the fit is over */
    ct_callback *list[WATCH_MOST];
    size_t count;
    char checkpoint[WATCH_PATH];
};

void watch_check(const struct watch *w);        /* refuses what cannot work */
/* The callbacks that w asks for; their files go to a folder of that name in --run DIR, or NULL: there. names: of the classes, or none. */
ct_callbacks watch_callbacks(const struct watch *w, struct watched *room, const char *part, const char *title, ct_class_names names);
const char *watch_resume(const struct watch *w, const struct watched *room); /* for .resume; after watch_callbacks */
#endif
