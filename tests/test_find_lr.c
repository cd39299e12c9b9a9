/* The finder of learning rates, plots, and batch normalisation after averaging. */
#define _GNU_SOURCE
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "temp_folder.h"

#include <cotangent.h>

struct problem {
    ct_module *net;
    ct_optimizer *optimizer;
    ct_tensor *x, *y;
};

static double loss_of(void *context)
{
    const struct problem *p = context;
    ct_zero_grad(p->optimizer);
    ct_tensor *loss = ct_mse(ct_forward(p->net, p->x), p->y);
    return ct_backward(loss) ? ct_item(loss) : NAN;
}

static void test_a_search_finds_a_rate_and_puts_everything_back(void **state)
{
    (void)state;
    CT_SCOPE;
    ct_seed(2);
    struct problem p = {.net = ct_nn_linear(3, 1), .x = ct_randn(50, 3), .y = ct_randn(50, 1)};
    p.optimizer = ct_optim_sgd(p.net, .lr = 0.123, .momentum = 0.5);
    ct_tensor *before = ct_clone(ct_detach(ct_module_find(p.net, "weight")));
    const double found = ct_train_find_lr(p.optimizer, loss_of, &p, .from = 1e-4, .to = 100, .plot = path_of("lr.svg"));
    assert_fine();
    assert_true(found > 1e-3 && found < 2);     /* curvature is near 2: 1 diverges */
    assert_true(ct_equal(ct_detach(ct_module_find(p.net, "weight")), before) && ct_optimizer_lr(p.optimizer) == 0.123);
    assert_int_equal(ct_optimizer_steps(p.optimizer), 0);
    assert_int_equal(remove(path_of("lr.svg")), 0);
    assert_true(isnan(ct_train_find_lr(p.optimizer, loss_of, &p, .from = 1, .to = 0.5)));
    assert_error("find_lr: from 1 to 0.5 in 100 steps");
    assert_true(isnan(ct_train_find_lr(NULL, loss_of, &p)));
    assert_error("find_lr: optimizer is NULL");
    ct_free(p.optimizer), ct_free(p.net);
}

/* Batches of chance: of a line under noise. */
static double noisy_loss(void *context)
{
    const struct problem *p = context;
    ct_tensor *x = ct_randn(32, 8), *y = ct_add(ct_matmul(x, p->x), ct_randn(32, 1));
    ct_zero_grad(p->optimizer);
    ct_tensor *loss = ct_mse(ct_forward(p->net, x), y);
    return ct_backward(loss) ? ct_item(loss) : NAN;
}

static void test_chance_is_not_taken_for_a_fall(void **state)
{
    (void)state;
    int found = 0;
    for (uint64_t seed = 0; seed < 8; seed++) {
        CT_SCOPE;
        ct_seed(seed);
        struct problem p = {.x = ct_randn(8, 1), .net = ct_nn_linear(8, 1)};
        p.optimizer = seed % 2 ? ct_optim_adamw(p.net) : ct_optim_sgd(p.net);
        const double rate = ct_train_find_lr(p.optimizer, noisy_loss, &p);
        if (isnan(rate))
            assert_error("the loss falls clearly at no rate from 1e-07");
        else
            found++;
        assert_true(isnan(rate) || (rate > 0.01 && rate < 1));
        ct_free(p.optimizer), ct_free(p.net);
    }
    assert_true(found >= 6);
}

static void test_a_plot_breaks_where_a_point_is_missing(void **state)
{
    (void)state;
    const double y[] = {1, 2, NAN, 4, INFINITY, 0, 7};
    const ct_curve curves[] = {{"a < b & c", NULL, y, 7}};
    char *programs = strdup(getenv("PATH"));
    setenv("PATH", "/nowhere", true);           /* no gnuplot */
    assert_true(ct_train_plot(path_of("p.svg"), curves, 1, .title = "t", .log_y = true));
    char text[20000] = "";
    FILE *file = fopen(path_of("p.svg"), "r");
    const size_t bytes = fread(text, 1, sizeof text - 1, file);
    fclose(file);
    text[bytes] = 0;
    assert_non_null(strstr(text, "a &lt; b &amp; c"));
    const char *path = strstr(text, "<path");
    int moves = 0, lines = 0;
    for (const char *c = strstr(path, " d='") + 4; *c != '\''; c++)
        moves += *c == 'M', lines += *c == 'L';
    assert_true(moves == 3 && lines == 1 && !strstr(text, "nan") && !strstr(text, "inf"));
    const double flat[] = {3e-3, 3e-3};         /* the ticks tell how much that is */
    const ct_curve flat_curve[] = {{"lr", NULL, flat, 2}};
    assert_true(ct_train_plot(path_of("p.svg"), flat_curve, 1));
    file = fopen(path_of("p.svg"), "r");
    text[fread(text, 1, sizeof text - 1, file)] = 0;
    fclose(file);
    assert_true(strstr(text, ">0.002</text>") && strstr(text, ">0.004</text>"));
    assert_int_equal(remove(path_of("p.svg")), 0);
    assert_false(ct_train_plot(path_of("p.png"), curves, 1));
    assert_error("p.png: a plot as PNG wants gnuplot");
    assert_int_not_equal(remove(path_of("p.png")), 0);
    setenv("PATH", programs, true);
    free(programs);
    assert_false(ct_train_plot(path_of("p.svg"), curves, 0));
    assert_error("plot: no curves");
    assert_false(ct_train_plot(path_of("nowhere/p.svg"), curves, 1));
    assert_error("nowhere/p.svg");
}

static void test_gnuplot_draws_where_it_is_installed(void **state)
{
    (void)state;
    if (system("command -v gnuplot > /dev/null 2>&1"))
        skip();
    const double x[] = {1e-3, 1e-2, 1e-1, 1}, y[] = {4, NAN, 2, 1};
    const ct_curve curves[] = {{"it's", x, y, 4}, {"$(b) \\n", NULL, y, 4}};
    assert_true(ct_train_plot(path_of("p.png"), curves, 2, .title = "a 'title'", .log_x = true));
    assert_true(ct_train_plot(path_of("p.svg"), curves, 2, .x_label = "x_1", .log_y = true));
    char head[400] = "";
    FILE *file = fopen(path_of("p.png"), "rb");
    assert_true(fread(head, 1, 8, file) == 8 && !memcmp(head, "\x89PNG\r\n", 6));
    fclose(file);
    file = fopen(path_of("p.svg"), "r");
    assert_true(fread(head, 1, sizeof head - 1, file) > 100 && strstr(head, "<svg"));
    fclose(file);
    assert_int_equal(remove(path_of("p.png")) + remove(path_of("p.svg")), 0);
    assert_fine();
}

static void test_batch_norm_is_counted_anew_over_an_epoch(void **state)
{
    (void)state;
    CT_SCOPE;
    ct_tensor *x = ct_randn(40, 3), *y = ct_zeros(40);
    ct_module *net = ct_nn_sequential(ct_nn_batch_norm1d(3), ct_nn_linear(3, 1));
    ct_dataset *all = ct_data_tensors(x, y);
    ct_loader *loader = ct_loader_new(all, .batch_size = 10);
    ct_forward(net, ct_add(x, 100));
    ct_module_eval(net);
    assert_true(ct_train_update_batch_norm(net, loader) && !ct_module_is_training(net));
    assert_true(ct_allclose(ct_module_find(net, "0.running_mean"), ct_mean(x, 0), 1e-4, 1e-5, false));
    assert_int_equal(ct_item_int(ct_module_find(net, "0.num_batches_tracked")), 4);
    assert_false(ct_train_update_batch_norm(net, NULL));
    assert_error("update_batch_norm: loader is NULL");
    ct_free(loader), ct_free(all), ct_free(net);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_search_finds_a_rate_and_puts_everything_back),
        cmocka_unit_test(test_chance_is_not_taken_for_a_fall),
        cmocka_unit_test(test_a_plot_breaks_where_a_point_is_missing),
        cmocka_unit_test(test_gnuplot_draws_where_it_is_installed),
        cmocka_unit_test(test_batch_norm_is_counted_anew_over_an_epoch),
    };
    int failed = cmocka_run_group_tests(tests, make_folder, remove_folder);
    ct_shutdown();
    return failed;
}
