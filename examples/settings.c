/* The options are looked at once, before anything is made. */
#define _POSIX_C_SOURCE 200809L
#include "settings.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A save writes a file beside its target and renames it. */
void settings_check_path(const char *option, const char *path)
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
        options_refuse("--%s %s: is a folder", option, path);
    if (reason)
        options_refuse("--%s %s: cannot be written: %s", option, path, strerror(reason));
}

bool settings_apply(const struct settings *s)
{
    if (s->limit && s->limit < 10)
        options_refuse("--limit %lld: want at least 10, one for validation", (long long)s->limit);
    if (s->epochs > 1000000)
        options_refuse("--epochs %lld: want at most 1000000", (long long)s->epochs);
    if (s->evaluate && !s->load)
        options_refuse("--evaluate: want --load FILE too");
    if (s->save)
        settings_check_path("save", s->save);
    ct_seed((uint64_t)s->seed);
    return !s->threads || ct_set_num_threads(s->threads < 1000 ? (int)s->threads : 1000);
}

struct sets sets_split(const struct settings *s, ct_dataset *all, ct_dataset *testing)
{
    const int64_t size = ct_dataset_size(all), held_out = s->hold_out ? s->hold_out : size / 10;
    if (all && held_out >= size)
        options_refuse("--hold-out %lld: want fewer than the %lld training records", (long long)held_out, (long long)size);
    return (struct sets){all, ct_data_subset(all, 0, size - held_out), ct_data_subset(all, size - held_out, held_out), testing};
}

/* Says where the data are from; false: there are none. */
static bool find(const struct settings *s, const char *name, bool available, const char *instead)
{
    const char *variable = getenv("COTANGENT_DATA");
    if (s->download && !s->data && !available)
        printf("data: %s, downloaded\n", name);
    else if (s->data || available)
        printf("data: %s from %s\n", name, s->data ? s->data : variable && *variable ? variable : "the cache folder (~/.cache/cotangent)");
    else
        printf("data: no %s found, so these are SYNTHETIC %s (--download, --data DIR or COTANGENT_DATA=DIR for the real ones)\n", name, instead);
    return s->data || available || s->download;
}

struct sets settings_open_digits(const struct settings *s, bool normalize)
{
    if (find(s, "MNIST", ct_data_mnist_available(NULL), "digits"))
        return sets_split(s, ct_data_mnist(.folder = s->data, .download = s->download, .progress = stderr, .train = true, .normalize = normalize, .limit = s->limit),
                          ct_data_mnist(.folder = s->data, .download = s->download, .progress = stderr, .normalize = normalize, .limit = s->test_limit));
    return sets_split(s, ct_data_digits(.count = s->limit ? s->limit : 10000, .seed = (uint64_t)s->seed, .normalize = normalize),
                 ct_data_digits(.count = s->test_limit ? s->test_limit : 2000, .seed = (uint64_t)s->seed + 1, .normalize = normalize));
}

struct sets settings_open_images(const struct settings *s)
{
    if (find(s, "CIFAR-10", ct_data_cifar10_available(NULL), "shapes"))
        return sets_split(s, ct_data_cifar10(.folder = s->data, .download = s->download, .progress = stderr, .train = true, .normalize = true, .limit = s->limit),
                     ct_data_cifar10(.folder = s->data, .download = s->download, .progress = stderr, .normalize = true, .limit = s->test_limit));
    return sets_split(s, ct_data_shapes(.count = s->limit ? s->limit : 10000, .seed = (uint64_t)s->seed, .normalize = true),
                 ct_data_shapes(.count = s->test_limit ? s->test_limit : 1000, .seed = (uint64_t)s->seed + 1, .normalize = true));
}

void sets_free(struct sets *sets)
{
    ct_free(sets->training), ct_free(sets->validation), ct_free(sets->all), ct_free(sets->testing);
}
