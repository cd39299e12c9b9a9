/* Protocol buffers: a field is its number and kind as a varint, then a varint, 4 or 8 bytes, or a length and as many bytes. All little-endian. */
#include "io/protobuf.h"

#include <string.h>

#include "autograd/autograd.h"
#include "autograd/memory.h"

enum { VARINT, FIXED64, DELIMITED, FIXED32 = 5, VARINT_BYTES = 10 };

/* Room for count more bytes; NULL once anything failed. */
static unsigned char *reserve(struct protobuf *p, size_t count)
{
    size_t wanted, room = p->room ? p->room : 256;
    if (p->failed || __builtin_add_overflow(p->count, count, &wanted) || wanted > PTRDIFF_MAX / 2) {
        p->failed = true;
        return NULL;
    }
    while (room < wanted)
        if (!size_multiply(room, 2, &room))
            room = wanted;
    if (room > p->room) {
        unsigned char *grown = heap_resize(p->bytes, room);
        if (!grown) {
            p->failed = true;
            return NULL;
        }
        p->bytes = grown;
        p->room = room;
    }
    return p->bytes + p->count;
}

static void append(struct protobuf *p, const void *bytes, size_t count)
{
    unsigned char *at = reserve(p, count);
    if (at && count)
        memcpy(at, bytes, count);
    if (at)
        p->count += count;
}

static size_t encode(unsigned char varint[VARINT_BYTES], uint64_t value)
{
    size_t count = 0;
    for (; value >= 0x80; value >>= 7)
        varint[count++] = (unsigned char)(value | 0x80);
    varint[count++] = (unsigned char)value;
    return count;
}

static void append_varint(struct protobuf *p, uint64_t value)
{
    unsigned char varint[VARINT_BYTES];
    append(p, varint, encode(varint, value));
}

static void append_little(struct protobuf *p, uint64_t value, size_t count)
{
    unsigned char bytes[8];
    for (size_t i = 0; i < count; i++)
        bytes[i] = (unsigned char)(value >> 8 * i);
    append(p, bytes, count);
}

static void append_key(struct protobuf *p, uint32_t field, unsigned kind)
{
    append_varint(p, (uint64_t)field << 3 | kind);
}

void protobuf_integer(struct protobuf *p, uint32_t field, int64_t value)
{
    append_key(p, field, VARINT);
    append_varint(p, (uint64_t)value);
}

void protobuf_float(struct protobuf *p, uint32_t field, float value)
{
    append_key(p, field, FIXED32);
    protobuf_packed_float(p, value);
}

void protobuf_double(struct protobuf *p, uint32_t field, double value)
{
    append_key(p, field, FIXED64);
    protobuf_packed_double(p, value);
}

void protobuf_head(struct protobuf *p, uint32_t field, size_t count)
{
    append_key(p, field, DELIMITED);
    append_varint(p, count);
}

void protobuf_bytes(struct protobuf *p, uint32_t field, const void *bytes, size_t count)
{
    protobuf_head(p, field, count);
    append(p, bytes, count);
}

void protobuf_message(struct protobuf *p, uint32_t field, struct protobuf *inner)
{
    protobuf_bytes(p, field, inner->bytes, inner->count);
    p->failed |= inner->failed;
    protobuf_free(inner);
}

void protobuf_text(struct protobuf *p, uint32_t field, const char *text)
{
    if (text)
        protobuf_bytes(p, field, text, strlen(text));
}

void protobuf_packed_integer(struct protobuf *p, int64_t value)
{
    append_varint(p, (uint64_t)value);
}

void protobuf_packed_float(struct protobuf *p, float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    append_little(p, bits, 4);
}

void protobuf_packed_double(struct protobuf *p, double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    append_little(p, bits, 8);
}

size_t protobuf_open(struct protobuf *p, uint32_t field)
{
    append_key(p, field, DELIMITED);
    return p->count;
}

/* The length goes in front of what is there, which moves. */
void protobuf_close(struct protobuf *p, size_t mark)
{
    unsigned char varint[VARINT_BYTES];
    if (p->failed)
        return;
    const size_t length = p->count - mark, bytes = encode(varint, length);
    if (!reserve(p, bytes))
        return;
    memmove(p->bytes + mark + bytes, p->bytes + mark, length);
    memcpy(p->bytes + mark, varint, bytes);
    p->count += bytes;
}

bool protobuf_good(const struct protobuf *p, const char *what)
{
    return !p->failed || ct_fail("%s: out of memory", what);
}

void protobuf_clear(struct protobuf *p)
{
    p->count = 0;
    p->failed = false;
}

void protobuf_free(struct protobuf *p)
{
    heap_free(p->bytes);
    *p = (struct protobuf){0};
}
