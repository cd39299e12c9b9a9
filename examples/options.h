/* Command-line options as a table; what does not fit it ends the program with a word of explanation. */
#ifndef EXAMPLES_OPTIONS_H
#define EXAMPLES_OPTIONS_H
#include <stdint.h>

struct option_row {
    const char *name;                           /* "epochs" for --epochs N and --epochs=N; "" for a word by itself, which must be there; NULL ends the table */
    const char *argument;                       /* "N", as --help shows it; NULL: a switch */
    const char *help;
    int64_t *whole;                             /* where the value goes, one of these */
    double *number;
    const char **text;
    int *on;
    double least;                               /* smallest whole or number allowed */
};

/* Returns after setting what the command line names. --help prints and exits with 0, an error with 2. */
void options_parse(const char *purpose, const struct option_row *table, int count, char **words);
/* "PROGRAM: ..." on stderr, then exit with 2. */
_Noreturn void options_refuse(const char *format, ...) __attribute__((format(printf, 1, 2)));
#endif
