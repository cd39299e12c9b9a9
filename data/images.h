/* What MNIST, CIFAR-10 and the synthetic images share: a block of bytes with labels, scaled as samples are taken from it. */
#ifndef COTANGENT_IMAGES_H
#define COTANGENT_IMAGES_H
#include "dataset.h"

enum { IMAGE_CLASSES = 10 };

struct image_block {
    uint8_t *images, *labels;                   /* (count, channels, side, side) and (count), of heap_alloc */
    int64_t count;
    int channels, side;
    bool one_hot, normalize;
    float mean[IMAGE_CHANNELS], deviation[IMAGE_CHANNELS]; /* of byte / 255 in each channel; read where normalize is set */
};

/* x float32 (channels, side, side), y int64 () or one-hot float32 (10). Takes over both blocks, also when it fails. */
ct_dataset *image_dataset(const struct image_block *block);
#endif
