/* The table is walked once a word; values are checked where they are set. */
#include "options.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *program = "example";

void options_refuse(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fprintf(stderr, "%s: ", program);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    exit(2);
}

static void show_default(const struct option_row *row)
{
    if (row->whole)
        printf(" (%lld)", (long long)*row->whole);
    else if (row->number)
        printf(" (%g)", *row->number);
    else if (row->text && *row->text)
        printf(" (%s)", *row->text);
}

static void help(const char *purpose, const struct option_row *table)
{
    printf("usage: %s", program);
    for (const struct option_row *row = table; row->name; row++)
        if (!*row->name)
            printf(" %s", row->argument);
    printf(" [options]\n%s\n\n", purpose);
    for (const struct option_row *row = table; row->name; row++) {
        char left[64];
        const char *argument = row->argument ? row->argument : "";
        snprintf(left, sizeof left, "%s%s%s%s", *row->name ? "--" : "", row->name, *row->name && *argument ? " " : "", argument);
        printf("  %-18s %s", left, row->help);
        show_default(row);
        putchar('\n');
    }
    printf("  %-18s %s\n", "--help", "show this and stop");
}

static void set(const struct option_row *row, const char *value)
{
    char *end = NULL;
    errno = 0;
    if (row->text) {
        if (!*value)
            options_refuse("--%s: want a value", row->name);
        *row->text = value;
    } else if (row->whole) {
        long long whole = strtoll(value, &end, 10);
        if (end == value || *end || errno)
            options_refuse("--%s %s: want a whole number", row->name, value);
        if ((double)whole < row->least)
            options_refuse("--%s %s: want at least %g", row->name, value, row->least);
        *row->whole = whole;
    } else if (row->number) {
        double number = strtod(value, &end);
        if (end == value || *end || errno || !isfinite(number))
            options_refuse("--%s %s: want a number", row->name, value);
        if (number < row->least)
            options_refuse("--%s %s: want at least %g", row->name, value, row->least);
        *row->number = number;
    }
}

/* A word by itself goes to the first row for such that has none yet. */
static void take_word(const struct option_row *table, const char *word)
{
    const struct option_row *row = table;
    while (row->name && (*row->name || *row->text))
        row++;
    if (!row->name)
        options_refuse("%s: want options only (--help lists them)", word);
    *row->text = word;
}

static void want_words(const struct option_row *table)
{
    for (const struct option_row *row = table; row->name; row++)
        if (!*row->name && !*row->text)
            options_refuse("want %s (--help tells more)", row->argument);
}

void options_parse(const char *purpose, const struct option_row *table, int count, char **words)
{
    const char *slash = count > 0 ? strrchr(words[0], '/') : NULL;
    if (count > 0)
        program = slash ? slash + 1 : words[0];
    for (int i = 1; i < count; i++) {
        if (!strcmp(words[i], "--help")) {
            help(purpose, table);
            exit(0);
        }
        if (strncmp(words[i], "--", 2) != 0) {
            take_word(table, words[i]);
            continue;
        }
        const char *name = words[i] + 2, *equals = strchr(name, '=');
        size_t length = equals ? (size_t)(equals - name) : strlen(name);
        const struct option_row *row = table;
        while (row->name && (strlen(row->name) != length || strncmp(row->name, name, length) != 0))
            row++;
        if (!row->name || !length)
            options_refuse("unknown option --%.*s (--help lists them)", (int)length, name);
        if (!row->argument) {
            if (equals)
                options_refuse("--%s: takes no value", row->name);
            *row->on = 1;
        } else if (!equals && i + 1 == count) {
            options_refuse("--%s: want a value after it", row->name);
        } else {
            set(row, equals ? equals + 1 : words[++i]);
        }
    }
    want_words(table);
}
