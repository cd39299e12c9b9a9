/* mnist.c - finding the files, and checking that images and labels belong together. */
#include "folders.h"
#include "idx.h"
#include "images.h"

enum { MNIST_SIDE = 28 };

static const char *const names[2][2] = {{"t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"},
                                        {"train-images-idx3-ubyte", "train-labels-idx1-ubyte"}};

static bool find_pair(const struct folders *folders, bool train, char paths[2][PATH_MOST])
{
    for (int i = 0; i < folders->count; i++)
        if (folder_has(folders->paths[i], names[train][0], paths[0]) && folder_has(folders->paths[i], names[train][1], paths[1]))
            return true;
    return false;
}

bool ct_data_mnist_available(const char *folder)
{
    struct folders folders;
    char paths[2][PATH_MOST];
    folders_of(&folders, folder, "mnist");
    return find_pair(&folders, false, paths) && find_pair(&folders, true, paths);
}

static bool check(const char *const paths[2], const struct idx *images, const struct idx *labels)
{
    if (images->rank != 3 || images->sizes[1] != MNIST_SIDE || images->sizes[2] != MNIST_SIDE)
        return ct_fail("%s: %d axes, last size %lld; want (N, %d, %d)", paths[0], images->rank,
                       (long long)images->sizes[images->rank - 1], MNIST_SIDE, MNIST_SIDE);
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
    struct folders folders;
    char found[2][PATH_MOST], searched[FOLDER_LIST];
    if (o.limit < 0)
        return ct_fail("mnist: limit %lld, want 0 (all) or more", (long long)o.limit);
    folders_of(&folders, o.folder, "mnist");
    if (!find_pair(&folders, o.train, found))
        return ct_fail("mnist: no %s and %s (or .gz) in %s", names[o.train][0], names[o.train][1], folders_text(&folders, searched));
    const char *const paths[2] = {found[0], found[1]};
    struct idx images = {0}, labels = {0};
    if (!idx_read(paths[0], &images) || !idx_read(paths[1], &labels) || !check(paths, &images, &labels)) {
        idx_free(&images);
        idx_free(&labels);
        return NULL;
    }
    const struct image_block block = {
        .images = images.values, .labels = labels.values, .count = o.limit && o.limit < images.sizes[0] ? o.limit : images.sizes[0],
        .channels = 1, .side = MNIST_SIDE, .one_hot = o.one_hot, .normalize = o.normalize, .mean = {0.1307f}, .deviation = {0.3081f}};
    return image_dataset(&block);
}
