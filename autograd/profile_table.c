/* A profile as two tables: by op and by module, the longest first. */
#include <stdlib.h>

#include "place.h"
#include "profile_events.h"

enum { MOST_ROWS = 30 };
struct row {
    const char *name;
    uint64_t calls;
    double forward, backward, flops, bytes, floor; /* seconds; what the machine would have needed */
};
struct rows {
    struct row *list;
    size_t count, room;
};

static struct row *row_of(struct rows *rows, const char *name)
{
    for (size_t i = 0; i < rows->count; i++)
        if (rows->list[i].name == name || !strcmp(rows->list[i].name, name))
            return &rows->list[i];
    if (rows->count == rows->room) {
        const size_t room = rows->room ? 2 * rows->room : 64;
        struct row *more = heap_resize(rows->list, room * sizeof *more);
        if (!more)
            return ct_fail("profile_end: out of memory");
        rows->list = more, rows->room = room;
    }
    rows->list[rows->count] = (struct row){.name = name};
    return &rows->list[rows->count++];
}

static double own_seconds(const struct profile *p, const struct event *e)
{
    uint64_t ticks = e->end - e->start;         /* less what is inside */
    const struct event *inner = e - 1;
    for (uint32_t left = e->inside; left; left -= 1 + inner->inside, inner -= 1 + inner->inside)
        ticks -= inner->end - inner->start;
    return event_seconds(p, ticks);
}

static void add_event(struct row *row, const struct profile *p, const struct event *e, double seconds)
{
    const double compute = e->flops / p->peak_flops, traffic = e->bytes / p->peak_bytes;
    *(e->kind == EVENT_VJP ? &row->backward : &row->forward) += seconds;
    row->flops += e->flops, row->bytes += e->bytes, row->floor += compute > traffic ? compute : traffic;
}

/* To its module and those that this is a part of: "a.b.c", "a.b", "a". */
static bool add_to_modules(struct rows *rows, const struct profile *p, const struct event *e, double seconds)
{
    char path[512];
    snprintf(path, sizeof path, "%s", place_path(e->place));
    for (char *dot = path; *path && dot; ) {
        struct row *row = row_of(rows, place_path(place_number(path)));
        if (!row)
            return false;
        add_event(row, p, e, seconds);
        if ((dot = strrchr(path, '.')))
            *dot = 0;
    }
    return true;
}

static bool gather(struct rows *ops, struct rows *modules, const struct profile *p, const struct events *from)
{
    for (uint32_t i = from->count; i-- > 0;) {
        const struct event *e = &from->list[i];
        if (e->kind == EVENT_MODULE) {          /* its ops stand for its time */
            struct row *row = row_of(modules, place_path(e->place));
            if (!row)
                return false;
            row->calls++;
            continue;
        }
        const double seconds = e->kind == EVENT_VJP ? event_seconds(p, e->end - e->start) : own_seconds(p, e);
        struct row *row = row_of(ops, e->name);
        if (!row)
            return false;
        add_event(row, p, e, seconds);
        row->calls += e->kind != EVENT_VJP;
        if (e->kind != EVENT_SPAN && !add_to_modules(modules, p, e, seconds))
            return false;
        if (e->kind == EVENT_VJP)               /* what it is made of is in it */
            i -= e->inside;
    }
    return true;
}

static int by_time(const void *a, const void *b)
{
    const struct row *x = a, *y = b;
    const double s = x->forward + x->backward, t = y->forward + y->backward;
    return s != t ? (s < t ? 1 : -1) : strcmp(x->name, y->name);
}

static void print_number(FILE *file, int width, const char *format, double number)
{
    char text[32] = "-";
    if (number > 0)
        snprintf(text, sizeof text, format, number);
    fprintf(file, "  %*s", width, text);
}

static void print_rows(FILE *file, const char *title, struct rows *rows, double whole)
{
    size_t width = 24;
    if (rows->count > 1)
        qsort(rows->list, rows->count, sizeof *rows->list, by_time);
    const size_t shown = rows->count < MOST_ROWS ? rows->count : MOST_ROWS;
    for (size_t i = 0; i < shown; i++)
        width = strlen(rows->list[i].name) > width ? strlen(rows->list[i].name) : width;
    fprintf(file, "%-*s  %7s  %10s  %11s  %6s  %8s  %6s  %5s\n", (int)width, title, "calls", "forward ms", "backward ms", "share", "GFLOP/s", "GB/s", "floor");
    for (size_t i = 0; i < shown; i++) {
        const struct row *r = &rows->list[i];
        const double seconds = r->forward + r->backward, per = seconds > 0 ? 1 / seconds : 0;
        fprintf(file, "%-*s  %7llu", (int)width, r->name, (unsigned long long)r->calls);
        print_number(file, 10, "%.3f", 1e3 * r->forward);
        print_number(file, 11, "%.3f", 1e3 * r->backward);
        print_number(file, 6, "%.1f%%", 100 * seconds / whole);
        print_number(file, 8, "%.1f", 1e-9 * r->flops * per);
        print_number(file, 6, "%.1f", 1e-9 * r->bytes * per);
        print_number(file, 5, "%.0f%%", 100 * r->floor * per);
        fputc('\n', file);
    }
    if (shown < rows->count)
        fprintf(file, "... and %zu more\n", rows->count - shown);
}

bool profile_print(const struct profile *p, FILE *file)
{
    struct rows ops = {0}, modules = {0};
    const double whole = event_seconds(p, p->end - p->start);
    unsigned long long events = 0, dropped = 0;
    double seen = 0;
    bool ok = true;
    for (const struct events *e = p->threads; e && ok; e = e->next) {
        events += e->count, dropped += e->dropped;
        ok = gather(&ops, &modules, p, e);
    }
    for (size_t i = 0; i < ops.count; i++)
        seen += ops.list[i].forward + ops.list[i].backward;
    if (ok) {
        fprintf(file, "%.3f ms, of them %.3f in %llu events; the floor: %.0f GFLOP/s and %.0f GB/s on %d threads\n", 1e3 * whole, 1e3 * seen, events,
                1e-9 * p->peak_flops, 1e-9 * p->peak_bytes, ct_num_threads());
        if (dropped)
            fprintf(file, "%llu more events found no room: .events makes more\n", dropped);
        print_rows(file, "op", &ops, whole);
        if (modules.count)
            fputc('\n', file), print_rows(file, "module", &modules, whole);
        ok = !ferror(file) || ct_fail("profile_end: the table cannot be written");
    }
    heap_free(ops.list), heap_free(modules.list);
    return ok;
}
