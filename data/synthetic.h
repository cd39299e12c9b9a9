/* What synthetic image sets share: memory, balanced labels, streams of random numbers. */
#ifndef COTANGENT_SYNTHETIC_H
#define COTANGENT_SYNTHETIC_H
#include "images.h"
#include "stream.h"

struct stream synthetic_stream(uint64_t seed, int64_t index); /* for the picture of sample index */
/* format.count images of this format, each drawn into its bytes; each ten samples in a row hold every class once, in an order
 * of their own. NULL with a failure that names the set. */
ct_dataset *synthetic_images(const char *name, struct image_block format, uint64_t seed,
                             void (*draw)(uint8_t *image, uint64_t seed, int64_t index, int class));
#endif
