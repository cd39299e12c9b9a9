/* Schedules that are a formula of time. Where PyTorch writes a recurrence, so do we: several of them chained multiply. */
#include <math.h>

#include "autograd/memory.h"
#include "optim/schedule.h"

#define LR_OF(name) static double name(const ct_schedule *self, int64_t t, int group, double lr, double base)
#define CLOSED_OF(name) static double name(const ct_schedule *self, int64_t t, int group, double base)
static const double PI = 3.14159265358979323846;

/* Checks that a number is finite and within bounds. */
static bool in_range(const char *name, const char *what, double value, double least, double most)
{
    return (value >= least && value <= most && isfinite(value)) || ct_fail("%s: %s %g: want %g to %g", name, what, value, least, most);
}

static bool at_least_1(const char *name, const char *what, int64_t value)
{
    return value >= 1 || ct_fail("%s: %s %lld: want at least 1", name, what, (long long)value);
}

/* ---- Steps ------------------------------------------------------------------------------------------------------------------- */
LR_OF(step_lr)
{
    (void)group, (void)base;
    return t == 0 || t % self->curve.every ? lr : lr * self->curve.gamma;
}
CLOSED_OF(step_closed)
{
    (void)group;
    return base * pow(self->curve.gamma, (double)(t / self->curve.every));
}
static const struct schedule_kind step_kind = {.name = "step", .lr = step_lr, .closed = step_closed};
const ct_schedule_gamma_options ct_schedule_gamma_defaults = {CT_SCHEDULE_GAMMA_DEFAULTS .end_ = 0};

ct_schedule *(ct_schedule_step)(ct_optimizer *optimizer, int64_t every, const ct_schedule_gamma_options *options)
{
    const double gamma = options ? options->gamma : ct_schedule_gamma_defaults.gamma;
    if (!at_least_1("step", "every", every) || !in_range("step", "gamma", gamma, 0, HUGE_VAL))
        return NULL;
    ct_schedule *self = schedule_new(&step_kind, optimizer);
    if (self)
        self->curve.every = every, self->curve.gamma = gamma;
    return schedule_start(self);
}

/* Milestones at t, or up to it. */
static int passed(const ct_schedule *self, int64_t t, bool at)
{
    int count = 0;
    for (size_t i = 0; i < self->milestone_count; i++)
        count += at ? self->milestones[i] == t : self->milestones[i] <= t;
    return count;
}
LR_OF(multi_step_lr)
{
    (void)group, (void)base;
    const int count = passed(self, t, true);
    return count ? lr * pow(self->curve.gamma, count) : lr;
}
CLOSED_OF(multi_step_closed)
{
    (void)group;
    return base * pow(self->curve.gamma, passed(self, t, false));
}
static const struct schedule_kind multi_step_kind = {.name = "multi_step", .lr = multi_step_lr, .closed = multi_step_closed};

ct_schedule *(ct_schedule_multi_step)(ct_optimizer *optimizer, double gamma, const int64_t *milestones, size_t count)
{
    if (!in_range("multi_step", "gamma", gamma, 0, HUGE_VAL))
        return NULL;
    if (count && !milestones)
        return ct_fail("multi_step: milestones is NULL");
    ct_schedule *self = schedule_new(&multi_step_kind, optimizer);
    if (self && count && !(self->milestones = heap_zeroed(count, sizeof *milestones))) {
        ct_fail("multi_step: out of memory");
        return schedule_drop(self);
    }
    for (size_t i = 0; self && i < count; i++)
        self->milestones[self->milestone_count++] = milestones[i];
    if (self)
        self->curve.gamma = gamma;
    return schedule_start(self);
}

/* ---- Falling curves ------------------------------------------------------------------------------------------------------------ */
LR_OF(exponential_lr)
{
    (void)group, (void)base, (void)t;
    return self->initial ? lr : lr * self->curve.gamma;
}
CLOSED_OF(exponential_closed)
{
    (void)group;
    return base * pow(self->curve.gamma, (double)t);
}
static const struct schedule_kind exponential_kind = {.name = "exponential", .lr = exponential_lr, .closed = exponential_closed};

ct_schedule *ct_schedule_exponential(ct_optimizer *optimizer, double gamma)
{
    if (!in_range("exponential", "gamma", gamma, 0, HUGE_VAL))
        return NULL;
    ct_schedule *self = schedule_new(&exponential_kind, optimizer);
    if (self)
        self->curve.gamma = gamma;
    return schedule_start(self);
}

LR_OF(polynomial_lr)
{
    (void)group, (void)base;
    const double steps = (double)self->curve.steps;
    if (self->initial || t > self->curve.steps)
        return lr;
    return lr * pow((1 - (double)t / steps) / (1 - (double)(t - 1) / steps), self->curve.power);
}
CLOSED_OF(polynomial_closed)
{
    (void)group;
    return base * pow(1 - fmin((double)self->curve.steps, (double)t) / (double)self->curve.steps, self->curve.power);
}
static const struct schedule_kind polynomial_kind = {.name = "polynomial", .lr = polynomial_lr, .closed = polynomial_closed};
const ct_schedule_polynomial_options ct_schedule_polynomial_defaults = {CT_SCHEDULE_POLYNOMIAL_DEFAULTS .end_ = 0};

ct_schedule *(ct_schedule_polynomial)(ct_optimizer *optimizer, int64_t steps, const ct_schedule_polynomial_options *options)
{
    const double power = options ? options->power : ct_schedule_polynomial_defaults.power;
    if (!at_least_1("polynomial", "steps", steps) || !in_range("polynomial", "power", power, 0, HUGE_VAL))
        return NULL;
    ct_schedule *self = schedule_new(&polynomial_kind, optimizer);
    if (self)
        self->curve.steps = steps, self->curve.power = power;
    return schedule_start(self);
}

/* ---- Warming up ------------------------------------------------------------------------------------------------------------------ */
LR_OF(linear_lr)
{
    (void)group, (void)base;
    const double start = self->curve.start, rise = self->curve.end - start;
    if (t == 0)
        return lr * start;
    if (self->initial || t > self->curve.steps)
        return lr;
    return lr * (1 + rise / ((double)self->curve.steps * start + (double)(t - 1) * rise));
}
CLOSED_OF(linear_closed)
{
    (void)group;
    const double steps = (double)self->curve.steps;
    return base * (self->curve.start + (self->curve.end - self->curve.start) * fmin(steps, (double)t) / steps);
}
static const struct schedule_kind linear_kind = {.name = "linear", .lr = linear_lr, .closed = linear_closed};
const ct_schedule_linear_options ct_schedule_linear_defaults = {CT_SCHEDULE_LINEAR_DEFAULTS .end_ = 0};

ct_schedule *(ct_schedule_linear)(ct_optimizer *optimizer, const ct_schedule_linear_options *options)
{
    const ct_schedule_linear_options *o = options ? options : &ct_schedule_linear_defaults;
    if (!at_least_1("linear", "steps", o->steps) || !in_range("linear", "start", o->start, 0, 1) || !in_range("linear", "end", o->end, 0, 1))
        return NULL;
    if (o->start == 0)
        return ct_fail("linear: start 0: want more, or it would stay there");
    ct_schedule *self = schedule_new(&linear_kind, optimizer);
    if (self)
        self->curve.start = o->start, self->curve.end = o->end, self->curve.steps = o->steps;
    return schedule_start(self);
}

LR_OF(constant_lr)
{
    (void)group, (void)base;
    return t == 0 ? lr * self->curve.factor : t == self->curve.steps ? lr * (1 / self->curve.factor) : lr;
}
CLOSED_OF(constant_closed)
{
    (void)group;
    return base * (self->curve.factor + (t >= self->curve.steps ? 1 - self->curve.factor : 0));
}
static const struct schedule_kind constant_kind = {.name = "constant", .lr = constant_lr, .closed = constant_closed};
const ct_schedule_constant_options ct_schedule_constant_defaults = {CT_SCHEDULE_CONSTANT_DEFAULTS .end_ = 0};

ct_schedule *(ct_schedule_constant)(ct_optimizer *optimizer, const ct_schedule_constant_options *options)
{
    const ct_schedule_constant_options *o = options ? options : &ct_schedule_constant_defaults;
    if (!at_least_1("constant", "steps", o->steps) || !in_range("constant", "factor", o->factor, 0, 1))
        return NULL;
    if (o->factor == 0)
        return ct_fail("constant: factor 0: want more, or it could not be undone");
    ct_schedule *self = schedule_new(&constant_kind, optimizer);
    if (self)
        self->curve.factor = o->factor, self->curve.steps = o->steps;
    return schedule_start(self);
}

/* ---- Cosines ----------------------------------------------------------------------------------------------------------------------- */
LR_OF(cosine_lr)
{
    (void)group;
    const double low = self->curve.lowest, steps = (double)self->curve.steps;
    if (self->initial)
        return lr;
    if ((t - 1 - self->curve.steps) % (2 * self->curve.steps) == 0) /* from the lowest point, where the ratio would be 0 / 0 */
        return lr + (base - low) * (1 - cos(PI / steps)) / 2;
    return (1 + cos(PI * (double)t / steps)) / (1 + cos(PI * (double)(t - 1) / steps)) * (lr - low) + low;
}
CLOSED_OF(cosine_closed)
{
    (void)group;
    return self->curve.lowest + (base - self->curve.lowest) * (1 + cos(PI * (double)t / (double)self->curve.steps)) / 2;
}
static const struct schedule_kind cosine_kind = {.name = "cosine", .lr = cosine_lr, .closed = cosine_closed};

ct_schedule *(ct_schedule_cosine)(ct_optimizer *optimizer, int64_t steps, const ct_schedule_cosine_options *options)
{
    const double lowest = options ? options->lowest : 0;
    if (!at_least_1("cosine", "steps", steps) || !in_range("cosine", "lowest", lowest, 0, HUGE_VAL))
        return NULL;
    ct_schedule *self = schedule_new(&cosine_kind, optimizer);
    if (self)
        self->curve.steps = steps, self->curve.lowest = lowest;
    return schedule_start(self);
}

enum { SINCE_RESTART, PERIOD };
static bool restarts_advance(ct_schedule *self, int64_t t)
{
    (void)t;
    if (++self->numbers[SINCE_RESTART] >= self->numbers[PERIOD]) {
        self->numbers[SINCE_RESTART] -= self->numbers[PERIOD];
        self->numbers[PERIOD] *= (double)self->curve.multiple;
    }
    return true;
}
LR_OF(restarts_lr)
{
    (void)group, (void)lr, (void)t;
    return self->curve.lowest +
           (base - self->curve.lowest) * (1 + cos(PI * self->numbers[SINCE_RESTART] / self->numbers[PERIOD])) / 2;
}
static const struct schedule_kind restarts_kind = {.name = "cosine_restarts", .lr = restarts_lr, .advance = restarts_advance};
const ct_schedule_restarts_options ct_schedule_restarts_defaults = {CT_SCHEDULE_RESTARTS_DEFAULTS .end_ = 0};

ct_schedule *(ct_schedule_cosine_restarts)(ct_optimizer *optimizer, int64_t first, const ct_schedule_restarts_options *options)
{
    const ct_schedule_restarts_options *o = options ? options : &ct_schedule_restarts_defaults;
    if (!at_least_1("cosine_restarts", "first", first) || !at_least_1("cosine_restarts", "multiple", o->multiple) ||
        !in_range("cosine_restarts", "lowest", o->lowest, 0, HUGE_VAL))
        return NULL;
    ct_schedule *self = schedule_new(&restarts_kind, optimizer);
    if (self) {
        self->curve.multiple = o->multiple, self->curve.lowest = o->lowest;
        self->numbers[PERIOD] = (double)first;
    }
    return schedule_start(self);
}

/* ---- A function of the user's -------------------------------------------------------------------------------------------------------- */
LR_OF(lambda_lr)
{
    (void)lr;
    return base * self->function(t, group, self->context);
}
static const struct schedule_kind lambda_kind = {.name = "lambda", .lr = lambda_lr};
LR_OF(multiplicative_lr)
{
    (void)base;
    return self->initial ? lr : lr * self->function(t, group, self->context);
}
static const struct schedule_kind multiplicative_kind = {.name = "multiplicative", .lr = multiplicative_lr};

static ct_schedule *with_function(const struct schedule_kind *kind, ct_optimizer *optimizer, ct_schedule_function *function, void *context)
{
    if (!function)
        return ct_fail("%s: function is NULL", kind->name);
    ct_schedule *self = schedule_new(kind, optimizer);
    if (self)
        self->function = function, self->context = context;
    return schedule_start(self);
}

ct_schedule *ct_schedule_lambda(ct_optimizer *optimizer, ct_schedule_function *function, void *context)
{
    return with_function(&lambda_kind, optimizer, function, context);
}

ct_schedule *ct_schedule_multiplicative(ct_optimizer *optimizer, ct_schedule_function *function, void *context)
{
    return with_function(&multiplicative_kind, optimizer, function, context);
}
