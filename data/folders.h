/* Where data sets look for their files. */
#ifndef COTANGENT_FOLDERS_H
#define COTANGENT_FOLDERS_H
#include <stdbool.h>

enum { FOLDERS_MOST = 4, PATH_MOST = 4096, FOLDER_LIST = 400 };

struct folders {
    char paths[FOLDERS_MOST][PATH_MOST];
    int count;
};

/* folder alone; where it is NULL, $COTANGENT_DATA and the cache folder, each also with the subfolder `set`. */
void folders_of(struct folders *folders, const char *folder, const char *set);
void folders_below(struct folders *folders, const char *folder, const char *set); /* in the last two only the subfolder */
bool folder_has(const char *folder, const char *name, char path[PATH_MOST]); /* name or name.gz, which path then says */
const char *folders_text(const struct folders *folders, char text[FOLDER_LIST]); /* for an error: "a, b" */
#endif
