/* Encodings of tables: fitted on some rows, applied to others, as files good and bad. */
#define _GNU_SOURCE
#include <cotangent.h>

#include <autograd/memory.h>

#include <math.h>
#include <time.h>

#include "files.h"

static ct_table *table_of(const char *text)
{
    write_file(path_of("t.csv"), text, strlen(text));
    ct_table *table = ct_table_csv(path_of("t.csv"));
    unlink(path_of("t.csv"));
    assert_fine();
    return table;
}

static const char training[] = "id,x,color,y,kind\n1,1,red,10,a\n2,3,,20,b\n3,,blue,30,\n4,8,red,40,a\n";

static void assert_sample(ct_dataset *set, int64_t index, const float *wanted, int64_t count)
{
    CT_SCOPE;
    ct_tensor *x, *y;
    assert_true(ct_dataset_get(set, index, &x, &y));
    assert_int_equal(ct_numel(x), count);
    for (int64_t i = 0; i < count; i++)
        assert_float_equal(((const float *)ct_data(x))[i], wanted[i], 1e-6);
}

static double label(ct_dataset *set, int64_t index)
{
    CT_SCOPE;
    ct_tensor *x, *y;
    assert_true(ct_dataset_get(set, index, &x, &y));
    return ct_item(y);
}

static void test_other_rows_by_the_training_rows(void **state)
{
    (void)state;
    ct_table *table = table_of(training), *other = table_of("kind,more,color,x,y\nb,q,blue,5,7\na,q,green,,1e3\n,q,,100,0\n");
    ct_table_encoding *encoding = ct_table_fit(table, .label = "kind", .drop = "id", .standardize = true);
    assert_fine();
    assert_int_equal(ct_table_encoding_features(encoding), 4);
    assert_int_equal(ct_table_encoding_classes(encoding), 2);
    assert_string_equal(ct_table_encoding_class(encoding, 1), "b");
    assert_null(ct_table_encoding_class(encoding, 2));
    const float deviation = sqrtf(26.0f / 3), y = sqrtf(125);
    ct_dataset *set = ct_table_encode(other, encoding), *bare = ct_table_encode(other, encoding, .no_label = true);
    assert_fine();
    assert_int_equal(ct_dataset_size(set), 2);
    assert_sample(set, 0, (const float[]){1 / deviation, 1, 0, -18 / y}, 4);
    assert_sample(set, 1, (const float[]){0, 0, 0, 975 / y}, 4); /* green was not there; a missing number is the training mean */
    assert_true(label(set, 0) == 1 && label(set, 1) == 0);
    assert_int_equal(ct_dataset_size(bare), 3);
    assert_sample(bare, 2, (const float[]){96 / deviation, 0, 0, -25 / y}, 4);
    ct_free(set), ct_free(bare);
    set = ct_table_encode(table, encoding);      /* its own rows: as in one step */
    ct_dataset *direct = ct_table_dataset(table, .label = "kind", .drop = "id", .standardize = true);
    assert_int_equal(ct_dataset_size(set), ct_dataset_size(direct));
    CT_SCOPE;
    for (int64_t i = 0; i < ct_dataset_size(set); i++) {
        ct_tensor *x[2], *z[2];
        assert_true(ct_dataset_get(set, i, &x[0], &z[0]) && ct_dataset_get(direct, i, &x[1], &z[1]));
        assert_true(ct_equal(x[0], x[1]) && ct_equal(z[0], z[1]));
    }
    ct_free(set), ct_free(direct), ct_free(encoding), ct_free(table), ct_free(other);
}

static void test_a_split_does_not_leak(void **state)
{
    (void)state;
    CT_SCOPE;
    ct_table *table = table_of(training), *train = ct_table_select(table, ct_vector_int(1, 0)), *test = ct_table_select(table, ct_vector_int(2, 3)), *a, *b;
    assert_int_equal(ct_table_rows(train), 2);
    ct_table_encoding *encoding = ct_table_fit(train, .drop = "id,y,kind");
    assert_int_equal(ct_table_encoding_features(encoding), 2); /* x and red: blue is of the other rows */
    ct_dataset *set = ct_table_encode(test, encoding);
    assert_sample(set, 0, (const float[]){2, 0}, 2); /* the mean of 3 and 1 */
    assert_sample(set, 1, (const float[]){8, 1}, 2);
    ct_free(set);
    bool seen[5] = {false};
    assert_true(ct_table_split(table, 3, 7, &a, &b));
    assert_true(ct_table_rows(a) == 3 && ct_table_rows(b) == 1);
    ct_table *const parts[2] = {a, b};
    for (int k = 0; k < 2; k++) {
        const double *values = ct_data(ct_table_values(parts[k]));
        for (int64_t i = 0; i < ct_table_rows(parts[k]); i++)
            seen[(int)values[5 * i]] = true;
    }
    assert_true(seen[1] && seen[2] && seen[3] && seen[4]);
    assert_string_equal(ct_table_category(b, 2, 0), "blue");
    assert_null(ct_table_select(table, ct_vector_int(0, 4)));
    assert_error("table_select: row 4 at index 1 is not in [0, 4)");
    assert_null(ct_table_select(table, ct_vector(0)));
    assert_error("rows are float32 with 1 axes, want int64 (K)");
    ct_table *none;
    assert_false(ct_table_split(table, 5, 0, &none, &none));
    assert_error("table_split: 5 rows of 4");
    ct_free(a), ct_free(b), ct_free(table), ct_free(train), ct_free(test), ct_free(encoding);
}

static void test_tables_that_do_not_fit(void **state)
{
    (void)state;
    ct_table *table = table_of(training), *empty = table_of("a,b\n");
    ct_table_encoding *encoding = ct_table_fit(table, .label = "kind", .drop = "id");
    static const struct {
        const char *text;
        bool strict;
        const char *error;
    } bad[] = {
        {"x,y,kind\n1,2,a\n", false, "table_encode: no column is called \"color\""},
        {"x,color,y\n1,red,2\n", false, "no column is called \"kind\""},
        {"x,color,y,kind\nhigh,red,2,a\n", false, "column x has categories, the encoding wants numbers"},
        {"x,color,y,kind\n1,7,2,a\n", false, "column color has numbers, the encoding wants categories (.categories of table_csv)"},
        {"x,color,y,kind\n1,red,2,a\n1,red,2,z\n", false, "row 1, column kind: \"z\" is none of the encoding's 2 categories"},
        {"x,color,y,kind\n1,green,2,a\n", true, "row 0, column color: \"green\" is none of the encoding's 2 categories"},
        {"x,color,y,kind\n1,red,1e39,a\n", false, "row 0, column y: 1e+39 is more than float32 holds"},
        {"x,color,y,kind\n", false, "the table has no rows"},
        {"x,color,y,kind\n1,red,1,\n", false, "no row has a label"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        ct_table *other = table_of(bad[i].text);
        assert_null(ct_table_encode(other, encoding, .strict = bad[i].strict));
        assert_error(bad[i].error);
        ct_free(other);
    }
    ct_table *missing = table_of("x,color,y,kind\n,,,a\n"); /* nothing there is of no kind */
    ct_dataset *set = ct_table_encode(missing, encoding, .strict = true);
    assert_fine();
    assert_sample(set, 0, (const float[]){4, 0, 0, 25}, 4);
    ct_free(set), ct_free(missing);
    assert_null(ct_table_fit(empty));
    assert_error("table_fit: the table has no rows");
    assert_null(ct_table_fit(table, .label = "none"));
    assert_error("table_fit: no column is called \"none\"");
    assert_null(ct_table_fit(table, .drop = "none"));
    assert_error("table_fit: drop: no column is called \"none\"");
    assert_null(ct_table_fit(table, .drop = "id,x,color,y,kind"));
    assert_error("table_fit: no column is left for x");
    assert_null(ct_table_fit(NULL));
    assert_error("table_fit: table is NULL");
    assert_null(ct_table_encode(table, NULL));
    assert_error("table_encode: encoding is NULL");
    ct_free(table), ct_free(empty), ct_free(encoding);
}

/* ---- Files ------------------------------------------------------------------------------------------------------------------------ */
/* A few rows alone may look otherwise than the whole. */
static void test_an_encoding_tells_a_file_its_kinds(void **state)
{
    (void)state;
    ct_table *table = table_of("x,\"a,b\",kind\n1,7,0\n2,q,one\n");
    ct_table_encoding *encoding = ct_table_fit(table, .label = "kind");
    assert_string_equal(ct_table_encoding_label(encoding), "kind");
    ct_table_encoding *bare = ct_table_fit(table);
    assert_null(ct_table_encoding_label(bare));
    assert_null(ct_table_encoding_label(NULL));
    static const char few[] = "kind,more,\"a,b\",x\n0,3,7,\n", bad[] = "\"a,b\",x\n7,1\n7,none\n";
    write_file(path_of("f.csv"), few, strlen(few));
    ct_table *other = ct_table_csv(path_of("f.csv"), .encoding = encoding);
    assert_fine();
    assert_true(ct_table_is_category(other, 0) && !ct_table_is_category(other, 1) && ct_table_is_category(other, 2) && !ct_table_is_category(other, 3));
    ct_dataset *set = ct_table_encode(other, encoding);
    assert_sample(set, 0, (const float[]){1.5f, 1, 0}, 3);
    assert_true(label(set, 0) == 0);
    write_file(path_of("f.csv"), bad, strlen(bad));
    assert_null(ct_table_csv(path_of("f.csv"), .encoding = encoding));
    assert_error("line 3: x: \"none\" is no number");
    unlink(path_of("f.csv"));
    ct_free(set), ct_free(table), ct_free(other), ct_free(encoding), ct_free(bare);
}

static void test_an_encoding_comes_back_as_it_was(void **state)
{
    (void)state;
    ct_table *table = table_of("x,\"a \"\"name\"\"\",y\n0.1,\"r\xc3\xa9\"\"d\nline\",1e-300\n0.7,,3e300\n1e17,b,5\n");
    ct_table_encoding *encoding = ct_table_fit(table, .label = "a \"name\"", .standardize = true, .drop = "y");
    assert_true(ct_table_encoding_save(encoding, path_of("e.json")));
    ct_table_encoding *loaded = ct_table_encoding_load(path_of("e.json")), *parsed = ct_table_encoding_parse(ct_table_encoding_json(encoding));
    assert_fine();
    unlink(path_of("e.json"));
    assert_string_equal(ct_table_encoding_json(loaded), ct_table_encoding_json(encoding));
    assert_string_equal(ct_table_encoding_json(parsed), ct_table_encoding_json(encoding));
    assert_string_equal(ct_table_encoding_class(loaded, 1), "r\xc3\xa9\"d\nline");
    ct_dataset *first = ct_table_encode(table, encoding), *second = ct_table_encode(table, loaded);
    CT_SCOPE;
    for (int64_t i = 0; i < 2; i++) {
        ct_tensor *x[2], *y[2];
        assert_true(ct_dataset_get(first, i, &x[0], &y[0]) && ct_dataset_get(second, i, &x[1], &y[1]));
        assert_true(ct_equal(x[0], x[1]) && ct_equal(y[0], y[1]));
    }
    ct_free(table), ct_free(encoding), ct_free(loaded), ct_free(parsed), ct_free(first), ct_free(second);
    assert_false(ct_table_encoding_save(NULL, path_of("e.json")));
    assert_error("encoding is NULL");
}

#define COLUMN "{\"name\":\"x\",\"fill\":0,\"center\":0,\"scale\":1}"
#define ROOT(columns, label) "{\"kind\":\"table encoding\",\"columns\":[" columns "],\"label\":" label "}"

static void test_bad_files_are_refused(void **state)
{
    (void)state;
    static const char *const bad[][2] = {
        {"", "not valid JSON"},
        {"[", "not valid JSON"},
        {"[]", "its kind is another"},
        {"{\"kind\":\"words\"}", "its kind is another"},
        {"{\"kind\":\"table encoding\",\"kind\":\"table encoding\"}", "duplicate"},
        {"{\"kind\":\"table encoding\",\"columns\":[]}", "want kind, columns and label"},
        {"{\"kind\":\"table encoding\",\"columns\":{},\"label\":null}", "want kind, columns and label"},
        {"{\"kind\":\"table encoding\",\"columns\":[],\"label\":null,\"more\":1}", "and no more"},
        {ROOT("", "null"), "no column is left for x"},
        {ROOT("{\"name\":\"c\",\"categories\":[]}", "null"), "no column is left for x"},
        {ROOT("7", "null"), "a column without a name"},
        {ROOT("{\"name\":7}", "null"), "a column without a name"},
        {ROOT("{\"name\":\"x\"}", "null"), "column x: want a name with categories, or with fill, center and scale"},
        {ROOT("{\"name\":\"x\",\"fill\":0,\"center\":0,\"scale\":1,\"more\":0}", "null"), "column x: want"},
        {ROOT("{\"name\":\"x\",\"fill\":0,\"center\":0,\"Scale\":1}", "null"), "scale of column x is no finite number"},
        {ROOT("{\"name\":\"x\",\"fill\":\"0\",\"center\":0,\"scale\":1}", "null"), "fill of column x is no finite number"},
        {ROOT("{\"name\":\"x\",\"fill\":1e999,\"center\":0,\"scale\":1}", "null"), "not valid JSON"},
        {ROOT("{\"name\":\"x\",\"fill\":0,\"center\":0,\"scale\":0}", "null"), "scale of column x is 0, want above 0"},
        {ROOT("{\"name\":\"x\",\"fill\":0,\"center\":0,\"scale\":-1}", "null"), "scale of column x is -1"},
        {ROOT("{\"name\":\"x\",\"categories\":7}", "null"), "categories of column x are no list"},
        {ROOT("{\"name\":\"x\",\"categories\":[\"a\",7]}", "null"), "category 1 of column x is no string"},
        {ROOT("{\"name\":\"x\",\"categories\":[\"b\",\"a\"]}", "null"), "category 1 of column x, 'a', is not behind the one before"},
        {ROOT("{\"name\":\"x\",\"categories\":[\"a\",\"a\"]}", "null"), "is not behind the one before"},
        {ROOT("{\"name\":\"x\",\"categories\":[\"a\\u0000\"]}", "null"), "not valid JSON"},
        {ROOT("{\"name\":\"x\xff\",\"categories\":[\"a\"]}", "null"), "not valid JSON"},
        {ROOT(COLUMN "," COLUMN, "null"), "two columns are called \"x\""},
        {ROOT(COLUMN, COLUMN), "two columns are called \"x\""},
        {ROOT(COLUMN, "3"), "a column without a name"},
        {ROOT(COLUMN, "null") "x", "not valid JSON"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        write_file(path_of("e.json"), bad[i][0], strlen(bad[i][0]));
        assert_null(ct_table_encoding_load(path_of("e.json")));
        if (!strstr(ct_error(), "e.json: "))
            fail_msg("%s does not name the file", ct_error());
        assert_error(bad[i][1]);
        assert_null(ct_table_encoding_parse(bad[i][0]));
        assert_error(bad[i][1]);
    }
    char *deep = malloc(100001);
    memset(deep, '[', 100000), deep[100000] = 0;
    assert_null(ct_table_encoding_parse(deep));
    assert_error("not valid JSON");
    free(deep);
    unlink(path_of("e.json"));
    assert_null(ct_table_encoding_load(path_of("e.json")));
    assert_error("e.json: cannot open");
    assert_null(ct_table_encoding_parse(NULL));
    assert_error("text is NULL");
}

static void test_very_many_columns_take_no_time(void **state)
{
    (void)state;
    enum { COLUMNS = 60000 };
    char *text = malloc(20 * COLUMNS);
    size_t used = 0;
    for (int k = 0; k < COLUMNS; k++)
        used += (size_t)sprintf(text + used, "column %d%c", k, k < COLUMNS - 1 ? ',' : '\n');
    for (int k = 0; k < COLUMNS; k++)
        used += (size_t)sprintf(text + used, "%d%c", k, k < COLUMNS - 1 ? ',' : '\n');
    ct_table *table = table_of(text);
    assert_fine();
    const clock_t start = clock();
    ct_dataset *set = ct_table_dataset(table, .label = "column 59999", .drop = "column 7,column 40000");
    const double seconds = (double)(clock() - start) / CLOCKS_PER_SEC;
    assert_fine();
    CT_SCOPE;
    ct_tensor *x, *y;
    assert_true(ct_dataset_get(set, 0, &x, &y));
    assert_true(ct_numel(x) == COLUMNS - 3 && ((const float *)ct_data(x))[COLUMNS - 4] == 59998 && ct_item(y) == 59999);
    if (seconds > 3)                            /* when each column was looked for from the first on, it was 10 */
        fail_msg("%.1f s", seconds);
    ct_free(set), ct_free(table);
    free(text);
}

static void test_failed_allocations_are_errors(void **state)
{
    (void)state;
    ct_table *table = table_of(training);
    for (int after = 0;; after++) {
        memory_fail_after(after);
        ct_table_encoding *encoding = ct_table_fit(table, .label = "kind", .standardize = true), *again = NULL;
        ct_dataset *set = encoding ? ct_table_encode(table, encoding) : NULL;
        again = set ? ct_table_encoding_parse(ct_table_encoding_json(encoding)) : NULL;
        const bool failed = memory_failed_one();
        memory_fail_after(-1);
        assert_int_equal(ct_ok(), again != NULL);
        ct_free(encoding), ct_free(again), ct_free(set);
        ct_error_clear();
        if (!failed)
            break;
    }
    ct_free(table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_other_rows_by_the_training_rows),
        cmocka_unit_test(test_a_split_does_not_leak),
        cmocka_unit_test(test_tables_that_do_not_fit),
        cmocka_unit_test(test_an_encoding_tells_a_file_its_kinds),
        cmocka_unit_test(test_an_encoding_comes_back_as_it_was),
        cmocka_unit_test(test_bad_files_are_refused),
        cmocka_unit_test(test_very_many_columns_take_no_time),
        cmocka_unit_test(test_failed_allocations_are_errors),
    };
    const int failed = cmocka_run_group_tests(tests, make_folder, remove_folder);
    ct_shutdown();
    return failed;
}
