/* Saves that fail or are killed at any point: the old file or the new one is there, whole. The linker sends the system calls of the
 * library here first (--wrap). */
#define _GNU_SOURCE
#include <cotangent.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "temp_folder.h"

/* ---- Failing system calls -------------------------------------------------------------------------------------------- */
enum call { OPEN, FCHMOD, WRITE, FSYNC, CLOSE, RENAME, LSEEK, CALLS };
static const char *const call_names[CALLS] = {"open", "fchmod", "write", "fsync", "close", "rename", "lseek"};
static struct {
    bool armed, shortened, struck, renamed;
    enum call call;
    mode_t mode;                                /* that the latest file was made with */
    int after, reason;                          /* the call number `after` fails, 0 is the next; reason 0: a write is cut short, the next meets a full disk */
} plan;

static bool fails(enum call call)
{
    if (!plan.armed || plan.call != call || plan.after-- != 0)
        return false;
    plan.struck = true;
    errno = plan.reason;
    return true;
}

int __real_open(const char *path, int flags, ...);
int __real_fchmod(int descriptor, mode_t mode);
ssize_t __real_write(int descriptor, const void *bytes, size_t count);
int __real_fsync(int descriptor);
int __real_close(int descriptor);
int __real_rename(const char *from, const char *to);
off_t __real_lseek(int descriptor, off_t offset, int whence);

int __wrap_open(const char *path, int flags, ...);
int __wrap_fchmod(int descriptor, mode_t mode);
ssize_t __wrap_write(int descriptor, const void *bytes, size_t count);
int __wrap_fsync(int descriptor);
int __wrap_close(int descriptor);
int __wrap_rename(const char *from, const char *to);
off_t __wrap_lseek(int descriptor, off_t offset, int whence);

/* Where files' offsets are made 64 bits wide by other names, those are what the library calls, and what we call too. */
int __wrap_open64(const char *path, int flags, ...) __attribute__((alias("__wrap_open")));
off_t __wrap_lseek64(int descriptor, off_t offset, int whence) __attribute__((alias("__wrap_lseek")));

int __wrap_open(const char *path, int flags, ...)
{
    va_list arguments;
    va_start(arguments, flags);
    const mode_t mode = flags & O_CREAT ? va_arg(arguments, mode_t) : 0;
    va_end(arguments);
    if (flags & O_CREAT)
        plan.mode = mode;
    return fails(OPEN) ? -1 : __real_open(path, flags, mode);
}

int __wrap_fchmod(int descriptor, mode_t mode)
{
    return fails(FCHMOD) ? -1 : __real_fchmod(descriptor, mode);
}

ssize_t __wrap_write(int descriptor, const void *bytes, size_t count)
{
    if (plan.shortened) {
        plan.shortened = false;
        errno = ENOSPC;
        return -1;
    }
    if (!fails(WRITE))
        return __real_write(descriptor, bytes, count);
    plan.shortened = plan.reason == 0;
    return plan.shortened ? __real_write(descriptor, bytes, count / 2) : -1;
}

int __wrap_fsync(int descriptor)
{
    return fails(FSYNC) ? -1 : __real_fsync(descriptor);
}

int __wrap_close(int descriptor)                /* closed even where it reports a failure, as on Linux */
{
    const bool bad = fails(CLOSE);
    const int reason = errno, status = __real_close(descriptor);
    errno = bad ? reason : errno;
    return bad ? -1 : status;
}

int __wrap_rename(const char *from, const char *to)
{
    if (fails(RENAME))
        return -1;
    plan.renamed = true;
    return __real_rename(from, to);
}

off_t __wrap_lseek(int descriptor, off_t offset, int whence)
{
    return fails(LSEEK) ? -1 : __real_lseek(descriptor, offset, whence);
}

/* ---- Formats ----------------------------------------------------------------------------------------------------------- */
static bool save_safetensors(const char *path, ct_tensor *x)
{
    return ct_io_safetensors_write(path, (ct_named_tensor[]){{"x", x}, {"y", ct_transpose(x, 0, 1)}}, 2, NULL, 0);
}

static bool save_npz(const char *path, ct_tensor *x)
{
    return ct_io_npz_write(path, (ct_named_tensor[]){{"x", x}, {"y", ct_transpose(x, 0, 1)}}, 2, false);
}

static bool save_deflated(const char *path, ct_tensor *x)
{
    return ct_io_npz_write(path, (ct_named_tensor[]){{"x", x}, {"y", ct_transpose(x, 0, 1)}}, 2, true);
}

static ct_tensor *load_from(ct_tensor_file *file)
{
    ct_tensor *x = file ? ct_tensor_file_read(file, "x") : NULL, *y = x ? ct_tensor_file_read(file, "y") : NULL;
    if (y && !ct_equal(ct_transpose(x, 0, 1), y))
        x = ct_fail("x and y are of different saves");
    ct_free(file);
    return x;
}

static ct_tensor *load_safetensors(const char *path)
{
    return load_from(ct_io_safetensors_open(path));
}

static ct_tensor *load_npz(const char *path)
{
    return load_from(ct_io_npz_open(path));
}

/* A module and its optimizer, whose state is full of one value too. */
static bool checkpoint(bool (*call)(ct_train_state *state, const char *path), const char *path, ct_tensor *x, ct_tensor **read)
{
    ct_tensor *p = ct_clone(x);
    ct_module *module = ct_nn_parameter_list(p);
    ct_optimizer *adam = ct_optim_adam(module);
    CT_NO_GRAD;
    ct_train_state state = {.module = module, .optimizer = adam};
    bool good = ct_copy_(ct_optimizer_state(adam, "0", "exp_avg"), x) && call(&state, path);
    if (good && read)
        *read = ct_equal(ct_optimizer_state(adam, "0", "exp_avg"), p) ? ct_clone(ct_detach(p)) : ct_fail("module and optimizer are of different saves");
    ct_free(adam), ct_free(module);
    return good;
}

static bool save_state(ct_train_state *state, const char *path)
{
    return ct_train_save(state, path);
}

static bool save_checkpoint(const char *path, ct_tensor *x)
{
    return checkpoint(save_state, path, x, NULL);
}

static ct_tensor *load_checkpoint(const char *path)
{
    ct_tensor_file *file = ct_io_safetensors_open(path);
    ct_tensor *like = file ? ct_tensor_file_read(file, "module.0") : NULL, *read = NULL;
    ct_free(file);
    return like && checkpoint(ct_train_load, path, ct_zeros_like(like), &read) ? read : NULL;
}

static bool always(void)
{
    return true;
}

static const struct format {
    const char *name;
    bool (*save)(const char *path, ct_tensor *x);
    ct_tensor *(*load)(const char *path);
    bool (*there)(void);
} formats[] = {
    {"safetensors", save_safetensors, load_safetensors, always},
    {"checkpoint", save_checkpoint, load_checkpoint, always},
    {"npy", ct_io_npy_write, ct_io_npy_read, always},
    {"npz", save_npz, load_npz, ct_io_has_npz},
    {"npz, deflated", save_deflated, load_npz, ct_io_has_npz},
    {"png", ct_io_png_write, ct_io_png_read, ct_io_has_png},
};
enum { FORMATS = sizeof formats / sizeof *formats };

/* The value of which the whole file is full; -1: it is torn or cannot be read. An image's numbers are 0 and 1, so all others are too. */
static double value_of(const struct format *format, const char *path)
{
    CT_SCOPE;
    ct_tensor *x = format->load(path);
    const double low = x ? ct_item(ct_amin(x)) : 0, high = x ? ct_item(ct_amax(x)) : 1;
    return low == high ? low : -1;
}

static bool save_value(const struct format *format, const char *path, double value, int64_t side)
{
    CT_SCOPE;
    return format->save(path, ct_full(value, side, side));
}

/* ---- Tests ---------------------------------------------------------------------------------------------------------------- */
static int strike(const struct format *format, enum call call, int reason, int after)
{
    const char *path = path_of("saved");
    assert_true(save_value(format, path, 0, 40));
    memset(&plan, 0, sizeof plan);
    plan.call = call, plan.reason = reason, plan.after = after, plan.armed = true;
    const bool saved = save_value(format, path, 1, 40);
    plan.armed = false;
    const bool tolerated = (reason == EINTR && (call == WRITE || call == CLOSE)) || (call == CLOSE && plan.renamed); /* of a folder that is synced */
    if (saved != (!plan.struck || tolerated))
        fail_msg("%s: %s number %d fails with %s: save says %d, \"%s\"", format->name, call_names[call], after, strerror(reason), saved, ct_error());
    if (!saved) {
        if (!strstr(ct_error(), path) || !strstr(ct_error(), strerror(reason ? reason : ENOSPC)))
            fail_msg("%s: %s number %d: \"%s\" names not the file and the reason", format->name, call_names[call], after, ct_error());
        ct_error_clear();
    }
    if (value_of(format, path) != (plan.renamed ? 1 : 0)) /* only the sync of the folder comes after the rename */
        fail_msg("%s: %s number %d fails: the file is not whole", format->name, call_names[call], after);
    assert_int_equal(count_files(), 1);
    unlink(path);
    return plan.struck;
}

static void test_every_call_of_a_save_fails_in_turn(void **state)
{
    (void)state;
    const int reasons[] = {EIO, ENOSPC, EDQUOT, EINTR, 0};
    for (int f = 0; f < FORMATS; f++)
        for (int call = 0; call < CALLS && formats[f].there(); call++)
            for (size_t r = 0; r < sizeof reasons / sizeof *reasons; r++) {
                if ((reasons[r] == 0 && call != WRITE) || (reasons[r] == EINTR && call != WRITE && call != CLOSE))
                    continue;
                int struck = 0;
                while (strike(&formats[f], (enum call)call, reasons[r], struck))
                    struck++;
                assert_true(struck >= (call == LSEEK ? 0 : call == CLOSE || call == FSYNC || call == OPEN ? 2 : 1));
            }
}

static void test_a_folder_that_cannot_sync_is_no_failure(void **state)
{
    (void)state;
    const char *path = path_of("saved");
    const int reasons[] = {EINVAL, ENOTSUP};
    for (int i = 0; i < 2; i++) {
        memset(&plan, 0, sizeof plan);
        plan.call = FSYNC, plan.reason = reasons[i], plan.after = 1, plan.armed = true;
        assert_true(save_value(&formats[0], path, 1, 4));
        plan.armed = false;
        assert_true(plan.struck);
        unlink(path);
    }
}

static void test_permissions_stay_and_are_never_wider(void **state)
{
    (void)state;
    const char *path = path_of("saved");
    struct stat status;
    for (int f = 0; f < FORMATS; f++) {
        if (!formats[f].there())
            continue;
        assert_true(save_value(&formats[f], path, 0, 4));
        assert_int_equal(plan.mode, 0666);      /* less the umask */
        assert_int_equal(chmod(path, 0640), 0);
        assert_true(save_value(&formats[f], path, 1, 4));
        assert_int_equal(plan.mode, 0640);
        assert_true(!stat(path, &status) && (status.st_mode & 07777) == 0640);
        unlink(path);
    }
}

static void remove_all(void)                    /* also what killed saves left beside the file */
{
    DIR *open = opendir(folder);
    for (struct dirent *entry; (entry = readdir(open));)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            unlinkat(dirfd(open), entry->d_name, 0);
    closedir(open);
}

/* Saves 0 and 1 in turn until it is killed. */
static void save_forever(const struct format *format, const char *path, int ready)
{
    for (int i = 1;; i++) {
        if (!save_value(format, path, i % 2, 300))
            _exit(1);
        if (i == 1 && __real_write(ready, "", 1) != 1)
            _exit(1);
    }
}

static void trial(const struct format *format, unsigned *seed)
{
    const char *path = path_of("saved");
    int ready[2], status;
    char byte;
    assert_int_equal(pipe(ready), 0);
    const pid_t child = fork();
    if (child == 0)
        save_forever(format, path, ready[1]);
    close(ready[1]);
    assert_int_equal(read(ready[0], &byte, 1), 1);
    close(ready[0]);
    *seed = *seed * 1664525 + 1013904223;
    nanosleep(&(struct timespec){.tv_nsec = (long)(*seed >> 8) % 5000000}, NULL);
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    const double value = value_of(format, path);
    assert_fine();
    if (value != 0 && value != 1)
        fail_msg("%s: killed while saving: the file is torn", format->name);
    remove_all();
}

static void test_a_killed_save_leaves_a_whole_file(void **state)
{
    (void)state;
    const char *wanted = getenv("CT_TEST_KILLS");
    const int kills = wanted ? atoi(wanted) : getenv("CT_TEST_QUICK") ? 10 : 50;
    assert_true(kills > 0);
    unsigned seed = 1;
    for (int i = 0; i < kills; i++)
        if (formats[i % FORMATS].there())
            trial(&formats[i % FORMATS], &seed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_call_of_a_save_fails_in_turn),
        cmocka_unit_test(test_a_folder_that_cannot_sync_is_no_failure),
        cmocka_unit_test(test_permissions_stay_and_are_never_wider),
        cmocka_unit_test(test_a_killed_save_leaves_a_whole_file),
    };
    const int failed = cmocka_run_group_tests(tests, make_folder, remove_folder);
    ct_shutdown();
    return failed;
}
