/* Messages of https://protobuf.dev/programming-guides/encoding, written field by field into memory. A failed allocation, or a length past
 * 2^63, is kept: whoever writes looks at `failed` once, at the end. */
#ifndef COTANGENT_PROTOBUF_H
#define COTANGENT_PROTOBUF_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct protobuf {                               /* zeroed: an empty message */
    unsigned char *bytes;
    size_t count, room;
    bool failed;
};

void protobuf_integer(struct protobuf *message, int field, int64_t value); /* int32, int64, uint64, bool and enum */
void protobuf_float(struct protobuf *message, int field, float value);
void protobuf_double(struct protobuf *message, int field, double value);
void protobuf_bytes(struct protobuf *message, int field, const void *bytes, size_t count);
void protobuf_text(struct protobuf *message, int field, const char *text);
void protobuf_message(struct protobuf *message, int field, struct protobuf *inner); /* and frees inner */
void protobuf_head(struct protobuf *message, int field, size_t count); /* of bytes or a message that follow elsewhere */
void protobuf_free(struct protobuf *message);   /* leaves an empty one */
#endif
