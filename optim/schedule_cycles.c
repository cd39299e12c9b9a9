/* Learning rates that rise and fall, with momentum against them: one cycle (arXiv:1708.07120) and many (arXiv:1506.01186). */
#include <math.h>

#include "optim/schedule.h"

static const double PI = 3.14159265358979323846;

static bool all_finite(const ct_schedule *self, const char *what, const double *values)
{
    for (size_t g = 0; g < self->groups; g++)
        if (!(values[g] >= 0 && isfinite(values[g])))
            return ct_fail("%s: %s %g: want at least 0", self->kind->name, what, values[g]) != NULL;
    return true;
}

/* ---- One cycle ---------------------------------------------------------------------------------------------------------------- */
/* From a to b, the part `done` of the way. */
static double between(const ct_schedule *self, double a, double b, double done)
{
    return self->one_cycle.linear ? (b - a) * done + a : b + (a - b) / 2 * (cos(PI * done) + 1);
}

/* Which phase time t falls in, and how far it is through. */
static int phase(const ct_schedule *self, int64_t t, double *done)
{
    const ct_schedule_one_cycle_options *o = &self->one_cycle;
    const double steps = (double)self->steps;
    const double ends[] = {o->rise * steps - 1, o->three_phase ? 2 * o->rise * steps - 2 : steps - 1, steps - 1};
    const int last = o->three_phase ? 2 : 1;
    double start = 0;
    for (int i = 0;; start = ends[i++])
        if ((double)t <= ends[i] || i == last) {
            *done = fmin(((double)t - start) / (ends[i] - start), 1); /* at t = steps, PyTorch's goes past its end */
            return o->three_phase ? i : i * 3;  /* 0: up, 1: down again, 2: to the end, 3: from the top to the end */
        }
}

static double one_cycle_lr(const ct_schedule *self, int64_t t, int group, double lr, double base)
{
    (void)lr;
    double done;
    const int at = phase(self, t, &done);
    const double high = self->high[group], low = base / self->one_cycle.final_div;
    return at == 0 ? between(self, base, high, done) : at == 1 ? between(self, high, base, done) :
           between(self, at == 2 ? base : high, low, done);
}

static double one_cycle_momentum(const ct_schedule *self, int64_t t)
{
    double done;
    const int at = phase(self, t, &done);
    const double low = self->one_cycle.base_momentum, high = self->one_cycle.max_momentum;
    return at == 0 ? between(self, high, low, done) : between(self, at == 2 ? high : low, high, done);
}

static bool one_cycle_advance(ct_schedule *self, int64_t t)
{
    return t <= self->steps || ct_fail("one_cycle: stepped past its end: time %lld of %lld", (long long)t, (long long)self->steps);
}

static const struct schedule_kind one_cycle_kind = {
    .name = "one_cycle", .lr = one_cycle_lr, .momentum = one_cycle_momentum, .advance = one_cycle_advance, .sets_base = true,
};
const ct_schedule_one_cycle_options ct_schedule_one_cycle_defaults = {CT_SCHEDULE_ONE_CYCLE_DEFAULTS .end_ = 0};

ct_schedule *(ct_schedule_one_cycle)(ct_optimizer *optimizer, double highest, int64_t steps, const ct_schedule_one_cycle_options *options)
{
    const ct_schedule_one_cycle_options *o = options ? options : &ct_schedule_one_cycle_defaults;
    if (steps < 1)
        return ct_fail("one_cycle: %lld steps: want at least 1", (long long)steps);
    if (!(o->rise >= 0 && o->rise <= 1) || !(o->div > 0 && isfinite(o->div)) || !(o->final_div > 0 && isfinite(o->final_div)))
        return ct_fail("one_cycle: rise %g, div %g, final_div %g: want 0 to 1 and two numbers above 0", o->rise, o->div, o->final_div);
    ct_schedule *self = schedule_new(&one_cycle_kind, optimizer);
    if (!self)
        return NULL;
    self->one_cycle = *o;
    self->steps = steps;
    if (!(self->high = schedule_copy(self, o->highs, highest)) || !all_finite(self, "highest", self->high) ||
        (!o->no_momentum && !schedule_find_momentum(self)))
        return schedule_drop(self);
    self->one_cycle.highs = NULL;
    for (size_t g = 0; g < self->groups; g++)
        self->base[g] = self->high[g] / o->div;
    return schedule_start(self);
}

/* ---- Many cycles --------------------------------------------------------------------------------------------------------------- */
/* How high the saw stands at time t: its place between 0 and 1, times the height of this cycle. */
static double height(const ct_schedule *self, int64_t t)
{
    const ct_schedule_cyclic_options *o = &self->cyclic;
    const double up = (double)o->up, total = up + (double)(o->down ? o->down : o->up), ratio = up / total;
    const double cycle = floor(1 + (double)t / total), x = 1 + (double)t / total - cycle;
    const double place = x <= ratio ? x / ratio : (x - 1) / (ratio - 1);
    if (o->height)
        return place * o->height(o->by_step ? t : (int64_t)cycle, 0, o->context);
    return o->shape == CT_TRIANGULAR ? place : o->shape == CT_TRIANGULAR2 ? place * (1 / pow(2, cycle - 1)) : place * pow(o->gamma, (double)t);
}

static double cyclic_lr(const ct_schedule *self, int64_t t, int group, double lr, double base)
{
    (void)lr;
    return base + (self->high[group] - base) * height(self, t);
}

static double cyclic_momentum(const ct_schedule *self, int64_t t)
{
    return self->cyclic.max_momentum - (self->cyclic.max_momentum - self->cyclic.base_momentum) * height(self, t);
}

static const struct schedule_kind cyclic_kind = {.name = "cyclic", .lr = cyclic_lr, .momentum = cyclic_momentum};
const ct_schedule_cyclic_options ct_schedule_cyclic_defaults = {CT_SCHEDULE_CYCLIC_DEFAULTS .end_ = 0};

ct_schedule *(ct_schedule_cyclic)(ct_optimizer *optimizer, double lowest, double highest, const ct_schedule_cyclic_options *options)
{
    const ct_schedule_cyclic_options *o = options ? options : &ct_schedule_cyclic_defaults;
    if (o->up < 1 || o->down < 0)
        return ct_fail("cyclic: %lld steps up, %lld down: want at least 1, and 0 for as many", (long long)o->up, (long long)o->down);
    if (o->shape != CT_TRIANGULAR && o->shape != CT_TRIANGULAR2 && o->shape != CT_EXP_RANGE)
        return ct_fail("cyclic: shape %d: want a ct_schedule_shape", (int)o->shape);
    if (!(o->gamma >= 0 && isfinite(o->gamma)))
        return ct_fail("cyclic: gamma %g: want at least 0", o->gamma);
    ct_schedule *self = schedule_new(&cyclic_kind, optimizer);
    if (!self)
        return NULL;
    self->cyclic = *o;
    if (!(self->low = schedule_copy(self, o->lows, lowest)) || !(self->high = schedule_copy(self, o->highs, highest)) ||
        !all_finite(self, "lowest", self->low) || !all_finite(self, "highest", self->high) ||
        (!o->no_momentum && !schedule_find_momentum(self)))
        return schedule_drop(self);
    self->cyclic.lows = self->cyclic.highs = NULL;
    for (size_t g = 0; g < self->groups; g++)
        self->base[g] = self->low[g];
    return schedule_start(self);
}
