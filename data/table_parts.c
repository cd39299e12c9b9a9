/* table_parts.c - some rows of a table as a table. */
#include "dataset.h"
#include "table_rows.h"

#include <autograd/memory.h>

#include <string.h>

static bool copy_column(const struct table_column *from, struct table_column *to)
{
    to->is_category = from->is_category;
    to->name = heap_copy_text(from->name);
    to->categories = heap_zeroed((size_t)from->count + 1, sizeof *to->categories);
    bool good = to->name && to->categories;
    for (int64_t i = 0; good && i < from->count; i++)
        good = (to->categories[to->count++] = heap_copy_text(from->categories[i]));
    return good;
}

static ct_table *pick(const char *call, const ct_table *table, const int64_t *rows, int64_t count)
{
    ct_table *part = table_new(table->columns);
    if (!part)
        return NULL;
    const size_t one = (size_t)table->columns * sizeof *part->values;
    bool good = (part->values = heap_zeroed((size_t)count + 1, one));
    for (int64_t k = 0; good && k < table->columns; k++)
        good = copy_column(&table->column[k], &part->column[k]);
    if (!good) {
        object_drop(part);
        return ct_fail("%s: out of memory for %lld rows", call, (long long)count);
    }
    for (int64_t i = 0; i < count; i++)
        memcpy(part->values + i * table->columns, table->values + rows[i] * table->columns, one);
    part->rows = count;
    return part;
}

ct_table *ct_table_select(const ct_table *table, const ct_tensor *rows)
{
    if (!table || !rows)
        return ct_fail("table_select: %s", table ? "rows are NULL" : "table is NULL");
    if (ct_rank(rows) != 1 || ct_dtype_of(rows) != CT_INT64)
        return ct_fail("table_select: rows are %s with %d axes, want int64 (K)", ct_dtype_name(ct_dtype_of(rows)), ct_rank(rows));
    CT_SCOPE;
    const ct_tensor *dense = ct_contiguous((ct_tensor *)rows);
    const int64_t *numbers = dense ? ct_data(dense) : NULL, count = ct_size(rows, 0);
    for (int64_t i = 0; numbers && i < count; i++)
        if (numbers[i] < 0 || numbers[i] >= table->rows)
            return ct_fail("table_select: row %lld at index %lld is not in [0, %lld)", (long long)numbers[i], (long long)i, (long long)table->rows);
    return numbers ? pick("table_select", table, numbers, count) : NULL;
}

bool ct_table_split(const ct_table *table, int64_t count, uint64_t seed, ct_table **chosen, ct_table **rest)
{
    if (chosen)
        *chosen = NULL;
    if (rest)
        *rest = NULL;
    if (!table || !chosen || !rest)
        return ct_fail("table_split: %s is NULL", table ? "place for a part" : "table");
    if (count < 0 || count > table->rows)
        return ct_fail("table_split: %lld rows of %lld", (long long)count, (long long)table->rows);
    int64_t *order = heap_zeroed((size_t)table->rows + 1, sizeof *order);
    if (!order)
        return ct_fail("table_split: out of memory for %lld rows", (long long)table->rows);
    dataset_shuffle(order, table->rows, seed, 0);
    ct_table *a = pick("table_split", table, order, count), *b = a ? pick("table_split", table, order + count, table->rows - count) : NULL;
    heap_free(order);
    if (!b) {
        object_drop(a);
        return false;
    }
    *chosen = a, *rest = b;
    return true;
}
