/* Inputs made up for a row, and the row run with them. */
#include "op_trial.h"

static const char *const layout_names[] = {"plain", "every second", "transposed", "reversed", "offset", "first axis expanded", "all axes expanded"};
int failures, checks_run;

void wrong(const struct trial *t, const char *what)
{
    failures++;
    print_error("%s:%d: %s [%s]: %s%s%s\n", t->row->file, t->row->line, t->row->text, layout_names[t->layout], what, ct_ok() ? "" : ": ",
                ct_error());
    ct_error_clear();
}

bool check(const struct trial *t, bool right, const char *what)
{
    checks_run++;
    if (!right)
        wrong(t, what);
    return right;
}

/* ---- Inputs -------------------------------------------------------------------------------------------------------------- */
char kind_of(const struct op_case *row, int i)
{
    return row->kinds ? row->kinds[i] : 'f';
}

int64_t numel(const struct shape *s)
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

bool make_inputs(const struct trial *t, ct_dtype floats, ct_tensor **inputs)
{
    for (int i = 0; i < t->inputs; i++)
        if (!check(t, (inputs[i] = input_of(t, i, floats)) != NULL, "no input"))
            return false;
    return true;
}

/* ---- Running ------------------------------------------------------------------------------------------------------------- */
ct_tensor *run_row(ct_tensor *const *leaves, void *context)
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

const double *numbers(ct_tensor *x)      /* in row-major order, for as long as the scope is open */
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

bool same_bits(ct_tensor *a, ct_tensor *b)
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

bool run_both_ways(const struct trial *t, ct_tensor *const *leaves, enum layout cotangent, struct outcome *o)
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

bool near_outcomes(const struct trial *t, const struct outcome *found, const struct outcome *wanted, double tolerance, const char *what)
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
