/* The one run that checkpoints of fuzz_checkpoint are of. */
#ifndef COTANGENT_FUZZ_CHECKPOINT_H
#define COTANGENT_FUZZ_CHECKPOINT_H
#include <data/data.h>
#include <nn/nn.h>
#include <optim/optim.h>
#include <train/fit.h>
#include <train/train.h>

struct fuzz_run {
    ct_module *net;
    ct_optimizer *optimizer;
    ct_schedule *schedule;
    ct_average *average;
    ct_dataset *set;
};

static inline struct fuzz_run fuzz_run_new(void)
{
    CT_SCOPE;
    struct fuzz_run r = {.net = ct_nn_linear(2, 2), .set = ct_data_tensors(ct_ones(8, 2), ct_zeros_as(CT_INT64, 8))};
    r.optimizer = ct_optim_sgd(r.net, .lr = 0.1, .momentum = 0.9);
    r.schedule = ct_schedule_cosine(r.optimizer, 10);
    r.average = ct_average_new(r.net, .decay = 0.9);
    return r;
}

static inline void fuzz_run_free(struct fuzz_run *r)
{
    (ct_free)(r->average), (ct_free)(r->schedule), (ct_free)(r->optimizer), (ct_free)(r->net), (ct_free)(r->set);
}

static inline ct_history *fuzz_run_fit(const struct fuzz_run *r, const char *resume, ct_callbacks callbacks)
{
    ct_train_fit_options o = ct_train_fit_defaults;
    o.epochs = 3, o.batch_size = 4, o.silent = o.keep_signals = true, o.schedule = r->schedule, o.average = r->average;
    o.metrics = CT_METRICS(ct_metric_f1), o.resume = resume, o.callbacks = callbacks;
    return (ct_train_fit)(r->net, r->optimizer, (ct_train_data){.dataset = r->set}, &o);
}
#endif
