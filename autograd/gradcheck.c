/* Gradients against central differences. The full check compares every entry of the Jacobian; the fast one a single random
 * projection v^T J u of it, at two evaluations an input. */
#include <math.h>

#include "internal.h"
#include "random.h"

const ct_gradcheck_options ct_gradcheck_defaults = {CT_GRADCHECK_DEFAULTS .end_ = 0};

struct check {
    const char *name;
    ct_function *function;
    ct_tensor *const *inputs;
    size_t count;
    ct_gradcheck_options o;
};

/* Uniform in [-1, 1), away from 0 so that every entry counts. */
static ct_tensor *direction(const struct check *c, const ct_tensor *like, uint32_t stream)
{
    ct_tensor *v = (ct_empty)(like->sizes, like->rank, CT_FLOAT64);
    for (int64_t i = 0, n = v ? tensor_numel(v) : 0; i < n; i++) {
        uint32_t w[4];
        philox4x32((const uint32_t[]){(uint32_t)i, (uint32_t)(i >> 32), stream, 0}, (const uint32_t[]){(uint32_t)c->o.seed, (uint32_t)(c->o.seed >> 32)}, w);
        double u = (double)w[0] * 0x1p-32;
        ((double *)v->data)[i] = (u < 0.5 ? -0.25 : 0.25) + (u - 0.5);
    }
    return v;
}

static ct_tensor *call(const struct check *c)
{
    uint64_t failures = thread_state.failures;
    ct_tensor *y = c->function(c->inputs, c->o.context);
    if (!y && thread_state.failures == failures)
        ct_fail("%s: the function returned NULL", c->name);
    return y;
}

static double dot(const ct_tensor *v, const ct_tensor *y) /* v row-major, y of any layout */
{
    double total = 0;
    for (int64_t i = 0, n = tensor_numel(y); i < n; i++) {
        int64_t offset = 0, rest = i;
        for (int a = y->rank; a-- > 0; rest /= y->sizes[a])
            offset += rest % y->sizes[a] * y->strides[a];
        total += ((const double *)v->data)[i] * ((const double *)y->data)[offset];
    }
    return total;
}

static double *entry(const ct_tensor *x, int64_t i)
{
    int64_t offset = 0;
    for (int a = x->rank; a-- > 0; i /= x->sizes[a])
        offset += i % x->sizes[a] * x->strides[a];
    return (double *)x->data + offset;
}

/* v . f(inputs) with x moved by amount along entry `at` (u NULL) or along u. */
static bool moved(const struct check *c, ct_tensor *x, int64_t at, const ct_tensor *u, double amount, const ct_tensor *v, double *out)
{
    CT_SCOPE;
    const int64_t n = tensor_numel(x), first = u ? 0 : at, last = u ? n : at + 1;
    ct_tensor *old = ct_clone(x);
    if (!old)
        return false;
    for (int64_t i = first; i < last; i++)
        *entry(x, i) += amount * (u ? ((const double *)u->data)[i] : 1);
    ct_tensor *y = call(c);
    if (y)
        *out = dot(v, y);
    for (int64_t i = first; i < last; i++)
        *entry(x, i) = *entry(old, i);
    return y != NULL;
}

static bool differs(const struct check *c, double found, double expected)
{
    return !(found == expected || (isnan(found) && isnan(expected)) || fabs(found - expected) <= c->o.atol + c->o.rtol * fabs(expected));
}

static bool check_entries(const struct check *c, size_t input, const ct_tensor *gradient, const ct_tensor *v, int64_t output)
{
    ct_tensor *x = c->inputs[input];
    for (int64_t i = 0, n = tensor_numel(x); i < n; i++) {
        double above, below, found = gradient ? *entry(gradient, i) : 0;
        if (!moved(c, x, i, NULL, c->o.eps, v, &above) || !moved(c, x, i, NULL, -c->o.eps, v, &below))
            return false;
        double expected = (above - below) / (2 * c->o.eps);
        if (differs(c, found, expected))
            return ct_fail("%s: input %zu %s, index %lld, output index %lld: expected %.9g, found %.9g", c->name, input, SHAPE(x),
                           (long long)i, (long long)output, expected, found) != NULL;
    }
    return true;
}

static bool check_projection(const struct check *c, size_t input, const ct_tensor *gradient, const ct_tensor *v)
{
    ct_tensor *x = c->inputs[input], *u = direction(c, x, 1 + (uint32_t)input);
    double above, below, found = 0;
    if (!u || !moved(c, x, 0, u, c->o.eps, v, &above) || !moved(c, x, 0, u, -c->o.eps, v, &below))
        return false;
    for (int64_t i = 0; gradient && i < tensor_numel(x); i++)
        found += ((const double *)u->data)[i] * *entry(gradient, i);
    double expected = (above - below) / (2 * c->o.eps);
    return !differs(c, found, expected) || ct_fail("%s: input %zu %s, along a random direction: expected %.9g, found %.9g", c->name, input,
                                                   SHAPE(x), expected, found) != NULL;
}

static bool check_inputs(const struct check *c)
{
    bool any = false;
    if (!c->function || (c->count && !c->inputs))
        return ct_fail("%s: the function or the inputs are NULL", c->name) != NULL;
    for (size_t i = 0; i < c->count; i++) {
        ct_tensor *x = c->inputs[i];
        if (!given(c->name, "an input", x))
            return false;
        if (!(x->flags & WANTS_GRAD))
            continue;
        any = true;
        if (x->dtype != CT_FLOAT64 || x->node || tensor_overlaps_itself(x))
            return ct_fail("%s: input %zu, %s %s: want a float64 leaf without overlap", c->name, i, ct_dtype_name((ct_dtype)x->dtype), SHAPE(x)) != NULL;
    }
    return any || ct_fail("%s: no input wants a gradient", c->name);
}

static bool check(const struct check *c)
{
    CT_SCOPE;
    if (!check_inputs(c))
        return false;
    ct_tensor *y = call(c);
    if (!y)
        return false;
    if (y->dtype != CT_FLOAT64)
        return ct_fail("%s: the function returned %s, want float64", c->name, ct_dtype_name((ct_dtype)y->dtype)) != NULL;
    if (!(y->flags & WANTS_GRAD))
        return ct_fail("%s: the function's result wants no gradient", c->name) != NULL;
    const int64_t outputs = c->o.fast ? 1 : tensor_numel(y);
    bool ok = true;
    for (int64_t k = 0; k < outputs && ok; k++) {
        CT_SCOPE;
        ct_tensor *v = c->o.fast ? direction(c, y, 0) : (ct_zeros)(y->sizes, y->rank, CT_FLOAT64);
        if (!v)
            return false;
        if (!c->o.fast)
            ((double *)v->data)[k] = 1;
        for (size_t i = 0; i < c->count && ok; i++) {
            if (!(c->inputs[i]->flags & WANTS_GRAD))
                continue;
            ct_tensor *gradient = NULL;
            ok = ct_grads(&y, 1, &c->inputs[i], 1, &gradient, .cotangents = &v, .retain_graph = true, .allow_unused = true) &&
                 (c->o.fast ? check_projection(c, i, gradient, v) : check_entries(c, i, gradient, v, k));
        }
    }
    if (outputs == 0 && ok) {                   /* nothing to compare, but backward must work and give zeros */
        ct_tensor *v = (ct_zeros)(y->sizes, y->rank, CT_FLOAT64), *gradient;
        for (size_t i = 0; i < c->count && ok && v; i++)
            if (c->inputs[i]->flags & WANTS_GRAD)
                ok = ct_grads(&y, 1, &c->inputs[i], 1, &gradient, .cotangents = &v, .retain_graph = true, .allow_unused = true);
    }
    return ok;
}

bool(ct_gradcheck)(ct_function *function, ct_tensor *const *inputs, size_t count, const ct_gradcheck_options *options)
{
    struct check c = {"gradcheck", function, inputs, count, options ? *options : ct_gradcheck_defaults};
    return check(&c);
}

/* ---- Second derivatives: the check of (inputs, cotangent) -> gradients --------------------------------------------------------------- */
struct second {
    ct_function *function;
    void *context;
    size_t count;
};

/* All gradients in one vector, as functions of the inputs and (last) the cotangent. */
static ct_tensor *gradients_of(ct_tensor *const *inputs, void *context)
{
    const struct second *s = context;
    enum { MOST = 16 };
    ct_tensor *wanted[MOST], *gradients[MOST], *flat[MOST];
    size_t n = 0, used = 0;
    for (size_t i = 0; i < s->count; i++)
        if (inputs[i]->flags & WANTS_GRAD)
            wanted[n++] = inputs[i];
    ct_tensor *y = s->function(inputs, s->context), *v = inputs[s->count];
    if (!y || !ct_grads(&y, 1, wanted, n, gradients, .cotangents = &v, .create_graph = true, .allow_unused = true))
        return NULL;
    for (size_t i = 0; i < n; i++)
        if (gradients[i] && !(flat[used++] = ct_reshape(gradients[i], tensor_numel(gradients[i]))))
            return NULL;
    if (!used)
        return ct_mul(ct_sum(v), 0.0);
    return ct_cat(flat, used, 0);
}

bool(ct_gradgradcheck)(ct_function *function, ct_tensor *const *inputs, size_t count, const ct_gradcheck_options *options)
{
    CT_SCOPE;
    enum { MOST = 15 };
    struct check c = {"gradgradcheck", function, inputs, count, options ? *options : ct_gradcheck_defaults};
    if (count > MOST)
        return ct_fail("gradgradcheck: %zu inputs, want at most %d", count, MOST) != NULL;
    if (!check_inputs(&c))
        return false;
    ct_tensor *y = call(&c), *all[MOST + 1];
    if (!y)
        return false;
    memcpy(all, inputs, count * sizeof *all);
    all[count] = ct_require_grad(direction(&c, y, 99), true);
    if (!all[count])
        return false;
    struct second s = {function, c.o.context, count};
    c.function = gradients_of, c.inputs = all, c.count = count + 1;
    c.o.context = &s;
    return check(&c);
}
