/* What a profile is made of, for the files that gather, print and write it. */
#ifndef COTANGENT_PROFILE_EVENTS_H
#define COTANGENT_PROFILE_EVENTS_H
#include "inspecting.h"
#include "profile.h"

enum event_kind { EVENT_OP, EVENT_VJP, EVENT_MODULE, EVENT_SPAN };
enum { EVENT_SHAPES = 3, EVENT_AXES = 4 };      /* the result and two operands, the last axes of each */
struct event {                                  /* those inside it stand before it, the nearest last: a tree in post-order */
    uint64_t start, end;                        /* ticks */
    const char *name;
    double flops, bytes;
    uint32_t inside;                            /* number of events inside it */
    uint16_t place;
    uint8_t kind, ranks[EVENT_SHAPES];          /* rank + 1; 0: absent */
    int32_t sizes[EVENT_SHAPES][EVENT_AXES];
};
struct events {                                 /* of one thread */
    struct events *next;
    uint64_t serial;                            /* of the profile */
    uint32_t number, count, dropped, begun_count, entered_count;
    struct { const char *name; uint64_t start; } begun[16]; /* ops that have allocated and not ended */
    struct { uint64_t scope, start; } entered[64]; /* modules */
    struct event list[];
};
struct profile {
    struct events *threads;
    uint64_t start, end;
    double ticks_per_second, peak_flops, peak_bytes; /* a second */
};
static inline double event_seconds(const struct profile *p, uint64_t ticks)
{
    return (double)ticks / p->ticks_per_second;
}

double op_flops(const char *name, const ct_tensor *y, ct_tensor *const *inputs, size_t count);
double tensor_traffic(const ct_tensor *t);      /* bytes of its elements, each once */
double backward_flops(const char *name, double forward); /* of a kernel that does it in one: a multiple of the forward's */
bool machine_floor(double *flops, double *bytes); /* by a short measurement, once a process */
bool profile_print(const struct profile *p, FILE *file);
bool profile_write(const struct profile *p, const char *path);
#endif
