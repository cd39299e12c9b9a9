/* Handwritten digits through a narrow middle: an autoencoder gives them back, a variational one draws new ones. Pictures show both. */
#include "settings.h"

#include <string.h>

enum { COLUMNS = 10, SEEN = 4 * COLUMNS, DRAWN = 10 * COLUMNS, EVALUATION_BATCH = 250 };

static struct settings s = {.epochs = 5, .batch_size = 64, .lr = 1e-3};
static const char *model = "dense", *pictures = "reconstructions.png", *samples = "generated.png";
static int64_t latent = 16;

static const struct option_row options[] = {
    SETTINGS_ROWS(s, "folder of the four MNIST files", "learning rate of Adam"),
    {"model", "NAME", "dense or conv", .text = &model},
    {"latent", "N", "numbers in the middle", .whole = &latent, .least = 1},
    {"pictures", "FILE", "test digits, each above what came back", .text = &pictures},
    {"samples", "FILE", "digits drawn by the variational one", .text = &samples},
    {0},
};

/* Binary cross-entropy a picture, and for the variational one the divergence of its codes from the standard normal, arXiv:1312.6114. */
static ct_tensor *plain_loss(ct_module *net, ct_tensor *x)
{
    return ct_div(ct_binary_cross_entropy(ct_forward(net, x), x, .reduction = CT_SUM), (double)ct_size(x, 0));
}

static ct_tensor *variational_loss(ct_module *net, ct_tensor *x)
{
    ct_tensor *mean, *log_var, *y = ct_nn_variational_run(net, x, &mean, &log_var);
    ct_tensor *divergence = ct_mul(ct_sum(ct_sub(ct_sub(ct_add(ct_square(mean), ct_exp(log_var)), log_var), 1)), 0.5);
    return ct_div(ct_add(ct_binary_cross_entropy(y, x, .reduction = CT_SUM), divergence), (double)ct_size(x, 0));
}

typedef ct_tensor *loss_function(ct_module *net, ct_tensor *x);

/* Mean squared difference of a pixel to what came back. */
static double error_of(ct_module *net, ct_dataset *set)
{
    CT_NO_GRAD;
    double sum = 0, count = 0;
    ct_loader *loader = ct_loader_new(set, .batch_size = EVALUATION_BATCH);
    ct_module_eval(net);
    for (ct_batch batch; ct_loader_next(loader, &batch);) {
        CT_SCOPE;
        sum += ct_item(ct_mse(ct_forward(net, batch.x), batch.x, .reduction = CT_SUM));
        count += (double)ct_numel(batch.x);
    }
    ct_module_train(net);
    ct_free(loader);
    return sum / count;
}

static void train_epoch(const char *label, ct_module *net, loss_function *loss_of, ct_optimizer *adam, ct_loader *loader, ct_dataset *validation)
{
    ct_progress *progress = ct_progress_begin(stdout, label, ct_loader_batches(loader));
    double sum = 0;
    int64_t done = 0;
    for (ct_batch batch; ct_loader_next(loader, &batch);) {
        CT_SCOPE;
        ct_tensor *loss = loss_of(net, batch.x);
        ct_zero_grad(adam);
        if (!ct_backward(loss) || !ct_step(adam))
            break;
        sum += ct_item(loss);
        done++;
        ct_progress_step(progress, "loss %.2f", sum / (double)done);
    }
    double error = ct_ok() ? error_of(net, validation) : 0;
    if (ct_ok())
        ct_progress_end(progress, "loss %.2f, validation error %.4f", sum / (double)done, error);
    else
        ct_progress_end(progress, "stopped");
}

static void train(const char *name, ct_module *net, loss_function *loss_of, ct_loader *loader, ct_dataset *validation)
{
    ct_optimizer *adam = ct_optim_adam(net, .lr = s.lr);
    for (int64_t epoch = 1; epoch <= s.epochs && ct_ok(); epoch++) {
        char label[64];
        snprintf(label, sizeof label, "%s, epoch %lld/%lld", name, (long long)epoch, (long long)s.epochs);
        train_epoch(label, net, loss_of, adam, loader, validation);
    }
    ct_free(adam);
}

static void write_pictures(ct_module *plain, ct_module *variational, ct_dataset *testing)
{
    CT_SCOPE;
    CT_NO_GRAD;
    ct_batch batch;
    ct_loader *loader = ct_loader_new(testing, .batch_size = SEEN);
    if (ct_loader_next(loader, &batch)) {
        ct_tensor *seen = ct_reshape(batch.x, -1, COLUMNS, 28, 28), *back = ct_reshape(ct_forward(plain, batch.x), -1, COLUMNS, 28, 28);
        ct_tensor *pairs = ct_reshape(ct_stack(CT_TENSORS(seen, back), 1), -1, 1, 28, 28);
        if (ct_io_png_write(pictures, ct_io_image_grid(pairs, COLUMNS)))
            printf("wrote: %s\n", pictures);
    }
    ct_free(loader);
    if (ct_io_png_write(samples, ct_io_image_grid(ct_forward(ct_module_child(variational, "decoder"), ct_randn(DRAWN, latent)), COLUMNS)))
        printf("wrote: %s\n", samples);
}

static void run(ct_module *both, ct_module *plain, ct_module *variational, ct_loader *loader, const struct sets *sets)
{
    if (s.load && ct_ok() && ct_module_load(both, s.load))
        printf("weights: %s\n", s.load);
    if (ct_ok() && ct_module_summary(plain, stdout, 1, 1, 28, 28))
        ct_module_summary(variational, stdout, 1, 1, 28, 28);
    if (!s.evaluate) {
        train("autoencoder", plain, plain_loss, loader, sets->validation);
        train("variational", variational, variational_loss, loader, sets->validation);
    }
    if (!ct_ok())
        return;
    const double error = error_of(plain, sets->testing), drawn = error_of(variational, sets->testing);
    if (!ct_io_has_png())
        printf("no pictures: this build of the library has no libpng\n");
    else
        ct_module_eval(both), write_pictures(plain, variational, sets->testing);
    if (s.save && ct_ok() && ct_module_save(both, s.save))
        printf("saved: %s\n", s.save);
    if (ct_ok())
        printf("test error: %.4f, variational %.4f\n", error, drawn);
}

int main(int count, char **words)
{
    options_parse("Trains two autoencoders on handwritten digits.", options, count, words);
    const bool dense = !strcmp(model, "dense");
    if (!dense && strcmp(model, "conv"))
        options_refuse("--model %s: want dense or conv", model);
    settings_check_path("pictures", pictures), settings_check_path("samples", samples);
    if (!settings_apply(&s))
        return ct_report_error();
    struct sets sets = settings_open_digits(&s, false);
    ct_loader *loader = ct_loader_new(sets.training, .batch_size = s.batch_size, .shuffle = true, .seed = (uint64_t)s.seed);
    ct_module *both = ct_module_new("Autoencoders", NULL, 0);
    ct_module *plain = ct_module_add_child(both, "plain", dense ? ct_nn_autoencoder(.latent = latent) : ct_nn_conv_autoencoder(.latent = latent));
    ct_module *variational = ct_module_add_child(both, "variational", ct_nn_variational_autoencoder(.latent = latent));
    if (ct_ok())
        run(both, plain, variational, loader, &sets);
    ct_free(both), ct_free(loader);
    sets_free(&sets);
    int failed = ct_report_error();
    ct_shutdown();
    return failed;
}
