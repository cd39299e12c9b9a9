/* A table of a module's layers. A first run of zeros shows the output shapes and what the ops of each cost; nothing is printed until all
 * is known. */
#include <string.h>

#include "autograd/memory.h"
#include "autograd/raw.h"
#include "nn/module.h"

struct row {
    ct_module *module;
    char layer[MODULE_PATH_BYTES], output[MODULE_PATH_BYTES];
    int64_t parameters;                         /* the module's own, without its children's; so for the next two */
    double multiply_adds, bytes;                /* of products; of the results of its ops */
};

struct table {
    struct row *rows;
    size_t count;
    double multiply_adds, bytes, kept;          /* of all; what a graph keeps for backward */
};

static size_t count_modules(const ct_module *module)
{
    size_t count = 1;
    for (size_t i = 0; i < module->count; i++)
        if (module->entries[i].child)
            count += count_modules(module->entries[i].child);
    return count;
}

static void add_rows(struct table *table, ct_module *module, const char *name, int depth)
{
    struct row *row = &table->rows[table->count++];
    row->module = module;
    snprintf(row->layer, sizeof row->layer, "%*s%s%s%s%s%s", 2 * depth, "", name, *name ? "  " : "", module->kind,
             module->description[0] ? "  " : "", module->description);
    for (size_t i = 0; i < module->count; i++) {
        const struct module_entry *entry = &module->entries[i];
        if (entry->child)
            add_rows(table, entry->child, entry->name, depth + 1);
        else if (entry->is_parameter)
            row->parameters += ct_numel(entry->tensor);
    }
}

static void note_output(ct_module *self, const ct_tensor *result, void *context)
{
    (void)self;
    module_shape_text(context, result);
}

static void note_cost(unsigned place, double multiply_adds, double bytes, void *context)
{
    struct table *table = context;
    table->multiply_adds += multiply_adds, table->bytes += bytes;
    for (size_t i = 0; i < table->count; i++)
        if (table->rows[i].module->place == place) {
            table->rows[i].multiply_adds += multiply_adds, table->rows[i].bytes += bytes;
            return;
        }
}

static bool first_floating(const char *name, ct_tensor *tensor, bool is_parameter, void *context)
{
    (void)name;
    *(ct_dtype *)context = ct_dtype_of(tensor);
    return !is_parameter;
}

static bool run(struct table *table, ct_module *module, ct_tensor *x)
{
    CT_SCOPE;
    const size_t live = ct_memory().live;
    const bool was = ct_set_recording(true);
    for (size_t i = 0; i < table->count; i++) {
        table->rows[i].module->watch = note_output;
        table->rows[i].module->watch_context = table->rows[i].output;
    }
    module_pause_training(module);
    observe_ops(note_cost, table);
    bool ran = ct_forward(module, x) != NULL;
    observe_ops(NULL, NULL);
    table->kept = (double)ct_memory().live - (double)live;
    module_resume_training(module);
    ct_set_recording(was);
    for (size_t i = 0; i < table->count; i++)
        table->rows[i].module->watch = NULL;
    return ran;
}

/* 109386 as 109,386 */
static const char *grouped(char text[40], int64_t number)
{
    char digits[24];
    size_t count = (size_t)snprintf(digits, sizeof digits, "%lld", (long long)number), out = 0;
    for (size_t i = 0; i < count; i++) {
        if (i && (count - i) % 3 == 0 && digits[i - 1] != '-')
            text[out++] = ',';
        text[out++] = digits[i];
    }
    text[out] = 0;
    return text;
}

/* 37748736 as 37.7 M, or, of 1024 a step, 36 MiB; "-" for 0 */
static const char *rounded(char text[40], double number, bool bytes)
{
    static const char *const units[2][5] = {{"", " k", " M", " G", " T"}, {" B", " KiB", " MiB", " GiB", " TiB"}};
    const double step = bytes ? 1024 : 1000;
    int unit = 0;
    for (; number >= 999.5 && unit < 4; unit++)
        number /= step;
    if (number > 0)
        snprintf(text, 40, "%.*f%s", number >= 99.95 || !unit ? 0 : number >= 9.995 ? 1 : 2, number, units[bytes][unit]);
    else
        strcpy(text, "-");
    return text;
}

enum { COLUMNS = 5, WIDEST = 100, GAP = 2 };    /* a line is no wider: the words of a layer are cut */

static void row_texts(const struct row *row, char number[COLUMNS][40], const char *texts[COLUMNS])
{
    texts[0] = row->layer;
    texts[1] = row->output[0] ? row->output : "-";
    texts[2] = row->parameters ? grouped(number[2], row->parameters) : "-";
    texts[3] = rounded(number[3], row->multiply_adds, false);
    texts[4] = rounded(number[4], row->bytes, true);
}

static void print_row(FILE *file, const char *const texts[COLUMNS], const int widths[COLUMNS])
{
    const int length = (int)strlen(texts[0]);
    if (length > widths[0])
        fprintf(file, "%.*s...", widths[0] - 3, texts[0]);
    else
        fprintf(file, "%-*s", widths[0], texts[0]);
    fprintf(file, "  %-*s", widths[1], texts[1]);
    for (int i = 2; i < COLUMNS; i++)
        fprintf(file, "  %*s", widths[i], texts[i]);
    fputc('\n', file);
}

static void print_line(FILE *file, int width)
{
    while (width-- > 0)
        fputc('-', file);
    fputc('\n', file);
}

/* Parameters, their gradients and Adam's two averages of those; and what the graph of a step keeps. */
static void print_memory(FILE *file, const struct table *table, double parameters, double trainable)
{
    char text[3][40];
    fprintf(file, "multiply-adds: %s, memory: parameters %s, results %s, ", rounded(text[0], table->multiply_adds, false), rounded(text[1], parameters, true),
            rounded(text[2], table->bytes, true));
    fprintf(file, "a step with Adam about %s\n", rounded(text[0], parameters + 3 * trainable + table->kept, true));
}

static void print_table(const struct table *table, FILE *file, int64_t total, int64_t trainable, size_t item)
{
    static const char *const titles[COLUMNS] = {"layer", "output shape", "parameters", "mult-adds", "memory"};
    char number[COLUMNS][40];
    const char *texts[COLUMNS];
    int widths[COLUMNS], width = 0, rest = 0;
    for (int k = 0; k < COLUMNS; k++)
        widths[k] = (int)strlen(titles[k]);
    for (size_t i = 0; i < table->count; i++) {
        row_texts(&table->rows[i], number, texts);
        for (int k = 0; k < COLUMNS; k++)
            widths[k] = (int)strlen(texts[k]) > widths[k] ? (int)strlen(texts[k]) : widths[k];
    }
    for (int k = 1; k < COLUMNS; k++)
        rest += GAP + widths[k];
    if (widths[0] + rest > WIDEST)
        widths[0] = WIDEST - rest > 24 ? WIDEST - rest : 24;
    width = widths[0] + rest;
    print_row(file, titles, widths);
    print_line(file, width);
    for (size_t i = 0; i < table->count; i++) {
        row_texts(&table->rows[i], number, texts);
        print_row(file, texts, widths);
    }
    print_line(file, width);
    fprintf(file, "parameters: %s, trainable: %s\n", grouped(number[0], total), grouped(number[1], trainable));
    print_memory(file, table, (double)total * (double)item, (double)trainable * (double)item);
}

bool ct_module_summary_of(ct_module *module, FILE *file, ct_tensor *x)
{
    if (!module || !file) {
        if (ct_ok())
            ct_fail("module_summary: %s is NULL", module ? "file" : "module");
        return false;
    }
    struct table table = {.rows = heap_zeroed(count_modules(module), sizeof(struct row))};
    if (!table.rows) {
        ct_fail("module_summary: out of memory");
        return false;
    }
    add_rows(&table, module, "", 0);
    bool good = run(&table, module, x);
    if (!good)
        error_add(" (in module_summary)");
    if (good) {
        ct_dtype dtype = ct_default_dtype();
        if (ct_module_each(module, first_floating, &dtype))
            dtype = ct_default_dtype();         /* no parameter stopped it */
        print_table(&table, file, module_count(module, false), module_count(module, true), ct_dtype_size(dtype));
        good = !ferror(file);
        if (!good)
            ct_fail("module_summary: the file cannot be written");
    }
    heap_free(table.rows);
    return good;
}

bool(ct_module_summary)(ct_module *module, FILE *file, const int64_t *sizes, size_t rank)
{
    CT_SCOPE;
    ct_dtype dtype = ct_default_dtype();
    if (module && ct_module_each(module, first_floating, &dtype))
        dtype = ct_default_dtype();             /* no parameter stopped it */
    ct_tensor *zeros = (ct_zeros)(sizes, rank, dtype);
    return zeros && ct_module_summary_of(module, file, zeros);
}
