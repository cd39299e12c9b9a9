/* A table of a module's layers. A first run of zeros shows the output shapes; nothing is printed until all is known. */
#include <string.h>

#include "autograd/memory.h"
#include "autograd/raw.h"
#include "nn/module.h"

struct row {
    ct_module *module;
    char layer[MODULE_PATH_BYTES], output[MODULE_PATH_BYTES];
    int64_t parameters;                         /* the module's own, without its children's */
};

struct table {
    struct row *rows;
    size_t count;
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

static bool first_floating(const char *name, ct_tensor *tensor, bool is_parameter, void *context)
{
    (void)name;
    *(ct_dtype *)context = ct_dtype_of(tensor);
    return !is_parameter;
}

static bool run(struct table *table, ct_module *module, ct_tensor *x)
{
    CT_SCOPE;
    CT_NO_GRAD;
    for (size_t i = 0; i < table->count; i++) {
        table->rows[i].module->watch = note_output;
        table->rows[i].module->watch_context = table->rows[i].output;
    }
    module_pause_training(module);
    bool ran = ct_forward(module, x) != NULL;
    module_resume_training(module);
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

static size_t widest(size_t a, const char *text)
{
    return strlen(text) > a ? strlen(text) : a;
}

static void print_line(FILE *file, size_t width)
{
    while (width--)
        fputc('-', file);
    fputc('\n', file);
}

static void print_table(const struct table *table, FILE *file, int64_t total, int64_t trainable)
{
    char number[40], other[40];
    size_t layer = strlen("layer"), output = strlen("output shape"), parameters = strlen("parameters");
    for (size_t i = 0; i < table->count; i++) {
        layer = widest(layer, table->rows[i].layer);
        output = widest(output, table->rows[i].output);
        parameters = widest(parameters, grouped(number, table->rows[i].parameters));
    }
    int a = (int)layer, b = (int)output, c = (int)parameters;
    fprintf(file, "%-*s  %-*s  %*s\n", a, "layer", b, "output shape", c, "parameters");
    print_line(file, layer + output + parameters + 4);
    for (size_t i = 0; i < table->count; i++) {
        const struct row *row = &table->rows[i];
        fprintf(file, "%-*s  %-*s  %*s\n", a, row->layer, b, row->output[0] ? row->output : "-", c,
                row->parameters ? grouped(number, row->parameters) : "-");
    }
    print_line(file, layer + output + parameters + 4);
    fprintf(file, "parameters: %s, trainable: %s\n", grouped(number, total), grouped(other, trainable));
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
        print_table(&table, file, module_count(module, false), module_count(module, true));
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
