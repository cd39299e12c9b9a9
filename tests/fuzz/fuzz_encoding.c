#include "fuzz.h"

#include <data/table.h>

#include <string.h>

/* What is read and written again is the same. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ct_table_encoding *encoding = ct_table_encoding_load(fuzz_file(data, size));
    if (!encoding == ct_ok())
        abort();
    ct_table_encoding *again = encoding ? ct_table_encoding_parse(ct_table_encoding_json(encoding)) : NULL;
    if (encoding && (!again || strcmp(ct_table_encoding_json(again), ct_table_encoding_json(encoding))))
        abort();
    (ct_free)(encoding), (ct_free)(again);
    ct_error_clear();
    return 0;
}
