/* Handwritten digits with a multilayer perceptron, 784-128-64-10: MNIST where it is found, else synthetic digits. */
#define _POSIX_C_SOURCE 200809L
#include <cotangent.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "options.h"

static const double PI = 3.14159265358979323846;
static const char *data, *save, *load;
static int64_t epochs = 3, batch_size = 64, seed, threads, limit;
static double lr = 3e-3;
static int evaluate;

static const struct option_row options[] = {
    {"data", "DIR", "folder of the four MNIST files", .text = &data},
    {"epochs", "N", "passes over the training data", .whole = &epochs, .least = 1},
    {"batch-size", "N", "samples in a batch", .whole = &batch_size, .least = 1},
    {"lr", "X", "learning rate of Adam at the start; it falls to 0 along a cosine", .number = &lr},
    {"seed", "N", "of weights, order of the data and synthetic digits", .whole = &seed},
    {"threads", "N", "0: one per core", .whole = &threads},
    {"limit", "N", "use the first N training records; 0: all", .whole = &limit},
    {"save", "FILE", "write the trained weights here, as safetensors", .text = &save},
    {"load", "FILE", "start from these weights", .text = &load},
    {"evaluate", NULL, "do not train, only test (with --load)", .on = &evaluate},
    {0},
};

/* Finds out before hours of training: a save writes a file beside its target and renames it. */
static void check_save_path(const char *path)
{
    const char *slash = strrchr(path, '/');
    char *folder = slash ? strdup(path) : strdup(".");
    if (!folder)
        return;
    if (slash)
        folder[slash == path ? 1 : slash - path] = 0;
    struct stat there;
    int reason = access(folder, W_OK | X_OK) ? errno : 0;
    bool is_folder = !stat(path, &there) && S_ISDIR(there.st_mode);
    free(folder);
    if (is_folder)
        options_refuse("--save %s: is a folder", path);
    if (reason)
        options_refuse("--save %s: cannot be written: %s", path, strerror(reason));
}

static void open_data(ct_dataset **training, ct_dataset **testing)
{
    const char *variable = getenv("COTANGENT_DATA");
    if (data || ct_data_mnist_available(NULL)) {
        const char *place = data ? data : variable && *variable ? variable : "the cache folder (~/.cache/cotangent)";
        printf("data: MNIST from %s\n", place);
        *training = ct_data_mnist(.folder = data, .train = true, .normalize = true, .limit = limit);
        *testing = ct_data_mnist(.folder = data, .normalize = true);
    } else {
        printf("data: no MNIST found, so these are SYNTHETIC digits"
               " (--data DIR or COTANGENT_DATA=DIR for the real ones)\n");
        *training = ct_data_digits(.count = limit ? limit : 10000, .seed = (uint64_t)seed, .normalize = true);
        *testing = ct_data_digits(.count = 2000, .seed = (uint64_t)seed + 1, .normalize = true);
    }
}

static bool train_epoch(ct_module *net, ct_optimizer *adam, ct_loader *loader, ct_dataset *validation, int64_t epoch)
{
    char label[48];
    snprintf(label, sizeof label, "epoch %lld/%lld", (long long)epoch, (long long)epochs);
    int64_t batches = ct_loader_batches(loader);
    ct_progress *progress = ct_progress_begin(stdout, label, batches);
    double sum = 0;
    int64_t done = 0;
    for (ct_batch batch; ct_loader_next(loader, &batch);) {
        CT_SCOPE;                               /* owns every tensor made until this brace closes */
        double progress_made = ((double)(epoch - 1) + (double)done / (double)batches) / (double)epochs;
        ct_optimizer_set_lr(adam, lr * 0.5 * (1 + cos(PI * progress_made)));
        ct_tensor *loss = ct_cross_entropy(ct_forward(net, batch.x), batch.y);
        ct_zero_grad(adam);
        if (!ct_backward(loss) || !ct_step(adam))
            break;
        sum += ct_item(loss);
        done++;
        ct_progress_step(progress, "loss %.4f", sum / (double)done);
    }
    double accuracy = done == batches ? ct_train_accuracy(net, validation, 1000) : 0;
    if (ct_ok())
        ct_progress_end(progress, "loss %.4f, validation accuracy %.4f", sum / (double)done, accuracy);
    else
        ct_progress_end(progress, "stopped");
    return ct_ok();
}

int main(int count, char **words)
{
    options_parse("Trains a multilayer perceptron on handwritten digits.", options, count, words);
    if (limit && limit < 10)
        options_refuse("--limit %lld: want at least 10, one for validation", (long long)limit);
    if (evaluate && !load)
        options_refuse("--evaluate: want --load FILE too");
    if (threads && !ct_set_num_threads(threads < 1000 ? (int)threads : 1000))
        return ct_report_error();
    if (save)
        check_save_path(save);
    ct_seed((uint64_t)seed);

    ct_dataset *all, *testing;
    open_data(&all, &testing);
    int64_t held_out = ct_dataset_size(all) / 10, used = ct_dataset_size(all) - held_out;
    ct_dataset *training = ct_data_subset(all, 0, used), *validation = ct_data_subset(all, used, held_out);
    ct_loader *loader = ct_loader_new(training, .batch_size = batch_size, .shuffle = true, .seed = (uint64_t)seed);

    ct_module *net = ct_nn_sequential(ct_nn_flatten(), ct_nn_linear(784, 128), ct_nn_relu(), ct_nn_linear(128, 64),
                                      ct_nn_relu(), ct_nn_linear(64, 10));
    ct_optimizer *adam = ct_optim_adam(net, .lr = lr);
    if (load && ct_ok() && ct_module_load(net, load))
        printf("weights: %s\n", load);
    if (ct_ok())
        ct_module_summary(net, stdout, 1, 1, 28, 28);
    for (int64_t epoch = 1; epoch <= epochs && !evaluate && ct_ok();)
        if (train_epoch(net, adam, loader, validation, epoch))
            epoch++;
    double accuracy = ct_ok() ? ct_train_accuracy(net, testing, 1000) : 0;
    if (save && ct_ok() && ct_module_save(net, save))
        printf("saved: %s\n", save);
    if (ct_ok())
        printf("test accuracy: %.4f\n", accuracy);

    ct_free(adam), ct_free(net), ct_free(loader);
    ct_free(training), ct_free(validation), ct_free(all), ct_free(testing);
    int failed = ct_report_error();
    ct_shutdown();
    return failed;
}
