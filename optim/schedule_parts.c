/* Reducing on a plateau, and several schedules as one. */
#include <math.h>
#include <string.h>

#include "autograd/memory.h"
#include "optim/schedule.h"

/* ---- Plateau -------------------------------------------------------------------------------------------------------------------- */
enum { BEST, BAD, COOLING };
const struct schedule_kind schedule_plateau_kind = {.name = "plateau", .takes_metric = true};
const ct_schedule_plateau_options ct_schedule_plateau_defaults = {CT_SCHEDULE_PLATEAU_DEFAULTS .end_ = 0};

ct_schedule *(ct_schedule_plateau)(ct_optimizer *optimizer, const ct_schedule_plateau_options *options)
{
    const ct_schedule_plateau_options *o = options ? options : &ct_schedule_plateau_defaults;
    if (!(o->factor >= 0 && o->factor < 1))
        return ct_fail("plateau: factor %g: want at least 0 and below 1", o->factor);
    if (!isfinite(o->threshold) || !(o->eps >= 0) || o->patience < 0 || o->cooldown < 0)
        return ct_fail("plateau: threshold %g, eps %g, patience %lld, cooldown %lld: want finite numbers, the last three at least 0",
                       o->threshold, o->eps, (long long)o->patience, (long long)o->cooldown);
    ct_schedule *self = schedule_new(&schedule_plateau_kind, optimizer);
    if (!self)
        return NULL;
    self->plateau = *o;
    if (!(self->low = schedule_copy(self, o->lows, o->lowest)))
        return schedule_drop(self);
    for (size_t g = 0; g < self->groups; g++)
        if (!(self->low[g] >= 0 && isfinite(self->low[g]))) {
            ct_fail("plateau: lowest %g: want at least 0", self->low[g]);
            return schedule_drop(self);
        }
    self->plateau.lows = NULL;
    self->numbers[BEST] = o->max ? -INFINITY : INFINITY;
    return self;
}

static bool is_better(const ct_schedule_plateau_options *o, double metric, double best)
{
    if (o->max)
        return metric > (o->absolute ? best + o->threshold : best * (o->threshold + 1));
    return metric < (o->absolute ? best - o->threshold : best * (1 - o->threshold));
}

bool schedule_plateau_next(ct_schedule *self, double metric)
{
    double *n = self->numbers;
    if (!schedule_apply(self, false))           /* moves nothing here, but looks whether the groups are the same */
        return false;
    self->t++;
    if (is_better(&self->plateau, metric, n[BEST]))
        n[BEST] = metric, n[BAD] = 0;
    else
        n[BAD]++;
    if (n[COOLING] > 0)
        n[COOLING]--, n[BAD] = 0;
    if (n[BAD] <= (double)self->plateau.patience)
        return true;
    for (size_t g = 0; g < self->groups; g++) {
        double *lr = &self->optimizer->groups[g].options[LR], lower = fmax(*lr * self->plateau.factor, self->low[g]);
        if (*lr - lower > self->plateau.eps)
            *lr = lower;
    }
    n[COOLING] = (double)self->plateau.cooldown, n[BAD] = 0;
    return true;
}

/* ---- Chains and sequences ---------------------------------------------------------------------------------------------------------- */
const struct schedule_kind schedule_chained_kind = {.name = "chained"}, schedule_sequential_kind = {.name = "sequential"};

static bool check_parts(const char *name, ct_schedule *const *parts, size_t count)
{
    if (!count || !parts)
        return ct_ok() && ct_fail("%s: no schedules", name);
    for (size_t i = 0; i < count; i++) {
        if (!parts[i])
            return ct_ok() && ct_fail("%s: schedule %zu is NULL", name, i);
        if (parts[i]->object.is_part)
            return ct_fail("%s: schedule %zu is part of another already", name, i) != NULL;
        if (parts[i]->kind->takes_metric)
            return ct_fail("%s: schedule %zu is a plateau, which wants a metric", name, i) != NULL;
        if (parts[i]->optimizer != parts[0]->optimizer)
            return ct_fail("%s: schedules 0 and %zu are of two optimizers", name, i) != NULL;
        for (size_t j = 0; j < i; j++)
            if (parts[j] == parts[i])
                return ct_fail("%s: schedule %zu is given twice", name, i) != NULL;
    }
    return true;
}

static void drop_parts(ct_schedule *const *parts, size_t count)
{
    for (size_t i = 0; parts && i < count; i++) {
        bool seen = false;
        for (size_t j = 0; j < i; j++)
            seen = seen || parts[j] == parts[i];
        if (!seen && parts[i] && !parts[i]->object.is_part)
            object_drop(parts[i]);
    }
}

static ct_schedule *of_parts(const struct schedule_kind *kind, ct_schedule *const *parts, size_t count)
{
    ct_schedule *self = check_parts(kind->name, parts, count) ? schedule_new(kind, parts[0]->optimizer) : NULL;
    if (self && !(self->parts = heap_zeroed(count, sizeof(ct_schedule *)))) {
        ct_fail("%s: out of memory", kind->name);
        self = schedule_drop(self);
    }
    if (!self) {
        drop_parts(parts, count);
        return NULL;
    }
    memcpy(self->parts, parts, count * sizeof(ct_schedule *));
    for (size_t i = 0; i < count; i++)
        parts[i]->object.is_part = true;
    self->part_count = count;
    return self;
}

ct_schedule *(ct_schedule_chained)(ct_schedule *const *parts, size_t count)
{
    return of_parts(&schedule_chained_kind, parts, count);
}

/* Begins a schedule: at first from the optimizer's learning rates, later by its own formula of time 0. */
static bool enter(ct_schedule *self, bool first)
{
    self->t = 0;
    if (self->kind == &schedule_sequential_kind)
        return enter(self->parts[0], first);
    for (size_t i = 0; i < self->part_count; i++) /* of a chain, the first sets and the others multiply */
        if (!enter(self->parts[i], first || i > 0))
            return false;
    self->initial = first;
    const bool good = schedule_apply(self, !first);
    self->initial = false;
    return good;
}

ct_schedule *(ct_schedule_sequential)(ct_schedule *const *parts, size_t count, const int64_t *milestones)
{
    ct_schedule *self = of_parts(&schedule_sequential_kind, parts, count);
    if (!self)
        return NULL;
    if (count > 1 && !(self->milestones = heap_zeroed(count - 1, sizeof *milestones))) {
        ct_fail("sequential: out of memory");
        return schedule_drop(self);
    }
    for (size_t i = 0; i + 1 < count; i++) {
        if (milestones[i] < 1 || (i && milestones[i] <= milestones[i - 1])) {
            ct_fail("sequential: milestone %lld: want at least 1, and each above the one before", (long long)milestones[i]);
            return schedule_drop(self);
        }
        self->milestones[self->milestone_count++] = milestones[i];
    }
    for (size_t g = 0; g < self->groups; g++)   /* what the parts' own starts did is undone */
        self->optimizer->groups[g].options[LR] = self->optimizer->groups[g].initial_lr;
    return enter(self, true) ? self : schedule_drop(self);
}

bool schedule_parts_next(ct_schedule *self)
{
    if (self->kind == &schedule_chained_kind) {
        for (size_t i = 0; i < self->part_count; i++)
            if (!ct_schedule_next(self->parts[i]))
                return false;
        self->t++;
        return true;
    }
    size_t at = 0;
    while (at < self->milestone_count && self->milestones[at] <= self->t + 1)
        at++;
    if (at && self->milestones[at - 1] == self->t + 1 ? !enter(self->parts[at], false) : !ct_schedule_next(self->parts[at]))
        return false;
    self->t++;
    return true;
}
