/* synthetic.c - a stand-in for files: sample i depends on the seed and i alone. */
#include "synthetic.h"

#include <autograd/memory.h>

enum { PURPOSE_IMAGE, PURPOSE_LABEL };

struct stream synthetic_stream(uint64_t seed, int64_t index)
{
    return stream_of(seed, index, PURPOSE_IMAGE, 0);
}

static int class_of(uint64_t seed, int64_t index)
{
    int order[IMAGE_CLASSES];
    struct stream s = stream_of(seed, index / IMAGE_CLASSES, PURPOSE_LABEL, 0);
    for (int i = 0; i < IMAGE_CLASSES; i++) {
        const int j = (int)(next_word(&s) % (uint32_t)(i + 1));
        order[i] = order[j];
        order[j] = i;
    }
    return order[index % IMAGE_CLASSES];
}

ct_dataset *synthetic_images(const char *name, struct image_block format, uint64_t seed,
                             void (*draw)(uint8_t *image, uint64_t seed, int64_t index, int class))
{
    if (format.count < 1)
        return ct_fail("%s: count %lld, want at least 1", name, (long long)format.count);
    const size_t one = (size_t)(format.channels * format.side * format.side);
    size_t bytes;
    format.images = size_multiply((size_t)format.count, one, &bytes) ? heap_alloc(bytes) : NULL;
    format.labels = format.images ? heap_alloc((size_t)format.count) : NULL;
    if (!format.labels) {
        heap_free(format.images);
        return ct_fail("%s: out of memory for %lld samples", name, (long long)format.count);
    }
    for (int64_t i = 0; i < format.count; i++) {
        format.labels[i] = (uint8_t)class_of(seed, i);
        draw(format.images + (size_t)i * one, seed, i, format.labels[i]);
    }
    return image_dataset(&format);
}
