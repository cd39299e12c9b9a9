/* UTF-8, strict: no overlong forms, no surrogates, nothing past U+10FFFF. */
#ifndef COTANGENT_UTF8_H
#define COTANGENT_UTF8_H
#include <stddef.h>
#include <stdint.h>

enum { UTF8_CODES = 0x110000 };

/* Bytes of the character at text, 1 to 4, and its code point; 0 if there is none. Reads no further than a NUL. */
int utf8_next(const char *text, uint32_t *code);
size_t utf8_fault(const char *text);            /* the first byte that begins no character; SIZE_MAX: all is well */
#endif
