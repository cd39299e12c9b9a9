/* folders.c - the option, else the environment, else the cache folder. */
#define _GNU_SOURCE
#include "folders.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A path too long for the system is a folder that does not exist. */
static void look_in(struct folders *folders, const char *folder, const char *below, const char *set)
{
    char *place = folders->paths[folders->count];
    const int length = snprintf(place, PATH_MOST, "%s%s%s%s", folder, below, set ? "/" : "", set ? set : "");
    folders->count += length > 0 && length < PATH_MOST;
}

static void search(struct folders *folders, const char *folder, const char *set, bool above)
{
    folders->count = 0;
    if (folder) {
        look_in(folders, folder, "", NULL);
        return;
    }
    const char *data = getenv("COTANGENT_DATA"), *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    if (data && *data && above)
        look_in(folders, data, "", NULL);
    if (data && *data)
        look_in(folders, data, "", set);
    const bool by_xdg = cache && *cache == '/'; /* the XDG specification ignores relative paths */
    if (!by_xdg && (!home || !*home))
        return;
    if (above)
        look_in(folders, by_xdg ? cache : home, by_xdg ? "/cotangent" : "/.cache/cotangent", NULL);
    look_in(folders, by_xdg ? cache : home, by_xdg ? "/cotangent" : "/.cache/cotangent", set);
}

void folders_of(struct folders *folders, const char *folder, const char *set)
{
    search(folders, folder, set, true);
}

void folders_below(struct folders *folders, const char *folder, const char *set)
{
    search(folders, folder, set, false);
}

bool folder_has(const char *folder, const char *name, char path[PATH_MOST])
{
    static const char *const endings[] = {"", ".gz"};
    for (int i = 0; i < 2; i++) {
        const int length = snprintf(path, PATH_MOST, "%s/%s%s", folder, name, endings[i]);
        if (length > 0 && length < PATH_MOST && !access(path, R_OK))
            return true;
    }
    return false;
}

const char *folders_text(const struct folders *folders, char text[FOLDER_LIST])
{
    text[0] = 0;
    for (int i = 0; i < folders->count; i++) {
        const size_t used = strlen(text);
        snprintf(text + used, FOLDER_LIST - used, "%s%s", i ? ", " : "", folders->paths[i]);
    }
    return folders->count ? text : "any folder: set .folder or COTANGENT_DATA";
}
