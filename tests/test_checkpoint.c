/* Runs that end anywhere, by their own will or by SIGKILL, and go on from a file as if they never had. */
#include <fcntl.h>
#include <float.h>
#include <math.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>

#include "files.h"

#include <cotangent.h>

#include "autograd/memory.h"

#if defined(__SANITIZE_THREAD__)
#define RACES_WATCHED 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define RACES_WATCHED 1
#endif
#endif
#ifndef RACES_WATCHED
#define RACES_WATCHED 0
#endif

static char run_file[64], bad_file[64], bytes_file[64];

static int make_paths(void **state)
{
    const int failed = make_folder(state);
    snprintf(run_file, sizeof run_file, "%s", path_of("run"));
    snprintf(bad_file, sizeof bad_file, "%s", path_of("bad"));
    snprintf(bytes_file, sizeof bytes_file, "%s", path_of("bytes"));
    return failed;
}

/* ---- Three runs ---------------------------------------------------------------------------------------------------------------- */
struct run {
    ct_train_state state;
    ct_dataset *data;
    ct_train_number numbers[3];
    double best, sum;
    bool by_metric, by_step;                    /* when the schedule moves: after an epoch, by the mean loss; after a step */
};

/* Adam, dropout, an order of chance, workers that augment, a plateau. */
static void make_mlp(struct run *r)
{
    ct_dataset *digits = ct_data_digits(.count = 200, .seed = 5);
    r->data = ct_data_augment(digits, .crop_padding = 2, .rotation = 10, .seed = 4);
    ct_free(digits);
    ct_module *net = ct_nn_sequential(ct_nn_flatten(), ct_nn_linear(784, 24), ct_nn_relu(), ct_nn_dropout(0.3), ct_nn_linear(24, 10));
    r->state.module = net;
    r->state.optimizer = ct_optim_adam(net, .lr = 3e-3, .amsgrad = true);
    r->state.schedule = ct_schedule_plateau(r->state.optimizer, .factor = 0.5, .patience = 0, .threshold = 0.3);
    r->state.loader = ct_loader_new(r->data, .batch_size = 16, .shuffle = true, .seed = 9, .workers = 2);
    r->state.generator = ct_generator_new(77);
    r->by_metric = true;
}

/* SGD with momentum, a cosine, batch normalisation, an average. */
static void make_resnet(struct run *r)
{
    r->data = ct_data_shapes(.count = 60, .seed = 2);
    ct_module *net = ct_nn_sequential(ct_nn_conv2d(3, 8, 3, .padding = 1, .no_bias = true), ct_nn_batch_norm2d(8), ct_nn_relu(),
                                      ct_nn_basic_block(8, 16, .stride = 2), ct_nn_adaptive_avg_pool2d(1), ct_nn_flatten(), ct_nn_linear(16, 10));
    r->state.module = net;
    r->state.optimizer = ct_optim_sgd(net, .lr = 0.05, .momentum = 0.9, .nesterov = true, .weight_decay = 5e-4);
    r->state.schedule = ct_schedule_cosine(r->state.optimizer, 24);
    r->state.average = ct_average_new(net, .decay = 0.9);
    r->state.loader = ct_loader_new(r->data, .batch_size = 8, .shuffle = true, .drop_last = true, .channels_last = true);
    r->by_step = true;
}

/* AdamW, groups, warm-up, gathering, a guard that has something to skip. */
static void make_gpt(struct run *r)
{
    CT_SCOPE;
    ct_tensor *tokens = ct_remainder(ct_mul(ct_arange(400), ct_arange(400)), 23);
    r->data = ct_data_blocks(tokens, 12, .stride = 3);
    ct_module *gpt = ct_nn_gpt(.vocabulary = 23, .block = 12, .width = 16, .layers = 2, .heads = 2, .dropout = 0.1);
    r->state.module = gpt;
    r->state.optimizer = ct_optim_adamw(gpt, .lr = 1e-2, .weight_decay = 0.1, .no_decay = "*bias,*norm*");
    assert_true(ct_optimizer_accumulate(r->state.optimizer, 4) && ct_optimizer_guard(r->state.optimizer, true));
    r->state.schedule = ct_schedule_sequential(CT_SCHEDULES(ct_schedule_linear(r->state.optimizer, .start = 0.1, .steps = 8),
                                                            ct_schedule_cosine(r->state.optimizer, 40)), 8);
    r->state.loader = ct_loader_new(r->data, .batch_size = 8, .shuffle = true, .workers = 1);
    r->by_step = true;
}

static const struct task {
    const char *name;
    void (*make)(struct run *r);
    int steps;
} tasks[] = {{"mlp", make_mlp, 45}, {"resnet", make_resnet, 24}, {"gpt", make_gpt, 42}};
enum { TASKS = sizeof tasks / sizeof *tasks, STEPS_MOST = 64 };

static void begin(struct run *r, const struct task *task, uint64_t seed)
{
    *r = (struct run){.best = INFINITY};
    r->numbers[0] = (ct_train_number){"best", &r->best};
    r->numbers[1] = (ct_train_number){"sum", &r->sum};
    r->state.numbers = r->numbers;
    ct_seed(seed);
    task->make(r);
    assert_fine();
}

static void end(struct run *r)
{
    ct_free(r->state.average), ct_free(r->state.schedule), ct_free(r->state.optimizer), ct_free(r->state.module);
    ct_free(r->state.loader), ct_free(r->state.generator), ct_free(r->data);
}

static bool step(struct run *r, double *loss_out)
{
    CT_SCOPE;
    ct_train_state *s = &r->state;
    ct_batch b;
    if (!ct_loader_next(s->loader, &b)) {
        s->epoch++;
        const double mean = r->sum;
        r->sum = 0;
        return ct_ok() && (!r->by_metric || ct_schedule_next_metric(s->schedule, mean));
    }
    ct_tensor *y = ct_forward(s->module, b.x);
    ct_tensor *loss = ct_cross_entropy(ct_flatten(y, 0, -2), ct_flatten(b.y));
    if (s->generator)                           /* a draw of the run's own */
        loss = ct_mul(loss, 1 + 0.01 * (double)(ct_random_u64(s->generator) >> 40) * 0x1p-24);
    if (s->step == 6 && ct_optimizer_groups(s->optimizer) == 2)
        loss = ct_mul(loss, (double)NAN);
    ct_zero_grad(s->optimizer);
    if (!ct_backward(loss) || !ct_step(s->optimizer) || (r->by_step && !ct_schedule_next(s->schedule)) ||
        (s->average && !ct_average_update(s->average)))
        return false;
    loss_out[s->step++] = ct_item(loss);
    r->sum += ct_item(loss), r->best = fmin(r->best, ct_item(loss));
    return true;
}

static void run_to(struct run *r, int64_t steps, double *losses)
{
    while (r->state.step < steps)
        if (!step(r, losses))
            fail_msg("step %d: %s", (int)r->state.step, ct_error());
}

/* ---- A run as bytes: a checkpoint holds all that it is --------------------------------------------------------------------------- */
struct bytes {
    size_t count;
    char *at;
};

static struct bytes read_bytes(const char *path)
{
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    fseek(file, 0, SEEK_END);
    struct bytes b = {(size_t)ftell(file), NULL};
    rewind(file);
    b.at = malloc(b.count + 1);
    assert_int_equal(fread(b.at, 1, b.count, file), b.count);
    fclose(file);
    return b;
}

static struct bytes bytes_of(const struct run *r)
{
    assert_true(ct_train_save(&r->state, bytes_file));
    struct bytes b = read_bytes(bytes_file);
    unlink(bytes_file);
    return b;
}

static bool same_bytes(struct bytes a, struct bytes b)
{
    return a.count == b.count && !memcmp(a.at, b.at, a.count);
}

static void assert_is(const struct run *r, struct bytes want, const char *what)
{
    struct bytes now = bytes_of(r);
    if (!same_bytes(now, want))
        fail_msg("%s: the run is another", what);
    free(now.at);
}

/* What a whole run is like. */
struct course {
    double losses[STEPS_MOST];
    struct bytes last;
};

static void record(struct course *course, const struct task *task)
{
    struct run r;
    begin(&r, task, 1);
    run_to(&r, task->steps, course->losses);
    course->last = bytes_of(&r);
    end(&r);
}

/* ---- Going on -------------------------------------------------------------------------------------------------------------------- */
static void test_a_run_goes_on_bit_for_bit_from_any_step(void **state)
{
    (void)state;
    const bool quick = getenv("CT_TEST_QUICK");
    const char *path = run_file;
    for (int t = 0; t < TASKS; t++) {
        struct course whole = {0};
        record(&whole, &tasks[t]);
        struct run r;
        for (int k = 0; k < tasks[t].steps; k += quick ? 7 : 1) {
            double losses[STEPS_MOST] = {0};
            begin(&r, &tasks[t], 1);
            run_to(&r, k, losses);
            assert_true(ct_train_save(&r.state, path));
            end(&r);
            begin(&r, &tasks[t], 99);           /* other weights, another state of the generator, and one step on */
            run_to(&r, k % 3, losses);
            ct_set_num_threads(1 + k % 2);
            if (!ct_train_load(&r.state, path))
                fail_msg("%s", ct_error());
            assert_int_equal(r.state.step, k);
            run_to(&r, tasks[t].steps, losses);
            if (memcmp(losses + k, whole.losses + k, (size_t)(tasks[t].steps - k) * sizeof *losses))
                fail_msg("%s from step %d: other losses", tasks[t].name, k);
            assert_is(&r, whole.last, tasks[t].name);
            end(&r);
        }
        free(whole.last.at);
    }
    unlink(path);
    assert_fine();
}

/* A child that goes on from the file where there is one, and saves after every step; losses go to shared memory. */
static void child_run(const struct task *task, const char *path, double *losses)
{
    struct run r;
    begin(&r, task, 1);
    bool good = access(path, F_OK) || ct_train_load(&r.state, path);
    while (good && r.state.step < task->steps)
        good = step(&r, losses) && ct_train_save(&r.state, path);
    ct_report_error();
    _exit(good ? 0 : 1);
}

static void remove_all(void)                    /* also what killed saves left beside the file */
{
    DIR *open = opendir(folder);
    for (struct dirent *entry; (entry = readdir(open));)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            unlinkat(dirfd(open), entry->d_name, 0);
    closedir(open);
}

static void test_a_run_that_is_killed_again_and_again_is_the_same_run(void **state)
{
    (void)state;
    if (RACES_WATCHED)
        skip();                                 /* ThreadSanitizer's own threads and locks do not survive a fork */
    const char *path = run_file, *wanted = getenv("CT_TEST_KILLS");
    const int kills = wanted ? atoi(wanted) : 12;
    double *losses = mmap(NULL, STEPS_MOST * sizeof *losses, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    unsigned seed = 3;
    for (int t = 0; t < TASKS; t++) {
        struct course whole = {0};
        record(&whole, &tasks[t]);
        for (int killed = 0, status = -1; status != 0;) {
            const pid_t child = fork();
            if (child == 0)
                child_run(&tasks[t], path, losses);
            seed = seed * 1664525 + 1013904223;
            if (killed < kills) {
                nanosleep(&(struct timespec){.tv_nsec = (long)(seed >> 8) * 64 % 100000000}, NULL);
                kill(child, SIGKILL);
            }
            assert_int_equal(waitpid(child, &status, 0), child);
            assert_true(WIFSIGNALED(status) ? WTERMSIG(status) == SIGKILL : WEXITSTATUS(status) == 0);
            killed++;
        }
        struct bytes last = read_bytes(path);
        assert_false(memcmp(losses, whole.losses, (size_t)tasks[t].steps * sizeof *losses));
        assert_true(same_bytes(last, whole.last));
        free(last.at), free(whole.last.at);
        remove_all();
    }
    munmap(losses, STEPS_MOST * sizeof *losses);
    assert_fine();
}

/* ---- Refusals: each changes nothing ---------------------------------------------------------------------------------------------- */
static void refuse(struct run *r, const char *path, const char *message)
{
    struct bytes before = bytes_of(r);
    assert_false(ct_train_load(&r->state, path));
    assert_error(message);
    assert_is(r, before, message);
    free(before.at);
}

/* The whole state of a run, resnet's with a generator of its own besides, at a path. */
static void save_some(const char *path)
{
    struct run r;
    double losses[STEPS_MOST];
    begin(&r, &tasks[1], 1);
    r.state.generator = ct_generator_new(3);
    run_to(&r, 3, losses);
    assert_true(ct_train_save(&r.state, path));
    end(&r);
}

static void begin_some(struct run *r)
{
    double losses[STEPS_MOST];
    begin(r, &tasks[1], 2);
    r->state.generator = ct_generator_new(4);
    run_to(r, 2, losses);
}

#define REPLACED(r, what, by, path, message)     \
    do {                                         \
        void *was_ = (r).state.what;             \
        (r).state.what = by;                     \
        assert_fine();                           \
        refuse(&(r), path, message);             \
        (ct_free)((r).state.what);               \
        (r).state.what = was_;                   \
    } while (0)

static void test_another_model_optimizer_or_loader_is_refused_and_changes_nothing(void **state)
{
    (void)state;
    const char *path = run_file;
    struct run r;
    save_some(path);
    begin_some(&r);
    ct_module *net = r.state.module;
    ct_optimizer *optimizer = r.state.optimizer;
    REPLACED(r, module, ct_nn_linear(3, 2), path, "has no tensor \"module.weight\", which the module wants");
    REPLACED(r, module, ct_nn_sequential(ct_nn_conv2d(3, 4, 3, .no_bias = true)), path, "module.0.weight is float32 (8, 3, 3, 3), here float32 (4, 3, 3, 3)");
    REPLACED(r, module, ct_nn_sequential(ct_nn_conv2d(3, 8, 3, .no_bias = true)), path, "has a tensor \"module.");
    REPLACED(r, optimizer, ct_optim_adam(net), path, "state of the optimizer sgd, want one of adam");
    REPLACED(r, optimizer, ct_optim_sgd(net, .no_decay = "*.bias"), path, "/groups has another form than here");
    REPLACED(r, optimizer, ct_optim_sgd(net, .only = "0.*"), path, "its parameters are not those of this sgd");
    REPLACED(r, schedule, ct_schedule_step(optimizer, 3), path, "state of another schedule than this step");
    REPLACED(r, average, ct_average_new(net, .decay = 0.5), path, "averages with a decay of 0.9, here it is 0.5");
    REPLACED(r, loader, ct_loader_new(r.data, .batch_size = 4, .shuffle = true, .drop_last = true), path, "the loader's batch_size is 8, here 4");
    REPLACED(r, loader, ct_loader_new(r.data, .batch_size = 8, .drop_last = true), path, "the loader's order is shuffled, here as they come");
    REPLACED(r, loader, ct_loader_new(r.data, .batch_size = 8, .shuffle = true), path, "the loader's drop_last is 1, here 0");
    REPLACED(r, loader, ct_loader_new(r.data, .batch_size = 8, .shuffle = true, .drop_last = true, .seed = UINT64_MAX), path,
             "the loader's seed is 0, here 18446744073709551615");
    ct_dataset *fewer = ct_data_subset(r.data, 0, 59);
    REPLACED(r, loader, ct_loader_new(fewer, .batch_size = 8, .shuffle = true, .drop_last = true), path, "the loader's samples is 60, here 59");
    ct_free(fewer);
    double other = 0;
    r.numbers[0] = (ct_train_number){"worst", &other};
    refuse(&r, path, "its metadata have no number.worst");
    end(&r);
    unlink(path);
}

static void test_what_a_file_lacks_is_named(void **state)
{
    (void)state;
    const char *path = run_file;
    struct run r;
    begin_some(&r);
    const ct_train_state all = r.state;
    ct_train_state only = {.module = all.module};
    assert_true(ct_train_save(&only, path));
    const struct { ct_train_state wanted; const char *message; } rows[] = {
        {{.module = all.module, .optimizer = all.optimizer}, "has no optimizer"},
        {{.module = all.module, .schedule = all.schedule}, "has no schedule"},
        {{.module = all.module, .average = all.average}, "has no average"},
        {{.module = all.module, .loader = all.loader}, "has no loader position"},
        {{.module = all.module, .generator = all.generator}, "has no generator but the process's"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        r.state = rows[i].wanted;
        refuse(&r, path, rows[i].message);
    }
    r.state = all;
    assert_true(ct_train_save(&r.state, path));
    only.module = NULL, only.step = 7;
    assert_true(ct_train_peek(&only, path));    /* no module, and what it has not asked for stays */
    assert_int_equal(only.step, 2);
    assert_false(ct_train_load(&only, path)), assert_error("train_load: module is NULL");
    assert_false(ct_train_save(&r.state, NULL)), assert_error("train_save: path is NULL");
    assert_false(ct_train_save(NULL, path)), assert_error("train_save: state is NULL");
    only.numbers = (const ct_train_number[]){{"best", NULL}, {0}};
    assert_false(ct_train_peek(&only, path)), assert_error("train_peek: number best: value is NULL");
    refuse(&r, path_of("none"), "cannot open");
    assert_true(ct_module_save(r.state.module, path));
    refuse(&r, path, "no checkpoint: its metadata have no cotangent_checkpoint");
    end(&r);
    unlink(path);
}

/* The file anew with one of its metadata changed, NULL: without it. */
static void rewrite(const char *from, const char *to, const char *key, const char *value)
{
    CT_SCOPE;
    static const char *const keys[] = {"cotangent_checkpoint", "epoch", "step", "generator", "generator.own", "number.best", "number.sum",
        "optimizer.optimizer", "optimizer.options", "optimizer.parameters", "optimizer.skip_reason", "schedule.schedule", "average.updates",
        "average.decay", "loader.samples", "loader.batch_size", "loader.order", "loader.drop_last", "loader.seed", "loader.epoch", "loader.batch"};
    enum { KEYS = sizeof keys / sizeof *keys };
    ct_metadata metadata[KEYS];
    ct_named_tensor tensors[256];
    size_t count = 0, notes = 0;
    ct_tensor_file *file = ct_io_safetensors_open(from);
    for (; ct_tensor_file_name(file, count); count++)
        tensors[count] = (ct_named_tensor){ct_tensor_file_name(file, count), ct_tensor_file_read(file, ct_tensor_file_name(file, count))};
    for (int i = 0; i < KEYS; i++) {
        const char *now = strcmp(keys[i], key) ? ct_tensor_file_metadata(file, keys[i]) : value;
        if (now)
            metadata[notes++] = (ct_metadata){keys[i], now};
    }
    assert_true(ct_io_safetensors_write(to, tensors, count, metadata, notes));
    ct_free(file);
}

static void test_metadata_that_cannot_be_are_refused(void **state)
{
    (void)state;
    static const struct { const char *key, *value, *message; } rows[] = {
        {"cotangent_checkpoint", "0", "a checkpoint of version 0, want 1"}, {"cotangent_checkpoint", "2", "a checkpoint of version 2, want 1"},
        {"epoch", "-1", "epoch -1: want a whole number"}, {"epoch", "0.5", "epoch 0.5: want a whole number"}, {"step", "", "step \"\" is no number"},
        {"step", "nan", "step nan: want a whole number"}, {"step", "1e300", "want a whole number"}, {"step", "3 ", "step \"3 \" is no number"},
        {"step", NULL, "its metadata have no step"}, {"generator", "1", "generator 1: want seed and position"},
        {"generator", "1 2 3", "generator 1 2 3: want seed and position"}, {"generator", NULL, "generator is missing: want seed and position"},
        {"number.best", "low", "number.best \"low\" is no number"}, {"optimizer.optimizer", "adam", "state of the optimizer adam, want one of sgd"},
        {"optimizer.options", NULL, "its options are not those of this sgd"}, {"schedule.schedule", "step\n", "state of another schedule"},
        {"average.updates", "-3", "average.updates -3: want a whole number"}, {"average.decay", "1", "averages with a decay of 1, here it is 0.9"},
        {"loader.epoch", "-1", "loader.epoch -1: want a whole number"}, {"loader.batch", "8", "the loader stands at batch 8 of 7"},
        {"loader.seed", "x", "the loader's seed is x, here 0"},
    };
    const char *path = run_file, *bad = bad_file;
    struct run r;
    save_some(path);
    begin_some(&r);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        rewrite(path, bad, rows[i].key, rows[i].value);
        refuse(&r, bad, rows[i].message);
    }
    rewrite(path, bad, "", "");
    assert_true(ct_train_load(&r.state, bad));
    end(&r);
    unlink(path), unlink(bad);
    assert_fine();
}

/* A locale may write a comma where another reads a point. */
static void test_numbers_are_the_same_in_every_locale(void **state)
{
    (void)state;
    static const double values[] = {0.1, -1.0 / 3, 1e300, -0x1p-1074, 0x1.fffffffffffffp-1023, DBL_MAX, 0x1p53 + 2, 12345, -0.0, INFINITY, -INFINITY};
    ct_module *net = ct_nn_linear(1, 1);
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        double value = values[i];
        ct_train_state s = {.module = net, .numbers = (const ct_train_number[]){{"x", &value}, {0}}};
        assert_true(ct_train_save(&s, run_file));
        ct_tensor_file *file = ct_io_safetensors_open(run_file);
        const char *text = ct_tensor_file_metadata(file, "number.x");
        if (strpbrk(text, ".,"))
            fail_msg("%g is written as \"%s\"", value, text);
        ct_free(file);
        value = 7;
        assert_true(ct_train_load(&s, run_file));
        assert_memory_equal(&value, &values[i], sizeof value);
    }
    ct_free(net);
    unlink(run_file);
}

static void test_a_file_cut_anywhere_changes_nothing(void **state)
{
    (void)state;
    const char *path = run_file, *bad = bad_file;
    struct run r;
    save_some(path);
    struct bytes whole = read_bytes(path);
    begin_some(&r);
    struct bytes before = bytes_of(&r);
    for (size_t length = 0; length < whole.count; length += length < 64 ? 1 : whole.count / 97) {
        write_file(bad, whole.at, length);
        assert_false(ct_train_load(&r.state, bad));
        assert_error(bad);
    }
    assert_is(&r, before, "cut");
    free(whole.at), free(before.at);
    end(&r);
    unlink(path), unlink(bad);
}

static void test_each_failed_allocation_of_a_load_changes_nothing(void **state)
{
    (void)state;
    const char *path = run_file;
    struct run r;
    save_some(path);
    begin_some(&r);
    struct bytes before = bytes_of(&r);
    for (int64_t after = 0;; after++) {
        ct_memory_trim();
        memory_fail_after(after);
        const bool good = ct_train_load(&r.state, path), struck = memory_failed_one();
        memory_fail_after(-1);
        if (good && !struck)
            break;
        if (good == struck || good == !ct_ok())
            fail_msg("allocation %d failed: load says %d, \"%s\"", (int)after, good, ct_error());
        ct_error_clear();
        if (after % 16 == 0)
            assert_is(&r, before, "without memory");
    }
    free(before.at);
    end(&r);
    for (int64_t after = 0, struck = 1; struck; after++) {
        begin_some(&r);
        memory_fail_after(after);
        const bool good = ct_train_save(&r.state, bad_file);
        struck = memory_failed_one();
        memory_fail_after(-1);
        assert_true(good != (bool)struck && good == ct_ok());
        ct_error_clear();
        end(&r);
        after += after / 8;
    }
    unlink(path), unlink(bad_file);
}

static void test_gathered_gradients_want_a_leaf_that_wants_them(void **state)
{
    (void)state;
    const char *path = run_file;
    double losses[STEPS_MOST];
    struct run r;
    begin(&r, &tasks[2], 1);
    run_to(&r, 2, losses);
    assert_true(ct_train_save(&r.state, path));
    assert_true(ct_train_load(&r.state, path));
    ct_tensor *embedding = ct_module_find(r.state.module, "embedding.weight");
    assert_non_null(embedding);
    ct_require_grad(embedding, false);
    refuse(&r, path, "gathers a gradient of embedding.weight, which wants none here");
    end(&r);
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_run_goes_on_bit_for_bit_from_any_step),
        cmocka_unit_test(test_a_run_that_is_killed_again_and_again_is_the_same_run),
        cmocka_unit_test(test_another_model_optimizer_or_loader_is_refused_and_changes_nothing),
        cmocka_unit_test(test_what_a_file_lacks_is_named),
        cmocka_unit_test(test_metadata_that_cannot_be_are_refused),
        cmocka_unit_test(test_numbers_are_the_same_in_every_locale),
        cmocka_unit_test(test_a_file_cut_anywhere_changes_nothing),
        cmocka_unit_test(test_each_failed_allocation_of_a_load_changes_nothing),
        cmocka_unit_test(test_gathered_gradients_want_a_leaf_that_wants_them),
    };
    const int failed = cmocka_run_group_tests(tests, make_paths, remove_folder);
    ct_shutdown();
    return failed;
}
