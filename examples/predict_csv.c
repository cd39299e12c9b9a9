/* What a model of train_from_csv tells of the rows of a CSV file: predict_csv MODEL FILE. */
#define _POSIX_C_SOURCE 200809L
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "csv_model.h"
#include "settings.h"

static const char *model, *file, *output, *separator = ",", *missing = "NA,NaN,nan,null";
static int64_t threads, limit;

static const struct option_row options[] = {
    {"", "MODEL", "a file that train_from_csv saved", .text = &model},
    {"", "FILE", "a table with the columns that it was trained on, in any order; plain or gzip", .text = &file},
    {"output", "OUT", "write the predictions here, not to the standard output", .text = &output},
    CSV_ROWS(separator, missing, limit),
    {"threads", "N", "0: one per core", .whole = &threads},
    {0},
};

struct told {
    ct_table_encoding *encoding;
    ct_table *table;
    ct_module *net;
    const float *values;                        /* (rows, classes), probabilities, or (rows, 1) */
    int64_t rows, classes;
};

/* ---- Predicting -------------------------------------------------------------------------------------------------------------------- */
/* A category that the training rows did not have is as a missing one; the first is named. */
static ct_dataset *encode(const struct told *t)
{
    ct_dataset *set = ct_table_encode(t->table, t->encoding, .no_label = true, .strict = true);
    if (set)
        return set;
    char reason[512];
    snprintf(reason, sizeof reason, "%s", ct_error());
    ct_error_clear();
    if ((set = ct_table_encode(t->table, t->encoding, .no_label = true)))
        fprintf(stderr, "warning: %s; it and all such count as missing\n", reason);
    return set;
}

static bool predict(struct told *t)
{
    ct_dataset *set = encode(t);
    ct_tensor *outputs = set ? ct_train_predict(t->net, set) : NULL;
    ct_free(set);
    t->rows = ct_table_rows(t->table), t->classes = ct_table_encoding_classes(t->encoding);
    const int64_t wanted = t->classes ? t->classes : 1;
    if (outputs && (ct_rank(outputs) != 2 || ct_size(outputs, 1) != wanted || ct_dtype_of(outputs) != CT_FLOAT32))
        ct_fail("%s: the network tells something else than the %lld values that its label has", model, (long long)wanted);
    outputs = outputs && ct_ok() ? ct_contiguous(t->classes ? ct_softmax(outputs, 1) : outputs) : NULL;
    t->values = outputs ? ct_data(outputs) : NULL;
    return t->values;
}

static int64_t class_of(const struct told *t, int64_t row)
{
    const float *p = t->values + row * t->classes;
    int64_t best = 0;
    for (int64_t i = 1; i < t->classes; i++)
        best = p[i] > p[best] ? i : best;
    return best;
}

/* ---- Writing ----------------------------------------------------------------------------------------------------------------------- */
/* In quotes where RFC 4180 asks for them, and where blanks at the ends would be lost. */
static void put_text(FILE *out, const char *text, char between)
{
    const char special[] = {between, '"', '\r', '\n', 0};
    const size_t length = strlen(text);
    if (length && !text[strcspn(text, special)] && !strchr(" \t", *text) && !strchr(" \t", text[length - 1])) {
        fputs(text, out);
        return;
    }
    fputc('"', out);
    for (; *text; text++) {
        if (*text == '"')
            fputc('"', out);
        fputc(*text, out);
    }
    fputc('"', out);
}

/* The fewest digits that give the same number back. */
static void put_number(FILE *out, float number)
{
    char text[32];
    int digits = 5;
    do
        snprintf(text, sizeof text, "%.*g", ++digits, (double)number);
    while (digits < 9 && strtof(text, NULL) != number);
    fprintf(out, "%s\n", text);
}

static void put_rows(const struct told *t, FILE *out)
{
    const char between = csv_separator(separator);
    fprintf(out, t->classes ? "prediction%cprobability\n" : "prediction\n", between);
    for (int64_t row = 0; row < t->rows; row++) {
        if (!t->classes) {
            put_number(out, t->values[row]);
            continue;
        }
        const int64_t class = class_of(t, row);
        put_text(out, ct_table_encoding_class(t->encoding, class), between);
        fprintf(out, "%c%.4f\n", between, (double)t->values[row * t->classes + class]);
    }
}

static bool failed(const char *path)
{
    return ct_fail("%s: cannot be written: %s", path, strerror(errno));
}

/* A file is written beside its place and renamed: the old one or the new one is there, never a part. */
static bool write_rows(const struct told *t)
{
    if (!output) {
        put_rows(t, stdout);
        return !fflush(stdout) || failed("standard output");
    }
    const size_t room = strlen(output) + 8;
    char *beside = malloc(room);
    if (!beside)
        return failed(output);
    snprintf(beside, room, "%s.XXXXXX", output);
    const int descriptor = mkstemp(beside);
    FILE *out = descriptor >= 0 ? fdopen(descriptor, "w") : NULL;
    bool good = out;
    if (good) {
        put_rows(t, out);
        good = !fflush(out) && !ferror(out) && !fsync(descriptor);
        good = !fclose(out) && good && !rename(beside, output);
    }
    good = good || failed(output);
    if (!good && descriptor >= 0)
        unlink(beside);
    free(beside);
    return good;
}

/* ---- The score, where the label is there ----------------------------------------------------------------------------------------------- */
static void score_classes(const struct told *t, const double *values, int64_t column)
{
    int64_t right = 0, seen = 0;
    for (int64_t row = 0; row < t->rows; row++) {
        const double y = values[row * ct_table_columns(t->table) + column];
        if (isnan(y))
            continue;
        right += !strcmp(ct_table_encoding_class(t->encoding, class_of(t, row)), ct_table_category(t->table, column, (int64_t)y));
        seen++;
    }
    if (seen)
        fprintf(stderr, "accuracy: %.4f, of %lld rows\n", (double)right / (double)seen, (long long)seen);
}

static void score_numbers(const struct told *t, const double *values, int64_t column)
{
    double sum = 0, errors = 0, squares = 0, spread = 0;
    int64_t seen = 0;
    for (int pass = 0; pass < 2; pass++)
        for (int64_t row = 0; row < t->rows; row++) {
            const double y = values[row * ct_table_columns(t->table) + column], error = (double)t->values[row] - y;
            if (isnan(y))
                continue;
            if (pass)
                spread += (y - sum / (double)seen) * (y - sum / (double)seen);
            else
                sum += y, errors += fabs(error), squares += error * error, seen++;
        }
    if (seen)
        fprintf(stderr, "mae: %g, rmse: %g, r2: %.4f, of %lld rows\n", errors / (double)seen, sqrt(squares / (double)seen),
                spread > 0 ? 1 - squares / spread : (double)NAN, (long long)seen);
}

static void score(const struct told *t)
{
    const char *label = ct_table_encoding_label(t->encoding);
    const int64_t column = label ? ct_table_find(t->table, label) : -1;
    const double *values = column >= 0 ? ct_data(ct_table_values(t->table)) : NULL;
    if (!values || ct_table_missing(t->table, column) == t->rows)
        return;
    if (t->classes)
        score_classes(t, values, column);
    else
        score_numbers(t, values, column);
}

int main(int count, char **words)
{
    options_parse("Predicts the label of each row of a CSV file; where the label is there, tells the score too.", options, count, words);
    const char between = csv_separator(separator);
    if (output)
        settings_check_path("output", output);
    struct told t = {0};
    if (threads)
        ct_set_num_threads(threads < 1000 ? (int)threads : 1000);
    if (csv_model_load(model, &t.net, &t.encoding))
        t.table = ct_table_csv(file, .separator = between, .missing = missing, .limit = limit, .encoding = t.encoding);
    if (t.table && predict(&t) && write_rows(&t))
        score(&t);
    ct_free(t.net), ct_free(t.encoding), ct_free(t.table);
    const int failed_at_all = ct_report_error();
    ct_shutdown();
    return failed_at_all;
}
