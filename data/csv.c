/* csv.c - tables from RFC 4180's files. Rows are read where they lie in a buffer that holds at least one whole row; a column that turns out to be
 * none of numbers has the file read again with it as categories. */
#include "byte_file.h"
#include "decimal.h"
#include "table_encoding.h"
#include "utf8.h"

#include <autograd/memory.h>

#include <math.h>
#include <string.h>

const ct_table_csv_options ct_table_csv_defaults = {CT_TABLE_CSV_DEFAULTS.end_ = 0};

enum { BUFFER = 1 << 20, ROW_MOST = 1 << 28, COLUMNS_MOST = 1 << 20 };

struct reader {
    const ct_table_csv_options *options;
    const char *path;
    gzFile file;
    char *buffer;
    size_t room, used;
    const char *at, *end;                       /* the unread part of the buffer */
    bool at_last;                               /* the file ends with the buffer */
    int64_t line;                               /* of `at` */
    char *text;                                 /* a field out of its quotes */
    size_t text_room;
    bool again, failed;                         /* again: a column of numbers turned out to be one of categories */
};

enum row { ROW_READ, ROW_CUT, ROW_BAD };        /* cut: the buffer ends before the row does */

struct field {
    const char *text;
    size_t length;
    bool quoted;
};

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static bool is_end(char c)
{
    return c == '\n' || c == '\r';
}

static enum row bad(const struct reader *r, const char *what)
{
    ct_fail("%s: line %lld: %s", r->path, (long long)r->line, what);
    return ROW_BAD;
}

/* ---- The buffer -------------------------------------------------------------------------------------------------------------- */
/* Moves what is unread to the front and reads more behind it. */
static bool refill(struct reader *r)
{
    r->failed = true;                           /* until it went well */
    const size_t kept = (size_t)(r->end - r->at);
    if (kept == r->room) {
        if (r->room >= ROW_MOST)
            return bad(r, "the row is longer than 256 MiB (is a quote open?)") != ROW_BAD;
        char *buffer = heap_alloc(2 * r->room);
        if (!buffer)
            return bad(r, "out of memory for a long row") != ROW_BAD;
        memcpy(buffer, r->at, kept);
        heap_free(r->buffer);
        r->buffer = buffer, r->room *= 2;
    } else {
        memmove(r->buffer, r->at, kept);
    }
    const int64_t got = byte_file_read(r->file, r->path, r->buffer + kept, r->room - kept);
    if (got < 0)
        return false;
    r->at = r->buffer, r->end = r->buffer + kept + got;
    r->at_last = (size_t)got < r->room - kept;
    r->failed = false;
    return true;
}

/* ---- A field ----------------------------------------------------------------------------------------------------------------- */
/* Between quotes; *p is behind the first one, and afterwards behind the last. */
static enum row read_quoted(struct reader *r, const char **p, struct field *field, int64_t *line)
{
    const char *from = *p;
    size_t length = 0;
    for (const char *q = from;; q++) {
        if (q == r->end)
            return r->at_last ? bad(r, "a quote is not closed") : ROW_CUT;
        if (*q == '"' && q + 1 == r->end && !r->at_last)
            return ROW_CUT;
        if (*q == '"' && (q + 1 == r->end || q[1] != '"')) {
            *p = q + 1;
            *field = (struct field){length ? r->text : "", length, true};
            return ROW_READ;
        }
        q += *q == '"';
        *line += *q == '\n';
        if (length == r->text_room) {
            char *text = heap_resize(r->text, 2 * r->text_room + 64);
            if (!text)
                return bad(r, "out of memory for a field");
            r->text = text, r->text_room = 2 * r->text_room + 64;
        }
        r->text[length++] = *q;
    }
}

/* *p at the field's first character; afterwards at what ended it: a separator, a line's end or the buffer's. */
static enum row read_field(struct reader *r, const char **p, struct field *field, int64_t *line)
{
    const char separator = r->options->separator, *q = *p;
    while (q < r->end && is_blank(*q) && *q != separator)
        q++;
    if (q < r->end && *q == '"') {
        q++;
        const enum row row = read_quoted(r, &q, field, line);
        if (row != ROW_READ)
            return row;
        while (q < r->end && is_blank(*q) && *q != separator)
            q++;
        if (q < r->end && *q != separator && !is_end(*q))
            return bad(r, "text behind a closing quote");
    } else {
        const char *from = q;
        while (q < r->end && *q != separator && !is_end(*q))
            q++;
        const char *last = q;
        while (last > from && is_blank(last[-1]))
            last--;
        *field = (struct field){from, (size_t)(last - from), false};
    }
    *p = q;
    return q == r->end && !r->at_last ? ROW_CUT : ROW_READ;
}

static bool is_missing(const struct reader *r, const struct field *field)
{
    return !field->length || table_list_has(r->options->missing, field->text, field->length);
}

/* A number, the code of a category, or NaN. A column that had nothing yet may still become one of categories; one of numbers needs another reading. */
static enum row store(struct reader *r, struct table_column *column, const struct field *field, double *value)
{
    *value = (double)NAN;
    if (is_missing(r, field))
        return ROW_READ;
    const char *at = field->text, *end = field->text + field->length;
    if (!column->is_category && decimal_read(&at, end, value) && at == end) {
        column->has_numbers = true;
        return ROW_READ;
    }
    if (column->only_numbers) {
        ct_fail("%s: line %lld: %s: \"%.*s\" is no number", r->path, (long long)r->line, column->name, (int)(field->length < 80 ? field->length : 80),
                field->text);
        return ROW_BAD;
    }
    column->is_category = true;
    if (column->has_numbers) {
        r->again = true;
        return ROW_READ;
    }
    if (memchr(field->text, 0, field->length))
        return bad(r, "a byte of 0");
    const int64_t known = column->count, code = table_code(column, field->text, field->length);
    *value = (double)code;
    if (code < 0)
        return bad(r, "out of memory for a category");
    return code == known && utf8_fault(column->categories[code]) != SIZE_MAX ? bad(r, "not UTF-8") : ROW_READ;
}

/* ---- A row ------------------------------------------------------------------------------------------------------------------- */
/* Behind the end of a line, "\n", "\r\n" or "\r". */
static bool skip_end(const struct reader *r, const char **p)
{
    if (*p < r->end && **p == '\r') {
        if (*p + 1 == r->end && !r->at_last)
            return false;
        ++*p;
        if (*p < r->end && **p == '\n')
            ++*p;
    } else if (*p < r->end) {
        ++*p;
    }
    return true;
}

/* The plain case: a number and at once what ends it. */
static bool read_number(const struct reader *r, struct table_column *column, const char **p, double *value)
{
    const char *q = *p;
    if (column->is_category || !decimal_read(&q, r->end, value) || q == r->end || (*q != r->options->separator && !is_end(*q)))
        return false;
    column->has_numbers = true;
    *p = q;
    return true;
}

static enum row read_row(struct reader *r, ct_table *table, double *values)
{
    const char *p = r->at;
    int64_t line = r->line, k = 0;
    for (;; p++) {
        struct field field;
        if (k == table->columns) {
            ct_fail("%s: line %lld: more than the %lld fields of the first row", r->path, (long long)r->line, (long long)table->columns);
            return ROW_BAD;
        }
        if (!read_number(r, &table->column[k], &p, &values[k])) {
            enum row row = read_field(r, &p, &field, &line);
            if (row == ROW_READ)
                row = store(r, &table->column[k], &field, &values[k]);
            if (row != ROW_READ)
                return row;
        }
        k++;
        if (p == r->end || *p != r->options->separator)
            break;
    }
    if (k < table->columns) {
        ct_fail("%s: line %lld: %lld fields, the first row has %lld", r->path, (long long)r->line, (long long)k, (long long)table->columns);
        return ROW_BAD;
    }
    if (!skip_end(r, &p))
        return ROW_CUT;
    r->at = p, r->line = line + 1;
    return ROW_READ;
}

/* Past empty lines. False: nothing follows, or a failure. */
static bool next_row(struct reader *r)
{
    for (;;) {
        while (r->at < r->end && (is_end(*r->at) || (is_blank(*r->at) && *r->at != r->options->separator))) {
            const char *line = r->at;           /* blanks count only in a row that has more */
            while (line < r->end && is_blank(*line) && *line != r->options->separator)
                line++;
            if (line == r->end || !is_end(*line))
                break;
            r->line += *line == '\n' || line + 1 == r->end || line[1] != '\n';
            r->at = line + 1;
        }
        if (r->at < r->end)
            return true;
        if (r->at_last || !refill(r))
            return false;
    }
}

/* ---- A file ------------------------------------------------------------------------------------------------------------------ */
/* Of the row at r->at, which is whole in the buffer afterwards. -1: a failure. */
static int64_t count_fields(struct reader *r)
{
    for (;;) {
        const char *p = r->at;
        int64_t line = r->line, columns = 0;
        enum row row;
        for (struct field field; (row = read_field(r, &p, &field, &line)) == ROW_READ; p++) {
            columns++;
            if (p == r->end || *p != r->options->separator)
                break;
        }
        if (columns > COLUMNS_MOST)
            row = bad(r, "more than 2^20 fields");
        if (row == ROW_BAD)
            return -1;
        if (row == ROW_READ && skip_end(r, &p))
            return columns;
        if (!refill(r))
            return -1;
    }
}

static bool name_column(struct reader *r, ct_table *table, struct table_column *names, int64_t k, const struct field *field)
{
    struct table_column *column = &table->column[k];
    const bool has_zero = memchr(field->text, 0, field->length); /* which table_code takes for the end of a text */
    const int64_t code = has_zero ? -1 : table_code(names, field->text, field->length);
    if (has_zero || (code >= 0 && utf8_fault(names->categories[code]) != SIZE_MAX))
        return ct_fail("%s: line %lld: the name of column %lld is not UTF-8 text", r->path, (long long)r->line, (long long)k + 1);
    if (code >= 0 && code < k)
        return ct_fail("%s: line %lld: columns %lld and %lld are both called \"%s\"", r->path, (long long)r->line, (long long)code + 1, (long long)k + 1,
                       names->categories[code]);
    if (code < 0 || !(column->name = heap_copy_text(names->categories[code])))
        return ct_fail("%s: out of memory for names", r->path);
    const struct encoded_column *known = encoded_find(r->options->encoding, column->name);
    column->is_category = table_list_has(r->options->categories, field->text, field->length) || (known && known->is_category);
    column->only_numbers = table_list_has(r->options->numbers, field->text, field->length) || (known && !known->is_category);
    return true;
}

/* Columns and their names, from the first row or by number. */
static ct_table *read_header(struct reader *r)
{
    const int64_t columns = next_row(r) ? count_fields(r) : 0;
    if (columns < 1)
        return ct_ok() ? ct_fail("%s: no rows", r->path) : NULL;
    ct_table *table = table_new(columns);
    struct table_column names = {0};
    const char *p = r->at;
    int64_t line = r->line;
    bool good = table != NULL;
    for (int64_t k = 0; good && k < columns; k++, p++) {
        char number[24];
        snprintf(number, sizeof number, "%lld", (long long)k);
        struct field field = {number, strlen(number), false};
        if (!r->options->no_header)
            read_field(r, &p, &field, &line);
        good = name_column(r, table, &names, k, &field);
    }
    table_column_clear(&names);
    if (!good) {
        object_drop(table);
        return NULL;
    }
    if (!r->options->no_header) {
        p--;
        skip_end(r, &p);
        r->at = p, r->line = line + 1;
    }
    return table;
}

static bool make_room(struct reader *r, ct_table *table, int64_t *room)
{
    if (table->rows < *room)
        return true;
    const int64_t wanted = *room ? 2 * *room : 256;
    size_t bytes;
    double *values = !__builtin_mul_overflow((size_t)wanted, (size_t)table->columns * sizeof *values, &bytes) ? heap_resize(table->values, bytes) : NULL;
    if (!values)
        return bad(r, "out of memory for the rows") != ROW_BAD;
    table->values = values, *room = wanted;
    return true;
}

static bool read_rows(struct reader *r, ct_table *table)
{
    int64_t room = 0;
    const int64_t limit = r->options->limit ? r->options->limit : INT64_MAX;
    while (table->rows < limit && next_row(r)) {
        if (!make_room(r, table, &room))
            return false;
        const enum row row = read_row(r, table, table->values + table->rows * table->columns);
        if (row == ROW_BAD || (row == ROW_CUT && !refill(r)))
            return false;
        table->rows += row == ROW_READ;
    }
    return !r->failed;
}

/* Every name in the options is a column's. */
static bool check_lists(const struct reader *r, const ct_table *table)
{
    return table_names_exist(r->options->categories, table, r->path) && table_names_exist(r->options->numbers, table, r->path);
}

/* From the file's start. known: what an earlier reading found out about the columns, or NULL. */
static ct_table *read_table(struct reader *r, const ct_table *known)
{
    *r = (struct reader){.options = r->options, .path = r->path, .file = r->file, .buffer = r->buffer, .room = r->room, .text = r->text,
                         .text_room = r->text_room, .line = 1};
    r->at = r->end = r->buffer;
    if (gzrewind(r->file))
        return ct_fail("%s: cannot read from its start", r->path);
    if (!refill(r))
        return NULL;
    if (r->end - r->at >= 3 && !memcmp(r->at, "\xef\xbb\xbf", 3))
        r->at += 3;
    ct_table *table = read_header(r);
    for (int64_t k = 0; table && known && k < known->columns && k < table->columns; k++)
        table->column[k].is_category = known->column[k].is_category;
    if (table && check_lists(r, table) && read_rows(r, table) && (r->again || table_sort_categories(table)))
        return table;
    object_drop(table);
    return NULL;
}

static bool check(const char *path, const ct_table_csv_options *o)
{
    if (!path)
        return ct_fail("table_csv: path is NULL");
    if (!o->separator || o->separator == '"' || is_end(o->separator) || (o->separator >= '0' && o->separator <= '9') || strchr("+-.eE", o->separator))
        return ct_fail("table_csv: separator '%c' (byte %d) cannot be told from what it separates", o->separator, (unsigned char)o->separator);
    if (o->limit < 0)
        return ct_fail("table_csv: limit %lld is negative", (long long)o->limit);
    return true;
}

ct_table *(ct_table_csv)(const char *path, const ct_table_csv_options *options)
{
    const ct_table_csv_options o = options ? *options : ct_table_csv_defaults;
    struct reader r = {.options = &o, .path = path, .room = BUFFER};
    if (!check(path, &o) || !(r.file = byte_file_open(path)))
        return NULL;
    ct_table *table = NULL;
    if (!(r.buffer = heap_alloc(r.room)))
        ct_fail("%s: out of memory", path);
    else
        table = read_table(&r, NULL);
    if (table && r.again) {
        ct_table *first = table;
        r.again = false;
        table = read_table(&r, first);
        object_drop(first);
        if (table && r.again) {                 /* what was a number a moment ago is none */
            object_drop(table);
            table = ct_fail("%s: it changed while it was read", path);
        }
    }
    const bool good = byte_file_close(r.file, path, table != NULL);
    heap_free(r.buffer), heap_free(r.text);
    if (table && good)
        return table;
    object_drop(table);
    return NULL;
}
