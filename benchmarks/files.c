/* files.c - how long tensor files take, beside reading the file's bytes alone. The file lies in the system's cache: what is timed is our
 * own work, which a disk would hide. */
#define _GNU_SOURCE
#include <cotangent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { TENSORS = 50, RUNS = 5 };
static int megabytes = 500;

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static bool read_alone(const char *path)        /* into memory of its own, as whoever loads must */
{
    const int descriptor = open(path, O_RDONLY | O_CLOEXEC);
    struct stat status;
    char *bytes = descriptor >= 0 && !fstat(descriptor, &status) ? malloc((size_t)status.st_size) : NULL;
    size_t done = 0;
    for (ssize_t got = 1; bytes && got > 0; done += (size_t)(got > 0 ? got : 0))
        got = read(descriptor, bytes + done, (size_t)status.st_size - done);
    const bool good = bytes && done == (size_t)status.st_size;
    free(bytes);
    if (descriptor >= 0)
        close(descriptor);
    return good || ct_fail("%s: cannot be read", path);
}

static bool read_all(ct_tensor_file *file)
{
    CT_SCOPE;
    for (size_t i = 0; i < ct_tensor_file_count(file); i++)
        ct_tensor_file_read(file, ct_tensor_file_name(file, i));
    ct_free(file);
    return ct_ok();
}

static bool read_copied(const char *path)
{
    return read_all(ct_io_safetensors_open(path));
}

static bool read_mapped(const char *path)
{
    return read_all(ct_io_safetensors_map(path));
}

static bool read_npz(const char *path)
{
    return read_all(ct_io_npz_open(path));
}

static double measure(const char *name, bool (*run)(const char *path), const char *path, double base)
{
    double best = 1e9;
    for (int i = 0; i < RUNS && ct_ok(); i++) {
        ct_shutdown();                          /* memory comes from the system, as in a program that has just begun */
        const double start = now();
        run(path);
        const double took = now() - start;
        best = took < best ? took : best;
    }
    if (ct_ok())
        printf("%-28s %10.2f ms %8.2f times reading\n", name, best * 1e3, base ? best / base : 1);
    fflush(stdout);
    return best;
}

static bool write_files(const char *path, const char *archive)
{
    CT_SCOPE;
    ct_named_tensor tensors[TENSORS];
    char names[TENSORS][16];
    for (int i = 0; i < TENSORS; i++) {
        snprintf(names[i], sizeof names[i], "layer%d", i);
        tensors[i] = (ct_named_tensor){names[i], ct_full(i, megabytes * 250000LL / TENSORS)};
    }
    const double start = now();
    ct_io_safetensors_write(path, tensors, TENSORS, NULL, 0);
    if (ct_ok())
        printf("%-28s %10.2f ms, synced\n", "safetensors, written", (now() - start) * 1e3);
    return ct_ok() && (!ct_io_has_npz() || ct_io_npz_write(archive, tensors, TENSORS, false));
}

static int usage(const char *program, int status)
{
    fprintf(status ? stderr : stdout,
            "usage: %s [--folder DIR] [--megabytes N]\n"
            "Prints how long a tensor file takes to load.\n"
            "  --folder DIR   where files of that size may be made and removed (default: here)\n"
            "  --megabytes N  size of the file (default 500)\n", program);
    return status;
}

int main(int count, char **words)
{
    const char *folder = ".";
    for (int at = 1; at < count; at++) {
        if (!strcmp(words[at], "--help"))
            return usage(words[0], 0);
        if (at + 1 < count && !strcmp(words[at], "--folder"))
            folder = words[++at];
        else if (at + 1 < count && !strcmp(words[at], "--megabytes") && atoi(words[at + 1]) > 0)
            megabytes = atoi(words[++at]);
        else
            return usage(words[0], 2);
    }
    char path[4096], archive[4096];
    snprintf(path, sizeof path, "%s/benchmark-files.safetensors", folder);
    snprintf(archive, sizeof archive, "%s/benchmark-files.npz", folder);
    if (write_files(path, archive)) {
        const double base = measure("reading the file", read_alone, path, 0);
        measure("safetensors, opened", read_copied, path, base);
        measure("safetensors, mapped", read_mapped, path, base);
        if (ct_io_has_npz())
            measure("npz, stored", read_npz, archive, base);
    }
    unlink(path), unlink(archive);
    const int failed = ct_report_error();
    ct_shutdown();
    return failed;
}
