/* Names of parameters against patterns: * is any run of characters, ? any one, a comma stands between patterns. */
#include <stddef.h>

#include "optim/optimizer.h"

/* Goes back to the last star only: what an earlier one took can stay as it is. */
static bool fits_one(const char *pattern, const char *end, const char *name)
{
    const char *star = NULL, *from = NULL;
    while (*name)
        if (pattern < end && *pattern == '*')
            star = ++pattern, from = name;
        else if (pattern < end && (*pattern == '?' || *pattern == *name))
            pattern++, name++;
        else if (star)
            pattern = star, name = ++from;
        else
            return false;
    while (pattern < end && *pattern == '*')
        pattern++;
    return pattern == end;
}

bool name_fits(const char *patterns, const char *name)
{
    for (const char *begin = patterns, *end;; begin = end + 1) {
        for (end = begin; *end && *end != ',';)
            end++;
        if (fits_one(begin, end, name))
            return true;
        if (!*end)
            return false;
    }
}
