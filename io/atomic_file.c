/* atomic_file.c - a crash at any moment leaves the old file or the new one. */
#define _GNU_SOURCE
#include "atomic_file.h"

#include <autograd/autograd.h>
#include <autograd/memory.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef PATH_MAX
#define PATH_MAX 4096
#endif

enum { NAME_KEPT = 100, TRIES = 16 };           /* so much of the target's name stays readable within NAME_MAX */

void atomic_file_abandon(struct atomic_file *file)
{
    if (file->descriptor >= 0) {
        close(file->descriptor);
        unlink(file->temporary);
    }
    heap_free(file->temporary);
    heap_free(file->target);
    *file = (struct atomic_file){.descriptor = -1};
}

static bool fail(struct atomic_file *file, const char *action, int reason)
{
    ct_fail("%s: cannot %s: %s", file->target, action, strerror(reason));
    atomic_file_abandon(file);
    return false;
}

/* Renaming over a link would cut it, over a device would replace that: links are followed, the rest refused. */
static char *resolve(const char *path)
{
    struct stat status;
    if (lstat(path, &status))
        return heap_copy_text(path);
    if (!S_ISLNK(status.st_mode))
        return S_ISREG(status.st_mode) ? heap_copy_text(path) : ct_fail("%s: cannot save: not a regular file", path);
    char *target = heap_alloc(PATH_MAX);
    if (target && (!realpath(path, target) || stat(target, &status) || !S_ISREG(status.st_mode))) {
        heap_free(target);
        return ct_fail("%s: cannot save: the link leads to no regular file", path);
    }
    return target;
}

/* Unpredictable, so that nobody else can have laid a file or a link there. */
static bool open_temporary(struct atomic_file *file, size_t folder, size_t bytes, mode_t mode)
{
    const char *name = file->target + folder;
    for (int i = 0; i < TRIES; i++) {
        uint64_t random;
        if (getentropy(&random, sizeof random))
            return false;
        snprintf(file->temporary, bytes, "%.*s.%.*s.%016llx", (int)folder, file->target, NAME_KEPT, name,
                 (unsigned long long)random);
        file->descriptor = open(file->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
        if (file->descriptor >= 0 || errno != EEXIST)
            break;
    }
    return file->descriptor >= 0;
}

bool atomic_file_open(struct atomic_file *file, const char *path)
{
    *file = (struct atomic_file){.descriptor = -1};
    if (!*path || path[strlen(path) - 1] == '/')
        return ct_fail("'%s': cannot save: want the name of a file", path);
    file->target = resolve(path);
    if (!file->target)
        return ct_fail("%s: cannot save: out of memory", path);
    const char *slash = strrchr(file->target, '/');
    const size_t folder = slash ? (size_t)(slash - file->target) + 1 : 0;
    const size_t bytes = folder + NAME_KEPT + 32;
    file->temporary = heap_alloc(bytes);
    if (!file->temporary) {
        atomic_file_abandon(file);
        return ct_fail("%s: cannot save: out of memory", path);
    }
    struct stat old;
    const bool is_there = !stat(file->target, &old);
    if (!open_temporary(file, folder, bytes, is_there ? old.st_mode & 0777 : 0666)) /* never open to more than it will be */
        return fail(file, "create a file beside it", errno);
    if (is_there && fchmod(file->descriptor, old.st_mode & 0777))
        return fail(file, "set permissions", errno);
    return true;
}

bool atomic_file_write(struct atomic_file *file, const void *bytes, size_t count)
{
    enum { MOST = 1 << 30 };                    /* some systems refuse more than 2 GB at once */
    for (const char *next = bytes; count;) {
        const ssize_t written = write(file->descriptor, next, count < MOST ? count : MOST);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return fail(file, "write", written ? errno : ENOSPC);
        next += written;
        count -= (size_t)written;
    }
    return true;
}

/* Without this a crash may forget the rename. Some file systems cannot sync a folder, and say so by EINVAL. */
static int sync_folder(char *target)
{
    char *slash = strrchr(target, '/');
    const char *folder = !slash ? "." : slash == target ? "/" : target;
    if (slash && slash != target)
        *slash = 0;
    const int descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int reason = descriptor < 0 || fsync(descriptor) ? errno : 0;
    if (descriptor >= 0)
        close(descriptor);
    if (slash && slash != target)
        *slash = '/';
    return reason == EINVAL || reason == ENOTSUP || reason == EACCES ? 0 : reason;
}

bool atomic_file_commit(struct atomic_file *file)
{
    if (fsync(file->descriptor) && errno != EINVAL && errno != ENOTSUP)
        return fail(file, "write", errno);
    const int descriptor = file->descriptor;
    file->descriptor = -1;
    int reason = close(descriptor) && errno != EINTR ? errno : 0;
    if (!reason && rename(file->temporary, file->target))
        reason = errno;
    if (reason) {
        unlink(file->temporary);
        return fail(file, "save", reason);
    }
    reason = sync_folder(file->target);
    if (reason)
        return fail(file, "sync its folder", reason);
    atomic_file_abandon(file);
    return true;
}
