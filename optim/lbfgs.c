/* L-BFGS (Nocedal and Wright, Numerical Optimization, 2006, algorithm 7.4): all parameters as one vector, and a Newton direction from the last
 * changes of point and gradient. */
#include <math.h>

#include "autograd/memory.h"
#include "autograd/raw.h"
#include "optim/line_search.h"
#include "optim/optimizer.h"

/* It has no weight decay; what stands in its place is the first of its own. */
enum { TOLERANCE_GRAD = WEIGHT_DECAY, TOLERANCE_CHANGE = FIRST_OWN, ITERATIONS, EVALUATIONS, HISTORY, STRONG_WOLFE };
static const struct option options_of_lbfgs[] = {
    [LR] = {"lr", AT_LEAST_0},
    [TOLERANCE_GRAD] = {"tolerance_grad", AT_LEAST_0},
    [MAXIMIZE] = {"maximize", SWITCH},
    [TOLERANCE_CHANGE] = {"tolerance_change", AT_LEAST_0},
    [ITERATIONS] = {"iterations", AT_LEAST_0},
    [EVALUATIONS] = {"evaluations", AT_LEAST_0},
    [HISTORY] = {"history", AT_LEAST_0},
    [STRONG_WOLFE] = {"strong_wolfe", SWITCH},
    {0},
};
const ct_optim_lbfgs_options ct_optim_lbfgs_defaults = {CT_OPTIM_LBFGS_DEFAULTS .end_ = 0};

struct change {                                 /* of gradient and of point between two iterations; ro = 1 / (y s) */
    ct_tensor *y, *s;
    double ro, weight;                          /* weight: of the first loop, for the second */
};

struct memory {                                 /* tensors are kept */
    int64_t iterations;
    double t, diagonal;
    ct_tensor *direction, *gradient;            /* of the last iteration */
    struct change *changes;                     /* the oldest first */
    size_t count, room;
};

struct lbfgs {
    ct_optimizer base;
    struct memory memory;
};

static void memory_free(struct memory *m)
{
    ct_release(m->direction), ct_release(m->gradient);
    for (size_t i = 0; i < m->count; i++)
        ct_release(m->changes[i].y), ct_release(m->changes[i].s);
    heap_free(m->changes);
    *m = (struct memory){0};
}

static void lbfgs_destroy(ct_optimizer *self)
{
    memory_free(&((struct lbfgs *)self)->memory);
}

/* ---- All parameters as one vector -------------------------------------------------------------------------------------------- */
static double dot(ct_tensor *a, ct_tensor *b)
{
    return ct_item(ct_matmul(a, b));
}

static double largest(ct_tensor *x)
{
    return ct_numel(x) ? ct_item(ct_max(ct_abs(x))) : 0;
}

static bool replace(ct_tensor **slot, ct_tensor *t)
{
    if (!t)
        return false;
    ct_keep(t);
    ct_release(*slot);
    *slot = t;
    return true;
}

static ct_dtype widest(const ct_optimizer *self)
{
    for (size_t i = 0; i < self->count; i++)
        if (ct_dtype_of(self->parameters[i].tensor) == CT_FLOAT64)
            return CT_FLOAT64;
    return CT_FLOAT32;
}

static ct_tensor *flat(const ct_optimizer *self, bool gradients)
{
    CT_SCOPE;
    ct_tensor **parts = heap_zeroed(self->count, sizeof(ct_tensor *)), *all = NULL;
    if (!parts)
        return ct_fail("lbfgs: out of memory");
    const ct_dtype dtype = widest(self);
    bool good = true;
    for (size_t i = 0; good && i < self->count; i++) {
        ct_tensor *p = self->parameters[i].tensor, *x = gradients ? ct_gradient(p) : p;
        parts[i] = ct_reshape(ct_cast(x ? x : ct_zeros_like(p), dtype), -1);
        good = parts[i] != NULL;
    }
    if (good)
        all = ct_cat(parts, self->count, 0);
    heap_free(parts);
    if (all && gradients && self->groups->options[MAXIMIZE] != 0)
        all = ct_neg(all);
    return ct_promote(all);
}

static bool move_to(ct_optimizer *self, ct_tensor *point)
{
    CT_SCOPE;
    int64_t start = 0;
    for (size_t i = 0; point && i < self->count; i++) {
        ct_tensor *p = self->parameters[i].tensor, *part = ct_narrow(point, 0, start, ct_numel(p));
        int64_t sizes[CT_MAX_RANK];
        for (int axis = 0; axis < ct_rank(p); axis++)
            sizes[axis] = ct_size(p, axis);
        if (!ct_copy_(p, (ct_reshape)(part, sizes, (size_t)ct_rank(p))))
            return false;
        start += ct_numel(p);
    }
    return point != NULL;
}

/* ---- The loss along a line ----------------------------------------------------------------------------------------------------- */
struct line {
    struct lbfgs *self;
    ct_closure *closure;
    void *context;
    ct_tensor *start, *direction;
};

static bool call(const struct line *line, double *loss)
{
    const uint64_t failures = error_count();
    const bool recording = ct_set_recording(true);
    const ct_scope scope = ct_scope_open();
    *loss = line->closure(line->context);
    ct_scope_close(scope);
    ct_set_recording(recording);
    if (error_count() != failures)
        return false;
    if (line->self->base.groups->options[MAXIMIZE] != 0)
        *loss = -*loss;
    return true;
}

static bool try_step(struct trial *trial, void *context)
{
    const struct line *line = context;
    if (!move_to(&line->self->base, ct_add(line->start, ct_mul(line->direction, trial->t))) || !call(line, &trial->loss) ||
        !(trial->gradient = flat(&line->self->base, true)))
        return trial->gradient = NULL, false;
    trial->slope = dot(trial->gradient, line->direction);
    return true;
}

/* ---- The direction -------------------------------------------------------------------------------------------------------------- */
static bool remember(struct memory *m, ct_tensor *gradient, size_t history)
{
    ct_tensor *y = ct_sub(gradient, m->gradient), *s = ct_mul(m->direction, m->t);
    const double ys = dot(y, s);
    if (!y || !s)
        return false;
    if (!(ys > 1e-10))
        return true;
    while (m->count && m->count >= history) {
        ct_release(m->changes[0].y), ct_release(m->changes[0].s);
        m->count--;
        for (size_t i = 0; i < m->count; i++)
            m->changes[i] = m->changes[i + 1];
    }
    if (m->count == m->room) {
        const size_t room = m->room ? 2 * m->room : 8;
        struct change *changes = heap_resize(m->changes, room * sizeof *changes);
        if (!changes)
            return ct_fail("lbfgs: out of memory") != NULL;
        m->changes = changes, m->room = room;
    }
    m->changes[m->count++] = (struct change){.y = ct_keep(y), .s = ct_keep(s), .ro = 1 / ys};
    m->diagonal = ys / dot(y, y);
    return true;
}

static ct_tensor *newton(struct memory *m, ct_tensor *gradient)
{
    ct_tensor *q = ct_neg(gradient);
    for (size_t i = m->count; q && i-- > 0;) {
        struct change *c = &m->changes[i];
        c->weight = dot(c->s, q) * c->ro;
        q = ct_add_(q, ct_mul(c->y, -c->weight));
    }
    q = ct_mul(q, m->diagonal);
    for (size_t i = 0; q && i < m->count; i++) {
        const struct change *c = &m->changes[i];
        q = ct_add_(q, ct_mul(c->s, c->weight - dot(c->y, q) * c->ro));
    }
    return q;
}

/* ---- A step --------------------------------------------------------------------------------------------------------------------- */
struct progress {
    ct_tensor *gradient;                        /* kept */
    double loss;
    int64_t iterations, evaluations;
    bool done;
};

static bool iterate(struct line *line, struct progress *at)
{
    CT_SCOPE;
    struct memory *m = &line->self->memory;
    const double *o = line->self->base.groups->options, before = at->loss;
    const int64_t most = o[EVALUATIONS] != 0 ? (int64_t)o[EVALUATIONS] : (int64_t)o[ITERATIONS] * 5 / 4;
    if (m->iterations > 0 && !remember(m, at->gradient, (size_t)o[HISTORY]))
        return false;
    ct_tensor *direction = m->iterations ? newton(m, at->gradient) : ct_neg(at->gradient);
    if (!replace(&m->direction, direction) || !replace(&m->gradient, ct_clone(at->gradient)))
        return false;
    at->iterations++;
    m->t = m->iterations++ ? o[LR] : fmin(1, 1 / ct_item(ct_sum(ct_abs(at->gradient)))) * o[LR];
    const double slope = dot(at->gradient, m->direction);
    if (slope > -o[TOLERANCE_CHANGE]) {
        at->done = true;
        return true;
    }
    line->start = flat(&line->self->base, false), line->direction = m->direction;
    if (!line->start)
        return false;
    int64_t evaluations = 0;
    if (o[STRONG_WOLFE] != 0) {
        const struct trial found = strong_wolfe(try_step, line, (struct trial){0, at->loss, slope, at->gradient}, m->t, largest(m->direction),
                                                1e-9, most - at->evaluations, &evaluations);
        if (!found.gradient || !replace(&at->gradient, found.gradient)) {
            move_to(&line->self->base, line->start);
            return false;
        }
        m->t = found.t, at->loss = found.loss;
    }
    if (!move_to(&line->self->base, ct_add(line->start, ct_mul(m->direction, m->t))))
        return false;
    if (o[STRONG_WOLFE] == 0 && at->iterations != (int64_t)o[ITERATIONS]) {
        if (!call(line, &at->loss) || !replace(&at->gradient, flat(&line->self->base, true)))
            return false;
        evaluations = 1;
    }
    at->evaluations += evaluations;
    at->done = at->iterations >= (int64_t)o[ITERATIONS] || at->evaluations >= most || largest(at->gradient) <= o[TOLERANCE_GRAD] ||
               largest(m->direction) * fabs(m->t) <= o[TOLERANCE_CHANGE] || fabs(at->loss - before) < o[TOLERANCE_CHANGE];
    return true;
}

static double lbfgs_step(ct_optimizer *base, ct_closure *closure, void *context)
{
    CT_SCOPE;
    CT_NO_GRAD;
    struct lbfgs *self = (struct lbfgs *)base;
    struct line line = {.self = self, .closure = closure, .context = context};
    struct progress at = {.evaluations = 1};
    double first;
    if (!call(&line, &first) || !replace(&at.gradient, flat(base, true)))
        return NAN;
    at.loss = first;
    at.done = largest(at.gradient) <= base->groups->options[TOLERANCE_GRAD] || base->groups->options[ITERATIONS] == 0;
    bool good = true;
    while (good && !at.done)
        good = iterate(&line, &at);
    ct_release(at.gradient);
    if (!good)
        return NAN;
    base->steps++;
    return base->groups->options[MAXIMIZE] != 0 ? -first : first;
}

/* ---- Saving ---------------------------------------------------------------------------------------------------------------------- */
enum { NUMBERS = 5 };                           /* iterations, t, diagonal, changes, whether there is a direction */

static bool list_changes(const struct memory *m, struct parts *parts)
{
    ct_tensor **ys = heap_zeroed(3 * m->count, sizeof(ct_tensor *)), **ss = ys + m->count, **ros = ss + m->count;
    if (!ys)
        return ct_fail("lbfgs: out of memory") != NULL;
    for (size_t i = 0; i < m->count; i++)
        ys[i] = m->changes[i].y, ss[i] = m->changes[i].s, ros[i] = (ct_vector)(&m->changes[i].ro, 1, CT_FLOAT64);
    const bool good = parts_add(parts, "/changes_of_gradient", ct_stack(ys, m->count, 0)) &&
                      parts_add(parts, "/changes_of_point", ct_stack(ss, m->count, 0)) && parts_add(parts, "/ro", ct_cat(ros, m->count, 0));
    heap_free(ys);
    return good;
}

static bool lbfgs_list(const ct_optimizer *base, struct parts *parts)
{
    const struct memory *m = &((const struct lbfgs *)base)->memory;
    const double numbers[NUMBERS] = {(double)m->iterations, m->t, m->diagonal, (double)m->count, m->direction != NULL};
    return parts_add(parts, "/lbfgs", (ct_vector)(numbers, NUMBERS, CT_FLOAT64)) &&
           (!m->direction || (parts_add(parts, "/direction", m->direction) && parts_add(parts, "/gradient", m->gradient))) &&
           (!m->count || list_changes(m, parts));
}

static ct_tensor *read_vectors(const struct parts_source *from, const char *name, int64_t rows, int64_t length, ct_dtype dtype)
{
    ct_tensor *t = parts_read(from, name);
    if (t && (ct_dtype_of(t) != dtype || ct_numel(t) != rows * length))
        return ct_fail("%s: %s does not fit these parameters", from->name, name);
    return t ? ct_reshape(t, rows, length) : NULL;
}

static bool read_memory(const ct_optimizer *base, const struct parts_source *from, struct memory *m)
{
    int64_t length = 0;
    const ct_dtype dtype = widest(base);
    for (size_t i = 0; i < base->count; i++)
        length += ct_numel(base->parameters[i].tensor);
    const double *numbers = ct_data(read_vectors(from, "/lbfgs", 1, NUMBERS, CT_FLOAT64));
    if (!numbers)
        return false;
    if (!(numbers[0] >= 0 && numbers[0] < 9e15) || !(numbers[3] >= 0 && numbers[3] < 1e6))
        return ct_fail("%s: /lbfgs has numbers that it never has", from->name) != NULL;
    const size_t count = (size_t)numbers[3];
    m->iterations = (int64_t)numbers[0], m->t = numbers[1], m->diagonal = numbers[2];
    if (numbers[4] == 0)
        return true;
    ct_tensor *direction = read_vectors(from, "/direction", 1, length, dtype), *gradient = read_vectors(from, "/gradient", 1, length, dtype);
    if (!replace(&m->direction, ct_reshape(direction, -1)) || !replace(&m->gradient, ct_reshape(gradient, -1)))
        return false;
    if (!count)
        return true;
    ct_tensor *ys = read_vectors(from, "/changes_of_gradient", (int64_t)count, length, dtype);
    ct_tensor *ss = read_vectors(from, "/changes_of_point", (int64_t)count, length, dtype);
    const double *ros = ct_data(read_vectors(from, "/ro", 1, (int64_t)count, CT_FLOAT64));
    if (!ys || !ss || !ros)
        return false;
    if (!(m->changes = heap_zeroed(count, sizeof *m->changes)))
        return ct_fail("%s: out of memory", from->name) != NULL;
    m->room = count;
    for (; m->count < count; m->count++) {
        const int64_t i = (int64_t)m->count;
        ct_tensor *y = ct_clone(ct_reshape(ct_narrow(ys, 0, i, 1), -1)), *s = ct_clone(ct_reshape(ct_narrow(ss, 0, i, 1), -1));
        if (!y || !s)
            return false;
        m->changes[m->count] = (struct change){.y = ct_keep(y), .s = ct_keep(s), .ro = ros[m->count]};
    }
    return true;
}

static void put_back(void *object, void *value) /* what was there goes with value */
{
    struct memory *mine = &((struct lbfgs *)object)->memory, *read = value, was = *mine;
    *mine = *read, *read = was;
}

static void drop_memory(void *value)
{
    memory_free(value);
    heap_free(value);
}

static bool lbfgs_plan(ct_optimizer *base, const struct parts_source *from, struct plan *plan)
{
    struct memory *m = heap_zeroed(1, sizeof *m);
    if (!m)
        return ct_fail("%s: out of memory", from->name) != NULL;
    if (read_memory(base, from, m))
        return plan_add(plan, put_back, base, m, drop_memory);
    drop_memory(m);
    return false;
}

static bool lbfgs_check(const char *name, const double *o)
{
    if (o[ITERATIONS] > 1e9 || o[EVALUATIONS] > 1e9 || o[HISTORY] > 1e6 || o[HISTORY] < 1)
        return ct_fail("%s: iterations %g, evaluations %g, history %g: want at most 1e9, 1e9 and 1 to 1e6", name, o[ITERATIONS], o[EVALUATIONS],
                       o[HISTORY]) != NULL;
    return true;
}

ct_optimizer *(ct_optim_lbfgs)(ct_module *module, const ct_optim_lbfgs_options *options)
{
    static const struct optimizer_kind kind = {
        .name = "lbfgs", .options = options_of_lbfgs, .check = lbfgs_check, .step = lbfgs_step, .list = lbfgs_list, .plan = lbfgs_plan,
        .destroy = lbfgs_destroy,
    };
    const ct_optim_lbfgs_options *o = options ? options : &ct_optim_lbfgs_defaults;
    const double values[] = {
        [LR] = o->lr, [TOLERANCE_GRAD] = o->tolerance_grad, [MAXIMIZE] = o->maximize, [TOLERANCE_CHANGE] = o->tolerance_change,
        [ITERATIONS] = (double)o->iterations, [EVALUATIONS] = (double)o->evaluations, [HISTORY] = (double)o->history,
        [STRONG_WOLFE] = o->strong_wolfe,
    };
    return optimizer_new(sizeof(struct lbfgs), &kind, module, values, o->only, NULL);
}
