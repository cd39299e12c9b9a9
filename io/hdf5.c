/* HDF5 files: groups are walked from the root, and every dataset becomes an entry by its path. A file is a stranger: each structure is read
 * within the file's bounds and a budget of about its size, so that nothing that refers in circles is followed for long. */
#include "hdf5.h"

#include <autograd/memory.h>
#include <io/io.h>

#include <stdlib.h>
#include <string.h>

enum { PATH_BYTES = 512, DEPTH_MOST = 32, SUPERBLOCK = 96 };
enum message { SPACE = 1, LINK_INFO = 2, TYPE = 3, LINK = 6, EXTERNAL = 7, LAYOUT = 8, FILTERS = 11, ATTRIBUTE = 12, CONTINUATION = 16, SYMBOLS = 17,
    ATTRIBUTE_INFO = 21 };

/* ---- Bytes ------------------------------------------------------------------------------------------------------------------- */
bool hdf5_read(struct hdf5 *h, void *out, uint64_t bytes, uint64_t place, const char *what)
{
    ct_tensor_file *file = h->file;
    if (bytes > file->bytes || place > file->bytes - bytes)
        return ct_fail("%s: %s of %llu bytes at %llu passes the end of %llu", file->path, what, (unsigned long long)bytes, (unsigned long long)place,
                       (unsigned long long)file->bytes);
    if (bytes > h->budget)
        return ct_fail("%s: its parts refer to each other in circles", file->path);
    h->budget -= bytes;
    return tensor_file_bytes(file, out, (size_t)bytes, place);
}

void *hdf5_load(struct hdf5 *h, uint64_t bytes, uint64_t place, const char *what)
{
    void *block = bytes <= h->file->bytes ? heap_alloc((size_t)bytes + 1) : NULL;
    if (bytes <= h->file->bytes && !block)
        return ct_fail("%s: out of memory", h->file->path);
    if (hdf5_read(h, block, bytes, place, what)) /* reports too many bytes */
        return block;
    heap_free(block);
    return NULL;
}

/* ---- Datasets ---------------------------------------------------------------------------------------------------------------- */
struct found {                                  /* in an object's header */
    bool has_type, has_space, has_layout, is_group;
    struct hdf5_type type;
    struct hdf5_space space;
    uint64_t begin, bytes, tree, heap;
};

static bool refuse(const struct hdf5 *h, const char *path, const char *why)
{
    return ct_fail("%s: '%.100s': %s", h->file->path, *path ? path : "/", why);
}

static bool read_layout(const struct hdf5 *h, const char *path, struct hdf5_bytes b, struct found *f)
{
    uint64_t version, class;
    if (!hdf5_take(&b, 1, &version) || !hdf5_take(&b, 1, &class))
        return refuse(h, path, "its layout is cut");
    if (version != 3 || class > 1)
        return refuse(h, path, version == 3 && class == 2 ? "is stored in chunks, which are not read" : "a layout that is not read");
    if (class == 0) {
        if (!hdf5_take(&b, 2, &f->bytes) || f->bytes > b.left)
            return refuse(h, path, "its layout is cut");
        f->begin = b.place;
    } else if (!hdf5_take(&b, 8, &f->begin) || !hdf5_take(&b, 8, &f->bytes))
        return refuse(h, path, "its layout is cut");
    f->has_layout = true;
    return true;
}

static bool add_dataset(struct hdf5 *h, const char *path, const struct found *f)
{
    ct_tensor_file *file = h->file;
    if (file->count == h->room) {
        const size_t room = h->room ? 2 * h->room : 16;
        struct tensor_entry *grown = heap_resize(file->entries, room * sizeof *grown);
        if (!grown)
            return ct_fail("%s: out of memory", file->path);
        file->entries = grown, h->room = room;
    }
    struct tensor_entry *entry = &file->entries[file->count];
    *entry = (struct tensor_entry){.name = heap_copy_text(path), .rank = f->space.rank, .begin = f->begin};
    if (!entry->name)
        return ct_fail("%s: out of memory", file->path);
    file->count++;
    memcpy(entry->sizes, f->space.sizes, sizeof entry->sizes);
    uint64_t bytes;
    if (f->space.null)
        return refuse(h, path, "has no shape");
    if (!hdf5_element(h, path, &f->type, entry) || !tensor_entry_measure(file, entry, &bytes))
        return false;
    if (bytes && f->begin == HDF5_NONE)
        return refuse(h, path, "was never written");
    if (bytes != f->bytes)
        return tensor_file_refuse(file, entry, "%llu bytes, dtype and shape want %llu", (unsigned long long)f->bytes, (unsigned long long)bytes);
    if (bytes == 0)
        entry->begin = 0;
    else if (bytes > file->bytes || f->begin > file->bytes - bytes)
        return tensor_file_refuse(file, entry, "%llu bytes at %llu pass the end of %llu", (unsigned long long)bytes, (unsigned long long)f->begin,
                                  (unsigned long long)file->bytes);
    entry->end = entry->begin + bytes;
    return true;
}

/* ---- Object headers ------------------------------------------------------------------------------------------------------------ */
static bool read_message(struct hdf5 *h, const char *path, enum message kind, unsigned flags, struct hdf5_bytes b, struct found *f)
{
    const bool wanted = kind == SPACE || kind == TYPE || kind == LAYOUT || kind == SYMBOLS || kind == ATTRIBUTE;
    if (wanted && flags & 2)
        return refuse(h, path, "a part of its header lies elsewhere, which is not read");
    switch (kind) {
    case SPACE:
        return f->has_space = hdf5_read_space(h, path, b, &f->space);
    case TYPE:
        return f->has_type = hdf5_read_type(h, path, b, &f->type);
    case LAYOUT:
        return read_layout(h, path, b, f);
    case ATTRIBUTE:
        return hdf5_read_attribute(h, path, b);
    case SYMBOLS:
        f->is_group = true;
        return (hdf5_take(&b, 8, &f->tree) && hdf5_take(&b, 8, &f->heap)) || refuse(h, path, "its table of symbols is cut");
    case EXTERNAL:
        return refuse(h, path, "its data lie in another file, which is not followed");
    case FILTERS:
        return refuse(h, path, "its data are filtered or compressed, which is not read");
    case LINK_INFO: case LINK: case ATTRIBUTE_INFO:
        return refuse(h, path, "is of the newer layout (h5py's libver='latest'), which is not read");
    case CONTINUATION:
        break;
    }
    return true;
}

struct stretch {                                /* of a header */
    uint64_t place, bytes;
};
enum { STRETCHES_MOST = 256 };

static bool read_stretch(struct hdf5 *h, const char *path, struct hdf5_bytes b, uint64_t *messages, struct stretch *stretches, int *count,
                         struct found *f)
{
    for (uint64_t kind, bytes, flags; *messages && b.left >= 8; --*messages) {
        hdf5_take(&b, 2, &kind), hdf5_take(&b, 2, &bytes), hdf5_take(&b, 1, &flags), hdf5_skip(&b, 3);
        struct hdf5_bytes message = b;
        if (!hdf5_skip(&b, bytes))
            return refuse(h, path, "a part of its header is cut");
        message.left = bytes;
        if (kind != CONTINUATION) {
            if (!read_message(h, path, (enum message)kind, (unsigned)flags, message, f))
                return false;
            continue;
        }
        if (*count == STRETCHES_MOST)
            return refuse(h, path, "its header lies in too many parts");
        struct stretch *next = &stretches[(*count)++];
        if (!hdf5_take(&message, 8, &next->place) || !hdf5_take(&message, 8, &next->bytes))
            return refuse(h, path, "a part of its header is cut");
    }
    return true;
}

static bool read_header(struct hdf5 *h, const char *path, uint64_t place, struct found *f)
{
    unsigned char head[16];
    if (!hdf5_read(h, head, sizeof head, place, "an object's header"))
        return false;
    if (!memcmp(head, "OHDR", 4))
        return refuse(h, path, "is of the newer layout (h5py's libver='latest'), which is not read");
    if (head[0] != 1)
        return refuse(h, path, "no object's header stands where it should");
    uint64_t messages = hdf5_number(head + 2, 2);
    struct stretch stretches[STRETCHES_MOST] = {{place + 16, hdf5_number(head + 8, 4)}};
    for (int i = 0, count = 1; i < count; i++) {
        unsigned char *block = hdf5_load(h, stretches[i].bytes, stretches[i].place, "an object's header");
        const bool good = block && read_stretch(h, path, (struct hdf5_bytes){block, stretches[i].bytes, stretches[i].place}, &messages, stretches, &count, f);
        heap_free(block);
        if (!good)
            return false;
    }
    return true;
}

/* ---- Groups -------------------------------------------------------------------------------------------------------------------- */
struct group {
    char *path;                                 /* PATH_BYTES, the group's own with a slash behind it; the root's is empty */
    size_t length;
    int depth;
    unsigned char *names;
    uint64_t names_bytes;
};
static bool read_object(struct hdf5 *h, char *path, size_t length, int depth, uint64_t place);

static bool read_symbol(struct hdf5 *h, const struct group *g, const unsigned char *entry)
{
    const uint64_t at = hdf5_number(entry, 8), place = hdf5_number(entry + 8, 8), kind = hdf5_number(entry + 16, 4);
    const uint64_t room = at < g->names_bytes ? g->names_bytes - at : 0;
    const char *name = (const char *)g->names + (room ? at : 0);
    const size_t length = strnlen(name, (size_t)room);
    g->path[g->length] = 0;
    if (length == 0 || length == room || memchr(name, '/', length))
        return refuse(h, g->path, "holds a link without a proper name");
    if (g->length + length + 2 > PATH_BYTES)
        return refuse(h, g->path, "holds a link whose path is too long");
    memcpy(g->path + g->length, name, length + 1);
    if (kind == 2)
        return refuse(h, g->path, "is a soft link, which is not followed");
    return read_object(h, g->path, g->length + length, g->depth + 1, place);
}

static bool read_leaf(struct hdf5 *h, const struct group *g, uint64_t place)
{
    enum { HEAD = 8, ENTRY = 40 };
    unsigned char head[HEAD];
    if (!hdf5_read(h, head, HEAD, place, "a table of links"))
        return false;
    if (memcmp(head, "SNOD\1", 5) != 0)
        return refuse(h, g->path, "no table of links stands where it should");
    const uint64_t count = hdf5_number(head + 6, 2);
    unsigned char *entries = hdf5_load(h, count * ENTRY, place + HEAD, "a table of links");
    bool good = entries != NULL;
    for (uint64_t i = 0; good && i < count; i++)
        good = read_symbol(h, g, entries + i * ENTRY);
    heap_free(entries);
    return good;
}

static bool read_tree(struct hdf5 *h, const struct group *g, uint64_t place, int above)
{
    enum { HEAD = 24, KEY = 8, ENTRY = 16 };
    unsigned char head[HEAD];
    if (!hdf5_read(h, head, HEAD, place, "a tree of links"))
        return false;
    if (memcmp(head, "TREE\0", 5) != 0 || head[5] >= above)
        return refuse(h, g->path, "no tree of links stands where it should");
    const uint64_t count = hdf5_number(head + 6, 2);
    unsigned char *entries = hdf5_load(h, count * ENTRY, place + HEAD, "a tree of links");
    bool good = entries != NULL;
    for (uint64_t i = 0; good && i < count; i++) {
        const uint64_t child = hdf5_number(entries + i * ENTRY + KEY, 8);
        good = head[5] ? read_tree(h, g, child, head[5]) : read_leaf(h, g, child);
    }
    heap_free(entries);
    return good;
}

static bool read_group(struct hdf5 *h, char *path, size_t length, int depth, const struct found *f)
{
    enum { HEAD = 32, LEVELS_MOST = 16 };
    unsigned char head[HEAD];
    if (depth > DEPTH_MOST)
        return ct_fail("%s: '%.100s': deeper than %d groups", h->file->path, path, DEPTH_MOST);
    if (!hdf5_read(h, head, HEAD, f->heap, "a heap of names"))
        return false;
    if (memcmp(head, "HEAP\0", 5) != 0)
        return refuse(h, path, "no heap of names stands where it should");
    struct group g = {.path = path, .length = length, .depth = depth, .names_bytes = hdf5_number(head + 8, 8)};
    if (length)
        path[g.length++] = '/';
    g.names = hdf5_load(h, g.names_bytes, hdf5_number(head + 24, 8), "a heap of names");
    const bool good = g.names && read_tree(h, &g, f->tree, LEVELS_MOST);
    heap_free(g.names);
    return good;
}

/* Its messages first: what they hold is freed before a group's links are followed. */
static bool read_object(struct hdf5 *h, char *path, size_t length, int depth, uint64_t place)
{
    struct found f = {0};
    if (!read_header(h, path, place, &f))
        return false;
    if (f.is_group)
        return read_group(h, path, length, depth, &f);
    return !f.has_layout || (f.has_type && f.has_space ? add_dataset(h, path, &f) : refuse(h, path, "a dataset without type or shape"));
}

/* ---- Files --------------------------------------------------------------------------------------------------------------------- */
static int compare_places(const void *a, const void *b)
{
    const struct tensor_entry *left = a, *right = b;
    return left->begin != right->begin ? (left->begin < right->begin ? -1 : 1) : strcmp(left->name, right->name);
}

static bool read_all(struct hdf5 *h)
{
    ct_tensor_file *file = h->file;
    unsigned char head[SUPERBLOCK] = {0};
    const uint64_t bytes = file->bytes < SUPERBLOCK ? file->bytes : SUPERBLOCK;
    if (!hdf5_read(h, head, bytes, 0, "its superblock"))
        return false;
    if (!memcmp(head, "PK\3\4", 4))
        return ct_fail("%s: a zip archive; of a .keras file the member model.weights.h5 is one of HDF5", file->path);
    if (memcmp(head, "\x89HDF\r\n\x1a\n", 8) != 0)
        return ct_fail("%s: does not begin as an HDF5 file does", file->path);
    if (head[8] > 1)
        return ct_fail("%s: superblock of version %d, want 0 or 1: h5py's libver='latest' is not read", file->path, head[8]);
    if (bytes < SUPERBLOCK || head[13] != 8 || head[14] != 8)
        return ct_fail("%s: %s", file->path, bytes < SUPERBLOCK ? "its superblock is cut" : "addresses and lengths of other than 8 bytes are not read");
    const unsigned char *addresses = head + (head[8] ? 28 : 24);
    const uint64_t base = hdf5_number(addresses, 8), end = hdf5_number(addresses + 16, 8), root = hdf5_number(addresses + 40, 8);
    if (base)
        return ct_fail("%s: data from byte %llu on are not read", file->path, (unsigned long long)base);
    if (end > file->bytes)
        return ct_fail("%s: ends after %llu of %llu bytes", file->path, (unsigned long long)file->bytes, (unsigned long long)end);
    char path[PATH_BYTES] = "";
    if (!read_object(h, path, 0, 0, root))
        return false;
    if (file->count)
        qsort(file->entries, file->count, sizeof *file->entries, compare_places);
    return tensor_file_index(file);
}

ct_tensor_file *ct_io_hdf5_open(const char *path)
{
    ct_tensor_file *file = path ? tensor_file_open(path) : ct_fail("hdf5_open: path is NULL");
    if (!file)
        return NULL;
    struct hdf5 h = {.file = file};
    if (__builtin_mul_overflow(file->bytes, 4, &h.budget) || __builtin_add_overflow(h.budget, 1 << 20, &h.budget))
        h.budget = UINT64_MAX;
    const bool good = read_all(&h);
    heap_free(h.heap), heap_free(h.held);
    if (good)
        return file;
    object_drop(file);
    return NULL;
}
