#include "parts.h"

#include <autograd/memory.h>

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Building ------------------------------------------------------------------------------------------------------------------ */
enum { NAME_BYTES = 1024 };

static bool join(char full[NAME_BYTES], const char *prefix, const char *name)
{
    return snprintf(full, NAME_BYTES, "%s%s", prefix ? prefix : "", name) < NAME_BYTES;
}

/* Room for one more; NULL after reporting. */
static void *grow(void *items, size_t count, size_t *room, size_t bytes)
{
    if (count < *room)
        return items;
    const size_t more = *room ? 2 * *room : 16;
    void *grown = heap_resize(items, more * bytes);
    if (!grown)
        return ct_fail("out of memory for a list of %zu", more);
    *room = more;
    return grown;
}

bool parts_add(struct parts *parts, const char *name, ct_tensor *tensor)
{
    CT_SCOPE;
    CT_NO_GRAD;
    char full[NAME_BYTES];
    if (!join(full, parts->prefix, name))
        return ct_fail("the name %.80s... is longer than %d bytes", full, NAME_BYTES);
    ct_named_tensor *tensors = tensor ? grow(parts->tensors, parts->count, &parts->room, sizeof *tensors) : NULL;
    if (!tensors)
        return false;
    parts->tensors = tensors;
    ct_tensor *kept = parts->copies ? ct_clone(ct_detach(tensor)) : tensor;
    char *copy = kept ? heap_copy_text(full) : NULL;
    if (!copy)
        return ct_fail("%s: out of memory", full);
    tensors[parts->count++] = (ct_named_tensor){copy, ct_keep(kept)};
    return true;
}

bool parts_note(struct parts *parts, const char *key, const char *value)
{
    char full[NAME_BYTES];
    if (!join(full, parts->prefix, key))
        return ct_fail("the key %.80s... is longer than %d bytes", full, NAME_BYTES);
    struct metadata_entry *notes = grow(parts->notes, parts->note_count, &parts->note_room, sizeof *notes);
    if (!notes)
        return false;
    parts->notes = notes;
    struct metadata_entry note = {heap_copy_text(full), heap_copy_text(value)};
    if (!note.key || !note.value) {
        heap_free(note.key), heap_free(note.value);
        return ct_fail("%s: out of memory", full);
    }
    notes[parts->note_count++] = note;
    return true;
}

/* Any other number is a whole number times a power of two: without a point, which a locale may write as a comma. */
bool parts_note_number(struct parts *parts, const char *key, double value)
{
    char text[40];
    int exponent;
    if (!isfinite(value) || (fabs(value) < 0x1p53 && value == floor(value)))
        snprintf(text, sizeof text, "%.0f", value);
    else {
        const double digits = ldexp(frexp(fabs(value), &exponent), 53);
        snprintf(text, sizeof text, "%s0x%" PRIx64 "p%d", value < 0 ? "-" : "", (uint64_t)digits, exponent - 53);
    }
    return parts_note(parts, key, text);
}

bool parts_write(const struct parts *parts, const char *path)
{
    ct_metadata *metadata = heap_zeroed(parts->note_count + 1, sizeof *metadata);
    if (!metadata)
        return ct_fail("%s: out of memory", path);
    for (size_t i = 0; i < parts->note_count; i++)
        metadata[i] = (ct_metadata){parts->notes[i].key, parts->notes[i].value};
    const bool good = ct_io_safetensors_write(path, parts->tensors, parts->count, metadata, parts->note_count);
    heap_free(metadata);
    return good;
}

void parts_free(struct parts *parts)
{
    for (size_t i = 0; i < parts->count; i++) {
        heap_free((char *)(uintptr_t)parts->tensors[i].name);
        ct_release(parts->tensors[i].tensor);
    }
    for (size_t i = 0; i < parts->note_count; i++)
        heap_free(parts->notes[i].key), heap_free(parts->notes[i].value);
    heap_free(parts->tensors), heap_free(parts->notes);
    *parts = (struct parts){0};
}

/* ---- Reading ------------------------------------------------------------------------------------------------------------------- */
static ct_tensor *find(const struct parts *parts, const char *name)
{
    for (size_t i = 0; i < parts->count; i++)
        if (!strcmp(parts->tensors[i].name, name))
            return parts->tensors[i].tensor;
    return NULL;
}

bool parts_has(const struct parts_source *from, const char *name)
{
    char full[NAME_BYTES];
    return join(full, from->prefix, name) && (from->file ? ct_tensor_file_has(from->file, full) : find(from->parts, full) != NULL);
}

ct_tensor *parts_read(const struct parts_source *from, const char *name)
{
    char full[NAME_BYTES];
    const bool fits = join(full, from->prefix, name);
    if (fits && from->file)
        return ct_tensor_file_read(from->file, full);
    ct_tensor *t = fits ? find(from->parts, full) : NULL;
    return t ? t : ct_fail("%s: no tensor '%.100s'", from->name, full);
}

static const char *print_kind(char text[256], const ct_tensor *t)
{
    size_t used = (size_t)snprintf(text, 256, "%s (", ct_dtype_name(ct_dtype_of(t)));
    for (int axis = 0; axis < ct_rank(t); axis++)
        used += (size_t)snprintf(text + used, 256 - used, "%s%lld", axis ? ", " : "", (long long)ct_size(t, axis));
    snprintf(text + used, 256 - used, ")");
    return text;
}

ct_tensor *parts_read_like(const struct parts_source *from, const char *name, const ct_tensor *like)
{
    ct_tensor *t = parts_read(from, name);
    bool same = t && ct_dtype_of(t) == ct_dtype_of(like) && ct_rank(t) == ct_rank(like);
    for (int axis = 0; same && axis < ct_rank(t); axis++)
        same = ct_size(t, axis) == ct_size(like, axis);
    char a[256], b[256];
    return same || !t ? t : ct_fail("%s: %s%s is %s, here %s", from->name, from->prefix ? from->prefix : "", name, print_kind(a, t), print_kind(b, like));
}

const char *parts_noted(const struct parts_source *from, const char *key)
{
    char full[NAME_BYTES];
    if (!join(full, from->prefix, key))
        return NULL;
    if (from->file)
        return ct_tensor_file_metadata(from->file, full);
    for (size_t i = 0; i < from->parts->note_count; i++)
        if (!strcmp(from->parts->notes[i].key, full))
            return from->parts->notes[i].value;
    return NULL;
}

bool parts_number(const struct parts_source *from, const char *key, double *value)
{
    const char *text = parts_noted(from, key), *prefix = from->prefix ? from->prefix : "";
    char *end = NULL;
    if (!text)
        return ct_fail("%s: its metadata have no %s%s", from->name, prefix, key);
    *value = strtod(text, &end);
    return (*text && !*end) || ct_fail("%s: %s%s \"%.40s\" is no number", from->name, prefix, key, text);
}

bool parts_whole(const struct parts_source *from, const char *key, int64_t *value)
{
    double number = 0;
    if (!parts_number(from, key, &number))
        return false;
    if (!(number >= 0 && number <= 0x1p53 && number == floor(number)))
        return ct_fail("%s: %s%s %g: want a whole number from 0 to 2^53", from->name, from->prefix ? from->prefix : "", key, number);
    *value = (int64_t)number;
    return true;
}

/* ---- Planning ------------------------------------------------------------------------------------------------------------------ */
struct change {
    void (*make)(void *object, void *value), (*drop)(void *value);
    void *object, *value;
};

bool plan_add(struct plan *plan, void (*make)(void *object, void *value), void *object, void *value, void (*drop)(void *value))
{
    struct change *changes = grow(plan->changes, plan->count, &plan->room, sizeof *changes);
    if (!changes) {
        drop(value);
        return false;
    }
    plan->changes = changes;
    changes[plan->count++] = (struct change){make, drop, object, value};
    return true;
}

bool plan_value(struct plan *plan, void (*make)(void *object, void *value), void *object, const void *value, size_t bytes)
{
    void *copy = heap_alloc(bytes);
    if (!copy)
        return ct_fail("out of memory for a plan");
    return plan_add(plan, make, object, memcpy(copy, value, bytes), heap_free);
}

static void make_copy(void *target, void *value)
{
    CT_NO_GRAD;
    ct_copy_((ct_tensor *)target, (ct_tensor *)value);
}

static void drop_copy(void *value)
{
    ct_release(value);
}

bool plan_copy(struct plan *plan, ct_tensor *target, ct_tensor *value)
{
    return plan_add(plan, make_copy, target, ct_keep(value), drop_copy);
}

bool plan_end(struct plan *plan, bool carry_out)
{
    for (size_t i = 0; i < plan->count; i++) {
        const struct change *c = &plan->changes[i];
        if (carry_out)
            c->make(c->object, c->value);
        c->drop(c->value);
    }
    heap_free(plan->changes);
    *plan = (struct plan){0};
    return carry_out;
}
