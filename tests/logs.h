/* What the tests of logs share: a small run whose parts are all made anew, one that breaks down and goes on, a disk that is full. */
#ifndef COTANGENT_TESTS_LOGS_H
#define COTANGENT_TESTS_LOGS_H
#include <cotangent.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "files.h"

enum { SAMPLES = 48, HELD_OUT = 20, FEATURES = 5, CLASSES = 3, EPOCHS = 3, BATCHES = 3, BREAKS_AFTER = 5, SAVED_AT = 4 };

static inline int remove_all(void **state)
{
    char command[64];
    (void)state;
    snprintf(command, sizeof command, "rm -r %s", folder);
    return system(command);
}

static inline bool exists(const char *path)
{
    struct stat there;
    return !stat(path, &there);
}

static inline char *read_text(const char *path)  /* for free */
{
    FILE *file = fopen(path, "rb");
    if (!file)
        fail_msg("%s is not there", path);
    char *text = calloc(1, 1 << 22);
    const size_t count = fread(text, 1, (1 << 22) - 1, file);
    assert_true(feof(file) && count == strlen(text));
    fclose(file);
    return text;
}

/* x normal; y the place of the largest of the first three. */
static inline ct_dataset *points(int64_t samples, uint64_t seed)
{
    CT_SCOPE;
    ct_generator *generator = ct_generator_new(seed);
    ct_tensor *x = (ct_randn)((const int64_t[]){samples, FEATURES}, 2, CT_FLOAT32, generator);
    ct_dataset *set = ct_data_tensors(x, ct_argmax(ct_narrow(x, 1, 0, CLASSES), 1));
    ct_free(generator);
    return set;
}

/* The halves of a metric that is never known. */
static inline bool add_nothing(ct_metric_state *state, ct_tensor *outputs, ct_tensor *y)
{
    (void)state, (void)outputs, (void)y;
    return true;
}

static inline double not_a_number(const ct_metric_state *state)
{
    (void)state;
    return NAN;
}

/* o beside what it leaves out: epochs, batch_size, data; silent. NULL for set: points, with a validation set of others. */
static inline ct_history *train_on(ct_dataset *set, ct_module *net, ct_train_fit_options o)
{
    ct_dataset *own = set ? NULL : points(SAMPLES, 1), *held_out = set ? NULL : points(HELD_OUT, 2);
    if (!net) {
        ct_seed(3);
        net = ct_nn_sequential(ct_nn_linear(FEATURES, 8), ct_nn_tanh(), ct_nn_linear(8, CLASSES));
    }
    ct_optimizer *adam = ct_optim_adam(net, .lr = 0.01);
    o.epochs = o.epochs ? o.epochs : EPOCHS;
    o.batch_size = 16;
    o.silent = true;
    o.validation = held_out ? held_out : o.validation;
    o.metrics = o.metrics.count || set ? o.metrics : CT_METRICS(ct_metric_accuracy);
    ct_history *history = (ct_train_fit)(net, adam, (ct_train_data){.dataset = set ? set : own}, &o);
    ct_free(adam), ct_free(net), ct_free(own), ct_free(held_out);
    return history;
}

static inline bool break_down(ct_run *run, void *state)
{
    (void)state;
    return ct_run_step(run) < BREAKS_AFTER || ct_fail("the power went");
}

/* Writes the log up to step BREAKS_AFTER, past a checkpoint of step SAVED_AT, to whose path it points. */
static inline const char *break_a_run(ct_callback *log)
{
    static char checkpoints[280], last[300];
    static int runs;
    static const ct_callback_calls breaks = {.name = "power", .step = break_down};
    snprintf(checkpoints, sizeof checkpoints, "%s/checkpoints%d", folder, runs++);
    snprintf(last, sizeof last, "%s/last.checkpoint", checkpoints);
    assert_null(train_on(NULL, NULL, (ct_train_fit_options){.callbacks = CT_CALLBACKS(log, ct_train_checkpoints(checkpoints, .every_steps = SAVED_AT),
                                                                              ct_callback_new(&breaks, NULL))}));
    assert_error("the power went");
    return last;
}

/* Files may grow to this many bytes from here; returns what was allowed before. */
static inline struct rlimit limit_files(rlim_t bytes)
{
    struct rlimit before;
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &(struct rlimit){bytes, before.rlim_max}), 0);
    return before;
}
#endif
