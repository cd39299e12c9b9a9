/* Messages of HDF5's object headers: types, spaces, attributes. */
#include "hdf5.h"

#include <autograd/memory.h>

#include <stdlib.h>
#include <string.h>

bool hdf5_skip(struct hdf5_bytes *b, uint64_t count)
{
    if (count > b->left)
        return false;
    b->at += count, b->left -= count, b->place += count;
    return true;
}

bool hdf5_take(struct hdf5_bytes *b, int count, uint64_t *number)
{
    const unsigned char *at = b->at;
    if (!hdf5_skip(b, (uint64_t)count))
        return false;
    *number = hdf5_number(at, count);
    return true;
}

static bool refuse(const struct hdf5 *h, const char *name, const char *why)
{
    return ct_fail("%s: '%.100s': %s", h->file->path, name, why);
}

bool hdf5_read_type(const struct hdf5 *h, const char *name, struct hdf5_bytes b, struct hdf5_type *type)
{
    uint64_t head, bytes;
    if (!hdf5_take(&b, 4, &head) || !hdf5_take(&b, 4, &bytes))
        return refuse(h, name, "its type is cut");
    if ((head & 15) >= HDF5_CLASSES || (head >> 4 & 15) < 1 || (head >> 4 & 15) > 3)
        return refuse(h, name, "its type has a class or version that is not known");
    *type = (struct hdf5_type){.class = (enum hdf5_class)(head & 15), .bytes = bytes, .flags = (unsigned)(head >> 8)};
    type->text = type->class == HDF5_STRING || (type->class == HDF5_VARIABLE && (type->flags & 15) == 1);
    const size_t properties = type->class == HDF5_INTEGER ? 4 : type->class == HDF5_FLOAT ? 12 : 0;
    if (properties > b.left)
        return refuse(h, name, "its type is cut");
    memcpy(type->properties, b.at, properties);
    return true;
}

bool hdf5_read_space(const struct hdf5 *h, const char *name, struct hdf5_bytes b, struct hdf5_space *space)
{
    uint64_t version, rank, flags, kind;
    *space = (struct hdf5_space){0};
    if (!hdf5_take(&b, 1, &version) || !hdf5_take(&b, 1, &rank) || !hdf5_take(&b, 1, &flags) || !hdf5_take(&b, 1, &kind) ||
        (version == 1 && !hdf5_skip(&b, 4)))
        return refuse(h, name, "its shape is cut");
    if (version != 1 && version != 2)
        return refuse(h, name, "its shape has a version that is not known");
    if (rank > CT_MAX_RANK)
        return ct_fail("%s: '%.100s': %d axes, want at most %d", h->file->path, name, (int)rank, CT_MAX_RANK);
    space->null = version == 2 && kind == 2;
    space->rank = (int)rank;
    for (int i = 0; i < space->rank; i++) {
        uint64_t size;
        if (!hdf5_take(&b, 8, &size))
            return refuse(h, name, "its shape is cut");
        if (size > INT64_MAX)
            return refuse(h, name, "a size of its shape passes 2^63");
        space->sizes[i] = (int64_t)size;
    }
    return true;
}

/* ---- Numbers ---------------------------------------------------------------------------------------------------------------- */
static const struct float_form {
    enum element element;
    unsigned char bytes, sign, properties[12];  /* offset and precision (2 each); exponent's place, bits, mantissa's place, bits; bias (4) */
} float_forms[] = {
    {ELEMENT_F16, 2, 15, {0, 0, 16, 0, 10, 5, 0, 10, 15}},
    {ELEMENT_BF16, 2, 15, {0, 0, 16, 0, 7, 8, 0, 7, 127}},
    {ELEMENT_F32, 4, 31, {0, 0, 32, 0, 23, 8, 0, 23, 127}},
    {ELEMENT_F64, 8, 63, {0, 0, 64, 0, 52, 11, 0, 52, 255, 3}},
};

static const char *const class_names[HDF5_CLASSES] = {"integer", "float", "time", "string", "bit field", "opaque", "compound", "reference",
    "enumeration", "variable-length", "array"};

bool hdf5_element(const struct hdf5 *h, const char *name, const struct hdf5_type *type, struct tensor_entry *entry)
{
    static const enum element integers[2][9] = {{[1] = ELEMENT_U8, [2] = ELEMENT_U16, [4] = ELEMENT_U32},
                                                {[1] = ELEMENT_I8, [2] = ELEMENT_I16, [4] = ELEMENT_I32, [8] = ELEMENT_I64}};
    entry->swapped = type->flags & 1;
    if (type->class == HDF5_FLOAT && !(type->flags & 0x40))
        for (size_t i = 0; i < sizeof float_forms / sizeof *float_forms; i++) {
            const struct float_form *f = &float_forms[i];
            if (type->bytes == f->bytes && (type->flags >> 8 & 255) == f->sign && (type->flags >> 4 & 3) == 2 &&
                !memcmp(type->properties, f->properties, sizeof f->properties)) {
                entry->element = f->element;
                return true;
            }
        }
    if (type->class == HDF5_INTEGER && type->bytes <= 8 && hdf5_number(type->properties, 2) == 0 &&
        hdf5_number(type->properties + 2, 2) == 8 * type->bytes) {
        const bool is_signed = type->flags >> 3 & 1;
        entry->element = integers[is_signed][type->bytes];
        if (entry->element != ELEMENT_BOOL)     /* which no row is */
            return true;
    }
    return ct_fail("%s: '%.100s': %s of %llu bytes is not read: want floats of 16, 32 or 64 bits, integers of 8 to 64 bits but unsigned of 64",
                   h->file->path, name, class_names[type->class], (unsigned long long)type->bytes);
}

/* ---- Attributes of text --------------------------------------------------------------------------------------------------------- */
enum { HEAP_HEAD = 16, REFERENCE = 16, TEXT_MOST = 1 << 26 };

struct text {
    char *at;
    size_t length, room;
};

static bool append(const struct hdf5 *h, struct text *text, const unsigned char *bytes, uint64_t count)
{
    const size_t length = strnlen((const char *)bytes, (size_t)count);
    if (text->length + length + 2 > text->room) {
        const size_t room = 2 * (text->length + length + 2);
        char *grown = heap_resize(text->at, room);
        if (!grown)
            return ct_fail("%s: out of memory", h->file->path);
        text->at = grown, text->room = room;
    }
    memcpy(text->at + text->length, bytes, length);
    text->length += length;
    text->at[text->length++] = '\n';
    text->at[text->length] = 0;
    return true;
}

static int compare_held(const void *a, const void *b)
{
    const uint64_t left = ((const struct hdf5_held *)a)->number, right = ((const struct hdf5_held *)b)->number;
    return (left > right) - (left < right);
}

static bool load_collection(struct hdf5 *h, uint64_t place)
{
    unsigned char head[HEAP_HEAD];
    if (h->heap && h->heap_at == place)
        return true;
    if (!hdf5_read(h, head, sizeof head, place, "a global heap"))
        return false;
    const uint64_t bytes = hdf5_number(head + 8, 8);
    if (memcmp(head, "GCOL\1", 5) != 0 || bytes < HEAP_HEAD)
        return ct_fail("%s: no global heap at %llu", h->file->path, (unsigned long long)place);
    unsigned char *heap = hdf5_load(h, bytes, place, "a global heap");
    if (!heap)
        return false;
    heap_free(h->heap), heap_free(h->held);
    h->heap = heap, h->heap_at = place, h->held_count = 0;
    h->held = heap_alloc((size_t)bytes / HEAP_HEAD * sizeof *h->held);
    if (!h->held)
        return ct_fail("%s: out of memory", h->file->path);
    struct hdf5_bytes b = {heap, bytes, place};
    hdf5_skip(&b, HEAP_HEAD);
    for (struct hdf5_held one; hdf5_take(&b, 2, &one.number) && hdf5_skip(&b, 6) && hdf5_take(&b, 8, &one.bytes) && one.number && one.bytes <= b.left;) {
        one.at = b.at;
        h->held[h->held_count++] = one;
        if (!hdf5_skip(&b, one.bytes) || !hdf5_skip(&b, -one.bytes & 7))
            break;
    }
    qsort(h->held, h->held_count, sizeof *h->held, compare_held);
    return true;
}

/* A string of variable length is 4 bytes of length, 8 of a collection's place, 4 of the object's number there. */
static bool append_referred(struct hdf5 *h, const char *key, struct text *text, const unsigned char *reference)
{
    const uint64_t length = hdf5_number(reference, 4), place = hdf5_number(reference + 4, 8);
    const struct hdf5_held wanted = {.number = hdf5_number(reference + 12, 4)};
    if (length == 0)
        return append(h, text, (const unsigned char *)"", 0);
    if (!load_collection(h, place))
        return false;
    const struct hdf5_held *found = bsearch(&wanted, h->held, h->held_count, sizeof wanted, compare_held);
    if (!found)
        return refuse(h, key, "a string is not in its heap");
    return length <= found->bytes ? append(h, text, found->at, length) : refuse(h, key, "a string is longer than its place in the heap");
}

static bool add_metadata(struct hdf5 *h, char *key, char *value)
{
    ct_tensor_file *file = h->file;
    if (file->metadata_count == h->metadata_room) {
        const size_t room = h->metadata_room ? 2 * h->metadata_room : 16;
        struct metadata_entry *grown = heap_resize(file->metadata, room * sizeof *grown);
        if (!grown)
            return ct_fail("%s: out of memory", file->path);
        file->metadata = grown, h->metadata_room = room;
    }
    file->metadata[file->metadata_count++] = (struct metadata_entry){key, value};
    return true;
}

static bool read_texts(struct hdf5 *h, const char *key, const struct hdf5_type *type, const struct hdf5_space *space, struct hdf5_bytes b)
{
    const bool refers = type->class == HDF5_VARIABLE;
    const uint64_t bytes = type->bytes;
    struct text text = {0};
    uint64_t count = space->null ? 0 : 1;
    for (int i = 0; i < space->rank; i++)
        if (__builtin_mul_overflow(count, (uint64_t)space->sizes[i], &count))
            return refuse(h, key, "shape overflows the count of elements");
    if ((refers && bytes != REFERENCE) || bytes == 0 || count > b.left / bytes)
        return refuse(h, key, "fewer bytes than its strings want");
    bool good = append(h, &text, (const unsigned char *)"", 0);
    text.length = 0;
    for (; good && count; count--, hdf5_skip(&b, bytes)) {
        good = refers ? append_referred(h, key, &text, b.at) : append(h, &text, b.at, bytes);
        if (good && text.length > TEXT_MOST)
            good = refuse(h, key, "more text than 64 MiB");
    }
    if (good)
        text.at[text.length] = 0;
    char *copy = good ? heap_copy_text(key) : NULL;
    if (copy && add_metadata(h, copy, text.at))
        return true;
    if (good && !copy)
        ct_fail("%s: out of memory", h->file->path);
    heap_free(copy), heap_free(text.at);
    return false;
}

bool hdf5_read_attribute(struct hdf5 *h, const char *owner, struct hdf5_bytes b)
{
    uint64_t version, flags, parts[3], charset;
    if (!hdf5_take(&b, 1, &version) || !hdf5_take(&b, 1, &flags) || !hdf5_take(&b, 2, &parts[0]) || !hdf5_take(&b, 2, &parts[1]) ||
        !hdf5_take(&b, 2, &parts[2]) || (version == 3 && !hdf5_take(&b, 1, &charset)))
        return refuse(h, owner, "an attribute is cut");
    if (version < 1 || version > 3)
        return refuse(h, owner, "an attribute has a version that is not known");
    if (version > 1 && flags)
        return refuse(h, owner, "an attribute's type or shape lies elsewhere, which is not read");
    struct hdf5_bytes at[3];
    for (int i = 0; i < 3; i++) {
        at[i] = b, at[i].left = parts[i];
        if (!hdf5_skip(&b, version == 1 ? (parts[i] + 7) & ~(uint64_t)7 : parts[i]))
            return refuse(h, owner, "an attribute is cut");
    }
    char key[1024];
    const int length = snprintf(key, sizeof key, "%s@%.*s", owner, (int)parts[0], (const char *)at[0].at);
    struct hdf5_type type;
    struct hdf5_space space;
    if (length >= (int)sizeof key)
        return refuse(h, owner, "an attribute's name is too long");
    if (!hdf5_read_type(h, key, at[1], &type) || !hdf5_read_space(h, key, at[2], &space))
        return false;
    return !type.text || read_texts(h, key, &type, &space, b);
}
