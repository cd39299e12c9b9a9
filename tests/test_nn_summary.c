/* The table of a module, and where in it a failure arose. */
#include "modules.h"

#include <stdlib.h>
#include <string.h>

static const char *read_all(FILE *file, char *text, size_t bytes)
{
    rewind(file);
    size_t count = fread(text, 1, bytes - 1, file);
    text[count] = 0;
    fclose(file);
    return text;
}

static void test_summary_is_this_table(void **state)
{
    (void)state;
    char text[2000];
    FILE *file = tmpfile();
    ct_module *dropout = ct_nn_dropout(0.25);
    ct_module *net = ct_nn_sequential(ct_nn_flatten(), ct_nn_linear(784, 128, .activation = CT_RELU), dropout,
                                      ct_nn_linear(128, 10));
    ct_module_eval(dropout);
    ct_require_grad(ct_module_find(net, "3.bias"), false);
    assert_true(ct_module_summary(net, file, 1, 1, 28, 28));
    assert_true(ct_module_is_training(net) && !ct_module_is_training(dropout) && ct_recording());
    assert_string_equal(read_all(file, text, sizeof text),
                        "layer                          output shape  parameters  mult-adds  memory\n"
                        "--------------------------------------------------------------------------\n"
                        "Sequential                     (1, 10)                -          -       -\n"
                        "  0  Flatten                   (1, 784)               -          -       -\n"
                        "  1  Linear  784 -> 128, ReLU  (1, 128)         100,480      100 k   512 B\n"
                        "  2  Dropout  p 0.25           (1, 128)               -          -       -\n"
                        "  3  Linear  128 -> 10         (1, 10)            1,290     1.28 k    40 B\n"
                        "--------------------------------------------------------------------------\n"
                        "parameters: 101,770, trainable: 101,760\n"
                        "multiply-adds: 102 k, memory: parameters 398 KiB, results 552 B, a step with Adam about 1.55 MiB\n");
    ct_free(net);
}

static void test_summary_of_a_net_that_fails_prints_nothing(void **state)
{
    (void)state;
    char text[100];
    FILE *file = tmpfile();
    ct_module *net = small_net();
    assert_false(ct_module_summary(net, file, 2, 7));
    assert_false(ct_ok());
    ct_error_clear();
    assert_true(ct_module_is_training(net));
    assert_string_equal(read_all(file, text, sizeof text), "");
    FAILED(ct_module_summary(NULL, stdout, 1), "module_summary: module is NULL");
    ct_free(net);
}

static ct_tensor *count_tokens(ct_module *self, ct_tensor *x)
{
    (void)self;
    return ct_cast(ct_one_hot(x, 5), CT_FLOAT32);
}

static void test_summary_takes_an_input_of_the_users(void **state)
{
    (void)state;
    CT_SCOPE;
    ct_module *net = ct_nn_sequential(ct_module_new("Count", count_tokens, 0), ct_nn_linear(5, 2));
    FILE *file = tmpfile();
    assert_non_null(file);
    assert_false(ct_module_summary(net, file, 1, 3));
    assert_non_null(strstr(ct_error(), "want int64"));
    assert_non_null(strstr(ct_error(), "; in module 0, a Count (in module_summary)"));
    ct_error_clear();
    assert_true(ct_module_summary_of(net, file, (ct_zeros)((int64_t[]){1, 3}, 2, CT_INT64)));
    char text[1024] = {0};
    rewind(file);
    assert_true(fread(text, 1, sizeof text - 1, file) > 0);
    assert_non_null(strstr(text, "(1, 3, 5)"));
    fclose(file);
    ct_free(net);
}

static void test_a_failure_names_the_module_it_arose_in(void **state)
{
    (void)state;
    CT_SCOPE;
    ct_module *net = ct_nn_sequential(ct_nn_relu(), ct_nn_sequential(ct_nn_linear(3, 4), ct_nn_linear(5, 2)));
    assert_null(ct_forward(net, ct_zeros(2, 3)));
    assert_non_null(strstr(ct_error(), "linear: "));
    assert_non_null(strstr(ct_error(), "; in module 1.1, a Linear"));
    assert_null(strstr(strstr(ct_error(), "in module") + 1, "in module"));
    ct_error_clear();
    ct_free(net);
}

static const char *summary_of(ct_module *net, int64_t size)
{
    static char text[16384];
    FILE *file = tmpfile();
    assert_non_null(file);
    assert_true(ct_module_summary(net, file, 1, 3, size, size));
    ct_free(net);
    return read_all(file, text, sizeof text);
}

static void test_costs_are_those_of_the_papers(void **state)
{
    (void)state;
    const char *text = summary_of(ct_nn_resnet18(), 32); /* 555.4 and 1814 million by hand */
    assert_non_null(strstr(text, "\nmultiply-adds: 555 M, memory: parameters 42.6 MiB, "));
    assert_non_null(strstr(text, "\n  conv1  Conv2d  3 -> 64, 3x3, padding 1, no bias  (1, 64, 32, 32)        1,728     1.77 M   268 KiB\n")); /* 27 * 64 * 32 * 32 */
    assert_non_null(strstr(text, "\n  fc  Linear  512 -> 10                            (1, 10)                5,130     5.12 k      40 B\n"));
    for (const char *at = text, *end; (end = strchr(at, '\n')); at = end + 1)
        assert_true(end - at <= 100);
    assert_non_null(strstr(summary_of(ct_nn_resnet18(.imagenet_stem = true, .classes = 1000), 224), "\nmultiply-adds: 1.81 G, "));
}

static void test_memory_counts_the_batch_and_what_is_kept(void **state)
{
    (void)state;
    char text[4096];
    double mebibytes[2];
    ct_module *net = ct_nn_sequential(ct_nn_linear(64, 256), ct_nn_tanh(), ct_nn_linear(256, 64));
    for (int i = 0; i < 2; i++) {
        FILE *file = tmpfile();
        assert_non_null(file);
        ct_module_checkpoint(net, i);
        assert_true(ct_module_summary(net, file, 4096, 64));
        const char *at = strstr(read_all(file, text, sizeof text), "results 9.00 MiB, a step with Adam about ");
        assert_non_null(at);                    /* 4096 * (256 + 256 + 64) * 4 */
        mebibytes[i] = atof(strstr(at, "about ") + 6);
    }
    assert_near(mebibytes[0], 0.5 + 5.5, 0.9);  /* 33,088 parameters four times; tanh's result and the last, in blocks of some sizes alone: nobody reads the first linear's */
    assert_true(mebibytes[1] < 2);
    ct_free(net);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_summary_is_this_table),
        cmocka_unit_test(test_summary_of_a_net_that_fails_prints_nothing),
        cmocka_unit_test(test_summary_takes_an_input_of_the_users),
        cmocka_unit_test(test_costs_are_those_of_the_papers),
        cmocka_unit_test(test_memory_counts_the_batch_and_what_is_kept),
        cmocka_unit_test(test_a_failure_names_the_module_it_arose_in),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    ct_shutdown();
    return failed;
}
