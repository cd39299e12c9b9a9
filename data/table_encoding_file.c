/* table_encoding_file.c - an encoding as JSON. A file is a stranger: every claim is checked before it is used. */
#include "table_encoding.h"

#include <autograd/memory.h>

#include "json_file.h"

#include <math.h>
#include <string.h>

static bool read_number(const char *where, const char *name, const json_t *column, const char *key, double *number)
{
    const json_t *value = json_object_get(column, key);
    *number = json_number_value(value);
    return (json_is_number(value) && isfinite(*number)) || ct_fail("%s: %s of column %.100s is no finite number", where, key, name);
}

static bool read_categories(const char *where, const json_t *list, struct encoded_column *column)
{
    const size_t count = json_array_size(list);
    if (!(column->categories = heap_zeroed(count + 1, sizeof *column->categories)))
        return ct_fail("%s: out of memory for %zu categories", where, count);
    for (size_t i = 0; i < count; i++) {
        const char *text = json_string_value(json_array_get(list, i));
        if (!text)
            return ct_fail("%s: category %zu of column %.100s is no string", where, i, column->name);
        if (i && strcmp(column->categories[i - 1], text) >= 0)
            return ct_fail("%s: category %zu of column %.100s, '%.100s', is not behind the one before", where, i, column->name, text);
        if (!(column->categories[i] = heap_copy_text(text)))
            return ct_fail("%s: out of memory for %zu categories", where, count);
        column->count++;
    }
    return true;
}

static bool read_column(const char *where, const json_t *value, struct encoded_column *column)
{
    const char *name = json_string_value(json_object_get(value, "name"));
    const json_t *categories = json_object_get(value, "categories");
    if (!name)
        return ct_fail("%s: a column without a name", where);
    if (!(column->name = heap_copy_text(name)))
        return ct_fail("%s: out of memory", where);
    column->is_category = categories;
    if (json_object_size(value) != (categories ? 2 : 4))
        return ct_fail("%s: column %.100s: want a name with categories, or with fill, center and scale", where, name);
    if (categories && !json_is_array(categories))
        return ct_fail("%s: categories of column %.100s are no list", where, name);
    if (categories)
        return read_categories(where, categories, column);
    if (!read_number(where, name, value, "fill", &column->fill) || !read_number(where, name, value, "center", &column->center) ||
        !read_number(where, name, value, "scale", &column->scale))
        return false;
    return column->scale > 0 || ct_fail("%s: scale of column %.100s is %g, want above 0", where, name, column->scale);
}

/* By a hash: a table has few columns, but a stranger's may claim many. */
static bool names_differ(const char *where, const ct_table_encoding *encoding)
{
    json_t *names = json_object();
    bool good = names != NULL;
    for (int64_t k = 0; good && k <= encoding->count; k++) {
        const char *name = k < encoding->count ? encoding->columns[k].name : encoding->label.name;
        if (name && json_object_get(names, name))
            good = ct_fail("%s: two columns are called \"%.100s\"", where, name);
        else if (name && json_object_set_new(names, name, json_null()))
            good = ct_fail("%s: out of memory", where);
    }
    json_decref(names);
    return good;
}

static ct_table_encoding *read_root(const char *where, const json_t *root)
{
    const char *kind = json_string_value(json_object_get(root, "kind"));
    const json_t *columns = json_object_get(root, "columns"), *label = json_object_get(root, "label");
    if (!kind || strcmp(kind, "table encoding"))
        return ct_fail("%s: not the encoding of a table: its kind is another", where);
    if (!json_is_array(columns) || !label || json_object_size(root) != 3)
        return ct_fail("%s: want kind, columns and label, and no more", where);
    ct_table_encoding *encoding = encoding_new(where, (int64_t)json_array_size(columns));
    bool good = encoding;
    for (size_t k = 0; good && k < json_array_size(columns); k++)
        good = read_column(where, json_array_get(columns, k), &encoding->columns[encoding->count++]);
    if (good && !json_is_null(label))
        good = read_column(where, label, &encoding->label);
    if (good && names_differ(where, encoding))
        return encoding_ready(where, encoding);
    object_drop(encoding);
    return NULL;
}

static ct_table_encoding *take_root(const char *where, json_t *root)
{
    ct_table_encoding *encoding = root ? read_root(where, root) : NULL;
    json_decref(root);
    return encoding;
}

ct_table_encoding *ct_table_encoding_parse(const char *json)
{
    return json ? take_root("table_encoding", json_file_parse("table_encoding", json)) : ct_fail("table_encoding_parse: text is NULL");
}

ct_table_encoding *ct_table_encoding_load(const char *path)
{
    return path ? take_root(path, json_file_read(path)) : ct_fail("table_encoding_load: path is NULL");
}

bool ct_table_encoding_save(const ct_table_encoding *encoding, const char *path)
{
    if (!encoding || !path)
        return ct_fail("table_encoding_save: %s is NULL", encoding ? "path" : "encoding");
    return json_file_save(path, encoding->json);
}
