/* Paths of logs. */
#define _POSIX_C_SOURCE 200809L
#include "train/log.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "autograd/memory.h"

bool folder_make(const char *path)
{
    char part[4096];
    struct stat there;
    const size_t length = strlen(path);
    if (length >= sizeof part)
        return ct_fail("%.80s...: the path is too long", path) != NULL;
    for (size_t i = 1; i <= length; i++) {
        if (path[i] && path[i] != '/')
            continue;
        memcpy(part, path, i);
        part[i] = 0;
        if (mkdir(part, 0777) && errno != EEXIST && !(errno == EROFS && !stat(part, &there)))
            return ct_fail("%s: cannot make the folder: %s", part, strerror(errno)) != NULL;
    }
    if (stat(path, &there) || !S_ISDIR(there.st_mode))
        return ct_fail("%s: there is a file where a folder was meant", path) != NULL;
    return true;
}

char *log_path(const char *call, const char *path)
{
    if (!path || !*path)
        return ct_ok() ? ct_fail("%s: path is %s", call, path ? "empty" : "NULL"), NULL : NULL;
    char *copy = heap_copy_text(path);
    return copy ? copy : (ct_fail("%s: out of memory", call), NULL);
}

bool log_is_ours(const ct_run *run, const char *path)
{
    struct stat there;
    const char *slash = strrchr(path, '/');
    char folder[4096];
    if (slash && slash > path && (size_t)(slash - path) < sizeof folder) {
        memcpy(folder, path, (size_t)(slash - path));
        folder[slash - path] = 0;
        if (!folder_make(folder))
            return false;
    }
    if (!ct_run_is_resumed(run) && !stat(path, &there))
        return ct_fail("%s is there already, from another run: go on from that with .resume, or name another file", path) != NULL;
    return true;
}
