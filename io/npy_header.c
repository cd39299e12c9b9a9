/* npy_header.c - the dictionary is Python's, but only the one form that NumPy writes is understood; nothing is evaluated. */
#include "npy.h"

#include <autograd/memory.h>

#include <string.h>

static const unsigned char magic[] = {0x93, 'N', 'U', 'M', 'P', 'Y'};
static const bool little_endian = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__;

static const struct npy_dtype {
    const char *name;                           /* behind the byte order */
    enum element element;
} npy_dtypes[] = {
    {"b1", ELEMENT_BOOL}, {"i1", ELEMENT_I8},  {"i2", ELEMENT_I16}, {"i4", ELEMENT_I32}, {"i8", ELEMENT_I64}, {"u1", ELEMENT_U8},
    {"u2", ELEMENT_U16},  {"u4", ELEMENT_U32}, {"f2", ELEMENT_F16}, {"f4", ELEMENT_F32}, {"f8", ELEMENT_F64},
};
enum { NPY_DTYPES = sizeof npy_dtypes / sizeof *npy_dtypes };

/* ---- Reading ----------------------------------------------------------------------------------------------------- */
struct text {
    const ct_tensor_file *file;
    struct tensor_entry *entry;
    const char *start, *next, *end;
};

static char peek(struct text *text)             /* the next character that is no space; 0 at the end */
{
    while (text->next < text->end && strchr(" \t\n", *text->next) && *text->next)
        text->next++;
    return text->next < text->end ? *text->next : 0;
}

static bool take(struct text *text, char wanted)
{
    const bool there = peek(text) == wanted && text->next < text->end;
    text->next += there;
    return there;
}

static bool expect(struct text *text, char wanted)
{
    return take(text, wanted) || tensor_file_refuse(text->file, text->entry, "header: want '%c' at byte %td", wanted, text->next - text->start);
}

/* A quoted string without escapes, cut to what any key or dtype of ours could be. */
static bool take_string(struct text *text, char *out, size_t bytes)
{
    const char quote = peek(text);
    const char *from = text->next + 1;
    const char *to = quote == '\'' || quote == '"' ? memchr(from, quote, (size_t)(text->end - from)) : NULL;
    if (!to)
        return tensor_file_refuse(text->file, text->entry, "header: want a string at byte %td", text->next - text->start);
    snprintf(out, bytes, "%.*s", to - from < 64 ? (int)(to - from) : 64, from);
    text->next = to + 1;
    return true;
}

static bool take_word(struct text *text, const char *word)
{
    const size_t length = strlen(word);
    if (!peek(text) || (size_t)(text->end - text->next) < length || memcmp(text->next, word, length) != 0)
        return false;
    text->next += length;
    return true;
}

static bool read_dtype(struct text *text)
{
    struct tensor_entry *entry = text->entry;
    char name[65];
    if (peek(text) == '[')
        return tensor_file_refuse(text->file, entry, "structured dtypes are not read");
    if (!take_string(text, name, sizeof name))
        return false;
    for (int i = 0; *name && i < NPY_DTYPES; i++) {
        const size_t bytes = element_types[npy_dtypes[i].element].bytes;
        if (strcmp(name + 1, npy_dtypes[i].name) != 0 || !strchr(bytes == 1 ? "<>=|" : "<>=", *name))
            continue;
        entry->element = npy_dtypes[i].element;
        entry->swapped = bytes > 1 && *name == (little_endian ? '>' : '<');
        return true;
    }
    return tensor_file_refuse(text->file, entry, "dtype '%.20s' is not read: want f2, f4, f8, i1 to i8, u1 to u4 or b1, behind < or >", name);
}

static bool read_order(struct text *text)
{
    text->entry->reversed = take_word(text, "True");
    return text->entry->reversed || take_word(text, "False") ||
           tensor_file_refuse(text->file, text->entry, "header: fortran_order is neither True nor False");
}

static bool read_size(struct text *text, int64_t *size)
{
    const char first = peek(text);
    if (first < '0' || first > '9')
        return tensor_file_refuse(text->file, text->entry, "size %d of its shape is no non-negative integer", text->entry->rank);
    for (; text->next < text->end && *text->next >= '0' && *text->next <= '9'; text->next++)
        if (__builtin_mul_overflow(*size, 10, size) || __builtin_add_overflow(*size, *text->next - '0', size))
            return tensor_file_refuse(text->file, text->entry, "size %d of its shape passes 2^63", text->entry->rank);
    text->next += text->next < text->end && *text->next == 'L'; /* Python 2 */
    return true;
}

static bool read_shape(struct text *text)
{
    struct tensor_entry *entry = text->entry;
    if (!expect(text, '('))
        return false;
    for (bool comma = true; !take(text, ')'); comma = take(text, ',')) {
        int64_t size = 0;
        if (!comma || !read_size(text, &size))
            return comma ? false : expect(text, ',');
        if (entry->rank == CT_MAX_RANK)
            return tensor_file_refuse(text->file, entry, "more than %d axes", CT_MAX_RANK);
        entry->sizes[entry->rank++] = size;
        if (entry->rank == 1 && peek(text) == ')')
            return expect(text, ',');           /* (3) is a number */
    }
    return true;
}

static bool read_dictionary(struct text *text)
{
    static const struct {
        const char *key;
        bool (*read)(struct text *text);
    } parts[] = {{"descr", read_dtype}, {"fortran_order", read_order}, {"shape", read_shape}};
    enum { PARTS = sizeof parts / sizeof *parts };
    bool seen[PARTS] = {false};
    if (!expect(text, '{'))
        return false;
    for (bool comma = true; !take(text, '}'); comma = take(text, ',')) {
        char key[65];
        if (!comma)
            return expect(text, ',');
        if (!take_string(text, key, sizeof key))
            return false;
        int i = 0;
        while (i < PARTS && strcmp(parts[i].key, key) != 0)
            i++;
        if (i == PARTS || seen[i])
            return tensor_file_refuse(text->file, text->entry, "header: key '%.20s' %s", key, i < PARTS ? "stands twice" : "is unknown");
        seen[i] = true;
        if (!expect(text, ':') || !parts[i].read(text))
            return false;
    }
    for (int i = 0; i < PARTS; i++)
        if (!seen[i])
            return tensor_file_refuse(text->file, text->entry, "header: %s is missing", parts[i].key);
    peek(text);
    return text->next == text->end ||
           tensor_file_refuse(text->file, text->entry, "header: %td bytes behind its dictionary", text->end - text->next);
}

bool npy_read_header(const ct_tensor_file *file, struct tensor_entry *entry, byte_reader *read, void *context)
{
    unsigned char prefix[12];
    if (!read(context, prefix, 10))
        return false;
    if (memcmp(prefix, magic, sizeof magic) != 0)
        return tensor_file_refuse(file, entry, "not an npy file: it does not begin with \\x93NUMPY");
    const int version = prefix[6];
    if (version < 1 || version > 3 || prefix[7] != 0)
        return tensor_file_refuse(file, entry, "npy version %d.%d, want 1.0, 2.0 or 3.0", version, prefix[7]);
    if (version > 1 && !read(context, prefix + 10, 2))
        return false;
    const size_t start = version > 1 ? 12 : 10;
    size_t length = prefix[8] | (size_t)prefix[9] << 8;
    if (version > 1)
        length |= (size_t)prefix[10] << 16 | (size_t)prefix[11] << 24;
    if (length > NPY_HEADER_MOST)
        return tensor_file_refuse(file, entry, "header of %zu bytes, want at most %d", length, NPY_HEADER_MOST);
    char *header = heap_alloc(length + 1);
    if (!header)
        return ct_fail("%s: out of memory", file->path);
    struct text text = {file, entry, header, header, header + length};
    uint64_t bytes = 0;
    const bool good = read(context, header, length) && read_dictionary(&text) && tensor_entry_measure(file, entry, &bytes);
    heap_free(header);
    entry->begin = start + length;
    entry->end = entry->begin + bytes;
    return good;
}

/* ---- Writing ----------------------------------------------------------------------------------------------------- */
static const char *dtype_name(ct_dtype dtype)
{
    int i = 0;
    while (npy_dtypes[i].element != element_of(dtype))
        i++;
    return npy_dtypes[i].name;
}

/* NumPy leaves room for the first size to grow and ends the header on a multiple of 64. */
size_t npy_make_header(char header[NPY_WRITTEN_MOST], const ct_tensor *tensor)
{
    enum { PREFIX = 10, GROWTH = 21, ALIGNMENT = 64 };
    const ct_dtype dtype = ct_dtype_of(tensor);
    const char order = dtype == CT_BOOL ? '|' : little_endian ? '<' : '>';
    char *text = header + PREFIX;
    const size_t most = NPY_WRITTEN_MOST - PREFIX;
    size_t used = (size_t)snprintf(text, most, "{'descr': '%c%s', 'fortran_order': False, 'shape': (", order, dtype_name(dtype));
    const int rank = ct_rank(tensor);
    int growth = 0;
    for (int axis = 0; axis < rank; axis++) {
        const int digits = snprintf(text + used, most - used, "%s%lld", axis ? ", " : "", (long long)ct_size(tensor, axis));
        used += (size_t)digits;
        growth = axis ? growth : GROWTH - digits;
    }
    used += (size_t)snprintf(text + used, most - used, "%s), }%*s", rank == 1 ? "," : "", growth, "");
    const size_t length = (PREFIX + used + 1 + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT - PREFIX;
    memset(text + used, ' ', length - used - 1);
    text[length - 1] = '\n';
    memcpy(header, magic, sizeof magic);
    header[6] = 1, header[7] = 0;
    header[8] = (char)(length & 255), header[9] = (char)(length >> 8);
    return PREFIX + length;
}
