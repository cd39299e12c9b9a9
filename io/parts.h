/* A tensor file that holds the state of several objects, each under a prefix of its own, and how it is taken up again: what is to
 * change is read, checked and written down as a plan first; carrying the plan out cannot fail. */
#ifndef COTANGENT_PARTS_H
#define COTANGENT_PARTS_H
#include <io/io.h>

#include "tensor_file.h"

struct parts {                                  /* a file to be written, or state in memory */
    ct_named_tensor *tensors;                   /* kept, with names of ours */
    struct metadata_entry *notes;
    size_t count, room, note_count, note_room;
    const char *prefix;                         /* of what is added from now on; NULL: none */
    bool copies;                                /* what is added is copied: the objects will go on */
};
bool parts_add(struct parts *parts, const char *name, ct_tensor *tensor); /* a NULL tensor is a failure that was reported */
bool parts_note(struct parts *parts, const char *key, const char *value); /* metadata */
bool parts_note_number(struct parts *parts, const char *key, double value); /* all of its bits */
bool parts_write(const struct parts *parts, const char *path); /* as safetensors */
void parts_free(struct parts *parts);

struct parts_source {
    const char *name;                           /* for messages: the path */
    ct_tensor_file *file;
    const struct parts *parts;                  /* if there is no file */
    const char *prefix;                         /* NULL: none */
};
bool parts_has(const struct parts_source *from, const char *name);
ct_tensor *parts_read(const struct parts_source *from, const char *name); /* a missing one is an error; of memory it is the tensor itself */
ct_tensor *parts_read_like(const struct parts_source *from, const char *name, const ct_tensor *like); /* one of like's shape and dtype; else an error */
const char *parts_noted(const struct parts_source *from, const char *key); /* NULL: not there (no error) */
bool parts_number(const struct parts_source *from, const char *key, double *value); /* one that is missing, or no number, is an error */
bool parts_whole(const struct parts_source *from, const char *key, int64_t *value); /* likewise, 0 to 2^53 */

struct plan {
    struct change *changes;
    size_t count, room;
};
/* make(object, value), when all is sure; then, or when the plan is dropped, drop(value). The value is taken over, also on failure. */
bool plan_add(struct plan *plan, void (*make)(void *object, void *value), void *object, void *value, void (*drop)(void *value));
bool plan_value(struct plan *plan, void (*make)(void *object, void *value), void *object, const void *value, size_t bytes); /* a copy of value */
bool plan_copy(struct plan *plan, ct_tensor *target, ct_tensor *value); /* target's elements become value's, of the same shape and dtype */
bool plan_end(struct plan *plan, bool carry_out); /* frees it; carry_out */
#endif
