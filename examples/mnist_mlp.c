/* Handwritten digits with a multilayer perceptron, 784-128-64-10: MNIST where it is found, else synthetic digits. Its loop is written by hand, to
 * show what one is; the other examples leave it to ct_train_fit. */
#include "settings.h"

enum { EVALUATION_BATCH = 250 };

static struct settings s = {.epochs = 3, .batch_size = 64, .lr = 3e-3};

static const struct option_row options[] = {
    SETTINGS_ROWS(s, "folder of the four MNIST files", "learning rate of Adam at the start; it falls to 0 along a cosine"),
    {0},
};

static void train_epoch(int64_t epoch, ct_module *net, ct_optimizer *adam, ct_schedule *schedule, ct_loader *loader, ct_dataset *validation)
{
    char label[48];
    snprintf(label, sizeof label, "epoch %lld/%lld", (long long)epoch, (long long)s.epochs);
    ct_progress *progress = ct_progress_begin(stdout, label, ct_loader_batches(loader));
    double sum = 0;
    int64_t done = 0;
    for (ct_batch batch; ct_loader_next(loader, &batch);) {
        CT_SCOPE;                               /* owns every tensor made until this brace closes */
        ct_tensor *loss = ct_cross_entropy(ct_forward(net, batch.x), batch.y);
        ct_zero_grad(adam);
        if (!ct_backward(loss) || !ct_step(adam) || !ct_schedule_next(schedule))
            break;
        sum += ct_item(loss);
        done++;
        ct_progress_step(progress, "loss %.4f", sum / (double)done);
    }
    const double accuracy = ct_ok() ? ct_train_accuracy(net, validation, EVALUATION_BATCH) : 0;
    if (ct_ok())
        ct_progress_end(progress, "loss %.4f, validation accuracy %.4f", sum / (double)done, accuracy);
    else
        ct_progress_end(progress, "stopped");
}

static void train(ct_module *net, const struct sets *sets)
{
    ct_loader *loader = ct_loader_new(sets->training, .batch_size = s.batch_size, .shuffle = true, .seed = (uint64_t)s.seed);
    ct_optimizer *adam = ct_optim_adam(net, .lr = s.lr);
    ct_schedule *schedule = ct_schedule_cosine(adam, s.epochs * ct_loader_batches(loader));
    for (int64_t epoch = 1; epoch <= s.epochs && ct_ok(); epoch++)
        train_epoch(epoch, net, adam, schedule, loader, sets->validation);
    ct_free(schedule), ct_free(adam), ct_free(loader);
}

int main(int count, char **words)
{
    options_parse("Trains a multilayer perceptron on handwritten digits.", options, count, words);
    if (!settings_apply(&s))
        return ct_report_error();
    struct sets sets = settings_open_digits(&s, true);
    ct_module *net = ct_nn_sequential(ct_nn_flatten(), ct_nn_linear(784, 128), ct_nn_relu(), ct_nn_linear(128, 64), ct_nn_relu(), ct_nn_linear(64, 10));
    if (s.load && ct_ok() && ct_module_load(net, s.load))
        printf("weights: %s\n", s.load);
    if (ct_ok() && ct_module_summary(net, stdout, 1, 1, 28, 28) && !s.evaluate)
        train(net, &sets);
    const double accuracy = ct_ok() ? ct_train_accuracy(net, sets.testing, EVALUATION_BATCH) : 0;
    if (s.save && ct_ok() && ct_module_save(net, s.save))
        printf("saved: %s\n", s.save);
    if (ct_ok())
        printf("test accuracy: %.4f\n", accuracy);
    ct_free(net);
    sets_free(&sets);
    int failed = ct_report_error();
    ct_shutdown();
    return failed;
}
