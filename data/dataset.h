/* What a data set is to those who make one or read from one. */
#ifndef COTANGENT_DATASET_H
#define COTANGENT_DATASET_H
#include <autograd/object.h>
#include <data/data.h>

enum { IMAGE_CHANNELS = 3, SAMPLE_TEXT = 200 }; /* IMAGE_CHANNELS: of the image files and sets here, at most */

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
    float black[IMAGE_CHANNELS];                /* of images: what a byte of 0 becomes in each channel; else 0 */
    /* Writes sample index, which is in range, to x and y, row-major; no tensor is made, so that any thread may call it.
     * draw: which of its random variations, a loader's epoch. y is NULL where the set has none. */
    bool (*fill)(const ct_dataset *dataset, int64_t index, uint64_t draw, void *x, void *y);
};

/* A fresh tensor of `batch` samples (-1: one, without the leading axis) in the innermost scope, and its memory. */
ct_tensor *sample_tensor(const struct sample_part *part, int64_t batch, void **values);
/* Some order of 0..count-1, by seed and draw alone. */
void dataset_shuffle(int64_t *order, int64_t count, uint64_t seed, uint64_t draw);
const char *sample_text(char text[SAMPLE_TEXT], const struct sample_part *part); /* "float32 (3, 32, 32)" */
/* Samples `numbers`, all in range, of the whole; the numbers are copied. */
ct_dataset *dataset_pick(const char *call, ct_dataset *whole, const int64_t *numbers, int64_t count);
bool dataset_parts(const char *call, ct_dataset *whole, const int64_t *order, int64_t count, ct_dataset **chosen, ct_dataset **rest); /* the first
                                                   count of the order, and the others */
void dataset_like(ct_dataset *dataset, const ct_dataset *other); /* size, parts and black of the other */
#endif
