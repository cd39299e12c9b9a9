/* The learning rate under which the loss falls fastest (arXiv:1506.01186, section 3.3): rates that grow step by step, until the loss runs away. */
#include <math.h>
#include <stdlib.h>

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

static int by_size(const void *a, const void *b)
{
    const double x = fabs(*(const double *)a), y = fabs(*(const double *)b);
    return (x > y) - (x < y);
}

/* The steepest fall before the lowest loss, by lines fitted to a tenth of the steps each, past the tenth in which the smoothed loss is few
 * losses' mean. A fall counts if it is far steeper than most lines, which are chance, or than all rises, and does not come back from one. Spoils slopes. */
static double steepest(const double *rates, const double *losses, double *slopes, size_t count, size_t steps)
{
    const size_t half = steps / 20 + 1;
    size_t lowest = 0, at = 0, seen = 0;
    double fall = 0, rise = 0;
    for (size_t i = 1; i < count; i++)
        lowest = losses[i] < losses[lowest] ? i : lowest;
    for (size_t i = steps / 10 + half; i <= lowest && i + half < count; i++) {
        double slope = 0;
        for (size_t j = 1; j <= half; j++)
            slope += (double)j * (losses[i + j] - losses[i - j]);
        slopes[seen++] = slope;
        rise = fmax(rise, slope);
        if (-slope > fall && -slope > 2 * rise)
            fall = -slope, at = i;
    }
    qsort(slopes, seen, sizeof *slopes, by_size);
    if (at && (fall > 3 * fabs(slopes[seen / 2]) || fall > 10 * rise))
        return rates[at];
    ct_fail("find_lr: the loss falls clearly at no rate from %g to %g: more steps or larger batches may help", rates[0], rates[count ? count - 1 : 0]);
    return NAN;
}

double(ct_train_find_lr)(ct_optimizer *optimizer, ct_closure *closure, void *context, const ct_find_lr_options *options)
{
    const ct_find_lr_options *o = options ? options : &ct_find_lr_defaults;
    if (!optimizer || !closure)
        return ct_ok() ? ct_fail("find_lr: %s is NULL", optimizer ? "closure" : "optimizer"), NAN : NAN;
    if (!(o->from > 0 && o->to > o->from && isfinite(o->to)) || o->steps < 3 || o->steps > 1000000)
        return ct_fail("find_lr: from %g to %g in %lld steps: want two rising rates above 0, and at least 3 steps", o->from, o->to,
                       (long long)o->steps), NAN;
    struct parts state = {.copies = true};
    double *rates = heap_zeroed((size_t)o->steps, 3 * sizeof *rates), *losses = rates + o->steps, found = NAN;
    if (!rates)
        return ct_fail("find_lr: out of memory"), NAN;
    const bool remembered = optimizer_list(optimizer, &state);
    ct_tensor **values = remembered ? copy_values(optimizer) : NULL;
    if (values) {
        const size_t count = search(optimizer, closure, context, o, rates, losses);
        put_back(optimizer, values);
        if (optimizer_put_back(optimizer, &state) && ct_ok()) {
            found = steepest(rates, losses, losses + o->steps, count, (size_t)o->steps);
            const ct_curve curve = {"smoothed loss", rates, losses, count};
            if (o->plot && !ct_train_plot(o->plot, &curve, 1, .title = "Learning rate range test", .x_label = "learning rate", .y_label = "loss", .log_x = true))
                found = NAN;
        }
    } else if (remembered)
        ct_fail("find_lr: out of memory");
    parts_free(&state);
    heap_free(rates);
    return found;
}
