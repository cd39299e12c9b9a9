#include "fuzz.h"

#include <data/table.h>

/* The first byte says how the rest is read. A table that comes is one: its codes are of its categories, and samples can be made of it. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const unsigned how = size ? data[0] : 0;
    ct_table_csv_options o = ct_table_csv_defaults;
    o.no_header = how & 1;
    o.separator = how & 2 ? ';' : how & 4 ? ' ' : ',';
    o.limit = how & 8 ? 2 : 0;
    o.missing = how & 16 ? NULL : o.missing;
    CT_SCOPE;
    ct_table *table = (ct_table_csv)(fuzz_file(data + (size > 0), size - (size > 0)), &o);
    if (!table == ct_ok())
        abort();
    ct_tensor *values = table ? ct_table_values(table) : NULL;
    const double *v = values && ct_numel(values) ? ct_data(values) : NULL;
    for (int64_t k = 0; v && k < ct_table_columns(table); k++)
        for (int64_t i = 0; i < ct_table_rows(table) && ct_table_is_category(table, k); i++) {
            const double code = v[i * ct_table_columns(table) + k];
            if (code == code && !ct_table_category(table, k, (int64_t)code))
                abort();
        }
    ct_dataset *set = table ? (ct_table_dataset)(table, &(ct_table_dataset_options){.label = ct_table_name(table, 0), .standardize = how & 32}) : NULL;
    if (set && ct_dataset_size(set) > ct_table_rows(table))
        abort();
    (ct_free)(set), (ct_free)(table);
    ct_error_clear();
    return 0;
}
