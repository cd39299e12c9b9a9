/* A schedule: its time moves, and every group's learning rate with it. */
#include "optim/schedule.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "autograd/memory.h"

/* ---- Making -------------------------------------------------------------------------------------------------------------- */
static void schedule_destroy(void *object)
{
    ct_schedule *self = object;
    for (size_t i = 0; i < self->part_count; i++)
        object_drop(self->parts[i]);
    heap_free(self->parts), heap_free(self->milestones);
    heap_free(self->base), heap_free(self->low), heap_free(self->high);
    object_drop(self->optimizer);
}

ct_schedule *schedule_drop(ct_schedule *self)
{
    object_drop(self);
    return NULL;
}

double *schedule_copy(const ct_schedule *self, const double *values, double value)
{
    double *copy = heap_zeroed(self->groups, sizeof *copy);
    if (!copy)
        return ct_fail("%s: out of memory", self->kind->name);
    for (size_t g = 0; g < self->groups; g++)
        copy[g] = values ? values[g] : value;
    return copy;
}

ct_schedule *schedule_new(const struct schedule_kind *kind, ct_optimizer *optimizer)
{
    if (!optimizer)
        return ct_ok() ? ct_fail("%s: optimizer is NULL", kind->name) : NULL;
    ct_schedule *self = object_new(sizeof *self, schedule_destroy);
    if (!self)
        return NULL;
    self->kind = kind;
    self->optimizer = object_hold(optimizer);
    self->groups = optimizer->group_count;
    self->momentum_option = -1;
    self->base = schedule_copy(self, NULL, 0);
    for (size_t g = 0; self->base && g < self->groups; g++) {
        const struct group *group = &optimizer->groups[g];
        self->base[g] = isnan(group->initial_lr) ? group->options[LR] : group->initial_lr;
    }
    return self->base ? self : schedule_drop(self);
}

bool schedule_find_momentum(ct_schedule *self)
{
    const struct option *options = self->optimizer->kind.options;
    for (int i = 0; options[i].name; i++)
        if (!strcmp(options[i].name, "beta1") || !strcmp(options[i].name, "momentum"))
            self->momentum_option = i;
    return self->momentum_option >= 0 ||
           ct_fail("%s: %s has neither momentum nor beta1: want .no_momentum = true", self->kind->name, self->optimizer->kind.name);
}

/* ---- Learning rates --------------------------------------------------------------------------------------------------------- */
bool schedule_apply(ct_schedule *self, bool closed)
{
    ct_optimizer *optimizer = self->optimizer;
    const char *name = self->kind->name;
    if (optimizer->group_count != self->groups)
        return ct_fail("%s: %s has %zu groups, had %zu when the schedule was made", name, optimizer->kind.name, optimizer->group_count,
                       self->groups) != NULL;
    if (!self->kind->lr)
        return true;
    const double momentum = self->momentum_option >= 0 ? self->kind->momentum(self, self->t) : 0;
    for (int pass = 0; pass < 2; pass++)        /* all are checked before one is set */
        for (size_t g = 0; g < self->groups; g++) {
            double options[MOST_OPTIONS];
            memcpy(options, optimizer->groups[g].options, sizeof options);
            options[LR] = closed && self->kind->closed ? self->kind->closed(self, self->t, (int)g, self->base[g])
                                                       : self->kind->lr(self, self->t, (int)g, options[LR], self->base[g]);
            if (self->momentum_option >= 0)
                options[self->momentum_option] = momentum;
            if (pass == 0 && !optimizer_check_options(optimizer, options))
                return false;
            if (pass == 1)
                memcpy(optimizer->groups[g].options, options, sizeof options);
        }
    return true;
}

ct_schedule *schedule_start(ct_schedule *self)
{
    if (!self)
        return NULL;
    self->initial = true;
    const bool good = schedule_apply(self, false);
    self->initial = false;
    for (size_t g = 0; good && g < self->groups; g++)
        if (self->kind->sets_base || isnan(self->optimizer->groups[g].initial_lr))
            self->optimizer->groups[g].initial_lr = self->base[g];
    return good ? self : schedule_drop(self);
}

/* ---- Stepping ---------------------------------------------------------------------------------------------------------------- */
static bool given(const char *call, const ct_schedule *self)
{
    if (!self && ct_ok())
        ct_fail("%s: schedule is NULL", call);
    return self;
}

bool ct_schedule_next(ct_schedule *self)
{
    if (!given("schedule_next", self))
        return false;
    if (self->kind->takes_metric)
        return ct_fail("%s: wants a metric (ct_schedule_next_metric)", self->kind->name) != NULL;
    if (self->parts)
        return schedule_parts_next(self);
    double numbers[SCHEDULE_NUMBERS];
    memcpy(numbers, self->numbers, sizeof numbers);
    if (self->kind->advance && !self->kind->advance(self, self->t + 1))
        return false;
    self->t++;
    if (schedule_apply(self, false))
        return true;
    self->t--;
    memcpy(self->numbers, numbers, sizeof numbers);
    return false;
}

bool ct_schedule_next_metric(ct_schedule *self, double metric)
{
    if (!given("schedule_next_metric", self))
        return false;
    return self->kind->takes_metric ? schedule_plateau_next(self, metric) : ct_schedule_next(self);
}

int64_t ct_schedule_time(const ct_schedule *self)
{
    return self ? self->t : -1;
}

/* ---- Files: a row of numbers for each schedule, its parts after it ---------------------------------------------------------------- */
static size_t flatten(const ct_schedule *self, const ct_schedule **all)
{
    size_t count = 1;
    if (all)
        *all = self;
    for (size_t i = 0; i < self->part_count; i++)
        count += flatten(self->parts[i], all ? all + count : NULL);
    return count;
}

/* All of them, the kinds' names a line each, and a tensor of their numbers: t, what moves, base. */
struct flat {
    const ct_schedule **all;
    size_t count, columns;
    char *kinds;
    double *values;
};

static bool make_flat(const ct_schedule *self, struct flat *f)
{
    f->count = flatten(self, NULL);
    f->columns = 1 + SCHEDULE_NUMBERS + self->groups;
    f->all = heap_zeroed(f->count, sizeof(ct_schedule *));
    f->kinds = heap_zeroed(f->count, OPTION_NAME_BYTES);
    f->values = heap_zeroed(f->count, f->columns * sizeof(double));
    if (!f->all || !f->kinds || !f->values)
        return ct_fail("%s: out of memory", self->kind->name) != NULL;
    flatten(self, f->all);
    size_t used = 0;
    for (size_t i = 0; i < f->count; i++) {
        const ct_schedule *s = f->all[i];
        used += (size_t)snprintf(f->kinds + used, f->count * OPTION_NAME_BYTES - used, "%s\n", s->kind->name);
        double *row = f->values + i * f->columns;
        row[0] = (double)s->t;
        memcpy(row + 1, s->numbers, sizeof s->numbers);
        for (size_t g = 0; g < self->groups; g++)
            row[1 + SCHEDULE_NUMBERS + g] = s->base[g];
    }
    return true;
}

static void drop_flat(struct flat *f)
{
    heap_free(f->all), heap_free(f->kinds), heap_free(f->values);
}

static bool path_given(const char *call, const ct_schedule *self, const char *path)
{
    return given(call, self) && (path || ct_fail("%s: path is NULL", call));
}

bool schedule_list(const ct_schedule *self, struct parts *parts)
{
    CT_SCOPE;
    struct flat f = {0};
    const bool good = make_flat(self, &f) && parts_note(parts, "schedule", f.kinds) &&
                      parts_add(parts, "schedule",
                                (ct_from_array)(f.values, CT_FLOAT64, (const int64_t[]){(int64_t)f.count, (int64_t)f.columns}, 2));
    drop_flat(&f);
    return good;
}

bool ct_schedule_save(const ct_schedule *self, const char *path)
{
    if (!path_given("schedule_save", self, path))
        return false;
    struct parts parts = {0};
    const bool saved = schedule_list(self, &parts) && parts_write(&parts, path);
    parts_free(&parts);
    return saved;
}

static void put_back(void *object, void *value)
{
    (void)object;
    const struct flat *f = value;
    for (size_t i = 0; i < f->count; i++) {
        ct_schedule *s = (ct_schedule *)(uintptr_t)f->all[i];
        const double *row = f->values + i * f->columns;
        s->t = (int64_t)row[0];
        memcpy(s->numbers, row + 1, sizeof s->numbers);
        memcpy(s->base, row + 1 + SCHEDULE_NUMBERS, s->groups * sizeof *s->base);
    }
}

static void drop_read(void *value)
{
    drop_flat(value);
    heap_free(value);
}

/* The numbers of the file in place of those of f. */
static bool read_flat(struct flat *f, const struct parts_source *from, const char *name)
{
    CT_SCOPE;
    const char *kinds = parts_noted(from, "schedule");
    if (!kinds || strcmp(kinds, f->kinds))
        return ct_fail("%s: state of another schedule than this %s", from->name, name) != NULL;
    ct_tensor *t = parts_read(from, "schedule");
    if (!t)
        return false;
    if (ct_dtype_of(t) != CT_FLOAT64 || ct_rank(t) != 2 || ct_size(t, 0) != (int64_t)f->count || ct_size(t, 1) != (int64_t)f->columns)
        return ct_fail("%s: state for another number of groups", from->name) != NULL;
    memcpy(f->values, ct_data(t), f->count * f->columns * sizeof *f->values);
    for (size_t i = 0; i < f->count; i++)
        if (!(f->values[i * f->columns] >= -1 && f->values[i * f->columns] < 9e15))
            return ct_fail("%s: a schedule's time is %g", from->name, f->values[i * f->columns]) != NULL;
    return true;
}

bool schedule_plan(ct_schedule *self, const struct parts_source *from, struct plan *plan)
{
    struct flat *f = heap_zeroed(1, sizeof *f);
    if (!f)
        return ct_fail("%s: out of memory", from->name) != NULL;
    if (make_flat(self, f) && read_flat(f, from, self->kind->name))
        return plan_add(plan, put_back, self, f, drop_read);
    drop_read(f);
    return false;
}

bool ct_schedule_load(ct_schedule *self, const char *path)
{
    if (!path_given("schedule_load", self, path))
        return false;
    struct plan plan = {0};
    ct_tensor_file *file = ct_io_safetensors_open(path);
    const bool good = file && schedule_plan(self, &(struct parts_source){.name = path, .file = file}, &plan);
    (ct_free)(file);
    return plan_end(&plan, good);
}
