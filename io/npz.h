/* What reader and writer of npz share. */
#ifndef COTANGENT_NPZ_H
#define COTANGENT_NPZ_H
#include <stdbool.h>
#include <string.h>

#define NPZ_SUFFIX ".npy"

/* A path below wherever an archive is unpacked: not absolute, no drive or backslash, no part that is empty, . or .. */
static inline bool npz_name_is_safe(const char *name)
{
    for (const char *part = name;; part++) {
        const size_t length = strcspn(part, "/");
        if (length == 0 || (length <= 2 && strspn(part, ".") == length))
            return false;
        part += length;
        if (!*part)
            return !strpbrk(name, "\\:");
    }
}
#endif
