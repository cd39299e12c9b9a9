/* images.c - what MNIST and the synthetic digits share: a block of bytes, scaled as samples are taken from it. */
#include "dataset.h"

#include <autograd/memory.h>

struct image_set {
    ct_dataset base;
    uint8_t *images, *labels;
    float shift, range;                         /* value = (byte - shift) / range: exactly byte / 255 where plain */
    bool one_hot;
};

static void destroy(void *object)
{
    struct image_set *set = object;
    heap_free(set->images);
    heap_free(set->labels);
}

static void scale(float *restrict pixels, const uint8_t *restrict image, float shift, float range)
{
    for (int i = 0; i < IMAGE_PIXELS; i++)
        pixels[i] = ((float)image[i] - shift) / range;
}

static bool fill(const ct_dataset *dataset, int64_t index, void *x, void *y)
{
    const struct image_set *set = (const struct image_set *)dataset;
    scale(x, set->images + (size_t)index * IMAGE_PIXELS, set->shift, set->range);
    if (set->one_hot)
        for (int class = 0; class < IMAGE_CLASSES; class++)
            ((float *)y)[class] = class == set->labels[index];
    else
        *(int64_t *)y = set->labels[index];
    return true;
}

ct_dataset *image_dataset(uint8_t *images, uint8_t *labels, int64_t count, bool normalize, bool one_hot)
{
    struct image_set *set = object_new(sizeof *set, destroy);
    if (!set) {
        heap_free(images);
        heap_free(labels);
        return NULL;
    }
    set->base.size = count;
    set->base.x = (struct sample_part){{1, IMAGE_SIDE, IMAGE_SIDE}, 3, CT_FLOAT32, IMAGE_PIXELS * sizeof(float)};
    set->base.y = one_hot ? (struct sample_part){{IMAGE_CLASSES}, 1, CT_FLOAT32, IMAGE_CLASSES * sizeof(float)}
                          : (struct sample_part){{0}, 0, CT_INT64, sizeof(int64_t)};
    set->base.has_y = true;
    set->base.fill = fill;
    set->images = images;
    set->labels = labels;
    set->shift = normalize ? 255 * 0.1307f : 0; /* MNIST's own mean and deviation */
    set->range = normalize ? 255 * 0.3081f : 255;
    set->one_hot = one_hot;
    return &set->base;
}
