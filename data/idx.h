/* IDX files of unsigned bytes, MNIST's format: two zeros, 0x08, the rank, each size as 4 bytes big-endian, values. */
#ifndef COTANGENT_IDX_H
#define COTANGENT_IDX_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { IDX_MAX_RANK = 4 };

struct idx {
    int rank;
    int64_t sizes[IDX_MAX_RANK];
    size_t count;                               /* of values */
    uint8_t *values;                            /* row-major, of heap_alloc */
};

bool idx_read(const char *path, struct idx *idx); /* plain or gzip; false: a failure that names path, *idx empty */
void idx_free(struct idx *idx);
#endif
