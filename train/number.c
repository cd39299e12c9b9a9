/* A locale may write 3,14; files want 3.14. */
#define _POSIX_C_SOURCE 200809L
#include "train/number.h"

#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *number_text(char text[NUMBER_TEXT], double value)
{
    if (isnan(value))                           /* whose sign some print */
        return strcpy(text, "nan");
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, NUMBER_TEXT, "%.*g", digits, value);
        if (strtod(text, NULL) == value)
            break;
    }
    const char *point = localeconv()->decimal_point;
    char *found = strcmp(point, ".") ? strstr(text, point) : NULL;
    if (found) {
        *found = '.';
        memmove(found + 1, found + strlen(point), strlen(found + strlen(point)) + 1);
    }
    return text;
}

struct number_point number_point_begin(void)
{
    struct number_point point = {.plain = newlocale(LC_NUMERIC_MASK, "C", (locale_t)0)};
    if (point.plain)
        point.before = uselocale(point.plain);
    return point;
}

void number_point_end(struct number_point point)
{
    if (!point.plain)
        return;
    uselocale(point.before);
    freelocale(point.plain);
}
