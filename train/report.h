/* The report of a run: what its sections are made of. */
#ifndef COTANGENT_TRAIN_REPORT_H
#define COTANGENT_TRAIN_REPORT_H
#include <time.h>

#include "train/findings.h"
#include "train/html.h"

struct report {
    ct_run *run;
    const char *path, *title, *summary;         /* summary: NULL: not known yet */
    const char *failure;                        /* what ended the run; NULL: nothing did, or it goes on */
    bool is_over;
    time_t began;
    ct_dataset *dataset;                        /* of which findings are; may be NULL */
    const struct findings *findings;            /* NULL: the run goes on */
    char *const *class_names;
    int64_t class_name_count;
};

bool report_write(const struct report *report);
void report_predictions(struct page *page, const struct report *report);
void report_confusion(struct page *page, const struct report *report);
#endif
