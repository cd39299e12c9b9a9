/* CSV, JSON lines and curves: what is in them, whose they are, and what becomes of them when something fails. */
#include "logs.h"

#include <fcntl.h>
#include <jansson.h>
#include <math.h>
#include <sys/wait.h>

typedef ct_callback *log_maker(const char *path);

static const struct {
    log_maker *make;
    const char *name;
} makers[] = {{ct_train_log_csv, "log.csv"}, {ct_train_log_json, "log.json"}, {ct_train_curves, "curves.svg"}};
enum { MAKERS = sizeof makers / sizeof *makers };

/* ---- What is in them -------------------------------------------------------------------------------------------------------------------- */
static void assert_csv(const char *path, const ct_history *history)
{
    char *text = read_text(path), *rest = text;
    const char *name;
    const char *header = strsep(&rest, "\n");
    assert_string_equal(header, "epoch,loss,val_loss,val_accuracy,lr,seconds,samples_per_second");
    for (int64_t epoch = 1; epoch <= ct_history_epochs(history); epoch++) {
        char *row = strsep(&rest, "\n");
        assert_int_equal(atoi(strsep(&row, ",")), epoch);
        for (size_t i = 0; (name = ct_history_name(history, i)); i++) {
            char *cell = strsep(&row, ",");
            assert_non_null(cell);
            assert_true(strtod(cell, NULL) == ct_history_value(history, name, epoch));
        }
        assert_null(row);
    }
    assert_string_equal(rest, "");
    free(text);
}

static void test_csv_holds_every_epoch_to_the_last_bit(void **state)
{
    (void)state;
    const char *path = path_of("a.csv");
    ct_history *history = train_on(NULL, NULL, (ct_train_fit_options){.callbacks = CT_CALLBACKS(ct_train_log_csv(path))});
    assert_fine();
    assert_int_equal(ct_history_epochs(history), EPOCHS);
    assert_csv(path, history);
    ct_free(history);
}

static double field(const json_t *line, const char *name)
{
    return json_number_value(json_object_get(line, name));
}

/* Steps `first` to the last are compared with the history, which knows those since a resume. */
static void assert_json(const char *path, const ct_history *history, int first)
{
    char *text = read_text(path), *rest = text, *line;
    const char *name;
    int64_t step = 0, epoch = 0;
    const double *losses = ct_history_steps(history, "loss", NULL), *rates = ct_history_steps(history, "lr", NULL);
    while ((line = strsep(&rest, "\n")) && *line) {
        json_t *object = json_loads(line, JSON_REJECT_DUPLICATES, NULL);
        assert_non_null(object);
        if (!strcmp(json_string_value(json_object_get(object, "event")), "step")) {
            assert_int_equal(field(object, "step"), ++step);
            assert_int_equal(field(object, "epoch"), epoch + 1);
            assert_true(step < first || (field(object, "loss") == losses[step - first] && field(object, "lr") == rates[step - first]));
        } else {
            epoch++;
            for (size_t i = 0; (name = ct_history_name(history, i)); i++)
                assert_true(field(object, name) == ct_history_value(history, name, epoch));
        }
        json_decref(object);
    }
    assert_int_equal(step, EPOCHS * BATCHES);
    assert_int_equal(epoch, EPOCHS);
    free(text);
}

static void test_json_holds_every_step_and_epoch(void **state)
{
    (void)state;
    const char *path = path_of("a.json");
    ct_history *history = train_on(NULL, NULL, (ct_train_fit_options){.callbacks = CT_CALLBACKS(ct_train_log_json(path))});
    assert_fine();
    assert_json(path, history, 1);
    ct_free(history);
}

static void test_names_and_nan_are_written_as_each_format_wants(void **state)
{
    (void)state;
    static const ct_metric odd = {"a,\"b\"\\\x01\xff", add_nothing, not_a_number, true, 0};
    const char *csv = path_of("odd.csv"), *json = path_of("odd.json");
    ct_history *history = train_on(NULL, NULL, (ct_train_fit_options){.epochs = 1, .metrics = CT_METRICS(odd),
                                                                .callbacks = CT_CALLBACKS(ct_train_log_csv(csv), ct_train_log_json(json))});
    assert_fine();
    char *text = read_text(csv);
    assert_non_null(strstr(text, ",\"val_a,\"\"b\"\"\\\x01\xff\",lr,"));
    assert_non_null(strstr(text, ",nan,"));
    free(text);
    text = read_text(json);
    char *last = strstr(text, "{\"event\": \"epoch\"");
    json_t *object = json_loads(last, JSON_REJECT_DUPLICATES, NULL);
    assert_true(json_is_null(json_object_get(object, "val_a,\"b\"\\\x01?")));
    json_decref(object);
    free(text);
    ct_free(history);
}

static void test_curves_are_drawn_after_each_epoch(void **state)
{
    (void)state;
    const char *path = path_of("a.svg");
    ct_history *history = train_on(NULL, NULL, (ct_train_fit_options){.callbacks = CT_CALLBACKS(ct_train_curves(path))});
    assert_fine();
    char *text = read_text(path);
    assert_non_null(strstr(text, "<svg"));
    assert_non_null(strstr(text, "val_accuracy"));
    assert_non_null(strstr(text, "</svg>"));
    free(text);
    ct_free(history);
}

/* ---- A resumed run ------------------------------------------------------------------------------------------------------------------------ */
static void test_a_resumed_run_drops_what_came_after_the_checkpoint(void **state)
{
    (void)state;
    const char *json = path_of("resumed.json"), *csv = path_of("resumed.csv");
    const char *last = break_a_run(ct_train_log_json(json));
    char *text = read_text(json);
    assert_non_null(strstr(text, "\"step\": 5,"));
    free(text);
    FILE *file = fopen(json, "a");
    fputs("{\"event\": \"st", file);             /* a line that a crash has cut */
    fclose(file);
    ct_history *history = train_on(NULL, NULL, (ct_train_fit_options){.resume = last, .callbacks = CT_CALLBACKS(ct_train_log_json(json), ct_train_log_csv(csv))});
    assert_fine();
    assert_json(json, history, SAVED_AT + 1);
    assert_csv(csv, history);
    ct_free(history);
}

/* ---- Whose they are ------------------------------------------------------------------------------------------------------------------------ */
static void test_a_file_that_is_there_is_left_alone(void **state)
{
    (void)state;
    for (int i = 0; i < MAKERS; i++) {
        const char *path = path_of(makers[i].name);
        write_file(path, "old", 3);
        assert_null(train_on(NULL, NULL, (ct_train_fit_options){.callbacks = CT_CALLBACKS(makers[i].make(path))}));
        assert_non_null(strstr(ct_error(), path));
        assert_error("is there already, from another run");
        char *text = read_text(path);
        assert_string_equal(text, "old");
        free(text);
        unlink(path);
    }
}

static void test_a_missing_folder_is_made(void **state)
{
    (void)state;
    char path[300];
    for (int i = 0; i < MAKERS; i++) {
        snprintf(path, sizeof path, "%s/%s/deep/er", folder, makers[i].name);
        ct_free(train_on(NULL, NULL, (ct_train_fit_options){.callbacks = CT_CALLBACKS(makers[i].make(path))}));
        assert_fine();
        assert_true(exists(path));
    }
}

static void test_a_dry_run_writes_nothing(void **state)
{
    (void)state;
    for (int i = 0; i < MAKERS; i++) {
        const char *path = path_of("dry/log.svg");
        ct_free(train_on(NULL, NULL, (ct_train_fit_options){.dry_run = true, .callbacks = CT_CALLBACKS(makers[i].make(path))}));
        assert_fine();
        assert_false(exists(path_of("dry")));
    }
}

/* Another process holds the lock, of which this one would see nothing if it were its own. */
static void test_a_json_log_that_is_being_written_is_refused(void **state)
{
    (void)state;
    const char *json = path_of("both.json"), *last = break_a_run(ct_train_log_json(json));
    int ready[2], done[2];
    char byte;
    assert_true(!pipe(ready) && !pipe(done));
    const pid_t child = fork();
    if (!child) {
        const int descriptor = open(json, O_RDWR);
        struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
        close(done[1]);
        _exit(fcntl(descriptor, F_SETLK, &whole) || write(ready[1], "", 1) != 1 || read(done[0], &byte, 1)); /* until this process is done, or gone */
    }
    assert_int_equal(read(ready[0], &byte, 1), 1);
    ct_train_fit_options o = {.resume = last, .callbacks = CT_CALLBACKS(ct_train_log_json(json))};
    char *before = read_text(json);
    assert_null(train_on(NULL, NULL, o));
    assert_error("another run is writing it");
    char *after = read_text(json);
    assert_string_equal(before, after);
    free(before), free(after);
    close(done[1]);
    waitpid(child, NULL, 0);
    close(ready[0]), close(ready[1]), close(done[0]);
}

/* ---- Disks ---------------------------------------------------------------------------------------------------------------------------------- */
static void test_a_path_that_cannot_be_written_is_named(void **state)
{
    (void)state;
    write_file(path_of("file"), "", 0);
    const char *path = path_of("file/log.csv");
    for (int i = 0; i < MAKERS; i++) {
        assert_null(train_on(NULL, NULL, (ct_train_fit_options){.callbacks = CT_CALLBACKS(makers[i].make(path))}));
        assert_error(path_of("file"));
        assert_null(makers[i].make(""));
        assert_error("path is empty");
        assert_null(makers[i].make(NULL));
        assert_error("path is NULL");
    }
}

static void test_a_full_disk_is_an_error_that_names_the_log(void **state)
{
    (void)state;
    static const rlim_t room[MAKERS] = {120, 2000, 500}; /* a header; most of an epoch; not one picture */
    for (int i = 0; i < MAKERS; i++) {
        char name[40];
        snprintf(name, sizeof name, "full-%s", makers[i].name);
        const char *path = path_of(name);
        const struct rlimit before = limit_files(room[i]);
        assert_null(train_on(NULL, NULL, (ct_train_fit_options){.epochs = 20, .callbacks = CT_CALLBACKS(makers[i].make(path))}));
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
        assert_non_null(strstr(ct_error(), path));
        assert_error("File too large");
        if (makers[i].make == ct_train_log_csv) {
            char *text = read_text(path);
            assert_int_equal(strncmp(text, "epoch,loss", 10), 0); /* the rows that had room, whole */
            assert_int_equal(text[strlen(text) - 1], '\n');
            free(text);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_csv_holds_every_epoch_to_the_last_bit),
        cmocka_unit_test(test_json_holds_every_step_and_epoch),
        cmocka_unit_test(test_names_and_nan_are_written_as_each_format_wants),
        cmocka_unit_test(test_curves_are_drawn_after_each_epoch),
        cmocka_unit_test(test_a_resumed_run_drops_what_came_after_the_checkpoint),
        cmocka_unit_test(test_a_file_that_is_there_is_left_alone),
        cmocka_unit_test(test_a_missing_folder_is_made),
        cmocka_unit_test(test_a_dry_run_writes_nothing),
        cmocka_unit_test(test_a_path_that_cannot_be_written_is_named),
        cmocka_unit_test(test_a_full_disk_is_an_error_that_names_the_log),
        cmocka_unit_test(test_a_json_log_that_is_being_written_is_refused),
    };
    return cmocka_run_group_tests_name("logs", tests, make_folder, remove_all);
}
