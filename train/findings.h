/* What a network tells of a data set: confusions of classes, the samples it errs on most, the first ones. */
#ifndef COTANGENT_TRAIN_FINDINGS_H
#define COTANGENT_TRAIN_FINDINGS_H
#include "train/fit.h"

enum { FINDING_NUMBERS = 4 };

struct finding {
    int64_t index;                              /* of the sample */
    int64_t told, truth;                        /* classes */
    double score;                               /* how sure it is of the class it told, or the mean error of the numbers */
    int numbers;                                /* how many of them: the first few of */
    double told_numbers[FINDING_NUMBERS], true_numbers[FINDING_NUMBERS];
};

struct findings {
    enum { FOUND_NOTHING, FOUND_CLASSES, FOUND_NUMBERS } kind;
    char reason[256];                           /* why nothing was found */
    ct_tensor *confusion;                       /* int64 (C, C), kept; row: the true class */
    bool labels;                                /* each output is a yes or no */
    int64_t seen, most, first_count, worst_count;
    struct finding *first, *worst;              /* at most `most` of each; worst: wrong ones, the surest first, or the largest errors */
};

/* A pass over dataset in evaluation mode with the weights that validation sees. True also where nothing was found; false: a failure. */
bool findings_make(struct findings *findings, ct_run *run, ct_dataset *dataset, int64_t most);
void findings_clear(struct findings *findings);
#endif
