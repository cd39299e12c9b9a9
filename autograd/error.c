/* The pending failure of each thread. */
#include "internal.h"
#include "raw.h"

#include <stdarg.h>
#include <stdlib.h>

static _Atomic(void (*)(const char *)) handler;

static bool wants_abort(void)
{
    const char *set = getenv("COTANGENT_ABORT_ON_ERROR");
    return set && strcmp(set, "1") == 0;
}

void *ct_fail(const char *format, ...)
{
    thread_state.failures++;
    if (thread_state.error[0])
        return NULL;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(thread_state.error, sizeof thread_state.error, format, arguments);
    va_end(arguments);
    if (!thread_state.error[0])
        strcpy(thread_state.error, "unnamed failure");
    if (wants_abort()) {
        fprintf(stderr, "cotangent: %s\n", thread_state.error);
        abort();
    }
    void (*call)(const char *) = atomic_load(&handler);
    if (call)
        call(thread_state.error);
    return NULL;
}

uint64_t error_count(void)
{
    return thread_state.failures;
}

void error_add(const char *format, ...)
{
    const size_t used = strlen(thread_state.error);
    va_list arguments;
    va_start(arguments, format);
    if (used)
        vsnprintf(thread_state.error + used, sizeof thread_state.error - used, format, arguments);
    va_end(arguments);
}

bool ct_ok(void)
{
    return !thread_state.error[0];
}

const char *ct_error(void)
{
    return thread_state.error;
}

void ct_error_clear(void)
{
    thread_state.error[0] = 0;
}

int ct_report_error(void)
{
    if (ct_ok())
        return 0;
    fprintf(stderr, "%s\n", thread_state.error);
    ct_error_clear();
    return 1;
}

void ct_error_handler(void (*call)(const char *text))
{
    atomic_store(&handler, call);
}

/* ---- Checking operands ------------------------------------------------------------------------------------------------- */
bool operand_missing(const char *op, const char *which, const ct_tensor *t)
{
    if (!t) {
        if (ct_ok())
            ct_fail("%s: %s is NULL", op, which);
        else
            thread_state.failures++;
        return true;
    }
    if (t->storage)
        return false;
    ct_fail("%s: the value of %s is gone: its scope has closed (ct_promote or ct_keep it before), or this is a VJP of an op that does not read it", op, which);
    return true;
}

bool given_shape(const char *op, const char *which, const ct_tensor *t)
{
    return LIKELY(t != NULL) || !operand_missing(op, which, t);
}

bool given_floating(const char *op, const char *which, const ct_tensor *t)
{
    if (!given(op, which, t))
        return false;
    if (!is_floating(t)) {
        ct_fail("%s: %s is %s, want float32 or float64", op, which, ct_dtype_name(t->dtype));
        return false;
    }
    return true;
}

bool absent(const ct_tensor *optional, bool *failed)
{
    *failed = !optional && !ct_ok();
    if (*failed)
        thread_state.failures++;
    return !optional;
}

bool check_axis(const char *op, const ct_tensor *x, int axis, int *positive)
{
    int rank = x->rank ? x->rank : 1;
    *positive = axis < 0 ? axis + rank : axis;
    if (*positive >= 0 && *positive < rank)
        return true;
    ct_fail("%s: axis %d is out of range for %s with %d axes", op, axis, SHAPE(x), x->rank);
    return false;
}

unsigned check_axes(const char *op, const ct_tensor *x, const int *axes, size_t count, bool *ok)
{
    unsigned set = 0;
    count = axes ? count : 0;
    *ok = true;
    for (size_t i = 0; i < count; i++) {
        int axis;
        if (!check_axis(op, x, axes[i], &axis))
            return *ok = false, 0;
        if (set & 1u << axis) {
            ct_fail("%s: axis %d is named twice for %s", op, axes[i], SHAPE(x));
            return *ok = false, 0;
        }
        set |= 1u << axis;
    }
    return count ? set : (1u << CT_MAX_RANK) - 1;
}
