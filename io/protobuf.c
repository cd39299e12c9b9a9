/* protobuf.c - a field is a number with a wire type, then a varint, 4 or 8 bytes, or a length and so many bytes. */
#include "protobuf.h"

#include <autograd/memory.h>

#include <string.h>

enum { VARINT = 0, FIXED64 = 1, LENGTH = 2, FIXED32 = 5, MOST_VARINT = 10 };

static void append(struct protobuf *m, const void *bytes, size_t count)
{
    size_t wanted;
    if (m->failed || __builtin_add_overflow(m->count, count, &wanted) || wanted > SIZE_MAX / 4) {
        m->failed = true;
        return;
    }
    if (wanted > m->room) {
        const size_t room = wanted + wanted / 2 + 64;
        unsigned char *larger = heap_resize(m->bytes, room);
        if (!larger) {
            m->failed = true;
            return;
        }
        m->bytes = larger, m->room = room;
    }
    if (count)
        memcpy(m->bytes + m->count, bytes, count);
    m->count = wanted;
}

static void varint(struct protobuf *m, uint64_t value)
{
    unsigned char bytes[MOST_VARINT];
    size_t count = 0;
    do {
        bytes[count++] = (unsigned char)((value & 127) | (value > 127 ? 128 : 0));
    } while (value >>= 7);
    append(m, bytes, count);
}

static void key(struct protobuf *m, int field, int wire)
{
    varint(m, (uint64_t)field << 3 | (uint64_t)wire);
}

/* Little-endian, whatever the machine. */
static void fixed(struct protobuf *m, uint64_t bits, size_t count)
{
    unsigned char bytes[8];
    for (size_t i = 0; i < count; i++)
        bytes[i] = (unsigned char)(bits >> 8 * i);
    append(m, bytes, count);
}

void protobuf_integer(struct protobuf *m, int field, int64_t value)
{
    key(m, field, VARINT);
    varint(m, (uint64_t)value);
}

void protobuf_float(struct protobuf *m, int field, float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    key(m, field, FIXED32);
    fixed(m, bits, sizeof bits);
}

void protobuf_double(struct protobuf *m, int field, double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    key(m, field, FIXED64);
    fixed(m, bits, sizeof bits);
}

void protobuf_head(struct protobuf *m, int field, size_t count)
{
    key(m, field, LENGTH);
    varint(m, count);
}

void protobuf_bytes(struct protobuf *m, int field, const void *bytes, size_t count)
{
    protobuf_head(m, field, count);
    append(m, bytes, count);
}

void protobuf_text(struct protobuf *m, int field, const char *text)
{
    protobuf_bytes(m, field, text, strlen(text));
}

void protobuf_message(struct protobuf *m, int field, struct protobuf *inner)
{
    m->failed |= inner->failed;
    protobuf_bytes(m, field, inner->bytes, inner->count);
    protobuf_free(inner);
}

void protobuf_free(struct protobuf *m)
{
    heap_free(m->bytes);
    *m = (struct protobuf){0};
}
