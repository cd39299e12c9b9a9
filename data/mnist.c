/* mnist.c - MNIST and the sets of its shape: finding or fetching the files, and checking that images and labels belong together. */
#include "download.h"
#include "folders.h"
#include "idx.h"
#include "images.h"

#include <string.h>

enum { SIDE = 28 };

struct idx_set {
    struct remote_set remote;
    struct remote_file files[2][2];             /* test and train, of images and of labels */
    float mean, deviation;
    bool is_at_home;                            /* its files' names are its own, also outside a folder of its name */
};

static const struct idx_set mnist = {
    .remote = {"mnist", {"https://ossci-datasets.s3.amazonaws.com/mnist/", "https://storage.googleapis.com/cvdf-datasets/mnist/"}, false, 0},
    .files = {{{"t10k-images-idx3-ubyte.gz", "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6", 1648877},
               {"t10k-labels-idx1-ubyte.gz", "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6", 4542}},
              {{"train-images-idx3-ubyte.gz", "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609", 9912422},
               {"train-labels-idx1-ubyte.gz", "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c", 28881}}},
    .mean = 0.1307f, .deviation = 0.3081f, .is_at_home = true};

static const struct idx_set fashion_mnist = {
    .remote = {"fashion_mnist", {"http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
                                 "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/"}, false, 0},
    .files = {{{"t10k-images-idx3-ubyte.gz", "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073", 4422102},
               {"t10k-labels-idx1-ubyte.gz", "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5", 5148}},
              {{"train-images-idx3-ubyte.gz", "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84", 26421880},
               {"train-labels-idx1-ubyte.gz", "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845", 29515}}},
    .mean = 0.2860f, .deviation = 0.3530f};

/* ---- Finding ----------------------------------------------------------------------------------------------------------------- */
static void list_folders(const struct idx_set *set, const char *folder, struct folders *folders)
{
    (set->is_at_home ? folders_of : folders_below)(folders, folder, set->remote.name);
}

/* The files may be plain: without the ending of what is fetched. */
static const char *plain_name(const struct remote_file *file, char name[PATH_MOST])
{
    snprintf(name, PATH_MOST, "%.*s", (int)(strlen(file->name) - strlen(".gz")), file->name);
    return name;
}

static bool find_pair(const struct idx_set *set, const struct folders *folders, bool train, char paths[2][PATH_MOST])
{
    char names[2][PATH_MOST];
    for (int k = 0; k < 2; k++)
        plain_name(&set->files[train][k], names[k]);
    for (int i = 0; i < folders->count; i++)
        if (folder_has(folders->paths[i], names[0], paths[0]) && folder_has(folders->paths[i], names[1], paths[1]))
            return true;
    return false;
}

static bool is_available(const struct idx_set *set, const char *folder)
{
    struct folders folders;
    char paths[2][PATH_MOST];
    list_folders(set, folder, &folders);
    return find_pair(set, &folders, false, paths) && find_pair(set, &folders, true, paths);
}

bool ct_data_mnist_available(const char *folder)
{
    return is_available(&mnist, folder);
}

bool ct_data_fashion_mnist_available(const char *folder)
{
    return is_available(&fashion_mnist, folder);
}

/* What somebody put elsewhere is taken as it is; what was fetched is held against its hash each time. */
static bool is_fetched(const struct idx_set *set, bool train, const char *place, char paths[2][PATH_MOST])
{
    char fetched[PATH_MOST];
    for (int k = 0; k < 2; k++) {
        snprintf(fetched, PATH_MOST, "%.*s/%s", PATH_MOST / 2, place, set->files[train][k].name);
        if (!strcmp(fetched, paths[k]))
            return true;
    }
    return false;
}

static bool get_pair(const struct idx_set *set, const ct_data_mnist_options *o, char paths[2][PATH_MOST])
{
    const struct remote_file *files = set->files[o->train];
    struct folders folders;
    char place[PATH_MOST], searched[FOLDER_LIST], names[2][PATH_MOST];
    list_folders(set, o->folder, &folders);
    if (o->download) {
        if (!download_folder(o->folder, set->remote.name, place))
            return false;
        if ((!find_pair(set, &folders, o->train, paths) || is_fetched(set, o->train, place, paths)) &&
            !download_files(&set->remote, files, 2, place, o->progress))
            return false;
    }
    return find_pair(set, &folders, o->train, paths) ||
           ct_fail("%s: no %s and %s (or .gz) in %s", set->remote.name, plain_name(&files[0], names[0]), plain_name(&files[1], names[1]),
                   folders_text(&folders, searched));
}

/* ---- Reading ------------------------------------------------------------------------------------------------------------------- */
static bool check(const char *name, const char *const paths[2], const struct idx *images, const struct idx *labels)
{
    if (images->rank != 3 || images->sizes[1] != SIDE || images->sizes[2] != SIDE)
        return ct_fail("%s: %d axes, last size %lld; want (N, %d, %d)", paths[0], images->rank,
                       (long long)images->sizes[images->rank - 1], SIDE, SIDE);
    if (labels->rank != 1)
        return ct_fail("%s: %d axes, want (N)", paths[1], labels->rank);
    if (images->sizes[0] != labels->sizes[0])
        return ct_fail("%s: %s has %lld images, but %s has %lld labels", name, paths[0], (long long)images->sizes[0],
                       paths[1], (long long)labels->sizes[0]);
    for (size_t i = 0; i < labels->count; i++)
        if (labels->values[i] >= IMAGE_CLASSES)
            return ct_fail("%s: label %d at index %zu is not in [0, %d)", paths[1], labels->values[i], i,
                           IMAGE_CLASSES);
    return true;
}

static ct_dataset *open_set(const struct idx_set *set, const ct_data_mnist_options *options)
{
    const ct_data_mnist_options o = options ? *options : (ct_data_mnist_options){0};
    const char *name = set->remote.name;
    char found[2][PATH_MOST];
    if (o.limit < 0)
        return ct_fail("%s: limit %lld, want 0 (all) or more", name, (long long)o.limit);
    if (!get_pair(set, &o, found))
        return NULL;
    const char *const paths[2] = {found[0], found[1]};
    struct idx images = {0}, labels = {0};
    if (!idx_read(paths[0], &images) || !idx_read(paths[1], &labels) || !check(name, paths, &images, &labels)) {
        idx_free(&images);
        idx_free(&labels);
        return NULL;
    }
    const struct image_block block = {
        .images = images.values, .labels = labels.values, .count = o.limit && o.limit < images.sizes[0] ? o.limit : images.sizes[0],
        .channels = 1, .side = SIDE, .one_hot = o.one_hot, .normalize = o.normalize, .mean = {set->mean}, .deviation = {set->deviation}};
    return image_dataset(&block);
}

ct_dataset *(ct_data_mnist)(const ct_data_mnist_options *options)
{
    return open_set(&mnist, options);
}

ct_dataset *(ct_data_fashion_mnist)(const ct_data_mnist_options *options)
{
    return open_set(&fashion_mnist, options);
}
