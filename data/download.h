/* Files of the web that are to lie in a folder of this machine, whole and right. */
#ifndef COTANGENT_DOWNLOAD_H
#define COTANGENT_DOWNLOAD_H
#include "folders.h"

#include <stdint.h>
#include <stdio.h>

enum { MIRRORS_MOST = 8, URL_MOST = 1024 };

struct remote_file {
    const char *name, *sha256;                  /* sha256 in hexadecimal digits; NULL: not known, and the length alone is checked */
    int64_t bytes;                              /* -1: not known */
};

struct remote_set {
    const char *name;                           /* the folder's in the cache and below $COTANGENT_MIRROR */
    const char *mirrors[MIRRORS_MOST];          /* what stands before a file's name, in the order in which they are asked; NULL: no more */
    bool whole_addresses;                       /* they are those of the one file itself */
    long stall_seconds;                         /* 0: 30 */
};

/* Where a set's downloads go: folder, or where it is NULL the set's in the cache; false: there is none, a failure. */
bool download_folder(const char *folder, const char *set, char path[PATH_MOST]);
/* Those of the files that are not in the folder, or not as they should be, come there, one process at a time. */
bool download_files(const struct remote_set *set, const struct remote_file *files, int count, const char *folder, FILE *progress);

/* A bar on a terminal; elsewhere a line at the end. A NULL file: nothing. */
struct download_bar {
    FILE *file;
    const char *name;
    double start, drawn;                        /* seconds; drawn: when last, 0: not yet */
    bool is_terminal;
};
struct download_bar download_bar(FILE *file, const char *name);
void download_bar_show(void *bar, int64_t done, int64_t total);
void download_bar_end(struct download_bar *bar, int64_t bytes, bool good);
#endif
