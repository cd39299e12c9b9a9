/* download_bar.c - how far a download has come, for a person. */
#define _GNU_SOURCE
#include "download.h"

#include <time.h>
#include <unistd.h>

enum { CELLS = 30, REDRAWS_A_SECOND = 10 };

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

struct download_bar download_bar(FILE *file, const char *name)
{
    const int number = file ? fileno(file) : -1;
    return (struct download_bar){.file = file, .name = name, .start = now(), .is_terminal = number >= 0 && isatty(number)};
}

void download_bar_show(void *of, int64_t done, int64_t total)
{
    struct download_bar *bar = of;
    const double time = now();
    if (!bar->is_terminal || time - bar->drawn < 1.0 / REDRAWS_A_SECOND)
        return;
    bar->drawn = time;
    char cells[CELLS + 1];
    const double share = total > 0 && done <= total ? (double)done / (double)total : 0;
    for (int i = 0; i < CELLS; i++)
        cells[i] = i < (int)(share * CELLS) ? '=' : i == (int)(share * CELLS) ? '>' : ' ';
    cells[CELLS] = 0;
    if (total > 0)
        fprintf(bar->file, "\r%s %3.0f %% [%s] %.1f of %.1f MB", bar->name, 100 * share, cells, (double)done / 1e6, (double)total / 1e6);
    else
        fprintf(bar->file, "\r%s %.1f MB", bar->name, (double)done / 1e6);
    fflush(bar->file);
}

void download_bar_end(struct download_bar *bar, int64_t bytes, bool good)
{
    if (!bar->file)
        return;
    if (bar->drawn > 0)
        fprintf(bar->file, "\r\033[K");          /* the line that stays is shorter */
    if (good)
        fprintf(bar->file, "%s: %.1f MB (%.1f s)\n", bar->name, (double)bytes / 1e6, now() - bar->start);
    fflush(bar->file);
}
