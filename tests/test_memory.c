/* Memory: what is counted, what is cached, that a warm training step asks the system for nothing, and that every failed
 * allocation is an error after which all goes on. */
#include <stdatomic.h>

#include "autograd/memory.h"
#include "engine.h"

/* ---- Every call of malloc and the like in this process ----------------------------------------------------------- */
#if defined(__GLIBC__) && !SANITIZED
void *__libc_malloc(size_t);
void *__libc_calloc(size_t, size_t);
void *__libc_realloc(void *, size_t);
void *__libc_memalign(size_t, size_t);
static atomic_llong mallocs;

void *malloc(size_t bytes)
{
    mallocs++;
    return __libc_malloc(bytes);
}
void *calloc(size_t count, size_t bytes)
{
    mallocs++;
    return __libc_calloc(count, bytes);
}
void *realloc(void *block, size_t bytes)
{
    mallocs++;
    return __libc_realloc(block, bytes);
}
void *aligned_alloc(size_t alignment, size_t bytes)
{
    mallocs++;
    return __libc_memalign(alignment, bytes);
}
void *memalign(size_t alignment, size_t bytes);
void *memalign(size_t alignment, size_t bytes)
{
    mallocs++;
    return __libc_memalign(alignment, bytes);
}
int posix_memalign(void **block, size_t alignment, size_t bytes)
{
    mallocs++;
    return (*block = __libc_memalign(alignment, bytes)) ? 0 : 12;
}
static long long system_calls(void)
{
    return mallocs;
}
#else
static long long system_calls(void)
{
    return memory_system_allocations();
}
#endif

static bool is_cached(void)                     /* sanitizers and valgrind want to see each block's life */
{
    const char *set = getenv("COTANGENT_NO_CACHE");
    return !SANITIZED && !(set && strcmp(set, "1") == 0);
}

/* ---- Counts ------------------------------------------------------------------------------------------------------ */
static void test_live_and_peak_follow_the_tensors(void **state)
{
    (void)state;
    ct_zeros(1);
    ct_memory_reset_peak();
    const size_t before = ct_memory().live, big = 4 << 20;
    assert_int_equal(ct_memory().peak, before);
    {
        CT_SCOPE;
        ct_zeros((int64_t)big / 4);
        size_t live = ct_memory().live;
        assert_true(live >= before + big && live < before + big + big / 2);
        ct_reshape(ct_zeros(1), 1, 1);          /* a view costs no data */
        assert_true(ct_memory().live < live + 4096);
    }
    assert_int_equal(ct_memory().live, before);
    assert_true(ct_memory().peak >= before + big && ct_memory().peak < before + 2 * big);
    ct_memory_reset_peak();
    assert_int_equal(ct_memory().peak, before);
    assert_true(ct_memory().limit == SIZE_MAX);
}

static void test_what_is_freed_is_kept_for_the_next(void **state)
{
    (void)state;
    if (!is_cached())
        skip();
    {
        CT_SCOPE;
        ct_zeros(300000);
    }
    size_t cached = ct_memory().cached;
    assert_true(cached >= 1200000);
    long long calls = system_calls();
    {
        CT_SCOPE;
        ct_zeros(299000);
        assert_true(ct_memory().cached <= cached - 1196000);
    }
    assert_int_equal(system_calls(), calls);
    ct_shutdown();
    assert_int_equal(ct_memory().cached, 0);
}

static void test_trim_gives_back_what_is_idle(void **state)
{
    (void)state;
    ct_tensor *kept = ct_arange(1000);
    {
        CT_SCOPE;
        for (int i = 0; i < 2000; i++)
            ct_zeros(1 + i * 7 % 3000);
    }
    size_t live = ct_memory().live, before = ct_memory().cached;
    ct_memory_trim();
    assert_int_equal(ct_memory().live, live);
    assert_true(!is_cached() || ct_memory().cached < before / 2);
    assert_near(ct_item(ct_sum(kept)), 499500, 0);
    assert_values(ct_add(ct_ones(2), 1.0), 2, 2);
}

static void test_data_is_aligned_for_vectors(void **state)
{
    (void)state;
    for (int64_t n = 0; n < 3000; n = n < 40 ? n + 1 : n * 5 / 4) {
        CT_SCOPE;
        for (ct_dtype dtype = CT_FLOAT32; dtype <= CT_BOOL; dtype++) {
            const size_t bytes = (size_t)n * ct_dtype_size(dtype);
            uintptr_t at = (uintptr_t)ct_data(ct_zeros_as(dtype, n));
            assert_int_equal(at % (bytes > 16 ? 64 : 16), 0);
        }
    }
}

static void test_the_limit_counts_what_is_live_not_what_is_cached(void **state)
{
    (void)state;
    {
        CT_SCOPE;
        ct_zeros(1 << 20);
    }
    ct_memory_set_limit(ct_memory().live + (2 << 20));
    assert_null(ct_zeros(1 << 20));
    assert_error("zeros: out of memory");
    ct_zeros(1 << 18);
    assert_fine();
    ct_memory_set_limit(SIZE_MAX);
}

/* ---- A training step --------------------------------------------------------------------------------------------- */
enum { BATCH = 16, IN = 20, HIDDEN = 12, OUT = 5 };
struct training {
    ct_module *net;
    ct_optimizer *adam;
    ct_tensor *x, *y;
};

static void make(struct training *t)
{
    ct_seed(17);
    t->net = ct_nn_sequential(ct_nn_flatten(), ct_nn_linear(IN, HIDDEN), ct_nn_relu(), ct_nn_linear(HIDDEN, HIDDEN, .activation = CT_RELU),
                              ct_nn_linear(HIDDEN, OUT));
    t->adam = ct_optim_adam(t->net);
    t->x = ct_keep(ct_randn(BATCH, 4, IN / 4));
    t->y = ct_keep(ct_randint(0, OUT, BATCH));
}

static void end(struct training *t)
{
    ct_free(t->adam), ct_free(t->net);
    ct_release(t->x), ct_release(t->y);
    *t = (struct training){0};
}

static bool step(struct training *t, float *loss)
{
    CT_SCOPE;
    ct_tensor *l = ct_cross_entropy(ct_forward(t->net, t->x), t->y);
    ct_zero_grad(t->adam);
    if (!ct_backward(l) || !ct_step(t->adam))
        return false;
    *loss = (float)ct_item(l);
    return true;
}

static void test_a_warm_training_step_calls_malloc_never(void **state)
{
    (void)state;
    const char *path = getenv("COTANGENT_GEMM");
    if (!is_cached() || (path && strcmp(path, "blis") == 0)) /* BLIS's mallocs are its own */
        skip();
    struct training t;
    float loss;
    make(&t);
    for (int i = 0; i < 5; i++)
        assert_true(step(&t, &loss));
    long long all = system_calls(), ours = memory_system_allocations();
    for (int i = 0; i < 50; i++)
        if (!step(&t, &loss))
            fail();
    assert_int_equal(system_calls() - all, 0);
    assert_int_equal(memory_system_allocations() - ours, 0);
    end(&t);
}

/* ---- Failing each allocation in turn ----------------------------------------------------------------------------- */
struct outcome { float loss, first[HIDDEN * IN], last[OUT]; };

static void observe(const struct training *t, struct outcome *o)
{
    CT_SCOPE;
    assert_true(ct_to_array(ct_module_find(t->net, "1.weight"), o->first, sizeof o->first));
    assert_true(ct_to_array(ct_module_find(t->net, "4.bias"), o->last, sizeof o->last));
}

/* cold: the thread's own lists must be made anew as well */
static void fail_each_allocation(bool cold)
{
    struct training t;
    struct outcome before, want, got;
    float loss;
    make(&t);
    assert_true(step(&t, &loss));
    observe(&t, &before);
    assert_true(step(&t, &want.loss));
    observe(&t, &want);
    end(&t);
    int64_t k = 0;
    for (bool passed = false; !passed; k++) {
        make(&t);
        assert_true(step(&t, &loss));
        ct_zero_grad(t.adam);
        if (cold)
            ct_shutdown();
        const size_t live = ct_memory().live;
        memory_fail_after(k);
        const bool ok = step(&t, &got.loss);
        const bool struck = memory_failed_one();
        memory_fail_after(-1);
        ct_zero_grad(t.adam);
        if (cold)
            ct_shutdown();
        passed = !struck;
        if (passed) {
            assert_true(ok);
            assert_fine();
        } else {
            if (ok || ct_ok() || !strstr(ct_error(), "out of memory"))
                fail_msg("allocation %lld: the step %s, the failure is \"%s\"", (long long)k, ok ? "worked" : "failed", ct_error());
            ct_error_clear();
            assert_int_equal(ct_memory().live, live); /* nothing lost */
            assert_int_equal(ct_optimizer_steps(t.adam), 1);
            observe(&t, &got);
            assert_memory_equal(got.first, before.first, sizeof got.first);
            assert_memory_equal(got.last, before.last, sizeof got.last);
            assert_true(step(&t, &got.loss));   /* and the next step is as if nothing had been */
        }
        observe(&t, &got);
        assert_true(got.loss == want.loss);
        assert_memory_equal(got.first, want.first, sizeof got.first);
        assert_memory_equal(got.last, want.last, sizeof got.last);
        end(&t);
    }
    assert_true(k > 30);                        /* it did strike */
}

static void test_each_failed_allocation_of_a_step_is_an_error(void **state)
{
    (void)state;
    fail_each_allocation(false);
}

static void test_each_failed_allocation_of_a_cold_step_is_an_error(void **state)
{
    (void)state;
    fail_each_allocation(true);
}

/* Any call whatever: it fails with an error and loses nothing, until it works. */
typedef bool call(void);
static void fail_each(call *run, int64_t at_least)
{
    ct_shutdown();
    int64_t k = 0;
    for (bool passed = false; !passed; k++) {
        const size_t live = ct_memory().live;
        memory_fail_after(k);
        const bool ok = run();
        passed = !memory_failed_one();
        memory_fail_after(-1);
        if (passed ? !ok || !ct_ok() : ok || ct_ok() || !strstr(ct_error(), "out of memory"))
            fail_msg("allocation %lld: the call %s, the failure is \"%s\"", (long long)k, ok ? "worked" : "failed", ct_error());
        ct_error_clear();
        ct_shutdown();
        assert_int_equal(ct_memory().live, live);
    }
    assert_true(k > at_least);
}

static bool construct(void)
{
    struct training t;
    make(&t);
    bool ok = t.net && t.adam && t.x && t.y;
    end(&t);
    return ok;
}

static bool grads(void)
{
    CT_SCOPE;
    ct_tensor *inputs[40], *gradients[40], *sum = ct_zeros(1);
    for (int i = 0; i < 40; i++) {
        inputs[i] = ct_vector(i);
        sum = ct_add(sum, ct_square(ct_tanh(inputs[i] ? ct_require_grad(inputs[i], true) : NULL)));
    }
    if (!sum || !(ct_grads)(&sum, 1, inputs, 40, gradients, &(ct_grad_options){.create_graph = true}))
        return false;
    ct_tensor *norm = ct_zeros(1);
    for (int i = 0; i < 40; i++)
        norm = ct_add(norm, ct_square(gradients[i]));
    return ct_backward(norm);
}

static int freed;
static void count_freed(void *unused)
{
    (void)unused;
    freed++;
}
static void pass_on(ct_node *node, ct_tensor *const *cotangents, ct_tensor **gradients)
{
    (void)node;
    gradients[0] = cotangents[0];
}
static ct_tensor *double_it(ct_tensor *g, void *unused)
{
    (void)unused;
    return ct_mul(g, 2.0);
}

static bool custom_op(void)
{
    CT_SCOPE;
    ct_tensor *x = ct_vector(1, 2), *y = ct_vector(3, 4);
    x = x ? ct_require_grad(x, true) : NULL;
    if (x)
        ct_hook_gradient(x, double_it, NULL);
    y = ct_record("mine", pass_on, &y, 1, &x, 1, .free_context = count_freed);
    return ct_backward(ct_sum(y)) && ct_ok();
}

static bool custom_op_and_hook(void)
{
    freed = 0;
    bool ok = custom_op();
    assert_int_equal(freed, 1);
    return ok;
}

static bool many_ops(void)
{
    CT_SCOPE;
    ct_tensor *x = ct_rand(3, 4), *list[40], *parts[3];
    for (int i = 0; i < 40; i++)
        list[i] = x;
    ct_tensor *y = ct_cat(list, 40, 0);
    y = ct_slice(ct_pad(ct_stack(CT_TENSORS(y, y), 0), 0.0, 1, 1), ":, ::2, 1");
    bool ok = ct_split(x, 2, 1, parts, 2);
    y = ct_add(ct_sum(y), ct_sum(ct_matmul(ct_expand(x, 5, 3, 4), ct_transpose(x, 0, 1))));
    y = ct_add(y, ct_max(ct_softmax(ct_var(ct_dropout(x), 0), 0)));
    y = ct_mul(y, ct_binary_cross_entropy(x, ct_bernoulli(x, NULL)));
    ct_add_(x, 1);
    ct_copy_(x, ct_randperm(4, NULL));
    return ok && y && ct_ok();
}

static bool print(void)
{
    CT_SCOPE;
    FILE *file = fopen("/dev/null", "w");
    bool ok = ct_fprint(file, ct_arange(100));
    fclose(file);
    return ok;
}

static void test_each_failed_allocation_of_other_calls_is_an_error(void **state)
{
    (void)state;
    fail_each(construct, 20);
    fail_each(grads, 100);
    fail_each(custom_op_and_hook, 8);
    fail_each(many_ops, 30);
    fail_each(print, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_live_and_peak_follow_the_tensors),
        TEST(test_what_is_freed_is_kept_for_the_next),
        TEST(test_trim_gives_back_what_is_idle),
        TEST(test_data_is_aligned_for_vectors),
        TEST(test_the_limit_counts_what_is_live_not_what_is_cached),
        TEST(test_a_warm_training_step_calls_malloc_never),
        TEST(test_each_failed_allocation_of_a_step_is_an_error),
        TEST(test_each_failed_allocation_of_a_cold_step_is_an_error),
        TEST(test_each_failed_allocation_of_other_calls_is_an_error),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    ct_shutdown();
    return failed;
}
