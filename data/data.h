/* Data sets and the loader that makes batches of them.
 *
 * A data set hands out samples (x, y) by number. Loaders and subsets hold on to the data set under them, so each may be
 * freed in any order. A data folder is found by its option, else in $COTANGENT_DATA, else in $XDG_CACHE_HOME/cotangent
 * (~/.cache/cotangent); in the last two also in a subfolder of the set's name. */
#ifndef COTANGENT_DATA_H
#define COTANGENT_DATA_H
#include <autograd/autograd.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ct_dataset ct_dataset;
typedef struct ct_loader ct_loader;

/* ---- Data sets ------------------------------------------------------------------------------------------------------------ */
CT_API int64_t ct_dataset_size(const ct_dataset *dataset); /* samples; -1 for NULL */
CT_API bool ct_dataset_get(ct_dataset *dataset, int64_t index, ct_tensor **x, ct_tensor **y); /* sample index, of shapes without N */
CT_API ct_dataset *ct_data_tensors(ct_tensor *x, ct_tensor *y); /* (N, ...) and (N, ...) in memory, kept */
CT_API ct_dataset *ct_data_subset(ct_dataset *dataset, int64_t start, int64_t count); /* samples start..start+count-1 */
CT_API bool ct_data_split(ct_dataset *dataset, int64_t count, uint64_t seed, ct_dataset **chosen, ct_dataset **rest); /* count samples, drawn by
                                                            seed alone, and the others, both in an order of chance */

typedef struct { const char *folder; bool train, normalize, one_hot; int64_t limit; char end_; } ct_data_mnist_options;
/* The four IDX files, plain or gzip: x float32 (1, 28, 28) in [0, 1], or with normalize (x - 0.1307) / 0.3081; y int64 () in 0..9, or with
 * one_hot float32 (10). train: the 60,000, otherwise the 10,000. limit: the first so many samples; 0: all. */
CT_API ct_dataset *ct_data_mnist(const ct_data_mnist_options *options);
CT_API bool ct_data_mnist_available(const char *folder); /* would it find the files? Never an error; NULL: search as above */

typedef struct { int64_t count; uint64_t seed; bool normalize, one_hot; char end_; } ct_data_digits_options;
#define CT_DATA_DIGITS_DEFAULTS .count = 10000,
CT_API extern const ct_data_digits_options ct_data_digits_defaults;
/* Synthetic digits in MNIST's shapes: strokes of 0-9 under random affine maps, thickness, elastic bends and noise. Sample i depends on
 * seed and i alone; the classes are balanced. */
CT_API ct_dataset *ct_data_digits(const ct_data_digits_options *options);

typedef struct { const char *folder; bool train, normalize, one_hot; int64_t limit; char end_; } ct_data_cifar10_options;
/* CIFAR-10's binary files, plain or gzip: x float32 (3, 32, 32), red, green, blue, in [0, 1], or with normalize less the mean (0.4914, 0.4822,
 * 0.4465) over the deviation (0.2470, 0.2435, 0.2616) of the 50,000 training images; y int64 () in 0..9: airplane, automobile, bird, cat, deer,
 * dog, frog, horse, ship, truck; one_hot, limit: as above. train: those of data_batch_1.bin to data_batch_5.bin that are in the folder, in this
 * order; otherwise test_batch.bin. Each may hold any number of records. */
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

CT_API ct_tensor *ct_data_idx(const char *path, ct_dtype dtype); /* an IDX file of unsigned bytes, plain or gzip, as a tensor of its sizes */

/* ---- Loader ----------------------------------------------------------------------------------------------------------------- */
typedef struct { ct_tensor *x, *y; } ct_batch;      /* (batch, ...) each; the loader's, until the next ct_loader_next */
/* workers: threads that fill the next `prefetch` batches (0: 2 a worker) meanwhile; 0: batches are made when asked for, by the caller. The batches
 * are the same, bit for bit. channels_last: x of (C, H, W) float32 samples lies in memory as (N, H, W, C); its shape stays (N, C, H, W). */
typedef struct { int64_t batch_size; bool shuffle, drop_last; uint64_t seed; int64_t workers, prefetch; bool channels_last; char end_; } ct_loader_options;
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
#define ct_data_digits(...) CT_WITH_(ct_data_digits, (), ct_data_digits_options, (CT_DATA_DIGITS_DEFAULTS), __VA_ARGS__)
#define ct_data_cifar10(...) CT_WITH_(ct_data_cifar10, (), ct_data_cifar10_options, (), __VA_ARGS__)
#define ct_data_shapes(...) CT_WITH_(ct_data_shapes, (), ct_data_shapes_options, (CT_DATA_SHAPES_DEFAULTS), __VA_ARGS__)
#define ct_data_augment(...) CT_WITH1_(ct_data_augment, ct_data_augment_options, (), __VA_ARGS__)
#define ct_loader_new(...) CT_WITH1_(ct_loader_new, ct_loader_options, (CT_LOADER_DEFAULTS), __VA_ARGS__)
#endif
#endif
