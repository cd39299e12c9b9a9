/* Small colour images with a residual network: CIFAR-10 where it is found, else synthetic shapes. */
#include "classify.h"

#include <string.h>

static struct settings s = {.epochs = 6, .batch_size = 64, .lr = 0.05};
static struct watch w;
static const char *model = "resnet18", *course = "onecycle";
static int64_t winograd = 1, workers = 1, augment = 1;
static double momentum = 0.9, weight_decay = 5e-4, rotation = 0;

static const struct option_row options[] = {
    SETTINGS_ROWS(s, "folder of CIFAR-10's binary files", "largest learning rate of SGD"),
    WATCH_ROWS(w),
    {"model", "NAME", "resnet18, resnet34, resnet50, tinycnn, simplecnn or lenet5", .text = &model},
    {"schedule", "NAME", "of the learning rate: onecycle or cosine", .text = &course},
    {"momentum", "X", "of SGD", .number = &momentum},
    {"weight-decay", "X", "of SGD", .number = &weight_decay},
    {"augment", "0|1", "crop and mirror the training images at random", .whole = &augment},
    {"rotation", "X", "turn them too, by up to X degrees either way", .number = &rotation},
    {"workers", "N", "threads that prepare batches meanwhile", .whole = &workers},
    {"winograd", "0|1", "3x3 convolutions by Winograd's algorithm", .whole = &winograd},
    {0},
};

static ct_module *resnet18(void) { return ct_nn_resnet18(); }
static ct_module *resnet34(void) { return ct_nn_resnet34(); }
static ct_module *resnet50(void) { return ct_nn_resnet50(); }
static ct_module *tinycnn(void) { return ct_nn_tinycnn(); }
static ct_module *simplecnn(void) { return ct_nn_simplecnn(); }
static ct_module *lenet5(void) { return ct_nn_lenet5(); }

static const struct {
    const char *name;
    ct_module *(*make)(void);
} models[] = {{"resnet18", resnet18}, {"resnet34", resnet34}, {"resnet50", resnet50},
              {"tinycnn", tinycnn},   {"simplecnn", simplecnn}, {"lenet5", lenet5}};

static ct_module *make_model(void)
{
    for (size_t i = 0; i < sizeof models / sizeof *models; i++)
        if (!strcmp(models[i].name, model))
            return models[i].make();
    options_refuse("--model %s: want resnet18, resnet34, resnet50, tinycnn, simplecnn or lenet5", model);
}

static void check(const char *name, int64_t flag)
{
    if (flag > 1)
        options_refuse("--%s %lld: want 0 or 1", name, (long long)flag);
}

int main(int count, char **words)
{
    options_parse("Trains a residual network on small colour images.", options, count, words);
    check("winograd", winograd), check("augment", augment);
    if (strcmp(course, "onecycle") && strcmp(course, "cosine"))
        options_refuse("--schedule %s: want onecycle or cosine", course);
    watch_check(&w);
    if (!settings_apply(&s))
        return ct_report_error();
    ct_set_winograd(winograd);
    struct classifier c = {.net = make_model(), .names = CT_CLASS_NAMES("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")};
    const bool shapes = !s.data && !s.download && !ct_data_cifar10_available(NULL);
    if (shapes)
        c.names = CT_CLASS_NAMES("disc", "ring", "square", "triangle", "star", "cross", "crescent", "bar", "heart", "two discs");
    c.sets = settings_open_images(&s);
    ct_dataset *looks = ct_data_augment(c.sets.training, .crop_padding = augment ? 4 : 0, .flip = augment, .rotation = rotation,
                                        .seed = (uint64_t)s.seed);
    c.loader = ct_loader_new(looks, .batch_size = s.batch_size, .shuffle = true, .seed = (uint64_t)s.seed, .workers = workers,
                             .channels_last = true);
    c.optimizer = ct_optim_sgd(c.net, .lr = s.lr, .momentum = momentum, .weight_decay = weight_decay);
    int64_t steps = classify_steps(&c, &s);
    c.schedule = strcmp(course, "cosine") ? ct_schedule_one_cycle(c.optimizer, s.lr, steps, .no_momentum = true)
                                          : ct_schedule_cosine(c.optimizer, steps);
    ct_free(looks);                             /* the loader holds it */
    return classify(&c, &s, &w);
}
