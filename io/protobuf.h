/* Protocol buffers being written: fields one after another into memory that grows. protobuf.dev/programming-guides/encoding
 *
 *     struct protobuf p = {0};
 *     const size_t node = protobuf_open(&p, 1);
 *     protobuf_text(&p, 1, "name");
 *     protobuf_close(&p, node);
 *     bool good = protobuf_good(&p, path) && write(p.bytes, p.count);
 *     protobuf_free(&p);
 *
 * After an allocation that failed or a size that overflowed all further writes do nothing; protobuf_good tells, once. */
#ifndef COTANGENT_PROTOBUF_H
#define COTANGENT_PROTOBUF_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct protobuf {
    unsigned char *bytes;
    size_t count, room;
    bool failed;
};

void protobuf_integer(struct protobuf *p, uint32_t field, int64_t value); /* int32, int64, uint32, uint64, bool, enum */
void protobuf_float(struct protobuf *p, uint32_t field, float value);
void protobuf_double(struct protobuf *p, uint32_t field, double value);
void protobuf_bytes(struct protobuf *p, uint32_t field, const void *bytes, size_t count);
void protobuf_text(struct protobuf *p, uint32_t field, const char *text); /* string; NULL: the field is left out */

/* A message within, or a packed list: what is written between the two calls is the field's contents. They nest. */
size_t protobuf_open(struct protobuf *p, uint32_t field); /* a mark for protobuf_close */
void protobuf_close(struct protobuf *p, size_t mark);
void protobuf_packed_integer(struct protobuf *p, int64_t value); /* elements of a packed list */
void protobuf_packed_float(struct protobuf *p, float value);
void protobuf_packed_double(struct protobuf *p, double value);

void protobuf_message(struct protobuf *p, uint32_t field, struct protobuf *inner); /* one written on its own; frees inner */
void protobuf_head(struct protobuf *p, uint32_t field, size_t count); /* of bytes or a message that follow elsewhere */

bool protobuf_good(const struct protobuf *p, const char *what); /* false after reporting "what: out of memory" */
void protobuf_clear(struct protobuf *p);        /* empty again; the memory stays */
void protobuf_free(struct protobuf *p);
#endif
