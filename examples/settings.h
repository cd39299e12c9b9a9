/* What the training examples share: options, and the data they name. */
#ifndef EXAMPLES_SETTINGS_H
#define EXAMPLES_SETTINGS_H
#include <cotangent.h>

#include "options.h"

struct settings {
    const char *data, *save, *load;
    int64_t epochs, batch_size, seed, threads, limit, test_limit, hold_out;
    double lr;
    int evaluate, download;
};

/* Rows of an option table for a static struct settings s. */
#define SETTINGS_ROWS(s, data_help, lr_help)                                                                  \
    {"data", "DIR", data_help, .text = &(s).data},                                                            \
    {"download", NULL, "fetch the data where they are nowhere, into the cache folder or --data DIR", .on = &(s).download}, \
    {"epochs", "N", "passes over the training data", .whole = &(s).epochs, .least = 1},                       \
    {"batch-size", "N", "samples in a batch", .whole = &(s).batch_size, .least = 1},                          \
    {"lr", "X", lr_help, .number = &(s).lr},                                                                  \
    {"seed", "N", "of weights, order of the data and synthetic images", .whole = &(s).seed},                  \
    {"threads", "N", "0: one per core", .whole = &(s).threads},                                               \
    {"limit", "N", "use the first N training records; 0: all", .whole = &(s).limit},                          \
    {"test-limit", "N", "test with the first N records; 0: all", .whole = &(s).test_limit},                   \
    {"hold-out", "N", "records of these for validation; 0: a tenth", .whole = &(s).hold_out},                 \
    {"save", "FILE", "write the trained weights here, as safetensors", .text = &(s).save},                    \
    {"load", "FILE", "start from these weights", .text = &(s).load},                                          \
    {"evaluate", NULL, "do not train, only test (with --load)", .on = &(s).evaluate}

/* Refuses what cannot work, before hours of training; sets threads and seed. False after a failure. */
bool settings_apply(const struct settings *s);
void settings_check_path(const char *option, const char *path); /* refuses a path that no file can be written to */

/* The four sets are freed by whoever asked; training and validation are parts of all. */
struct sets {
    ct_dataset *all, *training, *validation, *testing;
};
/* MNIST and CIFAR-10 where they are found, else synthetic digits and shapes, saying so. */
struct sets settings_open_digits(const struct settings *s, bool normalize);
struct sets settings_open_images(const struct settings *s);
struct sets sets_split(const struct settings *s, ct_dataset *all, ct_dataset *testing); /* the end of all is for validation; takes both over */
void sets_free(struct sets *sets);
#endif
