/* What a data set is to those who make one or read from one. */
#ifndef COTANGENT_DATASET_H
#define COTANGENT_DATASET_H
#include <autograd/object.h>
#include <data/data.h>

struct sample_part {
    int64_t sizes[CT_MAX_RANK];                 /* of one sample */
    int rank;
    ct_dtype dtype;
    size_t bytes;                               /* 0 where the shape is empty */
};

struct ct_dataset {
    struct object object;
    int64_t size;
    struct sample_part x, y;
    bool has_y;
    /* Writes sample index, which is in range, to x and y, row-major; no tensor is made, so that any thread may call it.
     * y is NULL where the set has none. */
    bool (*fill)(const ct_dataset *dataset, int64_t index, void *x, void *y);
};

/* A fresh tensor of `batch` samples (-1: one, without the leading axis) in the innermost scope, and its memory. */
ct_tensor *sample_tensor(const struct sample_part *part, int64_t batch, void **values);

/* A data set of 28 x 28 grey images with labels 0 to 9. Takes over both blocks (of heap_alloc), also when it fails. */
enum { IMAGE_SIDE = 28, IMAGE_PIXELS = IMAGE_SIDE * IMAGE_SIDE, IMAGE_CLASSES = 10 };
ct_dataset *image_dataset(uint8_t *images, uint8_t *labels, int64_t count, bool normalize, bool one_hot);
#endif
