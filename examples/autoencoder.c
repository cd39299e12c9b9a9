/* Handwritten digits through a narrow middle: an autoencoder gives them back, a variational one draws new ones. Pictures show both. */
#include "settings.h"
#include "watch.h"

#include <string.h>

enum { COLUMNS = 10, SEEN = 4 * COLUMNS, DRAWN = 10 * COLUMNS, EVALUATION_BATCH = 250 };

static struct settings s = {.epochs = 5, .batch_size = 64, .lr = 1e-3};
static struct watch w;
static const char *model = "dense", *pictures = "reconstructions.png", *samples = "generated.png";
static int64_t latent = 16;

static const struct option_row options[] = {
    SETTINGS_ROWS(s, "folder of the four MNIST files", "learning rate of Adam"),
    WATCH_ROWS(w),
    {"model", "NAME", "dense or conv", .text = &model},
    {"latent", "N", "numbers in the middle", .whole = &latent, .least = 1},
    {"pictures", "FILE", "test digits, each above what came back", .text = &pictures},
    {"samples", "FILE", "digits drawn by the variational one", .text = &samples},
    {0},
};

/* Binary cross-entropy a picture, and for the variational one the divergence of its codes from the standard normal, arXiv:1312.6114. */
static ct_tensor *plain_loss(ct_module *net, const ct_batch *batch, ct_tensor **outputs, void *context)
{
    (void)context;
    *outputs = ct_forward(net, batch->x);
    return ct_div(ct_binary_cross_entropy(*outputs, batch->x, .reduction = CT_SUM), (double)ct_size(batch->x, 0));
}

static ct_tensor *variational_loss(ct_module *net, const ct_batch *batch, ct_tensor **outputs, void *context)
{
    (void)context;
    ct_tensor *mean, *log_var, *y = *outputs = ct_nn_variational_run(net, batch->x, &mean, &log_var);
    ct_tensor *divergence = ct_mul(ct_sum(ct_sub(ct_sub(ct_add(ct_square(mean), ct_exp(log_var)), log_var), 1)), 0.5);
    return ct_div(ct_add(ct_binary_cross_entropy(y, batch->x, .reduction = CT_SUM), divergence), (double)ct_size(batch->x, 0));
}

/* Mean squared difference of a pixel to what came back. */
static ct_tensor *pixel_error(ct_module *net, const ct_batch *batch, ct_tensor **outputs, void *context)
{
    (void)context;
    *outputs = ct_forward(net, batch->x);
    return ct_mse(*outputs, batch->x);
}

static double error_of(ct_module *net, ct_dataset *set)
{
    double error;
    return ct_train_evaluate(net, set, &error, .loss = pixel_error) ? error : 0;
}

static void train(const char *name, ct_module *net, ct_train_loss *loss, ct_loader *loader, ct_dataset *validation)
{
    ct_optimizer *adam = ct_optim_adam(net, .lr = s.lr);
    struct watched watched;
    const ct_callbacks callbacks = watch_callbacks(&w, &watched, name, name, (ct_class_names){0});
    if (ct_ok())
        printf("%s\n", name);
    ct_free(ct_train_fit(net, adam, loader, .epochs = s.epochs, .loss = loss, .validation = validation, .batch_size = EVALUATION_BATCH,
                         .callbacks = callbacks, .resume = watch_resume(&w, &watched)));
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
    watch_check(&w);
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
