/* Progress on a terminal and away from one, and accuracy. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cmocka.h>
#include <cotangent.h>

#include "autograd/memory.h"

static const char *read_all(FILE *file, char *text, size_t bytes)
{
    rewind(file);
    size_t count = fread(text, 1, bytes - 1, file);
    text[count] = 0;
    return text;
}

/* One line: start, then the time. */
static void check_line(const char *line, const char *start)
{
    double took;
    char end;
    assert_true(strncmp(line, start, strlen(start)) == 0);
    assert_int_equal(sscanf(line + strlen(start), " (%lf s)%c", &took, &end), 2);
    assert_int_equal(end, '\n');
    assert_ptr_equal(strchr(line, '\n'), line + strlen(line) - 1);
}

static void test_progress_is_one_plain_line_in_a_file(void **state)
{
    (void)state;
    char text[400];
    FILE *file = tmpfile();
    ct_progress *progress = ct_progress_begin(file, "epoch 1/3", 5);
    for (int i = 0; i < 5; i++)
        ct_progress_step(progress, "loss %.2f", 1.0 / i);
    assert_string_equal(read_all(file, text, sizeof text), "");
    ct_progress_end(progress, "loss %.2f", 0.25);
    check_line(read_all(file, text, sizeof text), "epoch 1/3: loss 0.25");
    fclose(file);
}

/* What is drawn between two returns fills at most this many columns. */
static void check_columns(const char *text, size_t most)
{
    for (size_t length; *text; text += length + (text[length] != 0)) {
        length = strcspn(text, "\r\n");
        if (length > most)
            fail_msg("%zu columns of %zu: %.*s", length, most, (int)length, text);
    }
}

static void drain(int terminal, char *text, size_t bytes)
{
    size_t used = 0;
    struct pollfd ready = {.fd = terminal, .events = POLLIN}; /* what was written comes through a moment later */
    while (used < bytes - 1 && poll(&ready, 1, 150) > 0 && ready.revents & POLLIN) {
        const ssize_t count = read(terminal, text + used, bytes - 1 - used);
        if (count <= 0)
            break;
        used += (size_t)count;
    }
    text[used] = 0;
}

static void test_the_bar_fits_a_terminal_that_is_resized(void **state)
{
    (void)state;
    const int terminal = posix_openpt(O_RDWR | O_NOCTTY);
    if (terminal < 0 || grantpt(terminal) || unlockpt(terminal) || fcntl(terminal, F_SETFL, O_NONBLOCK))
        skip();
    char *columns = getenv("COLUMNS"), *before = columns ? strdup(columns) : NULL, text[4000];
    unsetenv("COLUMNS");
    FILE *file = fopen(ptsname(terminal), "w");
    static const unsigned short widths[] = {120, 40, 8, 1};
    ct_progress *progress = ct_progress_begin(file, "epoch 1/3", 100);
    for (size_t i = 0; i < sizeof widths / sizeof *widths; i++) {
        assert_int_equal(ioctl(terminal, TIOCSWINSZ, &(struct winsize){.ws_col = widths[i], .ws_row = 20}), 0);
        usleep(110000);                         /* ten drawings a second */
        ct_progress_step(progress, "loss %.2f", 0.5);
        drain(terminal, text, sizeof text);
        if (!i)
            assert_true(strstr(text, "epoch 1/3") && strstr(text, "loss 0.50") && strstr(text, "[>"));
        check_columns(text, widths[i] - 1u);
        assert_true(i == 0 || !strchr(text, '['));
    }
    setenv("COLUMNS", "30", 1);                 /* counts for more */
    usleep(110000);
    ct_progress_step(progress, "loss %.2f", 0.5);
    drain(terminal, text, sizeof text);
    check_columns(text, 29);
    ct_progress_end(progress, "loss %.2f", 0.25);
    drain(terminal, text, sizeof text);
    assert_non_null(strstr(text, "epoch 1/3: loss 0.25 ("));
    fclose(file);
    close(terminal);
    unsetenv("COLUMNS");
    if (before)
        setenv("COLUMNS", before, 1);
    free(before);
}

static void test_eighty_columns_show_the_loss_of_a_fit(void **state)
{
    (void)state;
    const int terminal = posix_openpt(O_RDWR | O_NOCTTY);
    if (terminal < 0 || grantpt(terminal) || unlockpt(terminal) || fcntl(terminal, F_SETFL, O_NONBLOCK))
        skip();
    CT_SCOPE;
    char text[4000];
    unsetenv("COLUMNS");
    assert_int_equal(ioctl(terminal, TIOCSWINSZ, &(struct winsize){.ws_col = 80, .ws_row = 20}), 0);
    FILE *file = fopen(ptsname(terminal), "w");
    ct_module *net = ct_nn_linear(2, 2);
    ct_optimizer *sgd = ct_optim_sgd(net, .lr = 0.25);
    ct_dataset *set = ct_data_tensors(ct_ones(6, 2), ct_vector_int(0, 1, 1, 0, 1, 0));
    ct_history *history = ct_train_fit(net, sgd, set, .batch_size = 2, .metrics = CT_METRICS(ct_metric_accuracy), .progress = file);
    assert_true(ct_ok());
    drain(terminal, text, sizeof text);
    char *first = strstr(text, "left"), *end = first ? strpbrk(first, "\r\n") : NULL;
    assert_non_null(end);
    *end = 0;
    assert_true(strstr(first, "loss ") && strstr(first, "accuracy "));
    ct_free(history), ct_free(sgd), ct_free(net), ct_free(set);
    fclose(file);
    close(terminal);
}

static void test_progress_accepts_anything(void **state)
{
    (void)state;
    char text[400];
    FILE *file = tmpfile();
    ct_progress *progress = ct_progress_begin(file, NULL, -1);
    ct_progress_step(progress, NULL);
    ct_progress_end(progress, NULL);
    check_line(read_all(file, text, sizeof text), "");
    ct_progress_step(NULL, "loss %d", 1);
    ct_progress_end(NULL, NULL);
    assert_null(ct_progress_begin(NULL, "x", 1));
    memory_fail_after(0);
    assert_null(ct_progress_begin(file, "x", 1));
    memory_fail_after(-1);
    assert_true(ct_ok());
    fclose(file);
}

static ct_tensor *mode_forward(ct_module *self, ct_tensor *x)
{
    return ct_module_is_training(self) || ct_recording() ? ct_fail("mode: training or recording") : x;
}

static void test_accuracy_counts_right_samples_in_evaluation_mode(void **state)
{
    (void)state;
    CT_SCOPE;
    /* outputs are the inputs: classes 0, 1, 2, 1, 0 */
    ct_tensor *x = ct_reshape(ct_vector(5, 1, 2, /**/ 0, 3, 1, /**/ 1, 2, 9, /**/ -3, -1, -2, /**/ 4, 4, 4), 5, 3);
    ct_tensor *y = ct_cast(ct_vector(0, 1, 1, 1, 2), CT_INT64);
    ct_module *net = ct_module_new("Mode", mode_forward, 0);
    ct_dataset *classes = ct_data_tensors(x, y), *one_hot = ct_data_tensors(x, ct_cast(ct_one_hot(y, 3), CT_FLOAT32));
    for (int64_t batch = 1; batch < 7; batch++) {
        assert_true(ct_train_accuracy(net, classes, batch) == 0.6);
        assert_true(ct_train_accuracy(net, one_hot, batch) == 0.6);
    }
    assert_true(ct_module_is_training(net) && ct_recording());
    ct_module_eval(net);
    assert_true(ct_train_accuracy(net, classes, 2) == 0.6);
    assert_false(ct_module_is_training(net));
    ct_free(net), ct_free(classes), ct_free(one_hot);
}

static void test_accuracy_fails_by_name(void **state)
{
    (void)state;
    CT_SCOPE;
    ct_module *net = ct_module_new("Mode", mode_forward, 0);
    ct_dataset *floats = ct_data_tensors(ct_ones(4, 3), ct_ones(4));
    assert_true(isnan(ct_train_accuracy(NULL, floats, 2)));
    assert_string_equal(ct_error(), "accuracy: net is NULL");
    ct_error_clear();
    assert_true(isnan(ct_train_accuracy(net, NULL, 2)));
    assert_string_equal(ct_error(), "accuracy: dataset is NULL");
    ct_error_clear();
    assert_true(isnan(ct_train_accuracy(net, floats, 2)));
    assert_string_equal(ct_error(), "accuracy: outputs (2, 3), targets float32 (2): "
                                    "want (N, C), and int64 (N) or one-hot (N, C)");
    ct_error_clear();
    assert_true(isnan(ct_train_accuracy(net, floats, 0)));
    assert_false(ct_ok());
    ct_error_clear();
    assert_true(ct_module_is_training(net));
    ct_free(net), ct_free(floats);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_progress_is_one_plain_line_in_a_file),
        cmocka_unit_test(test_the_bar_fits_a_terminal_that_is_resized),
        cmocka_unit_test(test_eighty_columns_show_the_loss_of_a_fit),
        cmocka_unit_test(test_progress_accepts_anything),
        cmocka_unit_test(test_accuracy_counts_right_samples_in_evaluation_mode),
        cmocka_unit_test(test_accuracy_fails_by_name),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    ct_shutdown();
    return failed;
}
