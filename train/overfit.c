/* Can it learn at all? One batch, again and again, must be learnt by heart. */
#include <math.h>
#include <stdlib.h>

#include "autograd/raw.h"
#include "optim/optimizer.h"
#include "train/run.h"
#include "train/weights.h"

struct one_batch {
    ct_module *net;
    ct_optimizer *optimizer;
    ct_batch batch;
    ct_train_loss *loss;
    void *context;
};

static double close_step(void *context)
{
    struct one_batch *c = context;
    CT_SCOPE;
    ct_tensor *outputs = NULL, *loss = c->loss(c->net, &c->batch, &outputs, c->context);
    ct_optimizer_zero_grad(c->optimizer);
    return ct_backward(loss) ? ct_item(loss) : NAN;
}

static double last_over_first(struct one_batch *c, int64_t steps)
{
    double first = NAN, last = NAN;
    for (int64_t i = 0; i < steps; i++) {
        const uint64_t failures = error_count();
        last = ct_step_closure(c->optimizer, close_step, c);
        if (failures != error_count())
            return NAN;
        if (!isfinite(last))
            return ct_fail("overfit: the loss of step %lld is %g at a learning rate of %g", (long long)i + 1, last, ct_optimizer_lr(c->optimizer)), NAN;
        first = i ? first : last;
    }
    return last / first;
}

static double overfit(ct_module *net, ct_optimizer *optimizer, ct_train_data training, int64_t steps, const ct_train_fit_options *o)
{
    if (!net || !optimizer || (!training.dataset && !training.loader))
        return ct_ok() ? ct_fail("overfit: %s is NULL", !net ? "net" : !optimizer ? "optimizer" : "the training data"), NAN : NAN;
    if (steps < 2)
        return ct_fail("overfit: %lld steps: want at least 2", (long long)steps), NAN;
    ct_cross_entropy_options weighted;
    void *context = o->loss_context;
    if (o->class_weights && !(context = run_weigh_classes(o, &weighted)))
        return NAN;
    ct_loader *loader = training.loader;
    if (!loader)
        loader = ct_loader_new(training.dataset, .batch_size = o->batch_size, .shuffle = true, .seed = o->seed);
    struct one_batch c = {net, optimizer, {NULL, NULL}, o->loss ? o->loss : ct_loss_cross_entropy, context};
    struct parts state = {.copies = true};
    struct weights values = {0};
    double ratio = NAN;
    if (loader && optimizer_list(optimizer, &state)) {
        if (!ct_loader_next(loader, &c.batch)) {
            if (ct_ok())
                ct_fail("overfit: the data has no batches");
        } else if (weights_take(&values, net)) {
            ratio = last_over_first(&c, steps);
            if (!weights_put(&values, net) || !optimizer_put_back(optimizer, &state))
                ratio = NAN;
        }
        weights_clear(&values);
    }
    parts_free(&state);
    if (loader != training.loader)
        (ct_free)(loader);
    return ratio;
}

double(ct_train_overfit)(ct_module *net, ct_optimizer *optimizer, ct_train_data training, int64_t steps, const ct_train_fit_options *options)
{
    const ct_train_fit_options *o = options ? options : &ct_train_fit_defaults;
    const double ratio = overfit(net, optimizer, training, steps, o);
    callbacks_free(o->callbacks.list, o->callbacks.count);
    return ratio;
}

/* ---- Classes that are rare count for more ------------------------------------------------------------------------------------------ */
ct_tensor *ct_train_class_weights(ct_dataset *dataset, int64_t classes)
{
    const int64_t size = ct_dataset_size(dataset);
    if (size < 1 || classes < 1 || classes > INT32_MAX)
        return ct_ok() ? ct_fail("class_weights: %lld samples, %lld classes: want at least 1", (long long)size, (long long)classes), NULL : NULL;
    ct_tensor *weights = ct_zeros_as(CT_FLOAT64, classes);
    ct_loader *loader = weights ? ct_loader_new(dataset, .batch_size = 256) : NULL;
    bool good = loader;
    for (ct_batch batch; good && ct_loader_next(loader, &batch);) {
        CT_SCOPE;
        ct_tensor *counts = batch.y && ct_dtype_of(batch.y) == CT_INT64 && ct_rank(batch.y) == 1 ? ct_bincount(batch.y, .minlength = classes) : NULL;
        if (!counts || ct_numel(counts) != classes)
            good = ct_ok() ? ct_fail("class_weights: want y int64 () in [0, %lld)", (long long)classes) != NULL : false;
        else
            good = ct_add_(weights, counts) != NULL;
    }
    (ct_free)(loader);
    ct_tensor *shares = good && ct_ok() ? ct_div((double)size / (double)classes, weights) : NULL;
    return shares ? ct_cast(ct_where(ct_eq(weights, 0), 0.0, shares), CT_FLOAT32) : NULL;
}
