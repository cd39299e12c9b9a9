/* Scopes: each thread keeps one stack of the tensors it owns, and a scope is a stretch of it. Opening is a mark, closing pops
 * down to it, and promoting swaps a tensor to the bottom of its scope's stretch and moves the mark up by one. */
#include "internal.h"

#include <pthread.h>

#include "kernels/gemm.h"
#include "kernels/pool.h"

_Thread_local struct thread thread_state;

static pthread_key_t end_key;
static pthread_once_t end_once = PTHREAD_ONCE_INIT;

static void close_scopes(uint32_t count)
{
    struct thread *self = &thread_state;
    uint32_t first = count < self->scope_count ? self->scopes[count].first : 0;
    if (count < self->scope_count)
        self->place = self->scopes[count].place_before;
    self->scope_count = count;
    while (self->owned_count > first) {
        ct_tensor *t = self->owned[--self->owned_count];
        t->thread = NULL;
        tensor_drop(t);
    }
}

static void close_everything(void)
{
    struct thread *self = &thread_state;
    self->scope_count = 0, self->place = 0;
    close_scopes(0);
    memory_put(self->owned, self->owned_room * sizeof *self->owned);
    heap_free(self->scopes);
    self->owned = NULL, self->owned_room = 0;
    self->scopes = NULL, self->scope_room = 0;
    gemm_shutdown();
    memory_thread_end();
    self->registered = false;
}

static void thread_end(void *unused)
{
    (void)unused;
    close_everything();
}

static void make_end_key(void)
{
    pthread_key_create(&end_key, thread_end);
}

void thread_register(void)
{
    pthread_once(&end_once, make_end_key);
    pthread_setspecific(end_key, &thread_state);
    thread_state.registered = true;
}

void ct_shutdown(void)
{
    close_everything();
    pool_shutdown();
    ct_memory_trim();
}

/* ---- Owning -------------------------------------------------------------------------------------------------------------- */
static bool grow_owned(struct thread *self)
{
    if (!self->registered)
        thread_register();
    uint32_t room = self->owned_room ? self->owned_room * 2 : 256;
    ct_tensor **owned = room > self->owned_room ? memory_get(room * sizeof *owned) : NULL;
    if (!owned)
        return false;
    if (self->owned_count)
        memcpy(owned, self->owned, self->owned_count * sizeof *owned);
    memory_put(self->owned, self->owned_room * sizeof *owned);
    self->owned = owned;
    self->owned_room = room;
    return true;
}

bool scope_own(ct_tensor *t)
{
    struct thread *self = &thread_state;
    if (UNLIKELY(self->owned_count == self->owned_room) && !grow_owned(self))
        return false;
    t->thread = self;
    t->slot = self->owned_count;
    self->owned[self->owned_count++] = t;
    return true;
}

bool scope_adopt(ct_tensor *t)
{
    if (!t->thread && scope_own(t))
        return true;
    bool owned = t->thread != NULL;
    tensor_drop(t);
    return owned || ct_fail("out of memory for the list of owned tensors");
}

ct_tensor *ct_keep(ct_tensor *t)
{
    if (t)
        tensor_retain(t);
    return t;
}

void ct_release(ct_tensor *t)
{
    if (!t)
        return;
    if (t->thread && atomic_load_explicit(&t->refs, memory_order_relaxed) == 1)
        ct_fail("release: %s %s has no owner but its scope: want a ct_keep for each ct_release", ct_dtype_name((ct_dtype)t->dtype), SHAPE(t));
    else
        tensor_drop(t);
}

ct_tensor *ct_promote(ct_tensor *t)
{
    struct thread *self = &thread_state;
    if (!t || t->thread != self || !self->scope_count)
        return t;
    struct scope *inner = &self->scopes[self->scope_count - 1];
    if (t->slot < inner->first)
        return t;
    ct_tensor *bottom = self->owned[inner->first];
    self->owned[t->slot] = bottom, bottom->slot = t->slot;
    self->owned[inner->first] = t, t->slot = inner->first;
    inner->first++;
    return t;
}

/* ---- Opening and closing --------------------------------------------------------------------------------------------------- */
static struct scope *open_scope(const char *mark)
{
    struct thread *self = &thread_state;
    if (self->scope_count == self->scope_room) {
        if (!self->registered)
            thread_register();
        uint32_t room = self->scope_room ? self->scope_room * 2 : 64;
        struct scope *scopes = heap_resize(self->scopes, room * sizeof *scopes);
        if (!scopes)
            return ct_fail("scope: out of memory");
        self->scopes = scopes, self->scope_room = room;
    }
    struct scope *s = &self->scopes[self->scope_count++];
    *s = (struct scope){.serial = ++self->last_serial, .mark = mark, .place_before = self->place, .first = self->owned_count};
    return s;
}

ct_scope ct_scope_open(void)
{
    struct scope *s = open_scope(NULL);
    return s ? s->serial : 0;
}

void ct_scope_close(ct_scope scope)
{
    for (uint32_t i = thread_state.scope_count; i-- > 0 && scope;)
        if (thread_state.scopes[i].serial == scope) {
            close_scopes(i);
            return;
        }
}

char ct_scope_enter_(char *mark)
{
    open_scope(mark);
    return 0;
}

void ct_scope_leave_(char *mark)                /* looks at the address only: a goto may have skipped the declaration */
{
    for (uint32_t i = thread_state.scope_count; i-- > 0;)
        if (thread_state.scopes[i].mark == mark) {
            close_scopes(i);
            return;
        }
}
