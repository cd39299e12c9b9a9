/* The learning rate under which the loss falls fastest (arXiv:1506.01186, section 3.3): rates that grow step by step, until the loss runs away. */
#include <math.h>

#include "autograd/memory.h"
#include "autograd/raw.h"
#include "optim/optimizer.h"
#include "train/train.h"

const ct_find_lr_options ct_find_lr_defaults = {CT_FIND_LR_DEFAULTS .end_ = 0};

/* The values of all parameters, kept while the search moves them. */
static ct_tensor **copy_values(const ct_optimizer *optimizer)
{
    CT_SCOPE;
    CT_NO_GRAD;
    ct_tensor **copies = heap_zeroed(optimizer->count, sizeof(ct_tensor *));
    bool good = copies;
    for (size_t i = 0; good && i < optimizer->count; i++)
        good = (copies[i] = ct_keep(ct_clone(ct_detach(optimizer->parameters[i].tensor)))) != NULL;
    for (size_t i = 0; copies && !good && i < optimizer->count; i++)
        ct_release(copies[i]);
    if (!good)
        heap_free(copies);
    return good ? copies : NULL;
}

static void put_back(ct_optimizer *optimizer, ct_tensor **copies)
{
    CT_NO_GRAD;
    for (size_t i = 0; i < optimizer->count; i++) {
        ct_copy_(optimizer->parameters[i].tensor, copies[i]);
        ct_release(copies[i]);
    }
    heap_free(copies);
}

/* Raises the rate; how many losses were seen before they ran away. */
static size_t search(ct_optimizer *optimizer, ct_closure *closure, void *context, const ct_find_lr_options *o, double *rates, double *losses)
{
    double mean = 0, best = INFINITY;
    for (size_t i = 0; i < (size_t)o->steps; i++) {
        CT_SCOPE;
        rates[i] = o->from * pow(o->to / o->from, (double)i / (double)(o->steps - 1));
        if (!ct_optimizer_set_lr(optimizer, rates[i]))
            return i;
        const double loss = ct_step_closure(optimizer, closure, context);
        mean = 0.9 * mean + 0.1 * loss;
        losses[i] = mean / (1 - pow(0.9, (double)i + 1));
        if (!isfinite(losses[i]) || losses[i] > 4 * best)
            return i;
        best = fmin(best, losses[i]);
    }
    return (size_t)o->steps;
}

/* Where the smoothed loss falls fastest over a step of the rate. */
static double steepest(const double *rates, const double *losses, size_t count)
{
    size_t at = 0;
    double most = 0;
    for (size_t i = 1; i + 1 < count; i++)
        if (losses[i - 1] - losses[i + 1] > most)
            most = losses[i - 1] - losses[i + 1], at = i;
    if (!at)
        ct_fail("find_lr: the loss does not fall at any rate");
    return at ? rates[at] : NAN;
}

double(ct_train_find_lr)(ct_optimizer *optimizer, ct_closure *closure, void *context, const ct_find_lr_options *options)
{
    const ct_find_lr_options *o = options ? options : &ct_find_lr_defaults;
    if (!optimizer || !closure)
        return ct_ok() ? ct_fail("find_lr: %s is NULL", optimizer ? "closure" : "optimizer"), NAN : NAN;
    if (!(o->from > 0 && o->to > o->from && isfinite(o->to)) || o->steps < 3 || o->steps > 1000000)
        return ct_fail("find_lr: from %g to %g in %lld steps: want two rising rates above 0, and at least 3 steps", o->from, o->to,
                       (long long)o->steps), NAN;
    struct optimizer_source state;
    double *rates = heap_zeroed((size_t)o->steps, 2 * sizeof *rates), *losses = rates + o->steps, found = NAN;
    if (!rates)
        return ct_fail("find_lr: out of memory"), NAN;
    if (!optimizer_remember(optimizer, &state)) {
        heap_free(rates);
        return NAN;
    }
    ct_tensor **values = copy_values(optimizer);
    if (values) {
        const size_t count = search(optimizer, closure, context, o, rates, losses);
        put_back(optimizer, values);
        if (optimizer_put_back(optimizer, &state) && ct_ok()) {
            found = steepest(rates, losses, count);
            const ct_curve curve = {"smoothed loss", rates, losses, count};
            if (o->plot && !ct_train_plot(o->plot, &curve, 1, .title = "Learning rate range test", .x_label = "learning rate", .y_label = "loss", .log_x = true))
                found = NAN;
        }
    } else
        ct_fail("find_lr: out of memory");
    optimizer_forget(optimizer, &state);
    heap_free(rates);
    return found;
}
