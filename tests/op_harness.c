/* op_harness.c - runs the rows of every op in the registry, and of compositions. A row is tried
 *
 *   in float64   its value against .expect; gradients against central differences, entry by entry and along a random
 *                direction; second derivatives likewise, or refused by name where there are none
 *   in layouts   each input plain, every second element, transposed in memory, reversed, off the alignment, and expanded from a smaller leaf
 *   fused        its fast VJP against the expression, for cotangents of two layouts; gradients have their input's shape
 *   alone        one input at a time wanting a gradient; one tensor as both inputs
 *   in float32   values and gradients near those of float64, on every instruction set of this machine
 *   in threads   1, 2, 3 and 8 of them: the same bits
 *   with NULL    in place of each input: refused, or an option left out
 *
 * A refusal must say what was wrong, leave no memory behind, and not be in the way of what follows.
 *
 * A group fails if its rows leave out a kind of input (enum trait) that the op accepts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "autograd/internal.h"
#include "autograd/kernels/cpu.h"
#include "autograd/kernels/kernels.h"
#include "op_cases.h"

#define OP(name) op_group op_cases_##name;
#include "autograd/ops/ops.def"
#include "compositions.def"
#undef OP

static void composed(ct_node *node, ct_tensor *const *cotangents, ct_tensor **gradients)
{
    (void)node, (void)cotangents, (void)gradients;
}
static const struct op op_composition = {"composition", composed, NULL, 0}; /* differentiable, as far as the rows are concerned */

static const struct entry { const char *name; const struct op *op; op_group *group; } entries[] = {
#define OP(name) {#name, &op_##name, op_cases_##name},
#include "autograd/ops/ops.def"
#undef OP
#define OP(name) {#name, &op_composition, op_cases_##name},
#include "compositions.def"
#undef OP
};

enum layout { PLAIN, EVERY_SECOND, TRANSPOSED, REVERSED, OFFSET, GROWN_FIRST, GROWN_ALL, LAYOUTS };
static const char *const layout_names[] = {"plain", "every second", "transposed", "reversed", "offset", "first axis expanded", "all axes expanded"};

struct trial {                                  /* one row under test */
    const struct entry *entry;
    const struct op_case *row;
    int number, inputs;
    enum layout layout;
    bool same;                                  /* in[0] stands for in[1] too */
    bool copied;                                /* the op gets contiguous copies */
    bool differentiable, large;                 /* large: for several threads, and beyond differences entry by entry */
};

static int failures, rows_run, checks_run;
static int refusals, without;                   /* of misuse, and of NULL alone */
static unsigned covered;

static void wrong(const struct trial *t, const char *what)
{
    failures++;
    print_error("%s:%d: %s [%s]: %s%s%s\n", t->row->file, t->row->line, t->row->text, layout_names[t->layout], what, ct_ok() ? "" : ": ",
                ct_error());
    ct_error_clear();
}

static bool check(const struct trial *t, bool right, const char *what)
{
    checks_run++;
    if (!right)
        wrong(t, what);
    return right;
}

/* ---- Inputs -------------------------------------------------------------------------------------------------------------- */
static char kind_of(const struct op_case *row, int i)
{
    return row->kinds ? row->kinds[i] : 'f';
}

static int64_t numel(const struct shape *s)
{
    int64_t n = 1;
    for (int a = 0; a + 1 < s->axes; a++)
        n *= s->size[a];
    return n;
}

/* Evenly spaced over the range in a shuffled order, no two inputs alike: no ties, and no kink is hit. */
static double made_up(const struct op_case *row, int input, int64_t i, int64_t n)
{
    static const int64_t strides[] = {7919, 6841, 5407, 4513};
    struct range r = row->range[input];
    const char kind = kind_of(row, input);
    if (i < row->values[input].count)
        return row->values[input].at[i];
    if (r.low == 0 && r.high == 0)
        r = kind == 'f' ? (struct range){-2, 2} : (struct range){0, 3};
    if (kind == 'b')
        return (double)((uint64_t)(i + input + 1) * 2654435761u >> 13 & 1);
    int64_t place = (i + 1) * strides[input];
    if (kind == 'i')
        return r.low + (double)(place % (int64_t)(r.high - r.low + 1));
    return r.low + (r.high - r.low) * ((double)(place % n) + 0.37 + 0.19 * input) / (double)n;
}

static struct shape small_shape(const struct shape *s, enum layout layout) /* what is expanded to s */
{
    struct shape small = *s;
    for (int a = 0; layout >= GROWN_FIRST && a + 1 < s->axes; a++)
        if (small.size[a] != 1) {
            small.size[a] = 1;
            if (layout == GROWN_FIRST)
                break;
        }
    return small;
}

static ct_tensor *view_in_layout(const struct shape *s, enum layout layout, ct_dtype dtype)
{
    int64_t sizes[CT_MAX_RANK] = {0};
    int order[CT_MAX_RANK], rank = s->axes - 1;
    char text[128] = "";
    memcpy(sizes, s->size, sizeof sizes);
    switch (layout) {
    case EVERY_SECOND:
        if (!rank)
            return ct_slice((ct_full)((const int64_t[]){3}, 1, 77, dtype), "1");
        sizes[rank - 1] = 2 * sizes[rank - 1] + 1;
        snprintf(text, sizeof text, "..., 1:%lld:2", (long long)sizes[rank - 1] - 1);
        return ct_slice((ct_full)(sizes, (size_t)rank, 77, dtype), text);
    case TRANSPOSED:
        for (int a = 0; a < rank; a++)
            sizes[a] = s->size[rank - 1 - a], order[a] = rank - 1 - a;
        return (ct_permute)((ct_full)(sizes, (size_t)rank, 77, dtype), order, (size_t)rank);
    case REVERSED:
        for (int a = 0; a < rank; a++)
            strcat(text, a ? ", ::-1" : "::-1");
        return ct_slice((ct_full)(sizes, (size_t)rank, 77, dtype), text);
    case OFFSET:                                /* contiguous, but not where vectors are aligned */
        if (!rank)
            return ct_slice((ct_full)((const int64_t[]){3}, 1, 77, dtype), "1");
        sizes[0]++;
        return ct_slice((ct_full)(sizes, (size_t)rank, 77, dtype), "1:");
    default:
        return (ct_full)(sizes, (size_t)rank, 77, dtype);
    }
}

static ct_tensor *input_of(const struct trial *t, int i, ct_dtype floats)
{
    const char kind = kind_of(t->row, i);
    struct shape s = small_shape(&t->row->shapes[i], t->layout);
    const int64_t n = numel(&s);
    double *values = malloc((size_t)(n ? n : 1) * sizeof *values);
    assert_non_null(values);
    for (int64_t k = 0; k < n; k++)
        values[k] = made_up(t->row, i, k, n);
    ct_tensor *x = view_in_layout(&s, t->layout, kind == 'f' ? floats : kind == 'i' ? CT_INT64 : CT_BOOL);
    ct_tensor *plain = (ct_from_array)(values, CT_FLOAT64, s.size, (size_t)s.axes - 1);
    free(values);
    x = ct_copy_(x, plain);
    return kind == 'f' && x ? ct_require_grad(x, true) : x;
}

static bool make_inputs(const struct trial *t, ct_dtype floats, ct_tensor **inputs)
{
    for (int i = 0; i < t->inputs; i++)
        if (!check(t, (inputs[i] = input_of(t, i, floats)) != NULL, "no input"))
            return false;
    return true;
}

/* ---- Running ------------------------------------------------------------------------------------------------------------- */
static ct_tensor *run_row(ct_tensor *const *leaves, void *context)
{
    const struct trial *t = context;
    ct_tensor *inputs[CASE_INPUTS] = {0};
    for (int i = 0; i < t->inputs; i++) {
        const struct shape *s = &t->row->shapes[i];
        inputs[i] = t->layout >= GROWN_FIRST && leaves[i] ? (ct_expand)(leaves[i], s->size, (size_t)s->axes - 1) : leaves[i];
        if (t->copied && !ct_is_contiguous(inputs[i]))
            inputs[i] = ct_contiguous(inputs[i]);
        else if (t->copied)
            inputs[i] = ct_clone(inputs[i]);
    }
    if (t->same)
        inputs[1] = inputs[0];
    ct_seed(2026);                              /* ops that draw give the same each time */
    struct op_turn at = {.wanted = t->number, .in = inputs};
    t->entry->group(&at);
    return at.out;
}

static const double *numbers(ct_tensor *x)      /* in row-major order, for as long as the scope is open */
{
    CT_NO_GRAD;
    return ct_data(ct_contiguous(ct_cast(x, CT_FLOAT64)));
}

/* Near in units of the larger of 1 and the largest value: a sum's error belongs to its terms. */
static double worst;                            /* of the latest comparison, in those units */
static bool near(ct_tensor *found, ct_tensor *wanted, double tolerance)
{
    worst = INFINITY;
    if (!found || !wanted || !same_sizes(found, wanted))
        return false;
    const double *a = numbers(found), *b = numbers(wanted);
    double scale = 1;
    if (!a || !b)
        return false;
    for (int64_t i = 0; i < ct_numel(wanted); i++)
        if (isfinite(b[i]) && fabs(b[i]) > scale)
            scale = fabs(b[i]);
    worst = 0;
    for (int64_t i = 0; i < ct_numel(wanted); i++) {
        const double off = a[i] == b[i] || (isnan(a[i]) && isnan(b[i])) ? 0 : fabs(a[i] - b[i]) / scale;
        worst = off > worst || isnan(off) ? off : worst;
    }
    return worst <= tolerance;
}

static bool same_bits(ct_tensor *a, ct_tensor *b)
{
    CT_NO_GRAD;
    if (!a || !b || !same_sizes(a, b) || a->dtype != b->dtype)
        return false;
    if (!ct_numel(a))
        return true;
    const void *p = ct_data(ct_contiguous(a)), *q = ct_data(ct_contiguous(b));
    return p && q && memcmp(p, q, (size_t)ct_numel(a) * ct_dtype_size(ct_dtype_of(a))) == 0;
}

static ct_tensor *cotangent_of(const ct_tensor *y, enum layout layout)
{
    struct shape s = {1 + ct_rank(y), {0}};
    memcpy(s.size, y->sizes, (size_t)ct_rank(y) * sizeof *s.size);
    ct_tensor *v = view_in_layout(&s, layout, CT_FLOAT64), *plain = view_in_layout(&s, PLAIN, CT_FLOAT64);
    double *p = ct_mutable_data(plain);
    for (int64_t i = 0; p && i < ct_numel(plain); i++)
        p[i] = 0.5 + (double)(i % 7) / 8 - (double)(i % 3);
    return ct_cast(ct_copy_(v, plain), ct_dtype_of(y));
}

/* One forward and backward: the result, and one gradient an input (NULL where none is wanted). */
struct outcome { ct_tensor *y, *gradients[CASE_INPUTS]; };

static bool run_both_ways(const struct trial *t, ct_tensor *const *leaves, enum layout cotangent, struct outcome *o)
{
    *o = (struct outcome){.y = run_row(leaves, (void *)(uintptr_t)t)};
    if (!check(t, o->y != NULL, "no result"))
        return false;
    if (!t->differentiable)
        return true;
    ct_tensor *v = cotangent_of(o->y, cotangent);
    bool ok = check(t, v && ct_backward(o->y, .cotangent = v), "backward failed");
    for (int i = 0; i < t->inputs && ok; i++) {
        if (!ct_requires_grad(leaves[i]) || (t->same && i == 1))
            continue;
        ct_tensor *g = ct_gradient(leaves[i]);
        ok = check(t, g != NULL, "an input got no gradient") &&
             check(t, same_sizes(g, leaves[i]) && g->dtype == leaves[i]->dtype, "a gradient differs from its input in shape or dtype");
        if (ok)
            o->gradients[i] = ct_clone(ct_detach(g));
        ct_zero_gradient(leaves[i]);
    }
    return ok;
}

static bool near_outcomes(const struct trial *t, const struct outcome *found, const struct outcome *wanted, double tolerance, const char *what)
{
    char text[128];
    bool ok = near(found->y, wanted->y, tolerance);
    if (!ok)
        snprintf(text, sizeof text, "values differ by %.2g %s", worst, what);
    check(t, ok, text);
    for (int i = 0; i < t->inputs; i++)
        if (found->gradients[i] && wanted->gradients[i]) {
            bool same = near(found->gradients[i], wanted->gradients[i], tolerance);
            if (!same)
                snprintf(text, sizeof text, "gradients of input %d differ by %.2g %s", i, worst, what);
            ok &= check(t, same, text);
        }
    return ok;
}

/* ---- Checks of one layout ------------------------------------------------------------------------------------------------ */
static void check_values(const struct trial *t, ct_tensor *const *leaves)
{
    ct_tensor *y = run_row(leaves, (void *)(uintptr_t)t);
    if (t->layout != PLAIN || !t->row->expect.count || !check(t, ct_numel(y) == t->row->expect.count, "not as many values as expected"))
        return;
    const double *v = numbers(y);
    for (int i = 0; v && i < t->row->expect.count; i++) {
        double want = t->row->expect.at[i], found = v[i];
        char text[96];
        snprintf(text, sizeof text, "value %d is %.17g, want %.17g", i, found, want);
        check(t, found == want || (isnan(found) && isnan(want)) || fabs(found - want) <= 1e-12 * fmax(1, fabs(want)), text);
    }
}

/* What an op makes of a view and of its contiguous copy are the same bits, gradients too. Products choose their way by how
 * their operands lie, and averages over images sum in the order of their memory. */
static bool may_choose(const struct entry *e)
{
    static const char *const names[] = {"matmul", "linear", "linear_relu", "vector_products", "matrix_products", "addmm", "einsum", "tensordot",
                                        "batch_norm", "batch_norm_relu", "avg_pool1d", "avg_pool2d"};
    for (size_t i = 0; i < COUNT_OF(names); i++)
        if (!strcmp(names[i], e->name))
            return true;
    return false;
}

static void check_copied(const struct trial *t, ct_dtype floats)
{
    struct trial copied = *t;
    struct outcome found, wanted;
    ct_tensor *leaves[CASE_INPUTS];
    const bool chooses = may_choose(t->entry);
    char text[128];
    copied.copied = true;
    if (!make_inputs(t, floats, leaves) || !run_both_ways(t, leaves, PLAIN, &found) || !run_both_ways(&copied, leaves, PLAIN, &wanted))
        return;
    if (chooses) {
        near_outcomes(t, &found, &wanted, floats == CT_FLOAT64 ? 1e-13 : t->row->tolerance > 0 ? t->row->tolerance : 1e-5, "between a view and its copy");
        return;
    }
    snprintf(text, sizeof text, "%s values differ in bits between a view and its copy", ct_dtype_name(floats));
    check(t, same_bits(found.y, wanted.y), text);
    for (int i = 0; i < t->inputs; i++) {
        snprintf(text, sizeof text, "%s gradients of input %d differ in bits between a view and its copy", ct_dtype_name(floats), i);
        check(t, !wanted.gradients[i] || same_bits(found.gradients[i], wanted.gradients[i]), text);
    }
}

static void check_no_second(const struct trial *t, ct_tensor *const *leaves)
{
    check(t, !ct_gradgradcheck(run_row, leaves, (size_t)t->inputs, .context = (void *)(uintptr_t)t) && strstr(ct_error(), t->row->no_second),
          "the second derivative was not refused as it should");
    ct_error_clear();
}

static void check_gradients(const struct trial *t, ct_tensor *const *leaves)
{
    void *context = (void *)(uintptr_t)t;
    const size_t n = (size_t)t->inputs;
    struct outcome fused, expression, turned;
    if (!t->row->no_gradcheck && !t->large) {
        if (check(t, ct_gradcheck(run_row, leaves, n, .context = context), "gradcheck"))
            check(t, ct_gradcheck(run_row, leaves, n, .context = context, .fast = true, .seed = 5), "fast gradcheck");
        if (t->row->no_second)
            check_no_second(t, leaves);
        else if (t->layout == PLAIN || (t->row->smooth && (t->layout == TRANSPOSED || t->layout == GROWN_FIRST)))
            check(t, ct_gradgradcheck(run_row, leaves, n, .context = context), "gradgradcheck");
    }
    if (!run_both_ways(t, leaves, PLAIN, &fused))
        return;
    thread_state.expressions_only = true;
    if (run_both_ways(t, leaves, PLAIN, &expression))
        near_outcomes(t, &fused, &expression, 1e-12, "between the fused and the plain VJP");
    thread_state.expressions_only = false;
    if (run_both_ways(t, leaves, TRANSPOSED, &turned))
        near_outcomes(t, &turned, &fused, 1e-12, "where the cotangent lies transposed");
    if (run_both_ways(t, leaves, EVERY_SECOND, &turned))
        near_outcomes(t, &turned, &fused, 1e-12, "where the cotangent has gaps");
}

static int floating_inputs(const struct trial *t)
{
    int n = 0;
    for (int i = 0; i < t->inputs; i++)
        n += kind_of(t->row, i) == 'f';
    return n;
}

static void check_one_at_a_time(const struct trial *t, ct_tensor *const *leaves)
{
    struct outcome all, one;
    if (!t->differentiable || floating_inputs(t) < 2 || !run_both_ways(t, leaves, PLAIN, &all))
        return;
    for (int i = 0; i < t->inputs; i++) {
        if (kind_of(t->row, i) != 'f')
            continue;
        ct_tensor *some[CASE_INPUTS];
        for (int j = 0; j < t->inputs; j++)
            some[j] = j == i ? leaves[j] : ct_detach(leaves[j]);
        if (run_both_ways(t, some, PLAIN, &one))
            near_outcomes(t, &one, &all, 1e-12, "where only one input wants its gradient");
    }
}

static void check_same_twice(const struct trial *plain, ct_tensor *const *leaves)
{
    const struct op_case *row = plain->row;
    if (!plain->differentiable || row->no_same || floating_inputs(plain) < 2 || kind_of(row, 0) != 'f' || kind_of(row, 1) != 'f' || !same_sizes(leaves[0], leaves[1]))
        return;
    struct trial t = *plain;
    t.same = true;
    check_gradients(&t, leaves);
}

/* ---- Checks across dtypes, instruction sets and threads ------------------------------------------------------------------- */
static void check_float32(const struct trial *t)
{
    const enum cpu_isa in_use = cpu_isa();
    ct_tensor *f64[CASE_INPUTS], *f32[CASE_INPUTS];
    struct outcome wanted, found;
    if (t->row->no_float32 || !floating_inputs(t) || !make_inputs(t, CT_FLOAT32, f32))
        return;
    for (int i = 0; i < t->inputs; i++) {       /* the rounded values, so that the inputs are the same */
        f64[i] = kind_of(t->row, i) == 'f' ? ct_require_grad(ct_cast(ct_detach(f32[i]), CT_FLOAT64), true) : f32[i];
        assert_non_null(f64[i]);
    }
    if (!run_both_ways(t, f64, PLAIN, &wanted))
        return;
    for (enum cpu_isa isa = CPU_BASE; isa <= cpu_isa_detected(); isa++) {
        char text[64];
        snprintf(text, sizeof text, "between float32 on %s and float64", cpu_isa_name(isa));
        cpu_set_isa_for_testing(isa);
        if (run_both_ways(t, f32, PLAIN, &found))
            near_outcomes(t, &found, &wanted, t->row->tolerance > 0 ? t->row->tolerance : 1e-5, text);
        thread_state.expressions_only = true;
        if (t->differentiable && run_both_ways(t, f32, PLAIN, &found))
            near_outcomes(t, &found, &wanted, t->row->tolerance > 0 ? t->row->tolerance : 1e-5, text);
        thread_state.expressions_only = false;
    }
    cpu_set_isa_for_testing(in_use);
}

static void check_threads(const struct trial *t, ct_dtype floats)
{
    static const int counts[] = {1, 2, 3, 8};
    ct_tensor *leaves[CASE_INPUTS];
    struct outcome first, next;
    if (!make_inputs(t, floats, leaves))
        return;
    for (size_t k = 0; k < COUNT_OF(counts); k++) {
        ct_set_num_threads(counts[k]);
        if (!run_both_ways(t, leaves, PLAIN, k ? &next : &first))
            break;
        if (!k)
            continue;
        char text[64];
        snprintf(text, sizeof text, "%d threads give other bits than one", counts[k]);
        check(t, same_bits(next.y, first.y), text);
        for (int i = 0; i < t->inputs; i++)
            check(t, !first.gradients[i] || same_bits(next.gradients[i], first.gradients[i]), text);
    }
    ct_set_num_threads(2);
}

/* ---- A row, a group ------------------------------------------------------------------------------------------------------- */
static void note_traits(const struct trial *t)
{
    covered |= t->layout == PLAIN ? CONTIGUOUS : t->layout >= GROWN_FIRST ? BROADCAST : STRIDED;
    for (int i = 0; i < t->inputs; i++) {
        const struct shape *s = &t->row->shapes[i];
        covered |= (s->axes == 1 ? ZERO_D : 0) | (numel(s) == 0 ? ZERO_SIZE : 0) | (t->large ? LARGE : 0);
    }
}

static bool layout_changes_something(const struct trial *t)
{
    for (int i = 0; i < t->inputs; i++) {
        const struct shape *s = &t->row->shapes[i];
        if (t->layout == PLAIN || (t->layout == EVERY_SECOND && numel(s)) || (numel(s) > 1 && t->layout != TRANSPOSED) ||
            (numel(s) > 1 && s->axes > 2))
            return true;
    }
    return false;
}

static void refuse(const struct trial *t, ct_tensor *const *leaves, const char *reason)
{
    ct_error_clear();
    const size_t live = ct_memory().live;
    ct_scope scope = ct_scope_open();
    ct_tensor *y = run_row(leaves, (void *)(uintptr_t)t);
    check(t, !y && strstr(ct_error(), reason) && strstr(ct_error(), ": "), "was not refused as it should");
    ct_error_clear();
    ct_scope_close(scope);
    check(t, ct_memory().live == live, "what was refused left memory behind");
    scope = ct_scope_open();
    check(t, ct_item((ct_sum)((ct_ones)((const int64_t[]){2, 2}, 2, CT_FLOAT64), NULL, 0, false)) == 4 && ct_ok(), "what was refused is in the way of other calls");
    ct_scope_close(scope);
}

static void check_refusal(const struct trial *t)
{
    ct_tensor *leaves[CASE_INPUTS];
    if (!make_inputs(t, CT_FLOAT64, leaves))
        return;
    refuse(t, leaves, t->row->refused);
    refusals++;
}

/* Every input in turn is NULL: an error that says so, unless the input may be left out. */
static void check_nothing_given(const struct trial *t)
{
    ct_tensor *leaves[CASE_INPUTS];
    for (int i = 0; i < t->inputs; i++) {
        CT_SCOPE;
        if (!make_inputs(t, CT_FLOAT64, leaves))
            return;
        leaves[i] = NULL;
        CT_NO_GRAD;
        ct_tensor *y = run_row(leaves, (void *)(uintptr_t)t);
        if (y && ct_ok())
            continue;
        refuse(t, leaves, "NULL");
        without++;
    }
}

static void check_not_differentiable(const struct trial *t, ct_tensor *y)
{
    char text[64];
    snprintf(text, sizeof text, "%s is not differentiable", t->entry->op->name);
    ct_tensor *g = NULL;
    bool ok = ct_backward(y);
    check(t, !ok && strstr(ct_error(), text), "backward does not say that the op is not differentiable");
    ct_error_clear();
    ok = ct_grads(&y, 1, &y, 1, &g);
    check(t, !ok && strstr(ct_error(), text), "grad does not say that the op is not differentiable");
    ct_error_clear();
}

/* CT_TEST_QUICK=1: under tools that slow a program fiftyfold, a layout of each kind is enough. */
static bool quick(void)
{
    const char *set = getenv("CT_TEST_QUICK");
    return set && strcmp(set, "1") == 0;
}

static void run_layout(struct trial *t)
{
    if (quick() && t->layout != PLAIN && t->layout != EVERY_SECOND && t->layout != GROWN_FIRST)
        return;
    CT_SCOPE;
    ct_tensor *leaves[CASE_INPUTS];
    if (!layout_changes_something(t) || !make_inputs(t, CT_FLOAT64, leaves))
        return;
    ct_tensor *y = run_row(leaves, t);
    if (!check(t, y != NULL, "no result"))
        return;
    t->large = ct_numel(y) > LOOP_GRAIN;
    for (int i = 0; i < t->inputs; i++)
        t->large |= numel(&t->row->shapes[i]) > LOOP_GRAIN;
    note_traits(t);
    t->differentiable = t->entry->op->vjp && is_floating(y) && floating_inputs(t);
    if (!t->entry->op->vjp)
        check_not_differentiable(t, y);
    else
        check(t, ct_requires_grad(y) == t->differentiable, "the result should want a gradient, or should not");
    check_values(t, leaves);
    check_copied(t, CT_FLOAT64);
    if (floating_inputs(t) && !t->row->no_float32)
        check_copied(t, CT_FLOAT32);
    if (t->differentiable)
        check_gradients(t, leaves);
    if (t->layout == PLAIN) {
        check_one_at_a_time(t, leaves);
        check_same_twice(t, leaves);
    }
    if (t->layout == PLAIN || t->layout == EVERY_SECOND || t->layout == GROWN_FIRST)
        check_float32(t);
    if (t->large && !quick())
        check_threads(t, CT_FLOAT64);
    if (t->large)
        check_threads(t, CT_FLOAT32);
}

static void check_split(struct trial *t)
{
    t->differentiable = t->entry->op->vjp && floating_inputs(t);
    if (quick())
        return;
    check_threads(t, CT_FLOAT64);
    check_threads(t, CT_FLOAT32);
}

static void run_group(void **state)
{
    const struct entry *e = *state;
    static const struct { enum trait trait; const char *name; } traits[] = {
        {CONTIGUOUS, "contiguous"}, {STRIDED, "strided"}, {BROADCAST, "broadcast"}, {ZERO_D, "0-d"}, {ZERO_SIZE, "zero-size"}, {LARGE, "large"}};
    failures = 0, covered = 0;
    for (int n = 0;; n++) {
        CT_SCOPE;
        struct op_turn at = {.wanted = n};
        e->group(&at);
        if (!at.found)
            break;
        struct trial t = {.entry = e, .row = at.found, .number = n};
        while (t.inputs < CASE_INPUTS && at.found->shapes[t.inputs].axes)
            t.inputs++;
        rows_run++;
        if (at.found->refused) {
            check_refusal(&t);
            covered |= at.found->trait;
            continue;
        }
        if (at.found->split) {
            check_split(&t);
            continue;
        }
        check_nothing_given(&t);
        for (t.layout = PLAIN; t.layout < (at.found->no_layouts ? EVERY_SECOND : LAYOUTS); t.layout++)
            run_layout(&t);
    }
    for (size_t i = 0; i < COUNT_OF(traits); i++)
        if (!(covered & traits[i].trait)) {
            print_error("%s: no row has %s inputs, and none shows that the op refuses them\n", e->name, traits[i].name);
            failures++;
        }
    if (failures)
        fail_msg("%s: %d checks failed", e->name, failures);
}

static int end(void **state)
{
    (void)state;
    print_message("# %d rows, %d checks, %d misuses refused, and %d calls with NULL\n", rows_run, checks_run, refusals, without);
    ct_shutdown();
    return 0;
}

static void test_misuse_was_tried(void **state)
{
    (void)state;
    assert_true(refusals >= 300 && without >= 2000);
}

int main(int count, char **words)               /* words[1]: the groups to run, as "conv*"; none: all */
{
    struct CMUnitTest tests[COUNT_OF(entries) + 1];
    tests[COUNT_OF(entries)] = (struct CMUnitTest)cmocka_unit_test(test_misuse_was_tried);
    for (size_t i = 0; i < COUNT_OF(entries); i++)
        tests[i] = (struct CMUnitTest){.name = entries[i].name, .test_func = run_group, .initial_state = (void *)(uintptr_t)&entries[i]};
    ct_set_num_threads(2);
    if (count > 1)
        cmocka_set_test_filter(words[1]);
    return cmocka_run_group_tests(tests, NULL, end);
}
