/* golden_file.c - golden_file.h's form, read. */
#include "golden_file.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_VALUES = 512 };

static bool wrong(struct golden *at, const char *format, ...) CT_FORMAT(2, 3);
static bool wrong(struct golden *at, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    if (!*at->problem)
        vsnprintf(at->problem, sizeof at->problem, format, list);
    va_end(list);
    return false;
}

/* ---- Pieces of a line ------------------------------------------------------------------------------------------------------ */
/* The characters before the next space or colon go to word, and *at behind them and behind spaces. */
static void take_word(const char **at, char word[GOLDEN_TEXT])
{
    size_t length = strcspn(*at, " :\n"), kept = length < GOLDEN_TEXT ? length : GOLDEN_TEXT - 1;
    memcpy(word, *at, kept);
    word[kept] = 0;
    *at += length;
    *at += strspn(*at, " ");
}

static bool take(const char **at, const char *word)
{
    const char *p = *at;
    char found[GOLDEN_TEXT];
    take_word(&p, found);
    if (strcmp(found, word) != 0)
        return false;
    *at = p;
    return true;
}

static bool take_dtype(const char **at, ct_dtype *dtype)
{
    for (*dtype = CT_FLOAT32; *dtype <= CT_BOOL; ++*dtype)
        if (take(at, ct_dtype_name(*dtype)))
            return true;
    return false;
}

/* "[2,3] " */
static bool take_shape(const char **at, int64_t sizes[CT_MAX_RANK], size_t *rank)
{
    const char *p = *at;
    if (*p++ != '[')
        return false;
    for (*rank = 0; *p != ']'; ++*rank) {
        char *end;
        if (*rank == CT_MAX_RANK)
            return false;
        sizes[*rank] = strtoll(p, &end, 10);
        if (end == p || (*end != ',' && *end != ']'))
            return false;
        p = end + (*end == ',');
    }
    p++;
    *at = p + strspn(p, " ");
    return true;
}

/* ": 1 2 inf": the elements of a tensor of that shape, all of them and no more. */
static ct_tensor *take_values(struct golden *at, const char *p, ct_dtype dtype, const int64_t *sizes, size_t rank)
{
    double values[MOST_VALUES] = {0};
    int64_t count = 1;
    for (size_t i = 0; i < rank; i++)
        count *= sizes[i];
    if (*p != ':' || count < 0 || count > MOST_VALUES)
        return wrong(at, "no values, or more than %d", MOST_VALUES), NULL;
    p++;
    for (int64_t i = 0; i < count; i++) {
        char *end;
        values[i] = strtod(p, &end);
        if (end == p)
            return wrong(at, "value %d is missing", (int)i), NULL;
        p = end;
    }
    if (p[strspn(p, " \n")])
        return wrong(at, "more than %d values", (int)count), NULL;
    return ct_cast((ct_from_array)(values, CT_FLOAT64, sizes, rank), dtype);
}

/* ---- Tensors --------------------------------------------------------------------------------------------------------------- */
static ct_tensor *laid_out(struct golden *at, ct_tensor *x, const char *layout)
{
    int64_t sizes[CT_MAX_RANK], other[CT_MAX_RANK];
    int axes[CT_MAX_RANK], rank = ct_rank(x);
    char step[5 * CT_MAX_RANK + 1] = "";
    for (int i = 0; i < rank; i++) {
        sizes[i] = ct_size(x, i);
        axes[i] = rank - 1 - i;
        strcat(step, i ? ",1::2" : "1::2");
    }
    ct_tensor *y = NULL;
    if (!strcmp(layout, "contiguous"))
        return x;
    if (!strncmp(layout, "expanded", 8)) {
        y = (ct_expand)(ct_narrow(x, atoi(layout + 8), 0, 1), sizes, (size_t)rank);
        return ct_allclose(x, y, 0, 0, true) ? y : (wrong(at, "an %s operand that is not", layout), NULL);
    }
    if (!strncmp(layout, "last", 4)) {
        const int axis = atoi(layout + 4);
        return ct_movedim(ct_contiguous(ct_movedim(x, axis, -1)), -1, axis);
    }
    if (!strcmp(layout, "transposed")) {
        for (int i = 0; i < rank; i++)
            other[i] = sizes[axes[i]];
        y = (ct_permute)((ct_empty)(other, (size_t)rank, ct_dtype_of(x)), axes, (size_t)rank);
    } else if (!strcmp(layout, "sliced")) {
        for (int i = 0; i < rank; i++)
            other[i] = 2 * sizes[i] + 1;
        y = ct_slice((ct_full)(other, (size_t)rank, 77, ct_dtype_of(x)), step);
    } else if (!strcmp(layout, "flipped"))
        y = (ct_flip)((ct_empty)(sizes, (size_t)rank, ct_dtype_of(x)), NULL, 0);
    else
        wrong(at, "no layout: %s", layout);
    return (ct_copy_)(y, x);
}

static bool read_operand(struct golden *at, const char *p)
{
    int64_t sizes[CT_MAX_RANK];
    size_t rank, i = at->operands++;
    ct_dtype dtype;
    char layout[GOLDEN_TEXT];
    if (take(&p, "none"))
        return true;
    if (take(&p, "number"))
        at->in[i] = ct_scalar(strtod(p + 1, NULL));
    else if (take(&p, "integer"))
        at->in[i] = ct_scalar_int(strtoll(p + 1, NULL, 10));
    else if (take(&p, "boolean"))
        at->in[i] = ct_scalar_bool(strtoll(p + 1, NULL, 10) != 0);
    else if (!take_dtype(&p, &dtype))
        return wrong(at, "an operand of no dtype");
    else {
        at->wants[i] = take(&p, "grad");
        if (!take_shape(&p, sizes, &rank))
            return wrong(at, "an operand of no shape");
        take_word(&p, layout);
        ct_tensor *x = take_values(at, p, dtype, sizes, rank);
        at->in[i] = x ? laid_out(at, x, layout) : NULL;
        if (at->wants[i])
            ct_require_grad(at->in[i]);
    }
    return at->in[i] || wrong(at, "operand %d: %s", (int)i, ct_error());
}

static bool read_wanted(struct golden *at, const char *p, ct_tensor **list, size_t *count)
{
    int64_t sizes[CT_MAX_RANK];
    size_t rank;
    ct_dtype dtype;
    if (!take_dtype(&p, &dtype) || !take_shape(&p, sizes, &rank))
        return wrong(at, "a result of no dtype or no shape");
    list[*count] = take_values(at, p, dtype, sizes, rank);
    return list[(*count)++] != NULL;
}

/* ---- Cases ----------------------------------------------------------------------------------------------------------------- */
/* "key=value": a value that is a list of integers is kept as one too. */
static bool read_parameter(struct golden *at, const char *word)
{
    struct golden_parameter *to = &at->parameters[at->parameter_count];
    const char *value = strchr(word, '=');
    if (!value || at->parameter_count++ == GOLDEN_PARAMETERS)
        return wrong(at, "\"%s\" is no parameter, or one too many", word);
    *to = (struct golden_parameter){.count = 0};
    snprintf(to->key, sizeof to->key, "%.*s", (int)(value - word), word);
    snprintf(to->text, sizeof to->text, "%s", value + 1);
    const char *p = to->text;
    for (char *end; *p && to->count < GOLDEN_LIST; p = end + (*end == ',')) {
        to->sizes[to->count] = strtoll(p, &end, 10);
        to->ints[to->count] = (int)to->sizes[to->count];
        if (end == p)
            break;
        to->count++;
    }
    to->is_list = !*p;
    return true;
}

static bool read_name(struct golden *at, const char *p)
{
    char word[GOLDEN_TEXT];
    take_word(&p, at->name);
    while (*p && *p != '\n') {
        size_t length = strcspn(p, " \n");
        if (length >= sizeof word)
            return wrong(at, "a parameter is too long");
        memcpy(word, p, length);
        word[length] = 0;
        p += length;
        p += strspn(p, " ");
        if (!read_parameter(at, word))
            return false;
    }
    return true;
}

static bool read_line(struct golden *at, const char *p)
{
    if (take(&p, "case"))
        return read_name(at, p);
    if (at->operands == GOLDEN_TENSORS || at->results == GOLDEN_TENSORS || at->gradients == GOLDEN_TENSORS)
        return wrong(at, "too many tensors");
    if (take(&p, "in"))
        return read_operand(at, p);
    if (take(&p, "out"))
        return read_wanted(at, p, at->result, &at->results);
    if (take(&p, "gradient"))
        return read_wanted(at, p, at->gradient, &at->gradients);
    return wrong(at, "a line of no form: %.40s", p);
}

bool golden_open(struct golden *at, const char *path)
{
    char line[GOLDEN_TEXT] = "";
    *at = (struct golden){.file = fopen(path, "r"), .next_line = 1};
    if (at->file && fgets(line, sizeof line, at->file) && !strncmp(line, "# PyTorch ", 10))
        return true;
    return wrong(at, "%s", at->file ? "the first line names no PyTorch" : "cannot be opened");
}

bool golden_next(struct golden *at)
{
    char *line = NULL;
    size_t room = 0;
    *at = (struct golden){.file = at->file, .next_line = at->next_line};
    while (getline(&line, &room, at->file) > 0) {
        at->next_line++;
        if (*line == '\n' && at->line)
            break;
        if (*line == '\n' || *line == '#')
            continue;
        at->line = at->line ? at->line : at->next_line;
        read_line(at, line);
    }
    free(line);
    return at->line != 0;
}

void golden_close(struct golden *at)
{
    if (at->file)
        fclose(at->file);
}

/* ---- Parameters ------------------------------------------------------------------------------------------------------------ */
static struct golden_parameter *parameter(struct golden *at, const char *key)
{
    static struct golden_parameter missing;
    for (size_t i = 0; i < at->parameter_count; i++)
        if (!strcmp(at->parameters[i].key, key)) {
            at->parameters[i].read = true;
            return &at->parameters[i];
        }
    wrong(at, "the case has no parameter %s", key);
    return &missing;
}

const char *golden_text(struct golden *at, const char *key)
{
    return parameter(at, key)->text;
}

const struct golden_parameter *golden_list(struct golden *at, const char *key)
{
    const struct golden_parameter *found = parameter(at, key);
    if (!found->is_list)
        wrong(at, "%s=%s is no list", key, found->text);
    return found;
}

double golden_number(struct golden *at, const char *key)
{
    const char *text = golden_text(at, key);
    char *end;
    double value = strtod(text, &end);
    if (end == text || *end)
        wrong(at, "%s=%s is no number", key, text);
    return value;
}

int golden_word(struct golden *at, const char *key, const char *words)
{
    const char *text = golden_text(at, key);
    char word[GOLDEN_TEXT];
    for (int i = 0; *words; i++) {
        take_word(&words, word);
        if (!strcmp(word, text))
            return i;
    }
    wrong(at, "%s=%s is not known", key, text);
    return 0;
}

/* An end of a slice; none written is open. */
static int64_t bound(const char **p)
{
    char *end;
    int64_t value = strtoll(*p, &end, 10);
    value = end == *p ? CT_OPEN : value;
    *p = end;
    return value;
}

size_t golden_subscripts(struct golden *at, const char *key)
{
    size_t count = 0;
    for (const char *p = golden_text(at, key); *p && count < CT_MAX_RANK; p += *p == ',') {
        ct_subscript *s = &at->subscripts[count++];
        *s = (ct_subscript){.start = CT_OPEN, .stop = CT_OPEN, .step = 1};
        if (*p == '@') {
            p++;
            s->kind = CT_SUBSCRIPT_TENSOR;
            s->tensor = at->in[bound(&p) % GOLDEN_TENSORS];
        } else if (!strncmp(p, "None", 4)) {
            p += 4;
            s->kind = CT_SUBSCRIPT_NEW_AXIS;
        } else if (!strncmp(p, "...", 3)) {
            p += 3;
            s->kind = CT_SUBSCRIPT_ELLIPSIS;
        } else {
            s->start = bound(&p);
            s->kind = *p == ':' ? CT_SUBSCRIPT_SLICE : CT_SUBSCRIPT_INDEX;
            if (*p == ':') {
                p++;
                s->stop = bound(&p);
            }
            if (*p == ':') {
                p++;
                s->step = bound(&p);
            }
        }
        if (*p && *p != ',') {
            wrong(at, "%s=%s: not understood from %s on", key, golden_text(at, key), p);
            break;
        }
    }
    return count;
}

const char *golden_unread(const struct golden *at)
{
    for (size_t i = 0; i < at->parameter_count; i++)
        if (!at->parameters[i].read)
            return at->parameters[i].key;
    return NULL;
}
