/* What the tests of fit share: a small classification, and runs whose parts are all made anew. */
#ifndef COTANGENT_TESTS_FIT_H
#define COTANGENT_TESTS_FIT_H
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine.h"

enum { SAMPLES = 70, FEATURES = 6, CLASSES = 3 };

static char folder[] = "/tmp/cotangent_fit_XXXXXX";

static inline int make_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) ? 0 : -1;
}

static inline int remove_folder(void **state)
{
    char command[64];
    (void)state;
    snprintf(command, sizeof command, "rm -r %s", folder);
    return system(command);
}

static inline const char *path_of(const char *name) /* valid for seven more calls */
{
    static char path[8][256];
    static int turn;
    turn = (turn + 1) % 8;
    snprintf(path[turn], sizeof *path, "%s/%s", folder, name);
    return path[turn];
}

static inline bool exists(const char *path)
{
    struct stat there;
    return !stat(path, &there);
}

/* x uniform; y the class of the largest of three sums. */
static inline ct_dataset *blobs(int64_t samples)
{
    CT_SCOPE;
    ct_generator *generator = ct_generator_new(7);
    ct_tensor *x = (ct_rand)((const int64_t[]){samples, FEATURES}, 2, CT_FLOAT32, generator);
    ct_tensor *sums = ct_add(ct_slice(x, ":, :3"), ct_slice(x, ":, 3:"));
    ct_dataset *set = ct_data_tensors(x, ct_argmax(sums, 1));
    ct_free(generator);
    return set;
}

struct parts_of_run {
    ct_dataset *set, *held_out;
    ct_module *net;
    ct_optimizer *optimizer;
    ct_schedule *schedule;
    ct_average *average;
};

static inline struct parts_of_run make_run(void)
{
    struct parts_of_run r = {.set = blobs(SAMPLES), .held_out = blobs(20)};
    ct_seed(3);
    r.net = ct_nn_sequential(ct_nn_linear(FEATURES, 16), ct_nn_batch_norm1d(16), ct_nn_relu(), ct_nn_dropout(0.2), ct_nn_linear(16, CLASSES));
    r.optimizer = ct_optim_adam(r.net, .lr = 1e-2);
    r.schedule = ct_schedule_exponential(r.optimizer, 0.99);
    r.average = ct_average_new(r.net, .decay = 0.9);
    return r;
}

static inline void free_run(struct parts_of_run *r)
{
    ct_free(r->average), ct_free(r->schedule), ct_free(r->optimizer), ct_free(r->net), ct_free(r->set), ct_free(r->held_out);
    *r = (struct parts_of_run){0};
}

/* All parameters and buffers of two modules of one make are equal, bit for bit. */
static inline bool bytes_equal(const char *name, ct_tensor *tensor, bool is_parameter, void *other)
{
    CT_SCOPE;
    (void)is_parameter;
    ct_tensor *a = ct_contiguous(ct_detach(tensor)), *b = ct_contiguous(ct_detach(ct_module_find(other, name)));
    const bool same = !memcmp(ct_data(a), ct_data(b), (size_t)ct_numel(a) * ct_dtype_size(ct_dtype_of(a)));
    if (!same)
        print_error("%s differs\n", name);
    return same;
}

static inline bool same_weights(const ct_module *a, ct_module *b)
{
    return ct_module_each(a, bytes_equal, b);
}
#endif
