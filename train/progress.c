/* A bar that redraws itself. Nothing here is ever an error: without memory or a terminal there is just less to see. */
#define _GNU_SOURCE
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "autograd/memory.h"
#include "train/progress.h"

enum { TEXT_BYTES = 256, LINE_BYTES = 1024, BAR_CELLS = 30, REDRAWS_A_SECOND = 10 };

struct ct_progress {
    FILE *file;
    char *label;
    int64_t total, done, before;                /* before: done when it began */
    double start, drawn;                        /* seconds; drawn: when last */
    bool terminal;
    int shown;                                  /* columns that the latest drawing took */
};

double train_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

ct_progress *progress_begin(FILE *file, const char *label, int64_t total, int64_t done, double since, bool plain)
{
    ct_progress *self = file ? heap_zeroed(1, sizeof *self) : NULL;
    char *copy = self ? heap_copy_text(label ? label : "") : NULL;
    if (!copy) {
        heap_free(self);
        return NULL;
    }
    int number = fileno(file);
    *self = (ct_progress){.file = file, .label = copy, .total = total, .done = done, .before = done, .start = since,
                          .terminal = !plain && number >= 0 && isatty(number)};
    return self;
}

ct_progress *ct_progress_begin(FILE *file, const char *label, int64_t total)
{
    return progress_begin(file, label, total, 0, train_now(), false);
}

/* The last column stays free: some terminals wrap as soon as it is written. */
static int columns_to_use(FILE *file)
{
    const char *text = getenv("COLUMNS");
    int columns = text ? atoi(text) : 0;
    struct winsize size;
    if (columns < 1 && !ioctl(fileno(file), TIOCGWINSZ, &size))
        columns = size.ws_col;
    if (columns < 1)
        columns = 80;
    return (columns < LINE_BYTES ? columns : LINE_BYTES) - 1;
}

/* Bytes of text that fill at most this many columns, whole UTF-8 characters only. */
static int fit(const char *text, int columns, int *used)
{
    int i = 0;
    for (*used = 0; text[i] && (*used < columns || ((unsigned char)text[i] & 0xc0) == 0x80); i++)
        *used += ((unsigned char)text[i] & 0xc0) != 0x80;
    return i;
}

static void show(ct_progress *self, const char *line, int columns)
{
    int used, bytes = fit(line, columns, &used);
    const int blank = self->shown < columns ? self->shown : columns; /* the terminal may have become smaller */
    fprintf(self->file, "\r%.*s%*s", bytes, line, blank > used ? blank - used : 0, "");
    fflush(self->file);
    self->shown = used;
}

static int print_clock(char *text, size_t bytes, double seconds)
{
    long s = seconds < 359999 ? (long)(seconds + 0.5) : 359999;
    return s < 3600 ? snprintf(text, bytes, "%ld:%02ld", s / 60, s % 60)
                    : snprintf(text, bytes, "%ld:%02ld:%02ld", s / 3600, s / 60 % 60, s % 60);
}

static void print_bar(char *text, int cells, double share)
{
    int filled = (int)(share * cells);
    text[0] = '[';
    for (int i = 0; i < cells; i++)
        text[1 + i] = i < filled ? '=' : i == filled ? '>' : ' ';
    strcpy(text + 1 + cells, "] ");
}

static void draw(ct_progress *self, const char *text, double time)
{
    char counts[64] = "", times[96], bar[BAR_CELLS + 4] = "", elapsed[32], remaining[32], line[LINE_BYTES];
    double took = time - self->start, rate = took > 0 ? (double)(self->done - self->before) / took : 0;
    double share = self->total > 0 ? (double)self->done / (double)self->total : 0;
    share = share < 1 ? share : 1;
    print_clock(elapsed, sizeof elapsed, took);
    print_clock(remaining, sizeof remaining, rate > 0 ? ((double)self->total - (double)self->done) / rate : 0);
    if (self->total > 0) {
        snprintf(counts, sizeof counts, "%3.0f %% ", 100 * share);
        snprintf(times, sizeof times, "%.*f steps/s  %s, %s left", rate < 10, rate, elapsed, remaining);
    } else {
        snprintf(times, sizeof times, "%lld steps  %.*f steps/s  %s", (long long)self->done, rate < 10, rate, elapsed);
    }
    int columns = columns_to_use(self->file), words;
    snprintf(line, sizeof line, "%s  %s%s  %s", self->label, counts, times, text);
    fit(line, LINE_BYTES, &words);
    int cells = columns - words - 3 < BAR_CELLS ? columns - words - 3 : BAR_CELLS;
    if (self->total > 0 && cells >= 5) {        /* the bar has what the words leave over */
        print_bar(bar, cells, share);
        snprintf(line, sizeof line, "%s  %s%s%s  %s", self->label, counts, bar, times, text);
    }
    show(self, line, columns);
    self->drawn = time;
}

bool progress_is_due(const ct_progress *self)
{
    return self && self->terminal && train_now() - self->drawn >= 1.0 / REDRAWS_A_SECOND;
}

void ct_progress_step(ct_progress *self, const char *format, ...)
{
    if (!self)
        return;
    self->done++;
    if (!progress_is_due(self))
        return;
    char text[TEXT_BYTES] = "";
    va_list arguments;
    va_start(arguments, format);
    if (format)
        vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    draw(self, text, train_now());
}

void ct_progress_end(ct_progress *self, const char *format, ...)
{
    if (!self)
        return;
    char text[TEXT_BYTES] = "";
    va_list arguments;
    va_start(arguments, format);
    if (format)
        vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (self->terminal && self->shown)          /* the line that stays may be wider than the terminal */
        show(self, "", columns_to_use(self->file)), fputc('\r', self->file);
    double took = train_now() - self->start;
    const char *between = *self->label && *text ? ": " : "";
    fprintf(self->file, "%s%s%s (%.*f s)\n", self->label, between, text, took < 10 ? 2 : 1, took);
    fflush(self->file);
    heap_free(self->label);
    heap_free(self);
}
