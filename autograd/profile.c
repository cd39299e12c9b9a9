/* Taking a profile: when ops ran, how long, and on how much.
 *
 * An op has two doors that all of them pass: its result's allocation, before the kernel, and graph_record, behind it. Between those lies the
 * event. Each thread writes into a list of its own. */
#include <time.h>

#include "inspect.h"
#include "place.h"
#include "profile_events.h"
#include "raw.h"

const ct_profile_options ct_profile_defaults = {CT_PROFILE_DEFAULTS .end_ = 0};

static struct {
    _Atomic(struct events *) threads;
    atomic_uint thread_count;
    atomic_bool failed;
    _Atomic uint64_t serial;                    /* odd while a profile is being taken */
    uint64_t start;
    struct timespec clock;
    ct_profile_options options;
} taking;

static _Thread_local struct events *own __attribute__((tls_model("initial-exec")));

static inline uint64_t ticks(void)
{
#if defined(__x86_64__)
    return __builtin_ia32_rdtsc();
#else
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
#endif
}

/* ---- A thread's list ---------------------------------------------------------------------------------------------------------------- */
static struct events *new_list(uint64_t serial)
{
    struct events *e = heap_zeroed(1, sizeof *e + (size_t)taking.options.events * sizeof *e->list); /* pages come as they are written */
    if (!e) {
        atomic_store(&taking.failed, true);
        return own = NULL;
    }
    e->serial = serial;
    e->number = atomic_fetch_add(&taking.thread_count, 1);
    e->next = atomic_load(&taking.threads);
    while (!atomic_compare_exchange_weak(&taking.threads, &e->next, e))
        continue;
    return own = e;
}

static atomic_uint_fast64_t latest;             /* the serial that `own` may be of: an older list is gone */
static _Thread_local uint64_t own_serial __attribute__((tls_model("initial-exec")));

static inline struct events *list(void)
{
    if (LIKELY(!(inspected() & PROFILE)))
        return NULL;
    const uint64_t serial = atomic_load_explicit(&latest, memory_order_relaxed);
    if (LIKELY(own_serial == serial))
        return own;
    own_serial = serial;
    return new_list(serial);
}

static struct event *add(struct events *e, enum event_kind kind, const char *name, uint64_t start)
{
    if (UNLIKELY(e->count == (uint64_t)taking.options.events)) {
        e->dropped++;
        return NULL;
    }
    start = start > taking.start ? start : taking.start; /* it may have begun in an earlier profile */
    while (e->begun_count && e->begun[e->begun_count - 1].start >= start) /* inside this one, and never ended */
        e->begun_count--;
    struct event *new = &e->list[e->count];
    uint32_t first = e->count;
    while (first && e->list[first - 1].start >= start)
        first -= 1 + e->list[first - 1].inside;
    new->start = start, new->name = name, new->kind = (uint8_t)kind, new->place = thread_state.place;
    new->inside = e->count - first;
    new->flops = new->bytes = 0;
    memset(new->ranks, 0, sizeof new->ranks);
    e->count++;
    new->end = ticks();
    return new;
}

static void note_shape(struct event *event, int which, const ct_tensor *t)
{
    event->ranks[which] = (uint8_t)(t->rank + 1);
    const int axes = t->rank < EVENT_AXES ? t->rank : EVENT_AXES;
    for (int i = 0; i < axes; i++) {
        const int64_t size = t->sizes[t->rank - axes + i];
        event->sizes[which][i] = size < INT32_MAX ? (int32_t)size : INT32_MAX;
    }
}

/* ---- Ops ------------------------------------------------------------------------------------------------------------------------------- */
void profile_op_begin(const char *name)
{
    struct events *e = list();
    if (!e || (e->begun_count && e->begun[e->begun_count - 1].name == name)) /* a second allocation of one op */
        return;
    if (e->begun_count == COUNT_OF(e->begun)) { /* those at the bottom never ended: they are no ops, or failed */
        memmove(e->begun, e->begun + 1, sizeof e->begun - sizeof *e->begun);
        e->begun_count--;
    }
    e->begun[e->begun_count].name = name;
    e->begun[e->begun_count++].start = ticks();
}

static bool is_start_of(const char *a, const char *b) /* "batch_norm" begins what ends as "batch_norm_relu" */
{
    return !strncmp(a, b, strlen(a));
}

void profile_op_end(const char *name, ct_tensor *y, ct_tensor *const *inputs, size_t count)
{
    struct events *e = list();
    if (!e)
        return;
    uint32_t at = e->begun_count;
    while (at-- > 0 && name && e->begun[at].name != name && !is_start_of(e->begun[at].name, name))
        continue;
    if (at == UINT32_MAX && e->begun_count)     /* under another name: the latest that no event came behind */
        at = !e->count || e->begun[e->begun_count - 1].start > e->list[e->count - 1].end ? e->begun_count - 1 : UINT32_MAX;
    const uint64_t start = at < e->begun_count ? e->begun[at].start : ticks();
    name = name ? name : at < e->begun_count ? e->begun[at].name : "op";
    struct event *event = add(e, EVENT_OP, name, start);
    if (!event)
        return;
    note_shape(event, 0, y);
    bool is_view = false;
    for (size_t i = 0, noted = 1; i < count; i++)
        if (inputs[i]) {
            is_view |= inputs[i]->storage == y->storage && inputs[i] != y;
            if (noted < EVENT_SHAPES)
                note_shape(event, (int)noted++, inputs[i]);
        }
    if (is_view)
        return;
    event->flops = op_flops(name, y, inputs, count);
    event->bytes = tensor_traffic(y);
    for (size_t i = 0; i < count; i++)
        event->bytes += inputs[i] && inputs[i]->storage ? tensor_traffic(inputs[i]) : 0;
}

struct span profile_vjp_begin(void)
{
    return span_begin("backward");
}

void profile_vjp_end(const struct span *span, ct_node *node, ct_tensor *const *cotangents, ct_tensor *const *gradients)
{
    struct events *e = span->name ? list() : NULL;
    if (!e)
        return;
    const char *name = node->op->name;
    if ((const char *)node->op >= (const char *)node && (const char *)node->op < (const char *)node + node->bytes)
        name = place_path(place_number(name));  /* a user's op: its name goes with the node */
    struct event *event = add(e, EVENT_VJP, name, span->start);
    if (!event)
        return;
    event->place = node->place;
    for (size_t i = 0; i < node->output_count; i++)
        if (cotangents[i]) {
            event->bytes += tensor_traffic(cotangents[i]);
            note_shape(event, 0, cotangents[i]);
        }
    ct_tensor *operands[8] = {NULL};
    bool is_view = false;
    for (size_t i = 0, noted = 1; i < node->input_count; i++) {
        const struct edge *in = &node->edges[i];
        event->bytes += in->reads && in->tensor && in->tensor->storage ? tensor_traffic(in->tensor) : 0;
        event->bytes += gradients[i] && gradients[i]->storage ? tensor_traffic(gradients[i]) : 0;
        is_view |= gradients[i] && cotangents[0] && gradients[i]->storage == cotangents[0]->storage;
        if (i < COUNT_OF(operands))
            operands[i] = in->tensor;
        if (in->tensor && noted < EVENT_SHAPES)
            note_shape(event, (int)noted++, in->tensor);
    }
    if (is_view || event->inside)               /* what it is made of tells better */
        event->bytes = 0;
    const size_t count = node->input_count < COUNT_OF(operands) ? node->input_count : COUNT_OF(operands);
    const struct event *inner = event - 1;
    for (uint32_t left = event->inside; left; left -= 1 + inner->inside, inner -= 1 + inner->inside)
        event->flops += inner->flops, event->bytes += inner->bytes;
    if (!event->inside && !is_view && cotangents[0])
        event->flops = backward_flops(name, op_flops(name, cotangents[0], operands, count));
}

/* ---- Spans and modules ----------------------------------------------------------------------------------------------------------------- */
struct span span_begin(const char *name)
{
    return list() ? (struct span){name, ticks()} : (struct span){0};
}

void span_end(struct span *span)
{
    struct events *e = span->name ? list() : NULL;
    if (!e)
        return;
    add(e, EVENT_SPAN, span->name, span->start);
}

void profile_enter(uint64_t scope)
{
    struct events *e = list();
    if (!e || e->entered_count == COUNT_OF(e->entered))
        return;
    e->entered[e->entered_count].scope = scope;
    e->entered[e->entered_count++].start = ticks();
}

void profile_leave(uint64_t scope)
{
    struct events *e = list();
    if (!e)
        return;
    for (uint32_t i = e->entered_count; i-- > 0;)
        if (e->entered[i].scope == scope) {
            e->entered_count = i;
            add(e, EVENT_MODULE, "forward", e->entered[i].start);
            return;
        }
}

/* ---- Beginning and ending --------------------------------------------------------------------------------------------------------------- */
bool(ct_profile_begin)(const ct_profile_options *options)
{
    const ct_profile_options o = options ? *options : ct_profile_defaults;
    if (o.events < 1 || o.events > 1 << 26)
        return ct_fail("profile_begin: room for %lld events: want 1 to %d", (long long)o.events, 1 << 26) != NULL;
    if (!(o.peak_gflops >= 0) || !(o.peak_gbytes >= 0))
        return ct_fail("profile_begin: peaks of %g GFLOP/s and %g GB/s: want at least 0", o.peak_gflops, o.peak_gbytes) != NULL;
    uint64_t serial = atomic_load(&taking.serial);
    if (serial & 1 || !atomic_compare_exchange_strong(&taking.serial, &serial, serial + 1))
        return ct_fail("profile_begin: a profile is being taken") != NULL;
    taking.options = o;
    atomic_store(&taking.failed, false);
    atomic_store(&taking.thread_count, 0);
    atomic_store(&taking.threads, NULL);
    atomic_store(&latest, serial + 1);
    clock_gettime(CLOCK_MONOTONIC, &taking.clock);
    taking.start = ticks();
    atomic_fetch_or(&inspecting, PROFILE);
    return true;
}

static double elapsed(struct timespec from)
{
    struct timespec to;
    clock_gettime(CLOCK_MONOTONIC, &to);
    return (double)(to.tv_sec - from.tv_sec) + 1e-9 * (double)(to.tv_nsec - from.tv_nsec);
}

bool ct_profile_end(FILE *table, const char *trace)
{
    uint64_t serial = atomic_load(&taking.serial);
    if (!(serial & 1) || !atomic_compare_exchange_strong(&taking.serial, &serial, serial + 1))
        return ct_fail("profile_end: no profile is being taken") != NULL;
    atomic_fetch_and(&inspecting, ~(unsigned)PROFILE);
    struct profile p = {.start = taking.start, .end = ticks(), .threads = atomic_load(&taking.threads)};
    const double seconds = elapsed(taking.clock);
    p.ticks_per_second = (double)(p.end - p.start) / (seconds > 0 ? seconds : 1e-9);
    p.peak_flops = 1e9 * taking.options.peak_gflops, p.peak_bytes = 1e9 * taking.options.peak_gbytes;
    bool ok = !atomic_load(&taking.failed) || ct_fail("profile_end: out of memory for the events of a thread");
    if (ok && table && (!p.peak_flops || !p.peak_bytes)) {
        double flops, bytes;
        ok = machine_floor(&flops, &bytes);
        p.peak_flops = p.peak_flops ? p.peak_flops : flops, p.peak_bytes = p.peak_bytes ? p.peak_bytes : bytes;
    }
    ok = ok && (!table || profile_print(&p, table)) && (!trace || profile_write(&p, trace));
    for (struct events *e = p.threads, *next; e; e = next) {
        next = e->next;
        heap_free(e);
    }
    return ok;
}
