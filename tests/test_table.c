/* CSV files good and bad, the numbers in them, and data sets of tables. */
#define _GNU_SOURCE
#include <data/table.h>
#include "data/decimal.h"

#include <float.h>
#include <locale.h>
#include <math.h>
#include <sys/stat.h>

#include "files.h"

static ct_table *table_of(const char *text, size_t bytes)
{
    write_file(path_of("t.csv"), text, bytes);
    ct_table *table = ct_table_csv(path_of("t.csv"));
    unlink(path_of("t.csv"));
    return table;
}
#define TABLE(text) table_of(text, sizeof(text) - 1)

/* ---- Numbers ------------------------------------------------------------------------------------------------------------------ */
static void assert_number(const char *text)
{
    const char *at = text, *end = text + strlen(text);
    double value;
    const double want = strtod(text, NULL);
    if (!decimal_read(&at, end, &value) || at != end || memcmp(&value, &want, sizeof value))
        fail_msg("%s is read as %.17g, want %.17g", text, value, want);
}

static void test_numbers_are_the_nearest_doubles(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "0", "-0", "1", "+1.5", ".5", "5.", "00012.50", "1e5", "1E-5", "-2.5e+10", "9007199254740993", "9007199254740992.5", "123456789012345678901234567890",
        "0.1", "0.30000000000000004", "2.2250738585072014e-308", "4.9e-324", "1e-400", "1e400", "1.7976931348623157e308", "18446744073709551615",
        "9999999999999999999", "0.000000000000000000000000001", "1e19", "1e20", "9e-27", "1e-28", "179769313486231580793e289", "inf", "-Infinity",
        "4503599627370496.5", "4503599627370497.5", "0.00000000000000000000000000000000000000000000000000123", "1152921504606846977e1"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        assert_number(texts[i]);
    uint64_t seed = 1;
    for (int i = 0; i < 200000; i++) {
        char text[64];
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        const uint64_t bits = seed ^ seed >> 29;
        double value;
        memcpy(&value, &bits, sizeof value);
        if (isnan(value))
            continue;
        snprintf(text, sizeof text, i % 3 ? "%.*g" : "%.*e", 1 + (int)(seed >> 60), value);
        assert_number(text);
        snprintf(text, sizeof text, "%.*f", (int)(seed >> 59), (double)(int64_t)bits * 1e-12);
        assert_number(text);
    }
    static const char *const none[] = {"", "-", "+", ".", "e5", "1e", "1e+", "--1", "x"};
    for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
        const char *at = none[i];
        double value;
        assert_false(decimal_read(&at, none[i] + strlen(none[i]), &value));
        assert_ptr_equal(at, none[i]);
    }
}

/* ---- Good files ---------------------------------------------------------------------------------------------------------------- */
static double value_at(const ct_table *table, int64_t row, int64_t column)
{
    CT_SCOPE;
    return ((const double *)ct_data(ct_table_values(table)))[row * ct_table_columns(table) + column];
}

static void test_types_names_and_missing_fields(void **state)
{
    (void)state;
    ct_table *table = TABLE("\xef\xbb\xbfheight, name ,\"a \"\"b\"\"\",empty\r\n1.5,Bob,1,\r\n\r\n , Ann,NA,\r\n-2e3,\"Bo,b\r\nX\",x,\r\n4,Bob,1,");
    assert_fine();
    assert_int_equal(ct_table_rows(table), 4);
    assert_int_equal(ct_table_columns(table), 4);
    assert_string_equal(ct_table_name(table, 2), "a \"b\"");
    assert_int_equal(ct_table_find(table, "name"), 1);
    assert_int_equal(ct_table_find(table, "b"), -1);
    assert_false(ct_table_is_category(table, 0));
    assert_true(ct_table_is_category(table, 1) && ct_table_is_category(table, 2) && !ct_table_is_category(table, 3));
    assert_int_equal(ct_table_categories(table, 1), 3);
    assert_string_equal(ct_table_category(table, 1, 0), "Ann");
    assert_string_equal(ct_table_category(table, 1, 1), "Bo,b\r\nX");
    assert_string_equal(ct_table_category(table, 2, 0), "1"); /* though a number came first */
    assert_true(value_at(table, 0, 0) == 1.5 && isnan(value_at(table, 1, 0)) && value_at(table, 2, 0) == -2000);
    assert_true(value_at(table, 0, 1) == 2 && value_at(table, 1, 1) == 0 && isnan(value_at(table, 1, 2)) && value_at(table, 2, 2) == 1);
    assert_int_equal(ct_table_missing(table, 3), 4);
    assert_int_equal(ct_table_missing(table, 0), 1);
    ct_free(table);
}

static void test_options(void **state)
{
    (void)state;
    write_gzip(path_of("t.csv.gz"), "3;2\n1;?\n5;6\n", 12);
    ct_table *table = ct_table_csv(path_of("t.csv.gz"), .separator = ';', .no_header = true, .missing = "?", .categories = "1", .limit = 2);
    assert_fine();
    unlink(path_of("t.csv.gz"));
    assert_int_equal(ct_table_rows(table), 2);
    assert_string_equal(ct_table_name(table, 1), "1");
    assert_string_equal(ct_table_category(table, 1, 0), "2");
    assert_true(value_at(table, 0, 0) == 3 && isnan(value_at(table, 1, 1)));
    ct_free(table);
    table = TABLE("\"\",a\n\"\",1\n");
    assert_fine();
    assert_string_equal(ct_table_name(table, 0), "");
    ct_free(table);
    table = TABLE("a\n");
    assert_fine();
    assert_int_equal(ct_table_rows(table), 0);
    ct_free(table);
}

/* Longer than the buffer, with rows longer than it too, and a column that changes its mind at the end. */
static void test_a_long_file(void **state)
{
    (void)state;
    enum { ROWS = 60000, WIDE = 1 << 21 };
    FILE *file = fopen(path_of("long.csv"), "w");
    assert_non_null(file);
    fprintf(file, "i,\"x\",tag,late\r\n");
    for (int i = 0; i < ROWS; i++)
        fprintf(file, "%d,%.17g,\"tag \"\"%d\"\"\",%s\r\n", i, sqrt(i), i % 7, i == ROWS - 1 ? "none" : "1");
    fprintf(file, "-1,0.5,");
    for (int i = 0; i < WIDE; i++)
        fputc('w', file);
    fprintf(file, ",1");
    assert_int_equal(fclose(file), 0);
    ct_table *table = ct_table_csv(path_of("long.csv"));
    unlink(path_of("long.csv"));
    assert_fine();
    assert_int_equal(ct_table_rows(table), ROWS + 1);
    CT_SCOPE;
    const double *values = ct_data(ct_table_values(table));
    for (int i = 0; i < ROWS; i++)
        assert_true(values[4 * i] == i && values[4 * i + 1] == sqrt(i) && values[4 * i + 2] == i % 7 && values[4 * i + 3] == (i == ROWS - 1));
    assert_int_equal(strlen(ct_table_category(table, 2, 7)), WIDE);
    ct_free(table);
}

static void test_data_sets_of_a_table(void **state)
{
    (void)state;
    ct_table *table = TABLE("id,x,color,y,kind\n1,1,red,10,a\n2,3,,20,b\n3,,blue,30,\n4,8,red,40,a\n");
    ct_dataset *set = ct_table_dataset(table, .label = "kind", .drop = "id");
    assert_fine();
    assert_int_equal(ct_dataset_size(set), 3);
    CT_SCOPE;
    ct_tensor *x, *y;
    assert_true(ct_dataset_get(set, 1, &x, &y));
    assert_true(ct_equal(x, ct_from_array(((const float[]){3, 0, 0, 20}), 4)));
    assert_true(ct_item(y) == 1 && ct_dtype_of(y) == CT_INT64);
    ct_free(set);
    set = ct_table_dataset(table, .label = "y", .drop = "id, kind ,color", .standardize = true);
    assert_int_equal(ct_dataset_size(set), 4);
    assert_true(ct_dataset_get(set, 2, &x, &y));
    assert_true(ct_item(x) == 0 && ct_item(y) == 30 && ct_dtype_of(y) == CT_FLOAT32); /* missing: the mean */
    assert_true(ct_dataset_get(set, 3, &x, &y));
    assert_true(fabs(ct_item(x) - 4 / sqrt(26.0 / 3)) < 1e-6);
    ct_free(set);
    assert_null(ct_table_dataset(table, .label = "nothing"));
    assert_error("no column is called \"nothing\"");
    assert_null(ct_table_dataset(table, .drop = "id,z"));
    assert_error("drop: no column is called \"z\"");
    assert_null(ct_table_dataset(table, .drop = "id,x,color,y,kind"));
    assert_error("no column is left");
    assert_null(ct_table_dataset(NULL));
    assert_error("table is NULL");
    ct_free(table);
    table = TABLE("a,b\n1,2\n1,1e39\n");
    assert_null(ct_table_dataset(table));
    assert_error("row 1, column b: 1e+39 is more than float32 holds");
    assert_null(ct_table_dataset(table, .label = "b"));
    assert_error("row 1, column b: 1e+39 is more than float32 holds");
    ct_free(table);
    table = TABLE("a,b\n");
    assert_null(ct_table_dataset(table));
    assert_error("the table has no rows");
    ct_free(table);
}

/* ---- Bad files ------------------------------------------------------------------------------------------------------------------ */
#define BAD(text, error) {text, sizeof(text) - 1, error}
static const struct {
    const char *text;
    size_t bytes;
    const char *error;
} bad[] = {
    BAD("", "no rows"),
    BAD("\n\r\n \n", "no rows"),
    BAD("\xef\xbb\xbf", "no rows"),
    BAD("a,b\n1\n", "line 2: 1 fields, the first row has 2"),
    BAD("a,b\n1,2\n\n1,2,3\n", "line 4: more than the 2 fields"),
    BAD("a,b\n1,2,\n", "line 2: more than the 2 fields"),
    BAD("a,b\r\n1,2\r\nx\r\n", "line 3: 1 fields"),
    BAD("a,b\r1,2\r3\r", "line 3: 1 fields"),
    BAD("a,a\n", "columns 1 and 2 are both called \"a\""),
    BAD("a,,\n", "columns 2 and 3 are both called \"\""),
    BAD("a,\"b\n1,2\n", "line 1: a quote is not closed"),
    BAD("a,b\n1,\"2\n", "line 2: a quote is not closed"),
    BAD("a,b\n1,\"2\"x\n", "line 2: text behind a closing quote"),
    BAD("a,b\n1,\"2\" 3\n", "line 2: text behind a closing quote"),
    BAD("\"a\"b\n", "line 1: text behind a closing quote"),
    BAD("a,\xff\n", "the name of column 2 is not UTF-8"),
    BAD("a,\xc0\xaf\n", "the name of column 2 is not UTF-8"),
    BAD("a,\xed\xa0\x80\n", "the name of column 2 is not UTF-8"),
    BAD("a,\xf4\x90\x80\x80\n", "the name of column 2 is not UTF-8"),
    BAD("a,\xe2\x82\n", "the name of column 2 is not UTF-8"),
    BAD("a\0b\n1\n", "the name of column 1 is not UTF-8 text"),
    BAD("a,a\0 whose length is not that of the name before\n1,2\n", "the name of column 2 is not UTF-8 text"),
    BAD("a\nx\0y\n", "line 2: a byte of 0"),
    BAD("a\nx\ny\n\xff\n", "line 4: not UTF-8"),
    BAD("a\n1\n\"\xe2\x28\xa1\"\n", "line 3: not UTF-8"),
};

static void test_bad_files_are_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_null(table_of(bad[i].text, bad[i].bytes));
        if (!strstr(ct_error(), "t.csv: "))
            fail_msg("%s does not name the file", ct_error());
        assert_error(bad[i].error);
    }
}

static void test_bad_paths_and_options_are_refused(void **state)
{
    (void)state;
    assert_null(ct_table_csv(path_of("none.csv")));
    assert_error("none.csv: cannot open");
    assert_null(ct_table_csv(folder));
    assert_error("not a regular file");
    assert_int_equal(mkfifo(path_of("fifo"), 0600), 0);
    assert_null(ct_table_csv(path_of("fifo")));
    assert_error("not a regular file");
    unlink(path_of("fifo"));
    write_file(path_of("t.csv"), "a,b\n1,2\n", 8);
    assert_null(ct_table_csv(path_of("t.csv"), .separator = '"'));
    assert_error("separator");
    assert_null(ct_table_csv(path_of("t.csv"), .separator = '1'));
    assert_error("separator '1'");
    assert_null(ct_table_csv(path_of("t.csv"), .limit = -1));
    assert_error("limit -1");
    assert_null(ct_table_csv(path_of("t.csv"), .categories = "a,c"));
    assert_error("no column is called \"c\"");
    assert_null(ct_table_csv(path_of("t.csv"), .numbers = "b, d"));
    assert_error("no column is called \"d\"");
    write_file(path_of("n.csv"), "a,b\n1,2\n3,4\n?,5\n", 16);
    assert_null(ct_table_csv(path_of("n.csv"), .numbers = "b, a"));
    assert_error("n.csv: line 4: a: \"?\" is no number");
    unlink(path_of("n.csv"));
    ct_table *table = ct_table_csv(path_of("t.csv"));
    assert_fine();
    unlink(path_of("t.csv"));
    assert_null(ct_table_name(table, 2));
    assert_error("column 2 is not in [0, 2)");
    assert_null(ct_table_category(table, 1, 0));
    assert_error("is not in [0, 0)");
    ct_free(table);
    write_gzip(path_of("cut.gz"), "a\n1\n2\n3\n", 8);
    assert_int_equal(truncate(path_of("cut.gz"), 24), 0);
    assert_null(ct_table_csv(path_of("cut.gz")));
    assert_error("cut.gz: ");
    unlink(path_of("cut.gz"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers_are_the_nearest_doubles),
        cmocka_unit_test(test_types_names_and_missing_fields),
        cmocka_unit_test(test_options),
        cmocka_unit_test(test_a_long_file),
        cmocka_unit_test(test_data_sets_of_a_table),
        cmocka_unit_test(test_bad_files_are_refused),
        cmocka_unit_test(test_bad_paths_and_options_are_refused),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
