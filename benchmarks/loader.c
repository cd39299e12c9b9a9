/* loader.c - images a second out of a loader: CIFAR-10 (or synthetic shapes), cropped, flipped and normalized; torch_loader.py does the same
 * with PyTorch's DataLoader. */
#define _POSIX_C_SOURCE 200809L
#include <cotangent.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const char *data;
static int64_t batch_size = 128;
static double seconds = 3;

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void measure(ct_dataset *set, const char *name, int workers, bool channels_last)
{
    ct_loader *loader = ct_loader_new(set, .batch_size = batch_size, .shuffle = true, .workers = workers, .channels_last = channels_last);
    const double start = now();
    double took = 0, best = 1e9;
    int64_t images = 0;
    while (took < seconds && ct_ok()) {
        const double epoch = now();
        for (ct_batch b; ct_loader_next(loader, &b);)
            images += ct_size(b.x, 0);
        const double end = now();
        best = end - epoch < best ? end - epoch : best;
        took = end - start;
    }
    if (ct_ok())
        printf("%-28s %d workers %12.0f images/s  best epoch %12.0f\n", name, workers, (double)images / took,
               (double)ct_dataset_size(set) / best);
    fflush(stdout);
    ct_free(loader);
}

static int usage(const char *program, int status)
{
    fprintf(status ? stderr : stdout,
            "usage: %s [--data DIR] [--batch-size N] [--seconds S]\n"
            "Prints how many images a second loaders hand out.\n"
            "  --data DIR      folder of CIFAR-10 (default: where it is searched for, else synthetic shapes)\n"
            "  --batch-size N  images in a batch (default 128)\n"
            "  --seconds S     time for each row (default 3)\n", program);
    return status;
}

int main(int count, char **words)
{
    for (int at = 1; at < count; at++) {
        if (!strcmp(words[at], "--help"))
            return usage(words[0], 0);
        if (at + 1 < count && !strcmp(words[at], "--data"))
            data = words[++at];
        else if (at + 1 < count && !strcmp(words[at], "--batch-size") && atoi(words[at + 1]) > 0)
            batch_size = atoi(words[++at]);
        else if (at + 1 < count && !strcmp(words[at], "--seconds") && atof(words[at + 1]) > 0)
            seconds = atof(words[++at]);
        else
            return usage(words[0], 2);
    }
    const bool real = data || ct_data_cifar10_available(NULL);
    ct_dataset *images = real ? ct_data_cifar10(.folder = data, .train = true, .normalize = true)
                              : ct_data_shapes(.count = 20000, .normalize = true);
    ct_dataset *augmented = ct_ok() ? ct_data_augment(images, .crop_padding = 4, .flip = true) : NULL;
    ct_dataset *more = ct_ok() ? ct_data_augment(images, .crop_padding = 4, .flip = true, .rotation = 15, .erase = 0.25) : NULL;
    if (ct_ok())
        printf("%s\n%lld images of %s, batches of %lld\n", ct_build_info(), (long long)ct_dataset_size(images),
               real ? "CIFAR-10" : "synthetic shapes", (long long)batch_size);
    for (int workers = 0; workers < 3 && ct_ok(); workers++) {
        measure(images, "normalize", workers, false);
        measure(augmented, "crop, flip, normalize", workers, false);
        measure(augmented, "the same, channels-last", workers, true);
        measure(more, "and rotation, erasing", workers, false);
    }
    ct_free(more), ct_free(augmented), ct_free(images);
    const int failed = ct_report_error();
    ct_shutdown();
    return failed;
}
