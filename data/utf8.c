/* utf8.c - what RFC 3629 allows. */
#include "utf8.h"

int utf8_next(const char *text, uint32_t *code)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    const unsigned char *byte = (const unsigned char *)text;
    const int length = *byte < 0x80 ? *byte != 0 : *byte < 0xc2 ? 0 : *byte < 0xe0 ? 2 : *byte < 0xf0 ? 3 : *byte < 0xf5 ? 4 : 0;
    if (length < 2) {
        *code = *byte;
        return length;
    }
    *code = *byte & (0x7fu >> length);
    for (int i = 1; i < length; i++) {
        if ((byte[i] & 0xc0) != 0x80)
            return 0;
        *code = *code << 6 | (byte[i] & 0x3f);
    }
    const int is_surrogate = *code >= 0xd800 && *code < 0xe000;
    return *code >= least[length] && *code < UTF8_CODES && !is_surrogate ? length : 0;
}

size_t utf8_fault(const char *text)
{
    uint32_t code;
    for (size_t at = 0; text[at];) {
        const int length = utf8_next(text + at, &code);
        if (!length)
            return at;
        at += (size_t)length;
    }
    return SIZE_MAX;
}
