/* Every schedule's curve in one picture, schedules.svg, and as a table. */
#include <cotangent.h>

#include "options.h"

enum { STEPS = 300, MOST = 16 };

static double square_root(int64_t t, int group, void *context)
{
    (void)group, (void)context;
    double root = 1;
    for (int i = 0; i < 30; i++)
        root = (root + (1 + (double)t / 10) / root) / 2;
    return 1 / root;
}

static ct_schedule *make(int which, ct_optimizer *o, const char **name)
{
#define ROW(number, label, call) case number: *name = label; return call;
    switch (which) {
    ROW(0, "step", ct_schedule_step(o, 60, .gamma = 0.5))
    ROW(1, "multi-step", ct_schedule_multi_step(o, 0.3, 100, 200))
    ROW(2, "exponential", ct_schedule_exponential(o, 0.985))
    ROW(3, "polynomial", ct_schedule_polynomial(o, STEPS, .power = 2))
    ROW(4, "linear warm-up", ct_schedule_linear(o, .start = 0.05, .steps = 50))
    ROW(5, "constant", ct_schedule_constant(o, .factor = 0.25, .steps = 150))
    ROW(6, "cosine", ct_schedule_cosine(o, STEPS))
    ROW(7, "cosine restarts", ct_schedule_cosine_restarts(o, 40, .multiple = 2))
    ROW(8, "one cycle", ct_schedule_one_cycle(o, 1, STEPS))
    ROW(9, "cyclic", ct_schedule_cyclic(o, 0.1, 0.8, .up = 25, .shape = CT_TRIANGULAR2))
    ROW(10, "plateau", ct_schedule_plateau(o, .factor = 0.6, .patience = 20))
    ROW(11, "lambda", ct_schedule_lambda(o, square_root, NULL))
    ROW(12, "chained", ct_schedule_chained(ct_schedule_linear(o, .start = 0.1, .steps = 30), ct_schedule_exponential(o, 0.99)))
    ROW(13, "sequential", ct_schedule_sequential(CT_SCHEDULES(ct_schedule_linear(o, .start = 0.1, .steps = 40), ct_schedule_cosine(o, 260)), 40))
    default: return NULL;
    }
#undef ROW
}

int main(int count, char **words)
{
    static double rates[MOST][STEPS];
    static ct_curve curves[MOST];
    const char *path = "schedules.svg";
    const struct option_row options[] = {{"plot", "FILE", "the picture, schedules.svg unless given", .text = &path}, {0}};
    options_parse("Draws the learning rates of every schedule.", options, count, words);
    CT_SCOPE;
    ct_module *parameters = ct_nn_parameter_list(ct_zeros(1));
    size_t drawn = 0;
    for (; drawn < MOST && ct_ok(); drawn++) {
        ct_optimizer *sgd = ct_optim_sgd(parameters, .lr = 1, .momentum = 0.9);
        const char *name = NULL;
        ct_schedule *schedule = make((int)drawn, sgd, &name);
        for (int t = 0; t < STEPS && schedule; t++) {
            rates[drawn][t] = ct_optimizer_lr(sgd);
            ct_schedule_next_metric(schedule, 1); /* a metric that never gets better */
        }
        ct_free(schedule), ct_free(sgd);
        if (!schedule)
            break;
        curves[drawn] = (ct_curve){name, NULL, rates[drawn], STEPS};
        printf("%-16s", name);
        for (int t = 0; t < STEPS; t += 50)
            printf("%9.4f", rates[drawn][t]);
        printf("\n");
    }
    if (ct_ok() && ct_train_plot(path, curves, drawn, .title = "Learning rate schedules", .x_label = "step", .y_label = "learning rate"))
        printf("plot: %s\n", path);
    ct_free(parameters);
    int failed = ct_report_error();
    ct_shutdown();
    return failed;
}
