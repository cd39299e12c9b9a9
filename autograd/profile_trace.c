/* A profile as trace events, which Perfetto and Chrome open: https://docs.google.com/document/d/1CvAClvFfyA5R-PhYUmn5OOQtYMH4h6I0nSsKchNAySU */
#include <errno.h>
#include <math.h>

#include "place.h"
#include "profile_events.h"

static void put_text(FILE *f, const char *text) /* as JSON wants it; the inside of the quotes */
{
    for (; *text; text++)
        if (*text == '"' || *text == '\\')
            fprintf(f, "\\%c", *text);
        else if ((unsigned char)*text < 0x20)
            fprintf(f, "\\u%04x", (unsigned)(unsigned char)*text);
        else
            fputc(*text, f);
}

static void put_shape(FILE *f, const struct event *e, int which)
{
    const int rank = e->ranks[which] - 1, axes = rank < EVENT_AXES ? rank : EVENT_AXES;
    fputs(rank > axes ? "(..., " : "(", f);
    for (int i = 0; i < axes; i++)
        fprintf(f, i ? ", %d" : "%d", (int)e->sizes[which][i]);
    fputs(")", f);
}

static double nanosecond(const struct profile *p, uint64_t tick) /* a whole one: an event shall end within its outer one, or Perfetto drops it */
{
    return rint(1e9 * event_seconds(p, tick - p->start));
}

static void put_event(FILE *f, const struct profile *p, const struct event *e, unsigned thread)
{
    static const char *const categories[] = {[EVENT_OP] = "op", [EVENT_VJP] = "backward", [EVENT_MODULE] = "module", [EVENT_SPAN] = "span"};
    const char *path = place_path(e->place);
    const double start = nanosecond(p, e->start), end = nanosecond(p, e->end);
    fputs(",\n{\"name\":\"", f);
    put_text(f, e->kind == EVENT_MODULE && *path ? path : e->name);
    fprintf(f, "%s\",\"cat\":\"%s\",\"ph\":\"X\",\"ts\":%.3f,\"dur\":%.3f,\"pid\":1,\"tid\":%u,\"args\":{", e->kind == EVENT_VJP ? " backward" : "",
            categories[e->kind], start / 1e3, (end - start) / 1e3, thread + 1);
    fputs("\"module\":\"", f);
    put_text(f, path);
    fputs("\"", f);
    if (e->ranks[0]) {
        fputs(e->kind == EVENT_VJP ? ",\"cotangent\":\"" : ",\"result\":\"", f);
        put_shape(f, e, 0);
        fputs("\",\"operands\":\"", f);
        for (int i = 1; i < EVENT_SHAPES && e->ranks[i]; i++) {
            fputs(i > 1 ? " " : "", f);
            put_shape(f, e, i);
        }
        fprintf(f, "\",\"flops\":%.0f,\"bytes\":%.0f", e->flops, e->bytes);
    }
    fputs("}}", f);
}

bool profile_write(const struct profile *p, const char *path)
{
    FILE *f = fopen(path, "w");
    if (!f)
        return ct_fail("profile_end: %s: %s", path, strerror(errno)) != NULL;
    fputs("{\"displayTimeUnit\":\"ns\",\"traceEvents\":[\n{\"name\":\"process_name\",\"ph\":\"M\",\"pid\":1,\"tid\":0,\"args\":{\"name\":\"cotangent\"}}", f);
    for (const struct events *e = p->threads; e; e = e->next) {
        fprintf(f, ",\n{\"name\":\"thread_name\",\"ph\":\"M\",\"pid\":1,\"tid\":%u,\"args\":{\"name\":\"thread %u\"}}", e->number + 1, e->number + 1);
        for (uint32_t i = 0; i < e->count; i++)
            put_event(f, p, &e->list[i], e->number);
    }
    fputs("\n]}\n", f);
    const bool failed = ferror(f);
    if (fclose(f) || failed)
        return ct_fail("profile_end: %s: %s", path, strerror(errno)) != NULL;
    return true;
}
