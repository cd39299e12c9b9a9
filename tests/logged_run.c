/* A run with every log, into the folder that is its argument, for test_logs.sh: it breaks down after step 16 and goes on from the checkpoint of
 * step 14. A column of the history bears a name that means something in HTML. Says whether there are images. */
#include <cotangent.h>

#include <stdio.h>

enum { BREAKS_AFTER = 16, SAVED_EVERY = 7 };

static bool break_down(ct_run *run, void *state)
{
    const bool *whole = state;
    return *whole || ct_run_step(run) < BREAKS_AFTER || ct_fail("the power went");
}

static double one_half(const ct_metric_state *state)
{
    (void)state;
    return 0.5;
}

static bool add_nothing(ct_metric_state *state, ct_tensor *outputs, ct_tensor *y)
{
    (void)state, (void)outputs, (void)y;
    return true;
}

static bool run(const char *folder, ct_dataset *digits, ct_dataset *held_out, bool whole)
{
    static const ct_callback_calls breaks = {.name = "power", .step = break_down};
    const ct_metric hostile = {"<b>&\"half\"", add_nothing, one_half, true, 0};
    char board[512], csv[512], json[512], html[512], svg[512], checkpoints[512], last[600];
    snprintf(board, sizeof board, "%s/board", folder);
    snprintf(csv, sizeof csv, "%s/log.csv", folder);
    snprintf(json, sizeof json, "%s/log.json", folder);
    snprintf(html, sizeof html, "%s/report.html", folder);
    snprintf(svg, sizeof svg, "%s/curves.svg", folder);
    snprintf(checkpoints, sizeof checkpoints, "%s/checkpoints", folder);
    snprintf(last, sizeof last, "%s/last.checkpoint", checkpoints);
    ct_module *net = ct_nn_sequential(ct_nn_flatten(), ct_nn_linear(784, 32), ct_nn_relu(), ct_nn_linear(32, 10));
    ct_optimizer *adam = ct_optim_adam(net, .lr = 3e-3);
    ct_schedule *schedule = ct_schedule_cosine(adam, 60);
    ct_history *history = ct_train_fit(net, adam, digits, .epochs = 6, .validation = held_out, .metrics = CT_METRICS(ct_metric_accuracy, hostile),
        .schedule = schedule, .clip_norm = 1, .silent = true, .resume = whole ? last : NULL,
        .callbacks = CT_CALLBACKS(ct_train_log_csv(csv), ct_train_log_json(json), ct_train_tensorboard(board, .histograms = 2),
                                  ct_train_report(html, .title = "<script>alert('digits')</script>", .class_names = CT_CLASS_NAMES("zero", "one", "two", "three",
                                  "four", "five", "six", "seven", "eight", "<i>nine")),
                                  ct_train_curves(svg), ct_train_checkpoints(checkpoints, .every_steps = SAVED_EVERY), ct_callback_new(&breaks, &whole)));
    ct_free(history), ct_free(schedule), ct_free(adam), ct_free(net);
    return ct_ok();
}

int main(int words, char **word)
{
    if (words != 2)
        return 2;
    ct_dataset *digits = ct_data_digits(.count = 320, .seed = 1), *held_out = ct_data_digits(.count = 100, .seed = 2);
    ct_seed(3);
    if (digits && held_out && !run(word[1], digits, held_out, false))
        ct_error_clear();                       /* the power */
    run(word[1], digits, held_out, true);
    ct_free(digits), ct_free(held_out);
    printf("%s\n", ct_io_has_png() ? "png" : "no png");
    const int failed = ct_report_error();
    ct_shutdown();
    return failed;
}
