/* SHA-256, FIPS 180-4. */
#ifndef COTANGENT_SHA256_H
#define COTANGENT_SHA256_H
#include <stddef.h>
#include <stdint.h>

enum { SHA256_TEXT = 65 };

struct sha256 {
    uint32_t state[8];
    uint64_t bytes;                             /* so far */
    unsigned char block[64];
};

void sha256_begin(struct sha256 *hash);
void sha256_add(struct sha256 *hash, const void *bytes, size_t count);
void sha256_end(struct sha256 *hash, char text[SHA256_TEXT]); /* 64 hexadecimal digits, lower case */
#endif
