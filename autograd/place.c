/* Paths of places, each stored once, for as long as the process runs. */
#include "place.h"

#include <pthread.h>

#include "inspect.h"
#include "internal.h"

enum { MOST = 1 << 13, SLOTS = 2 * MOST, TEXT = 1 << 19, ELSEWHERE = 1 };

static struct {
    pthread_mutex_t lock;
    uint32_t count, used;                       /* places; bytes of text */
    uint32_t start[MOST];
    uint16_t slots[SLOTS];                      /* hashed; 0: empty */
    char text[TEXT];
} places = {.lock = PTHREAD_MUTEX_INITIALIZER};

static uint32_t add(const char *path)
{
    const size_t bytes = strlen(path) + 1;
    if (places.count == MOST || bytes > TEXT - places.used)
        return ELSEWHERE;
    places.start[places.count] = places.used;
    memcpy(places.text + places.used, path, bytes);
    places.used += (uint32_t)bytes;
    return places.count++;
}

unsigned place_number(const char *path)
{
    uint32_t at = 2166136261u, found;
    for (const char *c = path; *c; c++)
        at = (at ^ (unsigned char)*c) * 16777619u;
    pthread_mutex_lock(&places.lock);
    if (!places.count)
        add(""), add("elsewhere");
    while ((found = places.slots[at %= SLOTS]) && strcmp(places.text + places.start[found], path))
        at++;
    if (!found && (found = add(path)) != ELSEWHERE)
        places.slots[at] = (uint16_t)found;
    pthread_mutex_unlock(&places.lock);
    return found;
}

const char *place_path(unsigned number)         /* what stands there never changes */
{
    return number ? places.text + places.start[number] : "";
}

void scope_place(unsigned number)
{
    thread_state.place = (uint16_t)number;
}

void ct_scope_name(const char *path)
{
    scope_place(path && *path ? place_number(path) : 0);
}
