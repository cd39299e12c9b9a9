/* A file that is saved whole or not at all: written under another name beside the target, synced, renamed over it. */
#ifndef COTANGENT_ATOMIC_FILE_H
#define COTANGENT_ATOMIC_FILE_H
#include <stdbool.h>
#include <stddef.h>

struct atomic_file {
    int descriptor;                             /* of the temporary file; -1: none */
    char *target, *temporary;                   /* target: where path's symbolic links lead */
};

/* Each reports its failure by path and system reason, removes the temporary file and leaves the target as it was. */
bool atomic_file_open(struct atomic_file *file, const char *path);
bool atomic_file_write(struct atomic_file *file, const void *bytes, size_t count);
bool atomic_file_commit(struct atomic_file *file);
void atomic_file_abandon(struct atomic_file *file); /* quietly; does nothing after a failure or a commit */
#endif
