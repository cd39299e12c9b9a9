/* The HTML report: whole, escaped, alone in its file, and true whatever the run was. Its numbers are compared by test_read_logs.py. */
#include "logs.h"

#include <math.h>

#include "autograd/memory.h"

/* Elements nest and close; nothing is fetched or run. */
static void assert_page(const char *text)
{
    static const char *const alone[] = {"!DOCTYPE", "meta", "img", "br", NULL};
    char open[64][16], name[16];
    int depth = 0;
    for (const char *at = strchr(text, '<'); at; at = strchr(at, '<')) {
        const bool closes = at[1] == '/';
        at += closes ? 2 : 1;
        const size_t length = strcspn(at, " \t\r\n>/");
        assert_in_range(length, 1, sizeof name - 1);
        snprintf(name, sizeof name, "%.*s", (int)length, at);
        const char *end = strchr(at, '>');
        assert_non_null(end);
        bool is_alone = end[-1] == '/';
        for (int i = 0; alone[i]; i++)
            is_alone = is_alone || !strcmp(alone[i], name);
        if (closes && (!depth || strcmp(open[depth - 1], name)))
            fail_msg("</%s> closes %s", name, depth ? open[depth - 1] : "nothing");
        if (closes)
            depth--;
        else if (!is_alone)
            strcpy(open[depth++], name);
        assert_in_range(depth, 0, 63);
        at = end;
    }
    assert_int_equal(depth, 0);
    assert_null(strstr(text, "<script"));
    assert_null(strstr(text, "<link"));
    for (const char *at = text; (at = strstr(at, "http")); at += 4)
        assert_int_equal(strncmp(at, "http://www.w3.org/2000/svg'", 27), 0);
}

static char *page_of(const char *name)           /* for free */
{
    char *text = read_text(path_of(name));
    assert_page(text);
    return text;
}

static bool has(const char *text, const char *part)
{
    return strstr(text, part) != NULL;
}

static void test_a_report_has_every_section(void **state)
{
    (void)state;
    ct_history *history = train_on(NULL, NULL, (ct_train_fit_options){.callbacks = CT_CALLBACKS(ct_train_report(path_of("a.html"), .title = "Points",
                                                                                        .class_names = CT_CLASS_NAMES("left", "right")))});
    assert_fine();
    char *text = page_of("a.html"), number[64];
    static const char *const parts[] = {"<title>Points</title>", "<h2>Results</h2>", "<h2>Curves</h2>", "<h2>Predictions</h2>", "<h2>Classes</h2>",
        "<h2>Epochs</h2>", "<h2>Options</h2>", "<h2>Network</h2>", "3 of 3 epochs", "Of 20 samples", "parameters: 75, trainable: 75", "prefers-color-scheme:dark",
        "<th>left</th><th>right</th><th>2</th>", "id='confusion'"};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (!has(text, parts[i]))
            fail_msg("no %s", parts[i]);
    for (int64_t epoch = 1; epoch <= EPOCHS; epoch++) {
        snprintf(number, sizeof number, "%.5g</span>", ct_history_value(history, "val_loss", epoch));
        assert_true(has(text, number));
    }
    free(text);
    ct_free(history);
}

static void test_hostile_names_are_escaped(void **state)
{
    (void)state;
    static const ct_metric hostile = {"</td><script>1</script>'\"", add_nothing, not_a_number, true, 0};
    ct_free(train_on(NULL, NULL, (ct_train_fit_options){.metrics = CT_METRICS(hostile), .callbacks = CT_CALLBACKS(ct_train_report(path_of("b.html"),
        .title = "</title><script>alert(1)</script>", .class_names = CT_CLASS_NAMES("<img src=x onerror=alert(1)>", "&amp;", "'\"")))}));
    assert_fine();
    char *text = page_of("b.html");
    assert_true(has(text, "&lt;/title&gt;&lt;script&gt;alert(1)&lt;/script&gt;"));
    assert_true(has(text, "&lt;img src=x onerror=alert(1)&gt;") && has(text, "&amp;amp;") && has(text, "&#39;&quot;"));
    assert_true(has(text, "<span title='nan'>nan</span>"));
    assert_false(has(text, "<img"));
    free(text);
}

static bool looks_written(ct_run *run, void *state)
{
    const char *path = state;
    char *text = read_text(path), number[64];
    assert_page(text);
    snprintf(number, sizeof number, "%d of 3 epochs", (int)ct_run_epoch(run));
    assert_true(has(text, number) && has(text, "the run goes on") && !has(text, "<h2>Predictions</h2>"));
    free(text);
    return true;
}

static void test_it_is_written_after_each_epoch_and_after_a_failure(void **state)
{
    (void)state;
    static const ct_callback_calls looks = {.name = "looks", .epoch = looks_written}, breaks = {.name = "<power>", .step = break_down};
    char path[256];
    snprintf(path, sizeof path, "%s", path_of("c.html"));
    ct_free(train_on(NULL, NULL, (ct_train_fit_options){.callbacks = CT_CALLBACKS(ct_train_report(path), ct_callback_new(&looks, path))}));
    assert_fine();
    assert_null(train_on(NULL, NULL, (ct_train_fit_options){.callbacks = CT_CALLBACKS(ct_train_report(path_of("d.html")), ct_callback_new(&breaks, NULL))}));
    assert_error("<power>: the power went");
    char *text = page_of("d.html");
    assert_true(has(text, "class='failed'>fit: &lt;power&gt;: the power went</p>") && has(text, "1 of 3 epochs") && !has(text, "the run goes on"));
    free(text);
}

static void test_regression_shows_numbers_and_no_classes(void **state)
{
    (void)state;
    CT_SCOPE;
    ct_tensor *x = ct_randn(40, 2);
    ct_dataset *set = ct_data_tensors(x, ct_sum(x, 1, .keepdims = true));
    ct_free(train_on(set, ct_nn_linear(2, 1), (ct_train_fit_options){.loss = ct_loss_mse, .callbacks = CT_CALLBACKS(ct_train_report(path_of("e.html"), .dataset = set,
                                                                                                                     .samples = 4))}));
    assert_fine();
    char *text = page_of("e.html");
    assert_true(has(text, "The largest errors") && has(text, "told <span") && !has(text, "<h2>Classes</h2>"));
    int figures = 0;
    for (const char *at = text; (at = strstr(at, "<figure")); at++)
        figures++;
    assert_int_equal(figures, 8);
    free(text);
    ct_free(set);
}

static void test_a_single_logit_has_two_classes(void **state)
{
    (void)state;
    CT_SCOPE;
    ct_tensor *x = ct_randn(40, 2);
    ct_dataset *set = ct_data_tensors(x, ct_cast(ct_gt(ct_sum(x, 1), 0), CT_FLOAT32));
    ct_free(train_on(set, ct_nn_linear(2, 1), (ct_train_fit_options){.loss = ct_loss_binary_cross_entropy,
                                                                     .callbacks = CT_CALLBACKS(ct_train_report(path_of("f.html"), .dataset = set))}));
    assert_fine();
    char *text = page_of("f.html");
    assert_true(has(text, "<tr class='names'><td></td><th>0</th><th>1</th></tr>") && has(text, "The first samples"));
    free(text);
    ct_free(set);
}

/* Sequences: classes but no samples. Many classes: no matrix. */
static void test_what_cannot_be_shown_is_left_out(void **state)
{
    (void)state;
    CT_SCOPE;
    ct_dataset *words = ct_data_tensors(ct_randint(0, 7, 30, 4), ct_randint(0, 7, 30, 4));
    ct_free(train_on(words, ct_nn_embedding(7, 7), (ct_train_fit_options){.loss = ct_loss_next_token,
                                                                          .callbacks = CT_CALLBACKS(ct_train_report(path_of("g.html"), .dataset = words))}));
    assert_fine();
    char *text = page_of("g.html");
    assert_true(has(text, "id='confusion'") && !has(text, "<figure"));
    free(text);
    ct_dataset *many = ct_data_tensors(ct_randn(30, 4), ct_randint(0, 150, 30));
    ct_free(train_on(many, ct_nn_linear(4, 150), (ct_train_fit_options){.callbacks = CT_CALLBACKS(ct_train_report(path_of("h.html"), .dataset = many, .samples = 0))}));
    assert_fine();
    text = page_of("h.html");
    assert_true(has(text, "id='classes'") && !has(text, "id='confusion'") && !has(text, "<figure"));
    free(text);
    ct_free(train_on(many, ct_nn_linear(4, 150), (ct_train_fit_options){.callbacks = CT_CALLBACKS(ct_train_report(path_of("i.html")))}));
    assert_fine();
    text = page_of("i.html");
    assert_false(has(text, "<h2>Predictions</h2>"));
    free(text);
    ct_free(words), ct_free(many);
}

static void test_whose_file_it_is(void **state)
{
    (void)state;
    const char *path = path_of("j.html");
    write_file(path, "old", 3);
    assert_null(train_on(NULL, NULL, (ct_train_fit_options){.callbacks = CT_CALLBACKS(ct_train_report(path))}));
    assert_error("is there already, from another run");
    char *text = read_text(path);
    assert_string_equal(text, "old");            /* not even by its end */
    free(text);
    ct_free(train_on(NULL, NULL, (ct_train_fit_options){.dry_run = true, .callbacks = CT_CALLBACKS(ct_train_report(path_of("dry/a.html")))}));
    assert_fine();
    assert_false(exists(path_of("dry")));
    const char *last = break_a_run(ct_train_report(path_of("k.html")));
    ct_free(train_on(NULL, NULL, (ct_train_fit_options){.resume = last, .callbacks = CT_CALLBACKS(ct_train_report(path_of("k.html")))}));
    assert_fine();
    text = page_of("k.html");
    assert_true(has(text, "3 of 3 epochs") && has(text, "<tr><th>1</th>") && has(text, "went on from"));
    free(text);
    assert_null((ct_train_report)("x", &(ct_train_report_options){.samples = -1}));
    assert_error("report: samples -1: want 0 to 10000");
}

static void test_a_full_disk_keeps_the_earlier_page(void **state)
{
    (void)state;
    struct rlimit before = limit_files(9000);   /* the first page has room, later ones with curves have not */
    const char *path = path_of("full.html");
    assert_null(train_on(NULL, NULL, (ct_train_fit_options){.callbacks = CT_CALLBACKS(ct_train_report(path))}));
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_non_null(strstr(ct_error(), path));
    assert_error("cannot write: File too large");
    char *text = page_of("full.html");
    assert_true(has(text, "0 of 3 epochs"));
    free(text);
}

static bool arm(ct_run *run, void *state)
{
    (void)run;
    memory_fail_after(*(const int64_t *)state);
    return true;
}

static bool disarm(ct_run *run, void *state)
{
    (void)run;
    if (!memory_failed_one())
        *(int64_t *)state = -1;
    memory_fail_after(-1);
    return true;
}

/* From the first call of the report to its last; it ends before the callback that stands in front of it. */
static void test_failed_allocations_end_the_run_with_an_error(void **state)
{
    (void)state;
    static const ct_callback_calls injects = {.name = "injects", .begin = arm, .end = disarm};
    for (int64_t after = 0, at = 0; at >= 0; after += 1 + after / 6) {
        at = after;
        ct_memory_trim();
        ct_history *history = train_on(NULL, NULL, (ct_train_fit_options){.epochs = 1,
            .callbacks = CT_CALLBACKS(ct_callback_new(&injects, &at), ct_train_tensorboard(path_of("injected"), .histograms = 1), ct_train_report(path_of("l.html")))});
        memory_fail_after(-1);
        if (at < 0)
            assert_fine();
        assert_true((history != NULL) == ct_ok());
        ct_error_clear();
        ct_free(history);
        if (exists(path_of("l.html")))
            free(page_of("l.html"));            /* whole, if it is there */
        char command[128];
        snprintf(command, sizeof command, "rm -rf %s %s", path_of("l.html"), path_of("injected"));
        assert_int_equal(system(command), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_report_has_every_section),
        cmocka_unit_test(test_hostile_names_are_escaped),
        cmocka_unit_test(test_it_is_written_after_each_epoch_and_after_a_failure),
        cmocka_unit_test(test_regression_shows_numbers_and_no_classes),
        cmocka_unit_test(test_a_single_logit_has_two_classes),
        cmocka_unit_test(test_what_cannot_be_shown_is_left_out),
        cmocka_unit_test(test_whose_file_it_is),
        cmocka_unit_test(test_a_full_disk_keeps_the_earlier_page),
        cmocka_unit_test(test_failed_allocations_end_the_run_with_an_error),
    };
    return cmocka_run_group_tests_name("report", tests, make_folder, remove_all);
}
