/* What tests of files share: a folder of their own, and the pending failure's text. */
#ifndef COTANGENT_TEMP_FOLDER_H
#define COTANGENT_TEMP_FOLDER_H
#include <autograd/autograd.h>

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[] = "/tmp/cotangent_test_XXXXXX";

__attribute__((unused)) static const char *path_of(const char *name) /* valid for four more calls */
{
    static char path[4][256];
    static int turn;
    turn = (turn + 1) % 4;
    snprintf(path[turn], sizeof *path, "%s/%s", folder, name);
    return path[turn];
}

static int make_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) ? 0 : -1;
}

__attribute__((unused)) static int remove_folder(void **state)          /* fails if a test left a file behind */
{
    (void)state;
    return rmdir(folder);
}

__attribute__((unused)) static int count_files(void)
{
    DIR *open = opendir(folder);
    int count = -2;                             /* "." and ".." */
    while (readdir(open))
        count++;
    closedir(open);
    return count;
}

__attribute__((unused)) static void assert_error(const char *part) /* clears it */
{
    if (!strstr(ct_error(), part))
        fail_msg("error \"%s\" does not say \"%s\"", ct_error(), part);
    ct_error_clear();
}

__attribute__((unused)) static void assert_fine(void)
{
    if (!ct_ok())
        fail_msg("%s", ct_error());
}
#endif
