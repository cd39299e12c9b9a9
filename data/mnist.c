/* mnist.c - finding the files, and checking that images and labels belong together. */
#define _GNU_SOURCE
#include "dataset.h"
#include "idx.h"

#include <autograd/memory.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { FOLDERS_MOST = 4, PATH_MOST = 4096, LIST_MOST = 400 };

static const char *const names[2][2] = {{"t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"},
                                        {"train-images-idx3-ubyte", "train-labels-idx1-ubyte"}};

struct search {
    char folders[FOLDERS_MOST][PATH_MOST];
    int count;
};

/* A path too long for the system is a folder that does not exist. */
static void look_in(struct search *search, const char *folder, const char *below)
{
    char *place = search->folders[search->count];
    const int length = snprintf(place, PATH_MOST, "%s%s", folder, below);
    search->count += length > 0 && length < PATH_MOST;
}

static void search_begin(struct search *search, const char *folder)
{
    search->count = 0;
    if (folder) {
        look_in(search, folder, "");
        return;
    }
    const char *data = getenv("COTANGENT_DATA"), *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    if (data && *data) {
        look_in(search, data, "");
        look_in(search, data, "/mnist");
    }
    if (cache && *cache == '/') {               /* the XDG specification ignores relative paths */
        look_in(search, cache, "/cotangent");
        look_in(search, cache, "/cotangent/mnist");
    } else if (home && *home) {
        look_in(search, home, "/.cache/cotangent");
        look_in(search, home, "/.cache/cotangent/mnist");
    }
}

static bool find_file(const char *folder, const char *name, char path[PATH_MOST])
{
    static const char *const endings[] = {"", ".gz"};
    for (int i = 0; i < 2; i++) {
        const int length = snprintf(path, PATH_MOST, "%s/%s%s", folder, name, endings[i]);
        if (length > 0 && length < PATH_MOST && !access(path, R_OK))
            return true;
    }
    return false;
}

static bool find_pair(const struct search *search, bool train, char paths[2][PATH_MOST])
{
    for (int i = 0; i < search->count; i++)
        if (find_file(search->folders[i], names[train][0], paths[0]) &&
            find_file(search->folders[i], names[train][1], paths[1]))
            return true;
    return false;
}

static void *fail_not_found(const struct search *search, bool train)
{
    char list[LIST_MOST] = "";
    for (int i = 0; i < search->count; i++) {
        const size_t used = strlen(list);
        snprintf(list + used, sizeof list - used, "%s%s", i ? ", " : "", search->folders[i]);
    }
    return ct_fail("mnist: no %s and %s (or .gz) in %s", names[train][0], names[train][1],
                   search->count ? list : "any folder: set .folder or COTANGENT_DATA");
}

bool ct_data_mnist_available(const char *folder)
{
    struct search search;
    char paths[2][PATH_MOST];
    search_begin(&search, folder);
    return find_pair(&search, false, paths) && find_pair(&search, true, paths);
}

static bool check(const char *const paths[2], const struct idx *images, const struct idx *labels)
{
    if (images->rank != 3 || images->sizes[1] != IMAGE_SIDE || images->sizes[2] != IMAGE_SIDE)
        return ct_fail("%s: %d axes, last size %lld; want (N, %d, %d)", paths[0], images->rank,
                       (long long)images->sizes[images->rank - 1], IMAGE_SIDE, IMAGE_SIDE);
    if (labels->rank != 1)
        return ct_fail("%s: %d axes, want (N)", paths[1], labels->rank);
    if (images->sizes[0] != labels->sizes[0])
        return ct_fail("mnist: %s has %lld images, but %s has %lld labels", paths[0], (long long)images->sizes[0],
                       paths[1], (long long)labels->sizes[0]);
    for (size_t i = 0; i < labels->count; i++)
        if (labels->values[i] >= IMAGE_CLASSES)
            return ct_fail("%s: label %d at index %zu is not in [0, %d)", paths[1], labels->values[i], i,
                           IMAGE_CLASSES);
    return true;
}

ct_dataset *(ct_data_mnist)(const ct_data_mnist_options *options)
{
    const ct_data_mnist_options o = options ? *options : (ct_data_mnist_options){0};
    struct search search;
    char found[2][PATH_MOST];
    if (o.limit < 0)
        return ct_fail("mnist: limit %lld, want 0 (all) or more", (long long)o.limit);
    search_begin(&search, o.folder);
    if (!find_pair(&search, o.train, found))
        return fail_not_found(&search, o.train);
    const char *const paths[2] = {found[0], found[1]};
    struct idx images = {0}, labels = {0};
    if (!idx_read(paths[0], &images) || !idx_read(paths[1], &labels) || !check(paths, &images, &labels)) {
        idx_free(&images);
        idx_free(&labels);
        return NULL;
    }
    const int64_t count = images.sizes[0];
    return image_dataset(images.values, labels.values, o.limit && o.limit < count ? o.limit : count, o.normalize,
                         o.one_hot);
}
