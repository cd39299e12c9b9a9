/* HTML, escaped, into an atomic file. */
#include "train/html.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "autograd/memory.h"
#include "io/png.h"
#include "train/look.h"
#include "train/number.h"

static void put(struct page *page, const void *bytes, size_t count)
{
    page->good = page->good && atomic_file_write(&page->file, bytes, count);
}

void page_put(struct page *page, const char *format, ...)
{
    char text[1024];
    va_list arguments;
    va_start(arguments, format);
    const int length = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    put(page, text, (size_t)length < sizeof text ? (size_t)length : sizeof text - 1);
}

void page_text(struct page *page, const char *text)
{
    static const char *const escapes[256] = {['<'] = "&lt;", ['>'] = "&gt;", ['&'] = "&amp;", ['"'] = "&quot;", ['\''] = "&#39;"};
    while (*text) {
        size_t plain = 0;
        while (text[plain] && !escapes[(unsigned char)text[plain]])
            plain++;
        put(page, text, plain);
        text += plain;
        if (*text)
            put(page, escapes[(unsigned char)*text], strlen(escapes[(unsigned char)*text])), text++;
    }
}

void page_number(struct page *page, double value)
{
    char text[NUMBER_TEXT];
    const bool large = fabs(value) >= 1e4 && fabs(value) < 1e15; /* "nan" and "inf" by any format */
    page_put(page, large ? "<span title='%s'>%.0f</span>" : "<span title='%s'>%.5g</span>", number_text(text, value), value);
}

void page_cell(struct page *page, double value)
{
    page_put(page, "<td>");
    page_number(page, value);
    page_put(page, "</td>");
}

/* ---- Images --------------------------------------------------------------------------------------------------------------------------- */
static void put_base64(struct page *page, const unsigned char *bytes, size_t count)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    char text[1024];
    size_t length = 0;
    for (size_t i = 0; i < count; i += 3) {
        const unsigned char b = i + 1 < count ? bytes[i + 1] : 0, c = i + 2 < count ? bytes[i + 2] : 0;
        const unsigned long group = (unsigned long)bytes[i] << 16 | (unsigned long)b << 8 | c;
        text[length++] = digits[group >> 18];
        text[length++] = digits[group >> 12 & 63];
        text[length++] = i + 1 < count ? digits[group >> 6 & 63] : '=';
        text[length++] = i + 2 < count ? digits[group & 63] : '=';
        if (length == sizeof text || i + 3 >= count) {
            put(page, text, length);
            length = 0;
        }
    }
}

void page_image(struct page *page, ct_tensor *image)
{
    size_t count;
    ct_tensor *clear = page->good ? look_at_image(image) : NULL;
    unsigned char *bytes = clear ? png_encode(page->file.target, clear, &count) : NULL;
    page->good = page->good && bytes;
    if (bytes) {
        page_put(page, "<img alt='' src='data:image/png;base64,");
        put_base64(page, bytes, count);
        page_put(page, "'>");
    }
    heap_free(bytes);
}
