/* Optimizers from the same start over the same batches: 784-128-64-10 on 10,000 digits. A table an epoch, and a plot of the losses. */
#include <string.h>

#include "settings.h"

enum { MOST = 13, MOST_EPOCHS = 1000 };

static struct settings s = {.epochs = 5, .batch_size = 64, .limit = 10000};
static const char *wanted = "sgd,momentum,adagrad,rmsprop,adadelta,adam,adamw", *plot = "optimizer_race.svg";

static ct_optimizer *make(const char *name, ct_module *net)
{
    const double lr = s.lr;                     /* 0: each one's own */
#define ROW(row, call) if (!strcmp(name, row)) return call;
    ROW("sgd", ct_optim_sgd(net, .lr = lr > 0 ? lr : 0.05))
    ROW("momentum", ct_optim_sgd(net, .lr = lr > 0 ? lr : 0.02, .momentum = 0.9))
    ROW("adagrad", ct_optim_adagrad(net, .lr = lr > 0 ? lr : 0.01))
    ROW("rmsprop", ct_optim_rmsprop(net, .lr = lr > 0 ? lr : 1e-3))
    ROW("adadelta", ct_optim_adadelta(net, .lr = lr > 0 ? lr : 1))
    ROW("adam", ct_optim_adam(net, .lr = lr > 0 ? lr : 1e-3))
    ROW("adamw", ct_optim_adamw(net, .lr = lr > 0 ? lr : 1e-3))
    ROW("adamax", ct_optim_adamax(net, .lr = lr > 0 ? lr : 2e-3))
    ROW("nadam", ct_optim_nadam(net, .lr = lr > 0 ? lr : 1e-3))
    ROW("radam", ct_optim_radam(net, .lr = lr > 0 ? lr : 1e-3))
    ROW("lion", ct_optim_lion(net, .lr = lr > 0 ? lr : 2e-4))
    ROW("lamb", ct_optim_lamb(net, .lr = lr > 0 ? lr : 5e-3))
#undef ROW
    options_refuse("--optimizers %s: want names of sgd, momentum, adagrad, rmsprop, adadelta, adam, adamw, adamax, nadam, radam, lion, lamb", name);
}

/* One optimizer's run: mean loss and accuracy of each epoch. */
static void run(const char *name, const struct sets *sets, double *losses, double *accuracies)
{
    ct_seed((uint64_t)s.seed);
    ct_module *net = ct_nn_sequential(ct_nn_flatten(), ct_nn_linear(784, 128), ct_nn_relu(), ct_nn_linear(128, 64), ct_nn_relu(),
                                      ct_nn_linear(64, 10));
    ct_optimizer *optimizer = make(name, net);
    ct_loader *loader = ct_loader_new(sets->training, .batch_size = s.batch_size, .shuffle = true, .seed = (uint64_t)s.seed);
    for (int64_t epoch = 0; epoch < s.epochs && ct_ok(); epoch++) {
        double sum = 0;
        for (ct_batch batch; ct_loader_next(loader, &batch);) {
            CT_SCOPE;
            ct_tensor *loss = ct_cross_entropy(ct_forward(net, batch.x), batch.y);
            ct_zero_grad(optimizer);
            if (!ct_backward(loss) || !ct_step(optimizer))
                break;
            sum += ct_item(loss);
        }
        losses[epoch] = sum / (double)ct_loader_batches(loader);
        accuracies[epoch] = ct_ok() ? ct_train_accuracy(net, sets->validation, 250) : 0;
        if (ct_ok())
            printf("%-10s %5lld  %8.4f  %8.4f\n", name, (long long)epoch + 1, losses[epoch], accuracies[epoch]);
        fflush(stdout);
    }
    ct_free(loader), ct_free(optimizer), ct_free(net);
}

int main(int count, char **words)
{
    static const struct option_row options[] = {
        {"data", "DIR", "folder of the four MNIST files", .text = &s.data},
        {"optimizers", "NAMES", "which, with commas between", .text = &wanted},
        {"epochs", "N", "passes over the training data", .whole = &s.epochs, .least = 1},
        {"batch-size", "N", "samples in a batch", .whole = &s.batch_size, .least = 1},
        {"lr", "X", "learning rate of all; 0: each one's own", .number = &s.lr},
        {"seed", "N", "of weights, order of the data and synthetic images", .whole = &s.seed},
        {"threads", "N", "0: one per core", .whole = &s.threads},
        {"limit", "N", "use the first N training records; 0: all", .whole = &s.limit},
        {"plot", "FILE", "the picture, optimizer_race.svg unless given", .text = &plot},
        {0},
    };
    options_parse("Races optimizers on handwritten digits.", options, count, words);
    if (s.epochs > MOST_EPOCHS)
        options_refuse("--epochs %lld: want at most %d", (long long)s.epochs, MOST_EPOCHS);
    settings_check_path("plot", plot);
    if (!settings_apply(&s))
        return ct_report_error();
    static double losses[MOST][MOST_EPOCHS], accuracies[MOST][MOST_EPOCHS];
    static char names[MOST][32];
    ct_curve curves[MOST];
    struct sets sets = settings_open_digits(&s, true);
    size_t racers = 0;
    for (const char *at = wanted; ct_ok();) {
        const size_t length = strcspn(at, ",");
        if (racers == MOST)
            options_refuse("--optimizers %s: want at most %d names", wanted, MOST);
        snprintf(names[racers++], sizeof *names, "%.*s", (int)length, at);
        ct_module *probe = ct_nn_linear(1, 1);  /* a wrong name is found out before the race */
        ct_free(make(names[racers - 1], probe)), ct_free(probe);
        at += length;
        if (!*at++)
            break;
    }
    printf("optimizer  epoch      loss  accuracy\n");
    for (size_t i = 0; i < racers && ct_ok(); i++) {
        run(names[i], &sets, losses[i], accuracies[i]);
        curves[i] = (ct_curve){names[i], NULL, losses[i], (size_t)s.epochs};
    }
    if (ct_ok() && ct_train_plot(plot, curves, racers, .title = "784-128-64-10 on handwritten digits", .x_label = "epoch", .y_label = "training loss",
                                 .log_y = true))
        printf("plot: %s\n", plot);
    sets_free(&sets);
    int failed = ct_report_error();
    ct_shutdown();
    return failed;
}
