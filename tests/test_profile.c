/* Profiles: every op is an event, once, where and when it ran; the table adds them up and the trace lists them. */
#include <pthread.h>

#include <unistd.h>

#include "engine.h"

static char file[] = "/tmp/cotangent_trace_XXXXXX";

static char text[1 << 20];

static const char *slurp(FILE *f)
{
    rewind(f);
    text[fread(text, 1, sizeof text - 1, f)] = 0;
    fclose(f);
    return text;
}

static const char *trace(void)                  /* of what ran since ct_profile_begin */
{
    assert_true(ct_profile_end(NULL, file));
    FILE *f = fopen(file, "r");
    assert_non_null(f);
    return slurp(f);
}

static const char *table(void)
{
    FILE *f = tmpfile();
    assert_non_null(f);
    assert_true(ct_profile_end(f, NULL));
    return slurp(f);
}

static int count(const char *what)
{
    int found = 0;
    for (const char *at = text; (at = strstr(at, what)); at++)
        found++;
    return found;
}

#define BEGIN assert_true(ct_profile_begin(.peak_gflops = 100, .peak_gbytes = 10, .events = 1 << 14))

static ct_module *net_of(void)
{
    ct_seed(1);
    return ct_nn_sequential(ct_nn_linear(6, 5), ct_nn_relu(), ct_nn_linear(5, 4));
}

static void test_each_op_is_one_event(void **state)
{
    (void)state;
    ct_module *net = net_of();
    ct_tensor *x = ct_randn(3, 6), *y = ct_randint(0, 4, 3);
    BEGIN;
    assert_true(ct_backward(ct_cross_entropy(ct_forward(net, x), y)));
    trace();
    assert_int_equal(count("{\"name\":\"linear\",\"cat\":\"op\",\"ph\":\"X\",\"ts\":"), 2);
    assert_int_equal(count("\"name\":\"linear backward\",\"cat\":\"backward\""), 2);
    assert_int_equal(count("\"name\":\"relu\",\"cat\":\"op\""), 1);
    assert_int_equal(count("\"cat\":\"module\""), 4);
    assert_int_equal(count("\"name\":\"Sequential\",\"cat\":\"module\""), 1);
    assert_int_equal(count("\"args\":{\"module\":\"0\",\"result\":\"(3, 5)\",\"operands\":\"(3, 6) (5, 6)\",\"flops\":195,"), 1); /* 2 * 3 * 5 * 6 + 3 * 5 */
    assert_int_equal(count("\"args\":{\"module\":\"2\",\"cotangent\":\"(3, 4)\""), 1);
    ct_free(net);
}

static void test_what_records_nothing_counts_too(void **state)
{
    (void)state;
    BEGIN;
    CT_NO_GRAD;
    ct_tensor *a = ct_ones(4, 5), *b = ct_randn(5, 6), *c = ct_matmul(a, b), *parts[2];
    assert_true(ct_split(c, 3, 1, parts, 2));
    assert_non_null(ct_add_(c, 1.0));
    trace();
    assert_int_equal(count("\"name\":\"matmul\""), 1);
    assert_int_equal(count("\"flops\":240,"), 1);
    assert_int_equal(count("\"name\":\"split\""), 1);
    assert_int_equal(count("\"name\":\"add_\""), 1);
    assert_int_equal(count("\"name\":\"randn\""), 1);
    assert_int_equal(count("\"name\":\"ones\""), 1);
}

static int calls_of(const char *name)           /* by the table; -1: no row */
{
    for (const char *at = text; (at = strchr(at, '\n')); ) {
        at++;
        if (!strncmp(at, name, strlen(name)) && at[strlen(name)] == ' ')
            return atoi(at + strlen(name));
    }
    return -1;
}

/* The rows of the first table: in each the first number with a percent sign. */
static double sum_of_shares(void)
{
    double sum = 0;
    for (const char *at = strstr(text, "\nop ") + 1; (at = strchr(at, '\n') + 1) && *at != '\n';) {
        const char *sign = at + strcspn(at, "%\n"), *number = sign;
        while (*sign == '%' && number[-1] != ' ')
            number--;
        sum += atof(number);
    }
    return sum;
}

static void test_the_table_counts_each_moment_once(void **state)
{
    (void)state;
    ct_module *net = ct_nn_gpt(.vocabulary = 20, .block = 16, .width = 32, .layers = 2);
    ct_optimizer *adam = ct_optim_adam(net, .lr = 1e-3);
    ct_tensor *x = ct_randint(0, 20, 4, 16), *y = ct_randint(0, 20, 64);
    BEGIN;
    for (int i = 0; i < 10; i++) {
        CT_SCOPE;
        ct_zero_grad(adam);
        assert_true(ct_backward(ct_cross_entropy(ct_flatten(ct_forward(net, x), 0, 1), y)));
        assert_true(ct_step(adam));
    }
    const char *t = table();
    assert_non_null(strstr(t, "the floor: 100 GFLOP/s and 10 GB/s"));
    assert_int_equal(calls_of("scaled_dot_product_attention"), 20);
    assert_int_equal(calls_of("layer_norm"), 50);
    assert_int_equal(calls_of("step"), 10);
    assert_int_equal(calls_of("zero_grad"), 10);
    assert_int_equal(calls_of("stack.layers.1.self_attn"), 10);
    assert_int_equal(calls_of("stack.layers.1"), 10);
    const double sum = sum_of_shares();
    if (!(sum > 2 && sum < 101))               /* the rest is between ops, and other programs' on a busy machine */
        fail_msg("the shares add up to %g %%:\n%s", sum, t);
    ct_free(adam), ct_free(net);
}

static void test_waits_for_batches_are_seen(void **state)
{
    (void)state;
    ct_dataset *data = ct_data_digits(.count = 20);
    ct_loader *loader = ct_loader_new(data, .batch_size = 10);
    BEGIN;
    for (ct_batch b; ct_loader_next(loader, &b);)
        continue;
    table();
    assert_int_equal(calls_of("next batch"), 3);
    ct_free(loader), ct_free(data);
}

static void *product(void *unused)
{
    (void)unused;
    ct_matmul((ct_ones)((const int64_t[]){3, 3}, 2, CT_FLOAT32), (ct_ones)((const int64_t[]){3, 3}, 2, CT_FLOAT32));
    ct_shutdown();
    return NULL;
}

static void test_threads_have_lines_of_their_own(void **state)
{
    (void)state;
    BEGIN;
    ct_exp(ct_ones(2));
    pthread_t thread;
    for (int i = 0; i < 2; i++) {
        assert_int_equal(pthread_create(&thread, NULL, product, NULL), 0);
        pthread_join(thread, NULL);
    }
    trace();
    assert_int_equal(count("\"thread_name\""), 3);
    assert_int_equal(count("\"tid\":2,\"args\":{\"module\":\"\",\"result\":\"(3, 3)\",\"operands\":\"(3, 3) (3, 3)\",\"flops\":54,"), 1);
    BEGIN;                                      /* lists of the last profile are gone */
    ct_exp(ct_ones(2));
    trace();
    assert_int_equal(count("\"name\":\"exp\""), 1);
    assert_int_equal(count("\"name\":\"matmul\""), 0);
}

static void twice_vjp(ct_node *node, ct_tensor *const *g, ct_tensor **gradients)
{
    (void)node;
    gradients[0] = ct_mul(g[0], 2.0);
}

static void test_a_users_op_and_place_have_their_names_escaped(void **state)
{
    (void)state;
    BEGIN;
    {
        CT_SCOPE;
        ct_scope_name("a \"quoted\\place\"\n");
        ct_tensor *x = leaf(1, 2);
        assert_true(ct_backward(ct_sum(ct_record("my \"op\"", twice_vjp, CT_TENSORS(ct_vector(2, 4)), CT_TENSORS(x)))));
    }
    trace();
    assert_int_equal(count("{\"name\":\"my \\\"op\\\" backward\","), 1);
    assert_true(count("\"module\":\"a \\\"quoted\\\\place\\\"\\u000a\"") > 0);
}

static void test_events_without_room_are_counted(void **state)
{
    (void)state;
    assert_true(ct_profile_begin(.peak_gflops = 1, .peak_gbytes = 1, .events = 5));
    ct_tensor *x = ct_ones(2);
    for (int i = 0; i < 10; i++)
        x = ct_neg(x);
    assert_non_null(strstr(table(), "6 more events found no room"));
}

static void test_the_floor_is_measured(void **state)
{
    (void)state;
    assert_true(ct_profile_begin());
    ct_matmul(ct_ones(64, 64), ct_ones(64, 64));
    double gflops = 0, gbytes = 0;
    assert_int_equal(sscanf(strstr(table(), "the floor: "), "the floor: %lf GFLOP/s and %lf GB/s", &gflops, &gbytes), 2);
    assert_true(gflops > 0.5 && gbytes > 0.1);
}

static void test_mistakes_are_errors(void **state)
{
    (void)state;
    assert_false(ct_profile_end(NULL, NULL));
    assert_error("profile_end: no profile is being taken");
    assert_false(ct_profile_begin(.events = 0));
    assert_error("profile_begin: room for 0 events");
    assert_false(ct_profile_begin(.peak_gflops = -1));
    assert_error("profile_begin: peaks of -1 GFLOP/s");
    BEGIN;
    assert_false(ct_profile_begin());
    assert_error("profile_begin: a profile is being taken");
    assert_false(ct_profile_end(NULL, "/nowhere/trace.json"));
    assert_error("profile_end: /nowhere/trace.json: No such file");
    assert_false(ct_profile_end(NULL, NULL));
    ct_error_clear();
    FILE *full = fopen("/dev/full", "w");
    if (full) {
        fclose(full);
        BEGIN;
        assert_false(ct_profile_end(NULL, "/dev/full"));
        assert_error("profile_end: /dev/full: No space left");
    }
}

static int make_file(void **state)
{
    (void)state;
    const int opened = mkstemp(file);
    return opened < 0 ? -1 : close(opened);
}

static int remove_file(void **state)
{
    (void)state;
    return unlink(file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_each_op_is_one_event),
        TEST(test_what_records_nothing_counts_too),
        TEST(test_the_table_counts_each_moment_once),
        TEST(test_waits_for_batches_are_seen),
        TEST(test_threads_have_lines_of_their_own),
        TEST(test_a_users_op_and_place_have_their_names_escaped),
        TEST(test_events_without_room_are_counted),
        TEST(test_the_floor_is_measured),
        TEST(test_mistakes_are_errors),
    };
    int failed = cmocka_run_group_tests(tests, make_file, remove_file);
    ct_shutdown();
    return failed;
}
