/* texts.c - files as texts: whole ones, or their lines by turns. */
#include "texts.h"

#include <autograd/memory.h>

#include "byte_file.h"
#include "folders.h"
#include "utf8.h"

#include <stdio.h>
#include <string.h>

static void destroy(void *object)
{
    ct_texts *texts = object;
    for (size_t i = 0; texts->buffers && i < texts->buffer_count; i++)
        heap_free(texts->buffers[i]);
    heap_free(texts->buffers);
    heap_free(texts->all);
    heap_free(texts->classes);
}

ct_texts *texts_new(size_t buffers)
{
    ct_texts *texts = object_new(sizeof *texts, destroy);
    if (!texts)
        return NULL;
    texts->buffer_count = buffers;
    if ((texts->buffers = heap_zeroed(buffers, sizeof *texts->buffers)))
        return texts;
    object_drop(texts);
    return ct_fail("texts: out of memory");
}

bool texts_add(ct_texts *texts, const char *text, int64_t class)
{
    if (texts->count == texts->room) {
        const int64_t room = texts->room ? 2 * texts->room : 64;
        const char **all = heap_resize(texts->all, (size_t)room * sizeof *all);
        texts->all = all ? all : texts->all;
        int64_t *classes = all ? heap_resize(texts->classes, (size_t)room * sizeof *classes) : NULL;
        if (!classes)
            return ct_fail("texts: out of memory for %lld texts", (long long)room);
        texts->classes = classes;
        texts->room = room;
    }
    texts->all[texts->count] = text;
    texts->classes[texts->count++] = class;
    return true;
}

/* ---- Files ------------------------------------------------------------------------------------------------------------------ */
static char *read_all(gzFile file, const char *path, size_t most, size_t *bytes)
{
    size_t room = 1 << 16;
    char *text = heap_alloc(room + 1);
    *bytes = 0;
    for (int64_t got = 1; text && got > 0;) {
        got = byte_file_read(file, path, text + *bytes, room - *bytes);
        if (got < 0) {
            heap_free(text);
            return NULL;
        }
        *bytes += (size_t)got;
        if (*bytes > most) {
            heap_free(text);
            return ct_fail("%s: more than %zu bytes", path, most);
        }
        if (*bytes == room) {
            room *= 2;
            char *larger = heap_resize(text, room + 1);
            if (!larger)
                heap_free(text);
            text = larger;
        }
    }
    return text ? text : ct_fail("%s: out of memory for %zu bytes", path, room);
}

char *text_file_read(const char *path, size_t most)
{
    gzFile file = byte_file_open(path);
    if (!file)
        return NULL;
    size_t bytes;
    char *text = read_all(file, path, most, &bytes);
    if (!byte_file_close(file, path, text != NULL)) {
        heap_free(text);
        return NULL;
    }
    text[bytes] = 0;
    if (strlen(text) == bytes)
        return text;
    ct_fail("%s: byte %zu is 0, and no text has one", path, strlen(text));
    heap_free(text);
    return NULL;
}

static char *from_latin1(const char *path, char *text)
{
    char *wide = heap_alloc(2 * strlen(text) + 1), *out = wide;
    for (const unsigned char *in = (const unsigned char *)text; wide && *in; in++) {
        if (*in >= 0x80)
            *out++ = (char)(0xc0 | *in >> 6);
        *out++ = (char)(*in < 0x80 ? *in : 0x80 | (*in & 0x3f));
    }
    if (wide)
        *out = 0;
    heap_free(text);
    return wide ? wide : ct_fail("%s: out of memory", path);
}

static char *read_text(const char *path, bool latin1)
{
    static const char order_mark[] = "\xef\xbb\xbf";
    char *text = text_file_read(path, SIZE_MAX / 4);
    if (!text)
        return NULL;
    const size_t fault = utf8_fault(text), mark = strlen(order_mark);
    if (fault == SIZE_MAX) {
        if (!strncmp(text, order_mark, mark))
            memmove(text, text + mark, strlen(text + mark) + 1);
        return text;
    }
    if (latin1)
        return from_latin1(path, text);
    size_t line = 1, start = 0;
    for (size_t i = 0; i < fault; i++)
        if (text[i] == '\n')
            line++, start = i + 1;
    ct_fail("%s: line %zu, byte %zu: 0x%02x is not UTF-8", path, line, fault - start, (unsigned char)text[fault]);
    heap_free(text);
    return NULL;
}

ct_texts *(ct_data_text)(const char *path, const ct_data_text_options *options)
{
    if (!path)
        return ct_fail("data_text: path is NULL");
    ct_texts *texts = texts_new(1);
    if (texts && (texts->buffers[0] = read_text(path, options && options->latin1))) {
        if (!*texts->buffers[0])
            ct_fail("%s: the text is empty", path);
        else if (texts_add(texts, texts->buffers[0], 0))
            return texts;
    }
    object_drop(texts);
    return NULL;
}

/* ---- Lines ------------------------------------------------------------------------------------------------------------------ */
static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* The next line that is not blank, cut out of *rest in place; NULL at the end. */
static const char *next_line(char **rest)
{
    while (is_space(**rest))
        ++*rest;
    char *line = *rest, *end = line + strcspn(line, "\n");
    *rest = end + (*end != 0);
    while (end > line && is_space(end[-1]))
        end--;
    *end = 0;
    return *line ? line : NULL;
}

static bool take_turns(ct_texts *texts, const char *const *paths, char **rests)
{
    bool more = true;
    for (int64_t turn = 0; more; turn++) {
        more = false;
        for (size_t class = 0; class < texts->buffer_count; class++) {
            const char *line = next_line(&rests[class]);
            if (!line && turn == 0)
                return ct_fail("%s: no line that is not blank", paths[class]);
            if (line && !texts_add(texts, line, (int64_t)class))
                return false;
            more = more || line;
        }
    }
    return true;
}

ct_texts *(ct_data_lines)(const char *const *paths, size_t count, const ct_data_text_options *options)
{
    if (!paths || !count)
        return ct_fail("data_lines: no paths");
    ct_texts *texts = texts_new(count);
    char **rests = texts ? heap_zeroed(count, sizeof *rests) : NULL;
    bool good = rests || ct_fail("data_lines: out of memory");
    for (size_t i = 0; good && i < count; i++) {
        if (!paths[i])
            ct_fail("data_lines: path %zu is NULL", i);
        else
            texts->buffers[i] = rests[i] = read_text(paths[i], options && options->latin1);
        good = rests[i];
    }
    good = good && take_turns(texts, paths, rests);
    heap_free(rests);
    if (good)
        return texts;
    object_drop(texts);
    return NULL;
}

/* ---- Looking at them ---------------------------------------------------------------------------------------------------------- */
int64_t ct_texts_count(const ct_texts *texts)
{
    return texts ? texts->count : -1;
}

const char *const *ct_texts_all(const ct_texts *texts)
{
    return texts ? texts->all : NULL;
}

const char *ct_texts_get(const ct_texts *texts, int64_t index)
{
    return texts && index >= 0 && index < texts->count ? texts->all[index] : NULL;
}

int64_t ct_texts_class(const ct_texts *texts, int64_t index)
{
    return texts && index >= 0 && index < texts->count ? texts->classes[index] : -1;
}

bool ct_data_find(const char *folder, const char *set, const char *name, char *path, size_t bytes)
{
    struct folders folders;
    char found[PATH_MOST];
    if (!set || !name || !path)
        return ct_fail("data_find: %s is NULL", !set ? "set" : !name ? "name" : "place for the path");
    folders_of(&folders, folder, set);
    for (int i = 0; i < folders.count; i++)
        if (folder_has(folders.paths[i], name, found)) {
            const int length = snprintf(path, bytes, "%s", found);
            return (length >= 0 && (size_t)length < bytes) || ct_fail("data_find: %s: longer than %zu bytes", found, bytes);
        }
    return false;
}
