/* Naming the op and the place where the first NaN or infinity arose. */
#include <stdlib.h>

#include "inspect.h"
#include "inspecting.h"
#include "place.h"
#include "raw.h"

atomic_uint inspecting;

bool(ct_anomaly)(bool on, const ct_anomaly_options *options)
{
    const unsigned flags = on ? ANOMALY | (options && options->nan_only ? 0 : ANOMALY_INF) : 0;
    unsigned was = atomic_load(&inspecting);
    while (!atomic_compare_exchange_weak(&inspecting, &was, (was & ~(unsigned)(ANOMALY | ANOMALY_INF)) | flags))
        continue;
    return was & ANOMALY;
}

__attribute__((constructor)) static void look_into_environment(void)
{
    const char *set = getenv("COTANGENT_ANOMALY");
    if (set && (!strcmp(set, "1") || !strcmp(set, "nan")))
        (ct_anomaly)(true, &(ct_anomaly_options){.nan_only = *set == 'n'});
}

/* ---- Looking ---------------------------------------------------------------------------------------------------------------------- */
enum { FINITE, INFINITE, NOT_A_NUMBER };

/* Without the sign, bit patterns are ordered as the numbers, then infinity, then NaN. */
#define DEFINE(name, word, infinity)                                                       \
    static int name(const void *values, size_t count)                                      \
    {                                                                                      \
        const word *x = values, sign = (word)1 << (sizeof(word) * 8 - 1);                  \
        word most = 0;                                                                     \
        for (size_t i = 0; i < count; i++) {                                               \
            const word bits = x[i] & ~sign;                                                \
            most = bits > most ? bits : most;                                              \
        }                                                                                  \
        return most > infinity ? NOT_A_NUMBER : most == infinity ? INFINITE : FINITE;      \
    }
DEFINE(worst_f32, uint32_t, UINT32_C(0x7f800000))
DEFINE(worst_f64, uint64_t, UINT64_C(0x7ff0000000000000))
#undef DEFINE

static int worst_of(const ct_tensor *t, const char *data, size_t count)
{
    return t->dtype == CT_FLOAT32 ? worst_f32(data, count) : worst_f64(data, count);
}

static const char *element(const ct_tensor *t, int64_t i, int64_t at[CT_MAX_RANK])
{
    const char *data = t->data;
    for (int axis = t->rank; axis-- > 0; i /= t->sizes[axis]) {
        at[axis] = i % t->sizes[axis];
        data += at[axis] * t->strides[axis] * (int64_t)ct_dtype_size((ct_dtype)t->dtype);
    }
    return data;
}

static int look(ct_tensor *t)
{
    if (!t || !t->storage || !is_floating(t))
        return FINITE;
    const void *all = tensor_elements(t);
    const int64_t count = tensor_numel(t);
    if (all)
        return worst_of(t, all, (size_t)count);
    int worst = FINITE;
    int64_t at[CT_MAX_RANK];
    for (int64_t i = 0; i < count; i++) {
        const int here = worst_of(t, element(t, i, at), 1);
        worst = here > worst ? here : worst;
    }
    return worst;
}

/* "NaN at [0, 2, 5]": the first element of that kind. */
enum { WORDS = 160 };
static const char *described(char text[WORDS], const ct_tensor *t, int kind)
{
    int64_t at[CT_MAX_RANK], i = 0;
    const char *data = element(t, 0, at);
    while (worst_of(t, data, 1) != kind)
        data = element(t, ++i, at);
    const double value = t->dtype == CT_FLOAT32 ? (double)*(const float *)data : *(const double *)data;
    size_t used = (size_t)snprintf(text, WORDS, "%s at [", kind == NOT_A_NUMBER ? "NaN" : value > 0 ? "inf" : "-inf");
    for (int axis = 0; axis < t->rank && used < WORDS; axis++)
        used += (size_t)snprintf(text + used, WORDS - used, axis ? ", %lld" : "%lld", (long long)at[axis]);
    if (used < WORDS)
        snprintf(text + used, WORDS - used, "]");
    return text;
}

/* The worst among tensors, and which it is. */
static int worst_among(ct_tensor *const *tensors, size_t count, size_t *which)
{
    int worst = FINITE;
    for (size_t i = 0; i < count; i++) {
        const int here = look(tensors[i]);
        if (here > worst)
            worst = here, *which = i;
    }
    return worst;
}

/* ---- Saying -------------------------------------------------------------------------------------------------------------------------- */
static bool fail(const char *phase, const char *op, uint64_t serial, unsigned place, const char *gave, const char *because)
{
    char number[32] = "";
    const char *path = place_path(place);
    if (serial)
        snprintf(number, sizeof number, " (op %llu)", (unsigned long long)serial);
    return ct_fail("anomaly: %s%s%s%s%s gave %s; %s", phase, op, number, *path ? " in " : "", path, gave, because) != NULL;
}

static bool is_among(const char *op, const char *const *ops, size_t count)
{
    while (count-- > 0)
        if (!strcmp(op, ops[count]))
            return true;
    return false;
}

static bool gives_infinities(const char *op)
{
    static const char *const ops[] = {"masked_fill", "pad", "log", "log2", "log10", "log1p", "logsumexp"};
    return is_among(op, ops, COUNT_OF(ops));
}

static bool only_moves(const char *op)
{
    static const char *const ops[] = {"cast", "clone", "cat", "pad", "repeat", "where", "gather", "index_select", "take", "masked_fill"};
    return is_among(op, ops, COUNT_OF(ops));
}

/* Behind its operands an op may record what its VJP wants besides. */
static size_t operands_of(const char *op, size_t inputs)
{
    static const struct {
        const char *op;
        size_t operands;
    } rows[] = {{"scaled_dot_product_attention", 4}, {"batch_norm", 4}, {"batch_norm_relu", 4}, {"layer_norm", 3}, {"rms_norm", 3}, {"cross_entropy", 2}};
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        if (!strcmp(op, rows[i].op) && inputs > rows[i].operands)
            return rows[i].operands;
    return inputs;
}

bool anomaly_result(const char *op, ct_tensor *y, ct_tensor *const *inputs, size_t count, bool recorded)
{
    if (thread_state.in_vjp || !(inspected() & ANOMALY)) /* what a VJP masks away again is its own business */
        return true;
    for (size_t i = 0; i < count; i++)
        if (inputs[i] && inputs[i]->storage == y->storage && inputs[i] != y) /* a view makes nothing */
            return true;
    const int found = look(y);
    if (found == FINITE || (found == INFINITE && (!(inspected() & ANOMALY_INF) || gives_infinities(op))))
        return true;
    size_t which = 0;
    const int given = worst_among(inputs, operands_of(op, count), &which);
    if ((found == INFINITE && given != FINITE) || (given == NOT_A_NUMBER && only_moves(op)))
        return true;
    char gave[WORDS], had[WORDS], because[WORDS + 64] = "its inputs were finite";
    if (given != FINITE)
        snprintf(because, sizeof because, "its input %zu has %s%s", which, described(had, inputs[which], given),
                 given == NOT_A_NUMBER && !inputs[which]->origin ? ", which no op made" : "");
    return fail("", op, recorded ? thread_state.ops + 1 : 0, thread_state.place, described(gave, y, found), because);
}

bool anomaly_gradients(const ct_node *node, ct_tensor *const *cotangents, ct_tensor *const *gradients)
{
    if (!(inspected() & ANOMALY))
        return true;
    for (size_t i = 0; i < node->input_count; i++) {
        const int found = edge_wants(&node->edges[i]) ? look(gradients[i]) : FINITE;
        size_t which = 0;
        if (found == FINITE || (found == INFINITE && !(inspected() & ANOMALY_INF)))
            continue;
        const int given = worst_among(cotangents, node->output_count, &which);
        if (found == INFINITE && given != FINITE)
            continue;
        char gave[WORDS], at[WORDS], had[WORDS], because[WORDS + 64] = "its cotangent was finite";
        snprintf(gave, sizeof gave, "input %zu %s", i, described(at, gradients[i], found));
        if (given != FINITE)
            snprintf(because, sizeof because, "its cotangent has %s", described(had, cotangents[which], given));
        return fail("the backward of ", node->op->name, node->serial, node->place, gave, because);
    }
    return true;
}

bool anomaly_step(const char *optimizer, const char *name, ct_tensor *parameter)
{
    if (LIKELY(!(inspected() & ANOMALY)))
        return true;
    const int found = look(parameter);
    char at[WORDS];
    if (found == FINITE || (found == INFINITE && !(inspected() & ANOMALY_INF)))
        return true;
    return ct_fail("anomaly: the step of %s gave %s %s", optimizer, name, described(at, parameter, found)) != NULL;
}
