/* Batches one after another: their mean loss, the metrics, and in evaluation what the network says of each. */
#include <math.h>
#include <string.h>

#include "autograd/memory.h"
#include "nn/module.h"
#include "train/run.h"

bool pass_takes(const char *call, const ct_metrics *metrics)
{
    for (size_t i = 0; i < metrics->count; i++) {
        const ct_metric *one = &metrics->list[i];
        if (!*one->name || !memchr(one->name, 0, sizeof one->name))
            return ct_fail("%s: metric %zu: want a name of 1 to %zu characters", call, i, sizeof one->name - 1) != NULL;
        if (!one->add || !one->result)
            return ct_fail("%s: metric %s: %s is NULL", call, one->name, one->add ? "result" : "add") != NULL;
    }
    return true;
}

bool pass_begin(struct pass *pass, const ct_metrics *metrics)
{
    *pass = (struct pass){.metrics = metrics};
    pass->states = heap_zeroed(metrics->count ? metrics->count : 1, sizeof *pass->states);
    if (!pass->states)
        return ct_fail("metrics: out of memory") != NULL;
    for (size_t i = 0; i < metrics->count; i++)
        pass->states[i].option = metrics->list[i].option;
    return true;
}

void pass_end(struct pass *pass)
{
    for (size_t i = 0; pass->states && i < pass->metrics->count; i++)
        ct_release(pass->states[i].table);
    heap_free(pass->states);
    *pass = (struct pass){.metrics = pass->metrics};
}

bool pass_add(struct pass *pass, const ct_batch *batch, double loss, ct_tensor *outputs)
{
    const double samples = (double)ct_size(batch->x, 0);
    pass->loss_sum += loss * samples;
    pass->samples += samples;
    if (!pass->metrics->count)
        return true;
    if (!outputs || !batch->y)
        return ct_fail("metrics: %s", outputs ? "the data set has no targets" : "the loss gave no outputs to measure") != NULL;
    CT_SCOPE;
    CT_NO_GRAD;
    ct_tensor *values = ct_detach(outputs);
    for (size_t i = 0; i < pass->metrics->count; i++)
        if (!pass->metrics->list[i].add(&pass->states[i], values, batch->y))
            return ct_ok() ? ct_fail("metrics: %s failed", pass->metrics->list[i].name) != NULL : false;
    return true;
}

double pass_loss(const struct pass *pass)
{
    return pass->loss_sum / pass->samples;
}

double pass_metric(const struct pass *pass, size_t index)
{
    return pass->metrics->list[index].result(&pass->states[index]);
}

static bool evaluate_batch(struct pass *pass, ct_module *net, const ct_batch *batch, ct_train_loss *loss, void *context)
{
    CT_SCOPE;
    ct_tensor *outputs = NULL, *value = NULL;
    if (loss)
        value = loss(net, batch, &outputs, context);
    else
        outputs = ct_forward(net, batch->x);
    if (loss ? !value : !outputs)
        return ct_ok() ? ct_fail("evaluate: the loss is NULL") != NULL : false;
    return pass_add(pass, batch, value ? ct_item(value) : NAN, outputs) && ct_ok();
}

bool pass_run(struct pass *pass, ct_module *net, ct_loader *loader, ct_train_loss *loss, void *context, int64_t most)
{
    CT_NO_GRAD;
    const ct_loader_position start = ct_loader_tell(loader);
    if (start.batch && !ct_loader_seek(loader, (ct_loader_position){start.epoch, 0}))
        return false;
    module_pause_training(net);
    int64_t seen = 0;
    for (ct_batch batch; (!most || seen < most) && ct_loader_next(loader, &batch) && evaluate_batch(pass, net, &batch, loss, context);)
        seen++;
    module_resume_training(net);
    return seen == (most ? most : ct_loader_batches(loader));
}

/* ---- Evaluate, predict ------------------------------------------------------------------------------------------------------------- */
const ct_train_evaluate_options ct_train_evaluate_defaults = {CT_TRAIN_EVALUATE_DEFAULTS .end_ = 0};
const ct_train_predict_options ct_train_predict_defaults = {CT_TRAIN_PREDICT_DEFAULTS .end_ = 0};

static bool given(const char *call, const void *net, const void *data)
{
    if (net && data)
        return true;
    return ct_ok() ? ct_fail("%s: %s is NULL", call, net ? "the data" : "net") != NULL : false;
}

bool(ct_train_evaluate)(ct_module *net, ct_train_data data, double *values, const ct_train_evaluate_options *options)
{
    const ct_train_evaluate_options *o = options ? options : &ct_train_evaluate_defaults;
    if (!given("evaluate", net, data.loader ? (void *)data.loader : (void *)data.dataset))
        return false;
    if (!values)
        return ct_fail("evaluate: values is NULL") != NULL;
    if (!pass_takes("evaluate", &o->metrics))
        return false;
    ct_loader *loader = data.loader ? data.loader : ct_loader_new(data.dataset, .batch_size = o->batch_size);
    struct pass pass;
    bool good = loader && pass_begin(&pass, &o->metrics);
    if (good) {
        good = ct_loader_batches(loader) > 0 || ct_fail("evaluate: the data set is empty");
        good = good && pass_run(&pass, net, loader, o->loss, o->loss_context, 0);
        values[0] = good ? pass_loss(&pass) : NAN;
        for (size_t i = 0; i < o->metrics.count; i++)
            values[i + 1] = good ? pass_metric(&pass, i) : NAN;
        pass_end(&pass);
    }
    if (loader != data.loader)
        (ct_free)(loader);
    return good;
}

/* outputs of a batch into their rows of all; all is made with the first, of whose shape the others must be. */
static bool put_rows(ct_tensor **all, ct_tensor *outputs, int64_t at, int64_t size)
{
    if (!outputs || ct_rank(outputs) < 1)
        return ct_ok() ? ct_fail("predict: net's outputs have no axis of samples") != NULL : false;
    if (!*all) {
        int64_t sizes[CT_MAX_RANK];
        for (int i = 0; i < ct_rank(outputs); i++)
            sizes[i] = i ? ct_size(outputs, i) : size;
        if (!(*all = ct_promote((ct_empty)(sizes, (size_t)ct_rank(outputs), ct_dtype_of(outputs)))))
            return false;
    }
    return ct_copy_(ct_narrow(*all, 0, at, ct_size(outputs, 0)), outputs) != NULL;
}

ct_tensor *(ct_train_predict)(ct_module *net, ct_dataset *dataset, const ct_train_predict_options *options)
{
    const ct_train_predict_options *o = options ? options : &ct_train_predict_defaults;
    if (!given("predict", net, dataset))
        return NULL;
    const int64_t size = ct_dataset_size(dataset);
    if (!size)
        return ct_fail("predict: the data set is empty"), NULL;
    ct_loader *loader = ct_loader_new(dataset, .batch_size = o->batch_size);
    if (!loader)
        return NULL;
    ct_tensor *all = NULL;
    int64_t done = 0;
    const ct_scope scope = ct_scope_open();
    const bool recording = ct_set_recording(false);
    module_pause_training(net);
    for (ct_batch batch; ct_loader_next(loader, &batch);) {
        CT_SCOPE;
        if (!put_rows(&all, ct_forward(net, batch.x), done, size))
            break;
        done += ct_size(batch.x, 0);
    }
    module_resume_training(net);
    ct_set_recording(recording);
    if (done == size)
        ct_promote(all);
    ct_scope_close(scope);
    (ct_free)(loader);
    return done == size ? all : NULL;
}

ct_tensor *(ct_train_confusion)(ct_module *net, ct_dataset *dataset, const ct_train_predict_options *options)
{
    const ct_train_predict_options *o = options ? options : &ct_train_predict_defaults;
    if (!given("confusion", net, dataset))
        return NULL;
    ct_loader *loader = ct_loader_new(dataset, .batch_size = o->batch_size);
    const ct_metrics metrics = CT_METRICS(ct_metric_f1); /* which counts pairs of classes */
    struct pass pass;
    if (!loader || !pass_begin(&pass, &metrics)) {
        (ct_free)(loader);
        return NULL;
    }
    ct_tensor *counts = NULL;
    if (pass_run(&pass, net, loader, NULL, NULL, 0))
        counts = pass.states[0].table ? ct_clone(pass.states[0].table) : (ct_fail("confusion: the data set is empty"), NULL);
    pass_end(&pass);
    (ct_free)(loader);
    return counts;
}
