/* Files for the fuzzers to begin with: one of each format and form, in folders named after the targets. $1: where. */
#include "../zoo.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static const char *root;

static const char *in(const char *target, const char *name)
{
    static char path[4096];
    snprintf(path, sizeof path, "%s/%s", root, target);
    if (mkdir(path, 0777) && errno != EEXIST)
        ct_fail("%s: %s", path, strerror(errno));
    snprintf(path, sizeof path, "%s/%s/%s", root, target, name);
    return path;
}

static void make_raw(const char *target, const char *name, const void *prefix, size_t count, const char *header)
{
    FILE *file = fopen(in(target, name), "wb");
    if (!file) {
        ct_fail("%s: %s", in(target, name), strerror(errno));
        return;
    }
    fwrite(prefix, 1, count, file);
    fputs(header, file);
    if (count)
        fwrite("\0\1\0\1\0\1\0\1", 1, 8, file);
    fclose(file);
}

static void make_headers(void)
{
    static const char *const safetensors[] = {"U8", "I8", "U16", "I16", "U32", "I32", "F16", "BF16"};
    static const char *const npy[] = {"|u1", ">i2", "<i4", ">f2", ">f8", "<u2"};
    static const int bytes[] = {1, 1, 2, 2, 4, 4, 2, 2}, npy_bytes[] = {1, 2, 4, 2, 8, 2};
    for (size_t i = 0; i < sizeof safetensors / sizeof *safetensors; i++) {
        char header[128];
        snprintf(header, sizeof header, "{\"x\":{\"dtype\":\"%s\",\"shape\":[%d],\"data_offsets\":[0,8]}}", safetensors[i], 8 / bytes[i]);
        make_raw("safetensors", safetensors[i], (char[8]){(char)strlen(header)}, 8, header);
    }
    for (size_t i = 0; i < sizeof npy / sizeof *npy; i++) {
        char header[128], name[2] = {(char)('a' + (int)i)};
        snprintf(header, sizeof header, "{'descr': '%s', 'fortran_order': %s, 'shape': (%d, 1), }", npy[i], i % 2 ? "True" : "False", 8 / npy_bytes[i]);
        const char version = (char)(i % 3 + 1);
        char prefix[12] = {'\x93', 'N', 'U', 'M', 'P', 'Y', version, 0, (char)strlen(header)};
        make_raw("npy", name, prefix, version > 1 ? 12 : 10, header);
    }
}

/* The layers of every model as text. */
static void make_models(void)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/model.safetensors", root);
    for (size_t i = 0; i < ZOO_COUNT && ct_ok(); i++) {
        ct_module *net = zoo[i].make();
        ct_tensor_file *file = ct_model_save(net, path) ? ct_io_safetensors_open(path) : NULL;
        if (file)
            make_raw("model", zoo[i].name, "", 0, ct_tensor_file_metadata(file, "cotangent.model"));
        ct_free(file), ct_free(net);
    }
    remove(path);
}

int main(int count, char **words)
{
    if (count != 2) {
        fprintf(stderr, "usage: %s DIR\n", words[0]);
        return 2;
    }
    root = words[1];
    ct_tensor *x = ct_reshape(ct_arange(6.0), 2, 3);
    const ct_named_tensor tensors[] = {{"a.weight", x}, {"b/c", ct_gt(x, 2.0)}, {"d", ct_vector_int(1, 2)}, {"e", ct_zeros(0, 2)}};
    const ct_metadata metadata[] = {{"format", "pt"}};
    make_headers();
    make_models();
    ct_io_safetensors_write(in("safetensors", "written"), tensors, 4, metadata, 1);
    ct_io_npy_write(in("npy", "written"), x);
    if (ct_io_has_npz()) {
        ct_io_npz_write(in("npz", "stored"), tensors, 4, false);
        ct_io_npz_write(in("npz", "deflated"), tensors, 4, true);
        ct_io_npz_write(in("npz", "empty"), NULL, 0, true);
    }
    if (ct_io_has_png()) {
        ct_io_png_write(in("png", "grey"), ct_ones(4, 3));
        ct_io_png_write(in("png", "colour"), ct_zeros(3, 2, 5));
    }
    const int failed = ct_report_error();
    ct_shutdown();
    return failed;
}
