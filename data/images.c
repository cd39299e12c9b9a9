/* images.c - a byte becomes a float on its way into the batch, so that a set takes a quarter of its float32 size. */
#include "images.h"

#include <autograd/memory.h>

struct image_set {
    ct_dataset base;
    uint8_t *images, *labels;
    int channels, pixels;                       /* pixels of one channel */
    float shift[IMAGE_CHANNELS], range[IMAGE_CHANNELS]; /* value = (byte - shift) / range: exactly byte / 255 where plain */
    bool one_hot;
};

static void destroy(void *object)
{
    struct image_set *set = object;
    heap_free(set->images);
    heap_free(set->labels);
}

static void scale(float *restrict values, const uint8_t *restrict bytes, int count, float shift, float range)
{
    for (int i = 0; i < count; i++)
        values[i] = ((float)bytes[i] - shift) / range;
}

static bool fill(const ct_dataset *dataset, int64_t index, uint64_t draw, void *x, void *y)
{
    (void)draw;
    const struct image_set *set = (const struct image_set *)dataset;
    const uint8_t *image = set->images + (size_t)index * (size_t)(set->channels * set->pixels);
    for (int channel = 0; channel < set->channels; channel++)
        scale((float *)x + channel * set->pixels, image + channel * set->pixels, set->pixels, set->shift[channel], set->range[channel]);
    if (set->one_hot)
        for (int class = 0; class < IMAGE_CLASSES; class++)
            ((float *)y)[class] = class == set->labels[index];
    else
        *(int64_t *)y = set->labels[index];
    return true;
}

ct_dataset *image_dataset(const struct image_block *block)
{
    struct image_set *set = object_new(sizeof *set, destroy);
    if (!set) {
        heap_free(block->images);
        heap_free(block->labels);
        return NULL;
    }
    set->images = block->images;
    set->labels = block->labels;
    set->channels = block->channels;
    set->pixels = block->side * block->side;
    set->one_hot = block->one_hot;
    set->base.size = block->count;
    set->base.x = (struct sample_part){{block->channels, block->side, block->side}, 3, CT_FLOAT32,
                                       (size_t)(block->channels * set->pixels) * sizeof(float)};
    set->base.y = block->one_hot ? (struct sample_part){{IMAGE_CLASSES}, 1, CT_FLOAT32, IMAGE_CLASSES * sizeof(float)}
                                 : (struct sample_part){{0}, 0, CT_INT64, sizeof(int64_t)};
    set->base.has_y = true;
    set->base.fill = fill;
    for (int channel = 0; channel < block->channels; channel++) {
        set->shift[channel] = block->normalize ? 255 * block->mean[channel] : 0;
        set->range[channel] = block->normalize ? 255 * block->deviation[channel] : 255;
        set->base.black[channel] = (0 - set->shift[channel]) / set->range[channel];
    }
    return &set->base;
}
