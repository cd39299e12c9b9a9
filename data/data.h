/* Data sets and the loader that makes batches of them.
 *
 * A data set hands out samples (x, y) by number. Loaders and subsets hold on to the data set under them, so each may be
 * freed in any order. A data folder is found by its option, else in $COTANGENT_DATA, else in $XDG_CACHE_HOME/cotangent
 * (~/.cache/cotangent); in the last two also in a subfolder of the set's name. What is downloaded goes to the folder of the option, else to
 * the cache folder's subfolder. */
#ifndef COTANGENT_DATA_H
#define COTANGENT_DATA_H
#include <autograd/autograd.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ct_dataset ct_dataset;
typedef struct ct_loader ct_loader;
typedef struct ct_sampler ct_sampler;

/* ---- Data sets ------------------------------------------------------------------------------------------------------------ */
CT_API int64_t ct_dataset_size(const ct_dataset *dataset); /* samples; -1 for NULL */
CT_API bool ct_dataset_get(ct_dataset *dataset, int64_t index, ct_tensor **x, ct_tensor **y); /* sample index, of shapes without N */
CT_API ct_dataset *ct_data_tensors(ct_tensor *x, ct_tensor *y); /* (N, ...) and (N, ...) in memory, kept */
CT_API ct_dataset *ct_data_subset(ct_dataset *dataset, int64_t start, int64_t count); /* samples start..start+count-1 */
CT_API bool ct_data_split(ct_dataset *dataset, int64_t count, uint64_t seed, ct_dataset **chosen, ct_dataset **rest); /* count samples, drawn by
                                                            seed alone, and the others, both in an order of chance */
CT_API bool ct_data_split_stratified(ct_dataset *dataset, int64_t count, uint64_t seed, ct_dataset **chosen, ct_dataset **rest); /* the same, each class
                                                            (ct_data_labels) in both by its share, up to one sample; one of a single sample is in either */
CT_API ct_dataset *ct_data_select(ct_dataset *dataset, const ct_tensor *indices); /* samples of these numbers, int64 (K), in this order; some may come twice */
CT_API ct_dataset *ct_data_concat(ct_dataset *const *datasets, size_t count); /* one behind the other; all of the same shapes and dtypes.
                                                            C: ct_data_concat(CT_DATASETS(a, b)) */
CT_API ct_tensor *ct_data_labels(ct_dataset *dataset); /* the y of every sample, int64 (N); reads them all, so y must be int64 () */
typedef struct { int64_t limit; char end_; } ct_data_cache_options;
/* Keeps each sample once it was read, for all that ask later. limit: bytes; an error tells if all samples would take more; 0: none. What varies by
 * epoch (augmentation, a map) is kept as in epoch 0: put it on top of the cache. */
CT_API ct_dataset *ct_data_cache(ct_dataset *dataset, const ct_data_cache_options *options);

/* One sample's x or y as it lies in memory, row-major. values NULL: the set has no y. */
typedef struct { ct_dtype dtype; int rank; int64_t sizes[CT_MAX_RANK]; void *values; } ct_sample_part;
typedef struct { int64_t index, epoch; ct_sample_part x, y; } ct_sample;
typedef bool ct_data_function(void *context, const ct_sample *from, const ct_sample *to); /* writes all of to->x and to->y; false (and ct_fail): an error */
typedef struct { const ct_sample_part *x, *y; char end_; } ct_data_map_options;
/* Each sample as `function` makes it. It works on plain memory and makes no tensor, for it runs on whichever thread makes the sample: the caller's, or
 * several of a loader's workers at once, which may then only read context. By index and epoch alone (that of the loader; 0 for ct_dataset_get) it should
 * tell what it draws by chance. .x, .y: dtype, rank and sizes of what it writes, `.x = &(ct_sample_part){CT_FLOAT32, 1, {10}}`; NULL: those that come.
 * Tensor operations belong behind the loader, on its batches. */
CT_API ct_dataset *ct_data_map(ct_dataset *dataset, ct_data_function *function, void *context, const ct_data_map_options *options);

typedef struct { const char *folder; bool train, normalize, one_hot; int64_t limit; bool download; FILE *progress; char end_; } ct_data_mnist_options;
/* The four IDX files, plain or gzip: x float32 (1, 28, 28) in [0, 1], or with normalize (x - 0.1307) / 0.3081; y int64 () in 0..9, or with
 * one_hot float32 (10). train: the 60,000, otherwise the 10,000. limit: the first so many samples; 0: all.
 * download: those of the two files that are nowhere are fetched (11.6 MB in all), and what was fetched before is checked; progress: where to show
 * it, such as stderr; NULL: nowhere. */
CT_API ct_dataset *ct_data_mnist(const ct_data_mnist_options *options);
/* Fashion-MNIST, arXiv:1708.07747: the same files of clothes, searched for in fashion_mnist only (30.9 MB). T-shirt, trouser, pullover, dress,
 * coat, sandal, shirt, sneaker, bag, boot; normalize: (x - 0.2860) / 0.3530. */
CT_API ct_dataset *ct_data_fashion_mnist(const ct_data_mnist_options *options);
CT_API bool ct_data_fashion_mnist_available(const char *folder);
CT_API bool ct_data_mnist_available(const char *folder); /* would it find the files? Never an error; NULL: search as above */

typedef struct { int64_t count; uint64_t seed; bool normalize, one_hot; char end_; } ct_data_digits_options;
#define CT_DATA_DIGITS_DEFAULTS .count = 10000,
CT_API extern const ct_data_digits_options ct_data_digits_defaults;
/* Synthetic digits in MNIST's shapes: strokes of 0-9 under random affine maps, thickness, elastic bends and noise. Sample i depends on
 * seed and i alone; the classes are balanced. */
CT_API ct_dataset *ct_data_digits(const ct_data_digits_options *options);

typedef struct { const char *folder; bool train, normalize, one_hot; int64_t limit; bool download; FILE *progress; char end_; } ct_data_cifar10_options;
/* CIFAR-10's binary files, plain or gzip: x float32 (3, 32, 32), red, green, blue, in [0, 1], or with normalize less the mean (0.4914, 0.4822,
 * 0.4465) over the deviation (0.2470, 0.2435, 0.2616) of the 50,000 training images; y int64 () in 0..9: airplane, automobile, bird, cat, deer,
 * dog, frog, horse, ship, truck; one_hot, limit: as above. train: those of data_batch_1.bin to data_batch_5.bin that are in the folder, in this
 * order; otherwise test_batch.bin. Each may hold any number of records. Where there are none, they are read out of cifar-10-binary.tar.gz, which is what
 * download fetches (170 MB); else as for MNIST. */
CT_API ct_dataset *ct_data_cifar10(const ct_data_cifar10_options *options);
CT_API bool ct_data_cifar10_available(const char *folder); /* the test file and one to train with; else as for MNIST */

typedef struct { int64_t count; uint64_t seed; bool normalize, one_hot; char end_; } ct_data_shapes_options;
#define CT_DATA_SHAPES_DEFAULTS .count = 10000,
CT_API extern const ct_data_shapes_options ct_data_shapes_defaults;
/* Synthetic colour images in CIFAR-10's shapes: disc, ring, square, triangle, star, cross, crescent, bar, heart and two discs, of any colour,
 * texture, place, size and slant, on backgrounds as varied. Sample i depends on seed and i alone; the classes are balanced. */
CT_API ct_dataset *ct_data_shapes(const ct_data_shapes_options *options);

typedef struct { int64_t crop_padding; bool flip; double rotation, erase; uint64_t seed; char end_; } ct_data_augment_options;
/* Another look at images (C, H, W), float32, in each epoch of a loader: turned by up to `rotation` degrees either way (bilinear), shifted by up to
 * crop_padding pixels down or up and to either side (torchvision's RandomCrop), with flip mirrored half the time, and with probability `erase`
 * without a rectangle of 2 to 33 % of the area, arXiv:1708.04896, which becomes 0. What comes in from outside is black: a byte of 0, normalized as
 * the image is; in a set of tensors it is 0. A draw depends on seed, epoch and the sample's number alone; ct_dataset_get takes that of epoch 0. */
CT_API ct_dataset *ct_data_augment(ct_dataset *dataset, const ct_data_augment_options *options);

/* Downloads, by libcurl where the library was built with it. A file comes from the first of its addresses (http or https) that gives all of it, and
 * is there once its length and SHA-256 are right; a download that was cut goes on where it ended; a second process waits for the first. COTANGENT_MIRROR,
 * addresses with blanks between, is asked instead of a set's own: for its subfolder of the set's name. */
typedef struct { const char *folder, *sha256; int64_t bytes, stall_seconds; FILE *progress; char end_; } ct_data_download_options; /* sha256 in hexadecimal
                                                            digits, and bytes: of the file, where they are known; stall_seconds: give an address up
                                                            that sends nothing for so long, 0: 30 */
CT_API bool ct_data_download(const char *set, const char *name, const char *const *urls, size_t count, const ct_data_download_options *options); /* a file of
                                                            your own, which ct_data_find then finds. C: ct_data_download(set, name, CT_URLS(a, b)) */
CT_API bool ct_data_has_download(void);

CT_API ct_tensor *ct_data_idx(const char *path, ct_dtype dtype); /* an IDX file of unsigned bytes, plain or gzip, as a tensor of its sizes */

/* ---- Samplers: which samples an epoch has, and in which order ------------------------------------------------------------------
 * A sampler goes into a loader, `.sampler = ct_sampler_weighted(weights)`, which takes it over, even where it fails. Orders are made anew
 * each epoch, by the loader's seed and the epoch alone. */
CT_API ct_sampler *ct_sampler_sequential(const ct_tensor *indices); /* these samples, int64 (K), in this order, every epoch; NULL: all, as they come */
typedef struct { int64_t count; bool no_replacement; char end_; } ct_sampler_weighted_options;
/* count draws (0: N), each of sample i with probability weights[i] / sum, weights (N) float32 or float64, at least 0; with no_replacement each
 * sample at most once, and the next draw is among those left. */
CT_API ct_sampler *ct_sampler_weighted(const ct_tensor *weights, const ct_sampler_weighted_options *options);
CT_API ct_sampler *ct_sampler_stratified(const ct_tensor *classes); /* every sample once, classes int64 (N): each full batch holds each class as often as its
                                                            share of the set says, rounded up or down; where the epoch ends in a shorter
                                                            batch, off by less than 1 + 1 / batches. For example of ct_data_labels */

/* ---- Loader ----------------------------------------------------------------------------------------------------------------- */
typedef struct { ct_tensor *x, *y; } ct_batch;      /* (batch, ...) each; the loader's, until the next ct_loader_next */
/* workers: threads that fill the next `prefetch` batches (0: 2 a worker) meanwhile; 0: batches are made when asked for, by the caller. The batches
 * are the same, bit for bit. channels_last: x of (C, H, W) float32 samples lies in memory as (N, H, W, C); its shape stays (N, C, H, W).
 * sampler: instead of shuffle. */
typedef struct {
    int64_t batch_size;
    bool shuffle, drop_last;
    uint64_t seed;
    int64_t workers, prefetch;
    bool channels_last;
    ct_sampler *sampler;
    char end_;
} ct_loader_options;
#define CT_LOADER_DEFAULTS .batch_size = 1,
CT_API extern const ct_loader_options ct_loader_defaults;
CT_API ct_loader *ct_loader_new(ct_dataset *dataset, const ct_loader_options *options); /* shuffle: a new order every epoch, by seed and epoch */
CT_API bool ct_loader_next(ct_loader *loader, ct_batch *batch); /* false at the end of an epoch (the next call begins another) or on error, a
                                                            worker's too (the next call tries that batch again). One thread at a time.
                                                            A batch that a graph or ct_keep holds is never changed */
CT_API int64_t ct_loader_batches(const ct_loader *loader); /* batches an epoch; -1 for NULL. 0 is no error: an empty set, or with drop_last one
                                                            of less than a batch, has epochs that end at once */
/* Where a loader stands, to be written down and gone back to: `batch` batches of epoch `epoch`, both from 0, were handed out. Once the last one was,
 * batch is ct_loader_batches, until ct_loader_next has returned false: then it is batch 0 of the epoch to come. */
typedef struct { int64_t epoch, batch; } ct_loader_position;
CT_API ct_loader_position ct_loader_tell(const ct_loader *loader); /* {-1, -1} for NULL */
CT_API bool ct_loader_seek(ct_loader *loader, ct_loader_position position); /* ct_loader_next goes on from there, with the same bits as a loader of the
                                                            same set and options that came there batch by batch. False, and the loader is left
                                                            where it was, for an epoch below 0 or a batch beyond the epoch's */

#ifdef __cplusplus
}
#else
#define ct_data_mnist(...) CT_WITH_(ct_data_mnist, (), ct_data_mnist_options, (), __VA_ARGS__)
#define ct_data_fashion_mnist(...) CT_WITH_(ct_data_fashion_mnist, (), ct_data_mnist_options, (), __VA_ARGS__)
#define CT_URLS(...) ((const char *const[]){__VA_ARGS__}), (sizeof((const char *const[]){__VA_ARGS__}) / sizeof(const char *))
#define ct_data_download(set, name, ...) CT_DATA_DOWNLOAD_(set, name, __VA_ARGS__) /* CT_URLS becomes two arguments before they are counted */
#define CT_DATA_DOWNLOAD_(set, name, urls, ...) \
    CT_WITH_(ct_data_download, (set, name, urls, CT_HEAD_(__VA_ARGS__), ), ct_data_download_options, (), CT_TAIL_(__VA_ARGS__))
#define ct_data_digits(...) CT_WITH_(ct_data_digits, (), ct_data_digits_options, (CT_DATA_DIGITS_DEFAULTS), __VA_ARGS__)
#define ct_data_cifar10(...) CT_WITH_(ct_data_cifar10, (), ct_data_cifar10_options, (), __VA_ARGS__)
#define ct_data_shapes(...) CT_WITH_(ct_data_shapes, (), ct_data_shapes_options, (CT_DATA_SHAPES_DEFAULTS), __VA_ARGS__)
#define CT_DATASETS(...) ((ct_dataset *const[]){__VA_ARGS__}), (sizeof((ct_dataset *const[]){__VA_ARGS__}) / sizeof(ct_dataset *))
#define ct_data_cache(...) CT_WITH1_(ct_data_cache, ct_data_cache_options, (), __VA_ARGS__)
#define ct_data_map(dataset, function, ...) \
    CT_WITH_(ct_data_map, (dataset, function, CT_HEAD_(__VA_ARGS__), ), ct_data_map_options, (), CT_TAIL_(__VA_ARGS__))
#define ct_sampler_weighted(...) CT_WITH1_(ct_sampler_weighted, ct_sampler_weighted_options, (), __VA_ARGS__)
#define ct_data_augment(...) CT_WITH1_(ct_data_augment, ct_data_augment_options, (), __VA_ARGS__)
#define ct_loader_new(...) CT_WITH1_(ct_loader_new, ct_loader_options, (CT_LOADER_DEFAULTS), __VA_ARGS__)
#endif
#endif
