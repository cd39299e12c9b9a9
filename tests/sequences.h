/* What the tests of sequences share: modules whose parameters are all random, and closeness. */
#ifndef COTANGENT_TESTS_SEQUENCES_H
#define COTANGENT_TESTS_SEQUENCES_H
#include "engine.h"

#define FAILED(call, message) (assert_null(call), assert_error(message))

static inline ct_tensor *parameter(ct_module *module, const char *name)
{
    ct_tensor *t = ct_module_find(module, name);
    if (!t)
        fail_msg("%s has no %s", ct_module_kind(module), name);
    return t;
}

static inline void assert_close(ct_tensor *got, ct_tensor *want, double bound)
{
    assert_fine();
    assert_non_null(got);
    assert_non_null(want);
    CT_SCOPE;
    CT_NO_GRAD;
    ct_tensor *off = ct_numel(got) ? ct_max(ct_abs(ct_sub(got, want))) : ct_scalar(0);
    assert_fine();
    if (!(ct_item(off) <= bound))
        fail_msg("off by %g, want %g at most", ct_item(off), bound);
}

/* All parameters random, so that none hides behind its first value. */
static inline bool scatter(const char *name, ct_tensor *t, bool is_parameter, void *context)
{
    (void)name, (void)is_parameter, (void)context;
    return ct_nn_init_uniform(t, -0.6, 0.8, NULL);
}

static inline ct_module *scattered(ct_module *module)
{
    assert_non_null(module);
    assert_true(ct_module_each(module, scatter, NULL));
    return module;
}

static inline ct_module *in_float64(ct_module *(*make)(void))
{
    ct_set_default_dtype(CT_FLOAT64);
    ct_module *module = scattered(make());
    ct_set_default_dtype(CT_FLOAT32);
    return module;
}

static inline ct_tensor *padding_of(int64_t length, int64_t a, int64_t b)
{
    return ct_ge(ct_arange(length), ct_unsqueeze(ct_vector_int(a, b), 1));
}

static inline bool count_entries(const char *name, ct_tensor *t, bool is_parameter, void *context)
{
    (void)name, (void)t, (void)is_parameter;
    ++*(int *)context;
    return true;
}

static inline int entries(const ct_module *module)
{
    int count = 0;
    ct_module_each(module, count_entries, &count);
    return count;
}
#endif
