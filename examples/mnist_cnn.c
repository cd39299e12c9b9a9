/* Handwritten digits with two convolutions, 16 - pool - 32 - pool - 128 - 10: MNIST where it is found, else synthetic digits. */
#include "classify.h"

static struct settings s = {.epochs = 2, .batch_size = 64, .lr = 3e-3};
static struct watch w;

static const struct option_row options[] = {
    SETTINGS_ROWS(s, "folder of the four MNIST files", "learning rate of Adam at the start; it falls to 0 along a cosine"),
    WATCH_ROWS(w),
    {0},
};

int main(int count, char **words)
{
    options_parse("Trains a small convolutional network on handwritten digits.", options, count, words);
    watch_check(&w);
    if (!settings_apply(&s))
        return ct_report_error();
    struct classifier c = {.sets = settings_open_digits(&s, true)};
    c.loader = ct_loader_new(c.sets.training, .batch_size = s.batch_size, .shuffle = true, .seed = (uint64_t)s.seed);
    c.net = ct_nn_sequential(ct_nn_conv2d(1, 16, 3, .padding = 1, .activation = CT_RELU), ct_nn_max_pool2d(2),
                             ct_nn_conv2d(16, 32, 3, .padding = 1, .activation = CT_RELU), ct_nn_max_pool2d(2), ct_nn_flatten(),
                             ct_nn_linear(32 * 7 * 7, 128, .activation = CT_RELU), ct_nn_linear(128, 10));
    c.optimizer = ct_optim_adam(c.net, .lr = s.lr);
    c.schedule = ct_schedule_cosine(c.optimizer, classify_steps(&c, &s));
    return classify(&c, &s, &w);
}
