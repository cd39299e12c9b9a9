/* Events of ops and of whatever else wants to be seen in a profile. All of it does nothing while none is being taken. */
#ifndef COTANGENT_PROFILE_H
#define COTANGENT_PROFILE_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A stretch of a function: `PROFILE_SPAN("step");` until its block ends. The name is a literal. */
struct span {
    const char *name;                           /* NULL: no profile was being taken */
    uint64_t start;
};
struct span span_begin(const char *name);
void span_end(struct span *span);
#define PROFILE_SPAN(name) struct span span_ __attribute__((cleanup(span_end), unused)) = span_begin(name)

void profile_enter(uint64_t scope);             /* a module's forward, in a scope of its own that has its place */
void profile_leave(uint64_t scope);
#endif
