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
#include "autograd/kernels/cpu.h"
#include "autograd/kernels/kernels.h"
#include "op_trial.h"

#define OP(name) op_group op_cases_##name;
#include "autograd/ops/ops.def"
#include "compositions.def"
#undef OP

static void composed(ct_node *node, ct_tensor *const *cotangents, ct_tensor **gradients)
{
    (void)node, (void)cotangents, (void)gradients;
}
static const struct op op_composition = {"composition", composed, NULL, 0}; /* differentiable, as far as the rows are concerned */

static const struct entry entries[] = {
#define OP(name) {#name, &op_##name, op_cases_##name},
#include "autograd/ops/ops.def"
#undef OP
#define OP(name) {#name, &op_composition, op_cases_##name},
#include "compositions.def"
#undef OP
};

static int rows_run;
static int refusals, without;                   /* of misuse, and of NULL alone */
static unsigned covered;

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

static double wanted_misuse;                    /* of all that is known; each part of the groups has about its share */

static void test_misuse_was_tried(void **state)
{
    (void)state;
    assert_true(refusals >= 150 * wanted_misuse && without >= 1000 * wanted_misuse);
}

int main(int count, char **words)               /* words[1]: the groups to run, as "conv*", or every n-th, as "1/4"; none: all */
{
    static struct CMUnitTest tests[COUNT_OF(entries) + 1];
    size_t part = 1, parts = 1, used = 0;
    const bool shared = count > 1 && sscanf(words[1], "%zu/%zu", &part, &parts) == 2 && part && part <= parts;
    for (size_t i = part - 1; i < COUNT_OF(entries); i += parts)
        tests[used++] = (struct CMUnitTest){.name = entries[i].name, .test_func = run_group, .initial_state = (void *)(uintptr_t)&entries[i]};
    wanted_misuse = 1.0 / (double)parts;
    tests[used++] = (struct CMUnitTest)cmocka_unit_test(test_misuse_was_tried);
    ct_set_num_threads(2);
    if (count > 1 && !shared)
        cmocka_set_test_filter(words[1]);
    return _cmocka_run_group_tests("ops", tests, used, NULL, end);
}
